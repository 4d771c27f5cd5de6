"""Modified Angoff ratings: an additive rater + item model on logits, and the cut with its two standard errors.

Each rater says, for each item, which share of the students who just know the concept would get it right (the share
of the points for an item with several). With y the logit of that share,

    y_ri = μ + severity_r + item_i + error,

fitted by least squares, so that raters who saw different items can be averaged. Severities are averaged within each
district and then over the districts with equal weight. The cut is where the test characteristic curve of the items
meets the points these average ratings add up to. Standard errors by jackknife, kept apart because they answer
different questions: another panel (raters deleted one at a time within their district), other items of the kind.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import expit, logit

from scoring.irt.curves import Array, ItemParameters
from scoring.irt.cuts import CurveCut, curve_cut
from scoring.irt.errors import DesignError

#: Ratings of 0 and 1 have no logit; they are taken as these.
CERTAIN = (0.01, 0.99)


@dataclass(frozen=True)
class RatingModel:
    """Least squares fit of the additive model.

    Attributes:
        severity: (R,) deviation of each rater's logits from the mean over raters (districts equally), NaN unrated.
            Positive: expects more students to succeed.
        item: (J,) logit of each item's rating by the average rater.
        residual_sd: standard deviation of what rater and item do not explain, in logits; NaN without freedom.
        rater_residual_sd: (R,) the same for each rater.
    """

    severity: Array
    item: Array
    residual_sd: float
    rater_residual_sd: Array

    @property
    def share(self) -> Array:
        """(J,) each item's rating by the average rater, as a share of its points."""
        return np.asarray(expit(self.item))


@dataclass(frozen=True)
class RatedCut:
    """A cut from ratings.

    Attributes:
        cut: where the curve meets the mean rating.
        share: mean rating as a share of the points.
        se_raters: jackknife over raters within districts, θ units; NaN with a single rater in a district.
        se_items: jackknife over items; NaN below two items.
    """

    cut: CurveCut
    share: float
    se_raters: float
    se_items: float


def fit_ratings(ratings: Array, district: NDArray[np.int64]) -> RatingModel:
    """Fit the additive model to a table of shares.

    Args:
        ratings: (R, J) shares between 0 and 1, NaN where a rater did not rate an item.
        district: (R,) district of each rater, 0, 1, ...

    Raises:
        DesignError: the raters and items are not connected, so that severities cannot be compared.
    """
    rater, item = np.nonzero(np.isfinite(ratings))
    n_raters, n_items = ratings.shape
    _check_connected(rater, item, ratings.shape)
    y = logit(np.clip(ratings[rater, item], *CERTAIN))
    seen = np.bincount(rater, minlength=n_raters) > 0
    shown = np.bincount(item, minlength=n_items) > 0
    design = np.zeros((len(y), n_raters + n_items))
    design[np.arange(len(y)), rater] = 1
    design[np.arange(len(y)), n_raters + item] = 1
    beta = np.linalg.lstsq(design, y, rcond=None)[0]
    residual = y - design @ beta
    severity = np.where(seen, beta[:n_raters], np.nan)
    level = np.mean([severity[seen & (district == d)].mean() for d in np.unique(district[seen])])
    freedom = len(y) - (seen.sum() + shown.sum() - 1)
    count = np.bincount(rater, minlength=n_raters)
    squares = np.bincount(rater, weights=residual**2, minlength=n_raters)
    return RatingModel(
        severity - level,
        np.where(shown, beta[n_raters:] + level, np.nan),
        float(np.sqrt((residual**2).sum() / freedom)) if freedom > 0 else float("nan"),
        np.sqrt(np.where(count > 0, squares / np.maximum(count, 1), np.nan)),
    )


def _check_connected(rater: NDArray[np.int64], item: NDArray[np.int64], shape: tuple[int, ...]) -> None:
    n = shape[0] + shape[1]
    graph = coo_array((np.ones(len(rater)), (rater, shape[0] + item)), shape=(n, n))
    label = connected_components(graph, directed=False)[1]
    parts = np.unique(label[rater])
    if parts.size > 1:
        members = [np.flatnonzero(label[: shape[0]] == part) + 1 for part in parts]
        details = [f"no item shared with others: raters {', '.join(map(str, m))}" for m in members]
        raise DesignError(
            "unconnected-ratings",
            "Raters who share no items cannot be averaged.",
            "Let them rate some items alike.",
            details,
        )
    if not parts.size:
        raise DesignError("no-ratings", "There are no ratings.", "Give at least one rater and one item.")


def rated_cut(items: ItemParameters, ratings: Array, district: NDArray[np.int64]) -> RatedCut:
    """The cut of one concept with its standard errors.

    Args:
        items: J calibrated items.
        ratings: (R, J) shares, NaN where not rated.
        district: (R,) 0, 1, ...

    Returns:
        RatedCut. Items nobody rated stay out of the curve.
    """
    rated = np.isfinite(ratings).any(axis=0)
    items, ratings = items.select(np.flatnonzero(rated)), ratings[:, rated]
    ratings, district = ratings[np.isfinite(ratings).any(axis=1)], district[np.isfinite(ratings).any(axis=1)]
    share = _mean_share(items, fit_ratings(ratings, district))
    cut = curve_cut(items, share)
    if cut.reason:
        return RatedCut(cut, share, np.nan, np.nan)
    return RatedCut(cut, share, _se_raters(items, ratings, district), _se_items(items, ratings, district))


def _mean_share(items: ItemParameters, model: RatingModel) -> float:
    points = (items.categories - 1).astype(float)
    return float(points @ model.share / points.sum())


def _se_raters(items: ItemParameters, ratings: Array, district: NDArray[np.int64]) -> float:
    variance = 0.0
    for d in np.unique(district):
        members = np.flatnonzero(district == d)
        if members.size < 2:
            return float("nan")
        cuts = [_cut_without(items, ratings, district, np.delete(np.arange(len(ratings)), r)) for r in members]
        variance += (members.size - 1) / members.size * float(((np.array(cuts) - np.mean(cuts)) ** 2).sum())
    return float(np.sqrt(variance))


def _cut_without(items: ItemParameters, ratings: Array, district: NDArray[np.int64], keep: NDArray[np.int64]) -> float:
    """The cut of the remaining raters, on the curve of all items that they rated."""
    rated = np.isfinite(ratings[keep]).any(axis=0)
    some = items.select(np.flatnonzero(rated))
    try:
        model = fit_ratings(ratings[keep][:, rated], district[keep])
    except DesignError:  # the deleted rater was the only connection
        return float("nan")
    return curve_cut(some, _mean_share(some, model)).theta


def _se_items(items: ItemParameters, ratings: Array, district: NDArray[np.int64]) -> float:
    n = len(items)
    if n < 2:
        return float("nan")
    model = fit_ratings(ratings, district)
    cuts = []
    for j in range(n):
        keep = np.delete(np.arange(n), j)
        some = items.select(keep)
        points = (some.categories - 1).astype(float)
        cuts.append(curve_cut(some, float(points @ model.share[keep] / points.sum())).theta)
    return float(np.sqrt((n - 1) / n * ((np.array(cuts) - np.mean(cuts)) ** 2).sum()))
