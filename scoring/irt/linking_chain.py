"""Chains of links: last year to this year by way of a form in between.

The form in the middle is an end of two links, and its errors enter both: variances are added per form, after the
derivatives of all links in that form's parameters, not per link.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scoring.irt.curves import Array
from scoring.irt.errors import DesignError


@dataclass(frozen=True)
class End:
    """One calibration as an end of a link.

    Attributes:
        key: what tells whether two ends are the same calibration.
        slope: (2, P) derivatives of (A, B) in all parameters of the calibration, zero for items that do not link.
        covariance: (P, P) of these parameters, or None.
    """

    key: str
    slope: Array
    covariance: Array | None


@dataclass(frozen=True)
class Leg:
    """One link of a chain: θ_to = A θ_from + B, and its two ends."""

    A: float
    B: float
    from_: End
    to: End


@dataclass(frozen=True)
class Composed:
    """A chain of links.

    Attributes:
        A, B: constants from the first calibration to the last.
        slopes: calibration -> (2, P) derivatives of (A, B) in its parameters.
        covariances: calibration -> (P, P), or None.
    """

    A: float
    B: float
    slopes: dict[str, Array]
    covariances: dict[str, Array | None]

    @property
    def covariance(self) -> Array:
        """(2, 2) of (A, B); NaN where a calibration has no covariance."""
        return cross_covariance(self, self)


def cross_covariance(one: Composed, two: Composed) -> Array:
    """(2, 2) covariance of the (A, B) of two chains, from the calibrations that both contain."""
    total = np.zeros((2, 2))
    for key in one.slopes:
        if key not in two.slopes:
            continue
        covariance = one.covariances[key]
        if covariance is None:
            return np.full((2, 2), np.nan)
        total += one.slopes[key] @ covariance @ two.slopes[key].T
    return total


def compose(legs: Sequence[Leg]) -> Composed:
    """A, B and what their covariance needs, of a chain, first leg first.

    Raises:
        DesignError: a leg does not begin where the one before ends.
    """
    broken = [
        f"leg {i + 1} ends at {one.to.key}, leg {i + 2} begins at {two.from_.key}"
        for i, (one, two) in enumerate(pairwise(legs))
        if one.to.key != two.from_.key or one.to.slope.shape != two.from_.slope.shape
    ]
    if broken or not legs:
        raise DesignError("broken-chain", "The links do not make a chain.", "Give them in order.", broken)
    A, B = 1.0, 0.0
    slopes: dict[str, Array] = {}
    covariances: dict[str, Array | None] = {}
    for leg in legs:
        # A2 A1 and A2 B1 + B2: what was found so far is carried on by A2 ...
        slopes = {key: leg.A * slope for key, slope in slopes.items()}
        own = np.array([[A, 0.0], [B, 1.0]])  # ... and these are its derivatives in (A2, B2)
        for end in (leg.from_, leg.to):
            slopes[end.key] = slopes.get(end.key, 0.0) + own @ end.slope
            covariances[end.key] = end.covariance
        A, B = leg.A * A, leg.A * B + leg.B
    return Composed(A, B, slopes, covariances)


def average(chains: Sequence[Composed], weights: Array) -> Composed:
    """Weighted mean of chains between the same two calibrations; shared calibrations are counted once.

    Raises:
        DesignError: a calibration appears with different parameters.
    """
    slopes: dict[str, Array] = {}
    covariances: dict[str, Array | None] = {}
    for one, weight in zip(chains, weights, strict=True):
        for key, slope in one.slopes.items():
            if key in slopes and slopes[key].shape != slope.shape:
                raise DesignError("unequal-ends", f"{key} stands for two calibrations.", "Name them apart.")
            slopes[key] = slopes.get(key, 0.0) + weight * slope
            covariances[key] = one.covariances[key]
    A, B = (float(np.dot(weights, [getattr(one, name) for one in chains])) for name in ("A", "B"))
    return Composed(A, B, slopes, covariances)
