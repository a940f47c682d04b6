"""Fully connected integrate-and-fire neurons that spike once, on a GPU.

    V[t] = sum over c of weight[u, c] * [latency[c] <= t]

The convolution of inputs of one position, by windows of one position.
"""

from torch import Tensor

from neurospyke.sim.ops.kernels.routes import Route
from neurospyke.sim.ops.kernels.spiking_convolution import spiking_convolution


def spiking_linear(
    latency: Tensor,
    weight: Tensor,
    threshold: Tensor | None,
    n_bins: int,
    precision: str,
    *,
    route: Route = "auto",
) -> tuple[Tensor, Tensor]:
    """Latency and potential (batch, unit)."""
    spike, potential = spiking_convolution(
        latency[:, :, None, None],
        weight[:, :, None, None],
        threshold,
        n_bins,
        (1, 1),
        (0, 0, 0, 0),
        precision,
        True,
        route=route,
    )
    return spike.view(spike.shape[:2]), potential.view(potential.shape[:2])
