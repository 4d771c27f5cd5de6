"""Residuals at estimated θ: infit and outfit, and correlations that the model leaves over (Q3)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.irt.curves import Array, ItemParameters, category_probabilities

Scores = NDArray[np.int8]
CHUNK = 2048
#: Variances of single answers are not taken below this: else one answer that the model thought all but impossible
#: decides the mean square of an item. The square root of 1e-5, as the common program has it.
LEAST_VARIANCE = 1e-5**0.5


@dataclass(frozen=True)
class MeanSquares:
    """Infit and outfit of J items.

    Attributes:
        outfit: (J,) mean squared standardised residual; 1 expected.
        outfit_t: (J,) its cube-root transformation to about N(0, 1).
        infit: (J,) information-weighted mean square.
        infit_t: (J,).
        n: (J,) students with a score and a finite θ.
    """

    outfit: Array
    outfit_t: Array
    infit: Array
    infit_t: Array
    n: NDArray[np.int64]


def mean_squares(items: ItemParameters, scores: Scores, theta: Array) -> MeanSquares:
    """Infit and outfit (Wright & Masters 1982) at given abilities.

    Because θ is estimated from the same answers, mean squares at EAP estimates stay below 1 on average; WLE are
    nearer to it. The t-values are therefore descriptive: compare them between items.

    Args:
        items: J items.
        scores: (N, J), -1 missing.
        theta: (N,) estimates; students whose estimate is not finite are left out.
    """
    finite = np.isfinite(theta)
    sums = np.zeros((6, len(items)))
    for begin in range(0, len(scores), CHUNK):
        rows = np.flatnonzero(finite[begin : begin + CHUNK]) + begin
        if not rows.size:
            continue
        expected, variance, fourth = moments(items, theta[rows])
        seen = scores[rows].T >= 0
        squared = np.where(seen, (scores[rows].T - expected) ** 2, 0.0)
        variance = np.maximum(variance, LEAST_VARIANCE)
        for k, term in enumerate(
            (
                seen,
                squared / variance,
                squared,
                np.where(seen, variance, 0.0),
                np.where(seen, fourth / variance**2, 0.0),
                np.where(seen, fourth - variance**2, 0.0),
            )
        ):
            sums[k] += term.sum(axis=1)
    n, z2, w2, w, kurtosis, spread = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        outfit, infit = z2 / n, w2 / w
        q_out = np.sqrt(np.maximum(kurtosis / n**2 - 1 / n, 0.0))
        q_in = np.sqrt(np.maximum(spread, 0.0)) / w
        return MeanSquares(outfit, _t(outfit, q_out), infit, _t(infit, q_in), n.astype(np.int64))


def _t(mean_square: Array, q: Array) -> Array:
    """Wilson-Hilferty."""
    return np.asarray((np.cbrt(mean_square) - 1) * 3 / q + q / 3)


def moments(items: ItemParameters, theta: Array) -> tuple[Array, Array, Array]:
    """(J, N) mean, variance and fourth central moment of each item's score at each θ."""
    p = category_probabilities(items, theta)
    k = np.arange(p.shape[1], dtype=float)[:, None]
    mean = (k * p).sum(axis=1)
    centred = k - mean[:, None]
    return mean, (centred**2 * p).sum(axis=1), (centred**4 * p).sum(axis=1)


@dataclass(frozen=True)
class ResidualCorrelations:
    """Yen's Q3.

    Attributes:
        q3: (J, J) correlations of raw residuals over students who took both; 1 on the diagonal, NaN without overlap.
        centred: (J, J) q3 minus its mean over pairs, which is about -1/(J - 1) without any dependence.
        n: (J, J) students.
    """

    q3: Array
    centred: Array
    n: NDArray[np.int64]


def residual_correlations(items: ItemParameters, scores: Scores, theta: Array) -> ResidualCorrelations:
    """Q3 (Yen 1984), with its mean removed (Christensen, Makransky & Horton 2017).

    Args:
        items, scores, theta: as in `mean_squares`.
    """
    n_items = len(items)
    n, x, xx, xy = (np.zeros((n_items, n_items)) for _ in range(4))
    finite = np.isfinite(theta)
    for begin in range(0, len(scores), CHUNK):
        rows = np.flatnonzero(finite[begin : begin + CHUNK]) + begin
        if not rows.size:
            continue
        expected, _, _ = moments(items, theta[rows])
        seen = (scores[rows] >= 0).astype(float)
        residual = np.where(seen > 0, scores[rows] - expected.T, 0.0)
        n += seen.T @ seen
        x += residual.T @ seen
        xx += (residual**2).T @ seen
        xy += residual.T @ residual
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = xx / n - (x / n) ** 2
        q3 = (xy / n - x * x.T / n**2) / np.sqrt(variance * variance.T)
    np.fill_diagonal(q3, 1.0)
    pairs = ~np.eye(n_items, dtype=bool) & np.isfinite(q3)
    centred = q3 - (q3[pairs].mean() if pairs.any() else 0.0)
    np.fill_diagonal(centred, np.nan)
    return ResidualCorrelations(q3, centred, n.astype(np.int64))
