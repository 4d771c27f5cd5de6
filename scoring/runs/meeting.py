"""What a meeting's packet and the dashboard are made of, gathered from the bank once."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from scoring.analysis.result import Analysis
from scoring.bank import trends
from scoring.groups.coding import SHOWN, code
from scoring.report.editions import public_edition
from scoring.runs.trending import Occasion, actions_since, changes, indicator_tables, occasions
from scoring.trends.cohorts import published_cohorts

EDITIONS = ("internal", "public")
#: Smallest group in a public edition.
SMALLEST = 11


@dataclass(frozen=True)
class Meeting:
    """Everything over time, for one edition.

    Attributes:
        edition: "internal" or "public". In a public one internal words, open decisions, items and schools are not
            here at all, so that no page can show them.
        districts: code -> name.
        held: administrations, the earliest first.
        changes: as `trending.changes`. published: cohorts in yearly indicators.
        indicators: tables of `trending.indicator_tables`.
        decisions: open joint decisions (internal). actions: with what their numbers did since.
        schools: sittings by administration, district and school (internal).
        simulated: whether any administration is.
        provenance: what it rests on.
    """

    edition: str
    districts: dict[str, str]
    held: list[Occasion]
    changes: pd.DataFrame
    published: pd.DataFrame
    indicators: dict[str, pd.DataFrame]
    decisions: list[dict[str, Any]]
    actions: list[dict[str, Any]]
    schools: pd.DataFrame
    simulated: bool
    provenance: str


def gather(session: Any, edition: str = "internal") -> Meeting:
    """Read everything for an edition."""
    public = edition == "public"
    held = occasions(session)
    moved = changes(session, held)
    names = {code: name for name, code in trends.district_codes(session).items()}
    tables = indicator_tables(session)
    if public:
        tables = {name: _public(table) for name, table in tables.items()}
    values = tables["values"].assign(district=tables["values"]["district"].map(lambda d: names.get(d, d)))
    runs = ", ".join(f"{o.code}: comparison {o.run.id}" for o in held)
    found = actions_since(session)
    if public:
        found = [public_action(a) for a in found]
    if public:
        held = [replace(o, analysis=_published(o.analysis)) for o in held]
    return Meeting(
        edition=edition,
        districts=names,
        held=held,
        changes=public_changes(moved, set(names.values())) if public else moved,
        published=published_cohorts(values) if len(values) else pd.DataFrame(columns=["verdict"]),
        indicators=tables,
        decisions=[] if public else trends.open_decisions(session),
        actions=found,
        schools=pd.DataFrame() if public else trends.sitting_counts(session, [o.run.administration_id for o in held]),
        simulated=any(o.analysis.simulated for o in held),
        provenance=f"made from {runs or 'no comparison'}",
    )


def _published(analysis: Analysis) -> Analysis:
    """The public edition of an administration, and nothing said that names an item."""
    found = public_edition(analysis, draft=True).analysis
    silent = tuple(n for n in found.notices if not any(str(i) in n.message for i in analysis.items.index))
    return replace(found, notices=silent)


def public_action(action: dict[str, Any]) -> dict[str, Any]:
    """An action without what was said for the room only."""
    said = [u for u in action["updates"] if not u["internal"]]
    return {**action, "note": "", "updates": said}


def public_changes(changes: pd.DataFrame, districts: set[str]) -> pd.DataFrame:
    """Changes for a public edition: of whole districts; nothing of a change whose share would be coded at an end.

    A share at an end is published as a bound (`groups.coding.code`); the other share, the change or its range would
    narrow it, so that the whole row goes.
    """
    if not len(changes):
        return changes
    part = changes[changes["group"].isin(districts)]
    pairs = [("rate_1", "rate_2", "students"), ("everybody_1", "everybody_2", "everybody")]
    ends = pd.Series(False, index=part.index)
    for first, second, size in pairs:
        for name in (first, second):
            known = part[name].notna() & part[size].notna()
            ends |= known & pd.Series(
                [bool(k) and code(int(n), 100 * float(r))[0] != SHOWN
                 for k, n, r in zip(known, part[size], part[name], strict=True)], index=part.index,
            )  # fmt: skip
    return part[~ends].reset_index(drop=True)


def _public(table: pd.DataFrame) -> pd.DataFrame:
    """Whole districts and groups that are large enough; a number without a known size is as published by its source."""
    if "school" in table:
        table = table[table["school"] == ""]
    if "subgroup" in table and "n" in table:
        table = table[(table["n"].isna()) | (table["n"] >= SMALLEST)]
    return table.reset_index(drop=True) if table.index.name is None else table


def digest(page: str) -> str:
    """What names an edition: the hash of its page."""
    return hashlib.sha256(page.encode()).hexdigest()
