from typing import Any, cast

import pytest
import torch
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from neurospyke.sim.ops.adaptive_lif_scan import adaptive_lif_scan
from neurospyke.sim.ops.recurrent_adaptive_lif_scan import recurrent_adaptive_lif_scan, reference
from neurospyke.sim.ops.scan import NeuronState
from tests.conformance import assert_same
from tests.sim.ops.scans import check_scan, inputs

run: Any = recurrent_adaptive_lif_scan  # with arguments from lists
judged: Any = reference


@pytest.mark.parametrize("size", [(20, 3, 37), (1, 1, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_conforms(size, dtype):
    given = inputs(*size, dtype=dtype)
    check_scan(
        run,
        judged,
        given.state,
        given.current,
        given.weight,
        given.tau_membrane,
        given.tau_adaptation,
    )


def test_without_weights_it_is_feed_forward():
    given = inputs(30, 3, 20)
    alone = adaptive_lif_scan(given.current, *given[2:])
    out = run(given.current, torch.zeros(20, 20).double(), *given[2:])
    assert_same(out.spikes, alone.spikes)


def test_a_spike_is_felt_by_others_one_step_later():
    weight = torch.tensor([[0.0, 0.0], [4.0, 0.0]])
    current = torch.zeros(3, 1, 2)
    current[0, 0, 0] = 50.0
    tau = torch.full((2,), 10.0)
    settings: dict[str, Any] = {"threshold": 0.3, "adaptation": 1.0}
    out = run(current, weight, tau, tau, **settings)
    assert out.spikes[:, 0].tolist()[:2] == [[1.0, 0.0], [1.0, 1.0]]


@settings(max_examples=15, deadline=None)
@drawn(units=st.integers(1, 40), seed=st.integers(0, 99))
def test_neurons_may_be_renumbered(units, seed):
    given = inputs(12, 2, units)
    order = torch.randperm(units, generator=torch.Generator().manual_seed(seed))
    out = run(*given)
    turned = run(
        given.current[..., order],
        given.weight[order][:, order],
        given.tau_membrane[order],
        given.tau_adaptation[order],
        NeuronState(*[part[:, order] for part in cast(Any, given.state)]),
    )
    assert_same(turned.spikes, out.spikes[..., order])
