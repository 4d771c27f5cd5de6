"""Everything over time from the bank: administrations in order, cohorts, indicators, and actions with their numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from itembank.errors import Conflict, Rejected
from scoring import bank
from scoring.analysis.result import TOTAL, Analysis
from scoring.bank import trends
from scoring.groups.coding import SHOWN
from scoring.groups.coding import code as code_share
from scoring.runs import growing
from scoring.runs.comparing import stamped, stored_analysis
from scoring.runs.linking_comparisons import stored_constants
from scoring.trends import cohorts, targets

#: Students there both times that make two administrations a cohort: this many, and this share of the smaller.
COHORT_STUDENTS, COHORT_SHARE = 50, 0.4
SAME = "the same items both times"


@dataclass(frozen=True)
class Occasion:
    """One administration with its newest comparison.

    Attributes:
        code, title, day: of the administration (first day of its window). grade: of its students.
        run: the comparison. analysis: its tables. stale: why it should be run again.
        items: concept -> its items with version ids, index item; b, se_b.
    """

    code: str
    title: str
    day: str
    grade: str
    run: Any
    analysis: Analysis
    stale: tuple[str, ...]
    items: dict[str, pd.DataFrame]


def occasions(session: Any) -> list[Occasion]:
    """All compared administrations, the earliest first."""
    found = []
    for adm, run in trends.compared_administrations(session):
        reasons = bank.stale_reasons(session, run)
        analysis = stamped(stored_analysis(session, run), reasons)
        parameters = bank.read_item_parameters(session, run)
        parameters = parameters[parameters["group"] == "all"].copy()
        steps = [c for c in parameters.columns if c[0] == "b" and c[1:].isdigit()]
        if steps:  # an item of several points stands where the middle of its steps stands
            parameters["b"] = parameters["b"].fillna(parameters[steps].mean(axis=1))
            errors = [f"se_{c}" for c in steps if f"se_{c}" in parameters]
            parameters["se_b"] = parameters["se_b"].fillna(parameters[errors].mean(axis=1))
        concept = analysis.items["concept"].reindex(parameters.index)
        items = {str(c): parameters[concept == c][["version_id", "b", "se_b"]] for c in analysis.concepts.index}
        grade = trends.grade_of(session, adm)
        title, day = analysis.title or adm.code, f"{adm.opens_on:%Y-%m-%d}"
        found.append(Occasion(adm.code, title, day, grade, run, analysis, tuple(reasons), items))
    return found


def changes(session: Any, held: list[Occasion]) -> pd.DataFrame:
    """Every change between one administration and the next that may be compared with it.

    Two administrations share a cohort when enough students sat both, whatever their grade; they show the same grade
    over years when the grade is the same and the students are not.

    Returns:
        Columns of `cohorts.CHANGES` with what `cohorts.standing_out` adds; kind "cohort" or "grade".
    """
    rows: list[dict[str, Any]] = []
    students = {o.code: set(bank.read_scores(session, o.run, "total")["student"]) for o in held}
    names, reader = trends.district_codes(session), growing.Reader(session)
    for later in range(1, len(held)):
        second = held[later]
        for first in reversed(held[:later]):
            both = students[first.code] & students[second.code]
            fewest = COHORT_SHARE * min(len(students[first.code]), len(students[second.code]))
            if len(both) >= max(COHORT_STUDENTS, fewest):
                rows += _cohort(session, first, second, both, names, reader)
                break
        for first in reversed(held[:later]):
            shared = students[first.code] & students[second.code]
            if first.grade and first.grade == second.grade and len(shared) < COHORT_STUDENTS:
                rows += _grade(session, first, second)
                break
    table = pd.DataFrame(rows, columns=list(cohorts.CHANGES))
    return cohorts.standing_out(table) if len(table) else table.assign(stands_out=[])


def _shared(first: Occasion, second: Occasion) -> list[str]:
    at_both = [c for c in first.analysis.concepts.index if c in second.analysis.concepts.index and c != TOTAL]
    return [str(c) for c in at_both if len(first.analysis.mastery) and len(second.analysis.mastery)]


def bar_of(first: Occasion, second: Occasion, concept: str) -> str:
    """Whether the share reached the same bar both times."""
    a = set(first.items.get(concept, pd.DataFrame({"version_id": []}))["version_id"])
    b = set(second.items.get(concept, pd.DataFrame({"version_id": []}))["version_id"])
    if a and a == b:
        return SAME
    common = len(a & b)
    return f"{common} of {max(len(a), len(b))} items repeated" if common else "other items: each time's own bar"


def _rates(occasion: Occasion, concept: str) -> dict[str, Any]:
    table = occasion.analysis.mastery
    part = table[(table["concept"] == concept) & table["shown"].astype(bool)]
    return {str(r.group): r for r in part.itertuples()}


def _linking(first: Occasion, second: Occasion, concept: str) -> float:
    """SE of the link at the bar in SDs, from the repeated items; 0 is never assumed where there are none."""
    a, b = first.items.get(concept), second.items.get(concept)
    if a is None or b is None:
        return float("nan")
    repeated = a.index[a["version_id"].isin(b["version_id"])]
    return cohorts.bar_linking(a.loc[a.index.isin(repeated)], b)


def _link_of(session: Any, first: Occasion, second: Occasion) -> tuple[int, pd.DataFrame | None]:
    """The stored link of two comparisons: its number and constants; 0 and None without one that stands.

    A link is stale when one of its comparisons is; the pages say that of the administration.
    """
    try:
        found = stored_constants(session, first.run.id, second.run.id)
    except Conflict:
        return 0, None
    return (0, None) if found is None else (int(found[0].id), found[1])


def _through(link: int, constants: pd.DataFrame | None, concept: str, bar: str) -> str:
    """What is the same in two bars, where a stored link carries the first one."""
    if constants is None or concept not in constants.index:
        return bar
    row = constants.loc[concept]
    whole = max(int(row["items_from"]), int(row["items_to"]))
    return f"{int(row['anchors'])} of {whole} items repeated, the bar carried by link {link}"


def _cohort(
    session: Any, first: Occasion, second: Occasion, both: set[int], names: dict[str, str], reader: "growing.Reader"
) -> list[dict[str, Any]]:
    rows = []
    persons = trends.sitting_places(session, [o.run.administration_id for o in (first, second)])
    number, constants = _link_of(session, first, second)
    linking = {c: _linking(first, second, c) for c in _shared(first, second)}
    modelled = growing.model_rows(reader, first, second, list(linking), constants, linking)
    cohort = f"students of {first.title} who sat {second.title}"
    for concept in linking:
        rates = _rates(first, concept), _rates(second, concept)
        tables = [_chances(session, o, concept, persons) for o in (first, second)]
        bar = bar_of(first, second, concept)
        for group in rates[0].keys() & rates[1].keys():
            code = names.get(group, group)
            every = [t[t["district"] == code] for t in tables]
            there = sorted(both & set(every[0]["student"]) & set(every[1]["student"]))
            if len(there) < COHORT_STUDENTS:
                continue
            matched = [t.set_index("student").loc[there] for t in every]
            r = (float(rates[0][group].rate), float(rates[1][group].rate))
            link = linking[concept] * cohorts.share_slope(sum(r) / 2)
            change = cohorts.cohort_change(
                r, (float(rates[0][group].se), float(rates[1][group].se)),
                (every[0]["p_mastery"].to_numpy(), every[1]["p_mastery"].to_numpy()),
                (matched[0]["p_mastery"].to_numpy(), matched[1]["p_mastery"].to_numpy()),
                pd.factorize(matched[0]["school"])[0].astype(np.int64), 0.0 if np.isnan(link) else link,
            )  # fmt: skip
            row = {
                "kind": "cohort", "cohort": cohort, "concept": concept, "group": group, "first": first.code,
                "second": second.code, "rate_1": change.rate_1, "rate_2": change.rate_2, "change": change.change,
                "se": change.se, "se_linking": link, "low": change.low, "high": change.high,
                "students": change.students, "bar": bar, "method": cohorts.APART,
                "verdict": cohorts.verdict(change.change, change.low, change.high),
            }  # fmt: skip
            if not len(modelled):
                rows.append(row)
                continue
            carried = _through(number, constants, concept, bar)
            mine = modelled["group"].map(lambda g, d=group: g == d or str(g).startswith(f"{d}, "))
            here = modelled[(modelled["concept"] == concept) & mine]
            for label, part in here.groupby("group", sort=False):
                rows.append(growing.with_model({**row, "group": str(label)}, part, carried))
    return sorted(rows, key=lambda r: (r["group"], r["concept"]))


def _chances(session: Any, occasion: Occasion, concept: str, places: pd.DataFrame) -> pd.DataFrame:
    scores = bank.read_scores(session, occasion.run, concept).join(places, how="inner")
    return scores[scores["p_mastery"].notna()].drop_duplicates("student")


def _grade(session: Any, first: Occasion, second: Occasion) -> list[dict[str, Any]]:
    rows = []
    number, constants = _link_of(session, first, second)
    for concept in _shared(first, second):
        before, after = _rates(first, concept), _rates(second, concept)
        linking, bar = _linking(first, second, concept), bar_of(first, second, concept)
        bridge = growing.bridge_of(constants, concept, linking)
        for group in [g for g in before if g in after]:
            a, b = before[group], after[group]
            rate = (float(a.rate), float(b.rate))
            slope, where = cohorts.share_slope(sum(rate) / 2), bar
            if bridge.known:
                carried = bridge.A * float(first.analysis.concepts.at[concept, "cut"]) + bridge.B
                m = second.analysis.means
                m = m[(m["concept"] == concept) & (m["group"] == group)].iloc[0]
                own = float(second.analysis.concepts.at[concept, "cut"])
                rate = (rate[0], growing.carried_rate(rate[1], float(m["mean"]), float(m["sd"]), own, carried))
                where = _through(number, constants, concept, bar)
            link = bridge.se * slope
            size, se, low, high = cohorts.independent_change(
                rate, (float(a.se), float(b.se)), max(min(a.schools, b.schools) - 1, 1), 0.0 if np.isnan(link) else link
            )
            rows.append(
                {"kind": "grade", "cohort": f"grade {second.grade}", "concept": concept, "group": group,
                 "first": first.code, "second": second.code, "rate_1": rate[0], "rate_2": rate[1], "change": size,
                 "se": se, "se_linking": link, "low": low, "high": high, "students": float(b.n),
                 "bar": where, "method": cohorts.APART, "verdict": cohorts.verdict(size, low, high)}
            )  # fmt: skip
    return sorted(rows, key=lambda r: (r["group"], r["concept"]))


def indicator_tables(session: Any, code: str = "") -> dict[str, pd.DataFrame]:
    """Tables of indicators: values, targets, alerts, definitions, reading (rates of all beside those of some).

    Raises:
        Rejected: no such indicator.
    """
    definitions = trends.indicator_definitions(session)
    if code and code not in definitions.index:
        raise Rejected(
            "unknown-indicator", f"There is no indicator {code!r}.", f"Indicators: {', '.join(definitions.index)}"
        )
    values, goals = trends.indicator_values(session), trends.indicator_targets(session)
    better = {str(k): str(v) for k, v in definitions["better"].items()}
    reading = readings(definitions, values, {v: k for k, v in trends.district_codes(session).items()})
    if code:
        definitions = definitions.loc[[code]]
        values, goals = values[values["indicator"] == code], goals[goals["indicator"] == code]
        reading = reading[reading["indicator"] == code]
    return {
        "values": values.reset_index(drop=True),
        "targets": targets.progress(values, goals, better),
        "alerts": targets.alerts(values, better),
        "definitions": definitions,
        "reading": reading.reset_index(drop=True),
    }


def readings(definitions: pd.DataFrame, values: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Rates of all beside the rates of those who take part: indicator, district, first, last, rate_1, rate_2, of_all_1,
    of_all_2, sentence; one row per derived indicator and district."""
    rows = []
    whole = values[(values["school"] == "") & (values["subgroup"] == "all")]
    for code, row in definitions[definitions["beside"] != ""].iterrows():
        every = whole[whole["indicator"] == code]
        some = whole[whole["indicator"] == row["beside"]].set_index(["district", "period"])["value"]
        for district, part in every.groupby("district", sort=True):
            part = part.sort_values("period")
            part = part[[(district, p) in some.index for p in part["period"]]]
            if len(part) < 2:
                continue
            rate = [float(some[(district, p)]) for p in part["period"]]
            found = targets.of_all(
                names.get(str(district), str(district)), part["period"].tolist(), rate, part["value"].tolist()
            )
            rows.append(
                {"indicator": code, "district": district, "first": found.first, "last": found.last,
                 "rate_1": found.rate[0], "rate_2": found.rate[1], "of_all_1": found.of_all[0],
                 "of_all_2": found.of_all[1], "sentence": found.sentence}
            )  # fmt: skip
    names_ = ["indicator", "district", "first", "last", "rate_1", "rate_2", "of_all_1", "of_all_2", "sentence"]
    return pd.DataFrame(rows, columns=names_)


