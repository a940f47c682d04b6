"""Figures as images of a page, each with words that say what it shows."""

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from PIL import Image

from neurospyke.compare.comparison import Comparison
from neurospyke.compare.rdm import RDM
from neurospyke.figures import comparison_labels, plot_rdm, plot_scores, plot_time_course
from neurospyke.figures.look import style

_MAX_SVG_BYTES = 2**20
_NARROW = 4.5
_MAX_COLOURS = 320
_RASTER = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")


@dataclass(frozen=True)
class Picture:
    """An image with its words.

    Args:
        caption: what it shows.
        finding: what it says, for those who cannot see it.
        file: name under which it can be saved.
        source: the image as a `data:` address.
        wide: whether its letters would be too small at the width of a phone.
    """

    caption: str
    finding: str
    file: str
    source: str
    wide: bool


def scores_picture(comparisons: Sequence[Comparison]) -> Picture:
    """Bars of scores.

    Args:
        comparisons: of one method.

    Returns:
        The picture.
    """
    with style():
        figure = Figure(figsize=(7.2, 0.9 + 0.34 * len(comparisons)), layout="constrained")
        plot_scores(comparisons, figure.subplots())
    caption = f"Scores ({comparisons[0].method}) with their intervals"
    known = [each for each in comparisons if each.ceiling is not None]
    if known:
        caption += "; the pale band behind a bar is the noise ceiling of the brain data"
    if known and len(known) < len(comparisons):
        caption += ", where the data give one"
    labels = comparison_labels(comparisons)
    ranked = sorted(zip(comparisons, labels, strict=True), key=lambda each: -each[0].score)
    said = [f"{label} {_score(each)}" for each, label in ranked[:8]]
    more = [f"and {len(ranked) - 8} more below"] if len(ranked) > 8 else []
    finding = f"From highest to lowest: {'; '.join([*said, *more])}.{_said_ceilings(known)}"
    return picture(figure, f"{caption}.", f"scores-{comparisons[0].method}", finding)


def course_picture(comparisons: Sequence[Comparison]) -> Picture:
    """Lines of scores over model steps or time.

    Args:
        comparisons: of one method and brain.

    Returns:
        The picture.
    """
    with style():
        figure = Figure(figsize=(7.6, 4.0), layout="constrained")
        plot_time_course(comparisons, figure.subplots())
    axis = "step" if comparisons[0].step is not None else "time"
    along = "model steps" if axis == "step" else "time"
    caption = f"Scores ({comparisons[0].method}) along {along}, shaded by their intervals"
    if any(each.ceiling for each in comparisons):
        caption += "; the pale band is the noise ceiling of the brain data"
    lines: dict[str, list[Comparison]] = {}
    for label, each in zip(
        comparison_labels(comparisons, without=(axis,)), comparisons, strict=True
    ):
        lines.setdefault(label, []).append(each)
    said = [f"{label} is highest {_peak(line)}" for label, line in lines.items()]
    finding = f"Courses with {comparisons[0].brain}: {'; '.join(said)}."
    file = f"course-{comparisons[0].method}-{comparisons[0].brain}-{axis}"
    return picture(figure, f"{caption}.", file, finding)


def rdm_picture(rdm: RDM, position: int) -> Picture:
    """A dissimilarity matrix.

    Args:
        rdm: the dissimilarities.
        position: its number among those shown, from 1.

    Returns:
        The picture.
    """
    with style():
        figure = Figure(figsize=(3.9, 3.3), layout="constrained")
        plot_rdm(rdm, figure.subplots()).set_title("")
    units = f", {rdm.n_units} units" if rdm.n_units else ""
    name = rdm.source or f"Matrix {position}"
    caption = f"{name}: {rdm.n_conditions} conditions{units}, {rdm.dissimilarity} dissimilarity."
    low, middle, high = np.quantile(rdm.values, [0, 0.5, 1])
    rows, columns = np.triu_indices(rdm.n_conditions, 1)
    near, far = (
        f"{rdm.conditions[rows[at]]} and {rdm.conditions[columns[at]]}"
        for at in (int(rdm.values.argmin()), int(rdm.values.argmax()))
    )
    finding = (
        f"Dissimilarity matrix of {name}: median {middle:.3g}; most alike are {near} ({low:.3g}), "
        f"least alike {far} ({high:.3g})."
    )
    return picture(figure, caption, f"rdm-{name}", finding)


