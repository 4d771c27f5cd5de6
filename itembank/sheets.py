"""From a table of responses, wide or long, to one sheet: a row per sitting, a column per item, cells as codes."""

import difflib
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from itembank import suggest
from itembank.findings import Finding, Severity
from itembank.tabular import Table

LISTED = 20  # faults of one kind in one column that are listed one by one
ROLES = ("student", "district", "school", "form", "grade", "date")
USUAL = {
    "student": ("student", "student_id", "studentid", "id", "student id", "local_id", "ssid"),
    "district": ("district", "district_code"),
    "school": ("school", "school_code", "school_id"),
    "form": ("form", "form_code", "booklet"),
    "grade": ("grade", "grade_level"),
    "date": ("date", "tested_on", "test_date"),
    "item": ("item", "item_id", "question"),
    "response": ("response", "answer", "score", "value"),
    "attendance": ("attendance",),
}
_PRIVATE = {"name", "names", "firstname", "lastname", "email", "birthdate", "birth", "dob", "phone", "address", "notes"}
REASON = "rejected_because"  # column of a file of rows that were set aside; never read


@dataclass(frozen=True)
class Layout:
    """How the columns of a file are to be read.

    Attributes:
        columns: role (student, district, school, form, grade, date, item, response, attendance) -> column, where not
            usual.
        fixed: role (district, form, school, grade, date) -> value for the whole file.
        attributes: columns that describe students as of the test date.
        items: column -> item code, where they differ.
        prefix: text before the item code in the columns' names.
        ignore: columns to leave out.
        layout: wide, long, or auto.
        cells: answers (as given), scores, or auto (scores for rubric items only).
        codes: cell -> omitted | not reached | invalid | not administered.
        empty: what an empty cell of an item on the form is: "by position" (omitted up to one after the last answer
            of a section, then not reached), "omitted", "not administered".
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    items: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    ignore: tuple[str, ...] = ()
    layout: Literal["auto", "wide", "long"] = "auto"
    cells: Literal["auto", "answers", "scores"] = "auto"
    codes: Mapping[str, str] = field(default_factory=lambda: {"O": "omitted", "R": "not reached", "M": "invalid"})
    empty: Literal["by position", "omitted", "not administered"] = "by position"

    def as_dict(self) -> dict[str, Any]:
        return {
            "columns": dict(self.columns),
            "fixed": dict(self.fixed),
            "attributes": list(self.attributes),
            "items": dict(self.items),
            "prefix": self.prefix,
            "ignore": list(self.ignore),
            "layout": self.layout,
            "cells": self.cells,
            "codes": dict(self.codes),
            "empty": self.empty,
        }


@dataclass(frozen=True)
class Facts:
    """One column of facts about sittings: (N,) codes into its distinct values; -1 where there is none."""

    column: str
    codes: NDArray[np.int32]
    values: list[str]


@dataclass(frozen=True)
class Sheet:
    """One row per sitting.

    Attributes:
        source: the file's name.
        layout: wide or long.
        rows: (N,) row of the file where the sitting stands (or begins).
        facts: role or attribute -> Facts.
        items: (J,) item codes.
        columns: (J,) the column an item's cells come from, for findings.
        cells: (N, J) int32 codes into `values[j]`; -1 where the file has no cell.
        values: J lists of distinct cells.
        cell_rows: (N, J) int64 row of each cell in a long file; None in a wide one.
    """

    source: str
    layout: str
    rows: NDArray[np.int64]
    facts: dict[str, Facts]
    items: tuple[str, ...]
    columns: tuple[str, ...]
    cells: NDArray[np.int32]
    values: list[list[str]]
    cell_rows: NDArray[np.int64] | None = None

    def row_of(self, sitting: int, item: int) -> int:
        return int(self.rows[sitting] if self.cell_rows is None else self.cell_rows[sitting, item])


def read_sheet(table: Table, mapping: Layout, known: Iterable[str], found: list[Finding]) -> Sheet | None:
    """Read a table as responses.

    Args:
        table: the file.
        mapping: how to read it.
        known: item codes of the administration's forms.
        found: findings are appended.

    Returns:
        The sheet, or None where the columns do not allow one.
    """
    roles = _roles(table, mapping, found)
    if roles is None:
        return None
    if "item" in roles and "response" in roles and mapping.layout != "wide":
        return _long(table, mapping, roles, set(known), found)
    return _wide(table, mapping, roles, set(known), found)


def role_columns(table: Table, mapping: Layout) -> dict[str, str]:
    """Role -> column, without a word on what is missing."""
    return _roles(table, mapping, []) or {}


def _roles(table: Table, mapping: Layout, found: list[Finding]) -> dict[str, str] | None:
    """Which column plays which role."""
    roles: dict[str, str] = {}
    lower = {c.lower(): c for c in reversed(table.columns)}
    good = True
    for role, usual in USUAL.items():
        named = mapping.columns.get(role)
        if named:
            if named in table.columns:
                roles[role] = named
            else:
                good = False
                found.append(_no_column(table, named, role))
        elif role not in mapping.fixed:
            here = next((lower[u] for u in usual if u in lower), None)
            if here and here not in mapping.ignore and here not in mapping.attributes:
                roles[role] = here
    if mapping.layout == "wide" or not {"item", "response"} <= set(roles):
        if mapping.layout == "long":
            for role in ("item", "response"):
                if role not in roles:
                    good = False
                    found.append(_no_column(table, role, role))
        roles = {r: c for r, c in roles.items() if r not in ("item", "response") or r in mapping.columns}
    for column in mapping.attributes:
        if column not in table.columns:
            good = False
            found.append(_no_column(table, column, "attribute"))
    if "student" not in roles and "student" not in mapping.columns:
        good = False
        found.append(_no_column(table, "student", "student"))
    return roles if good else None


def _no_column(table: Table, name: str, role: str) -> Finding:
    near = suggest.nearest(name, table.columns, 1) or [c for c in table.columns if role_of(c) == role][:1]
    flag = "--attribute " if role == "attribute" else f"--column {role}="
    shown = f"columns: {suggest.shown(table.columns)}"
    hint = f"Did you mean {flag}{shlex.quote(near[0])}? {shown}" if near else f"{flag}NAME; {shown}"
    return Finding(table.source, 1, "missing-column", "error", f"There is no column {name!r}.", hint, name)


def role_of(column: str) -> str:
    """The role that a column's name speaks for without being one of the usual names (`School Name`); else empty."""
    words = re.sub(r"[\W_]+", " ", column.casefold()).split()
    meant = {"pupil": "student", "learner": "student", "dist": "district", "lea": "district", "booklet": "form"}
    found = [r for w in words if (r := meant.get(w, w)) in ROLES]
    rest = {w for w in words if meant.get(w, w) not in ROLES}
    return found[0] if len(found) == 1 and rest <= {"name", "id", "number", "code", "no", "level", "tested"} else ""


