"""Exact observed information of the marginal log-likelihood (Louis 1982).

For one student, -∂² log L = E[-∂² log L_c] - Cov[S], expectation and covariance over the posterior of θ, with S
the score of the complete data. The first part follows from the expected counts. The second, summed over
students, is M = Σ_i w_i (E_i[S S'] - E_i[S] E_i[S]'), formed here:

- where everybody in a block saw the same items and all of them are 2PL or GPCM, S is linear in the responses with
  coefficients 1 and θ, plus a function of θ alone: the covariance needs one Gram matrix of the responses (weights
  Var θ) and two matrix products with the posteriors, and costs twice an E-step;
- otherwise one Gram matrix for each node;
- where each student saw a few of many items, each student's own covariance over the items seen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.irt.blocks import CHUNK, Block, Blocks
from scoring.irt.curves import FAMILY, Array
from scoring.irt.derivatives import Derivatives, has_asymptote
from scoring.irt.estep import Expectation, add_counts, block_logs, over_spans, posterior
from scoring.irt.parameters import Layout

Index = NDArray[np.int64]

OWN_COVARIANCE = 4  # how much dearer an entry of a student's own covariance is than one of a Gram matrix
NEGLIGIBLE = 1e-17  # posterior mass of a node below which no student of a chunk can change a sum's last digit


@dataclass(frozen=True)
class Scores:
    """Scores of the complete data in ψ, laid out for the blocks.

    Attributes:
        theta: (Q,).
        column: (C, S, Q) score of each one-hot column in the slots of its item.
        psi: (V, S) positions of the slots in ψ, -1 where there is none.
        population: (G, 2, Q) score of the populations' means and log SDs.
        n_items: number of item positions in ψ.
        linear: (V,) items whose score is linear in the response with coefficients 1 and θ.
    """

    theta: Array
    column: Array
    psi: Index
    population: Array
    n_items: int
    linear: NDArray[np.bool_]

    @property
    def size(self) -> int:
        return self.n_items + 2 * len(self.population)

    def group_positions(self, group: int) -> Index:
        return self.n_items + 2 * group + np.arange(2)


def make_scores(blocks: Blocks, derivatives: Derivatives, layout: Layout, population: Array) -> Scores:
    """Lay the derivatives out column by column."""
    column = derivatives.score[blocks.item_of_column, blocks.category_of_column]
    items = derivatives.items
    family = np.array([FAMILY[m] for m in items.model])
    linear = ((family == "logistic") & ~has_asymptote(items)) | (family == "partial")
    return Scores(derivatives.theta, column, layout.psi, population, layout.n_psi_items, linear)


@dataclass(frozen=True)
class BlockScores:
    """Scores of one block.

    Attributes:
        positions: (p,) positions in ψ: the slots of the items seen, then the group's two.
        base: (p, Q) score of a student in category 0 of everything.
        item: (C_b,) which of the seen items each column belongs to.
        slot: (C_b, S) position among the p, -1 where there is none.
        delta: (C_b, S, Q) what a column adds to the base.
        category: (C_b,).
    """

    positions: Index
    base: Array
    item: Index
    slot: Index
    delta: Array
    category: Index


def block_scores(block: Block, blocks: Blocks, scores: Scores) -> BlockScores:
    """The scores of the items this block saw.

    Where not everybody saw the same, every category has its column, and the base is the population's score alone.
    """
    psi = scores.psi[block.seen]
    local = np.full(psi.shape, -1, dtype=np.int64)
    local[psi >= 0] = np.arange(int((psi >= 0).sum()))
    positions = np.concatenate([psi[psi >= 0], scores.group_positions(block.group)])
    zero = scores.column[blocks.start[block.seen]]
    of = blocks.item_of_column[block.columns]
    item = np.searchsorted(block.seen, of)
    delta = scores.column[block.columns]
    if block.complete:
        delta = delta - scores.column[blocks.start[of]]
    else:
        zero = np.zeros_like(zero)
    base = np.concatenate([zero[psi >= 0], scores.population[block.group]])
    return BlockScores(positions, base, item, local[item], delta, blocks.category_of_column[block.columns])


def missing_information(
    blocks: Blocks, log_p: Array, log_prior: Array, scores: Scores, threads: int = 1
) -> tuple[Expectation, Array]:
    """The expected counts, and M = Σ w Cov[S] in ψ, (P, P), in one pass."""
    logs = [block_logs(b, blocks, log_p, log_prior) for b in blocks.blocks]
    prepared = [None if _sparse(b, scores) else block_scores(b, blocks, scores) for b in blocks.blocks]
    linear = [b.complete and bool(scores.linear[b.seen].all()) for b in blocks.blocks]
    jobs = [(b, *span) for b, block in enumerate(blocks.blocks) for span in block.spans()]

    def work(job: tuple[int, int, int]) -> tuple[float, Array, Array, "list[Array]"]:
        b, first, last = job
        block, own = blocks.blocks[b], prepared[b]
        if own is None:
            return _ragged(block, blocks, scores, logs[b], first, last)
        if linear[b]:
            return _linear(block, scores, logs[b], first, last)
        return _general(block, own, logs[b], first, last)

    results = over_spans(jobs, work, threads)
    size = scores.size
    missing = np.zeros((size, size))
    all_counts = np.zeros((blocks.n_groups, blocks.n_columns, log_p.shape[1]))
    all_nodes = np.zeros((blocks.n_groups, log_p.shape[1]))
    total = 0.0
    sums: dict[int, tuple[Array, Array, list[Array]]] = {}
    for (b, _, _), (value, counts, nodes, parts) in zip(jobs, results, strict=True):
        total += value
        add_counts(blocks, blocks.blocks[b], counts, nodes, all_counts)
        all_nodes[blocks.blocks[b].group] += nodes
        if b in sums:
            old = sums[b]
            sums[b] = (old[0] + counts, old[1] + nodes, [x + y for x, y in zip(old[2], parts, strict=True)])
        else:
            sums[b] = (counts, nodes, parts)
    for b, (counts, nodes, parts) in sums.items():
        own = prepared[b]
        if own is None:
            missing += parts[0]
            continue
        if linear[b]:
            products = _linear_covariance(own, scores.theta, counts, nodes, parts)
        else:
            products = parts[1] + _base_products(own, counts, nodes) - parts[0]
        missing[np.ix_(own.positions, own.positions)] += products
    return Expectation(total, all_counts, all_nodes), (missing + missing.T) / 2


def _sparse(block: Block, scores: Scores) -> bool:
    """Whether each student's own covariance is cheaper than Gram matrices over all columns of the block."""
    if block.complete:
        return False
    own = (np.mean(block.onehot.sum(axis=1, dtype=np.int64)) * scores.psi.shape[1] + 2) ** 2
    return bool(OWN_COVARIANCE * own < len(block.columns) ** 2)


