import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.latency import SILENT, from_spikes
from neurospyke.sim.ops.pointwise_inhibition import pointwise_inhibition
from neurospyke.sim.ops.pool import pool
from neurospyke.sim.ops.spiking_convolution import reference, spiking_convolution
from neurospyke.sim.ops.winners import winners
from tests.conformance import (
    LAYERS,
    assert_same,
    check_op,
    computed,
    latencies,
    layer,
    paths,
    quarters,
)

REGISTERED = torch.ops.neurospyke.spiking_convolution.default


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("options", [{}, {"return_potential": False}])
def test_conforms(name, dtype, options):
    args, numbers = layer(name, dtype)
    check_op(spiking_convolution, REGISTERED, reference, *args, **numbers, **options)


@pytest.mark.parametrize("precision", ["fast", "reproducible"])
def test_conforms_in_another_precision(precision):
    for name in ("signed", "growing", "read out", "many maps", "many inputs"):
        args, numbers = layer(name)
        options = {**numbers, "precision": precision}
        if name == "signed":
            check_op(spiking_convolution, REGISTERED, reference, *args, **options)
        found = spiking_convolution(*args, **options)
        # quarters are on every grid
        assert_same(found, reference(*args, **numbers))
        alone = spiking_convolution(*args, **options, return_potential=False)
        assert_same(alone, found[0])


@pytest.mark.parametrize("threshold", [None, "each"])
@pytest.mark.parametrize("low", [0.0, -0.4])
def test_what_is_reproducible_depends_on_no_order(threshold, low):
    generator = torch.Generator().manual_seed(0)
    latency = latencies(3, 20, 7, 6, n_bins=9, seed=1)
    weight = low + torch.rand(30, 20, 3, 3, generator=generator)
    weight *= 10.0 ** torch.arange(-15, 15).view(-1, 1, 1, 1)
    each = 0.3 * weight.flatten(1).clamp(min=0).sum(1)
    options = {"n_bins": 9, "padding": 1, "precision": "reproducible"}
    args = (None if threshold is None else each,)
    expected = reference(latency, weight, *args, **options)
    assert 0.05 < (expected[0] != SILENT).double().mean() < 1 or threshold is None

    order = torch.randperm(20, generator=generator)
    alike = [
        (latency, weight),
        (latency[:, order], weight[:, order]),
        (latency.flip(1, 2), weight.flip(1, 2)),
        (latency.transpose(2, 3), weight.transpose(2, 3)),
    ]
    back = [lambda out: out, lambda out: out, lambda out: out.flip(2), lambda out: out.mT]
    for path in paths():
        with computed(path):
            for inputs, turn in zip(alike, back, strict=True):
                found = spiking_convolution(*inputs, *args, **options)
                assert_same([turn(out) for out in found], expected)
            alone = spiking_convolution(latency, weight, *args, **options, return_potential=False)
            assert_same(alone, expected[0])


def test_a_potential_on_the_threshold_does_not_spike():
    latency = torch.tensor([[[[0, 1, 2, 3]]]], dtype=torch.uint8)
    weight = torch.full((1, 1, 1, 4), 0.25)
    times = [spiking_convolution(latency, weight, q / 4, n_bins=4)[0].item() for q in range(5)]
    assert times == [0, 1, 2, 3, SILENT]


def test_a_spike_is_not_taken_back_by_inhibition():
    latency = torch.tensor([[[[0, 1, 2]]]], dtype=torch.uint8)
    weight = torch.tensor([[[[2.0, -2.0, 4.0]]]])
    for threshold, expected in [(1.0, (0, 2.0)), (2.0, (2, 4.0)), (4.0, (SILENT, 0.0))]:
        spike, potential = spiking_convolution(latency, weight, threshold, n_bins=3)
        assert (spike.item(), potential.item()) == expected


