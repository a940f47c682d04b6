import math
from typing import Any

import pytest
import torch

from neurospyke.sim.ops.lif_scan import lif_scan, reference
from tests.conformance import assert_same
from tests.sim.ops.scans import check_scan, inputs

run: Any = lif_scan  # with arguments from lists
judged: Any = reference


@pytest.mark.parametrize("size", [(20, 3, 37), (1, 1, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_conforms(size, dtype):
    given = inputs(*size, dtype=dtype)
    check_scan(run, judged, given.state, given.current, given.tau_membrane)


def test_an_exact_tie_waits():
    # alpha = 1/2 and a current of 1: u = 1/2, then 3/4; a threshold of 1/2 is met, not exceeded
    tau = torch.tensor([1 / math.log(2)], dtype=torch.float64)
    out = run(torch.ones(2, 1, 1).double(), tau, threshold=0.5)
    assert out.spikes.flatten().tolist() == [0.0, 1.0]


def test_a_reset_that_decays_is_one_at_once():
    tau = torch.tensor([1 / math.log(2)], dtype=torch.float64)
    current = torch.tensor([2.0, 0.0], dtype=torch.float64).view(2, 1, 1)
    settings: dict[str, Any] = {"threshold": 0.5, "return_membrane": True}
    late = run(current, tau, **settings)
    once = run(current, tau, reset_decays=True, **settings)
    # u = 1; then 1/2 - 1/2, or (1 - 1/2) / 2
    torch.testing.assert_close(late.membrane.flatten(), torch.tensor([1.0, 0.0]).double())
    torch.testing.assert_close(once.membrane.flatten(), torch.tensor([1.0, 0.25]).double())


def test_a_state_keeps_its_trace_out():
    given = inputs(5, 2, 3)
    with_trace = run(given.current, given.tau_membrane, given.state)
    without = run(given.current, given.tau_membrane, given.state._replace(trace=None))
    assert with_trace.state.trace is None
    assert_same(with_trace.spikes, without.spikes)
