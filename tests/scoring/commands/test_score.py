"""`itembank score` as it is typed: statuses, exports that say what they are, tables, scales, a second opinion."""

import csv
import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest

import scoring
from scoring import bank as gate
from scoring.runs import score_table
from tests.scoring.runs.conftest import ITEMS


def agreed_scale(run):
    assert run("score", "scale", "dist", "--reason", "First", "--as", "a1")[0] == 0
    for person in ("a2", "b2"):
        assert run("decisions", "agree", "1", "--as", person)[0] == 0


def test_run_and_show(compared, run):
    code, out, err = run("score", "run", "--as", "a1", "--json")
    assert code == 0, err
    assert json.loads(out)["statuses"] == {"scored": 600}
    _, out, _ = run("score", "show", "--json")
    rows = {r["scale"]: r for r in json.loads(out)}
    assert set(rows) == {"total", "ratios", "geometry"}
    assert sum(rows["ratios"][w] for w in ("mastered", "undecided", "not yet")) == 600
    assert [rows["total"][w] for w in ("mastered", "undecided", "not yet", "not enough evidence")] == [None] * 4
    assert run("score", "run", "--dry-run", "--method", "mle")[0] == 0
    assert run("score", "run", "--method", "median")[0] != 0
    assert json.loads(run("calibrate", "list", "--json")[1])[0]["run"] == 1
    with gate.reading() as session:
        assert [r.kind for r in gate.runs_of_kind(session, "score")] == ["score"]  # the dry run stored nothing


def test_the_csv_says_what_it_is_and_what_its_columns_mean(compared, run):
    agreed_scale(run)
    run("score", "run", "--method", "mle")
    code, _, err = run("score", "export", "-o", "out")
    assert code == 0, err
    [path] = (compared / "out").glob("student-level-*.csv")
    first, _, body = path.read_text(encoding="utf-8").partition("\n")
    assert "Student-level data" in first
    table = pd.read_csv(io.StringIO(body))
    meaning = pd.read_csv(compared / "out" / "data-dictionary.csv")
    assert meaning["column"].tolist() == table.columns.tolist()
    total = table[table["scale"] == "total"]
    finite = np.isfinite(total["theta"])
    expected = np.clip(100 * total["theta"] + 500, 200, 800).round()
    assert np.allclose(total["scaled"], expected, atol=0.51)  # six digits of θ decide which way a half is rounded
    extreme = total[~finite]
    assert len(extreme) > 0
    assert set(extreme["scaled"]) <= {200, 800}
    assert (extreme["status"] == "extreme").all()
    assert set(table.loc[table["scale"] == "ratios", "verdict"]) <= {"mastered", "not yet", "undecided"}


def test_a_hand_scoring_table(compared, run):
    agreed_scale(run)
    code, out, err = run("score", "table", "--form", "F1", "-o", "table.html", "--json")
    assert code == 0, err
    rows = json.loads(out)
    assert [r["sum_score"] for r in rows] == list(range(len(ITEMS) + 1))
    scaled = [r["scaled"] for r in rows]
    assert scaled == sorted(scaled)
    page = (compared / "table.html").read_text(encoding="utf-8")
    assert page.count("<th scope='row'>") == len(ITEMS) + 1
    assert all(f"<span>{item}</span>" in page for item in ITEMS)
    assert f"0 to {len(ITEMS)}," in page
    assert "dist, version 1" in page
    assert run("score", "table", "--form", "F9")[0] == 3
    assert run("score", "table", "--scale", "other")[0] == 3


def test_items_without_parameters_are_named_on_the_page_that_is_added_up_by_hand():
    table = scoring.sum_score_table(
        pd.DataFrame({"a": [1.0, 1.2], "d1": [0.4, 1.0], "d2": [np.nan, -0.5]}, index=["x", "y"])
    )
    page = score_table.page(table, "F<1>", 3, None, ["x", "y"], ["z"])
    assert "Leave out the points of z." in page
    assert "F&lt;1&gt;" in page
    assert page.count("<th scope='row'>") == 4  # sums of 0 to 3 points


def test_a_scale_needs_both_districts_and_is_never_changed(compared, run):
    assert run("score", "scale", "dist", "--reason", "First", "--as", "a1")[0] == 0
    assert run("score", "scale", "dist", "--reason", "Twice", "--as", "b1")[0] == 6  # open already
    assert run("score", "export", "--scale", "dist", "-o", "out")[0] == 3  # not agreed yet
    for person in ("a2", "b2"):
        run("decisions", "agree", "1", "--as", person)
    assert run("score", "scale", "dist", "--slope", "50", "--reason", "Smaller", "--as", "a1")[0] == 0
    rows = json.loads(run("score", "scale", "--json")[1])
    assert [(r["version"], r["slope"], r["in_force"]) for r in rows] == [(1, 100.0, True), (2, 50.0, False)]
    assert run("score", "scale", "dist", "--slope", "-1", "--reason", "x", "--as", "b1")[0] != 0


