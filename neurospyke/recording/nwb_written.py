"""Columns of our tables as columns of NWB's: plain ones, and arrays with their indices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from neurospyke.ragged import flatten, holds_arrays

# NWB keeps these as one block, (unit, sample) or (unit, sample, electrode).
_BLOCKS = ("waveform_mean", "waveform_sd")
# Columns that NWB indexes this often, whatever they hold here.
_DEPTHS = {"tags": 1, "waveforms": 2}


def check_values(column: pd.Series, table: str) -> None:
    """Refuse a column that NWB cannot hold.

    Args:
        column: a column of a table.
        table: what to call the table in errors.

    Raises:
        TypeError: if it holds anything but numbers, truth values, strings and arrays of them.
        ValueError: if NWB wants another shape under its name.
    """
    name = str(column.name)
    values, sizes = _flat(column, table)
    if values.dtype.kind not in "biufU" and not all(isinstance(value, str) for value in values):
        raise TypeError(
            f"`{table}` must hold numbers, truth values or strings, or arrays of them; column "
            f"{name!r} is {column.dtype}: convert or drop it"
        )
    of_one_size = len(sizes) == 1 and len(set(sizes[0])) == 1 and values.ndim <= 2
    if name in _BLOCKS and not of_one_size:
        raise ValueError(
            f"`{table}` must hold {name!r} as (sample,) or (sample, electrode) arrays of one size "
            "in NWB: rename or drop it"
        )
    if name == "waveforms" and (len(sizes) != 2 or values.ndim != 2):
        raise ValueError(
            f"`{table}` must hold 'waveforms' by spike, each (electrode, sample), in NWB: rename "
            "or drop it"
        )


def _flat(column: pd.Series, table: str) -> tuple[np.ndarray, list[np.ndarray]]:
    if not holds_arrays(column):
        return column.to_numpy(), []
    try:
        return flatten(column.to_numpy())
    except TypeError as error:
        raise TypeError(f"`{table}` must hold arrays that fit; {column.name!r}: {error}") from error


def written_column(column: pd.Series, description: str) -> list:
    """What NWB keeps of a column: its data, and an index for each depth at which rows differ.

    Args:
        column: a column that `check_values` lets pass.
        description: one line.

    Returns:
        The column and its indices.
    """
    from hdmf.common import VectorData, VectorIndex

    name = str(column.name)
    sizes: list[np.ndarray] = []
    if name in _BLOCKS:
        values: Any = np.stack(column.to_list())
    elif holds_arrays(column):
        values, sizes = flatten(column.to_numpy())
    else:
        values = column.to_numpy()
        # such a column may have several values a row, and here each row has one
        sizes = [np.ones(len(column), dtype=np.int64)] * _DEPTHS.get(name, 0)
    if values.dtype.kind not in "biuf":
        values = values.tolist()
    made: Any = VectorData(name=name, description=description, data=values)
    columns = [made]
    for lengths in reversed(sizes):
        name = f"{name}_index"
        made = VectorIndex(name=name, data=np.cumsum(lengths), target=made)
        columns.append(made)
    return columns
