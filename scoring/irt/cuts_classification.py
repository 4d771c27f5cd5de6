"""How often a verdict is right, and how often a second test would repeat it.

Rudner (2001, 2005): each student's true θ is normal around the estimate with its standard error; no assumption on the
distribution of scores. Lee (2010): the verdict is made from the sum score, whose distribution given θ is known
exactly (Lord-Wingersky). Both for any number of ordered cuts.
"""

from dataclasses import dataclass

import numpy as np

from scoring.irt.curves import Array, ItemParameters, category_probabilities
from scoring.irt.distributions import normal_below
from scoring.irt.errors import DesignError
from scoring.irt.sumscore import sum_score_likelihood


@dataclass(frozen=True)
class Classification:
    """Accuracy and consistency of verdicts into L levels.

    Attributes:
        accuracy: probability that a student's verdict is the true level.
        consistency: probability that two independent tests give the same verdict.
        kappa: consistency corrected for chance, (consistency - chance)/(1 - chance); chance is that two tests agree
            whose verdicts have the shares of one such test and nothing to do with each other.
        table: (L, L) true level × verdict, sums to 1.
        accuracy_by_level: (L,) probability of the right verdict given the true level.
        false_high, false_low: probability of a verdict above, below the true level.
    """

    accuracy: float
    consistency: float
    kappa: float
    table: Array
    accuracy_by_level: Array
    false_high: float
    false_low: float


def _classification(table: Array, consistency: float, tested: Array) -> Classification:
    """`tested`: (L,) share of each verdict on one of the two tests that `consistency` speaks of."""
    true = table.sum(axis=1)
    chance = float(tested @ tested)
    with np.errstate(divide="ignore", invalid="ignore"):
        kappa = (consistency - chance) / (1 - chance) if chance < 1 else float("nan")
        by_level = np.diag(table) / true
    return Classification(
        float(np.trace(table)),
        consistency,
        float(kappa),
        table,
        by_level,
        float(np.triu(table, 1).sum()),
        float(np.tril(table, -1).sum()),
    )


def _cuts(cuts: Array | float) -> Array:
    out = np.atleast_1d(np.asarray(cuts, dtype=float))
    if not np.isfinite(out).all() or (np.diff(out) <= 0).any() or not out.size:
        raise DesignError("bad-cuts", "Cuts must be finite and rise.", "")
    return out


def rudner(theta: Array, se: Array, cuts: Array | float, weights: Array | None = None) -> Classification:
    """Accuracy and consistency from estimates and their standard errors (Rudner 2001, 2005).

    Args:
        theta, se: (N,) estimates; those that are not finite are left out.
        cuts: on θ, rising.
        weights: (N,)

    Returns:
        Classification; consistency is Σ_level P(level | θ̂, se)², the same student tested twice.
    """
    cuts = _cuts(cuts)
    ok = np.isfinite(theta) & np.isfinite(se) & (np.asarray(se) > 0)
    if not ok.any():
        raise DesignError("no-scores", "No student has a finite score with a standard error.", "")
    theta, se = np.asarray(theta)[ok], np.asarray(se)[ok]
    w = np.ones(len(theta)) if weights is None else np.asarray(weights, dtype=float)[ok]
    w = w / w.sum()
    edges = np.concatenate([[-np.inf], cuts, [np.inf]])
    level = normal_below((edges[1:] - theta[:, None]) / se[:, None]) - normal_below(
        (edges[:-1] - theta[:, None]) / se[:, None]
    )
    verdict = np.searchsorted(cuts, theta, side="right")
    table = np.zeros((len(cuts) + 1,) * 2)
    np.add.at(table.T, verdict, w[:, None] * level)
    return _classification(table, float(w @ (level**2).sum(axis=1)), w @ level)


def posterior_classification(probability: Array, verdict: Array, weights: Array | None = None) -> Classification:
    """Accuracy of verdicts made from posterior probabilities of levels (Guo 2006).

    Args:
        probability: (N, L) posterior probability of each level.
        verdict: (N,) level given, 0, 1, ...; negative for "undecided", left out.

    Returns:
        Classification of the decided students.
    """
    ok = (np.asarray(verdict) >= 0) & np.isfinite(probability).all(axis=1)
    if not ok.any():
        raise DesignError("no-verdicts", "Nobody has a verdict.", "")
    p, v = probability[ok], np.asarray(verdict)[ok].astype(int)
    w = np.ones(len(p)) if weights is None else np.asarray(weights, dtype=float)[ok]
    w = w / w.sum()
    table = np.zeros((p.shape[1],) * 2)
    np.add.at(table.T, v, w[:, None] * p)
    return _classification(table, float(w @ (p**2).sum(axis=1)), w @ p)


def lee(items: ItemParameters, cuts: Array | float, nodes: Array, weights: Array) -> Classification:
    """Accuracy and consistency of verdicts from the sum score (Lee 2010).

    Args:
        items: the test's.
        cuts: on θ, rising; the verdict is made at the smallest sum score not below the expected score there.
        nodes, weights: (Q,) distribution of θ; weights sum to 1.

    Returns:
        Classification; the true level is that of θ itself.
    """
    cuts = _cuts(cuts)
    likelihood = sum_score_likelihood(category_probabilities(items, nodes))
    verdict = np.searchsorted(raw_cuts(items, cuts), np.arange(len(likelihood)), side="right")
    level = np.stack([likelihood[verdict == v].sum(axis=0) for v in range(len(cuts) + 1)])  # (L, Q)
    true = np.searchsorted(cuts, nodes, side="right")
    table = np.zeros((len(cuts) + 1,) * 2)
    np.add.at(table, true, (weights * level).T)
    return _classification(table, float(weights @ (level**2).sum(axis=0)), level @ weights)


def raw_cuts(items: ItemParameters, cuts: Array | float) -> Array:
    """The smallest sum score that is not below the expected sum score at each cut."""
    p = category_probabilities(items, np.atleast_1d(np.asarray(cuts, dtype=float)))
    expected = np.einsum("k,jkq->q", np.arange(p.shape[1], dtype=float), p)
    return np.asarray(np.ceil(expected - 1e-9))
