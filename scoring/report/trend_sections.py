"""The sections that the packet and the dashboard share: cohorts, grades, concepts, targets, indicators, actions."""

from typing import Any

import pandas as pd

from scoring.analysis import cells as at
from scoring.analysis.result import SMALLEST_CELL, Analysis
from scoring.report import blocks, trend_charts
from scoring.report.blocks import Cell, Section, Table, columns
from scoring.report.trend_words import concept_names, dips, misconceptions_of
from scoring.report.words import students_of
from scoring.runs.meeting import Meeting
from scoring.trends.cohorts import ONE_MODEL

CHANGE_HEADS = ("Concept", "District", "#Change in 100", "#Likely range", "What can be said", "#Before", "#After",
                "Between", "#Students", "Same items")  # fmt: skip
ALONE = (
    "Some changes were found from each time alone, because no one model of both times could be made (results that "
    "newer data have overtaken, or too few answers): their ranges are too wide rather than too narrow."
)
LEFT = (
    "Who leaves is not drawn by lot. Below, those who left are estimated from what they answered before: right if "
    "nothing else tells those who left from those who stayed."
)
SAME_ITEMS = {"the same items both times": "all", "other items: each time's own bar": "none"}


def _span(low: float, high: float) -> Cell:
    if low != low:
        return Cell("not known")
    one, two = blocks.signed(low), blocks.signed(high)
    if low > 0:  # a clear change must not look like one with 0 in its range
        one = "over 0" if one == "0" else one
    if high < 0:
        two = "under 0" if two == "0" else two
    return Cell(f"{one} to {two}")


def _change_rows(meeting: Meeting, part: pd.DataFrame) -> tuple[tuple[Cell, ...], ...]:
    names = concept_names(meeting)
    rows = []
    for r in part.itertuples():
        said = f"{r.verdict}, stands out" if r.stands_out else str(r.verdict)
        rows.append(
            (
                Cell(names.get(str(r.concept), str(r.concept))),
                Cell(str(r.group)),
                Cell(blocks.signed(float(r.change)), float(r.change)),
                _span(float(r.low), float(r.high)),
                Cell(said),
                blocks.percent(float(r.rate_1)),
                blocks.percent(float(r.rate_2)),
                Cell(_between(meeting, r)),
                blocks.count(float(r.students)),
                Cell(_same_items(str(r.bar))),
            )
        )
    return tuple(rows)


def change_address(meeting: Meeting, r: Any) -> str:
    """The address of a change: both comparisons, then what it is a change of."""
    runs = {o.code: str(o.analysis.provenance.get("run", "")) for o in meeting.held}
    first, second = runs.get(str(r.first), ""), runs.get(str(r.second), "")
    return at.join(f"{first}-{second}", "changes", r.kind, r.concept, r.group) if first and second else ""


def _whys(meeting: Meeting, part: pd.DataFrame) -> tuple[str, ...]:
    return tuple(x for r in part.itertuples() if (x := change_address(meeting, r)))


def value_address(table: str, r: Any, period: str = "") -> str:
    """The address of an indicator's value or target: indicator, district, period, group, school."""
    parts = [r.indicator, r.district, period or r.period, r.subgroup, r.school]
    while len(parts) > 3 and parts[-1] in ("", "all"):
        parts.pop()
    return ":".join([table, *(at.slug(p) for p in parts)])


def _same_items(bar: str) -> str:
    repeated, carried, link = bar.partition(" items repeated, the bar carried by ")
    if carried:
        return f"{repeated}, {link}"
    return SAME_ITEMS.get(bar, bar.removesuffix(" items repeated"))


