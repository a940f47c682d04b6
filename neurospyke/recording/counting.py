"""Counting spikes in the bins of many trials, in memory that does not grow with the result."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from neurospyke.recording.window import Windows

if TYPE_CHECKING:
    from neurospyke.recording.recording import Recording

_BLOCK_CELLS = 2**22
_BLOCK_SPIKES = 2**22


def count_spikes(
    recording: Recording,
    windows: Windows,
    guard: float,
    *,
    partial: bool,
    rate: bool,
    max_bytes: int,
) -> np.ndarray:
    """Spikes of every unit in every bin of every trial, or spikes/s.

    Args:
        recording: the spike times.
        windows: the trials and their bins.
        guard: seconds by which all edges are lowered.
        partial: some cells were not wholly observed, and become NaN.
        rate: divide by the width of the bins.
        max_bytes: a result of more bytes lies in a temporary file.

    Returns:
        (trial, unit, bin), uint16 (uint32 where that is too small) for counts without NaN, else
        float64.
    """
    plain = not (partial or rate)
    shape = (len(windows.starts), recording.n_units, len(windows.edges) - 1)
    values = blank(shape, np.dtype(np.uint16 if plain else np.float64), max_bytes)
    for rows, units in _blocks(shape):
        part = windows.rows(rows)
        limits = part.limits() - guard
        block = np.stack(
            [counts_between(recording.unit_spikes(unit), limits) for unit in units], axis=1
        )
        if plain and block.max() > np.iinfo(values.dtype).max:
            narrow, values = values, blank(shape, np.dtype(np.uint32), max_bytes)
            values[:] = narrow
        if rate:
            block = block / part.widths
        if partial:
            known = _observed_cells(part, recording.observed, guard)
            block = np.where(known[:, None], block, np.nan)
        values[rows, units.start : units.stop] = block
    return values


def first_latencies(
    recording: Recording, windows: Windows, guard: float, *, partial: bool, max_bytes: int
) -> np.ndarray:
    """Time of every unit's first spike in the window of every trial, the window's stop if none.

    Args:
        recording: the spike times.
        windows: the trials and their windows.
        guard: seconds by which all edges are lowered.
        partial: some windows were not wholly observed, and become NaN.
        max_bytes: a result of more bytes lies in a temporary file.

    Returns:
        (trial, unit, 1) float64 seconds from each trial's start.
    """
    shape = (len(windows.starts), recording.n_units, 1)
    values = blank(shape, np.dtype(np.float64), max_bytes)
    for rows, units in _blocks(shape):
        part = windows.rows(rows)
        begin, stop = part.own.T
        first_edge, last_edge = part.spans.T - guard
        if partial:
            stop = np.where(_observed_cells(part, recording.observed, guard)[:, 0], stop, np.nan)
        for unit in units:
            times = recording.unit_spikes(unit)
            place = np.searchsorted(times, first_edge)
            fired = (place < np.searchsorted(times, last_edge)) & ~np.isnan(stop)
            values[rows, unit, 0] = stop
            latency = times[place[fired]] - part.starts[fired]
            values[rows.start + np.flatnonzero(fired), unit, 0] = np.maximum(latency, begin[fired])
    return values


def wholly_observed(windows: Windows, observed: np.ndarray, guard: float) -> np.ndarray:
    """Which trials were observed in all their bins.

    Args:
        windows: the trials and their bins.
        observed: (span, 2) observed spans in seconds.
        guard: seconds by which a bin may stand out of a span.

    Returns:
        (trial,) bool.
    """
    kept = np.empty(len(windows.starts), dtype=bool)
    for rows, _ in _blocks((len(kept), 1, len(windows.edges) - 1)):
        kept[rows] = _observed_cells(windows.rows(rows), observed, guard).all(axis=1)
    return kept


def blank(shape: tuple[int, ...], dtype: np.dtype, max_bytes: int) -> np.ndarray:
    """An array of zeros, in a temporary file that goes with it where it is large.

    Args:
        shape: its shape.
        dtype: its type.
        max_bytes: the most bytes to keep in memory.

    Returns:
        The array. The file lies where Python's `tempfile` puts it (`TMPDIR`) and has no name.

    >>> type(blank((2, 3), np.dtype(np.uint16), max_bytes=8)).__name__
    'memmap'
    """
    size = int(np.prod(shape, dtype=np.float64)) * dtype.itemsize
    if size <= max_bytes:
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype=dtype, mode="w+", shape=shape)


def counts_between(times: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """How many times lie from one limit up to, not including, the next.

    Args:
        times: (spike,) ascending.
        limits: (trial, bin + 1), never falling along a trial; trials may overlap.

    Returns:
        (trial, bin) int64.

    >>> counts_between(np.array([0.0, 1.0, 1.5]), np.array([[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]))
    array([[1, 2],
           [2, 0]])
    """
    first, last = np.searchsorted(times, limits[:, 0]), np.searchsorted(times, limits[:, -1])
    n_bins = limits.shape[1] - 1
    sizes = last - first
    total = int(sizes.sum())
    if n_bins == 1:
        return sizes[:, None]
    if total > _BLOCK_SPIKES and len(limits) > 1:
        half = len(limits) // 2
        return np.concatenate([counts_between(times, part) for part in np.split(limits, [half])])
    trial = np.repeat(np.arange(len(limits)), sizes)
    before = np.cumsum(sizes) - sizes
    inside = times[np.arange(total) + (first - before)[trial]]
    cell = trial * n_bins + _bin(inside, trial, limits)
    return np.bincount(cell, minlength=len(limits) * n_bins).reshape(-1, n_bins)


def _bin(times: np.ndarray, trial: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """The bin of each time: first by division, then moved until it lies between its limits."""
    n_bins = limits.shape[1] - 1
    begin, stop = limits[trial, 0], limits[trial, -1]
    guess = (times - begin) * (n_bins / (stop - begin))
    place = np.clip(guess.astype(np.int64), 0, n_bins - 1)
    while True:
        step = (times >= limits[trial, place + 1]).astype(np.int64)
        step -= times < limits[trial, place]
        if not step.any():
            return place
        place += step


def _observed_cells(windows: Windows, observed: np.ndarray, guard: float) -> np.ndarray:
    """(trial, bin) which bins lie in the trial's own window and wholly in one observed span."""
    limits = windows.limits()
    # A span that starts where another stops leaves no gap.
    apart = np.concatenate([[True], observed[1:, 0] > observed[:-1, 1]])
    begins, ends = observed[apart, 0], observed[np.append(apart[1:], True), 1]
    span = np.searchsorted(begins, limits[:, :-1] + guard, side="right") - 1
    inside = (span >= 0) & (limits[:, 1:] <= ends[span] + guard)
    return inside & windows.cells(guard)


def _blocks(shape: tuple[int, int, int]) -> Iterator[tuple[slice, range]]:
    """Parts of the result that are counted at a time."""
    n_trials, n_units, n_bins = shape
    n_rows = min(n_trials, max(1, _BLOCK_CELLS // n_bins))
    n_columns = max(1, _BLOCK_CELLS // (n_rows * n_bins))
    for row in range(0, n_trials, n_rows):
        for unit in range(0, n_units, n_columns):
            yield (
                slice(row, min(row + n_rows, n_trials)),
                range(unit, min(unit + n_columns, n_units)),
            )
