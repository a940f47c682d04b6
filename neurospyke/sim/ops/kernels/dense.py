"""Spiking convolution as an implicit matrix product on the tensor cores.

Rows are (output position, time bin), columns maps, and k runs over a window's inputs:

    A[(p, t), k] = [latency(p, k) <= t]        made in registers from bytes loaded once
    V = A W^T                                  sums in float32, or int32 for whole weights
    latency(p, m) = min over t of t where V[(p, t), m] > threshold[m]

A program takes 128 rows (8 positions by 16 bins where there are that many bins) and goes forward in
time, 16 bins at a stride, until all its units have spiked: potentials never leave the chip, and
weights of any sign are served. Only latencies are written, and the potential at the spike where it
is wanted.

Precision. Weights come as one or two fp16 parts, or as three int8 digits (see `parts`). Tensor
cores cut a running sum off instead of rounding it, so with two parts each block of k is summed from
zero, small parts first, and added to the total in float32 by the ordinary units. Digits need one
total: it is multiplied by 128 on the way from one digit to the next lower, and stays below 2^31.
"""

import triton
import triton.language as tl

from neurospyke.sim.ops.kernels.parts import scaled
from neurospyke.sim.ops.kernels.window import SILENT, corner, read_window

ROWS = 128
NO_MAP = tl.constexpr(2**31 - 1)


def blocks(n_bins: int, maps: int, taps: int, whole: bool) -> dict[str, int]:
    """Sizes of a program's blocks of bins, positions, maps and inputs, and its warps."""
    # the size that leaves fewer bins over, the larger where they tie
    bins = min(16, triton.next_power_of_2(n_bins))
    if triton.cdiv(n_bins, 8) * 8 < triton.cdiv(n_bins, bins) * bins:
        bins = 8
    # the largest that were found to spill no registers: few bins are many positions to be held
    columns = 128 if maps > 64 and bins == 16 else 64 if maps > 32 and bins >= 4 else 32
    # small windows waste less in small blocks; int8 products take at least 32 inputs
    inputs = 64 if taps > 256 or (whole and taps > 32) else 32
    return {
        "BINS": bins,
        "POSITIONS": ROWS // bins,
        "COLUMNS": columns,
        "INPUTS": inputs,
        "num_warps": 4 if bins == 16 and columns < 128 else 8,
        "num_stages": 3,
        "enable_fp_fusion": False,
    }


@triton.jit
def positions_of(pixel, n_pixels, slide):
    """Sample, row and column of a block of positions; those left over read nothing."""
    sample, row, column = corner(pixel, slide)
    # a row far above every input: nothing is inside
    return sample, tl.where(pixel < n_pixels, row, -(2**30)), column


@triton.jit
def potentials(
    latency,
    frame,
    where,
    times,
    parts,
    m,
    maps,
    n_inputs,
    taps,
    channels: tl.constexpr,
    width: tl.constexpr,
    PARTS: tl.constexpr,
    POSITIONS: tl.constexpr,
    BINS: tl.constexpr,
    COLUMNS: tl.constexpr,
    INPUTS: tl.constexpr,
):
    """V of every (position, bin) in a row and every map `m` in a column, in steps of the parts."""
    sample, row, column = where
    WHOLE: tl.constexpr = PARTS == 3
    total_type: tl.constexpr = tl.int32 if WHOLE else tl.float32
    part_type: tl.constexpr = tl.int8 if WHOLE else tl.float16
    total = tl.zeros((POSITIONS * BINS, COLUMNS), total_type)
    plane = maps.to(tl.int64) * n_inputs
    weights = parts + m.to(tl.int64)[None, :] * n_inputs
    for turn in tl.static_range(PARTS if WHOLE else 1):
        if WHOLE:
            total = total * 128
        for k0 in range(0, n_inputs, INPUTS):
            k = k0 + tl.arange(0, INPUTS)
            # k on the first axis, so that neighbouring threads read neighbouring bytes
            spike = read_window(
                latency,
                frame,
                sample[None, :],
                row[None, :],
                column[None, :],
                k[:, None],
                (k < taps)[:, None],
                channels,
                width,
            )
            spiked = tl.trans(spike)[:, None, :] <= times[None, :, None]
            a = tl.reshape(spiked.to(part_type), (POSITIONS * BINS, INPUTS))
            place = weights + k[:, None]
            if WHOLE:
                digit = tl.load(place + (PARTS - 1 - turn) * plane, mask=m[None, :] < maps, other=0)
                total = tl.dot(a, digit, total, out_dtype=tl.int32)
            elif PARTS == 2:
                low = tl.load(place + plane, mask=m[None, :] < maps, other=0.0)
                high = tl.load(place, mask=m[None, :] < maps, other=0.0)
                total += tl.dot(a, high, tl.dot(a, low))
            else:
                high = tl.load(place, mask=m[None, :] < maps, other=0.0)
                total = tl.dot(a, high, total)
    return total


