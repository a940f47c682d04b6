"""What ops register beside their own code: a GPU kernel, how vmap maps them, refused gradients."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

# Plain registrations: torch.library.custom_op imports torch's compiler on the first call, which
# takes seconds and more than a hundred megabytes, and costs twice as much on every other.
_LIBRARY = torch.library.Library("neurospyke", "DEF")


def define(function: Callable[..., Any]) -> OpOverload:
    """The custom op neurospyke::<name> of a function _<name>, its schema read from its types.

    Args:
        function: the op on any device that has no kernel of its own.
    """
    name = function.__name__.removeprefix("_")
    _LIBRARY.define(name + torch.library.infer_schema(function, mutates_args=()))
    _LIBRARY.impl(name, function, "CompositeExplicitAutograd")
    return getattr(torch.ops.neurospyke, name).default


def define_fake(op: OpOverload) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate the function that gives an op's outputs their shapes, dtypes and strides.

    Args:
        op: the custom op.
    """
    return torch.library.register_fake(op)


def register_gpu(op: OpOverload) -> None:
    """Run an op on a GPU by the Triton kernel of the same name, imported when first used.

    Args:
        op: the custom op; a file in `kernels`, and a function therein, have its name.
    """
    name = op._schema.name.partition("::")[2]

    def run(*args: Any) -> Any:
        return getattr(import_module(f"neurospyke.sim.ops.kernels.{name}"), name)(*args)

    _LIBRARY.impl(name, run, "CUDA")


def refuse_gradient(op: OpOverload) -> None:
    """Let going back through an op fail, where torch would warn once and pass zero on.

    Args:
        op: a custom op without a gradient.
    """

    def back(*_: Any) -> None:
        raise RuntimeError(
            f"{op._schema.name} has no gradient; detach its inputs or call it under "
            "torch.no_grad(); SpikeTimeLinear, and layers of streams such as AdaptiveLIF, have "
            "first derivatives"
        )

    torch.library.register_autograd(op, back)


def register_vmap(op: OpOverload, *folded: int) -> None:
    """Let torch.vmap map an op: as one larger batch where it can, else one call after another.

    Args:
        op: the custom op.
        folded: positions of its arguments whose first axis is the batch. Where only those are
            mapped over, the mapped axis joins the batch.
    """

    def run(info: Any, in_dims: tuple[Any, ...], *args: Any) -> tuple[Any, Any]:
        size = info.batch_size
        # arguments that are lists have a list of axes, all None
        axes = [axis if isinstance(axis, int) else None for axis in in_dims]
        mapped = [place for place, axis in enumerate(axes) if axis is not None]
        if set(mapped) <= set(folded):
            joined = [
                _join(arg, axes[place], size) if place in folded else arg
                for place, arg in enumerate(args)
            ]
            outs = _each(op(*joined), lambda out: _part(out, size))
        else:
            calls = [
                op(*[_one(arg, axis, at) for arg, axis in zip(args, axes, strict=True)])
                for at in range(size)
            ]
            outs = _stack(calls)
        return outs, _each(outs, lambda _: 0)

    torch.library.register_vmap(op, run)


def _join(arg: Any, axis: int | None, size: int) -> Any:
    if not isinstance(arg, Tensor):
        return arg
    moved = arg.expand(size, *arg.shape) if axis is None else arg.movedim(axis, 0)
    return moved.flatten(0, 1)


def _part(out: Tensor, size: int) -> Tensor:
    # an output that was not asked for has no batch
    return out.expand(size, 0) if out.shape == (0,) else out.unflatten(0, (size, -1))


def _one(arg: Any, axis: int | None, at: int) -> Any:
    return arg if axis is None else arg.select(axis, at)


def _stack(calls: list[Any]) -> Any:
    if isinstance(calls[0], Tensor):
        return torch.stack(calls)
    return tuple(torch.stack(outs) for outs in zip(*calls, strict=True))


def _each(outs: Any, change: Any) -> Any:
    return change(outs) if isinstance(outs, Tensor) else tuple(change(out) for out in outs)
