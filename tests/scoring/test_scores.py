"""The DataFrame face of scoring: alignment, statuses, priors, tables."""

import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import scoring
from scoring.frozen import read_item_table
from scoring.irt.curves import ItemParameters
from scoring.irt.errors import DesignError, ScoringWarning
from scoring.irt.populations import Populations
from scoring.reporting_scale import ReportingScale

ITEMS = pd.DataFrame(
    {"model": "2pl", "a": [1.0, 1.2, 0.8, 1.5, 0.9, 1.1], "d": [1.0, 0.5, 0.0, -0.2, -0.6, -1.0]},
    index=pd.Index([f"m{j}" for j in range(6)], name="item"),
)
SCALE = ReportingScale("mathematics", 1, 50.0, 500.0, 350.0, 650.0)


def answers() -> pd.DataFrame:
    rows = {
        "ok": [1, 1, 0, 1, 0, 0],
        "perfect": [1, 1, 1, 1, 1, 1],
        "zero": [0, 0, 0, 0, 0, 0],
        "few": [1, 0, "R", "R", "R", "R"],
        "blank": ["O", "O", "O", "O", "O", "O"],
        "absent": [None] * 6,
        "invalid": ["M"] * 6,
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(ITEMS.index))


def fake_fit() -> SimpleNamespace:
    """A fit of two groups, as far as scoring looks at it."""
    n = len(ITEMS)
    parameters = ItemParameters(
        tuple(ITEMS.index), ("2pl",) * n, ITEMS["a"].to_numpy(), ITEMS[["d"]].to_numpy(), np.zeros(n), np.full(n, 2)
    )
    mean, share = np.array([-0.4, 0.4]), np.array([0.5, 0.5])
    sd = np.sqrt(np.array([0.98, 0.70]))  # pooled: mean 0, variance .84 + .16 = 1
    return SimpleNamespace(
        parameters=parameters,
        items=ITEMS.assign(group="all"),
        item_parameters=lambda group=None: parameters,
        population=Populations(("A", "B"), mean, sd, share, np.linspace(-6, 6, 61)),
    )


def test_every_sitting_is_kept_with_a_status() -> None:
    got = scoring.score(ITEMS, answers())
    assert list(got.columns) == ["theta", "se", "status"]
    assert list(got.index) == list(answers().index)
    assert got["status"].to_dict() == {
        "ok": "scored",
        "perfect": "scored",
        "zero": "scored",
        "few": "too few responses",
        "blank": "nothing valid",
        "absent": "nothing valid",
        "invalid": "nothing valid",
    }
    scored = got["status"] == "scored"
    assert np.isfinite(got.loc[scored, ["theta", "se"]]).all(axis=None)
    assert got.loc[~scored, ["theta", "se"]].isna().all(axis=None)


def test_an_infinite_estimate_is_extreme_and_scaled_to_the_limits() -> None:
    got = scoring.score(ITEMS, answers(), method="mle")
    assert got.loc["perfect", "status"] == got.loc["zero", "status"] == "extreme"
    assert got.loc["perfect", "theta"] == np.inf
    assert np.isnan(got.loc["perfect", "se"])
    scaled = SCALE.scores(got["theta"].to_numpy())
    assert (scaled[1], scaled[2]) == (650.0, 350.0)
    assert np.isnan(scaled[3])
    assert scaled[0] == round(500 + 50 * got.loc["ok", "theta"])


def test_few_answers_can_be_asked_for() -> None:
    assert scoring.score(ITEMS, answers(), minimum=2).loc["few", "status"] == "scored"
    with_zeros = scoring.score(ITEMS, answers(), minimum=2, not_reached="zero")
    ignored = scoring.score(ITEMS, answers(), minimum=2)
    assert with_zeros.loc["few", "theta"] < ignored.loc["few", "theta"]


def test_a_test_of_three_items_can_be_scored() -> None:
    got = scoring.score(ITEMS.iloc[:3], answers().iloc[:1, :3])
    assert list(got["status"]) == ["scored"]


