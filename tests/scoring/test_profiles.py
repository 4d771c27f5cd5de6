"""The concept profile on DataFrames: what it recovers, what must not matter, what it refuses."""

import numpy as np
import pandas as pd
import pytest

import scoring
from scoring.irt import profile_data
from scoring.irt.curves import ItemParameters, category_probabilities
from scoring.irt.errors import DesignError, ScoringWarning
from scoring.profiles import domain_cut


def simulate(
    n_per_group: int,
    means: np.ndarray,
    correlation: np.ndarray,
    per_concept: int,
    seed: int,
    models: tuple[str, ...] = ("2pl",),
    spreads: tuple[float, ...] = (1.0, 1.0),
) -> tuple[pd.DataFrame, dict[str, str], pd.Series, ItemParameters, np.ndarray]:
    """Responses, concepts, groups, the true items and θ; models cycle over the items."""
    rng = np.random.default_rng(seed)
    n_groups, n_concepts = means.shape
    n_items = n_concepts * per_concept
    kinds = tuple(models[j % len(models)] for j in range(n_items))
    a = rng.uniform(0.9, 1.8, n_items)
    d = np.full((n_items, 2), np.nan)
    categories = np.full(n_items, 2)
    g = np.zeros(n_items)
    for j, kind in enumerate(kinds):
        d[j, 0] = rng.normal(0, 0.8)
        if kind in ("gpcm", "grm"):
            categories[j] = 3
            d[j] = (0.7, -0.7) if kind == "grm" else (0.5, 0.2)
        if kind in ("rasch", "pcm"):
            a[j] = 1.0
        if kind == "3pl":
            g[j] = 0.2
    items = ItemParameters(tuple(f"q{j:02d}" for j in range(n_items)), kinds, a, d, g, categories)
    theta = np.concatenate(
        [rng.multivariate_normal(means[k], correlation * spreads[k] ** 2, n_per_group) for k in range(n_groups)]
    )
    concept = np.repeat(np.arange(n_concepts), per_concept)
    scores = np.zeros((len(theta), n_items), dtype=int)
    for j in range(n_items):
        p = category_probabilities(items.select(np.array([j])), theta[:, concept[j]])[0]
        scores[:, j] = (rng.random(len(theta)) > np.cumsum(p, axis=0)[:-1]).sum(axis=0)
    index = pd.Index([f"s{i}" for i in range(len(theta))], name="student")
    groups = pd.Series(np.repeat([f"district {'ABCDE'[k]}" for k in range(n_groups)], n_per_group), index=index)
    frame = pd.DataFrame(scores, columns=list(items.names), index=index)
    return frame, {n: f"concept {c}" for n, c in zip(items.names, concept, strict=True)}, groups, items, theta


CORRELATION = np.array([[1.0, 0.8, 0.5], [0.8, 1.0, 0.65], [0.5, 0.65, 1.0]])
#: Two equal districts 0.6 apart, one concept the other way round.
MEANS = np.array([[-0.3, -0.3, 0.3], [0.3, 0.3, -0.3]])


@pytest.fixture(scope="module")
def reversed_world():
    return simulate(2500, MEANS, CORRELATION, 7, 11)


@pytest.fixture(scope="module")
def reversed_profile(reversed_world):
    responses, concepts, groups, *_ = reversed_world
    return scoring.concept_profile(responses, concepts, groups=groups)


