"""The framework: concepts in a tree with prerequisites, the standards they belong to, and the misconceptions."""

import csv
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import audit, suggest
from itembank.errors import Conflict, Rejected
from itembank.findings import Finding
from itembank.models import (
    Concept,
    ConceptPrerequisite,
    ConceptStandard,
    Item,
    ItemConcept,
    ItemStandard,
    ItemVersion,
    Misconception,
    Person,
    Standard,
    columns,
)
from itembank.people import checked_code
from itembank.standards import normalised


def store_standards(session: Session) -> int:
    """Store the framework's standards of grades 6 to 8 that are not there yet; returns how many were new."""
    known = set(session.exec(select(Standard.code)).all())
    text = files("itembank").joinpath("data/ccssm_6_8.csv").read_text("utf-8")
    new = 0
    for row in csv.DictReader(text.splitlines()):
        if row["code"] in known:
            continue
        further = {k: row[k] for k in ("sbac_claim1_target", "sbac_emphasis", "short_code_no_cluster") if row.get(k)}
        session.add(
            Standard(
                code=row["code"],
                kind=row["type"],
                parent=row["parent"],
                grade=row["grade"],
                domain_code=row["domain_code"],
                domain_name=row["domain_name"],
                cluster_code=row["cluster_code"],
                statement=row["cluster_name"],
                attributes=further,
            )
        )
        new += 1
    session.flush()
    return new


def standard_of(session: Session, code: str) -> Standard | None:
    """The standard with this code in any spelling; high-school codes are stored when first used."""
    canonical = normalised(code)
    if canonical is None:
        return None
    found = session.exec(select(Standard).where(Standard.code == canonical)).first()
    if found is None:
        found = Standard(code=canonical, kind="standard", grade="HS", domain_code=canonical.split(".")[0])
        session.add(found)
        session.flush()
    return found


def concept_of(session: Session, code: str) -> Concept:
    """The concept with this code.

    Raises:
        Rejected: there is none; the hint names near ones.
    """
    import difflib

    found = session.exec(select(Concept).where(Concept.code == code)).first()
    if found is None:
        known = session.exec(select(Concept.code)).all()
        near = suggest.nearest(code, known) or difflib.get_close_matches(code, known, 3, 0.5)
        hint = "Did you mean " + " or ".join(near) + "?" if near else "itembank concepts list"
        raise Rejected("unknown-concept", f"There is no concept {code!r}.", hint)
    return found


def add_concept(
    session: Session,
    code: str,
    title: str = "",
    description: str = "",
    grade: str = "",
    parent: str = "",
    standards: Iterable[str] = (),
    prerequisites: Iterable[str] = (),
    person: Person | None = None,
    raw: Mapping[str, Any] | None = None,
    source: str = "",
) -> Concept:
    """Add a concept.

    Raises:
        Conflict: the code is taken.
        Rejected: an unknown parent, standard or prerequisite.
    """
    checked_code(code, "a concept")
    if session.exec(select(Concept).where(Concept.code == code)).first():
        raise Conflict("concept-exists", f"There is a concept {code} already.", "itembank concepts show " + code)
    above = concept_of(session, parent).id if parent else None
    concept = Concept(
        code=code, title=title or code, description=description, grade=grade, parent_id=above, raw=dict(raw or {})
    )
    concept.source = source
    session.add(concept)
    session.flush()
    _link(session, concept, standards, prerequisites)
    audit.record(session, "add concept", f"concept:{code}", person, chain="" if person else audit.JOINT)
    return concept


def _link(session: Session, concept: Concept, standards: Iterable[str], prerequisites: Iterable[str]) -> None:
    for code in dict.fromkeys(standards):
        standard = standard_of(session, code)
        if standard is None:
            raise Rejected("unknown-standard", f"There is no standard {code!r}.", "Codes look like 7.RP.A.2.")
        session.merge(ConceptStandard(concept_id=concept.id or 0, standard_id=standard.id or 0))
    for code in dict.fromkeys(prerequisites):
        before = concept_of(session, code)
        session.merge(ConceptPrerequisite(concept_id=concept.id or 0, prerequisite_id=before.id or 0))
    session.flush()


