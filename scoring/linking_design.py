"""Beside a link: which items to repeat next time, and what the choice of anchors costs a concurrent trend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from scoring.fitting import calibrate
from scoring.irt.errors import DesignError
from scoring.irt.threads import on_one_blas_thread
from scoring.linking import link

#: Standard deviation of a year's drift of an anchor's difficulty that a plan assumes, in θ units.
DRIFT_SD = 0.10


@dataclass(frozen=True)
class LinkPlan:
    """What repeating items would buy.

    Attributes:
        items: indexed by item in the order in which they should be repeated: concept, a, b, se_b, and why an item
            was passed over (empty for those that can serve).
        precision: indexed by number of repeated items: se_constants (both calibrations), se_anchors (their drift),
            se_trend (both), detectable (smallest change found with 80 % power at the 5 % level).
    """

    items: pd.DataFrame
    precision: pd.DataFrame


@on_one_blas_thread
def plan_link(
    fit: Any,
    n: int | None = None,
    *,
    concepts: Mapping[str, str] | None = None,
    numbers: Sequence[int] = (5, 8, 10, 12, 15, 20, 25, 30),
    drift_sd: float = DRIFT_SD,
    avoid: Sequence[str] = (),
) -> LinkPlan:
    """Which items to repeat next time, and how precise the trend would be.

    Items are taken in turn from each concept, within a concept those first whose difficulties are best known. Next
    time's errors are taken to be this time's, scaled by the number of students.

    Args:
        fit: this time's calibration.
        n: students expected next time; default as many as this time.
        concepts: item -> concept.
        numbers: of repeated items to evaluate.
        drift_sd: assumed drift of an anchor between the two times.
        avoid: items not to repeat (released, exposed, flagged).

    Raises:
        DesignError: fewer than two items can serve.
    """
    table = fit.items
    error = _location_errors(table)
    reasons = pd.Series("", index=table.index)
    reasons[error.isna()] = "no standard error"
    reasons[table["group"] != "all"] = "differs between groups"
    reasons[~(table["a"] > 0)] = "slope not positive"
    reasons[[str(i) in set(map(str, avoid)) for i in table.index]] = "to be avoided"
    labels = pd.Series(
        ["all" if concepts is None else str(concepts.get(str(i), "(none)")) for i in table.index], table.index
    )
    listing = pd.DataFrame(
        {"concept": labels, "a": table["a"], "b": _locations(table), "se_b": error, "passed_over": reasons}
    )
    able = listing[reasons == ""].sort_values("se_b", kind="stable")
    if len(able) < 2:
        raise DesignError("few-anchors", f"{len(able)} items can serve as anchors.", "A link needs two.")
    turn = able.groupby("concept", sort=False).cumcount()
    order = able.assign(turn=turn).sort_values(["turn", "se_b"], kind="stable").index
    scale = 1.0 if n is None else fit.n_students / n
    rows = {}
    for k in sorted({min(k, len(order)) for k in numbers if k >= 2}):
        found = link(fit, fit, anchors=list(order[:k]), covariances=(fit.covariance * scale, fit.covariance))
        drifting = drift_sd / np.sqrt(k)
        whole = float(np.hypot(found.se_B, drifting))
        rows[k] = {"se_constants": found.se_B, "se_anchors": drifting, "se_trend": whole, "detectable": 2.802 * whole}
    rest = listing.index[listing["passed_over"] != ""]
    return LinkPlan(
        listing.loc[[*order, *rest]], pd.DataFrame.from_dict(rows, orient="index").rename_axis("repeated_items")
    )


def _steps(table: pd.DataFrame, prefix: str) -> pd.DataFrame:
    return table[[c for c in table.columns if c == prefix or (c.startswith(prefix) and c[len(prefix) :].isdigit())]]


def _locations(table: pd.DataFrame) -> "pd.Series[float]":
    return _steps(table, "b").mean(axis=1)


def _location_errors(table: pd.DataFrame) -> "pd.Series[float]":
    """SE of an item's difficulty; of several steps the root mean square, enough to rank by."""
    return (_steps(table, "se_b") ** 2).mean(axis=1) ** 0.5


@on_one_blas_thread
def anchor_jackknife(
    responses: pd.DataFrame, groups: "pd.Series[Any]", anchors: Sequence[str] | None = None, **settings: Any
) -> pd.DataFrame:
    """Variance that the choice of anchors adds to differences between groups of one concurrent calibration.

    Each anchor in turn gets parameters of its own in every group, so that it no longer links; the differences
    of the groups' means from the first group's move, and (k - 1)/k Σ (difference - mean)² is their variance. It holds
    the anchors' own sampling errors, too: an upper bound of what drift adds to the model's standard errors.

    Args:
        responses, groups, settings: as in `calibrate`.
        anchors: default the items that every group saw.

    Returns:
        DataFrame indexed by group (the first left out): difference, se_anchors, anchors (k), df (k - 1).

    Raises:
        DesignError: fewer than three anchors.
    """
    labels = groups.astype(str).to_numpy()
    names = list(dict.fromkeys(labels))
    if anchors is None:
        seen = pd.DataFrame({g: responses[labels == g].notna().any() for g in names})
        anchors = [str(i) for i in responses.columns[seen.all(axis=1)]]
    if len(anchors) < 3:
        raise DesignError("few-anchors", f"{len(anchors)} anchors.", "A jackknife needs three, and better ten.")

    def differences(separate: list[str] | None) -> "pd.Series[float]":
        fit = calibrate(responses, groups=groups, separate=separate, **settings)
        mean = fit.groups["mean"]
        return mean.drop(names[0]) - float(mean[names[0]])

    whole = differences(None)
    left_out = pd.DataFrame([differences([a]) for a in anchors])
    k = len(anchors)
    spread = ((left_out - left_out.mean()) ** 2).sum() * (k - 1) / k
    return pd.DataFrame({"difference": whole, "se_anchors": spread**0.5, "anchors": k, "df": k - 1}).rename_axis(
        "group"
    )