def test_equal_answers_give_equal_results_in_any_group() -> None:
    data = answers()
    labels = pd.Series(["A", "B"] * 3 + ["A"], index=data.index)
    fit = fake_fit()
    plain = scoring.score(fit, data)
    swapped = scoring.score(fit, data, groups=labels.map({"A": "B", "B": "A"}))
    pd.testing.assert_frame_equal(plain, swapped)
    twice = data.iloc[[0, 0]].set_axis(["one", "other"])
    own = scoring.score(fit, twice, prior="group", groups=pd.Series(["A", "B"], index=["one", "other"]))
    assert own["theta"].iloc[0] < plain["theta"].iloc[0] < own["theta"].iloc[1]


def test_a_group_prior_is_that_prior() -> None:
    data = answers().iloc[:3]
    for name, moments in (("A", (-0.4, 0.98**0.5)), ("B", (0.4, 0.70**0.5))):
        for method in ("eap", "map"):
            own = scoring.score(fake_fit(), data, method, "group", groups=[name] * 3)
            given = scoring.score(fake_fit(), data, method, moments)
            np.testing.assert_allclose(own["theta"], given["theta"], atol=1e-9)


def test_columns_are_matched_by_name() -> None:
    data = answers().iloc[:3]
    turned = data[data.columns[::-1]]
    pd.testing.assert_frame_equal(scoring.score(ITEMS, data), scoring.score(ITEMS, turned))
    without = data.drop(columns="m5")
    emptied = data.assign(m5=[None] * 3)
    pd.testing.assert_frame_equal(scoring.score(ITEMS, without), scoring.score(ITEMS, emptied))


def test_columns_that_are_no_items_are_named() -> None:
    data = answers().iloc[:3].assign(school="North")
    with pytest.warns(ScoringWarning, match="school"):
        got = scoring.score(ITEMS, data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pd.testing.assert_frame_equal(got, scoring.score(ITEMS, answers().iloc[:3]))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"method": "sum"}, "unknown-method"),
        ({"prior": "district"}, "unknown-prior"),
        ({"prior": (0.0, -1.0)}, "bad-prior"),
        ({"prior": ("a", "b")}, "unknown-prior"),
        ({"prior": (0.0, 1.0, 2.0)}, "unknown-prior"),
        ({"prior": None}, "unknown-prior"),
        ({"prior": "group"}, "no-groups"),
    ],
)
def test_refusals(arguments: dict[str, object], code: str) -> None:
    with pytest.raises(DesignError) as refused:
        scoring.score(ITEMS, answers(), **arguments)
    assert refused.value.code == code
    assert refused.value.exit_code == 3


def test_unknown_groups_are_counted_not_guessed() -> None:
    with pytest.raises(DesignError) as refused:
        scoring.score(fake_fit(), answers().iloc[:3], prior="group", groups=["A", "C", "C"])
    assert refused.value.details == ("C: 2 students",)


def test_groups_are_matched_to_students_by_index() -> None:
    data = answers().iloc[:4]
    groups = pd.Series(["A", "B", "B", "A"], index=data.index)
    got = scoring.score(fake_fit(), data, prior="group", groups=groups)
    pd.testing.assert_frame_equal(got, scoring.score(fake_fit(), data, prior="group", groups=groups.iloc[[2, 0, 3, 1]]))
    for wrong, code in (
        (groups.set_axis(range(4)), "not-aligned"),
        (groups.iloc[:3].tolist(), "not-aligned"),
        (groups.mask(groups == "A"), "missing-values"),
    ):
        with pytest.raises(DesignError) as refused:
            scoring.score(fake_fit(), data, prior="group", groups=wrong)
        assert refused.value.code == code


def test_one_student_is_a_row_of_a_table() -> None:
    with pytest.raises(DesignError) as refused:
        scoring.score(ITEMS, answers().iloc[0])
    assert refused.value.code == "not-a-table"


def test_a_form_has_each_item_once() -> None:
    name = ITEMS.index[0]
    with pytest.raises(DesignError) as refused:
        scoring.sum_score_table(ITEMS, [name, name])
    assert refused.value.details == (name,)
    pd.testing.assert_frame_equal(scoring.sum_score_table(ITEMS, name), scoring.sum_score_table(ITEMS, [name]))


