"""Figures of representational geometry: panels of RDMs, and conditions as points."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Normalize
from matplotlib.image import AxesImage
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from numpy.typing import ArrayLike

from neurospyke.compare.rdm import RDM
from neurospyke.compare.scaling import classical_scaling
from neurospyke.figures.look import COLUMN, INK, axes_for, check_kind, grid_for, style, wrap
from neurospyke.figures.names import place_names
from neurospyke.figures.pictures import as_pictures, draw_thumbnails

_MAX_LABELS = 40
_MAX_TICKS = 24
_THUMBNAIL = 20


def plot_rdm(rdm: RDM, ax: Axes | None = None, *, images: ArrayLike | None = None) -> Axes:
    """Dissimilarity matrix; its diagonal stays white.

    The colours, which lighten with dissimilarity in grey print too, span the pairs; of more than
    24 conditions, the middle 98 % of them, so that a few far pairs do not dim the rest.

    Args:
        rdm: the dissimilarities.
        ax: axes to draw on; new ones when not given.
        images: (condition, height, width) in grey or (condition, channel, height, width) with
            three channels or one, between 0 and 1, in the order of `rdm.conditions`; drawn small
            along both sides, instead of labels, of at most 144 conditions.

    Returns:
        The axes, with condition labels up to 24 conditions.

    Raises:
        TypeError: if it is given something else.
        ValueError: if there is not one image for each condition, or too many.

    >>> rdm = RDM(np.array([1.0, 2.0, 3.0]), ("a", "b", "c"), dissimilarity="euclidean")
    >>> [label.get_text() for label in plot_rdm(rdm).get_yticklabels()]
    ['a', 'b', 'c']
    """
    check_kind(rdm, RDM, "rdm", "euclidean_rdm")
    pictures = None if images is None else as_pictures(images, rdm.n_conditions)
    with style():
        ax = axes_for(ax, COLUMN, 2.9)
        few = rdm.n_conditions <= _MAX_TICKS
        image = _draw(ax, rdm, np.percentile(rdm.values, (0, 100) if few else (1, 99)))
        ends = "neither" if few else "both"
        bar = _bar(ax, image, ax=ax, fraction=0.046, pad=0.03, extend=ends)
        bar.set_label(f"dissimilarity ({wrap(rdm.dissimilarity, 30)})", parse_math=False)
        lowest = ax
        if pictures is not None:
            lowest = draw_thumbnails(ax, pictures)
        elif few:
            labels = [wrap(name, 18) for name in rdm.conditions]
            ax.set_xticks(range(len(labels)), labels, rotation=90, parse_math=False)
            ax.set_yticks(range(len(labels)), labels, parse_math=False)
        if not few:
            lowest.set_xlabel(f"{rdm.n_conditions} conditions")
        ax.tick_params(length=0)
        ax.set_title(wrap(rdm.source, 40), parse_math=False)
    return ax


def plot_rdms(
    rdms: Sequence[RDM],
    axes: Sequence[Axes] | None = None,
    *,
    images: ArrayLike | None = None,
    shared_scale: bool = False,
) -> list[Axes]:
    """RDMs side by side, at most four in a row.

    Args:
        rdms: at least one; conditions in the order of each.
        axes: one an RDM to draw on, of one figure; new ones when not given.
        images: as in `plot_rdm`, drawn small along the sides of each; needs the same number of
            conditions in all.
        shared_scale: one range of colours for all, for RDMs in the same unit; otherwise each
            spans its own percentiles 1 to 99, and only patterns can be compared.

    Returns:
        The axes, in the order given.

    Raises:
        TypeError: if it is given something else.
        ValueError: if there is none, or not as many axes, or not an image for each condition.

    >>> rdm = RDM(np.array([1.0, 2.0, 3.0]), ("a", "b", "c"), dissimilarity="any", source="V4")
    >>> [ax.get_title(loc="left") for ax in plot_rdms([rdm, rdm])]
    ['V4', 'V4']
    """
    check_kind(rdms, Sequence, "rdms", "[euclidean_rdm(responses)]")
    for each in rdms:
        check_kind(each, RDM, "rdms", "[euclidean_rdm(responses)]")
    if not rdms:
        raise ValueError("`rdms` must hold at least one; got none")
    pictures = [None if images is None else as_pictures(images, each.n_conditions) for each in rdms]
    together = np.concatenate([rdm.values for rdm in rdms]) if shared_scale else None
    with style():
        panels = grid_for(axes, len(rdms))
        for ax, rdm, small in zip(panels, rdms, pictures, strict=True):
            values = rdm.values if together is None else together
            image = _draw(ax, rdm, np.percentile(values, (1, 99)))
            if together is None:
                _bar(ax, image, ax=ax, fraction=0.046, pad=0.03, extend="both")
            lowest = ax if small is None else draw_thumbnails(ax, small)
            ax.set_title(wrap(rdm.source, 28), parse_math=False)
            lowest.set_xlabel(wrap(rdm.dissimilarity, 28), parse_math=False)
        if together is not None:
            image = panels[0].get_images()[0]
            _bar(panels[0], image, ax=panels, fraction=0.03, pad=0.02, extend="both")
    return panels


def _bar(on: Axes, image: AxesImage, **where: Any) -> Colorbar:
    bar = on.figure.colorbar(image, **where)
    bar.outline.set_visible(False)  # type: ignore[operator] - a spine, not a callable
    return bar


def _draw(ax: Axes, rdm: RDM, limits: np.ndarray) -> AxesImage:
    """The matrix without its diagonal, without ticks."""
    matrix = np.array(rdm.matrix())
    np.fill_diagonal(matrix, np.nan)
    low, high = limits
    ax.set(xticks=[], yticks=[])
    sns.despine(ax=ax, left=True, bottom=True)
    return ax.imshow(matrix, cmap="mako", interpolation="nearest", vmin=low, vmax=high)


def plot_mds(rdm: RDM, ax: Axes | None = None, *, images: ArrayLike | None = None) -> Axes:
    """Conditions as points whose distances are those of the RDM as nearly as two dimensions allow.

    Args:
        rdm: dissimilarities that are, or stand for, squared distances (`classical_scaling`).
        ax: axes to draw on; new ones when not given.
        images: as in `plot_rdm`, drawn small at their points. Without them, points, with labels up
            to 40 conditions.

    Returns:
        The axes; both have the same scale, and say which share of the variance they show.

    Raises:
        TypeError: if it is given something else.
        ValueError: if there is not one image for each condition.

    >>> rdm = RDM(np.array([1.0, 9.0, 4.0]), ("a", "b", "c"), dissimilarity="any")
    >>> plot_mds(rdm).get_xlabel()
    'dimension 1 (100 % of variance)'
    """
    check_kind(rdm, RDM, "rdm", "euclidean_rdm")
    pictures = None if images is None else as_pictures(images, rdm.n_conditions)
    points, shares = classical_scaling(rdm, 2)
    with style():
        ax = axes_for(ax, COLUMN, COLUMN)
        ax.scatter(*points.T, s=14 if pictures is None else 0, color=INK, linewidth=0)
        if pictures is not None:
            for point, picture in zip(points, pictures, strict=True):
                zoom = _THUMBNAIL / max(picture.shape[:2])
                thumbnail = OffsetImage(picture, zoom=zoom, cmap="gray", norm=Normalize(0, 1))
                edge = {"edgecolor": "white", "linewidth": 0.8}
                ax.add_artist(AnnotationBbox(thumbnail, tuple(point), pad=0, bboxprops=edge))
        elif rdm.n_conditions <= _MAX_LABELS:
            _label(ax, points, [wrap(label, 18) for label in rdm.conditions])
        ax.set_aspect("equal", adjustable="datalim")
        ax.margins(0.12 if pictures is not None else 0.05)
        for number, share in enumerate(shares, 1):
            label = f"dimension {number} ({100 * share:.0f} % of variance)"
            (ax.set_xlabel if number == 1 else ax.set_ylabel)(label)
        ax.set(xticks=[], yticks=[])
        ax.set_title(wrap(rdm.source, 60), parse_math=False)
        sns.despine(ax=ax)
    return ax


def _label(ax: Axes, points: np.ndarray, names: list[str]) -> None:
    """Names beside their points, with a line where they had to go further away.

    How wide and high a name is in the unit of the points is an estimate, since the axes may still
    change: 7 points of height are about 1 in 23 of the side of axes as wide as a column.
    """
    unit = max(float(np.ptp(points, axis=0).max()), 1e-12) / 23
    lines = [name.split("\n") for name in names]
    sizes = unit * np.array([(0.64 * max(map(len, each)), 1.3 * len(each)) for each in lines])
    middles = place_names(points, sizes, unit)
    ax.update_datalim(np.concatenate([middles - sizes / 2, middles + sizes / 2]))
    look: Any = {"size": 7, "ha": "center", "va": "center", "parse_math": False}
    for name, point, middle, size in zip(names, points, middles, sizes, strict=True):
        near = np.clip(point, middle - size / 2, middle + size / 2)
        if np.hypot(*(near - point)) > 1.2 * unit:
            ax.plot(*np.stack([point, near]).T, color="0.6", linewidth=0.5, zorder=0)
        ax.annotate(name, (middle[0], middle[1]), **look)
