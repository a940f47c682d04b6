"""Surrogate gradients: what a spike's derivative is taken to be, so that networks can learn.

    s = 1 where x > 0, else 0        x = membrane - threshold
    ds/dx = gamma g(x)               gamma = 0.5

    gaussian         g = N(x; 0, 1/2)                          N(x; m, d): normal density
    multi_gaussian   g = (1 + h) N(x; 0, d) - h N(x; d, 6 d) - h N(x; -d, 6 d)    d = 1/2, h = 0.15
    linear           g = max(0, 1 - |x|)                       0 beyond a distance of one
    slayer           g = exp(-5 |x|)

Source: Yin, Corradi and Bohte (2021), Nature Machine Intelligence 3: 905-913, whose networks learn
with the second; the others, of Bohte (2011), Bellec et al. (2018) and Shrestha and Orchard (2018),
have the constants used there. The authors' code has 6 d for the flanks' deviation.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

GAMMA = 0.5
_WIDTH = 0.5
_HEIGHT = 0.15
_SCALE = 6.0


def gaussian(distance: Tensor) -> Tensor:
    """Derivative of a spike: a normal density of standard deviation 1/2.

        ds/dx = gamma N(x; 0, 1/2)

    Args:
        distance: floating-point, any shape: membrane less threshold.

    Returns:
        Derivatives, same shape, at most 0.399.

    Source:
        Yin, Corradi and Bohte (2021).

    Example:
        >>> round(gaussian(torch.tensor(0.0)).item(), 4)
        0.3989
    """
    return GAMMA * _density(distance, _WIDTH)


def multi_gaussian(distance: Tensor) -> Tensor:
    """Derivative of a spike: a normal density with shallow negative flanks.

        ds/dx = gamma [(1 + h) N(x; 0, d) - h N(x; d, 6 d) - h N(x; -d, 6 d)]    d = 1/2, h = 0.15

    Args:
        distance: floating-point, any shape: membrane less threshold.

    Returns:
        Derivatives, same shape: 0.439 at 0, negative beyond a distance of 1.27.

    Source:
        Yin, Corradi and Bohte (2021), the multi-Gaussian.

    Example:
        >>> [round(value, 3) for value in multi_gaussian(torch.tensor([0.0, 2.0])).tolist()]
        [0.439, -0.016]
    """
    wide = _SCALE * _WIDTH
    flanks = _density(distance - _WIDTH, wide) + _density(distance + _WIDTH, wide)
    return GAMMA * ((1 + _HEIGHT) * _density(distance, _WIDTH) - _HEIGHT * flanks)


def linear(distance: Tensor) -> Tensor:
    """Derivative of a spike: a triangle, 0 from a distance of one on.

        ds/dx = gamma max(0, 1 - |x|)

    Args:
        distance: floating-point, any shape: membrane less threshold.

    Returns:
        Derivatives, same shape, at most 0.5.

    Source:
        Bellec et al. (2018), Advances in Neural Information Processing Systems 31, eq. 3.

    Example:
        >>> linear(torch.tensor([0.0, 0.5, -2.0])).tolist()
        [0.5, 0.25, 0.0]
    """
    return GAMMA * (1 - distance.abs()).clamp(min=0)


def slayer(distance: Tensor) -> Tensor:
    """Derivative of a spike: an exponential to both sides.

        ds/dx = gamma exp(-5 |x|)

    Args:
        distance: floating-point, any shape: membrane less threshold.

    Returns:
        Derivatives, same shape, at most 0.5.

    Source:
        Shrestha and Orchard (2018), Advances in Neural Information Processing Systems 31.

    Example:
        >>> slayer(torch.tensor(0.0)).item()
        0.5
    """
    return GAMMA * torch.exp(-5.0 * distance.abs())


# in the order in which the compiled kernels number them
SURROGATES: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        "gaussian": gaussian,
        "multi_gaussian": multi_gaussian,
        "linear": linear,
        "slayer": slayer,
    }
)


def spike(distance: Tensor, surrogate: str = "multi_gaussian") -> Tensor:
    """Spikes of neurons by the distance from their threshold, with a surrogate gradient.

        s = 1 where x > 0, else 0

    Args:
        distance: floating-point, any shape: membrane less threshold.
        surrogate: one of `SURROGATES`.

    Returns:
        0 or 1, dtype and shape of `distance`; exactly on the threshold is 0.

    Raises:
        TypeError: `distance` is not a floating-point tensor.
        ValueError: there is no such surrogate.

    Source:
        Yin, Corradi and Bohte (2021).

    Example:
        >>> distance = torch.tensor([0.0, 0.5], requires_grad=True)
        >>> fired = spike(distance, "linear")
        >>> fired.sum().backward()
        >>> fired.tolist(), distance.grad.tolist()
        ([0.0, 1.0], [0.5, 0.25])
    """
    check_surrogate(surrogate)
    if not isinstance(distance, Tensor) or not distance.is_floating_point():
        kind = distance.dtype if isinstance(distance, Tensor) else type(distance).__name__
        raise TypeError(f"`distance` must be a floating-point tensor; got {kind}")
    fired = _Spike.apply(distance, surrogate)
    assert isinstance(fired, Tensor)
    return fired


def check_surrogate(surrogate: str) -> None:
    """Refuse a name that is no surrogate's.

    Raises:
        ValueError: it is not.
    """
    if surrogate not in SURROGATES:
        raise ValueError(f"`surrogate` must be one of {list(SURROGATES)}; got {surrogate!r}")


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, distance: Tensor, surrogate: str) -> Tensor:
        ctx.save_for_backward(distance)
        ctx.surrogate = surrogate
        return (distance > 0).to(distance.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        (distance,) = ctx.saved_tensors
        return gradients[0] * SURROGATES[ctx.surrogate](distance), None


def _density(distance: Tensor, deviation: float) -> Tensor:
    scaled = distance / deviation
    return torch.exp(-0.5 * scaled * scaled) / (deviation * math.sqrt(2 * math.pi))
