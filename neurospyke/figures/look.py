"""The look that all figures share, and how they are written for print.

Every distinction is made twice, by grey level and by hatching, dashes or marker, so that a print
in black and white, or an eye without one kind of cone, loses nothing.
"""

import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from neurospyke.storage import whole_file

COLUMN, PAGE = 89 / 25.4, 183 / 25.4  # widths in print, inches
INK = "0.15"
BAND = "0.91"
FILL = "#5c85b0"
HATCHES = ("", "////", "....", "xxxx", "----", "++++")
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (7, 1, 1, 1, 1, 1)), (0, (9, 3)))
MARKERS = "osD^vPX*<>"
RATES = {"s": "rate (spikes/s)", "step": "rate (spikes/step)"}
TIMES = {"s": "time (s)", "step": "time (model steps)"}
_DATES = {".svg": "Date", ".pdf": "CreationDate", ".ps": "CreationDate", ".eps": "CreationDate"}


@contextmanager
def style() -> Iterator[None]:
    """Look shared by all figures, inside the block only; nothing global changes.

    Text is 7.5 to 8.5 points high: what is drawn as wide as a column (`COLUMN`, 89 mm) or a page
    (`PAGE`, 183 mm) is printed as it is. Text stays text in vector files, with its font in PDF.

    Yields:
        Nothing.

    >>> with style():
    ...     mpl.rcParams["pdf.fonttype"], round(COLUMN * 25.4), round(PAGE * 25.4)
    (42, 89, 183)
    """
    ours: Any = {
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.labelsize": 8,
        "axes.linewidth": 0.8,
        "axes.titlelocation": "left",
        "axes.titlesize": 8.5,
        "font.size": 8,
        "hatch.linewidth": 0.7,
        "legend.fontsize": 7.5,
        "legend.frameon": False,
        "pdf.fonttype": 42,
        "ps.fonttype": 42,
        "svg.fonttype": "none",
        "svg.hashsalt": "neurospyke",
        "text.color": INK,
        "xtick.color": INK,
        "xtick.labelsize": 7.5,
        "ytick.color": INK,
        "ytick.labelsize": 7.5,
    }
    with mpl.rc_context(sns.axes_style("ticks") | ours):
        yield


def write_figure(drawn: Axes | Figure | SubFigure, path: str | Path) -> Path:
    """Write a figure in the format of the file's name, whole or not at all.

    PDF holds the fonts it needs, and text stays text in PDF, PS and SVG; points of other formats
    are 300 an inch. The same figure gives the same bytes, since no date is written.

    Args:
        drawn: a figure, or axes of it.
        path: a name that ends in .pdf, .svg, .eps, .png or another format of matplotlib.

    Returns:
        The path.

    Raises:
        ValueError: for a format that matplotlib does not write, or a folder that is not there.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_figure(axes_for(None, COLUMN, 2.0), f"{folder}/empty.pdf")
    ...     path.read_bytes()[:5]
    b'%PDF-'
    """
    figure = drawn.figure if isinstance(drawn, Axes) else drawn
    suffix = Path(path).suffix.lower()
    known = figure.canvas.get_supported_filetypes()
    if suffix[1:] not in known:
        raise ValueError(f"`path` must end in one of {sorted(known)}; got {str(path)!r}")
    undated = {_DATES[suffix]: None} if suffix in _DATES else {}
    with style(), whole_file(path) as temporary:
        # not cut to what is drawn, which would change the width and with it the size of print
        figure.canvas.print_figure(temporary, format=suffix[1:], dpi=300, metadata=undated)
    return Path(path)


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


def panels_for(
    axes: Sequence[Axes] | None, n_rows: int, n_columns: int, width: float, height: float
) -> list[Axes]:
    """The axes given, or a grid of new ones, row by row.

    Args:
        axes: one a panel, or None.
        n_rows: of panels.
        n_columns: of panels.
        width: of a new figure, inches.
        height: of a new figure, inches.

    Raises:
        ValueError: if there are not as many axes as panels.
    """
    if axes is None:
        made = plt.subplots(
            n_rows, n_columns, figsize=(width, height), layout="constrained", squeeze=False
        )
        return list(made[1].ravel())
    given = list(np.ravel(np.asarray(axes, dtype=object)))
    if len(given) != n_rows * n_columns:
        raise ValueError(
            f"`axes` must be {n_rows * n_columns}, one a panel; got {len(given)}: leave them out "
            "for new ones"
        )
    return given


