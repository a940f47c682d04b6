"""Spike times of many units on one clock, with their unit table, trial tables and observed time."""

from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self, overload

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from neurospyke.labels import Rows, select
from neurospyke.recording import check
from neurospyke.recording.align import MAX_BYTES, align
from neurospyke.recording.partial import PartialResponses
from neurospyke.recording.report import ImportReport
from neurospyke.recording.window import Time, Window
from neurospyke.responses import Responses
from neurospyke.storage import pack_table, read_arrays, unpack_table, write_arrays


@dataclass(frozen=True, eq=False, repr=False)
class Recording:
    """Spike times of units on one session clock in seconds; nothing in it is ever repaired.

    Times lie flat, unit after unit: those of unit i are
    ``spike_times[offsets[i]:offsets[i + 1]]``.

    Args:
        spike_times: (spike,) float64 seconds, ascending inside each unit.
        offsets: (unit + 1,) where each unit's times begin and end.
        units: one row a unit; column `unit`, unique together with `session` and `probe`.
        trials: tables by name, one row a trial, with `start_time` and, if known, `stop_time` in
            seconds; further columns are labels such as `stimulus`.
        observed: (span, 2) starts and stops in seconds of the time when spikes would have been
            seen; a time outside is unknown, not silent.
        source: where the recording comes from.
        notes: what people wrote about it, one line each.
        report: what the import read, dropped, excluded, inferred or found suspicious.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if times are NaN, out of order or outside the observed spans (the error names
            the units), shapes disagree, there is no unit, or a trial has no start.

    >>> recording = Recording(
    ...     np.array([0.1, 0.6, 0.2]),
    ...     np.array([0, 2, 3]),
    ...     pd.DataFrame({"unit": [7, 9]}),
    ...     {"trials": pd.DataFrame({"start_time": [0.0, 0.5], "stimulus": ["face", "car"]})},
    ...     np.array([[0.0, 1.0]]),
    ... )
    >>> recording
    Recording(2 units, 3 spikes, 1 s observed, trials: trials (2 rows))
    >>> recording.align("trials", window=(0.0, 0.5)).values[:, :, 0]
    array([[1, 1],
           [1, 0]], dtype=uint16)
    """

    spike_times: np.ndarray
    offsets: np.ndarray
    units: pd.DataFrame
    trials: Mapping[str, pd.DataFrame]
    observed: np.ndarray
    _: KW_ONLY
    source: str = ""
    notes: tuple[str, ...] = ()
    report: ImportReport = field(default_factory=ImportReport)

    def __post_init__(self) -> None:
        if not isinstance(self.report, ImportReport):
            raise TypeError(f"`report` must be an ImportReport; got {type(self.report).__name__}")
        units = check.check_units(self.units)
        times = check.check_spike_array(self.spike_times)
        offsets = check.check_offsets(self.offsets, len(units), len(times))
        times = check.check_spike_times(times, offsets, units)
        observed = check.check_observed(self.observed)
        check.check_inside(times, offsets, units, observed)
        for name, value in {
            "spike_times": times,
            "offsets": offsets,
            "units": units,
            "trials": check.check_trials(self.trials),
            "observed": observed,
            "notes": tuple(self.notes),
        }.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_trains(
        cls,
        trains: Iterable[ArrayLike],
        *,
        observed: object,
        units: pd.DataFrame | None = None,
        trials: Mapping[str, pd.DataFrame] | None = None,
        source: str = "",
        notes: tuple[str, ...] = (),
        report: ImportReport | None = None,
    ) -> Self:
        """Recording from one array of spike times for each unit.

        Args:
            trains: for each unit its ascending spike times in seconds.
            observed: (span, 2), or one (start, stop), in seconds.
            units: one row a unit; numbered from 0 when not given.
            trials: trial tables by name.
            source: where the times come from.
            notes: what people wrote about them.
            report: what an import found.

        Returns:
            The recording.

        Raises:
            ValueError: as for the class.

        >>> Recording.from_trains([[0.1, 0.6], []], observed=(0, 1)).n_spikes
        2
        """
        arrays = [np.asarray(train, dtype=np.float64) for train in trains]
        offsets = np.cumsum([0] + [len(array) for array in arrays])
        times = np.concatenate(arrays) if arrays else np.empty(0)
        if units is None:
            units = pd.DataFrame({"unit": np.arange(len(arrays))})
        spans = check.check_observed(observed)
        return cls(
            *(times, offsets, units, trials or {}, spans),
            source=source,
            notes=notes,
            report=report or ImportReport(),
        )

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.units)

    @property
    def n_spikes(self) -> int:
        """Number of spikes of all units."""
        return len(self.spike_times)

    @property
    def duration(self) -> float:
        """Observed time in seconds, without the gaps between spans."""
        return float(np.diff(self.observed, axis=1).sum())

    def __repr__(self) -> str:
        areas = (
            f" (area {'/'.join(map(str, dict.fromkeys(self.units['area'])))})"
            if "area" in self.units
            else ""
        )
        tables = ", ".join(f"{name} ({len(table)} rows)" for name, table in self.trials.items())
        return (
            f"Recording({self.n_units} units{areas}, {self.n_spikes} spikes, "
            f"{self.duration:g} s observed, trials: {tables or 'none'}"
            f"{f', from {self.source}' if self.source else ''})"
        )

    def unit_spikes(self, unit: int) -> np.ndarray:
        """Spike times of one unit.

        Args:
            unit: row of the unit table, from 0.

        Returns:
            (spike,) float64 seconds, a read-only view.

        Raises:
            IndexError: if there is no such row.
        """
        if not 0 <= unit < self.n_units:
            raise IndexError(f"`unit` must be from 0 to {self.n_units - 1}; got {unit}")
        return self.spike_times[self.offsets[unit] : self.offsets[unit + 1]]

    def where(self, *, units: Rows = None, trials: Rows | Mapping[str, Rows] = None) -> Self:
        """The part with these units and trials.

        Args:
            units: query on the unit table ("area == 'IT'"), mask, or positions in the order
                wanted.
            trials: the same for trials ("stimulus == 'face'"), of the only trial table, or by the
                names of tables; others stay whole.

        Returns:
            A recording of the same observed time.

        Raises:
            ValueError: if a query is malformed, no unit or trial is left, or there is no such
                trial table.

        >>> trials = pd.DataFrame({"start_time": [0.0, 0.5], "stimulus": ["face", "car"]})
        >>> made = Recording.from_trains([[0.25]], observed=(0, 1), trials={"trials": trials})
        >>> len(made.where(trials="stimulus == 'car'").trials["trials"])
        1
        """
        tables = dict(self.trials)
        for name, wanted in self._by_table(trials).items():
            tables[name] = tables[name].iloc[select(tables[name], wanted, f"trials[{name!r}]")]
        if units is None:
            return replace(self, trials=tables)
        rows = select(self.units, units, "units")
        trains = [self.unit_spikes(row) for row in rows]
        return replace(
            self,
            spike_times=np.concatenate(trains),
            offsets=np.cumsum([0] + [len(train) for train in trains]),
            units=self.units.iloc[rows],
            trials=tables,
        )

    def _by_table(self, trials: Rows | Mapping[str, Rows]) -> dict[str, Rows]:
        if trials is None:
            return {}
        if not isinstance(trials, Mapping):
            if len(self.trials) != 1:
                raise ValueError(
                    f"`trials` must say of which table, such as {{'trials': ...}}; there are "
                    f"{list(self.trials)}"
                )
            return dict.fromkeys(self.trials, trials)
        absent = sorted(set(trials) - set(self.trials))
        if absent:
            raise ValueError(
                f"`trials` must name trial tables of {list(self.trials)}; got {absent}"
            )
        return dict(trials)

    @overload
    def align(
        self,
        trials: str | pd.DataFrame,
        window: Window,
        bin_width: Time | None = None,
        *,
        stimulus: str = "stimulus",
        measure: str = "count",
        on_out_of_range: Literal["exclude", "error"] = "exclude",
        max_bytes: int = MAX_BYTES,
    ) -> Responses: ...
    @overload
    def align(
        self,
        trials: str | pd.DataFrame,
        window: Window,
        bin_width: Time | None = None,
        *,
        stimulus: str = "stimulus",
        measure: str = "count",
        on_out_of_range: Literal["nan"],
        max_bytes: int = MAX_BYTES,
    ) -> PartialResponses: ...
    def align(
        self,
        trials: str | pd.DataFrame,
        window: Window,
        bin_width: Time | None = None,
        *,
        stimulus: str = "stimulus",
        measure: str = "count",
        on_out_of_range: Literal["exclude", "nan", "error"] = "exclude",
        max_bytes: int = MAX_BYTES,
    ) -> Responses | PartialResponses:
        """Responses around the start of each trial; see `neurospyke.recording.align.align`.

        Args:
            trials: name of one of the trial tables, or a table with `start_time`.
            window: (start, stop) in seconds from each trial's start, or columns of times.
            bin_width: seconds; one bin over the window when not given.
            stimulus: the column that says what was shown.
            measure: "count", "rate" (spikes/s) or "latency" (s).
            on_out_of_range: what becomes of trials not wholly observed: "exclude", "nan", "error".
            max_bytes: values of more bytes lie in a temporary file mapped into memory.

        Returns:
            Responses (trial, unit, time), or PartialResponses for "nan".

        Raises:
            ValueError: if there is no such table or column, or no trial is left.
        """
        return align(
            *(self, trials, window, bin_width),
            stimulus=stimulus,
            measure=measure,
            on_out_of_range=on_out_of_range,
            max_bytes=max_bytes,
        )

    def save(self, path: str | Path) -> None:
        """Write everything to one file (`.npz`, no pickle), whole or not at all.

        Args:
            path: the file.

        Raises:
            TypeError: if a table holds anything but numbers, booleans and strings.
        """
        meta = {
            "source": self.source,
            "notes": list(self.notes),
            "report": self.report.to_rows(),
            "tables": [[name, len(table)] for name, table in self.trials.items()],
        }
        arrays = {
            "spike_times": self.spike_times,
            "offsets": self.offsets,
            "observed": self.observed,
        } | pack_table("units", self.units)
        for position, table in enumerate(self.trials.values()):
            arrays |= pack_table(f"trials{position}", table)
        write_arrays(path, "Recording", arrays, meta)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Args:
            path: the file.

        Returns:
            The same recording.

        Raises:
            ValueError: if the file is damaged or holds something else.
        """
        required = ("spike_times", "offsets", "observed", "tables", "source", "notes")
        arrays, meta = read_arrays(path, "Recording", required=required)
        tables: list[Any] = meta["tables"]
        return cls(
            arrays["spike_times"],
            arrays["offsets"],
            unpack_table("units", arrays, len(arrays["offsets"]) - 1),
            {
                name: unpack_table(f"trials{position}", arrays, n_rows)
                for position, (name, n_rows) in enumerate(tables)
            },
            arrays["observed"],
            source=meta["source"],
            notes=tuple(meta["notes"]),
            report=ImportReport.from_rows(meta.get("report", [])),
        )
