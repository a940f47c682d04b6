"""What every op must do, checked in one place, and inputs whose arithmetic is exact."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from neurospyke.sim.latency import SILENT


def check_op(op: Callable, registered: Any, reference: Callable, *args: Any, **kwargs: Any) -> None:
    """Hold an op to its reference, to the compiler and to torch's rules for custom operators.

    `registered` is the overload, as in torch.ops.neurospyke.pool.default; it is checked on the
    arguments that `op` hands it. Uninitialised memory is NaN (255 in bytes) all the while, so an
    output left unwritten is seen.
    """
    torch.use_deterministic_algorithms(True)
    try:
        before = [arg.clone() if isinstance(arg, Tensor) else arg for arg in args]
        with _Calls(registered) as calls:
            result = op(*args, **kwargs)
        assert_same(result, reference(*args, **kwargs))
        assert_same(op(*args, **kwargs), result)
        assert_same(op(*[_channels_last(arg) for arg in args], **kwargs), result)
        assert len(calls.seen) == 1, f"{registered} was called {len(calls.seen)} times"
        torch.library.opcheck(registered, calls.seen[0])
        torch.compiler.reset()
        compiled = torch.compile(op, fullgraph=True, backend="aot_eager")
        assert_same(compiled(*args, **kwargs), result)
        assert_same(
            [arg for arg in args if isinstance(arg, Tensor)],
            [arg for arg in before if isinstance(arg, Tensor)],
        )
    finally:
        torch.use_deterministic_algorithms(False)


def assert_same(actual: Tensor | Sequence[Tensor], expected: Tensor | Sequence[Tensor]) -> None:
    """Same dtypes, shapes and values, bit for bit."""
    actual = [actual] if isinstance(actual, Tensor) else actual
    expected = [expected] if isinstance(expected, Tensor) else expected
    assert len(actual) == len(expected)
    for one, other in zip(actual, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def latencies(*shape: int, n_bins: int, seed: int, silent: float = 0.3) -> Tensor:
    """Random latencies, a share of them silent."""
    generator = torch.Generator().manual_seed(seed)
    bins = torch.randint(n_bins, shape, generator=generator, dtype=torch.uint8)
    return bins.masked_fill(torch.rand(shape, generator=generator) < silent, SILENT)


def quarters(
    *shape: int, low: int, high: int, seed: int, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Random multiples of 1/4 in [low / 4, high / 4]: their sums are exact in any order."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(low, high + 1, shape, generator=generator).to(dtype) / 4


def _channels_last(arg: Any) -> Any:
    if isinstance(arg, Tensor) and arg.ndim == 4:
        return arg.contiguous(memory_format=torch.channels_last)
    return arg


class _Calls(TorchDispatchMode):
    """Arguments of every call of one operator."""

    def __init__(self, registered: Any) -> None:
        super().__init__()
        self.registered = registered
        self.seen: list[tuple] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is self.registered:
            self.seen.append(args)
        return func(*args, **(kwargs or {}))
