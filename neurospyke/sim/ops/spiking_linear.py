"""Fully connected integrate-and-fire neurons that spike once.

    V[t] = sum over c of weight[u, c] * [latency[c] <= t]
    output latency = first t with V[t] > threshold (strict), else silent
    potential = V[output latency], 0 where silent

Neither leak, bias nor reset. Source: Masquelier and Thorpe (2007), PLoS Computational Biology 3(2):
e31, the integrate-and-fire unit without weight sharing.
"""

import torch
from torch import Tensor

from neurospyke.sim.latency import SILENT, check_bins, check_latency
from neurospyke.sim.ops.crossing import (
    check_inputs,
    check_precision,
    check_weight,
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
from neurospyke.sim.ops.spiking_convolution import Precision


def spiking_linear(
    latency: Tensor,
    weight: Tensor,
    threshold: float | Tensor | None,
    *,
    n_bins: int,
    precision: Precision = "full",
) -> tuple[Tensor, Tensor]:
    """First-spike linear layer: spike in the first bin t with V[t] > threshold.

    V[t] is the sum of the weights whose input has spiked by bin t, in the dtype of the weights and
    in no promised order. Shapes, dtypes and devices are checked; values are not read: an input
    spike in bin n_bins or later counts as silence.

    Args:
        latency: uint8 (batch, channel), time bin of each input's spike, 255 = silent.
        weight: float32 or float64 (unit, channel), any sign.
        threshold: one number, a tensor (unit,), or None to read out in the last bin, where a unit
            spikes if V > 0.
        n_bins: number of time bins, 1 to 254.
        precision: as in `spiking_convolution`.

    Returns:
        latency: uint8 (batch, unit), time bin, 255 = silent.
        potential: V in the bin of the spike, 0 where silent, same shape, dtype of `weight`.

    Raises:
        TypeError: a dtype or type is wrong.
        ValueError: axes, channels, devices or bins do not fit.

    Source:
        Masquelier and Thorpe (2007).

    Example:
        V is 1, then 1 + 2 = 3, which exceeds 2 in bin 1.

        >>> import torch
        >>> latency = torch.tensor([[0, 1]], dtype=torch.uint8)
        >>> spiking_linear(latency, torch.tensor([[1.0, 2.0]]), 2.0, n_bins=2)
        (tensor([[1]], dtype=torch.uint8), tensor([[3.]]))
    """
    check_latency(latency, "latency", axes=("batch", "channel"))
    check_weight(weight, ("unit", "channel"))
    check_inputs(latency, weight)
    check_bins(n_bins)
    check_precision(precision)
    thresholds = None if threshold is None else per_map(threshold, weight, "threshold")
    return _spiking_linear(latency, weight, thresholds, n_bins, precision)


def reference(
    latency: Tensor,
    weight: Tensor,
    threshold: float | Tensor | None,
    *,
    n_bins: int,
    precision: Precision = "full",
) -> tuple[Tensor, Tensor]:
    """The equations line by line: every bin's wave, every bin's potential, then the crossing."""
    rows = on_grid(weight) if precision == "reproducible" else weight
    v = torch.stack([(latency <= t).to(rows.dtype) @ rows.T for t in range(n_bins)])
    if threshold is None:
        crossed = (v > 0) & (torch.arange(n_bins) == n_bins - 1).view(-1, 1, 1)
    else:
        crossed = v > per_map(threshold, weight, "threshold")
    fired, first = crossed.any(0), crossed.int().argmax(0)
    potential = v.gather(0, first[None])[0].masked_fill(~fired, 0.0).to(weight.dtype)
    return first.masked_fill(~fired, SILENT).to(torch.uint8), potential


@define
def _spiking_linear(
    latency: Tensor, weight: Tensor, threshold: Tensor | None, n_bins: int, precision: str
) -> tuple[Tensor, Tensor]:
    # a convolution of one position
    spike, potential = torch.ops.neurospyke.spiking_convolution(
        latency[:, :, None, None],
        weight[:, :, None, None],
        threshold,
        n_bins,
        (1, 1),
        (0, 0, 0, 0),
        precision,
        True,
    )
    return spike.flatten(1).contiguous(), potential.flatten(1).contiguous()


@define_fake(_spiking_linear)
def _(
    latency: Tensor, weight: Tensor, threshold: Tensor | None, n_bins: int, precision: str
) -> tuple[Tensor, Tensor]:
    shape = (latency.shape[0], weight.shape[0])
    return latency.new_empty(shape), weight.new_empty(shape)


register_gpu(_spiking_linear)
refuse_gradient(_spiking_linear)
register_vmap(_spiking_linear, 0)
