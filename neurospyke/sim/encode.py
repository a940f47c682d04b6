"""From images to latencies: what leaves the eye first."""

from collections.abc import Sequence
from typing import TypedDict, Unpack

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurospyke.sim.filters import (
    check_gains,
    filter_images,
    lateral_intensity_inhibition,
    local_normalization,
)
from neurospyke.sim.latency import check_bins
from neurospyke.sim.ops.pointwise_inhibition import pointwise_inhibition
from neurospyke.sim.ops.rank_order import rank_order


class Filtering(TypedDict, total=False):
    """Settings of `FilterEncoder` that its kinds pass on."""

    n_bins: int
    threshold: float | Sequence[float]
    padding: str
    absolute: bool
    pool: Sequence[int] | None
    normalization_radius: int | None
    lateral_inhibition: Sequence[float] | None


class FilterEncoder(nn.Module):
    """What encoders with a filter bank share: images to intensities, which then become latencies.

        x = filter responses, or their absolute values; those below the threshold set to 0
        x <- largest x of each window                         with pooling
        x <- x / local mean                                   with a normalization radius
        x <- x raised for every weaker neighbour              with lateral inhibition

    Args:
        bank: (filter, 1, height, width) filters.
        n_bins: number of time bins, 1 to 254.
        threshold: least response that counts, > 0, in units of image intensity times filter; one
            for all or one a filter.
        padding: "edge" (the border's pixels go on outwards), "zeros" or "none"; the first two keep
            the image's size. Zeros put an edge round an image whose border is not black.
        absolute: True takes absolute responses: contrast of either sign excites a filter.
        pool: (window, stride) or (window, stride, padding), pixels, of the largest intensity in
            square windows; None: none.
        normalization_radius: half side, pixels, of the square of `local_normalization`; None: none.
        lateral_inhibition: gains of `lateral_intensity_inhibition` at distance 1, 2, ...; None:
            none.

    Raises:
        TypeError: `bank` is not a floating-point tensor.
        ValueError: an argument is out of range.
    """

    bank: Tensor

    def __init__(
        self,
        bank: Tensor,
        *,
        n_bins: int = 15,
        threshold: float | Sequence[float] = 0.01,
        padding: str = "edge",
        absolute: bool = False,
        pool: Sequence[int] | None = None,
        normalization_radius: int | None = None,
        lateral_inhibition: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        check_bins(n_bins)
        if padding not in {"edge", "zeros", "none"}:
            raise ValueError(f'`padding` must be "edge", "zeros" or "none"; got {padding!r}')
        if not isinstance(bank, Tensor) or not bank.is_floating_point():
            raise TypeError(f"`bank` must be a floating-point tensor; got {type(bank).__name__}")
        if bank.ndim != 4 or bank.shape[1] != 1:
            raise ValueError(
                f"`bank` must have axes (filter, 1, height, width); got shape {tuple(bank.shape)}"
            )
        if normalization_radius is not None and normalization_radius < 1:
            raise ValueError(
                f"`normalization_radius` must be at least 1 pixel; got {normalization_radius}"
            )
        self.register_buffer("bank", bank.clone())
        self.n_bins = n_bins
        self.threshold = _threshold(threshold, len(bank))
        self.padding = padding
        self.absolute = bool(absolute)
        self.pool = None if pool is None else _pool(pool)
        self.normalization_radius = normalization_radius
        self.lateral_inhibition = (
            None if lateral_inhibition is None else check_gains(lateral_inhibition)
        )

    def intensity(self, images: Tensor) -> Tensor:
        """Intensities of images, before they become latencies.

        Args:
            images: (batch, 1, height, width), float32 or float64 in [0, 1].

        Returns:
            (batch, filter, height, width), >= 0, dtype of `images`.

        Raises:
            TypeError: `images` is not a float32 or float64 tensor.
            ValueError: axes do not fit, or a value is outside [0, 1] or NaN.
        """
        check_images(images)
        intensity = filter_images(
            images,
            self.bank,
            padding=self.padding,
            absolute=self.absolute,
            threshold=self.threshold,
        )
        if self.pool is not None:
            intensity = F.max_pool2d(intensity, *self.pool)
        if self.normalization_radius is not None:
            intensity = local_normalization(intensity, self.normalization_radius)
        if self.lateral_inhibition is not None:
            intensity = lateral_intensity_inhibition(intensity, self.lateral_inhibition)
        return intensity

    def extra_repr(self) -> str:
        """Settings, for the module's repr."""
        return (
            f"n_filters={len(self.bank)}, n_bins={self.n_bins}, threshold={self.threshold}, "
            f"padding={self.padding!r}, absolute={self.absolute}, pool={self.pool}, "
            f"normalization_radius={self.normalization_radius}, "
            f"lateral_inhibition={self.lateral_inhibition}"
        )


class RankOrderEncoder(FilterEncoder):
    """Encoder by rank order: the stronger a filter's response, the earlier its spike.

        x = intensities of the filters' responses, see `FilterEncoder`
        bin = floor(rank of x * n_bins / n)                   among the n intensities x > 0

    An image that has no contrast stays silent.

    Args:
        bank: (filter, 1, height, width) filters.
        bins: "proportional" or "equal", as in `rank_order`.
        inhibition: True keeps one spike at each position, that of the filter with the largest
            intensity, the first of equal ones. Ranks are those before it.
        **filtering: `n_bins`, `threshold`, `padding`, `absolute`, `pool`, `normalization_radius`
            and `lateral_inhibition`, as in `FilterEncoder`.

    Raises:
        TypeError: `bank` is not a floating-point tensor.
        ValueError: an argument is out of range.

    Source:
        Thorpe and Gautrais (1998), Rank order coding, in Computational Neuroscience: Trends in
        Research, 113-118.

    Example:
        >>> from neurospyke.sim.filters import difference_of_gaussians
        >>> encoder = RankOrderEncoder(difference_of_gaussians([(1, 2), (2, 1)], 7))
        >>> spot = torch.zeros(1, 1, 9, 9)
        >>> spot[0, 0, 4, 4] = 1.0
        >>> latency = encoder(spot)
        >>> latency.shape, latency[0, 0, 4, 4].item(), latency[0, 1, 4, 4].item()
        (torch.Size([1, 2, 9, 9]), 0, 255)
    """

    def __init__(
        self,
        bank: Tensor,
        *,
        bins: str = "proportional",
        inhibition: bool = False,
        **filtering: Unpack[Filtering],
    ) -> None:
        super().__init__(bank, **filtering)
        if bins not in {"proportional", "equal"}:
            raise ValueError(f'`bins` must be "proportional" or "equal"; got {bins!r}')
        self.bins = bins
        self.inhibition = bool(inhibition)

    def forward(self, images: Tensor) -> Tensor:
        """Latencies of images.

        Args:
            images: (batch, 1, height, width), float32 or float64 in [0, 1].

        Returns:
            uint8 (batch, filter, height, width), time bin, 255 = silent.

        Raises:
            TypeError: `images` is not a float32 or float64 tensor.
            ValueError: axes do not fit, or a value is outside [0, 1] or NaN.
        """
        intensity = self.intensity(images)
        latency = rank_order(
            intensity, self.n_bins, bins="equal" if self.bins == "equal" else "proportional"
        )
        return pointwise_inhibition(latency, intensity)[0] if self.inhibition else latency

    def extra_repr(self) -> str:
        """Settings, for the module's repr."""
        return f"{super().extra_repr()}, bins={self.bins!r}, inhibition={self.inhibition}"


def _threshold(threshold: float | Sequence[float], n_filters: int) -> float | tuple[float, ...]:
    several = isinstance(threshold, Sequence)
    levels = tuple(float(each) for each in threshold) if several else (float(threshold),)
    if several and len(levels) != n_filters:
        raise ValueError(
            f"`threshold` must be one level or one for each of {n_filters} filters; "
            f"got {len(levels)}"
        )
    if not all(level > 0 for level in levels):
        raise ValueError(
            f"`threshold` must be above 0, or rounding makes blanks fire; got {threshold}"
        )
    return levels if several else levels[0]


def _pool(pool: Sequence[int]) -> tuple[int, int, int]:
    whole = all(isinstance(each, int) and not isinstance(each, bool) for each in pool)
    if not whole or len(pool) not in {2, 3}:
        raise ValueError(
            f"`pool` must be (window, stride) or (window, stride, padding) in pixels; got {pool!r}"
        )
    window, stride, padding = (*pool, 0)[:3]
    if window < 1 or stride < 1 or not 0 <= 2 * padding <= window:
        raise ValueError(
            "`pool` must have a window and a stride from 1 up and a padding from 0 to half the "
            f"window; got {pool!r}"
        )
    return window, stride, padding


def check_images(images: Tensor) -> None:
    """Refuse what is not a batch of luminance images in [0, 1].

    Args:
        images: (batch, 1, height, width), float32 or float64 in [0, 1].

    Raises:
        TypeError: not a float32 or float64 tensor.
        ValueError: axes do not fit, no image, or a value outside [0, 1] or NaN.
    """
    if not isinstance(images, Tensor):
        raise TypeError(
            "`images` must be a tensor (batch, 1, height, width); "
            f"got {type(images).__name__}; leave labels out and convert with torch.from_numpy"
        )
    if images.dtype not in {torch.float32, torch.float64}:
        raise TypeError(
            f"`images` must be float32 or float64 in [0, 1]; got {images.dtype}; "
            "divide bytes by 255"
        )
    if images.ndim != 4 or images.shape[1] != 1 or images.numel() == 0:
        raise ValueError(
            "`images` must have axes (batch, 1, height, width), none of them empty; "
            f"got shape {tuple(images.shape)}; average colours and stack single images"
        )
    low, high = (bound.item() for bound in images.aminmax())
    # NaN spreads through minimum and maximum and fails both comparisons
    if not (low >= 0 and high <= 1):
        raise ValueError(
            f"`images` must lie in [0, 1]; got {low:g} to {high:g}; "
            "rescale them and leave out images with NaN"
        )
