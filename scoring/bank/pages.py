"""What pages about items, schools and students read from the bank beside the responses."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import identity, item_bank, people
from itembank.errors import Rejected
from itembank.models import Concept, District, Item, ItemVersion, School, Student, columns


def item_texts(session: Session, version_ids: Iterable[int]) -> dict[int, tuple[str, Any]]:
    """Version id -> (status of the item, its text as `itembank.item_model.Item`, or None where only registered)."""
    wanted = [int(v) for v in version_ids]
    rows = session.exec(
        select(ItemVersion, Item)
        .join(Item, columns(Item).id == columns(ItemVersion).item_id)
        .where(columns(ItemVersion).id.in_(wanted))
    ).all()
    return {v.id or 0: (i.status, item_bank.item_of(v, f"{i.code}@{v.number}")) for v, i in rows}


def concept_names_in(session: Session, language: str) -> dict[str, str]:
    """Concept code -> its name in another language (`name-es` of the framework), where it has one."""
    key = f"name-{language}"
    return {c.code: str(c.raw[key]) for c in session.exec(select(Concept)).all() if (c.raw or {}).get(key)}


def school_names(session: Session) -> dict[str, str]:
    """School as in an analysis ("A-0123") -> the name a reader knows."""
    codes = {d.id: d.code for d in session.exec(select(District)).all()}
    return {f"{codes[s.district_id]}-{s.code}": s.name or s.code for s in session.exec(select(School)).all()}


def students_of(session: Session, district: str, identifiers: Iterable[str]) -> list[int]:
    """The bank's students behind a district's own identifiers, in their order; the key file must be here.

    Raises:
        Rejected: some are not in the bank; how many, never which.
    """
    home = people.district_of(session, district)
    names = identity.pseudonyms(identity.district_key(session, home), list(identifiers))
    table = columns(Student)
    rows = session.execute(
        sa.select(table.pseudonym, table.id).where(table.district_id == home.id, table.pseudonym.in_(names))
    )
    found = {str(p): int(i) for p, i in rows}
    missing = [place for place, n in enumerate(names, 1) if n not in found]
    if missing:
        sentence = f"{identity.not_here(missing, len(names))}."
        raise Rejected("unknown-student", sentence, "Look at leading zeros and the district.")
    return [found[n] for n in names]
