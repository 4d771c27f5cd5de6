"""`itembank cuts` as it is typed."""

import json
import re

from tests.scoring.runs.conftest import ITEMS


def panel(folder, raters="abcdef"):
    lines = [",".join(["rater", "district", *ITEMS])]
    for k, name in enumerate(raters):
        ratings = [str(40 + 5 * ((j + k) % 7)) for j in range(len(ITEMS))]
        lines.append(",".join([f"guest-{name}", "AB"[k % 2], *ratings]))
    (folder / "panel.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_from_the_panel_to_the_report(compared, run):
    panel(compared)
    code, _, err = run("cuts", "import", "panel.csv", "--as", "a1")
    assert code == 0, err
    assert "96 ratings of 6 raters" in err
    code, out, _ = run("cuts", "show", "--items", "--concept", "ratios", "--json")
    assert [r["raters"] for r in json.loads(out)] == [6] * 8
    code, out, err = run("cuts", "set", "--reason", "The panel of May", "--as", "a1")
    assert code == 0, err
    assert "Proposed as decision 1" in err
    assert run("decisions", "agree", "1", "--as", "a1")[0] == 4  # never who proposed it
    for person in ("a2", "b2"):
        assert run("decisions", "agree", "1", "--as", person)[0] == 0
    code, out, _ = run("cuts", "show", "--json")
    assert [(r["concept"], r["decision"], r["panel"]) for r in json.loads(out)] == [
        ("geometry", "agreed", "final"),
        ("ratios", "agreed", "final"),
    ]
    assert run("compare", "run", "--as", "a1")[0] == 0
    code, out, err = run("report", "comparison", "-o", "report.html")
    assert code == 0, err
    page = (compared / "report.html").read_text(encoding="utf-8")
    assert "Provisional bar" not in page
    assert "How much the bar matters" in page
    code, out, _ = run("compare", "show", "--table", "mastery", "--json")
    assert all(r["rate_higher_cut"] < r["rate"] < r["rate_lower_cut"] for r in json.loads(out))


def test_without_ratings_the_cut_is_the_domain_score(compared, run):
    _, out, err = run("cuts", "show", "--json")
    assert [(r["decision"], r["basis"], r["share"]) for r in json.loads(out)] == [
        ("provisional", "domain score", 0.7)
    ] * 2
    assert "cuts rate" in err.splitlines()[-1]
    assert run("report", "comparison", "-o", "report.html")[0] == 0
    assert "Provisional bar" in (compared / "report.html").read_text(encoding="utf-8")


def test_rating_items_by_hand(compared, run):
    code, _, err = run("cuts", "rate", "Q01=65", "Q02=40", "--as", "b1")
    assert code == 0, err
    assert "2 ratings of b1" in err
    assert run("cuts", "rate", "Q01=165", "--as", "b1")[0] == 3
    code, _, err = run("cuts", "rate", "--as", "b1")  # no terminal to ask on
    assert code == 2
    assert "ITEM=65" in err
    assert run("cuts", "rate", "Q03=50", "--as", "b1", "--dry-run")[0] == 0
    _, out, _ = run("cuts", "show", "--items", "--json")
    assert [r["item"] for r in json.loads(out)] == ["Q01", "Q02"]


def test_a_dry_run_and_a_refused_file_store_nothing(compared, run):
    panel(compared, "ab")
    assert run("cuts", "import", "panel.csv", "--as", "a1", "--dry-run")[0] == 0
    (compared / "bad.csv").write_text("rater,Q01\nnobody,50\n", encoding="utf-8")
    code, _, err = run("cuts", "import", "bad.csv", "--as", "a1")
    assert code == 3
    assert "bad.csv:2" in err
    assert run("cuts", "set", "--reason", "x", "--as", "a1")[0] == 3  # still no ratings
    code, _, err = run("cuts", "set", "--basis", "domain", "--share", "0.6", "--reason", "x", "--as", "a1", "--dry-run")
    assert code == 0, err
    assert json.loads(run("decisions", "list", "--json")[1]) == []


def test_a_bookmark_panel(compared, run):
    code, out, _ = run("cuts", "show", "--booklet", "--concept", "ratios", "--json")
    pages = json.loads(out)
    assert [p["page"] for p in pages] == list(range(1, 9))
    code, _, err = run("cuts", "show", "--booklet", "--concept", "ratios", "-o", compared / "booklet.html")
    assert code == 0
    assert "8 pages" in err
    printed = (compared / "booklet.html").read_text(encoding="utf-8")
    places = [printed.index(f"<br>{p['item']}<") for p in pages]
    assert places == sorted(places)  # on paper as in the table
    assert run("cuts", "show", "-o", "booklet.html")[0] == 2
    assert run("cuts", "show", "--booklet", "--concept", "poetry")[0] == 3
    lines = ["rater,district,concept,page", *(f"g{k},{'AB'[k % 2]},ratios,{4 + k % 3}" for k in range(6))]
    (compared / "marks.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    words = ("cuts", "set", "--basis", "bookmark", "--bookmarks", "marks.csv", "--reason", "x", "--as", "a1", "--json")
    code, out, err = run(*words)
    assert code == 0, err
    [row] = json.loads(out)
    assert pages[2]["theta"] < row["theta"] < pages[4]["theta"]
    (compared / "marks.csv").write_text("rater,concept,page\ng,ratios,two\n", encoding="utf-8")
    assert run(*words)[0] == 3


def test_asked_one_by_one_in_plain_words(compared, run, monkeypatch):
    asked = []
    answers = iter(["65", "abc", "101", "40", *[""] * 20])

    def prompt(text, **_):
        asked.append(text)
        return next(answers)

    monkeypatch.setattr("typer.prompt", prompt)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    code, _, err = run("cuts", "rate", "--concept", "ratios", "--as", "b1")
    assert code == 0, err
    assert asked[0] == "Of 100 students who just know this, how many would get it right?"
    assert len(asked) == 8 + 2  # eight items of the concept, two answers that were no ratings
    _, out, _ = run("cuts", "show", "--items", "--json")
    assert [(r["item"], r["mean_rating"]) for r in json.loads(out)] == [("Q01", 0.65), ("Q02", 0.4)]


def test_a_comparison_before_the_agreement_is_listed_and_refused_as_stale(compared, run):
    run("cuts", "set", "--basis", "domain", "--share", "0.6", "--concept", "ratios", "--reason", "Plain", "--as", "a1")
    assert json.loads(run("compare", "list", "--json")[1])[0]["stale"] == ""
    for person in ("a2", "b2"):
        run("decisions", "agree", "1", "--as", person)
    assert json.loads(run("compare", "list", "--json")[1])[0]["stale"] == "a cut was agreed since for ratios"
    code, _, err = run("report", "comparison", "-o", "report.html")
    assert code == 6
    assert re.search(r"hint: itembank compare run --administration \S+", err)  # what to run again, not what was newest
    number = json.loads(run("compare", "list", "--json")[1])[0]["run"]
    told = json.loads(run("why", f"{number}:Q01", "--json")[1])  # an item's numbers are traced as a concept's are
    assert told["still stands"] == "no: a cut was agreed since for ratios"
    assert [k.split()[0] for k in told["keys"]] == ["Q01"]
    assert told["items"][0].startswith("Q01 version 1")
    assert told["rows"][0]["item"] == "Q01"
    assert 0 < told["rows"][0]["share_correct"] < 1
    assert run("why", f"{number}:Q01:nowhere")[0] == 3
