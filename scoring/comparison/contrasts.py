"""Which groups a comparison speaks of, and which it sets against each other."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.comparison.conditioning import level_names
from scoring.irt.errors import DesignError

Array = NDArray[np.float64]
#: With more levels than this, each is set against all others together instead of against each other one.
MOST_PAIRS = 4


@dataclass(frozen=True)
class Side:
    """A weighted mean of base groups: base group -> weight, weights sum to one."""

    label: str
    weights: dict[int, float]

    def value(self, a: Array) -> Array:
        """(..., G, C, K) -> (..., C, K)."""
        index = list(self.weights)
        return np.asarray(np.einsum("...gck,g->...ck", a[..., index, :, :], np.array(list(self.weights.values()))))


@dataclass(frozen=True)
class Contrast:
    """first - second; with `third` and `fourth`, (first - second) - (third - fourth).

    Attributes:
        name: the words of the contrast.
        kind: "gap" or "gap in gaps".
        within: the group both sides lie in, "" for none.
        first, second, third, fourth: the sides.
        adjusted: what the mix was made equal in, "" for unadjusted.
    """

    name: str
    kind: str
    within: str
    first: Side
    second: Side
    third: Side | None = None
    fourth: Side | None = None
    adjusted: str = ""

    @property
    def sides(self) -> list[Side]:
        return [s for s in (self.first, self.second, self.third, self.fourth) if s is not None]

    def value(self, a: Array) -> Array:
        """(..., G, C, K) -> (..., C, K)."""
        gap = self.first.value(a) - self.second.value(a)
        if self.third is not None and self.fourth is not None:
            gap = gap - (self.third.value(a) - self.fourth.value(a))
        return gap

    def groups(self) -> list[int]:
        """Base groups that matter."""
        return sorted({g for s in self.sides for g in s.weights})


@dataclass
class Groups:
    """Base groups, collected while contrasts are made."""

    size: int
    masks: list[NDArray[np.bool_]] = field(default_factory=list)
    place: dict[tuple[tuple[str, str], ...], int] = field(default_factory=dict)

    def add(self, levels: dict[str, NDArray[np.str_]], where: dict[str, str]) -> int:
        """The base group with these levels (an empty `where` is everybody); negated levels begin with "not "."""
        key = tuple(sorted(where.items()))
        if key not in self.place:
            mask = np.ones(self.size, dtype=bool)
            for name, level in where.items():
                if level.startswith("not ") and not np.any(levels[name] == level):
                    mask &= levels[name] != level[4:]
                else:
                    mask &= levels[name] == level
            self.place[key] = len(self.masks)
            self.masks.append(mask)
        return self.place[key]

    def member(self) -> NDArray[np.bool_]:
        """(N, G)."""
        return np.column_stack(self.masks)


def make_contrasts(
    persons: pd.DataFrame, by: Sequence[str], adjust: Sequence[str], weights: Array | None = None
) -> tuple[Groups, list[Contrast]]:
    """Groups and contrasts of one or two columns.

    One column: every pair of levels (more than four levels: each against the others). Two columns: gaps of the second
    within each level of the first, gaps of the first within each level of the second, gaps in gaps.

    Args:
        persons: the students. by: one column or two. adjust: columns whose mix is made equal.
        weights: (N,) case weights: a mix counts them, as every mean and share does.
    """
    names = dict.fromkeys([*by, *adjust])
    missing = [n for n in names if n not in persons.columns]
    if missing or not 1 <= len(by) <= 2:
        raise DesignError(
            "by",
            "A comparison is by one column of persons or by two.",
            "Give by='district' or by=['district', 'el'].",
            [f"{n}: no such column" for n in missing],
        )
    levels = {n: level_names(persons[n]) for n in names}
    groups = Groups(len(persons))
    out: list[Contrast] = []
    if len(by) == 1:
        out += _gaps(groups, levels, by[0], {})
    else:
        outer, inner = by
        for level in sorted(set(levels[outer])):
            out += _gaps(groups, levels, inner, {outer: level})
        for level in sorted(set(levels[inner])):
            out += _gaps(groups, levels, outer, {inner: level})
        out += _gaps_in_gaps(groups, levels, outer, inner)
    if adjust:
        w = np.ones(len(persons)) if weights is None else np.asarray(weights, dtype=float)
        out += [c for plain in list(out) if (c := _adjusted(groups, levels, plain, list(adjust), w)) is not None]
    if not out:
        raise DesignError("nothing-to-compare", f"{' and '.join(by)} has fewer than two levels with students.")
    return groups, out


def _pairs(levels: NDArray[np.str_]) -> list[tuple[str, str]]:
    found = sorted(set(levels.tolist()))
    if len(found) <= MOST_PAIRS:
        return list(combinations(found, 2))
    return [(level, f"not {level}") for level in found]


def _gaps(groups: Groups, levels: dict[str, NDArray[np.str_]], name: str, inside: dict[str, str]) -> list[Contrast]:
    here = np.ones(groups.size, dtype=bool)
    for other, level in inside.items():
        here &= levels[other] == level
    within = ", ".join(inside.values())
    out = []
    for a, b in _pairs(levels[name][here]):
        first = Side(a, {groups.add(levels, {**inside, name: a}): 1.0})
        second = Side(b, {groups.add(levels, {**inside, name: b}): 1.0})
        label = f"{a} - {b}" + (f" in {within}" if within else "")
        out.append(Contrast(label, "gap", within, first, second))
    return out


def _gaps_in_gaps(groups: Groups, levels: dict[str, NDArray[np.str_]], outer: str, inner: str) -> list[Contrast]:
    out = []
    for (a, b), (x, y) in product(_pairs(levels[outer]), _pairs(levels[inner])):
        four = [Side(f"{j} in {i}", {groups.add(levels, {outer: i, inner: j}): 1.0}) for i in (a, b) for j in (x, y)]
        if all(groups.masks[next(iter(s.weights))].any() for s in four):
            name = f"({x} - {y}): {a} - {b}"
            out.append(Contrast(name, "gap in gaps", "", four[0], four[1], four[2], four[3]))
    return out


def _adjusted(
    groups: Groups, levels: dict[str, NDArray[np.str_]], plain: Contrast, adjust: list[str], weights: Array
) -> Contrast | None:
    """Post-stratification: both sides with the same mix, the mean of their own mixes over strata that both have."""
    if plain.kind != "gap":
        return None
    keys = {v: dict(k) for k, v in groups.place.items()}
    wheres = [keys[next(iter(s.weights))] for s in (plain.first, plain.second)]
    names = [n for n in adjust if not any(n in w for w in wheres)]
    if not names:
        return None
    masks = [groups.masks[next(iter(s.weights))] for s in (plain.first, plain.second)]
    strata = sorted(set(zip(*(levels[n][masks[0] | masks[1]].tolist() for n in names), strict=True)))
    shares, cells = [], []
    for stratum in strata:
        extra = dict(zip(names, stratum, strict=True))
        index = [groups.add(levels, {**w, **extra}) for w in wheres]
        count = [float(weights[groups.masks[i]].sum()) for i in index]
        if min(count) > 0:
            shares.append(np.mean([c / weights[m].sum() for c, m in zip(count, masks, strict=True)]))
            cells.append(index)
    if not cells:
        return None
    mix = np.array(shares) / np.sum(shares)
    first, second = (
        Side(s.label, {index[i]: float(p) for index, p in zip(cells, mix, strict=True)})
        for i, s in enumerate((plain.first, plain.second))
    )
    return Contrast(plain.name, plain.kind, plain.within, first, second, adjusted=", ".join(names))
