"""What an assembly leaves behind: plans that a person can read, change and freeze."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlmodel import Session

from itembank import booklet_design, forms
from itembank.assembly import Assembly
from itembank.blueprint import Blueprint, Candidate
from itembank.errors import Rejected
from itembank.models import Person


def plans(
    blueprint: Blueprint, assembly: Assembly, pool: Sequence[Candidate], names: Sequence[str]
) -> list[dict[str, Any]]:
    """One plan per form or booklet: id, title, grade, sections of items as CODE@VERSION."""
    parts = [[(section, f"{pool[i].item}@{pool[i].version}") for i, section in form] for form in assembly.forms]
    if not blueprint.booklets:
        return [_plan(blueprint, name, own) for name, own in zip(names, parts, strict=True)]
    design = booklet_design.design(*blueprint.booklets)
    return [
        _plan(
            blueprint,
            f"{blueprint.id}-{n:02d}",
            [(f"Block {b + 1}", item) for b in blocks for _, item in parts[b]],
        )
        for n, blocks in enumerate(design.booklets, 1)
    ]


def _plan(blueprint: Blueprint, name: str, places: Sequence[tuple[str, str]]) -> dict[str, Any]:
    sections: dict[str, list[str]] = {}
    for section, item in places:
        sections.setdefault(section, []).append(item)
    plan = {"id": name, "title": blueprint.title or name, "grade": blueprint.grade, "blueprint": blueprint.id}
    if list(sections) == [""]:
        return {**plan, "items": sections[""]}
    return {**plan, "sections": [{"name": s, "items": own} for s, own in sections.items()]}


def write(listed: Sequence[dict[str, Any]], folder: Path) -> None:
    """Write each plan as FOLDER/ID.yaml."""
    import yaml

    from itembank.people import checked_code

    for plan in listed:
        checked_code(plan["id"], "a form")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for plan in listed:
            text = yaml.safe_dump(plan, sort_keys=False, allow_unicode=True, width=120)
            (folder / f"{plan['id']}.yaml").write_text(text, encoding="utf-8")
    except OSError as error:
        raise Rejected("cannot-write", f"{folder} cannot be written: {error.strerror}.", "-o FOLDER") from None


def freeze(session: Session, listed: Sequence[dict[str, Any]], person: Person | None) -> None:
    """Freeze all plans."""
    for plan in listed:
        details = {"blueprint": plan["blueprint"]}
        forms.freeze(session, plan["id"], forms.places_of(plan), plan["title"], plan["grade"], person, details)


def described_design(blueprint: Blueprint) -> str:
    """The booklet design in a sentence."""
    assert blueprint.booklets
    found = booklet_design.design(*blueprint.booklets)
    low, high = found.pairs
    meets = f"every pair of blocks meets in {low}" if low == high else f"pairs of blocks meet in {low} to {high}"
    return (
        f"{len(found.booklets)} booklets of {blueprint.booklets[1]} of {found.blocks} blocks: each block in "
        f"{found.appearances} booklets, once in each position; {meets} booklets; connected."
    )
