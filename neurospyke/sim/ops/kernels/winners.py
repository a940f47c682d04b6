"""k winners take all on a GPU: which neurons of a layer may learn from a sample.

Repeat k times, on what is left of a sample's spikes:

    winner = the earliest spike, then the larger potential, then the lower flat index
    remove the winner's whole map
    with a radius r, remove all maps in the square of side 2 r + 1 round the winner

One program a sample. It removes nothing: each spike is held against the winners found so far,
which stay in registers, so a turn is one pass over the sample and nothing reaches the host.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from neurospyke.sim.ops.kernels.window import SILENT, power_of_two_at_least

FAR = tl.constexpr(2**30)
NOWHERE = tl.constexpr(2**62)


def winners(
    latency: Tensor, potential: Tensor, k: int, radius: int | None, maps: Tensor | None = None
) -> Tensor:
    """int64 (batch, k, 3), rows (map, row, column), -1 where fewer than k are found.

    With `maps` (batch, 1, height, width), `latency` and `potential` have one channel, and the map
    of each position is given.
    """
    found = torch.empty((len(latency), k, 3), dtype=torch.int64, device=latency.device)
    if len(latency) == 0:
        return found
    # no more can win than there are places, or maps where each place has all
    most = latency[0].numel() if maps is not None else latency.shape[1]
    n_ranks = min(k, max(most, 1))
    found.fill_(-1)
    slots = power_of_two_at_least(n_ranks, 2, 2**20)
    given = latency if maps is None else maps
    with torch.cuda.device_of(latency):
        take_all[(len(latency),)](
            latency,
            potential,
            given,
            found,
            k,
            n_ranks,
            *latency.shape[1:],
            0 if radius is None else min(radius, max(latency.shape[2:])),
            *latency.stride(),
            *potential.stride(),
            *given.stride(),
            HAS_RADIUS=radius is not None,
            HAS_MAPS=maps is not None,
            MAPS_INNERMOST=latency.stride(1) == 1,
            SLOTS=slots,
            BLOCK=max(128, 8192 // slots),
            num_warps=8,
            enable_fp_fusion=False,
        )
    return found


@triton.jit
def first_of(spike, drive, index):
    """Whether there is a spike, and the index of the earliest, strongest, first."""
    earliest = tl.min(spike, 0)
    left = (spike == earliest) & (spike < SILENT)
    most = tl.max(tl.where(left, drive, -float("inf")), 0)
    left = left & (drive == most)
    return earliest < SILENT, tl.min(tl.where(left, index, NOWHERE), 0)


@triton.jit
def take_all(  # noqa: PLR0915 - arguments and places, one a line
    latency,
    potential,
    maps,
    found,
    k,
    n_ranks,
    n_maps,
    height,
    width,
    radius,
    sample_stride,
    map_stride,
    row_stride,
    column_stride,
    drive_sample_stride,
    drive_map_stride,
    drive_row_stride,
    drive_column_stride,
    maps_sample_stride,
    maps_map_stride,
    maps_row_stride,
    maps_column_stride,
    HAS_RADIUS: tl.constexpr,
    HAS_MAPS: tl.constexpr,
    MAPS_INNERMOST: tl.constexpr,
    SLOTS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    sample = tl.program_id(0).to(tl.int64)
    spikes, drives = latency + sample * sample_stride, potential + sample * drive_sample_stride
    n = n_maps * height * width
    slot = tl.arange(0, SLOTS)
    # where no winner is yet, nothing is near
    past_map = tl.full((SLOTS,), -2, tl.int64)
    past_row = tl.full((SLOTS,), -FAR, tl.int32)
    past_column = tl.full((SLOTS,), -FAR, tl.int32)
    for rank in range(n_ranks):
        best = tl.full((BLOCK,), SILENT, tl.int32)
        best_drive = tl.zeros((BLOCK,), potential.dtype.element_ty)
        best_index = tl.full((BLOCK,), NOWHERE, tl.int64)
        for e0 in range(0, n, BLOCK):
            e = e0 + tl.arange(0, BLOCK)
            if MAPS_INNERMOST:
                m, position = e % n_maps, e // n_maps
            else:
                m, position = e // (height * width), e % (height * width)
            row, column = position // width, position % width
            place = m * map_stride + row * row_stride + column * column_stride
            spike = tl.load(spikes + place, mask=e < n, other=SILENT).to(tl.int32)
            place = m * drive_map_stride + row * drive_row_stride + column * drive_column_stride
            drive = tl.load(drives + place, mask=e < n, other=0.0)
            own = m.to(tl.int64)
            if HAS_MAPS:
                place = sample * maps_sample_stride + row * maps_row_stride
                own = tl.load(maps + place + column * maps_column_stride, mask=e < n, other=-1)
                spike = tl.where(own < 0, SILENT, spike)
            index = own * height * width + position
            gone = own[:, None] == past_map[None, :]
            if HAS_RADIUS:
                near = tl.abs(row[:, None] - past_row[None, :]) <= radius
                near = near & (tl.abs(column[:, None] - past_column[None, :]) <= radius)
                gone = gone | near
            spike = tl.where(tl.max(gone.to(tl.int32), 1) > 0, SILENT, spike)
            same = (spike == best) & (spike < SILENT)
            better = (spike < best) | (same & (drive > best_drive))
            better = better | (same & (drive == best_drive) & (index < best_index))
            best = tl.where(better, spike, best)
            best_drive = tl.where(better, drive, best_drive)
            best_index = tl.where(better, index, best_index)
        one, index = first_of(best, best_drive, best_index)
        m, position = index // (height * width), (index % (height * width)).to(tl.int32)
        row, column = position // width, position % width
        past_map = tl.where((slot == rank) & one, m, past_map)
        past_row = tl.where((slot == rank) & one, row, past_row)
        past_column = tl.where((slot == rank) & one, column, past_column)
        target = found + (sample * k + rank) * 3
        tl.store(target, tl.where(one, m, -1))
        tl.store(target + 1, tl.where(one, row, -1).to(tl.int64))
        tl.store(target + 2, tl.where(one, column, -1).to(tl.int64))
