import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.latency import SILENT, from_spikes
from neurospyke.sim.ops.pool import pool, reference
from tests.conformance import assert_same, check_op, latencies

REGISTERED = torch.ops.neurospyke.pool.default


@pytest.mark.parametrize(
    "window",
    [(2, None, 0), ((2, 3), (3, 1), (1, 0, 2, 3)), (1, 1, 0)],
)
def test_conforms(window):
    latency = latencies(2, 3, 7, 6, n_bins=254, seed=0)
    check_op(pool, REGISTERED, reference, latency, *window)


def test_the_earliest_spike_of_each_window_passes_and_leftovers_are_dropped():
    latency = torch.tensor(
        [[5, 4, 255, 255, 0], [9, 6, 255, 255, 0], [1, 1, 1, 1, 0]], dtype=torch.uint8
    )
    assert pool(latency[None, None], 2).tolist() == [[[[4, SILENT]]]]


def test_equal_times_pass_as_they_are():
    latency = torch.full((1, 2, 4, 4), 3, dtype=torch.uint8)
    assert_same(pool(latency, 2), torch.full((1, 2, 2, 2), 3, dtype=torch.uint8))


def test_padding_is_silent():
    latency = torch.tensor([[[[7]]]], dtype=torch.uint8)
    assert pool(latency, 1, 1, (1, 0, 0, 2)).tolist() == [[[[255, 255, 255], [7, 255, 255]]]]


@settings(max_examples=25, deadline=None)
@given(
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    seed=st.integers(0, 9999),
)
def test_laws(kernel, stride, seed):
    latency = latencies(3, 2, 6, 5, n_bins=9, seed=seed, silent=0.6)
    whole = pool(latency, kernel, stride)
    assert_same(torch.cat([pool(x[None], kernel, stride) for x in latency]), whole)
    assert_same(pool(latency.flip(1), kernel, stride), whole.flip(1))
    # the earliest bin is the least number, and float32 holds every byte
    assert_same(-F.max_pool2d(-latency.float(), kernel, stride), whole.float())
    later = latency.masked_fill(latency != SILENT, 0) + torch.where(
        latency == SILENT, 0, 2 * latency + 3
    ).to(torch.uint8)
    relabelled = torch.where(whole == SILENT, SILENT, 2 * whole + 3).to(torch.uint8)
    assert_same(pool(later, kernel, stride), relabelled)


def test_bad_input_is_refused_by_name():
    latency = torch.zeros(1, 1, 4, 4, dtype=torch.uint8)
    for args, error, message in [
        ((latency.int(), 2), TypeError, "`latency` must have dtype torch.uint8"),
        ((latency[0], 2), ValueError, r"`latency` must have axes \(batch"),
        ((latency, 0), ValueError, "`kernel` must be an int above 0"),
        ((latency, 2, (1,)), ValueError, "`stride` must be an int above 0"),
        ((latency, 2, 2, -1), ValueError, "`padding` must be an int from 0"),
        ((latency, 5), ValueError, "`latency` .* smaller than the window"),
    ]:
        with pytest.raises(error, match=message):
            pool(*args)


@pytest.mark.parametrize(
    ("key", "window"), [("k2", (2,)), ("k3s2p1", (3, 2, 1)), ("k23", ((2, 3),))]
)
def test_spyketorch_pool(shared_oracles, key, window):
    with np.load(shared_oracles / "spyketorch_pool.npz") as oracle:
        wave, times, pooled = (torch.from_numpy(oracle[each]) for each in ("wave", "times", key))
    latency = times.masked_fill(times == len(wave), SILENT).to(torch.uint8)
    assert_same(latency, from_spikes(wave))
    assert_same(pool(latency[None], *window)[0], from_spikes(pooled))


def test_spyketorch_pooled_potentials_spike_when_the_pooled_spikes_do(shared_oracles):
    """Pooling potentials and then firing is firing and then pooling latencies."""
    with np.load(shared_oracles / "spyketorch_pool.npz") as oracle:
        before, after = torch.from_numpy(oracle["pot_in"]), torch.from_numpy(oracle["pot_k2"])
    for threshold in (0.0, 2.0, 5.0, 8.0):
        latency = from_spikes(before > threshold)
        assert_same(pool(latency[None], 2)[0], from_spikes(after > threshold))
