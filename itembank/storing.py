"""Storing checked responses: students under pseudonyms, sittings, packed answers, all in one transaction."""

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlmodel import Session, select

from itembank import attendance, form_versions, identity
from itembank.database import bulk_insert, plain_rows
from itembank.enrolling import background_of, enrolled
from itembank.findings import Finding
from itembank.models import (
    Administration,
    AnswerCode,
    District,
    Import,
    Person,
    RawResponse,
    School,
    Sitting,
    Student,
    columns,
)
from itembank.packing import FIRST_ANSWER, pack
from itembank.responses import Checked
from itembank.sheets import Facts, Layout, limit, more
from itembank.tabular import Table


def pseudonyms_of(session: Session, checked: Checked, only: set[int] | None = None) -> list[str | None]:
    """(N,) the pseudonym of each sitting's student; None outside the districts in `only`."""
    assert checked.sheet is not None
    fact = checked.sheet.facts["student"]
    out = np.empty(len(fact.codes), dtype=object)
    for district_id in np.unique(checked.district_ids).tolist():
        if only is not None and district_id not in only:
            continue
        district = session.get(District, district_id)
        assert district is not None
        here = np.flatnonzero(checked.district_ids == district_id)
        used, position = np.unique(fact.codes[here], return_inverse=True)
        key = identity.district_key(session, district)
        names = np.array(identity.pseudonyms(key, (fact.values[c] for c in used.tolist())), dtype=object)
        out[here] = names[position]
    found: list[str | None] = out.tolist()
    return found


def find_stored(session: Session, administration: Administration, checked: Checked) -> None:
    """Add a finding for each sitting that the bank holds already, from another file."""
    sheet = checked.sheet
    if sheet is None:
        return
    sitting, student = columns(Sitting), columns(Student)
    if not session.execute(
        sa.select(sitting.id).where(sitting.administration_id == administration.id).limit(1)
    ).first():
        return
    rows = session.execute(
        sa.select(student.district_id, student.pseudonym, sitting.form_id)
        .join(Student, student.id == sitting.student_id)
        .where(sitting.administration_id == administration.id)
    )
    family = form_versions.families(f for f, _ in checked.forms)
    there = {(district, name, family[form]) for district, name, form in rows}
    # A district without a key has no students here, and a check makes no key.
    keyed = {d.id for d in session.exec(select(District)).all() if d.key_fingerprint}
    ids = [family[f.id or 0] for f, _ in checked.forms]
    districts, form_index = checked.district_ids.tolist(), checked.form_index.tolist()
    names = pseudonyms_of(session, checked, {i for i in keyed if i is not None})
    again = [i for i, n in enumerate(names) if (districts[i], n, ids[form_index[i]]) in there]
    column = sheet.facts["student"].column
    if len(again) > limit(checked.findings):
        all_of = "all" if len(again) == len(names) else f"{len(again):,} of"
        message = f"The bank holds {all_of} {len(names):,} sittings of this file already, from another file."
        hint = "itembank responses list names the files; withdraw the other, or remove the rows."
        checked.findings.insert(0, Finding(sheet.source, 0, "already-stored", "error", message, hint, column))
        if len(again) == len(names):
            return
    for i in again[: limit(checked.findings)]:
        message = "The bank holds responses of this student to this form already, from another file."
        hint = "Remove the row, or withdraw the other file."
        row = int(sheet.rows[i])
        checked.findings.append(Finding(sheet.source, row, "already-stored", "error", message, hint, column))
    more(checked.findings, sheet.source, "already-stored", len(again) - limit(checked.findings), column)


