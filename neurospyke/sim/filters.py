"""Filter banks of the early visual system as plain tensors.

Every bank has axes (filter, 1, height, width) and is applied by correlation: the filters are not
flipped.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

# A Gabor filter whose sum is a smaller share of its absolute sum would be mostly rounding.
_SMALLEST_SUM = 0.01


def difference_of_gaussians(
    sigmas: Sequence[tuple[float, float]],
    window: int | Sequence[int],
    *,
    convention: str = "spyketorch",
) -> Tensor:
    """Centre-surround filters: difference of two Gaussians.

        k(r) = G(r; s1) - G(r; s2),  G(r; s) = exp(-r^2 / 2 s^2) / (2 pi s^2)
        "spyketorch"  filter = (k - mean k) / max(k - mean k), mean and maximum over the window
        "spyker"      filter = G(r; s1) / sum G(s1) - G(r; s2) / sum G(s2), sums over the window

    s1 < s2 is an ON-centre filter, s1 > s2 an OFF-centre one. Filters with smaller windows are
    padded with zeros to the largest. Responses are intensities only where they are positive: with
    any threshold from 0 up `filter_images` leaves out the others, as the second convention asks.

    Args:
        sigmas: (s1, s2) of each filter, pixels, > 0 and different.
        window: side of the square window, pixels, odd and at least 3; one for all or one a filter.
        convention: "spyketorch", largest value 1, or "spyker", Gaussians of sum 1.

    Returns:
        (filter, 1, side, side) float32, each filter summing to 0.

    Raises:
        ValueError: a sigma, a window or the convention is out of range, or numbers differ.

    Source:
        Rodieck (1965), Vision Research 5: 583-601; "spyketorch": Mozafari et al. (2019), Frontiers
        in Neuroscience 13: 625; "spyker": Shirsavar et al. (2023), arXiv 2301.13659.

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
    if convention not in {"spyketorch", "spyker"}:
        raise ValueError(f'`convention` must be "spyketorch" or "spyker"; got {convention!r}')
    largest = max(_odd(side, "window") for side in windows)
    filters = []
    for pair, side in zip(pairs, windows, strict=True):
        first, second = (_gaussian(side, sigma) for sigma in pair)
        if convention == "spyketorch":
            kernel = _balanced(first - second)
        else:
            kernel = _unit_sum(first) - _unit_sum(second)
        filters.append(F.pad(kernel, ((largest - side) // 2,) * 4))
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
    angles = _angles(orientations)
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


def gabor_unit_sum(
    orientations: Sequence[float],
    window: int,
    *,
    sigma: float,
    wavelength: float,
    aspect: float = 1.0,
    phase: float = 0.0,
) -> Tensor:
    """Gabor filters by their own parameters, each divided by its sum.

        X = column sin a + row cos a,  Y = column cos a - row sin a
        k = exp(-(X^2 + aspect^2 Y^2) / 2 sigma^2) cos(2 pi X / wavelength + phase)
        filter = k / sum k

    with rows counted downwards and columns to the right from the centre. Such a filter answers a
    uniform image with its luminance, unlike those of `gabor`. One of odd phase, or with several
    cycles under its envelope, has a sum near 0, and dividing by it would blow up rounding: a sum
    below a hundredth of the sum of absolute values is refused.

    Args:
        orientations: a of each filter, degrees; 0 prefers horizontal bars, 90 vertical ones.
        window: side of the square window, pixels, odd and at least 3.
        sigma: width of the envelope across the bars, pixels, > 0.
        wavelength: of the cosine, pixels, > 0.
        aspect: width of the envelope across the bars over that along them, > 0.
        phase: of the cosine, degrees.

    Returns:
        (filter, 1, window, window) float32, each filter summing to 1.

    Raises:
        ValueError: an argument is out of range, or a filter's sum is too near 0.

    Source:
        Daugman (1985), Journal of the Optical Society of America A 2: 1160-1169; divided by the
        sum as by Shirsavar et al. (2023), arXiv 2301.13659.

    Example:
        >>> bank = gabor_unit_sum([0.0, 90.0], 5, sigma=1.0, wavelength=6.0)
        >>> round(bank[0].sum().item(), 5), torch.allclose(bank[0, 0], bank[1, 0].T, atol=1e-6)
        (1.0, True)
    """
    angles = _angles(orientations)
    side, width = _odd(window, "window"), _positive(sigma, "sigma")
    period, ratio = _positive(wavelength, "wavelength"), _positive(aspect, "aspect")
    (shift,) = _angles([phase], "phase")
    row, column = _offsets(side)
    filters = []
    for angle in angles:
        across = column * math.sin(angle) + row * math.cos(angle)
        along = column * math.cos(angle) - row * math.sin(angle)
        envelope = torch.exp(-(across**2 + ratio**2 * along**2) / (2 * width**2))
        kernel = envelope * torch.cos(2 * math.pi * across / period + shift)
        share = (kernel.sum().abs() / kernel.abs().sum()).item()
        if share < _SMALLEST_SUM:
            raise ValueError(
                f"`phase` must leave a filter a sum to divide by; at {math.degrees(angle):g} "
                f"degrees it is {share:.1e} of the absolute sum, least {_SMALLEST_SUM}; use a "
                "phase nearer 0, a longer `wavelength`, or `gabor`, which removes the mean"
            )
        filters.append(_unit_sum(kernel))
    return torch.stack(filters).unsqueeze(1).float()


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
    check_planes(weight, "weight")
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


def _angles(degrees: Sequence[float], name: str = "orientations") -> list[float]:
    angles = [math.radians(float(angle)) for angle in degrees]
    if not angles or not all(math.isfinite(angle) for angle in angles):
        raise ValueError(f"`{name}` must be finite degrees, at least one; got {degrees}")
    return angles


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


def check_planes(planes: Tensor, name: str, channels: int | None = None) -> None:
    """Refuse what is not a floating-point tensor with four axes.

    Args:
        planes: tensor to check, channels second.
        name: name of the argument, for the message.
        channels: number of channels wanted; None allows any.

    Raises:
        TypeError: not a floating-point tensor.
        ValueError: other axes.
    """
    if not isinstance(planes, Tensor) or not planes.is_floating_point():
        kind = planes.dtype if isinstance(planes, Tensor) else type(planes).__name__
        raise TypeError(f"`{name}` must be a floating-point tensor; got {kind}; convert it first")
    if planes.ndim != 4 or (channels is not None and planes.shape[1] != channels):
        raise ValueError(
            f"`{name}` must have four axes with {channels or 'any number of'} channel(s) second; "
            f"got shape {tuple(planes.shape)}"
        )
