"""Cuts from people's judgement: modified Angoff ratings, bookmarks, and the provisional domain score without them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from scoring import checks
from scoring.frozen import freeze, read_item_table
from scoring.irt import cuts, cuts_ratings
from scoring.irt.curves import Array, ItemParameters, expected_scores
from scoring.irt.errors import DesignError

MINIMUM_RATERS = 5
MINIMUM_RATERS_PER_DISTRICT = 2
DOMAIN_SHARE = 0.70


@dataclass(frozen=True)
class Cuts:
    """Cuts with what they rest on.

    Attributes:
        cuts: indexed by concept ("all" for a whole test): cut (θ), se_raters, se_items, mean_rating (share of points),
            items, raters, basis ("angoff", "bookmark", "domain score"), status ("final", "provisional", "no cut"),
            reason.
        raters: indexed by rater: district, ratings (how many), severity (logits, 0 the average rater), residual_sd.
        items: indexed by item: concept, raters, mean_rating (by the average rater), at_cut (share of points the model
            expects at the cut), difference. A large difference is worth a conversation among the raters.
        residual_sd: of logit ratings, what rater and item do not explain.
    """

    cuts: pd.DataFrame
    raters: pd.DataFrame
    items: pd.DataFrame
    residual_sd: float


def angoff(
    ratings: pd.DataFrame,
    profile: Any,
    *,
    concepts: Mapping[str, str] | None = None,
    districts: "pd.Series[Any] | Mapping[str, str] | None" = None,
    out_of: "Mapping[str, float] | float | None" = None,
) -> Cuts:
    """Cuts from modified Angoff ratings: "of 100 students who just know this, how many would get it right?"

    Args:
        ratings: rows raters, columns items, empty = not rated; or long with columns rater, item, rating and, if
            wanted, district.
        profile: a concept profile, a fit, or a table of items (a column `concept` is used).
        concepts: item -> concept; on one common θ the cut of the whole test is given too, as "all".
        districts: rater -> district.
        out_of: what a rating is out of; default 100, and the points of an item with several score points.

    Returns:
        Cuts. A concept without ratings gets the provisional domain-score cut. Provisional: fewer than 5 raters, or
        fewer than 2 from each of two districts. No cut where the curve does not meet the mean rating.

    Raises:
        DesignError: impossible ratings, unknown items, raters who share no item; every place named.
    """
    checks.table(ratings, "ratings", "Rows raters, columns items; or columns rater, item, rating.")
    items, concept_of, common = _calibrated(profile, concepts)
    table, district_of = _rating_table(ratings, districts)
    shares = _shares(table, items, out_of)
    codes, names = pd.factorize(district_of.fillna("(none)"), sort=True)
    rows, item_rows = {}, []
    targets = [(c, np.flatnonzero(concept_of == c)) for c in dict.fromkeys(concept_of)]
    if common and len(targets) > 1:
        targets.append(("all", np.arange(len(items))))
    for concept, index in targets:
        some, given = items.select(index), shares[:, index]
        if not np.isfinite(given).any():
            rows[concept] = _domain_row(some, DOMAIN_SHARE, "no ratings")
            continue
        result = cuts_ratings.rated_cut(some, given, codes)
        rated_by = np.isfinite(given).any(axis=1)
        reasons = _shortcomings(district_of[rated_by])
        status = "no cut" if result.cut.reason else "provisional" if reasons else "final"
        rows[concept] = {
            "cut": result.cut.theta,
            "se_raters": result.se_raters,
            "se_items": result.se_items,
            "mean_rating": result.share,
            "items": int(np.isfinite(given).any(axis=0).sum()),
            "raters": int(rated_by.sum()),
            "basis": "angoff",
            "status": status,
            "reason": result.cut.reason or "; ".join(reasons),
        }
        if concept != "all" or len(targets) == 1:
            item_rows.append(_item_rows(concept, some, given, codes, result.cut.theta))
    model = _rater_model(shares, codes)
    raters = pd.DataFrame(
        {
            "district": [names[c] for c in codes],
            "ratings": np.isfinite(shares).sum(axis=1),
            "severity": np.nan if model is None else model.severity,
            "residual_sd": np.nan if model is None else model.rater_residual_sd,
        },
        index=table.index.rename("rater"),
    )
    return Cuts(
        pd.DataFrame.from_dict(rows, orient="index").rename_axis("concept"),
        raters,
        pd.concat(item_rows) if item_rows else pd.DataFrame(),
        float("nan") if model is None else model.residual_sd,
    )


def _rater_model(shares: Array, codes: Any) -> cuts_ratings.RatingModel | None:
    """One model over all concepts, for the raters' table; None where no two parts of the panel share an item."""
    try:
        return cuts_ratings.fit_ratings(shares, codes)
    except DesignError:
        return None


