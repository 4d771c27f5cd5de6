"""Reviewing without a terminal: one page with the items that wait for a person, and the file that it saves."""

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from itembank import item_bank, people, preview, review
from itembank.authoring import version_of
from itembank.errors import Conflict, ItembankError, NotPermitted, Rejected, UsageFault
from itembank.findings import Finding
from itembank.models import Concept, District, Misconception, Person, now

FORMAT = "itembank reviews 1"
MAX_BYTES, MAX_COMMENT = 5_000_000, 5_000


@dataclass(frozen=True)
class Answer:
    """What a reviewer said about one item.

    Attributes:
        line: its place in the file, from 1.
        item, version, hash: the text that was read.
        verdict: approve, change, or comment.
        angoff: the share of the points, 0 to 1; None where none was given.
    """

    line: int
    item: str
    version: int
    hash: str
    verdict: str
    checklist: dict[str, bool]
    angoff: float | None
    comment: str


def build(session: Session, person: Person) -> tuple[str, int]:
    """The page for a person, and how many items are on it.

    Raises:
        UsageFault: nothing waits for them.
    """
    from markupsafe import Markup

    names = {
        "concepts": {c.code: c.title for c in session.exec(select(Concept)).all()},
        "misconceptions": {m.code: m.title for m in session.exec(select(Misconception)).all()},
    }
    cards: list[dict[str, Any]] = []
    for task in (t for t in review.queue(session, person) if t.what == "review"):
        version = version_of(session, f"{task.item}@{task.version}")
        item = item_bank.item_of(version, task.item)
        if item is None:  # its text lives elsewhere: there is nothing to show
            continue
        card = preview.card(item, (), names, len(cards) + 1)
        remarks = [r for r in review.comments_of(session, task.item) if r["version"] == version.number]
        facts = {"version": version.number, "hash": version.content_hash, "due": task.due, "points": item.points}
        cards.append({**card, **facts, "remarks": remarks})
    if not cards:
        raise UsageFault(
            "empty-queue", f"No item waits for {person.code}.", f"itembank reviews queue --as {person.code}"
        )
    home = session.get(District, person.district_id)
    environment = preview.environment()
    script = environment.get_template("packet.js").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = environment.get_template("packet.html").render(
        title=f"Reviews for {person.name}" + (f", district {home.code}" if home else ""),
        cards=cards,
        checklist=list(review.CHECKLIST.items()),
        format=FORMAT,
        person=person.code,
        name=person.name,
        made=now().isoformat(timespec="seconds"),
        file=f"reviews-{person.code}.json",
        script=Markup(script),  # our own file, no value of the bank in it
        script_hash=f"sha256-{digest}",
    )
    return page, len(cards)


def read(path: Path) -> tuple[str, list[Answer]]:
    """The person and the answers of a saved file; items without an answer are left out.

    Raises:
        Rejected: every fault at once, with its place.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_BYTES + 1)
    except OSError:
        raise Rejected("no-file", f"{path} cannot be read.", "Check the path.") from None
    try:
        told = json.loads(text) if len(text) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or told.get("format") != FORMAT or not isinstance(told.get("reviews"), list):
        message = f"{path.name} was not saved from a review packet."
        raise Rejected("not-reviews", message, "itembank reviews packet --for PERSON")
    found: list[Finding] = []
    answers = []
    for line, entry in enumerate(told["reviews"], 1):
        answer = _answer(entry, line, path.name, found)
        if answer is not None:
            answers.append(answer)
    if found:
        raise Rejected("bad-reviews", "Nothing was stored.", "Open the packet, mend it, save and import again.", found)
    return str(told.get("person", "")), answers


def _answer(entry: Any, line: int, source: str, found: list[Finding]) -> Answer | None:
    def fault(code: str, message: str, hint: str = "") -> None:
        found.append(Finding(source, line, code, "error", message, hint))

    shape = {"item": str, "version": int, "hash": str, "verdict": str, "checklist": dict, "comment": str}
    if not isinstance(entry, dict) or not all(isinstance(entry.get(n), kind) for n, kind in shape.items()):
        fault("bad-entry", "This is not an answer of a packet.")
        return None
    verdict, checklist, comment, of100 = entry["verdict"], entry["checklist"], entry["comment"], entry.get("of100")
    if not verdict and not checklist and of100 is None and not comment.strip():
        return None
    before = len(found)
    name = entry["item"][:40]
    if verdict not in ("approve", "change", "comment"):
        fault("no-verdict", f"{name} has answers, but no verdict.", "approve, change, or only a comment")
    if unknown := set(checklist) - set(review.CHECKLIST):
        fault("checklist", f"{name}: unknown question {sorted(map(str, unknown))[0][:40]!r}.")
    if not all(isinstance(v, bool) for v in checklist.values()):
        fault("checklist", f"{name}: a question is answered with yes or no.")
    if verdict == "approve" and not all(checklist.values()):
        fault("checklist", f"{name} is approved, though a question is answered with no.")
    if verdict in ("change", "comment") and not comment.strip():
        fault("no-comment", f"{name}: the comment is empty.", "Say what should change.")
    if len(comment) > MAX_COMMENT:
        fault("long-comment", f"{name}: the comment has more than {MAX_COMMENT} characters.")
    if of100 is not None and (isinstance(of100, bool) or not isinstance(of100, (int, float)) or not 0 <= of100 <= 100):
        fault("angoff", f"{name}: the number of students is from 0 to 100.")
    if len(found) > before:
        return None
    rating = None if of100 is None else of100 / 100
    return Answer(line, entry["item"], entry["version"], entry["hash"], verdict, checklist, rating, comment)


def store(session: Session, person: Person, answers: list[Answer], source: str) -> tuple[list[str], list[Finding]]:
    """Store what can be stored; returns the items that were, and a finding for each that was not.

    One item that has moved on since the packet was made does not keep the others out.
    """
    done: list[str] = []
    found: list[Finding] = []
    for answer in answers:
        try:
            with session.begin_nested():
                _store(session, person, answer)
            done.append(answer.item)
        except ItembankError as error:
            first = error.sentence.splitlines()[0]
            found.append(Finding(source, answer.line, error.code, "error", f"{answer.item}: {first}", error.hint))
    return done, found


def _store(session: Session, person: Person, answer: Answer) -> None:
    version = version_of(session, f"{answer.item}@{answer.version}")
    if version.content_hash != answer.hash:
        raise Conflict("other-text", f"version {answer.version} has another text here.", "A packet of another bank?")
    if answer.verdict == "comment":
        before = [(r["person"], r["text"]) for r in review.comments_of(session, answer.item)]
        if (person.code, answer.comment) in before:
            raise Conflict("remark-there", "this remark is here already.", f"reviews show {answer.item} --comments")
        review.comment(session, answer.item, person, answer.comment)
        return
    review.review(
        session, answer.item, person, answer.verdict, answer.comment, answer.checklist, answer.angoff, answer.version
    )


def reviewer(session: Session, named: str, as_: str) -> Person:
    """Whose reviews a file holds: the person it names, who must be the one at work where that is known.

    Raises:
        NotPermitted: somebody else is at work.
    """
    person = people.require(session, "reviews", as_ or named)
    if person.code != named:
        raise NotPermitted(
            "not-yours", f"These are the reviews of {named[:40]}, not of {person.code}.", "Leave --as away"
        )
    return person
