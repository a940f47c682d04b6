"""Colour before encoding: from red, green and blue to opponent channels."""

import torch
from torch import Tensor

from neurospyke.sim.filters import check_planes


def opponent_colours(images: Tensor) -> Tensor:
    """Luminance, red against green, and blue against yellow.

        luminance = (R + G + B) / 3,  red-green = R - G,  blue-yellow = B - (R + G) / 2

    Grey has 0 in both colour channels. Of images in [0, 1], luminance is in [0, 1] and the colour
    channels in [-1, 1].

    Args:
        images: (batch, 3, height, width), red, green and blue, floating point.

    Returns:
        (batch, 3, height, width): luminance, red-green, blue-yellow; dtype of `images`.

    Raises:
        TypeError: `images` is not a floating-point tensor.
        ValueError: there are not three channels.

    Source:
        Van de Sande, Gevers and Snoek (2010), IEEE Transactions on Pattern Analysis and Machine
        Intelligence 32: 1582-1596, equation 4: these are its O3, O1 and O2 divided by sqrt 3,
        multiplied by sqrt 2, and multiplied by -sqrt 6 / 2.

    Example:
        >>> pixels = torch.tensor([[1.0, 0.0, 0.5], [0.0, 0.0, 0.5], [0.5, 0.75, 0.5]])
        >>> opponent_colours(pixels.view(1, 3, 1, 3))[0, :, 0].T.tolist()
        [[0.5, 1.0, 0.0], [0.25, 0.0, 0.75], [0.5, 0.0, 0.0]]
    """
    check_planes(images, "images", channels=3)
    red, green, blue = images.unbind(1)
    return torch.stack([(red + green + blue) / 3, red - green, blue - (red + green) / 2], 1)
