"""Rows of a file that cannot be loaded, set aside with the reason, so that the others need not wait for them."""

import csv
import io
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from itembank.findings import Finding, errors
from itembank.sheets import REASON, Layout, role_columns
from itembank.tabular import Table
from itembank.terminal import neutralised


def faulty(table: Table, layout: Layout, findings: list[Finding]) -> dict[int, str] | None:
    """Positions of the rows with errors and why; None where an error is not one of a row.

    In a long file all rows of the student go together: the rest of a sheet is not a sheet.
    """
    place = {int(row): i for i, row in enumerate(table.rows.tolist())}
    found: dict[int, str] = {}
    for fault in errors(findings):
        at = place.get(fault.line)
        if at is None:
            return None
        said = found.get(at, "")
        why = f"{fault.column}: {fault.message}" if fault.column else fault.message
        found[at] = said if why in said else f"{said} {why}".strip()
    roles = role_columns(table, layout)
    if found and {"item", "response"} <= set(roles) and layout.layout != "wide":
        of = [table.codes(roles[r])[0] for r in ("student", "district", "form") if r in roles]
        key = np.unique(np.stack(of), axis=1, return_inverse=True)[1].ravel()
        first = {int(key[at]): at for at in sorted(found, reverse=True)}
        for at in np.flatnonzero(np.isin(key, list(first))).tolist():
            found.setdefault(at, f"row {int(table.rows[first[int(key[at])]])} of the same sheet has a fault")
    return found


def without(table: Table, bad: dict[int, str]) -> Table:
    """The table without those rows."""
    keep: NDArray[np.bool_] = np.ones(len(table), dtype=bool)
    keep[list(bad)] = False
    return replace(table, data=table.data.filter(pa.array(keep)), rows=table.rows[keep])


def text(table: Table, bad: dict[int, str]) -> str:
    """Those rows as CSV in their own columns, the reason last, for mending and loading."""
    order = sorted(bad)
    names = [c for c in table.columns if c != REASON]
    cells = [table.data.column(c).take(pa.array(order, pa.int64())).to_pylist() for c in names]
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    writer.writerow([*names, REASON])
    for i, at in enumerate(order):
        writer.writerow([*(neutralised(column[i]) for column in cells), neutralised(bad[at])])
    return held.getvalue()
