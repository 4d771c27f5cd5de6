"""Responses: checked as a whole, then stored as a whole or not at all.

`check` finds everything that is wrong with a sheet; `load` stores one that is right. Answers are stored as given;
points are a matter of the key, when they are read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlmodel import Session, select

from itembank import (
    administrations,
    attendance,
    audit,
    form_versions,
    forms,
    keys,
    rejects,
    response_doubts,
    shuffling,
    version_doubts,
)
from itembank.errors import Rejected
from itembank.findings import Finding, errors
from itembank.forms import FormLine
from itembank.models import (
    Administration,
    District,
    Form,
    Import,
    Person,
)
from itembank.packing import BLANKS, FIRST_ANSWER, INVALID, NOT_ADMINISTERED, NOT_REACHED, OMITTED
from itembank.sheets import Every, Layout, Sheet, limit, more, read_sheet
from itembank.tabular import Table, read_table

LONGEST = 500  # characters of an answer


@dataclass
class Checked:
    """A sheet that was read against its administration.

    Attributes:
        sheet: the sheet; None where the columns did not allow one.
        findings: everything there is to say, errors first.
        district_ids: (N,) of each sitting.
        form_index: (N,) into `forms`.
        forms: with their lines.
        answers: per form: (n_f, J_f) codes: blanks 0-3, or FIRST_ANSWER + index into `vocabulary[j]`.
        members: per form: the sittings (indices into the sheet) in the order of `answers`.
        vocabulary: item version id -> (kind, answer) in the order of the codes.
        tested_on: (N,) dates as ISO text, or None.
        away: rows of absent and exempt students, without answers; None where the file tells of none.
        words: (N,) absent or exempt, of `away`.
    """

    sheet: Sheet | None
    findings: list[Finding]
    district_ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    form_index: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    forms: list[tuple[Form, list[FormLine]]] = field(default_factory=list)
    answers: list[NDArray[np.uint32]] = field(default_factory=list)
    members: list[NDArray[np.int64]] = field(default_factory=list)
    vocabulary: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    tested_on: list[str | None] = field(default_factory=list)
    away: "Checked | None" = None
    words: NDArray[np.str_] = field(default_factory=lambda: np.zeros(0, np.str_))

    @property
    def sittings(self) -> int:
        return len(self.sheet.rows) if self.sheet is not None else 0

    @property
    def refused(self) -> bool:
        return bool(errors(self.findings))


@dataclass(frozen=True)
class Loaded:
    """What a load did.

    Attributes:
        sittings: stored now; 0 when the file had been loaded before.
        students: that were new to the bank.
        schools: that were new to the bank.
        already: when this very file was loaded before, else "".
        findings: warnings and notices.
        away: absent and exempt students that were recorded.
        rejected: rows that were set aside, as CSV with the reasons; "" where there were none.
        rejected_rows: how many.
    """

    sittings: int
    students: int
    schools: int
    already: str
    findings: tuple[Finding, ...]
    away: int = 0
    rejected: str = ""
    rejected_rows: int = 0


def check(
    session: Session, administration: Administration, table: Table, layout: Layout, every: bool = False
) -> Checked:
    """Read a table against an administration; finds every fault, stores nothing.

    Args:
        session: a reading (or writing) session.
        administration: where the responses belong.
        table: the file.
        layout: how to read its columns.
        every: list every fault, not only the first ones of a kind.
    """
    found: list[Finding] = Every(table.findings) if every else list(table.findings)
    rest, gone, words = attendance.parted(table, layout, found)
    given = [(f, forms.lines(session, f)) for f in administrations.forms(session, administration)]
    known = {line.item for _, listed in given for line in listed}
    result = Checked(None, found, forms=given)
    if gone is not None and len(gone.rows):
        result.away = _away(session, administration, gone, words, layout, found)
        if not len(rest):
            return result
    sheet = result.sheet = read_sheet(rest, layout, known, found)
    if sheet is None:
        return result
    _students(sheet, found)
    result.district_ids = _districts(session, administration, sheet, layout, found)
    result.form_index = _form_of(sheet, layout, given, found)
    _repeated(sheet, result, found)
    result.tested_on = _dates(sheet, layout, administration, found)
    _answers(session, sheet, layout, result, found)
    _versions(session, sheet, result, found)
    response_doubts.unanswered(result, found)
    response_doubts.no_numbers(session, result, found)
    response_doubts.new_schools(session, sheet, result, layout, found)
    found.sort(key=lambda f: (f.severity != "error", f.line))
    return result


def _away(
    session: Session,
    administration: Administration,
    gone: Sheet,
    words: NDArray[np.str_],
    layout: Layout,
    found: list[Finding],
) -> Checked:
    """Rows of students who were away, with the same checks of who they are."""
    result = Checked(gone, found, words=words)
    _students(gone, found)
    result.district_ids = _districts(session, administration, gone, layout, found)
    result.form_index = np.full(len(gone.rows), -1, dtype=np.int64)
    _repeated(gone, result, found)
    return result


def _each(sheet: Sheet, bad: NDArray[np.bool_], make: Callable[[int], Finding], found: list[Finding]) -> None:
    """A finding for each bad sitting, the first ones singly, the rest counted."""
    where = np.flatnonzero(bad)
    for sitting in where[: limit(found)]:
        found.append(make(int(sitting)))
    if len(where) > limit(found):
        last = found[-1]
        more(found, sheet.source, last.code, len(where) - limit(found), last.column)


def _students(sheet: Sheet, found: list[Finding]) -> None:
    fact = sheet.facts["student"]
    blank = np.array([not v for v in fact.values], dtype=bool)[fact.codes]
    message = "The row names no student."
    _each(
        sheet,
        blank,
        lambda i: Finding(sheet.source, int(sheet.rows[i]), "no-student", "error", message, "Fill it.", fact.column),
        found,
    )
    if any("E+" in v.upper() and v[:1].isdigit() for v in fact.values):
        message = "Some identifiers look like 1.2E+09: a spreadsheet has rounded them."
        hint = "Export them as text."
        found.append(Finding(sheet.source, 0, "rounded-identifiers", "error", message, hint, fact.column))


def _districts(
    session: Session, administration: Administration, sheet: Sheet, layout: Layout, found: list[Finding]
) -> NDArray[np.int64]:
    parts = administrations.districts(session, administration)
    ids = {d.code: d.id or 0 for d in parts}
    n = len(sheet.rows)
    hint = "Districts of this administration: " + ", ".join(ids)
    fixed = layout.fixed.get("district", "")
    if fixed or "district" not in sheet.facts:
        if not fixed and len(ids) == 1:
            fixed = next(iter(ids))
        if fixed not in ids:
            message = f"District {fixed!r} takes no part." if fixed else "The file does not say which district."
            found.append(Finding(sheet.source, 0, "unknown-district", "error", message, f"--district CODE. {hint}"))
            return np.zeros(n, np.int64)
        return np.full(n, ids[fixed], np.int64)
    fact = sheet.facts["district"]
    lut = np.array([ids.get(v, 0) for v in fact.values], dtype=np.int64)
    here = lut[fact.codes]
    message = "The district takes no part in this administration."
    _each(
        sheet,
        here == 0,
        lambda i: Finding(sheet.source, int(sheet.rows[i]), "unknown-district", "error", message, hint, fact.column),
        found,
    )
    return here


def _form_of(
    sheet: Sheet, layout: Layout, given: list[tuple[Form, list[FormLine]]], found: list[Finding]
) -> NDArray[np.int64]:
    names = {f.code: i for i, (f, _) in enumerate(given)}
    n = len(sheet.rows)
    hint = "Forms of this administration: " + ", ".join(names)
    fixed = layout.fixed.get("form", "")
    if fixed or "form" not in sheet.facts:
        if not fixed and len(names) == 1:
            fixed = next(iter(names))
        if fixed not in names:
            message = f"There is no form {fixed!r} here." if fixed else "The file does not say which form."
            found.append(Finding(sheet.source, 0, "unknown-form", "error", message, f"--form NAME. {hint}"))
            return np.full(n, -1, np.int64)
        return np.full(n, names[fixed], np.int64)
    fact = sheet.facts["form"]
    here = np.array([names.get(v, -1) for v in fact.values], dtype=np.int64)[fact.codes]
    message = "The form is not one of this administration."
    _each(
        sheet,
        here < 0,
        lambda i: Finding(sheet.source, int(sheet.rows[i]), "unknown-form", "error", message, hint, fact.column),
        found,
    )
    return here


def _repeated(sheet: Sheet, result: Checked, found: list[Finding]) -> None:
    """The same student twice on the same form, or on two versions of it."""
    fact = sheet.facts["student"]
    _, districts = np.unique(result.district_ids, return_inverse=True)
    family = form_versions.families(f for f, _ in result.forms)
    place = {form: n for n, form in enumerate(dict.fromkeys(family.values()), 1)}
    of_form = np.array([0, *(place[family[f.id or 0]] for f, _ in result.forms)], dtype=np.int64)  # unknown form first
    key = (fact.codes.astype(np.int64) * (districts.max(initial=0) + 1) + districts) * (len(place) + 1)
    key += of_form[result.form_index + 1]
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    again = first[group] != np.arange(len(key))
    again &= np.array([bool(v) for v in fact.values], dtype=bool)[fact.codes]

    def make(i: int) -> Finding:
        message = f"The student of this row stands in row {int(sheet.rows[first[group[i]]])} already."
        hint = "Keep one of the rows."
        return Finding(sheet.source, int(sheet.rows[i]), "duplicate-student", "error", message, hint, fact.column)

    _each(sheet, again, make, found)


def _dates(sheet: Sheet, layout: Layout, administration: Administration, found: list[Finding]) -> list[str | None]:
    n = len(sheet.rows)
    fixed = layout.fixed.get("date", "")
    if fixed:
        return [administrations.day(fixed, "--date").isoformat()] * n
    if "date" not in sheet.facts:
        return [None] * n
    fact = sheet.facts["date"]
    read: list[str | None] = []
    bad: list[bool] = []
    outside = False
    for value in fact.values:
        try:
            when = date.fromisoformat(value) if value else None
            bad.append(False)
        except ValueError:
            when = None
            bad.append(True)
        outside |= when is not None and not administration.opens_on <= when <= administration.closes_on
        read.append(when.isoformat() if when else None)
    message = "The date is not written as 2026-05-04."
    _each(
        sheet,
        np.array(bad, dtype=bool)[fact.codes],
        lambda i: Finding(sheet.source, int(sheet.rows[i]), "bad-date", "error", message, "", fact.column),
        found,
    )
    if outside:
        message = f"Some dates lie outside the window {administration.opens_on} to {administration.closes_on}."
        found.append(Finding(sheet.source, 0, "outside-window", "warning", message, "", fact.column))
    return [read[c] for c in fact.codes.tolist()]


def _answers(session: Session, sheet: Sheet, layout: Layout, result: Checked, found: list[Finding]) -> None:
    """Cells as codes of each form's items, with blanks told apart by place."""
    meaning = {k.upper(): BLANKS[v] for k, v in layout.codes.items()}
    versions = [line.version_id for _, listed in result.forms for line in listed]
    rules = {v: k.rule for v, k in keys.first(session, versions).items()}
    column_of = {c: j for j, c in enumerate(sheet.items)}
    for index, (_, listed) in enumerate(result.forms):
        members = np.flatnonzero(result.form_index == index)
        result.members.append(members)
        block = np.full((len(members), len(listed)), NOT_ADMINISTERED, dtype=np.uint32)
        empty = np.zeros(block.shape, dtype=bool)
        missing = [line.item for line in listed if line.item not in column_of]
        if len(members) and missing:
            shown = ", ".join(missing[:6]) + (", ..." if len(missing) > 6 else "")
            message = f"{len(missing)} items of the form {result.forms[index][0].code} are not in the file: {shown}."
            hint = "They count as not administered. Look for a renamed column."
            found.append(Finding(sheet.source, 1, "item-without-column", "warning", message, hint))
        for line in listed if len(members) else []:
            j = column_of.get(line.item)
            if j is None:
                continue
            lut = _read_cells(sheet.values[j], rules[line.version_id], line, layout, meaning, result)
            cells = sheet.cells[members, j]
            codes = np.where(cells < 0, _NO_CELL, lut[np.maximum(cells, 0)])
            _impossible(sheet, members[codes == _IMPOSSIBLE], j, line, rules[line.version_id], found)
            empty[:, line.position] = codes == _EMPTY
            if sheet.layout == "long":
                empty[:, line.position] |= codes == _NO_CELL
            block[:, line.position] = np.where(codes < 0, NOT_ADMINISTERED, codes)
        _fill_blanks(block, empty, [line.section for line in listed], layout.empty)
        result.answers.append(block)
        _strangers(sheet, members, {line.item for line in listed}, meaning, result.forms[index][0].code, found)


