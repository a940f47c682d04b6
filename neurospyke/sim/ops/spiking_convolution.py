"""Convolution of latencies by integrate-and-fire neurons that spike once.

    V[t] = sum over c, i, j of weight[m, c, i, j] * S[t, c, y * stride + i, x * stride + j]
    S[t] = [latency <= t], 1 from an input's spike on
    output latency = first t with V[t] > threshold (strict), else silent
    potential = V[output latency], 0 where silent

Neither leak, bias nor reset. Source: Masquelier and Thorpe (2007), PLoS Computational Biology 3(2):
e31; as convolutional layers in Kheradpisheh et al. (2018), Neural Networks 99: 56-67.
"""

from collections.abc import Sequence
from typing import Literal, overload

import torch
import torch.nn.functional as F
from torch import Tensor

from neurospyke.sim.latency import SILENT, check_bins, check_latency
from neurospyke.sim.ops import native
from neurospyke.sim.ops.crossing import (
    check_inputs,
    check_precision,
    check_weight,
    first_crossing,
    on_grid,
    per_map,
)
from neurospyke.sim.ops.registration import (
    define,
    define_fake,
    refuse_gradient,
    register_gpu,
    register_vmap,
)
from neurospyke.sim.ops.window import (
    channels_last,
    check_fit,
    output_size,
    pad_silence,
    pair,
    sides,
)

Precision = Literal["full", "fast", "reproducible"]


@overload
def spiking_convolution(
    latency: Tensor,
    weight: Tensor,
    threshold: float | Tensor | None,
    *,
    n_bins: int,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int, int, int] = 0,
    precision: Precision = "full",
    return_potential: Literal[True] = True,
) -> tuple[Tensor, Tensor]: ...
@overload
def spiking_convolution(
    latency: Tensor,
    weight: Tensor,
    threshold: float | Tensor | None,
    *,
    n_bins: int,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int, int, int] = 0,
    precision: Precision = "full",
    return_potential: Literal[False],
) -> Tensor: ...
def spiking_convolution(
    latency: Tensor,
    weight: Tensor,
    threshold: float | Tensor | None,
    *,
    n_bins: int,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int, int, int] = 0,
    precision: Precision = "full",
    return_potential: bool = True,
) -> tuple[Tensor, Tensor] | Tensor:
    """First-spike convolution: spike in the first bin t with V[t] > threshold.

    V[t] is the sum of the weights whose input has spiked by bin t. Sums are taken in the dtype of
    the weights and in no promised order, so a potential within rounding of its threshold may fall
    on either side; on one kind of device the order is fixed, so that neither the batch nor the
    number of threads nor the layout in memory changes a result. Shapes, dtypes and devices are
    checked; values are not read: an input spike in bin n_bins or later counts as silence.

    Args:
        latency: uint8 (batch, channel, height, width), bin of each input's spike, 255 = silent.
        weight: float32 or float64 (map, channel, kernel height, kernel width), any sign.
        threshold: one number, a tensor (map,), or None to read out in the last bin, where a unit
            spikes if V > 0.
        n_bins: number of time bins, 1 to 254.
        stride: step of the window, one int or (height, width).
        padding: silence round the input, one int or (top, bottom, left, right).
        precision: of float32 weights. "full" sums them as they are; "fast" lets a GPU round them to
            half precision; "reproducible" rounds them to whole multiples of a power of two (see
            `on_grid`), whose sums are exact and so the same bit for bit on every device.
        return_potential: False leaves the potential out, which is faster.

    Returns:
        latency: uint8 (batch, map, height, width), time bin, 255 = silent.
        potential: V in the bin of the spike, 0 where silent, same shape, dtype of `weight`.
        Both have channels innermost in memory (torch.channels_last).

    Raises:
        TypeError: a dtype or type is wrong.
        ValueError: axes, channels, devices, bins, stride or padding do not fit.

    Source:
        Masquelier and Thorpe (2007); Kheradpisheh et al. (2018).

    Example:
        Two inputs spike in bins 0 and 2; V is 1, 1, 2.5 and exceeds 1 in bin 2.

        >>> import torch
        >>> latency = torch.tensor([[[[0, 2]]]], dtype=torch.uint8)
        >>> weight = torch.tensor([[[[1.0, 1.5]]]])
        >>> [out.item() for out in spiking_convolution(latency, weight, 1.0, n_bins=3)]
        [2, 2.5]
    """
    settings = checked(latency, weight, threshold, n_bins, stride, padding, precision)
    latency, potential = _spiking_convolution(latency, weight, *settings, return_potential)
    return (latency, potential) if return_potential else latency


