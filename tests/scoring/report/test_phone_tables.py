"""Which tables stand in lines on a phone: those whose columns would not fit side by side."""

import pytest

from scoring.report.blocks import Cell, Table, columns


def table(heads, row) -> Table:
    return Table("Caption", columns(*heads), (tuple(Cell(text) for text in row),))


@pytest.mark.parametrize(
    ("heads", "row", "stacked"),
    [
        (("Concept", "#Mastered"), ("Ratios", "40%"), False),
        (("Concept", "#A", "#B"), ("Any three lengths make a triangle", "31% (29 to 33)", "31% (29 to 33)"), False),
        (("Concept", "District", "#Mastered", "#Likely range", "#Students", "#Schools"),
         ("Ratios", "District A", "40%", "38 to 42%", "2,721", "15"), True),
        # a text wraps between its words, a number does not
        (("Check", "State", "Detail"), ("window", "passed", "from the fifth to the sixteenth of October"), False),
        (("Check", "State", "#Detail"), ("window", "passed", "from 5 to 16 in October"), False),
        (("Check", "State", "#Detail"), ("window", "passed", "from 5 October to 16 October"), True),
    ],
)  # fmt: skip
def test_a_table_stands_in_lines_where_its_columns_do_not_fit(heads, row, stacked):
    assert table(heads, row).stacked is stacked
