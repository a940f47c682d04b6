"""What the scans of leaky neurons share: state, equations, and the op that computes them.

    eta[t] = rho eta[t-1] + (1 - rho) s[t-1]                       adaptation trace
    theta[t] = b + beta eta[t]                                     threshold
    u[t] = alpha u[t-1] + (1 - alpha) (I[t] + R s[t-1]) - c theta' s[t-1]
    s[t] = 1 where u[t] > theta[t], else 0

    reset "delayed"     theta' = theta[t], the threshold of the step in which the reset is felt
    reset "immediate"   theta' = theta[t-1], the threshold that was crossed
    reset_decays        c = alpha, as if subtracted at once; else c = 1

The way back is the adjoint of these lines, with ds/d(u - theta) a surrogate's and nothing detached.
Kept for it are spikes, membranes, and the trace before every eighth step; traces between are
computed anew, and the current follows from the equation of the membrane.

Source: Yin, Corradi and Bohte (2021), Nature Machine Intelligence 3: 905-913, eq. 1-5 for reset
"delayed" without decay.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from neurospyke.sim.ops import native, native_scan, torch_scan
from neurospyke.sim.ops.native_scan import CHECKPOINT, Course, Neurons
from neurospyke.sim.ops.registration import define, define_fake, refuse_gradient, register_gpu
from neurospyke.sim.surrogate import check_surrogate, spike


class NeuronState(NamedTuple):
    """What neurons remember from one step to the next.

    Args:
        membrane: (batch, unit).
        spikes: (batch, unit), of the last step; 0 or 1, or what the first step is to take for it.
        trace: (batch, unit) adaptation trace; None for neurons that do not adapt.
    """

    membrane: Tensor
    spikes: Tensor
    trace: Tensor | None = None


class Scan(NamedTuple):
    """What a scan gives.

    Args:
        spikes: (time, batch, unit), 0 or 1.
        membrane: (time, batch, unit) before its reset, as compared with the threshold; None
            unless asked for.
        state: after the last step, to go on from.
    """

    spikes: Tensor
    membrane: Tensor | None
    state: NeuronState


def run(  # noqa: PLR0913 - the equations' arguments
    current: Tensor,
    weight: Tensor | None,
    tau_membrane: Tensor,
    tau_adaptation: Tensor | None,
    state: NeuronState | None,
    *,
    threshold: float,
    adaptation: float = 0.0,
    reset: str = "delayed",
    reset_decays: bool = False,
    surrogate: str = "multi_gaussian",
    return_membrane: bool = False,
) -> Scan:
    """Check the arguments of a scan and compute it."""
    check_current(current)
    check_weight(weight, current)
    state = checked_state(state, current, tau_adaptation is not None)
    check_surrogate(surrogate)
    check_reset(reset)
    check_number("threshold", threshold)
    check_number("adaptation", adaptation)
    decay = decay_of(tau_membrane, "tau_membrane", current)
    trace_decay = None
    if tau_adaptation is not None:
        trace_decay = decay_of(tau_adaptation, "tau_adaptation", current)
    given = [current, weight, decay, trace_decay, *state]
    learns = torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in given)
    spikes, membrane, _, membrane_end, trace_end = _scan(
        current,
        weight,
        decay,
        trace_decay,
        state.membrane,
        state.spikes,
        state.trace,
        float(threshold),
        float(adaptation),
        reset == "immediate",
        reset_decays,
        surrogate,
        return_membrane or learns,
        learns,
    )
    end = NeuronState(membrane_end, spikes[-1], None if trace_decay is None else trace_end)
    return Scan(spikes, membrane if return_membrane else None, end)


def reference(  # noqa: PLR0913 - the equations' arguments
    current: Tensor,
    weight: Tensor | None,
    tau_membrane: Tensor,
    tau_adaptation: Tensor | None,
    state: NeuronState | None,
    *,
    threshold: float,
    adaptation: float = 0.0,
    reset: str = "delayed",
    reset_decays: bool = False,
    surrogate: str = "multi_gaussian",
    return_membrane: bool = False,
) -> Scan:
    """The equations line by line; gradients are autograd's."""
    state = checked_state(state, current, tau_adaptation is not None)
    u, s, eta = state
    alpha = torch.exp(-1 / tau_membrane)
    factor = alpha if reset_decays else torch.ones_like(alpha)
    theta: Tensor | float = threshold if eta is None else threshold + adaptation * eta
    spikes, membrane = [], []
    for step in current.unbind(0):
        crossed = theta
        if eta is not None:
            assert tau_adaptation is not None
            rho = torch.exp(-1 / tau_adaptation)
            eta = rho * eta + (1 - rho) * s
            theta = threshold + adaptation * eta
        felt = crossed if reset == "immediate" else theta
        total = step if weight is None else step + s @ weight.T
        u = (alpha * u + (1 - alpha) * total) - factor * felt * s
        s = spike(u - theta, surrogate)
        spikes.append(s)
        membrane.append(u)
    end = NeuronState(u, s, eta)
    return Scan(torch.stack(spikes), torch.stack(membrane) if return_membrane else None, end)


