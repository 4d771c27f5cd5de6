"""Cuts in the bank: ratings kept, cuts made from them, proposed to both districts, and found again when agreed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

import scoring
from itembank.errors import Rejected, UsageFault
from itembank.findings import Finding
from scoring import bank
from scoring.agreed_cuts import PlacedCut, ScaleFreeCut, angoff_cut, domain_cut
from scoring.frozen_profile import FrozenProfile
from scoring.irt.curves import ItemParameters, expected_scores
from scoring.irt.cuts import curve_cut
from scoring.runs.profiles_kept import NO_PROFILE, kept_profile
from scoring.standard_setting import DOMAIN_SHARE

QUESTION = "Of 100 students who just know this, how many would get it right?"
QUESTION_POINTS = "Of {points} points, how many would a student who just knows this get on average?"


def question(points: int) -> str:
    """What a rater is asked about an item."""
    return QUESTION if points == 1 else QUESTION_POINTS.format(points=points)


def store_ratings(session: Any, given: pd.DataFrame, person: Any, title: str = "") -> Any:
    """Keep ratings.

    Args:
        session: of `bank.writing()`.
        given: item, rater, rating (of 100, or of the points of an item with several), district (may be missing for
            people of the bank), line (where it stands, for findings).
        person: who enters them.
        title: where they come from.

    Returns:
        The run that holds them.

    Raises:
        Rejected: with every rating that cannot be used.
    """
    items = bank.bank_items(session)
    names = bank.district_names(session)
    code_of = {**{n: c for c, n in names.items()}, **{c: c for c in names}}
    problems: list[Finding] = []
    rows = []
    for r in given.to_dict("records"):
        item, rater, line = str(r["item"]), str(r["rater"]), int(r.get("line") or 0)

        def refuse(code: str, message: str, hint: str, line: int = line) -> None:
            problems.append(Finding(title or "ratings", line, code, "error", message, hint))

        stated = str(r.get("district") or "")
        home = bank.rater_home(session, rater)
        district = home or code_of.get(stated, "")
        if not district:
            hint = "itembank people list, or a column district with " + " or ".join(names)
            refuse("rater-without-district", f"The district of rater {rater} is not known.", hint)
        elif stated and home and code_of.get(stated) != home:
            refuse("two-districts", f"{rater} works for {home}, not for {stated}.", "itembank people list")
        if item not in items.index:
            refuse("unknown-item", f"There is no item {item!r} in the bank.", "itembank items list")
            continue
        points = int(items.at[item, "points"])
        most = 100 if points == 1 else points
        value = pd.to_numeric(r["rating"], errors="coerce")
        if not 0 <= value <= most:
            refuse("bad-rating", f"{rater}'s rating of {item} is not between 0 and {most}.", question(points))
            continue
        rows.append((item, rater, district, float(value) / most, int(items.at[item, "version"])))
    table = pd.DataFrame(rows, columns=["item", "rater", "district", "share", "version"])
    for twice in table[table.duplicated(["rater", "item"])].itertuples():
        problems.append(
            Finding(title or "ratings", 0, "rated-twice", "error", f"{twice.rater} rates {twice.item} twice.", "")
        )
    if problems:
        raise Rejected("bad-ratings", "No rating was stored.", "Mend the ratings and try again.", problems)
    if not len(table):
        raise Rejected("no-ratings", "There are no ratings.", "itembank cuts rate ITEM=65 --as PERSON")
    run = bank.store_run(
        session,
        "ratings",
        inputs=[("item", int(items.at[i, "version_id"])) for i in table["item"].unique()],
        details={"ratings": len(table), "raters": int(table["rater"].nunique())},
        title=title,
        person=person,
    )
    bank.store_ratings(session, run, table)
    return run


def read_ratings(path: str) -> pd.DataFrame:
    """Ratings of a CSV, rater × item or long (rater, item, rating): item, rater, district, rating, line.

    Raises:
        Rejected: the file cannot be read, or has no column `rater`.
    """
    frame = read_csv(path, ("rater",))
    keep = [c for c in ("rater", "district", "line") if c in frame.columns]
    if not {"item", "rating"} <= set(frame.columns):
        frame = frame.melt(id_vars=keep, var_name="item", value_name="rating")
    frame = frame[frame["rating"].astype(str).str.strip() != ""]
    if "district" not in frame.columns:
        frame = frame.assign(district="")
    return frame[["item", "rater", "district", "rating", "line"]]


def read_csv(path: str, required: Sequence[str]) -> pd.DataFrame:
    """A CSV as text, with the line of each row; blank cells are empty."""
    from itembank.tabular import read_table

    table = read_table(path, required)
    return pd.DataFrame({c: table.data[c].to_pylist() for c in table.columns}).assign(line=np.asarray(table.rows))


def read_bookmarks(path: str) -> pd.DataFrame:
    """Bookmarks of a CSV: rater, concept, page, district where given.

    Raises:
        Rejected: a column is missing, or a page is no number; every row named.
    """
    frame = read_csv(path, ("rater", "concept", "page"))
    page = pd.to_numeric(frame["page"], errors="coerce")
    bad = [
        Finding(path, int(line), "bad-page", "error", "The page is not a whole number.", "As printed in the booklet.")
        for line in frame.loc[page.isna() | (page % 1 != 0), "line"]
    ]
    if bad:
        raise Rejected("bad-bookmarks", "The bookmarks cannot be used.", "Mend the file.", bad)
    return frame.assign(page=page.astype(int))


def concept_ratings(session: Any) -> pd.DataFrame:
    """All ratings that stand, with the concept and the points of their items."""
    items = bank.bank_items(session)
    table = bank.ratings(session)
    table = table[table["item"].isin(items.index)]
    return table.assign(
        concept=items["concept"].reindex(table["item"]).to_numpy(),
        points=items["points"].reindex(table["item"]).to_numpy(),
        changed=items["version"].reindex(table["item"]).to_numpy() != table["version"].to_numpy(),
    )


def make_cuts(
    session: Any,
    concepts: Sequence[str] = (),
    basis: str = "ratings",
    share: float = DOMAIN_SHARE,
    bookmarks: pd.DataFrame | None = None,
    profile: FrozenProfile | None = None,
) -> list[ScaleFreeCut]:
    """Cuts from what the bank holds.

    Args:
        session: of `bank.reading()` or `bank.writing()`.
        concepts: for which; default all that have what the basis needs.
        basis: "ratings", "bookmark" (with `bookmarks`: rater, concept, page, district) or "domain" (with `share`).
        profile: the calibration of the printed booklet, for "bookmark".

    Raises:
        UsageFault: an unknown basis. Rejected: a concept without what the basis needs.
    """
    items = bank.bank_items(session)
    versions = {c: 1 + len(h) for c, h in history(session).items()}
    districts = list(bank.district_names(session))
    if basis == "ratings":
        rated = concept_ratings(session)
        chosen = list(concepts) or sorted(c for c in rated["concept"].unique() if c)
        _require(chosen, set(rated["concept"]), "no-ratings", "ratings", "itembank cuts rate ITEM=65 --as PERSON")
        points = items["points"].astype(int).to_dict()
        return [angoff_cut(c, versions.get(c, 1), rated[rated["concept"] == c], points, districts) for c in chosen]
    if basis == "domain":
        pool = items[items["status"].isin(bank.OPERATIONAL)]
        chosen = list(concepts) or sorted(c for c in pool["concept"].unique() if c)
        _require(chosen, set(pool["concept"]), "no-items", "operational items", "itembank items list")
        return [
            domain_cut(c, versions.get(c, 1), [str(i) for i in pool.index[pool["concept"] == c]], share) for c in chosen
        ]
    if basis != "bookmark":
        raise UsageFault("unknown-basis", f"There is no basis {basis!r}.", "--basis ratings, bookmark or domain")
    if bookmarks is None or profile is None:
        raise UsageFault("no-bookmarks", "Say where the bookmarks are.", "--bookmarks FILE (rater, concept, page)")
    chosen = list(concepts) or sorted(set(bookmarks["concept"].astype(str)))
    _require(chosen, set(profile.concepts), "unknown-concept", "calibrated items", "itembank cuts show --booklet")
    found = scoring.bookmark(bookmarks[bookmarks["concept"].isin(chosen)], profile.table)
    return [_bookmark_cut(c, versions.get(c, 1), found.loc[c], profile) for c in chosen]


def _require(concepts: Sequence[str], known: set[str], code: str, what: str, hint: str) -> None:
    missing = [c for c in concepts if c not in known]
    if missing or not concepts:
        raise Rejected(code, f"No {what} for {', '.join(missing) or 'any concept'}.", hint)


def _bookmark_cut(concept: str, version: int, row: Any, profile: FrozenProfile) -> ScaleFreeCut:
    items = profile.concept_items(concept)
    theta = float(row["cut"])
    if not np.isfinite(theta):
        raise Rejected("no-cut", f"The bookmarks for {concept} give no cut: {row['reason']}.", "")
    at_cut = expected_scores(items, np.array([theta]))[:, 0]
    points = (items.categories - 1).astype(float)
    share = float(at_cut.sum() / points.sum())
    none = pd.DataFrame(columns=["item", "rater", "district", "share"])
    se = float(row["se_raters"]) * curve_cut(items, share).slope
    by_item = dict(zip(items.names, (at_cut / points).tolist(), strict=True))
    return ScaleFreeCut(
        concept, version, "bookmark", share, by_item, none, se, int(row["raters"]), row["status"], row["reason"]
    )


def propose_cuts(
    session: Any, cuts: Sequence[ScaleFreeCut], reason: str, as_: str = "", profile_run: Any = None
) -> tuple[Any, Any]:
    """Keep cuts and propose them as one joint decision.

    Returns:
        The run that holds them and the decision.
    """
    names = tuple(c.concept for c in cuts)
    bank.nothing_open(session, "cut", names)
    run = bank.store_run(
        session,
        "cuts",
        inputs=[] if profile_run is None else [("run", profile_run.id or 0)],
        details={"cuts": [{k: v for k, v in asdict(c).items() if k not in ("ratings", "earlier")} for c in cuts]},
        title="Cuts for " + ", ".join(names),
        person=bank.person_of(session, as_),
    )
    ratings = pd.concat([c.ratings.assign(concept=c.concept) for c in cuts])
    bank.store_table(session, run, "ratings", ratings)
    told = "; ".join(f"{c.concept}: {100 * c.share:.0f}% of the points ({c.basis}, {c.status})" for c in cuts)
    decision = bank.propose(
        session, "cut", run, "cut:" + ",".join(names), f"Mastery begins at {told}.", reason, as_, names
    )
    return run, decision


def cuts_of(session: Any, run: Any) -> list[ScaleFreeCut]:
    """The cuts of a run."""
    ratings = bank.read_table(session, run, "ratings")
    out = []
    for row in run.details["cuts"]:
        own = ratings[ratings["concept"] == row["concept"]].drop(columns="concept").astype({"share": float})
        se = float("nan") if row["se_share"] is None else float(row["se_share"])
        out.append(ScaleFreeCut(**{**row, "se_share": se, "ratings": own.reset_index(drop=True)}))
    return out


def history(session: Any) -> dict[str, list[tuple[ScaleFreeCut, Any, int, str]]]:
    """Every version of every cut: concept -> (cut, run, decision, status of the decision), oldest first."""
    decided = {int(r.run): (int(r.decision), str(r.status)) for r in bank.decided(session, "cut").itertuples()}
    found: dict[str, list[tuple[ScaleFreeCut, Any, int, str]]] = {}
    for run in bank.runs_of_kind(session, "cuts"):
        for cut in cuts_of(session, run):
            found.setdefault(cut.concept, []).append((cut, run, *decided.get(run.id or 0, (0, "kept"))))
    return found


def agreed_cuts(session: Any) -> dict[str, ScaleFreeCut]:
    """The cuts that both districts agreed on last, by concept."""
    out = {}
    for concept, (number, _) in bank.in_force(session, "cut").items():
        run = bank.run_of(session, number, "cuts")
        out[concept] = next(c for c in cuts_of(session, run) if c.concept == concept)
    return out


def provisional_cuts(session: Any, concepts: Sequence[str]) -> dict[str, ScaleFreeCut]:
    """For concepts without an agreed cut: .70 of the points of their operational items; none where there are none."""
    items = bank.bank_items(session)
    pool = items[items["status"].isin(bank.OPERATIONAL)]
    return {
        c: domain_cut(c, 0, [str(i) for i in pool.index[pool["concept"] == c]])
        for c in concepts
        if (pool["concept"] == c).any()
    }


def cut_runs(session: Any, concepts: Sequence[str]) -> dict[str, int]:
    """Which run's cut each concept has, 0 where none is agreed: what a comparison notes, so that it can grow stale."""
    agreed = bank.in_force(session, "cut")
    return {c: agreed[c][0] if c in agreed else 0 for c in concepts}


