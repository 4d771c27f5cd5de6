"""Score an administration with a frozen set of parameters: one student or a million get the same score for the same
answers, whatever their district."""

from typing import Any

import pandas as pd

import scoring
from scoring import bank
from scoring.irt.errors import DesignError
from scoring.runs.calibrating import stored_fit


def score_administration(
    session: Any,
    administration: str = "",
    calibration: int | None = None,
    method: str = "eap",
    not_reached: str = "ignored",
    person: Any = None,
) -> tuple[Any, pd.DataFrame, Any]:
    """Score every sitting and store the scores.

    Args:
        session: of `bank.writing()`.
        administration: its name.
        calibration: number of the calibration run; the newest of the administration without one.
        method: eap, map, mle or wle.
        not_reached: "ignored", or "zero" (for individual results only; the run says so).
        person: who runs it.

    Returns:
        The run, the scores (index sitting; theta, se, status), and the responses.
    """
    data = bank.scored_responses(session, administration)
    source = (
        bank.run_of(session, calibration)
        if calibration is not None
        else bank.run_of(session, kind="calibrate", administration=data.administration.code)
    )
    if source.kind != "calibrate":
        raise DesignError("not-a-calibration", f"Run {source.id} is a {source.kind} run.", "itembank calibrate list")
    fit = stored_fit(session, source)
    known = [i for i in data.items.index if i in fit.item_names]
    scored = data.frame(not_reached)[known]
    scores = scoring.score(fit, scored, method=method)
    run = bank.store_run(
        session,
        "score",
        data.administration,
        options={"method": method, "not_reached": not_reached, "prior": "pooled", "calibration": source.id},
        inputs=[*data.inputs, ("run", source.id or 0)],
        input_hash=data.input_hash,
        details={"statuses": scores["status"].value_counts().to_dict(), "items": len(known)},
        person=person,
    )
    bank.store_scores(session, run, scores, data.persons)
    return run, scores, data
