"""Every table of every kind of report carries the addresses of its rows; a new table without them fails here."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from scoring.analysis import cells
from scoring.analysis.result import TOTAL
from scoring.commands import report, report_access, report_packet, report_pages
from scoring.report import blocks, item_report, paper, school_report, student_report, technical_report
from scoring.report.comparison import comparison
from scoring.report.dashboard import dashboard_pages
from scoring.report.packet import packet

from ..trends.conftest import meeting
from .conftest import GROUPS, NAMES, example, without_pictures
from .test_comparison_page import read
from .test_pages import CONCEPT, SCHOOLS, marks
from .test_pages import found as found_by_hand

#: Kinds whose tables carry no addresses, and why.
WITHOUT = {
    "student": "a page for a family: its small print names the run, and no student has an address",
    "access": "counted from files without a bank: nothing is stored that could be asked",
}
BANK = {"run": 3, "made": "2026-11-09 08:15 UTC", "inputs": "sha256 0123456789abcdef"}


def everything():
    """The analysis by hand as a bank would give it, with every table that pages know."""
    given = found_by_hand()
    a = given.analysis
    subgroups = pd.DataFrame(
        [{"by": by, "concept": c, "name": n, "contrast": f"x - y in {g}", "adjusted": adjusted, "measure": measure,
          "estimate": 0.1, "low": 0.0, "high": 0.2, "p_adjusted": 0.03, "status": "", "note": ""}
         for by in ("sex", "el_status") for c, n in {TOTAL: TOTAL, **NAMES}.items() for g in GROUPS
         for adjusted in ("", "lunch") for measure in ("mean", "mastery")]
    )  # fmt: skip
    coverage = pd.DataFrame({"by": ["", "district"], "group": ["all", "District A"], "students": [9, 5], "sat": [9, 5]})
    other_bars = a.mastery.assign(rate_lower_cut=a.mastery["rate"] + 0.05, rate_higher_cut=a.mastery["rate"] - 0.05)
    a = replace(
        a, provenance={**a.provenance, **BANK}, subgroups=subgroups, coverage=coverage, mastery=other_bars,
        fit={"converged": True, "log_likelihood": -1234.5, "n_parameters": 83},
    )  # fmt: skip
    given.analysis, given.calibration = a, 1
    return given


def over_time():
    """The meeting by hand with its comparisons' numbers, and a cohort in published rates."""
    given = meeting()
    held = [
        replace(o, analysis=replace(o.analysis, provenance={**o.analysis.provenance, **BANK, "run": k}))
        for k, o in enumerate(given.held, start=3)
    ]
    published = pd.DataFrame(
        [{"concept": "math", "group": "District A", "first": "grade 5, 2005-06", "second": "grade 8, 2008-09",
          "rate_1": 0.5, "rate_2": 0.4, "change": -0.1, "low": np.nan, "high": np.nan, "verdict": "fell"}]
    )  # fmt: skip
    grade = given.changes.assign(kind="grade")
    return replace(given, held=held, published=published, changes=pd.concat([given.changes, grade]))


def reports():
    """Kind of report -> its pages."""
    given = everything()
    a = given.analysis
    history = pd.DataFrame(
        [(1, "autumn", "2026-11-01", 1, "2pl", 5000.0, 0.1, 0.05, 1.2)],
        columns=["run", "administration", "at", "version", "model", "n", "b", "se_b", "a"],
    )
    facts = {
        name: pd.DataFrame({"value": [0.02]}, index=pd.Index(["rmsea"], name="what"))
        for name in ("model fit", "item fit", "reliability", "unusual patterns")
    }
    return {
        "comparison": [comparison(a)],
        "concept": [item_report.concept_page(given, CONCEPT)],
        "item": [item_report.item_page(given, "G7-00", history)],
        "school": [school_report.school_page(given, SCHOOLS[0], {SCHOOLS[0]: "Oak Middle School"})],
        "technical": [technical_report.technical_page(given, facts, "tables")],
        "packet": [packet(over_time())],
        "student": [student_report.student_page(a, marks(), "4711"),
                    student_report.roster_page(a, [("4711", marks())], "Class 7b")],
    }  # fmt: skip


def tables_of(page):
    parts = [*page.first, *(part for section in page.sections for part in section.parts)]
    return [part["table"] for part in parts if part["kind"] == "table"]


@pytest.fixture(scope="module", autouse=True)
def no_pictures():
    """Charts are drawn in the tests of the pages; here they would only take time."""
    with pytest.MonkeyPatch.context() as patch:
        without_pictures(patch)
        yield


