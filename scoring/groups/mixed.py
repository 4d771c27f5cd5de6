"""One step of the latent regression on Gaussian sites: a linear mixed model of C abilities.

    θ_i = Γ'x_i + u_school(i) + e_i,    u ~ N(0, T),    e_i ~ N(0, Σ_district(i))

Given sites (precision P_i, shift h_i) every sum the model needs is a sum over cells of V_i h_i and V_i Σ⁻¹, where
V_i = (P_i + Σ⁻¹)⁻¹ is the posterior covariance of θ_i. Coefficients are generalised least squares with the school
effects integrated out; covariance matrices take Fisher-scoring steps in coordinates that keep them positive definite,
Σ ← L exp(E) L', Σ = L L'. School covariances use the restricted likelihood (Patterson & Thompson 1971), since a
handful of schools has few degrees of freedom to lose.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from scoring.groups.chunks import over_chunks
from scoring.groups.design import Design
from scoring.groups.sites import Sites

Array = NDArray[np.float64]

#: Students worked on at a time.
CHUNK = 1024
#: Schools worked on at a time.
SCHOOLS = 8
#: Weight, in schools, and size, as a share of the residual variance, of the prior that keeps T off the boundary.
SCHOOL_PRIOR_WEIGHT, SCHOOL_PRIOR_SHARE = 2.0, 0.05
#: Below this many students in a district the residual correlations are common, the SDs free (docs/methods/profile.md).
FREE_CORRELATIONS_FROM = 500


@dataclass(frozen=True)
class Population:
    """Parameters: gamma (K, C), sigma (D, C, C) residual covariances, tau (C, C) covariance of school effects."""

    gamma: Array
    sigma: Array
    tau: Array


@dataclass(frozen=True)
class Sums:
    """What the data say about coefficients and school effects, given sigma and tau.

    Attributes:
        covariance: (N, C, C) V_i, posterior covariance of θ_i given its expectation.
        sites: the sites.
        information: (M, C, C) of each cell about its expectation.
        shift: (M, C) of each cell.
        school_gain: (S, C, C) covariance K_s of a school effect, given the coefficients.
        school_map: (S, C, CK) Z_s; û_s = K_s (shift_s - Z_s γ), γ ordered concept by concept.
        school_shift: (S, C).
        normal: (S, CK, CK) contribution of each school to the normal equations of γ.
        right: (S, CK).
    """

    covariance: Array
    sites: Sites
    information: Array
    shift: Array
    school_gain: Array
    school_map: Array
    school_shift: Array
    normal: Array
    right: Array

    @property
    def pull(self) -> Array:
        """(N, C, C) B_i = V_i Σ⁻¹ = I - V_i P_i: how a posterior mean moves with its expectation."""
        out = -self.covariance * self.sites.precision[:, None, :]
        out += np.eye(out.shape[1])
        return out

    def coefficients(self, without: int | None = None) -> tuple[Array, Array]:
        """γ (CK,) and its covariance, of all schools or without one."""
        normal, right = self.normal.sum(axis=0), self.right.sum(axis=0)
        if without is not None:
            normal, right = normal - self.normal[without], right - self.right[without]
        covariance = np.linalg.pinv(normal, hermitian=True)
        return covariance @ right, covariance

    def school_effects(self, gamma: Array) -> Array:
        """û (S, C) given γ (CK,)."""
        return np.einsum("sab,sb->sa", self.school_gain, self.school_shift - self.school_map @ gamma)


def collect(design: Design, sites: Sites, population: Population, workspace: Array | None = None) -> Sums:
    """All sums of one pass over the students (who are in the design's order).

    Args:
        workspace: (C, C, N) array for the posterior covariances of the result; without it a new one is made.
    """
    n_concepts = population.tau.shape[0]
    inverse = np.linalg.inv(population.sigma)
    covariance, turned, answer = _posteriors(design, sites, population, workspace)
    cell_inverse = inverse[design.school_district[design.cell_school]]
    information = cell_inverse @ turned
    information = (information + information.transpose(0, 2, 1)) / 2
    shift = np.einsum("mab,mb->ma", cell_inverse, answer)
    school_information = np.add.reduceat(information, design.school_first_cell, axis=0)
    school_shift = np.add.reduceat(shift, design.school_first_cell, axis=0)
    school_gain = np.linalg.inv(np.linalg.inv(population.tau) + school_information)
    n_schools, k = design.school_size.size, design.x.shape[1]
    school_map = np.empty((n_schools, n_concepts, n_concepts * k))
    normal = np.empty((n_schools, n_concepts * k, n_concepts * k))
    right = np.empty((n_schools, n_concepts * k))
    for s in range(n_schools):
        cells = design.school_cells(s)
        x = design.x[design.cell_pattern[cells]]
        w = information[cells].reshape(len(x), -1).T  # (CC, cells): the sums over cells are matrix products
        school_map[s] = (w @ x).reshape(n_concepts, -1)
        pairs = (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)
        full = (w @ pairs).reshape(n_concepts, n_concepts, k, k).transpose(0, 2, 1, 3).reshape(n_concepts * k, -1)
        back = school_map[s].T @ school_gain[s]
        normal[s] = full - back @ school_map[s]
        right[s] = (shift[cells].T @ x).reshape(-1) - back @ school_shift[s]
    return Sums(
        covariance.transpose(2, 0, 1),
        sites,
        information,
        shift,
        school_gain,
        school_map,
        school_shift,
        normal,
        right,
    )


def _posteriors(
    design: Design, sites: Sites, population: Population, workspace: Array | None
) -> tuple[Array, Array, Array]:
    """V_i (C, C, N), and the weighted sums over each cell of V_i P_i (M, C, C) and V_i h_i (M, C).

    Students come last, so that each operation is one long loop. V_i comes from Σ by one change of rank one per
    concept, V ← V - v v' p/(1 + p v_c) (Sherman & Morrison 1950).
    """
    n, c = sites.precision.shape
    covariance = np.empty((c, c, n)) if workspace is None else workspace
    sigma = np.ascontiguousarray(population.sigma.transpose(1, 2, 0))

    def fill(r: slice) -> tuple[slice, Array, Array]:
        v = np.take(sigma, design.district[r], axis=2)
        precision, shift = sites.precision[r].T.copy(), sites.shift[r].T.copy()
        for k in range(c):
            column = v[:, k].copy()
            v -= column[:, None] * (column * (precision[k] / (1.0 + precision[k] * column[k])))
        covariance[:, :, r] = v
        first = int(np.searchsorted(design.cell_start, r.start, side="right")) - 1
        last = int(np.searchsorted(design.cell_start, r.stop, side="left"))
        starts = np.maximum(design.cell_start[first:last] - r.start, 0)
        if design.weight is not None:
            shift *= design.weight[r]
            precision *= design.weight[r]
        answer = np.add.reduceat((v * shift).sum(axis=1), starts, axis=1)
        v *= precision
        return slice(first, last), np.add.reduceat(v, starts, axis=2), answer

    turned = np.zeros((c, c, design.cell_start.size))
    answers = np.zeros((c, design.cell_start.size))
    for cells, part, answer in over_chunks(fill, n, CHUNK):
        turned[:, :, cells] += part
        answers[:, cells] += answer
    return covariance, turned.transpose(2, 0, 1), answers.T


def posterior_means(sums: Sums, eta: Array) -> Array:
    """(N, C) V_i h_i + B_i η_i = η_i + V_i (h_i - P_i η_i)."""
    out = np.empty(eta.shape)

    def fill(r: slice) -> None:
        force = (sums.sites.shift[r] - sums.sites.precision[r] * eta[r]).T
        out[r] = eta[r] + (sums.covariance[r].transpose(1, 2, 0) * force).sum(axis=1).T

    over_chunks(fill, len(eta), CHUNK)
    return out


def expectations(design: Design, gamma: Array, effects: Array) -> Array:
    """(N, C) Γ'x_i + û_school, γ as (CK,)."""
    fixed = design.x @ gamma.reshape(effects.shape[1], -1).T
    return np.asarray(fixed[design.pattern] + effects[design.school])


@dataclass(frozen=True)
class CovarianceScores:
    """Scores and information of sigma and tau, in the coordinates E of Σ ← L exp(E) L'.

    Attributes:
        residual: (N, C) Σ⁻¹(m_i - η_i), the scaled residual of each student.
        sigma_score: (S, C, C) each school's score of its district's sigma.
        sigma_information: (S, C², C²) each school's information (operator on vec E).
        tau_score: (C, C), prior included.
        tau_information: (C², C²), prior included.
    """

    residual: Array
    sigma_score: Array
    sigma_information: Array
    tau_score: Array
    tau_information: Array


def covariance_scores(
    design: Design, sums: Sums, population: Population, eta: Array, effects: Array, gamma_covariance: Array
) -> CovarianceScores:
    """Derivatives of the log-likelihood in the covariance matrices, school by school."""
    c = population.tau.shape[0]
    inverse = np.linalg.inv(population.sigma)
    root = np.linalg.cholesky(population.sigma)
    residual = posterior_means(sums, eta) - eta
    for d in range(design.n_districts):
        mine = design.district == d
        residual[mine] = residual[mine] @ inverse[d]
    n_schools = design.school_size.size
    score = np.empty((n_schools, c, c))
    info = np.empty((n_schools, c * c, c * c))
    flat = sums.covariance.transpose(1, 2, 0).reshape(c * c, -1)
    eye = np.eye(c)
    lefts = np.linalg.inv(root)
    standard = [np.kron(left, left) for left in lefts]

    def fill(schools: slice) -> None:
        for s in range(schools.start, schools.stop):
            rows, d = design.school_rows(s), int(design.school_district[s])
            # L' W_i L with W_i = Σ⁻¹ - Σ⁻¹ V_i Σ⁻¹: identity minus the posterior covariance in standard units
            left = lefts[d]
            m = eye.reshape(-1, 1) - standard[d] @ flat[:, rows]
            w = 1.0 if design.weight is None else design.weight[rows]
            info[s] = ((m * w) @ m.T).reshape(c, c, c, c).transpose(0, 2, 1, 3).reshape(c * c, c * c)
            q = residual[rows] @ root[d]
            spread = left @ sums.school_gain[s] @ left.T
            from_school = (info[s] @ spread.reshape(-1)).reshape(c, c)
            score[s] = 0.5 * ((q.T * w) @ q + from_school - (m * w).sum(axis=1).reshape(c, c))

    over_chunks(fill, n_schools, SCHOOLS)
    info *= 0.5
    return CovarianceScores(residual, score, info, *_tau_scores(sums, population, effects, gamma_covariance))


def _tau_scores(sums: Sums, population: Population, effects: Array, gamma_covariance: Array) -> tuple[Array, Array]:
    c, n_schools = population.tau.shape[0], effects.shape[0]
    root = np.linalg.cholesky(population.tau)
    left = np.linalg.inv(root)
    gain = left @ sums.school_gain  # (S, C, C)
    through = gain @ sums.school_map
    m = np.eye(c) - gain @ left.T
    z = effects @ left.T
    score = 0.5 * (z.T @ z + (through @ gamma_covariance @ through.transpose(0, 2, 1) - m).sum(axis=0))
    flat = m.reshape(n_schools, -1)  # Σ m ⊗ m
    info = 0.5 * (flat.T @ flat).reshape(c, c, c, c).transpose(0, 2, 1, 3).reshape(c * c, c * c)
    # a weak inverse-Wishart prior: as if a few schools had been seen with this spread
    guess = SCHOOL_PRIOR_SHARE * np.diag(population.sigma.mean(axis=0).diagonal())
    pull = left @ guess @ left.T
    score += SCHOOL_PRIOR_WEIGHT / 2 * (pull - np.eye(c))
    # its observed curvature: the expected one is too small far below the guess, and the steps would overshoot
    info += SCHOOL_PRIOR_WEIGHT / 4 * (np.kron(pull, np.eye(c)) + np.kron(np.eye(c), pull))
    return score, info


def solve_step(score: Array, information: Array, largest: float = 0.7) -> Array:
    """Symmetric E with information·vec(E) = vec(score), shortened to a spectral norm of at most `largest`."""
    c = score.shape[0]
    ridge = 1e-10 * np.trace(information) / information.shape[0]
    e = np.linalg.solve(information + ridge * np.eye(c * c), score.reshape(-1)).reshape(c, c)
    e = (e + e.T) / 2
    size = float(np.abs(np.linalg.eigvalsh(e)).max())
    return e * min(1.0, largest / size) if size > 0 else e


def moved(covariance: Array, e: Array) -> Array:
    """L exp(E) L' for covariance = L L'."""
    root = np.linalg.cholesky(covariance)
    out = root @ expm(e) @ root.T
    return np.asarray((out + out.T) / 2)
