"""A weak prior on the groups' correlations, for when the likelihood alone has its maximum at a singular matrix.

Few items or few students can make two concepts indistinguishable in a group: the estimated correlation then reaches 1
and the search has nowhere to converge to. The density |R|^κ (Lewandowski, Kurowicka & Joe 2009, η = 1 + κ) keeps the
correlations inside; it is used only then, and named in the result.
"""

import numpy as np
from numpy.typing import NDArray

from scoring.irt.profile_model import ProfileModel

Array = NDArray[np.float64]


def log_correlation_prior(model: ProfileModel, full: Array, strength: float) -> tuple[float, Array, Array]:
    """κ Σ_g log |R_g|: its value, gradient (P,) and a positive semidefinite bound of its curvature (P, P)."""
    value, slope, curvature = 0.0, np.zeros(full.size), np.zeros((full.size, full.size))
    if strength == 0.0:
        return value, slope, curvature
    _, sigma = model.populations(full)
    rows, columns = model.triangle
    twice = np.where(rows == columns, 1.0, 2.0)
    for g in range(model.n_groups):
        inverse = np.linalg.inv(sigma[g])
        value += float(np.linalg.slogdet(sigma[g])[1] - np.log(np.diagonal(sigma[g])).sum())
        first = model.group_slice(g).start + model.n_concepts
        at = np.arange(first, first + rows.size)
        slope[at] = twice * (inverse - np.diag(1 / np.diagonal(sigma[g])))[rows, columns]
        # -∂² log |Σ|: tr(Σ⁻¹ E_a Σ⁻¹ E_b) over the symmetric unit matrices E of the triangle
        pairs = inverse[np.ix_(rows, rows)] * inverse[np.ix_(columns, columns)]
        pairs += inverse[np.ix_(rows, columns)] * inverse[np.ix_(columns, rows)]
        curvature[np.ix_(at, at)] = 0.5 * pairs * twice[:, None] * twice
    return strength * value, strength * slope, strength * curvature


def smallest_eigenvalue(model: ProfileModel, full: Array) -> Array:
    """(G,) smallest eigenvalue of each group's correlation matrix."""
    _, sigma = model.populations(full)
    sd = np.sqrt(np.diagonal(sigma, axis1=1, axis2=2))
    out: Array = np.linalg.eigvalsh(sigma / (sd[:, :, None] * sd[:, None, :]))[:, 0]
    return out


def drawn_inside(model: ProfileModel, full: Array, share: float = 0.1) -> Array:
    """The full vector with every correlation shrunk by `share`."""
    mu, sigma = model.populations(full)
    diagonal = sigma * np.eye(model.n_concepts)
    return model.assemble(full[: model.layout.total], mu, (1 - share) * sigma + share * diagonal)
