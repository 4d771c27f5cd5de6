"""Rules about texts: math, HTML, links, true equations, readable language, a whole translation."""

import re
from collections.abc import Iterator

from itembank import mathtext
from itembank.findings import Finding
from itembank.item_model import Item
from itembank.lint_rules import Surroundings, blank_lines, found, rule, texts, unit_words
from itembank.verify_reading import latex_expression
from itembank.verify_syntax import Expr, ExpressionError, names, written
from itembank.verify_values import evaluate, same


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


@rule
def equations_of_the_solution_are_true(item: Item, around: Surroundings) -> Iterator[Finding]:
    """Each `=` between a computation and a number of the worked solution holds (`6 = 5` may be what it talks about)."""
    start = item.lines.get("solution", 0) + 1 + blank_lines(item.solution)
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
        yield bool(unit_words(part.text))


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
