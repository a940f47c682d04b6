"""Recurrent neurons whose threshold adapts, over the whole time axis.

    eta[t] = rho eta[t-1] + (1 - rho) s[t-1]
    theta[t] = b + beta eta[t]
    u[t] = alpha u[t-1] + (1 - alpha) (I[t] + R s[t-1]) - c theta' s[t-1]
    s[t] = 1 where u[t] > theta[t], else 0

R s[t-1] is summed over the neurons that spiked, in order of their numbers.

Source: Yin, Corradi and Bohte (2021), Nature Machine Intelligence 3: 905-913, eq. 1-5.
"""

from torch import Tensor

from neurospyke.sim.ops import scan
from neurospyke.sim.ops.scan import NeuronState, Scan


def recurrent_adaptive_lif_scan(  # noqa: PLR0913 - the equations' arguments
    current: Tensor,
    weight: Tensor,
    tau_membrane: Tensor,
    tau_adaptation: Tensor,
    state: NeuronState | None = None,
    *,
    threshold: float = 0.01,
    adaptation: float = 1.8,
    reset: str = "delayed",
    reset_decays: bool = False,
    surrogate: str = "multi_gaussian",
    return_membrane: bool = False,
) -> Scan:
    """Spikes of recurrent neurons with adapting thresholds, all steps in one call.

        eta[t] = rho eta[t-1] + (1 - rho) s[t-1]
        theta[t] = b + beta eta[t]
        u[t] = alpha u[t-1] + (1 - alpha) (I[t] + R s[t-1]) - c theta' s[t-1]
        s[t] = 1 where u[t] > theta[t], else 0

    Args:
        current: float32 or float64 (time, batch, unit), from outside; at least one step.
        weight: R (to, from), of one step's spikes on the next step's current.
        tau_membrane: (unit,) time constants in steps, finite and above 0; alpha = exp(-1 / tau).
        tau_adaptation: (unit,) time constants in steps, finite and above 0; rho = exp(-1 / tau).
        state: where to start; zero if None. A course cut in two, the second part started from the
            state after the first, gives what the whole gives.
        threshold: b, of a neuron at rest.
        adaptation: beta, by how much a trace of 1 raises the threshold; 0 keeps it constant.
        reset: "delayed" subtracts theta' = theta[t], the threshold one step after the spike, as
            published; "immediate" theta' = theta[t-1], the threshold that was crossed.
        reset_decays: True lets what is subtracted decay with the membrane, c = alpha; False, as
            published, has c = 1.
        surrogate: name of the spike's derivative, one of `SURROGATES`.
        return_membrane: True gives the membrane of each step as well.

    Returns:
        Spikes (time, batch, unit), the membrane or None, and the state after the last step.

    Raises:
        TypeError: an argument is of the wrong type or dtype.
        ValueError: axes do not fit, or a time constant is NaN, infinite, zero or negative.

    Source:
        Yin, Corradi and Bohte (2021), eq. 1-5.

    Example:
        With alpha = 1/2, b = 0.4 and no adaptation, a spike excites its own neuron by 2: u = 1/2,
        then 1/4 + 2/2 - 0.4, then 0.85/2 + 2/2 - 0.4.

        >>> import math, torch
        >>> tau = torch.tensor([1 / math.log(2)], dtype=torch.float64)
        >>> current, weight = torch.zeros(3, 1, 1).double(), torch.full((1, 1), 2.0).double()
        >>> current[0] = 1.0
        >>> settings = {"threshold": 0.4, "adaptation": 0.0, "return_membrane": True}
        >>> out = recurrent_adaptive_lif_scan(current, weight, tau, tau, **settings)
        >>> out.membrane.flatten().round(decimals=6).tolist()
        [0.5, 0.85, 1.025]
    """
    return scan.run(
        current,
        weight,
        tau_membrane,
        tau_adaptation,
        state,
        threshold=threshold,
        adaptation=adaptation,
        reset=reset,
        reset_decays=reset_decays,
        surrogate=surrogate,
        return_membrane=return_membrane,
    )


def reference(
    current: Tensor,
    weight: Tensor,
    tau_membrane: Tensor,
    tau_adaptation: Tensor,
    state: NeuronState | None = None,
    **settings: object,
) -> Scan:
    """The equations line by line; gradients are autograd's."""
    settings = {"threshold": 0.01, "adaptation": 1.8, **settings}
    return scan.reference(current, weight, tau_membrane, tau_adaptation, state, **settings)  # type: ignore[arg-type]
