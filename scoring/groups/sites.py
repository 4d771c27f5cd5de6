"""What each student's answers say about each concept, as a Gaussian site.

The likelihood of a student factorises over concepts, each factor a function of one ability. Expectation propagation
(Minka 2001) replaces factor c by exp(h θ - p θ²/2), chosen so that the posterior has the mean and variance of the
tilted distribution (exact factor times what everything else says). With sites, a latent regression is a linear
Gaussian mixed model.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.groups.chunks import over_chunks
from scoring.irt.ep import cut_weights

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
CHUNK = 1024


@dataclass(frozen=True)
class Evidence:
    """The likelihood of each student's answers, concept by concept.

    Attributes:
        log_likelihood: (N, C, Q), each row shifted so that its maximum is 0; all 0 without an answer.
        nodes: (Q,) equally spaced abilities.
        answered: (N, C) number of scored items behind each row.
    """

    log_likelihood: Array
    nodes: Array
    answered: NDArray[np.int64]


@dataclass(frozen=True)
class Sites:
    """Gaussian stand-ins of the likelihood: precision (N, C) >= 0 and shift (N, C)."""

    precision: Array
    shift: Array


def evidence(
    scores: NDArray[np.int8], log_probability: Array, concept: Ints, nodes: Array, n_concepts: int
) -> Evidence:
    """The likelihood of scored responses on a grid.

    Args:
        scores: (N, J) int8, -1 where nothing enters the likelihood.
        log_probability: (J, K, Q) log P(X = k | θ).
        concept: (J,) which concept an item measures, 0..C-1.
        nodes: (Q,) abilities.
        n_concepts: C.
    """
    n = scores.shape[0]
    out = np.zeros((n_concepts, n, nodes.size))  # the passes go through it concept by concept
    answered = np.zeros((n, n_concepts), dtype=np.int64)
    items = [np.flatnonzero(concept == c) for c in range(n_concepts)]

    def fill(rows: slice) -> None:
        for c, mine in enumerate(items):
            if mine.size:
                x = scores[rows][:, mine]
                answered[rows, c] = (x >= 0).sum(axis=1)
                out[c, rows] = _log_likelihood(x, log_probability[mine])

    over_chunks(fill, n, 2 * CHUNK)
    return Evidence(out.transpose(1, 0, 2), nodes, answered)


def _log_likelihood(x: NDArray[np.int8], table: Array) -> Array:
    """(n, Q) log-likelihoods of scores (n, J) from log P(X = k | θ), (J, K, Q); the maximum of each row is 0."""
    low = table[:, 0]
    if x.min() >= 0 and x.max() <= 1:  # the codes themselves say who is in the upper category
        out = x.astype(np.float64) @ (table[:, 1] - low)
        out += low.sum(axis=0)
    else:
        out = (x >= 0).astype(np.float64) @ low
        for k in range(1, table.shape[1]):
            out += (x == k).astype(np.float64) @ (table[:, k] - low)
    out -= out.max(axis=1, keepdims=True)
    return np.asarray(out)


def no_sites(ev: Evidence) -> Sites:
    """Sites that say nothing, to start from."""
    shape = ev.log_likelihood.shape[:2]
    return Sites(np.zeros(shape), np.zeros(shape))


def sweep(ev: Evidence, mean: Array, variance: Array, sites: Sites) -> tuple[Sites, float]:
    """One parallel update of all sites.

    Args:
        ev: the evidence of N students on C concepts.
        mean: (N, C) posterior means under the present sites.
        variance: (N, C) posterior variances under the present sites.
        sites: the present sites.

    Returns:
        New sites, and the largest change of a tilted mean against the posterior mean in posterior SDs.
    """
    new = Sites(np.empty_like(mean), np.empty_like(mean))
    # a posterior narrower than the grid can resolve is held at a quarter of the spacing
    smallest = ((ev.nodes[1] - ev.nodes[0]) / 4) ** 2

    def fill(r: slice) -> float:
        precision, shift = _cavity(mean[r], variance[r], Sites(sites.precision[r], sites.shift[r]))
        total, first, second = tilted_sums(ev.log_likelihood[r], ev.nodes, precision, shift, 3)
        first /= total
        second /= total
        second -= first * first
        np.maximum(second, smallest, out=second)
        # 3PL and GPCM can ask for less than nothing
        new_precision = np.maximum(1.0 / second - precision, 0.0)
        new_shift = first * (precision + new_precision) - shift
        first -= mean[r]
        change = np.abs(first, out=first) / np.sqrt(variance[r])
        silent = ev.answered[r] == 0
        if silent.any():
            new_precision[silent], new_shift[silent], change[silent] = 0.0, 0.0, 0.0
        new.precision[r], new.shift[r] = new_precision, new_shift
        return float(change.max())

    return new, max(over_chunks(fill, len(mean), CHUNK), default=0.0)


def _cavity(mean: Array, variance: Array, sites: Sites) -> tuple[Array, Array]:
    precision = np.maximum(1.0 / variance - sites.precision, 1e-6)
    return precision, mean / variance - sites.shift


def _tilted_weights(log_likelihood: Array, nodes: Array, precision: Array, shift: Array) -> Array:
    """(n, C, Q) unnormalised tilted density on the grid."""
    centre = shift / precision
    exponent = nodes - centre[:, :, None]
    exponent *= exponent
    exponent *= -0.5 * precision[:, :, None]
    exponent += log_likelihood
    weights = np.exp(exponent, out=exponent)
    lost = weights.sum(axis=2) < 1e-200  # answers and expectation so far apart that all underflows: shift first
    if lost.any():
        rows, cols = np.nonzero(lost)
        again = -0.5 * precision[rows, cols, None] * (nodes - centre[rows, cols, None]) ** 2
        again += log_likelihood[rows, cols]
        weights[rows, cols] = np.exp(again - again.max(axis=1, keepdims=True))
    return np.asarray(weights)


def tilted_sums(log_likelihood: Array, nodes: Array, precision: Array, shift: Array, count: int) -> Array:
    """(count, n, C) sums of θ^0, θ^1, ... under the unnormalised tilted densities.

    Args:
        log_likelihood: (n, C, Q).
        nodes: (Q,).
        precision, shift: (n, C) of the cavities.
        count: how many powers.
    """
    powers = nodes ** np.arange(count)[:, None]
    basis = np.stack([-0.5 * nodes**2, nodes, np.ones_like(nodes)])
    p, s = precision.T.copy(), shift.T.copy()
    peak = -0.5 * s * s / p  # taken out, so that the cavity's part of the exponent is never positive
    sums = np.empty((count, p.shape[1], p.shape[0]))
    weights = np.empty((p.shape[1], nodes.size))
    coefficients = np.stack([p, s, peak], axis=1)
    for c in range(p.shape[0]):
        np.matmul(coefficients[c].T, basis, out=weights)
        weights += log_likelihood[:, c]
        np.exp(weights, out=weights)
        total = powers @ weights.T
        lost = np.flatnonzero(total[0] < 1e-200)  # answers and expectation so far apart that all underflows
        if lost.size:
            again = coefficients[c][:, lost].T @ basis + log_likelihood[lost, c]
            total[:, lost] = powers @ np.exp(again - again.max(axis=1, keepdims=True)).T
        sums[:, :, c] = total
    return sums


def tilted_shape(ev: Evidence, mean: Array, variance: Array, sites: Sites) -> tuple[Array, Array]:
    """Skewness and excess kurtosis of the tilted marginals, each (N, C)."""
    precision, shift = _cavity(mean, variance, sites)
    skewness = np.empty_like(mean)
    kurtosis = np.empty_like(mean)

    def fill(r: slice) -> None:
        sums = tilted_sums(ev.log_likelihood[r], ev.nodes, precision[r], shift[r], 5)
        m, square, cube, fourth = sums[1:] / sums[0]
        v = square - m**2
        skewness[r] = (cube - 3 * m * square + 2 * m**3) / v**1.5
        kurtosis[r] = (fourth - 4 * m * cube + 6 * m**2 * square - 3 * m**4) / v**2 - 3

    over_chunks(fill, len(mean), CHUNK)
    return skewness, kurtosis


def tilted_above(ev: Evidence, mean: Array, variance: Array, sites: Sites, cuts: Array) -> Array:
    """P(θ_c >= cut_c) from the tilted marginals, (N, C), within [0, 1].

    Args:
        cuts: (C,) one cut per concept; NaN gives NaN.
    """
    precision, shift = _cavity(mean, variance, sites)
    out = np.empty_like(mean)
    share = cut_weights(ev.nodes, cuts)  # (C, Q)

    def fill(r: slice) -> None:
        weights = _tilted_weights(ev.log_likelihood[r], ev.nodes, precision[r], shift[r])
        out[r] = np.einsum("ncq,cq->nc", weights, share) / weights.sum(axis=2)

    over_chunks(fill, len(mean), CHUNK)
    return np.clip(out, 0.0, 1.0)
