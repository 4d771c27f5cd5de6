"""The items of the bank that a blueprint may use, with everything its rules count."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from itembank.blueprint import Blueprint, Candidate
from itembank.models import (
    Concept,
    Form,
    FormItem,
    Item,
    ItemConcept,
    ItemEnemy,
    ItemStandard,
    ItemVersion,
    Standard,
    columns,
)


def candidates(session: Session, blueprint: Blueprint) -> tuple[list[Candidate], list[float]]:
    """The newest versions that the blueprint's pool lets in, by code.

    Returns:
        The candidates, and the authors' guess of the share correct of each (NaN where none was made).
    """
    item, version = columns(Item), columns(ItemVersion)
    newest = sa.and_(version.item_id == item.id, version.number == item.latest)
    rows = session.execute(sa.select(item, version).join(ItemVersion, newest).order_by(item.code)).mappings().all()
    pool = dict(blueprint.pool)
    statuses = set(pool.pop("status", ())) or {
        "draft",
        "in review",
        "approved",
        "field test",
        "operational",
        "released",
    }
    found, guesses = [], []
    described = _described(session, blueprint, None)
    for r in rows:
        candidate = described.get(r[version.id])
        if candidate is None or r[item.status] not in statuses or candidate.item in blueprint.exclude:
            continue
        if any(not set(candidate.marks[m]) & set(v) for m, v in pool.items() if m != "standard"):
            continue
        wanted = pool.get("standard", ())
        if wanted and not any(o == v or o.startswith(v + ".") for o in candidate.marks["standard"] for v in wanted):
            continue
        found.append(candidate)
        guess = r[version.difficulty]
        guesses.append(float("nan") if guess is None else float(guess))
    return found, guesses


def why_empty(session: Session, blueprint: Blueprint) -> str:
    """Which condition of the pool leaves no item over, and what the items have instead.

    The conditions are taken in the order of the file; the first that no item left by the earlier ones meets is named.
    """
    item = columns(Item)
    status = dict(session.execute(sa.select(item.code, item.status)).all())
    left = list(_described(session, blueprint, None).values())
    if not left:
        return "The bank holds no items."
    for mark, wanted in blueprint.pool.items():
        values = {c.item: (str(status[c.item]),) if mark == "status" else c.marks[mark] for c in left}
        kept = [c for c in left if any(_meets(mark, v, wanted) for v in values[c.item])]
        if not kept:
            counts = Counter(v for c in left for v in values[c.item] or ("none",))
            there = ", ".join(f"{n} {'is' if n == 1 else 'are'} {v}" for v, n in counts.most_common(5))
            of = f"Of {len(left)} items" + ("" if len(left) == len(status) else " that meet the conditions before it")
            return f"{of} none has {mark} {' or '.join(wanted)}: {there}."
        left = kept
    return "All items that the pool lets in are under `exclude`."


def _meets(mark: str, value: str, wanted: Iterable[str]) -> bool:
    return any(value == w or (mark == "standard" and value.startswith(f"{w}.")) for w in wanted)


def of_versions(session: Session, blueprint: Blueprint, versions: Iterable[int]) -> dict[int, Candidate]:
    """The described versions, by the bank's id."""
    return _described(session, blueprint, set(versions))


def _described(session: Session, blueprint: Blueprint, only: set[int] | None) -> dict[int, Candidate]:
    item, version = columns(Item), columns(ItemVersion)
    statement = sa.select(item.code, item.id, version).join(ItemVersion, version.item_id == item.id)
    if only is not None:
        statement = statement.where(version.id.in_(only))
    else:
        statement = statement.where(version.number == item.latest)
    concept, tag = columns(Concept), columns(ItemConcept)
    primary = sa.select(tag.item_version_id, concept.code).join(Concept, concept.id == tag.concept_id)
    concepts = _listed(session.execute(primary.where(tag.position == 0)))
    standard, its = columns(Standard), columns(ItemStandard)
    standards = _listed(
        session.execute(sa.select(its.item_version_id, standard.code).join(Standard, standard.id == its.standard_id))
    )
    enemy = columns(ItemEnemy)
    enemies = _listed(session.execute(sa.select(enemy.item_version_id, enemy.enemy)))
    place, own, form = columns(FormItem), columns(ItemVersion), columns(Form)
    used = {
        int(i): int(n)
        for i, n in session.execute(
            sa.select(
                own.item_id,
                sa.func.count(sa.distinct(sa.func.coalesce(sa.func.nullif(form.version_of, ""), form.code))),
            )
            .join(FormItem, place.item_version_id == own.id)
            .join(Form, form.id == place.form_id)
            .group_by(own.item_id)
        )
    }
    found = {}
    for r in session.execute(statement).mappings():
        key = r[version.id]
        content: dict[str, Any] = r[version.content] or {}
        dok = r[version.dok]
        marks = {
            "concept": tuple(concepts.get(key, ())),
            "standard": tuple(standards.get(key, ())),
            "dok": (str(dok),) if dok is not None else (),
            "type": (r[version.type],),
            "claim": (r[version.claim],) if r[version.claim] else (),
            "calculator": (r[version.calculator] or "neutral",),
            "grade": (r[version.grade],) if r[version.grade] else (),
            "practice": tuple(content.get("practices") or ()),
        }
        found[key] = Candidate(
            r[item.code],
            marks,
            float(r[version.points]),
            float(blueprint.minutes[r[version.type]]),
            str(content.get("stimulus") or ""),
            tuple(enemies.get(key, ())),
            used.get(r[item.id], 0),
            int(r[version.number]),
            int(key),
            r[version.title],
        )
    return found


def _listed(rows: Iterable[Any]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for key, value in rows:
        found.setdefault(key, []).append(value)
    return found
