"""Merging the other district's bundle: its texts, reviews and votes arrive as its own, or are listed with why not.

Nothing here is overwritten. What cannot be carried over stays in the bundle and is named; merging again takes up what
has become possible and repeats nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlmodel import Session, select

from itembank import audit, decisions, people, review, signing
from itembank.authoring import difference, store_carried, version_of
from itembank.bundles import KINDS, Bundle, remark_mark
from itembank.concepts import add_concept
from itembank.errors import ItembankError, NotPermitted, Rejected
from itembank.findings import Finding
from itembank.identity import partner_key, trust
from itembank.models import (
    Concept,
    ConceptRanking,
    Decision,
    DecisionVote,
    District,
    Item,
    ItemVersion,
    Misconception,
    Person,
    Review,
    ReviewComment,
    columns,
)

Outcome = Literal["merged", "known", "kept", "conflict"]


@dataclass(frozen=True)
class Line:
    """What became of one part of a bundle.

    Attributes:
        what: item, review, decision, vote, comment, concept, person, key.
        item: its code; version: its number.
        outcome: merged; known (was here already); kept (recorded, but the item has moved on); conflict (not merged).
        detail: who, or why not.
    """

    what: str
    item: str
    version: str
    outcome: Outcome
    detail: str = ""


@dataclass
class Merge:
    """A merge under way: lines, and the texts that could not be carried over (name -> text)."""

    session: Session
    bundle: Bundle
    district: District
    identity: str
    lines: list[Line] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)

    def told(self, what: str, item: str, version: Any, outcome: Outcome, detail: str = "") -> None:
        self.lines.append(Line(what, item, str(version), outcome, detail))


def merge(session: Session, bundle: Bundle, trusted: str = "", person: Person | None = None) -> Merge:
    """Merge a bundle that `itembank.bundles.read` has checked.

    Args:
        session: a writing session.
        bundle: it.
        trusted: the fingerprint that the other district read out; needed the first time.
        person: who merges, for the audit.

    Raises:
        NotPermitted: it is signed with another key than the one trusted for its district.
        Rejected: no such district here, or it speaks in the name of another's people.
    """
    district = people.district_of(session, bundle.district)
    _check_key(session, bundle, district, trusted, person)
    mark = signing.fingerprint(bundle.key)
    work = Merge(session, bundle, district, f"bundle signed {mark}")
    try:
        _people(work)
        _concepts(work)
        for path in bundle.below("items"):
            _item(work, bundle.load(path))
        _replay(work)
        _rankings(work)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        where = f"{type(error).__name__} while reading it"
        found = [Finding("bundle", 0, "bad-content", "error", f"A part is not as this version writes it ({where}).")]
        raise Rejected("bad-bundle", "Nothing was merged.", "Both districts should use one version.", found) from None
    counts = {o: sum(x.outcome == o for x in work.lines) for o in ("merged", "kept", "conflict")}
    details = {"from": district.code, "key": mark, "their head": bundle.manifest.get("audit", {}), **counts}
    audit.record(session, "merge bundle", f"district:{district.code}", person, audit.JOINT, details)
    return work


def _check_key(session: Session, bundle: Bundle, district: District, trusted: str, person: Person | None) -> None:
    mark = signing.fingerprint(bundle.key)
    known = partner_key(session, district)
    if known == bundle.key:
        return
    if known is not None:
        raise NotPermitted(
            "other-key",
            f"This bundle is signed with key {mark}; district {district.code} is known here by"
            f" {signing.fingerprint(known)}.",
            "Ask the other district, by telephone, whether its key has changed; its old .public file is then removed.",
        )
    if trusted.replace("-", "").lower() != mark.replace("-", ""):
        raise NotPermitted(
            "unknown-key" if not trusted else "wrong-fingerprint",
            f"This bundle is signed with key {mark}, which is not known here yet.",
            f"If district {district.code} reads out the same by telephone: --trust {mark}",
        )
    trust(session, district, bundle.key, person)


# ---------------------------------------------------------------- people, concepts, items


def _people(work: Merge) -> None:
    """The district's people, as it names them; nobody of another district."""
    found: list[Finding] = []
    for entry in work.bundle.load("people.json", []):
        code = people.checked_code(str(entry["code"]), "a person")
        known = work.session.exec(select(Person).where(Person.code == code)).first()
        if known is not None and known.district_id != work.district.id:
            found.append(Finding("people.json", 0, "not-theirs", "error", f"{code} works for another district here."))
            continue
        if known is None:
            known = people.add_person(work.session, code, str(entry["name"]), work.district.code, str(entry["role"]))
            known.active = bool(entry["active"])
            work.session.add(known)
            work.told("person", "", "", "merged", f"{code}, {known.role}")
        elif known.role != entry["role"] or known.active != bool(entry["active"]):
            known.role, known.active = str(entry["role"]), bool(entry["active"])
            work.session.add(known)
            work.told("person", "", "", "merged", f"{code} is now {known.role}{'' if known.active else ', inactive'}")
        if known.role not in people.MAY:
            found.append(Finding("people.json", 0, "unknown-role", "error", f"{code} has no role of ours."))
        work.people[code] = known
    if found:
        raise Rejected("bad-bundle", "Nothing was merged.", "Two people may share a code: rename one.", found)
    work.session.flush()


