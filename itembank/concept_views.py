"""What the bank covers and what it lacks: gaps against a wanted minimum, and items by concepts as a Q-matrix."""

from collections import Counter
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import forms
from itembank.models import Concept, Item, ItemConcept, ItemStandard, ItemVersion, Standard, columns

USABLE = ("approved", "field test", "operational", "released")
COMING = ("draft", "in review")
DOKS = (1, 2, 3)


def gaps(
    session: Session, minimum: int = 2, by: str = "concept", grade: str = "", doks: tuple[int, ...] = DOKS
) -> list[dict[str, Any]]:
    """Cells of grade × concept (or standard) × DOK that have fewer usable items than wanted.

    Args:
        session: a reading session.
        minimum: items wanted in each cell.
        by: "concept" or "standard"; an item counts for its primary one.
        grade: only this one; a concept of several grades has a cell for each.
        doks: depths of knowledge that are wanted.

    Returns:
        concept or standard, grade, dok, usable (approved or later, not retired), coming (draft or in review), wanted,
        missing; the largest lack first.
    """
    if by == "concept":
        subjects = [(c.id, c.code, c.grade) for c in session.exec(select(Concept).order_by(Concept.code)).all()]
        link, key = columns(ItemConcept), columns(ItemConcept).concept_id
        parents = set(session.exec(select(Concept.parent_id)).all())
        subjects = [s for s in subjects if s[0] not in parents]  # items belong to the leaves of the tree
    else:
        rows = session.exec(select(Standard).where(Standard.kind == "standard").order_by(Standard.code)).all()
        subjects = [(s.id, s.code, s.grade) for s in rows if s.grade != "HS"]
        link, key = columns(ItemStandard), columns(ItemStandard).standard_id
    version, item = columns(ItemVersion), columns(Item)
    statement = (
        sa.select(key, version.grade, version.dok, item.status, sa.func.count())
        .select_from(Item)
        .join(ItemVersion, sa.and_(version.item_id == item.id, version.number == item.latest))
        .join(link.item_version_id.table, sa.and_(link.item_version_id == version.id, link.position == 0))
        .group_by(key, version.grade, version.dok, item.status)
    )
    have: Counter[tuple[Any, ...]] = Counter()
    for at, of_grade, dok, status, count in session.execute(statement).all():
        kind = "usable" if status in USABLE else "coming" if status in COMING else "retired"
        have[at, of_grade or "", dok, kind] += count
    grades = {key: {g for k, g, *_ in have if k == key} for key in {k for k, *_ in have}}
    found = []
    for at, code, listed in subjects:
        wanted_grades = [g.strip() for g in (listed or "").split(",") if g.strip()]
        for of_grade in wanted_grades or sorted(grades.get(at, {""})) or [""]:
            if grade and of_grade != grade:
                continue
            for dok in doks:
                usable = have[at, of_grade, dok, "usable"]
                if usable < minimum:
                    found.append(
                        {
                            by: code,
                            "grade": of_grade,
                            "dok": dok,
                            "usable": usable,
                            "coming": have[at, of_grade, dok, "coming"],
                            "wanted": minimum,
                            "missing": minimum - usable,
                        }
                    )
    return sorted(found, key=lambda r: (-r["missing"], r["grade"], r[by], r["dok"]))


def q_matrix(session: Session, form: str = "", grade: str = "") -> tuple[list[dict[str, Any]], list[str], list[str]]:
    """Items (rows) by concepts (columns): 1 where an item is tagged with a concept.

    Args:
        session: a reading session.
        form: the items of this form in their order; without it, the newest version of every usable item.
        grade: only items of this grade.

    Returns:
        The rows (item, primary, then a column for each concept), the concepts, and the concepts that no item measures
        alone. A diagnosis needs an item that measures a concept alone for each of them (Chiu, Douglas and Li 2009).
    """
    item, version = columns(Item), columns(ItemVersion)
    if form:
        places = [(line.item, line.version_id) for line in forms.lines(session, forms.form_of(session, form))]
    else:
        statement = (
            sa.select(item.code, version.id)
            .join(ItemVersion, sa.and_(version.item_id == item.id, version.number == item.latest))
            .where(item.status.in_(USABLE))
            .order_by(item.code)
        )
        if grade:
            statement = statement.where(version.grade == grade)
        places = [(r[0], r[1]) for r in session.execute(statement).all()]
    tag, concept = columns(ItemConcept), columns(Concept)
    tags: dict[int, list[str]] = {}
    order: dict[str, tuple[int, str]] = {}
    at = [p[1] for p in places]
    for start in range(0, len(at), 500):
        statement = (
            sa.select(tag.item_version_id, concept.code, concept.position)
            .join_from(ItemConcept, Concept, concept.id == tag.concept_id)
            .where(tag.item_version_id.in_(at[start : start + 500]))
            .order_by(tag.item_version_id, tag.position)
        )
        for key, code, position in session.execute(statement).all():
            tags.setdefault(key, []).append(code)
            order[code] = (position, code)
    names = sorted(order, key=lambda c: order[c])
    rows = []
    for code, key in places:
        mine = tags.get(key, [])
        rows.append({"item": code, "primary": mine[0] if mine else "", **{n: int(n in mine) for n in names}})
    alone = {mine[0] for mine in tags.values() if len(mine) == 1}
    return rows, names, [n for n in names if n not in alone]
