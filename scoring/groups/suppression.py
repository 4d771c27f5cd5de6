"""Which cells to hide so that none of the hidden ones can be backed out, as few as possible.

Cells under the minimum are hidden first (primary). Every hidden cell must keep a feasible interval that contains 1 to
10 or is at least 10 wide. The smallest set of further cells (complementary) is found by integer programming with
constraint generation in the manner of Fischetti & Salazar-González (2001): a cheap master problem proposes a set, the
attacker's linear programs test it, and the dual prices of a cell that is found name the published numbers of which at
least one has to go. The set is the optimum when the attacker fails.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from scoring.groups.attack import SLACK, Counts, Interval, count_interval
from scoring.irt.errors import DesignError

Flags = NDArray[np.bool_]

MINIMUM = 11
WIDTH = 10
#: The exact search gives way to the greedy one after this many attacks: counted, not timed, so that runs agree.
ATTACKS = 60
#: A master problem that takes longer than this many branch-and-bound nodes is cut short.
NODES = 20_000


class Cut(NamedTuple):
    """What an attack found: `cell` is not safe until one of `helpers` joins the set.

    If `always`, one has to join in any case; otherwise it is enough that `cell` itself stays out of the set.
    """

    cell: int
    helpers: NDArray[np.int64]
    always: bool


class CannotProtect(DesignError):
    """Earlier releases give a cell away whatever else is hidden at this level; `cells` are the ones given away."""

    def __init__(self, cells: Sequence[int] = ()) -> None:
        super().__init__(
            "cannot-protect",
            "A small group can be worked out from what is already public.",
            "Publish fewer tables, or coarser groups, than the earlier release.",
        )
        self.cells = tuple(cells)


@dataclass(frozen=True)
class Hidden:
    """Result of a suppression.

    Attributes:
        primary: (J,) cells under the minimum.
        hidden: (J,) primary and complementary.
        optimal: whether no smaller set exists.
        rounds: attacks that were needed.
    """

    primary: Flags
    hidden: Flags
    optimal: bool
    rounds: int


def protected(interval: Interval, width: float = WIDTH) -> bool:
    """Whether a hidden count's interval contains 1 to 10 or is at least 10 wide."""
    if interval.high - interval.low >= width - SLACK:
        return True
    return interval.low <= 1 + SLACK and interval.high >= width - SLACK


def suppress(
    counts: Counts,
    public: Flags | None = None,
    withheld: Flags | None = None,
    minimum: int = MINIMUM,
    complementary: bool = True,
    exact: bool = True,
    attacks: int = ATTACKS,
) -> Hidden:
    """Choose the cells to hide.

    Args:
        counts: sizes and sums.
        public: (J,) cells that an earlier release shows; they cannot be hidden any more.
        withheld: (J,) cells that stay hidden whatever their size.
        minimum: smallest size that is published.
        complementary: False hides primary cells only (an audit then shows what that gives away).
        exact: False takes the greedy search at once.
        attacks: after which the greedy search takes over.

    Raises:
        DesignError: what an earlier release shows makes protection impossible.
    """
    size = counts.size
    public = np.zeros(size.size, dtype=bool) if public is None else public
    withheld = np.zeros(size.size, dtype=bool) if withheld is None else withheld
    primary = (size >= 1) & (size < minimum) & ~counts.derived
    start = (primary | withheld) & ~public & (size > 0)
    fixed_open = public | counts.derived | (size == 0)
    if not complementary:
        return Hidden(primary, start, False, 0)

    possible: list[NDArray[np.float64]] = []  # tables an attacker could not rule out in some round

    def attack(hidden: Flags) -> list[Cut]:
        unknown = hidden | counts.derived
        small = counts.derived & (size >= 1) & (size < minimum)
        cuts = []
        seen = [t for t in possible if np.all(np.abs(t - size)[~unknown] <= SLACK)]
        for k in np.flatnonzero(hidden | small):
            of_k = [t[k] for t in seen]
            if of_k and protected(Interval(min(of_k), max(of_k), np.zeros(0, dtype=np.int64))):
                continue
            before = len(possible)
            found = count_interval(counts, unknown, int(k), possible)
            seen += possible[before:]
            if not protected(found):
                cuts.append(Cut(int(k), found.binding[~fixed_open[found.binding]], bool(start[k]) or bool(small[k])))
        return cuts

    hidden = start.copy()
    optimal, rounds = True, 0
    for part in _parts(counts):
        inside = np.zeros(size.size, dtype=bool)
        inside[part] = True
        if not np.any((start | (counts.derived & (size >= 1) & (size < minimum))) & inside):
            continue
        told = _sole_unknowns(counts, start, fixed_open, inside) if exact else []
        mine, best, n = cover(start & inside, attack, exact, attacks, told)
        hidden |= mine
        optimal &= best
        rounds += n
    return Hidden(primary, hidden, optimal, rounds)


