"""Distinct values and rows without sorting the students: what `numpy.unique` finds, from tables of what occurs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]

#: A table may be this many times as long as what is looked up in it.
_SPARSE = 4


def distinct_numbers(values: NDArray[np.integer[Any]]) -> tuple[Index, Index]:
    """The distinct whole numbers in ascending order, and which of them each is: `np.unique(..., return_inverse=True)`.

    Args:
        values: (N,).

    Returns:
        (D,) numbers and (N,) positions.
    """
    if not values.size:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    low, high = int(values.min()), int(values.max())
    if high - low > _SPARSE * values.size + 1024:
        found, position = np.unique(values, return_inverse=True)
        return found.astype(np.int64), position.reshape(-1).astype(np.int64)
    place = np.subtract(values, low, dtype=np.int64)
    there = np.zeros(high - low + 1, dtype=bool)
    there[place] = True
    found = np.flatnonzero(there)
    rank = np.cumsum(there, dtype=np.int64) - 1
    return found + low, rank[place]


def distinct_rows_of(table: NDArray[Any]) -> tuple[Index, Index]:
    """Rows that hold the distinct rows in lexicographic order, and which of them each row is.

    Column by column: a code of the columns so far, numbered anew after each, so that few distinct rows stay few
    numbers; truth values eight columns at a time. The order is that of `np.unique(table, axis=0)`.

    Args:
        table: (N, K) numbers or truth values without NaN.

    Returns:
        (D,) positions of a row of each kind, (N,) kinds.
    """
    if table.dtype == np.bool_:
        table = np.packbits(table, axis=1)
    n = len(table)
    kind = np.zeros(n, dtype=np.int64)
    kinds = 1 if n else 0
    for column in table.T:
        level, levels = _levels(column)
        if levels > 1:
            found, kind = distinct_numbers(kind * levels + level)
            kinds = found.size
    one = np.empty(kinds, dtype=np.int64)
    one[kind[::-1]] = np.arange(n - 1, -1, -1)  # the last assignment stands: the first row of each kind
    return one, kind


def _levels(column: NDArray[Any]) -> tuple[Index, int]:
    """(N,) rank of each value among the column's distinct values, and how many there are."""
    if np.issubdtype(column.dtype, np.integer):
        found, level = distinct_numbers(column)
        return level, found.size
    if column.size and bool(np.all((column == 0) | (column == 1))):  # indicators, the usual columns of a design
        return column.astype(np.int64), 2
    values, inverse = np.unique(column, return_inverse=True)
    return inverse.reshape(-1).astype(np.int64), values.size
