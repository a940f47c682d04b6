"""Lateral inhibition across maps on a GPU: at each position only the first map to spike is kept.

winner[y, x] = map with the earliest latency, then the larger potential, then the lower index
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from neurospyke.sim.ops.kernels.dense import earliest_map
from neurospyke.sim.ops.kernels.window import SILENT, power_of_two_at_least
from neurospyke.sim.ops.window import channels_last

POSITIONS = 16


def pointwise_inhibition(latency: Tensor, potential: Tensor) -> tuple[Tensor, Tensor]:
    """Arguments as the registered op takes them."""
    out = channels_last(latency.shape, latency)
    drive = channels_last(latency.shape, potential)
    if out.numel() == 0:
        return out, drive
    batch, maps, height, width = latency.shape
    n_pixels = batch * height * width
    with torch.cuda.device_of(latency):
        keep_winner[(triton.cdiv(n_pixels, POSITIONS),)](
            latency,
            potential,
            out,
            drive,
            n_pixels,
            maps,
            height,
            width,
            *latency.stride(),
            *potential.stride(),
            POSITIONS=POSITIONS,
            COLUMNS=power_of_two_at_least(maps, 16, 128),
            enable_fp_fusion=False,
        )
    return out, drive


@triton.jit
def keep_winner(
    latency,
    potential,
    out,
    drive,
    n_pixels,
    maps,
    height,
    width,
    sample_stride,
    map_stride,
    row_stride,
    column_stride,
    drive_sample_stride,
    drive_map_stride,
    drive_row_stride,
    drive_column_stride,
    POSITIONS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    pixel = tl.program_id(0) * POSITIONS + tl.arange(0, POSITIONS)
    sample = (pixel // (height * width)).to(tl.int64)
    row, column = pixel // width % height, pixel % width
    spikes = latency + (sample * sample_stride + row * row_stride + column * column_stride)[:, None]
    place = sample * drive_sample_stride + row * drive_row_stride + column * drive_column_stride
    drives = potential + place[:, None]
    best = tl.full((POSITIONS,), SILENT, tl.int32)
    best_map = tl.full((POSITIONS,), -1, tl.int32)
    best_drive = tl.zeros((POSITIONS,), potential.dtype.element_ty)
    for m0 in range(0, maps, COLUMNS):
        m = m0 + tl.arange(0, COLUMNS)
        real = (pixel < n_pixels)[:, None] & (m < maps)[None, :]
        spike = tl.load(spikes + m[None, :] * map_stride, mask=real, other=SILENT).to(tl.int32)
        volts = tl.load(drives + m[None, :] * drive_map_stride, mask=real, other=0.0)
        when, most, which = earliest_map(spike, volts, m)
        # maps come in order, so among equals the one found before stays
        better = (when < best) | ((when == best) & (when < SILENT) & (most > best_drive))
        best = tl.where(better, when, best)
        best_drive = tl.where(better, most, best_drive)
        best_map = tl.where(better, which, best_map)
    for m0 in range(0, maps, COLUMNS):
        m = m0 + tl.arange(0, COLUMNS)
        real = (pixel < n_pixels)[:, None] & (m < maps)[None, :]
        mine = m[None, :] == best_map[:, None]
        target = pixel.to(tl.int64)[:, None] * maps + m[None, :]
        tl.store(out + target, tl.where(mine, best[:, None], SILENT).to(tl.uint8), mask=real)
        tl.store(drive + target, tl.where(mine, best_drive[:, None], 0.0), mask=real)
