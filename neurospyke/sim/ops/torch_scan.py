"""The scans by torch, one step after another: where the compiled kernels are not.

Equations in `scan`. Forwards they give the same bit for bit; backwards they recall all traces at
once, so they take more memory.
"""

import torch
from torch import Tensor

from neurospyke.sim.ops.native_scan import CHECKPOINT, Course, Neurons
from neurospyke.sim.surrogate import SURROGATES


def scan(current: Tensor, weight: Tensor | None, neurons: Neurons, course: Course) -> None:
    """Go through time, writing into `course`; `weight` has axes (to, from)."""
    n, u, s = neurons, neurons.membrane_start, neurons.spikes_start
    factor = _factor(n)
    etas = [n.trace_start]
    theta = crossed = _threshold(n, n.trace_start)
    for t, step in enumerate(current.unbind(0)):
        if n.trace_decay is not None:
            if course.traces.numel() and t % CHECKPOINT == 0:
                course.traces[t // CHECKPOINT] = etas[0]
            etas = [n.trace_decay * etas[0] + (1 - n.trace_decay) * s]
            crossed, theta = theta, _threshold(n, etas[0])
        felt = crossed if n.immediate else theta
        total = step if weight is None else step + s @ weight.T
        u = (n.decay * u + (1 - n.decay) * total) - factor * felt * s
        s = (u > theta).to(u.dtype)
        course.spikes[t] = s
        if course.membrane.numel():
            course.membrane[t] = u
    course.membrane_end.copy_(u)
    if n.trace_decay is not None:
        course.trace_end.copy_(etas[0])


def scan_gradient(  # noqa: PLR0915 - the adjoint, a line a term
    gradients: tuple[Tensor | None, ...],
    weight: Tensor | None,
    neurons: Neurons,
    course: Course,
    surrogate: str,
    outs: tuple[Tensor, ...],
) -> None:
    """Go back through time, writing into `outs`; `weight` and its gradient have axes (to, from)."""
    n, state = neurons, torch.zeros_like(neurons.membrane_start)
    of_spikes, of_membrane, of_membrane_end, of_trace_end = gradients
    of_current, of_weight, of_decay, of_trace_decay, *ends = outs
    spikes = [n.spikes_start, *course.spikes.unbind(0)]
    membrane = [n.membrane_start, *course.membrane.unbind(0)]
    traces = _traces(n, spikes)
    factor, slope = _factor(n), SURROGATES[surrogate]
    to_spikes, to_trace = state, state if of_trace_end is None else of_trace_end
    to_membrane = state if of_membrane_end is None else of_membrane_end
    for each in outs[1:]:
        each.zero_()
    for t in reversed(range(len(course.spikes))):
        s, theta = spikes[t], _threshold(n, traces[t + 1])
        crossed = _threshold(n, traces[t]) if n.immediate else theta
        total = to_spikes if of_spikes is None else of_spikes[t] + to_spikes
        of_distance = total * slope(membrane[t + 1] - theta)
        d = of_distance + to_membrane + (0 if of_membrane is None else of_membrane[t])
        pull = n.adaptation * (factor * s * d)
        to_spikes = -factor * crossed * d
        if n.trace_decay is not None:
            e = to_trace - n.adaptation * of_distance - (0 if n.immediate else pull)
            of_trace_decay.add_((e * (traces[t] - s)).sum(0))
            to_trace = n.trace_decay * e - (pull if n.immediate else 0)
            to_spikes = to_spikes + (1 - n.trace_decay) * e
        of_current[t] = (1 - n.decay) * d
        moved = (membrane[t] - membrane[t + 1]) - factor * crossed * s
        of_decay.add_((d * (moved - n.reset_decays * (1 - n.decay) * crossed * s)).sum(0))
        to_membrane = n.decay * d
        if weight is not None:
            to_spikes = to_spikes + of_current[t] @ weight
            of_weight.add_(of_current[t].T @ s)
    # (1 - alpha)(u[t-1] - I[t]) was summed
    of_decay.div_(1 - n.decay).masked_fill_(n.decay == 1, 0)
    for end, found in zip(ends, (to_membrane, to_spikes, to_trace), strict=True):
        if end.numel():
            end.copy_(found)


def _factor(n: Neurons) -> Tensor:
    return n.decay if n.reset_decays else torch.ones_like(n.decay)


def _threshold(n: Neurons, trace: Tensor) -> Tensor:
    if n.trace_decay is None:
        return torch.full_like(n.membrane_start, n.threshold)
    return n.threshold + n.adaptation * trace


def _traces(n: Neurons, spikes: list[Tensor]) -> list[Tensor]:
    """Traces before the first step and after each; the start's where nothing adapts."""
    traces = [n.trace_start]
    for s in spikes[:-1]:
        decay = n.trace_decay
        traces.append(traces[-1] if decay is None else decay * traces[-1] + (1 - decay) * s)
    return traces
