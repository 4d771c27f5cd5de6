"""The same students a year later, in the bank: one model of both times, links of comparisons, editions."""

import json
import re
import shutil
import subprocess
from datetime import date

import numpy as np
import pandas as pd
import pytest
from sqlmodel import select

from itembank import actions, administrations, database, decisions, forms, people, responses, tabular
from itembank.models import School
from itembank.sheets import Layout
from scoring import bank as gate
from scoring.runs import trending
from tests.scoring.runs.conftest import CONCEPTS, ITEMS, MOVED, STUDENTS, draw, load


def changes_now():
    with gate.reading() as session:
        return trending.changes(session, trending.occasions(session))


def test_a_planted_fall_is_found_by_one_model_and_stored_links_carry_the_bar(twice, run):
    alone = changes_now()
    assert set(alone["method"]) == {"one model of both times"}
    assert set(alone["bar"]) == {"the same items both times"}
    assert alone["growth"].isna().all()
    assert (alone["everybody"] == STUDENTS).all()
    assert (alone["students"] < 0.85 * STUDENTS).all()
    code, out, err = run("link", "run", "spring", "autumn", "--json")
    assert code == 0, err
    facts = {r["concept"]: r for r in json.loads(out)}
    assert set(facts) == set(CONCEPTS)
    # θ_new = A θ_old + B: who did not move has moved down by what the others gained
    for concept, moved in zip(CONCEPTS, MOVED, strict=True):
        assert facts[concept]["B"] == pytest.approx(-moved, abs=4 * facts[concept]["se_B"])
        assert 0 < facts[concept]["se_place"] < 0.2
    through = changes_now()
    assert through["bar"].str.contains("the bar carried by link").all()
    fall = through[through["concept"] == "geometry"]
    assert fall["stands_out"].all()
    for concept, moved in zip(CONCEPTS, MOVED, strict=True):
        part = through[through["concept"] == concept]
        assert ((part["growth_low"] < moved) & (part["growth_high"] > moved)).all()
    # with the same items both times the bar of each time is the carried one, but for the estimation of both
    both = alone.merge(through, on=["concept", "group"])
    assert np.allclose(both["change_x"], both["change_y"], atol=0.05)
    # the joint model's errors hold the link's own
    assert (through["se"] > through["se_linking"]).all()
    for table in ("--drift", "--balance"):
        rows = json.loads(run("link", "show", table, "--json")[1])
        assert {r["concept"] for r in rows} == set(CONCEPTS)
    assert all(r["rmsd"] >= 0 for r in json.loads(run("link", "show", "--drift", "--json")[1]))
    balance = json.loads(run("link", "show", "--balance", "--json")[1])
    assert sum(r["share_of_anchors"] for r in balance) == pytest.approx(1)
    assert run("link", "show", "--trend")[0] == 3


def test_districts_calibrated_apart_are_compared_through_a_link_with_its_error(twice, run):
    code, _, err = run("compare", "linked", "spring", "autumn")
    assert code == 3
    assert "itembank link run 2 3" in err
    assert run("link", "run", "spring", "autumn")[0] == 0
    code, out, err = run("compare", "linked", "spring", "autumn", "--json")
    assert code == 0, err
    rows = json.loads(out)
    assert {(r["group"], r["versus"]) for r in rows} == {("District A", "District B"), ("District B", "District A")}
    for r in rows:
        assert r["se_linking"] > 0
        assert r["se"] > r["se_linking"]
    # A in spring lies .6 under B in spring on ratios, and B has gained .3 since, in SDs of the first year
    one = next(r for r in rows if r["concept"] == "ratios" and r["measure"] == "mean" and r["group"] == "District A")
    assert one["low"] < -0.9 < one["high"]
    assert run("compare", "linked", "1", "autumn")[0] == 3  # a calibration is no comparison
    with database.writing() as session:
        load(session, "A", draw(9), "autumn", 1000)
    code, _, err = run("compare", "linked", "spring", "autumn")
    assert code == 6
    assert "stale" in err
    assert set(changes_now()["method"]) == {"each time alone"}  # and no link that no longer stands
    for page, name in (("packet", "stale.html"), ("dashboard", "site")):
        code, _, err = run("report", page, "-o", name)
        assert code == 6
        assert "comparison 3 of autumn (responses were loaded since)" in err
        assert "itembank compare run --administration autumn; or --allow-stale" in err
        assert not (twice / name).exists()
        assert run("report", page, "-o", name, "--allow-stale")[0] == 0
        written = twice / name
        for file in [written] if written.is_file() else written.glob("*.html"):
            own = file.name.startswith("administration-autumn")
            said = "Not comparable yet" if own else "newer data have overtaken"
            if not file.name.startswith("administration-spring"):
                assert said in file.read_text(encoding="utf-8"), file.name


