"""Drift of anchors: which common items no longer behave alike, and how much uncertainty they leave in the link.

After linking, anchor j is displaced by d_j = location_to - (A location_from + B). Robust z, (d_j - median)/(.74 IQR)
(Huynh & Meyer 2010), is not pulled by the outliers it looks for. Items may be removed one at a time, the worst first,
never more than a set share of the anchors, nor of the anchors of one concept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.irt.curves import Array, expected_scores
from scoring.irt.linking import Constants, Side, derivatives, locations, transform

#: Flagged when |robust z| exceeds the first and the displacement, in θ units of `to`, the second.
Z_LIMIT, LEAST_DISPLACEMENT = 1.96, 0.15
#: No more than this share of the anchors, of all and of each concept, is removed.
REMOVABLE = 0.2


@dataclass(frozen=True)
class Drift:
    """How far each of k anchors has moved.

    Attributes:
        displacement: (k,) mean difficulty on the scale of `to` minus where the link puts it.
        se: (k,) its standard error from both calibrations, the constants as given; NaN without covariances.
        robust_z: (k,)
        slope_ratio: (k,) slope in `to` over the linked slope.
        rmsd: (k,) root mean square difference of the two item curves, as a share of the item's points.
        flagged: (k,)
    """

    displacement: Array
    se: Array
    robust_z: Array
    slope_ratio: Array
    rmsd: Array
    flagged: NDArray[np.bool_]


def drift(
    from_: Side,
    to: Side,
    link: Constants,
    nodes: Array,
    weights: Array,
    z_limit: float = Z_LIMIT,
    least: float = LEAST_DISPLACEMENT,
) -> Drift:
    """Displacements of the anchors under a link."""
    moved = transform(from_.items, link.A, link.B)
    displacement = locations(to.items) - locations(moved)
    covariance = location_covariance(from_, to, link.A)
    z = robust_z(displacement, covariance)
    points = to.items.categories - 1
    gap = (expected_scores(to.items, nodes) - expected_scores(moved, nodes)) / points[:, None]
    return Drift(
        displacement,
        np.sqrt(np.diag(covariance)),
        z,
        to.items.a / moved.a,
        np.sqrt(gap**2 @ weights / weights.sum()),
        (np.abs(z) > z_limit) & (np.abs(displacement) > least),
    )


def robust_z(displacement: Array, covariance: Array | None = None) -> Array:
    """(d - median)/(.74 IQR); where the anchors agree to within their sampling errors, those are the yardstick.

    .74 IQR estimates the SD of the displacements, which without any drift is a typical sampling error: from few anchors
    the IQR can come out far smaller by chance, and would call sampling error drift.
    """
    low, middle, high = np.quantile(displacement, [0.25, 0.5, 0.75])
    scale = 0.74 * (high - low)
    if covariance is not None and np.isfinite(covariance).all():
        scale = max(scale, float(np.sqrt(np.median(np.diag(covariance)))))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(displacement == middle, 0.0, (displacement - middle) / scale)


def location_covariance(from_: Side, to: Side, A: float) -> Array:
    """(k, k) sampling covariance of location_to - A location_from, A as given; NaN without covariances."""
    k = len(from_.items)
    if from_.covariance is None or to.covariance is None:
        return np.full((k, k), np.nan)
    out = np.zeros((k, k))
    for side, covariance, scale in ((from_, from_.covariance, A), (to, to.covariance, 1.0)):
        j = scale * derivatives(side, locations, k)
        out += j @ covariance @ j.T
    return out


def linking_variance(displacement: Array, covariance: Array) -> float:
    """Variance that the choice of anchors adds to B: max(0, Var(d) - mean sampling variance of d)/k.

    The sampling variance is that of the d about their mean, so that an error all anchors share, which is in the
    standard error of B already, is not subtracted: trace(C V C)/(k - 1) with C the centring matrix. Without
    covariances nothing is subtracted, and the result is an upper bound.
    """
    k = len(displacement)
    if k < 2:
        return float("nan")
    return max(0.0, float(displacement.var(ddof=1)) - np.nan_to_num(centred_sampling(covariance))) / k


def centred_sampling(covariance: Array) -> float:
    """trace(C V C)/(k - 1): the sampling variance of k displacements about their mean; NaN without covariances."""
    k = len(covariance)
    if k < 2 or not np.isfinite(covariance).all():
        return float("nan")
    return float((np.trace(covariance) - covariance.sum() / k) / (k - 1))


def bounded_removal(
    names: Sequence[str],
    evaluate: Callable[[NDArray[np.int64]], Drift],
    concepts: Sequence[str] | None = None,
    removable: float = REMOVABLE,
) -> tuple[NDArray[np.int64], tuple[str, ...], tuple[str, ...]]:
    """Remove drifted anchors one at a time, the largest |robust z| first, relinking after each.

    Args:
        names: of the k anchors.
        evaluate: drift of the anchors at given positions, after linking with them alone.
        concepts: of each anchor; the bound then also holds within each concept, so that content stays balanced.
        removable: the bound, a share.

    Returns:
        positions kept; names removed, in order; names still flagged that the bound protects.
    """
    keep = np.arange(len(names))
    labels = np.array(["all"] * len(names) if concepts is None else list(concepts), dtype=object)
    budget = {label: int(removable * (labels == label).sum()) for label in set(labels)}
    total = int(removable * len(names))
    removed: list[str] = []
    while True:
        found = evaluate(keep)
        order = np.argsort(-np.abs(found.robust_z), kind="stable")
        flagged = [int(i) for i in order if found.flagged[i]]
        possible = [i for i in flagged if budget[labels[keep[i]]] > 0 and len(removed) < total and len(keep) > 2]
        if not possible:
            return keep, tuple(removed), tuple(names[keep[i]] for i in flagged)
        worst = possible[0]
        budget[labels[keep[worst]]] -= 1
        removed.append(names[keep[worst]])
        keep = np.delete(keep, worst)
