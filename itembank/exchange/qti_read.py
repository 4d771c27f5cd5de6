"""A QTI item (2.1, 2.2 or 3.0) as one of ours, with everything that is left behind named."""

import base64
import copy
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from itembank.answers import value_of
from itembank.exchange import mathml, qti_losses
from itembank.exchange.qti_dialect import to_3
from itembank.exchange.qti_text import markdown, name, tex
from itembank.findings import Finding
from itembank.item_model import (
    Answer,
    Author,
    Column,
    Figure,
    Item,
    ItemType,
    MatchRow,
    Option,
    RubricError,
    RubricLevel,
    Verify,
)

INTERACTIONS = (
    "qti-choice-interaction", "qti-inline-choice-interaction", "qti-text-entry-interaction",
    "qti-extended-text-interaction", "qti-match-interaction",
)  # fmt: skip
IMPORTED = "imported from QTI"
BLANK = "\ue010"  # stands for an entry inside a sentence until the text is written


@dataclass
class _Work:
    source: str
    media: Callable[[str], bytes | None]
    found: list[Finding] = field(default_factory=list)
    figures: dict[str, Figure] = field(default_factory=dict)

    def note(self, node: Any, code: str, message: str, severity: str = "notice", hint: str = "") -> None:
        line = getattr(node, "sourceline", 0) or 0
        finding = Finding(self.source, line, code, severity, message, hint)  # type: ignore[arg-type]
        if finding not in self.found:
            self.found.append(finding)

    def text(self, node: Any, place: bool = True) -> str:
        return markdown(node, lambda image: self.figure(image, place))

    def figure(self, image: Any, place: bool = True) -> str:
        """An image becomes a picture file of the item; where it stands is kept."""
        href = image.get("src") or image.get("data") or ""
        path = PurePosixPath(href)
        content = self.media(href)
        if content is None or path.suffix.lower() not in (".svg", ".png") or len(content) > 1_000_000:
            why = "is not in the package" if content is None else "is no SVG or PNG of at most 1 MB"
            self.note(image, "left-picture", f"left behind: the picture {path.name[:60]!r} {why}", "warning")
            return ""
        called = re.sub(r"[^A-Za-z0-9-]+", "-", path.stem).strip("-").lower() or "picture"
        alt = (image.get("alt") or "").strip()
        if not alt:
            self.note(image, "no-alt", f"the picture {path.name[:60]!r} has no alt text", "warning", "write one")
        data = {"file": f"figures/{called}{path.suffix.lower()}"}
        self.figures[called] = Figure(called, "file", alt, data, 0, "", base64.b64encode(content).decode())
        return f"[figure: {called}]" if place else ""


