"""Whether two expressions mean the same: as values, polynomials, equations or inequalities.

With letters that stay letters, two expressions are the same when they agree at sample points: two different
polynomials of degree d in one variable agree at no more than d of them.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

from itembank.verify_syntax import Expr, ExpressionError, names
from itembank.verify_values import Number, Value, evaluate, same

_SAMPLES = tuple(Fraction(n, d) for n, d in ((7, 3), (-11, 7), (19, 5), (-5, 2), (29, 11), (1, 13), (23, 2), (-17, 3)))


def letters(tree: Expr, names_: Mapping[str, Value]) -> list[str]:
    """Names of the expression without a value, sorted."""
    return sorted(n for n in names(tree) if n not in names_ and n not in ("true", "false"))


@lru_cache(maxsize=256)
def _points(count: int) -> tuple[tuple[Fraction, ...], ...]:
    return tuple(tuple(_SAMPLES[(i * (2 * k + 1) + k) % len(_SAMPLES)] for k in range(count)) for i in range(8))


def equivalent(a: Expr, b: Expr, names_: Mapping[str, Value]) -> bool:
    """Whether two expressions mean the same: as values, as polynomials, as equations, as inequalities.

    Equations and inequalities are the same when one becomes the other by swapping sides or by a factor
    (`2x > 6` and `3 < x`).
    """
    unknown = sorted({*letters(a, names_), *letters(b, names_)})
    if not unknown:
        return same(evaluate(a, names_), evaluate(b, names_))
    if a.kind == "compare" or b.kind == "compare" or a.kind == "logic" or b.kind == "logic":
        return _same_relation(a, b, names_, unknown)
    if a.kind != b.kind and {"point", "list"} & {a.kind, b.kind}:
        return False
    if a.kind in ("point", "list"):
        return len(a.parts) == len(b.parts) and all(
            equivalent(x, y, names_) for x, y in zip(a.parts, b.parts, strict=True)
        )
    return _agree(a, b, names_, unknown)


def _sampled(tree: Expr, names_: Mapping[str, Value], unknown: Sequence[str]) -> list[Value | None]:
    found: list[Value | None] = []
    for point in _points(len(unknown)):
        try:
            found.append(evaluate(tree, {**names_, **dict(zip(unknown, point, strict=True))}))
        except ExpressionError:
            found.append(None)
    return found


def _agree(a: Expr, b: Expr, names_: Mapping[str, Value], unknown: Sequence[str]) -> bool:
    pairs = list(zip(_sampled(a, names_, unknown), _sampled(b, names_, unknown), strict=True))
    both = [(x, y) for x, y in pairs if x is not None and y is not None]
    return len(both) >= 3 and all(same(x, y) for x, y in both)


def _atoms(tree: Expr) -> list[tuple[str, Expr]]:
    """(operator, left - right) of each single comparison; `and` joins them."""
    if tree.kind == "logic" and tree.text == "and":
        return _atoms(tree.parts[0]) + _atoms(tree.parts[1])
    if tree.kind != "compare":
        return []
    pairs = zip(tree.text.split(","), tree.parts, tree.parts[1:], strict=False)
    return [(o, Expr("binary", "-", None, (x, y))) for o, x, y in pairs]


_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}


def _same_relation(a: Expr, b: Expr, names_: Mapping[str, Value], unknown: Sequence[str]) -> bool:
    left, right = _atoms(a), _atoms(b)
    if a.kind == b.kind == "logic" and a.text == b.text == "or":
        x, y = a.parts, b.parts
        straight = all(equivalent(p, q, names_) for p, q in zip(x, y, strict=True))
        return straight or all(equivalent(p, q, names_) for p, q in zip(x, reversed(y), strict=True))
    if not left or len(left) != len(right):
        return False
    for operator, difference in left:
        match = next((i for i, r in enumerate(right) if _proportional(operator, difference, *r, names_, unknown)), None)
        if match is None:
            return False
        right.pop(match)
    return True


def _proportional(o1: str, d1: Expr, o2: str, d2: Expr, names_: Mapping[str, Value], unknown: Sequence[str]) -> bool:
    factor: Number | None = None
    for x, y in zip(_sampled(d1, names_, unknown), _sampled(d2, names_, unknown), strict=True):
        if not isinstance(x, (Fraction, float)) or not isinstance(y, (Fraction, float)):
            continue
        if isinstance(x, bool) or (x == 0) != (y == 0):
            return False
        if x == 0:
            continue
        ratio = y / x
        if factor is not None and not same(factor, ratio):
            return False
        factor = ratio
    return factor is not None and (o1 == o2 if factor > 0 else _FLIPPED[o1] == o2)
