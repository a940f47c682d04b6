"""From images to latencies: what leaves the eye first."""

from collections.abc import Sequence
from typing import TypedDict, Unpack

import torch.nn.functional as F
from torch import Tensor, nn

from neurospyke.sim.coding import check_rule as check_linear_rule
from neurospyke.sim.coding import linear_latency
from neurospyke.sim.colour import opponent_colours
from neurospyke.sim.intensity import (
    check_gains,
    check_images,
    filter_images,
    lateral_intensity_inhibition,
    local_normalization,
)
from neurospyke.sim.latency import check_bins
from neurospyke.sim.ops.pointwise_inhibition import pointwise_inhibition
from neurospyke.sim.ops.rank_order import check_rule as check_rank_rule
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
    colour: str | None


class FilterEncoder(nn.Module):
    """What encoders with a filter bank share: images to intensities, which then become latencies.

        x = filter responses, or their absolute values; those below the threshold set to 0; with
            colour, of red, green and blue, or of their opponent channels
        x <- largest x of each window                         with pooling
        x <- x / local mean                                   with a normalization radius
        x <- x raised for every weaker neighbour              with lateral inhibition

    Args:
        bank: (filter, 1, height, width) filters; with colour also (filter, 3, height, width). A
            bank of one channel goes over each colour channel: map c n_filters + f is filter f on
            channel c.
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
        colour: "rgb" takes images of red, green and blue as they are, "opponent" after
            `opponent_colours`; None takes images of luminance.

    Raises:
        TypeError: `bank` is not a floating-point tensor.
        ValueError: an argument is out of range.
    """

    bank: Tensor

    def __init__(  # noqa: PLR0913 - published networks set each of them
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
        colour: str | None = None,
    ) -> None:
        super().__init__()
        check_bins(n_bins)
        if padding not in {"edge", "zeros", "none"}:
            raise ValueError(f'`padding` must be "edge", "zeros" or "none"; got {padding!r}')
        if colour not in {None, "rgb", "opponent"}:
            raise ValueError(f'`colour` must be None, "rgb" or "opponent"; got {colour!r}')
        self.colour = colour
        _check_bank(bank, self.n_channels)
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

    @property
    def n_channels(self) -> int:
        """Number of channels of the images: 3 with colour, 1 without."""
        return 1 if self.colour is None else 3

    def intensity(self, images: Tensor) -> Tensor:
        """Intensities of images, before they become latencies.

        Args:
            images: (batch, `n_channels`, height, width), float32 or float64 in [0, 1].

        Returns:
            (batch, map, height, width), >= 0, dtype of `images`.

        Raises:
            TypeError: `images` is not a float32 or float64 tensor.
            ValueError: axes do not fit, or a value is outside [0, 1] or NaN.
        """
        check_images(images, self.n_channels)
        intensity = filter_images(
            opponent_colours(images) if self.colour == "opponent" else images,
            self.bank,
            padding=self.padding,
            absolute=self.absolute,
            threshold=self.threshold,
        )
        if self.pool is not None:
            intensity = _pooled(intensity, *self.pool)
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
            f"lateral_inhibition={self.lateral_inhibition}, colour={self.colour!r}"
        )


