"""Whole items from a spreadsheet, one per row, by way of the file format: one reader, one set of checks."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from itembank import item_file
from itembank.errors import Rejected
from itembank.findings import Finding
from itembank.item_file import flow, scalar
from itembank.item_model import Item

LETTERS = "abcdefgh"
HEAD = (
    "id", "title", "grade", "concepts", "standards", "claim", "dok", "practices", "type", "calculator", "points",
    "author", "district", "difficulty", "why", "enemies",
)  # fmt: skip
COLUMNS = (
    *HEAD, "stem", "key", "option_a", "option_b", "option_c", "option_d", "misconception_a", "misconception_b",
    "misconception_c", "misconception_d", "tolerance", "wrong_a", "wrong_b", "wrong_c", "section", "solution", "given",
    "let", "variables", "verify_key",
    "verify_a", "verify_b", "verify_c", "verify_d", "title_es", "stem_es", "option_a_es", "option_b_es", "option_c_es",
    "option_d_es", "solution_es",
)  # fmt: skip
EXAMPLE = {
    "id": "G7-RP-900", "title": "Walking speed", "grade": "7", "concepts": "proportional-relationships",
    "standards": "7.RP.A.1", "claim": "1", "dok": "1", "practices": "MP6", "type": "choice", "calculator": "no",
    "points": "1", "author": "Your name", "district": "A", "difficulty": "0.60", "why": "A unit rate of two fractions.",
    "stem": "Ana walks $\\frac{1}{2}$ mile in $\\frac{1}{4}$ hour. How many miles does she walk in one hour?",
    "key": "A", "option_a": "$2$ miles", "option_b": "$\\frac{1}{2}$ mile", "option_c": "$\\frac{1}{8}$ mile",
    "option_d": "$\\frac{3}{4}$ mile", "misconception_b": "rate-inverted", "misconception_c": "rate-multiplied",
    "misconception_d": "rate-added", "solution": "$\\frac{1}{2} \\div \\frac{1}{4} = 2$ miles in one hour.",
    "given": "miles = 1/2; hours = 1/4", "verify_a": "miles / hours", "verify_b": "hours / miles",
    "verify_c": "miles * hours", "verify_d": "miles + hours",
}  # fmt: skip
MAX_ROWS, MAX_CELL = 5000, 8000


@dataclass(frozen=True, slots=True)
class Row:
    """An item of a table: the file text made of it, the item, and the row."""

    item: Item | None
    text: str
    row: int
    findings: tuple[Finding, ...]


def csv_template() -> str:
    """A spreadsheet to fill in: the columns and one example row."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerow(EXAMPLE)
    return out.getvalue()


