"""Gradients through the times of neurons that spike once.

    a_ji = [t_i <= t_j]                                input i arrives in time for neuron j
    dL/dw_ji = - sum over samples of dL/dt_j a_ji
    b_ji = [t_i <= t_j + window]                       or so little late that it could be
    dL/dt_i = sum over j of dL/dt_j w_ji b_ji

A potential higher by one is taken to make the spike one bin earlier, dt_j / dV_j = -1. A silent
neuron counts as one that spikes when all is over, so every input that spikes is in time for it; a
silent input is in time for none. In a convolution, sums run over all positions that share a weight.

A window above 0 is not in the paper, where b = a: there an input that has been pushed past t_j is
never called back by neuron j, and inputs fall silent one after another.

Source: Kheradpisheh and Masquelier (2020), Temporal backpropagation for spiking neural networks
with one spike per neuron, International Journal of Neural Systems 30: 2050027.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from neurospyke.sim.latency import check_bins, check_latency
from neurospyke.sim.ops.crossing import check_inputs, check_weight
from neurospyke.sim.ops.registration import define, define_fake, refuse_gradient
from neurospyke.sim.ops.window import check_fit, output_size, pad_silence, pair, sides

# pairs of an input and a neuron looked at together: few enough to stay in a processor's cache
_PAIRS = 2**17


def spike_time_gradient(  # noqa: PLR0913 - a convolution and its rule
    gradient: Tensor,
    latency_in: Tensor,
    latency_out: Tensor,
    weight: Tensor,
    *,
    n_bins: int,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int, int, int] = 0,
    input_gradient: bool = True,
    window: int = 0,
) -> tuple[Tensor, Tensor]:
    """Gradients of a spiking convolution's weights and input times, from that of its output times.

    Equations above. Samples are added one after another in the dtype of the weights, so that on a
    CPU a batch gives the same, bit for bit, as its samples one by one.

    Args:
        gradient: (batch, map, height, width), dL/dt of the outputs, dtype of `weight`.
        latency_in: uint8 (batch, channel, height, width); a spike in bin n_bins or later counts as
            silence.
        latency_out: uint8 (batch, map, height, width), 255 = silent.
        weight: float32 or float64 (map, channel, kernel height, kernel width).
        n_bins: number of time bins, 1 to 254.
        stride: step of the window, one int or (height, width).
        padding: silence round the input, one int or (top, bottom, left, right).
        input_gradient: False leaves dL/dt of the inputs out, which is faster.
        window: bins after a spike in which inputs still count for dL/dt of the inputs, >= 0.

    Returns:
        dL/dt of the inputs, (batch, channel, height, width), or an empty tensor; and dL/dw, (map,
        channel, kernel height, kernel width), summed over the batch.

    Raises:
        TypeError: a dtype or type is wrong.
        ValueError: axes, channels, devices, bins, stride, padding or window do not fit.

    Source:
        Kheradpisheh and Masquelier (2020); the window is ours.

    Example:
        The first input, in bin 1, is in time for the spike in bin 2, the second, in bin 3, is not.

        >>> import torch
        >>> first, spike = (torch.tensor(bins, dtype=torch.uint8) for bins in ([[1, 3]], [[2]]))
        >>> of_inputs, of_weights = spike_time_gradient(
        ...     torch.tensor([[[[0.5]]]]),
        ...     first[:, :, None, None],
        ...     spike[:, :, None, None],
        ...     torch.tensor([[[[3.0]], [[4.0]]]]),
        ...     n_bins=5,
        ... )
        >>> of_inputs.flatten().tolist(), of_weights.flatten().tolist()
        ([1.5, 0.0], [-0.5, 0.0])
    """
    axes = ("batch", "map", "height", "width")
    check_latency(latency_in, "latency_in", axes=("batch", "channel", "height", "width"))
    check_latency(latency_out, "latency_out", axes=axes)
    check_weight(weight, ("map", "channel", "kernel height", "kernel width"))
    check_inputs(latency_in, weight)
    check_bins(n_bins)
    check_window(window)
    steps, margins = pair(stride, "stride"), sides(padding)
    check_fit(latency_in.shape[2:], weight.shape[2:], margins)
    size = output_size(latency_in.shape[2:], weight.shape[2:], steps, margins)
    shape = (latency_in.shape[0], weight.shape[0], *size)
    if latency_out.shape != shape or gradient.shape != shape:
        raise ValueError(
            f"`gradient` and `latency_out` must have shape {shape}, that of the layer's output; "
            f"got {tuple(gradient.shape)} and {tuple(latency_out.shape)}"
        )
    if gradient.dtype != weight.dtype:
        raise TypeError(f"`gradient` must have the dtype of `weight`; got {gradient.dtype}")
    return _spike_time_gradient(
        gradient, latency_in, latency_out, weight, n_bins, steps, margins, input_gradient, window
    )


def check_window(window: int) -> None:
    """Refuse what is no number of bins.

    Raises:
        ValueError: it is not.
    """
    if isinstance(window, bool) or not isinstance(window, int) or not 0 <= window <= 254:
        raise ValueError(f"`window` must be a whole number of bins, 0 to 254; got {window!r}")


def reference(  # noqa: PLR0913 - a convolution and its rule
    gradient: Tensor,
    latency_in: Tensor,
    latency_out: Tensor,
    weight: Tensor,
    *,
    n_bins: int,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int, int, int] = 0,
    input_gradient: bool = True,
    window: int = 0,
) -> tuple[Tensor, Tensor]:
    """The sums written out, one pair of a neuron and a weight at a time."""
    (top, _, left, _), (down, right) = sides(padding), pair(stride, "stride")
    of_inputs, of_weights = torch.zeros(latency_in.shape).to(weight), torch.zeros_like(weight)
    for place in torch.cartesian_prod(*map(torch.arange, (*gradient.shape, *weight.shape[1:]))):
        sample, unit, y, x, channel, i, j = place.tolist()
        row, column = y * down + i - top, x * right + j - left
        if not (0 <= row < latency_in.shape[2] and 0 <= column < latency_in.shape[3]):
            continue
        arrival = int(latency_in[sample, channel, row, column])
        slope, deadline = gradient[sample, unit, y, x], int(latency_out[sample, unit, y, x])
        if arrival < n_bins and arrival <= deadline:
            of_weights[unit, channel, i, j] -= slope
        if arrival < n_bins and arrival <= deadline + window:
            of_inputs[sample, channel, row, column] += slope * weight[unit, channel, i, j]
    return of_inputs if input_gradient else weight.new_empty(0), of_weights


@define
def _spike_time_gradient(  # noqa: PLR0913, PLR0917 - a convolution and its rule
    gradient: Tensor,
    latency_in: Tensor,
    latency_out: Tensor,
    weight: Tensor,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
    input_gradient: bool,
    window: int,
) -> tuple[Tensor, Tensor]:
    maps, channels, height, width = weight.shape
    padded = pad_silence(latency_in, padding)
    places = padded.unfold(2, height, stride[0]).unfold(3, width, stride[1])
    arrivals = places.permute(0, 4, 5, 1, 2, 3).flatten(4).flatten(1, 3)
    # all that has spiked at all is in time for the silent
    deadlines = latency_out.flatten(2).clamp(max=n_bins - 1)
    called = (deadlines.int() + window).clamp(max=n_bins - 1).to(torch.uint8)
    slopes = -gradient.flatten(2)
    rows = weight.permute(2, 3, 1, 0).reshape(-1, maps)
    of_rows = torch.zeros_like(rows)
    of_arrivals = arrivals.new_zeros(arrivals.shape if input_gradient else 0, dtype=weight.dtype)
    # every input that spikes, sample after sample: most are silent in most images
    spiking = (arrivals < n_bins).any(2).nonzero()
    for some in spiking.split(max(1, _PAIRS // max(1, deadlines[:1].numel()))):
        sample, place = some.unbind(1)
        arrival, slope = arrivals[sample, place, None], slopes.index_select(0, sample)
        felt = torch.where(arrival <= deadlines.index_select(0, sample), slope, 0.0)
        of_rows.index_add_(0, place, felt.sum(2) if felt.shape[2] > 1 else felt[:, :, 0])
        if input_gradient:
            if window:
                felt = torch.where(arrival <= called.index_select(0, sample), slope, 0.0)
            of_arrivals[sample, place] = -(felt * rows[place, :, None]).sum(1)
    of_weights = of_rows.view(height, width, channels, maps).permute(3, 2, 0, 1)
    if not input_gradient:
        return of_arrivals, of_weights
    placed = of_arrivals.unflatten(2, places.shape[2:4]).unflatten(1, (height, width, channels))
    return _back(placed, latency_in.shape, stride, padding), of_weights


def _back(
    placed: Tensor, shape: Sequence[int], stride: Sequence[int], padding: Sequence[int]
) -> Tensor:
    """What belongs to each input, summed over the places of the window in which it was seen."""
    (top, bottom, left, right), (rows, columns) = padding, placed.shape[4:]
    size = (shape[2] + top + bottom, shape[3] + left + right)
    whole = placed.new_zeros(shape[0], shape[1], *size)
    for i in range(placed.shape[1]):
        for j in range(placed.shape[2]):
            seen = whole[:, :, i : i + rows * stride[0] : stride[0]]
            seen[..., j : j + columns * stride[1] : stride[1]] += placed[:, i, j]
    return whole[:, :, top : size[0] - bottom, left : size[1] - right].contiguous()


@define_fake(_spike_time_gradient)
def _(  # noqa: PLR0913, PLR0917 - a convolution and its rule
    gradient: Tensor,
    latency_in: Tensor,
    latency_out: Tensor,
    weight: Tensor,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
    input_gradient: bool,
    window: int,
) -> tuple[Tensor, Tensor]:
    maps, channels, height, width = weight.shape
    of_inputs = weight.new_empty(latency_in.shape if input_gradient else 0)
    return of_inputs, weight.new_empty(height, width, channels, maps).permute(3, 2, 0, 1)


refuse_gradient(_spike_time_gradient)
