"""What in a sheet of responses can be stored and is probably a slip: each said, none of it in the way."""

import re
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
from sqlmodel import Session, select

from itembank import keys, suggest
from itembank.answers import value_of
from itembank.findings import Finding
from itembank.models import School
from itembank.packing import FIRST_ANSWER, INVALID
from itembank.sheets import Layout, Sheet, limit, more

if TYPE_CHECKING:
    from itembank.responses import Checked

_SHORTEST = 5  # letters from which on two schools' names can be near by a slip; codes are near by nature


def unanswered(result: "Checked", found: list[Finding]) -> None:
    """Items of a form that none of its sheets answers: a column that was lost on the way, more likely than not."""
    sheet = result.sheet
    assert sheet is not None
    for (form, listed), block in zip(result.forms, result.answers, strict=True):
        if not len(block):
            continue
        answered = ((block >= FIRST_ANSWER) | (block == INVALID)).any(axis=0)
        empty = [line.item for line in listed if not answered[line.position] and line.item in sheet.items]
        if empty:
            many = "1 item" if len(empty) == 1 else f"{len(empty)} items"
            sheets = "the only sheet" if len(block) == 1 else f"any of the {len(block):,} sheets"
            message = f"{many} of the form {form.code} without an answer on {sheets}: {suggest.shown(empty)}."
            hint = "If it was not given: --not-given CODE, or leave the column out. Else look for its answers."
            found.append(Finding(sheet.source, 1, "item-unanswered", "warning", message, hint))


def no_numbers(session: Session, result: "Checked", found: list[Finding]) -> None:
    """Answers to numeric items that are no number, by row; they are kept as given and earn nothing."""
    sheet = result.sheet
    assert sheet is not None
    versions = [line.version_id for _, listed in result.forms for line in listed]
    rules = {v: k.rule for v, k in keys.first(session, versions).items()}
    for (_, listed), block, members in zip(result.forms, result.answers, result.members, strict=True):
        for line in listed if len(block) else []:
            rule = rules[line.version_id]
            words = result.vocabulary.get(line.version_id, [])
            wrong = [FIRST_ANSWER + i for i, (k, text) in enumerate(words) if k == "answer" and value_of(text) is None]
            if (
                rule["type"] != "numeric"
                or not wrong
                or any(value_of(str(a["answer"])) is None for a in rule["accepted"])
            ):
                continue
            j = sheet.items.index(line.item)
            places = members[np.isin(block[:, line.position], wrong)]
            for sitting in places[: limit(found)].tolist():
                message = f"The answer to {line.item} is no number; it is kept as given and counts as wrong."
                hint = "Mend a slip of the pen; --omit and --invalid name the codes of blanks."
                row = sheet.row_of(sitting, j)
                found.append(Finding(sheet.source, row, "no-number", "warning", message, hint, sheet.columns[j]))
            if len(places) > limit(found):
                more(found, sheet.source, "no-number", len(places) - limit(found), sheet.columns[j], "warning")


def new_schools(session: Session, sheet: Sheet, result: "Checked", layout: Layout, found: list[Finding]) -> None:
    """Schools that the bank does not know yet, where it knows others of the district; with the name that is near."""
    fact = sheet.facts.get("school")
    fixed = layout.fixed.get("school", "")
    known: dict[int, list[str]] = defaultdict(list)
    for school in session.exec(select(School)).all():
        known[school.district_id].append(school.code)
    districts = result.district_ids.tolist()
    if fact is None:
        pairs = [(d, fixed) for d in dict.fromkeys(districts)]
        rows, of = {p: int(sheet.rows[0]) for p in pairs}, dict.fromkeys(pairs, len(sheet.rows))
    else:
        rows, of = {}, defaultdict(int)
        for i, pair in enumerate(zip(districts, fact.codes.tolist(), strict=True)):
            named = (pair[0], fact.values[pair[1]])
            rows.setdefault(named, int(sheet.rows[i]))
            of[named] += 1
    new = sorted(p for p in rows if p[1] and known[p[0]] and p[1] not in known[p[0]])
    plain: list[str] = []
    for district, name in new:
        near = [n for n in suggest.nearest(name, known[district]) if _slip(name, n)]
        if not near:
            plain.append(name)
            continue
        count = of[district, name]
        message = f"The school {name!r} ({'1 sheet' if count == 1 else f'{count:,} sheets'}) is new to the bank."
        hint = f"Did you mean {near[0]!r}? As it stands, it becomes a school of its own."
        found.append(
            Finding(
                sheet.source, rows[district, name], "new-school", "warning", message, hint, fact.column if fact else ""
            )
        )
    if plain:
        message = f"{'1 school is' if len(plain) == 1 else f'{len(plain)} schools are'} new to the bank: "
        message += f"{suggest.shown(plain, 12)}."
        found.append(Finding(sheet.source, 0, "new-school", "warning", message, "", fact.column if fact else ""))


def _slip(one: str, other: str) -> bool:
    """Whether two names can be one, misspelt: long enough, and not told apart by a number (`School 1`, `School 2`)."""
    numbers = [[int(n) for n in re.findall(r"\d+", name)] for name in (one, other)]
    return min(len(suggest.plain(one)), len(suggest.plain(other))) >= _SHORTEST and numbers[0] == numbers[1]
