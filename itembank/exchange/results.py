"""QTI results reporting (2.1, 2.2, 3.0) as a table of responses: an `assessmentResult` per student, alone or zipped."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from itembank.errors import Rejected
from itembank.exchange import safe
from itembank.exchange.qti_dialect import camel, local
from itembank.findings import Finding
from itembank.tabular import Table

_INNER = ("numAttempts", "duration", "completionStatus")  # what a player keeps about itself


@dataclass
class _Row:
    """One student's result: facts, and a cell per item with the rank of the attempt it comes from."""

    facts: dict[str, str] = field(default_factory=dict)
    cells: dict[str, str] = field(default_factory=dict)
    rank: dict[str, tuple[str, int]] = field(default_factory=dict)


def is_results(raw: bytes) -> bool:
    """Whether the bytes can only be a package or a document of results: a zip, or XML."""
    return raw[:4] == b"PK\x03\x04" or raw.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00")[:1] == b"<"


def read(raw: bytes, source: str, kinds: Mapping[str, str]) -> Table:
    """Results as a wide table: student, date, form, and a column per item.

    Args:
        raw: a zip of XML documents, or one document.
        source: name for the findings.
        kinds: item -> type; of `rubric` items the score is taken, of others the response.

    Returns:
        A table whose rows are the results, counted from 1 in the order of the documents' names. Identifiers that we
        exported lose their prefixes; letters of several choices stand beside each other (`A,C`), matched pairs as
        `1S 2D`.

    Raises:
        Rejected: with every document that cannot be read, or a package that is unsafe.
    """
    zipped = raw[:2] == b"PK"
    files = safe.unzipped(raw, source) if zipped else {source: raw}
    found: list[Finding] = []
    rows: list[_Row] = []
    numbers: list[int] = []
    names = sorted(n for n in files if not zipped or n.lower().endswith(".xml"))
    for name in names:
        inner = f"{source}/{name}" if zipped else source
        try:
            root = safe.xml(files[name], name.rpartition("/")[2])
        except Rejected as refused:
            found.append(Finding(inner, 0, refused.code, "error", refused.sentence, refused.hint))
            continue
        results = [n for n in root.iter() if _name(n) == "assessmentResult"]
        if not results and _name(root) not in ("manifest", "assessmentTest", "assessmentItem"):
            message = f"The document is no assessmentResult but {_name(root)[:40]!r}."
            found.append(Finding(inner, 0, "not-a-result", "error", message, "Export the results, not the test."))
        for result in results:
            rows.append(_result(result, inner, kinds, found))
            numbers.append(len(rows))
    if not rows and not found:
        found.append(Finding(source, 0, "no-results", "error", "There is no assessmentResult.", "Export it again."))
    if any(f.severity == "error" for f in found):
        raise Rejected("bad-results", f"{source} cannot be used as it is.", "", found)
    facts = [c for c in ("student", "date", "form") if any(c in r.facts for r in rows)]
    items = list(dict.fromkeys(i for r in rows for i in r.cells))
    columns = {c: pa.array([r.facts.get(c, "") for r in rows], pa.string()) for c in facts}
    columns |= {i: pa.array([r.cells.get(i, "") for r in rows], pa.string()) for i in items}
    digest = hashlib.sha256(raw).hexdigest()
    at = np.asarray(numbers, dtype=np.int64)
    return Table(source, tuple(columns), pa.table(columns), at, digest, "utf-8", ",", tuple(found))


def _name(node: Any) -> str:
    return camel(local(node))


def _result(result: Any, source: str, kinds: Mapping[str, str], found: list[Finding]) -> _Row:
    row = _Row()
    stamps = []
    for node in result.iter():
        tag = _name(node)
        if tag == "context":
            row.facts["student"] = _attribute(node, "sourcedId").strip()
        elif tag == "testResult":
            row.facts["form"] = _attribute(node, "identifier").removeprefix("T-")
            stamps.append(_attribute(node, "datestamp"))
        elif tag == "itemResult":
            stamps.append(_attribute(node, "datestamp"))
            _item(node, row, source, kinds, found)
    row.facts.setdefault("student", "")
    days = [s[:10] for s in stamps if re.match(r"\d{4}-\d\d-\d\d", s)]
    if days:
        row.facts["date"] = max(days)
    return row


def _attribute(node: Any, name: str) -> str:
    """An attribute in either spelling: sourcedId, sourced-id, sourcedID."""
    wanted = name.lower()
    found = (v for k, v in node.attrib.items() if k.replace("-", "").lower() == wanted)
    return str(next(found, ""))


def _item(node: Any, row: _Row, source: str, kinds: Mapping[str, str], found: list[Finding]) -> None:
    """One attempt at one item; the latest one that was handed in counts."""
    item = _attribute(node, "identifier").strip()
    if item not in kinds and item.removeprefix("I-") in kinds:
        item = item.removeprefix("I-")
    index = _attribute(node, "sequenceIndex")
    rank = (_attribute(node, "datestamp"), int(index) if re.fullmatch(r"\d{1,6}", index) else 0)
    responses = [n for n in node if _name(n) == "responseVariable" and _attribute(n, "identifier") not in _INNER]
    if kinds.get(item) == "rubric":
        scores = [n for n in node if _name(n) == "outcomeVariable" and _attribute(n, "identifier") == "SCORE"]
        text = _values(scores[0])[0] if scores and _values(scores[0]) else ""
        waiting = _attribute(node, "sessionStatus") == "pendingExternalScoring" or not scores
        cell = "" if waiting else re.sub(r"\.0+$", "", text)
    elif len(responses) > 1:
        message = f"{item[:40]} has {len(responses)} responses; an item here has one."
        found.append(Finding(source, node.sourceline or 0, "several-responses", "error", message, "--ignore it", item))
        return
    else:
        cell = _cell(responses[0]) if responses else ""
    if item in row.cells:
        message = "A student has several attempts at an item; the latest counts."
        note = Finding(source, node.sourceline or 0, "several-attempts", "notice", message, "", item)
        found.append(note)
        if rank < row.rank[item]:
            return
    row.cells[item], row.rank[item] = cell, rank


def _values(variable: Any) -> list[str]:
    """The values of a variable: those of the student's response, not of its key."""
    given = [n for n in variable if _name(n) == "candidateResponse"]
    inside = given[0] if given else variable
    return ["".join(v.itertext()).strip() for v in inside if _name(v) == "value"]


def _cell(variable: Any) -> str:
    values = [v for v in _values(variable) if v]
    base = _attribute(variable, "baseType").lower()
    if base in ("directedpair", "pair"):
        pairs = [v.split() for v in values]
        return " ".join(re.sub(r"^R(?=\w)", "", p[0]) + p[1] if len(p) == 2 else "?" for p in pairs)
    if base == "identifier":
        return ",".join(sorted(values))
    return " ".join(values)


__all__ = ["is_results", "read"]
