"""Frameworks of competencies as CASE 1.0 and 1.1 packages, in and out without loss.

A package is kept whole as it came. Its items become concepts, except those that are standards of the bank, which get
their wording from it. `isChildOf` makes the tree, `precedes` the prerequisites, and a relation between a concept and
a standard tags the concept with it. What the bank does not use goes out again as it came in.

Fields after the CASE 1.0 and 1.1 REST bindings of 1EdTech.
"""

import copy
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import audit
from itembank.concepts import described
from itembank.errors import Rejected, UsageFault
from itembank.findings import Finding
from itembank.models import (
    Concept,
    ConceptPrerequisite,
    ConceptStandard,
    Framework,
    Standard,
    columns,
    now,
)
from itembank.standards import normalised

MAX_BYTES = 100_000_000
SPACE = uuid.UUID("3f1c9a52-5f0a-5c8e-9a55-6f1b3a3d7c11")  # of identifiers that are ours, made from codes
KNOWN_TYPES = {
    "isChildOf", "isPeerOf", "isPartOf", "exactMatchOf", "precedes", "isRelatedTo", "replacedBy", "exemplar",
    "hasSkillLevel", "isTranslationOf",
}  # fmt: skip
_TAGS = ("isPartOf", "exactMatchOf", "isRelatedTo", "isPeerOf")
_EXTENSION = re.compile(r"ext:[A-Za-z0-9.\-_]+")
_GRADE = re.compile(r"0?(\d{1,2})")


def is_package(path: Path) -> bool:
    """Whether a file's name says that it is a package."""
    return path.suffix.lower() == ".json"