_EMPTY, _IMPOSSIBLE, _NO_CELL = -1, -2, -3


def _read_cells(
    values: Sequence[str], rule: keys.Rule, line: FormLine, layout: Layout, meaning: dict[str, int], result: Checked
) -> NDArray[np.int64]:
    """What each distinct cell of an item means: a code, or one of the negative marks."""
    kind = "score" if layout.cells == "scores" or (layout.cells == "auto" and rule["type"] == "rubric") else "answer"
    words = result.vocabulary.setdefault(line.version_id, [])
    place = {w: i for i, w in enumerate(words)}
    lut = np.empty(max(len(values), 1), dtype=np.int64)
    for i, value in enumerate(values):
        if not value:
            lut[i] = _EMPTY
            continue
        if value.upper() in meaning and value.upper() not in (rule.get("labels") or ()):
            lut[i] = meaning[value.upper()]
            continue
        if kind == "score":
            score = keys.score_value(rule, value)
            word = None if score is None else ("score", str(score))
        else:
            answer = shuffling.own_answer(value, line.letters)
            possible = len(value) <= LONGEST and keys.points_of(rule, answer) is not None
            word = ("answer", answer) if possible else None
        if word is None:
            lut[i] = _IMPOSSIBLE
            continue
        if word not in place:
            place[word] = len(words)
            words.append(word)
        lut[i] = FIRST_ANSWER + place[word]
    return lut


