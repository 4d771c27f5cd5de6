"""Cuts on θ: where a test characteristic curve meets a score, and the locations of a bookmark booklet."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from scoring.irt.curves import Array, ItemParameters, category_probabilities, expected_scores
from scoring.irt.errors import DesignError

#: A cut is looked for between these θ; a curve says nothing beyond.
RANGE = (-6.0, 6.0)
_GRID = np.linspace(*RANGE, 241)


@dataclass(frozen=True)
class CurveCut:
    """Where a test characteristic curve meets a score.

    Attributes:
        theta: the cut, NaN where there is none.
        slope: derivative of the expected share of points there, per unit of θ.
        reason: why there is no cut, empty otherwise.
    """

    theta: float
    slope: float
    reason: str = ""


def highest_score(items: ItemParameters) -> float:
    """Sum of the items' highest categories."""
    return float((items.categories - 1).sum())


def curve_cut(items: ItemParameters, share: float) -> CurveCut:
    """θ at which the expected share of points equals `share`.

    Args:
        items: of one concept, or of a whole test.
        share: expected score divided by the highest score, between 0 and 1.

    Returns:
        CurveCut; without a cut where the share is outside the curve's range on RANGE, or the curve meets it more than
        once (items with negative slopes).
    """
    if not len(items):
        return CurveCut(np.nan, np.nan, "no calibrated items")
    if not np.isfinite(share):
        return CurveCut(np.nan, np.nan, "no rating")
    top = highest_score(items)

    def distance(theta: float) -> float:
        return float(expected_scores(items, np.array([theta])).sum() / top - share)

    curve = expected_scores(items, _GRID).sum(axis=0) / top
    above = curve > share
    crossings = np.flatnonzero(above[1:] != above[:-1])
    if not crossings.size:
        return CurveCut(
            np.nan, np.nan, f"{share:.2f} is outside the range of the curve, {curve.min():.2f} to {curve.max():.2f}"
        )
    if crossings.size > 1 or above[0]:
        return CurveCut(np.nan, np.nan, "the curve does not rise throughout: look at items with a negative slope")
    at = int(crossings[0])
    theta = _crossing(distance, float(_GRID[at]), float(_GRID[at + 1]))
    h = 1e-5
    return CurveCut(theta, (distance(theta + h) - distance(theta - h)) / (2 * h))


def _crossing(distance: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising distance is 0: at an end where the curve meets the share there to the last digit."""
    if distance(low) >= 0:
        return low
    if distance(high) <= 0:
        return high
    return float(brentq(distance, low, high, xtol=1e-12))


@dataclass(frozen=True)
class Booklet:
    """An ordered item booklet: one page for each score point, easiest first.

    Attributes:
        item: (P,) position of the item.
        point: (P,) score point, 1, 2, ...
        location: (P,) θ at which the response probability is reached.
    """

    item: NDArray[np.int64]
    point: NDArray[np.int64]
    location: Array


def ordered_booklet(items: ItemParameters, response_probability: float = 0.67) -> Booklet:
    """Pages in the order of the θ at which P(X >= k | θ) = response_probability (Mitzel, Lewis, Patz & Green 2001).

    Points that no θ in RANGE reaches are left out (an item with a negative slope has no location).

    Raises:
        DesignError: a response probability outside (0, 1).
    """
    if not 0 < response_probability < 1:
        raise DesignError("bad-probability", f"A response probability of {response_probability:g}.", "Usual is .67.")
    at_least = category_probabilities(items, _GRID)[:, ::-1].cumsum(axis=1)[:, ::-1]  # (J, K, Q): P(X >= k)
    pages = []
    for j in range(len(items)):
        for k in range(1, int(items.categories[j])):
            curve = at_least[j, k]
            if items.a[j] <= 0 or not curve[0] < response_probability < curve[-1]:
                continue
            left = int(np.flatnonzero(curve < response_probability)[-1])

            def distance(theta: float, j: int = j, k: int = k) -> float:
                p = category_probabilities(items.select(np.array([j])), np.array([theta]))
                return float(p[0, k:].sum() - response_probability)

            pages.append((float(brentq(distance, _GRID[left], _GRID[left + 1], xtol=1e-12)), j, k))
    pages.sort()
    return Booklet(
        np.array([p[1] for p in pages], dtype=np.int64),
        np.array([p[2] for p in pages], dtype=np.int64),
        np.array([p[0] for p in pages], dtype=float),
    )


def bookmark_locations(booklet: Booklet, page: NDArray[np.int64]) -> Array:
    """θ of raters' bookmarks, (R,).

    A bookmark on page p (counted from 1) says that a student who just knows the concept masters the pages before p:
    the cut is the location of the last of them. On page 1 nothing is mastered and there is no cut (NaN); one page
    past the last one means all of them.
    """
    page = np.asarray(page)
    if ((page < 1) | (page > len(booklet.location) + 1)).any():
        raise DesignError(
            "bad-bookmark", "A bookmark is not in the booklet.", f"Pages are 1 to {len(booklet.location) + 1}."
        )
    padded = np.concatenate([[np.nan], booklet.location])
    return np.asarray(padded[page - 1])
