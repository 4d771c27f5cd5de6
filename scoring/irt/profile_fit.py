"""Maximise the EP log-evidence over items, means and covariances.

From crude values a few EM steps on a sample of the students give a start; then quasi-Newton steps on all of them: the
outer product of the students' gradients is the first Hessian (Berndt, Hall, Hall & Hausman 1974) and BFGS updates
improve it. The sample lends that Hessian, and the search runs on a grid as coarse as the gradients allow; the decrement
that decides on convergence always uses everybody's outer-product information at the final values, on the fine grid.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from scoring.irt.curves import ItemParameters
from scoring.irt.profile_data import ProfileData
from scoring.irt.profile_estep import ScoreSums, expectations, gradient, student_scores
from scoring.irt.profile_items import unpack
from scoring.irt.profile_model import ProfileModel, WorkingVector
from scoring.irt.profile_penalty import drawn_inside, log_correlation_prior, smallest_eigenvalue
from scoring.irt.profile_start import crude_values, em_steps, grid_for, priors, stride_sample, weak_priors

Array = NDArray[np.float64]
Index = NDArray[np.int64]

#: Newton decrement g' J^-1 g below which the estimate counts as converged, where the search ends, sites' tolerance.
CONVERGED = 1e-6
_FINISHED = 5e-7
SITES = 1e-6
#: Decrement beyond which a step is far from the maximum.
_FAR = 30.0
#: A correlation matrix with a smaller eigenvalue counts as singular; the prior that then keeps it inside.
_SINGULAR = 1e-3
CORRELATION_STRENGTH = 1.0
_SAMPLE = 4000
#: Spacings per SD of the sharpest posterior while searching, where sums are then wrong by 2 exp(-2π² · 1.1) ~ 1e-9
#: of it; and the widest spacing then.
_COARSE, _WIDEST = 1.05, 0.4


@dataclass(frozen=True)
class ProfileEstimate:
    """Result of the estimation, on the working scale.

    Attributes:
        model: the structure.
        full: (P,) full parameter vector.
        working: map between ψ and the full vector.
        psi: (p,) estimated parameters.
        information: (p, p) outer-product information plus the priors' precision.
        sums: sums of the students' gradients at the estimate, in the full vector.
        log_evidence: weighted EP log-evidence of the responses.
        log_prior: log of the priors at the estimate.
        decrement: g' J^-1 g at the estimate.
        max_gradient: largest absolute entry of the gradient.
        unsettled: students whose sites did not settle.
        iterations: passes over all students.
        nodes: (Q,) the nodes.
        data: the students, with their sites at the estimate.
        converged: decrement and sites within their tolerances.
        correlation_prior: κ of the prior |R|^κ on the groups' correlations, 0 where the likelihood needs none.
    """

    model: ProfileModel
    full: Array
    working: WorkingVector
    psi: Array
    information: Array
    sums: ScoreSums
    log_evidence: float
    log_prior: float
    decrement: float
    max_gradient: float
    unsettled: int
    iterations: int
    nodes: Array
    data: ProfileData
    converged: bool
    correlation_prior: float

    @property
    def items(self) -> ItemParameters:
        return unpack(self.full[: self.model.layout.total], self.model.items, self.model.layout)


class _Objective:
    """EP log-evidence plus priors as a function of ψ, its gradient and its outer-product information."""

    def __init__(
        self,
        model: ProfileModel,
        full: Array,
        data: ProfileData,
        nodes: Array,
        ridge: Array,
        cuts: Callable[[Array], Array] | None = None,
        strength: float = 0.0,
        coarse: Array | None = None,
    ) -> None:
        self.model, self.data, self.ridge = model, data, ridge
        self.fine, self.nodes = nodes, nodes if coarse is None else coarse
        self.strength = strength
        self.working = WorkingVector(model, full)
        self.cuts = cuts
        self.passes = 0
        self.unsettled = 0
        self.smallest_sd = np.inf

    def _parts(self, psi: Array) -> tuple[Array, ItemParameters, Array, Array]:
        full = self.working.to_full(psi)
        items = unpack(full[: self.model.layout.total], self.model.items, self.model.layout)
        mu, sigma = self.model.populations(full)
        return full, items, mu, sigma

    def admissible(self, psi: Array) -> bool:
        _, sigma = self.model.populations(self.working.to_full(psi))
        return bool(np.all(np.isfinite(psi)) and np.all(np.linalg.eigvalsh(sigma) > 1e-6))

    def log_prior(self, full: Array) -> float:
        vector = full[: self.model.layout.total]
        items = float(-0.5 * np.sum(self.ridge[:, 1] * (vector - self.ridge[:, 0]) ** 2))
        return items + log_correlation_prior(self.model, full, self.strength)[0]

    def _prior_gradient(self, full: Array) -> Array:
        out = log_correlation_prior(self.model, full, self.strength)[1]
        vector = full[: self.model.layout.total]
        out[: vector.size] += self.ridge[:, 1] * (self.ridge[:, 0] - vector)
        return out

    def gradient(self, psi: Array, tolerance: float) -> "_Point":
        """Value and gradient alone: cheaper than everything."""
        full, items, mu, sigma = self._parts(psi)
        sums = expectations(self.data, items, self.nodes, mu, sigma, tolerance)
        self.passes += 1
        self.unsettled, self.smallest_sd = sums.unsettled, sums.smallest_sd
        slope = gradient(sums, items, self.model.layout, self.nodes, mu, sigma) + self._prior_gradient(full)
        value = sums.log_evidence + self.log_prior(full)
        return _Point(psi, value, self.working.jacobian(psi).T @ slope, np.zeros((0, 0)), None)

    def everything(self, psi: Array, tolerance: float, last: bool = False) -> "_Point":
        """Value, gradient and outer-product information in one pass; the last one adds clusters and mastery."""
        full, items, mu, sigma = self._parts(psi)
        cuts = self.cuts(full) if last and self.cuts is not None else None
        layout = self.model.layout
        sums = student_scores(self.data, items, layout, self.nodes, mu, sigma, cuts, last, tolerance)
        self.passes += 1
        self.unsettled, self.smallest_sd = sums.unsettled, sums.smallest_sd
        jacobian = self.working.jacobian(psi)
        outer = sums.outer + log_correlation_prior(self.model, full, self.strength)[2]
        at = np.arange(layout.total)
        outer[at, at] += self.ridge[:, 1]
        slope = jacobian.T @ (sums.group_score.sum(axis=0) + self._prior_gradient(full))
        value = sums.log_evidence + self.log_prior(full)
        return _Point(psi, value, slope, jacobian.T @ outer @ jacobian, sums)


@dataclass(frozen=True)
class _Point:
    psi: Array
    value: float
    slope: Array
    information: Array
    sums: ScoreSums | None


def estimate(
    model: ProfileModel,
    scores: NDArray[np.int8],
    weights: Array,
    group: Index,
    cuts: Callable[[Array], Array] | None = None,
    cluster: Index | None = None,
    max_passes: int = 200,
) -> ProfileEstimate:
    """Estimate the concept profile's parameters.

    Args:
        model: the structure, with the values of fixed items.
        scores: (N, J) int8, rows sorted by group.
        weights: (N,).
        group: (N,) sorted group index.
        cuts: full vector -> (C,) cuts on its scale, for mastery under the groups' populations.
        cluster: (N,) cluster index.
        max_passes: passes over all students after which to give up.

    Returns:
        ProfileEstimate; `converged` says whether it may be used.
    """
    ridge = priors(model)
    full = crude_values(model, scores, weights)
    sample = stride_sample(group, max(_SAMPLE, len(scores) // 10))
    spread = 0.35
    if sample.size < len(scores):
        few = stride_sample(group, _SAMPLE)
        data = ProfileData.sorted(scores[few], weights[few], group[few], model.concept, model.n_concepts)
        full = em_steps(model, full, data, ridge, 8)
        data = ProfileData.sorted(scores[sample], weights[sample], group[sample], model.concept, model.n_concepts)
        objective = _Objective(model, full, data, grid_for(model, full, 0.5), weak_priors(ridge))
        psi = _climb(objective, objective.working.from_full(full), 1.0, 25)[0].psi
        full, spread = objective.working.to_full(psi), objective.smallest_sd
    everybody = ProfileData.sorted(scores, weights, group, model.concept, model.n_concepts, cluster)
    if sample.size == len(scores):
        full = em_steps(model, full, everybody, ridge, 8)
    full = model.standardised(full)  # origin and unit are held near their final values: the grid is centred
    search = _Search(model, everybody, ridge, cuts, max_passes)
    lent = None if sample.size == len(scores) else _lent(model, full, data, ridge, weights, group, spread)
    found = search.run(full, spread, lent=lent)
    if not found.near and smallest_eigenvalue(model, found.full).min() < _SINGULAR:
        # the maximum is, or seems to be, at a singular matrix: climb with the weak prior, then once more without
        inside = search.run(drawn_inside(model, found.full), spread, CORRELATION_STRENGTH)
        free = search.run(inside.full, spread)
        found = free if free.near else inside
    objective, point = found.objective, found.point
    log_prior = objective.log_prior(found.full)
    return ProfileEstimate(
        model,
        found.full,
        objective.working,
        point.psi,
        point.information,
        _required(point.sums),
        point.value - log_prior,
        log_prior,
        found.decrement,
        float(np.abs(point.slope).max(initial=0.0)),
        objective.unsettled,
        search.passes,
        objective.fine,
        everybody,
        found.near and objective.unsettled == 0,
        objective.strength,
    )


def _lent(
    model: ProfileModel, full: Array, data: ProfileData, ridge: Array, weights: Array, group: Index, spread: float
) -> Array:
    """(p, p) the sample's information about the parameters at `full`, each group weighted up to its students."""
    groups = np.arange(model.n_groups)
    inside = np.zeros(model.n_groups)
    factor = np.empty(len(data.scores))
    for rows, g in data.blocks:
        inside[g] += data.weights[rows].sum()
    total = np.bincount(group, weights=weights, minlength=groups.size)
    for rows, g in data.blocks:
        factor[rows] = total[g] / max(inside[g], 1e-12)
    up = data.weighted(data.weights * factor)
    objective = _Objective(model, full, up, grid_for(model, full, spread, per_sd=_COARSE, widest=_WIDEST), ridge)
    return objective.everything(objective.working.from_full(full), 1e-2).information


