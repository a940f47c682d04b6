"""Figures of spikes: rasters, rates over time, and recorded and simulated units side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from neurospyke.compare.rates import psth, rate_values
from neurospyke.compare.trains import Source, SpikeTrains
from neurospyke.figures.look import (
    COLUMN,
    DASHES,
    INK,
    PAGE,
    RATES,
    TIMES,
    axes_for,
    colours,
    panels_for,
    style,
    wrap,
    write_legend,
)
from neurospyke.responses import Responses

_NAMED = 24  # groups of rows that are named one by one
_LINES = 6


def plot_raster(
    source: Source, ax: Axes | None = None, *, unit: int | None = None, trial: int | None = None
) -> Axes:
    """Spikes as ticks: all trials of one unit, or all units in one trial.

    Args:
        source: a recording, spike trains, or responses that hold spikes, which stand in the middle
            of their bins.
        ax: axes to draw on; new ones when not given.
        unit: position of the unit whose trials are the rows, gathered by stimulus.
        trial: position of the trial (of a recording or of trains: of the span) whose units are the
            rows, gathered by layer or area.

    Returns:
        The axes; gathered rows are named up to 24 names. Times are on the clock of the source, or,
        where trials begin at different times of it, from the start of each.

    Raises:
        ValueError: unless exactly one of `unit` and `trial` is given, and there is such a one.

    >>> trains = SpikeTrains.of([[0.1, 0.4], [0.3]], spans=(0, 1))
    >>> plot_raster(trains, trial=0).get_lines()[0].get_xydata()
    array([[0.1, 0. ],
           [0.4, 0. ],
           [0.3, 1. ]])
    """
    if (unit is None) == (trial is None):
        raise ValueError(f"give either `unit` or `trial`; got unit={unit} and trial={trial}")
    trains, labels, pairs = _rows(source, unit, trial)
    order = np.argsort(pd.factorize(np.array(labels))[0], kind="stable")
    rows = [trains.train(*pairs[place]) for place in order]
    spans = np.array([span for _, span in pairs])
    start = float(trains.starts[spans[0]]) if np.ptp(trains.starts[spans]) == 0 else 0.0
    with style():
        ax = axes_for(ax, COLUMN, 2.4)
        down = np.repeat(np.arange(len(rows)), [len(each) for each in rows])
        size = float(np.clip(120 / len(rows), 1.0, 6.0))
        look: Any = {"color": INK, "markersize": size, "markeredgewidth": 0.7}
        ax.plot(np.concatenate(rows) + start, down, "|", **look)
        ax.set_xlim(start, start + float(trains.durations[spans].max()))
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xlabel(TIMES[trains.time_unit])
        ax.set_ylabel("trials" if trial is None else "units")
        _name_groups(ax, [labels[place] for place in order])
        sns.despine(ax=ax)
    return ax


def plot_psth(
    responses: Responses,
    ax: Axes | None = None,
    *,
    unit: int | None = None,
    stimuli: Sequence[str] | None = None,
    confidence: float = 0.95,
) -> Axes:
    """Peristimulus time histogram: mean rate in each bin, with its interval over trials.

    Args:
        responses: (trial, unit, time) counts, spikes or rates.
        ax: axes to draw on; new ones when not given.
        unit: position of the unit; the mean of all units when not given.
        stimuli: labels of at most six stimuli, a line each; all trials together when not given.
        confidence: coverage of the intervals.

    Returns:
        The axes; the key names the stimuli and the numbers of their trials.

    Raises:
        ValueError: if there is no such unit or stimulus, there are too many stimuli, or responses
            hold no spikes.

    >>> counts = np.array([[1, 5], [3, 5]])
    >>> responses = Responses.from_counts(counts, stimuli=["a", "a"], window=(0.0, 0.5))
    >>> plot_psth(responses, unit=0).patches[0].get_data().values  # (1 + 3) / 2 in 0.5 s
    array([4.])
    """
    if unit is None:
        mean = rate_values(responses).mean(axis=1, keepdims=True)
        units = pd.DataFrame({"unit": ["mean"]})
        responses = replace(responses, values=mean, units=units, measure="rate")
    else:
        _check_place("unit", unit, responses.n_units)
        responses = responses.where(units=[unit])
    table = psth(_chosen(responses, stimuli), confidence=confidence)
    groups = list(table.groupby("stimulus", sort=False))
    shades = colours(len(groups))
    with style():
        ax = axes_for(ax, COLUMN, 2.0)
        keys: dict[str, Any] = {}
        for place, (name, part) in enumerate(groups):
            look: Any = {"color": shades[place], "linestyle": DASHES[place % len(DASHES)]}
            steps = ax.stairs(part["rate"], responses.edges, linewidth=1.3, **look)
            low, high = (np.append(part[end], part[end].iloc[-1]) for end in ("low", "high"))
            band: Any = {"color": shades[place], "alpha": 0.18, "linewidth": 0}
            ax.fill_between(responses.edges, low, high, step="post", **band)
            keys[f"{wrap(str(name), 24)} (n = {part['n'].iloc[0]})"] = steps
        ax.set_xlim(*responses.edges[[0, -1]].tolist())
        ax.set_ylim(bottom=min(0, float(table["rate"].min())))
        ax.set(xlabel=TIMES[responses.time_unit], ylabel=RATES[responses.time_unit])
        if stimuli is not None:
            write_legend(ax, keys)
        sns.despine(ax=ax)
    return ax


def plot_side_by_side(
    sides: Mapping[str, Responses],
    axes: Sequence[Axes] | None = None,
    *,
    units: Mapping[str, int] | None = None,
    trial: int = 0,
) -> list[Axes]:
    """Recorded and simulated units beside each other: spikes above, rates over time below.

    Args:
        sides: responses that hold spikes, by name.
        axes: first one a side for spikes, then one a side for rates; new ones when not given.
        units: position of one unit a side, whose trials and mean rate are drawn; when not given,
            all units in one trial, and the mean rate of all units in all trials.
        trial: position of that trial.

    Returns:
        The axes in that order.

    Raises:
        ValueError: if there is no side, one holds no spikes, there are not two axes a side, or a
            unit or trial is missing.

    >>> counts = np.array([[1, 5], [3, 5]])
    >>> one = Responses.from_counts(counts, stimuli=["a", "a"])
    >>> [ax.get_title(loc="left") for ax in plot_side_by_side({"V4": one, "conv1": one})]
    ['V4', 'conv1', '', '']
    """
    if not sides:
        raise ValueError("`sides` must hold at least one; got none")
    if units is not None and set(units) != set(sides):
        raise ValueError(f"`units` must name the sides {list(sides)}; got {list(units)}")
    for name, responses in sides.items():
        if responses.measure not in ("count", "spike"):
            raise ValueError(f"`sides` must hold spikes; {name!r} holds {responses.measure!r}")
        if units is None:
            _check_place("trial", trial, responses.n_trials)
        else:
            _check_place("unit", units[name], responses.n_units)
    n = len(sides)
    with style():
        panels = panels_for(axes, 2, n, COLUMN if n == 1 else PAGE, 3.4)
        for place, (name, responses) in enumerate(sides.items()):
            raster, rates = panels[place], panels[n + place]
            unit = None if units is None else units[name]
            plot_raster(responses, raster, unit=unit, trial=trial if unit is None else None)
            plot_psth(responses, rates, unit=unit)
            raster.set_title(wrap(name, 30), parse_math=False)
            raster.set_xlabel("")
            raster.tick_params(labelbottom=False)
    return panels


def _rows(
    source: Source, unit: int | None, trial: int | None
) -> tuple[SpikeTrains, list[str], list[tuple[int, int]]]:
    """Trains, and of every row a label, or "", and its (unit, span) among them."""
    if isinstance(source, Responses):
        stimuli = list(source.trials["stimulus"])
        # trains of what is not drawn would take longer than the drawing
        if unit is not None:
            _check_place("unit", unit, source.n_units)
            source, unit = source.where(units=[unit]), 0
        elif trial is not None:
            _check_place("trial", trial, source.n_trials)
            source, trial = source.where(trials=[trial]), 0
        trains = SpikeTrains.of(source)
    else:
        trains = SpikeTrains.of(source)
        stimuli = [""] * trains.n_spans
    if unit is not None:
        _check_place("unit", unit, trains.n_units)
        return trains, stimuli, [(unit, span) for span in range(trains.n_spans)]
    assert trial is not None
    _check_place("trial", trial, trains.n_spans)
    names = [name for name in ("layer", "area") if name in trains.units]
    labels = list(trains.units[names[0]].astype(str)) if names else [""] * trains.n_units
    return trains, labels, [(place, trial) for place in range(trains.n_units)]


def _name_groups(ax: Axes, labels: list[str]) -> None:
    """Names in the middle of rows that share one, with lines between them."""
    names = list(dict.fromkeys(labels))
    sizes = np.array([labels.count(name) for name in names])
    ends = np.cumsum(sizes)
    if len(names) == 1 or len(names) > _NAMED:
        ax.set_yticks([0, len(labels) - 1], ["1", str(len(labels))])
        return
    ax.hlines(ends[:-1] - 0.5, *ax.get_xlim(), color="0.8", linewidth=0.6, zorder=0)
    ax.set_yticks(ends - sizes / 2 - 0.5, [wrap(name, 14) for name in names], parse_math=False)
    ax.tick_params(axis="y", length=0)


def _chosen(responses: Responses, stimuli: Sequence[str] | None) -> Responses:
    """The trials of these stimuli, in their order; all as one stimulus if there are none."""
    if stimuli is None:
        return replace(responses, trials=responses.trials.assign(stimulus="all"))
    wanted = [str(label) for label in stimuli]
    unknown = [label for label in wanted if label not in responses.stimuli]
    if unknown or not 0 < len(wanted) <= _LINES:
        raise ValueError(
            f"`stimuli` must be 1 to {_LINES} stimuli of the responses; got {len(wanted)}"
            + (f" with the unknown {unknown}" if unknown else "")
        )
    of = responses.trials["stimulus"].to_numpy()
    return responses.where(trials=np.concatenate([np.flatnonzero(of == each) for each in wanted]))


def _check_place(name: str, place: int, n: int) -> None:
    if not 0 <= place < n:
        raise ValueError(f"`{name}` must be a position from 0 to {n - 1}; got {place}")
