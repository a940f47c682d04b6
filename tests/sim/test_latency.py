import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.latency import (
    MAX_BINS,
    SILENT,
    check_bins,
    check_latency,
    from_spikes,
    to_spikes,
)
from tests.conformance import assert_same, latencies


@settings(max_examples=20, deadline=None)
@given(n_bins=st.integers(1, MAX_BINS), accumulate=st.booleans(), seed=st.integers(0, 9999))
def test_a_wave_and_back_is_the_same_latency(n_bins, accumulate, seed):
    latency = latencies(2, 3, 4, n_bins=n_bins, seed=seed)
    wave = to_spikes(latency, n_bins, accumulate)
    assert wave.shape == (n_bins, 2, 3, 4)
    assert_same(from_spikes(wave), latency)
    spikes = wave.sum(0, dtype=torch.int64)
    expected = (n_bins - latency.long()) if accumulate else torch.ones_like(spikes)
    assert_same(spikes, expected.masked_fill(latency == SILENT, 0))


def test_spikes_outside_the_bins_are_left_out():
    latency = torch.tensor([1, 2, 3], dtype=torch.uint8)
    assert to_spikes(latency, 3).sum(0).tolist() == [1, 1, 0]


def test_from_spikes_takes_any_real_dtype_and_a_scalar_unit():
    for dtype in (torch.bool, torch.uint8, torch.int64, torch.float64):
        assert from_spikes(torch.tensor([0, 0, 1, 1]).to(dtype)).item() == 2


@pytest.mark.parametrize("n_bins", [0, 255, -1])
def test_n_bins_out_of_range_is_refused(n_bins):
    with pytest.raises(ValueError, match=f"`n_bins` must be 1 to 254; got {n_bins}"):
        check_bins(n_bins)


@pytest.mark.parametrize("n_bins", [3.0, True, "3"])
def test_n_bins_of_another_type_is_refused(n_bins):
    with pytest.raises(TypeError, match="`n_bins` must be an int"):
        check_bins(n_bins)


def test_what_is_no_latency_is_refused_by_name():
    with pytest.raises(TypeError, match=r"`pre` must be a uint8 tensor .* ndarray"):
        check_latency(np.zeros(3), "pre")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match=r"`pre` must have dtype torch.uint8 .* torch.int64"):
        check_latency(torch.zeros(3, dtype=torch.int64), "pre")
    with pytest.raises(ValueError, match=r"`pre` must have axes \(batch, unit\); got shape \(3,\)"):
        check_latency(torch.zeros(3, dtype=torch.uint8), "pre", axes=("batch", "unit"))


def test_values_are_read_only_when_bins_are_given():
    late = torch.tensor([0, 7, 255], dtype=torch.uint8)
    check_latency(late, "pre")
    check_latency(late, "pre", 8)
    with pytest.raises(ValueError, match="`pre` must hold bins 0 to 6 or 255 for silence; got 7"):
        check_latency(late, "pre", 7)


def test_spikes_without_a_fitting_time_axis_are_refused():
    with pytest.raises(ValueError, match="`spikes` must have a leading time axis of 1 to 254"):
        from_spikes(torch.zeros(255, 2))
    with pytest.raises(ValueError, match=r"`spikes` .* got shape \(\)"):
        from_spikes(torch.tensor(1.0))
    with pytest.raises(TypeError, match="`spikes` must be a tensor"):
        from_spikes([0, 1])  # pyright: ignore[reportArgumentType]