def test_recovers_means_correlations_and_items(reversed_world, reversed_profile):
    _, _, _, truth, _ = reversed_world
    profile = reversed_profile
    assert profile.converged
    assert profile.decrement < 1e-6
    assert profile.unsettled == 0
    pooled = CORRELATION + np.einsum("ga,gb->ab", MEANS, MEANS) / 2
    unit = np.sqrt(np.diagonal(pooled))
    # four standard errors each: one chance in 16,000 a piece if they are right
    means = profile.groups["mean"].unstack().to_numpy()
    assert (np.abs(means - MEANS / unit) < 4 * profile.groups["se_mean"].unstack().to_numpy()).all()
    spread = profile.groups["sd"].unstack().to_numpy()
    assert (np.abs(spread - 1 / unit) < 4 * profile.groups["se_sd"].unstack().to_numpy()).all()
    correlation = pooled / np.outer(unit, unit)
    off = ~np.eye(3, dtype=bool)
    error = np.abs(profile.correlations.to_numpy() - correlation)[off]
    assert (error < 4 * profile.correlation_se.to_numpy()[off]).all()
    assert (profile.correlation_se.to_numpy()[off] < 0.02).all()
    a = truth.a * np.repeat(unit, 7)
    z = (profile.items["a"].to_numpy() - a) / profile.items["se_a"].to_numpy()
    assert np.abs(z).max() < 4
    assert 0.6 < np.std(z) < 1.4
    z = (profile.items["d"].to_numpy() - truth.d[:, 0]) / profile.items["se_d"].to_numpy()
    assert np.abs(z).max() < 4


def test_pooled_population_is_the_origin_with_partners_weighted_equally(reversed_world):
    responses, concepts, groups, *_ = reversed_world
    fewer = pd.concat([responses.iloc[:1000], responses.iloc[2500:]])
    profile = scoring.concept_profile(fewer, concepts, groups=groups)  # 1000 against 2500
    mean, sd = profile.groups["mean"].unstack(), profile.groups["sd"].unstack()
    np.testing.assert_allclose(mean.mean(), 0, atol=1e-10)
    np.testing.assert_allclose((sd**2 + mean**2).mean(), 1, atol=1e-10)
    np.testing.assert_allclose(np.diagonal(profile.common_covariance), 1, atol=1e-10)
    assert list(profile.pooled_weights) == [0.5, 0.5]
    # one concept's mean in A is minus that in B: one number, one standard error
    se = profile.groups["se_mean"].unstack()
    np.testing.assert_allclose(se.iloc[0], se.iloc[1], rtol=1e-8)


def test_the_reversed_concept_is_found_and_total_scores_do_not_show_it(reversed_world, reversed_profile):
    responses, concepts, groups, *_ = reversed_world
    means = reversed_profile.groups["mean"].unstack()
    gap = means.loc["district B"] - means.loc["district A"]
    se = 2 * reversed_profile.groups["se_mean"].unstack().loc["district A"]  # the gap is twice one mean
    assert ((gap / se)[["concept 0", "concept 1"]] > 4).all()
    assert gap["concept 2"] / se["concept 2"] < -4
    rates = reversed_profile.group_mastery["rate"].unstack()
    assert (np.sign(rates.loc["district B"] - rates.loc["district A"]) == [1, 1, -1]).all()
    # the total says B is ahead, and one θ turned into expected scores says so of every concept
    total = responses.sum(axis=1).groupby(groups).mean()
    assert total["district B"] > total["district A"] + 0.5
    one = scoring.concept_profile(responses, dict.fromkeys(concepts, "all"), groups=groups)
    expected = {}
    for name in ("district A", "district B"):
        rng = np.random.default_rng(1)
        row = one.groups.loc[(name, "all")]
        p = category_probabilities(one.parameters, row["mean"] + row["sd"] * rng.standard_normal(4000))[:, 1].mean(
            axis=1
        )
        expected[name] = pd.Series(p, index=one.parameters.names).groupby(concepts).mean()
    assert (expected["district B"] > expected["district A"]).all()


def test_swapping_district_labels_changes_no_student(reversed_world, reversed_profile):
    responses, concepts, groups, *_ = reversed_world
    other = groups.map({"district A": "district B", "district B": "district A"})
    swapped = scoring.concept_profile(responses, concepts, groups=other)
    pd.testing.assert_frame_equal(swapped.scores, reversed_profile.scores, check_exact=True)
    renamed = swapped.groups.rename({"district A": "district B", "district B": "district A"}, level=0)
    pd.testing.assert_frame_equal(renamed.sort_index(), reversed_profile.groups, check_exact=True)


