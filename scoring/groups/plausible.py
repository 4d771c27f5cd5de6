"""Plausible values: draws of each student's abilities, given answers, reported variables, school and district.

Coefficients, covariances and school effects are drawn first (Rubin 1987: an imputation that plugs in estimates is too
sure of itself), then the abilities. A student's draw starts from the Gaussian posterior of expectation propagation
and is carried to the exact tilted marginal by the Cornish-Fisher expansion in its third and fourth moments (Cornish &
Fisher 1938): the same target as importance resampling from the tilted marginals, without the noise and the repeated
values of resampling, and a fraction of its time.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.groups.chunks import over_chunks
from scoring.groups.draws import keys, normals
from scoring.groups.latent import LatentRegression
from scoring.groups.mixed import moved
from scoring.groups.sites import tilted_shape

Array = NDArray[np.float64]
#: Students drawn at a time: their arrays stay in the processor's cache, and threads need no new memory for each.
CHUNK = 512
#: Below this many students the posterior covariances are recomputed for every draw of the residual covariance.
EXACT_BELOW = 20_000
#: Largest change of the logarithm of a covariance that is drawn.
LARGEST_DRAW = 1.5


def draw(
    regression: LatentRegression,
    students: Sequence[object],
    schools: Sequence[object],
    draws: int = 20,
    seed: int = 1,
) -> NDArray[np.float32]:
    """Plausible values.

    Args:
        regression: a fitted latent regression.
        students: (N,) identifiers in the caller's order; a student's draws depend on them, not on the row.
        schools: (S,) names of the design's schools.
        draws: M.
        seed: of the run.

    Returns:
        (N, M, C) float32, in the caller's order.
    """
    design = regression.design
    n, c = regression.mean.shape
    etas, sigmas = _parameter_draws(regression, keys(schools, seed, "school"), draws, seed)
    inverse = np.asarray(np.linalg.inv(regression.population.sigma), dtype=np.float64)  # (D, C, C)
    inverse_draws = np.asarray(np.linalg.inv(sigmas), dtype=np.float64)  # (M, D, C, C)
    variance = regression.variance
    skewness, kurtosis = tilted_shape(regression.evidence, regression.mean, variance, regression.sites)
    sd = np.sqrt(variance)
    who = keys(students, seed, "student")[design.order]
    out = np.empty((n, draws, c), dtype=np.float32)
    exact = n < EXACT_BELOW
    diagonal = np.arange(c)

    def fill(r: slice) -> None:
        z = normals(who[r], draws * c).reshape(-1, draws, c)
        home, school, pattern = design.district[r], design.school[r], design.pattern[r]
        fixed = np.stack([f[pattern] + u[school] for f, u in etas])  # (M, n, C) expectations
        theta = np.empty_like(z)
        if exact:
            for m in range(draws):
                system = inverse_draws[m][home]
                system[:, diagonal, diagonal] += regression.sites.precision[r]
                v = np.linalg.inv(system)
                force = regression.sites.shift[r] + np.einsum("nab,nb->na", inverse_draws[m][home], fixed[m])
                own = np.linalg.cholesky(v)
                theta[:, m] = np.einsum("nab,nb->na", v, force) + np.einsum("nab,nb->na", own, z[:, m])
        else:
            covariance = regression.sums.covariance[r]
            noise: Array = np.matmul(z, np.linalg.cholesky(covariance).transpose(0, 2, 1))
            for d in range(inverse.shape[0]):
                here = np.flatnonzero(home == d)
                if here.size:
                    theta[here] = _by_series(
                        covariance[here], regression.sites.shift[r][here], fixed[:, here], noise[here],
                        inverse[d], inverse_draws[:, d],
                    )  # fmt: skip
        centre, width = regression.mean[r, None, :], sd[r, None, :]
        out[r] = centre + width * cornish_fisher((theta - centre) / width, skewness[r, None, :], kurtosis[r, None, :])

    over_chunks(fill, n, CHUNK)
    back = np.empty_like(design.order)
    back[design.order] = np.arange(n)
    return out[back]


def _by_series(v: Array, shift: Array, eta: Array, noise: Array, inverse: Array, inverse_draws: Array) -> Array:
    """Draws of n students of one district, (n, M, C), without an inverse for each draw.

    V_m = V - VΔV + VΔVΔV - ..., Δ the change of Σ⁻¹: with many students it is small and two terms suffice.

    Args:
        v: (n, C, C) posterior covariances at the estimate.
        shift: (n, C) of the sites.
        eta: (M, n, C) drawn expectations.
        noise: (n, M, C) draws from N(0, V).
        inverse: (C, C) Σ⁻¹ at the estimate.
        inverse_draws: (M, C, C) drawn Σ⁻¹.
    """
    delta = inverse_draws - inverse

    def change(a: Array) -> Array:  # VΔ_m a for every draw; V is symmetric
        turned = np.matmul(a.transpose(1, 0, 2), delta).transpose(1, 0, 2)
        return np.asarray(np.matmul(turned, v))

    force = np.matmul(eta, inverse_draws).transpose(1, 0, 2) + shift[:, None, :]
    x = np.matmul(force, v)
    first = change(x)
    return np.asarray(x + noise - first + change(first - 0.5 * noise))


def cornish_fisher(z: Array, skewness: Array, kurtosis: Array) -> Array:
    """Standardised quantile whose normal score is z, for a distribution of this skewness and excess kurtosis.

    The shape is held where the map is increasing, so that the order of draws is kept.
    """
    skewness = np.clip(skewness, -0.8, 0.8)
    # the slope at 3 SDs, 1 - |s| + k - 1.361 s², stays above .05
    kurtosis = np.clip(kurtosis, -0.95 + np.abs(skewness) + 1.361 * skewness**2, 1.2 + skewness**2)
    inside = np.clip(z, -3.0, 3.0)  # beyond, where the expansion bends, the line goes on with slope one
    # z + s/6 (z² - 1) + k/24 (z³ - 3z) - s²/36 (2z³ - 5z), by powers
    out: Array = inside * (kurtosis / 24 - skewness * skewness / 18)
    out += skewness / 6
    out *= inside
    out += 5 / 36 * skewness * skewness - kurtosis / 8
    out *= inside
    out -= skewness / 6
    out += z
    return out


def _parameter_draws(
    regression: LatentRegression, school_keys: NDArray[np.uint64], draws: int, seed: int
) -> tuple[list[tuple[Array, Array]], Array]:
    """Per draw: fixed part (R, C) and school effects (S, C); and residual covariances (M, D, C, C)."""
    design, sums, scores = regression.design, regression.sums, regression.scores
    c = regression.mean.shape[1]
    basis = _symmetric_basis(c)
    rng = np.random.Generator(np.random.PCG64([seed, 20]))
    gamma, covariance = sums.coefficients()
    gamma_root = _root(covariance)
    residual_roots = []
    for d in range(design.n_districts):
        info = basis.T @ scores.sigma_information[design.school_district == d].sum(axis=0) @ basis
        residual_roots.append(_root(np.asarray(np.linalg.pinv(info, hermitian=True))))
    tau_root = _root(np.asarray(np.linalg.pinv(basis.T @ scores.tau_information @ basis, hermitian=True)))
    school_information = np.linalg.inv(sums.school_gain) - np.linalg.inv(regression.population.tau)
    sigmas = np.empty((draws, design.n_districts, c, c))
    etas = []
    for m in range(draws):
        g = gamma + gamma_root @ rng.standard_normal(gamma.size)
        for d, root in enumerate(residual_roots):
            sigmas[m, d] = moved(regression.population.sigma[d], _drawn(basis, root, rng))
        tau = moved(regression.population.tau, _drawn(basis, tau_root, rng))
        gain = np.linalg.inv(np.linalg.inv(tau) + school_information)
        centre = np.einsum("sab,sb->sa", gain, sums.school_shift - sums.school_map @ g)
        z = normals(school_keys, c, first=m * c)
        effects = centre + np.einsum("sab,sb->sa", np.linalg.cholesky(gain), z)
        etas.append((design.x @ g.reshape(c, -1).T, effects))
    return etas, sigmas


def _drawn(basis: Array, root: Array, rng: np.random.Generator) -> Array:
    """A draw of E, (C, C), for Σ ← L exp(E) L'.

    Where the answers hardly tell a direction its normal approximation is far too wide, and exp(E) would leave what can
    be computed: no eigenvalue moves by more than a factor of e^1.5.
    """
    c = int(np.sqrt(basis.shape[0]))
    e = (basis @ (root @ rng.standard_normal(root.shape[1]))).reshape(c, c)
    size = float(np.abs(np.linalg.eigvalsh(e)).max())
    return np.asarray(e * min(1.0, LARGEST_DRAW / max(size, 1e-12)))


def _symmetric_basis(c: int) -> Array:
    """(C², C(C+1)/2): vec of a symmetric matrix from its distinct elements."""
    pairs = [(i, j) for i in range(c) for j in range(i + 1)]
    out = np.zeros((c * c, len(pairs)))
    for k, (i, j) in enumerate(pairs):
        out[i * c + j, k] = out[j * c + i, k] = 1.0
    return out


def _root(covariance: NDArray[np.floating[Any]]) -> Array:
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    # a fixed sign, so that draws do not depend on the eigenvectors' arbitrary one
    vectors = vectors * np.where(vectors[np.abs(vectors).argmax(axis=0), np.arange(values.size)] < 0, -1.0, 1.0)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)
