"""Subgroups within the districts: how large the gaps are there, and whether they differ."""

import re

import pandas as pd

from scoring.analysis import cells as at
from scoring.analysis.result import SMALLEST_CELL, TOTAL, Analysis
from scoring.report import blocks
from scoring.report.blocks import Cell, Section, Table, columns

#: Attribute -> what readers call it; others are shown by their own name.
NAMES = {
    "el_status": "English learner status", "ever_el": "Ever an English learner", "lunch": "Free or reduced-price lunch",
    "sex": "Sex", "ethnicity": "Race and ethnicity", "language": "Language", "district": "The districts",
}  # fmt: skip
LEVELS = {"never EL": "never English learners", "ever EL": "ever English learners", "EL": "English learners",
          "RFEP": "reclassified"}  # fmt: skip


def subgroup_section(analysis: Analysis) -> Section:
    """One table per attribute: shares who have mastered it, and averages over all items; unadjusted rows first."""
    rows = analysis.subgroups
    if not len(rows):
        return Section("subgroups", "Groups of students")
    parts = [
        blocks.text(
            "Each row compares two groups of students. A difference says where students stand, not why: groups differ "
            "in much else. Rows “at a common mix” show what is left when both sides are given the same mix."
        )
    ]
    for by, table in rows.groupby("by", sort=False):
        parts += _attribute(analysis, str(by), table)
    return Section("subgroups", "Groups of students", tuple(parts))


def _attribute(analysis: Analysis, by: str, rows: pd.DataFrame) -> list[dict[str, object]]:
    shown = rows[rows["measure"].isin(["mean", "mastery"])]
    shown = shown[(shown["measure"] == "mastery") | (shown["concept"] == TOTAL)]
    shown = shown[shown["estimate"].notna() | (shown["status"].fillna("") != "")]
    if not len(shown):
        return []
    cells = []
    for r in shown.itertuples():
        share = r.measure == "mastery"
        cells.append(
            (
                Cell(str(r.name)),
                Cell(_contrast(str(r.contrast))),
                Cell(f"at a common mix of {NAMES.get(str(r.adjusted), str(r.adjusted)).lower()}" if r.adjusted else ""),
                _difference(r.estimate, share),
                _span(r.low, r.high, share),
                blocks.chance(r.p_adjusted),
                Cell(str(r.status or "")),
            )
        )
    heads = columns(
        "Concept", "Compared", "Adjusted", "#Difference", "#Likely range", "#How often chance alone makes such a gap",
        "Note",
    )  # fmt: skip
    name = NAMES.get(by, by)
    out = [
        blocks.table(
            Table(
                f"{name}: differences in 100 students (over all items: in spreads)", heads, tuple(cells), True, 0,
                at.addresses(analysis, "groups", shown),
            ),
            fold=len(cells) > 14,
        )
    ]  # fmt: skip
    if counted := _counted(analysis, by):
        out.append(blocks.text(f"{name}: students with a score in {counted}."))
    note = str(rows["note"].iloc[0] or "") if "note" in rows else ""
    return [*out, blocks.text(f"{name}: {note}")] if note else out


def _counted(analysis: Analysis, by: str) -> str:
    """How many students each group rests on; for the districts' own eyes, and not of groups that are too small."""
    levels = analysis.levels
    if not len(levels) or analysis.provenance.get("edition") in ("public", "draft"):
        return ""
    mine = levels[levels["by"].isin([by, f"district x {by}"]) & (levels["measure"] == "mean")]
    mine = mine[(mine["concept"] == TOTAL) & (mine["students"] >= SMALLEST_CELL)]
    return "; ".join(f"{r.group} {int(r.students):,}" for r in mine.itertuples())


def _contrast(text: str) -> str:
    for code, word in LEVELS.items():
        text = re.sub(rf"(?<![\w]){code}(?= - | in |\)|$)", word, text)
    # a bare yes or no is no group: it is quoted, and the caption names what was asked
    text = re.sub(r" in (yes|no)\b", r" among \1", text)
    text = re.sub(r"(?<![\w“])(yes|no)(?= - | in |\)|$)", r"“\1”", text)
    return text.replace(" - ", " minus ")


def _difference(value: float, share: bool) -> Cell:
    if value != value:
        return Cell("")
    return Cell(blocks.signed(value, " in 100"), float(value)) if share else Cell(blocks.with_sign(value), float(value))


def _span(low: float, high: float, share: bool) -> Cell:
    if low != low:
        return Cell("")
    return Cell(
        f"{blocks.signed(low)} to {blocks.signed(high)}"
        if share
        else f"{blocks.with_sign(low)} to {blocks.with_sign(high)}"
    )