def _impossible(
    sheet: Sheet, sittings: NDArray[np.int64], j: int, line: FormLine, rule: keys.Rule, found: list[Finding]
) -> None:
    if not len(sittings):
        return
    labels = rule.get("labels")
    if labels:
        message = f"The cell is no option of {line.item} ({', '.join(labels)}) and no code of a blank."
    else:
        message = f"The cell is no possible answer to {line.item} ({rule['type']}, 0 to {rule['max']} points)."
    hint = "--cells scores if the file holds scores; --omit, --invalid and --not-reached name the codes of blanks."
    column = sheet.columns[j]
    for i in sittings[: limit(found)]:
        row = sheet.row_of(int(i), j)
        found.append(Finding(sheet.source, row, "impossible-answer", "error", message, hint, column))
    more(found, sheet.source, "impossible-answer", len(sittings) - limit(found), column)


def _strangers(
    sheet: Sheet, members: NDArray[np.int64], own: set[str], meaning: dict[str, int], form: str, found: list[Finding]
) -> None:
    """Answers to items that are not on the sitting's form."""
    for j, item in enumerate(sheet.items):
        if item in own or not len(members):
            continue
        nothing = [not v or meaning.get(v.upper()) == NOT_ADMINISTERED for v in sheet.values[j]]
        cells = sheet.cells[members, j]
        stray = members[(cells >= 0) & ~np.array(nothing or [True], dtype=bool)[np.maximum(cells, 0)]]
        for i in stray[: limit(found)]:
            message = f"{item} is not on the form {form}, but it has an answer."
            row = sheet.row_of(int(i), j)
            hint = "Look at the form's column."
            found.append(Finding(sheet.source, row, "not-on-form", "error", message, hint, sheet.columns[j]))
        more(found, sheet.source, "not-on-form", len(stray) - limit(found), sheet.columns[j])


