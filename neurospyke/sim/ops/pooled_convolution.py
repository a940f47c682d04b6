"""Convolution by integrate-and-fire neurons, then pooling, without the spikes in between.

    output[m, y, x] = min over i, j of spike[m, y * pool_stride + i, x * pool_stride + j]

with the latencies `spike` of `spiking_convolution`. Source: Kheradpisheh et al. (2018), Neural
Networks 99: 56-67, whose layers alternate in this way.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from neurospyke.sim.ops import native
from neurospyke.sim.ops import pool as pooling
from neurospyke.sim.ops import spiking_convolution as convolution
from neurospyke.sim.ops.registration import define, define_fake, register_gpu, register_vmap
from neurospyke.sim.ops.spiking_convolution import Precision, checked
from neurospyke.sim.ops.window import channels_last, check_fit, output_size, pair, sides


def pooled_convolution(  # noqa: PLR0913 - the geometry of two layers
    latency: Tensor,
    weight: Tensor,
    threshold: float | Tensor | None,
    *,
    n_bins: int,
    kernel: int | tuple[int, int],
    pool_stride: int | tuple[int, int] | None = None,
    pool_padding: int | tuple[int, int, int, int] = 0,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int, int, int] = 0,
    precision: Precision = "full",
) -> Tensor:
    """First spike in each window of a spiking convolution: pool(spiking_convolution(latency)).

    Only the pooled latencies are written to memory, a fraction of the convolution's own.

    Args:
        latency: uint8 (batch, channel, height, width), bin of each input's spike, 255 = silent.
        weight: float32 or float64 (map, channel, kernel height, kernel width), any sign.
        threshold: one number, a tensor (map,), or None to read out in the last bin.
        n_bins: number of time bins, 1 to 254.
        kernel: window of the pooling, one int or (height, width).
        pool_stride: its step, one int or (height, width); None takes that of the window.
        pool_padding: silence round the convolution's output, one int or (top, bottom, left, right).
        stride: step of the convolution's window, one int or (height, width).
        padding: silence round the input, one int or (top, bottom, left, right).
        precision: as in `spiking_convolution`.

    Returns:
        uint8 (batch, map, height, width), channels innermost in memory.

    Raises:
        TypeError: a dtype or type is wrong.
        ValueError: axes, channels, devices, bins, windows, strides or padding do not fit.

    Source:
        Kheradpisheh et al. (2018).

    Example:
        Of the two neurons the second spikes first, in bin 1.

        >>> import torch
        >>> latency = torch.tensor([[[[4, 1]]]], dtype=torch.uint8)
        >>> weight = torch.ones(1, 1, 1, 1)
        >>> pooled_convolution(latency, weight, 0.5, n_bins=5, kernel=(1, 2)).item()
        1
    """
    settings = checked(latency, weight, threshold, n_bins, stride, padding, precision)
    window, margins = pair(kernel, "kernel"), sides(pool_padding)
    steps = window if pool_stride is None else pair(pool_stride, "pool_stride")
    check_fit(output_size(latency.shape[2:], weight.shape[2:], *settings[2:4]), window, margins)
    return _pooled_convolution(latency, weight, *settings[:4], window, steps, margins, settings[4])


def reference(  # noqa: PLR0913
    latency: Tensor,
    weight: Tensor,
    threshold: float | Tensor | None,
    *,
    n_bins: int,
    kernel: int | tuple[int, int],
    pool_stride: int | tuple[int, int] | None = None,
    pool_padding: int | tuple[int, int, int, int] = 0,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int, int, int] = 0,
    precision: Precision = "full",
) -> Tensor:
    """The two equations, one after the other."""
    spikes, _ = convolution.reference(
        latency,
        weight,
        threshold,
        n_bins=n_bins,
        stride=stride,
        padding=padding,
        precision=precision,
    )
    return pooling.reference(spikes, kernel, pool_stride, pool_padding)


@define
def _pooled_convolution(  # noqa: PLR0913, PLR0917
    latency: Tensor,
    weight: Tensor,
    threshold: Tensor | None,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
    kernel: Sequence[int],
    pool_stride: Sequence[int],
    pool_padding: Sequence[int],
    precision: str,
) -> Tensor:
    if native.available(latency, weight):
        return native.pooled_convolution(
            latency,
            weight,
            threshold,
            n_bins,
            stride,
            padding,
            kernel,
            pool_stride,
            pool_padding,
            precision,
        )
    ops = torch.ops.neurospyke
    spikes, _ = ops.spiking_convolution(
        latency, weight, threshold, n_bins, stride, padding, precision, False
    )
    return ops.pool(spikes, kernel, pool_stride, pool_padding)


@define_fake(_pooled_convolution)
def _(  # noqa: PLR0913, PLR0917
    latency: Tensor,
    weight: Tensor,
    threshold: Tensor | None,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
    kernel: Sequence[int],
    pool_stride: Sequence[int],
    pool_padding: Sequence[int],
    precision: str,
) -> Tensor:
    size = output_size(latency.shape[2:], weight.shape[2:], stride, padding)
    size = output_size(size, kernel, pool_stride, pool_padding)
    return channels_last((latency.shape[0], weight.shape[0], *size), latency)


register_gpu(_pooled_convolution)
register_vmap(_pooled_convolution, 0)
