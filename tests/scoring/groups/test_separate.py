"""What is left out of the joint attack changes none of its results."""

import numpy as np
import pytest
from scipy.optimize import linprog

from scoring.groups.attack import Counts, Joint, Shares
from scoring.groups.coding import (
    code_percentages,
    guarded,
    lost_before,
    narrowed_now,
    protect_percentages,
    protect_together,
    settled_shares,
    share_bounds,
    sizes_hold,
)
from scoring.groups.separate import possible_numbers, quiet_measures
from scoring.groups.suppression import suppress
from tests.scoring.groups.test_suppression import two_way

#: Solver's tolerance in students (1e-7 a row), with room for the rows of a table.
CLOSE = 1e-5


class Case:
    """A 3 x 3 table with two small cells and four measures: two of the total alone, one of the margins, one of all."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        n = rng.integers(12, 80, (3, 3))
        n.reshape(-1)[rng.choice(9, 2, replace=False)] = rng.integers(1, 11, 2)
        self.counts: Counts = two_way(n)
        self.unknown = suppress(self.counts).hidden
        margin = np.zeros((4, 4), dtype=bool)
        margin[3], margin[:, 3] = True, True
        total = np.arange(16) == 15
        self.percent = []
        for told in (total, total, margin.ravel(), np.ones(16, dtype=bool)):
            reached = two_way(rng.binomial(n, rng.uniform(0.02, 0.98, n.shape))).size
            percent = np.full(16, np.nan)
            np.divide(100.0 * reached, self.counts.size, out=percent, where=told & (self.counts.size > 0))
            self.percent.append(percent)
        self.coded = [code_percentages(self.counts, self.unknown, p) for p in self.percent]
        self.shares: list[Shares] = [share_bounds(self.counts, c.state, c.whole) for c in self.coded]
        self.helds = [self.counts] * 4

    def joint(self, *measures: int) -> Joint:
        return Joint(self.counts, self.unknown, [(self.counts, self.shares[m]) for m in measures])


def ends(joint: Joint, k: int, measure: int | None = None) -> tuple[float, float]:
    found = joint.size(k) if measure is None else joint.share(k, measure)
    assert found is not None
    return found.low, found.high


def test_a_quiet_measure_leaves_sizes_and_other_measures_as_they_are() -> None:
    told_something = quiet_ones = 0
    for seed in range(6):
        case = Case(seed)
        quiet = quiet_measures(case.helds, case.unknown, case.shares)
        bare, loud = case.joint(), [m for m in range(4) if not quiet[m]]
        for m in range(4):
            alone = case.joint(m)
            for k in np.flatnonzero(case.unknown):
                same = ends(alone, int(k)) == pytest.approx(ends(bare, int(k)), abs=CLOSE)
                assert same or not quiet[m]
                told_something += not same
        quiet_ones += int(quiet.sum())
        for m in loud:
            few, all_ = case.joint(*loud), case.joint(0, 1, 2, 3)
            for k in guarded(case.counts, case.unknown, case.percent[m], case.coded[m].state):
                assert ends(all_, int(k), m) == pytest.approx(ends(few, int(k), loud.index(m)), abs=CLOSE)
    assert told_something > 0  # some measure does say something of sizes, and was not called quiet
    assert quiet_ones >= 12  # those of the total alone


def test_numbers_called_possible_lie_in_the_intervals_of_the_joint_attack() -> None:
    for seed in range(4):
        case = Case(seed)
        cells = [guarded(case.counts, case.unknown, p, c.state) for p, c in zip(case.percent, case.coded, strict=True)]
        found = possible_numbers(case.helds, case.unknown, case.shares, cells)
        assert found is not None
        joint = case.joint(0, 1, 2, 3)
        for m in range(4):
            for k in cells[m]:
                low, high = ends(joint, int(k), m)
                assert low - CLOSE <= found[0][m, k] <= found[1][m, k] <= high + CLOSE
        assert any((found[1][m, cells[m]] - found[0][m, cells[m]] > 1).any() for m in range(4))


def test_what_does_not_fit_the_sizes_settles_nothing() -> None:
    case = Case(0)
    broken = Shares(case.shares[3].low.copy(), case.shares[3].high.copy())
    broken.low[15] = broken.high[15] = 0.0  # nobody in all, somebody in a part
    part = int(np.flatnonzero(~case.unknown & (np.arange(16) < 15) & (case.counts.size > 0))[0])
    broken.low[part] = 1.0
    cells = [np.flatnonzero(case.unknown)] * 2
    assert possible_numbers([case.counts] * 2, case.unknown, [case.shares[0], broken], cells) is None


def test_proofs_spare_attacks_and_change_no_result() -> None:
    hid_more = 0
    for seed in range(8):
        case = Case(seed)
        none, counts, unknown = [None] * 4, case.counts, case.unknown
        assert sizes_hold(counts, unknown)
        quiet = quiet_measures(case.helds, unknown, case.shares)
        settled = settled_shares(counts, case.helds, unknown, case.percent, case.coded, none)
        lost = [
            lost_before(counts, counts, unknown, ~unknown, p, c, None)
            for p, c in zip(case.percent, case.coded, strict=True)
        ]
        alone = [protect_percentages(counts, counts, unknown, p) for p in case.percent]
        for p, c, one, q, holds in zip(case.percent, case.coded, alone, quiet, settled, strict=True):
            fast = narrowed_now(counts, counts, unknown, p, c, None, holds, bool(q))
            slow = narrowed_now(counts, counts, unknown, p, c, None, np.zeros(16, dtype=bool), False)
            assert (fast.shares == slow.shares).all()
            assert (fast.sizes == slow.sizes).all()
            assert fast.any() or (one.state == c.state).all()
            again = protect_percentages(counts, counts, unknown, p, quiet=bool(q))
            assert (again.state == one.state).all()
        still = [s & (a.state == c.state) for s, a, c in zip(settled, alone, case.coded, strict=True)]
        plain = protect_together(counts, unknown, case.helds, alone, case.percent, none, lost)
        spared = protect_together(counts, unknown, case.helds, alone, case.percent, none, lost, still, quiet)
        for a, b in zip(plain, spared, strict=True):
            assert (a.state == b.state).all()
        hid_more += sum(int((a.state != c.state).sum()) for a, c in zip(plain, case.coded, strict=True))
    assert hid_more > 0


def test_parts_that_nothing_connects_are_solved_apart_with_the_same_ends() -> None:
    """Two tables beside each other, sizes partly hidden: the whole program in one piece gives the same intervals."""
    one, two = Case(1), Case(2)
    size = np.concatenate([one.counts.size, two.counts.size])
    sums = np.zeros((16, 32))
    sums[:8, :16], sums[8:, 16:] = one.counts.sums.toarray(), two.counts.sums.toarray()
    counts = Counts(size, type(one.counts.sums)(sums), np.zeros(32, dtype=bool))
    unknown = np.concatenate([one.unknown, two.unknown])
    shares = Shares(*(np.concatenate([getattr(c.shares[3], e) for c in (one, two)]) for e in ("low", "high")))
    joint = Joint(counts, unknown, [(counts, shares)])
    for variable in range(joint.bounds.shape[0]):
        cost = np.eye(joint.bounds.shape[0])[variable]
        whole = [
            sign * linprog(sign * cost, A_eq=joint.equal, b_eq=joint.right, A_ub=joint.above,
                           b_ub=np.zeros(joint.above.shape[0]), bounds=joint.bounds).fun
            for sign in (1.0, -1.0)
        ]  # fmt: skip
        found = joint.share(variable) if variable < 32 else joint.size(int(joint.free[variable - 32]))
        assert (found.low, found.high) == pytest.approx(tuple(whole), abs=CLOSE)
    assert len(joint.parts) >= 2
