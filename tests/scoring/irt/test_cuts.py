"""Cuts against closed forms, accuracy and consistency against simulation and enumeration."""

import numpy as np
import pytest
from scipy.special import expit, logit

from scoring.irt import cuts, cuts_classification, cuts_ratings
from scoring.irt.curves import ItemParameters, expected_scores
from scoring.irt.errors import DesignError


def items_of(b: list[float], a: float = 1.0, g: float = 0.0) -> ItemParameters:
    n = len(b)
    model = "3pl" if g else "2pl"
    d = -a * np.array(b, dtype=float)[:, None]
    return ItemParameters(
        tuple(f"i{j}" for j in range(n)), (model,) * n, np.full(n, a), d, np.full(n, g), np.full(n, 2)
    )


def test_equal_items_have_a_closed_form() -> None:
    # share = σ(a(θ - b)): θ = b + logit(share)/a, slope a share (1 - share)
    got = cuts.curve_cut(items_of([0.4] * 5, a=1.3), 0.7)
    assert got.theta == pytest.approx(0.4 + logit(0.7) / 1.3, abs=1e-10)
    assert got.slope == pytest.approx(1.3 * 0.7 * 0.3, abs=1e-8)
    assert got.reason == ""


def test_points_of_several_categories_count_as_points() -> None:
    items = ItemParameters(
        ("p", "q"),
        ("gpcm", "2pl"),
        np.array([1.0, 0.8]),
        np.array([[0.5, 0.1], [0.0, np.nan]]),
        np.zeros(2),
        np.array([3, 2]),
    )
    got = cuts.curve_cut(items, 0.6)
    assert expected_scores(items, np.array([got.theta])).sum() == pytest.approx(0.6 * 3, abs=1e-9)


def test_a_share_that_the_curve_meets_at_a_node_is_found_there():
    """Rounding may put the curve on one side of the share where it is tabulated and on the other where it is solved."""
    random = np.random.default_rng(199)
    items = ItemParameters(
        tuple("abcdefghi"), ("2pl",) * 9, random.uniform(0.7, 2, 9), random.normal(size=(9, 1)), np.zeros(9),
        np.full(9, 2),
    )  # fmt: skip
    for theta in np.linspace(-6, 6, 241)[80:160]:
        at = float(expected_scores(items, np.array([theta])).sum() / 9)
        for share in (np.nextafter(at, 0), at, np.nextafter(at, 1)):
            assert cuts.curve_cut(items, float(share)).theta == pytest.approx(theta, abs=1e-10)  # 1e-16 over the slope


def test_no_cut_outside_the_curve() -> None:
    guessing = items_of([0.0, 1.0], g=0.25)
    below = cuts.curve_cut(guessing, 0.2)
    assert np.isnan(below.theta)
    assert "outside the range" in below.reason
    assert "outside" in cuts.curve_cut(guessing, 0.9999).reason
    assert cuts.curve_cut(items_of([0.0], a=-1.0), 0.5).reason.startswith("the curve does not rise")


def test_booklet_is_ordered_by_the_response_probability() -> None:
    items = items_of([1.0, -1.0, 0.0], a=1.5)
    pages = cuts.ordered_booklet(items, 2 / 3)
    assert pages.item.tolist() == [1, 2, 0]
    np.testing.assert_allclose(pages.location, np.array([-1.0, 0.0, 1.0]) + logit(2 / 3) / 1.5, atol=1e-10)
    np.testing.assert_allclose(cuts.bookmark_locations(pages, np.array([1, 2, 4])), [np.nan, *pages.location[[0, 2]]])
    with pytest.raises(DesignError, match="bookmark"):
        cuts.bookmark_locations(pages, np.array([5]))


