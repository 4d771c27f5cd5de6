"""Reading a table that somebody saved from a spreadsheet: whatever its encoding and separator, with every fault named.

All cells are text, surrounding space removed. Findings name the row of the file (the header is row 1) and the column.
"""

import codecs
import csv
import hashlib
import io
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
from numpy.typing import NDArray

from itembank.errors import Rejected
from itembank.findings import Finding, errors
from itembank.suggest import nearest

LARGEST = 4 * 1024**3
_LISTED = 50  # faults of one kind that are listed one by one
_MARKS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_MARKED = re.compile(rb"'[=+@-]")
_QUOTED = re.compile(rb'"[^"]*"')


@dataclass(frozen=True)
class Table:
    """A table as text.

    Attributes:
        source: name for findings.
        columns: names, in order.
        data: one Arrow string column per name; blank cells are "", never null.
        rows: (N,) row of the file in which each record begins, 1-based; the header is row 1.
        sha256: of the file's bytes.
        encoding: as read.
        separator: as read.
        findings: warnings and notices of reading.
    """

    source: str
    columns: tuple[str, ...]
    data: pa.Table
    rows: NDArray[np.int64]
    sha256: str
    encoding: str
    separator: str
    findings: tuple[Finding, ...] = field(default=())

    def __len__(self) -> int:
        return int(self.data.num_rows)

    def column(self, name: str) -> list[str]:
        """A column as a list of text."""
        found: list[str] = self.data.column(name).to_pylist()
        return found

    def codes(self, name: str) -> tuple[NDArray[np.int32], list[str]]:
        """A column as codes into its distinct values: (N,) int32 and the values in the order they appear."""
        encoded = self.data.column(name).combine_chunks()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = pa.concat_arrays(encoded.chunks) if encoded.num_chunks else pa.array([], pa.string())
        coded = pc.dictionary_encode(encoded)
        return coded.indices.to_numpy(zero_copy_only=False).astype(np.int32), coded.dictionary.to_pylist()

    def records(self) -> list[dict[str, str]]:
        """One mapping per row; for small tables."""
        found: list[dict[str, str]] = self.data.to_pylist()
        return found

    def frame(self) -> Any:
        """The table as a pandas DataFrame of text."""
        return self.data.to_pandas()


