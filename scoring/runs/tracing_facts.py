"""What every traced number is told with: the run's inputs, its students, rows as plain facts."""

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from scoring import bank
from scoring.analysis.result import TOTAL, Analysis

#: A number in an address; longer ones are no bank's.
NUMBER = r"[0-9]{1,18}"
#: More rows than these are counted, not listed.
MOST = 20


def rests_on(session: Any, run: Any, items: set[str] | None = None) -> dict[str, Any]:
    """What a run read and how it ended.

    Args:
        session: of `bank.reading()`. run: it.
        items: those that the number rests on, or None for all.
    """
    rests, stale = bank.provenance_of(session, run), bank.stale_reasons(session, run)
    about = bank.administration_by_id(session, run)
    found: dict[str, Any] = {"still stands": "yes" if not stale else "no: " + "; ".join(stale)}
    if stale and about is not None and run.kind in ("calibrate", "score", "compare"):
        found["run again"] = f"itembank {run.kind} run --administration {about.code}"
    if run.converged is not None:
        told = [f"converged: {'yes' if run.converged else 'no'}"]
        told += [] if run.log_likelihood is None else [f"log-likelihood {run.log_likelihood:.3f}"]
        told += [] if run.seed is None else [f"seed {run.seed}"]
        found["estimation"] = ", ".join(told)
    found["parameter set"] = _parameters(run, rests["runs"])
    kept = [i for i in rests["items"] if items is None or i["item"] in items]
    names = {i["item"] for i in kept}
    found["items"] = [
        f"{i['item']} version {i['version']} ({i['hash'][:12]})" + _since(i, "the students saw this one") for i in kept
    ]
    found["keys"] = [
        f"{k['item']} key version {k['version']}" + _since(k, "not counted here")
        for k in rests["keys"]
        if k["item"] in names
    ]
    found["files"] = [f"{f['name']}: {f['rows']:,} rows, sha256 {f['sha256'][:16]}" for f in rests["files"]]
    found["responses as read"] = f"sha256 {run.input_hash}"
    found["other runs"] = [
        f"run {r['run']} ({r['kind']}, {r['status']}): itembank why {r['run']}" for r in rests["runs"]
    ]
    found["software"] = [f"{name} {version}" for name, version in run.software.items()]
    return found


def _since(entry: dict[str, Any], words: str) -> str:
    return f"; version {entry['newest']} has been made since, {words}" if entry["newest"] > entry["version"] else ""


def _parameters(run: Any, others: Sequence[dict[str, Any]]) -> str:
    used = [f"run {r['run']} ({r['kind']}, {r['status']})" for r in others if r["kind"] in ("calibrate", "compare")]
    if run.kind in ("compare", "calibrate"):
        return f"its own, estimated in run {run.id} ({run.status})"
    return "of " + " and ".join(used) if used else "none"


def items_of(analysis: Analysis, rows: pd.DataFrame) -> set[str] | None:
    """The items that rows rest on, by their codes in the bank; None for all."""
    if "item" in rows:
        found = {str(i) for i in rows["item"]}
    elif "concept" in rows and TOTAL not in set(rows["concept"]):
        found = {str(i) for i in analysis.items.index[analysis.items["concept"].isin(rows["concept"])]}
    else:
        return None
    return {re.sub(r" \(.*\)$|@\d+$", "", i) for i in found}  # a column per district, or per version, of one item


def students(analysis: Analysis) -> list[str]:
    """N of the analysis, by district."""
    return [
        f"{r.group}: {int(r.scored):,} with a score of {int(r.students):,} students, {int(r.schools)} schools"
        for r in analysis.participation.itertuples()
    ]


def plain_rows(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as mappings without what is missing; numbers with six figures. Of a hidden row only the reason."""
    out: list[dict[str, Any]] = []
    for row in rows.head(MOST).to_dict("records"):
        if row.get("shown") is False:
            row = {k: row[k] for k in ("concept", "group", "shown", "reason") if k in row}
        out.append({str(k): plain(v) for k, v in row.items() if v is not None and v == v and v != ""})
    if len(rows) > MOST:
        out.append({"more": f"{len(rows) - MOST} rows; name further keys"})
    return out


def plain(value: Any) -> Any:
    """A value as JSON has it; numbers with six figures."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1e15 else float(f"{value:.6g}")
    return value if isinstance(value, (bool, int, str)) else str(value)
