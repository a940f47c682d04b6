"""Layers of leaky neurons as modules over the scans: streams in, streams out.

Streams have axes (time, batch, unit). Time constants are learned as logarithms, held between
`SHORTEST` and `LONGEST` steps: a step of learning multiplies them, so that none can become zero,
negative or NaN, as those learned directly have done in published weights.
"""

import math
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from neurospyke.sim.ops.adaptive_lif_scan import adaptive_lif_scan
from neurospyke.sim.ops.lif_scan import lif_scan
from neurospyke.sim.ops.recurrent_adaptive_lif_scan import recurrent_adaptive_lif_scan
from neurospyke.sim.ops.scan import NeuronState, Scan, check_number, check_reset
from neurospyke.sim.ops.stream_linear import stream_linear
from neurospyke.sim.surrogate import check_surrogate
from neurospyke.sim.whole import check_whole

SHORTEST = 0.01  # steps: nothing of a membrane is left after one
LONGEST = 1e5  # steps: in float32, 1 - exp(-1 / tau) still has two digits
_OUT_OF_REACH = 1e30


@runtime_checkable
class StreamLayer(Protocol):
    """What a network of streams is made of."""

    @property
    def n_units(self) -> int:
        """Number of units."""
        ...

    def start(self, n_samples: int, generator: torch.Generator | None = None) -> Any:
        """State before the first step; random only with a generator."""
        ...

    def __call__(self, inputs: Tensor, state: Any = None) -> Scan:
        """Spikes, membrane and last state."""
        ...


