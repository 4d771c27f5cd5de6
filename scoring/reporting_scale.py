"""The scale that is printed: slope·θ + intercept between a lowest and a highest obtainable score."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from scoring.irt.curves import Array
from scoring.irt.errors import DesignError


@dataclass(frozen=True)
class ReportingScale:
    """A versioned linear transformation of θ. Immutable: another slope is another version.

    Attributes:
        name: what the scale is called in print.
        version: of this name, counted from 1.
        slope, intercept: scaled score = slope·θ + intercept.
        lowest, highest: obtainable scores; an infinite estimate gets one of them.
        decimals: places that are printed.
    """

    name: str
    version: int
    slope: float
    intercept: float
    lowest: float
    highest: float
    decimals: int = 0

    def __post_init__(self) -> None:
        numbers = (self.slope, self.intercept, self.lowest, self.highest)
        details = []
        if not all(math.isfinite(v) for v in numbers):
            details.append("slope, intercept and both limits must be finite")
        if not self.slope > 0:
            details.append(f"slope {self.slope:g}: higher θ must give a higher score")
        if not self.lowest < self.highest:
            details.append(f"lowest {self.lowest:g} is not below highest {self.highest:g}")
        if self.version < 1 or self.decimals < 0:
            details.append("version counts from 1, decimals from 0")
        if details:
            raise DesignError("bad-scale", f"The reporting scale {self.name!r} is impossible.", "", details)

    def scores(self, theta: Array) -> Array:
        """(N,) scaled scores, rounded, within the obtainable limits; NaN stays NaN, ±inf becomes a limit."""
        raw = np.clip(self.slope * np.asarray(theta, dtype=float) + self.intercept, self.lowest, self.highest)
        return np.asarray(np.round(raw, self.decimals))

    def errors(self, se: Array) -> Array:
        """(N,) standard errors in scaled points, rounded to one more place than the scores."""
        return np.asarray(np.round(self.slope * np.asarray(se, dtype=float), self.decimals + 1))

    def theta(self, score: Array) -> Array:
        """θ of scaled scores (before rounding)."""
        return np.asarray((np.asarray(score, dtype=float) - self.intercept) / self.slope)

    def to_dict(self) -> dict[str, Any]:
        """For storage; `ReportingScale(**d)` reads it back."""
        return asdict(self)
