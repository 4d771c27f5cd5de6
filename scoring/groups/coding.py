"""Percentages in a release: whole percents, graduated codes at the ends, and which of them have to go as well.

A code says how far the percentage may be from the end, the more the smaller the group. A coded value is hidden: no
combination of other published numbers may narrow it below the range that its code stands for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from scoring.groups.attack import SLACK, Counts, Interval, Joint, Shares, Solution
from scoring.groups.separate import possible_numbers
from scoring.groups.suppression import ATTACKS, MINIMUM, Cut, cover, protected

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
States = NDArray[np.int8]

#: (smallest group, points from either end that are coded), from large groups to small ones.
CODES = ((300, 1), (100, 2), (40, 5), (20, 10), (0, 20))
SHOWN, TOP, BOTTOM, HIDDEN = range(4)


def code_points(size: int) -> int:
    """How many percentage points from 0 and from 100 are coded in a group of this size."""
    return next(points for smallest, points in CODES if size >= smallest)


def code(size: int, percent: float) -> tuple[int, int]:
    """State and whole percent of a percentage that may be shown: (SHOWN, 57), (TOP, 95) for ≥95, (BOTTOM, 5) for ≤5."""
    points = code_points(size)
    whole = int(np.floor(percent + 0.5))
    if whole >= 100 - points:
        return TOP, 100 - points
    if whole <= points:
        return BOTTOM, points
    return SHOWN, whole


def known_range(size: int, state: int, whole: int) -> tuple[float, float]:
    """What a published percentage says about the number of students behind it, rounding included."""
    if state == HIDDEN:
        return 0.0, float(size)
    low = 0.0 if state == BOTTOM else (whole - 0.5) / 100 * size
    high = float(size) if state == TOP else (whole + 0.5) / 100 * size
    return max(low, 0.0), min(high, float(size))


@dataclass(frozen=True)
class Coded:
    """Percentages of one measure after coding.

    Attributes:
        state: (J,) SHOWN, TOP, BOTTOM or HIDDEN (also where the measure has no percentage).
        whole: (J,) whole percents or code limits; 0 where hidden.
        optimal: whether no smaller set of further hidden percentages exists.
    """

    state: States
    whole: NDArray[np.int64]
    optimal: bool


def code_percentages(counts: Counts, unknown: Flags, percent: Array, withheld: Flags | None = None) -> Coded:
    """Round and code, without looking at what other cells give away.

    Args:
        counts: sizes and sums.
        unknown: (J,) cells whose size is hidden; their percentages are hidden too.
        percent: (J,) percentages, NaN where there is none to publish.
        withheld: (J,) percentages that stay hidden whatever they are.
    """
    state = np.full(percent.size, HIDDEN, dtype=np.int8)
    whole = np.zeros(percent.size, dtype=np.int64)
    closed = unknown if withheld is None else unknown | withheld
    for j in np.flatnonzero(np.isfinite(percent) & ~closed & (counts.size > 0)):
        state[j], whole[j] = code(int(counts.size[j]), float(percent[j]))
    return Coded(state, whole, True)


def share_bounds(counts: Counts, state: States, whole: NDArray[np.int64], earlier: Shares | None = None) -> Shares:
    """Bounds on the numbers reached that a release, and those before it, make known."""
    pairs = [known_range(int(n), int(s), int(w)) for n, s, w in zip(counts.size, state, whole, strict=True)]
    low, high = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    if earlier is not None:
        low, high = np.maximum(low, earlier.low), np.minimum(high, earlier.high)
    return Shares(low, high)


def share_protected(counts: Counts, state: States, whole: NDArray[np.int64], cell: int, found: Interval) -> bool:
    """Whether a coded percentage keeps its code's range, and a hidden one a range as wide as a code of its size."""
    size = int(counts.size[cell])
    slack = max(SLACK, 1e-7 * size)
    if state[cell] in (TOP, BOTTOM):
        low, high = known_range(size, int(state[cell]), int(whole[cell]))
        return found.low <= low + slack and found.high >= high - slack
    return found.high - found.low >= code_points(size) / 100 * size - slack


