"""Administrations: which forms were given when, how, in which districts, and whether each concept had been taught."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import audit
from itembank.concepts import concept_of
from itembank.errors import Conflict, NotPermitted, Rejected, UsageFault
from itembank.forms import form_of
from itembank.item_model import LANGUAGES
from itembank.models import (
    Administration,
    AdministrationDistrict,
    AdministrationForm,
    Concept,
    District,
    Form,
    Import,
    OpportunityToLearn,
    Person,
    Sitting,
    columns,
)
from itembank.people import checked_code, district_of

MODES = ("paper", "online", "mixed")
TAUGHT = ("yes", "partly", "no", "unknown")


def day(text: str, what: str) -> date:
    """A date written as 2026-05-04.

    Raises:
        UsageFault: it is not one.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageFault("bad-date", f"{text!r} is no date for {what}.", "Write it as 2026-05-04.") from None


def open_administration(
    session: Session,
    code: str,
    forms: Sequence[str],
    districts: Sequence[str],
    opens_on: date,
    closes_on: date,
    mode: str,
    title: str = "",
    taught: Iterable[tuple[str, str, str]] = (),
    expected: Mapping[str, int] | None = None,
    person: Person | None = None,
    details: dict[str, Any] | None = None,
) -> Administration:
    """Open an administration.

    Args:
        session: a writing session.
        code: its name.
        forms: names of frozen forms.
        districts: codes of the districts that take part.
        opens_on: first day of the window.
        closes_on: last day.
        mode: paper, online or mixed.
        title: for people.
        taught: (district, concept, yes | partly | no | unknown): opportunity to learn before the window.
        expected: students per district, where known.
        person: who opens it.
        details: accommodations, language editions and the like.

    Raises:
        Conflict: the name is taken.
        Rejected: unknown forms, districts or concepts.
        UsageFault: an impossible window or mode.
    """
    checked_code(code, "an administration")
    if mode not in MODES:
        raise UsageFault("unknown-mode", f"There is no mode {mode!r}.", "Modes: " + ", ".join(MODES))
    if closes_on < opens_on:
        raise UsageFault("bad-window", "The window closes before it opens.", "--from 2026-05-04 --to 2026-05-15")
    if not forms or not districts:
        raise UsageFault("incomplete", "An administration needs a form and a district.", "--form NAME --district CODE")
    if session.exec(select(Administration).where(Administration.code == code)).first():
        raise Conflict("administration-exists", f"There is an administration {code}.", "Choose another name.")
    row = Administration(
        code=code, title=title or code, opens_on=opens_on, closes_on=closes_on, mode=mode, details=details or {}
    )
    session.add(row)
    session.flush()
    at = row.id or 0
    for name in dict.fromkeys(forms):
        session.add(AdministrationForm(administration_id=at, form_id=form_of(session, name).id or 0))
    for name in dict.fromkeys(districts):
        district = district_of(session, name)
        count = (expected or {}).get(name)
        session.add(AdministrationDistrict(administration_id=at, district_id=district.id or 0, expected=count))
    session.flush()
    for name, concept, answer in taught:
        record_taught(session, row, name, concept, answer)
    facts = {"forms": list(forms), "districts": list(districts), "window": [opens_on, closes_on], "mode": mode}
    audit.record(session, "open administration", f"administration:{code}", person, "" if person else audit.JOINT, facts)
    return row


def offered(accommodations: Sequence[str], languages: Sequence[str]) -> dict[str, list[str]]:
    """What an administration offers, as its details hold it; without any word, nothing is on record.

    Raises:
        UsageFault: a language that items are not written in.
    """
    unknown = [code for code in languages if code not in LANGUAGES]
    if unknown:
        raise UsageFault("unknown-language", f"There is no edition in {unknown[0]!r}.", "--language en --language es")
    named = {"accommodations": list(dict.fromkeys(accommodations)), "languages": list(dict.fromkeys(languages))}
    return {what: words for what, words in named.items() if words}


def record_taught(session: Session, administration: Administration, district: str, concept: str, taught: str) -> None:
    """Record whether a district had taught a concept before the window.

    Raises:
        UsageFault: not one of yes, partly, no, unknown.
        Rejected: unknown district or concept, or the district takes no part.
    """
    if taught not in TAUGHT:
        raise UsageFault("taught", f"{taught!r} says nothing about teaching.", "One of: " + ", ".join(TAUGHT))
    home = district_of(session, district)
    if home.code not in [d.code for d in districts(session, administration)]:
        raise Rejected("no-part", f"{district} takes no part in {administration.code}.", "--district " + district)
    session.merge(
        OpportunityToLearn(
            administration_id=administration.id or 0,
            district_id=home.id or 0,
            concept_id=concept_of(session, concept).id or 0,
            taught=taught,
        )
    )
    session.flush()


