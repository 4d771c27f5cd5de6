"""Latent regression of abilities on reported variables and schools, fitted by alternating sites and mixed model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.groups.design import Design, build_design
from scoring.groups.mixed import (
    FREE_CORRELATIONS_FROM,
    SCHOOL_PRIOR_SHARE,
    CovarianceScores,
    Population,
    Sums,
    collect,
    covariance_scores,
    expectations,
    moved,
    posterior_means,
    solve_step,
)
from scoring.groups.sites import Evidence, Sites, no_sites, sweep
from scoring.irt.errors import DesignError, NotConverged

Array = NDArray[np.float64]

#: A few hundred students with concepts that are nearly one creep along the edge: some need 200 passes, of milliseconds.
MOST_PASSES = 600
#: Of a district's residual correlations; below, they are held here (see `inside`).
SMALLEST_EIGENVALUE = 0.01
#: Number of students beyond which a sample gives the start, its step and its tolerance.
_LARGE, _EVERY, _ROUGH = 20_000, 8, 1e-3
#: Largest change of a pass at which the way to the fixed point may be steady.
_STEADY = 0.1


@dataclass(frozen=True)
class LatentRegression:
    """θ_i = Γ'x_i + u_school + e_i at its maximum, students in the order of the design.

    Attributes:
        design: patterns, schools and districts.
        evidence: likelihoods the fit used, in the design's order.
        population: gamma (K, C), sigma (D, C, C), tau (C, C).
        gamma_covariance: (CK, CK), concept by concept, given sigma and tau.
        effects: (S, C) school effects, shrunken.
        sites: Gaussian sites of the students.
        eta: (N, C) expectations.
        mean: (N, C) posterior means.
        sums: sums over cells and schools.
        scores: scores and information of the covariances.
        iterations: passes over the data.
        change: largest standardised change in the last pass.
    """

    design: Design
    evidence: Evidence
    population: Population
    gamma_covariance: Array
    effects: Array
    sites: Sites
    eta: Array
    mean: Array
    sums: Sums
    scores: CovarianceScores
    iterations: int
    change: float

    @property
    def variance(self) -> Array:
        """(N, C) posterior variances given the expectation."""
        return np.einsum("ncc->nc", self.sums.covariance)


def fit(
    ev: Evidence,
    design: Design,
    start: Array | None = None,
    sites: Sites | None = None,
    tolerance: float = 1e-5,
    max_passes: int = MOST_PASSES,
) -> LatentRegression:
    """Fit the latent regression.

    Args:
        ev: evidence of N students on C concepts, in the design's order.
        design: patterns, schools, districts.
        start: (C, C) residual covariance to start from, default unit variances with correlations .6.
        sites: sites to start from, for example of an earlier profile.
        tolerance: largest change of a coefficient (in residual SDs), of a relative (co)variance and of a tilted mean
            (in posterior SDs) at which the fit has converged.
        max_passes: limit.

    Raises:
        DesignError: nobody of a district answered an item of a concept.
        NotConverged: the limit was reached, or a covariance ran away (a district of a handful of students).
    """
    try:
        return _fit(ev, design, start, sites, tolerance, max_passes)
    except np.linalg.LinAlgError:
        fewest = int(np.bincount(design.district, minlength=design.n_districts).min())
        raise NotConverged(
            "latent-regression",
            "The latent regression found no maximum: the spread of a district ran away.",
            f"The smallest district has {fewest} students: leave out a district of a handful, or condition on fewer "
            "variables.",
        ) from None


def _fit(
    ev: Evidence, design: Design, start: Array | None, sites: Sites | None, tolerance: float, max_passes: int
) -> LatentRegression:
    n, c = ev.log_likelihood.shape[:2]
    d = design.n_districts
    for k in range(d):
        empty = np.flatnonzero(~np.any(ev.answered[design.district == k] > 0, axis=0))
        if empty.size:
            raise DesignError(
                "no-evidence",
                f"District number {k + 1} has no answers on {empty.size} of {c} concepts.",
                "Leave these concepts out of the comparison.",
            )
    if start is None:
        start = 0.4 * np.eye(c) + 0.6
    unknown = Population(np.zeros((design.x.shape[1], c)), np.repeat(start[None], d, axis=0), 0.1 * start)
    population = _from_sample(ev, design, start, unknown) if n > _LARGE else unknown
    # what a sample has found is near: sites settle at once, and schools can be told apart two passes earlier
    patient = 4 if population is unknown else 2
    eta = (design.x @ population.gamma)[design.pattern]
    sites = no_sites(ev) if sites is None else sites
    workspace = np.empty((c, c, n))
    change, pace, last = np.inf, 1.0, np.zeros((c, c))
    ahead = _Extrapolation()
    for iteration in range(1, max_passes + 1):
        sums = collect(design, sites, population, workspace)
        if iteration > 1:
            gamma, gamma_covariance = sums.coefficients()
            effects = sums.school_effects(gamma)
            new_eta = expectations(design, gamma, effects)
            scores = covariance_scores(design, sums, population, new_eta, effects, gamma_covariance)
            change = float(np.abs(new_eta - eta).max() / np.sqrt(start.diagonal().max()))
            eta = new_eta
        mean = posterior_means(sums, eta)
        variance = np.einsum("ncc->nc", sums.covariance)
        if iteration > 1:
            tau_step = solve_step(scores.tau_score, scores.tau_information)
            # with few schools a full step can overshoot and come back for ever: shorten it when it turns round
            pace = pace / 2 if float((tau_step * last).sum()) < 0 else min(1.0, 1.5 * pace)
            last = tau_step
            # sites that still move would be taken for schools that differ
            taken = tau_step * (pace if iteration >= patient else 0.0)
            before = population
            population, step = _covariance_step(design, scores, population, gamma, taken)
            change = max(change, step, _school_change(before, tau_step))
        new_sites, moved_by = sweep(ev, mean, variance, sites)
        change = max(change, moved_by)
        if iteration > 4 and change < tolerance:
            return LatentRegression(
                design, ev, population, gamma_covariance, effects, sites, eta, mean, sums, scores, iteration, change
            )
        population, sites = ahead.of(population, sites, new_sites, change)
    raise NotConverged(
        "latent-regression",
        f"The latent regression did not settle in {max_passes} passes (last change {change:.1e}).",
        "Condition on fewer variables, or leave out a concept with very few answers.",
    )


def _from_sample(ev: Evidence, design: Design, start: Array, otherwise: Population) -> Population:
    """The population that every eighth student of a school shows: near what all show, for a tenth of the work."""
    rows = np.arange(_EVERY // 2, len(design.order), _EVERY)
    weight = None if design.weight is None else design.weight[rows]
    try:
        part = build_design(design.x[design.pattern[rows]], design.school[rows], design.district[rows], weight=weight)
        if part.n_districts < design.n_districts:  # the last of them is too small to be in it
            return otherwise
        rows = rows[part.order]
        few = Evidence(ev.log_likelihood[rows], ev.nodes, ev.answered[rows])
        with np.errstate(all="ignore"):  # of a few students' spread, which is then not used
            return fit(few, part, start, tolerance=_ROUGH).population
    except (DesignError, NotConverged):  # a pattern or a concept that the sample lacks, a district of a handful
        return otherwise


class _Extrapolation:
    """Aitken's step: where passes approach the fixed point at a steady rate, the rest of the way in one go.

    Sites follow the residual covariances with a pass's delay, so that plain passes shrink the remaining distance by a
    constant factor r (about one half for concepts that correlate like those of a test); the sum of what is left of
    such a geometric series is r/(1 - r) times the last step (Aitken 1926). Where r is not steady, nothing is done.
    """

    def __init__(self) -> None:
        self._sigma: Array | None = None
        self._step: Array | None = None
        self._rate = np.nan
        self._rest = 0

    def of(self, population: Population, sites: Sites, new: Sites, change: float) -> tuple[Population, Sites]:
        """The population and the sites with which the next pass begins."""
        sigma, before = population.sigma, self._sigma
        step = None if before is None else sigma - before
        rate = np.nan
        if step is not None and self._step is not None:
            rate = float((step * self._step).sum() / max(float((self._step**2).sum()), 1e-300))
        steady = change < _STEADY and 0.1 < rate < 0.8 and abs(rate - self._rate) < 0.1
        self._sigma, self._step, self._rate, self._rest = sigma, step, rate, self._rest - 1
        if step is None or not steady or self._rest > 0:
            return population, new
        further = rate / (1.0 - rate)
        guess = sigma + further * step
        if np.linalg.eigvalsh(guess).min() <= 0.5 * np.linalg.eigvalsh(sigma).min():
            return population, new
        # the two passes after a leap show the new rate
        self._sigma, self._step, self._rate, self._rest = guess, None, np.nan, 2
        precision = np.maximum(new.precision + further * (new.precision - sites.precision), 0.0)
        shift = new.shift + further * (new.shift - sites.shift)
        return Population(population.gamma, guess, population.tau), Sites(precision, shift)


def _school_change(population: Population, step: Array) -> float:
    """How far a step moves the covariance of school effects, as a share of the variances.

    To them belongs what the prior takes for granted: along a direction in which schools hardly differ a step may
    halve a variance of next to nothing, over and over, and nothing that is reported moves.
    """
    variance = population.tau.diagonal() + SCHOOL_PRIOR_SHARE * population.sigma.mean(axis=0).diagonal()
    scale = np.sqrt(variance)
    return float((np.abs(moved(population.tau, step) - population.tau) / scale[:, None] / scale).max())


def _covariance_step(
    design: Design, scores: CovarianceScores, population: Population, gamma: Array, tau_step: Array
) -> tuple[Population, float]:
    c = population.tau.shape[0]
    largest = 0.0
    sigma = population.sigma.copy()
    size = np.bincount(design.district, minlength=design.n_districts)
    for d in range(design.n_districts):
        mine = design.school_district == d
        e = solve_step(scores.sigma_score[mine].sum(axis=0), scores.sigma_information[mine].sum(axis=0))
        sigma[d], held = inside(moved(sigma[d], e))
        step = np.abs(sigma[d] / population.sigma[d] - 1) if held else np.abs(e)
        largest = max(largest, float(step.max()))
    if np.any(size < FREE_CORRELATIONS_FROM) and design.n_districts > 1 and c > 1:
        counted = np.bincount(design.district, weights=design.weight, minlength=design.n_districts)
        sigma = _common_correlations(sigma, counted)
        largest = float(np.abs(sigma / population.sigma - 1).max())
    tau = moved(population.tau, tau_step) if np.any(tau_step) else population.tau
    return Population(gamma.reshape(c, -1).T, sigma, tau), largest


def inside(sigma: Array) -> tuple[Array, bool]:
    """A covariance whose correlations keep away from singular, and whether it had to be held there.

    Two concepts that the answers cannot tell apart have their maximum at a correlation of 1, where no plausible value
    can be drawn. The smallest eigenvalue of the correlations is held at `SMALLEST_EIGENVALUE` (for two concepts: a
    correlation of at most .99), by shrinking all correlations alike.
    """
    sd = np.sqrt(np.diag(sigma))
    correlation = sigma / sd[:, None] / sd
    smallest = float(np.linalg.eigvalsh(correlation)[0])
    if smallest >= SMALLEST_EIGENVALUE:
        return sigma, False
    share = (SMALLEST_EIGENVALUE - smallest) / (1 - smallest)
    shrunk = (1 - share) * correlation + share * np.eye(len(sd))
    return shrunk * sd[:, None] * sd, True


def _common_correlations(sigma: Array, size: NDArray[np.float64] | NDArray[np.int64]) -> Array:
    sd = np.sqrt(np.einsum("dcc->dc", sigma))
    correlation = sigma / sd[:, :, None] / sd[:, None, :]
    common = np.average(correlation, axis=0, weights=size)
    return np.asarray(common * sd[:, :, None] * sd[:, None, :])