class AdaptiveLIF(nn.Module):
    """Spiking layer: weighted input, leaky membranes, thresholds that adapt; equations in the op.

        I[t] = W x[t] + b_W + R s[t-1] + b_R

    Args:
        weight: float32 or float64 (unit, channel).
        tau_membrane: (unit,) initial time constants in steps, finite and above 0.
        tau_adaptation: (unit,), the same for the threshold; None for constant thresholds.
        bias: (unit,); zero if None.
        recurrent: R (to, from); None for a feed-forward layer.
        threshold: b, of a neuron at rest.
        adaptation: beta; of no meaning without `tau_adaptation`.
        reset: "delayed" or "immediate", see the op.
        reset_decays: whether what is subtracted decays, see the op.
        surrogate: name of the spike's derivative.
        initial: factors of one uniform draw in [0, 1) that give the first membrane and the first
            spikes where the start is random; (0, 0) starts from zero. The trace starts from the
            threshold, as published.

    Raises:
        TypeError: an argument is of the wrong type or dtype.
        ValueError: axes do not fit, or a time constant is NaN, infinite, zero or negative.

    Source:
        Yin, Corradi and Bohte (2021), Nature Machine Intelligence 3: 905-913.

    Example:
        >>> layer = AdaptiveLIF(torch.ones(2, 3), torch.full((2,), 20.0), torch.full((2,), 100.0))
        >>> layer(torch.ones(5, 1, 3)).spikes.shape
        torch.Size([5, 1, 2])
    """

    def __init__(  # noqa: PLR0913 - the equations' arguments
        self,
        weight: Tensor,
        tau_membrane: Tensor,
        tau_adaptation: Tensor | None = None,
        *,
        bias: Tensor | None = None,
        recurrent: Tensor | None = None,
        threshold: float = 0.01,
        adaptation: float = 1.8,
        reset: str = "delayed",
        reset_decays: bool = False,
        surrogate: str = "multi_gaussian",
        initial: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        super().__init__()
        self.weight = _parameter("weight", weight, None, 2)
        units = (len(weight),)
        self.bias = _parameter("bias", weight.new_zeros(units) if bias is None else bias, weight)
        self.recurrent = None
        if recurrent is not None:
            self.recurrent = _parameter("recurrent", recurrent, weight, 2)
        self.log_tau_membrane = _log_tau("tau_membrane", tau_membrane, weight)
        self.log_tau_adaptation = None
        if tau_adaptation is not None:
            self.log_tau_adaptation = _log_tau("tau_adaptation", tau_adaptation, weight)
        check_number("threshold", threshold)
        check_number("adaptation", adaptation)
        check_reset(reset)
        check_surrogate(surrogate)
        self.threshold, self.adaptation = threshold, adaptation
        self.reset, self.reset_decays, self.surrogate = reset, reset_decays, surrogate
        self.initial = _factors(initial)

    @property
    def n_units(self) -> int:
        """Number of neurons."""
        return len(self.weight)

    @property
    def tau_membrane(self) -> Tensor:
        """Time constants of the membrane in steps, (unit,)."""
        return _held(self.log_tau_membrane)

    @property
    def tau_adaptation(self) -> Tensor | None:
        """Time constants of the threshold in steps, (unit,), or None."""
        return None if self.log_tau_adaptation is None else _held(self.log_tau_adaptation)

    def start(self, n_samples: int, generator: torch.Generator | None = None) -> NeuronState:
        """State before the first step.

        Args:
            n_samples: samples in the batch.
            generator: source of the draw that `initial` scales; None starts membranes and spikes
                from zero.

        Returns:
            State (batch, unit).
        """
        shape = (n_samples, self.n_units)
        drawn = self.weight.new_zeros(shape)
        if generator is not None:
            drawn = torch.rand(shape, generator=generator, dtype=drawn.dtype).to(drawn.device)
        adapts = self.log_tau_adaptation is not None
        trace = torch.full_like(drawn, self.threshold) if adapts else None
        return NeuronState(self.initial[0] * drawn, self.initial[1] * drawn, trace)

    def forward(self, inputs: Tensor, state: NeuronState | None = None) -> Scan:
        """Spikes and membranes (time, batch, unit), and the last state.

        Args:
            inputs: (time, batch, channel), dtype of the weights.
            state: where to start; `start` without a generator if None.
        """
        check_inputs(inputs, self.weight)
        current = stream_linear(inputs, self.weight, self.bias)
        state = self.start(inputs.shape[1]) if state is None else state
        settings: dict[str, Any] = {
            "threshold": self.threshold,
            "reset_decays": self.reset_decays,
            "surrogate": self.surrogate,
            "return_membrane": True,
        }
        tau = self.tau_adaptation
        if tau is None and self.recurrent is None:
            return lif_scan(current, self.tau_membrane, state, **settings)
        settings |= {"adaptation": self.adaptation, "reset": self.reset}
        if tau is None:
            # a threshold that nothing raises is a constant one
            settings["adaptation"], tau = 0.0, torch.ones_like(self.tau_membrane)
            state = state._replace(trace=torch.zeros_like(state.membrane))
        if self.recurrent is None:
            return adaptive_lif_scan(current, self.tau_membrane, tau, state, **settings)
        return recurrent_adaptive_lif_scan(
            current, self.recurrent, self.tau_membrane, tau, state, **settings
        )

    def extra_repr(self) -> str:
        """Settings, for the module's repr."""
        recurrent = self.recurrent is not None
        return (
            f"weight={tuple(self.weight.shape)}, recurrent={recurrent}, "
            f"threshold={self.threshold:g}, adaptation={self.adaptation:g}, "
            f"surrogate={self.surrogate!r}"
        )


class LeakyIntegrator(nn.Module):
    """Read-out that leaks and never spikes.

        u[t] = alpha u[t-1] + (1 - alpha) (W x[t] + b)        alpha = exp(-1 / tau_membrane)

    Args:
        weight: float32 or float64 (unit, channel).
        tau_membrane: (unit,) initial time constants in steps, finite and above 0.
        bias: (unit,); zero if None.

    Raises:
        TypeError: an argument is of the wrong type or dtype.
        ValueError: axes do not fit, or a time constant is NaN, infinite, zero or negative.

    Source:
        Yin, Corradi and Bohte (2021), Nature Machine Intelligence 3: 905-913.

    Example:
        >>> layer = LeakyIntegrator(torch.ones(1, 1), torch.tensor([1 / math.log(2)]))
        >>> layer(torch.ones(2, 1, 1)).membrane.flatten().tolist()
        [0.5, 0.75]
    """

    def __init__(self, weight: Tensor, tau_membrane: Tensor, *, bias: Tensor | None = None) -> None:
        super().__init__()
        self.weight = _parameter("weight", weight, None, 2)
        zeros = weight.new_zeros(len(weight))
        self.bias = _parameter("bias", zeros if bias is None else bias, weight)
        self.log_tau_membrane = _log_tau("tau_membrane", tau_membrane, weight)

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.weight)

    @property
    def tau_membrane(self) -> Tensor:
        """Time constants in steps, (unit,)."""
        return _held(self.log_tau_membrane)

    def start(self, n_samples: int, generator: torch.Generator | None = None) -> NeuronState:
        """State before the first step: zero, with or without a generator."""
        del generator
        zeros = self.weight.new_zeros((n_samples, self.n_units))
        return NeuronState(zeros, zeros)

    def forward(self, inputs: Tensor, state: NeuronState | None = None) -> Scan:
        """Membranes (time, batch, unit) and the last state; no unit ever spikes."""
        check_inputs(inputs, self.weight)
        current = stream_linear(inputs, self.weight, self.bias)
        settings: dict[str, Any] = {"threshold": _OUT_OF_REACH, "return_membrane": True}
        return lif_scan(current, self.tau_membrane, state, **settings)