def read(path: Path) -> tuple[dict[str, Any], list[Finding]]:
    """A package from its file, and findings that do not keep it out.

    Raises:
        Rejected: it cannot be read, or misses what every package has; each fault is a finding.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Rejected("too-large", f"{path.name} is larger than any framework.", "Check the file.")
        package = json.loads(path.read_text("utf-8-sig"))
    except OSError:
        raise Rejected("no-file", f"There is no file {path}.", "Check the path.") from None
    except (ValueError, RecursionError):
        finding = Finding(path.name, 0, "bad-json", "error", "The file is not readable JSON.", "Export it again.")
        raise Rejected("bad-framework", f"{path.name} was not stored.", "", [finding]) from None
    found = check(package, path.name)
    wrong = [f for f in found if f.severity == "error"]
    if wrong:
        raise Rejected("bad-framework", f"{path.name} was not stored.", "A CASE package has CFDocument.", wrong)
    return package, found


def check(package: Any, source: str) -> list[Finding]:
    """Every fault of a package: errors keep it out, notices are what the bank does not use."""
    found: list[Finding] = []

    def fault(place: int, code: str, message: str, severity: str = "error") -> None:
        found.append(Finding(source, place, code, severity, message))  # type: ignore[arg-type]

    if not isinstance(package, dict) or not isinstance(package.get("CFDocument"), dict):
        fault(0, "no-document", "There is no CFDocument.")
        return found
    for name in ("identifier", "title"):
        if not isinstance(package["CFDocument"].get(name), str) or not package["CFDocument"][name]:
            fault(0, "bad-document", f"The CFDocument has no {name}.")
    lists = {n: package.get(n) or [] for n in ("CFItems", "CFAssociations")}
    for name, entries in lists.items():
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            fault(0, "bad-list", f"{name} is not a list of objects.")
            return found
    seen: set[str] = set()
    for place, item in enumerate(lists["CFItems"], 1):
        for name in ("identifier", "fullStatement"):
            if not isinstance(item.get(name), str) or not item[name]:
                fault(place, "bad-item", f"CFItem {place} has no {name}.")
        if item.get("identifier") in seen:
            fault(place, "duplicate-item", f"CFItem {place} has the identifier of another.")
        seen.add(str(item.get("identifier")))
    parents: dict[str, str] = {}
    for place, link in enumerate(lists["CFAssociations"], 1):
        kind, origin, to = link.get("associationType"), _node(link, "origin"), _node(link, "destination")
        if not isinstance(kind, str) or not origin or not to:
            fault(place, "bad-association", f"CFAssociation {place} names no type, origin or destination.")
            continue
        if kind not in KNOWN_TYPES and not _EXTENSION.fullmatch(kind):
            fault(place, "unknown-type", f"CFAssociation {place}: {kind[:40]!r} is kept, but not known.", "notice")
        if kind == "isChildOf" and origin in seen and to in seen:
            parents.setdefault(origin, to)
    for start in parents:
        at, steps = start, 0
        while at in parents and steps <= len(parents):
            at, steps = parents[at], steps + 1
        if steps > len(parents):
            fault(0, "circle", f"{start} is a child of itself.")
            break
    return found


def _node(link: Mapping[str, Any], end: str) -> str:
    node = link.get(f"{end}NodeURI")
    return str(node.get("identifier") or "") if isinstance(node, dict) else ""


# ---------------------------------------------------------------- in


def store(session: Session, package: dict[str, Any], source: str) -> tuple[int, int, int]:
    """Store a package and what the bank takes from it.

    Returns:
        Numbers of new concepts, changed concepts, and standards that got their wording.
    """
    document = package["CFDocument"]
    identifier = str(document["identifier"])
    row = session.exec(select(Framework).where(Framework.identifier == identifier)).first()
    if row is None:
        row = Framework(identifier=identifier)
    row.title, row.raw = str(document["title"]), package
    session.add(row)
    known = {c.code: c for c in session.exec(select(Concept)).all()}
    by_id = {str((c.raw or {}).get("identifier")): c for c in known.values() if (c.raw or {}).get("identifier")}
    standards: dict[str, Standard] = {}
    held: dict[str, Concept] = {}
    new = changed = 0
    by_code = {s.code: s for s in session.exec(select(Standard)).all()}
    for position, item in enumerate(package.get("CFItems") or []):
        at = str(item["identifier"])
        scheme = str(item.get("humanCodingScheme") or "")
        canonical = normalised(scheme) if scheme else None
        if canonical in by_code:
            standard = standards[at] = by_code[canonical]
            standard.attributes = {**standard.attributes, "case": at, "statement": str(item["fullStatement"])}
            session.add(standard)
            continue
        ours = (item.get("extensions") or {}).get("itembank") or {}
        facts: dict[str, Any] = {
            "title": str(item.get("abbreviatedStatement") or item["fullStatement"])[:200],
            "description": str(item["fullStatement"]),
            "grade": ", ".join(_grades(item.get("educationLevel"))),
            "raw": item,
        }
        if isinstance(ours, dict) and ours:
            facts |= {n: str(ours[n]) for n in ("title", "description", "grade") if n in ours}
        concept = by_id.get(at)
        if concept is None and isinstance(ours, dict) and ours.get("code") in known:
            concept = known[str(ours["code"])]
        if concept is None:
            code = _code(str(ours.get("code") or scheme) if isinstance(ours, dict) else scheme, at, known)
            concept = known[code] = Concept(code=code, position=position, source=source, **facts)
            new += 1
        elif concept.raw != item:
            for name, value in facts.items():
                setattr(concept, name, value)
            changed += 1
        held[at] = concept
        session.add(concept)
    session.flush()
    _relate(session, package.get("CFAssociations") or [], held, standards)
    details = {"framework": identifier, "new": new, "changed": changed}
    audit.record(session, "import framework", f"framework:{identifier}", chain=audit.JOINT, details=details)
    return new, changed, len(standards)


def _code(scheme: str, identifier: str, taken: Mapping[str, Any]) -> str:
    """A code that item files can use: the package's own where possible, else the identifier."""
    code = re.sub(r"[^A-Za-z0-9._-]+", "-", scheme).strip("-._")[:40]
    if not code or code in taken:
        code = re.sub(r"[^A-Za-z0-9._-]+", "-", identifier).strip("-._")[:40] or "concept"
    number = 2
    while code in taken:
        code, number = f"{code[:36]}-{number}", number + 1
    return code


