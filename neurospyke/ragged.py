"""Columns whose cells are arrays of unequal length: taken apart for files, put together again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

_KINDS = "biufU"


def holds_arrays(column: pd.Series) -> bool:
    """Whether every cell of a column is an array.

    Args:
        column: a column of a table.

    Returns:
        True if so, and there is a cell at all.

    >>> holds_arrays(pd.Series([np.zeros(2), np.zeros(3)])), holds_arrays(pd.Series([2, 3]))
    (True, False)
    """
    if column.dtype != object or len(column) == 0:
        return False
    return all(isinstance(cell, np.ndarray) for cell in column)


def plain_columns(table: pd.DataFrame) -> pd.DataFrame:
    """The columns of a table that hold one value a row.

    Args:
        table: any table.

    Returns:
        The table without the columns that hold arrays.

    >>> plain_columns(pd.DataFrame({"unit": [7], "wave": [np.zeros(2)]})).columns.tolist()
    ['unit']
    """
    return table[[name for name in table.columns if not holds_arrays(table[name])]]


def flatten(cells: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Arrays joined along their first axis, and how long each was.

    Args:
        cells: arrays of numbers, truth values or strings, all of one type and with the same axes
            after the first; or object arrays of such arrays, to any depth.

    Returns:
        The joined array, and the lengths at each depth, outermost first.

    Raises:
        TypeError: if the arrays do not fit together or hold something else.

    >>> flatten([np.array([1, 2]), np.array([3])])
    (array([1, 2, 3]), [array([2, 1])])
    """
    for cell in cells:
        if not isinstance(cell, np.ndarray) or cell.ndim == 0:
            raise TypeError("cells must be arrays with an axis, all to the same depth")
    sizes = np.array([len(cell) for cell in cells], dtype=np.int64)
    kinds = {cell.dtype.kind if cell.dtype.kind in "UO" else cell.dtype for cell in cells}
    if len(kinds) > 1 or len({cell.shape[1:] for cell in cells}) > 1:
        raise TypeError("cells must be of one type, and of one shape after the first axis")
    joined: np.ndarray = np.concatenate(cells) if len(cells) else np.empty(0)
    if joined.dtype == object:
        joined, deeper = flatten(list(joined))
        return joined, [sizes, *deeper]
    if joined.dtype.kind not in _KINDS:
        raise TypeError(f"cells must hold numbers, truth values or strings; got {joined.dtype}")
    return joined, [sizes]


def nest(data: np.ndarray, sizes: Sequence[np.ndarray]) -> np.ndarray:
    """The cells that `flatten` joined, as views that cannot be written to.

    Args:
        data: the joined array.
        sizes: the lengths at each depth, outermost first.

    Returns:
        (cell,) object array of arrays.

    Raises:
        ValueError: if the lengths do not add up.

    >>> nest(np.array([1, 2, 3]), [np.array([2, 1])]).tolist()
    [array([1, 2]), array([3])]
    """
    data = data.view()
    data.flags.writeable = False
    for lengths in reversed(sizes):
        if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or (lengths < 0).any():
            raise ValueError("lengths of cells must be whole numbers from 0 up")
        ends = np.cumsum(lengths.astype(np.int64))
        if (ends[-1] if len(ends) else 0) != len(data):
            raise ValueError(f"lengths of cells must add up to {len(data)} values")
        cells = np.empty(len(lengths), dtype=object)
        for place, (end, length) in enumerate(zip(ends, lengths, strict=True)):
            cells[place] = data[end - int(length) : end]
        data = cells
    return data
