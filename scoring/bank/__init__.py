"""The one door from scoring to the bank's tables: read responses and items, store and read runs.

Everything takes a session of `reading()` or `writing()`. Raw answers become points here, by the keys' versions; what
was answered stays apart from how it is scored.
"""

from typing import Any

import pandas as pd
from sqlmodel import Session, col, select

from itembank import audit, decisions, people
from itembank.administrations import administration_of, taught
from itembank.database import location, reading, shown, writing
from itembank.models import (
    Administration,
    Concept,
    Decision,
    District,
    Import,
    Item,
    ItemParameter,
    ItemVersion,
    KeyVersion,
    Person,
    Run,
)
from itembank.runs import inputs_of, read_array, run_of, store_array, store_run
from itembank.runs import publish as publish_run
from scoring.bank.editions import administration_by_id, agreed_edition, propose_edition
from scoring.bank.items import angoff_ratings, form_items, items_table, misconception_choices, options_table
from scoring.bank.results import (
    read_comparison,
    read_group_parameters,
    read_item_parameters,
    read_table,
    runs_table,
    store_comparison,
    store_group_parameters,
    store_item_parameters,
    store_table,
)
from scoring.bank.roster_names import roster_students
from scoring.bank.scores import read_scores, store_scores
from scoring.bank.sittings import BankResponses, raw_responses, scored_responses
from scoring.bank.standards import (
    OPERATIONAL,
    bank_items,
    decided,
    in_force,
    newest_with,
    nothing_open,
    propose,
    rater_home,
    ratings,
    runs_of_kind,
    stale_reasons,
    store_ratings,
)

__all__ = [
    "OPERATIONAL",
    "Administration",
    "BankResponses",
    "Run",
    "administration_by_id",
    "administration_of",
    "agreed_action",
    "agreed_edition",
    "angoff_ratings",
    "audit_heads",
    "bank_items",
    "concept_titles",
    "decided",
    "district_names",
    "form_items",
    "in_force",
    "item_history",
    "items_table",
    "location",
    "misconception_choices",
    "newest_with",
    "nothing_open",
    "options_table",
    "person_of",
    "propose",
    "propose_action",
    "propose_edition",
    "propose_publication",
    "provenance_of",
    "publish_run",
    "rater_home",
    "ratings",
    "raw_responses",
    "read_array",
    "read_comparison",
    "read_group_parameters",
    "read_item_parameters",
    "read_scores",
    "read_table",
    "reading",
    "roster_students",
    "run_of",
    "runs_of_kind",
    "runs_table",
    "scored_responses",
    "shown",
    "stale_reasons",
    "store_array",
    "store_comparison",
    "store_group_parameters",
    "store_item_parameters",
    "store_ratings",
    "store_run",
    "store_scores",
    "store_table",
    "taught",
    "writing",
]


def district_names(session: Session) -> dict[str, str]:
    """District code -> name."""
    return {d.code: d.name for d in session.exec(select(District).order_by(District.code)).all()}


def concept_titles(session: Session) -> dict[str, str]:
    """Concept code -> title."""
    return {c.code: c.title for c in session.exec(select(Concept)).all()}


def person_of(session: Session, code: str = "") -> Person | None:
    """Who is at work (--as, ITEMBANK_PERSON, the database login)."""
    return people.acting(session, code)


def audit_heads(session: Session) -> dict[str, str]:
    """The end of each audit chain, to print in reports: chain -> hash."""
    return {h.chain: h.hash for h in audit.heads(session)}


def propose_publication(session: Session, run: Run, reason: str, as_: str = "") -> Decision:
    """Propose to publish a run; it is published when both districts have agreed."""
    person = people.require(session, "decisions", as_)
    return decisions.propose(
        session, "publish", f"run:{run.id}", f"Publish the parameters of run {run.id}.", reason, person
    )


def provenance_of(session: Session, run: Run) -> dict[str, list[dict[str, Any]]]:
    """What a run read, by kind: files with their hashes, keys and item versions by item (and the newest there are),
    other runs with their kind and status."""
    refs: dict[str, list[int]] = {}
    for kind, ref in inputs_of(session, run):
        refs.setdefault(kind, []).append(ref)
    listed = session.exec(select(Item)).all()
    items, latest = {i.id: i.code for i in listed}, {i.id: i.latest for i in listed}
    versions = {
        v.id: v for v in session.exec(select(ItemVersion).where(col(ItemVersion.id).in_(refs.get("item", [])))).all()
    }
    keys = session.exec(select(KeyVersion).where(col(KeyVersion.id).in_(refs.get("key", [])))).all()
    places = [k.item_version_id for k in keys]
    newest: dict[int, int] = {}
    for key in session.exec(select(KeyVersion).where(col(KeyVersion.item_version_id).in_(places))).all():
        newest[key.item_version_id] = max(key.number, newest.get(key.item_version_id, 0))
    runs = session.exec(select(Run).where(col(Run.id).in_(refs.get("run", []))).order_by(col(Run.id))).all()
    files = session.exec(select(Import).where(col(Import.id).in_(refs.get("import", [])))).all()
    return {
        "files": [
            {"name": f.file_name, "sha256": f.content_hash, "rows": f.rows, "loaded": f.loaded_at} for f in files
        ],
        "items": [
            {"item": items[v.item_id], "version": v.number, "hash": v.content_hash, "newest": latest[v.item_id]}
            for v in versions.values()
        ],
        "keys": [
            {
                "item": items[versions[k.item_version_id].item_id],
                "version": k.number,
                "newest": newest[k.item_version_id],
            }
            for k in keys
            if k.item_version_id in versions
        ],
        "runs": [{"run": r.id, "kind": r.kind, "status": r.status} for r in runs],
    }


def propose_action(
    session: Session, item: str, version: str, action: str, words: str, reason: str, as_: str = ""
) -> Decision:
    """Propose what becomes of an item that works differently in the districts."""
    person = people.require(session, "decisions", as_)
    return decisions.propose(
        session, "dif", f"item:{item}", f"{item} is {words}.", reason, person, version, {"action": action}
    )


def agreed_action(session: Session, item: str, version: str) -> str:
    """What both districts agreed about an item that works differently; empty when nothing."""
    decision = decisions.agreed(session, "dif", f"item:{item}", version)
    return str(decision.payload.get("action", "")) if decision is not None else ""


def item_history(session: Session, code: str) -> pd.DataFrame:
    """An item over its calibrations: run, administration, version, group, model, n, a, se_a, b, se_b, at."""
    rows = session.exec(
        select(ItemParameter, ItemVersion, Run)
        .join(ItemVersion, col(ItemVersion.id) == ItemParameter.item_version_id)
        .join(Item, col(Item.id) == ItemVersion.item_id)
        .join(Run, col(Run.id) == ItemParameter.run_id)
        .where(Item.code == code, Run.kind == "calibrate", ItemParameter.scale == "total")
        .order_by(col(Run.id))
    ).all()
    named = {a.id: a.code for a in session.exec(select(Administration)).all()}
    names = ["run", "administration", "status", "version", "group", "model", "n", "a", "se_a", "b", "se_b", "at"]
    found = [
        (r.id, named.get(r.administration_id, ""), r.status, v.number, p.column_group, p.model, p.n, p.a, p.se_a, p.b,
         p.se_b, f"{r.created_at:%Y-%m-%d}")
        for p, v, r in rows
    ]  # fmt: skip
    return pd.DataFrame(found, columns=names)
