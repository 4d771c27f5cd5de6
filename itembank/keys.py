"""Keys: how a raw answer becomes points. Applied when responses are read, so a new key needs no new upload.

A rule is plain data, stored with its version:

    {"type": "choice", "max": 1, "labels": ["A", "B", "C", "D"], "credit": {"B": 1}}
    {"type": "multi-select", "max": 1, "labels": [...], "key": ["A", "C"]}
    {"type": "numeric", "max": 1, "accepted": [{"answer": "1/2", "tolerance": "0.01", "points": 1}]}
    {"type": "short-text", "max": 1, "accepted": [{"answer": "prime", "points": 1}]}
    {"type": "match", "max": 1, "labels": ["P", "N"], "rows": {"1": ["P"], "2": ["N"]}}
    {"type": "rubric", "max": 2}
    {"type": "dropped", "max": 0} and {"type": "everybody", "max": 1}: after a correction
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import suggest
from itembank.answers import letters_of, same_text, value_of
from itembank.errors import Rejected
from itembank.models import Item, ItemVersion, KeyVersion, columns

Rule = Mapping[str, Any]
TYPES = ("choice", "multi-select", "numeric", "short-text", "match", "rubric", "dropped", "everybody")

#: After a correction; they do not say which answers are right.
WITHOUT_ANSWERS = ("dropped", "everybody")


def points_of(rule: Rule, answer: str) -> int | None:
    """Points for an answer as given; None when the item cannot have such an answer (or is dropped).

    A numeric or text answer that is not accepted earns 0; a letter that is no option is impossible.
    """
    kind = rule["type"]
    if kind == "dropped":
        return None
    if kind == "everybody":
        return int(rule["max"])
    text = answer.strip()
    if kind == "choice":
        return _choice(rule, text)
    if kind == "multi-select":
        return _multi_select(rule, text)
    if kind == "match":
        return _match(rule, text)
    if kind == "rubric":
        return score_value(rule, text)
    return _typed(rule, text)


def score_value(rule: Rule, text: str) -> int | None:
    """A score that was given by hand or by another system: a whole number from 0 to the item's maximum."""
    text = text.strip()
    if text.endswith(".0"):
        text = text[:-2]
    if not re.fullmatch(r"\d{1,3}", text):
        return None
    score = int(text)
    return score if score <= int(rule.get("score_max", rule["max"])) else None


def _choice(rule: Rule, text: str) -> int | None:
    label = text.upper()
    labels = rule.get("labels") or ()
    if labels:
        if label not in labels:
            return None
    elif not re.fullmatch(r"[A-Z]|\d{1,2}", label):
        return None
    return int(rule["credit"].get(label, 0))


def _multi_select(rule: Rule, text: str) -> int | None:
    chosen = letters_of(text, frozenset(rule.get("labels") or ()))
    if chosen is None:
        return None
    key = frozenset(rule["key"])
    most = int(rule["max"])
    if most == 1:
        return int(chosen == key)
    return max(0, len(chosen & key) - len(chosen - key)) * most // len(key)


def _match(rule: Rule, text: str) -> int | None:
    """Answers name a column per row: `1P 2N 3P`, `1:P; 2:N`, or the columns alone in the rows' order, `PNP`."""
    rows: Mapping[str, list[str]] = rule["rows"]
    labels = frozenset(rule["labels"])
    text = text.upper().strip()
    given: dict[str, set[str]] = {}
    pieces = [p for p in re.split(r"[\s,;|]+", re.sub(r"\s*[:=-]\s*", "", text)) if p]
    if len(pieces) == 1 and len(pieces[0]) == len(rows) and all(c in labels for c in pieces[0]):
        pieces = list(pieces[0])
    if len(pieces) == len(rows) and all(p in labels for p in pieces):
        given = {row: {p} for row, p in zip(rows, pieces, strict=True)}
    else:
        for piece in pieces:
            row = next((r for r in sorted(rows, key=len, reverse=True) if piece.startswith(r.upper())), None)
            if row is None or piece[len(row) :] not in labels:
                return None
            given.setdefault(row, set()).add(piece[len(row) :])
    right = sum(given.get(row, set()) == set(keys) for row, keys in rows.items())
    most = int(rule["max"])
    return int(right == len(rows)) if most == 1 else most * right // len(rows)


def _typed(rule: Rule, text: str) -> int:
    best = 0
    value = value_of(text) if rule["type"] == "numeric" else None
    for accepted in rule["accepted"]:
        wanted = str(accepted["answer"])
        points = int(accepted.get("points", rule["max"]))
        if rule["type"] == "numeric" and (number := value_of(wanted)) is not None:
            within = Fraction(value_of(str(accepted.get("tolerance") or "0")) or 0)
            if value is not None and abs(value - number) <= within:
                best = max(best, points)
        elif same_text(text) == same_text(wanted):
            best = max(best, points)
    return best


