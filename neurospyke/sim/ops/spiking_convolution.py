"""Convolution of latencies by integrate-and-fire neurons that spike once.

    V[t] = sum over c, i, j of weight[m, c, i, j] * S[t, c, y * stride + i, x * stride + j]
    S[t] = [latency <= t], 1 from an input's spike on
    output latency = first t with V[t] > threshold (strict), else silent
    potential = V[output latency], 0 where silent

Neither leak, bias nor reset. Source: Masquelier and Thorpe (2007), PLoS Computational Biology 3(2):
e31; as convolutional layers in Kheradpisheh et al. (2018), Neural Networks 99: 56-67.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from neurospyke.sim.latency import SILENT, check_bins, check_latency
from neurospyke.sim.ops.crossing import check_inputs, check_weight, first_crossing, per_map
from neurospyke.sim.ops.window import check_fit, output_size, pad_silence, pair, sides


def spiking_convolution(
    latency: Tensor,
    weight: Tensor,
    threshold: float | Tensor | None,
    *,
    n_bins: int,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int, int, int] = 0,
) -> tuple[Tensor, Tensor]:
    """First-spike convolution: spike in the first bin t with V[t] > threshold.

    V[t] is the sum of the weights whose input has spiked by bin t. Sums are taken in the dtype of
    the weights and in no promised order, so a potential within rounding of its threshold may fall
    on either side. Shapes, dtypes and devices are checked; values are not read: an input spike in
    bin n_bins or later counts as silence.

    Args:
        latency: uint8 (batch, channel, height, width), bin of each input's spike, 255 = silent.
        weight: float32 or float64 (map, channel, kernel height, kernel width), any sign.
        threshold: one number, a tensor (map,), or None to read out in the last bin, where a unit
            spikes if V > 0.
        n_bins: number of time bins, 1 to 254.
        stride: step of the window, one int or (height, width).
        padding: silence round the input, one int or (top, bottom, left, right).

    Returns:
        latency: uint8 (batch, map, height, width), time bin, 255 = silent.
        potential: V in the bin of the spike, 0 where silent, same shape, dtype of `weight`.

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
    check_latency(latency, "latency", axes=("batch", "channel", "height", "width"))
    check_weight(weight, ("map", "channel", "kernel height", "kernel width"))
    check_inputs(latency, weight)
    check_bins(n_bins)
    steps, margins = pair(stride, "stride"), sides(padding)
    check_fit(latency.shape[2:], weight.shape[2:], margins)
    thresholds = None if threshold is None else per_map(threshold, weight, "threshold")
    return _spiking_convolution(latency, weight, thresholds, n_bins, steps, margins)


def reference(
    latency: Tensor,
    weight: Tensor,
    threshold: float | Tensor | None,
    *,
    n_bins: int,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int, int, int] = 0,
) -> tuple[Tensor, Tensor]:
    """The equations line by line: every bin's wave, every bin's potential, then the crossing."""
    padded = pad_silence(latency, sides(padding))
    waves = [(padded <= t).to(weight.dtype) for t in range(n_bins)]
    v = torch.stack([F.conv2d(wave, weight.contiguous(), stride=stride) for wave in waves])
    if threshold is None:
        crossed = (v > 0) & (torch.arange(n_bins) == n_bins - 1).view(-1, 1, 1, 1, 1)
    else:
        crossed = v > per_map(threshold, weight, "threshold").view(-1, 1, 1)
    fired, first = crossed.any(0), crossed.int().argmax(0)
    potential = v.gather(0, first[None])[0]
    return (
        first.masked_fill(~fired, SILENT).to(torch.uint8),
        potential.masked_fill(~fired, 0.0),
    )


@torch.library.custom_op("neurospyke::spiking_convolution", mutates_args=())
def _spiking_convolution(
    latency: Tensor,
    weight: Tensor,
    threshold: Tensor | None,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
) -> tuple[Tensor, Tensor]:
    kernel = weight.contiguous()

    def potential_of(spiked: Tensor) -> Tensor:
        return F.conv2d(spiked.to(kernel.dtype), kernel, stride=tuple(stride))

    thresholds = None if threshold is None else threshold.view(-1, 1, 1)
    return first_crossing(pad_silence(latency, padding), potential_of, thresholds, n_bins)


@_spiking_convolution.register_fake
def _(
    latency: Tensor,
    weight: Tensor,
    threshold: Tensor | None,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
) -> tuple[Tensor, Tensor]:
    size = output_size(latency.shape[2:], weight.shape[2:], stride, padding)
    shape = (latency.shape[0], weight.shape[0], *size)
    return latency.new_empty(shape), weight.new_empty(shape)