def test_equal_answers_give_equal_results_in_either_district(reversed_profile):
    answers = pd.DataFrame([[1, 0] * 10 + [1]] * 2, columns=list(reversed_profile.parameters.names))
    result = reversed_profile.score(answers)
    pd.testing.assert_series_equal(result.loc[0], result.loc[1], check_names=False)


def test_row_order_does_not_matter(reversed_world, reversed_profile):
    responses, concepts, groups, *_ = reversed_world
    shuffled = responses.sample(frac=1, random_state=3)
    profile = scoring.concept_profile(shuffled, concepts, groups=groups)
    pd.testing.assert_frame_equal(profile.items, reversed_profile.items, rtol=0, atol=1e-8)
    pd.testing.assert_frame_equal(profile.scores.loc[responses.index], reversed_profile.scores, rtol=0, atol=1e-8)
    assert profile.log_likelihood == pytest.approx(reversed_profile.log_likelihood, rel=1e-12)


def test_frozen_parameters_score_one_student_as_they_scored_everybody(reversed_world, reversed_profile):
    responses, *_ = reversed_world
    one = reversed_profile.score(responses.iloc[[77]])
    # sites are settled to 1e-6 from different starts
    pd.testing.assert_frame_equal(one, reversed_profile.scores.iloc[[77]], rtol=0, atol=1e-5)


def test_group_rates_are_those_of_the_groups_own_populations(reversed_world, reversed_profile):
    from scipy.stats import norm

    table = reversed_profile.group_mastery.join(reversed_profile.groups[["mean", "sd"]])
    model = norm.sf((table["cut"] - table["mean"]) / table["sd"])
    # mean posterior probability and the population's own tail agree within sampling and the form of the population
    assert np.abs(model - table["rate"]).max() < 0.01
    assert (table["se"].between(0.003, 0.02)).all()
    assert (table["status"] == "reported").all()


def test_standard_error_of_a_rate_has_the_size_of_its_sampling_spread():
    estimates, errors = [], []
    for seed in range(16):
        responses, concepts, groups, *_ = simulate(600, MEANS[:, :2], CORRELATION[:2, :2], 6, 500 + seed)
        table = scoring.concept_profile(responses, concepts, groups=groups, cuts={"concept 0": 0.3, "concept 1": 0.0})
        gap = table.group_mastery["rate"].unstack().diff().iloc[1]
        contrast = np.kron([-1, 1], np.eye(2))
        estimates.append(gap.to_numpy())
        errors.append(np.sqrt(np.diagonal(contrast @ table.mastery_covariance.to_numpy() @ contrast.T)))
    spread = np.std(estimates, axis=0, ddof=1)
    # items change between replications as well, so only the size can be compared: 16 replications give the spread
    # within 18 % (one standard error); two and a half of them either way
    assert (np.abs(np.mean(errors, axis=0) / spread - 1) < 0.45).all()


def test_two_items_per_concept_are_unbiased_at_convergence():
    responses, concepts, *_ = simulate(6000, np.zeros((1, 3)), CORRELATION, 2, 5)
    profile = scoring.concept_profile(responses, concepts)
    assert profile.converged
    off = ~np.eye(3, dtype=bool)
    z = (profile.correlations.to_numpy() - CORRELATION)[off] / profile.correlation_se.to_numpy()[off]
    assert np.abs(z).max() < 3.5
    assert (profile.evidence["status"] == "not enough evidence").all()
    assert profile.evidence["advice"].str.contains("more item").all()
    assert (profile.scores.xs("verdict", axis=1, level=1) == "not enough evidence").all(axis=None)


