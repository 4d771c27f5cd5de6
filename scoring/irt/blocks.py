"""Students arranged for fast passes: equal rows once, rows of one group and booklet together, chunks of bounded size.

A category of an item is a column of a one-hot matrix; column `start[j] + k` says "item j was answered in category k".
In a block where everybody saw the same items, category 0 is left out: what it contributes is the same for all.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scoring.irt.curves import Array

Index = NDArray[np.int64]

CHUNK = 2048  # students whose posteriors over 61 nodes fit a processor's cache
SPAN = 8 * CHUNK  # students whose sums are formed together; fixed, so that no result depends on the threads
SMALLEST_BOOKLET = 32  # rows below which a block of its own costs more than it saves


@dataclass
class Block:
    """Rows of one group that saw the same items, or of one group with whatever each of them saw.

    Attributes:
        group: index of the group.
        complete: everybody saw all of `seen`.
        seen: (V_b,) indices of items that somebody in the block saw.
        columns: (C_b,) one-hot columns held in `onehot`; without category 0 where complete.
        onehot: (n, C_b) int8.
        weights: (n,) sums of case weights.
        rows: (n,) positions among the distinct rows.
    """

    group: int
    complete: bool
    seen: Index
    columns: Index
    onehot: NDArray[np.int8]
    weights: Array
    rows: Index

    def __len__(self) -> int:
        return len(self.weights)

    def spans(self) -> Iterator[tuple[int, int]]:
        """Bounds of the pieces whose sums are formed together."""
        for first in range(0, len(self), SPAN):
            yield first, min(first + SPAN, len(self))


@dataclass
class Blocks:
    """All rows.

    Attributes:
        blocks: in the order of groups, complete ones first.
        categories: (V,) number of categories of each item.
        start: (V,) first one-hot column of each item.
        n_groups: number of groups.
        row_of: (N,) distinct row of each student, -1 for students who answered nothing.
        n_rows: number of distinct rows.
    """

    blocks: list[Block]
    categories: Index
    start: Index
    n_groups: int
    row_of: Index
    n_rows: int
    cache: dict[str, object] = field(default_factory=dict, repr=False)

    @property
    def n_columns(self) -> int:
        return int(self.categories.sum())

    @property
    def item_of_column(self) -> Index:
        return np.repeat(np.arange(len(self.categories)), self.categories)

    @property
    def category_of_column(self) -> Index:
        return np.arange(self.n_columns) - self.start[self.item_of_column]


def row_hashes(codes: NDArray[np.int8], groups: Index) -> Array:
    """(N, 2) whole numbers, equal for equal (group, row): a random projection in exact float arithmetic."""
    random = np.random.default_rng(20260101)
    # |code| <= 127 and fewer than 2**13 items: every sum stays below 2**53 and is exact in any order
    factors = random.integers(1, 2**32, size=(codes.shape[1] + 1, 2)).astype(float)
    out = np.empty((len(codes), 2))
    for first in range(0, len(codes), 16 * CHUNK):
        part = slice(first, first + 16 * CHUNK)
        out[part] = codes[part].astype(float) @ factors[:-1] + groups[part, None] * factors[-1]
    return out


def distinct_rows(codes: NDArray[np.int8], groups: Index) -> tuple[Index, Index]:
    """Positions of the first of each set of equal (group, row), and which of them each student is.

    Equal hashes are checked against the rows themselves; where two different rows collide, nothing is collapsed.
    """
    hashes = row_hashes(codes, groups)
    key = hashes[:, 0] + hashes[:, 1] / 2**48
    order = np.argsort(key, kind="stable")
    sorted_key = key[order]
    new = np.concatenate([[True], sorted_key[1:] != sorted_key[:-1]])
    leader = np.empty(len(codes), dtype=np.int64)
    inverse = np.cumsum(new) - 1
    leader[order] = order[new][inverse]
    same = np.flatnonzero(leader != np.arange(len(codes)))
    for first in range(0, len(same), 64 * CHUNK):
        part = same[first : first + 64 * CHUNK]
        if (codes[part] != codes[leader[part]]).any() or (groups[part] != groups[leader[part]]).any():
            return np.arange(len(codes)), np.arange(len(codes))
    position = np.empty(len(codes), dtype=np.int64)
    position[order] = inverse
    return order[new], position


def make_blocks(
    codes: NDArray[np.int8], categories: Index, groups: Index, weights: Array, n_groups: int, collapse: bool = True
) -> Blocks:
    """Arrange students.

    Args:
        codes: (N, V) categories 0, 1, ..., -1 where not administered.
        categories: (V,) number of categories of each item.
        groups: (N,) group of each student.
        weights: (N,) case weights.
        n_groups: number of groups.
        collapse: keep equal rows once, with the sum of their weights.
    """
    categories = np.asarray(categories, dtype=np.int64)
    start = np.concatenate([[0], np.cumsum(categories)[:-1]]).astype(np.int64)
    answered = np.flatnonzero((codes >= 0).any(axis=1) & (weights > 0))
    row_of = np.full(len(codes), -1, dtype=np.int64)
    everybody = len(answered) == len(codes)  # then nothing is copied: with millions of students memory counts
    inner = codes if everybody else codes[answered]
    inner_groups, inner_weights = groups[answered], weights[answered]
    first, position = distinct_rows(inner, inner_groups) if collapse else (answered[:0], answered[:0])
    if collapse and len(first) < len(inner):
        total: Array = np.bincount(position, inner_weights, minlength=len(first)).astype(float)
        rows, row_groups = inner[first], inner_groups[first]
    else:
        position, total, rows, row_groups = np.arange(len(inner)), inner_weights, inner, inner_groups
    row_of[answered] = position
    out = Blocks([], categories, start, n_groups, row_of, len(rows))
    missing = rows < 0
    if missing.any():
        pattern = row_hashes(missing.view(np.int8), row_groups)
        pattern_key = pattern[:, 0] + pattern[:, 1] / 2**48
    else:
        pattern_key = row_groups.astype(float)
    order = np.lexsort((pattern_key, row_groups))
    cuts = np.flatnonzero(np.diff(pattern_key[order]) != 0) + 1
    ragged: dict[int, list[Index]] = {}
    for members in np.split(order, cuts):
        if not len(members):
            continue
        group = int(row_groups[members[0]])
        whole = bool((missing[members] == missing[members[0]]).all())
        if whole and (len(members) >= SMALLEST_BOOKLET):
            out.blocks.append(_complete(out, rows, members, group, total))
        else:
            ragged.setdefault(group, []).append(members)
    for group, parts in ragged.items():
        members = np.concatenate(parts)
        out.blocks.append(_ragged(out, rows, members, group, total))
    return out


def _complete(out: Blocks, rows: NDArray[np.int8], members: Index, group: int, total: Array) -> Block:
    seen = np.flatnonzero(rows[members[0]] >= 0)
    here = rows[members][:, seen] if len(seen) < rows.shape[1] else rows[members]
    columns = np.concatenate([out.start[j] + np.arange(1, out.categories[j]) for j in seen])
    if (out.categories[seen] == 2).all():
        onehot = here
    else:
        at = np.repeat(np.arange(len(seen)), out.categories[seen] - 1)
        k = out.category_of_column[columns].astype(np.int8)
        onehot = (here[:, at] == k).view(np.int8)
    return Block(group, True, seen, columns, np.ascontiguousarray(onehot), total[members], members)


def _ragged(out: Blocks, rows: NDArray[np.int8], members: Index, group: int, total: Array) -> Block:
    here = rows[members]
    seen = np.flatnonzero((here >= 0).any(axis=0))
    columns = np.concatenate([out.start[j] + np.arange(out.categories[j]) for j in seen])
    item, k = out.item_of_column[columns], out.category_of_column[columns].astype(np.int8)
    onehot = (here[:, item] == k).view(np.int8)
    return Block(group, False, seen, columns, np.ascontiguousarray(onehot), total[members], members)


def subsample(codes: NDArray[np.int8], groups: Index, size: int) -> Index:
    """Positions of about `size` students, evenly spread over groups and over the order of the rows."""
    take = [
        members[
            np.unique(np.linspace(0, len(members) - 1, max(1, round(size * len(members) / len(codes)))).astype(int))
        ]
        for members in (np.flatnonzero(groups == g) for g in np.unique(groups))
    ]
    return np.sort(np.concatenate(take))
