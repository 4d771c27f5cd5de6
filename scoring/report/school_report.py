"""One school, for its own people and the district: internal, shrunken, without ranks."""

from typing import Any

import pandas as pd

from scoring.analysis import cells as at
from scoring.analysis.result import SMALLEST_CELL, TOTAL, Analysis
from scoring.report import blocks, item_parts
from scoring.report.blocks import Card, Cell, Page, Section, Table, columns
from scoring.report.comparison import footer, provenance, stamps
from scoring.report.words import listed

#: Half a 95 % interval in standard errors.
Z95 = 1.96


def school_page(found: Any, school: str, names: dict[str, str]) -> Page:
    """One school by concept and item, beside its district.

    Args:
        found: `scoring.runs.reporting.Reported`. school: as in the analysis. names: school -> name.
    """
    a: Analysis = found.analysis
    effects = a.schools[a.schools["school"].astype(str).map(_code) == school]
    key = str(effects["school"].iloc[0]) if len(effects) else school
    district = str(effects["district"].iloc[0]) if len(effects) else ""
    here = (found.data.persons["school"].astype("str") == school).to_numpy()
    n = int(here.sum())
    above, below = _clear(a, effects)
    name = names.get(school, school)
    lines = [f"{n} students sat the assessment."]
    cards = [
        Card("Higher than expected", tuple(above) or ("In nothing that we can be sure of.",), style="g0"),
        Card("Lower than expected", tuple(below) or ("In nothing that we can be sure of.",), style="g1"),
        Card("How to read this", (
            "Expected means: what schools of this district reach on average with the same recorded students.",
            "A school with few students is drawn towards the middle, because little is known of it.",
            "This is no ranking: most schools cannot be told apart.",
            "Of 100 likely ranges 95 hold the true value; among several concepts one may stand out by chance.",
        ), style="not"),
    ]  # fmt: skip
    parts: list[dict[str, Any]] = []
    rows = a.schools[(a.schools["district"] == district) & (a.schools["concept"] == TOTAL)]
    if len(rows):
        drawn = item_parts.caterpillar(
            rows, key, {str(s): names.get(_code(str(s)), _code(str(s))) for s in rows["school"]}
        )
        caption = (
            "The schools of the district by name, over all items, in spreads of the students; drawn to the middle."
        )
        parts.append(blocks.figure(drawn, caption))
        parts.append(_effects(a, effects))
    sections = [Section("standing", "Where the school stands", tuple(parts)), _items(found, here, district, school)]
    small = ("Fewer than 11 students: not to be passed on",) if n < SMALLEST_CELL else ()
    sides = [
        f"{where} what is expected in {listed(_names(lines))}"
        for where, lines in (("above", above), ("below", below))
        if lines
    ]
    said = f"{name} is {' and '.join(sides)}." if sides else ""
    return Page(
        title=name,
        kicker=f"{a.title} · school report · {district}",
        lead=said or f"{name} is about where its district’s schools with the same students are.",
        stamps=("Internal: not for publication", *small, *(s for s in stamps(a) if "edition" not in s)),
        cards=(Card("Who took part", tuple(lines)), *cards),
        sections=tuple(s for s in sections if s.parts),
        footer=footer(a),
        provenance=provenance(a),
    )


def _code(key: str) -> str:
    """The school's own code of the comparison's name "District A / A-School A01"."""
    return key.rpartition(" / ")[2]


def _clear(a: Analysis, effects: pd.DataFrame) -> tuple[list[str], list[str]]:
    above: list[str] = []
    below: list[str] = []
    for r in effects.itertuples():
        low, high = r.effect - 1.96 * r.se, r.effect + 1.96 * r.se
        name = str(a.concepts.at[r.concept, "name"]) if r.concept in a.concepts.index else str(r.concept)
        if low > 0 or high < 0:
            text = f"{name}: by {abs(r.effect):.2f} of the students’ spread (likely {min(abs(low), abs(high)):.2f} to "
            (above if low > 0 else below).append(text + f"{max(abs(low), abs(high)):.2f})")
    return above, below


def _names(lines: list[str]) -> list[str]:
    return [text.split(":")[0].lower() for text in lines]


def _effects(a: Analysis, effects: pd.DataFrame) -> dict[str, Any]:
    rows = tuple(
        (
            Cell(str(a.concepts.at[r.concept, "name"]) if r.concept in a.concepts.index else str(r.concept)),
            blocks.number(r.effect, signed=True),
            Cell(f"{blocks.with_sign(r.effect - 1.96 * r.se)} to {blocks.with_sign(r.effect + 1.96 * r.se)}"),
            blocks.percent(r.shrinkage),
        )
        for r in effects.itertuples()
    )
    heads = columns("Concept", "#Beside what is expected", "#Likely range", "#Weight of its own answers")
    why = tuple(x for r in effects.itertuples() if (x := at.address(a, "schools", _code(str(r.school)), r.concept)))
    return blocks.table(Table("The school by concept, in spreads of the students", heads, rows, why=why))


def _items(found: Any, here: Any, district: str, school: str) -> Section:
    frame, a = found.data.frame(), found.analysis
    points = found.data.items["points"]
    own = frame[here].mean() / points
    sat = frame[here].notna().sum()
    shown = [i for i in a.items.index if i in own.index]
    rows = tuple(
        (
            Cell(str(i)), Cell(str(a.concepts.at[c, "name"]) if (c := str(r["concept"])) in a.concepts.index else ""),
            Cell(str(r["title"])), blocks.percent(own[i]) if sat[i] >= SMALLEST_CELL else Cell("too few"),
            blocks.percent(r.get(f"share_correct: {district}", r["share_correct"])),
        )
        for i, r in a.items.loc[shown].iterrows()
    )  # fmt: skip
    why = tuple(x for i in shown if (x := at.address(a, "school-items", school, i)))
    heads = columns("Item", "Concept", "Title", "#Here", "#In the district")
    n = int(sat.max()) if len(sat) else 0
    reach = ""
    if n >= SMALLEST_CELL:
        most = f"{100 * Z95 * (0.25 / n) ** 0.5:.0f} in 100"
        reach = f"By chance alone a share of {n} students varies by up to {most} (95 of 100 times)."
    told = [blocks.text(reach)] if reach else []
    content = blocks.table(Table("Share correct, item by item", heads, rows, True, 1, why))
    return Section("items", "Items", (*told, content))
