"""Shares of repeated answers with intervals that know of students and schools."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from scoring.diagnostics.observed_curves import wilson

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Shares:
    """Shares in C cells.

    Attributes:
        share: (C,) chosen/offered; NaN where nothing was offered.
        low, high: (C,) 95 % interval.
        offered: (C,) answers; students: (C,) of how many students; units: (C,) independent units they come from.
    """

    share: Array
    low: Array
    high: Array
    offered: Index
    students: Index
    units: Index


def shares(chosen: Array, offered: Array, cell: Index, n_cells: int, unit: Index | None = None) -> Shares:
    """Share of answers that chose something, over cells of students.

    The variance is that of a ratio of sums over independent units: schools where given, else students, each of whom
    may have met it several times. The interval is Wilson's at the number of independent answers with that variance
    (Korn & Graubard 1998; Dean & Pagano 2015), with t for few schools.

    Args:
        chosen, offered: (N,) numbers of answers of each student.
        cell: (N,) cell of each student, -1 outside.
        n_cells: C.
        unit: (N,) school 0..S-1 of each student.
    """
    use = (cell >= 0) & (offered > 0)
    at, x, n = cell[use], chosen[use].astype(float), offered[use].astype(float)
    total_x, total_n = (np.bincount(at, weights=v, minlength=n_cells) for v in (x, n))
    students = np.bincount(at, minlength=n_cells)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = total_x / total_n
    residual = x - p[at] * n
    if unit is None:
        units, squares = students, np.bincount(at, weights=residual**2, minlength=n_cells)
    else:
        pair, inverse = np.unique(at * (int(unit.max()) + 1) + unit[use], return_inverse=True)
        sums = np.bincount(inverse.ravel(), weights=residual, minlength=len(pair))
        of_pair = pair // (int(unit.max()) + 1)
        units = np.bincount(of_pair, minlength=n_cells)
        squares = np.bincount(of_pair, weights=sums**2, minlength=n_cells)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = squares * units / np.maximum(units - 1, 1) / total_n**2
        effective = np.minimum(np.where(variance > 0, p * (1 - p) / variance, students), total_n)
        effective = np.where(units > 1, effective, 1.0)
    z = np.full(n_cells, 1.959963984540054)
    if unit is not None:
        z = np.where(units > 1, stdtrit(np.maximum(units - 1, 1), 0.975), z)
    low, high = wilson(p, effective, z)
    return Shares(p, low, high, total_n.astype(np.int64), students.astype(np.int64), units.astype(np.int64))
