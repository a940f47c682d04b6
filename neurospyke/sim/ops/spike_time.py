"""Spike times that carry gradients: backpropagation through neurons that spike once.

    V_j[t] = sum over i of w_ji [t_i <= t]
    t_j = first bin with V_j[t] > threshold, n_bins where there is none

As weights change, a spike time stays and then jumps, so its derivative, zero nearly everywhere, is
replaced: a potential higher by one is taken to make the spike one bin earlier, and V_j to count the
inputs that are in time.

    dt_j / dw_ji = -[t_i <= t_j]        dt_j / dt_i = w_ji [t_i <= t_j]        where i spikes

With a window above 0, inputs up to so many bins late get dL/dt_i too, see `spike_time_gradient`.
A silent neuron is taken to spike in bin n_bins, so that it can learn to spike. To compare with
finite differences (torch.autograd.gradcheck) has no meaning here; the sums are what is tested.

Gradients can be normalized: before they go back through a layer, dL/dt_j of each sample becomes

    dL/dt_j / (batch |dL/dt|)        the length over all neurons of the sample; 0 stays 0

so that every sample counts the same whatever its loss, and layers far from the output learn as fast
as the last. The gradient of the weights is then a mean over the batch.

Source: Kheradpisheh and Masquelier (2020), Temporal backpropagation for spiking neural networks
with one spike per neuron, International Journal of Neural Systems 30: 2050027 (S4NN).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neurospyke.sim.latency import SILENT, check_bins, check_latency
from neurospyke.sim.ops import spiking_convolution as fired
from neurospyke.sim.ops.crossing import check_weight
from neurospyke.sim.ops.registration import define, define_fake
from neurospyke.sim.ops.spike_time_gradient import check_window, spike_time_gradient
from neurospyke.sim.ops.spiking_convolution import checked, spiking_convolution
from neurospyke.sim.ops.window import channels_last, output_size


def as_times(latency: Tensor, n_bins: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Spike times of latencies: t = latency where it is below n_bins, else n_bins.

    Args:
        latency: uint8 latencies, any shape, 255 = silent.
        n_bins: number of time bins, 1 to 254.
        dtype: float32 or float64.

    Returns:
        Times in bins, same shape; n_bins where silent.

    Raises:
        TypeError: `latency` is not a uint8 tensor.
        ValueError: `n_bins` is out of range.

    Example:
        >>> as_times(torch.tensor([0, 3, 255], dtype=torch.uint8), 8).tolist()
        [0.0, 3.0, 8.0]
    """
    check_latency(latency, "latency")
    check_bins(n_bins)
    return latency.clamp(max=n_bins).to(dtype)


def as_latency(times: Tensor, n_bins: int) -> Tensor:
    """Latencies of spike times: the first bin from a time on, silent from n_bins on.

    Args:
        times: floating-point times in bins, any shape; below 0 counts as 0, NaN as silence.
        n_bins: number of time bins, 1 to 254.

    Returns:
        uint8 latencies, same shape, 255 = silent, without a gradient.

    Raises:
        TypeError: `times` is not a floating-point tensor.
        ValueError: `n_bins` is out of range.

    Example:
        >>> as_latency(torch.tensor([0.0, 2.5, 8.0]), 8).tolist()
        [0, 3, 255]
    """
    check_times(times)
    check_bins(n_bins)
    bins = times.detach().ceil().clamp(min=0)
    return torch.where(bins < n_bins, bins, SILENT).to(torch.uint8)


def spike_time_linear(
    times: Tensor,
    weight: Tensor,
    threshold: float | Tensor,
    *,
    n_bins: int,
    normalize: bool = False,
    window: int = 0,
) -> Tensor:
    """First-spike times of a fully connected layer, with the gradients above.

    Args:
        times: float32 or float64 (batch, channel), input spikes in bins, n_bins where silent.
        weight: (unit, channel), any sign, dtype of `times`.
        threshold: what the potential must exceed, one number or (unit,); it takes no gradient.
        n_bins: number of time bins, 1 to 254.
        normalize: True normalizes the gradient of each sample, as above.
        window: bins after a spike in which inputs still get a gradient, 0 (the paper) to 254.

    Returns:
        Times (batch, unit) in bins, n_bins where silent.

    Raises:
        TypeError: a dtype or type is wrong.
        ValueError: axes, channels, devices, bins or window do not fit, or there is no threshold.

    Source:
        Kheradpisheh and Masquelier (2020).

    Example:
        V is 1, then 1 + 2 = 3, which exceeds 2 in bin 1; both inputs are in time.

        >>> weight = torch.tensor([[1.0, 2.0]], requires_grad=True)
        >>> times = torch.tensor([[0.0, 1.0]], requires_grad=True)
        >>> spike = spike_time_linear(times, weight, 2.0, n_bins=4)
        >>> spike.sum().backward()
        >>> spike.tolist(), weight.grad.tolist(), times.grad.tolist()
        ([[1.0]], [[-1.0, -1.0]], [[1.0, 2.0]])
    """
    _check_layer(times, weight, threshold)
    check_weight(weight, ("unit", "channel"))
    if times.ndim != 2:
        raise ValueError(f"`times` must have axes (batch, channel); got shape {tuple(times.shape)}")
    # a convolution of one position
    spike = spike_time_convolution(
        times[..., None, None],
        weight[..., None, None],
        threshold,
        n_bins=n_bins,
        normalize=normalize,
        window=window,
    )
    return spike.flatten(1)


