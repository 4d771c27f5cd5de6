"""Where the search for the concept profile begins: crude values, a sample of the students, a few steps of EM."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scoring.irt.profile_data import ProfileData
from scoring.irt.profile_estep import expectations
from scoring.irt.profile_items import GUESSING_PRIOR, fisher_steps, pack, starting_items, unpack
from scoring.irt.profile_model import ProfileModel

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_SAMPLE_GROUP = 1000


def priors(model: ProfileModel) -> Array:
    """(total, 2) mean and precision of the normal priors: on logit g alone."""
    out = np.zeros((model.layout.total, 2))
    at = model.layout.guessing[model.layout.guessing >= 0]
    out[at] = GUESSING_PRIOR[0], GUESSING_PRIOR[1] ** -2
    out[model.constant, 1] = 0.0
    return out


def crude_values(model: ProfileModel, scores: NDArray[np.int8], weights: Array) -> Array:
    crude = starting_items(model.items, scores, weights)
    vector = pack(crude, model.layout)
    held = pack(replace(model.items, g=np.clip(model.items.g, 1e-6, 1 - 1e-6)), model.layout)
    vector[model.constant] = held[model.constant]
    c = model.n_concepts
    mu = np.zeros((model.n_groups, c))
    sigma = np.tile(np.full((c, c), 0.7) + 0.3 * np.eye(c), (model.n_groups, 1, 1))
    return model.assemble(vector, mu, sigma)


def stride_sample(group: Index, wanted: int) -> Index:
    """A stride through each group's students for the start, or everybody where there are few."""
    n = group.size
    if n <= 2 * wanted:
        return np.arange(n)
    parts = []
    for g in range(int(group.max()) + 1):
        rows = np.flatnonzero(group == g)
        size = min(rows.size, max(_SAMPLE_GROUP, round(wanted * rows.size / n)))
        parts.append(rows[np.unique(np.linspace(0, rows.size - 1, size).astype(np.int64))])
    out = np.concatenate(parts)
    return out if out.size < n // 2 else np.arange(n)


def weak_priors(ridge: Array) -> Array:
    """Priors for the sample: wide normals that keep an item with few responses from running away."""
    out = ridge.copy()
    none = out[:, 1] == 0
    out[none] = 0.5, 0.04
    return out


def grid_for(
    model: ProfileModel,
    full: Array,
    smallest_sd: float,
    reach: float = 5.5,
    per_sd: float = 1.55,
    widest: float = 0.25,
) -> Array:
    """Nodes that reach `reach` SDs beyond every group's mean, spaced for the sharpest posterior and curve.

    Args:
        per_sd: spacings per SD of the sharpest posterior.
        widest: largest spacing.
    """
    mu, sigma = model.populations(full)
    furthest = np.abs(mu) + reach * np.sqrt(np.diagonal(sigma, axis1=1, axis2=2))
    bound = max(6.0, float(np.ceil(furthest.max())))
    # at least 1.35 spacings per SD: moments to 1e-15, P(above a cut) to 1e-4 in the very sharpest posterior
    # a curve of slope a has its nearest singularity π/a off the real axis: at spacing 1.6/a the sums are exact to 4e-6
    steepest = max(float(np.abs(full[model.layout.start]).max()), 0.1)
    spacing = float(np.clip(min(smallest_sd / per_sd, 1.6 / steepest), 0.04, widest))
    return np.linspace(-bound, bound, 2 * int(np.ceil(bound / spacing)) + 1)


def em_steps(model: ProfileModel, full: Array, data: ProfileData, ridge: Array, steps: int) -> Array:
    """EM with one Fisher step per item: robust from far away, slow close by."""
    nodes = np.linspace(-6.0, 6.0, 41)
    weak = weak_priors(ridge)
    weak[model.constant, 1] = 0.0
    for _ in range(steps):
        items = unpack(full[: model.layout.total], model.items, model.layout)
        mu, sigma = model.populations(full)
        sums = expectations(data, items, nodes, mu, sigma, 1e-2)
        step = fisher_steps(items, model.layout, sums.counts, nodes, weak)
        vector = full[: model.layout.total] + np.where(model.constant, 0.0, step)
        for c in range(model.n_concepts):  # one slope for the 1PL items of a concept
            shared = [j for j, m in enumerate(model.items.model) if m == "1pl" and model.concept[j] == c]
            shared = [j for j in shared if not model.constant[model.layout.start[j]]]
            if shared:
                vector[model.layout.start[shared]] = vector[model.layout.start[shared]].mean()
        n = np.maximum(sums.weight, 1e-12)
        mu = sums.mean / n[:, None]
        sigma = sums.square / n[:, None, None] - mu[:, :, None] * mu[:, None, :]
        if model.common_correlations:
            sd = np.sqrt(np.diagonal(sigma, axis1=1, axis2=2))
            correlation = np.einsum("g,gab->ab", n / n.sum(), sigma / (sd[:, :, None] * sd[:, None, :]))
            sigma = sd[:, :, None] * sd[:, None, :] * correlation
        full = model.standardised(model.assemble(vector, mu, sigma))
    return full
