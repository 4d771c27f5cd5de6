"""From the bank's students back to a roster's, with the district's own roster file and key."""

from pathlib import Path

from sqlmodel import Session, select

from itembank import identity, people
from itembank.errors import Rejected
from itembank.models import Student
from itembank.rosters import read_roster


def roster_students(
    session: Session, district: str, roster: str, identifier: str = "identifier"
) -> dict[int, tuple[str, str]]:
    """The bank's students that a roster knows: student id -> (sourcedId, sourcedId of a class, "" without one).

    Args:
        session: of `reading()`.
        district: code of the district whose roster it is.
        roster: OneRoster package.
        identifier: column of users.csv that the response files used.

    Raises:
        Rejected: the roster or the district's key cannot be read, or no student is known.
    """
    home = people.district_of(session, district)
    if not home.key_fingerprint:
        raise Rejected("no-students", f"District {district} has no students yet.", "itembank responses load FILE")
    pupils = read_roster(Path(roster), identifier=identifier).pupils
    sources = read_roster(Path(roster), identifier="sourcedId").pupils  # the same students in the same order
    names = identity.pseudonyms(identity.district_key(session, home), [p.identifier for p in pupils])
    known = {s.pseudonym: s.id or 0 for s in session.exec(select(Student).where(Student.district_id == home.id)).all()}
    found = {
        known[name]: (source.identifier, next((c for _, c in source.places if c), ""))
        for name, source in zip(names, sources, strict=True)
        if name in known
    }
    if not found:
        hint = "--identifier names the column of users.csv that the response files used"
        raise Rejected("nobody-known", "The roster knows none of the bank's students.", hint)
    return found