def test_a_sum_score_that_falls_is_said() -> None:
    wrong_key = pd.DataFrame({"a": [1.2, 1.0, -1.5], "d": [0.0, 0.3, 0.2]}, index=["x", "y", "z"])
    with pytest.warns(ScoringWarning, match="from 0 to 1 points.*slopes: z"):
        scoring.sum_score_table(wrong_key)


def test_nothing_in_common_is_refused() -> None:
    with pytest.raises(DesignError, match="No column"):
        scoring.score(ITEMS, pd.DataFrame({"x": [1, 0]}))


def test_an_item_table_is_checked_row_by_row() -> None:
    table = pd.DataFrame(
        {
            "model": ["2pl", "4pl", "grm", "3pl"],
            "a": [np.nan, 1, 1, 1],
            "d1": [0, 0, 0, 0],
            "d2": [np.nan, np.nan, 1, np.nan],
            "g": [0, 0, 0, 1.5],
        },
        index=["p", "q", "r", "s"],
    )
    with pytest.raises(DesignError) as refused:
        scoring.score(table, pd.DataFrame({"p": [1]}))
    assert [d.split(":")[0] for d in refused.value.details] == ["p", "q", "r", "s"]


def test_difficulties_in_place_of_intercepts() -> None:
    by_b = ITEMS.assign(b=-ITEMS["d"] / ITEMS["a"]).drop(columns=["d", "model"])
    pd.testing.assert_frame_equal(scoring.score(ITEMS, answers()), scoring.score(by_b, answers()))


def test_steps_in_place_of_intercepts() -> None:
    items = ItemParameters(
        ("g", "p"),
        ("grm", "gpcm"),
        np.array([1.2, 0.8]),
        np.array([[1.0, -0.5], [0.3, 0.1]]),
        np.zeros(2),
        np.full(2, 3),
    )
    table = pd.DataFrame(
        {"model": items.model, "a": items.a, "b1": items.b[:, 0], "b2": items.b[:, 1]}, index=items.names
    )
    np.testing.assert_allclose(read_item_table(table).d, items.d, atol=1e-12)


def test_sum_score_table_follows_the_form() -> None:
    table = scoring.sum_score_table(ITEMS, ["m0", "m3", "m5"], n=200, scale=SCALE)
    assert list(table.index) == [0, 1, 2, 3]
    assert table["expected"].sum() == pytest.approx(200)
    assert table["theta"].is_monotonic_increasing
    assert (table["scaled"] == (500 + 50 * table["theta"]).round()).all()
    one = scoring.score(ITEMS.loc[["m0", "m3", "m5"]], pd.DataFrame([[1, 1, 1]], columns=["m0", "m3", "m5"]))
    assert table.loc[3, "theta"] == pytest.approx(one["theta"].iloc[0], abs=1e-12)
    with pytest.raises(DesignError) as refused:
        scoring.sum_score_table(ITEMS, ["m0", "zz"])
    assert refused.value.details == ("zz",)


def test_reliability_of_a_simulated_test_is_the_squared_correlation_with_the_truth() -> None:
    rng = np.random.default_rng(7)
    table = pd.concat([ITEMS] * 4)
    table.index = pd.Index([f"m{j}" for j in range(24)])
    theta = rng.normal(size=6000)
    p = 1 / (1 + np.exp(-(theta[:, None] * table["a"].to_numpy() + table["d"].to_numpy())))
    data = pd.DataFrame((rng.random(p.shape) < p).astype(int), columns=table.index)
    got = scoring.reliability(table, data)
    squared = np.corrcoef(theta, scoring.score(table, data)["theta"])[0, 1] ** 2
    total = np.corrcoef(theta, data.sum(axis=1))[0, 1] ** 2
    # standard error of a squared correlation near .83 with 6,000 students: 2 r (1 - r²)/sqrt(n) = .004
    assert got.eap == pytest.approx(squared, abs=0.012)
    assert got.marginal == pytest.approx(squared, abs=0.02)  # information underestimates a posterior variance a little
    assert got.omega == pytest.approx(total, abs=0.02)  # total and θ are not linearly related in the tails
    assert got.alpha <= got.omega + 0.012  # alpha is a lower bound
    assert 0 < got.wle < got.eap
    assert (got.n, got.n_complete) == (6000, 6000)
    assert list(got.curve.columns) == ["information", "sem", "true_score", "score_sem"]


