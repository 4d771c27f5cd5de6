"""Scores of students against sums written out by hand, dense grids and derivatives by differences."""

import itertools

import numpy as np
import pytest

from scoring.irt import ability, ability_modes, sumscore
from scoring.irt import reliability as coefficients
from scoring.irt.curves import ItemParameters, category_probabilities, information, log_probabilities
from scoring.irt.errors import DesignError

NODES = np.linspace(-6, 6, 61)
NORMAL = ability.normal_log_weights(NODES, 0.0, 1.0)


def mixed_items() -> ItemParameters:
    """A 2PL with a negative slope, a 3PL, a GRM of four categories, a GPCM of three, a Rasch item."""
    nan = np.nan
    return ItemParameters(
        ("neg", "guess", "graded", "partial", "rasch"),
        ("2pl", "3pl", "grm", "gpcm", "rasch"),
        np.array([-0.6, 1.4, 1.1, 0.8, 1.0]),
        np.array([[0.3, nan, nan], [-0.5, nan, nan], [1.5, 0.2, -1.0], [0.4, -0.3, nan], [0.7, nan, nan]]),
        np.array([0.0, 0.2, 0.0, 0.0, 0.0]),
        np.array([2, 2, 4, 3, 2]),
    )


def rasch_items(n: int) -> ItemParameters:
    d = np.linspace(1.5, -1.5, n)[:, None]
    return ItemParameters(tuple(f"i{j}" for j in range(n)), ("rasch",) * n, np.ones(n), d, np.zeros(n), np.full(n, 2))


def all_patterns(items: ItemParameters) -> np.ndarray:
    """Every response pattern, with empty cells among the possible answers."""
    return np.array(list(itertools.product(*[range(-1, k) for k in items.categories])), dtype=np.int8)


def brute_likelihood(items: ItemParameters, pattern: np.ndarray, theta: np.ndarray) -> np.ndarray:
    p = category_probabilities(items, theta)
    out = np.ones(len(theta))
    for j, x in enumerate(pattern):
        if x >= 0:
            out = out * p[j, x]
    return out


def test_eap_of_every_pattern_is_the_sum_written_out() -> None:
    items = mixed_items()
    patterns = all_patterns(items)
    got = ability.eap(items, patterns, NODES, NORMAL)
    for i, pattern in enumerate(patterns):
        weights = brute_likelihood(items, pattern, NODES) * np.exp(-(NODES**2) / 2)
        mean = (weights * NODES).sum() / weights.sum()
        sd = np.sqrt((weights * (NODES - mean) ** 2).sum() / weights.sum())
        if (pattern < 0).all():
            assert np.isnan(got.theta[i])
            assert np.isnan(got.se[i])
        else:
            assert got.theta[i] == pytest.approx(mean, abs=1e-12)
            assert got.se[i] == pytest.approx(sd, abs=1e-12)


def test_eap_uses_each_students_own_prior() -> None:
    items = mixed_items()
    patterns = all_patterns(items)[1:]
    priors = np.stack([NORMAL, ability.normal_log_weights(NODES, 0.8, 0.5)])
    group = np.arange(len(patterns)) % 2
    both = ability.eap(items, patterns, NODES, priors, group)
    for g in (0, 1):
        alone = ability.eap(items, patterns[group == g], NODES, priors[g])
        np.testing.assert_allclose(both.theta[group == g], alone.theta, atol=1e-12)
        np.testing.assert_allclose(both.se[group == g], alone.se, atol=1e-12)


def test_scores_do_not_depend_on_row_order_or_company() -> None:
    items = mixed_items()
    rng = np.random.default_rng(3)
    scores = np.stack([rng.integers(-1, k, 5000) for k in items.categories], axis=1).astype(np.int8)
    order = rng.permutation(len(scores))
    for compute in (
        lambda x: ability.eap(items, x, NODES, NORMAL),
        lambda x: ability_modes.solve(items, x, "wle"),
    ):
        whole, shuffled, alone = compute(scores), compute(scores[order]), compute(scores[:7])
        # the order in which BLAS adds may depend on the place in a chunk: rounding only
        np.testing.assert_allclose(shuffled.theta, whole.theta[order], rtol=0, atol=1e-10)
        np.testing.assert_allclose(alone.theta, whole.theta[:7], rtol=0, atol=1e-10)


def test_no_students_at_all() -> None:
    empty = np.zeros((0, 5), dtype=np.int8)
    assert ability.eap(mixed_items(), empty, NODES, NORMAL).theta.shape == (0,)
    assert ability_modes.solve(mixed_items(), empty, "map").theta.shape == (0,)


def test_scores_above_the_highest_category_are_refused_together() -> None:
    bad = np.array([[2, 0, 4, 0, 0]], dtype=np.int8)
    with pytest.raises(DesignError) as refused:
        ability.eap(mixed_items(), bad, NODES, NORMAL)
    assert [d.split(":")[0] for d in refused.value.details] == ["neg", "graded"]


