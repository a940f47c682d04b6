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
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from neurospyke.labels import stimulus_labels
from neurospyke.ragged import plain_columns
from neurospyke.recording.check import check_trial_table
from neurospyke.recording.counting import count_spikes, first_latencies, wholly_observed
from neurospyke.recording.partial import PartialResponses
from neurospyke.recording.window import GUARD, Time, Window, Windows, windows_of
from neurospyke.responses import Responses

if TYPE_CHECKING:
    from neurospyke.recording.recording import Recording

MAX_BYTES = 2**30
_MEASURES = ("count", "rate", "latency")
_OUT_OF_RANGE = ("exclude", "nan", "error")
_MAX_NAMED = 10


def align(
    recording: Recording,
    trials: str | pd.DataFrame,
    window: Window,
    bin_width: Time | None = None,
    *,
    stimulus: str = "stimulus",
    measure: str = "count",
    on_out_of_range: str = "exclude",
    max_bytes: int = MAX_BYTES,
) -> Responses | PartialResponses:
    r"""Responses around the start of each trial, in half-open bins.

    .. math:: n_{tuk} = |\{x \in X_u : s_t + a + k w \le x < s_t + a + (k + 1) w\}|

    Windows may overlap; a spike then counts in each, and `notes` tells how many trials share time
    with another. What was not observed is not silence: a trial whose window is not wholly inside
    one observed span is out of range.

    Windows may differ between trials, where a column gives their start or stop. Without bins each
    is one bin of its own length (`window_start` and `window_stop` in the trial table); with bins,
    which all trials share, those outside a trial's own window are out of range.

    Args:
        recording: spike times X_u of each unit u.
        trials: name of one of the recording's trial tables, or a table with `start_time` s_t in
            seconds.
        window: (start, stop) from each trial's start: numbers of seconds, quantities of time, or
            names of columns of times, as in (0.0, "stop_time").
        bin_width: w, seconds or a quantity of time; must divide a window that is the same for all
            trials; one bin over the window when not given.
        stimulus: the column that says what was shown.
        measure: "count"; "rate", counts divided by w, in spikes/s; or "latency", the time of the
            first spike in the window from the trial's start, in seconds, the window's stop where
            there is none.
        on_out_of_range: "exclude" leaves trials out, with a warning and their rows in `notes`;
            "nan" keeps them with NaN in every bin not wholly observed; "error" refuses.
        max_bytes: values of more bytes lie in a temporary file mapped into memory.

    Returns:
        Responses (trial, unit, time), or PartialResponses for "nan". Counts without NaN are uint16
        (uint32 where that is too small), the rest float64. `repetition` numbers the trials of each
        stimulus from 0 unless the table has that column. Columns of arrays stay behind: they are no
        labels.

    Raises:
        TypeError: if `trials` is neither a name nor a table, or a part of the window no time.
        ValueError: if there is no such table, column or measure, the window is reversed, bins do
            not divide it, or no trial is left.

    >>> from neurospyke.recording import Recording
    >>> trials = pd.DataFrame({"start_time": [0.0, 1.0], "stimulus": ["face", "car"]})
    >>> recording = Recording.from_trains([[0.1, 0.2, 1.15]], observed=(0, 2))
    >>> align(recording, trials, window=(0.1, 0.3), bin_width=0.1).values[:, 0]
    array([[1, 1],
           [1, 0]], dtype=uint16)
    """
    _check_choices(measure, bin_width, on_out_of_range)
    name, table = _table(recording, trials)
    windows = windows_of(table, name, window, bin_width)
    guard = _guard(windows, recording)
    notes: tuple[str, ...] = ()
    if on_out_of_range != "nan":
        kept = wholly_observed(windows, recording.observed, guard)
        notes = _left_out(kept, name, windows, recording, on_out_of_range)
        table, windows = table.loc[kept], windows.only(kept)
    labels, relabelled = _labelled(table, name, stimulus)
    notes = (*notes, *relabelled, *_overlap(windows, name, guard))
    settings = {"partial": on_out_of_range == "nan", "max_bytes": max_bytes}
    if measure == "latency":
        values = first_latencies(recording, windows, guard, **settings)
    else:
        values = count_spikes(recording, windows, guard, rate=measure == "rate", **settings)
    made = PartialResponses if on_out_of_range == "nan" else Responses
    return made(
        *(values, _with_windows(labels, windows), plain_columns(recording.units), windows.edges),
        measure=measure,
        source=recording.source,
        notes=(*recording.notes, *recording.report.lines, *notes),
    )


def _check_choices(measure: str, bin_width: Time | None, on_out_of_range: str) -> None:
    if measure not in _MEASURES:
        raise ValueError(f"`measure` must be one of {list(_MEASURES)}; got {measure!r}")
    if measure == "latency" and bin_width is not None:
        raise ValueError(
            "`bin_width` must be None for latencies, which have one bin over the window; "
            f"got {bin_width}"
        )
    if on_out_of_range not in _OUT_OF_RANGE:
        raise ValueError(
            f"`on_out_of_range` must be one of {list(_OUT_OF_RANGE)}; got {on_out_of_range!r}"
        )


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


def _guard(windows: Windows, recording: Recording) -> float:
    width = np.nanmin(windows.widths)
    return float(max(GUARD * width, 4 * np.spacing(np.abs(recording.observed).max())))


def _left_out(
    kept: np.ndarray, name: str, windows: Windows, recording: Recording, on_out_of_range: str
) -> tuple[str, ...]:
    if kept.all() and len(kept):
        return ()
    lost = np.flatnonzero(~kept).tolist()
    shown = f"{lost[:_MAX_NAMED]}{' and more' if len(lost) > _MAX_NAMED else ''}"
    span = f"[{windows.edges[0]:g}, {windows.edges[-1]:g}) s"
    if not windows.equal:
        span += f" or their own, in bins of {windows.widths:g} s" if windows.binned else " at most"
    if not kept.any():
        observed = recording.observed
        raise ValueError(
            f"`trials` must leave a trial to align; of {len(kept)} in {name!r} none has its "
            f"window {span} wholly observed ({observed[0, 0]:g} to "
            f"{observed[-1, 1]:g} s, {len(observed)} spans): check the clocks, and that `window` "
            "is in seconds"
        )
    text = (
        f"{len(lost)} of {len(kept)} trials of {name!r} left out, their window "
        f"{span} not wholly observed: rows "
    )
    if on_out_of_range == "error":
        raise ValueError(
            f"every trial must be wholly observed; with on_out_of_range='exclude', {text}{shown}"
        )
    warnings.warn(f"{text}{shown}", UserWarning, stacklevel=4)
    return (f"{text}{lost}",)


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
    return table.assign(stimulus=labels), notes


def _with_windows(trials: pd.DataFrame, windows: Windows) -> pd.DataFrame:
    trials = plain_columns(trials).reset_index(drop=True)
    if "repetition" not in trials:
        trials["repetition"] = trials.groupby("stimulus").cumcount()
    if windows.equal:
        return trials
    return trials.assign(window_start=windows.own[:, 0], window_stop=windows.own[:, 1])


def _overlap(windows: Windows, name: str, guard: float) -> tuple[str, ...]:
    spans = windows.spans
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    latest = np.maximum.accumulate(spans[:-1, 1])
    after = spans[1:, 0] < latest - guard
    n_shared = int((np.append(after, False) | np.append(False, after)).sum())
    if n_shared == 0:
        return ()
    return (
        f"{n_shared} of {len(spans)} windows of {name!r} share time with another: their spikes "
        "count in each, so those trials are not independent",
    )