def _concepts(work: Merge) -> None:
    here = {c.code: c for c in work.session.exec(select(Concept)).all()}
    for entry in work.bundle.load("concepts.json", []):
        known = here.get(entry["code"])
        if known is None:
            add_concept(
                work.session, entry["code"], entry["title"], entry["description"], entry["grade"],
                standards=entry["standards"], raw=entry["raw"], source=f"bundle of {work.district.code}",
            )  # fmt: skip
            work.told("concept", entry["code"], "", "merged")
        elif (known.title, known.description) != (entry["title"], entry["description"]):
            work.told("concept", entry["code"], "", "conflict", f"here {known.title!r}, there {entry['title']!r}")
    texts = {m.code: m for m in work.session.exec(select(Misconception)).all()}
    for entry in work.bundle.load("misconceptions.json", []):
        known_text = texts.get(entry["code"])
        if known_text is None:
            code = people.checked_code(str(entry["code"]), "a misconception")
            work.session.add(Misconception(code=code, title=entry["title"], description=entry["description"]))
        elif (known_text.title, known_text.description) != (entry["title"], entry["description"]):
            work.told("misconception", entry["code"], "", "conflict", f"here {known_text.title!r}")
    work.session.flush()


def _item(work: Merge, told: Mapping[str, Any]) -> None:
    code = people.checked_code(str(told["code"]), "an item")
    row = work.session.exec(select(Item).where(Item.code == code)).first()
    here = {}
    if row is not None:
        rows = work.session.exec(select(ItemVersion).where(ItemVersion.item_id == row.id)).all()
        here = {v.number: v for v in rows}
    for version in sorted(told["versions"], key=lambda v: int(v["number"])):
        number, digest = int(version["number"]), str(version["hash"])
        source = work.bundle.files.get(f"items/{code}/{number}.md", b"").decode("utf-8", "replace")
        if number in here:
            if here[number].content_hash == digest:
                work.told("item", code, number, "known")
                _later_keys(work, code, version)
                continue
            _refused(work, code, number, "both districts wrote this version", here[number].source, source)
            continue
        latest = max(here, default=0)
        if number != latest + 1:
            _refused(work, code, number, f"the version before it is not here (newest here: {latest})", "", source)
            continue
        if latest and any(int(v["number"]) == latest and v["hash"] != here[latest].content_hash
                          for v in told["versions"]):  # fmt: skip
            _refused(work, code, number, f"it was made from another version {latest}", here[latest].source, source)
            continue
        author = work.people.get(version["author"])
        try:
            with work.session.begin_nested():
                stored = store_carried(
                    work.session, version["content"], digest, source, version["options"], author, latest or None,
                    datetime.fromisoformat(version["created"]), work.district,
                )  # fmt: skip
        except ItembankError as error:
            reasons = [error.sentence, *(f.message for f in error.findings)]
            _refused(work, code, number, " ".join(reasons), "", source)
            continue
        here[number] = stored
        work.told("item", code, number, "merged", stored.title)
        _later_keys(work, code, version)
    if told.get("status") == "released" and row is None and here:
        work.told("item", code, max(here), "kept", "released there; a draft here until both districts decide")


def _later_keys(work: Merge, code: str, version: Mapping[str, Any]) -> None:
    """A corrected key belongs to the responses that it rescored: it is named, not carried over."""
    for key in version.get("later keys") or ():
        work.told("key", code, version["number"], "kept", f"key {key['number']} there: {key['reason']}; keys correct")