def read_framework(path: Path) -> list[dict[str, Any]]:
    """Concepts from a file: YAML (a list of mappings) or CSV with the same names.

    Names: id, name, grades, description, standards, prerequisites, parent; lists in CSV are separated by `;`.

    Raises:
        Rejected: with findings.
    """
    if path.suffix.lower() in (".yaml", ".yml"):
        return _read_yaml(path)
    from itembank.tabular import read_table

    table = read_table(path, ["id"])
    rows: list[dict[str, Any]] = []
    for record in table.records():
        row: dict[str, Any] = dict(record)
        for name in ("grades", "standards", "prerequisites"):
            row[name] = [p.strip() for p in str(row.get(name) or "").split(";") if p.strip()]
        rows.append(row)
    return rows


def _read_yaml(path: Path) -> list[dict[str, Any]]:
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
    if not isinstance(loaded, list) or not all(isinstance(row, dict) and row.get("id") for row in loaded):
        message = "The file should be a list of mappings that each have an id."
        raise Rejected("bad-yaml", message, "See items/concepts.yaml for an example.")
    return loaded


def import_framework(session: Session, rows: Iterable[Mapping[str, Any]], source: str) -> tuple[int, int]:
    """Store concepts, new ones and changed ones, all or nothing.

    Returns:
        Numbers of new and of changed concepts.

    Raises:
        Rejected: unknown standards or prerequisites, each one a finding.
    """
    listed = list(rows)
    found: list[Finding] = []
    known = {c.code: c for c in session.exec(select(Concept)).all()}
    ids = set(known) | {str(r["id"]) for r in listed}
    for number, row in enumerate(listed, 1):
        for code in row.get("standards") or ():
            if normalised(str(code)) is None:
                message = f"{row['id']}: there is no standard {code!r}."
                found.append(Finding(source, number, "unknown-standard", "error", message, "Codes look like 7.RP.A.2."))
        for code in [*(row.get("prerequisites") or ()), *([row["parent"]] if row.get("parent") else [])]:
            if code not in ids:
                message = f"{row['id']}: there is no concept {code!r}."
                found.append(Finding(source, number, "unknown-concept", "error", message, "Add it to the file."))
    if found:
        raise Rejected("bad-framework", f"{source} was not stored.", "", found)
    new = changed = 0
    for position, row in enumerate(listed):
        grades = row.get("grades") or row.get("grade") or ""
        facts: dict[str, Any] = {
            "title": str(row.get("name") or row.get("title") or row["id"]),
            "description": str(row.get("description") or ""),
            "grade": ", ".join(grades) if isinstance(grades, list) else str(grades),
            "raw": dict(row),
        }
        concept = known.get(str(row["id"]))
        if concept is None:
            concept = Concept(code=checked_code(str(row["id"]), "a concept"), position=position, source=source, **facts)
            known[concept.code] = concept
            new += 1
        elif concept.raw != facts["raw"]:
            for name, value in facts.items():
                setattr(concept, name, value)
            changed += 1
        session.add(concept)
    session.flush()
    for row in listed:
        concept = known[str(row["id"])]
        _link(session, concept, row.get("standards") or (), row.get("prerequisites") or ())
        if row.get("parent"):
            concept.parent_id = known[str(row["parent"])].id
            session.add(concept)
    session.flush()
    if new or changed:
        audit.record(session, "import concepts", source, chain=audit.JOINT, details={"new": new, "changed": changed})
    return new, changed


