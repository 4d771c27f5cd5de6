"""From every number on the pages of a real bank back to what it rests on."""

import json
import re
from html import unescape
from pathlib import Path

import pytest

from itembank import database
from itembank.errors import ItembankError
from scoring import bank as gate
from scoring.runs import releasing_indicators
from scoring.runs.tracing import trace
from tests.scoring.report.conftest import without_pictures
from tests.scoring.runs.conftest import ITEMS, STUDENTS, draw, load

FILES = {
    "definitions.csv": "indicator,title,formula\ngrade5_math,Grade 5,\ngrade8_math,Grade 8,\n"
                       "both,Both,grade5_math + grade8_math\n",
    "values.csv": "indicator,district,period,value,n\ngrade5_math,A,2005-06,50,900\ngrade8_math,A,2008-09,40,880\n"
                  "grade5_math,A,2008-09,52,910\n",
    "targets.csv": "indicator,district,period,target,reason\ngrade8_math,A,2010-11,60,agreed\n",
}  # fmt: skip


@pytest.fixture
def pages(twice, run, monkeypatch):
    """Every kind of report of the bank, as files; the link of its two comparisons is run 4."""
    without_pictures(monkeypatch)
    for name, text in FILES.items():
        Path(name).write_text(text, encoding="utf-8")
    assert run("indicators", "import", *FILES, "--as", "a1")[0] == 0
    assert run("link", "run", "spring", "autumn")[0] == 0
    for words in (
        ("comparison", "2"), ("concept", "geometry", "--run", "2"), ("item", "Q01", "--run", "2"),
        ("school", "A-S0", "--run", "2"), ("technical", "--run", "2"), ("packet",),
    ):  # fmt: skip
        code, _, err = run("report", *words, "-o", f"{words[0]}.html")
        assert code == 0, err
    assert run("report", "dashboard", "-o", "site")[0] == 0
    return [*twice.glob("*.html"), *(twice / "site").glob("*.html")]


def bodies_of(file):
    """The tables of a page: for each the addresses of its rows with the rows' words."""
    text = file.read_text(encoding="utf-8").split("<body>")[1]
    for body in re.findall(r"<tbody>(.*?)</tbody>", text, re.S):
        rows = re.findall(r'<tr[^>]*?data-why="([^"]*)"[^>]*>(.*?)</tr>', body, re.S)
        yield [(unescape(why), unescape(re.sub(r"<[^>]+>", " ", cells))) for why, cells in rows]


def test_numbers_of_every_table_of_every_report_are_traced(pages):
    """The first and the last row of each table; what is found holds the run, N, versions and hashes, and the number."""
    tables: dict[str, tuple[str, str]] = {}
    for file in pages:
        for rows in bodies_of(file):
            assert rows, file.name
            for why, words in (rows[0], rows[-1]):
                tables[why] = (file.name, words)
    assert len(tables) > 100
    found = {}
    with gate.reading() as session:
        # a change is modelled again each time: one of each kind is enough here
        changes = [why for why in tables if ":changes:" in why]
        for why in [w for w in tables if w not in changes] + changes[:2]:
            try:
                found[why] = trace(session, why)
            except ItembankError as error:
                pytest.fail(f"{tables[why][0]}: {why}: {error.sentence} {error.hint}")
    for why, told in found.items():
        start, *keys = why.split(":")
        assert told.get("rows") or not keys, why
        if start.isdigit():
            assert told["run"].startswith(f"{start} (")
            assert told["items"], why
            assert told["keys"], why
            assert [f.split(":")[0] for f in told["files"]]
            assert re.fullmatch(r"sha256 [0-9a-f]{64}", told["responses as read"])
            assert told["parameter set"].startswith(f"its own, estimated in run {start}")
    shares = [w for w in found if re.match(r"\d+:mastery:", w)]
    assert len(shares) >= 4
    for why in shares:
        (row,) = found[why]["rows"]
        assert f"{100 * row['rate']:.0f}%" in tables[why][1]
        assert (
            any(s.startswith(row["group"]) and f"{STUDENTS} students" in s for s in found[why]["students"])
            or "3:" in why
        )
    (school,) = [found[w]["rows"][0] for w in found if w.startswith("2:school-items:a-s0:q16")]
    assert f"{100 * school['share_correct']:.0f}%" in tables["2:school-items:a-s0:q16"][1]
    assert school["answered"] == STUDENTS // 6
    change = found[next(w for w in found if ":changes:" in w)]
    assert change["link"] == [f"4: itembank why 4:constants:{change['rows'][0]['concept']}"]
    assert {"comparison 2", "comparison 3"} <= set(change)
    assert any(line.startswith("items: Q") for line in change["comparison 3"])
    indicator = found["indicators:both:a:every"]
    assert indicator["formula"] == ["both = grade5_math + grade8_math"]
    assert any(line.startswith("grade8_math, 2008-09: values.csv, sha256 ") for line in indicator["files"])
    cohort = found["cohorts:math:district-a:grade-5-2005-06:grade-8-2008-09"]
    assert cohort["parts"] == [
        "itembank why indicators:grade5_math:a:2005-06",
        "itembank why indicators:grade8_math:a:2008-09",
    ]
    with gate.reading() as session:
        for part in cohort["parts"]:
            assert len(trace(session, part.removeprefix("itembank why "))["rows"]) == 1
    assert found["targets:grade8-math:a:2010-11"]["rows"][0]["target"] == 60


