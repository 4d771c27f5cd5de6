"""Course access of both districts side by side, as a page: who is enrolled, who is not and was ready."""

from typing import Any

import pandas as pd

from itembank import __version__
from scoring.report import blocks
from scoring.report.blocks import Card, Cell, Page, Section, Table, columns
from scoring.report.words import listed, of_hundred
from scoring.trends.access import ReadyRule


def access(table: pd.DataFrame, rule: ReadyRule | None, passing: float | None, title: str = "Course access") -> Page:
    """The page.

    Args:
        table: of `trends.access.safe`: small groups carry no numbers.
        rule: when a student counts as ready; None where readiness is not known.
        passing: lowest mark that completes a course; None where no marks are known.
    """
    whole = table[(table["school"] == "all") & (table["by"] == "all")]
    cards = (
        Card("Who is enrolled", tuple(_told(whole, "share_enrolled", "of all students"))),
        Card("Who was ready and is not enrolled", tuple(_ready(whole, rule))),
        Card("Who completed it", tuple(_told(whole, "share_completed", "of those enrolled"))
             or ("No marks were given, so only enrolment is reported.",)),
        Card("What not to conclude", CAUTIONS, "", "not"),
    )  # fmt: skip
    sections = [_section("districts", "By district", whole, rule, passing)]
    for by in [b for b in table["by"].unique() if b != "all"]:
        part = table[(table["school"] == "all") & (table["by"] == by)]
        sections.append(_section(f"by-{by}", f"By {by}", part, rule, passing))
    sections.append(
        _section("schools", "By school", table[(table["school"] != "all") & (table["by"] == "all")], rule, passing)
    )
    sections.append(Section("method", "How this was counted", (blocks.bullets(_method(rule, passing)),)))
    return Page(
        title=title,
        kicker=" · ".join(whole["district"].unique()),
        lead=_lead(whole, rule),
        stamps=("Groups of fewer than 11 students are not shown",),
        cards=cards,
        sections=tuple(s for s in sections if s.parts),
        footer=f"Made by itembank {__version__}. Formulas and sources: docs/methods/trends.md.",
    )


CAUTIONS = (
    "Being enrolled is not learning: look at completion and at mastery beside it.",
    "A difference between groups says who is in the course, not why.",
)


def _lead(whole: pd.DataFrame, rule: ReadyRule | None) -> str:
    waiting = whole.dropna(subset=["ready_not_enrolled"])
    if rule is not None and len(waiting):
        told = [
            f"{int(r.ready_not_enrolled):,} students of {r.district} were ready for {r.requirement} and are not in it"
            for r in waiting.sort_values("ready_not_enrolled", ascending=False, kind="stable").head(2).itertuples()
        ]
        return listed(told) + "."
    told = _told(whole, "share_enrolled", "of all students")
    return told[0] if told else "Nothing can be shown without giving small groups away."


def _told(whole: pd.DataFrame, share: str, of: str) -> list[str]:
    out = []
    for requirement, part in whole.dropna(subset=[share]).groupby("requirement", sort=True):
        said = listed(f"{r.district} {of_hundred(float(getattr(r, share)))}" for r in part.itertuples())
        out.append(f"{requirement}: {said} ({of}).")
    return out


def _ready(whole: pd.DataFrame, rule: ReadyRule | None) -> list[str]:
    if rule is None:
        return ["Who was ready is not known: no rule was given."]
    out = [
        f"{r.requirement}, {r.district}: {int(r.ready_not_enrolled):,} of {int(r.ready):,} who were ready."
        for r in whole.dropna(subset=["ready_not_enrolled", "ready"]).itertuples()
    ]
    return out or ["Too few to show, or none."]


def _section(id_: str, title: str, part: pd.DataFrame, rule: ReadyRule | None, passing: float | None) -> Section:
    rows = []
    for r in part.itertuples():
        who = str(r.district) if r.school == "all" else f"{r.district}, {r.school}"
        cells: list[Cell] = [Cell(str(r.requirement)), Cell(who), Cell("" if r.by == "all" else str(r.subgroup))]
        cells += [_count(r.students), _count(r.enrolled), blocks.percent(float(r.share_enrolled))]
        if rule is not None:
            cells += [_count(r.ready), _count(r.ready_not_enrolled), blocks.percent(float(r.share_ready_enrolled))]
        if passing is not None:
            cells += [_count(r.completed), blocks.percent(float(r.share_completed))]
        rows.append(tuple(cells))
    heads = ["Requirement", "Where", "Group", "#Students", "#Enrolled", "#Of all"]
    heads += ["#Ready", "#Ready, not enrolled", "#Ready who are enrolled"] if rule is not None else []
    heads += ["#Completed", "#Of those enrolled"] if passing is not None else []
    content = Table(f"Enrolment and completion, {title.lower()}", columns(*heads), tuple(rows), True)
    parts: tuple[dict[str, Any], ...] = (blocks.table(content),) if rows else ()
    return Section(id_, title, parts)


def _count(value: float) -> Cell:
    return Cell("–") if value != value else blocks.count(float(value))


def _method(rule: ReadyRule | None, passing: float | None) -> list[str]:
    out = ["Enrolled: in a class of a course that the list of requirements names, by the districts’ rosters."]
    if rule is not None:
        out.append(f"Ready (rule {rule.version}): {rule.statement} Computed as: {rule.expression}.")
        out.append("Students for whom a fact of the rule is not known are not counted as ready.")
    if passing is not None:
        out.append(f"Completed: a mark of {passing:g} or more. Students without a mark have not completed.")
    out.append("No student’s row was stored or shown; a dash stands for a number that could give a small group away.")
    return out
