"""ZCA whitening: decorrelated pixels that stay where they were."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from neurospyke.sim.filters import check_planes
from neurospyke.sim.intensity import check_images, on_off
from neurospyke.sim.latency import check_bins
from neurospyke.sim.ops.rank_order import check_rule, rank_order
from neurospyke.storage import read_arrays, write_arrays


@dataclass(frozen=True, eq=False)
class Whitening:
    """A fitted whitening: mean, principal axes, variances.

        matrix = U diag(1 / sqrt(v + r)) U',  whitened = matrix (x - mean)

    U are the eigenvectors and v the eigenvalues of the covariance, r the regularization. Features
    are all channels and pixels of an image, or of a patch, side by side. Directions of variance
    well above r come out with variance 1; those well below r, mostly noise, are scaled by
    1 / sqrt r and stay small.

    Args:
        mean: (channel, height, width) float64.
        axes: (feature, feature) float64, an eigenvector a column.
        variances: (feature,) float64, >= 0.
        regularization: r, > 0, in squared units of the images.

    Raises:
        TypeError: a part is not a float64 tensor.
        ValueError: shapes do not fit, a value is not finite, or a variance or r is out of range.
    """

    mean: Tensor
    axes: Tensor
    variances: Tensor
    regularization: float

    def __post_init__(self) -> None:
        for name in ("mean", "axes", "variances"):
            part = getattr(self, name)
            if not isinstance(part, Tensor) or part.dtype != torch.float64:
                raise TypeError(f"`{name}` must be a float64 tensor; got {part!r:.60}")
            if not part.isfinite().all():
                raise ValueError(f"`{name}` must be finite; got NaN or infinity")
        n = self.mean.numel()
        if self.mean.ndim != 3 or self.axes.shape != (n, n) or self.variances.shape != (n,):
            raise ValueError(
                "`mean` (channel, height, width), `axes` (feature, feature) and `variances` "
                f"(feature,) must fit together; got {tuple(self.mean.shape)}, "
                f"{tuple(self.axes.shape)} and {tuple(self.variances.shape)}"
            )
        if self.variances.min() < 0:
            raise ValueError(f"`variances` must be >= 0; got {self.variances.min().item():g}")
        _check_regularization(self.regularization)

    @property
    def matrix(self) -> Tensor:
        """The symmetric whitening matrix, (feature, feature) float64."""
        return self._power(-0.5)

    def transform(self, images: Tensor) -> Tensor:
        """Whitened images.

        Args:
            images: (batch, channel, height, width), floating point, of the fitted size.

        Returns:
            Same shape and dtype, values of both signs; `on_off` makes two channels of them.

        Raises:
            TypeError: `images` is not a floating-point tensor.
            ValueError: another size than the fitted one.
        """
        self._check_size(images)
        return whiten(images, self.mean, self.matrix)

    def inverse(self, whitened: Tensor) -> Tensor:
        """The images that `transform` would turn into these.

        Args:
            whitened: (batch, channel, height, width), floating point, of the fitted size.

        Returns:
            Same shape and dtype.

        Raises:
            TypeError: `whitened` is not a floating-point tensor.
            ValueError: another size than the fitted one.
        """
        self._check_size(whitened)
        flat = whitened.double().flatten(1) @ self._power(0.5) + self.mean.flatten()
        return flat.view(whitened.shape).to(whitened.dtype)

    def filters(self) -> Tensor:
        """What the pixels in the middle of a patch are whitened by, as a filter bank.

        For a whitening fitted on patches. Each filter is the row of `matrix` of one channel's
        middle pixel, drawn as a patch, less its mean, so that a uniform image of any level gives
        0. First all ON filters, then their negatives, the OFF filters.

        Returns:
            (2 * channel, channel, height, width) float32; encoders take it as their bank.

        Raises:
            ValueError: a patch of even sides, which has no middle.
        """
        channels, height, width = self.mean.shape
        if height % 2 == 0 or width % 2 == 0:
            raise ValueError(
                f"a patch must have odd sides to have a middle; got {height} x {width}; fit the "
                "whitening on other patches"
            )
        rows = self.matrix.view(channels, height, width, -1)[:, height // 2, width // 2]
        on = rows.view(channels, channels, height, width)
        on = on - on.mean((2, 3), keepdim=True)
        return torch.cat([on, -on]).float()

    def save(self, path: str | Path) -> None:
        """Write everything to one file (`.npz`, no pickle), whole or not at all.

        Args:
            path: the file, usually with the suffix ".npz"; replaced if it is there.
        """
        arrays = {name: getattr(self, name).numpy() for name in ("mean", "axes", "variances")}
        write_arrays(path, "Whitening", arrays, {"regularization": self.regularization})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Args:
            path: the file.

        Raises:
            ValueError: not such a file, or its parts do not fit together.
        """
        names = ("mean", "axes", "variances")
        arrays, meta = read_arrays(path, "Whitening", required=(*names, "regularization"))
        mean, axes, variances = (torch.from_numpy(arrays[name]) for name in names)
        try:
            return cls(mean, axes, variances, meta["regularization"])
        except TypeError as error:
            raise ValueError(f"{str(path)!r} must hold a whole Whitening; {error}") from error

    def _power(self, exponent: float) -> Tensor:
        scaled = self.axes * (self.variances + self.regularization) ** exponent
        return scaled @ self.axes.T

    def _check_size(self, images: Tensor) -> None:
        check_planes(images, "images")
        if images.shape[1:] != self.mean.shape:
            raise ValueError(
                f"`images` must have the fitted channels, height and width "
                f"{tuple(self.mean.shape)}; got {tuple(images.shape[1:])}"
            )


