"""What DIF does to the comparison: the gap with all items, without class C items, and with their own parameters."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from scoring.differential import LEAST_ITEMS
from scoring.fits import Fit
from scoring.fitting import calibrate
from scoring.irt.errors import ScoringError
from scoring.irt.threads import on_one_blas_thread

#: A change of the gap by more than this many pooled SDs is said to matter.
MATTERS = 0.05


@on_one_blas_thread
def gap_effect(
    responses: pd.DataFrame,
    groups: "pd.Series[Any]",
    dif_table: pd.DataFrame,
    concepts: Mapping[str, str] | None = None,
    model: str | Mapping[str, str] = "2pl",
    clusters: "pd.Series[Any] | None" = None,
    codes: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """The effect of DIF on the gap between groups, in pooled standard deviations.

    Args:
        responses, groups, clusters, codes: as in `dif`.
        dif_table: what `dif` returned.
        concepts: item -> concept, for one row per concept; default one scale.
        model: as in `calibrate`.

    Returns:
        Indexed by concept and group (each group against the first): class_c (names), n_items, gap, se (all items),
        gap_without, se_without (class C left out), gap_separate, se_separate (class C with parameters of their own in
        every group), change (separate minus all), note. NaN where too few items are left or a calibration failed;
        the note says which.
    """
    labels = sorted(groups.dropna().astype(str).unique())
    inside = groups.notna()
    people = groups[inside].astype(str)
    schools = None if clusters is None else clusters[inside]
    flagged = [str(i) for i in dif_table.index[dif_table["ets_class"] == "C"]]
    parts: dict[str, list[str]] = {}
    for name in map(str, responses.columns):
        parts.setdefault("all" if concepts is None else str(concepts[name]), []).append(name)
    table = responses.loc[inside].set_axis([str(c) for c in responses.columns], axis=1)
    rows = []
    for concept, items in parts.items():
        own = [i for i in items if i in flagged]
        chosen = model if isinstance(model, str) else {k: v for k, v in model.items() if k in items}
        variants: dict[str, tuple[list[str], list[str]]] = {"": (items, [])}
        if own:
            variants |= {"_without": ([i for i in items if i not in own], []), "_separate": (items, own)}
        found: dict[str, Fit | None] = {}
        refused: list[str] = []
        for suffix, (kept, free) in variants.items():
            found[suffix] = None
            if len(kept) - len(free) < LEAST_ITEMS:
                continue
            apart = {i: [[label] for label in labels] for i in free}
            some = chosen if isinstance(chosen, str) else {k: v for k, v in chosen.items() if k in kept}
            try:
                fit = calibrate(table[kept], some, people, separate=apart or None, clusters=schools, codes=codes)
            except ScoringError as error:  # the other ways of looking at the gap still count
                refused.append(error.code)
                continue
            found[suffix] = fit
            if not fit.converged:
                refused.append("not-converged")
        for label in labels[1:]:
            row: dict[str, Any] = {
                "concept": concept,
                "group": f"{label} - {labels[0]}",
                "class_c": ", ".join(own),
                "n_items": len(items),
            }
            for suffix in ("", "_without", "_separate"):
                chosen_fit = found.get(suffix, found[""]) if not own else found[suffix]
                row[f"gap{suffix}"], row[f"se{suffix}"] = _gap(chosen_fit, label, labels[0])
            row["change"] = row["gap_separate"] - row["gap"]
            row["note"] = _note(row, own, refused)
            rows.append(row)
    return pd.DataFrame(rows).set_index(["concept", "group"])


def _gap(fit: Fit | None, label: str, first: str) -> tuple[float, float]:
    """Difference of the groups' means and its standard error, from their joint covariance."""
    if fit is None or not fit.converged:
        return float("nan"), float("nan")
    means = fit.groups["mean"]
    index = means.index.astype(str)
    value = float(means[index == label].iloc[0] - means[index == first].iloc[0])
    names = [f"group {label}:mean", f"group {first}:mean"]
    present = [n for n in names if n in fit.covariance.columns]
    sign = np.array([1.0 if n == names[0] else -1.0 for n in present])
    variance = float(sign @ fit.covariance.loc[present, present].to_numpy() @ sign) if present else float("nan")
    return value, float(np.sqrt(np.maximum(variance, 0.0)))


def _note(row: dict[str, Any], own: list[str], refused: list[str]) -> str:
    if refused and not np.isfinite(row["change"]):
        return f"the items could not be calibrated ({', '.join(dict.fromkeys(refused))})"
    if not own:
        return "no item of class C"
    if not np.isfinite(row["change"]):
        return "too few items without DIF: the gap cannot be told from DIF"
    if abs(row["change"]) <= MATTERS:
        return f"DIF hardly touches the gap ({row['change']:+.2f} SD)"
    return f"the gap changes by {row['change']:+.2f} SD when these items count for each group by their own difficulty"