def store(
    session: Session,
    administration: Administration,
    checked: Checked,
    table: Table,
    layout: Layout,
    person: Person | None,
    rejected: int = 0,
) -> tuple[int, int]:
    """Store a checked sheet. Returns numbers of new students and new schools."""
    sheet = checked.sheet
    away = 0 if checked.away is None else checked.away.sittings
    told = {name: count for name, count in (("away", away), ("rejected", rejected)) if count}
    record = Import(
        administration_id=administration.id or 0,
        content_hash=table.sha256,
        file_name=table.source,
        layout="attendance" if sheet is None else sheet.layout,
        rows=len(table),
        sittings=checked.sittings,
        mapping={**layout.as_dict(), **told},
        person=person.code if person else "",
    )
    session.add(record)
    session.flush()
    newly_away = 0
    if checked.away is not None:
        gone, newly_away = _students(session, checked.away)
        attendance.store(session, administration, gone, checked.away.district_ids, checked.away.words, record.id or 0)
    if sheet is None:
        return newly_away, 0
    students, new_students = _students(session, checked)
    schools, new_schools = _schools(session, checked, layout)
    backgrounds: list[int | None] = list(_backgrounds(session, checked, layout).tolist())
    schools, backgrounds = _from_roster(session, checked, layout, students, schools, backgrounds)
    form_ids = np.array([f.id for f, _ in checked.forms], dtype=np.int64)[checked.form_index]
    at = administration.id or 0
    bulk_insert(
        session,
        Sitting,
        (
            "administration_id",
            "district_id",
            "student_id",
            "school_id",
            "form_id",
            "background_id",
            "import_id",
            "tested_on",
        ),
        zip(
            [at] * len(students),
            checked.district_ids.tolist(),
            students.tolist(),
            schools,
            form_ids.tolist(),
            backgrounds,
            [record.id] * len(students),
            checked.tested_on,
            strict=True,
        ),
    )
    _answers(session, checked, students, record.id or 0)
    return new_students + newly_away, new_schools


def _students(session: Session, checked: Checked) -> tuple[NDArray[np.int64], int]:
    """(N,) the id of each sitting's student, storing those who are new."""
    names = pseudonyms_of(session, checked)
    districts = checked.district_ids.tolist()
    wanted = dict.fromkeys(zip(districts, names, strict=True))
    known = _known_students(session, sorted(set(districts)))
    new = [w for w in wanted if w not in known]
    if new:
        bulk_insert(session, Student, ("district_id", "pseudonym"), new)
        known = _known_students(session, sorted(set(districts)))
    return np.array([known[w] for w in zip(districts, names, strict=True)], dtype=np.int64), len(new)


def _known_students(session: Session, districts: list[int]) -> dict[tuple[int, str | None], int]:
    student = columns(Student)
    found = sa.select(student.district_id, student.pseudonym, student.id).where(student.district_id.in_(districts))
    return {(d, p): i for d, p, i in plain_rows(session, found)}


def _schools(session: Session, checked: Checked, layout: Layout) -> tuple[list[int | None], int]:
    assert checked.sheet is not None
    n = checked.sittings
    fact = checked.sheet.facts.get("school")
    if fact is None:
        fixed = layout.fixed.get("school", "")
        fact = Facts("", np.zeros(n, np.int32), [fixed])
    known = {(s.district_id, s.code): s.id for s in session.exec(select(School)).all()}
    pairs = sorted(set(zip(checked.district_ids.tolist(), fact.codes.tolist(), strict=True)))
    new = 0
    of: dict[tuple[int, int], int | None] = {}
    for district, code in pairs:
        name = fact.values[code]
        if name and (district, name) not in known:
            school = School(district_id=district, code=name)
            session.add(school)
            session.flush()
            known[district, name] = school.id
            new += 1
        of[district, code] = known.get((district, name)) if name else None
    return [of[p] for p in zip(checked.district_ids.tolist(), fact.codes.tolist(), strict=True)], new


