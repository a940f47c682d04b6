"""Figures of maps: every layer and model step against every area and time."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from neurospyke.figures.look import INK, check_columns, grid_for, style, wrap

_COLUMNS = ("layer", "step", "area", "time_start", "time_stop", "score", "p_cluster")


def plot_map(
    table: pd.DataFrame, axes: Sequence[Axes] | None = None, *, p: float = 0.05
) -> list[Axes]:
    """Scores of `rsa_map`: an area a panel, layers and model steps down, time across.

    Args:
        table: what `rsa_map` gave.
        axes: one an area to draw on, of one figure; new ones, four in a row, when not given.
        p: cells whose cluster has at most this corrected p value bear a dot.

    Returns:
        The axes, an area each in the order of the table; all share their colours.

    Raises:
        ValueError: a column is missing, there is no row, or there are not as many axes as areas.

    >>> table = pd.DataFrame({"layer": ["conv1", "conv2"], "step": 0, "area": "V4",
    ...     "time_start": 0.0, "time_stop": 0.1, "score": [0.1, 0.3], "p_cluster": [0.5, 0.01]})
    >>> (ax,) = plot_map(table)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['conv1', 'conv2']
    >>> ax.collections[1].get_offsets().data  # a dot in the middle of the second cell
    array([[0.05, 1.  ]])
    """
    check_columns(table, "table", _COLUMNS)
    areas = list(dict.fromkeys(table["area"]))
    rows = list(dict.fromkeys(zip(table["layer"], table["step"], strict=True)))
    limits = Normalize(min(0.0, table["score"].min()), table["score"].max())
    several = table["step"].max() > 0
    names = [wrap(f"{layer} {step}" if several else str(layer), 18) for layer, step in rows]
    with style():
        panels = grid_for(axes, len(areas), min(1.1 + 0.2 * len(rows), 8.5))
        for place, (ax, area) in enumerate(zip(panels, areas, strict=True)):
            _draw(ax, table[table["area"] == area], rows, limits, p)
            ax.set_title(wrap(str(area), 24), parse_math=False)
            ax.set_xlabel("time")
            ax.set_yticks(range(len(rows)), names if place % 4 == 0 else [""] * len(rows))
            for label in ax.get_yticklabels():
                label.set_parse_math(False)
            ax.tick_params(axis="y", length=0)
            ax.set_ylim(len(rows) - 0.5, -0.5)
        bar = panels[0].figure.colorbar(ScalarMappable(limits, "mako"), ax=panels, label="score")
        bar.outline.set_visible(False)  # type: ignore[operator] - a spine, not a callable
    return panels


def _draw(ax: Axes, part: pd.DataFrame, rows: list[tuple], limits: Normalize, p: float) -> None:
    edges = np.array([*sorted(part["time_start"].unique()), part["time_stop"].max()])
    scores, corrected = (
        part.pivot(index=["layer", "step"], columns="time_start", values=name)
        .reindex(pd.MultiIndex.from_tuples(rows))
        .to_numpy(dtype=float)
        for name in ("score", "p_cluster")
    )
    borders = np.arange(len(rows) + 1) - 0.5
    ax.pcolormesh(edges, borders, scores, cmap="mako", norm=limits)
    down, across = np.nonzero(corrected <= p)
    middles = (edges[:-1] + edges[1:]) / 2
    ax.scatter(middles[across], down, s=8, color="white", edgecolor=INK, linewidth=0.4)
