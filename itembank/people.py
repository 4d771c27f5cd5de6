"""Districts, and who works for them in which role."""

import os
import re

import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import audit
from itembank.database import settings
from itembank.errors import Conflict, NotPermitted, Rejected, UsageFault
from itembank.models import District, Person
from itembank.suggest import did_you_mean

ROLES = ("author", "reviewer", "coordinator", "analyst", "leader", "admin")
MAY = {  # what a role may do; reading is open to all
    "author": {"items", "reviews", "decisions"},
    "reviewer": {"items", "reviews", "decisions"},
    "coordinator": {"items", "reviews", "decisions", "forms", "administrations", "responses", "concepts"},
    "analyst": {"reviews", "decisions", "runs", "responses", "keys", "forms", "administrations"},
    "leader": {"decisions"},
    "admin": {
        "items",
        "reviews",
        "decisions",
        "forms",
        "administrations",
        "responses",
        "concepts",
        "runs",
        "keys",
        "people",
        "students",
    },
}
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


def checked_code(code: str, what: str) -> str:
    """A code that can stand in a file name and a command line."""
    if not _CODE.fullmatch(code):
        raise UsageFault(
            "bad-code", f"{code!r} cannot be the code of {what}.", "Use letters, digits, . _ -, at most 40."
        )
    return code


def add_district(session: Session, code: str, name: str = "") -> District:
    """The district with this code, made if it is new."""
    checked_code(code, "a district")
    district = session.exec(select(District).where(District.code == code)).first()
    if district is None:
        district = District(code=code, name=name or f"District {code}")
        session.add(district)
        session.flush()
        audit.record(session, "add district", f"district:{code}", chain=code)
    elif name and district.name != name:
        district.name = name
        session.add(district)
    return district


def district_of(session: Session, code: str) -> District:
    """The district with this code.

    Raises:
        Rejected: there is none; the hint lists those there are.
    """
    district = session.exec(select(District).where(District.code == code)).first()
    if district is None:
        codes = session.exec(select(District.code).order_by(District.code)).all()
        known = f"{', '.join(codes) or 'none yet'}. {did_you_mean(code, codes)}".strip()
        raise Rejected("unknown-district", f"There is no district {code!r}.", f"Districts: {known}")
    return district


def add_person(session: Session, code: str, name: str, district: str, role: str, login: str = "") -> Person:
    """Add somebody.

    Raises:
        UsageFault: an unknown role or an impossible code.
        Conflict: the code is taken.
    """
    checked_code(code, "a person")
    if role not in ROLES:
        hint = f"{did_you_mean(role, ROLES)} Roles: {', '.join(ROLES)}".strip()
        raise UsageFault("unknown-role", f"There is no role {role!r}.", hint)
    if session.exec(select(Person).where(Person.code == code)).first():
        raise Conflict("person-exists", f"{code} is taken.", "itembank people list")
    home = district_of(session, district)
    person = Person(code=code, name=name or code, district_id=home.id or 0, role=role, login=login or None)
    session.add(person)
    session.flush()
    audit.record(session, "add person", f"person:{code}", chain=home.code, details={"role": role})
    return person


def person_of(session: Session, code: str) -> Person:
    """The person with this code.

    Raises:
        Rejected: there is none.
    """
    person = session.exec(select(Person).where(Person.code == code)).first()
    if person is None:
        known = session.exec(select(Person.code)).all()
        hint = f"{did_you_mean(code, known)} itembank people list".strip()
        raise Rejected("unknown-person", f"There is no person {code!r} in the bank.", hint)
    if not person.active:
        raise NotPermitted("inactive", f"{code} no longer works in this bank.", "itembank people list")
    return person


def acting(session: Session, code: str = "") -> Person | None:
    """Who is at work: on a server the database login, else `code` (--as), ITEMBANK_PERSON, or itembank.toml.

    Raises:
        NotPermitted: a login tries to act for somebody else.
    """
    named = code or os.environ.get("ITEMBANK_PERSON", "") or str(settings()[0].get("person", ""))
    if session.get_bind().dialect.name == "postgresql":
        login = session.execute(sa.text("SELECT session_user")).scalar_one()
        person = session.exec(select(Person).where(Person.login == login)).first()
        if person is not None:
            if named and named != person.code:
                raise NotPermitted("not-you", f"The login {login} is {person.code}.", "Leave --as away.")
            return person_of(session, person.code)
        if named:
            other = person_of(session, named)
            if other.login:
                raise NotPermitted("not-you", f"{named} works through their own login.", "Connect as that login.")
            return other
        return None
    return person_of(session, named) if named else None


def require(session: Session, what: str, code: str = "") -> Person:
    """Who is at work, if their role may do `what` (a key of `MAY`'s sets).

    Raises:
        UsageFault: nobody was named.
        NotPermitted: the role does not allow it.
    """
    person = acting(session, code)
    if person is None:
        raise UsageFault("who", "Say who you are.", "--as PERSON, or ITEMBANK_PERSON=...; itembank people list")
    if what not in MAY[person.role]:
        allowed = ", ".join(r for r in ROLES if what in MAY[r])
        raise NotPermitted("role", f"{person.code} is {person.role}; {what} need: {allowed}.", "itembank people list")
    return person


def identity_is(session: Session, person: Person) -> str:
    """How sure the bank is that it is this person: "login" where the server says so, "declared" otherwise."""
    if session.get_bind().dialect.name != "postgresql" or not person.login:
        return "declared"
    login = session.execute(sa.text("SELECT session_user")).scalar_one()
    return "login" if login == person.login else "declared"


def speaks_here(session: Session, person: Person) -> None:
    """Whether a word in this person's name can be said at this bank rather than arrive in a signed bundle.

    On a server the login says who somebody is. A bank in a file takes anybody's word for it, so once the districts
    keep a bank each (the other's public key is trusted here, or itembank.toml names the bank's own `district`), the
    other district's word comes in its bundle alone.

    Raises:
        NotPermitted: it has to come in a bundle.
    """
    if session.get_bind().dialect.name == "postgresql":
        return
    from itembank.identity import folder

    home = session.get(District, person.district_id)
    code = home.code if home else ""
    own = str(settings()[0].get("district", ""))
    elsewhere = (folder() / f"{code}.public").is_file() and not (folder() / f"{code}.key").is_file()
    if elsewhere or (own and own != code):
        raise NotPermitted(
            "in-a-bundle",
            f"The word of district {code} arrives in its own signed bundle.",
            f"itembank bank merge BUNDLE-OF-{code}",
        )


def districts(session: Session) -> list[str]:
    """The codes of all districts."""
    return list(session.exec(select(District.code).order_by(District.code)).all())


def listed(session: Session) -> list[dict[str, object]]:
    """Everybody: code, name, district, role, login, active."""
    homes = {d.id: d.code for d in session.exec(select(District)).all()}
    return [
        {
            "person": p.code,
            "name": p.name,
            "district": homes[p.district_id],
            "role": p.role,
            "login": p.login or "",
            "active": p.active,
        }
        for p in session.exec(select(Person).order_by(Person.code)).all()
    ]
