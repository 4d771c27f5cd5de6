"""Populations as empirical histograms on the grid instead of normal curves (Bock & Aitkin 1981; Mislevy 1984).

Histograms and items take turns: an EM step for the weights, a Newton step for the items. The origin is held by
moving the grid and the items together, which leaves the likelihood as it is to the last digit. Standard errors of items
are those given the histograms.
"""

from dataclasses import replace

import numpy as np

from scoring.irt.curves import Array, ItemParameters
from scoring.irt.grid import Grid
from scoring.irt.likelihood import Problem, evaluate, log_prior_weights
from scoring.irt.maximise import Progress, Search, em_steps, newton

ENOUGH = 1e-2  # gain in log-likelihood per round below which the histograms are settled: EM creeps from there
MOST_ROUNDS = 80
WEIGHT_STEPS = 5
LONGEST_STRETCH = 12.0


def estimate_histograms(
    problem: Problem, xi: Array, max_iterations: int, progress: Progress | None
) -> tuple[Problem, Search, float]:
    """From the normal populations' solution to histograms.

    Args:
        problem: with normal populations.
        xi: starting values.
        max_iterations: Newton steps for the items.
        progress: called with (passes, log-likelihood, largest gradient).

    Returns:
        The problem with histograms, the items' search, and the last round's gain in log-likelihood.
    """
    point, _ = em_steps(problem, xi, 6, progress)
    begun = newton(problem, point.xi, max_iterations, finished=1e-2, progress=progress)
    problem = replace(problem, histogram=log_prior_weights(problem, begun.point.xi))
    xi, last, gain, passes = begun.point.xi, -np.inf, np.inf, begun.passes
    for _ in range(MOST_ROUNDS):
        problem = _weight_steps(problem, xi)
        problem, xi = _standardised(problem, xi)
        search = newton(problem, xi, 1)
        xi, passes = search.point.xi, passes + search.passes + WEIGHT_STEPS + 1
        value = search.point.value
        if progress:
            progress(passes, search.point.log_likelihood, float(np.abs(search.point.gradient).max()))
        gain, last = value - last, value
        if abs(gain) < ENOUGH:
            break
    search = newton(problem, xi, max_iterations)
    return problem, replace(search, passes=search.passes + passes), gain


def _weight_steps(problem: Problem, xi: Array) -> Problem:
    """EM steps for the weights, stretched while the likelihood rises: w (n / N w)^power, power 1 being EM itself."""
    power, kept, last = 1.0, problem, -np.inf
    for _ in range(WEIGHT_STEPS):
        point = evaluate(problem, xi)
        if point.value < last:  # stretched too far: back, and a plain step
            problem, power = kept, 1.0
            point = evaluate(problem, xi)
        kept, last = problem, point.value
        nodes = point.expectation.nodes
        target = np.log(np.maximum(nodes / nodes.sum(axis=1, keepdims=True), 1e-300))
        assert problem.histogram is not None
        weights = np.exp(np.maximum(problem.histogram + power * (target - problem.histogram), -690.0))
        problem = replace(problem, histogram=np.log(weights / weights.sum(axis=1, keepdims=True)))
        power = min(1.7 * power, LONGEST_STRETCH)
    return problem if evaluate(problem, xi).value >= last else kept


def _standardised(problem: Problem, xi: Array) -> tuple[Problem, Array]:
    """The same curves and weights on a grid where the pooled population obeys the origin."""
    origin, theta = problem.layout.origin, problem.grid.nodes
    mean, sd = histogram_moments(theta, problem)
    m = float(origin.weights @ mean) if origin.location else 0.0
    s = float(np.sqrt(origin.weights @ (sd**2 + (mean - origin.weights @ mean) ** 2))) if origin.unit else 1.0
    items = problem.layout.items(xi)
    k = np.where(items.in_family("partial")[:, None], np.arange(1, items.d.shape[1] + 1), np.ones(items.d.shape[1]))
    moved = ItemParameters(
        items.names, items.model, items.a * s, items.d + k * items.a[:, None] * m, items.g, items.categories
    )
    out = xi.copy()
    out[: problem.layout.n_item] = problem.layout.item_coordinates(moved)
    return replace(problem, grid=Grid((theta - m) / s)), out


def histogram_moments(theta: Array, problem: Problem) -> tuple[Array, Array]:
    """Means and SDs of the histograms, (G,) each."""
    assert problem.histogram is not None
    weights = np.exp(problem.histogram)
    mean = weights @ theta
    return mean, np.sqrt(np.maximum(weights @ theta**2 - mean**2, 0.0))