def test_another_grade_needs_off_grade_anchors(twice, run):
    """A grade-8 form with 7 of the grade-7 items carries no vertical scale; one with 8 of 16 does."""
    with database.writing() as session:
        form = forms.form_of(session, "F1")
        form.grade = "7"
        session.add(form)
    for name, shared in (("G8-few", ITEMS[:4] + ITEMS[8:11]), ("G8-many", ITEMS[:4] + ITEMS[8:12])):
        with database.writing() as session:
            forms.freeze(session, name, [(q, "") for q in shared], grade="8")
            administrations.open_administration(
                session, name.lower(), [name], ["A", "B"], date(2027, 10, 1), date(2027, 10, 15), "paper"
            )
            for code, seed in (("A", 31), ("B", 32)):
                _load_form(session, code, draw(seed), shared, name.lower())
        assert run("calibrate", "run", "--administration", name.lower())[0] == 0
    code, _, err = run("link", "run", "1", "4")
    assert code != 0
    assert "no-vertical-scale" in err
    assert "grades 7 and 8 share 7 items; a common scale needs 8" in err
    code, out, err = run("link", "run", "1", "5", "--json")
    assert code == 0, err
    [facts] = json.loads(out)
    assert facts["anchors"] + facts["removed"] == 8


def _load_form(session, district, answers, items, administration):
    table = pd.DataFrame(answers, columns=ITEMS)[items]
    table.insert(0, "student", [f"{district}{5000 + i}" for i in range(len(table))])
    table.insert(1, "school", [f"S{i % 6}" for i in range(len(table))])
    layout = Layout(fixed={"district": district}, cells="scores")
    adm = administrations.administration_of(session, administration)
    parsed = tabular.parse_table(table.to_csv(index=False).encode(), f"{district}-{administration}.csv")
    responses.load(session, adm, parsed, layout)


def test_nothing_internal_is_in_any_file_of_a_public_edition(twice, run):
    """Distinctive words in every field that is for the room, then every file of the public editions is searched."""
    words = [f"zzq{k:02d}secret" for k in range(8)]
    with database.writing() as session:
        person = people.acting(session, "a1")
        before = [{"district": "A", "period": "spring", "value": 40.0}]
        entry = actions.add(session, "Seen by all.", "Supposed by all.", {"A": "tried by all"}, "coordinator", person,
                            date(2026, 6, 1), "concept:geometry", None, words[0], before)  # fmt: skip
        actions.update(session, entry, words[1], person, date(2026, 7, 1))
        actions.update(session, entry, "Said for all.", person, date(2026, 8, 1), internal=False)
        found = decisions.propose(session, "key correction", "item:Q01", words[2], words[3], person, "1")
        decisions.vote(session, found.id, people.acting(session, "b1"), "agree", words[4])
        people.add_person(session, words[5], words[6], "A", "analyst")
        school = session.exec(select(School)).first()
        school.name = words[7]
        session.add(school)
    assert run("report", "packet", "-o", "inside.html")[0] == 0
    inside = (twice / "inside.html").read_text(encoding="utf-8")
    assert [w for w in words[:3] if w not in inside] == []  # the search can find
    assert "Item Q" in inside  # the items behind a concept, by their titles
    (twice / "out").mkdir(exist_ok=True)
    assert run("report", "packet", "--edition", "public", "-o", "out/public.html")[0] == 0
    assert run("report", "packet", "--edition", "public", "--pdf", "-o", "out/public.pdf")[0] == 0
    assert run("report", "dashboard", "--edition", "public", "-o", "out/site")[0] == 0
    texts = {}
    for file in sorted((twice / "out").rglob("*")):
        if file.suffix == ".pdf" and shutil.which("pdftotext"):
            texts[file.name] = subprocess.run(["pdftotext", file, "-"], capture_output=True, text=True).stdout
            texts[file.name + " raw"] = file.read_bytes().decode("latin-1")
        elif file.is_file():
            texts[file.name] = file.read_text(encoding="utf-8", errors="replace")
    assert len(texts) >= 6
    leaks = [(name, w) for name, text in texts.items() for w in words if w in text]
    assert leaks == []
    public = texts["public.html"]
    assert "Said for all." in public
    assert "Supposed by all." in public
    codes = [(name, q) for name, text in texts.items() for q in ITEMS if re.search(rf"\b{q}\b", text)]  # titles, too
    assert codes == []
    # an internal site's folder cannot become a public one by writing over it
    (twice / "out" / "site" / "schools.html").write_text(words[7])
    code, _, err = run("report", "dashboard", "--edition", "public", "-o", "out/site")
    assert code == 6
    assert "schools.html" in err
