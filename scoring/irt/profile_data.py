"""Students of the concept profile: in blocks of one group each, on threads, and in halves in two processes.

Sums are added in the order of the blocks and then of the halves, wherever they were worked on, so that results depend
neither on threads nor on processes.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from scoring.irt import second
from scoring.irt.threads import one_blas_thread

Array = NDArray[np.float64]
Index = NDArray[np.int64]
T = TypeVar("T")

#: Students of a block: arrays large enough that two threads are not kept waiting for the interpreter.
_BLOCK = 2048
_THREADS = min(4, os.cpu_count() or 1)
#: Blocks from which students are worked on in halves.
_HALVED = 8


@dataclass
class ProfileData:
    """Students sorted by group, and the sites of their posteriors, which stay warm between passes.

    Attributes:
        scores: (N, J) int8, -1 where nothing enters the likelihood.
        weights: (N,) case weights.
        concept: (J,) concept of each item.
        n_concepts: C.
        blocks: row slices of one group each, with the group.
        precision, shift: (C, N) sites, changed by every pass.
        cluster: (N,) index of the cluster, or None.
        threads: on how many its blocks are worked on, None for as many as there are processors (up to four).
    """

    scores: NDArray[np.int8]
    weights: Array
    concept: Index
    n_concepts: int
    blocks: list[tuple[slice, int]]
    precision: Array
    shift: Array
    cluster: Index | None = None
    threads: int | None = None
    _halves: "list[ProfileData]" = field(default_factory=list)
    _there: second.Kept | None = None

    @classmethod
    def sorted(
        cls,
        scores: NDArray[np.int8],
        weights: Array,
        group: Index,
        concept: Index,
        n_concepts: int,
        cluster: Index | None = None,
    ) -> "ProfileData":
        """From rows already sorted by group."""
        blocks = []
        for g in range(int(group.max()) + 1):
            rows = np.flatnonzero(group == g)
            if not rows.size:
                continue
            first, last = int(rows[0]), int(rows[-1]) + 1
            blocks += [(slice(i, min(i + _BLOCK, last)), g) for i in range(first, last, _BLOCK)]
        sites = np.zeros((n_concepts, len(scores))), np.zeros((n_concepts, len(scores)))
        return cls(scores, weights, concept, n_concepts, blocks, *sites, cluster)

    def over(self, function: Callable[..., T], *arguments: Any) -> list[T]:
        """`function(half, *arguments)` of both halves, at the same time where a second process is free to help.

        With few students there is one part, all of them. The sites of a half that is worked on in the second process
        stay there.
        """
        if len(self.blocks) < _HALVED:
            return [function(self, *arguments)]
        if not self._halves:
            middle = len(self.blocks) // 2
            self._halves = [self._part(self.blocks[:middle]), self._part(self.blocks[middle:])]
        near, far = self._halves
        helper = second.current()
        if helper is None or (self._there is None and not helper.idle):
            return [function(near, *arguments), function(far, *arguments)]
        share = max(1, _THREADS // 2)
        if self._there is None:
            self._there = helper.keep(_same, replace(far, threads=share))
        job = helper.run(function, self._there, *arguments)
        first = function(replace(near, threads=share), *arguments)
        try:
            return [first, job.result()]
        except second.Lost:
            if not helper.idle:  # it is gone, not only this job: the next passes have all threads
                self._there = None
            return [first, function(far, *arguments)]

    def weighted(self, weights: Array) -> "ProfileData":
        """The same students with other weights (N,), and the same sites."""
        out = replace(self, weights=weights, _halves=[], _there=None)
        if self._halves:
            middle = len(self._halves[0].weights)
            parts = weights[:middle], weights[middle:]
            out._halves = [replace(half, weights=part) for half, part in zip(self._halves, parts, strict=True)]
            helper = second.current()
            if helper is not None and self._there is not None:
                out._there = helper.keep(_weighted, self._there, parts[1])
        return out

    def _part(self, blocks: list[tuple[slice, int]]) -> "ProfileData":
        """The students of neighbouring blocks, whose sites are the same as here."""
        start, stop = blocks[0][0].start, blocks[-1][0].stop
        moved = [(slice(rows.start - start, rows.stop - start), g) for rows, g in blocks]
        return ProfileData(
            self.scores[start:stop],
            self.weights[start:stop],
            self.concept,
            self.n_concepts,
            moved,
            self.precision[:, start:stop],
            self.shift[:, start:stop],
            None if self.cluster is None else self.cluster[start:stop],
        )


def _same(value: T) -> T:
    return value


def _weighted(data: ProfileData, weights: Array) -> ProfileData:
    return replace(data, weights=weights)


def map_blocks(
    work: Callable[[tuple[slice, int]], T], blocks: list[tuple[slice, int]], threads: int | None = None
) -> list[T]:
    """Results of the blocks in their order, computed with one BLAS thread each."""
    threads = threads or _THREADS
    with one_blas_thread():
        if threads == 1 or len(blocks) < 4:
            return [work(b) for b in blocks]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(work, blocks))