def test_mixed_models_missing_by_design_and_clusters():
    responses, concepts, groups, truth, _ = simulate(
        1500, MEANS[:, :2], CORRELATION[:2, :2], 8, 21, ("2pl", "3pl", "gpcm", "grm")
    )
    rng = np.random.default_rng(2)
    booklet = rng.integers(0, 2, len(responses))
    data = responses.astype(float)
    data.iloc[booklet == 0, [0, 8]] = np.nan
    data.iloc[booklet == 1, [7, 15]] = np.nan
    data.iloc[5, :8] = np.nan
    schools = pd.Series(rng.integers(0, 20, len(data)), index=data.index)
    models = dict(zip(truth.names, truth.model, strict=True))
    plain = scoring.concept_profile(data, concepts, groups=groups, model=models)
    robust = scoring.concept_profile(data, concepts, groups=groups, model=models, clusters=schools)
    assert plain.converged
    assert plain.priors.startswith("normal")
    np.testing.assert_allclose(plain.items["a"], robust.items["a"], atol=1e-6)
    # schools assigned at random: both kinds estimate the same standard errors, the robust one from 40 schools
    ratio = (robust.items["se_a"] / plain.items["se_a"]).mean()
    assert 0.8 < ratio < 1.2
    steps = [c for c in ("d", "d1", "d2") if c in plain.items]
    assert steps == ["d", "d1", "d2"]
    three = plain.items[plain.items["model"] == "3pl"]
    assert three["g"].between(0.05, 0.5).all()
    assert three["se_g"].notna().all()
    row = plain.scores.iloc[5]
    assert row["concept 0", "status"] == "no items"
    assert row["concept 0", "verdict"] == "not enough evidence"
    assert row["concept 1", "status"] == "scored"
    assert row["concept 0", "se"] > row["concept 1", "se"]


def test_who_answered_nothing_is_kept_and_changes_nothing():
    responses, concepts, groups, *_ = simulate(600, MEANS[:, :2], CORRELATION[:2, :2], 5, 8)
    absent = pd.DataFrame(np.nan, index=[f"absent {i}" for i in range(40)], columns=responses.columns)
    more = pd.concat([responses.astype(float), absent])
    where = pd.concat([groups, pd.Series("district B", index=absent.index)])
    without = scoring.concept_profile(responses, concepts, groups=groups)
    profile = scoring.concept_profile(more, concepts, groups=where)
    pd.testing.assert_frame_equal(profile.group_mastery, without.group_mastery, rtol=0, atol=1e-5)
    assert (profile.scores.loc[absent.index].xs("status", axis=1, level=1) == "no items").all(axis=None)
    # nothing but the common prior
    np.testing.assert_allclose(profile.scores.loc[absent.index, ("concept 0", "theta")], 0, atol=1e-4)
    np.testing.assert_allclose(profile.scores.loc[absent.index, ("concept 0", "se")], 1, atol=1e-4)


def test_weights_are_copies():
    responses, concepts, groups, *_ = simulate(700, MEANS[:, :2], CORRELATION[:2, :2], 5, 8)
    twice = pd.Series(1.0, index=responses.index)
    twice.iloc[:200] = 2.0
    weighted = scoring.concept_profile(responses, concepts, groups=groups, weights=twice)
    again = pd.concat([responses, responses.iloc[:200].set_axis([f"copy {i}" for i in range(200)])])
    more = pd.concat([groups, pd.Series("district A", index=again.index[-200:])])
    copied = scoring.concept_profile(again, concepts, groups=more)
    # both searches end within 3e-5 standard errors of the maximum
    pd.testing.assert_frame_equal(weighted.items.drop(columns="n"), copied.items.drop(columns="n"), atol=1e-5, rtol=0)
    assert weighted.log_likelihood == pytest.approx(copied.log_likelihood, rel=1e-10)
    np.testing.assert_allclose(weighted.group_mastery["rate"], copied.group_mastery["rate"], atol=1e-5)
    np.testing.assert_allclose(weighted.group_mastery["se"], copied.group_mastery["se"], rtol=1e-4)


