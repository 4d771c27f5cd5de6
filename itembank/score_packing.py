"""The scores of a sitting as bytes: one cell after another, in the order of the run's scales.

A cell is θ, its standard error and the chance of mastery as little-endian float64 (NaN where there is none), then the
status as one byte: a place in the run's list of words. The names of the scales and the words stand once, in a table of
the run.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from itembank.packing import row_bytes

LAYOUT = "scores"  # that table: rows ("scales", names) and ("statuses", words)
VALUES = ("theta", "se", "p_mastery")
ABSENT = 255  # the status of a scale on which a sitting has no score at all
_CELL = np.dtype([("values", "<f8", (len(VALUES),)), ("status", "u1")])
WIDTH = _CELL.itemsize


def pack(values: NDArray[np.float64], status: NDArray[np.integer]) -> list[bytes]:
    """Scores as one byte string per sitting.

    Args:
        values: (N, S, 3) θ, standard error, chance of mastery.
        status: (N, S) places in the list of words, 0 to 254, or ABSENT.

    Raises:
        ValueError: shapes that do not belong together, or a status that is no byte.
    """
    if values.shape != (*status.shape, len(VALUES)):
        raise ValueError("scores want the shapes (sittings, scales, 3) and (sittings, scales)")
    if status.size and not 0 <= int(status.min()) <= int(status.max()) <= ABSENT:
        raise ValueError("a status is a number from 0 to 255")
    block = np.empty(status.shape, dtype=_CELL)
    block["values"], block["status"] = values, status
    return row_bytes(block)


def unpack(rows: Sequence[bytes], scales: int) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """The scores of sittings of one run.

    Args:
        rows: N byte strings.
        scales: S, how many scales the run has.

    Returns:
        (N, S, 3) θ, standard error, chance of mastery; (N, S) places in the list of words, or ABSENT.

    Raises:
        ValueError: a length that is not that of S cells.
    """
    if set(map(len, rows)) - {scales * WIDTH}:
        raise ValueError("a sitting's scores do not fit its run")
    block = np.frombuffer(b"".join(rows), dtype=_CELL).reshape(len(rows), scales)
    return block["values"].astype(np.float64), block["status"].astype(np.uint8)
