"""The packet of a meeting: what changed and what to do first on page 1, then everything behind it."""

from typing import Any

from itembank import __version__
from scoring.report import blocks, trend_charts, trend_words
from scoring.report.blocks import Page
from scoring.report.trend_sections import (
    actions_section,
    cohorts_section,
    concepts_section,
    decisions_section,
    grades_section,
    indicators_section,
    method_section,
    targets_section,
)
from scoring.runs.meeting import Meeting

CAPTION = (
    "How many more of 100 students had mastered each concept at {second} than at {first}: the same students both "
    "times. A line that crosses the dashed one may be no change."
)


def packet(meeting: Meeting, title: str = "Packet for the joint meeting", standing: str = "") -> Page:
    """The packet, for screen and paper.

    Args:
        meeting: of one edition.
        title: of the page.
        standing: of a public edition: whether both districts have agreed to it.
    """
    found = trend_words.first_page(meeting)
    sections = (
        cohorts_section(meeting),
        grades_section(meeting),
        concepts_section(meeting),
        targets_section(meeting),
        indicators_section(meeting),
        actions_section(meeting),
        decisions_section(meeting),
        method_section(meeting),
    )
    return Page(
        title=title,
        kicker=" · ".join([*meeting.districts.values(), trend_words.count_of(meeting)]),
        lead=found.headline,
        stamps=tuple(stamps(meeting, standing)),
        cards=found.cards,
        first=tuple(last_cohort_chart(meeting)),
        sections=tuple(s for s in sections if s.parts),
        footer=footer(meeting),
        provenance=meeting.provenance,
        addresses=meeting.edition == "internal",
    )


def stamps(meeting: Meeting, standing: str = "") -> list[str]:
    """What every page of the edition says of itself."""
    out = ["Simulated students: no real district, school or child"] if meeting.simulated else []
    if any(o.stale for o in meeting.held):
        out.append("Made from results that newer data have overtaken")
    if meeting.edition == "public":
        return [*out, f"Public edition{': ' + standing if standing else ''}"]
    return [*out, "Internal edition: for the room only"]


def footer(meeting: Meeting) -> str:
    who = " All students, schools and districts on this page are simulated." if meeting.simulated else ""
    return f"Made by itembank {__version__}.{who} Formulas and sources: docs/methods/trends.md."


def last_cohort_chart(meeting: Meeting) -> list[dict[str, Any]]:
    """The newest change of the same students as a chart; nothing without one."""
    table = trend_words.whole(meeting)
    part = table[table["kind"] == "cohort"] if len(table) else table
    if not len(part):
        return []
    part = part[part["second"] == part["second"].iloc[-1]]
    names = trend_words.concept_names(meeting)
    groups = [g for g in meeting.districts.values() if g in set(part["group"])]
    drawn = trend_charts.change_dots(part, groups, names, "Change in 100 students")
    title = {o.code: o.title for o in meeting.held}
    first, second = str(part["first"].iloc[0]), str(part["second"].iloc[0])
    return [blocks.figure(drawn, CAPTION.format(first=f"“{title[first]}”", second=f"“{title[second]}”"))]
