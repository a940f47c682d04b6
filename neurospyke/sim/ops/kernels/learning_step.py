"""One step of learning on a GPU: convolution with inhibition, winners, STDP.

With `online`, sample after sample, each with the weights left by the one before; otherwise the
winners of all samples come from the weights given. The host only queues kernels: winners stay on
the device, so a step can be captured in a CUDA graph, whatever its data.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from neurospyke.sim.ops.kernels.inhibited_convolution import inhibited_convolution
from neurospyke.sim.ops.kernels.routes import Route
from neurospyke.sim.ops.kernels.stdp import stdp
from neurospyke.sim.ops.kernels.winners import winners


def learning_step(
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
    *,
    route: Route = "auto",
) -> tuple[Tensor, Tensor]:
    """New weights, and the winners (batch, k, 3)."""
    size = 1 if online else max(len(latency), 1)
    found = [latency.new_empty((0, k, 3), dtype=torch.int64)]
    for start in range(0, len(latency), size):
        samples = latency[start : start + size]
        spike, maps, potential = inhibited_convolution(
            samples, weight, threshold, n_bins, stride, padding, "full", route=route
        )
        found.append(winners(spike, potential, k, radius, maps))
        rates = [
            rate if rate.ndim == 1 else rate[start : start + size]
            for rate in (rate_positive, rate_negative)
        ]
        rule = (*rates, lower, upper, window, stabilizer, clamp)
        weight = stdp(weight, samples, spike, found[-1], *rule, stride, padding)
    return weight, torch.cat(found)
