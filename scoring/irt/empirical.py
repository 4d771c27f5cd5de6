"""Populations as empirical histograms on the grid instead of normal curves."""

from dataclasses import replace

import numpy as np

from scoring.irt.curves import Array
from scoring.irt.likelihood import Problem
from scoring.irt.maximise import Progress, Search, em_steps, newton

ENOUGH = 1e-7  # gain in log-likelihood per round below which the histograms are settled
MOST_ROUNDS = 500


def estimate_histograms(
    problem: Problem, xi: Array, max_iterations: int, progress: Progress | None
) -> tuple[Problem, Search]:
    raise NotImplementedError