def test_score_points_are_pages_of_their_own() -> None:
    item = ItemParameters(("g",), ("grm",), np.array([2.0]), np.array([[1.0, -1.0]]), np.zeros(1), np.array([3]))
    pages = cuts.ordered_booklet(item, 0.67)
    np.testing.assert_allclose(pages.location, (logit(0.67) - np.array([1.0, -1.0])) / 2, atol=1e-10)
    assert pages.point.tolist() == [1, 2]


def test_rating_model_undoes_severity_in_an_incomplete_design() -> None:
    severity = np.array([0.5, -0.3, 0.1, -0.3])
    district = np.array([0, 0, 1, 1])
    severity -= np.mean([severity[:2].mean(), severity[2:].mean()])
    truth = np.array([-1.0, 0.0, 0.5, 1.2, 0.3])
    ratings = expit(severity[:, None] + truth)
    ratings[0, 0] = ratings[1, 4] = ratings[2, [1, 2]] = np.nan
    model = cuts_ratings.fit_ratings(ratings, district)
    np.testing.assert_allclose(model.item, truth, atol=1e-9)
    np.testing.assert_allclose(model.severity, severity, atol=1e-9)
    assert model.residual_sd == pytest.approx(0.0, abs=1e-8)


def test_the_larger_district_does_not_set_the_cut() -> None:
    # four raters say .5, two say .8: by districts equally the mean logit lies half way
    ratings = np.array([[0.5] * 3] * 4 + [[0.8] * 3] * 2)
    model = cuts_ratings.fit_ratings(ratings, np.array([0] * 4 + [1] * 2))
    np.testing.assert_allclose(model.item, logit(0.8) / 2, atol=1e-9)


def test_certain_ratings_have_a_limit() -> None:
    model = cuts_ratings.fit_ratings(np.array([[0.0, 1.0], [0.0, 1.0]]), np.array([0, 1]))
    np.testing.assert_allclose(model.share, cuts_ratings.CERTAIN, atol=1e-9)


def test_raters_without_a_common_item_cannot_be_averaged() -> None:
    nan = np.nan
    with pytest.raises(DesignError) as refused:
        cuts_ratings.fit_ratings(np.array([[0.5, nan], [nan, 0.5]]), np.array([0, 1]))
    assert len(refused.value.details) == 2


def test_standard_error_of_raters_is_that_of_a_stratified_mean() -> None:
    # equal items, ratings that differ by rater only: θ = b + mean logit/a, averaged by district
    rng = np.random.default_rng(1)
    severity = rng.normal(0, 0.4, 7)
    district = np.array([0, 0, 0, 0, 1, 1, 1])
    ratings = np.repeat(expit(0.6 + severity)[:, None], 6, axis=1)
    got = cuts_ratings.rated_cut(items_of([0.2] * 6, a=1.2), ratings, district)
    mean = np.mean([severity[:4].mean(), severity[4:].mean()])
    assert got.cut.theta == pytest.approx(0.2 + (0.6 + mean) / 1.2, abs=1e-9)
    variance = (severity[:4].var(ddof=1) / 4 + severity[4:].var(ddof=1) / 3) / 4
    assert got.se_raters == pytest.approx(np.sqrt(variance) / 1.2, rel=1e-9)
    assert got.se_items == pytest.approx(0.0, abs=1e-9)


def test_standard_error_of_items_is_the_spread_over_samples_of_items() -> None:
    rng = np.random.default_rng(2)
    cut_values, errors = [], []
    for _ in range(80):
        b = rng.normal(0, 1, 25)
        # raters who see the truth for a student at θ = .3, with an error per item
        share = expit(0.3 - b + rng.normal(0, 0.5, 25))
        got = cuts_ratings.rated_cut(items_of(list(b)), np.tile(share, (4, 1)), np.array([0, 0, 1, 1]))
        cut_values.append(got.cut.theta)
        errors.append(got.se_items)
    # standard deviation of an SD over 80 samples: 8 %
    assert np.mean(errors) == pytest.approx(np.std(cut_values, ddof=1), rel=0.2)


