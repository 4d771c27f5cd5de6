"""A student's θ from frozen item parameters: likelihoods on a grid and expected a posteriori (EAP) scores.

Everything works in chunks of students with one BLAS thread, so that a million students need no more memory than
two thousand. The likelihood of a student over the nodes is one matrix product: the indicators of the categories
chosen times log P_k - log P_0, the sum of log P_0 taken once for the whole test.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.irt.curves import Array, ItemParameters, information, log_probabilities
from scoring.irt.errors import DesignError
from scoring.irt.threads import one_blas_thread

CHUNK = 2048
Scores = NDArray[np.int8]


@dataclass(frozen=True)
class Abilities:
    """Scores of N students.

    Attributes:
        theta: (N,) in θ units; NaN without a response, ±inf where a maximum likelihood estimate is not finite.
        se: (N,) standard error (EAP: posterior SD); NaN where theta is not finite.
    """

    theta: Array
    se: Array


def check_scores(items: ItemParameters, scores: Scores) -> None:
    """Refuse scores that the items cannot have, every item at once.

    Raises:
        DesignError: wrong number of columns, or a score above an item's highest category.
    """
    if scores.ndim != 2 or scores.shape[1] != len(items):
        raise DesignError("wrong-shape", f"{len(items)} items but scores of shape {scores.shape}.")
    if not len(scores):
        return
    too_high = np.flatnonzero(scores.max(axis=0) >= items.categories)
    if too_high.size:
        details = [
            f"{items.names[j]}: score {int(scores[:, j].max())}, highest possible {int(items.categories[j]) - 1}"
            for j in too_high
        ]
        raise DesignError(
            "score-too-high",
            "Some scores are higher than the calibrated items allow.",
            "Score the responses with the same key and rubric as in the calibration.",
            details,
        )


class LogTables:
    """A table f(item, category, node) and its sum over the items of each student, by matrix products.

    `sums(scores)` is Σ_j f(j, x_ij, q) over the items with x_ij >= 0, shape (n, Q). The part of category 0 is
    taken once for the whole test; students with empty cells get those items' part taken off again.
    """

    def __init__(self, table: Array, categories: NDArray[np.int64]) -> None:
        self.base = table[:, 0].sum(axis=0)
        self.first = np.ascontiguousarray(table[:, 0])
        # columns (item, k >= 1) that exist, grouped by k so that one comparison serves all items
        self.columns = [np.flatnonzero(categories > k) for k in range(1, table.shape[1])]
        self.tables = [
            np.ascontiguousarray(table[c, k] - table[c, 0]) for k, c in enumerate(self.columns, start=1) if c.size
        ]
        self.whole = [c.size == table.shape[0] for c in self.columns]

    def sums(self, scores: Scores) -> Array:
        out = np.broadcast_to(self.base, (len(scores), self.base.size)).copy()
        for k, table in enumerate(self.tables, start=1):
            part = scores if self.whole[k - 1] else scores[:, self.columns[k - 1]]
            out += (part == k).astype(float) @ table
        if scores.min(initial=0) < 0:
            out -= (scores < 0).astype(float) @ self.first
        return out


def chunks(n: int, size: int = CHUNK) -> Iterator[slice]:
    """Slices that cover 0..n in order."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def normal_log_weights(nodes: Array, mean: float, sd: float) -> Array:
    """Log of normal density weights on the nodes, normalised to sum to one, (Q,)."""
    if not sd > 0:
        raise DesignError("bad-prior", f"The prior's standard deviation is {sd:g}.", "Give a positive one.")
    z = -0.5 * ((np.asarray(nodes) - mean) / sd) ** 2
    z -= z.max()
    return np.asarray(z - np.log(np.exp(z).sum()))


def scoring_nodes(items: ItemParameters, mean: float = 0.0, sd: float = 1.0, nodes: Array | None = None) -> Array:
    """A rectangular grid fine and wide enough for EAP scores under a normal prior.

    Starts from `nodes` (default 61 on [-6, 6]). Widened at the same spacing to mean ± 6 sd, and refined by halving
    until the spacing is at most the smallest posterior SD the test can give, 1/sqrt(max I(θ) + 1/sd²): with that
    spacing the rectangular rule is exact to about 2 exp(-2π²) = 5e-9 of a posterior SD.
    """
    grid = np.linspace(-6.0, 6.0, 61) if nodes is None else np.asarray(nodes, dtype=float)
    step = (grid[-1] - grid[0]) / (len(grid) - 1)
    below = max(0, int(np.ceil((grid[0] - (mean - 6 * sd)) / step - 1e-9)))
    above = max(0, int(np.ceil(((mean + 6 * sd) - grid[-1]) / step - 1e-9)))
    low, count = grid[0] - below * step, len(grid) + below + above
    wide = low + step * np.arange(count)
    smallest = 1.0 / np.sqrt(information(items, wide).sum(axis=0).max(initial=0.0) + 1 / sd**2)
    halvings = min(6, max(0, int(np.ceil(np.log2(step / smallest)))))
    if not (below or above or halvings):
        return grid
    return np.asarray(low + step / 2**halvings * np.arange((count - 1) * 2**halvings + 1))


def eap(
    items: ItemParameters,
    scores: Scores,
    nodes: Array,
    log_weights: Array,
    group: NDArray[np.int64] | None = None,
) -> Abilities:
    """Expected a posteriori scores and posterior standard deviations (Bock & Mislevy 1982).

    Args:
        items: J items.
        scores: (N, J), -1 where nothing enters the likelihood.
        nodes: (Q,) equally spaced θ.
        log_weights: (Q,) log prior weights, one prior for everybody, or (G, Q) with `group`.
        group: (N,) row of log_weights for each student.

    Returns:
        Abilities; a student without a response gets NaN, not the prior's mean.
    """
    check_scores(items, scores)
    tables = LogTables(log_probabilities(items, nodes), items.categories)
    prior = np.atleast_2d(log_weights)
    if group is None:
        tables.base = tables.base + prior[0]
    moments = np.stack([np.ones_like(nodes), nodes, nodes**2], axis=1)
    sums = np.empty((len(scores), 3))
    with one_blas_thread():
        for rows in chunks(len(scores)):
            density = tables.sums(scores[rows])
            if group is not None:
                density += prior[group[rows]]
            density -= density.max(axis=1, keepdims=True)
            np.exp(density, out=density)
            sums[rows] = density @ moments
    with np.errstate(invalid="ignore"):
        mean = sums[:, 1] / sums[:, 0]
        variance = sums[:, 2] / sums[:, 0] - mean**2
    empty = (scores < 0).all(axis=1)
    mean[empty] = np.nan
    variance[empty] = np.nan
    return Abilities(mean, np.sqrt(np.maximum(variance, 0.0)))
