"""Reliability of scores, as numbers for a population and as a curve over θ.

Each coefficient answers a different question, and none of them is "the" reliability:

    marginal    1 - E(posterior variance)/variance of θ for a population on a grid, in its large-test form:
                the mean of I/(I + 1/σ²) over the population (Green, Bock, Humphreys, Linn & Reckase 1984)
    EAP         var(EAP)/(var(EAP) + mean posterior variance) of the students tested
    WLE         1 - mean(SE²)/var(WLE) of the students tested (Adams 2005); may be negative on short tests
    alpha       Cronbach (1951), of the sum score of students with complete responses
    omega       var(E(X|θ))/var(X): the share of the sum score's variance that the model ascribes to θ
                (Lord 1980; for ordered categories Green & Yang 2009)
"""

from dataclasses import dataclass

import numpy as np

from scoring.irt.ability import Abilities, Scores
from scoring.irt.curves import Array, ItemParameters, category_probabilities, information


@dataclass(frozen=True)
class ConditionalError:
    """Precision over θ.

    Attributes:
        theta: (Q,)
        information: (Q,) test information.
        sem: (Q,) 1/sqrt(information), in θ units; inf where there is none.
        true_score: (Q,) expected sum score.
        score_sem: (Q,) standard deviation of the sum score at that θ.
    """

    theta: Array
    information: Array
    sem: Array
    true_score: Array
    score_sem: Array


def conditional_error(items: ItemParameters, theta: Array) -> ConditionalError:
    """Test information and conditional standard errors of measurement, in θ and in score points."""
    theta = np.asarray(theta, dtype=float)
    total = information(items, theta).sum(axis=0)
    mean, variance = _score_moments(items, theta)
    with np.errstate(divide="ignore"):
        return ConditionalError(theta, total, 1 / np.sqrt(total), mean, np.sqrt(variance))


def _score_moments(items: ItemParameters, theta: Array) -> tuple[Array, Array]:
    p = category_probabilities(items, theta)
    k = np.arange(p.shape[1], dtype=float)
    mean = np.einsum("k,jkq->jq", k, p)
    variance = np.einsum("k,jkq->jq", k**2, p) - mean**2
    return mean.sum(axis=0), variance.sum(axis=0)


def marginal_reliability(items: ItemParameters, nodes: Array, log_weights: Array) -> float:
    """Mean of I(θ)/(I(θ) + 1/σ²) over the population on the grid, σ² its variance."""
    weights = np.exp(log_weights)
    mean = weights @ nodes
    variance = weights @ (nodes - mean) ** 2
    total = information(items, nodes).sum(axis=0)
    return float(weights @ (total / (total + 1 / variance)))


def eap_reliability(eap: Abilities) -> float:
    """var(EAP)/(var(EAP) + mean posterior variance), over the students with a score; NaN below two of them."""
    ok = np.isfinite(eap.theta)
    if ok.sum() < 2:
        return float("nan")
    between = eap.theta[ok].var(ddof=1)
    return float(between / (between + (eap.se[ok] ** 2).mean()))


def wle_reliability(wle: Abilities) -> float:
    """1 - mean(SE²)/var(WLE) (Adams 2005), over the students with a finite score; NaN below two of them.

    The SEs to give are 1/sqrt of the expected information, as in TAM: with the curvature of the weighted likelihood,
    which contains the weight's own, a five-item test came out .1 more reliable.
    """
    ok = np.isfinite(wle.theta) & np.isfinite(wle.se)
    if ok.sum() < 2:
        return float("nan")
    variance = wle.theta[ok].var(ddof=1)
    return float(1 - (wle.se[ok] ** 2).mean() / variance) if variance > 0 else float("nan")


def alpha(scores: Scores) -> float:
    """Cronbach's alpha of complete rows; NaN with fewer than two items, two such rows or without any variance."""
    complete = scores[(scores >= 0).all(axis=1)].astype(float)
    n_items = scores.shape[1]
    if len(complete) < 2 or n_items < 2:
        return float("nan")
    total = complete.sum(axis=1).var(ddof=1)
    if total == 0:
        return float("nan")
    return float(n_items / (n_items - 1) * (1 - complete.var(axis=0, ddof=1).sum() / total))


def omega(items: ItemParameters, nodes: Array, log_weights: Array) -> float:
    """Share of the sum score's variance that is due to θ under the model and the population on the grid."""
    weights = np.exp(log_weights)
    mean, error = _score_moments(items, nodes)
    true = weights @ (mean - weights @ mean) ** 2
    return float(true / (true + weights @ error))
