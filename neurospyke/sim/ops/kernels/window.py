"""Windows of a layer read straight from its input latencies: no padded and no unfolded copy.

Input k of the window of output (sample b, row y, column x), with C channels and windows of W
columns, counted in the order kernel row i, kernel column j, channel c:

    c = k mod C,   j = floor(k / C) mod W,   i = floor(k / (C W))
    latency[b, c, y * stride - top + i, x * stride - left + j], silent outside the input
"""

from collections.abc import Sequence

import triton
import triton.language as tl
from torch import Tensor

from neurospyke.sim.ops.window import output_size

SILENT = tl.constexpr(255)


def geometry(
    latency: Tensor, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int]
) -> dict[str, int]:
    """What the kernels are told of a layer's input and windows, by the names they use."""
    out_height, out_width = output_size(latency.shape[2:], kernel, stride, padding)
    batch, channels, height, width = latency.shape
    sample_stride, channel_stride, row_stride, column_stride = latency.stride()
    return {
        "n_pixels": batch * out_height * out_width,
        "out_height": out_height,
        "out_width": out_width,
        "height": height,
        "width": width,
        "channels": channels,
        "kernel_width": kernel[1],
        "taps": channels * kernel[0] * kernel[1],
        "down": stride[0],
        "across": stride[1],
        "top": padding[0],
        "left": padding[2],
        "sample_stride": sample_stride,
        "channel_stride": channel_stride,
        "row_stride": row_stride,
        "column_stride": column_stride,
    }


def power_of_two_at_least(size: int, least: int, most: int) -> int:
    """Size of a block that holds `size`, within bounds that are powers of two."""
    return min(max(triton.next_power_of_2(max(size, 1)), least), most)


@triton.jit
def corner(pixel, slide):
    """Sample of an output position, and the input row and column where its window starts.

    `slide` is (out_height, out_width, down, across, top, left).
    """
    out_height, out_width, down, across, top, left = slide
    row = (pixel // out_width) % out_height
    column = pixel % out_width
    return pixel // (out_height * out_width), row * down - top, column * across - left


@triton.jit
def read_window(
    latency, frame, sample, row, column, k, inside, channels: tl.constexpr, width: tl.constexpr
):
    """Latencies of inputs `k` (int32), silent where not `inside`; tensors broadcast.

    `frame` is (height, width) of the input and its strides (sample, channel, row, column); `width`
    is that of the window.
    """
    rows, columns, sample_stride, channel_stride, row_stride, column_stride = frame
    # a layer may have no channels at all
    tap = k // max(channels, 1)
    y = row + tap // width
    x = column + tap % width
    inside = inside & (y >= 0) & (y < rows) & (x >= 0) & (x < columns)
    # only whole samples can lie further apart than 32 bits reach
    place = sample.to(tl.int64) * sample_stride + y * row_stride + x * column_stride
    place += (k % max(channels, 1)) * channel_stride
    return tl.load(latency + place, mask=inside, other=SILENT).to(tl.int32)
