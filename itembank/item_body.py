"""The body of an item file: stem, and the sections of each type, with line numbers."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from itembank.findings import Finding
from itembank.item_model import Answer, Column, MatchRow, Option, RubricError, RubricLevel

# heading -> (language, part)
SECTIONS: dict[str, tuple[str, str]] = {
    "Options": ("en", "options"),
    "Answer": ("en", "answers"),
    "Match": ("en", "match"),
    "Rubric": ("en", "rubric"),
    "Solution": ("en", "solution"),
    "Español": ("es", "stem"),
    "Opciones": ("es", "options"),
    "Tabla": ("es", "match"),
    "Rúbrica": ("es", "rubric"),
    "Solución": ("es", "solution"),
}
HEADINGS = {place: heading for heading, place in SECTIONS.items()}

_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$")
_OPTION = re.compile(r"^([A-Za-z])\s*(?:\[([^\]]*)\])?\s*(?:=\s*(.+?)\s*)?:(?=\s|$)\s*(.*)$", re.DOTALL)
_ANSWER = re.compile(r"^\[([^\]]*)\]\s*:(?=\s|$)\s*(.*)$", re.DOTALL)
_COLUMN = re.compile(r"^\s*([A-Za-z])\s*=\s*(.*?)\s*$", re.DOTALL)
_ROW = re.compile(r"^(\w+)\s*(?:\[([^\]]*)\])?\s*:(?=\s|$)\s*(.*)$", re.DOTALL)
_LEVEL = re.compile(r"^(\d+)\s*:(?=\s|$)\s*(.*)$", re.DOTALL)
_ID = re.compile(r"^[a-z0-9][a-z0-9-]*$")


@dataclass(slots=True)
class Body:
    """What the body holds, by language where it can be translated."""

    stem: dict[str, str] = field(default_factory=dict)
    solution: dict[str, str] = field(default_factory=dict)
    options: dict[str, list[Option]] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    columns: dict[str, list[Column]] = field(default_factory=dict)
    rows: dict[str, list[MatchRow]] = field(default_factory=dict)
    levels: dict[str, list[RubricLevel]] = field(default_factory=dict)
    errors: list[RubricError] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def read(lines: list[str], first_line: int, source: str) -> Body:
    """Read the body, whose first line is line `first_line` of `source`."""
    body = Body()
    reader = _Reader(body, source)
    for (language, part), start, text in _sections(lines, first_line, body, source):
        name = part if language == "en" else f"{part}-{language}"
        if name in body.lines:
            reader.note(start, "duplicate-section", f"a second section `{HEADINGS.get((language, part), part)}`")
            continue
        body.lines[name] = start
        getattr(reader, part)(language, text, start)
    return body


def _sections(
    lines: list[str], first_line: int, body: Body, source: str
) -> Iterator[tuple[tuple[str, str], int, list[str]]]:
    place, start, held = ("en", "stem"), first_line, list[str]()
    for number, line in enumerate(lines, first_line):
        heading = _HEADING.match(line)
        if heading is None:
            held.append(line)
            continue
        name = heading.group(1)
        wanted = SECTIONS.get(name) or SECTIONS.get(name.capitalize())
        if wanted is None or not line.startswith("## "):
            close = difflib.get_close_matches(name, SECTIONS, 1, 0.5)
            hint = f"did you mean `## {close[0]}`?" if close else "the sections are " + ", ".join(SECTIONS)
            if wanted is not None:
                hint = f"write `## {name.capitalize()}`"
            body.findings.append(
                Finding(source, number, "unknown-section", "error", f"the section `{name[:40]}` is not known", hint)
            )
        if wanted is not None:
            yield place, start, held
            place, start, held = wanted, number, []
    yield place, start, held


class _Reader:
    def __init__(self, body: Body, source: str) -> None:
        self.body, self.source = body, source

    def note(self, line: int, code: str, message: str, hint: str = "") -> None:
        self.body.findings.append(Finding(self.source, line, code, "error", message, hint))

    def bullets(self, lines: list[str], heading_line: int) -> Iterator[tuple[int, str]]:
        """Each `- ` line with the indented lines that continue it."""
        start, held = 0, list[str]()
        for number, line in enumerate(lines, heading_line + 1):
            if line.startswith(("- ", "* ")):
                if held:
                    yield start, "\n".join(held).strip()
                start, held = number, [line[2:]]
            elif held and (line.startswith("  ") or not line.strip()):
                held.append(line[2:] if line.startswith("  ") else line)
            elif line.strip():
                self.note(number, "stray-line", "this line belongs to no `- ` line", "begin it with `- ` or indent it")
        if held:
            yield start, "\n".join(held).strip()

    @staticmethod
    def text(lines: list[str]) -> str:
        return "\n".join(lines).strip("\n").rstrip()

    def stem(self, language: str, lines: list[str], start: int) -> None:
        self.body.stem[language] = self.text(lines)
        skip = next((i for i, line in enumerate(lines) if line.strip()), 0)
        self.body.lines["stem" if language == "en" else f"stem-{language}"] = (
            start + skip + (1 if language != "en" else 0)
        )

    def solution(self, language: str, lines: list[str], start: int) -> None:
        self.body.solution[language] = self.text(lines)

    def tag(self, line: int, tag: str | None, of: str) -> tuple[bool, str]:
        """(is key, misconception) of the words in brackets."""
        words = [w.strip() for w in (tag or "").split(",") if w.strip()]
        key = any(w.lower() == "key" for w in words)
        others = [w for w in words if w.lower() != "key"]
        if key and others:
            self.note(line, "key-with-misconception", f"{of} is the key and has a misconception", "keep one of them")
        if len(others) > 1:
            self.note(line, "two-misconceptions", f"{of} names {len(others)} misconceptions", "name the likeliest one")
        misconception = others[0] if others and not key else ""
        if misconception and not _ID.match(misconception):
            hint = "ids are small letters, digits and hyphens"
            self.note(line, "misconception-id", f"`{misconception[:40]}` is not a misconception's id", hint)
        return key, misconception

    def options(self, language: str, lines: list[str], start: int) -> None:
        found = self.body.options.setdefault(language, [])
        for line, text in self.bullets(lines, start):
            match = _OPTION.match(text)
            if match is None:
                self.note(line, "option-line", "this option cannot be read", "write `- A [misconception-id]: text`")
                continue
            letter, tag, value, words = match.groups()
            letter = letter.upper()
            key, misconception = self.tag(line, tag, f"option {letter}")
            if any(o.letter == letter for o in found):
                self.note(line, "duplicate-option", f"a second option {letter}", "give each option its own letter")
                continue
            if not words.strip():
                self.note(line, "empty-option", f"option {letter} has no text")
            found.append(Option(letter, key, misconception, words, value or "", line))

    def answers(self, language: str, lines: list[str], start: int) -> None:
        for line, text in self.bullets(lines, start):
            match = _ANSWER.match(text)
            if match is None:
                hint = "write `- [key]: 2.5` or `- [misconception-id]: 0.4`"
                self.note(line, "answer-line", "this answer cannot be read", hint)
                continue
            key, misconception = self.tag(line, match.group(1), "the answer")
            words, _, tolerance = match.group(2).partition("±")
            if not key and not misconception:
                self.note(line, "answer-tag", "the answer says neither [key] nor a misconception's id")
            if not words.strip():
                self.note(line, "empty-answer", "the answer has no text")
                continue
            self.body.answers.append(Answer(key, misconception, words.strip(), tolerance.strip(), line))

    def match(self, language: str, lines: list[str], start: int) -> None:
        columns = self.body.columns.setdefault(language, [])
        rows = self.body.rows.setdefault(language, [])
        for line, text in self.bullets(lines, start):
            if text.lower().startswith(("columns:", "columnas:")):
                self.columns(columns, line, text.partition(":")[2])
                continue
            match = _ROW.match(text)
            if match is None:
                self.note(line, "row-line", "this row cannot be read", "write `- 1 [P; N misconception-id]: text`")
                continue
            name, tag, words = match.groups()
            if any(r.id == name for r in rows):
                self.note(line, "duplicate-row", f"a second row {name}", "number the rows")
                continue
            keys, misconceptions = self.row_tag(line, name, tag or "")
            if not words.strip():
                self.note(line, "empty-row", f"row {name} has no text")
            rows.append(MatchRow(name, keys, misconceptions, words, line))

    def columns(self, columns: list[Column], line: int, text: str) -> None:
        for part in text.split("|"):
            match = _COLUMN.match(part)
            if match is None:
                hint = "write `- columns: P = proportional | N = not proportional`"
                self.note(line, "column-line", "the columns cannot be read", hint)
            elif any(c.letter == match.group(1).upper() for c in columns):
                self.note(line, "duplicate-column", f"a second column {match.group(1).upper()}")
            else:
                columns.append(Column(match.group(1).upper(), match.group(2)))

    def row_tag(self, line: int, row: str, tag: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
        first, *rest = [p.strip() for p in tag.split(";")]
        keys = tuple(k.upper() for k in re.split(r"[,\s]+", first) if k)
        found: list[tuple[str, str]] = []
        for part in rest:
            letter, _, misconception = part.partition(" ")
            misconception = misconception.strip().lstrip(":").strip()
            if len(letter) != 1 or not _ID.match(misconception):
                hint = "write `[P; N misconception-id]`: the right column, then each wrong one"
                self.note(line, "row-tag", f"row {row}: `{part[:40]}` is not a column and a misconception", hint)
            else:
                found.append((letter.upper(), misconception))
        return keys, tuple(found)

    def rubric(self, language: str, lines: list[str], start: int) -> None:
        levels = self.body.levels.setdefault(language, [])
        for line, text in self.bullets(lines, start):
            if level := _LEVEL.match(text):
                points = int(level.group(1)[:6])
                if any(x.points == points for x in levels):
                    self.note(line, "duplicate-level", f"a second level for {points} points")
                else:
                    levels.append(RubricLevel(points, level.group(2), line))
            elif answer := _ANSWER.match(text):
                _, misconception = self.tag(line, answer.group(1), "the line")
                if misconception:
                    self.body.errors.append(RubricError(misconception, answer.group(2), line))
                else:
                    self.note(line, "rubric-tag", "the brackets name no misconception", "`- [misconception-id]: ...`")
            else:
                hint = "write `- 2: what earns two points` or `- [misconception-id]: what such an answer looks like`"
                self.note(line, "rubric-line", "this line of the rubric cannot be read", hint)
