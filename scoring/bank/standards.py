"""What cuts and scales rest on in the bank: items by concept, ratings, joint decisions about runs."""

from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import decisions, people, runs
from itembank.errors import Conflict, Rejected
from itembank.models import Decision, District, Item, ItemVersion, Person, Run, columns
from scoring.bank.items import angoff_ratings
from scoring.bank.results import read_table, store_table
from scoring.bank.sittings import item_facts

#: Items that a domain score is about.
OPERATIONAL = ("operational", "released")


def bank_items(session: Session) -> pd.DataFrame:
    """The newest version of every item: index item; version, version_id, title, concept (primary), points, status."""
    item, version = columns(Item), columns(ItemVersion)
    same = sa.and_(version.item_id == item.id, version.number == item.latest)
    rows = session.execute(sa.select(version.id, item.status).join(Item, same).order_by(item.code)).all()
    table = item_facts(session, [r[0] for r in rows], None)[0] if rows else pd.DataFrame(
        columns=["version", "version_id", "title", "concept", "points"], index=pd.Index([], name="item")
    )  # fmt: skip
    return table[["version", "version_id", "title", "concept", "points"]].assign(status=[r[1] for r in rows])


def rater_home(session: Session, code: str) -> str:
    """District code of a person in the bank, "" for somebody who is not."""
    person = session.exec(select(Person).where(Person.code == code)).first()
    home = session.get(District, person.district_id) if person is not None else None
    return home.code if home else ""


def ratings(session: Session) -> pd.DataFrame:
    """Every rater's newest rating of every item: item, rater, district, share, version, source ("review", "run N")."""
    reviewed = angoff_ratings(session).rename(columns={"rating": "share"}).assign(source="review", order=0)
    parts = [reviewed[["item", "rater", "district", "share", "version", "source", "order"]]]
    kept = session.exec(select(Run).where(Run.kind == "ratings").order_by(columns(Run).id)).all()
    for run in kept:
        table = read_table(session, run, "ratings")
        parts.append(table.assign(source=f"run {run.id}", order=run.id))
    parts = [p for p in parts if len(p)]
    if not parts:
        return pd.DataFrame(columns=["item", "rater", "district", "share", "version", "source"])
    whole = pd.concat(parts, ignore_index=True).sort_values(["order", "version"], kind="stable")
    newest = whole.drop_duplicates(["rater", "item"], keep="last").sort_values(["item", "rater"])
    return newest.drop(columns="order").astype({"share": float, "version": int}).reset_index(drop=True)


def store_ratings(session: Session, run: Run, table: pd.DataFrame) -> None:
    """Keep ratings with their run: item, rater, district, share, version."""
    store_table(session, run, "ratings", table[["item", "rater", "district", "share", "version"]])


def nothing_open(session: Session, kind: str, about: tuple[str, ...]) -> None:
    """Raises Conflict where something of `about` is in an open decision of this kind."""
    for decision in session.exec(select(Decision).where(Decision.kind == kind, Decision.status == "open")).all():
        both = [a for a in about if a in decision.payload.get("about", [])]
        if both:
            raise Conflict(
                "already-open",
                f"Decision {decision.id} about {', '.join(both)} is open already.",
                f"itembank decisions show {decision.id}",
            )


def propose(
    session: Session,
    kind: str,
    run: Run,
    subject: str,
    proposal: str,
    reason: str,
    as_: str = "",
    about: tuple[str, ...] = (),
) -> Decision:
    """Propose what a run holds as a joint decision.

    Args:
        session: of `writing()`.
        kind: "cut" or "scale".
        run: that holds it. subject, proposal, reason: see `itembank.decisions.propose`.
        as_: who proposes.
        about: what the run decides; nothing of it may be in an open decision.

    Raises:
        Conflict: one of `about` is open already.
    """
    person = people.require(session, "decisions", as_)
    nothing_open(session, kind, about)
    payload: dict[str, Any] = {"run": run.id, "about": list(about)}
    return decisions.propose(session, kind, subject, proposal, reason, person, str(run.id), payload)


def decided(session: Session, kind: str) -> pd.DataFrame:
    """Decisions of a kind about runs, oldest first: decision, run, about, status, closed_at."""
    rows = session.exec(select(Decision).where(Decision.kind == kind).order_by(columns(Decision).id)).all()
    table = [(d.id, int(d.payload.get("run", 0)), d.payload.get("about", []), d.status, d.closed_at) for d in rows]
    return pd.DataFrame(table, columns=["decision", "run", "about", "status", "closed_at"])


def in_force(session: Session, kind: str) -> dict[str, tuple[int, int]]:
    """What was agreed last: what it is about -> (run, decision)."""
    found: dict[str, tuple[int, int]] = {}
    table = decided(session, kind)
    for row in table[table["status"] == "agreed"].sort_values("closed_at", kind="stable").itertuples():
        found |= dict.fromkeys(row.about, (int(row.run), int(row.decision)))
    return found


def runs_of_kind(session: Session, kind: str) -> list[Run]:
    """Runs of a kind, oldest first."""
    return list(session.exec(select(Run).where(Run.kind == kind).order_by(columns(Run).id)).all())


def newest_with(session: Session, table: str, number: int | None = None, administration: str = "") -> Run:
    """The newest run that holds a table (of an administration), or the run with this number.

    Raises:
        Rejected: there is none.
    """
    from itembank.administrations import administration_of
    from itembank.models import RunTable

    statement = select(Run).join(RunTable, columns(RunTable).run_id == columns(Run).id).where(RunTable.name == table)
    if number is not None:
        statement = statement.where(Run.id == number)
    if administration:
        statement = statement.where(Run.administration_id == administration_of(session, administration).id)
    run = session.exec(statement.order_by(sa.desc(columns(Run).id)).limit(1)).first()
    if run is None:
        what = f"Run {number} holds no {table}." if number is not None else f"No run holds a {table} yet."
        raise Rejected(f"no-{table}", what, "itembank compare run")
    return run


def stale_reasons(session: Session, run: Run) -> list[runs.StaleReason]:
    """Why a run no longer stands: what `itembank.runs` finds, and cuts that were agreed since."""
    reasons = runs.stale_reasons(session, run)
    used = run.details.get("cuts") if run.kind == "compare" else None
    if isinstance(used, dict):
        now = in_force(session, "cut")
        changed = sorted(c for c in used if c in now and now[c][0] != used[c])
        if changed:
            reasons.append(runs.StaleReason("cut", "a cut was agreed since for " + ", ".join(changed)))
    return reasons
