"""Convolution of latencies by integrate-and-fire neurons that spike once, on a GPU.

    V[t] = sum over c, i, j of weight[m, c, i, j] * S[t, c, y * stride + i, x * stride + j]
    S[t] = [latency <= t]
    output latency = first t with V[t] > threshold (strict), else silent

Either as a matrix product with all bins at once (`dense`) or event by event (`events`); see there
for how, and `density` for which.
"""

from collections.abc import Sequence

from torch import Tensor

from neurospyke.sim.ops.kernels.routes import Layer, Outputs, Route, launch
from neurospyke.sim.ops.kernels.window import geometry
from neurospyke.sim.ops.window import channels_last


def spiking_convolution(
    latency: Tensor,
    weight: Tensor,
    threshold: Tensor | None,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
    precision: str,
    return_potential: bool,
    *,
    route: Route = "auto",
    work: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Arguments as the registered op takes them; `route` and `work` serve tests and benchmarks."""
    shape = geometry(latency, weight.shape[2:], stride, padding)
    size = (latency.shape[0], weight.shape[0], shape["out_height"], shape["out_width"])
    out = channels_last(size, latency)
    potential = channels_last(size, weight) if return_potential else weight.new_empty(0)
    layer = Layer(latency, weight, threshold, n_bins, shape, precision, work)
    launch(layer, Outputs(out, None, potential), route)
    return out, potential
