"""The checks of items: one small function for each rule, each yielding findings with a line and a hint."""

import difflib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from itembank import item_file, mathtext, verify
from itembank.catalogue import Catalogue
from itembank.findings import Finding, Severity
from itembank.item_model import Item
from itembank.verify_reading import latex_expression, readings
from itembank.verify_syntax import Expr, ExpressionError, names, written
from itembank.verify_values import equivalent, evaluate, same

Rule = Callable[[Item, "Surroundings"], Iterable[Finding]]
RULES: list[Rule] = []


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a rule may know beside the item: the catalogues and the other items' ids."""

    catalogue: Catalogue = field(default_factory=Catalogue)
    ids: frozenset[str] | None = None
    folder: Path | None = None


def rule(function: Rule) -> Rule:
    RULES.append(function)
    return function


def found(
    item: Item, line: int | str, code: str, message: str, hint: str = "", severity: Severity = "error", column: str = ""
) -> Finding:
    number = line if isinstance(line, int) else item.lines.get(line, 0)
    return Finding(item.source, number, code, severity, message, hint, column)


def check(item: Item, around: Surroundings | None = None) -> list[Finding]:
    """All findings of all rules on one item, by line."""
    around = around or Surroundings()
    return sorted((f for act in RULES for f in act(item, around)), key=lambda f: f.line)


# ---- texts ----


def texts(item: Item) -> Iterator[tuple[int, str]]:
    """Every text a student or reader sees, with its first line."""
    yield item.lines.get("stem", 0), item.stem
    yield item.lines.get("title", 0), item.title
    for group in (item.options, item.answers, item.rows, item.levels, item.errors):
        for part in group:
            yield part.line, part.text
    for column in item.columns:
        yield item.lines.get("match", 0), column.text
    start = item.lines.get("solution", 0)
    yield start + 1 + _blank(item.solution), item.solution
    if item.stimulus_text:
        yield item.lines.get("stimulus", 0), item.stimulus_text
    for figure in item.figures:
        yield figure.line, figure.alt
    for variant in item.variants:
        yield item.lines.get("stem-es", variant.line), variant.stem
        yield item.lines.get("solution-es", variant.line) + 1, variant.solution
        for text in (*variant.options.values(), *variant.columns.values()):
            yield item.lines.get("options-es", variant.line), text
        for text in (*variant.rows.values(), *variant.levels.values()):
            yield variant.line, text


def _blank(text: str) -> int:
    return 1 if text else 0


@rule
def math_is_in_the_subset(item: Item, around: Surroundings) -> Iterator[Finding]:
    for line, text in texts(item):
        for problem in mathtext.split(text).problems:
            yield found(item, line + problem.line, problem.code, problem.message, problem.hint)


_TAG = re.compile(
    r"<\s*[/!?]?\s*[A-Za-z!][^<]*?>|<\s*(script|img|iframe|style|svg|object|embed|a)\b|<!--", re.IGNORECASE
)
_LINK = re.compile(r"!?\[[^\]]*\]\(|\b(?:javascript|data|vbscript|https?|file):", re.IGNORECASE)


@rule
def no_html_no_links(item: Item, around: Surroundings) -> Iterator[Finding]:
    for line, text in texts(item):
        for segment in mathtext.split(text).segments:
            if segment.math:
                continue
            for pattern, code, message, hint in (
                (_TAG, "raw-html", "HTML in the text", "write Markdown; a comparison goes between dollars: $x < 3$"),
                (_LINK, "link", "a link in the text", "items are printed: say it in words, or use `figures`"),
            ):
                if match := pattern.search(segment.text):
                    at = line + segment.line + segment.text.count("\n", 0, match.start())
                    yield found(item, at, code, message, hint)


# ---- options, answers, rows ----


@rule
def right_number_of_keys(item: Item, around: Surroundings) -> Iterator[Finding]:
    if item.type == "choice" and item.options:
        if len(item.keys) > 1:
            second = [o for o in item.options if o.key][1]
            yield found(item, second.line, "two-keys", f"{len(item.keys)} options are the key: {', '.join(item.keys)}",
                        "one key; for several, `type: multi-select`")  # fmt: skip
        if not item.keys:
            yield found(item, "options", "no-key", "no option is the key", "write `- A [key]: ...`")
    if item.type == "multi-select" and item.options:
        if len(item.keys) < 2:
            yield found(item, "options", "too-few-keys", f"{len(item.keys)} key(s) in a multi-select item",
                        "two or more; for one, `type: choice`")  # fmt: skip
        if len(item.keys) == len(item.options):
            yield found(item, "options", "all-keys", "every option is a key", "add wrong options")
    if item.type in ("choice", "multi-select") and 0 < len(item.options) < 3:
        yield found(item, "options", "few-options", f"only {len(item.options)} options", "three or more", "warning")
    if item.type in ("numeric", "short-text") and "answers" in item.lines and not any(a.key for a in item.answers):
        yield found(item, "answers", "no-key", "no answer is the key", "write `- [key]: ...`")


