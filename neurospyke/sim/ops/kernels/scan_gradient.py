"""The adjoint of the scans on a GPU, from the last step to the first.

A program has some samples, as forwards. A first kernel recalls the traces of all steps from the
spikes. Gradients of decays are summed over time here, over samples by torch, and that of the
weights is one product of torch's.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from neurospyke.sim.ops.kernels.scan import BLOCK, ROWS, product
from neurospyke.sim.surrogate import SURROGATES


def scan_gradient(
    of_spikes: Tensor | None,
    of_membrane: Tensor | None,
    of_membrane_end: Tensor | None,
    of_trace_end: Tensor | None,
    spikes: Tensor,
    membrane: Tensor,
    traces: Tensor,
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
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Arguments as the registered op takes them."""
    time, batch, units = spikes.shape
    adapts = trace_decay is not None
    nothing = spikes.new_empty(0)
    of_current = torch.empty_like(spikes)
    to_membrane = _start(of_membrane_end, membrane_start)
    to_spikes = torch.zeros_like(to_membrane)
    to_trace = _start(of_trace_end, membrane_start) if adapts else nothing
    sums = [torch.zeros_like(to_membrane) for _ in range(2)]
    before = torch.cat([spikes_start[None], spikes[:-1]])
    recalled = _recalled(trace_decay, trace_start, before) if adapts else nothing
    if spikes.numel():
        settings = {
            "ADAPTS": adapts,
            "IMMEDIATE": immediate,
            "DECAYS": reset_decays,
            "RECURRENT": weight is not None,
            "HAS_SPIKES": of_spikes is not None,
            "HAS_MEMBRANE": of_membrane is not None,
            "KIND": list(SURROGATES).index(surrogate),
            "ROWS": ROWS if weight is not None else 1,
            "BLOCK": BLOCK if weight is not None else 128,
            "DOUBLE": spikes.dtype == torch.float64,
        }
        grid = (
            triton.cdiv(batch, settings["ROWS"]),
            1 if weight is not None else triton.cdiv(units, 128),
        )
        with torch.cuda.device_of(spikes):
            backward[grid](
                spikes if of_spikes is None else of_spikes.contiguous(),
                spikes if of_membrane is None else of_membrane.contiguous(),
                membrane,
                membrane_start.contiguous(),
                before,
                recalled,
                decay if weight is None else weight.contiguous(),
                decay.contiguous(),
                decay if trace_decay is None else trace_decay.contiguous(),
                of_current,
                to_membrane,
                to_spikes,
                to_trace,
                *sums,
                torch.tensor([threshold, adaptation], dtype=spikes.dtype, device=spikes.device),
                time,
                batch,
                units,
                **settings,
                enable_fp_fusion=False,
            )
    # (1 - alpha)(u[t-1] - I[t]) was summed
    of_decay = (sums[0].sum(0) / (1 - decay)).masked_fill(decay == 1, 0)
    of_weight = nothing if weight is None else of_current.flatten(0, 1).T @ before.flatten(0, 1)
    of_trace = sums[1].sum(0) if adapts else nothing
    return of_current, of_weight, of_decay, of_trace, to_membrane, to_spikes, to_trace


def _start(given: Tensor | None, like: Tensor) -> Tensor:
    dense = torch.zeros_like(like, memory_format=torch.contiguous_format)
    return dense if given is None else dense.copy_(given)


def _recalled(trace_decay: Tensor, trace_start: Tensor, before: Tensor) -> Tensor:
    """Traces before the first step and after each, (time + 1, batch, unit)."""
    time, batch, units = before.shape
    traces = before.new_empty((time + 1, batch, units))
    traces[0] = trace_start
    if before.numel():
        grid = (batch, triton.cdiv(units, 128))
        with torch.cuda.device_of(before):
            recall[grid](
                trace_decay.contiguous(), before, traces, time, batch, units, BLOCK=128,
                enable_fp_fusion=False,
            )  # fmt: skip
    return traces


@triton.jit
def recall(trace_decay, before, traces, time, batch, units, BLOCK: tl.constexpr):
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    place = tl.program_id(0).to(tl.int64) * units + column
    inside = column < units
    whole = batch.to(tl.int64) * units
    rho = tl.load(trace_decay + column, mask=inside, other=0.0)
    eta = tl.load(traces + place, mask=inside, other=0.0)
    for t in range(time):
        s = tl.load(before + t * whole + place, mask=inside, other=0.0)
        eta = rho * eta + (1.0 - rho) * s
        tl.store(traces + (t + 1) * whole + place, eta, mask=inside)


