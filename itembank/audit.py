"""Who did what, in an append-only chain of hashes, one per district.

Each event's hash covers its content and the hash before it, so a changed or missing event shows. Recomputing the
whole chain hides a change from the chain itself, but not from a head that was printed before (in a report, say).
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select

from itembank.findings import Finding
from itembank.models import AuditEvent, Person, now

GENESIS = "0" * 64
JOINT = "joint"  # the chain of what belongs to no district


@dataclass(frozen=True)
class Head:
    """The end of a chain.

    Attributes:
        chain: district code, or "joint".
        sequence: number of events.
        hash: of the last one; 64 zeros for an empty chain.
    """

    chain: str
    sequence: int
    hash: str


def digest(event: AuditEvent) -> str:
    """The hash an event must carry."""
    content = [
        event.chain,
        event.sequence,
        event.at,
        event.person,
        event.action,
        event.subject,
        event.details,
        event.previous_hash,
    ]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def record(
    session: Session,
    action: str,
    subject: str = "",
    person: Person | None = None,
    chain: str = "",
    details: dict[str, Any] | None = None,
) -> AuditEvent:
    """Append an event in the session's transaction.

    Args:
        session: a writing session.
        action: what was done, "store item".
        subject: to what, "item:G7-RP-001". Never a student.
        person: who; their district's chain is used unless `chain` names one.
        chain: district code or "joint".
        details: further facts that JSON can hold; never a student's identifier or answer.
    """
    from itembank.models import District

    if not chain:
        district = session.get(District, person.district_id) if person else None
        chain = district.code if district else JOINT
    session.flush()
    if session.get_bind().dialect.name == "postgresql":  # one writer per chain; SQLite has one writer anyway
        session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:c))"), {"c": "audit:" + chain})
    last = head(session, chain)
    event = AuditEvent(
        chain=chain,
        sequence=last.sequence + 1,
        at=now().isoformat(timespec="seconds"),
        person=person.code if person else "",
        action=action,
        subject=subject,
        details=json.loads(json.dumps(details or {}, default=str)),
        previous_hash=last.hash,
        hash="",
    )
    event.hash = digest(event)
    session.add(event)
    session.flush()
    return event


def head(session: Session, chain: str) -> Head:
    """The end of one chain."""
    last = session.exec(
        select(AuditEvent).where(AuditEvent.chain == chain).order_by(sa.desc("sequence")).limit(1)
    ).first()
    return Head(chain, last.sequence, last.hash) if last else Head(chain, 0, GENESIS)


def heads(session: Session) -> list[Head]:
    """The ends of all chains, to print in reports."""
    return [head(session, chain) for chain in sorted(session.exec(select(AuditEvent.chain).distinct()).all())]


def verify(session: Session, printed: str = "") -> list[Finding]:
    """Check every chain, and that a head printed earlier still lies on one of them.

    Args:
        session: a reading session.
        printed: a head (64 hexadecimal digits, or its first 12 or more) from a report; empty to check chains only.

    Returns:
        Findings; none when all is as it was written.
    """
    found: list[Finding] = []
    on_chain = not printed
    expected: dict[str, tuple[int, str]] = {}
    events = session.exec(select(AuditEvent).order_by(sa.asc("chain"), sa.asc("sequence")))
    for event in events:
        count, previous = expected.get(event.chain, (0, GENESIS))
        place = f"audit of {event.chain}"
        if event.sequence != count + 1:
            found.append(_broken(place, event, f"events {count + 1} to {event.sequence - 1} are missing"))
        elif event.previous_hash != previous:
            found.append(_broken(place, event, "it does not follow from the event before it"))
        if digest(event) != event.hash:
            found.append(_broken(place, event, "its content was changed"))
        expected[event.chain] = (event.sequence, event.hash)
        if printed and len(printed) >= 12 and event.hash.startswith(printed.lower()):
            on_chain = True
    if not on_chain:
        message = "The printed head is on no chain: events before it were changed or removed."
        found.append(Finding("audit", 0, "head-not-found", "error", message, "Compare with a backup."))
    return found


def _broken(place: str, event: AuditEvent, what: str) -> Finding:
    return Finding(place, event.sequence, "chain-broken", "error", f"Event {event.sequence}: {what}.", "See backups.")
