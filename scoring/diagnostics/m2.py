"""Fit of the whole model from means and pairs of items: M2, M2* and C2 (Maydeu-Olivares & Joe 2006; Cai & Monro 2014).

Complete data only: the statistic needs every pair's joint distribution for the same students. Statistics compared are
moments f(x) = u_i or u_i v_j of items' functions u, whose covariance given θ factorises over items; so the covariance
matrix over θ is a sum of products on the grid, corrected where two moments share an item.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag, solve_triangular
from scipy.optimize import brentq
from scipy.special import chdtrc

from scoring.irt.curves import Array, ItemParameters, category_probabilities
from scoring.irt.errors import DesignError

Scores = NDArray[np.int8]
MOST_ITEMS = 80


@dataclass(frozen=True)
class ModelFit:
    """Fit of a model.

    Attributes:
        kind: "M2" (dichotomous), "M2*" (means of graded items) or "C2" (margins of graded items).
        statistic, df, p_value: the limited-information test.
        rmsea, rmsea_low, rmsea_high: RMSEA2 with its 90 % interval.
        srmsr: root mean square of observed minus expected correlations.
        cfi, tli: against independent items.
        n: students.
    """

    kind: str
    statistic: float
    df: int
    p_value: float
    rmsea: float
    rmsea_low: float
    rmsea_high: float
    srmsr: float
    cfi: float
    tli: float
    n: int


@dataclass(frozen=True)
class _Moments:
    """Moments given θ: first[m] is a function of item owner[m]; seconds are products of the items' means.

    Attributes:
        first: (M, Q); owner: (M,) item; value: (M,) the category it indicates, 0 for the mean score.
        mean: (J, Q) E(x | θ); square: (J, Q) E(x² | θ); p: (J, K, Q).
    """

    first: Array
    owner: NDArray[np.int64]
    value: NDArray[np.int64]
    mean: Array
    square: Array
    p: Array


def model_fit(
    items: ItemParameters,
    scores: Scores,
    nodes: Array,
    weights: Array,
    group: NDArray[np.int64] | None = None,
    kind: str | None = None,
) -> ModelFit:
    """M2, M2* or C2, for one population or several that share the items' parameters.

    Args:
        items: J items (at most MOST_ITEMS).
        scores: (N, J), complete.
        nodes: (Q,) θ.
        weights: (Q,) or (G, Q), the populations. Free besides the items: means and SDs of all but the first, and the
            SD of the first where a Rasch or PCM item fixes the unit.
        group: (N,) row of `weights` of each student.
        kind: default "M2" for dichotomous items, else "C2".

    Raises:
        DesignError: incomplete data, too many items, items that do not vary, or fewer moments than parameters.
    """
    weights = np.atleast_2d(weights)
    group = np.zeros(len(scores), dtype=np.int64) if group is None else group
    if len(items) > MOST_ITEMS or (scores < 0).any():
        raise DesignError(
            "not-available",
            "M2 is not available for this design: it needs complete data on at most 80 items.",
            "Ask for a block of items that the same students took.",
        )
    kind = kind or ("M2" if (items.categories == 2).all() else "C2")
    rasch = any(m in ("rasch", "pcm") for m in items.model)
    p = category_probabilities(items, nodes)
    moments = _moments(p, items.categories, kind)
    target, design, null_target, null_design = [], [], [], []
    srmsr, used = 0.0, [g for g in range(len(weights)) if (group == g).any()]
    for at, g in enumerate(used):
        part, w = scores[group == g], weights[g]
        observed = _observed(part, moments)
        own = _population_derivatives(moments, nodes, w, mean=at > 0, sd=at > 0 or rasch)
        shared = _derivatives(items, nodes, w, moments)
        whiten = _whitener(_covariance(moments, w) / len(part))
        target.append(whiten(observed - _expected(moments, w)))
        design.append((whiten(shared), whiten(own)))
        null_p = np.stack([np.bincount(x, minlength=p.shape[1]) / len(part) for x in part.T])[:, :, None]
        null = _moments(null_p, items.categories, kind)
        whiten = _whitener(_covariance(null, np.ones(1)) / len(part))
        null_target.append(whiten(observed - _expected(null, np.ones(1))))
        null_design.append((np.zeros((len(observed), 0)), whiten(_null_derivatives(null_p, items.categories, kind))))
        srmsr += len(part) / len(scores) * _srmsr(part, moments, w)
    statistic, df = _left_over(target, design)
    null_statistic, null_df = _left_over(null_target, null_design)
    rmsea, low, high = (x * len(used) ** 0.5 for x in _rmsea(statistic, df, len(scores)))  # Steiger (1998)
    excess, null_excess = max(statistic - df, 0.0), max(null_statistic - null_df, statistic - df, 1e-300)
    tli = (null_statistic / null_df - statistic / df) / (null_statistic / null_df - 1)
    return ModelFit(
        kind, statistic, df, float(chdtrc(df, statistic)), rmsea, low, high, srmsr,
        1 - excess / null_excess, float(tli), len(scores),
    )  # fmt: skip


def _whitener(covariance: Array) -> Callable[[Array], Array]:
    """x -> L⁻¹x with LL' the covariance."""
    try:
        lower = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        raise DesignError(
            "no-variation", "Some moments do not vary.", "Leave out items that nearly everybody got right or wrong."
        ) from None
    return lambda x: np.asarray(solve_triangular(lower, x, lower=True))