@rule
def letters_in_order(item: Item, around: Surroundings) -> Iterator[Finding]:
    for option, wanted in zip(item.options, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", strict=False):
        if option.letter != wanted:
            yield found(item, option.line, "option-order", f"option {option.letter} stands where {wanted} belongs",
                        "letters run A, B, C ...")  # fmt: skip
            return


@rule
def wrong_options_have_misconceptions(item: Item, around: Surroundings) -> Iterator[Finding]:
    for option in item.options:
        if not option.key and not option.misconception:
            yield found(item, option.line, "no-misconception", f"option {option.letter} names no misconception",
                        f"write `- {option.letter} [misconception-id]: ...`")  # fmt: skip
    for row in item.rows:
        for letter, _ in row.misconceptions:
            if letter in row.keys:
                yield found(
                    item, row.line, "key-with-misconception", f"row {row.id}: column {letter} is right, and wrong"
                )
        if item.columns and len(item.columns) > len(row.keys) and not row.misconceptions:
            yield found(item, row.line, "no-misconception", f"row {row.id} names no misconception",
                        f"write `- {row.id} [P; N misconception-id]: ...`")  # fmt: skip


@rule
def misconceptions_are_known(item: Item, around: Surroundings) -> Iterator[Finding]:
    known = around.catalogue.misconceptions
    if known is None:
        return
    places = [(o.line, o.misconception) for o in item.options] + [(a.line, a.misconception) for a in item.answers]
    places += [(r.line, m) for r in item.rows for _, m in r.misconceptions]
    places += [(e.line, e.misconception) for e in item.errors]
    for line, name in places:
        if name and name not in known:
            yield found(item, line, "unknown-misconception", f"`{name}` is not in misconceptions.yaml",
                        _close(name, known))  # fmt: skip


def _close(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f"did you mean `{close[0]}`?" if close else "add it to the catalogue"


@rule
def concepts_are_known(item: Item, around: Surroundings) -> Iterator[Finding]:
    if not item.concepts:
        if "concepts" in item.lines:
            yield found(item, "concepts", "no-concept", "the item measures no concept", "concepts: [primary, others]")
        return
    known = around.catalogue.concepts
    for name in item.concepts if known is not None else ():
        if name not in (known or {}):
            yield found(item, "concepts", "unknown-concept", f"the concept `{name}` is not in concepts.yaml",
                        _close(name, known or ()))  # fmt: skip


@rule
def match_fits_its_columns(item: Item, around: Surroundings) -> Iterator[Finding]:
    if item.type != "match" or "match" not in item.lines:
        return
    letters = {c.letter for c in item.columns}
    if len(letters) < 2:
        yield found(item, "match", "columns", "a match item has two or more columns", "`- columns: P = ... | N = ...`")
        return
    if not item.rows:
        yield found(item, "match", "no-rows", "a match item has rows", "`- 1 [P; N misconception-id]: ...`")
    for row in item.rows:
        if not row.keys:
            yield found(item, row.line, "no-key", f"row {row.id} has no right column", "`- 1 [P; ...]: ...`")
        for letter in (*row.keys, *(c for c, _ in row.misconceptions)):
            if letter not in letters:
                yield found(item, row.line, "unknown-column", f"row {row.id}: there is no column {letter}")


@rule
def rubric_covers_its_points(item: Item, around: Surroundings) -> Iterator[Finding]:
    if item.type != "rubric" or "rubric" not in item.lines:
        return
    levels = {x.points for x in item.levels}
    missing = [p for p in range(item.points + 1) if p not in levels]
    if missing:
        yield found(item, "rubric", "rubric-levels", f"no level for {', '.join(map(str, missing))} points",
                    f"one line for each of 0 to {item.points}")  # fmt: skip
    for level in item.levels:
        if level.points > item.points:
            yield found(item, level.line, "rubric-levels", f"a level of {level.points} of {item.points} points")


@rule
def options_differ(item: Item, around: Surroundings) -> Iterator[Finding]:
    """No two options are equal in text; none equal in value, but for keys of a multi-select item."""
    said = [(o, " ".join((o.value or o.text).split()).lower()) for o in item.options]
    for i, (a, text) in enumerate(said):
        for b, other in said[i + 1 :]:
            if a.text.strip().lower() == b.text.strip().lower():
                yield found(item, b.line, "equal-options", f"options {a.letter} and {b.letter} have the same text")
            elif (
                item.verify.compare != "form"
                and not item.verify.statements
                and not (a.key and b.key)
                and (text == other or _equal(a.value or a.text, b.value or b.text))
            ):
                yield found(item, b.line, "equal-options", f"options {a.letter} and {b.letter} are equal in value",
                            "change one; where they differ in form on purpose: `compare: form` in verify")  # fmt: skip


def _equal(a: str, b: str) -> bool:
    first, second = readings(a), readings(b)
    if not first or not second or first[0].tree.kind == "text" or second[0].tree.kind == "text":
        return False
    if re.sub(r"[^a-z]+", "", _words(a)) != re.sub(r"[^a-z]+", "", _words(b)):  # 5 inches and 5 feet
        return False
    try:
        return equivalent(first[0].tree, second[0].tree, {})
    except ExpressionError:
        return False


def _words(text: str) -> str:
    """The words outside of math, units in the singular."""
    outside = " ".join(s.text for s in mathtext.split(text).segments if not s.math).lower()
    return " ".join(w.removesuffix("s") for w in re.findall(r"[a-z]+", outside) if w != "percent")


@rule
def answers_differ(item: Item, around: Surroundings) -> Iterator[Finding]:
    keys = [a for a in item.answers if a.key]
    for i, answer in enumerate(item.answers):
        if answer.key:
            continue
        for other in (*keys, *(a for a in item.answers[:i] if not a.key)):
            if answer.text.lower() == other.text.lower() or _equal(answer.text, other.text):
                if other.key:
                    yield found(item, answer.line, "equal-answers", f"{answer.misconception} leads to the key's answer",
                                "change the numbers, so that the misconception shows")  # fmt: skip
                elif answer.misconception != other.misconception:
                    yield found(item, answer.line, "equal-answers",
                                f"{answer.misconception} and {other.misconception} lead to the same answer",
                                "such an answer tells nothing about either", "warning")  # fmt: skip


@rule
def numeric_answers_are_numbers(item: Item, around: Surroundings) -> Iterator[Finding]:
    if item.type != "numeric":
        return
    for answer in item.answers:
        understood = readings(answer.text)
        if not understood or understood[0].tree.kind == "text":
            yield found(item, answer.line, "not-a-number", f"the answer `{answer.text[:40]}` is not a number",
                        "a number, fraction or percent; for words, `type: short-text`")  # fmt: skip


@rule
def key_is_not_the_longest(item: Item, around: Surroundings) -> Iterator[Finding]:
    if item.type != "choice" or len(item.options) < 3 or len(item.keys) != 1:
        return
    lengths = {o.letter: len(mathtext.plain(o.text)) for o in item.options}
    key = lengths[item.keys[0]]
    others = sorted(v for k, v in lengths.items() if k != item.keys[0])
    if key >= 40 and key > 1.5 * others[-1]:
        line = next(o.line for o in item.options if o.key)
        yield found(item, line, "longest-option", "the key is much longer than every other option",
                    "test-wise students choose the longest option: even them out", "notice")  # fmt: skip


# ---- solution, verify, figures, tags ----


@rule
def there_is_a_solution(item: Item, around: Surroundings) -> Iterator[Finding]:
    if not item.solution.strip():
        yield found(item, "type", "no-solution", "the item has no worked solution", "add `## Solution`", "warning")


@rule
def equations_of_the_solution_are_true(item: Item, around: Surroundings) -> Iterator[Finding]:
    """Each `=` between a computation and a number of the worked solution holds (`6 = 5` may be what it talks about)."""
    start = item.lines.get("solution", 0) + 1 + _blank(item.solution)
    for segment in mathtext.split(item.solution).segments:
        tree = latex_expression(segment.text) if segment.math and "approx" not in segment.text else None
        if tree is None or tree.kind != "compare" or "==" not in tree.text:
            continue
        for operator, left, right in zip(tree.text.split(","), tree.parts, tree.parts[1:], strict=False):
            if operator == "==" and not names(left) | names(right) and _differ(left, right):
                said = f"{written(left)} = {written(right)}"
                yield found(item, start + segment.line, "false-equation", f"the solution says {said}",
                            "correct it, or write \\approx where it is rounded", "warning")  # fmt: skip


def _differ(left: Expr, right: Expr) -> bool:
    if not {left.kind, right.kind} & {"binary", "call"}:
        return False
    try:
        return not same(evaluate(left, {}), evaluate(right, {}))
    except ExpressionError:
        return False


@rule
def verify_agrees(item: Item, around: Surroundings) -> Iterator[Finding]:
    yield from verify.check(item).findings


@rule
def figures_have_alt_text(item: Item, around: Surroundings) -> Iterator[Finding]:
    names = {f.name for f in item.figures}
    for figure in item.figures:
        if len(figure.alt) < 10:
            yield found(item, figure.line, "no-alt-text", f"figure `{figure.name}` has no alt text",
                        "`alt:` says what a person who cannot see it needs, without the answer")  # fmt: skip
        if not figure.alt_es and any(v.language == "es" and v.stem for v in item.variants):
            yield found(item, figure.line, "no-spanish-alt", f"figure `{figure.name}` has no Spanish alt text",
                        "add `alt-es:`", "notice")  # fmt: skip
    for line, text in texts(item):
        for match in re.finditer(r"\[figure:\s*([^\]]+?)\s*\]", text):
            if match.group(1) not in names:
                at = line + text.count("\n", 0, match.start())
                yield found(
                    item,
                    at,
                    "unknown-figure",
                    f"there is no figure `{match.group(1)[:40]}`",
                    _close(match.group(1), names),
                )


@rule
def figures_can_be_drawn(item: Item, around: Surroundings) -> Iterator[Finding]:
    if not item.figures:
        return
    from itembank import figures

    for figure in item.figures:
        for problem in figures.problems(figure):
            yield found(item, figure.line, "figure", f"figure `{figure.name}`: {problem.message}", problem.hint)


@rule
def figure_files_lie_in_the_bank(item: Item, around: Surroundings) -> Iterator[Finding]:
    for figure in item.figures:
        if figure.kind != "file":
            continue
        name = figure.data.get("file", figure.data.get("path", ""))
        path = item_file.inside(around.folder, str(name)) if around.folder is not None else None
        if around.folder is not None and path is None:
            yield found(item, figure.line, "path-outside", f"figure `{figure.name}` lies outside of the bank's folder",
                        "a path relative to the item, in the bank's folder")  # fmt: skip
        elif path is not None and not path.is_file():
            yield found(item, figure.line, "no-figure-file", f"figure `{figure.name}`: no file {str(name)[:80]}")
        elif path is not None and path.suffix.lower() not in (".svg", ".png"):
            yield found(item, figure.line, "figure-file", f"figure `{figure.name}` is neither SVG nor PNG")


@rule
def enemies_are_known(item: Item, around: Surroundings) -> Iterator[Finding]:
    for enemy in item.enemies:
        if enemy == item.id:
            yield found(item, "enemies", "own-enemy", "the item is its own enemy")
        elif around.ids is not None and enemy not in around.ids:
            yield found(item, "enemies", "unknown-enemy", f"the enemy `{enemy[:40]}` is not an item here",
                        _close(enemy, around.ids).replace("the catalogue", "the folder, or drop it"))  # fmt: skip


@rule
def difficulty_is_plausible(item: Item, around: Surroundings) -> Iterator[Finding]:
    if item.difficulty is not None and not 0.05 <= item.difficulty <= 0.98:
        yield found(item, "difficulty", "difficulty", f"a share of {item.difficulty:g} right answers",
                    "an item that nearly all or nearly none get right measures little", "warning")  # fmt: skip


@rule
def authors_say_their_district(item: Item, around: Surroundings) -> Iterator[Finding]:
    if not item.authors:
        yield found(
            item, "id", "no-author", "the item names no author", "authors: [{name: ..., district: A}]", "warning"
        )
    for author in item.authors:
        if not author.district:
            yield found(item, "authors", "no-district", f"{author.name[:40]} has no district",
                        "approval needs the other district: say whose item it is", "warning")  # fmt: skip


@rule
def spanish_is_whole(item: Item, around: Surroundings) -> Iterator[Finding]:
    for variant in item.variants:
        if not variant.stem:
            yield found(item, variant.line, "spanish-incomplete", "the Spanish variant has no stem", "add `## Español`")
        letters = [o.letter for o in item.options]
        for have, want, what, heading in (
            (list(variant.options), letters, "options", "Opciones"),
            (list(variant.rows), [r.id for r in item.rows], "rows", "Tabla"),
            (list(variant.columns), [c.letter for c in item.columns], "columns", "Tabla"),
        ):
            if have != want and (have or any(_has_words(item, what))):
                yield found(item, variant.line, "spanish-incomplete", f"the Spanish {what} differ from the English",
                            f"`## {heading}` has {', '.join(want) or 'nothing'}")  # fmt: skip
        yield from _same_numbers(item, variant.stem, variant.line)


def _has_words(item: Item, what: str) -> Iterator[bool]:
    for part in getattr(item, what):
        yield bool(_words(part.text))


def _same_numbers(item: Item, spanish: str, line: int) -> Iterator[Finding]:
    if not spanish:
        return
    formulas = [sorted(s.text for s in mathtext.split(t).segments if s.math) for t in (item.stem, spanish)]
    if formulas[0] != formulas[1]:
        odd = sorted(set(formulas[0]) ^ set(formulas[1]))
        if odd:
            yield found(item, item.lines.get("stem-es", line), "spanish-math",
                        f"the math of the two languages differs: ${odd[0][:40]}$",
                        "same numbers in both", "warning")  # fmt: skip


# ---- language ----

_VOWELS = re.compile(r"[aeiouy]+")


def reading_grade(text: str) -> float | None:
    """Flesch-Kincaid grade of the words of a text (Kincaid, Fishburne, Rogers & Chissom 1975); None below 30 words."""
    words = re.findall(r"[A-Za-z]+(?:'[a-z]+)?", text)
    words = [w for w in words if len(w) > 1 or w.lower() in ("a", "i")]
    if len(words) < 30:
        return None
    sentences = max(1, len(re.findall(r"[.!?:](?:\s|$)", text)))
    syllables = 0
    for word in words:
        count = len(_VOWELS.findall(word.lower()))
        syllables += max(1, count - (word.lower().endswith("e") and not word.lower().endswith("le") and count > 1))
    return 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59


@rule
def language_is_readable(item: Item, around: Surroundings) -> Iterator[Finding]:
    grade = {"6": 6, "7": 7, "8": 8, "A1": 9}.get(item.grade)
    level = reading_grade(mathtext.plain(item.stem))
    if grade is not None and level is not None and level > grade + 2:
        yield found(item, "stem", "reading-level", f"the stem reads like grade {level:.0f}, not {item.grade}",
                    "shorter sentences and plainer words help English learners", "notice")  # fmt: skip


# ---- several items ----


def check_together(items: Sequence[Item]) -> list[Finding]:
    """What only shows among several items: the same id twice, nearly the same text."""
    result: list[Finding] = []
    first: dict[str, Item] = {}
    for item in items:
        if item.id.lower() in first:
            other = first[item.id.lower()]
            result.append(found(item, "id", "duplicate-id", f"{other.source} has the same id", "give it its own"))
        first.setdefault(item.id.lower(), item)
    return result + _near_duplicates(items)


def _shape(item: Item) -> str:
    """The words of the item with every number taken out."""
    text = " ".join([mathtext.plain(item.stem), *(mathtext.plain(r.text) for r in item.rows)]).lower()
    if item.verify.statements or len(text) < 60:
        text += " " + " ".join(mathtext.plain(o.text) for o in item.options).lower()
    return " ".join(re.findall(r"[a-zà-ÿ]+|#", re.sub(r"\d+(?:[.,/]\d+)*", "#", text)))


def _near_duplicates(items: Sequence[Item], share: float = 0.75) -> list[Finding]:
    """Pairs that share most runs of four words when numbers count as the same word."""
    runs: list[frozenset[tuple[str, ...]]] = []
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    result: list[Finding] = []
    for n, item in enumerate(items):
        words = _shape(item).split()
        own = frozenset(tuple(words[i : i + 4]) for i in range(max(1, len(words) - 3)))
        counts: dict[int, int] = defaultdict(int)
        for run in own:
            if len(holders[run]) < 50:
                for other in holders[run]:
                    counts[other] += 1
            holders[run].append(n)
        runs.append(own)
        for other, both in counts.items():
            if both / len(own | runs[other]) >= share and items[other].id != item.id and len(own) > 3:
                a = items[other]
                if a.id in item.enemies or item.id in a.enemies:
                    continue
                message = f"nearly the same text as {a.id}"
                hint = f"a variant of the same item: name it in `enemies: [{a.id}]`; otherwise write a different one"
                result.append(found(item, "stem", "near-duplicate", message, hint, "warning"))
    return result