def import_misconceptions(session: Session, rows: Iterable[Mapping[str, Any]]) -> int:
    """Store or complete misconceptions (id, name or title, description); returns how many were new or changed."""
    known = {m.code: m for m in session.exec(select(Misconception)).all()}
    touched = 0
    for row in rows:
        code = str(row["id"])
        title = str(row.get("name") or row.get("title") or row.get("plain") or code)
        description = str(row.get("description") or row.get("plain") or "")
        entry = known.get(code)
        if entry is None:
            entry = known[code] = Misconception(code=code)
        elif (entry.title, entry.description) == (title, description):
            continue
        entry.title, entry.description = title, description
        session.add(entry)
        touched += 1
    session.flush()
    return touched


def tree(session: Session) -> list[tuple[int, Concept]]:
    """All concepts below their parents, with their depth. Prerequisites are not parents."""
    below: dict[int | None, list[Concept]] = {}
    for concept in session.exec(select(Concept).order_by(sa.asc("position"), sa.asc("code"))).all():
        below.setdefault(concept.parent_id, []).append(concept)
    found: list[tuple[int, Concept]] = []

    def walk(parent: int | None, depth: int) -> None:
        for concept in below.get(parent, []):
            found.append((depth, concept))
            walk(concept.id, depth + 1)

    walk(None, 0)
    return found


def coverage(session: Session, by: str = "concept") -> list[dict[str, Any]]:
    """How many items (latest versions) there are by concept or standard, grade, DOK and status."""
    what, link = (Standard, columns(ItemStandard)) if by == "standard" else (Concept, columns(ItemConcept))
    target = link.standard_id if by == "standard" else link.concept_id
    subject, version, item = columns(what), columns(ItemVersion), columns(Item)
    latest = sa.and_(item.id == version.item_id, item.latest == version.number)
    statement = (
        sa.select(subject.code, version.grade, version.dok, item.status, sa.func.count())
        .select_from(what)
        .join(target.table, sa.and_(target == subject.id, link.position == 0), isouter=True)
        .join(ItemVersion, version.id == link.item_version_id, isouter=True)
        .join(Item, latest, isouter=True)
        .group_by(subject.code, version.grade, version.dok, item.status)
        .order_by(subject.code, version.grade, version.dok, item.status)
    )
    rows = []
    for code, grade, dok, status, count in session.execute(statement).all():
        items = count if status is not None else 0
        rows.append({by: code, "grade": grade or "", "dok": dok, "status": status or "", "items": items})
    covered = {r[by] for r in rows if r["items"]}
    return [r for r in rows if r["items"] or r[by] not in covered]


def described(session: Session, concept: Concept) -> dict[str, Any]:
    """A concept with its standards, prerequisites, what comes after it, and its items."""
    link, before = columns(ConceptStandard), columns(ConceptPrerequisite)
    tag, version, item = columns(ItemConcept), columns(ItemVersion), columns(Item)

    def codes(statement: Any) -> list[str]:
        return list(session.execute(statement).scalars())

    other = columns(Concept)
    standards = codes(
        sa.select(columns(Standard).code)
        .join(ConceptStandard, link.standard_id == columns(Standard).id)
        .where(link.concept_id == concept.id)
        .order_by(columns(Standard).code)
    )
    needs = codes(
        sa.select(other.code)
        .join(ConceptPrerequisite, before.prerequisite_id == other.id)
        .where(before.concept_id == concept.id)
        .order_by(other.code)
    )
    leads = codes(
        sa.select(other.code)
        .join(ConceptPrerequisite, before.concept_id == other.id)
        .where(before.prerequisite_id == concept.id)
        .order_by(other.code)
    )
    items = codes(
        sa.select(item.code)
        .join(ItemVersion, sa.and_(version.item_id == item.id, version.number == item.latest))
        .join(ItemConcept, sa.and_(tag.item_version_id == version.id, tag.position == 0))
        .where(tag.concept_id == concept.id)
        .order_by(item.code)
    )
    return {
        "concept": concept.code,
        "title": concept.title,
        "grade": concept.grade,
        "description": concept.description,
        "standards": standards,
        "prerequisites": needs,
        "leads to": leads,
        "items": items,
    }
