"""What an item is: plain frozen data, with the line each part stands on."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

ItemType = Literal["choice", "multi-select", "numeric", "short-text", "match", "rubric"]
TYPES: tuple[ItemType, ...] = ("choice", "multi-select", "numeric", "short-text", "match", "rubric")
GRADES = ("6", "7", "8", "A1")
CALCULATOR = ("no", "yes", "neutral")
CLAIMS = ("1", "2", "3", "4")
DOKS = ("1", "2", "3", "4")
PRACTICES = tuple(f"MP{i}" for i in range(1, 9))
LANGUAGES = ("en", "es")

Data = str | tuple["Data", ...] | Mapping[str, "Data"]  # what a front matter holds: text, lists, mappings


@dataclass(frozen=True, slots=True)
class Author:
    """A person who wrote the item; `district` is the letter or name of the district."""

    name: str
    district: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a choice or multi-select item.

    Attributes:
        letter: A, B, C ...
        key: whether it is (one of) the right one(s).
        misconception: id of the misconception behind a wrong option; "" for the key.
        value: what stands after `=` before the colon, the option's value where its text is a sentence; else "".
        text: Markdown with math.
        line: 1-based line of the file.
    """

    letter: str
    key: bool
    misconception: str
    text: str
    value: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a numeric or short-text item: accepted (key) or expected from a misconception."""

    key: bool
    misconception: str
    text: str
    tolerance: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a match item."""

    letter: str
    text: str


@dataclass(frozen=True, slots=True)
class MatchRow:
    """A row of a match item: its right columns, and the misconception behind each wrong one."""

    id: str
    keys: tuple[str, ...]
    misconceptions: tuple[tuple[str, str], ...]
    text: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class RubricLevel:
    """What earns `points` points."""

    points: int
    text: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class RubricError:
    """What an answer from a misconception looks like."""

    misconception: str
    text: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure drawn from data, or a file beside the item.

    Attributes:
        name: how `[figure: name]` in the text calls it; figures that the text does not call follow the stem.
        kind: number-line, grid, bar, box, dot, fraction-bar, triangle, circle, or file.
        alt: what a person who cannot see it needs to know, without the answer.
        alt_es: the same in Spanish; "" where there is none.
        data: the rest of its front matter.
        content: of a file, its bytes in base64, so that a changed picture is a changed item and the bank keeps it.
    """

    name: str
    kind: str
    alt: str
    data: Mapping[str, Data] = field(default_factory=dict)
    line: int = 0
    alt_es: str = ""
    content: str = ""

    def description(self, language: str = "en") -> str:
        """The alt text in a language, in English where there is none."""
        return self.alt_es if language == "es" and self.alt_es else self.alt


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression of `verify` as written, and its line."""

    text: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Verify:
    """How the key and every misconception's answer come from the numbers of the stem.

    Attributes:
        given: name -> value as written.
        let: name -> expression in givens (steps that several answers share).
        variables: letters that stay letters.
        expressions: "key", an option letter or a misconception id -> expression.
        statements: option letter -> expression that is true for the keys and false for the others.
        rows: row id -> expression that gives the column.
        compare: "value", or "form" where options of equal value differ in form on purpose.
        reason: why nothing can be recomputed; "" where something can.
    """

    given: Mapping[str, Expression] = field(default_factory=dict)
    let: Mapping[str, Expression] = field(default_factory=dict)
    variables: tuple[str, ...] = ()
    expressions: Mapping[str, Expression] = field(default_factory=dict)
    statements: Mapping[str, Expression] = field(default_factory=dict)
    rows: Mapping[str, Expression] = field(default_factory=dict)
    compare: str = "value"
    reason: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Variant:
    """The item in another language: stem, options by letter, columns, rows, rubric levels, solution.

    `stimulus_text` is the shared text in that language, from `NAME.es.md` beside `NAME.md`.
    """

    language: str
    title: str = ""
    stem: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[int, str] = field(default_factory=dict)
    solution: str = ""
    line: int = 0
    stimulus_text: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One item, as its file says it.

    Attributes:
        lines: part ("stem", "solution", "options", a front-matter key) -> 1-based line.
        source: the file it was read from.
    The rest is described in items/README.md under the same names.
    """

    id: str
    title: str
    grade: str
    concepts: tuple[str, ...]
    type: ItemType
    stem: str
    standards: tuple[str, ...] = ()
    claim: str = ""
    dok: str = ""
    practices: tuple[str, ...] = ()
    calculator: str = "no"
    points: int = 1
    language: str = "en"
    authors: tuple[Author, ...] = ()
    difficulty: float | None = None
    why: str = ""
    enemies: tuple[str, ...] = ()
    stimulus: str = ""
    stimulus_text: str = ""
    options: tuple[Option, ...] = ()
    answers: tuple[Answer, ...] = ()
    columns: tuple[Column, ...] = ()
    rows: tuple[MatchRow, ...] = ()
    levels: tuple[RubricLevel, ...] = ()
    errors: tuple[RubricError, ...] = ()
    solution: str = ""
    variants: tuple[Variant, ...] = ()
    figures: tuple[Figure, ...] = ()
    verify: Verify = field(default_factory=Verify)
    lines: Mapping[str, int] = field(default_factory=dict)
    source: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The letters of the right options."""
        return tuple(o.letter for o in self.options if o.key)

    @property
    def misconceptions(self) -> tuple[str, ...]:
        """Ids of all misconceptions the item can show, in the order they appear, once each."""
        found = [o.misconception for o in self.options] + [a.misconception for a in self.answers]
        found += [m for r in self.rows for _, m in r.misconceptions] + [e.misconception for e in self.errors]
        return tuple(dict.fromkeys(m for m in found if m))

    @property
    def content_hash(self) -> str:
        """SHA-256 of the content, the same for every way of writing the same file (BOM, line ends, quotes, order)."""
        text = json.dumps(_content(self), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _content(value: Any) -> Any:
    """The data without the places they stand at."""
    if hasattr(value, "__dataclass_fields__"):
        names = [f.name for f in fields(value) if f.name not in ("line", "lines", "source")]
        found = {n: _content(getattr(value, n)) for n in names}
        return {n: v for n, v in found.items() if v not in ("", None, [], {})}  # later fields keep earlier hashes
    if isinstance(value, Mapping):
        return {str(k): _content(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_content(v) for v in value]
    return value