@define
def _scan(  # noqa: PLR0913, PLR0917
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
    adapts = trace_decay is not None
    course = _course(current, keep_membrane, keep_traces and adapts, adapts)
    neurons = _neurons(
        decay,
        trace_decay,
        membrane_start,
        spikes_start,
        trace_start,
        threshold,
        adaptation,
        immediate,
        reset_decays,
    )
    if native.available(current):
        rows = None if weight is None else weight.T.contiguous()
        native_scan.scan(current.contiguous(), rows, neurons, course)
        return course
    torch_scan.scan(current, weight, neurons, course)
    return course


@define_fake(_scan)
def _(
    current: Tensor, weight: Tensor | None, decay: Tensor, trace_decay: Tensor | None, *others: Any
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    del weight, decay
    *_, keep_membrane, keep_traces = others
    adapts = trace_decay is not None
    return _course(current, keep_membrane, keep_traces and adapts, adapts)


register_gpu(_scan)


@define
def _scan_gradient(  # noqa: PLR0913, PLR0917
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
    """Gradients of current, weight, decays and the three parts of the state."""
    neurons = _neurons(
        decay,
        trace_decay,
        membrane_start,
        spikes_start,
        trace_start,
        threshold,
        adaptation,
        immediate,
        reset_decays,
    )
    given = (of_spikes, of_membrane, of_membrane_end, of_trace_end)
    gradients = tuple(None if each is None else each.contiguous() for each in given)
    course = Course(spikes.contiguous(), membrane.contiguous(), traces, membrane, membrane)
    outs = _outs(spikes, weight, trace_decay is not None)
    if not native.available(spikes):
        torch_scan.scan_gradient(gradients, weight, neurons, course, surrogate, outs)
        return outs
    rows = None if weight is None else weight.contiguous()
    per_row = spikes.new_empty((2, *spikes.shape[1:]))
    if not spikes.numel():
        outs[1].zero_()
    native_scan.scan_gradient(
        gradients, rows, neurons, course, surrogate, (*outs[:2], *per_row.unbind(0), *outs[4:])
    )
    torch.sum(per_row[0], 0, out=outs[2])
    if trace_decay is not None:
        torch.sum(per_row[1], 0, out=outs[3])
    if weight is not None:
        outs[1].copy_(outs[1].T.contiguous())  # the kernel has it (from, to)
    return outs


@define_fake(_scan_gradient)
def _(*given: Any) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    spikes, _, _, weight, _, trace_decay = given[4:10]
    return _outs(spikes, weight, trace_decay is not None)


register_gpu(_scan_gradient)
refuse_gradient(_scan_gradient)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    _, weight, decay, trace_decay, membrane, spikes, trace, *settings, _, _ = inputs
    ctx.settings = settings
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*output[:3], weight, decay, trace_decay, membrane, spikes, trace)


def _back(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
    of_spikes, of_membrane, _, of_membrane_end, of_trace_end = gradients
    weight, trace_decay = ctx.saved_tensors[3], ctx.saved_tensors[5]
    current, recurrent, decay, traced, membrane, spikes, trace = _scan_gradient(
        of_spikes, of_membrane, of_membrane_end, of_trace_end, *ctx.saved_tensors, *ctx.settings
    )
    return (
        current,
        None if weight is None else recurrent,
        decay,
        None if trace_decay is None else traced,
        membrane,
        spikes,
        None if trace_decay is None else trace,
        *(None,) * 7,
    )


torch.library.register_autograd(_scan, _back, setup_context=_keep)


def _course(current: Tensor, membrane: bool, traces: bool, adapts: bool) -> Course:
    """Memory for what a scan gives."""
    time, batch, units = current.shape
    nothing, whole = (0,), (time, batch, units)
    kept = (-(-time // CHECKPOINT), batch, units)
    return Course(
        current.new_empty(whole),
        current.new_empty(whole if membrane else nothing),
        current.new_empty(kept if traces else nothing),
        current.new_empty((batch, units)),
        current.new_empty((batch, units) if adapts else nothing),
    )


def _outs(
    spikes: Tensor, weight: Tensor | None, adapts: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    _, batch, units = spikes.shape
    state = (batch, units)
    return (
        spikes.new_empty(spikes.shape),
        spikes.new_empty(0 if weight is None else (units, units)),
        spikes.new_empty(units),
        spikes.new_empty(units if adapts else 0),
        spikes.new_empty(state),
        spikes.new_empty(state),
        spikes.new_empty(state if adapts else 0),
    )


def _neurons(  # noqa: PLR0913, PLR0917
    decay: Tensor,
    trace_decay: Tensor | None,
    membrane: Tensor,
    spikes: Tensor,
    trace: Tensor | None,
    threshold: float,
    adaptation: float,
    immediate: bool,
    reset_decays: bool,
) -> Neurons:
    return Neurons(
        decay.contiguous(),
        None if trace_decay is None else trace_decay.contiguous(),
        membrane.contiguous(),
        spikes.contiguous(),
        membrane.new_empty(0) if trace is None else trace.contiguous(),
        threshold,
        adaptation,
        immediate,
        reset_decays,
    )


def decay_of(tau: Tensor, name: str, current: Tensor) -> Tensor:
    """exp(-1 / tau), after a look at the time constants.

    Raises:
        TypeError: no tensor of the dtype of `current`.
        ValueError: not one for each unit, or one that is NaN, infinite, zero or negative.
    """
    if not isinstance(tau, Tensor) or tau.dtype != current.dtype:
        kind = tau.dtype if isinstance(tau, Tensor) else type(tau).__name__
        raise TypeError(f"`{name}` must be a {current.dtype} tensor as `current` is; got {kind}")
    if tau.shape != current.shape[2:]:
        raise ValueError(
            f"`{name}` must have one time constant a unit, shape ({current.shape[2]},); "
            f"got {tuple(tau.shape)}"
        )
    if not torch.compiler.is_compiling() and not bool(((tau > 0) & tau.isfinite()).all()):
        wrong = tau.detach()[~((tau > 0) & tau.isfinite())]
        raise ValueError(
            f"`{name}` must be finite and above 0 steps; got {wrong[0].item()} in {len(wrong)} of "
            f"{len(tau)} units; learn its logarithm, as AdaptiveLIF does"
        )
    return torch.exp(-1 / tau)


def check_current(current: Tensor) -> None:
    """Refuse what is not a course of input currents.

    Raises:
        TypeError: no float32 or float64 tensor.
        ValueError: axes do not fit, or there is no step or no unit.
    """
    if not isinstance(current, Tensor) or current.dtype not in {torch.float32, torch.float64}:
        kind = current.dtype if isinstance(current, Tensor) else type(current).__name__
        raise TypeError(f"`current` must be a float32 or float64 tensor; got {kind}")
    if current.ndim != 3 or not current.shape[0] or not current.shape[2]:
        raise ValueError(
            "`current` must have axes (time, batch, unit), at least one step and one unit; "
            f"got shape {tuple(current.shape)}"
        )


def check_weight(weight: Tensor | None, current: Tensor) -> None:
    """Refuse recurrent weights that do not fit.

    Raises:
        TypeError: no tensor of the dtype of `current`.
        ValueError: axes do not fit.
    """
    if weight is None:
        return
    if not isinstance(weight, Tensor) or weight.dtype != current.dtype:
        kind = weight.dtype if isinstance(weight, Tensor) else type(weight).__name__
        raise TypeError(f"`weight` must be a {current.dtype} tensor as `current` is; got {kind}")
    units = current.shape[2]
    if weight.shape != (units, units):
        raise ValueError(
            f"`weight` must have axes (to, from), shape ({units}, {units}); "
            f"got {tuple(weight.shape)}"
        )


def checked_state(state: NeuronState | None, current: Tensor, adapts: bool) -> NeuronState:
    """The state to start from; all zero where none is given.

    Raises:
        TypeError: no `NeuronState`, or of another dtype than `current`.
        ValueError: axes do not fit, or a trace is missing.
    """
    shape = current.shape[1:]
    if state is None:
        zeros = [current.new_zeros(shape) for _ in range(3)]
        return NeuronState(zeros[0], zeros[1], zeros[2] if adapts else None)
    if not isinstance(state, NeuronState):
        raise TypeError(f"`state` must be a NeuronState or None; got {type(state).__name__}")
    if adapts and state.trace is None:
        raise ValueError("`state` must have a trace for neurons that adapt; got None")
    state = state if adapts else state._replace(trace=None)
    for name, part in zip(state._fields, state, strict=True):
        if part is not None and (part.shape != shape or part.dtype != current.dtype):
            raise ValueError(
                f"`state` must be {current.dtype} of axes (batch, unit), shape {tuple(shape)}; "
                f"got {part.dtype} of shape {tuple(part.shape)} as its {name}"
            )
    return state


def check_reset(reset: str) -> None:
    """Refuse a reset that there is not.

    Raises:
        ValueError: it is neither.
    """
    if reset not in {"delayed", "immediate"}:
        raise ValueError(f'`reset` must be "delayed" or "immediate"; got {reset!r}')


def check_number(name: str, value: float) -> None:
    """Refuse what is not a finite number.

    Raises:
        TypeError: no number.
        ValueError: NaN or infinite.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"`{name}` must be a number; got {type(value).__name__}")
    if not math.isfinite(value):
        raise ValueError(f"`{name}` must be finite; got {value}")