def _grades(levels: Any) -> list[str]:
    found = []
    for level in levels if isinstance(levels, list) else []:
        match = _GRADE.fullmatch(str(level))
        found.append(match.group(1) if match else str(level))
    return found


def _relate(
    session: Session,
    links: Iterable[Mapping[str, Any]],
    held: Mapping[str, Concept],
    standards: Mapping[str, Standard],
) -> None:
    for link in links:
        kind, one, other = str(link["associationType"]), _node(link, "origin"), _node(link, "destination")
        if kind == "isChildOf" and one in held and other in held:
            held[one].parent_id = held[other].id
            session.add(held[one])
        elif kind == "precedes" and one in held and other in held:
            session.merge(ConceptPrerequisite(concept_id=held[other].id or 0, prerequisite_id=held[one].id or 0))
        elif kind in (*_TAGS, "isChildOf"):
            for a, b in ((one, other), (other, one)):
                standard = standards.get(b) or _standard(session, link, b)
                if a in held and standard is not None:
                    session.merge(ConceptStandard(concept_id=held[a].id or 0, standard_id=standard.id or 0))
    session.flush()


def _standard(session: Session, link: Mapping[str, Any], identifier: str) -> Standard | None:
    """A standard that is named outside the package, by the title of the node."""
    for end in ("originNodeURI", "destinationNodeURI"):
        node = link.get(end)
        if isinstance(node, dict) and node.get("identifier") == identifier:
            canonical = normalised(str(node.get("title") or ""))
            if canonical:
                return session.exec(select(Standard).where(Standard.code == canonical)).first()
    return None


# ---------------------------------------------------------------- out


def frameworks(session: Session) -> list[dict[str, Any]]:
    """The packages that were imported: identifier, title, items."""
    rows = session.exec(select(Framework).order_by(columns(Framework).title)).all()
    return [{"framework": r.identifier, "title": r.title, "items": len(r.raw.get("CFItems") or [])} for r in rows]


def export(session: Session, framework: str = "", version: str = "1.1", creator: str = "") -> dict[str, Any]:
    """A package.

    Args:
        session: a reading session.
        framework: identifier of an imported one, which goes out as it came with the bank's changes of titles and
            descriptions; without it, the concepts of the bank's own.
        version: "1.0" or "1.1", for the bank's own.
        creator: who publishes.

    Raises:
        Rejected: an unknown framework. UsageFault: an unknown version.
    """
    if framework:
        row = session.exec(select(Framework).where(Framework.identifier == framework)).first()
        if row is None:
            known = ", ".join(f["framework"] for f in frameworks(session)) or "none was imported"
            raise Rejected("unknown-framework", f"There is no framework {framework!r}.", f"Frameworks: {known}")
        return _as_it_came(session, row.raw)
    if version not in ("1.0", "1.1"):
        raise UsageFault("case-version", f"There is no CASE {version}.", "--case 1.0 or 1.1")
    return _own(session, version, creator)


