"""What students' answers say about items: share right, relation to the rest, steepness, information, DIF, options."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from itembank.errors import Rejected
from scoring import bank
from scoring.irt import curves
from scoring.runs import calibrating, diagnosing

_NODES = np.linspace(-4.0, 4.0, 81)


def measured(session: Any, items: Iterable[str], administration: str = "") -> tuple[dict[str, dict[str, Any]], str]:
    """Facts about items from a calibrated administration.

    Args:
        session: a reading session.
        items: codes.
        administration: by default that of the newest calibration.

    Returns:
        item -> n, proportion_correct, item_rest, a, b, information (expected over the calibrated students, so that a
        well-placed item beats a steep one that is far off), dif (class and in whose favour), options (shares in
        percent); and where it comes from. Both empty where nothing was calibrated, or none of the items took part.
    """
    wanted = list(items)
    try:
        run = bank.run_of(session, None, "calibrate", administration)
    except Rejected:
        return {}, ""
    about = bank.administration_by_id(session, run)
    if about is None:
        return {}, ""
    given = diagnosing.sitting(session, about.code)
    here = [i for i in wanted if i in given.scored.columns]
    if not here:
        return {}, ""
    classical = diagnosing.classical_of(session, given)
    fit = calibrating.stored_fit(session, run)
    options = classical.options
    share = _weights(fit)
    information = pd.DataFrame(curves.information(fit.parameters, _NODES), index=fit.items.index)
    found: dict[str, dict[str, Any]] = {}
    dif = diagnosing.dif_of(given) if given.groups is not None else None
    for item in here:
        stats = classical.items.loc[item]
        facts: dict[str, Any] = {
            "n": int(stats["n"]),
            "proportion_correct": float(stats["proportion_correct"]),
            "item_rest": float(stats["item_rest"]),
        }
        if item in fit.item_names:
            row = fit.items.loc[[item]].iloc[0]
            facts |= {n: float(row[n]) for n in ("a", "b") if pd.notna(row[n])}
            facts["information"] = float(information.loc[[item]].to_numpy().mean(axis=0) @ share)
        if dif is not None and item in dif.index:
            entry = dif.loc[item]
            facts["dif"] = str(entry["ets_class"]) + (f", {entry['favours']}" if entry["ets_class"] != "A" else "")
        if item in options.index.get_level_values("item"):
            facts["options"] = ", ".join(f"{o} {100 * s:.0f}" for o, s in options.loc[item, "share"].items())
        found[item] = facts
    return found, f"{about.code}, calibration {run.id}, {len(given.scored)} students"


def _weights(fit: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The calibrated students over the nodes: the groups' normal populations by their size."""
    total = np.zeros(len(_NODES))
    for _, group in fit.groups.iterrows():
        density = np.exp(-0.5 * ((_NODES - group["mean"]) / group["sd"]) ** 2)
        total += float(group["n"]) * density / density.sum()
    return np.asarray(total / total.sum())