def test_without_a_threshold_the_last_bin_is_read_out():
    latency = torch.tensor([[[[0, 1, 9]]]], dtype=torch.uint8)
    weight = torch.tensor([[3.0, -2.0, 9.0], [1.0, -1.0, 9.0], [1.0, -2.0, 9.0]]).view(3, 1, 1, 3)
    spike, potential = spiking_convolution(latency, weight, None, n_bins=5)
    assert spike.flatten().tolist() == [4, SILENT, SILENT]
    assert potential.flatten().tolist() == [1.0, 0.0, 0.0]


def test_rows_columns_stride_and_padding_are_where_they_say():
    latency = torch.full((1, 1, 3, 3), SILENT, dtype=torch.uint8)
    latency[0, 0, 0, 2] = 1
    weight = torch.zeros(1, 1, 2, 2)
    weight[0, 0, 1, 0] = 1.0
    spike, _ = spiking_convolution(
        latency, weight, 0.5, n_bins=2, stride=(1, 2), padding=(1, 0, 0, 1)
    )
    assert spike.tolist() == [[[[255, 1], [255, 255], [255, 255]]]]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 9999), threshold=st.sampled_from([None, 0.0, 0.5, 2.0]))
def test_laws(seed, threshold):
    latency = latencies(3, 2, 5, 4, n_bins=5, seed=seed)
    weight = quarters(4, 2, 2, 3, low=-2, high=4, seed=seed)
    whole = spiking_convolution(latency, weight, threshold, n_bins=5)

    one_by_one = [spiking_convolution(x[None], weight, threshold, n_bins=5) for x in latency]
    assert_same([torch.cat(outs) for outs in zip(*one_by_one, strict=True)], whole)

    order = torch.tensor([2, 0, 3, 1])
    permuted = spiking_convolution(latency, weight[order], threshold, n_bins=5)
    assert_same(permuted, [out[:, order] for out in whole])

    silence = torch.full((3, 1, 5, 4), SILENT, dtype=torch.uint8)
    wider = torch.cat([weight, torch.full((4, 1, 2, 3), 7.0)], 1)
    more = spiking_convolution(torch.cat([latency, silence], 1), wider, threshold, n_bins=5)
    assert_same(more, whole)

    if threshold is not None:
        doubled = spiking_convolution(latency, 2 * weight, 2 * threshold, n_bins=5)
        assert_same(doubled, (whole[0], 2 * whole[1]))


def test_inputs_of_no_sample_give_no_sample():
    latency = torch.zeros(0, 1, 3, 3, dtype=torch.uint8)
    spike, potential = spiking_convolution(latency, torch.zeros(2, 1, 2, 2), 1.0, n_bins=3)
    assert spike.shape == potential.shape == (0, 2, 2, 2)


def test_bad_input_is_refused_by_name():
    latency = torch.zeros(1, 2, 4, 4, dtype=torch.uint8)
    weight = torch.zeros(3, 2, 2, 2)
    for args, options, error, message in [
        ((latency.float(), weight, 1.0), {}, TypeError, "`latency` must have dtype torch.uint8"),
        ((latency[0], weight, 1.0), {}, ValueError, r"`latency` must have axes \(batch, channel"),
        ((latency, weight.half(), 1.0), {}, TypeError, "`weight` must be a float32 or float64"),
        ((latency, weight[0], 1.0), {}, ValueError, r"`weight` must have axes \(map, channel"),
        ((latency, weight[:, :1], 1.0), {}, ValueError, "`weight` must have as many channels"),
        ((latency, weight.to("meta"), 1.0), {}, ValueError, "`weight` must be on the device"),
        ((latency, weight, torch.zeros(2)), {}, ValueError, r"`threshold` .* shape \(3,\)"),
        ((latency, weight, 1.0), {"n_bins": 255}, ValueError, "`n_bins` must be 1 to 254"),
        ((latency, weight, 1.0), {"stride": 0}, ValueError, "`stride` must be"),
        ((latency, weight, 1.0), {"padding": (1, 1)}, ValueError, "`padding` must be"),
        ((latency, weight, 1.0), {"padding": 2**20}, ValueError, "`latency` .* pad less"),
        ((latency, weight[:0], 1.0), {}, ValueError, "`weight` must have at least one map"),
        ((latency, weight[:, :, :0], 1.0), {}, ValueError, "`weight` must have at least one map"),
        ((latency[:, :0], weight[:, :0], 1.0), {}, ValueError, "`weight` must have at least one"),
        ((latency, weight, 1.0), {"precision": "half"}, ValueError, "`precision` must be one of"),
        ((latency[..., :1], weight, 1.0), {}, ValueError, "`latency` .* smaller than the window"),
    ]:
        with pytest.raises(error, match=message):
            spiking_convolution(*args, **{"n_bins": 5, **options})


