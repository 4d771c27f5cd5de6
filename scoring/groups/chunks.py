"""Work on many students in pieces that stay in the processor's cache, on as many threads as the machine has for it."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_THREADS = min(4, os.cpu_count() or 1)


def over_chunks(work: Callable[[slice], T], n: int, size: int) -> list[T]:
    """Results of `work` for the rows 0..n-1 in pieces of `size`, in their order: threads change nothing.

    The pieces must not write to the same place; numpy lets go of the interpreter in its larger operations.
    """
    pieces = [slice(first, min(n, first + size)) for first in range(0, n, size)]
    if _THREADS == 1 or len(pieces) < 4:
        return [work(piece) for piece in pieces]
    # a few long jobs: handing over a piece takes as long as part of its work
    jobs = min(len(pieces), 8 * _THREADS)
    edges = [len(pieces) * k // jobs for k in range(jobs + 1)]
    with ThreadPoolExecutor(_THREADS) as pool:
        done = pool.map(lambda k: [work(piece) for piece in pieces[edges[k] : edges[k + 1]]], range(jobs))
        return [result for part in done for result in part]