@triton.jit
def first_crossings(
    total, steps, times, n_bins, POSITIONS: tl.constexpr, BINS: tl.constexpr, COLUMNS: tl.constexpr
):
    """First bin (silent where none) and total in it, (position, map), of the bins at hand."""
    total = tl.reshape(total, (POSITIONS, BINS, COLUMNS))
    when = times[None, :, None]
    crossing = (total > steps[None, None, :]) & (when < n_bins)
    first = tl.min(tl.where(crossing, when, SILENT), axis=1)
    # silence is no bin, so nothing is picked there
    at = tl.where(when == first[:, None, :], total, tl.zeros_like(total))
    return first, tl.sum(at, axis=1)


@triton.jit(do_not_specialize=["fewest", "maps", "n_bins", "start"])
def dense_convolution(  # noqa: PLR0915 - arguments and stores, one a line
    latency,
    parts,
    steps,
    exponent,
    count,
    fewest,
    out,
    potential,
    work,
    maps,
    n_inputs,
    n_bins,
    start,
    n_pixels,
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
    PARTS: tl.constexpr,
    WANTED: tl.constexpr,
    ASKED: tl.constexpr,
    COUNTED: tl.constexpr,
    POSITIONS: tl.constexpr,
    BINS: tl.constexpr,
    COLUMNS: tl.constexpr,
    INPUTS: tl.constexpr,
):
    if ASKED:  # noqa: SIM102 - where it is False, nothing may be loaded
        if tl.load(count) < fewest:
            return
    pixel = tl.program_id(0) * POSITIONS + tl.arange(0, POSITIONS)
    m = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    real = (pixel < n_pixels)[:, None] & (m < maps)[None, :]
    slide = (out_height, out_width, down, across, top, left)
    frame = (height, width, sample_stride, channel_stride, row_stride, column_stride)
    where = positions_of(pixel, n_pixels, slide)
    step = tl.load(steps + m, mask=m < maps, other=0)
    place = pixel.to(tl.int64)[:, None] * maps + m[None, :]
    # what is found waits in memory: in registers it would be held many times over
    tl.store(out + place, tl.full((POSITIONS, COLUMNS), SILENT, tl.uint8), mask=real)
    if WANTED:
        nothing = tl.zeros((POSITIONS, COLUMNS), potential.dtype.element_ty)
        tl.store(potential + place, nothing, mask=real)
    waiting = tl.full((), True, tl.int1)
    t0 = start
    while (t0 < n_bins) & waiting:
        times = t0 + tl.arange(0, BINS)
        total = potentials(
            latency,
            frame,
            where,
            times,
            parts,
            m,
            maps,
            n_inputs,
            taps,
            channels,
            kernel_width,
            PARTS,
            POSITIONS,
            BINS,
            COLUMNS,
            INPUTS,
        )
        now, at = first_crossings(total, step, times, n_bins, POSITIONS, BINS, COLUMNS)
        # what one thread has written another may read
        tl.debug_barrier()
        # units that do not exist must not keep the others waiting
        before = tl.load(out + place, mask=real, other=0).to(tl.int32)
        tl.debug_barrier()
        new = (before == SILENT) & (now < SILENT)
        tl.store(out + place, now.to(tl.uint8), mask=new)
        if WANTED:
            tl.store(potential + place, at.to(potential.dtype.element_ty), mask=new)
        waiting = tl.max(((before == SILENT) & (now == SILENT)).to(tl.int32)) > 0
        t0 += BINS
        if COUNTED:
            tl.atomic_add(work, 1)
    if WANTED:
        # from steps to potentials where the values lie apart, not in the registers of the sums
        tl.debug_barrier()
        e = tl.load(exponent + m, mask=m < maps, other=0)
        total = tl.load(potential + place, mask=real, other=0.0)
        tl.debug_barrier()
        tl.store(potential + place, scaled(total, e[None, :]), mask=real)


