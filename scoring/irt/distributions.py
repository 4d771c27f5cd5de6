"""The normal distribution and Student's t, from scipy.special.

`scipy.stats` has them too, and takes a second to import for it: longer than many commands work.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri, stdtr, stdtrit


def normal_below(x: ArrayLike) -> Any:
    """Probability below x."""
    return ndtr(np.asarray(x, dtype=float))


def normal_above(x: ArrayLike) -> Any:
    """Probability above x, exact in the tail."""
    return ndtr(-np.asarray(x, dtype=float))


def normal_quantile(p: ArrayLike) -> Any:
    """The x with probability p below it."""
    return ndtri(np.asarray(p, dtype=float))


def normal_density(x: ArrayLike) -> Any:
    """The density at x."""
    x = np.asarray(x, dtype=float)
    return np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)


def student_quantile(p: ArrayLike, df: ArrayLike) -> Any:
    """The x with probability p below it, for df degrees of freedom; the normal one for infinitely many."""
    return stdtrit(np.asarray(df, dtype=float), np.asarray(p, dtype=float))


def student_above(x: ArrayLike, df: ArrayLike) -> Any:
    """Probability above x."""
    return stdtr(np.asarray(df, dtype=float), -np.asarray(x, dtype=float))
