"""Public editions: agreed by both districts, protected against everything published before, and logged."""

from dataclasses import replace
from typing import Any

import pandas as pd

from itembank.errors import Conflict, NotPermitted
from scoring import bank
from scoring.analysis.result import Analysis
from scoring.comparison.disclosing import Disclosure, audit
from scoring.report.editions import Release, disclosed_again, public_edition

KIND = "public edition"
_TABLE = "released: "


def propose_edition(session: Any, run: Any, reason: str, as_: str = "") -> Any:
    """Propose to publish a comparison.

    Raises:
        Conflict: it is proposed or agreed already.
    """
    if bank.agreed_edition(session, run) is not None:
        hint = f"itembank report comparison {run.id} --edition public"
        raise Conflict("already-agreed", f"Both districts agreed to publish comparison {run.id}.", hint)
    return bank.propose_edition(session, run, reason, as_)


def draft(session: Any, run: Any, analysis: Analysis) -> Release:
    """The public edition as it would be, marked as a draft; nothing is logged. Once released it is the released one."""
    own = next((entry for entry in log_entries(session, run) if entry.options["of"] == run.id), None)
    return public_edition(analysis, earlier(session, run, own), draft=True)


def released(session: Any, run: Any, analysis: Analysis, person: Any = None) -> tuple[Release, Any]:
    """The public edition, agreed and logged; asking again gives the same edition.

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
    before = [entry for entry in log_entries(session, run) if entry.options["of"] == run.id]
    if before:
        return public_edition(analysis, earlier(session, run, before[0])), before[0]
    release = public_edition(analysis, earlier(session, run))
    number = int(run.id or 0)
    entry = bank.store_run(
        session,
        "release",
        bank.administration_by_id(session, run),
        options={"of": number, "report": "comparison", "decision": decision.id},
        inputs=[("run", number)],
        input_hash=run.input_hash,
        details={"log": release.disclosure.log(), "tables": list(release.tables)},
        person=person,
    )
    for name, table in release.tables.items():
        bank.store_table(session, entry, _TABLE + name, table.reset_index())
    return release, entry


def log_entries(session: Any, run: Any) -> list[Any]:
    """Releases about the students of this run's administration, oldest first."""
    found = [r for r in bank.runs_of_kind(session, "release") if r.administration_id == run.administration_id]
    return sorted(found, key=lambda r: int(r.id))


def earlier(session: Any, run: Any, before: Any = None) -> list[Disclosure]:
    """What has been published about the same students, made again from the log."""
    out: list[Disclosure] = []
    for entry in log_entries(session, run):
        if before is not None and entry.id >= before.id:
            break
        out.append(disclosed_again(_tables(session, entry), out))
    return out


def _tables(session: Any, entry: Any) -> dict[str, pd.DataFrame]:
    out = {}
    for name in entry.details["tables"]:
        table = bank.read_table(session, entry, _TABLE + name)
        table["percent"] = table["percent"].astype(float)
        out[name] = table.set_index([c for c in table.columns if c not in ("n", "percent")])
    return out


def attack(session: Any, number: int | None, complementary: bool = True) -> tuple[Any, Disclosure, pd.DataFrame]:
    """Attack a logged release by linear programming; the newest without a number.

    Args:
        session: of `bank.reading()`.
        number: of the release in the log.
        complementary: False attacks the release as it would be with small groups alone hidden.

    Returns:
        The log's entry, the release, and the rows of `scoring.comparison.disclosing.audit`.
    """
    entry = bank.run_of(session, number, "release")
    release = disclosed_again(_tables(session, entry), earlier(session, entry, entry), complementary)
    return entry, release, audit(release)


def log_table(session: Any) -> pd.DataFrame:
    """The release log: release, of (run), decision, by, at, and the counts of what was shown, coded and hidden."""
    rows = [
        {"release": r.id, "of": r.options["of"], "decision": r.options["decision"], "by": r.person,
         "at": f"{r.created_at:%Y-%m-%d %H:%M}", **r.details["log"]}
        for r in sorted(bank.runs_of_kind(session, "release"), key=lambda r: int(r.id or 0))
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=None if rows else ["release", "of", "decision", "by", "at"])


def as_public(analysis: Analysis, entry: Any) -> Analysis:
    """The public analysis with its place in the log."""
    return replace(analysis, provenance={**analysis.provenance, "release": entry.id})
