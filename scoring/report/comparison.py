"""The district comparison as one HTML page: for leaders on page 1, for math experts below, method last."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from scoring.analysis import cells as at
from scoring.analysis.result import TOTAL, Analysis
from scoring.report import blocks, charts, words
from scoring.report.blocks import Card, Cell, Page, Section, Table, columns
from scoring.report.subgroups import subgroup_section


def comparison_page(analysis: Analysis) -> str:
    """The report as HTML text: no request, whole without script, at most a few hundred kilobytes."""
    return blocks.render(comparison(analysis))


def comparison(analysis: Analysis) -> Page:
    """The report: page 1 for leaders, concepts, items and misconceptions for experts, method last."""
    names = dict(analysis.concepts["name"]) if len(analysis.concepts) else {}
    shown = analysis.mastery[analysis.mastery["shown"]] if len(analysis.mastery) else analysis.mastery
    shown = shown[shown["concept"] != TOTAL] if len(shown) else shown
    first: tuple[dict[str, Any], ...] = ()
    if len(shown):
        groups = analysis.groups or tuple(shown["group"].unique())  # without groups the students are one
        told = INTERVALS[str(analysis.provenance.get("interval", "these students"))]
        caption = "Share of students who have mastered each concept."
        if shown["low"].notna().any():
            caption += (
                " The line through a mark covers the values that the data allow (95 of 100 such lines hold the true "
                f"value {told}, on this scale and at this bar)."
            )
        elif len(groups) < 2:
            caption += " It has no likely range: the scale and the bar were made from these same students."
        else:
            caption += " There are too few students or schools for a likely range."
        first = (blocks.figure(charts.mastery_dots(shown, groups, names), caption),)
    sections = (
        _concepts(analysis, names),
        subgroup_section(analysis),
        _scores(analysis),
        _look_at(analysis),
        _items(analysis, names),
        _misconceptions(analysis, names),
        _truth(analysis),
        _method(analysis),
    )
    students = words.students_of(analysis)
    who = "simulated students" if analysis.simulated else "students"
    standing = words.standing(analysis)
    return Page(
        title=analysis.title,
        kicker=f"{students:,} {who} · {len(analysis.items)} items · common assessment report",
        lead=standing.headline,
        stamps=tuple(stamps(analysis)),
        cards=tuple(_cards(analysis, standing)),
        first=first,
        sections=tuple(section for section in sections if section.parts),
        footer=footer(analysis),
        provenance=provenance(analysis),
        addresses=is_internal(analysis),
    )


def is_internal(analysis: Analysis) -> bool:
    """Whether readers have the bank, and can be told under each table what to type."""
    return "edition" not in analysis.provenance


def _cards(analysis: Analysis, standing: words.Standing) -> list[Card]:
    out = []
    several = len(analysis.groups) > 1
    for k, group in enumerate(analysis.groups if several else ()):
        lines = tuple(standing.ahead[group])
        told = "Students of 100 who have mastered the concept:" if lines else "In no concept that we can be sure of."
        out.append(Card(f"{group} is ahead", lines, told, f"g{k}"))
    if several:
        nothing = (
            "Nowhere: every gap is larger than chance alone would make it (no likely range reaches zero; "
            "of 100 such ranges 95 hold the true gap)."
            if len(analysis.contrasts)
            else "No concepts were named."
        )
        unsure = tuple(standing.cannot_say)
        out.append(Card("Where we cannot say", unsure, "" if unsure else nothing))
    elif findings := words.findings(analysis):
        out.append(Card("What stands out", tuple(findings)))
    if standing.caution:
        out.append(Card("What not to conclude", tuple(standing.caution), style="not"))
    return out


def provenance(analysis: Analysis) -> str:
    """Where the numbers come from, for the small print."""
    facts = [f"{k}: {v}" for k, v in analysis.provenance.items() if k not in ("interval", "edition")]
    start = at.start_of(analysis)
    return " · ".join([*facts, *([f"where a number comes from: itembank why {start}:TABLE:WORDS"] if start else [])])


def stamps(analysis: Analysis) -> list[str]:
    """What must be seen at once."""
    out = ["Simulated students: no real district, school or child"] if analysis.simulated else []
    if len(analysis.gate) and (analysis.gate["state"] == "failed").any():
        out.append("Not comparable yet")
    if (analysis.concepts.get("cut_kind", pd.Series(dtype=str)) == "provisional").any():
        out.append("Provisional bar for mastery")
    edition = str(analysis.provenance.get("edition", ""))
    out.append(EDITIONS.get(edition, "Internal edition"))
    return out


def _concepts(analysis: Analysis, names: dict[str, str]) -> Section:
    parts: list[dict[str, Any]] = []
    if len(analysis.mastery):
        rows: list[tuple[Cell, ...]] = []
        for r in analysis.mastery.itertuples():
            name = Cell(names.get(str(r.concept), str(r.concept)))
            if r.shown:
                span = Cell(f"{100 * r.low:.0f} to {100 * r.high:.0f}%" if r.low == r.low else "not given")
                rows.append(
                    (
                        name,
                        Cell(str(r.group)),
                        blocks.percent(r.rate),
                        span,
                        blocks.count(r.n),
                        blocks.count(r.schools),
                        Cell(""),
                    )
                )
            else:
                rows.append((name, Cell(str(r.group)), Cell("–"), Cell(""), Cell(""), Cell(""), Cell(str(r.reason))))
        heads = columns(
            "Concept",
            analysis.group_word.capitalize(),
            "#Mastered",
            "#Likely range",
            "#Students",
            "#Schools",
            "Note",
        )
        parts.append(
            blocks.table(
                Table(
                    "Share of students who have mastered each concept", heads, tuple(rows), True, 0,
                    at.addresses(analysis, "mastery", analysis.mastery),
                )
            )
        )  # fmt: skip
    if len(analysis.contrasts):
        sizes = words.sizes(analysis)
        rows = [
            (
                Cell(names.get(str(r.concept), str(r.concept))),
                Cell(f"{r.group} minus {r.other}"),
                _difference(words.printed(sizes, str(r.concept), str(r.group), str(r.other), float(r.difference))),
                Cell("" if r.low != r.low else f"{blocks.signed(r.low)} to {blocks.signed(r.high)}"),
                blocks.chance(r.p_adjusted),
                Cell({"ahead": f"{r.group} ahead", "behind": f"{r.other} ahead"}.get(str(r.verdict), str(r.verdict))),
            )
            for r in analysis.contrasts.itertuples()
        ]
        heads = columns(
            "Concept",
            "Compared",
            "#Difference",
            "#Likely range",
            "#How often chance alone makes such a gap",
            "What can be said",
        )
        why = at.addresses(analysis, "differences", analysis.contrasts)
        caption = "Differences in the share who have mastered it"
        parts.append(blocks.table(Table(caption, heads, tuple(rows), why=why)))
    if len(analysis.concepts):
        rows = [
            (
                Cell(str(r.name)),
                blocks.count(r.items),
                blocks.count(r.points),
                blocks.number(r.accuracy),
                Cell(str(r.evidence)),
                Cell(str(r.advice or "")),
            )
            for r in analysis.concepts.itertuples(index=False)
        ]
        heads = columns(
            "Concept",
            "#Items",
            "#Points",
            "#Accuracy from its own items (0 to 1)",
            "Evidence",
            "What would help",
        )
        why = at.addresses(analysis, "evidence", analysis.concepts)
        parts.append(blocks.table(Table("How much evidence each concept rests on", heads, tuple(rows), why=why)))
    parts += _other_bars(analysis, names)
    return Section("concepts", "Concepts", tuple(parts))


def _difference(share: float) -> Cell:
    return Cell("") if share != share else Cell(blocks.signed(share, " in 100"), share)


def _other_bars(analysis: Analysis, names: dict[str, str]) -> list[dict[str, Any]]:
    """What the shares would be if the bar stood one standard error lower or higher; nothing where it has none."""
    if "rate_lower_cut" not in analysis.mastery or not analysis.mastery["rate_lower_cut"].notna().any():
        return []
    known = analysis.mastery[analysis.mastery["shown"].astype(bool) & analysis.mastery["rate_lower_cut"].notna()]
    rows = [
        (
            Cell(names.get(str(r.concept), str(r.concept))),
            Cell(str(r.group)),
            blocks.percent(r.rate_lower_cut),
            blocks.percent(r.rate),
            blocks.percent(r.rate_higher_cut),
        )
        for r in known.itertuples()
    ]
    heads = columns(
        "Concept", analysis.group_word.capitalize(), "#Bar a little lower", "#Bar as set", "#A little higher"
    )
    title = "How much the bar matters: shares mastered if it stood one standard error lower or higher"
    return [blocks.table(Table(title, heads, tuple(rows), True, 0, at.addresses(analysis, "mastery", known)))]


def _scores(analysis: Analysis) -> Section:
    if not len(analysis.distribution):
        return Section("scores", "Scores")
    groups = analysis.groups or tuple(analysis.distribution["group"].unique())
    names = dict(analysis.concepts["name"]) if len(analysis.concepts) else {}
    curve = charts.distributions(analysis.distribution, groups, None)
    whose = "both" if len(groups) == 2 else "all"
    parts = [
        blocks.figure(
            curve, f"How the students spread over the score from all items. 0 is the middle of {whose} together."
        )
    ]
    if len(analysis.means):
        rows = tuple(
            (
                Cell(names.get(str(r.concept), str(r.concept))),
                Cell(str(r.group)),
                blocks.number(r.mean, signed=True),
                Cell("" if r.low != r.low else f"{blocks.with_sign(r.low)} to {blocks.with_sign(r.high)}"),
                blocks.number(r.sd),
            )
            for r in analysis.means.itertuples()
        )
        heads = columns(
            "Concept",
            analysis.group_word.capitalize(),
            "#Average",
            "#Likely range",
            "#Spread",
        )
        caption = "Average and spread of the scores (middle 0, spread 1 for all together)"
        parts.append(
            blocks.table(
                Table(caption, heads, rows, why=at.addresses(analysis, "averages", analysis.means)),
                fold=True,
            )
        )
    if analysis.items["b"].notna().any():
        wright = charts.wright_map(analysis.distribution, analysis.items, groups, names)
        caption = (
            "Students (curves) and items (marks) on one scale. A student has an even chance on an item right below."
        )
        parts.append(blocks.figure(wright, caption))
        parts.append(blocks.table(_item_table(analysis, names), fold=True))
    return Section("scores", "Scores and items on one scale", tuple(parts))


def _item_table(analysis: Analysis, names: dict[str, str]) -> Table:
    groups = analysis.groups
    rows = tuple(
        (
            Cell(str(item)),
            Cell(names.get(str(r["concept"]), str(r["concept"]))),
            blocks.count(r["n"]),
            *(blocks.percent(r[f"share_correct: {g}"]) for g in groups),
            *(() if groups else (blocks.percent(r["share_correct"]),)),
            blocks.number(r["item_rest"]),
            blocks.number(r["a"]),
            blocks.number(r["b"]),
            blocks.number(r["se_b"]),
            Cell(str(r["flags"] or "")),
        )
        for item, r in analysis.items.iterrows()
    )
    heads = columns(
        "Item",
        "Concept",
        "#Students",
        *(f"#Share correct, {g}" for g in groups),
        *(() if groups else ("#Share correct",)),
        "#Goes with the rest",
        "#Steepness",
        "#Difficulty",
        "#± of difficulty",
        "To look at",
    )
    why = at.addresses(analysis, "items", analysis.items)
    return Table("Every item: how many got it right and where it stands", heads, rows, True, 1, why)


def _look_at(analysis: Analysis) -> Section:
    """Items whose statistics give a reason to look at them, the least related to the rest first."""
    flagged = analysis.items[analysis.items["flags"].fillna("") != ""].sort_values("item_rest", kind="stable")
    if not len(flagged):
        return Section("look", "Items to look at")
    rows = tuple(
        (
            Cell(str(item)),
            Cell(str(r["title"])),
            blocks.percent(r["share_correct"]),
            blocks.number(r["item_rest"]),
            Cell(str(r["flags"])),
        )
        for item, r in flagged.iterrows()
    )
    heads = columns("Item", "Title", "#Share correct", "#Goes with the rest", "Why")
    why = at.addresses(analysis, "items", flagged)
    shown = blocks.table(Table("Items with a reason to look at them", heads, rows, True, why=why))
    return Section("look", "Items to look at", (shown,))


def _items(analysis: Analysis, names: dict[str, str]) -> Section:
    dif = analysis.dif
    if not len(dif):
        return Section("differ", "Items that differ")
    intro = (
        "These items were easier for one side than for the other among students who are equally able on "
        "the item’s own concept. "
        "A large difference says that the item works differently there: in wording, in what was taught, in "
        "its context. It is a question for the experts, not an answer."
    )
    judged = dif[dif["effect"].notna()]
    top = judged.assign(size=judged["effect"].abs()).sort_values("size", ascending=False, kind="stable").head(12)
    word = {"A": "small", "B": "moderate", "C": "large"}
    rows = tuple(
        (
            Cell(str(item)),
            Cell(str(r["title"])),
            Cell(names.get(str(r["concept"]), str(r["concept"]))),
            Cell("" if r["effect"] != r["effect"] else blocks.signed(r["effect"], " in 100"), float(r["effect"])),
            Cell("" if r["low"] != r["low"] else f"{blocks.signed(r['low'])} to {blocks.signed(r['high'])}"),
            Cell(word.get(str(r["ets_class"]), "not judged")),
            Cell(str(r["words"])),
        )
        for item, r in top.iterrows()
    )
    heads = columns(
        "Item",
        "Title",
        "Concept",
        "#Difference",
        "#Likely range",
        "Size",
        "In words",
    )
    parts = [blocks.text(intro)]
    sides = f"{analysis.groups[0]} minus {analysis.groups[1]}"
    if rows:
        caption = f"The items that differ most at equal ability on their concept: {sides}"
        why = at.addresses(analysis, "equal-ability", top)
        parts.append(blocks.table(Table(caption, heads, rows, why=why)))
    if len(judged) < len(dif):
        left = words.listed(str(i) for i in dif.index.difference(judged.index, sort=False))
        parts.append(
            blocks.text(f"Not judged, because their concept has too few items to say who is equally able: {left}.")
        )
    return Section("differ", "Items that work differently", tuple(parts))


def _misconceptions(analysis: Analysis, names: dict[str, str]) -> Section:
    data = analysis.misconceptions
    if not len(data):
        return Section("misconceptions", "Misconceptions")
    groups: Sequence[str] = analysis.groups or tuple(data["group"].unique())
    wide = data.pivot_table(
        index=["misconception", "name", "concept"], columns="group", values="share", aggfunc="first"
    )
    wide = wide.reindex(columns=list(groups))
    wide = wide.assign(total=wide.mean(axis=1)).sort_values("total", ascending=False, kind="stable").head(15)
    if len(groups) == 2:
        wide = wide.assign(gap=(wide[groups[0]] - wide[groups[1]]).abs())
    low = data.set_index(["misconception", "concept", "group"])[["low", "high"]]
    rows = []
    for (identifier, name, concept), r in wide.iterrows():
        cells = [Cell(str(name)), Cell(names.get(str(concept), str(concept)))]
        for group in groups:
            here = low.loc[(identifier, concept, group)] if (identifier, concept, group) in low.index else None
            span = "" if here is None else f" ({100 * float(here['low']):.0f} to {100 * float(here['high']):.0f})"
            share = float(r[group]) if group in r and r[group] == r[group] else float("nan")
            cells.append(
                Cell("–" if share != share else f"{100 * share:.0f}%{span}", None if share != share else share)
            )
        rows.append(tuple(cells))
    why = tuple(a for i, _, c in wide.index if (a := at.address(analysis, "misconceptions", c, i)))
    heads = columns("Misconception", "Concept", *(f"#{g}" for g in groups))
    intro = (
        "Each wrong option stands for one way of thinking. The table shows how often students who could "
        "have chosen it did, "
        "the commonest first: a start for the conversation on teaching."
    )
    return Section(
        "misconceptions",
        "Misconceptions behind wrong answers",
        (
            blocks.text(intro),
            blocks.table(
                Table(
                    "How often each misconception’s answers were given (likely range)", heads, tuple(rows), True, 1, why
                )
            ),
        ),
    )


def _truth(analysis: Analysis) -> Section:
    if not len(analysis.truth):
        return Section("truth", "Truth beside estimate")
    rows = tuple(
        (Cell(str(r.what)), _planted(r.truth, r), _planted(r.estimate, r),
         Cell("" if r.low != r.low else f"{blocks.with_sign(r.low)} to {blocks.with_sign(r.high)}"),
         Cell(str(r.inside)))
        for r in analysis.truth.itertuples()
    )  # fmt: skip
    heads = columns("What was planted", "#Truth", "#Estimate", "#Likely range", "Within it, or found")
    intro = (
        "The students are simulated, so the truth is known. This is what was planted and what the "
        "program found without knowing it."
    )
    return Section(
        "truth", "Truth beside estimate",
        (blocks.text(intro), blocks.table(
            Table("Planted and found", heads, rows, why=at.addresses(analysis, "truth", analysis.truth)))),
    )  # fmt: skip


def _planted(value: float, row: Any) -> Cell:
    """A planted or estimated value; a count (whole, without a range) as a count."""
    whole = row.low != row.low and float(row.truth).is_integer()
    return Cell(f"{value:.0f}", float(value)) if whole else blocks.number(value, signed=True)


def _method(analysis: Analysis) -> Section:
    parts: list[dict[str, Any]] = [blocks.bullets([METHOD[0], _yardstick(analysis), *METHOD[1:], _ranges(analysis)])]
    if len(analysis.gate):
        checks = tuple(
            (Cell(str(r.check)), Cell(str(r.state)), Cell(str(r.detail))) for r in analysis.gate.itertuples()
        )
        parts.append(
            blocks.table(
                Table(
                    "What makes a comparison fair, and what is known of it here",
                    columns("Check", "State", "Detail"),
                    checks,
                    why=at.addresses(analysis, "checks", analysis.gate),
                )
            )
        )
    if analysis.notices:
        parts.append(blocks.text("What the program noticed:"))
        parts.append(blocks.bullets([n.message for n in analysis.notices]))
    if len(analysis.participation):
        rows = tuple(
            (Cell(str(r.group)), blocks.count(r.students), blocks.count(r.scored), blocks.count(r.schools))
            for r in analysis.participation.itertuples()
        )
        heads = columns(
            analysis.group_word.capitalize(),
            "#Students",
            "#With a score",
            "#Schools",
        )
        why = at.addresses(analysis, "taking-part", analysis.participation)
        parts.append(blocks.table(Table("Who took part", heads, rows, why=why)))
    return Section("method", "How this was done, and its limits", tuple(parts))


EDITIONS = {"public": "Public edition", "draft": "Draft of a public edition: not agreed, not to be passed on"}
INTERVALS = {
    "schools like these": "for districts made of schools like these",
    "students like these": "for students like these; which schools they belong to was not recorded",
    "these students": "for these students only",
}
METHOD = (
    "All students’ answers were analysed together, so that an item counts the same wherever it was answered. "
    "Items that some students were not given do not count against them.",
    "Each concept has a score of its own; it is not cut out of a total score. The answers to the concept’s items "
    "weigh most, and those on the other concepts help where the two go together. Without enough items of its own a "
    "concept gets no result.",
    "“Mastered” means: reached the bar that stands for the concept. Because a few items cannot settle each "
    "child’s case, shares are "
    "estimated for the whole group and come with a likely range; a child near the bar is never counted as "
    "simply in or out.",
    "The likely range does not count what no data can show: what was taught, who was absent and why.",
    "How often chance alone makes such a gap counts that several concepts are looked at in one table.",
    "Groups of fewer than 11 students are not shown.",
)


def _yardstick(analysis: Analysis) -> str:
    """Whose middle and spread the scale has."""
    if len(analysis.groups) < 2:
        return (
            "The middle and the spread of the scale are those of these students. Another year’s students would move "
            "the scale and a provisional bar along with the shares, so that shares of one group have no likely range."
        )
    neither, both = ("Neither", "both") if len(analysis.groups) == 2 else ("No", "all")
    return (
        f"{neither} side is the yardstick: the middle and the spread of the scale are those of {both} together, "
        "each side weighing the same."
    )


def _ranges(analysis: Analysis) -> str:
    """What a likely range is and what it counts."""
    made = "A likely range is made so that 95 of 100 such ranges hold the true value (a 95 % confidence interval). "
    if len(analysis.groups) > 1:
        made += (
            "The range of a share says where its side stands beside the other, on the scale of all together and at "
            "this bar; what moves every side alike moves scale and bar with it and is not in it. Differences lose "
            "nothing by that. "
        )
    if analysis.provenance.get("interval") == "schools like these":
        return made + "It counts that children of one school resemble each other."
    return made + "Schools were not recorded, so it treats the students as drawn one by one; it is too narrow."


def footer(analysis: Analysis) -> str:
    """Small print: what made the page."""
    who = " All students, schools and districts on this page are simulated." if analysis.simulated else ""
    return f"Made by itembank {analysis.provenance.get('itembank', '')}.{who} Formulas and sources: docs/methods."
