"""Gradients and information of the EP log-evidence against finite differences, for every family of curves."""

import numpy as np
import pytest

from scoring.irt.curves import ItemParameters, log_probabilities
from scoring.irt.profile_data import ProfileData
from scoring.irt.profile_estep import expectations, gradient, student_scores
from scoring.irt.profile_items import layout_of, log_probability_gradients, pack, unpack
from scoring.irt.profile_model import ProfileModel, WorkingVector, complex_step

NODES = np.linspace(-6.0, 6.0, 61)
MIXED = ItemParameters(
    tuple(f"i{j}" for j in range(8)),
    ("2pl", "3pl", "gpcm", "2pl", "grm", "3pl", "1pl", "1pl"),
    np.array([1.2, 1.5, 0.9, 0.8, 1.4, 1.1, 1.0, 1.0]),
    np.array(
        [[0.3, np.nan], [-0.5, np.nan], [0.4, -0.3], [1.0, np.nan], [0.8, -0.7], [0.2, np.nan]] + 2 * [[0.1, np.nan]]
    ),
    np.array([0.0, 0.2, 0.0, 0.0, 0.0, 0.25, 0.0, 0.0]),
    np.array([2, 2, 3, 2, 3, 2, 2, 2]),
)
CONCEPT = np.array([0, 0, 0, 0, 1, 1, 1, 1])
MU = np.array([[0.0, 0.0], [0.4, -0.3]])
SIGMA = np.array([[[1.0, 0.6], [0.6, 1.0]], [[0.9, 0.4], [0.4, 1.2]]])


def model(common: bool = False, rasch: bool = False) -> ProfileModel:
    layout = layout_of(MIXED)
    return ProfileModel(
        MIXED,
        layout,
        CONCEPT,
        2,
        2,
        np.array([0.5, 0.5]),
        np.zeros(2, dtype=bool),
        np.array([rasch, False]),
        np.zeros(layout.total, dtype=bool),
        common,
    )


