"""What an attacker can work out of a release: feasible intervals by linear programming.

The attacker knows every published number, that tables add up, that percentages are whole percents, how they are coded
at the ends, and that a hidden group has at least one student. What stays possible for a hidden number is an interval,
found by minimising and maximising it (HiGHS through scipy).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import block_array, coo_array, csc_array, csr_array, vstack
from scipy.sparse.csgraph import connected_components

from scoring.irt.errors import ScoringError

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
#: Numerical slack of the solver, in students.
SLACK = 1e-6


@dataclass(frozen=True)
class Counts:
    """Group sizes of J cells that add up.

    Attributes:
        size: (J,) students of each cell.
        sums: (E, J) sparse, +1 for the parts, -1 for the whole: sums @ size = 0.
        derived: (J,) cells that no table shows (what is left of a whole after its parts); never published.
    """

    size: NDArray[np.int64]
    sums: csr_array
    derived: Flags


@dataclass(frozen=True)
class Interval:
    """Feasible interval of one unknown and the published numbers that keep it from being wider.

    Attributes:
        low, high: the interval.
        binding: positions of known numbers with a price in either end's certificate.
    """

    low: float
    high: float
    binding: NDArray[np.int64]


def count_interval(counts: Counts, unknown: Flags, cell: int, tables: list[Array] | None = None) -> Interval:
    """Feasible sizes of a hidden cell, knowing the sizes of all cells that are not `unknown`.

    `tables` receives the whole tables, (J,), at which the ends are reached.
    """
    free = np.flatnonzero(unknown)
    place = int(np.searchsorted(free, cell))
    matrix = counts.sums[:, free]
    known = np.where(unknown, 0, counts.size)
    right = -(counts.sums @ known)
    touched = np.flatnonzero(np.diff(csr_array(matrix).indptr) > 0)
    matrix, right = csr_array(matrix)[touched], right[touched]
    # a hidden cell has at least one student, what is left over may be nobody
    lower = np.where(counts.derived[free], 0.0, 1.0)
    bounds = np.column_stack([lower, np.full(free.size, np.inf)])
    ends: list[float] = []
    price = np.zeros(counts.size.size)
    for sign in (1.0, -1.0):
        cost = np.zeros(free.size)
        cost[place] = sign
        found = _solve(cost, matrix, right, bounds) if touched.size else None
        if found is None:
            ends.append(float(lower[place]) if sign > 0 else float("inf"))
            continue
        ends.append(float(found.x[place]))
        price = np.maximum(price, np.abs(counts.sums[touched].T @ found.eqlin.marginals))
        if tables is not None:
            tables.append(known.astype(float))
            tables[-1][free] = found.x
    return Interval(ends[0], ends[1], np.flatnonzero((price > 1e-9) & ~unknown))


@dataclass(frozen=True)
class Shares:
    """What is known of the numbers behind percentages: students who reached something, cell by cell.

    Attributes:
        low, high: (J,) bounds on the number reached in cells whose size is known; 0 and size where nothing is said.
    """

    low: Array
    high: Array


#: Whether a number is safe if all of an interval is feasible for it; wider intervals are safe as well.
Test = Callable[[Interval], bool]
_NONE = np.zeros(0, dtype=np.int64)
#: Columns of a program and feasible values of them.
Solution = tuple[NDArray[np.int64], Array]


class Joint:
    """Everything a release says about sizes and about one or more measures, as one linear program.

    Unknowns are the numbers reached in every cell, measure after measure, and then the sizes of hidden cells; a number
    reached is at most the size. What no constraint connects is solved apart.
    """

    def __init__(self, counts: Counts, unknown: Flags, measures: Sequence[tuple[Counts, Shares]]) -> None:
        """
        Args:
            counts: sizes and the sums that hold for them.
            unknown: (J,) hidden and derived cells.
            measures: for each, the sums that hold for it (same cells) and the bounds that are known.
        """
        self.counts, self.unknown = counts, unknown
        self.free = np.flatnonzero(unknown)
        j, h, m = counts.size.size, self.free.size, len(measures)
        self.cells, self.measures = j, m
        known = np.where(unknown, 0, counts.size)
        blocks: list[list[Any]] = [[None] * (m + 1) for _ in range(m + 1)]
        right: list[Array] = []
        for i, (own, _) in enumerate(measures):
            blocks[i][i] = csr_array(own.sums)
            right.append(np.zeros(own.sums.shape[0]))
        blocks[m][m] = csr_array(counts.sums[:, self.free]) if h else csr_array((counts.sums.shape[0], 0))
        right.append(np.asarray(-(counts.sums @ known) if h else np.zeros(counts.sums.shape[0]), dtype=float))
        self.equal = block_array(blocks, format="csr")
        self.right = np.concatenate(right)
        self.bounds = np.empty((m * j + h, 2))
        for i, (_, shares) in enumerate(measures):
            self.bounds[i * j : (i + 1) * j, 0] = np.where(unknown, 0.0, shares.low)
            self.bounds[i * j : (i + 1) * j, 1] = np.where(unknown, np.inf, shares.high)
        self.bounds[m * j :, 0] = np.where(counts.derived[self.free], 0.0, 1.0)
        self.bounds[m * j :, 1] = np.inf
        self.solutions: list[Solution] = []
        self.parts: dict[int, _Part] = {}
        self.lowest = np.full(m * j + h, np.inf)
        self.highest = np.full(m * j + h, -np.inf)
        self.above = None
        if h and m:  # reached - size <= 0
            row = np.arange(m * h)
            column = np.concatenate([i * j + self.free for i in range(m)])
            size = np.tile(m * j + np.arange(h), m)
            self.above = coo_array(
                (
                    np.concatenate([np.ones(m * h), -np.ones(m * h)]),
                    (np.concatenate([row, row]), np.concatenate([column, size])),
                ),
                shape=(m * h, m * j + h),
            ).tocsr()

    def start_from(self, solutions: Sequence[Solution]) -> None:
        """Take over solutions of an earlier, similar program, as far as they keep this one's bounds.

        Sums and sizes have to be the same in both; only bounds may differ.
        """
        for columns, x in solutions:
            low, high = self.bounds[columns].T
            if np.all(x >= low - SLACK) and np.all(x <= high + SLACK):
                self._remember(columns, x)

    def _remember(self, columns: NDArray[np.int64], x: Array) -> None:
        self.solutions.append((columns, x))
        self.lowest[columns] = np.minimum(self.lowest[columns], x)
        self.highest[columns] = np.maximum(self.highest[columns], x)

    @cached_property
    def _label(self) -> NDArray[np.int32]:
        rows = self.equal if self.above is None else vstack([self.equal, self.above], format="csr")
        link = csr_array(abs(rows))
        return np.asarray(connected_components(link.T @ link, directed=False)[1])

    def _part(self, variable: int) -> "_Part":
        """The unknowns that constraints connect with this one, and these constraints."""
        label = int(self._label[variable])
        if label not in self.parts:
            columns = np.flatnonzero(self._label == label)
            equal, rows = _rows_of(self.equal, columns)
            above = None if self.above is None else _rows_of(self.above, columns)[0]
            if above is not None and not above.shape[0]:
                above = None
            self.parts[label] = _Part(columns, equal, self.right[rows], above)
        return self.parts[label]

    def share(self, cell: int, measure: int = 0, safe: Test | None = None) -> Interval | None:
        """Feasible numbers reached in a cell; None as soon as `safe` accepts what is known to be feasible."""
        return self._interval(measure * self.cells + cell, safe)

    def size(self, cell: int, safe: Test | None = None) -> Interval | None:
        """Feasible sizes of a hidden cell. `binding` counts on: cell + J x measure."""
        return self._interval(self.measures * self.cells + int(np.searchsorted(self.free, cell)), safe)

    def _interval(self, variable: int, safe: Test | None) -> Interval | None:
        ends: list[float] = []
        price = np.zeros(self.bounds.shape[0])
        part = self._part(variable)
        for sign in (1.0, -1.0):
            # every solution is a table the attacker cannot rule out: often those at hand already settle the question
            if safe is not None and safe(Interval(self.lowest[variable], self.highest[variable], _NONE)):
                return None
            if part.columns.size == 1 and not part.equal.shape[0]:
                self._remember(part.columns, self.bounds[part.columns, 0 if sign > 0 else 1])
                ends.append(float(self.bounds[variable, 0 if sign > 0 else 1]))
                price[variable] = 1.0
                continue
            cost = (part.columns == variable) * sign
            found = _solve(cost, part.equal, part.right, self.bounds[part.columns], part.above)
            if found is None:
                ends.append(float("inf"))
                self.highest[variable] = np.inf
                continue
            ends.append(float(found.x[part.columns == variable][0]))
            self._remember(part.columns, found.x)
            both = np.abs(found.lower.marginals) + np.abs(found.upper.marginals)
            price[part.columns] = np.maximum(price[part.columns], both)
        known = ~np.tile(self.unknown, self.measures)
        found_interval = Interval(ends[0], ends[1], np.flatnonzero((price[: known.size] > 1e-9) & known))
        return None if safe is not None and safe(found_interval) else found_interval


@dataclass(frozen=True)
class _Part:
    """Unknowns that no constraint connects with others: their columns, and what holds for them."""

    columns: NDArray[np.int64]
    equal: csr_array
    right: Array
    above: csr_array | None


def _rows_of(matrix: csr_array, columns: NDArray[np.int64]) -> tuple[csr_array, NDArray[np.int64]]:
    """The rows that speak of these columns, cut down to them, and which they are."""
    cut = csr_array(csc_array(matrix)[:, columns])
    rows = np.flatnonzero(np.diff(cut.indptr) > 0)
    return csr_array(cut[rows]), rows


def _solve(cost: Array, equal: Any, right: Array, bounds: Array, above: Any = None) -> Any:
    """The optimum of a linear program, None where it is unbounded."""
    solver: Any = linprog
    limits = None if above is None else np.zeros(above.shape[0])
    found = solver(cost, A_eq=equal, b_eq=right, A_ub=above, b_ub=limits, bounds=bounds, method="highs")
    if found.status == 3:
        return None
    if found.status != 0:
        raise ScoringError(
            "audit", "The numbers of the release contradict each other.", "Check that the tables add up."
        )
    return found
