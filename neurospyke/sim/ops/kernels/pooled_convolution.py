"""Convolution and pooling of its latencies on a GPU: the first spike of each window of outputs.

    output = pool(spiking_convolution(...))

Two kernels: what lies between them is one byte a unit, about a hundredth of the time that the
convolution takes at the memory's speed, and no potentials.
"""

from collections.abc import Sequence

from torch import Tensor

from neurospyke.sim.ops.kernels.pool import pool
from neurospyke.sim.ops.kernels.routes import Route
from neurospyke.sim.ops.kernels.spiking_convolution import spiking_convolution


def pooled_convolution(
    latency: Tensor,
    weight: Tensor,
    threshold: Tensor | None,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
    kernel: Sequence[int],
    pool_stride: Sequence[int],
    pool_padding: Sequence[int],
    precision: str,
    *,
    route: Route = "auto",
) -> Tensor:
    """Arguments as the registered op takes them."""
    spike, _ = spiking_convolution(
        latency, weight, threshold, n_bins, stride, padding, precision, False, route=route
    )
    return pool(spike, kernel, pool_stride, pool_padding)
