"""The meeting's own memory: what was observed, why it was supposed to be so, and what each district will try."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlmodel import Session, select

from itembank import audit, people
from itembank.errors import Rejected, UsageFault
from itembank.indicators import indicator_of
from itembank.models import Action, ActionUpdate, Concept, Person

STATUS = ("open", "done", "dropped")


def add(
    session: Session,
    observed: str,
    supposed: str,
    plans: Mapping[str, str],
    owner: str,
    person: Person | None,
    agreed_on: date,
    subject: str = "",
    due_on: date | None = None,
    note: str = "",
    baseline: Sequence[Mapping[str, Any]] = (),
) -> Action:
    """Keep an action.

    Args:
        session: of a writer.
        observed: what was seen. supposed: the reason supposed.
        plans: district code -> what it will try; at least one.
        owner: the role that sees to it, never a name.
        person: who writes it down.
        agreed_on: the day of the meeting. due_on: when it is looked at again.
        subject: "indicator:CODE" or "concept:CODE", whose number is shown beside it from then on.
        note: for the room only.
        baseline: the subject's numbers on that day: mappings with district, period and value.

    Raises:
        UsageFault: something needed is missing, or the subject is neither.
        Rejected: an unknown district, indicator or concept.
    """
    for name, text in (("--observed", observed), ("--owner", owner)):
        if not text.strip():
            raise UsageFault("missing", f"{name} is needed.", f'{name} "..."')
    if not plans:
        raise UsageFault("missing", "Say what at least one district will try.", '--try A="..."')
    for code in plans:
        people.district_of(session, code)
    check_subject(session, subject)
    action = Action(
        agreed_on=agreed_on, observed=observed.strip(), supposed=supposed.strip(), subject=subject,
        plans=dict(plans), owner=owner.strip(), due_on=due_on, note=note.strip(), baseline=[dict(b) for b in baseline],
    )  # fmt: skip
    session.add(action)
    session.flush()
    audit.record(session, "add action", f"action:{action.id}", person, details={"subject": subject, "owner": owner})
    return action


def check_subject(session: Session, subject: str) -> None:
    """Whether the subject names an indicator or a concept of the bank.

    Raises:
        UsageFault: neither "indicator:" nor "concept:". Rejected: it is not there.
    """
    kind, _, code = subject.partition(":")
    if kind == "indicator" and code:
        indicator_of(session, code)
    elif kind == "concept" and code:
        if session.exec(select(Concept).where(Concept.code == code)).first() is None:
            raise Rejected("unknown-concept", f"There is no concept {code!r}.", "itembank concepts list")
    elif subject:
        raise UsageFault("bad-subject", f"{subject!r} is no subject.", "--about concept:CODE or indicator:CODE")


def action_of(session: Session, number: int) -> Action:
    """The action with this number.

    Raises:
        Rejected: there is none.
    """
    action = session.get(Action, number)
    if action is None:
        raise Rejected("unknown-action", f"There is no action {number}.", "itembank actions list")
    return action


def update(
    session: Session,
    action: Action,
    text: str,
    person: Person | None,
    said_on: date,
    status: str = "",
    internal: bool = True,
    due_on: date | None = None,
) -> ActionUpdate:
    """Write down what was said of an action later; what was agreed at first stays as it was.

    Raises:
        UsageFault: an unknown status, or nothing said.
    """
    if status and status not in STATUS:
        raise UsageFault("unknown-status", f"There is no status {status!r}.", "--status " + ", ".join(STATUS))
    if not (text.strip() or status or due_on):
        raise UsageFault("missing", "Nothing was said of the action.", '--text "...", or --status done')
    entry = ActionUpdate(
        action_id=action.id or 0, said_on=said_on, status=status, text=text.strip(), internal=internal,
        person=person.code if person else "",
    )  # fmt: skip
    if status:
        action.status = status
    if due_on:
        action.due_on = due_on
    session.add_all([action, entry])
    session.flush()
    audit.record(session, "update action", f"action:{action.id}", person, details={"status": status})
    return entry


def listed(session: Session, status: str = "all") -> list[dict[str, Any]]:
    """Actions with what was said of them, the oldest first.

    Keys: action, agreed_on, observed, supposed, subject, plans, owner, due_on, status, note, baseline, updates (each
    said_on, status, text, internal).
    """
    if status not in ("all", *STATUS):
        raise UsageFault("unknown-status", f"There is no status {status!r}.", "--status all, " + ", ".join(STATUS))
    said: dict[int, list[dict[str, Any]]] = {}
    for u in session.exec(select(ActionUpdate).order_by(ActionUpdate.id)).all():  # type: ignore[arg-type]
        said.setdefault(u.action_id, []).append(
            {"said_on": u.said_on, "status": u.status, "text": u.text, "internal": u.internal}
        )
    found = []
    for a in session.exec(select(Action).order_by(Action.id)).all():  # type: ignore[arg-type]
        if status in ("all", a.status):
            found.append(
                {"action": a.id, "agreed_on": a.agreed_on, "observed": a.observed, "supposed": a.supposed,
                 "subject": a.subject, "plans": dict(a.plans), "owner": a.owner, "due_on": a.due_on,
                 "status": a.status, "note": a.note, "baseline": list(a.baseline), "updates": said.get(a.id or 0, [])}
            )  # fmt: skip
    return found
