"""Fit of items, persons and models as tables, with what they mean in words."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from scoring.data import read_responses
from scoring.diagnostics import m2, persons, polychoric, residuals
from scoring.diagnostics.effects import benjamini_hochberg
from scoring.diagnostics.observed_curves import Curves, observed_curves, pseudo_counts, rmsd
from scoring.diagnostics.sx2 import s_x2
from scoring.irt.errors import DesignError
from scoring.irt.threads import on_one_blas_thread
from scoring.measured import Measured, measured

#: An item's RMSD in a group from here on is worth a look, and from here on not acceptable.
RMSD_LOOK, RMSD_BAD = 0.10, 0.15
#: A residual correlation this much above the mean suggests that two items share more than the trait.
Q3_LOOK = 0.20
#: lz* below this: of students who answer as the model says about 1 in 100.
UNUSUAL = -2.326


@on_one_blas_thread
def item_fit(
    fit: Any,
    responses: pd.DataFrame,
    min_expected: float = 1.0,
    groups: "pd.Series[Any] | None" = None,
    theta: str = "wle",
    codes: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """How well each item's curve describes the answers.

    Args:
        fit: a Fit, or a table of items.
        responses: scores, rows students.
        min_expected: least expected number in a cell of S-X².
        groups: needed with several populations; RMSD is then given for each.
        theta: "wle" or "eap", for infit and outfit.
        codes: as in `calibrate`.

    Returns:
        Indexed by item (and group, where an item has parameters of its own): n, n_s_x2 (students in the tables: rare
        patterns of missing answers are left out), s_x2, df, p_value, p_adjusted, rmsea, infit, infit_t, outfit,
        outfit_t, rmsd (the largest group's), rmsd_<group>, note. The t-values are descriptive: θ comes from the same
        answers. Treat an item as misfitting where a test and an effect size agree.

    Sources: Orlando & Thissen (2000), Kang & Chen (2008), Wright & Masters (1982), Tijmstra et al. (2020).
    """
    m = measured(fit, responses, groups, codes)
    chi = s_x2(m.items, m.scores, m.nodes, m.weights, m.group, min_expected)
    squares = residuals.mean_squares(m.items, m.scores, m.theta(theta))
    deviation = rmsd(m.items, pseudo_counts(m.items, m.scores, m.nodes, m.weights, m.group), m.nodes)
    table = pd.DataFrame(
        {
            "n": (m.scores >= 0).sum(axis=0),
            "n_s_x2": chi.n,
            "s_x2": chi.chi_square,
            "df": chi.df,
            "p_value": chi.p_value,
            "p_adjusted": benjamini_hochberg(chi.p_value),
            "rmsea": chi.rmsea,
            "infit": squares.infit,
            "infit_t": squares.infit_t,
            "outfit": squares.outfit,
            "outfit_t": squares.outfit_t,
            "rmsd": np.fmax.reduce(deviation, axis=0),
        },
        index=m.index,
    )
    if len(m.labels) > 1:
        for label, values in zip(m.labels, deviation, strict=True):
            table[f"rmsd_{label}"] = values
    table["note"] = [_item_note(row, deviation[:, j], m) for j, (_, row) in enumerate(table.iterrows())]
    return table


def _item_note(row: "pd.Series[Any]", deviation: Any, m: Measured) -> str:
    notes = []
    if row["df"] == 0:
        notes.append("too few students or sum scores for S-X²")
    elif row["p_adjusted"] < 0.05 and row["rmsea"] > 0.05:
        notes.append("the curve does not describe the answers (S-X²)")
    if row["infit"] > 1.2:
        notes.append(f"more erratic than expected (infit {row['infit']:.2f})")
    elif row["infit"] < 0.8:
        notes.append(f"more regular than expected (infit {row['infit']:.2f})")
    for label, value in zip(m.labels, deviation, strict=True):
        if value >= RMSD_LOOK:
            what = "another curve" if value >= RMSD_BAD else "somewhat another curve"
            notes.append(f"{what} in {label} (RMSD {value:.2f})" if len(m.labels) > 1 else f"RMSD {value:.2f}")
    return "; ".join(notes)


def item_curves(
    fit: Any,
    responses: pd.DataFrame,
    groups: "pd.Series[Any] | None" = None,
    bins: int = 12,
    codes: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Observed and expected curves, for charts.

    Returns:
        One row per item, group and bin of θ: item, group, theta, n (expected number of students), observed, low, high
        (95 % band), expected; shares of the item's points.
    """
    m = measured(fit, responses, groups, codes)
    counts = pseudo_counts(m.items, m.scores, m.nodes, m.weights, m.group)
    curves: Curves = observed_curves(m.items, counts, m.nodes, bins)
    rows = [
        {
            "item": name, "group": label, "theta": curves.theta[b], "n": curves.n[g, j, b],
            "observed": curves.observed[g, j, b], "low": curves.low[g, j, b], "high": curves.high[g, j, b],
            "expected": curves.expected[g, j, b],
        }
        for j, name in enumerate(m.items.names)
        for g, label in enumerate(m.labels)
        for b in range(bins)
        if np.isfinite(curves.observed[g, j, b])
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["item", "group", "theta", "n", "observed", "low", "high", "expected"])


@on_one_blas_thread
def model_fit(
    fit: Any,
    responses: pd.DataFrame,
    groups: "pd.Series[Any] | None" = None,
    items: Sequence[str] | None = None,
    kind: str | None = None,
    codes: Mapping[str, str] | None = None,
) -> pd.Series:
    """Fit of the whole model: M2 (dichotomous) or C2, RMSEA2, SRMSR, CFI, TLI.

    Only for students who took all of at most 80 items. Otherwise `available` is False and `note` says "not available
    for this design": name a block with items=. Students with gaps are left out if at least 80 % have none.

    Args:
        fit, responses, groups, codes: as in `item_fit`.
        items: a block of items; default all.
        kind: "M2", "C2" or "M2*"; default by the items.

    Returns:
        available, kind, n, statistic, df, p_value, rmsea, rmsea_low, rmsea_high (90 %), srmsr, cfi, tli, note.

    Sources: Maydeu-Olivares & Joe (2006, 2014), Cai & Hansen (2013), Cai & Monro (2014).
    """
    chosen = responses if items is None else responses[list(items)]
    m = measured(fit, chosen, groups, codes)
    complete = (m.scores >= 0).all(axis=1)
    numbers = ("statistic", "df", "p_value", "rmsea", "rmsea_low", "rmsea_high", "srmsr", "cfi", "tli")
    empty = dict.fromkeys(numbers, np.nan)
    reason = ""
    if len(set(m.items.names)) < len(m.items):
        reason = "items have parameters of their own in some groups"
    elif len(m.items) > m2.MOST_ITEMS:
        reason = f"{len(m.items)} items; at most {m2.MOST_ITEMS}"
    elif complete.mean() < 0.8:
        reason = f"only {complete.mean():.0%} of the students took all items"
    result = None
    if not reason:
        try:
            result = m2.model_fit(m.items, m.scores[complete], m.nodes, m.weights, m.group[complete], kind)
        except DesignError as refusal:
            reason = refusal.sentence
    if result is None:
        note = f"not available for this design: {reason}"
        return pd.Series({"available": False, "kind": "", "n": int(complete.sum()), **empty, "note": note})
    grade = "close" if result.rmsea <= 0.05 else "fair" if result.rmsea <= 0.08 else "poor"
    left = int((~complete).sum())
    note = f"{grade} fit (RMSEA {result.rmsea:.3f}, SRMSR {result.srmsr:.3f})"
    note += f"; {left} students with gaps left out" if left else ""
    return pd.Series({"available": True, **{k: getattr(result, k) for k in ("kind", "n", *empty)}, "note": note})


@on_one_blas_thread
def person_fit(
    fit: Any,
    responses: pd.DataFrame,
    groups: "pd.Series[Any] | None" = None,
    codes: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Unusual answer patterns.

    Returns:
        On the rows of the responses: n (answers), theta (WLE), lz (Zh), lz_star, status "usual", "unusual" (lz* below
        the 1st percentile), "too regular" (above the 99th: copied keys, or shared answers), or "not judged".

    Sources: Drasgow, Levine & Williams (1985), Snijders (2001), Sinharay (2016).
    """
    m = measured(fit, responses, groups, codes)
    theta = m.theta("wle")
    out = persons.person_fit(m.items, m.scores, theta)
    status = np.where(out.lz_star < UNUSUAL, "unusual", np.where(out.lz_star > -UNUSUAL, "too regular", "usual"))
    status = np.where(np.isfinite(out.lz_star), status, "not judged")
    columns = {"n": out.n, "theta": theta, "lz": out.lz, "lz_star": out.lz_star, "status": status}
    return pd.DataFrame(columns, index=m.persons)


@on_one_blas_thread
def local_dependence(
    fit: Any,
    responses: pd.DataFrame,
    groups: "pd.Series[Any] | None" = None,
    codes: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Pairs of items that share more than the trait: Q3 and Q3 minus its mean over pairs.

    Returns:
        One row per pair, the largest first: item, other, n, q3, q3_centred, flag (centred Q3 above .20 in size).

    Sources: Yen (1984); Christensen, Makransky & Horton (2017).
    """
    m = measured(fit, responses, groups, codes)
    q = residuals.residual_correlations(m.items, m.scores, m.theta("eap"))
    i, j = np.triu_indices(len(m.items), 1)
    names = np.array(m.items.names, dtype=object)
    table = pd.DataFrame(
        {"item": names[i], "other": names[j], "n": q.n[i, j], "q3": q.q3[i, j], "q3_centred": q.centred[i, j]}
    )
    table["flag"] = table["q3_centred"].abs() > Q3_LOOK
    order = table["q3_centred"].abs().sort_values(ascending=False, kind="stable", na_position="last").index
    return table.loc[order].reset_index(drop=True)


@on_one_blas_thread
def dimensionality(
    responses: pd.DataFrame, replications: int = 20, seed: int = 1, codes: Mapping[str, str] | None = None
) -> pd.Series:
    """How many dimensions the responses show: eigenvalues of the tetrachoric or polychoric matrix, parallel analysis.

    Returns:
        n_dimensions, ratio (first to second eigenvalue), first_share, eigenvalues, chance (their 95th percentile
        without any relation), items_dropped, smoothed, statement: what it means, in a sentence.

    Sources: Olsson (1979), Horn (1965), Glorfeld (1995).
    """
    read = read_responses(responses, codes)
    d = polychoric.dimensions(read.scores, replications, seed)
    if not len(d.eigenvalues):
        raise DesignError("no-pairs", "No two items were taken by the same students with different scores.")
    if d.n_dimensions == 0:
        statement = "The items hardly relate to each other: one score would mean little."
    elif d.n_dimensions == 1:
        statement = (
            f"One dimension: the first eigenvalue is {d.ratio:.1f} times the second, and no other is above chance."
        )
    else:
        strength = "clearly dominant" if d.ratio >= 4 else "dominant" if d.ratio >= 3 else "not dominant"
        statement = (
            f"{d.n_dimensions} eigenvalues are above chance; the first is {strength} ({d.ratio:.1f} times the second)."
            " Concepts can be real without being seen here: compare the concepts' correlations in the profile."
        )
    return pd.Series(
        {
            "n_dimensions": d.n_dimensions,
            "ratio": d.ratio,
            "first_share": d.first_share,
            "eigenvalues": d.eigenvalues.tolist(),
            "chance": d.chance.tolist(),
            "items_dropped": [read.items[j] for j in d.dropped],
            "smoothed": d.smoothed,
            "statement": statement,
        }
    )