def _from_roster(
    session: Session,
    checked: Checked,
    layout: Layout,
    students: NDArray[np.int64],
    schools: list[int | None],
    backgrounds: list[int | None],
) -> tuple[list[int | None], list[int | None]]:
    """Schools, and grade with attributes, as the roster has them, where the file says nothing of them."""
    assert checked.sheet is not None
    said = {*checked.sheet.facts, *layout.fixed, *layout.attributes}
    no_school, no_background = (
        "school" not in said,
        not (said - {"student", "district", "school", "form", "date", "attendance"}),
    )
    if not (no_school or no_background):
        return schools, backgrounds
    known = enrolled(session, sorted(set(checked.district_ids.tolist())))
    for i, student in enumerate(students.tolist() if known else []):
        school, background = known.get(student, (None, None))
        if no_school and school is not None:
            schools[i] = school
        if no_background and background is not None:
            backgrounds[i] = background
    return schools, backgrounds


def _backgrounds(session: Session, checked: Checked, layout: Layout) -> NDArray[np.int64]:
    """(N,) the id of each sitting's combination of grade and attributes."""
    sheet = checked.sheet
    assert sheet is not None
    n = checked.sittings
    combined = np.zeros(n, dtype=np.int64)
    used: list[tuple[str, Facts]] = []
    for name in ("grade", *layout.attributes):
        fact = sheet.facts.get(name)
        if fact is not None:
            _, combined = np.unique(combined * len(fact.values) + fact.codes, return_inverse=True)
            used.append((name, fact))
    _, first, group = np.unique(combined, return_index=True, return_inverse=True)
    ids = []
    for sitting in first.tolist():
        facts = {name: fact.values[fact.codes[sitting]] for name, fact in used}
        grade = facts.pop("grade", "") or layout.fixed.get("grade", "")
        ids.append(background_of(session, grade, facts))
    found: NDArray[np.int64] = np.array(ids, dtype=np.int64)[group]
    return found


def _answers(session: Session, checked: Checked, students: NDArray[np.int64], import_id: int) -> None:
    """Extend the items' dictionaries and store the packed rows."""
    final = _dictionary(session, checked)
    sitting = columns(Sitting)
    mine = sa.select(sitting.student_id, sitting.form_id, sitting.id).where(sitting.import_id == import_id)
    stored = {(s, f): i for s, f, i in plain_rows(session, mine)}
    districts = checked.district_ids
    for (form, listed), block, members in zip(checked.forms, checked.answers, checked.members, strict=True):
        if not len(members):
            continue
        codes = np.empty_like(block)
        for line in listed:
            lut = final.get(line.version_id)
            column = block[:, line.position]
            codes[:, line.position] = column if lut is None else lut[column]
        ids = [stored[s, form.id] for s in students[members].tolist()]
        bulk_insert(
            session,
            RawResponse,
            ("sitting_id", "district_id", "packed"),
            zip(ids, districts[members].tolist(), pack(codes), strict=True),
        )


def _dictionary(session: Session, checked: Checked) -> dict[int, NDArray[np.uint32]]:
    """Item version -> the bank's code for each code of the sheet; new answers get the next codes."""
    found: dict[int, NDArray[np.uint32]] = {}
    new: list[tuple[int, int, str, str]] = []
    table = columns(AnswerCode)
    if session.get_bind().dialect.name == "postgresql":  # two uploads must not give one code two meanings
        session.execute(sa.text("SELECT pg_advisory_xact_lock(7216251)"))
    rows = session.execute(
        sa.select(table.item_version_id, table.kind, table.answer, table.code).where(
            table.item_version_id.in_(list(checked.vocabulary))
        )
    )
    known: dict[int, dict[tuple[str, str], int]] = {}
    for version, kind, answer, code in rows:
        known.setdefault(version, {})[kind, answer] = code
    for version, words in checked.vocabulary.items():
        codes = known.setdefault(version, {})
        following = max(codes.values(), default=FIRST_ANSWER - 1) + 1
        lut = list(range(FIRST_ANSWER))
        for kind, answer in words:
            code = codes.get((kind, answer))
            if code is None:
                code = codes[kind, answer] = following
                following += 1
                new.append((version, code, kind, answer))
            lut.append(code)
        found[version] = np.array(lut, dtype=np.uint32)
    if new:
        bulk_insert(session, AnswerCode, ("item_version_id", "code", "kind", "answer"), new)
    return found
