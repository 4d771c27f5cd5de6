"""Marginal maximum likelihood for one calibration, from arrays to estimates with their covariance.

Bock & Aitkin (1981); several populations: Bock & Zimowski (1997); information: Louis (1982).
"""

import os
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scoring.irt.blocks import CHUNK, Blocks, make_blocks, subsample
from scoring.irt.curves import Array, ItemParameters
from scoring.irt.empirical import ENOUGH, estimate_histograms, histogram_moments
from scoring.irt.grid import Grid
from scoring.irt.likelihood import Problem, evaluate
from scoring.irt.maximise import CONVERGED, Progress, Search, decrement_of, em_steps, newton, quasi_newton
from scoring.irt.parameters import Layout, population_coordinates
from scoring.irt.posteriors import edge_mass, smallest_posterior_sd
from scoring.irt.priors import Prior

Index = NDArray[np.int64]

SUBSAMPLE = 8 * CHUNK  # students of the short start
EDGE = 1e-7  # share of a group's posterior mass on an outermost node above which the grid widens
MOST_NODES = 601
SINGULAR = 1e-11  # eigenvalue of the scaled information that cannot be told from zero


@dataclass(frozen=True)
class Estimate:
    """What a calibration found.

    Attributes:
        layout: the parameters.
        xi: (p,) free coordinates at the maximum.
        items: (V) items.
        mean: (G,) population means.
        sd: (G,) population SDs.
        histogram: (G, Q) weights of empirical populations, or None.
        grid: the grid at the end.
        information: (p, p) observed information of the penalised log-likelihood in ξ.
        covariance: (P, P) of ψ = slots of all items, then mean and log SD of every group; 0 for what is fixed,
            NaN where the information is singular.
        log_likelihood: marginal.
        log_prior: log-density of the priors.
        decrement: Newton decrement.
        max_gradient: largest absolute gradient.
        min_eigenvalue: smallest eigenvalue of the information.
        iterations: steps.
        passes: passes through the students, those of the start on a subsample not counted.
        converged: decrement below 1e-9 and smallest eigenvalue positive; histograms settled, where there are any.
        blocks: the students as arranged.
    """

    layout: Layout
    xi: Array
    items: ItemParameters
    mean: Array
    sd: Array
    histogram: Array | None
    grid: Grid
    information: Array
    covariance: Array
    log_likelihood: float
    log_prior: float
    decrement: float
    max_gradient: float
    min_eigenvalue: float
    iterations: int
    passes: int
    converged: bool
    blocks: Blocks


def default_threads() -> int:
    """Processors this process may use, at most four: the passes are bound by memory beyond."""
    try:
        return max(1, min(4, len(os.sched_getaffinity(0))))
    except AttributeError:  # not Linux
        return max(1, min(4, os.cpu_count() or 1))


def starting_values(codes: NDArray[np.int8], template: ItemParameters) -> ItemParameters:
    """Slopes from item-rest correlations, and the intercepts that roughly reproduce each item's proportions.

    The correlation's slope matters most for items with a lower asymptote: started at a common slope, a weak item may
    run off to the maximum at an infinite one.
    """
    if len(codes) > SUBSAMPLE:
        codes = codes[np.linspace(0, len(codes) - 1, SUBSAMPLE).astype(int)]
    a, d = _starting_slopes(codes), template.d.copy()
    a[template.in_family("partial")] *= 0.7
    for j in range(len(template)):
        k = int(template.categories[j])
        counts = np.bincount(codes[:, j][codes[:, j] >= 0], minlength=k)[:k] + 0.5
        share = counts / counts.sum()
        if template.model[j] in ("gpcm", "pcm"):
            d[j, : k - 1] = np.log(share[1:] / share[0])
        else:
            above = share[::-1].cumsum()[::-1][1:]
            if template.model[j] == "3pl":
                above = np.clip((above - template.g[j]) / (1 - template.g[j]), 0.05, 0.95)
            d[j, : k - 1] = np.sqrt(1 + 0.35 * a[j] ** 2) * np.log(above / (1 - above))
    return ItemParameters(template.names, template.model, a, d, template.g.copy(), template.categories)


