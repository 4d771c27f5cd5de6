"""Items and their options, and which misconceptions' answers were chosen."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session

from itembank import keys
from itembank.answers import letters_of
from itembank.models import (
    Concept,
    District,
    Item,
    ItemConcept,
    ItemVersion,
    Misconception,
    Option,
    Person,
    Review,
    columns,
)
from scoring.bank.sittings import BankResponses, item_facts
from scoring.data import ANSWERED


def items_table(session: Session, versions: Iterable[int] | None = None) -> pd.DataFrame:
    """Items by code (their newest version, or the given version ids): as `BankResponses.items`."""
    if versions is None:
        item, version = columns(Item), columns(ItemVersion)
        same = sa.and_(version.item_id == item.id, version.number == item.latest)
        versions = session.execute(sa.select(version.id).join(Item, same).order_by(item.code)).scalars()
    return item_facts(session, list(versions), None)[0]


def options_table(session: Session, versions: Iterable[int]) -> pd.DataFrame:
    """Options and expected answers: version_id, item, label, text, is_key, misconception, misconception_title."""
    option, version, item, wrong = columns(Option), columns(ItemVersion), columns(Item), columns(Misconception)
    rows = session.execute(
        sa.select(version.id, item.code, option.label, option.text, option.is_key, wrong.code, wrong.title)
        .join(ItemVersion, version.id == option.item_version_id)
        .join(Item, item.id == version.item_id)
        .join(Misconception, wrong.id == option.misconception_id, isouter=True)
        .where(version.id.in_(list(versions)))
        .order_by(item.code, version.number, option.position)
    ).all()
    names = ["version_id", "item", "label", "text", "is_key", "misconception", "misconception_title"]
    return pd.DataFrame([tuple(r) for r in rows], columns=names)


def misconception_choices(session: Session, data: BankResponses, by: str = "district") -> pd.DataFrame:
    """How often each misconception's answer was given, by a column of the persons.

    Returns:
        One row per item, label and group: item, label, misconception, title, group, chosen, answered (sittings that
        answered the item in any way, blanks out).
    """
    options = options_table(session, data.items["version_id"])
    position = {int(v): j for j, v in enumerate(data.items["version_id"])}
    groups = data.persons[by].astype("category")
    group_codes = groups.cat.codes.to_numpy()
    rows = []
    for at, listed in options[options["misconception"].notna()].groupby("version_id", sort=False):
        j = position[int(str(at))]
        words = data.answers[str(data.items.index[j])]
        answered = data.status[:, j] == ANSWERED
        for option in listed.itertuples():
            mine = [
                c
                for c, (kind, a) in words.items()
                if kind == "answer" and _same(a, str(option.label), str(data.items["type"].iloc[j]))
            ]
            chosen = answered & np.isin(data.codes[:, j], np.array(mine, dtype=np.uint32))
            for g, name in enumerate(groups.cat.categories):
                here = group_codes == g
                rows.append(
                    {
                        "item": data.items.index[j],
                        "label": option.label,
                        "misconception": option.misconception,
                        "title": option.misconception_title,
                        "group": name,
                        "chosen": int((chosen & here).sum()),
                        "answered": int((answered & here).sum()),
                    }
                )
    return pd.DataFrame(rows, columns=["item", "label", "misconception", "title", "group", "chosen", "answered"])


def _same(answer: str, label: str, type: str) -> bool:
    """Whether an answer is (or, for several letters, contains) what an option's label says."""
    if type in ("numeric", "short-text"):
        return keys.same_answer(answer, label)
    if type == "multi-select":
        return label in (letters_of(answer, frozenset()) or ())
    return answer.strip().upper() == label.upper()


def angoff_ratings(session: Session) -> pd.DataFrame:
    """Ratings that came with reviews: item, version, concept (primary), rater, district, rating (share of points)."""
    review, version, item, person = columns(Review), columns(ItemVersion), columns(Item), columns(Person)
    tag, concept, home = columns(ItemConcept), columns(Concept), columns(District)
    rows = session.execute(
        sa.select(item.code, version.number, concept.code, person.code, home.code, review.angoff)
        .select_from(Review)
        .join(ItemVersion, version.id == review.item_version_id)
        .join(Item, item.id == version.item_id)
        .join(Person, person.id == review.person_id)
        .join(District, home.id == review.district_id)
        .join(ItemConcept, sa.and_(tag.item_version_id == version.id, tag.position == 0), isouter=True)
        .join(Concept, concept.id == tag.concept_id, isouter=True)
        .where(review.angoff.is_not(None), review.submitted_at.is_not(None))
        .order_by(item.code, version.number, person.code)
    ).all()
    return pd.DataFrame([tuple(r) for r in rows], columns=["item", "version", "concept", "rater", "district", "rating"])


def form_items(session: Session, form: str) -> list[str]:
    """Codes of a form's items, in its order.

    Raises:
        Rejected: no such form.
    """
    from itembank import forms

    return [line.item for line in forms.lines(session, forms.form_of(session, form))]
