"""Standard errors, degrees of freedom, adjusted p-values: closed forms."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control
from scipy.stats import t as student_t

from scoring.diagnostics.effects import benjamini_hochberg
from scoring.groups.inference import jackknife_variance, schools_mode, students_mode


def test_jackknife_of_a_mean_is_its_textbook_variance() -> None:
    """For a plain mean, delete-one gives s²/n in each stratum exactly."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=7), 3 * rng.normal(size=9)
    without = np.concatenate([(a.sum() - a) / 6 - b.mean(), a.mean() - (b.sum() - b) / 8])
    variance, schools = jackknife_variance(without, np.repeat([0, 1], [7, 9]))
    np.testing.assert_allclose(variance, [a.var(ddof=1) / 7, b.var(ddof=1) / 9], rtol=1e-12)
    assert schools.tolist() == [7, 9]


def test_degrees_of_freedom() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=8), rng.normal(size=8)
    a, b = a / a.std(), b / b.std()
    stratum, everyone, draws = np.repeat([0, 1], 8), np.ones(16, dtype=bool), np.zeros(20)
    gap = lambda scale: np.concatenate([(a.sum() - a) / 7, -(b.sum() - b) / 7 * scale])  # noqa: E731
    assert schools_mode(gap(1.0), stratum, everyone, draws).df == 14
    unequal = schools_mode(gap(3.0), stratum, everyone, draws)
    assert unequal.df == pytest.approx((1 + 9) ** 2 / (1 / 7 + 81 / 7))
    half = schools_mode(np.concatenate([(a.sum() - a) / 7, np.zeros(8)]), stratum, stratum == 0, draws)
    assert half.df == 7


def test_measurement_is_a_share_and_linking_is_added() -> None:
    rng = np.random.default_rng(3)
    without, draws = rng.normal(size=10), rng.normal(size=20)
    stratum, everyone = np.repeat([0, 1], 5), np.ones(10, dtype=bool)
    plain = schools_mode(without, stratum, everyone, draws)
    linked = schools_mode(without, stratum, everyone, draws, linking_variance=0.25)
    assert plain.total == plain.sampling
    assert linked.total**2 == pytest.approx(plain.total**2 + 0.25)
    assert plain.measurement**2 == pytest.approx(1.05 * draws.var(ddof=1))
    assert plain.measurement_share == pytest.approx(min(1.05 * draws.var(ddof=1) / plain.total**2, 1))


def test_these_students() -> None:
    """Rubin (1987): (1 + 1/M)B; M - 1 degrees of freedom without linking, (M - 1)/λ² with it."""
    draws = np.array([0.1, 0.3, 0.2, 0.4, 0.0])
    b = draws.var(ddof=1)
    plain = students_mode(draws)
    assert plain.total == pytest.approx(np.sqrt(1.2 * b))
    assert plain.df == pytest.approx(4)
    assert plain.sampling == 0
    linked = students_mode(draws, linking_variance=b)
    assert linked.df == pytest.approx(4 / (1.2 / 2.2) ** 2)
    low, high = plain.interval(0.2)
    assert high - low == pytest.approx(2 * student_t.ppf(0.975, 4) * np.sqrt(1.2 * b))
    assert plain.p_value(0.2) == pytest.approx(2 * student_t.sf(0.2 / np.sqrt(1.2 * b), 4))


def test_no_variance_gives_no_interval() -> None:
    flat = schools_mode(np.zeros(6), np.repeat([0, 1], 3), np.ones(6, dtype=bool), np.zeros(5))
    assert np.isnan(flat.interval(0.1)[0])
    assert np.isnan(flat.p_value(0.1))


def test_benjamini_hochberg_is_scipys_and_skips_what_is_missing() -> None:
    p = np.array([0.01, np.nan, 0.5, 0.03, 0.04, 0.002])
    known = np.isfinite(p)
    np.testing.assert_allclose(benjamini_hochberg(p)[known], false_discovery_control(p[known]))
    assert np.isnan(benjamini_hochberg(p)[1])
    assert np.isnan(benjamini_hochberg(np.array([np.nan]))).all()