def numbers_of(session: Any, subject: str) -> list[dict[str, Any]]:
    """The newest numbers of a subject, one per district: district, period, value (percent for shares), low, high."""
    kind, _, code = subject.partition(":")
    if kind == "indicator":
        values = trends.indicator_values(session)
        part = values[(values["indicator"] == code) & (values["school"] == "") & (values["subgroup"] == "all")]
        last = part.sort_values("period").groupby("district").tail(1)
        return [{"district": r.district, "period": r.period, "value": r.value} for r in last.itertuples()]
    if kind == "concept":
        names = trends.district_codes(session)
        for occasion in reversed(occasions(session)):
            found = _rates(occasion, code)
            if found:
                # whole percents, as everywhere; a share that would be coded at an end is no number to follow
                return [
                    {"district": names.get(g, g), "period": occasion.code, "value": round(100 * float(r.rate)),
                     **{k: round(100 * float(v)) for k, v in (("low", r.low), ("high", r.high)) if v == v}}
                    for g, r in found.items()
                    if code_share(int(r.n), 100 * float(r.rate))[0] == SHOWN
                ]  # fmt: skip
    return []


def actions_since(session: Any, status: str = "all") -> list[dict[str, Any]]:
    """Actions with `now`: the newest numbers of their subject, and `since`: a sentence per district."""
    found = trends.agreed_actions(session, status)
    known: dict[str, list[dict[str, Any]]] = {}
    for action in found:
        subject = str(action["subject"])
        if subject and subject not in known:
            known[subject] = numbers_of(session, subject)
        action["now"] = known.get(subject, [])
        action["since"] = since(action["baseline"], action["now"])
    return found


