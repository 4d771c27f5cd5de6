"""The packet and the dashboard: the dip on page 1, internal words in no public edition."""

import base64
import json
import re
from dataclasses import replace
from datetime import date
from html import unescape
from pathlib import Path

import pandas as pd
import pytest

from itembank import actions, database, people
from itembank.tabular import read_table
from scoring.bank import trends_writing
from scoring.report import paper
from scoring.report.access import access
from scoring.report.blocks import render
from scoring.report.dashboard import dashboard_pages
from scoring.report.packet import packet
from scoring.runs import releasing_indicators
from scoring.runs.meeting import gather
from scoring.runs.trending import actions_since, indicator_tables
from scoring.trends import targets
from scoring.trends.access import course_access, safe
from tests.scoring.trends.conftest import NOTE, meeting
from tests.scoring.trends.test_access import people as students_by_hand

PUBLISHED = Path(__file__).parents[3] / "docs" / "data"


def test_the_first_page_starts_with_the_concept_that_fell():
    page = packet(meeting())
    assert page.lead.startswith("Rational numbers fell among the same students, while no other concept did:")
    assert "District A 40 → 21 of 100 (change likely -24 to -14)" in page.lead
    assert any("misconceptions" not in line and "Behind wrong answers" in line for line in page.cards[2].lines)
    assert "not growth" in " ".join(page.cards[1].lines)
    assert "dipped" in " ".join(page.cards[0].lines)
    assert page.first[0]["alt"].startswith("Change in 100 students. Rational numbers: District A -19 (-24 to -14)")
    assert paper.pdf(page).startswith(b"%PDF")  # the same page on paper


@pytest.fixture(scope="module")
def site():
    return dashboard_pages(meeting())


def test_a_public_edition_holds_nothing_internal(site):
    internal = render(packet(meeting())) + "".join(site.values())
    public = render(packet(meeting("public"))) + "".join(dashboard_pages(meeting("public")).values())
    for word in (NOTE, "Retire it.", "Tiny", "schools.html"):
        assert word in internal, word
        assert word not in public, word
    assert "Its hardest items" in internal
    assert "Its hardest items" not in public
    assert "under 11" in internal  # the small school's number is not shown even there
    assert "Public edition" in public


def test_the_dashboard_links_only_to_pages_that_are_there(site):
    pages = site
    for text in pages.values():
        links = set(re.findall(r'href="([^"#]+\.html)', text))
        assert links <= set(pages)
        assert not re.search(r'(src|href)="(https?:)?//', text)


@pytest.fixture
def leaders(bank):
    """A bank with two districts and their leaders."""
    with database.writing() as session:
        for code, name in (("1", "Fresno Unified"), ("2", "Long Beach Unified")):
            people.add_district(session, code, name)
        for code, district in (("ana", "1"), ("ben", "2"), ("cy", "1")):
            people.add_person(session, code, code, district, "leader")
    return bank


@pytest.fixture
def partners(leaders):
    """The same with the published table of both."""
    with database.writing() as session:
        files = [PUBLISHED / "published-values.csv", PUBLISHED / "published-definitions.csv"]
        trends_writing.import_files(session, files, "ana", False)
    return leaders


def test_the_published_table_is_reproduced_with_its_derived_rates(partners):
    with database.reading() as session:
        found = indicator_tables(session)
    table = found["values"].pivot_table(index=["indicator", "district"], columns="period", values="value")
    assert table.loc[("grade3_math", "1")].tolist() == [41, 43, 49, 59]
    assert table.loc[("graduation", "2")].tolist() == [84.7, 79, 82.4, 79]
    assert table.loc[("algebra1_of_all", "1")].round(2).tolist() == [13.68, 12.04, 14.85, 14.75]
    assert table.loc[("algebra1_of_all", "2")].round(2).tolist() == [20.77, 21.08, 21.12, 26.22]
    one, two = found["reading"]["sentence"]
    assert "13.7 → 14.8" in one
    assert one.endswith("A rising rate among fewer enrolled students is not growth.")
    assert "20.8 → 26.2" in two
    assert "not growth" not in two
    assert set(found["alerts"]["kind"]) == {"dip", "flattening"}


