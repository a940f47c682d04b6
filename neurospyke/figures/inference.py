"""Figures of inference: models with their subjects, ceilings and differences; maps of cells."""

from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from neurospyke.compare.inference import Inference
from neurospyke.figures.look import INK, axes_for, style, wrap

_SHADE = "0.91"


def plot_inference(inference: Inference, ax: Axes | None = None, *, fdr: float = 0.05) -> Axes:
    """Scores as bars with intervals, a dot a subject, the noise ceiling, and what differs.

    Args:
        inference: several models against one brain.
        ax: axes to draw on; new ones when not given.
        fdr: an arrow runs from a model to each that is worse by `pair_frame`'s corrected p.

    Returns:
        The axes.
    """
    n_models = len(inference.models)
    pairs = inference.pair_frame()
    pairs = pairs[pairs["p_fdr"] <= fdr]
    with style():
        ax = axes_for(ax, 1.2 + 0.7 * n_models, 3.4 + 0.1 * len(pairs))
        low, high = inference.ceiling
        if np.isfinite(low):
            ax.axhspan(low, high, color=_SHADE, zorder=0)
        places = np.arange(n_models)
        ax.bar(places, inference.scores, width=0.6, color="#8aaacb", edgecolor="0.3", linewidth=0.6)
        intervals = np.array([each.interval for each in inference.comparisons])
        ax.vlines(places, intervals[:, 0], intervals[:, 1], color=INK, linewidth=1.4, zorder=3)
        if len(inference.subjects) > 1:
            spread = np.linspace(-0.18, 0.18, len(inference.subjects))
            dots: Any = {"s": 9, "color": "white", "edgecolor": INK, "linewidth": 0.6, "zorder": 4}
            ax.scatter(places[:, None] + spread, inference.subject_scores, **dots)
        top = np.nanmax([intervals.max(), inference.subject_scores.max(), high])
        step = 0.05 * (top - min(intervals.min(), 0))
        for row, (model, other, difference) in enumerate(
            zip(pairs["model"], pairs["other"], pairs["difference"], strict=True), start=1
        ):
            ends = [inference.models.index(name) for name in (model, other)]
            start, stop = ends if difference > 0 else ends[::-1]
            height = top + row * step
            arrow: Any = {"arrowstyle": "-|>", "color": INK, "linewidth": 0.9}
            ax.annotate("", (stop, height), (start, height), arrowprops=arrow)
        ax.set_ylim(top=top + (len(pairs) + 1) * step)
        ax.axhline(0, color=INK, linewidth=0.8)
        names = [wrap(name, 14) for name in inference.models]
        ax.set_xticks(places, names, rotation=40, ha="right", parse_math=False)
        ax.set_ylabel(f"score ({inference.comparisons[0].method})")
        sns.despine(ax=ax)
    return ax


def plot_map(table: pd.DataFrame, *, p: float = 0.05) -> Figure:
    """Maps of `rsa_map`: an area a panel, layers and steps down, time across.

    Args:
        table: what `rsa_map` gave.
        p: cells whose cluster has at most this corrected p value bear a dot.

    Returns:
        The figure; all panels share their colours.
    """
    areas = list(dict.fromkeys(table["area"]))
    rows = list(dict.fromkeys(zip(table["layer"], table["step"], strict=True)))
    low, high = min(0.0, table["score"].min()), table["score"].max()
    several = table["step"].max() > 0
    with style():
        figure = Figure(figsize=(1.6 + 2.9 * len(areas), 1.4 + 0.22 * len(rows)))
        figure.set_layout_engine("constrained")
        panels = figure.subplots(1, len(areas), squeeze=False, sharey=True)[0]
        for ax, area in zip(panels, areas, strict=True):
            part = table[table["area"] == area]
            edges = np.array([*part["time_start"].unique(), part["time_stop"].max()])
            scores, corrected = (
                part[name].to_numpy().reshape(len(rows), -1) for name in ("score", "p_cluster")
            )
            borders = np.arange(len(rows) + 1) - 0.5
            ax.pcolormesh(edges, borders, scores, cmap="mako", vmin=low, vmax=high)
            down, across = np.nonzero(corrected <= p)
            middles = (edges[:-1] + edges[1:]) / 2
            ax.scatter(middles[across], down, s=8, color="white", edgecolor=INK, linewidth=0.4)
            ax.set_title(wrap(area, 24), parse_math=False)
            ax.set_xlabel("time")
        names = [f"{layer} {step}" if several else layer for layer, step in rows]
        panels[0].set_yticks(range(len(rows)), names, parse_math=False)
        panels[0].invert_yaxis()
        figure.colorbar(ScalarMappable(Normalize(low, high), "mako"), ax=panels, label="score")
    return figure