def _wide(table: Table, mapping: Layout, roles: dict[str, str], known: set[str], found: list[Finding]) -> Sheet | None:
    taken = set(roles.values()) | set(mapping.attributes) | set(mapping.ignore)
    items: list[str] = []
    columns: list[str] = []
    strange: dict[str, str] = {}
    for column in table.columns:
        if column in taken or column == REASON:
            continue
        code = mapping.items.get(column, column.removeprefix(mapping.prefix) if mapping.prefix else column)
        if code not in known:
            strange[column] = code
        elif code in items:
            message = f"Two columns hold {code}."
            found.append(Finding(table.source, 1, "duplicate-item", "error", message, "--ignore one.", column))
        else:
            items.append(code)
            columns.append(column)
    _strange_columns(table, strange, known - set(items), set(roles), found)
    if not items:
        message = "No column is an item of this administration's forms."
        found.append(Finding(table.source, 1, "no-items", "error", message, "Look at --map and --prefix."))
        return None
    cells = np.empty((len(table), len(items)), dtype=np.int32, order="F")
    values: list[list[str]] = []
    for j, column in enumerate(columns):
        cells[:, j], distinct = table.codes(column)
        values.append(distinct)
    facts = {r: Facts(c, *table.codes(c)) for r, c in roles.items()}
    facts |= {a: Facts(a, *table.codes(a)) for a in mapping.attributes if a not in facts}
    return Sheet(table.source, "wide", table.rows, facts, tuple(items), tuple(columns), cells, values)


def _strange_columns(
    table: Table, strange: Mapping[str, str], free: set[str], taken: set[str], found: list[Finding]
) -> None:
    """Columns that are no items: one sentence with the flags to type, but for those that may be an item misspelt."""
    flags: list[str] = []
    others: list[str] = []
    for column, code in strange.items():
        same = [k for k in sorted(free) if suggest.plain(k) == suggest.plain(code)]
        near = same or difflib.get_close_matches(code, sorted(free), 1, 0.8)
        if near:
            message = "The column is no item of this administration's forms."
            hint = (
                f"Did you mean {near[0]}? --map {shlex.quote(f'{column}={near[0]}')}, or --ignore {shlex.quote(column)}"
            )
            found.append(Finding(table.source, 1, "unknown-item", "error", message, hint, column))
            continue
        others.append(column)
        role = role_of(column)
        if role and role not in taken:
            taken = taken | {role}
            flags.append(f"--column {role}={shlex.quote(column)}")
        else:
            words = set(re.split(r"[\W_]+", column.casefold()))
            flags.append(f"{'--ignore' if words & _PRIVATE else '--attribute'} {shlex.quote(column)}")
    if not others:
        return
    message = "The column is no item of this administration's forms."
    if len(others) > 1:
        message = f"{len(others)} columns are no items of this administration's forms: {suggest.shown(others, 12)}."
    hint = f"{' '.join(flags)}  (or --ignore COLUMN, --map COLUMN=ITEM)"
    column = others[0] if len(others) == 1 else ""
    found.append(Finding(table.source, 1, "unknown-item", "error", message, hint, column))


