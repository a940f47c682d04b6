"""Convolution by integrate-and-fire neurons of which, at each position, only the first spikes.

    winner[y, x] = map with the earliest spike, then the larger potential, then the lower index

with the latencies and potentials of `spiking_convolution`: what `pointwise_inhibition` leaves of
them, as one latency, one map and one potential a position. Source: Kheradpisheh et al. (2018),
Neural Networks 99: 56-67.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from neurospyke.sim.latency import SILENT
from neurospyke.sim.ops import native, pointwise_inhibition
from neurospyke.sim.ops import spiking_convolution as convolution
from neurospyke.sim.ops.registration import (
    define,
    define_fake,
    refuse_gradient,
    register_gpu,
    register_vmap,
)
from neurospyke.sim.ops.spiking_convolution import Precision, checked
from neurospyke.sim.ops.window import channels_last, output_size


def inhibited_convolution(
    latency: Tensor,
    weight: Tensor,
    threshold: float | Tensor | None,
    *,
    n_bins: int,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int, int, int] = 0,
    precision: Precision = "full",
) -> tuple[Tensor, Tensor, Tensor]:
    """First map to spike at each position: earliest, then the larger potential, then the first.

    Nothing after a position's first spike is computed, and nothing a map is kept in memory.

    Args:
        latency: uint8 (batch, channel, height, width), bin of each input's spike, 255 = silent.
        weight: float32 or float64 (map, channel, kernel height, kernel width), any sign.
        threshold: one number, a tensor (map,), or None to read out in the last bin.
        n_bins: number of time bins, 1 to 254.
        stride: step of the window, one int or (height, width).
        padding: silence round the input, one int or (top, bottom, left, right).
        precision: as in `spiking_convolution`.

    Returns:
        latency: uint8 (batch, 1, height, width), time bin, 255 where no map spikes.
        maps: int64, the map that spikes, -1 where none does.
        potential: its V in that bin, 0 where none spikes, dtype of `weight`.

    Raises:
        TypeError: a dtype or type is wrong.
        ValueError: axes, channels, devices, bins, stride or padding do not fit.

    Source:
        Kheradpisheh et al. (2018).

    Example:
        Both maps pass the threshold in bin 2; the second is driven more.

        >>> import torch
        >>> latency = torch.tensor([[[[2]]]], dtype=torch.uint8)
        >>> weight = torch.tensor([2.0, 3.0]).view(2, 1, 1, 1)
        >>> [out.item() for out in inhibited_convolution(latency, weight, 1.0, n_bins=3)]
        [2, 1, 3.0]
    """
    settings = checked(latency, weight, threshold, n_bins, stride, padding, precision)
    return _inhibited_convolution(latency, weight, *settings)


def spread(latency: Tensor, maps: Tensor, n_maps: int) -> Tensor:
    """Latency of every map, from that of the one map that spiked at each position.

    Args:
        latency: uint8 (batch, 1, height, width).
        maps: int64 (batch, 1, height, width), -1 where none spiked.
        n_maps: number of maps.

    Returns:
        uint8 (batch, map, height, width), channels innermost in memory.

    Example:
        >>> import torch
        >>> latency = torch.tensor([[[[2, 255]]]], dtype=torch.uint8)
        >>> spread(latency, torch.tensor([[[[1, -1]]]]), 2).tolist()
        [[[[255, 255]], [[2, 255]]]]
    """
    every = channels_last((latency.shape[0], n_maps, *latency.shape[2:]), latency).fill_(SILENT)
    return every.scatter_(1, maps.clamp(min=0), latency)


def reference(
    latency: Tensor,
    weight: Tensor,
    threshold: float | Tensor | None,
    *,
    n_bins: int,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int, int, int] = 0,
    precision: Precision = "full",
) -> tuple[Tensor, Tensor, Tensor]:
    """The equations one after the other, then the one map that is left."""
    spikes, drive = convolution.reference(
        latency,
        weight,
        threshold,
        n_bins=n_bins,
        stride=stride,
        padding=padding,
        precision=precision,
    )
    kept, potential = pointwise_inhibition.reference(spikes, drive)
    return _gathered(kept, potential)


def _gathered(kept: Tensor, potential: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """One map a position, of latencies and potentials in which at most one is left."""
    first, found = kept.min(1, keepdim=True)
    maps = found.masked_fill(first == SILENT, -1)
    return first, maps, potential.gather(1, found)


@define
def _inhibited_convolution(
    latency: Tensor,
    weight: Tensor,
    threshold: Tensor | None,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
    precision: str,
) -> tuple[Tensor, Tensor, Tensor]:
    # on the grid, potentials are compared as they are returned, so by the two ops in turn
    if native.available(latency, weight) and precision != "reproducible":
        return native.inhibited_convolution(
            latency, weight, threshold, n_bins, stride, padding, precision
        )
    ops = torch.ops.neurospyke
    spikes = ops.spiking_convolution(
        latency, weight, threshold, n_bins, stride, padding, precision, True
    )
    first, maps, potential = _gathered(*ops.pointwise_inhibition(*spikes))
    return (
        channels_last(first.shape, latency).copy_(first),
        maps.contiguous(),
        channels_last(first.shape, weight).copy_(potential),
    )


@define_fake(_inhibited_convolution)
def _(
    latency: Tensor,
    weight: Tensor,
    threshold: Tensor | None,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
    precision: str,
) -> tuple[Tensor, Tensor, Tensor]:
    size = output_size(latency.shape[2:], weight.shape[2:], stride, padding)
    shape = (latency.shape[0], 1, *size)
    maps = latency.new_empty(shape, dtype=torch.int64)
    return channels_last(shape, latency), maps, channels_last(shape, weight)


register_gpu(_inhibited_convolution)
refuse_gradient(_inhibited_convolution)
register_vmap(_inhibited_convolution, 0)
