"""Mantel-Haenszel statistics for two groups, dichotomous and graded items, ordinary and cluster-robust.

All start from counts (strata, 2, categories), reference group first. A stratum without one of the groups says
nothing and drops out by itself.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, fdtrc

Array = NDArray[np.float64]
Index = NDArray[np.int64]

#: Log odds to the ETS delta scale.
DELTA = -2.35


@dataclass(frozen=True)
class MantelHaenszel:
    """Mantel-Haenszel for one dichotomous item.

    Attributes:
        chi_square: with continuity correction, 1 df (uncorrected when asked).
        p_value: of chi_square.
        log_odds: ln of the common odds ratio, reference over focal; infinite or NaN where a margin is empty.
        variance: of log_odds (Phillips & Holland 1987).
        n: students in strata with both groups.
    """

    chi_square: float
    p_value: float
    log_odds: float
    variance: float
    n: int

    @property
    def d_dif(self) -> float:
        """MH D-DIF = -2.35 ln α: negative where the item is harder for the focal group."""
        return DELTA * self.log_odds


def mantel_haenszel(counts: Array, continuity: bool = True) -> MantelHaenszel:
    """Mantel & Haenszel (1959), as applied to items by Holland & Thayer (1988).

    Args:
        counts: (K, 2, 2) students by stratum, group (reference, focal) and score (0, 1).
        continuity: subtract 1/2 from the deviation.
    """
    counts = _informative(counts)
    right_r, wrong_r = counts[:, 0, 1], counts[:, 0, 0]
    right_f, wrong_f = counts[:, 1, 1], counts[:, 1, 0]
    n = counts.sum(axis=(1, 2))
    total_r, total_f = right_r + wrong_r, right_f + wrong_f
    right, wrong = right_r + right_f, wrong_r + wrong_f
    expected = total_r * right / n
    variance = float((total_r * total_f * right * wrong / (n * n * (n - 1))).sum())
    deviation = abs(float((right_r - expected).sum()))
    deviation = deviation - 0.5 if continuity else deviation  # not cut at 0, as the formula is published
    chi = deviation**2 / variance if variance > 0 else float("nan")
    up, down = float((right_r * wrong_f / n).sum()), float((wrong_r * right_f / n).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha = np.float64(up) / np.float64(down)
        log_odds = float(np.log(alpha))
        u = right_r * wrong_f + alpha * wrong_r * right_f
        v = right_r + wrong_f + alpha * (wrong_r + right_f)
        var_log = float((u * v / n**2).sum() / (2 * np.float64(up) ** 2))
    return MantelHaenszel(chi, float(chdtrc(1, chi)), log_odds, var_log, int(n.sum()))


def _informative(counts: Array) -> Array:
    n = counts.sum(axis=2)
    return counts[(n > 0).all(axis=1)]


@dataclass(frozen=True)
class Mantel:
    """Mantel's test for ordered scores.

    Attributes:
        chi_square: 1 df, without continuity correction.
        p_value: of chi_square.
        n: students in strata with both groups.
    """

    chi_square: float
    p_value: float
    n: int


def mantel(counts: Array) -> Mantel:
    """Mantel (1963): are the focal group's scores higher or lower in the strata than chance allows?

    Args:
        counts: (K, 2, C) students by stratum, group and score 0..C-1.
    """
    counts = _informative(counts)
    score = np.arange(counts.shape[2], dtype=float)
    n = counts.sum(axis=(1, 2))
    by_group = counts.sum(axis=2)
    margin = counts.sum(axis=1)
    s1, s2 = margin @ score, margin @ score**2
    focal = counts[:, 1] @ score
    deviation = float((focal - by_group[:, 1] * s1 / n).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = float(np.nansum(by_group[:, 0] * by_group[:, 1] * (n * s2 - s1**2) / (n**2 * (n - 1))))
    chi = deviation**2 / variance if variance > 0 else float("nan")
    return Mantel(chi, float(chdtrc(1, chi)), int(n.sum()))


def generalised_mantel(counts: Array) -> tuple[float, float, int]:
    """Mantel's test for G groups: (chi-square, p-value, df), df = number of groups with information minus one.

    The mean-score statistic of Landis, Heyman & Koch (1978); for dichotomous items it is the generalised
    Mantel-Haenszel test of Somes (1986), for two groups Mantel's.

    Args:
        counts: (K, G, C).
    """
    score = np.arange(counts.shape[2], dtype=float)
    n = counts.sum(axis=(1, 2))
    counts, n = counts[n > 1], n[n > 1]
    by_group = counts.sum(axis=2)
    margin = counts.sum(axis=1)
    mean = margin @ score / n
    spread = (margin @ score**2 - n * mean**2) / (n - 1)  # finite-population variance of a score
    deviation = (counts @ score - by_group * mean[:, None]).sum(axis=0)
    covariance = np.diag((spread[:, None] * by_group).sum(axis=0))
    covariance -= np.einsum("k,kg,kh->gh", spread / n, by_group, by_group)
    values, vectors = np.linalg.eigh(covariance)
    keep = values > 1e-9 * max(values.max(initial=0.0), 1e-300)
    df = int(keep.sum())
    if df == 0:
        return float("nan"), float("nan"), 0
    chi = float(((vectors[:, keep].T @ deviation) ** 2 / values[keep]).sum())
    return chi, float(chdtrc(df, chi)), df


@dataclass(frozen=True)
class ClusterTest:
    """A one-degree-of-freedom test of a sum of students' contributions, by school.

    Attributes:
        statistic: F with 1 and df degrees of freedom.
        p_value: of it.
        df: schools minus groups; below 1 there is no test.
        se: cluster-robust standard error of the sum.
    """

    statistic: float
    p_value: float
    df: int
    se: float


def cluster_test(
    contributions: Array, cluster: Index, stratum_of_cluster: Index, total: float | None = None
) -> ClusterTest:
    """Variance of a sum of contributions from sums by school, centred within district, factor S_d/(S_d - 1).

    Args:
        contributions: (n,) one per student.
        cluster: (n,) school 0..S-1.
        stratum_of_cluster: (S,) district (group) of each school.
        total: the sum to be tested; default that of the contributions.
    """
    by_cluster = np.bincount(cluster, weights=contributions, minlength=len(stratum_of_cluster))
    present = np.bincount(cluster, minlength=len(stratum_of_cluster)) > 0
    variance, df = 0.0, 0
    for stratum in np.unique(stratum_of_cluster[present]):
        part = by_cluster[present & (stratum_of_cluster == stratum)]
        if len(part) < 2:
            return ClusterTest(float("nan"), float("nan"), 0, float("nan"))
        variance += float(((part - part.mean()) ** 2).sum()) * len(part) / (len(part) - 1)
        df += len(part) - 1
    value = float(by_cluster.sum()) if total is None else total
    if variance <= 0:
        return ClusterTest(float("nan"), float("nan"), df, 0.0)
    f = value**2 / variance
    return ClusterTest(f, float(fdtrc(1, df, f)), df, float(np.sqrt(variance)))


def score_contributions(counts: Array) -> Array:
    """(K, 2, C) a student's part of Mantel's deviation: (x - stratum mean) * (focal - stratum share of focal).

    Their sum over the students is the focal group's excess of points over what its strata lead to expect. Here and
    below what a student contributes depends on stratum, group and score alone: it is computed once for each cell of
    the counts and looked up for the students.
    """
    n = counts.sum(axis=(1, 2))
    safe = np.maximum(n, 1)
    score = np.arange(counts.shape[2], dtype=float)
    mean = counts.sum(axis=1) @ score / safe
    share = counts[:, 1].sum(axis=1) / safe
    focal = np.array([0.0, 1.0]) - share[:, None]
    return focal[:, :, None] * (score - mean[:, None])[:, None, :]


def log_odds_contributions(counts: Array) -> Array:
    """(K, 2, 2) influence of a student on ln α of Mantel-Haenszel: their squares by school give its variance."""
    n = np.maximum(counts.sum(axis=(1, 2)), 1)
    right_r, wrong_r = counts[:, 0, 1], counts[:, 0, 0]
    right_f, wrong_f = counts[:, 1, 1], counts[:, 1, 0]
    up, down = float((right_r * wrong_f / n).sum()), float((wrong_r * right_f / n).sum())
    if up <= 0 or down <= 0:
        return np.full(counts.shape, np.nan)
    alpha = up / down
    centre = (right_r * wrong_f - alpha * wrong_r * right_f) / n**2
    table = np.empty((len(n), 2, 2))
    table[:, 0, 1] = wrong_f / n
    table[:, 0, 0] = -alpha * right_f / n
    table[:, 1, 0] = right_r / n
    table[:, 1, 1] = -alpha * wrong_r / n
    return (table - centre[:, None, None]) / up
