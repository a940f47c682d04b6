"""The window of each trial and the bins that divide it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

# Numbers of seconds or quantities of time; the latter have no common type without quantities.
Time = Any
Window = Any
GUARD = 1e-8


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of all trials, in seconds from the start of each.

    Args:
        starts: (trial,) seconds on the recording's clock from which the windows are counted.
        own: (trial, 2) start and stop of each trial's window from its start.
        edges: (bin + 1,) the bins that all trials share, from a trial's start.
        binned: whether bins were asked for; if not, each window is one bin of its own length.
    """

    starts: np.ndarray
    own: np.ndarray
    edges: np.ndarray
    binned: bool

    @property
    def spans(self) -> np.ndarray:
        """(trial, 2) start and stop of each window on the recording's clock."""
        return self.starts[:, None] + self.own

    @property
    def equal(self) -> bool:
        """Whether all trials have the same window."""
        return bool((self.own == self.own[:1]).all())

    @property
    def widths(self) -> np.ndarray | float:
        """Seconds a bin: one number, or (trial, 1, 1) without bins, each window being one."""
        if self.binned:
            return float(self.edges[1] - self.edges[0])
        return (self.own[:, 1] - self.own[:, 0])[:, None, None]

    def rows(self, kept: np.ndarray | slice) -> Windows:
        """The windows of some trials, with the same bins.

        Args:
            kept: mask, positions or slice of trials.

        Returns:
            Their windows.
        """
        return replace(self, starts=self.starts[kept], own=self.own[kept])

    def only(self, kept: np.ndarray) -> Windows:
        """The windows of the trials that are left, and edges that are theirs.

        Args:
            kept: mask of trials, all of which have a window.

        Returns:
            Their windows.
        """
        left = self.rows(kept)
        if self.binned or len(left.own) == 0:
            return left
        edges = np.array([left.own[:, 0].min(), left.own[:, 1].max()])
        return replace(left, edges=edges)

    def limits(self) -> np.ndarray:
        """Edges of all bins of all trials on the recording's clock.

        Returns:
            (trial, bin + 1) seconds, never falling along a trial.
        """
        return self.starts[:, None] + self.edges if self.binned else self.spans

    def cells(self, guard: float) -> np.ndarray:
        """Which bins lie wholly in the window of their own trial.

        Args:
            guard: seconds by which a bin may stand out.

        Returns:
            (trial, bin) bool.
        """
        if not self.binned:
            return np.ones((len(self.starts), 1), dtype=bool)
        begins = self.edges[:-1] >= self.own[:, :1] - guard
        return begins & (self.edges[1:] <= self.own[:, 1:] + guard)


def windows_of(table: pd.DataFrame, name: str, window: Window, bin_width: Time | None) -> Windows:
    """Windows of the trials of a table.

    Args:
        table: one row a trial, with `start_time`.
        name: the table's name, for errors.
        window: (start, stop): numbers of seconds from each trial's start, quantities of time, or
            names of columns that hold times on the same clock as `start_time`.
        bin_width: seconds, or None for one bin over the window.

    Returns:
        The windows. Where a column gives no time, or a stop before the start, `own` is NaN.

    Raises:
        TypeError: if a part of the window is neither time nor column.
        ValueError: if the window is reversed, no trial has one, or bins do not divide it.
    """
    if np.ndim(window) == 0 or isinstance(window, str) or len(window) != 2:
        raise ValueError(f"`window` must be (start, stop) in seconds; got {window!r}")
    starts = table["start_time"].to_numpy()
    unequal = any(isinstance(part, str) and part != "start_time" for part in window)
    own = np.stack([_relative(table, name, part) for part in window], axis=1)
    bad = ~(own[:, 0] < own[:, 1])
    if not unequal and len(own) and bad.all():
        start, stop = own[0]
        raise ValueError(
            "`window` must be (start, stop) in seconds with start < stop; "
            f"got ({start:g}, {stop:g}); swap them"
        )
    own = np.where(bad[:, None], np.nan, own)
    if bad.all():
        raise ValueError(
            f"`window` must give a trial of {name!r} a start before its stop; of {len(table)} "
            f"none has one by {window}: check those columns"
        )
    return Windows(starts, own, _edges(own, bin_width, unequal=unequal), bin_width is not None)


def _relative(table: pd.DataFrame, name: str, part: Any) -> np.ndarray:
    """Seconds from each trial's start."""
    if not isinstance(part, str):
        return np.full(len(table), seconds(part, "window"))
    if part not in table or table[part].dtype.kind not in "iuf":
        numbers = [column for column in table if table[column].dtype.kind in "iuf"]
        raise TypeError(
            f"`window` must hold a number of seconds, or name a column of times of {name!r}, such "
            f"as {numbers}; got {part!r}"
        )
    times = table[part].to_numpy(dtype=np.float64)
    return np.where(np.isfinite(times), times, np.nan) - table["start_time"].to_numpy()


def seconds(value: Any, name: str) -> float:
    """A number of seconds from a number or a quantity of time.

    Args:
        value: the number or quantity.
        name: the argument's name, for errors.

    Returns:
        Seconds.

    Raises:
        TypeError: if it is neither.
        ValueError: if it is of another kind or not finite.

    >>> seconds(2, "window")
    2.0
    """
    if hasattr(value, "rescale"):
        try:
            value = value.rescale("s").magnitude
        except ValueError as error:
            raise ValueError(f"`{name}` must be a time; got {value!r}: {error}") from error
    if isinstance(value, bool | np.bool_ | str) or np.ndim(value) != 0:
        raise TypeError(f"`{name}` must be a number of seconds; got {value!r}")
    number = float(value)
    if not np.isfinite(number):
        raise ValueError(f"`{name}` must be finite; got {number}")
    return number


def _edges(own: np.ndarray, bin_width: Time | None, *, unequal: bool) -> np.ndarray:
    start, stop = np.nanmin(own[:, 0]), np.nanmax(own[:, 1])
    if bin_width is None:
        return np.array([start, stop])
    width = seconds(bin_width, "bin_width")
    n_exact = (stop - start) / width if width > 0 else 0.0
    n_bins = int(n_exact * (1 + GUARD)) if unequal else round(n_exact)
    if n_bins < 1 or (not unequal and abs(n_exact - n_bins) > GUARD * n_bins):
        raise ValueError(
            f"`bin_width` must {'fit into' if unequal else 'divide'} the window"
            f"{'' if unequal else ' into whole bins'}; "
            f"got {width:g} s for a window of {stop - start:g} s"
        )
    return np.linspace(start, start + n_bins * width if unequal else stop, n_bins + 1)
