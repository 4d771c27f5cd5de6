"""Calibrate an administration: both districts in one likelihood, stored with everything it rests on."""

import json
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

import scoring
from scoring import bank
from scoring.irt.errors import NotConverged, ScoringWarning


def calibrate_administration(
    session: Any,
    administration: str = "",
    model: str | Mapping[str, str] = "2pl",
    origin: str = "pooled",
    person: Any = None,
    title: str = "",
    progress: Callable[[int, float, float], None] | None = None,
) -> tuple[Any, Any, Any]:
    """Calibrate and store.

    Args:
        session: of `bank.writing()`.
        administration: its name; may be empty when there is one.
        model: a model for all items, or {item: model}.
        origin: "pooled", or the name of a district that becomes N(0, 1).
        person: who runs it.
        title: for lists.
        progress: as of `scoring.calibrate`.

    Returns:
        The stored run, the fit, and the responses.

    Raises:
        NotConverged: nothing is stored then.
    """
    data = bank.scored_responses(session, administration)
    groups, partner = populations(session, data)
    scored, left_out = informative(data.frame())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoringWarning)  # they are in the fit's notices, too
        fit = scoring.calibrate(scored, model=model, groups=groups, partner=partner, origin=origin, progress=progress)
    if not fit.converged:
        raise NotConverged(
            "not-converged",
            f"The calibration did not converge (decrement {fit.decrement:.1e}). Nothing was stored.",
            "itembank diagnose items",
        )
    details = {
        "left_out": left_out,
        "n_students": fit.n_students,
        "n_parameters": fit.n_parameters,
        "decrement": fit.decrement,
        "max_gradient": fit.max_gradient,
        "min_eigenvalue": fit.min_eigenvalue,
        "iterations": fit.iterations,
        "aic": fit.aic,
        "bic": fit.bic,
        "notices": [{"code": n.code, "severity": n.severity, "message": n.message} for n in fit.notices],
    }
    run = bank.store_run(
        session,
        "calibrate",
        data.administration,
        options={"model": model, "origin": origin, "settings": fit.settings},
        inputs=data.inputs,
        input_hash=data.input_hash,
        converged=fit.converged,
        log_likelihood=fit.log_likelihood,
        details=details,
        title=title,
        person=person,
    )
    share = scored.mean() / data.items.loc[scored.columns, "points"]
    table = fit.items.assign(proportion_correct=fit.items.index.map(share))  # for finding items by it
    bank.store_item_parameters(session, run, table, data.items)
    bank.store_group_parameters(session, run, fit.groups)
    bank.store_array(session, run, "covariance", fit.covariance.to_numpy(), list(fit.covariance.columns))
    bank.store_table(session, run, "fit", pd.DataFrame({"json": [json.dumps(fit.to_dict())]}))
    return run, fit, data


def populations(session: Any, data: Any) -> tuple[pd.Series | None, pd.Series | None]:
    """District × grade of every sitting and its district; None where there is one population only."""
    names = bank.district_names(session)
    district = data.persons["district"].astype("str").map(names)
    grade = data.persons["grade"].astype("str").where(data.persons["grade"].notna(), "")
    groups = district if grade.nunique() < 2 else district + " grade " + grade
    if groups.nunique() < 2:
        return None, None
    return groups, district


def informative(scored: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The items that tell students apart, and the names of those that do not."""
    keep = [c for c in scored.columns if scored[c].dropna().nunique() > 1]
    return scored[keep], [c for c in scored.columns if c not in keep]


def stored_fit(session: Any, run: Any) -> Any:
    """The fit of a stored run, number for number."""
    table = bank.read_table(session, run, "fit")
    return scoring.Fit.from_dict(json.loads(table["json"].iloc[0]))
