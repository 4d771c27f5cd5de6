"""Addresses of numbers that rest on two comparisons, or on none: changes, links, indicators, targets, who sat."""

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from itembank.errors import Rejected
from itembank.verify_syntax import names, parse
from scoring import bank
from scoring.analysis import cells
from scoring.analysis.result import SMALLEST_CELL
from scoring.bank import trends
from scoring.runs.comparing import stored_analysis
from scoring.runs.comparing_linked import compare_linked
from scoring.runs.tracing_facts import MOST, items_of, plain_rows, rests_on, students
from scoring.runs.trending import changes, indicator_tables, occasions
from scoring.trends.cohorts import published_cohorts

TABLES = ("indicators", "targets", "cohorts", "sat", "decision")
PLACE = ("indicator", "district", "period", "subgroup", "school")
CHANGE, LINKED = ("kind", "concept", "group"), ("concept", "measure", "group", "versus")


def trace(session: Any, table: str, keys: Sequence[str]) -> dict[str, Any]:
    """A number that rests on no run.

    Raises:
        Rejected: there is no such row; with those there are.
    """
    if table == "sat":
        return _sat(session, keys)
    if table == "decision":
        return _decision(session, keys)
    if table == "cohorts":
        return _cohort(session, keys)
    found = indicator_tables(session)
    frame = found["values" if table == "indicators" else "targets"]
    if len(keys) > 2 and keys[2] == "every":
        keys = [*keys[:2], *keys[3:]]
        columns: Sequence[str] = ("indicator", "district", "subgroup", "school")
    else:
        columns = PLACE
    whole = {"subgroup": "all", "school": ""}
    given = len(keys)
    rows = cells.rows_at(frame, columns, keys, _districts(session))
    for column in columns[given:]:  # what is not said is the whole district, where it is there
        if column in whole and (rows[column] == whole[column]).any():
            rows = rows[rows[column] == whole[column]]
    facts: dict[str, Any] = {"table": ":".join([table, *PLACE]), "rows": plain_rows(rows)}
    facts |= _definitions(found["definitions"], rows["indicator"])
    return facts | _sources(session, found, rows)


def _districts(session: Any) -> dict[str, set[str]]:
    """Codes of districts -> what they may be called beside."""
    return {cells.slug(code): {cells.slug(name)} for name, code in trends.district_codes(session).items()}


def _definitions(definitions: pd.DataFrame, codes: "pd.Series[Any]") -> dict[str, Any]:
    out = []
    for code in dict.fromkeys(codes):
        d = definitions.loc[code]
        told = (d["title"], f"in {d['unit']}", d["definition"], f"source: {d['source']}" if d["source"] else "")
        out.append(f"{code}: " + "; ".join(str(t) for t in told if t))
    return {"definition": out}


def _sources(session: Any, found: dict[str, pd.DataFrame], rows: pd.DataFrame) -> dict[str, Any]:
    """Files of the values behind some rows: of the rows themselves, or of a formula's parts."""
    files, definitions, values = trends.value_files(session), found["definitions"], found["values"]
    where = ["indicator", "district", "school", "subgroup", "period"]
    wanted = rows.assign(period=rows["latest"]) if "latest" in rows else rows
    told, formulas, parts = [], [], []
    for r in wanted[where].drop_duplicates().itertuples(index=False):
        formula = str(definitions.at[r.indicator, "formula"] or "")
        codes = sorted(names(parse(formula))) if formula else [r.indicator]
        if formula:
            formulas.append(f"{r.indicator} = {formula}")
            parts += [":".join(["itembank why indicators", c, cells.slug(r.district), str(r.period)]) for c in codes]
        here = files[files["indicator"].isin(codes)]
        for name in ("district", "school", "subgroup", "period"):
            here = here[here[name] == getattr(r, name)]
        told += [
            f"{f.indicator}, {f.period}: {f.file or 'file'}, sha256 {f.sha256[:16]}, loaded {f.loaded[:16]}"
            + (f" by {f.person}" if f.person else "")
            for f in here.itertuples()
        ]
    out: dict[str, Any] = (
        {"formula": list(dict.fromkeys(formulas)), "parts": list(dict.fromkeys(parts))} if parts else {}
    )
    said = values.merge(wanted[where].drop_duplicates(), on=where)["source"]
    sources = [s for s in dict.fromkeys(said) if s]
    return out | ({"source": sources} if sources else {}) | {"files": list(dict.fromkeys(told))}


