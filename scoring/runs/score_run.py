"""Score an administration with frozen parameters: one student or a million get the same score for the same answers,
whatever their district."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

import scoring
from itembank.errors import Conflict, Rejected
from scoring import bank
from scoring.data import ANSWERED
from scoring.frozen_profile import FrozenProfile
from scoring.irt.errors import DesignError
from scoring.runs.calibrating import stored_fit
from scoring.runs.cutting import agreed_cuts, placed, with_earlier
from scoring.runs.profiles_kept import kept_profile
from scoring.scores import MINIMUM_ANSWERS, NOTHING_VALID, TOO_FEW

METHODS = ("eap", "map", "mle", "wle", "warm")


@dataclass(frozen=True)
class Scored:
    """Scores of an administration.

    Attributes:
        run: that keeps them.
        scores: index sitting; theta, se, status, over all items.
        concepts: index sitting, columns (concept, what), or None without a profile.
        data: the responses.
        left_out: items that the parameters do not know.
        profile_run: number of the run whose profile scored the concepts, or None.
        notices: what to know about the parameters, in sentences.
    """

    run: Any
    scores: pd.DataFrame
    concepts: pd.DataFrame | None
    data: Any
    left_out: tuple[str, ...]
    profile_run: int | None
    notices: tuple[str, ...]


def score_administration(
    session: Any,
    administration: str = "",
    calibration: int | None = None,
    method: str = "eap",
    not_reached: str = "ignored",
    person: Any = None,
    profile: str = "newest",
    allow_stale: bool = False,
) -> Scored:
    """Score every sitting and store the scores.

    Args:
        session: of `bank.writing()`.
        administration: its name.
        calibration: number of the calibration run; the newest of the administration without one.
        method: eap, map, mle, wle or warm, for the score over all items; concepts are posterior means.
        not_reached: "ignored", or "zero" (for individual results only; the run says so).
        person: who runs it.
        profile: whose concept profile scores the concepts: "newest" of the administration (none where there is
            none), "none", or the number of a run.
        allow_stale: score although keys have changed since the calibration.

    Mastery is judged at the cuts that are agreed now, placed on the profile's items; where none is, at the profile's.

    Raises:
        Rejected: no calibration or profile. Conflict: it was withdrawn, or keys have changed since.
        DesignError: unknown method.
    """
    if method not in METHODS:
        raise DesignError("unknown-method", f"There is no method {method!r}.", f"Use one of {', '.join(METHODS)}.")
    data = bank.scored_responses(session, administration)
    code = data.administration.code
    source = (
        bank.run_of(session, calibration)
        if calibration is not None
        else bank.run_of(session, kind="calibrate", administration=code)
    )
    if source.kind != "calibrate":
        raise DesignError("not-a-calibration", f"Run {source.id} is a {source.kind} run.", "itembank calibrate list")
    profile_run, frozen = _profile(session, profile, code)
    notices = [n for used in (source, profile_run) if used is not None for n in _standing(session, used, allow_stale)]
    if frozen is not None:
        versions = {str(i): int(v) for i, v in data.items["version_id"].items()}
        cuts = with_earlier(session, agreed_cuts(session), versions)
        agreed = {c: placed(frozen, cut).theta for c, cut in cuts.items()}
        frozen = frozen.with_cuts({c: v for c, v in agreed.items() if c in frozen.concepts and np.isfinite(v)})
    fit = stored_fit(session, source)
    known = [i for i in data.items.index if i in fit.item_names]
    frame = data.frame(not_reached)
    scores = _by_answers(scoring.score(fit, frame[known], method=method), data, known)
    concepts = None
    if frozen is not None:
        concepts = frozen.score(frame[[i for i in data.items.index if i in set(frozen.items.names)]])
    left_out = tuple(i for i in data.items.index if i not in set(known))
    details: dict[str, Any] = {
        "statuses": scores["status"].value_counts().to_dict(),
        "items": len(known),
        "left_out": list(left_out),
    }
    inputs = [*data.inputs, ("run", source.id or 0)]
    if frozen is not None and concepts is not None:
        inputs.append(("run", profile_run.id or 0))
        details["concepts"] = {
            c: {
                "cut": float(frozen.cuts[k]),
                "enough": bool(frozen.enough[k]),
                "statuses": concepts[c]["status"].value_counts().to_dict(),
                "verdicts": concepts[c]["verdict"].value_counts().to_dict(),
            }
            for k, c in enumerate(frozen.concepts)
        }
    run = bank.store_run(
        session,
        "score",
        data.administration,
        options={
            "method": method,
            "not_reached": not_reached,
            "prior": "pooled",
            "calibration": source.id,
            "profile": None if profile_run is None else profile_run.id,
        },
        inputs=inputs,
        input_hash=data.input_hash,
        details=details,
        person=person,
    )
    by_concept = {} if concepts is None else {c: concepts[c] for c in concepts.columns.get_level_values(0).unique()}
    bank.store_scores(session, run, {"total": scores, **by_concept}, data.persons)
    return Scored(
        run, scores, concepts, data, left_out, None if profile_run is None else profile_run.id, tuple(notices)
    )


def _by_answers(scores: pd.DataFrame, data: Any, known: list[str]) -> pd.DataFrame:
    """The scores without those of too few answers: in the frame a blank that counts as wrong looks like an answer."""
    place = data.items.index.get_indexer(known)
    answered = (data.status[:, place] == ANSWERED).sum(axis=1)
    few = answered < min(MINIMUM_ANSWERS, len(known))
    out = scores.copy()
    out.loc[few, ["theta", "se"]] = np.nan
    out.loc[few, "status"] = np.where(answered[few] > 0, TOO_FEW, NOTHING_VALID)
    return out


def _standing(session: Any, run: Any, allow_stale: bool) -> list[str]:
    """What to know about frozen parameters: later responses do not hinder scoring, other keys do."""
    if run.status == "withdrawn":
        raise Conflict("withdrawn", f"Run {run.id} was withdrawn.", f"itembank {run.kind} run")
    reasons = bank.stale_reasons(session, run)
    if any("key" in r or "withdrawn" in r for r in reasons) and not allow_stale:
        hint = f"itembank {run.kind} run, or score with --allow-stale"
        raise Conflict("stale", f"Run {run.id} is stale: {'; '.join(reasons)}.", hint)
    return [f"run {run.id}: {reason}" for reason in reasons]


def _profile(session: Any, wanted: str, administration: str) -> tuple[Any, FrozenProfile | None]:
    if wanted == "none":
        return None, None
    if wanted == "newest":
        try:
            return kept_profile(session, administration=administration)
        except Rejected:
            return None, None
    if not wanted.isdigit():
        raise DesignError("unknown-profile", f"{wanted!r} names no profile.", "--profile newest, none, or a number")
    return kept_profile(session, int(wanted))
