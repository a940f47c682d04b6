"""When a potential first exceeds its threshold: shared by the convolution and the linear op.

V[t] = sum of the weights of the inputs that have spiked by bin t; no leak, no reset. A unit spikes
in the first bin with V[t] > threshold (strict). Without a threshold, it is read out in the last
bin: it spikes there if V > 0.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from neurospyke.sim.latency import SILENT
from neurospyke.sim.ops.kernels.fixed_point import fixed_point, power_of_two


def check_weight(weight: Tensor, axes: tuple[str, ...]) -> None:
    """Refuse weights that are not a float32 or float64 tensor with the axes wanted.

    Raises:
        TypeError: not a tensor, or another dtype.
        ValueError: another number of axes, or an axis of size 0.
    """
    if not isinstance(weight, Tensor) or weight.dtype not in {torch.float32, torch.float64}:
        got = weight.dtype if isinstance(weight, Tensor) else type(weight).__name__
        raise TypeError(
            f"`weight` must be a float32 or float64 tensor; got {got}; convert with .float()"
        )
    if weight.ndim != len(axes):
        raise ValueError(
            f"`weight` must have axes ({', '.join(axes)}); got shape {tuple(weight.shape)}"
        )
    if min(weight.shape) == 0:
        raise ValueError(
            f"`weight` must have at least one {', '.join(axes)}; got shape {tuple(weight.shape)}"
        )


def check_inputs(latency: Tensor, weight: Tensor) -> None:
    """Refuse weights for another number of channels, or on another device, than the latencies.

    Raises:
        ValueError: they disagree.
    """
    if weight.shape[1] != latency.shape[1]:
        raise ValueError(
            f"`weight` must have as many channels as `latency`, {latency.shape[1]}; "
            f"got {weight.shape[1]} (shape {tuple(weight.shape)})"
        )
    if weight.device != latency.device:
        raise ValueError(
            f"`weight` must be on the device of `latency`, {latency.device}; got {weight.device}; "
            "move one with .to(device)"
        )


PRECISIONS = ("full", "fast", "reproducible")


def check_precision(precision: str) -> None:
    """Refuse a precision that does not exist.

    Raises:
        ValueError: it is none of `PRECISIONS`.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"`precision` must be one of {PRECISIONS}; got {precision!r}")


def on_grid(weight: Tensor) -> Tensor:
    """Weights rounded to whole multiples of a power of two, one a map, as float64.

    The step is chosen so that any sum of a map's weights is a whole number of steps below 2^31:
    sums in float64 are then exact. float64 weights are not rounded.

    Example:
        >>> import torch
        >>> on_grid(torch.tensor([[0.75, 2.0**-30]])).tolist()
        [[0.75, 0.0]]
    """
    if weight.dtype == torch.float64:
        return weight
    steps, exponent = fixed_point(weight)
    return steps * power_of_two(exponent).view(-1, *[1] * (weight.ndim - 1))


def per_map(value: float | Tensor, weight: Tensor, name: str) -> Tensor:
    """One number a map, in the dtype and on the device of the weights.

    Args:
        value: a finite number for every map, or a tensor (map,), whose values are not read.
        weight: weights with maps on axis 0.
        name: name of the argument, for the message.

    Raises:
        TypeError: neither a number nor a tensor.
        ValueError: another shape or device, or a number that is not finite.

    Example:
        >>> import torch
        >>> per_map(2.5, torch.zeros(3, 1), "threshold").tolist()
        [2.5, 2.5, 2.5]
    """
    if isinstance(value, Tensor):
        if value.shape != weight.shape[:1] or value.device != weight.device:
            raise ValueError(
                f"`{name}` must be a number or a tensor of shape ({weight.shape[0]},), one value "
                f"a map, on {weight.device}; got shape {tuple(value.shape)} on {value.device}"
            )
        return value.to(weight.dtype)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(
            f"`{name}` must be a number or a tensor with one value a map; "
            f"got {type(value).__name__}"
        )
    if not math.isfinite(value):
        raise ValueError(
            f"`{name}` must be finite; got {value}; a threshold of None reads out in the last bin"
        )
    return weight.new_full((weight.shape[0],), value)


def first_crossing(
    latency: Tensor, potential_of: Callable[[Tensor], Tensor], threshold: Tensor | None, n_bins: int
) -> tuple[Tensor, Tensor]:
    """Latency and potential of the first strict crossing, one bin at a time.

    Only bins in which an input spikes are computed, only one bin is in memory, and the loop ends as
    soon as every unit has spiked.

    Args:
        latency: uint8 input latencies.
        potential_of: potential of a boolean tensor of the inputs that have spiked.
        threshold: broadcasts against a potential; None reads out in the last bin.
        n_bins: number of time bins.

    Returns:
        uint8 latency, and the potential at the spike (0 where silent).
    """
    bins = [n_bins - 1] if threshold is None else _bins_with_news(latency, n_bins)
    floor = 0.0 if threshold is None else threshold
    now = potential_of(latency <= bins[0])
    crossed = now > floor
    spike = torch.full_like(now, SILENT, dtype=torch.uint8).masked_fill_(crossed, bins[0])
    potential = now.masked_fill(~crossed, 0.0)
    for time in bins[1:]:
        waiting = spike == SILENT
        if not waiting.any():
            break
        now = potential_of(latency <= time)
        crossed = waiting & (now > floor)
        spike.masked_fill_(crossed, time)
        potential = torch.where(crossed, now, potential)
    return spike, potential


def _bins_with_news(latency: Tensor, n_bins: int) -> list[int]:
    """Bins with an input spike, and bin 0, where a negative threshold is crossed in silence."""
    counts = torch.bincount(latency.flatten(), minlength=n_bins)[:n_bins]
    counts[0] += 1
    return counts.nonzero().flatten().tolist()
