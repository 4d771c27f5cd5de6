"""Storing a roster: students under pseudonyms, schools, classes, and who is where."""

import hashlib
import json
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import audit, identity
from itembank.database import bulk_insert
from itembank.models import (
    AuditEvent,
    Background,
    Classroom,
    District,
    Enrollment,
    Person,
    School,
    Student,
    columns,
)
from itembank.rosters import Roster


def background_of(session: Session, grade: str, attributes: dict[str, str]) -> int:
    """The id of a combination of grade and attributes, stored if it is new."""
    text = json.dumps([grade, attributes], sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    entry = session.exec(select(Background).where(Background.content_hash == digest)).first()
    if entry is None:
        entry = Background(content_hash=digest, grade=grade, attributes=attributes)
        session.add(entry)
        session.flush()
    return entry.id or 0


def students_of(session: Session, district: District, identifiers: list[str]) -> tuple[list[int], int]:
    """The ids of students by their identifiers, storing those who are new; and how many were."""
    names = identity.pseudonyms(identity.district_key(session, district), identifiers)
    known = _known(session, district)
    new = [(district.id, n) for n in dict.fromkeys(names) if n not in known]
    if new:
        bulk_insert(session, Student, ("district_id", "pseudonym"), new)
        known = _known(session, district)
    return [known[n] for n in names], len(new)


def _known(session: Session, district: District) -> dict[str, int]:
    student = columns(Student)
    rows = session.execute(sa.select(student.pseudonym, student.id).where(student.district_id == district.id))
    return {row[0]: row[1] for row in rows}


def store_roster(
    session: Session, district: District, roster: Roster, as_of: date, person: Person | None = None
) -> dict[str, int] | None:
    """Store a roster in the place of the district's last one. Returns counts, or None when it is the same again."""
    last = session.exec(
        select(AuditEvent)
        .where(AuditEvent.chain == district.code, AuditEvent.action == "import roster")
        .order_by(sa.desc("sequence"))
        .limit(1)
    ).first()
    facts = {"roster": roster.sha256, "as_of": as_of.isoformat()}
    if last is not None and {k: last.details.get(k) for k in facts} == facts:
        return None
    schools = _schools(session, district, roster)
    classes = _classes(session, schools, roster)
    ids, new = students_of(session, district, [p.identifier for p in roster.pupils])
    session.execute(sa.delete(Enrollment).where(columns(Enrollment).district_id == district.id))
    known: dict[str, int] = {}
    rows = []
    for student, pupil in zip(ids, roster.pupils, strict=True):
        key = json.dumps([pupil.grade, pupil.attributes], sort_keys=True)
        if key not in known:
            known[key] = background_of(session, pupil.grade, pupil.attributes)
        for school, code in pupil.places:
            place = classes.get((school, code))
            rows.append((district.id, student, schools[school], place, known[key], as_of.isoformat()))
    names = ("district_id", "student_id", "school_id", "classroom_id", "background_id", "as_of")
    bulk_insert(session, Enrollment, names, dict.fromkeys(rows))
    counts = {"schools": len(schools), "classes": len(classes), "students": len(ids), "new students": new}
    audit.record(session, "import roster", f"district:{district.code}", person, district.code, {**facts, **counts})
    return counts


def _schools(session: Session, district: District, roster: Roster) -> dict[str, int]:
    known = {s.code: s for s in session.exec(select(School).where(School.district_id == district.id)).all()}
    for code, name in roster.schools.items():
        school = known.get(code) or School(district_id=district.id or 0, code=code)
        school.name = name or school.name
        known[code] = school
        session.add(school)
    session.flush()
    return {code: known[code].id or 0 for code in roster.schools}


def _classes(session: Session, schools: dict[str, int], roster: Roster) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    ids = set(schools.values())
    known = {(c.school_id, c.code): c for c in session.exec(select(Classroom)).all() if c.school_id in ids}
    for (school, code), title in roster.classes.items():
        row = known.get((schools[school], code)) or Classroom(school_id=schools[school], code=code)
        row.title = title
        session.add(row)
        session.flush()
        found[school, code] = row.id or 0
    return found


def enrolled(session: Session, districts: list[int]) -> dict[int, tuple[int, int | None]]:
    """Student -> (school, background) as the roster has them; the first school where there are several."""
    row = columns(Enrollment)
    rows = session.execute(
        sa.select(row.student_id, row.school_id, row.background_id)
        .where(row.district_id.in_(districts))
        .order_by(row.id.desc())
    )
    return {student: (school, background) for student, school, background in rows}
