"""From a number in a report back to everything it rests on."""

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from itembank.errors import Rejected, UsageFault
from scoring import bank
from scoring.analysis import cells
from scoring.analysis.result import TOTAL, Analysis
from scoring.runs import tracing_places, tracing_runs
from scoring.runs.comparing import current_analysis
from scoring.runs.releasing_indicators import INDICATORS
from scoring.runs.tracing_facts import MOST, NUMBER, items_of, plain_rows, rests_on, students


def trace(session: Any, cell: str) -> dict[str, Any]:
    """What a number rests on.

    Args:
        session: of `bank.reading()`.
        cell: RUN, RUN:TABLE:KEY... as pages carry it; RUN:CONCEPT:DISTRICT and RUN:ITEM:DISTRICT for short; two
            comparisons RUN-RUN:changes:... or RUN-RUN:linked:...; indicators:..., targets:..., cohorts:..., sat:... for
            what rests on no run.

    Returns:
        Plain facts in the order a reader asks for them; "rows" holds the table's rows as they are stored.

    Raises:
        UsageFault: it is no address. Rejected: there is no such run, table or row; with those there are.
    """
    start, *keys = [part.strip() for part in cell.split(":")]
    if start in tracing_places.TABLES:
        return tracing_places.trace(session, start, keys)
    if pair := re.fullmatch(f"({NUMBER})-({NUMBER})", start):
        return tracing_places.trace_pair(session, int(pair[1]), int(pair[2]), keys)
    if not re.fullmatch(NUMBER, start):
        raise UsageFault("bad-cell", "That names no cell.", "For example: itembank why 3:mastery:geometry:A")
    run = bank.run_of(session, int(start))
    found: dict[str, Any] = {}
    if run.kind == "release" and run.options["of"] == INDICATORS:
        found["release"] = (
            f"{run.id}, of yearly indicators, agreed in decision {run.options['decision']}; "
            "below are the numbers as they were loaded, for the districts only"
        )
        return found | tracing_places.trace(session, INDICATORS, keys)
    if run.kind == "release":
        of = bank.run_of(session, int(run.options["of"]), "compare")
        found["release"] = (
            f"{run.id}, of comparison {of.id}, agreed in decision {run.options['decision']}; "
            "below are the numbers as they were before disclosure control, for the districts only"
        )
        run = of
    found["run"] = _named(run)
    told: dict[str, Any] = {}
    items: set[str] | None = None
    if run.kind == "compare" and not (keys and keys[0] in tracing_runs.LIVE):
        told, items = _comparison(session, run, keys)
    elif keys:
        told, items = tracing_runs.trace(session, run, keys)
    return found | told | rests_on(session, run, items)


def _named(run: Any) -> str:
    by = f" by {run.person}" if run.person else ""
    return f"{run.id} ({run.kind}, {run.status}), made {run.created_at:%Y-%m-%d %H:%M} UTC{by}"


def _comparison(session: Any, run: Any, keys: Sequence[str]) -> tuple[dict[str, Any], set[str] | None]:
    analysis = current_analysis(session, run, allow_stale=True)
    if not keys:
        districts = list(analysis.groups)
        tables = [n for n in (*cells.TABLES, *cells.COUNTED) if len(cells.table_of(analysis, n)[0])]
        whole = {"title": analysis.title, "concepts": list(analysis.concepts.index), "districts": districts}
        return whole | {"tables": [f"{run.id}:{n}" for n in tables], "students": students(analysis)}, None
    codes = bank.district_names(session)
    others = cells.other_names(analysis, codes)
    table, *rest = keys if cells.named(keys[0]) else _in_short(analysis, keys, others)
    name = cells.named(table)
    frame, columns = cells.table_of(analysis, name)
    if not len(frame):
        raise Rejected("no-cell", f"Run {run.id} has no table {name}.", f"itembank why {run.id}")
    rows = cells.rows_at(frame, columns, rest, others)
    items = items_of(analysis, rows)
    facts: dict[str, Any] = {"table": ":".join([name, *columns]), "rows": plain_rows(rows)}
    facts |= _item_besides(analysis, name, rows)
    facts |= _bars(analysis, rows, run)
    return facts | {"students": students(analysis)}, items


def _in_short(analysis: Analysis, keys: Sequence[str], others: dict[str, set[str]]) -> list[str]:
    """RUN:CONCEPT, RUN:CONCEPT:DISTRICT, RUN:ITEM and RUN:ITEM:DISTRICT as addresses in full.

    Raises:
        Rejected: it is neither a concept nor an item nor a table.
    """
    first, *rest = keys
    wanted = cells.slug(first)
    concepts = {cells.slug(c): str(c) for c in (TOTAL, *analysis.concepts.index)}
    concept = concepts.get(wanted) or next((c for s, c in concepts.items() if wanted in others.get(s, ())), "")
    if concept == TOTAL:
        return ["averages" if rest else "average-differences", concept, *rest]
    if concept:
        return ["mastery" if rest else "differences", concept, *rest]
    if wanted in {cells.slug(i) for i in analysis.items.index}:
        known = {cells.slug(g) for g in analysis.groups}
        if rest and not any(cells.slug(rest[0]) in {g, *others.get(g, ())} for g in known):
            known_ = ", ".join(analysis.groups)
            raise Rejected("no-cell", "There is no such district in it.", f"Districts: {known_}")
        return ["items", first]
    hint = f"Concepts: {', '.join(analysis.concepts.index)}. Tables: {', '.join(cells.TABLES)}"
    raise Rejected("no-cell", "There is no such concept, item or table in it.", hint)


def _item_besides(analysis: Analysis, name: str, rows: pd.DataFrame) -> dict[str, Any]:
    """An item's row of differences at equal ability beside its statistics."""
    if name != "items" or len(rows) != 1 or rows["item"].iloc[0] not in analysis.dif.index:
        return {}
    judged = analysis.dif.loc[rows["item"].iloc[0]]
    return {"at equal ability": f"{judged['effect']:+.3f} of the points, class {judged['ets_class']}"}


def _bars(analysis: Analysis, rows: pd.DataFrame, run: Any) -> dict[str, Any]:
    if "concept" not in rows or not len(analysis.concepts):
        return {}
    used = run.details.get("cuts") or {}
    out = []
    for concept in dict.fromkeys(str(c) for c in rows["concept"]):
        if concept in analysis.concepts.index:
            row = analysis.concepts.loc[concept]
            of = f", run {used[concept]}" if used.get(concept) else ""
            out.append(f"{concept}: {row['cut']:.3f} ({row['cut_kind']}{of})")
    return {"bar for mastery": out[:MOST]} if out else {}