def cohorts_section(meeting: Meeting) -> Section:
    """The same students over administrations, and cohorts in published indicators."""
    parts: list[dict[str, Any]] = []
    table = meeting.changes
    part = table[table["kind"] == "cohort"] if len(table) else table
    if len(part):
        parts.append(
            blocks.text(
                "The same students at both times, recognised by their pseudonyms; who left or came is not counted. "
                "The likely range counts schools like these, short tests, and the link between the two times; of 100 "
                "such ranges 95 hold the true change."
            )
        )
        caption = "Share of the same students who have mastered each concept, and its change"
        part = part.sort_values(["second", "stands_out", "change"], ascending=[False, False, True], kind="stable")
        rows = _change_rows(meeting, part)
        parts.append(blocks.table(Table(caption, columns(*CHANGE_HEADS), rows, True, why=_whys(meeting, part))))
        if (part["method"] != ONE_MODEL).any():
            parts.append(blocks.text(ALONE))
        if part["growth"].notna().any():
            parts.append(blocks.table(_growth_table(meeting, part[part["growth"].notna()]), fold=True))
        if part["everybody"].notna().any():
            parts.append(blocks.text(LEFT))
            parts.append(blocks.table(_everybody_table(meeting, part[part["everybody"].notna()]), fold=True))
    if len(meeting.published):
        parts.append(
            blocks.text(
                "Published rates, followed by grade and year: a grade in one year beside a higher grade as many years "
                "later. Tests and bars differ between grades, and students move in and out."
            )
        )
        ordered = meeting.published.sort_values("change", kind="stable")
        rows = tuple(
            (Cell(str(r.concept)), Cell(str(r.group)), Cell(str(r.first)), Cell(str(r.second)),
             blocks.percent(float(r.rate_1)), blocks.percent(float(r.rate_2)),
             Cell(blocks.signed(float(r.change), " in 100"), float(r.change)), _span(float(r.low), float(r.high)),
             Cell(str(r.verdict)))
            for r in ordered.itertuples()
        )  # fmt: skip
        why = tuple(at.join("cohorts", r.concept, r.group, r.first, r.second) for r in ordered.itertuples())
        heads = columns(
            "Subject", "Where", "From", "To", "#Before", "#After", "#Change", "#Likely range", "What can be said"
        )
        parts.append(blocks.table(Table("Cohorts in published rates", heads, rows, True, why=why)))
    return Section("cohorts", "How cohorts moved", tuple(parts))


def _growth_table(meeting: Meeting, part: pd.DataFrame) -> Table:
    names = concept_names(meeting)
    rows = tuple(
        (Cell(names.get(str(r.concept), str(r.concept))), Cell(str(r.group)),
         blocks.number(float(r.growth), 2, signed=True),
         Cell("not known" if r.growth_low != r.growth_low
              else f"{blocks.with_sign(r.growth_low)} to {blocks.with_sign(r.growth_high)}"),
         Cell(_between(meeting, r)))
        for r in part.itertuples()
    )  # fmt: skip
    caption = "Growth of the same students’ mean score, in spreads (SDs) of the students of the later time"
    heads = columns("Concept", "District", "#Growth in spreads", "#Likely range", "Between")
    return Table(caption, heads, rows, True, why=_whys(meeting, part))


def _everybody_table(meeting: Meeting, part: pd.DataFrame) -> Table:
    names = concept_names(meeting)
    rows = tuple(
        (Cell(names.get(str(r.concept), str(r.concept))), Cell(str(r.group)),
         Cell(blocks.signed(float(r.everybody_change)), float(r.everybody_change)),
         _span(float(r.everybody_low), float(r.everybody_high)),
         Cell(blocks.signed(float(r.change)), float(r.change)), Cell(_between(meeting, r)),
         blocks.count(float(r.everybody)))
        for r in part.itertuples()
    )  # fmt: skip
    caption = "The change of everybody who sat the first time, beside that of those who stayed"
    heads = columns("Concept", "District", "#Change in 100", "#Likely range", "#Of those who stayed", "Between",
                    "#Students")  # fmt: skip
    return Table(caption, heads, rows, True, why=_whys(meeting, part))


def _between(meeting: Meeting, r: Any) -> str:
    days = {o.code: o.day[:7] for o in meeting.held}
    return f"{days.get(str(r.first), r.first)} to {days.get(str(r.second), r.second)}"


def grades_section(meeting: Meeting) -> Section:
    """The same grade over years: other students each time."""
    table = meeting.changes
    part = table[table["kind"] == "grade"] if len(table) else table
    if not len(part):
        return Section("grades", "The same grade over years")
    words = "Other students each time: a change can come from who they are as well as from what they were taught."
    content = Table("Share of a grade’s students who have mastered each concept, and its change",
                    columns(*CHANGE_HEADS), _change_rows(meeting, part), True, why=_whys(meeting, part))  # fmt: skip
    return Section("grades", "The same grade over years", (blocks.text(words), blocks.table(content)))


