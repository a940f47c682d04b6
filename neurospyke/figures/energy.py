"""Figures of what an inference costs."""

from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.container import BarContainer

from neurospyke.figures.look import (
    COLUMN,
    HATCHES,
    axes_for,
    check_columns,
    style,
    wrap,
    write_legend,
)

_COLUMNS = ("network", "arithmetic", "nanojoule", "ratio")


def plot_energy(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Energy of an inference as bars, by network and arithmetic, on a logarithmic axis.

    Args:
        table: a row a network and arithmetic with the columns `network`, `arithmetic`, `nanojoule`
            (above 0) and `ratio` (to the network of ratio 1), such as `energy_table` gives it.
        ax: axes to draw on; new ones, as high as the bars need, when not given.

    Returns:
        The axes. Bars begin at a power of ten below the least; beside each stand its energy and
        its ratio.

    Raises:
        ValueError: a column is missing, there is no row, or an energy is not above 0.

    >>> table = pd.DataFrame({"network": ["spiking", "lstm"], "arithmetic": "fp32",
    ...                       "nanojoule": [2.0, 300.0], "ratio": [1.0, 150.0]})
    >>> [text.get_text() for text in plot_energy(table).texts]
    ['2 nJ', '300 nJ, × 150']
    """
    check_columns(table, "table", _COLUMNS)
    spent = table["nanojoule"].to_numpy(dtype=float)
    if not (np.isfinite(spent) & (spent > 0)).all():
        raise ValueError(f"`table['nanojoule']` must be above 0 and finite; got {spent.tolist()}")
    networks = list(dict.fromkeys(table["network"]))
    kinds = list(dict.fromkeys(table["arithmetic"]))
    start = float(10 ** np.floor(np.log10(spent.min()) - 1e-9))
    with style():
        ax = axes_for(ax, COLUMN, 0.7 + 0.2 * len(kinds) * len(networks))
        keys = {
            wrap(str(kind), 20): _draw(ax, table, kind, number, len(kinds))
            for number, kind in enumerate(kinds)
        }
        for bars in keys.values():
            for bar in bars:  # energies count from 0, which a logarithmic axis does not show
                bar.set(x=start, width=bar.get_width() - start)
        ax.set_xscale("log")
        # room for what stands beside the longest bar
        ax.set_xlim(start, spent.max() * (spent.max() / start) ** 0.55)
        ax.set_ylim(len(networks) - 0.5, -0.5)
        names = [wrap(str(name), 18) for name in networks]
        ax.set_yticks(range(len(names)), names, parse_math=False)
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel("energy of an inference (nJ)")
        write_legend(ax, dict(keys))
        sns.despine(ax=ax)
    return ax


def _draw(ax: Axes, table: pd.DataFrame, kind: str, number: int, n: int) -> BarContainer:
    networks = list(dict.fromkeys(table["network"]))
    part = table[table["arithmetic"] == kind]
    aside = 0.8 / n * (number - (n - 1) / 2)
    downs = [networks.index(name) + aside for name in part["network"]]
    for down, energy, ratio in zip(downs, part["nanojoule"], part["ratio"], strict=True):
        text = f"{_number(energy)} nJ" + (
            "" if ratio == 1 else f", \N{MULTIPLICATION SIGN} {_number(ratio)}"
        )
        where: Any = {"xytext": (3, 0), "textcoords": "offset points", "va": "center", "size": 7}
        ax.annotate(text, (energy, down), **where)
    shade = str(np.linspace(0.55, 0.85, n)[number])
    look: Any = {"hatch": HATCHES[number % len(HATCHES)], "edgecolor": "0.3", "linewidth": 0.6}
    return ax.barh(downs, part["nanojoule"], 0.8 / n, facecolor=shade, **look)


def _number(value: float) -> str:
    """Three digits that count, without powers of ten."""
    return f"{float(f'{value:.3g}'):,.12g}"
