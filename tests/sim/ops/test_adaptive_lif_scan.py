import math
from typing import Any

import pytest
import torch

from neurospyke.sim.ops.adaptive_lif_scan import adaptive_lif_scan, reference
from neurospyke.sim.ops.lif_scan import lif_scan
from tests.conformance import assert_same
from tests.sim.ops.scans import check_scan, inputs

run: Any = adaptive_lif_scan  # with arguments from lists
judged: Any = reference


@pytest.mark.parametrize("size", [(20, 3, 37), (1, 1, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_conforms(size, dtype):
    given = inputs(*size, dtype=dtype)
    check_scan(run, judged, given.state, given.current, given.tau_membrane, given.tau_adaptation)


@pytest.mark.parametrize(("reset", "felt"), [("delayed", 0.9), ("immediate", 0.4)])
def test_the_reset_is_felt_by_the_new_or_the_crossed_threshold(reset, felt):
    tau = torch.tensor([1 / math.log(2)], dtype=torch.float64)
    settings: dict[str, Any] = {"threshold": 0.4, "adaptation": 1.0, "return_membrane": True}
    out = run(torch.ones(2, 1, 1).double(), tau, tau, reset=reset, **settings)
    # u = 1/2 exceeds 0.4; the trace is then 1/2 and the threshold 0.9
    assert out.membrane.flatten().tolist() == pytest.approx([0.5, 0.75 - felt])


def test_without_adaptation_it_is_the_plain_neuron():
    given = inputs(30, 3, 20)
    plain = lif_scan(given.current, given.tau_membrane, threshold=0.2)
    out = run(given.current, *given[2:4], threshold=0.2, adaptation=0.0)
    assert_same(out.spikes, plain.spikes)
    assert_same(out.state.membrane, plain.state.membrane)


def test_adaptation_lowers_the_rate():
    current = torch.full((300, 1, 4), 2.0)
    tau = torch.full((4,), 20.0)
    rates = [
        run(current, tau, tau, threshold=0.5, adaptation=beta).spikes.mean().item()
        for beta in (0.0, 0.5, 2.0)
    ]
    assert rates[0] > rates[1] > rates[2] > 0
