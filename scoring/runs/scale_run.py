"""Reporting scales: versions kept in the bank, in force once both districts agreed."""

from typing import Any

import pandas as pd

from scoring import bank
from scoring.reporting_scale import ReportingScale


def propose_scale(
    session: Any,
    name: str,
    slope: float,
    intercept: float,
    lowest: float,
    highest: float,
    decimals: int,
    reason: str,
    as_: str = "",
    base: int | None = None,
) -> tuple[ReportingScale, Any, Any]:
    """Keep the next version of a scale and propose it.

    Args:
        session: of `bank.writing()`.
        name, slope, intercept, lowest, highest, decimals: see `ReportingScale`.
        reason, as_: of the proposal.
        base: number of the calibration whose θ the scale reports; default the newest, if there is one. Its
            administration is the scale's base year: later calibrations are linked to it.

    Returns:
        The scale, the run that keeps it, and the decision.

    Raises:
        DesignError: an impossible scale.
    """
    version = 1 + sum(1 for s, *_ in scales(session) if s.name == name)
    scale = ReportingScale(name, version, slope, intercept, lowest, highest, decimals)
    bank.nothing_open(session, "scale", (name,))
    calibrated = base is not None or bool(bank.runs_of_kind(session, "calibrate"))
    origin = bank.run_of(session, base, "calibrate") if calibrated else None
    run = bank.store_run(
        session,
        "scale",
        inputs=[("run", origin.id or 0)] if origin is not None else [],
        details={"scale": scale.to_dict(), "base": _base(session, origin)},
        title=f"{name} {version}",
        person=bank.person_of(session, as_),
    )
    proposal = (
        f"Scores are reported as {slope:g} times θ plus {intercept:g}, from {lowest:g} to {highest:g} "
        f"({name}, version {version})."
    )
    return scale, run, bank.propose(session, "scale", run, f"scale:{name}", proposal, reason, as_, (name,))


def _base(session: Any, origin: Any) -> str:
    """The base of a scale in words: run, administration and the year it was held; empty where nothing is calibrated."""
    if origin is None:
        return ""
    adm = session.get(bank.Administration, origin.administration_id)
    return f"run {origin.id}" + (f", {adm.code} ({adm.opens_on:%Y})" if adm is not None else "")


def scales(session: Any) -> list[tuple[ReportingScale, int, int, str]]:
    """Every version of every scale, oldest first: scale, run, decision, status of the decision."""
    decided = {int(r.run): (int(r.decision), str(r.status)) for r in bank.decided(session, "scale").itertuples()}
    return [
        (ReportingScale(**run.details["scale"]), run.id or 0, *decided.get(run.id or 0, (0, "kept")))
        for run in bank.runs_of_kind(session, "scale")
    ]


def agreed_scale(session: Any, name: str = "") -> ReportingScale | None:
    """The scale of this name that was agreed last; without a name, the newest of any; None where there is none.

    Raises:
        Rejected: a name that no agreed scale has.
    """
    from itembank.errors import Rejected

    force = bank.in_force(session, "scale")
    if name and name not in force:
        known = ", ".join(force) or "none is agreed yet"
        raise Rejected("unknown-scale", f"There is no agreed scale {name!r}.", f"Scales: {known}")
    chosen = force[name] if name else max(force.values(), key=lambda found: found[1], default=None)
    if chosen is None:
        return None
    return ReportingScale(**bank.run_of(session, chosen[0], "scale").details["scale"])


def scales_table(session: Any) -> pd.DataFrame:
    """Every version: scale, version, slope, intercept, lowest, highest, decimals, decision, status, base, in_force."""
    base = {r.id or 0: str(r.details.get("base", "")) for r in bank.runs_of_kind(session, "scale")}
    force = {run for run, _ in bank.in_force(session, "scale").values()}
    rows = [
        {"scale": s.name, **{k: v for k, v in s.to_dict().items() if k != "name"},
         "decision": decision, "status": status, "base": base[run], "in_force": run in force}
        for s, run, decision, status in scales(session)
    ]  # fmt: skip
    names = ["scale", "version", "slope", "intercept", "lowest", "highest", "decimals", "decision", "status", "base"]
    return pd.DataFrame(rows, columns=[*names, "in_force"])
