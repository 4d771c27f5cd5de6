"""Scores that solve an equation in θ: maximum likelihood, posterior mode (MAP) and Warm's weighted likelihood.

All are the root of  s(θ) = Σ ∂log P_x/∂θ + correction(θ):

    "mle"    no correction
    "map"    the derivative of the log prior
    "wle"    I'/(2I): the maximum of the likelihood times sqrt(I), I = Σ P'²/P the test information
    "warm"   J/(2I) with J = Σ P'P''/P (Warm 1989, equation for the three-parameter model)

Warm's estimator is "wle" and "warm" alike in every model but the 3PL, where J is not I' and his bias correction is
not the derivative of log sqrt(I) (Magis & Raîche 2012). Programs differ there; "wle" is what mirt computes.

On a coarse grid the integral of s tells which of several roots is the highest maximum (a 3PL likelihood may have
more than one); the root is then bracketed and found by Chandrupatla's method. The standard error is 1/sqrt(-s'(θ))
at the root, the curvature of what was maximised: the observed information (plus 1/sd² for MAP), not the expected.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import expit

from scoring.irt.ability import Abilities, LogTables, Scores, check_scores, chunks
from scoring.irt.curves import Array, ItemParameters, category_probabilities, probability_slopes
from scoring.irt.threads import one_blas_thread

Method = Literal["mle", "map", "wle", "warm"]
#: The search goes this far from zero; a maximum further out counts as infinite.
REACH = 20.0
_STEP = 0.25
_LEVEL = 1e-12
_SMALL_CHUNK = 512


@dataclass(frozen=True)
class _Parts:
    """What s(θ) needs at given θ: slopes of log P (J, K, Q); I and the correction's numerator per item (J, Q)."""

    slope: Array
    fisher: Array
    bias: Array


def probability_curvatures(items: ItemParameters, theta: Array) -> Array:
    """∂²P(X = k | θ)/∂θ², (J, K, Q)."""
    p = category_probabilities(items, theta)
    out = np.zeros_like(p)
    logistic = np.flatnonzero(items.in_family("logistic"))
    if logistic.size:
        z = items.a[logistic, None] * theta + items.d[logistic, :1]
        bend = (1 - items.g[logistic, None]) * items.a[logistic, None] ** 2 * _bend(z)
        out[logistic, 1], out[logistic, 0] = bend, -bend
    graded = np.flatnonzero(items.in_family("graded"))
    if graded.size:
        z = items.a[graded, None, None] * theta + items.d[graded][:, :, None]
        bend = np.nan_to_num(items.a[graded, None, None] ** 2 * _bend(z))
        edge = np.zeros_like(bend[:, :1])
        out[graded] = np.concatenate([edge, bend], axis=1) - np.concatenate([bend, edge], axis=1)
    partial = np.flatnonzero(items.in_family("partial"))
    if partial.size:
        k = np.arange(p.shape[1], dtype=float)[:, None]
        q = p[partial]
        mean = (k * q).sum(axis=1, keepdims=True)
        variance = ((k - mean) ** 2 * q).sum(axis=1, keepdims=True)
        out[partial] = items.a[partial, None, None] ** 2 * q * ((k - mean) ** 2 - variance)
    return out


def _bend(z: Array) -> Array:
    """Second derivative of the logistic function."""
    return np.asarray(expit(z) * expit(-z) * (expit(-z) - expit(z)))


def _parts(items: ItemParameters, theta: Array, method: Method) -> _Parts:
    p = category_probabilities(items, theta)
    first = probability_slopes(items, theta)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(p > 0, first / p, 0.0)
    fisher = (slope * first).sum(axis=1)
    if method not in ("wle", "warm"):
        return _Parts(slope, fisher, fisher)
    second = probability_curvatures(items, theta)
    bias = (slope * second).sum(axis=1)
    if method == "wle":  # I' = Σ 2P'P''/P - P'³/P²
        bias = 2 * bias - (slope**2 * first).sum(axis=1)
    return _Parts(slope, fisher, bias)


def observed_information(items: ItemParameters, scores: Scores, theta: Array) -> Array:
    """-∂² log P(x_i | θ)/∂θ² at each student's own θ, (N,)."""
    if _plain(items):
        return expected_information(items, scores, theta)
    out = np.empty(len(scores))
    for rows in chunks(len(scores), _SMALL_CHUNK):
        p = category_probabilities(items, theta[rows])
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where(p > 0, probability_slopes(items, theta[rows]) / p, 0.0)
            bend = np.where(p > 0, probability_curvatures(items, theta[rows]) / p, 0.0)
        out[rows] = -_chosen(bend - slope**2, scores[rows]).sum(axis=1)
    return out


