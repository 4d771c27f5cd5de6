"""What the other concepts' non-normality does to a concept's marginal: a correction of EP to first order.

EP treats the other concepts' likelihoods as Gaussian. Their true shapes differ from that by r_j = tilted_j / q_j, and
the exact marginal is tilted_c · E[Π r_j | θ_c]. Expanded in Hermite polynomials of the standardised θ_j, r_j starts at
the third degree (EP matches the first two), with coefficients that are the cumulants κ_3, κ_4 of the tilted marginal;
and given θ_c the expectation of He_k(z_j) under the Gaussian is ρ^k He_k(z_c) (Mehler 1866). To first order therefore

    marginal_c ∝ tilted_c · (1 + Σ_k He_k(z_c)/k! Σ_{j≠c} ρ_cj^k κ_jk),   k = 3, 4

(after Cseke & Heskes 2011; Opper, Paquet & Winther 2013). It needs the tilted marginals' moments only.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.irt.ep import EPPosterior, cut_weights, tilted_marginals

Array = NDArray[np.float64]


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
    powers = nodes[:, None] ** np.arange(7)  # (Q, 7)
    z = _standardised(tilted @ powers, mean, sd)
    third, fourth = z[3] - 3 * z[1], z[4] - 6 * z[2] + 3
    correlation = covariance / (sd[:, None] * sd)
    cube = correlation**3
    w3 = (np.einsum("cjn,jn->cn", cube, third) - third) / 6
    w4 = (np.einsum("cjn,jn->cn", cube * correlation, fourth) - fourth) / 24
    total = 1 + w3 * third + w4 * fourth
    first = z[1] + w3 * (z[4] - 3 * z[2]) + w4 * (z[5] - 6 * z[3] + 3 * z[1])
    second = z[2] + w3 * (z[5] - 3 * z[3]) + w4 * (z[6] - 6 * z[4] + 3 * z[2])
    usable = total > 0.5
    safe = np.where(usable, total, 1.0)
    variance = second / safe - (first / safe) ** 2
    usable &= (variance > 0.5) & (variance < 2.0)
    new_mean = mean + sd * np.where(usable, first / safe, 0.0)
    new_sd = sd * np.sqrt(np.where(usable, variance, 1.0))
    if above is None:
        return new_mean, new_sd, None
    u = _standardised(tilted @ (above[:, :, None] * powers[:, :5]), mean, sd)
    p = u[0] + np.where(usable, w3 * (u[3] - 3 * u[1]) + w4 * (u[4] - 6 * u[2] + 3 * u[0]), 0.0)
    p /= np.where(usable, safe, 1.0)
    plain = np.clip(u[0], 0.0, 1.0)
    inside = (p > -1e-3) & (p < 1.001)
    return new_mean, new_sd, np.where(inside, np.clip(p, 0.0, 1.0), plain)


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