@triton.jit
def slope(x, KIND: tl.constexpr):
    """ds/dx, see `surrogate`."""
    if KIND == 0:
        return 0.5 * 0.7978845608028654 * tl.exp(-2.0 * x * x)
    if KIND == 2:
        return 0.5 * tl.maximum(1.0 - tl.abs(x), 0.0)
    if KIND == 3:
        return 0.5 * tl.exp(-5.0 * tl.abs(x))
    middle = tl.exp(-2.0 * x * x)
    right = tl.exp(-(x - 0.5) * (x - 0.5) / 18.0)
    left = tl.exp(-(x + 0.5) * (x + 0.5) / 18.0)
    return 0.5 * 0.7978845608028654 * (1.15 * middle - 0.025 * (right + left))


@triton.jit
def backward(  # noqa: C901, PLR0915 - a step, a line a term
    of_spikes,
    of_membrane,
    membrane,
    membrane_start,
    spikes_before,
    traces,
    weight,
    decay,
    trace_decay,
    of_current,
    to_membrane,
    to_spikes,
    to_trace,
    of_decay,
    of_trace_decay,
    numbers,
    time,
    batch,
    units,
    ADAPTS: tl.constexpr,
    IMMEDIATE: tl.constexpr,
    DECAYS: tl.constexpr,
    RECURRENT: tl.constexpr,
    HAS_SPIKES: tl.constexpr,
    HAS_MEMBRANE: tl.constexpr,
    KIND: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
    DOUBLE: tl.constexpr,
):
    row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    base, gain = tl.load(numbers), tl.load(numbers + 1)
    whole = batch.to(tl.int64) * units
    first = tl.program_id(1) * BLOCK
    last = units if RECURRENT else first + BLOCK
    for step in range(time):
        t = time - 1 - step
        lower = membrane_start if t == 0 else membrane + (t - 1) * whole
        for start in range(first, last, BLOCK):
            column = start + tl.arange(0, BLOCK)
            known = column < units
            place = row[:, None] * units + column[None, :]
            inside = (row[:, None] < batch) & known[None, :]
            alpha = tl.load(decay + column, mask=known, other=0.0)[None, :]
            factor = alpha if DECAYS else tl.zeros_like(alpha) + 1.0
            s = tl.load(spikes_before + t * whole + place, mask=inside, other=0.0)
            u = tl.load(membrane + t * whole + place, mask=inside, other=0.0)
            theta = base + tl.zeros_like(u)
            felt = theta
            if ADAPTS:
                eta_before = tl.load(traces + t * whole + place, mask=inside, other=0.0)
                eta = tl.load(traces + (t + 1) * whole + place, mask=inside, other=0.0)
                theta = base + gain * eta
                felt = base + gain * eta_before if IMMEDIATE else theta
            total = tl.load(to_spikes + place, mask=inside, other=0.0)
            if HAS_SPIKES:
                total += tl.load(of_spikes + t * whole + place, mask=inside, other=0.0)
            of_distance = total * slope(u - theta, KIND)
            d = of_distance + tl.load(to_membrane + place, mask=inside, other=0.0)
            if HAS_MEMBRANE:
                d += tl.load(of_membrane + t * whole + place, mask=inside, other=0.0)
            back = -factor * felt * d
            if ADAPTS:
                rho = tl.load(trace_decay + column, mask=known, other=0.0)[None, :]
                pull = gain * (factor * s * d)
                e = tl.load(to_trace + place, mask=inside, other=0.0) - gain * of_distance
                if not IMMEDIATE:
                    e -= pull
                so_far = tl.load(of_trace_decay + place, mask=inside, other=0.0)
                tl.store(of_trace_decay + place, so_far + e * (eta_before - s), mask=inside)
                tl.store(to_trace + place, rho * e - (pull if IMMEDIATE else 0.0), mask=inside)
                back += (1.0 - rho) * e
            tl.store(to_spikes + place, back, mask=inside)
            tl.store(of_current + t * whole + place, (1.0 - alpha) * d, mask=inside)
            moved = tl.load(lower + place, mask=inside, other=0.0) - u - factor * felt * s
            if DECAYS:
                moved -= (1.0 - alpha) * felt * s
            so_far = tl.load(of_decay + place, mask=inside, other=0.0)
            tl.store(of_decay + place, so_far + d * moved, mask=inside)
            tl.store(to_membrane + place, alpha * d, mask=inside)
        tl.debug_barrier()
        if RECURRENT:
            now = of_current + t * whole
            for start in range(first, last, BLOCK):
                column = start + tl.arange(0, BLOCK)
                place = row[:, None] * units + column[None, :]
                inside = (row[:, None] < batch) & (column[None, :] < units)
                back = product(weight, now, row, batch, column, units, ROWS, BLOCK, DOUBLE)
                back += tl.load(to_spikes + place, mask=inside, other=0.0)
                tl.store(to_spikes + place, back, mask=inside)
            tl.debug_barrier()
