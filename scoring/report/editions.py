"""The public edition: what of an analysis may leave the districts' offices, every number through disclosure control."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from scoring.analysis.result import TOTAL, Analysis, Notice
from scoring.comparison.disclosing import MARK, Disclosure, disclose
from scoring.groups.coding import SHOWN, code
from scoring.groups.suppression import CannotProtect
from scoring.irt.errors import DesignError

MEASURES = ("concept", "misconception")
HIDDEN_GROUP = "fewer than 11 students here or in a group that would give them away"
NOT_SHOWN = "not shown, so that no child can be recognised"
Sum = tuple[Mapping[str, object], Sequence[Mapping[str, object]]]


@dataclass(frozen=True)
class Release:
    """What is published and how it was protected.

    Attributes:
        analysis: the public numbers only.
        disclosure: internal; for the release log, later releases and the audit.
        tables: what went in, for the log: name -> table with the group's dimensions in the index; internal.
    """

    analysis: Analysis
    disclosure: Disclosure
    tables: dict[str, pd.DataFrame]


def public_edition(
    analysis: Analysis,
    earlier: Sequence[Disclosure] = (),
    complementary: bool = True,
    draft: bool = False,
    beside: Mapping[str, pd.DataFrame] | None = None,
) -> Release:
    """The public edition of an analysis.

    Args:
        analysis: the internal one.
        earlier: releases about the same students; what they show is taken as known.
        complementary: False hides only what is small, to show in an audit what that gives away.
        draft: whether it still waits for the districts' agreement, which the page then says.
        beside: further tables about the same students that are published with it, as in `linked_tables`.
    """
    tables = linked_tables(analysis) | dict(beside or {})
    shown = _disclosed(tables, _contrast_tables(analysis), earlier, complementary)
    return Release(_public(analysis, shown, draft), shown, tables)


def disclosed_again(
    tables: Mapping[str, pd.DataFrame], earlier: Sequence[Disclosure], complementary: bool = True
) -> Disclosure:
    """The disclosure of a logged release, from its tables."""
    return _disclosed(tables, {}, earlier, complementary)


def _disclosed(
    tables: Mapping[str, pd.DataFrame],
    contrasts: Mapping[str, pd.DataFrame],
    earlier: Sequence[Disclosure],
    complementary: bool,
) -> Disclosure:
    """Disclosure control over all tables together, the districts' own row first.

    What the report is for, the districts' shares, is protected by itself and then taken as published, so that a
    small group within a district is hidden behind other groups and not behind the district.
    """
    sums = sums_of(tables)
    head = disclose({"mastery": tables["mastery"]}, earlier, measures=MEASURES, complementary=complementary)
    try:
        return disclose(
            {**tables, **contrasts}, earlier, first=head, measures=MEASURES, sums=sums, complementary=complementary
        )
    except (DesignError, CannotProtect):  # then the districts' row must give way as well
        return disclose({**tables, **contrasts}, earlier, measures=MEASURES, sums=sums, complementary=complementary)


def linked_tables(analysis: Analysis) -> dict[str, pd.DataFrame]:
    """The tables whose groups hang together: districts, districts by attribute, misconceptions; sizes and percents."""
    sizes = analysis.participation.set_index("group")["students"].astype(int)
    mastery = analysis.mastery[analysis.mastery["group"].isin(sizes.index)]
    out = {
        "mastery": pd.DataFrame(
            {
                "n": sizes.loc[mastery["group"]].to_numpy(),
                "percent": 100 * mastery["rate"].where(mastery["shown"]).to_numpy(dtype=float),
            },
            index=pd.MultiIndex.from_frame(mastery[["group", "concept"]], names=["district", "concept"]),
        )
    }
    scored = analysis.participation[analysis.participation["scored"].notna()]
    if len(scored) and len(mastery):  # who has a score is a group of its own, and so is who has none
        concept = str(mastery["concept"].iloc[0])
        index = [(str(g), "yes", concept) for g in scored["group"]]
        out["scored"] = pd.DataFrame(
            {"n": scored["scored"].astype(int).to_numpy(), "percent": np.nan},
            index=pd.MultiIndex.from_tuples(index, names=["district", "scored", "concept"]),
        )
    if len(analysis.misconceptions):
        told = analysis.misconceptions
        out["misconceptions"] = pd.DataFrame(
            {"n": sizes.loc[told["group"]].to_numpy(), "percent": 100 * told["share"].to_numpy(dtype=float)},
            index=pd.MultiIndex.from_frame(
                told[["group", "misconception", "concept"]], names=["district", "misconception", "concept"]
            ),
        )
    return out | {f"by {by}": table for by, table in _by_attribute(analysis)}


def _by_attribute(analysis: Analysis) -> list[tuple[str, pd.DataFrame]]:
    if not len(analysis.levels):
        return []
    out = []
    rows = analysis.levels[analysis.levels["measure"] == "mastery"]
    for by in dict.fromkeys(str(b).split(" x ")[-1] for b in rows["by"]):
        cells: dict[tuple[str, str, str], tuple[int, float]] = {}
        for r in rows[rows["by"].isin([by, f"district x {by}"])].itertuples():
            district, _, level = str(r.group).rpartition(" / ") if " x " in str(r.by) else ("all", "", str(r.group))
            cells[district, level, str(r.concept)] = (int(r.students), 100 * float(r.estimate))
        _fill(cells, analysis)
        table = pd.DataFrame.from_dict(cells, orient="index", columns=["n", "percent"])
        table.index = pd.MultiIndex.from_tuples(list(cells), names=["district", by, "concept"])
        out.append((by, table))
    return out


def _fill(cells: dict[tuple[str, str, str], tuple[int, float]], analysis: Analysis) -> None:
    """Give groups without a reported share what the others leave over, as an attacker would work it out.

    Where the model's shares leave nothing sensible over, the district's own share stands in: then the shares do not
    add up, and nobody can conclude from them.
    """
    sizes = analysis.participation.set_index("group")["students"]
    rates = analysis.mastery.set_index(["group", "concept"])["rate"]
    for district, concept in dict.fromkeys((d, c) for d, _, c in cells):
        parts = {k: v for k, v in cells.items() if k[0] == district and k[2] == concept}
        open_ = [k for k, (_, share) in parts.items() if share != share]
        if not open_:
            continue
        key = (district, concept)
        whole = float(rates[key]) * 100 if key in rates.index and rates[key] == rates[key] else 50.0
        known = sum(n * share for n, share in parts.values() if share == share)
        size = float(sizes.get(district, sizes.sum())) - sum(n for n, share in parts.values() if share == share)
        left = (whole * float(sizes.get(district, sizes.sum())) - known) / size if size > 0 else whole
        for k in open_:
            cells[k] = (cells[k][0], left if 0 <= left <= 100 else whole)


def sums_of(tables: Mapping[str, pd.DataFrame]) -> list[Sum]:
    """Sums that no table shows: ever English learners are the learners and the reclassified."""
    if not {"by el_status", "by ever_el"} <= set(tables):
        return []
    districts = dict.fromkeys(tables["by ever_el"].index.get_level_values("district"))
    parts = {"ever EL": ("EL", "RFEP"), "never EL": ("never EL",), "(not recorded)": ("(not recorded)",)}
    return [
        ({"district": d, "ever_el": whole}, [{"district": d, "el_status": p} for p in levels])
        for d in districts
        for whole, levels in parts.items()
    ]


def _contrast_tables(analysis: Analysis) -> dict[str, pd.DataFrame]:
    """Differences as `disclose` takes them: between whom, and the numbers that belong to both."""
    out: dict[str, pd.DataFrame] = {}
    rows = analysis.contrasts
    if len(rows):
        out["differences"] = pd.DataFrame(
            {
                "first": [{"district": g} for g in rows["group"]],
                "second": [{"district": g} for g in rows["other"]],
                "gap": 100 * rows["difference"].to_numpy(dtype=float),
                "row": rows.index,
            },
            index=pd.Index(rows["concept"].astype(str), name="concept"),
        )
    sub = analysis.subgroups
    if len(sub):
        sub = sub[(sub["kind"] == "gap") & sub["measure"].isin(["mean", "mastery"])]
        sides = [_sides(r, analysis.groups) for _, r in sub.iterrows()]
        out["subgroups"] = pd.DataFrame(
            {"first": [s[0] for s in sides], "second": [s[1] for s in sides],
             "gap": 100 * sub["estimate"].to_numpy(dtype=float), "row": sub.index.to_numpy(dtype=float)},
            index=pd.Index(sub["concept"].astype(str), name="concept"),
        )  # fmt: skip
    return out


def _sides(row: "pd.Series[Any]", districts: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Who is compared with whom, as dimension -> level; `within` names a district, or a level for two districts."""
    by, within, first, second = (str(row[c] or "") for c in ("by", "within", "group", "versus"))
    if by == "district":
        return {"district": first}, {"district": second}
    if within in districts:
        return {"district": within, by: first}, {"district": within, by: second}
    if within:
        return {"district": first, by: within}, {"district": second, by: within}
    return {by: first}, {by: second}


