"""Absent and exempt students: rows of a file that say why there is no sheet.

A column `attendance` with the words absent, exempt, present or nothing splits a file: rows of absent and exempt
students hold no answers and become no sittings, the others are read as ever. What is recorded last holds; a sheet that
comes in later weighs more than either word.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlmodel import Session

from itembank.database import bulk_insert
from itembank.findings import Finding
from itembank.models import Administration, Attendance, columns
from itembank.sheets import USUAL, Facts, Layout, Sheet, limit, more, role_columns
from itembank.tabular import Table

ROLE = "attendance"
AWAY = ("absent", "exempt")


def column_of(table: Table, layout: Layout) -> str:
    """The column that tells absences; "" where there is none."""
    named = layout.columns.get(ROLE, "")
    if named:
        return named if named in table.columns else ""
    lower = {c.lower(): c for c in reversed(table.columns)}
    found = next((lower[u] for u in USUAL[ROLE] if u in lower), "")
    return "" if found in layout.ignore or found in layout.attributes else found


def parted(table: Table, layout: Layout, found: list[Finding]) -> tuple[Table, Sheet | None, NDArray[np.str_]]:
    """The rows with sheets, and the others as a sheet without items with the word of each.

    Faults: a word that is none of the four, answers of a student who was away.
    """
    nothing = np.zeros(0, dtype=np.str_)
    column = column_of(table, layout)
    if not column:
        return table, None, nothing
    codes, values = table.codes(column)
    words = np.array([v.lower() for v in values] or [""])[codes]
    bad = np.flatnonzero(~np.isin(words, (*AWAY, "present", "")))
    for i in bad[: limit(found)].tolist():
        message = "The cell is none of absent, exempt, present or empty."
        found.append(Finding(table.source, int(table.rows[i]), "attendance", "error", message, "", column))
    more(found, table.source, "attendance", len(bad) - limit(found), column)
    away = np.isin(words, AWAY)
    roles = role_columns(table, layout)
    if "student" not in roles:  # which reading the others will say
        return table, None, nothing
    taken = {column, *roles.values(), *layout.attributes, *layout.ignore}
    rest = _where(table, ~away)
    gone = _where(table, away)
    answered = np.zeros(len(gone), dtype=bool)
    for name in table.columns:
        if name not in taken:
            cells, distinct = gone.codes(name)
            answered |= np.array([bool(v) for v in distinct] or [False])[cells] if len(gone) else False
    twice = np.flatnonzero(answered)
    for i in twice[: limit(found)].tolist():
        message = "The student is marked as away and has answers."
        hint = "Empty the mark or the answers."
        found.append(Finding(table.source, int(gone.rows[i]), "away-with-answers", "error", message, hint, column))
    more(found, table.source, "away-with-answers", len(twice) - limit(found), column)
    facts = {r: Facts(c, *gone.codes(c)) for r, c in roles.items() if r in ("student", "district")}
    empty = np.zeros((len(gone), 0), dtype=np.int32)
    return rest, Sheet(table.source, "wide", gone.rows, facts, (), (), empty, []), words[away]


def _where(table: Table, keep: NDArray[np.bool_]) -> Table:
    return replace(table, data=table.data.filter(pa.array(keep)), rows=table.rows[keep])


def store(
    session: Session,
    administration: Administration,
    students: NDArray[np.int64],
    districts: NDArray[np.int64],
    words: NDArray[np.str_],
    import_id: int,
) -> None:
    """Record who was away; what an earlier file said of the same students is replaced."""
    row = columns(Attendance)
    ids = students.tolist()
    for first in range(0, len(ids), 10_000):
        session.execute(
            sa.delete(Attendance).where(
                row.administration_id == administration.id, row.student_id.in_(ids[first : first + 10_000])
            )
        )
    names = ("administration_id", "district_id", "student_id", "import_id", "state")
    at = administration.id or 0
    rows = zip([at] * len(ids), districts.tolist(), ids, [import_id] * len(ids), words.tolist(), strict=True)
    bulk_insert(session, Attendance, names, rows)