def picture(
    drawing: Axes | Figure | SubFigure, caption: str, file: str, finding: str = ""
) -> Picture:
    """As an image of its own, so that nothing inside it can meet the page or another figure.

    Args:
        drawing: axes or figure.
        caption: what it shows.
        file: what to call it when it is saved; characters that are no letters become dashes.
        finding: what it says; the caption when empty.

    Returns:
        The picture: vectors, or pixels where vectors would be too large.
    """
    figure: Any = drawing
    while figure is not figure.figure:
        figure = figure.figure
    content = _lean(_save(figure, "svg").decode())
    kind, source = "svg", f"data:image/svg+xml,{quote(content, safe=_SAFE)}"
    if len(source) > _MAX_SVG_BYTES:
        encoded = base64.b64encode(_save(figure, "png")).decode()
        kind, source = "png", f"data:image/png;base64,{encoded}"
    name = re.sub(r"[^a-z0-9]+", "-", file.lower())[:60].strip("-") or "figure"
    wide = figure.get_figwidth() > _NARROW
    return Picture(caption, finding or caption, f"{name}.{kind}", source, wide)


# What an address may hold as it is, inside an attribute that the template escapes.
_SAFE = " =:/;,+()!*@$?{}.-_~"


def _save(figure: Figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    # Without a date, the same figure has the same bytes; the page tells who made it.
    bare = dict.fromkeys(["Creator", "Date", "Format", "Type"]) if kind == "svg" else None
    with mpl.rc_context({"svg.hashsalt": "neurospyke", "svg.fonttype": "path"}):
        figure.savefig(buffer, format=kind, bbox_inches="tight", dpi=200, metadata=bare)
    return buffer.getvalue()


def _lean(svg: str) -> str:
    """The same drawing with every image of few colours inside it at a byte a pixel."""

    def packed(found: re.Match[str]) -> str:
        image = Image.open(io.BytesIO(base64.b64decode(found[1]))).convert("RGBA")
        small = _palette(np.asarray(image))
        return found[0] if small is None else f"data:image/png;base64,{small}"

    return _RASTER.sub(packed, svg)


def _palette(pixels: np.ndarray) -> str | None:
    """PNG with a palette, in base64; None for more colours than a colour map and its extremes.

    Colours beyond 256, the rarest, become the nearest of the others.
    """
    packed = np.ascontiguousarray(pixels).view(np.uint32)[..., 0]
    colours, which, counts = np.unique(packed, return_inverse=True, return_counts=True)
    if len(colours) > _MAX_COLOURS:
        return None
    kept = np.sort(np.argsort(-counts, kind="stable")[:256])
    table = colours.view(np.uint8).reshape(-1, 4).astype(np.int64)
    nearest = np.square(table[:, None] - table[kept]).sum(axis=2).argmin(axis=1)
    image = Image.fromarray(nearest[which].reshape(packed.shape).astype(np.uint8), "P")
    image.putpalette(table[kept, :3].astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    opacity = table[kept, 3].astype(np.uint8).tobytes()
    image.save(buffer, "PNG", optimize=True, transparency=opacity)
    return base64.b64encode(buffer.getvalue()).decode()


def _score(comparison: Comparison) -> str:
    low, high = comparison.interval
    return f"{comparison.score:z.2f} ({low:z.2f} to {high:z.2f})"


def _peak(line: list[Comparison]) -> str:
    best = max(line, key=lambda each: each.score)
    if best.step is not None:
        return f"with {best.step} steps, at {best.score:.2f}"
    start, stop = best.time or (np.nan, np.nan)
    return f"from {start:g} to {stop:g} s, at {best.score:.2f}"


def _said_ceilings(comparisons: list[Comparison]) -> str:
    bounds = {each.brain: each.ceiling for each in comparisons if each.ceiling}
    if not bounds:
        return ""
    said = [f"{brain} {low:.2f} to {high:.2f}" for brain, (low, high) in bounds.items()]
    return f" Noise ceiling: {'; '.join(said)}."
