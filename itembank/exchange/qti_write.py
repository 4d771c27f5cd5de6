"""An item as a QTI 3.0 assessment item.

What QTI has no place for (misconceptions, tags, the solution) stands in rubric blocks for scorers, as tables that a
person can read and `qti_read` reads back. Only for scorers: players show the blocks of every other view to students.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from itembank import __version__, mathtext, presentation
from itembank.answers import value_of
from itembank.exchange.qti_text import MATHML, elements
from itembank.item_model import Figure, Item

QTI3 = "http://www.imsglobal.org/xsd/imsqtiasi_v3p0"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XML = "http://www.w3.org/XML/1998/namespace"
SCHEMA3 = "https://purl.imsglobal.org/spec/qti/v3p0/schema/xsd/imsqti_asiv3p0_v1p0.xsd"
TEMPLATES = "https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/"
FACTS = (
    "grade", "concepts", "standards", "claim", "dok", "practices", "calculator", "points", "difficulty", "why",
    "enemies", "stimulus",
)  # fmt: skip


@dataclass(frozen=True)
class Written:
    """An item as QTI.

    Attributes:
        xml: the document; media: path beside the item -> bytes.
        losses: what a player will do differently from our scoring.
    """

    xml: bytes
    media: dict[str, bytes]
    losses: tuple[str, ...]


@dataclass
class _Work:
    item: Item
    language: str
    figures: dict[str, str] = field(default_factory=dict)
    media: dict[str, bytes] = field(default_factory=dict)
    losses: list[str] = field(default_factory=list)


def element(tag: str, attributes: dict[str, str] | None = None, *children: Any) -> Any:
    """An element without namespace; text among the children becomes text."""
    from lxml import etree

    made = etree.Element(tag, attributes or {})
    for child in children:
        if not isinstance(child, str):
            made.append(child)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + child
        else:
            made.text = (made.text or "") + child
    return made


def written(item: Item, language: str = "en") -> Written:
    """The item in one language (its own where there is no translation)."""
    work = _Work(item, language)
    texts = presentation.words(item, language)
    for figure in item.figures:
        _draw(work, figure)
    body = element("qti-item-body")
    if texts.stimulus:
        body.append(element("div", {"class": "stimulus"}, *elements(texts.stimulus, work.figures)))
    body.append(element("div", {"class": "stem"}, *elements(texts.stem, work.figures)))
    called = presentation.called(item, [texts.stem, *texts.options.values(), *texts.rows.values(), texts.solution])
    rest = [f.name for f in item.figures if f.name not in called and f.name in work.figures]
    if rest:
        body.append(element("div", {"class": "figures"}, *[_parsed(f"<p>{work.figures[n]}</p>") for n in rest]))
    declaration, interaction, processing = _KINDS[item.type](work, texts)
    body.append(interaction)
    body.append(_rubric("scorer", "scoring", "facts", [_facts(item)]))
    answers = _answers(work, texts)
    if answers is not None:
        body.append(_rubric("scorer", "scoring", "answers", [answers]))
    if texts.solution:
        body.append(_rubric("scorer", "scoring", "solution", elements(texts.solution, work.figures)))
    if item.variants and language == item.language:
        work.losses.append("the Spanish text is a separate export (--language es)")
    root = element(
        "qti-assessment-item",
        {
            "identifier": item.id,
            "title": texts.title,
            "adaptive": "false",
            "time-dependent": "false",
            f"{{{XML}}}lang": texts.language,
            "tool-name": "itembank",
            "tool-version": __version__,
        },
        declaration,
        _outcome("SCORE", "0", str(item.points)),
        _outcome("MAXSCORE", str(item.points)),
        body,
        *processing,
    )
    return Written(serialised(root, QTI3, SCHEMA3), work.media, tuple(work.losses))


def serialised(root: Any, namespace: str, schema: str) -> bytes:
    """The document, everything without a namespace put into this one; the same tree gives the same bytes."""
    from lxml import etree

    made = etree.Element(f"{{{namespace}}}{root.tag}", dict(root.attrib), nsmap={None: namespace, "xsi": XSI})
    made.set(f"{{{XSI}}}schemaLocation", f"{namespace} {schema}")
    made.text = root.text
    made.extend(list(root))
    for node in made.iter():
        if isinstance(node.tag, str) and not node.tag.startswith("{"):
            node.tag = f"{{{namespace}}}{node.tag}"
    etree.cleanup_namespaces(made, keep_ns_prefixes=["xsi"])
    found: bytes = etree.tostring(made, xml_declaration=True, encoding="UTF-8")
    return found


def _parsed(text: str) -> Any:
    from lxml import etree

    return etree.fromstring(text.encode())


def _draw(work: _Work, figure: Figure) -> None:
    from html import escape

    content = presentation.file_bytes(figure) if figure.kind == "file" else None
    if content is None:
        drawn = presentation.svg(figure, f"{work.item.id}-{figure.name}", work.language)
        if drawn is None:
            work.losses.append(f"figure {figure.name} cannot be drawn and is left out")
            return
        content = (drawn.encode(), ".svg")
    path = f"images/{work.item.id}-{figure.name}{'-es' * (work.language == 'es')}{content[1]}"
    work.media[path] = content[0]
    alt = escape(figure.description(work.language))
    work.figures[figure.name] = f'<img class="figure" src="{escape(path)}" alt="{alt}"/>'


def _outcome(name: str, value: str, maximum: str = "") -> Any:
    more = {"normal-maximum": maximum} if maximum else {}
    attributes = {"identifier": name, "cardinality": "single", "base-type": "float", **more}
    return element(
        "qti-outcome-declaration", attributes, element("qti-default-value", {}, element("qti-value", {}, value))
    )


def _rubric(view: str, use: str, kind: str, content: list[Any]) -> Any:
    body = element("qti-content-body", {}, element("div", {"class": f"itembank-{kind}"}, *content))
    return element("qti-rubric-block", {"view": view, "use": use}, body)


def _grid(rows: list[list[Any]]) -> Any:
    cells = [element("tr", {}, *[element("td", {}, *(c if isinstance(c, list) else [c])) for c in row]) for row in rows]
    return element("table", {}, element("tbody", {}, *cells))


def _facts(item: Item) -> Any:
    rows: list[list[Any]] = []
    for name in FACTS:
        value = getattr(item, name)
        if value not in ("", (), None):
            rows.append([name, ", ".join(value) if isinstance(value, tuple) else str(value)])
    for author in item.authors:
        rows.append(["author", f"{author.name} ({author.district})" if author.district else author.name])
    return _grid(rows)


def _answers(work: _Work, texts: presentation.Words) -> Any:
    """What each answer means: answer, key or misconception, tolerance or value."""
    item = work.item

    def role(key: bool, misconception: str) -> str:
        return "key" if key else misconception

    rows: list[list[Any]] = [[o.letter, role(o.key, o.misconception), o.value] for o in item.options]
    rows += [[elements(a.text, inline=True), role(a.key, a.misconception), a.tolerance] for a in item.answers]
    rows += [[f"{r.id} {c}", m, ""] for r in item.rows for c, m in r.misconceptions]
    rows += [[elements(x.text, inline=True), f"error {x.misconception}", ""] for x in item.errors]
    rows += [[elements(texts.levels[x.points], work.figures, True), f"level {x.points}", ""] for x in item.levels]
    return _grid(rows) if rows else None


def _declared(kind: str, base: str, correct: list[str], mapping: Any = None) -> Any:
    attributes = {"identifier": "RESPONSE", "cardinality": kind, "base-type": base}
    made = element("qti-response-declaration", attributes)
    if correct:
        made.append(element("qti-correct-response", {}, *[element("qti-value", {}, v) for v in correct]))
    if mapping is not None:
        made.append(mapping)
    return made


def _template(name: str) -> list[Any]:
    return [element("qti-response-processing", {"template": f"{TEMPLATES}{name}.xml"})]


def _variable(name: str) -> Any:
    return element("qti-variable", {"identifier": name})


def _correct() -> Any:
    return element("qti-correct", {"identifier": "RESPONSE"})


def _value(value: float) -> Any:
    return element("qti-base-value", {"base-type": "float"}, f"{value:.12g}")


def _score(expression: Any) -> Any:
    return element("qti-set-outcome-value", {"identifier": "SCORE"}, expression)


def _when(test: Any, points: int) -> list[Any]:
    """All the points when the test holds, none otherwise."""
    holds = element("qti-response-if", {}, test, _score(_value(points)))
    otherwise = element("qti-response-else", {}, _score(_value(0)))
    return [element("qti-response-processing", {}, element("qti-response-condition", {}, holds, otherwise))]


def _share(points: int, count: int) -> list[Any]:
    """The whole points in points × mapped sum / count, as we score partial credit."""
    product = element("qti-product", {}, element("qti-map-response", {"identifier": "RESPONSE"}), _value(points))
    share = element("qti-truncate", {}, element("qti-divide", {}, product, _value(count)))
    nothing = element("qti-is-null", {}, _variable("RESPONSE"))
    condition = element(
        "qti-response-condition",
        {},
        element("qti-response-if", {}, nothing, _score(_value(0))),
        element("qti-response-else", {}, _score(element("qti-integer-to-float", {}, share))),
    )
    return [element("qti-response-processing", {}, condition)]


def _mapping(entries: list[tuple[str, float]], low: bool = False) -> Any:
    attributes = {"default-value": "0", **({"lower-bound": "0"} if low else {})}
    made = [
        element("qti-map-entry", {"map-key": k, "mapped-value": f"{v:g}", "case-sensitive": "false"})
        for k, v in entries
    ]
    return element("qti-mapping", attributes, *made)


def _choice(work: _Work, texts: presentation.Words) -> tuple[Any, Any, list[Any]]:
    item = work.item
    many = item.type == "multi-select"
    interaction = element(
        "qti-choice-interaction",
        {"response-identifier": "RESPONSE", "shuffle": "false", "max-choices": "0" if many else "1"},
        *[
            element(
                "qti-simple-choice", {"identifier": o.letter}, *elements(texts.options[o.letter], work.figures, True)
            )
            for o in item.options
        ],
    )
    keys = list(item.keys)
    match = element("qti-match", {}, _variable("RESPONSE"), _correct())
    if not many and len(keys) > 1:
        test = element("qti-member", {}, _variable("RESPONSE"), element("qti-multiple", {}, *[
            element("qti-base-value", {"base-type": "identifier"}, k) for k in keys]))  # fmt: skip
        return _declared("single", "identifier", keys[:1]), interaction, _when(test, item.points)
    if many and item.points > 1:
        entries = [(o.letter, 1.0 if o.key else -1.0) for o in item.options]
        mapping = _mapping(entries, True)
        return _declared("multiple", "identifier", keys, mapping), interaction, _share(item.points, len(keys))
    declared = _declared("multiple" if many else "single", "identifier", keys)
    return declared, interaction, _template("match_correct") if item.points == 1 else _when(match, item.points)


def _typed(work: _Work, texts: presentation.Words) -> tuple[Any, Any, list[Any]]:
    item = work.item
    keys = [a for a in item.answers if a.key]
    entry = {"response-identifier": "RESPONSE", "expected-length": "20", "class": "qti-input-width-20"}
    interaction = element("div", {"class": "answer"}, element("p", {}, element("qti-text-entry-interaction", entry)))
    first = mathtext.typed(keys[0].text) if keys else ""
    value = value_of(first) if item.type == "numeric" else None
    if value is not None and len(keys) == 1 and "/" not in first:
        interaction[0][0].attrib.update(_NUMBERS_ONLY)
        test = _near(value, value_of(keys[0].tolerance) if keys[0].tolerance else None)
        work.losses.append("a player takes decimals only: a fraction cannot be typed there")
        return _declared("single", "float", [f"{float(value):.12g}"]), interaction, _when(test, item.points)
    typed = [mathtext.typed(a.text) for a in keys]
    accepted = dict.fromkeys(s for t in typed for s in (spellings(t) if item.type == "numeric" else [t]))
    work.losses.append("a player compares the answer as text; other spellings are scored here")
    mapping = _mapping([(s, float(item.points)) for s in accepted])
    return _declared("single", "string", [first] if first else [], mapping), interaction, _template("map_response")


# Only digits go in: a student who types a fraction sees that it is not taken, instead of losing the point unseen.
_NUMBERS_ONLY = {
    "pattern-mask": "[+\\-]?[0-9]*[.]?[0-9]*",
    "data-patternmask-message": "0 1 2 3 4 5 6 7 8 9 . -",
}


def _near(value: Fraction, tolerance: Fraction | None) -> Any:
    """Whether the response is the value, within the tolerance.

    The comparison with the lower end says nothing new of numbers. It is there because what is no number (`-` alone) is
    neither below nor above in players, and so within every tolerance.
    """
    if not tolerance:
        return element("qti-equal", {"tolerance-mode": "exact"}, _variable("RESPONSE"), _correct())
    mode = {"tolerance-mode": "absolute", "tolerance": f"{float(tolerance):.12g}"}
    near = element("qti-equal", mode, _variable("RESPONSE"), _correct())
    lowest = _value(float(value - tolerance))
    return element("qti-and", {}, near, element("qti-gte", {}, _variable("RESPONSE"), lowest))


def spellings(text: str) -> list[str]:
    """A number as a student may type it."""
    value = value_of(text)
    found = [text]
    if value is not None:
        found.append(f"{value.numerator}/{value.denominator}" if value.denominator != 1 else str(value.numerator))
        if 10**9 % value.denominator == 0 or float(value).is_integer():
            found.append(f"{float(value):.12g}")
    return found


def _match(work: _Work, texts: presentation.Words) -> tuple[Any, Any, list[Any]]:
    item = work.item
    several = any(len(r.keys) != 1 for r in item.rows)
    most = len(item.columns) if several else 1
    rows = [
        element("qti-simple-associable-choice", {"identifier": f"R{r.id}", "match-max": str(most)},
                *elements(texts.rows[r.id], work.figures, True))
        for r in item.rows
    ]  # fmt: skip
    columns = [
        element("qti-simple-associable-choice", {"identifier": c.letter, "match-max": "0"},
                *elements(texts.columns[c.letter], work.figures, True))
        for c in item.columns
    ]  # fmt: skip
    interaction = element(
        "qti-match-interaction",
        {
            "response-identifier": "RESPONSE",
            "shuffle": "false",
            "max-associations": str(most * len(rows)),
            "class": "qti-match-tabular",
        },
        element("qti-simple-match-set", {}, *rows),
        element("qti-simple-match-set", {}, *columns),
    )
    pairs = [f"R{r.id} {k}" for r in item.rows for k in r.keys]
    if several or item.points == 1:
        if several and item.points > 1:
            work.losses.append("a player gives all points or none where rows have several right columns")
        match = element("qti-match", {}, _variable("RESPONSE"), _correct())
        processing = _template("match_correct") if item.points == 1 else _when(match, item.points)
        return _declared("multiple", "directedPair", pairs), interaction, processing
    mapping = _mapping([(p, 1.0) for p in pairs])
    return _declared("multiple", "directedPair", pairs, mapping), interaction, _share(item.points, len(rows))


def _written_answer(work: _Work, texts: presentation.Words) -> tuple[Any, Any, list[Any]]:
    work.losses.append("a person scores it; a player leaves SCORE at 0")
    attributes = {"response-identifier": "RESPONSE", "expected-lines": "6", "class": "qti-height-lines-6"}
    return _declared("single", "string", []), element("qti-extended-text-interaction", attributes), []


_KINDS = {
    "choice": _choice,
    "multi-select": _choice,
    "numeric": _typed,
    "short-text": _typed,
    "match": _match,
    "rubric": _written_answer,
}
__all__ = ["MATHML", "QTI3", "Written", "element", "serialised", "written"]
