"""Finding items in the bank: full text and filters."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import concepts as catalogue
from itembank import people, suggest
from itembank.errors import Rejected, UsageFault
from itembank.keys import TYPES
from itembank.models import (
    ITEM_STATUS,
    Concept,
    District,
    Item,
    ItemConcept,
    ItemParameter,
    ItemStandard,
    ItemVersion,
    Misconception,
    Option,
    Run,
    Standard,
)
from itembank.standards import normalised


@dataclass(frozen=True, slots=True)
class Filters:
    """What to look for; empty fields do not filter.

    Attributes:
        words: every word must occur in the text (stem, options, solution, misconceptions, tags), in any case.
        concept, misconception: ids; standard: a code in any spelling, also of a whole domain (7.RP).
        a, b, p: (lowest, highest) discrimination, difficulty and proportion correct in the newest
            calibration that an item took part in.
    """

    words: str = ""
    concept: str = ""
    misconception: str = ""
    standard: str = ""
    grade: str = ""
    type: str = ""
    dok: str = ""
    status: str = ""
    district: str = ""
    a: tuple[float | None, float | None] = (None, None)
    b: tuple[float | None, float | None] = (None, None)
    p: tuple[float | None, float | None] = (None, None)
    limit: int = 0


COLUMNS = ("item", "version", "status", "district", "type", "grade", "dok", "concept", "standards", "title")


def _table(model: type[Any]) -> Any:
    """The columns of a table, as SQLAlchemy sees them."""
    return model.__table__.c


def find(session: Session, filters: Filters) -> list[dict[str, object]]:
    """The newest version of each item that passes, one row each, by code.

    Raises:
        Rejected, UsageFault: a filter names something that is not there.
    """
    _check(session, filters)
    item, version, district = _table(Item), _table(ItemVersion), _table(District)
    facts = (version.number, version.type, version.grade, version.dok, version.title)
    query = (
        sa.select(item.code, item.status, district.code, version.id, *facts)
        .join_from(Item, ItemVersion, sa.and_(version.item_id == item.id, version.number == item.latest))
        .outerjoin(District, district.id == item.district_id)
        .order_by(item.code)
    )
    for word in filters.words.split():
        pattern = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        query = query.where(sa.or_(_like(version.text, pattern), _like(version.title, pattern)))
    for value, column in (
        (filters.grade, version.grade),
        (filters.type, version.type),
        (filters.status, item.status),
        (filters.district, district.code),
    ):
        if value:
            query = query.where(column == value)
    if filters.dok:
        query = query.where(version.dok == int(filters.dok) if filters.dok.isdigit() else sa.false())
    if filters.concept:
        query = query.where(version.id.in_(_with_concept(filters.concept)))
    if filters.standard:
        query = query.where(version.id.in_(_with_standard(filters.standard)))
    if filters.misconception:
        option, known = _table(Option), _table(Misconception)
        shown = sa.select(option.item_version_id).join_from(Option, Misconception, known.id == option.misconception_id)
        query = query.where(version.id.in_(shown.where(known.code == filters.misconception)))
    for name, (low, high) in (("a", filters.a), ("b", filters.b), ("proportion_correct", filters.p)):
        if low is not None or high is not None:
            query = query.where(version.id.in_(_with_parameter(name, low, high)))
    if filters.limit:
        query = query.limit(filters.limit)
    rows = session.execute(query).all()
    concepts, standards = _tags(session, [r[3] for r in rows])
    return [
        {
            "item": code,
            "version": number,
            "status": status,
            "district": owner or "",
            "type": kind,
            "grade": grade,
            "dok": dok,
            "concept": concepts.get(key, ""),
            "standards": standards.get(key, ""),
            "title": title,
        }
        for code, status, owner, key, number, kind, grade, dok, title in rows
    ]


def _check(session: Session, filters: Filters) -> None:
    """Refuse a filter that nothing can pass because it is misspelt.

    Raises:
        Rejected: the bank has no such concept, misconception or district.
        UsageFault: there is no such status or type.
    """
    if filters.concept:
        catalogue.concept_of(session, filters.concept)
    if filters.district:
        people.district_of(session, filters.district)
    if filters.misconception:
        known = session.exec(select(Misconception.code)).all()
        if filters.misconception not in known:
            hint = suggest.did_you_mean(filters.misconception, known) or "itembank items template names some."
            raise Rejected("unknown-misconception", f"There is no misconception {filters.misconception!r}.", hint)
    for what, value, allowed in (("status", filters.status, ITEM_STATUS), ("type", filters.type, TYPES)):
        if value and value not in allowed:
            hint = f"{suggest.did_you_mean(value, allowed)} One of {', '.join(allowed)}".strip()
            raise UsageFault(f"unknown-{what}", f"There is no {what} {value!r}.", hint)


def _like(column: Any, pattern: str) -> sa.ColumnElement[bool]:
    found: sa.ColumnElement[bool] = column.ilike(pattern, escape="\\")
    return found


def _with_concept(code: str) -> Any:
    tag, concept = _table(ItemConcept), _table(Concept)
    return (
        sa.select(tag.item_version_id)
        .join_from(ItemConcept, Concept, concept.id == tag.concept_id)
        .where(concept.code == code)
    )


def _with_standard(text: str) -> Any:
    """Versions tagged with a standard, one of its parts, or any of its domain."""
    code = normalised(text) or text
    tag, standard = _table(ItemStandard), _table(Standard)
    below = sa.or_(standard.code == code, _like(standard.code, code + ".%"), _like(standard.code, code + "_"))
    return sa.select(tag.item_version_id).join_from(ItemStandard, Standard, standard.id == tag.standard_id).where(below)


def _with_parameter(name: str, low: float | None, high: float | None) -> Any:
    """Versions whose value on the total scale, in the newest calibration they took part in, lies between."""
    parameter, run = _table(ItemParameter), _table(Run)
    newest = (
        sa.select(parameter.item_version_id, sa.func.max(parameter.run_id).label("run_id"))
        .join_from(ItemParameter, Run, run.id == parameter.run_id)
        .where(parameter.scale == "total", run.kind == "calibrate", run.status != "withdrawn")
        .group_by(parameter.item_version_id)
        .subquery()
    )
    same = sa.and_(newest.c.run_id == parameter.run_id, newest.c.item_version_id == parameter.item_version_id)
    rated = sa.select(parameter.item_version_id).join_from(ItemParameter, newest, same)
    rated = rated.where(parameter.scale == "total")
    value = parameter[name] if name in parameter else parameter.further[name].as_float()
    if low is not None:
        rated = rated.where(value >= low)
    return rated.where(value <= high) if high is not None else rated


def _tags(session: Session, versions: list[int]) -> tuple[dict[int, str], dict[int, str]]:
    """Primary concept and standards of each version."""
    concepts: dict[int, str] = {}
    standards: dict[int, str] = {}
    tag, concept, mark, standard = (_table(t) for t in (ItemConcept, Concept, ItemStandard, Standard))
    for start in range(0, len(versions), 500):
        part = versions[start : start + 500]
        primary = (
            sa.select(tag.item_version_id, concept.code)
            .join_from(ItemConcept, Concept, concept.id == tag.concept_id)
            .where(tag.position == 0, tag.item_version_id.in_(part))
        )
        concepts.update({row[0]: row[1] for row in session.execute(primary).all()})
        tagged = (
            sa.select(mark.item_version_id, standard.code)
            .join_from(ItemStandard, Standard, standard.id == mark.standard_id)
            .where(mark.item_version_id.in_(part))
            .order_by(mark.item_version_id, mark.position)
        )
        for key, code in session.execute(tagged).all():
            standards[key] = f"{standards[key]}, {code}" if key in standards else code
    return concepts, standards
