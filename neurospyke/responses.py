"""Responses: what every unit did on every trial in every time bin, whoever the units belong to."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import pandas as pd

from neurospyke.labels import Rows, check_table, select, stimulus_labels
from neurospyke.storage import pack_table, read_arrays, unpack_table, write_arrays

MEASURES: Mapping[str, str] = MappingProxyType(
    {
        "count": "spikes in the bin",
        "rate": "spikes/s",
        "spike": "1 in the bin of the spike, else 0",
        "latency": "time of the first spike; silence is the end of the last bin",
        "other": "values as given",
    }
)
# What a unit's area is called where no file says it.
UNKNOWN = "unknown"
_SAVED = ("values", "edges", "measure", "time_unit", "source", "notes")
_UNIT_KEY = ("session", "probe", "area", "layer", "unit")


@dataclass(frozen=True, eq=False)
class Responses:
    """Responses of units to stimuli: values (trial, unit, time) with a label table for each axis.

    Model layers and brain areas come in this one type, so that a comparison cannot tell them
    apart. Instances are not meant to change: values are read-only, tables are copies of what came
    in, and every method returns a new instance.

    Args:
        values: (trial, unit, time) finite numbers.
        trials: one row a trial; column `stimulus` (strings), usually `repetition`.
        units: one row a unit; column `unit`, unique together with those of `session`, `probe`,
            `area` and `layer` that are there.
        edges: (time + 1,) ascending bin edges.
        measure: what a value is, one of `MEASURES`.
        time_unit: "s", or "step" for model steps of length one.
        source: where the responses come from.
        notes: what was left out or inferred on the way here.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if shapes disagree, a value is NaN or infinite, or a label is missing.

    >>> responses = Responses.from_counts(np.array([[2, 0], [1, 3]]), stimuli=["face", "car"])
    >>> responses.shape, responses.stimuli
    ((2, 2, 1), ('face', 'car'))
    """

    values: np.ndarray
    trials: pd.DataFrame
    units: pd.DataFrame
    edges: np.ndarray
    measure: str = "count"
    time_unit: str = "s"
    source: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        values = _check_values(self.values)
        trials = check_table(self.trials, values.shape[0], "trials", ("stimulus",))
        trials["stimulus"] = stimulus_labels(trials["stimulus"], "trials['stimulus']")
        units = check_table(self.units, values.shape[1], "units", ("unit",))
        _check_units(units)
        edges = _check_edges(self.edges, values.shape[2])
        _check_choice("measure", self.measure, tuple(MEASURES))
        _check_choice("time_unit", self.time_unit, ("s", "step"))
        for name, value in {
            "values": values,
            "trials": trials,
            "units": units,
            "edges": edges,
            "notes": tuple(self.notes),
        }.items():
            object.__setattr__(self, name, value)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of trials, units and time bins."""
        n_trials, n_units, n_times = self.values.shape
        return n_trials, n_units, n_times

    @property
    def n_trials(self) -> int:
        """Number of trials."""
        return self.shape[0]

    @property
    def n_units(self) -> int:
        """Number of units."""
        return self.shape[1]

    @property
    def n_times(self) -> int:
        """Number of time bins."""
        return self.shape[2]

    @property
    def stimuli(self) -> tuple[str, ...]:
        """Stimulus labels, each once, in order of first appearance."""
        return tuple(dict.fromkeys(self.trials["stimulus"].tolist()))

    def __repr__(self) -> str:
        where = ", ".join(
            f"{column} {'/'.join(map(str, dict.fromkeys(self.units[column])))}"
            for column in ("area", "layer")
            if column in self.units
        )
        return (
            f"Responses({self.n_trials} trials of {len(self.stimuli)} stimuli, "
            f"{self.n_units} units{f' ({where})' if where else ''}, {self.n_times} bins over "
            f"[{self.edges[0]:g}, {self.edges[-1]:g}) {self.time_unit}, {self.measure}"
            f"{f', from {self.source}' if self.source else ''})"
        )

    @classmethod
    def from_counts(
        cls,
        counts: np.ndarray,
        *,
        stimuli: Sequence[str] | Sequence[int],
        units: pd.DataFrame | None = None,
        window: tuple[float, float] = (0.0, 1.0),
        missing: int | None = None,
        source: str = "",
        notes: Iterable[str] = (),
    ) -> Self:
        """Responses from a table of spike counts in one window.

        Args:
            counts: (trial, unit) counts, or (unit, stimulus, repetition) as many laboratories
                keep them; the shape tells which.
            stimuli: labels of the trials, or of the stimuli of a three-axis table.
            units: one row a unit; numbered from 0 when not given.
            window: (start, stop) of the counting window in seconds.
            missing: the value that marks a cell never recorded in a three-axis table; such a
                repetition must be missing for all units alike and becomes no trial.
            source: where the counts come from.
            notes: what is known about them.

        Returns:
            Responses with one time bin and the column `repetition` for a three-axis table.

        Raises:
            ValueError: if shapes and labels disagree, or a repetition is missing for some units.

        >>> counts = np.array([[[4, 5], [0, 255]]])  # one unit, two stimuli, two repetitions
        >>> Responses.from_counts(counts, stimuli=["face", "car"], missing=255).values[:, 0, 0]
        array([4, 5, 0])
        """
        counts = np.asarray(counts)
        labels = stimulus_labels(stimuli, "stimuli")
        if counts.ndim == 3:
            table, trials = _from_repetitions(counts, labels, missing)
        elif counts.ndim == 2 and missing is None:
            _check_n_labels(labels, len(counts), "trials")
            table, trials = counts, pd.DataFrame({"stimulus": labels})
        else:
            raise ValueError(
                "`counts` must be (trial, unit), or (unit, stimulus, repetition) where `missing` "
                f"may mark cells never recorded; got shape {counts.shape} and missing={missing}"
            )
        units = pd.DataFrame({"unit": np.arange(table.shape[1])}) if units is None else units
        edges = np.asarray(window, dtype=float)
        return cls(table[:, :, None], trials, units, edges, source=source, notes=tuple(notes))

    def average(self, by: str = "stimulus") -> Self:
        """Mean over the trials that share a label: one trial a label, in order of first appearance.

        Args:
            by: column of `trials` to group by.

        Returns:
            Responses in float (float32 stays float32), with the number of trials in `n_trials`
            and those columns that are constant within every label.

        Raises:
            ValueError: if there is no such column.

        >>> counts = np.array([[2], [4], [1]])
        >>> Responses.from_counts(counts, stimuli=["a", "a", "b"]).average().values[:, 0, 0]
        array([3., 1.])
        """
        if by not in self.trials:
            raise ValueError(f"`by` must be one of {list(self.trials.columns)}; got {by!r}")
        codes, labels = pd.factorize(self.trials[by])
        if (codes < 0).any():
            raise ValueError(f"`by` must label every trial; {by!r} has missing values")
        dtype = np.float32 if self.values.dtype == np.float32 else np.float64
        values = np.empty((len(labels), *self.shape[1:]), dtype)
        for position in range(len(labels)):
            values[position] = self.values[codes == position].mean(axis=0, dtype=np.float64)
        trials = _constant_columns(self.trials, codes, by)
        if "stimulus" not in trials:
            trials["stimulus"] = stimulus_labels(labels, f"trials[{by!r}]")
        trials["n_trials"] = np.bincount(codes)
        return replace(self, values=values, trials=trials)

    def where(
        self,
        *,
        trials: Rows = None,
        units: Rows = None,
        time: tuple[float, float] | None = None,
    ) -> Self:
        """The part with these trials, units and whole time bins.

        Args:
            trials: query on the trial table ("repetition < 5"), mask, or positions in the order
                wanted.
            units: the same for units ("area == 'V4'").
            time: (start, stop); the bins that lie inside are kept.

        Returns:
            Responses; a bin cut by `time` is left out.

        Raises:
            ValueError: if a query is malformed or nothing is left.

        >>> responses = Responses.from_counts(np.array([[2, 0], [1, 3]]), stimuli=["a", "b"])
        >>> responses.where(trials="stimulus == 'b'", units=[1]).values
        array([[[3]]])
        """
        rows = select(self.trials, trials, "trials")
        columns = select(self.units, units, "units")
        first, last = self._bins(time)
        values = self.values[:, :, first:last]
        values = values if trials is None else values[rows]
        values = values if units is None else values[:, columns]
        return replace(
            self,
            values=values,
            trials=self.trials.iloc[rows],
            units=self.units.iloc[columns],
            edges=self.edges[first : last + 1],
        )

    def grouped(self, by: str = "area") -> dict[str, Self]:
        """The parts with the units of each area, layer, session or other label.

        Units called "unknown" are a group too, with a warning: they need not belong together.

        Args:
            by: column of `units` with a label in every row.

        Returns:
            Responses by label, in order of first appearance.

        Raises:
            ValueError: if there is no such column, or a unit has no label.

        >>> units = pd.DataFrame({"unit": [0, 1, 2], "area": ["V4", "IT", "V4"]})
        >>> counts = np.array([[2, 0, 1], [1, 3, 0]])
        >>> parts = Responses.from_counts(counts, stimuli=["a", "b"], units=units).grouped()
        >>> {area: part.n_units for area, part in parts.items()}
        {'V4': 2, 'IT': 1}
        """
        if by not in self.units:
            raise ValueError(f"`by` must be a column of units, {list(self.units)}; got {by!r}")
        labels = self.units[by]
        if labels.isna().any():
            raise ValueError(f"`by` must label every unit; {labels.isna().sum()} have no {by}")
        n_unknown = int((labels == UNKNOWN).sum())
        if n_unknown:
            warnings.warn(
                f"{n_unknown} of {self.n_units} units have the {by} {UNKNOWN!r} and make a group "
                "that need not belong together",
                UserWarning,
                stacklevel=2,
            )
        return {
            str(label): self.where(units=(labels == label).to_numpy()) for label in labels.unique()
        }

    def _bins(self, time: tuple[float, float] | None) -> tuple[int, int]:
        if time is None:
            return 0, self.n_times
        start, stop = time
        # A bin edge computed twice may differ in its last digits; that must not cost a bin.
        slack = 1e-8 * float(np.diff(self.edges).min())
        inside = (self.edges[:-1] >= start - slack) & (self.edges[1:] <= stop + slack)
        if not inside.any():
            raise ValueError(
                f"`time` must hold at least one bin of [{self.edges[0]:g}, {self.edges[-1]:g}); "
                f"got {time}"
            )
        kept = np.flatnonzero(inside)
        return int(kept[0]), int(kept[-1]) + 1

    def sum_over_time(self) -> Self:
        """One bin over the whole window: the sum of counts or spikes, the mean of rates.

        Returns:
            Responses with one time bin.

        Raises:
            ValueError: for latencies, which have no sum.
        """
        if self.measure == "latency":
            raise ValueError("`sum_over_time` needs counts, spikes or rates; these are latencies")
        if self.measure == "rate":
            values = np.average(self.values, axis=2, weights=np.diff(self.edges))[:, :, None]
        else:
            wide = {"b": np.uint32, "u": np.uint32, "i": np.int64}.get(self.values.dtype.kind)
            values = self.values.sum(axis=2, keepdims=True, dtype=wide)
        measure = "count" if self.measure == "spike" else self.measure
        return replace(self, values=values, edges=self.edges[[0, -1]], measure=measure)

    def save(self, path: str | Path) -> None:
        """Write everything to one file (`.npz`, no pickle), whole or not at all.

        Args:
            path: the file.
        """
        meta: dict[str, Any] = {
            "measure": self.measure,
            "time_unit": self.time_unit,
            "source": self.source,
            "notes": list(self.notes),
        }
        arrays = {"values": self.values, "edges": self.edges}
        tables = pack_table("trials", self.trials) | pack_table("units", self.units)
        write_arrays(path, "Responses", arrays | tables, meta)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Args:
            path: the file.

        Returns:
            The same responses.

        Raises:
            ValueError: if the file is damaged or holds something else.
        """
        arrays, meta = read_arrays(path, "Responses", required=_SAVED)
        n_trials, n_units, _ = arrays["values"].shape
        return cls(
            arrays["values"],
            unpack_table("trials", arrays, n_trials),
            unpack_table("units", arrays, n_units),
            arrays["edges"],
            measure=meta["measure"],
            time_unit=meta["time_unit"],
            source=meta["source"],
            notes=tuple(meta["notes"]),
        )


def _check_values(values: np.ndarray) -> np.ndarray:
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf":
        found = getattr(values, "dtype", type(values).__name__)
        raise TypeError(f"`values` must be a numpy array of real numbers; got {found}")
    if values.ndim != 3 or 0 in values.shape:
        raise ValueError(
            f"`values` must be (trial, unit, time), none of them empty; got shape {values.shape}"
        )
    for trial, block in enumerate(values if values.dtype.kind == "f" else ()):
        if not np.isfinite(block).all():
            raise ValueError(
                f"`values` must be finite; trial {trial} has {(~np.isfinite(block)).sum()} NaN or "
                "infinite cells: leave out trials or units that were not recorded"
            )
    values = values.view()
    values.flags.writeable = False
    return values


def _check_units(units: pd.DataFrame) -> None:
    if units["unit"].is_unique:
        return
    key = [column for column in _UNIT_KEY if column in units.columns]
    twice = units.loc[units.duplicated(key, keep="first"), key]
    if len(twice):
        raise ValueError(
            f"`units` must be unique in {key}; {len(twice)} are repeated, first "
            f"{twice.iloc[0].to_dict()}: add `session` or `probe`, or leave them out"
        )


def _check_edges(edges: np.ndarray, n_times: int) -> np.ndarray:
    edges = np.array(edges, dtype=np.float64)
    if edges.shape != (n_times + 1,):
        raise ValueError(f"`edges` must be ({n_times + 1},), one more than bins; got {edges.shape}")
    if not np.isfinite(edges).all() or not (np.diff(edges) > 0).all():
        raise ValueError(f"`edges` must be finite and ascending; got {edges}")
    edges.flags.writeable = False
    return edges


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"`{name}` must be one of {list(allowed)}; got {value!r}")


def _check_n_labels(labels: np.ndarray, n_labels: int, what: str) -> None:
    if len(labels) != n_labels:
        raise ValueError(f"`stimuli` must label {n_labels} {what}; got {len(labels)} labels")


def _from_repetitions(
    counts: np.ndarray, labels: np.ndarray, missing: int | None
) -> tuple[np.ndarray, pd.DataFrame]:
    _check_n_labels(labels, counts.shape[1], "stimuli")
    absent = counts == missing if missing is not None else np.zeros(counts.shape, dtype=bool)
    partial = absent.any(axis=0) & ~absent.all(axis=0)
    if partial.any():
        stimulus, repetition = np.argwhere(partial)[0]
        raise ValueError(
            "`counts` must miss a repetition for all units alike; "
            f"{partial.sum()} are missing for some only, first repetition {repetition} of "
            f"{labels[stimulus]!r}"
        )
    stimulus, repetition = np.nonzero(~absent.all(axis=0))
    trials = pd.DataFrame({"stimulus": labels[stimulus], "repetition": repetition})
    return np.ascontiguousarray(counts[:, stimulus, repetition].T), trials


def _constant_columns(trials: pd.DataFrame, codes: np.ndarray, by: str) -> pd.DataFrame:
    groups = trials.groupby(codes, sort=True)
    constant = [by] + [
        column
        for column in trials.columns
        if column != by and (groups[column].nunique(dropna=False) == 1).all()
    ]
    return groups[constant].first().reset_index(drop=True)
