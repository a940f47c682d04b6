"""Lateral inhibition across maps: at each position only the first map to spike is kept.

    winner[y, x] = map with the earliest latency, then the larger potential, then the lower index
    every other map at that position is silenced

Source: Kheradpisheh et al. (2018), Neural Networks 99: 56-67, where the first neuron to fire at a
location inhibits those of the other maps there.
"""

import torch
from torch import Tensor

from neurospyke.sim.latency import SILENT, check_latency
from neurospyke.sim.ops import native
from neurospyke.sim.ops.registration import (
    define,
    define_fake,
    refuse_gradient,
    register_gpu,
    register_vmap,
)
from neurospyke.sim.ops.window import channels_last

AXES = ("batch", "map", "height", "width")
NATIVE = (torch.float32, torch.float64)


def check_potential(latency: Tensor, potential: Tensor) -> None:
    """Refuse potentials that do not belong to the latencies.

    Raises:
        TypeError: not a floating-point tensor.
        ValueError: another shape or device.
    """
    if not isinstance(potential, Tensor) or not potential.is_floating_point():
        got = potential.dtype if isinstance(potential, Tensor) else type(potential).__name__
        raise TypeError(
            f"`potential` must be a floating-point tensor; got {got}; "
            "pass the potential that came with `latency`"
        )
    if potential.shape != latency.shape or potential.device != latency.device:
        raise ValueError(
            f"`potential` must have the shape of `latency`, {tuple(latency.shape)}, on "
            f"{latency.device}; got {tuple(potential.shape)} on {potential.device}"
        )


def pointwise_inhibition(latency: Tensor, potential: Tensor) -> tuple[Tensor, Tensor]:
    """Keep one map at each position: the earliest, then the larger potential, then the first.

    Shapes, dtypes and devices are checked; values are not read, and potentials are taken as finite.

    Args:
        latency: uint8 (batch, map, height, width), time bin, 255 = silent.
        potential: potential at the spike, same shape, floating point.

    Returns:
        latency: as given where the map is kept, 255 elsewhere.
        potential: as given where a spike is kept, 0 elsewhere.

    Raises:
        TypeError: a dtype or type is wrong.
        ValueError: axes, shapes or devices do not fit.

    Source:
        Kheradpisheh et al. (2018).

    Example:
        Maps 0 and 2 spike first; map 2 has the larger potential.

        >>> import torch
        >>> latency = torch.tensor([4, 5, 4], dtype=torch.uint8).view(1, 3, 1, 1)
        >>> potential = torch.tensor([1.0, 9.0, 2.0]).view(1, 3, 1, 1)
        >>> [kept.flatten().tolist() for kept in pointwise_inhibition(latency, potential)]
        [[255, 255, 4], [0.0, 0.0, 2.0]]
    """
    check_latency(latency, "latency", axes=AXES)
    check_potential(latency, potential)
    return _pointwise_inhibition(latency, potential)


def reference(latency: Tensor, potential: Tensor) -> tuple[Tensor, Tensor]:
    """The rule line by line: narrow the maps down by time, by potential, by index."""
    maps = torch.arange(latency.shape[1]).view(-1, 1, 1).expand(latency.shape)
    left = (latency != SILENT) & (latency == latency.amin(1, keepdim=True))
    left &= potential == potential.masked_fill(~left, -torch.inf).amax(1, keepdim=True)
    left &= maps == maps.masked_fill(~left, latency.shape[1]).amin(1, keepdim=True)
    return latency.masked_fill(~left, SILENT), potential.masked_fill(~left, 0.0)


@define
def _pointwise_inhibition(latency: Tensor, potential: Tensor) -> tuple[Tensor, Tensor]:
    if native.available(latency, potential) and potential.dtype in NATIVE:
        return native.pointwise_inhibition(latency, potential)
    if latency.numel() == 0:
        return channels_last(latency.shape, latency), channels_last(latency.shape, potential)
    earliest = latency.amin(1, keepdim=True)
    # argmax gives the first of equal values: the lowest map index
    winner = torch.where(latency == earliest, potential, -torch.inf).argmax(1, keepdim=True)
    drive = potential.gather(1, winner).masked_fill_(earliest == SILENT, 0.0)
    return (
        channels_last(latency.shape, latency).fill_(SILENT).scatter_(1, winner, earliest),
        channels_last(latency.shape, potential).zero_().scatter_(1, winner, drive),
    )


@define_fake(_pointwise_inhibition)
def _(latency: Tensor, potential: Tensor) -> tuple[Tensor, Tensor]:
    return channels_last(latency.shape, latency), channels_last(latency.shape, potential)


register_gpu(_pointwise_inhibition)
refuse_gradient(_pointwise_inhibition)
register_vmap(_pointwise_inhibition, 0, 1)
