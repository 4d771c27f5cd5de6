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
    n_concepts, n, n_nodes = loglik.shape
    prior_mean = np.broadcast_to(prior_mean, (n_concepts, n))
    whole = _State(
        *_prior_state(prior_mean, prior_covariance),
        precision.copy(),
        shift.copy(),
        np.empty((n_concepts, 3, n)),
        np.ones((n_concepts, n)),
        np.empty((n_concepts, n, n_nodes)),
    )
    _add_sites(whole)
    broken = ~(whole.shrinkage > 0)
    if broken.any():  # warm sites of negative precision that a new prior cannot carry: start these students afresh
        tau, nu = whole.tau, whole.nu
        tau[:, broken], nu[:, broken] = 0.0, 0.0
        whole = _State(*_prior_state(prior_mean, prior_covariance), tau, nu, whole.cavity, whole.totals, whole.tilted)
        _add_sites(whole)
    converged = np.zeros(n, dtype=bool)
    rows = np.arange(n)
    # each student stops at the first visit that moves no site further than the tolerance, whoever else is in the
    # block: results do not depend on how students are put into blocks. Who has stopped is carried along unchanged
    # until most have, since moving the others together costs as much as a visit.
    part, part_loglik, moving = whole, loglik, np.ones(n, dtype=bool)
    sweeps = 0
    while True:
        moved = _sweep(part_loglik, nodes, part, None if moving.all() else moving)
        sweeps += 1
        settled = moving & (moved <= tolerance)
        converged[rows[settled]] = True
        moving &= ~settled
        left = int(np.count_nonzero(moving))
        if left == 0 or sweeps >= max_sweeps:
            break
        if left < 0.4 * rows.size:
            if part is not whole:
                whole.put(rows, part)
            kept = np.flatnonzero(moving)
            part, part_loglik, rows = part.take(kept), part_loglik[:, kept], rows[kept]
            moving = np.ones(kept.size, dtype=bool)
    if part is not whole:
        whole.put(rows, part)
    np.multiply(whole.tilted, (1.0 / whole.totals)[:, :, None], out=whole.tilted)
    evidence = _evidence(whole, prior_mean, prior_covariance, nodes[1] - nodes[0])
    return SiteBlock(
        whole.mean,
        whole.covariance,
        whole.tau,
        whole.nu,
        whole.tilted,
        evidence,
        converged & np.isfinite(evidence),
        sweeps,
    )


@dataclass(frozen=True)
class _State:
    """Where n students' iterations stand; every array is changed in place.

    Attributes:
        mean, covariance: (C, n), (C, C, n) of the Gaussian.
        shrinkage: (n,) |prior covariance| / |covariance|; NaN where a product was no Gaussian.
        tau, nu: (C, n) sites.
        cavity: (C, 3, n) precision, shift and minus the peak of the exponent of the cavity last used.
        totals: (C, n) sums of the weights.
        tilted: (C, n, Q) weights of the nodes, not normalised.
    """

    mean: Array
    covariance: Array
    shrinkage: Array
    tau: Array
    nu: Array
    cavity: Array
    totals: Array
    tilted: Array

    def take(self, kept: NDArray[np.int64]) -> "_State":
        """These students alone."""
        return _State(
            self.mean[:, kept],
            self.covariance[:, :, kept],
            self.shrinkage[kept],
            self.tau[:, kept],
            self.nu[:, kept],
            self.cavity[:, :, kept],
            self.totals[:, kept],
            np.empty((len(self.tilted), kept.size, self.tilted.shape[2])),
        )

    def put(self, rows: NDArray[np.int64], part: "_State") -> None:
        """Put students back where they were taken from."""
        self.mean[:, rows], self.covariance[:, :, rows] = part.mean, part.covariance
        self.shrinkage[rows], self.totals[:, rows] = part.shrinkage, part.totals
        self.tau[:, rows], self.nu[:, rows] = part.tau, part.nu
        self.cavity[:, :, rows], self.tilted[:, rows] = part.cavity, part.tilted


def _prior_state(mean: Array, covariance: Array) -> tuple[Array, Array, Array]:
    n = mean.shape[1]
    return mean.copy(), np.broadcast_to(covariance, (*covariance.shape[:2], n)).copy(), np.ones(n)


