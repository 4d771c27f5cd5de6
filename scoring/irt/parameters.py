"""What is estimated: free coordinates ξ, and the item and population parameters ψ they stand for.

ψ holds, item after item, the slots an item has (slope, intercepts, logit g), then for every group its mean and log SD.
Items that share a slope (1PL) or are fixed (Rasch, anchors) have no coordinate of their own. Populations obey
the origin: the pooled population at mean 0 and SD 1, one group at N(0, 1), or free where anchors fix the scale.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from scoring.irt.curves import Array, ItemParameters
from scoring.irt.derivatives import has_asymptote, slots

Index = NDArray[np.int64]
FIXED = -1


@dataclass(frozen=True)
class Origin:
    """How location and unit of θ are fixed.

    Attributes:
        weights: (G,) shares of the groups in the pooled population, summing to one; w_g = 1 for a reference group.
        location: the weighted mean is held at 0.
        unit: the pooled SD is held at 1.
    """

    weights: Array
    location: bool
    unit: bool


@dataclass(frozen=True)
class Layout:
    """The map from ξ to items and populations.

    Attributes:
        template: items whose fixed values and models are taken over.
        coordinate: (V, S) position in ξ of each slot, FIXED where it is fixed or does not exist.
        exists: (V, S) the slots an item has.
        n_groups: number of groups.
        origin: what fixes the scale.
        n_item: number of item coordinates; the populations' come after them.
    """

    template: ItemParameters
    coordinate: Index
    exists: NDArray[np.bool_]
    n_groups: int
    origin: Origin
    n_item: int

    @property
    def n_population(self) -> int:
        return 2 * self.n_groups - int(self.origin.location) - int(self.origin.unit)

    @property
    def n_free(self) -> int:
        return self.n_item + self.n_population

    @property
    def n_psi_items(self) -> int:
        return int(self.exists.sum())

    @property
    def psi(self) -> Index:
        """(V, S) position in ψ of each slot, -1 where an item does not have it."""
        out = np.full(self.exists.shape, -1, dtype=np.int64)
        out[self.exists] = np.arange(self.n_psi_items)
        return out

    def items(self, xi: Array) -> ItemParameters:
        """The items at ξ."""
        t, free = self.template, self.coordinate >= 0
        a, d, g = t.a.copy(), t.d.copy(), t.g.copy()
        a[free[:, 0]] = xi[self.coordinate[free[:, 0], 0]]
        k = d.shape[1]
        inner = free[:, 1 : 1 + k]
        d[inner] = xi[self.coordinate[:, 1 : 1 + k][inner]]
        if self.coordinate.shape[1] > 1 + k:
            last = free[:, -1]
            g[last] = expit(xi[self.coordinate[last, -1]])
        return ItemParameters(t.names, t.model, a, d, g, t.categories)

    def item_coordinates(self, items: ItemParameters) -> Array:
        """The item part of ξ at these items (means, where several share one coordinate)."""
        values = slot_values(items, self.exists.shape[1])
        free = self.coordinate >= 0
        total = np.bincount(self.coordinate[free], values[free], minlength=self.n_item)
        return np.asarray(total / np.bincount(self.coordinate[free], minlength=self.n_item))

    def populations(self, xi: Array) -> tuple[Array, Array]:
        """Means and log SDs of the groups, (G,) each."""
        return population_map(xi[self.n_item :], self.n_groups, self.origin)

    def jacobian(self, xi: Array) -> Array:
        """∂ψ/∂ξ, (P, p)."""
        out = np.zeros((self.n_psi_items + 2 * self.n_groups, self.n_free))
        free = self.coordinate >= 0
        out[self.psi[free], self.coordinate[free]] = 1.0
        out[self.n_psi_items :, self.n_item :] = population_jacobian(xi[self.n_item :], self.n_groups, self.origin)
        return out


def slot_values(items: ItemParameters, n_slots: int) -> Array:
    """(V, S) values of the slots: a, d_1.., logit g; NaN where an item does not have one."""
    out = np.full((len(items), n_slots), np.nan)
    out[:, 0] = items.a
    out[:, 1 : 1 + items.d.shape[1]] = items.d
    three = has_asymptote(items)
    if three.any():
        with np.errstate(divide="ignore"):
            out[three, -1] = logit(items.g[three])
    return out


def slot_exists(items: ItemParameters) -> NDArray[np.bool_]:
    """(V, S) which slots an item has."""
    n_slots, k = slots(items), items.d.shape[1]
    out = np.zeros((len(items), n_slots), dtype=bool)
    out[:, 0] = True
    out[:, 1 : 1 + k] = np.arange(1, k + 1) < items.categories[:, None]
    three = has_asymptote(items)
    if three.any():
        out[three, -1] = True
    return out


def make_layout(
    template: ItemParameters,
    fixed: NDArray[np.bool_],
    common_slope: NDArray[np.bool_],
    n_groups: int,
    origin: Origin,
) -> Layout:
    """Number the free coordinates.

    Args:
        template: items with the fixed values in place.
        fixed: (V, S) slots that are not estimated.
        common_slope: (V,) items that share one free slope (1PL).
        n_groups: number of groups.
        origin: what fixes the scale.
    """
    exists = slot_exists(template)
    coordinate = np.full(exists.shape, FIXED, dtype=np.int64)
    free = exists & ~fixed
    shared = common_slope & free[:, 0]
    own = free.copy()
    own[shared, 0] = False
    coordinate[own] = np.arange(int(own.sum()))
    n = int(own.sum())
    if shared.any():
        coordinate[shared, 0] = n
        n += 1
    return Layout(template, coordinate, exists, n_groups, origin, n)


def population_map(u: Array, n_groups: int, origin: Origin) -> tuple[Array, Array]:
    """Means and log SDs from unconstrained coordinates.

    The first group of positive weight stands at 0 (or SD 1) before the pooled mean is subtracted (the pooled SD
    divided out); every constrained population is reached, and the map is smooth.
    """
    raw_mean, raw_log_sd = _raw(u, n_groups, origin)
    w = origin.weights
    m = float(w @ raw_mean) if origin.location else 0.0
    mean = raw_mean - m
    if origin.unit:
        v = float(w @ (np.exp(2 * raw_log_sd) + (raw_mean - (w @ raw_mean)) ** 2))
        return mean / np.sqrt(v), raw_log_sd - 0.5 * np.log(v)
    return mean, raw_log_sd


def _raw(u: Array, n_groups: int, origin: Origin) -> tuple[Array, Array]:
    base = int(np.argmax(origin.weights))
    others = np.delete(np.arange(n_groups), base)
    mean, log_sd = np.zeros(n_groups), np.zeros(n_groups)
    at = others if origin.location else np.arange(n_groups)
    mean[at] = u[: len(at)]
    log_sd[others if origin.unit else np.arange(n_groups)] = u[len(at) :]
    return mean, log_sd


def population_coordinates(mean: Array, log_sd: Array, origin: Origin) -> Array:
    """u whose map has these populations' shape: shifted and scaled where the origin asks for it."""
    base = int(np.argmax(origin.weights))
    others = np.delete(np.arange(len(mean)), base)
    if origin.unit:
        scale = log_sd[base]
        log_sd = log_sd - scale
        mean = (mean - (mean[base] if origin.location else 0.0)) * np.exp(-scale)
    elif origin.location:
        mean = mean - mean[base]
    first = mean[others] if origin.location else mean
    return np.concatenate([first, log_sd[others] if origin.unit else log_sd])