def read_table(path: str | Path, required: Sequence[str] = ()) -> Table:
    """Read a CSV or TSV file; `-` is standard input.

    Args:
        path: the file.
        required: columns that must be there.

    Raises:
        Rejected: with every finding, if the file cannot be read as a table (exit 3).
    """
    source = "standard input" if str(path) == "-" else Path(path).name
    try:
        if str(path) == "-":
            data = sys.stdin.buffer.read()
        else:
            if Path(path).is_file() and Path(path).stat().st_size > LARGEST:
                raise _refused(source, "too-large", "The file is larger than 4 GB.", "Load it in parts.")
            data = Path(path).read_bytes()
    except FileNotFoundError:
        raise Rejected("no-file", f"There is no file {path}.", "Check the path.") from None
    except IsADirectoryError:
        raise Rejected("a-folder", f"{path} is a folder.", "Name a file in it.") from None
    except OSError as error:
        raise Rejected("unreadable", f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from None
    return parse_table(data, source, required)


def parse_table(data: bytes, source: str, required: Sequence[str] = (), repeated: bool = False) -> Table:
    """Read the bytes of a table; as `read_table`.

    With `repeated` a name that stands there before gets its place behind it (`1.0`, `1.0 (7)`).
    """
    found: list[Finding] = []
    digest = hashlib.sha256(data).hexdigest()
    text, encoding = _as_utf8(data, source, found)
    text, above, separator = _past_preamble(text)
    _check_shape(text, source, above, found)
    names = _header(text, separator, source, above, [] if repeated else found)
    if repeated:
        names = [f"{n} ({i})" if n and n in names[: i - 1] else n for i, n in enumerate(names, 1)]
    missing = [c for c in required if c not in names]
    for name in missing:
        here = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
        message = f"The column {name!r} is not there. Columns: {here}"
        near = nearest(name, names, 1)
        hint = (
            f"Rename the column {near[0]!r} to {name!r}." if near else f"Add a column {name!r}, or rename one to that."
        )
        found.append(Finding(source, above + 1, "missing-column", "error", message, hint, name))
    table, rows = _body(text, separator, names, source, above, found)
    faults = errors(found)
    if faults:
        raise Rejected("bad-table", f"{source} cannot be used as it is ({_count(faults)}).", "", found)
    return Table(source, tuple(table.column_names), table, rows, digest, encoding, separator, tuple(found))


def _count(faults: Sequence[Finding]) -> str:
    return "1 error" if len(faults) == 1 else f"{len(faults)} errors"


def _refused(source: str, code: str, message: str, hint: str) -> Rejected:
    return Rejected("bad-table", f"{source} cannot be used.", "", [Finding(source, 0, code, "error", message, hint)])


def _as_utf8(data: bytes, source: str, found: list[Finding]) -> tuple[bytes, str]:
    """The bytes as UTF-8 without a mark, and what they were."""
    if not data.strip():
        raise _refused(source, "empty-file", "The file is empty.", "Export it again.")
    if data.startswith(b"PK\x03\x04") or data.startswith(b"\xd0\xcf\x11\xe0"):
        raise _refused(source, "spreadsheet", "This is a spreadsheet or an archive, not CSV.", "Save it as CSV UTF-8.")
    for mark, name in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(name).encode(), name
            except UnicodeDecodeError:
                message = f"The file says it is {name} but is not."
                raise _refused(source, "encoding", message, "Save it as CSV UTF-8.") from None
    if data.startswith(codecs.BOM_UTF8):
        data = data[3:]
    if b"\x00" in data:
        even, odd = data[0:2000:2].count(0), data[1:2000:2].count(0)
        if max(even, odd) > len(data[:2000]) // 4:
            name = "utf-16-le" if odd > even else "utf-16-be"
            try:
                return data.decode(name).encode(), name
            except UnicodeDecodeError:
                pass
        raise _refused(source, "not-text", "The file holds bytes that are not text.", "Save it as CSV UTF-8.")
    try:
        data.decode()
    except UnicodeDecodeError:
        try:
            text, name = data.decode("cp1252"), "cp1252"
        except UnicodeDecodeError:
            text, name = data.decode("latin-1"), "latin-1"
        message = f"The file is not UTF-8; it was read as {name}."
        found.append(Finding(source, 0, "encoding", "notice", message, "Look at accented letters."))
        return text.encode(), name
    return data, "utf-8"


def _first_line(text: bytes) -> bytes:
    """The header record, with line breaks inside quotes."""
    end = 0
    while True:
        candidates = [p for p in (text.find(b"\n", end), text.find(b"\r", end)) if p >= 0]
        if not candidates:
            return text
        end = min(candidates)
        if text[:end].count(b'"') % 2 == 0:
            return text[:end]
        end += 1
        if end > 1_000_000:
            return text[:end]


def _past_preamble(text: bytes) -> tuple[bytes, int, str]:
    """The text from its header on, the number of lines above it, and the separator.

    Blank lines may stand above the header, and the line `sep=;` that spreadsheets write.
    """
    body = text.lstrip(b"\r\n \t") if not text.strip(b"\r\n \t") else text.lstrip(b"\r\n")
    named = re.match(rb'"?sep=(.)"?(?:\r\n|\r|\n)', body)
    if named:
        body = body[named.end() :]
    above = len(text[: len(text) - len(body)].splitlines())
    return body, above, named.group(1).decode() if named else _separator(body)


def _separator(text: bytes) -> str:
    """The separator that the header uses most, outside quotes."""
    line = _QUOTED.sub(b"", _first_line(text))
    counts = {s: line.count(s.encode()) for s in (",", ";", "\t", "|")}
    best = max(counts, key=lambda s: counts[s])
    return best if counts[best] else ","


def _check_shape(text: bytes, source: str, above: int, found: list[Finding]) -> None:
    if text.count(b'"') % 2:
        line = _unclosed_line(text) + above
        message = "A quotation mark that opens here is never closed; the file may be cut off."
        found.append(Finding(source, line, "open-quote", "error", message, "Export the file again."))


def _unclosed_line(text: bytes) -> int:
    """Roughly where the odd quotation mark stands: the line from which on none balances."""
    open_since = 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.count(b'"') % 2:
            open_since = 0 if open_since else number
    return open_since


def _header(text: bytes, separator: str, source: str, above: int, found: list[Finding]) -> list[str]:
    line = _first_line(text).decode()
    try:
        names = [n.strip() for n in next(csv.reader(io.StringIO(line, newline=""), delimiter=separator), [])]
    except csv.Error:  # a lone carriage return, or a cell of more than 128 kB
        raise _refused(source, "unreadable-header", "The header cannot be read.", "Save it as CSV UTF-8.") from None
    seen: dict[str, int] = {}
    for position, name in enumerate(names, 1):
        if name in seen:
            message = f"The column {name!r} stands at {seen[name]} and at {position}."
            found.append(
                Finding(source, above + 1, "duplicate-column", "error", message, "Rename or remove one.", name)
            )
        elif name:
            seen[name] = position
    return names


def _body(
    text: bytes, separator: str, names: list[str], source: str, above: int, found: list[Finding]
) -> tuple[pa.Table, NDArray[np.int64]]:
    skipped: list[int] = []
    ragged: list[tuple[int, int]] = []

    def uneven(row: Any) -> str:
        skipped.append(int(row.number))
        if (row.text or "").strip(separator + " \t"):
            ragged.append((int(row.number), int(row.actual_columns)))
        return "skip"

    unique = [f"{i}" for i in range(len(names))]
    breaks = _has_breaks_in_quotes(text)
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(text),
            read_options=arrow_csv.ReadOptions(
                use_threads=False,
                column_names=unique,
                skip_rows=0,
                block_size=max(1 << 20, min(len(text) + 1, 1 << 26)),
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=separator,
                newlines_in_values=breaks,
                ignore_empty_lines=len(names) == 1,
                invalid_row_handler=uneven,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(unique, pa.string()), strings_can_be_null=False, null_values=[]
            ),
        )
    except pa.ArrowInvalid:
        message = "The file cannot be read as a table."
        found.append(Finding(source, 0, "unreadable-table", "error", message, "Save it as CSV UTF-8."))
        return pa.table({n: pa.array([], pa.string()) for n in dict.fromkeys(names)}), np.zeros(0, np.int64)
    total = table.num_rows + len(skipped)
    line_of = np.arange(1, total + 1, dtype=np.int64)
    if breaks or len(names) == 1:
        line_of = _record_lines(text, len(names) == 1)
        if len(line_of) != total:  # a quote inside a cell that none began: lines can only be counted
            line_of = np.arange(1, total + 1, dtype=np.int64)
    line_of = line_of + above
    record = np.setdiff1d(np.arange(total), np.asarray(skipped, dtype=np.int64) - 1, assume_unique=True)
    table, rows = table.slice(1), line_of[record[1:]]  # without the header
    table = pa.table([pc.utf8_trim_whitespace(c) for c in table.columns], names=unique)
    if _MARKED.search(text):  # a quote before a sign, by which exports keep spreadsheets from taking it for a formula
        plain = [pc.replace_substring_regex(c, r"^'([=+@-])", r"\1") for c in table.columns]
        table = pa.table(plain, names=unique)
    _report_ragged(ragged, total, text, line_of, len(names), source, found)
    empty = _all_blank(table)
    if empty.any():
        table, rows = table.filter(pa.array(~empty)), rows[~empty]
    if not table.num_rows and not errors(found):
        message = "There is a header but no row beneath it."
        found.append(Finding(source, 0, "no-rows", "error", message, "Export it again."))
    for i, name in enumerate(names):
        if not name and table.num_rows and pc.max(pc.utf8_length(table.column(i))).as_py():
            message = f"Column {i + 1} holds something but has no name."
            found.append(Finding(source, above + 1, "unnamed-column", "error", message, "Name it or remove it."))
    keep = [i for i, n in enumerate(names) if n and n not in names[:i]]
    return pa.table([table.column(i) for i in keep], names=[names[i] for i in keep]), rows