@dataclass(frozen=True)
class _Found:
    objective: _Objective
    point: _Point
    decrement: float
    full: Array

    @property
    def near(self) -> bool:
        return self.decrement < CONVERGED


@dataclass
class _Search:
    """Climbs on all students, on a grid that suits where they end."""

    model: ProfileModel
    data: ProfileData
    ridge: Array
    cuts: Callable[[Array], Array] | None
    max_passes: int
    passes: int = 0

    def run(self, full: Array, spread: float, strength: float = 0.0, lent: Array | None = None) -> _Found:
        while True:
            grid = grid_for(self.model, full, spread)
            coarse = grid_for(self.model, full, spread, per_sd=_COARSE, widest=_WIDEST)
            objective = _Objective(self.model, full, self.data, grid, self.ridge, self.cuts, strength, coarse)
            objective.passes = self.passes
            point, decrement = _climb(objective, objective.working.from_full(full), _FINISHED, self.max_passes, lent)
            lent = None
            full = objective.working.to_full(point.psi)
            spread, self.passes = min(spread, objective.smallest_sd), objective.passes
            # sharper or further out than foreseen (half an SD of slack: five SDs leave 3e-7 of a population outside)
            sharper = grid_for(self.model, full, 1.15 * spread, 5.0).size > grid.size
            if not sharper or self.passes >= self.max_passes:
                return _Found(objective, point, decrement, full)


