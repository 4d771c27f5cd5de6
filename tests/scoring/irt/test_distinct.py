"""Distinct values and rows are those that `numpy.unique` finds by sorting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from scoring.irt.distinct import distinct_numbers, distinct_rows_of


@given(arrays(np.int64, st.integers(0, 40), elements=st.integers(-3, 3) | st.integers(-(2**40), 2**40)))
def test_numbers_as_sorting_finds_them(values):
    found, position = distinct_numbers(values)
    expected, inverse = np.unique(values, return_inverse=True)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(position, inverse.reshape(-1))


ROWS = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)


@given(
    arrays(np.bool_, ROWS)
    | arrays(np.uint8, ROWS, elements=st.integers(0, 255))
    | arrays(np.float64, ROWS, elements=st.sampled_from([0.0, 1.0, -0.25, 3.5]))
)
def test_rows_as_sorting_finds_them(table):
    one, kind = distinct_rows_of(table)
    expected, first, inverse = np.unique(table, axis=0, return_index=True, return_inverse=True)
    np.testing.assert_array_equal(table[one], expected)
    np.testing.assert_array_equal(kind, inverse.reshape(-1))
    np.testing.assert_array_equal(one, first)


@pytest.mark.parametrize("columns", [0, 3])
def test_no_rows_and_no_columns(columns):
    one, kind = distinct_rows_of(np.zeros((0, columns)))
    assert one.size == kind.size == 0
    one, kind = distinct_rows_of(np.zeros((4, 0)))
    assert one.tolist() == [0]
    assert kind.tolist() == [0, 0, 0, 0]