def _fill_blanks(block: NDArray[np.uint32], empty: NDArray[np.bool_], sections: list[str], rule: str) -> None:
    """Give empty cells their code, in place. By position: up to one after a section's last answer omitted."""
    if rule == "not administered" or not empty.any():
        return
    if rule == "omitted":
        block[empty] = OMITTED
        return
    for section in dict.fromkeys(sections):
        here = np.array([i for i, s in enumerate(sections) if s == section])
        codes, blank = block[:, here], empty[:, here]
        touched = (codes >= FIRST_ANSWER) | (codes == INVALID)
        last = np.where(touched.any(axis=1), len(here) - 1 - np.argmax(touched[:, ::-1], axis=1), -1)
        late = np.arange(len(here))[None, :] > last[:, None] + 1
        codes[blank] = np.where(late, NOT_REACHED, OMITTED)[blank]
        block[:, here] = codes


def _versions(session: Session, sheet: Sheet, result: Checked, found: list[Finding]) -> None:
    """Sheets whose answers fit another version of the form far better than the marked one."""
    blocks = [(f, listed, block) for (f, listed), block in zip(result.forms, result.answers, strict=True)]
    if sum(bool(f.version) for f, _, _ in blocks) < 2 or not any(len(b) for f, _, b in blocks if f.version):
        return
    every = {line.version_id for _, listed, _ in blocks for line in listed}  # also of forms that no sheet is of
    words = {v: {FIRST_ANSWER + n: w[1] for n, w in enumerate(result.vocabulary.get(v, ()))} for v in every}
    rules = {v: k.rule for v, k in keys.first(session, list(words)).items()}
    members = {f.id: own for (f, _), own in zip(result.forms, result.members, strict=True)}
    column = sheet.facts["form"].column if "form" in sheet.facts else ""
    doubts = version_doubts.doubts(blocks, words, rules)
    for n, doubt in enumerate(doubts):
        row = int(sheet.rows[members[doubt.form_id][doubt.sheet]])
        message = (
            f"Version {doubt.marked} is marked, but the answers fit version {doubt.fits}: "
            f"{doubt.right_fitting} right instead of {doubt.right_marked}."
        )
        if n < limit(found):
            hint = "Look at the booklet and the sheet."
            found.append(Finding(sheet.source, row, "version-doubt", "warning", message, hint, column))
    if len(doubts) > limit(found):
        message = f"{len(doubts) - limit(found)} more rows fit another version than the marked one."
        hint = "after loading: itembank administrations status --by version"
        found.append(Finding(sheet.source, 0, "version-doubt", "warning", message, hint, column))