@pytest.mark.parametrize(
    ("weight", "pot", "pad"), [("weight", "pot", 0), ("weight5", "pot5_pad2", 2)]
)
@pytest.mark.parametrize("threshold", [2.0, 5.0, 10.0, 20.0, None])
def test_spyketorch_convolution(shared_oracles, weight, pot, pad, threshold):
    with np.load(shared_oracles / "spyketorch_conv.npz") as oracle:
        times, kernel, potential, wave = (
            torch.from_numpy(oracle[key]) for key in ("times", weight, pot, "wave")
        )
    n_bins = len(wave)
    latency = times.masked_fill(times >= n_bins, SILENT).to(torch.uint8)
    assert_same(from_spikes(wave), latency)
    spike, drive = spiking_convolution(latency[None], kernel, threshold, n_bins=n_bins, padding=pad)
    if threshold is None:
        crossed = (potential > 0) & (torch.arange(n_bins) == n_bins - 1).view(-1, 1, 1, 1)
    else:
        crossed = potential > threshold
    expected = from_spikes(crossed)
    assert_same(spike[0], expected)
    at_spike = (potential * (torch.arange(n_bins).view(-1, 1, 1, 1) == expected)).sum(0)
    # two float32 sums of the same n positive terms, in any two orders, differ by at most this
    rounding = 2 * (kernel[0].numel() - 1) * 2.0**-24 * at_spike
    assert ((drive[0] - at_spike).abs() <= rounding).all()


def test_spyketorch_network(shared_oracles):
    """Latencies of every layer and winners of every layer, for four images of the whole chain."""
    with np.load(shared_oracles / "spyketorch_e2e.npz") as stored:
        oracle = {key: torch.from_numpy(stored[key]) for key in stored.files}
    n_bins = 15

    def latency_of(times):
        return times.masked_fill(times >= n_bins, SILENT).to(torch.uint8)

    def stacked(key):
        return torch.stack([latency_of(oracle[f"i{image}_{key}"]) for image in range(4)])

    def assert_winners(found, key):
        for image in range(4):
            expected = oracle[f"i{image}_{key}"]
            assert_same(found[image, : len(expected)], expected)
            assert (found[image, len(expected) :] == -1).all()

    # in this chain winners are sought after inhibition, and the next layer is fed before it
    first = spiking_convolution(stacked("times"), oracle["w1"], 15.0, n_bins=n_bins, padding=2)
    assert_same(first[0], stacked("l1"))
    assert_winners(winners(*pointwise_inhibition(*first), 5, radius=3), "win1")
    second = spiking_convolution(pool(first[0], 2), oracle["w2"], 10.0, n_bins=n_bins, padding=1)
    assert_same(second[0], stacked("l2"))
    assert_winners(winners(*pointwise_inhibition(*second), 8, radius=1), "win2")
    third = spiking_convolution(pool(second[0], 3), oracle["w3"], None, n_bins=n_bins, padding=2)
    assert_same(third[0], stacked("l3"))
    assert_winners(winners(*third, 1), "win3")
