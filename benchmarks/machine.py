"""What this machine can do at most, and what our kernels say they did.

The ceilings that rates are held against: float32 multiply-adds a second in torch's product of
square matrices, and additions a second of rows of weights to a row of sums in registers, for
weights that fit the first-level cache and for such as need the second. One thread; where the
kernels are not built, rows are added by torch.
"""

import time
from collections.abc import Callable

import torch
from workloads import Workload

from neurospyke.sim.ops import native

_MAPS = 128
_ROWS = {"first_level": 24, "second_level": 448}


def peaks() -> dict[str, float]:
    """Multiply-adds and additions a second, in thousands of millions, best of many."""
    torch.set_num_threads(1)
    a, b = torch.rand(1024, 1024), torch.rand(1024, 1024)
    out = torch.empty(1024, 1024)
    product = 1024**3 / _least(lambda: torch.mm(a, b, out=out))
    added = {f"additions_{place}_giga": _additions(rows) / 1e9 for place, rows in _ROWS.items()}
    return {"multiply_adds_giga": product / 1e9, **added}


def work(load: Workload) -> dict[str, int]:
    """What our kernels count in one call: what was done, not what was skipped; {} without them."""
    if not native.available(load.latency):
        return {}
    counters = torch.zeros(len(native.WORK), dtype=torch.int64)
    native.convolution(
        load.latency,
        load.weight,
        load.weight.new_full((load.weight.shape[0],), load.threshold),
        load.n_bins,
        (1, 1),
        (load.padding,) * 4,
        "full",
        return_potential=False,
        work=counters,
    )
    return dict(zip(native.WORK, counters.tolist(), strict=True))


def _additions(rows: int) -> float:
    if native.library() is None:
        row, one = torch.zeros(rows * _MAPS), torch.ones(rows * _MAPS)
        return rows * _MAPS / _least(lambda: row.add_(one))
    repeats = 100_000 // rows
    made = native.row_additions(rows, _MAPS, repeats)
    return made / _least(lambda: native.row_additions(rows, _MAPS, repeats))


def _least(job: Callable[[], object], seconds: float = 0.3) -> float:
    """Least time of a call, of as many as go into `seconds`."""
    job()
    least, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        job()
        least = min(least, time.perf_counter() - start)
    return least