def guarded(counts: Counts, unknown: Flags, percent: Array, state: States) -> NDArray[np.int64]:
    """Cells whose percentage must not be narrowed: hidden groups, coded or hidden percentages, small remainders."""
    small_rest = counts.derived & (counts.size < MINIMUM)
    withheld = (unknown & ~counts.derived) | (np.isfinite(percent) & (state != SHOWN)) | small_rest
    return np.flatnonzero(withheld & (counts.size > 0))


def hidden_sizes(counts: Counts, unknown: Flags) -> NDArray[np.int64]:
    """Cells whose size must not be narrowed."""
    return np.flatnonzero(unknown & (counts.size > 0) & ~(counts.derived & (counts.size >= MINIMUM)))


def already_told(counts: Counts, earlier: Shares | None) -> Flags:
    """Cells whose percentage an earlier release shows or codes: hiding it again would change nothing."""
    if earlier is None:
        return np.zeros(counts.size.size, dtype=bool)
    return np.asarray((earlier.low > 0) | (earlier.high < counts.size))


@dataclass(frozen=True)
class Lost:
    """Cells that earlier releases have narrowed below what is asked for now; nothing done today can undo it.

    Attributes:
        sizes: (J,) hidden sizes.
        shares: (J,) percentages.
    """

    sizes: Flags
    shares: Flags

    def any(self) -> bool:
        """Whether it is anything."""
        return bool(self.sizes.any() or self.shares.any())


def lost_before(
    counts: Counts,
    held: Counts,
    unknown: Flags,
    public: Flags,
    percent: Array,
    coded: Coded,
    earlier: Shares | None,
    suspects: "Lost | None" = None,
) -> Lost:
    """What an attack knowing nothing but the earlier releases narrows, of the numbers that this release guards.

    What is left over after the parts of a whole and has eleven students and more is nobody's secret, nor is a group
    that this release shows: neither is lost.

    Args:
        counts: sizes and sums.
        held: the same cells with the sums that hold for this measure.
        unknown: (J,) cells whose size is hidden or derived now.
        public: (J,) cells whose size an earlier release shows.
        percent: (J,) percentages, NaN where there is none.
        coded: percentages as they would be published now; says which range a coded one has to keep.
        earlier: bounds that earlier releases made known.
        suspects: what an attack knowing more narrows (`narrowed_now`); the others are not lost.
    """
    nothing = np.zeros(counts.size.size, dtype=bool)
    if earlier is None or (suspects is not None and not suspects.any()):
        return Lost(nothing, nothing)
    joint = Joint(counts, ~public, [(held, earlier)])
    sizes, shares = nothing.copy(), nothing.copy()
    for k in hidden_sizes(counts, unknown):
        if not public[k] and (suspects is None or suspects.sizes[k]):
            sizes[k] = joint.size(int(k), protected) is not None
    for k in guarded(counts, unknown, percent, coded.state):
        if suspects is None or suspects.shares[k]:
            safe = partial(share_protected, counts, coded.state, coded.whole, int(k))
            shares[k] = joint.share(int(k), 0, safe) is not None
    return Lost(sizes, shares)


def sizes_hold(counts: Counts, unknown: Flags) -> bool:
    """Whether hidden sizes are protected against all that sizes say, percentages left aside."""
    joint = Joint(counts, unknown, [])
    return all(joint.size(int(k), protected) is None for k in hidden_sizes(counts, unknown))


def settled_shares(
    counts: Counts,
    helds: Sequence[Counts],
    unknown: Flags,
    percent: Sequence[Array],
    coded: Sequence[Coded],
    earlier: Sequence[Shares | None],
) -> list[Flags]:
    """For each measure (J,) guarded percentages that hold, whatever is known of the other measures.

    With sizes as they are an attacker can rule out neither of two numbers that lie far enough apart. All measures have
    to fit these sizes; otherwise nothing is settled.
    """
    cells = [guarded(counts, unknown, p, c.state) for p, c in zip(percent, coded, strict=True)]
    shares = [share_bounds(counts, c.state, c.whole, b) for c, b in zip(coded, earlier, strict=True)]
    settled = [np.zeros(counts.size.size, dtype=bool) for _ in helds]
    found = possible_numbers(helds, unknown, shares, cells) if helds else None
    if found is None:
        return settled
    for flags, chosen, c, low, high in zip(settled, cells, coded, *found, strict=True):
        for k in chosen:
            flags[k] = share_protected(counts, c.state, c.whole, int(k), Interval(low[k], high[k], chosen[:0]))
    return settled


