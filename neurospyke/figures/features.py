"""Figures of features and receptive fields, in pixels.

They take arrays, such as those of `network_features`, and tensors in the memory of the CPU.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from neurospyke.figures.look import COLUMN, axes_for, style
from neurospyke.figures.pictures import as_picture


class Field(Protocol):
    """Pixels that units see, such as `receptive_field` gives them.

    The unit in row i and column j sees the rows from start[0] + i stride[0] on, size[0] of them,
    and the columns likewise.
    """

    @property
    def size(self) -> tuple[int, int]:
        """(height, width), pixels."""
        ...

    @property
    def stride(self) -> tuple[int, int]:
        """Pixels between neighbouring units, (rows, columns)."""
        ...

    @property
    def start(self) -> tuple[int, int]:
        """(row, column) of the first pixel of the first unit."""
        ...


def plot_receptive_field(
    field: Field, image: ArrayLike, ax: Axes | None = None, *, units: Sequence[tuple[int, int]]
) -> Axes:
    """Receptive fields of units as frames on an image.

    Args:
        field: size, stride and start of the receptive fields of a layer, pixels.
        image: (height, width), (1, height, width) or (3, height, width), between 0 and 1.
        ax: axes to draw on; new ones when not given.
        units: (row, column) of the units in their map, at least one.

    Returns:
        The axes; what of a field lies in the padding is drawn outside the image.

    Raises:
        ValueError: axes or values do not fit, or there is no unit.

    >>> from types import SimpleNamespace
    >>> field = SimpleNamespace(size=(5, 3), stride=(2, 2), start=(-1, 0))
    >>> ax = plot_receptive_field(field, np.zeros((8, 8)), units=[(1, 2)])
    >>> frame = ax.patches[0]
    >>> frame.get_xy(), frame.get_height(), frame.get_width()  # edges of pixels
    ((3.5, 0.5), 5, 3)
    """
    picture = as_picture(image, "image")
    places = np.asarray(units)
    if places.ndim != 2 or places.shape[1:] != (2,) or not len(places) or (places < 0).any():
        raise ValueError(
            f"`units` must be (row, column) of at least one unit, from 0 up; got {units!r}"
        )
    with style():
        ax = axes_for(ax, COLUMN, 0.3 + COLUMN * picture.shape[0] / picture.shape[1])
        ax.imshow(picture, cmap="gray", norm=Normalize(0, 1), interpolation="nearest")
        corners = np.asarray(field.start) + places * np.asarray(field.stride) - 0.5
        height, width = field.size
        for top, left in corners.tolist():
            for line, colour in ((2.6, "black"), (1.2, "white")):  # seen on any ground
                frame = Rectangle((left, top), width, height, fill=False, ec=colour, lw=line)
                ax.add_patch(frame)
        reach = np.vstack([corners, corners + field.size, [-0.5, -0.5]])
        end = np.maximum(reach.max(axis=0), np.array(picture.shape[:2]) - 0.5)
        edge = 0.02 * max(picture.shape)  # lest lines be cut in half
        ax.set_xlim(reach[:, 1].min() - edge, end[1] + edge)
        ax.set_ylim(end[0] + edge, reach[:, 0].min() - edge)
        ax.set(xticks=[], yticks=[], xlabel=f"{height} x {width} pixels of {_size(picture)}")
        sns.despine(ax=ax, left=True, bottom=True)
    return ax


def _size(picture: np.ndarray) -> str:
    return " x ".join(map(str, picture.shape[:2]))


def plot_features(features: ArrayLike, ax: Axes | None = None) -> Axes:
    """Preferred features of maps as pictures in a grid, map 0 at the top left, row by row.

    Each picture has a scale of its own: mid grey is 0, white the largest absolute value, black its
    negative, so that a feature without negative values lies between mid grey and white.

    Args:
        features: (map, height, width), any sign, such as those of `network_features`.
        ax: axes to draw on; new ones when not given.

    Returns:
        The axes, with the numbers of the first map in each row on the left.

    Raises:
        ValueError: axes or values do not fit.

    >>> ax = plot_features(np.ones((5, 3, 3)))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['0', '3']
    """
    values = np.asarray(features, dtype=float)
    if values.ndim != 3 or values.size == 0 or not np.isfinite(values).all():
        raise ValueError(
            "`features` must be finite with axes (map, height, width), none of them empty; "
            f"got shape {values.shape}"
        )
    n, height, width = values.shape
    columns = math.ceil(math.sqrt(n * height / width))
    rows = math.ceil(n / columns)
    gap = max(1, round(0.08 * max(height, width)))
    picture = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for place, feature in enumerate(values):
        top, left = (place // columns) * (height + gap), (place % columns) * (width + gap)
        largest = np.abs(feature).max()
        picture[top : top + height, left : left + width] = feature / (largest or 1)
    with style():
        ax = axes_for(ax, COLUMN, 0.2 + COLUMN * picture.shape[0] / picture.shape[1])
        ax.imshow(picture, cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
        middles = [row * (height + gap) + (height - 1) / 2 for row in range(rows)]
        ax.set_yticks(middles, [str(row * columns) for row in range(rows)])
        ax.set_xticks([])
        ax.tick_params(length=0)
        sns.despine(ax=ax, left=True, bottom=True)
    return ax
