"""Weights made ready for the tensor cores, once a call.

Per map, with e = floor(log2(max |w|)) and the scale 2^(14 - e), so that the largest lies in
[2^14, 2^15), half of what fp16 holds:

    high = fp16(w 2^(14 - e)),   low = fp16(w 2^(14 - e) - high)
    threshold <- threshold 2^(14 - e)

high + low holds w to 22 bits down to 2^-17 of the largest weight, and to 2^-40 of it below. Scaling
by powers of two is exact, so V > threshold is asked of the same numbers as in float32. Rows are
(part, map, k) with k innermost, padded with zeros: what int8 tensor cores ask for, and fp16 ones
accept.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from neurospyke.sim.ops.kernels.fixed_point import digits, fixed_point, whole_threshold

PASSES = {"fast": 1, "full": 2, "reproducible": 3}


def prepare(
    weight: Tensor, threshold: Tensor | None, precision: str, block: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Parts (part, map, k), thresholds in their steps (map,), exponents (map,) of a step.

    Args:
        weight: float32 (map, channel, kernel height, kernel width).
        threshold: (map,), or None for zero.
        precision: "full", "fast" or "reproducible".
        block: k is padded to a multiple of it.
    """
    if precision == "reproducible":
        return _planes(weight, threshold, block)
    maps, channels, _, kernel_width = weight.shape
    taps = weight[0].numel()
    parts = weight.new_empty(
        (PASSES[precision], maps, triton.cdiv(taps, block) * block), dtype=torch.float16
    )
    steps = weight.new_empty(maps)
    exponent = weight.new_empty(maps, dtype=torch.int32)
    split[(maps,)](
        weight,
        weight if threshold is None else threshold,
        parts,
        steps,
        exponent,
        taps,
        parts.shape[2],
        *weight.stride(),
        channels=channels,
        kernel_width=kernel_width,
        HAS_THRESHOLD=threshold is not None,
        PARTS=PASSES[precision],
        BLOCK=1024,
        enable_fp_fusion=False,
    )
    return parts, steps, exponent


def whole_weights(weight: Tensor, threshold: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Weights on the fixed-point grid, thresholds in its steps, exponents; all int32."""
    q, exponent = fixed_point(weight)
    zero = weight.new_zeros(len(weight)) if threshold is None else threshold
    return q, whole_threshold(zero, exponent), exponent


def by_window(weight: Tensor) -> Tensor:
    """(map, ..., k) with k in the order in which windows are read: row, column, channel."""
    return weight.movedim(-3, -1).flatten(-3)


def _planes(weight: Tensor, threshold: Tensor | None, block: int) -> tuple[Tensor, Tensor, Tensor]:
    q, steps, exponent = whole_weights(weight, threshold)
    planes = by_window(digits(q))
    padded = planes.new_zeros((*planes.shape[:2], triton.cdiv(planes.shape[2], block) * block))
    padded[..., : planes.shape[2]] = planes
    return padded, steps, exponent


@triton.jit
def power_of_two(exponent):
    """2^exponent as float32 from its bits: exponents from -126 to 127."""
    return ((exponent + 127) << 23).to(tl.float32, bitcast=True)


@triton.jit
def scaled(value, exponent):
    """Float32 value times 2^exponent, exponent int32, in two factors: one may not hold it."""
    half = exponent // 2
    return value * power_of_two(half) * power_of_two(exponent - half)


@triton.jit
def split(
    weight,
    threshold,
    parts,
    steps,
    exponent,
    taps,
    row,
    map_stride,
    channel_stride,
    row_stride,
    column_stride,
    channels: tl.constexpr,
    kernel_width: tl.constexpr,
    HAS_THRESHOLD: tl.constexpr,
    PARTS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    m = tl.program_id(0).to(tl.int64)
    largest = tl.zeros((BLOCK,), tl.float32)
    for k0 in range(0, taps, BLOCK):
        k = k0 + tl.arange(0, BLOCK)
        place = m * map_stride + (k % max(channels, 1)) * channel_stride
        tap = k // max(channels, 1)
        place += (tap // kernel_width) * row_stride + (tap % kernel_width) * column_stride
        largest = tl.maximum(largest, tl.abs(tl.load(weight + place, mask=k < taps, other=0.0)))
    # the exponent field of a float32: zero, and what is close to it, count as 2^-127
    shift = 141 - ((tl.max(largest, 0).to(tl.int32, bitcast=True) >> 23) & 255)
    for k0 in range(0, row, BLOCK):
        k = k0 + tl.arange(0, BLOCK)
        place = m * map_stride + (k % max(channels, 1)) * channel_stride
        tap = k // max(channels, 1)
        place += (tap // kernel_width) * row_stride + (tap % kernel_width) * column_stride
        w = scaled(tl.load(weight + place, mask=k < taps, other=0.0), shift)
        high = w.to(tl.float16)
        tl.store(parts + m * row + k, high, mask=k < row)
        if PARTS == 2:
            low = (w - high.to(tl.float32)).to(tl.float16)
            tl.store(parts + (tl.num_programs(0) + m) * row + k, low, mask=k < row)
    step = 0.0
    if HAS_THRESHOLD:
        level = tl.load(threshold + m)
        # no potential comes near 2^100 steps, and this far no product overflows
        limit = power_of_two(tl.minimum(100 - shift, 127))
        step = scaled(tl.maximum(tl.minimum(level, limit), -limit), shift)
        # no potential is above zero and at most this, but zero is above what is below zero
        step = tl.where((step == 0.0) & (level < 0.0), -1e-30, step)
    tl.store(steps + m, step)
    tl.store(exponent + m, -shift)
