"""Pooling of latencies: the first spike in a window is passed on.

    output[c, y, x] = min over i, j of latency[c, y * stride + i, x * stride + j]

Source: Kheradpisheh et al. (2018), Neural Networks 99: 56-67, where a pooling neuron passes on the
first spike that it receives.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from neurospyke.sim.latency import check_latency
from neurospyke.sim.ops import native
from neurospyke.sim.ops.registration import define, define_fake, register_gpu, register_vmap
from neurospyke.sim.ops.window import (
    channels_last,
    check_fit,
    output_size,
    pad_silence,
    pair,
    sides,
)


def pool(
    latency: Tensor,
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int, int, int] = 0,
) -> Tensor:
    """Earliest latency in each window; rows and columns left over are dropped (floor mode).

    Shapes and dtypes are checked; values are not read.

    Args:
        latency: uint8 (batch, channel, height, width), time bin, 255 = silent.
        kernel: window, one int or (height, width).
        stride: step, one int or (height, width); None takes that of the window.
        padding: silence round the input, one int or (top, bottom, left, right).

    Returns:
        uint8 (batch, channel, height, width), channels innermost in memory.

    Raises:
        TypeError: `latency` is not a uint8 tensor.
        ValueError: axes, window, stride or padding do not fit.

    Source:
        Kheradpisheh et al. (2018).

    Example:
        >>> import torch
        >>> pool(torch.tensor([[[[3, 1, 255, 255]]]], dtype=torch.uint8), (1, 2)).tolist()
        [[[[1, 255]]]]
    """
    check_latency(latency, "latency", axes=("batch", "channel", "height", "width"))
    window = pair(kernel, "kernel")
    steps = window if stride is None else pair(stride, "stride")
    margins = sides(padding)
    check_fit(latency.shape[2:], window, margins)
    return _pool(latency, window, steps, margins)


def reference(
    latency: Tensor,
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int, int, int] = 0,
) -> Tensor:
    """The equation line by line: cut out every window, take its smallest latency."""
    height, width = pair(kernel, "kernel")
    down, right = pair(kernel if stride is None else stride, "stride")
    padded = pad_silence(latency, sides(padding))
    return padded.unfold(2, height, down).unfold(3, width, right).amin((4, 5))


@define
def _pool(
    latency: Tensor, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int]
) -> Tensor:
    if native.available(latency):
        return native.pool(latency, kernel, stride, padding)
    # a minimum over a rectangle is a minimum over rows of minima over columns
    padded = pad_silence(latency, padding)
    height, width = output_size(latency.shape[2:], kernel, stride, padding)
    rows = _earliest(padded, 2, kernel[0], stride[0], height)
    earliest = _earliest(rows, 3, kernel[1], stride[1], width)
    return channels_last(earliest.shape, latency).copy_(earliest)


def _earliest(latency: Tensor, axis: int, kernel: int, stride: int, size: int) -> Tensor:
    span = [slice(None)] * latency.ndim
    span[axis] = slice(0, (size - 1) * stride + 1, stride)
    earliest = latency[tuple(span)].clone(memory_format=torch.contiguous_format)
    for start in range(1, kernel):
        span[axis] = slice(start, start + (size - 1) * stride + 1, stride)
        torch.minimum(earliest, latency[tuple(span)], out=earliest)
    return earliest


@define_fake(_pool)
def _(
    latency: Tensor, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int]
) -> Tensor:
    size = output_size(latency.shape[2:], kernel, stride, padding)
    return channels_last((*latency.shape[:2], *size), latency)


register_gpu(_pool)
register_vmap(_pool, 0)
