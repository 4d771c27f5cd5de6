"""Indicators followed over periods: definitions, values, targets, and those that are computed from others."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sqlmodel import Session, select

from itembank import audit
from itembank.errors import Rejected
from itembank.findings import Finding, errors
from itembank.models import District, Indicator, IndicatorTarget, IndicatorValue, Person
from itembank.tabular import Table
from itembank.verify_syntax import ExpressionError, names, parse
from itembank.verify_values import evaluate

CODE = re.compile(r"[a-z][a-z0-9_]{0,59}")
PERIOD = re.compile(r"\d{4}(-\d{2}){0,2}")
UNITS, BETTER = ("percent", "number"), ("higher", "lower")
PLACE = ("district", "school", "subgroup", "period")


@dataclass(frozen=True)
class Value:
    """One value of an indicator, stored or derived.

    Attributes:
        indicator, district, school, subgroup, period: where and when; school "" is the whole district.
        value: in the indicator's unit. n: students, where known. se: standard error, where known.
        source: where it comes from. derived: computed by the indicator's formula.
    """

    indicator: str
    district: str
    school: str
    subgroup: str
    period: str
    value: float
    n: int | None = None
    se: float | None = None
    source: str = ""
    derived: bool = False


def import_definitions(session: Session, table: Table, person: Person | None) -> int:
    """Store definitions: columns indicator, title; optional unit, better, definition, source, formula, beside.

    Raises:
        Rejected: with every finding (exit 3); nothing is stored.
    """
    found: list[Finding] = []
    rows = _rows(table)
    known = {i.code for i in session.exec(select(Indicator)).all()} | {r["indicator"] for _, r in rows}
    for line, r in rows:
        _definition_findings(table.source, line, r, known, found)
    _refuse(table.source, found)
    for _, r in rows:
        entry = session.exec(select(Indicator).where(Indicator.code == r["indicator"])).first()
        entry = entry or Indicator(code=r["indicator"])
        entry.title, entry.definition, entry.source = r["title"], r.get("definition", ""), r.get("source", "")
        entry.unit, entry.better = r.get("unit") or "percent", r.get("better") or "higher"
        entry.formula, entry.beside = r.get("formula", ""), r.get("beside", "")
        session.add(entry)
        session.flush()
        _circles(session, entry, table.source)
    audit.record(
        session, "define indicators", table.source, person, details={"rows": len(rows), "sha256": table.sha256}
    )
    return len(rows)


def _definition_findings(source: str, line: int, r: Mapping[str, str], known: set[str], found: list[Finding]) -> None:
    def note(code: str, column: str, message: str, hint: str = "") -> None:
        found.append(Finding(source, line, code, "error", message, hint, column))

    if not CODE.fullmatch(r["indicator"]):
        note("indicator-code", "indicator", f"{r['indicator']!r} cannot be a code.", "grade3_math, for example")
    if not r["title"]:
        note("no-title", "title", "The indicator has no title.")
    if (r.get("unit") or "percent") not in UNITS:
        note("bad-value", "unit", "The unit is neither percent nor number.")
    if (r.get("better") or "higher") not in BETTER:
        note("bad-value", "better", "Better is neither higher nor lower.")
    if formula := r.get("formula", ""):
        try:
            parts = names(parse(formula))
        except ExpressionError as error:
            note("bad-formula", "formula", f"The formula cannot be read: {error}.")
        else:
            for name in sorted(parts - known):
                note("unknown-indicator", "formula", f"The formula names {name}, which is no indicator.")
            if not parts:
                note("bad-formula", "formula", "The formula names no indicator.")
    if (beside := r.get("beside", "")) and beside not in known:
        note("unknown-indicator", "beside", f"{beside} is no indicator.")


def _circles(session: Session, start: Indicator, source: str) -> None:
    """Refuse a formula that leads back to itself."""
    formulas = {i.code: i.formula for i in session.exec(select(Indicator)).all() if i.formula}
    open_, seen = [start.code], set()
    while open_:
        code = open_.pop()
        for part in names(parse(formulas[code])) if code in formulas else ():
            if part == start.code:
                fault = Finding(source, 0, "bad-formula", "error", f"The formula of {start.code} leads back to itself.")
                raise Rejected("bad-indicators", f"{source} was not stored.", "", [fault])
            if part not in seen:
                seen.add(part)
                open_.append(part)


def import_values(session: Session, table: Table, person: Person | None, replace: bool = False) -> dict[str, int]:
    """Store values: columns indicator, district, period, value; optional school, subgroup, n, se, source.

    A value that is there already is left as it is; another value for the same place is refused, or replaced.

    Returns:
        Counts: new, same, replaced.

    Raises:
        Rejected: with every finding (exit 3); nothing is stored.
    """
    indicators = {i.code: i for i in session.exec(select(Indicator)).all()}
    districts = {d.code: d for d in session.exec(select(District)).all()}
    there = {
        (v.indicator_id, v.district_id, v.school, v.subgroup, v.period): v
        for v in session.exec(select(IndicatorValue)).all()
    }
    found: list[Finding] = []
    seen: dict[tuple[Any, ...], int] = {}
    counts = {"new": 0, "same": 0, "replaced": 0}
    fresh: list[IndicatorValue] = []
    for line, r in _rows(table):
        before = len(found)
        numbers = _value_findings(table.source, line, r, indicators, districts, found)
        if len(found) > before:
            continue
        entry, district = indicators[r["indicator"]], districts[r["district"]]
        place = (entry.id, district.id, r.get("school", ""), r.get("subgroup") or "all", r["period"])
        if place in seen:
            message = f"The same place and period stands in row {seen[place]} already."
            found.append(Finding(table.source, line, "duplicate-value", "error", message))
            continue
        seen[place] = line
        facts: dict[str, Any] = {"value": numbers["value"], "n": None if numbers["n"] is None else round(numbers["n"]),
                 "se": numbers["se"], "source": r.get("source", "")}  # fmt: skip
        old = there.get(place)  # type: ignore[arg-type]
        if old is None:
            counts["new"] += 1
            old = IndicatorValue(
                indicator_id=entry.id or 0, district_id=district.id or 0, school=place[2], subgroup=place[3],
                period=place[4], content_hash=table.sha256, **facts,
            )  # fmt: skip
        elif all(getattr(old, k) == v for k, v in facts.items() if k != "source"):
            counts["same"] += 1
            continue
        elif not replace:
            message = f"The bank holds another value for {entry.code}, {district.code}, {place[4]}."
            found.append(Finding(table.source, line, "other-value", "error", message, "--replace", "value"))
            continue
        else:
            counts["replaced"] += 1
            for name, value in facts.items():
                setattr(old, name, value)
            old.content_hash = table.sha256
        fresh.append(old)
    _refuse(table.source, found)
    session.add_all(fresh)
    session.flush()
    audit.record(session, "import indicators", table.source, person, details={**counts, "sha256": table.sha256})
    return counts


def _value_findings(
    source: str,
    line: int,
    r: Mapping[str, str],
    indicators: Mapping[str, Indicator],
    districts: Mapping[str, District],
    found: list[Finding],
) -> dict[str, float | None]:
    def note(code: str, column: str, message: str, hint: str = "") -> None:
        found.append(Finding(source, line, code, "error", message, hint, column))

    entry = indicators.get(r["indicator"])
    if entry is None:
        note("unknown-indicator", "indicator", f"{r['indicator']!r} has no definition.", "Import its definition first.")
    elif entry.formula:
        note("derived-value", "indicator", f"{entry.code} is computed by its formula and takes no values.")
    if r["district"] not in districts:
        note("unknown-district", "district", f"There is no district {r['district']!r}.", ", ".join(sorted(districts)))
    if not PERIOD.fullmatch(r["period"]):
        note("bad-period", "period", f"{r['period']!r} is no period.", "2008-09, 2026-10 or 2026")
    numbers: dict[str, float | None] = {}
    for name in ("value", "n", "se"):
        text = r.get(name, "").removesuffix("%").strip()
        try:
            numbers[name] = float(text) if text else None
        except ValueError:
            note("not-a-number", name, f"{name} is no number.")
            numbers[name] = None
            continue
        number = numbers[name]
        if name == "value" and number is None:
            note("no-value", name, "There is no value.", "Remove the row where nothing is known.")
        if number is not None and not (abs(number) < 1e12):
            note("not-a-number", name, f"{name} is no usable number.")
        elif number is not None and name != "value" and number < 0:
            note("bad-value", name, f"{name} is negative.")
        elif number is not None and name == "value" and entry and entry.unit == "percent" and not 0 <= number <= 100:
            note("bad-value", name, "A percentage lies between 0 and 100.", "Write 38 for 38 percent.")
    return numbers


def _rows(table: Table) -> list[tuple[int, dict[str, str]]]:
    return list(zip(table.rows.tolist(), table.records(), strict=True))


def _refuse(source: str, found: list[Finding]) -> None:
    if errors(found):
        raise Rejected("bad-indicators", f"{source} was not stored: {len(found)} findings.", "", found)


def indicator_of(session: Session, code: str) -> Indicator:
    """The indicator with this code.

    Raises:
        Rejected: there is none; the hint lists those there are.
    """
    entry = session.exec(select(Indicator).where(Indicator.code == code)).first()
    if entry is None:
        known = ", ".join(session.exec(select(Indicator.code).order_by(Indicator.code)).all()) or "none yet"
        raise Rejected("unknown-indicator", f"There is no indicator {code!r}.", f"Indicators: {known}")
    return entry


def set_target(
    session: Session,
    indicator: Indicator,
    district: District,
    period: str,
    value: float,
    reason: str,
    person: Person | None,
    school: str = "",
    subgroup: str = "all",
) -> IndicatorTarget:
    """Set what an indicator is meant to reach in a period; an earlier target of that place is replaced, audited.

    Raises:
        Rejected: an impossible period or value.
    """
    if not PERIOD.fullmatch(period):
        raise Rejected("bad-period", f"{period!r} is no period.", "2008-09, 2026-10 or 2026")
    if not (abs(value) < 1e12) or (indicator.unit == "percent" and not 0 <= value <= 100):
        raise Rejected("bad-value", "The target is not in the indicator's unit.", "A percentage lies in 0 to 100.")
    place: dict[str, Any] = {
        "indicator_id": indicator.id,
        "district_id": district.id,
        "school": school,
        "subgroup": subgroup,
    }
    entry = session.exec(select(IndicatorTarget).filter_by(**place, period=period)).first() or IndicatorTarget(
        **place, period=period, value=value
    )
    facts = {"before": entry.value if entry.id else None, "value": value, "period": period, "reason": reason}
    entry.value, entry.reason = value, reason
    session.add(entry)
    session.flush()
    audit.record(session, "set target", f"indicator:{indicator.code}", person, details=facts)
    return entry


def definitions(session: Session) -> list[Indicator]:
    """All indicators, in the order they were defined."""
    return list(session.exec(select(Indicator).order_by(Indicator.id)).all())  # type: ignore[arg-type]


def values(session: Session, codes: Iterable[str] = ()) -> list[Value]:
    """All values, stored and derived, ordered by indicator, district, school, subgroup and period."""
    all_ = definitions(session)
    named = {i.id: i.code for i in all_}
    districts = {d.id: d.code for d in session.exec(select(District)).all()}
    found = [
        Value(named[v.indicator_id], districts[v.district_id], v.school, v.subgroup, v.period, v.value, v.n, v.se,
              v.source)
        for v in session.exec(select(IndicatorValue)).all()
    ]  # fmt: skip
    found += derived({i.code: i.formula for i in all_ if i.formula}, found)
    order = {i.code: k for k, i in enumerate(all_)}
    wanted = set(codes) or set(order)
    kept = [v for v in found if v.indicator in wanted]
    return sorted(kept, key=lambda v: (order[v.indicator], v.district, v.school, v.subgroup, v.period))


def derived(formulas: Mapping[str, str], known: Iterable[Value]) -> list[Value]:
    """Values by formula, wherever all the parts are known; a formula may use another one's result.

    Arithmetic is exact in the decimals that were given. The standard error is by the delta method with independent
    parts, and missing unless every part has one.
    """
    table: dict[tuple[str, str, str, str], dict[str, Value]] = {}
    for v in known:
        table.setdefault((v.district, v.school, v.subgroup, v.period), {})[v.indicator] = v
    found: list[Value] = []
    for place, parts in table.items():
        waiting = dict(formulas)
        while waiting:
            ready = [code for code, f in waiting.items() if names(parse(f)) <= parts.keys()]
            if not ready:
                break
            for code in ready:
                value = _computed(code, waiting.pop(code), place, parts)
                if value is not None:
                    parts[code] = value
                    found.append(value)
    return found


def _computed(code: str, formula: str, place: tuple[str, str, str, str], parts: Mapping[str, Value]) -> Value | None:
    tree = parse(formula)
    used = sorted(names(tree))
    given = {name: Fraction(repr(parts[name].value)) for name in used}

    def at(changed: Mapping[str, Fraction]) -> float:
        result = evaluate(tree, {**given, **changed})
        if isinstance(result, (bool, str, list, tuple)):
            raise ExpressionError("the formula gives no number")
        return float(result)

    try:
        value = at({})
        variance: float | None = 0.0
        for name in used:
            se = parts[name].se
            if se is None or variance is None:
                variance = None
            else:
                step = max(abs(given[name]), Fraction(1)) / 10**6
                slope = (at({name: given[name] + step}) - at({name: given[name] - step})) / float(2 * step)
                variance += (slope * se) ** 2
    except ExpressionError:
        return None  # a division by zero at this place: no value here, the others stand
    counted = [parts[name].n for name in used]
    n = min((x for x in counted if x is not None), default=None) if None not in counted else None
    se = None if variance is None else float(variance**0.5)
    return Value(code, *place, value, n, se, f"computed: {formula}", True)


def targets(session: Session) -> list[dict[str, Any]]:
    """All targets: indicator, district, school, subgroup, period, value, reason."""
    named = {i.id: i.code for i in definitions(session)}
    districts = {d.id: d.code for d in session.exec(select(District)).all()}
    found = [
        {"indicator": named[t.indicator_id], "district": districts[t.district_id], "school": t.school,
         "subgroup": t.subgroup, "period": t.period, "value": t.value, "reason": t.reason}
        for t in session.exec(select(IndicatorTarget)).all()
    ]  # fmt: skip
    return sorted(found, key=lambda t: tuple(str(t[k]) for k in ("indicator", *PLACE)))
