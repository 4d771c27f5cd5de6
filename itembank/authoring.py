"""Storing items: a text becomes an immutable version, once; two authors of one item do not overwrite each other."""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import audit, decisions, mathtext, suggest
from itembank.concepts import standard_of
from itembank.errors import Conflict, Rejected, UsageFault
from itembank.findings import Finding
from itembank.item_model import Item as ItemText
from itembank.keys import rule_from_text
from itembank.models import (
    ITEM_STATUS,
    Concept,
    District,
    Item,
    ItemAuthor,
    ItemConcept,
    ItemEnemy,
    ItemStandard,
    ItemVersion,
    KeyVersion,
    Misconception,
    Option,
    Person,
)
from itembank.people import checked_code


@dataclass(frozen=True)
class Stored:
    """What storing did.

    Attributes:
        version: the version that now holds the text.
        outcome: "new" item, "changed" (a new version), or "unchanged".
    """

    version: ItemVersion
    outcome: str


def store_item(
    session: Session,
    item: ItemText,
    source: str = "",
    person: Person | None = None,
    based_on: int | None = None,
    status: str = "draft",
    create_concepts: bool = False,
) -> Stored:
    """Store an item as read from its file.

    Args:
        session: a writing session.
        item: as `itembank.item_file` read it, without errors.
        source: the file's text, kept with the version.
        person: who stores it; their district owns a new item.
        based_on: the version number the text was made from; if the bank has moved on, nothing is stored.
        status: of a new item. The repository's items are "released".
        create_concepts: store unknown concepts under their id; otherwise they are refused.

    Raises:
        Rejected: unknown concepts or standards, each a finding.
        Conflict: somebody else stored a version in between; the message shows how they differ.
    """
    key = rule_of(item)
    return _store(
        session,
        item,
        item.content_hash,
        _facts(item, source),
        key,
        _options(item),
        person,
        based_on,
        status,
        create_concepts,
    )


def _facts(item: ItemText, source: str) -> dict[str, Any]:
    return {
        "title": item.title,
        "grade": item.grade,
        "type": item.type,
        "dok": int(item.dok) if item.dok else None,
        "claim": item.claim,
        "calculator": item.calculator,
        "language": item.language,
        "points": item.points,
        "difficulty": item.difficulty,
        "content": _plain(item),
        "source": source,
        "text": _searchable(item),
    }


def store_carried(
    session: Session,
    content: Mapping[str, Any],
    content_hash: str,
    source: str,
    options: Sequence[Sequence[Any]],
    person: Person | None,
    based_on: int | None,
    created: datetime,
    owner: District,
) -> ItemVersion:
    """Store a version that another bank holds, with its moment and author.

    Args:
        session: a writing session.
        content: as that bank keeps it; content_hash: as that bank has it, computed again here.
        source: the file's text.
        options: (label, text, is key, misconception), used for items whose text lives elsewhere.
        person: its author; `owner` owns a new item that names none.
        based_on: the newest version here.
        created: when it was written.

    Raises:
        Rejected: the content is not what the hash says, or a tag is unknown here.
    """
    from itembank.item_content import restored

    kept = dict(content)
    if kept.get("registered"):
        fields: dict[str, Any] = {n: kept[n] for n in ("id", "title", "grade", "type", "dok", "points")}
        fields |= {n: tuple(kept.get(n) or ()) for n in ("concepts", "standards")}
        item = ItemText(**fields, stem="")
        key, digest = dict(kept["rule"]), _hash({"item": kept})
        labels = [(str(o[0]), str(o[1]), bool(o[2]), str(o[3])) for o in options]
    else:
        found = restored(kept, source="")
        if found is None:
            raise Rejected("no-text", f"{kept.get('id')} has no text.", "Ask for the bundle again.")
        item, key, digest, labels = found, rule_of(found), found.content_hash, _options(found)
    if digest != content_hash:
        raise Rejected("other-hash", f"{item.id} is not the text that its hash says.", "Ask for the bundle again.")
    facts = {**_facts(item, source), "content": kept, "created_at": created}
    stored = _store(session, item, digest, facts, key, labels, person, based_on, "draft", False)
    row = session.get_one(Item, stored.version.item_id)
    if row.district_id is None:
        row.district_id = owner.id
        session.add(row)
        session.flush()
    return stored.version


