"""Layers of spiking neurons as modules over the ops: latency in, latency out."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from neurospyke.sim.latency import check_bins, check_latency
from neurospyke.sim.ops.crossing import check_precision
from neurospyke.sim.ops.inhibited_convolution import inhibited_convolution, spread
from neurospyke.sim.ops.pool import pool
from neurospyke.sim.ops.spiking_convolution import Precision, spiking_convolution
from neurospyke.sim.ops.spiking_linear import spiking_linear
from neurospyke.sim.ops.window import pair, sides


def normal_weight(
    shape: Sequence[int], mean: float, std: float, generator: torch.Generator
) -> Tensor:
    """Initial weights, independent and normally distributed.

    Args:
        shape: axes of the weights.
        mean: mean weight.
        std: standard deviation, >= 0.
        generator: source of randomness; the same state gives the same weights.

    Returns:
        float32 tensor of that shape.

    Raises:
        TypeError: `generator` is not a torch.Generator.
        ValueError: `std` is negative.

    Example:
        >>> normal_weight((2, 3), 0.5, 0.0, torch.Generator().manual_seed(0)).unique().tolist()
        [0.5]
    """
    if not isinstance(generator, torch.Generator):
        raise TypeError(
            f"`generator` must be a torch.Generator; got {type(generator).__name__}; "
            "use torch.Generator().manual_seed(seed)"
        )
    if not std >= 0:
        raise ValueError(f"`std` must be at least 0; got {std}")
    return mean + std * torch.randn(tuple(shape), generator=generator)


class SpikingConvolution(nn.Module):
    """Convolution of integrate-and-fire neurons that spike once; equations in the op.

    Args:
        weight: float32 or float64 (map, channel, kernel height, kernel width) initial weights.
            Learned by plasticity, so they take no gradient.
        threshold: what the potential must exceed: one number, (map,), or None for a layer read
            out in the last bin.
        n_bins: number of time bins, 1 to 254.
        stride: step of the window, one int or (height, width).
        padding: silence round the input, one int or (top, bottom, left, right).
        inhibition: True lets one map spike at each position, the earliest, when responding. While
            learning, this competition always takes place.
        rule: what learns the weights, for example `STDP`; None leaves them as they are.
        precision: "full", "fast" or "reproducible" when responding; see `spiking_convolution`.
            Learning always sums the weights as they are.

    Raises:
        TypeError: `weight` is not a floating-point tensor.
        ValueError: axes, thresholds or bins do not fit.

    Source:
        Kheradpisheh et al. (2018), Neural Networks 99: 56-67.

    Example:
        >>> layer = SpikingConvolution(torch.ones(1, 2, 1, 1), threshold=1.0, n_bins=15)
        >>> layer(torch.tensor([[[[3]], [[7]]]], dtype=torch.uint8)).item()
        7
    """

    weight: nn.Parameter
    threshold: Tensor | None

    def __init__(
        self,
        weight: Tensor,
        *,
        threshold: float | Tensor | None,
        n_bins: int,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int, int, int] = 0,
        inhibition: bool = False,
        rule: object | None = None,
        precision: Precision = "full",
    ) -> None:
        super().__init__()
        check_bins(n_bins)
        self.weight = _frozen(weight, ("map", "channel", "kernel height", "kernel width"))
        self.register_buffer("threshold", _thresholds(threshold, self.weight))
        pair(stride, "stride")
        sides(padding)
        self.n_bins = n_bins
        self.stride = stride
        self.padding = padding
        self.inhibition = inhibition
        self.rule = rule
        check_precision(precision)
        self.precision: Precision = precision

    def fire(self, latency: Tensor) -> tuple[Tensor, Tensor]:
        """Spikes before any inhibition, with the potential that made them.

        Args:
            latency: uint8 (batch, channel, height, width), time bin, 255 = silent.

        Returns:
            Latency uint8 and potential, both (batch, map, height, width); 0 where silent.
        """
        return spiking_convolution(latency, self.weight, self.threshold, **self._settings())

    def forward(self, latency: Tensor) -> Tensor:
        """Latency uint8 (batch, map, height, width) of the layer's spikes."""
        if self.inhibition:
            first, maps, _ = inhibited_convolution(
                latency, self.weight, self.threshold, **self._settings()
            )
            return spread(first, maps, len(self.weight))
        return spiking_convolution(
            latency, self.weight, self.threshold, return_potential=False, **self._settings()
        )

    def _settings(self) -> dict[str, Any]:
        return {
            "n_bins": self.n_bins,
            "stride": self.stride,
            "padding": self.padding,
            "precision": self.precision,
        }

    def extra_repr(self) -> str:
        """Settings, for the module's repr."""
        return (
            f"weight={tuple(self.weight.shape)}, threshold={_show(self.threshold)}, "
            f"stride={self.stride}, padding={self.padding}, inhibition={self.inhibition}, "
            f"rule={self.rule}"
        )


