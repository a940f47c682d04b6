"""Label tables: one row for each trial or unit, checked and selected the same way everywhere."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

Rows = str | Sequence[bool] | Sequence[int] | np.ndarray | pd.Series | None


def check_table(
    table: pd.DataFrame, n_rows: int, name: str, required: Sequence[str] = ()
) -> pd.DataFrame:
    """Copy of a label table, numbered from 0, that has the rows and columns it must have.

    Args:
        table: the table.
        n_rows: rows it must have.
        name: the argument's name, for errors.
        required: columns it must have.

    Returns:
        A copy with a plain index.

    Raises:
        TypeError: if it is not a DataFrame.
        ValueError: if rows or columns are missing, or a column's name is not a string.
    """
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"`{name}` must be a pandas DataFrame; got {type(table).__name__}")
    if len(table) != n_rows:
        raise ValueError(f"`{name}` must have {n_rows} rows, one for each; got {len(table)}")
    absent = [column for column in required if column not in table.columns]
    if absent:
        raise ValueError(
            f"`{name}` must have the columns {list(required)}; {absent} missing from "
            f"{list(table.columns)}"
        )
    if not all(isinstance(column, str) for column in table.columns):
        raise ValueError(f"`{name}` must have strings as column names; got {list(table.columns)}")
    if not table.columns.is_unique:
        raise ValueError(f"`{name}` must have each column once; got {list(table.columns)}")
    return table.reset_index(drop=True)


def select(table: pd.DataFrame, rows: Rows, name: str) -> np.ndarray:
    """Positions of the rows that a query, a mask or a list of positions picks.

    Args:
        table: the label table.
        rows: pandas query string, boolean mask, positions (in the order wanted), or None for all.
        name: the argument's name, for errors.

    Returns:
        (row,) int64 positions.

    Raises:
        ValueError: if the query fails, the mask has the wrong length, a position is out of
            range, or nothing is left.

    >>> select(pd.DataFrame({"area": ["V4", "IT", "V4"]}), "area == 'V4'", "units")
    array([0, 2])
    """
    if rows is None:
        return np.arange(len(table))
    positions = (
        _query(table, rows, name) if isinstance(rows, str) else _positions(rows, table, name)
    )
    if positions.size == 0:
        raise ValueError(
            f"`{name}` must leave at least one of {len(table)} rows; {rows!r} left none"
        )
    return positions


def _query(table: pd.DataFrame, query: str, name: str) -> np.ndarray:
    try:
        kept = table.eval(query, engine="python")
    except Exception as error:
        raise ValueError(
            f"`{name}` must be a query on the columns {list(table.columns)}; got {query!r}: {error}"
        ) from error
    if not isinstance(kept, pd.Series) or not pd.api.types.is_bool_dtype(kept):
        raise ValueError(
            f'`{name}` must be a condition, such as "{table.columns[0]} == ...", true or false '
            f"in each row; got {query!r}"
        )
    return np.flatnonzero(kept.to_numpy(dtype=bool))


def _positions(rows: Iterable, table: pd.DataFrame, name: str) -> np.ndarray:
    array = np.asarray(rows)
    if array.dtype == bool:
        if array.shape != (len(table),):
            raise ValueError(f"`{name}` must mask {len(table)} rows; got shape {array.shape}")
        return np.flatnonzero(array)
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise ValueError(
            f"`{name}` must be a query, a boolean mask or row positions; "
            f"got {array.dtype} of shape {array.shape}"
        )
    if array.size and (array.min() < 0 or array.max() >= len(table)):
        raise ValueError(
            f"`{name}` must be positions from 0 to {len(table) - 1}; "
            f"got {array.min()} to {array.max()}"
        )
    return array.astype(np.int64)


def stimulus_labels(values: Iterable, name: str) -> np.ndarray:
    """Stimulus labels as strings: strings as they are, whole numbers as their digits.

    Floats are refused, because 3.0 and "3" would be two labels of one stimulus.

    Args:
        values: (trial,) labels.
        name: the argument's name, for errors.

    Returns:
        (trial,) object array of str.

    Raises:
        ValueError: if a label is missing, empty, or neither string nor whole number.

    >>> stimulus_labels([3, "face"], "stimuli")
    array(['3', 'face'], dtype=object)
    """
    values = list(values)
    # Most labels are strings already, and long trial tables are checked often.
    if set(map(type, values)) == {str} and "" not in values:
        return np.array(values, dtype=object)
    labels = []
    for position, value in enumerate(values):
        if isinstance(value, int | np.integer) and not isinstance(value, bool | np.bool_):
            labels.append(str(int(value)))
        elif isinstance(value, str) and value:
            labels.append(str(value))
        else:
            raise ValueError(
                f"`{name}` must be non-empty strings or whole numbers; got {value!r} in row "
                f"{position}: convert them, whole floats with .astype(int)"
            )
    return np.array(labels, dtype=object)


def stimulus_table(stimuli: pd.DataFrame | Iterable, n_rows: int) -> pd.DataFrame:
    """Trial table of stimuli: their labels, and how often each has been shown before.

    Args:
        stimuli: (trial,) labels, or a table with the column `stimulus`.
        n_rows: trials there must be.

    Returns:
        A copy with the columns `stimulus` and `repetition`, which is counted where it is missing.

    Raises:
        ValueError: if a label is missing or cannot be one, or their number is another.

    >>> stimulus_table(["cat", "dog", "cat"], 3)["repetition"].tolist()
    [0, 0, 1]
    """
    if not isinstance(stimuli, pd.DataFrame):
        stimuli = pd.DataFrame({"stimulus": stimulus_labels(stimuli, "stimuli")})
    trials = check_table(stimuli, n_rows, "stimuli", ("stimulus",))
    trials["stimulus"] = stimulus_labels(trials["stimulus"], "stimuli['stimulus']")
    if "repetition" not in trials.columns:
        trials["repetition"] = trials.groupby("stimulus").cumcount()
    return trials
