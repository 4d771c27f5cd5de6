"""Indicators, targets, actions, open decisions and administrations over time, as tables."""

from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlmodel import Session, select

from itembank import actions, administrations, decisions, indicators
from itembank.models import (
    Administration,
    AuditEvent,
    District,
    Indicator,
    IndicatorValue,
    Run,
    School,
    Sitting,
    columns,
)

VALUE = ("indicator", "district", "school", "subgroup", "period", "value", "n", "se", "source", "derived")


def indicator_definitions(session: Session) -> pd.DataFrame:
    """Index indicator; title, unit, better, definition, source, formula, beside."""
    names = ["title", "unit", "better", "definition", "source", "formula", "beside"]
    rows = {i.code: {n: getattr(i, n) for n in names} for i in indicators.definitions(session)}
    return pd.DataFrame.from_dict(rows, orient="index", columns=names).rename_axis("indicator")


def indicator_values(session: Session) -> pd.DataFrame:
    """Values, stored and derived: the columns of `VALUE`; n and se are NaN where not known."""
    table = pd.DataFrame([{n: getattr(v, n) for n in VALUE} for v in indicators.values(session)], columns=list(VALUE))
    return table.astype({"value": float, "n": float, "se": float})


def value_files(session: Session) -> pd.DataFrame:
    """Where stored values came from: indicator, district, school, subgroup, period, sha256, file, loaded, person.

    The file's name, when it was loaded and by whom are those of the audit's entry with the same hash.
    """
    value, indicator, district = columns(IndicatorValue), columns(Indicator), columns(District)
    statement = (
        sa.select(indicator.code, district.code, value.school, value.subgroup, value.period, value.content_hash)
        .join(Indicator, indicator.id == value.indicator_id)
        .join(District, district.id == value.district_id)
    )
    events = session.exec(select(AuditEvent).where(AuditEvent.action == "import indicators")).all()
    loaded = {str(e.details.get("sha256", "")): (e.subject, e.at, e.person) for e in events}
    rows = [(*r, *loaded.get(r[5], ("", "", ""))) for r in session.execute(statement)]
    names = ["indicator", "district", "school", "subgroup", "period", "sha256", "file", "loaded", "person"]
    return pd.DataFrame(rows, columns=names)


def indicator_targets(session: Session) -> pd.DataFrame:
    """Targets: indicator, district, school, subgroup, period, value, reason."""
    names = ["indicator", "district", "school", "subgroup", "period", "value", "reason"]
    return pd.DataFrame(indicators.targets(session), columns=names).astype({"value": float})


def agreed_actions(session: Session, status: str = "all") -> list[dict[str, Any]]:
    """The districts' actions, as `itembank.actions.listed`."""
    return actions.listed(session, status)


def open_decisions(session: Session) -> list[dict[str, Any]]:
    """Joint decisions that wait for somebody's word."""
    return [dict(d) for d in decisions.listed(session, "open", "")]


def compared_administrations(session: Session) -> list[tuple[Any, Any]]:
    """Administrations with a comparison, in the order of their windows, each with its newest comparison."""
    newest: dict[int, Run] = {}
    for run in session.exec(select(Run).where(Run.kind == "compare").order_by(Run.id)).all():  # type: ignore[arg-type]
        if run.administration_id is not None:
            newest[run.administration_id] = run
    held = {a.id: a for a in session.exec(select(Administration)).all()}
    found = [(held[k], run) for k, run in newest.items()]
    return sorted(found, key=lambda pair: (pair[0].opens_on, pair[0].id))


def district_codes(session: Session) -> dict[str, str]:
    """District name -> code."""
    return {d.name: d.code for d in session.exec(select(District)).all()}


def grade_of(session: Session, administration: Any) -> str:
    """The grade of an administration's forms; empty when they have several or none."""
    grades = {f.grade.lstrip("0") for f in administrations.forms(session, administration) if f.grade}
    return grades.pop() if len(grades) == 1 else ""


def sitting_places(session: Session, administration_ids: list[int]) -> pd.DataFrame:
    """Index sitting; district (code) and school (code, or "" where not recorded) of each sitting."""
    sitting, district, school = columns(Sitting), columns(District), columns(School)
    statement = (
        sa.select(sitting.id, district.code, school.code)
        .join(District, district.id == sitting.district_id)
        .outerjoin(School, school.id == sitting.school_id)
        .where(sitting.administration_id.in_(administration_ids))
    )
    rows = [(i, d, s or "") for i, d, s in session.execute(statement)]
    return pd.DataFrame(rows, columns=["sitting", "district", "school"]).set_index("sitting")


def sitting_counts(session: Session, administration_ids: list[int]) -> pd.DataFrame:
    """Sittings by administration, district and school: columns administration, district, code, school, students."""
    sitting, district, school, adm = columns(Sitting), columns(District), columns(School), columns(Administration)
    statement = (
        sa.select(adm.code, district.code, school.code, school.name, sa.func.count(sa.distinct(sitting.student_id)))
        .join(District, district.id == sitting.district_id)
        .join(Administration, adm.id == sitting.administration_id)
        .join(School, school.id == sitting.school_id)
        .where(sitting.administration_id.in_(administration_ids))
        .group_by(adm.id, adm.code, district.code, school.code, school.name)
        .order_by(adm.id, district.code, school.code)
    )
    names = ["administration", "district", "code", "school", "students"]
    return pd.DataFrame([(a, d, c, n or c, k) for a, d, c, n, k in session.execute(statement)], columns=names)