def _store(
    session: Session,
    item: ItemText,
    content_hash: str,
    facts: Mapping[str, Any],
    key: Mapping[str, Any],
    options: Sequence[tuple[str, str, bool, str]],
    person: Person | None,
    based_on: int | None,
    status: str,
    create_concepts: bool,
) -> Stored:
    checked_code(item.id, "an item")
    if status not in ITEM_STATUS:
        raise UsageFault("unknown-status", f"There is no status {status!r}.", "Statuses: " + ", ".join(ITEM_STATUS))
    concepts, standards = _tags(session, item, create_concepts)
    row = session.exec(select(Item).where(Item.code == item.id)).first()
    last = latest_version(session, item.id) if row else None
    if last is not None and last.content_hash == content_hash:
        return Stored(last, "unchanged")
    if last is not None and based_on is not None and based_on != last.number:
        raise Conflict(
            "changed-meanwhile",
            f"{item.id} is at version {last.number}; your text was made from version {based_on}. Nothing was stored.\n"
            + difference(last.source, str(facts["source"]), f"version {last.number}", "yours"),
            f"itembank items show {item.id}, carry your change over, and store again.",
        )
    if row is None:
        row = Item(code=item.id, district_id=_owner(session, item, person), status=status)
        session.add(row)
        session.flush()
        outcome = "new"
    else:
        outcome = "changed"
        decisions.supersede(session, f"item:{item.id}")
    number = (last.number if last else 0) + 1
    _advance(session, row, number, status if outcome == "new" else _status_after_change(row.status, status))
    version = ItemVersion(
        item_id=row.id or 0, number=number, content_hash=content_hash, author_id=person.id if person else None, **facts
    )
    session.add(version)
    session.flush()
    _attach(session, version, item, concepts, standards, options)
    session.add(KeyVersion(item_version_id=version.id or 0, number=1, rule=dict(key), reason="with the item"))
    session.flush()
    chain = "" if person else _chain(session, row)
    details = {"hash": content_hash, "version": number}
    audit.record(session, "store item", f"item:{item.id}", person, chain, details)
    return Stored(version, outcome)


