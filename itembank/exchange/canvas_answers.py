"""Canvas' Student Analysis as a table of responses.

Facts of the file (`instructure/canvas-lms` app/models/quizzes/quiz_statistics/student_analysis.rb): after name, id,
sis_id, section ..., submitted and attempt comes for every question a column `number: its text` and one with the points
as its header; then n correct, n incorrect, score. An answer is the option's text; several are joined with commas, those
inside a text written as `\\,`; matches as `row=>column`. Our package begins options with their letters and ends
questions with their codes, so that these texts can be read back.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from itembank.errors import Rejected
from itembank.findings import Finding
from itembank.tabular import Table, parse_table

_QUESTION = re.compile(r"(\d+)\s*:\s*(.*)", re.DOTALL)
_CODE = re.compile(r"\[([A-Za-z0-9._-]+)\]\s*$")
_LETTER = re.compile(r"\s*(\w{1,8})\)")
_END = ("n correct", "n incorrect", "score")


def is_canvas(header: str) -> bool:
    """Whether a header line is that of a Student Analysis."""
    low = header.lower()
    return "n correct" in low and "n incorrect" in low and "submitted" in low


def read(raw: bytes, source: str, kinds: Mapping[str, str], items: Mapping[str, str], student: str = "") -> Table:
    """A Student Analysis as a wide table: student, date, and a column per item.

    Args:
        raw: the file.
        source: name for the findings.
        kinds: item -> type; of `rubric` items the points are taken, of others the answer.
        items: question (its number in Canvas, or the whole header) -> item, for questions that end with no code.
        student: column that names the student; sis_id by default, else Canvas' own id.

    Raises:
        Rejected: with every finding; a question of which no item is known is one.
    """
    table = parse_table(raw, source, repeated=True)
    lower = {c.lower(): c for c in reversed(table.columns)}
    found = [f for f in table.findings if f.code != "duplicate-column"]
    named = student or lower.get("sis_id") or lower.get("id") or ""
    if named not in table.columns:
        message = f"There is no column {named or 'sis_id'!r}."
        found.append(Finding(source, 1, "missing-column", "error", message, "--column student=NAME", named))
    elif not student and named.lower() == "id":
        message = "The file names students by Canvas' own numbers, not by those of the district."
        found.append(Finding(source, 1, "canvas-numbers", "warning", message, "Ask for the SIS ID column.", named))
    columns = {}
    taken: dict[str, str] = {}
    for place, header in enumerate(table.columns):
        match = _QUESTION.fullmatch(header)
        if match is None or header == named:
            continue
        code = _CODE.search(match.group(2))
        item = items.get(match.group(1)) or items.get(header) or (code.group(1) if code else "")
        shown = match.group(1)
        if not item:
            message = "The question ends with no item's code."
            found.append(Finding(source, 1, "no-item-code", "error", message, f"--map {shown}=ITEM", shown))
            continue
        if item in taken:
            message = f"Two questions are {item}: {taken[item]} and {shown}."
            found.append(Finding(source, 1, "duplicate-item", "error", message, "--map NUMBER=ITEM", shown))
            continue
        taken[item] = shown
        use = place + 1 if kinds.get(item) == "rubric" and place + 1 < len(table.columns) else place
        values = table.data.column(use).to_pylist()
        columns[item] = [_answer(v, kinds.get(item, "")) for v in values]
    if not columns and not any(f.severity == "error" for f in found):
        found.append(Finding(source, 1, "no-items", "error", "There is no question in the file.", "Export it again."))
    if any(f.severity == "error" for f in found):
        raise Rejected("bad-table", f"{source} cannot be used as it is.", "", found)
    facts = {"student": table.column(named)}
    if "submitted" in lower:
        facts["date"] = [d[:10] if re.match(r"\d{4}-\d\d-\d\d", d) else "" for d in table.column(lower["submitted"])]
    whole = {n: pa.array(v, pa.string()) for n, v in (facts | columns).items()}
    made = replace(table, columns=tuple(whole), data=pa.table(whole), findings=tuple(found))
    return _latest(made, table.column(lower["attempt"])) if "attempt" in lower else made


def _answer(cell: str, kind: str) -> str:
    """A cell as our keys read it; as it stands where it is not of our package."""
    if kind == "rubric":
        return re.sub(r"\.0+$", "", cell)
    if kind not in ("choice", "multi-select", "match"):
        return cell
    pieces = re.split(r"(?<!\\),", cell) if kind != "choice" else [cell]
    if "=>" in cell:
        pairs = [p.split("=>", 1) for p in pieces if p.split("=>", 1)[-1].strip()]
        marks = [[_LETTER.match(side) for side in p] for p in pairs]
        if all(len(m) == 2 and m[0] and m[1] for m in marks):
            return " ".join(f"{m[0].group(1)}{m[1].group(1)}" for m in marks if m[0] and m[1])
        return cell
    letters = [_LETTER.match(p) for p in pieces]
    if cell and all(letters):
        return (" " if kind == "match" else ",").join(m.group(1) for m in letters if m)
    return cell


def _latest(table: Table, attempts: list[str]) -> Table:
    """One row per student: the attempt with the highest number."""
    students = table.column("student")
    numbers = [int(a) if re.fullmatch(r"\d{1,4}", a) else 0 for a in attempts]
    best: dict[str, int] = {}
    for student, number in zip(students, numbers, strict=True):
        best[student] = max(number, best.get(student, 0))
    keep = [i for i, (s, n) in enumerate(zip(students, numbers, strict=True)) if not s or n == best[s]]
    if len(keep) == len(students):
        return table
    message = f"{len(students) - len(keep)} rows are earlier attempts of students who have a later one; they are left."
    note = Finding(table.source, 0, "several-attempts", "notice", message, "", "attempt")
    return replace(table, data=table.data.take(keep), rows=table.rows[keep], findings=(*table.findings, note))


__all__ = ["is_canvas", "read"]
