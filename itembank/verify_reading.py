"""What a text of an item says as numbers and expressions: `$2\\frac{1}{2}$ cups`, `\\$4.50`, `(3, -2)`, `3 to 5`."""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from itembank import latex, mathtext
from itembank.verify_syntax import Expr, ExpressionError, number, parse

_OPERATORS = {
    "times": "*", "cdot": "*", "div": "/", "le": "<=", "leq": "<=", "ge": ">=", "geq": ">=", "lt": "<", "gt": ">",
    "ne": "!=", "neq": "!=", "pi": " pi ", "lbrace": "{", "rbrace": "}", "colon": ":",
}  # fmt: skip
_RELATION = {"approx": "=", "equiv": "="}
_PLAIN_NUMBER = re.compile(
    r"(?<![\w.])(?:(?P<mixed>[-−]?\d+ \d+/\d+)|(?P<fraction>[-−]?\d+/\d+)"
    r"|(?P<number>[-−]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)|[-−]?(?:\d{1,3}(?:,\d{3})+|\d+)))"
    r"(?P<percent>\s?%|\s(?:percent|por ciento)\b)?(?![\w]*\d)"
)
_WORDS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "sixty": 60, "hundred": 100, "thousand": 1000, "dozen": 12, "once": 1, "twice": 2, "double": 2, "doubles": 2,
    "doubled": 2, "triple": 3, "triples": 3, "tripled": 3, "first": 1, "second": 2, "third": 3, "thirds": 3,
    "fourth": 4, "fifth": 5, "sixth": 6, "square": 2, "cube": 3, "pair": 2, "week": 7,
}  # fmt: skip
_PART_WORDS = {"half": Fraction(1, 2), "third": Fraction(1, 3), "quarter": Fraction(1, 4), "fourth": Fraction(1, 4),
               "fifth": Fraction(1, 5), "tenth": Fraction(1, 10)}  # fmt: skip
