"""Versions of a frozen form: the same items, options in another order, each version a form with its own key."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import audit, form_paper, forms, shuffling
from itembank.errors import Conflict, UsageFault
from itembank.models import Form, FormItem, ItemVersion, Person, columns
from itembank.people import checked_code


@dataclass(frozen=True)
class Versions:
    """What `freeze` did.

    Attributes:
        forms: one per version, A first; new: whether they were stored now.
        kept: items of the form whose options keep their order, because a text names one by its letter or place.
    """

    forms: tuple[Form, ...]
    new: bool
    kept: tuple[str, ...]


def freeze(session: Session, form: Form, number: int, person: Person | None = None) -> Versions:
    """Freeze versions A, B, ... of a form, named FORM-vA, FORM-vB, ...; the same call again changes nothing.

    Raises:
        UsageFault: the form is a version itself, or the number is not 2 to 8.
        Conflict: it has another number of versions already, or a name is taken.
        Rejected: an item of the form has no text in the bank.
    """
    if form.version:
        raise UsageFault("version-of-version", f"{form.code} is a version already.", f"itembank forms show {form.code}")
    if not 2 <= number <= shuffling.MOST:
        raise UsageFault("versions", f"A form has 2 to {shuffling.MOST} versions.", "--versions 4")
    items = form_paper.paper(session, form.code).items
    kept = tuple(i.id for i in items if i.type in shuffling.TYPES and not shuffling.shuffles(i))
    there = of(session, form)
    if there:
        if len(there) != number:
            sentence = f"{form.code} has {len(there)} versions already; what was printed never changes."
            raise Conflict("versions-exist", sentence, "freeze the plan under another name: --id NAME")
        return Versions(tuple(there), False, kept)
    names = [checked_code(f"{form.code}-v{letter}", "a version") for letter in shuffling.VERSIONS[:number]]
    taken = session.exec(select(Form.code).where(columns(Form).code.in_(names))).all()
    if taken:
        raise Conflict("form-exists", f"There is a form {taken[0]} already.", "choose another name: --id NAME")
    listed = forms.lines(session, form)
    hashes = dict(
        session.execute(
            sa.select(columns(ItemVersion).id, columns(ItemVersion).content_hash).where(
                columns(ItemVersion).id.in_([line.version_id for line in listed])
            )
        ).all()
    )
    made = []
    for name, letters in zip(names, shuffling.orders(items, number, form.content_hash), strict=True):
        places = list(zip(listed, letters, strict=True))
        digest = forms.digest_of([(hashes[line.version_id], line.section, order) for line, order in places])
        row = Form(
            code=name,
            title=form.title,
            grade=form.grade,
            content_hash=digest,
            details=dict(form.details),
            frozen_by=person.id if person else None,
            version_of=form.code,
            version=name[-1],
        )
        session.add(row)
        session.flush()
        session.add_all(
            FormItem(
                form_id=row.id or 0,
                position=line.position,
                item_version_id=line.version_id,
                section=line.section,
                letters=order,
            )
            for line, order in places
        )
        made.append(row)
    session.flush()
    details: dict[str, Any] = {"versions": names, "hashes": [f.content_hash for f in made]}
    audit.record(session, "freeze versions", f"form:{form.code}", person, "" if person else audit.JOINT, details)
    return Versions(tuple(made), True, kept)


def of(session: Session, form: Form) -> list[Form]:
    """The versions of a form, A first; none of one that is a version itself."""
    return list(session.exec(select(Form).where(Form.version_of == form.code).order_by(Form.version)).all())


def families(given: Iterable[Form]) -> Mapping[int, str]:
    """Form's id -> name of the form it is a version of (itself where it is none): a student sits one of them once."""
    return {f.id or 0: f.version_of or f.code for f in given}