class RankOrderEncoder(FilterEncoder):
    """Encoder by rank order: the stronger a filter's response, the earlier its spike.

        x = intensities of the filters' responses, see `FilterEncoder`
        bin = floor(rank of x * n_bins / n)                   among the n intensities x > 0

    An image that has no contrast stays silent.

    Args:
        bank: filters, as in `FilterEncoder`.
        bins: "proportional", "equal" or "spyker", as in `rank_order`.
        inhibition: True keeps one spike at each position, that of the filter with the largest
            intensity, the first of equal ones. Ranks are those before it.
        **filtering: `n_bins`, `threshold`, `padding`, `absolute`, `pool`, `normalization_radius`,
            `lateral_inhibition` and `colour`, as in `FilterEncoder`.

    Raises:
        TypeError: `bank` is not a floating-point tensor.
        ValueError: an argument is out of range.

    Source:
        Thorpe and Gautrais (1998), Rank order coding, in Computational Neuroscience: Trends in
        Research, 113-118.

    Example:
        >>> import torch
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
        check_rank_rule(bins)
        self.bins = bins
        self.inhibition = bool(inhibition)

    def forward(self, images: Tensor) -> Tensor:
        """Latencies of images.

        Args:
            images: (batch, `n_channels`, height, width), float32 or float64 in [0, 1].

        Returns:
            uint8 (batch, map, height, width), time bin, 255 = silent.

        Raises:
            TypeError: `images` is not a float32 or float64 tensor.
            ValueError: axes do not fit, or a value is outside [0, 1] or NaN.
        """
        intensity = self.intensity(images)
        latency = rank_order(intensity, self.n_bins, bins=self.bins)
        return pointwise_inhibition(latency, intensity)[0] if self.inhibition else latency

    def extra_repr(self) -> str:
        """Settings, for the module's repr."""
        return f"{super().extra_repr()}, bins={self.bins!r}, inhibition={self.inhibition}"


class LinearEncoder(FilterEncoder):
    """Encoder by intensity: latency falls linearly with a filter's response.

        x = intensities of the filters' responses, see `FilterEncoder`
        bin = floor(n_bins (max - x) / max)                   for intensities x > 0

    Half the strongest intensity comes half-way through the bins, however many are stronger. An
    image that has no contrast stays silent.

    Args:
        bank: filters, as in `FilterEncoder`.
        bins: "proportional" or "spyker", as in `linear_latency`.
        inhibition: True keeps one spike at each position, that of the filter with the largest
            intensity, the first of equal ones.
        **filtering: `n_bins`, `threshold`, `padding`, `absolute`, `pool`, `normalization_radius`,
            `lateral_inhibition` and `colour`, as in `FilterEncoder`.

    Raises:
        TypeError: `bank` is not a floating-point tensor.
        ValueError: an argument is out of range.

    Source:
        Hopfield (1995), Nature 376: 33-36.

    Example:
        >>> import torch
        >>> encoder = LinearEncoder(torch.ones(1, 1, 1, 1), n_bins=4)
        >>> encoder(torch.tensor([[[[1.0, 0.75, 0.5, 0.0]]]])).tolist()
        [[[[0, 1, 2, 255]]]]
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
        check_linear_rule(bins)
        self.bins = bins
        self.inhibition = bool(inhibition)

    def forward(self, images: Tensor) -> Tensor:
        """Latencies of images.

        Args:
            images: (batch, `n_channels`, height, width), float32 or float64 in [0, 1].

        Returns:
            uint8 (batch, map, height, width), time bin, 255 = silent.

        Raises:
            TypeError: `images` is not a float32 or float64 tensor.
            ValueError: axes do not fit, or a value is outside [0, 1] or NaN.
        """
        intensity = self.intensity(images)
        latency = linear_latency(intensity, self.n_bins, bins=self.bins)
        return pointwise_inhibition(latency, intensity)[0] if self.inhibition else latency

    def extra_repr(self) -> str:
        """Settings, for the module's repr."""
        return f"{super().extra_repr()}, bins={self.bins!r}, inhibition={self.inhibition}"


def _check_bank(bank: Tensor, n_channels: int) -> None:
    if not isinstance(bank, Tensor) or not bank.is_floating_point():
        raise TypeError(f"`bank` must be a floating-point tensor; got {type(bank).__name__}")
    if bank.ndim != 4 or bank.shape[1] not in {1, n_channels}:
        wanted = "(filter, 1, height, width)" + (
            "" if n_channels == 1 else f" or (filter, {n_channels}, height, width)"
        )
        raise ValueError(f"`bank` must have axes {wanted}; got shape {tuple(bank.shape)}")


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


def _pooled(intensity: Tensor, window: int, stride: int, padding: int) -> Tensor:
    height, width = intensity.shape[2:]
    if min(height, width) + 2 * padding < window:
        raise ValueError(
            f"`images` must leave responses of at least the pooling window, {window} x {window}; "
            f"got {height} x {width}; use larger images or a smaller window"
        )
    return F.max_pool2d(intensity, window, stride, padding)


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
