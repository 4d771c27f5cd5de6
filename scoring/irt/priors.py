"""Priors on item parameters: log-density and its derivatives in the coordinate that is estimated.

normal(m, s)     on a, on an intercept d, or on logit g
lognormal(m, s)  on a: density of a, log a normal; it forbids negative slopes and is never a default
beta(p, q)       on g: density of g, differentiated through g = σ(λ) in λ = logit g
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, expit

from scoring.irt.curves import Array

Index = NDArray[np.int64]
KINDS = ("normal", "lognormal", "beta")


@dataclass(frozen=True)
class Prior:
    """Independent priors on some coordinates.

    Attributes:
        at: (m,) coordinates in ξ.
        kind: (m,) position in KINDS.
        first: (m,) mean of the normal, of log a, or the beta's first shape.
        second: (m,) SD, or the beta's second shape.
    """

    at: Index
    kind: Index
    first: Array
    second: Array

    def log_density(self, xi: Array) -> float:
        """Sum of the log-densities; -inf where a lognormal's slope is not positive."""
        x, m, s = xi[self.at], self.first, self.second
        normal, logn, beta = (self.kind == k for k in range(3))
        if (x[logn] <= 0).any():
            return -np.inf
        total = _normal(x[normal], m[normal], s[normal]).sum()
        logs = np.log(x[logn])
        total += (_normal(logs, m[logn], s[logn]) - logs).sum()
        p, q, lam = m[beta], s[beta], x[beta]
        total += ((p - 1) * -np.logaddexp(0, -lam) + (q - 1) * -np.logaddexp(0, lam) - betaln(p, q)).sum()
        return float(total)

    def gradient(self, xi: Array) -> Array:
        """∂ log density / ∂ξ, (p,)."""
        out = np.zeros(len(xi))
        np.add.at(out, self.at, self._first(xi[self.at]))
        return out

    def curvature(self, xi: Array) -> Array:
        """-∂² log density / ∂ξ², the diagonal, (p,)."""
        out = np.zeros(len(xi))
        np.add.at(out, self.at, self._second(xi[self.at]))
        return out

    def _first(self, x: Array) -> Array:
        m, s = self.first, self.second
        safe = np.where(x > 0, x, 1.0)
        logn = -(1 + (np.log(safe) - m) / s**2) / safe
        g = expit(x)
        beta = (m - 1) * (1 - g) - (s - 1) * g
        return np.select([self.kind == 0, self.kind == 1], [-(x - m) / s**2, logn], beta)

    def _second(self, x: Array) -> Array:
        m, s = self.first, self.second
        safe = np.where(x > 0, x, 1.0)
        logn = -(1 + (np.log(safe) - m) / s**2 - 1 / s**2) / safe**2
        g = expit(x)
        return np.select([self.kind == 0, self.kind == 1], [1 / s**2, logn], (m + s - 2) * g * (1 - g))


def no_prior() -> Prior:
    """The flat prior of maximum likelihood."""
    nothing = np.zeros(0)
    return Prior(nothing.astype(np.int64), nothing.astype(np.int64), nothing, nothing)


def _normal(x: Array, m: Array, s: Array) -> Array:
    return np.asarray(-0.5 * ((x - m) / s) ** 2 - np.log(s) - 0.5 * np.log(2 * np.pi))
