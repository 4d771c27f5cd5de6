"""Students' pseudonyms: the district's keyed hash of its own identifier.

The key is a file of the district, readable by its owner only; the bank keeps its fingerprint. Without the file the
same student cannot be recognised next year, so it belongs into the district's own backup, never into the bank's.
Beside it lie the public keys by which other districts' signed bundles are known.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlmodel import Session

from itembank import audit
from itembank.database import file_of, location
from itembank.errors import NotPermitted, Rejected
from itembank.models import District, Person


def folder() -> Path:
    """Where the districts' key files are: ITEMBANK_KEYS, else beside a bank's file, else ./itembank-keys."""
    named = os.environ.get("ITEMBANK_KEYS", "")
    if named:
        return Path(named)
    file = file_of(location())
    return file.parent / f"{file.stem}-keys" if file else Path.cwd() / "itembank-keys"


def fingerprint(key: bytes) -> str:
    """What the bank may know of a key: 16 hexadecimal digits of a hash of it."""
    return hashlib.sha256(b"itembank district key\n" + key).hexdigest()[:16]


def district_key(session: Session, district: District) -> bytes:
    """The district's key, made on first use.

    Raises:
        Rejected: the file is missing or is another key than the one the bank's pseudonyms were made with.
        NotPermitted: others can read the file.
    """
    file = folder() / f"{district.code}.key"
    if not file.is_file():
        if district.key_fingerprint:
            raise Rejected(
                "key-missing",
                f"The key file of district {district.code} is not at {file}.",
                "Put the district's key file there, or name its folder with ITEMBANK_KEYS.",
            )
        return _new_key(session, district, file)
    if os.name == "posix" and file.stat().st_mode & 0o077:
        raise NotPermitted("key-readable", f"Others can read {file}.", f"chmod 600 {file}")
    try:
        key = bytes.fromhex(file.read_text("ascii").strip())
    except (ValueError, UnicodeDecodeError):
        key = b""
    if len(key) != 32:
        raise Rejected("key-damaged", f"{file} does not hold a key.", "Restore it from the district's backup.")
    if district.key_fingerprint and fingerprint(key) != district.key_fingerprint:
        raise Rejected(
            "key-differs",
            f"{file} is not the key that district {district.code}'s students were stored with.",
            "Restore the right file from the district's backup.",
        )
    if not district.key_fingerprint:
        _remember(session, district, key)
    return key


def _new_key(session: Session, district: District, file: Path) -> bytes:
    file.parent.mkdir(parents=True, exist_ok=True)
    key = secrets.token_bytes(32)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(key.hex() + "\n")
    _remember(session, district, key)
    return key


def _remember(session: Session, district: District, key: bytes) -> None:
    district.key_fingerprint = fingerprint(key)
    session.add(district)
    session.flush()
    audit.record(
        session,
        "set district key",
        f"district:{district.code}",
        chain=district.code,
        details={"fingerprint": district.key_fingerprint},
    )


def partner_key(session: Session, district: District) -> bytes | None:
    """The public key by which a district's bundles are known here: its own where its key file is, else the trusted one.

    Raises:
        Rejected: the file of the trusted key is damaged.
    """
    from itembank import signing

    if (folder() / f"{district.code}.key").is_file():
        return signing.public_key(signing.seed_of(district_key(session, district)))
    file = folder() / f"{district.code}.public"
    if not file.is_file():
        return None
    try:
        key = bytes.fromhex(file.read_text("ascii").strip())
    except (ValueError, UnicodeDecodeError):
        key = b""
    if len(key) != 32:
        raise Rejected("key-damaged", f"{file} does not hold a public key.", "Remove it and trust the key again.")
    return key


def trust(session: Session, district: District, key: bytes, person: Person | None = None) -> Path:
    """Remember a district's public key, beside the key files; from then on its word comes signed with it."""
    from itembank import signing

    file = folder() / f"{district.code}.public"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(key.hex() + "\n", "ascii")
    details = {"fingerprint": signing.fingerprint(key)}
    audit.record(session, "trust key", f"district:{district.code}", person, audit.JOINT, details)
    return file


def pseudonyms(key: bytes, identifiers: Iterable[str]) -> list[str]:
    """HMAC-SHA256 of each identifier, 64 hexadecimal digits, in the same order.

    Surrounding space is not part of an identifier; everything else is (leading zeros too).
    """
    return [hmac.digest(key, text.strip().encode(), "sha256").hex() for text in identifiers]


def not_here(places: Sequence[int], of: int) -> str:
    """Which of the students that were named, by their place in the list and never by identifier, the bank lacks."""
    if of == 1:
        return "The student is not in the bank"
    shown = ", ".join(map(str, places[:10])) + (", ..." if len(places) > 10 else "")
    verb = "is" if len(places) == 1 else "are"
    return f"{len(places)} of {of} students {verb} not in the bank: number {shown} in the order given"