def read(document: Any, source: str, media: Callable[[str], bytes | None]) -> tuple[Item | None, list[Finding]]:
    """Read one item.

    Args:
        document: root element of `safe.xml`; changed in place.
        source: name for the findings.
        media: path as the item writes it -> bytes of the package, or None.

    Returns:
        The item, None when its kind is not supported; and a finding for every thing left behind.
    """
    work = _Work(source, media)
    root = to_3(document)
    body = next(root.iter("qti-item-body"), None) if root is not None else None
    if root is None or body is None:
        work.note(document, "not-an-item", "this is no QTI item", "warning")
        return None, work.found
    _formulas(work, body)
    interactions = [n for n in body.iter() if name(n).endswith("-interaction")]
    if len(interactions) != 1 or interactions[0].tag not in INTERACTIONS:
        kinds = ", ".join(sorted({name(n).removeprefix("qti-") for n in interactions})) or "no interaction"
        work.note(root, "unsupported-item", f"left behind: the whole item ({len(interactions)} × {kinds})", "warning")
        return None, work.found
    interaction = interactions[0]
    declared = next(
        (d for d in root.iter("qti-response-declaration")
         if d.get("identifier") == interaction.get("response-identifier")), None
    )  # fmt: skip
    if declared is None:
        work.note(root, "no-response", "left behind: the whole item, its response is not declared", "warning")
        return None, work.found
    ours = any((d.get("class") or "") == "itembank-facts" for d in body.iter("div"))
    qti_losses.named(root, interaction, declared, ours, work.note)
    rubrics = {_kind(r): r for r in body.iter("qti-rubric-block")}
    facts = _facts(rubrics.get("facts"))
    answers = _rows(work, rubrics.get("answers"))
    for kind, block in rubrics.items():
        if kind not in ("facts", "answers", "solution"):
            work.note(block, "left-rubric", "left behind: a rubric block")
    stem, stimulus = _stem(work, body, interaction)
    parts = _parts(work, root, interaction, declared, answers)
    if parts is None:
        return None, work.found
    solution = work.text(rubrics["solution"]) if "solution" in rubrics else ""
    given = facts.get("points", [""])[0]
    points = int(given) if re.fullmatch("[1-9]|1[0-9]|20", given) else _points(root, declared)
    identifier = str(root.get("identifier") or "ITEM")
    safe_id = re.sub(r"[^A-Za-z0-9._-]+", "-", identifier).strip("-._")[:64] or "ITEM"
    if safe_id != identifier:
        work.note(root, "renamed", f"the item is called {safe_id} here")
    one = {k: v[0] for k, v in facts.items()}
    language = str(root.get("{http://www.w3.org/XML/1998/namespace}lang") or "en")[:2]
    difficulty = one.get("difficulty", "")
    item = Item(
        safe_id,
        str(root.get("title") or safe_id),
        one.get("grade", ""),
        _listed(one, "concepts"),
        stem=stem,
        standards=_listed(one, "standards"),
        claim=one.get("claim", ""),
        dok=one.get("dok", ""),
        practices=_listed(one, "practices"),
        calculator=one.get("calculator", "neutral"),
        points=points,
        language=language if language in ("en", "es") else "en",
        authors=tuple(_author(a) for a in facts.get("author", [])),
        difficulty=float(difficulty) if re.fullmatch(r"0?\.\d+|[01](\.\d+)?", difficulty) else None,
        why=one.get("why", ""),
        enemies=_listed(one, "enemies"),
        stimulus=one.get("stimulus", "stimuli/" + safe_id.lower() + ".md" if stimulus else ""),
        stimulus_text=stimulus,
        solution=solution,
        figures=tuple(work.figures.values()),
        verify=Verify(reason=IMPORTED),
        source=source,
        **parts,
    )
    return item, work.found


def _formulas(work: _Work, body: Any) -> None:
    """Every formula gets its LaTeX beside it; what cannot be said in LaTeX becomes its text."""
    from lxml import etree

    for math in list(body.iter("math")):
        if tex(math):
            continue
        source = mathml.to_tex(math)
        if source is None:
            work.note(math, "left-math", "a formula outside of our subset became plain text", "warning", "retype it")
            source = "\\text{" + re.sub(r"[^\w .,+=-]", " ", "".join(math.itertext())).strip() + "}"
        note = etree.SubElement(math, "annotation", encoding="application/x-tex")
        note.text = source


def _kind(block: Any) -> str:
    for node in block.iter("div"):
        if (node.get("class") or "").startswith("itembank-"):
            return str(node.get("class")).removeprefix("itembank-")
    return "other"