def _public(analysis: Analysis, shown: Disclosure, draft: bool) -> Analysis:
    mastery = _public_mastery(analysis.mastery, shown.tables["mastery"])
    whole = {
        (str(r.concept), str(r.group))
        for r, old in zip(mastery.itertuples(), analysis.mastery.itertuples(), strict=True)
        if r.shown or not old.shown
    }
    contrasts = _public_contrasts(analysis.contrasts, shown.tables.get("differences"))
    all_whole = {g for g in analysis.groups if all((str(c), g) in whole for c in analysis.concepts.index)}
    means = analysis.means[[_kept(r, whole, all_whole) for r in analysis.means.itertuples()]]
    mean_contrasts = analysis.mean_contrasts
    if len(mean_contrasts):
        both = [
            all(_kept(_Cell(str(r.concept), str(g)), whole, all_whole) for g in (r.group, r.other))
            for r in mean_contrasts.itertuples()
        ]
        mean_contrasts = mean_contrasts[both]
    flagged = int((analysis.dif["ets_class"] == "C").sum()) if len(analysis.dif) else 0
    notices = (
        *(n for n in analysis.notices if not _names_an_item(n.message, analysis)),
        Notice("items-internal", "notice", f"Items are secure and not named here; {flagged} of {len(analysis.dif)} "
               "work very differently for students of equal ability in the two places."),
        Notice("protected", "notice", "Numbers that could give small groups away are hidden or shown as a bound."),
    )  # fmt: skip
    empty = pd.DataFrame()
    return replace(
        analysis,
        mastery=mastery,
        contrasts=contrasts,
        means=means,
        mean_contrasts=mean_contrasts,
        items=_public_items(analysis.items),
        dif=empty,
        options=empty,
        scores=empty,
        profile_scores=empty,
        distribution=empty,
        schools=empty,
        coverage=empty,
        levels=empty,
        truth=empty,
        misconceptions=_public_misconceptions(analysis.misconceptions, shown.tables.get("misconceptions")),
        participation=_public_participation(analysis, shown),
        subgroups=_public_subgroups(analysis, shown),
        notices=notices,
        provenance={**analysis.provenance, "edition": "draft" if draft else "public"},
    )


