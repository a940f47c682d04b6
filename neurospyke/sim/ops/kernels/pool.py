"""Pooling of latencies on a GPU: the first spike in a window is passed on.

    output[c, y, x] = min over i, j of latency[c, y * stride + i, x * stride + j]

Silence is the largest byte, so the earliest spike is the smallest.
"""

from collections.abc import Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor

from neurospyke.sim.ops.kernels.window import SILENT
from neurospyke.sim.ops.window import channels_last, output_size

BLOCK = 1024


def pool(
    latency: Tensor, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int]
) -> Tensor:
    """Arguments as the registered op takes them."""
    size = output_size(latency.shape[2:], kernel, stride, padding)
    out = channels_last((*latency.shape[:2], *size), latency)
    n = out[0].numel() if len(out) else 0
    if n == 0:
        return out
    blocks = triton.cdiv(n, BLOCK)
    with torch.cuda.device_of(latency):
        earliest[(len(out) * blocks,)](
            latency,
            out,
            blocks,
            n,
            *latency.shape[1:],
            *size,
            *kernel,
            *stride,
            padding[0],
            padding[2],
            *latency.stride(),
            BLOCK=BLOCK,
            enable_fp_fusion=False,
        )
    return out


@triton.jit
def earliest(
    latency,
    out,
    blocks,
    n,
    channels,
    height,
    width,
    out_height,
    out_width,
    kernel_height,
    kernel_width,
    down,
    across,
    top,
    left,
    sample_stride,
    channel_stride,
    row_stride,
    column_stride,
    BLOCK: tl.constexpr,
):
    sample = (tl.program_id(0) // blocks).to(tl.int64)
    index = tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)
    channel = index % channels
    row = index // channels // out_width * down - top
    column = index // channels % out_width * across - left
    first = tl.full((BLOCK,), SILENT, tl.int32)
    for tap in range(kernel_height * kernel_width):
        y, x = row + tap // kernel_width, column + tap % kernel_width
        inside = (index < n) & (y >= 0) & (y < height) & (x >= 0) & (x < width)
        place = sample * sample_stride + y * row_stride + x * column_stride
        spike = tl.load(latency + place + channel * channel_stride, mask=inside, other=SILENT)
        first = tl.minimum(first, spike.to(tl.int32))
    tl.store(out + sample * n + index, first.to(tl.uint8), mask=index < n)
