"""`scoring.compare`: one row per concept, contrast and measure, with its uncertainty by source."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring import checks
from scoring.comparison.conditioning import level_names
from scoring.comparison.contrasts import Contrast, Groups, make_contrasts
from scoring.comparison.imputing import PlausibleValues, check_weights
from scoring.comparison.link_variance import link_variance, scale_slopes
from scoring.diagnostics.effects import benjamini_hochberg
from scoring.groups.inference import (
    FEWEST_ITEMS,
    FEWEST_SCHOOLS,
    FEWEST_STUDENTS,
    Uncertainty,
    schools_mode,
    students_mode,
)
from scoring.groups.jackknife import Replicates, regression_rates, replicate
from scoring.irt.errors import DesignError
from scoring.irt.threads import on_one_blas_thread

Array = NDArray[np.float64]
MODES = ("schools", "students")
COLUMNS = (
    "concept", "contrast", "kind", "within", "group", "versus", "adjusted", "measure", "estimate", "se", "se_schools",
    "se_measurement", "se_imputation", "se_linking", "measurement_share", "df", "low", "high", "p_value",
    "p_adjusted", "effect", "effect_low", "effect_high", "value_1", "value_2", "students_1", "students_2",
    "schools_1", "schools_2", "regression_estimate", "mode", "status",
)  # fmt: skip


@on_one_blas_thread
def compare(
    plausible_values: PlausibleValues,
    by: str | Sequence[str] = "district",
    clusters: str = "school",
    cuts: Any = None,
    mode: str = "schools",
    weights: "pd.Series[float] | None" = None,
    linking: float | Mapping[str, float] | None = None,
    *,
    adjust: Sequence[str] = (),
    level: float = 0.95,
    scales: str | None = None,
) -> pd.DataFrame:
    """Compare groups concept by concept.

    Args:
        plausible_values: from `scoring.plausible_values`, conditioned on every column that is used here.
        by: one column of persons, or two: gaps of the second within the first, and gaps in gaps.
        clusters: the column of schools the plausible values were drawn with.
        cuts: concept -> cut, concept -> (cut, SE), or a table indexed by concept with columns cut and, optionally, se.
            With an SE the rates are also given at the cut minus and plus one SE; the cut is held fixed otherwise.
        mode: "schools" (schools like these) or "students" (these students).
        weights: case weights, aligned to the rows of persons; default those the plausible values were drawn with.
        linking: SE of the link between two scales that were calibrated apart, in SDs of θ, one for all or by concept;
            0 within one calibration (the default). A contrast within one scale has no part of it.
        adjust: columns whose mix is made equal (post-stratification); these rows follow the unadjusted ones.
        level: of the intervals.
        scales: with `linking`, the column of persons whose levels were calibrated apart; default the districts, when
            they are compared, else the first column of `by`.

    Returns:
        One row per concept, contrast and measure ("mean" in SDs of the pooled population, "mastery" as a share).
        `se_measurement` and `se_imputation` are inside `se_schools` in the mode "schools", not beside it. `effect` is
        the gap in SDs within groups for means, Cohen's h for mastery. `status` says why a number is left out.

    Raises:
        DesignError: an unknown mode, a column that was not conditioned on, weights that do not fit.
    """
    pv = plausible_values
    if not hasattr(pv, "regression"):
        hint = "Give scoring.plausible_values(...)."
        raise DesignError("no-plausible-values", f"plausible_values is {checks.kind(pv)}.", hint)
    by = [by] if isinstance(by, str) else list(by)
    weights = pv.weights if weights is None else weights
    _check(pv, [*by, *adjust], clusters, mode, weights, level)
    w = None if weights is None else weights.to_numpy(dtype=float)
    groups, contrasts = make_contrasts(pv.persons, by, list(adjust), w)
    cut_table, cut_names = read_cuts(cuts, pv.concepts)
    member = groups.member()
    rep = replicate(pv.regression, pv.shifts, pv.values, member, cut_table, w)
    latent = _latent(pv, member, cut_table, w)
    link = _linking(linking, pv.concepts)
    slopes = scale_slopes(pv.values, _scales(pv, by, scales), member, cut_table, w) if np.any(link > 0) else None
    actual_schools = _school_counts(pv, groups)
    rows: list[dict[str, object]] = []
    for c, concept in enumerate(pv.concepts):
        for contrast in contrasts:
            added = None if slopes is None else link_variance(contrast, slopes, link)[c]
            for k, measure in [(0, "mean"), *((2 + i, name) for i, name in enumerate(cut_names))]:
                if measure != "mean" and np.isnan(cut_table[c, k - 2]):
                    continue
                linked = 0.0 if added is None else float(added[max(k - 1, 0)])
                row = _row(contrast, rep, latent, c, k, mode, level, linked, pv.items[concept])
                row |= {"concept": concept, "measure": measure, "mode": mode}
                row["schools_1"] = _count_schools(contrast.first.weights, actual_schools)
                row["schools_2"] = _count_schools(contrast.second.weights, actual_schools)
                rows.append(row)
    table = pd.DataFrame(rows)
    table["p_adjusted"] = np.nan
    tested = table["measure"].isin(["mean", "mastery"])
    table.loc[tested, "p_adjusted"] = benjamini_hochberg(table.loc[tested, "p_value"].to_numpy(dtype=float))
    return table[list(COLUMNS)]


def read_cuts(cuts: Any, concepts: Sequence[str]) -> tuple[Array, list[str]]:
    """(C, 0, 1 or 3) cuts and the names of the measures they make."""
    if cuts is None:
        return np.empty((len(concepts), 0)), []
    if isinstance(cuts, pd.DataFrame):
        cuts = {str(i): (r["cut"], r.get("se", np.nan)) for i, r in cuts.iterrows()}
    pairs = {str(k): tuple(np.atleast_1d(np.asarray(v, dtype=float))) for k, v in dict(cuts).items()}
    unknown = [k for k in pairs if k not in concepts]
    if unknown:
        raise DesignError(
            "unknown-concept", "A cut belongs to no concept.", f"Concepts: {', '.join(concepts)}.", unknown
        )
    cut = np.array([pairs[c][0] if c in pairs else np.nan for c in concepts])
    se = np.array([pairs[c][1] if c in pairs and len(pairs[c]) > 1 else np.nan for c in concepts])
    if np.isfinite(se).any():
        return np.column_stack([cut, cut - se, cut + se]), ["mastery", "mastery at cut - SE", "mastery at cut + SE"]
    return cut[:, None], ["mastery"]


def _check(
    pv: PlausibleValues,
    columns: Sequence[str],
    clusters: str,
    mode: str,
    weights: "pd.Series[float] | None",
    level: float,
) -> None:
    if mode not in MODES:
        raise DesignError("unknown-mode", f"mode is {mode!r}.", "Use 'schools' or 'students'.")
    if clusters != pv.clusters:
        raise DesignError(
            "other-clusters",
            f"The plausible values were drawn with {pv.clusters!r} as schools, not {clusters!r}.",
            f"Draw again with plausible_values(..., clusters={clusters!r}).",
        )
    if not 0.5 <= level < 1:
        raise DesignError("level", f"An interval of level {level} is of no use.", "Use 0.95.")
    check_weights(weights, pv.persons)
    problems = [f"{n}: no such column" for n in columns if n not in pv.persons.columns]
    problems += [
        f"{n}: not conditioned on"
        for n in dict.fromkeys(columns)
        if n in pv.persons.columns and not _conditioned(pv, n)
    ]
    if problems:
        raise DesignError(
            "not-conditioned",
            "Gaps of variables that the plausible values know nothing of come out too small.",
            "Draw again with these columns in condition_on.",
            problems,
        )


def _conditioned(pv: PlausibleValues, name: str) -> bool:
    """A column is covered if students with equal conditioning variables never differ in it."""
    if name == pv.partner:
        return True
    used = [pv.partner, *dict.fromkeys(v for term in pv.variables for v in term.split(" x "))]
    if name in used:
        return True
    codes = pd.DataFrame({u: level_names(pv.persons[u]) for u in used})
    wanted = pd.Series(level_names(pv.persons[name]))
    return bool((wanted.groupby([codes[u] for u in used]).nunique() <= 1).all())


def _row(
    contrast: Contrast,
    rep: Replicates,
    latent: Array,
    c: int,
    k: int,
    mode: str,
    level: float,
    linking: float,
    items: int,
) -> dict[str, object]:
    estimate = float(contrast.value(rep.estimate)[c, k])
    reasons = _reasons(contrast, rep, k, items, mode)
    concerned = np.asarray((rep.school_in_group[:, contrast.groups()] > 0).any(axis=1), dtype=bool)
    without, draws = contrast.value(rep.without), contrast.value(rep.draws)[:, c, k]
    effect = _effect(contrast, rep.estimate, c, k)
    if mode == "schools":
        doubt = schools_mode(without[:, c, k], rep.school_district, concerned, draws, linking)
        effect_doubt = schools_mode(
            _effect(contrast, rep.without, c, k), rep.school_district, concerned, _effect(contrast, rep.draws, c, k)
        )
    else:
        doubt = students_mode(draws, linking)
        effect_doubt = students_mode(_effect(contrast, rep.draws, c, k))
    row: dict[str, object] = {
        "contrast": contrast.name, "kind": contrast.kind, "within": contrast.within, "group": contrast.first.label,
        "versus": contrast.second.label, "adjusted": contrast.adjusted, "estimate": estimate,
        "value_1": float(contrast.first.value(rep.estimate)[c, k]),
        "value_2": float(contrast.second.value(rep.estimate)[c, k]),
        "students_1": int(sum(rep.students[g] for g in contrast.first.weights)),
        "students_2": int(sum(rep.students[g] for g in contrast.second.weights)),
        "regression_estimate": float(contrast.value(latent)[c, k]), "effect": float(effect),
        "status": "; ".join(reasons),
    }  # fmt: skip
    row |= _doubt_columns(doubt, effect_doubt, estimate, float(effect), level)
    if any("no interval" in r for r in reasons):
        row |= dict.fromkeys(
            ("se", "se_schools", "se_measurement", "se_imputation", "measurement_share", "df", "low", "high",
             "p_value", "effect_low", "effect_high"), np.nan,
        )  # fmt: skip
    if any("no mastery" in r for r in reasons):
        hidden = [n for n, v in row.items() if isinstance(v, float)]
        row |= dict.fromkeys(hidden, np.nan)
    return row


def _doubt_columns(
    doubt: Uncertainty, effect_doubt: Uncertainty, estimate: float, effect: float, level: float
) -> dict[str, object]:
    low, high = doubt.interval(estimate, level)
    effect_low, effect_high = effect_doubt.interval(effect, level)
    d = asdict(doubt)
    return {
        "se": d["total"], "se_schools": d["sampling"], "se_measurement": d["measurement"],
        "se_imputation": d["imputation"], "se_linking": d["linking"], "measurement_share": d["measurement_share"],
        "df": d["df"], "low": low, "high": high, "p_value": doubt.p_value(estimate), "effect_low": effect_low,
        "effect_high": effect_high,
    }  # fmt: skip


def _reasons(contrast: Contrast, rep: Replicates, k: int, items: int, mode: str) -> list[str]:
    students = min(int(sum(rep.students[g] for g in s.weights)) for s in contrast.sides)
    schools = min(int((rep.school_in_group[:, list(s.weights)] > 0).any(axis=1).sum()) for s in contrast.sides)
    out = []
    # one school per district means that schools were not recorded: "these students" do not need them
    unrecorded = mode == "students" and len(set(rep.school_district.tolist())) == len(rep.school_district)
    few_students, few_schools = students < FEWEST_STUDENTS, schools < FEWEST_SCHOOLS and not unrecorded
    if k > 0 and (items < FEWEST_ITEMS or few_students or few_schools):
        why = [f"fewer than {FEWEST_ITEMS} items"] if items < FEWEST_ITEMS else []
        why += [f"fewer than {FEWEST_STUDENTS} students"] if few_students else []
        why += [f"fewer than {FEWEST_SCHOOLS} schools"] if few_schools else []
        out.append(f"{' and '.join(why)}: no mastery")
    if few_students or few_schools:
        why = [f"fewer than {FEWEST_STUDENTS} students"] if few_students else []
        why += [f"fewer than {FEWEST_SCHOOLS} schools"] if few_schools else []
        out.append(f"{' and '.join(why)}: no interval")
    return out


def _effect(contrast: Contrast, a: Array, c: int, k: int) -> Array:
    """Gap in SDs within the groups (means), or Cohen's h (shares); of gaps in gaps by the same unit."""
    sides = [s.value(a)[..., c, :] for s in contrast.sides]
    if k == 0:
        variance = np.mean([s[..., 1] - s[..., 0] ** 2 for s in sides], axis=0)
        return np.asarray(contrast.value(a)[..., c, 0] / np.sqrt(np.maximum(variance, 1e-12)))
    angle = [2 * np.arcsin(np.sqrt(np.clip(s[..., k], 0, 1))) for s in sides]
    gap = angle[0] - angle[1]
    return np.asarray(gap if len(angle) == 2 else gap - (angle[2] - angle[3]))


