"""Tetrachoric and polychoric correlations of all pairs at once, and how many dimensions they show."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Array = NDArray[np.float64]
Scores = NDArray[np.int8]

#: Correlations are looked for within ± this: beyond, a table with an empty cell says nothing more.
LIMIT = 0.995
#: Gauss-Legendre points for the bivariate normal: error below 1e-8 for |ρ| <= .95 and 1e-5 at .995.
_X, _W = np.polynomial.legendre.leggauss(40)


def bivariate_normal(h: Array, k: Array, rho: Array) -> Array:
    """P(Z1 <= h, Z2 <= k) at correlation rho, arrays that broadcast together; h and k may be infinite.

    Φ(h)Φ(k) plus the integral of the density over the correlation, in its arc sine (Drezner & Wesolowsky 1990).
    """
    h, k, rho = np.broadcast_arrays(h, k, rho)
    out = np.array(ndtr(h) * ndtr(k))
    inner = np.isfinite(h) & np.isfinite(k)
    a, b, top = h[inner], k[inner], np.arcsin(rho[inner])
    angle = top[:, None] * (_X + 1) / 2
    sine = np.sin(angle)
    cosine2 = 1 - sine**2
    density = np.exp(-(a[:, None] ** 2 + b[:, None] ** 2 - 2 * (a * b)[:, None] * sine) / (2 * cosine2))
    out[inner] += density @ _W * top / 2 / (2 * np.pi)
    return out


def bivariate_density(h: Array, k: Array, rho: Array) -> Array:
    """Density of the bivariate normal, 0 where h or k is infinite."""
    finite = np.isfinite(h) & np.isfinite(k)
    a, b = np.where(finite, h, 0.0), np.where(finite, k, 0.0)
    q = 1 - rho**2
    return np.where(finite, np.exp(-(a**2 - 2 * rho * a * b + b**2) / (2 * q)) / (2 * np.pi * np.sqrt(q)), 0.0)


@dataclass(frozen=True)
class Polychoric:
    """Correlations of the variables behind J items.

    Attributes:
        correlation: (J, J); NaN for pairs nobody took together or without variation.
        n: (J, J) students who took both.
        smoothed: the matrix had negative eigenvalues, which were raised to a small positive number.
    """

    correlation: Array
    n: NDArray[np.int64]
    smoothed: bool


def pair_tables(scores: Scores) -> Array:
    """(J, J, K, K) students by their scores on both items."""
    n_categories = int(scores.max(initial=1)) + 1
    n_items = scores.shape[1]
    flat = np.concatenate([(scores == k) for k in range(n_categories)], axis=1)
    out = np.zeros((flat.shape[1], flat.shape[1]))
    for begin in range(0, len(flat), 8192):
        part = flat[begin : begin + 8192].astype(np.float32)
        out += part.T @ part
    return out.reshape(n_categories, n_items, n_categories, n_items).transpose(1, 3, 0, 2)


def polychoric(scores: Scores) -> Polychoric:
    """Maximum likelihood in two steps, thresholds first (Olsson 1979); tetrachoric for dichotomous items.

    Each pair's thresholds come from the students who took both. An empty cell of a 2 × 2 table counts 1/2.

    Args:
        scores: (N, J), -1 missing.
    """
    tables = pair_tables(scores)
    n_items = len(tables)
    i, j = np.triu_indices(n_items, 1)
    rho = pair_correlations(tables[i, j])
    correlation = np.eye(n_items)
    correlation[i, j] = correlation[j, i] = rho
    n = tables.sum(axis=(2, 3)).astype(np.int64)
    correlation, smoothed = smooth(correlation)
    return Polychoric(correlation, n, smoothed)


def pair_correlations(tables: Array, iterations: int = 60) -> Array:
    """(P,) polychoric correlation of each (K, K) table: Fisher scoring kept inside a shrinking bracket."""
    tables = tables.astype(float)
    usable = ((tables.sum(axis=2) > 0).sum(axis=1) > 1) & ((tables.sum(axis=1) > 0).sum(axis=1) > 1)
    if tables.shape[1] == 2:
        empty = (tables == 0).any(axis=(1, 2)) & (tables.sum(axis=(1, 2)) > 0)
        tables = np.where(empty[:, None, None] & (tables == 0), 0.5, tables)
    n = tables.sum(axis=(1, 2))
    rows, columns = tables.sum(axis=2), tables.sum(axis=1)
    safe = np.maximum(n, 1)[:, None]
    h, k = _thresholds(rows / safe), _thresholds(columns / safe)
    low, high = np.full(len(n), -LIMIT), np.full(len(n), LIMIT)
    rho = np.zeros(len(n))
    for _ in range(iterations):
        r = rho[:, None, None]
        corner = bivariate_normal(h[:, :, None], k[:, None, :], r)
        slope = bivariate_density(h[:, :, None], k[:, None, :], r)
        p = np.maximum(_cells(corner), 1e-12)
        dp = _cells(slope)
        gradient = (tables * dp / p).sum(axis=(1, 2))
        information = (n[:, None, None] * dp**2 / p).sum(axis=(1, 2))
        low = np.where(gradient > 0, rho, low)
        high = np.where(gradient < 0, rho, high)
        step = rho + gradient / np.maximum(information, 1e-12)
        new = np.where((step > low) & (step < high), step, (low + high) / 2)
        done = np.abs(new - rho).max(initial=0.0) < 1e-9
        rho = new
        if done:
            break
    return np.where(usable, rho, np.nan)


def _thresholds(shares: Array) -> Array:
    """(P, K + 1) from -inf to +inf."""
    inner = ndtri(np.clip(np.cumsum(shares, axis=1)[:, :-1], 0.0, 1.0))
    edge = np.full((len(shares), 1), np.inf)
    return np.concatenate([-edge, inner, edge], axis=1)


def _cells(corner: Array) -> Array:
    return corner[:, 1:, 1:] - corner[:, :-1, 1:] - corner[:, 1:, :-1] + corner[:, :-1, :-1]


def smooth(correlation: Array, least: float = 1e-6) -> tuple[Array, bool]:
    """The nearest proper correlation matrix by raising negative eigenvalues; untouched where pairs are missing."""
    if np.isnan(correlation).any():
        return correlation, False
    values, vectors = np.linalg.eigh(correlation)
    if values[0] >= -1e-10:
        return correlation, False
    fixed = (vectors * np.maximum(values, least)) @ vectors.T
    sd = np.sqrt(np.diag(fixed))
    return fixed / np.outer(sd, sd), True


@dataclass(frozen=True)
class Dimensions:
    """Eigenvalues and what chance would give.

    Attributes:
        eigenvalues: (J,) of the polychoric matrix, largest first.
        chance: (J,) 95th percentile over replications of unrelated items with the same margins and gaps.
        n_dimensions: leading eigenvalues above chance.
        ratio: first over second eigenvalue.
        first_share: of the total, first eigenvalue over J.
        smoothed: see Polychoric.
        dropped: items left out for want of variation or of common students.
    """

    eigenvalues: Array
    chance: Array
    n_dimensions: int
    ratio: float
    first_share: float
    smoothed: bool
    dropped: tuple[int, ...]


def dimensions(scores: Scores, replications: int = 20, seed: int = 1, most: int = 5000) -> Dimensions:
    """Parallel analysis (Horn 1965) on polychoric correlations, 95th percentile (Glorfeld 1995).

    Chance: each item's scores are shuffled among the students who took it, which keeps margins and missingness.

    Args:
        scores: (N, J), -1 missing.
        replications: shuffles.
        seed: of the shuffles, and of the sample.
        most: a sample of this many students is enough, and bounds the time.
    """
    rng = np.random.default_rng(seed)
    if len(scores) > most:
        scores = scores[np.sort(rng.choice(len(scores), most, replace=False))]
    matrix = polychoric(scores).correlation
    dropped: list[int] = []
    keep = np.arange(len(matrix))
    while np.isnan(matrix[np.ix_(keep, keep)]).any():
        worst = keep[int(np.isnan(matrix[np.ix_(keep, keep)]).sum(axis=1).argmax())]
        dropped.append(int(worst))
        keep = keep[keep != worst]
    scores = scores[:, keep]
    real = polychoric(scores)
    values = np.linalg.eigvalsh(real.correlation)[::-1].astype(np.float64)
    chance = np.empty((replications, len(keep)))
    for r in range(replications):
        shuffled = scores.copy()
        for j in range(len(keep)):
            taken = np.flatnonzero(scores[:, j] >= 0)
            shuffled[taken, j] = rng.permutation(scores[taken, j])
        chance[r] = np.linalg.eigvalsh(polychoric(shuffled).correlation)[::-1]
    bound = np.quantile(chance, 0.95, axis=0).astype(np.float64)
    above = values > bound
    n_dimensions = len(values) if above.all() else int(np.argmin(above))
    ratio = float(values[0] / values[1]) if len(values) > 1 and values[1] > 0 else float("nan")
    return Dimensions(
        values,
        bound,
        n_dimensions,
        ratio,
        float(values[0] / max(len(values), 1)),
        real.smoothed,
        tuple(sorted(dropped)),
    )
