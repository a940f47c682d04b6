import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.latency import SILENT
from neurospyke.sim.ops.spiking_convolution import spiking_convolution
from neurospyke.sim.ops.spiking_linear import reference, spiking_linear
from tests.conformance import assert_same, check_op, computed, latencies, paths, quarters

REGISTERED = torch.ops.neurospyke.spiking_linear.default


@pytest.mark.parametrize(
    ("threshold", "n_bins", "dtype"),
    [
        (1.0, 7, torch.float32),
        (None, 7, torch.float64),
        (torch.tensor([-0.25, 0.0, 2.0]), 254, torch.float64),
    ],
)
def test_conforms(threshold, n_bins, dtype):
    latency = latencies(4, 12, n_bins=n_bins, seed=0)
    weight = quarters(3, 12, low=-3, high=4, seed=1, dtype=dtype)
    if dtype == torch.float64:
        weight += 2.0**-40  # lost in float32
    check_op(spiking_linear, REGISTERED, reference, latency, weight, threshold, n_bins=n_bins)


@pytest.mark.parametrize(("channels", "units"), [(257, 300), (65_537, 3), (140_000, 1)])
@pytest.mark.parametrize("low", [0, -2])
def test_conforms_with_many_inputs(channels, units, low):
    latency = latencies(2, channels, n_bins=254, seed=0)
    weight = quarters(units, channels, low=low, high=4, seed=1)
    # the last input of all takes the first unit over its threshold
    latency[:, -1] = 253
    weight[0] = 0.0
    weight[0, -1] = 2.0
    thresholds = quarters(units, low=0, high=channels // 4, seed=2)
    thresholds[0] = 1.0
    args = (latency, weight, thresholds)
    check_op(spiking_linear, REGISTERED, reference, *args, n_bins=254)
    assert (spiking_linear(*args, n_bins=254)[0][:, 0] == 253).all()
    assert_same(
        spiking_linear(latency, weight, None, n_bins=99),
        reference(latency, weight, None, n_bins=99),
    )


@pytest.mark.parametrize("channels", [255, 256, 257, 65_535, 65_536, 65_537, 131_072])
def test_every_input_counts(channels):
    """Without the last spike V is on the second threshold and over the first."""
    latency = torch.zeros(2, channels, dtype=torch.uint8)
    latency[1, -1] = 7
    weight = torch.ones(2, channels)
    thresholds = torch.tensor([channels - 1.5, channels - 1.0])
    for path in paths():
        with computed(path):
            spike, potential = spiking_linear(latency, weight, thresholds, n_bins=9)
            assert spike.tolist() == [[0, 0], [0, 7]]
            assert potential.tolist() == [[channels] * 2, [channels - 1, channels]]


@pytest.mark.parametrize("channels", [9, 500, 70_000])
def test_what_is_reproducible_depends_on_no_order(channels):
    generator = torch.Generator().manual_seed(0)
    latency = latencies(3, channels, n_bins=9, seed=1)
    weight = torch.rand(5, channels, generator=generator) - 0.3
    threshold = 0.07 * channels
    options = {"n_bins": 9, "precision": "reproducible"}
    expected = reference(latency, weight, threshold, **options)
    assert (expected[0] != SILENT).any()
    order = torch.randperm(channels, generator=generator)
    for path in paths():
        with computed(path):
            assert_same(spiking_linear(latency, weight, threshold, **options), expected)
            shuffled = (latency[:, order], weight[:, order])
            assert_same(spiking_linear(*shuffled, threshold, **options), expected)


def test_inputs_of_no_sample_give_no_sample():
    latency = torch.zeros(0, 4, dtype=torch.uint8)
    spike, potential = spiking_linear(latency, torch.zeros(2, 4), 1.0, n_bins=3)
    assert spike.shape == potential.shape == (0, 2)


def test_a_potential_on_the_threshold_does_not_spike():
    latency = torch.tensor([[0, 1, 2, 3]], dtype=torch.uint8)
    weight = torch.full((1, 4), 0.25)
    times = [spiking_linear(latency, weight, q / 4, n_bins=4)[0].item() for q in range(5)]
    assert times == [0, 1, 2, 3, SILENT]


def test_without_a_threshold_the_last_bin_is_read_out():
    latency = torch.tensor([[0, 1, 9]], dtype=torch.uint8)
    weight = torch.tensor([[3.0, -2.0, 9.0], [1.0, -1.0, 9.0], [1.0, -2.0, 9.0]])
    spike, potential = spiking_linear(latency, weight, None, n_bins=5)
    assert spike.tolist() == [[4, SILENT, SILENT]]
    assert potential.tolist() == [[1.0, 0.0, 0.0]]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 9999), threshold=st.sampled_from([None, 0.0, 0.5, 2.0]))
def test_laws(seed, threshold):
    latency = latencies(3, 6, n_bins=5, seed=seed)
    weight = quarters(4, 6, low=-2, high=4, seed=seed)
    whole = spiking_linear(latency, weight, threshold, n_bins=5)

    one_by_one = [spiking_linear(row[None], weight, threshold, n_bins=5) for row in latency]
    assert_same([torch.cat(outs) for outs in zip(*one_by_one, strict=True)], whole)

    order = torch.tensor([2, 0, 3, 1])
    permuted = spiking_linear(latency, weight[order], threshold, n_bins=5)
    assert_same(permuted, [out[:, order] for out in whole])

    silence = torch.full((3, 1), SILENT, dtype=torch.uint8)
    wider = torch.cat([weight, torch.full((4, 1), 7.0)], 1)
    assert_same(spiking_linear(torch.cat([latency, silence], 1), wider, threshold, n_bins=5), whole)

    images, kernels = latency.view(3, 1, 2, 3), weight.view(4, 1, 2, 3)
    convolved = spiking_convolution(images, kernels, threshold, n_bins=5)
    assert_same([out.flatten(1) for out in convolved], whole)


def test_bad_input_is_refused_by_name():
    latency, weight = torch.zeros(1, 2, dtype=torch.uint8), torch.zeros(3, 2)
    for args, n_bins, error, message in [
        ((latency.long(), weight, 1.0), 5, TypeError, "`latency` must have dtype torch.uint8"),
        ((latency[0], weight, 1.0), 5, ValueError, r"`latency` must have axes \(batch, channel\)"),
        ((latency, weight.long(), 1.0), 5, TypeError, "`weight` must be a float32 or float64"),
        ((latency, weight[0], 1.0), 5, ValueError, r"`weight` must have axes \(unit, channel\)"),
        ((latency, weight[:, :1], 1.0), 5, ValueError, "`weight` must have as many channels"),
        ((latency, weight[:0], 1.0), 5, ValueError, "`weight` must have at least one unit"),
        ((latency, weight, float("nan")), 5, ValueError, "`threshold` must be finite"),
        ((latency, weight, 1.0), 0, ValueError, "`n_bins` must be 1 to 254"),
    ]:
        with pytest.raises(error, match=message):
            spiking_linear(*args, n_bins=n_bins)
