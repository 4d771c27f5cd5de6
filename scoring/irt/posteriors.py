"""What the posteriors say about the grid, and each student's score vector for robust standard errors."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from scoring.irt.blocks import CHUNK
from scoring.irt.curves import Array
from scoring.irt.derivatives import differentiate
from scoring.irt.estep import Expectation, block_logs, over_spans, posterior
from scoring.irt.grid import normal_scores
from scoring.irt.information import block_scores, make_scores, student_scores
from scoring.irt.likelihood import Problem, column_logs, log_prior_weights


def edge_mass(expectation: Expectation) -> Array:
    """(G,) largest share of a group's posterior mass on an outermost node."""
    total = np.maximum(expectation.nodes.sum(axis=1), 1e-300)
    return np.asarray(np.maximum(expectation.nodes[:, 0], expectation.nodes[:, -1]) / total)


def smallest_posterior_sd(problem: Problem, xi: Array) -> float:
    """The smallest posterior SD of any student."""
    theta = problem.grid.nodes
    logs = column_logs(problem, differentiate(problem.layout.items(xi), theta))
    weights = log_prior_weights(problem, xi)
    powers = np.stack([theta, theta**2], axis=1)
    prepared = [block_logs(b, problem.blocks, logs, weights) for b in problem.blocks.blocks]
    jobs = [(b, *span) for b, block in enumerate(problem.blocks.blocks) for span in block.spans()]

    def work(job: tuple[int, int, int]) -> float:
        b, first, last = job
        smallest = np.inf
        for begin in range(first, last, CHUNK):
            post, _, _ = posterior(problem.blocks.blocks[b].onehot[begin : min(begin + CHUNK, last)], *prepared[b])
            moments = post @ powers
            smallest = min(smallest, float((moments[:, 1] - moments[:, 0] ** 2).min()))
        return smallest

    return float(np.sqrt(max(min(over_spans(jobs, work, problem.threads), default=1.0), 0.0)))


def summed_scores(problem: Problem, xi: Array, members: csr_matrix) -> Array:
    """Scores of the marginal log-likelihood in ψ, summed within clusters, (clusters, P).

    Args:
        problem: the students and the model.
        xi: where.
        members: (clusters, distinct rows) sums of case weights of each cluster's students with that row.
    """
    layout, theta = problem.layout, problem.grid.nodes
    derivatives = differentiate(layout.items(xi), theta)
    mean, log_sd = layout.populations(xi)
    population = normal_scores(theta, mean, log_sd)
    if problem.histogram is not None:
        population = np.zeros_like(population)
    laid_out = make_scores(problem.blocks, derivatives, layout, population)
    logs, weights = column_logs(problem, derivatives), log_prior_weights(problem, xi)
    out = np.zeros((members.shape[0], laid_out.size))
    for block in problem.blocks.blocks:
        columns, base = block_logs(block, problem.blocks, logs, weights)
        own = block_scores(block, problem.blocks, laid_out) if block.complete else None
        for begin in range(0, len(block), CHUNK):
            part = slice(begin, min(begin + CHUNK, len(block)))
            post, _, x = posterior(block.onehot[part], columns, base)
            here = members[:, block.rows[part]]
            if own is not None:
                out[:, own.positions] += here @ student_scores(x, post, own)
                continue
            full: NDArray[np.float64] = np.zeros((len(post), laid_out.size))
            full[:, laid_out.group_positions(block.group)] = post @ population[block.group].T
            of = problem.blocks.item_of_column[block.columns]
            for s in range(laid_out.psi.shape[1]):
                at = laid_out.psi[of, s]
                has = np.flatnonzero(at >= 0)
                values = x[:, has] * (post @ laid_out.column[block.columns[has], s].T)
                for k in np.unique(problem.blocks.category_of_column[block.columns[has]]):
                    same = problem.blocks.category_of_column[block.columns[has]] == k
                    full[:, at[has][same]] += values[:, same]
            out += here @ full
    return out
