"""`forms assemble`, `advise`, `check` on a bank with a calibration."""

import json

import numpy as np
import pytest

from itembank import administrations, database, responses, tabular
from itembank.sheets import Layout
from scoring import bank as gate
from scoring.irt.curves import information
from scoring.runs import assembling, calibrating
from tests.itembank.bank.conftest import bank, furnished, migrated, run

__all__ = ["bank", "furnished", "migrated", "run"]


@pytest.fixture
def calibrated(furnished):
    """`furnished` with 400 students and a Rasch calibration."""
    rng = np.random.default_rng(1)
    theta = rng.normal(size=400)
    scores = (theta[:, None] + rng.logistic(size=(400, 5)) > [-0.5, 0, 0.3, 0.6, 1]).astype(int)
    scores[:, 3] *= 1 + (rng.random(400) < 0.5)
    for district in "AB":
        half = slice(0, 200) if district == "A" else slice(200, 400)
        text = "student,Q1,Q2,Q3,Q4,Q5\n" + "".join(
            f"{i}," + ",".join(map(str, row)) + "\n" for i, row in enumerate(scores[half])
        )
        with database.writing() as session:
            layout = Layout(fixed={"district": district}, cells="scores")
            table = tabular.parse_table(text.encode(), f"{district}.csv")
            responses.load(session, administrations.administration_of(session), table, layout)
    with gate.writing() as session:
        calibrating.calibrate_administration(session, model="rasch")


def test_a_form_is_assembled_predicted_frozen_and_kept_its_rules(calibrated, run, tmp_path):
    text = "id: next\nitems: 3\ninformation: {at: [-1, 1]}\ncuts: [0]\nrules: [{concept: ratios, items: {min: 1}}]\n"
    (tmp_path / "b.yaml").write_text(text)
    code, out, err = run("forms", "assemble", "b.yaml", "-o", "plans", "--freeze", "--gap", "0", "--json")
    assert code == 0, err
    (row,) = json.loads(out)
    assert row["items"] == 3
    assert row["calibrated_items"] == 3
    assert 0 < row["reliability"] < 1
    assert "maximin" in err
    assert err.rstrip().splitlines()[-1] == "Next: itembank forms booklet next"
    code, shown, _ = run("forms", "show", "next", "--json")
    chosen = [r["item"] for r in json.loads(shown)]
    with gate.reading() as session:
        fit = calibrating.stored_fit(session, gate.run_of(session, kind="calibrate"))
    at = [fit.item_names.index(i) for i in chosen]
    info = information(fit.parameters.select(np.array(at)), np.array([-1.0, 0.0, 1.0])).sum(axis=0)
    assert row["information -1"] == pytest.approx(info[0])
    assert row["sem 0"] == pytest.approx(1 / np.sqrt(info[1]))
    assert run("forms", "check", "next", "b.yaml")[0] == 0
    (tmp_path / "b.yaml").write_text(text.replace("min: 1", "min: 9"))
    code, _, err = run("forms", "check", "next", "b.yaml")
    assert code == 1
    assert "wanted at least 9 items with concept ratios, there are" in err
    code, _, err = run("forms", "assemble", "b.yaml")
    assert code == 3
    assert "at least 2 would do" in err


def test_advice_names_items_and_how_many_to_write(calibrated, run):
    code, out, err = run("forms", "advise", "--sem", "1.2", "--at", "0", "--json")
    assert code == 0, err
    rows = {r["concept"]: r for r in json.loads(out)}
    assert set(rows) == {"ratios", "numbers", "geometry"}
    assert rows["geometry"]["more"] >= 1
    assert set(rows["ratios"]["add"]) == {"Q1", "Q2"}
    code, out, err = run("forms", "advise", "F1", "--sem", "9", "--json")
    assert [(r["add"], r["more"]) for r in json.loads(out)] == [([], 0)] * 3


def test_booklets_are_written_as_plans(furnished, run, tmp_path):
    (tmp_path / "b.yaml").write_text("id: m\nitems: 1\n")
    code, _, err = run("forms", "assemble", "b.yaml", "--booklets", "3x2", "-o", "plans")
    assert code == 0, err
    assert "every pair of blocks meets in 1 booklets; connected" in err
    assert sorted(p.name for p in (tmp_path / "plans").iterdir()) == ["m-01.yaml", "m-02.yaml", "m-03.yaml"]
    assert run("forms", "freeze", "plans/m-01.yaml")[0] == 0
    assert run("forms", "assemble", "b.yaml", "--booklets", "3by2")[0] == 2


def test_information_needs_a_calibration(furnished, run, tmp_path):
    (tmp_path / "b.yaml").write_text("id: m\nitems: 1\ninformation: {at: [0]}\n")
    code, _, err = run("forms", "assemble", "b.yaml", "--dry-run")
    assert code != 0
    assert "nothing has been calibrated" in err


def test_another_version_of_an_item_has_no_parameters(calibrated):
    with gate.reading() as session:
        pool = [assembling.Candidate("Q1", {}, version_id=10**6)]
        assert assembling.known(session, pool, None).place.tolist() == [-1]
