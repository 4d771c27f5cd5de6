"""Key corrections: what would change is shown first; the new key is a new version, by joint decision."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import decisions, keys, packing
from itembank.authoring import version_of
from itembank.errors import Conflict, Rejected, UsageFault
from itembank.models import (
    AnswerCode,
    Decision,
    FormItem,
    Item,
    ItemVersion,
    KeyVersion,
    Person,
    RawResponse,
    Run,
    RunInput,
    Sitting,
    columns,
)


@dataclass(frozen=True)
class Effect:
    """What a correction would change.

    Attributes:
        item: code@version.
        before: the current key in words.
        after: the new one.
        sittings: that answered the item in any way.
        gain: sittings that would get more points.
        lose: sittings that would get fewer.
        dropped: sittings whose answer would no longer count.
        runs: numbers of the runs that would be stale.
    """

    item: str
    before: str
    after: str
    sittings: int
    gain: int
    lose: int
    dropped: int
    runs: tuple[int, ...]


def corrected_rule(
    rule: keys.Rule,
    key: str = "",
    also: tuple[str, ...] = (),
    partial: tuple[tuple[str, int], ...] = (),
    drop: bool = False,
    everybody: bool = False,
    restore: bool = False,
    before: keys.Rule | None = None,
) -> dict[str, Any]:
    """A rule after a correction.

    An item that was dropped or counted for everybody comes back with the key it had before, or with a new one.

    Args:
        rule: the current one.
        key: the right key instead of the wrong one.
        also: further right answers.
        partial: (answer, points) that earn some credit.
        drop: the item no longer counts.
        everybody: full credit to everybody who was given it.
        restore: take back that it was dropped or credited to everybody.
        before: the newest rule that says which answers are right, where the current one says none.

    Raises:
        UsageFault: nothing, or too much, is asked for.
        Rejected: the key does not fit the item.
    """
    if sum([bool(key), bool(also or partial), drop, everybody, restore]) != 1:
        raise UsageFault("which-correction", "Say one correction.", "--key B, --also C, --drop or --restore")
    most = int(rule.get("score_max", rule["max"]))
    if drop:
        return {"type": "dropped", "max": 0, "score_max": most}
    if everybody:
        return {"type": "everybody", "max": most}
    if rule["type"] in keys.WITHOUT_ANSWERS:
        if before is None:
            what = f'The key says "{keys.in_words(rule)}", and none before it says which answers are right.'
            raise UsageFault("which-correction", what, "--drop or --everybody")
        rule, most = before, int(before["max"])
        if restore:
            return dict(before)
    elif restore:
        raise UsageFault("nothing-to-restore", "The item is neither dropped nor credited to everybody.", "--key B")
    if rule["type"] in ("rubric", "match"):
        what = f"This item is scored by a {rule['type']}; there is no single answer to put in its place."
        raise UsageFault("which-correction", what, "--drop, --everybody, or --restore")
    labels = tuple(rule.get("labels") or ())
    if key:
        return keys.rule_from_text(rule["type"], key, most, labels)
    new: dict[str, Any] = {
        k: (dict(v) if isinstance(v, dict) else list(v) if isinstance(v, list) else v) for k, v in rule.items()
    }
    for answer, points in [*((a, most) for a in also), *partial]:
        if not 0 <= points <= most:
            raise UsageFault("bad-points", f"{points} points are not possible here.", f"0 to {most}")
        if rule["type"] == "choice":
            if labels and answer.upper() not in labels:
                raise Rejected("bad-key", f"{answer!r} is no option of the item.", "Options: " + ", ".join(labels))
            new["credit"][answer.upper()] = points
        elif rule["type"] == "multi-select":
            raise UsageFault("which-correction", "A multi-select key is replaced as a whole.", "--key AC")
        else:
            new["accepted"].append({"answer": answer, "points": points})
    return new


def effect(session: Session, version: ItemVersion, rule: keys.Rule) -> Effect:
    """What the new rule would change in the responses that are stored."""
    item = session.get(Item, version.item_id)
    old = keys.current(session, [version.id or 0])[version.id or 0]
    table = columns(AnswerCode)
    words = session.execute(
        sa.select(table.code, table.kind, table.answer).where(table.item_version_id == version.id)
    ).all()
    counts = answer_counts(session, version)
    gain = lose = dropped = 0
    for code, kind, answer in words:
        before, after = _points(old.rule, kind, answer), _points(rule, kind, answer)
        number = counts.get(code, 0)
        dropped += number if after is None and before is not None else 0
        if before is not None and after is not None:
            gain += number if after > before else 0
            lose += number if after < before else 0
    for code in (packing.OMITTED, packing.INVALID):
        before = int(old.rule["max"]) if old.rule["type"] == "everybody" else 0
        after = int(rule["max"]) if rule["type"] == "everybody" else 0
        gain += counts.get(code, 0) if after > before else 0
        lose += counts.get(code, 0) if after < before else 0
    used = session.execute(
        sa.select(columns(Run).id)
        .join(RunInput, columns(RunInput).run_id == columns(Run).id)
        .where(columns(RunInput).kind == "key", columns(RunInput).ref == old.id)
        .order_by(columns(Run).id)
    ).scalars()
    name = f"{item.code if item else ''}@{version.number}"
    total = sum(n for c, n in counts.items() if c != packing.NOT_ADMINISTERED)
    shown = (keys.in_words(old.rule), keys.in_words(rule))
    return Effect(name, *shown, total, gain, lose, dropped, tuple(used))


def _points(rule: keys.Rule, kind: str, answer: str) -> int | None:
    if rule["type"] == "everybody":
        return int(rule["max"])
    if rule["type"] == "dropped":
        return None
    return keys.score_value(rule, answer) if kind == "score" else keys.points_of(rule, answer)


def answer_counts(session: Session, version: ItemVersion) -> dict[int, int]:
    """Code -> number of sittings with it, over all forms that hold the item."""
    place, sitting, raw = columns(FormItem), columns(Sitting), columns(RawResponse)
    totals: dict[int, int] = {}
    for form_id, position in session.execute(
        sa.select(place.form_id, place.position).where(place.item_version_id == version.id)
    ).all():
        width = session.execute(sa.select(sa.func.count()).where(place.form_id == form_id)).scalar_one()
        rows = session.execute(
            sa.select(raw.packed).join(Sitting, sitting.id == raw.sitting_id).where(sitting.form_id == form_id)
        ).scalars()
        codes, counts = np.unique(packing.unpack(list(rows), width)[:, position], return_counts=True)
        for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
            totals[code] = totals.get(code, 0) + count
    return totals


def propose(session: Session, item: str, rule: dict[str, Any], reason: str, person: Person) -> tuple[Decision, Effect]:
    """Propose a new key for an item version, as a joint decision.

    Raises:
        Conflict: the key says that already.
    """
    version = version_of(session, item)
    old = keys.current(session, [version.id or 0])[version.id or 0]
    if dict(old.rule) == rule:
        raise Conflict("same-key", f"The key of {item} says that already.", f"itembank keys show {item}")
    changes = effect(session, version, rule)
    decision = decisions.propose(
        session,
        "key correction",
        f"item:{changes.item.partition('@')[0]}",
        f"Key of {changes.item}: {changes.before} becomes {changes.after}",
        reason,
        person,
        subject_version=f"{version.number}/{old.number}",
        payload={"item_version_id": version.id, "key": old.number, "rule": rule},
    )
    return decision, changes


def carry_out(session: Session, decision: Decision) -> None:
    """Store the agreed key, unless the key has changed since it was proposed.

    Raises:
        Conflict: it has.
    """
    at, number = int(decision.payload["item_version_id"]), int(decision.payload["key"])
    newest = session.exec(
        select(KeyVersion).where(KeyVersion.item_version_id == at).order_by(sa.desc("number")).limit(1)
    ).one()
    if newest.number != number:
        raise Conflict("key-changed", "The key has changed since this was proposed.", "Propose it again.")
    session.add(
        KeyVersion(
            item_version_id=at,
            number=number + 1,
            rule=decision.payload["rule"],
            reason=decision.reason,
            decision_id=decision.id,
        )
    )
    session.flush()