def _climb(
    objective: _Objective, psi: Array, goal: float, max_passes: int, lent: Array | None = None
) -> tuple[_Point, float]:
    """Quasi-Newton ascent to a decrement below `goal`: the last point, with its information, and its decrement."""
    site_goal = SITES if goal < 1e-3 else 1e-3
    tolerance = 1e-2
    if lent is None:
        point = objective.everything(psi, tolerance)
        factor = _factor(point.information)
    else:
        point = objective.gradient(psi, tolerance)
        factor = _factor(lent)
    value, slope = point.value, point.slope
    pairs: list[tuple[Array, Array]] = []
    while True:
        decrement = _decrement(factor, slope)
        if decrement < goal and goal > CONVERGED:
            return point, decrement
        if decrement < goal or objective.passes >= max_passes:
            objective.nodes = objective.fine
            point = objective.everything(psi, site_goal, last=True)
            factor = _factor(point.information)
            value, slope, pairs = point.value, point.slope, []
            decrement = _decrement(factor, slope)
            if decrement < goal or objective.passes >= max_passes:
                return point, decrement
        # sites as exact as the step needs them, and no more
        tolerance = max(1e-2 * site_goal, min(tolerance, 1e-3 * np.sqrt(decrement)))
        step = _two_loop(factor, pairs, slope)
        step *= min(1.0, 0.5 / max(float(np.abs(step).max()), 1e-12))
        # there the information itself moves: it is formed anew at every step; and what was lent serves for one
        far = decrement > _FAR or lent is not None
        new = _advance(objective, psi, step, value, tolerance, far)
        if new is None and lent is not None:  # what the sample lent does not serve: form it from everybody
            point, lent = objective.everything(psi, tolerance), None
            factor, pairs = _factor(point.information), []
            value, slope = point.value, point.slope
            continue
        if new is None:
            objective.nodes = objective.fine
            point = objective.everything(psi, min(tolerance, site_goal), last=True)
            return point, _decrement(_factor(point.information), point.slope)
        if far:
            factor, pairs, lent = _factor(new.information), [], None
        else:
            s, y = new.psi - psi, slope - new.slope
            if s @ y > 1e-10 * np.linalg.norm(s) * np.linalg.norm(y):
                pairs.append((s, y))
        point = new
        psi, value, slope = new.psi, new.value, new.slope


