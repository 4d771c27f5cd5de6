"""Did you mean: the nearest known name, by what people write differently first, then by edits."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itembank import suggest


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("Q03", ["Q1", "Q2", "Q3", "Q30"], ["Q3"]),
        ("G7-EE-01", ["G7-EE-010", "G7-EE-011", "G7-EE-001", "G6-EE-001"], ["G7-EE-001"]),
        ("district", ["Dist", "School", "Grade"], ["Dist"]),
        ("North", ["South", "Noth High"], []),
        ("Lincon Middle", ["Lincoln Middle", "Washington Middle"], ["Lincoln Middle"]),
        ("zebra", ["Q1", "Q2"], []),
        ("school", ["School"], ["School"]),
    ],
)
def test_the_nearest_name_is_proposed(name, known, expected):
    assert suggest.nearest(name, known, 1) == expected


@cache
def _by_definition(a: str, b: str) -> int:
    """Optimal string alignment straight from its recursion."""
    if not a or not b:
        return len(a) + len(b)
    ways = [
        _by_definition(a[:-1], b) + 1,
        _by_definition(a, b[:-1]) + 1,
        _by_definition(a[:-1], b[:-1]) + (a[-1] != b[-1]),
    ]
    if len(a) > 1 and len(b) > 1 and a[-1] == b[-2] and a[-2] == b[-1]:
        ways.append(_by_definition(a[:-2], b[:-2]) + 1)
    return min(ways)


@settings(max_examples=60, deadline=None)
@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_the_distance_is_that_of_its_definition(a, b):
    assert suggest.distance(a, b) == _by_definition(a, b)


def test_nothing_near_says_nothing():
    assert suggest.did_you_mean("zebra", ["Q1"]) == ""
    assert suggest.did_you_mean("Q01", ["Q1", "Q2"]) == "Did you mean 'Q1'?"
