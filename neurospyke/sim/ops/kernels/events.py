"""Spiking convolution event by event, in time order, for sparse inputs and for exact sums.

For each output position, with the inputs (latency, k) of its window that spike:

    for each bin t with news:  V[m] += sum over k with latency(k) = t of weight[k, m]
                               maps with V[m] > threshold[m] spike at t
    until every map has spiked, or nothing is left to come

V is float32, float64, or int32 for whole weights: the dtype of the weights as they come. Threads
run over maps, so that an event is one row of weights. The first bin is looked at even if nothing
happens in it, because a threshold below zero is crossed in silence.

A program goes through many positions, one after the other, with one list of events in memory for
all of them (some 10 kB, which stays in the cache): once for the window, in the order of k, and a
second one for the bin at hand. Bins are summed in the order of k, so results never differ between
runs.
"""

import triton
import triton.language as tl

from neurospyke.sim.ops.kernels.dense import earliest_map
from neurospyke.sim.ops.kernels.parts import scaled
from neurospyke.sim.ops.kernels.window import SILENT, corner, power_of_two_at_least, read_window

# A list entry is latency * 2^23 + k.
PLACE = tl.constexpr(2**23)
MOST_TAPS = 2**23
PROGRAMS = 2048
LIST_BYTES = 2**26


