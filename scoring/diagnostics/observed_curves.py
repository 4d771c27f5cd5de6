"""What students did, along θ: observed against expected curves with bands, and RMSD per group.

Both use posterior weights: student n counts at node q with P(θ_q | answers, group). With the true curves the expected
share of right answers at a node, weighted so, is the curve itself.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.irt.curves import Array, ItemParameters, category_probabilities, log_probabilities

Scores = NDArray[np.int8]
CHUNK = 4096


@dataclass(frozen=True)
class PseudoCounts:
    """Expected numbers of students.

    Attributes:
        n: (G, J, Q) students who took item j, at each node.
        points: (G, J, Q) their points on it.
        students: (G, J) students who took it.
    """

    n: Array
    points: Array
    students: Array


def posterior_weights(items: ItemParameters, scores: Scores, nodes: Array, weights: Array) -> Array:
    """(N, Q) posterior of each student on the grid; `weights` (N, Q) or (Q,), not logs."""
    logs = log_probabilities(items, nodes)
    total = np.zeros((len(scores), len(nodes)))
    for k in range(logs.shape[1]):
        total += (scores == k).astype(float) @ logs[:, k]
    total -= total.max(axis=1, keepdims=True)
    out = np.exp(total) * weights
    return np.asarray(out / out.sum(axis=1, keepdims=True))


def pseudo_counts(
    items: ItemParameters, scores: Scores, nodes: Array, weights: Array, group: NDArray[np.int64] | None = None
) -> PseudoCounts:
    """Students and points at each node, by group.

    Args:
        items: J items.
        scores: (N, J), -1 missing.
        nodes: (Q,); weights: (G, Q) population weights of the groups.
        group: (N,) row of `weights`.
    """
    weights = np.atleast_2d(weights)
    group = np.zeros(len(scores), dtype=np.int64) if group is None else group
    shape = (len(weights), len(items), len(nodes))
    n, points, students = np.zeros(shape), np.zeros(shape), np.zeros(shape[:2])
    for begin in range(0, len(scores), CHUNK):
        x, g = scores[begin : begin + CHUNK], group[begin : begin + CHUNK]
        posterior = posterior_weights(items, x, nodes, weights[np.maximum(g, 0)])
        for k in range(len(weights)):
            rows = g == k
            seen = (x[rows] >= 0).astype(float)
            n[k] += seen.T @ posterior[rows]
            points[k] += np.where(seen > 0, x[rows], 0).astype(float).T @ posterior[rows]
            students[k] += seen.sum(axis=0)
    return PseudoCounts(n, points, students)


def rmsd(items: ItemParameters, counts: PseudoCounts, nodes: Array) -> Array:
    """(G, J) root mean squared deviation of the observed from the model's curve, per possible point; NaN if not taken.

    From about .10 an item does not fit a group's own curve well; .15 is the bound in international surveys (Oliveri &
    von Davier 2011; Tijmstra et al. 2020).
    """
    p = category_probabilities(items, nodes)
    expected = np.einsum("k,jkq->jq", np.arange(p.shape[1], dtype=float), p)
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = np.where(counts.n > 0, counts.points / counts.n, expected)
        share = counts.n / counts.n.sum(axis=2, keepdims=True)
        out = np.sqrt((share * (observed - expected) ** 2).sum(axis=2)) / (items.categories - 1)
    return np.where(counts.students > 0, out, np.nan)


@dataclass(frozen=True)
class Curves:
    """Observed curves of J items in B bins of θ, per group.

    Attributes:
        theta: (B,) middle of each bin.
        n: (G, J, B) expected number of students.
        observed, expected: (G, J, B) share of the points; low, high: 95 % band of the observed share.
    """

    theta: Array
    n: Array
    observed: Array
    expected: Array
    low: Array
    high: Array


def observed_curves(
    items: ItemParameters, counts: PseudoCounts, nodes: Array, bins: int = 12, least: float = 10.0
) -> Curves:
    """Observed and expected shares of the points in bins of θ between -3 and 3, for a chart; NaN under `least`.

    The band is Wilson's (1927) at the expected number of students: for reading a chart, not for testing.
    """
    edges = np.linspace(-3, 3, bins + 1)
    at = np.clip(np.digitize(nodes, edges) - 1, 0, bins - 1)
    inside = (nodes >= -3) & (nodes <= 3)
    member = ((at[:, None] == np.arange(bins)) & inside[:, None]).astype(float)
    p = category_probabilities(items, nodes)
    curve = np.einsum("k,jkq->jq", np.arange(p.shape[1], dtype=float), p)
    top = (items.categories - 1)[None, :, None]
    n = counts.n @ member
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = np.where(n >= least, (counts.points @ member) / n / top, np.nan)
        expected = np.where(n >= least, ((counts.n * curve) @ member) / n / top, np.nan)
    low, high = wilson(observed, n)
    return Curves((edges[:-1] + edges[1:]) / 2, n, observed, expected, low, high)


def wilson(share: Array, n: Array, z: float | Array = 1.959963984540054) -> tuple[Array, Array]:
    """95 % interval of a share from n independent students (Wilson 1927)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z * np.sqrt(np.maximum(share * (1 - share), 0.0) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    # rounding must not push a bound past the share itself, at 0 and at 1
    return np.clip(centre - half, 0.0, share), np.clip(centre + half, share, 1.0)