def _starting_slopes(codes: NDArray[np.int8]) -> Array:
    """(V,) slopes of logistic items whose correlation with the rest score is the observed one."""
    seen = codes >= 0
    x = np.where(seen, codes, 0).astype(float)
    n = np.maximum(seen.sum(axis=0), 1)
    mean = x.sum(axis=0) / n
    z = np.where(seen, x - mean, 0.0)
    z /= np.maximum(np.sqrt((z**2).sum(axis=0) / n), 1e-6)
    count, total = seen.sum(axis=1), z.sum(axis=1)
    rest = np.where(seen & (count > 1)[:, None], (total[:, None] - z) / np.sqrt(np.maximum(count - 1, 1))[:, None], 0.0)
    rest -= np.where(seen, rest.sum(axis=0) / n, 0.0)
    spread = np.sqrt((rest**2).sum(axis=0) * (z**2).sum(axis=0))
    r = np.clip((rest * z).sum(axis=0) / np.maximum(spread, 1e-6), -0.6, 0.75)
    slope = 1.7 * 1.25 * r / np.sqrt(1 - r**2)  # 1.25: rest scores are not θ
    return np.asarray(np.where(np.abs(slope) < 0.2, 0.2, slope))


def _with_fixed(start: ItemParameters, layout: Layout) -> ItemParameters:
    """Start values where free, the template's where fixed."""
    fixed = layout.exists & (layout.coordinate < 0)
    t, k = layout.template, start.d.shape[1]
    return ItemParameters(
        start.names,
        start.model,
        np.where(fixed[:, 0], t.a, start.a),
        np.where(fixed[:, 1 : 1 + k], t.d, start.d),
        t.g,
        start.categories,
    )


def estimate(
    codes: NDArray[np.int8],
    groups: Index,
    weights: Array,
    layout: Layout,
    prior: Prior,
    grid: Grid,
    *,
    adapt_grid: bool = True,
    empirical: bool = False,
    threads: int | None = None,
    max_iterations: int = 100,
    progress: Progress | None = None,
    start: ItemParameters | None = None,
) -> Estimate:
    """Estimate.

    Args:
        codes: (N, V) categories, -1 where not administered.
        groups: (N,) index of each student's group.
        weights: (N,) case weights.
        layout: what is estimated.
        prior: on item coordinates.
        grid: starting grid.
        adapt_grid: widen and refine the grid where the posteriors ask for it.
        empirical: histograms instead of normal populations.
        threads: spans worked on at a time; default: the processors there are, at most four.
        max_iterations: Newton steps.
        progress: called with (passes, log-likelihood, largest gradient).
        start: starting values; default from the proportions.
    """
    threads = default_threads() if threads is None else threads
    blocks = make_blocks(codes, layout.template.categories, groups, weights, layout.n_groups)
    xi = np.zeros(layout.n_free)
    first = _with_fixed(starting_values(codes, layout.template) if start is None else start, layout)
    xi[: layout.n_item] = layout.item_coordinates(first)
    xi[layout.n_item :] = population_coordinates(np.zeros(layout.n_groups), np.zeros(layout.n_groups), layout.origin)
    problem = Problem(blocks, layout, prior, grid, None, threads)
    if empirical:
        problem, search, gain = estimate_histograms(problem, xi, max_iterations, progress)
        return _finish(problem, search, settled=abs(gain) < ENOUGH)
    problem, search = _search(problem, codes, groups, weights, xi, adapt_grid, max_iterations, progress)
    return _finish(problem, search)


def _search(
    problem: Problem,
    codes: NDArray[np.int8],
    groups: Index,
    weights: Array,
    xi: Array,
    adapt_grid: bool,
    max_iterations: int,
    progress: Progress | None,
) -> tuple[Problem, Search]:
    small = _small_problem(problem, codes, groups, weights)
    if small is None:
        point, _ = em_steps(problem, xi, _start_steps(problem), progress)
        search = newton(problem, point.xi, max_iterations, progress=progress)
    else:
        point, _ = em_steps(small, xi, _start_steps(problem))
        begun = newton(small, point.xi, 30, finished=1e-2)
        if adapt_grid:
            small, begun = _adapt(small, begun, 1e-2, 30, None)
            problem = replace(problem, grid=small.grid)
        search = _all_students(problem, small, begun, max_iterations, progress)
    if adapt_grid and search.decrement < CONVERGED:
        problem, search = _adapt(problem, search, None, max_iterations, progress)
    return problem, search


def _start_steps(problem: Problem) -> int:
    """EM steps before Newton's. A lower asymptote has maxima at infinite slopes; EM stays with the finite one."""
    return 60 if "3pl" in problem.layout.template.model else 6


