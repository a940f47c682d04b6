"""Filter banks of the early visual system as plain tensors, and what they do to images.

Every bank has axes (filter, 1, height, width) and is applied by correlation: the filters are not
flipped. Filtering is done in float64 and rounded to the dtype of the image, so that a response
depends neither on the batch nor on the number of threads, and equal patches respond equally.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

_PADDINGS = {"none": None, "zeros": "constant", "edge": "replicate"}


def difference_of_gaussians(
    sigmas: Sequence[tuple[float, float]], window: int | Sequence[int]
) -> Tensor:
    """Centre-surround filters: difference of two Gaussians, mean removed, largest value 1.

        k(r) = G(r; s1) - G(r; s2),  G(r; s) = exp(-r^2 / 2 s^2) / (2 pi s^2)
        filter = (k - mean k) / max(k - mean k), mean and maximum over the filter's window

    s1 < s2 is an ON-centre filter, s1 > s2 an OFF-centre one. Filters with smaller windows are
    padded with zeros to the largest.

    Args:
        sigmas: (s1, s2) of each filter, pixels, > 0 and different.
        window: side of the square window, pixels, odd and at least 3; one for all or one a filter.

    Returns:
        (filter, 1, side, side) float32, each filter summing to 0.

    Raises:
        ValueError: a sigma or a window is out of range, or their numbers differ.

    Source:
        Rodieck (1965), Vision Research 5: 583-601; the normalisation is the one used by
        Mozafari et al. (2019), Frontiers in Neuroscience 13: 625.

    Example:
        >>> bank = difference_of_gaussians([(1 / 3, 2 / 3)], 3)
        >>> bank.shape, bank.max().item(), round(abs(bank.sum().item()), 6)
        (torch.Size([1, 1, 3, 3]), 1.0, 0.0)
    """
    pairs = [(_positive(a, "sigmas"), _positive(b, "sigmas")) for a, b in sigmas]
    windows = [window] * len(pairs) if isinstance(window, int) else list(window)
    if not pairs or len(windows) != len(pairs):
        raise ValueError(
            f"`window` must be one size or one for each of the pairs in `sigmas`, at least one; "
            f"got {len(windows)} for {len(pairs)}"
        )
    if any(first == second for first, second in pairs):
        raise ValueError(f"`sigmas` must be pairs of different widths; got {pairs}")
    largest = max(_odd(side, "window") for side in windows)
    filters = []
    for (first, second), side in zip(pairs, windows, strict=True):
        kernel = _gaussian(side, first) - _gaussian(side, second)
        margin = (largest - side) // 2
        filters.append(F.pad(_balanced(kernel), (margin,) * 4))
    return torch.stack(filters).unsqueeze(1).float()


def laplacian_of_gaussian(sigmas: Sequence[float], window: int = 7) -> Tensor:
    """Blob filters: the Laplacian of a Gaussian, approximated by a difference of two Gaussians.

        k(r; s) = G(r; s / sqrt 2) - G(r; s sqrt 2)

    Each Gaussian is divided by its sum in the window, so that a filter sums to 0. First all ON
    filters in the order of `sigmas`, then their negatives, the OFF filters.

    Args:
        sigmas: width of each filter, pixels, > 0.
        window: side of the square window, pixels, odd and at least 3.

    Returns:
        (2 * len(sigmas), 1, window, window) float32.

    Raises:
        ValueError: a sigma or the window is out of range, or there is no sigma.

    Source:
        Marr and Hildreth (1980), Proceedings of the Royal Society B 207: 187-217.

    Example:
        >>> bank = laplacian_of_gaussian([1.0], window=7)
        >>> bank.shape, bank[0, 0, 3, 3].item() > 0, torch.equal(bank[1], -bank[0])
        (torch.Size([2, 1, 7, 7]), True, True)
    """
    widths = [_positive(sigma, "sigmas") for sigma in sigmas]
    if not widths:
        raise ValueError("`sigmas` must hold at least one width; got none")
    side = _odd(window, "window")
    on = torch.stack(
        [
            _unit_sum(_gaussian(side, sigma / math.sqrt(2)))
            - _unit_sum(_gaussian(side, sigma * math.sqrt(2)))
            for sigma in widths
        ]
    )
    return torch.cat([on, -on]).unsqueeze(1).float()


def gabor(orientations: Sequence[float], window: int = 5, *, divisor: float = 4.0) -> Tensor:
    """Oriented edge filters: a cosine under a Gaussian, mean removed, largest value 1.

        X = column sin a + row cos a,  Y = column cos a - row sin a
        k = exp(-(X^2 + 0.09 Y^2) / 2 s^2) cos(2 pi X / l),  l = 2 window / divisor,  s = 0.8 l
        filter = (k - mean k) / max(k - mean k)

    with rows counted downwards and columns to the right from the centre.

    Args:
        orientations: a of each filter, degrees; 0 prefers horizontal bars, 90 vertical ones.
        window: side of the square window, pixels, odd and at least 3.
        divisor: wavelengths in two windows, > 0.

    Returns:
        (filter, 1, window, window) float32, each filter summing to 0.

    Raises:
        ValueError: an angle is not finite, or the window or the divisor is out of range.

    Source:
        Serre et al. (2007), IEEE Transactions on Pattern Analysis and Machine Intelligence 29:
        411-426, whose filters have these proportions.

    Example:
        >>> bank = gabor([0.0, 90.0])
        >>> torch.allclose(bank[0, 0], bank[1, 0].T, atol=1e-6)
        True
    """
    angles = [math.radians(float(angle)) for angle in orientations]
    if not angles or not all(math.isfinite(angle) for angle in angles):
        raise ValueError(f"`orientations` must be finite degrees, at least one; got {orientations}")
    side = _odd(window, "window")
    wavelength = 2 * side / _positive(divisor, "divisor")
    filters = []
    for angle in angles:
        row, column = _offsets(side)
        across = column * math.sin(angle) + row * math.cos(angle)
        along = column * math.cos(angle) - row * math.sin(angle)
        envelope = torch.exp(-(across**2 + 0.3**2 * along**2) / (2 * (0.8 * wavelength) ** 2))
        filters.append(_balanced(envelope * torch.cos(2 * math.pi * across / wavelength)))
    return torch.stack(filters).unsqueeze(1).float()


def filter_images(
    images: Tensor,
    bank: Tensor,
    *,
    padding: str = "zeros",
    absolute: bool = False,
    threshold: float | Sequence[float] | None = None,
) -> Tensor:
    """Responses of a filter bank at every position.

        out[b, f, y, x] = sum over i, j of bank[f, 0, i, j] image[b, 0, y + i, x + j]

    Args:
        images: (batch, 1, height, width), floating point.
        bank: (filter, 1, height, width).
        padding: "zeros" or "edge" (the border's pixels go on outwards) keep height and width;
            "none" keeps only whole windows. Zeros put an edge round an image whose border is
            not black.
        absolute: True takes |out|, before the threshold.
        threshold: responses below it become 0, one level for all or one a filter; None keeps all,
            negative ones too.

    Returns:
        (batch, filter, height, width), dtype of `images`.

    Raises:
        TypeError: `images` or `bank` is not a floating-point tensor.
        ValueError: axes, padding or sizes do not fit.

    Example:
        >>> bank = difference_of_gaussians([(1 / 3, 2 / 3)], 3)
        >>> filter_images(torch.ones(1, 1, 3, 3), bank, threshold=0.01, padding="edge").max().item()
        0.0
    """
    _check_planes(images, "images", channels=1)
    _check_planes(bank, "bank", channels=1)
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
    out = F.conv2d(padded, bank.double()).to(images.dtype)
    out = out.abs() if absolute else out
    if threshold is None:
        return out
    levels = torch.as_tensor(threshold, dtype=torch.float64, device=out.device)
    if levels.ndim and levels.shape != (len(bank),):
        raise ValueError(
            f"`threshold` must be one level or one for each of {len(bank)} filters; "
            f"got shape {tuple(levels.shape)}"
        )
    return out.masked_fill(out < levels.to(out.dtype).reshape(-1, 1, 1), 0)


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
    _check_planes(intensity, "intensity")
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
    _check_planes(intensity, "intensity")
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


def preferred_features(features: Tensor, weight: Tensor, spacing: int = 1) -> Tensor:
    """What each map of a layer prefers, drawn in pixels from what its inputs prefer.

        out[m, spacing i + y, spacing j + x] = max(0, weight[m, c, i, j] features[c, y, x])

    and the largest value wherever inputs c or positions (i, j) overlap. For the first layer pass
    the filter bank without its channel axis as `features`. A pooling layer passes features on.

    Args:
        features: (channel, height, width) preferred feature of each input map, pixels.
        weight: (map, channel, kernel height, kernel width).
        spacing: pixels between neighbouring inputs, that is the product of the strides below.

    Returns:
        (map, height + spacing (kernel height - 1), width + spacing (kernel width - 1)), >= 0.

    Raises:
        TypeError: `features` or `weight` is not a floating-point tensor.
        ValueError: axes, channels or spacing do not fit.

    Source:
        Masquelier and Thorpe (2007), PLoS Computational Biology 3(2): e31, figure 6, for drawing
        a unit by the preferred stimuli of its inputs.

    Example:
        Two pixels side by side, the right one with half the weight.

        >>> preferred_features(torch.ones(1, 1, 1), torch.tensor([[[[1.0, 0.5]]]])).tolist()
        [[[1.0, 0.5]]]
    """
    _check_planes(weight, "weight")
    if not isinstance(features, Tensor) or not features.is_floating_point():
        raise TypeError(
            f"`features` must be a floating-point tensor; got {type(features).__name__}"
        )
    if features.ndim != 3 or features.shape[0] != weight.shape[1]:
        raise ValueError(
            f"`features` must have axes (channel, height, width) with {weight.shape[1]} channels, "
            f"those of `weight`; got shape {tuple(features.shape)}"
        )
    if not isinstance(spacing, int) or isinstance(spacing, bool) or spacing < 1:
        raise ValueError(f"`spacing` must be a whole number of pixels from 1 up; got {spacing!r}")
    (maps, _, rows, columns), (_, height, width) = weight.shape, features.shape
    out = features.new_zeros(maps, height + spacing * (rows - 1), width + spacing * (columns - 1))
    for i in range(rows):
        for j in range(columns):
            drawn = (weight[:, :, i, j, None, None] * features).amax(1)
            part = out[:, spacing * i : spacing * i + height, spacing * j : spacing * j + width]
            part.copy_(torch.maximum(part, drawn))
    return out


def _offsets(side: int) -> tuple[Tensor, Tensor]:
    centred = torch.arange(side, dtype=torch.float64) - side // 2
    return centred[:, None], centred[None, :]


def _gaussian(side: int, sigma: float) -> Tensor:
    row, column = _offsets(side)
    return torch.exp(-(row**2 + column**2) / (2 * sigma**2)) / (2 * math.pi * sigma**2)


def _unit_sum(kernel: Tensor) -> Tensor:
    return kernel / kernel.sum()


def _balanced(kernel: Tensor) -> Tensor:
    centred = kernel - kernel.mean()
    return centred / centred.max()


def _positive(value: float, name: str) -> float:
    number = float(value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"`{name}` must be finite and above 0; got {value!r}")
    return number


def _odd(side: int, name: str) -> int:
    if not isinstance(side, int) or isinstance(side, bool) or side < 3 or side % 2 == 0:
        raise ValueError(
            f"`{name}` must be an odd number of pixels from 3 up, so that there is a centre; "
            f"got {side!r}"
        )
    return side


def _check_planes(planes: Tensor, name: str, channels: int | None = None) -> None:
    if not isinstance(planes, Tensor) or not planes.is_floating_point():
        kind = planes.dtype if isinstance(planes, Tensor) else type(planes).__name__
        raise TypeError(f"`{name}` must be a floating-point tensor; got {kind}; convert it first")
    if planes.ndim != 4 or (channels is not None and planes.shape[1] != channels):
        raise ValueError(
            f"`{name}` must have four axes with {channels or 'any number of'} channel(s) second; "
            f"got shape {tuple(planes.shape)}"
        )