def same_answer(one: str, other: str) -> bool:
    """Whether two typed answers say the same: equal in value where both are numbers, else equal as text."""
    a, b = value_of(one), value_of(other)
    return a == b if a is not None and b is not None else same_text(one) == same_text(other)


def rule_from_text(type: str, key: str, points: int, labels: tuple[str, ...] = ()) -> dict[str, Any]:
    """The rule for an item that is registered by a line of a table: its key as one piece of text.

    choice `B`; multi-select `AC` or `A;C`; numeric and short-text `0.5|1/2`; rubric (no key).

    Raises:
        Rejected: the key does not fit the type.
    """
    parts = [p.strip() for p in key.split("|") if p.strip()]
    if type == "rubric":
        return {"type": "rubric", "max": points}
    if not parts:
        raise Rejected("no-key", f"A {type} item needs a key.", "Fill the column 'key'.")
    if type == "choice":
        credit = {p.upper(): points for p in parts}
        if any(not re.fullmatch(r"[A-Z]|\d{1,2}", p) for p in credit) or (labels and set(credit) - set(labels)):
            raise Rejected("bad-key", "The key of a choice item is a letter or a number.", "For example B, or 3.")
        return {"type": "choice", "max": points, "labels": list(labels), "credit": credit}
    if type == "multi-select":
        chosen = letters_of(key.replace("|", ","), frozenset(labels))
        if not chosen:
            raise Rejected("bad-key", "The key of a multi-select item is letters.", "For example AC, or A;C.")
        return {"type": "multi-select", "max": points, "labels": list(labels), "key": sorted(chosen)}
    if type in ("numeric", "short-text"):
        if type == "numeric" and any(value_of(p) is None for p in parts):
            raise Rejected("bad-key", "The key of a numeric item is a number.", "For example 0.5, or 0.5|1/2.")
        return {"type": type, "max": points, "accepted": [{"answer": p, "points": points} for p in parts]}
    raise Rejected("bad-type", f"{type!r} cannot be registered from a table.", "Types: " + ", ".join(TYPES[:-2]))


def current(session: Session, versions: list[int] | None = None) -> dict[int, KeyVersion]:
    """The newest key of each item version: item_version_id -> KeyVersion."""
    key = columns(KeyVersion)
    newest = sa.select(key.item_version_id, sa.func.max(key.number).label("number")).group_by(key.item_version_id)
    last = newest.subquery()
    same = sa.and_(key.item_version_id == last.c.item_version_id, key.number == last.c.number)
    keys = session.exec(select(KeyVersion).join(last, same)).all()
    wanted = None if versions is None else set(versions)
    return {k.item_version_id: k for k in keys if wanted is None or k.item_version_id in wanted}


def first(session: Session, versions: list[int]) -> dict[int, KeyVersion]:
    """The key that came with each item version: what answers are possible does not change with a correction."""
    found = session.exec(
        select(KeyVersion).where(columns(KeyVersion).item_version_id.in_(versions), KeyVersion.number == 1)
    ).all()
    return {k.item_version_id: k for k in found}


def last_with_answers(session: Session, version: int) -> KeyVersion | None:
    """The newest key of an item version that says which answers are right; None when none does."""
    found = session.exec(
        select(KeyVersion).where(KeyVersion.item_version_id == version).order_by(columns(KeyVersion).number.desc())
    ).all()
    return next((k for k in found if k.rule["type"] not in WITHOUT_ANSWERS), None)


def history(session: Session, code: str) -> list[tuple[ItemVersion, KeyVersion]]:
    """All keys of an item, by version and number.

    Raises:
        Rejected: there is no such item.
    """
    item = session.exec(select(Item).where(Item.code == code)).first()
    if item is None:
        hint = suggest.did_you_mean(code, session.exec(select(Item.code)).all()) or "itembank items list"
        raise Rejected("unknown-item", f"There is no item {code!r}.", hint)
    found = session.exec(
        select(ItemVersion, KeyVersion)
        .where(ItemVersion.item_id == item.id, KeyVersion.item_version_id == ItemVersion.id)
        .order_by(columns(ItemVersion).number, columns(KeyVersion).number)
    ).all()
    return [(version, key) for version, key in found]


def in_words(rule: Rule) -> str:
    """A key as a person reads it."""
    kind = rule["type"]
    if kind == "choice":
        return " or ".join(f"{k}" if v == rule["max"] else f"{k} ({v})" for k, v in rule["credit"].items())
    if kind == "multi-select":
        return " and ".join(rule["key"])
    if kind == "match":
        return " ".join(row + "".join(columns) for row, columns in rule["rows"].items())
    if kind == "rubric":
        return f"rubric, 0 to {rule['max']}"
    if kind in ("dropped", "everybody"):
        return {"dropped": "dropped: not scored", "everybody": "credit for everybody"}[kind]
    shown = []
    for accepted in rule["accepted"]:
        within = accepted.get("tolerance")
        shown.append(str(accepted["answer"]) + (f" ± {within}" if within else ""))
    return " or ".join(shown)
