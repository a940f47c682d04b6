r"""From a recording to responses: spikes around the start of each trial.

Bins are half-open. With trial start s, window start a and bin width w, bin k holds the spikes t
with

.. math:: s + a + k w \le t < s + a + (k + 1) w

A time that ends a hair below an edge only because decimals have no exact binary form must not
change its bin. Edges are therefore lowered by a guard of 1e-8 of a bin, or by four steps of
float64 at the recording's latest time where that is more.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from neurospyke.labels import stimulus_labels
from neurospyke.recording.check import check_trial_table
from neurospyke.responses import Responses

if TYPE_CHECKING:
    from neurospyke.recording.recording import Recording

# Numbers of seconds or quantities of time; the latter have no common type without quantities.
Time = Any
Window = Any
_GUARD = 1e-8
_MEASURES = ("count", "rate", "latency")
_MAX_NAMED = 10


def align(
    recording: Recording,
    trials: str | pd.DataFrame,
    window: Window,
    bin_width: Time | None = None,
    *,
    stimulus: str = "stimulus",
    measure: str = "count",
) -> Responses:
    r"""Responses around the start of each trial, in half-open bins.

    .. math:: n_{tuk} = |\{x \in X_u : s_t + a + k w \le x < s_t + a + (k + 1) w\}|

    Windows may overlap; a spike then counts in each. A trial whose window is not wholly inside one
    observed span is left out with a warning, because what was not observed is not silence.

    Args:
        recording: spike times X_u of each unit u.
        trials: name of one of the recording's trial tables, or a table with `start_time` s_t in
            seconds.
        window: (start, stop) from each trial's start: numbers of seconds, or quantities of time.
        bin_width: w, seconds or a quantity of time; must divide the window; one bin over the
            window when not given.
        stimulus: the column that says what was shown.
        measure: "count"; "rate", counts divided by w, in spikes/s; or "latency", the time of the
            first spike in the window from the trial's start, in seconds, the window's stop where
            there is none.

    Returns:
        Responses (trial, unit, time). Counts are uint16 (uint32 where that is too small), the
        rest float64. `repetition` numbers the trials of each stimulus from 0 unless the table has
        that column.

    Raises:
        TypeError: if `trials` is neither a name nor a table.
        ValueError: if there is no such table, column or measure, the window is reversed, bins do
            not divide it, or no trial is left.

    >>> from neurospyke.recording import Recording
    >>> trials = pd.DataFrame({"start_time": [0.0, 1.0], "stimulus": ["face", "car"]})
    >>> recording = Recording.from_trains([[0.1, 0.2, 1.15]], observed=(0, 2))
    >>> align(recording, trials, window=(0.1, 0.3), bin_width=0.1).values[:, 0]
    array([[1, 1],
           [1, 0]], dtype=uint16)
    """
    _check_measure(measure, bin_width)
    edges = _edges(window, bin_width)
    name, table = _table(recording, trials)
    guard = max(_GUARD * (edges[1] - edges[0]), 4 * np.spacing(np.abs(recording.observed).max()))
    table, left_out = _observed_trials(table, name, edges, recording.observed, guard)
    labels, relabelled = _labelled(table, name, stimulus)
    starts = table["start_time"].to_numpy()
    if measure == "latency":
        values = _latencies(recording, starts, edges, guard)
    else:
        values = _counts(recording, starts, edges, guard)
    if measure == "rate":
        values = values / (edges[1] - edges[0])
    return Responses(
        values,
        labels,
        recording.units,
        edges,
        measure=measure,
        source=recording.source,
        notes=(*recording.notes, *recording.report.lines, *left_out, *relabelled),
    )


def _check_measure(measure: str, bin_width: Time | None) -> None:
    if measure not in _MEASURES:
        raise ValueError(f"`measure` must be one of {list(_MEASURES)}; got {measure!r}")
    if measure == "latency" and bin_width is not None:
        raise ValueError(
            "`bin_width` must be None for latencies, which have one bin over the window; "
            f"got {bin_width}"
        )


def _seconds(value: Any, name: str) -> float:
    if hasattr(value, "rescale"):
        try:
            value = value.rescale("s").magnitude
        except ValueError as error:
            raise ValueError(f"`{name}` must be a time; got {value!r}: {error}") from error
    if isinstance(value, bool | np.bool_ | str) or np.ndim(value) != 0:
        raise TypeError(f"`{name}` must be a number of seconds; got {value!r}")
    seconds = float(value)
    if not np.isfinite(seconds):
        raise ValueError(f"`{name}` must be finite; got {seconds}")
    return seconds


def _edges(window: Window, bin_width: Time | None) -> np.ndarray:
    if np.ndim(window) == 0 or isinstance(window, str) or len(window) != 2:
        raise ValueError(f"`window` must be (start, stop) in seconds; got {window!r}")
    start, stop = (_seconds(value, "window") for value in window)
    if start >= stop:
        raise ValueError(
            "`window` must be (start, stop) in seconds with start < stop; "
            f"got ({start:g}, {stop:g}); swap them"
        )
    if bin_width is None:
        return np.array([start, stop])
    width = _seconds(bin_width, "bin_width")
    n_exact = (stop - start) / width if width > 0 else 0.0
    n_bins = round(n_exact)
    if n_bins < 1 or abs(n_exact - n_bins) > _GUARD * n_bins:
        raise ValueError(
            "`bin_width` must divide the window into whole bins; "
            f"got {width:g} s for a window of {stop - start:g} s"
        )
    return np.linspace(start, stop, n_bins + 1)


def _table(recording: Recording, trials: str | pd.DataFrame) -> tuple[str, pd.DataFrame]:
    if isinstance(trials, pd.DataFrame):
        return "trials", check_trial_table(trials, "trials")
    if not isinstance(trials, str):
        raise TypeError(
            f"`trials` must be the name of a trial table or a DataFrame; "
            f"got {type(trials).__name__}"
        )
    if trials not in recording.trials:
        names = ", ".join(f"{name} ({len(table)} rows)" for name, table in recording.trials.items())
        raise ValueError(
            f"`trials` must name one of the recording's trial tables: {names or 'there are none'}; "
            f"got {trials!r}"
        )
    return trials, recording.trials[trials]


def _observed_trials(
    table: pd.DataFrame, name: str, edges: np.ndarray, observed: np.ndarray, guard: float
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    first = table["start_time"].to_numpy() + edges[0]
    last = table["start_time"].to_numpy() + edges[-1]
    # A span that starts where another stops leaves no gap.
    apart = np.concatenate([[True], observed[1:, 0] > observed[:-1, 1]])
    begins, ends = observed[apart, 0], observed[np.append(apart[1:], True), 1]
    span = np.searchsorted(begins, first + guard, side="right") - 1
    kept = (span >= 0) & (last <= ends[span] + guard)
    if not kept.any():
        raise ValueError(
            f"`trials` must leave a trial to align; of {len(table)} in {name!r} none has its "
            f"window [{edges[0]:g}, {edges[-1]:g}) s wholly observed ({observed[0, 0]:g} to "
            f"{observed[-1, 1]:g} s, {len(observed)} spans): check the clocks, and that `window` "
            "is in seconds"
        )
    if kept.all():
        return table, ()
    lost = np.flatnonzero(~kept).tolist()
    shown = f"{lost[:_MAX_NAMED]}{' and more' if len(lost) > _MAX_NAMED else ''}"
    text = (
        f"{len(lost)} of {len(table)} trials of {name!r} left out, their window "
        f"[{edges[0]:g}, {edges[-1]:g}) s not wholly observed: rows "
    )
    warnings.warn(f"{text}{shown}", UserWarning, stacklevel=4)
    return table[kept].reset_index(drop=True), (f"{text}{lost}",)


def _labelled(
    table: pd.DataFrame, name: str, stimulus: str
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    if stimulus not in table:
        raise ValueError(
            f"`stimulus` must be a column of {name!r}, {list(table.columns)}; got {stimulus!r}"
        )
    labels = stimulus_labels(table[stimulus], f"{name}[{stimulus!r}]")
    notes: tuple[str, ...] = ()
    if stimulus != "stimulus" and "stimulus" in table:
        table = table.rename(columns={"stimulus": "stimulus_in_table"})
        notes = (f"stimulus is {stimulus!r}; the table's own is now `stimulus_in_table`",)
    trials = table.assign(stimulus=labels)
    if "repetition" not in trials:
        trials["repetition"] = trials.groupby("stimulus").cumcount()
    return trials, notes


def _counts(
    recording: Recording, starts: np.ndarray, edges: np.ndarray, guard: float
) -> np.ndarray:
    values = np.empty((len(starts), recording.n_units, len(edges) - 1), dtype=np.uint16)
    limits = starts[:, None] + edges - guard
    for unit in range(recording.n_units):
        counts = np.diff(np.searchsorted(recording.unit_spikes(unit), limits), axis=1)
        if counts.max() > np.iinfo(values.dtype).max:
            values = values.astype(np.uint32)
        values[:, unit] = counts
    return values


def _latencies(
    recording: Recording, starts: np.ndarray, edges: np.ndarray, guard: float
) -> np.ndarray:
    values = np.empty((len(starts), recording.n_units, 1))
    for unit in range(recording.n_units):
        times = np.append(recording.unit_spikes(unit), np.inf)
        first = times[np.searchsorted(times, starts + edges[0] - guard)]
        silent = first >= starts + edges[-1] - guard
        values[:, unit, 0] = np.where(silent, edges[-1], np.maximum(first - starts, edges[0]))
    return values
