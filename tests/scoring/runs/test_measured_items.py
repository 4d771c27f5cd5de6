"""What answers say of items reaches the search of items and the sheet of a concept."""

import json

import numpy as np
import pytest
from scipy.stats import norm

from itembank import database
from scoring import bank as gate
from scoring.runs import calibrating, diagnosing, measured_items

from .conftest import ITEMS


def found(run, *words):
    code, out, err = run("items", "list", "--json", *words)
    assert code == 0, err
    return {r["item"] for r in json.loads(out)}


def test_items_are_found_by_the_share_that_got_them_right(compared, run):

    with gate.reading() as session:
        table = gate.read_item_parameters(session, gate.run_of(session, 1))
        given = diagnosing.sitting(session, "spring")
        shares = given.scored.mean()
    np.testing.assert_allclose(table["proportion_correct"], shares[table.index], atol=1e-12)
    low, high = float(shares.quantile(0.25)), float(shares.quantile(0.75))
    assert found(run, "--p-min", str(low)) == set(shares.index[shares >= low])
    assert found(run, "--p-max", str(high)) == set(shares.index[shares <= high])
    both = (shares >= low) & (shares <= high)
    assert found(run, "--p-min", str(low), "--p-max", str(high)) == set(shares.index[both])
    assert 0 < both.sum() < len(shares)
    assert found(run, "--a", "99..") == set()


def test_the_sheet_shows_information_difference_and_options(compared, run, tmp_path):
    with gate.reading() as session:
        facts, source = measured_items.measured(session, ITEMS[:8])
        fit = calibrating.stored_fit(session, gate.run_of(session, 1))
    assert set(facts) == set(ITEMS[:8])
    assert "calibration 1, 600 students" in source
    one = facts["Q03"]
    row = fit.items.loc["Q03"]
    theta = np.linspace(-8, 8, 20001)
    chance = 1 / (1 + np.exp(-(row["a"] * theta + row["d"])))
    weights = sum(g["n"] * norm.pdf(theta, g["mean"], g["sd"]) for _, g in fit.groups.iterrows())
    expected = (row["a"] ** 2 * chance * (1 - chance) * weights).sum() / weights.sum()
    assert one["information"] == pytest.approx(expected, rel=2e-3)  # 81 nodes to ±4 against 20,001 to ±8
    assert one["dif"][0] in "ABC"
    assert run("concepts", "sheet", "ratios", "--rank", "Q01, Q02", "--why", "x", "--as", "a1")[0] == 0
    code, out, _ = run("concepts", "sheet", "ratios", "--json", "-o", tmp_path / "s.html")
    assert code == 0
    rows = {r["item"]: r for r in json.loads(out)}
    assert rows["Q03"]["information"] == pytest.approx(one["information"])
    assert rows["Q01"]["A"] == 1
    page = (tmp_path / "s.html").read_text("utf-8")
    assert "Works differently" in page
    assert "The most information of those ranked came from" in page


def test_without_a_calibration_there_is_nothing_measured(bank, run):
    with database.reading() as session:
        assert measured_items.measured(session, ["X"]) == ({}, "")
