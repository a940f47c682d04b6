"""Figures of decoding: over time, and from each time to every other.

`plot_<what>(data, ax=None)` draws on the axes given, or on new ones, and returns them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from neurospyke.compare.decoding import Decoding
from neurospyke.figures.look import (
    COLUMN,
    DASHES,
    INK,
    MARKERS,
    axes_for,
    check_kind,
    colours,
    style,
    wrap,
    write_legend,
)


def plot_decoding(decodings: Mapping[str, Decoding], ax: Axes | None = None) -> Axes:
    """Accuracy over time, one line each, with chance; filled where corrected p is at most 0.05.

    Args:
        decodings: by name.
        ax: axes to draw on; new ones when not given.

    Returns:
        The axes.

    Raises:
        ValueError: if there are none.

    >>> edges, none = np.array([0.0, 0.1, 0.2]), np.empty((0, 2))
    >>> one = Decoding(np.array([[0.5, 0.8]]), np.ones((2, 2, 2)), ("a", "b"), (), edges, none, "")
    >>> plot_decoding({"V4": one}).get_lines()[0].get_xydata()
    array([[0.05, 0.5 ],
           [0.15, 0.8 ]])
    """
    check_kind(decodings, Mapping, "decodings", "{'V4': decode(responses)}")
    for each in decodings.values():
        check_kind(each, Decoding, "decodings", "{'V4': decode(responses)}")
    if not decodings:
        raise ValueError("`decodings` must hold at least one; got none")
    shades = colours(len(decodings))
    with style():
        ax = axes_for(ax, COLUMN, 2.5)
        keys: dict[str, Any] = {}
        for number, (name, each) in enumerate(decodings.items()):
            keys[wrap(name, 30)] = _draw_line(ax, each, number, shades[number])
        chances = [each.chance for each in decodings.values()]
        for chance in dict.fromkeys(chances):
            keys["chance"] = ax.axhline(chance, color="0.6", linewidth=0.8, linestyle=":")
        ax.set_xlabel("time, middle of the window (s)")
        ax.set_ylabel("share of trials named correctly")
        ax.set_ylim(0, 1.02)
        write_legend(ax, keys)
        sns.despine(ax=ax)
    return ax


def _draw_line(ax: Axes, decoding: Decoding, number: int, colour: Any) -> Line2D:
    """Accuracy over time; filled marks where it stands out."""
    accuracy = decoding.accuracy
    accuracy = np.diagonal(accuracy) if accuracy.ndim == 2 else accuracy
    middles = (decoding.edges[:-1] + decoding.edges[1:]) / 2
    look: Any = {"color": colour, "marker": MARKERS[number % len(MARKERS)], "markersize": 3.5}
    dashes = DASHES[number % len(DASHES)]
    (line,) = ax.plot(middles, accuracy, linestyle=dashes, markerfacecolor="white", **look)
    if len(decoding.null):
        corrected = decoding.p_values()["p_cluster"]
        corrected = np.diagonal(corrected) if corrected.ndim == 2 else corrected
        sure = corrected <= 0.05
        ax.plot(middles[sure], accuracy[sure], linestyle="", **look)
    return line


def plot_generalization(decoding: Decoding, ax: Axes | None = None, *, p: float = 0.05) -> Axes:
    """Accuracy of decoders trained at one time (down) and tested at another (across).

    Args:
        decoding: of `decode(..., across_time=True)`.
        ax: axes to draw on; new ones when not given.
        p: an outline goes round cells whose cluster has at most this corrected p value, if
            labels were exchanged.

    Returns:
        The axes.

    Raises:
        ValueError: if the decoder was tested only when it was trained.

    >>> edges, none = np.array([0.0, 0.1, 0.2]), np.empty((0, 2, 2))
    >>> scores = np.array([[[0.9, 0.6], [0.5, 0.8]]])
    >>> one = Decoding(scores, np.ones((2, 2, 2)), ("a", "b"), (), edges, none, "")
    >>> plot_generalization(one).collections[0].get_array().data  # trained early: first row
    array([[0.9, 0.6],
           [0.5, 0.8]])
    """
    check_kind(decoding, Decoding, "decoding", "decode")
    if decoding.accuracy.ndim != 2:
        raise ValueError("`decoding` must be across time: pass `across_time=True` to `decode`")
    edges = decoding.edges
    with style():
        ax = axes_for(ax, COLUMN, 2.9)
        mesh = ax.pcolormesh(edges, edges, decoding.accuracy, cmap="mako")
        if len(decoding.null):
            _outline(ax, edges, decoding.p_values()["p_cluster"] <= p)
        ax.plot(edges[[0, -1]], edges[[0, -1]], color="white", linewidth=0.6, linestyle=":")
        ax.set_xlabel("tested at (s)")
        ax.set_ylabel("trained at (s)")
        ax.set_aspect("equal")
        bar = ax.figure.colorbar(mesh, ax=ax, label="share of trials named correctly")
        bar.outline.set_visible(False)  # type: ignore[operator] - a spine, not a callable
    return ax


def _outline(ax: Axes, edges: np.ndarray, inside: np.ndarray) -> None:
    """Lines between cells of which one is inside."""
    for axis in (0, 1):
        cells = inside if axis == 0 else inside.T
        borders = np.diff(np.pad(cells, ((1, 1), (0, 0))).astype(np.int8), axis=0) != 0
        for row, column in zip(*np.nonzero(borders), strict=True):
            across, along = edges[[column, column + 1]], edges[[row, row]]
            ax.plot(*((across, along) if axis == 0 else (along, across)), color=INK, linewidth=1.4)
            ax.plot(*((across, along) if axis == 0 else (along, across)), color="w", linewidth=0.7)
