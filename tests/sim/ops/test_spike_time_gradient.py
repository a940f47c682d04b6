"""Gradients through spike times: by hand, against the sums written out, samples one by one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.latency import SILENT
from neurospyke.sim.ops.spike_time_gradient import reference, spike_time_gradient
from neurospyke.sim.ops.spiking_convolution import spiking_convolution
from tests.conformance import assert_same, check_op, latencies, layer, quarters

REGISTERED = torch.ops.neurospyke.spike_time_gradient.default


def both_sides(name, dtype=torch.float64):
    (latency, weight, threshold), settings = layer(name, dtype)
    weight = weight.half().to(dtype)  # products of quarters are exact
    spike = spiking_convolution(latency, weight, threshold, return_potential=False, **settings)
    gradient = quarters(*spike.shape, low=-3, high=3, seed=3, dtype=dtype)
    return (gradient, latency, spike, weight), settings


@pytest.mark.parametrize("name", ["signed", "growing", "many bins"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("input_gradient", "window"), [(True, 0), (False, 0), (True, 2)])
def test_conforms(name, dtype, input_gradient, window):
    args, settings = both_sides(name, dtype)
    kwargs = {**settings, "input_gradient": input_gradient, "window": window}
    check_op(spike_time_gradient, REGISTERED, reference, *args, **kwargs)


def one_position(*bins):
    return torch.tensor([bins], dtype=torch.uint8)[:, :, None, None]


def test_two_neurons_by_hand():
    """Inputs in bins 0, 2, 4 and never; one neuron spikes in bin 2, the other never."""
    weight = torch.tensor([[1.0, 2.0, 4.0, 8.0], [-1.0, 0.5, 0.25, 3.0]])[..., None, None]
    gradient = torch.tensor([[0.5, -2.0]])[..., None, None]
    of_inputs, of_weights = spike_time_gradient(
        gradient, one_position(0, 2, 4, SILENT), one_position(2, SILENT), weight, n_bins=6
    )
    assert of_weights.flatten(1).tolist() == [[-0.5, -0.5, 0, 0], [2.0, 2.0, 2.0, 0]]
    assert of_inputs.flatten().tolist() == [0.5 + 2.0, 1.0 - 1.0, -0.5, 0]


def test_a_window_calls_back_inputs_that_come_a_little_late():
    """The spike is in bin 1; inputs in bins 1, 2, 3 and never; weights 1, 2, 4 and 8."""
    weight = torch.tensor([[1.0, 2.0, 4.0, 8.0]])[..., None, None]
    late, spike = one_position(1, 2, 3, SILENT), one_position(1)
    for window, called in [
        (0, [1, 0, 0, 0]),
        (1, [1, 2, 0, 0]),
        (2, [1, 2, 4, 0]),
        (254, [1, 2, 4, 0]),
    ]:
        of_inputs, of_weights = spike_time_gradient(
            torch.ones(1, 1, 1, 1), late, spike, weight, n_bins=6, window=window
        )
        assert of_inputs.flatten().tolist() == called
        assert of_weights.flatten().tolist() == [-1, 0, 0, 0]


def test_a_spike_after_the_last_bin_is_none():
    weight = torch.ones(1, 2, 1, 1)
    gradient = torch.ones(1, 1, 1, 1)
    for silent in (4, 200, SILENT):
        out = one_position(SILENT)
        grads = spike_time_gradient(gradient, one_position(3, silent), out, weight, n_bins=4)
        assert [each.flatten().tolist() for each in grads] == [[1.0, 0.0], [-1.0, 0.0]]


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**31), n_samples=st.integers(0, 5))
def test_a_batch_is_its_samples_one_by_one(seed, n_samples):
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(3, 2, 2, 2, generator=generator)
    latency = latencies(n_samples, 2, 4, 3, n_bins=9, seed=seed)
    spike = latencies(n_samples, 3, 3, 2, n_bins=9, seed=seed + 1)
    gradient = torch.randn(spike.shape, generator=generator)
    of_inputs, of_weights = spike_time_gradient(gradient, latency, spike, weight, n_bins=9)
    total = torch.zeros_like(weight)
    for at in range(n_samples):
        one = slice(at, at + 1)
        alone = spike_time_gradient(gradient[one], latency[one], spike[one], weight, n_bins=9)
        assert_same(of_inputs[one], alone[0])
        total += alone[1]
    assert_same(of_weights, total)


def test_large_layers_are_taken_in_parts(monkeypatch):
    args, settings = both_sides("many maps")
    whole = spike_time_gradient(*args, **settings)
    monkeypatch.setattr("neurospyke.sim.ops.spike_time_gradient._PAIRS", 1000)
    assert_same(spike_time_gradient(*args, **settings), whole)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"gradient": torch.zeros(1, 1, 2, 1)}, ValueError, "`gradient` and `latency_out` must"),
        ({"gradient": torch.zeros(1, 1, 1, 1).double()}, TypeError, "`gradient` must have the dt"),
        ({"latency_in": torch.zeros(1, 2, 1, 1)}, TypeError, "`latency_in` must have dtype"),
        ({"latency_out": one_position(1, 2)}, ValueError, "`gradient` and `latency_out` must"),
        ({"weight": torch.zeros(1, 3, 1, 1)}, ValueError, "`weight` must have as many channels"),
        ({"n_bins": 255}, ValueError, "`n_bins` must be 1 to 254"),
        ({"window": -1}, ValueError, "`window` must be a whole number of bins, 0 to 254; got -1"),
    ],
)
def test_bad_input(change, error, message):
    good = {
        "gradient": torch.zeros(1, 1, 1, 1),
        "latency_in": one_position(0, 1),
        "latency_out": one_position(1),
        "weight": torch.ones(1, 2, 1, 1),
        "n_bins": 4,
    }
    with pytest.raises(error, match=message):
        spike_time_gradient(**{**good, **change})