def test_curvatures_are_the_slopes_of_the_slopes() -> None:
    from scoring.irt.curves import probability_slopes

    items, theta, h = mixed_items(), np.linspace(-4, 4, 33), 1e-5
    difference = (probability_slopes(items, theta + h) - probability_slopes(items, theta - h)) / (2 * h)
    # a central difference with h = 1e-5 is good to about h² plus rounding eps/h
    np.testing.assert_allclose(ability_modes.probability_curvatures(items, theta), difference, atol=1e-9)


@pytest.mark.parametrize("method", ["mle", "map", "wle"])
def test_roots_are_the_highest_point_of_what_they_maximise(method: ability_modes.Method) -> None:
    items = mixed_items()
    patterns = all_patterns(items)[1:]
    dense = np.linspace(-20, 20, 80001)
    got = ability_modes.solve(items, patterns, method, 0.3, 0.9)
    fisher = information(items, dense)
    logs = log_probabilities(items, dense)
    for i, pattern in enumerate(patterns):
        seen = pattern >= 0
        height = logs[np.flatnonzero(seen), pattern[seen]].sum(axis=0)
        if method == "map":
            height = height - 0.5 * ((dense - 0.3) / 0.9) ** 2
        elif method == "wle":
            height = height + 0.5 * np.log(fisher[seen].sum(axis=0))
        top = height.argmax()
        if top in (0, len(dense) - 1):
            assert got.theta[i] == (-np.inf if top == 0 else np.inf)
            assert np.isnan(got.se[i])
        else:
            here = height[top]
            mine = np.interp(got.theta[i], dense, height)
            # of two maxima, the higher; on nearly flat ground the place may differ, the height may not
            assert mine == pytest.approx(here, abs=1e-6)
            assert got.se[i] > 0


def test_standard_errors_are_the_curvature() -> None:
    items = mixed_items()
    patterns = all_patterns(items)[1:]
    got = ability_modes.solve(items, patterns, "map", 0.0, 1.0)
    h = 1e-3
    for i in range(0, len(patterns), 7):
        t = got.theta[i] + np.array([-h, 0.0, h])
        height = np.log(brute_likelihood(items, patterns[i], t)) - t**2 / 2
        assert got.se[i] == pytest.approx((-(height[0] - 2 * height[1] + height[2]) / h**2) ** -0.5, rel=1e-4)


def test_rasch_maximum_likelihood_meets_the_raw_score() -> None:
    items = rasch_items(6)
    patterns = np.array(list(itertools.product((0, 1), repeat=6)), dtype=np.int8)
    got = ability_modes.solve(items, patterns, "mle")
    total = patterns.sum(axis=1)
    inner = (total > 0) & (total < 6)
    expected = category_probabilities(items, got.theta[inner])[:, 1].sum(axis=0)
    np.testing.assert_allclose(expected, total[inner], atol=1e-9)
    assert (got.theta[total == 0] == -np.inf).all()
    assert (got.theta[total == 6] == np.inf).all()


def test_weighted_likelihood_of_one_rasch_item_has_a_closed_form() -> None:
    # s(θ) = x - P + (1 - 2P)/2 = 0 at P = (x + 1/2)/2: θ = b ± ln 3
    item = rasch_items(1)
    got = ability_modes.solve(item, np.array([[0], [1]], dtype=np.int8), "wle")
    b = -item.d[0, 0]
    np.testing.assert_allclose(got.theta, [b - np.log(3), b + np.log(3)], atol=1e-9)


def test_warm_and_wle_agree_without_guessing_and_only_then() -> None:
    items = mixed_items()
    patterns = all_patterns(items)[1:]
    free = patterns.copy()
    free[:, 1] = -1
    free = free[(free >= 0).any(axis=1)]
    wle, warm = (ability_modes.solve(items, free, m) for m in ("wle", "warm"))
    np.testing.assert_allclose(wle.theta, warm.theta, atol=1e-8)
    wle, warm = (ability_modes.solve(items, patterns[(patterns >= 0).all(axis=1)], m) for m in ("wle", "warm"))
    assert np.abs(wle.theta - warm.theta).max() > 0.01


def test_sum_scores_against_every_pattern() -> None:
    items = mixed_items()
    patterns = np.array(list(itertools.product(*[range(k) for k in items.categories])), dtype=np.int8)
    total = patterns.sum(axis=1)
    got = sumscore.sum_scores(items, NODES, NORMAL)
    prior = np.exp(NORMAL)
    assert len(got.score) == total.max() + 1
    assert got.probability.sum() == pytest.approx(1.0, abs=1e-12)
    for s in got.score.astype(int):
        likelihood = sum(brute_likelihood(items, p, NODES) for p in patterns[total == s])
        weights = likelihood * prior
        mean = (weights * NODES).sum() / weights.sum()
        assert got.probability[s] == pytest.approx(weights.sum(), abs=1e-13)
        assert got.theta[s] == pytest.approx(mean, abs=1e-11)
        assert got.sd[s] == pytest.approx(np.sqrt((weights * (NODES - mean) ** 2).sum() / weights.sum()), abs=1e-11)


