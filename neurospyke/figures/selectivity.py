"""Figures of selectivity: tuning curves, and how a statistic of units is spread."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from neurospyke.compare.rates import psth
from neurospyke.figures.look import (
    COLUMN,
    DASHES,
    FILL,
    INK,
    MARKERS,
    RATES,
    axes_for,
    check_columns,
    colours,
    style,
    wrap,
    write_legend,
)
from neurospyke.responses import Responses

_NAMED = 24
_LINES = 6
_KINDS = ("measure", "convention", "estimator")


def plot_tuning(
    responses: Responses,
    by: str = "stimulus",
    ax: Axes | None = None,
    *,
    units: Sequence[int] = (0,),
    confidence: float = 0.95,
) -> Axes:
    """Tuning curves: mean rate of units over the window, with its interval over trials.

    Args:
        responses: (trial, unit, time) counts, spikes or rates.
        by: column of `trials`: where numeric, such as a direction in degrees, its values are the
            axis; else each label has a place, up to 24 labels in order of first appearance, more
            by decreasing rate of the first unit.
        ax: axes to draw on; new ones when not given.
        units: positions of at most six units, a line each.
        confidence: coverage of the intervals (Student's t over trials).

    Returns:
        The axes; up to 24 labels are named, and no line leads from one to the next.

    Raises:
        ValueError: if there is no such column or unit, there are too many units, or responses hold
            no spikes.

    >>> counts = np.array([[1], [3], [6]])
    >>> responses = Responses.from_counts(counts, stimuli=["a", "a", "b"])
    >>> plot_tuning(responses).get_lines()[0].get_xydata()
    array([[0., 2.],
           [1., 6.]])
    """
    if by not in responses.trials:
        raise ValueError(f"`by` must be one of {list(responses.trials.columns)}; got {by!r}")
    places = list(units)
    if not 0 < len(places) <= _LINES or not all(0 <= unit < responses.n_units for unit in places):
        raise ValueError(
            f"`units` must be 1 to {_LINES} positions from 0 to {responses.n_units - 1}; "
            f"got {places}"
        )
    column = responses.trials[by]
    numeric = pd.api.types.is_numeric_dtype(column)
    codes, kinds = pd.factorize(column, sort=numeric)
    if (codes < 0).any():
        raise ValueError(f"`by` must label every trial; {by!r} has missing values")
    table = _means(responses, codes, places, confidence)
    shades = colours(len(places))
    with style():
        ax = axes_for(ax, COLUMN, 2.3)
        across = np.asarray(kinds, dtype=float) if numeric else _ranks(table, len(kinds))
        keys: dict[str, Any] = {}
        for number, unit in enumerate(places):
            part = table[table["unit"] == number].sort_values("stimulus")
            look: Any = {"color": shades[number]}
            ax.vlines(across, part["low"], part["high"], linewidth=0.9, **look)
            dashes = DASHES[number % len(DASHES)] if numeric else ""
            more: Any = {"linestyle": dashes, "marker": MARKERS[number], "markersize": 4, **look}
            (line,) = ax.plot(across, part["rate"], markeredgecolor="white", **more)
            keys[f"unit {responses.units['unit'].iloc[unit]}"] = line
        ax.set_ylim(bottom=min(0, float(table["rate"].min())))
        ax.set_ylabel(RATES[responses.time_unit])
        _name_kinds(ax, by, kinds, numeric)
        write_legend(ax, keys)
        sns.despine(ax=ax)
    return ax


def plot_selectivity(table: pd.DataFrame, ax: Axes | None = None, *, by: str | None = None) -> Axes:
    r"""How a statistic of units is spread: a dot a unit, the median and the middle half.

    Args:
        table: a row a unit with the columns `value` and `status`, of one kind only, such as rows of
            `sparseness`, `tuning_selectivity`, `discriminability` or `interval_statistics`.
        ax: axes to draw on; new ones, as high as the groups need, when not given.
        by: column whose labels are the groups, such as "area" or "layer".

    Returns:
        The axes. Units whose status is not "ok" are left out and counted beside the name of their
        group, as is the row of a whole population.

    Raises:
        ValueError: if a column is missing, there is no row, or the table is of several kinds.

    >>> table = pd.DataFrame({"area": ["V4"] * 3 + ["IT"], "value": [0.1, 0.2, 0.6, 0.9],
    ...                       "status": "ok", "measure": "d_prime"})
    >>> ax = plot_selectivity(table, by="area")
    >>> [label.get_text() for label in ax.get_yticklabels()], ax.get_xlabel()
    (['V4\nn = 3', 'IT\nn = 1'], 'd prime')
    """
    check_columns(table, "table", ("value", "status", *([] if by is None else [by])))
    kind = next((name for name in _KINDS if name in table), None)
    kinds = ["value"] if kind is None else list(dict.fromkeys(table[kind].astype(str)))
    if len(kinds) > 1:
        raise ValueError(
            f"`table` must be of one {kind}; got {kinds}; choose one, such as "
            f"table[table.{kind} == {kinds[0]!r}]"
        )
    if "unit" in table:
        table = table[table["unit"].astype(str) != "population"]
    groups = [("units", table)] if by is None else list(table.groupby(by, sort=False))
    generator = np.random.default_rng(0)
    with style():
        ax = axes_for(ax, COLUMN, 0.6 + 0.42 * len(groups))
        names = []
        for place, (name, part) in enumerate(groups):
            values = part.loc[part["status"] == "ok", "value"].to_numpy(dtype=float)
            out = len(part) - len(values)
            names.append(f"{wrap(str(name), 18)}\nn = {len(values)}{f', {out} out' * (out > 0)}")
            if len(values):
                _draw_group(ax, place, values, generator)
        ax.set_yticks(range(len(names)), names, parse_math=False)
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel(wrap(kinds[0].replace("_", " "), 50), parse_math=False)
        sns.despine(ax=ax, left=True)
    return ax


def _means(
    responses: Responses, codes: np.ndarray, units: list[int], confidence: float
) -> pd.DataFrame:
    """`psth` of one bin, with the codes as `stimulus`."""
    summed = responses.sum_over_time().where(units=units)
    # all as wide as the largest, so that they sort as numbers do
    labels = [str(code).zfill(len(str(codes.max()))) for code in codes]
    trials = summed.trials.assign(stimulus=labels)
    return psth(replace(summed, trials=trials), confidence=confidence)


def _ranks(table: pd.DataFrame, n: int) -> np.ndarray:
    """A place for each label: by its number, or its rate in the first unit where there are many."""
    if n <= _NAMED:
        return np.arange(n)
    rates = table[table["unit"] == 0].sort_values("stimulus")["rate"].to_numpy()
    return np.argsort(np.argsort(-rates, kind="stable"))


def _name_kinds(ax: Axes, by: str, kinds: pd.Index, numeric: bool) -> None:
    if numeric:
        ax.set_xlabel(wrap(by, 40), parse_math=False)
        if len(kinds) <= 8:
            ax.set_xticks(kinds, [f"{kind:g}" for kind in kinds])
    elif len(kinds) <= _NAMED:
        names = [wrap(str(kind), 14) for kind in kinds]
        ax.set_xticks(range(len(names)), names, rotation=40, ha="right", parse_math=False)
    else:
        ax.set_xticks([])
        ranked = f"{len(kinds)} labels of {wrap(by, 20)}, ranked by the first unit"
        ax.set_xlabel(ranked, parse_math=False)


def _draw_group(ax: Axes, place: int, values: np.ndarray, generator: np.random.Generator) -> None:
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    aside = place + generator.uniform(-0.22, 0.22, len(values))
    ax.scatter(values, aside, s=9, color=FILL, alpha=0.7, linewidth=0)
    ax.plot([low, high], [place, place], color=INK, linewidth=1.4, zorder=3)
    ends: Any = {"marker": "|", "markersize": 10, "markeredgewidth": 1.6}
    ax.plot([median], [place], color=INK, zorder=4, **ends)
