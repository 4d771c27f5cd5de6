"""Students who moved between the districts: paired once, under a key that both share for it and then destroy.

One district writes a file of (keyed hash of the statewide number, pseudonym); the other reads it, hashes its own
students' statewide numbers under the same key, keeps the pairs of pseudonyms, and the file is deleted. Neither number
nor hash is stored. Who holds file and key can try out every number there is: the file goes from hand to hand, not by
mail, and both destroy the key when the pairs are made.
"""

import csv
import hmac
import io
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session

from itembank import audit, identity
from itembank.database import bulk_insert
from itembank.errors import NotPermitted, Rejected
from itembank.models import District, Person, Student, StudentLink, columns
from itembank.people import district_of
from itembank.tabular import read_table

HEAD = ("district", "linkage", "pseudonym")


def shared_key(file: Path, make: bool = False) -> bytes:
    """The key of a linkage: 32 bytes in hexadecimal, in a file that its owner alone reads.

    Args:
        file: of the key.
        make: make one where there is none.

    Raises:
        Rejected: there is none, or it is no key. NotPermitted: others can read the file.
    """
    if not file.is_file():
        if not make:
            raise Rejected("no-linkage-key", f"There is no key at {file}.", "The partner's --linkage-key file.")
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(32) + "\n")
    if os.name == "posix" and file.stat().st_mode & 0o077:
        raise NotPermitted("key-readable", f"Others can read {file}.", f"chmod 600 {file}")
    try:
        key = bytes.fromhex(file.read_text("ascii").strip())
    except (ValueError, UnicodeDecodeError):
        key = b""
    if len(key) != 32:
        raise Rejected("key-damaged", f"{file} does not hold a linkage key.", "Get it from the partner again.")
    return key


def _hashes(key: bytes, numbers: Mapping[str, str]) -> dict[str, str]:
    """Keyed hash of the statewide number -> student number; who has none is left out."""
    return {
        hmac.digest(key, ("linkage\n" + number.strip()).encode(), "sha256").hex(): student
        for student, number in numbers.items()
        if number.strip()
    }


def file_text(session: Session, district: District, key: bytes, numbers: Mapping[str, str]) -> tuple[str, int]:
    """The one-time file of a district, in the order of the hashes, and its rows.

    Args:
        session: a writing session (the district's own key may be made).
        district: whose students they are.
        key: that both districts share.
        numbers: student number -> statewide number.
    """
    found = sorted(_hashes(key, numbers).items())
    names = identity.pseudonyms(identity.district_key(session, district), [student for _, student in found])
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    writer.writerow(HEAD)
    writer.writerows([district.code, link, name] for (link, _), name in zip(found, names, strict=True))
    return held.getvalue(), len(found)


def pair(
    session: Session, district: District, key: bytes, numbers: Mapping[str, str], file: Path, person: Person | None
) -> int:
    """Keep the pairs of students who stand on both sides; how many there are now.

    Raises:
        Rejected: the file is no linkage file of another district.
    """
    table = read_table(file, HEAD)
    homes = set(table.column("district"))
    if len(homes) != 1 or district.code in homes:
        raise Rejected("bad-linkage", f"{file.name} is no file of one other district.", "--linkage-in THEIRS.csv")
    other = district_of(session, homes.pop())
    ours = _hashes(key, numbers)
    theirs = dict(zip(table.column("linkage"), table.column("pseudonym"), strict=True))
    both = sorted(ours.keys() & theirs.keys())
    names = identity.pseudonyms(identity.district_key(session, district), [ours[link] for link in both])
    mine, known = _ids(session, district), _ids(session, other)
    pairs = {
        (mine[name], known[theirs[link]])
        for link, name in zip(both, names, strict=True)
        if name in mine and theirs[link] in known
    }
    link = columns(StudentLink)
    there = session.execute(sa.select(link.student_id, link.other_id)).all()
    new = pairs - {(a, b) for a, b in there} - {(b, a) for a, b in there}
    rows = [(district.id, a, b) for a, b in sorted(new)]
    bulk_insert(session, StudentLink, ("district_id", "student_id", "other_id"), rows)
    facts = {"with": other.code, "pairs": len(pairs), "new": len(new)}
    audit.record(session, "link students", f"district:{district.code}", person, district.code, facts)
    return len(pairs)


def _ids(session: Session, district: District) -> dict[str, int]:
    student = columns(Student)
    rows = session.execute(sa.select(student.pseudonym, student.id).where(student.district_id == district.id))
    return {row[0]: row[1] for row in rows}
