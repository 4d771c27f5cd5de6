"""Sums of modelled numbers: kept where they can be true together, refused where nothing is known of them."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_array

from scoring.comparison import held_sums
from scoring.groups.attack import Counts
from scoring.irt.errors import DesignError

# two wholes of the same two parts, of which one stands in both: [a, b, c, a + b, b + c]
COUNTS = Counts(
    np.array([40, 30, 20, 70, 50]), csr_array(np.array([[1, 1, 0, -1, 0], [0, 1, 1, 0, -1]])), np.zeros(5, dtype=bool)
)


def held(percent: list[float]) -> int:
    return held_sums.sums_that_hold(COUNTS, np.array(percent)).sums.shape[0]


def test_sums_are_kept_where_one_number_makes_both_true() -> None:
    # b is hidden: 12 of 30 make a + b = 32 of 70 (20 + 12) and b + c = 22 of 50 (12 + 10)
    assert held([50, np.nan, 50, 100 * 32 / 70, 44]) == 2
    # 12 of 30 for the one, 18 for the other: one of the two has to go
    assert held([50, np.nan, 50, 100 * 32 / 70, 56]) == 1
    # known on all sides, and false
    assert held([50, 40, 50, 90, 44]) == 1


def test_a_solver_that_gives_up_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_sums, "linprog", lambda *_, **__: SimpleNamespace(status=4, x=None, message="numbers"))
    with pytest.raises(DesignError, match="could not be checked"):
        held([50, np.nan, 50, 100 * 32 / 70, 44])
