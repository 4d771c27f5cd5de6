"""Classical item statistics: difficulty, item-rest correlation, reliability, options and choice curves.

With planned missingness sums of points are not comparable between booklets, so the rest score of student n for item i
is the mean over the other items taken of (points - item mean), per possible point. Where everybody took everything
it is the ordinary rest score up to a constant, and every correlation with it is the ordinary one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Scores = NDArray[np.int8]

#: Rows worked on at once: bounds the memory for wide uploads without slowing the matrix products.
CHUNK = 8192


@dataclass(frozen=True)
class ItemStatistics:
    """Classical statistics of J items.

    Attributes:
        n: (J,) students with a score.
        mean: (J,) mean score; its share of the maximum is `proportion`.
        maximum: (J,) highest possible (or else observed) score.
        proportion: (J,) mean/maximum; the share correct of a dichotomous item.
        sd: (J,) standard deviation of the scores (n - 1).
        item_rest: (J,) correlation of the item with the rest score; NaN where either does not vary.
        item_total: (J,) correlation with the score that contains the item.
        alpha: Cronbach's alpha over all items; NaN where two items were never taken together.
        alpha_if_deleted: (J,) alpha of the other items.
    """

    n: NDArray[np.int64]
    mean: Array
    maximum: Array
    proportion: Array
    sd: Array
    item_rest: Array
    item_total: Array
    alpha: float
    alpha_if_deleted: Array


def chunks(n: int, size: int = CHUNK) -> Iterator[slice]:
    """Slices that cover n rows."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def item_means(scores: Scores) -> tuple[NDArray[np.int64], Array]:
    """(J,) counts and means of the scores that are not -1."""
    n = np.zeros(scores.shape[1], dtype=np.int64)
    total = np.zeros(scores.shape[1])
    for rows in chunks(len(scores)):
        seen = scores[rows] >= 0
        n += seen.sum(axis=0)
        total += np.where(seen, scores[rows], 0).sum(axis=0, dtype=np.int64)
    with np.errstate(invalid="ignore"):
        return n, np.where(n > 0, total / np.maximum(n, 1), np.nan)


@dataclass(frozen=True)
class RestScores:
    """What is needed to give any item's rest score quickly.

    Attributes:
        residual: (N,) sum over items taken of (points - item mean).
        possible: (N,) sum over items taken of the item's maximum.
        mean: (J,) item means.
        maximum: (J,) item maxima.
    """

    residual: Array
    possible: Array
    mean: Array
    maximum: Array

    def of(self, scores: Scores, item: int) -> Array:
        """(N,) rest score for one item; NaN where the student took nothing else."""
        x = scores[:, item]
        seen = x >= 0
        residual = self.residual - np.where(seen, x - self.mean[item], 0.0)
        possible = self.possible - np.where(seen, self.maximum[item], 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(possible > 0, residual / possible, np.nan)


def rest_scores(scores: Scores, maximum: Array) -> RestScores:
    """Prepare rest scores; `scores` (N, J) with -1 for missing, `maximum` (J,)."""
    _, mean = item_means(scores)
    centre = np.nan_to_num(mean)
    residual = np.zeros(len(scores))
    possible = np.zeros(len(scores))
    for rows in chunks(len(scores)):
        seen = scores[rows] >= 0
        residual[rows] = np.where(seen, scores[rows] - centre, 0.0).sum(axis=1)
        possible[rows] = seen @ maximum
    return RestScores(residual, possible, centre, maximum)


def item_statistics(scores: Scores, maximum: Array | None = None) -> ItemStatistics:
    """Difficulty, spread, item-rest correlation, alpha.

    Args:
        scores: (N, J) points, -1 for missing.
        maximum: (J,) possible points; default the largest observed, at least 1.

    Returns:
        ItemStatistics.

    Source: Lord & Novick (1968); alpha, Cronbach (1951).
    """
    top = scores.max(axis=0, initial=0).astype(float)
    maximum = np.maximum(top, 1.0) if maximum is None else np.asarray(maximum, dtype=float)
    n, mean = item_means(scores)
    rest = rest_scores(scores, maximum)
    n_items = scores.shape[1]
    sums = np.zeros((2, 6, n_items))  # rest and total: n, x, y, xx, yy, xy
    for rows in chunks(len(scores)):
        seen = scores[rows] >= 0
        x = np.where(seen, scores[rows] - rest.mean, 0.0)
        possible_total = rest.possible[rows, None]
        possible_rest = possible_total - np.where(seen, maximum, 0.0)
        residual_total = rest.residual[rows, None]
        for which, (residual, possible) in enumerate(
            ((residual_total - x, possible_rest), (residual_total + 0 * x, possible_total + 0 * x))
        ):
            use = seen & (possible > 0)
            y = np.where(use, residual / np.where(possible > 0, possible, 1.0), 0.0)
            u = np.where(use, x, 0.0)
            for k, term in enumerate((use, u, y, u * u, y * y, u * y)):
                sums[which, k] += term.sum(axis=0)
    correlations = [_correlation(*block) for block in sums]
    covariance = pairwise_covariance(scores)
    with np.errstate(invalid="ignore"):
        sd = np.sqrt(np.diag(covariance))
    return ItemStatistics(
        n,
        mean,
        maximum,
        mean / maximum,
        sd,
        correlations[0],
        correlations[1],
        cronbach_alpha(covariance),
        alpha_without_each(covariance),
    )


def _correlation(n: Array, sx: Array, sy: Array, sxx: Array, syy: Array, sxy: Array) -> Array:
    m = np.maximum(n, 1)
    vx, vy = sxx - sx * sx / m, syy - sy * sy / m
    tiny = 1e-12 * np.maximum(n, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (sxy - sx * sy / m) / np.sqrt(np.where((vx > tiny) & (vy > tiny * 1e-3), vx * vy, np.nan))
    return np.clip(r, -1.0, 1.0)


def pairwise_covariance(scores: Scores) -> Array:
    """(J, J) covariances over the students who took both items (n - 1); NaN where fewer than two did."""
    n_items = scores.shape[1]
    both, cross, first = (np.zeros((n_items, n_items)) for _ in range(3))
    _, mean = item_means(scores)
    centre = np.nan_to_num(mean)
    for rows in chunks(len(scores)):
        seen = (scores[rows] >= 0).astype(float)
        x = np.where(seen > 0, scores[rows] - centre, 0.0)
        both += seen.T @ seen
        cross += x.T @ x
        first += x.T @ seen  # sum of x_i over the students who also took j
    enough = both > 1
    n = np.where(enough, both, 2.0)
    return np.where(enough, (cross - first * first.T / n) / (n - 1), np.nan)


def cronbach_alpha(covariance: Array) -> float:
    """Alpha from a covariance matrix; NaN with fewer than two items, missing pairs or no variance."""
    k = len(covariance)
    total = covariance.sum()
    if k < 2 or not np.isfinite(total) or total <= 0:
        return float("nan")
    return float(k / (k - 1) * (1 - np.trace(covariance) / total))


def alpha_without_each(covariance: Array) -> Array:
    """(J,) alpha of the test without each item in turn."""
    k = len(covariance) - 1
    if k < 2:
        return np.full(len(covariance), np.nan)
    if np.isnan(covariance).any():
        keep = ~np.eye(k + 1, dtype=bool)
        return np.array([cronbach_alpha(covariance[np.ix_(row, row)]) for row in keep])
    variance = np.diag(covariance)
    total = covariance.sum() - 2 * covariance.sum(axis=1) + variance
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, k / (k - 1) * (1 - (variance.sum() - variance) / total), np.nan)
