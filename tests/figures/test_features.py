from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from neurospyke.figures import plot_features, plot_receptive_field
from neurospyke.sim import kheradpisheh2018, network_features, receptive_field

FIELD: Any = SimpleNamespace(size=(5, 3), stride=(2, 4), start=(-1, 0))


def test_frames_stand_on_the_pixels_that_units_see() -> None:
    """Unit (1, 2) sees rows 1 to 5 and columns 8 to 10, unit (0, 0) a row of the padding."""
    image = np.linspace(0, 1, 96).reshape(8, 12)
    ax: Any = plot_receptive_field(FIELD, image, units=[(1, 2), (0, 0)])
    outer = [(patch.get_xy(), patch.get_width(), patch.get_height()) for patch in ax.patches]
    assert outer == [((7.5, 0.5), 3, 5)] * 2 + [((-0.5, -1.5), 3, 5)] * 2
    np.testing.assert_array_equal(ax.images[0].get_array(), image)
    assert ax.get_ylim()[1] < -1.5
    assert ax.get_ylim()[0] > 7.5
    assert ax.get_xlabel() == "5 x 3 pixels of 8 x 12"


@pytest.mark.parametrize("shape", [(8, 12), (1, 8, 12), (3, 8, 12)])
def test_images_in_grey_and_in_colour(shape: tuple[int, ...]) -> None:
    ax: Any = plot_receptive_field(FIELD, np.ones(shape) / 2, units=[(0, 0)])
    assert ax.images[0].get_array().shape == ((8, 12, 3) if shape[0] == 3 else (8, 12))


@pytest.mark.parametrize(
    "image", [np.ones((2, 8, 12)), np.ones(8), np.ones((0, 8)), np.full((2, 2), np.nan)]
)
def test_what_is_no_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"`image` must be finite, \(height, width\) or"):
        plot_receptive_field(FIELD, image, units=[(0, 0)])


@pytest.mark.parametrize("units", [[], [(0, 0, 0)], [0], [(-1, 0)]])
def test_what_is_no_unit_is_refused(units: Any) -> None:
    with pytest.raises(ValueError, match=r"`units` must be \(row, column\) of at least one"):
        plot_receptive_field(FIELD, np.ones((4, 4)), units=units)


def test_what_a_network_gives_is_drawn_as_it_is() -> None:
    network = kheradpisheh2018(seed=0)
    features = network_features(network, "conv1")
    assert isinstance(features, torch.Tensor)
    ax: Any = plot_features(features)
    assert np.nanmax(np.abs(np.ma.filled(ax.images[0].get_array(), np.nan))) == pytest.approx(1)
    field = receptive_field(network, "conv1")
    frame = plot_receptive_field(field, np.zeros((30, 30)), units=[(2, 2)]).patches[0]
    assert (frame.get_height(), frame.get_width()) == field.size  # type: ignore[attr-defined]


def test_features_lie_in_a_grid_each_on_its_own_scale():
    """Five pictures of 2 x 2 pixels in rows of three, one pixel apart; the last place is empty."""
    features = np.arange(1.0, 6.0)[:, None, None] * np.array([[1.0, 0.5], [0.0, -0.5]])
    features[4] = 0
    ax = plot_features(features)
    image: Any = ax.get_images()[0]
    shown = np.ma.filled(image.get_array(), np.nan)
    one, gap = [[1, 0.5], [0, -0.5]], np.nan
    assert shown.shape == (5, 8)
    for left in (0, 3, 6):
        np.testing.assert_array_equal(shown[:2, left : left + 2], one)
    np.testing.assert_array_equal(shown[3:, :2], one)
    np.testing.assert_array_equal(shown[3:, 3:5], 0)
    np.testing.assert_array_equal(shown[3:, 5:], gap)
    np.testing.assert_array_equal(shown[2], gap)
    assert image.get_clim() == (-1, 1)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0", "3"]
    assert list(ax.get_yticks()) == [0.5, 3.5]


@pytest.mark.parametrize("shape", [(7, 2, 9), (7, 9, 2), (1, 1, 1), (30, 5, 5)])
def test_features_of_any_shape_all_find_a_place(shape):
    ax = plot_features(np.ones(shape))
    image: Any = ax.get_images()[0]
    assert np.ma.filled(image.get_array(), 0).sum() == np.prod(shape)


def test_features_that_cannot_be_drawn_are_refused() -> None:
    for features in (np.ones((2, 2)), np.ones((0, 2, 2)), np.full((1, 1, 1), np.nan)):
        with pytest.raises(ValueError, match="`features` must be finite with axes"):
            plot_features(features)
