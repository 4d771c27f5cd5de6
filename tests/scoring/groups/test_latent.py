"""The latent regression against dense linear algebra, finite differences and refits."""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.stats import multivariate_normal

from scoring.groups import latent
from scoring.groups.design import Design, build_design
from scoring.groups.jackknife import parameter_shifts, replicate
from scoring.groups.latent import fit
from scoring.groups.mixed import (
    SCHOOL_PRIOR_SHARE,
    SCHOOL_PRIOR_WEIGHT,
    Population,
    collect,
    covariance_scores,
    expectations,
)
from scoring.groups.sites import Evidence, Sites
from scoring.irt.errors import DesignError, NotConverged

C = 2
SIGMA = np.array([[[0.8, 0.4], [0.4, 0.7]], [[1.1, 0.5], [0.5, 0.9]]])
TAU = np.array([[0.2, 0.05], [0.05, 0.15]])


def small(seed: int = 4) -> tuple[Design, Sites, np.ndarray]:
    """40 students, 6 schools, 2 districts, a covariate; sites of uneven precision, one student without answers."""
    rng = np.random.default_rng(seed)
    school = np.repeat(np.arange(6), [7, 5, 8, 6, 9, 5])
    district = (school >= 3).astype(np.int64)
    covariate = rng.integers(0, 2, 40)
    x = np.column_stack([district == 0, district == 1, covariate]).astype(float)
    design = build_design(x, school, district, smallest=1)
    precision = rng.uniform(0.3, 3.0, (40, C))
    y = rng.normal(size=(40, C)) + design.x[design.pattern] @ rng.normal(size=(3, C))
    precision[3] = 0.0
    return design, Sites(precision, precision * y), y


def dense(design: Design, sites: Sites, y: np.ndarray, sigma: np.ndarray, tau: np.ndarray) -> dict[str, np.ndarray]:
    """The same model with one big covariance matrix; students without answers are left out of it."""
    seen = np.flatnonzero(sites.precision[:, 0] > 0)
    n = seen.size
    x = np.zeros((n * C, C * 3))
    z = np.zeros((n * C, design.school_size.size * C))
    v = np.zeros((n * C, n * C))
    for i, student in enumerate(seen):
        for c in range(C):
            x[i * C + c, c * 3 : c * 3 + 3] = design.x[design.pattern[student]]
            z[i * C + c, design.school[student] * C + c] = 1
        rows = slice(i * C, i * C + C)
        v[rows, rows] = sigma[design.district[student]] + np.diag(1 / sites.precision[student])
    between = np.kron(np.eye(design.school_size.size), tau)
    v = v + z @ between @ z.T
    inverse = np.linalg.inv(v)
    target = y[seen].reshape(-1)
    covariance = np.linalg.inv(x.T @ inverse @ x)
    gamma = covariance @ x.T @ inverse @ target
    effects = (between @ z.T @ inverse @ (target - x @ gamma)).reshape(-1, C)
    likelihood = multivariate_normal(cov=v).logpdf(target - x @ gamma)
    restricted = likelihood - 0.5 * np.linalg.slogdet(x.T @ inverse @ x)[1]
    return {"gamma": gamma, "covariance": covariance, "effects": effects, "ml": likelihood, "reml": restricted}


def test_coefficients_and_effects_are_generalised_least_squares() -> None:
    """Cell sums give what the dense 80 x 80 system gives; 1e-9 is rounding."""
    design, sites, y = small()
    sums = collect(design, sites, Population(np.zeros((3, C)), SIGMA, TAU))
    gamma, covariance = sums.coefficients()
    expected = dense(design, sites, y, SIGMA, TAU)
    np.testing.assert_allclose(gamma, expected["gamma"], atol=1e-9)
    np.testing.assert_allclose(covariance, expected["covariance"], atol=1e-9)
    np.testing.assert_allclose(sums.school_effects(gamma), expected["effects"], atol=1e-9)


def test_leaving_out_a_school_is_a_regression_without_it() -> None:
    design, sites, y = small()
    sums = collect(design, sites, Population(np.zeros((3, C)), SIGMA, TAU))
    for s in range(6):
        gone = Sites(np.where((design.school == s)[:, None], 0.0, sites.precision), sites.shift)
        expected = dense(design, gone, y, SIGMA, TAU)["gamma"]
        np.testing.assert_allclose(sums.coefficients(without=s)[0], expected, atol=1e-8)