def concepts_section(meeting: Meeting) -> Section:
    """Concepts to work on: those that fell, then those that fewest have mastered, with what stands behind them."""
    if not meeting.held or not len(meeting.held[-1].analysis.mastery):
        return Section("concepts", "Concepts to work on")
    last, names = meeting.held[-1], concept_names(meeting)
    mastery = last.analysis.mastery
    mastery = mastery[mastery["shown"].astype(bool) & mastery["concept"].isin(last.analysis.concepts.index)]
    fell = list(dips(meeting)["concept"].unique()) if len(dips(meeting)) else []
    lowest = list(mastery.groupby("concept")["rate"].mean().sort_values(kind="stable").index)
    chosen = [str(c) for c in dict.fromkeys([*fell, *lowest])][:3]
    parts: list[dict[str, Any]] = []
    for concept in chosen:
        told = [
            f"{r.group}: {100 * r.rate:.0f} of 100 have mastered it (likely {100 * r.low:.0f} to {100 * r.high:.0f})."
            for r in mastery[mastery["concept"] == concept].itertuples()
        ]
        parts.append(blocks.head(names[concept] + (": fell" if concept in fell else "")))
        parts.append(blocks.bullets(told))
        behind = misconceptions_of(last, concept).head(4)
        if len(behind):
            parts.append(blocks.table(_behind(last.analysis, concept, names[concept], list(behind["name"]))))
        if meeting.edition == "internal":
            parts.append(blocks.table(_hardest(last.analysis, concept, names[concept]), fold=True))
    return Section("concepts", "Concepts to work on", tuple(parts))


def _behind(analysis: Any, concept: str, name: str, shown: list[str]) -> Table:
    """The commonest misconceptions of a concept, a column per district with the likely range."""
    table = analysis.misconceptions
    part = table[(table["concept"] == concept) & table["name"].isin(shown)]
    groups = [g for g in analysis.groups if (part["group"] == g).any()] or list(dict.fromkeys(part["group"]))
    told = {(str(r.name), str(r.group)): r for r in part.itertuples(index=False)}
    rows = []
    for what in shown:
        cells = [Cell(str(what))]
        for group in groups:
            r = told.get((str(what), str(group)))
            if r is None or r.share != r.share:
                cells.append(Cell("–"))
            else:
                span = "" if r.low != r.low else f" ({100 * r.low:.0f} to {100 * r.high:.0f})"
                cells.append(Cell(f"{100 * r.share:.0f}%{span}", float(r.share)))
        rows.append(tuple(cells))
    caption = f"{name}: what stands behind wrong answers, of the students who could have chosen it (likely range)"
    code = part.drop_duplicates("name").set_index("name")["misconception"]
    why = tuple(x for what in shown if (x := at.address(analysis, "misconceptions", concept, code[what])))
    return Table(caption, columns("Misconception", *(f"#{g}" for g in groups)), tuple(rows), why=why)


def _hardest(analysis: Analysis, concept: str, name: str) -> Table:
    part = analysis.items[analysis.items["concept"] == concept].sort_values("share_correct", kind="stable").head(4)
    rows = tuple(
        (Cell(str(i)), Cell(str(r["title"])), blocks.percent(float(r["share_correct"]))) for i, r in part.iterrows()
    )
    why = at.addresses(analysis, "items", part)
    return Table(f"Its hardest items: {name}", columns("Item", "Title", "#Got it right"), rows, why=why)


def targets_section(meeting: Meeting) -> Section:
    """Targets beside where their indicators stand."""
    table = meeting.indicators["targets"]
    if not len(table):
        return Section("targets", "Targets")
    titles = meeting.indicators["definitions"]["title"]
    rows = tuple(
        (
            Cell(str(titles.get(r.indicator, r.indicator))),
            Cell(" ".join(x for x in (meeting.districts.get(r.district, r.district), r.school,
                                      "" if r.subgroup == "all" else r.subgroup) if x)),
            Cell(str(r.period)),
            blocks.number(float(r.target), 1),
            Cell(str(r.latest)),
            blocks.number(float(r.value), 1),
            Cell("" if r.low != r.low else f"{r.low:.1f} to {r.high:.1f}"),
            Cell(str(r.state)),
            Cell(str(r.reason)),
        )
        for r in table.itertuples()
    )  # fmt: skip
    heads = columns(
        "Indicator", "Where", "For", "#Target", "Latest", "#Value", "#Likely range", "State", "Why that much"
    )
    note = (
        "“On the way” means that the pace since the first value, kept up, would arrive in time. It is arithmetic, no "
        "forecast."
    )
    why = tuple(value_address("targets", r) for r in table.itertuples())
    content = Table("Targets and where they stand", heads, rows, True, why=why)
    return Section("targets", "Targets", (blocks.table(content), blocks.text(note)))