def _long(table: Table, mapping: Layout, roles: dict[str, str], known: set[str], found: list[Finding]) -> Sheet | None:
    """One row per answer: scatter it, and say where a student's facts disagree between rows."""
    facts = {r: Facts(c, *table.codes(c)) for r, c in roles.items() if r not in ("item", "response")}
    facts |= {a: Facts(a, *table.codes(a)) for a in mapping.attributes if a not in facts}
    item_of, codes = table.codes(roles["item"])
    named = [mapping.items.get(c, c.removeprefix(mapping.prefix) if mapping.prefix else c) for c in codes]
    unknown = np.array([c not in known for c in named], dtype=bool)
    for position in np.flatnonzero(unknown).tolist():
        places = table.rows[np.flatnonzero(item_of == position)]
        near = difflib.get_close_matches(named[position], known, 1, 0.8)
        message = f"There is no item {named[position]!r} on this administration's forms."
        hint = f"Did you mean {near[0]}?" if near else "--map NAME=ITEM"
        for row in places[: limit(found) if isinstance(found, Every) else 1].tolist():
            found.append(Finding(table.source, row, "unknown-item", "error", message, hint, roles["item"]))
    taken = set(roles.values()) | set(mapping.attributes) | set(mapping.ignore)
    for column in table.columns:
        if column not in taken and column != REASON:
            message = "The column is not used."
            hint = "--ignore or --attribute"
            found.append(Finding(table.source, 1, "unused-column", "notice", message, hint, column))
    identity = [facts[r].codes.astype(np.int64) for r in ("student", "district", "form") if r in facts]
    sizes = [len(facts[r].values) + 1 for r in ("student", "district", "form") if r in facts]
    combined = np.zeros(len(table), dtype=np.int64)
    for part, size in zip(identity, sizes, strict=True):
        combined = combined * size + part
    _, first_row, person = np.unique(combined, return_index=True, return_inverse=True)
    order = np.argsort(first_row)  # sittings in the order in which the file begins them
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    person, first_row, n = rank[person], first_row[order], len(order)
    _disagreements(table, facts, person, first_row, found)
    items = list(dict.fromkeys(c for c, bad in zip(named, unknown, strict=True) if not bad))
    if not items:
        return None
    place = {c: j for j, c in enumerate(items)}
    column_of = np.array([place.get(c, -1) for c in named], dtype=np.int64)[item_of]
    answer, distinct = table.codes(roles["response"])
    cells = np.full((n, len(items)), -1, dtype=np.int32, order="F")
    cell_rows = np.zeros((n, len(items)), dtype=np.int64, order="F")
    use = np.flatnonzero(column_of >= 0)
    key = person[use].astype(np.int64) * len(items) + column_of[use]
    _, earliest = np.unique(key, return_index=True)
    twice = np.setdiff1d(np.arange(len(use)), earliest)
    listing = [int(table.rows[use[t]]) for t in twice[: limit(found)]]
    for at in listing:
        message = "This student has answered this item in an earlier row."
        found.append(Finding(table.source, at, "duplicate-answer", "error", message, "Remove one row."))
    more(found, table.source, "duplicate-answer", len(twice) - len(listing), roles["item"])
    cells[person[use], column_of[use]] = answer[use]
    cell_rows[person[use], column_of[use]] = table.rows[use]
    facts = {r: Facts(f.column, f.codes[first_row], f.values) for r, f in facts.items()}
    columns = (roles["response"],) * len(items)
    rows = table.rows[first_row]
    return Sheet(table.source, "long", rows, facts, tuple(items), columns, cells, [distinct] * len(items), cell_rows)


def _disagreements(
    table: Table, facts: dict[str, Facts], person: NDArray[Any], first: NDArray[np.int64], found: list[Finding]
) -> None:
    for fact in facts.values():
        differs = np.flatnonzero(fact.codes != fact.codes[first][person])
        for position in differs[: limit(found)].tolist():
            message = (
                f"The student's {fact.column} differs from the one in row {int(table.rows[first[person[position]]])}."
            )
            row = int(table.rows[position])
            hint = "Make the rows agree."
            found.append(Finding(table.source, row, "facts-differ", "error", message, hint, fact.column))
        more(found, table.source, "facts-differ", len(differs) - limit(found), fact.column)


class Every(list[Finding]):
    """Findings of which every one is listed, however many: for setting their rows aside."""


def limit(found: list[Finding]) -> int:
    """How many faults of a kind are listed one by one."""
    return 1 << 60 if isinstance(found, Every) else LISTED


def more(found: list[Finding], source: str, code: str, count: int, column: str, severity: Severity = "error") -> None:
    """One line for the faults of a kind that were not listed."""
    if count > 0:
        message = f"{count} more rows have the same fault."
        found.append(Finding(source, 0, code, severity, message, "Mend the ones above first.", column))
