"""Times with gradients: two neurons by hand, the op's spikes, the sums written out."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.latency import SILENT
from neurospyke.sim.ops import spike_time_gradient
from neurospyke.sim.ops.spike_time import (
    as_latency,
    as_times,
    reference,
    spike_time_convolution,
    spike_time_linear,
)
from neurospyke.sim.ops.spiking_convolution import spiking_convolution
from neurospyke.sim.ops.spiking_linear import spiking_linear
from tests.conformance import assert_same, check_op, latencies, layer

REGISTERED = torch.ops.neurospyke.spike_time.default


@pytest.mark.parametrize("name", ["signed", "growing", "many bins"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_conforms(name, dtype):
    (latency, weight, threshold), settings = layer(name, dtype)
    times = as_times(latency, settings["n_bins"], dtype)
    times += torch.linspace(-0.9, 0, times.numel(), dtype=dtype).view(times.shape)
    check_op(spike_time_convolution, REGISTERED, reference, times, weight, threshold, **settings)


def test_gradients_conform():
    (latency, weight, _), settings = layer("signed", torch.float64)
    times = as_times(latency, settings["n_bins"], torch.float64).requires_grad_()
    args = (times, weight.requires_grad_(), torch.ones(4, dtype=torch.float64))
    geometry = (settings["n_bins"], settings["stride"], settings["padding"])
    for normalize in (True, False):
        torch.library.opcheck(REGISTERED, (*args, *geometry, normalize, 2))


def slope(leaf):
    """The gradient that has arrived at a leaf."""
    assert leaf.grad is not None
    return leaf.grad


def random(*shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def test_a_chain_of_two_neurons_by_hand():
    """Inputs in bins 1 and 4; h = 1 > 0.5 in bin 1; o = 2 > 1 in bin 1; loss t, so dL/dt_o = 1.

    dL/dv = -1; dL/dt_h = v = 2; dL/dw_1 = -2; the second input is not in time for h.
    """
    times = torch.tensor([[1.0, 4.0]], requires_grad=True)
    w = torch.tensor([[1.0, 7.0]], requires_grad=True)
    v = torch.tensor([[2.0]], requires_grad=True)
    hidden = spike_time_linear(times, w, 0.5, n_bins=6)
    output = spike_time_linear(hidden, v, 1.0, n_bins=6)
    output.sum().backward()
    assert (hidden.item(), output.item()) == (1.0, 1.0)
    assert slope(v).tolist() == [[-1.0]]
    assert slope(w).tolist() == [[-2.0, 0.0]]
    assert slope(times).tolist() == [[2.0, 0.0]]


def test_a_silent_output_learns_from_all_that_spike_and_a_silent_unit_passes_nothing_on():
    times = torch.tensor([[0.0, 5.0, 6.0]], requires_grad=True)
    w = torch.tensor([[1.0, 2.0, 4.0]], requires_grad=True)
    silent = spike_time_linear(times, w, 100.0, n_bins=6)
    v = torch.tensor([[50.0]], requires_grad=True)
    above = spike_time_linear(silent, v, 1.0, n_bins=6)
    assert (silent.item(), above.item()) == (6.0, 6.0)
    above.sum().backward()
    assert slope(v).item() == slope(w).abs().sum() == 0
    spike_time_linear(times, w, 100.0, n_bins=6).sum().backward()
    assert slope(w).tolist() == [[-1.0, -1.0, 0.0]]
    assert slope(times).tolist() == [[1.0, 2.0, 0.0]]


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**31), units=st.integers(1, 4), channels=st.integers(1, 6))
def test_linear_is_the_op_with_the_sums_written_out(seed, units, channels):
    latency = latencies(3, channels, n_bins=8, seed=seed)
    weight = random(units, channels, seed=seed).requires_grad_()
    times = as_times(latency, 8, torch.float64).requires_grad_()
    spike = spike_time_linear(times, weight, 0.5, n_bins=8)
    expected = spiking_linear(latency, weight.detach(), 0.5, n_bins=8)[0]
    assert_same(as_latency(spike, 8), expected)
    assert_same(spike.detach(), torch.where(expected == SILENT, 8, expected).double())
    gradient = random(3, units, seed=seed + 1)
    spike.backward(gradient)
    sides = [side[..., None, None] for side in (gradient, latency, expected, weight.detach())]
    of_times, of_weight = spike_time_gradient.reference(*sides, n_bins=8)
    torch.testing.assert_close(slope(times), of_times[..., 0, 0])
    torch.testing.assert_close(slope(weight), of_weight[..., 0, 0])


def test_convolution_is_the_op_with_the_sums_written_out():
    latency = latencies(2, 3, 6, 5, n_bins=8, seed=0)
    geometry = {"n_bins": 8, "stride": (2, 1), "padding": (1, 0, 2, 1)}
    weight = random(4, 3, 3, 2, seed=1).requires_grad_()
    times = as_times(latency, 8, torch.float64).requires_grad_()
    spike = spike_time_convolution(times, weight, 0.5, **geometry)
    expected = spiking_convolution(
        latency, weight.detach(), 0.5, return_potential=False, **geometry
    )
    assert_same(as_latency(spike, 8), expected)
    gradient = random(*spike.shape, seed=2)
    spike.backward(gradient)
    of_times, of_weight = spike_time_gradient.reference(
        gradient, latency, expected, weight.detach(), **geometry
    )
    torch.testing.assert_close(slope(times), of_times)
    torch.testing.assert_close(slope(weight), of_weight)


def test_times_between_bins_arrive_in_the_next():
    weight = torch.tensor([[2.0]])
    for time, spike in [(2.0, 2.0), (2.25, 3.0), (-1.5, 0.0), (4.5, 5.0), (9.0, 5.0)]:
        assert spike_time_linear(torch.tensor([[time]]), weight, 1.0, n_bins=5).item() == spike
    assert spike_time_linear(torch.tensor([[torch.nan]]), weight, 1.0, n_bins=5).item() == 5.0


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**31), n_bins=st.integers(1, 254))
def test_latencies_and_times_are_the_same(seed, n_bins):
    latency = latencies(7, n_bins=n_bins, seed=seed)
    assert_same(as_latency(as_times(latency, n_bins), n_bins), latency)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_normalized_gradients_are_the_mean_of_those_of_length_one(dtype):
    weight = random(4, 5, seed=0).to(dtype)
    times = as_times(latencies(3, 5, n_bins=8, seed=1), 8, dtype)
    gradient = torch.tensor([[3.0, 0, 0, 4.0], [0, 0, 0, 0], [0, -9.0, 0, 0]], dtype=dtype)
    of_length_one = gradient / torch.tensor([[5.0], [1.0], [9.0]], dtype=dtype)
    found = []
    for given_, normalize in ((gradient, True), (of_length_one / 3, False)):
        first, learned = times.clone().requires_grad_(), weight.clone().requires_grad_()
        spike_time_linear(first, learned, 0.5, n_bins=8, normalize=normalize).backward(given_)
        found.append([slope(first), slope(learned)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)
    assert found[0][1].abs().sum() > 0


TIMES = torch.tensor([[1.0, 2.0]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: as_times(TIMES, 8), TypeError, "`latency` must have dtype torch.uint8"),
        (lambda: as_latency(TIMES.byte(), 8), TypeError, "`times` must be a floating-point"),
        (lambda: as_latency(TIMES, 255), ValueError, "`n_bins` must be 1 to 254"),
        (
            lambda: spike_time_linear(TIMES.byte(), TIMES, 1.0, n_bins=8),
            TypeError,
            "convert latencies with as_times",
        ),
        (
            lambda: spike_time_linear(TIMES, TIMES.double(), 1.0, n_bins=8),
            TypeError,
            "`times` must have the dtype of `weight`, torch.float64; got torch.float32",
        ),
        (
            lambda: spike_time_linear(TIMES, torch.ones(2, 3), 1.0, n_bins=8),
            ValueError,
            "`weight` must have as many channels",
        ),
        (
            lambda: spike_time_linear(TIMES[0], TIMES, 1.0, n_bins=8),
            ValueError,
            "`times` must have axes",
        ),
        (
            lambda: spike_time_convolution(TIMES, TIMES, 1.0, n_bins=8),
            ValueError,
            "`times` must have axes",
        ),
        (
            lambda: spike_time_convolution(TIMES[..., None, None], TIMES, 1.0, n_bins=8),
            ValueError,
            "`weight` must have axes",
        ),
        (
            lambda: spike_time_linear(TIMES, TIMES, None, n_bins=8),  # pyright: ignore[reportArgumentType]
            ValueError,
            "`threshold` must be one number or one for each unit; got None",
        ),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