def _facts(block: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in block.iter("tr") if block is not None else ():
        cells = ["".join(c.itertext()).strip() for c in row if name(c) == "td"]
        if len(cells) == 2 and cells[1]:
            found.setdefault(cells[0], []).append(cells[1])
    return found


def _rows(work: _Work, block: Any) -> list[tuple[str, str, str]]:
    """(answer as Markdown, role, tolerance or value)."""
    found = []
    for row in block.iter("tr") if block is not None else ():
        cells = [c for c in row if name(c) == "td"]
        if len(cells) == 3:
            found.append(
                (work.text(cells[0]), "".join(cells[1].itertext()).strip(), "".join(cells[2].itertext()).strip())
            )
    return found


def _listed(facts: dict[str, str], key: str) -> tuple[str, ...]:
    return tuple(v.strip() for v in facts.get(key, "").split(",") if v.strip())


def _author(text: str) -> Author:
    match = re.fullmatch(r"(.*) \(([^)]*)\)", text)
    return Author(match.group(1), match.group(2)) if match else Author(text)


def _stem(work: _Work, body: Any, interaction: Any) -> tuple[str, str]:
    """(stem, stimulus); figures that follow the stem are taken in."""
    stimulus = next((d for d in body.iter("div") if d.get("class") == "stimulus"), None)
    shared = work.text(stimulus) if stimulus is not None else ""
    marked = [d for d in body.iter("div") if d.get("class") == "stem"]
    if marked:
        text = work.text(marked[0])
        for div in body.iter("div"):
            if div.get("class") == "figures":
                for image in div.iter("img"):
                    work.figure(image)
        return text, shared
    prompt = interaction.find("qti-prompt")
    asked = work.text(prompt) if prompt is not None else ""
    inline = interaction.tag in ("qti-text-entry-interaction", "qti-inline-choice-interaction")
    interaction.set("here", "1")
    bare = copy.deepcopy(body)
    blank = next(n for n in bare.iter() if n.get("here") == "1")
    gone = [*bare.iter("qti-rubric-block"), *[d for d in bare.iter("div") if d.get("class") == "stimulus"]]
    for node in [blank, *gone]:
        tail, parent = node.tail or "", node.getparent()
        fill = BLANK if inline and node is blank else ""
        before = node.getprevious()
        if before is not None:
            before.tail = (before.tail or "") + fill + tail
        else:
            parent.text = (parent.text or "") + fill + tail
        parent.remove(node)
    text = work.text(bare)
    text = text.removesuffix("\n\n" + BLANK).replace(BLANK, "______")
    return "\n\n".join(t for t in (text, asked) if t), shared


def _correct(declared: Any) -> list[str]:
    values = declared.find("qti-correct-response")
    found = [(v.text or "").strip() for v in values.iter("qti-value")] if values is not None else []
    if found:
        return found
    entries = [(e.get("map-key", ""), _number(e.get("mapped-value"))) for e in declared.iter("qti-map-entry")]
    best = max((v for _, v in entries), default=0)
    return [k for k, v in entries if v == best and v > 0]


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return 0.0


def _points(root: Any, declared: Any) -> int:
    for outcome in root.iter("qti-outcome-declaration"):
        if outcome.get("identifier") in ("SCORE", "MAXSCORE"):
            best = _number(outcome.get("normal-maximum")) or (
                _number("".join(outcome.itertext()).strip()) if outcome.get("identifier") == "MAXSCORE" else 0
            )
            if 1 <= best <= 20:
                return int(best)
    best = max((_number(e.get("mapped-value")) for e in declared.iter("qti-map-entry")), default=1)
    return int(best) if 1 <= best <= 20 and declared.get("cardinality") == "single" else 1


def _parts(
    work: _Work, root: Any, interaction: Any, declared: Any, answers: list[tuple[str, str, str]]
) -> dict[str, Any] | None:
    """Type, options, answers, rows of the item."""
    correct = _correct(declared)
    tag = interaction.tag
    if tag == "qti-extended-text-interaction":
        return _rubric(answers)
    if not correct:
        work.note(declared, "no-key", "left behind: the whole item, it names no right answer", "warning")
        return None
    if tag == "qti-match-interaction":
        return _match(work, interaction, correct, answers)
    if tag == "qti-text-entry-interaction":
        return _typed(work, root, declared, correct, answers)
    if interaction.get("shuffle") == "true":
        work.note(interaction, "left-shuffle", "left behind: the options' random order")
    many = declared.get("cardinality") != "single"
    meaning = {a: (role, value) for a, role, value in answers}
    choices = [c for c in interaction if name(c) in ("qti-simple-choice", "qti-inline-choice")]
    if len(choices) > 26:
        work.note(
            interaction, "unsupported-item", "left behind: the whole item, it has more than 26 options", "warning"
        )
        return None
    own = {c.get("identifier", "") for c in choices}
    lettered = [c.get("identifier", "") for c in choices] == [chr(65 + i) for i in range(len(choices))]
    options = []
    for i, choice in enumerate(choices):
        letter = chr(65 + i)
        key = choice.get("identifier", "") in correct
        role, value = meaning.get(letter, ("", "")) if lettered else ("", "")
        key = key or role == "key"
        options.append(Option(letter, key, "" if key else role, work.text(choice), value))
    if not set(correct) & own:
        work.note(declared, "no-key", "left behind: the whole item, its key is none of its options", "warning")
        return None
    kind: ItemType = "multi-select" if many else "choice"
    return {"type": kind, "options": tuple(options)}


def _rubric(answers: list[tuple[str, str, str]]) -> dict[str, Any]:
    levels = [RubricLevel(int(role[6:]), text) for text, role, _ in answers if re.fullmatch(r"level \d{1,3}", role)]
    wrong = [RubricError(role.removeprefix("error "), text) for text, role, _ in answers if role.startswith("error ")]
    return {"type": "rubric", "levels": tuple(levels), "errors": tuple(wrong)}


def _match(
    work: _Work, interaction: Any, correct: list[str], answers: list[tuple[str, str, str]]
) -> dict[str, Any] | None:
    sets = interaction.findall("qti-simple-match-set")
    if len(sets) != 2 or len(sets[1]) > 26:
        work.note(
            interaction, "unsupported-item", "left behind: the whole item, it has not two sets to match", "warning"
        )
        return None
    columns, letter = [], {}
    for i, choice in enumerate(c for c in sets[1] if name(c) == "qti-simple-associable-choice"):
        own = choice.get("identifier", "")
        letter[own] = own if re.fullmatch("[A-Z]", own) else chr(65 + i)
        columns.append(Column(letter[own], work.text(choice)))
    if len(set(letter.values())) < len(columns):
        letter = {own: chr(65 + i) for i, own in enumerate(letter)}
        columns = [Column(chr(65 + i), c.text) for i, c in enumerate(columns)]
    wrong: dict[str, list[tuple[str, str]]] = {}
    for place, misconception, _ in answers:
        row, _, column = place.partition(" ")
        wrong.setdefault(row, []).append((column, misconception))
    rows = []
    for i, choice in enumerate((c for c in sets[0] if name(c) == "qti-simple-associable-choice"), 1):
        own = choice.get("identifier", "")
        row = own[1:] if re.fullmatch(r"R\w+", own) else str(i)
        pairs = [p.split() for p in correct]
        keys = tuple(letter[p[1]] for p in pairs if len(p) == 2 and p[0] == own and p[1] in letter)
        rows.append(MatchRow(row, keys, tuple(wrong.get(row, ())), work.text(choice)))
    return {"type": "match", "columns": tuple(columns), "rows": tuple(rows)}


def _typed(
    work: _Work, root: Any, declared: Any, correct: list[str], answers: list[tuple[str, str, str]]
) -> dict[str, Any]:
    number = declared.get("base-type") in ("float", "integer") or all(value_of(c) is not None for c in correct)
    kind: ItemType = "numeric" if number else "short-text"
    if answers:
        given = [Answer(role == "key", "" if role == "key" else role, text, more) for text, role, more in answers]
        return {"type": kind, "answers": tuple(given)}
    tolerance = ""
    for test in root.iter("qti-equal"):
        values = str(test.get("tolerance") or "").split()
        if test.get("tolerance-mode") == "absolute" and values and len(set(values)) == 1:
            tolerance = values[0]
        elif test.get("tolerance-mode") not in (None, "exact"):
            work.note(
                test, "left-tolerance", "left behind: a relative or lopsided tolerance", "warning", "write it as ±"
            )
    accepted = list(dict.fromkeys(correct if number else correct + _accepted(declared)))
    return {"type": kind, "answers": tuple(Answer(True, "", text, tolerance) for text in accepted)}


def _accepted(declared: Any) -> list[str]:
    entries = [(e.get("map-key", ""), _number(e.get("mapped-value"))) for e in declared.iter("qti-map-entry")]
    best = max((v for _, v in entries), default=0)
    return [k for k, v in entries if v == best > 0]