def test_fixed_items_keep_their_scale_and_free_the_groups(reversed_world, reversed_profile):
    responses, concepts, groups, *_ = reversed_world
    anchors = reversed_profile.items.iloc[[0, 1, 7, 8, 14, 15]][["model", "a", "d"]]
    profile = scoring.concept_profile(responses, concepts, groups=groups, fixed=anchors)
    assert profile.items.loc[anchors.index, "se_a"].eq(0).all()
    np.testing.assert_allclose(profile.items.loc[anchors.index, "a"], anchors["a"], rtol=1e-12)
    # fixed at the maximum, the rest stays there
    np.testing.assert_allclose(profile.items["a"], reversed_profile.items["a"], atol=1e-4)
    np.testing.assert_allclose(profile.groups["mean"], reversed_profile.groups["mean"], atol=1e-4)


def test_rasch_items_keep_slope_one_and_report_the_spread():
    responses, concepts, groups, *_ = simulate(
        1500, MEANS[:, :2], CORRELATION[:2, :2], 6, 31, ("rasch",), spreads=(1.3, 1.3)
    )
    profile = scoring.concept_profile(responses, concepts, groups=groups, model="rasch")
    assert (profile.items["a"] == 1).all()
    sd = profile.groups["sd"]
    assert (np.abs(sd - 1.3) < 4 * profile.groups["se_sd"]).all()
    np.testing.assert_allclose(profile.groups["mean"].unstack().mean(), 0, atol=1e-10)


def test_small_groups_share_their_correlations():
    responses, concepts, groups, *_ = simulate(400, MEANS, CORRELATION, 5, 9, spreads=(0.8, 1.2))
    profile = scoring.concept_profile(responses, concepts, groups=groups)
    assert profile.converged
    assert profile.common_correlations
    sd = np.sqrt(np.diagonal(profile.group_covariances, axis1=1, axis2=2))
    r = profile.group_covariances / (sd[:, :, None] * sd[:, None, :])
    np.testing.assert_allclose(r[0], r[1], atol=1e-10)
    assert (sd[1] > sd[0] + 0.2).all()


def test_concepts_that_cannot_be_told_apart_are_named_not_forced():
    same = np.array([[1.0, 0.995], [0.995, 1.0]])
    responses, concepts, groups, *_ = simulate(600, np.zeros((2, 2)), same, 2, 3)
    with pytest.warns(ScoringWarning, match="cannot be told apart"):
        profile = scoring.concept_profile(responses, concepts, groups=groups)
    assert profile.converged
    assert "|R|^1" in profile.priors
    assert 0.995 - 4 * profile.correlation_se.iloc[0, 1] < profile.correlations.iloc[0, 1] < 1
    assert (np.linalg.eigvalsh(profile.group_covariances) > 1e-3).all()


def test_threads_change_nothing(reversed_world, reversed_profile, monkeypatch):
    responses, concepts, groups, *_ = reversed_world
    monkeypatch.setattr(profile_data, "_THREADS", 1 if profile_data._THREADS > 1 else 3)
    profile = scoring.concept_profile(responses, concepts, groups=groups)
    pd.testing.assert_frame_equal(profile.items, reversed_profile.items, check_exact=True)
    pd.testing.assert_frame_equal(profile.scores, reversed_profile.scores, check_exact=True)


def test_evidence_orders_the_three_accuracies(reversed_profile):
    evidence = reversed_profile.evidence
    # more information cannot predict worse; and a concept that runs against the total is badly told by the total
    assert (evidence["prmse_profile"] > evidence["prmse_own"]).all()
    assert (evidence["prmse_profile"] > evidence["prmse_total"]).all()
    assert evidence["prmse_total"].idxmin() == "concept 2"
    assert evidence["added_value"].all()
    assert (evidence["status"] == "enough").all()
    theta = reversed_profile.scores.xs("theta", axis=1, level=1)
    # the mean posterior variance and the variance of the posterior means add up to the population's variance of one
    np.testing.assert_allclose(1 - evidence["prmse_profile"] + theta.var(), 1, atol=0.03)


