import math
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from neurospyke.sim.neurons import LONGEST, SHORTEST, AdaptiveLIF, Bidirectional, LeakyIntegrator
from neurospyke.sim.ops.adaptive_lif_scan import adaptive_lif_scan
from neurospyke.sim.ops.lif_scan import lif_scan
from neurospyke.sim.ops.stream_linear import stream_linear
from tests.conformance import assert_same


def layer(**more: Any) -> Any:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(5, 3, generator=generator)
    tau: Any = torch.linspace(5, 30, 5)
    return AdaptiveLIF(
        weight, tau, tau * 5, recurrent=torch.randn(5, 5, generator=generator), **more
    )


@settings(deadline=None, max_examples=40)
@given(st.floats(-1e30, 1e30))
@example(524293.0)  # sums with such numbers lose the digits of the bound
@example(8388620.0)
def test_whatever_is_learned_a_time_constant_stays_one(value):
    one = layer()
    with torch.no_grad():
        one.log_tau_membrane.fill_(value)
        one.log_tau_adaptation.fill_(-value)
    for tau in (one.tau_membrane, one.tau_adaptation):
        assert tau.min() >= SHORTEST * 0.99
        assert tau.max() <= LONGEST * 1.01
    out = one(torch.ones(4, 2, 3))
    assert out.membrane.isfinite().all()


def test_a_time_constant_at_its_bound_can_come_back():
    one = layer()
    with torch.no_grad():
        one.log_tau_membrane.fill_(math.log(LONGEST) + 1)
    one.tau_membrane.sum().backward()
    assert (one.log_tau_membrane.grad > 0).all()


def test_a_trace_never_grows():
    one = layer()
    with torch.no_grad():
        one.log_tau_adaptation.fill_(1e6)
    state = one.start(2)
    out = one(torch.full((500, 2, 3), 5.0), state)
    assert out.state.trace.max() <= max(1.0, state.trace.max())


def test_the_start_is_as_asked_for():
    one = layer(threshold=0.3, initial=(2.0, 0.5))
    zero = one.start(4)
    assert zero.membrane.abs().max() == 0
    assert zero.trace.unique().tolist() == pytest.approx([0.3])
    drawn = one.start(4, torch.Generator().manual_seed(1))
    assert_same(drawn.membrane, 4 * drawn.spikes)
    assert 0 < drawn.membrane.max() < 2


def test_a_recurrent_layer_of_constant_thresholds_takes_no_trace():
    one = AdaptiveLIF(torch.ones(2, 1), torch.ones(2), recurrent=torch.zeros(2, 2), threshold=0.5)
    plain = AdaptiveLIF(torch.ones(2, 1), torch.ones(2), threshold=0.5)
    inputs = torch.rand(20, 3, 1) * 2
    assert_same(one(inputs).spikes, plain(inputs).spikes)
    cut = one(inputs[9:], one(inputs[:9]).state).spikes
    assert_same(cut, one(inputs).spikes[9:])


def test_a_leaky_integrator_never_spikes_and_is_a_running_mean():
    one: Any = LeakyIntegrator(
        torch.ones(1, 1), torch.tensor([1 / math.log(2)]), bias=torch.ones(1)
    )
    out = one(torch.tensor([1.0, 0.0, 3.0]).view(3, 1, 1))
    # halves: 1, then (1 + 1) / 2, then (1 + 4) / 2
    assert out.membrane.flatten().tolist() == pytest.approx([1.0, 1.0, 2.5])
    assert out.spikes.sum() == 0
    out.membrane.sum().backward()
    assert all(each.grad.isfinite().all() for each in one.parameters())


@pytest.mark.parametrize(
    ("change", "other_course"),
    [
        ({"reset": "immediate"}, True),
        ({"reset_decays": True}, True),
        ({"surrogate": "linear"}, False),
        ({"adaptation": 0.5}, True),
    ],
)
def test_settings_reach_the_op(change, other_course):
    generator = torch.Generator().manual_seed(0)
    inputs = 8 * torch.rand(40, 3, 3, generator=generator)
    weight, tau = torch.rand(5, 3, generator=generator), torch.linspace(5, 30, 5)
    plain: Any = AdaptiveLIF(weight, tau, 5 * tau, threshold=0.2)
    one: Any = AdaptiveLIF(weight, tau, 5 * tau, threshold=0.2, **change)
    found, leaf = one(inputs), weight.clone().requires_grad_()
    settings: dict[str, Any] = {"threshold": 0.2, "return_membrane": True, **change}
    taus = one.tau_membrane.detach(), one.tau_adaptation.detach()
    expected: Any = adaptive_lif_scan(stream_linear(inputs, leaf), *taus, one.start(3), **settings)
    assert_same(found.membrane, expected.membrane)
    gradients = [
        torch.autograd.grad(out.membrane.square().sum(), by)[0]
        for out, by in ((found, one.weight), (expected, leaf), (plain(inputs), plain.weight))
    ]
    assert_same(gradients[0], gradients[1])
    assert not torch.equal(gradients[0], gradients[2])
    assert torch.equal(found.spikes, plain(inputs).spikes) != other_course