def test_a_second_opinion(compared, run):
    run("score", "run")
    code, out, err = run("score", "show", "--second-opinion", "--json")
    assert code == 0, err
    rows = {r["concept"]: r for r in json.loads(out)}
    assert set(rows) == {"ratios", "geometry"}
    with gate.reading() as session:
        frame = gate.scored_responses(session).frame()
        scores = gate.read_scores(session, gate.run_of(session, kind="score"))
    tags = {q: "ratios" if k < 8 else "geometry" for k, q in enumerate(ITEMS)}
    dina = scoring.dina(frame, tags).mastery
    for concept, row in rows.items():
        p = scores.loc[scores["scale"] == concept, "p_mastery"]
        q = dina[concept]
        assert row["identified"]
        assert (row["items"], row["n"]) == (8, 600)
        assert row["agree"] == pytest.approx(((p >= 0.5) == (q >= 0.5)).mean())
        assert row["masters_agree"] == pytest.approx((q[p >= 0.8] >= 0.5).mean())
        assert row["others_agree"] == pytest.approx((q[p <= 0.2] < 0.5).mean())
        # the cut is high and DINA's border near the middle: every master above the cut is above that border, too
        assert row["masters_agree"] > 0.95
    _, out, _ = run("compare", "show", "2", "--table", "second-opinion", "--json")
    # the score run and the comparison hold the same probabilities, to the sites' 1e-6
    assert json.loads(out)[0]["irt"] == pytest.approx(rows[json.loads(out)[0]["concept"]]["irt"], abs=0.002)
    run("score", "run", "--profile", "none")
    assert run("score", "show", "--second-opinion")[0] != 0


ROSTER = {
    "orgs.csv": "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\no1,,,School,school,S0,\n",
    "classes.csv": (
        "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,"
        "termSourcedIds\nc1,,,Math 7,07,k,,scheduled,,o1,t\n"
    ),
    "users.csv": (
        "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,"
        "middleName,identifier\n"
        "u1,,,true,o1,student,x,,G,F,,A1\nu2,,,true,o1,student,x,,G,F,,A2\nu9,,,true,o1,student,x,,G,F,,A9999\n"
    ),
    "enrollments.csv": (
        "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate\n"
        "e1,,,c1,o1,u1,student,,,\ne2,,,c1,o1,u2,student,,,\ne9,,,c1,o1,u9,student,,,\n"
    ),
}


ONEROSTER = {
    "academicSessions": "title,type,startDate,endDate,parentSourcedId,schoolYear",
    "categories": "title,weight",
    "lineItems": (
        "title,description,assignDate,dueDate,classSourcedId,categorySourcedId,academicSessionSourcedId,"
        "resultValueMin,resultValueMax,schoolSourcedId"
    ),
    "lineItemLearningObjectiveIds": "lineItemSourcedId,source,learningObjectiveId",
    "results": (
        "lineItemSourcedId,studentSourcedId,scoreStatus,score,scoreDate,comment,textScore,classSourcedId,inProgress,"
        "incomplete,late,missing"
    ),
    "resultLearningObjectiveIds": "resultSourcedId,source,learningObjectiveId,score,textScore",
}


def test_results_go_back_to_the_district_under_its_own_names(compared, run):
    with zipfile.ZipFile("roster.zip", "w") as package:
        for name, text in ROSTER.items():
            package.writestr(name, text)
    run("score", "run")
    assert run("score", "export", "--oneroster", "-o", "out")[0] == 2
    words = ("score", "export", "--oneroster", "--names", "roster.zip", "--district", "A", "-o", "out")
    code, _, err = run(*words)
    assert code == 0, err
    assert "2 students of district A" in err
    [path] = (compared / "out").glob("student-level-*.zip")
    with zipfile.ZipFile(path) as package:
        files = {n: package.read(n).decode("utf-8") for n in package.namelist()}
    table = {n: list(csv.DictReader(io.StringIO(t))) for n, t in files.items()}
    stated = {r["propertyName"]: r["value"] for r in table["manifest.csv"]}
    assert stated["oneroster.version"] == "1.2"
    for name in ("academicSessions", "categories", "lineItems", "results", "resultLearningObjectiveIds"):
        assert stated[f"file.{name}"] == "bulk"
        assert f"{name}.csv" in files
        assert all(not r["status"] and not r["dateLastModified"] for r in table[f"{name}.csv"])
    for name, head in ONEROSTER.items():  # as the binding lists them, in its order, after the three common ones
        assert files[f"{name}.csv"].split("\r\n")[0] == f"sourcedId,status,dateLastModified,{head}", name
    assert not any(text.startswith("\ufeff") for text in files.values())
    named = {n.removeprefix("file.") for n in stated if n.startswith("file.")}
    assert {n.removesuffix(".csv") for n in files} - {"manifest"} == {n for n in named if stated[f"file.{n}"] == "bulk"}
    assert {r["scoreDate"] for r in table["results.csv"]} == {"2026-05-15"}
    assert {r["type"] for r in table["academicSessions.csv"]} == {"gradingPeriod"}
    assert {r["source"] for r in table["resultLearningObjectiveIds.csv"]} == {"unknown"}
    assert all(0 <= float(r["score"]) <= 1 for r in table["resultLearningObjectiveIds.csv"])
    for field in ("inProgress", "incomplete", "late", "missing"):
        assert {r[field] for r in table["results.csv"]} == {"false"}
    assert [r["studentSourcedId"] for r in table["results.csv"]] == ["u1", "u2"]
    assert {r["scoreStatus"] for r in table["results.csv"]} == {"fully graded"}
    lines = {r["sourcedId"] for r in table["lineItems.csv"]}
    assert {r["lineItemSourcedId"] for r in table["results.csv"]} <= lines
    results = {r["sourcedId"] for r in table["results.csv"]}
    objectives = table["resultLearningObjectiveIds.csv"]
    assert {r["resultSourcedId"] for r in objectives} == results
    assert len(objectives) == 4
    assert {r["learningObjectiveId"] for r in objectives} == {"ratios", "geometry"}
    assert {r["textScore"] for r in objectives} <= {"mastered", "not yet", "undecided"}
    assert run(*words[:-2], "--identifier", "sourcedId", "-o", "out")[0] == 3  # no student is known by it
