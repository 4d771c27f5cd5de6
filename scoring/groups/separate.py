"""What of a release need not be attacked with all its measures at once.

Measures of one release speak of the same hidden sizes, and only through them of each other. Two proofs, each one
linear program for all measures, spare most attacks:

- A measure says nothing of the sizes if every table of sizes that the sums allow can be completed with numbers reached.
  A rule that completes them all shows it: in every part of the table one rate for the hidden cells, and a fixed number
  within its known range for each cell whose size is known. A sum of numbers reached then holds for all sizes at once
  if it holds with its hidden students counted together, and their total is known from the sizes that are printed.
- With sizes as they are the measures have nothing to do with each other. Numbers that an attacker cannot rule out there
  he cannot rule out at all, whatever else he knows of other measures.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import block_diag, csc_array, csr_array, eye_array, hstack
from scipy.sparse.csgraph import connected_components

from scoring.groups.attack import SLACK, Counts, Shares

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def quiet_measures(helds: Sequence[Counts], unknown: Flags, shares: Sequence[Shares]) -> Flags:
    """(M,) measures that leave all sizes possible that the sums of sizes leave possible.

    Args:
        helds: for each measure sizes and the sums that hold for it; each is a sum of sizes as well.
        unknown: (J,) cells whose size is hidden or derived; nothing is known of their numbers reached.
        shares: for each measure what is known of the numbers reached in the other cells.

    Returns:
        True is a proof; False only says that there is no such rule.
    """
    matrices = [_one_rate(held, unknown) for held in helds]
    known = np.flatnonzero(~unknown)
    low, high = np.zeros(0), np.zeros(0)
    for matrix, told in zip(matrices, shares, strict=True):
        rates = matrix.shape[1] - known.size
        low = np.concatenate([low, told.low[known], np.zeros(rates)])
        high = np.concatenate([high, told.high[known], np.ones(rates)])
    rows = np.array([matrix.shape[0] for matrix in matrices])
    if not rows.sum():
        return np.ones(len(helds), dtype=bool)
    # a sum may be missed, at a price; measures that miss none obey the rule
    one = eye_array(int(rows.sum()), format="csr")
    whole = hstack([block_diag(matrices, format="csr"), one, -one], format="csr")
    missed = 2 * int(rows.sum())
    found = _solve(
        np.concatenate([np.zeros(low.size), np.ones(missed)]),
        whole,
        np.concatenate([low, np.zeros(missed)]),
        np.concatenate([high, np.full(missed, np.inf)]),
    )
    if found is None:
        return np.zeros(len(helds), dtype=bool)
    misses = found[low.size :].reshape(2, -1).sum(axis=0)
    of = np.repeat(np.arange(len(helds)), rows)
    return np.asarray(np.bincount(of, misses, minlength=len(helds)) <= SLACK)


def _one_rate(held: Counts, unknown: Flags) -> csr_array:
    """Sums of a measure in numbers of known cells and rates of parts of hidden ones, (sums, known cells + parts)."""
    sums = csc_array(held.sums)
    known = np.flatnonzero(~unknown)
    hidden = csr_array(abs(sums[:, np.flatnonzero(unknown)]))
    printed = csr_array(sums[:, known])
    touched = np.flatnonzero(np.diff(hidden.indptr) > 0)
    if not touched.size:
        return printed
    parts, label = connected_components(hidden.T @ hidden, directed=False)
    # the hidden students of a sum, as the printed sizes say: what its known cells fall short or exceed
    missing = -(printed @ held.size[known].astype(float))
    column = label[hidden.indices[hidden.indptr[touched]]]
    rates = csr_array((missing[touched], (touched, column)), shape=(sums.shape[0], parts))
    return hstack([printed, rates], format="csr")


def possible_numbers(
    helds: Sequence[Counts], unknown: Flags, shares: Sequence[Shares], cells: Sequence[NDArray[np.int64]]
) -> tuple[Array, Array] | None:
    """Numbers reached that are possible with sizes as they are, all measures together.

    Args:
        helds, unknown, shares: as for `quiet_measures`.
        cells: for each measure those whose numbers are to lie as far apart as they can, small cells before large ones.

    Returns:
        (M, J) low and high, both possible; None if what is known does not fit these sizes.
    """
    m, j = len(helds), unknown.size
    size = helds[0].size.astype(float)
    low = np.concatenate([np.where(unknown, 0.0, told.low) for told in shares])
    high = np.concatenate([np.where(unknown, size, told.high) for told in shares])
    cost = np.zeros((m, j))
    for i, chosen in enumerate(cells):
        cost[i, chosen] = 1 / size[chosen]
    matrix = block_diag([held.sums for held in helds], format="csr")
    one, two = (_solve(sign * cost.ravel(), matrix, low, high) for sign in (1.0, -1.0))
    if one is None or two is None:
        return None
    return np.minimum(one, two).reshape(m, j), np.maximum(one, two).reshape(m, j)


def _solve(cost: Array, matrix: csr_array, low: Array, high: Array) -> Array | None:
    solver: Any = linprog
    bounds = np.column_stack([low, high])
    found = solver(cost, A_eq=matrix, b_eq=np.zeros(matrix.shape[0]), bounds=bounds, method="highs")
    return found.x if found.status == 0 else None
