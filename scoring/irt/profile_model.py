"""The concept profile's parameters: what is free, what is fixed, and the way to the pooled-standardised scale.

The *full* vector holds every item's block (profile_items.py) and, group by group, μ_g and the lower triangle of
Σ_g. The *working* vector ψ holds what is estimated: origin and unit of each concept are held in one group at values
near the pooled ones, Rasch slopes at 1, 1PL slopes equal within a concept, anchors at their values. With few students
per group the groups share their correlations and keep their own SDs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.irt.curves import ItemParameters
from scoring.irt.profile_items import ItemLayout

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class ProfileModel:
    """Structure of the model: all that does not change during estimation.

    Attributes:
        items: J items; their values are starting values, and final for fixed ones.
        layout: positions of the item parameters.
        concept: (J,) concept of each item.
        n_concepts: C.
        n_groups: G; group 0 holds the origin.
        pooled_weights: (G,) weights of the groups in the pooled population, summing to one.
        anchored: (C,) concepts whose scale is given by fixed items.
        rasch: (C,) concepts with a Rasch or PCM item: their unit is the logit, every variance is free.
        constant: (total,) whether an item parameter is held.
        common_correlations: whether the groups share one correlation matrix.
    """

    items: ItemParameters
    layout: ItemLayout
    concept: Index
    n_concepts: int
    n_groups: int
    pooled_weights: Array
    anchored: NDArray[np.bool_]
    rasch: NDArray[np.bool_]
    constant: NDArray[np.bool_]
    common_correlations: bool

    @property
    def triangle(self) -> tuple[Index, Index]:
        """Rows and columns of the lower triangle, diagonal included."""
        rows, columns = np.tril_indices(self.n_concepts)
        return rows.astype(np.int64), columns.astype(np.int64)

    @property
    def group_size(self) -> int:
        """Parameters of one group in the full vector."""
        return self.n_concepts + self.n_concepts * (self.n_concepts + 1) // 2

    @property
    def full_size(self) -> int:
        return self.layout.total + self.n_groups * self.group_size

    def group_slice(self, g: int) -> slice:
        first = self.layout.total + g * self.group_size
        return slice(first, first + self.group_size)

    def populations(self, full: Array) -> tuple[Array, Array]:
        """μ (G, C) and Σ (G, C, C) of a full vector (real or complex)."""
        c = self.n_concepts
        blocks = full[self.layout.total :].reshape(self.n_groups, self.group_size)
        sigma = np.zeros((self.n_groups, c, c), dtype=full.dtype)
        rows, columns = self.triangle
        sigma[:, rows, columns] = blocks[:, c:]
        sigma[:, columns, rows] = blocks[:, c:]
        return blocks[:, :c].copy(), sigma

    def assemble(self, item_vector: Array, mu: Array, sigma: Array) -> Array:
        """The full vector of these item parameters and populations."""
        rows, columns = self.triangle
        return np.concatenate([item_vector, np.concatenate([mu, sigma[:, rows, columns]], axis=1).ravel()])

    def pooled(self, mu: Array, sigma: Array) -> tuple[Array, Array]:
        """Mean (C,) and covariance (C, C) of the pooled population."""
        w = self.pooled_weights
        m = w @ mu
        centred = mu - m
        total: Array = np.einsum("g,gab->ab", w, sigma + centred[:, :, None] * centred[:, None, :])
        return m, total

    def origin_and_unit(self, mu: Array, sigma: Array) -> tuple[Array, Array]:
        """Per concept the m and s of θ' = (θ - m)/s: pooled mean 0 and SD 1, except where the model gives them."""
        m, total = self.pooled(mu, sigma)
        s = np.sqrt(np.diagonal(total))
        return np.where(self.anchored, 0.0, m), np.where(self.anchored | self.rasch, 1.0, s)

    def standardised(self, full: Array) -> Array:
        """The full vector on the pooled-standardised scale (real or complex)."""
        mu, sigma = self.populations(full)
        m, s = self.origin_and_unit(mu, sigma)
        vector = full[: self.layout.total].copy()
        start = self.layout.start
        a = full[start]
        m_item, s_item = m[self.concept], s[self.concept]
        for k in range(1, int(self.items.categories.max())):
            has = self.items.categories > k
            # GPCM intercepts are cumulative: θ enters category k with k·a
            times = np.where(self.items.in_family("partial"), float(k), 1.0)
            vector[start[has] + k] += (times * a * m_item)[has]
        vector[start] = a * s_item
        return self.assemble(vector, (mu - m) / s, sigma / (s[:, None] * s))

    # ---------------------------------------------------------------- working vector

    def free_item_columns(self) -> tuple[Index, Index]:
        """(positions, ψ index) of the estimated item parameters; several positions may share an index (1PL)."""
        positions = np.flatnonzero(~self.constant)
        owner = {int(p): j for j, p in enumerate(self.layout.start)}
        index = np.zeros(positions.size, dtype=np.int64)
        shared: dict[int, int] = {}
        n = 0
        for i, p in enumerate(positions):
            j = owner.get(int(p), -1)
            if j >= 0 and self.items.model[j] == "1pl":
                c = int(self.concept[j])
                if c in shared:
                    index[i] = shared[c]
                    continue
                shared[c] = n
            index[i] = n
            n += 1
        return positions, index

    def free_group_columns(self) -> Index:
        """Positions, within the groups' part of the full vector, of what is estimated (free correlations)."""
        c = self.n_concepts
        free = np.ones((self.n_groups, self.group_size), dtype=bool)
        rows, columns = self.triangle
        free[0, :c] = self.anchored
        on_diagonal = np.flatnonzero(rows == columns)
        free[0, c + on_diagonal] = (self.anchored | self.rasch)[rows[on_diagonal]]
        return np.flatnonzero(free.ravel())


