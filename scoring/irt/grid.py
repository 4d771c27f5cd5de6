"""The quadrature grid and populations on it.

A population N(μ, σ²) lives on the grid as weights proportional to the normal density at the nodes, summing to one;
its derivatives are those of these weights, so that group moments are maximised on the grid as it is.
"""

from dataclasses import dataclass

import numpy as np

from scoring.irt.curves import Array


@dataclass(frozen=True)
class Grid:
    """Equally spaced nodes.

    Attributes:
        nodes: (Q,) increasing, symmetric around 0.
    """

    nodes: Array

    @property
    def bound(self) -> float:
        return float(self.nodes[-1])

    @property
    def spacing(self) -> float:
        return float(self.nodes[1] - self.nodes[0])

    def widened(self, by: float = 2.0) -> "Grid":
        """The same nodes and more of them: the bound grows by at least `by`, at the same spacing."""
        return make_grid(len(self.nodes) + 2 * int(np.ceil(by / self.spacing - 1e-9)), None, self.spacing)

    def refined(self) -> "Grid":
        """The same bound at half the spacing."""
        return make_grid(2 * len(self.nodes) - 1, self.bound)


def make_grid(nodes: int = 61, bound: float | None = 6.0, spacing: float | None = None) -> Grid:
    """Nodes from -bound to bound, or around 0 at a given spacing."""
    if bound is None:
        assert spacing is not None
        return Grid(np.asarray((np.arange(nodes) - (nodes - 1) / 2) * spacing, dtype=np.float64))
    return Grid(np.linspace(-bound, bound, nodes, dtype=np.float64))


def log_normal_weights(theta: Array, mean: Array, log_sd: Array) -> Array:
    """Log weights (G, Q) of G normal populations, each row's exponentials summing to one."""
    f = -0.5 * ((theta - mean[:, None]) * np.exp(-log_sd)[:, None]) ** 2
    top = f.max(axis=1, keepdims=True)
    return np.asarray(f - top - np.log(np.exp(f - top).sum(axis=1, keepdims=True)))


def normal_scores(theta: Array, mean: Array, log_sd: Array) -> Array:
    """∂ log weight / ∂ (μ, log σ), (G, 2, Q)."""
    w = np.exp(log_normal_weights(theta, mean, log_sd))
    raw = _raw_scores(theta, mean, log_sd)
    return np.asarray(raw - np.einsum("gq,gsq->gs", w, raw)[:, :, None])


def normal_hessian(theta: Array, mean: Array, log_sd: Array, counts: Array) -> Array:
    """Σ_q counts_q ∂² log weight_q, (G, 2, 2).

    Args:
        theta: (Q,) nodes.
        mean: (G,).
        log_sd: (G,).
        counts: (G, Q) expected numbers of students at the nodes.
    """
    w = np.exp(log_normal_weights(theta, mean, log_sd))
    n = counts.sum(axis=1)
    raw = _raw_scores(theta, mean, log_sd)
    centred = raw - np.einsum("gq,gsq->gs", w, raw)[:, :, None]
    out = -n[:, None, None] * np.einsum("gq,gsq,gtq->gst", w, centred, centred)
    excess = counts - n[:, None] * w  # f_xy enters by its posterior minus its prior mean
    cross = -2 * np.einsum("gq,gq->g", excess, raw[:, 0])
    out[:, 0, 1] += cross
    out[:, 1, 0] += cross
    out[:, 1, 1] += -2 * np.einsum("gq,gq->g", excess, raw[:, 1])
    return np.asarray(out)


def _raw_scores(theta: Array, mean: Array, log_sd: Array) -> Array:
    sd = np.exp(log_sd)[:, None]
    t = (theta - mean[:, None]) / sd
    return np.stack([t / sd, t * t], axis=1)