def population_jacobian(u: Array, n_groups: int, origin: Origin) -> Array:
    """∂(μ_1, τ_1, μ_2, τ_2, ...)/∂u with τ = log σ, (2G, len(u))."""
    w = origin.weights
    raw_mean, raw_log_sd = _raw(u, n_groups, origin)
    base = int(np.argmax(w))
    others = np.delete(np.arange(n_groups), base)
    at_mean = others if origin.location else np.arange(n_groups)
    at_sd = others if origin.unit else np.arange(n_groups)
    d_mean = np.zeros((n_groups, len(u)))  # of the raw means and log SDs
    d_sd = np.zeros((n_groups, len(u)))
    d_mean[at_mean, np.arange(len(at_mean))] = 1.0
    d_sd[at_sd, len(at_mean) + np.arange(len(at_sd))] = 1.0
    pooled = w @ d_mean
    mean = raw_mean - (float(w @ raw_mean) if origin.location else 0.0)
    out_mean = d_mean - (pooled if origin.location else 0.0)
    out_sd = d_sd
    if origin.unit:
        centred = raw_mean - w @ raw_mean
        variance = np.exp(2 * raw_log_sd)
        v = float(w @ (variance + centred**2))
        half = ((w * variance) @ d_sd + (w * centred) @ (d_mean - pooled)) / v  # ∂ log √v
        out_mean = (out_mean - mean[:, None] * half) / np.sqrt(v)
        out_sd = d_sd - half
    out = np.empty((2 * n_groups, len(u)))
    out[0::2], out[1::2] = out_mean, out_sd
    return out


def population_curvature(u: Array, n_groups: int, origin: Origin, gradient: Array) -> Array:
    """Σ_k gradient_k ∂²ψ_k/∂u², (len(u), len(u)): central differences of the exact Jacobian.

    At a maximum the gradient in the constrained directions is near zero, so that the differences' error of about
    1e-10 is multiplied by next to nothing.
    """
    out = np.zeros((len(u), len(u)))
    if not (origin.unit and len(u)):
        return out
    step = 1e-5
    for k in range(len(u)):
        e = np.zeros(len(u))
        e[k] = step
        change = population_jacobian(u + e, n_groups, origin) - population_jacobian(u - e, n_groups, origin)
        out[:, k] = gradient @ change / (2 * step)
    return np.asarray((out + out.T) / 2)
