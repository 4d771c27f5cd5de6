"""Sums that no single table shows: parts that stand in several tables, and wholes that stand in none.

Whoever reads a release reads all of it. Two schools in one table and the third in another (or in an earlier release)
make one sum with their district; and where district by program and district by sex are printed without totals, both
add up to the same district, whose size nobody has to be told.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from scoring.comparison.tables import Key, Universe, add_sum

Sum = tuple[int, list[int], int]


def find_shared_sums(universe: Universe) -> None:
    """Add the sums whose parts stand in different tables, and those through wholes that no table shows."""
    for (whole, _), parts in _families(set(universe.place)).items():
        if whole in universe.place:
            add_sum(universe, universe.place[whole], sorted(universe.place[p] for p in parts))
    _add_unseen_wholes(universe)


def _families(keys: set[Key]) -> dict[tuple[Key, str], list[Key]]:
    """(whole, dimension) -> the groups that divide it, in an order that does not hang on the tables'."""
    found: dict[tuple[Key, str], list[Key]] = {}
    for key in sorted(keys, key=sorted):
        for pair in sorted(key):
            found.setdefault((key - {pair}, pair[0]), []).append(key)
    return found


def _add_unseen_wholes(universe: Universe) -> None:
    """Wholes that are in no table, as cells nobody publishes, where they tie published groups to each other."""
    unseen = {frozenset(s) for key in universe.place for r in range(len(key)) for s in combinations(key, r)}
    unseen -= set(universe.place)
    if not unseen:
        return
    families = _families(set(universe.place) | unseen)
    of: dict[Key, list[list[Key]]] = {}
    for (whole, _), parts in families.items():
        of.setdefault(whole, []).append(parts)
    place, size = dict(universe.place), list(universe.size)
    for whole in sorted(unseen, key=lambda k: (-len(k), sorted(k))):  # the finest first: their parts are known
        place[whole] = len(size)
        size.append(max(sum(size[place[p]] for p in parts) for parts in of[whole]))
    first = len(universe.size)
    sums: list[Sum] = []
    for (whole, _), parts in families.items():
        members = sorted(place[p] for p in parts)
        rest = size[place[whole]] - sum(size[m] for m in members)
        if max(place[whole], *members) >= first and rest >= 0:
            sums.append((place[whole], members, rest))
    sums = _that_tie(sums, first)
    if _rank(universe.sums + sums, first) <= _rank(universe.sums, first):
        return  # the sums that are shown say as much
    kept = sorted({c for whole, members, _ in sums for c in [whole, *members] if c >= first})
    new = {c: first + i for i, c in enumerate(kept)}
    universe.size += [size[c] for c in kept]
    universe.unseen |= set(new.values())
    universe.sums += [(new.get(w, w), sorted(new.get(m, m) for m in members), rest) for w, members, rest in sums]


def _that_tie(sums: list[Sum], first: int) -> list[Sum]:
    """Without the sums of an unknown (from `first` on) that stands in no other: it takes whatever value is needed."""
    while True:
        times: dict[int, int] = {}
        for whole, members, _ in sums:
            for cell in {whole, *members}:
                times[cell] = times.get(cell, 0) + 1
        kept = [s for s in sums if all(c < first or times[c] > 1 for c in [s[0], *s[1]])]
        if len(kept) == len(sums):
            return kept
        sums = kept


def _rank(sums: list[Sum], first: int) -> int:
    """How many independent statements these sums make about the first cells, all others unknown.

    What is left over counts as nobody: where it is somebody the sum still says how much the parts can be at most.
    """
    if not sums:
        return 0
    width = 1 + max([first, *(c for whole, members, _ in sums for c in [whole, *members])])
    matrix: NDArray[np.float64] = np.zeros((len(sums), width))
    for r, (whole, members, _) in enumerate(sums):
        matrix[r, members] = 1.0
        matrix[r, whole] = -1.0
    return int(np.linalg.matrix_rank(matrix)) - int(np.linalg.matrix_rank(matrix[:, first:]))
