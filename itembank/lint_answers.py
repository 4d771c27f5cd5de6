"""Rules about options, answers, rows and rubrics."""

import re
from collections.abc import Iterator

from itembank import mathtext
from itembank.findings import Finding
from itembank.item_model import Item
from itembank.lint_rules import Surroundings, found, rule, unit_words
from itembank.verify_equivalence import equivalent
from itembank.verify_reading import readings
from itembank.verify_syntax import ExpressionError


@rule
def right_number_of_keys(item: Item, around: Surroundings) -> Iterator[Finding]:
    if item.type == "choice" and item.options:
        if len(item.keys) > 1:
            second = [o for o in item.options if o.key][1]
            yield found(item, second.line, "two-keys", f"{len(item.keys)} options are the key: {', '.join(item.keys)}",
                        "one key; for several, `type: multi-select`")  # fmt: skip
        if not item.keys:
            yield found(item, "options", "no-key", "no option is the key", "write `- A [key]: ...`")
    if item.type == "multi-select" and item.options:
        if len(item.keys) < 2:
            yield found(item, "options", "too-few-keys", f"{len(item.keys)} key(s) in a multi-select item",
                        "two or more; for one, `type: choice`")  # fmt: skip
        if len(item.keys) == len(item.options):
            yield found(item, "options", "all-keys", "every option is a key", "add wrong options")
    if item.type in ("choice", "multi-select") and 0 < len(item.options) < 3:
        yield found(item, "options", "few-options", f"only {len(item.options)} options", "three or more", "warning")
    if item.type in ("numeric", "short-text") and "answers" in item.lines and not any(a.key for a in item.answers):
        yield found(item, "answers", "no-key", "no answer is the key", "write `- [key]: ...`")


@rule
def letters_in_order(item: Item, around: Surroundings) -> Iterator[Finding]:
    for option, wanted in zip(item.options, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", strict=False):
        if option.letter != wanted:
            yield found(item, option.line, "option-order", f"option {option.letter} stands where {wanted} belongs",
                        "letters run A, B, C ...")  # fmt: skip
            return


@rule
def wrong_options_have_misconceptions(item: Item, around: Surroundings) -> Iterator[Finding]:
    for option in item.options:
        if not option.key and not option.misconception:
            yield found(item, option.line, "no-misconception", f"option {option.letter} names no misconception",
                        f"write `- {option.letter} [misconception-id]: ...`")  # fmt: skip
    for row in item.rows:
        for letter, _ in row.misconceptions:
            if letter in row.keys:
                yield found(
                    item, row.line, "key-with-misconception", f"row {row.id}: column {letter} is right, and wrong"
                )
        if item.columns and len(item.columns) > len(row.keys) and not row.misconceptions:
            yield found(item, row.line, "no-misconception", f"row {row.id} names no misconception",
                        f"write `- {row.id} [P; N misconception-id]: ...`")  # fmt: skip


@rule
def match_fits_its_columns(item: Item, around: Surroundings) -> Iterator[Finding]:
    if item.type != "match" or "match" not in item.lines:
        return
    letters = {c.letter for c in item.columns}
    if len(letters) < 2:
        yield found(item, "match", "columns", "a match item has two or more columns", "`- columns: P = ... | N = ...`")
        return
    if not item.rows:
        yield found(item, "match", "no-rows", "a match item has rows", "`- 1 [P; N misconception-id]: ...`")
    for row in item.rows:
        if not row.keys:
            yield found(item, row.line, "no-key", f"row {row.id} has no right column", "`- 1 [P; ...]: ...`")
        for letter in (*row.keys, *(c for c, _ in row.misconceptions)):
            if letter not in letters:
                yield found(item, row.line, "unknown-column", f"row {row.id}: there is no column {letter}")


@rule
def rubric_covers_its_points(item: Item, around: Surroundings) -> Iterator[Finding]:
    if item.type != "rubric" or "rubric" not in item.lines:
        return
    levels = {x.points for x in item.levels}
    missing = [p for p in range(item.points + 1) if p not in levels]
    if missing:
        yield found(item, "rubric", "rubric-levels", f"no level for {', '.join(map(str, missing))} points",
                    f"one line for each of 0 to {item.points}")  # fmt: skip
    for level in item.levels:
        if level.points > item.points:
            yield found(item, level.line, "rubric-levels", f"a level of {level.points} of {item.points} points")


@rule
def options_differ(item: Item, around: Surroundings) -> Iterator[Finding]:
    """No two options are equal in text; none equal in value, but for keys of a multi-select item."""
    said = [(o, " ".join((o.value or o.text).split()).lower()) for o in item.options]
    for i, (a, text) in enumerate(said):
        for b, other in said[i + 1 :]:
            if a.text.strip().lower() == b.text.strip().lower():
                yield found(item, b.line, "equal-options", f"options {a.letter} and {b.letter} have the same text")
            elif (
                item.verify.compare != "form"
                and not item.verify.statements
                and not (a.key and b.key)
                and (text == other or _equal(a.value or a.text, b.value or b.text))
            ):
                yield found(item, b.line, "equal-options", f"options {a.letter} and {b.letter} are equal in value",
                            "change one; where they differ in form on purpose: `compare: form` in verify")  # fmt: skip


def _equal(a: str, b: str) -> bool:
    first, second = readings(a), readings(b)
    if not first or not second or first[0].tree.kind == "text" or second[0].tree.kind == "text":
        return False
    if re.sub(r"[^a-z]+", "", unit_words(a)) != re.sub(r"[^a-z]+", "", unit_words(b)):  # 5 inches and 5 feet
        return False
    try:
        return equivalent(first[0].tree, second[0].tree, {})
    except ExpressionError:
        return False


@rule
def answers_differ(item: Item, around: Surroundings) -> Iterator[Finding]:
    keys = [a for a in item.answers if a.key]
    for i, answer in enumerate(item.answers):
        if answer.key:
            continue
        for other in (*keys, *(a for a in item.answers[:i] if not a.key)):
            if answer.text.lower() == other.text.lower() or _equal(answer.text, other.text):
                if other.key:
                    yield found(item, answer.line, "equal-answers", f"{answer.misconception} leads to the key's answer",
                                "change the numbers, so that the misconception shows")  # fmt: skip
                elif answer.misconception != other.misconception:
                    yield found(item, answer.line, "equal-answers",
                                f"{answer.misconception} and {other.misconception} lead to the same answer",
                                "such an answer tells nothing about either", "warning")  # fmt: skip


@rule
def numeric_answers_are_numbers(item: Item, around: Surroundings) -> Iterator[Finding]:
    if item.type != "numeric":
        return
    for answer in item.answers:
        understood = readings(answer.text)
        if not understood or understood[0].tree.kind == "text":
            yield found(item, answer.line, "not-a-number", f"the answer `{answer.text[:40]}` is not a number",
                        "a number, fraction or percent; for words, `type: short-text`")  # fmt: skip


@rule
def key_is_not_the_longest(item: Item, around: Surroundings) -> Iterator[Finding]:
    if item.type != "choice" or len(item.options) < 3 or len(item.keys) != 1:
        return
    lengths = {o.letter: len(mathtext.plain(o.text)) for o in item.options}
    key = lengths[item.keys[0]]
    others = sorted(v for k, v in lengths.items() if k != item.keys[0])
    if key >= 40 and key > 1.5 * others[-1]:
        line = next(o.line for o in item.options if o.key)
        yield found(item, line, "longest-option", "the key is much longer than every other option",
                    "test-wise students choose the longest option: even them out", "notice")  # fmt: skip
