"""What holds of every figure, on examples of the data that it is for."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Text

from neurospyke import figures
from neurospyke.figures import COLUMN, PAGE, write_figure
from neurospyke.figures.look import BAND, colours
from tests.figures import examples

EVERY: dict[str, Callable[..., Any]] = examples.ONE | {
    name: plot for name, (_, plot) in examples.SEVERAL.items()
}


def figure_of(drawn: Any) -> Any:
    return (drawn[0] if isinstance(drawn, list) else drawn).figure


def test_every_figure_has_an_example() -> None:
    assert sorted(EVERY) == [name for name in figures.__all__ if name.startswith("plot_")]


@pytest.mark.parametrize("name", sorted(EVERY))
def test_a_new_figure_is_a_column_or_a_page_wide_and_legible_there(name: str) -> None:
    before = dict(mpl.rcParams)
    figure = figure_of(EVERY[name]())
    assert dict(mpl.rcParams) == before
    width, height = figure.get_size_inches()
    assert width in (COLUMN, PAGE)
    assert height < 9.3  # a page
    figure.canvas.draw()
    sizes: list[Any] = [each.get_fontsize() for each in figure.findobj(Text) if each.get_text()]
    assert sizes
    assert min(sizes) >= 6
    drawn = figure.get_tightbbox(figure.canvas.get_renderer())  # inches
    assert min(drawn.x0, drawn.y0) > -0.02
    assert drawn.x1 < width + 0.02
    assert drawn.y1 < height + 0.02


@pytest.mark.parametrize("name", sorted(EVERY))
def test_labels_of_an_axis_do_not_touch(name: str) -> None:
    figure = figure_of(EVERY[name]())
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    for ax in figure.axes:
        for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
            shown = [each for each in labels if each.get_text() and each.get_rotation() % 90 == 0]
            boxes = [each.get_window_extent(renderer) for each in shown]
            inside = [box for box in boxes if ax.get_tightbbox(renderer).overlaps(box)]
            touching = [
                (shown[i].get_text(), shown[j].get_text())
                for i, one in enumerate(inside)
                for j, other in enumerate(inside[:i])
                if one.overlaps(other)
            ]
            assert touching == []


@pytest.mark.parametrize("name", sorted(examples.ONE))
def test_axes_given_are_drawn_on_and_returned(name: str) -> None:
    """And all that is drawn stays on the paper where the axes are in a column."""
    figure, ax = plt.subplots(figsize=(COLUMN, 3.2), layout="constrained")
    assert examples.ONE[name](ax=ax) is ax
    figure.canvas.draw()
    drawn: Any = figure.get_tightbbox()
    assert drawn.x0 > -0.02
    assert drawn.x1 < COLUMN + 0.02
    assert plt.get_fignums() == [figure.number]
    assert ax.has_data() or ax.images or ax.artists


@pytest.mark.parametrize("name", sorted(examples.SEVERAL))
def test_axes_given_for_panels_are_drawn_on_and_counted(name: str) -> None:
    n, plot = examples.SEVERAL[name]
    figure, axes = plt.subplots(1, n)
    assert plot(axes=axes) == list(axes)
    assert plt.get_fignums() == [figure.number]
    with pytest.raises(ValueError, match=f"`axes` must be {n}, one a panel; got {n - 1}"):
        plot(axes=axes[1:])


def test_colours_differ_in_grey_too() -> None:
    for n in range(2, 7):
        greys = np.array([np.dot(each, (0.299, 0.587, 0.114)) for each in colours(n)])
        assert len(greys) == n
        assert np.diff(greys).min() > 0.07
        assert float(BAND) - greys[-1] > 0.25  # the lightest is still seen on a ceiling


def test_pdf_holds_its_fonts_and_has_the_width_of_the_column(tmp_path: Path) -> None:
    path = write_figure(EVERY["plot_tuning"](), tmp_path / "tuning.pdf")
    content = path.read_bytes()
    assert b"/FontFile2" in content  # TrueType, whole letters that can be searched and edited
    assert b"/Type3" not in content
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ", content)
    assert box is not None
    assert float(box[1]) / 72 * 25.4 == pytest.approx(89)


def test_text_stays_text_in_svg_and_a_figure_has_the_same_bytes_again(tmp_path: Path) -> None:
    one, two = (
        write_figure(EVERY["plot_energy"](), tmp_path / f"{name}.svg").read_text() for name in "ab"
    )
    assert "energy of an inference (nJ)</text>" in one
    assert "<dc:date>" not in one
    assert one == two


def test_formats_that_are_not_written_are_refused(tmp_path: Path) -> None:
    ax = plt.figure().subplots()
    with pytest.raises(ValueError, match=r"`path` must end in one of .*'pdf'.*got '.*a\.docx'"):
        write_figure(ax, tmp_path / "a.docx")
    assert write_figure(ax.figure, tmp_path / "a.PNG").read_bytes()[1:4] == b"PNG"
    assert [each.name for each in tmp_path.iterdir()] == ["a.PNG"]


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        (
            "plot_rdm",
            np.eye(3),
            "`rdm` must be of the kind RDM, as from euclidean_rdm; got",
        ),
        ("plot_mds", np.eye(3), "`rdm` must be of the kind RDM"),
        ("plot_rdms", [np.eye(3)], "`rdms` must be of the kind RDM"),
        ("plot_inference", [], "`inference` must be of the kind Inference, as from rsa of models"),
        ("plot_scores", 0.3, "`comparisons` must be of the kind Sequence"),
        ("plot_scores", [0.3], "`comparisons` must be of the kind Comparison"),
        ("plot_time_course", [0.3], "`comparisons` must be of the kind Comparison"),
        ("plot_decoding", [0.5], "`decodings` must be of the kind Mapping"),
        ("plot_decoding", {"V4": 0.5}, "`decodings` must be of the kind Decoding"),
        ("plot_generalization", np.eye(2), "`decoding` must be of the kind Decoding"),
    ],
)
def test_what_a_figure_cannot_draw_is_refused_by_name(name: str, given: Any, message: str) -> None:
    with pytest.raises(TypeError, match=re.escape(message)):
        getattr(figures, name)(given)
