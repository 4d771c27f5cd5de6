"""Links in the bank: planted change found, changed versions left out, the error handed on."""

import numpy as np
import pandas as pd
import pytest

import scoring
from itembank.errors import Rejected
from scoring import bank as gate
from scoring.fitting import calibrate
from scoring.irt.errors import DesignError
from scoring.linking_trend import POOLED, group_trend
from scoring.runs import linking_run
from scoring.runs.calibrating import stored_fit
from tests.scoring.runs.conftest import ITEMS, STUDENTS


def two_years(seed, change, n=STUDENTS):
    """Fits of two years: the same items, both districts moved by `change`."""
    fits = []
    for year, moved in enumerate((0.0, change)):
        rng = np.random.default_rng(seed + 100 + year)
        theta = rng.normal(moved, 1.0, 2 * n)
        b = np.linspace(-1.4, 1.4, 12)
        answers = (rng.random((2 * n, 12)) < 1 / (1 + np.exp(-1.3 * (theta[:, None] - b)))).astype(int)
        frame = pd.DataFrame(answers, columns=ITEMS[:12])
        district = pd.Series(np.repeat(["A", "B"], n), index=frame.index)
        fits.append(calibrate(frame, groups=district, partner=district))
    return fits


def test_a_planted_change_lies_in_the_interval_of_every_group():
    before, now = two_years(5, 0.3, 700)
    trend = group_trend(scoring.link(before, now), before, now)
    # in SDs of the newer population, whose spread is 1; .3 is 2.5 SE and more from 0
    assert trend.index.tolist() == [POOLED, "A", "B"]
    assert ((trend["low"] < 0.3) & (trend["high"] > 0.3)).all()
    assert trend.at[POOLED, "low"] > 0
    assert np.allclose(trend["change"], trend["now"] - trend["before"])


def test_the_error_of_the_change_is_what_simulation_shows():
    """24 replications: the SD of the estimated changes against the mean SE; 40 % is 2.7 Monte Carlo errors."""
    found = []
    for seed in range(24):
        before, now = two_years(1000 + 17 * seed, 0.0, 150)
        trend = group_trend(scoring.link(before, now), before, now)
        found.append((*trend["change"], *trend["se_sampling"]))
    table = np.array(found)
    spread, said = table[:, :3].std(axis=0), np.sqrt((table[:, 3:] ** 2).mean(axis=0))
    assert np.allclose(spread / said, 1, atol=0.40)


def test_the_pooled_change_has_the_error_of_the_link():
    before, now = two_years(7, 0.1, 200)
    link = scoring.link(before, now)
    trend = group_trend(link, before, now)
    # at mean 0 the change is -B: its error is that of B (Ogasawara), and the choice of anchors
    assert trend.at[POOLED, "change"] == pytest.approx(-link.B, abs=1e-12)
    assert trend.at[POOLED, "se"] == pytest.approx(np.sqrt(link.variance(0.0)), rel=1e-9)


def test_links_are_kept_and_hand_on_their_error(compared, tmp_path):
    with gate.reading() as session:
        fit = stored_fit(session, gate.run_of(session, 1))
    later, _ = two_years(9, 0.2, 200)
    later.save(tmp_path / "later.json")
    with gate.writing() as session:
        run, link, trend, notices = linking_run.link_calibrations(session, ["1", str(tmp_path / "later.json")])
        assert run.options["ends"] == ["run 1", "later.json"]
        assert set(link.anchors) | set(link.removed) == set(ITEMS[:12])
        assert [r["run"] for r in gate.provenance_of(session, run)["runs"]] == [1]
        stored = linking_run.facts_of(session, run).iloc[0]
        table = gate.read_table(session, run, "trend")
        assert len(gate.read_table(session, run, "drift")) == 12
    assert stored["A"] == link.A
    assert table["change"].tolist() == trend["change"].tolist()
    assert len(notices) == bool(link.removed) + bool(link.protected)
    assert fit.item_names == tuple(ITEMS)


def test_the_error_of_a_link_is_found_by_what_it_connects(compared):
    with gate.writing() as session:
        from scoring.runs.calibrating import calibrate_administration

        second, _, _ = calibrate_administration(session, model="rasch")
        number = second.id
        with pytest.raises(Rejected, match="not linked"):
            linking_run.linking_error(session, 1, number)
        _, link, _, _ = linking_run.link_calibrations(session, ["1", str(number)], drifted="keep")
        forward = linking_run.linking_error(session, 1, number)
        back = linking_run.linking_error(session, number, 1)
        assert linking_run.linking_error(session, 1, 1) == 0
    assert forward == pytest.approx(np.sqrt(link.se_B**2 + link.linking_variance), rel=1e-12)
    assert back == pytest.approx(forward / link.A, rel=1e-12)


def test_a_plan_leaves_out_what_students_may_have_seen(compared):
    from sqlmodel import select

    from itembank import database
    from itembank.models import Item

    with database.writing() as session:
        for item in session.exec(select(Item)).all():
            if item.code in ("Q01", "Q02"):
                item.status = "released" if item.code == "Q01" else "retired"
                session.add(item)
    with gate.reading() as session:
        plan = linking_run.plan(session)
        secure = linking_run.plan(session, secure=True, avoid=["Q03"])
    assert set(plan.items.index[plan.items["passed_over"] != ""]) == {"Q02"}
    assert set(secure.items.index[secure.items["passed_over"] != ""]) == {"Q01", "Q02", "Q03"}
    assert plan.precision["se_trend"].is_monotonic_decreasing


def test_what_cannot_be_linked_is_refused(compared):
    with gate.writing() as session:
        with pytest.raises(DesignError, match="two calibrations"):
            linking_run.link_calibrations(session, ["1"])
        with pytest.raises(Rejected, match="no number of a run and no file"):
            linking_run.link_calibrations(session, ["1", "nothing.json"])
        with pytest.raises(Rejected):
            linking_run.link_calibrations(session, ["1", "2"])  # run 2 is a comparison