def indicators_section(meeting: Meeting) -> Section:
    """Every indicator as a line per district, rates of some beside rates of all."""
    tables = meeting.indicators
    values = tables["values"]
    if not len(values):
        return Section("indicators", "Yearly indicators")
    parts: list[dict[str, Any]] = []
    reading = tables["reading"]
    if len(reading):
        parts.append(blocks.bullets(reading["sentence"].tolist()))
    groups = list(meeting.districts.values())
    whole = values[(values["school"] == "") & (values["subgroup"] == "all")]
    goals = tables["targets"]
    for code, d in tables["definitions"].iterrows():
        part = whole[whole["indicator"] == code].assign(group=lambda t: t["district"].map(meeting.districts))
        reach = Z95 * part["se"] * (1.0 if meeting.edition == "internal" else float("nan"))
        part = part.assign(low=part["value"] - reach, high=part["value"] + reach)
        if not len(part):
            continue
        aim = goals[(goals["indicator"] == code) & (goals["school"] == "") & (goals["subgroup"] == "all")]
        aim = pd.DataFrame({"group": aim["district"].map(meeting.districts), "period": aim["period"],
                            "value": aim["target"]})  # fmt: skip
        parts.append(blocks.head(str(d["title"])))
        if part["period"].nunique() > 1:
            picture = trend_charts.series(
                part[["group", "period", "value", "low", "high"]], aim, groups, str(d["title"]), str(d["unit"])
            )
            words = " ".join(
                x for x in (_sentence(d["definition"]), f"Source: {d['source']}." if d["source"] else "") if x
            )
            words += " Thin bars: likely ranges (95 of 100 hold the true value)." if part["low"].notna().any() else ""
            parts.append(blocks.figure(picture, words + (" Short thick bars: targets." if len(aim) else "")))
        parts.append(
            blocks.table(_values_table(meeting, values[values["indicator"] == code], str(d["title"])), fold=True)
        )
    return Section("indicators", "Yearly indicators", tuple(parts))


#: Half a 95 % interval in standard errors.
Z95 = 1.96


def _sentence(text: str) -> str:
    return text if not text or text.endswith(".") else text + "."


def _values_table(meeting: Meeting, part: pd.DataFrame, title: str) -> Table:
    shown = part
    periods = sorted(shown["period"].unique())
    rows, why = [], []
    for (district, school, subgroup), one in shown.groupby(["district", "school", "subgroup"], sort=False):
        by = one.set_index("period")["value"]
        where = " ".join(x for x in (meeting.districts.get(str(district), str(district)), school,
                                     "" if subgroup == "all" else subgroup) if x)  # fmt: skip
        rows.append((Cell(where), *(blocks.number(float(by[p]), 1) if p in by.index else Cell("–") for p in periods)))
        why.append(value_address("indicators", one.iloc[-1], "every"))
    return Table(f"Values: {title}", columns("Where", *(f"#{p}" for p in periods)), tuple(rows), why=tuple(why))


def actions_section(meeting: Meeting) -> Section:
    """What was agreed, and what its number did since."""
    parts: list[dict[str, Any]] = []
    for a in meeting.actions:
        parts.append(blocks.head(f"{a['observed']} ({a['status']})"))
        lines = [f"Agreed {a['agreed_on']}" + (f", to be looked at again {a['due_on']}" if a["due_on"] else "")
                 + f"; seen to by: {a['owner']}."]  # fmt: skip
        if a["supposed"]:
            lines.append(f"Supposed reason: {a['supposed']}")
        lines += [f"{meeting.districts.get(d, d)} will try: {what}" for d, what in a["plans"].items()]
        lines += [f"Since then: {_named(meeting, s)}" for s in a["since"]] or ["No number was named to follow it by."]
        lines += [f"{u['said_on']}: {u['text'] or u['status']}" for u in a["updates"]]
        if a["note"]:
            lines.append(f"For the room: {a['note']}")
        parts.append(blocks.bullets(lines))
    if parts:
        words = "A number that moved after an action did not move because of it: other things changed too."
        parts.append(blocks.text(words))
    return Section("actions", "What we agreed to try", tuple(parts))


