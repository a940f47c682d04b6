"""Spike-timing-dependent plasticity of winners, with weights shared over positions.

For each winner (m, y, x) and each weight of its map, with the window's input latencies t_pre and
the winner's latency t_post:

    a = rate_positive[m] where the input has spiked and t_pre <= t_post, else rate_negative[m]
    a <- a * window[t_post - t_pre]                   with a window
    w <- w + a * (w - lower[m]) * (upper[m] - w)      with the stabilizer
    w <- w + a                                        without

Source: Masquelier and Thorpe (2007), PLoS Computational Biology 3(2): e31, in the form of
Kheradpisheh et al. (2018), Neural Networks 99: 56-67. Windows: Song, Miller and Abbott (2000),
Nature Neuroscience 3: 919-926. Rates of each sample: reward-modulated STDP, Mozafari et al. (2018),
IEEE Transactions on Neural Networks and Learning Systems 29: 6178-6190.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor

from neurospyke.sim.latency import SILENT, check_latency
from neurospyke.sim.ops import native
from neurospyke.sim.ops.crossing import check_inputs, check_weight, per_map
from neurospyke.sim.ops.registration import (
    define,
    define_fake,
    refuse_gradient,
    register_gpu,
    register_vmap,
)
from neurospyke.sim.ops.window import check_fit, output_size, pad_silence, pair, sides


def stdp(  # noqa: PLR0913 - a rule, its bounds and the layer's geometry are one call
    weight: Tensor,
    latency_in: Tensor,
    latency_out: Tensor,
    winners: Tensor,
    rate_positive: float | Tensor,
    rate_negative: float | Tensor,
    *,
    lower: float | Tensor = 0.0,
    upper: float | Tensor = 1.0,
    window: Tensor | None = None,
    stabilizer: bool = True,
    clamp: Literal["winners", "all"] = "winners",
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int, int, int] = 0,
) -> Tensor:
    """New weights: dw = a (w - lower)(upper - w), a = rate+ where t_pre <= t_post, else rate-.

    An input that never spikes is depressed. Samples, then winners by rank, are applied one after
    another, each on the weights left by the one before. A fully connected layer is a convolution of
    1 x 1 inputs. Shapes, dtypes, devices and numbers are checked; the values of tensors are not
    read.

    Args:
        weight: float32 or float64 (map, channel, kernel height, kernel width); left unchanged.
        latency_in: uint8 (batch, channel, height, width), the layer's input, before padding.
        latency_out: uint8 (batch, map, height, width), the layer's output, or (batch, 1, height,
            width), that of the one map that spiked at each position.
        winners: int64 (batch, k, 3), rows (map, row, column); rows that are no place in
            the layer, as those of -1, are passed over.
        rate_positive: potentiation rate, one number, a tensor (map,), or (batch, map) where it
            depends on the sample, as in learning by reward; a negative one reverses it.
        rate_negative: depression rate, usually negative; as `rate_positive`.
        lower: least weight, one number or a tensor (map,).
        upper: greatest weight, one number or a tensor (map,).
        window: None, or (2 n,) factors of the rate: at lags t_post - t_pre from -(n - 1) to n - 1
            bins, those beyond counting as the outermost, and last of all at an input that never
            spikes.
        stabilizer: True slows the change down towards both bounds.
        clamp: "winners" clamps the winner's map to the bounds after each update; "all" clamps every
            map after each sample that has a winner.
        stride: the layer's stride, one int or (height, width).
        padding: the layer's padding, one int or (top, bottom, left, right).

    Returns:
        New weights, shape and dtype of `weight`.

    Raises:
        TypeError: a dtype or type is wrong.
        ValueError: axes, shapes, devices, bounds or `clamp` do not fit.

    Source:
        Masquelier and Thorpe (2007); Kheradpisheh et al. (2018).

    Example:
        The output spikes in bin 3: the input in bin 2 is potentiated by 0.4 x 0.25, the input in
        bin 5 depressed by 0.2 x 0.25.

        >>> import torch
        >>> before = torch.tensor([[[[0.5, 0.5]]]])
        >>> latency_in = torch.tensor([[[[2, 5]]]], dtype=torch.uint8)
        >>> latency_out = torch.tensor([[[[3]]]], dtype=torch.uint8)
        >>> stdp(before, latency_in, latency_out, torch.tensor([[[0, 0, 0]]]), 0.4, -0.2)
        tensor([[[[0.6000, 0.4500]]]])
    """
    check_weight(weight, ("map", "channel", "kernel height", "kernel width"))
    steps, margins = pair(stride, "stride"), sides(padding)
    _check_layer(weight, latency_in, latency_out, steps, margins)
    _check_winners(winners, latency_out)
    tables = check_rule(
        weight, len(latency_in), rate_positive, rate_negative, lower, upper, window, clamp
    )
    return _stdp(
        weight, latency_in, latency_out, winners, *tables, stabilizer, clamp, steps, margins
    )


def _check_layer(
    weight: Tensor,
    latency_in: Tensor,
    latency_out: Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
) -> None:
    check_latency(latency_in, "latency_in", axes=("batch", "channel", "height", "width"))
    check_latency(latency_out, "latency_out", axes=("batch", "map", "height", "width"))
    check_inputs(latency_in, weight)
    check_fit(latency_in.shape[2:], weight.shape[2:], padding)
    size = output_size(latency_in.shape[2:], weight.shape[2:], stride, padding)
    shape = (latency_in.shape[0], weight.shape[0], *size)
    if tuple(latency_out.shape) not in {shape, (shape[0], 1, *size)}:
        raise ValueError(
            f"`latency_out` must have shape {shape}, the output of `weight` on `latency_in`; "
            f"got {tuple(latency_out.shape)}; pass the layer's own stride and padding"
        )


def _check_winners(winners: Tensor, latency_out: Tensor) -> None:
    if not isinstance(winners, Tensor) or winners.dtype != torch.int64:
        got = winners.dtype if isinstance(winners, Tensor) else type(winners).__name__
        raise TypeError(f"`winners` must be an int64 tensor; got {got}; pass what winners returns")
    if winners.ndim != 3 or winners.shape[2] != 3 or len(winners) != len(latency_out):
        raise ValueError(
            f"`winners` must have shape ({len(latency_out)}, k, 3), rows (map, row, column); "
            f"got {tuple(winners.shape)}"
        )


def check_rule(
    weight: Tensor,
    n_samples: int,
    rate_positive: float | Tensor,
    rate_negative: float | Tensor,
    lower: float | Tensor,
    upper: float | Tensor,
    window: Tensor | None,
    clamp: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]:
    """A rule's numbers as tensors that fit the weights.

    Args:
        weight: weights with maps on axis 0.
        n_samples: samples in the batch.
        rate_positive: as in `stdp`, like the arguments that follow.
        rate_negative: the same.
        lower: the same.
        upper: the same.
        window: the same.
        clamp: "winners" or "all".

    Returns:
        Both rates, both (map,) or both (batch, map), the bounds (map,) and the window.

    Raises:
        TypeError: a type is wrong.
        ValueError: a shape, bounds in the wrong order, or a clamp that does not exist.
    """
    if not isinstance(lower, Tensor) and not isinstance(upper, Tensor) and not lower < upper:
        raise ValueError(f"`lower` must be below `upper`; got {lower} and {upper}; swap them")
    if clamp not in {"winners", "all"}:
        raise ValueError(f'`clamp` must be "winners" or "all"; got {clamp!r}')
    rates = (
        _rates(rate_positive, weight, n_samples, "rate_positive"),
        _rates(rate_negative, weight, n_samples, "rate_negative"),
    )
    if rates[0].ndim != rates[1].ndim:
        rates = (rates[0].expand(n_samples, -1), rates[1].expand(n_samples, -1))
    bounds = per_map(lower, weight, "lower"), per_map(upper, weight, "upper")
    return *rates, *bounds, _window(window, weight)


def _rates(value: float | Tensor, weight: Tensor, n_samples: int, name: str) -> Tensor:
    if not isinstance(value, Tensor) or value.ndim != 2:
        return per_map(value, weight, name)
    shape = (n_samples, weight.shape[0])
    if value.shape != shape or value.device != weight.device:
        raise ValueError(
            f"`{name}` must be a number or a tensor of shape ({shape[1]},) or {shape}, on "
            f"{weight.device}; got shape {tuple(value.shape)} on {value.device}"
        )
    return value.to(weight.dtype)


def _window(window: Tensor | None, weight: Tensor) -> Tensor | None:
    if window is None:
        return None
    if not isinstance(window, Tensor) or not window.is_floating_point():
        raise TypeError(
            f"`window` must be a floating-point tensor or None; got {type(window).__name__}"
        )
    if window.ndim != 1 or len(window) < 2 or len(window) % 2 or window.device != weight.device:
        raise ValueError(
            "`window` must have shape (2 n,), the factors at lags -(n - 1) to n - 1 and of "
            f"silence, on {weight.device}; got shape {tuple(window.shape)} on {window.device}"
        )
    return window.to(weight.dtype)


def _is_place(row: Sequence[int], latency_out: Tensor, n_maps: int) -> bool:
    sizes = (n_maps, *latency_out.shape[2:])
    return all(0 <= at < size for at, size in zip(row, sizes, strict=True))


def reference(  # noqa: PLR0913
    weight: Tensor,
    latency_in: Tensor,
    latency_out: Tensor,
    winners: Tensor,
    rate_positive: float | Tensor,
    rate_negative: float | Tensor,
    *,
    lower: float | Tensor = 0.0,
    upper: float | Tensor = 1.0,
    window: Tensor | None = None,
    stabilizer: bool = True,
    clamp: Literal["winners", "all"] = "winners",
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int, int, int] = 0,
) -> Tensor:
    """The equations line by line: sample after sample, winner after winner."""
    w = weight.clone(memory_format=torch.contiguous_format)
    positive, negative, low, high, window = check_rule(
        weight, len(latency_in), rate_positive, rate_negative, lower, upper, window, clamp
    )
    positive, negative = (rate.expand(len(latency_in), -1) for rate in (positive, negative))
    (height, width), (down, across) = weight.shape[2:], pair(stride, "stride")
    padded = pad_silence(latency_in, sides(padding))
    for sample, rows in enumerate(winners.tolist()):
        found = [row for row in rows if _is_place(row, latency_out, len(w))]
        for m, y, x in found:
            top, left = y * down, x * across
            t_pre = padded[sample, :, top : top + height, left : left + width]
            t_post = latency_out[sample, m if latency_out.shape[1] > 1 else 0, y, x]
            early = (t_pre != SILENT) & (t_pre <= t_post)
            a = torch.where(early, positive[sample, m], negative[sample, m])
            if window is not None:
                n = len(window) // 2
                lag = (t_post.int() - t_pre.int()).clamp(1 - n, n - 1)
                a = a * window[torch.where(t_pre == SILENT, 2 * n - 1, n - 1 + lag)]
            w[m] += a * ((w[m] - low[m]) * (high[m] - w[m])) if stabilizer else a
            if clamp == "winners":
                w[m].clamp_(low[m], high[m])
        if clamp == "all" and found:
            w.copy_(_clamped(w, low, high))
    return w


def _clamped(weight: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    each = (-1, 1, 1, 1)
    return weight.clamp(lower.view(each), upper.view(each))


@define
def _stdp(  # noqa: PLR0913, PLR0917
    weight: Tensor,
    latency_in: Tensor,
    latency_out: Tensor,
    winners: Tensor,
    rate_positive: Tensor,
    rate_negative: Tensor,
    lower: Tensor,
    upper: Tensor,
    window: Tensor | None,
    stabilizer: bool,
    clamp: str,
    stride: Sequence[int],
    padding: Sequence[int],
) -> Tensor:
    if native.available(weight, latency_in, latency_out, winners):
        return native.stdp(
            weight,
            latency_in,
            latency_out,
            winners,
            rate_positive,
            rate_negative,
            lower,
            upper,
            window,
            stabilizer,
            clamp,
            stride,
            padding,
        )
    # winners of different maps never touch the same weights, so those whose turn it is go together
    new = weight.clone()
    limits = winners.new_tensor((len(weight), *latency_out.shape[2:]))
    sample, rank = ((winners >= 0) & (winners < limits)).all(2).nonzero(as_tuple=True)
    if len(sample) == 0:
        return new
    maps, row, column = winners[sample, rank].unbind(1)
    windows = pad_silence(latency_in, padding).unfold(2, weight.shape[2], stride[0])
    t_pre = windows.unfold(3, weight.shape[3], stride[1])[sample, :, row, column]
    owner = maps if latency_out.shape[1] > 1 else torch.zeros_like(maps)
    t_post = latency_out[sample, owner, row, column].view(-1, 1, 1, 1)
    early = (t_pre != SILENT) & (t_pre <= t_post)
    each = (-1, 1, 1, 1)
    positive, negative = (
        rates.expand(len(winners), -1)[sample, maps].view(each)
        for rates in (rate_positive, rate_negative)
    )
    rate = torch.where(early, positive, negative)
    if window is not None:
        n = len(window) // 2
        lag = (t_post.int() - t_pre.int()).clamp(1 - n, n - 1)
        rate = rate * window[torch.where(t_pre == SILENT, 2 * n - 1, n - 1 + lag)]
    together = sample if clamp == "all" else torch.zeros_like(sample)
    for group in together.unique().tolist():
        for turn in _turns(maps, together == group):
            who = maps[turn]
            old, low, high = new[who], lower[who].view(each), upper[who].view(each)
            old += rate[turn] * ((old - low) * (high - old)) if stabilizer else rate[turn]
            new[who] = old.clamp(low, high) if clamp == "winners" else old
        if clamp == "all":
            new = new.copy_(_clamped(new, lower, upper))
    return new


def _turns(maps: Tensor, chosen: Tensor) -> Iterator[Tensor]:
    """Positions of the chosen winners in turns: the first of each map, the second, and so on."""
    waiting = chosen.nonzero()[:, 0]
    by_map, order = maps[waiting].sort(stable=True)
    first = torch.searchsorted(by_map, by_map)
    turn = torch.arange(len(waiting), device=maps.device) - first
    for number in range(int(turn.max()) + 1):
        yield waiting[order[turn == number]]


@define_fake(_stdp)
def _(  # noqa: PLR0913, PLR0917
    weight: Tensor,
    latency_in: Tensor,
    latency_out: Tensor,
    winners: Tensor,
    rate_positive: Tensor,
    rate_negative: Tensor,
    lower: Tensor,
    upper: Tensor,
    window: Tensor | None,
    stabilizer: bool,
    clamp: str,
    stride: Sequence[int],
    padding: Sequence[int],
) -> Tensor:
    return torch.empty_like(weight)


register_gpu(_stdp)
refuse_gradient(_stdp)
register_vmap(_stdp)
