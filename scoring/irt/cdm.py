"""Cognitive diagnosis: DINA (Junker & Sijtsma 2001; de la Torre 2009) and the saturated G-DINA (de la Torre 2011).

Both are restricted latent class models. A class is a pattern of mastered attributes; the Q-matrix says which
attributes an item needs; the classes that agree on those attributes share the item's success probability:

    DINA      two probabilities per item: 1 - slip with all the attributes needed, guess without one of them
    G-DINA    one for each pattern of the attributes needed

Classes that agree on every item have the same likelihood whatever the data: no sample can tell them apart. They are
merged before estimation. Expectation maximisation from equal class probabilities keeps the ratios among merged
classes as they were, so a merged estimate is exactly what 2^K classes would have given, with less work.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from scoring.irt.ability import Scores, chunks
from scoring.irt.curves import Array
from scoring.irt.errors import DesignError
from scoring.irt.threads import one_blas_thread

Rule = Literal["dina", "gdina"]
_EDGE = 1e-12
#: Patterns that find the neighbourhood of the maximum; up to how many the observed information is differentiated.
_FIRST, _OBSERVED = 8000, 10000
#: Where the scaled information has an eigenvalue below this share of the largest, the likelihood is flat.
_FLAT = 1e-8
MAX_ATTRIBUTES = 15


@dataclass(frozen=True)
class Structure:
    """What a Q-matrix implies, before any data.

    Attributes:
        patterns: (L, K) 0/1, all attribute patterns, L = 2^K.
        member: (L,) the merged class of each pattern.
        reduced: (J, C) for each item and merged class, which of the item's probabilities applies, 0, 1, ...
        count: (J,) number of probabilities of each item.
        share: (C, K) share of the merged class's patterns that have each attribute.
    """

    patterns: NDArray[np.int8]
    member: NDArray[np.int64]
    reduced: NDArray[np.int64]
    count: NDArray[np.int64]
    share: Array

    @property
    def n_classes(self) -> int:
        """Classes the Q-matrix can tell apart."""
        return self.reduced.shape[1]


def structure(q_matrix: NDArray[np.int8], rule: Rule = "dina") -> Structure:
    """Attribute patterns and merged classes of a Q-matrix.

    Args:
        q_matrix: (J, K) 0/1, which attributes each item needs.
        rule: "dina" or "gdina".

    Raises:
        DesignError: entries other than 0 and 1, an item or attribute without any, more than MAX_ATTRIBUTES.
    """
    if rule not in ("dina", "gdina"):
        raise DesignError("unknown-rule", f"There is no rule {rule!r}.", "Use 'dina' or 'gdina'.")
    q = np.asarray(q_matrix)
    problems = []
    if q.ndim != 2 or not np.isin(q, (0, 1)).all():
        problems.append("entries must be 0 or 1")
    else:
        problems += [f"item {j + 1} needs no attribute" for j in np.flatnonzero(~q.any(axis=1))]
        problems += [f"attribute {k + 1} is needed by no item" for k in np.flatnonzero(~q.any(axis=0))]
        if q.shape[1] > MAX_ATTRIBUTES:
            problems.append(f"{q.shape[1]} attributes, at most {MAX_ATTRIBUTES}")
    if problems:
        raise DesignError("bad-q-matrix", "The Q-matrix cannot be used.", "Items are rows, concepts columns.", problems)
    n_items, n_attributes = q.shape
    codes = np.arange(2**n_attributes)
    patterns = (codes[:, None] >> np.arange(n_attributes) & 1).astype(np.int8)
    reduced = np.zeros((n_items, len(codes)), dtype=np.int64)
    for j in range(n_items):
        needed = np.flatnonzero(q[j])
        if rule == "dina":
            reduced[j] = patterns[:, needed].all(axis=1)
        else:
            reduced[j] = patterns[:, needed].astype(np.int64) @ (1 << np.arange(needed.size))
    distinct, member = np.unique(reduced.T, axis=0, return_inverse=True)
    member = member.reshape(-1)
    size = np.bincount(member)
    share = np.stack([np.bincount(member, weights=patterns[:, k]) for k in range(n_attributes)], axis=1)
    count = np.full(n_items, 2) if rule == "dina" else 2 ** q.sum(axis=1).astype(np.int64)
    return Structure(patterns, member, distinct.T.astype(np.int64), count, share / size[:, None])


@dataclass(frozen=True)
class Diagnosis:
    """A fitted model.

    Attributes:
        structure: the classes.
        success: (J, R) probability of success per reduced class, NaN beyond an item's own.
            DINA: [guess, 1 - slip]; G-DINA: in binary order of the attributes needed.
        se: (J, R) standard errors; NaN where the estimate lies on the boundary 0 or 1, or is not determined.
        class_probability: (C,)
        log_likelihood: at the estimate.
        n_parameters: item probabilities plus distinguishable classes - 1.
        iterations, change: of the EM steps; the largest change of a parameter in the last one.
        converged: whether that is below the tolerance.
    """

    structure: Structure
    success: Array
    se: Array
    class_probability: Array
    log_likelihood: float
    n_parameters: int
    iterations: int
    change: float
    converged: bool


@dataclass(frozen=True)
class _Patterns:
    """Distinct response patterns in sorted order: (U, J) scores, (U,) weights, (N,) pattern of each student."""

    scores: Scores
    weight: Array
    of: NDArray[np.int64]


def _collapse(scores: Scores, weights: Array | None) -> _Patterns:
    if scores.max(initial=0) > 1:
        bad = int((scores.max(axis=0) > 1).sum())
        raise DesignError(
            "not-dichotomous", f"{bad} items have scores above 1.", "Diagnosis takes right and wrong only."
        )
    distinct, of = np.unique(scores, axis=0, return_inverse=True)
    of = of.reshape(-1)
    return _Patterns(distinct, np.bincount(of, weights=weights).astype(float), of)


def _log_terms(s: Structure, success: Array) -> tuple[Array, Array]:
    """log p - log(1 - p) and log(1 - p) of each item and class, (J, C)."""
    p = np.clip(np.take_along_axis(success, s.reduced, axis=1), _EDGE, 1 - _EDGE)
    return np.log(p) - np.log1p(-p), np.log1p(-p)


def _log_joint(scores: Scores, terms: tuple[Array, Array], probability: Array) -> Array:
    """log P(x, class), (n, C)."""
    with np.errstate(divide="ignore"):
        out = (scores == 1).astype(float) @ terms[0] + (terms[1].sum(axis=0) + np.log(probability))
    if scores.min(initial=0) < 0:
        out -= (scores < 0).astype(float) @ terms[1]
    return np.asarray(out)


def _em_step(data: _Patterns, s: Structure, success: Array, probability: Array) -> tuple[Array, Array, float]:
    """One step of EM and the log-likelihood before it."""
    yes, no, size, log_likelihood = _expected_counts(data, s, success, probability)
    with np.errstate(divide="ignore", invalid="ignore"):
        new = np.where(yes + no > 0, yes / (yes + no), success)
    return new, size / data.weight.sum(), log_likelihood


def _expected_counts(
    data: _Patterns, s: Structure, success: Array, probability: Array
) -> tuple[Array, Array, Array, float]:
    """Expected right and wrong answers per item and reduced class (J, R), class sizes (C,), log-likelihood."""
    n_items, width = success.shape
    terms = _log_terms(s, success)
    right, seen = np.zeros((s.n_classes, n_items)), np.zeros((s.n_classes, n_items))
    size, log_likelihood = np.zeros(s.n_classes), 0.0
    for rows in chunks(len(data.scores)):
        x, w = data.scores[rows], data.weight[rows]
        posterior = _log_joint(x, terms, probability)
        top = posterior.max(axis=1, keepdims=True)
        posterior -= top
        np.exp(posterior, out=posterior)
        total = posterior.sum(axis=1, keepdims=True)
        log_likelihood += float(w @ (np.log(total) + top)[:, 0])
        posterior *= w[:, None] / total
        here = posterior.sum(axis=0)
        size += here
        right += posterior.T @ (x == 1).astype(float)
        seen += here[:, None] if x.min(initial=0) >= 0 else posterior.T @ (x >= 0).astype(float)
    flat = (s.reduced.T + width * np.arange(n_items)).ravel()
    length = n_items * width
    wrong = np.maximum(seen - right, 0.0)
    yes = np.bincount(flat, weights=right.ravel(), minlength=length).astype(float).reshape(n_items, width)
    no = np.bincount(flat, weights=wrong.ravel(), minlength=length).astype(float).reshape(n_items, width)
    return yes, no, size, log_likelihood


def fit(
    scores: Scores,
    s: Structure,
    weights: Array | None = None,
    tolerance: float = 1e-7,
    max_iterations: int = 20000,
) -> Diagnosis:
    """Maximum likelihood by EM, from equal class probabilities and guess = slip = .2 (as the R package CDM).

    For G-DINA the start rises from .2 to .8 with the number of attributes mastered. A latent class likelihood has
    several maxima: what is found is the one above this start, which treats the attributes alike.

    Args:
        scores: (N, J) 0, 1, or -1 where not administered.
        s: from `structure`.
        weights: (N,) case weights.
        tolerance: largest change of any probability in one EM step.

    Returns:
        Diagnosis.
    """
    if scores.shape[1] != s.reduced.shape[0]:
        raise DesignError("wrong-shape", f"{scores.shape[1]} items in the data, {s.reduced.shape[0]} in the Q-matrix.")
    data = _collapse(scores, weights)
    success, probability = _start(s), np.bincount(s.member) / len(s.member)
    iterations, change = 0, np.inf
    with one_blas_thread():
        if len(data.scores) > 2 * _FIRST:
            # every k-th of the sorted patterns finds the neighbourhood at a fraction of the price, in any row order
            every = slice(None, None, len(data.scores) // _FIRST)
            some = _Patterns(data.scores[every], data.weight[every], data.of[:0])
            success, probability, iterations, _ = _climb(some, s, success, probability, 1e-5, max_iterations)
        success, probability, more, change = _climb(data, s, success, probability, tolerance, max_iterations)
        log_likelihood = _em_step(data, s, success, probability)[2]
        se = standard_errors(data, s, success, probability)
    iterations += more
    used = np.arange(success.shape[1]) < s.count[:, None]
    return Diagnosis(
        s,
        np.where(used, success, np.nan),
        np.where(used, se, np.nan),
        probability,
        log_likelihood,
        int(s.count.sum()) + s.n_classes - 1,
        iterations,
        change,
        change < tolerance,
    )


def _climb(
    data: _Patterns, s: Structure, success: Array, probability: Array, tolerance: float, max_iterations: int
) -> tuple[Array, Array, int, float]:
    """EM to the tolerance: success, class probabilities, steps, last change."""
    iterations, change = 0, np.inf
    while iterations < max_iterations:
        first = _em_step(data, s, success, probability)
        second = _em_step(data, s, first[0], first[1])
        iterations += 2
        change = _distance(first, second)
        if change < tolerance:
            return second[0], second[1], iterations, change
        success, probability, extra = _extrapolate(data, s, (success, probability), first, second)
        iterations += extra
    return success, probability, iterations, change


def _start(s: Structure) -> Array:
    width = int(s.count.max())
    order = np.array([bin(r).count("1") for r in range(width)])
    needed = np.log2(s.count)[:, None]
    return np.asarray(0.2 + 0.6 * np.minimum(order / needed, 1.0))


def _distance(first: tuple[Array, Array, float], second: tuple[Array, Array, float]) -> float:
    return max(float(np.abs(second[0] - first[0]).max()), float(np.abs(second[1] - first[1]).max()))


def _extrapolate(
    data: _Patterns,
    s: Structure,
    old: tuple[Array, Array],
    first: tuple[Array, Array, float],
    second: tuple[Array, Array, float],
) -> tuple[Array, Array, int]:
    """A squared extrapolation of two EM steps (Varadhan & Roland 2008), kept only if the likelihood rises with it."""
    r = [first[i] - old[i] for i in (0, 1)]
    v = [second[i] - first[i] - r[i] for i in (0, 1)]
    bend = sum(float((x**2).sum()) for x in v)
    length = np.sqrt(sum(float((x**2).sum()) for x in r) / bend) if bend > 0 else 1.0
    if length <= 1.0:
        return second[0], second[1], 0
    jump = [np.clip(old[i] + 2 * length * r[i] + length**2 * v[i], 0.0, 1.0) for i in (0, 1)]
    total = jump[1].sum()
    # a class at exactly zero could never come back: no jump sets one there
    alive = bool(((jump[1] > 0) | (second[1] == 0)).all()) and total > 0
    if not alive:
        return second[0], second[1], 0
    success, probability, value = _em_step(data, s, jump[0], jump[1] / total)
    if value >= second[2]:
        return success, probability, 1
    return second[0], second[1], 1


def posterior(model: Diagnosis, scores: Scores) -> Array:
    """P(class | responses), (N, C)."""
    data = _collapse(scores, None)
    terms = _log_terms(model.structure, np.where(np.isnan(model.success), 0.5, model.success))
    out = np.empty((len(data.scores), model.structure.n_classes))
    with one_blas_thread():
        for rows in chunks(len(out)):
            joint = _log_joint(data.scores[rows], terms, model.class_probability)
            out[rows] = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    return out[data.of]


def attribute_probabilities(model: Diagnosis, scores: Scores) -> Array:
    """P(attribute mastered | responses), (N, K); patterns that cannot be told apart are taken as equally likely."""
    return np.asarray(posterior(model, scores) @ model.structure.share)


def _score_vectors(scores: Scores, s: Structure, free: "_Free", parameters: Array) -> Array:
    """Gradient of the log-likelihood of each pattern in the free parameters, (n, P)."""
    success, probability = free.unpack(parameters)
    joint = _log_joint(scores, _log_terms(s, success), probability)
    post = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    items, columns = free.items
    out = np.empty((len(post), len(parameters)))
    for n, (j, r) in enumerate(zip(items, columns, strict=True)):
        p = success[j, r]
        out[:, n] = post[:, s.reduced[j] == r].sum(axis=1) * ((scores[:, j] == 1) / p - (scores[:, j] == 0) / (1 - p))
    ratio = post[:, free.classes] / probability[free.classes]
    out[:, len(items) :] = ratio[:, :-1] - ratio[:, -1:]
    return out


def _gradient(data: _Patterns, s: Structure, free: "_Free", parameters: Array) -> Array:
    """Gradient of the log-likelihood of the sample, (P,), from the expected counts."""
    success, probability = free.unpack(parameters)
    yes, no, size, _ = _expected_counts(data, s, success, probability)
    p = success[free.items]
    ratio = size[free.classes] / probability[free.classes]
    return np.concatenate([yes[free.items] / p - no[free.items] / (1 - p), ratio[:-1] - ratio[-1]])


def _outer_product(data: _Patterns, s: Structure, free: "_Free", parameters: Array) -> Array:
    out = np.zeros((len(parameters), len(parameters)))
    for rows in chunks(len(data.scores)):
        scores = _score_vectors(data.scores[rows], s, free, parameters)
        out += (scores * data.weight[rows, None]).T @ scores
    return out


@dataclass(frozen=True)
class _Free:
    """Parameters that are not on the boundary, as one vector: item probabilities, then class probabilities but one."""

    success: Array
    probability: Array
    items: tuple[NDArray[np.int64], NDArray[np.int64]]
    classes: NDArray[np.int64]

    def pack(self) -> Array:
        return np.concatenate([self.success[self.items], self.probability[self.classes[:-1]]])

    def unpack(self, parameters: Array) -> tuple[Array, Array]:
        success, probability = self.success.copy(), self.probability.copy()
        n = len(self.items[0])
        success[self.items] = parameters[:n]
        probability[self.classes[:-1]] = parameters[n:]
        rest = 1.0 - np.delete(probability, self.classes[-1]).sum()
        probability[self.classes[-1]] = rest
        return success, probability


def standard_errors(data: _Patterns, s: Structure, success: Array, probability: Array, edge: float = 1e-4) -> Array:
    """Standard errors of the item probabilities, (J, R), from the observed information in all free parameters.

    Item probabilities within `edge` of 0 or 1 and classes with less than `edge` students are held fixed: there the
    likelihood has no interior maximum, and their SE is NaN. The information is the difference quotient of the exact
    gradient. The outer product of the students' scores stands in where that is singular (more classes than the data
    can support), and beyond _OBSERVED distinct patterns, where the two agree and it is much cheaper. Item probabilities
    that neither determines get NaN.
    """
    used = np.arange(success.shape[1]) < s.count[:, None]
    inner = used & (success > edge) & (success < 1 - edge)
    n_students = data.weight.sum()
    classes = np.flatnonzero(probability * n_students > max(edge * n_students, 0.5))
    out = np.full(success.shape, np.nan)
    if not classes.size or not inner.any():
        return out
    classes = classes[np.argsort(probability[classes], kind="stable")]  # the largest is the dependent one
    index = np.nonzero(inner)
    free = _Free(success, probability, (index[0], index[1]), classes)
    at, h = free.pack(), 1e-6
    n = len(index[0])
    information = np.full((len(at), len(at)), np.nan)
    if len(data.scores) <= _OBSERVED:
        for k in range(len(at)):
            step = np.zeros_like(at)
            step[k] = h
            information[k] = (_gradient(data, s, free, at - step) - _gradient(data, s, free, at + step)) / (2 * h)
        information = (information + information.T) / 2
    if np.isnan(information).any() or np.linalg.eigvalsh(_scaled(information)).min() <= 1e-8:
        information = _outer_product(data, s, free, at)
    out[index] = np.sqrt(_variances(information)[:n])
    return out


def _variances(information: Array) -> Array:
    """(P,) diagonal of the inverse; NaN where the data do not determine a parameter.

    Along an eigenvector of no information the likelihood is flat: what has a share in it may be anything.
    """
    out = np.full(len(information), np.nan)
    known = np.flatnonzero(np.diag(information) > 0)
    sub = information[np.ix_(known, known)]
    d = np.sqrt(np.diag(sub))
    value, vector = np.linalg.eigh(sub / np.outer(d, d))
    flat = value <= _FLAT * value[-1]
    inverse = (vector[:, ~flat] ** 2 / value[~flat]).sum(axis=1)
    undetermined = (vector[:, flat] ** 2).sum(axis=1) > 1e-4
    out[known] = np.where(undetermined, np.nan, inverse / d**2)
    return out


def _scaled(information: Array) -> Array:
    diagonal = np.diag(information)
    if (diagonal <= 0).any():
        return np.array([[-1.0]])
    d = np.sqrt(diagonal)
    return np.asarray(information / np.outer(d, d))