def test_advice_is_the_spearman_brown_formula():
    from scoring.irt.profile_students import accuracy_with, items_needed

    # twice the items: 2r/(1 + r); from .50 to .80 takes four times as many
    assert accuracy_with(0.6, 5, 5) == pytest.approx(0.75)
    assert items_needed(0.5, 4, 0.80) == 12
    assert items_needed(0.71, 4, 0.80) == 3
    assert items_needed(0.85, 4, 0.80) == 0


def test_a_very_steep_item_gets_nodes_fine_enough():
    responses, concepts, *_, theta = simulate(1500, np.zeros((1, 2)), CORRELATION[:2, :2], 6, 77)
    responses = responses.assign(q00=(theta[:, 0] > 0.03).astype(int))  # a step: the slope has no finite maximum
    nearly = np.random.default_rng(1).random(1500) < 0.02
    responses.loc[nearly, "q00"] = 1 - responses.loc[nearly, "q00"]
    profile = scoring.concept_profile(responses, concepts)
    assert profile.converged
    slope = profile.items.loc["q00", "a"]
    assert slope > 3
    assert profile.nodes[1] - profile.nodes[0] <= 1.7 / slope


def test_true_theta_is_predicted_as_well_as_reported(reversed_world, reversed_profile):
    *_, theta = reversed_world
    unit = np.sqrt(1 + 0.09)
    for c in range(3):
        name = f"concept {c}"
        error = reversed_profile.scores[name, "theta"].to_numpy() - theta[:, c] / unit
        # 5000 students: the mean squared error is known within 2 % (one standard error)
        assert np.mean(error**2) == pytest.approx(1 - reversed_profile.evidence.loc[name, "prmse_profile"], rel=0.08)
        share = (theta[:, c] / unit >= reversed_profile.cuts.loc[name, "theta"]).mean()
        assert reversed_profile.scores[name, "p_mastery"].mean() == pytest.approx(share, abs=0.03)


def test_cuts_are_the_domain_score_or_as_given(reversed_world):
    responses, concepts, *_ = reversed_world
    profile = scoring.concept_profile(responses.iloc[::4], concepts, cuts={"concept 1": 0.25})
    assert profile.cuts["source"].to_list() == ["provisional", "given", "provisional"]
    assert profile.cuts.loc["concept 1", "theta"] == 0.25
    own = profile.parameters.select(np.flatnonzero(profile.concept_index == 0))
    at_cut = category_probabilities(own, profile.cuts.loc[["concept 0"], "theta"].to_numpy())[:, 1, 0]
    assert at_cut.mean() == pytest.approx(0.70, abs=1e-9)
    easy = ItemParameters(("x",), ("3pl",), np.array([1.0]), np.array([[0.0]]), np.array([0.75]), np.array([2]))
    assert np.isnan(domain_cut(easy))


def test_everything_wrong_is_said_at_once():
    responses = pd.DataFrame({"a": [0, 1] * 20, "b": [0, 1] * 20, "c": [0] * 40, "d": [0, 1] * 20})
    responses.loc[0, "b"] = 3
    groups = pd.Series(["g"] * 39 + ["h"])
    with pytest.raises(DesignError) as refused:
        scoring.concept_profile(responses, {"a": "x", "b": "x", "c": "y"}, groups=groups, model={"a": "4pl"})
    text = "\n".join(refused.value.details)
    for part in (
        "item d: no concept",
        "item a: unknown model '4pl'",
        "item b: nobody scored 2",
        "item c: nobody scored 1",
    ):
        assert part in text
    fine = pd.DataFrame(np.random.default_rng(0).integers(0, 2, (40, 4)), columns=list("abcd")).astype(float)
    fine.iloc[:20, :2] = np.nan
    fine.iloc[20:, 2:] = np.nan
    with pytest.raises(DesignError, match="share no item"):
        scoring.concept_profile(fine, dict.fromkeys("abcd", "x"), groups=pd.Series(["g"] * 20 + ["h"] * 20))
    with pytest.raises(DesignError, match="one item"):
        scoring.concept_profile(fine, {"a": "x", "b": "x", "c": "y", "d": "z"})
    with pytest.raises(DesignError, match="missing for 1"):
        scoring.concept_profile(fine, dict.fromkeys("abcd", "x"), groups=pd.Series(["g"] * 39 + [None]))


