"""Whether a sheet's answers fit the version that is marked on it, or another one far better.

A sheet is read under each version in turn. Students of one level of ability choose an item's options in known shares,
so each reading has a likelihood, at the level where it is largest; one level is blind guessing. Were the marked version
right, a given other one would fit 100 times better for fewer than one sheet in 100 (Markov's inequality, as in Wald's
sequential test, 1947); in simulations it was fewer than one in 5,000, since a wrong reading seldom fits any level.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVELS = 5
LEAST_SHEETS = 50  # fewer say too little of how options are chosen
ODDS = 100.0
Ints = NDArray[np.int64]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """What the answers say of the versions.

    Attributes:
        best: (N,) the version that fits best; the marked one where nothing is better.
        odds: (N,) how many times better it fits than the marked one; 1 for that itself.
        right: (N, V) right answers under each version.
        doubtful: (N,) whether another version fits so much better that the mark is in doubt.
    """

    best: Ints
    odds: Array
    right: Ints
    doubtful: NDArray[np.bool_]


def fit(chosen: Ints, marked: Ints, orders: Ints, keys: NDArray[np.bool_]) -> Fit:
    """Compare each sheet's answers with every version.

    Args:
        chosen: (N, J) the item's own option that was stored under the marked version; -1 for anything else.
        marked: (N,) version of each sheet, 0 to V - 1.
        orders: (V, J, K) own option at each printed place; the items' own order where a version keeps it, and -1
            beyond an item's last option.
        keys: (J, K) whether an own option is right.
    """
    versions, items, _ = orders.shape
    sheets = np.arange(len(chosen))[:, None]
    columns = np.arange(items)[None, :]
    given = chosen >= 0
    own = np.where(given, chosen, 0)
    places = np.zeros_like(orders)  # the printed place of each own option
    for v in range(versions):
        for j in range(items):
            listed = orders[v, j][orders[v, j] >= 0]
            places[v, j, listed] = np.arange(len(listed))
    printed = places[marked[:, None], columns, own]
    shares = _shares(own, given, keys, orders[0])
    likelihood = np.empty((len(chosen), versions))
    right = np.empty((len(chosen), versions), dtype=np.int64)
    for v in range(versions):
        reading = np.maximum(orders[v][columns, printed], 0)
        right[:, v] = (keys[columns, reading] & given).sum(axis=1)
        by_level = [np.where(given, np.log(level)[columns, reading], 0.0).sum(axis=1) for level in shares]
        likelihood[:, v] = np.max(by_level, axis=0)
    here = likelihood[sheets[:, 0], marked]
    best = np.where(likelihood.max(axis=1) > here + 1e-9, likelihood.argmax(axis=1), marked)
    odds = np.exp(np.minimum(likelihood[sheets[:, 0], best] - here, 300.0))
    doubtful = odds > ODDS * max(versions - 1, 1) if len(chosen) >= LEAST_SHEETS else np.zeros(len(chosen), dtype=bool)
    return Fit(best, odds, right, doubtful)


def _shares(own: Ints, given: NDArray[np.bool_], keys: NDArray[np.bool_], there: Ints) -> list[Array]:
    """(J, K) shares of each option by level of the raw score, the last level guessing; never 0, so that logs exist."""
    items, options = keys.shape
    exists = np.zeros((items, options), dtype=bool)
    for j in range(items):
        exists[j, there[j][there[j] >= 0]] = True
    guessing = exists / np.maximum(exists.sum(axis=1, keepdims=True), 1)
    score = (keys[np.arange(items)[None, :], own] & given).sum(axis=1)
    rank = np.argsort(np.argsort(score, kind="stable"), kind="stable")
    level = rank * LEVELS // max(len(score), 1)
    found = []
    for g in range(LEVELS):
        members = level == g
        counts = np.zeros((items, options))
        for k in range(options):
            counts[:, k] = ((own[members] == k) & given[members]).sum(axis=0)
        found.append((counts + guessing) / np.maximum(counts.sum(axis=1, keepdims=True) + 1, 1))
    return [np.where(exists, s, 1.0) for s in [*found, guessing]]
