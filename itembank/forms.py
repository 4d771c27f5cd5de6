"""Forms: item versions in an order, frozen. What a student saw never changes afterwards."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import audit
from itembank.authoring import version_of
from itembank.errors import Conflict, ItembankError, Rejected
from itembank.findings import Finding
from itembank.models import (
    Concept,
    Form,
    FormItem,
    Item,
    ItemConcept,
    ItemEnemy,
    ItemVersion,
    KeyVersion,
    Person,
    columns,
)
from itembank.people import checked_code


@dataclass(frozen=True)
class FormLine:
    """One place of a form.

    Attributes:
        position: from 0.
        item: its code.
        version: the number of its version.
        version_id: the id of that version.
        title, type, points: of that version.
        concept: the primary one.
        section: of the form; "" for the only one.
        letters: which of its options stands at each printed letter; "" in its own order.
    """

    position: int
    item: str
    version: int
    version_id: int
    title: str
    type: str
    points: int
    concept: str
    section: str
    letters: str = ""


def read_plan(path: Path) -> dict[str, Any]:
    """A form's plan from YAML: `id`, `title`, `grade` and `items`, or `sections` (a list of `name` and `items`).

    An item is `CODE` (its newest version) or `CODE@2`. A file that is only a list is the items.

    Raises:
        Rejected: it is not such a file.
    """
    import yaml

    try:
        loaded = yaml.load(path.read_text("utf-8-sig"), Loader=yaml.BaseLoader)  # noqa: S506 - text only, no objects
    except FileNotFoundError:
        raise Rejected("no-file", f"There is no file {path}.", "Check the path.") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 0
        finding = Finding(path.name, line, "bad-yaml", "error", "The file is not readable YAML.", "Look at this line.")
        raise Rejected("bad-yaml", f"{path.name} cannot be read.", "", [finding]) from None
    if isinstance(loaded, list):
        loaded = {"items": loaded}
    if isinstance(loaded, dict) and "sections" in loaded:
        sections = loaded["sections"]
        good = isinstance(sections, list) and all(isinstance(s, dict) and _are_names(s.get("items")) for s in sections)
    else:
        good = isinstance(loaded, dict) and _are_names(loaded.get("items"))
    if not good:
        raise Rejected("bad-plan", f"{path.name} lists no items.", "items: [G7-RP-001, G7-RP-002@2]")
    found: dict[str, Any] = loaded
    return found


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)


def freeze(
    session: Session,
    code: str,
    items: Sequence[tuple[str, str]],
    title: str = "",
    grade: str = "",
    person: Person | None = None,
    details: dict[str, Any] | None = None,
) -> tuple[Form, bool]:
    """Freeze a form.

    Args:
        session: a writing session.
        code: the form's name.
        items: (item as CODE or CODE@VERSION, section) in order.
        title: for people.
        grade: for people.
        person: who froze it.
        details: further facts (a blueprint's name, say).

    Returns:
        The form, and whether it is new: the same items under the same name change nothing.

    Raises:
        Rejected: unknown items, an item twice, enemies together; each a finding.
        Conflict: the name belongs to a form with other items.
    """
    checked_code(code, "a form")
    found: list[Finding] = []
    versions: list[tuple[ItemVersion, str]] = []
    names: dict[str, int] = {}
    for place, (name, section) in enumerate(items, 1):
        try:
            versions.append((version_of(session, name.strip()), section))
        except ItembankError as error:
            found.append(Finding(code, place, error.code, "error", error.sentence, error.hint))
            continue
        plain = name.partition("@")[0].strip()
        if plain in names:
            message = f"{plain} stands at {names[plain]} and at {place}."
            found.append(Finding(code, place, "item-twice", "error", message, "Remove one."))
        names.setdefault(plain, place)
    if not items:
        found.append(Finding(code, 0, "no-items", "error", "The form has no items.", "Name items, or a plan."))
    found += _enemies(session, code, [v.id or 0 for v, _ in versions], names)
    if found:
        raise Rejected("bad-form", f"The form {code} was not frozen.", "", found)
    digest = digest_of([(v.content_hash, s, "") for v, s in versions])
    there = session.exec(select(Form).where(Form.code == code)).first()
    if there is not None:
        if there.content_hash == digest:
            return there, False
        raise Conflict("form-exists", f"There is a form {code} with other items.", "Choose another name: --id NAME")
    form = Form(
        code=code,
        title=title or code,
        grade=grade or _only([v.grade for v, _ in versions]),
        content_hash=digest,
        details=details or {},
        frozen_by=person.id if person else None,
    )
    session.add(form)
    session.flush()
    session.add_all(
        FormItem(form_id=form.id or 0, position=i, item_version_id=v.id or 0, section=s)
        for i, (v, s) in enumerate(versions)
    )
    session.flush()
    details_of = {"items": len(versions), "hash": digest}
    audit.record(session, "freeze form", f"form:{code}", person, "" if person else audit.JOINT, details_of)
    return form, True


def digest_of(places: Sequence[tuple[str, str, str]]) -> str:
    """SHA-256 of (hash of the item version, section, letters) of each place, in order."""
    listed = [[h, s, letters] if letters else [h, s] for h, s, letters in places]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def _only(values: Sequence[str]) -> str:
    return values[0] if len(set(values)) == 1 else ""


def _enemies(session: Session, code: str, versions: list[int], names: dict[str, int]) -> list[Finding]:
    version, item = columns(ItemVersion), columns(Item)
    rows = session.execute(
        sa.select(item.code, columns(ItemEnemy).enemy)
        .join(ItemVersion, version.item_id == item.id)
        .join(ItemEnemy, columns(ItemEnemy).item_version_id == version.id)
        .where(version.id.in_(versions))
    ).all()
    pairs = {tuple(sorted((one, other))) for one, other in rows if one in names and other in names}
    return [
        Finding(code, names[a], "enemies", "error", f"{a} and {b} give each other away.", "Leave one of them out.")
        for a, b in sorted(pairs)
    ]


def form_of(session: Session, code: str) -> Form:
    """The form with this name.

    Raises:
        Rejected: there is none.
    """
    form = session.exec(select(Form).where(Form.code == code)).first()
    if form is None:
        known = ", ".join(session.exec(select(Form.code).order_by(Form.code)).all()[:12]) or "none yet"
        raise Rejected("unknown-form", f"There is no form {code!r}.", f"Forms: {known}")
    return form


def lines(session: Session, form: Form) -> list[FormLine]:
    """The places of a form, in order."""
    place, version, item = columns(FormItem), columns(ItemVersion), columns(Item)
    tag, concept = columns(ItemConcept), columns(Concept)
    rows = session.execute(
        sa.select(
            place.position,
            item.code,
            version.number,
            version.id,
            version.title,
            version.type,
            version.points,
            concept.code,
            place.section,
            place.letters,
        )
        .join(ItemVersion, version.id == place.item_version_id)
        .join(Item, item.id == version.item_id)
        .join(ItemConcept, sa.and_(tag.item_version_id == version.id, tag.position == 0), isouter=True)
        .join(Concept, concept.id == tag.concept_id, isouter=True)
        .where(place.form_id == form.id)
        .order_by(place.position)
    ).all()
    names = ("position", "item", "version", "version_id", "title", "type", "points", "concept", "section", "letters")
    return [FormLine(**(dict(zip(names, row, strict=True)) | {"concept": row[7] or ""})) for row in rows]


def key_sheet(session: Session, form: Form) -> list[dict[str, Any]]:
    """The current key of each place of a form, in the letters that the form prints."""
    from itembank import keys, shuffling

    listed = lines(session, form)
    now: dict[int, KeyVersion] = keys.current(session, [line.version_id for line in listed])
    return [
        {
            "position": line.position + 1,
            "item": line.item,
            "version": line.version,
            "type": line.type,
            "key": keys.in_words(shuffling.printed_rule(now[line.version_id].rule, line.letters)),
            "key_version": now[line.version_id].number,
            "points": now[line.version_id].rule["max"],
        }
        for line in listed
    ]


def places_of(plan: dict[str, Any]) -> list[tuple[str, str]]:
    """The (item, section) pairs of a plan."""
    if "sections" in plan:
        return [(item, str(s.get("name") or "")) for s in plan["sections"] for item in s["items"]]
    return [(item, "") for item in plan["items"]]


def details_of(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What else a plan says: its blueprint, and its title and the sections' names in Spanish."""
    found = {k: str(plan[k]) for k in ("blueprint", "title-es") if plan.get(k)}
    names = {str(s.get("name") or ""): str(s["name-es"]) for s in plan.get("sections", ()) if s.get("name-es")}
    return found | ({"sections-es": names} if names else {})


def not_approved(session: Session, form: Form) -> list[str]:
    """The items of a form that no joint decision has approved."""
    item, version, place = columns(Item), columns(ItemVersion), columns(FormItem)
    rows = session.execute(
        sa.select(item.code)
        .join(ItemVersion, version.item_id == item.id)
        .join(FormItem, place.item_version_id == version.id)
        .where(place.form_id == form.id, item.status.in_(["draft", "in review"]))
        .order_by(place.position)
    )
    return list(rows.scalars())
