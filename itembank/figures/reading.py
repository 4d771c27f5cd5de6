"""From the text of a figure's data to numbers, points and labels."""

import difflib
from collections.abc import Mapping
from fractions import Fraction

from itembank.item_model import Data
from itembank.verify_syntax import ExpressionError, parse
from itembank.verify_values import Point, Value, evaluate

__all__ = ["Data", "FigureError", "Reader", "label"]

MAX_MARKS = 400


class FigureError(ValueError):
    """The figure cannot be drawn. `hint` says what would be drawn."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class Reader:
    """Reads the keys of one figure; `finish` names the keys that nothing asked for."""

    def __init__(self, data: Mapping[str, Data], of: str = "the figure") -> None:
        self.data, self.of = data, of
        self.asked: set[str] = set()

    def get(self, key: str) -> Data | None:
        self.asked.add(key)
        return self.data.get(key)

    def finish(self) -> None:
        extra = [k for k in self.data if k not in self.asked]
        if extra:
            close = difflib.get_close_matches(extra[0], sorted(self.asked), 1, 0.5)
            hint = f"did you mean `{close[0]}`?" if close else "its keys are " + ", ".join(sorted(self.asked))
            raise FigureError(f"{self.of} has no key `{extra[0][:40]}`", hint)

    def number(self, key: str, default: Fraction | None = None) -> Fraction:
        value = self.get(key)
        if value is None:
            if default is None:
                raise FigureError(f"{self.of} lacks `{key}`", f"add `{key}: number`")
            return default
        return to_number(value, key)

    def text(self, key: str, default: str = "") -> str:
        value = self.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise FigureError(f"`{key}` of {self.of} is one line of text")
        return label(value)

    def yes(self, key: str) -> bool:
        value = self.get(key)
        if value is None:
            return False
        if str(value).lower() in ("yes", "true", "on"):
            return True
        if str(value).lower() in ("no", "false", "off"):
            return False
        raise FigureError(f"`{key}` of {self.of} is yes or no")

    def numbers(self, key: str) -> list[Fraction]:
        value = self.get(key)
        return [] if value is None else [to_number(v, key) for v in several(value, key)]

    def points(self, key: str) -> list[tuple[Fraction, Fraction]]:
        value = self.get(key)
        return [] if value is None else [to_point(v, key) for v in several(value, key)]

    def named(self, key: str) -> list[tuple[str, Data]]:
        """(name, value) of a mapping, or of a list whose values have no names."""
        value = self.get(key)
        if value is None:
            return []
        if isinstance(value, Mapping):
            return [(label(k), v) for k, v in limited(list(value.items()), key)]
        return [("", v) for v in several(value, key)]

    def parts(self, key: str) -> list["Reader"]:
        """A list of mappings; one mapping stands for a list of one."""
        value = self.get(key)
        if value is None:
            return []
        entries = [value] if isinstance(value, Mapping) else several(value, key)
        found = []
        for entry in entries:
            if not isinstance(entry, Mapping):
                raise FigureError(f"an entry of `{key}` is a mapping", f"{key}: [{{...}}]")
            found.append(Reader(entry, f"an entry of `{key}`"))
        return found


def limited(values: list[tuple[str, Data]], key: str) -> list[tuple[str, Data]]:
    if len(values) > MAX_MARKS:
        raise FigureError(f"`{key}` has more than {MAX_MARKS} entries")
    return values


def several(value: Data, key: str) -> list[Data]:
    if isinstance(value, Mapping):
        raise FigureError(f"`{key}` is a list", f"{key}: [1, 2, 3]")
    if isinstance(value, str):
        try:
            read = evaluate(parse(value), {})
        except ExpressionError as error:
            raise FigureError(f"`{key}`: {error}", f"{key}: [1, 2, 3]") from None
        values: list[Data] = [_as_data(v) for v in read] if isinstance(read, list) else [value]
    else:
        values = list(value)
    if len(values) > MAX_MARKS:
        raise FigureError(f"`{key}` has more than {MAX_MARKS} entries")
    return values


def _as_data(value: Value) -> Data:
    if isinstance(value, (list, Point)):
        return tuple(_as_data(v) for v in value)
    return str(value)


def to_number(value: Data, key: str) -> Fraction:
    if not isinstance(value, str):
        raise FigureError(f"`{key}` is a number", "3, -2.5, 3/4 or 2 1/2")
    try:
        read = evaluate(parse(value.strip(), True), {})
    except ExpressionError as error:
        raise FigureError(f"`{key}: {value[:30]}`: {error}", "a number such as 3, -2.5, 3/4 or 2 1/2") from None
    if not isinstance(read, (Fraction, float)) or isinstance(read, bool):
        raise FigureError(f"`{key}: {value[:30]}` is not a number")
    if not -(10**12) <= read <= 10**12:
        raise FigureError(f"`{key}: {value[:30]}` is too large to draw")
    return Fraction(read).limit_denominator(10**9)


def to_point(value: Data, key: str) -> tuple[Fraction, Fraction]:
    if isinstance(value, str):
        try:
            read = evaluate(parse(value), {})
        except ExpressionError as error:
            raise FigureError(f"`{key}`: {error}", 'a point is [2, 3] or "(2, 3)"') from None
        if isinstance(read, (Point, list)) and len(read) == 2:
            value = tuple(_as_data(v) for v in read)
    if isinstance(value, tuple) and len(value) == 2:
        return to_number(value[0], key), to_number(value[1], key)
    raise FigureError(f"`{key}` holds something that is no point", 'a point is [2, 3] or "(2, 3)"')


def label(text: str) -> str:
    """Text of a figure: math marks taken off."""
    from itembank.mathtext import plain

    return plain(text) if "$" in text else " ".join(text.split())
