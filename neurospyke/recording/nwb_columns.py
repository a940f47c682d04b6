"""Columns of NWB tables: one value a row where there is one, else arrays, none left out quietly."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurospyke.ragged import nest
from neurospyke.recording.report import ImportReport

_MAX_BYTES = 2**30
_ELSEWHERE = ("spike_times", "obs_intervals")
# What the rest of the package takes for labels, one a row.
_LABELS = ("unit", "session", "probe", "area", "location", "quality", "depth", "stimulus")


def read_columns(table: Any, name: str) -> tuple[dict[str, Any], ImportReport]:
    """All columns of a table but those of spike times and observed intervals.

    A column with several values a row becomes one of arrays, however often it is indexed. Rows of
    other tables become their ids, and `electrodes` is then called `electrode_ids`; groups and
    other objects become their names.

    Args:
        table: pynwb's table.
        name: what to call it in the report.

    Returns:
        Columns by name, and what was left out: references to time series, other compounds, and
        columns above 1 GiB.
    """
    columns: dict[str, Any] = {}
    left_out = []
    for column in (column for column in table.colnames if column not in _ELSEWHERE):
        values = _column(table[column])
        if isinstance(values, str):
            left_out.append(f"{column!r} ({values})")
        elif column == "electrodes":
            columns["electrode_ids"] = values
        elif column in _LABELS and isinstance(values, np.ndarray) and values.dtype == object:
            columns[f"{column}_in_table"] = values
        else:
            columns[column] = values
    report = ImportReport()
    if left_out:
        text = f"columns of {name!r} left out: {', '.join(left_out)}"
        report = report.with_finding("dropped", text, len(left_out))
    return columns, report


def text_of(value: Any) -> str:
    """A string from what HDF5 gives.

    Args:
        value: bytes or a string.

    Returns:
        The string.

    >>> text_of(b"IT")
    'IT'
    """
    return value.decode() if isinstance(value, bytes) else str(value)


def last_and_sizes(column: Any) -> tuple[Any, list[np.ndarray]]:
    """The column behind its indices, and how many of its values each row has at each depth.

    Args:
        column: pynwb's column or index.

    Returns:
        The column, and the lengths, outermost first; none where the column is not indexed.
    """
    sizes = []
    while hasattr(column, "target"):
        ends = np.asarray(column.data[:]).astype(np.int64)
        sizes.append(np.diff(ends, prepend=0))
        column = column.target
    return column, sizes


def _column(column: Any) -> np.ndarray | list[str] | str:
    """The values of a column, or why there are none."""
    column, sizes = last_and_sizes(column)
    if type(column).__name__.startswith("TimeSeriesReference"):
        return "references to time series"
    n_bytes = getattr(column.data, "nbytes", 0)
    if n_bytes > _MAX_BYTES:
        return f"{n_bytes / 2**30:.1f} GiB"
    values = _values(column)
    if values is None:
        return "neither numbers nor text"
    if not sizes and values.ndim == 1:
        return values.tolist() if values.dtype.kind == "U" else values
    if not sizes:
        return _rows(values)
    return nest(values, sizes)


def _rows(values: np.ndarray) -> np.ndarray:
    n_rows, n_values, *inner = values.shape
    return nest(values.reshape(n_rows * n_values, *inner), [np.full(n_rows, n_values)])


def _values(column: Any) -> np.ndarray | None:
    """Numbers, truth values or strings; the ids of rows; the names of objects."""
    if type(column).__name__ == "DynamicTableRegion":
        ids = np.asarray(column.table.id[:])
        return ids[np.asarray(column.data[:]).astype(np.int64)]
    is_enum = type(column).__name__ == "EnumData"
    array = np.asarray(column[:] if is_enum else column.data[:])
    if array.ndim == 0 or array.dtype.kind in "biufU":
        return array if array.ndim else None
    named = [_name(value) for value in array.ravel().tolist()]
    if not all(isinstance(name, str) for name in named):
        return None
    return np.array(named, dtype=np.str_).reshape(array.shape)


def _name(value: Any) -> Any:
    return text_of(value) if isinstance(value, bytes | str) else getattr(value, "name", None)
