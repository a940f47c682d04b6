"""Convolution and inhibition between maps in one: at each position the first map to spike, alone.

    winner[y, x] = map with the earliest latency, then the larger potential, then the lower index

A program goes through all maps of its positions and stops at the bins in which each has a winner,
so neither latencies nor potentials of single maps reach memory.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from neurospyke.sim.ops.kernels.routes import Layer, Outputs, Route, launch
from neurospyke.sim.ops.kernels.window import geometry
from neurospyke.sim.ops.window import channels_last


def inhibited_convolution(
    latency: Tensor,
    weight: Tensor,
    threshold: Tensor | None,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
    precision: str,
    *,
    route: Route = "auto",
    work: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Latency, map (-1 where silent) and potential at each position, all (batch, 1, h, w)."""
    shape = geometry(latency, weight.shape[2:], stride, padding)
    size = (latency.shape[0], 1, shape["out_height"], shape["out_width"])
    outputs = Outputs(
        channels_last(size, latency),
        latency.new_empty(size, dtype=torch.int64),
        channels_last(size, weight),
    )
    launch(Layer(latency, weight, threshold, n_bins, shape, precision, work), outputs, route)
    return outputs
