"""The technical report: the chapters that the Standards for Educational and Psychological Testing (2014) ask for.

Each chapter says what was done in this run and gives its numbers; the whole tables lie beside it as CSV.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scoring.analysis import cells as at
from scoring.analysis.result import TOTAL, Analysis
from scoring.report import blocks, comparison
from scoring.report.blocks import Card, Cell, Page, Section, Table, columns

STORED = ("concepts", "mastery", "contrasts", "mean_contrasts", "means", "items", "dif", "misconceptions", "options",
          "participation", "coverage", "gate", "subgroups", "levels")  # fmt: skip
USES = (
    "Intended: where two districts stand on the concepts of a grade, concept by concept, with the uncertainty of every "
    "number; which misconceptions stand behind wrong answers; which items want a joint look.",
    "Not supported: judging a teacher, a school or a child by one administration; ranking schools; saying why two "
    "districts differ; claims about other districts.",
)
METHODS = (
    "Items: 2PL for two scores, GPCM for more; marginal maximum likelihood over both districts at once, each with its "
    "own mean and variance, neither the reference; every district weighs the same (docs/methods/estimation.md).",
    "Concepts: correlated abilities, each measured by its own items; expectation propagation; a concept is reported "
    "when the accuracy of its own items (PRMSE; Haberman 2008) is .50 or more and it has four items "
    "(docs/methods/profile.md).",
    "Groups: 20 plausible values from a latent regression on every reported variable with school effects; intervals "
    "by deleting one school within its district, which contains measurement error; Benjamini-Hochberg within a table "
    "(docs/methods/comparison.md).",
    "DIF: Mantel-Haenszel on the item's own concept, robust to schools, ETS classes (docs/methods/diagnostics.md).",
    "Disclosure: no cell under 11 students, complementary suppression, top and bottom coding, earlier releases taken "
    "as known; attacked by linear programming (docs/methods/disclosure.md).",
)
SCORING = (
    "An omitted answer and one with several marks where one is asked for score 0. What was not reached is left out of "
    "calibration, concepts and comparison alike (`itembank score run --not-reached zero` counts it 0, for students’ "
    "own results only). What was not administered counts neither way.",
    "Answers, keys and scores are stored apart: a corrected key scores again, and results that rest on the old one are "
    "refused as stale.",
)
EVIDENCE = (
    "Content: an item is approved by both districts, in each by somebody who did not write it; items that were taken "
    "in as released were not reviewed here. What the items measure stands in chapter 3, what reviewers said of each in "
    "`itembank reviews show`.",
    "Response processes: each wrong option stands for a named misconception; how often each was chosen stands in "
    "options.csv and misconceptions.csv. Students were not observed or interviewed while solving.",
    "Internal structure: fit of model and items in chapter 4, accuracy of each concept in chapter 5, items that work "
    "differently in chapter 6.",
    "Relations to other variables: none were collected (no grades, no state scores), so no such evidence is claimed.",
    "Consequences: not studied. The uses that are not supported are named in chapter 1.",
)
SPANS = "Columns low and high hold 95 % intervals, se is the standard error, n the students a number rests on."
NO_RATERS = (
    "A cut without raters has no standard error: it is a rule, not an estimate, and is labelled provisional until "
    "teachers of both districts have rated the items."
)
LIMITS = (
    "The cut is held fixed in standard errors; rates at the cut plus and minus one SE stand in the tables.",
    "Intervals are for schools like these; two districts never support a claim about districts like them.",
    "Who was absent, what was taught and the language edition may be recorded; they are not modelled.",
    "A concept not yet taught in a district is not compared as mastery there.",
)


def technical_page(found: Any, facts: dict[str, pd.DataFrame], folder: str) -> Page:
    """The report as a page.

    Args:
        found: `scoring.runs.reporting.Reported`.
        facts: of `scoring.runs.technical.technical_tables`.
        folder: name of the folder with the tables, to be named in the text.
    """
    a: Analysis = found.analysis
    students = int(a.participation["scored"].sum()) if len(a.participation) else 0
    sections = (
        Section("uses", "1 Purposes and uses", (blocks.bullets(USES),)),
        Section("design", "2 Design, participants and coverage", tuple(_design(a, found))),
        Section("items", "3 Items, scoring and content", tuple(_items(a, facts))),
        Section("calibration", "4 Calibration, scaling and fit", tuple(_calibration(a, found, facts))),
        Section("precision", "5 Reliability and errors of measurement", tuple(_precision(a, found, facts))),
        Section("fairness", "6 Fairness: items that work differently", tuple(_fairness(a))),
        Section("standards", "7 Performance standards", tuple(_standards(a))),
        Section("groups", "8 Comparison of groups and its uncertainty", tuple(_groups(a))),
        Section("validity", "9 Evidence for the intended uses", (blocks.bullets(EVIDENCE),)),
        Section("limits", "10 Comparability and limits", tuple(_limits(a))),
        Section("reproduce", "11 Reproducing every number", tuple(_reproduce(a, found, folder))),
    )
    return Page(
        title=f"Technical report: {a.title}",
        kicker=f"{students:,} students · {len(a.items)} items · comparison {found.run}",
        lead=f"What was measured, how, how exactly, and what it may be used for. Every table lies in {folder}/ as CSV.",
        stamps=tuple(comparison.stamps(a)),
        cards=(
            Card("Comparability", (f"{a.stamp or 'nothing compared'}", *_failed(a))),
            Card("Estimation", (
                f"converged: {'yes' if a.fit.get('converged') else 'no'}",
                f"log-likelihood {float(a.fit['log_likelihood']):,.3f}, {a.fit.get('n_parameters', '')} parameters",
            )),
        ),
        sections=sections,
        footer=comparison.footer(a),
        provenance=comparison.provenance(a),
    )  # fmt: skip


def write_tables(a: Analysis, facts: dict[str, pd.DataFrame], folder: Path) -> list[str]:
    """Write every table as CSV; groups under 11 students are left to the disclosure of public editions."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {name: getattr(a, name) for name in STORED} | facts
    names = []
    for name, table in tables.items():
        if len(table):
            file = re.sub(r"\W+", "-", name) + ".csv"
            table.to_csv(folder / file, index=bool(table.index.name), lineterminator="\n")
            names.append(file)
    return names


