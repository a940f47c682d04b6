"""Features and receptive fields: by hand, against the oracle, and by who answers to which pixel."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neurospyke.sim.back_projection import (
    ReceptiveField,
    network_features,
    preferred_sums,
    receptive_field,
)
from neurospyke.sim.encode import RankOrderEncoder
from neurospyke.sim.filters import preferred_features
from neurospyke.sim.latency import SILENT
from neurospyke.sim.layers import Pool, SpikingConvolution, SpikingLinear
from neurospyke.sim.models.kheradpisheh2018 import kheradpisheh2018
from neurospyke.sim.models.mozafari2019 import mozafari2019
from neurospyke.sim.network import Network

N_BINS = 4


def conv(weight: torch.Tensor, **kwargs) -> SpikingConvolution:
    return SpikingConvolution(weight, threshold=0.0, n_bins=N_BINS, **kwargs)


def encoder(bank: torch.Tensor, **kwargs) -> RankOrderEncoder:
    return RankOrderEncoder(bank, n_bins=N_BINS, **kwargs)


def on_and_off() -> torch.Tensor:
    return torch.tensor([2.0, -0.5]).view(2, 1, 1, 1)


def test_two_layers_by_hand():
    """An edge, bright to dark, then two of them two pixels apart, the second one reversed."""
    edge = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).view(1, 2, 1, 2)
    pair = torch.tensor([[1.0, -0.5]]).view(1, 1, 1, 2)
    network = Network(
        "edges",
        encoder(on_and_off(), padding="none"),
        {"conv1": conv(edge, stride=(1, 2)), "conv2": conv(pair)},
    )
    assert network_features(network, "encoder").tolist() == [[[1.0]], [[-1.0]]]
    assert network_features(network, "conv1").tolist() == [[[1.0, -1.0]]]
    assert network_features(network, "conv2").tolist() == [[[1.0, -1.0, -0.5, 0.5]]]
    assert receptive_field(network, "conv2") == ReceptiveField((1, 4), (1, 2), (0, 0))


def test_the_largest_instead_of_the_sum_by_hand():
    """OFF inputs draw nothing, and so do negative weights."""
    weight = torch.tensor([[0.5, 1.0, -1.0], [1.0, 1.0, 1.0]]).view(1, 2, 1, 3)
    network = Network("max", encoder(on_and_off()), {"conv": conv(weight)})
    drawn = network_features(network, "conv", project=preferred_features)
    assert drawn.tolist() == [[[0.5, 1.0, 0.0]]]
    assert network_features(network, "conv").tolist() == [[[-0.5, 0.0, -2.0]]]


@pytest.fixture
def frozen(shared_oracles):
    with np.load(shared_oracles / "spyketorch_deep_feature.npz") as file:
        return {name: torch.from_numpy(file[name]) for name in file}


@pytest.mark.parametrize("inside", [True, False])
def test_oracle(frozen, inside):
    """Gabor filters, pooling 7 x 7 in steps of 6, and a convolution, pooled by encoder or layer."""
    eye = encoder(frozen["gabor"], pool=(7, 6) if inside else None)
    layers = {} if inside else {"c1": Pool(7, 6)}
    network = Network("hmax", eye, {**layers, "s2": conv(frozen["w"], stride=6)})
    for layer, name in (("encoder", "c1" if inside else "s1"), ("s2", "s2")):
        drawn = network_features(network, layer, project=preferred_features)
        torch.testing.assert_close(drawn, frozen[name], rtol=0, atol=1e-6)
        assert receptive_field(network, layer).size == tuple(frozen[name].shape[1:])
    assert receptive_field(network, "s2").stride == (36, 36)


def test_published_networks_by_hand():
    field = receptive_field(mozafari2019(), "conv3")
    # 13 + 4, pool 2: 18, conv2: 18 + 2 * 2, pool 3: 22 + 2 * 2, conv3: 26 + 4 * 6
    assert field.size == (50, 50)
    assert field.stride == (6, 6)
    # 6 + 2, then 1 of conv2 at 2 pixels, then 2 of conv3 at 6
    assert field.start == (-22, -22)
    features = network_features(kheradpisheh2018(), "pool2")
    assert features.shape == (100, 20, 20)
    with pytest.raises(ValueError, match="`image_size` must be given, because what 'pool2' sees"):
        receptive_field(kheradpisheh2018(), "pool2")
    whole = receptive_field(kheradpisheh2018(), "pool2", image_size=(28, 28))
    assert whole.size == (20 + 13 * 2, 20 + 13 * 2)


def test_pooling_keeps_features_in_the_middle_and_global_pooling_as_they_are():
    network = Network(
        "pools",
        encoder(torch.ones(1, 1, 1, 1)),
        {"pool": Pool((3, 2)), "conv": conv(torch.ones(1, 1, 1, 2)), "all": Pool(None)},
    )
    assert network_features(network, "pool").tolist() == [[[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]]
    pooled = network_features(network, "conv")
    assert pooled.tolist() == [[[0.0] * 4, [1.0, 0.0, 1.0, 0.0], [0.0] * 4]]
    assert network_features(network, "all").tolist() == pooled.tolist()


def test_linear_layers_see_the_whole_map_below():
    weight = torch.tensor([[0.0, 1.0, 2.0, 3.0]])
    readout = SpikingLinear(torch.tensor([[-1.0]]), threshold=0.0, n_bins=N_BINS)
    linear = SpikingLinear(weight, threshold=0.0, n_bins=N_BINS)
    network = Network(
        "linear", encoder(torch.ones(1, 1, 1, 1)), {"linear": linear, "readout": readout}
    )
    drawn = network_features(network, "linear", image_size=(2, 2))
    assert drawn.tolist() == [[[0.0, 1.0], [2.0, 3.0]]]
    after = network_features(network, "readout", image_size=(2, 2))
    assert after.tolist() == [[[0.0, -1.0], [-2.0, -3.0]]]
    assert receptive_field(network, "readout", image_size=(2, 2)).size == (2, 2)
    with pytest.raises(ValueError, match="`image_size` must be given"):
        network_features(network, "linear")


sizes = st.integers(1, 3)
pairs = st.tuples(sizes, sizes)
margins = st.tuples(*[st.integers(0, 2)] * 4)


@settings(max_examples=25, deadline=None)
@given(
    bank=st.sampled_from([1, 3]),
    padding=st.sampled_from(["none", "zeros"]),
    kernel=pairs,
    stride=pairs,
    margin=margins,
    pool=st.tuples(pairs, pairs),
)
def test_a_unit_spikes_for_the_pixels_it_sees(bank, padding, kernel, stride, margin, pool):
    """One bright pixel after another: with positive weights, those units fire that depend on it."""
    # steps longer than the window would leave pixels out
    steps = (min(stride[0], kernel[0]), min(stride[1], kernel[1]))
    # where no filter is computed, a unit at the border sees less than its field
    margin = margin if bank == 1 else 0
    layers: dict[str, nn.Module] = {
        "conv": conv(torch.ones(1, 1, *kernel), stride=steps, padding=margin),
        "pool": Pool(*pool),
    }
    network = Network("spots", encoder(torch.ones(1, 1, bank, bank), padding=padding), layers)
    # a larger image than any field
    spots = torch.eye(16 * 17).view(-1, 1, 16, 17)
    fires = network.latency(spots, "pool")[:, 0] != SILENT
    field = receptive_field(network, "pool")
    for row, column in ((0, 0), (fires.shape[1] - 1, 0), (0, fires.shape[2] - 1)):
        seen = fires[:, row, column].view(16, 17)
        top = field.start[0] + row * field.stride[0]
        left = field.start[1] + column * field.stride[1]
        expected = torch.zeros(16, 17, dtype=torch.bool)
        expected[
            max(top, 0) : max(top + field.size[0], 0), max(left, 0) : max(left + field.size[1], 0)
        ] = True
        assert torch.equal(seen, expected)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 3), st.integers(1, 4))
def test_sums_are_linear_and_a_few_maps_at_a_time_are_all(seed, spacing, n_maps):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(2, 3, 2, generator=generator, dtype=torch.float64)
    one, other = torch.randn(2, n_maps, 2, 2, 3, generator=generator, dtype=torch.float64)
    both = preferred_sums(features, one + other, spacing)
    assert both.shape == (n_maps, 3 + spacing, 2 + 2 * spacing)
    parts = preferred_sums(features, one, spacing) + preferred_sums(features, other, spacing)
    torch.testing.assert_close(both, parts)
    alone = [preferred_sums(features, each[None], spacing) for each in one]
    torch.testing.assert_close(torch.cat(alone), preferred_sums(features, one, spacing))


def test_spacing_of_rows_and_columns_may_differ():
    weight = torch.arange(1.0, 5.0).view(1, 1, 2, 2)
    network = Network(
        "oblong", encoder(torch.ones(1, 1, 1, 1)), {"pool": Pool(1, (1, 2)), "conv": conv(weight)}
    )
    for project in (preferred_sums, preferred_features):
        drawn = network_features(network, "conv", project=project)
        assert drawn.tolist() == [[[1.0, 0.0, 2.0], [3.0, 0.0, 4.0]]]


def test_large_layers_are_drawn_in_parts(monkeypatch):
    whole = network_features(kheradpisheh2018(), "conv2")
    monkeypatch.setattr("neurospyke.sim.back_projection._MOST_VALUES", 1)
    torch.testing.assert_close(network_features(kheradpisheh2018(), "conv2"), whole)


def test_bad_input_is_refused():
    class Eye(nn.Module):
        n_bins = N_BINS

    network = kheradpisheh2018()
    with pytest.raises(TypeError, match="`network` must be a Network; got str"):
        network_features("conv1", "conv1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`layer` must be one of"):
        receptive_field(network, "conv9")
    with pytest.raises(
        TypeError, match="`network` must have an encoder of luminance with a `bank`"
    ):
        network_features(Network("blind", Eye(), {"pool": Pool(2)}), "pool")
    colours = encoder(torch.ones(1, 1, 1, 1), colour="rgb")
    with pytest.raises(TypeError, match="got RankOrderEncoder of colours"):
        receptive_field(Network("colours", colours, {"pool": Pool(2)}), "pool")
    odd = Network("odd", encoder(torch.ones(1, 1, 1, 1)), {"flatten": nn.Flatten()})
    with pytest.raises(TypeError, match=r"convolutions, linear layers and pools only.*Flatten"):
        network_features(odd, "flatten")
    with pytest.raises(ValueError, match="`features` must have axes"):
        preferred_sums(torch.ones(2, 1, 1), torch.ones(1, 1, 1, 1))
    with pytest.raises(ValueError, match="`spacing` must be a whole number"):
        preferred_sums(torch.ones(1, 1, 1), torch.ones(1, 1, 1, 1), 0)
