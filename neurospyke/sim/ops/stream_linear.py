"""Weighted input of streams: current of every unit from channels of which few are active.

    I[t, i] = b + sum over channels c with x[t, i, c] not 0 of x[t, i, c] W[:, c]

Where more than `DENSE` of the inputs are not zero, and where the compiled kernels are not, this is
one dense product. Both are the same but for the order of sums.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from neurospyke.sim.ops import native, native_scan
from neurospyke.sim.ops.registration import define, define_fake, refuse_gradient

DENSE = 0.2  # share of active inputs above which a dense product is faster


def stream_linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Currents of units whose input channels are mostly silent, by adding rows where they are not.

        I[t, i] = b + sum over channels c with x[t, i, c] not 0 of x[t, i, c] W[:, c]

    Args:
        inputs: float32 or float64 (time, batch, channel).
        weight: same dtype, (unit, channel).
        bias: same dtype, (unit,); zero if None.

    Returns:
        (time, batch, unit), dtype of `inputs`.

    Raises:
        TypeError: an argument is no tensor of the dtype of `inputs`.
        ValueError: axes do not fit.

    Source:
        Yin, Corradi and Bohte (2021), Nature Machine Intelligence 3: 905-913, eq. 1.

    Example:
        >>> inputs = torch.tensor([[[0.0, 1.0]], [[0.0, 0.0]]])
        >>> stream_linear(inputs, torch.tensor([[5.0, 2.0]]), torch.tensor([0.5])).tolist()
        [[[2.5]], [[0.5]]]
    """
    _check(inputs, weight, bias)
    return _stream_linear(inputs.flatten(0, 1), weight, bias).unflatten(0, inputs.shape[:2])


def reference(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The equation as a dense product; gradients are autograd's."""
    return linear(inputs, weight, bias)


@define
def _stream_linear(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if native.available(inputs, weight) and inputs.numel() and len(weight):
        out = inputs.new_empty(len(inputs), len(weight))
        start = weight.new_zeros(len(weight)) if bias is None else bias.contiguous()
        table, most = weight.T.contiguous(), int(DENSE * inputs.numel())
        if native_scan.project(inputs.contiguous(), table, start, out, most):
            return out
    return linear(inputs, weight, bias)


@define_fake(_stream_linear)
def _(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return inputs.new_empty(len(inputs), len(weight))


@define
def _stream_linear_gradient(inputs: Tensor, of_out: Tensor) -> Tensor:
    """Gradient of the weights (unit, channel)."""
    if native.available(inputs, of_out) and inputs.numel() and of_out.shape[1]:
        out = inputs.new_empty(inputs.shape[1], of_out.shape[1])
        most = int(DENSE * inputs.numel())
        if native_scan.project_back(inputs.contiguous(), of_out.contiguous(), out, most):
            return out.T.contiguous()
    return of_out.T @ inputs


@define_fake(_stream_linear_gradient)
def _(inputs: Tensor, of_out: Tensor) -> Tensor:
    return inputs.new_empty(of_out.shape[1], inputs.shape[1])


refuse_gradient(_stream_linear_gradient)


def _keep(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor | None], output: Tensor) -> None:
    del output
    ctx.save_for_backward(inputs[0], inputs[1])


def _back(ctx: Any, of_out: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    inputs, weight = ctx.saved_tensors
    wanted = ctx.needs_input_grad
    return (
        of_out @ weight if wanted[0] else None,
        _stream_linear_gradient(inputs, of_out) if wanted[1] else None,
        of_out.sum(0) if wanted[2] else None,
    )


torch.library.register_autograd(_stream_linear, _back, setup_context=_keep)


def _check(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    if not isinstance(inputs, Tensor) or inputs.dtype not in {torch.float32, torch.float64}:
        kind = inputs.dtype if isinstance(inputs, Tensor) else type(inputs).__name__
        raise TypeError(f"`inputs` must be a float32 or float64 tensor; got {kind}")
    if inputs.ndim != 3:
        raise ValueError(
            f"`inputs` must have axes (time, batch, channel); got shape {tuple(inputs.shape)}"
        )
    for name, value, ndim in (("weight", weight, 2), ("bias", bias, 1)):
        if value is None:
            continue
        if not isinstance(value, Tensor) or value.dtype != inputs.dtype:
            kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
            raise TypeError(f"`{name}` must be a {inputs.dtype} tensor as `inputs` is; got {kind}")
        if value.ndim != ndim:
            raise ValueError(f"`{name}` must have {ndim} axes; got shape {tuple(value.shape)}")
    if weight.shape[1] != inputs.shape[2] or (bias is not None and len(bias) != len(weight)):
        raise ValueError(
            f"`weight` must have axes (unit, channel) with {inputs.shape[2]} channels, and `bias` "
            f"one number a unit; got {tuple(weight.shape)}"
        )