@pytest.mark.parametrize("which", ["sigma", "tau"])
def test_covariance_scores_are_derivatives(which: str) -> None:
    """Scores against central differences of the dense (restricted) likelihood along L exp(tE) L'.

    Step 1e-4: truncation is about 1e-7, rounding 1e-9, hence 1e-5.
    """
    design, sites, y = small()
    population = Population(np.zeros((3, C)), SIGMA, TAU)
    sums = collect(design, sites, population)
    gamma, covariance = sums.coefficients()
    effects = sums.school_effects(gamma)
    eta = expectations(design, gamma, effects)
    scores = covariance_scores(design, sums, population, eta, effects, covariance)
    for e in (np.array([[1.0, 0], [0, 0]]), np.array([[0, 1.0], [1, 0]]), np.array([[0, 0], [0, 1.0]])):
        value = []
        for step in (1e-4, -1e-4):
            sigma, tau = SIGMA.copy(), TAU
            if which == "sigma":
                root = np.linalg.cholesky(SIGMA[1])
                sigma[1] = root @ expm(step * e) @ root.T
                value.append(float(dense(design, sites, y, sigma, tau)["ml"]))
            else:
                root = np.linalg.cholesky(TAU)
                tau = root @ expm(step * e) @ root.T
                guess = SCHOOL_PRIOR_SHARE * np.diag(SIGMA.mean(axis=0).diagonal())
                prior = np.linalg.slogdet(tau)[1] + np.trace(guess @ np.linalg.inv(tau))
                value.append(float(dense(design, sites, y, sigma, tau)["reml"]) - SCHOOL_PRIOR_WEIGHT / 2 * prior)
        numeric = (value[0] - value[1]) / 2e-4
        if which == "sigma":
            mine = scores.sigma_score[design.school_district == 1].sum(axis=0)
        else:
            mine = scores.tau_score
        assert float((mine * e).sum()) == pytest.approx(numeric, abs=1e-5)


def gaussian_evidence(n: int, y: np.ndarray, precision: float, nodes: np.ndarray) -> Evidence:
    log_likelihood = -0.5 * precision * (nodes - y[:, :, None]) ** 2
    return Evidence(log_likelihood - log_likelihood.max(axis=2, keepdims=True), nodes, np.full((n, C), 5))


