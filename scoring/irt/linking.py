"""Linking constants of two separate calibrations:  θ_to = A θ_from + B,  hence a_to = a_from/A, b_to = A b_from + B.

    mean-mean      A from the means of the slopes of the common items (Loyd & Hoover 1980)
    mean-gmean     A from their geometric means (Mislevy & Bock 1990)
    mean-sigma     A from the standard deviations of the difficulties (Marco 1977)
    haebara        least squares between the item curves (Haebara 1980), on the scale of `to`
    stocking-lord  least squares between the test curves (Stocking & Lord 1983), on the scale of `to`

Standard errors by the delta method from the covariances of both calibrations (Ogasawara 2000, 2001). What the delta
method needs, the derivative of (A, B) in every item parameter, is kept: chains of links share their middle forms.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.optimize import least_squares
from scipy.special import expit, logit

from scoring.irt.curves import FAMILY, Array, ItemParameters, expected_scores, probability_slopes
from scoring.irt.errors import DesignError, NotConverged

LinkMethod = Literal["mean-mean", "mean-gmean", "mean-sigma", "haebara", "stocking-lord"]
METHODS: tuple[LinkMethod, ...] = ("mean-mean", "mean-gmean", "mean-sigma", "haebara", "stocking-lord")
_STEP = 1e-5


@dataclass(frozen=True)
class Side:
    """The common items in one calibration.

    Attributes:
        items: k anchors, in the same order on both sides.
        parameters: (item position, label) of each parameter with a covariance; labels "a", "d", "d1", ..., "logit_g",
            or "b" and "g" where the covariance is given for those.
        covariance: (P, P) of these parameters.
    """

    items: ItemParameters
    parameters: tuple[tuple[int, str], ...] = ()
    covariance: Array | None = None


@dataclass(frozen=True)
class Constants:
    """A link.

    Attributes:
        A, B: θ_to = A θ_from + B.
        covariance: (2, 2) of (A, B); NaN without covariances of the items.
        from_slope, to_slope: (2, P) derivatives of (A, B) in the parameters of either side.
    """

    A: float
    B: float
    covariance: Array
    from_slope: Array
    to_slope: Array


def is_rasch(items: ItemParameters) -> bool:
    """Whether all slopes are fixed at 1, so that A is 1."""
    return set(items.model) <= {"rasch", "pcm"} and bool((items.a == 1.0).all())


def constants(
    from_: Side,
    to: Side,
    method: LinkMethod,
    nodes: Array,
    weights: Array,
    fixed_slope: bool | None = None,
) -> Constants:
    """Linking constants and their covariance.

    Args:
        from_, to: the common items in the two calibrations, which are taken as independent.
        method: one of METHODS.
        nodes, weights: (Q,) θ on the scale of `to` at which curves are compared, and their weights.
        fixed_slope: A = 1; default where all items on both sides are Rasch or PCM.

    Raises:
        DesignError: too few items, slopes of different sign, constant difficulties for mean-sigma.
        NotConverged: the least squares search.
    """
    _check(from_.items, to.items, method)
    one = (is_rasch(from_.items) and is_rasch(to.items)) if fixed_slope is None else fixed_slope
    if method in ("haebara", "stocking-lord"):
        x, slopes = _by_curves(from_, to, method, nodes, weights, one)
    else:
        x = _by_moments(from_.items, to.items, method, one)
        slopes = _moment_slopes(from_, to, method, one)
    covariance = np.full((2, 2), np.nan)
    if from_.covariance is not None and to.covariance is not None:
        covariance = sum(
            (
                s @ side.covariance @ s.T
                for s, side in zip(slopes, (from_, to), strict=True)
                if side.covariance is not None
            ),
            start=np.zeros((2, 2)),
        )
    return Constants(float(x[0]), float(x[1]), covariance, slopes[0], slopes[1])


def _check(from_: ItemParameters, to: ItemParameters, method: str) -> None:
    if method not in METHODS:
        raise DesignError("unknown-method", f"There is no linking method {method!r}.", f"Use {', '.join(METHODS)}.")
    if len(from_) < 2:
        raise DesignError("few-anchors", f"{len(from_)} common items.", "A link needs two, and better five or more.")
    details = []
    for j, name in enumerate(from_.names):
        if from_.categories[j] != to.categories[j]:
            details.append(f"{name}: {from_.categories[j]} and {to.categories[j]} categories")
        elif FAMILY[from_.model[j]] != FAMILY[to.model[j]]:
            details.append(f"{name}: models {from_.model[j]} and {to.model[j]}")
        if not (from_.a[j] > 0 and to.a[j] > 0):
            details.append(f"{name}: slopes {from_.a[j]:.2f} and {to.a[j]:.2f}")
    if details:
        raise DesignError(
            "unequal-anchors",
            "Some items cannot be anchors.",
            "Leave them out with anchors=, or check their keys.",
            details,
        )


def difficulties(items: ItemParameters) -> Array:
    """All difficulties and steps of the items in one row."""
    b = items.b
    return np.asarray(b[np.isfinite(b)])


def locations(items: ItemParameters) -> Array:
    """(k,) mean difficulty of each item's steps."""
    return np.asarray(np.nanmean(items.b, axis=1))