def _names_an_item(message: str, analysis: Analysis) -> bool:
    return any(re.search(rf"(?<![\w-]){re.escape(str(i))}(?![\w-])", message) for i in analysis.items.index)


def _public_items(items: pd.DataFrame) -> pd.DataFrame:
    """How many items a concept has is public; what is known of each is not."""
    kept = items[[c for c in ("concept", "points") if c in items]]
    numbers = [c for c in items.columns if c not in kept and pd.api.types.is_numeric_dtype(items[c])]
    words = [c for c in items.columns if c not in kept and c not in numbers]
    return kept.assign(**dict.fromkeys(numbers, np.nan), **dict.fromkeys(words, ""))[list(items.columns)]


@dataclass(frozen=True)
class _Cell:
    concept: str
    group: str


def _kept(row: Any, whole: set[tuple[str, str]], all_whole: set[str]) -> bool:
    """Whether an average may stand: of the total only where no concept of the group is hidden or coded."""
    return str(row.group) in all_whole if row.concept == TOTAL else (str(row.concept), str(row.group)) in whole


def _whole(text: Any) -> float:
    """The number of a published percentage; NaN where it is hidden or a bound."""
    return float(text) if re.fullmatch(r"\d+", str(text)) else float("nan")


def _in_words(text: Any) -> str:
    """A hidden or coded percentage as a reason."""
    found = re.fullmatch(r"([≥≤])(\d+)", str(text))
    if found is None:
        return HIDDEN_GROUP
    return f"{found[2]} of 100 or {'more' if found[1] == '≥' else 'fewer'}"


def about(printed: Any, value: Any, low: Any, high: Any) -> tuple[Any, Any]:
    """A likely range set around the printed number, as wide as it is, in whole hundredths.

    The ends of the range as they are have the unrounded number in their middle, and would say more of it than its
    rounding leaves open.

    Args:
        printed, value: as published and as estimated. low, high: the range; shares or differences of shares.
    """
    below = np.round(np.asarray(value, dtype=float) - np.asarray(low, dtype=float), 2)
    above = np.round(np.asarray(high, dtype=float) - np.asarray(value, dtype=float), 2)
    return np.round(printed - below, 2), np.round(printed + above, 2)