def cuts_for(
    session: Any, concepts: Sequence[str], versions: Mapping[str, int] | None = None
) -> dict[str, float | ScaleFreeCut]:
    """The cut of each concept that an analysis obeys: the agreed one, else the provisional one.

    Args:
        session: of `bank.reading()`.
        concepts: of the analysis.
        versions: item -> id of the version that is analysed; earlier calibrations of another version stay out.
    """
    agreed = {c: k for c, k in agreed_cuts(session).items() if c in concepts}
    return dict(with_earlier(session, {**provisional_cuts(session, concepts), **agreed}, versions or {}))


def with_earlier(
    session: Any, cuts: Mapping[str, ScaleFreeCut], versions: Mapping[str, int]
) -> dict[str, ScaleFreeCut]:
    """Cuts with the items of earlier calibrations, so that they do not move with the form."""
    pools = earlier_items(session, versions) if cuts else {}
    return {c: replace(cut, earlier=tuple(pools.get(c, ()))) for c, cut in cuts.items()}


def earlier_items(session: Any, versions: Mapping[str, int]) -> dict[str, list[ItemParameters]]:
    """The items of each concept in the profiles that are kept, the newest of each administration first."""
    found: dict[str, list[ItemParameters]] = {}
    seen: set[int | None] = set()
    for run in reversed(bank.runs_of_kind(session, "compare")):
        if run.administration_id in seen or run.status == "withdrawn" or run.details.get("cuts") is None:
            continue
        try:
            _, profile = kept_profile(session, run.id)
        except Rejected as why:
            if why.code != NO_PROFILE:
                raise
            continue  # a comparison without concepts
        seen.add(run.administration_id)
        then = {str(i): int(v) for i, v in bank.read_item_parameters(session, run)["version_id"].items()}
        for concept in profile.concepts:
            items = profile.concept_items(concept)
            same = [j for j, n in enumerate(items.names) if versions.get(n, then.get(n)) == then.get(n)]
            found.setdefault(concept, []).append(items.select(np.array(same, dtype=np.int64)))
    return found


