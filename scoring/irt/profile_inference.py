"""From the estimate on the working scale to what is reported: pooled-standardised parameters and their covariance.

Without clusters the covariance of ψ is the inverse outer-product information. With clusters it is the sandwich
J⁻¹ M J⁻¹, M the outer products of the clusters' summed gradients, centred within their stratum (the district), with
the factor S_d/(S_d - 1). The origin and unit of the pooled population are functions of ψ: the delta method carries
their uncertainty into every reported number.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.irt.distributions import normal_density
from scoring.irt.profile_fit import ProfileEstimate
from scoring.irt.profile_model import complex_step

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class ProfileInference:
    """Reported parameters with their uncertainty.

    Attributes:
        full: (P,) standardised full vector.
        covariance: (P, P) its covariance; zero rows where nothing was estimated.
        correlation: (C, C) of the pooled population.
        correlation_se: (C, C).
        mastery: (G, C) mean P(θ_c >= cut_c) under the groups' own populations.
        mastery_covariance: (G C, G C), group by group.
    """

    full: Array
    covariance: Array
    correlation: Array
    correlation_se: Array
    mastery: Array
    mastery_covariance: Array


def infer(estimate: ProfileEstimate, cuts: Array, stratum_of_cluster: Index | None = None) -> ProfileInference:
    """Standardise the estimate and work out every standard error.

    Args:
        estimate: a finished estimation whose sums carry mastery at `cuts` (and clusters).
        cuts: (C,) on the standardised scale, NaN where there is none.
        stratum_of_cluster: (S,) stratum of each cluster when clusters were summed.
    """
    model, working, psi, sums = estimate.model, estimate.working, estimate.psi, estimate.sums
    inverse = np.linalg.inv(estimate.information) if psi.size else np.zeros((0, 0))
    inverse = (inverse + inverse.T) / 2
    jacobian = working.jacobian(psi)
    cluster_psi = sums.clusters @ jacobian
    if stratum_of_cluster is None:
        covariance = inverse
    else:
        covariance = inverse @ _between(cluster_psi, stratum_of_cluster) @ inverse
    standard = model.standardised(estimate.full)
    to_standard = working.standardised_jacobian(psi)
    mu, sigma = model.populations(standard)
    _, pooled = model.pooled(mu, sigma)
    slope = complex_step(lambda v: _correlation(model.pooled(*model.populations(v))[1]).ravel(), standard)
    along = slope @ to_standard
    variance = np.einsum("ij,jk,ik->i", along, covariance, along)
    rates, rate_covariance = _mastery(estimate, cuts, inverse, jacobian, to_standard, cluster_psi, stratum_of_cluster)
    return ProfileInference(
        standard,
        to_standard @ covariance @ to_standard.T,
        _correlation(pooled),
        np.sqrt(np.maximum(variance, 0.0)).reshape(pooled.shape),
        rates,
        rate_covariance,
    )


def _correlation(covariance: Array) -> Array:
    sd = np.sqrt(np.diagonal(covariance))
    return covariance / (sd[:, None] * sd)


def _between(sums: Array, stratum: Index) -> Array:
    """Σ over strata of S/(S - 1) Σ (u - ū)(u - ū)'; a stratum of one cluster contributes its plain square."""
    out = np.zeros((sums.shape[1], sums.shape[1]))
    for s in np.unique(stratum):
        u = sums[stratum == s]
        if len(u) > 1:
            centred = u - u.mean(axis=0)
            out += len(u) / (len(u) - 1) * centred.T @ centred
        else:
            out += u.T @ u
    return out


def _mastery(
    estimate: ProfileEstimate,
    cuts: Array,
    inverse: Array,
    jacobian: Array,
    to_standard: Array,
    cluster_psi: Array,
    stratum: Index | None,
) -> tuple[Array, Array]:
    """Group rates as means of posterior probabilities, and their covariance.

    The rate p̄_g moves with the students, (p_i - p̄_g)/n_g, and with ψ̂. Its derivative in ψ follows without passing
    over the data again: the model's own rate Φ((μ - cut)/σ) is E(p), so that E(∂p/∂ψ) = ∂Φ/∂ψ - E(p s) with the
    student's gradient s (differentiate ∫ p(x, ψ) f(x | ψ) dx). A student's influence on p̄ is then the sum of both.
    """
    model, sums = estimate.model, estimate.sums
    n_groups, n_concepts = sums.mastery.shape
    n = np.array([estimate.data.weights[group_rows(estimate, g)].sum() for g in range(n_groups)])
    rates = sums.mastery / n[:, None]
    standard = model.standardised(estimate.full)
    mu, sigma = model.populations(standard)
    sd = np.sqrt(np.diagonal(sigma, axis1=1, axis2=2))
    z = (mu - cuts) / sd
    rows, columns = model.triangle
    direct = np.zeros((n_groups, n_concepts, standard.size))
    for g in range(n_groups):
        first = model.group_slice(g).start
        for c in range(n_concepts):
            variance_at = first + n_concepts + int(np.flatnonzero((rows == c) & (columns == c))[0])
            direct[g, c, first + c] = normal_density(z[g, c]) / sd[g, c]
            direct[g, c, variance_at] = -normal_density(z[g, c]) * z[g, c] / (2 * sd[g, c] ** 2)
    derivative = direct @ to_standard - (sums.mastery_score @ jacobian) / n[:, None, None]
    pull = (derivative @ inverse).reshape(n_groups * n_concepts, -1)  # influence of a student's gradient
    if stratum is not None:
        own = np.zeros((len(cluster_psi), n_groups, n_concepts))
        own += (sums.cluster_mastery - sums.cluster_weight[:, :, None] * rates) / n[:, None]
        influence = own.reshape(len(cluster_psi), -1) + cluster_psi @ pull.T
        return rates, _between(influence, stratum)
    own_square = np.zeros((n_groups * n_concepts, n_groups * n_concepts))
    cross = np.zeros((n_groups * n_concepts, jacobian.shape[1]))
    for g in range(n_groups):
        at = slice(g * n_concepts, (g + 1) * n_concepts)
        own_square[at, at] = sums.mastery_product[g] / n[g] ** 2 - np.outer(rates[g], rates[g]) / n[g]
        score = sums.mastery_score[g] - rates[g][:, None] * sums.group_score[g]
        cross[at] = score @ jacobian / n[g]
    mixed = cross @ pull.T
    spread = jacobian.T @ sums.outer @ jacobian
    return rates, own_square + mixed + mixed.T + pull @ spread @ pull.T


def group_rows(estimate: ProfileEstimate, g: int) -> slice:
    """Rows of a group among the sorted students."""
    own = [rows for rows, h in estimate.data.blocks if h == g]
    return slice(own[0].start, own[-1].stop) if own else slice(0, 0)
