"""One pass over the students: EP posteriors, expected counts, gradients of the log-evidence, their outer products.

How students are put into blocks and halves, and where these are worked on: profile_data.py.
"""

from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from scoring.irt.curves import ItemParameters, log_probabilities
from scoring.irt.ep import columns_of, cut_weights, loglik_block
from scoring.irt.ep_correction import corrected_block
from scoring.irt.ep_sites import SiteBlock, ep_block
from scoring.irt.profile_data import ProfileData, map_blocks
from scoring.irt.profile_items import ItemLayout, log_probability_gradients

Array = NDArray[np.float64]
Index = NDArray[np.int64]

S = TypeVar("S", "Sums", "ScoreSums")

#: Blocks whose sums are held before they are added up.
_AT_ONCE = 64


@dataclass
class Sums:
    """Sums over students.

    Attributes:
        log_evidence: weighted EP log-evidence.
        counts: (J, K, Q) expected responses in category k at node q.
        weight, mean, square: (G,), (G, C), (G, C, C) weights, weighted posterior means, weighted E[θθ'].
        unsettled: students whose sites did not settle.
        smallest_sd: smallest posterior SD.
    """

    log_evidence: float
    counts: Array
    weight: Array
    mean: Array
    square: Array
    unsettled: int
    smallest_sd: float


def _together(parts: list[S]) -> S:
    """The sums over the students of all parts."""
    out, *others = parts
    for other in others:
        for name in (f.name for f in fields(out)):
            here, there = getattr(out, name), getattr(other, name)
            setattr(out, name, min(here, there) if name == "smallest_sd" else here + there)
    return out


def posterior_block(
    data: ProfileData, rows: slice, table: Array, nodes: Array, mu: Array, sigma: Array, tolerance: float
) -> tuple[SiteBlock, Array]:
    """EP of one block from its warm sites, which are replaced; and its log-likelihoods (C, n, Q)."""
    loglik = loglik_block(table, data.scores[rows], data.concept, data.n_concepts)
    block = ep_block(
        loglik,
        nodes,
        mu[:, None],
        sigma[:, :, None],
        np.ascontiguousarray(data.precision[:, rows]),
        np.ascontiguousarray(data.shift[:, rows]),
        tolerance,
    )
    data.precision[:, rows], data.shift[:, rows] = block.precision, block.shift
    return block, loglik


def expectations(
    data: ProfileData, items: ItemParameters, nodes: Array, mu: Array, sigma: Array, tolerance: float
) -> Sums:
    """Expected counts and moments of all students under their groups' populations."""
    return _together(data.over(_expectations, items, nodes, mu, sigma, tolerance))


def _expectations(
    data: ProfileData, items: ItemParameters, nodes: Array, mu: Array, sigma: Array, tolerance: float
) -> Sums:
    table = log_probabilities(items, nodes)
    shape = table.shape

    def work(block: tuple[slice, int]) -> tuple[float, Array, float, Array, Array, int, float]:
        rows, g = block
        posterior, _ = posterior_block(data, rows, table, nodes, mu[g], sigma[g], tolerance)
        w = data.weights[rows]
        counts = _counts(data, rows, posterior, shape)
        weighted = posterior.mean * w
        square = weighted @ posterior.mean.T + posterior.covariance @ w
        unsettled = int(np.count_nonzero(~posterior.converged))
        smallest = float(np.sqrt(np.einsum("ccn->cn", posterior.covariance).min()))
        return (
            float(w @ posterior.log_evidence),
            counts,
            float(w.sum()),
            weighted.sum(axis=1),
            square,
            unsettled,
            smallest,
        )

    out = Sums(0.0, np.zeros(shape), np.zeros(len(mu)), np.zeros_like(mu), np.zeros_like(sigma), 0, np.inf)
    for (_, g), (evidence, counts, weight, mean, square, unsettled, smallest) in zip(
        data.blocks, map_blocks(work, data.blocks, data.threads), strict=True
    ):
        out.log_evidence += evidence
        out.counts += counts
        out.weight[g] += weight
        out.mean[g] += mean
        out.square[g] += square
        out.unsettled += unsettled
        out.smallest_sd = min(out.smallest_sd, smallest)
    return out


def _counts(data: ProfileData, rows: slice, posterior: SiteBlock, shape: tuple[int, ...]) -> Array:
    out = np.zeros(shape)
    w = data.weights[rows]
    equal = bool(np.all(w == 1.0))
    for c in range(data.n_concepts):
        columns = np.flatnonzero(data.concept == c)
        x, tilted = columns_of(data.scores[rows], columns), posterior.tilted[c]
        complete, categories = bool(x.min() >= 0), int(x.max()) + 1
        for k in range(1 if complete else 0, categories):
            # of two categories the codes themselves say who is in the upper one
            here = (x if complete and categories == 2 else x == k).T.astype(float)
            out[columns, k] = (here if equal else here * w) @ tilted
        if complete:  # everybody is in one of the categories
            out[columns, 0] = w @ tilted - out[columns, 1:].sum(axis=1)
    return out


