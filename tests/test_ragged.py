"""Columns of arrays: joined, put together again, and refused where they do not fit."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numbers

from neurospyke.ragged import flatten, holds_arrays, nest
from neurospyke.storage import pack_table, unpack_table


def objects(*parts) -> np.ndarray:
    made = np.empty(len(parts), dtype=object)
    for place, part in enumerate(parts):
        made[place] = part
    return made


@given(
    lengths=st.lists(st.integers(0, 3), min_size=1, max_size=5),
    inner=st.sampled_from([(), (2,), (2, 3)]),
    dtype=st.sampled_from(["i4", "f8", "?", "U3"]),
    draw=st.data(),
)
def test_what_is_joined_comes_back(lengths, inner, dtype, draw):
    cells = [draw.draw(numbers.arrays(dtype, (length, *inner))) for length in lengths]
    joined, sizes = flatten(cells)
    assert joined.shape == (sum(lengths), *inner)
    for cell, back in zip(cells, nest(joined, sizes), strict=True):
        np.testing.assert_array_equal(cell, back)
        assert back.dtype == cell.dtype
        assert not back.flags.writeable


def test_cells_of_cells_come_back():
    cells = [objects(np.array([1, 2]), np.array([3])), objects(), objects(np.array([4]))]
    joined, sizes = flatten(cells)
    assert joined.tolist() == [1, 2, 3, 4]
    assert [lengths.tolist() for lengths in sizes] == [[2, 0, 1], [2, 1, 1]]
    back = nest(joined, sizes)
    assert [[inner.tolist() for inner in cell] for cell in back] == [[[1, 2], [3]], [], [[4]]]


@pytest.mark.parametrize(
    "cells",
    [
        [np.zeros(2), np.zeros(2, dtype=np.int64)],
        [np.zeros((2, 3)), np.zeros((2, 4))],
        [objects(np.zeros(2)), np.zeros(2)],
        [np.zeros(2), [0.0]],
        [np.array(3.0)],
        [np.array(["2024"], dtype="M8[D]")],
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(cells):
    with pytest.raises(TypeError, match="cells must"):
        flatten(cells)


@pytest.mark.parametrize("lengths", [[1, 1], [4, -1], [1.0, 2.0], [[3]]])
def test_lengths_that_do_not_add_up_are_refused(lengths):
    with pytest.raises(ValueError, match="lengths of cells must"):
        nest(np.arange(3), [np.array(lengths)])


def test_tables_with_columns_of_arrays_come_back():
    table = pd.DataFrame({"unit": [3, 1], "area": ["V4", "IT"]})
    table["wave"] = nest(np.arange(6.0).reshape(3, 2), [np.array([1, 2])])
    table["tags"] = nest(np.array(["a", "bcd"]), [np.array([2, 0])])
    table["last"] = [0.5, 1.5]
    arrays = pack_table("units", table)
    assert not any(array.dtype.hasobject for array in arrays.values())
    back = unpack_table("units", arrays, 2)
    assert list(back) == list(table)
    assert holds_arrays(back["wave"])
    pd.testing.assert_frame_equal(
        back, table, check_dtype=False, check_column_type=False, check_exact=True
    )
    del arrays["units/2:0/wave"]
    with pytest.raises(ValueError, match="2"):
        unpack_table("units", arrays, 2)
