"""Spike-timing-dependent plasticity of winners on a GPU.

For each winner (m, y, x) and each weight of its map, with the window's input latencies t_pre and
the winner's latency t_post:

    a = rate_positive[m] where the input has spiked and t_pre <= t_post, else rate_negative[m]
    a <- a * window[t_post - t_pre]                   with a window
    w <- w + a * (w - lower[m]) * (upper[m] - w)      with the stabilizer
    w <- w + a                                        without

A program holds some weights of one map and goes through that map's winners in order, sample after
sample and rank after rank: winners of other maps never touch them, so programs need not meet. Only
clamp = "all" looks at the others: it clamps after each sample that has a winner in any map.
Clamping twice is clamping once, so that is done when the map's next winner comes, and at the end.
"""

from collections.abc import Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor

from neurospyke.sim.ops.kernels.window import (
    SILENT,
    geometry,
    power_of_two_at_least,
    read_window,
)

NONE = tl.constexpr(2**31 - 1)


def stdp(
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
    """New weights; `latency_out` may have one channel, the map that spiked at each position."""
    new = torch.empty_like(weight)
    if new.numel() == 0:
        return new
    shape = geometry(latency_in, weight.shape[2:], stride, padding)
    winners = winners.contiguous()
    n_winners = winners.shape[0] * winners.shape[1]
    with torch.cuda.device_of(weight):
        learn[(len(weight), triton.cdiv(shape["taps"], 256))](
            weight,
            new,
            latency_in,
            latency_out,
            winners,
            rate_positive.contiguous(),
            rate_negative.contiguous(),
            rate_positive.shape[1] if rate_positive.ndim == 2 else 0,
            lower.contiguous(),
            upper.contiguous(),
            lower if window is None else window.contiguous(),
            0 if window is None else len(window) // 2,
            n_winners,
            max(winners.shape[1], 1),
            *weight.stride(),
            *new.stride(),
            *latency_out.stride()[:1],
            latency_out.stride(1) if latency_out.shape[1] > 1 else 0,
            *latency_out.stride()[2:],
            **{name: value for name, value in shape.items() if name != "n_pixels"},
            STABILIZER=stabilizer,
            WINDOW=window is not None,
            CLAMP_ALL=clamp == "all",
            CHUNK=power_of_two_at_least(n_winners, 16, 1024),
            BLOCK=256,
            enable_fp_fusion=False,
        )
    return new


@triton.jit
def clamped(w, lower, upper):
    return tl.minimum(tl.maximum(w, lower), upper)


@triton.jit
def learn(  # noqa: PLR0915 - arguments and places, one a line
    weight,
    new,
    latency_in,
    latency_out,
    winners,
    rate_positive,
    rate_negative,
    rate_sample_stride,
    lowest,
    highest,
    window,
    window_bins,
    n_winners,
    ranks,
    map_stride,
    channel_stride_w,
    row_stride_w,
    column_stride_w,
    map_stride_new,
    channel_stride_new,
    row_stride_new,
    column_stride_new,
    out_sample_stride,
    out_map_stride,
    out_row_stride,
    out_column_stride,
    out_height,
    out_width,
    height,
    width,
    taps,
    down,
    across,
    top,
    left,
    sample_stride,
    channel_stride,
    row_stride,
    column_stride,
    channels: tl.constexpr,
    kernel_width: tl.constexpr,
    STABILIZER: tl.constexpr,
    WINDOW: tl.constexpr,
    CLAMP_ALL: tl.constexpr,
    CHUNK: tl.constexpr,
    BLOCK: tl.constexpr,
):
    frame = (height, width, sample_stride, channel_stride, row_stride, column_stride)
    m = tl.program_id(0)
    k = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    channel, tap = k % channels, k // channels
    y, x = tap // kernel_width, tap % kernel_width
    place = channel * channel_stride_w + y * row_stride_w + x * column_stride_w
    w = tl.load(weight + m.to(tl.int64) * map_stride + place, mask=k < taps, other=0.0)
    lower, upper = tl.load(lowest + m), tl.load(highest + m)
    # samples: of the first winner in any map, and of this map's last
    earliest = tl.full((), NONE, tl.int32)
    before = tl.full((), -1, tl.int32)
    for n0 in range(0, n_winners, CHUNK):
        n = n0 + tl.arange(0, CHUNK)
        place_n = winners + n.to(tl.int64) * 3
        who = tl.load(place_n, mask=n < n_winners, other=-1)
        row_n = tl.load(place_n + 1, mask=n < n_winners, other=-1)
        column_n = tl.load(place_n + 2, mask=n < n_winners, other=-1)
        # rows that are no place in the layer are passed over
        valid = (who < tl.num_programs(0)) & (row_n >= 0) & (row_n < out_height)
        who = tl.where(valid & (column_n >= 0) & (column_n < out_width), who, -1)
        earliest = tl.minimum(earliest, tl.min(tl.where(who >= 0, n // ranks, NONE), 0))
        turn = tl.min(tl.where(who == m, n, NONE), 0)
        while turn < NONE:
            sample = turn // ranks
            if CLAMP_ALL:
                again = (sample != before) & (earliest < sample)
                w = tl.where(again, clamped(w, lower, upper), w)
                before = sample
            row = tl.load(winners + turn.to(tl.int64) * 3 + 1).to(tl.int32)
            column = tl.load(winners + turn.to(tl.int64) * 3 + 2).to(tl.int32)
            post_place = sample.to(tl.int64) * out_sample_stride + m * out_map_stride
            post_place += row * out_row_stride + column * out_column_stride
            post = tl.load(latency_out + post_place).to(tl.int32)
            pre = read_window(
                latency_in,
                frame,
                sample,
                row * down - top,
                column * across - left,
                k,
                k < taps,
                channels,
                kernel_width,
            )
            place_rate = sample.to(tl.int64) * rate_sample_stride + m
            positive, negative = (
                tl.load(rate_positive + place_rate),
                tl.load(rate_negative + place_rate),
            )
            a = tl.where((pre < SILENT) & (pre <= post), positive, negative)
            if WINDOW:
                lag = tl.minimum(tl.maximum(post - pre, 1 - window_bins), window_bins - 1)
                at = tl.where(pre < SILENT, window_bins - 1 + lag, 2 * window_bins - 1)
                a *= tl.load(window + at)
            if STABILIZER:
                w += a * ((w - lower) * (upper - w))
            else:
                w += a
            if not CLAMP_ALL:
                w = clamped(w, lower, upper)
            turn = tl.min(tl.where((who == m) & (n > turn), n, NONE), 0)
    if CLAMP_ALL:
        w = tl.where(earliest < NONE, clamped(w, lower, upper), w)
    place = channel * channel_stride_new + y * row_stride_new + x * column_stride_new
    tl.store(new + m.to(tl.int64) * map_stride_new + place, w, mask=k < taps)
