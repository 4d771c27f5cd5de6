"""The building blocks of a page: tables, charts, paragraphs, and the one-file HTML they become."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class Cell:
    """What a cell shows, and the number it sorts by."""

    text: str
    value: float | None = None


@dataclass(frozen=True)
class Column:
    name: str
    numeric: bool = False


def columns(*names: str) -> tuple[Column, ...]:
    """Columns by name; a leading # marks a column of numbers."""
    return tuple(Column(name.removeprefix("#"), name.startswith("#")) for name in names)


@dataclass(frozen=True)
class Table:
    """A table for a page.

    Attributes:
        caption: says what it holds.
        columns, rows: each row as many cells as columns; the first cell is the row's head.
        sortable: whether a click on a head sorts.
        filter: column by whose values the rows can be filtered, or None.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    sortable: bool = False
    filter: int | None = None


def without_empty(table: Table) -> Table:
    """The table without columns in which no row says anything (the first column stays)."""
    keep = [i for i in range(len(table.columns)) if i == 0 or any(row[i].text not in ("", "0") for row in table.rows)]
    place = None if table.filter is None or table.filter not in keep else keep.index(table.filter)
    rows = tuple(tuple(row[i] for i in keep) for row in table.rows)
    return Table(table.caption, tuple(table.columns[i] for i in keep), rows, table.sortable, place)


@dataclass(frozen=True)
class Section:
    """A section of a page: parts are mappings with a kind (text, list, chart, table)."""

    id: str
    title: str
    parts: tuple[Mapping[str, Any], ...] = field(default_factory=tuple)


def text(words: str) -> dict[str, Any]:
    return {"kind": "text", "text": words}


def bullets(lines: Sequence[str]) -> dict[str, Any]:
    return {"kind": "list", "lines": list(lines)}


def chart(html: str, caption: str) -> dict[str, Any]:
    return {"kind": "chart", "html": html, "caption": caption}


def table(content: Table, fold: bool = False) -> dict[str, Any]:
    return {"kind": "table", "table": without_empty(content), "fold": fold}


def number(value: float, digits: int = 2, signed: bool = False) -> Cell:
    """A number as a cell; empty when missing."""
    if value is None or value != value:
        return Cell("")
    return Cell(f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}", float(value))


def percent(value: float) -> Cell:
    """A share in whole percents, as every model-based rate is shown."""
    if value is None or value != value:
        return Cell("")
    return Cell("<1%" if 0 < value < 0.005 else ">99%" if 0.995 < value < 1 else f"{100 * value:.0f}%", float(value))


def signed(share: float, unit: str = "") -> str:
    """A difference of shares in whole hundredths with its sign; zero without one."""
    whole = round(100 * share)
    return f"{whole:+d}{unit}" if whole else f"0{unit}"


def chance(p_value: float) -> Cell:
    """A p value in words of a hundred, never as zero."""
    if p_value is None or p_value != p_value:
        return Cell("")
    if p_value < 0.001:
        return Cell("less than 1 in 1,000", p_value)
    return Cell(f"{100 * p_value:.1f} in 100" if p_value < 0.1 else f"{100 * p_value:.0f} in 100", p_value)


def count(value: float) -> Cell:
    return Cell("" if value != value else f"{int(value):,}", float(value))


def page(template: str, context: Mapping[str, Any]) -> str:
    """Render a template of this package into one HTML text with its style and script inside."""
    import jinja2

    folder = resources.files("scoring.report") / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (folder / "style.css").read_text(encoding="utf-8")
    script = (folder / "tables.js").read_text(encoding="utf-8")
    return environment.get_template(template).render(style=style, script=script, **context)
