"""Packed scores come back bit for bit, and bytes of another length are refused."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from itembank import score_packing

SHAPES = st.tuples(st.integers(0, 6), st.integers(0, 5))
# any 64 bits: also NaN with a payload, infinities, denormals and -0.0
ANY_BITS = SHAPES.flatmap(
    lambda shape: st.tuples(
        arrays.arrays(np.uint64, (*shape, 3), elements=st.integers(0, 2**64 - 1)),
        arrays.arrays(np.int16, shape, elements=st.integers(0, 255)),
    )
)


@given(ANY_BITS)
def test_scores_come_back_bit_for_bit(drawn):
    bits, status = drawn
    packed = score_packing.pack(bits.view(np.float64), status)
    assert len(packed) == len(status)
    values, codes = score_packing.unpack(packed, status.shape[1])
    assert (values.view(np.uint64) == bits).all()
    assert (codes == status).all()
    assert values.shape == bits.shape
    for s in range(status.shape[1]):  # each cell reads by itself
        cells = [row[s * score_packing.WIDTH : (s + 1) * score_packing.WIDTH] for row in packed]
        assert (score_packing.unpack(cells, 1)[0][:, 0].view(np.uint64) == bits[:, s]).all()


def test_the_bytes_are_laid_out_as_described():
    values = np.array([[[-0.0, np.inf, 0.25], [1.5, 0.3, np.nan]]])
    (row,) = score_packing.pack(values, np.array([[0, 2]]))
    assert row == struct.pack("<3dB3dB", -0.0, np.inf, 0.25, 0, 1.5, 0.3, np.nan, 2)


@given(st.lists(st.integers(0, 200), min_size=1, max_size=4), st.integers(0, 4))
def test_other_lengths_are_refused(lengths, scales):
    rows = [bytes(n) for n in lengths]
    if set(lengths) == {scales * score_packing.WIDTH}:
        assert score_packing.unpack(rows, scales)[1].shape == (len(rows), scales)
        return
    with pytest.raises(ValueError, match="do not fit"):
        score_packing.unpack(rows, scales)


@pytest.mark.parametrize(
    ("values", "status"),
    [
        (np.zeros((2, 3, 3)), np.zeros((2, 2), int)),
        (np.zeros((2, 2, 2)), np.zeros((2, 2), int)),
        (np.zeros((1, 1, 3)), np.array([[-1]])),
        (np.zeros((1, 1, 3)), np.array([[256]])),
    ],
)
def test_what_no_byte_can_hold_is_refused(values, status):
    with pytest.raises(ValueError, match=r"shapes|from 0 to 255"):
        score_packing.pack(values, status)
