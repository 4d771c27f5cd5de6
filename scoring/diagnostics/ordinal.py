"""Logistic regression DIF: does the group still predict the score, given the matching value?

Proportional-odds regression, which for a dichotomous item is ordinary logistic regression, on the cells stratum ×
group × score: the fit is the same as on students and its cost does not grow with them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, expit, fdtrc

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class OrdinalFit:
    """A proportional-odds fit, P(X >= k) = σ(threshold_k + slopes · z).

    Attributes:
        parameters: (C - 1 + p,) thresholds, then slopes.
        covariance: of the parameters.
        log_likelihood: at the maximum.
        scores: (M, C, C - 1 + p) derivative of log P(X = k) in each cell.
        converged: the Newton decrement became < 1e-9.
    """

    parameters: Array
    covariance: Array
    log_likelihood: float
    scores: Array
    converged: bool


def fit_ordinal(design: Array, counts: Array, max_iterations: int = 50) -> OrdinalFit:
    """Maximum likelihood by Fisher scoring with step halving (McCullagh 1980).

    Args:
        design: (M, p) predictors of each cell, no constant.
        counts: (M, C) students by score; every score occurs.
    """
    n_categories = counts.shape[1]
    n_thresholds = n_categories - 1
    upper = counts[:, ::-1].cumsum(axis=1)[:, ::-1].sum(axis=0)[1:] / counts.sum()
    beta = np.concatenate([np.log(upper / (1 - upper)), np.zeros(design.shape[1])])
    value, scores, information = _derivatives(beta, design, counts)
    for _ in range(max_iterations):
        gradient = np.einsum("mk,mkp->p", counts, scores)
        step = np.linalg.lstsq(information, gradient, rcond=1e-12)[0]
        decrement = float(gradient @ step)
        if decrement < 1e-9:
            break
        size = 1.0
        while size > 1e-8:
            trial = beta + size * step
            if n_thresholds == 1 or (np.diff(trial[:n_thresholds]) < 0).all():
                new = _derivatives(trial, design, counts)
                if new[0] >= value - 1e-12 * abs(value):
                    break
            size /= 2
        else:
            break
        beta, (value, scores, information) = trial, new
    covariance = np.linalg.pinv(information, rcond=1e-12).astype(np.float64)
    return OrdinalFit(beta, covariance, value, scores, decrement < 1e-6)


def _derivatives(beta: Array, design: Array, counts: Array) -> tuple[float, Array, Array]:
    """Log-likelihood, per-cell scores and expected information."""
    m, n_categories = counts.shape
    n_thresholds = n_categories - 1
    linear = beta[:n_thresholds] + (design @ beta[n_thresholds:])[:, None]  # (M, C-1)
    upper = expit(linear)
    slope = upper * expit(-linear)
    pad = np.zeros((m, 1))
    p = np.concatenate([pad + 1, upper], axis=1) - np.concatenate([upper, pad], axis=1)
    p = np.maximum(p, 1e-300)
    # derivative of P(X = k) in each linear predictor, then in the parameters
    jacobian = np.zeros((m, n_categories, n_thresholds))
    for k in range(n_thresholds):
        jacobian[:, k, k] = -slope[:, k]
        jacobian[:, k + 1, k] = slope[:, k]
    full = np.concatenate([jacobian, jacobian.sum(axis=2)[:, :, None] * design[:, None, :]], axis=2)
    scores = full / p[:, :, None]
    expected = counts.sum(axis=1)[:, None] * p
    information = np.einsum("mk,mkp,mkq->pq", expected, scores, scores)
    return float((counts * np.log(p)).sum()), scores, information


@dataclass(frozen=True)
class LogisticDif:
    """Logistic DIF of one item.

    Attributes:
        chi_square: likelihood ratio of group and group × matching together, 2 df.
        p_value: of it.
        uniform: likelihood ratio of the group alone, 1 df, and its p-value.
        non_uniform: likelihood ratio of the interaction, 1 df, and its p-value.
        delta_r2: gain in Nagelkerke's R² by both.
        log_odds: group coefficient without interaction (focal minus reference), with its standard error.
        effect: expected-score difference, focal minus reference, over the strata weights.
        se_effect: by the delta method.
        cluster_statistic, cluster_p_value, cluster_df: F of the robust Wald test of both; NaN without clusters.
        cluster_se_effect: robust.
        n: students.
    """

    chi_square: float
    p_value: float
    uniform: tuple[float, float]
    non_uniform: tuple[float, float]
    delta_r2: float
    log_odds: tuple[float, float]
    effect: float
    se_effect: float
    n: int
    cluster_statistic: float = float("nan")
    cluster_p_value: float = float("nan")
    cluster_df: int = 0
    cluster_se_effect: float = float("nan")


def logistic_dif(
    counts: Array,
    value: Array,
    weight: Array,
    students: tuple[Index, Index, Index] | None = None,
    clusters: tuple[Index, Index] | None = None,
) -> LogisticDif | None:
    """Swaminathan & Rogers (1990); effect size of Nagelkerke (1991) with the classes of Jodoin & Gierl (2001).

    Args:
        counts: (K, 2, C) students by stratum, group (reference, focal) and score.
        value: (K,) matching value of each stratum.
        weight: (K,) weight of the strata in the effect.
        students: (level, group, score) of every student, for clusters.
        clusters: (school of every student, district of every school).

    Returns:
        LogisticDif; None where the item or a group does not vary.
    """
    present = counts.sum(axis=(0, 1)) > 0
    if present.sum() < 2 or (counts.sum(axis=(0, 2)) == 0).any():
        return None
    points = np.flatnonzero(present).astype(float)
    by_stratum = counts.sum(axis=(1, 2))
    n = float(by_stratum.sum())
    centre = by_stratum @ value / n
    spread = np.sqrt(by_stratum @ (value - centre) ** 2 / n)
    if spread <= 0:
        return None
    z = np.repeat((value - centre) / spread, 2)
    g = np.tile([0.0, 1.0], len(value))
    cells = counts.reshape(-1, counts.shape[2])[:, present]
    design = np.stack([z, g, z * g], axis=1)
    filled = cells.sum(axis=1) > 0
    null, matched, uniform, both = (fit_ordinal(design[filled, :k], cells[filled]) for k in range(4))
    lr2 = max(2 * (both.log_likelihood - matched.log_likelihood), 0.0)
    lr1 = max(2 * (uniform.log_likelihood - matched.log_likelihood), 0.0)
    lri = max(2 * (both.log_likelihood - uniform.log_likelihood), 0.0)
    effect, gradient = _effect(both.parameters, (value - centre) / spread, weight, points)
    index = len(points) - 1  # of the matching slope; the group's coefficients follow
    robust = (float("nan"), float("nan"), 0, float("nan"))
    if students is not None and clusters is not None:
        robust = _robust(both, filled, present, students, clusters, index + 1, gradient)
    return LogisticDif(
        lr2,
        float(chdtrc(2, lr2)),
        (lr1, float(chdtrc(1, lr1))),
        (lri, float(chdtrc(1, lri))),
        _nagelkerke(both, null, n) - _nagelkerke(matched, null, n),
        (float(uniform.parameters[-1]), float(np.sqrt(uniform.covariance[-1, -1]))),
        effect,
        _root(float(gradient @ both.covariance @ gradient)),
        int(n),
        *robust,
    )


def _nagelkerke(fit: OrdinalFit, null: OrdinalFit, n: float) -> float:
    """1 - exp(-LR/n) over its maximum; expm1 keeps a small gain in a large sample from vanishing."""
    gain = -np.expm1(-2 * (fit.log_likelihood - null.log_likelihood) / n)
    return float(gain / -np.expm1(2 * null.log_likelihood / n))


def _effect(parameters: Array, z: Array, weight: Array, points: Array) -> tuple[float, Array]:
    """Expected-score difference over the strata and its derivative in the parameters."""
    n_thresholds = len(points) - 1
    steps = np.diff(points)
    total, gradient = 0.0, np.zeros(len(parameters))
    for sign, g in ((1.0, 1.0), (-1.0, 0.0)):
        design = np.stack([z, np.full(len(z), g), z * g], axis=1)
        upper = expit(parameters[:n_thresholds] + (design @ parameters[n_thresholds:])[:, None])
        total += sign * float(weight @ (upper @ steps))
        slope = upper * (1 - upper) * steps
        gradient[:n_thresholds] += sign * (weight @ slope)
        gradient[n_thresholds:] += sign * ((weight * slope.sum(axis=1)) @ design)
    return total, gradient


def _robust(
    fit: OrdinalFit,
    filled: NDArray[np.bool_],
    present: NDArray[np.bool_],
    students: tuple[Index, Index, Index],
    clusters: tuple[Index, Index],
    first: int,
    gradient: Array,
) -> tuple[float, float, int, float]:
    """(F, p, df, SE of the effect) by the sandwich covariance of scores summed by school, centred in the district."""
    level, group, score = students
    school, district = clusters
    cell = np.cumsum(filled) - 1
    category = np.cumsum(present) - 1
    per_student = fit.scores[cell[level * 2 + group], category[score]]
    sums = np.stack([np.bincount(school, weights=column, minlength=len(district)) for column in per_student.T], axis=1)
    seen = np.bincount(school, minlength=len(district)) > 0
    meat = np.zeros((sums.shape[1], sums.shape[1]))
    df = 0
    for d in np.unique(district[seen]):
        part = sums[seen & (district == d)]
        if len(part) < 2:
            return float("nan"), float("nan"), 0, float("nan")
        centred = part - part.mean(axis=0)
        meat += centred.T @ centred * len(part) / (len(part) - 1)
        df += len(part) - 1
    covariance = fit.covariance @ meat @ fit.covariance
    test = slice(first, first + 2)
    tested = fit.parameters[test]
    f = float(tested @ np.linalg.pinv(covariance[test, test], rcond=1e-10) @ tested)
    # Hotelling's T² for 2 restrictions and df degrees of freedom
    scaled = f * (df - 1) / (2 * df)
    p = float(fdtrc(2, df - 1, scaled)) if df > 2 else float("nan")
    return scaled, p, df, _root(float(gradient @ covariance @ gradient))


def _root(variance: float) -> float:
    return float(np.sqrt(np.maximum(variance, 0.0)))