def _calibrated(profile: Any, concepts: Mapping[str, str] | None) -> tuple[ItemParameters, Any, bool]:
    """Item parameters, concept of each item, and whether all concepts share one θ."""
    table = profile if isinstance(profile, pd.DataFrame) else getattr(profile, "items", None)
    own = isinstance(table, pd.DataFrame) and "concept" in table.columns
    if own and isinstance(table, pd.DataFrame):
        items = read_item_table(table)
        labels = [str(c) for c in table["concept"]]
    else:
        items = freeze(profile).items
        labels = ["all"] * len(items)
    if concepts is not None:
        missing = [n for n in items.names if n not in concepts]
        if missing:
            raise DesignError("no-concept", "Some calibrated items have no concept.", "Add them to concepts=.", missing)
        labels = [str(concepts[n]) for n in items.names]
    return items, np.array(labels, dtype=object), not own


def _rating_table(
    ratings: pd.DataFrame, districts: "pd.Series[Any] | Mapping[str, str] | None"
) -> tuple[pd.DataFrame, "pd.Series[Any]"]:
    """Raters × items, and the district of each rater (missing where unknown)."""
    if {"rater", "item", "rating"} <= set(ratings.columns):
        twice = ratings.duplicated(["rater", "item"])
        if twice.any():
            pairs = [f"{r} on {i}" for r, i in ratings.loc[twice, ["rater", "item"]].drop_duplicates().to_numpy()]
            raise DesignError("rated-twice", "A rater rated an item twice.", "Keep the last rating.", pairs)
        table = ratings.pivot(index="rater", columns="item", values="rating")
        if districts is None and "district" in ratings.columns:
            several = ratings.groupby("rater")["district"].nunique()
            if (several > 1).any():
                who = [str(r) for r in several.index[several > 1]]
                raise DesignError("two-districts", "A rater stands under two districts.", "", who)
            districts = ratings.groupby("rater")["district"].first()
    else:
        table = ratings
        if table.index.has_duplicates:
            who = [str(r) for r in table.index[table.index.duplicated()]]
            raise DesignError("rated-twice", "A rater has two rows.", "One row per rater.", who)
    table = table.set_axis([str(c) for c in table.columns], axis=1)
    of = pd.Series(districts, dtype=object) if districts is not None else pd.Series(dtype=object)
    return table, of.reindex(table.index)


def _shares(table: pd.DataFrame, items: ItemParameters, out_of: "Mapping[str, float] | float | None") -> Array:
    """(R, J) ratings of the calibrated items as shares of their points."""
    place = {name: j for j, name in enumerate(items.names)}
    problems = [f"{name}: not calibrated" for name in table.columns if name not in place]
    shares = np.full((len(table), len(items)), np.nan)
    for name in table.columns:
        if name not in place:
            continue
        j = place[name]
        points = float(items.categories[j] - 1)
        most = 100.0 if points == 1 else points
        if isinstance(out_of, Mapping):
            most = float(out_of.get(name, most))
        elif out_of is not None:
            most = float(out_of)
        values = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        bad = (table[name].notna().to_numpy() & np.isnan(values)) | (values < 0) | (values > most)
        if bad.any():
            problems.append(f"{name}: {int(bad.sum())} ratings are not between 0 and {most:g}")
        shares[:, j] = values / most
    if problems:
        raise DesignError(
            "bad-rating", "Some ratings cannot be used.", "Say what ratings are out of with out_of=.", problems
        )
    return shares


