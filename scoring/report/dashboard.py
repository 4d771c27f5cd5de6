"""A small offline site over all administrations: one folder of pages that link to each other, no server."""

import re
from dataclasses import replace
from typing import Any

from scoring.analysis import cells as at
from scoring.analysis.result import Analysis
from scoring.report import blocks, trend_charts, trend_words
from scoring.report.blocks import Page, Section, render
from scoring.report.comparison import comparison
from scoring.report.packet import footer, last_cohort_chart, stamps
from scoring.report.trend_sections import (
    actions_section,
    change_address,
    cohorts_section,
    concepts_section,
    grades_section,
    indicators_section,
    method_section,
    schools_section,
    targets_section,
    value_address,
)
from scoring.runs.meeting import Meeting

TITLE = "The districts over time"


def dashboard_pages(meeting: Meeting, standing: str = "") -> dict[str, str]:
    """File name -> HTML text. Pages without content are left out; internal ones are not in a public edition.

    Args:
        meeting: of one edition.
        standing: of a public edition: whether both districts have agreed to it.
    """
    found: dict[str, tuple[str, tuple[Section, ...]]] = {
        "concepts.html": ("Concepts", (_history(meeting), concepts_section(meeting))),
        "cohorts.html": ("Cohorts", (cohorts_section(meeting), grades_section(meeting))),
        "targets.html": ("Targets and indicators", (targets_section(meeting), indicators_section(meeting))),
        "schools.html": ("Schools", (schools_section(meeting),)),
        "actions.html": ("What we try", (actions_section(meeting),)),
        "method.html": ("How it was done", (method_section(meeting),)),
    }
    kept = {f: (t, tuple(s for s in parts if s.parts)) for f, (t, parts) in found.items()}
    kept = {f: page for f, page in kept.items() if page[1]}
    single = {file_of(o.code): comparison(_standing(o.analysis, standing)) for o in meeting.held}
    menu = [("index.html", "Overview"), *((f, t) for f, (t, _) in kept.items())]
    menu += [(file_of(o.code), o.title) for o in meeting.held]
    first = trend_words.first_page(meeting)
    overview = Page(
        title=TITLE, kicker=_kicker(meeting), lead=first.headline, stamps=tuple(stamps(meeting, standing)),
        cards=first.cards,
        first=tuple(last_cohort_chart(meeting)), footer=footer(meeting), provenance=meeting.provenance,
        addresses=meeting.edition == "internal",
    )  # fmt: skip
    pages = {"index.html": _rendered(overview, "index.html", menu, entries(meeting, set(kept)))}
    for file, (title, sections) in kept.items():
        page = _page(meeting, title, standing, sections)
        if file == "cohorts.html":  # a fall that stands out is what the page has to say
            lead = first.headline if trend_words.fell(meeting) else page.lead
            page = replace(page, lead=lead, first=tuple(last_cohort_chart(meeting)))
        pages[file] = _rendered(page, file, menu)
    for file, page in single.items():
        pages[file] = _rendered(page, file, menu)
    return pages


HISTORY = (
    "Share of students who have mastered it, at each administration; bars are likely ranges (95 of 100 such bars hold "
    "the true share). The axis begins where the numbers do, not at 0."
)


def file_of(code: str) -> str:
    """The page of an administration; its code may hold what a file name may not."""
    return "administration-" + re.sub(r"[^A-Za-z0-9._-]", "-", code) + ".html"


def _kicker(meeting: Meeting) -> str:
    return " · ".join([*meeting.districts.values(), trend_words.count_of(meeting)])


def _standing(analysis: Analysis, standing: str) -> Analysis:
    """An administration's own page says what the site says: a draft until both districts have agreed to the site."""
    if not standing.startswith("agreed"):
        return analysis
    return replace(analysis, provenance={**analysis.provenance, "edition": "public"})


def _page(meeting: Meeting, title: str, standing: str, sections: tuple[Section, ...]) -> Page:
    return Page(
        title=title, kicker=_kicker(meeting), lead=LEADS.get(title, ""), stamps=tuple(stamps(meeting, standing)),
        sections=sections, footer=footer(meeting), provenance=meeting.provenance,
        addresses=meeting.edition == "internal",
    )  # fmt: skip


LEADS = {
    "Concepts": "What students have mastered, concept by concept, at every administration.",
    "Cohorts": "How the same students moved, and how a grade changed over years: two questions, kept apart.",
    "Targets and indicators": "Where the numbers that both districts follow stand, and what they are meant to reach.",
    "Schools": "Who took part, school by school.",
    "What we try": "What was agreed at the meetings, and what its number did since.",
    "How it was done": "What these pages rest on, and what they cannot say.",
}


def _rendered(page: Page, file: str, menu: list[tuple[str, str]], found: "list[dict[str, Any]] | None" = None) -> str:
    links = [{"file": f, "title": t, "here": f == file} for f, t in menu]
    return render(page, "site.html", "site.js", links=links, entries=found or [])


