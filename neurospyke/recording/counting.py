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
    observed: np.ndarray | None,
    rate: bool,
    max_bytes: int,
) -> np.ndarray:
    """Spikes of every unit in every bin of every trial, or spikes/s.

    Args:
        recording: the spike times.
        windows: the trials and their bins.
        guard: seconds by which all edges are lowered.
        observed: (trial, bin) which cells are known; the others become NaN. None if all are.
        rate: divide by the width of the bins.
        max_bytes: a result of more bytes lies in a temporary file.

    Returns:
        (trial, unit, bin), uint16 (uint32 where that is too small) for counts without NaN, else
        float64.
    """
    plain = observed is None and not rate
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
        if observed is not None:
            block = np.where(observed[rows, None], block, np.nan)
        values[rows, units.start : units.stop] = block
    return values


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