def simulated(seed: int, sizes: list[int]) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    school = np.repeat(np.arange(len(sizes)), sizes)
    district = (school >= len(sizes) // 2).astype(np.int64)
    member = (rng.random(school.size) < 0.3).astype(float)
    root = np.linalg.cholesky(np.array([[0.9, 0.5], [0.5, 0.9]]))
    u = rng.normal(size=(len(sizes), C)) * 0.35
    theta = u[school] + rng.normal(size=(school.size, C)) @ root.T - 0.5 * member[:, None] + 0.2 * district[:, None]
    y = theta + rng.normal(size=theta.shape)
    return school, district, member, y


def fitted(school, district, member, y, weight=None):  # type: ignore[no-untyped-def]
    x = np.column_stack([district == 0, district == 1, member]).astype(float)
    design = build_design(x, school, district, weight=weight)
    nodes = np.arange(-9, 9.01, 0.25)
    ev = gaussian_evidence(len(y), y[design.order], 1.0, nodes)
    return design, fit(ev, design, tolerance=1e-8)


def test_recovers_covariances_from_gaussian_evidence() -> None:
    """With 2,400 students and 40 schools: residual variances within .12 (3 SEs), school variances within .1."""
    school, district, member, y = simulated(1, [60] * 40)
    _, regression = fitted(school, district, member, y)
    np.testing.assert_allclose(regression.population.sigma, [[[0.9, 0.5], [0.5, 0.9]]] * 2, atol=0.15)
    np.testing.assert_allclose(regression.population.tau.diagonal(), 0.35**2, atol=0.1)
    np.testing.assert_allclose(regression.population.gamma[2], -0.5, atol=0.2)


def test_jackknife_follows_refits_without_each_school() -> None:
    """Standard errors of the linearised replicates against complete refits: within 5 % for means, 10 % for shares.

    Means are exact given the covariances; shares also move with the residual variance, of which one Newton step is
    taken. A jackknife with the regression held fixed is far off (last line), so the test can fail.
    """
    sizes = [45, 60, 75, 50, 80, 55, 65, 70] * 2
    school, district, member, y = simulated(7, sizes)
    design, regression = fitted(school, district, member, y)
    groups = np.column_stack([district == 0, district == 1, member == 1, member == 0])
    cuts = np.array([[0.5], [-0.3]])
    shifts = parameter_shifts(regression)
    back = np.empty_like(design.order)
    back[design.order] = np.arange(len(y))
    # draws that are exact: many normal quantiles around each posterior mean
    from scipy.stats import norm

    z = norm.ppf((np.arange(40) + 0.5) / 40)
    sd = np.sqrt(regression.variance)
    values = (regression.mean[:, None, :] + sd[:, None, :] * z[:, None])[back].astype(np.float32)
    mine = replicate(regression, shifts, values, groups, cuts).without
    brute, fixed = np.empty_like(mine), np.empty_like(mine)
    for s in range(len(sizes)):
        keep = school != s
        _, again = fitted(school[keep], district[keep], member[keep], y[keep])
        for target, source, rows in ((brute, again, None), (fixed, regression, design.school != s)):
            inside = groups[keep][source.design.order] if rows is None else groups[design.order][rows]
            m = source.mean if rows is None else source.mean[rows]
            v = source.variance if rows is None else source.variance[rows]
            for g in range(4):
                here = inside[:, g]
                target[s, g, :, 0] = m[here].mean(axis=0)
                target[s, g, :, 2] = norm.sf((cuts[:, 0] - m[here]) / np.sqrt(v[here])).mean(axis=0)

    def se(a: np.ndarray, first: int, second: int, k: int) -> np.ndarray:
        gap = a[:, first, :, k] - a[:, second, :, k]
        parts = [gap[design.school_district == d] for d in (0, 1)]
        return np.sqrt(sum((len(p) - 1) / len(p) * ((p - p.mean(axis=0)) ** 2).sum(axis=0) for p in parts))

    for first, second in ((0, 1), (2, 3)):
        np.testing.assert_allclose(se(mine, first, second, 0), se(brute, first, second, 0), rtol=0.05)
        np.testing.assert_allclose(se(mine, first, second, 2), se(brute, first, second, 2), rtol=0.10)
    assert np.all(se(fixed, 2, 3, 0) < 0.8 * se(brute, 2, 3, 0))


def test_a_weighted_student_counts_like_repeated_ones() -> None:
    """Parameters, school effects and delete-one shifts of weights 1 to 3 and of rows that stand so often; 1e-7 is the
    fit's own tolerance. Without the weights they differ."""
    school, district, member, y = simulated(3, [20, 25, 30, 22] * 2)
    weight = np.random.default_rng(1).integers(1, 4, len(y))
    many = np.repeat(np.arange(len(y)), weight)
    _, one = fitted(school, district, member, y, weight.astype(float))
    _, other = fitted(school[many], district[many], member[many], y[many])
    _, bare = fitted(school, district, member, y)
    for a, b, c in zip(*((r.population.gamma, r.population.sigma, r.population.tau, r.effects,
                          parameter_shifts(r).gamma, parameter_shifts(r).sigma) for r in (one, other, bare)),
                       strict=True):  # fmt: skip
        np.testing.assert_allclose(a, b, atol=1e-7)
        assert np.abs(a - c).max() > 1e-3


def test_design_refuses_what_it_cannot_use() -> None:
    x = np.ones((4, 1))
    with pytest.raises(DesignError, match="more than one district"):
        build_design(x, np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]))
    with pytest.raises(DesignError, match="only 1 say"):
        build_design(np.ones((4, 2)), np.zeros(4), np.zeros(4))


def test_small_schools_are_pooled_within_their_district() -> None:
    school = np.repeat(np.arange(6), [20, 4, 3, 15, 5, 2])
    district = (school >= 3).astype(np.int64)
    design = build_design(np.column_stack([district == 0, district == 1]).astype(float), school, district)
    assert design.pooled == 4
    assert sorted(design.school_size.tolist()) == [7, 7, 15, 20]
    assert np.all(design.district == design.school_district[design.school])


