"""Images as matplotlib wants them, and small ones beside an axis."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from numpy.typing import ArrayLike

_DEPTH = 1 / 8  # of thumbnails, of the side of the matrix
_MAX_THUMBNAILS = 144


def as_picture(image: ArrayLike, name: str) -> np.ndarray:
    """(height, width) or (height, width, 3) as matplotlib wants it, from channels first.

    Args:
        image: (height, width), (1, height, width) or (3, height, width); cut to 0 to 1.
        name: the argument, for the error.

    Returns:
        The picture, float64.

    Raises:
        ValueError: for other axes or values that are not finite.
    """
    picture = np.asarray(image, dtype=np.float64)
    if picture.ndim == 3 and picture.shape[0] == 1:
        picture = picture[0]
    elif picture.ndim == 3 and picture.shape[0] == 3:
        picture = picture.transpose(1, 2, 0)
    if (
        picture.ndim not in (2, 3)
        or picture.shape[2:] not in ((), (3,))
        or 0 in picture.shape
        or not np.isfinite(picture).all()
    ):
        raise ValueError(
            f"`{name}` must be finite, (height, width) or (channel, height, width) with 1 or 3 "
            f"channels; got shape {np.shape(image)}"
        )
    return np.clip(picture, 0.0, 1.0)


def as_pictures(images: ArrayLike, n: int) -> list[np.ndarray]:
    """`as_picture` of each of n images.

    Args:
        images: (condition, height, width) or (condition, channel, height, width), channels 1 or 3.
        n: how many there must be.

    Returns:
        The pictures.

    Raises:
        ValueError: if there are more or fewer, or one is no image.
    """
    array = np.asarray(images)
    if len(array) != n or array.ndim not in (3, 4):
        raise ValueError(
            f"`images` must be ({n}, height, width) or ({n}, channel, height, width) with 1 or 3 "
            f"channels; got shape {array.shape}"
        )
    return [as_picture(image, "images") for image in array]


def draw_thumbnails(ax: Axes, pictures: list[np.ndarray]) -> Axes:
    """Pictures of the conditions along the left and lower side of a matrix, in its order.

    They stand in as many rows as it takes to be seen, like bricks: number i in row i modulo rows.

    Args:
        ax: axes with the matrix, a condition a unit, upright as `imshow` draws it.
        pictures: one a condition, at most 144.

    Returns:
        The axes of those below, to write a label under.

    Raises:
        ValueError: if there are too many to be seen.
    """
    n = len(pictures)
    if n > _MAX_THUMBNAILS:
        raise ValueError(
            f"`images` can be drawn for at most {_MAX_THUMBNAILS} conditions; got {n}: leave them "
            "out, or choose conditions"
        )
    n_rows = math.ceil(math.sqrt(_DEPTH * n))  # of pictures as many conditions wide
    depth = n_rows**2 / n + 0.01
    left = ax.inset_axes((-depth, 0, depth, 1))
    left.set(xlim=(-depth * n, 0), ylim=ax.get_ylim())
    below = ax.inset_axes((0, -depth, 1, depth))
    below.set(xlim=ax.get_xlim(), ylim=(depth * n, 0))
    half = 0.94 * n_rows / 2
    for strip in (left, below):
        strip.set(xticks=[], yticks=[], frame_on=False)
    for place, picture in enumerate(pictures):
        away = (place % n_rows + 0.5) * n_rows + 0.01 * n
        _draw(left, picture, -away, place, half)
        _draw(below, picture, place, away, half)
    return below


def _draw(ax: Axes, picture: np.ndarray, across: float, down: float, half: float) -> None:
    """A picture in a square of twice `half`, with the sides it has."""
    height, width = np.array(picture.shape[:2]) / max(picture.shape[:2]) * half
    limits = ax.get_xlim(), ax.get_ylim()
    ax.imshow(
        picture,
        cmap="gray",
        norm=Normalize(0, 1),
        extent=(across - width, across + width, down + height, down - height),
        aspect="auto",
        clip_on=False,
    )
    ax.set(xlim=limits[0], ylim=limits[1])