# ---------------------------------------------------------------- storing


def load(
    session: Session,
    administration: Administration,
    table: Table,
    layout: Layout,
    person: Person | None = None,
    set_aside: bool = False,
) -> Loaded:
    """Check a table and store it, in the session's transaction.

    Args:
        session, administration, table, layout, person: as of `check`, in a writing session.
        set_aside: store the rows without faults and give back the others, where the faults are those of rows.

    Raises:
        Rejected: with every finding (exit 3).
        NotPermitted: the administration is closed.
    """
    from itembank import storing

    if already := loaded_on(session, administration, table):
        return Loaded(0, 0, 0, already, ())
    administrations.require_open(administration)
    bad: dict[int, str] = {}
    good = table
    while True:
        checked = check(session, administration, good, layout, every=set_aside)
        if not checked.refused:
            storing.find_stored(session, administration, checked)
        if not checked.refused:
            break
        worse = rejects.faulty(good, layout, checked.findings) if set_aside else None
        if not worse or len(worse) == len(good):
            break
        place = {int(row): i for i, row in enumerate(table.rows.tolist())}
        bad |= {place[int(good.rows[at])]: why for at, why in worse.items()}
        good = rejects.without(table, bad)
    if checked.refused or (checked.sheet is None and checked.away is None):
        count = len(errors(checked.findings))
        sentence = f"{table.source} was not loaded; nothing was stored ({count} error{'s' if count != 1 else ''})."
        hint = "Mend the rows and load the file again, or --rejected FILE to set them aside."
        raise Rejected("bad-responses", sentence, hint, checked.findings)
    students, schools = storing.store(session, administration, checked, table, layout, person, len(bad))
    away = 0 if checked.away is None else checked.away.sittings
    kind = checked.sheet.layout if checked.sheet is not None else "attendance"
    facts = {"file": table.sha256, "sittings": checked.sittings, "layout": kind}
    facts |= {name: count for name, count in (("away", away), ("rejected", len(bad))) if count}
    subject = f"administration:{administration.code}"
    audit.record(session, "load responses", subject, person, "" if person else _chain(session, checked), facts)
    return Loaded(
        checked.sittings,
        students,
        schools,
        "",
        tuple(checked.findings),
        away,
        rejects.text(table, bad) if bad else "",
        len(bad),
    )


def loaded_on(session: Session, administration: Administration, table: Table) -> str:
    """When this very file was loaded into the administration; empty where it was not."""
    earlier = session.exec(
        select(Import).where(Import.administration_id == administration.id, Import.content_hash == table.sha256)
    ).first()
    return "" if earlier is None else f"{earlier.loaded_at:%Y-%m-%d %H:%M} UTC"


def _chain(session: Session, checked: Checked) -> str:
    ids = {*checked.district_ids.tolist(), *(checked.away.district_ids.tolist() if checked.away else ())}
    district = session.get(District, ids.pop()) if len(ids) == 1 else None
    return district.code if district else audit.JOINT


def load_file(
    session: Session, administration: Administration, path: str | Path, layout: Layout, person: Person | None = None
) -> Loaded:
    """`load` from a file."""
    return load(session, administration, read_table(path), layout, person)
