"""Item parameters of the concept profile as a vector, and the derivatives of the response curves in them.

An item's block of the vector is (a, d_1, ..., d_{K-1}) and, for a 3PL, logit g.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from scoring.irt.curves import ItemParameters
from scoring.irt.derivatives import differentiate, expected_information

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

    def padded(self) -> Index:
        """(J, S) position of each slot of scoring.irt.derivatives (a, d_1.., logit g last), -1 for those not there."""
        guesses = self.guessing >= 0
        steps = self.size - guesses
        column = np.arange(int(steps.max()) + bool(guesses.any()))
        out = np.where(column < steps[:, None], self.start[:, None] + column, -1)
        out[guesses, -1] = self.guessing[guesses]
        return out


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
    """∂ log P(X = k | θ) in the item's slots (scoring.irt.derivatives), (J, S, K, Q)."""
    return differentiate(items, theta).score.transpose(0, 2, 1, 3)


def fisher_steps(items: ItemParameters, layout: ItemLayout, counts: Array, theta: Array, ridge: Array) -> Array:
    """One Fisher-scoring step of every item towards the maximum of its expected complete-data likelihood.

    Args:
        counts: (J, K, Q) expected numbers of responses in category k at node q.
        ridge: (total, 2): mean and precision of a normal prior on each parameter, precision 0 for none.

    Returns:
        (total,) steps, none longer than .7, so that a poor start cannot throw an item away.
    """
    derivatives = differentiate(items, theta)
    at = layout.padded()
    score = np.einsum("jkq,jkpq->jp", counts, derivatives.score)
    information = expected_information(derivatives, counts.sum(axis=1))
    vector = pack(items, layout)
    used = at >= 0
    safe = np.where(used, at, 0)
    score = score + np.where(used, ridge[safe, 1] * (ridge[safe, 0] - vector[safe]), 0.0)
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
        share = np.bincount(x + 1, weights, minlength=k + 1)[1 : k + 1] + 0.5  # -1 is no answer
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