def _sweep(loglik: Array, nodes: Array, state: _State, moving: NDArray[np.bool_] | None) -> Array:
    """Visit every site once; (n,) the largest change of a site.

    Args:
        moving: (n,) whose sites may change, None for everybody's.
    """
    spacing = nodes[1] - nodes[0]
    exponent_basis = np.stack([-0.5 * nodes**2, nodes, np.ones_like(nodes)])
    moment_basis = np.stack([np.ones_like(nodes), nodes, nodes**2])
    moved = np.zeros(loglik.shape[1])
    for c in range(loglik.shape[0]):
        tau, nu, cavity, weights = state.tau[c], state.nu[c], state.cavity[c], state.tilted[c]
        inverse = 1.0 / state.covariance[c, c]
        pull = state.mean[c] * inverse
        held = None if moving is None else (cavity.copy(), ~moving)
        precision = np.subtract(inverse, tau, out=cavity[0])
        shift = np.subtract(pull, nu, out=cavity[1])
        # the cavity's own peak is taken out, so that its part of the exponent is never positive
        peak = np.multiply(shift, shift, out=cavity[2])
        usable = None
        if precision.min() > _SMALLEST_PRECISION:
            peak /= precision
        else:
            usable = precision > _SMALLEST_PRECISION
            peak[:] = np.where(usable, peak / np.where(usable, precision, 1.0), 0.0)
        peak *= -0.5
        if held is not None:
            np.copyto(cavity, held[0], where=held[1])
        np.matmul(cavity.T, exponent_basis, out=weights)
        weights += loglik[c]
        np.exp(weights, out=weights)
        total, first, second = moments = moment_basis @ weights.T
        if not (total.min() > _TINY and total.max() < 1.0 / _TINY):
            # very many items, or no usable cavity: take the largest exponent out first
            poor = np.flatnonzero(~((total > _TINY) & (total < 1.0 / _TINY)))
            again = cavity[:, poor].T @ exponent_basis + loglik[c, poor]
            top = again.max(axis=1)
            weights[poor] = np.exp(again - top[:, None])
            moments[:, poor] = moment_basis @ weights[poor].T
            cavity[2, poor] -= top
        state.totals[c] = total
        first /= total
        second /= total
        second -= first * first
        # a posterior far narrower than the grid would have variance 0 on it
        tilted_inverse = 1.0 / np.maximum(second, 1e-4 * spacing**2, out=second)
        step_tau = tilted_inverse - inverse
        first *= tilted_inverse
        step_nu = np.subtract(first, pull, out=first)
        if usable is not None:
            step_tau[~usable], step_nu[~usable] = np.inf, np.inf
        np.maximum(moved, np.abs(step_tau), out=moved)
        np.maximum(moved, np.abs(step_nu), out=moved)
        if usable is not None:
            step_tau[~usable], step_nu[~usable] = 0.0, 0.0
        if held is not None:
            step_tau[held[1]], step_nu[held[1]] = 0.0, 0.0
        new = tau + step_tau
        if new.min() < 0.0:
            length = np.where(new < 0.0, _DAMPING, 1.0)
            step_tau *= length
            step_nu *= length
            new = tau + step_tau
        tau[:] = new
        nu += step_nu
        _multiply_site(state, c, step_tau, step_nu)
    return moved


def _multiply_site(state: _State, c: int, step_tau: Array, step_nu: Array) -> None:
    """Multiply the Gaussians by exp(-½ Δτ θ_c² + Δν θ_c): a rank-one change of each covariance."""
    mean, covariance, shrinkage = state.mean, state.covariance, state.shrinkage
    column = covariance[:, c].copy()
    denominator = step_tau * column[c]
    denominator += 1.0
    if not denominator.min() > 0.0:
        denominator[~(denominator > 0.0)] = np.nan
    shrinkage *= denominator
    rate = step_tau / denominator
    mean += column * (step_nu / denominator - rate * mean[c])
    covariance -= column[:, None] * (column * rate)


def _add_sites(state: _State) -> None:
    """Multiply the prior by all sites."""
    for c in range(len(state.tau)):
        _multiply_site(state, c, state.tau[c], state.nu[c])


def _evidence(state: _State, prior_mean: Array, prior_covariance: Array, spacing: float) -> Array:
    """(n,) log of ∫ prior × sites, plus every site's own factor, from the last visit of each."""
    inverse = np.linalg.inv(prior_covariance.transpose(2, 0, 1)).transpose(1, 2, 0)
    pull = np.einsum("abn,bn->an", inverse, prior_mean)
    with np.errstate(invalid="ignore", divide="ignore"):
        p, s = state.cavity[:, 0] + state.tau, state.cavity[:, 1] + state.nu
        sites = (
            np.log(state.totals * (spacing / np.sqrt(2 * np.pi))) - state.cavity[:, 2] - 0.5 * (s * s / p - np.log(p))
        )
        whole = ((pull + state.nu) * state.mean - pull * prior_mean).sum(axis=0) - np.log(state.shrinkage)
    return np.asarray(sites.sum(axis=0) + 0.5 * whole)