def _public_mastery(mastery: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    out = mastery.copy()
    rate = np.array([_whole(t) for t in table["percent"]]) / 100
    hide = np.isnan(rate)
    low, high = about(rate, mastery["rate"], mastery["low"], mastery["high"])
    out["rate"], out["se"] = rate, np.nan
    out["low"], out["high"] = np.where(hide, np.nan, np.clip(low, 0, 1)), np.where(hide, np.nan, np.clip(high, 0, 1))
    size = pd.to_numeric(table["n"], errors="coerce").to_numpy(dtype=float)
    for name in (c for c in out.columns if c.startswith("rate_")):
        at_other_bar = out[name].to_numpy(dtype=float)
        out[name] = [
            np.nan if gone or n != n or r != r or code(int(n), 100 * r)[0] != SHOWN else round(r, 2)
            for gone, n, r in zip(hide, size, at_other_bar, strict=True)
        ]
    out["reason"] = [
        str(old) if not was else ("" if not gone else _in_words(text))
        for old, was, gone, text in zip(mastery["reason"], mastery["shown"], hide, table["percent"], strict=True)
    ]
    out["shown"] = ~hide
    out["n"] = size  # the group's size, one everywhere
    out["schools"] = np.where((table["n"] == MARK).to_numpy(), np.nan, out["schools"].to_numpy(dtype=float))
    return out


def _public_contrasts(contrasts: pd.DataFrame, table: pd.DataFrame | None) -> pd.DataFrame:
    if table is None:
        return contrasts
    out = contrasts.copy()
    numbers = [c for c in out.columns if pd.api.types.is_float_dtype(out[c])]
    told = ("difference", "low", "high")
    for i, (gap, kept) in enumerate(zip(table["gap"], table["row"].notna(), strict=True)):
        place = out.index[i]
        if contrasts.at[place, "difference"] != contrasts.at[place, "difference"]:
            continue
        if kept:
            was = contrasts.loc[place]
            low, high = about(float(gap) / 100, was["difference"], was["low"], was["high"])
            # a clear difference stays one: that much the verdict says
            low = max(low, 0.0) if was["verdict"] == "ahead" else low
            high = min(high, 0.0) if was["verdict"] == "behind" else high
            out.loc[place, [c for c in numbers if c not in told]] = np.nan
            out.loc[place, list(told)] = [float(gap) / 100, low, high]
            continue
        out.loc[place, numbers] = np.nan
        bound = re.fullmatch(r"([≥≤])(-?\d+)", str(gap))
        verdict = "not shown"
        if bound is not None and (int(bound[2]) > 0 if bound[1] == "≥" else int(bound[2]) < 0):
            verdict = "ahead" if bound[1] == "≥" else "behind"
        # the verdict may stay only where the published bound says as much by itself
        out.at[place, "verdict"] = verdict if verdict == contrasts.at[place, "verdict"] else "not shown"
        out.at[place, "reason"] = NOT_SHOWN
    return out


def _public_misconceptions(told: pd.DataFrame, table: pd.DataFrame | None) -> pd.DataFrame:
    if table is None:
        return told
    share = np.array([_whole(t) for t in table["percent"]]) / 100
    keep = ~np.isnan(share)
    low, high = about(share, told["share"], told["low"], told["high"])
    out = told.assign(share=share, low=np.clip(low, 0, 1), high=np.clip(high, 0, 1))
    return out.drop(columns=["chosen", "n"])[keep]


def _public_participation(analysis: Analysis, shown: Disclosure) -> pd.DataFrame:
    """Who took part; where a few of a district are without a score, nothing is said of that anywhere."""
    sizes = shown.tables["mastery"]["n"].groupby(level="district").first()
    small = analysis.participation["group"].map(sizes).eq(MARK)
    out = analysis.participation[~small].copy()
    if "scored" in shown.tables and (shown.tables["scored"]["n"] == MARK).any():
        out["scored"] = np.nan
    return out


def _public_subgroups(analysis: Analysis, shown: Disclosure) -> pd.DataFrame:
    """Differences of subgroups whose both sides are shown as they are; averages over all items are left out."""
    if "subgroups" not in shown.tables:
        return analysis.subgroups.iloc[:0]
    table = shown.tables["subgroups"].dropna(subset=["row"])
    gap = pd.to_numeric(table["gap"], errors="coerce").to_numpy(dtype=float) / 100
    kept = analysis.subgroups.loc[table["row"].astype(int)].assign(_gap=gap)
    kept = kept[(kept["measure"] == "mastery") & (kept["concept"] != TOTAL)]
    numbers = [c for c in kept.columns if pd.api.types.is_float_dtype(kept[c])]
    rough = kept.drop(columns=["_gap", *(c for c in numbers if c.startswith(("value_", "regression", "se_")))])
    plain = (kept["adjusted"].fillna("") == "").to_numpy()
    estimate = np.where(plain & kept["_gap"].notna(), kept["_gap"], kept["estimate"].astype(float).round(2))
    low, high = about(estimate, kept["estimate"], kept["low"], kept["high"])
    sign = np.sign(np.where(kept["low"] > 0, 1.0, np.where(kept["high"] < 0, -1.0, 0.0)))
    rough["estimate"] = estimate
    rough["low"], rough["high"] = (
        np.where(sign > 0, np.maximum(low, 0), low),
        np.where(sign < 0, np.minimum(high, 0), high),
    )
    for name in ("se", "effect", "effect_low", "effect_high", "p_value", "p_adjusted"):
        if name in rough:
            rough[name] = np.nan
    return rough
