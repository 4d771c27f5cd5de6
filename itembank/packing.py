"""Raw responses of a sitting as bytes: one code per item of the form, 1, 2 or 4 bytes each, little-endian.

The width is the length divided by the number of items, so each sitting reads by itself.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

NOT_ADMINISTERED, OMITTED, NOT_REACHED, INVALID = range(4)
FIRST_ANSWER = 4
BLANKS = {
    "not administered": NOT_ADMINISTERED,
    "omitted": OMITTED,
    "not reached": NOT_REACHED,
    "invalid": INVALID,
}
_WIDTHS = ((1, "<u1", 1 << 8), (2, "<u2", 1 << 16), (4, "<u4", 1 << 32))


def pack(codes: NDArray[np.integer]) -> list[bytes]:
    """Rows of codes as bytes.

    Args:
        codes: (N, J) non-negative.

    Returns:
        N byte strings, all of the narrowest width that holds the largest code.
    """
    largest = int(codes.max(initial=0))
    dtype = next(d for _, d, limit in _WIDTHS if largest < limit)
    return row_bytes(codes.astype(dtype))


def row_bytes(block: NDArray[Any]) -> list[bytes]:
    """The rows of an (N, K) array as N byte strings, cut from one copy."""
    step = block.shape[1] * block.itemsize
    data = block.tobytes()
    return [data[i : i + step] for i in range(0, len(data), step)] if step else [b""] * len(block)


def unpack(rows: Sequence[bytes], items: int) -> NDArray[np.uint32]:
    """The codes of sittings of one form.

    Args:
        rows: N byte strings.
        items: J, the number of items of the form.

    Returns:
        (N, J) uint32.

    Raises:
        ValueError: a length that is no multiple of J by 1, 2 or 4.
    """
    out = np.zeros((len(rows), items), dtype=np.uint32)
    lengths = np.fromiter((len(r) for r in rows), dtype=np.int64, count=len(rows))
    known = np.zeros(len(rows), dtype=bool)
    for width, dtype, _ in _WIDTHS:
        here = np.flatnonzero(lengths == width * items)
        if len(here):
            data = rows if len(here) == len(rows) else [rows[int(i)] for i in here]
            out[here] = np.frombuffer(b"".join(data), dtype=dtype).reshape(len(here), items)
            known[here] = True
    if not known.all():
        raise ValueError("a sitting's responses do not fit its form")
    return out
