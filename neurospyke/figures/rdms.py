"""Figures of representational geometry: panels of RDMs, and conditions as points."""

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.image import AxesImage
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from neurospyke.compare.rdm import RDM
from neurospyke.compare.scaling import classical_scaling
from neurospyke.figures.look import INK, axes_for, style, wrap

_MAX_LABELS = 40
_MAX_TICKS = 24
_THUMBNAIL = 26


def plot_rdm(rdm: RDM, ax: Axes | None = None) -> Axes:
    """Dissimilarity matrix; its diagonal stays white.

    The colours, which lighten with dissimilarity in grey print too, span the pairs; of more than
    24 conditions, the middle 98 % of them, so that a few far pairs do not dim the rest.

    Args:
        rdm: the dissimilarities.
        ax: axes to draw on; new ones when not given.

    Returns:
        The axes, with condition labels up to 24 conditions.

    >>> rdm = RDM(np.array([1.0, 2.0, 3.0]), ("a", "b", "c"), dissimilarity="euclidean")
    >>> [label.get_text() for label in plot_rdm(rdm).get_yticklabels()]
    ['a', 'b', 'c']
    """
    with style():
        ax = axes_for(ax, 3.9, 3.3)
        few = rdm.n_conditions <= _MAX_TICKS
        image = _draw(ax, rdm, np.percentile(rdm.values, (0, 100) if few else (1, 99)))
        ends = "neither" if few else "both"
        bar = ax.figure.colorbar(image, ax=ax, fraction=0.046, pad=0.03, extend=ends)
        bar.outline.set_visible(False)  # type: ignore[operator] - a spine, not a callable
        bar.set_label(f"dissimilarity ({wrap(rdm.dissimilarity, 30)})", parse_math=False)
        if few:
            labels = [wrap(name, 18) for name in rdm.conditions]
            ax.set_xticks(range(len(labels)), labels, rotation=90, parse_math=False)
            ax.set_yticks(range(len(labels)), labels, parse_math=False)
        else:
            ax.set_xlabel(f"{rdm.n_conditions} conditions")
        ax.tick_params(length=0)
        ax.set_title(wrap(rdm.source, 40), parse_math=False)
    return ax


def plot_rdms(rdms: Sequence[RDM], *, shared_scale: bool = False) -> list[Axes]:
    """RDMs side by side, at most four in a row.

    Args:
        rdms: at least one; conditions in the order of each.
        shared_scale: one range of colours for all, for RDMs in the same unit; otherwise each
            spans its own percentiles 1 to 99, and only patterns can be compared.

    Returns:
        The axes of the panels, on a new figure, in the order given.

    Raises:
        ValueError: if there is none.

    >>> rdm = RDM(np.array([1.0, 2.0, 3.0]), ("a", "b", "c"), dissimilarity="any", source="V4")
    >>> [ax.get_title(loc="left") for ax in plot_rdms([rdm, rdm])]
    ['V4', 'V4']
    """
    if not rdms:
        raise ValueError("`rdms` must hold at least one; got none")
    n_columns = min(4, len(rdms))
    n_rows = math.ceil(len(rdms) / n_columns)
    together = np.concatenate([rdm.values for rdm in rdms]) if shared_scale else None
    with style():
        figure, grid = plt.subplots(
            n_rows,
            n_columns,
            figsize=(2.5 * n_columns, 2.4 * n_rows),
            layout="constrained",
            squeeze=False,
        )
        panels = list(grid.ravel())
        for ax in panels[len(rdms) :]:
            ax.set_axis_off()
        for ax, rdm in zip(panels, rdms, strict=False):
            values = rdm.values if together is None else together
            image = _draw(ax, rdm, np.percentile(values, (1, 99)))
            if together is None:
                figure.colorbar(image, ax=ax, fraction=0.046, pad=0.03, extend="both")
            ax.set_title(wrap(rdm.source, 28), parse_math=False)
            ax.set_xlabel(wrap(rdm.dissimilarity, 28), parse_math=False)
        if together is not None:
            figure.colorbar(
                panels[0].get_images()[0], ax=panels, fraction=0.03, pad=0.02, extend="both"
            )
    return panels[: len(rdms)]


