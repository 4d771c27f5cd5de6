"""The candidates for one concept side by side, and what experts of both districts think of them as measures of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import audit, item_bank, people, preview
from itembank.authoring import version_of
from itembank.concepts import concept_of, described
from itembank.errors import Rejected, UsageFault
from itembank.models import (
    Concept,
    ConceptRanking,
    District,
    Item,
    ItemConcept,
    ItemVersion,
    Misconception,
    Person,
    columns,
)

# what may be known of an item after a field test: name, heading, whether it is a number
MEASURES = (
    ("n", "Students", True),
    ("proportion_correct", "Share right", True),
    ("item_rest", "With the rest", True),
    ("a", "Steepness a", True),
    ("b", "Difficulty b", True),
    ("information", "Information", True),
    ("dif", "Works differently", False),
    ("options", "Options chosen", False),
)


@dataclass(frozen=True)
class Ranked:
    """One expert's order, the best first: CODE@VERSION, and why."""

    person: str
    district: str
    ranking: tuple[str, ...]
    reason: str
    identity: str


def candidates(session: Session, concept: Concept) -> list[dict[str, Any]]:
    """Newest versions whose primary concept this is, retired ones left out: item, name (CODE@N), version_id, status."""
    item, version, tag = columns(Item), columns(ItemVersion), columns(ItemConcept)
    rows = session.execute(
        sa.select(item.code, version.number, version.id, item.status)
        .join(ItemVersion, sa.and_(version.item_id == item.id, version.number == item.latest))
        .join(ItemConcept, sa.and_(tag.item_version_id == version.id, tag.position == 0))
        .where(tag.concept_id == concept.id, item.status != "retired")
        .order_by(item.code)
    ).all()
    return [{"item": r[0], "name": f"{r[0]}@{r[1]}", "version_id": r[2], "status": r[3]} for r in rows]


def rank(session: Session, concept: Concept, order: Sequence[str], reason: str, person: Person) -> ConceptRanking:
    """Store an expert's order of candidates, the best first; those left out are not ranked.

    Raises:
        UsageFault: fewer than two items, one of them twice, or no reason. Rejected: an item is no candidate.
    """
    names = [n.strip() for n in order if n.strip()]
    if len(names) < 2 or len(set(names)) < len(names):
        raise UsageFault("ranking", "An order names two items or more, each once.", "--rank 'BEST, NEXT, LAST'")
    if not reason.strip():
        raise UsageFault("no-reason", "Say why.", "--why 'what the first does better'")
    known = {c["item"]: c["name"] for c in candidates(session, concept)}
    unknown = [n for n in names if n not in known]
    if unknown:
        raise Rejected(
            "no-candidate",
            f"Not among the candidates for {concept.code}: {', '.join(unknown)}.",
            f"Candidates: {', '.join(known) or 'none'}",
        )
    people.speaks_here(session, person)
    row = ConceptRanking(
        concept_id=concept.id or 0,
        person_id=person.id or 0,
        district_id=person.district_id,
        ranking=[known[n] for n in names],
        reason=reason.strip(),
        identity=people.identity_is(session, person),
    )
    session.add(row)
    session.flush()
    audit.record(session, "rank items", f"concept:{concept.code}", person, details={"ranking": row.ranking})
    return row


def rankings(session: Session, concept: Concept) -> list[Ranked]:
    """The newest order of each expert."""
    who = {p.id: p.code for p in session.exec(select(Person)).all()}
    homes = {d.id: d.code for d in session.exec(select(District)).all()}
    rows = session.exec(
        select(ConceptRanking).where(ConceptRanking.concept_id == concept.id).order_by(columns(ConceptRanking).id)
    ).all()
    newest = {r.person_id: r for r in rows}
    return sorted(
        (
            Ranked(who[r.person_id], homes[r.district_id], tuple(r.ranking), r.reason, r.identity)
            for r in newest.values()
        ),
        key=lambda r: (r.district, r.person),
    )


