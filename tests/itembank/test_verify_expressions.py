# ruff: noqa: E501
"""The evaluator of `verify`, against Python's own exact fractions and against hand-computed values."""

import ast
import contextlib
import math
import statistics
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itembank.verify_equivalence import equivalent
from itembank.verify_syntax import Expr, ExpressionError, parse, written
from itembank.verify_values import FUNCTIONS, Point, evaluate, same

F = Fraction


def value(text: str, **names: object) -> object:
    return evaluate(parse(text), names)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 1/2", F(5, 2)),
        ("15%", F(3, 20)),
        ("-3^2", F(-9)),
        ("(-3)^2", F(9)),
        ("2^3^2", F(512)),
        ("2^-1", F(1, 2)),
        ("8^(1/3)", F(2)),
        ("1 - 2 - 3", F(-4)),
        ("12 / 3 / 2", F(2)),
        ("2(3 + 4)", F(14)),
        ("(1 + 2)(3)", F(9)),
        ("0.1 + 0.2", F(3, 10)),
        (".5", F(1, 2)),
        ("--5", F(5)),
        ("3 × 4 ÷ 6 − 1", F(1)),
        ("abs(-7/2)", F(7, 2)),
        ("sqrt(9/4)", F(3, 2)),
        ("cbrt(-27)", F(-3)),
        ("root(32, 5)", F(2)),
        ("round(2.5)", F(3)),
        ("round(-2.5)", F(-3)),
        ("round(2/3, 2)", F(67, 100)),
        ("round(1250, -2)", F(1300)),
        ("floor(-1.5)", F(-2)),
        ("ceil(-1.5)", F(-1)),
        ("mod(-7, 3)", F(2)),
        ("gcd(12, 18)", F(6)),
        ("lcm(4, 6)", F(12)),
        ("sum([1, 2, 3.5])", F(13, 2)),
        ("mean([3, 5, 8, 4])", F(5)),
        ("median([7, 1, 3])", F(3)),
        ("median(7, 1, 3, 4)", F(7, 2)),
        ("mode([2, 3, 3, 5])", F(3)),
        ("range([10, 4, 7])", F(6)),
        # halves without the middle value: 1 2 3 | 4 | 5 6 9
        ("q1([1, 2, 3, 4, 5, 6, 9])", F(2)),
        ("q3([1, 2, 3, 4, 5, 6, 9])", F(6)),
        ("iqr([1, 2, 3, 4, 5, 6])", F(3)),
        ("mad([2, 4, 6, 8])", F(2)),
        ("count([1, 1, 1])", F(3)),
        ("item(sort([5, 2, 9]), 2)", F(5)),
        ("if(3/4 == 0.75, 'yes', 'no')", "yes"),
        ("1 < 2 <= 2", True),
        ("1 < 2 and not 3 > 4", True),
        ("3 = 3 or 1/0 == 1", True),
        ("(1, 2) == (2/2, 4/2)", True),
        ("(1, 2) == [1, 2]", False),
        ("'Store A' == 'store  a'", True),
        ("(1, 2) + (3, 4)", Point((F(4), F(6)))),
        ("-(1, -2)", Point((F(-1), F(2)))),
        ("sqrt(2)^2 == 2", True),
        ("2 pi > 6", True),
    ],
)
def test_values(text: str, expected: object) -> None:
    assert value(text) == expected


def test_irrational_numbers_to_nine_digits() -> None:
    assert same(value("pi * 3^2"), 9 * math.pi)  # type: ignore[arg-type]
    assert value("round(pi, 2)") == F(314, 100)
    assert not same(F(22, 7), math.pi)


@pytest.mark.parametrize(
    "text",
    ["", "1 +", "(1", "1)", "[1, 2", "foo(1)", "1/0", "1 2", "x", "if(1, 2, 3)", "9^9^9^9", "10^400^2", "sqrt(-1)", "'a' + 1", "1 < 'a'",
     "not 3", "item([1], 2)", "mean([])", "mod(1, 0)", "2 @ 3", "()", "a.b", "__import__('os')", "lambda: 1", "1 if 2 else 3", "round(1, 99)",
     "gcd(1/2, 3)", "(" * 500, "-" * 500, "not " * 500, "1" * 3000, "abs(1, 2)", "root(2, 0)", "1 < (1, 2)", "'x", "max('a')"],
)  # fmt: skip
def test_what_has_no_value_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ExpressionError) as error:
        value(text)
    assert str(error.value)


