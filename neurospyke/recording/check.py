"""What makes a recording sound: each check names the units or tables at fault, repairs nothing."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from neurospyke.labels import check_table

KEY = ("session", "probe", "unit")
_MAX_NAMED = 10
# Checks make several arrays as long as what they check: of many spikes, a part at a time.
_BLOCK = 2**20


def check_units(units: pd.DataFrame) -> pd.DataFrame:
    """Copy of a unit table that has at least one unit and names each of them once.

    Args:
        units: one row a unit; column `unit`, unique together with `session` and `probe`.

    Returns:
        A copy with a plain index.

    Raises:
        TypeError: if it is not a DataFrame.
        ValueError: if it is empty, or a unit is missing its name or has it twice.
    """
    if isinstance(units, pd.DataFrame) and units.empty and len(units) == 0:
        raise ValueError(
            "`units` must hold at least one unit; got none: was the file written before sorting, "
            "or does it hold another kind of data?"
        )
    table = check_table(units, len(units), "units", ("unit",))
    if table["unit"].isna().any():
        raise ValueError("`units` must name every unit; column `unit` has missing values")
    key = [column for column in KEY if column in table]
    twice = table.loc[table.duplicated(key), "unit"]
    if len(twice):
        raise ValueError(
            f"`units` must be unique in {key}; {_listed(twice)} came more than once: add a "
            "column `session` or `probe` that tells them apart"
        )
    return table


def check_offsets(offsets: np.ndarray, n_units: int, n_spikes: int) -> np.ndarray:
    """Offsets that cut the spike times into one run for each unit.

    Args:
        offsets: (unit + 1,) whole numbers from 0 to `n_spikes`, never falling.
        n_units: number of units.
        n_spikes: number of spike times.

    Returns:
        (unit + 1,) int64, read-only.

    Raises:
        TypeError: if they are not whole numbers.
        ValueError: if they do not cut the times.
    """
    array = np.asarray(offsets)
    if array.dtype.kind not in "iu":
        raise TypeError(f"`offsets` must be whole numbers; got {array.dtype}")
    array = array.astype(np.int64)
    if array.shape != (n_units + 1,):
        raise ValueError(
            f"`offsets` must be ({n_units + 1},), one more than units; got {array.shape}"
        )
    if array[0] != 0 or array[-1] != n_spikes or (np.diff(array) < 0).any():
        raise ValueError(
            f"`offsets` must rise from 0 to the number of spikes, {n_spikes}; got "
            f"{array[0]} to {array[-1]}{' with falls' if (np.diff(array) < 0).any() else ''}"
        )
    return _frozen(array)


def check_spike_times(
    spike_times: np.ndarray, offsets: np.ndarray, units: pd.DataFrame
) -> np.ndarray:
    """Spike times that are finite and ascend inside each unit (equal times are allowed).

    Args:
        spike_times: (spike,) float64 in seconds.
        offsets: (unit + 1,) where each unit's times begin.
        units: the unit table, for the names in errors.

    Returns:
        (spike,) float64, read-only view.

    Raises:
        ValueError: naming the units whose times are NaN, infinite or out of order.
    """
    infinite = _per_unit(_positions(spike_times, flag=_not_finite), offsets)
    if infinite.any():
        raise ValueError(
            f"`spike_times` must be finite; NaN or infinite times in {_counted(infinite, units)}: "
            "leave those units or times out"
        )
    falls = _positions(spike_times[1:], spike_times[:-1], flag=np.less) + 1
    descents = _per_unit(falls[~np.isin(falls, offsets)], offsets)
    if descents.any():
        raise ValueError(
            "`spike_times` must ascend inside each unit; times step back in "
            f"{_counted(descents, units)}: sort them, or, if the clock restarts at each trial, "
            "add each trial's start"
        )
    return _frozen(spike_times.view())


def check_spike_array(spike_times: np.ndarray) -> np.ndarray:
    """Spike times as one flat float64 array; float32 is refused, being too coarse for seconds.

    Args:
        spike_times: (spike,) float64 in seconds.

    Returns:
        The array.

    Raises:
        TypeError: if it is not a float64 array.
        ValueError: if it is not flat.
    """
    if not isinstance(spike_times, np.ndarray) or spike_times.dtype != np.float64:
        found = getattr(spike_times, "dtype", type(spike_times).__name__)
        raise TypeError(f"`spike_times` must be a float64 array of seconds; got {found}")
    if spike_times.ndim != 1:
        raise ValueError(
            f"`spike_times` must be (spike,), unit after unit; got shape {spike_times.shape}"
        )
    return spike_times


def check_observed(observed: object) -> np.ndarray:
    """Observed spans in order, each of positive length, none overlapping the next.

    Args:
        observed: (span, 2) start and stop in seconds, or one (start, stop).

    Returns:
        (span, 2) float64, read-only.

    Raises:
        ValueError: if a span is empty, reversed, out of order or overlaps another.
    """
    try:
        spans = np.array(observed, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`observed` must be (span, 2) starts and stops in seconds; got {observed!r}"
        ) from error
    if spans.shape == (2,):
        spans = spans[None]
    if spans.ndim != 2 or spans.shape[1] != 2 or len(spans) == 0:
        raise ValueError(
            f"`observed` must be (span, 2) starts and stops in seconds; got shape {spans.shape}"
        )
    if not np.isfinite(spans).all() or not (spans[:, 0] < spans[:, 1]).all():
        raise ValueError(
            f"`observed` must be finite spans with start < stop; got {spans.tolist()[:_MAX_NAMED]}"
        )
    if not (spans[1:, 0] >= spans[:-1, 1]).all():
        raise ValueError(
            "`observed` must be spans in order that do not overlap; got "
            f"{spans.tolist()[:_MAX_NAMED]}"
        )
    return _frozen(spans)


def inside(times: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Which times lie in an observed span, its ends included.

    Args:
        times: (time,) seconds.
        observed: (span, 2) spans in order.

    Returns:
        (time,) bool.

    >>> inside(np.array([0.0, 1.5, 3.0]), np.array([[0.0, 1.0], [2.0, 3.0]]))
    array([ True, False,  True])
    """
    within = np.empty(times.shape, dtype=bool)
    for first in range(0, len(times), _BLOCK):
        part = times[first : first + _BLOCK]
        span = np.searchsorted(observed[:, 0], part, side="right") - 1
        within[first : first + _BLOCK] = (span >= 0) & (part <= observed[span, 1])
    return within