def expected_information(items: ItemParameters, scores: Scores, theta: Array) -> Array:
    """Fisher information of the items each student was given, at his or her own θ, (N,)."""
    out = np.empty(len(scores))
    plain = _plain(items)
    for rows in chunks(len(scores), _SMALL_CHUNK):
        if plain:
            out[rows] = _plain_equation(items, scores[rows], theta[rows], True)[1]
            continue
        out[rows] = np.where(scores[rows] >= 0, _parts(items, theta[rows], "mle").fisher.T, 0.0).sum(axis=1)
    return out


def _chosen(values: Array, scores: Scores) -> Array:
    """Entries (J, K, n) of the category each of n students chose, (n, J), 0 where there is no response."""
    seen = scores >= 0
    index = np.where(seen, scores, 0).T[:, None, :].astype(np.int64)
    return np.where(seen, np.take_along_axis(values, index, axis=1)[:, 0].T, 0.0)


def solve(
    items: ItemParameters,
    scores: Scores,
    method: Method,
    prior_mean: Array | float = 0.0,
    prior_sd: Array | float = 1.0,
) -> Abilities:
    """Maximum likelihood, MAP or weighted likelihood scores.

    Args:
        items: J items.
        scores: (N, J), -1 where nothing enters the likelihood.
        method: "mle", "map", "wle".
        prior_mean, prior_sd: of the normal prior (MAP), one or (N,).

    Returns:
        Abilities. An estimate that runs off ±20 is ±inf with SE NaN.
    """
    check_scores(items, scores)
    n = len(scores)
    mean = np.broadcast_to(np.asarray(prior_mean, dtype=float), (n,))
    sd = np.broadcast_to(np.asarray(prior_sd, dtype=float), (n,))
    theta = np.full(n, np.nan)
    given = (scores >= 0).any(axis=1)
    grid = np.linspace(-REACH, REACH, round(2 * REACH / _STEP) + 1)
    parts = _parts(items, grid, method)
    slopes = LogTables(parts.slope, items.categories)
    with one_blas_thread():
        for rows in chunks(n, _SMALL_CHUNK):
            x, m, s = scores[rows], mean[rows], sd[rows]
            on_grid = slopes.sums(x)
            if method == "map":
                on_grid -= (grid - m[:, None]) / s[:, None] ** 2
            elif method != "mle":
                seen = (x >= 0).astype(float)
                on_grid += _half_ratio(seen @ parts.bias, seen @ parts.fisher)

            def equation(t: Array, x: Scores = x, m: Array = m, s: Array = s) -> Array:
                return _equation(items, x, t, method, m, s)

            theta[rows] = _highest_root(grid, on_grid, equation)
    theta[~given] = np.nan
    return Abilities(theta, standard_errors(items, scores, theta, method, mean, sd))


