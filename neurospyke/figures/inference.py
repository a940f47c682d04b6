"""Figures of inference: models with their subjects, the noise ceiling, and what differs."""

from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from neurospyke.compare.inference import Inference
from neurospyke.figures.look import (
    BAND,
    COLUMN,
    INK,
    PAGE,
    axes_for,
    check_kind,
    style,
    wrap,
    write_legend,
)

_BAR = "#8aaacb"
_IN_COLUMN = 6  # models
_DOT: dict[str, Any] = {"color": "white", "edgecolor": INK, "linewidth": 0.6}


def plot_inference(inference: Inference, ax: Axes | None = None, *, fdr: float = 0.05) -> Axes:
    """Scores as bars with intervals, a dot a subject, the noise ceiling, and what differs.

    Args:
        inference: several models against one brain.
        ax: axes to draw on; new ones when not given.
        fdr: a star stands above a model that `model_frame`'s corrected p tells from 0, and an
            arrow runs from a model to each that is worse by `pair_frame`'s. Arrows of one model
            share a line, which begins with a dot above it.

    Returns:
        The axes, with the key above them.

    Raises:
        ValueError: if `fdr` is not between 0 and 1.

    >>> from neurospyke.compare import RDM, rsa
    >>> one, two = (RDM(np.array(v), tuple("abcd"), dissimilarity="any")
    ...             for v in ([1.0, 2, 3, 4, 5, 6], [1.0, 3, 2, 4, 6, 5]))
    >>> result = rsa({"conv1": two}, one, n_bootstrap=20, n_permutations=0, seed=0)
    >>> round(float(plot_inference(result).patches[0].get_height()), 3)  # 1 - 6 * 4 / (6 * 35)
    0.886
    """
    check_kind(inference, Inference, "inference", "rsa of models by name")
    if not 0 <= fdr <= 1:
        raise ValueError(f"`fdr` must be between 0 and 1; got {fdr}")
    worse = _worse(inference, fdr)
    sure = np.flatnonzero(inference.model_frame()["p_fdr"].to_numpy() <= fdr)
    intervals = np.array([each.interval for each in inference.comparisons])
    tops = np.fmax(intervals[:, 1], np.fmax(inference.subject_scores.max(axis=1), 0))
    top, bottom = np.nanmax([*tops, inference.ceiling[1]]), min(intervals.min(), 0)
    step = 0.07 * (top - bottom)
    with style():
        width = COLUMN if len(tops) <= _IN_COLUMN else PAGE
        ax = axes_for(ax, width, 2.7 + 0.1 * len(worse))
        if np.isfinite(inference.ceiling[0]):
            ax.axhspan(*inference.ceiling, color=BAND, zorder=0)
        _draw_bars(ax, inference, intervals)
        ax.scatter(sure, tops[sure] + step / 2, s=16, marker="*", color=INK, linewidth=0)
        _draw_arrows(ax, worse, top + step, step)
        ax.set_ylim(top=top + (len(worse) + 1) * step)
        ax.axhline(0, color=INK, linewidth=0.8)
        names = [wrap(name, 14) for name in inference.models]
        ax.set_xticks(range(len(names)), names, rotation=40, ha="right", parse_math=False)
        ax.set_ylabel(f"score ({inference.comparisons[0].method})", parse_math=False)
        _write_key(ax, inference, len(sure) > 0, len(worse) > 0)
        sns.despine(ax=ax)
    return ax


def _draw_bars(ax: Axes, inference: Inference, intervals: np.ndarray) -> None:
    places = np.arange(len(intervals))
    ax.bar(places, inference.scores, width=0.6, color=_BAR, edgecolor="0.3", linewidth=0.6)
    ax.vlines(places, intervals[:, 0], intervals[:, 1], color=INK, linewidth=1.4, zorder=3)
    if len(inference.subjects) > 1:
        spread = np.linspace(-0.18, 0.18, len(inference.subjects))
        ax.scatter(places[:, None] + spread, inference.subject_scores, s=9, zorder=4, **_DOT)


def _worse(inference: Inference, fdr: float) -> list[tuple[int, list[int]]]:
    """Each model that is better than others, from the best down, and those others."""
    pairs: pd.DataFrame = inference.pair_frame()
    pairs = pairs[pairs["p_fdr"] <= fdr]
    worse: dict[int, list[int]] = {}
    for model, other, difference in zip(
        pairs["model"], pairs["other"], pairs["difference"], strict=True
    ):
        ends = [inference.models.index(name) for name in (model, other)]
        better, less = ends if difference > 0 else ends[::-1]
        worse.setdefault(better, []).append(less)
    return sorted(worse.items(), key=lambda row: inference.scores[row[0]])


def _draw_arrows(ax: Axes, worse: list[tuple[int, list[int]]], first: float, step: float) -> None:
    for row, (better, others) in enumerate(worse):
        height = first + row * step
        every = [better, *others]
        ax.plot([min(every), max(every)], [height] * 2, color=INK, linewidth=0.8, zorder=3)
        ax.plot([better], [height], "o", color=INK, markersize=3.5, zorder=4)
        for marker, side in (("<", -1), (">", 1)):
            heads = [other for other in others if (other - better) * side > 0]
            if heads:
                ax.plot(heads, [height] * len(heads), marker, color=INK, markersize=3.5, zorder=4)


def _write_key(ax: Axes, inference: Inference, stars: bool, arrows: bool) -> None:
    levels = {each.confidence for each in inference.comparisons}
    name = f"{100 * levels.pop():g} % interval" if len(levels) == 1 else "interval"
    keys: dict[str, Any] = {name: Line2D([], [], color=INK, linewidth=1.4)}
    if len(inference.subjects) > 1:
        look: Any = {"markerfacecolor": "white", "markeredgecolor": INK, "markersize": 3.5}
        keys["subject"] = Line2D([], [], marker="o", linestyle="", **look)
    if np.isfinite(inference.ceiling[0]):
        keys["noise ceiling"] = Patch(color=BAND)
    if stars:
        keys["above 0"] = Line2D([], [], marker="*", linestyle="", color=INK, markersize=5)
    if arrows:
        keys["better than"] = Line2D([], [], marker=">", color=INK, linewidth=0.8, markersize=3.5)
    write_legend(ax, keys)