def grid_for(axes: Sequence[Axes] | None, n: int, height: float | None = None) -> list[Axes]:
    """The axes given, or new ones, at most four in a row of panels.

    Args:
        axes: one a panel, or None.
        n: number of panels.
        height: of a row of panels, inches; as high as a panel is wide when not given.

    Returns:
        As many axes as panels; what is left of the last row stays empty.

    Raises:
        ValueError: if there are not as many axes as panels.
    """
    if axes is not None:
        return panels_for(axes, 1, n, 0, 0)
    n_columns = min(4, n)
    n_rows = math.ceil(n / n_columns)
    width = COLUMN if n_columns == 1 else PAGE
    panels = panels_for(None, n_rows, n_columns, width, n_rows * (height or width / n_columns))
    for ax in panels[n:]:
        ax.set_axis_off()
    return panels[:n]


def colours(n: int) -> list[Any]:
    """Colours that differ in grey level too, from dark to light.

    Args:
        n: how many.

    >>> len(colours(3)), colours(1) == colours(2)[:1]
    (3, True)
    """
    return sns.color_palette("blend:#12263f,#2f7a8c,#7db39a", max(n, 2))[:n]


def check_columns(table: pd.DataFrame, name: str, columns: Sequence[str]) -> None:
    """Refuse a table without rows or without these columns.

    Args:
        table: the table.
        name: the argument.
        columns: names that must be there.

    Raises:
        ValueError: if so.
    """
    missing = [column for column in columns if column not in getattr(table, "columns", ())]
    if missing or len(table) == 0:
        raise ValueError(
            f"`{name}` must be a table with rows and the columns {tuple(columns)}; "
            f"got {f'none of {missing}' if missing else 'no row'}"
        )


def check_kind(given: object, kind: type, name: str, source: str) -> None:
    """Refuse what is of another kind, which would fail later and darker.

    Args:
        given: what was given.
        kind: what it must be.
        name: the argument.
        source: what makes such things.

    Raises:
        TypeError: if so.

    >>> check_kind([1.0], dict, "sides", "dict(V4=responses)")
    Traceback (most recent call last):
    TypeError: `sides` must be of the kind dict, as from dict(V4=responses); got list
    """
    if not isinstance(given, kind):
        raise TypeError(
            f"`{name}` must be of the kind {kind.__name__}, as from {source}; "
            f"got {type(given).__name__}"
        )


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
        **where: settings of matplotlib's legend; above the axes, in as many columns as fit, when
            there are none.
    """
    above = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": _columns(ax, list(keys))}
    narrow: Any = {"borderaxespad": 0.3, "handlelength": 1.8, "handletextpad": 0.5}
    more: Any = narrow | {"columnspacing": 1.0} | (where or above)
    legend = ax.legend(list(keys.values()), list(keys), **more)
    for text in legend.get_texts():
        text.set_parse_math(False)


def width_of(ax: Axes) -> float:
    """About the width of axes, inches: before a layout has made room for what is around them.

    Args:
        ax: axes.
    """
    return float(ax.bbox.width / ax.figure.dpi)


def _columns(ax: Axes, names: list[str]) -> int:
    """As many columns as fit above the axes: a letter is about 0.6 of a size wide, a handle 4."""
    size = mpl.rcParams["legend.fontsize"] / 72
    wide = [size * (4 + 0.6 * max(map(len, name.split("\n")))) for name in names]
    for n_columns in range(len(names), 1, -1):
        columns = np.array_split(wide, n_columns)  # as a legend is divided
        if sum(float(column.max()) for column in columns) < 0.9 * width_of(ax):
            return n_columns
    return 1
