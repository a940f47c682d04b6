"""Inputs of the scans whose sums are exact, and what a scan gives as a plain list."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from neurospyke.sim.ops.scan import NeuronState, Scan
from tests.conformance import check_op, quarters


class Inputs(NamedTuple):
    current: Tensor
    weight: Tensor
    tau_membrane: Tensor
    tau_adaptation: Tensor
    state: NeuronState


def inputs(time: int, batch: int, units: int, dtype: torch.dtype = torch.float64) -> Inputs:
    """Recurrent sums in quarters are the same in any order; decays are what they are."""
    generator = torch.Generator().manual_seed(5)
    tau = [1 + 20 * torch.rand(units, generator=generator, dtype=torch.float64) for _ in range(2)]
    state = [quarters(batch, units, low=-2, high=4, seed=7 + k, dtype=dtype) for k in range(3)]
    return Inputs(
        quarters(time, batch, units, low=-6, high=8, seed=1, dtype=dtype),
        quarters(units, units, low=-2, high=2, seed=2, dtype=dtype),
        tau[0].to(dtype),
        tau[1].to(dtype),
        NeuronState(*state),
    )


def flat(out: Scan) -> list[Tensor]:
    return [each for each in (out.spikes, out.membrane, *out.state) if each is not None]


def weighted(out: Scan, seed: int = 3) -> Tensor:
    """A loss that depends on everything that a scan gives."""
    generator = torch.Generator().manual_seed(seed)
    parts = [
        (part * torch.randn(part.shape, generator=generator, dtype=torch.float64)).sum()
        for part in flat(out)
    ]
    return torch.stack(parts).sum()


def check_scan(
    run: Callable[..., Scan], judge: Callable[..., Scan], state: NeuronState, *tensors: Tensor
) -> None:
    """Compare a scan with its reference, both from a state and with the membrane returned."""

    def from_flat(scan: Callable[..., Scan]) -> Callable[..., list[Tensor]]:
        def flattened(*given: Tensor) -> list[Tensor]:
            return flat(scan(*given[:-3], NeuronState(*given[-3:]), return_membrane=True))

        return flattened

    check_op(
        from_flat(run),
        torch.ops.neurospyke.scan.default,
        from_flat(judge),
        *tensors,
        *[part for part in state if part is not None],
    )