def _base_products(own: BlockScores, counts: Array, nodes: Array) -> Array:
    """Σ E[y m'] + E[m y'] + E[m m'], with S = y + m and m the base."""
    cross = np.zeros((own.base.shape[0], own.base.shape[0]))
    for s in range(own.slot.shape[1]):
        has = own.slot[:, s] >= 0
        np.add.at(cross, own.slot[has, s], (counts[has] * own.delta[has, s]) @ own.base.T)
    return np.asarray(cross + cross.T + (own.base * nodes) @ own.base.T)


def student_scores(x: Array, post: Array, own: BlockScores) -> Array:
    """E[S] of each student of a chunk, (n, p)."""
    out = post @ own.base.T
    n_slots = own.slot.shape[1]
    for s in range(n_slots):
        has = own.slot[:, s] >= 0
        expected = post @ own.delta[has, s].T
        for k in np.unique(own.category[has]):
            at = own.category[has] == k
            out[:, own.slot[has, s][at]] += x[:, has][:, at] * expected[:, at]
    return np.asarray(out)


def _linear(
    block: Block, scores: Scores, logs: tuple[Array, Array], first: int, last: int
) -> tuple[float, Array, Array, list[Array]]:
    """Sums for _linear_covariance: x' diag(Var θ) x, (x E θ)' posterior, posterior' posterior."""
    columns, base = logs
    c, q = columns.shape
    value, counts, nodes = 0.0, np.zeros((c, q)), np.zeros(q)
    spread, shifted, together = np.zeros((c, c)), np.zeros((c, q)), np.zeros((q, q))
    powers = np.stack([scores.theta, scores.theta**2], axis=1)
    for begin in range(first, last, CHUNK):
        part = slice(begin, min(begin + CHUNK, last))
        post, log_l, x = posterior(block.onehot[part], columns, base)
        w = block.weights[part]
        value += float(w @ log_l)
        moments = post @ powers
        variance = np.maximum(moments[:, 1] - moments[:, 0] ** 2, 0.0)
        root = np.sqrt(w)[:, None]
        post *= root
        together += post.T @ post
        post *= root
        counts += x.T @ post
        nodes += np.ones(len(post)) @ post
        y = x * moments[:, :1]
        shifted += y.T @ post
        np.multiply(x, np.sqrt(w * variance)[:, None], out=y)
        spread += y.T @ y
    return value, counts, nodes, [spread, shifted, together]


