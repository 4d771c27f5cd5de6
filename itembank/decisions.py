"""Joint decisions: one mechanism for everything that both districts must want.

Somebody proposes something about one version of a subject and says why. One person of each district agrees, never
an author of the subject nor who proposed it. With the last agreement the decision takes effect, in the same
transaction; one decline ends it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import audit, people
from itembank.errors import Conflict, NotPermitted, Rejected, UsageFault
from itembank.models import Decision, DecisionAuthor, DecisionVote, District, Person, columns, now

# kind -> (what it is, module:function that carries it out, or "" where the agreement itself is what counts)
KINDS: dict[str, tuple[str, str]] = {
    "item approval": ("an item may be used", "itembank.review:carry_out_approval"),
    "item status": ("an item moves on", "itembank.review:carry_out_status"),
    "editorial fix": ("a new text keeps its reviews and statistics", "itembank.review:carry_out_editorial"),
    "key correction": ("responses are keyed anew", "itembank.correction:carry_out"),
    "publish": ("a run's parameters are published", "itembank.runs:carry_out_publication"),
    "scale": ("scores are reported on this scale", ""),
    "cut": ("mastery begins here", ""),
    "dif": ("what is done about an item that works differently", ""),
    "release": ("items are released", ""),
    "public edition": ("this may be published", ""),
}


@dataclass(frozen=True)
class Standing:
    """Where a decision stands.

    Attributes:
        decision: it.
        agreed: districts that agreed, with who did.
        waiting: districts whose word is missing; empty once it is closed.
    """

    decision: Decision
    agreed: dict[str, str]
    waiting: tuple[str, ...]


def propose(
    session: Session,
    kind: str,
    subject: str,
    proposal: str,
    reason: str,
    person: Person,
    subject_version: str = "",
    payload: dict[str, Any] | None = None,
    authors: Iterable[int] = (),
) -> Decision:
    """Propose a joint decision.

    Args:
        session: a writing session.
        kind: one of `KINDS`.
        subject: "item:G7-RP-001", "run:12", "cut:geometry".
        proposal: what would be done, in a sentence.
        reason: why.
        person: who proposes.
        subject_version: which version it is about, so that a changed subject needs a new decision.
        payload: what the carrying out needs.
        authors: ids of people whose own work it is; they may not agree, nor may `person`.

    Raises:
        UsageFault: an unknown kind, or no reason.
        Conflict: the same is open already.
    """
    if kind not in KINDS:
        raise UsageFault("unknown-kind", f"There is no kind of decision {kind!r}.", "Kinds: " + ", ".join(KINDS))
    if not reason.strip():
        raise UsageFault("no-reason", "A decision needs a reason.", "--reason 'why'")
    same = session.exec(
        select(Decision).where(
            Decision.kind == kind,
            Decision.subject == subject,
            Decision.subject_version == subject_version,
            Decision.status == "open",
        )
    ).first()
    if same is not None:
        raise Conflict(
            "already-open",
            f"Decision {same.id} about {subject} is open already.",
            f"itembank decisions show {same.id}",
        )
    decision = Decision(
        kind=kind,
        subject=subject,
        subject_version=subject_version,
        proposal=proposal,
        payload=payload or {},
        reason=reason,
        proposed_by=person.id or 0,
    )
    session.add(decision)
    session.flush()
    for author in dict.fromkeys([person.id or 0, *authors]):
        session.add(DecisionAuthor(decision_id=decision.id or 0, person_id=author))
    session.flush()
    audit.record(session, "propose", f"decision:{decision.id}", person, details={"kind": kind, "subject": subject})
    return decision


def decision_of(session: Session, number: int) -> Decision:
    """A decision by its number.

    Raises:
        Rejected: there is none.
    """
    decision = session.get(Decision, number)
    if decision is None:
        raise Rejected("unknown-decision", f"There is no decision {number}.", "itembank decisions list")
    return decision


def standing(session: Session, decision: Decision) -> Standing:
    """Who agreed, and who is still to say."""
    homes = {d.id: d.code for d in session.exec(select(District)).all()}
    who = {p.id: p.code for p in session.exec(select(Person)).all()}
    votes = session.exec(select(DecisionVote).where(DecisionVote.decision_id == decision.id)).all()
    agreed = {homes[v.district_id]: who[v.person_id] for v in votes if v.verdict == "agree"}
    said = {homes[v.district_id] for v in votes}
    waiting = tuple(sorted(set(homes.values()) - said)) if decision.status == "open" else ()
    return Standing(decision, dict(sorted(agreed.items())), waiting)


def vote(
    session: Session, number: int, person: Person, verdict: str, comment: str = "", identity: str = ""
) -> Standing:
    """Give a district's word; with the last agreement the decision is carried out.

    Args:
        session: a writing session.
        number: of the decision.
        person: who speaks, for their district.
        verdict: agree or decline.
        comment: kept with it; a decline needs one.
        identity: how it is known that it is them; by default what `people.identity_is` says.

    Raises:
        NotPermitted: it is their own work, or their role does not decide.
        Conflict: closed already, the district has spoken, or the subject has changed since.
    """
    if not identity:
        people.speaks_here(session, person)
    decision = _locked(session, number)
    if "decisions" not in people.MAY[person.role]:
        raise NotPermitted("role", f"{person.code} is {person.role} and does not decide.", "itembank people list")
    if decision.status != "open":
        raise Conflict("closed", f"Decision {number} is {decision.status}.", f"itembank decisions show {number}")
    own = session.get(DecisionAuthor, (number, person.id))
    if own is not None and verdict == "agree":
        raise NotPermitted(
            "own-work",
            f"{person.code} wrote or proposed this; somebody else of district {_home(session, person)} agrees.",
            "itembank people list",
        )
    if verdict == "decline" and not comment.strip():
        raise UsageFault("no-comment", "Say why you decline.", "--comment 'why'")
    if session.get(DecisionVote, (number, person.district_id)) is not None:
        raise Conflict("spoken", f"District {_home(session, person)} has spoken on decision {number}.", "")
    session.add(
        DecisionVote(
            decision_id=number,
            district_id=person.district_id,
            person_id=person.id or 0,
            verdict=verdict,
            comment=comment,
            identity=identity or people.identity_is(session, person),
        )
    )
    session.flush()
    audit.record(session, verdict, f"decision:{number}", person, details={"subject": decision.subject})
    if verdict == "decline":  # who proposed it takes it back
        _close(session, decision, "withdrawn" if person.id == decision.proposed_by else "declined")
    elif not standing(session, decision).waiting:
        _close(session, decision, "agreed")
        carry_out(session, decision)
    return standing(session, decision)


def _locked(session: Session, number: int) -> Decision:
    """The decision, held until the end of the transaction, so that two votes cannot miss each other."""
    decision = session.exec(select(Decision).where(Decision.id == number).with_for_update()).first()
    return decision if decision is not None else decision_of(session, number)


def _home(session: Session, person: Person) -> str:
    district = session.get(District, person.district_id)
    return district.code if district else ""


def _close(session: Session, decision: Decision, status: str) -> None:
    decision.status = status
    decision.closed_at = now()
    session.add(decision)
    session.flush()
    details = {"kind": decision.kind, "subject": decision.subject, "version": decision.subject_version}
    audit.record(session, status, f"decision:{decision.id}", chain=audit.JOINT, details=details)


def carry_out(session: Session, decision: Decision) -> None:
    """Do what was agreed."""
    target = KINDS[decision.kind][1]
    if target:
        module, name = target.split(":")
        action: Callable[[Session, Decision], None] = getattr(import_module(module), name)
        action(session, decision)


def supersede(session: Session, subject: str) -> int:
    """Close what is open about a subject that has changed; returns how many decisions were."""
    waiting = session.exec(select(Decision).where(Decision.subject == subject, Decision.status == "open")).all()
    for decision in waiting:
        if decision.kind != "key correction":  # a key belongs to its version, which stays
            _close(session, decision, "withdrawn")
    return len(waiting)


def agreed(session: Session, kind: str, subject: str, subject_version: str | None = None) -> Decision | None:
    """The newest agreed decision about a subject (and its version, where given)."""
    statement = select(Decision).where(Decision.kind == kind, Decision.subject == subject, Decision.status == "agreed")
    if subject_version is not None:
        statement = statement.where(Decision.subject_version == subject_version)
    return session.exec(statement.order_by(sa.desc("id")).limit(1)).first()


def listed(session: Session, status: str = "open", waiting_for: str = "") -> list[dict[str, Any]]:
    """Decisions: number, kind, subject, version, proposal, by, status, agreed, waiting."""
    statement = select(Decision).order_by(columns(Decision).id)
    if status != "all":
        statement = statement.where(Decision.status == status)
    who = {p.id: p.code for p in session.exec(select(Person)).all()}
    rows = []
    for decision in session.exec(statement).all():
        stands = standing(session, decision)
        if waiting_for and waiting_for not in stands.waiting:
            continue
        rows.append(
            {
                "decision": decision.id,
                "kind": decision.kind,
                "subject": decision.subject,
                "version": decision.subject_version,
                "proposal": decision.proposal,
                "by": who.get(decision.proposed_by, ""),
                "status": decision.status,
                "agreed": ", ".join(stands.agreed),
                "waiting": ", ".join(stands.waiting),
            }
        )
    return rows
