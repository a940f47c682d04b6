"""One step of competitive learning: neurons fire, one a position is left, winners learn by STDP.

    first spikes     inhibited_convolution(latency, weight)
    who may learn    winners(first spikes, k, radius)
    new weights      stdp(weight, latency, first spikes, winners)

Of all samples together, from the weights given, or of one sample after another, each with the
weights that the one before has left (online). Source: Kheradpisheh et al. (2018), Neural Networks
99: 56-67.
"""

import itertools
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from neurospyke.sim.ops import inhibited_convolution as inhibited
from neurospyke.sim.ops import native
from neurospyke.sim.ops import stdp as plasticity
from neurospyke.sim.ops import winners as competition
from neurospyke.sim.ops.registration import (
    define,
    define_fake,
    refuse_gradient,
    register_gpu,
    register_vmap,
)
from neurospyke.sim.ops.spiking_convolution import checked


def learning_step(  # noqa: PLR0913 - a layer, its competition and its rule are one call
    weight: Tensor,
    latency: Tensor,
    threshold: float | Tensor | None,
    rate_positive: float | Tensor,
    rate_negative: float | Tensor,
    *,
    n_bins: int,
    k: int,
    radius: int | None = None,
    lower: float | Tensor = 0.0,
    upper: float | Tensor = 1.0,
    window: Tensor | None = None,
    stabilizer: bool = True,
    clamp: Literal["winners", "all"] = "winners",
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int, int, int] = 0,
    online: bool = False,
) -> tuple[Tensor, Tensor]:
    """New weights after a batch: fire, inhibit, choose winners, STDP.

    The same as inhibited_convolution, winners and stdp in turn, in one call.

    Args:
        weight: float32 or float64 (map, channel, kernel height, kernel width); left unchanged.
        latency: uint8 (batch, channel, height, width), the layer's input, before padding.
        threshold: one number, a tensor (map,), or None to read out in the last bin.
        rate_positive: potentiation rate, one number, a tensor (map,), or (batch, map) where it
            depends on the sample, as in learning by reward.
        rate_negative: depression rate, usually negative; as `rate_positive`.
        n_bins: number of time bins, 1 to 254.
        k: winners of each sample, 1 or more, at most one a map.
        radius: half-width of the square that a winner clears in all maps; None clears none.
        lower: least weight, one number or a tensor (map,).
        upper: greatest weight, one number or a tensor (map,).
        window: None, or (2 n,) factors of the rate by the time from input to winner; see `stdp`.
        stabilizer: True slows the change down towards both bounds.
        clamp: "winners" or "all" maps are kept within the bounds; see `stdp`.
        stride: step of the window, one int or (height, width).
        padding: silence round the input, one int or (top, bottom, left, right).
        online: False finds the winners of all samples with the weights given; True goes sample by
            sample, each with the weights that the one before has left.

    Returns:
        weight: new weights, shape and dtype of `weight`.
        winners: int64 (batch, k, 3), rows (map, row, column), -1 where fewer than k are found.

    Raises:
        TypeError: a dtype or type is wrong.
        ValueError: axes, shapes, devices, bounds or other numbers do not fit.

    Source:
        Kheradpisheh et al. (2018).

    Example:
        The neuron spikes in bin 3 and wins: the first input is potentiated by 0.4 x 0.25, the
        second, which comes later, depressed by 0.2 x 0.25.

        >>> import torch
        >>> latency = torch.tensor([[[[3, 5]]]], dtype=torch.uint8)
        >>> before = torch.full((1, 1, 1, 2), 0.5)
        >>> weight, who = learning_step(before, latency, 0.4, 0.4, -0.2, n_bins=9, k=1)
        >>> weight, who.tolist()
        (tensor([[[[0.6000, 0.4500]]]]), [[[0, 0, 0]]])
    """
    thresholds, n_bins, steps, margins, _ = checked(
        latency, weight, threshold, n_bins, stride, padding, "full"
    )
    competition.check_count(k, "k", 1)
    if radius is not None:
        competition.check_count(radius, "radius", 0)
    tables = plasticity.check_rule(
        weight, len(latency), rate_positive, rate_negative, lower, upper, window, clamp
    )
    return _learning_step(
        weight,
        latency,
        thresholds,
        *tables,
        n_bins,
        k,
        radius,
        stabilizer,
        clamp,
        steps,
        margins,
        online,
    )