def check_inside(
    spike_times: np.ndarray, offsets: np.ndarray, units: pd.DataFrame, observed: np.ndarray
) -> None:
    """Refuse spikes at times that were not observed.

    Args:
        spike_times: (spike,) seconds.
        offsets: (unit + 1,) where each unit's times begin.
        units: the unit table, for the names in errors.
        observed: (span, 2) spans in order.

    Raises:
        ValueError: naming the units with such spikes.
    """
    outside = _per_unit(np.flatnonzero(~inside(spike_times, observed)), offsets)
    if outside.any():
        raise ValueError(
            f"`spike_times` must lie in the observed spans, {observed[0, 0]:g} to "
            f"{observed[-1, 1]:g} s; spikes outside in {_counted(outside, units)}: check that "
            "times are in seconds on the same clock, or pass `observed=` when reading"
        )


def check_trials(trials: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Copies of the trial tables, each with a finite `start_time` in every row.

    Args:
        trials: tables by name, one row a trial, times in seconds.

    Returns:
        The tables, `start_time` and `stop_time` in float64.

    Raises:
        TypeError: if they are not tables by name, or a time is not a number.
        ValueError: if a start is missing.
    """
    if not isinstance(trials, Mapping) or not all(isinstance(name, str) for name in trials):
        raise TypeError(
            "`trials` must map names to tables, such as {'trials': table}; "
            f"got {type(trials).__name__}"
        )
    return {name: check_trial_table(table, f"trials[{name!r}]") for name, table in trials.items()}


def check_trial_table(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Copy of one trial table with a finite `start_time` in every row.

    Args:
        table: one row a trial.
        name: what to call it in errors.

    Returns:
        The table, `start_time` and `stop_time` in float64.

    Raises:
        TypeError: if it is not a DataFrame, or a time is not a number.
        ValueError: if a start is missing.
    """
    size = len(table) if isinstance(table, pd.DataFrame) else 0
    checked = check_table(table, size, name, ("start_time",))
    for column in checked.columns.intersection(["start_time", "stop_time"]):
        if checked[column].dtype.kind not in "iuf":
            raise TypeError(
                f"`{name}` must hold numbers of seconds in {column!r}; got {checked[column].dtype}"
            )
        checked[column] = checked[column].astype(np.float64)
    missing = np.flatnonzero(~np.isfinite(checked["start_time"].to_numpy()))
    if missing.size:
        raise ValueError(
            f"`{name}` must have a finite start_time in every row; {missing.size} are NaN or "
            f"infinite, rows {_listed(missing)}: leave those rows out"
        )
    return checked


def merged_tables(
    own: Mapping[str, pd.DataFrame], extra: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Trial tables of a file together with those the caller adds.

    Args:
        own: the file's tables.
        extra: the caller's.

    Returns:
        All of them, the file's first.

    Raises:
        ValueError: if a name is taken.
    """
    taken = sorted(set(own) & set(extra))
    if taken:
        raise ValueError(
            f"`events` must bring new table names; the file has {taken} itself: pass "
            "events={'another name': table}"
        )
    return {**own, **extra}


def _not_finite(values: np.ndarray) -> np.ndarray:
    return ~np.isfinite(values)


def _positions(*arrays: np.ndarray, flag: Callable[..., np.ndarray]) -> np.ndarray:
    """Where a condition on arrays of one length holds, looked up a part at a time."""
    parts = [
        np.flatnonzero(flag(*(array[first : first + _BLOCK] for array in arrays))) + first
        for first in range(0, len(arrays[0]), _BLOCK)
    ]
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])


def _per_unit(positions: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """How many positions of spikes fall to each unit."""
    return np.diff(np.searchsorted(positions, offsets))


def _counted(counts: np.ndarray, units: pd.DataFrame) -> str:
    at_fault = np.flatnonzero(counts)
    named = ", ".join(
        f"{units['unit'].iloc[unit]} ({counts[unit]})" for unit in at_fault[:_MAX_NAMED]
    )
    more = ", ..." if at_fault.size > _MAX_NAMED else ""
    return f"{at_fault.size} of {len(units)} units, by unit (times): {named}{more}"


def _listed(values: pd.Series | np.ndarray) -> str:
    shown = ", ".join(str(value) for value in list(values)[:_MAX_NAMED])
    return f"[{shown}{', ...' if len(values) > _MAX_NAMED else ''}]"


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