def placed(profile: FrozenProfile | None, cut: ScaleFreeCut) -> PlacedCut:
    """A cut on the scale of a profile; without θ where there is none for its concept."""
    if profile is None or cut.concept not in profile.concepts:
        return PlacedCut(np.nan, np.nan, np.nan, 0, "no comparison has calibrated this concept yet")
    return cut.place(profile.concept_items(cut.concept))


def cuts_table(session: Any, profile: FrozenProfile | None, everything: bool = False) -> pd.DataFrame:
    """Cuts in force (or every version), with θ on the scale of a profile and its standard errors apart.

    Returns:
        concept, version, decision ("agreed", "open", ..., "provisional" for the rule without ratings), basis, share,
        theta, se_raters, se_items, items, raters, panel ("final" or "provisional"), remark.
    """
    versions = history(session)
    agreed = agreed_cuts(session)
    items = bank.bank_items(session)
    concepts = sorted({str(c) for c in items["concept"] if c} | set(versions))
    chosen: list[tuple[ScaleFreeCut, str]] = []
    for concept in concepts:
        listed = [(c, f"{s} ({d})" if d else s) for c, _, d, s in versions.get(concept, [])]
        if not everything:
            standing = [(agreed[concept], "agreed")] if concept in agreed else []
            listed = standing + [(c, s) for c, s in listed if s.startswith("open")]
        if concept not in agreed:
            listed += [(c, "provisional") for c in provisional_cuts(session, [concept]).values()]
        chosen += listed
    pools = earlier_items(session, {})
    chosen = [(replace(c, earlier=tuple(pools.get(c.concept, ()))), word) for c, word in chosen]
    return rows_of(chosen, profile)


