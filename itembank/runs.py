"""Stored computations: what went in, with which options and software, and what came out. Never changed afterwards."""

import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlmodel import Session, select

from itembank import __version__, audit
from itembank.errors import Conflict, Rejected
from itembank.models import (
    Administration,
    Decision,
    Import,
    KeyVersion,
    Person,
    Run,
    RunArray,
    RunInput,
    RunTable,
    columns,
)

SOFTWARE = ("numpy", "scipy", "pandas", "sqlmodel", "sqlalchemy", "threadpoolctl")


#: What makes a run of a kind, where it is not `itembank KIND run`.
MAKES = {
    "release": "itembank report comparison --edition public",
    "ratings": "itembank cuts rate",
    "cuts": "itembank cuts set",
}


def software() -> dict[str, str]:
    """Versions of what a number depends on."""
    found = {"itembank": __version__, "python": python_version()}
    for name in SOFTWARE:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def store_run(
    session: Session,
    kind: str,
    administration: Administration | None = None,
    options: Mapping[str, Any] | None = None,
    inputs: Iterable[tuple[str, int]] = (),
    input_hash: str = "",
    seed: int | None = None,
    converged: bool | None = None,
    log_likelihood: float | None = None,
    details: Mapping[str, Any] | None = None,
    title: str = "",
    person: Person | None = None,
) -> Run:
    """Store a run and what it read.

    Args:
        session: a writing session.
        kind: calibrate, score, compare, profile, ...
        administration: that it is about.
        options: as given, so that the run can be repeated.
        inputs: (run | key | item | import, id) it read.
        input_hash: of the responses as read.
        seed: of random draws.
        converged, log_likelihood, details: what the computation says of itself.
        title: for people.
        person: who ran it.
    """
    run = Run(
        kind=kind,
        title=title,
        administration_id=administration.id if administration else None,
        options=plain(options or {}),
        seed=seed,
        software=software(),
        input_hash=input_hash,
        converged=converged,
        log_likelihood=log_likelihood,
        details=plain(details or {}),
        person=person.code if person else "",
    )
    session.add(run)
    session.flush()
    session.add_all(RunInput(run_id=run.id or 0, kind=k, ref=r) for k, r in dict.fromkeys(inputs))
    session.flush()
    facts = {"inputs": input_hash, "administration": administration.code if administration else ""}
    audit.record(session, f"run {kind}", f"run:{run.id}", person, "" if person else audit.JOINT, facts)
    return run


def plain(value: Any) -> Any:
    """A value as JSON can hold it: arrays as lists, numbers as Python's, infinities as None."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)


def run_of(session: Session, number: int | None = None, kind: str = "", administration: str = "") -> Run:
    """A run by number; without one, the newest of its kind (and administration).

    Raises:
        Rejected: there is none.
    """
    statement = select(Run)
    named = None
    if number is not None:
        # a number beyond 64 bits is no row of any database, and the driver would fail on it
        named = session.get(Run, number) if 0 < number < 2**63 else None
        statement = statement.where(Run.id == (named.id if named else None))
    if kind:
        statement = statement.where(Run.kind == kind)
    if administration:
        from itembank.administrations import administration_of

        statement = statement.where(Run.administration_id == administration_of(session, administration).id)
    run = session.exec(statement.order_by(sa.desc("id")).limit(1)).first()
    if run is None:
        what = f"{kind} run {number}".strip() if number is not None else f"{kind or 'any'} run"
        there = _newest(session, kind) if number is not None else ""
        hint = there or MAKES.get(kind, f"itembank {kind or 'calibrate'} run")
        if named is not None and kind and named.kind != kind:
            raise Rejected("unknown-run", f"Run {number} is a {named.kind} run, not a {kind} run.", hint)
        if named is not None:
            what += f" of {administration}"
        raise Rejected("unknown-run", f"There is no {what}.", hint)
    return run


def _newest(session: Session, kind: str) -> str:
    """The newest runs of a kind, or of any, by number: "Newest compare runs: 7, 3"; empty where there is none."""
    statement = select(Run.id).order_by(sa.desc("id")).limit(5)
    found = session.exec(statement.where(Run.kind == kind) if kind else statement).all()
    return f"Newest {kind + ' ' if kind else ''}runs: {', '.join(map(str, found))}" if found else ""


def inputs_of(session: Session, run: Run) -> list[tuple[str, int]]:
    """What a run read: (kind, id)."""
    rows = session.exec(select(RunInput).where(RunInput.run_id == run.id)).all()
    return sorted((r.kind, r.ref) for r in rows)


def store_array(session: Session, run: Run, name: str, array: NDArray[Any], labels: Sequence[str] = ()) -> None:
    """Store a numeric array of a run."""
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array), allow_pickle=False)
    session.add(RunArray(run_id=run.id or 0, name=name, labels=list(labels), content=buffer.getvalue()))
    session.flush()


def read_array(session: Session, run: Run, name: str) -> tuple[NDArray[Any], list[str]]:
    """An array of a run and the labels of its rows.

    Raises:
        Rejected: the run has no such array.
    """
    row = session.get(RunArray, (run.id, name))
    if row is None:
        raise Rejected("no-array", f"Run {run.id} has no {name}.", "itembank calibrate list")
    array: NDArray[Any] = np.load(io.BytesIO(row.content), allow_pickle=False)
    return array, row.labels


def store_table(session: Session, run: Run, name: str, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Store a table of a run as columns and rows."""
    content = {"columns": list(names), "rows": [plain(r) for r in rows]}
    session.add(RunTable(run_id=run.id or 0, name=name, content=content))
    session.flush()