def _all_students(
    problem: Problem, small: Problem, begun: Search, max_iterations: int, progress: Progress | None
) -> Search:
    """From the maximum of the subsample to that of all students."""
    information = begun.point.information
    assert information is not None
    share = sum(float(b.weights.sum()) for b in problem.blocks.blocks) / sum(
        float(b.weights.sum()) for b in small.blocks.blocks
    )
    if not np.isfinite(begun.decrement) or np.linalg.eigvalsh(information)[0] <= 0:
        return newton(problem, begun.point.xi, max_iterations, progress=progress)
    xi, passes = quasi_newton(problem, begun.point.xi, information * share, progress=progress)
    search = newton(problem, xi, max_iterations, finished=CONVERGED * 10, progress=progress)
    passes += search.passes
    # one chord step with the information just formed: it moves by less than its own error matters
    final = search.point
    if len(final.xi) and np.isfinite(search.decrement):
        step = np.linalg.solve(final.information, final.gradient)  # type: ignore[arg-type]
        moved = evaluate(problem, final.xi + step)
        moved = replace(moved, information=final.information)
        decrement = decrement_of(moved)
        passes += 1
        if decrement < search.decrement:
            return Search(moved, decrement, search.iterations + passes, passes)
    return Search(final, search.decrement, search.iterations + passes, passes)


def _small_problem(problem: Problem, codes: NDArray[np.int8], groups: Index, weights: Array) -> Problem | None:
    """The subsample, where there are enough students and every category stays well represented in it."""
    if problem.blocks.n_rows < 3 * SUBSAMPLE:
        return None
    take = subsample(codes, groups, SUBSAMPLE)
    if np.bincount(groups[take], minlength=problem.layout.n_groups).min() < 100:
        return None
    categories = problem.layout.template.categories
    part = codes[take]
    for k in range(int(categories.max())):
        if ((part == k).sum(axis=0)[categories > k] < 50).any():
            return None
    blocks = make_blocks(part, categories, groups[take], weights[take], problem.layout.n_groups)
    return replace(problem, blocks=blocks)


def _adapt(
    problem: Problem, search: Search, finished: float | None, max_iterations: int, progress: Progress | None
) -> tuple[Problem, Search]:
    """Widen the grid while posterior mass reaches an edge, refine it while a posterior is narrower than its spacing."""
    for _ in range(20):
        grid = problem.grid
        if not np.isfinite(search.point.value):
            break
        if edge_mass(search.point.expectation).max(initial=0.0) > EDGE:
            grid = grid.widened()
        elif smallest_posterior_sd(problem, search.point.xi) < grid.spacing:
            grid = grid.refined()
        if grid is problem.grid or len(grid.nodes) > MOST_NODES:
            break
        problem = replace(problem, grid=grid)
        args = {} if finished is None else {"finished": finished}
        again = newton(problem, search.point.xi, max_iterations, progress=progress, **args)
        search = replace(again, iterations=again.iterations + search.iterations, passes=again.passes + search.passes)
    return problem, search


def _scaled_eigenvalue(information: Array) -> float:
    """Smallest eigenvalue of the information scaled to a unit diagonal, which rounding cannot turn positive."""
    if not len(information):
        return 1.0
    diagonal = np.diag(information)
    if not (np.isfinite(information).all() and (diagonal > 0).all()):
        return 0.0
    scale = 1 / np.sqrt(diagonal)
    return float(np.linalg.eigvalsh(information * scale * scale[:, None])[0])


def _finish(problem: Problem, search: Search, settled: bool = True) -> Estimate:
    layout, point = problem.layout, search.point
    information = point.information
    assert information is not None
    mean, log_sd = layout.populations(point.xi)
    sd = np.exp(log_sd)
    if problem.histogram is not None:
        mean, sd = histogram_moments(problem.grid.nodes, problem)
    smallest = float(np.linalg.eigvalsh(information)[0]) if len(information) else float("inf")
    identified = _scaled_eigenvalue(information) > SINGULAR
    jacobian = layout.jacobian(point.xi)
    if len(information) == 0:
        covariance = np.zeros((len(jacobian), len(jacobian)))
    elif identified:
        scale = 1 / np.sqrt(np.diag(information))
        inverse = scale[:, None] * np.linalg.inv(information * scale * scale[:, None]) * scale
        covariance = jacobian @ ((inverse + inverse.T) / 2) @ jacobian.T
    else:
        covariance = np.full((len(jacobian), len(jacobian)), np.nan)
    return Estimate(
        layout,
        point.xi,
        layout.items(point.xi),
        mean,
        sd,
        None if problem.histogram is None else np.exp(problem.histogram),
        problem.grid,
        information,
        covariance,
        point.log_likelihood,
        point.log_prior,
        search.decrement,
        float(np.abs(point.gradient).max(initial=0.0)),
        smallest,
        search.iterations,
        search.passes,
        bool(search.decrement < CONVERGED and smallest > 0 and identified and settled),
        problem.blocks,
    )
