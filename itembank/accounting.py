"""Every student of an administration, once: expected = scored + absent + exempt + missing + unexplained.

Expected are the students on the rosters of the districts that take part, in the grades of the forms where those are
known; each counts in the first place where the roster has them. The others who sat are unknown, and are named too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlmodel import Session, select

from itembank import administrations, forms, packing
from itembank.models import (
    Administration,
    Attendance,
    Background,
    Classroom,
    District,
    Enrollment,
    Form,
    Import,
    RawResponse,
    School,
    Sitting,
    Student,
    StudentLink,
    columns,
)

#: What an expected student is, and how many marks beside: `scored` holds `elsewhere`, `late` and `twice`.
STATES = ("scored", "absent", "exempt", "missing", "unexplained")
MARKS = ("elsewhere", "late", "twice", "answered though away")
PLACES = ("district", "school", "class")
KINDS = (*STATES, *MARKS, "unknown")
CHASED = ("missing", "unexplained", "absent")


@dataclass(frozen=True)
class Sheet:
    """A sheet that came in: district (id), school and form (names), file, its number in the file, day, answered."""

    district: int
    school: str
    form: str
    file: str
    number: int
    tested_on: date | None
    answered: bool


@dataclass(frozen=True)
class Account:
    """What became of a student.

    Attributes:
        student: the bank's number.
        place: district, school, class; of the roster, for unknown ones of their sheet.
        state: one of STATES, or "unknown".
        marks: of MARKS.
        why: in words, for those who are unknown or elsewhere.
        sheets: that came in.
    """

    student: int
    place: tuple[str, str, str]
    state: str
    marks: tuple[str, ...]
    why: str
    sheets: tuple[Sheet, ...]


def accounts(session: Session, administration: Administration) -> list[Account]:
    """One account per expected or unknown student, by place."""
    names = {d.id or 0: d.code for d in administrations.districts(session, administration)}
    grades = {f.grade for f in administrations.forms(session, administration) if f.grade}
    expected, elsewhere_grade = _expected(session, names, grades)
    sheets = _sheets(session, administration)
    row = columns(Attendance)
    states = session.execute(
        sa.select(row.student_id, row.state).where(row.administration_id == administration.id)
    ).all()
    away: dict[int, str] = {student: state for student, state in states}  # noqa: C416 - rows are no pairs to the types
    linked: dict[int, set[int]] = {}
    for one, other in session.execute(sa.select(columns(StudentLink).student_id, columns(StudentLink).other_id)):
        linked.setdefault(one, set()).add(other)
        linked.setdefault(other, set()).add(one)
    found = [
        _account(student, place, sheets, away, linked, names, administration.closes_on)
        for student, place in expected.items()
    ]
    for student, own in sheets.items():
        if student not in expected:
            paired = sorted(linked.get(student, set()) & expected.keys())
            why = elsewhere_grade.get(student, "on no roster")
            if paired:
                why = "the other district expects this student"
            place = (names.get(own[0].district, ""), own[0].school, "")
            marks = _marks(own, administration.closes_on)
            found.append(Account(student, place, "unknown", tuple(marks), why, tuple(own)))
    return sorted(found, key=lambda a: (a.place, a.state, a.student))


def _account(
    student: int,
    place: tuple[str, str, str],
    sheets: Mapping[int, Sequence[Sheet]],
    away: Mapping[int, str],
    linked: Mapping[int, set[int]],
    names: Mapping[int, str],
    closes_on: date,
) -> Account:
    own = tuple(sheets.get(student, ()))
    answered = [s for s in own if s.answered]
    marks = _marks(own, closes_on)
    why = ""
    if answered:
        state = "scored"
        if any(s.school and s.school != place[1] for s in answered):
            marks.append("elsewhere")
            why = "sat at school " + ", ".join(sorted({s.school for s in answered if s.school}))
        if student in away:
            marks.append("answered though away")
    elif student in away:
        state = away[student]
    elif own:
        state, why = "unexplained", "an empty sheet came in"
    else:
        others = [s for o in sorted(linked.get(student, ())) for s in sheets.get(o, ()) if s.answered]
        state = "scored" if others else "missing"
        if others:
            marks.append("elsewhere")
            why = f"sat in district {names.get(others[0].district, '')}"
            own = tuple(others)
    return Account(student, place, state, tuple(marks), why, own)


def _marks(own: Sequence[Sheet], closes_on: date) -> list[str]:
    marks = ["late"] if any(s.tested_on is not None and s.tested_on > closes_on for s in own) else []
    return [*marks, "twice"] if len(own) > 1 else marks


def _expected(
    session: Session, names: Mapping[int, str], grades: set[str]
) -> tuple[dict[int, tuple[str, str, str]], dict[int, str]]:
    """Student -> place, of those whose grade takes part; and student -> why not, of the others on a roster."""
    row, back, room, school = columns(Enrollment), columns(Background), columns(Classroom), columns(School)
    rows = session.execute(
        sa.select(row.student_id, row.district_id, school.code, room.code, back.grade)
        .join(School, school.id == row.school_id)
        .join(Classroom, room.id == row.classroom_id, isouter=True)
        .join(Background, back.id == row.background_id, isouter=True)
        .where(row.district_id.in_(list(names)))
        .order_by(row.id)
    )
    expected: dict[int, tuple[str, str, str]] = {}
    others: dict[int, str] = {}
    for student, district, code, class_, grade in rows:
        if grades and (grade or "") not in grades:
            others[student] = f"in grade {grade or '?'}, which no form is for"
        elif student not in expected:
            expected[student] = (names[district], code, class_ or "")
    return expected, others


def _sheets(session: Session, administration: Administration) -> dict[int, list[Sheet]]:
    """Student -> the sheets that came in, in the order of loading."""
    sitting, raw = columns(Sitting), columns(RawResponse)
    rows = session.execute(
        sa.select(
            sitting.student_id,
            sitting.district_id,
            sitting.school_id,
            sitting.form_id,
            sitting.import_id,
            sitting.tested_on,
            raw.packed,
        )
        .join(RawResponse, raw.sitting_id == sitting.id, isouter=True)
        .where(sitting.administration_id == administration.id)
        .order_by(sitting.id)
    ).all()
    schools = {s.id: s.code for s in session.exec(select(School)).all()}
    files = {i.id: i.file_name for i in session.exec(select(Import)).all()}
    given = {f.id: f for f in session.exec(select(Form)).all()}
    answered = _answered(session, given, [r.form_id for r in rows], [r.packed or b"" for r in rows])
    numbers: dict[int | None, int] = {}
    found: dict[int, list[Sheet]] = {}
    for r, good in zip(rows, answered.tolist(), strict=True):
        number = numbers[r.import_id] = numbers.get(r.import_id, 0) + 1
        sheet = Sheet(
            r.district_id,
            schools.get(r.school_id, ""),
            given[r.form_id].code,
            files.get(r.import_id, ""),
            number,
            r.tested_on,
            bool(good),
        )
        found.setdefault(r.student_id, []).append(sheet)
    return found


def _answered(
    session: Session, given: Mapping[int | None, Form], form_ids: list[int], packed: list[bytes]
) -> NDArray[np.bool_]:
    """(N,) whether a sheet holds any answer."""
    out = np.zeros(len(packed), dtype=bool)
    ids = np.array(form_ids, dtype=np.int64)
    for form in np.unique(ids).tolist():
        here = np.flatnonzero(ids == form)
        items = len(forms.lines(session, given[form]))
        codes = packing.unpack([packed[i] for i in here.tolist()], items)
        out[here] = ((codes >= packing.FIRST_ANSWER) | (codes == packing.INVALID)).any(axis=1)
    return out


def table(found: Iterable[Account], by: str) -> list[dict[str, Any]]:
    """Counts by district, school or class: place, expected, STATES, MARKS, unknown."""
    depth = PLACES.index(by) + 1
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for a in found:
        key = a.place[:depth]
        row = rows.get(key)
        if row is None:
            start = dict(zip(PLACES, key, strict=False))
            row = rows[key] = {**start, "expected": 0, **dict.fromkeys((*STATES, *MARKS, "unknown"), 0)}
        row["expected"] += a.state != "unknown"
        row[a.state] += 1
        for mark in a.marks:
            row[mark] += 1
    return [rows[key] for key in sorted(rows)]


def listed(
    session: Session, found: Iterable[Account], kinds: Sequence[str], called: Mapping[int, tuple[str, str]]
) -> list[dict[str, Any]]:
    """One row per student of these kinds (states or marks), with where their sheets are.

    Args:
        session: of `reading()`.
        found: of `accounts`.
        kinds: of KINDS.
        called: the bank's number -> (student number, name), where a roster was given; others show their pseudonym.
    """
    chosen = [a for a in found if a.state in kinds or set(a.marks) & set(kinds)]
    wanted = {a.student for a in chosen} - set(called)
    known = dict(session.execute(sa.select(columns(Student).id, columns(Student).pseudonym)).all()) if wanted else {}
    rows = []
    for a in chosen:
        number, name = called.get(a.student, ("*" + str(known.get(a.student, ""))[:10], ""))
        rows.append(
            {
                **dict(zip(PLACES, a.place, strict=True)),
                "student": number,
                "name": name,
                "state": a.state,
                "marks": ", ".join(a.marks),
                "why": a.why,
                "forms": ", ".join(s.form for s in a.sheets),
                "sheets": ", ".join(f"{s.file} {s.number}" for s in a.sheets),
                "tested": ", ".join(f"{s.tested_on}" for s in a.sheets if s.tested_on),
            }
        )
    return rows


LIST_COLUMNS = (*PLACES, "student", "name", "state", "marks", "why", "forms", "sheets", "tested")


def set_aside(session: Session, administration: Administration) -> int:
    """Rows that were set aside when files were loaded; they may have been mended and loaded since."""
    loads = session.exec(select(Import).where(Import.administration_id == administration.id)).all()
    return sum(int(i.mapping.get("rejected", 0)) for i in loads)


def called_by(session: Session, district: District, names: Mapping[str, str]) -> dict[int, tuple[str, str]]:
    """The bank's number -> (student number, name), by the district's key; read to be shown, never stored.

    Args:
        session: of `reading()`.
        district: whose roster it is.
        names: student number -> name, of the roster.
    """
    from itembank import identity

    if not district.key_fingerprint:
        return {}
    hashes = identity.pseudonyms(identity.district_key(session, district), names)
    of = dict(zip(hashes, names.items(), strict=True))
    student = columns(Student)
    rows = session.execute(sa.select(student.id, student.pseudonym).where(student.district_id == district.id))
    return {i: of[p] for i, p in rows if p in of}