def _sole_unknowns(counts: Counts, start: Flags, fixed_open: Flags, inside: Flags) -> list[Cut]:
    """What needs no attack to be known: a cell that is hidden alone in a sum is the sum's difference.

    One cut per sum and cell. Every safe set obeys them, so the optimum is the same; the search starts near it.
    """
    cuts = []
    member = csr_array(abs(counts.sums))
    for first, last in zip(member.indptr[:-1], member.indptr[1:], strict=True):
        cells = member.indices[first:last]
        if not inside[cells].all() or counts.derived[cells].any():
            continue  # what is left over stays unknown and covers the others
        can_hide = cells[~fixed_open[cells]]
        cuts += [Cut(int(k), can_hide[can_hide != k].astype(np.int64), bool(start[k])) for k in can_hide]
    return cuts


def cover(
    start: Flags, attack: Callable[[Flags], list[Cut]], exact: bool, attacks: int, told: Sequence[Cut] = ()
) -> tuple[Flags, bool, int]:
    """The smallest set that contains `start` and that `attack` finds nothing in.

    Args:
        start: cells that are in the set in any case.
        attack: set -> what it finds.
        exact: False takes the greedy search after the first attack.
        attacks: after which the greedy search takes over.
        told: cuts that are known to hold before any attack.

    Returns:
        The set, whether it is proven smallest, and the number of attacks.
    """
    cuts: list[Cut] = []
    seen: set[tuple[int, bool, tuple[int, ...]]] = set()
    hidden = start.copy()
    new, rounds = list(told), 0
    while True:
        stuck = [cut.cell for cut in new if cut.always and not cut.helpers.size]
        if stuck:
            raise CannotProtect(stuck)
        for cut in new:
            key = (cut.cell, cut.always, tuple(cut.helpers.tolist()))
            if key not in seen:
                seen.add(key)
                cuts.append(cut)
        if rounds and (not exact or rounds >= attacks):
            return *_greedy(start, hidden, attack), rounds
        if cuts:
            hidden = _master(start, cuts)
        rounds += 1
        new = attack(hidden)
        if not new:
            return hidden, True, rounds


def _master(start: Flags, cuts: list[Cut]) -> Flags:
    """Smallest set that obeys the cuts."""
    used = np.unique(np.concatenate([np.append(cut.helpers, cut.cell) for cut in cuts]))
    place = {int(c): i for i, c in enumerate(used)}
    rows, cols, data = [], [], []
    for r, cut in enumerate(cuts):
        for c in cut.helpers:
            rows.append(r)
            cols.append(place[int(c)])
            data.append(1.0)
        if not cut.always:
            rows.append(r)
            cols.append(place[cut.cell])
            data.append(-1.0)
    needed = np.array([float(cut.always) for cut in cuts])
    matrix = csr_array((data, (rows, cols)), shape=(len(cuts), used.size))
    forced = start[used].astype(float)
    found = milp(
        np.ones(used.size) + 1e-6 * np.arange(used.size) / used.size,  # the first of equals, so that runs agree
        constraints=LinearConstraint(matrix, lb=needed),
        integrality=np.ones(used.size, dtype=np.int64),
        bounds=Bounds(forced, np.ones(used.size)),
        options={"node_limit": NODES},
    )
    hidden = start.copy()
    if found.x is None:
        raise CannotProtect([cut.cell for cut in cuts])
    hidden[used[found.x > 0.5]] = True
    return hidden


def _greedy(start: Flags, hidden: Flags, attack: Callable[[Flags], list[Cut]]) -> tuple[Flags, bool]:
    """Add the cell that answers most cuts until nothing is found, then take back what is not needed."""
    hidden = hidden.copy()
    while cuts := attack(hidden):
        open_cuts = [cut.helpers for cut in cuts]
        if any(not cells.size for cells in open_cuts):
            raise CannotProtect([cut.cell for cut in cuts])
        while open_cuts:
            votes = np.bincount(np.concatenate(open_cuts), minlength=hidden.size)
            best = int(votes.argmax())
            hidden[best] = True
            open_cuts = [cells for cells in open_cuts if best not in cells]
    for k in np.flatnonzero(hidden & ~start):
        hidden[k] = False
        if attack(hidden):
            hidden[k] = True
    return hidden, False


def _parts(counts: Counts) -> list[NDArray[np.int64]]:
    """Cells that no sum connects can be treated one after the other."""
    link = csr_array(abs(counts.sums))
    n, label = connected_components(link.T @ link, directed=False)
    return [np.flatnonzero(label == i) for i in range(n)]