def _half_ratio(bias: Array, fisher: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(fisher > 0, 0.5 * bias / fisher, 0.0)


def _equation(items: ItemParameters, scores: Scores, theta: Array, method: Method, mean: Array, sd: Array) -> Array:
    if _plain(items):
        out, fisher, bias = _plain_equation(items, scores, theta, method in ("wle", "warm"))
    else:
        parts = _parts(items, theta, method)
        seen = (scores >= 0).T
        out = _chosen(parts.slope, scores).sum(axis=1)
        fisher, bias = (np.where(seen, v, 0.0).sum(axis=0) for v in (parts.fisher, parts.bias))
    if method == "map":
        return np.asarray(out - (theta - mean) / sd**2)
    return np.asarray(out if method == "mle" else out + _half_ratio(bias, fisher))


def _plain(items: ItemParameters) -> bool:
    """Whether all items are Rasch or 2PL, for which s(θ) is Σ a (x - P): several times faster."""
    return bool(items.in_family("logistic").all() and not items.g.any())


def _plain_equation(items: ItemParameters, scores: Scores, theta: Array, weighted: bool) -> tuple[Array, Array, Array]:
    """Σ a (x - P), I = Σ a² P(1 - P) and I' = Σ a³ P(1 - P)(1 - 2P), (n,) each; the last two only if weighted."""
    p = expit(theta[:, None] * items.a + items.d[:, 0])
    seen = scores >= 0
    if not seen.all():
        p = np.where(seen, p, 0.0)
    out = (scores == 1).astype(float) @ items.a - p @ items.a
    if not weighted:
        return out, out, out
    spread = p * (1 - p)
    return out, spread @ items.a**2, (spread * (1 - 2 * p)) @ items.a**3


def standard_errors(
    items: ItemParameters, scores: Scores, theta: Array, method: Method, mean: Array, sd: Array
) -> Array:
    """1/sqrt(-s'(θ)) at given estimates, (N,); NaN where the estimate is not finite."""
    finite = np.isfinite(theta)
    at = np.where(finite, theta, 0.0)
    if method in ("mle", "map"):
        information = observed_information(items, scores, at)
        if method == "map":
            information = information + 1 / sd**2
    else:  # the third derivatives are not worth writing down: a central difference is good to 1e-8 of s'
        information, h = np.empty(len(scores)), 1e-4
        for rows in chunks(len(scores), _SMALL_CHUNK):
            x, t, m, s = scores[rows], at[rows], mean[rows], sd[rows]
            above, below = (_equation(items, x, t + side, method, m, s) for side in (h, -h))
            information[rows] = (below - above) / (2 * h)
    with np.errstate(divide="ignore", invalid="ignore"):
        se = np.where(information > 0, 1 / np.sqrt(information), np.nan)
    return np.where(finite, se, np.nan)


def _highest_root(grid: Array, on_grid: Array, equation: Callable[[Array], Array]) -> Array:
    """Root of each row's equation at the highest maximum of its integral; ±inf where that lies at an end."""
    # far out the sum over items leaves rounding instead of an exponentially small slope: call it level
    on_grid = np.where(np.abs(on_grid) < _LEVEL, 0.0, on_grid)
    steps = np.diff(grid)
    height = np.concatenate(
        [np.zeros((len(on_grid), 1)), np.cumsum(0.5 * (on_grid[:, 1:] + on_grid[:, :-1]) * steps, axis=1)], axis=1
    )
    top = height.argmax(axis=1)
    row = np.arange(len(on_grid))
    at_top = on_grid[row, top]
    sloping = on_grid != 0
    first = np.where(sloping.any(axis=1), sloping.argmax(axis=1), len(grid))
    last = len(grid) - 1 - sloping[:, ::-1].argmax(axis=1)
    # the maximum is at an end, or on level ground that goes on to the end
    lowest = ((top == 0) & (at_top <= 0)) | (top < first) | ((top == first) & (at_top < 0))
    highest = ((top == len(grid) - 1) & (at_top >= 0)) | (top > last) | ((top == last) & (at_top > 0))
    # at the top node the trapezoids rise before and fall after: the sign changes on the side the value points to
    left = np.clip(np.where(at_top > 0, top, top - 1), 0, len(grid) - 2)
    root = chandrupatla(equation, grid[left], grid[left + 1], on_grid[row, left], on_grid[row, left + 1])
    return np.where(lowest, -np.inf, np.where(highest, np.inf, root))


def chandrupatla(
    function: Callable[[Array], Array], low: Array, high: Array, f_low: Array, f_high: Array, tolerance: float = 1e-11
) -> Array:
    """Roots of n independent equations, each bracketed: bisection or inverse quadratic steps (Chandrupatla 1997)."""
    b, a, fb, fa = low.copy(), high.copy(), f_low.copy(), f_high.copy()
    c, fc = a.copy(), fa.copy()
    t = np.full_like(b, 0.5)
    best = np.where(np.abs(fa) < np.abs(fb), a, b)
    for _ in range(60):
        x = a + t * (b - a)
        f = function(x)
        same = np.sign(f) == np.sign(fa)
        c = np.where(same, a, b)
        fc = np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = x, f
        best = np.where(np.abs(fa) < np.abs(fb), a, b)
        width = np.abs(b - a)
        with np.errstate(divide="ignore", invalid="ignore"):
            limit = np.where(width > 0, tolerance / width, 1.0)
            if bool(np.all((limit > 0.5) | (fa == 0) | (fb == 0))):
                break
            xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
            quadratic = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
            step = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
        t = np.where(quadratic & np.isfinite(step), step, 0.5)
        t = np.clip(t, np.minimum(limit, 0.5), np.maximum(1 - limit, 0.5))
    return best