def read_table(session: Session, run: Run, name: str) -> tuple[list[str], list[list[Any]]]:
    """A table of a run.

    Raises:
        Rejected: the run has no such table.
    """
    row = session.get(RunTable, (run.id, name))
    if row is None:
        raise Rejected("no-table", f"Run {run.id} has no table {name}.", "itembank calibrate list")
    return row.content["columns"], row.content["rows"]


def publish(session: Session, run: Run, person: Person | None = None) -> None:
    """Mark a run as published. The caller has the joint decision.

    Raises:
        Conflict: it has been withdrawn.
    """
    if run.status == "withdrawn":
        raise Conflict("withdrawn", f"Run {run.id} was withdrawn.", "itembank calibrate list")
    run.status = "published"
    session.add(run)
    session.flush()
    audit.record(session, "publish run", f"run:{run.id}", person, "" if person else audit.JOINT)


class StaleReason(str):
    """A sentence why a run is stale, which knows what has moved on: "key", "responses", "run" or "cut"."""

    code: str

    def __new__(cls, code: str, sentence: str) -> "StaleReason":
        made = super().__new__(cls, sentence)
        made.code = code
        return made


def stale_reasons(session: Session, run: Run) -> list[StaleReason]:
    """Why a run no longer stands for what the bank holds; empty when it does.

    A run is stale when an item it read has a newer key, when its administration has files it did not read (or lost
    one), or when a run it rests on is withdrawn or stale itself.
    """
    reasons: list[StaleReason] = []
    listed = inputs_of(session, run)
    used = [ref for kind, ref in listed if kind == "key"]
    if used:
        key = columns(KeyVersion)
        newest = sa.select(sa.func.max(key.id)).group_by(key.item_version_id)
        mine = sa.select(key.item_version_id).where(key.id.in_(used))
        current = set(session.execute(newest.where(key.item_version_id.in_(mine))).scalars())
        changed = len(set(used) - current)
        if changed:
            reasons.append(StaleReason("key", f"{changed} key{'s have' if changed > 1 else ' has'} changed since"))
    files = {ref for kind, ref in listed if kind == "import"}
    if files and run.administration_id is not None:
        now = set(session.exec(select(Import.id).where(Import.administration_id == run.administration_id)).all())
        if now - files:
            reasons.append(StaleReason("responses", "responses were loaded since"))
        if files - now:
            reasons.append(StaleReason("responses", "responses were withdrawn since"))
    for kind, ref in listed:
        if kind == "run":
            before = session.get(Run, ref)
            if before is None or before.status == "withdrawn":
                reasons.append(StaleReason("run", f"run {ref} was withdrawn"))
            elif stale_reasons(session, before):
                reasons.append(StaleReason("run", f"run {ref} is stale"))
    return reasons


def digest(parts: Iterable[bytes | str]) -> str:
    """A hash over pieces, each with its length, so that no two lists of pieces look alike."""
    found = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        found.update(len(data).to_bytes(8, "little"))
        found.update(data)
    return found.hexdigest()


def carry_out_publication(session: Session, decision: Decision) -> None:
    """Publish the run that a joint decision is about."""
    publish(session, run_of(session, int(decision.subject.removeprefix("run:"))))
