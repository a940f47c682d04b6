"""Learning from spike times: target times, the loss, and the layer as a module."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neurospyke.sim.latency import SILENT
from neurospyke.sim.layers import SpikingLinear
from neurospyke.sim.ops.spike_time import as_times, spike_time_linear
from neurospyke.sim.spike_time import SpikeTimeLinear, relative_target_loss, relative_targets
from tests.conformance import assert_same, latencies


def slope(leaf):
    """The gradient that has arrived at a leaf."""
    assert leaf.grad is not None
    return leaf.grad


def loop_targets(times, label, n_bins, gap):
    first = min(times)
    if first == n_bins:
        return [n_bins - gap if j == label else n_bins for j in range(len(times))]
    return [
        first if j == label else min(first + gap, n_bins) if time - first < gap else time
        for j, time in enumerate(times)
    ]


@settings(deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(0, 6), min_size=3, max_size=3), min_size=1, max_size=5),
    label=st.integers(0, 2),
    gap=st.integers(1, 6),
)
def test_targets_are_the_rules_one_by_one(rows, label, gap):
    times = torch.tensor(rows, dtype=torch.float64)
    labels = torch.full((len(rows),), label)
    expected = torch.tensor([loop_targets(row, label, 6, gap) for row in rows]).double()
    assert_same(relative_targets(times, labels, n_bins=6, gap=gap), expected)
    loss = relative_target_loss(times, labels, n_bins=6, gap=gap)
    errors = ((expected - times) / 6) ** 2
    torch.testing.assert_close(loss, errors.sum() / 2 / len(rows))


def test_a_right_answer_with_a_gap_teaches_nothing():
    times = torch.tensor([[2.0, 5.0, 7.0]], requires_grad=True)
    loss = relative_target_loss(times, torch.tensor([0]), n_bins=8, gap=3)
    loss.backward()
    assert loss.item() == slope(times).abs().sum() == 0


def layer(**settings):
    weight = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    return SpikeTimeLinear(weight, threshold=0.5, n_bins=8, **settings)


def test_the_module_gives_what_it_is_given():
    latency = latencies(5, 2, 2, n_bins=8, seed=1)
    module = layer()
    plain = SpikingLinear(module.weight.detach(), threshold=0.5, n_bins=8)
    assert_same(module(latency), plain(latency))
    assert_same(module.fire(latency), plain.fire(latency))
    assert not module.fire(latency)[1].requires_grad
    assert_same(module(as_times(latency, 8)).detach(), as_times(plain(latency), 8))
    assert (plain(latency) == SILENT).any()
    assert (plain(latency) != SILENT).any()


@pytest.mark.parametrize("normalize", [True, False])
def test_the_module_carries_gradients_normalized_on_request(normalize):
    module, times = layer(normalize=normalize), as_times(latencies(5, 4, n_bins=8, seed=1), 8)
    module(times).square().sum().backward()
    weight = module.weight.detach().clone().requires_grad_()
    spike = spike_time_linear(times, weight, 0.5, n_bins=8, normalize=normalize)
    spike.square().sum().backward()
    assert_same(slope(module.weight), slope(weight))
    assert slope(weight).abs().sum() > 0


def test_modules_in_a_tree_are_saved_compiled_and_learn():
    tree = nn.Sequential(layer(), SpikeTimeLinear(torch.ones(2, 3), threshold=0.5, n_bins=8))
    other = nn.Sequential(layer(), SpikeTimeLinear(torch.zeros(2, 3), threshold=9.0, n_bins=8))
    other.load_state_dict(tree.state_dict())
    times = as_times(latencies(5, 4, n_bins=8, seed=1), 8)
    torch.compiler.reset()
    compiled = torch.compile(other, fullgraph=True, backend="aot_eager")
    for each in (tree, compiled):
        relative_target_loss(each(times), torch.tensor([0, 1, 0, 1, 0]), n_bins=8).backward()
    assert_same(tree(times), compiled(times))
    for one, same in zip(tree.parameters(), other.parameters(), strict=True):
        assert_same(slope(one), slope(same))
        assert slope(one).abs().sum() > 0


TIMES = torch.tensor([[1.0, 2.0]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: SpikeTimeLinear(TIMES, threshold=None, n_bins=8),  # pyright: ignore[reportArgumentType]
            ValueError,
            "`threshold` must be one number or one for each unit; got None",
        ),
        (
            lambda: relative_targets(TIMES, torch.tensor([2]), n_bins=8),
            ValueError,
            "`labels` must be from 0 to 1, one output each; got 2 to 2",
        ),
        (
            lambda: relative_targets(TIMES, torch.tensor([-1]), n_bins=8),
            ValueError,
            "got -1 to -1",
        ),
        (
            lambda: relative_targets(TIMES, torch.tensor([1, 0]), n_bins=8),
            ValueError,
            "one class a sample",
        ),
        (
            lambda: relative_targets(TIMES, torch.tensor([1.0]), n_bins=8),
            TypeError,
            "`labels` must be an int64 tensor",
        ),
        (
            lambda: relative_targets(TIMES, torch.tensor([1]), n_bins=8, gap=0),
            ValueError,
            "`gap` must be above 0 and at most 8 bins; got 0",
        ),
        (
            lambda: relative_target_loss(TIMES[:0], torch.tensor([1])[:0], n_bins=8),
            ValueError,
            "none of them empty",
        ),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