def _history(meeting: Meeting) -> Section:
    """Mastery of every concept at every administration."""
    names, groups = trend_words.concept_names(meeting), list(meeting.districts.values())
    parts: list[dict[str, Any]] = []
    for concept, name in names.items():
        rows: list[dict[str, Any]] = [
            {"group": str(r.group), "period": o.day[:7], "value": 100 * float(r.rate), "low": 100 * float(r.low),
             "high": 100 * float(r.high), "of": o.analysis}
            for o in meeting.held
            for r in o.analysis.mastery.itertuples()
            if r.concept == concept and r.shown
        ]  # fmt: skip
        if not rows:
            continue
        parts.append(blocks.head(name))
        if len({r["period"] for r in rows}) > 1:
            values = trend_charts.frame([{k: v for k, v in r.items() if k != "of"} for r in rows])
            drawn = trend_charts.series(values, trend_charts.frame([]), groups, name, "of 100 students")
            parts.append(blocks.figure(drawn, HISTORY))
        cells = tuple(
            (blocks.Cell(r["period"]), blocks.Cell(r["group"]), blocks.percent(r["value"] / 100),
             blocks.Cell("not given" if r["low"] != r["low"] else f"{r['low']:.0f} to {r['high']:.0f}%"))
            for r in rows
        )  # fmt: skip
        heads = blocks.columns("From", "District", "#Mastered", "#Likely range")
        why = tuple(x for r in rows if (x := at.address(r["of"], "mastery", concept, r["group"])))
        parts.append(blocks.table(blocks.Table(f"Mastery over time: {name}", heads, cells, why=why), fold=True))
    return Section("history", "Concepts over time", tuple(parts))


def entries(meeting: Meeting, files: set[str]) -> list[dict[str, Any]]:
    """Everything on the site as rows to search: what, kind, where, when, number, said, file, why (an address)."""
    names, districts = trend_words.concept_names(meeting), meeting.districts
    days = {o.code: o.day[:7] for o in meeting.held}
    out: list[dict[str, Any]] = []

    def add(what: str, kind: str, where: str, when: str, number: str, said: str, file: str, why: str = "") -> None:
        out.append({"what": what, "kind": kind, "where": where, "when": when, "number": number, "said": said,
                    "file": file if file in files or file.startswith("administration-") else "index.html",
                    "why": why})  # fmt: skip

    for o in reversed(meeting.held):
        said = o.grade and f"grade {o.grade}"
        add(o.title, "administration", "", o.day[:7], "", said, file_of(o.code), at.start_of(o.analysis))
    for r in meeting.changes.itertuples():
        said = f"{r.verdict}: stands out" if r.stands_out else str(r.verdict)
        kind = "same students" if r.kind == "cohort" else "same grade"
        when = f"{days.get(r.first, r.first)} to {days.get(r.second, r.second)}"
        add(names.get(r.concept, r.concept), kind, r.group, when, blocks.signed(r.change), said, "cohorts.html",
            change_address(meeting, r))  # fmt: skip
    for r in meeting.published.itertuples():
        when = f"{r.first} to {r.second}"
        add(str(r.concept), "published cohort", r.group, when, blocks.signed(r.change), r.verdict, "cohorts.html",
            at.join("cohorts", r.concept, r.group, r.first, r.second))  # fmt: skip
    for o in reversed(meeting.held):
        for r in o.analysis.mastery.itertuples():
            if r.shown:
                name = names.get(r.concept, r.concept)
                add(name, "concept", r.group, days[o.code], f"{100 * r.rate:.0f}%", "have mastered it", "concepts.html",
                    at.address(o.analysis, "mastery", r.concept, r.group))  # fmt: skip
    titles = meeting.indicators["definitions"]["title"]
    for r in meeting.indicators["targets"].itertuples():
        value = f"{r.value:.4g} for {r.target:.4g}" if r.value == r.value else f"for {r.target:.4g}"
        add(titles[r.indicator], "target", districts[r.district], r.period, value, r.state, "targets.html",
            value_address("targets", r))  # fmt: skip
    values = meeting.indicators["values"]
    for (code, district), part in values[values["school"] == ""].groupby(["indicator", "district"], sort=False):
        last = part.iloc[-1]
        why = value_address("indicators", last)
        sub = "" if last["subgroup"] == "all" else f", {last['subgroup']}"
        number = f"{last['value']:.4g}"
        add(titles[code] + sub, "indicator", districts[district], last["period"], number, "", "targets.html", why)
    for a in meeting.actions:
        add(a["observed"], "action", "", str(a["agreed_on"]), "", a["status"], "actions.html")
    if len(meeting.schools):
        for r in meeting.schools.drop_duplicates(["district", "code"], keep="last").itertuples():
            add(r.school, "school", districts[r.district], days.get(r.administration, ""), "", "", "schools.html",
                at.join("sat", r.district, r.school))  # fmt: skip
    return out