class Bidirectional(nn.Module):
    """Two layers, one of which goes through time backwards; their spikes side by side.

    Args:
        forwards: the layer that starts at the first step.
        backwards: the layer that starts at the last one.
        steps: steps whose mean is one step of the output.

    Raises:
        TypeError: a layer of another kind.
        ValueError: layers of different channels, or `steps` below 1.

    Source:
        Yin, Corradi and Bohte (2021), Nature Machine Intelligence 3: 905-913, the TIMIT network.

    Example:
        >>> sides = [AdaptiveLIF(torch.ones(1, 1), torch.ones(1)) for _ in range(2)]
        >>> Bidirectional(*sides, steps=2)(torch.ones(6, 1, 1)).spikes.shape
        torch.Size([3, 1, 2])
    """

    def __init__(self, forwards: AdaptiveLIF, backwards: AdaptiveLIF, *, steps: int = 1) -> None:
        super().__init__()
        check_whole("steps", steps, 1)
        for name, layer in (("forwards", forwards), ("backwards", backwards)):
            if not isinstance(layer, AdaptiveLIF):
                raise TypeError(f"`{name}` must be an AdaptiveLIF; got {type(layer).__name__}")
        channels = [layer.weight.shape[1] for layer in (forwards, backwards)]
        if channels[0] != channels[1]:
            raise ValueError(
                f"`backwards` must have the {channels[0]} channels of `forwards`; got {channels[1]}"
            )
        self.forwards, self.backwards, self.steps = forwards, backwards, steps

    @property
    def n_units(self) -> int:
        """Number of neurons in both."""
        return self.forwards.n_units + self.backwards.n_units

    def start(
        self, n_samples: int, generator: torch.Generator | None = None
    ) -> tuple[NeuronState, NeuronState]:
        """States of both layers before their first step."""
        return self.forwards.start(n_samples, generator), self.backwards.start(n_samples, generator)

    def forward(self, inputs: Tensor, state: tuple[NeuronState, NeuronState] | None = None) -> Scan:
        """Spikes and membranes (time / steps, batch, unit); needs the whole course.

        Raises:
            ValueError: `inputs` are no whole number of `steps`.
        """
        check_inputs(inputs, self.forwards.weight)
        if len(inputs) % self.steps:
            raise ValueError(
                f"`inputs` must have a multiple of {self.steps} steps; got {len(inputs)}"
            )
        state = self.start(inputs.shape[1]) if state is None else state
        ahead = self.forwards(inputs, state[0])
        behind = self.backwards(inputs.flip(0), state[1])
        spikes, membrane = (
            torch.cat([one, other.flip(0)], 2).unflatten(0, (-1, self.steps)).mean(1)
            for one, other in zip(ahead[:2], behind[:2], strict=True)
        )
        return Scan(spikes, membrane, (ahead.state, behind.state))  # pyright: ignore[reportArgumentType]


def check_inputs(inputs: Tensor, weight: Tensor) -> None:
    """Refuse inputs that a layer cannot take.

    Raises:
        TypeError: no tensor of the dtype of `weight`.
        ValueError: axes do not fit.
    """
    if not isinstance(inputs, Tensor) or inputs.dtype != weight.dtype:
        kind = inputs.dtype if isinstance(inputs, Tensor) else type(inputs).__name__
        raise TypeError(f"`inputs` must be a {weight.dtype} tensor as the weights are; got {kind}")
    if inputs.ndim != 3 or inputs.shape[2] != weight.shape[1] or not len(inputs):
        raise ValueError(
            f"`inputs` must have axes (time, batch, channel) with {weight.shape[1]} channels and "
            f"at least one step; got shape {tuple(inputs.shape)}"
        )


def _parameter(name: str, value: Tensor, weight: Tensor | None, ndim: int = 1) -> nn.Parameter:
    dtypes = {torch.float32, torch.float64} if weight is None else {weight.dtype}
    if not isinstance(value, Tensor) or value.dtype not in dtypes:
        kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
        raise TypeError(f"`{name}` must be a tensor of {sorted(map(str, dtypes))}; got {kind}")
    units = None if weight is None else len(weight)
    if value.ndim != ndim or (units is not None and set(value.shape) != {units}):
        raise ValueError(
            f"`{name}` must have {ndim} axes{'' if units is None else f' of {units} units'}; "
            f"got shape {tuple(value.shape)}"
        )
    if not value.isfinite().all():
        wrong = int((~value.isfinite()).sum())
        raise ValueError(f"`{name}` must be finite; got {wrong} that are not")
    return nn.Parameter(value.detach().clone())


def _factors(initial: tuple[float, float]) -> tuple[float, float]:
    if not isinstance(initial, (tuple, list)) or len(initial) != 2:
        raise ValueError(f"`initial` must be two factors, membrane and spikes; got {initial!r}")
    for factor in initial:
        check_number("initial", factor)
    return initial[0], initial[1]


def _log_tau(name: str, tau: Tensor, weight: Tensor) -> nn.Parameter:
    if isinstance(tau, Tensor) and tau.is_floating_point():
        wrong = torch.nonzero(~((tau >= SHORTEST) & (tau <= LONGEST))).flatten().tolist()
        if wrong:
            raise ValueError(
                f"`{name}` must be from {SHORTEST} to {LONGEST} steps; got {tau[wrong[0]].item()} "
                f"in unit {wrong[0]} and {len(wrong) - 1} more; leave such units out or mend them"
            )
        tau = tau.log()
    return _parameter(name, tau, weight)


def _held(log_tau: Tensor) -> Tensor:
    held = log_tau.clamp(math.log(SHORTEST), math.log(LONGEST))
    # beyond a bound the gradient goes on as at the bound, so that learning can come back; what is
    # added is exactly zero, where a large number would take the bound's digits with it
    return (held.detach() + (log_tau - log_tau.detach())).exp()
