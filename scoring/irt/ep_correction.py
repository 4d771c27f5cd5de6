"""What the other concepts' non-normality does to a concept's marginal: a correction of EP to second order.

EP treats the other concepts' likelihoods as Gaussian. Their true shapes differ from that by r_j = tilted_j / q_j, and
the exact marginal is tilted_c · E[Π r_j | θ_c]. Expanded in Hermite polynomials of the standardised θ_j, r_j starts at
the third degree (EP matches the first two), with coefficients that are the cumulants κ_3, κ_4 of the tilted marginal:
r_j = 1 + Σ_m κ_jm He_m(z_j)/m!. Given θ_c the others are Gaussian, so that

    E[He_m(z_j) | z_c] = ρ_cj^m He_m(z_c)                                                        (Mehler 1866),
    E[He_m(z_j) He_n(z_k) | z_c] = Σ_l m! n!/(l! (m-l)! (n-l)!) π^l ρ_cj^(m-l) ρ_ck^(n-l) He_(m-l)(z_c) He_(n-l)(z_c)

with π the partial covariance of z_j and z_k given z_c, and the marginal is
tilted_c times a polynomial in z_c: the single terms are the first order (after Cseke & Heskes 2011; Opper, Paquet &
Winther 2013), the pairs of concepts the second. Terms beyond the sixth degree are left out: κ_4 and products of that
size are no better known than what is cut off.
"""

from itertools import combinations
from math import factorial

import numpy as np
from numpy.typing import NDArray

from scoring.irt.ep import EPPosterior, cut_weights, tilted_marginals

Array = NDArray[np.float64]
Single = NDArray[np.float32]


def corrected_block(
    mean: Array, covariance: Array, tilted: Array, nodes: Array, above: Array | None = None
) -> tuple[Array, Array, Array | None]:
    """Means, SDs and probabilities above the cuts of the corrected marginals.

    Args:
        mean: (C, n) EP means.
        covariance: (C, C, n) EP covariances.
        tilted: (C, n, Q) probabilities of the nodes.
        nodes: (Q,).
        above: (C, Q) weights of `scoring.irt.ep.cut_weights`, or None.

    Returns:
        (C, n) means, (C, n) SDs, (C, n) P(θ_c >= cut_c) or None. Where the correction is no small change (it would
        leave a probability outside [0, 1] or a variance halved) the tilted marginal itself is used.
    """
    sd = np.sqrt(np.einsum("ccn->cn", covariance))
    z = _standardised(tilted @ nodes[:, None] ** np.arange(5), mean, sd)
    third = (z[3] - 3 * z[1]).astype(np.float32)
    fourth = (z[4] - 6 * z[2] + 3).astype(np.float32)
    correlation = (covariance / (sd[:, None] * sd)).astype(np.float32)
    new_mean, new_sd = np.empty_like(mean), np.empty_like(mean)
    p = None if above is None else np.empty_like(mean)
    sums = np.stack([np.ones_like(nodes), nodes, nodes**2, np.zeros_like(nodes)], axis=1)
    for c in range(len(mean)):
        if above is not None:
            sums[:, 3] = above[c]
        changed = tilted[c] * _changed(correlation, third, fourth, c, nodes, mean[c], sd[c])
        total, first, second, beyond = (changed @ sums).T
        usable = total > 0.5
        safe = np.where(usable, total, 1.0)
        shift = (first / safe - mean[c]) / sd[c]
        variance = (second / safe - (first / safe) ** 2) / sd[c] ** 2
        usable &= (variance > 0.5) & (variance < 2.0)
        new_mean[c] = mean[c] + sd[c] * np.where(usable, shift, 0.0)
        new_sd[c] = sd[c] * np.sqrt(np.where(usable, variance, 1.0))
        if p is not None and above is not None:
            plain = tilted[c] @ above[c]
            better = np.where(usable, beyond / safe, plain)
            inside = (better > -1e-3) & (better < 1.001)
            p[c] = np.clip(np.where(inside, better, plain), 0.0, 1.0)
    return new_mean, new_sd, p


