"""Opponent channels: grey has no colour, and the axes are the published ones."""

import math

import pytest
import torch

from neurospyke.sim.colour import opponent_colours


def test_pure_colours_by_hand():
    """Red, green, blue, yellow, white, in columns: luminance, red-green, blue-yellow."""
    pixels = torch.tensor([[1, 0, 0, 1, 1], [0, 1, 0, 1, 1], [0, 0, 1, 0, 1.0]])
    out = opponent_colours(pixels.view(1, 3, 1, 5))[0, :, 0]
    third = 1 / 3
    expected = [[third, third, third, 2 * third, 1], [1, -1, 0, 0, 0], [-0.5, -0.5, 1, -1, 0]]
    torch.testing.assert_close(out, torch.tensor(expected))


def test_every_grey_is_exactly_without_colour():
    grey = (torch.arange(256) / 255).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    assert not opponent_colours(grey)[:, 1:].any()


def test_axes_are_orthogonal_and_scaled_as_documented():
    """The rows of the published rotation: O3, O1, O2 over sqrt 3, by sqrt 2, by -sqrt 6 / 2."""
    matrix = opponent_colours(torch.eye(3, dtype=torch.float64).view(3, 3, 1, 1)).squeeze().T
    scales = torch.tensor([math.sqrt(3), 1 / math.sqrt(2), -2 / math.sqrt(6)]).double()
    rotation = scales[:, None] * matrix
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(3).double())
    torch.testing.assert_close(rotation[2], torch.tensor([1, 1, -2]).double() / math.sqrt(6))


def test_grey_images_are_refused():
    with pytest.raises(ValueError, match="3 channel"):
        opponent_colours(torch.zeros(1, 1, 2, 2))
    with pytest.raises(TypeError, match="`images`"):
        opponent_colours(torch.zeros(1, 3, 2, 2, dtype=torch.uint8))
