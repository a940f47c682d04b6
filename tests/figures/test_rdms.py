from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.offsetbox import AnnotationBbox

from neurospyke.compare.rdm import RDM
from neurospyke.figures import plot_mds, plot_rdm, plot_rdms
from tests.figures import examples

HOSTILE = "$\\frac{$ _<b>"


def rdm(scale: float = 1.0, source: str = "V4") -> RDM:
    values = scale * np.array([1.0, 9.0, 4.0])
    return RDM(values, ("a", HOSTILE, "c"), dissimilarity="euclidean", source=source)


def limits(axes: list) -> list[tuple[float, float]]:
    images: list[Any] = [ax.get_images()[0] for ax in axes]
    return [image.get_clim() for image in images]


def test_panels_have_their_own_scale_or_one_for_all() -> None:
    own = limits(plot_rdms([rdm(), rdm(10)]))
    assert own[1] == pytest.approx(tuple(10 * limit for limit in own[0]))
    shared = limits(plot_rdms([rdm(), rdm(10)], shared_scale=True))
    assert shared[0] == shared[1] != own[0]


def test_panels_show_their_values_and_names() -> None:
    axes = plot_rdms([rdm(source=HOSTILE)] * 5)
    image: Any = axes[4].get_images()[0]
    shown = np.ma.filled(image.get_array(), np.nan)
    assert shown[0, 1:].tolist() == [1, 9]
    assert np.isnan(np.diagonal(shown)).all()
    assert axes[0].get_title(loc="left") == HOSTILE
    axes[0].figure.canvas.draw()
    with pytest.raises(ValueError, match="at least one; got none"):
        plot_rdms([])


def test_points_are_where_scaling_puts_them() -> None:
    ax = plot_mds(rdm())
    points: Any = ax.collections[0].get_offsets()
    assert np.asarray(points)[:, 0] * 3 == pytest.approx([-4, -1, 5])
    assert [text.get_text() for text in ax.texts] == ["a", HOSTILE, "c"]
    ax.figure.canvas.draw()


def test_names_of_clusters_stand_beside_their_points_and_apart() -> None:
    many = examples.rdm(0)
    ax: Any = plot_mds(many)
    ax.figure.canvas.draw()
    points = ax.transData.transform(ax.collections[0].get_offsets())
    assert [text.get_text() for text in ax.texts] == list(many.conditions)
    boxes = [text.get_window_extent() for text in ax.texts]
    assert [(i, j) for i in range(24) for j in range(i) if boxes[i].overlaps(boxes[j])] == []
    away = [
        np.hypot(*(np.clip(point, box.min, box.max) - point))
        for point, box in zip(points, boxes, strict=True)
    ]
    assert min(away) > 0
    assert max(away) < 0.1 * ax.bbox.width


@pytest.mark.parametrize("shape", [(3, 8, 6), (3, 1, 8, 6), (3, 3, 8, 6)])
def test_thumbnails_stand_at_their_points(shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).random(shape)
    _, own = plt.subplots()
    ax = plot_mds(rdm(), own, images=images)
    assert ax is own
    boxes: list[Any] = [each for each in ax.artists if isinstance(each, AnnotationBbox)]
    assert np.array([box.xy[0] for box in boxes]) * 3 == pytest.approx([-4, -1, 5])
    first = boxes[0].offsetbox.get_data()
    expected = images[0].transpose(1, 2, 0).squeeze() if images.ndim == 4 else images[0]
    np.testing.assert_array_equal(np.asarray(first), expected)
    assert not ax.texts
    ax.figure.canvas.draw()


def thumbnails(ax: Any) -> list[list[tuple[list[float], np.ndarray]]]:
    """Of the pictures on the left, then below: left, right, lower and upper edge, and content."""
    return [
        [(image.get_extent(), np.asarray(image.get_array())) for image in strip.images]
        for strip in ax.child_axes
    ]


def test_a_matrix_of_few_has_its_pictures_beside_their_rows_and_columns() -> None:
    """Pictures twice as high as wide fill 94 % of their row."""
    images = np.random.default_rng(0).random((3, 8, 4))
    ax: Any = plot_rdm(rdm(), images=images)
    left, below = thumbnails(ax)
    for place in range(3):
        assert left[place][0][2:] == pytest.approx([place + 0.47, place - 0.47])
        assert below[place][0][:2] == pytest.approx([place - 0.235, place + 0.235])
        np.testing.assert_array_equal(left[place][1], images[place])
    assert ax.child_axes[0].get_ylim() == ax.get_ylim()
    assert ax.child_axes[1].get_xlim() == ax.get_xlim()
    assert [label.get_text() for label in ax.get_xticklabels()] == []


def test_pictures_of_many_stand_in_rows_like_bricks() -> None:
    """Of 92, every fourth is in one row, each four conditions wide, and none covers another."""
    many = RDM(np.arange(92.0 * 91 / 2), tuple(map(str, range(92))), dissimilarity="any")
    (axes,) = plot_rdms([many], images=np.ones((92, 5, 5)))
    _, below = thumbnails(axes)
    rows = np.array([extent for extent, _ in below])
    assert len(np.unique(rows[:, 2].round(6))) == 4
    assert (rows[:, 1] - rows[:, 0]) == pytest.approx(4 * 0.94)
    for row in range(4):
        same = rows[row::4]
        assert (same[1:, 0] > same[:-1, 1]).all()
    assert rows[:, [0, 1]].mean(axis=1) == pytest.approx(np.arange(92))
    assert axes.child_axes[1].get_xlabel() == "any"


def test_images_that_do_not_fit_are_refused() -> None:
    for shape in ((2, 8, 6), (3, 4, 8, 6), (3, 8)):
        for draw in (plot_mds, plot_rdm, lambda one, images: plot_rdms([one], images=images)):
            with pytest.raises(ValueError, match="`images` must be"):
                draw(rdm(), images=np.ones(shape))
    many = RDM(np.arange(145.0 * 144 / 2), tuple(map(str, range(145))), dissimilarity="any")
    with pytest.raises(ValueError, match="at most 144 conditions; got 145"):
        plot_rdm(many, images=np.ones((145, 2, 2)))


def test_rdm_shows_its_values_and_no_diagonal():
    rdm = RDM(
        np.array([1.0, 2.0, 4.0]), ("face", "car", "chair"), dissimilarity="euclidean", source="V4"
    )
    ax = plot_rdm(rdm)
    image: Any = ax.get_images()[0]
    shown = np.ma.filled(image.get_array(), np.nan)
    np.testing.assert_array_equal(shown, [[np.nan, 1, 2], [1, np.nan, 4], [2, 4, np.nan]])
    assert image.get_clim() == (1, 4)
    assert ax.get_title(loc="left") == "V4"
    assert [text.get_text() for text in ax.get_xticklabels()] == ["face", "car", "chair"]


def test_rdm_of_many_conditions_counts_instead_of_naming_them():
    names = tuple(map(str, range(30)))
    ax = plot_rdm(RDM(np.arange(435.0), names, dissimilarity="euclidean"))
    assert ax.get_xlabel() == "30 conditions"
    image: Any = ax.get_images()[0]
    assert image.get_clim() == pytest.approx((4.34, 429.66))
    assert len(ax.get_xticks()) == 0
