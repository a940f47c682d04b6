"""Leaky integrate-and-fire neurons whose threshold adapts, over the whole time axis.

    eta[t] = rho eta[t-1] + (1 - rho) s[t-1]                   rho = exp(-1 / tau_adaptation)
    theta[t] = b + beta eta[t]
    u[t] = alpha u[t-1] + (1 - alpha) I[t] - c theta' s[t-1]   alpha = exp(-1 / tau_membrane)
    s[t] = 1 where u[t] > theta[t], else 0

Source: Yin, Corradi and Bohte (2021), Nature Machine Intelligence 3: 905-913, eq. 1-5.
"""

from torch import Tensor

from neurospyke.sim.ops import scan
from neurospyke.sim.ops.scan import NeuronState, Scan


def adaptive_lif_scan(  # noqa: PLR0913 - the equations' arguments
    current: Tensor,
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
    """Spikes of neurons with adapting thresholds, all steps in one call.

        eta[t] = rho eta[t-1] + (1 - rho) s[t-1]                   rho = exp(-1 / tau_adaptation)
        theta[t] = b + beta eta[t]
        u[t] = alpha u[t-1] + (1 - alpha) I[t] - c theta' s[t-1]   alpha = exp(-1 / tau_membrane)
        s[t] = 1 where u[t] > theta[t], else 0

    Args:
        current: float32 or float64 (time, batch, unit), at least one step.
        tau_membrane: (unit,) time constants in steps, finite and above 0.
        tau_adaptation: (unit,) time constants in steps, finite and above 0.
        state: where to start; zero if None. A course cut in two, the second part started from the
            state after the first, gives what the whole gives.
        threshold: b, of a neuron at rest.
        adaptation: beta, by how much a trace of 1 raises the threshold.
        reset: "delayed" subtracts theta' = theta[t], the threshold one step after the spike, as
            published; "immediate" theta' = theta[t-1], the threshold that was crossed.
        reset_decays: True lets what is subtracted decay with the membrane, c = alpha, as published
            nowhere but usual elsewhere; False has c = 1.
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
        With alpha = rho = 1/2: u = 1/2 exceeds 0.4; then eta = 1/2, theta = 0.4 + 0.5, and
        u = 3/4 - 0.9; then eta = 1/4, theta = 0.65, and u = -0.075 + 1/2.

        >>> import math, torch
        >>> tau = torch.tensor([1 / math.log(2)], dtype=torch.float64)
        >>> current = torch.ones(3, 1, 1, dtype=torch.float64)
        >>> settings = {"threshold": 0.4, "adaptation": 1.0, "return_membrane": True}
        >>> out = adaptive_lif_scan(current, tau, tau, **settings)
        >>> out.spikes.flatten().tolist(), out.membrane.flatten().round(decimals=6).tolist()
        ([1.0, 0.0, 0.0], [0.5, -0.15, 0.425])
    """
    return scan.run(
        current,
        None,
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
    tau_membrane: Tensor,
    tau_adaptation: Tensor,
    state: NeuronState | None = None,
    **settings: object,
) -> Scan:
    """The equations line by line; gradients are autograd's."""
    settings = {"threshold": 0.01, "adaptation": 1.8, **settings}
    return scan.reference(current, None, tau_membrane, tau_adaptation, state, **settings)  # type: ignore[arg-type]
