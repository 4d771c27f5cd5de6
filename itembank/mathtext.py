r"""Text with math: `$...$` is math, `\$` is money.

A dollar opens math only before a non-space and never closes before a digit, so that `$12 and $15` is noticed.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from itembank import latex

_PROSE = re.compile(r"[A-Za-z]{2,}[ ,]+[A-Za-z]{2,}")


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a text.

    Attributes:
        math: whether it stood between dollars.
        text: the words with `\\$` become `$`, or the LaTeX source.
        line: lines after the text's first one, from 0.
    """

    math: bool
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with the math of a text, `line` lines after its first one."""

    line: int
    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class MathText:
    """A text in its segments, and what is wrong with it."""

    segments: tuple[Segment, ...]
    problems: tuple[Problem, ...]


@lru_cache(maxsize=8192)
def split(text: str) -> MathText:
    """The segments of a text; math that leaves the subset is named in `problems`."""
    if "$" not in text:
        return MathText((Segment(False, text, 0),) if text else (), ())
    segments: list[Segment] = []
    problems: list[Problem] = []
    words: list[str] = []
    at, begun = 0, 0
    while at < len(text):
        dollar = text.find("$", at)
        if dollar < 0:
            words.append(text[at:])
            break
        if dollar > at and text[dollar - 1] == "\\":
            words += (text[at : dollar - 1], "$")
            at = dollar + 1
            continue
        words.append(text[at:dollar])
        line = text.count("\n", 0, dollar)
        end = _closing(text, dollar)
        if end is None:
            problems.append(_dollar(text, dollar, line))
            words.append("$")
            at = dollar + 1
            continue
        if any(words):
            segments.append(Segment(False, "".join(words), begun))
        words = []
        source = text[dollar + 1 : end]
        segments.append(Segment(True, source, line))
        problem = _wrong(source, line)
        if problem:
            problems.append(problem)
        begun = text.count("\n", 0, end)
        at = end + 1
    if any(words):
        segments.append(Segment(False, "".join(words), begun))
    return MathText(tuple(segments), tuple(problems))


def _closing(text: str, at: int) -> int | None:
    """Where the math that opens at `at` ends; None where that dollar opens none."""
    if at + 1 >= len(text) or text[at + 1].isspace() or text[at + 1] == "$":
        return None
    end = at + 1
    while end < len(text):
        if text[end] == "\\":
            end += 2
            continue
        if text[end] == "\n" and text[end : end + 2] == "\n\n":
            return None
        if text[end] == "$":
            after = text[end + 1] if end + 1 < len(text) else ""
            if after.isdigit() or text[end - 1].isspace():
                return None
            return end
        end += 1
    return None


def _dollar(text: str, at: int, line: int) -> Problem:
    if text[at : at + 2] == "$$":
        return Problem(line, "display-math", "`$$` is not used", "write $...$ on a line of its own")
    after = text[at + 1 : at + 2]
    if after.isdigit() or after == ".":
        return Problem(
            line, "dollar-sign", "did you mean dollars?", f"for money write \\${text[at + 1 : at + 4].strip()}"
        )
    return Problem(line, "dollar-sign", "a `$` that opens no math", "for money write \\$; math is $...$ without spaces")


def _wrong(source: str, line: int) -> Problem | None:
    bare = re.sub(r"\\(text|mathrm|textbf|operatorname)\s*\{[^}]*\}", "", source)
    if _PROSE.search(re.sub(r"\\[A-Za-z]+", "", bare)):
        hint = "for money write \\$; words inside math go into \\text{...}"
        return Problem(line, "words-in-math", "words between two `$`: did you mean dollars?", hint)
    try:
        latex.parse(source)
    except latex.LatexError as error:
        return Problem(line, error.code, error.message, error.hint)
    return None


def plain(text: str) -> str:
    """A text for a terminal or a search index: math without dollars, fractions as 1/2, no Markdown marks."""
    parts = []
    for segment in split(text).segments:
        if not segment.math:
            parts.append(re.sub(r"[*_`#|]+", "", segment.text))
            continue
        try:
            parts.append(_plain(latex.parse(segment.text)))
        except latex.LatexError:
            parts.append(segment.text)
    return " ".join("".join(parts).split())


def typed(text: str) -> str:
    r"""An answer as a student types it: `$\frac{1}{2}$` is 1/2; text without math stays as it is."""
    return plain(text) if "$" in text else text


def _plain(node: latex.Node) -> str:
    kind, parts = node.kind, node.parts
    if kind == "symbol":
        char = latex.SYMBOLS[node.text][0]
        return f" {char} " if node.text not in ("circ", "degree", "pi", "prime", "theta", "angle", "triangle") else char
    if kind == "fraction":
        top, bottom = (_plain(p).strip() for p in parts)
        top, bottom = (t if re.fullmatch(r"\w+", t) else f"({t})" for t in (top, bottom))
        return f"{top}/{bottom}"
    if kind == "root":
        degree = _plain(parts[1])
        return {"": "√", "3": "∛"}.get(degree, f"{degree}√") + (
            _plain(parts[0]) if len(_plain(parts[0])) == 1 else f"({_plain(parts[0])})"
        )
    if kind == "script":
        base, sub, sup = (_plain(p) for p in parts)
        raised = (
            "°" if sup.strip() in ("∘", "°") else sup.translate(_RAISED) if sup and set(sup) <= _DIGITS else f"^{sup}"
        )
        return base + (f"_{sub}" if sub else "") + (raised if sup else "")
    if kind == "fence":
        left, right = node.text[0].strip("."), node.text[-1].strip(".")
        return left + "".join(map(_plain, parts)) + right
    if kind == "text":
        return parts[0].text if parts else node.text
    if kind in ("group", "accent"):
        pieces: list[str] = []
        for part in parts:
            if part.kind == "fraction" and pieces and pieces[-1][-1:].isdigit():
                pieces.append(" ")
            pieces.append(_plain(part))
        return "".join(pieces)
    if kind == "space":
        return " " if node.text != "!" else ""
    if kind == "op" and node.text in "=<>+":
        return f" {node.text} "
    return node.text


_DIGITS = set("0123456789")
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
