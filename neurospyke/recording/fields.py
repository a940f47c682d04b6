"""Arrays under names of anybody's choosing, as a recording: a map says which array holds what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from neurospyke.recording.found import Found
from neurospyke.recording.report import ImportReport

_TIMES = ("start_time", "stop_time")
_REFERENCES = ("session", "trial")


@dataclass(frozen=True)
class Fields:
    """Where a file keeps what: names of arrays or columns, with dots into structures.

    Spike times lie in one of three ways: one vector a unit (a cell array, or one field of a
    structure array); one flat vector, with `spike_units` as long; or one vector a unit and trial
    (a cell array, units down and trials across), which needs ``relative_to="trial"``. Then the
    trials are those named here or, where none are, the one table that comes with `events`.

    Args:
        spike_times: the spike times.
        spike_units: the unit of each spike, for flat spike times.
        spike_trials: the trial of each spike, for flat spike times relative to trials; looked up
            in the trials' field `trial`.
        units: for each column of the unit table, the array it is in: one value a unit, or, beside
            flat spike times, one value a spike that is the same for all spikes of a unit.
        trials: for each column of the trial table, the array it is in; `start_time` is needed if
            there are any.
        per_second: how many of the file's units of time make a second: 1000 for milliseconds,
            30000 for samples at 30 kHz.
        relative_to: "session", or "trial" where times count from the start of each trial.

    Raises:
        TypeError: if a name is not a string.
        ValueError: if `per_second` is not positive, `relative_to` is neither, or trials have no
            `start_time`.

    >>> Fields("spikes.times", units={"area": "spikes.region"}, per_second=1000).spike_times
    'spikes.times'
    """

    spike_times: str
    spike_units: str | None = None
    spike_trials: str | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    trials: Mapping[str, str] = field(default_factory=dict)
    per_second: float = 1.0
    relative_to: str = "session"

    def __post_init__(self) -> None:
        for table in ("units", "trials"):
            if not isinstance(getattr(self, table), Mapping):
                raise TypeError(
                    f"`{table}` must map columns to names of arrays, such as "
                    f"{{'area': 'data.region'}}; got {getattr(self, table)!r}"
                )
        for name in self.names:
            if not isinstance(name, str):
                raise TypeError(f"`fields` must map to names of arrays; got {name!r}")
        number = isinstance(self.per_second, int | float | np.number)
        if not number or not 0 < self.per_second < np.inf:
            raise ValueError(f"`per_second` must be a positive number; got {self.per_second!r}")
        if self.relative_to not in _REFERENCES:
            raise ValueError(
                f"`relative_to` must be one of {list(_REFERENCES)}; got {self.relative_to!r}"
            )
        if self.trials and "start_time" not in self.trials:
            raise ValueError(f"`trials` must have a start_time; got {list(self.trials)}")

    @property
    def names(self) -> list[str]:
        """All arrays that are named, each once."""
        flat = [self.spike_times, self.spike_units, self.spike_trials]
        named = [*flat, *self.units.values(), *self.trials.values()]
        return list(dict.fromkeys(name for name in named if name is not None))


def found_in(
    arrays: Mapping[str, Any],
    fields: Fields,
    source: str,
    events: Mapping[str, pd.DataFrame] = MappingProxyType({}),
) -> Found:
    """What the named arrays hold, as a reader's find.

    Args:
        arrays: for each of `fields.names` its array: numbers, strings, or a cell array as an
            object array of such.
        fields: which is what.
        source: where they come from, for errors.
        events: tables of trials from elsewhere, in seconds, to which times may be relative.

    Returns:
        The find: spike times in seconds, unit table, trial table "trials" if there is one.

    Raises:
        ValueError: if shapes disagree, or an array does not hold what it should.

    >>> arrays = {"t": np.array([10, 30, 20]), "u": np.array([4, 4, 2])}
    >>> find = found_in(arrays, Fields("t", spike_units="u", per_second=1000), "a.mat")
    >>> find.times, find.offsets, find.units["unit"].tolist()
    (array([0.02, 0.01, 0.03]), array([0, 1, 3]), [2, 4])
    """
    own = _trial_table(arrays, fields)
    trials = own if own is not None else _only_table(events, fields)
    value = arrays[fields.spike_times]
    if _is_cell(value):
        if fields.spike_units is not None:
            raise ValueError(f"`spike_units` must be None: {fields.spike_times!r} is a cell array")
        trains = _cell_trains(np.asarray(value, dtype=object), fields, trials)
        units = pd.DataFrame({"unit": np.arange(len(trains))})
        for column, name in fields.units.items():
            units[column] = _column(arrays[name], len(trains), name)
        times = np.concatenate([np.empty(0), *trains])
        offsets = np.cumsum([0, *(len(train) for train in trains)])
    else:
        times, offsets, units = _flat_spikes(arrays, fields, trials)
    report = ImportReport()
    if fields.per_second != 1:
        report = report.with_finding(
            "read", f"times divided by {fields.per_second:g} to give seconds", len(times)
        )
    if fields.relative_to == "trial":
        report = report.with_finding(
            "read", "each trial's start added to its spike times", len(times)
        )
    tables = {} if own is None else {"trials": own}
    told = fields.per_second != 1 or fields.relative_to == "trial"
    return Found(times, offsets, units, tables, source=source, report=report, in_seconds=told)


def _is_cell(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == object


def _numbers(value: Any, name: str) -> np.ndarray:
    array = np.atleast_1d(np.asarray(value))
    if array.size == 0:
        return np.empty(0)
    if array.dtype.kind not in "iuf" or array.size != max(array.shape):
        raise ValueError(
            f"{name!r} must hold a vector of numbers; got {array.dtype} of shape {array.shape}"
        )
    return array.ravel().astype(np.float64)


def _cell_trains(cells: np.ndarray, fields: Fields, trials: pd.DataFrame | None) -> list:
    name, scale = fields.spike_times, fields.per_second
    if cells.size == max(cells.shape, default=0) and fields.relative_to == "session":
        return [_numbers(cell, name) / scale for cell in cells.ravel()]
    if fields.relative_to == "session" or cells.ndim != 2 or trials is None:
        raise ValueError(
            f"{name!r} must hold one vector a unit; it is a cell array of shape {cells.shape}: if "
            "one vector a unit and trial, pass relative_to='trial' and the trials"
        )
    if cells.shape[1] != len(trials):
        raise ValueError(
            f"{name!r} must be (unit, trial) with {len(trials)} trials; got shape {cells.shape}"
        )
    starts = trials["start_time"].to_numpy()
    return [
        # trials may overlap, and then so do the spikes of a unit
        np.sort(
            np.concatenate(
                [
                    _numbers(cell, name) / scale + start
                    for cell, start in zip(row, starts, strict=True)
                ]
            ),
            kind="stable",
        )
        for row in cells
    ]


def _flat_spikes(
    arrays: Mapping[str, Any], fields: Fields, trials: pd.DataFrame | None
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    times = _numbers(arrays[fields.spike_times], fields.spike_times) / fields.per_second
    if fields.relative_to == "trial":
        times = times + _starts(arrays, fields, trials, len(times))
    if fields.spike_units is None:
        owners = np.zeros(len(times), dtype=np.int64)
    else:
        owners = _column(arrays[fields.spike_units], len(times), fields.spike_units)
    ids = _unit_ids(arrays, fields, owners)
    codes = pd.Index(ids).get_indexer(pd.Index(owners))
    if (codes < 0).any():
        strange = sorted({str(owner) for owner in np.asarray(owners)[codes < 0]})[:10]
        raise ValueError(f"`units` must name every unit that has spikes; {strange} are missing")
    # stable, so that times out of order stay visible
    order = (
        np.lexsort((times, codes))
        if fields.relative_to == "trial"
        else np.argsort(codes, kind="stable")
    )
    units = pd.DataFrame({"unit": ids})
    for column, name in fields.units.items():
        if column != "unit":
            units[column] = _of_units(arrays[name], codes, len(ids), name)
    offsets = np.searchsorted(codes[order], np.arange(len(ids) + 1))
    return times[order], offsets, units


def _unit_ids(arrays: Mapping[str, Any], fields: Fields, owners: np.ndarray) -> np.ndarray:
    if "unit" not in fields.units:
        return np.asarray(pd.Index(owners).unique().sort_values())
    name = fields.units["unit"]
    ids = _column(arrays[name], None, name)
    if len(ids) == len(owners) and not pd.Index(ids).is_unique:
        ids = np.asarray(pd.Index(ids).unique().sort_values())
    if not pd.Index(ids).is_unique:
        raise ValueError(f"{name!r} must name every unit once; ids repeat")
    return ids


def _of_units(value: Any, codes: np.ndarray, n_units: int, name: str) -> np.ndarray:
    values = _column(value, None, name)
    if len(values) == n_units:
        return values
    if len(values) != len(codes):
        raise ValueError(
            f"{name!r} must have one value a unit ({n_units}) or a spike ({len(codes)}); "
            f"got {len(values)}"
        )
    first = pd.Series(values).groupby(codes).first().reindex(range(n_units)).to_numpy()
    if not np.array_equal(first[codes], values):
        raise ValueError(f"{name!r} must have the same value for all spikes of a unit")
    return first


def _starts(
    arrays: Mapping[str, Any], fields: Fields, trials: pd.DataFrame | None, n_spikes: int
) -> np.ndarray:
    if fields.spike_trials is None or trials is None or "trial" not in trials:
        raise ValueError(
            "flat spike times relative to trials need `spike_trials` and a column `trial` of the "
            f"trials; got {fields.spike_trials!r} and "
            f"{'no trials' if trials is None else list(trials)}"
        )
    of_spikes = _column(arrays[fields.spike_trials], n_spikes, fields.spike_trials)
    if not trials["trial"].is_unique:
        raise ValueError("the trials' field `trial` must name every trial once; names repeat")
    rows = pd.Index(trials["trial"]).get_indexer(pd.Index(of_spikes))
    if (rows < 0).any():
        raise ValueError(
            f"{fields.spike_trials!r} must name trials of the table; {int((rows < 0).sum())} "
            "spikes are of no such trial"
        )
    return trials["start_time"].to_numpy()[rows]


def _only_table(events: Mapping[str, pd.DataFrame], fields: Fields) -> pd.DataFrame | None:
    if fields.relative_to == "session":
        return None
    if len(events) != 1:
        raise ValueError(
            "`trials` must have a start_time where times are relative to trials, or `events` be "
            f"one table; got {list(events) or 'none'}"
        )
    return next(iter(events.values()))


def _trial_table(arrays: Mapping[str, Any], fields: Fields) -> pd.DataFrame | None:
    if not fields.trials:
        return None
    name = fields.trials["start_time"]
    n_trials = len(_numbers(arrays[name], name))
    columns: dict[str, Any] = {}
    for column, name in fields.trials.items():
        if column in _TIMES:
            columns[column] = _numbers(arrays[name], name) / fields.per_second
        else:
            columns[column] = _column(arrays[name], n_trials, name)
    sizes = {column: len(values) for column, values in columns.items()}
    if len(set(sizes.values())) != 1:
        raise ValueError(f"`trials` must have one value a trial in every field; got {sizes}")
    return pd.DataFrame(columns)


def _column(value: Any, n_rows: int | None, name: str) -> np.ndarray:
    """Labels or numbers, one a row; whole numbers kept as floats become integers."""
    array = np.atleast_1d(np.asarray(value))
    if array.dtype == object:
        array = _plain_cells(array, name)
    if array.size != max(array.shape) or array.dtype.kind not in "biufU":
        raise ValueError(
            f"{name!r} must hold one number or text a row; got {array.dtype} of shape {array.shape}"
        )
    array = array.ravel()
    if n_rows is not None and len(array) != n_rows:
        raise ValueError(f"{name!r} must have {n_rows} rows; got {len(array)}")
    # MATLAB keeps every number as a float; a stimulus 3.0 is the stimulus 3
    if (
        array.dtype.kind == "f"
        and (np.abs(array) < 2**53).all()
        and (array == np.floor(array)).all()
    ):
        return array.astype(np.int64)
    return array.astype(object) if array.dtype.kind == "U" else array


def _plain_cells(cells: np.ndarray, name: str) -> np.ndarray:
    values = [_plain_cell(cell, name) for cell in cells.ravel()]
    kinds = {isinstance(value, str) for value in values}
    if len(kinds) > 1:
        raise ValueError(f"{name!r} must hold only numbers or only text; got both")
    return np.array(values) if values else np.empty(0)


def _plain_cell(cell: Any, name: str) -> Any:
    array = np.asarray(cell)
    if array.size == 0 and array.dtype.kind in "OUf":
        return "" if array.dtype.kind == "U" else np.nan
    if array.size != 1 or array.dtype.kind not in "biufU":
        raise ValueError(f"{name!r} must hold one number or text a row; got shape {array.shape}")
    return array.ravel()[0].item()