class SpikingLinear(nn.Module):
    """Fully connected integrate-and-fire neurons that spike once; equations in the op.

    Args:
        weight: float32 or float64 (unit, channel) initial weights; they take no gradient.
        threshold: what the potential must exceed: one number, (unit,), or None for a layer read
            out in the last bin.
        n_bins: number of time bins, 1 to 254.
        rule: what learns the weights, for example `STDP`; None leaves them as they are.
        precision: "full", "fast" or "reproducible" when responding; see `spiking_convolution`.

    Raises:
        TypeError: `weight` is not a floating-point tensor.
        ValueError: axes, thresholds, bins or precision do not fit.

    Source:
        Kheradpisheh et al. (2018), Neural Networks 99: 56-67.

    Example:
        >>> layer = SpikingLinear(torch.ones(1, 2), threshold=1.0, n_bins=15)
        >>> layer(torch.tensor([[3, 7]], dtype=torch.uint8)).item()
        7
    """

    weight: nn.Parameter
    threshold: Tensor | None

    def __init__(
        self,
        weight: Tensor,
        *,
        threshold: float | Tensor | None,
        n_bins: int,
        rule: object | None = None,
        precision: Precision = "full",
    ) -> None:
        super().__init__()
        check_bins(n_bins)
        self.weight = _frozen(weight, ("unit", "channel"))
        self.register_buffer("threshold", _thresholds(threshold, self.weight))
        self.n_bins = n_bins
        self.rule = rule
        check_precision(precision)
        self.precision: Precision = precision

    def fire(self, latency: Tensor) -> tuple[Tensor, Tensor]:
        """Spikes with the potential that made them.

        Args:
            latency: uint8 (batch, ...), time bin, 255 = silent; all other axes are flattened.

        Returns:
            Latency uint8 and potential, both (batch, unit); 0 where silent.
        """
        check_latency(latency, "latency")
        settings: dict[str, Any] = {"n_bins": self.n_bins, "precision": self.precision}
        return spiking_linear(latency.flatten(1), self.weight, self.threshold, **settings)

    def forward(self, latency: Tensor) -> Tensor:
        """Latency uint8 (batch, unit) of the layer's spikes."""
        return self.fire(latency)[0]

    def extra_repr(self) -> str:
        """Settings, for the module's repr."""
        shape = tuple(self.weight.shape)
        return f"weight={shape}, threshold={_show(self.threshold)}, rule={self.rule}"


class Pool(nn.Module):
    """Pooling neurons: each passes on the earliest spike of its window.

    Args:
        kernel: window, one int or (height, width); None takes the whole map (global pooling).
        stride: step, one int or (height, width); None takes that of the window.
        padding: silence round the input, one int or (top, bottom, left, right).

    Source:
        Kheradpisheh et al. (2018), Neural Networks 99: 56-67.

    Example:
        >>> Pool(2)(torch.tensor([[[[9, 4], [255, 6]]]], dtype=torch.uint8)).item()
        4
    """

    def __init__(
        self,
        kernel: int | tuple[int, int] | None,
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int, int, int] = 0,
    ) -> None:
        super().__init__()
        if kernel is None and (stride is not None or padding != 0):
            raise ValueError(
                "`kernel` must be given where `stride` or `padding` is; "
                f"got None with stride {stride} and padding {padding}"
            )
        for given, name in ((kernel, "kernel"), (stride, "stride")):
            if given is not None:
                pair(given, name)
        sides(padding)
        self.kernel = kernel
        self.stride = stride
        self.padding = padding

    def forward(self, latency: Tensor) -> Tensor:
        """Latency uint8 (batch, channel, height, width) of each window's first spike."""
        check_latency(latency, "latency", axes=("batch", "channel", "height", "width"))
        if self.kernel is None:
            return latency.amin((2, 3), keepdim=True)
        return pool(latency, self.kernel, self.stride, self.padding)

    def extra_repr(self) -> str:
        """Settings, for the module's repr."""
        return f"kernel={self.kernel}, stride={self.stride}, padding={self.padding}"


def _frozen(weight: Tensor, axes: tuple[str, ...]) -> nn.Parameter:
    if not isinstance(weight, Tensor) or weight.dtype not in {torch.float32, torch.float64}:
        kind = weight.dtype if isinstance(weight, Tensor) else type(weight).__name__
        raise TypeError(f"`weight` must be a float32 or float64 tensor; got {kind}")
    if weight.ndim != len(axes):
        raise ValueError(
            f"`weight` must have axes ({', '.join(axes)}); got shape {tuple(weight.shape)}"
        )
    if not weight.isfinite().all():
        raise ValueError("`weight` must be finite; got NaN or infinite weights")
    # channels, then maps innermost in memory, so that an input's weights to all maps are one run
    order = (*range(2, weight.ndim), 1, 0)
    runs = weight.detach().permute(order).clone(memory_format=torch.contiguous_format)
    back = (weight.ndim - 1, weight.ndim - 2, *range(weight.ndim - 2))
    return nn.Parameter(runs.permute(back), requires_grad=False)


def _thresholds(threshold: float | Tensor | None, weight: Tensor) -> Tensor | None:
    if threshold is None:
        return None
    values = torch.as_tensor(threshold, dtype=weight.dtype, device=weight.device)
    if values.ndim > 1 or (values.ndim == 1 and len(values) != len(weight)):
        raise ValueError(
            f"`threshold` must be one number, {len(weight)} of them or None; "
            f"got shape {tuple(values.shape)}"
        )
    if not values.isfinite().all():
        raise ValueError(f"`threshold` must be finite; got {threshold}; None reads out at the end")
    return values.expand(len(weight)).clone()


def _show(threshold: Tensor | None) -> str:
    if threshold is None:
        return "None"
    values = threshold.unique().tolist()
    return f"{values[0]:g}" if len(values) == 1 else f"{values[0]:g} to {values[-1]:g}"
