"""From draft to released: who may move an item where, reviews, and the approval that both districts give.

An item that is submitted opens a joint decision. A review that approves is its district's agreement, one that asks
for a change sends the item back to its author. A changed text is a new version, whose reviews start again; an
editorial fix may carry them over, by joint decision.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import audit, decisions, people
from itembank.authoring import latest_version
from itembank.errors import Conflict, NotPermitted, Rejected, UsageFault
from itembank.models import (
    AuditEvent,
    Decision,
    DecisionAuthor,
    DecisionVote,
    District,
    Item,
    ItemAuthor,
    ItemVersion,
    Person,
    Review,
    ReviewComment,
    columns,
    now,
)

TRANSITIONS: dict[str, tuple[str, ...]] = {
    "draft": ("in review", "retired"),
    "in review": ("draft", "approved"),
    "approved": ("field test", "operational", "retired"),
    "field test": ("operational", "retired"),
    "operational": ("released", "retired"),
    "released": ("retired",),
    "retired": (),
}
CHECKLIST = {
    "mathematics": "The mathematics is correct.",
    "concept": "It measures the concept it is tagged with, and little else.",
    "best": "It is the best measure of it among the alternatives.",
    "language": "The language is no harder for English learners than the mathematics needs.",
    "fairness": "Nothing in it is easier, stranger or hurtful for one group of students.",
    "access": "Figures have alt text, and it works in large print and read aloud.",
    "key": "The key is right and each wrong option comes from its misconception.",
}


@dataclass(frozen=True)
class Task:
    """Something that waits for a person.

    Attributes:
        what: review, decision.
        item: its code, or the decision's subject.
        version: the version it is about.
        title: of the item, or the proposal.
        due: the date, where one was set.
        command: what to type.
    """

    what: str
    item: str
    version: str
    title: str
    due: date | None
    command: str


def item_of(session: Session, code: str) -> Item:
    """The item with this code, held until the end of the transaction."""
    latest_version(session, code)  # says what is wrong with the code
    return session.exec(select(Item).where(Item.code == code).with_for_update()).one()


def authors_of(session: Session, version: ItemVersion) -> set[int]:
    """Ids of the people whose work a version is."""
    rows = session.exec(select(ItemAuthor).where(ItemAuthor.item_version_id == version.id)).all()
    found = {r.person_id for r in rows if r.person_id is not None}
    return found | ({version.author_id} if version.author_id is not None else set())


def move(session: Session, item: Item, status: str) -> None:
    """Set an item's status along an allowed transition, unless somebody else moved it first.

    Raises:
        Conflict: the transition is not allowed, or the item was changed meanwhile.
    """
    if status not in TRANSITIONS[item.status]:
        to = ", ".join(TRANSITIONS[item.status]) or "nowhere"
        raise Conflict("transition", f"{item.code} is {item.status}; it can go to: {to}.", "itembank reviews queue")
    row = columns(Item)
    changed = session.execute(
        sa.update(Item)
        .where(row.id == item.id, row.revision == item.revision)
        .values(status=status, revision=item.revision + 1)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("changed-meanwhile", f"Somebody else changed {item.code}.", "Run the command again.")
    session.refresh(item)


def submit(session: Session, code: str, person: Person, reason: str = "") -> Decision:
    """Send the newest version of a draft for review; opens the joint decision about it.

    Raises:
        Conflict: it is no draft.
        NotPermitted: it belongs to the other district.
    """
    item = item_of(session, code)
    version = latest_version(session, code)
    if item.district_id is not None and item.district_id != person.district_id:
        raise NotPermitted("other-district", f"{code} belongs to the other district.", "Ask its author to submit it.")
    move(session, item, "in review")
    audit.record(session, "submit item", f"item:{code}", person, details={"version": version.number})
    return decisions.propose(
        session,
        "item approval",
        f"item:{code}",
        f"{code} version {version.number} may be used",
        reason or "Ready for review.",
        person,
        subject_version=str(version.number),
        payload={"item_version_id": version.id},
        authors=authors_of(session, version),
    )


def propose_status(session: Session, code: str, status: str, reason: str, person: Person) -> Decision:
    """Propose to move an approved item on (field test, operational, released, retired)."""
    item = item_of(session, code)
    version = latest_version(session, code)
    if status not in TRANSITIONS[item.status] or status in ("in review", "draft", "approved"):
        to = ", ".join(t for t in TRANSITIONS[item.status] if t not in ("in review", "draft", "approved"))
        raise Conflict("transition", f"{code} is {item.status}; it can be proposed for: {to or 'nothing'}.", "")
    return decisions.propose(
        session,
        "item status",
        f"item:{code}",
        f"{code} version {version.number} moves from {item.status} to {status}",
        reason,
        person,
        subject_version=str(version.number),
        payload={"item_version_id": version.id, "status": status},
    )


def propose_editorial(session: Session, code: str, reason: str, person: Person) -> Decision:
    """Propose that the newest version only mends the wording of the one before, whose reviews it keeps.

    Raises:
        Conflict: there is no reviewed version before it.
    """
    item = item_of(session, code)
    version = latest_version(session, code)
    before = status_of_version(session, code, version.number - 1)
    if item.status != "draft" or not before:
        raise Conflict("not-editorial", f"{code} has no approved version before its newest draft.", "reviews submit")
    return decisions.propose(
        session,
        "editorial fix",
        f"item:{code}",
        f"{code} version {version.number} keeps the reviews of version {version.number - 1} and stays {before}",
        reason,
        person,
        subject_version=str(version.number),
        payload={"item_version_id": version.id, "before": version.number - 1, "status": before},
        authors=authors_of(session, version),
    )


def status_of_version(session: Session, code: str, number: int) -> str:
    """How far a version came by joint decisions; "" for one that was never approved."""
    moved = decisions.agreed(session, "item status", f"item:{code}", str(number))
    if moved is not None:
        return str(moved.payload["status"])
    kept = decisions.agreed(session, "editorial fix", f"item:{code}", str(number))
    if kept is not None:
        return str(kept.payload["status"])
    return "approved" if decisions.agreed(session, "item approval", f"item:{code}", str(number)) else ""


def assign(session: Session, code: str, to: Person, by: Person, due: date | None = None) -> Review:
    """Ask somebody for a review, or change the date.

    Raises:
        NotPermitted: it is their own work.
    """
    version = latest_version(session, code)
    if to.id in authors_of(session, version):
        raise NotPermitted("own-work", f"{to.code} wrote {code}.", "itembank people list")
    row = session.exec(select(Review).where(Review.item_version_id == version.id, Review.person_id == to.id)).first()
    if row is None:
        row = Review(item_version_id=version.id or 0, person_id=to.id or 0, district_id=to.district_id)
    row.due_on = due
    session.add(row)
    session.flush()
    details = {"to": to.code, "due": str(due or "")}
    audit.record(session, "assign review", f"item:{code}", by, details=details)
    return row


def review(
    session: Session,
    code: str,
    person: Person,
    verdict: str,
    comment: str = "",
    checklist: Mapping[str, bool] | None = None,
    angoff: float | None = None,
    version: int | None = None,
    identity: str = "",
    at: datetime | None = None,
) -> decisions.Standing:
    """Review the newest version of an item in review.

    Args:
        session: a writing session.
        code: the item.
        person: the reviewer.
        verdict: approve or change.
        comment: needed with "change".
        checklist: key of `CHECKLIST` -> yes; to approve, none of them may be no.
        angoff: of the students who have just mastered the concept, the share of the points they get, 0 to 1.
        version: the number that was read; if the item has moved on, nothing is stored.
        identity: how it is known that it is them; by default what `people.identity_is` says.
        at: when they said so; now by default.

    Returns:
        Where the approval stands now.

    Raises:
        Conflict: the item is not in review, or has a newer version than the one that was read.
        NotPermitted: it is their own work.
        UsageFault: an unknown verdict or checklist entry, or a rating outside 0 to 1.
    """
    if verdict not in ("approve", "change"):
        raise UsageFault("verdict", f"{verdict!r} is no verdict.", "approve or change")
    unknown = set(checklist or {}) - set(CHECKLIST)
    if unknown:
        raise UsageFault("checklist", f"Unknown: {', '.join(sorted(unknown))}.", ", ".join(CHECKLIST))
    if angoff is not None and not 0 <= angoff <= 1:
        raise UsageFault("angoff", "The rating is a share from 0 to 1.", "--angoff 0.65")
    if verdict == "change" and not comment.strip():
        raise UsageFault("no-comment", "Say what should change.", "--comment 'what'")
    if verdict == "approve" and not all((checklist or {}).values()):
        raise UsageFault("checklist", "An item with a no on the checklist is not approved.", "--verdict change")
    if not identity:
        people.speaks_here(session, person)
    known = identity or people.identity_is(session, person)
    item = item_of(session, code)
    newest = latest_version(session, code)
    if version is not None and version != newest.number:
        raise Conflict(
            "changed-meanwhile",
            f"You read version {version} of {code}; it is at {newest.number}. Nothing was stored.",
            f"itembank items diff {code}",
        )
    if item.status != "in review":
        raise Conflict("not-in-review", f"{code} is {item.status}.", "itembank reviews queue")
    if person.id in authors_of(session, newest):
        raise NotPermitted("own-work", f"{person.code} wrote {code}.", "itembank reviews queue")
    row = session.exec(select(Review).where(Review.item_version_id == newest.id, Review.person_id == person.id)).first()
    if row is None:
        row = Review(item_version_id=newest.id or 0, person_id=person.id or 0, district_id=person.district_id)
    elif row.submitted_at is not None:
        raise Conflict(
            "reviewed", f"{person.code} has reviewed version {newest.number}.", f"itembank reviews show {code}"
        )
    row.verdict, row.comment, row.angoff = verdict, comment, angoff
    row.checklist = {k: bool(v) for k, v in (checklist or {}).items()}
    row.submitted_at = at or now()
    session.add(row)
    session.flush()
    details = {"version": newest.number, "verdict": verdict, "identity": known}
    audit.record(session, "review item", f"item:{code}", person, details=details)
    decision = _open_decision(session, code, newest)
    if verdict == "change":
        decisions.vote(session, decision.id or 0, person, "decline", comment, known)
        move(session, item_of(session, code), "draft")
    elif session.get(DecisionVote, (decision.id, person.district_id)) is None:
        decisions.vote(session, decision.id or 0, person, "agree", comment, known)
    return decisions.standing(session, decision)


def _open_decision(session: Session, code: str, version: ItemVersion) -> Decision:
    decision = session.exec(
        select(Decision).where(
            Decision.kind == "item approval",
            Decision.subject == f"item:{code}",
            Decision.subject_version == str(version.number),
            Decision.status == "open",
        )
    ).first()
    if decision is None:
        raise Conflict("no-decision", f"No approval of {code} is open.", f"itembank reviews submit {code}")
    return decision


def comment(session: Session, code: str, person: Person, text: str, answer_to: int | None = None) -> ReviewComment:
    """A remark about the newest version, or an answer to one."""
    version = latest_version(session, code)
    if not text.strip():
        raise UsageFault("no-text", "The comment is empty.", "")
    if answer_to is not None:
        above = session.get(ReviewComment, answer_to)
        if above is None:
            raise Rejected("unknown-comment", f"There is no comment {answer_to}.", f"itembank reviews show {code}")
    row = ReviewComment(item_version_id=version.id or 0, person_id=person.id or 0, parent_id=answer_to, text=text)
    session.add(row)
    session.flush()
    audit.record(session, "comment", f"item:{code}", person, details={"version": version.number})
    return row


def queue(session: Session, person: Person) -> list[Task]:
    """What waits for a person: reviews assigned, items whose review their district owes, open decisions."""
    item, version = columns(Item), columns(ItemVersion)
    newest = sa.and_(version.item_id == item.id, version.number == item.latest)
    waiting = session.execute(
        sa.select(item.code, version.number, version.title, version.id)
        .join(ItemVersion, newest)
        .where(item.status == "in review")
        .order_by(item.code)
    ).all()
    found: list[Task] = []
    for code, number, title, at in waiting:
        held = session.get(ItemVersion, at)
        assert held is not None
        if person.id in authors_of(session, held):
            continue
        mine = session.exec(select(Review).where(Review.item_version_id == at, Review.person_id == person.id)).first()
        if mine is not None and mine.submitted_at is not None:
            continue
        decision = _open_decision(session, code, held)
        owed = session.get(DecisionVote, (decision.id, person.district_id)) is None
        if mine is not None or owed:
            due = mine.due_on if mine else None
            found.append(Task("review", code, str(number), title, due, f"itembank reviews review {code}"))
    home = session.get(District, person.district_id)
    for row in decisions.listed(session, "open", home.code if home else ""):
        barred = session.get(DecisionAuthor, (row["decision"], person.id)) is not None
        if row["kind"] != "item approval" and not barred and "decisions" in people.MAY[person.role]:
            command = f"itembank decisions show {row['decision']}"
            found.append(Task("decision", row["subject"], row["version"], row["proposal"], None, command))
    return sorted(found, key=lambda t: (t.due or date.max, t.what, t.item))


def reviews_of(session: Session, code: str) -> list[dict[str, Any]]:
    """All reviews of an item, by version."""
    row, version, item, person = columns(Review), columns(ItemVersion), columns(Item), columns(Person)
    found = session.execute(
        sa.select(version.number, person.code, columns(District).code, row)
        .join(ItemVersion, version.id == row.item_version_id)
        .join(Item, item.id == version.item_id)
        .join(Person, person.id == row.person_id)
        .join(District, columns(District).id == row.district_id)
        .where(item.code == code)
        .order_by(version.number, row.id)
    ).all()
    said = session.exec(
        select(AuditEvent).where(AuditEvent.subject == f"item:{code}", AuditEvent.action == "review item")
    )
    known = {(e.details.get("version"), e.person): str(e.details.get("identity", "")) for e in said.all()}
    return [
        {
            "version": r[0],
            "person": r[1],
            "district": r[2],
            "verdict": r.verdict or "waiting",
            "identity": known.get((r[0], r[1]), ""),
            "angoff": r.angoff,
            "no": ", ".join(k for k, v in (r.checklist or {}).items() if not v),
            "comment": r.comment,
            "due": r.due_on,
            "at": f"{r.submitted_at:%Y-%m-%d %H:%M}" if r.submitted_at else "",
        }
        for r in found
    ]


def comments_of(session: Session, code: str) -> list[dict[str, Any]]:
    """The remarks about an item, by version, each answer after what it answers."""
    row, version, item, person = columns(ReviewComment), columns(ItemVersion), columns(Item), columns(Person)
    found = session.execute(
        sa.select(row.id, version.number, person.code, row.parent_id, row.text)
        .join(ItemVersion, version.id == row.item_version_id)
        .join(Item, item.id == version.item_id)
        .join(Person, person.id == row.person_id)
        .where(item.code == code)
        .order_by(version.number, sa.func.coalesce(row.parent_id, row.id), row.id)
    ).all()
    names = ("comment", "version", "person", "answers", "text")
    return [dict(zip(names, r, strict=True)) for r in found]


# ---------------------------------------------------------------- what agreed decisions do


def _current(session: Session, decision: Decision) -> Item:
    code = decision.subject.removeprefix("item:")
    item = item_of(session, code)
    if str(item.latest) != decision.subject_version:
        raise Conflict(
            "changed-meanwhile",
            f"{code} is at version {item.latest}; this decision is about version {decision.subject_version}.",
            f"itembank items diff {code}",
        )
    return item


def carry_out_approval(session: Session, decision: Decision) -> None:
    """Approve the item."""
    move(session, _current(session, decision), "approved")


def carry_out_status(session: Session, decision: Decision) -> None:
    """Move the item on."""
    move(session, _current(session, decision), str(decision.payload["status"]))


def carry_out_editorial(session: Session, decision: Decision) -> None:
    """Let the new version keep the reviews and the status of the one before."""
    item = _current(session, decision)
    before = session.exec(
        select(ItemVersion).where(ItemVersion.item_id == item.id, ItemVersion.number == decision.payload["before"])
    ).one()
    for old in session.exec(select(Review).where(Review.item_version_id == before.id)).all():
        facts = old.model_dump(exclude={"id", "item_version_id"})
        session.add(Review(item_version_id=int(decision.payload["item_version_id"]), **facts))
    item.status = str(decision.payload["status"])
    item.revision += 1
    session.add(item)
    session.flush()
