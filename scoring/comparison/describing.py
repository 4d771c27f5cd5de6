"""Levels of groups (means, shares, percentiles) and school effects, beside the contrasts of `scoring.compare`."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.comparison.comparing import _check, read_cuts
from scoring.comparison.conditioning import level_names
from scoring.comparison.imputing import PlausibleValues
from scoring.groups.inference import (
    FEWEST_ITEMS,
    FEWEST_SCHOOLS,
    FEWEST_STUDENTS,
    Uncertainty,
    schools_mode,
    students_mode,
)
from scoring.groups.jackknife import Replicates, replicate
from scoring.irt.threads import on_one_blas_thread

Array = NDArray[np.float64]
COLUMNS = (
    "concept", "by", "group", "measure", "estimate", "se", "df", "low", "high", "students", "schools", "mode", "status",
)  # fmt: skip


@on_one_blas_thread
def group_estimates(
    plausible_values: PlausibleValues,
    by: str | Sequence[str] = "district",
    cuts: Any = None,
    mode: str = "schools",
    weights: "pd.Series[float] | None" = None,
    *,
    percentiles: Sequence[int] = (),
    level: float = 0.95,
) -> pd.DataFrame:
    """Means, SDs, shares at or above cuts and percentiles of groups.

    Args:
        plausible_values: conditioned on the columns of `by`.
        by: one column or several (every combination is a group).
        cuts: as in `scoring.compare`.
        mode: as in `scoring.compare`.
        weights: as in `scoring.compare`.
        percentiles: for example (10, 25, 50, 75, 90); SE by the slope of the distribution there (Woodruff 1952).
        level: of the intervals.

    Returns:
        One row per concept, group and measure: mean, sd, mastery (at the cut and one SE beside it), p10, ...
    """
    pv = plausible_values
    names = [by] if isinstance(by, str) else list(by)
    weights = pv.weights if weights is None else weights
    _check(pv, names, pv.clusters, mode, weights, level)
    cut_table, cut_names = read_cuts(cuts, pv.concepts)
    w = None if weights is None else weights.to_numpy(dtype=float)
    levels = [level_names(pv.persons[n]) for n in names]
    groups = []
    for combination in product(*(sorted(set(column.tolist())) for column in levels)):
        mask = np.ones(len(pv.persons), dtype=bool)
        for column, wanted in zip(levels, combination, strict=True):
            mask &= column == wanted
        if mask.any():
            groups.append((" / ".join(combination), mask))
    member = np.column_stack([mask for _, mask in groups])
    rep = replicate(pv.regression, pv.shifts, pv.values, member, cut_table, w)
    rows: list[dict[str, object]] = []
    for g, (group, mask) in enumerate(groups):
        base: dict[str, object] = {
            "by": " x ".join(names), "group": group, "students": int(rep.students[g]),
            "schools": int(pv.persons.loc[mask, pv.clusters].nunique()), "mode": mode,
        }  # fmt: skip
        for c, concept in enumerate(pv.concepts):
            own: dict[str, object] = {**base, "concept": concept}
            rows.append(own | _level(rep, g, rep.estimate[g, c, 0], rep.without[:, g, c, 0], rep.draws[:, g, c, 0],
                                     "mean", mode, level, pv.items[concept]))  # fmt: skip
            sd = [_sd(a) for a in (rep.estimate[g, c], rep.without[:, g, c], rep.draws[:, g, c])]
            rows.append(own | _level(rep, g, float(sd[0]), sd[1], sd[2], "sd", mode, level, pv.items[concept]))
            for i, name in enumerate(cut_names):
                if np.isfinite(cut_table[c, i]):
                    k = 2 + i
                    rows.append(own | _level(rep, g, rep.estimate[g, c, k], rep.without[:, g, c, k],
                                             rep.draws[:, g, c, k], name, mode, level, pv.items[concept]))  # fmt: skip
        if percentiles:
            rows += _percentile_rows(pv, mask, base, percentiles, mode, level, w)
    return pd.DataFrame(rows)[list(COLUMNS)]


@on_one_blas_thread
def school_effects(plausible_values: PlausibleValues) -> pd.DataFrame:
    """Shrunken school effects for a caterpillar plot: internal editions only, never ranks.

    Returns:
        One row per school and concept: district, school, students, effect (SDs, given the students' reported
        variables), se, shrinkage (1 = taken as it is, 0 = nothing of its own known).
    """
    pv = plausible_values
    design, sums = pv.regression.design, pv.regression.sums
    tau = np.diag(pv.regression.population.tau)
    rows = []
    for s, name in enumerate(pv.schools):
        for c, concept in enumerate(pv.concepts):
            variance = float(sums.school_gain[s, c, c])
            rows.append(
                {
                    "district": pv.districts[int(design.school_district[s])], "school": name, "concept": concept,
                    "students": int(design.school_size[s]), "effect": float(pv.regression.effects[s, c]),
                    "se": variance**0.5, "shrinkage": 1.0 - variance / float(tau[c]),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _sd(a: Array) -> Array:
    return np.asarray(np.sqrt(np.maximum(a[..., 1] - a[..., 0] ** 2, 0.0)))


def _level(
    rep: Replicates,
    g: int,
    estimate: float,
    without: Array,
    draws: Array,
    measure: str,
    mode: str,
    level: float,
    items: int,
) -> dict[str, object]:
    few_students, few_schools = rep.students[g] < FEWEST_STUDENTS, rep.schools[g] < FEWEST_SCHOOLS
    doubt: Uncertainty
    if mode == "schools":
        doubt = schools_mode(without, rep.school_district, rep.school_in_group[:, g] > 0, draws)
    else:
        doubt = students_mode(draws)
    low, high = doubt.interval(float(estimate), level)
    row: dict[str, object] = {
        "measure": measure, "estimate": float(estimate), "se": doubt.total, "df": doubt.df, "low": low, "high": high,
        "status": "",
    }  # fmt: skip
    why = [f"fewer than {FEWEST_STUDENTS} students"] * bool(few_students)
    why += [f"fewer than {FEWEST_SCHOOLS} schools"] * bool(few_schools)
    if why:
        row |= {"se": np.nan, "df": np.nan, "low": np.nan, "high": np.nan}
        row["status"] = f"{' and '.join(why)}: no interval"
    if measure.startswith("mastery") and (why or items < FEWEST_ITEMS):
        why = [f"fewer than {FEWEST_ITEMS} items"] * (items < FEWEST_ITEMS) + why
        row |= {"estimate": np.nan, "se": np.nan, "df": np.nan, "low": np.nan, "high": np.nan}
        row["status"] = f"{' and '.join(why)}: no mastery"
    return row


def _percentile_rows(
    pv: PlausibleValues,
    mask: NDArray[np.bool_],
    base: dict[str, object],
    percentiles: Sequence[int],
    mode: str,
    level: float,
    weights: Array | None,
) -> list[dict[str, object]]:
    """Percentiles as cuts: the share below moves by the density times the percentile's change."""
    c, m = len(pv.concepts), pv.draws
    mine = pv.values[mask].astype(float)
    w = np.ones(mine.shape[0]) if weights is None else weights[mask]
    by_draw = np.empty((m, c, len(percentiles)))
    for i in range(m):
        for j in range(c):
            by_draw[i, j] = np.quantile(mine[:, i, j], np.array(percentiles) / 100, weights=w, method="inverted_cdf")
    cuts = by_draw.mean(axis=0)
    rep = replicate(pv.regression, pv.shifts, pv.values, mask[:, None], cuts, weights)
    half = 0.25 * np.sqrt(np.maximum(rep.estimate[0, :, 1] - rep.estimate[0, :, 0] ** 2, 1e-6))
    rows = []
    for j, concept in enumerate(pv.concepts):
        for i, p in enumerate(percentiles):
            near = np.abs(mine[:, :, j] - cuts[j, i]) <= half[j]
            density = float(np.average(near.mean(axis=1), weights=w)) / (2 * half[j])
            moved = cuts[j, i] + (rep.without[:, 0, j, 2 + i] - rep.estimate[0, j, 2 + i]) / density
            row: dict[str, object] = {**base, "concept": concept}
            rows.append(row | _level(rep, 0, cuts[j, i], moved, by_draw[:, j, i], f"p{p}", mode, level, 10**6))
    return rows
