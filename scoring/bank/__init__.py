"""The one door from scoring to the bank's tables: read responses and items, store and read runs.

Everything takes a session of `reading()` or `writing()`. Raw answers become points here, by the keys' versions; what
was answered stays apart from how it is scored.
"""

from sqlmodel import Session, select

from itembank import audit, people
from itembank.administrations import administration_of, taught
from itembank.database import location, reading, shown, writing
from itembank.models import Administration, District, Person, Run
from itembank.runs import publish as publish_run
from itembank.runs import read_array, run_of, stale_reasons, store_array, store_run
from scoring.bank.items import items_table, misconception_choices, options_table
from scoring.bank.results import (
    read_comparison,
    read_group_parameters,
    read_item_parameters,
    read_scores,
    read_table,
    runs_table,
    store_comparison,
    store_group_parameters,
    store_item_parameters,
    store_scores,
    store_table,
)
from scoring.bank.sittings import BankResponses, raw_responses, scored_responses

__all__ = [
    "Administration",
    "BankResponses",
    "Run",
    "administration_of",
    "audit_heads",
    "district_names",
    "items_table",
    "location",
    "misconception_choices",
    "options_table",
    "person_of",
    "publish_run",
    "raw_responses",
    "read_array",
    "read_comparison",
    "read_group_parameters",
    "read_item_parameters",
    "read_scores",
    "read_table",
    "reading",
    "run_of",
    "runs_table",
    "scored_responses",
    "shown",
    "stale_reasons",
    "store_array",
    "store_comparison",
    "store_group_parameters",
    "store_item_parameters",
    "store_run",
    "store_scores",
    "store_table",
    "taught",
    "writing",
]


def district_names(session: Session) -> dict[str, str]:
    """District code -> name."""
    return {d.code: d.name for d in session.exec(select(District).order_by(District.code)).all()}


def person_of(session: Session, code: str = "") -> Person | None:
    """Who is at work (--as, ITEMBANK_PERSON, the database login)."""
    return people.acting(session, code)


def audit_heads(session: Session) -> dict[str, str]:
    """The end of each audit chain, to print in reports: chain -> hash."""
    return {h.chain: h.hash for h in audit.heads(session)}
