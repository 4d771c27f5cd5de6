"""From starting values to the maximum.

A few steps in the metric of the complete data (the EM algorithm with one scoring step for its M-step: Lange 1995),
then Newton steps with the exact observed information; where a Newton step does not raise the likelihood, the metric
of the complete data is added to it until it does (Levenberg-Marquardt). With many students the search runs on a
subsample first, whose information then guides quasi-Newton steps on all of them, and the exact information of
all students is formed at the end.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from scoring.irt.curves import Array
from scoring.irt.likelihood import Point, Problem, evaluate

Progress = Callable[[int, float, float], None]

FINISHED = 1e-17  # decrement of a finished search: 3e-9 standard errors from the maximum
CONVERGED = 1e-9  # decrement that counts as converged (docs/methods/estimation.md)
RUNAWAY = 60.0  # a coordinate beyond which a search is given up: the likelihood rises towards infinity there
PRECISE = 1.0  # decrement below which a quasi-Newton step needs double precision
LARGEST_STEP = 1.5  # in any coordinate, against leaps from poor starting values


@dataclass(frozen=True)
class Search:
    """Where a search ended.

    Attributes:
        point: the last point, with its observed information.
        decrement: g' I⁻¹ g there; NaN where the information is singular.
        iterations: steps taken.
        passes: passes through the students.
    """

    point: Point
    decrement: float
    iterations: int
    passes: int


def solve_positive(matrix: Array, vector: Array) -> Array | None:
    """Solution with a positive definite matrix, else None."""
    scale = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    if not (scale > 0).all() or not np.isfinite(matrix).all():
        return None
    try:
        factor = cho_factor(matrix / scale / scale[:, None], lower=True, check_finite=False)
    except LinAlgError:
        return None
    return np.asarray(cho_solve(factor, vector / scale, check_finite=False) / scale)


def decrement_of(point: Point) -> float:
    """Newton decrement g' I⁻¹ g, NaN where the information is not positive definite."""
    assert point.information is not None
    if not len(point.xi):
        return 0.0
    step = solve_positive(point.information, point.gradient)
    return float("nan") if step is None else float(point.gradient @ step)


def _limited(step: Array) -> Array:
    return step * min(1.0, LARGEST_STEP / max(float(np.abs(step).max(initial=0.0)), 1e-300))


def em_steps(
    problem: Problem, xi: Array, steps: int, progress: Progress | None = None, enough: float = 1e-3
) -> tuple[Point, int]:
    """A few steps of EM; one that would lower the likelihood is halved, one that gains little is the last."""
    point = evaluate(problem, xi)
    passes = 1
    for _ in range(steps):
        step = solve_positive(point.complete + 1e-6 * np.diag(np.diag(point.complete) + 1e-6), point.gradient)
        if step is None:
            break
        step = _limited(step)
        for _ in range(8):
            trial = evaluate(problem, point.xi + step)
            passes += 1
            if trial.value >= point.value:
                break
            step = step / 2
        else:
            break
        gain = trial.value - point.value
        point = trial
        if progress:
            progress(passes, point.log_likelihood, float(np.abs(point.gradient).max(initial=0.0)))
        if gain < enough:
            break
    return point, passes


def newton(
    problem: Problem,
    xi: Array,
    max_iterations: int = 100,
    finished: float = FINISHED,
    progress: Progress | None = None,
) -> Search:
    """Damped Newton steps with the exact observed information."""
    point = evaluate(problem, xi, with_information=True)
    passes, iterations, damping = 1, 0, 0.0
    while iterations < max_iterations and len(xi):
        assert point.information is not None
        decrement = decrement_of(point)
        if decrement < finished or np.abs(point.xi).max() > RUNAWAY:
            break
        accepted, slope = False, 0.0
        for _ in range(25):
            step = solve_positive(point.information + damping * point.complete, point.gradient)
            if step is not None:
                step = _limited(step)
                slope = float(step @ point.gradient)
                trial = evaluate(problem, point.xi + step, with_information=True)
                passes += 1
                # near the maximum the gain drowns in rounding: a gradient that shrinks is then the better judge
                rounding = 1e-13 * abs(point.value)
                gain = trial.value - point.value
                if gain > 1e-4 * slope or (slope < rounding and gain > -rounding and _smaller(trial, point)):
                    accepted = True
                    break
                if slope < rounding:  # nothing left to gain that numbers of this size can show
                    break
            damping = max(10 * damping, 1e-3)
        if not accepted:
            break
        point = trial
        iterations += 1
        damping = 0.0 if damping < 1e-3 else damping / 10
        if progress:
            progress(passes, point.log_likelihood, float(np.abs(point.gradient).max(initial=0.0)))
    return Search(point, decrement_of(point), iterations, passes)


def _smaller(trial: Point, point: Point) -> bool:
    """Whether the gradient shrank, each coordinate in its own standard errors."""
    assert point.information is not None
    scale = np.sqrt(np.diag(point.information))
    return float(np.abs(trial.gradient / scale).max()) < float(np.abs(point.gradient / scale).max())


def quasi_newton(
    problem: Problem,
    xi: Array,
    information: Array,
    max_iterations: int = 30,
    close: float = 1e-5,
    progress: Progress | None = None,
) -> tuple[Array, int]:
    """BFGS steps from a good approximation to the information: (ξ, passes).

    The last step is taken without looking: with a decrement below `close` before it, the information formed after it
    is that of the maximum to seven digits. Until the decrement is below `PRECISE`, single precision does.
    """
    scale = 1 / np.sqrt(np.diag(information))
    inverse = scale[:, None] * np.linalg.inv(information * scale * scale[:, None]) * scale
    single = True
    point = evaluate(problem, xi, single=single)
    passes = 1
    for _ in range(max_iterations):
        step = _limited(inverse @ point.gradient)
        slope = float(step @ point.gradient)
        if slope < close:
            return point.xi + step, passes
        single = slope > PRECISE
        slack = (1e-5 if single else 1e-13) * abs(point.value)
        trial = evaluate(problem, point.xi + step, single=single)
        passes += 1
        for _ in range(6):
            if trial.value >= point.value - slack or (not single and slope < PRECISE):
                break
            step = step / 4
            trial = evaluate(problem, point.xi + step, single=single)
            passes += 1
        else:
            break
        change = point.gradient - trial.gradient
        product = float(change @ step)
        if product > 0:
            away = inverse @ change
            inverse = (
                inverse
                - (np.outer(away, step) + np.outer(step, away)) / product
                + (1 + float(change @ away) / product) * np.outer(step, step) / product
            )
        point = trial
        if progress:
            progress(passes, point.log_likelihood, float(np.abs(point.gradient).max(initial=0.0)))
    return point.xi, passes
