"""Items of the bank as texts again: shown, compared, edited."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import select

from itembank import database, item_authoring, item_content, item_diff, item_file, lint, mathtext, people
from itembank.authoring import store_item, version_of
from itembank.errors import Conflict, Rejected, UsageFault
from itembank.findings import errors
from itembank.item_model import Item
from itembank.models import District, ItemVersion, Person
from itembank.models import Item as ItemRow


@dataclass(frozen=True, slots=True)
class Shown:
    """A version of an item, or a file: its name, its item, its text, and facts of the bank."""

    name: str
    item: Item
    source: str
    facts: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, **self.facts, "source": self.source}

    def plain(self) -> str:
        """The item in plain text for a terminal."""
        item = self.item
        facts = [
            item.type,
            f"grade {item.grade}",
            f"{item.points} point" + ("s" if item.points != 1 else ""),
            ", ".join(item.concepts),
            ", ".join(item.standards),
        ]
        facts += [str(self.facts[k]) for k in ("status", "district") if self.facts.get(k)]
        lines = [f"{self.name}: {item.title}", " · ".join(f for f in facts if f), ""]
        lines += [mathtext.plain(p) for p in item.stem.split("\n\n")] + [""]
        for o in item.options:
            lines.append(f"  {o.letter}  {mathtext.plain(o.text)}   {'(key)' if o.key else f'({o.misconception})'}")
        for a in item.answers:
            lines.append(f"  {mathtext.plain(a.text)}   {'(key)' if a.key else f'({a.misconception})'}")
        for r in item.rows:
            lines.append(f"  {r.id}  {mathtext.plain(r.text)}   ({', '.join(r.keys)})")
        for x in item.levels:
            lines.append(f"  {x.points}  {mathtext.plain(x.text)}")
        if item.solution:
            lines += ["", "Solution: " + mathtext.plain(item.solution)]
        return "\n".join(lines)


def item_of(version: ItemVersion, name: str = "") -> Item | None:
    """The item of a stored version, whole with its shared text and pictures; None where only a register entry is."""
    return item_content.restored(version.content, name)


def _item_of(version: ItemVersion, code: str) -> Item:
    item = item_of(version, f"{code}@{version.number}")
    if item is None:
        message = f"{code}@{version.number} has no text in the bank: it is only registered."
        raise Rejected("no-text", message, f"itembank items list --json | look for {code}")
    return item


def shown(name: str) -> Shown:
    """A version by CODE or CODE@3, or a file.

    Raises:
        Rejected: there is no such item, or it has no text.
    """
    path = Path(name)
    if path.suffix == ".md" and path.exists():
        reading = item_file.read(path)
        if reading.item is None:
            raise Rejected(
                "bad-items", f"{name} cannot be read.", f"itembank items check {name}", errors(reading.findings)
            )
        return Shown(name, reading.item, reading.text, {"code": reading.item.id})
    with database.reading() as session:
        version = version_of(session, name)
        row = session.get_one(ItemRow, version.item_id)
        district = session.get(District, row.district_id) if row.district_id else None
        facts = {
            "code": row.code,
            "version": version.number,
            "status": row.status,
            "district": district.code if district else "",
            "hash": version.content_hash,
            "created": version.created_at.isoformat(timespec="seconds"),
        }
        return Shown(f"{row.code}@{version.number}", _item_of(version, row.code), version.source, facts)


def pair(before: str, after: str) -> tuple[Shown, Shown]:
    """The two versions to compare.

    Raises:
        UsageFault: the item has one version only.
    """
    if after:
        return shown(before), shown(after)
    if Path(before).suffix == ".md" and Path(before).exists():
        file = shown(before)
        return shown(file.item.id), file
    code, _, number = before.partition("@")
    newest = shown(code)
    if number:
        return shown(before), newest
    last = int(newest.facts["version"])
    if last < 2:
        raise UsageFault("one-version", f"{code} has one version only.", f"itembank items show {code}")
    return shown(f"{code}@{last - 1}"), newest


def history(code: str) -> list[dict[str, object]]:
    """All versions, oldest first.

    Raises:
        Rejected: there is no such item.
    """
    with database.reading() as session:
        newest = version_of(session, code.partition("@")[0])
        row = session.get_one(ItemRow, newest.item_id)
        versions = session.exec(
            select(ItemVersion).where(ItemVersion.item_id == row.id).order_by(sa.asc("number"))
        ).all()
        names = {p.id: p.name for p in session.exec(select(Person)).all()}
        found: list[dict[str, object]] = []
        before: Item | None = None
        for version in versions:
            now = item_of(version)
            changed = [c.part for c in item_diff.changes(before, now)] if before and now else []
            found.append(
                {
                    "version": version.number,
                    "created": version.created_at.isoformat(sep=" ", timespec="minutes"),
                    "by": names.get(version.author_id, ""),
                    "status": row.status if version.number == row.latest else "",
                    "hash": version.content_hash[:12],
                    "changed": ", ".join(changed[:6]) + (" ..." if len(changed) > 6 else ""),
                    "title": version.title,
                }
            )
            before = now or before
        return found


def edit(code: str, editor: str, out: Path | None, as_: str, dry_run: bool = False) -> str:
    """Open the newest text in an editor, check it, store it as a new version of what it was made from.

    Returns:
        A sentence about what happened.

    Raises:
        Rejected: the new text has errors; Conflict: somebody stored a version meanwhile. The text stays in the file.
    """
    now = shown(code.partition("@")[0])
    base = int(now.facts["version"])
    path = out or Path(f"{now.item.id}.md")
    if path.exists() and path.read_text("utf-8") != now.source:
        raise Conflict(
            "file-exists",
            f"{path} is there with another text; it was left alone.",
            f"-o another file, or itembank items import {path}",
        )
    path.write_text(now.source, "utf-8")
    item_authoring.open_editor(path, editor)
    reading = item_file.read(path)
    if reading.item is None or errors(reading.findings):
        wrong = errors(reading.findings)
        raise Rejected(
            "bad-items",
            f"Nothing was stored; your text is in {path}.",
            f"mend it, then itembank items import {path}",
            wrong,
        )
    wrong = errors(lint.check(reading.item))
    if wrong:
        raise Rejected(
            "bad-items",
            f"Nothing was stored; your text is in {path}.",
            f"mend it, then itembank items import {path}",
            wrong,
        )
    if reading.item.id != now.item.id:
        raise Rejected(
            "other-id", f"The id became {reading.item.id}; nothing was stored.", f"itembank items import {path}"
        )
    if dry_run:
        parts = len(item_diff.changes(now.item, reading.item))
        return f"{parts} parts would change; nothing was stored; your text is in {path}."
    with database.writing() as session:
        person = people.acting(session, as_)
        stored = store_item(session, reading.item, reading.text, person, based_on=base)
        number, outcome = stored.version.number, stored.outcome
    if out is None:
        path.unlink()
    return f"{now.item.id} is unchanged." if outcome == "unchanged" else f"Stored {now.item.id}@{number}."
