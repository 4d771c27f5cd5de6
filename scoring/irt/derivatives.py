"""Derivatives of log P(X = k | θ) in the item parameters, for scores, M-steps and observed information.

Parameters of an item stand in slots: 0 the slope a, 1..K-1 the intercepts d_1..d_{K-1}, and last, where any item is
a "3pl", λ = logit g. Slots that an item does not have are zero everywhere.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from scoring.irt.curves import Array, ItemParameters, category_probabilities, log_probabilities


@dataclass(frozen=True)
class Derivatives:
    """First derivatives at Q nodes.

    Attributes:
        items: the J items.
        theta: (Q,) nodes.
        probabilities: (J, K, Q).
        log_p: (J, K, Q) log-probabilities, 0 beyond an item's last category.
        score: (J, K, S, Q) ∂ log P_k / ∂ slot.
    """

    items: ItemParameters
    theta: Array
    probabilities: Array
    log_p: Array
    score: Array


def has_asymptote(items: ItemParameters) -> NDArray[np.bool_]:
    """(J,) which items have a lower asymptote to speak of (model 3pl)."""
    return np.array([m == "3pl" for m in items.model], dtype=bool)


def slots(items: ItemParameters) -> int:
    """Number of slots: slope, intercepts, and one for logit g where there is a 3pl item."""
    return int(items.categories.max(initial=2)) + int(has_asymptote(items).any())


def differentiate(items: ItemParameters, theta: Array) -> Derivatives:
    """Probabilities and their log-derivatives at the nodes."""
    theta = np.asarray(theta, dtype=float)
    p = category_probabilities(items, theta)
    score = np.zeros((len(items), p.shape[1], slots(items), theta.size))
    with_g = has_asymptote(items)
    plain = np.flatnonzero(items.in_family("logistic") & ~with_g)
    if plain.size:
        _logistic_scores(p, plain, theta, score)
    three = np.flatnonzero(with_g)
    if three.size:
        _asymptote_scores(items, p, three, theta, score)
    graded = np.flatnonzero(items.in_family("graded"))
    if graded.size:
        _graded_scores(items, p, graded, theta, score)
    partial = np.flatnonzero(items.in_family("partial"))
    if partial.size:
        _partial_scores(items, p, partial, theta, score)
    return Derivatives(items, theta, p, log_probabilities(items, theta), score)


def _logistic_scores(p: Array, index: NDArray[np.int64], theta: Array, score: Array) -> None:
    residual = np.stack([-p[index, 1], p[index, 0]], axis=1)  # (J, 2, Q): x - P for x = 0, 1
    score[index, :2, 0] = residual * theta
    score[index, :2, 1] = residual


def _asymptote_scores(items: ItemParameters, p: Array, index: NDArray[np.int64], theta: Array, score: Array) -> None:
    g = items.g[index, None]
    z = items.a[index, None] * theta + items.d[index, :1]
    s, r = expit(z), expit(-z)
    one = (1 - g) * s * r / p[index, 1]  # ∂ log P_1 / ∂ z
    score[index, 1, 0], score[index, 0, 0] = one * theta, -s * theta
    score[index, 1, 1], score[index, 0, 1] = one, -s
    score[index, 1, -1] = g * (1 - g) * r / p[index, 1]
    score[index, 0, -1] = np.broadcast_to(-g, s.shape)


def _densities(items: ItemParameters, index: NDArray[np.int64], theta: Array, k: int) -> tuple[Array, Array]:
    """σ and f = σ(1 - σ) of the boundaries 0..K: (J, K + 1, Q), 1 and 0 at the ends."""
    d = items.d[index, : k - 1]
    z = items.a[index, None, None] * theta + np.where(np.isnan(d), -np.inf, d)[:, :, None]
    ends = np.ones((len(index), 1, theta.size))
    s = np.concatenate([ends, expit(z), np.zeros_like(ends)], axis=1)
    f = np.concatenate([np.zeros_like(ends), expit(z) * expit(-z), np.zeros_like(ends)], axis=1)
    return s, f


def _graded_scores(items: ItemParameters, p: Array, index: NDArray[np.int64], theta: Array, score: Array) -> None:
    k = p.shape[1]
    _, f = _densities(items, index, theta, k)
    safe = np.maximum(p[index], np.finfo(float).tiny)
    score[index, :, 0] = theta * (f[:, :-1] - f[:, 1:]) / safe
    for b in range(1, k):  # boundary b separates categories b - 1 and b
        score[index, b, b] = f[:, b] / safe[:, b]
        score[index, b - 1, b] = -f[:, b] / safe[:, b - 1]


def _partial_scores(items: ItemParameters, p: Array, index: NDArray[np.int64], theta: Array, score: Array) -> None:
    k = np.arange(p.shape[1], dtype=float)
    mean = np.einsum("k,jkq->jq", k, p[index])
    score[index, :, 0] = theta * (k[None, :, None] - mean[:, None, :])
    for c in range(1, p.shape[1]):
        score[index, :, c] = -p[index, c][:, None, :]
        score[index, c, c] += np.where(items.categories[index, None] > c, 1.0, 0.0)
    beyond = np.arange(p.shape[1])[None, :] >= items.categories[index, None]
    block = score[index]
    block[beyond] = 0.0
    score[index] = block


def expected_information(derivatives: Derivatives, n: Array) -> Array:
    """Complete-data Fisher information: sum over nodes of n·Σ_k P_k s_k s_k', (J, S, S), positive semidefinite.

    Args:
        derivatives: at the Q nodes.
        n: (J, Q) expected numbers of answers at each node.
    """
    d = derivatives
    weight = d.probabilities * n[:, None, :]
    return np.einsum("jkq,jksq,jktq->jst", weight, d.score, d.score, optimize=True)


def complete_hessian(derivatives: Derivatives, counts: Array) -> Array:
    """Σ_k Σ_q counts_kq ∂² log P_k(θ_q), (J, S, S): the Hessian of the complete-data log-likelihood.

    Args:
        derivatives: at the Q nodes.
        counts: (J, K, Q) expected counts.
    """
    d, items, theta = derivatives, derivatives.items, derivatives.theta
    out = np.zeros((len(items), d.score.shape[2], d.score.shape[2]))
    with_g = has_asymptote(items)
    plain = np.flatnonzero(items.in_family("logistic") & ~with_g)
    if plain.size:
        n = counts[plain].sum(axis=1)
        w = -n * d.probabilities[plain, 0] * d.probabilities[plain, 1]
        _fill_logistic(out, plain, w, theta)
    three = np.flatnonzero(with_g)
    if three.size:
        _asymptote_hessian(d, three, counts[three], out)
    graded = np.flatnonzero(items.in_family("graded"))
    if graded.size:
        _graded_hessian(d, graded, counts[graded], out)
    partial = np.flatnonzero(items.in_family("partial"))
    if partial.size:  # ∂² log P_k does not depend on k: minus the covariance of the sufficient statistics
        n = counts[partial].sum(axis=1)
        p, s = d.probabilities[partial] * n[:, None, :], d.score[partial]
        out[partial] = -np.einsum("jkq,jksq,jktq->jst", p, s, s, optimize=True)
    return out


def _fill_logistic(out: Array, index: NDArray[np.int64], w: Array, theta: Array) -> None:
    out[index, 0, 0] = w @ theta**2
    out[index, 0, 1] = out[index, 1, 0] = w @ theta
    out[index, 1, 1] = w.sum(axis=1)


def _asymptote_hessian(d: Derivatives, index: NDArray[np.int64], counts: Array, out: Array) -> None:
    items, theta = d.items, d.theta
    g = items.g[index, None]
    z = items.a[index, None] * theta + items.d[index, :1]
    s, r, p = expit(z), expit(-z), d.probabilities[index, 1]
    p_z, p_l = (1 - g) * s * r, g * (1 - g) * r
    p_zz, p_ll, p_zl = p_z * (r - s), g * (1 - g) * (1 - 2 * g) * r, -g * (1 - g) * s * r
    zz = counts[:, 1] * (p_zz / p - (p_z / p) ** 2) - counts[:, 0] * s * r
    ll = counts[:, 1] * (p_ll / p - (p_l / p) ** 2) - counts[:, 0] * g * (1 - g)
    zl = counts[:, 1] * (p_zl / p - p_z * p_l / p**2)
    _fill_logistic(out, index, zz, theta)
    last = out.shape[1] - 1
    out[index, 0, last] = out[index, last, 0] = zl @ theta
    out[index, 1, last] = out[index, last, 1] = zl.sum(axis=1)
    out[index, last, last] = ll.sum(axis=1)


def _graded_hessian(d: Derivatives, index: NDArray[np.int64], counts: Array, out: Array) -> None:
    items, theta, k = d.items, d.theta, d.probabilities.shape[1]
    s, f = _densities(items, index, theta, k)
    f2 = f * (1 - 2 * s)
    safe = np.maximum(d.probabilities[index], np.finfo(float).tiny)
    ratio = counts / safe  # Σ counts (P''/P - s s'), P'' first
    outer = np.einsum("jkq,jksq,jktq->jst", counts, d.score[index], d.score[index], optimize=True)
    second = np.zeros_like(outer)
    second[:, 0, 0] = np.einsum("jkq,q,jkq->j", ratio, theta**2, f2[:, :-1] - f2[:, 1:])
    for b in range(1, k):
        gain = (ratio[:, b] - ratio[:, b - 1]) * f2[:, b]
        second[:, b, b] = gain.sum(axis=1)
        second[:, 0, b] = second[:, b, 0] = gain @ theta
    out[index] = second - outer