def checked(
    latency: Tensor,
    weight: Tensor,
    threshold: float | Tensor | None,
    n_bins: int,
    stride: int | tuple[int, int],
    padding: int | tuple[int, int, int, int],
    precision: str,
) -> tuple[Tensor | None, int, tuple[int, int], tuple[int, int, int, int], str]:
    """Thresholds a map, bins, stride, padding and precision, once a convolution's arguments fit.

    Raises:
        TypeError: a dtype or type is wrong.
        ValueError: axes, channels, devices, bins, stride, padding or precision do not fit.
    """
    check_latency(latency, "latency", axes=("batch", "channel", "height", "width"))
    check_weight(weight, ("map", "channel", "kernel height", "kernel width"))
    check_inputs(latency, weight)
    check_bins(n_bins)
    check_precision(precision)
    steps, margins = pair(stride, "stride"), sides(padding)
    check_fit(latency.shape[2:], weight.shape[2:], margins)
    thresholds = None if threshold is None else per_map(threshold, weight, "threshold")
    return thresholds, n_bins, steps, margins, precision


def reference(
    latency: Tensor,
    weight: Tensor,
    threshold: float | Tensor | None,
    *,
    n_bins: int,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int, int, int] = 0,
    precision: Precision = "full",
    return_potential: bool = True,
) -> tuple[Tensor, Tensor] | Tensor:
    """The equations line by line: every bin's wave, every bin's potential, then the crossing."""
    kernel = on_grid(weight) if precision == "reproducible" else weight
    padded = pad_silence(latency, sides(padding))
    waves = [(padded <= t).to(kernel.dtype) for t in range(n_bins)]
    v = torch.stack([F.conv2d(wave, kernel.contiguous(), stride=stride) for wave in waves])
    if threshold is None:
        crossed = (v > 0) & (torch.arange(n_bins) == n_bins - 1).view(-1, 1, 1, 1, 1)
    else:
        crossed = v > per_map(threshold, weight, "threshold").view(-1, 1, 1)
    fired, first = crossed.any(0), crossed.int().argmax(0)
    potential = v.gather(0, first[None])[0].masked_fill(~fired, 0.0).to(weight.dtype)
    spike = first.masked_fill(~fired, SILENT).to(torch.uint8)
    return (spike, potential) if return_potential else spike


@define
def _spiking_convolution(
    latency: Tensor,
    weight: Tensor,
    threshold: Tensor | None,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
    precision: str,
    return_potential: bool,
) -> tuple[Tensor, Tensor]:
    if native.available(latency, weight):
        return native.convolution(
            latency, weight, threshold, n_bins, stride, padding, precision, return_potential
        )
    kernel = (on_grid(weight) if precision == "reproducible" else weight).contiguous()

    def potential_of(spiked: Tensor) -> Tensor:
        return F.conv2d(spiked.to(kernel.dtype), kernel, stride=tuple(stride))

    thresholds = None if threshold is None else threshold.to(kernel.dtype).view(-1, 1, 1)
    found = first_crossing(pad_silence(latency, padding), potential_of, thresholds, n_bins)
    spike = channels_last(found[0].shape, latency).copy_(found[0])
    if not return_potential:
        return spike, weight.new_empty(0)
    return spike, channels_last(found[1].shape, weight).copy_(found[1])


@define_fake(_spiking_convolution)
def _(
    latency: Tensor,
    weight: Tensor,
    threshold: Tensor | None,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
    precision: str,
    return_potential: bool,
) -> tuple[Tensor, Tensor]:
    size = output_size(latency.shape[2:], weight.shape[2:], stride, padding)
    shape = (latency.shape[0], weight.shape[0], *size)
    potential = channels_last(shape, weight) if return_potential else weight.new_empty(0)
    return channels_last(shape, latency), potential


register_gpu(_spiking_convolution)
refuse_gradient(_spiking_convolution)
register_vmap(_spiking_convolution, 0)