def gradient(sums: Sums, items: ItemParameters, layout: ItemLayout, nodes: Array, mu: Array, sigma: Array) -> Array:
    """Gradient of the EP log-evidence in the full vector.

    At the fixed point the evidence is stationary in the sites, so only the explicit dependence counts: expected
    complete-data scores, as in EM (Minka 2001; Seeger 2005).
    """
    at = layout.padded()
    score = np.einsum("jkq,jpkq->jp", sums.counts, log_probability_gradients(items, nodes))
    item_part = np.zeros(layout.total)
    item_part[at[at >= 0]] = score[at >= 0]
    rows, columns = np.tril_indices(mu.shape[1])
    parts = [item_part]
    for g in range(len(mu)):
        inverse = np.linalg.inv(sigma[g])
        n, m = sums.weight[g], sums.mean[g]
        about = sums.square[g] - np.outer(m, mu[g]) - np.outer(mu[g], m) + n * np.outer(mu[g], mu[g])
        slope = 0.5 * inverse @ (about - n * sigma[g]) @ inverse
        parts += [inverse @ (m - n * mu[g]), np.where(rows == columns, 1.0, 2.0) * slope[rows, columns]]
    return np.concatenate(parts)


@dataclass
class ScoreSums:
    """What standard errors need, all in the full vector of length P.

    Attributes:
        outer: (P, P) Σ w s s'.
        clusters: (S, P) sums of w s by cluster; (0, P) without clusters.
        cluster_weight: (S, G) weights of the students of cluster and group.
        mastery: (G, C) Σ w p, p = P(θ_c >= cut_c) under the group's population.
        mastery_product: (G, C, C) Σ w p p'.
        mastery_score: (G, C, P) Σ w p s.
        cluster_mastery: (S, G, C) Σ w p by cluster and group.
        group_score: (G, P) Σ w s by group.
        unsettled: students whose sites did not settle.
        log_evidence: weighted EP log-evidence.
        smallest_sd: smallest posterior SD.
    """

    outer: Array
    clusters: Array
    cluster_weight: Array
    mastery: Array
    mastery_product: Array
    mastery_score: Array
    cluster_mastery: Array
    group_score: Array
    unsettled: int
    log_evidence: float
    smallest_sd: float


def student_scores(
    data: ProfileData,
    items: ItemParameters,
    layout: ItemLayout,
    nodes: Array,
    mu: Array,
    sigma: Array,
    cuts: Array | None = None,
    by_cluster: bool = False,
    tolerance: float = 1e-6,
) -> ScoreSums:
    """Sums over students of their gradients of the EP log-evidence, with mastery under their groups' populations.

    Args:
        cuts: (C,) on the scale of the parameters, or None to leave mastery out.
        by_cluster: whether sums by cluster are wanted, where the data have clusters.
    """
    n_clusters = 0 if data.cluster is None or not by_cluster else int(data.cluster.max()) + 1
    return _together(data.over(_student_scores, items, layout, nodes, mu, sigma, cuts, n_clusters, tolerance))


