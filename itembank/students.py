"""Students' rows: what is held, taking a file of responses back, and erasing a student for good."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import audit, identity
from itembank.errors import Rejected
from itembank.models import (
    Administration,
    Attendance,
    Background,
    District,
    Enrollment,
    Import,
    Person,
    RawResponse,
    School,
    Score,
    Sitting,
    Student,
    StudentLink,
    columns,
)

_AT_ONCE = 500  # ids in one statement; SQLite takes 32,766 parameters at most


def erase(
    session: Session, district: District, identifiers: Iterable[str], person: Person | None = None
) -> dict[str, int]:
    """Erase students: their sittings, responses, scores, and their pseudonyms.

    Args:
        session: a writing session.
        district: whose students they are.
        identifiers: as in the district's own files.
        person: who erases.

    Returns:
        Numbers of students, sittings and scores that were erased; the scores of a sitting in a run, on all its
        scales, count as one, here and below.

    Raises:
        Rejected: one of them is not in the bank; nothing was erased.
    """
    wanted = list(dict.fromkeys(i.strip() for i in identifiers if i.strip()))
    if not wanted:
        raise Rejected("no-student", "No student was named.", "One identifier per line.")
    key = identity.district_key(session, district)
    names = identity.pseudonyms(key, wanted)
    found: list[int] = []
    missing: list[int] = []
    for place, name in enumerate(names, 1):
        student = session.exec(
            select(Student).where(Student.district_id == district.id, Student.pseudonym == name)
        ).first()
        if student is None:
            missing.append(place)
        else:
            found.append(student.id or 0)
    if missing:
        sentence = f"{identity.not_here(missing, len(wanted))}; nothing was erased."
        raise Rejected("unknown-student", sentence, "Look at leading zeros and the district.")
    sittings = scores = 0
    for ids in _parts(found):
        at = list(session.exec(select(Sitting.id).where(columns(Sitting).student_id.in_(ids))).all())
        for part in _parts([i or 0 for i in at]):
            scores += _delete(session, Score, columns(Score).sitting_id.in_(part))
            _delete(session, RawResponse, columns(RawResponse).sitting_id.in_(part))
            sittings += _delete(session, Sitting, columns(Sitting).id.in_(part))
        _delete(session, Enrollment, columns(Enrollment).student_id.in_(ids))
        _delete(session, Attendance, columns(Attendance).student_id.in_(ids))
        _delete(session, StudentLink, columns(StudentLink).student_id.in_(ids) | columns(StudentLink).other_id.in_(ids))
        _delete(session, Student, columns(Student).id.in_(ids))
    counts = {"students": len(found), "sittings": sittings, "scores": scores}
    audit.record(session, "erase students", f"district:{district.code}", person, district.code, counts)
    return counts


def withdraw_import(session: Session, number: int, person: Person | None = None) -> dict[str, int]:
    """Take a loaded file back: its sittings, responses and their scores. Students who neither sat
    anything else nor stand on a roster go too.

    Raises:
        Rejected: there is no such import.
    """
    row = session.get(Import, number)
    if row is None:
        raise Rejected("unknown-import", f"There is no import {number}.", "itembank responses list")
    mine = sa.select(columns(Sitting).id).where(columns(Sitting).import_id == number)
    scores = _delete(session, Score, columns(Score).sitting_id.in_(mine))
    _delete(session, RawResponse, columns(RawResponse).sitting_id.in_(mine))
    sittings = _delete(session, Sitting, columns(Sitting).import_id == number)
    _delete(session, Attendance, columns(Attendance).import_id == number)
    students = _delete_unreferenced(session)
    administration = session.get(Administration, row.administration_id)
    session.delete(row)
    session.flush()
    counts = {"sittings": sittings, "scores": scores, "students": students}
    subject = f"administration:{administration.code if administration else ''}"
    details = {**counts, "file": row.content_hash}
    audit.record(session, "withdraw responses", subject, person, "" if person else audit.JOINT, details)
    return counts


def purge(session: Session, before: date, person: Person | None = None, dry_run: bool = False) -> list[dict[str, Any]]:
    """Delete the students' rows of administrations that ended before a day; what was computed in groups stays.

    Args:
        session: a writing session.
        before: the day; administrations whose window closed before it are purged.
        person: who does it.
        dry_run: only count.

    Returns:
        One row per administration: administration, sittings, scores; students who remain nowhere go with the last one.
    """
    adm = columns(Administration)
    due = session.exec(select(Administration).where(adm.closes_on < before, adm.status != "purged")).all()
    rows = []
    for administration in due:
        here = columns(Sitting).administration_id == administration.id
        mine = sa.select(columns(Sitting).id).where(here)
        if dry_run:
            counts = {
                "sittings": _count(session, Sitting, here),
                "scores": _count(session, Score, columns(Score).sitting_id.in_(mine)),
            }
        else:
            scores = _delete(session, Score, columns(Score).sitting_id.in_(mine))
            _delete(session, RawResponse, columns(RawResponse).sitting_id.in_(mine))
            counts = {"sittings": _delete(session, Sitting, here), "scores": scores}
            _delete(session, Attendance, columns(Attendance).administration_id == administration.id)
            administration.status = "purged"
            session.add(administration)
            session.flush()
            subject = f"administration:{administration.code}"
            audit.record(session, "purge administration", subject, person, "" if person else audit.JOINT, counts)
        rows.append({"administration": administration.code, **counts})
    if due and not dry_run:
        _delete_unreferenced(session)
    return rows


def _delete_unreferenced(session: Session) -> int:
    """Delete the students who neither sat anything nor stand on a roster or a list of absences; how many."""
    student = columns(Student).id
    known = (Sitting, Enrollment, Attendance)
    gone = sa.and_(*(~sa.exists().where(columns(table).student_id == student) for table in known))
    ids = sa.select(student).where(gone)
    _delete(session, StudentLink, columns(StudentLink).student_id.in_(ids) | columns(StudentLink).other_id.in_(ids))
    return _delete(session, Student, gone)


def _count(session: Session, table: type[Any], where: Any) -> int:
    return int(session.execute(sa.select(sa.func.count()).select_from(table).where(where)).scalar_one())


def _parts(ids: list[int]) -> list[list[int]]:
    return [ids[i : i + _AT_ONCE] for i in range(0, len(ids), _AT_ONCE)]


def _delete(session: Session, table: type[Any], where: Any) -> int:
    done = session.execute(sa.delete(table).where(where).execution_options(synchronize_session=False))
    return int(done.rowcount)  # type: ignore[attr-defined]


def held(session: Session) -> list[dict[str, Any]]:
    """What the bank holds of students, by district: counts, and the attributes that were recorded."""
    rows = []
    sitting = columns(Sitting)
    for district in session.exec(select(District).order_by(District.code)).all():

        def count(table: type[Any], at: int | None = district.id) -> int:
            statement = sa.select(sa.func.count()).select_from(table).where(columns(table).district_id == at)
            return int(session.execute(statement).scalar_one())

        used = sa.select(sitting.background_id).where(sitting.district_id == district.id).distinct()
        backgrounds = session.exec(select(Background).where(columns(Background).id.in_(used))).all()
        recorded = sorted({name for b in backgrounds for name in b.attributes})
        rows.append(
            {
                "district": district.code,
                "students": count(Student),
                "sittings": count(Sitting),
                "scores": count(Score),
                "schools": count(School),
                "recorded": ", ".join((["grade"] if any(b.grade for b in backgrounds) else []) + recorded),
                "key": district.key_fingerprint or "none yet",
                "key_here": (identity.folder() / f"{district.code}.key").is_file(),
            }
        )
    return rows
