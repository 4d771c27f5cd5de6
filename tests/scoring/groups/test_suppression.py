"""Suppression and attack: small tables against enumeration, and attacks that succeed where they should."""

from itertools import combinations

import numpy as np
import pytest
from scipy.sparse import csr_array

from scoring.groups.attack import Counts, Joint, count_interval
from scoring.groups.coding import (
    BOTTOM,
    HIDDEN,
    SHOWN,
    TOP,
    code,
    code_points,
    known_range,
    protect_percentages,
    share_bounds,
    share_protected,
)
from scoring.groups.suppression import CannotProtect, protected, suppress


def two_way(n: np.ndarray) -> Counts:
    """A table with both margins and the total."""
    full = np.zeros((n.shape[0] + 1, n.shape[1] + 1), dtype=np.int64)
    full[:-1, :-1] = n
    full[-1, :-1], full[:-1, -1], full[-1, -1] = n.sum(axis=0), n.sum(axis=1), n.sum()
    place = np.arange(full.size).reshape(full.shape)
    rows = []
    for line in [*place, *place.T]:
        row = np.zeros(full.size)
        row[line[:-1]], row[line[-1]] = 1, -1
        rows.append(row)
    return Counts(full.reshape(-1), csr_array(np.array(rows)), np.zeros(full.size, dtype=bool))


def is_safe(counts: Counts, hidden: np.ndarray) -> bool:
    return all(protected(count_interval(counts, hidden, int(k))) for k in np.flatnonzero(hidden))


def smallest_by_enumeration(counts: Counts, start: np.ndarray) -> int:
    others = np.flatnonzero(~start & (counts.size > 0))
    for extra in range(len(others) + 1):
        for chosen in combinations(others, extra):
            hidden = start.copy()
            hidden[list(chosen)] = True
            if is_safe(counts, hidden):
                return int(hidden.sum())
    raise AssertionError("hiding everything is always safe")


@pytest.mark.parametrize("seed", range(4))
def test_exact_is_the_optimum_and_greedy_is_safe(seed: int) -> None:
    """3 x 2 tables with margins, every set of cells tried in order of size."""
    rng = np.random.default_rng(seed)
    n = rng.integers(12, 60, (3, 2))
    n.reshape(-1)[rng.choice(6, 1 + seed % 2, replace=False)] = rng.integers(1, 11, 1 + seed % 2)
    counts = two_way(n)
    best = suppress(counts)
    assert best.optimal
    assert is_safe(counts, best.hidden)
    assert best.hidden.sum() == smallest_by_enumeration(counts, best.primary)
    quick = suppress(counts, exact=False)
    assert is_safe(counts, quick.hidden)
    assert quick.hidden[best.primary].all()


def test_primary_only_is_backed_out_exactly() -> None:
    counts = two_way(np.array([[5, 30, 40], [20, 25, 50], [60, 33, 21]]))
    naive = suppress(counts, complementary=False)
    found = count_interval(counts, naive.hidden, 0)
    assert (found.low, found.high) == (5, 5)
    assert not protected(found)


def test_protection_rule() -> None:
    interval = lambda low, high: type("I", (), {"low": low, "high": high})()  # noqa: E731
    assert protected(interval(1, 10))
    assert protected(interval(25, 35))
    assert not protected(interval(2, 11))
    assert not protected(interval(0, 9))


def test_what_is_public_already_cannot_be_hidden() -> None:
    counts = two_way(np.array([[5, 30], [20, 25]]))
    public = np.ones(9, dtype=bool)
    public[0] = False
    with pytest.raises(CannotProtect, match="already public"):
        suppress(counts, public=public)


def test_a_small_remainder_is_protected() -> None:
    """Parts that leave 4 students over: publishing all parts would show that group of 4."""
    counts = Counts(
        np.array([100, 56, 40, 4]), csr_array(np.array([[-1.0, 1.0, 1.0, 1.0]])), np.array([False, False, False, True])
    )
    result = suppress(counts)
    assert result.hidden.sum() == 1
    unknown = result.hidden | counts.derived
    assert protected(count_interval(counts, unknown, 3))


def test_codes_by_size() -> None:
    assert [code_points(n) for n in (11, 19, 20, 39, 40, 99, 100, 299, 300)] == [20, 20, 10, 10, 5, 5, 2, 2, 1]
    assert code(50, 95.2) == (TOP, 95)
    assert code(50, 94.4) == (SHOWN, 94)
    assert code(15, 20.4) == (BOTTOM, 20)
    assert code(500, 98.4) == (SHOWN, 98)
    assert known_range(50, TOP, 95) == (47.25, 50.0)
    assert known_range(100, SHOWN, 40) == (39.5, 40.5)


def test_a_coded_percentage_is_not_given_away_by_its_total() -> None:
    """50 + 50 = 100 with 100 % and 60 %: the total's 80 % would say that the coded one has at least 49 of 50.

    One of the two other percentages has to go; without that the attack narrows the code.
    """
    counts = Counts(np.array([100, 50, 50]), csr_array(np.array([[-1.0, 1.0, 1.0]])), np.zeros(3, dtype=bool))
    nothing = np.zeros(3, dtype=bool)
    percent = np.array([80.0, 100.0, 60.0])
    plain = [SHOWN, TOP, SHOWN]
    joint = Joint(
        counts, nothing, [(counts, share_bounds(counts, np.array(plain, dtype=np.int8), np.array([80, 95, 60])))]
    )
    naive = joint.share(1)
    assert naive is not None
    assert naive.low == pytest.approx(79.5 - 30.25)
    safe = protect_percentages(counts, counts, nothing, percent)
    assert (safe.state == HIDDEN).sum() == 1
    joint = Joint(counts, nothing, [(counts, share_bounds(counts, safe.state, safe.whole))])
    for k in np.flatnonzero(safe.state != SHOWN):
        found = joint.share(int(k))
        assert found is not None
        assert share_protected(counts, safe.state, safe.whole, int(k), found)


def test_percentages_do_not_give_away_a_hidden_size() -> None:
    """A hidden group cannot be smaller than the number in it that reached something.

    12 of 14 hidden students are hidden in one cell and 2 in another; whoever knows that 13 of them reached the mark
    must not learn that neither group is empty of it.
    """
    counts = Counts(np.array([60, 46, 5, 9]), csr_array(np.array([[-1.0, 1, 1, 1]])), np.zeros(4, dtype=bool))
    hidden = np.array([False, False, True, True])
    safe = protect_percentages(counts, counts, hidden, np.array([50.0, 41.3, 80.0, 77.8]))
    joint = Joint(counts, hidden, [(counts, share_bounds(counts, safe.state, safe.whole))])
    for k in (2, 3):
        found = joint.size(k)
        assert found is not None
        assert protected(found)


def test_an_empty_group_is_never_hidden() -> None:
    """A hidden group is known to have somebody: an empty one that was withheld would contradict the sums."""
    counts = Counts(np.array([40, 5, 35, 0]), csr_array(np.array([[-1.0, 1, 1, 1]])), np.zeros(4, dtype=bool))
    result = suppress(counts, withheld=np.array([False, False, False, True]))
    assert not result.hidden[3]
    assert is_safe(counts, result.hidden)