def _by_moments(from_: ItemParameters, to: ItemParameters, method: str, one: bool) -> Array:
    b_from, b_to = difficulties(from_), difficulties(to)
    if one:
        slope = 1.0
    elif method == "mean-mean":
        slope = float(from_.a.mean() / to.a.mean())
    elif method == "mean-gmean":
        slope = float(np.exp(np.log(from_.a).mean() - np.log(to.a).mean()))
    else:
        spread = b_from.std()
        if spread == 0:
            raise DesignError("equal-difficulties", "All anchors are equally difficult.", "Use another method.")
        slope = float(b_to.std() / spread)
    return np.array([slope, b_to.mean() - slope * b_from.mean()])


def changed(items: ItemParameters, item: int, label: str, by: float, keeps_b: bool = False) -> ItemParameters:
    """The items with one parameter moved; `keeps_b`: a moves at fixed b, not at fixed d."""
    a, d, g = items.a.copy(), items.d.copy(), items.g.copy()
    if label == "a":
        a[item] += by
        if keeps_b:
            d[item] *= a[item] / items.a[item]
    elif label == "b":
        d[item, 0] -= a[item] * by
    elif label == "g":
        g[item] += by
    elif label == "logit_g":
        g[item] = expit(logit(g[item]) + by)
    else:
        d[item, int(label[1:] or 1) - 1] += by
    return replace(items, a=a, d=d, g=g)


def derivatives(side: Side, function: Callable[[ItemParameters], Array], size: int) -> Array:
    """(size, P) central differences of a function of the items in each parameter of the side."""
    out = np.zeros((size, len(side.parameters)))
    for k, (item, label) in enumerate(side.parameters):
        keeps = label == "a" and (item, "b") in side.parameters
        above = function(changed(side.items, item, label, _STEP, keeps))
        below = function(changed(side.items, item, label, -_STEP, keeps))
        out[:, k] = (above - below) / (2 * _STEP)
    return out


def _moment_slopes(from_: Side, to: Side, method: str, one: bool) -> tuple[Array, Array]:
    return (
        derivatives(from_, lambda items: _by_moments(items, to.items, method, one), 2),
        derivatives(to, lambda items: _by_moments(from_.items, items, method, one), 2),
    )


def _by_curves(
    from_: Side, to: Side, method: str, nodes: Array, weights: Array, one: bool
) -> tuple[Array, tuple[Array, Array]]:
    """Least squares between curves, and derivatives of its solution by the implicit function theorem."""
    free = np.array([1]) if one else np.array([0, 1])
    root = np.sqrt(weights)
    whole = method == "stocking-lord"

    def compare(x: Array, old: ItemParameters, new: ItemParameters) -> tuple[Array, Array]:
        """Weighted differences of the curves, (m,), and their derivatives in (A, B), (m, 2)."""
        u = (nodes - x[1]) / x[0]
        difference = (expected_scores(new, nodes) - expected_scores(old, u)) * root
        points = np.arange(probability_slopes(old, u).shape[1], dtype=float)
        rise = np.einsum("k,jkq->jq", points, probability_slopes(old, u)) * root / x[0]
        if whole:
            difference, rise = difference.sum(axis=0), rise.sum(axis=0)
        return difference.ravel(), np.stack([(rise * u).ravel(), rise.ravel()], axis=1)

    def gradient(x: Array, old: ItemParameters, new: ItemParameters) -> Array:
        difference, slopes = compare(x, old, new)
        return np.asarray(difference @ slopes[:, free])

    def full(values: Array) -> Array:
        return np.array([1.0, values[0]]) if one else values

    def residuals(values: Array) -> Array:
        return compare(full(values), from_.items, to.items)[0]

    def jacobian(values: Array) -> Array:
        return compare(full(values), from_.items, to.items)[1][:, free]

    start = _by_moments(from_.items, to.items, "mean-gmean", one)
    found = least_squares(
        residuals,
        start[free],
        jac=jacobian,
        xtol=1e-14,
        ftol=1e-14,
        gtol=1e-14,
        max_nfev=200,
    )
    x = full(found.x)
    hessian = np.empty((len(free), len(free)))
    for k, which in enumerate(free):
        step = np.zeros(2)
        step[which] = _STEP
        above, below = (gradient(x + side * step, from_.items, to.items) for side in (1, -1))
        hessian[:, k] = (above - below) / (2 * _STEP)
    # the search ends at rounding of the sum of squares: one Newton step on the gradient goes on to its root
    x[free] -= np.linalg.solve(hessian, gradient(x, from_.items, to.items))
    if not (np.isfinite(x).all() and x[0] > 0) or np.abs(gradient(x, from_.items, to.items)).max() > 1e-6:
        raise NotConverged("no-link", f"The {method} search did not converge.", "Look at the anchors' slopes.")

    def against(items: ItemParameters) -> Array:
        return gradient(x, items, to.items)

    def onto(items: ItemParameters) -> Array:
        return gradient(x, from_.items, items)

    slopes = []
    for side, curves in ((from_, against), (to, onto)):
        moved = np.zeros((2, len(side.parameters)))
        moved[free] = -np.linalg.solve(hessian, derivatives(side, curves, len(free)))
        slopes.append(moved)
    return x, (slopes[0], slopes[1])


def transform(items: ItemParameters, A: float, B: float) -> ItemParameters:
    """Items on the scale θ* = Aθ + B: a/A, and d moved so that every curve stays where it was."""
    steps = np.ones_like(items.d)
    steps[items.in_family("partial")] = np.arange(1, items.d.shape[1] + 1)
    return replace(items, a=items.a / A, d=items.d - steps * (items.a * B / A)[:, None])
