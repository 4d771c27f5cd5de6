"""What an analysis says of the concepts: how many students of each group have mastered them, and who is ahead."""

from typing import Any

import numpy as np
import pandas as pd

from scoring.analysis.cuts import cuts_in_use
from scoring.analysis.inputs import AnalysisInput
from scoring.analysis.result import SMALLEST_CELL, TOTAL
from scoring.comparison.gates import NOT_YET_TAUGHT, stamp_comparison
from scoring.diagnostics.effects import benjamini_hochberg
from scoring.irt.distributions import student_quantile

LEVEL = 0.95
#: A difference counts as clear when its adjusted p value is below this.
CLEAR = 0.05


def evidence_table(data: AnalysisInput, profile: Any) -> pd.DataFrame:
    """Index concept: name, items, points, cut, cut_kind, cut_se, cut_basis, evidence, accuracy, advice."""
    points = data.items["points"].groupby(data.items["concept"]).sum()
    standing = cuts_in_use(data, profile)
    return pd.DataFrame(
        {
            "name": [data.concept_names.get(c, c) for c in profile.concepts],
            "items": profile.evidence["n_items"].to_numpy(),
            "points": points.reindex(list(profile.concepts)).to_numpy(),
            "cut": profile.cuts["theta"].to_numpy(dtype=float),
            "cut_kind": standing["kind"].to_numpy(),
            "cut_se": standing["se"].to_numpy(),
            "cut_basis": standing["basis"].to_numpy(),
            "evidence": profile.evidence["status"].to_numpy(),
            "accuracy": profile.evidence["prmse_own"].to_numpy(dtype=float),
            "advice": profile.evidence["advice"].to_numpy(),
        },
        index=pd.Index(list(profile.concepts), name="concept"),
    )


def with_thin_concepts(data: AnalysisInput, concepts: pd.DataFrame) -> pd.DataFrame:
    """The table with the concepts that have a single item, which no profile can carry: not enough evidence."""
    counts = data.items["concept"].value_counts()
    thin = sorted(c for c in counts.index if c and c not in concepts.index)
    rows = {
        c: {
            "name": data.concept_names.get(c, c),
            "items": int(counts[c]),
            "points": int(data.items.loc[data.items["concept"] == c, "points"].sum()),
            "cut_kind": "none",
            "evidence": "not enough evidence",
            "advice": "a concept needs at least 4 items that tell students apart",
        }
        for c in thin
    }
    if not rows:
        return concepts
    more = pd.DataFrame.from_dict(rows, orient="index").reindex(columns=concepts.columns)
    return pd.concat([concepts, more.astype({"items": int, "points": int})]).rename_axis("concept")


def group_rates(data: AnalysisInput, profile: Any, concepts: pd.DataFrame) -> pd.DataFrame:
    """Mastery by concept and group from the groups' own populations, with hidden cells named.

    The columns are those of `Analysis.mastery`.
    """
    names = profile.group_names
    groups = data.groups if data.groups is not None else pd.Series("all", index=data.scored.index)
    rows = []
    for concept in profile.concepts:
        items = [i for i in data.scored.columns if data.items.at[i, "concept"] == concept]
        took = data.scored[items].notna().any(axis=1) & ~(data.scored[items] == "R").all(axis=1)
        for group in data.group_order or names:
            row = profile.group_mastery.loc[(group, concept)]
            here = took & (groups == group)
            n = int(here.sum())
            schools = 0 if data.clusters is None else int(data.clusters[here].nunique())
            reason = _hidden(n, str(concepts.at[concept, "evidence"]), str(row["status"]))
            rate, se = float(row["rate"]), float(row["se"])
            low, high = _share_interval(rate, se, schools)
            # One group alone is its own scale and its own bar: other students would move both along with the share,
            # and what is left of its standard error is far below even the one of a known share of n.
            if 0 < schools < 5 or n < 30 or len(names) < 2:
                se = low = high = np.nan
            cells: dict[str, Any] = {"rate": rate, "se": se, "low": low, "high": high}
            if reason:
                cells = dict.fromkeys(cells, np.nan)
            rows.append(
                {
                    "concept": concept,
                    "group": group,
                    "n": n,
                    "schools": schools,
                    **cells,
                    "shown": not reason,
                    "reason": reason,
                }
            )
    return pd.DataFrame(rows)


def _hidden(n: int, evidence: str, status: str) -> str:
    if n < SMALLEST_CELL:
        return f"fewer than {SMALLEST_CELL} students"
    if evidence != "enough":
        return "not enough evidence"
    return "" if status == "reported" else status


def _share_interval(rate: float, se: float, schools: int) -> tuple[float, float]:
    """95 % interval of a share on the logit scale, so that it stays between 0 and 1."""
    if not (np.isfinite(se) and 0 < rate < 1):
        return np.nan, np.nan
    spread = se / (rate * (1 - rate))
    z = float(student_quantile(0.5 + LEVEL / 2, max(schools - 1, 1))) if schools else 1.959963984540054
    centre = np.log(rate / (1 - rate))
    low, high = (1 / (1 + np.exp(-(centre + s * z * spread))) for s in (-1, 1))
    return float(low), float(high)


