"""What a meeting's packet and the dashboard are made of, gathered from the bank once."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from itembank.errors import Conflict
from scoring.analysis.result import Analysis
from scoring.bank import trends
from scoring.runs import releasing
from scoring.runs.meeting_public import public_action, public_changes, public_indicators
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


def gather(session: Any, edition: str = "internal", allow_stale: bool = False) -> Meeting:
    """Read everything for an edition.

    Raises:
        Conflict: the bank has moved on since a comparison, and `allow_stale` is not set; all of them with the reasons.
    """
    public = edition == "public"
    held = occasions(session)
    if not allow_stale:
        _refuse_stale(held)
    moved = changes(session, held)
    names = {code: name for name, code in trends.district_codes(session).items()}
    tables = indicator_tables(session)
    if public:
        every, tables = tables, public_indicators(tables, names)
    values = tables["values"].assign(district=tables["values"]["district"].map(lambda d: names.get(d, d)))
    runs = ", ".join(f"{o.code}: comparison {o.run.id}" for o in held)
    found = actions_since(session)
    if public:
        found = [public_action(a, _hidden(every["values"], tables["values"])) for a in found]
        held = [replace(o, analysis=_published(session, o)) for o in held]
    return Meeting(
        edition=edition,
        districts=names,
        held=held,
        changes=public_changes(moved, set(names.values()), held) if public else moved,
        published=published_cohorts(values) if len(values) else pd.DataFrame(columns=["verdict"]),
        indicators=tables,
        decisions=[] if public else trends.open_decisions(session),
        actions=found,
        schools=pd.DataFrame() if public else trends.sitting_counts(session, [o.run.administration_id for o in held]),
        simulated=any(o.analysis.simulated for o in held),
        provenance=f"made from {runs or 'no comparison'}",
    )


def _refuse_stale(held: list[Occasion]) -> None:
    old = [o for o in held if o.stale]
    if not old:
        return
    told = "; ".join(f"comparison {o.run.id} of {o.code} ({'; '.join(o.stale)})" for o in old)
    again = ", ".join(f"itembank compare run --administration {o.code}" for o in old)
    verb = "is" if len(old) == 1 else "are"
    raise Conflict("stale", f"What it would be made from {verb} stale: {told}.", f"{again}; or --allow-stale")


def _published(session: Any, occasion: Occasion) -> Analysis:
    """The public edition of an administration, safe beside earlier releases; nothing said that names an item."""
    analysis = occasion.analysis
    found = releasing.draft(session, occasion.run, analysis).analysis
    silent = tuple(n for n in found.notices if not any(str(i) in n.message for i in analysis.items.index))
    return replace(found, notices=silent)


def _hidden(before: pd.DataFrame, after: pd.DataFrame) -> set[str]:
    """Indicators of whole districts of which a value is not public: what an action's line may not tell either."""
    count = [t[(t["school"] == "") & (t["subgroup"] == "all")]["indicator"].value_counts() for t in (before, after)]
    return {str(i) for i, n in count[0].items() if count[1].get(i, 0) < n}


def digest(page: str) -> str:
    """What names an edition: the hash of its page."""
    return hashlib.sha256(page.encode()).hexdigest()
