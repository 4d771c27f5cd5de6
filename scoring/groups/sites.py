"""What each student's answers say about each concept, as a Gaussian site.

The likelihood of a student factorises over concepts, each factor a function of one ability. Expectation propagation
(Minka 2001) replaces factor c by exp(h θ - p θ²/2), chosen so that the posterior has the mean and variance of the
tilted distribution (exact factor times what everything else says). With sites, a latent regression is a linear
Gaussian mixed model.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    out = np.zeros((n, n_concepts, nodes.size))
    answered = np.zeros((n, n_concepts), dtype=np.int64)
    for c in range(n_concepts):
        mine = np.flatnonzero(concept == c)
        pairs = [(j, k) for j in mine for k in range(log_probability.shape[1]) if np.any(log_probability[j, k] != 0)]
        if not pairs:
            continue
        table = np.array([log_probability[j, k] for j, k in pairs])
        item = np.array([j for j, _ in pairs])
        category = np.array([k for _, k in pairs], dtype=np.int8)
        for start in range(0, n, 8 * CHUNK):
            rows = slice(start, start + 8 * CHUNK)
            out[rows, c] = (scores[rows][:, item] == category).astype(np.float64) @ table
        answered[:, c] = (scores[:, mine] >= 0).sum(axis=1)
    out -= out.max(axis=2, keepdims=True)
    return Evidence(out, nodes, answered)


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
    tilted_mean, tilted_variance, precision, shift = _tilted_moments(ev, mean, variance, sites)
    new_precision = np.maximum(1.0 / tilted_variance - precision, 0.0)  # 3PL and GPCM can ask for less than nothing
    new_shift = tilted_mean * (precision + new_precision) - shift
    silent = ev.answered == 0
    new_precision[silent] = 0.0
    new_shift[silent] = 0.0
    change = np.abs(tilted_mean - mean) / np.sqrt(variance)
    change[silent] = 0.0
    return Sites(new_precision, new_shift), float(change.max(initial=0.0))


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


def _tilted_moments(ev: Evidence, mean: Array, variance: Array, sites: Sites) -> tuple[Array, Array, Array, Array]:
    precision, shift = _cavity(mean, variance, sites)
    powers = np.stack([np.ones_like(ev.nodes), ev.nodes, ev.nodes**2], axis=1)
    first = np.empty_like(mean)
    second = np.empty_like(mean)
    for start in range(0, mean.shape[0], CHUNK):
        r = slice(start, start + CHUNK)
        weights = _tilted_weights(ev.log_likelihood[r], ev.nodes, precision[r], shift[r])
        sums = weights.reshape(-1, ev.nodes.size) @ powers
        m = sums[:, 1] / sums[:, 0]
        first[r] = m.reshape(first[r].shape)
        second[r] = (sums[:, 2] / sums[:, 0] - m * m).reshape(first[r].shape)
    # a posterior narrower than the grid can resolve is held at a quarter of the spacing
    spacing = ev.nodes[1] - ev.nodes[0]
    return first, np.maximum(second, (spacing / 4) ** 2), precision, shift


def tilted_shape(ev: Evidence, mean: Array, variance: Array, sites: Sites) -> tuple[Array, Array]:
    """Skewness and excess kurtosis of the tilted marginals, each (N, C)."""
    precision, shift = _cavity(mean, variance, sites)
    skewness = np.empty_like(mean)
    kurtosis = np.empty_like(mean)
    for start in range(0, mean.shape[0], CHUNK):
        r = slice(start, start + CHUNK)
        weights = _tilted_weights(ev.log_likelihood[r], ev.nodes, precision[r], shift[r])
        powers = ev.nodes[:, None] ** np.arange(5)
        sums = weights.reshape(-1, ev.nodes.size) @ powers
        raw = sums[:, 1:] / sums[:, :1]
        m = raw[:, 0]
        v = raw[:, 1] - m**2
        third = raw[:, 2] - 3 * m * raw[:, 1] + 2 * m**3
        fourth = raw[:, 3] - 4 * m * raw[:, 2] + 6 * m**2 * raw[:, 1] - 3 * m**4
        shape = skewness[r].shape
        skewness[r] = (third / v**1.5).reshape(shape)
        kurtosis[r] = (fourth / v**2 - 3).reshape(shape)
    return skewness, kurtosis


def tilted_above(ev: Evidence, mean: Array, variance: Array, sites: Sites, cuts: Array) -> Array:
    """P(θ_c >= cut_c) from the tilted marginals, (N, C), within [0, 1].

    Args:
        cuts: (C,) one cut per concept; NaN gives NaN.
    """
    precision, shift = _cavity(mean, variance, sites)
    out = np.empty_like(mean)
    share = cut_weights(ev.nodes, cuts)  # (C, Q)
    for start in range(0, mean.shape[0], CHUNK):
        r = slice(start, start + CHUNK)
        weights = _tilted_weights(ev.log_likelihood[r], ev.nodes, precision[r], shift[r])
        out[r] = np.einsum("ncq,cq->nc", weights, share) / weights.sum(axis=2)
    return np.clip(out, 0.0, 1.0)