def _refused(work: Merge, code: str, number: int, why: str, here: str, there: str) -> None:
    name = f"{code}@{number}-{work.district.code}.md"
    if there:
        work.texts[name] = there
    if here and there:
        work.texts[name.replace(".md", ".diff")] = difference(here, there, "here", work.district.code) + "\n"
    work.told("item", code, number, "conflict", why)


def _rankings(work: Merge) -> None:
    """Experts' orders of items, added to what is here."""
    concepts = {c.code: c for c in work.session.exec(select(Concept)).all()}
    rows = work.session.exec(select(ConceptRanking)).all()
    here = {(r.concept_id, r.person_id, r.created_at) for r in rows}
    for told in work.bundle.load("rankings.json", []):
        code = str(told["concept"])
        try:
            person = _speaker(work, str(told["person"]))
        except NotPermitted as error:
            work.told("ranking", code, "", "conflict", error.sentence)
            continue
        concept, at = concepts[code], datetime.fromisoformat(told["at"]).astimezone(UTC)
        if (concept.id, person.id, at) in here:
            work.told("ranking", code, "", "known")
            continue
        work.session.add(
            ConceptRanking(
                concept_id=concept.id or 0,
                person_id=person.id or 0,
                district_id=person.district_id,
                ranking=[str(n) for n in told["ranking"]],
                reason=str(told["reason"]),
                identity=work.identity,
                created_at=at,
            )
        )
        work.told("ranking", code, "", "merged", person.code)
    work.session.flush()


# ---------------------------------------------------------------- reviews, decisions, comments


def _replay(work: Merge) -> None:
    """What the district's people said, in the order in which they said it."""
    events: list[tuple[str, int, str, Callable[[Merge, str, Mapping[str, Any]], None], Mapping[str, Any]]] = []
    for path in work.bundle.below("reviews"):
        told = work.bundle.load(path)
        code = str(told["item"])
        for decision in told["decisions"]:
            if decision["kind"] not in KINDS:
                raise ValueError(decision["kind"])
            if decision["ours"]:
                events.append((decision["created"], 0, code, _proposal, decision))
            if decision["vote"]:
                events.append((decision["vote"]["at"], 2, code, _vote, decision))
        events += [(r["at"], 1, code, _review, r) for r in told["reviews"]]
        events += [(c["at"], 3, code, _comment, c) for c in told["comments"]]
    for _, _, code, action, told in sorted(events, key=lambda e: (datetime.fromisoformat(e[0]), e[1], e[2])):
        try:
            with work.session.begin_nested():
                action(work, code, told)
        except ItembankError as error:
            what = action.__name__.strip("_")
            work.told(what, code, told["version"], "conflict", error.sentence.splitlines()[0])


def _speaker(work: Merge, code: str) -> Person:
    """Somebody of the bundle's district who may review; a bundle speaks for no one else."""
    person = work.people.get(code)
    if person is None:
        raise NotPermitted("not-theirs", f"{code} is not one of district {work.district.code}'s people.")
    if "reviews" not in people.MAY[person.role]:
        raise NotPermitted("role", f"{code} is {person.role} and does not review.")
    return person


def _version(work: Merge, code: str, told: Mapping[str, Any]) -> ItemVersion:
    """The version that was spoken about, if its text is the same here."""
    version = version_of(work.session, f"{code}@{told['version']}")
    if version.content_hash != told["hash"]:
        raise Rejected("other-text", f"Version {told['version']} has another text here.")
    return version


def _same_decision(work: Merge, code: str, told: Mapping[str, Any]) -> Decision | None:
    """The decision meant: the one made at the same moment, else one that is open about the same."""
    rows = work.session.exec(
        select(Decision)
        .where(
            Decision.kind == told["kind"],
            Decision.subject == f"item:{code}",
            Decision.subject_version == str(told["version"]),
        )
        .order_by(columns(Decision).id)
    ).all()
    rows = [r for r in rows if r.payload.get("status", "") == told["to"]]
    at = datetime.fromisoformat(told["created"])
    exact = [r for r in rows if r.created_at == at]
    return next(iter(exact), None) or next((r for r in rows if r.status == "open"), None)


