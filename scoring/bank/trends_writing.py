"""Writing indicators, targets and actions: the commands' way to the bank."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from sqlmodel import Session

from itembank import actions, decisions, indicators, people
from itembank.errors import Rejected
from itembank.findings import Finding
from itembank.tabular import read_table


def import_files(session: Session, files: Sequence[Path], as_: str, replace: bool) -> list[tuple[str, str]]:
    """Import definitions first, then values, then targets, whatever the order of the files."""
    person = people.require(session, "decisions", as_)
    tables = [read_table(f, ("indicator",)) for f in files]
    kinds = [_kind(t.columns) for t in tables]
    for t, kind in zip(tables, kinds, strict=True):
        needed = {"title": (), "value": ("district", "period"), "target": ("district", "period"), "": ("value",)}[kind]
        missing = [c for c in needed if c not in t.columns]
        if missing:
            found = [
                Finding(t.source, 1, "missing-column", "error", f"The column {c!r} is not there.") for c in missing
            ]
            hint = "title for definitions, value for values, target for targets"
            raise Rejected("bad-indicators", f"{t.source} was not stored.", hint, found)
    told: list[tuple[str, str]] = []
    order = sorted(range(len(tables)), key=lambda k: ("title", "value", "target").index(kinds[k]))
    for k in order:
        t = tables[k]
        if kinds[k] == "title":
            told.append((t.source, f"{indicators.import_definitions(session, t, person)} definitions"))
        elif kinds[k] == "value":
            counts = indicators.import_values(session, t, person, replace)
            told.append((t.source, ", ".join(f"{n} {what}" for what, n in counts.items())))
        else:
            told.append((t.source, f"{_targets(session, t, person)} targets"))
    return told


def _kind(columns: Sequence[str]) -> str:
    return next((k for k in ("title", "target", "value") if k in columns), "")


def _targets(session: Session, table: Any, person: Any) -> int:
    found: list[Finding] = []
    for line, r in zip(table.rows.tolist(), table.records(), strict=True):
        try:
            entry = indicators.indicator_of(session, r["indicator"])
            district = people.district_of(session, r["district"])
            value = float(r["target"])
            indicators.set_target(
                session, entry, district, r["period"], value, r.get("reason", ""), person, r.get("school", ""),
                r.get("subgroup") or "all",
            )  # fmt: skip
        except Rejected as refused:
            found.append(Finding(table.source, line, refused.code, "error", refused.sentence, refused.hint))
        except ValueError:
            found.append(Finding(table.source, line, "not-a-number", "error", "The target is no number.", "", "target"))
    if found:
        raise Rejected("bad-indicators", f"{table.source} was not stored: {len(found)} findings.", "", found)
    return len(table)


def set_target(
    session: Session, indicator: str, district: str, period: str, value: float, reason: str, school: str,
    subgroup: str, as_: str,
) -> None:  # fmt: skip
    """Set one target."""
    person = people.require(session, "decisions", as_)
    entry, home = indicators.indicator_of(session, indicator), people.district_of(session, district)
    indicators.set_target(session, entry, home, period, value, reason, person, school, subgroup)


def add_action(
    session: Session, observed: str, supposed: str, plans: Mapping[str, str], owner: str, as_: str, agreed_on: date,
    subject: str, due_on: date | None, note: str, baseline: Sequence[Mapping[str, Any]],
) -> int:  # fmt: skip
    """Keep an action; its number."""
    person = people.require(session, "decisions", as_)
    action = actions.add(
        session, observed, supposed, plans, owner, person, agreed_on, subject, due_on, note, baseline
    )  # fmt: skip
    return action.id or 0


def update_action(
    session: Session, number: int, text: str, as_: str, said_on: date, status: str, internal: bool, due_on: date | None
) -> str:
    """Write down what was said of an action; its status."""
    person = people.require(session, "decisions", as_)
    action = actions.action_of(session, number)
    actions.update(session, action, text, person, said_on, status, internal, due_on)
    return action.status


def check_subject(session: Session, subject: str) -> None:
    """As `itembank.actions.check_subject`."""
    actions.check_subject(session, subject)


def propose_edition(session: Session, version: str, title: str, as_: str) -> int:
    """Propose a public edition, by the hash of its content; the number of the decision."""
    person = people.require(session, "decisions", as_)
    proposal = f"Publish “{title}” in the edition {version[:16]}."
    why = "For the community."
    decision = decisions.propose(session, "public edition", "report:packet", proposal, why, person, version)
    return decision.id or 0


def edition_agreed(session: Session, version: str) -> bool:
    """Whether both districts agreed to an edition with this content."""
    return edition_decision(session, version) > 0


def edition_decision(session: Session, version: str) -> int:
    """The decision by which both districts agreed to an edition with this content; 0 without one."""
    found = decisions.agreed(session, "public edition", "report:packet", version)
    return 0 if found is None else int(found.id or 0)