@pytest.fixture(scope="module")
def made():
    return reports()


def test_every_kind_of_report_is_looked_at(made):
    """Whoever adds a command of `report` adds its pages here, or says why they have no addresses."""
    commands = {
        c.name for app in (report.app, report_access.app, report_packet.app, report_pages.app)
        for c in app.registered_commands
    }  # fmt: skip
    assert commands == {*made, *WITHOUT, "dashboard"}


def test_every_table_carries_the_addresses_of_its_rows(made):
    bare = [
        (kind, table.caption)
        for kind, pages in made.items() if kind not in WITHOUT
        for page in pages for table in tables_of(page) if not table.why
    ]  # fmt: skip
    assert bare == []
    counts = {kind: sum(len(tables_of(p)) for p in pages) for kind, pages in made.items()}
    assert counts["comparison"] >= 12  # no table went missing from what is looked at
    assert counts["technical"] >= 15
    for pages in made.values():
        for page in pages:
            for table in tables_of(page):
                assert len(set(table.why)) == len(table.why), table.caption


def test_every_page_of_the_dashboard_carries_addresses():
    rows = 0
    for name, text in dashboard_pages(over_time()).items():
        bodies = [b.split("</tbody>")[0] for b in text.split("<tbody>")[1:]]
        for body in bodies:
            listed = [row for row in body.split("<tr")[1:] if 'data-kind="action"' not in row]  # words, no number
            assert [row for row in listed if not row.lstrip().startswith("data-") or "data-why=" not in row] == [], name
            rows += len(listed)
    assert rows > 100


def test_an_address_leads_back_to_its_row(made):
    a = everything().analysis
    others = cells.other_names(a, {"A": "District A", "B": "District B"})
    tried = 0
    for kind in ("comparison", "concept", "item", "school", "technical"):
        for page in made[kind]:
            for table in tables_of(page):
                for line, why in zip(table.rows, table.why, strict=True):
                    start, name, *keys = why.split(":")
                    if name not in cells.TABLES or start != "3":
                        continue
                    frame, columns = cells.table_of(a, name)
                    found = cells.rows_at(frame, columns, keys, others)
                    assert len(found) == 1 or name in ("misconceptions", "options"), why
                    told = {cells.slug(cell.text) for cell in line}
                    concept = str(found["concept"].iloc[0]) if "concept" in found else ""
                    first = {cells.slug(v) for v in found.iloc[0]} | {cells.slug(NAMES.get(concept, concept))}
                    assert told & first, (why, told)
                    tried += 1
    assert tried > 200


@pytest.mark.parametrize(
    ("value", "typed"),
    [("District A / A-S01", "district-a-a-s01"), ("-6", "minus-6"), ("6", "6"), ("1/2", "1/2"), (0.5, "0.5"),
     ("x+1", "x-plus-1"), ("el_status", "el-status"), ("", "none"), (float("nan"), "none"),
     ("G7-EE-001@2", "g7-ee-001-2")],
)  # fmt: skip
def test_keys_can_be_typed_without_quotes(value, typed):
    assert cells.slug(value) == typed
    assert cells.slug(typed) == typed


def test_the_line_under_a_table_says_what_to_type_on_screen_and_paper(made):
    (page,) = made["comparison"]
    html = blocks.render(page)
    assert "Where the first row comes from: itembank why 3:mastery:expressions-equations:district-a" in " ".join(
        " ".join(read(html).text).split()
    )
    assert "itembank why 3:mastery:expressions-equations:district-a" in paper.typst_source(page)[0]


def test_without_a_bank_nothing_is_promised():
    page = comparison(example())
    assert all(table.why == () for table in tables_of(page))
    assert "itembank why" not in blocks.render(page).split("<body>")[1].split("<script>")[0]


def test_a_public_page_carries_addresses_in_its_rows_but_no_lines():
    a = everything().analysis
    internal = comparison(a)
    public = comparison(replace(a, provenance={**a.provenance, "edition": "public", "release": 9}))
    assert [t.why[0].split(":", 1)[1] for t in tables_of(public)] == [
        t.why[0].split(":", 1)[1] for t in tables_of(internal)
    ]
    assert {w.split(":")[0] for t in tables_of(public) for w in t.why} == {"9"}
    html = blocks.render(public)
    assert 'class="why"' not in html.split("<script>")[0].split("</style>")[1]
    assert 'data-why="9:mastery:' in html
    assert "itembank why 9:TABLE:WORDS" in html
    assert "#asked(" not in paper.typst_source(public)[0]
    assert "#asked(" in paper.typst_source(internal)[0]
