"""From images to latencies: what leaves the eye first."""

import torch
from torch import Tensor, nn

from neurospyke.sim.filters import filter_images, local_normalization
from neurospyke.sim.latency import check_bins
from neurospyke.sim.ops.rank_order import rank_order


class RankOrderEncoder(nn.Module):
    """Encoder by rank order: the stronger a filter's response, the earlier its spike.

        x = filter responses, those below the threshold set to 0
        x <- x / local mean                                   with a normalization radius
        bin = floor(rank of x * n_bins / n)                   among the n responses x > 0

    An image that has no contrast stays silent.

    Args:
        bank: (filter, 1, height, width) filters.
        n_bins: number of time bins, 1 to 254.
        threshold: least response that spikes, > 0, in units of image intensity times filter.
        padding: "edge" (the border's pixels go on outwards), "zeros" or "none"; the first two keep
            the image's size. Zeros put an edge round an image whose border is not black.
        normalization_radius: half side, pixels, of the square for local normalization; None: none.
        bins: "proportional" or "equal", as in `rank_order`.

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

    bank: Tensor

    def __init__(
        self,
        bank: Tensor,
        *,
        n_bins: int = 15,
        threshold: float = 0.01,
        padding: str = "edge",
        normalization_radius: int | None = None,
        bins: str = "proportional",
    ) -> None:
        super().__init__()
        check_bins(n_bins)
        if not threshold > 0:
            raise ValueError(
                f"`threshold` must be above 0, or rounding makes blanks fire; got {threshold}"
            )
        if padding not in {"edge", "zeros", "none"}:
            raise ValueError(f'`padding` must be "edge", "zeros" or "none"; got {padding!r}')
        if bins not in {"proportional", "equal"}:
            raise ValueError(f'`bins` must be "proportional" or "equal"; got {bins!r}')
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
        self.threshold = float(threshold)
        self.padding = padding
        self.normalization_radius = normalization_radius
        self.bins = bins

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
        check_images(images)
        intensity = filter_images(images, self.bank, padding=self.padding, threshold=self.threshold)
        if self.normalization_radius is not None:
            intensity = local_normalization(intensity, self.normalization_radius)
        return rank_order(
            intensity, self.n_bins, bins="equal" if self.bins == "equal" else "proportional"
        )

    def extra_repr(self) -> str:
        """Settings, for the module's repr."""
        return (
            f"n_filters={len(self.bank)}, n_bins={self.n_bins}, threshold={self.threshold:g}, "
            f"padding={self.padding!r}, normalization_radius={self.normalization_radius}, "
            f"bins={self.bins!r}"
        )


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
