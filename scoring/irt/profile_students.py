"""Students' results under one common prior, and how much each concept's evidence is worth.

The common prior is the normal population with the pooled mean and covariance: equal answers give equal results.
PRMSE is the share of the variance of θ_c that a predictor removes (Haberman 2008; for posterior means Haberman &
Sinharay 2010): from the concept's own items, from the total score, from the whole profile.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from scoring.irt.curves import ItemParameters, log_probabilities
from scoring.irt.distinct import distinct_rows_of
from scoring.irt.ep import cut_weights
from scoring.irt.ep_correction import corrected_block
from scoring.irt.profile_data import ProfileData, map_blocks
from scoring.irt.profile_estep import posterior_block

Array = NDArray[np.float64]
Index = NDArray[np.int64]

#: A pattern of administered items needs this many students to have a regression on its total score of its own.
_PATTERN = 50


@dataclass(frozen=True)
class StudentResults:
    """Posteriors of N students under the common prior.

    Attributes:
        mean: (N, C).
        covariance: (N, C, C).
        above: (N, C) P(θ_c >= cut_c) from the corrected tilted marginals; NaN without a cut.
        own_variance: (N, C) posterior variance given the concept's own items alone.
        settled: (N,) whether EP's sites settled.
    """

    mean: Array
    covariance: Array
    above: Array
    own_variance: Array
    settled: NDArray[np.bool_]


def student_results(
    data: ProfileData, items: ItemParameters, nodes: Array, mean: Array, covariance: Array, cuts: Array
) -> StudentResults:
    """EP of every student under N(mean, covariance), from the sites in `data`, which are replaced.

    Means, SDs and P(mastery) are those of the corrected marginals (ep_correction.py); correlations are EP's.
    """
    parts = data.over(_student_results, items, nodes, mean, covariance, cuts)
    if len(parts) == 1:
        return parts[0]
    return StudentResults(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(StudentResults)))


def _student_results(
    data: ProfileData, items: ItemParameters, nodes: Array, mean: Array, covariance: Array, cuts: Array
) -> StudentResults:
    table = log_probabilities(items, nodes)
    above = cut_weights(nodes, np.where(np.isfinite(cuts), cuts, 0.0))
    n, c = len(data.scores), data.n_concepts
    out = StudentResults(np.empty((n, c)), np.empty((n, c, c)), np.empty((n, c)), np.empty((n, c)), np.empty(n, bool))
    log_prior = -0.5 * (nodes - mean[:, None]) ** 2 / np.diagonal(covariance)[:, None]
    powers = np.stack([nodes**0, nodes, nodes**2])

    def work(block: tuple[slice, int]) -> None:
        rows = block[0]
        posterior, loglik = posterior_block(data, rows, table, nodes, mean, covariance, 1e-6)
        better, sd, p = corrected_block(posterior.mean, posterior.covariance, posterior.tilted, nodes, above)
        ratio = sd / np.sqrt(np.einsum("ccn->cn", posterior.covariance))
        out.mean[rows] = better.T
        out.covariance[rows] = (posterior.covariance * ratio[:, None] * ratio).transpose(2, 0, 1)
        out.above[rows] = np.asarray(p).T
        out.settled[rows] = posterior.converged
        for k in range(c):
            loglik[k] += log_prior[k]
            density = np.exp(loglik[k], out=posterior.tilted[k])
            total, first, second = powers @ density.T
            if not total.min() > 1e-250:  # so many answers that all underflows: take the largest out first
                density = np.exp(loglik[k] - loglik[k].max(axis=1, keepdims=True))
                total, first, second = powers @ density.T
            out.own_variance[rows, k] = second / total - (first / total) ** 2

    map_blocks(work, data.blocks, data.threads)
    out.above[:, ~np.isfinite(cuts)] = np.nan
    return out


@dataclass(frozen=True)
class Accuracy:
    """Proportional reduction of mean squared error, (C,) each; NaN where nobody has an item of the concept."""

    own: Array
    total: Array
    profile: Array


def accuracy(
    results: StudentResults, scores: NDArray[np.int8], maxima: Index, concept: Index, weights: Array, variance: Array
) -> Accuracy:
    """The three PRMSEs in the pooled population.

    Args:
        results: of the N students.
        scores: (N, J).
        maxima: (J,) largest score of each item.
        concept: (J,).
        weights: (N,) weights that make the students the pooled population.
        variance: (C,) pooled variances of the concepts.
    """
    n_concepts = variance.size
    given = scores >= 0
    own, total, profile = (np.full(n_concepts, np.nan) for _ in range(3))
    share = _total_shares(scores, given, maxima)
    pattern, usable = _patterns(given)
    for c in range(n_concepts):
        has = given[:, concept == c].any(axis=1)
        w = np.where(has, weights, 0.0)
        if not w.sum() > 0:
            continue
        own[c] = 1 - w @ results.own_variance[:, c] / w.sum() / variance[c]
        profile[c] = 1 - w @ results.covariance[:, c, c] / w.sum() / variance[c]
        total[c] = _explained(results.mean[:, c], share, np.where(usable, w, 0.0), pattern) / variance[c]
    return Accuracy(own, total, profile)


def _total_shares(scores: NDArray[np.int8], given: NDArray[np.bool_], maxima: Index) -> Array:
    # whole numbers, which single precision adds without error, and in a matrix product
    ones = np.ones(len(maxima), dtype=np.float32)
    with np.errstate(all="ignore"):  # a BLAS may raise flags for what lies beside the numbers in its registers
        points = np.maximum(scores, 0).astype(np.float32) @ ones
        possible = given.astype(np.float32) @ maxima.astype(np.float32)
    return points.astype(float) / np.maximum(possible, 1.0)


def _patterns(given: NDArray[np.bool_]) -> tuple[Index, NDArray[np.bool_]]:
    """(N,) which booklet (set of administered items) each student had, and whether it has enough students.

    Where no set of items has enough, everybody counts as one booklet and the share of points as the total.
    """
    if given.all():
        return np.zeros(len(given), dtype=np.int64), np.ones(len(given), dtype=bool)
    _, pattern = distinct_rows_of(given)
    usable = np.bincount(pattern)[pattern] >= _PATTERN
    if not usable.any():
        return np.zeros(len(given), dtype=np.int64), np.ones(len(given), dtype=bool)
    return pattern, usable


def _explained(mean: Array, share: Array, w: Array, pattern: Index) -> float:
    """Variance of θ explained by the total within booklets; cov(θ, X) = cov(E(θ | answers), X) for any function X."""
    explained, weight = 0.0, 0.0
    for p in np.unique(pattern[w > 0]):
        rows = np.flatnonzero(pattern == p)
        v = w[rows]
        x = share[rows] - v @ share[rows] / v.sum()
        spread = v @ x**2 / v.sum()
        if spread > 0:
            explained += v.sum() * (v @ (x * mean[rows]) / v.sum()) ** 2 / spread
        weight += v.sum()
    return float(explained / weight) if weight else float("nan")


def items_needed(accuracy_now: float, n_items: float, goal: float) -> int:
    """Items to add so that accuracy rises to `goal` if they are like the present ones (Spearman 1910; Brown 1910)."""
    if not 0 < accuracy_now < 1:
        return 0
    ratio = goal * (1 - accuracy_now) / (accuracy_now * (1 - goal))
    return max(0, int(np.ceil(n_items * (ratio - 1) - 1e-9)))


def accuracy_with(accuracy_now: float, n_items: float, more: int) -> float:
    """Accuracy with `more` items like the present ones."""
    k = (n_items + more) / n_items
    return k * accuracy_now / (1 + (k - 1) * accuracy_now)