def fit_whitening(images: Tensor, *, regularization: float = 0.01) -> Whitening:
    """Whitening of images or patches: their mean and the eigenvectors of their covariance.

        mean = sum x / n,  covariance = sum (x - mean) (x - mean)' / (n - 1) = U diag(v) U'

    Args:
        images: (image, channel, height, width), floating point, at least two.
        regularization: added to every variance before its root is divided by, > 0, in squared
            units of the images. The default is a standard deviation of 0.1, about that of the
            faint detail of images in [0, 1].

    Returns:
        The fitted whitening.

    Raises:
        TypeError: `images` is not a floating-point tensor.
        ValueError: fewer than two images, one that is not finite, or a regularization of 0 or less.

    Source:
        Bell and Sejnowski (1997), Vision Research 37: 3327-3338, for the zero-phase filter;
        regularized as by Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images,
        appendix A.

    Example:
        Two pixels that always agree, at 0 or 1, have variances 1 (agreement) and 0 (difference).

        >>> pair = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 1, 2)
        >>> whitening = fit_whitening(pair, regularization=1.0)
        >>> [round(value, 6) for value in whitening.variances.tolist()]
        [0.0, 1.0]
    """
    check_planes(images, "images")
    _check_regularization(regularization)
    if len(images) < 2 or images.numel() == 0 or not images.isfinite().all():
        raise ValueError(
            "`images` must be at least two, of finite values; "
            f"got shape {tuple(images.shape)}; give more of them and leave out NaN"
        )
    flat = images.double().flatten(1).cpu()
    mean = flat.mean(0)
    centred = flat - mean
    variances, axes = torch.linalg.eigh(centred.T @ centred / (len(flat) - 1))
    return Whitening(
        mean.view(images.shape[1:]), axes, variances.clamp(min=0), float(regularization)
    )


def whiten(images: Tensor, mean: Tensor, matrix: Tensor) -> Tensor:
    """Images less their mean, times a whitening matrix.

    Computed in float64 and rounded to the dtype of the images.

    Args:
        images: (batch, channel, height, width), floating point.
        mean: (channel, height, width).
        matrix: (feature, feature), symmetric.

    Returns:
        Same shape and dtype as `images`.
    """
    flat = (images.double() - mean.double()).flatten(1) @ matrix.double()
    return flat.view(images.shape).to(images.dtype)


def sample_patches(images: Tensor, side: int, n_patches: int, generator: torch.Generator) -> Tensor:
    """Square patches from random places of random images, to fit a whitening on.

    Args:
        images: (image, channel, height, width), floating point.
        side: side of a patch, pixels, at most the images' height and width.
        n_patches: number of patches, at least 1.
        generator: source of randomness.

    Returns:
        (patch, channel, side, side), dtype of `images`.

    Raises:
        TypeError: `images` is not a floating-point tensor.
        ValueError: `side` or `n_patches` is out of range, or there is no image.

    Example:
        >>> ramp = torch.arange(6.0).view(1, 1, 2, 3)
        >>> patches = sample_patches(ramp, 2, 5, torch.Generator().manual_seed(0))
        >>> patches.shape, (patches[:, :, :, 1] - patches[:, :, :, 0]).unique().tolist()
        (torch.Size([5, 1, 2, 2]), [1.0])
    """
    check_planes(images, "images")
    n_images, _, height, width = images.shape
    if not n_images or not 1 <= side <= min(height, width) or n_patches < 1:
        raise ValueError(
            f"`side` must be from 1 to {min(height, width)} pixels and `n_patches` at least 1, "
            f"with at least one image; got {side}, {n_patches} and {n_images}"
        )

    def draw(limit: int) -> list[int]:
        return torch.randint(limit, (n_patches,), generator=generator).tolist()

    places = zip(draw(n_images), draw(height - side + 1), draw(width - side + 1), strict=True)
    return torch.stack([images[i, :, y : y + side, x : x + side] for i, y, x in places])


