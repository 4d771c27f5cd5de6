"""Group estimates from plausible values, and what they would have been without one school.

The latent regression is re-estimated in each replicate: coefficients and school effects exactly (they are linear in
sums that are kept by school), residual covariances by one Newton step with the school's own information removed.
Draws then move with the parameters, to first order. A jackknife that keeps the regression fixed pretends that what a
short test borrows from the population is known, and its intervals are too narrow.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from scoring.groups.latent import LatentRegression
from scoring.groups.mixed import solve_step
from scoring.groups.sites import tilted_above
from scoring.irt.distinct import distinct_numbers, distinct_rows_of

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class ParameterShifts:
    """How the population model changes without each school.

    Attributes:
        gamma: (S, CK) change of the coefficients.
        sigma: (S, D, C, C) change of the residual covariances.
        follow: (S, C, CK) change of a school's effect per unit of γ: -K_s Z_s.
    """

    gamma: Array
    sigma: Array
    follow: Array


@dataclass(frozen=True)
class Replicates:
    """Estimates of G groups, C concepts and K statistics.

    Statistics are: mean, mean square, then the share at or above each cut.

    Attributes:
        estimate: (G, C, K) averages over all plausible values.
        draws: (M, G, C, K) the same from each draw.
        without: (S, G, C, K) without each school; NaN where nobody is left.
        students: (G,) number of students (unweighted).
        schools: (G,) number of schools with students of the group.
        school_district: (S,) district of each school.
        school_in_group: (S, G) number of the group's students in the school.
    """

    estimate: Array
    draws: Array
    without: Array
    students: Ints
    schools: Ints
    school_district: Ints
    school_in_group: Ints


def parameter_shifts(regression: LatentRegression) -> ParameterShifts:
    """Re-estimate the population model without each school in turn."""
    design, sums, scores = regression.design, regression.sums, regression.scores
    n_schools = design.school_size.size
    c = regression.mean.shape[1]
    full, _ = sums.coefficients()
    gamma = np.stack([sums.coefficients(without=s)[0] - full for s in range(n_schools)])
    sigma = np.zeros((n_schools, design.n_districts, c, c))
    for d in range(design.n_districts):
        mine = np.flatnonzero(design.school_district == d)
        if mine.size < 2:
            continue
        root = np.linalg.cholesky(regression.population.sigma[d])
        total = scores.sigma_information[mine].sum(axis=0)
        for s in mine:
            e = solve_step(-scores.sigma_score[s], total - scores.sigma_information[s])
            sigma[s, d] = root @ e @ root.T
    follow = -np.matmul(sums.school_gain, sums.school_map)
    return ParameterShifts(gamma, sigma, follow)


def replicate(
    regression: LatentRegression,
    shifts: ParameterShifts,
    values: NDArray[np.float32],
    member: NDArray[np.bool_],
    cuts: Array,
    weights: Array | None = None,
) -> Replicates:
    """Estimates of groups and their delete-one-school replicates.

    Args:
        regression: fitted latent regression.
        shifts: its re-estimates, from `parameter_shifts`.
        values: (N, M, C) plausible values in the caller's order.
        member: (N, G) who belongs to which group, in the caller's order; groups may overlap.
        cuts: (C, L) cuts per concept; NaN gives NaN.
        weights: (N,) case weights in the caller's order.
    """
    design = regression.design
    n, m, c = values.shape
    length = cuts.shape[1]
    k = 2 + length
    member = member[design.order]
    w = np.ones(n) if weights is None else np.asarray(weights, dtype=float)[design.order]
    n_schools = design.school_size.size
    one, kind = distinct_rows_of(member)  # groups may overlap, kinds of students do not
    kinds = member[one]
    block = design.school * len(kinds) + kind
    gather = csr_array((w, (block, np.arange(n))), shape=(n_schools * len(kinds), n))
    to_groups = kinds.astype(float).T  # (G, kinds)

    draws_sum = np.empty((m, n_schools, len(kinds), c, k))
    for i in range(m):
        draws_sum[i] = _draw_sums(values[:, i][design.order].astype(float), gather, cuts).reshape(
            n_schools, len(kinds), c, k
        )
    school_sum = np.einsum("gt,stck->sgck", to_groups, draws_sum.mean(axis=0))
    weight = (gather @ np.ones(n)).reshape(n_schools, -1) @ to_groups.T  # (S, G)
    count = np.bincount(block, minlength=n_schools * len(kinds)).reshape(n_schools, -1) @ kinds.astype(np.int64)
    total_weight = weight.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        estimate = school_sum.sum(axis=0) / total_weight[:, None, None]
        by_draw = np.einsum("gt,mtck->mgck", to_groups, draws_sum.sum(axis=1)) / total_weight[:, None, None]
    moved = _movement(regression, shifts, kinds, kind, cuts, w)  # (S, G, C, K)
    left_weight = total_weight - weight
    with np.errstate(invalid="ignore", divide="ignore"):
        without = (school_sum.sum(axis=0) - school_sum + moved) / left_weight[:, :, None, None]
    without[left_weight <= 0] = np.nan
    return Replicates(
        estimate=estimate,
        draws=by_draw,
        without=without,
        students=count.sum(axis=0),
        schools=(count > 0).sum(axis=0),
        school_district=design.school_district,
        school_in_group=count,
    )


def _draw_sums(theta: Array, gather: csr_array, cuts: Array) -> Array:
    """(S·T, C, K) sums of θ, θ² and θ >= cut of one draw, (N, C)."""
    parts = [gather @ theta, gather @ (theta * theta)]
    for j in range(cuts.shape[1]):
        above = gather @ (theta >= cuts[:, j]).astype(float)
        parts.append(np.where(np.isnan(cuts[:, j]), np.nan, above))
    return np.stack(parts, axis=-1)


def _movement(
    regression: LatentRegression,
    shifts: ParameterShifts,
    kinds: NDArray[np.bool_],
    kind: Ints,
    cuts: Array,
    w: Array,
) -> Array:
    """(S, G, C, K): change of the sum over the remaining schools' students that the re-estimated model brings."""
    design, pull = regression.design, regression.sums.pull
    n, c = regression.mean.shape
    k = 2 + cuts.shape[1]
    n_schools, n_x = design.school_size.size, design.x.shape[1]
    types = len(kinds)
    by_mean, by_variance = _sensitivities(regression.mean, regression.variance, cuts)  # (N, C, K) each
    # finer cells: school x pattern x kind, so that x is constant inside
    cell = (design.school * design.x.shape[0] + design.pattern) * types + kind
    codes, place = distinct_numbers(cell)
    spread = csr_array((w, (place, np.arange(n))), shape=(codes.size, n))
    cell_school = codes // (design.x.shape[0] * types)
    cell_x = design.x[(codes // types) % design.x.shape[0]]
    cell_kind = codes % types
    slope = np.empty((codes.size, c, k, c))
    for j in range(c):
        for s in range(k):
            slope[:, j, s] = spread @ (by_mean[:, j, s, None] * pull[:, j])
    # derivative of each block's sum in γ: through the expectation, and through the school's effect that follows
    out = np.zeros((n_schools, types, c, k))
    change_eta = np.einsum("sak,mk->sma", shifts.gamma.reshape(n_schools, c, n_x), cell_x, optimize=True)
    follow = np.einsum("rak,sk->sra", shifts.follow, shifts.gamma, optimize=True)  # (deleted, school, C)
    onto = csr_array((np.ones(codes.size), (cell_kind, np.arange(codes.size))), shape=(types, codes.size))
    flat = slope.reshape(codes.size, c * k, c)
    for s in range(n_schools):
        eta = change_eta[s] + follow[s][cell_school]
        eta[cell_school == s] = 0.0
        out[s] = (onto @ np.einsum("mqa,ma->mq", flat, eta)).reshape(types, c, k)
    out += _covariance_movement(regression, shifts, kind, types, by_mean, by_variance, w)
    return np.asarray(np.einsum("gt,stck->sgck", kinds.astype(float).T, out))


def _covariance_movement(
    regression: LatentRegression,
    shifts: ParameterShifts,
    kind: Ints,
    types: int,
    by_mean: Array,
    by_variance: Array,
    w: Array,
) -> Array:
    """(S, T, C, K): change of sums through the residual covariances.

    dΣ moves a posterior mean by B dΣ q and a posterior covariance by B dΣ B', with q the scaled residual. The sum over
    everybody is used for each replicate, less the deleted school's share of students.
    """
    design, pull, residual = regression.design, regression.sums.pull, regression.scores.residual
    c, k = by_mean.shape[1:]
    out = np.zeros((design.school_size.size, types, c, k))
    for d in range(design.n_districts):
        schools = np.flatnonzero(design.school_district == d)
        for t in range(types):
            rows = np.flatnonzero((design.district == d) & (kind == t))
            if not rows.size:
                continue
            inside = np.bincount(design.school[rows], weights=w[rows], minlength=design.school_size.size)
            left = 1.0 - inside[schools] / inside.sum()
            change = shifts.sigma[schools, d].reshape(schools.size, c * c)
            q, weight = residual[rows], w[rows]
            for j in range(c):
                b = pull[rows, j]
                total = np.zeros((k, c, c))
                for m in range(k):
                    total[m] = ((weight * by_mean[rows, j, m])[:, None] * b).T @ q
                    if m:  # the mean of θ does not move with its variance
                        total[m] += ((weight * by_variance[rows, j, m])[:, None] * b).T @ b
                out[schools, t, j] += left[:, None] * (change @ total.reshape(k, c * c).T)
    return out


def _sensitivities(mean: Array, variance: Array, cuts: Array) -> tuple[Array, Array]:
    """Derivatives of a student's expected θ, θ² and θ >= cut in posterior mean and variance, each (N, C, K)."""
    n, c = mean.shape
    k = 2 + cuts.shape[1]
    by_mean = np.zeros((n, c, k))
    by_variance = np.zeros((n, c, k))
    by_mean[:, :, 0] = 1.0
    by_mean[:, :, 1] = 2.0 * mean
    by_variance[:, :, 1] = 1.0
    sd = np.sqrt(variance)
    for j in range(cuts.shape[1]):
        z = (mean - cuts[:, j]) / sd
        density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
        by_mean[:, :, 2 + j] = density / sd
        by_variance[:, :, 2 + j] = -density * z / (2 * variance)
    return np.nan_to_num(by_mean), np.nan_to_num(by_variance)


def regression_rates(
    regression: LatentRegression, member: NDArray[np.bool_], cuts: Array, weights: Array | None = None
) -> tuple[Array, Array]:
    """The latent-regression estimate beside the plausible values: means (G, C) and shares at L cuts (G, C, L).

    Averages of posterior means and of the tilted marginals' probabilities under the groups' own population model.

    Args:
        member: (N, G), in the caller's order.
        cuts: (C, L).
        weights: (N,) case weights in the caller's order.
    """
    inside = member[regression.design.order].astype(float)
    if weights is not None:
        inside *= np.asarray(weights, dtype=float)[regression.design.order, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        inside = inside / inside.sum(axis=0)
    rates = np.empty((member.shape[1], *cuts.shape))
    for i in range(cuts.shape[1]):
        above = tilted_above(regression.evidence, regression.mean, regression.variance, regression.sites, cuts[:, i])
        rates[:, :, i] = inside.T @ above
    return inside.T @ regression.mean, rates