def _advance(
    objective: _Objective, psi: Array, step: Array, value: float, tolerance: float, far: bool
) -> _Point | None:
    """The longest admissible fraction of the step that does not lower the value; None where there is none."""
    # slack: sites are only as exact as asked for, and their error enters the evidence squared
    slack = 1e-4 + 1e-10 * abs(value) + tolerance**2 * len(objective.data.scores)
    length = 1.0
    while length > 1e-4:
        new = psi + length * step
        if objective.admissible(new):
            point = objective.everything(new, tolerance) if far else objective.gradient(new, tolerance)
            if point.value >= value - slack:
                return point
        length *= 0.4
    return None


def _required(sums: ScoreSums | None) -> ScoreSums:
    assert sums is not None  # a climb ends with everything
    return sums


def _decrement(factor: tuple[Array, bool], slope: Array) -> float:
    return float(np.dot(slope, cho_solve(factor, slope)))


def _factor(information: Array) -> tuple[Array, bool]:
    """Cholesky factor; a ridge where the outer product is singular (fewer students than parameters)."""
    scale = np.maximum(np.diagonal(information), 1e-8)
    ridge = 0.0
    while True:
        try:
            factor: tuple[Array, bool] = cho_factor(information + np.diag(ridge * scale + 1e-12))
            return factor
        except np.linalg.LinAlgError:
            ridge = max(10 * ridge, 1e-8)


def _two_loop(factor: tuple[Array, bool], pairs: list[tuple[Array, Array]], slope: Array) -> Array:
    """Direction of BFGS from the remembered steps and the outer-product Hessian (Nocedal 1980)."""
    q = slope.copy()
    kept = []
    for s, y in reversed(pairs):
        rho = 1.0 / (y @ s)
        alpha = rho * (s @ q)
        q -= alpha * y
        kept.append((rho, alpha))
    out: Array = cho_solve(factor, q)
    for (s, y), (rho, alpha) in zip(pairs, reversed(kept), strict=True):
        out += s * (alpha - rho * (y @ out))
    return out
