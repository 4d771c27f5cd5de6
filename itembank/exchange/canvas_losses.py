"""What Canvas drops of an item or scores otherwise than we do: data, shown and written beside the package."""

import csv
import io
from collections.abc import Iterator, Sequence

from itembank.findings import Finding
from itembank.item_model import Item
from itembank.terminal import neutralised

COLUMNS = ("item", "part", "in_canvas")


def loss(item: Item, part: str, message: str) -> Finding:
    return Finding(item.id, 0, "qti-loss", "notice", message, "", part)


def of(item: Item, kind: str, language: str) -> list[Finding]:
    """Every loss of one item.

    Args:
        item: as it is here.
        kind: the question type that it became in Canvas.
        language: of the export.
    """
    return [loss(item, part, message) for part, message in _losses(item, kind, language)]


def _losses(item: Item, kind: str, language: str) -> Iterator[tuple[str, str]]:
    if item.misconceptions:
        yield "misconceptions", f"dropped: {', '.join(item.misconceptions)}; answers keep their meaning here only"
    tags = [n for n in ("grade", "concepts", "standards", "claim", "dok", "practices") if getattr(item, n)]
    if tags:
        yield "tags", f"dropped: {', '.join(tags)}"
    if item.calculator != "neutral":
        yield "calculator", f"dropped: calculator {item.calculator}; set it in the quiz or say it in the instructions"
    if item.enemies:
        yield "enemies", f"dropped: must not meet {', '.join(item.enemies)}"
    if item.stimulus_text:
        yield "stimulus", "the shared text is repeated in this question"
    if item.solution:
        yield "solution", "left out, since students could be shown it"
    if language == item.language and item.variants:
        yield "language", "the other language is a package of its own (--language es)"
    if len(item.keys) > 1 and item.type == "choice":
        yield "key", f"Canvas takes one right option: only {item.keys[0]} counts there"
    yield from _scoring(item, kind)
    if kind == "matching_question":
        texts = [r.text for r in item.rows] + [c.text for c in item.columns]
        if any("$" in t or "*" in t for t in texts):
            yield "math", "rows and columns are plain text in Canvas: formulas are written in one line"


def _scoring(item: Item, kind: str) -> Iterator[tuple[str, str]]:
    if kind == "multiple_answers_question":
        here = "all right options and no other" if item.points == 1 else "right less wrong options, whole points"
        yield "partial credit", f"Canvas gives a share for each right option less wrong ones; here: {here}"
        if item.type == "match":
            yield "interaction", "a row with several right columns is shown as a list of row and column pairs"
    elif kind == "matching_question":
        here = "all rows or nothing" if item.points == 1 else "whole points for the share of right rows"
        yield "partial credit", f"Canvas gives a share of the points for each row; here: {here}"
        yield "interaction", "the table is shown as rows with a list to choose from, in an order that Canvas shuffles"
    elif kind == "numerical_question":
        yield "spelling", "Canvas reads decimal numbers: 1/2 or 50% is wrong there, right here"
        if any(a.tolerance for a in item.answers if a.key):
            yield "tolerance", "kept as an absolute margin"
    elif kind == "short_answer_question":
        yield "spelling", "Canvas compares the text with the accepted spellings, without case; others are wrong there"
        if any(a.tolerance for a in item.answers if a.key):
            yield "tolerance", "dropped: the answer is compared as text"
    elif kind == "essay_question":
        yield "rubric", "dropped: the levels; score with `responses scorers`, or make a rubric in Canvas"
    elif kind == "multiple_choice_question":
        yield "order", "options keep our order as long as the quiz setting shuffle answers stays off"


def table(losses: Sequence[Finding]) -> str:
    """The losses as CSV with the columns item, part, in_canvas."""
    held = io.StringIO(newline="")
    writer = csv.writer(held, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([neutralised(f.source), neutralised(f.column), neutralised(f.message)] for f in losses)
    return held.getvalue()


__all__ = ["COLUMNS", "loss", "of", "table"]
