"""What every op must do, checked in one place, and inputs whose arithmetic is exact."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from neurospyke.sim.latency import SILENT
from neurospyke.sim.ops import native


class Path(NamedTuple):
    """A way in which an op may be computed in main memory."""

    instructions: str  # "torch": without the compiled kernels
    threads: int


def instruction_sets() -> list[str]:
    """The instruction sets of the compiled kernels that this machine has; none without kernels."""
    try:
        return [one for one in native.INSTRUCTION_SETS if native.instruction_set(one) == one]
    finally:
        native.instruction_set("best")


def paths() -> list[Path]:
    """Every way in which an op may be computed here: all must give the same."""
    compiled = [Path(one, threads) for one in instruction_sets() for threads in (1, 2)]
    return [*compiled, Path("torch", 1)]


@contextmanager
def computed(path: Path) -> Iterator[None]:
    """Compute ops in one way only."""
    threads, library = torch.get_num_threads(), native.library
    torch.set_num_threads(path.threads)
    if path.instructions != "torch":
        native.instruction_set(path.instructions)
    with patch.object(native, "library", library if path.instructions != "torch" else _no_library):
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            native.instruction_set("best")


def _no_library() -> None:
    return None


def check_op(op: Callable, registered: Any, reference: Callable, *args: Any, **kwargs: Any) -> None:
    """Hold an op to its reference, to the compiler and to torch's rules for custom operators.

    The op is computed with every instruction set, on one thread and two, and by torch alone.
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
        for path in paths():
            with computed(path):
                assert_same(op(*args, **kwargs), result)
                assert_same(op(*[_channels_last(arg) for arg in args], **kwargs), result)
        assert len(calls.seen) == 1, f"{registered} was called {len(calls.seen)} times"
        torch.library.opcheck(registered, calls.seen[0])
        with computed(Path("torch", 1)):
            torch.library.opcheck(registered, calls.seen[0], test_utils="test_faketensor")
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


class Layer(NamedTuple):
    """Sizes and numbers of a convolution."""

    size: tuple[int, int, int, int]  # batch, channel, height, width
    kernel: tuple[int, int, int]  # map, height, width
    threshold: float | str | None  # "each": another for every map
    n_bins: int
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    low: int = -3  # weights, in quarters
    high: int = 4


# Each takes another way through the kernels: signs of weights, thresholds, numbers of maps, inputs.
LAYERS = {
    "signed": Layer((2, 3, 6, 5), (4, 3, 2), 1.0, 6, (2, 1), (1, 0, 2, 3)),
    "growing": Layer((2, 3, 6, 5), (4, 3, 2), 1.0, 6, (1, 2), (0, 2, 1, 0), 0),
    "many bins": Layer((2, 3, 6, 5), (4, 3, 2), "each", 254),
    "read out": Layer((2, 3, 6, 5), (4, 3, 2), None, 6, padding=(1, 1, 1, 1)),
    "many read out": Layer((9, 30, 4, 5), (70, 3, 2), None, 20, (1, 2), (1, 0, 0, 1)),
    "many maps": Layer((1, 2, 4, 3), (300, 2, 2), "each", 9, padding=(0, 1, 0, 1), low=0),
    "many signed maps": Layer((1, 2, 4, 3), (300, 2, 2), 0.5, 9),
    "many inputs": Layer((1, 30, 4, 4), (70, 3, 3), 12.0, 20, low=0),
    "many signed inputs": Layer((1, 30, 4, 4), (7, 3, 3), "each", 20, low=-2),
}


def layer(
    name: str, dtype: torch.dtype = torch.float32
) -> tuple[tuple[Tensor, Tensor, float | Tensor | None], dict[str, Any]]:
    """(latency, weight, threshold), whose sums are exact, and the named arguments."""
    size, (maps, *kernel), threshold, n_bins, stride, padding, low, high = LAYERS[name]
    # a spike in bin n_bins counts as silence
    latency = latencies(*size, n_bins=min(n_bins + 1, 254), seed=0)
    weight = quarters(maps, size[1], *kernel, low=low, high=high, seed=1, dtype=dtype)
    if dtype == torch.float64:
        weight += 2.0**-40  # lost in float32
    each = quarters(maps, low=-2, high=12, seed=2, dtype=dtype)
    floor = each if isinstance(threshold, str) else threshold
    return (latency, weight, floor), {"n_bins": n_bins, "stride": stride, "padding": padding}


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
