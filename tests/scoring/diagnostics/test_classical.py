"""Item statistics against the reference analysis, their definitions, and planned missingness."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scoring.diagnostics.classical import cronbach_alpha, item_statistics, rest_scores
from scoring.diagnostics.options import better_key, option_statistics, score_groups


def rasch(n: int, b: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=(n, 1))
    return (rng.random((n, len(b))) < 1 / (1 + np.exp(-(theta - b)))).astype(np.int8)


@pytest.mark.reference
def test_sat12_matches_the_reference(reference_data: Path) -> None:
    scores = pd.read_csv(reference_data / "SAT12/data.csv").to_numpy(dtype=np.int8)
    expected = pd.read_csv(reference_data / "SAT12/ref/ctt_items.csv")
    got = item_statistics(scores)
    # the files print twelve digits
    np.testing.assert_allclose(got.proportion, expected["p"], atol=1e-10)
    np.testing.assert_allclose(got.item_rest, expected["r_item_rest"], atol=1e-10)
    np.testing.assert_allclose(got.item_total, expected["r_item_total"], atol=1e-10)
    assert got.alpha == pytest.approx(0.79789186112, abs=1e-10)


def test_complete_data_follow_the_definitions() -> None:
    scores = rasch(400, np.linspace(-1.5, 1.5, 6), 3)
    scores[:, 5] += rasch(400, np.array([0.5]), 4)[:, 0]
    got = item_statistics(scores)
    for j in range(6):
        rest = np.delete(scores, j, axis=1).sum(axis=1)
        assert got.item_rest[j] == pytest.approx(np.corrcoef(scores[:, j], rest)[0, 1] if j != 5 else got.item_rest[5])
        without = np.cov(np.delete(scores, j, axis=1).T.astype(float))
        assert got.alpha_if_deleted[j] == pytest.approx(5 / 4 * (1 - np.trace(without) / without.sum()))
    # the rest score is a share of the possible points, so unequal maxima do not change the ordering within one item
    assert got.maximum[5] == 2
    assert got.item_rest[5] == pytest.approx(np.corrcoef(scores[:, 5], scores[:, :5].sum(axis=1))[0, 1])


def test_booklets_of_unequal_difficulty_do_not_distort_the_item_rest_correlation() -> None:
    b = np.array([-2.0] * 10 + [2.0] * 10 + [0.0] * 4)
    scores = rasch(20000, b, 5)
    full = item_statistics(scores[:, [*range(5), *range(10, 15), 20, 21, 22, 23]])
    easy = np.arange(20000) % 2 == 0
    scores[easy, 10:20] = -1
    scores[~easy, :10] = -1
    got = item_statistics(scores)
    # sums of points would differ by ten items' difficulty between booklets and drown the correlation (.2 lower);
    # the same number of items of either booklet together gives about the same reliability: 3 SE = .03
    assert np.abs(got.item_rest[20:] - full.item_rest[10:]).max() < 0.03
    assert got.alpha_if_deleted.shape == (24,)
    assert np.isnan(got.alpha), "the two booklets' own items were never taken together"


def test_alpha_of_parallel_items_is_spearman_brown() -> None:
    covariance = np.full((8, 8), 0.3) + 0.7 * np.eye(8)
    assert cronbach_alpha(covariance) == pytest.approx(8 * 0.3 / (1 + 7 * 0.3))
    assert np.isnan(cronbach_alpha(np.zeros((3, 3))))


def test_an_item_without_variance_has_no_correlation() -> None:
    scores = rasch(100, np.zeros(4), 1)
    scores[:, 2] = 1
    got = item_statistics(scores)
    assert np.isnan(got.item_rest[2])
    assert np.isfinite(got.item_rest[[0, 1, 3]]).all()


def test_option_statistics_follow_the_definitions() -> None:
    rng = np.random.default_rng(8)
    choice = rng.integers(-1, 4, 500)
    rest = np.where(rng.random(500) < 0.05, np.nan, rng.normal(size=500) + 0.5 * (choice == 2))
    got = option_statistics(choice, rest, 4)
    use = (choice >= 0) & np.isfinite(rest)
    for k in range(4):
        assert got.share[k] == pytest.approx((choice == k).sum() / (choice >= 0).sum())
        assert got.option_rest[k] == pytest.approx(np.corrcoef(choice[use] == k, rest[use])[0, 1])
        assert got.rest_mean[k] == pytest.approx(rest[use & (choice == k)].mean())
    np.testing.assert_allclose(got.curve.sum(axis=0), 1)
    assert got.group_n.sum() == use.sum()


def test_score_groups_keep_equal_scores_together() -> None:
    rest = np.repeat([0.0, 1.0, 2.0, np.nan], [50, 30, 20, 4])
    groups = score_groups(rest, 5)
    assert [set(groups[rest == v].tolist()) for v in (0.0, 1.0, 2.0)] == [{1}, {3}, {4}]
    assert (groups[-4:] == -1).all()


def test_a_key_is_questioned_only_where_another_option_does_better() -> None:
    rng = np.random.default_rng(2)
    rest = rng.normal(size=2000)
    good = np.where(rng.random(2000) < 1 / (1 + np.exp(-rest)), 1, rng.integers(0, 4, 2000))
    assert better_key(good, rest, 1, 4) is None
    found = better_key(good, rest, 3, 4)
    assert found is not None
    assert found.option == 1
    assert better_key(np.where(good == 1, 1, -1), rest, 0, 4) is None, "everybody who answered chose one option"


def test_rest_score_without_other_items_is_missing() -> None:
    scores = np.array([[1, -1], [0, 1], [1, 0]], dtype=np.int8)
    rest = rest_scores(scores, np.ones(2)).of(scores, 0)
    assert np.isnan(rest[0])
    assert np.isfinite(rest[1:]).all()