def test_an_impossible_reporting_scale_is_refused_with_all_reasons() -> None:
    with pytest.raises(DesignError) as refused:
        ReportingScale("x", 0, -1.0, 0.0, 5.0, 5.0)
    assert len(refused.value.details) == 3


def test_a_reporting_scale_survives_storage_and_goes_back_to_theta() -> None:
    assert ReportingScale(**SCALE.to_dict()) == SCALE
    np.testing.assert_allclose(SCALE.theta(SCALE.scores(np.array([-1.0, 0.0, 2.0]))), [-1.0, 0.0, 2.0])
    np.testing.assert_allclose(SCALE.errors(np.array([0.3])), [15.0])


def simulated_districts() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(11)
    label = np.repeat(["A", "B"], 800)
    theta = rng.normal(np.where(label == "A", -0.4, 0.4), 0.9)
    a, d = np.full(12, 1.2), np.linspace(-1.5, 1.5, 12)
    shift = np.where((np.arange(12) == 3) & (label == "B")[:, None], 1.0, 0.0)  # item 3 is easier in B
    p = 1 / (1 + np.exp(-(theta[:, None] * a + d + shift)))
    data = pd.DataFrame((rng.random(p.shape) < p).astype(int), columns=[f"m{j}" for j in range(12)])
    return data, pd.Series(label)


def test_a_calibration_scores_its_own_students() -> None:
    data, district = simulated_districts()
    fit = scoring.calibrate(data, groups=district)
    assert fit.population.pooled_mean == pytest.approx(0.0, abs=1e-9)
    got = scoring.score(fit, data)
    by_table = scoring.score(fit.items, data)
    np.testing.assert_allclose(got["theta"], by_table["theta"], atol=1e-6)  # the fit's grid may be finer
    own = scoring.score(fit, data, prior="group", groups=district)
    # posterior means under the right priors average to the groups' estimated means at the maximum
    np.testing.assert_allclose(own["theta"].groupby(district).mean(), fit.groups["mean"], atol=1e-4)
    table = scoring.sum_score_table(fit, n=1600)
    assert table["expected"].sum() == pytest.approx(1600)
    assert 0.6 < scoring.reliability(fit, data).eap < 0.9


def test_items_that_differ_between_districts_stay_out_of_students_scores() -> None:
    data, district = simulated_districts()
    fit = scoring.calibrate(data, groups=district, separate=["m3"])
    with pytest.warns(ScoringWarning, match="m3"):
        got = scoring.score(fit, data)
    with pytest.warns(ScoringWarning, match="m3"):
        changed = scoring.score(fit, data.assign(m3=1 - data["m3"]))
    pd.testing.assert_frame_equal(got, changed)
    own = scoring.score(fit, data, prior="group", groups=district)
    assert list(own.index) == list(data.index)
    np.testing.assert_allclose(own["theta"].groupby(district).mean(), fit.groups["mean"], atol=1e-4)


def test_an_empirical_population_is_the_prior_it_was_estimated_as() -> None:
    data, district = simulated_districts()
    fit = scoring.calibrate(data, groups=district, population="histogram")
    own = scoring.score(fit, data, prior="group", groups=district)
    # at the maximum the mean posterior of a group is its histogram, hence its mean
    np.testing.assert_allclose(own["theta"].groupby(district).mean(), fit.groups["mean"], atol=2e-3)
    pooled = scoring.score(fit, data)
    table = scoring.sum_score_table(fit)
    perfect = (data == 1).all(axis=1)
    assert table["theta"].iloc[-1] == pytest.approx(pooled.loc[perfect, "theta"].iloc[0], abs=1e-10)
