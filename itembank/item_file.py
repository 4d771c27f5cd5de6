"""One item, one Markdown file with a front matter: the only reader. The writer is item_writer.py.

The reader reports every problem with its line; one bad line does not hide the next, and nothing of the file is
executed. `read(write(item))` is the same item.
"""

import base64
import re
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from itembank import front_matter, item_body
from itembank.findings import Finding
from itembank.item_model import Figure, Item, Variant
from itembank.item_schema import Schema
from itembank.item_writer import flow, scalar, write

__all__ = ["Reading", "bank_root", "flow", "inside", "normalised", "read", "read_bytes", "read_text", "scalar", "write"]

MAX_BYTES = 1_000_000
PICTURES = (".svg", ".png")
_TYPE_SECTION = {
    "choice": "options",
    "multi-select": "options",
    "numeric": "answers",
    "short-text": "answers",
    "match": "match",
    "rubric": "rubric",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of a file.

    Attributes:
        item: the item, as far as it could be read; None where not even its type or id could.
        findings: what the reader found; an error among them means that the item must not be stored.
        text: the normalised text of the file.
    """

    item: Item | None
    findings: tuple[Finding, ...]
    text: str = ""


def read(path: Path, source: str = "") -> Reading:
    """Read an item file.

    Args:
        path: a regular file of at most 1 MB; `-` is stdin.
        source: its name in the findings; the path as given by default.
    """
    if str(path) == "-":
        return read_bytes(sys.stdin.buffer.read(MAX_BYTES), "stdin", Path("."))
    source = source or path.as_posix()
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            return _refused(source, "not-a-file", "this is not a regular file")
        if about.st_size > MAX_BYTES:
            size = f"{about.st_size / 1e6:.1f} MB"
            return _refused(source, "file-too-large", f"the file has {size}", "an item file has at most 1 MB")
        raw = path.read_bytes()
    except OSError as error:
        return _refused(source, "unreadable", f"the file cannot be read: {error.strerror}")
    return read_bytes(raw, source, path.parent)


def _refused(source: str, code: str, message: str, hint: str = "") -> Reading:
    return Reading(None, (Finding(source, 0, code, "error", message, hint),))


def read_bytes(raw: bytes, source: str, folder: Path | None = None) -> Reading:
    """Read an item from bytes; `folder` is where its stimulus may lie."""
    findings: list[Finding] = []
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        hint = "save the file as UTF-8"
        findings.append(Finding(source, line, "not-utf-8", "error", "this line is not UTF-8 text", hint))
        text = raw.decode("utf-8-sig", errors="replace")
    reading = read_text(text, source, folder)
    return Reading(reading.item, (*findings, *reading.findings), reading.text)


def normalised(text: str) -> str:
    """Line ends, a byte-order mark and a word processor's quotes as we write them."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def read_text(text: str, source: str = "item.md", folder: Path | None = None) -> Reading:
    """Read an item from text."""
    findings: list[Finding] = []
    lines = normalised(text).split("\n")
    for number, line in enumerate(lines, 1) if _CONTROL.search(text) else ():
        if _CONTROL.search(line):
            findings.append(Finding(source, number, "control-character", "error", "a control character", "remove it"))
            lines[number - 1] = _CONTROL.sub("", line)
    start = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if lines[start].rstrip() != "---":
        message = "the file does not begin with a front matter"
        return Reading(None, (*findings, Finding(source, start + 1, "front-matter", "error", message, _SHAPE)))
    end = next((i for i in range(start + 1, len(lines)) if lines[i].rstrip() in ("---", "...")), None)
    if end is None:
        message = "the front matter is never closed"
        return Reading(None, (*findings, Finding(source, start + 1, "front-matter", "error", message, _SHAPE)))
    head = front_matter.read("\n".join(lines[start + 1 : end]), start + 2, source)
    schema = Schema(source, start + 1)
    fields = schema.read(head.entries)
    body_text = front_matter.straight("\n".join(lines[end + 1 :]))
    body_lines = [line.rstrip() for line in body_text.split("\n")]
    body = item_body.read(body_lines, end + 2, source)
    findings += [*head.findings, *schema.findings, *body.findings]
    item: Item | None = None
    if fields.get("type") and fields.get("id"):
        item = _item(fields, body, head.entries, source)
        findings += _structure(item, body)
        if folder is not None and any(f.kind == "file" for f in item.figures):
            item = replace(item, figures=tuple(_with_content(f, folder) for f in item.figures))
        if item.stimulus.endswith(".md"):
            item, found = _with_stimulus(item, folder)
            findings += found
    findings.sort(key=lambda f: f.line)
    return Reading(item, tuple(findings), "\n".join(lines))


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SHAPE = "an item begins with a line ---, its keys, and a line ---"


def _item(fields: dict[str, Any], body: item_body.Body, entries: Mapping[str, front_matter.Entry], source: str) -> Item:
    lines = {k: e.line for k, e in entries.items()} | body.lines
    values = {k.replace("-", "_"): v for k, v in fields.items() if k != "title-es"}
    values = {"title": "", "grade": "", "concepts": ()} | values
    return Item(
        **values,
        stem=body.stem.get("en", ""),
        options=tuple(body.options.get("en", ())),
        answers=tuple(body.answers),
        columns=tuple(body.columns.get("en", ())),
        rows=tuple(body.rows.get("en", ())),
        levels=tuple(body.levels.get("en", ())),
        errors=tuple(body.errors),
        solution=body.solution.get("en", ""),
        variants=_variants(body, str(fields.get("title-es", ""))),
        lines=lines,
        source=source,
    )


def _variants(body: item_body.Body, title: str) -> tuple[Variant, ...]:
    parts = (body.stem, body.options, body.columns, body.rows, body.levels, body.solution)
    if not title and not any("es" in part for part in parts):
        return ()
    line = next((body.lines[k] for k in body.lines if k.endswith("-es")), 0)
    return (
        Variant(
            "es",
            title,
            body.stem.get("es", ""),
            {o.letter: o.text for o in body.options.get("es", ())},
            {c.letter: c.text for c in body.columns.get("es", ())},
            {r.id: r.text for r in body.rows.get("es", ())},
            {x.points: x.text for x in body.levels.get("es", ())},
            body.solution.get("es", ""),
            line,
        ),
    )


def _structure(item: Item, body: item_body.Body) -> list[Finding]:
    """The parts that the type wants are there, and no others."""
    found: list[Finding] = []
    wanted = _TYPE_SECTION[item.type]
    for part in dict.fromkeys(_TYPE_SECTION.values()):
        heading = item_body.HEADINGS["en", part]
        if part == wanted and part not in body.lines:
            message = f"an item of type {item.type} has a section `## {heading}`"
            found.append(Finding(item.source, item.lines.get("type", 0), "missing-section", "error", message))
        elif part != wanted and part in body.lines:
            message = f"an item of type {item.type} has no section `## {heading}`"
            hint = f"its section is `## {item_body.HEADINGS['en', wanted]}`"
            found.append(Finding(item.source, body.lines[part], "wrong-section", "error", message, hint))
    if not item.stem.strip():
        found.append(Finding(item.source, item.lines.get("stem", 0), "no-stem", "error", "the item has no stem"))
    return found


def bank_root(folder: Path) -> Path:
    """The folder that holds concepts.yaml, from `folder` upward; else `folder` itself."""
    folder = folder.resolve()
    return next((p for p in (folder, *list(folder.parents)[:4]) if (p / "concepts.yaml").is_file()), folder)


def inside(folder: Path, name: str) -> Path | None:
    """The file `name` beside an item, or None where the name leads out of the bank's folder."""
    if (
        not name
        or "\0" in name
        or Path(name).is_absolute()
        or re.match(r"^[A-Za-z][A-Za-z+.-]*:", name)
        or "\\" in name
    ):
        return None
    try:
        root = bank_root(folder)
        path = (folder / name).resolve()
    except (OSError, RuntimeError):
        return None
    return path if path.is_relative_to(root) else None


def _with_content(figure: Figure, folder: Path) -> Figure:
    """A figure that is a picture file in the bank's folder, with its bytes."""
    path = inside(folder, str(figure.data.get("file", ""))) if figure.kind == "file" else None
    try:
        if path is None or path.suffix.lower() not in PICTURES or path.stat().st_size > MAX_BYTES:
            return figure
        return replace(figure, content=base64.b64encode(path.read_bytes()).decode())
    except OSError:
        return figure


def _with_stimulus(item: Item, folder: Path | None) -> tuple[Item, list[Finding]]:
    line = item.lines.get("stimulus", 0)
    path = inside(folder, item.stimulus) if folder is not None else None
    if path is None:
        if folder is None:
            return item, []
        message, hint = "the stimulus lies outside of the bank's folder", "a path relative to the item, in the bank"
        return item, [Finding(item.source, line, "path-outside", "error", message, hint)]
    try:
        text = _shared_text(path)
        variants = []
        for variant in item.variants:
            other = path.with_suffix(f".{variant.language}.md")
            variants.append(replace(variant, stimulus_text=_shared_text(other)) if other.exists() else variant)
    except (OSError, UnicodeDecodeError):
        message = f"the stimulus {item.stimulus[:80]} cannot be read"
        return item, [Finding(item.source, line, "no-stimulus", "error", message, "a UTF-8 text file")]
    return replace(item, stimulus_text=text, variants=tuple(variants)), []


def _shared_text(path: Path) -> str:
    if not path.is_file() or path.is_symlink() or path.stat().st_size > MAX_BYTES:
        raise OSError
    return normalised(path.read_text(encoding="utf-8-sig")).translate(front_matter.SMART_QUOTES).strip()
