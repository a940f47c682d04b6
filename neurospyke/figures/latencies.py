"""Figures of latencies: when one-spike layers and recorded units first fire."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike

from neurospyke.compare.codes import first_spikes
from neurospyke.figures.look import COLUMN, DASHES, axes_for, colours, style, wrap, write_legend
from neurospyke.responses import Responses

_LABELS = {"s": "latency of the first spike (s)", "step": "latency of the first spike (steps)"}


def plot_latencies(
    sides: Mapping[str, Responses | ArrayLike], ax: Axes | None = None, *, n_bins: int = 30
) -> Axes:
    """Histograms of first-spike latencies, one line each; silence is told, not drawn.

    Args:
        sides: by name, responses of the measure "latency", or "spike" or "count", whose first spike
            counts at the start of its bin; or latencies in seconds, any shape, NaN or infinite
            where silent, such as `value` of `response_latencies`.
        ax: axes to draw on; new ones when not given.
        n_bins: most bins of the histogram; they are whole multiples of the widest time bin.

    Returns:
        The axes. All shares are of all latencies, the silent ones too, which the key counts.

    Raises:
        ValueError: if there is no side, no spike at all, time is in seconds here and in steps
            there, or responses hold no spikes.

    >>> ax = plot_latencies({"unit": [0.1, 0.3, 0.3, np.nan]}, n_bins=2)
    >>> ax.patches[0].get_data().values
    array([0.25, 0.5 ])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['unit (25 % silent)']
    """
    if not sides:
        raise ValueError("`sides` must hold at least one; got none")
    if n_bins < 1:
        raise ValueError(f"`n_bins` must be at least 1; got {n_bins}")
    read = {name: _latencies(side) for name, side in sides.items()}
    units = {unit for _, unit, _ in read.values()}
    if len(units) > 1:
        raise ValueError("`sides` must all be in seconds or all in steps; draw two figures")
    edges = _edges(
        np.concatenate([times[np.isfinite(times)] for times, _, _ in read.values()]),
        max(grid for _, _, grid in read.values()),
        n_bins,
    )
    shades = colours(len(read))
    with style():
        ax = axes_for(ax, COLUMN, 2.3)
        keys: dict[str, Any] = {}
        for place, (name, (times, _, _)) in enumerate(read.items()):
            counts = np.histogram(times[np.isfinite(times)], edges)[0]
            look: Any = {"color": shades[place], "linestyle": DASHES[place % len(DASHES)]}
            silent = 1 - np.isfinite(times).mean()
            keys[f"{wrap(name, 24)} ({100 * silent:.0f} % silent)"] = ax.stairs(
                counts / times.size, edges, linewidth=1.3, **look
            )
        ax.set_xlim(*edges[[0, -1]].tolist())
        if units == {"step"}:
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set(xlabel=_LABELS[units.pop()], ylabel="share of responses")
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
        write_legend(ax, keys)
        sns.despine(ax=ax)
    return ax


def _latencies(side: Responses | ArrayLike) -> tuple[np.ndarray, str, float]:
    """Latencies, NaN where silent; their unit; the width of the grid they lie on, or 0."""
    if not isinstance(side, Responses):
        return np.asarray(side, dtype=np.float64).ravel(), "s", 0.0
    known = side if side.measure == "latency" else first_spikes(side)
    times = known.values.astype(np.float64).ravel()
    fine = float(np.diff(side.edges).max()) if side.measure != "latency" else 0.0
    grid = max(fine, 1.0) if side.time_unit == "step" else fine
    return np.where(times >= known.edges[-1], np.nan, times), side.time_unit, grid


def _edges(times: np.ndarray, grid: float, n_bins: int) -> np.ndarray:
    if not len(times):
        raise ValueError("`sides` must hold a spike; all are silent")
    low, high = float(times.min()), float(times.max())
    if grid == 0:
        return np.linspace(low, high if high > low else low + 1e-3, n_bins + 1)
    # as many whole time bins in each, lest some hold one more of them than others
    width = grid * np.ceil((round((high - low) / grid) + 1) / n_bins)
    n = int(np.floor((high - low) / width + 1e-6)) + 1
    # a computed latency may fall short of its bin by a rounding
    return low - 1e-6 * grid + width * np.arange(n + 1)