def programs(n_pixels: int, taps: int) -> int:
    """Number of programs, each with its own lists: enough to fill a GPU and no more."""
    return max(1, min(n_pixels, PROGRAMS, LIST_BYTES // (8 * max(taps, 1))))


def blocks(maps: int, taps: int) -> dict[str, int]:
    """Sizes of a program's blocks of maps, events and inputs, and its warps."""
    columns = power_of_two_at_least(maps, 32, 512)
    return {
        "COLUMNS": columns,
        "EVENTS": 8,
        "INPUTS": power_of_two_at_least(taps, 32, 256),
        "num_warps": max(1, columns // 128),
        "enable_fp_fusion": False,
    }


@triton.jit
def list_events(
    latency,
    frame,
    where,
    events,
    taps,
    n_bins,
    start,
    channels: tl.constexpr,
    width: tl.constexpr,
    INPUTS: tl.constexpr,
):
    """Write the window's events to `events`, in the order of k; bins before `start` count as it."""
    sample, row, column = where
    n = 0
    for k0 in range(0, taps, INPUTS):
        k = k0 + tl.arange(0, INPUTS)
        spike = read_window(latency, frame, sample, row, column, k, k < taps, channels, width)
        mine = (spike < n_bins).to(tl.int32)
        entry = tl.maximum(spike, start) * PLACE + k
        tl.store(events + n + tl.cumsum(mine, 0) - 1, entry, mask=mine > 0)
        n += tl.sum(mine, 0)
    return n


@triton.jit
def list_bin(events, n, t, turn, INPUTS: tl.constexpr):
    """Write the k of bin `t` to `turn`; how many they are, and the next bin with news."""
    n_turn = 0
    later = tl.full((), SILENT, tl.int32)
    for e0 in range(0, n, INPUTS):
        e = e0 + tl.arange(0, INPUTS)
        entry = tl.load(events + e, mask=e < n, other=0)
        spike = tl.where(e < n, entry // PLACE, SILENT)
        mine = (spike == t).to(tl.int32)
        tl.store(turn + n_turn + tl.cumsum(mine, 0) - 1, entry % PLACE, mask=mine > 0)
        n_turn += tl.sum(mine, 0)
        later = tl.minimum(later, tl.min(tl.where(spike > t, spike, SILENT), 0))
    return n_turn, later


@triton.jit
def add_rows(total, weight, turn, n_turn, m, maps, EVENTS: tl.constexpr):
    """Add the rows of weights of the events in `turn`, several loads in flight at once."""
    for e0 in range(0, n_turn, EVENTS):
        e = e0 + tl.arange(0, EVENTS)
        k = tl.load(turn + e, mask=e < n_turn, other=0).to(tl.int64)
        there = (e < n_turn)[:, None] & (m < maps)[None, :]
        rows = tl.load(weight + k[:, None] * maps + m[None, :], mask=there, other=0)
        total += tl.sum(rows, axis=0)
    return total


@triton.jit
def first_spikes(
    events,
    n,
    turn,
    weight,
    steps,
    work,
    m,
    maps,
    start,
    last,
    ONE: tl.constexpr,
    COUNTED: tl.constexpr,
    COLUMNS: tl.constexpr,
    EVENTS: tl.constexpr,
    INPUTS: tl.constexpr,
):
    """First bin up to `last` of a block of maps, and V in it; with ONE, stop at the first spike."""
    step = tl.load(steps + m, mask=m < maps, other=0)
    total = tl.zeros((COLUMNS,), weight.dtype.element_ty)
    drive = total
    # units that do not exist must not keep the others waiting
    first = tl.where(m < maps, SILENT, 0)
    t = start
    while t <= last:
        n_turn, later = list_bin(events, n, t, turn, INPUTS)
        tl.debug_barrier()
        total = add_rows(total, weight, turn, n_turn, m, maps, EVENTS)
        tl.debug_barrier()
        crossing = (first == SILENT) & (total > step)
        first = tl.where(crossing, t, first)
        drive = tl.where(crossing, total, drive)
        finished = tl.max(first) < SILENT
        if ONE:
            finished = tl.max(crossing.to(tl.int32)) > 0
        t = tl.where(finished, SILENT, later)
        if COUNTED:
            tl.atomic_add(work, n_turn)
            tl.atomic_add(work + 1, 1)
    return first, drive


@triton.jit(do_not_specialize=["fewest", "maps", "n_bins", "start"])
def event_convolution(  # noqa: C901, PLR0915 - arguments and stores, one a line
    latency,
    weight,
    steps,
    exponent,
    count,
    fewest,
    lists,
    out,
    winner,
    potential,
    work,
    maps,
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
    WHOLE: tl.constexpr,
    INHIBITED: tl.constexpr,
    WANTED: tl.constexpr,
    ASKED: tl.constexpr,
    COUNTED: tl.constexpr,
    COLUMNS: tl.constexpr,
    EVENTS: tl.constexpr,
    INPUTS: tl.constexpr,
):
    if ASKED:  # noqa: SIM102 - where it is False, nothing may be loaded
        if tl.load(count) >= fewest:
            return
    slide = (out_height, out_width, down, across, top, left)
    frame = (height, width, sample_stride, channel_stride, row_stride, column_stride)
    events = lists + tl.program_id(0).to(tl.int64) * 2 * taps
    turn = events + taps
    for pixel in range(tl.program_id(0), n_pixels, tl.num_programs(0)):
        # the lists are about to be overwritten: nobody may still be reading them
        tl.debug_barrier()
        where = corner(pixel, slide)
        n = list_events(
            latency, frame, where, events, taps, n_bins, start, channels, kernel_width, INPUTS
        )
        tl.debug_barrier()
        best = tl.full((), SILENT, tl.int32)
        best_map = tl.full((), -1, tl.int32)
        best_volts = tl.full((), 0.0, potential.dtype.element_ty)
        for m0 in range(0, maps, COLUMNS):
            m = m0 + tl.arange(0, COLUMNS)
            # a later spike than that of the maps before cannot win
            last = tl.minimum(best, n_bins - 1)
            first, drive = first_spikes(
                events,
                n,
                turn,
                weight,
                steps,
                work,
                m,
                maps,
                start,
                last,
                INHIBITED,
                COUNTED,
                COLUMNS,
                EVENTS,
                INPUTS,
            )
            volts = drive.to(potential.dtype.element_ty)
            if WHOLE:
                volts = scaled(volts, tl.load(exponent + m, mask=m < maps, other=0))
            if INHIBITED:
                first = tl.where(m < maps, first, SILENT)[None, :]
                when, most, which = earliest_map(first, volts[None, :], m)
                when, most, which = tl.min(when, 0), tl.max(most, 0), tl.min(which, 0)
                better = (when < best) | ((when == best) & (when < SILENT) & (most > best_volts))
                best = tl.where(better, when, best)
                best_volts = tl.where(better, most, best_volts)
                best_map = tl.where(better, which, best_map)
            else:
                place = tl.cast(pixel, tl.int64) * maps + m
                tl.store(out + place, first.to(tl.uint8), mask=m < maps)
                if WANTED:
                    tl.store(potential + place, volts, mask=m < maps)
        if INHIBITED:
            tl.store(out + pixel, best.to(tl.uint8))
            tl.store(winner + pixel, best_map.to(tl.int64))
            tl.store(potential + pixel, best_volts)
