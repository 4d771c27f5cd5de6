"""Item response curves in slope-intercept form, logistic metric (D = 1).

    2PL    P(X = 1 | θ) = σ(aθ + d)
    3PL    P(X = 1 | θ) = g + (1 - g) σ(aθ + d)
    GRM    P(X >= k | θ) = σ(aθ + d_k), d_1 > d_2 > ... (Samejima 1969)
    GPCM   P(X = k | θ) ∝ exp(k aθ + d_k), d_0 = 0, d_k cumulative (Muraki 1992)

Rasch, 1PL and PCM are the same curves with a slope that is fixed at 1 or shared; what is estimated is the
business of the estimator, not of the curves. All functions take arrays, loop over nothing but item families, and
return arrays of shape (items, categories, nodes), categories beyond an item's own being zero.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Array = NDArray[np.float64]

#: Model names accepted everywhere, and the family of curves each belongs to.
FAMILY = {
    "rasch": "logistic",
    "1pl": "logistic",
    "2pl": "logistic",
    "3pl": "logistic",
    "grm": "graded",
    "pcm": "partial",
    "gpcm": "partial",
}


@dataclass(frozen=True)
class ItemParameters:
    """Parameters of J items.

    Attributes:
        names: (J,) item names.
        model: (J,) keys of FAMILY. A dichotomous "1pl" or "rasch" item of more than two categories is a "pcm".
        a: (J,) slopes per unit of θ.
        d: (J, K - 1) intercepts d_1..d_{K-1}, NaN beyond an item's last category; K the largest number of categories.
        g: (J,) lower asymptotes, 0 except for "3pl".
        categories: (J,) number of categories, 2 for dichotomous items.
    """

    names: tuple[str, ...]
    model: tuple[str, ...]
    a: Array
    d: Array
    g: Array
    categories: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.names)

    def select(self, index: NDArray[np.int64]) -> "ItemParameters":
        """The items at these positions, in this order."""
        return ItemParameters(
            tuple(self.names[i] for i in index),
            tuple(self.model[i] for i in index),
            self.a[index],
            self.d[index],
            self.g[index],
            self.categories[index],
        )

    @property
    def b(self) -> Array:
        """(J, K - 1) difficulties or steps: -d/a; -d_k/a (GRM); -(d_k - d_{k-1})/a (GPCM)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            b = -self.d / self.a[:, None]
            partial = self.in_family("partial")
            b[partial] = -np.diff(self.d[partial], axis=1, prepend=0.0) / self.a[partial, None]
        return b

    def in_family(self, family: str) -> NDArray[np.bool_]:
        """(J,) which items have this family of curves."""
        return np.array([FAMILY[m] == family for m in self.model], dtype=bool)


def category_probabilities(items: ItemParameters, theta: Array) -> Array:
    """P(X = k | θ) for every item, category and node.

    Args:
        items: J items of at most K categories.
        theta: (Q,) nodes.

    Returns:
        (J, K, Q), summing to one over the categories; zero beyond an item's last category.
    """
    theta = np.asarray(theta, dtype=float)
    n_categories = int(items.categories.max(initial=2))
    out = np.zeros((len(items), n_categories, theta.size))
    logistic = np.flatnonzero(items.in_family("logistic"))
    if logistic.size:
        z = items.a[logistic, None] * theta + items.d[logistic, :1]
        g = items.g[logistic, None]
        out[logistic, 1] = g + (1 - g) * expit(z)
        out[logistic, 0] = (1 - g) * expit(-z)  # not 1 - P: keeps its digits where P is near one
    graded = np.flatnonzero(items.in_family("graded"))
    if graded.size:
        out[graded] = _graded(items.a[graded], items.d[graded], theta, n_categories)
    partial = np.flatnonzero(items.in_family("partial"))
    if partial.size:
        out[partial] = _partial(items.a[partial], items.d[partial], theta, n_categories)
    return out