def test_a_concept_without_answers_in_a_district_is_refused() -> None:
    school, district, _, y = simulated(2, [20] * 6)
    x = np.column_stack([district == 0, district == 1]).astype(float)
    design = build_design(x, school, district)
    ev = gaussian_evidence(len(y), y[design.order], 1.0, np.arange(-8, 8.1, 0.25))
    answered = ev.answered.copy()
    answered[design.district == 1, 1] = 0
    with pytest.raises(DesignError, match="no answers"):
        fit(Evidence(ev.log_likelihood, ev.nodes, answered), design)


def answered(seed: int) -> tuple[np.ndarray, ...]:
    """2,400 students of 40 schools on six right-or-wrong items for each of two concepts that correlate."""
    school, district, member, _ = simulated(seed, [60] * 40)
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(np.array([[0.9, 0.7], [0.7, 0.9]]))
    theta = rng.normal(size=(40, C))[school] * 0.3 + rng.normal(size=(school.size, C)) @ root.T
    nodes = np.arange(-6, 6.01, 0.25)
    place = np.linspace(-1.2, 1.2, 6)
    right = rng.random((school.size, C, 6)) < 1 / (1 + np.exp(-1.4 * (theta[:, :, None] - place)))
    log_right = -np.logaddexp(0, -1.4 * (nodes - place[:, None]))
    log_wrong = -np.logaddexp(0, 1.4 * (nodes - place[:, None]))
    table = right.astype(float) @ (log_right - log_wrong) + log_wrong.sum(axis=0)
    return school, district, member, table, nodes


def test_the_end_does_not_depend_on_how_it_was_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain passes, passes with leaps and a start from a sample meet; 1e-7 is ten times the tolerance of a pass."""
    school, district, member, table, nodes = answered(5)
    x = np.column_stack([district == 0, district == 1, member]).astype(float)
    design = build_design(x, school, district)
    ev = Evidence(table[design.order], nodes, np.full((school.size, C), 6))
    leaping = fit(ev, design, tolerance=1e-8)
    with monkeypatch.context() as changed:
        changed.setattr(latent, "_LARGE", 1000)
        sampled = fit(ev, design, tolerance=1e-8)
    monkeypatch.setattr(latent, "_STEADY", 0.0)
    plain = fit(ev, design, tolerance=1e-8)
    assert leaping.iterations < plain.iterations
    for other in (leaping, sampled):
        np.testing.assert_allclose(other.population.sigma, plain.population.sigma, atol=1e-7)
        np.testing.assert_allclose(other.population.gamma, plain.population.gamma, atol=1e-7)
        np.testing.assert_allclose(other.population.tau, plain.population.tau, atol=1e-7)
        np.testing.assert_allclose(other.mean, plain.mean, atol=1e-7)


def test_a_sample_that_misses_a_district_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last three of 2,400 students are a district that no eighth student is of."""
    school, _, member, table, nodes = answered(6)
    district = (np.arange(school.size) >= school.size - 3).astype(np.int64)
    school = np.where(district == 1, school.max() + 1, school)
    design = build_design(np.column_stack([np.ones(school.size), member]), school, district)
    ev = Evidence(table[design.order], nodes, np.full((school.size, C), 6))
    start = np.eye(C)
    otherwise = latent.Population(np.zeros((2, C)), np.repeat(start[None], 2, axis=0), start)
    assert latent._from_sample(ev, design, start, otherwise) is otherwise


def test_a_district_of_a_handful_that_has_no_maximum_is_refused_by_its_size() -> None:
    school, _, _, table, nodes = answered(7)
    district = (np.arange(school.size) >= school.size - 4).astype(np.int64)
    school = np.where(district == 1, school.max() + 1, school)
    design = build_design(np.column_stack([district == 0, district == 1]).astype(float), school, district)
    same = np.where(district[design.order, None, None] == 1, 0.0, table[design.order])
    same[design.district == 1] = -0.5 * ((nodes - 1.0) / 0.05) ** 2  # four students who are exactly alike
    ev = Evidence(same, nodes, np.full((school.size, C), 6))
    with pytest.raises(NotConverged, match="ran away") as refused, np.errstate(all="ignore"):
        fit(ev, design)
    assert "4 students" in refused.value.hint
