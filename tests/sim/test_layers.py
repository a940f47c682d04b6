"""Layers: settings reach the ops, state travels, bad settings are refused."""

import math

import numpy as np
import pytest
import torch

from neurospyke.sim.latency import SILENT
from neurospyke.sim.layers import Pool, SpikingConvolution, SpikingLinear, normal_weight
from neurospyke.sim.ops.spiking_linear import spiking_linear

S = SILENT


def latencies(values):
    return torch.tensor(values, dtype=torch.uint8)


def test_convolution_by_hand():
    """Inputs in bins 1, 2, 3 with weight 1/2: map 0 needs more than 1/2, map 1 more than 1."""
    layer = SpikingConvolution(
        torch.full((2, 1, 1, 2), 0.5), threshold=torch.tensor([0.25, 0.75]), n_bins=4
    )
    latency, potential = layer.fire(latencies([[[[1, 2, 3]]]]))
    assert latency.tolist() == [[[[1, 2]], [[2, 3]]]]
    assert potential.tolist() == [[[[0.5, 0.5]], [[1.0, 1.0]]]]
    assert layer(latencies([[[[1, 2, 3]]]])).tolist() == latency.tolist()


def test_inhibition_keeps_the_earliest_map_and_fire_keeps_all():
    weight = torch.tensor([[[[1.0]]], [[[2.0]]]])
    layer = SpikingConvolution(weight, threshold=0.5, n_bins=4, inhibition=True)
    assert layer.fire(latencies([[[[1]]]]))[0].flatten().tolist() == [1, 1]
    assert layer(latencies([[[[1]]]])).flatten().tolist() == [S, 1]


def test_stride_and_padding_reach_the_op():
    layer = SpikingConvolution(
        torch.ones(1, 1, 1, 1), threshold=0.5, n_bins=4, stride=2, padding=(1, 0, 0, 0)
    )
    assert layer(latencies([[[[0, 1], [2, 3]]]])).tolist() == [[[[S], [2]]]]


def test_no_threshold_reads_out_in_the_last_bin():
    layer = SpikingConvolution(torch.tensor([[[[1.0]]], [[[-1.0]]]]), threshold=None, n_bins=9)
    assert layer(latencies([[[[0]]]])).flatten().tolist() == [8, S]
    assert list(layer.state_dict()) == ["weight"]


def test_linear_flattens_what_it_gets():
    layer = SpikingLinear(torch.tensor([[1.0, 0.0], [0.5, 0.5]]), threshold=0.75, n_bins=9)
    assert layer(latencies([[[[3]], [[6]]]])).tolist() == [[3, 6]]
    assert layer.fire(latencies([[3, S]]))[1].tolist() == [[1.0, 0.0]]


def test_the_precision_reaches_the_op():
    weight = torch.tensor([[1 / 3, 1 / 3]])
    latency = latencies([[0, 1]])
    for precision in ("full", "reproducible"):
        settings = {"n_bins": 4, "precision": precision}
        layer = SpikingLinear(weight, threshold=0.5, **settings)
        assert torch.equal(
            layer.fire(latency)[1], spiking_linear(latency, weight, 0.5, **settings)[1]
        )
    # on the grid a third is another number
    assert layer.fire(latency)[1].item() != (weight[0, 0] * 2).item()


def test_pool_in_windows_and_over_the_whole_map():
    image = latencies([[[[9, 4, 7], [S, 6, 3]], [[S, S, S], [S, S, 1]]]])
    assert Pool(2)(image).tolist() == [[[[4]], [[S]]]]
    assert Pool(2, 1)(image).tolist() == [[[[4, 3]], [[S, 1]]]]
    assert Pool(None)(image).tolist() == [[[[3]], [[1]]]]