def test_short_and_long_addresses_say_the_same(compared, run):
    def told(cell):
        code, out, err = run("why", cell, "--json")
        assert code == 0, err
        return json.loads(out)

    assert told("2:geometry:A") == told("2:mastery:geometry:district-a") == told("2:mastery:Geometry:District A")
    assert told("2:geometry")["rows"][0]["other"] == "District B"
    assert told("2:total")["table"] == "average-differences:concept:group:other"
    assert told("2:dif:Q01")["rows"] == told("2:equal-ability:q01")["rows"]
    assert told("2:geometry:A")["items"][0].startswith("Q09 version 1")
    assert len(told("2:geometry:A")["items"]) == 8
    assert len(told("2:mastery")["rows"]) == 4
    text = run("why", "2:geometry:A")[1]
    assert "rows: concept geometry, group District A, n 300" in text
    for cell, code in (("2:nowhere", 3), ("2:mastery:nowhere", 3), ("2:mastery:geometry:A:more", 3), ("x", 2), ("9", 3),
                       ("2:curves:Q01", 3), ("1:constants", 3), ("2-2:nothing", 3), ("1-2:changes", 3)):  # fmt: skip
        assert run("why", cell)[0] == code, cell


def test_a_release_of_indicators_is_traced_to_their_files(compared, run):
    for name, text in FILES.items():
        Path(name).write_text(text, encoding="utf-8")
    assert run("indicators", "import", *FILES, "--as", "a1")[0] == 0
    with gate.writing() as session:
        entry = releasing_indicators.enter(session, {}, {}, None, {"report": "packet", "decision": 5, "version": "x"})
    for cell in (f"{entry.id}", f"{entry.id}:grade5_math:A:2005-06"):
        code, out, err = run("why", cell)
        assert code == 0, err
        assert "of yearly indicators, agreed in decision 5" in out
        assert "grade5_math, 2005-06: values.csv, sha256" in out


@pytest.mark.parametrize("cell", ["²", "9" * 20, "9" * 5000, "1:sittings:²", f"1:sittings:{'9' * 20}", "1-²:linked"])
def test_what_is_no_number_of_a_bank_is_refused_with_words(compared, run, cell):
    code, _, said = run("why", cell)
    assert code in (2, 3)
    assert "hint:" in said
    assert "defect" not in said


@pytest.mark.parametrize(
    ("words", "sentence", "hint"),
    [
        (("report", "comparison", "1"), "Run 1 is a calibrate run, not a compare run.", "Newest compare runs: 2"),
        (("calibrate", "show", "2"), "Run 2 is a compare run, not a calibrate run.", "Newest calibrate runs: 1"),
        (("why", "9"), "There is no run 9.", "Newest runs: 2, 1"),
        (("compare", "show", "9"), "There is no compare run 9.", "Newest compare runs: 2"),
        (("score", "show", "1"), "Run 1 is a calibrate run, not a score run.", "itembank score run"),
        (("calibrate", "show", "9" * 20), f"There is no calibrate run {'9' * 20}.", "Newest calibrate runs: 1"),
    ],
)
def test_a_run_of_another_kind_is_not_called_missing(compared, run, words, sentence, hint):
    code, _, said = run(*words)
    assert code == 3
    assert f"error: {sentence} (unknown-run)\nhint: {hint}" in said