def contrast_table(compared: pd.DataFrame, order: tuple[str, ...], concepts: pd.DataFrame) -> pd.DataFrame:
    """Differences in mastery: first group minus second, with what can be said.

    Args:
        compared: result of `scoring.compare` over the groups.
        order: the groups as shown; every pair is oriented in this order.
        concepts: as of `evidence_table`.
    """
    rows = []
    for r in compared[(compared["measure"] == "mastery") & (compared["kind"] == "gap")].itertuples():
        group, other, sign = str(r.group), str(r.versus), 1.0
        if order.index(group) > order.index(other):
            group, other, sign = other, group, -1.0
        low, high = (r.low, r.high) if sign > 0 else (-r.high, -r.low)
        verdict, reason = _verdict(
            sign * r.estimate, r.p_adjusted, str(r.status), str(concepts.at[r.concept, "evidence"])
        )
        seen = {"difference": sign * r.estimate, "se": r.se, "low": low, "high": high, "df": r.df, "p_value": r.p_value}
        p_adjusted = float(r.p_adjusted)
        if verdict == "not enough evidence":
            seen, p_adjusted = dict.fromkeys(seen, np.nan), float("nan")
        rows.append(
            {
                "concept": r.concept,
                "group": group,
                "other": other,
                **seen,
                "p_adjusted": p_adjusted,
                "verdict": verdict,
                "reason": reason,
            }
        )
    for concept in concepts.index.difference(compared["concept"].unique(), sort=False):
        for k, group in enumerate(order):
            for other in order[k + 1 :]:
                nothing = dict.fromkeys(("difference", "se", "low", "high", "df", "p_value", "p_adjusted"), np.nan)
                what = {"verdict": "not enough evidence", "reason": "only one item"}
                rows.append({"concept": concept, "group": group, "other": other, **nothing, **what})
    table = pd.DataFrame(rows)
    if len(table):
        place = {c: k for k, c in enumerate([*concepts.index, TOTAL])}
        table = table.sort_values("concept", key=lambda s: s.map(place), kind="stable").reset_index(drop=True)
    return table


def as_taught(compared: pd.DataFrame, stamps: pd.DataFrame) -> pd.DataFrame:
    """The comparison without mastery of concepts that were not taught everywhere, adjusted for what is left."""
    if not len(stamps) or not (stamps["stamp"] != "").any():
        return compared
    out = stamp_comparison(compared, stamps)
    tested = out["measure"].isin(["mean", "mastery"])
    out.loc[tested, "p_adjusted"] = benjamini_hochberg(out.loc[tested, "p_value"].to_numpy(dtype=float))
    return out


def not_taught(
    mastery: pd.DataFrame, contrasts: pd.DataFrame, stamps: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Shares where a concept was not yet taught are not shown as mastery, and nobody is ahead in it."""
    mastery, contrasts = mastery.copy(), contrasts.copy()
    for concept, row in stamps[stamps["stamp"] != ""].iterrows():
        where = [w.strip() for w in str(row["where"]).split(",")]
        here = (mastery["concept"] == concept) & mastery["group"].isin(where)
        rates = [c for c in mastery.columns if c.startswith("rate") or c in ("se", "low", "high")]
        mastery.loc[here, rates] = np.nan
        mastery.loc[here, "shown"] = False
        mastery.loc[here, "reason"] = NOT_YET_TAUGHT
        there = contrasts["concept"] == concept
        contrasts.loc[there, "verdict"] = NOT_YET_TAUGHT
        contrasts.loc[there, "reason"] = f"not yet taught in {row['where']}"
        numbers = ["difference", "se", "low", "high", "df", "p_value", "p_adjusted"]
        contrasts.loc[there, numbers] = np.nan
    return mastery, contrasts


def _verdict(difference: float, p_adjusted: float, status: str, evidence: str) -> tuple[str, str]:
    if evidence != "enough":
        return "not enough evidence", "its items are too few or tell too little"
    if status and status != "nan":
        return "not enough evidence", status
    if not np.isfinite(p_adjusted):
        return "not enough evidence", "no range can be given"
    if p_adjusted >= CLEAR:
        return "cannot say", "what we see may be chance"
    return ("ahead" if difference > 0 else "behind"), ""


def mean_contrasts(compared: pd.DataFrame, order: tuple[str, ...], names: dict[str, str]) -> pd.DataFrame:
    """Differences in means, first group minus second, in pooled SDs: concept, group, other, difference, se, low,
    high, p_value, p_adjusted, effect (in SDs within the groups), status."""
    rows = []
    for r in compared[(compared["measure"] == "mean") & (compared["kind"] == "gap")].itertuples():
        group, other, sign = str(r.group), str(r.versus), 1.0
        if order.index(group) > order.index(other):
            group, other, sign = other, group, -1.0
        low, high = sorted((sign * r.low, sign * r.high))
        rows.append(
            {
                "concept": names.get(r.concept, r.concept),
                "group": group,
                "other": other,
                "difference": sign * r.estimate,
                "se": r.se,
                "low": low,
                "high": high,
                "p_value": r.p_value,
                "p_adjusted": r.p_adjusted,
                "effect": sign * r.effect,
                "status": r.status,
            }
        )
    return pd.DataFrame(rows)


def mean_table(data: AnalysisInput, fit: Any, profile: Any | None) -> pd.DataFrame:
    """Mean and spread of every group, for the total and each concept."""
    rows = []
    for group, r in fit.groups.iterrows():
        rows.append((TOTAL, str(group), r["mean"], r["sd"], r["se_mean"]))
    if profile is not None:
        for (group, concept), r in profile.groups.iterrows():
            rows.append((concept, str(group), r["mean"], r["sd"], r["se_mean"]))
    table = pd.DataFrame(rows, columns=["concept", "group", "mean", "sd", "se"])
    table["se"] = table["se"].where(table["se"] > 0)  # what sets the scale's origin was not estimated
    schools = 0 if data.clusters is None else int(data.clusters.nunique())
    z = float(student_quantile(0.5 + LEVEL / 2, max(schools - len(data.group_order), 1))) if schools else 1.96
    return table.assign(low=table["mean"] - z * table["se"], high=table["mean"] + z * table["se"])