def _latent(pv: PlausibleValues, member: NDArray[np.bool_], cuts: Array, weights: Array | None) -> Array:
    """(G, C, K) latent-regression estimates beside the plausible values; the mean square is not needed."""
    out = np.full((member.shape[1], len(pv.concepts), 2 + cuts.shape[1]), np.nan)
    out[:, :, 0], out[:, :, 2:] = regression_rates(pv.regression, member, cuts, weights)
    return out


def _linking(linking: float | Mapping[str, float] | None, concepts: Sequence[str]) -> Array:
    if linking is None:
        return np.zeros(len(concepts))
    if isinstance(linking, Mapping):
        return np.array([float(linking.get(c, 0.0)) for c in concepts])
    return np.full(len(concepts), float(linking))


def _scales(pv: PlausibleValues, by: Sequence[str], scales: str | None) -> NDArray[np.str_]:
    """The scale each student lies on."""
    name = scales if scales is not None else pv.partner if pv.partner in by else by[0]
    if name not in pv.persons.columns:
        raise DesignError(
            "no-scales", f"scales is {name!r}, which is no column of persons.", "Name the column that was linked."
        )
    return level_names(pv.persons[name])


def _school_counts(pv: PlausibleValues, groups: Groups) -> list[set[str]]:
    names = (pv.persons[pv.partner].astype(str) + "\x1f" + pv.persons[pv.clusters].astype(str)).to_numpy(dtype=str)
    return [set(names[m].tolist()) for m in groups.masks]


def _count_schools(weights: Mapping[int, float], schools: list[set[str]]) -> int:
    return len(set().union(*(schools[g] for g in weights)))