def test_editions_from_the_bank(partners, tmp_path):
    with database.writing() as session:
        person = people.acting(session, "ana")
        before = [{"district": "1", "period": "2007-08", "value": 14.9}]
        actions.add(session, "Rates mislead.", "", {"1": "enrol the ready"}, "director", person, date(2026, 11, 4),
                    "indicator:algebra1_of_all", None, NOTE, before)  # fmt: skip
        entry = actions.action_of(session, 1)
        actions.update(session, entry, "Said for the room.", person, date(2026, 12, 1))
        actions.update(session, entry, "Said for all.", person, date(2026, 12, 2), internal=False)
    with database.reading() as session:
        internal, public = (render(packet(gather(session, e))) for e in ("internal", "public"))
        since = actions_since(session)[0]["since"]
    assert since[0] == "District 1: 14.9 in 2007-08 → 14.75 in 2008-09."
    for word in (NOTE, "Said for the room."):
        assert word in internal
        assert word not in public
    assert "Said for all." in public
    assert "Fresno Unified: 14.9 in 2007-08" in public


def test_a_public_edition_is_agreed_by_its_content(partners):
    from itembank import decisions

    with database.writing() as session:
        number = trends_writing.propose_edition(session, "a" * 64, "Packet", "ana")
        for code in ("ben", "cy"):
            decisions.vote(session, number, people.acting(session, code), "agree", "")
    with database.reading() as session:
        assert trends_writing.edition_agreed(session, "a" * 64)
        assert not trends_writing.edition_agreed(session, "b" * 64)  # another content needs another word


def test_every_fault_of_an_import_is_named_and_nothing_stored(partners, tmp_path):
    from itembank.errors import Rejected

    file = tmp_path / "bad.csv"
    file.write_text(
        "indicator,district,period,value\ngrade3_math,1,2008-09,60\nnone,1,2008-09,5\ngrade3_math,9,2009-10,5\n"
        "grade3_math,1,autumn,5\ngrade3_math,1,2009-10,150\nalgebra1_of_all,1,2009-10,5\ngrade3_math,2,2009-10,x\n"
    )
    with pytest.raises(Rejected) as refused, database.writing() as session:
        trends_writing.import_files(session, [file], "ana", False)
    assert [(f.line, f.code) for f in refused.value.findings] == [
        (2, "other-value"), (3, "unknown-indicator"), (4, "unknown-district"), (5, "bad-period"), (6, "bad-value"),
        (7, "derived-value"), (8, "not-a-number"),
    ]  # fmt: skip
    circle = tmp_path / "circle.csv"
    circle.write_text("indicator,title,formula\nfirst,First,second * 2\nsecond,Second,first / 2\n")
    with pytest.raises(Rejected, match="was not stored"), database.writing() as session:
        trends_writing.import_files(session, [circle], "ana", False)
    with database.reading() as session:
        assert len(indicator_tables(session)["definitions"]) == 7
    assert read_table(PUBLISHED / "published-values.csv").columns[0] == "indicator"


def test_a_dry_run_stores_nothing(partners, capsys):
    import cli

    words = [
        "indicators",
        "target",
        "grade3_math",
        "--district",
        "1",
        "--period",
        "2009-10",
        "--value",
        "62",
        "--as",
        "ana",
    ]
    for more, count in ((["--dry-run"], 0), ([], 1)):
        with pytest.raises(SystemExit) as done:
            cli.main([*words, *more])
        assert done.value.code == 0
        with database.reading() as session:
            assert len(indicator_tables(session)["targets"]) == count


def test_the_access_page_names_its_rule_or_says_that_none_is_known():
    import pandas as pd

    taken = pd.DataFrame({"student": [f"s{k}" for k in range(20)], "course": "ALG1"})
    needs = pd.DataFrame({"course": ["ALG1"], "requirement": "Algebra 1"})
    page = access(safe(course_access(students_by_hand(), taken, needs)), None, None)
    text = render(page)
    assert "Algebra 1: A 33 of 100 (of all students)." in text
    assert "No marks were given, so only enrolment is reported." in text


def test_cohorts_lead_with_the_fall_and_show_growth_and_who_left(site):
    page = site["cohorts.html"]
    assert "Rational numbers fell among the same students" in page
    assert "Growth of the same students’ mean score" in page
    assert "-0.47" in page  # 2.5 times -.19
    assert "The change of everybody who sat the first time" in page
    assert "Some changes were found from each time alone" in page


def test_a_public_edition_drops_subgroups_and_changes_next_to_a_coded_share():
    from scoring.runs.meeting_public import public_changes
    from tests.scoring.trends.conftest import changes_by_hand

    table = changes_by_hand()
    table.loc[0, "group"] = "District A, language EL"
    table.loc[1, "rate_2"] = 0.994  # of 500: published as ≥99
    table.loc[2, "everybody_1"] = 0.003
    found = public_changes(table, {"District A", "District B"})
    assert len(found) == len(table) - 3
    assert set(found["group"]) == {"District A", "District B"}