def narrowed_now(
    counts: Counts,
    held: Counts,
    unknown: Flags,
    percent: Array,
    coded: Coded,
    earlier: Shares | None,
    settled: Flags,
    quiet: bool,
) -> Lost:
    """What an attack knowing this measure as it is coded, and all before, narrows of the numbers that are guarded.

    Nothing else can be lost to earlier releases, which alone know less; where it is nothing the coding may stay.

    Args:
        counts, held, unknown, percent, coded, earlier: as for `lost_before`.
        settled: (J,) of `settled_shares`.
        quiet: whether hidden sizes hold by themselves and the measure says nothing of them; they are not attacked.
    """
    sizes = np.zeros(counts.size.size, dtype=bool)
    shares = sizes.copy()
    left = [k for k in guarded(counts, unknown, percent, coded.state) if not settled[k]]
    if quiet and not left:
        return Lost(sizes, shares)
    joint = Joint(counts, unknown, [(held, share_bounds(counts, coded.state, coded.whole, earlier))])
    for k in left:
        safe = partial(share_protected, counts, coded.state, coded.whole, int(k))
        shares[k] = joint.share(int(k), 0, safe) is not None
    for k in hidden_sizes(counts, unknown) if not quiet else ():
        sizes[k] = joint.size(int(k), protected) is not None
    return Lost(sizes, shares)


def protect_percentages(
    counts: Counts,
    held: Counts,
    unknown: Flags,
    percent: Array,
    earlier: Shares | None = None,
    lost: Lost | None = None,
    withheld: Flags | None = None,
    attacks: int = ATTACKS,
    quiet: bool = False,
) -> Coded:
    """Code percentages and hide as few more as it takes, so that codes, hidden percentages and hidden sizes hold.

    Args:
        counts: sizes and sums.
        held: the same cells with the sums that hold for this measure.
        unknown: (J,) hidden or derived sizes.
        percent: (J,) percentages, NaN where there is none.
        earlier: bounds that earlier releases made known; they cannot be taken back.
        lost: cells they have given away already.
        withheld: (J,) percentages that an earlier release hid and that are in none of today's tables: the search
            starts from them.
        attacks: after which the greedy search takes over.
        quiet: whether hidden sizes hold by themselves and the measure says nothing of them; they are not attacked.
    """
    plain = code_percentages(counts, unknown, percent, withheld)
    start = np.zeros(percent.size, dtype=bool)
    if withheld is not None:
        start = withheld & np.isfinite(percent) & ~unknown & (counts.size > 0)
    told = already_told(counts, earlier)
    shares_of = guarded(counts, unknown, percent, plain.state)
    sizes_of = hidden_sizes(counts, unknown)[: 0 if quiet else None]
    if lost is not None:
        shares_of, sizes_of = shares_of[~lost.shares[shares_of]], sizes_of[~lost.sizes[sizes_of]]
    if not shares_of.size and not sizes_of.size:
        return plain

    possible: list[Solution] = []  # what an attacker could not rule out in some round

    def attack(hidden: Flags) -> list[Cut]:
        state = np.where(hidden, HIDDEN, plain.state).astype(np.int8)
        shares = share_bounds(counts, state, plain.whole, earlier)
        joint = Joint(counts, unknown, [(held, shares)])
        joint.start_from(possible)
        known = len(joint.solutions)
        can_go = (state != HIDDEN) & ~unknown & ~told
        cuts: list[Cut] = []
        chosen = np.flatnonzero(hidden)
        for k in np.union1d(chosen, shares_of):
            if lost is not None and lost.shares[k]:
                continue
            found = joint.share(int(k), 0, partial(share_protected, counts, state, plain.whole, int(k)))
            if found is None:
                continue
            helpers = found.binding[can_go[found.binding]]
            helpers = helpers[helpers != k]
            if state[k] in (TOP, BOTTOM):
                own = [k] if can_go[k] else []  # what an earlier release printed stays printed
                cuts.append(Cut(int(k), np.append(helpers, own).astype(np.int64), True))
            else:
                cuts.append(Cut(int(k), helpers, bool(start[k]) or not hidden[k]))
        for k in sizes_of:
            found = joint.size(int(k), protected)
            if found is not None:
                cuts.append(Cut(int(k), found.binding[can_go[found.binding]], True))
        possible.extend(joint.solutions[known:])
        return cuts

    hidden, optimal, _ = cover(start, attack, True, attacks)
    return _with_hidden(plain, hidden, optimal)


