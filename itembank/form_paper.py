"""A frozen form on paper: its items as stored, in order, with the names of concepts and misconceptions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlmodel import Session, select

from itembank import forms, item_bank, shuffling
from itembank.errors import Rejected
from itembank.findings import Finding
from itembank.item_model import Item
from itembank.models import Concept, ItemVersion, Misconception


@dataclass(frozen=True, slots=True)
class Paper:
    """What a booklet of a form needs.

    Attributes:
        title: of the form; footer: the form's name, for every page; version: its letter, "" without versions.
        items: in order, as frozen, with their options as this version prints them.
        details: what the plan said besides.
        sections: (name, number of its items) in order; one without a name where there are none.
        misconceptions, concepts: id -> name. translated: "name-es" -> concept -> its name there.
    """

    title: str
    footer: str
    items: tuple[Item, ...]
    misconceptions: dict[str, str]
    concepts: dict[str, str]
    version: str = ""
    sections: tuple[tuple[str, int], ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    translated: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def concepts_in(self, language: str) -> dict[str, str]:
        """The names of the concepts in a language, as far as the framework has them."""
        return {**self.concepts, **self.translated.get(f"name-{language}", {})}

    def title_in(self, language: str) -> str:
        """The title in a language, as far as the plan said it."""
        return str(self.details.get(f"title-{language}") or self.title)

    def sections_in(self, language: str) -> tuple[tuple[str, int], ...]:
        """The sections with their names in a language, as far as the plan said them."""
        names = self.details.get(f"sections-{language}", {})
        return tuple((str(names.get(name, name)), n) for name, n in self.sections)


def paper(session: Session, code: str) -> Paper:
    """The items of a form with everything its paper shows.

    Raises:
        Rejected: there is no such form, or some of its items are only registered and have no text here.
    """
    form = forms.form_of(session, code)
    items: list[Item] = []
    without: list[Finding] = []
    listed = forms.lines(session, form)
    for line in listed:
        version = session.get_one(ItemVersion, line.version_id)
        item = item_bank.item_of(version, f"{line.item}@{line.version}")
        if item is None:
            message = f"{line.item} has no text in the bank: it is only registered"
            without.append(Finding(code, line.position + 1, "no-text", "error", message))
        else:
            items.append(shuffling.shuffled(item, line.letters))
    if without:
        raise Rejected("no-text", f"{code} cannot be printed.", "itembank items import the item files", without)
    concepts = session.exec(select(Concept)).all()
    translated: dict[str, dict[str, str]] = {}
    for concept in concepts:
        for key, name in (concept.raw or {}).items():
            if str(key).startswith("name-") and name:
                translated.setdefault(str(key), {})[concept.code] = str(name)
    return Paper(
        form.title or form.code,
        form.code,
        tuple(items),
        {m.code: m.title for m in session.exec(select(Misconception)).all()},
        {c.code: c.title for c in concepts},
        form.version,
        tuple((name, sum(1 for _ in own)) for name, own in groupby(line.section for line in listed)),
        form.details,
        translated,
    )
