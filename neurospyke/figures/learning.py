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

from neurospyke.figures.look import (
    COLUMN,
    DASHES,
    FILL,
    INK,
    MARKERS,
    PAGE,
    axes_for,
    check_columns,
    colours,
    style,
    width_of,
    wrap,
    write_legend,
)

_MARKS = 8  # on a line
_NAME = 0.22  # inches that the number of a map needs


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
    check_columns(history, "history", ("layer", "n_seen", "convergence", "top_share"))
    names = list(dict.fromkeys(history["layer"]))
    with style():
        ax = axes_for(ax, PAGE, 3.0)
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
        write_legend(ax, keys)
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
        The axes; maps are named where there is room, on new axes up to 25 of them. A dashed line
        shows the wins that each map would have by chance, and the title counts the maps that never
        win.

    Raises:
        ValueError: a column is missing, there is no row, or more than one layer.

    >>> winners = pd.DataFrame({"layer": "conv1", "map": [0, 1], "wins": [2, 6], "n_images": 10})
    >>> [float(bar.get_height()) for bar in plot_winners(winners).patches]
    [0.6, 0.2]
    """
    check_columns(winners, "winners", ("layer", "map", "wins", "n_images"))
    layers = sorted(set(winners["layer"]))
    if len(layers) > 1:
        raise ValueError(
            f"`winners` must be of one layer; got {layers}; choose one, "
            f"such as winners[winners.layer == {layers[0]!r}]"
        )
    ordered = winners.sort_values("wins", ascending=False, kind="stable")
    share = ordered["wins"] / ordered["n_images"]
    with style():
        ax = axes_for(ax, PAGE, 2.4)
        few = len(ordered) <= width_of(ax) / _NAME
        edge: dict[str, Any] = {"edgecolor": "0.3", "linewidth": 0.6} if few else {"linewidth": 0}
        ax.bar(range(len(ordered)), share, width=0.8 if few else 1.0, color=FILL, **edge)
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


def plot_training(history: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Course of learning by gradients: loss of each batch, and accuracy after each pass.

    Args:
        history: a row a batch, in order, with the columns `epoch`, `loss` and `accuracy` (missing
            but after the last batch of a pass), such as `pd.DataFrame(steps)` where
            `observe=steps.append` kept the steps.
        ax: axes to draw on; new ones when not given.

    Returns:
        The axes of the loss: pale by batch, dark the mean of each pass, drawn at its end. Accuracy,
        where there is any, has axes of its own on the right; a ring marks the best pass.

    Raises:
        ValueError: a column is missing, or there is no row.

    >>> history = pd.DataFrame({"epoch": [0, 0, 1, 1], "loss": [4.0, 2.0, 1.0, 0.5],
    ...                         "accuracy": [None, 0.5, None, 0.75]})
    >>> ax = plot_training(history)
    >>> ax.get_lines()[1].get_xydata().tolist()  # end of the pass, its mean loss
    [[1.0, 3.0], [2.0, 0.75]]
    """
    check_columns(history, "history", ("epoch", "loss", "accuracy"))
    epochs = history["epoch"].to_numpy()
    if (np.diff(epochs) < 0).any():
        raise ValueError("`history` must be in the order of its epochs; sort it by `epoch`")
    _, first, sizes = np.unique(epochs, return_index=True, return_counts=True)
    # a pass that was broken off ends early
    places = epochs + (np.arange(len(epochs)) - np.repeat(first, sizes) + 1) / sizes.max()
    loss = history["loss"].to_numpy(dtype=float)
    accuracy = pd.to_numeric(history["accuracy"]).to_numpy(dtype=float)
    with style():
        ax = axes_for(ax, COLUMN, 2.5)
        (pale,) = ax.plot(places, loss, color="0.7", linewidth=0.8)
        means = np.add.reduceat(loss, first) / sizes
        (dark,) = ax.plot(places[first + sizes - 1], means, color=INK, linewidth=1.4)
        ax.set(xlabel="passes over the data", ylabel="loss")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        keys: dict[str, Any] = {"loss, a batch": pale, "loss, a pass": dark}
        sns.despine(ax=ax)
        if np.isfinite(accuracy).any():
            keys |= _draw_accuracy(ax, places, accuracy)
        write_legend(ax, keys)
    return ax


def plot_decisions(history: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Course of learning by reward: shares of right, wrong and silent decisions, one on another.

    Args:
        history: a row a batch with the columns `n_seen`, `n_right`, `n_wrong` and `n_silent`, such
            as `LearningHistory.to_frame()`; rows where they are missing are left out.
        ax: axes to draw on; new ones when not given.

    Returns:
        The axes.

    Raises:
        ValueError: a column is missing, or no row has decisions.

    >>> history = pd.DataFrame({"n_seen": [8, 16], "n_right": [2, 6], "n_wrong": [4, 2],
    ...                         "n_silent": [2, 0]})
    >>> ax = plot_decisions(history)
    >>> [float(ax.collections[k].get_datalim(ax.transData).y1) for k in range(3)]
    [0.75, 1.0, 1.0]
    """
    names = ("n_right", "n_wrong", "n_silent")
    check_columns(history, "history", ("n_seen", *names))
    rows = history.dropna(subset=list(names))
    counts = rows[list(names)].to_numpy(dtype=float)
    if not len(rows) or (counts.sum(axis=1) == 0).any():
        raise ValueError("`history` must have decisions in its rows; was it learned by reward?")
    shares = (counts / counts.sum(axis=1, keepdims=True)).T
    with style():
        ax = axes_for(ax, COLUMN, 2.3)
        looks = ({"fc": FILL}, {"fc": "0.8", "hatch": "////"}, {"fc": "white", "hatch": "...."})
        low = np.zeros(len(rows))
        keys: dict[str, Any] = {}
        for name, share, look in zip(names, shares, looks, strict=True):
            more: dict[str, Any] = {**look, "edgecolor": "0.3", "linewidth": 0.6}
            keys[name.removeprefix("n_")] = ax.fill_between(
                rows["n_seen"], low, low + share, **more
            )
            low = low + share
        ax.set(xlabel="images seen by the layer", ylabel="decisions", ylim=(0, 1))
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        ax.margins(x=0)
        write_legend(ax, keys)
        sns.despine(ax=ax)
    return ax


def _draw_accuracy(ax: Axes, places: np.ndarray, accuracy: np.ndarray) -> dict[str, Any]:
    known = np.isfinite(accuracy)
    right: Any = ax.twinx()
    look: Any = {"color": FILL, "markersize": 4, "markeredgecolor": "white", "linewidth": 1.2}
    (line,) = right.plot(places[known], accuracy[known], "--s", markeredgewidth=0.5, **look)
    best = int(np.nanargmax(accuracy))
    ring: Any = {"markerfacecolor": "none", "markeredgecolor": INK, "markersize": 8}
    (mark,) = right.plot([places[best]], [accuracy[best]], "o", **ring)
    right.set(ylim=(0, 1.02), ylabel="accuracy on validation data")
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    sns.despine(ax=right, left=True, right=False)
    return {"accuracy": line, f"best, {accuracy[best]:.1%}": mark}


def _plot_course(ax: Axes, right: Axes, part: pd.DataFrame, place: int, n: int) -> Line2D:
    look: dict[str, Any] = {"linestyle": DASHES[place % len(DASHES)], "color": colours(n)[place]}
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
