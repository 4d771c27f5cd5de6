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
#: Sums of weights smaller than this have lost digits to underflow.
_TINY = 1e-250


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
    totals = np.ones((loglik.shape[0], n))
    converged = np.zeros(n, dtype=bool)
    rows = np.arange(n)
    # each student stops at the first visit that moves no site further than the tolerance, whoever else is in the
    # block: results do not depend on how students are put into blocks
    everything = (mean, cov, tau, nu, log_global, tilted, totals, log_sites)
    part, part_loglik = everything, loglik
    sweeps = 0
    while rows.size and sweeps < max_sweeps:
        moved = _sweep(part_loglik, nodes, *part)
        sweeps += 1
        settled = moved <= tolerance
        converged[rows[settled]] = True
        if rows.size < n and (settled.any() or sweeps == max_sweeps):
            for whole, piece in zip(everything, part, strict=True):
                students = 1 if whole is tilted else whole.ndim - 1
                whole[(slice(None),) * students + (rows,)] = piece
        if settled.any():
            moving = np.flatnonzero(~settled)
            rows = rows[moving]
            part_loglik = part_loglik[:, moving]
            pm, pc, pt, pn, pg, pw, pz, ps = part
            part = (
                pm[:, moving],
                pc[:, :, moving],
                pt[:, moving],
                pn[:, moving],
                pg[moving],
                pw[:, moving],
                pz[:, moving],
                ps[:, moving],
            )
    tilted /= totals[:, :, None]
    evidence = log_global + log_sites.sum(axis=0)
    return SiteBlock(mean, cov, tau, nu, tilted, evidence, converged & np.isfinite(evidence), sweeps)


def _sweep(
    loglik: Array,
    nodes: Array,
    mean: Array,
    cov: Array,
    tau: Array,
    nu: Array,
    log_global: Array,
    tilted: Array,
    totals: Array,
    log_sites: Array,
) -> Array:
    """Visit every site once, changing all arrays but the first two in place; (n,) the largest change of a site.

    `tilted` is left as unnormalised weights of the nodes with their sums in `totals`.
    """
    spacing = nodes[1] - nodes[0]
    exponent_basis = np.stack([-0.5 * nodes**2, nodes, np.ones_like(nodes)])
    moment_basis = np.stack([np.ones_like(nodes), nodes, nodes**2], axis=1)
    moved = np.zeros(loglik.shape[1])
    for c in range(loglik.shape[0]):
        variance = cov[c, c]
        cavity_precision = 1.0 / variance - tau[c]
        cavity_shift = mean[c] / variance - nu[c]
        usable = cavity_precision > _SMALLEST_PRECISION
        # the cavity's own peak is taken out, so that its part of the exponent is never positive
        peak = np.where(usable, 0.5 * cavity_shift**2 / np.where(usable, cavity_precision, 1.0), 0.0)
        weights = tilted[c]
        coefficients = np.stack([cavity_precision, cavity_shift, -peak], axis=1)
        np.matmul(coefficients, exponent_basis, out=weights)
        weights += loglik[c]
        np.exp(weights, out=weights)
        moments = weights @ moment_basis
        poor = ~((moments[:, 0] > _TINY) & (moments[:, 0] < 1.0 / _TINY))
        if poor.any():  # very many items, or no usable cavity: take the largest exponent out first
            again = coefficients[poor] @ exponent_basis + loglik[c, poor]
            top = again.max(axis=1)
            weights[poor] = np.exp(again - top[:, None])
            moments[poor] = weights[poor] @ moment_basis
            peak[poor] += top
        total = moments[:, 0]
        totals[c] = total
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
        with np.errstate(invalid="ignore", divide="ignore"):
            p, s = cavity_precision + tau[c], cavity_shift + nu[c]
            log_sites[c] = peak + np.log(total * spacing) - 0.5 * (s**2 / p - np.log(p) + np.log(2 * np.pi))
        _multiply_site(mean, cov, log_global, c, step_tau, step_nu)
    return moved


def _multiply_site(mean: Array, cov: Array, log_integral: Array, c: int, step_tau: Array, step_nu: Array) -> None:
    """Multiply Gaussians by exp(-½ Δτ θ_c² + Δν θ_c): a rank-one change, and the log of the normaliser."""
    variance, at = cov[c, c].copy(), mean[c].copy()
    with np.errstate(invalid="ignore", divide="ignore"):
        denominator = 1.0 + step_tau * variance
        log_integral += (step_nu * at - 0.5 * step_tau * at**2 + 0.5 * step_nu**2 * variance) / denominator
        log_integral -= 0.5 * np.log(denominator)
        column = cov[:, c].copy()
        mean += column * ((step_nu - step_tau * at) / denominator)
        cov -= column[:, None] * (column * (step_tau / denominator))[None]


def _add_sites(prior_mean: Array, prior_covariance: Array, tau: Array, nu: Array) -> tuple[Array, Array, Array]:
    """Gaussian prior times sites: mean, covariance, log of the integral; NaN where the product is no Gaussian."""
    mean, cov = prior_mean.copy(), prior_covariance.copy()
    log_integral = np.zeros(tau.shape[1])
    for c in range(tau.shape[0]):
        _multiply_site(mean, cov, log_integral, c, tau[c], nu[c])
    return mean, cov, log_integral
