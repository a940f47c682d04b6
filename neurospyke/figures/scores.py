"""Figures of comparisons.

`plot_<what>(data, ax=None)` draws on the axes given, or on new ones, and returns them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from neurospyke.compare.comparison import Comparison
from neurospyke.figures.look import (
    BAND,
    DASHES,
    HATCHES,
    INK,
    MARKERS,
    PAGE,
    axes_for,
    check_kind,
    colours,
    style,
    wrap,
    write_legend,
)

_COURSES = {"step": "model steps included", "time": "time, middle of the window (s)"}
_CEILING: dict[str, Any] = {"facecolor": BAND, "edgecolor": "0.6", "linewidth": 0.6}


def plot_scores(comparisons: Sequence[Comparison], ax: Axes | None = None) -> Axes:
    """Scores as horizontal bars with intervals, each on the band of its noise ceiling.

    Args:
        comparisons: at least one, drawn from top to bottom in the order given; bars of one brain
            share a grey level and a hatching.
        ax: axes to draw on; new ones, as high as the bars need, when not given.

    Returns:
        The axes; the numbers stand to the right of them, with the p value of what was tested.

    Raises:
        ValueError: if there is no comparison.

    >>> result = Comparison("rsa", "conv1", "V4", 0.31, (0.27, 0.35), conditions=("a", "b", "c"))
    >>> [label.get_text() for label in plot_scores([result]).get_yticklabels()]
    ['conv1']
    """
    _check_some(comparisons)
    brains = list(dict.fromkeys(each.brain for each in comparisons))
    with style():
        ax = axes_for(ax, PAGE, 0.9 + 0.34 * len(comparisons))
        for row, each in enumerate(comparisons):
            _plot_bar(ax, row, each, _fill(brains.index(each.brain), len(brains)))
        ax.axvline(0, color=INK, linewidth=0.8, zorder=4)
        names = [wrap(label, 36) for label in comparison_labels(comparisons)]
        ax.set_yticks(range(len(names)), names, parse_math=False)
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.tick_params(axis="y", length=0)
        _label_score(ax.set_xlabel, comparisons)
        _key_to_scores(ax, comparisons, brains)
        sns.despine(ax=ax, left=True)
    return ax


def plot_time_course(comparisons: Sequence[Comparison], ax: Axes | None = None) -> Axes:
    """Scores against time or model step: a line a model, its interval, and the noise ceiling.

    Args:
        comparisons: all with a `step`, of which there are at least two, or else all with a
            `time` window, drawn at its middle.
        ax: axes to draw on; new ones when not given.

    Returns:
        The axes, with the key to the lines on their right.

    Raises:
        ValueError: if the comparisons differ neither in step nor in time.

    >>> course = [
    ...     Comparison("rsa", "conv1", "V4", score, (0, 0.4), conditions=("a", "b", "c"), step=step)
    ...     for step, score in ((1, 0.1), (2, 0.3))
    ... ]
    >>> plot_time_course(course).get_lines()[0].get_ydata()
    array([0.1, 0.3])
    """
    _check_some(comparisons)
    places, axis = _course(comparisons)
    labels = comparison_labels(comparisons, without=(axis,))
    names = list(dict.fromkeys(labels))
    with style():
        ax = axes_for(ax, PAGE, 3.4)
        _plot_ceilings(ax, comparisons, places, labels)
        handles, shades = [], colours(len(names))
        for position, name in enumerate(names):
            chosen = [place for place, label in enumerate(labels) if label == name]
            chosen.sort(key=places.__getitem__)
            line = [comparisons[place] for place in chosen]
            where = [places[place] for place in chosen]
            handles.append(_plot_line(ax, where, line, position, shades[position]))
        ax.axhline(0, color=INK, linewidth=0.8, zorder=1)
        ax.set_xlabel(_COURSES[axis])
        _label_score(ax.set_ylabel, comparisons)
        _key_to_lines(ax, handles, [wrap(name, 30) for name in names], comparisons)
        sns.despine(ax=ax)
    return ax


def comparison_labels(
    comparisons: Sequence[Comparison], *, without: Sequence[str] = ()
) -> list[str]:
    """Names that tell comparisons apart: the model, what else differs, settings only where needed.

    Settings called `n_...` are left out: they are counts, such as of resamples, not choices. So is
    `ceiling`, which tells how the ceiling came about.

    Args:
        comparisons: any number of them.
        without: what to leave out even where it differs.

    Returns:
        One name each, such as "conv1 · IT · comparator cosine".

    >>> results = [Comparison("rsa", "conv1", brain, 0.3, (0.2, 0.4), conditions=("a", "b", "c"))
    ...            for brain in ("V4", "IT")]
    >>> comparison_labels(results)
    ['conv1 · V4', 'conv1 · IT']
    """
    rows = [_describe(each) for each in comparisons]
    names = list(dict.fromkeys(name for row in rows for name in row))
    shown = [
        name
        for name in names
        if name not in without and (name == "model" or len({row.get(name) for row in rows}) > 1)
    ]
    short = [name for name in shown if not name.startswith("setting ")]
    labels = [" · ".join(row[name] for name in short if row.get(name)) for row in rows]
    if len(set(labels)) == len(labels):
        return labels
    return [" · ".join(row[name] for name in shown if row.get(name)) for row in rows]


def _describe(comparison: Comparison) -> dict[str, str]:
    """Text for everything that may tell one comparison from another, by name."""
    settings = {
        f"setting {name}": f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in comparison.settings.items()
        if not name.startswith("n_") and name != "ceiling"
    }
    step, time = comparison.step, comparison.time
    return {
        "model": comparison.model,
        "brain": comparison.brain,
        "method": comparison.method,
        "time": "" if time is None else f"{time[0]:g} to {time[1]:g} s",
        "step": "" if step is None else f"step {step}",
    } | settings


def _check_some(comparisons: Sequence[Comparison]) -> None:
    check_kind(comparisons, Sequence, "comparisons", "[rsa(model, brain)]")
    for each in comparisons:
        check_kind(each, Comparison, "comparisons", "[rsa(model, brain)]")
    if not comparisons:
        raise ValueError("`comparisons` must hold at least one comparison; got none")


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def _fill(brain: int, n_brains: int) -> dict[str, Any]:
    shade = sns.color_palette("blend:#bdd0e4,#5c85b0", max(n_brains, 3))
    return {
        "facecolor": shade[brain if n_brains > 1 else 1],
        "edgecolor": "0.3",
        "hatch": HATCHES[brain % len(HATCHES)],
        "linewidth": 0.6,
    }


def _plot_bar(ax: Axes, row: int, comparison: Comparison, fill: dict[str, Any]) -> None:
    if comparison.ceiling is not None:
        # As high as the row, so that equal ceilings join into one band.
        low, high = comparison.ceiling
        shade = _CEILING["facecolor"]
        ax.add_patch(Rectangle((low, row - 0.5), high - low, 1, facecolor=shade, linewidth=0))
        ax.vlines([low, high], row - 0.5, row + 0.5, color=_CEILING["edgecolor"], linewidth=0.6)
    ax.barh(row, comparison.score, height=0.54, zorder=2, **fill)
    low, high = comparison.interval
    ends = {"marker": "|", "markersize": 6, "markeredgewidth": 1.2}
    ax.plot([low, high], [row, row], color=INK, linewidth=1.2, zorder=3, **ends)
    text = f"{_number(comparison.score)}  [{_number(low)}, {_number(high)}]"
    if comparison.p is not None:
        text += f"  p {comparison.p:.2g}"
    ax.text(1.02, row, text, transform=ax.get_yaxis_transform(), va="center", size=7.5)


def _label_score(set_label: Any, comparisons: Sequence[Comparison]) -> None:
    methods = ", ".join(dict.fromkeys(each.method for each in comparisons))
    brains = list(dict.fromkeys(each.brain for each in comparisons))
    label = f"{methods} with {brains[0]}" if len(brains) == 1 else methods
    set_label(wrap(label, 60), parse_math=False)


def _interval_name(comparisons: Sequence[Comparison]) -> str:
    levels = {each.confidence for each in comparisons}
    return f"{100 * levels.pop():g} % interval" if len(levels) == 1 else "interval"


def _key_to_scores(ax: Axes, comparisons: Sequence[Comparison], brains: list[str]) -> None:
    keys: dict[str, Patch | Line2D] = {}
    if len(brains) > 1:
        keys |= {
            wrap(name, 30): Patch(**_fill(position, len(brains)))
            for position, name in enumerate(brains)
        }
    keys[_interval_name(comparisons)] = Line2D([], [], color=INK, marker="|", linewidth=1.2)
    if any(each.ceiling for each in comparisons):
        keys["noise ceiling"] = Patch(**_CEILING)
    write_legend(ax, keys)


def _course(comparisons: Sequence[Comparison]) -> tuple[list[float], str]:
    steps = [each.step for each in comparisons if each.step is not None]
    if len(steps) == len(comparisons) and len(set(steps)) > 1:
        return [float(step) for step in steps], "step"
    times = [sum(each.time) / 2 for each in comparisons if each.time is not None]
    if len(times) == len(comparisons) and len(set(times)) > 1:
        return times, "time"
    raise ValueError(
        "`comparisons` must all have a `step`, or all a `time`, with at least two different; got "
        f"steps {sorted(set(steps))} and times {sorted(set(times))} of {len(comparisons)}"
    )


def _plot_ceilings(
    ax: Axes, comparisons: Sequence[Comparison], places: list[float], labels: list[str]
) -> None:
    """Each different ceiling once, although models usually share it, broken where unknown."""
    bands = {
        tuple(
            sorted(
                (place, each.ceiling)
                for each, place, label in zip(comparisons, places, labels, strict=True)
                if label == name and each.ceiling is not None
            )
        )
        for name in dict.fromkeys(labels)
    }
    order = {place: position for position, place in enumerate(sorted(set(places)))}
    for band in bands:
        breaks = [
            position
            for position in range(1, len(band))
            if order[band[position][0]] > order[band[position - 1][0]] + 1
        ]
        for part in np.split(np.arange(len(band)), breaks):
            if len(part):
                _plot_ceiling(ax, [band[position] for position in part])


def _plot_ceiling(ax: Axes, part: list[tuple[float, tuple[float, float]]]) -> None:
    middles = [place for place, _ in part]
    low, high = np.array([ceiling for _, ceiling in part]).T
    if len(part) == 1:  # a point has no area to fill
        ax.vlines(middles, low, high, color=_CEILING["edgecolor"], linewidth=3, zorder=0)
    else:
        ax.fill_between(middles, low, high, zorder=0, **_CEILING)


def _plot_line(
    ax: Axes, places: list[float], line: list[Comparison], position: int, colour: Any
) -> Line2D:
    low, high = np.array([each.interval for each in line]).T
    ax.fill_between(places, low, high, color=colour, alpha=0.12, linewidth=0, zorder=2)
    (drawn,) = ax.plot(
        places,
        [each.score for each in line],
        color=colour,
        linestyle=DASHES[position % len(DASHES)],
        marker=MARKERS[position % len(MARKERS)],
        markersize=4.5,
        markeredgecolor="white",
        markeredgewidth=0.5,
        linewidth=1.3,
        zorder=3,
    )
    return drawn


def _key_to_lines(
    ax: Axes, lines: list[Line2D], names: list[str], comparisons: Sequence[Comparison]
) -> None:
    keys: dict[str, Any] = dict(zip(names, lines, strict=True))
    keys[_interval_name(comparisons)] = Patch(facecolor="0.5", alpha=0.3)
    if any(each.ceiling for each in comparisons):
        keys["noise ceiling"] = Patch(**_CEILING)
    write_legend(ax, keys, loc="upper left", bbox_to_anchor=(1.01, 1.02), handlelength=3)