def test_what_cannot_be_read_is_refused_by_name(reversed_world, reversed_profile):
    responses, concepts, groups, *_ = reversed_world
    some = responses.iloc[::10]
    alone = next(iter(concepts))
    fixed = pd.DataFrame({"a": [1.2], "d": [0.0], "model": ["2pl"]}, index=[alone])
    for arguments, said in (
        ({"concepts": None}, "no mapping"),
        ({"concepts": {**concepts, alone: np.nan}}, f"item {alone}: no concept"),
        ({"concepts": {**concepts, alone: "alone"}}, f"one item ({alone}) cannot carry a concept"),
        # a group's share right on one known item tells its mean or its spread, not both
        ({"concepts": {**concepts, alone: "alone"}, "fixed": fixed}, f"one item ({alone}) cannot carry a concept"),
    ):
        with pytest.raises(DesignError) as refused:
            scoring.concept_profile(some, groups=groups[some.index], **{"concepts": concepts, **arguments})
        assert said in str(refused.value)
    with pytest.raises(DesignError, match="poetry"):
        reversed_profile.frozen().with_cuts({"poetry": 0.0})
    with pytest.raises(DesignError, match="is no number"):
        scoring.concept_profile(some, concepts, groups=groups[some.index], cuts={"concept 0": "high"})


def test_one_concept_is_the_calibration_of_one_dimension(reversed_world):
    responses, concepts, groups, *_ = reversed_world
    own = responses[[n for n, c in concepts.items() if c == "concept 1"]]
    profile = scoring.concept_profile(own, dict.fromkeys(own.columns, "concept 1"), groups=groups)
    fit = scoring.calibrate(own, groups=groups)
    # an independent engine at the same maximum: exact quadrature there and here; the nodes differ
    np.testing.assert_allclose(profile.items["a"], fit.items["a"], atol=1e-4)
    np.testing.assert_allclose(profile.items["d"], fit.items["d"], atol=1e-4)
    means = profile.groups.xs("concept 1", level=1)
    np.testing.assert_allclose(means["mean"], fit.groups["mean"], atol=1e-4)
    np.testing.assert_allclose(means["sd"], fit.groups["sd"], atol=1e-4)
    assert profile.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-3)
    # outer product against observed information: equal up to sampling, about sqrt(2 p/N) = 8 %
    np.testing.assert_allclose(profile.items["se_a"], fit.items["se_a"], rtol=0.1)
    np.testing.assert_allclose(means["se_mean"], fit.groups["se_mean"], rtol=0.1)


def test_one_concept_gives_the_published_items_of_lsat7(reference_data):
    data = pd.read_csv(reference_data / "LSAT7" / "data.csv")
    profile = scoring.concept_profile(data, dict.fromkeys(data.columns, "all"))
    reference = pd.read_csv(reference_data / "LSAT7" / "ref" / "mirt_2pl_items.csv", index_col=0)
    # with one concept EP is plain quadrature; only the nodes differ
    np.testing.assert_allclose(profile.items["a"], reference["a"], atol=1e-3)
    np.testing.assert_allclose(profile.items["d"], reference["d"], atol=1e-3)
