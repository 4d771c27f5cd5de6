"""Which items to add for a wanted precision, and how many more would have to be written."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from itembank.assembly_model import cliques
from itembank.blueprint import Candidate

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Advice:
    """What one concept needs.

    Attributes:
        sem: (Q,) standard error now at each place, in θ units; inf where there is no information.
        add: indices of the fewest items of the pool that reach the wanted error everywhere (or all that help).
        sem_then: (Q,) with them.
        more: how many further items as good as the concept's average have to be written; 0 when the pool suffices,
            None when nothing is known of the concept's items.
    """

    sem: Array
    add: tuple[int, ...]
    sem_then: Array
    more: int | None


def advise(pool: Sequence[Candidate], information: Array, on_form: Sequence[int], sem: float) -> Advice:
    """The fewest items that bring the standard error to `sem` at every place, by integer programming.

    Args:
        pool: the concept's items, those on the form included.
        information: (J, Q) of each.
        on_form: which of them stand on the form.
        sem: wanted standard error, in θ units.
    """
    wanted = 1 / sem**2
    there = information[list(on_form)].sum(axis=0)
    free = [i for i in range(len(pool)) if i not in set(on_form) and information[i].any()]
    banned = {e for i in on_form for e in pool[i].enemies} | {
        c.item for c in pool if set(c.enemies) & {pool[i].item for i in on_form}
    }
    free = [i for i in free if pool[i].item not in banned]
    short = wanted - there
    chosen = _fewest([pool[i] for i in free], information[free], short) if (short > 0).any() and free else []
    add = tuple(free[j] for j in chosen)
    then = there + information[list(add)].sum(axis=0)
    left = (wanted - then).max()
    informative = information[information.any(axis=1)]
    more: int | None = 0
    if left > 1e-9:
        worst = int(np.argmax(wanted - then))
        usual = float(informative[:, worst].mean()) if len(informative) else 0.0
        more = int(np.ceil(left / usual - 1e-9)) if usual > 0 else None
    with np.errstate(divide="ignore"):
        return Advice(1 / np.sqrt(there), add, 1 / np.sqrt(then), more)


def _fewest(pool: Sequence[Candidate], information: Array, short: Array) -> list[int]:
    """Positions of the fewest items whose information covers what is short, else of as much as there is."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    n, places = information.shape
    slack = 1000.0  # an item is always worth less than a unit of missing information
    cost = np.concatenate([np.ones(n), np.full(places, slack)])
    matrix = np.hstack([information.T, np.eye(places)])
    rows = [LinearConstraint(matrix, short, np.inf)]
    groups = cliques(pool)
    if groups:
        enemies = np.zeros((len(groups), n + places))
        for row, members in zip(enemies, groups, strict=True):
            row[members] = 1
        rows.append(LinearConstraint(enemies, -np.inf, 1))
    integer = np.concatenate([np.ones(n, dtype=np.int64), np.zeros(places, dtype=np.int64)])
    upper = np.concatenate([np.ones(n), np.full(places, np.inf)])
    solved = milp(cost, integrality=integer, bounds=Bounds(0, upper), constraints=rows, options={"time_limit": 10.0})
    return [] if solved.x is None else [int(i) for i in np.flatnonzero(solved.x[:n] > 0.5)]
