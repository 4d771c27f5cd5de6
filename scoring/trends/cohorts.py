"""The same students over administrations, and the same grade over years: two questions, kept apart.

A cohort's change says how these students moved; a grade's change compares different students in the same place. Both
are changes in the share that reached a bar. Across grades the bars are different tests' bars unless the items are the
same, so that a change is no growth on one scale; `require_vertical_scale` refuses that claim without off-grade anchors.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.diagnostics.effects import benjamini_hochberg
from scoring.irt.distributions import normal_density, normal_quantile, student_above, student_quantile
from scoring.irt.errors import DesignError
from scoring.irt.linking_drift import linking_variance
from scoring.trends.targets import LEAST

Array = NDArray[np.float64]
#: Off-grade anchors that a vertical claim needs between adjacent grades: this many, and this share of the shorter form
#: (Kolen & Brennan 2014, sections 6.3 and 9.5: a fifth of the test).
FEWEST_ANCHORS, ANCHOR_SHARE = 8, 0.20
#: Beside the change of those who sat both times: that of everybody who sat the first time, those who left included.
EVERYBODY = ("everybody_1", "everybody_2", "everybody_change", "everybody_low", "everybody_high", "everybody")
#: And the change of their mean, in SDs of the newer population, where a link carries the scale.
GROWTH = ("growth", "growth_low", "growth_high")
#: How a change and its error were found.
ONE_MODEL, APART = "one model of both times", "each time alone"
CHANGES = (
    "kind", "cohort", "concept", "group", "first", "second", "rate_1", "rate_2", "change", "se", "se_linking", "df",
    "low", "high", "students", "bar", "verdict", "method", "apart", "apart_se", *EVERYBODY, *GROWTH,
)  # fmt: skip


@dataclass(frozen=True)
class CohortChange:
    """The change of a share among the same students.

    Attributes:
        rate_1, rate_2: shares of the matched students at both times.
        change: their difference; se: its standard error; low, high: 95 % interval.
        correlation: of the two estimates' errors, because students and schools are the same.
        se_linking: what the link between the two times adds, in shares.
        students, schools: matched.
    """

    rate_1: float
    rate_2: float
    change: float
    se: float
    low: float
    high: float
    correlation: float
    se_linking: float
    students: int
    schools: int


def cohort_change(
    rates: tuple[float, float],
    errors: tuple[float, float],
    everybody: tuple[Array, Array],
    matched: tuple[Array, Array],
    clusters: NDArray[np.int64],
    linking: float = 0.0,
) -> CohortChange:
    """The change of a share among students who were there both times.

    The estimates of everybody (from plausible values) are moved by the difference between matched students and
    everybody in the students' own chances; the chances alone would be drawn to the middle. The errors of the two times
    are correlated as the schools' sums of the matched students' chances are, but only in the part that comes from
    which schools and students there are: what a short test leaves open, Σp(1 - p)/M², is new each time.

    Args:
        rates, errors: share of everybody at each time and its standard error.
        everybody: (N1,), (N2,) chance of each student of having reached the bar.
        matched: (M,), (M,) the same for the matched students, in one order.
        clusters: (M,) school of each matched student at the first time.
        linking: standard error of the link at the bar, in shares.

    Raises:
        DesignError: no student was there both times, or the arrays do not fit.
    """
    p1, p2 = (np.asarray(p, dtype=float) for p in matched)
    if p1.size == 0:
        raise DesignError("no-cohort", "No student was there both times.", "Rosters with the same identifiers.")
    if not p1.shape == p2.shape == np.shape(clusters):
        raise DesignError("cohort", "The matched students' arrays do not fit.", "One row per student.")
    r1, r2 = (
        float(np.clip(rate + part.mean() - np.mean(all_), 0, 1))
        for rate, part, all_ in zip(rates, (p1, p2), everybody, strict=True)
    )
    s1, s2 = (
        se * float(np.sqrt(max(1.0, np.size(all_) / p1.size))) for se, all_ in zip(errors, everybody, strict=True)
    )
    codes, place = np.unique(clusters, return_inverse=True)
    u1, u2 = np.bincount(place, p1 - p1.mean()), np.bincount(place, p2 - p2.mean())
    size = float(np.sqrt((u1 @ u1) * (u2 @ u2)))
    r = float(np.clip((u1 @ u2) / size, 0.0, 0.95)) if codes.size > 2 and size > 0 else 0.0
    sampled = [max(s**2 - float((p * (1 - p)).sum()) / p.size**2, 0.0) for s, p in ((s1, p1), (s2, p2))]
    shared = 2 * r * float(np.sqrt(sampled[0] * sampled[1]))
    se = float(np.sqrt(s1**2 + s2**2 - shared + linking**2))
    half = float(student_quantile(0.975, max(codes.size - 1, 1))) * se
    return CohortChange(
        r1, r2, r2 - r1, se, r2 - r1 - half, r2 - r1 + half, r, linking, int(p1.size), int(codes.size)
    )  # fmt: skip


def independent_change(
    rates: tuple[float, float], errors: tuple[float, float], df: float = np.inf, linking: float = 0.0
) -> tuple[float, float, float, float]:
    """The change of a share between different students: change, se, low, high.

    The schools are the same and their errors alike, which would make the interval narrower; it is left as it is.
    """
    se = float(np.sqrt(errors[0] ** 2 + errors[1] ** 2 + linking**2))
    half = float(student_quantile(0.975, df)) * se
    size = rates[1] - rates[0]
    return size, se, size - half, size + half


def bar_linking(first: pd.DataFrame, second: pd.DataFrame) -> float:
    """What the link through repeated items adds to the standard error of a place on the scale, such as a bar.

    The displacement of an item is its difficulty at the second time less that at the first. Its variance beyond the
    sampling error, over the number of items, is the variance from the choice of items; the sampling error of the mean
    displacement, which moves the bar, is added.

    Args:
        first, second: items of one concept that stand in both, same index: b, se_b; difficulties on each time's scale.

    Returns:
        Standard error in SDs of the students; NaN with fewer than two repeated items.
    """
    both = first.index.intersection(second.index)
    b1, b2 = first.loc[both, "b"].to_numpy(dtype=float), second.loc[both, "b"].to_numpy(dtype=float)
    s1, s2 = first.loc[both, "se_b"].to_numpy(dtype=float), second.loc[both, "se_b"].to_numpy(dtype=float)
    known = np.isfinite(b1) & np.isfinite(b2) & np.isfinite(s1) & np.isfinite(s2)
    if known.sum() < 2:
        return float("nan")
    sampling = (s1**2 + s2**2)[known]
    variance = linking_variance((b2 - b1)[known], np.diag(sampling)) + float(sampling.sum()) / known.sum() ** 2
    return float(np.sqrt(variance))


def rate_linking(first: pd.DataFrame, second: pd.DataFrame, rate: float) -> float:
    """`bar_linking` in shares."""
    return bar_linking(first, second) * share_slope(rate)


def share_slope(rate: float) -> float:
    """How much a share moves per SD by which its bar moves: the density of a standard normal population there."""
    return float(normal_density(normal_quantile(np.clip(rate, 0.01, 0.99))))


def share_error(share: float, n: float, design_effect: float = 1.0) -> float:
    """Standard error of a published share of n students; `design_effect` for students in schools (Kish 1965)."""
    return float(np.sqrt(share * (1 - share) / n * design_effect)) if n > 0 else float("nan")


def verdict(size: float, low: float, high: float) -> str:
    """What can be said of a change: "fell", "rose", "cannot say"; without an interval "fell, uncertainty not known"."""
    if np.isfinite(low):
        return "fell" if high < 0 else "rose" if low > 0 else "cannot say"
    if abs(100 * size) <= LEAST:
        return "cannot say"
    return ("fell" if size < 0 else "rose") + ", uncertainty not known"


def standing_out(changes: pd.DataFrame, level: float = 0.05) -> pd.DataFrame:
    """Which concept's change stands out from the other concepts' of the same students.

    Args:
        changes: columns of `CHANGES`; rows of one cohort, group and pair of times are compared with each other.
        level: false discovery rate (Benjamini & Hochberg 1995).

    Returns:
        The rows with `apart` (change less the mean change of the other concepts) and `apart_se`: as they are where one
        model gave them, otherwise with the concepts taken as independent, which makes it too wide rather than too
        narrow; `p_value` (t with `df` where it is known), `p_adjusted` and `stands_out`: a clear
        fall in its own right, and clearly below the other concepts.
    """
    out = changes.reset_index(drop=True).copy()
    alone = out["method"] != ONE_MODEL if "method" in out else pd.Series(True, index=out.index)
    for name in ("apart", "apart_se", "df"):
        out[name] = out[name].astype(float).where(~alone) if name in out else np.nan
    for _, part in out.groupby(["kind", "cohort", "group", "first", "second"], sort=False):
        k = len(part)
        if k < 2 or not alone[part.index].all():
            continue
        size, variance = part["change"].to_numpy(dtype=float), part["se"].to_numpy(dtype=float) ** 2
        others = (size.sum() - size) / (k - 1)
        out.loc[part.index, "apart"] = size - others
        out.loc[part.index, "apart_se"] = np.sqrt(variance + (variance.sum() - variance) / (k - 1) ** 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = out["apart"].to_numpy(dtype=float) / out["apart_se"].to_numpy(dtype=float)
    df = out["df"].to_numpy(dtype=float)
    out["p_value"] = 2 * student_above(np.abs(z), np.where(np.isfinite(df) & (df > 0), df, np.inf))
    out["p_adjusted"] = np.nan
    tested = np.isfinite(z)
    if tested.any():
        out.loc[tested, "p_adjusted"] = benjamini_hochberg(out.loc[tested, "p_value"].to_numpy(dtype=float))
    out["stands_out"] = tested & (out["p_adjusted"] < level) & (out["apart"] < 0) & (out["high"] < 0)
    return out


def require_vertical_scale(forms: Mapping[str, "set[str] | frozenset[str]"]) -> None:
    """Refuse to call a change across grades growth on one scale unless off-grade anchors carry it.

    Args:
        forms: grade -> its items.

    Raises:
        DesignError: adjacent grades share too few items; every pair is named.
    """
    grades = sorted(forms, key=lambda g: (len(g), g))
    problems = []
    for lower, upper in pairwise(grades):
        shared = len(forms[lower] & forms[upper])
        needed = max(FEWEST_ANCHORS, int(np.ceil(ANCHOR_SHARE * min(len(forms[lower]), len(forms[upper])))))
        if shared < needed:
            problems.append(f"grades {lower} and {upper} share {shared} items; a common scale needs {needed}")
    if problems:
        raise DesignError(
            "no-vertical-scale",
            "There is no scale across these grades: say how many reached each grade's bar, not how much they grew.",
            "Give items of the neighbouring grade in both: itembank link plan.",
            problems,
        )


_GRADE = re.compile(r"grade_?(\d{1,2})_(\w+)")


def published_cohorts(values: pd.DataFrame, design_effect: float = 1.0) -> pd.DataFrame:
    """Cohorts in yearly indicators: grade g in one year beside grade g + k of the same subject k years later.

    Args:
        values: columns indicator (named grade5_math, grade8_math, …), district, school, subgroup, period
            (2005-06), value in percent, n, se (NaN where not known).
        design_effect: used where n is known and se is not.

    Returns:
        Columns of `CHANGES`, kind "published"; each grade is paired with the next higher grade there is. Without se
        and n the interval is missing and the verdict says so. Students who moved in or out are in both numbers.
    """
    rows = []
    parts = values["indicator"].str.extract(_GRADE)
    table = values.assign(grade=pd.to_numeric(parts[0]), subject=parts[1]).dropna(subset=["grade"])
    year = pd.to_numeric(table["period"].str.slice(0, 4)).astype(int)
    table = table.assign(grade=table["grade"].astype(int), year=year, born=year - table["grade"].astype(int))
    keys = ["subject", "district", "school", "subgroup", "born"]
    for (subject, district, school, subgroup, _), part in table.groupby(keys, sort=False):
        part = part.sort_values("grade")
        for a, b in pairwise(part.to_dict("records")):
            rate = (a["value"] / 100, b["value"] / 100)
            error = tuple(
                x["se"] / 100 if x["se"] == x["se"] else share_error(x["value"] / 100, x["n"], design_effect)
                for x in (a, b)
            )
            size, se, low, high = independent_change(rate, (error[0], error[1]))
            where = " ".join(x for x in (district, school, "" if subgroup == "all" else subgroup) if x)
            rows.append(
                {"kind": "published", "cohort": f"grade {a['grade']} of {a['period']}", "concept": subject,
                 "group": where, "first": f"grade {a['grade']}, {a['period']}",
                 "second": f"grade {b['grade']}, {b['period']}", "rate_1": rate[0], "rate_2": rate[1], "change": size,
                 "se": se, "se_linking": np.nan, "low": low, "high": high, "students": b["n"],
                 "bar": "each grade's own test and bar", "verdict": verdict(size, low, high), "method": APART}
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(CHANGES))