def rows_of(cuts: Sequence[tuple[ScaleFreeCut, str]], profile: FrozenProfile | None) -> pd.DataFrame:
    """Cuts as `cuts_table` shows them, each with the word for its decision."""
    rows = []
    for cut, word in cuts:
        at = placed(profile, cut)
        rows.append(
            {
                "concept": cut.concept,
                "version": cut.version or None,
                "decision": word,
                "basis": cut.basis,
                "share": cut.share,
                "theta": at.theta,
                "se_raters": at.se_raters,
                "se_items": at.se_items,
                "items": len(cut.items),
                "raters": cut.raters,
                "panel": cut.status,
                "remark": "; ".join(t for t in (cut.reason, at.reason) if t),
            }
        )
    names = ["concept", "version", "decision", "basis", "share", "theta", "se_raters", "se_items", "items", "raters"]
    return pd.DataFrame(rows, columns=[*names, "panel", "remark"]).astype({"version": object})


def item_ratings(session: Any, profile: FrozenProfile | None, concepts: Sequence[str] = ()) -> pd.DataFrame:
    """Items rated: concept, raters, mean rating, lowest, highest, and what the calibration expects at the cut.

    A large difference is worth a conversation among the raters.
    """
    rated = concept_ratings(session)
    rated = rated[rated["concept"].isin(list(concepts))] if concepts else rated
    expected: dict[str, float] = {}
    for concept in rated["concept"].unique():
        if profile is None or concept not in profile.concepts:
            continue
        own = rated[rated["concept"] == concept]
        cut = angoff_cut(concept, 0, own, dict(zip(own["item"], own["points"].astype(int), strict=True)), ())
        theta = placed(profile, cut).theta
        some = profile.concept_items(concept)
        if np.isfinite(theta):
            at = expected_scores(some, np.array([theta]))[:, 0] / (some.categories - 1)
            expected |= dict(zip(some.names, at.tolist(), strict=True))
    table = rated.groupby(["concept", "item"]).agg(
        raters=("rater", "nunique"),
        mean_rating=("share", "mean"),
        lowest=("share", "min"),
        highest=("share", "max"),
        changed_since=("changed", "sum"),
    )
    table = table.reset_index()
    table["at_cut"] = [expected.get(i, np.nan) for i in table["item"]]
    return table.assign(difference=table["mean_rating"] - table["at_cut"])


def printed_booklet(session: Any, profile: FrozenProfile, concepts: Sequence[str] = ()) -> pd.DataFrame:
    """The ordered item booklet, a page per score point: concept, page, item, title, point, points, theta."""
    table = profile.table
    _require(
        concepts or profile.concepts,
        set(profile.concepts),
        "unknown-concept",
        "calibrated items",
        "itembank cuts show --booklet",
    )
    chosen = table[table["concept"].isin(list(concepts))] if concepts else table
    pages = scoring.booklet(chosen)
    titles: Mapping[Any, Any] = bank.bank_items(session)["title"].to_dict()
    points = dict(zip(profile.items.names, (profile.items.categories - 1).tolist(), strict=True))
    return pages.assign(
        title=[titles.get(i, "") for i in pages["item"]], points=[int(points[i]) for i in pages["item"]]
    )[["concept", "page", "item", "title", "point", "points", "theta"]]


def stored_profile(session: Any, number: int | None = None) -> tuple[Any, FrozenProfile | None]:
    """The newest kept profile, or that of a run; (None, None) where none was asked for and there is none."""
    try:
        return kept_profile(session, number)
    except Rejected:
        if number is not None:
            raise
        return None, None
