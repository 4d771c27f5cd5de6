"""Item parameters of the concept profile as a vector, and the derivatives of the response curves in them.

An item's block of the vector is (a, d_1, ..., d_{K-1}) and, for a 3PL, logit g.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from scoring.irt.curves import ItemParameters, category_probabilities

Array = NDArray[np.float64]
Index = NDArray[np.int64]

#: Mean and SD of the normal prior on logit g: four options, guessed evenly.
GUESSING_PRIOR = (float(np.log(0.25 / 0.75)), 0.5)


@dataclass(frozen=True)
class ItemLayout:
    """Where each item's parameters stand in the vector.

    Attributes:
        start: (J,) position of the slope; the intercepts follow.
        size: (J,) parameters of the item.
        guessing: (J,) position of logit g, -1 where there is none.
        total: length of the vector.
    """

    start: Index
    size: Index
    guessing: Index
    total: int

    @property
    def widest(self) -> int:
        return int(self.size.max())

    def padded(self) -> Index:
        """(J, widest) positions, -1 beyond an item's own parameters."""
        column = np.arange(self.widest)
        return np.where(column < self.size[:, None], self.start[:, None] + column, -1)


def layout_of(items: ItemParameters) -> ItemLayout:
    """The layout of these items: models and numbers of categories matter, values do not."""
    guesses = np.array([m == "3pl" for m in items.model], dtype=bool)
    size = items.categories + guesses
    start = np.concatenate([[0], np.cumsum(size)[:-1]])
    guessing = np.where(guesses, start + items.categories, -1)
    return ItemLayout(start, size, guessing, int(size.sum()))


def pack(items: ItemParameters, layout: ItemLayout) -> Array:
    """The parameter vector, (total,)."""
    out = np.zeros(layout.total)
    for j in range(len(items)):
        at, k = layout.start[j], items.categories[j]
        out[at] = items.a[j]
        out[at + 1 : at + k] = items.d[j, : k - 1]
        if layout.guessing[j] >= 0:
            out[layout.guessing[j]] = np.log(items.g[j] / (1 - items.g[j]))
    return out


def unpack(vector: Array, items: ItemParameters, layout: ItemLayout) -> ItemParameters:
    """The items with their parameters replaced by those of the vector."""
    d = np.full(items.d.shape, np.nan)
    g = np.zeros(len(items))
    for j in range(len(items)):
        at, k = layout.start[j], items.categories[j]
        d[j, : k - 1] = vector[at + 1 : at + k]
        if layout.guessing[j] >= 0:
            g[j] = expit(vector[layout.guessing[j]])
    return replace(items, a=vector[layout.start].copy(), d=d, g=g)


def log_probability_gradients(items: ItemParameters, theta: Array) -> Array:
    """∂ log P(X = k | θ) in the item's parameters.

    Returns:
        (J, P, K, Q), P the parameters of the largest item in the order of the layout; zero where an item has fewer
        parameters or categories.
    """
    guesses = any(m == "3pl" for m in items.model)
    n_categories = int(items.categories.max())
    out = np.zeros((len(items), max(n_categories, 3 if guesses else 2), n_categories, theta.size))
    probability = category_probabilities(items, theta)
    logistic = np.flatnonzero(items.in_family("logistic"))
    if logistic.size:
        out[logistic] = _logistic(items, logistic, theta, out.shape)
    partial = np.flatnonzero(items.in_family("partial"))
    for j in partial:
        k = int(items.categories[j])
        p, steps = probability[j, :k], np.arange(k)[:, None]
        out[j, 0, :k] = (steps - (steps * p).sum(axis=0)) * theta
        for m in range(1, k):
            out[j, m, :k] = (steps == m) - p[m]
    for j in np.flatnonzero(items.in_family("graded")):
        k = int(items.categories[j])
        z = items.a[j] * theta + items.d[j, : k - 1, None]
        slope = expit(z) * expit(-z)
        p = np.maximum(probability[j, :k], np.finfo(float).tiny)
        edge = np.zeros((1, theta.size))
        upper, lower = np.concatenate([edge, slope]), np.concatenate([slope, edge])
        out[j, 0, :k] = theta * (upper - lower) / p
        for m in range(1, k):
            out[j, m, m] = slope[m - 1] / p[m]
            out[j, m, m - 1] = -slope[m - 1] / p[m - 1]
    return out


