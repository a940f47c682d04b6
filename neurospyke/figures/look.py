"""The look that all figures share.

Every distinction is made twice, by grey level and by hatching, dashes or marker, so that a print
in black and white loses nothing.
"""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes

INK = "0.15"
HATCHES = ("", "////", "....", "xxxx", "----", "++++")
DASHES = ("-", "--", "-.", ":")
MARKERS = "osD^vPX*<>"


@contextmanager
def style() -> Iterator[None]:
    """Look shared by all figures, inside the block only; nothing global changes.

    Yields:
        Nothing.
    """
    ours: Any = {
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.labelsize": 9,
        "axes.linewidth": 0.8,
        "axes.titlelocation": "left",
        "axes.titlesize": 9.5,
        "font.size": 9,
        "hatch.linewidth": 0.7,
        "legend.fontsize": 8.5,
        "legend.frameon": False,
        "text.color": INK,
        "xtick.color": INK,
        "xtick.labelsize": 8.5,
        "ytick.color": INK,
        "ytick.labelsize": 8.5,
    }
    with mpl.rc_context(sns.axes_style("ticks") | ours):
        yield


def axes_for(ax: Axes | None, width: float, height: float) -> Axes:
    """The axes given, or new ones.

    Args:
        ax: axes, or None.
        width: of a new figure, inches.
        height: of a new figure, inches.
    """
    if ax is not None:
        return ax
    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def wrap(text: str, width: int) -> str:
    r"""At most two lines: names are read, not measured, and a longer one would overlap the next.

    >>> wrap("one two three", 7)
    'one two\nthree'
    """
    return "\n".join(textwrap.wrap(text, width, max_lines=2, placeholder=" …"))


def write_legend(ax: Axes, keys: dict[str, Any], **where: Any) -> None:
    """Key to what is drawn, its names as they are written.

    Args:
        ax: axes.
        keys: artists by name.
        **where: settings of matplotlib's legend.
    """
    legend = ax.legend(list(keys.values()), list(keys), borderaxespad=0.3, **where)
    for text in legend.get_texts():
        text.set_parse_math(False)
