"""Addresses of a report's numbers, RUN:TABLE:KEY..., as pages carry them and `itembank why` takes them.

A key is what stands in the row, in small letters with hyphens, so that it can be typed without quotes. Tables have
plain names, because addresses stand on pages for leaders too; the analyst's names of tables are understood as well.
"""

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from itembank.errors import Rejected
from scoring.analysis.result import TOTAL, Analysis

#: Table in an address -> attribute of the analysis, columns that are its keys.
TABLES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "evidence": ("concepts", ("concept",)),
    "mastery": ("mastery", ("concept", "group")),
    "differences": ("contrasts", ("concept", "group", "other")),
    "average-differences": ("mean_contrasts", ("concept", "group", "other")),
    "averages": ("means", ("concept", "group")),
    "items": ("items", ("item",)),
    "equal-ability": ("dif", ("item",)),
    "misconceptions": ("misconceptions", ("concept", "misconception", "group")),
    "options": ("options", ("item", "option", "group")),
    "spread": ("distribution", ("group", "low")),
    "taking-part": ("participation", ("group",)),
    "coverage": ("coverage", ("by", "group")),
    "checks": ("gate", ("check",)),
    "truth": ("truth", ("what",)),
    "groups": ("subgroups", ("by", "concept", "contrast", "measure", "adjusted")),
    "levels": ("levels", ("by", "group", "concept", "measure")),
    "schools": ("schools", ("school", "concept")),
}
#: Tables that a report counts together from those of the analysis.
COUNTED: Mapping[str, tuple[str, ...]] = {
    "content": ("concept",), "classes": ("class",), "estimation": ("fact",), "provenance": ("fact",),
}  # fmt: skip
_PLAIN = {"mean": "average", "": "none"}
_ANALYSTS = {attribute.replace("_", "-"): name for name, (attribute, _) in TABLES.items()}


def slug(value: object) -> str:
    """A value as it stands in an address: "District A / S 01" is district-a-s-01, the answer -1.5 is minus-1.5."""
    text = "" if value is None or value != value else str(value)
    text = _PLAIN.get(text, text).lower().replace("_", "-").replace("+", " plus ")
    text = re.sub(r"(?<![\w.)])[-−](?=[\d.])", " minus ", text)
    return re.sub(r"((?<!\d)/|[./](?!\d)|[^\w./])+", "-", text).strip("-") or "none"


def join(start: object, table: str, *keys: object) -> str:
    """An address from its parts."""
    return ":".join([str(start), table, *(slug(k) for k in keys)])


def start_of(analysis: Analysis) -> str:
    """What its addresses begin with: the release of a public edition, else the run; empty without a bank."""
    return str(analysis.provenance.get("release", analysis.provenance.get("run", "")))


def address(analysis: Analysis, table: str, *keys: object) -> str:
    """The address of a row, or with fewer keys of several rows together; empty without a bank."""
    start = start_of(analysis)
    return join(start, table, *keys) if start else ""


def addresses(analysis: Analysis, table: str, rows: pd.DataFrame) -> tuple[str, ...]:
    """The address of each of some rows of a table of the analysis; nothing without a bank."""
    if not start_of(analysis) or not len(rows):
        return ()
    flat = rows.reset_index() if rows.index.name else rows
    keys = TABLES[table][1] if table in TABLES else COUNTED[table]
    given = flat.reindex(columns=list(keys))
    return tuple(address(analysis, table, *row) for row in given.itertuples(index=False))


def named(table: str) -> str:
    """The table that a part of an address means; empty for none."""
    name = slug(table)
    return name if name in TABLES or name in COUNTED else _ANALYSTS.get(name, "")


def table_of(analysis: Analysis, table: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """A table of the analysis by its name in an address, flat, and its keys."""
    if table in TABLES:
        attribute, keys = TABLES[table]
        found: pd.DataFrame = getattr(analysis, attribute)
    else:
        keys, found = COUNTED[table], counted(analysis, table)
    return (found.reset_index() if found.index.name else found), keys


def counted(analysis: Analysis, table: str) -> pd.DataFrame:
    """A table of `COUNTED`, as the technical report shows it."""
    if table == "content":
        by = analysis.items.groupby("concept")
        return by.agg(items=("n", "size"), points=("points", "sum"), students=("n", "min"))
    if table == "classes":
        classes = analysis.dif["ets_class"] if len(analysis.dif) else pd.Series(dtype=str)
        return classes.value_counts().rename_axis("class").to_frame("items")
    facts = analysis.fit if table == "estimation" else analysis.provenance
    told = {k: f"{v:.6g}" if isinstance(v, float) else str(v) for k, v in facts.items()}
    return pd.DataFrame({"value": told}).rename_axis("fact")


def other_names(analysis: Analysis, codes: Mapping[str, str]) -> dict[str, set[str]]:
    """What a value may be called beside itself, as slugs: concepts and misconceptions by name, districts by code.

    Args:
        codes: district's code -> name.
    """
    out: dict[str, set[str]] = {slug(TOTAL): {"total"}}
    for frame, code in ((analysis.concepts, "concept"), (analysis.misconceptions, "misconception")):
        if len(frame) and "name" in frame:
            flat = frame.reset_index() if frame.index.name else frame
            for value, name in flat[[code, "name"]].drop_duplicates().itertuples(index=False):
                out.setdefault(slug(value), set()).add(slug(name))
    for code, name in codes.items():
        out.setdefault(slug(name), set()).add(slug(code))
    for school in analysis.schools["school"].unique() if len(analysis.schools) else ():
        out.setdefault(slug(school), set()).add(slug(str(school).rpartition(" / ")[2]))
    return out


def rows_at(
    table: pd.DataFrame, columns: Sequence[str], keys: Sequence[str], others: Mapping[str, set[str]] | None = None
) -> pd.DataFrame:
    """The rows of a table that keys name; fewer keys than columns name several.

    Args:
        table: flat. columns: of the keys. keys: as typed. others: of `other_names`.

    Raises:
        Rejected: no row has such a key, with those there are.
    """
    if len(keys) > len(columns):
        said = f"A row of it has {len(columns)} word{'s' if len(columns) > 1 else ''}, not {len(keys)}."
        raise Rejected("no-cell", said, ":".join(columns))
    found = table
    for column, key in zip(columns, keys, strict=False):
        wanted, values = slug(key), found[column].map(slug)
        here = values == wanted
        if others and not here.any():
            here = values.map(lambda v, w=wanted: w in others.get(v, ()))
        if not here.any():
            known = sorted(dict.fromkeys(values))
            more = f" and {len(known) - 12} more" if len(known) > 12 else ""
            # what was typed is not said again: it may be a student's identifier
            what = f"There is no such {column.replace('_', ' ')} in it."
            raise Rejected("no-cell", what, f"{column}: {', '.join(known[:12])}{more}")
        found = found[here]
    return found