@pytest.mark.parametrize(
    "make",
    [
        lambda w: SpikingConvolution(w.view(2, 1, 1, 1), threshold=w.flatten(), n_bins=5),
        lambda w: SpikingLinear(w.view(2, 1), threshold=w.flatten(), n_bins=5),
    ],
)
def test_weights_and_thresholds_are_state_without_gradient(make):
    layer, other = make(torch.tensor([0.25, 0.5])), make(torch.tensor([0.75, 1.0]))
    assert list(layer.state_dict()) == ["weight", "threshold"]
    assert not any(parameter.requires_grad for parameter in layer.parameters())
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other.weight, layer.weight)
    assert torch.equal(other.threshold, layer.threshold)


def test_initial_weights_belong_to_the_layer():
    weight = torch.ones(1, 1, 1, 1)
    layer = SpikingConvolution(weight, threshold=0.5, n_bins=5)
    weight.zero_()
    assert layer.weight.item() == 1.0


def test_normal_weight_has_its_moments_and_follows_its_seed():
    weights = [
        normal_weight((100, 100), 0.8, 0.05, torch.Generator().manual_seed(s)) for s in (1, 1, 2)
    ]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    # five standard errors of a mean and of a standard deviation of 10 000 draws
    assert abs(weights[0].mean().item() - 0.8) < 5 * 0.05 / 100
    assert abs(weights[0].std().item() - 0.05) < 5 * 0.05 / math.sqrt(2 * 10_000)


def test_layers_agree_with_a_frozen_network(shared_oracles):
    """Three convolutions and two poolings on four images, spike for spike."""
    with np.load(shared_oracles / "spyketorch_e2e.npz") as file:
        arrays = {key: torch.from_numpy(file[key]) for key in file.files}

    def convolution(name, threshold, padding):
        return SpikingConvolution(arrays[name], threshold=threshold, n_bins=15, padding=padding)

    layers = {
        "l1": convolution("w1", 15.0, 2),
        "pool1": Pool(2),
        "l2": convolution("w2", 10.0, 1),
        "pool2": Pool(3),
        "l3": convolution("w3", None, 2),
    }
    for image in range(4):
        latency = arrays[f"i{image}_times"][None]
        latency = latency.masked_fill(latency == 15, SILENT).to(torch.uint8)
        for name, layer in layers.items():
            latency = layer(latency)
            if name.startswith("l"):
                expected = arrays[f"i{image}_{name}"][None]
                assert torch.equal(latency, expected.masked_fill(expected == 15, SILENT)), name


WEIGHT = torch.ones(2, 1, 1, 1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: SpikingConvolution(WEIGHT.int(), threshold=1, n_bins=5), TypeError, "int32"),
        (lambda: SpikingConvolution(WEIGHT[0], threshold=1, n_bins=5), ValueError, "kernel height"),
        (lambda: SpikingConvolution(WEIGHT * math.nan, threshold=1, n_bins=5), ValueError, "NaN"),
        (lambda: SpikingConvolution(WEIGHT, threshold=math.inf, n_bins=5), ValueError, "finite"),
        (lambda: SpikingConvolution(WEIGHT, threshold=1, n_bins=255), ValueError, "`n_bins`"),
        (
            lambda: SpikingConvolution(WEIGHT, threshold=torch.ones(3), n_bins=5),
            ValueError,
            "2 of them",
        ),
        (lambda: SpikingLinear(WEIGHT, threshold=1, n_bins=5), ValueError, "unit, channel"),
        (lambda: Pool(None, 2), ValueError, "`kernel`"),
        (lambda: Pool(1.5), ValueError, "`kernel` must be an int"),  # type: ignore[arg-type]
        (
            lambda: SpikingLinear(WEIGHT[:, :, 0, 0], threshold=1, n_bins=5, precision="half"),  # type: ignore[arg-type]
            ValueError,
            "`precision` must be one of",
        ),
        (lambda: Pool(None)(torch.zeros(1, 2)), TypeError, "uint8"),
        (lambda: normal_weight((1,), 0, -1, torch.Generator()), ValueError, "`std`"),
        (lambda: normal_weight((1,), 0, 1, 7), TypeError, "manual_seed"),  # type: ignore[arg-type]
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