def test_marks_of_a_public_chart_stand_on_whole_percents_and_nothing_hidden_is_marked():
    """Places in a chart are numbers: a public packet's SVG must be no sharper than its tables."""
    from scoring.report.editions import public_edition
    from scoring.runs.meeting_public import public_changes
    from tests.scoring.trends.conftest import changes_by_hand

    table = changes_by_hand()
    table["rate_2"] += 0.00313
    table["change"] += 0.00313
    inside, given = meeting(), meeting("public")
    held = [replace(o, analysis=public_edition(o.analysis).analysis) for o in given.held]
    gone = held[1].analysis.mastery.assign(shown=lambda t: t["concept"] != "rational-numbers")
    held[1] = replace(held[1], analysis=replace(held[1].analysis, mastery=gone))
    public = replace(given, held=held, changes=public_changes(table, set(given.districts.values()), held))
    pages = [render(packet(public)), *dashboard_pages(public).values()]
    marks = [m for page in pages for m in marks_of(page) if m.startswith("change:")]
    assert marks
    assert all(re.match(r"change: [-−]?\d+(\.0+)?;", m) for m in marks), marks
    assert not any("Rational numbers" in m for m in marks)
    sharp = marks_of(render(packet(replace(inside, changes=table))))
    assert any(
        re.match(r"change: [-−]?\d+\.\d", m) and "Rational numbers" in m for m in sharp
    )  # so the search finds it


def marks_of(page: str) -> list[str]:
    """What every mark of every chart of a page stands for, as the SVG says."""
    drawn = [base64.b64decode(s).decode() for s in re.findall(r"data:image/svg\+xml;base64,([^\" ]+)", page)]
    return [unescape(m) for svg in drawn for m in re.findall(r'<path aria-label="([^"]+)"', svg)]


def values_by_hand():
    rows = [
        ("rate", "A", "", "all", "2007-08", 60.0, 100, False), ("rate", "A", "", "all", "2008-09", 61.0, 100, False),
        ("rate", "A", "", "EL", "2008-09", 33.0, 6, False), ("rate", "A", "", "not EL", "2008-09", 62.8, 94, False),
        ("rate", "A", "", "EL", "2007-08", 40.0, 20, False), ("rate", "A", "", "not EL", "2007-08", 65.0, 80, False),
        ("rate", "B", "", "all", "2008-09", 50.0, 100, False), ("rate", "B", "", "boys", "2008-09", 49.0, 95, False),
        ("grad", "A", "", "all", "2008-09", 98.7, 200, False), ("grad", "A", "s1", "all", "2008-09", 90.0, 50, False),
        ("of_all", "A", "", "EL", "2008-09", 20.0, float("nan"), True),
        ("of_all", "A", "", "EL", "2007-08", 21.0, float("nan"), True),
    ]  # fmt: skip
    names = ["indicator", "district", "school", "subgroup", "period", "value", "n", "derived"]
    return pd.DataFrame(rows, columns=names).assign(se=float("nan"), source="")


def test_public_indicators_give_no_small_group_away_by_subtraction_target_or_formula():
    from scoring.runs.meeting_public import public_indicators

    goals = pd.DataFrame(
        [("rate", "A", "", "EL", "2008-09", 50.0, ""), ("grad", "A", "", "all", "2008-09", 90.0, "")],
        columns=["indicator", "district", "school", "subgroup", "period", "value", "reason"],
    )
    given = meeting("public").indicators
    better = dict.fromkeys(given["definitions"].index, "higher")
    values = values_by_hand()
    tables = {**given, "values": values, "targets": targets.progress(values, goals, better)}
    assert 33.0 in set(tables["targets"]["value"])
    found = public_indicators(tables, {"A": "District A", "B": "District B"})
    kept = {tuple(r) for r in found["values"][["indicator", "district", "subgroup", "period"]].to_numpy()}
    assert kept == {
        ("rate", "A", "all", "2007-08"), ("rate", "A", "all", "2008-09"), ("rate", "A", "EL", "2007-08"),
        ("rate", "A", "not EL", "2007-08"), ("rate", "B", "all", "2008-09"), ("of_all", "A", "EL", "2007-08"),
    }  # fmt: skip
    told = found["targets"].set_index("indicator")
    assert (told.at["rate", "latest"], told.at["rate", "value"]) == ("2007-08", 40.0)
    assert told.at["grad", "state"] == "no value yet"  # 98.7 of 200 is published as a bound