def test_other_numbers_too_large_for_the_bank_are_refused_with_words(compared, run):
    for words in (("decisions", "show", "9" * 20), ("items", "show", f"Q01@{'9' * 20}")):
        code, _, said = run(*words)
        assert code == 2
        assert "(number-too-large)" in said


def test_a_seed_that_no_generator_takes_is_refused_before_anything_is_computed(compared, run):
    for seed in ("-5", "9" * 20):
        code, _, said = run("compare", "run", "--seed", seed)
        assert code == 2
        assert "calibration:" not in said


def test_calibrate_names_the_items_of_its_notices():
    from scoring.irt.design import Notice

    assert Notice("x", "notice", "Items:", "", ("Q1", "Q2")).sentence == "Items: Q1, Q2"
    assert Notice("x", "notice", "Items:", "", tuple("abcdefghi")).sentence == "Items: a, b, c, d, e, f, g, h..."
    assert Notice("x", "notice", "Nothing.").sentence == "Nothing."


def test_a_sitting_is_traced_by_its_number_and_no_student_is_named(compared, run):
    with gate.reading() as session:
        scores = gate.read_scores(session, gate.run_of(session, 2), "geometry").reset_index()
    number = int(scores["sitting"].iloc[7])
    code, out, _ = run("why", f"2:sittings:{number}:geometry", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["rows"][0]["p_mastery"] == pytest.approx(scores["p_mastery"].iloc[7], rel=1e-5)
    assert set(found["rows"][0]) == {"sitting", "scale", "theta", "se", "p_mastery", "status"}
    for cell in ("2:students:A17xyz", "2:sittings:A17xyz", "2:A17xyz", "A17xyz", "2:mastery:A17xyz"):
        code, out, err = run("why", cell)
        assert code in (2, 3)
        assert "A17xyz" not in out + err  # what was typed may be an identifier
    assert "itembank score export" in run("why", "2:students:A17xyz")[2]


def test_districts_compared_through_a_link_are_traced_to_both_ends(twice, run):
    assert run("link", "run", "spring", "autumn")[0] == 0
    rows = json.loads(run("compare", "linked", "2", "3", "--json")[1])
    row = rows[0]
    cell = f"2-3:linked:{row['concept']}:{row['measure']}:{row['group']}:{row['versus']}"
    found = json.loads(run("why", cell, "--json")[1])
    assert found["rows"][0]["estimate"] == pytest.approx(row["estimate"], rel=1e-5)
    assert found["link"] == [f"4: itembank why 4:constants:{row['concept']}"]
    assert [k for k in found if k.startswith("comparison ")] == ["comparison 2", "comparison 3"]
    constants = json.loads(run("why", f"4:constants:{row['concept']}", "--json")[1])
    assert constants["rows"][0]["se_place"] > 0
    assert constants["other runs"] == [f"run {n} (compare, stored): itembank why {n}" for n in (2, 3)]


def test_what_has_changed_since_is_said_of_the_number(compared, run):
    """Another key and later answers; the items' and keys' versions of the number stay those that it was made with."""
    with database.writing() as session:
        load(session, "A", draw(9), "spring", 1000)
    found = json.loads(run("why", "2:geometry:A", "--json")[1])
    assert found["still stands"] == "no: responses were loaded since"
    assert found["run again"] == "itembank compare run --administration spring"
    assert found["rows"][0]["n"] == STUDENTS
    code, _, err = run("score", "run", "--allow-stale")
    assert code == 0, err
    with database.writing() as session:
        load(session, "B", draw(10), "spring", 1000)
    code, _, err = run("score", "export", "-o", "scores")
    assert code == 6
    assert "responses were loaded since" in err
    assert "itembank score run --administration spring; or --allow-stale" in err
    assert not Path("scores").exists()
    code, _, err = run("score", "export", "-o", "scores", "--allow-stale")
    assert code == 0
    assert "stale: responses were loaded since" in err
    packet, _, err = run("report", "packet", "-o", "p.html")
    assert packet == 6
    assert "comparison 2 of spring (responses were loaded since)" in err
    assert ITEMS[8] in found["items"][0]
