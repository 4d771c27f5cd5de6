"""A report on paper: the same page, cards, tables and charts, typeset with Typst as an accessible PDF (PDF/UA-1)."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from itembank.errors import Rejected
from itembank.typeset import typst_text
from scoring.report.blocks import ASKING, Page, Table

WORDS = {"en": "Page {0} of {1}", "es": "Página {0} de {1}"}
MARGIN_COLOURS = {"g0": "#0072b2", "g1": "#b34700", "not": "#7a4b00", "": "#4c545d"}
#: Tables with more columns than this are set smaller, so that no column falls off the page.
WIDE_TABLE = 6


def pdf(page: Page) -> bytes:
    """The PDF. The same page gives the same bytes; nothing is fetched.

    Raises:
        Rejected: Typst refuses the page (a chart without words, for example).
    """
    import typst

    source, files = typst_source(page)
    compile_: Callable[..., object] = typst.compile  # its stub knows no files by name
    try:
        out = compile_(
            {"main": source.encode(), "report.typ": _template(), **files},
            format="pdf",
            ignore_system_fonts=True,
            pdf_standards=["ua-1"],
            timestamp=0,
        )
    except typst.TypstError as error:
        raise Rejected("report", f"The report cannot be typeset: {error}.", "itembank doctor") from error
    assert isinstance(out, bytes)
    return out


def _template() -> bytes:
    return (Path(__file__).with_name("templates") / "report.typ").read_bytes()


def typst_source(page: Page) -> tuple[str, dict[str, bytes]]:
    """Typst markup of a page and the files it shows; every word is escaped, nothing in it is an instruction."""
    files: dict[str, bytes] = {}
    lines = [
        '#import "report.typ": *',
        f"#show: report.with(title: {_string(page.title)}, language: {_string(page.language)}, "
        f"footer: {_string(page.footer)}, page-words: {_string(WORDS[page.language])})",
        f"#head({_string(page.kicker)}, {_string(page.title)}, ({''.join(_string(s) + ', ' for s in page.stamps)}))",
        f"#lead[{typst_text(page.lead)}]",
    ]
    for card in page.cards:
        body = "".join(f"[{typst_text(line)}], " for line in card.lines)
        colour = MARGIN_COLOURS.get(card.style, MARGIN_COLOURS[""])
        lines.append(f"#card({_string(card.title)}, [{typst_text(card.intro)}], ({body}), {_string(colour)})")
    lines += [_part(part, files, page.addresses) for part in page.first]
    for section in page.sections:
        lines.append(f"#heading(level: 2, {_string(section.title)})")
        lines += [_part(part, files, page.addresses) for part in section.parts]
    if page.provenance:
        lines.append(f"#small[{typst_text(page.provenance)}]")
    return "\n".join(lines), files


def _part(part: Mapping[str, Any], files: dict[str, bytes], addresses: bool) -> str:
    kind = part["kind"]
    if kind == "text":
        return typst_text(part["text"]) + "\n"
    if kind == "head":
        return f"#heading(level: 3, {_string(part['text'])})"
    if kind == "list":
        return "#list(" + "".join(f"[{typst_text(line)}], " for line in part["lines"]) + ")"
    if kind == "chart":
        name = f"chart{len(files) + 1}.svg"
        files[name] = str(part["svg"]).encode()
        return f"#chart({_string(name)}, {_string(part['alt'])}, [{typst_text(part['caption'])}])"
    if kind == "item":
        files |= part["files"]
        return str(part["typst"])
    asked = _asked(part["table"]) if addresses else ""
    return _table(part["table"]) + asked


def _asked(table: Table) -> str:
    """How to ask where the first row's numbers come from."""
    if not table.why:
        return ""
    before, after = (typst_text(words) for words in ASKING)
    after = after if len(table.why) > 1 else ""
    return f"\n#asked([{before}], {_string('itembank why ' + table.why[0])}, [{after}])"


def _table(table: Table) -> str:
    numeric = "(" + "".join(f"{'true' if c.numeric else 'false'}, " for c in table.columns) + ")"
    head = "".join(f"[{typst_text(_breakable(c.name))}], " for c in table.columns)
    cells = "".join(f"[{typst_text(cell.text)}], " for row in table.rows for cell in row)
    size = "7.5pt" if len(table.columns) > WIDE_TABLE else "8.5pt"
    weights = "(" + "".join(f"{w}fr, " for w in _widths(table)) + ")"
    return f"#data-table([{typst_text(table.caption)}], {numeric}, {weights}, {size}, ({head}), ({cells}))"


def _breakable(name: str) -> str:
    """A column's name that may break where a program's name is joined: after _ and :."""
    return name.replace("_", "_\u200b").replace(":", ":\u200b")


def _widths(table: Table) -> list[int]:
    """Relative widths: the longest word of a column must fit, long texts get more, within bounds."""
    out = []
    for i, column in enumerate(table.columns):
        texts = [row[i].text for row in table.rows if row[i].text]
        head = _breakable(column.name).replace("\u200b", " ")
        word = max(len(w) for t in (head, *texts) for w in (t.split() or [""]))
        lengths = sorted(map(len, texts)) or [0]
        typical = max(lengths[len(lengths) * 3 // 4], lengths[-1] // 2)
        out.append(max(5, word + 1, min(typical, 34) * 2 // 3))
    return out


def _string(text: str) -> str:
    """A Typst string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