def students(n: int = 120) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    scores = (rng.random((n, 8)) * MIXED.categories).astype(np.int8)
    scores[rng.random(scores.shape) < 0.2] = -1
    return scores, rng.uniform(0.5, 2.0, n), np.repeat([0, 1], [n // 2, n - n // 2])


def test_log_probability_gradients_are_derivatives():
    layout = layout_of(MIXED)
    vector = pack(MIXED, layout)
    analytic = log_probability_gradients(MIXED, NODES)
    at = layout.padded()
    for j in range(len(MIXED)):
        for p, position in enumerate(at[j]):
            if position < 0:
                assert not analytic[j, p].any()
                continue
            step = np.zeros_like(vector)
            step[position] = 1e-6
            up = log_probabilities(unpack(vector + step, MIXED, layout), NODES)[j]
            down = log_probabilities(unpack(vector - step, MIXED, layout), NODES)[j]
            # central differences of step 1e-6: rounding 1e-16·|log P|/1e-6, |log P| up to 20
            np.testing.assert_allclose(analytic[j, p], (up - down) / 2e-6, atol=1e-8)


def test_gradient_of_the_evidence_is_its_finite_difference():
    m = model()
    scores, weights, group = students()

    def evidence(full: np.ndarray) -> tuple[float, np.ndarray]:
        data = ProfileData.sorted(scores, weights, group, CONCEPT, 2)
        items = unpack(full[: m.layout.total], MIXED, m.layout)
        mu, sigma = m.populations(full)
        sums = expectations(data, items, NODES, mu, sigma, 1e-11)
        assert sums.unsettled == 0
        return sums.log_evidence, gradient(sums, items, m.layout, NODES, mu, sigma)

    full = m.assemble(pack(MIXED, m.layout), MU, SIGMA)
    _, analytic = evidence(full)
    numeric = np.zeros_like(full)
    for i in range(full.size):
        step = np.zeros_like(full)
        step[i] = 1e-5
        numeric[i] = (evidence(full + step)[0] - evidence(full - step)[0]) / 2e-5
    # the evidence is stationary in the sites: no term is missing. 1e-6: second differences of a sum near 600
    np.testing.assert_allclose(analytic, numeric, atol=1e-6 * np.abs(analytic).max())


def test_students_gradients_add_up_and_square_to_the_information():
    m = model()
    scores, weights, group = students()
    cluster = np.arange(len(scores)) % 7
    data = ProfileData.sorted(scores, weights, group, CONCEPT, 2, cluster)
    sums = student_scores(data, MIXED, m.layout, NODES, MU, SIGMA, np.zeros(2), True, 1e-10)
    total = gradient(expectations(data, MIXED, NODES, MU, SIGMA, 1e-10), MIXED, m.layout, NODES, MU, SIGMA)
    np.testing.assert_allclose(sums.group_score.sum(axis=0), total, atol=1e-8)
    np.testing.assert_allclose(sums.clusters.sum(axis=0), total, atol=1e-8)
    outer = np.zeros((m.full_size, m.full_size))
    rates = np.zeros((2, 2))
    for i in range(len(scores)):
        one = ProfileData.sorted(scores[i : i + 1], np.ones(1), np.zeros(1, dtype=int), CONCEPT, 2)
        g = group[i]
        alone = student_scores(one, MIXED, m.layout, NODES, MU[g : g + 1], SIGMA[g : g + 1], np.zeros(2), False, 1e-10)
        s = np.zeros(m.full_size)
        s[: m.layout.total] = alone.group_score[0, : m.layout.total]
        s[m.group_slice(g)] = alone.group_score[0, m.layout.total :]
        outer += weights[i] * np.outer(s, s)
        rates[g] += weights[i] * alone.mastery[0]
    np.testing.assert_allclose(sums.outer, outer, atol=1e-8)
    np.testing.assert_allclose(sums.mastery, rates, atol=1e-8)


@pytest.mark.parametrize("common", [False, True])
def test_working_vector_and_its_jacobian(common):
    m = model(common, rasch=True)
    sigma = SIGMA.copy()
    if common:
        sd = np.sqrt(np.diagonal(sigma, axis1=1, axis2=2))
        sigma = sd[:, :, None] * sd[:, None, :] * np.array([[1.0, 0.5], [0.5, 1.0]])
    full = m.assemble(pack(MIXED, m.layout), MU, sigma)
    working = WorkingVector(m, full)
    psi = working.from_full(full)
    np.testing.assert_allclose(working.to_full(psi), full, atol=1e-14)
    np.testing.assert_allclose(working.jacobian(psi), complex_step(working.to_full, psi), atol=1e-13)
    # the 1PL items' slopes are one parameter; group 0's means and the variance of the concept without a Rasch unit held
    assert psi.size == (m.layout.total - 1) + 2 + (1 + 2) + (1 if common else 2)


def test_standardising_keeps_every_curve_and_fixes_the_pooled_population():
    m = model()
    full = m.assemble(pack(MIXED, m.layout), MU + 0.3, 1.4 * SIGMA)
    standard = m.standardised(full)
    mu, sigma = m.populations(standard)
    pooled_mean, pooled = m.pooled(mu, sigma)
    np.testing.assert_allclose(pooled_mean, 0, atol=1e-14)
    np.testing.assert_allclose(np.diagonal(pooled), 1, atol=1e-14)
    shift, unit = m.origin_and_unit(*m.populations(full))
    before = log_probabilities(MIXED, NODES)
    after = unpack(standard[: m.layout.total], MIXED, m.layout)
    for j in range(len(MIXED)):
        c = CONCEPT[j]
        moved = log_probabilities(after.select(np.array([j])), (NODES - shift[c]) / unit[c])[0]
        k = MIXED.categories[j]
        np.testing.assert_allclose(moved[:k], before[j, :k], atol=1e-12)
