"""What filters make of images, and what neighbours do to it before it is encoded.

Filtering is done in float64 and rounded to the dtype of the image, so that a response depends
neither on the batch nor on the number of threads, and equal patches respond equally.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from neurospyke.sim.filters import check_planes

_PADDINGS = {"none": None, "zeros": "constant", "edge": "replicate"}


def filter_images(
    images: Tensor,
    bank: Tensor,
    *,
    padding: str = "zeros",
    absolute: bool = False,
    threshold: float | Sequence[float] | None = None,
) -> Tensor:
    """Responses of a filter bank at every position.

        out[b, f, y, x] = sum over c, i, j of bank[f, c, i, j] image[b, c, y + i, x + j]

    A bank with one channel meets images with several by going over each of them: output map
    c n_filters + f is filter f on channel c.

    Args:
        images: (batch, channel, height, width), floating point.
        bank: (filter, channel, height, width), with one channel or as many as the images.
        padding: "zeros" or "edge" (the border's pixels go on outwards) keep height and width;
            "none" keeps only whole windows. Zeros put an edge round an image whose border is
            not black.
        absolute: True takes |out|, before the threshold.
        threshold: responses below it become 0, one level for all or one a filter; None keeps all,
            negative ones too.

    Returns:
        (batch, map, height, width), dtype of `images`.

    Raises:
        TypeError: `images` or `bank` is not a floating-point tensor.
        ValueError: axes, padding or sizes do not fit.

    Example:
        >>> from neurospyke.sim.filters import difference_of_gaussians
        >>> bank = difference_of_gaussians([(1 / 3, 2 / 3)], 3)
        >>> filter_images(torch.ones(1, 1, 3, 3), bank, threshold=0.01, padding="edge").max().item()
        0.0
    """
    check_planes(images, "images")
    check_planes(bank, "bank")
    n_channels = images.shape[1]
    if bank.shape[1] not in {1, n_channels}:
        raise ValueError(
            f"`bank` must have one channel or the {n_channels} of `images`; got {bank.shape[1]}"
        )
    if padding not in _PADDINGS:
        raise ValueError(f"`padding` must be one of {tuple(_PADDINGS)}; got {padding!r}")
    height, width = bank.shape[2:]
    padded = images.double()
    mode = _PADDINGS[padding]
    if mode is not None:
        top, left = (height - 1) // 2, (width - 1) // 2
        padded = F.pad(padded, (left, width - 1 - left, top, height - 1 - top), mode=mode)
    if padded.shape[2] < height or padded.shape[3] < width:
        raise ValueError(
            f"`images` must be at least as large as the filters, {(height, width)}; "
            f"got {tuple(images.shape[2:])}; pad them or use smaller filters"
        )
    groups = n_channels if bank.shape[1] == 1 else 1
    out = F.conv2d(padded, bank.double().repeat(groups, 1, 1, 1), groups=groups).to(images.dtype)
    out = out.abs() if absolute else out
    if threshold is None:
        return out
    levels = torch.as_tensor(threshold, dtype=torch.float64, device=out.device)
    if levels.ndim and levels.shape != (len(bank),):
        raise ValueError(
            f"`threshold` must be one level or one for each of {len(bank)} filters; "
            f"got shape {tuple(levels.shape)}"
        )
    levels = levels.to(out.dtype).expand(len(bank)).repeat(groups).view(-1, 1, 1)
    return out.masked_fill(out < levels, 0)


def local_normalization(intensity: Tensor, radius: int) -> Tensor:
    """Intensity divided by the mean intensity around it, in the same channel.

        out = x / (m + 1e-12),  m = sum of x over the square of side 2 radius + 1 / its area

    Outside the image x is 0 and still counts in the area.

    Args:
        intensity: (batch, channel, height, width), floating point.
        radius: half side of the square, pixels, at least 1.

    Returns:
        Same shape and dtype.

    Raises:
        TypeError: `intensity` is not a floating-point tensor.
        ValueError: axes or radius are wrong.

    Source:
        Mozafari et al. (2019), Frontiers in Neuroscience 13: 625.

    Example:
        A single bright pixel is nine times the mean of its surround of nine pixels.

        >>> spot = torch.zeros(1, 1, 3, 3)
        >>> spot[0, 0, 1, 1] = 2.0
        >>> round(local_normalization(spot, 1)[0, 0, 1, 1].item(), 4)
        9.0
    """
    check_planes(intensity, "intensity")
    if not isinstance(radius, int) or isinstance(radius, bool) or radius < 1:
        raise ValueError(f"`radius` must be a whole number of pixels from 1 up; got {radius!r}")
    mean = F.avg_pool2d(intensity, 2 * radius + 1, stride=1, padding=radius)
    return intensity / (mean + 1e-12)


def lateral_intensity_inhibition(intensity: Tensor, percents: Sequence[float]) -> Tensor:
    """Contrast between channels' neighbours: a pixel gains for every weaker neighbour.

        out = x (1 + sum over neighbours of p[d] [x > x_neighbour]),  d = max(|row|, |column|)

    over neighbours of the same channel at distances d = 1 to len(percents); outside the image
    intensity is 0. Stronger pixels are raised, which lowers the others in rank.

    Args:
        intensity: (batch, channel, height, width), floating point.
        percents: gain for a weaker neighbour at distance 1, 2, ..., as a fraction.

    Returns:
        Same shape and dtype.

    Raises:
        TypeError: `intensity` is not a floating-point tensor.
        ValueError: axes are wrong, or a gain is missing or not finite.

    Source:
        Delorme et al. (1999), Neurocomputing 26-27: 989-996, which adds lateral inhibition to
        rank-order coding; this form is the one used by networks of Mozafari et al. (2019).

    Example:
        Eight weaker neighbours at a gain of 0.1 each: 2 (1 + 0.8).

        >>> spot = torch.zeros(1, 1, 3, 3)
        >>> spot[0, 0, 1, 1] = 2.0
        >>> round(lateral_intensity_inhibition(spot, [0.1])[0, 0, 1, 1].item(), 4)
        3.6
    """
    check_planes(intensity, "intensity")
    gains = check_gains(percents, "percents")
    radius, (height, width) = len(gains), intensity.shape[2:]
    padded = F.pad(intensity, (radius,) * 4)
    gain = torch.ones_like(intensity)
    for row in range(2 * radius + 1):
        for column in range(2 * radius + 1):
            distance = max(abs(row - radius), abs(column - radius))
            if distance:
                neighbour = padded[:, :, row : row + height, column : column + width]
                gain += gains[distance - 1] * (intensity > neighbour)
    return intensity * gain


def check_gains(gains: Sequence[float], name: str = "lateral_inhibition") -> tuple[float, ...]:
    """Gains of lateral inhibition as numbers, or a refusal.

    Args:
        gains: gain for a weaker neighbour at distance 1, 2, ..., as a fraction.
        name: name of the argument, for the message.

    Raises:
        ValueError: a gain is missing or not finite.
    """
    numbers = tuple(float(gain) for gain in gains)
    if not numbers or not all(math.isfinite(gain) for gain in numbers):
        raise ValueError(f"`{name}` must be finite gains, at least one; got {gains!r}")
    return numbers


def on_off(signed: Tensor) -> Tensor:
    """Values of both signs as two sets of channels: what is above zero, and what is below.

        on = max(x, 0),  off = max(-x, 0),  x = on - off

    Args:
        signed: (batch, channel, height, width), floating point.

    Returns:
        (batch, 2 channel, height, width), >= 0: first all ON channels, then all OFF channels.

    Raises:
        TypeError: `signed` is not a floating-point tensor.
        ValueError: axes are wrong.

    Source:
        Hubel and Wiesel (1961), Journal of Physiology 155: 385-398, for cells that answer to
        light and cells that answer to its absence.

    Example:
        >>> on_off(torch.tensor([[[[0.5, -0.25]]]])).tolist()
        [[[[0.5, 0.0]], [[0.0, 0.25]]]]
    """
    check_planes(signed, "signed")
    return torch.cat([signed.clamp(min=0), (-signed).clamp(min=0)], 1)


def check_images(images: Tensor, n_channels: int = 1) -> None:
    """Refuse what is not a batch of images in [0, 1] of so many channels.

    Under torch.compile values are not read, because that would break the graph.

    Args:
        images: (batch, `n_channels`, height, width), float32 or float64 in [0, 1].
        n_channels: 1 for luminance, 3 for red, green and blue.

    Raises:
        TypeError: not a float32 or float64 tensor.
        ValueError: axes do not fit, no image, or a value outside [0, 1] or NaN.
    """
    if not isinstance(images, Tensor):
        raise TypeError(
            f"`images` must be a tensor (batch, {n_channels}, height, width); "
            f"got {type(images).__name__}; leave labels out and convert with torch.from_numpy"
        )
    if images.dtype not in {torch.float32, torch.float64}:
        raise TypeError(
            f"`images` must be float32 or float64 in [0, 1]; got {images.dtype}; "
            "divide bytes by 255"
        )
    if images.ndim != 4 or images.shape[1] != n_channels or images.numel() == 0:
        remedy = "average colours" if n_channels == 1 else "read them with colour=True"
        raise ValueError(
            f"`images` must have axes (batch, {n_channels}, height, width), none of them empty; "
            f"got shape {tuple(images.shape)}; {remedy} and stack single images"
        )
    if torch.compiler.is_compiling():
        return
    low, high = (bound.item() for bound in images.aminmax())
    # NaN spreads through minimum and maximum and fails both comparisons
    if not (low >= 0 and high <= 1):
        raise ValueError(
            f"`images` must lie in [0, 1]; got {low:g} to {high:g}; "
            "rescale them and leave out images with NaN"
        )