class WorkingVector:
    """The map between ψ and the full vector around given held values.

    Args:
        model: the structure.
        full: a full vector whose held entries stay as they are.
    """

    def __init__(self, model: ProfileModel, full: Array) -> None:
        self.model = model
        self.held = full.copy()
        self.positions, self.index = model.free_item_columns()
        self.n_items = int(self.index.max()) + 1 if self.index.size else 0
        self.group_columns = model.free_group_columns()
        c = model.n_concepts
        self.rows, self.columns = model.triangle
        self.below = np.flatnonzero(self.rows != self.columns)
        if model.common_correlations:
            free = np.ones((model.n_groups, 2 * c), dtype=bool)  # means, log SDs
            free[0, :c] = model.anchored
            free[0, c:] = model.anchored | model.rasch
            self.free_spread = free
            self.size = self.n_items + int(free.sum()) + self.below.size
        else:
            self.size = self.n_items + self.group_columns.size

    def from_full(self, full: Array) -> Array:
        """ψ of a full vector that agrees with the held values."""
        model = self.model
        psi = np.zeros(self.size)
        psi[self.index] = full[self.positions]
        groups = full[model.layout.total :]
        if not model.common_correlations:
            psi[self.n_items :] = groups[self.group_columns]
            return psi
        mu, sigma = model.populations(full)
        sd = np.sqrt(np.diagonal(sigma, axis1=1, axis2=2))
        spread = np.concatenate([mu, np.log(sd)], axis=1)[self.free_spread]
        correlation = np.mean(sigma / (sd[:, :, None] * sd[:, None, :]), axis=0)
        psi[self.n_items :] = np.concatenate([spread, correlation[self.rows[self.below], self.columns[self.below]]])
        return psi

    def to_full(self, psi: Array) -> Array:
        """The full vector of ψ (real or complex)."""
        model = self.model
        full = self.held.astype(psi.dtype)
        full[self.positions] = psi[self.index]
        if not model.common_correlations:
            full[model.layout.total + self.group_columns] = psi[self.n_items :]
            return full
        mu, sd, correlation = self._common_parts(psi)
        sigma = sd[:, :, None] * sd[:, None, :] * correlation
        return model.assemble(full[: model.layout.total], mu, sigma)

    def _common_parts(self, psi: Array) -> tuple[Array, Array, Array]:
        model, c = self.model, self.model.n_concepts
        mu, sigma = model.populations(self.held)
        spread = np.concatenate([mu, 0.5 * np.log(np.diagonal(sigma, axis1=1, axis2=2))], axis=1).astype(psi.dtype)
        n_spread = int(self.free_spread.sum())
        spread[self.free_spread] = psi[self.n_items : self.n_items + n_spread]
        correlation = np.eye(c, dtype=psi.dtype)
        r = psi[self.n_items + n_spread :]
        correlation[self.rows[self.below], self.columns[self.below]] = r
        correlation[self.columns[self.below], self.rows[self.below]] = r
        return spread[:, :c], np.exp(spread[:, c:]), correlation

    def jacobian(self, psi: Array) -> Array:
        """∂ full / ∂ ψ, (full, size)."""
        model = self.model
        if model.common_correlations:
            return complex_step(self.to_full, psi)
        out = np.zeros((model.full_size, self.size))
        out[self.positions, self.index] = 1.0
        out[model.layout.total + self.group_columns, self.n_items + np.arange(self.group_columns.size)] = 1.0
        return out

    def standardised_jacobian(self, psi: Array) -> Array:
        """∂ standardised full / ∂ ψ, (full, size), weights of the pooled population held fixed."""
        return complex_step(lambda v: self.model.standardised(self.to_full(v)), psi)


def complex_step(function, at: Array) -> Array:  # type: ignore[no-untyped-def]
    """Jacobian of an analytic function by imaginary steps: exact to rounding (Squire & Trapp 1998)."""
    columns = []
    for i in range(at.size):
        z = at.astype(complex)
        z[i] += 1e-30j
        columns.append(function(z).imag / 1e-30)
    return np.stack(columns, axis=1) if columns else np.zeros((function(at).size, 0))