# plain text that is a formula: signs, digits and single letters (3x - 5 = 7), not words with a number in them
_FORMULA = re.compile(
    r"(?=.*[-+*/^=<>≤≥−(]|[\d.,/ ]+$|\d+[A-Za-z]$)(?:[-+*/^=<>≤≥≠−()\[\].,:\s\d%]|(?<![A-Za-z])[A-Za-z](?![A-Za-z]))+"
)
_RATIO = re.compile(r"^\s*(?:to|:|out of|in|de|a)\s*$")


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to understand a text: `exact` readings are what it says, others what it could stand for."""

    tree: Expr
    exact: bool = True


@lru_cache(maxsize=16384)
def latex_expression(source: str) -> Expr | None:
    """The expression of one stretch of math; None where it is none (a segment's name, a unit, words)."""
    try:
        return parse(_text(latex.parse(source)).strip().rstrip(".,;"), True)
    except (latex.LatexError, ExpressionError):
        return None


class _NoExpression(ExpressionError):
    pass


def _text(node: latex.Node) -> str:
    kind, parts = node.kind, node.parts
    if kind in ("number", "letter"):
        return node.text if kind == "number" else f" {node.text} "
    if kind == "op":
        if node.text == "|":
            raise _NoExpression("bars")
        return {"−": "-", "≤": "<=", "≥": ">=", "≠": "!="}.get(node.text, node.text)
    if kind == "symbol":
        if node.text in _OPERATORS or node.text in _RELATION:
            return _OPERATORS.get(node.text) or _RELATION[node.text]
        if node.text == "degree":
            return ""
        raise _NoExpression(node.text)
    if kind == "escaped":
        if node.text == "%":
            return "%"
        if node.text in "{}":
            return {"{": "[", "}": "]"}[node.text]
        return "" if node.text == "$" else _refuse(node.text)
    if kind in ("text", "space"):
        return " "
    if kind == "group":
        return _row(parts)
    if kind == "fraction":
        return f"(({_text(parts[0])})/({_text(parts[1])}))"
    if kind == "root":
        degree = _text(parts[1]).strip()
        return f" root({_text(parts[0])}, {degree}) " if degree else f" sqrt({_text(parts[0])}) "
    if kind == "script":
        return _script(parts)
    if kind == "fence" and node.text == "||":
        return f" abs({_row(parts)}) "
    if kind == "fence" and node.text in ("()", "[]", "{}"):
        return f"{node.text[0].replace('{', '[')}{_row(parts)}{node.text[1].replace('}', ']')}"
    if kind == "accent" and node.text in ("overline", "bar"):
        raise _NoExpression("accent")
    if kind == "function" and node.text in ("max", "min", "gcd", "lcm"):
        return f" {node.text}"
    raise _NoExpression(kind)


def _refuse(text: str) -> str:
    raise _NoExpression(text)


def _script(parts: tuple[latex.Node, ...]) -> str:
    base, sub, sup = parts
    if base.kind in ("text", "space"):  # cm^2
        return " "
    if sub.parts or sub.kind != "group":
        raise _NoExpression("subscript")
    raised = sup.parts[0] if sup.kind == "group" and len(sup.parts) == 1 else sup
    if raised.kind == "symbol" and raised.text in ("circ", "degree"):
        return _text(base)
    return f"{_grouped(base)}^({_text(sup)})"


def _grouped(node: latex.Node) -> str:
    inner = _text(node)
    return f"({inner})" if node.kind in ("group", "fraction") else inner


def _row(parts: tuple[latex.Node, ...]) -> str:
    """Pieces one after the other; mixed numbers, repeating decimals and bars are put together."""
    out: list[str] = []
    i = 0
    while i < len(parts):
        part = parts[i]
        after = parts[i + 1] if i + 1 < len(parts) else None
        if part.kind == "number" and after is not None and after.kind == "fraction" and "." not in part.text:
            top, bottom = (_text(p).strip() for p in after.parts)
            if top.isdigit() and bottom.isdigit():
                out.append(f"({part.text.replace(',', '')}+{top}/{bottom})")
                i += 2
                continue
        if part.kind == "number" and part.text.endswith(".") is False and after is not None and after.kind == "accent":
            digits = _text(after.parts[0]).strip()
            if after.text in ("overline", "bar") and "." in part.text and digits.isdigit():
                out.append(_repeating(part.text, digits))
                i += 2
                continue
        if (
            part.kind == "number"
            and after is not None
            and after.kind == "op"
            and after.text == "."
            and i + 2 < len(parts)
            and parts[i + 2].kind == "accent"
        ):
            digits = _text(parts[i + 2].parts[0]).strip()
            if digits.isdigit():
                out.append(_repeating(part.text + ".", digits))
                i += 3
                continue
        if part.kind == "op" and part.text == "|":
            end = next((j for j in range(i + 1, len(parts)) if parts[j].kind == "op" and parts[j].text == "|"), None)
            if end is None:
                raise _NoExpression("bars")
            out.append(f" abs({_row(parts[i + 1 : end])}) ")
            i = end + 1
            continue
        if part.kind == "op" and part.text == ":":
            out.append("/")
        else:
            out.append(_text(part))
        i += 1
    return "".join(out)


def _repeating(start: str, digits: str) -> str:
    whole, _, fixed = start.partition(".")
    shift, period = 10 ** len(fixed), 10 ** len(digits) - 1
    value = Fraction(int(whole + fixed or "0")) / shift + Fraction(int(digits), period * shift)
    return f"({value.numerator}/{value.denominator})"


def _flat(text: str) -> str:
    return re.sub(r"[*_`]+", "", text)


@lru_cache(maxsize=8192)
def readings(text: str) -> tuple[Reading, ...]:
    """All ways to understand an option or an answer, the most literal first."""
    found: list[Reading] = []
    pieces = _pieces(text)
    trees = [t for t, _, _ in pieces]
    if len(trees) == 1:
        tree = trees[0]
        found.append(Reading(tree))
        if tree.kind == "compare" and tree.text == "==":
            left, right = tree.parts
            found += [Reading(right, False)] * (left.kind == "name") + [Reading(left, False)] * (right.kind == "name")
        if _is_percent(text):
            hundred = Expr("number", "100", Fraction(100))
            found.append(Reading(Expr("binary", "*", None, (tree, hundred)), False))
    elif len(trees) == 2 and _RATIO.match(_between(text, pieces)) and all(t.kind == "number" for t in trees):
        found.append(Reading(Expr("binary", "/", None, (trees[0], trees[1]))))
    if len(trees) > 1:
        found += [Reading(Expr("list", "", None, tuple(trees))), Reading(Expr("point", "", None, tuple(trees)), False)]
    if len(trees) == 1 and trees[0].kind == "binary" and trees[0].text == "/" and ":" in text:
        found.append(Reading(Expr("list", "", None, trees[0].parts), False))
    if len(trees) == 1 and trees[0].kind == "point":
        found.append(Reading(Expr("list", "", None, trees[0].parts), False))
    words = " ".join(mathtext.plain(text).split()).rstrip(".")
    if words and len(words) < 500:
        found.append(Reading(Expr("text", words), not found))
    return tuple(found)


def _is_percent(text: str) -> bool:
    return "%" in text or "percent" in text or "por ciento" in text


def _between(text: str, pieces: list[tuple[Expr, int, int]]) -> str:
    return text[pieces[0][2] : pieces[1][1]].replace("$", "")


@lru_cache(maxsize=8192)
def _cached_pieces(text: str) -> tuple[tuple[Expr, int, int], ...]:
    found: list[tuple[Expr, int, int]] = []
    at = 0
    for segment in mathtext.split(text).segments:
        if segment.math:
            start = text.find("$" + segment.text + "$", at)
            at = max(start, at) + len(segment.text) + 2
            tree = latex_expression(segment.text)
            if tree is not None:
                following = text[at : at + 20]
                if re.match(r"\s?(?:\\?%|percent\b|por ciento\b)", following):
                    tree = Expr("binary", "/", None, (tree, Expr("number", "100", Fraction(100))))
                found.append((tree, start, at))
            continue
        for match in _PLAIN_NUMBER.finditer(_flat(segment.text)):
            found.append((_plain_tree(match), match.start(), match.end()))
    return tuple(found)


def _pieces(text: str) -> list[tuple[Expr, int, int]]:
    whole = text.strip()
    bare = whole.replace("\\$", "").strip()
    if "$" not in bare and (re.fullmatch(r"\([^()]*,[^()]*\)", bare) or _FORMULA.fullmatch(bare)):
        try:
            return [(parse(bare, not bare.startswith("(")), 0, len(whole))]
        except ExpressionError:
            pass
    return list(_cached_pieces(whole))


def _plain_tree(match: re.Match[str]) -> Expr:
    text = next(t for t in (match["mixed"], match["fraction"], match["number"]) if t)
    try:
        value = number(text.replace("−", "-")) if not text.startswith(("-", "−")) else -number(text[1:])
    except ExpressionError:
        return Expr("text", text)
    if match["percent"]:
        value /= 100
    return Expr("number", text, value)


@lru_cache(maxsize=4096)
def numbers(text: str) -> tuple[Fraction, ...]:
    """Every number a text holds, in digits, in fractions and in words, with repetition."""
    found: list[Fraction] = []
    for segment in mathtext.split(text).segments:
        if segment.math:
            try:
                _collect(latex.parse(segment.text), found)
            except latex.LatexError:
                continue
            tree = latex_expression(segment.text)
            if tree is not None and (value := _constant(tree)) is not None:
                found.append(value)
            continue
        words = _flat(segment.text)
        for match in _PLAIN_NUMBER.finditer(words):
            tree = _plain_tree(match)
            if tree.value is None:
                continue
            found.append(tree.value)
            if match["percent"]:
                found.append(tree.value * 100)
            if match["fraction"] or match["mixed"]:
                found += [Fraction(n) for n in re.findall(r"\d+", match.group(0))]
        found += _number_words(words)
    return tuple(found)


def _number_words(text: str) -> list[Fraction]:
    found: list[Fraction] = []
    previous: Fraction | None = None
    for word in re.findall(r"[a-z]+", text.lower()):
        value = Fraction(_WORDS[word]) if word in _WORDS else None
        part = _PART_WORDS.get(word.removesuffix("s") if word != "halves" else "half")
        if part is not None:
            found.append(part)
            if previous is not None:
                found.append(previous * part)
        if value is not None:
            found.append(value)
            if previous is not None:
                found.append(previous * value if value in (100, 1000) else previous + value)
        previous = value
    return found


def _constant(tree: Expr) -> Fraction | None:
    from itembank.verify_values import evaluate

    try:
        value = evaluate(tree, {})
    except ExpressionError:
        return None
    return value if isinstance(value, Fraction) else None


def _collect(node: latex.Node, found: list[Fraction]) -> None:
    """Numbers inside of math: each literal, each fraction and mixed number, percents both ways."""
    parts = node.parts
    if node.kind == "number":
        found.append(number(node.text))
    elif node.kind == "fraction":
        tree = _constant_of(node)
        if tree is not None:
            found.append(tree)
    for i, part in enumerate(parts):
        _collect(part, found)
        after = parts[i + 1] if i + 1 < len(parts) else None
        if part.kind == "number" and after is not None and after.kind == "escaped" and after.text == "%":
            found.append(number(part.text) / 100)
        if part.kind == "number" and after is not None and after.kind in ("fraction", "accent", "op"):
            value = _constant_of(latex.Node("group", "", parts[i : i + (3 if after.kind == "op" else 2)]))
            if value is not None:
                found.append(value)


def _constant_of(node: latex.Node) -> Fraction | None:
    try:
        return _constant(parse(_text(node), True))
    except ExpressionError:
        return None


@lru_cache(maxsize=2048)
def mentioned(text: str) -> tuple[Expr, ...]:
    """Every expression a longer text mentions: numbers, each side of each equation, whole formulas, points."""
    found: list[Expr] = []
    for segment in mathtext.split(text).segments:
        if not segment.math:
            found += [_plain_tree(m) for m in _PLAIN_NUMBER.finditer(_flat(segment.text))]
            found += [Expr("number", str(v), v) for v in _number_words(segment.text)]
            continue
        tree = latex_expression(segment.text)
        if tree is not None:
            found.append(tree)
            if tree.kind == "compare":
                found += tree.parts
        try:
            flat: list[Fraction] = []
            _collect(latex.parse(segment.text), flat)
            found += [Expr("number", str(v), v) for v in flat]
        except latex.LatexError:
            continue
        for side in re.split(r"=|\\approx|\\text\{[^}]*\}|\\quad|,\s|\\Rightarrow|\\to\b", segment.text):
            part = latex_expression(side.strip())
            if part is not None:
                found.append(part)
    return tuple(found)
