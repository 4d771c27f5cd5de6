"""A district's bundle: its items, reviews and votes as files, signed with its key.

A bundle is a folder or a .zip. `manifest.json` names every file with its hash; `manifest.sig` signs the manifest.
It holds what the district itself wrote and said, nothing in another's name, and nothing of students.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import __version__, audit, identity, signing
from itembank.concepts import described
from itembank.errors import Conflict, NotPermitted, Rejected
from itembank.exchange.safe import BROKEN_ZIP
from itembank.findings import Finding
from itembank.models import (
    Concept,
    ConceptRanking,
    Decision,
    DecisionVote,
    District,
    Item,
    ItemConcept,
    ItemVersion,
    KeyVersion,
    Misconception,
    Option,
    Person,
    Review,
    ReviewComment,
    columns,
    now,
)

FORMAT = "itembank bundle 1"
KINDS = ("item approval", "item status", "editorial fix")  # decisions that mean the same in every bank
MAX_FILE, MAX_ALL = 20_000_000, 400_000_000
_DOMAIN = b"itembank bundle manifest\n"


@dataclass(frozen=True)
class Bundle:
    """What a bundle says, after its hashes and its signature were checked.

    Attributes:
        district: whose it is.
        key: its public key, 32 bytes.
        manifest: the manifest; files: path -> content, all of them named in the manifest.
    """

    district: str
    key: bytes
    manifest: dict[str, Any]
    files: Mapping[str, bytes]

    def load(self, path: str, default: Any = None) -> Any:
        """A JSON file of it."""
        if path not in self.files:
            return default
        try:
            return json.loads(self.files[path])
        except (ValueError, RecursionError):
            raise _bad(path, "bad-json", "The file is not readable JSON.") from None

    def below(self, folder: str) -> list[str]:
        """The JSON files of a folder, in order."""
        return sorted(f for f in self.files if f.startswith(folder + "/") and f.endswith(".json"))


def _bad(place: str, code: str, message: str) -> Rejected:
    finding = Finding(place, 0, code, "error", message, "Ask the other district for the bundle again.")
    return Rejected("bad-bundle", "The bundle is not whole; nothing was merged.", "", [finding])


# ---------------------------------------------------------------- export


def export(session: Session, district: District, person: Person | None, codes: Iterable[str] = ()) -> dict[str, bytes]:
    """The files of a district's bundle, signed.

    Args:
        session: a writing session (a district's first export makes its key).
        district: whose; the key file must be here.
        person: who exports, for the audit.
        codes: only these items; all by default.

    Raises:
        Rejected: the key file is missing; NotPermitted: the person works for the other district.
    """
    if person is not None and person.district_id != district.id:
        raise NotPermitted("other-district", f"{person.code} does not work for {district.code}.", "--as PERSON")
    seed = signing.seed_of(identity.district_key(session, district))
    names = {p.id: p for p in session.exec(select(Person)).all()}
    ours = {i for i, p in names.items() if p.district_id == district.id}
    files: dict[str, Any] = {}
    concepts: set[int] = set()
    misconceptions: set[int] = set()
    wanted = set(codes)
    for item in session.exec(select(Item).order_by(columns(Item).code)).all():
        if wanted and item.code not in wanted:
            continue
        versions = session.exec(
            select(ItemVersion).where(ItemVersion.item_id == item.id).order_by(sa.asc("number"))
        ).all()
        said = _said(session, item, versions, names, ours)
        if any(said.values()):
            files[f"reviews/{item.code}.json"] = {"item": item.code, **said}
        mine = [v for v in versions if v.author_id in ours or (v.author_id is None and item.district_id == district.id)]
        if mine:
            told = [_version(session, item, v, names, files, misconceptions) for v in mine]
            files[f"items/{item.code}.json"] = {"code": item.code, "status": item.status, "versions": told}
            at = [v.id for v in mine]
            tags = select(ItemConcept.concept_id).where(columns(ItemConcept).item_version_id.in_(at))
            concepts |= set(session.exec(tags).all())
    told_rankings = _rankings(session, ours)
    concepts |= {r.concept_id for r in told_rankings}
    codes_of = {c.id: c.code for c in session.exec(select(Concept)).all()}
    files["rankings.json"] = [
        {
            "concept": codes_of[r.concept_id],
            "person": names[r.person_id].code,
            "ranking": r.ranking,
            "reason": r.reason,
            "at": r.created_at.isoformat(),
        }
        for r in told_rankings
    ]
    files["people.json"] = [
        {"code": p.code, "name": p.name, "role": p.role, "active": p.active}
        for i, p in sorted(names.items(), key=lambda e: e[1].code)
        if i in ours
    ]
    files["concepts.json"] = _concepts(session, concepts)
    files["misconceptions.json"] = [
        {"code": m.code, "title": m.title, "description": m.description}
        for m in session.exec(select(Misconception).order_by(Misconception.code)).all()
        if m.id in misconceptions
    ]
    made = {name: v if isinstance(v, bytes) else _json(v) for name, v in sorted(files.items())}
    head = audit.head(session, district.code)
    manifest = {
        "format": FORMAT,
        "district": district.code,
        "name": district.name,
        "made": now().isoformat(timespec="seconds"),
        "by": person.code if person else "",
        "software": __version__,
        "public_key": signing.public_key(seed).hex(),
        "audit": {"sequence": head.sequence, "hash": head.hash},
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in made.items()},
    }
    made["manifest.json"] = _json(manifest)
    made["manifest.sig"] = signing.sign(seed, _DOMAIN + made["manifest.json"]).hex().encode() + b"\n"
    details = {"files": len(made), "manifest": hashlib.sha256(made["manifest.json"]).hexdigest()}
    audit.record(session, "export bundle", f"district:{district.code}", person, district.code, details)
    return made


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _version(
    session: Session,
    item: Item,
    version: ItemVersion,
    names: Mapping[int | None, Person],
    files: dict[str, Any],
    misconceptions: set[int],
) -> dict[str, Any]:
    known = {m.id: m.code for m in session.exec(select(Misconception)).all()}
    options = session.exec(
        select(Option).where(Option.item_version_id == version.id).order_by(columns(Option).position)
    ).all()
    misconceptions |= {o.misconception_id for o in options if o.misconception_id is not None}
    keys = session.exec(select(KeyVersion).where(KeyVersion.item_version_id == version.id)).all()
    if version.source:
        files[f"items/{item.code}/{version.number}.md"] = version.source.encode()
    return {
        "number": version.number,
        "hash": version.content_hash,
        "author": names[version.author_id].code if version.author_id is not None else "",
        "created": version.created_at.isoformat(),
        "content": version.content,
        "options": [[o.label, o.text, o.is_key, known.get(o.misconception_id, "")] for o in options],
        "later keys": [{"number": k.number, "rule": k.rule, "reason": k.reason} for k in keys if k.number > 1],
    }


def _said(
    session: Session,
    item: Item,
    versions: Iterable[ItemVersion],
    names: Mapping[int | None, Person],
    ours: set[int | None],
) -> dict[str, list[dict[str, Any]]]:
    """What the district's people said about an item: decisions, reviews, comments."""
    hashes = {v.id: (v.number, v.content_hash) for v in versions}
    by_number = {str(n): h for n, h in hashes.values()}
    told: dict[str, list[dict[str, Any]]] = {"decisions": [], "reviews": [], "comments": []}
    found = select(Decision).where(columns(Decision).kind.in_(KINDS), Decision.subject == f"item:{item.code}")
    for row in session.exec(found.order_by(columns(Decision).id)).all():
        votes = session.exec(select(DecisionVote).where(DecisionVote.decision_id == row.id)).all()
        vote = next((v for v in votes if v.person_id in ours), None)
        if row.proposed_by in ours or vote is not None:
            told["decisions"].append(
                {
                    "kind": row.kind,
                    "version": row.subject_version,
                    "hash": by_number.get(row.subject_version, ""),
                    "to": row.payload.get("status", ""),
                    "reason": row.reason,
                    "by": names[row.proposed_by].code,
                    "ours": row.proposed_by in ours,
                    "created": row.created_at.isoformat(),
                    "vote": vote
                    and {
                        "person": names[vote.person_id].code,
                        "verdict": vote.verdict,
                        "comment": vote.comment,
                        "identity": vote.identity,
                        "at": vote.created_at.isoformat(),
                    },
                }
            )
    at = list(hashes)
    for review in session.exec(select(Review).where(columns(Review).item_version_id.in_(at))).all():
        if review.person_id in ours and review.submitted_at is not None:
            number, digest = hashes[review.item_version_id]
            told["reviews"].append(
                {
                    "version": number,
                    "hash": digest,
                    "person": names[review.person_id].code,
                    "verdict": review.verdict,
                    "checklist": review.checklist,
                    "angoff": review.angoff,
                    "comment": review.comment,
                    "at": review.submitted_at.isoformat(),
                }
            )
    remarks = session.exec(
        select(ReviewComment)
        .where(columns(ReviewComment).item_version_id.in_(at))
        .order_by(columns(ReviewComment).created_at, columns(ReviewComment).id)
    ).all()
    marks = {c.id: remark_mark(names[c.person_id].code, c.created_at.isoformat(), c.text) for c in remarks}
    for remark in remarks:
        if remark.person_id in ours:
            number, digest = hashes[remark.item_version_id]
            told["comments"].append(
                {
                    "version": number,
                    "hash": digest,
                    "person": names[remark.person_id].code,
                    "text": remark.text,
                    "answers": marks.get(remark.parent_id, ""),
                    "at": remark.created_at.isoformat(),
                }
            )
    return told


def _rankings(session: Session, ours: set[int | None]) -> list[ConceptRanking]:
    rows = session.exec(select(ConceptRanking).order_by(columns(ConceptRanking).id)).all()
    return [r for r in rows if r.person_id in ours]


def remark_mark(person: str, at: str, text: str) -> str:
    """What a remark is recognised by in every bank."""
    return hashlib.sha256("\n".join((person, at, text)).encode()).hexdigest()[:20]


def _concepts(session: Session, wanted: set[int]) -> list[dict[str, Any]]:
    told = []
    for concept in session.exec(select(Concept).order_by(Concept.code)).all():
        if concept.id in wanted:
            facts = described(session, concept)
            told.append(
                {
                    "code": concept.code,
                    "title": concept.title,
                    "description": concept.description,
                    "grade": concept.grade,
                    "standards": facts["standards"],
                    "raw": concept.raw,
                }
            )
    return told


# ---------------------------------------------------------------- files


def write(files: Mapping[str, bytes], target: Path) -> None:
    """Write a bundle: a .zip, or a folder (which may be a git work tree) whose older bundle is replaced.

    Raises:
        Conflict: the .zip exists, or the folder holds something that is no bundle.
    """
    if target.suffix.lower() == ".zip":
        if target.exists():
            raise Conflict("file-exists", f"{target} exists.", "Choose another name.")
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in sorted(files.items()):
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        target.write_bytes(buffer.getvalue())
        return
    if target.is_file() or (target.is_dir() and any(target.iterdir()) and not (target / "manifest.json").is_file()):
        raise Conflict("not-a-bundle", f"{target} holds something else.", "Name a new folder, or a .zip.")
    if len({n.lower() for n in files}) < len(files):
        raise Conflict("alike-names", "Two items differ only in capitals; not every disk can hold both.", "Use a .zip")
    if (target / "manifest.json").is_file():
        for name in read_manifest(target).get("files", {}):  # what the older bundle held and this one does not
            if name not in files and _safe(name):
                (target / name).unlink(missing_ok=True)
    for name, content in files.items():
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a bundle in a folder, unchecked; empty where it cannot be read."""
    try:
        found = json.loads((folder / "manifest.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _safe(name: str) -> bool:
    parts = name.split("/")
    return bool(name) and "\\" not in name and ":" not in name and all(p not in ("", ".", "..") for p in parts)


def read(source: Path) -> Bundle:
    """Read a bundle and check that every file is the one that was signed. Whose key it is, the caller must know.

    Raises:
        Rejected: it is no bundle, something is missing, changed or too large, or the signature does not hold.
    """
    manifest_text = _one(source, "manifest.json")
    try:
        manifest = json.loads(manifest_text)
        key, signature = bytes.fromhex(manifest["public_key"]), bytes.fromhex(_one(source, "manifest.sig").decode())
        listed = {str(k): str(v) for k, v in manifest["files"].items()}
        district = str(manifest["district"])
        known = manifest["format"] == FORMAT
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _bad("manifest.json", "bad-manifest", "The manifest is not readable.") from None
    if not known:
        raise _bad("manifest.json", "other-format", f"This is not {FORMAT!r}.")
    if not signing.is_signed(key, _DOMAIN + manifest_text, signature):
        raise _bad("manifest.sig", "bad-signature", "The signature does not belong to this manifest.")
    found: list[Finding] = []
    files: dict[str, bytes] = {}
    total = 0
    for name, digest in listed.items():
        if not _safe(name):
            found.append(Finding("manifest.json", 0, "bad-path", "error", f"{name!r} leads out of the bundle."))
            continue
        try:
            content = _one(source, name)
        except Rejected as error:
            found += error.findings
            continue
        total += len(content)
        if total > MAX_ALL:
            raise _bad(name, "too-large", "The bundle is larger than any bank's.")
        if hashlib.sha256(content).hexdigest() != digest:
            found.append(Finding(name, 0, "changed-file", "error", "The file is not the one that was signed."))
        files[name] = content
    if found:
        raise Rejected("bad-bundle", "The bundle is not whole; nothing was merged.", "Ask for it again.", found)
    return Bundle(district, key, manifest, files)


def _one(source: Path, name: str) -> bytes:
    """One file of a bundle, no larger than a bundle's file may be."""
    try:
        if source.is_dir():
            with (source / name).open("rb") as stream:
                content = stream.read(MAX_FILE + 1)
        else:
            with zipfile.ZipFile(source) as archive, archive.open(name) as stream:
                content = stream.read(MAX_FILE + 1)
    except FileNotFoundError:
        if not source.exists():
            raise Rejected("no-file", f"There is no {source}.", "Check the path.") from None
        raise _bad(name, "missing-file", "The file is missing.") from None
    except KeyError:
        raise _bad(name, "missing-file", "The file is missing.") from None
    except BROKEN_ZIP:
        raise _bad(name, "not-readable", "The file cannot be read.") from None
    if len(content) > MAX_FILE:
        raise _bad(name, "too-large", f"The file is larger than {MAX_FILE // 10**6} MB.")
    return content
