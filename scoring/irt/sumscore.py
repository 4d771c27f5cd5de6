"""Sum scores: their distribution given θ (Lord & Wingersky 1984) and what each says about θ (Thissen et al. 1995)."""

from dataclasses import dataclass

import numpy as np

from scoring.irt.curves import Array, ItemParameters, category_probabilities
from scoring.irt.errors import DesignError


@dataclass(frozen=True)
class SumScores:
    """What each sum score of a test says, under one prior.

    Attributes:
        score: (S,) sum scores 0, 1, ..., the sum of the items' highest categories.
        theta: (S,) posterior mean of θ given the sum score.
        sd: (S,) posterior standard deviation of θ given the sum score.
        probability: (S,) marginal probability of the sum score; times N it is the expected number of students.
        likelihood: (S, Q) P(sum score | θ).
    """

    score: Array
    theta: Array
    sd: Array
    probability: Array
    likelihood: Array


def sum_score_likelihood(probabilities: Array) -> Array:
    """P(sum score = s | θ) by the Lord-Wingersky recursion, any number of categories.

    Args:
        probabilities: (J, K, Q), categories scored 0, 1, ..., zero beyond an item's last.

    Returns:
        (S, Q) with S - 1 the highest sum score of the items as they are padded, cut after the last possible one.
    """
    n_items, n_categories, n_nodes = probabilities.shape
    out = np.zeros((n_items * (n_categories - 1) + 1, n_nodes))
    out[0] = 1.0
    top = 0
    for item in probabilities:
        highest = int(np.flatnonzero(item.any(axis=1)).max(initial=0))
        grown = np.zeros((top + highest + 1, n_nodes))
        for k in range(highest + 1):
            grown[k : k + top + 1] += item[k] * out[: top + 1]
        top += highest
        out[: top + 1] = grown
    return out[: top + 1]


def sum_scores(items: ItemParameters, nodes: Array, log_weights: Array) -> SumScores:
    """EAP of θ for each sum score of a test that a student took completely.

    Args:
        items: the test's items.
        nodes, log_weights: (Q,) the prior on a grid.

    Returns:
        SumScores.
    """
    if not len(items):
        raise DesignError("no-items", "A sum-score table needs at least one item.")
    likelihood = sum_score_likelihood(category_probabilities(items, nodes))
    joint = likelihood * np.exp(log_weights)
    probability = joint.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        theta = joint @ nodes / probability
        sd = np.sqrt(np.maximum(((nodes - theta[:, None]) ** 2 * joint).sum(axis=1) / probability, 0.0))
    return SumScores(np.arange(len(likelihood), dtype=float), theta, sd, probability, likelihood)