def since(baseline: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[str]:
    """What the number did, in a sentence per district."""
    before = {b["district"]: b for b in baseline}
    out = []
    for n in now:
        b = before.get(n["district"])
        if b is None:
            out.append(f"District {n['district']}: {_number(n)}; no number when it was agreed.")
        elif b["period"] == n["period"]:
            out.append(f"District {n['district']}: {_number(b)}; no newer number yet.")
        else:
            text = f"District {n['district']}: {_number(b)} → {_number(n)}"
            apart = "low" in n and "low" in b and (n["low"] > b["high"] or n["high"] < b["low"])
            out.append(text + ("." if apart or "low" not in n else "; the likely ranges overlap."))
    return out


def _number(n: dict[str, Any]) -> str:
    """A number with its unit, its likely range where it has one, and its time."""
    span = f" of 100 (likely {n['low']:g} to {n['high']:g})" if "low" in n else ""
    return f"{n['value']:g}{span} in {n['period']}"


def actions_table(found: list[dict[str, Any]]) -> pd.DataFrame:
    """Actions for the terminal."""
    names = ["action", "agreed_on", "status", "observed", "try", "owner", "due_on", "since"]
    rows = [
        {**{n: a[n] for n in ("action", "status", "observed", "owner")}, "agreed_on": str(a["agreed_on"]),
         "due_on": str(a["due_on"] or ""), "try": "; ".join(f"{d}: {p}" for d, p in a["plans"].items()),
         "since": " ".join(a["since"])}
        for a in found
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=names)
