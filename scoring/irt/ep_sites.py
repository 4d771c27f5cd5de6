"""Expectation propagation for one block of students: Gaussian prior over concepts, one site per concept.

The posterior of a student is proportional to N(θ | m, S) Π_c L_c(θ_c): each likelihood factor is a function of one
coordinate. EP replaces L_c by exp(-τ_c θ_c²/2 + ν_c θ_c) and chooses (τ_c, ν_c) so that the marginal of coordinate c
has the mean and variance of the *tilted* marginal, cavity × L_c, whose moments are one-dimensional quadrature
(Minka 2001; Seeger 2005). Sites are visited in turn; each visit is a rank-one change of the C × C covariance.

Arrays carry the students on the last axis (loglik excepted), so that every operation runs over contiguous students.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: A cavity of less precision than this is no usable Gaussian: the site waits until its neighbours have moved.
_SMALLEST_PRECISION = 1e-8
#: Step towards a site of negative precision (possible where a likelihood is not log-concave: 3PL).
_DAMPING = 0.7


@dataclass(frozen=True)
class SiteBlock:
    """EP result of n students and C concepts on Q nodes.

    Attributes:
        mean: (C, n) posterior means.
        covariance: (C, C, n) posterior covariances.
        precision: (C, n) site precisions τ.
        shift: (C, n) site shifts ν.
        tilted: (C, n, Q) tilted marginals as probabilities of the nodes.
        log_evidence: (n,) EP approximation of log ∫ N(θ | m, S) Π L_c(θ_c) dθ.
        converged: (n,) whether the last visit changed no site by more than the tolerance.
        sweeps: visits of every site that the slowest student needed.
    """

    mean: Array
    covariance: Array
    precision: Array
    shift: Array
    tilted: Array
    log_evidence: Array
    converged: NDArray[np.bool_]
    sweeps: int


def ep_block(
    loglik: Array,
    nodes: Array,
    prior_mean: Array,
    prior_covariance: Array,
    precision: Array,
    shift: Array,
    tolerance: float = 1e-6,
    max_sweeps: int = 200,
) -> SiteBlock:
    """Run EP from given sites until no site moves by more than `tolerance`.

    Args:
        loglik: (C, n, Q) log-likelihood of each concept's items at the nodes; 0 where a student has none.
        nodes: (Q,) equally spaced.
        prior_mean: (C, n) or (C, 1).
        prior_covariance: (C, C, n) or (C, C, 1).
        precision, shift: (C, n) sites to start from; zeros for a cold start. Not changed.
        tolerance: largest change of a site's precision or shift at the last visit.
        max_sweeps: students still moving then are returned as not converged.

    Returns:
        SiteBlock.
    """
    n = loglik.shape[1]
    prior_mean = np.broadcast_to(prior_mean, (loglik.shape[0], n))
    prior_covariance = np.broadcast_to(prior_covariance, (*prior_covariance.shape[:2], n))
    tau, nu = precision.copy(), shift.copy()
    mean, cov, log_global = _add_sites(prior_mean, prior_covariance, tau, nu)
    broken = ~np.isfinite(log_global)
    if broken.any():  # warm sites of negative precision that a new prior cannot carry: start these students afresh
        tau[:, broken], nu[:, broken] = 0.0, 0.0
        mean, cov, log_global = _add_sites(prior_mean, prior_covariance, tau, nu)
    tilted = np.empty_like(loglik)
    log_sites = np.zeros((loglik.shape[0], n))
    converged = np.zeros(n, dtype=bool)
    rows = np.arange(n)
    # each student stops at the first visit that moves no site further than the tolerance, whoever else is in the
    # block: results do not depend on how students are put into blocks
    part = (mean, cov, tau, nu, tilted, log_sites)
    part_loglik = loglik
    sweeps = 0
    while rows.size and sweeps < max_sweeps:
        moved = _sweep(part_loglik, nodes, *part)
        sweeps += 1
        settled = moved <= tolerance
        converged[rows[settled]] = True
        if rows.size < n and (settled.any() or sweeps == max_sweeps):
            tau[:, rows], nu[:, rows], tilted[:, rows], log_sites[:, rows] = part[2:]
        if settled.any():
            moving = np.flatnonzero(~settled)
            rows = rows[moving]
            part_loglik = part_loglik[:, moving]
            pm, pc, pt, pn, pw, pl = part
            part = (pm[:, moving], pc[:, :, moving], pt[:, moving], pn[:, moving], pw[:, moving], pl[:, moving])
    mean, cov, log_global = _add_sites(prior_mean, prior_covariance, tau, nu)  # without the visits' rounding
    evidence = log_global + log_sites.sum(axis=0)
    return SiteBlock(mean, cov, tau, nu, tilted, evidence, converged & np.isfinite(evidence), sweeps)


def _sweep(
    loglik: Array, nodes: Array, mean: Array, cov: Array, tau: Array, nu: Array, tilted: Array, log_sites: Array
) -> Array:
    """Visit every site once, changing all arrays but the first two in place; (n,) the largest change of a site."""
    spacing = nodes[1] - nodes[0]
    exponent_basis = np.stack([-0.5 * nodes**2, nodes])
    moment_basis = np.stack([np.ones_like(nodes), nodes, nodes**2], axis=1)
    moved = np.zeros(loglik.shape[1])
    for c in range(loglik.shape[0]):
        variance = cov[c, c]
        cavity_precision = 1.0 / variance - tau[c]
        cavity_shift = mean[c] / variance - nu[c]
        usable = cavity_precision > _SMALLEST_PRECISION
        weights = tilted[c]
        np.matmul(np.stack([cavity_precision, cavity_shift], axis=1), exponent_basis, out=weights)
        weights += loglik[c]
        top = weights.max(axis=1)
        weights -= top[:, None]
        np.exp(weights, out=weights)
        moments = weights @ moment_basis
        total = moments[:, 0]
        weights /= total[:, None]
        tilted_mean = moments[:, 1] / total
        # a posterior far narrower than the grid would have variance 0 on it
        tilted_variance = np.maximum(moments[:, 2] / total - tilted_mean**2, 1e-4 * spacing**2)
        step_tau = 1.0 / tilted_variance - cavity_precision - tau[c]
        step_nu = tilted_mean / tilted_variance - cavity_shift - nu[c]
        np.maximum(moved, np.maximum(np.abs(step_tau), np.abs(step_nu)), out=moved)
        length = np.where(tau[c] + step_tau < 0.0, _DAMPING, 1.0)
        if not usable.all():
            length[~usable] = 0.0
            moved[~usable] = np.inf
        step_tau *= length
        step_nu *= length
        tau[c] += step_tau
        nu[c] += step_nu
        denominator = 1.0 + step_tau * variance
        column = cov[:, c].copy()
        mean += column * ((step_nu - step_tau * mean[c]) / denominator)
        cov -= column[:, None] * (column * (step_tau / denominator))[None]
        with np.errstate(invalid="ignore", divide="ignore"):
            p, s = cavity_precision + tau[c], cavity_shift + nu[c]
            log_sites[c] = top + np.log(total * spacing) - 0.5 * (s**2 / p - np.log(p) + np.log(2 * np.pi))
    return moved


def _add_sites(prior_mean: Array, prior_covariance: Array, tau: Array, nu: Array) -> tuple[Array, Array, Array]:
    """Gaussian prior times sites: mean, covariance, log of the integral; NaN where the product is no Gaussian."""
    mean, cov = prior_mean.copy(), prior_covariance.copy()
    log_integral = np.zeros(tau.shape[1])
    for c in range(tau.shape[0]):
        variance, at = cov[c, c].copy(), mean[c].copy()
        denominator = 1.0 + tau[c] * variance
        with np.errstate(invalid="ignore", divide="ignore"):
            log_integral += (nu[c] * at - 0.5 * tau[c] * at**2 + 0.5 * nu[c] ** 2 * variance) / denominator
            log_integral -= 0.5 * np.log(denominator)
            column = cov[:, c].copy()
            mean += column * ((nu[c] - tau[c] * at) / denominator)
            cov -= column[:, None] * (column * (tau[c] / denominator))[None]
    return mean, cov, log_integral
