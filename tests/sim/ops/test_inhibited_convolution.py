import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.latency import SILENT
from neurospyke.sim.ops.inhibited_convolution import inhibited_convolution, reference, spread
from neurospyke.sim.ops.pointwise_inhibition import pointwise_inhibition
from neurospyke.sim.ops.spiking_convolution import spiking_convolution
from tests.conformance import LAYERS, assert_same, check_op, latencies, layer, quarters

REGISTERED = torch.ops.neurospyke.inhibited_convolution.default


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_conforms(name, dtype):
    args, options = layer(name, dtype)
    check_op(inhibited_convolution, REGISTERED, reference, *args, **options)


def first(latency, weight, threshold, n_bins=9):
    """Latency, map and potential of a window of one position."""
    found = inhibited_convolution(
        torch.tensor(latency, dtype=torch.uint8).view(1, -1, 1, 1),
        torch.tensor(weight).view(len(weight), -1, 1, 1),
        threshold,
        n_bins=n_bins,
    )
    return [out.item() for out in found]


def test_the_earliest_map_is_kept_then_the_strongest_then_the_first():
    assert first([2, 3], [[0.5, 9.0], [1.5, 0.0]], 1.0) == [2, 1, 1.5]
    assert first([2, 2], [[0.5, 1.0], [1.5, 0.5]], 1.0) == [2, 1, 2.0]
    assert first([2, 2], [[0.5, 0.5], [1.5, 0.5], [0.5, 1.5]], 1.0) == [2, 1, 2.0]
    assert first([2, 3], [[0.25, 0.25], [0.25, 0.5]], 1.0) == [SILENT, -1, 0.0]


def test_potentials_below_zero_compete_too():
    thresholds = torch.tensor([-3.0, -3.0, -0.5])
    assert first([0], [[-2.0], [-1.0], [-1.0]], thresholds) == [0, 1, -1.0]


@pytest.mark.parametrize("maps", [2, 16, 17, 255, 256, 257, 600])
def test_the_last_map_may_win(maps):
    weight = [[1.0, 0.0]] * (maps - 1) + [[0.0, 2.0]]
    assert first([5, 4], weight, 0.5) == [4, maps - 1, 2.0]
    assert first([4, 4], weight, 0.5) == [4, maps - 1, 2.0]
    assert first([4, 5], weight, 0.5) == [4, 0, 1.0]


def test_without_a_threshold_the_last_bin_is_read_out():
    assert first([0, 1, 9], [[3.0, -2.0, 9.0], [1.0, 1.0, 0.0]], None, 5) == [4, 1, 2.0]
    assert first([0, 1, 9], [[-3.0, 2.0, 9.0]], None, 5) == [SILENT, -1, 0.0]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 9999), threshold=st.sampled_from([None, -0.5, 0.0, 0.5, 2.0]))
def test_laws(seed, threshold):
    latency = latencies(3, 2, 5, 4, n_bins=5, seed=seed)
    weight = quarters(4, 2, 2, 3, low=-2, high=4, seed=seed)
    whole = inhibited_convolution(latency, weight, threshold, n_bins=5)

    spikes = spiking_convolution(latency, weight, threshold, n_bins=5)
    kept, drive = pointwise_inhibition(*spikes)
    assert_same(spread(whole[0], whole[1], 4), kept)
    assert_same(whole[2], drive.sum(1, keepdim=True))

    one_by_one = [inhibited_convolution(x[None], weight, threshold, n_bins=5) for x in latency]
    assert_same([torch.cat(outs) for outs in zip(*one_by_one, strict=True)], whole)

    twice = inhibited_convolution(latency, torch.cat([weight, weight]), threshold, n_bins=5)
    assert_same(twice, whole)


def test_inputs_of_no_sample_give_no_sample():
    latency = torch.zeros(0, 1, 3, 3, dtype=torch.uint8)
    outs = inhibited_convolution(latency, torch.zeros(2, 1, 2, 2), 1.0, n_bins=3)
    assert [out.shape for out in outs] == [(0, 1, 2, 2)] * 3


def test_bad_input_is_refused_by_name():
    latency = torch.zeros(1, 2, 4, 4, dtype=torch.uint8)
    weight = torch.zeros(3, 2, 2, 2)
    for args, options, error, message in [
        ((latency.float(), weight, 1.0), {}, TypeError, "`latency` must have dtype torch.uint8"),
        ((latency, weight[:, :1], 1.0), {}, ValueError, "`weight` must have as many channels"),
        ((latency, weight[:0], 1.0), {}, ValueError, "`weight` must have at least one map"),
        ((latency, weight, "low"), {}, TypeError, "`threshold` must be a number"),
        ((latency, weight, 1.0), {"n_bins": 0}, ValueError, "`n_bins` must be 1 to 254"),
        ((latency, weight, 1.0), {"precision": "half"}, ValueError, "`precision` must be one of"),
        ((latency, weight, 1.0), {"stride": 2**40}, ValueError, "`stride` must be"),
        ((latency, weight, 1.0), {"padding": 2**40}, ValueError, "`padding` must be"),
        ((latency[..., :1], weight, 1.0), {}, ValueError, "`latency` .* smaller than the window"),
    ]:
        with pytest.raises(error, match=message):
            inhibited_convolution(*args, **{"n_bins": 5, **options})