def _shortcomings(district: "pd.Series[Any]") -> list[str]:
    """Why a panel does not make a final cut."""
    out = []
    if len(district) < MINIMUM_RATERS:
        out.append(f"{len(district)} raters, {MINIMUM_RATERS} needed")
    counts = district.value_counts()
    if len(counts) < 2:
        out.append("raters of two districts needed")
    out += [
        f"{n} rater of {name}, {MINIMUM_RATERS_PER_DISTRICT} needed"
        for name, n in counts.sort_index().items()
        if n < MINIMUM_RATERS_PER_DISTRICT
    ]
    return out


def _item_rows(concept: str, items: ItemParameters, shares: Array, codes: Any, cut: float) -> pd.DataFrame:
    rated = np.flatnonzero(np.isfinite(shares).any(axis=0))
    some = items.select(rated)
    raters = np.isfinite(shares[:, rated]).any(axis=1)
    mean = cuts_ratings.fit_ratings(shares[np.ix_(raters, rated)], codes[raters]).share
    expected = expected_scores(some, np.array([cut if np.isfinite(cut) else 0.0]))[:, 0] / (some.categories - 1)
    expected = np.where(np.isfinite(cut), expected, np.nan)
    return pd.DataFrame(
        {
            "concept": concept,
            "raters": np.isfinite(shares[:, rated]).sum(axis=0),
            "mean_rating": mean,
            "at_cut": expected,
            "difference": mean - expected,
        },
        index=pd.Index(some.names, name="item"),
    )


def _domain_row(items: ItemParameters, share: float, why: str) -> dict[str, Any]:
    cut = cuts.curve_cut(items, share)
    return {
        "cut": cut.theta,
        "se_raters": np.nan,
        "se_items": np.nan,
        "mean_rating": np.nan,
        "items": len(items),
        "raters": 0,
        "basis": "domain score",
        "status": "no cut" if cut.reason else "provisional",
        "reason": cut.reason or f"{why}: {share:.0%} of the points of the concept's items",
    }


