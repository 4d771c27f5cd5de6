"""A frozen form on paper: its items as stored, in order, with the names of concepts and misconceptions."""

from dataclasses import dataclass

from sqlmodel import Session, select

from itembank import forms, item_bank
from itembank.errors import Rejected
from itembank.findings import Finding
from itembank.item_model import Item
from itembank.models import Concept, ItemVersion, Misconception


@dataclass(frozen=True, slots=True)
class Paper:
    """What a booklet of a form needs.

    Attributes:
        title: of the form; footer: the form's name, for every page.
        items: in order, as frozen.
        misconceptions, concepts: id -> name.
    """

    title: str
    footer: str
    items: tuple[Item, ...]
    misconceptions: dict[str, str]
    concepts: dict[str, str]


def paper(session: Session, code: str) -> Paper:
    """The items of a form with everything its paper shows.

    Raises:
        Rejected: there is no such form, or some of its items are only registered and have no text here.
    """
    form = forms.form_of(session, code)
    items: list[Item] = []
    without: list[Finding] = []
    for line in forms.lines(session, form):
        version = session.get_one(ItemVersion, line.version_id)
        item = item_bank.item_of(version, f"{line.item}@{line.version}")
        if item is None:
            message = f"{line.item} has no text in the bank: it is only registered"
            without.append(Finding(code, line.position + 1, "no-text", "error", message))
        else:
            items.append(item)
    if without:
        raise Rejected("no-text", f"{code} cannot be printed.", "itembank items import the item files", without)
    return Paper(
        form.title or form.code,
        form.code,
        tuple(items),
        {m.code: m.title for m in session.exec(select(Misconception)).all()},
        {c.code: c.title for c in session.exec(select(Concept)).all()},
    )