def administration_of(session: Session, code: str = "") -> Administration:
    """The administration with this name; without a name, the only one there is.

    Raises:
        Rejected: there is none, or several.
    """
    every = session.exec(select(Administration).order_by(Administration.code)).all()
    known = ", ".join(a.code for a in every[:12]) or "none yet"
    if not code:
        if len(every) == 1:
            return every[0]
        raise Rejected("which-administration", "Say which administration.", f"Administrations: {known}")
    for row in every:
        if row.code == code:
            return row
    raise Rejected("unknown-administration", f"There is no administration {code!r}.", f"Administrations: {known}")


def require_open(administration: Administration) -> None:
    """Responses come in only while it is open.

    Raises:
        NotPermitted: it is closed.
    """
    if administration.status != "open":
        raise NotPermitted("closed", f"{administration.code} is {administration.status}.", "Load into an open one.")


def districts(session: Session, administration: Administration) -> list[District]:
    """The districts that take part, by code."""
    link = columns(AdministrationDistrict)
    statement = (
        select(District)
        .join(AdministrationDistrict, link.district_id == columns(District).id)
        .where(link.administration_id == administration.id)
        .order_by(District.code)
    )
    return list(session.exec(statement).all())


def forms(session: Session, administration: Administration) -> list[Form]:
    """The forms that are given, by name."""
    link = columns(AdministrationForm)
    statement = (
        select(Form)
        .join(AdministrationForm, link.form_id == columns(Form).id)
        .where(link.administration_id == administration.id)
        .order_by(Form.code)
    )
    return list(session.exec(statement).all())


def taught(session: Session, administration: Administration) -> list[dict[str, str]]:
    """Opportunity to learn: one row per district and concept that was recorded."""
    link = columns(OpportunityToLearn)
    rows = session.execute(
        sa.select(columns(District).code, columns(Concept).code, link.taught)
        .join(District, columns(District).id == link.district_id)
        .join(Concept, columns(Concept).id == link.concept_id)
        .where(link.administration_id == administration.id)
        .order_by(columns(District).code, columns(Concept).code)
    ).all()
    return [{"district": d, "concept": c, "taught": t} for d, c, t in rows]


def status(session: Session, administration: Administration) -> list[dict[str, Any]]:
    """Sittings by district and form, with the number of schools, beside what was expected."""
    sitting, district, form = columns(Sitting), columns(District), columns(Form)
    counted = session.execute(
        sa.select(
            sitting.district_id,
            sitting.form_id,
            sa.func.count(),
            sa.func.count(sa.distinct(sitting.school_id)),
            sa.func.count(sa.distinct(sitting.student_id)),
        )
        .where(sitting.administration_id == administration.id)
        .group_by(sitting.district_id, sitting.form_id)
    ).all()
    of = {(d, f): (n, schools, students) for d, f, n, schools, students in counted}
    link = columns(AdministrationDistrict)
    parts = session.execute(
        sa.select(district.id, district.code, link.expected)
        .join(AdministrationDistrict, link.district_id == district.id)
        .where(link.administration_id == administration.id)
        .order_by(district.code)
    ).all()
    given = session.execute(
        sa.select(form.id, form.code)
        .join(AdministrationForm, columns(AdministrationForm).form_id == form.id)
        .where(columns(AdministrationForm).administration_id == administration.id)
        .order_by(form.code)
    ).all()
    rows: list[dict[str, Any]] = []
    for district_id, code, expected in parts:
        for form_id, form_code in given:
            n, schools, students = of.get((district_id, form_id), (0, 0, 0))
            row = {"district": code, "form": form_code, "sittings": n, "students": students, "schools": schools}
            rows.append({**row, "expected": expected})
    return rows


def close(session: Session, administration: Administration, person: Person | None = None) -> None:
    """Close it: no more responses come in."""
    administration.status = "closed"
    session.add(administration)
    subject = f"administration:{administration.code}"
    audit.record(session, "close administration", subject, person, "" if person else audit.JOINT)


def imports(session: Session, administration: Administration | None = None) -> list[dict[str, Any]]:
    """The files that were loaded."""
    load_, given = columns(Import), columns(Administration)
    statement = sa.select(load_, given.code.label("administration")).join(
        Administration, given.id == load_.administration_id
    )
    if administration is not None:
        statement = statement.where(load_.administration_id == administration.id)
    rows = session.execute(statement.order_by(load_.id)).mappings().all()
    return [
        {
            "import": r["id"],
            "administration": r["administration"],
            "file": r["file_name"],
            "layout": r["layout"],
            "rows": r["rows"],
            "sittings": r["sittings"],
            "away": int(r["mapping"].get("away", 0)),
            "set aside": int(r["mapping"].get("rejected", 0)),
            "by": r["person"],
            "loaded": f"{r['loaded_at']:%Y-%m-%d %H:%M}",
            "sha256": r["content_hash"][:12],
        }
        for r in rows
    ]
