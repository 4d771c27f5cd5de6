"""Values of expressions: exact fractions where they are rational, floats (to 1e-9) where not."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from itembank.verify_syntax import Expr, ExpressionError


class Point(tuple["Value", ...]):
    """(x, y): unlike a list, never equal to one of the same numbers."""


Number = Fraction | float
Value = Fraction | float | bool | str | Point | list["Value"]

MAX_EXPONENT = 400
MAX_DIGITS = 2000
SAME = 1e-9  # relative: far above rounding in a few float operations, far below any difference on a school test


def _numbers(of: str, *values: Value) -> list[Number]:
    """The numbers among the arguments, lists opened."""
    found: list[Number] = []
    for value in values:
        if isinstance(value, (list, Point)):
            found += _numbers(of, *value)
        elif isinstance(value, (bool, str)):
            raise ExpressionError(f"{of} needs numbers")
        else:
            found.append(value)
    return found


def _some(of: str, *values: Value) -> list[Number]:
    found = _numbers(of, *values)
    if not found:
        raise ExpressionError(f"{of} of nothing")
    return found


def _whole(of: str, value: Value) -> int:
    number = exact(_number(of, value))
    if not isinstance(number, Fraction) or number.denominator != 1 or abs(number) > 10**15:
        raise ExpressionError(f"{of} needs whole numbers")
    return int(number)


def _number(of: str, value: Value) -> Number:
    if isinstance(value, (bool, str, list, Point)):
        raise ExpressionError(f"{of} needs a number")
    return value


def exact(value: Number) -> Number:
    """A float that is a whole number to rounding becomes that number."""
    if isinstance(value, float) and math.isfinite(value) and abs(value - round(value)) < 1e-12 * max(1, abs(value)):
        return Fraction(round(value))
    return value


def _size(x: Number) -> Number:
    return x if x >= 0 else -x


def _root(value: Value, degree: Value = Fraction(2)) -> Number:
    n = _whole("root", degree)
    x = _number("root", value)
    if not 1 <= n <= 20:
        raise ExpressionError("root needs a degree from 1 to 20")
    if x < 0 and n % 2 == 0:
        raise ExpressionError("an even root of a negative number")
    if isinstance(x, Fraction):
        top, bottom = _whole_root(abs(x.numerator), n), _whole_root(x.denominator, n)
        if top is not None and bottom is not None:
            return Fraction(top if x >= 0 else -top, bottom)
    size = _float(_size(x)) ** (1 / n)
    return size if x >= 0 else -size


def _whole_root(x: int, n: int) -> int | None:
    if x.bit_length() > 900:
        return None
    guess = round(x ** (1 / n))
    return next((g for g in (guess - 1, guess, guess + 1) if g >= 0 and g**n == x), None)


def _float(value: Number) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ExpressionError("a number out of range") from None


def _round(value: Value, digits: Value = Fraction(0)) -> Number:
    """Half away from zero, as taught in school."""
    places = _whole("round", digits)
    if abs(places) > 30:
        raise ExpressionError("round to at most 30 places")
    x = Fraction(_number("round", value)) if math.isfinite(_float(_number("round", value))) else Fraction(0)
    scaled = abs(x) * Fraction(10) ** places
    whole = math.floor(scaled + Fraction(1, 2) + Fraction(1, 10**12) * isinstance(value, float))
    return Fraction(whole if x >= 0 else -whole) / Fraction(10) ** places


def _halves(*values: Value) -> tuple[list[Number], list[Number]]:
    data = sorted(_some("a quartile", *values))
    half = len(data) // 2
    return data[:half] or data, data[len(data) - half :] or data


def _median(data: Sequence[Number]) -> Number:
    data = sorted(data)
    middle = len(data) // 2
    return data[middle] if len(data) % 2 else (data[middle - 1] + data[middle]) / 2


def _mean(data: Sequence[Number]) -> Number:
    total: Number = Fraction(0)
    for x in data:
        total = total + x
    return total / len(data)


def _mad(data: Sequence[Number]) -> Number:
    center = _mean(data)
    return _mean([_size(x - center) for x in data])


def _mode(data: Sequence[Number]) -> Value:
    modes: list[Value] = list(statistics.multimode(data))
    return modes[0] if len(modes) == 1 else modes


def _item(values: Value, index: Value) -> Value:
    if not isinstance(values, (list, Point)):
        raise ExpressionError("item needs a list")
    i = _whole("item", index)
    if not 1 <= i <= len(values):
        raise ExpressionError(f"the list has no item {i}: they are counted from 1 to {len(values)}")
    return values[i - 1]


def _mod(a: Value, b: Value) -> Value:
    x, y = _number("mod", a), _number("mod", b)
    if y == 0:
        raise ExpressionError("division by zero")
    return x - y * math.floor(x / y)


def _sorted(*values: Value) -> Value:
    found: list[Value] = list(sorted(_numbers("sort", *values)))  # noqa: C413 - another element type
    return found


def _integers(of: str, *values: Value) -> list[int]:
    return [_whole(of, v) for v in _some(of, *values)]


# name -> (function, fewest and most arguments)
FUNCTIONS: dict[str, tuple[Callable[..., Value], int, int]] = {
    "abs": (lambda x: _size(_number("abs", x)), 1, 1),
    "sqrt": (_root, 1, 1),
    "cbrt": (lambda x: _root(x, Fraction(3)), 1, 1),
    "root": (_root, 2, 2),
    "min": (lambda *v: min(_some("min", *v)), 1, 200),
    "max": (lambda *v: max(_some("max", *v)), 1, 200),
    "sum": (lambda *v: sum(_numbers("sum", *v), Fraction(0)), 1, 200),
    "mean": (lambda *v: _mean(_some("mean", *v)), 1, 200),
    "median": (lambda *v: _median(_some("median", *v)), 1, 200),
    "mode": (lambda *v: _mode(_some("mode", *v)), 1, 200),
    "range": (lambda *v: max(_some("range", *v)) - min(_some("range", *v)), 1, 200),
    "q1": (lambda *v: _median(_halves(*v)[0]), 1, 200),
    "q3": (lambda *v: _median(_halves(*v)[1]), 1, 200),
    "iqr": (lambda *v: _median(_halves(*v)[1]) - _median(_halves(*v)[0]), 1, 200),
    "mad": (lambda *v: _mad(_some("mad", *v)), 1, 200),
    "gcd": (lambda *v: Fraction(math.gcd(*_integers("gcd", *v))), 1, 200),
    "lcm": (lambda *v: Fraction(math.lcm(*_integers("lcm", *v))), 1, 200),
    "round": (_round, 1, 2),
    "floor": (lambda x: Fraction(math.floor(_number("floor", x))), 1, 1),
    "ceil": (lambda x: Fraction(math.ceil(_number("ceil", x))), 1, 1),
    "mod": (_mod, 2, 2),
    "count": (lambda *v: Fraction(len(_numbers("count", *v))), 1, 200),
    "sort": (lambda *v: _sorted(*v), 1, 200),
    "item": (_item, 2, 2),
}


def evaluate(tree: Expr, names_: Mapping[str, Value]) -> Value:
    """The value of an expression under the values of its names.

    Raises:
        ExpressionError: an unknown name or function, a division by zero, a text where a number belongs.
    """
    kind = tree.kind
    if kind == "number":
        assert tree.value is not None
        return tree.value
    if kind == "text":
        return tree.text
    if kind == "name":
        if tree.text in names_:
            return names_[tree.text]
        if tree.text == "pi":
            return math.pi
        if tree.text in ("true", "false"):
            return tree.text == "true"
        raise ExpressionError(f"the name `{tree.text}` is not given")
    if kind == "list":
        return [evaluate(p, names_) for p in tree.parts]
    if kind == "point":
        return Point(evaluate(p, names_) for p in tree.parts)
    if kind == "neg":
        return _each(lambda x: -x, evaluate(tree.parts[0], names_))
    if kind == "not":
        return not _truth(evaluate(tree.parts[0], names_))
    if kind == "logic":
        left = _truth(evaluate(tree.parts[0], names_))
        if left == (tree.text == "or"):
            return left
        return _truth(evaluate(tree.parts[1], names_))
    if kind == "compare":
        return _compared(tree, names_)
    if kind == "call":
        return _called(tree, names_)
    return _binary(tree.text, evaluate(tree.parts[0], names_), evaluate(tree.parts[1], names_))


def _each(act: Callable[[Number], Number], value: Value) -> Value:
    if isinstance(value, Point):
        return Point(_each(act, v) for v in value)
    if isinstance(value, list):
        return [_each(act, v) for v in value]
    return act(_number("arithmetic", value))


def _truth(value: Value) -> bool:
    if not isinstance(value, bool):
        raise ExpressionError("`and`, `or`, `not` and `if` need something true or false")
    return value


def _compared(tree: Expr, names_: Mapping[str, Value]) -> bool:
    values = [evaluate(p, names_) for p in tree.parts]
    for operator, left, right in zip(tree.text.split(","), values, values[1:], strict=False):
        if operator in ("==", "!="):
            if same(left, right) != (operator == "=="):
                return False
            continue
        x, y = _number("a comparison", left), _number("a comparison", right)
        equal = same(x, y)
        less = x < y and not equal
        if not {"<": less, "<=": less or equal, ">": not less and not equal, ">=": not less}[operator]:
            return False
    return True


def _called(tree: Expr, names_: Mapping[str, Value]) -> Value:
    if tree.text == "if":
        if len(tree.parts) != 3:
            raise ExpressionError("if takes a test and two answers: if(test, a, b)")
        return evaluate(tree.parts[1 if _truth(evaluate(tree.parts[0], names_)) else 2], names_)
    if tree.text not in FUNCTIONS:
        hint = f"; for a product write {tree.text}*(...)" if tree.text in names_ else ""
        raise ExpressionError(f"there is no function `{tree.text}`{hint}")
    act, fewest, most = FUNCTIONS[tree.text]
    if not fewest <= len(tree.parts) <= most:
        raise ExpressionError(f"{tree.text} takes {fewest if fewest == most else f'{fewest} to {most}'} values")
    return act(*(evaluate(p, names_) for p in tree.parts))


def _binary(operator: str, left: Value, right: Value) -> Value:
    if isinstance(left, Point) and isinstance(right, Point) and len(left) == len(right) and operator in "+-":
        return Point(_binary(operator, a, b) for a, b in zip(left, right, strict=True))
    x, y = _number(f"`{operator}`", left), _number(f"`{operator}`", right)
    try:
        if operator == "+":
            return x + y
        if operator == "-":
            return x - y
        if operator == "*":
            return x * y
        if operator == "/":
            return x / y
        return _power(x, y)
    except ZeroDivisionError:
        raise ExpressionError("division by zero") from None
    except OverflowError:
        raise ExpressionError("a number out of range") from None


def _power(x: Number, y: Number) -> Number:
    y = exact(y)
    if isinstance(y, Fraction) and y.denominator == 1:
        if abs(y) > MAX_EXPONENT:
            raise ExpressionError(f"an exponent beyond {MAX_EXPONENT}")
        size = max(x.numerator.bit_length(), x.denominator.bit_length()) if isinstance(x, Fraction) else 0
        if size * abs(int(y)) > MAX_DIGITS * 4:
            raise ExpressionError("a number out of range")
        return x ** int(y)
    if isinstance(y, Fraction) and y.denominator <= 20:
        return _power(_root(x, Fraction(y.denominator)), Fraction(y.numerator))
    if x < 0:
        raise ExpressionError("a negative number to a power that is not whole")
    return _float(x) ** _float(y)


def same(a: Value, b: Value) -> bool:
    """Equal: exactly for fractions, to 1e-9 for irrational numbers, without case for text, part by part for lists."""
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str) and " ".join(a.lower().split()) == " ".join(b.lower().split())
    if isinstance(a, bool) or isinstance(b, bool):
        return isinstance(a, bool) and isinstance(b, bool) and a == b
    if isinstance(a, (list, Point)) or isinstance(b, (list, Point)):
        return (
            isinstance(a, (list, Point))
            and isinstance(b, (list, Point))
            and isinstance(a, Point) == isinstance(b, Point)
            and len(a) == len(b)
            and all(same(x, y) for x, y in zip(a, b, strict=True))
        )
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a == b
    x, y = _float(a), _float(b)
    return abs(x - y) <= max(SAME * max(abs(x), abs(y)), 1e-12)
