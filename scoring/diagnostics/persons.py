"""Unusual answer patterns: lz and its corrected form lz*."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.irt.curves import Array, ItemParameters, category_probabilities, information, probability_slopes

Scores = NDArray[np.int8]
CHUNK = 2048


@dataclass(frozen=True)
class PersonFit:
    """Person fit of N students; low values are unlikely patterns.

    Attributes:
        lz: (N,) standardised log-likelihood (Zh), with θ taken as known: too narrow, since θ was estimated.
        lz_star: (N,) with the effect of estimating θ taken out; about N(0, 1) where the model holds.
        n: (N,) answered items.
    """

    lz: Array
    lz_star: Array
    n: NDArray[np.int64]


def person_fit(items: ItemParameters, scores: Scores, theta: Array) -> PersonFit:
    """lz (Drasgow, Levine & Williams 1985) and lz* (Snijders 2001; graded items Sinharay 2016).

    With W = Σ (δ_ik - P_ik) log P_ik and the score l' = Σ δ_ik P'_ik/P_ik, W - c l' with c = Σ P'_ik log P_ik / I has
    no slope in θ, so that errors of θ do not matter to first order. The form holds for any estimate: at the ML
    estimate l' = 0 and at the weighted one it is -J/(2I), as in Snijders.

    Args:
        items: J items.
        scores: (N, J), -1 missing.
        theta: (N,) estimates (WLE best); NaN results where not finite or with fewer than 4 answers.
    """
    lz, star = np.full(len(scores), np.nan), np.full(len(scores), np.nan)
    n = (scores >= 0).sum(axis=1)
    usable = np.isfinite(theta) & (n >= 4)
    for begin in range(0, len(scores), CHUNK):
        rows = np.flatnonzero(usable[begin : begin + CHUNK]) + begin
        if rows.size:
            lz[rows], star[rows] = _block(items, scores[rows], theta[rows])
    return PersonFit(lz, star, n)


def _block(items: ItemParameters, scores: Scores, theta: Array) -> tuple[Array, Array]:
    p = category_probabilities(items, theta)  # (J, K, n)
    slope = probability_slopes(items, theta)
    real = np.arange(p.shape[1])[None, :, None] < items.categories[:, None, None]
    safe = np.where(real, np.maximum(p, 1e-300), 1.0)
    log_p, ratio = np.where(real, np.log(safe), 0.0), np.where(real, slope / safe, 0.0)
    seen = (scores >= 0).T
    index = np.where(seen, scores.T, 0)[:, None, :].astype(np.int64)

    def chosen(table: Array) -> Array:
        return np.where(seen, np.take_along_axis(table, index, axis=1)[:, 0], 0.0).sum(axis=0)

    def total(table: Array) -> Array:
        return np.where(seen, table, 0.0).sum(axis=0)

    mean = (p * log_p).sum(axis=1)
    deviation = chosen(log_p) - total(mean)
    variance = total((p * log_p**2).sum(axis=1) - mean**2)
    fisher = total(information(items, theta))
    with np.errstate(invalid="ignore", divide="ignore"):
        c = total((slope * log_p).sum(axis=1)) / fisher
        adjusted = log_p - c * ratio
        centre = (p * adjusted).sum(axis=1)
        spread = total((p * adjusted**2).sum(axis=1) - centre**2)
        lz = deviation / np.sqrt(variance)
        star = (deviation - c * chosen(ratio)) / np.sqrt(spread)
    return np.where(variance > 1e-12, lz, np.nan), np.where(spread > 1e-12, star, np.nan)