def _advance(session: Session, row: Item, number: int, status: str) -> None:
    """Move the item to its next version, unless somebody else did so first."""
    changed = session.execute(
        sa.update(Item)
        .where(sa.column("id") == row.id, sa.column("revision") == row.revision, sa.column("latest") == number - 1)
        .values(latest=number, revision=row.revision + 1, status=status)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("changed-meanwhile", f"Somebody else is storing {row.code}.", "Run the command again.")
    session.refresh(row)


def _status_after_change(before: str, wanted: str) -> str:
    """A changed text starts again; only released material, whose reviews are not the bank's, stays as it is."""
    return "released" if before == "released" and wanted == "released" else "draft"


def _owner(session: Session, item: ItemText, person: Person | None) -> int | None:
    if person is not None:
        return person.district_id
    codes = [a.district for a in item.authors if a.district]
    found = session.exec(select(District).where(District.code == codes[0])).first() if codes else None
    return found.id if found else None


def _chain(session: Session, row: Item) -> str:
    district = session.get(District, row.district_id) if row.district_id else None
    return district.code if district else audit.JOINT


def _tags(session: Session, item: ItemText, create: bool) -> tuple[list[int], list[int]]:
    known = {c.code: c.id or 0 for c in session.exec(select(Concept)).all()}
    found: list[Finding] = []
    concepts: list[int] = []
    source = item.source or item.id
    for code in dict.fromkeys(item.concepts):
        if code not in known and create:
            concept = Concept(code=checked_code(code, "a concept"), title=code.replace("-", " ").capitalize())
            session.add(concept)
            session.flush()
            known[code] = concept.id or 0
        if code in known:
            concepts.append(known[code])
        else:
            near = suggest.nearest(code, known, 2) or difflib.get_close_matches(code, known, 2, 0.5)
            hint = "Did you mean " + " or ".join(near) + "?" if near else "itembank concepts add " + code
            message = f"There is no concept {code!r} in the bank."
            line = item.lines.get("concepts", 0)
            found.append(Finding(source, line, "unknown-concept", "error", message, hint, "concepts"))
    standards: list[int] = []
    for code in dict.fromkeys(item.standards):
        standard = standard_of(session, code)
        if standard is None:
            line = item.lines.get("standards", 0)
            message = f"There is no standard {code!r}."
            found.append(Finding(source, line, "unknown-standard", "error", message, "Like 7.RP.A.2.", "standards"))
        elif standard.id not in standards:
            standards.append(standard.id or 0)
    if found:
        raise Rejected("bad-item", f"{item.id} was not stored.", "", found)
    return concepts, standards


def _attach(
    session: Session,
    version: ItemVersion,
    item: ItemText,
    concepts: Sequence[int],
    standards: Sequence[int],
    options: Sequence[tuple[str, str, bool, str]],
) -> None:
    at = version.id or 0
    names = {m for *_, m in options if m}
    known = {m.code: m.id for m in session.exec(select(Misconception)).all() if m.code in names}
    for code in sorted(names - set(known)):
        entry = Misconception(code=code, title=code.replace("-", " "))
        session.add(entry)
        session.flush()
        known[code] = entry.id
    people = {p.name: p.id for p in session.exec(select(Person)).all()}
    for position, author in enumerate(item.authors):
        session.add(
            ItemAuthor(
                item_version_id=at,
                position=position,
                name=author.name,
                district=author.district,
                person_id=people.get(author.name),
            )
        )
    session.add_all(ItemConcept(item_version_id=at, position=i, concept_id=c) for i, c in enumerate(concepts))
    session.add_all(ItemStandard(item_version_id=at, position=i, standard_id=s) for i, s in enumerate(standards))
    session.add_all(ItemEnemy(item_version_id=at, enemy=e) for e in dict.fromkeys(item.enemies))
    for position, (label, text, is_key, misconception) in enumerate({o[0]: o for o in reversed(options)}.values()):
        session.add(
            Option(
                item_version_id=at,
                position=position,
                label=label,
                text=text,
                is_key=is_key,
                misconception_id=known.get(misconception),
            )
        )
    session.flush()


def rule_of(item: ItemText) -> dict[str, Any]:
    """The first key, from the item's own text."""
    most = item.points
    if item.type == "choice":
        labels = [o.letter for o in item.options]
        return {"type": "choice", "max": most, "labels": labels, "credit": dict.fromkeys(item.keys, most)}
    if item.type == "multi-select":
        labels = [o.letter for o in item.options]
        return {"type": "multi-select", "max": most, "labels": labels, "key": sorted(item.keys)}
    if item.type in ("numeric", "short-text"):
        accepted = []
        for answer in item.answers:
            if answer.key:
                entry: dict[str, Any] = {"answer": mathtext.typed(answer.text), "points": most}
                if answer.tolerance:
                    entry["tolerance"] = answer.tolerance
                accepted.append(entry)
        return {"type": item.type, "max": most, "accepted": accepted}
    if item.type == "match":
        rows = {row.id: list(row.keys) for row in item.rows}
        return {"type": "match", "max": most, "labels": [c.letter for c in item.columns], "rows": rows}
    return {"type": "rubric", "max": most}


def _options(item: ItemText) -> list[tuple[str, str, bool, str]]:
    """Options and answers to expect: (label, text, is key, misconception id)."""
    found = [(o.letter, o.text, o.key, o.misconception) for o in item.options]
    found += [(a.text, a.text, a.key, a.misconception) for a in item.answers]
    for row in item.rows:
        wrong = dict(row.misconceptions)
        found += [(row.id + c.letter, row.text, c.letter in row.keys, wrong.get(c.letter, "")) for c in item.columns]
    found += [(str(level.points), level.text, level.points == item.points, "") for level in item.levels]
    found += [(f"error:{e.misconception}", e.text, False, e.misconception) for e in item.errors]
    return found


def _plain(value: Any) -> Any:
    """An item as JSON can hold it."""
    if hasattr(value, "__dataclass_fields__"):
        names = [n for n in value.__dataclass_fields__ if n not in ("line", "lines", "source")]
        return {n: _plain(getattr(value, n)) for n in names}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value


def _searchable(item: ItemText) -> str:
    """What a full-text search looks through."""
    parts = [item.id, item.title, item.stem, item.stimulus, item.solution, item.why, *item.concepts, *item.standards]
    parts += [part for label, text, _, misconception in _options(item) for part in (label, text, misconception)]
    parts += [variant.stem for variant in item.variants]
    return "\n".join(p for p in parts if p)


def latest_version(session: Session, code: str) -> ItemVersion:
    """The newest version of an item.

    Raises:
        Rejected: there is no such item.
    """
    found = session.exec(
        select(ItemVersion)
        .join(Item, Item.id == ItemVersion.item_id)  # type: ignore[arg-type]
        .where(Item.code == code)
        .order_by(sa.desc("number"))
        .limit(1)
    ).first()
    if found is None:
        raise _unknown(session, code)
    return found


def version_of(session: Session, code: str) -> ItemVersion:
    """A version by `CODE` (the newest) or `CODE@3`.

    Raises:
        Rejected: there is no such item or version.
    """
    name, _, number = code.partition("@")
    if not number:
        return latest_version(session, name)
    found = session.exec(
        select(ItemVersion)
        .join(Item, Item.id == ItemVersion.item_id)  # type: ignore[arg-type]
        .where(Item.code == name, ItemVersion.number == (int(number) if number.isdigit() else -1))
    ).first()
    if found is None:
        if session.exec(select(Item).where(Item.code == name)).first() is None:
            raise _unknown(session, name)
        raise Rejected(
            "unknown-version", f"There is no version {number!r} of {name}.", f"itembank items history {name}"
        )
    return found


def _unknown(session: Session, code: str) -> Rejected:
    near = suggest.nearest(code, session.exec(select(Item.code)).all())
    hint = "Did you mean " + " or ".join(near) + "?" if near else "itembank items list"
    return Rejected("unknown-item", f"There is no item {code!r} in the bank.", hint)


def difference(before: str, after: str, name_before: str, name_after: str) -> str:
    """Two texts as a unified difference."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name_before, name_after, lineterm="", n=2)
    return "\n".join(lines)


# ---------------------------------------------------------------- items whose text lives elsewhere


def register_items(
    session: Session, path: str | Path, person: Person | None = None, status: str = "draft"
) -> list[Stored]:
    """Register items from a CSV: id, title, concepts (primary first, `;` between), type, key, points.

    Further columns that are read where they are there: grade, standards, dok, options (labels, `;` between).

    Raises:
        Rejected: every fault, with row and column; nothing was stored.
    """
    from itembank.tabular import read_table

    table = read_table(path, ["id", "concepts", "type"])
    found: list[Finding] = []
    prepared: list[tuple[ItemText, dict[str, Any], list[tuple[str, str, bool, str]]]] = []
    seen: dict[str, int] = {}
    for row, record in zip(table.rows.tolist(), table.records(), strict=True):
        entry = _registered(record, row, table.source, found)
        code = record["id"]
        if code in seen:
            message = f"The item {code} stands in row {seen[code]} already."
            found.append(Finding(table.source, row, "duplicate-item", "error", message, "Remove one row.", "id"))
        seen.setdefault(code, row)
        if entry is not None:
            prepared.append(entry)
    if found:
        raise Rejected("bad-items", f"No item of {table.source} was stored.", "Mend the rows and run it again.", found)
    stored = []
    for item, rule, options in prepared:
        facts = {
            "title": item.title,
            "grade": item.grade,
            "type": item.type,
            "points": item.points,
            "dok": int(item.dok) if item.dok else None,
            "content": {**_plain(item), "registered": True, "rule": rule},
            "source": "",
            "text": _searchable(item),
        }
        digest = _hash({"item": facts["content"]})
        stored.append(_store(session, item, digest, facts, rule, options, person, None, status, True))
    return stored


def _hash(value: Any) -> str:
    import hashlib

    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _registered(
    record: Mapping[str, str], row: int, source: str, found: list[Finding]
) -> tuple[ItemText, dict[str, Any], list[tuple[str, str, bool, str]]] | None:
    from itembank.errors import ItembankError
    from itembank.item_model import TYPES

    def fault(column: str, code: str, message: str, hint: str = "") -> None:
        found.append(Finding(source, row, code, "error", message, hint, column))

    before = len(found)
    try:
        checked_code(record["id"], "an item")
    except ItembankError as error:
        fault("id", error.code, error.sentence, error.hint)
    concepts = tuple(c.strip() for c in record["concepts"].split(";") if c.strip())
    if not concepts:
        fault("concepts", "no-concept", "The item has no concept.", "Name the concept it is scored under.")
    for concept in concepts:
        try:
            checked_code(concept, "a concept")
        except ItembankError as error:
            fault("concepts", error.code, error.sentence, error.hint)
    kind = record["type"].strip().lower() or "choice"
    if kind not in TYPES or kind == "match":
        fault(
            "type",
            "unknown-type",
            f"There is no type {kind!r} here.",
            "choice, multi-select, numeric, short-text, rubric",
        )
        return None
    text = record.get("points", "") or "1"
    if not text.isdigit() or not 1 <= int(text) <= 20:
        fault("points", "bad-points", f"{text!r} is no number of points.", "A whole number from 1 to 20.")
        return None
    labels = tuple(p.strip().upper() for p in record.get("options", "").split(";") if p.strip())
    rule: dict[str, Any] = {}
    try:
        rule = rule_from_text(kind, record.get("key", ""), int(text), labels)
    except ItembankError as error:
        fault("key", error.code, error.sentence, error.hint)
    if len(found) > before:
        return None
    item = ItemText(
        id=record["id"],
        title=record.get("title") or record["id"],
        grade=record.get("grade", ""),
        concepts=concepts,
        type=kind,
        stem="",
        standards=tuple(p.strip() for p in record.get("standards", "").split(";") if p.strip()),
        dok=record.get("dok", ""),
        points=int(text),
    )
    keys = set(rule.get("credit", {})) | set(rule.get("key", []))
    return item, rule, [(label, "", label in keys, "") for label in labels]
