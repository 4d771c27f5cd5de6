"""Files of responses from wherever they come: a table, an LMS' results as XML, Canvas' Student Analysis; and profiles.

Whatever the file was, what follows is one `Table` and one `Layout`, checked and loaded the same way.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from sqlmodel import Session

from itembank import administrations, forms, keys
from itembank.errors import Rejected
from itembank.exchange import canvas_answers, results
from itembank.models import Administration
from itembank.sheets import Layout
from itembank.tabular import Table, read_table

READERS = ("auto", "table", "canvas", "qti")
_LARGEST_PROFILE = 1_000_000


def kinds(session: Session, administration: Administration) -> dict[str, str]:
    """Item -> type of its key, of all forms of an administration."""
    lines = [n for f in administrations.forms(session, administration) for n in forms.lines(session, f)]
    rules = keys.first(session, [n.version_id for n in lines])
    return {n.item: str(rules[n.version_id].rule["type"]) for n in lines if n.version_id in rules}


def read(path: str | Path, layout: Layout, known: Mapping[str, str], reader: str = "auto") -> Table:
    """A file of responses as a table.

    Args:
        path: the file; `-` is standard input.
        layout: columns that it fixes for the whole file are not taken from results.
        known: item -> type.
        reader: table, canvas, qti, or auto (by what stands in the file).

    Raises:
        Rejected: with every finding.
    """
    source = "standard input" if str(path) == "-" else Path(path).name
    head = b""
    if str(path) != "-" and Path(path).is_file():
        with Path(path).open("rb") as file:
            head = file.read(65_536)
    if reader == "table" or (not head and reader == "auto"):
        return read_table(path)
    if reader == "auto":
        reader = "qti" if results.is_results(head) else "canvas" if _canvas(head) else "table"
    if reader == "table":
        return read_table(path)
    raw = sys.stdin.buffer.read() if str(path) == "-" else _bytes(path)
    if reader == "qti":
        return _without(results.read(raw, source, known), layout)
    items = {k: v for k, v in layout.items.items() if k}
    return _without(canvas_answers.read(raw, source, known, items, layout.columns.get("student", "")), layout)


def _canvas(head: bytes) -> bool:
    """Whether the head of the file is a Student Analysis', in whatever encoding."""
    for encoding in ("utf-16", "utf-8") if head[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8",):
        text = head.decode(encoding, "replace")
        if canvas_answers.is_canvas(text):
            return True
    return False


def _bytes(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Rejected("unreadable", f"{path} cannot be read: {error.strerror}.", "Check the path.") from None


def _without(table: Table, layout: Layout) -> Table:
    """Without the columns that the layout fixes, or leaves out."""
    drop = [c for c in table.columns if c in layout.fixed or c in layout.ignore]
    if not drop:
        return table
    columns = tuple(c for c in table.columns if c not in drop)
    return replace(table, columns=columns, data=table.data.select(list(columns)))


def plan(layout: Layout, table: Table) -> Layout:
    """The layout for a table that a reader has made: its columns have our names already."""
    if "student" not in table.columns:
        return layout
    roles = {r: c for r, c in layout.columns.items() if c in table.columns or r not in table.columns}
    return replace(layout, columns=roles)


def write_profile(path: Path, layout: Layout, reader: str) -> None:
    """A mapping as a file that `read_profile` reads; it holds names of columns, never a student."""
    path.write_text(json.dumps({"reader": reader, **layout.as_dict()}, indent=1, ensure_ascii=False) + "\n", "utf-8")


def read_profile(path: Path) -> tuple[Layout, str]:
    """(layout, reader) of a saved mapping.

    Raises:
        Rejected: it cannot be read, or has a key or value that no mapping has.
    """
    try:
        if path.stat().st_size > _LARGEST_PROFILE:
            raise ValueError
        held = json.loads(path.read_text("utf-8-sig"))
        reader = held.pop("reader", "auto")
        layout = _layout(held)
    except OSError as error:
        raise Rejected("no-profile", f"{path} cannot be read: {error.strerror}.", "Check the path.") from None
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        sentence = f"{path.name} is no profile of a mapping."
        raise Rejected("bad-profile", sentence, "Save one: responses check ... --save-profile FILE") from None
    if reader not in READERS:
        raise Rejected("bad-profile", f"{path.name} names no reader.", "reader: " + ", ".join(READERS))
    return layout, reader


def merged(base: Layout, given: Layout) -> Layout:
    """A profile with what the flags say otherwise."""
    usual = Layout()
    changed = {
        f.name: getattr(given, f.name) for f in fields(Layout) if getattr(given, f.name) != getattr(usual, f.name)
    }
    for name, value in changed.items():
        if name in ("columns", "fixed", "items"):
            changed[name] = {**getattr(base, name), **value}
    return replace(base, **changed)


_ALLOWED = {
    "layout": ("auto", "wide", "long"),
    "cells": ("auto", "answers", "scores"),
    "empty": ("by position", "omitted", "not administered"),
}


def _layout(held: dict[str, Any]) -> Layout:
    given: dict[str, Any] = {}
    for part in fields(Layout):
        value = held.pop(part.name, None)
        if value is None:
            continue
        if part.name in _ALLOWED:
            if value not in _ALLOWED[part.name]:
                raise ValueError
        elif part.name in ("attributes", "ignore"):
            if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
                raise ValueError
            value = tuple(value)
        elif part.name == "prefix":
            if not isinstance(value, str):
                raise ValueError
        elif not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise ValueError
        given[part.name] = value
    if held:
        raise ValueError
    return Layout(**given)


__all__ = ["READERS", "kinds", "merged", "plan", "read", "read_profile", "write_profile"]
