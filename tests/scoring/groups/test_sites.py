"""Sites and tilted marginals against adaptive integration."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import log_expit
from scipy.stats import norm

from scoring.groups.sites import Evidence, evidence, no_sites, sweep, tilted_above, tilted_shape
from scoring.irt.curves import ItemParameters, log_probabilities

NODES = np.arange(-6.0, 6.01, 0.25)
A = np.array([0.8, 1.1, 1.5, 1.9, 0.6])
D = np.array([0.9, 0.3, -0.2, -1.4, 0.0])


def one_concept(scores: np.ndarray) -> Evidence:
    items = ItemParameters(tuple("abcde"), ("2pl",) * 5, A, D[:, None], np.zeros(5), np.full(5, 2))
    return evidence(scores, log_probabilities(items, NODES), np.zeros(5, dtype=np.int64), NODES, 1)


def exact(answers: np.ndarray, prior_mean: float, prior_sd: float, cut: float) -> list[float]:
    """Mean, variance, skewness, excess kurtosis and P(θ >= cut) by adaptive quadrature."""

    def density(t: float) -> float:
        seen = answers >= 0
        z = A * t + D
        log_like = np.where(answers == 1, log_expit(z), log_expit(-z))[seen].sum()
        return float(np.exp(log_like) * norm.pdf(t, prior_mean, prior_sd))

    def moment(f):  # type: ignore[no-untyped-def]
        return quad(lambda t: f(t) * density(t), -12, 12, epsabs=1e-13, limit=200)[0]

    total = moment(lambda t: 1.0)
    mean = moment(lambda t: t) / total
    central = [moment(lambda t, p=p: (t - mean) ** p) / total for p in (2, 3, 4)]
    above = quad(density, cut, 12, epsabs=1e-13, limit=200)[0] / total
    return [mean, central[0], central[1] / central[0] ** 1.5, central[2] / central[0] ** 2 - 3, above]


@pytest.mark.parametrize("pattern", [[1, 1, 1, 1, 1], [0, 0, 0, 0, 0], [1, 0, 1, 0, 1], [1, -1, -1, 0, -1]])
@pytest.mark.parametrize(("prior_mean", "prior_sd"), [(0.0, 1.0), (-0.7, 0.8)])
def test_one_concept_is_exact(pattern: list[int], prior_mean: float, prior_sd: float) -> None:
    """With one concept the tilted distribution is the posterior: the grid's sums agree with adaptive quadrature.

    1e-6 is what a spacing of .25 leaves for posterior SDs above .5 (the trapezoid rule is spectrally accurate); the
    probability beyond a cut between nodes is as good.
    """
    scores = np.array([pattern], dtype=np.int8)
    ev = one_concept(scores)
    mean, variance = np.array([[prior_mean]]), np.array([[prior_sd**2]])
    sites, _ = sweep(ev, mean, variance, no_sites(ev))
    precision = 1 / prior_sd**2 + sites.precision
    posterior = (prior_mean / prior_sd**2 + sites.shift) / precision
    expected = exact(scores[0], prior_mean, prior_sd, 0.33)
    assert posterior[0, 0] == pytest.approx(expected[0], abs=1e-6)
    assert 1 / precision[0, 0] == pytest.approx(expected[1], abs=1e-6)
    skewness, kurtosis = tilted_shape(ev, posterior, 1 / precision, sites)
    assert skewness[0, 0] == pytest.approx(expected[2], abs=1e-5)
    assert kurtosis[0, 0] == pytest.approx(expected[3], abs=5e-5)  # the grid ends at 6 SDs
    above = tilted_above(ev, posterior, 1 / precision, sites, np.array([0.33]))
    assert above[0, 0] == pytest.approx(expected[4], abs=1e-6)


def test_without_answers_a_site_says_nothing() -> None:
    ev = one_concept(np.full((1, 5), -1, dtype=np.int8))
    sites, moved = sweep(ev, np.array([[0.4]]), np.array([[0.5]]), no_sites(ev))
    assert sites.precision[0, 0] == 0
    assert sites.shift[0, 0] == 0
    assert moved == 0


def test_a_cut_outside_the_grid() -> None:
    ev = one_concept(np.array([[1, 0, 1, 0, 1]], dtype=np.int8))
    zero, one = np.zeros((1, 1)), np.ones((1, 1))
    above = [tilted_above(ev, zero, one, no_sites(ev), np.array([c]))[0, 0] for c in (-60.0, 60.0)]
    assert above == pytest.approx([1.0, 0.0], abs=0.01)


def test_likelihood_rows_match_a_direct_sum() -> None:
    scores = np.array([[1, 0, -1, 1, 0], [-1, -1, -1, -1, 1]], dtype=np.int8)
    ev = one_concept(scores)
    z = A[:, None] * NODES + D[:, None]
    for row, answers in enumerate(scores):
        direct = sum(log_expit(z[j] if x else -z[j]) for j, x in enumerate(answers) if x >= 0)
        np.testing.assert_allclose(ev.log_likelihood[row, 0], direct - direct.max(), atol=1e-12)
    assert ev.answered[:, 0].tolist() == [4, 1]