def _changed(
    correlation: Single, third: Single, fourth: Single, c: int, nodes: Array, mean: Array, sd: Array
) -> Single:
    """(n, Q) the polynomial by which the tilted marginal of concept c is multiplied, at the nodes.

    In single precision, whose error of 1e-7 is far below the third order, and number by number, so that a student's
    result does not depend on who else is in the block.
    """
    one, h1, h11, h12, h22, h23, h33, h3, h4 = _coefficients(correlation, third, fourth, c)
    powers = (
        one + h22 + 3 * h4,
        h1 - h12 + 3 * h23 - 3 * h3,
        h11 - 2 * h22 + 9 * h33 - 6 * h4,
        h12 - 4 * h23 + h3,
        h22 - 6 * h33 + h4,
        h23,
        h33,
    )
    z = np.multiply.outer((1 / sd).astype(np.float32), nodes.astype(np.float32))
    z -= (mean / sd).astype(np.float32)[:, None]
    out: Single = z * powers[6][:, None]
    for coefficient in powers[5:0:-1]:
        out += coefficient[:, None]
        out *= z
    out += powers[0][:, None]
    return out


def _coefficients(correlation: Single, third: Single, fourth: Single, c: int) -> Single:
    """(9, n) weights of 1, He1, He1², He1 He2, He2², He2 He3, He3² (from pairs), He3, He4 (from single concepts)."""
    others = [j for j in range(len(third)) if j != c]
    with_c = correlation[c]
    out = np.zeros((9, third.shape[1]), dtype=np.float32)
    out[0] = 1.0
    cube = with_c[others] ** 3
    out[7] = (cube * third[others]).sum(axis=0) / 6
    out[8] = (cube * with_c[others] * fourth[others]).sum(axis=0) / 24
    pairs = np.array(list(combinations(others, 2)), dtype=np.int64).reshape(-1, 2)
    if not len(pairs):
        return out
    i, j = pairs.T
    at_i, at_j = with_c[i], with_c[j]
    both = at_i * at_j
    left = correlation[i, j] - both
    # (ρ_ci ρ_cj)^(3-l) π^l for l = 0..3, and the same in the fourth degree for l = 1..4
    thirds = [both * both * both, both * both * left, both * left * left, left * left * left]
    threes = third[i] * third[j]
    fours = fourth[i] * fourth[j]
    mixed = third[i] * fourth[j] * at_j + fourth[i] * at_i * third[j]
    for shared, product in enumerate(thirds):
        p = 3 - shared
        out[2 * p] += (threes * product).sum(axis=0) / (factorial(shared) * factorial(p) ** 2)
        if shared:
            out[2 * p + 1] += (mixed * product).sum(axis=0) / (factorial(shared) * factorial(p) * factorial(p + 1))
        out[2 * p] += (fours * (product * left)).sum(axis=0) / (factorial(shared + 1) * factorial(p) ** 2)
    return out


def corrected_marginals(
    posterior: EPPosterior, loglik: Array, nodes: Array, cuts: Array | None = None
) -> tuple[Array, Array, Array | None]:
    """The same for any number of students: means, SDs, P(θ_c >= cut_c), (N, C) each.

    Args:
        posterior: result of `ep_posterior`; loglik (N, C, Q) and nodes (Q,) what it was computed from.
        cuts: (C,), or None.
    """
    tilted = tilted_marginals(posterior, loglik, nodes).transpose(1, 0, 2)
    weights = None if cuts is None else cut_weights(nodes, cuts)
    mean, sd, above = corrected_block(posterior.mean.T, posterior.covariance.transpose(1, 2, 0), tilted, nodes, weights)
    return mean.T, sd.T, None if above is None else above.T


def _standardised(moments: Array, mean: Array, sd: Array) -> Array:
    """Moments of z = (θ - mean)/sd from raw ones, (C, n, P) -> (P, C, n)."""
    out = np.ascontiguousarray(np.moveaxis(moments, 2, 0))
    for done in range(1, len(out)):  # x^j -> x^(j-1) (x - m) -> ... -> (x - m)^j
        for j in range(len(out) - 1, done - 1, -1):
            out[j] -= mean * out[j - 1]
    scale = np.ones_like(sd)
    for j in range(1, len(out)):
        scale = scale * sd
        out[j] /= scale
    return out
