"""Rows of different heights in columns that are as short as they can be, in order."""

from collections.abc import Sequence


def columns(rows: Sequence[tuple[str, float]], number: int) -> list[list[str]]:
    """The rows' texts in `number` columns (the last ones may be empty); the least height that suffices, by bisection.

    Args:
        rows: (text, height) in order.
        number: of columns, 1 or more.
    """
    low, high = max((h for _, h in rows), default=0.0), sum(h for _, h in rows)
    while high - low > 0.1:
        middle = (low + high) / 2
        low, high = (low, middle) if len(_filled(rows, middle)) <= number else (middle, high)
    found = _filled(rows, high)
    return [*found, *([] for _ in range(number - len(found)))]


def _filled(rows: Sequence[tuple[str, float]], most: float) -> list[list[str]]:
    found: list[list[str]] = []
    height = most
    for text, own in rows:
        if height + own > most + 1e-9:
            found.append([])
            height = 0.0
        found[-1].append(text)
        height += own
    return found