def _linear_covariance(own: BlockScores, theta: Array, counts: Array, nodes: Array, parts: list[Array]) -> Array:
    """Σ w Cov[S] where S = y + m(θ) and y = (category · θ in the slope, 1 in an intercept) of each column answered.

    Given the responses only θ varies: the intercepts' y is a constant, the slopes' y is category · x · θ. What is
    left are Var θ, Cov(θ, m) and Cov(m, m), the last two linear in sums over the nodes.
    """
    spread, shifted, together = parts
    slope = np.zeros((len(own.item), len(own.positions)))
    slope[np.arange(len(own.item)), own.slot[:, 0]] = own.category
    cross = slope.T @ ((counts * theta - shifted) @ own.base.T)
    inner = (own.base * nodes) @ own.base.T - own.base @ together @ own.base.T
    return np.asarray(slope.T @ spread @ slope + cross + cross.T + inner)


def _general(
    block: Block, own: BlockScores, logs: tuple[Array, Array], first: int, last: int
) -> tuple[float, Array, Array, list[Array]]:
    columns, base = logs
    p = len(own.positions)
    value, counts, nodes = 0.0, np.zeros(columns.shape), np.zeros(columns.shape[1])
    outer, products = np.zeros((p, p)), np.zeros((p, p))
    for begin in range(first, last, CHUNK):
        part = slice(begin, min(begin + CHUNK, last))
        post, log_l, x = posterior(block.onehot[part], columns, base)
        w = block.weights[part]
        value += float(w @ log_l)
        s = student_scores(x, post, own) * np.sqrt(w)[:, None]
        outer += s.T @ s
        post *= w[:, None]
        counts += x.T @ post
        nodes += post.sum(axis=0)
        for q in np.flatnonzero(post.max(axis=0) > NEGLIGIBLE):
            y = x * np.sqrt(post[:, q])[:, None]
            products += _spread(own, y.T @ y, int(q), p)
    return value, counts, nodes, [outer, products]


def _spread(own: BlockScores, gram: Array, q: int, p: int) -> Array:
    d = np.zeros((len(own.item), p))
    for s in range(own.slot.shape[1]):
        has = np.flatnonzero(own.slot[:, s] >= 0)
        d[has, own.slot[has, s]] = own.delta[has, s, q]
    return np.asarray(d.T @ gram @ d)


def _ragged(
    block: Block, blocks: Blocks, scores: Scores, logs: tuple[Array, Array], first: int, last: int
) -> tuple[float, Array, Array, list[Array]]:
    """Each student's own covariance over the items seen, students with equally many items together."""
    columns, base = logs
    size, n_slots, q = scores.size, scores.psi.shape[1], len(scores.theta)
    value, counts, nodes = 0.0, np.zeros(columns.shape), np.zeros(q)
    missing = np.zeros(size * size)
    extra = scores.group_positions(block.group)
    positions = np.concatenate([scores.psi[blocks.item_of_column[block.columns]].ravel()]).reshape(-1, n_slots)
    for begin in range(first, last, CHUNK):
        part = slice(begin, min(begin + CHUNK, last))
        post, log_l, x = posterior(block.onehot[part], columns, base)
        w = block.weights[part]
        value += float(w @ log_l)
        weighted = post * w[:, None]
        counts += x.T @ weighted
        nodes += weighted.sum(axis=0)
        n_seen = block.onehot[part].sum(axis=1, dtype=np.int64)
        for n in np.unique(n_seen):
            members = np.flatnonzero(n_seen == n)
            step = max(1, 2_000_000 // ((n * n_slots + 2) * q))
            for at in range(0, len(members), step):
                who = members[at : at + step]
                which = np.nonzero(x[who])[1].reshape(len(who), n)
                s = scores.column[block.columns[which]].reshape(len(who), n * n_slots, q)
                group = np.broadcast_to(scores.population[block.group], (len(who), 2, q))
                s = np.concatenate([s, group], axis=1)
                place = np.concatenate(
                    [positions[which].reshape(len(who), -1), np.broadcast_to(extra, (len(who), 2))], axis=1
                )
                s = s - (s @ post[who][:, :, None])  # centred, so that no digits are lost in the difference
                y = s * np.sqrt(weighted[who])[:, None, :]
                covariance = y @ y.transpose(0, 2, 1)
                index = place[:, :, None] * size + place[:, None, :]
                good = (place[:, :, None] >= 0) & (place[:, None, :] >= 0)
                missing += np.bincount(index[good], covariance[good], minlength=size * size)
    return value, counts, nodes, [missing.reshape(size, size)]