def test_a_layer_of_constant_thresholds_resets_as_it_is_asked_to():
    inputs, tau = torch.full((20, 1, 1), 3.0), torch.full((1,), 5.0)
    one: Any = AdaptiveLIF(torch.ones(1, 1), tau, threshold=0.5, reset_decays=True)
    settings: dict[str, Any] = {"threshold": 0.5, "return_membrane": True}
    expected: Any = lif_scan(inputs, one.tau_membrane, reset_decays=True, **settings)
    assert_same(one(inputs).membrane, expected.membrane)
    assert not torch.equal(lif_scan(inputs, one.tau_membrane, **settings).spikes, expected.spikes)


def test_both_directions_start_from_their_own_state():
    sides = [layer(threshold=0.3, initial=(2.0, 0.5)) for _ in range(2)]
    both = Bidirectional(*sides)
    inputs = torch.rand(20, 4, 3)
    start = both.start(4, torch.Generator().manual_seed(1))
    out: Any = both(inputs, start)
    ahead, behind = sides[0](inputs, start[0]), sides[1](inputs.flip(0), start[1])
    assert not torch.equal(start[0].membrane, start[1].membrane)
    assert_same(out.spikes, torch.cat([ahead.spikes, behind.spikes.flip(0)], 2))
    assert_same(out.membrane, torch.cat([ahead.membrane, behind.membrane.flip(0)], 2))
    assert_same(list(out.state[0]), list(ahead.state))
    assert_same(list(out.state[1]), list(behind.state))


def test_a_leaky_integrator_goes_on_from_a_state():
    one = LeakyIntegrator(torch.rand(2, 3), torch.tensor([3.0, 8.0]))
    inputs = torch.rand(20, 4, 3)
    whole, head = one(inputs), one(inputs[:7])
    assert_same(one(inputs[7:], head.state).membrane, whole.membrane[7:])


def test_bad_input_is_refused_by_name():
    weight, tau = torch.ones(2, 3), torch.ones(2)
    for change, error, message in [
        ({"weight": weight.int()}, TypeError, "`weight` must be a tensor of"),
        ({"weight": weight * float("nan")}, ValueError, "`weight` must be finite"),
        ({"tau_membrane": tau[:1]}, ValueError, "`tau_membrane` must have 1 axes of 2 units"),
        ({"tau_membrane": tau * float("nan")}, ValueError, "`tau_membrane` must be from"),
        ({"tau_adaptation": -tau}, ValueError, "`tau_adaptation` must be from .* -1.0 in unit 0"),
        ({"recurrent": weight}, ValueError, "`recurrent` must have 2 axes of 2 units"),
        ({"bias": tau.double()}, TypeError, "`bias` must be a tensor of"),
        ({"surrogate": "box"}, ValueError, "`surrogate` must be one of"),
        ({"initial": (1.0,)}, ValueError, "`initial` must be two factors"),
        ({"initial": (float("nan"), 0.0)}, ValueError, "`initial` must be finite"),
    ]:
        with pytest.raises(error, match=message):
            AdaptiveLIF(**{"weight": weight, "tau_membrane": tau, **change})
    one = AdaptiveLIF(weight, tau)
    with pytest.raises(ValueError, match="`inputs` must have axes"):
        one(torch.zeros(4, 2, 2))
    with pytest.raises(TypeError, match="`inputs` must be a"):
        one(torch.zeros(4, 2, 3).double())
    other = AdaptiveLIF(torch.ones(2, 4), tau)
    for sides, steps, error, message in [
        ((one, one), 0, ValueError, "`steps` must be a whole number from 1 up"),
        ((one, one), 1.5, ValueError, "`steps` must be a whole number from 1 up"),
        ((one, other), 1, ValueError, "`backwards` must have the 3 channels of `forwards`; got 4"),
        ((LeakyIntegrator(weight, tau), one), 1, TypeError, "`forwards` must be an AdaptiveLIF"),
    ]:
        with pytest.raises(error, match=message):
            Bidirectional(*sides, steps=steps)
    with pytest.raises(TypeError, match=r"`inputs` must be a .* got list"):
        Bidirectional(one, one)([1.0])