@triton.jit(do_not_specialize=["fewest", "maps", "n_bins", "start"])
def dense_inhibition(  # noqa: PLR0915 - arguments and stores, one a line
    latency,
    parts,
    steps,
    exponent,
    count,
    fewest,
    out,
    winner,
    potential,
    work,
    maps,
    n_inputs,
    n_bins,
    start,
    n_pixels,
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
    PARTS: tl.constexpr,
    ASKED: tl.constexpr,
    COUNTED: tl.constexpr,
    POSITIONS: tl.constexpr,
    BINS: tl.constexpr,
    COLUMNS: tl.constexpr,
    INPUTS: tl.constexpr,
):
    if ASKED:  # noqa: SIM102 - where it is False, nothing may be loaded
        if tl.load(count) < fewest:
            return
    pixel = tl.program_id(0) * POSITIONS + tl.arange(0, POSITIONS)
    slide = (out_height, out_width, down, across, top, left)
    frame = (height, width, sample_stride, channel_stride, row_stride, column_stride)
    where = positions_of(pixel, n_pixels, slide)
    volt_type: tl.constexpr = potential.dtype.element_ty
    best = tl.where(pixel < n_pixels, SILENT, 0)
    best_volts = tl.zeros((POSITIONS,), volt_type)
    best_map = tl.full((POSITIONS,), -1, tl.int32)
    t0 = start
    while (t0 < n_bins) & (tl.max(best) == SILENT):
        times = t0 + tl.arange(0, BINS)
        for m0 in range(0, maps, COLUMNS):
            m = m0 + tl.arange(0, COLUMNS)
            total = potentials(
                latency,
                frame,
                where,
                times,
                parts,
                m,
                maps,
                n_inputs,
                taps,
                channels,
                kernel_width,
                PARTS,
                POSITIONS,
                BINS,
                COLUMNS,
                INPUTS,
            )
            step = tl.load(steps + m, mask=m < maps, other=0)
            now, at = first_crossings(total, step, times, n_bins, POSITIONS, BINS, COLUMNS)
            now = tl.where((m < maps)[None, :], now, SILENT)
            e = tl.load(exponent + m, mask=m < maps, other=0)
            when, most, which = earliest_map(now, scaled(at.to(volt_type), e[None, :]), m)
            # maps come in order, so among equals the one found before stays
            better = (when < best) | ((when == best) & (when < SILENT) & (most > best_volts))
            best = tl.where(better, when, best)
            best_volts = tl.where(better, most, best_volts)
            best_map = tl.where(better, which, best_map)
        t0 += BINS
        if COUNTED:
            tl.atomic_add(work, 1)
    real = pixel < n_pixels
    tl.store(out + pixel, best.to(tl.uint8), mask=real)
    tl.store(winner + pixel, best_map.to(tl.int64), mask=real)
    tl.store(potential + pixel, best_volts, mask=real)


@triton.jit
def earliest_map(spike, volts, m):
    """Earliest bin of each row, then the largest potential in it, then the lowest map there."""
    when = tl.min(spike, axis=1)
    left = (spike == when[:, None]) & (spike < SILENT)
    most = tl.max(tl.where(left, volts, -float("inf")), axis=1)
    left = left & (volts == most[:, None])
    return when, most, tl.min(tl.where(left, m[None, :], NO_MAP), axis=1)