def _named(meeting: Meeting, sentence: str) -> str:
    for code, name in meeting.districts.items():
        sentence = sentence.replace(f"District {code}:", f"{name}:")
    for occasion in sorted(meeting.held, key=lambda o: -len(o.code)):  # a code may begin another
        sentence = sentence.replace(f" in {occasion.code}", f" in {occasion.day[:7]}")
    return sentence


def decisions_section(meeting: Meeting) -> Section:
    """Joint decisions that wait for somebody's word; internal only."""
    if not meeting.decisions:
        return Section("decisions", "Open decisions")
    rows = tuple(
        (Cell(str(d["decision"])), Cell(str(d["proposal"])), Cell(str(d["subject"])),
         Cell(", ".join(d["waiting"]) if isinstance(d["waiting"], (list, tuple)) else str(d["waiting"])))
        for d in meeting.decisions
    )  # fmt: skip
    why = tuple(f"decision:{d['decision']}" for d in meeting.decisions)
    content = Table("Waiting for a district’s word", columns("Number", "Proposed", "About", "Waits for"), rows, why=why)
    return Section("decisions", "Open decisions", (blocks.table(content),))


def schools_section(meeting: Meeting) -> Section:
    """Who sat in each school; internal only. Small schools are left out."""
    if not len(meeting.schools):
        return Section("schools", "Schools")
    wide = meeting.schools.pivot_table(
        index=["district", "school"], columns="administration", values="students", aggfunc="sum"
    )
    order = [o.code for o in meeting.held if o.code in wide.columns]
    rows = tuple(
        (Cell(str(school)), Cell(meeting.districts.get(str(district), str(district))),
         *(Cell("–") if r[c] != r[c] else Cell(f"under {SMALLEST_CELL}") if r[c] < SMALLEST_CELL
           else blocks.count(float(r[c])) for c in order))
        for (district, school), r in wide.iterrows()
    )  # fmt: skip
    words = (
        "How many students sat each administration. Schools are not ranked: what a school’s students have mastered "
        "says more about who they are than about the school."
    )
    why = tuple(at.join("sat", district, school) for district, school in wide.index)
    heads = columns("School", "District", *(f"#{c}" for c in order))
    content = Table("Students who sat, by school", heads, rows, True, why=why)
    return Section("schools", "Schools", (blocks.text(words), blocks.table(content)))


METHOD = (
    "The same students over time and the same grade over years are kept apart: the first says how students moved, the "
    "second compares different students.",
    "A change is in the share of students who reached the bar of a concept. With the same items both times the bar is "
    "the same. A stored link carries the first time’s bar to the second time’s scale; otherwise each time has its own, "
    "and nothing is said of growth on one scale.",
    "Both times are in one model: a student’s and a school’s results at the two times belong together, and whoever was "
    "absent at one time adds nothing there.",
    "A concept’s fall stands out when it is a clear fall in its own right and clearly below the other concepts of the "
    "same students; that so many concepts are looked at is counted.",
    "A dip of an indicator is a clear change for the worse between its last two values. Where its uncertainty is not "
    "known, 2 points and less are not called a change.",
    "An indicator of all students counts those who were not enrolled: a rising rate among fewer enrolled students is "
    "not growth.",
)


def method_section(meeting: Meeting) -> Section:
    rows = tuple(
        (Cell(o.title), Cell(o.code), Cell(o.day), Cell(o.grade or "several"),
         blocks.count(float(students_of(o.analysis)) if len(o.analysis.participation) else 0.0),
         blocks.count(float(len(o.analysis.items))), Cell("; ".join(o.stale) or "up to date"))
        for o in meeting.held
    )  # fmt: skip
    parts: list[dict[str, Any]] = [blocks.bullets(METHOD)]
    if rows:
        heads = columns("Administration", "Name", "From", "Form’s grade", "#Students", "#Items", "State")
        why = tuple(x for o in meeting.held if (x := at.start_of(o.analysis)))
        parts.append(blocks.table(Table("What this rests on", heads, rows, why=why)))
    return Section("method", "How this was done, and its limits", tuple(parts))