def _as_it_came(session: Session, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The package with what was changed in the bank; nothing else is touched."""
    package: dict[str, Any] = copy.deepcopy(dict(raw))
    concepts = {(c.raw or {}).get("identifier"): c for c in session.exec(select(Concept)).all()}
    for item in package.get("CFItems") or []:
        concept = concepts.get(item["identifier"])
        if concept is None:
            continue
        before = str(item.get("abbreviatedStatement") or item["fullStatement"])[:200]
        if concept.title != before:
            item["abbreviatedStatement"] = concept.title
            item["lastChangeDateTime"] = now().isoformat(timespec="seconds")
        if (concept.description or concept.title) != item["fullStatement"]:
            item["fullStatement"] = concept.description or concept.title
            item["lastChangeDateTime"] = now().isoformat(timespec="seconds")
    return package


def _own(session: Session, version: str, creator: str) -> dict[str, Any]:
    imported = {i["identifier"] for f in session.exec(select(Framework)).all() for i in f.raw.get("CFItems") or []}
    rows = session.exec(select(Concept).order_by(sa.asc("position"), sa.asc("code"))).all()
    mine = [c for c in rows if (c.raw or {}).get("identifier") not in imported]
    moment = max([*_moments(session), "2026-01-01T00:00:00+00:00"])
    root = f"/ims/case/v{version.replace('.', 'p')}"

    def name(kind: str, *parts: str) -> str:
        return str(uuid.uuid5(SPACE, "/".join((kind, *parts))))

    def link(kind: str, title: str, identifier: str) -> dict[str, str]:
        return {"title": title, "identifier": identifier, "uri": f"{root}/{kind}/{identifier}"}

    at = name("document", "concepts")
    document = {
        "identifier": at,
        "uri": f"{root}/CFDocuments/{at}",
        "creator": creator or "itembank",
        "title": "Concepts of the joint item bank",
        "lastChangeDateTime": moment,
        "adoptionStatus": "Draft",
        "language": "en",
        **({"caseVersion": "1.1"} if version == "1.1" else {}),
    }
    items: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []

    def associate(kind: str, origin: Mapping[str, str], destination: Mapping[str, str], position: int = 0) -> None:
        identifier = name("association", kind, origin["identifier"], destination["identifier"])
        entry: dict[str, Any] = {
            "identifier": identifier,
            "uri": f"{root}/CFAssociations/{identifier}",
            "associationType": kind,
            "originNodeURI": dict(origin),
            "destinationNodeURI": dict(destination),
            "CFDocumentURI": link("CFDocuments", document["title"], at),
            "lastChangeDateTime": moment,
        }
        if position:
            entry["sequenceNumber"] = position
        links.append(entry)

    nodes = {c.id: link("CFItems", c.title, name("concept", c.code)) for c in rows}
    for position, concept in enumerate(mine, 1):
        facts = described(session, concept)
        item: dict[str, Any] = {
            "identifier": nodes[concept.id]["identifier"],
            "uri": nodes[concept.id]["uri"],
            "fullStatement": concept.description or concept.title,
            "abbreviatedStatement": concept.title,
            "humanCodingScheme": concept.code,
            "CFItemType": "Concept",
            "CFDocumentURI": link("CFDocuments", document["title"], at),
            "lastChangeDateTime": moment,
        }
        levels = [g.zfill(2) if g.isdigit() else g for g in (p.strip() for p in concept.grade.split(",")) if g]
        if levels:
            item["educationLevel"] = levels
        ours = {"code": concept.code, "title": concept.title, "description": concept.description,
                "grade": concept.grade, "raw": concept.raw}  # fmt: skip
        if version == "1.1":
            item["extensions"] = {"itembank": ours}
        items.append(item)
        above = link("CFDocuments", document["title"], at) if concept.parent_id is None else nodes[concept.parent_id]
        associate("isChildOf", nodes[concept.id], above, position)
        by_code = {c.code: nodes[c.id] for c in rows}
        for code in facts["prerequisites"]:
            associate("precedes", by_code[code], nodes[concept.id])
        for code in facts["standards"]:
            associate("isRelatedTo", nodes[concept.id], link("CFItems", code, name("standard", code)))
    return {"CFDocument": document, "CFItems": items, "CFAssociations": links}


def _moments(session: Session) -> list[str]:
    """When the concepts were last changed, as the audit knows."""
    from itembank.models import AuditEvent

    actions = ("import concepts", "add concept", "import framework")
    found = session.exec(select(AuditEvent.at).where(columns(AuditEvent).action.in_(actions))).all()
    return [str(f) for f in found]