def spike_time_convolution(
    times: Tensor,
    weight: Tensor,
    threshold: float | Tensor,
    *,
    n_bins: int,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int, int, int] = 0,
    normalize: bool = False,
    window: int = 0,
) -> Tensor:
    """First-spike times of a convolution, with the gradients above, summed over its positions.

    Args:
        times: float32 or float64 (batch, channel, height, width), input spikes in bins, n_bins
            where silent.
        weight: (map, channel, kernel height, kernel width), any sign, dtype of `times`.
        threshold: what the potential must exceed, one number or (map,); it takes no gradient.
        n_bins: number of time bins, 1 to 254.
        stride: step of the window, one int or (height, width).
        padding: silence round the input, one int or (top, bottom, left, right).
        normalize: True normalizes the gradient of each sample, as above.
        window: bins after a spike in which inputs still get a gradient, 0 (the paper) to 254.

    Returns:
        Times (batch, map, height, width) in bins, n_bins where silent.

    Raises:
        TypeError: a dtype or type is wrong.
        ValueError: axes, channels, devices, bins, stride, padding or window do not fit, or there
            is no threshold.

    Source:
        Kheradpisheh and Masquelier (2020), the same rule with shared weights.

    Example:
        One weight, two positions: each spikes with its input.

        >>> weight = torch.full((1, 1, 1, 1), 2.0, requires_grad=True)
        >>> spike = spike_time_convolution(torch.tensor([[[[3.0, 5.0]]]]), weight, 1.0, n_bins=8)
        >>> spike.sum().backward()
        >>> spike.tolist(), weight.grad.item()
        ([[[[3.0, 5.0]]]], -2.0)
    """
    _check_layer(times, weight, threshold)
    if times.ndim != 4:
        raise ValueError(
            "`times` must have axes (batch, channel, height, width); "
            f"got shape {tuple(times.shape)}"
        )
    check_window(window)
    # only shapes, types and devices are looked at
    latency = times.new_empty(times.shape, dtype=torch.uint8)
    thresholds, _, steps, margins, _ = checked(
        latency, weight, threshold, n_bins, stride, padding, "full"
    )
    return _spike_time(times, weight, thresholds, n_bins, steps, margins, normalize, window)


def reference(
    times: Tensor,
    weight: Tensor,
    threshold: float | Tensor,
    *,
    n_bins: int,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int, int, int] = 0,
    normalize: bool = False,
    window: int = 0,
) -> Tensor:
    """The equations line by line: latencies, the wave of every bin, the first crossing, times."""
    del normalize, window  # of gradients, which have a reference of their own
    late = times.ceil().clamp(min=0)
    latency = torch.where(late < n_bins, late, SILENT).to(torch.uint8)
    spike, _ = fired.reference(
        latency, weight, threshold, n_bins=n_bins, stride=stride, padding=padding
    )
    return torch.where(spike == SILENT, n_bins, spike).to(weight.dtype)


@define
def _spike_time(
    times: Tensor,
    weight: Tensor,
    threshold: Tensor | None,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
    normalize: bool,
    window: int,
) -> Tensor:
    geometry: dict[str, Any] = {"stride": tuple(stride), "padding": tuple(padding)}
    latency = as_latency(times, n_bins)
    spike = spiking_convolution(
        latency, weight, threshold, n_bins=n_bins, return_potential=False, **geometry
    )
    return as_times(spike, n_bins, weight.dtype)


@define_fake(_spike_time)
def _(
    times: Tensor,
    weight: Tensor,
    threshold: Tensor | None,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
    normalize: bool,
    window: int,
) -> Tensor:
    size = output_size(times.shape[2:], weight.shape[2:], stride, padding)
    return channels_last((times.shape[0], weight.shape[0], *size), weight)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    times, weight, _, ctx.n_bins, ctx.stride, ctx.padding, *rest = inputs
    ctx.normalize, ctx.window = rest
    ctx.save_for_backward(times, weight, output)


def _back(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    times, weight, output = ctx.saved_tensors
    of_times, of_weight = spike_time_gradient(
        _normalized(gradient) if ctx.normalize else gradient,
        as_latency(times, ctx.n_bins),
        as_latency(output, ctx.n_bins),
        weight,
        n_bins=ctx.n_bins,
        stride=tuple(ctx.stride),
        padding=tuple(ctx.padding),
        input_gradient=ctx.needs_input_grad[0],
        window=ctx.window,
    )
    wanted = of_times if ctx.needs_input_grad[0] else None
    return wanted, of_weight, None, None, None, None, None, None


torch.library.register_autograd(_spike_time, _back, setup_context=_keep)


def _normalized(gradient: Tensor) -> Tensor:
    length = gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    return gradient / (len(gradient) * length.masked_fill(length == 0, 1.0))


def check_times(times: Tensor) -> None:
    """Refuse what is not a floating-point tensor.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(times, Tensor) or not times.is_floating_point():
        kind = times.dtype if isinstance(times, Tensor) else type(times).__name__
        raise TypeError(
            f"`times` must be a floating-point tensor of times in bins; got {kind}; "
            "convert latencies with as_times"
        )


def _check_layer(times: Tensor, weight: Tensor, threshold: float | Tensor) -> None:
    check_times(times)
    check_threshold(threshold)
    if isinstance(weight, Tensor) and weight.dtype != times.dtype:
        raise TypeError(
            f"`times` must have the dtype of `weight`, {weight.dtype}; got {times.dtype}; "
            "convert with .to(dtype)"
        )


def check_threshold(threshold: float | Tensor | None) -> None:
    """Refuse a layer without a threshold.

    Raises:
        ValueError: it has none.
    """
    if threshold is None:
        raise ValueError(
            "`threshold` must be one number or one for each unit; got None; neurons that are read "
            "out at the end all spike at once, so their times teach nothing"
        )
