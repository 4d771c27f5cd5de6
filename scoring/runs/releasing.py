"""Public editions: agreed by both districts, protected against everything published before, and logged."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from itembank.errors import Conflict, NotPermitted
from scoring import bank
from scoring.analysis.result import Analysis
from scoring.comparison.disclosing import Disclosure, audit
from scoring.report.editions import Release, disclosed_again, linked_tables, public_edition
from scoring.runs import release_log, releasing_indicators

KIND = "public edition"


def propose_edition(session: Any, run: Any, reason: str, as_: str = "") -> Any:
    """Propose to publish a comparison.

    Raises:
        Conflict: it is proposed or agreed already.
    """
    if bank.agreed_edition(session, run) is not None:
        hint = f"itembank report comparison {run.id} --edition public"
        raise Conflict("already-agreed", f"Both districts agreed to publish comparison {run.id}.", hint)
    return bank.propose_edition(session, run, reason, as_)


def draft(session: Any, run: Any, analysis: Analysis, beside: Mapping[str, pd.DataFrame] | None = None) -> Release:
    """The public edition as it would be, marked as a draft; nothing is logged. Once released it is the released one.

    Args:
        session: of the bank. run, analysis: a comparison.
        beside: further tables about the same students that a packet or dashboard shows (`public_edition`).
    """
    return edition(session, run, analysis, beside)[0]


def edition(
    session: Any, run: Any, analysis: Analysis, beside: Mapping[str, pd.DataFrame] | None = None, as_draft: bool = True
) -> tuple[Release, Any]:
    """The edition, and the entry of the log that said the same before: as it was made then, None if there is none.

    The same tables are protected against what was public before them, not against themselves: whoever asks for a
    concept report after the comparison, or for the dashboard after the packet, gets the numbers that are out already.
    """
    tables = linked_tables(analysis) | dict(beside or {})
    own = next((e for e in log_entries(session, run) if _same(tables, tables_of(session, e))), None)
    return public_edition(analysis, earlier(session, run, own), draft=as_draft, beside=beside), own


def released(
    session: Any, run: Any, analysis: Analysis, person: Any = None, report: str = "comparison"
) -> tuple[Release, Any]:
    """The public edition, agreed and logged; asking again gives the same edition.

    Args:
        session: of `bank.writing()`. run, analysis: a comparison. person: who asks.
        report: what is published, for the log: "comparison", or "concept CODE".

    Returns:
        The release and its entry in the log.

    Raises:
        NotPermitted: the districts have not agreed.
    """
    decision = bank.agreed_edition(session, run)
    if decision is None:
        raise NotPermitted(
            "not-agreed",
            f"A public edition of comparison {run.id} is a joint decision, and it is not agreed.",
            f"itembank report comparison {run.id} --edition public --propose 'why'",
        )
    release, own = edition(session, run, analysis, None, False)
    entry = enter(session, run, release, own, {"report": report, "decision": decision.id}, person)
    return release, entry


def enter(session: Any, run: Any, release: Release, own: Any, told: Mapping[str, Any], person: Any = None) -> Any:
    """Write a release into the log, once for each thing that is published.

    Args:
        session: of `bank.writing()`. run: the comparison. release: what it tells.
        own: the entry whose tables it repeats, or None: the tables are then kept with the new entry.
        told: what is published and by which decision: report, decision, and the version of a packet or dashboard.
        person: who asks.
    """
    options = {"of": int(run.id or 0), **told}
    log = release.disclosure.log()
    return release_log.enter(session, log_entries(session, run), options, log, release.tables, own, run, person)


def log_entries(session: Any, run: Any) -> list[Any]:
    """Releases about the students of this run's administration, oldest first."""
    return [r for r in release_log.entries(session) if r.administration_id == run.administration_id]


def earlier(session: Any, run: Any, before: Any = None) -> list[Disclosure]:
    """What has been published about the same students, made again from the log."""
    out: list[Disclosure] = []
    first = None if before is None else release_log.first_told(before)
    for entry in log_entries(session, run):
        if first is not None and entry.id >= first:
            break
        if not release_log.repeats(entry):
            out.append(disclosed_again(tables_of(session, entry), out))
    return out


def tables_of(session: Any, entry: Any) -> dict[str, pd.DataFrame]:
    """The tables of an entry, also where an earlier one holds them."""
    out = {}
    for name, table in release_log.tables(session, entry).items():
        table["percent"] = table["percent"].astype(float)
        out[name] = table.set_index([c for c in table.columns if c not in ("n", "percent")])
    return out


def _same(tables: Mapping[str, pd.DataFrame], stored: Mapping[str, pd.DataFrame]) -> bool:
    """Whether both hold the same rows with the same numbers."""
    if tables.keys() != stored.keys():
        return False
    for name, table in tables.items():
        one, two = (t.reset_index()[["n", "percent", *t.index.names]] for t in (table, stored[name]))
        if list(one.columns) != list(two.columns) or len(one) != len(two):
            return False
        alike = (one["percent"] == two["percent"]) | (one["percent"].isna() & two["percent"].isna())
        if not alike.all() or any(list(map(str, one[c])) != list(map(str, two[c])) for c in one if c != "percent"):
            return False
    return True


def attack(session: Any, number: int | None, complementary: bool = True) -> tuple[Any, dict[str, object], pd.DataFrame]:
    """Attack a logged release by linear programming; the newest without a number.

    Args:
        session: of `bank.reading()`.
        number: of the release in the log.
        complementary: False attacks the release as it would be with small groups alone hidden.

    Returns:
        The log's entry, the counts of the release, and the rows of `scoring.comparison.disclosing.audit`.
    """
    entry = bank.run_of(session, number, "release")
    if entry.options["of"] == releasing_indicators.INDICATORS:
        return entry, *releasing_indicators.attack(session, entry, complementary)
    release = disclosed_again(tables_of(session, entry), earlier(session, entry, entry), complementary)
    return entry, release.log(), audit(release)


def log_table(session: Any) -> pd.DataFrame:
    """The release log: release, of (run, or indicators), report, decision, by, at, and the counts of what was told."""
    rows = [
        {"release": r.id, "of": r.options["of"], "report": r.options.get("report", ""),
         "decision": r.options["decision"], "by": r.person, "at": f"{r.created_at:%Y-%m-%d %H:%M}", **r.details["log"]}
        for r in release_log.entries(session)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=None if rows else ["release", "of", "report", "decision", "by", "at"])


def as_public(analysis: Analysis, entry: Any) -> Analysis:
    """The public analysis with its place in the log."""
    return replace(analysis, provenance={**analysis.provenance, "release": entry.id})