def _proposal(work: Merge, code: str, told: Mapping[str, Any]) -> None:
    person = _speaker(work, str(told["by"]))
    if _same_decision(work, code, told) is not None:
        work.told("decision", code, told["version"], "known")
        return
    version = _version(work, code, told)
    newest = version_of(work.session, code)
    if version.number != newest.number:
        work.told("decision", code, told["version"], "kept", f"about an older version; the newest is {newest.number}")
        return
    session, reason = work.session, str(told["reason"])
    if told["kind"] == "item approval":
        made = review.submit(session, code, person, reason)
    elif told["kind"] == "item status":
        made = review.propose_status(session, code, str(told["to"]), reason, person)
    else:
        made = review.propose_editorial(session, code, reason, person)
    made.created_at = datetime.fromisoformat(told["created"]).astimezone(UTC)
    session.add(made)
    session.flush()
    work.told("decision", code, told["version"], "merged", made.proposal)


def _review(work: Merge, code: str, told: Mapping[str, Any]) -> None:
    person = _speaker(work, str(told["person"]))
    version = _version(work, code, told)
    number, verdict = version.number, str(told["verdict"])
    row = work.session.exec(
        select(Review).where(Review.item_version_id == version.id, Review.person_id == person.id)
    ).first()
    if row is not None and row.submitted_at is not None:
        same = (row.verdict, row.comment, row.angoff) == (verdict, told["comment"], told["angoff"])
        work.told("review", code, number, "known" if same else "conflict", "" if same else f"{person.code} said both")
        return
    at = datetime.fromisoformat(told["at"]).astimezone(UTC)
    item = review.item_of(work.session, code)
    checklist = {str(k): bool(v) for k, v in told["checklist"].items()}
    if item.status == "in review" and item.latest == number:
        review.review(
            work.session, code, person, verdict, str(told["comment"]), checklist, told["angoff"], number,
            identity=work.identity, at=at,
        )  # fmt: skip
        work.told("review", code, number, "merged", f"{person.code}: {verdict}")
        return
    if person.id in review.authors_of(work.session, version):
        raise NotPermitted("own-work", f"{person.code} wrote {code}.")
    work.session.add(
        Review(
            item_version_id=version.id or 0,
            person_id=person.id or 0,
            district_id=person.district_id,
            verdict=verdict,
            checklist=checklist,
            angoff=told["angoff"],
            comment=str(told["comment"]),
            submitted_at=at,
        )
    )
    work.session.flush()
    details = {"version": number, "verdict": verdict, "identity": work.identity}
    audit.record(work.session, "review item", f"item:{code}", person, details=details)
    work.told("review", code, number, "kept", f"{person.code}: {verdict}; the item is {item.status} here")


def _vote(work: Merge, code: str, told: Mapping[str, Any]) -> None:
    said = told["vote"]
    person = _speaker(work, str(said["person"]))
    row = _same_decision(work, code, told)
    if row is None:
        detail = f"{person.code} {said['verdict']}s to something that is not proposed here"
        work.told("vote", code, told["version"], "conflict", detail)
        return
    mine = work.session.get(DecisionVote, (row.id, work.district.id))
    if mine is not None:
        same = mine.verdict == said["verdict"]
        work.told("vote", code, told["version"], "known" if same else "conflict", "" if same else "said otherwise here")
        return
    if row.status != "open":
        detail = f"decision {row.id} is {row.status} here"
        work.told("vote", code, told["version"], "kept", detail)
        return
    _version(work, code, told)
    decisions.vote(work.session, row.id or 0, person, str(said["verdict"]), str(said["comment"]), work.identity)
    work.told("vote", code, told["version"], "merged", f"{person.code} {said['verdict']}s: {told['kind']}")


def _comment(work: Merge, code: str, told: Mapping[str, Any]) -> None:
    person = _speaker(work, str(told["person"]))
    version = _version(work, code, told)
    who = {p.id: p.code for p in work.session.exec(select(Person)).all()}
    rows = work.session.exec(select(ReviewComment).where(ReviewComment.item_version_id == version.id)).all()
    here = {remark_mark(who[r.person_id], r.created_at.isoformat(), r.text): r for r in rows}
    at = datetime.fromisoformat(told["at"]).astimezone(UTC)
    if remark_mark(person.code, at.isoformat(), str(told["text"])) in here:
        work.told("comment", code, version.number, "known")
        return
    above = here.get(str(told["answers"]))
    work.session.add(
        ReviewComment(
            item_version_id=version.id or 0,
            person_id=person.id or 0,
            parent_id=above.id if above else None,
            text=str(told["text"]),
            created_at=at,
        )
    )
    work.session.flush()
    work.told("comment", code, version.number, "merged", person.code)