def reference(  # noqa: PLR0913
    weight: Tensor,
    latency: Tensor,
    threshold: float | Tensor | None,
    rate_positive: float | Tensor,
    rate_negative: float | Tensor,
    *,
    n_bins: int,
    k: int,
    radius: int | None = None,
    lower: float | Tensor = 0.0,
    upper: float | Tensor = 1.0,
    window: Tensor | None = None,
    stabilizer: bool = True,
    clamp: Literal["winners", "all"] = "winners",
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int, int, int] = 0,
    online: bool = False,
) -> tuple[Tensor, Tensor]:
    """The three references in turn, batch by batch or sample by sample."""
    found = []
    size = 1 if online else len(latency)
    rates = [
        rate.split(size) if isinstance(rate, Tensor) and rate.ndim == 2 else itertools.repeat(rate)
        for rate in (rate_positive, rate_negative)
    ]
    for part, positive, negative in zip(latency.split(size), *rates, strict=False):
        spikes, maps, potential = inhibited.reference(
            part, weight, threshold, n_bins=n_bins, stride=stride, padding=padding
        )
        rows = competition.reference(spikes, potential, k, radius=radius, maps=maps)
        found.append(rows)
        weight = plasticity.reference(
            weight,
            part,
            spikes,
            rows,
            positive,
            negative,
            lower=lower,
            upper=upper,
            window=window,
            stabilizer=stabilizer,
            clamp=clamp,
            stride=stride,
            padding=padding,
        )
    return weight, torch.cat(found)


@define
def _learning_step(  # noqa: PLR0913, PLR0917
    weight: Tensor,
    latency: Tensor,
    threshold: Tensor | None,
    rate_positive: Tensor,
    rate_negative: Tensor,
    lower: Tensor,
    upper: Tensor,
    window: Tensor | None,
    n_bins: int,
    k: int,
    radius: int | None,
    stabilizer: bool,
    clamp: str,
    stride: Sequence[int],
    padding: Sequence[int],
    online: bool,
) -> tuple[Tensor, Tensor]:
    tables = (rate_positive, rate_negative, lower, upper, window)
    rule = (stabilizer, clamp, stride, padding)
    if native.available(weight, latency):
        return native.learning_step(
            weight, latency, threshold, *tables, n_bins, k, radius, *rule, online
        )
    ops = torch.ops.neurospyke
    new, found = weight.clone(), [latency.new_empty((0, k, 3), dtype=torch.int64)]
    size = 1 if online else max(len(latency), 1)
    for start in range(0, len(latency), size):
        part = latency[start : start + size]
        rates = [rate if rate.ndim == 1 else rate[start : start + size] for rate in tables[:2]]
        spikes, maps, potential = ops.inhibited_convolution(
            part, new, threshold, n_bins, stride, padding, "full"
        )
        found.append(ops.winners(spikes, potential, k, radius, maps))
        new = ops.stdp(new, part, spikes, found[-1], *rates, *tables[2:], *rule)
    return new, torch.cat(found)


@define_fake(_learning_step)
def _(  # noqa: PLR0913, PLR0917
    weight: Tensor,
    latency: Tensor,
    threshold: Tensor | None,
    rate_positive: Tensor,
    rate_negative: Tensor,
    lower: Tensor,
    upper: Tensor,
    window: Tensor | None,
    n_bins: int,
    k: int,
    radius: int | None,
    stabilizer: bool,
    clamp: str,
    stride: Sequence[int],
    padding: Sequence[int],
    online: bool,
) -> tuple[Tensor, Tensor]:
    rows = latency.new_empty((latency.shape[0], k, 3), dtype=torch.int64)
    return torch.empty_like(weight), rows


register_gpu(_learning_step)
refuse_gradient(_learning_step)
register_vmap(_learning_step)
