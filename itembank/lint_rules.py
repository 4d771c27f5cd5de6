"""What the rules of the check share: their list, what they may know, and the texts of an item."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from itembank import mathtext
from itembank.catalogue import Catalogue
from itembank.findings import Finding, Severity
from itembank.item_model import Item

Rule = Callable[[Item, "Surroundings"], Iterable[Finding]]
RULES: list[Rule] = []


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a rule may know beside the item: the catalogues and the other items' ids."""

    catalogue: Catalogue = field(default_factory=Catalogue)
    ids: frozenset[str] | None = None
    folder: Path | None = None


def rule(function: Rule) -> Rule:
    RULES.append(function)
    return function


def found(
    item: Item, line: int | str, code: str, message: str, hint: str = "", severity: Severity = "error", column: str = ""
) -> Finding:
    number = line if isinstance(line, int) else item.lines.get(line, 0)
    return Finding(item.source, number, code, severity, message, hint, column)


def texts(item: Item) -> Iterator[tuple[int, str]]:
    """Every text a student or reader sees, with its first line."""
    yield item.lines.get("stem", 0), item.stem
    yield item.lines.get("title", 0), item.title
    for group in (item.options, item.answers, item.rows, item.levels, item.errors):
        for part in group:
            yield part.line, part.text
    for column in item.columns:
        yield item.lines.get("match", 0), column.text
    start = item.lines.get("solution", 0)
    yield start + 1 + blank_lines(item.solution), item.solution
    if item.stimulus_text:
        yield item.lines.get("stimulus", 0), item.stimulus_text
    for figure in item.figures:
        yield figure.line, figure.alt
    for variant in item.variants:
        yield item.lines.get("stem-es", variant.line), variant.stem
        yield item.lines.get("solution-es", variant.line) + 1, variant.solution
        for text in (*variant.options.values(), *variant.columns.values()):
            yield item.lines.get("options-es", variant.line), text
        for text in (*variant.rows.values(), *variant.levels.values()):
            yield variant.line, text


def blank_lines(text: str) -> int:
    return 1 if text else 0


def close_to(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f"did you mean `{close[0]}`?" if close else "add it to the catalogue"


def unit_words(text: str) -> str:
    """The words outside of math, units in the singular."""
    outside = " ".join(s.text for s in mathtext.split(text).segments if not s.math).lower()
    return " ".join(w.removesuffix("s") for w in re.findall(r"[a-z]+", outside) if w != "percent")
