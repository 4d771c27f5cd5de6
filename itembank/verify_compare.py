"""Small steps of recomputing an item: binding givens, tolerances, values as an author writes them."""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from itembank.item_model import Data
from itembank.verify_syntax import Expr, ExpressionError, names, parse, written
from itembank.verify_values import Point, Value, evaluate, same


def is_answer(tree: Expr) -> bool:
    """Whether a mentioned expression is a result, and not a computation still to do (60 ÷ 5)."""
    if tree.kind != "binary" or names(tree) or "pi" in written(tree) or "sqrt" in written(tree):
        return True
    if tree.text == "/":
        top, bottom = (evaluate(p, {}) for p in tree.parts)
        return (
            isinstance(top, Fraction)
            and isinstance(bottom, Fraction)
            and bottom != 0
            and (top / bottom).denominator != 1
        )
    return tree.text == "+" and tree.parts[1].kind == "binary" and tree.parts[1].text == "/"  # a mixed number


def constant(value: Value) -> Expr:
    if isinstance(value, str):
        return Expr("text", value)
    if isinstance(value, (list, Point)):
        return Expr("list", "", None, tuple(constant(v) for v in value))
    return Expr("number", "", Fraction(value))


def bound(tree: Expr, values: Mapping[str, Value]) -> Expr:
    """The expression with its givens replaced by their values."""
    if tree.kind == "name" and tree.text in values:
        value = values[tree.text]
        if isinstance(value, (Fraction, float)) and not isinstance(value, bool):
            return Expr("number", tree.text, Fraction(value))
        if isinstance(value, str):
            return Expr("text", value)
        if isinstance(value, (list, Point)):
            kind = "point" if isinstance(value, Point) else "list"
            return Expr(kind, "", None, tuple(constant(v) for v in value))
    return Expr(tree.kind, tree.text, tree.value, tuple(bound(p, values) for p in tree.parts))


def near(a: Value, b: Value, tolerance: str) -> bool:
    try:
        width = evaluate(parse(tolerance.replace("$", "")), {})
    except ExpressionError:
        return same(a, b)
    good = all(isinstance(v, (Fraction, float)) and not isinstance(v, bool) for v in (a, b, width))
    if not good:
        return same(a, b)
    return abs(float(a) - float(b)) <= float(width) * (1 + 1e-9)  # type: ignore[arg-type]


def flat(value: Value) -> Iterator[Value]:
    if isinstance(value, (list, Point)):
        for part in value:
            yield from flat(part)
    else:
        yield value


def leaves(data: Data) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    else:
        for part in data.values() if isinstance(data, Mapping) else data:
            yield from leaves(part)


def text_of(value: Value) -> str:
    """A value as an author would write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}'"
    if isinstance(value, Point):
        return "(" + ", ".join(text_of(v) for v in value) + ")"
    if isinstance(value, list):
        return "[" + ", ".join(text_of(v) for v in value) + "]"
    if isinstance(value, float):
        return f"{value:.6g}"
    if value.denominator == 1:
        return str(value.numerator)
    if value.denominator in (10, 100, 1000, 10_000):
        return f"{float(value):g}"
    twos = value.denominator
    for prime in (2, 5):
        while twos % prime == 0:
            twos //= prime
    if twos == 1 and value.denominator <= 10000:
        return f"{value.numerator}/{value.denominator} = {float(value):g}"
    return f"{value.numerator}/{value.denominator}"