class WhiteningEncoder(nn.Module):
    """Encoder by whitened pixels: rank order of what is left once correlations are removed.

        y = matrix (image - mean)
        x = positive part of y as ON channels, negative part as OFF channels, below threshold 0
        bin = floor(rank of x * n_bins / n)                   among the n intensities x > 0

    For whitening fitted on patches use `Whitening.filters` as the bank of another encoder.

    Args:
        mean: (channel, height, width), one or three channels, of a `Whitening`.
        matrix: (feature, feature), of the same.
        n_bins: number of time bins, 1 to 254.
        threshold: least whitened value that spikes, > 0, in standard deviations.
        bins: "proportional", "equal" or "spyker", as in `rank_order`.

    Raises:
        TypeError: `mean` or `matrix` is not a floating-point tensor.
        ValueError: an argument is out of range, or shapes do not fit.

    Example:
        >>> images = torch.rand(20, 1, 4, 4, generator=torch.Generator().manual_seed(0))
        >>> whitening = fit_whitening(images)
        >>> encoder = WhiteningEncoder(whitening.mean, whitening.matrix)
        >>> encoder(images).shape
        torch.Size([20, 2, 4, 4])
    """

    mean: Tensor
    matrix: Tensor

    def __init__(
        self,
        mean: Tensor,
        matrix: Tensor,
        *,
        n_bins: int = 15,
        threshold: float = 0.1,
        bins: str = "proportional",
    ) -> None:
        super().__init__()
        check_bins(n_bins)
        check_rule(bins)
        if not threshold > 0:
            raise ValueError(
                f"`threshold` must be above 0, or rounding makes blanks fire; got {threshold}"
            )
        for name, part in (("mean", mean), ("matrix", matrix)):
            if not isinstance(part, Tensor) or not part.is_floating_point():
                got = type(part).__name__
                raise TypeError(f"`{name}` must be a floating-point tensor; got {got}")
        if mean.ndim != 3 or mean.shape[0] not in {1, 3} or matrix.shape != (mean.numel(),) * 2:
            raise ValueError(
                "`mean` must have axes (channel, height, width), one or three channels, and "
                "`matrix` (feature, feature), a feature a pixel and channel; got shapes "
                f"{tuple(mean.shape)} and {tuple(matrix.shape)}"
            )
        self.register_buffer("mean", mean.clone())
        self.register_buffer("matrix", matrix.clone())
        self.n_bins = n_bins
        self.threshold = float(threshold)
        self.bins = bins

    @property
    def n_channels(self) -> int:
        """Number of channels of the images."""
        return self.mean.shape[0]

    def forward(self, images: Tensor) -> Tensor:
        """Latencies of images.

        Args:
            images: (batch, `n_channels`, height, width), float32 or float64 in [0, 1], of the
                fitted size.

        Returns:
            uint8 (batch, 2 channel, height, width), ON then OFF channels; time bin, 255 = silent.

        Raises:
            TypeError: `images` is not a float32 or float64 tensor.
            ValueError: another size, or a value is outside [0, 1] or NaN.
        """
        check_images(images, self.n_channels)
        if images.shape[1:] != self.mean.shape:
            raise ValueError(
                f"`images` must have the fitted height and width {tuple(self.mean.shape[1:])}; "
                f"got {tuple(images.shape[2:])}; resize them"
            )
        intensity = on_off(whiten(images, self.mean, self.matrix))
        intensity = intensity.masked_fill(intensity < self.threshold, 0)
        return rank_order(intensity, self.n_bins, bins=self.bins)

    def extra_repr(self) -> str:
        """Settings, for the module's repr."""
        return (
            f"size={tuple(self.mean.shape)}, n_bins={self.n_bins}, threshold={self.threshold}, "
            f"bins={self.bins!r}"
        )


def _check_regularization(regularization: float) -> None:
    if not isinstance(regularization, int | float) or not 0 < regularization < float("inf"):
        raise ValueError(f"`regularization` must be above 0 and finite; got {regularization!r}")
