"""The exact information, the gradient and the student scores against brute force and finite differences."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import identity

from scoring.irt.blocks import make_blocks
from scoring.irt.curves import ItemParameters, category_probabilities
from scoring.irt.grid import log_normal_weights, make_grid, normal_hessian, normal_scores
from scoring.irt.likelihood import Point, Problem, evaluate
from scoring.irt.parameters import (
    Origin,
    make_layout,
    population_coordinates,
    population_curvature,
    population_jacobian,
    population_map,
    slot_exists,
)
from scoring.irt.posteriors import summed_scores
from scoring.irt.priors import Prior, no_prior
from scoring.irt.simulate import draw_responses

MIXES = {
    "2pl": ("2pl", "2pl", "2pl", "2pl"),
    "gpcm and 2pl": ("2pl", "gpcm", "gpcm", "2pl"),
    "mixed": ("2pl", "3pl", "grm", "gpcm"),
    "1pl": ("1pl", "1pl", "2pl", "rasch"),
}


def make_items(models: tuple[str, ...]) -> ItemParameters:
    categories = np.array([3 if m in ("gpcm", "grm") else 2 for m in models])
    width = int(categories.max()) - 1
    d = np.full((len(models), width), np.nan)
    for j, m in enumerate(models):
        d[j, : categories[j] - 1] = (
            [0.8 - 0.4 * j, -0.7][: categories[j] - 1] if m == "grm" else [0.3, -0.2][: categories[j] - 1]
        )
    g = np.array([0.2 if m == "3pl" else 0.0 for m in models])
    return ItemParameters(tuple(f"i{j}" for j in range(len(models))), models, np.linspace(0.7, 1.6, len(models)), d, g,
                          categories)  # fmt: skip


def make_problem(mix: str, missing: str, origin: str, n: int = 90) -> tuple[Problem, NDArray[np.float64]]:
    random = np.random.default_rng(5)
    items = make_items(MIXES[mix])
    groups = np.repeat([0, 1], [n // 2, n - n // 2])
    codes = draw_responses(items, random.normal(0.3 * groups, 1), random)
    if missing == "booklets":
        codes[: n // 2, 3] = -1
    elif missing == "scattered":
        codes[random.random(codes.shape) < 0.3] = -1
    weights = random.uniform(0.5, 2.0, n)
    held = np.zeros_like(slot_exists(items))
    held[[m == "rasch" for m in items.model], 0] = True
    common = np.array([m == "1pl" for m in items.model])
    share = np.array([0.5, 0.5]) if origin == "pooled" else np.array([1.0, 0.0])
    fixed = origin == "free"
    layout = make_layout(items, held, common, 2, Origin(share, not fixed, not fixed and not held.any()))
    prior = no_prior()
    if mix == "mixed":
        at = layout.coordinate[1]
        prior = Prior(
            np.array([at[0], at[1], at[-1]]), np.array([1, 0, 2]), np.array([0.1, 0, 5]), np.array([0.5, 2, 17])
        )
    blocks = make_blocks(codes, items.categories, groups, weights, 2)
    xi = np.concatenate(
        [
            layout.item_coordinates(items),
            population_coordinates(np.array([-0.2, 0.4]), np.array([0.1, -0.2]), layout.origin),
        ]
    )
    return Problem(blocks, layout, prior, make_grid(31, 5.0)), xi


def brute_force(problem: Problem, xi: NDArray[np.float64]) -> float:
    """Log-likelihood plus log-prior, student by student and node by node."""
    items = problem.layout.items(xi)
    p = category_probabilities(items, problem.grid.nodes)
    mean, log_sd = problem.layout.populations(xi)
    weights = np.exp(log_normal_weights(problem.grid.nodes, mean, log_sd))
    total = problem.prior.log_density(xi)
    b = problem.blocks
    for block in b.blocks:
        for i in range(len(block)):
            like = weights[block.group].copy()
            for j in block.seen:
                mine = [c for c, col in enumerate(block.columns) if b.item_of_column[col] == j and block.onehot[i, c]]
                if mine:
                    like = like * p[j, b.category_of_column[block.columns[mine[0]]]]
                elif block.complete:
                    like = like * p[j, 0]
            total += block.weights[i] * np.log(like.sum())
    return float(total)


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("missing", ["none", "booklets", "scattered"])
@pytest.mark.parametrize("origin", ["pooled", "reference"])
def test_value_gradient_and_information(mix: str, missing: str, origin: str) -> None:
    problem, xi = make_problem(mix, missing, origin)
    check_derivatives(problem, xi)


@pytest.mark.parametrize("mix", ["gpcm and 2pl", "mixed"])
@pytest.mark.parametrize("dearer", [0, 10**9])  # always, never each student's own covariance
def test_both_ways_with_scattered_answers(mix: str, dearer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scoring.irt.information.OWN_COVARIANCE", dearer)
    check_derivatives(*make_problem(mix, "scattered", "pooled"))


def check_derivatives(problem: Problem, xi: NDArray[np.float64]) -> None:
    point = evaluate(problem, xi, with_information=True)
    assert point.value == pytest.approx(brute_force(problem, xi), rel=1e-12)
    step = 1e-5
    ups, downs = [], []
    for k in range(len(xi)):
        e = np.zeros(len(xi))
        e[k] = step
        ups.append(evaluate(problem, xi + e))
        downs.append(evaluate(problem, xi - e))
    gradient = np.array([(u.value - d.value) / (2 * step) for u, d in zip(ups, downs, strict=True)])
    assert np.allclose(point.gradient, gradient, atol=2e-6)  # rounding of the values over the step
    hessian = np.array([(u.gradient - d.gradient) / (2 * step) for u, d in zip(ups, downs, strict=True)])
    assert point.information is not None
    assert np.allclose(point.information, -hessian, atol=2e-6 * np.abs(hessian).max())


def test_information_without_information_pass_is_the_same_point() -> None:
    problem, xi = make_problem("mixed", "booklets", "pooled")
    plain, full = evaluate(problem, xi), evaluate(problem, xi, with_information=True)
    assert plain.value == pytest.approx(full.value, rel=1e-14)
    assert np.allclose(plain.gradient, full.gradient, atol=1e-11)


@pytest.mark.parametrize("missing", ["none", "scattered"])
def test_student_scores_add_up_to_the_gradient(missing: str) -> None:
    problem, xi = make_problem("mixed", missing, "reference")
    rows = problem.blocks.n_rows
    weights = np.zeros(rows)
    for block in problem.blocks.blocks:
        weights[block.rows] = block.weights
    scores = summed_scores(problem, xi, identity(rows, format="csr"))
    point = evaluate(problem, xi)
    assert np.allclose(weights @ scores, point.psi_gradient, atol=1e-10)


def same(a: Point, b: Point) -> None:
    assert a.information is not None
    assert b.information is not None
    assert a.log_likelihood == pytest.approx(b.log_likelihood, rel=1e-13)
    assert np.allclose(a.gradient, b.gradient, atol=1e-10)
    assert np.allclose(a.information, b.information, atol=1e-9)


def test_collapsing_equal_rows_changes_nothing() -> None:
    random = np.random.default_rng(1)
    items = make_items(MIXES["gpcm and 2pl"])
    codes = draw_responses(items, random.normal(size=500), random)
    groups = np.zeros(500, dtype=np.int64)
    held = np.zeros_like(slot_exists(items))
    layout = make_layout(items, held, np.zeros(4, dtype=bool), 1, Origin(np.ones(1), True, True))
    together = make_blocks(codes, items.categories, groups, np.ones(500), 1)
    apart = make_blocks(codes, items.categories, groups, np.ones(500), 1, collapse=False)
    assert together.n_rows <= 36 < apart.n_rows  # 2 · 3 · 3 · 2 patterns
    problem = Problem(together, layout, no_prior(), make_grid())
    xi = layout.item_coordinates(items)
    same(evaluate(problem, xi, True), evaluate(replace(problem, blocks=apart), xi, True))


def test_population_derivatives_against_differences() -> None:
    theta = make_grid(41, 4.0).nodes
    mean, log_sd = np.array([0.3, -1.0]), np.array([0.2, -0.4])
    counts = np.random.default_rng(2).uniform(0, 3, (2, 41))
    h = 1e-5
    scores, hessian = normal_scores(theta, mean, log_sd), normal_hessian(theta, mean, log_sd, counts)
    for s, (dm, dl) in enumerate(((h, 0.0), (0.0, h))):
        up, down = (mean + dm, log_sd + dl), (mean - dm, log_sd - dl)
        difference = (log_normal_weights(theta, *up) - log_normal_weights(theta, *down)) / (2 * h)
        assert np.allclose(scores[:, s], difference, atol=1e-8)
        change = (normal_scores(theta, *up) - normal_scores(theta, *down)) / (2 * h)
        assert np.allclose(hessian[:, s], np.einsum("gq,gtq->gt", counts, change), atol=1e-6)


@pytest.mark.parametrize(("location", "unit"), [(True, True), (True, False), (False, False)])
def test_populations_obey_the_origin_and_every_population_is_reached(location: bool, unit: bool) -> None:
    share = np.array([0.5, 0.3, 0.2])
    origin = Origin(share, location, unit)
    size = 6 - location - unit
    u = np.random.default_rng(3).normal(0, 0.5, size)
    mean, log_sd = population_map(u, 3, origin)
    if location:
        assert share @ mean == pytest.approx(0, abs=1e-15)
    if unit:
        assert share @ (np.exp(2 * log_sd) + mean**2) == pytest.approx(1)
    assert np.allclose(population_coordinates(mean, log_sd, origin), u, atol=1e-12)
    h = 1e-6
    for k in range(size):
        e = np.zeros(size)
        e[k] = h
        up, down = population_map(u + e, 3, origin), population_map(u - e, 3, origin)
        difference = np.stack([(up[0] - down[0]) / (2 * h), (up[1] - down[1]) / (2 * h)], axis=1).ravel()
        assert np.allclose(population_jacobian(u, 3, origin)[:, k], difference, atol=1e-8)
    gradient = np.arange(6.0)
    curvature = population_curvature(u, 3, origin, gradient)
    assert np.allclose(curvature, curvature.T)


def test_priors_are_differentiated_in_the_coordinate_that_is_estimated() -> None:
    prior = Prior(np.arange(3), np.arange(3), np.array([0.5, 0.1, 5.0]), np.array([2.0, 0.5, 17.0]))
    xi = np.array([0.3, 1.4, -1.2])
    h = 1e-5
    for k in range(3):
        e = np.zeros(3)
        e[k] = h
        first = (prior.log_density(xi + e) - prior.log_density(xi - e)) / (2 * h)
        assert prior.gradient(xi)[k] == pytest.approx(first, rel=1e-7)
        second = (prior.gradient(xi + e) - prior.gradient(xi - e))[k] / (2 * h)
        assert prior.curvature(xi)[k] == pytest.approx(-second, rel=1e-7)
    assert prior.log_density(np.array([0.0, -0.1, 0.0])) == -np.inf
