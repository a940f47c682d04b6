"""Figures of learning: what changed, who won, and what was learned.

`plot_<what>(data, ax=None)` draws on the axes given, or on new ones, and returns them. They take
tables and arrays, such as those of `LearningHistory`, `count_winners` and `network_features`.
"""

import math
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike

from neurospyke.figures.look import DASHES, INK, MARKERS, axes_for, style, wrap, write_legend

_MARKS = 8  # on a line
_NAMED = 24  # maps that are named one by one


def plot_learning(history: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Course of learning: convergence of each layer, and how often its top map wins.

    Dark lines with marks, on the left axis: convergence, which falls towards 0. Pale lines of the
    same dashes, on the right axis: the share of images that the batch's most frequent winner wins.

    Args:
        history: a row a batch with the columns `layer`, `n_seen`, `convergence` and `top_share`,
            such as `LearningHistory.to_frame()`; missing shares leave gaps.
        ax: axes to draw on; new ones when not given.

    Returns:
        The axes of convergence; those of the winners share their x axis.

    Raises:
        ValueError: a column is missing, or there is no row.

    >>> history = pd.DataFrame({"layer": "conv1", "n_seen": [10, 20], "convergence": [0.16, 0.1],
    ...                         "top_share": [0.5, 0.25]})
    >>> plot_learning(history).get_lines()[0].get_ydata()
    array([0.16, 0.1 ])
    """
    _check(history, "history", ("layer", "n_seen", "convergence", "top_share"))
    names = list(dict.fromkeys(history["layer"]))
    with style():
        ax = axes_for(ax, 7.2, 3.6)
        right: Any = ax.twinx()
        keys = {
            wrap(str(name), 30): _plot_course(
                ax, right, history[history["layer"] == name], place, len(names)
            )
            for place, name in enumerate(names)
        }
        ax.set_zorder(right.get_zorder() + 1)
        ax.patch.set_visible(False)
        ax.set(xlabel="images seen by the layer", ylabel="convergence")
        ax.set_ylim(bottom=min(0, ax.get_ylim()[0]))
        right.set(ylim=(0, 1.02), ylabel="wins of the top map (share of images)")
        right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        keys["convergence"] = Line2D([], [], color=INK, linewidth=1.6)
        keys["top map, a batch"] = Line2D([], [], color=INK, linewidth=0.8, alpha=0.45)
        write_legend(ax, keys, loc="lower left", bbox_to_anchor=(0, 1), ncols=min(len(keys), 5))
        sns.despine(ax=ax, right=True)
        sns.despine(ax=right, left=True, right=False)
    return ax


def plot_winners(winners: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """How often each map of a layer wins, from the most to the least frequent, against chance.

    Args:
        winners: a row a map of one layer with the columns `layer`, `map`, `wins` and `n_images`,
            such as rows of `count_winners`.
        ax: axes to draw on; new ones when not given.

    Returns:
        The axes; maps are named up to 24 of them. A dashed line shows the wins that each map
        would have by chance, and the title counts the maps that never win.

    Raises:
        ValueError: a column is missing, there is no row, or more than one layer.

    >>> winners = pd.DataFrame({"layer": "conv1", "map": [0, 1], "wins": [2, 6], "n_images": 10})
    >>> [float(bar.get_height()) for bar in plot_winners(winners).patches]
    [0.6, 0.2]
    """
    _check(winners, "winners", ("layer", "map", "wins", "n_images"))
    layers = sorted(set(winners["layer"]))
    if len(layers) > 1:
        raise ValueError(
            f"`winners` must be of one layer; got {layers}; choose one, "
            f"such as winners[winners.layer == {layers[0]!r}]"
        )
    ordered = winners.sort_values("wins", ascending=False, kind="stable")
    share = ordered["wins"] / ordered["n_images"]
    with style():
        ax = axes_for(ax, 7.2, 3.0)
        few = len(ordered) <= _NAMED
        edge: dict[str, Any] = {"edgecolor": "0.3", "linewidth": 0.6} if few else {"linewidth": 0}
        ax.bar(range(len(ordered)), share, width=0.8 if few else 1.0, color="#5c85b0", **edge)
        chance = ax.axhline(share.mean(), color=INK, linestyle="--", linewidth=1)
        if few:
            ax.set_xticks(range(len(ordered)), [str(each) for each in ordered["map"]])
            ax.tick_params(axis="x", length=0)
        else:
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlim(-0.6, len(ordered) - 0.4)
        ax.set_ylim(0, max(1.08 * share.max(), 0.01))
        # as many digits as the ticks need: 2.5 % must not read 2 %
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
        ax.set(xlabel="map" if few else "maps, by wins", ylabel="images won")
        never = int((ordered["wins"] == 0).sum())
        title = f"{layers[0]}: {never} of {len(ordered)} maps never win"
        ax.set_title(wrap(title, 70), parse_math=False)
        write_legend(ax, {"by chance": chance}, loc="upper right")
        sns.despine(ax=ax)
    return ax


def plot_features(features: ArrayLike, ax: Axes | None = None) -> Axes:
    """Preferred features of maps as pictures in a grid, map 0 at the top left, row by row.

    Each picture has a scale of its own: mid grey is 0, white the largest absolute value, black its
    negative, so that a feature without negative values lies between mid grey and white.

    Args:
        features: (map, height, width), any sign, such as those of `network_features`.
        ax: axes to draw on; new ones when not given.

    Returns:
        The axes, with the numbers of the first map in each row on the left.

    Raises:
        ValueError: axes or values do not fit.

    >>> ax = plot_features(np.ones((5, 3, 3)))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['0', '3']
    """
    values = np.asarray(features, dtype=float)
    if values.ndim != 3 or values.size == 0 or not np.isfinite(values).all():
        raise ValueError(
            "`features` must be finite with axes (map, height, width), none of them empty; "
            f"got shape {values.shape}"
        )
    n, height, width = values.shape
    columns = math.ceil(math.sqrt(n * height / width))
    rows = math.ceil(n / columns)
    gap = max(1, round(0.08 * max(height, width)))
    picture = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for place, feature in enumerate(values):
        top, left = (place // columns) * (height + gap), (place % columns) * (width + gap)
        largest = np.abs(feature).max()
        picture[top : top + height, left : left + width] = feature / (largest or 1)
    with style():
        ax = axes_for(ax, 6.4, 0.3 + 6.2 * picture.shape[0] / picture.shape[1])
        ax.imshow(picture, cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
        middles = [row * (height + gap) + (height - 1) / 2 for row in range(rows)]
        ax.set_yticks(middles, [str(row * columns) for row in range(rows)])
        ax.set_xticks([])
        ax.tick_params(length=0)
        sns.despine(ax=ax, left=True, bottom=True)
    return ax


def _plot_course(ax: Axes, right: Axes, part: pd.DataFrame, place: int, n: int) -> Line2D:
    look: dict[str, Any] = {"linestyle": DASHES[place % len(DASHES)], "color": _colour(place, n)}
    right.plot(part["n_seen"], part["top_share"], alpha=0.45, linewidth=0.8, **look)
    (drawn,) = ax.plot(
        part["n_seen"],
        part["convergence"],
        linewidth=1.6,
        marker=MARKERS[place % len(MARKERS)],
        markevery=max(1, math.ceil(len(part) / _MARKS)),
        markersize=5.5,
        markeredgecolor="white",
        markeredgewidth=0.5,
        **look,
    )
    return drawn


def _colour(place: int, n: int) -> Any:
    return sns.color_palette("crest", max(n, 2))[-1 - place] if n > 1 else "#20466b"


def _check(table: pd.DataFrame, name: str, columns: tuple[str, ...]) -> None:
    missing = [column for column in columns if column not in getattr(table, "columns", ())]
    if missing or len(table) == 0:
        raise ValueError(
            f"`{name}` must be a table with rows and the columns {columns}; "
            f"got {f'none of {missing}' if missing else 'no row'}"
        )
