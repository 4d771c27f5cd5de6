"""The E-step: marginal log-likelihood and expected counts over the grid, in one pass through the students.

The log-likelihood of a chunk at all nodes is one matrix product of its one-hot responses with the items'
log-probabilities, the expected counts another (Bock & Aitkin 1981). BLAS runs on one thread; threads work on whole
spans of students, whose sums are added in a fixed order, so that no number depends on how many there are.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from scoring.irt.blocks import CHUNK, Block, Blocks
from scoring.irt.curves import Array
from scoring.irt.threads import one_blas_thread

#: Sums of likelihoods below this have lost digits to underflow.
_TINY = 1e-250
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Expectation:
    """What a pass returns.

    Attributes:
        log_likelihood: marginal, summed over students with their weights.
        counts: (G, C, Q) expected numbers of answers in each one-hot column at each node.
        nodes: (G, Q) expected numbers of students at each node.
    """

    log_likelihood: float
    counts: Array
    nodes: Array


def over_spans(jobs: Sequence[T], work: Callable[[T], U], threads: int) -> list[U]:
    """Results of work(job) in the order of the jobs, with BLAS on one thread."""
    with one_blas_thread():
        if threads <= 1 or len(jobs) < 2:
            return [work(job) for job in jobs]
        return list(_pool(threads, os.getpid()).map(work, jobs))


@cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Kept: starting threads anew for every pass costs more than a small pass. A forked process gets its own."""
    del process
    return ThreadPoolExecutor(threads, thread_name_prefix="spans")


def block_logs(block: Block, blocks: Blocks, log_p: Array, log_prior: Array) -> tuple[Array, Array]:
    """(C_b, Q) what each one-hot column adds, and (Q,) what all rows of the block start from."""
    if not block.complete:
        return log_p[block.columns], log_prior[block.group]
    zero = log_p[blocks.start[block.seen]]
    own = blocks.start[blocks.item_of_column[block.columns]]
    return log_p[block.columns] - log_p[own], log_prior[block.group] + zero.sum(axis=0)


def posterior(
    onehot: NDArray[np.int8], logs: Array, base: Array, weights: Array | None = None
) -> tuple[Array, Array, Array]:
    """Posterior (n, Q), times weights where given, log-likelihood (n,), and the responses as numbers (n, C)."""
    x = onehot.astype(logs.dtype)
    ones = np.ones(logs.shape[1], dtype=logs.dtype)  # BLAS sums rows faster than .sum
    a = x @ logs
    a += base
    if a.dtype == np.float64:  # logs of probabilities: nothing overflows, and few tests are long enough to underflow
        np.exp(a, out=a)
        total = a @ ones
        if total.min(initial=1.0) > _TINY:
            a *= (1 / total if weights is None else weights / total)[:, None]
            return a, np.log(total), x
        a = x @ logs
        a += base
    top = a.max(axis=1)
    a -= top[:, None]
    np.exp(a, out=a)
    total = a @ ones
    a *= (1 / total if weights is None else weights.astype(a.dtype) / total)[:, None]
    return a, top + np.log(total), x


def expectation(blocks: Blocks, log_p: Array, log_prior: Array, threads: int = 1, single: bool = False) -> Expectation:
    """One pass.

    Args:
        blocks: the students.
        log_p: (C, Q) log-probabilities of the one-hot columns.
        log_prior: (G, Q) log-weights of the populations.
        threads: how many spans are worked on at a time.
        single: matrix products in single precision, for steps that need no more.
    """
    kind: Any = np.float32 if single else np.float64
    logs = [
        (columns.astype(kind), base.astype(kind))
        for columns, base in (block_logs(b, blocks, log_p, log_prior) for b in blocks.blocks)
    ]
    jobs = [(b, *span) for b, block in enumerate(blocks.blocks) for span in block.spans()]

    def work(job: tuple[int, int, int]) -> tuple[float, Array, Array]:
        b, first, last = job
        block, (columns, base) = blocks.blocks[b], logs[b]
        value, counts, nodes = 0.0, np.zeros(columns.shape), np.zeros(columns.shape[1])
        for begin in range(first, last, CHUNK):
            part = slice(begin, min(begin + CHUNK, last))
            w = block.weights[part]
            post, log_l, x = posterior(block.onehot[part], columns, base, w)
            value += float(w @ log_l)
            counts += x.T @ post
            nodes += np.ones(len(post), dtype=post.dtype) @ post
        return value, counts, nodes

    total = 0.0
    all_counts = np.zeros((blocks.n_groups, blocks.n_columns, log_p.shape[1]))
    all_nodes = np.zeros((blocks.n_groups, log_p.shape[1]))
    for (b, _, _), (value, counts, nodes) in zip(jobs, over_spans(jobs, work, threads), strict=True):
        total += value
        add_counts(blocks, blocks.blocks[b], counts, nodes, all_counts)
        all_nodes[blocks.blocks[b].group] += nodes
    return Expectation(total, all_counts, all_nodes)


def add_counts(blocks: Blocks, block: Block, counts: Array, nodes: Array, all_counts: Array) -> None:
    """Add a span's counts to the whole; in a complete block category 0 is everybody who is in no other."""
    out = all_counts[block.group]
    out[block.columns] += counts
    if block.complete:
        zero = blocks.start[block.seen]
        out[zero] += nodes
        own = blocks.start[blocks.item_of_column[block.columns]]
        np.subtract.at(out, own, counts)
