from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.ops import native_scan
from neurospyke.sim.ops.stream_linear import reference, stream_linear
from tests import conformance
from tests.conformance import assert_same, check_op, computed, paths


def quarters(*shape, dtype=torch.float32, seed=0):
    return conformance.quarters(*shape, low=-9, high=8, seed=seed, dtype=dtype)


def stream(time, batch, channels, rate, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    spikes = torch.rand(time, batch, channels, generator=generator) < rate
    return spikes * quarters(time, batch, channels, dtype=dtype, seed=seed + 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.9])
def test_conforms(dtype, rate):
    given = stream(9, 5, 21, rate, dtype), quarters(37, 21, dtype=dtype), quarters(37, dtype=dtype)
    check_op(stream_linear, torch.ops.neurospyke.stream_linear.default, reference, *given)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("units", [1, 16, 70])
def test_gradients_are_those_of_a_dense_product(dtype, rate, units):
    of_out = quarters(70, 3, units, dtype=dtype, seed=5)
    found = []
    ways = [(stream_linear, path) for path in paths()] + [(reference, paths()[-1])]
    for op, path in ways:
        leaves = [
            stream(70, 3, 21, rate, dtype).requires_grad_(),
            quarters(units, 21, dtype=dtype).requires_grad_(),
            quarters(units, dtype=dtype).requires_grad_(),
        ]
        with computed(path):
            found.append(torch.autograd.grad(op(*leaves), leaves, of_out))
    for each in found[:-1]:
        assert_same(list(each), list(found[-1]))


@pytest.mark.parametrize("rate", [0.1, 0.9])
def test_silent_channels_are_left_out_and_busy_streams_are_not_added_up(rate, monkeypatch):
    used = []
    for name in ("project", "project_back"):
        kernel: Any = getattr(native_scan, name)

        def spied(*args, kernel=kernel):
            used.append(kernel(*args))
            return used[-1]

        monkeypatch.setattr(native_scan, name, spied)
    weight = quarters(8, 40).requires_grad_()
    stream_linear(stream(20, 4, 40, rate), weight).sum().backward()
    if len(paths()) > 1:  # where there are compiled kernels
        assert used == [rate < 0.5] * 2


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 4), st.integers(0, 6), st.integers(0, 40), st.floats(0, 1))
def test_any_size_is_the_dense_product(time, batch, channels, rate):
    given = stream(time, batch, channels, rate), quarters(19, channels)
    torch.testing.assert_close(stream_linear(*given), reference(*given), rtol=0, atol=0)


def test_the_place_of_a_unit_changes_nothing():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(30, 3, 200, generator=generator)
    inputs *= torch.rand(30, 3, 200, generator=generator) < 0.1
    weight, order = torch.randn(150, 200, generator=generator), torch.randperm(150)
    for path in paths()[:-1]:
        with computed(path):
            whole = stream_linear(inputs, weight)
            assert torch.equal(stream_linear(inputs, weight[order]), whole[..., order])


def test_float32_sums_are_close_and_repeat_on_any_threads():
    generator = torch.Generator().manual_seed(0)
    spikes = (torch.rand(100, 8, 64, generator=generator) < 0.1).float()
    weight, of_out = torch.randn(48, 64, generator=generator), torch.randn(100, 8, 48)
    found = []
    for path in paths()[:-1]:
        leaf = weight.clone().requires_grad_()
        with computed(path):
            out = stream_linear(spikes, leaf)
            found.append([out.detach(), *torch.autograd.grad(out, leaf, of_out)])
    for each in found:
        assert_same(each, found[0])
        torch.testing.assert_close(each[0], reference(spikes, weight))
        dense = of_out.flatten(0, 1).double().T @ spikes.flatten(0, 1).double()
        torch.testing.assert_close(each[1].double(), dense, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"inputs": torch.zeros(2, 3, 4).int()}, TypeError, "`inputs` must be a float32"),
        ({"inputs": torch.zeros(3, 4)}, ValueError, "`inputs` must have axes"),
        ({"weight": torch.zeros(5, 4).double()}, TypeError, "`weight` must be a torch.float32"),
        ({"weight": torch.zeros(5)}, ValueError, "`weight` must have 2 axes"),
        ({"weight": torch.zeros(5, 3)}, ValueError, "`weight` must have axes .* with 4 channels"),
        ({"bias": torch.zeros(4)}, ValueError, "`bias` one number a unit"),
        ({"bias": [0.0]}, TypeError, "`bias` must be a torch.float32 tensor"),
    ],
)
def test_bad_input_is_refused_by_name(change, error, message):
    arguments: Any = {"inputs": torch.zeros(2, 3, 4), "weight": torch.zeros(5, 4), **change}
    with pytest.raises(error, match=message):
        stream_linear(**arguments)