def _left_over(target: list[Array], design: list[tuple[Array, Array]]) -> tuple[float, int]:
    """Squared length of what the parameters cannot explain of the whitened residuals, and its degrees of freedom.

    The same as N e' Δc (Δc' Ξ Δc)⁻¹ Δc' e with Δc orthogonal to the derivatives, without forming Δc.
    """
    own = block_diag(*(d for _, d in design))
    y, x = np.concatenate(target), np.hstack([np.vstack([d for d, _ in design]), own])
    scale = np.sqrt((x**2).sum(axis=0))
    basis, values, _ = np.linalg.svd(x / np.where(scale > 0, scale, 1.0), full_matrices=False)
    basis = basis[:, values > 1e-8 * values[0]]
    df = len(y) - basis.shape[1]
    if df < 1:
        raise DesignError("too-few-items", "There are as many parameters as moments: nothing is left to test.")
    rest = y - basis @ (basis.T @ y)
    return float(rest @ rest), df


def _moments(p: Array, categories: NDArray[np.int64], kind: str) -> _Moments:
    k = np.arange(p.shape[1], dtype=float)
    mean = np.einsum("k,jkq->jq", k, p)
    square = np.einsum("k,jkq->jq", k**2, p)
    if kind == "M2*":
        return _Moments(mean, np.arange(len(p)), np.zeros(len(p), dtype=np.int64), mean, square, p)
    pairs = [(j, c) for j in range(len(p)) for c in range(1, int(categories[j]))]
    owner = np.array([j for j, _ in pairs], dtype=np.int64)
    value = np.array([c for _, c in pairs], dtype=np.int64)
    return _Moments(p[owner, value], owner, value, mean, square, p)


def _observed(scores: Scores, m: _Moments) -> Array:
    """Observed moments: first, then products of pairs."""
    x = scores.astype(float)
    first = [(x[:, j] if v == 0 else x[:, j] == v).mean() for j, v in zip(m.owner, m.value, strict=True)]
    i, j = np.triu_indices(scores.shape[1], 1)
    return np.concatenate([first, (x.T @ x / len(x))[i, j]])


def _expected(m: _Moments, weights: Array) -> Array:
    i, j = np.triu_indices(len(m.mean), 1)
    return np.concatenate([m.first @ weights, ((m.mean * weights) @ m.mean.T)[i, j]])


def _covariance(m: _Moments, weights: Array) -> Array:
    """Covariance of one student's moments."""
    i, j = np.triu_indices(len(m.mean), 1)
    n_first = len(m.owner)
    given = np.concatenate([m.first, m.mean[i] * m.mean[j]])
    out = (given * weights) @ given.T
    # moments that share item s: replace E(u|θ)E(v|θ) by E(uv|θ) of that item
    for s in range(len(m.mean)):
        own = np.flatnonzero(m.owner == s)
        pair = np.flatnonzero((i == s) | (j == s))
        other = np.where(i[pair] == s, j[pair], i[pair])
        rest = m.mean[other]  # the pair's other factor
        out[np.ix_(own, own)] = _own_products(m, own, weights)
        graded = np.stack([_times_score(m, int(a)) for a in own])  # E(u x | θ)
        out[np.ix_(own, n_first + pair)] = (graded * weights) @ rest.T
        out[np.ix_(n_first + pair, own)] = out[np.ix_(own, n_first + pair)].T
        out[np.ix_(n_first + pair, n_first + pair)] = (rest * (m.square[s] * weights)) @ rest.T
    at = n_first + np.arange(len(i))
    out[at, at] = (m.square[i] * m.square[j]) @ weights
    expected = _expected(m, weights)
    return np.asarray(out - np.outer(expected, expected))


def _own_products(m: _Moments, own: NDArray[np.int64], weights: Array) -> Array:
    if m.value[own[0]] == 0:
        return np.array([[m.square[m.owner[own[0]]] @ weights]])
    return np.asarray(np.diag(m.first[own] @ weights))