def test_a_public_dashboard_says_that_it_is_a_draft_until_both_districts_agree(partners, tmp_path, run):
    words = ("report", "dashboard", "--edition", "public", "-o", tmp_path / "site")
    code, _, err = run(*words, "--propose", "--as", "ana")
    assert code == 0, err
    pages = [p.read_text(encoding="utf-8") for p in (tmp_path / "site").iterdir()]
    assert all("Public edition: draft, waits for both districts" in p for p in pages)
    for person in ("ben", "cy"):
        assert run("decisions", "agree", "1", "--as", person)[0] == 0
    code, _, err = run(*words)
    assert (code, "agreed by both districts" in err) == (0, True), err
    pages = [p.read_text(encoding="utf-8") for p in (tmp_path / "site").iterdir()]
    assert all("Public edition: agreed by both districts" in p for p in pages)
    assert run("report", "dashboard", "--propose")[0] == 2


def test_an_agreed_packet_is_logged_and_a_later_dashboard_knows_what_it_told(leaders, tmp_path, run):
    """Indicators of groups with known sizes: into the log, attacked, and held against the next edition."""
    rows = [("all", 400, 75.0), ("EL", 200, 51.5), ("not EL", 200, 98.5), ("boys", 210, 70.0), ("girls", 190, 80.5)]
    lines = [f"grade3_math,1,2010-11,{g},{v},{n}" for g, n, v in rows]
    values = tmp_path / "groups.csv"
    values.write_text("indicator,district,period,subgroup,value,n\n" + "\n".join(lines) + "\n")
    definitions = tmp_path / "definitions.csv"
    published = (PUBLISHED / "published-definitions.csv").read_text(encoding="utf-8").splitlines()
    definitions.write_text("\n".join([published[0], *(x for x in published if x.startswith("grade3_math"))]) + "\n")
    assert run("indicators", "import", definitions, values, "--as", "ana")[0] == 0
    packet_words = ("report", "packet", "--edition", "public", "-o", tmp_path / "p.html")
    assert run(*packet_words, "--propose", "--as", "ana")[0] == 0
    assert run("compare", "audit", "--log", "--json")[1].strip() in ("[]", "")  # proposed is not published
    for person in ("ben", "cy"):
        assert run("decisions", "agree", "1", "--as", person)[0] == 0
    code, _, err = run(*packet_words, "--as", "ana")
    assert (code, "in the release log" in err) == (0, True), err
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "75" in page
    assert "98.5" not in page  # 98.5 of 200 would be a bound; the groups beside it go as well
    assert "51.5" not in page
    assert run(*packet_words)[0] == 0  # asked again: the same release
    log = json.loads(run("compare", "audit", "--log", "--json")[1])
    assert [(r["of"], r["report"], r["decision"], r["by"]) for r in log] == [("indicators", "packet", 1, "ana")]
    assert log[0]["percentages_hidden"] > 0
    attacked = run("compare", "audit", "--json")
    assert attacked[0] == 0
    rows_ = json.loads(attacked[1])
    assert len(rows_) > 2
    assert all(r["protected"] for r in rows_)
    # the dashboard tells the same numbers: an entry of its own, made from the tables that are kept
    site = ("report", "dashboard", "--edition", "public", "-o", tmp_path / "site")
    assert run(*site, "--propose", "--as", "ana")[0] == 0
    for person in ("ben", "cy"):
        assert run("decisions", "agree", "2", "--as", person)[0] == 0
    assert run(*site)[0] == 0
    log = json.loads(run("compare", "audit", "--log", "--json")[1])
    assert [r["report"] for r in log] == ["packet", "dashboard"]
    assert run("compare", "audit", str(log[1]["release"]))[0] == 0
    with database.reading() as session:
        before = releasing_indicators.earlier(session)
    assert len(before) == 1  # what the dashboard repeats is known once
    whole = pd.DataFrame({"n": [400], "percent": [75.0], "withheld": [False]},
                         index=pd.MultiIndex.from_tuples([("1", "all", "grade3_math")],
                                                         names=["district", "subgroup", "indicator"]))  # fmt: skip
    most = whole.assign(n=393).rename(index={"all": "not migrant"})
    alone = releasing_indicators.protect({"2010-11 1": most})
    assert alone["2010-11 1"].tables["values"]["n"].tolist() == ["393"]
    after = releasing_indicators.protect({"2010-11 1": most}, before)  # 400 in the packet: 7 would be left
    assert after["2010-11 1"].tables["values"].to_numpy().tolist() == [["*", "*"]]
