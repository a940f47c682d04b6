"""Scans of leaky neurons on a GPU: a program takes some samples through all of time.

Without recurrent weights every neuron is alone, and a program has a row of them in registers. With
them a program has `ROWS` samples; what its neurons did a step before is read back from memory,
after all threads have written it, and multiplied with the weights block by block.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from neurospyke.sim.ops.native_scan import CHECKPOINT

ROWS, BLOCK = 16, 64


def scan(
    current: Tensor,
    weight: Tensor | None,
    decay: Tensor,
    trace_decay: Tensor | None,
    membrane_start: Tensor,
    spikes_start: Tensor,
    trace_start: Tensor | None,
    threshold: float,
    adaptation: float,
    immediate: bool,
    reset_decays: bool,
    surrogate: str,
    keep_membrane: bool,
    keep_traces: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Arguments as the registered op takes them."""
    time, batch, units = current.shape
    adapts, dense = trace_decay is not None, current.contiguous()
    spikes = torch.empty_like(dense)
    membrane = dense.new_empty((time, batch, units) if keep_membrane else 0)
    keeps = adapts and keep_traces
    traces = dense.new_empty((-(-time // CHECKPOINT), batch, units) if keeps else 0)
    # the state lies in what is given back, and is changed there step by step
    membrane_end = membrane_start.clone(memory_format=torch.contiguous_format)
    trace_end = dense.new_empty(0) if trace_start is None else trace_start.clone()
    if not spikes.numel():
        return spikes, membrane, traces, membrane_end, trace_end
    settings = {
        "ADAPTS": adapts,
        "IMMEDIATE": immediate,
        "DECAYS": reset_decays,
        "RECURRENT": weight is not None,
        "KEEP_MEMBRANE": keep_membrane,
        "KEEP_TRACES": keeps,
        "CHECKPOINT": CHECKPOINT,
        "ROWS": ROWS if weight is not None else 1,
        "BLOCK": BLOCK if weight is not None else 128,
        "DOUBLE": current.dtype == torch.float64,
    }
    rows = settings["ROWS"]
    grid = (triton.cdiv(batch, rows), 1 if weight is not None else triton.cdiv(units, 128))
    with torch.cuda.device_of(current):
        forward[grid](
            dense,
            dense if weight is None else weight.T.contiguous(),
            decay.contiguous(),
            decay if trace_decay is None else trace_decay.contiguous(),
            spikes_start.contiguous(),
            spikes,
            membrane,
            traces,
            membrane_end,
            trace_end,
            torch.tensor([threshold, adaptation], dtype=dense.dtype, device=dense.device),
            time,
            batch,
            units,
            **settings,
            enable_fp_fusion=False,
        )
    return spikes, membrane, traces, membrane_end, trace_end


@triton.jit
def product(
    weight,
    before,
    row,
    batch,
    column,
    units,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
    DOUBLE: tl.constexpr,
):
    """Rows (row, from) times weight (from, to), for a block of columns."""
    total = tl.zeros((ROWS, BLOCK), tl.float64 if DOUBLE else tl.float32)
    for first in range(0, units, BLOCK):
        source = first + tl.arange(0, BLOCK)
        inside = (row[:, None] < batch) & (source[None, :] < units)
        s = tl.load(before + row[:, None] * units + source[None, :], mask=inside, other=0.0)
        fits = (source[:, None] < units) & (column[None, :] < units)
        w = tl.load(weight + source[:, None] * units + column[None, :], mask=fits, other=0.0)
        if DOUBLE:
            total += tl.sum(s[:, :, None] * w[None, :, :], 1)
        else:
            total = tl.dot(s, w, total, input_precision="ieee")
    return total


@triton.jit
def forward(  # noqa: PLR0915 - a step, a line a term
    current,
    weight,
    decay,
    trace_decay,
    spikes_start,
    spikes,
    membrane,
    traces,
    membrane_end,
    trace_end,
    numbers,
    time,
    batch,
    units,
    ADAPTS: tl.constexpr,
    IMMEDIATE: tl.constexpr,
    DECAYS: tl.constexpr,
    RECURRENT: tl.constexpr,
    KEEP_MEMBRANE: tl.constexpr,
    KEEP_TRACES: tl.constexpr,
    CHECKPOINT: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
    DOUBLE: tl.constexpr,
):
    row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    threshold, adaptation = tl.load(numbers), tl.load(numbers + 1)
    whole = batch.to(tl.int64) * units
    first = tl.program_id(1) * BLOCK
    last = units if RECURRENT else first + BLOCK
    for t in range(time):
        before = spikes_start if t == 0 else spikes + (t - 1) * whole
        for start in range(first, last, BLOCK):
            column = start + tl.arange(0, BLOCK)
            place = row[:, None] * units + column[None, :]
            inside = (row[:, None] < batch) & (column[None, :] < units)
            known = column < units
            alpha = tl.load(decay + column, mask=known, other=0.0)[None, :]
            s = tl.load(before + place, mask=inside, other=0.0)
            u = tl.load(membrane_end + place, mask=inside, other=0.0)
            total = tl.load(current + t * whole + place, mask=inside, other=0.0)
            if RECURRENT:
                total += product(weight, before, row, batch, column, units, ROWS, BLOCK, DOUBLE)
            theta = threshold + tl.zeros_like(u)
            felt = theta
            if ADAPTS:
                rho = tl.load(trace_decay + column, mask=known, other=0.0)[None, :]
                old = tl.load(trace_end + place, mask=inside, other=0.0)
                if KEEP_TRACES:  # noqa: SIM102 - one is known when compiling
                    if t % CHECKPOINT == 0:
                        tl.store(traces + t // CHECKPOINT * whole + place, old, mask=inside)
                eta = rho * old + (1.0 - rho) * s
                theta = threshold + adaptation * eta
                felt = threshold + adaptation * old if IMMEDIATE else theta
                tl.store(trace_end + place, eta, mask=inside)
            factor = alpha if DECAYS else tl.zeros_like(alpha) + 1.0
            u = (alpha * u + (1.0 - alpha) * total) - factor * felt * s
            tl.store(membrane_end + place, u, mask=inside)
            tl.store(spikes + t * whole + place, (u > theta).to(u.dtype), mask=inside)
            if KEEP_MEMBRANE:
                tl.store(membrane + t * whole + place, u, mask=inside)
        # the next step reads what other threads have written
        tl.debug_barrier()
