"""IRT DIF, what DIF does to the gap, and the study of rates in small."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

import scoring
from scoring.diagnosis import gap_effect
from scoring.differential_irt import Study, expected_differences, logit_difference, own_parameters, wald_statistic


def two_groups(
    n: int, n_items: int, seed: int, impact: float = 0.0, shift: dict[int, float] | None = None
) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(seed)
    group = np.repeat([0, 1], n)
    theta = rng.normal(size=2 * n) + impact * (group - 0.5)
    b = np.tile(np.linspace(-1, 1, n_items), (2 * n, 1))
    for item, by in (shift or {}).items():
        b[:, item] += by * group
    x = (rng.random(b.shape) < 1 / (1 + np.exp(-1.2 * (theta[:, None] - b)))).astype(float)
    return pd.DataFrame(x, columns=[f"Q{j}" for j in range(n_items)]), pd.Series(np.where(group, "B", "A"))


@pytest.fixture(scope="module")
def planted() -> tuple[pd.DataFrame, pd.Series]:
    return two_groups(900, 8, 1, impact=0.8, shift={2: 0.9})


def test_likelihood_ratio_is_that_of_two_calibrations(planted: tuple) -> None:
    responses, groups = planted
    out = scoring.dif(responses, groups, "lrt", purify="no")
    free = scoring.calibrate(responses, groups=groups, separate={"Q5": [["A"], ["B"]]})
    base = scoring.calibrate(responses, groups=groups)
    expected = 2 * (free.log_likelihood - base.log_likelihood)
    assert out.loc["Q5", "statistic"] == pytest.approx(expected, abs=1e-6)
    assert out.loc["Q5", "p_value"] == pytest.approx(chi2.sf(expected, 2), rel=1e-6)


def test_planted_dif_is_found_beside_a_large_difference_in_ability(planted: tuple) -> None:
    responses, groups = planted
    out = scoring.dif(responses, groups, "wald")
    assert out.index[out["favours"] != "neither"].tolist() == ["Q2"]
    assert out.loc["Q2", "favours"].startswith("A, by about")
    assert not out.loc["Q2", "in_matching"]
    # slope 1.2: a shift of .9 is 1.08 logits, D-DIF -2.54
    assert out.loc["Q2", "d_dif"] == pytest.approx(-2.35 * 1.08, abs=3 * out.loc["Q2", "se_d_dif"])
    # true expected-score difference, averaged over both groups' abilities equally
    grid = np.linspace(-6, 6, 201)
    w = np.exp(-((grid - 0.4) ** 2) / 2) + np.exp(-((grid + 0.4) ** 2) / 2)
    b = np.linspace(-1, 1, 8)[2]
    truth = w / w.sum() @ (1 / (1 + np.exp(-1.2 * (grid - b - 0.9))) - 1 / (1 + np.exp(-1.2 * (grid - b))))
    assert out.loc["Q2", "effect_low"] < truth < out.loc["Q2", "effect_high"]
    lrt = scoring.dif(responses, groups, "lrt")
    # the two tests agree for small effects
    ratio = (lrt["statistic"] / out["statistic"])[lrt["statistic"] > 1].drop("Q2")
    assert ratio.between(0.8, 1.3).all()


def test_delta_method_gradients_match_moving_the_parameters(planted: tuple) -> None:
    responses, groups = planted
    study = Study(responses, groups, ["A", "B"], None, "both", None, "2pl")
    fit = study.fit(frozenset({"Q2"}))
    parameters, covariance, layout = own_parameters(fit, "Q2", ["A", "B"])
    assert parameters.shape == (2, 2)
    assert np.linalg.eigvalsh(covariance).min() > 0
    nodes, weights = study.theta_weights(fit)
    value, gradient = expected_differences(layout, parameters, nodes, weights)
    assert value[0] == pytest.approx(-value[1])
    moved = parameters.copy()
    moved[1, 1] += 0.01
    change = expected_differences(layout, moved, nodes, weights)[0] - value
    np.testing.assert_allclose(change, gradient[:, 1, 1] * 0.01, atol=2e-5)
    difference, slope = logit_difference(layout, parameters, nodes, weights, 1)
    closed = (parameters[1] - parameters[0]) @ [weights @ nodes, 1]
    assert difference == pytest.approx(closed)
    np.testing.assert_allclose(slope[1], [weights @ nodes, 1], atol=1e-6)
    statistic, df = wald_statistic(parameters, covariance)
    contrast = parameters[1] - parameters[0]
    spread = covariance[:2, :2] + covariance[2:, 2:] - covariance[:2, 2:] - covariance[2:, :2]
    assert (statistic, df) == (pytest.approx(contrast @ np.linalg.solve(spread, contrast)), 2)


def test_schools_make_it_an_f_test_and_concepts_have_scales_of_their_own(planted: tuple) -> None:
    responses, groups = planted
    rng = np.random.default_rng(3)
    school = pd.Series(rng.integers(0, 12, len(groups)) + 12 * (groups == "B"))
    matching = {f"Q{j}": "first" if j < 4 else "second" for j in range(8)}
    out = scoring.dif(responses, groups, "wald", matching=matching, clusters=school, purify="no")
    assert (out["df"] == 2).all()
    assert (out["df_error"] == 21).all()  # 24 schools - 2 districts, Hotelling's T² with 2 restrictions
    assert out["matched_on"].unique().tolist() == ["first: θ from 4 items", "second: θ from 4 items"]
    assert out.loc["Q2", "p_value"] < 1e-4
    assert {"total_ets_class", "total_effect"} <= set(out.columns)


def test_the_gap_is_freed_from_dif() -> None:
    responses, groups = two_groups(1500, 9, 5, impact=0.5, shift={2: 1.0, 6: 1.0})
    table = scoring.dif(responses, groups)
    assert table.index[table["ets_class"] == "C"].tolist() == ["Q2", "Q6"]
    row = gap_effect(responses, groups, table).iloc[0]
    truth = 0.5 / np.sqrt(1 + 0.25**2)
    assert row["gap"] < truth - 2 * row["se"], "two of nine items hold group B back"
    assert row["gap_separate"] == pytest.approx(truth, abs=2.5 * row["se_separate"])
    assert row["gap_without"] == pytest.approx(row["gap_separate"], abs=0.02)
    assert row["change"] == pytest.approx(row["gap_separate"] - row["gap"])
    assert "changes by" in row["note"]
    none = table.assign(ets_class="A")
    calm = gap_effect(responses, groups, none).iloc[0]
    assert calm["gap"] == calm["gap_separate"] == calm["gap_without"]


def test_a_calibration_that_fails_is_named_as_the_reason() -> None:
    responses, groups = two_groups(100, 6, 1)
    responses["Q5"] = 1.0  # without wrong answers no parameters
    table = pd.DataFrame({"ets_class": "A"}, index=responses.columns)
    row = gap_effect(responses, groups, table).iloc[0]
    assert np.isnan(row["gap"])
    assert "could not be calibrated (item-without" in row["note"]


def load_study() -> ModuleType:
    place = Path(__file__).parents[2] / "studies" / "dif_rates.py"
    spec = importlib.util.spec_from_file_location("dif_rates", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["dif_rates"] = module
    spec.loader.exec_module(module)
    return module


def test_rates_without_dif_are_nominal_in_small() -> None:
    study = load_study()
    rows = {r["method"]: r for r in study.run("small", study.Cell(("mh", "std", "logistic"), 500, 12, 8), 8)}
    # 96 tests of each: .05 + 3 SE = .117; the same code makes the committed table from thousands
    assert all(r["rejected"] <= 0.117 for r in rows.values())
    assert rows["mh"]["class_c"] <= 0.01
    power = study.run("small-power", study.Cell(("mh",), 1000, 12, 3, shift=0.8), 3)[0]
    assert power["power"] == 1
    assert power["d_dif"] == pytest.approx(power["true_d_dif"], abs=0.35)
