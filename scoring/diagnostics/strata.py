"""Students of equal standing: the strata within which observed-score DIF methods compare groups.

Two students are compared only if they took the same matching items and reached the same value on them; so booklets,
and answers that are missing for other reasons, never mix.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.irt.distinct import distinct_numbers, distinct_rows_of

Array = NDArray[np.float64]
Scores = NDArray[np.int8]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Strata:
    """Strata of the students who took one item.

    Attributes:
        rows: (n,) positions of these students.
        level: (n,) stratum 0..K-1 of each.
        value: (K,) matching value of each stratum, comparable between booklets.
    """

    rows: Index
    level: Index
    value: Array


@dataclass(frozen=True)
class Matching:
    """What students are matched on.

    Attributes:
        scores: (N, J) points, -1 missing.
        items: positions of the matching items.
        include: the studied item belongs to its own matching score.
        studied: (N, J) whether the student's own score on an item may be studied; None: wherever there is a score.
            An item not reached counts 0 in the matching score of the others and is not studied itself.
    """

    scores: Scores
    items: Index
    include: bool = True
    studied: NDArray[np.bool_] | None = None


class MatchingScore:
    """The matching score of all students, computed once and completed item by item."""

    def __init__(self, matching: Matching) -> None:
        self.matching = matching
        part = matching.scores[:, matching.items]
        taken = part >= 0
        points = np.maximum(part, 0)
        self.value = points.sum(axis=1, dtype=np.int64)
        self.complete = bool(taken.all())
        self.top = np.maximum(matching.scores.max(axis=0, initial=0), 1).astype(float)
        self.members = set(matching.items.tolist())
        if not self.complete:
            # comparable between booklets: points minus the item means, per possible point
            mean = points.sum(axis=0) / np.maximum(taken.sum(axis=0), 1)
            one, self.pattern = distinct_rows_of(taken)
            self.expected = taken[one] @ mean
            self.possible = taken[one] @ self.top[matching.items]

    def strata(self, item: int, eligible: NDArray[np.bool_] | None = None) -> Strata:
        """Strata for one item, over the students who took it (and are `eligible`)."""
        m = self.matching
        x = m.scores[:, item]
        seen = x >= 0
        if m.studied is not None:
            seen = seen & m.studied[:, item]
        rows = np.flatnonzero(seen if eligible is None else seen & eligible)
        sign = int(m.include) - int(item in self.members)  # +1 to add its points, -1 to take them away
        own = sign * x[rows].astype(np.int64)
        value = self.value[rows] + own
        if self.complete or not len(rows):
            distinct, level = distinct_numbers(value)
            return Strata(rows, level, distinct.astype(float))
        span = int(value.max()) + 1
        found, level = distinct_numbers(self.pattern[rows] * span + value)
        booklet, value = found // span, found % span
        # of a stratum: the same items, the same points
        possible = self.possible[booklet] + sign * self.top[item]
        residual = value - self.expected[booklet] - sign * x[rows].mean()
        scale = self.top[m.items].sum() + sign * self.top[item]
        return Strata(
            rows, level, np.where(possible > 0, residual / np.where(possible > 0, possible, 1.0), 0.0) * scale
        )


def cells(level: Index, group: Index, score: Index, n_groups: int, n_categories: int) -> Index:
    """(n,) which cell of the table of strata, groups and scores each student is in, the score running fastest."""
    cell = level * n_groups
    cell += group
    cell *= n_categories
    cell += score
    return cell


def cell_counts(cell: Index, shape: tuple[int, int, int]) -> Array:
    """(K, G, C) numbers of students by stratum, group and score."""
    return np.bincount(cell, minlength=shape[0] * shape[1] * shape[2]).reshape(shape).astype(float)