def test_the_grid_follows_the_prior_and_the_test() -> None:
    few = rasch_items(5)
    assert np.array_equal(ability.scoring_nodes(few), NODES)
    wide = ability.scoring_nodes(few, mean=2.0, sd=1.5)
    assert wide[0] <= 2.0 - 9.0 + 1e-9
    assert wide[-1] >= 11.0
    assert np.diff(wide)[0] == pytest.approx(0.2)
    many = rasch_items(300)
    fine = ability.scoring_nodes(many)
    smallest = 1 / np.sqrt(information(many, fine).sum(axis=0).max() + 1)
    assert np.diff(fine)[0] <= smallest


def test_a_grid_that_is_fine_enough_agrees_with_a_much_finer_one() -> None:
    items = rasch_items(300)
    rng = np.random.default_rng(5)
    scores = (rng.random((20, 300)) < 0.5).astype(np.int8)
    grid = ability.scoring_nodes(items)
    finer = np.linspace(-6, 6, 2401)
    coarse = ability.eap(items, scores, grid, ability.normal_log_weights(grid, 0, 1))
    exact = ability.eap(items, scores, finer, ability.normal_log_weights(finer, 0, 1))
    np.testing.assert_allclose(coarse.theta, exact.theta, atol=1e-8)
    np.testing.assert_allclose(coarse.se, exact.se, atol=1e-7)


def test_omega_and_conditional_errors_against_the_score_distribution() -> None:
    items = mixed_items()
    table = sumscore.sum_scores(items, NODES, NORMAL)
    mean = table.score @ table.likelihood
    variance = table.score**2 @ table.likelihood - mean**2
    error = coefficients.conditional_error(items, NODES)
    np.testing.assert_allclose(error.true_score, mean, atol=1e-10)
    np.testing.assert_allclose(error.score_sem**2, variance, atol=1e-10)
    total = table.probability @ table.score**2 - (table.probability @ table.score) ** 2
    prior = np.exp(NORMAL)
    true = prior @ mean**2 - (prior @ mean) ** 2
    assert coefficients.omega(items, NODES, NORMAL) == pytest.approx(true / total, abs=1e-10)


def test_alpha_of_parallel_items_is_spearman_brown() -> None:
    # two identical columns and one their copy: alpha 1; independent columns of equal variance: alpha near 0
    x = np.array([0, 1, 0, 1, 1, 0], dtype=np.int8)
    assert coefficients.alpha(np.stack([x, x, x], axis=1)) == pytest.approx(1.0)
    y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.int8)
    assert coefficients.alpha(y) == pytest.approx(0.0)
    assert np.isnan(coefficients.alpha(y[:, :1]))
    assert np.isnan(coefficients.alpha(np.full((5, 3), -1, dtype=np.int8)))


def test_a_prior_without_spread_is_refused() -> None:
    with pytest.raises(DesignError, match="standard deviation"):
        ability.normal_log_weights(NODES, 0.0, 0.0)


@pytest.mark.parametrize("method", ["mle", "map", "wle", "warm"])
def test_the_fast_equation_of_the_2pl_is_the_general_one(method: ability_modes.Method) -> None:
    from dataclasses import replace

    items = rasch_items(5)
    items = replace(items, model=("2pl",) * 5, a=np.array([0.7, 1.4, -0.5, 1.0, 2.1]))
    general = replace(items, model=("grm",) * 5)  # the same curves by another road
    patterns = all_patterns(items)[1:]
    fast, slow = (ability_modes.solve(x, patterns, method, 0.2, 1.1) for x in (items, general))
    np.testing.assert_allclose(fast.theta, slow.theta, atol=1e-8)
    np.testing.assert_allclose(fast.se, slow.se, atol=1e-6)


def test_steep_items_do_not_make_a_perfect_score_finite() -> None:
    steep = ItemParameters(
        tuple("abc"), ("2pl", "3pl", "2pl"), np.array([6.0, 8.0, -5.0]), np.array([[0.3], [-1.0], [0.2]]),
        np.array([0.0, 0.25, 0.0]), np.full(3, 2),
    )  # fmt: skip
    patterns = np.array([[1, 1, 0], [0, 0, 1], [0, 1, 1], [1, 0, 0]], dtype=np.int8)
    got = ability_modes.solve(steep, patterns, "mle").theta
    # the third: the guess on the 3PL item costs the same everywhere on the left, the others want to go there
    np.testing.assert_array_equal(got[:3], [np.inf, -np.inf, -np.inf])
    assert np.isfinite(got[3])