NUMBER = st.integers(0, 99).map(str)


def _chain(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner)
    return st.one_of(pair.map(lambda p: f"({p[0]} {p[1]} {p[2]})"), pair.map(" ".join), inner.map(lambda x: f"-({x})"))


ARITHMETIC = st.recursive(NUMBER, _chain, max_leaves=12)


def _exact(node: ast.AST) -> Fraction:
    """Python's own parser with exact fractions: an independent reading of the same text."""
    if isinstance(node, ast.Expression):
        return _exact(node.body)
    if isinstance(node, ast.Constant):
        return Fraction(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.UnaryOp):
        return -_exact(node.operand)
    assert isinstance(node, ast.BinOp)
    left, right = _exact(node.left), _exact(node.right)
    act = {ast.Add: left.__add__, ast.Sub: left.__sub__, ast.Mult: left.__mul__, ast.Div: left.__truediv__}
    result = act[type(node.op)](right)
    assert isinstance(result, Fraction)
    return result


@given(ARITHMETIC)
@settings(max_examples=200, deadline=None)
def test_arithmetic_agrees_with_exact_fractions(text: str) -> None:
    try:
        expected = _exact(ast.parse(text, mode="eval"))
    except ZeroDivisionError:
        with pytest.raises(ExpressionError):
            value(text)
        return
    assert value(text) == expected


@given(ARITHMETIC)
@settings(max_examples=100, deadline=None)
def test_an_expression_written_out_reads_as_the_same(text: str) -> None:
    tree = parse(text)
    again = parse(written(tree))
    try:
        assert evaluate(again, {}) == evaluate(tree, {})
    except ExpressionError:
        with pytest.raises(ExpressionError):
            evaluate(again, {})


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=25))
@settings(max_examples=60, deadline=None)
def test_statistics_agree_with_the_library(data: list[int]) -> None:
    listed = "[" + ", ".join(map(str, data)) + "]"
    assert value(f"mean({listed})") == F(sum(data), len(data))
    assert value(f"median({listed})") == F(statistics.median(F(x) for x in data))
    assert value(f"range({listed})") == max(data) - min(data)


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_value_or_a_refusal(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        evaluate(parse(text, True), {})


def tree(text: str) -> Expr:
    return parse(text)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("2(x + 3)", "6 + 2x", True),
        ("2(x + 3)", "2x + 3", False),
        ("x^2 - 1", "(x - 1)(x + 1)", True),
        ("x/2", "0.5x", True),
        ("a*b", "b a", True),
        ("a - b", "b - a", False),
        ("y = 2x + 1", "2x + 1 = y", True),
        ("y = 2x + 1", "y - 2x = 1", True),
        ("y = 2x + 1", "2y = 4x + 2", True),
        ("y = 2x + 1", "y = x + 2", False),
        ("x > 3", "3 < x", True),
        ("2x > 6", "x > 3", True),
        ("-x > 3", "x < -3", True),
        ("-x > 3", "x > -3", False),
        ("x > 3", "x >= 3", False),
        ("-2 < x <= 3", "x <= 3 and x > -2", True),
        ("-2 < x <= 3", "-2 <= x <= 3", False),
        ("x < 1 or x > 2", "x > 2 or x < 1", True),
        ("(x, 2)", "(x, 1 + 1)", True),
        ("(x, 2)", "(2, x)", False),
        ("x != 2", "x = 2", False),
        ("1/x", "x", False),
        ("sqrt(x^2)", "abs(x)", True),
        ("x > 3", "x", False),
    ],
)
def test_expressions_equations_and_inequalities_by_meaning(a: str, b: str, expected: bool) -> None:
    assert equivalent(tree(a), tree(b), {}) is expected
    assert equivalent(tree(b), tree(a), {}) is expected


def test_the_functions_of_the_format_are_all_there() -> None:
    promised = "abs sqrt cbrt root min max sum mean median mode range iqr q1 q3 mad gcd lcm round floor ceil mod count sort item"
    assert set(promised.split()) == set(FUNCTIONS)