def _draw(ax: Axes, rdm: RDM, limits: np.ndarray) -> AxesImage:
    """The matrix without its diagonal, without ticks."""
    matrix = np.array(rdm.matrix())
    np.fill_diagonal(matrix, np.nan)
    low, high = limits
    ax.set(xticks=[], yticks=[])
    sns.despine(ax=ax, left=True, bottom=True)
    return ax.imshow(matrix, cmap="mako", interpolation="nearest", vmin=low, vmax=high)


def plot_mds(rdm: RDM, images: np.ndarray | None = None, ax: Axes | None = None) -> Axes:
    """Conditions as points whose distances are those of the RDM as nearly as two dimensions allow.

    Args:
        rdm: dissimilarities that are, or stand for, squared distances (`classical_scaling`).
        images: (condition, height, width) in grey or (condition, channel, height, width) with
            three channels or one, between 0 and 1, in the order of `rdm.conditions`; drawn small
            at their points. Without them, points, with labels up to 40 conditions.
        ax: axes to draw on; new ones when not given.

    Returns:
        The axes; both have the same scale, and say which share of the variance they show.

    Raises:
        ValueError: if there is not one image for each condition.

    >>> rdm = RDM(np.array([1.0, 9.0, 4.0]), ("a", "b", "c"), dissimilarity="any")
    >>> plot_mds(rdm).get_xlabel()
    'dimension 1 (100 % of variance)'
    """
    pictures = None if images is None else _pictures(images, rdm.n_conditions)
    points, shares = classical_scaling(rdm, 2)
    with style():
        ax = axes_for(ax, 5.2, 5.0)
        ax.scatter(*points.T, s=14 if pictures is None else 0, color=INK, linewidth=0)
        if pictures is not None:
            for point, picture in zip(points, pictures, strict=True):
                zoom = _THUMBNAIL / max(picture.shape[:2])
                thumbnail = OffsetImage(picture, zoom=zoom, cmap="gray", norm=Normalize(0, 1))
                ax.add_artist(AnnotationBbox(thumbnail, tuple(point), frameon=False, pad=0))
        elif rdm.n_conditions <= _MAX_LABELS:
            for point, label in zip(points, rdm.conditions, strict=True):
                place = {"xytext": (4, 3), "textcoords": "offset points", "size": 8}
                ax.annotate(wrap(label, 18), tuple(point), parse_math=False, **place)
        ax.set_aspect("equal", adjustable="datalim")
        ax.margins(0.12)
        for number, share in enumerate(shares, 1):
            label = f"dimension {number} ({100 * share:.0f} % of variance)"
            (ax.set_xlabel if number == 1 else ax.set_ylabel)(label)
        ax.set(xticks=[], yticks=[])
        ax.set_title(wrap(rdm.source, 60), parse_math=False)
        sns.despine(ax=ax)
    return ax


def _pictures(images: np.ndarray, n_conditions: int) -> np.ndarray:
    """(condition, height, width) or (condition, height, width, 3) for matplotlib."""
    pictures = np.clip(np.asarray(images, dtype=np.float64), 0.0, 1.0)
    if pictures.ndim == 4 and pictures.shape[1] == 1:
        pictures = pictures[:, 0]
    elif pictures.ndim == 4:
        pictures = pictures.transpose(0, 2, 3, 1)
    if len(pictures) != n_conditions or pictures.ndim not in (3, 4) or pictures.shape[3:] > (3,):
        raise ValueError(
            f"`images` must be ({n_conditions}, height, width) or ({n_conditions}, channel, "
            f"height, width) with 1 or 3 channels; got shape {np.shape(images)}"
        )
    return pictures
