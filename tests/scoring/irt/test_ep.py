"""EP posteriors against exact integration over the product grid, importance sampling, and closed forms."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from scoring.irt.curves import ItemParameters
from scoring.irt.ep import concept_loglik, cut_weights, ep_posterior, probability_above, tilted_marginals
from scoring.irt.ep_correction import corrected_marginals
from scoring.irt.errors import DesignError

NODES = np.linspace(-6.0, 6.0, 61)


def simulated_items(model: str, n_concepts: int, per_concept: int, rng: np.random.Generator) -> ItemParameters:
    n = n_concepts * per_concept
    categories = 4 if model in ("gpcm", "grm") else 2
    slopes = rng.uniform(0.8, 2.0, n)
    if model == "grm":
        d = slopes[:, None] * np.array([1.2, 0.1, -1.1]) + rng.normal(0, 0.4, (n, 1))
    elif model == "gpcm":
        d = np.cumsum(slopes[:, None] * -np.array([-0.8, 0.1, 0.9]) + rng.normal(0, 0.3, (n, 1)), axis=1)
    else:
        d = rng.normal(0, 1, (n, 1))
    g = rng.uniform(0.1, 0.3, n) if model == "3pl" else np.zeros(n)
    names = tuple(f"i{j}" for j in range(n))
    return ItemParameters(names, (model,) * n, slopes, d, g, np.full(n, categories))


def draw(items: ItemParameters, index: np.ndarray, theta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    from scoring.irt.curves import category_probabilities

    scores = np.zeros((len(theta), len(items)), dtype=np.int8)
    for j in range(len(items)):
        p = category_probabilities(items.select(np.array([j])), theta[:, index[j]])[0]
        scores[:, j] = (rng.random(len(theta)) > np.cumsum(p, axis=0)[:-1]).sum(axis=0)
    return scores


def exact(loglik: np.ndarray, nodes: np.ndarray, mean: np.ndarray, covariance: np.ndarray, cuts: np.ndarray):
    """Posterior means, SDs, P(θ >= cut) and evidence by summing over the product grid."""
    n_concepts = loglik.shape[1]
    grid = np.stack(np.meshgrid(*[nodes] * n_concepts, indexing="ij"), axis=-1).reshape(-1, n_concepts)
    prior = multivariate_normal(mean, covariance).pdf(grid) * (nodes[1] - nodes[0]) ** n_concepts
    where = np.stack(np.meshgrid(*[np.arange(nodes.size)] * n_concepts, indexing="ij"), axis=-1)
    where = where.reshape(-1, n_concepts)
    means, sds, above, evidence = [], [], [], []
    for student in loglik:
        density = prior * np.exp(sum(student[c, where[:, c]] for c in range(n_concepts)))
        total = density.sum()
        density /= total
        m = density @ grid
        means.append(m)
        sds.append(np.sqrt(density @ (grid - m) ** 2))
        above.append([density @ (grid[:, c] >= cuts[c]) for c in range(n_concepts)])
        evidence.append(np.log(total))
    return np.array(means), np.array(sds), np.array(above), np.array(evidence)


@pytest.mark.parametrize("model", ["2pl", "3pl", "gpcm", "grm"])
@pytest.mark.parametrize(("n_concepts", "per_concept"), [(2, 2), (2, 8), (3, 5)])
def test_posterior_meets_the_bounds_against_exact_integration(model, n_concepts, per_concept):
    rng = np.random.default_rng(31)
    items = simulated_items(model, n_concepts, per_concept, rng)
    index = np.repeat(np.arange(n_concepts), per_concept)
    correlation = np.full((n_concepts, n_concepts), 0.7) + 0.3 * np.eye(n_concepts)
    mean = np.linspace(-0.3, 0.4, n_concepts)
    scores = draw(items, index, rng.multivariate_normal(mean, correlation, 25), rng)
    # two concepts: a fine grid, on which counting the nodes beyond the cut is exact enough to be the reference when
    # the cut lies halfway between two nodes (midpoint rule, error of the order of spacing²)
    fine = np.linspace(-6, 6, 401 if n_concepts == 2 else 65)
    cuts = np.full(n_concepts, fine[fine.size // 2 + 4] + 0.5 * (fine[1] - fine[0]))
    loglik = concept_loglik(items, scores, index, NODES)
    found = ep_posterior(loglik, NODES, mean, correlation)
    m, sd, above, evidence = exact(concept_loglik(items, scores, index, fine), fine, mean, correlation, cuts)
    assert found.converged.all()
    # bounds of the contract: means .01 posterior SDs, SDs 2 %, P(mastery) .005
    assert np.abs((found.mean - m) / sd).max() < 0.01
    assert np.abs(found.standard_deviation / sd - 1).max() < 0.02
    better, sds, p = corrected_marginals(found, loglik, NODES, cuts)
    assert np.abs(p - above).max() < 0.005
    # to first order corrected, the marginals are closer still
    assert np.abs((better - m) / sd).max() < 0.005
    assert np.abs(sds / sd - 1).max() < 0.01
    assert np.abs(found.log_evidence - evidence).max() < 0.005


def test_six_concepts_agree_with_importance_sampling():
    rng = np.random.default_rng(5)
    items = simulated_items("2pl", 6, 5, rng)
    index = np.repeat(np.arange(6), 5)
    correlation = np.full((6, 6), 0.75) + 0.25 * np.eye(6)
    scores = draw(items, index, rng.multivariate_normal(np.zeros(6), correlation, 6), rng)
    found = ep_posterior(concept_loglik(items, scores, index, NODES), NODES, np.zeros(6), correlation)
    for i in range(6):
        draws = rng.multivariate_normal(found.mean[i], 1.3 * found.covariance[i], 60_000)
        log_target = multivariate_normal(np.zeros(6), correlation).logpdf(draws)
        z = items.a * draws[:, index] + items.d[:, 0]
        log_target += np.where(scores[i] == 1, -np.logaddexp(0, -z), -np.logaddexp(0, z)).sum(axis=1)
        log_w = log_target - multivariate_normal(found.mean[i], 1.3 * found.covariance[i]).logpdf(draws)
        w = np.exp(log_w - log_w.max())
        evidence = np.log(w.mean()) + log_w.max()
        w /= w.sum()
        size = 1 / np.sum(w**2)
        assert size > 15_000  # the reference itself is trustworthy
        m = w @ draws
        sd = np.sqrt(w @ (draws - m) ** 2)
        # .01 of the contract plus four simulation errors of the reference
        assert np.abs((found.mean[i] - m) / sd).max() < 0.01 + 4 / np.sqrt(size)
        assert np.abs(found.standard_deviation[i] / sd - 1).max() < 0.02 + 4 / np.sqrt(2 * size)
        assert abs(found.log_evidence[i] - evidence) < 0.01 + 4 / np.sqrt(size)


def by_one_factor(items: ItemParameters, scores: np.ndarray, index: np.ndarray, rho: float, cut: float):
    """Exact means, SDs and P(θ >= cut) of concepts with equal correlations, which are independent given a factor."""
    factor = np.linspace(-7, 7, 281)
    nodes = cut + 0.025 * (np.arange(-320, 320) + 0.5)  # the cut lies between two nodes
    given = np.exp(-0.5 * (nodes - np.sqrt(rho) * factor[:, None]) ** 2 / (1 - rho))
    likelihood = np.exp(concept_loglik(items, scores, index, nodes))
    out = np.zeros((3, *likelihood.shape[:2]))
    for i, student in enumerate(likelihood):
        sums = student @ given.T
        weight = np.exp(-0.5 * factor**2) * sums.prod(axis=0)
        for c in range(len(student)):
            marginal = student[c] * ((weight / sums[c]) @ given)
            marginal /= marginal.sum()
            mean = marginal @ nodes
            out[:, i, c] = mean, np.sqrt(marginal @ (nodes - mean) ** 2), marginal[nodes > cut].sum()
    return out


def test_both_exact_integrations_agree():
    rng = np.random.default_rng(6)
    items = simulated_items("3pl", 2, 3, rng)
    scores = rng.integers(0, 2, (8, 6)).astype(np.int8)
    index = np.repeat(np.arange(2), 3)
    fine = 0.3 + 0.03 * (np.arange(-200, 200) + 0.5)
    covariance = np.array([[1.0, 0.8], [0.8, 1.0]])
    grid = exact(concept_loglik(items, scores, index, fine), fine, np.zeros(2), covariance, np.full(2, 0.3))
    factor = by_one_factor(items, scores, index, 0.8, 0.3)
    # 2e-6: the product grid ends at -5.7, where a 3PL leaves a millionth of the mass of the weakest student
    np.testing.assert_allclose(grid[0], factor[0], atol=2e-6)
    np.testing.assert_allclose(grid[1], factor[1], atol=2e-6)
    # counting nodes beyond the cut is a midpoint rule: spacing² / 24 times the density's slope
    np.testing.assert_allclose(grid[2], factor[2], atol=5e-5)


@pytest.mark.parametrize("model", ["2pl", "3pl", "gpcm"])
@pytest.mark.parametrize(("n_concepts", "rho"), [(6, 0.9), (10, 0.75)])
def test_many_concepts_meet_the_bounds_where_pairs_of_concepts_matter(model, n_concepts, rho):
    rng = np.random.default_rng(17)
    items = simulated_items(model, n_concepts, 4, rng)
    index = np.repeat(np.arange(n_concepts), 4)
    covariance = np.full((n_concepts, n_concepts), rho) + (1 - rho) * np.eye(n_concepts)
    scores = draw(items, index, rng.multivariate_normal(np.zeros(n_concepts), covariance, 40), rng)
    mean, sd, above = by_one_factor(items, scores, index, rho, 0.2)
    nodes = np.linspace(-6, 6, 121)
    loglik = concept_loglik(items, scores, index, nodes)
    found = ep_posterior(loglik, nodes, np.zeros(n_concepts), covariance)
    better, sds, p = corrected_marginals(found, loglik, nodes, np.full(n_concepts, 0.2))
    # bounds of the contract: .01 posterior SDs, 2 %, .005
    assert np.abs((better - mean) / sd).max() < 0.01
    assert np.abs(sds / sd - 1).max() < 0.02
    assert np.abs(p - above).max() < 0.005
    # and the correction is what does it: EP's own SDs are further off
    assert np.abs(sds / sd - 1).max() < 0.6 * np.abs(found.standard_deviation / sd - 1).max()


def test_a_students_correction_does_not_depend_on_the_block():
    rng = np.random.default_rng(18)
    items = simulated_items("3pl", 6, 3, rng)
    index = np.repeat(np.arange(6), 3)
    covariance = np.full((6, 6), 0.8) + 0.2 * np.eye(6)
    scores = rng.integers(0, 2, (37, 18)).astype(np.int8)
    loglik = concept_loglik(items, scores, index, NODES)
    together = corrected_marginals(ep_posterior(loglik, NODES, np.zeros(6), covariance), loglik, NODES, np.zeros(6))
    for i in (0, 11, 36):
        alone = ep_posterior(loglik[[i]], NODES, np.zeros(6), covariance)
        # 1e-10: matrix products of other shapes round elsewhere
        for one, all_ in zip(corrected_marginals(alone, loglik[[i]], NODES, np.zeros(6)), together, strict=True):
            np.testing.assert_allclose(one[0], all_[i], atol=1e-10)


def test_the_correction_brings_mastery_within_bounds_where_tilted_marginals_are_not():
    rng = np.random.default_rng(4)
    items = simulated_items("3pl", 2, 2, rng)
    index = np.repeat(np.arange(2), 2)
    covariance = np.array([[1.0, 0.9], [0.9, 1.0]])
    scores = np.array([[0, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 1, 1]], dtype=np.int8)
    fine = np.linspace(-6, 6, 801)
    cuts = np.full(2, fine[430] + 0.5 * (fine[1] - fine[0]))
    loglik = concept_loglik(items, scores, index, NODES)
    found = ep_posterior(loglik, NODES, np.zeros(2), covariance)
    above = exact(concept_loglik(items, scores, index, fine), fine, np.zeros(2), covariance, cuts)[2]
    tilted = probability_above(tilted_marginals(found, loglik, NODES), NODES, cuts)
    corrected = corrected_marginals(found, loglik, NODES, cuts)[2]
    assert np.abs(corrected - above).max() < 0.002
    assert np.abs(corrected - above).max() < 0.5 * np.abs(tilted - above).max()


def test_one_concept_is_plain_quadrature():
    rng = np.random.default_rng(2)
    items = simulated_items("3pl", 1, 6, rng)
    scores = rng.integers(0, 2, (40, 6)).astype(np.int8)
    loglik = concept_loglik(items, scores, np.zeros(6, dtype=int), NODES)
    found = ep_posterior(loglik, NODES, [0.2], [[1.3]])
    weight = np.exp(loglik[:, 0]) * norm(0.2, np.sqrt(1.3)).pdf(NODES) * (NODES[1] - NODES[0])
    # with one concept the cavity is the prior: nothing is approximated
    np.testing.assert_allclose(found.log_evidence, np.log(weight.sum(axis=1)), atol=1e-9)
    np.testing.assert_allclose(found.mean[:, 0], weight @ NODES / weight.sum(axis=1), atol=1e-8)


def test_without_any_response_the_posterior_is_the_prior():
    mean, covariance = np.array([0.3, -0.2]), np.array([[1.0, 0.6], [0.6, 0.8]])
    found = ep_posterior(np.zeros((3, 2, 61)), NODES, mean, covariance)
    # 1e-6: the mass of the prior beyond the grid's edge at 6
    np.testing.assert_allclose(found.mean, np.tile(mean, (3, 1)), atol=1e-6)
    np.testing.assert_allclose(found.covariance, np.tile(covariance, (3, 1, 1)), atol=1e-5)
    np.testing.assert_allclose(found.log_evidence, 0.0, atol=1e-6)


def test_a_concept_without_items_moves_only_through_the_correlation():
    rng = np.random.default_rng(8)
    items = simulated_items("2pl", 2, 6, rng)
    index = np.repeat(np.arange(2), 6)
    scores = rng.integers(0, 2, (50, 12)).astype(np.int8)
    scores[:, 6:] = -1
    covariance = np.array([[1.0, 0.6], [0.6, 1.0]])
    found = ep_posterior(concept_loglik(items, scores, index, NODES), NODES, np.zeros(2), covariance)
    np.testing.assert_allclose(found.mean[:, 1], 0.6 * found.mean[:, 0], atol=1e-6)
    expected = 1 - 0.36 * (1 - found.covariance[:, 0, 0])
    np.testing.assert_allclose(found.covariance[:, 1, 1], expected, atol=1e-5)


def test_warm_sites_blocks_and_groups_change_nothing():
    rng = np.random.default_rng(3)
    items = simulated_items("3pl", 3, 4, rng)
    index = np.repeat(np.arange(3), 4)
    scores = rng.integers(0, 2, (2500, 12)).astype(np.int8)  # two blocks
    scores[rng.random(scores.shape) < 0.3] = -1
    loglik = concept_loglik(items, scores, index, NODES)
    means = np.array([[0.0, 0.0, 0.0], [0.5, -0.5, 0.2]])
    first = np.full((3, 3), 0.6) + 0.4 * np.eye(3)
    covariances = np.stack([first, 0.8 * first])
    group = rng.integers(0, 2, 2500)
    both = ep_posterior(loglik, NODES, means, covariances, group=group)
    assert both.converged.all()
    for g in (0, 1):
        alone = ep_posterior(loglik[group == g], NODES, means[g], covariances[g])
        np.testing.assert_allclose(both.mean[group == g], alone.mean, atol=1e-10)
    # 2e-6: a warm start may stop within the tolerance of 1e-6 on another side of the fixed point
    warm = ep_posterior(loglik, NODES, means, covariances, group, (both.site_precision, both.site_shift))
    assert warm.sweeps <= 2
    np.testing.assert_allclose(warm.mean, both.mean, atol=2e-6)
    far = ep_posterior(loglik, NODES, means[group], first, start=(both.site_precision, both.site_shift))
    cold = ep_posterior(loglik, NODES, means[group], first)
    np.testing.assert_allclose(far.mean, cold.mean, atol=5e-6)


@pytest.mark.parametrize("cut", [-1.0, 0.0, 0.033, 0.1, 0.777, 2.5])
def test_probability_above_a_cut_between_nodes(cut):
    mean, sd = 0.31, 0.36
    p = norm(mean, sd).pdf(NODES) * (NODES[1] - NODES[0])
    # σ = 1.8 node spacings; the documented error is exp(-½(1.8π)²) ~ 1e-7
    assert cut_weights(NODES, [cut])[0] @ p == pytest.approx(norm(mean, sd).sf(cut), abs=1e-6)


def test_bad_priors_are_named_at_once():
    with pytest.raises(DesignError) as refused:
        ep_posterior(np.zeros((4, 2, 61)), NODES[:60], np.zeros(3), np.array([[1.0, 2.0], [2.0, 1.0]]))
    assert len(refused.value.details) == 3
