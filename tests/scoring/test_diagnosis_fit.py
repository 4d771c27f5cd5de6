"""The tables of fit, person fit, dependence, dimensions and misconceptions."""

import numpy as np
import pandas as pd
import pytest

import scoring
from scoring.diagnosis import item_curves, local_dependence, misconceptions
from scoring.diagnostics.shares import shares


@pytest.fixture(scope="module")
def calibrated() -> tuple[pd.DataFrame, pd.Series, "scoring.Fit"]:
    """Two groups; Q3 has another curve in the second, Q8 and Q9 share something."""
    rng = np.random.default_rng(1)
    n, n_items = 2400, 10
    group = np.repeat(["A", "B"], n // 2)
    theta = rng.normal(size=n) + 0.5 * (group == "B")
    shared = rng.normal(size=n)
    z = 1.3 * (theta[:, None] - np.linspace(-1.2, 1.2, n_items))
    z[:, 3] -= 1.2 * (group == "B")
    z[:, 8:] += 1.2 * shared[:, None]
    x = pd.DataFrame(
        (rng.random(z.shape) < 1 / (1 + np.exp(-z))).astype(float), columns=[f"Q{j}" for j in range(n_items)]
    )
    groups = pd.Series(group)
    return x, groups, scoring.calibrate(x, groups=groups)


def test_item_fit_names_the_item_with_another_curve(calibrated: tuple) -> None:
    x, groups, fit = calibrated
    table = scoring.item_fit(fit, x, groups=groups)
    assert table["rmsd"].idxmax() == "Q3"
    assert "another curve in B" in table.loc["Q3", "note"]
    assert (table["n"] == len(x)).all()
    assert (table["n_s_x2"] == len(x)).all()
    sound = table.drop(index=["Q3", "Q8", "Q9"])
    assert sound["infit"].between(0.85, 1.15).all()
    curves = item_curves(fit, x, groups=groups)
    worst = curves[(curves["item"] == "Q3") & (curves["group"] == "B")]
    assert (worst["observed"] < worst["expected"])[worst["theta"].abs() < 1.5].all()
    with pytest.raises(scoring.DesignError, match="several populations"):
        scoring.item_fit(fit, x)


def test_an_item_with_parameters_of_its_own_has_a_row_per_group(calibrated: tuple) -> None:
    x, groups, _ = calibrated
    fit = scoring.calibrate(x, groups=groups, separate=["Q3"])
    table = scoring.item_fit(fit, x, groups=groups)
    assert table.loc["Q3", "n"].to_dict() == {"A": 1200, "B": 1200}
    assert table.loc["Q3", "rmsd"].max() < 0.05


def test_model_fit_is_given_where_the_design_allows(calibrated: tuple) -> None:
    x, groups, fit = calibrated
    whole = scoring.model_fit(fit, x, groups=groups)
    assert whole["available"]
    assert whole["df"] == 2 * 55 - (20 + 2)
    assert whole["p_value"] < 0.001
    gaps = x.copy()
    gaps.iloc[:1200, :4] = np.nan
    refused = scoring.model_fit(fit, gaps, groups=groups)
    assert not refused["available"]
    assert "not available for this design" in refused["note"]
    block = scoring.model_fit(fit, gaps, groups=groups, items=["Q4", "Q5", "Q6", "Q7"])
    assert block["available"]


@pytest.mark.parametrize("model", ["2pl", "rasch"])
def test_model_fit_has_its_nominal_distribution(model: str) -> None:
    """Estimated parameters, two groups: the mean of a chi-square is its df."""
    found = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        groups = pd.Series(np.repeat(["A", "B"], 400))
        theta = rng.normal(size=800) + 0.6 * (groups == "B")
        z = theta.to_numpy()[:, None] - np.linspace(-1, 1, 6)
        x = pd.DataFrame((rng.random(z.shape) < 1 / (1 + np.exp(-z))).astype(float)).add_prefix("Q")
        out = scoring.model_fit(scoring.calibrate(x, model, groups=groups), x, groups=groups)
        found.append(out["statistic"] / out["df"])
    # df 28 or 33: SD of χ²/df is .27, of the mean of twelve .08; three of them
    assert np.mean(found) == pytest.approx(1, abs=0.24)


def test_local_dependence_finds_the_pair(calibrated: tuple) -> None:
    x, groups, fit = calibrated
    table = local_dependence(fit, x, groups=groups)
    assert set(table.loc[0, ["item", "other"]]) == {"Q8", "Q9"}
    assert table.loc[0, "q3_centred"] > 0.1
    assert len(table) == 45


def test_person_fit_and_dimensions_speak(calibrated: tuple) -> None:
    x, groups, fit = calibrated
    people = scoring.person_fit(fit, x, groups=groups)
    assert set(people["status"]) <= {"usual", "unusual", "too regular", "not judged"}
    assert (people["status"] == "usual").mean() > 0.9
    told = scoring.dimensionality(x)
    assert told["n_dimensions"] >= 1
    assert "eigenvalue" in told["statement"]


def test_misconceptions_are_counted_among_answers_that_could_show_them() -> None:
    raw = pd.DataFrame({"Q1": list("ABBC") * 50, "Q2": ["B", "O", "A", "C"] * 50, "Q3": ["A", "B", np.nan, "R"] * 50})
    options = {"Q1": {"B": "adds", "C": "guess"}, "Q2": {"B": "adds"}, "Q3": {"B": "flips"}}
    groups = pd.Series(["N", "S"] * 100)
    table = misconceptions(raw, options, groups=groups).set_index(["misconception", "group"])
    # rows 0, 2 of each four are N: Q1 A, B; Q2 B, A: adds shown in 2 of 4 answers
    assert table.loc[("adds", "N"), ["answers", "chosen", "students", "items"]].tolist() == [200, 100, 100, 2]
    # S: Q1 B, C; Q2 omitted (counts as an answer without it), C
    assert table.loc[("adds", "S"), "chosen"] == 50
    # not administered and not reached are no answers: only rows 0 and 1 answered Q3
    assert table.loc[("flips", "N"), ["answers", "chosen"]].tolist() == [50, 0]
    assert table.loc[("flips", "S"), ["answers", "chosen"]].tolist() == [50, 50]
    assert (table["low"] <= table["share"]).all()
    assert (table["share"] <= table["high"]).all()


def test_misconception_intervals_know_of_schools_and_cover() -> None:
    covered = {"plain": 0, "schools": 0}
    rng = np.random.default_rng(4)
    replications, school, offered = 300, np.repeat(np.arange(20), 25), np.full(500, 3.0)
    truth = 0.28354  # mean of the logistic of N(-1, .6), by integration
    for _ in range(replications):
        rate = 1 / (1 + np.exp(-(-1 + 0.6 * rng.normal(size=20)[school])))
        chosen = rng.binomial(3, rate).astype(float)
        for which, unit in (("plain", None), ("schools", school)):
            found = shares(chosen, offered, np.zeros(500, dtype=np.int64), 1, unit)
            covered[which] += int(found.low[0] <= truth <= found.high[0])
    # 95 % of 300: SE 1.3 %; without schools far too few
    assert covered["schools"] / replications > 0.91
    assert covered["plain"] / replications < 0.8


def test_misconceptions_by_concept_and_band() -> None:
    rng = np.random.default_rng(2)
    ability = pd.Series(rng.normal(size=900))
    wrong = rng.random((900, 2)) < 1 / (1 + np.exp(ability.to_numpy()[:, None]))
    raw = pd.DataFrame(np.where(wrong, "B", "A"), columns=["Q1", "Q2"])
    table = misconceptions(raw, {"Q1": {"B": "m"}, "Q2": {"B": "m"}}, concepts={"Q1": "x", "Q2": "y"}, ability=ability)
    assert table["concept"].unique().tolist() == ["x", "y"]
    x = table[table["concept"] == "x"].set_index("band")
    assert x.index.tolist() == ["all", "lower third", "middle third", "upper third"]
    assert x.loc["lower third", "low"] > x.loc["upper third", "high"]
    assert x["students"].tolist() == [900, 300, 300, 300]
    with pytest.raises(scoring.DesignError, match="cannot be counted") as refusal:
        misconceptions(raw, {"Q9": {"B": "m"}}, ability=ability.iloc[1:])
    assert "Q9" in str(refusal.value)
    assert "ability is not aligned" in str(refusal.value)
