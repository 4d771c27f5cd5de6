"""The penalised marginal log-likelihood at a point: value, gradient, complete-data and observed information."""

from dataclasses import dataclass

import numpy as np

from scoring.irt.blocks import Blocks
from scoring.irt.curves import Array
from scoring.irt.derivatives import Derivatives, complete_hessian, differentiate, expected_information
from scoring.irt.estep import Expectation, expectation
from scoring.irt.grid import Grid, log_normal_weights, normal_hessian, normal_scores
from scoring.irt.information import make_scores, missing_information
from scoring.irt.parameters import Layout, population_curvature
from scoring.irt.priors import Prior


@dataclass(frozen=True)
class Problem:
    """What is maximised.

    Attributes:
        blocks: the students.
        layout: the parameters.
        prior: on item coordinates.
        grid: the nodes.
        histogram: (G, Q) log-weights that stand in for the normal populations, or None.
        threads: spans worked on at a time.
    """

    blocks: Blocks
    layout: Layout
    prior: Prior
    grid: Grid
    histogram: Array | None = None
    threads: int = 1


@dataclass(frozen=True)
class Point:
    """The objective at ξ.

    Attributes:
        xi: (p,).
        log_likelihood: marginal.
        log_prior: log-density of the priors.
        gradient: (p,) of the penalised log-likelihood.
        expectation: counts of the pass.
        complete: (p, p) expected information of the complete data plus the priors', the metric of EM.
        information: (p, p) observed information, where it was asked for.
        psi_gradient: (P,) gradient of the log-likelihood in ψ.
    """

    xi: Array
    log_likelihood: float
    log_prior: float
    gradient: Array
    expectation: Expectation
    complete: Array
    information: Array | None
    psi_gradient: Array

    @property
    def value(self) -> float:
        return self.log_likelihood + self.log_prior


def log_prior_weights(problem: Problem, xi: Array) -> Array:
    """(G, Q) log-weights of the populations."""
    if problem.histogram is not None:
        return problem.histogram
    mean, log_sd = problem.layout.populations(xi)
    return log_normal_weights(problem.grid.nodes, mean, log_sd)


def column_logs(problem: Problem, derivatives: Derivatives) -> Array:
    """(C, Q) log-probabilities of the one-hot columns."""
    return derivatives.log_p[problem.blocks.item_of_column, problem.blocks.category_of_column]


def padded_counts(problem: Problem, counts: Array) -> Array:
    """(V, K, Q) expected counts of all groups together."""
    b = problem.blocks
    out = np.zeros((len(b.categories), int(b.categories.max()), counts.shape[2]))
    out[b.item_of_column, b.category_of_column] = counts.sum(axis=0)
    return out


def evaluate(problem: Problem, xi: Array, with_information: bool = False, single: bool = False) -> Point:
    """One pass through the students at ξ, in single precision where that is enough."""
    layout, theta = problem.layout, problem.grid.nodes
    derivatives = differentiate(layout.items(xi), theta)
    mean, log_sd = layout.populations(xi)
    weights = log_prior_weights(problem, xi)
    scores = normal_scores(theta, mean, log_sd)
    if problem.histogram is not None:
        scores = np.zeros_like(scores)
    logs = column_logs(problem, derivatives)
    missing: Array | None = None
    if with_information:
        laid_out = make_scores(problem.blocks, derivatives, layout, scores)
        passed, missing = missing_information(problem.blocks, logs, weights, laid_out, problem.threads)
    else:
        passed = expectation(problem.blocks, logs, weights, problem.threads, single)
    counts = padded_counts(problem, passed.counts)
    exists = layout.exists
    psi_gradient = np.concatenate(
        [
            np.einsum("jkq,jksq->js", counts, derivatives.score)[exists],
            np.einsum("gq,gsq->gs", passed.nodes, scores).ravel(),
        ]
    )
    jacobian = layout.jacobian(xi)
    complete = _blocks_to_matrix(
        layout,
        expected_information(derivatives, counts.sum(axis=1)),
        np.einsum("g,gq,gsq,gtq->gst", passed.nodes.sum(axis=1), np.exp(weights), scores, scores, optimize=True),
    )
    curvature = problem.prior.curvature(xi)
    metric = jacobian.T @ complete @ jacobian + np.diag(np.maximum(curvature, 0.0))
    if problem.histogram is not None:
        metric[layout.n_item :, layout.n_item :] = np.eye(len(xi) - layout.n_item)
    information = None
    if missing is not None:
        population = -normal_hessian(theta, mean, log_sd, passed.nodes)
        if problem.histogram is not None:
            population = np.zeros_like(population)
        full = _blocks_to_matrix(layout, -complete_hessian(derivatives, counts), population) - missing
        information = jacobian.T @ full @ jacobian + np.diag(curvature)
        k = layout.n_item
        information[k:, k:] -= population_curvature(
            xi[k:], layout.n_groups, layout.origin, psi_gradient[layout.n_psi_items :]
        )
        if problem.histogram is not None:  # no such coordinates: neither a step nor an error
            information[k:, k:] = np.eye(len(xi) - k)
    return Point(
        xi,
        passed.log_likelihood,
        problem.prior.log_density(xi),
        jacobian.T @ psi_gradient + problem.prior.gradient(xi),
        passed,
        metric,
        information,
        psi_gradient,
    )


def _blocks_to_matrix(layout: Layout, items: Array, populations: Array) -> Array:
    """Block-diagonal (P, P) from (V, S, S) and (G, 2, 2)."""
    size = layout.n_psi_items + 2 * layout.n_groups
    out = np.zeros((size, size))
    psi = layout.psi
    v, s, t = np.nonzero((psi[:, :, None] >= 0) & (psi[:, None, :] >= 0))
    out[psi[v, s], psi[v, t]] = items[v, s, t]
    for g in range(layout.n_groups):
        at = layout.n_psi_items + 2 * g
        out[at : at + 2, at : at + 2] = populations[g]
    return out
