"""What a meeting's packet and the dashboard are made of, gathered from the bank once."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from itembank.errors import Conflict
from scoring.bank import trends
from scoring.comparison.disclosing import Disclosure
from scoring.report.editions import Release
from scoring.runs import release_log, releasing, releasing_indicators
from scoring.runs.meeting_public import (
    public_action,
    public_changes,
    public_indicators,
    stayers,
    told_stayers,
    withheld_values,
)
from scoring.runs.trending import Occasion, actions_since, changes, indicator_tables, occasions
from scoring.trends.cohorts import published_cohorts

EDITIONS = ("internal", "public")


@dataclass(frozen=True)
class Told:
    """What a public edition tells, for the release log; internal.

    Attributes:
        releases: for each administration its comparison, its release, and the entry of the log that told the same.
        populations, indicators: tables of yearly indicators and what of them is shown. own: as above.
        newest: number of the newest release that was known.
    """

    releases: tuple[tuple[Any, Release, Any], ...]
    populations: dict[str, pd.DataFrame]
    indicators: dict[str, Disclosure]
    own: Any
    newest: int


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
        told: what a public edition tells, for the release log.
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
    told: Told | None = None


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
    told = None
    if public:
        every, asked = tables, releasing_indicators.populations(*withheld_values(tables))
        shown, own = releasing_indicators.edition(session, asked)
        tables = public_indicators(tables, names, shown)
        also = stayers(moved, set(names.values()))
        editions = [(o.run, *releasing.edition(session, o.run, o.analysis, also.get(o.code))) for o in held]
        told = Told(tuple(editions), asked, shown, own, release_log.newest(session))
    values = tables["values"].assign(district=tables["values"]["district"].map(lambda d: names.get(d, d)))
    runs = ", ".join(f"{o.code}: comparison {o.run.id}" for o in held)
    found = actions_since(session)
    if public:
        found = [public_action(a, _hidden(every["values"], tables["values"])) for a in found]
        cohorts = {o.code: told_stayers(r.disclosure.tables) for o, (_, r, _) in zip(held, editions, strict=True)}
        held = [replace(o, analysis=r.analysis) for o, (_, r, _) in zip(held, editions, strict=True)]
        moved = public_changes(moved, set(names.values()), held, cohorts)
    return Meeting(
        edition=edition,
        districts=names,
        held=held,
        changes=moved,
        published=published_cohorts(values) if len(values) else pd.DataFrame(columns=["verdict"]),
        indicators=tables,
        decisions=[] if public else trends.open_decisions(session),
        actions=found,
        schools=pd.DataFrame() if public else trends.sitting_counts(session, [o.run.administration_id for o in held]),
        simulated=any(o.analysis.simulated for o in held),
        provenance=f"made from {runs or 'no comparison'}",
        told=told,
    )


def _refuse_stale(held: list[Occasion]) -> None:
    old = [o for o in held if o.stale]
    if not old:
        return
    told = "; ".join(f"comparison {o.run.id} of {o.code} ({'; '.join(o.stale)})" for o in old)
    again = ", ".join(f"itembank compare run --administration {o.code}" for o in old)
    verb = "is" if len(old) == 1 else "are"
    raise Conflict("stale", f"What it would be made from {verb} stale: {told}.", f"{again}; or --allow-stale")


def enter(session: Any, meeting: Meeting, report: str, version: str, decision: int, person: Any = None) -> list[int]:
    """Write an agreed public packet or dashboard into the release log; the numbers of its entries.

    Args:
        session: of `bank.writing()`. report: "packet" or "dashboard".
        version: of `digest`. decision: by which both districts agreed to it. person: who asks.

    Raises:
        Conflict: something else was published since the meeting was gathered.
    """
    if meeting.told is None:
        return []
    if release_log.newest(session) != meeting.told.newest:
        raise Conflict("released-meanwhile", "Something else was published meanwhile.", "Run the command again.")
    what = {"report": report, "version": version, "decision": decision}
    told = meeting.told
    entries = [releasing.enter(session, run, release, own, what, person) for run, release, own in told.releases]
    entries.append(releasing_indicators.enter(session, told.populations, told.indicators, told.own, what, person))
    return [int(e.id) for e in entries if e is not None]


def _hidden(before: pd.DataFrame, after: pd.DataFrame) -> set[str]:
    """Indicators of whole districts of which a value is not public: what an action's line may not tell either."""
    count = [t[(t["school"] == "") & (t["subgroup"] == "all")]["indicator"].value_counts() for t in (before, after)]
    return {str(i) for i, n in count[0].items() if count[1].get(i, 0) < n}


def digest(page: str) -> str:
    """What names an edition: the hash of its page."""
    return hashlib.sha256(page.encode()).hexdigest()
