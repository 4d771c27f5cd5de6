"""How large DIF is: expected-score differences, ETS classes, several tests at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class ScoreDifference:
    """Focal minus reference in expected points at equal standing.

    Attributes:
        estimate: in points of the item.
        se: standard error, students independent.
        weight: (K,) weight of each stratum, summing to one.
    """

    estimate: float
    se: float
    weight: Array


def score_difference(counts: Array, over: str = "focal") -> ScoreDifference:
    """Standardised difference of mean scores (Dorans & Kulick 1986; SMD for graded items, Dorans & Schmitt 1991).

    Args:
        counts: (K, 2, C) students by stratum, group (reference, focal) and score.
        over: whose distribution over the strata the difference is averaged: "focal", or "both" groups with equal
            weight each, for partners.
    """
    score = np.arange(counts.shape[2], dtype=float)
    n = counts.sum(axis=2)
    usable = (n > 0).all(axis=1)
    weight = np.zeros(len(n))
    share = n[usable] / np.maximum(n[usable].sum(axis=0), 1)
    weight[usable] = share[:, 1] if over == "focal" else share.mean(axis=1)
    if not usable.any():
        return ScoreDifference(float("nan"), float("nan"), weight)
    safe = np.maximum(n, 1)
    mean = counts @ score / safe
    difference = np.where(usable, mean[:, 1] - mean[:, 0], 0.0)
    estimate = float(weight @ difference)
    within = counts @ score**2 / safe - mean**2
    # pooled over the groups: a stratum of one student has no variance of its own
    pooled = (within * n).sum(axis=1) / np.maximum(n.sum(axis=1) - 2, 1)
    variance = float((weight**2 * pooled * usable * (1 / safe).sum(axis=1)).sum())
    return ScoreDifference(estimate, float(np.sqrt(variance)), weight)


def difference_contributions(counts: Array, weight: Array) -> Array:
    """(K, 2, C) influence of a student on the standardised difference, the strata's weights (K,) held fixed."""
    score = np.arange(counts.shape[2], dtype=float)
    n = np.maximum(counts.sum(axis=2), 1)
    mean = counts @ score / n
    signed = np.array([-1.0, 1.0]) * weight[:, None] / n
    return signed[:, :, None] * (score - mean[:, :, None])


def ets_class(d_dif: float, se: float, p_value: float) -> str:
    """A, B or C by the rule of ETS (Zieky 1993; Holland & Wainer 1993).

    A: |D| below 1, or not significantly different from 0 (p >= .05). C: |D| at least 1.5 and significantly above 1,
    (|D| - 1)/SE > 1.645. B: the rest.

    Args:
        d_dif: MH D-DIF, -2.35 ln α.
        se: its standard error.
        p_value: of the continuity-corrected chi-square, or of the cluster-robust test.
    """
    size = abs(d_dif)
    if not np.isfinite(p_value) or np.isnan(size):
        return ""
    if p_value >= 0.05 or size < 1:
        return "A"
    if size >= 1.5 and (np.isinf(size) or (size - 1) / se > 1.645):
        return "C"
    return "B"


def graded_class(effect: float, sd: float, p_value: float) -> str:
    """A, B or C of a graded item: |SMD|/SD above .17 is B, above .25 C, if p < .05 (Zwick, Thayer & Mazzeo 1997)."""
    if not np.isfinite(p_value) or not np.isfinite(effect) or not sd > 0:
        return ""
    size = abs(effect) / sd
    if p_value >= 0.05 or size <= 0.17:
        return "A"
    return "C" if size > 0.25 else "B"


def benjamini_hochberg(p_values: Array) -> Array:
    """Adjusted p-values that control the false discovery rate; NaN stays NaN (Benjamini & Hochberg 1995)."""
    p = np.asarray(p_values, dtype=float)
    out = np.full(p.shape, np.nan)
    known = np.flatnonzero(np.isfinite(p))
    if known.size:
        order = known[np.argsort(p[known], kind="stable")]
        scaled = p[order] * known.size / np.arange(1, known.size + 1)
        out[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return out


def standardised_class(effect: float, p_value: float) -> str:
    """A, B or C of a standardised difference in shares: from .05 B, from .10 C, if p < .05 (Dorans & Holland 1993)."""
    if not np.isfinite(p_value) or not np.isfinite(effect):
        return ""
    if p_value >= 0.05 or abs(effect) < 0.05:
        return "A"
    return "C" if abs(effect) >= 0.10 else "B"


def nagelkerke_class(delta_r2: float, p_value: float) -> str:
    """A, B or C of the gain in R²: from .035 B, from .070 C, with p < .05 (Jodoin & Gierl 2001)."""
    if not np.isfinite(p_value) or not np.isfinite(delta_r2):
        return ""
    if p_value >= 0.05 or delta_r2 < 0.035:
        return "A"
    return "C" if delta_r2 >= 0.070 else "B"