def _times_score(m: _Moments, a: int) -> Array:
    return m.square[m.owner[a]] if m.value[a] == 0 else m.value[a] * m.first[a]


def _derivatives(items: ItemParameters, nodes: Array, weights: Array, m: _Moments) -> Array:
    """(moments, item parameters), by central differences of the curves (their error is below 1e-9)."""
    step = 1e-5
    columns: list[Array] = []
    common: list[Array] = []
    for name, at in [("a", 0), *(("d", k) for k in range(items.d.shape[1])), ("g", 0)]:
        up, down = (category_probabilities(_changed(items, name, at, sign * step), nodes) for sign in (1.0, -1.0))
        change = (up - down) / (2 * step)
        for s in range(len(items)):
            if (name, at) in _free(items, s):
                shared = name == "a" and items.model[s] == "1pl"
                (common if shared else columns).append(_derivative(m, s, change[s], weights))
    if common:
        columns.append(np.sum(common, axis=0))
    return np.stack(columns, axis=1)


def _population_derivatives(m: _Moments, nodes: Array, weights: Array, mean: bool, sd: bool) -> Array:
    """(moments, free population parameters): mean and log SD of a normal population on the grid."""
    z = nodes - weights @ nodes
    variance = weights @ z**2
    columns = [_expected(m, weights * z / variance)] if mean else []
    columns += [_expected(m, weights * (z**2 / variance - 1))] if sd else []
    return np.stack(columns, axis=1) if columns else np.zeros((len(_expected(m, weights)), 0))


def _free(items: ItemParameters, s: int) -> list[tuple[str, int]]:
    model = items.model[s]
    out = [("a", 0)] if model not in ("rasch", "pcm") else []
    out += [("d", k) for k in range(int(items.categories[s]) - 1)]
    return out + ([("g", 0)] if model == "3pl" else [])


def _changed(items: ItemParameters, name: str, at: int, by: float) -> ItemParameters:
    """All items with one kind of parameter moved."""
    a, d, g = items.a.astype(float), items.d.astype(float), items.g.astype(float)
    if name == "a":
        a += by
    elif name == "d":
        d[:, at] += by
    else:
        g += by
    return replace(items, a=a, d=d, g=g)


def _derivative(m: _Moments, s: int, change: Array, weights: Array) -> Array:
    """Derivative of all expected moments when item s's category probabilities change by `change` (K, Q)."""
    i, j = np.triu_indices(len(m.mean), 1)
    mean = np.arange(len(change), dtype=float) @ change
    first = np.zeros(len(m.owner))
    for a in np.flatnonzero(m.owner == s):
        first[a] = (mean if m.value[a] == 0 else change[m.value[a]]) @ weights
    second = np.zeros(len(i))
    touched = (i == s) | (j == s)
    other = np.where(i == s, j, i)[touched]
    second[touched] = m.mean[other] @ (mean * weights)
    return np.concatenate([first, second])


def _null_derivatives(p: Array, categories: NDArray[np.int64], kind: str) -> Array:
    """As `_derivatives`, for independent items with free category probabilities."""
    m = _moments(p, categories, kind)
    columns = []
    for s in range(len(p)):
        for k in range(1, int(categories[s])):
            change = np.zeros((p.shape[1], 1))
            change[k], change[0] = 1.0, -1.0
            columns.append(_derivative(m, s, change, np.ones(1)))
    return np.stack(columns, axis=1)


def _rmsea(statistic: float, df: int, n: int) -> tuple[float, float, float]:
    """Point and 90 % interval from the noncentral chi-square."""
    from scipy.stats import chi2, ncx2  # takes a second: only where it is asked for

    def bound(quantile: float) -> float:
        if chi2.cdf(statistic, df) <= quantile:
            return 0.0
        top = statistic + 10 * np.sqrt(2 * (df + 2 * statistic)) + 50
        noncentral = brentq(lambda x: ncx2.cdf(statistic, df, x) - quantile, 1e-10, top, xtol=1e-10)
        return float(np.sqrt(noncentral / (df * (n - 1))))

    return float(np.sqrt(max(statistic - df, 0.0) / (df * (n - 1)))), bound(0.95), bound(0.05)


def _srmsr(scores: Scores, m: _Moments, weights: Array) -> float:
    i, j = np.triu_indices(scores.shape[1], 1)
    mean = m.mean @ weights
    covariance = (m.mean * weights) @ m.mean.T - np.outer(mean, mean)
    sd = np.sqrt(m.square @ weights - mean**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        residual = np.corrcoef(scores.T.astype(float))[i, j] - (covariance / np.outer(sd, sd))[i, j]
    return float(np.sqrt(np.nanmean(residual**2)))
