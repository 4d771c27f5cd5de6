"""Random responses."""

import numpy as np
from numpy.typing import NDArray

from scoring.irt.curves import Array, ItemParameters, category_probabilities


def draw_responses(items: ItemParameters, theta: Array, random: np.random.Generator) -> NDArray[np.int8]:
    """One response of each student to each item, (N, J).

    Args:
        items: J items.
        theta: (N,) abilities.
        random: source of random numbers.
    """
    out = np.empty((len(theta), len(items)), dtype=np.int8)
    for first in range(0, len(theta), 4096):
        part = slice(first, first + 4096)
        above = category_probabilities(items, theta[part])[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]  # P(X >= k)
        u = random.random((len(items), 1, above.shape[2]))
        out[part] = (u < above).sum(axis=1).T
    return out