def _logistic(items: ItemParameters, index: Index, theta: Array, shape: tuple[int, ...]) -> Array:
    out = np.zeros((index.size, *shape[1:]))
    z = items.a[index, None] * theta + items.d[index, :1]
    g = items.g[index, None]
    rising, falling = expit(z), expit(-z)
    p = g + (1 - g) * rising
    right = np.where(g > 0, (1 - g) * rising * falling / np.maximum(p, np.finfo(float).tiny), falling)
    out[:, 0, 1], out[:, 0, 0] = right * theta, -rising * theta
    out[:, 1, 1], out[:, 1, 0] = right, -rising
    three = np.flatnonzero(np.array([items.model[j] == "3pl" for j in index]))
    if three.size:
        out[three, 2, 1] = (g * (1 - g) * falling / np.maximum(p, np.finfo(float).tiny))[three]
        out[three, 2, 0] = -g[three]
    return out


def fisher_steps(items: ItemParameters, layout: ItemLayout, counts: Array, theta: Array, ridge: Array) -> Array:
    """One Fisher-scoring step of every item towards the maximum of its expected complete-data likelihood.

    Args:
        counts: (J, K, Q) expected numbers of responses in category k at node q.
        ridge: (total, 2): mean and precision of a normal prior on each parameter, precision 0 for none.

    Returns:
        (total,) steps, none longer than .7, so that a poor start cannot throw an item away.
    """
    gradients = log_probability_gradients(items, theta)
    at = layout.padded()
    score = np.einsum("jkq,jpkq->jp", counts, gradients)
    weight = counts.sum(axis=1)[:, None] * category_probabilities(items, theta)
    information = np.einsum("jkq,jpkq,jrkq->jpr", weight, gradients, gradients, optimize=True)
    vector = pack(items, layout)
    used = at >= 0
    safe = np.where(used, at, 0)
    score = score[:, : at.shape[1]] + np.where(used, ridge[safe, 1] * (ridge[safe, 0] - vector[safe]), 0.0)
    information = information[:, : at.shape[1], : at.shape[1]]
    diagonal = np.arange(at.shape[1])
    information[:, diagonal, diagonal] += np.where(used, ridge[safe, 1] + 1e-8, 1.0)
    step = np.linalg.solve(information, np.where(used, score, 0.0)[:, :, None])[:, :, 0]
    step *= np.minimum(1.0, 0.7 / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-12))
    out = np.zeros(layout.total)
    out[at[used]] = step[used]
    return out


def starting_items(items: ItemParameters, scores: NDArray[np.int8], weights: Array) -> ItemParameters:
    """Starting values: slope 1 (or as fixed by the model), intercepts from the shares of the categories."""
    d = np.full(items.d.shape, np.nan)
    for j in range(len(items)):
        k = int(items.categories[j])
        x = scores[:, j]
        share = np.array([weights[x == m].sum() for m in range(k)]) + 0.5
        share /= share.sum()
        if items.model[j] in ("gpcm", "pcm"):
            d[j, : k - 1] = np.log(share[1:] / share[0])
        else:
            above = np.cumsum(share[::-1])[::-1][1:]
            if items.model[j] == "3pl":
                above = np.clip((above - 0.2) / 0.8, 0.05, 0.95)
            d[j, : k - 1] = 1.15 * np.log(above / (1 - above))
    g = np.array([0.2 if m == "3pl" else 0.0 for m in items.model])
    return replace(items, a=np.ones(len(items)), d=d, g=g)
