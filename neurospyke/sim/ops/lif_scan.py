"""Leaky integrate-and-fire neurons over the whole time axis.

    u[t] = alpha u[t-1] + (1 - alpha) I[t] - c b s[t-1]        alpha = exp(-1 / tau_membrane)
    s[t] = 1 where u[t] > b, else 0

A spike is subtracted one step later, without decay (c = 1); with `reset_decays`, c = alpha, as if
subtracted at once. The threshold b is constant, so nothing else depends on when it is subtracted.

Source: Yin, Corradi and Bohte (2021), Nature Machine Intelligence 3: 905-913, without adaptation.
"""

from torch import Tensor

from neurospyke.sim.ops import scan
from neurospyke.sim.ops.scan import NeuronState, Scan


def lif_scan(
    current: Tensor,
    tau_membrane: Tensor,
    state: NeuronState | None = None,
    *,
    threshold: float = 1.0,
    reset_decays: bool = False,
    surrogate: str = "multi_gaussian",
    return_membrane: bool = False,
) -> Scan:
    """Spikes of leaky integrate-and-fire neurons, all steps in one call.

        u[t] = alpha u[t-1] + (1 - alpha) I[t] - c b s[t-1]        alpha = exp(-1 / tau_membrane)
        s[t] = 1 where u[t] > b, else 0

    Args:
        current: float32 or float64 (time, batch, unit), at least one step.
        tau_membrane: (unit,) time constants in steps, finite and above 0.
        state: where to start; zero if None. A course cut in two, the second part started from the
            state after the first, gives what the whole gives.
        threshold: b.
        reset_decays: True resets at once, so that what was subtracted decays with the membrane.
        surrogate: name of the spike's derivative, one of `SURROGATES`.
        return_membrane: True gives the membrane of each step as well.

    Returns:
        Spikes (time, batch, unit), the membrane or None, and the state after the last step.

    Raises:
        TypeError: an argument is of the wrong type or dtype.
        ValueError: axes do not fit, or a time constant is NaN, infinite, zero or negative.

    Source:
        Yin, Corradi and Bohte (2021).

    Example:
        With alpha = 1/2: u = 1/2, 3/4, which exceeds 0.6, then 7/8 - 0.6.

        >>> import math, torch
        >>> tau = torch.tensor([1 / math.log(2)], dtype=torch.float64)
        >>> current = torch.ones(3, 1, 1, dtype=torch.float64)
        >>> out = lif_scan(current, tau, threshold=0.6, return_membrane=True)
        >>> out.spikes.flatten().tolist(), out.membrane.flatten().round(decimals=6).tolist()
        ([0.0, 1.0, 0.0], [0.5, 0.75, 0.275])
    """
    return scan.run(
        current,
        None,
        tau_membrane,
        None,
        state,
        threshold=threshold,
        reset_decays=reset_decays,
        surrogate=surrogate,
        return_membrane=return_membrane,
    )


def reference(
    current: Tensor, tau_membrane: Tensor, state: NeuronState | None = None, **settings: object
) -> Scan:
    """The equations line by line; gradients are autograd's."""
    return scan.reference(
        current, None, tau_membrane, None, state, **{"threshold": 1.0, **settings}
    )  # type: ignore[arg-type]
