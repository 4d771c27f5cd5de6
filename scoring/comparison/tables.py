"""The cells that tables of a release share, and how they add up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from scoring.groups.attack import Counts
from scoring.irt.errors import DesignError

#: A group: its (dimension, level) pairs, totals left out.
Key = frozenset[tuple[str, str]]


@dataclass
class Universe:
    """All cells of a release and of those before it.

    Attributes:
        place: group -> position.
        size: students.
        problems: findings.
        sums: (whole, parts, what the parts fall short).
        unseen: positions of wholes that no table shows, though several sums speak of them.
    """

    place: dict[Key, int] = field(default_factory=dict)
    size: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    sums: list[tuple[int, list[int], int]] = field(default_factory=list)
    unseen: set[int] = field(default_factory=set)

    def add(self, key: Key, size: int, where: str) -> int:
        """The position of a group; a group with two different sizes is a finding."""
        if key not in self.place:
            self.place[key] = len(self.size)
            self.size.append(size)
        elif self.size[self.place[key]] != size:
            self.problems.append(f"{where}: a group of {size} students has {self.size[self.place[key]]} elsewhere")
        return self.place[key]


def keys_of(table: pd.DataFrame, name: str, measures: Sequence[str], total: str) -> list[tuple[Key, tuple[str, ...]]]:
    """Group and measure levels of each row."""
    levels = [str(n) for n in table.index.names]
    if any(n is None for n in table.index.names):
        raise DesignError("tables", f"Table {name!r} has an index without a name.", "Name the dimensions of the index.")
    out = []
    for entry in table.index:
        values = entry if isinstance(entry, tuple) else (entry,)
        pairs = [(n, str(v)) for n, v in zip(levels, values, strict=True)]
        out.append(
            (
                frozenset((n, v) for n, v in pairs if n not in measures and v != total),
                tuple(v for n, v in pairs if n in measures),
            )
        )
    return out


def read_sizes(value: Any, where: str, problems: list[str]) -> int:
    """A whole, non-negative number of students."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not np.isfinite(number) or number < 0 or number != np.floor(number):
        problems.append(f"{where}: a size is not a whole number")
        return 0
    return int(number)


def find_sums(universe: Universe, table: pd.DataFrame, name: str, measures: Sequence[str], total: str) -> None:
    """Sums over each dimension of a table whose whole is known from this or another table.

    A sum is one if the numbers say so: parts that exceed the whole (overlapping groups) make none; parts that fall
    short leave a remainder, which is a derived cell of its own.
    """
    dims = [str(n) for n in table.index.names if n not in measures]
    groups = {key for key, _ in keys_of(table, name, measures, total)}
    for dim in dims:
        families: dict[Key, list[Key]] = {}
        for key in groups:
            if any(n == dim for n, _ in key):
                families.setdefault(frozenset(p for p in key if p[0] != dim), []).append(key)
        for whole, parts in sorted(families.items(), key=lambda f: sorted(f[0])):
            if whole in universe.place:
                members = sorted(universe.place[p] for p in parts)
                add_sum(universe, universe.place[whole], members)


def add_sum(universe: Universe, whole: int, parts: list[int]) -> None:
    """Note a sum, with a remainder where the parts fall short; overlapping parts make no sum."""
    rest = universe.size[whole] - sum(universe.size[p] for p in parts)
    entry = (whole, parts, rest)
    if rest >= 0 and entry not in universe.sums:
        universe.sums.append(entry)


def counts_of(universe: Universe) -> Counts:
    """Cells, sums and remainders as arrays."""
    size = list(universe.size)
    derived = [position in universe.unseen for position in range(len(size))]
    rows: list[int] = []
    cols: list[int] = []
    data: list[float] = []
    remainders: dict[tuple[int, int], int] = {}
    for r, (whole, parts, rest) in enumerate(universe.sums):
        members = list(parts)
        if rest > 0:
            # what two sums of one whole leave over is the same unknown only if the parts are the same
            remainders[(whole, r)] = len(size)
            members.append(len(size))
            size.append(rest)
            derived.append(True)
        rows += [r] * (len(members) + 1)
        cols += [whole, *members]
        data += [-1.0, *([1.0] * len(members))]
    shape = (len(universe.sums), len(size))
    return Counts(np.array(size, dtype=np.int64), csr_array((data, (rows, cols)), shape=shape), np.array(derived))


def key_text(key: Key) -> str:
    """A group in words, for internal listings."""
    return ", ".join(f"{n}={v}" for n, v in sorted(key)) or "all"


def as_key(group: Mapping[str, object], total: str) -> Key:
    """A group given as a mapping of dimension to level."""
    return frozenset((str(n), str(v)) for n, v in group.items() if str(v) != total)