def _cohort(session: Any, keys: Sequence[str]) -> dict[str, Any]:
    """A cohort in published rates: its two values."""
    found = indicator_tables(session)
    values = found["values"]
    names_ = {code: name for name, code in trends.district_codes(session).items()}
    table = published_cohorts(values.assign(district=values["district"].map(names_))) if len(values) else pd.DataFrame()
    if not len(table):
        raise Rejected("no-cell", "There are no cohorts in published rates.", "itembank indicators show")
    rows = cells.rows_at(table, ("concept", "group", "first", "second"), keys)
    parts = []
    for r in rows.itertuples():
        district = next((c for c, n in names_.items() if str(r.group).startswith(n)), "")
        for end in (r.first, r.second):
            grade, _, period = str(end).removeprefix("grade ").partition(", ")
            parts.append(f"itembank why indicators:grade{grade}_{r.concept}:{cells.slug(district)}:{period}")
    facts = {"table": "cohorts:subject:place:first:second", "rows": plain_rows(rows)}
    return facts | {"parts": list(dict.fromkeys(parts))[:MOST]}


def _sat(session: Any, keys: Sequence[str]) -> dict[str, Any]:
    """How many students of a school sat each compared administration."""
    held = trends.compared_administrations(session)
    table = trends.sitting_counts(session, [adm.id for adm, _ in held])
    small = table["students"] < SMALLEST_CELL
    table["students"] = table["students"].astype(object).where(~small, f"under {SMALLEST_CELL}")
    by_name = not len(keys) > 1 or cells.slug(keys[1]) in set(table["school"].map(cells.slug))
    columns = ("district", "school" if by_name else "code", "administration")
    rows = cells.rows_at(table, columns, keys, _districts(session))
    runs = [f"{adm.code}: itembank why {run.id}" for adm, run in held if adm.code in set(rows["administration"])]
    return {"table": "sat:district:school:administration", "rows": plain_rows(rows), "files": runs}


def _decision(session: Any, keys: Sequence[str]) -> dict[str, Any]:
    """An open joint decision."""
    table = pd.DataFrame([{k: str(v) for k, v in d.items()} for d in trends.open_decisions(session)])
    if not len(table):
        raise Rejected("no-cell", "No joint decision is open.", "itembank decisions list --status all")
    rows = cells.rows_at(table, ("decision",), keys)
    shown = [f"itembank decisions show {n}" for n in rows["decision"]]
    return {"table": "decision:number", "rows": plain_rows(rows), "show": shown}


def trace_pair(session: Any, first: int, second: int, keys: Sequence[str]) -> dict[str, Any]:
    """A number that rests on two comparisons: a change over time, or districts compared through a link.

    Raises:
        Rejected: there is no such number, or the packet shows newer comparisons. Conflict: a linked end is stale.
    """
    runs = [bank.run_of(session, n, "compare") for n in (first, second)]
    kind, *rest = keys or [""]
    link = 0
    columns: tuple[str, ...] = CHANGE
    if kind == "changes":
        rows = _change(session, first, second, rest)
        if carried := re.search(r"carried by link (\d+)", " ".join(rows["bar"].astype(str))):
            link = int(carried[1])
    elif kind == "linked":
        table, link = compare_linked(session, str(first), str(second))
        rows, columns = cells.rows_at(table, LINKED, rest), LINKED
    else:
        hint = f"itembank why {first}-{second}:changes:cohort:CONCEPT:DISTRICT or {first}-{second}:linked:CONCEPT"
        raise Rejected("no-cell", "Two comparisons have changes or are linked.", hint)
    found: dict[str, Any] = {"table": ":".join([kind, *columns]), "rows": plain_rows(rows)}
    concepts = list(dict.fromkeys(str(c) for c in rows["concept"]))
    if link:
        found["link"] = [f"{link}: itembank why {link}:constants:{cells.slug(c)}" for c in concepts[:MOST]]
    else:
        found["link"] = "none is stored; each time has the bar of its own calibration"
    for run in runs:
        analysis = stored_analysis(session, run)
        about = rests_on(session, run, items_of(analysis, rows))
        told = [f"students: {s}" for s in students(analysis)]
        for name in ("still stands", "parameter set", "items", "keys", "files", "responses as read"):
            value = about[name]
            told += [f"{name}: {v}" for v in (value if isinstance(value, list) else [value])]
        found[f"comparison {run.id}"] = told
        found["software"] = about["software"]
    return found


def _change(session: Any, first: int, second: int, keys: Sequence[str]) -> pd.DataFrame:
    held = occasions(session)
    codes = {o.run.id: o.code for o in held}
    gone = [n for n in (first, second) if n not in codes]
    if gone:
        newest = ", ".join(f"{o.code}: {o.run.id}" for o in held)
        what = f"Comparison {gone[0]} has been overtaken: changes are those of the newest comparisons."
        raise Rejected("no-cell", what, f"Newest comparisons: {newest}")
    table = changes(session, held)
    table = table[(table["first"] == codes[first]) & (table["second"] == codes[second])]
    if not len(table):
        what = f"Nothing is said of a change from {codes[first]} to {codes[second]}."
        raise Rejected("no-cell", what, "itembank report packet")
    others = {cells.slug(name): {cells.slug(code)} for name, code in trends.district_codes(session).items()}
    return cells.rows_at(table, CHANGE, keys, others)