def domain_cuts(
    profile: Any, *, concepts: Mapping[str, str] | None = None, share: float = DOMAIN_SHARE
) -> pd.DataFrame:
    """Provisional cuts: the θ at which `share` of the points of a concept's items are expected.

    Give it all the operational items of the bank, not those of one form, so that the cut does not move with the form.

    Returns:
        As `Cuts.cuts`, every cut provisional.
    """
    items, concept_of, _ = _calibrated(profile, concepts)
    rows = {
        c: _domain_row(items.select(np.flatnonzero(concept_of == c)), share, "no ratings")
        for c in dict.fromkeys(concept_of)
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("concept")


def booklet(
    profile: Any, *, response_probability: float = 0.67, concepts: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """The ordered item booklet of the bookmark method (RP67), a booklet per concept.

    Returns:
        DataFrame with concept, page (from 1), item, point, theta; easiest page first within a concept.
    """
    items, concept_of, _ = _calibrated(profile, concepts)
    parts = []
    for concept in dict.fromkeys(concept_of):
        some = items.select(np.flatnonzero(concept_of == concept))
        pages = cuts.ordered_booklet(some, response_probability)
        parts.append(
            pd.DataFrame(
                {
                    "concept": concept,
                    "page": np.arange(1, len(pages.item) + 1),
                    "item": [some.names[j] for j in pages.item],
                    "point": pages.point,
                    "theta": pages.location,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def bookmark(
    bookmarks: pd.DataFrame,
    profile: Any,
    *,
    response_probability: float = 0.67,
    concepts: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Cuts from bookmarks placed in the ordered booklet (Mitzel, Lewis, Patz & Green 2001).

    Args:
        bookmarks: columns rater, page, and where they apply concept and district. The page is the first whose item a
            student who just knows the concept would not master; the cut is the location of the page before.
        profile, response_probability, concepts: as in `booklet`; must be those of the printed booklet.

    Returns:
        As `Cuts.cuts`: the median within a district, averaged over districts; SE of a median, by district.

    Raises:
        DesignError: bookmarks that are no pages of the booklet, unknown concepts, a rater twice; all at once.
    """
    checks.table(bookmarks, "bookmarks", "Columns rater, page and, where they apply, concept and district.")
    items, concept_of, _ = _calibrated(profile, concepts)
    marks = _marks(bookmarks, items, concept_of, response_probability)
    rows = {}
    for concept in dict.fromkeys(concept_of):
        some = items.select(np.flatnonzero(concept_of == concept))
        own = marks[marks["concept"] == concept]
        if not len(own):
            rows[concept] = _domain_row(some, DOMAIN_SHARE, "no bookmarks")
            continue
        pages = cuts.ordered_booklet(some, response_probability)
        theta = cuts.bookmark_locations(pages, own["page"].to_numpy(dtype=np.int64))
        usable = np.isfinite(theta)
        district = own["district"].fillna("(none)").astype(str).to_numpy()[usable]
        reasons = _shortcomings(own["district"][usable])
        cut, se = _median_cut(theta[usable], district)
        rows[concept] = {
            "cut": cut,
            "se_raters": se,
            "se_items": np.nan,
            "mean_rating": np.nan,
            "items": len(some),
            "raters": int(usable.sum()),
            "basis": "bookmark",
            "status": "no cut" if not np.isfinite(cut) else "provisional" if reasons else "final",
            "reason": "no bookmark beyond page 1" if not np.isfinite(cut) else "; ".join(reasons),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("concept")


def _marks(bookmarks: pd.DataFrame, items: ItemParameters, concept_of: Any, probability: float) -> pd.DataFrame:
    """The bookmarks with columns rater, page, concept and district, each checked."""
    missing = sorted({"rater", "page"} - {str(c) for c in bookmarks.columns})
    if missing:
        raise DesignError("missing-column", "The bookmarks lack a column.", "Columns: rater, page, concept, district.",
                          missing)  # fmt: skip
    known = list(dict.fromkeys(concept_of))
    if "concept" not in bookmarks and len(known) > 1:
        raise DesignError("missing-column", "The bookmarks do not say of which concept.", "Add a column concept.",
                          known)  # fmt: skip
    page = pd.to_numeric(bookmarks["page"], errors="coerce")
    out = bookmarks.assign(
        page=page,
        concept=bookmarks["concept"].astype(str) if "concept" in bookmarks else known[0],
        district=bookmarks.get("district"),
    )
    pages = {}
    for c in known:
        booklet_of = cuts.ordered_booklet(items.select(np.flatnonzero(concept_of == c)), probability)
        pages[c] = len(booklet_of.location) + 1
    problems = []
    for rater, concept, value in zip(out["rater"], out["concept"], page.to_numpy(dtype=float), strict=True):
        if concept not in pages:
            problems.append(f"{rater}: {concept} is no calibrated concept")
        elif not (value == np.floor(value) and 1 <= value <= pages[concept]):
            problems.append(f"{rater}, {concept}: not a page from 1 to {pages[concept]}")
    twice = out[out.duplicated(["rater", "concept"])]
    problems += [f"{r}, {c}: two bookmarks" for r, c in zip(twice["rater"], twice["concept"], strict=True)]
    if problems:
        raise DesignError("bad-bookmark", "Some bookmarks cannot be used.",
                          "One page of the printed booklet for each rater and concept.", problems)  # fmt: skip
    return out


def _median_cut(theta: Array, district: Any) -> tuple[float, float]:
    """Mean over districts of the medians; its SE from the spread of raters, π/2 σ²/n for a median, by district."""
    if not theta.size:
        return float("nan"), float("nan")
    parts = [theta[district == d] for d in sorted(set(district))]
    cut = float(np.mean([np.median(p) for p in parts]))
    if any(len(p) < 2 for p in parts):
        return cut, float("nan")
    variance = sum(np.pi / 2 * p.var(ddof=1) / len(p) for p in parts) / len(parts) ** 2
    return cut, float(np.sqrt(variance))
