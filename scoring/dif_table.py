"""The table of a DIF analysis: one row per item, with the direction in words and what to bear in mind."""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.data import MISSING, Responses
from scoring.diagnostics.effects import benjamini_hochberg
from scoring.diagnostics.observed import ItemDif
from scoring.irt.distributions import normal_quantile, student_quantile

Index = NDArray[np.int64]

#: Fewer students in a group than this: the note says so.
FEW = 100
#: From this many per group on, observed-score methods take small biases for DIF when the groups differ in ability.
LARGE = 10_000
#: Columns every table has, whatever the method and even where nothing could be compared.
COLUMNS = [
    *("n", "statistic", "df", "df_error", "p_value", "p_adjusted", "effect", "se_effect", "effect_low", "effect_high"),
    *("ets_class", "favours", "d_dif", "se_d_dif", "naive_p_value", "matched_on", "in_matching", "note"),
]


@dataclass(frozen=True)
class GroupLabels:
    """Groups as codes.

    Attributes:
        labels: (G,) in the order of the codes: reference before focal.
        group: (N,) 0..G-1, -1 where the label is missing.
        over: "focal" where one was named, else "both".
    """

    labels: tuple[Hashable, ...]
    group: Index
    over: str


def tabulate(
    read: Responses, labels: GroupLabels, results: tuple[ItemDif | None, ...], where: list[str], excluded: set[int]
) -> pd.DataFrame:
    """Results as a tidy table, indexed by item."""
    p = np.array([r.p_value if r else np.nan for r in results])
    adjusted = benjamini_hochberg(p)
    top = np.maximum(read.scores.max(axis=0, initial=1), 1)
    rows = [
        _row(r, float(q), labels, read, j, int(top[j]), where[j], j not in excluded)
        for j, (r, q) in enumerate(zip(results, adjusted, strict=True))
    ]
    table = pd.DataFrame(rows, index=pd.Index(read.items, name="item"))
    first = [c for c in COLUMNS if c in table.columns]
    return table.reindex(columns=COLUMNS + [c for c in table.columns if c not in first])


def _row(
    r: ItemDif | None,
    adjusted: float,
    labels: GroupLabels,
    read: Responses,
    item: int,
    maximum: int,
    where: str,
    kept: bool,
) -> dict[str, object]:
    names = [str(x) for x in labels.labels]
    if r is None:
        seen = [int(((labels.group == g) & (read.scores[:, item] != MISSING)).sum()) for g in range(len(names))]
        absent = [name for name, n in zip(names, seen, strict=True) if n == 0]
        values = read.scores[(labels.group >= 0) & (read.scores[:, item] != MISSING), item]
        if absent:
            note = f"not given to {', '.join(absent)}"
        elif values.min() == values.max():
            note = "everybody has the same score"
        elif "too few" in where:
            note = where
        else:
            note = "cannot be compared: no students of equal standing in several groups, or no convergence"
        empty = {"n": sum(seen), "ets_class": "", "favours": "", "matched_on": where, "in_matching": kept, "note": note}
        return empty | {f"n_{name}": n for name, n in zip(names, seen, strict=True)}
    quantile = float(student_quantile(0.975, r.df_error)) if r.df_error else float(normal_quantile(0.975))
    out: dict[str, object] = {
        "n": int(r.n.sum()),
        "statistic": r.statistic,
        "df": r.df,
        "df_error": r.df_error,
        "p_value": r.p_value,
        "p_adjusted": adjusted,
        "effect": r.effect,
        "se_effect": r.se,
        "effect_low": r.effect - quantile * r.se,
        "effect_high": r.effect + quantile * r.se,
        "ets_class": r.ets_class,
        "favours": favours(r, adjusted, names, maximum),
        "d_dif": r.d_dif,
        "se_d_dif": r.se_d_dif,
        "naive_p_value": r.naive_p_value,
        "matched_on": where,
        "in_matching": kept,
        "note": _note(r, names),
    }
    out |= {f"n_{name}": int(n) for name, n in zip(names, r.n, strict=True)}
    if len(names) > 2:
        out |= {f"effect_{name}": float(e) for name, e in zip(names, r.group_effect, strict=True)}
    return out | r.extra


def favours(r: ItemDif, adjusted: float, names: list[str], maximum: int) -> str:
    """Whom the item favours, in words; "neither" unless both a test and an effect size say so."""
    if not r.ets_class or r.ets_class == "A" or not adjusted < 0.05:
        return "neither"
    if len(names) == 2:
        who = names[1] if r.effect > 0 else names[0]
    else:
        at = int(np.nanargmax(np.abs(r.group_effect)))
        who = names[at] if r.group_effect[at] > 0 else f"all but {names[at]}"
    if maximum == 1:
        return f"{who}, by about {abs(r.effect) * 100:.0f} of 100 students of equal standing"
    return f"{who}, by about {abs(r.effect):.2f} of {maximum} points at equal standing"


def _note(r: ItemDif, names: list[str]) -> str:
    notes = []
    if not np.isfinite(r.p_value):
        notes.append("no test: too few schools in a group" if np.isfinite(r.naive_p_value) else "no test: no variation")
    few = [f"{name} ({n})" for name, n in zip(names, r.n, strict=True) if n < FEW]
    if few:
        notes.append("few students: " + ", ".join(few))
    if r.n.min() >= LARGE:
        notes.append("very many students: small biases of matching show as significant, prefer lrt or wald")
    return "; ".join(notes)


def concept_notes(out: pd.DataFrame) -> list[str]:
    """Add what the comparison of both matchings says."""
    notes = []
    for _, row in out.iterrows():
        found = [str(row["note"])] if row["note"] else []
        on_total, on_concept = row["total_ets_class"] in ("B", "C"), row["ets_class"] in ("B", "C")
        if on_total and not on_concept and row["ets_class"]:
            found.append("flagged on the total only: the groups differ in this concept, the item is not to blame")
        elif on_concept and not on_total:
            found.append("flagged on its own concept, hidden on the total")
        notes.append("; ".join(found))
    return notes