def _graded(a: Array, d: Array, theta: Array, n_categories: int) -> Array:
    z = a[:, None, None] * theta + d[:, :, None]  # (J, K-1, Q)
    unused = np.isnan(d)[:, :, None]
    upper = np.where(unused, 0.0, expit(z))
    above = np.concatenate([np.ones_like(upper[:, :1]), upper], axis=1)  # P(X >= k), k = 0..K-1
    below = np.concatenate([upper, np.zeros_like(upper[:, :1])], axis=1)
    out = above - below
    # difference of two numbers near one loses digits: take it from the lower tails there
    lower = np.where(unused, 1.0, expit(-z))
    lower_above = np.concatenate([np.zeros_like(lower[:, :1]), lower], axis=1)
    lower_below = np.concatenate([lower, np.ones_like(lower[:, :1])], axis=1)
    near_one = below > 0.5
    return np.where(near_one, lower_below - lower_above, out)[:, :n_categories]


def _partial(a: Array, d: Array, theta: Array, n_categories: int) -> Array:
    k = np.arange(n_categories)
    with_zero = np.concatenate([np.zeros((len(a), 1)), d], axis=1)[:, :, None]
    z = k[:, None] * a[:, None, None] * theta + np.where(np.isnan(with_zero), -np.inf, with_zero)
    z -= z.max(axis=1, keepdims=True)
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


def log_probabilities(items: ItemParameters, theta: Array) -> Array:
    """log P(X = k | θ), (J, K, Q); 0 beyond an item's last category (such a category cannot be observed)."""
    p = category_probabilities(items, theta)
    with np.errstate(divide="ignore"):
        out = np.log(p)
    z = items.a[:, None] * theta + np.nan_to_num(items.d[:, :1])
    plain = np.flatnonzero(items.in_family("logistic") & (items.g == 0))
    if plain.size:  # exact far in the tails, where P underflows
        out[plain, 1] = -np.logaddexp(0.0, -z[plain])
        out[plain, 0] = -np.logaddexp(0.0, z[plain])
    unused = np.arange(p.shape[1]) >= items.categories[:, None]
    out[unused] = 0.0
    floor = np.log(np.finfo(float).tiny)
    return np.maximum(out, floor)


def expected_scores(items: ItemParameters, theta: Array) -> Array:
    """E(X | θ), (J, Q), categories scored 0, 1, ..., K - 1."""
    p = category_probabilities(items, theta)
    return np.einsum("k,jkq->jq", np.arange(p.shape[1], dtype=float), p)


def probability_slopes(items: ItemParameters, theta: Array) -> Array:
    """∂P(X = k | θ)/∂θ, (J, K, Q)."""
    theta = np.asarray(theta, dtype=float)
    p = category_probabilities(items, theta)
    out = np.zeros_like(p)
    logistic = np.flatnonzero(items.in_family("logistic"))
    if logistic.size:
        z = items.a[logistic, None] * theta + items.d[logistic, :1]
        slope = (1 - items.g[logistic, None]) * items.a[logistic, None] * expit(z) * expit(-z)
        out[logistic, 1], out[logistic, 0] = slope, -slope
    graded = np.flatnonzero(items.in_family("graded"))
    if graded.size:
        z = items.a[graded, None, None] * theta + items.d[graded][:, :, None]
        slope = np.nan_to_num(items.a[graded, None, None] * expit(z) * expit(-z))
        edge = np.zeros_like(slope[:, :1])
        out[graded] = np.concatenate([edge, slope], axis=1) - np.concatenate([slope, edge], axis=1)
    partial = np.flatnonzero(items.in_family("partial"))
    if partial.size:
        k = np.arange(p.shape[1], dtype=float)[:, None]
        mean = (k * p[partial]).sum(axis=1, keepdims=True)
        out[partial] = items.a[partial, None, None] * p[partial] * (k - mean)
    return out


def information(items: ItemParameters, theta: Array) -> Array:
    """Fisher information of each item, (J, Q): sum over categories of (∂P/∂θ)²/P."""
    p = category_probabilities(items, theta)
    slope = probability_slopes(items, theta)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, slope**2 / p, 0.0)
    return terms.sum(axis=1)