def stored(a: Analysis, name: str, caption: str, fold: bool = False, table: pd.DataFrame | None = None) -> Any:
    """A table of the analysis by its name in an address, or the given part of it."""
    if table is None:
        table = at.counted(a, name) if name in at.COUNTED else getattr(a, at.TABLES[name][0])
    return frame(table, caption, fold, why=at.addresses(a, name, table))


def frame(
    table: pd.DataFrame, caption: str, fold: bool = False, digits: int = 3, why: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Any DataFrame as a table of the page: numbers right, missing cells empty. `why`: of `blocks.Table`."""
    flat = table.reset_index() if table.index.name else table
    heads = columns(*(f"#{c}" if pd.api.types.is_numeric_dtype(flat[c]) else str(c) for c in flat.columns))
    facts = list(flat.columns[1:]) == ["value"]  # a fact and its value in each row: the row says what it is
    whole = {c: facts or not pd.api.types.is_float_dtype(flat[c]) or (flat[c].dropna() % 1 == 0).all() for c in flat}
    rows = tuple(
        tuple(_cell(v, digits, str(row[0] if facts else c), whole[c]) for c, v in zip(flat.columns, row, strict=True))
        for row in flat.itertuples(index=False)
    )
    return blocks.table(Table(caption, heads, rows, True, why=why), fold)


def _failed(a: Analysis) -> list[str]:
    """What the gate found failed or not recorded, in short: the details stand in their chapter."""
    if not len(a.gate):
        return []
    told = {state: list(a.gate.loc[a.gate["state"] == state, "check"]) for state in ("failed", "not recorded")}
    return [f"{state}: {', '.join(map(str, checks))}" for state, checks in told.items() if checks]


def _cell(value: Any, digits: int, name: str, whole: bool) -> Cell:
    """A value as a cell; `whole` lets a float without decimals stand as a count, `name` tells a p value."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if isinstance(value, int):
        return Cell(f"{value:,}", float(value))
    if isinstance(value, float):
        if value != value:
            return Cell("")
        if name.startswith("p_") and value < 0.5 * 10**-digits:  # no chance is nought
            return Cell(f"<{10**-digits:.{digits}f}", value)
        if whole and value.is_integer():
            return Cell(f"{value:,.0f}", value)
        return Cell(blocks.without_sign(value, digits) if abs(value) < 1e6 else f"{value:,.0f}", value)
    return Cell("" if value is None else str(value))


def _design(a: Analysis, found: Any) -> list[dict[str, Any]]:
    adm = found.data.administration
    out = [blocks.text(f"Administration {adm.code}, {adm.opens_on} to {adm.closes_on}, {adm.mode}; "
                       f"forms: {', '.join(sorted(set(found.data.persons['form'].astype(str))))}.")]  # fmt: skip
    offered = dict(getattr(adm, "details", None) or {})
    told = [f"{name}: {', '.join(map(str, offered.get(name) or ())) or 'none recorded'}"
            for name in ("accommodations", "languages")]  # fmt: skip
    out.append(blocks.text(f"Offered: {'; '.join(told)}."))
    if len(a.participation):
        out.append(stored(a, "taking-part", "Participants"))
    if len(a.coverage):
        out.append(stored(a, "coverage", "Coverage by district, school and group", fold=True))
    return out


def _items(a: Analysis, facts: dict[str, pd.DataFrame]) -> list[dict[str, Any]]:
    shown = a.items[[c for c in a.items.columns if c != "title"]]
    content = facts.get("content", at.counted(a, "content"))
    return [
        blocks.bullets(SCORING),
        frame(
            content,
            "Content by concept: kinds of items, standards, depth of knowledge, districts of the authors",
            why=at.addresses(a, "content", content),
        ),
        stored(a, "items", "Item statistics, with standard errors of slope and difficulty", True, shown),
    ]


def _calibration(a: Analysis, found: Any, facts: dict[str, pd.DataFrame]) -> list[dict[str, Any]]:
    told = pd.DataFrame({"value": {k: _fact(v) for k, v in a.fit.items()}}).rename_axis("fact")
    out = [blocks.bullets(METHODS[:2]), frame(told, "Estimation", why=at.addresses(a, "estimation", told))]
    if found.calibration is None:
        out.append(
            blocks.text("No stored calibration: fit of model, items and persons needs `itembank calibrate run`.")
        )
    for name, caption in (
        ("model fit", "Fit of the model (M2 or C2, RMSEA2, SRMSR, CFI, TLI)"),
        ("item fit", "Fit of the items (S-X² and others)"),
        ("unusual patterns", "Person fit by lz* (Snijders 2001): how many patterns are unusual"),
    ):
        if name in facts:
            out.append(frame(facts[name], caption, name == "item fit", why=_measured(found, name, facts[name])))
    return out


def _fact(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) >= 0.001 or not value else f"{value:.2g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _measured(found: Any, name: str, table: pd.DataFrame) -> tuple[str, ...]:
    """Addresses in a table that the newest calibration gives."""
    return tuple(at.join(found.calibration, at.slug(name), row) for row in table.index) if found.calibration else ()


def _precision(a: Analysis, found: Any, facts: dict[str, pd.DataFrame]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    if "reliability" in facts:
        why = _measured(found, "reliability", facts["reliability"])
        out.append(frame(facts["reliability"], "Reliability of the score over all items", why=why))
    if "conditional error" in facts:
        caption = "Error of measurement along the scale: sem in spreads, score_sem in points of the whole test"
        found_ = facts["conditional error"]
        out.append(frame(found_, caption, True, 2, _measured(found, "conditional error", found_)))
    if len(a.concepts):
        shown = a.concepts[[c for c in ("items", "points", "accuracy", "evidence", "advice") if c in a.concepts]]
        caption = "Accuracy of each concept from its own items (PRMSE) and whether it is reported"
        out.append(stored(a, "evidence", caption, table=shown))
    if "verdicts" in facts:
        caption = (
            "Verdicts at the cut, from each student’s score and its error (Rudner 2001, 2005): share right, share "
            "alike on a second form, and the share that is left undecided"
        )
        why = tuple(x for c in facts["verdicts"].index if (x := at.address(a, "verdicts", c)))
        out.append(frame(facts["verdicts"], caption, why=why))
    return out or [blocks.text("Nothing was estimated.")]


def _fairness(a: Analysis) -> list[dict[str, Any]]:
    if not len(a.dif):
        return [blocks.text(METHODS[3]), blocks.text("Not run: too few students in a group.")]
    shown = a.dif[[c for c in a.dif.columns if c not in ("title", "words")]]
    return [blocks.text(METHODS[3]), stored(a, "classes", "Items by ETS class"),
            stored(a, "equal-ability", "Every item", True, shown)]  # fmt: skip


def _standards(a: Analysis) -> list[dict[str, Any]]:
    if not len(a.concepts):
        return [blocks.text("No concepts, no cuts.")]
    shown = a.concepts[[c for c in ("cut", "cut_kind", "cut_se", "cut_basis") if c in a.concepts]]
    caption = "Cuts on each concept’s scale (pooled mean 0, SD 1) and what they rest on"
    out = [stored(a, "evidence", caption, table=shown)]
    if shown["cut_se"].isna().any():
        out.append(blocks.text(NO_RATERS))
    return out


def _groups(a: Analysis) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = [blocks.text(METHODS[2]), blocks.text(SPANS)]
    for name, caption in (
        ("mastery", "Share who have mastered each concept"),
        ("differences", "Differences in mastery"),
        ("average-differences", f"Differences in means ({TOTAL} first)"),
        ("groups", "Subgroups, unadjusted and adjusted"),
    ):
        if len(getattr(a, at.TABLES[name][0])):
            out.append(stored(a, name, caption, fold=True))
    return out


def _limits(a: Analysis) -> list[dict[str, Any]]:
    out = [stored(a, "checks", "What makes the comparison fair, and what is known of it")] if len(a.gate) else []
    notices = [n.message for n in a.notices]
    return [*out, blocks.bullets(LIMITS), *([blocks.bullets(notices)] if notices else []), blocks.text(METHODS[4])]


def _reproduce(a: Analysis, found: Any, folder: str) -> list[dict[str, Any]]:
    said = (
        f"`itembank why {found.run}` names the run's software, seed, keys, item versions, files and hashes; "
        f"`itembank why {found.run}:mastery:CONCEPT:DISTRICT` does so for one number; under each table stands what to "
        f"type for it. The tables are in {folder}/."
    )
    return [blocks.text(said), stored(a, "provenance", "Provenance")]