def places(found: Sequence[Ranked], name: str) -> list[int]:
    """The places, from 1, that experts gave an item in the version they saw."""
    return [r.ranking.index(name) + 1 for r in found if name in r.ranking]


def table(
    session: Session, concept: Concept, measured: Mapping[str, Mapping[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """A row for each candidate, the best mean place first: item, status, mean, by (district -> mean), measured.

    Args:
        session: a reading session.
        concept: it.
        measured: item code -> what `MEASURES` names, as far as it is known.
    """
    found = rankings(session, concept)
    rows = []
    for entry in candidates(session, concept):
        all_places = places(found, entry["name"])
        by = {d: _mean(places([r for r in found if r.district == d], entry["name"])) for d in people.districts(session)}
        facts = (measured or {}).get(entry["item"], {})
        rows.append({**entry, "mean": _mean(all_places), "by": by, "ranked": len(all_places), "measured": facts})
    return sorted(rows, key=lambda r: (r["mean"] is None, r["mean"] or 0.0, r["item"]))


def _mean(values: Sequence[int]) -> float | None:
    return sum(values) / len(values) if values else None


def agreement(rows: Sequence[Mapping[str, Any]], districts: Sequence[str]) -> str:
    """A sentence on whether the districts, and experts and measurement, put the same item first; "" where unknown."""
    said = []
    firsts = {
        d: min((r for r in rows if r["by"][d] is not None), key=lambda r: r["by"][d], default=None) for d in districts
    }
    named = {d: r["item"] for d, r in firsts.items() if r is not None}
    if len(named) > 1:
        same = len(set(named.values())) == 1
        listed = ", ".join(f"district {d} {i}" for d, i in named.items())
        said.append(
            f"The districts put the same item first ({rows[0]['item']})." if same else f"First place: {listed}."
        )
    informed = [r for r in rows if isinstance(r["measured"].get("information"), float)]
    ranked = [r for r in informed if r["mean"] is not None]
    if len(ranked) > 1:
        best = max(ranked, key=lambda r: r["measured"]["information"])
        said.append(f"The most information of those ranked came from {best['item']}.")
    return " ".join(said)


def page(
    session: Session, code: str, measured: Mapping[str, Mapping[str, Any]] | None = None, source: str = ""
) -> tuple[str, int]:
    """The sheet as HTML, and how many candidates it shows."""
    concept = concept_of(session, code)
    facts = described(session, concept)
    rows = table(session, concept, measured)
    names = {
        "concepts": {c.code: c.title for c in session.exec(select(Concept)).all()},
        "misconceptions": {m.code: m.title for m in session.exec(select(Misconception)).all()},
    }
    cards: list[dict[str, Any]] = []
    for row in rows:
        item = item_bank.item_of(version_of(session, row["name"]), row["item"])
        if item is not None:
            cards.append({**preview.card(item, (), names, len(cards) + 1), "status": row["status"]})
    found = rankings(session, concept)
    districts = people.districts(session)
    shown = [
        {
            **row,
            "mean": _cell(row["mean"]),
            "by": {d: _cell(v) for d, v in row["by"].items()},
            "measured": {k: _cell(v) for k, v in row["measured"].items()},
        }
        for row in rows
    ]
    known = [m for m in MEASURES if any(row["measured"].get(m[0]) not in (None, "") for row in rows)]
    html = (
        preview.environment()
        .get_template("sheet.html")
        .render(
            title=f"{concept.title}: which items measure it best?",
            code=concept.code,
            description=concept.description,
            standards=facts["standards"],
            cards=cards,
            rows=shown,
            rankings=found,
            districts=districts,
            measured=bool(measured),
            measures=known,
            source=source,
            agreement=agreement(rows, districts),
            example=", ".join(r["item"] for r in rows[:3]) or "ITEM, ITEM",
        )
    )
    return html, len(rows)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)
