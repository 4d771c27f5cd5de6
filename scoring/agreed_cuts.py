"""Cuts kept free of any calibration's scale: which share of the points of which items a student at the cut gets.

A new calibration finds θ anew, where the test characteristic curve of these items meets the share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from scoring.irt.curves import ItemParameters
from scoring.irt.cuts import curve_cut
from scoring.irt.cuts_ratings import fit_ratings, rated_cut
from scoring.irt.errors import DesignError
from scoring.irt.linking import transform
from scoring.linking import link
from scoring.standard_setting import DOMAIN_SHARE, MINIMUM_RATERS, MINIMUM_RATERS_PER_DISTRICT

#: Fewest of a cut's items that a calibration must hold for the cut to be found on its scale (all, where it has fewer).
FEWEST_ITEMS = 4
#: Fewest items of a concept that carry an earlier calibration's items to this one's scale.
FEWEST_SHARED = 4


@dataclass(frozen=True)
class PlacedCut:
    """A cut on the scale of a calibration.

    Attributes:
        theta: NaN where it cannot be found. se_raters, se_items: its standard errors from the panel and from the
            choice of items, θ units, NaN where unknown.
        items: how many of the cut's items the calibration holds.
        reason: why there is no θ, empty otherwise.
    """

    theta: float
    se_raters: float
    se_items: float
    items: int
    reason: str = ""

    @property
    def se(self) -> float:
        """Both standard errors together; NaN where neither is known."""
        known = [v for v in (self.se_raters, self.se_items) if np.isfinite(v)]
        return float(np.sqrt(np.sum(np.square(known)))) if known else float("nan")


@dataclass(frozen=True)
class ScaleFreeCut:
    """A cut of a concept.

    Attributes:
        concept: it.
        version: counted from 1 within the concept.
        basis: "angoff", "bookmark", "domain score".
        share: of the points of `items` that a student at the cut is expected to get.
        items: item -> share of its points at the cut.
        ratings: item, rater, district, share (of the points); empty unless the basis is "angoff".
        se_share: of `share`, from the panel, for a basis without ratings; NaN where unknown.
        raters: on the panel.
        status: "final", or "provisional" for the reason.
        reason: why it is provisional.
        earlier: the concept's items as earlier calibrations know them, the newest first: with them a cut rests on all
            its items wherever they were given, and does not move with the form.
    """

    concept: str
    version: int
    basis: str
    share: float
    items: Mapping[str, float]
    ratings: pd.DataFrame
    se_share: float
    raters: int
    status: str
    reason: str = ""
    earlier: tuple[ItemParameters, ...] = field(default=(), repr=False)

    def place(self, items: ItemParameters) -> PlacedCut:
        """Find the cut on the scale of calibrated items (those of its concept, or more)."""
        items = widened(items, self.items, self.earlier)
        at = {name: j for j, name in enumerate(items.names)}
        common = [name for name in self.items if name in at]
        if len(common) < min(FEWEST_ITEMS, len(self.items)):
            reason = f"{len(common)} of its {len(self.items)} items are calibrated, {FEWEST_ITEMS} needed"
            return PlacedCut(np.nan, np.nan, np.nan, len(common), reason)
        some = items.select(np.array([at[name] for name in common], dtype=np.int64))
        if self.basis == "angoff":
            shares, districts = rating_matrix(self.ratings, common)
            try:
                found = rated_cut(some, shares, districts)
            except DesignError as error:
                return PlacedCut(np.nan, np.nan, np.nan, len(common), str(error))
            return PlacedCut(found.cut.theta, found.se_raters, found.se_items, len(common), found.cut.reason)
        points = (some.categories - 1).astype(float)
        cut = curve_cut(some, float(points @ [self.items[n] for n in common] / points.sum()))
        return PlacedCut(cut.theta, self.se_share / cut.slope, np.nan, len(common), cut.reason)

    def __call__(self, items: ItemParameters) -> float:
        """θ on the scale of calibrated items, NaN where it cannot be found: what `concept_profile(cuts=)` takes."""
        return self.place(items).theta


def widened(items: ItemParameters, wanted: Mapping[str, float], earlier: Sequence[ItemParameters]) -> ItemParameters:
    """Items with those that are wanted and only earlier calibrations know, carried to this scale by shared items."""
    for other in earlier:
        known = set(items.names)
        more = np.array([j for j, n in enumerate(other.names) if n in wanted and n not in known], dtype=np.int64)
        shared = [n for n in other.names if n in known]
        if not more.size or len(shared) < FEWEST_SHARED:
            continue
        found = link(other, items, shared)
        if found.A > 0:
            items = _joined(items, transform(other.select(more), found.A, found.B))
    return items


def _joined(one: ItemParameters, two: ItemParameters) -> ItemParameters:
    steps = max(one.d.shape[1], two.d.shape[1])
    d = [np.pad(p.d, ((0, 0), (0, steps - p.d.shape[1])), constant_values=np.nan) for p in (one, two)]
    return ItemParameters(
        one.names + two.names,
        one.model + two.model,
        np.concatenate([one.a, two.a]),
        np.vstack(d),
        np.concatenate([one.g, two.g]),
        np.concatenate([one.categories, two.categories]),
    )


def rating_matrix(ratings: pd.DataFrame, items: Sequence[str]) -> tuple[Any, Any]:
    """(R, J) shares of the raters who rated any of these items, NaN where not rated, and (R,) codes of districts."""
    own = ratings[ratings["item"].isin(list(items))]
    table = own.pivot(index="rater", columns="item", values="share").reindex(columns=list(items))
    district = own.groupby("rater")["district"].first().reindex(table.index).fillna("(none)").astype(str)
    return table.to_numpy(dtype=float), pd.factorize(district, sort=True)[0].astype(np.int64)


def shortcomings(ratings: pd.DataFrame, districts: Sequence[str]) -> str:
    """Why a panel does not make a final cut, empty when it does (STATISTICS: 5 raters, 2 of each district)."""
    raters = ratings.drop_duplicates("rater")
    out = [] if len(raters) >= MINIMUM_RATERS else [f"{len(raters)} raters, {MINIMUM_RATERS} needed"]
    counts = raters["district"].value_counts()
    for name in districts:
        n = int(counts.get(name, 0))
        if n < MINIMUM_RATERS_PER_DISTRICT:
            out.append(f"{n} of district {name}, {MINIMUM_RATERS_PER_DISTRICT} needed")
    return "; ".join(out)


def angoff_cut(
    concept: str, version: int, ratings: pd.DataFrame, points: Mapping[str, int], districts: Sequence[str]
) -> ScaleFreeCut:
    """A cut from ratings: item, rater, district, share of the points.

    Args:
        concept, version: of the cut.
        ratings: of the concept's items, one per rater and item.
        points: item -> highest score; an item that is missing has one point.
        districts: that must be on the panel.

    Raises:
        DesignError: no ratings, or raters who share no item.
    """
    items = sorted(ratings["item"].unique())
    shares, codes = rating_matrix(ratings, items)
    at_cut = fit_ratings(shares, codes).share
    weight = np.array([float(points.get(i, 1)) for i in items])
    lacking = shortcomings(ratings, districts)
    return ScaleFreeCut(
        concept,
        version,
        "angoff",
        float(weight @ at_cut / weight.sum()),
        dict(zip(items, at_cut.tolist(), strict=True)),
        ratings[["item", "rater", "district", "share"]].reset_index(drop=True),
        float("nan"),
        int(ratings["rater"].nunique()),
        "provisional" if lacking else "final",
        lacking,
    )


def domain_cut(concept: str, version: int, items: Sequence[str], share: float = DOMAIN_SHARE) -> ScaleFreeCut:
    """A cut at a share of the points of a concept's items, without ratings: always provisional."""
    if not 0 < share < 1:
        raise DesignError("bad-share", f"A share of {share:g}.", "Between 0 and 1, for example .70.")
    none = pd.DataFrame(columns=["item", "rater", "district", "share"])
    reason = f"no ratings: {share:.0%} of the points"
    return ScaleFreeCut(
        concept, version, "domain score", share, dict.fromkeys(items, share), none, np.nan, 0, "provisional", reason
    )
