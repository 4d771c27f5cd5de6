"""What a reader sees adds up, and what stands behind it in the page is no sharper than what is seen."""

import pytest

from scoring.report import blocks
from scoring.report.student_report import _hardest
from scoring.report.words import printed


def test_the_gap_is_that_of_the_printed_shares():
    sizes = {("c", "A"): 0.2651, ("c", "B"): 0.4149}  # printed 27 and 41; the exact gap is 14.98
    assert printed(sizes, "c", "B", "A", 0.1498) == 0.14
    assert printed(sizes, "c", "A", "B", -0.1498) == -0.14


def test_without_printed_shares_it_is_the_difference():
    assert printed({}, "c", "B", "A", 0.1498) == 0.1498
    assert printed(dict.fromkeys([("c", "A"), ("c", "B")], 0.5), "c", "A", "B", float("nan")) != 0


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (blocks.percent(0.44321), 0.44),
        (blocks.chance(0.0001234), 0.0),
        (blocks.chance(0.01234567), 0.012),
        (blocks.chance(0.23456), 0.23),
        (blocks.Cell("0.70", 0.698111), 0.698),
    ],
)
def test_the_number_a_table_sorts_by_is_no_sharper_than_what_it_prints(cell, value):
    """It stands in the page: an unrounded p value beside a rounded difference would say more than the page does."""
    assert cell.value == value


@pytest.mark.parametrize(
    ("students", "learning", "said"),
    [
        (3, [("Ratios", 1), ("Area", 0)], "3 students. 1 of 3 is still learning ratios."),
        (9, [("Ratios", 5), ("Area", 5), ("Data", 1)], "9 students. 5 of 9 are still learning ratios and area."),
        (3, [("Ratios", 1), ("Area", 1), ("Data", 1)],
         "3 students. In several concepts 1 of 3 is still learning; see below."),
        (1, [("Ratios", 0)], "1 student. In no concept is anybody clearly still learning."),
    ],
)  # fmt: skip
def test_the_roster_says_how_many_not_most(students, learning, said):
    assert _hardest(students, learning) == said
