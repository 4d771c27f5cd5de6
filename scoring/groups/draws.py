"""Standard normal numbers that belong to a name, not to a position.

A draw for a student depends on the run's seed, the student's identifier and the draw's number, so it does not matter
in which order the rows come, how they are cut into chunks, or who else is in the file.
"""

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Array = NDArray[np.float64]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)


def keys(names: Iterable[object], seed: int, purpose: str = "") -> NDArray[np.uint64]:
    """One 64-bit key per name, from BLAKE2b over purpose, seed and name. Shape (N,)."""
    head = f"{purpose}\x1f{int(seed)}\x1f".encode()
    found = b"".join([blake2b(head + str(name).encode(), digest_size=8).digest() for name in names])
    return np.frombuffer(found, dtype="<u8").astype(np.uint64)


def normals(key: NDArray[np.uint64], count: int, first: int = 0) -> Array:
    """Standard normal numbers, (N, count): columns first, first + 1, ... of each key's own stream.

    The stream is SplitMix64 (Steele, Lea & Flood 2014), turned into normals by the inverse distribution function.
    """
    step = np.arange(first + 1, first + count + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        z = key[:, None] + step * _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * _MIX1
        z = (z ^ (z >> np.uint64(27))) * _MIX2
        z ^= z >> np.uint64(31)
    uniform = (z >> np.uint64(11)).astype(np.float64)
    uniform += 0.5  # never 0, so never an infinite draw
    uniform *= 2.0**-53
    # 2^53 - 0.5 rounds to 2^53: keep the upper end inside as well
    return np.asarray(ndtri(np.minimum(uniform, 1.0 - 2.0**-53)), dtype=np.float64)
