"""The parts of observed-score DIF, each against something independent."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import false_discovery_control

from scoring.diagnostics import effects, mantel
from scoring.diagnostics.observed import Grouping, item_dif, purified_dif
from scoring.diagnostics.ordinal import fit_ordinal, logistic_dif
from scoring.diagnostics.strata import Matching, MatchingScore, cell_counts, cells


def table(n_categories: int = 2, n_groups: int = 2, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.poisson(6, (8, n_groups, n_categories)).astype(float) + 1


def students(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One row per student: (stratum, group, score)."""
    index = np.argwhere(counts > 0)
    rows = np.repeat(index, counts[tuple(index.T)].astype(int), axis=0)
    return rows[:, 0], rows[:, 1], rows[:, 2]


def counted(level: np.ndarray, group: np.ndarray, score: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    return cell_counts(cells(level, group, score, *shape[1:]), shape)


def test_counts_and_students_are_the_same_thing() -> None:
    counts = table(3)
    np.testing.assert_array_equal(counted(*students(counts), counts.shape), counts)


def test_mantel_is_the_uncorrected_mantel_haenszel_and_the_generalised_test_of_two_groups() -> None:
    counts = table()
    plain = mantel.mantel_haenszel(counts, continuity=False).chi_square
    assert mantel.mantel(counts).chi_square == pytest.approx(plain)
    chi, p, df = mantel.generalised_mantel(counts)
    assert (chi, df) == (pytest.approx(plain), 1)
    graded = table(4)
    assert mantel.generalised_mantel(graded)[0] == pytest.approx(mantel.mantel(graded).chi_square)
    assert p == pytest.approx(mantel.mantel(counts).p_value)


def test_generalised_mantel_does_not_depend_on_the_order_of_groups() -> None:
    counts = table(3, 4)
    chi, _, df = mantel.generalised_mantel(counts)
    assert df == 3
    assert mantel.generalised_mantel(counts[:, [2, 0, 3, 1]])[0] == pytest.approx(chi)


def test_mantel_has_its_permutation_moments() -> None:
    """Shuffling groups within strata: the deviation's mean is 0 and its variance the formula's."""
    counts = table(3)
    level, group, score = students(counts)
    rng = np.random.default_rng(5)
    deviations = []
    for _ in range(1500):
        shuffled = group.copy()
        for k in range(8):
            here = level == k
            shuffled[here] = rng.permutation(group[here])
        c = counted(level, shuffled, score, counts.shape)
        deviations.append(mantel.score_contributions(c)[level, shuffled, score].sum())
    own = mantel.score_contributions(counts)[level, group, score].sum()
    assert own**2 / np.var(deviations) == pytest.approx(
        mantel.mantel(counts).chi_square, rel=0.12
    )  # 3 SE of a variance
    assert np.mean(deviations) == pytest.approx(0, abs=3 * np.std(deviations) / np.sqrt(1500))


@pytest.mark.parametrize("which", ["log_odds", "difference"])
def test_contributions_are_derivatives(which: str) -> None:
    """A student counted a little more moves the estimate by his or her contribution."""
    counts = table()
    level, group, score = students(counts)
    if which == "log_odds":
        parts = mantel.log_odds_contributions(counts)[level, group, score]
    else:
        weight = effects.score_difference(counts, "both").weight
        parts = effects.difference_contributions(counts, weight)[level, group, score]

    def estimate(c: np.ndarray) -> float:
        if which == "log_odds":
            return mantel.mantel_haenszel(c).log_odds
        mean = c @ np.arange(2.0) / c.sum(axis=2)
        return float(weight @ (mean[:, 1] - mean[:, 0]))

    for i in (0, 40, 99, 150):
        up, down = counts.copy(), counts.copy()
        up[level[i], group[i], score[i]] += 1e-4
        down[level[i], group[i], score[i]] -= 1e-4
        assert parts[i] == pytest.approx((estimate(up) - estimate(down)) / 2e-4, abs=1e-7)
    assert parts.sum() == pytest.approx(0, abs=1e-10)


def test_cluster_test_is_the_variance_of_school_sums_within_districts() -> None:
    rng = np.random.default_rng(3)
    school = rng.integers(0, 9, 200)
    district = np.array([0] * 4 + [1] * 5)
    x = rng.normal(size=200)
    got = mantel.cluster_test(x, school, district)
    sums = np.array([x[school == s].sum() for s in range(9)])
    variance = 4 * sums[:4].var(ddof=1) + 5 * sums[4:].var(ddof=1)
    assert got.se**2 == pytest.approx(variance)
    assert got.statistic == pytest.approx(sums.sum() ** 2 / variance)
    assert got.df == 7
    lonely = mantel.cluster_test(x, school, np.array([0] + [1] * 8))
    assert np.isnan(lonely.p_value), "one school in a district says nothing of schools"


def test_ordinal_regression_is_the_maximum() -> None:
    rng = np.random.default_rng(6)
    z = rng.normal(size=(30, 2))
    counts = rng.poisson(5, (30, 3)).astype(float)
    found = fit_ordinal(z, counts)

    def minus(b: np.ndarray) -> float:
        upper = expit(np.array([b[0], b[0] - np.exp(b[1])]) + (z @ b[2:])[:, None])
        p = np.stack([1 - upper[:, 0], upper[:, 0] - upper[:, 1], upper[:, 1]], axis=1)
        return -float((counts * np.log(p)).sum())

    other = minimize(minus, np.zeros(4), method="BFGS", options={"gtol": 1e-8})
    assert found.converged
    assert found.log_likelihood == pytest.approx(-other.fun, abs=1e-8)
    np.testing.assert_allclose(found.parameters[2:], other.x[2:], atol=1e-5)


def test_logistic_dif_of_a_graded_item_finds_uniform_and_non_uniform_dif() -> None:
    rng = np.random.default_rng(7)
    n = 6000
    value = rng.integers(0, 11, n)
    group = rng.integers(0, 2, n)
    z = (value - 5) / 3

    def run(shift: float, tilt: float) -> object:
        upper = expit(np.array([0.8, -0.8]) + (z * (1 + tilt * group) + shift * group)[:, None])
        score = (rng.random(n)[:, None] < upper).sum(axis=1)
        counts = counted(value, group, score, (11, 2, 3))
        weight = effects.score_difference(counts, "both").weight
        return logistic_dif(counts, np.arange(11.0), weight)

    uniform, tilted, none = run(0.5, 0), run(0, 0.5), run(0, 0)
    assert uniform.uniform[1] < 1e-6 < uniform.non_uniform[1]
    assert tilted.non_uniform[1] < 1e-6
    assert none.p_value > 0.001
    assert uniform.log_odds[0] == pytest.approx(0.5, abs=3.5 * uniform.log_odds[1])
    assert uniform.effect > 5 * uniform.se_effect


def test_effect_weights() -> None:
    counts = np.zeros((2, 2, 2))
    counts[0] = [[30, 10], [50, 50]]  # shares .25 and .50
    counts[1] = [[20, 40], [0, 10]]  # shares .667 and 1
    focal = effects.score_difference(counts, "focal")
    np.testing.assert_allclose(focal.weight, [100 / 110, 10 / 110])
    assert focal.estimate == pytest.approx((100 * 0.25 + 10 / 3) / 110)
    both = effects.score_difference(counts, "both")
    np.testing.assert_allclose(both.weight, [(100 / 110 + 0.4) / 2, (10 / 110 + 0.6) / 2])


@pytest.mark.parametrize(
    ("d", "se", "p", "expected"),
    [
        *[(0.99, 0.1, 0.0, "A"), (-2.5, 1.0, 0.06, "A"), (1.2, 0.1, 0.01, "B"), (1.6, 0.5, 0.01, "B")],
        *[(-1.6, 0.3, 0.01, "C"), (float("inf"), float("nan"), 0.01, "C")],
        *[(float("nan"), 1.0, 0.5, ""), (2.0, 0.1, float("nan"), "")],
    ],
)
def test_the_rule_of_ets(d: float, se: float, p: float, expected: str) -> None:
    assert effects.ets_class(d, se, p) == expected


def test_benjamini_hochberg_matches_the_library_and_keeps_gaps() -> None:
    p = np.array([0.01, 0.5, 0.03, np.nan, 0.002, 0.9])
    known = ~np.isnan(p)
    got = effects.benjamini_hochberg(p)
    np.testing.assert_allclose(got[known], false_discovery_control(p[known]))
    assert np.isnan(got[3])


def test_a_rasch_test_matched_on_the_score_with_the_item_is_free_of_impact() -> None:
    """Holland & Thayer (1988): exact in the Rasch model. Matched on the rest score, impact passes for DIF."""
    rng = np.random.default_rng(9)
    group = np.repeat([0, 1], 4000)
    theta = rng.normal(size=8000) + 1.0 * group
    x = (rng.random((8000, 8)) < expit(theta[:, None] - np.linspace(-1, 1, 8))).astype(np.int8)
    grouping = Grouping(group, 2)
    mean = {}
    for include in (True, False):
        score = MatchingScore(Matching(x, np.arange(8), include))
        mean[include] = np.mean([item_dif(score, j, grouping).d_dif for j in range(8)])
    assert abs(mean[True]) < 0.1
    assert mean[False] > 0.6


def test_purification_is_bounded_and_repeatable() -> None:
    rng = np.random.default_rng(10)
    group = np.repeat([0, 1], 500)
    b = np.tile(np.linspace(-1, 1, 10), (1000, 1))
    b[:, :6] += 1.2 * group[:, None]  # most items favour group 0: nothing can settle it
    x = (rng.random((1000, 10)) < expit(rng.normal(size=(1000, 1)) - b)).astype(np.int8)
    score = MatchingScore(Matching(x, np.arange(10)))
    first = purified_dif(score, np.arange(10), Grouping(group, 2))
    again = purified_dif(score, np.arange(10), Grouping(group, 2))
    assert first.rounds <= 10
    assert first.excluded == again.excluded
    assert len(first.excluded) <= 5
    assert [r.statistic for r in first.results] == [r.statistic for r in again.results]


def test_items_not_reached_count_in_the_matching_score_but_are_not_studied() -> None:
    scores = np.array([[1, 0], [0, 0], [1, 1], [0, 1]], dtype=np.int8)
    studied = np.ones((4, 2), dtype=bool)
    studied[1, 1] = False
    strata = MatchingScore(Matching(scores, np.arange(2), studied=studied)).strata(1)
    assert strata.rows.tolist() == [0, 2, 3]
    assert MatchingScore(Matching(scores, np.arange(2), studied=studied)).strata(0).rows.tolist() == [0, 1, 2, 3]