def _student_scores(
    data: ProfileData,
    items: ItemParameters,
    layout: ItemLayout,
    nodes: Array,
    mu: Array,
    sigma: Array,
    cuts: Array | None,
    n_clusters: int,
    tolerance: float,
) -> ScoreSums:
    cluster = data.cluster if n_clusters else None
    table = log_probabilities(items, nodes)
    gradients = log_probability_gradients(items, nodes)
    n_groups, n_concepts = mu.shape
    size = layout.total + n_groups * (n_concepts + n_concepts * (n_concepts + 1) // 2)
    above = None if cuts is None else cut_weights(nodes, cuts)
    inverses = np.linalg.inv(sigma)

    per_group = n_concepts + n_concepts * (n_concepts + 1) // 2

    def work(block: tuple[slice, int]) -> "_BlockScores":
        rows, g = block
        posterior, _ = posterior_block(data, rows, table, nodes, mu[g], sigma[g], tolerance)
        item_part = _item_scores(data, data.scores[rows], posterior, gradients, layout)
        scores = np.concatenate([item_part, _group_scores(posterior, mu[g], inverses[g])], axis=1)
        p = None
        if above is not None:
            corrected = corrected_block(posterior.mean, posterior.covariance, posterior.tilted, nodes, above)
            p = np.asarray(corrected[2]).T
        return _reduced(scores, p, data.weights[rows], posterior, None if cluster is None else cluster[rows])

    out = ScoreSums(
        np.zeros((size, size)),
        np.zeros((n_clusters, size)),
        np.zeros((n_clusters, n_groups)),
        np.zeros((n_groups, n_concepts)),
        np.zeros((n_groups, n_concepts, n_concepts)),
        np.zeros((n_groups, n_concepts, size)),
        np.zeros((n_clusters, n_groups, n_concepts)),
        np.zeros((n_groups, size)),
        0,
        0.0,
        np.inf,
    )
    # a few blocks at a time: where there are many clusters, their sums are large
    for first in range(0, len(data.blocks), _AT_ONCE):
        group_of_blocks = data.blocks[first : first + _AT_ONCE]
        for (_, g), part in zip(group_of_blocks, map_blocks(work, group_of_blocks, data.threads), strict=True):
            own = layout.total + g * per_group
            at = np.concatenate([np.arange(layout.total), np.arange(own, own + per_group)])
            out.outer[np.ix_(at, at)] += part.outer
            out.group_score[g, at] += part.total
            out.log_evidence += part.log_evidence
            out.unsettled += part.unsettled
            out.smallest_sd = min(out.smallest_sd, part.smallest_sd)
            if part.mastery is not None:
                out.mastery[g] += part.mastery
                out.mastery_product[g] += part.mastery_product
                out.mastery_score[g][:, at] += part.mastery_score
            if part.names is not None:
                out.clusters[np.ix_(part.names, at)] += part.clusters
                out.cluster_weight[part.names, g] += part.cluster_weight
                if part.mastery is not None:
                    out.cluster_mastery[part.names, g] += part.cluster_mastery
    return out


@dataclass(frozen=True)
class _BlockScores:
    """What `ScoreSums` adds up over the blocks; mastery and clusters are None where they were not asked for."""

    outer: Array
    total: Array
    log_evidence: float
    unsettled: int
    smallest_sd: float
    mastery: Array | None
    mastery_product: Array | None
    mastery_score: Array | None
    names: Index | None
    clusters: Array | None
    cluster_weight: Array | None
    cluster_mastery: Array | None


def _reduced(scores: Array, p: Array | None, w: Array, posterior: SiteBlock, cluster: Index | None) -> _BlockScores:
    """A block's sums from its students' gradients (n, P) and probabilities (n, C), which are let go at once."""
    weighted = scores * w[:, None]
    mastered = None if p is None else p * w[:, None]
    names, sums, weight, above = None, None, None, None
    if cluster is not None:
        order = np.argsort(cluster, kind="stable")
        names, first = np.unique(cluster[order], return_index=True)
        sums = np.add.reduceat(weighted[order], first, axis=0)
        weight = np.add.reduceat(w[order], first)
        above = None if mastered is None else np.add.reduceat(mastered[order], first, axis=0)
    return _BlockScores(
        outer=scores.T @ weighted,
        total=weighted.sum(axis=0),
        log_evidence=float(w @ posterior.log_evidence),
        unsettled=int(np.count_nonzero(~posterior.converged)),
        smallest_sd=float(np.sqrt(np.einsum("ccn->cn", posterior.covariance).min())),
        mastery=None if mastered is None else mastered.sum(axis=0),
        mastery_product=None if mastered is None or p is None else mastered.T @ p,
        mastery_score=None if mastered is None else mastered.T @ scores,
        names=names,
        clusters=sums,
        cluster_weight=weight,
        cluster_mastery=above,
    )


def _item_scores(
    data: ProfileData, x: NDArray[np.int8], posterior: SiteBlock, gradients: Array, layout: ItemLayout
) -> Array:
    """(n, total) each student's gradient in the item parameters: E[∂ log P(X = x | θ)] under the tilted marginal."""
    out = np.zeros((len(x), layout.total))
    at = layout.padded()
    width = at.shape[1]
    for c in range(data.n_concepts):
        columns = np.flatnonzero(data.concept == c)
        given = columns_of(x, columns)
        value = np.zeros((len(x), columns.size, width))
        for k in range(gradients.shape[2]):
            here = given == k
            if not here.any():
                continue
            flat = gradients[columns, :, k].reshape(-1, gradients.shape[3])
            expected = (posterior.tilted[c] @ flat.T).reshape(len(x), columns.size, width)
            expected *= here[:, :, None]
            value += expected
        used = at[columns] >= 0
        first, last = int(at[columns[0], 0]), int(at[columns].max()) + 1
        if used.all() and np.array_equal(at[columns].ravel(), np.arange(first, last)):
            out[:, first:last] = value.reshape(len(x), -1)
        else:
            out[:, at[columns][used]] = value[:, used]
    return out


def _group_scores(posterior: SiteBlock, mu: Array, inverse: Array) -> Array:
    """(n, C + C(C+1)/2) each student's gradient in μ_g and the lower triangle of Σ_g."""
    c = mu.size
    rows, columns = np.tril_indices(c)
    pull = inverse @ (posterior.mean - mu[:, None])  # (C, n)
    kept = np.einsum("ab,bcn,cd->adn", inverse, posterior.covariance, inverse, optimize=True)
    slope = 0.5 * (kept + pull[:, None] * pull[None, :] - inverse[:, :, None])
    triangle = np.where(rows == columns, 1.0, 2.0)[:, None] * slope[rows, columns]
    return np.concatenate([pull, triangle]).T
