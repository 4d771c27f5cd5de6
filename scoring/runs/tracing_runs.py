"""Addresses in runs that are no comparison's tables: sittings, a school's items, calibrations with their fit, links."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

import scoring
from itembank.errors import Rejected
from scoring import bank
from scoring.analysis import cells
from scoring.analysis.result import SMALLEST_CELL
from scoring.runs import calibrating, diagnosing, reporting, technical
from scoring.runs.tracing_facts import NUMBER, plain_rows

#: What is made again when it is asked for.
MEASURED = ("model-fit", "item-fit", "reliability", "conditional-error", "unusual-patterns")
LIVE = ("sittings", "students", "school-items", "content", "verdicts", "curves", *MEASURED)
OF_COMPARISON = ("content", "verdicts")


@dataclass(frozen=True)
class _Given:
    """A calibration with its data, as `technical_tables` takes them."""

    fit: Any
    sitting: Any
    data: Any


def trace(session: Any, run: Any, keys: Sequence[str]) -> tuple[dict[str, Any], set[str] | None]:
    """Facts of a row and the items it rests on.

    Raises:
        Rejected: there is no such table or row in the run.
    """
    table, *rest = keys
    if table == "students":
        raise Rejected(
            "no-student-cell",
            "A student's numbers have no address with a name or an identifier, which would stand in the shell's log.",
            f"itembank why {run.id}:sittings:NUMBER; the number stands in the file of itembank score export",
        )
    if table == "sittings":
        return _sitting(session, run, rest), None
    if table == "school-items":
        return _school_items(session, run, rest)
    frame, columns = _of_comparison(session, run, table) if table in OF_COMPARISON else _table(session, run, table)
    rows = cells.rows_at(frame, columns, rest)
    items = {re.sub(r"@\d+$", "", str(i)) for i in rows["item"]} if "item" in rows else None
    return {"table": ":".join([table, *columns]), "rows": plain_rows(rows)}, items


def _sitting(session: Any, run: Any, keys: Sequence[str]) -> dict[str, Any]:
    """A sitting's scores of a run; the student is not named."""
    if not keys or not re.fullmatch(NUMBER, keys[0]):
        what = "A sitting is named by its number in the bank, not by a student."
        raise Rejected("no-cell", what, f"itembank why {run.id}:sittings:NUMBER:CONCEPT")
    scores = bank.read_scores(session, run, sitting_id=int(keys[0])).reset_index()
    if not len(scores):
        raise Rejected("no-cell", f"Run {run.id} has no score of sitting {keys[0]}.", "itembank score export")
    scores = scores.drop(columns="student")
    rows = cells.rows_at(scores.assign(sitting=scores["sitting"].astype(str)), ("sitting", "scale"), keys)
    return {"table": "sittings:sitting:scale", "rows": plain_rows(rows), "student": "not named here"}


def _school_items(session: Any, run: Any, keys: Sequence[str]) -> tuple[dict[str, Any], set[str] | None]:
    """The shares of a school's page, counted again from the answers."""
    if not keys:
        raise Rejected("no-cell", "A school is missing.", f"itembank why {run.id}:school-items:SCHOOL:ITEM")
    about = bank.administration_by_id(session, run)
    data = diagnosing.sitting(session, about.code if about is not None else "").data
    schools = data.persons["school"].astype("str").map(cells.slug)
    here = (schools == cells.slug(keys[0])).to_numpy()
    if not here.any():
        raise Rejected("no-cell", "No student of such a school sat it.", f"itembank why {run.id}:schools")
    frame = data.frame()[here]
    answered = frame.notna().sum()
    share = (frame.mean() / data.items["points"]).where(answered >= SMALLEST_CELL)
    table = pd.DataFrame({"item": frame.columns, "share_correct": share.to_numpy(), "answered": answered.to_numpy()})
    table["answered"] = (
        table["answered"].astype(object).where(table["answered"] >= SMALLEST_CELL, f"fewer than {SMALLEST_CELL}")
    )
    rows = cells.rows_at(table, ("item",), keys[1:])
    facts = {"table": "school-items:school:item", "school": keys[0], "rows": plain_rows(rows)}
    return facts, {str(i) for i in rows["item"]}


def _of_comparison(session: Any, run: Any, table: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """What the technical report counts for a comparison, made again."""
    if run.kind != "compare":
        raise Rejected("no-cell", f"Run {run.id} is a {run.kind} run, no comparison.", f"itembank why {run.id}")
    given = reporting.reported(session, int(run.id), stale=True, curves=False)
    found = technical.content(given) if table == "content" else technical.verdicts(session, given)
    return found.reset_index(), ("concept",)


def _table(session: Any, run: Any, table: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """A table of a run that is no comparison, flat, and its keys."""
    if run.kind == "calibrate":
        if table == "items":
            found = bank.read_item_parameters(session, run, None).reset_index()
            return found.drop(columns="version_id"), ("item", "scale", "group")
        if table == "populations":
            return bank.read_group_parameters(session, run, None).reset_index(), ("group", "scale")
        if table in ("curves", *MEASURED):
            return _measured(session, run, table)
    if run.kind == "link" and table in ("constants", "drift", "balance"):
        found = bank.read_table(session, run, table)
        keys = tuple(c for c in ("concept", "item", "leg") if c in found.columns)
        return found, keys or (str(found.columns[0]),)
    hint = {"calibrate": "items, populations, curves, " + ", ".join(MEASURED), "link": "constants, drift, balance"}
    known = hint.get(run.kind, "sittings" if run.kind == "score" else "")
    raise Rejected(
        "no-cell", f"Run {run.id} is a {run.kind} run and has no such table.",
        f"Tables: {known}" if known else f"itembank why {run.id}",
    )  # fmt: skip


def _measured(session: Any, run: Any, table: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Fit and curves of a calibration, made again from the answers."""
    about = bank.administration_by_id(session, run)
    given = diagnosing.sitting(session, about.code if about is not None else "")
    fit = calibrating.stored_fit(session, run)
    if table == "curves":
        groups = calibrating.populations(session, given.data)[0]
        return scoring.item_curves(fit, given.scored, groups).round({"theta": 3}), ("item", "group", "theta")
    name = table.replace("-", " ")
    found = technical.technical_tables(session, _Given(fit, given, given.data), name)
    if name not in found:
        raise Rejected("no-cell", f"The items of run {run.id} are no longer those of its administration.", "")
    flat = found[name].reset_index()
    return flat, (str(flat.columns[0]),)
