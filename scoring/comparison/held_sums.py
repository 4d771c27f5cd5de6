"""Which sums of a table the numbers behind its percentages obey."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, hstack

from scoring.groups.attack import Counts
from scoring.irt.errors import DesignError

Array = NDArray[np.float64]


def sums_that_hold(counts: Counts, percent: Array) -> Counts:
    """The sums that the numbers behind these percentages obey (weighted rates, for example, do not).

    A sum with a part whose percentage is unknown is kept where some number in it would make it true: an attacker may
    assume it. A whole that no table shows has the number its parts give it; sums that leave it open are not used,
    since each alone might hold and all together not.
    """
    reached = np.nan_to_num(percent) / 100 * counts.size
    unknown = ~np.isfinite(percent) & (counts.size > 0)
    member = csr_array(abs(counts.sums))
    unseen = counts.derived & (np.asarray(member.sum(axis=0)).ravel() > 1)  # what is left over stands in one sum only
    reached, unknown = _fill_unseen(counts, reached, unknown, unseen)
    gap = counts.sums @ reached
    slack = 1e-6 * (member @ counts.size.astype(float)) + 1e-6
    room = np.where(unknown, counts.size, 0).astype(float)
    parts, wholes = counts.sums.maximum(0) @ room, (-counts.sums).maximum(0) @ room
    holds = (gap - wholes <= slack) & (gap + parts >= -slack)
    holds &= (member @ (unknown & unseen).astype(float)) == 0
    keep = np.flatnonzero(holds)
    keep = keep[_hold_together(csr_array(counts.sums[keep]), reached, unknown, counts.size, slack[keep])]
    return Counts(counts.size, csr_array(counts.sums[keep]), counts.derived)


def _hold_together(
    sums: csr_array, reached: Array, unknown: NDArray[np.bool_], size: NDArray[np.int64], slack: Array
) -> NDArray[np.bool_]:
    """Which sums hold with one number for every open cell: as little as possible is missed in all, what misses goes.

    Two sums may each leave a cell a number and have none in common, where shares come from different models.
    """
    fine = np.ones(sums.shape[0], dtype=bool)
    open_ = np.flatnonzero(unknown)
    times = np.asarray(abs(sums[:, open_]).sum(axis=0)).ravel()
    if not (times > 1).any():
        return fine
    one = eye_array(sums.shape[0], format="csr")
    matrix = hstack([sums[:, open_], one, -one], format="csr")
    right = -(sums @ np.where(unknown, 0.0, reached))
    upper = np.concatenate([size[open_].astype(float), np.full(2 * sums.shape[0], np.inf)])
    cost = np.concatenate([np.zeros(open_.size), np.ones(2 * sums.shape[0])])
    solver: Any = linprog
    bounds = np.column_stack([np.zeros(upper.size), upper])
    found = solver(cost, A_eq=matrix, b_eq=right, bounds=bounds, method="highs")
    if found.status != 0:  # every such program has a solution: the solver gave up, and nothing is known of the sums
        raise DesignError(
            "no-answer", f"The sums of a table could not be checked: {found.message}", "Publish fewer tables."
        )
    missed = found.x[open_.size :].reshape(2, -1).sum(axis=0)
    return np.asarray(missed <= slack)


def _fill_unseen(
    counts: Counts, reached: Array, unknown: NDArray[np.bool_], unseen: NDArray[np.bool_]
) -> tuple[Array, NDArray[np.bool_]]:
    """Numbers of the wholes that no table shows, from the first sum in which nothing else is open."""
    reached, unknown = reached.copy(), unknown.copy()
    rows = csr_array(counts.sums)
    while unseen.any():
        before = int(unknown.sum())
        for first, last in zip(rows.indptr[:-1], rows.indptr[1:], strict=True):
            cells, sign = rows.indices[first:last], rows.data[first:last]
            open_ = np.flatnonzero(unknown[cells])
            if open_.size == 1 and unseen[cells[open_[0]]]:
                k = int(open_[0])
                others = float(sign @ reached[cells]) - float(sign[k] * reached[cells[k]])
                reached[cells[k]], unknown[cells[k]] = -others / sign[k], False
        if int(unknown.sum()) == before:
            break
    return reached, unknown
