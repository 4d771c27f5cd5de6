"""The expressions of `verify`: a tokenizer and a parser of our own. Never Python's eval.

Grammar, loosest first:  or · and · not · comparison (chains: -2 < x <= 3) · + - · * / · unary minus · ^ ·
number, name, text, function(...), (point, ...), [list, ...]. A number may stand directly before a name or a
bracket (2x, 3(x + 1)).
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

MAX_LENGTH = 2000
MAX_DEPTH = 60


class ExpressionError(ValueError):
    """The expression cannot be read or computed; the message is for the author."""


@dataclass(frozen=True, slots=True)
class Expr:
    """A node.

    Attributes:
        kind: number, text, name, call, neg, not, binary, compare, logic, list, point.
        text: name, function, operator or text.
        value: of a number.
        parts: the operands; of a compare with operators "<,<=" one more than operators.
    """

    kind: str
    text: str = ""
    value: Fraction | None = None
    parts: tuple["Expr", ...] = ()


_TOKEN = re.compile(
    r"""\s*(?:
    (?P<mixed>\d+[ ]\d+/\d+(?!\d))
  | (?P<number>(?:\d{1,3}(?:,\d{3})+(?!\d)(?=\.|\b)|\d+)?(?:\.\d+)|\d{1,3}(?:,\d{3})+(?!\d)|\d+\.?)(?P<percent>\s*%)?
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<text>'[^']*'|"[^"]*")
  | (?P<op>==|!=|<=|>=|\*\*|[-+*/^()\[\],<>=≤≥≠×÷−·π])
    )""",
    re.VERBOSE,
)
_SAME = {"≤": "<=", "≥": ">=", "≠": "!=", "×": "*", "·": "*", "÷": "/", "−": "-", "**": "^", "=": "=="}
_COMPARE = ("==", "!=", "<", "<=", ">", ">=")


@lru_cache(maxsize=16384)
def parse(source: str, commas: bool = False) -> Expr:
    """The tree of an expression.

    Args:
        source: what the author wrote.
        commas: whether 1,200 is one number (true for text of an item, false inside of lists and functions).

    Raises:
        ExpressionError: what is wrong and where.
    """
    if len(source) > MAX_LENGTH:
        raise ExpressionError(f"the expression has more than {MAX_LENGTH} characters")
    reader = _Reader(_tokens(source, commas))
    if not reader.tokens:
        raise ExpressionError("the expression is empty")
    try:
        tree = reader.disjunction()
    except RecursionError:
        raise ExpressionError("the expression is nested too deeply") from None
    if reader.at < len(reader.tokens):
        raise ExpressionError(f"`{reader.tokens[reader.at][1]}` is not expected here")
    return tree


def _tokens(source: str, commas: bool) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    source = source.rstrip()
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise ExpressionError(f"`{source[at:].strip()[:1]}` has no meaning in an expression")
        kind, at = match.lastgroup or "", match.end()
        if kind == "percent":
            kind = "number"
        text = match.group(0).strip()
        if kind == "number" and "," in text and not commas:
            head = re.match(r"\s*\d+", match.group(0))
            assert head is not None
            text, at = head.group(0).strip(), match.start() + head.end()
        if kind == "op":
            text = _SAME.get(text, text)
            if text == "π":
                kind, text = "name", "pi"
        found.append((kind, text))
    return found


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens, self.at, self.depth = tokens, 0, 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("", "")

    def take_if(self, *texts: str) -> str:
        kind, text = self.peek()
        if kind in ("op", "name") and text in texts:
            self.at += 1
            return text
        return ""

    def want(self, text: str) -> None:
        if not self.take_if(text):
            raise ExpressionError(f"a `{text}` is missing" + (f" before `{self.peek()[1]}`" if self.peek()[1] else ""))

    def disjunction(self) -> Expr:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError("the expression is nested too deeply")
        left = self.conjunction()
        while self.take_if("or"):
            left = Expr("logic", "or", None, (left, self.conjunction()))
        self.depth -= 1
        return left

    def conjunction(self) -> Expr:
        left = self.negation()
        while self.take_if("and"):
            left = Expr("logic", "and", None, (left, self.negation()))
        return left

    def negation(self) -> Expr:
        times = 0
        while self.take_if("not"):
            times += 1
        inner = self.comparison()
        return Expr("not", "", None, (inner,)) if times % 2 else inner

    def comparison(self) -> Expr:
        parts, operators = [self.sum()], []
        while operator := self.take_if(*_COMPARE):
            operators.append(operator)
            parts.append(self.sum())
        return Expr("compare", ",".join(operators), None, tuple(parts)) if operators else parts[0]

    def sum(self) -> Expr:
        left = self.product()
        while operator := self.take_if("+", "-"):
            left = Expr("binary", operator, None, (left, self.product()))
        return left

    def product(self) -> Expr:
        left = self.unary()
        while True:
            if operator := self.take_if("*", "/"):
                left = Expr("binary", operator, None, (left, self.unary()))
            elif self.stands_beside():
                left = Expr("binary", "*", None, (left, self.power()))
            else:
                return left

    def stands_beside(self) -> bool:
        """Whether what follows is multiplied without a sign: 2x, 3(x + 1), 2pi r."""
        kind, text = self.peek()
        before, word = self.tokens[self.at - 1] if self.at else ("", "")
        if kind == "name" and text not in ("and", "or", "not"):
            return before in ("number", "name") or (before, word) == ("op", ")")
        if (kind, text) == ("op", "("):
            return before == "number" or (before, word) == ("op", ")") or (before == "name" and word == "pi")
        return False

    def unary(self) -> Expr:
        sign = 1
        while operator := self.take_if("-", "+"):
            sign = -sign if operator == "-" else sign
        inner = self.power()
        return Expr("neg", "", None, (inner,)) if sign < 0 else inner

    def power(self) -> Expr:
        base = self.atom()
        if self.take_if("^"):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise ExpressionError("the expression is nested too deeply")
            exponent = self.unary()
            self.depth -= 1
            return Expr("binary", "^", None, (base, exponent))
        return base

    def atom(self) -> Expr:
        kind, text = self.peek()
        self.at += 1
        if kind in ("number", "mixed"):
            return Expr("number", text, number(text))
        if kind == "text":
            return Expr("text", text[1:-1])
        if kind == "name" and text not in ("and", "or", "not"):
            if self.peek() == ("op", "(") and text != "pi":
                self.at += 1
                return Expr("call", text, None, self.listed(")"))
            return Expr("name", text)
        if text == "(" and kind == "op":
            inside = self.listed(")")
            if not inside:
                raise ExpressionError("empty brackets")
            return inside[0] if len(inside) == 1 else Expr("point", "", None, inside)
        if text == "[" and kind == "op":
            return Expr("list", "", None, self.listed("]"))
        if not text:
            raise ExpressionError("the expression ends too early")
        raise ExpressionError(f"`{text}` is not expected here")

    def listed(self, close: str) -> tuple[Expr, ...]:
        if self.take_if(close):
            return ()
        found = [self.disjunction()]
        while self.take_if(","):
            found.append(self.disjunction())
        self.want(close)
        return tuple(found)


def number(text: str) -> Fraction:
    """A whole number, decimal, fraction, mixed number or percent as an exact fraction."""
    text = text.replace(",", "").strip()
    if text.endswith("%"):
        return number(text[:-1]) / 100
    if " " in text:
        whole, part = text.split(" ", 1)
        return Fraction(whole) + number(part)
    if "/" in text:
        top, bottom = text.split("/")
        if not bottom.strip("0"):
            raise ExpressionError("division by zero")
        return Fraction(int(top), int(bottom))
    return Fraction(text.rstrip(".") if text.endswith(".") else text)


def names(tree: Expr) -> set[str]:
    """The names an expression uses (functions and pi are none)."""
    found = {tree.text} if tree.kind == "name" and tree.text != "pi" else set()
    for part in tree.parts:
        found |= names(part)
    return found


_TIGHT = {"or": 1, "and": 2, "not": 3, "compare": 4, "+": 5, "-": 5, "*": 6, "/": 6, "neg": 7, "^": 8}


def written(tree: Expr) -> str:
    """An expression as an author would type it, with no more brackets than needed."""
    return _written(tree, 0)


def _written(tree: Expr, around: int) -> str:
    kind, parts = tree.kind, tree.parts
    if kind == "number":
        value = tree.value if tree.value is not None else Fraction(0)
        text = str(value)
        return f"({text})" if around > 5 and (value < 0 or value.denominator != 1) else text
    if kind == "text":
        return f"'{tree.text}'"
    if kind == "name":
        return tree.text
    if kind in ("call", "list", "point"):
        inner = ", ".join(_written(p, 0) for p in parts)
        return {"call": f"{tree.text}({inner})", "list": f"[{inner}]", "point": f"({inner})"}[kind]
    if kind == "compare":
        words = _written(parts[0], 5)
        for operator, part in zip(tree.text.split(","), parts[1:], strict=False):
            words += f" {operator} {_written(part, 5)}"
        level = 4
    elif kind == "not":
        words, level = f"not {_written(parts[0], 4)}", 3
    elif kind == "neg":
        words, level = f"-{_written(parts[0], 7)}", 6
    else:
        level = _TIGHT[tree.text]
        right = level + 1 if tree.text in "-/" else 8 if tree.text == "^" else level + (tree.text == "*")
        sign = tree.text if tree.text in "*/^" else f" {tree.text} "
        left = level + 1 if tree.text == "^" else level
        words = _written(parts[0], left) + sign + _written(parts[1], right)
    return f"({words})" if level < around else words