def test_single_rater_in_a_district_has_no_standard_error() -> None:
    ratings = np.full((3, 4), 0.6)
    assert np.isnan(cuts_ratings.rated_cut(items_of([0.0] * 4), ratings, np.array([0, 0, 1])).se_raters)


def test_rudner_against_simulation() -> None:
    rng = np.random.default_rng(3)
    estimate, se, limits = rng.normal(size=4000), np.full(4000, 0.4), np.array([-0.5, 0.7])
    got = cuts_classification.rudner(estimate, se, limits)
    true = estimate + 0.4 * rng.normal(size=(50, 4000))
    again = estimate + 0.4 * rng.normal(size=(50, 4000))

    def level(x: np.ndarray) -> np.ndarray:
        return np.searchsorted(limits, x)

    # 200,000 draws: standard error .001
    assert got.accuracy == pytest.approx((level(true) == level(estimate)).mean(), abs=0.004)
    assert got.consistency == pytest.approx((level(true) == level(again)).mean(), abs=0.004)
    assert got.table.sum() == pytest.approx(1.0)
    assert got.false_high == pytest.approx((level(estimate) > level(true)).mean(), abs=0.004)
    assert got.accuracy + got.false_high + got.false_low == pytest.approx(1.0)
    shares = np.bincount(level(again).ravel(), minlength=3) / again.size
    chance = float(shares @ shares)
    assert got.kappa == pytest.approx((got.consistency - chance) / (1 - chance), abs=0.004)


def test_kappa_of_two_tests_that_tell_nothing_is_zero() -> None:
    """Everybody alike: two tests agree by chance alone, however often the verdict itself is one and the same."""
    assert cuts_classification.rudner(np.full(9, 0.2), np.full(9, 1.0), 0.0).kappa == pytest.approx(0.0, abs=1e-12)


def test_rudner_with_one_student_is_the_normal_distribution() -> None:
    from scipy.stats import norm

    got = cuts_classification.rudner(np.array([0.5]), np.array([0.5]), 0.0)
    p = norm.cdf(1.0)
    assert got.accuracy == pytest.approx(p, abs=1e-12)
    assert got.consistency == pytest.approx(p**2 + (1 - p) ** 2, abs=1e-12)


def test_lee_against_simulation() -> None:
    rng = np.random.default_rng(4)
    items = items_of(list(np.linspace(-1.5, 1.5, 15)), a=1.2)
    nodes = np.linspace(-5, 5, 1001)
    weights = np.exp(-(nodes**2) / 2)
    weights /= weights.sum()
    cut = 0.4
    got = cuts_classification.lee(items, cut, nodes, weights)
    theta = rng.normal(size=100_000)
    p = expit(1.2 * (theta[:, None] - np.linspace(-1.5, 1.5, 15)))
    one, two = ((rng.random(p.shape) < p).sum(axis=1) >= cuts_classification.raw_cuts(items, cut)[0] for _ in range(2))
    # 100,000 students: standard error .0012
    assert got.accuracy == pytest.approx((one == (theta >= cut)).mean(), abs=0.006)
    assert got.consistency == pytest.approx((one == two).mean(), abs=0.006)
    assert got.false_high == pytest.approx((one & (theta < cut)).mean(), abs=0.006)


def test_posterior_classification_leaves_the_undecided_out() -> None:
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    got = cuts_classification.posterior_classification(p, np.array([0, 1, -1]))
    assert got.accuracy == pytest.approx(0.85)
    np.testing.assert_allclose(got.table, [[0.45, 0.1], [0.05, 0.4]])


def test_cuts_must_rise() -> None:
    with pytest.raises(DesignError):
        cuts_classification.rudner(np.zeros(2), np.ones(2), np.array([0.5, 0.5]))
    with pytest.raises(DesignError):
        cuts_classification.rudner(np.array([np.nan]), np.ones(1), 0.0)