def _has_breaks_in_quotes(text: bytes) -> bool:
    if b'"' not in text:
        return False
    return any(b"\n" in q or b"\r" in q for q in _QUOTED.findall(text))


def _record_lines(text: bytes, skip_blank: bool) -> NDArray[np.int64]:
    """The line at which each record begins, where cells hold line breaks or blank lines are passed over."""
    starts: list[int] = []
    quoted = False
    for number, line in enumerate(text.splitlines(), 1):
        if not quoted and not (skip_blank and not line.strip()):
            starts.append(number)
        if line.count(b'"') % 2:
            quoted = not quoted
    return np.asarray(starts, dtype=np.int64)


def _report_ragged(
    ragged: list[tuple[int, int]],
    total: int,
    text: bytes,
    line_of: NDArray[np.int64],
    width: int,
    source: str,
    found: list[Finding],
) -> None:
    cut = not text.endswith((b"\n", b"\r"))
    for number, actual in ragged[:_LISTED]:
        line = int(line_of[number - 1])
        if number == total and cut and actual < width:
            message = f"The last row stops after {actual} of {width} columns: the file was cut off."
            found.append(Finding(source, line, "truncated", "error", message, "Export or copy the file again."))
        else:
            message = f"The row has {actual} columns, the header {width}."
            found.append(Finding(source, line, "uneven-row", "error", message, "Look for an unquoted separator."))
    if len(ragged) > _LISTED:
        message = f"{len(ragged) - _LISTED} more rows have another number of columns than the header."
        found.append(Finding(source, 0, "uneven-row", "error", message, "Look for an unquoted separator."))


def _all_blank(table: pa.Table) -> NDArray[np.bool_]:
    blank = np.ones(table.num_rows, dtype=bool)
    for column in table.columns:
        if not blank.any():
            break
        blank &= pc.equal(pc.utf8_length(column), 0).to_numpy()
    return blank