def _with_hidden(coded: Coded, hidden: Flags, optimal: bool) -> Coded:
    state = np.where(hidden, HIDDEN, coded.state).astype(np.int8)
    return Coded(state, np.where(state == HIDDEN, 0, coded.whole), optimal)


def protect_together(
    counts: Counts,
    unknown: Flags,
    helds: list[Counts],
    coded: list[Coded],
    percent: list[Array],
    earlier: list[Shares | None],
    lost: list[Lost],
    settled: Sequence[Flags] = (),
    quiet: Flags | None = None,
) -> list[Coded]:
    """Hide further percentages until sizes and percentages stand against all measures at once.

    Each measure alone gives nothing away by now; together they may, because they speak of the same hidden sizes. Those
    that say nothing of the sizes leave the others' numbers as they are and are attacked for their own alone. The
    percentage that narrows most hidden numbers goes first.

    Args:
        counts, unknown: as for `protect_percentages`, the others too, one for each measure.
        settled: of `settled_shares` for percentages as they are coded now; none if empty.
        quiet: (M,) measures that say nothing of the sizes, which hold by themselves; none if not given.
    """
    coded = list(coded)
    j = counts.size.size
    loud = [m for m in range(len(coded)) if quiet is None or not quiet[m]]
    if not loud or len(coded) < 2:
        return coded
    settled = [flags.copy() for flags in settled] or [np.zeros(j, dtype=bool) for _ in coded]
    told = [already_told(counts, before) for before in earlier]
    while True:
        measures = [
            (held, share_bounds(counts, c.state, c.whole, before))
            for held, c, before in zip(helds, coded, earlier, strict=True)
        ]
        votes = np.zeros(len(coded) * j)
        can_go = np.concatenate([(c.state != HIDDEN) & ~unknown & ~t for c, t in zip(coded, told, strict=True)])

        def vote(found: Interval | None, among: list[int], votes: Array = votes, can_go: Flags = can_go) -> None:
            if found is not None:
                place, cell = np.divmod(found.binding, j)
                binding = np.asarray(among)[place] * j + cell
                votes[binding] += can_go[binding]

        joint = Joint(counts, unknown, [measures[m] for m in loud])
        for k in hidden_sizes(counts, unknown):
            if not any(gone.sizes[k] for gone in lost):
                vote(joint.size(int(k), protected), loud)
        for m, c in enumerate(coded):
            among = loud if m in loud else [*loud, m]
            gone = lost[m].shares | settled[m]
            left = [k for k in guarded(counts, unknown, percent[m], c.state) if not gone[k]]
            if not left or len(among) < 2:
                continue
            here = joint if m in loud else Joint(counts, unknown, [measures[i] for i in among])
            for k in left:
                safe = partial(share_protected, counts, c.state, c.whole, int(k))
                vote(here.share(int(k), among.index(m), safe), among)
        if not votes.any():
            return coded
        m, cell = divmod(int(votes.argmax()), j)
        one = np.zeros(j, dtype=bool)
        one[cell] = True
        coded[m] = _with_hidden(coded[m], one, False)
        settled[m][cell] = False