def write_xlsx(path: Path) -> None:
    """The same as an Excel file."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "items"
    sheet.append(list(COLUMNS))
    sheet.append([EXAMPLE.get(c, "") for c in COLUMNS])
    book.save(path)


def records(path: Path) -> list[tuple[int, dict[str, str]]]:
    """(row, cells by column) of a CSV or xlsx file; the header is row 1.

    Raises:
        Rejected: the file is not a table.
    """
    try:
        if path.suffix.lower() in (".xlsx", ".xlsm"):
            rows = _xlsx(path)
        else:
            raw = path.read_bytes()[: item_file.MAX_BYTES * 20]
            try:
                text = raw.decode("utf-8-sig")
            except UnicodeDecodeError:
                text = raw.decode("cp1252", errors="replace")
            first = text.split("\n", 1)[0]
            separator = max(",;\t", key=first.count)
            rows = [list(r) for r in csv.reader(io.StringIO(text), delimiter=separator)]
    except (OSError, csv.Error, ValueError, KeyError) as error:
        raise Rejected("bad-table", f"{path.name} cannot be read as a table ({type(error).__name__}).", _HINT) from None
    if not rows:
        raise Rejected("bad-table", f"{path.name} is empty.", _HINT)
    if len(rows) > MAX_ROWS:
        raise Rejected("bad-table", f"{path.name} has more than {MAX_ROWS} rows.", "split it")
    header = [c.strip().lower().replace(" ", "_").replace("-", "_") for c in rows[0]]
    return [
        (number, {k: v.strip()[:MAX_CELL] for k, v in zip(header, row, strict=False) if k})
        for number, row in enumerate(rows[1:], 2)
        if any(c.strip() for c in row)
    ]


_HINT = "itembank items template --spreadsheet items.xlsx"


def _xlsx(path: Path) -> list[list[str]]:
    import zipfile

    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        sheet = book.worksheets[0]
        rows = [
            ["" if c is None else _cell(c) for c in r] for r in sheet.iter_rows(max_row=MAX_ROWS + 1, values_only=True)
        ]
        book.close()
    except (zipfile.BadZipFile, KeyError, IndexError, TypeError, AttributeError, SyntaxError):
        raise ValueError("not a workbook") from None
    return rows


def _cell(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def is_whole(path: Path) -> bool:
    """Whether the table holds whole items (a `stem` column), not only a register of them."""
    rows = records(path)
    return bool(rows) and "stem" in rows[0][1]


def read(path: Path) -> list[Row]:
    """Every row as an item; findings name the row."""
    found: list[Row] = []
    for number, cells in records(path):
        unknown = [c for c in cells if c not in COLUMNS and not _more(c) and cells[c]]
        text = as_text(cells)
        reading = item_file.read_text(text, path.name)
        findings = [
            Finding(path.name, number, "unknown-column", "error", f"the column `{c[:40]}` is not known", _HINT, c)
            for c in unknown
        ]
        findings += [replace(f, line=number) for f in reading.findings]
        found.append(Row(reading.item, text, number, tuple(findings)))
    return found


def _more(column: str) -> bool:
    parts = column.split("_")
    return parts[0] in ("option", "misconception", "verify", "wrong") and len(parts) > 1 and len(parts[1]) == 1


def _listed(text: str) -> tuple[str, ...]:
    return tuple(w.strip() for w in text.replace(",", ";").split(";") if w.strip())


def _pairs(text: str) -> dict[str, str]:
    """`a = 1; b = 2` as a mapping; a list may hold commas."""
    parts = (p.partition("=") for p in text.split(";") if p.strip())
    return {name.strip(): value.strip() for name, _, value in parts}


def as_text(cells: Mapping[str, str]) -> str:
    """The item file that a row stands for."""
    head = [f"{k}: {scalar(cells[k])}" for k in ("id", "title") if cells.get(k)]
    if cells.get("title_es"):
        head.append(f"title-es: {scalar(cells['title_es'])}")
    for key in ("grade", "claim", "dok", "type", "calculator", "points", "difficulty", "why"):
        if cells.get(key):
            head.append(f"{key}: {scalar(' '.join(cells[key].split()))}")
    head += [
        f"{k}: {flow(_listed(cells[k]))}" for k in ("concepts", "standards", "practices", "enemies") if cells.get(k)
    ]
    if cells.get("author"):
        person = {"name": cells["author"]} | ({"district": cells["district"]} if cells.get("district") else {})
        head.append(f"authors: {flow((person,))}")
    return "\n".join(["---", *head, *_verify(cells), "---", "", *_body(cells)]) + "\n"


def _verify(cells: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for name in ("given", "let"):
        if cells.get(name):
            lines += [f"  {name}:", *(f"    {scalar(k)}: {scalar(v)}" for k, v in _pairs(cells[name]).items())]
    if cells.get("variables"):
        lines.append(f"  variables: {flow(_listed(cells['variables']))}")
    if cells.get("verify_key"):
        lines.append(f"  key: {scalar(cells['verify_key'])}")
    kind = cells.get("type", "")
    for letter in LETTERS:
        expression = cells.get(f"verify_{letter}")
        if not expression:
            continue
        name = letter.upper() if kind in ("choice", "multi-select") else cells.get(f"misconception_{letter}", "")
        lines.append(f"  {scalar(name or letter.upper())}: {scalar(expression)}")
    return ["verify:", *lines] if lines else []


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\n  ")


def _body(cells: Mapping[str, str]) -> list[str]:
    kind = cells.get("type", "").lower()
    lines = [cells.get("stem", ""), ""]
    keys = {k.upper() for k in _listed(cells.get("key", ""))}
    if kind in ("choice", "multi-select"):
        lines += ["## Options", ""]
        for letter in LETTERS:
            if text := cells.get(f"option_{letter}"):
                misconception = cells.get(f"misconception_{letter}", "")
                tag = " [key]" if letter.upper() in keys else f" [{misconception}]" if misconception else ""
                lines.append(f"- {letter.upper()}{tag}: {_lines(text)}")
    elif kind in ("numeric", "short-text"):
        lines += ["## Answer", ""]
        tolerance = f" ± {cells['tolerance']}" if cells.get("tolerance") else ""
        accepted = cells.get("key", "").split("|") if kind == "short-text" else [cells.get("key", "")]
        lines += [f"- [key]: {a.strip()}{tolerance}" for a in accepted if a.strip()]
        for letter in LETTERS:
            if text := cells.get(f"wrong_{letter}"):
                lines.append(f"- [{cells.get(f'misconception_{letter}', '')}]: {text}")
    elif kind in ("match", "rubric"):
        lines += ["## Match" if kind == "match" else "## Rubric", "", *cells.get("section", "").split("\n")]
    lines += ["", "## Solution", "", cells.get("solution", ""), ""]
    if cells.get("stem_es"):
        lines += ["## Español", "", cells["stem_es"], ""]
        options = [(x, cells[f"option_{x}_es"]) for x in LETTERS if cells.get(f"option_{x}_es")]
        if options:
            lines += ["## Opciones", "", *(f"- {x.upper()}: {_lines(t)}" for x, t in options), ""]
        if cells.get("solution_es"):
            lines += ["## Solución", "", cells["solution_es"], ""]
    return lines
