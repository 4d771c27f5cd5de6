"""The release log: what was published, by which decision, and the tables that it told; internal.

An entry that tells what an earlier one told already names it (`same_as`) instead of keeping the tables again.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from scoring import bank

_TABLE = "released: "


def entries(session: Any) -> list[Any]:
    """All entries, oldest first."""
    return sorted(bank.runs_of_kind(session, "release"), key=lambda r: int(r.id or 0))


def newest(session: Any) -> int:
    """Number of the newest entry; 0 without one."""
    return max((int(r.id or 0) for r in bank.runs_of_kind(session, "release")), default=0)


def repeats(entry: Any) -> bool:
    """Whether an earlier entry told the same."""
    return "same_as" in entry.details


def first_told(entry: Any) -> int:
    """Number of the entry that told the same first: its own, unless it repeats one."""
    return int(entry.details.get("same_as", entry.id))


def tables(session: Any, entry: Any) -> dict[str, pd.DataFrame]:
    """The tables of an entry, also where an earlier one holds them; flat, as they are stored."""
    kept = bank.run_of(session, first_told(entry), "release") if repeats(entry) else entry
    return {name: bank.read_table(session, kept, _TABLE + name) for name in kept.details["tables"]}


def enter(
    session: Any,
    known: Iterable[Any],
    options: Mapping[str, Any],
    log: Mapping[str, object],
    told: Mapping[str, pd.DataFrame],
    own: Any,
    run: Any = None,
    person: Any = None,
) -> Any:
    """Write an entry, once for each thing that is published.

    Args:
        session: of `bank.writing()`.
        known: entries among which the same may stand already.
        options: what is published and by which decision.
        log: counts only. told: the tables, internal, so that the release can be made again and attacked.
        own: the entry whose tables it repeats, or None: they are then kept with the new one.
        run: the comparison it is made from, or None. person: who asks.
    """
    before = next((e for e in known if e.options == options), None)
    if before is not None:
        return before
    same = {} if own is None else {"same_as": first_told(own)}
    of: dict[str, Any] = {}
    if run is not None:
        of = {"inputs": [("run", int(run.id or 0))], "input_hash": run.input_hash}
    entry = bank.store_run(
        session,
        "release",
        None if run is None else bank.administration_by_id(session, run),
        options=dict(options),
        details={"log": log, "tables": list(told), **same},
        person=person,
        **of,
    )
    if not same:
        for name, table in told.items():
            bank.store_table(session, entry, _TABLE + name, table.reset_index())
    return entry
