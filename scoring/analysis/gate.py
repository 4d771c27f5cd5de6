"""Whether the comparison may be read as one: what is on record, in the order a reader asks, and the stamp."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from scoring.analysis.inputs import AnalysisInput
from scoring.comparison.gates import GateFacts, comparability, opportunity_to_learn

#: Fact -> what the reader is told that was looked at.
CHECKS = {
    "connected": "one scale for all groups",
    "windows_recorded": "testing window",
    "modes_recorded": "paper or screen",
    "district_dif_run": "items that work differently were looked for",
    "keys_current": "keys are the current ones",
    "parameters_current": "estimates rest on current results",
    "responses_current": "all answers are in",
}
COLUMNS = ["check", "state", "detail"]


def complete_facts(data: AnalysisInput, dif: pd.DataFrame) -> GateFacts:
    """What the analysis itself knows, added to what was recorded; what it has just read is current."""
    facts = data.facts if data.facts is not None else GateFacts()
    together, shared = connection(data)
    return replace(
        facts,
        connected=together,
        district_dif_run=True if len(dif) else facts.district_dif_run,
        keys_current=True if facts.keys_current is None else facts.keys_current,
        parameters_current=True if facts.parameters_current is None else facts.parameters_current,
        responses_current=True if facts.responses_current is None else facts.responses_current,
        shared_items=shared,
    )


def connection(data: AnalysisInput) -> tuple[bool, int]:
    """Whether the items hang together through students who took several of them, and how many items all groups took.

    Items are joined when one student answered both; the design is connected when that joins them all.
    """
    given = data.scored.notna().to_numpy()
    groups = np.asarray(data.groups) if data.groups is not None else np.zeros(len(given), dtype=int)
    labels = list(dict.fromkeys(groups.tolist()))
    seen = np.vstack([given[groups == g].any(axis=0) for g in labels])
    # a row of bits as bytes sorts as one value, a row of truth values as sixty
    packed = np.packbits(given, axis=1)
    rows = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).ravel()
    booklets = given[np.unique(rows, return_index=True)[1]]
    used = np.flatnonzero(given.any(axis=0))
    reached = np.zeros(given.shape[1], dtype=bool)
    reached[used[:1]] = True
    while True:
        more = booklets[(booklets & reached).any(axis=1)].any(axis=0) | reached
        if (more == reached).all():
            break
        reached = more
    return bool(reached[used].all()), int(seen.all(axis=0).sum())


def gate_table(data: AnalysisInput, dif: pd.DataFrame, converged: bool) -> tuple[pd.DataFrame, str]:
    """The checks as rows (check, state, detail), and the stamp: "comparable", "not comparable", or "" for one group."""
    if len(data.group_order) < 2:
        return pd.DataFrame(list(data.gate), columns=COLUMNS), ""
    facts = complete_facts(data, dif)
    gate = comparability(facts, recorded_bank=data.in_bank)
    known = {check: detail for check, state, detail in data.gate if state == "passed"}
    rows = []
    for name, check in CHECKS.items():
        value = getattr(facts, name)
        if value:
            rows.append((check, "passed", known.get(check) or _detail(name, facts, data, dif)))
        else:
            rows.append((check, *_not_passed(name, value, data)))
    rows += [row for row in data.gate if row[0] not in CHECKS.values()]
    rows += _taught_rows(data)
    settled = "calibration and concepts converged" if converged else "an estimate stopped before it had settled"
    rows.append(("estimates settled", "passed" if converged else "failed", settled))
    rows += [("to bear in mind", "noted", note) for note in gate.notes]
    return pd.DataFrame(rows, columns=COLUMNS), gate.stamp


def _detail(name: str, facts: GateFacts, data: AnalysisInput, dif: pd.DataFrame) -> str:
    if name == "connected":
        return f"{facts.shared_items} of {data.scored.shape[1]} items were answered by all groups"
    if name == "district_dif_run":
        flagged = int((dif["ets_class"] == "C").sum()) if len(dif) else 0
        return f"run on {len(dif)} items; {flagged} work very differently"
    return "as of this analysis" if name.endswith("_current") else "recorded"


def _not_passed(name: str, value: bool | None, data: AnalysisInput) -> tuple[str, str]:
    others: dict[str, Any] = dict.fromkeys(CHECKS, True) | {name: value}
    only = comparability(GateFacts(**others), recorded_bank=data.in_bank)
    if only.reasons:
        return "failed", only.reasons[0]
    return "not recorded", "a bare file of responses does not say"


def stamps(data: AnalysisInput) -> pd.DataFrame:
    """`opportunity_to_learn` of what was recorded; empty when nothing was."""
    if data.taught is None or not len(data.taught):
        return pd.DataFrame(columns=["stamp", "where", "compare", "note"])
    return opportunity_to_learn(data.taught)


def _taught_rows(data: AnalysisInput) -> list[tuple[str, str, str]]:
    found = stamps(data)
    if not len(found):
        return []
    name = {c: data.concept_names.get(str(c), str(c)) for c in found.index}
    late = found[found["stamp"] != ""]
    notes = [f"{name[c]}: not yet taught in {r['where']}, not compared" for c, r in late.iterrows()]
    notes += [f"{name[c]}: {r['note']}" for c, r in found.iterrows() if r["note"]]
    if not notes:
        return [("taught before the test", "passed", "every concept, everywhere")]
    unknown = data.taught is not None and (data.taught == "unknown").all(axis=None)
    if unknown:
        return [("taught before the test", "not recorded", "for no concept")]
    return [("taught before the test", "noted", "; ".join(notes))]


def with_stale(gate: pd.DataFrame, reasons: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """The gate of a stored analysis, failed where the bank has moved on since.

    Args:
        gate: of `gate_table`.
        reasons: (what moved on: "key", "responses", "run" or "cut"; the sentence that says so).
    """
    if not reasons or not len(gate):
        return gate
    out = gate.copy()
    of = {"key": "keys_current", "responses": "responses_current"}
    for code, reason in reasons:
        here = out["check"] == CHECKS[of.get(code, "parameters_current")]
        out.loc[here, "state"] = "failed"
        out.loc[here, "detail"] = f"out of date: {reason}"
    return out
