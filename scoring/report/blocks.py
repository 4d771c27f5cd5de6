"""The building blocks of a page: tables, charts, paragraphs, and the one-file HTML they become."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

#: Under a table: what the command before it and after it is about.
ASKING = ("Where the first row comes from: ", " · other rows: their own words")


@dataclass(frozen=True)
class Cell:
    """What a cell shows, and the number it sorts by, which stands in the page: no sharper than three decimals."""

    text: str
    value: float | None = None

    def __post_init__(self) -> None:
        if self.value is not None:
            object.__setattr__(self, "value", round(float(self.value), 3))


#: Characters of a table that a phone of 390 px shows side by side.
PHONE = 57


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
        why: address of each row (`scoring.analysis.cells`), for `itembank why`; empty without a bank.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    sortable: bool = False
    filter: int | None = None
    why: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.why and len(self.why) != len(self.rows):
            raise ValueError(f"{self.caption}: {len(self.why)} addresses for {len(self.rows)} rows")

    @property
    def stacked(self) -> bool:
        """Whether its columns do not fit side by side on a phone, so that each row stands there as lines of its own."""
        return sum(self._width(i) for i in range(len(self.columns))) > PHONE

    def _width(self, i: int) -> float:
        """Characters that a column needs at least, its padding included."""
        texts = [row[i].text for row in self.rows]
        column = self.columns[i]
        words = [w for t in (column.name, *([] if column.numeric else texts)) for w in t.split()]
        longest = max((len(w) for w in [*words, *(texts if column.numeric else [])]), default=0)
        return 1.5 + max(longest, 8 if not column.numeric else 0, 20 if i == 0 and column.name != "Item" else 0)


def without_empty(table: Table) -> Table:
    """The table without columns in which no row says anything (the first column stays)."""
    keep = [i for i in range(len(table.columns)) if i == 0 or any(row[i].text not in ("", "0") for row in table.rows)]
    place = None if table.filter is None or table.filter not in keep else keep.index(table.filter)
    rows = tuple(tuple(row[i] for i in keep) for row in table.rows)
    return Table(table.caption, tuple(table.columns[i] for i in keep), rows, table.sortable, place, table.why)


@dataclass(frozen=True)
class Section:
    """A section of a page: parts are mappings with a kind (text, list, chart, table)."""

    id: str
    title: str
    parts: tuple[Mapping[str, Any], ...] = field(default_factory=tuple)


def text(words: str) -> dict[str, Any]:
    return {"kind": "text", "text": words}


def head(words: str) -> dict[str, Any]:
    """A heading inside a section."""
    return {"kind": "head", "text": words}


def bullets(lines: Sequence[str]) -> dict[str, Any]:
    return {"kind": "list", "lines": list(lines)}


def figure(drawn: Any, caption: str) -> dict[str, Any]:
    """A `charts.Chart` with what it shows, for screen and paper."""
    return {"kind": "chart", "html": drawn.html(), "svg": drawn.wide, "alt": drawn.alt, "caption": caption}


def table(content: Table, fold: bool = False) -> dict[str, Any]:
    return {"kind": "table", "table": without_empty(content), "fold": fold}


def number(value: float, digits: int = 2, signed: bool = False) -> Cell:
    """A number as a cell; empty when missing."""
    if value is None or value != value:
        return Cell("")
    # what a table sorts by is no sharper than what it prints
    return Cell(with_sign(value, digits) if signed else without_sign(value, digits), round(float(value), digits))


def with_sign(value: float, digits: int = 2) -> str:
    """A number with its sign; what rounds to zero has none."""
    return f"{value:+.{digits}f}" if round(value, digits) else f"{0:.{digits}f}"


def without_sign(value: float, digits: int = 2) -> str:
    """A number as usual; what rounds to zero from below is zero, not minus zero."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def percent(value: float) -> Cell:
    """A share in whole percents, as every model-based rate is shown."""
    if value is None or value != value:
        return Cell("")
    return Cell("<1%" if 0 < value < 0.005 else ">99%" if 0.995 < value < 1 else f"{100 * value:.0f}%", round(value, 2))


def signed(share: float, unit: str = "") -> str:
    """A difference of shares in whole hundredths with its sign; zero without one."""
    whole = round(100 * share)
    return f"{whole:+d}{unit}" if whole else f"0{unit}"


def chance(p_value: float) -> Cell:
    """A p value as cases of a thousand, never as zero; from a tenth on in whole tens."""
    if p_value is None or p_value != p_value:
        return Cell("")
    if p_value < 0.001:
        return Cell("less than 1 in 1,000", 0.0)
    shown = round(p_value, 3 if p_value < 0.1 else 2)
    return Cell(f"{1000 * shown:,.0f} in 1,000", shown)


def count(value: float) -> Cell:
    return Cell("" if value != value else f"{int(value):,}", float(value))


@dataclass(frozen=True)
class Card:
    """A box of page 1: what it is about, a sentence, lines. `style` is g0, g1 (districts), not (warnings) or empty."""

    title: str
    lines: tuple[str, ...] = ()
    intro: str = ""
    style: str = ""


@dataclass(frozen=True)
class Page:
    """A report: the same for screen and paper.

    Attributes:
        title, kicker: head of the page. stamps: what must be seen at once.
        lead: the finding in a sentence or two. cards: page 1, in boxes. first: what else stands on page 1.
        sections: the rest.
        footer, provenance: small print; a hash can be typed into `itembank bank verify`.
        language: "en" or "es", for screen readers.
        addresses: whether a line under each table says how to ask where its numbers come from; the rows carry their
            addresses anyway.
    """

    title: str
    kicker: str
    lead: str
    stamps: tuple[str, ...] = ()
    cards: tuple[Card, ...] = ()
    first: tuple[Mapping[str, Any], ...] = ()
    sections: tuple[Section, ...] = ()
    footer: str = ""
    provenance: str = ""
    language: str = "en"
    addresses: bool = True

    @property
    def words(self) -> Mapping[str, str]:
        """Names that only screen readers say."""
        if self.language == "es":
            return {"first": "Lo principal en una página", "contents": "Contenido"}
        return {"first": "The finding on one page", "contents": "Contents"}


def render(page: Page, template: str = "document.html", more_script: str = "", **more: Any) -> str:
    """The page as one HTML text with its style and script inside: no request, whole without script.

    Args:
        page: it.
        template: one that extends document.html. more: what it needs beside the page.
        more_script: name of a further script of the templates.
    """
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
    if more_script:
        script += (folder / more_script).read_text(encoding="utf-8")
    names = {"title": page.title, "language": page.language, **more}
    return environment.get_template(template).render(style=style, script=script, page=page, asking=ASKING, **names)
