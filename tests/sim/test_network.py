"""Network: any layer's responses, whatever the batch, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from neurospyke.sim.encode import RankOrderEncoder
from neurospyke.sim.filters import laplacian_of_gaussian
from neurospyke.sim.latency import SILENT
from neurospyke.sim.layers import Pool, SpikingConvolution, SpikingLinear, normal_weight
from neurospyke.sim.network import Network, pixel_responses
from neurospyke.sim.plasticity import STDP
from neurospyke.sim.reward import RewardSTDP
from neurospyke.sim.train import learn_by_reward, learn_by_stdp

N_BINS = 7


@pytest.fixture(scope="module")
def network():
    generator = torch.Generator().manual_seed(3)
    return Network(
        "small",
        RankOrderEncoder(laplacian_of_gaussian([0.7, 1.4]), n_bins=N_BINS),
        {
            "conv": SpikingConvolution(
                normal_weight((5, 4, 3, 3), 0.5, 0.1, generator),
                threshold=5.0,
                n_bins=N_BINS,
                inhibition=True,
            ),
            "pool": Pool(2),
            "linear": SpikingLinear(
                normal_weight((6, 5 * 3 * 2), 0.5, 0.1, generator), threshold=4.0, n_bins=N_BINS
            ),
        },
    )


@pytest.fixture(scope="module")
def images():
    return torch.rand(5, 1, 8, 7, generator=torch.Generator().manual_seed(4))


STIMULI = ["a", "b", "a", "c", "a"]


def test_layers_follow_one_another(network, images):
    assert network.layer_names == ("encoder", "conv", "pool", "linear")
    encoded = network.encoder(images)
    conv = network.layers["conv"](encoded)
    pooled = network.layers["pool"](conv)
    assert torch.equal(network.latency(images, "encoder"), encoded)
    assert torch.equal(network.latency(images, "conv"), conv)
    assert torch.equal(network.latency(images, "pool"), pooled)
    assert torch.equal(network(images), network.layers["linear"](pooled))
    assert (conv != SILENT).any()
    assert (network(images) != SILENT).any()


@pytest.mark.parametrize("layer", ["encoder", "conv", "pool", "linear"])
def test_spikes_are_latencies_in_their_bins(network, images, layer):
    latency = network.latency(images, layer).flatten(1).numpy()
    responses = network.responses(images, STIMULI, layer)
    assert responses.values.dtype == np.uint8
    assert responses.measure == "spike"
    assert responses.time_unit == "step"
    assert responses.edges.tolist() == list(range(N_BINS + 1))
    assert responses.values.sum(2).tolist() == (latency != SILENT).astype(int).tolist()
    trial, unit, time = np.nonzero(responses.values)
    assert latency[trial, unit].tolist() == time.tolist()
    times = network.responses(images, STIMULI, layer, measure="latency")
    assert times.values[:, :, 0].tolist() == np.where(latency == SILENT, N_BINS, latency).tolist()
    assert times.edges.tolist() == [0, N_BINS]


@pytest.mark.parametrize("measure", ["spike", "latency"])
@pytest.mark.parametrize("layer", ["encoder", "pool", "linear"])
def test_batches_change_nothing(network, images, layer, measure):
    whole = network.responses(images, STIMULI, layer, measure=measure)
    for size in (1, 2, 5):
        parts = network.responses(images, STIMULI, layer, measure=measure, batch_size=size)
        assert np.array_equal(parts.values, whole.values)


def test_labels(network, images):
    responses = network.responses(images, STIMULI, "conv")
    assert responses.source == "small"
    assert responses.trials["stimulus"].tolist() == STIMULI
    assert responses.trials["repetition"].tolist() == [0, 0, 1, 0, 2]
    assert responses.units.columns.tolist() == ["unit", "layer", "map", "row", "column"]
    place = responses.units.loc[2 * 6 * 5 + 3 * 5 + 4, ["map", "row", "column"]]
    assert place.tolist() == [2, 3, 4]
    latency = network.latency(images, "conv")[:, 2, 3, 4]
    unit = responses.where(units="map == 2 and row == 3 and column == 4")
    assert unit.values.sum((1, 2)).tolist() == (latency != SILENT).int().tolist()


def test_a_table_of_stimuli_is_kept(network, images):
    table = pd.DataFrame({"stimulus": STIMULI, "repetition": 7, "size": [1.0, 2, 3, 4, 5]})
    trials = network.responses(images, table, "linear").trials
    assert trials.equals(table)


def test_pixels_are_units(images):
    responses = pixel_responses(images, STIMULI)
    assert responses.shape == (5, 56, 1)
    unit = responses.units.query("row == 3 and column == 5")["unit"].item()
    assert responses.values[2, unit, 0] == images[2, 0, 3, 5]


@pytest.mark.parametrize("colour", ["rgb", "opponent"])
def test_colour_goes_all_the_way(colour):
    """Images of three channels are learned from and answered; grey ones are refused."""
    network = Network(
        "colour",
        RankOrderEncoder(laplacian_of_gaussian([0.7]), n_bins=N_BINS, colour=colour),
        {
            "conv": SpikingConvolution(
                normal_weight((5, 6, 3, 3), 0.5, 0.1, torch.Generator().manual_seed(3)),
                threshold=5.0,
                n_bins=N_BINS,
                rule=STDP(0.1, -0.05, n_winners=2, radius=1),
            ),
            "last": SpikingConvolution(
                normal_weight((4, 5, 6, 5), 0.8, 0.1, torch.Generator().manual_seed(4)),
                threshold=None,
                n_bins=N_BINS,
                rule=RewardSTDP(2, reward=(0.1, -0.1), punishment=(-0.1, 0.1)),
            ),
        },
    )
    images = torch.rand(6, 3, 8, 7, generator=torch.Generator().manual_seed(5))
    learned = learn_by_stdp(network, images.split(2))
    before, after = network.state_dict(), learned.state_dict()
    assert not torch.equal(after["layers.conv.weight"], before["layers.conv.weight"])
    labels = torch.tensor([0, 1, 0, 1, 0, 1])
    rewarded = learn_by_reward(learned, [(images, labels)])
    last = rewarded.state_dict()["layers.last.weight"]
    assert not torch.equal(last, before["layers.last.weight"])
    responses = rewarded.responses(images, [*STIMULI, "b"], "conv", batch_size=4)
    assert responses.values.any()
    latency = rewarded.latency(images, "conv").flatten(1).numpy()
    assert np.array_equal(responses.values.sum(2), latency != SILENT)
    # without its colour an image is answered otherwise
    grey = images.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    assert not torch.equal(rewarded.latency(grey, "conv"), rewarded.latency(images, "conv"))
    for call in (
        lambda: rewarded.responses(images[:, :1], [*STIMULI, "b"], "conv"),
        lambda: learn_by_stdp(network, [images[:, :1]]),
    ):
        with pytest.raises(ValueError, match=r"\(batch, 3, height, width\)"):
            call()


def test_pixels_of_colour_images_are_three_units_each():
    images = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    responses = pixel_responses(images, ["a", "b"])
    assert responses.shape == (2, 60, 1)
    unit = responses.units.query("map == 2 and row == 3 and column == 1")["unit"].item()
    assert responses.values[1, unit, 0] == images[1, 2, 3, 1]


def test_responses_do_not_share_memory_with_the_images():
    images = torch.full((1, 1, 2, 2), 0.5)
    responses = pixel_responses(images, ["a"])
    images.zero_()
    assert responses.values.ravel().tolist() == [0.5] * 4


def test_the_limit_is_on_all_bytes(network, images):
    n_bytes = 5 * 30 * N_BINS
    assert network.responses(images, STIMULI, "pool", max_bytes=n_bytes).values.nbytes == n_bytes
    with pytest.raises(ValueError, match=rf"{n_bytes} bytes; got {n_bytes - 1}; pass fewer images"):
        network.responses(images, STIMULI, "pool", max_bytes=n_bytes - 1)


def test_state_travels(network, images):
    other = Network(
        "other",
        RankOrderEncoder(torch.zeros(4, 1, 7, 7), n_bins=N_BINS),
        {
            "conv": SpikingConvolution(
                torch.zeros(5, 4, 3, 3), threshold=0.0, n_bins=N_BINS, inhibition=True
            )
        },
    )
    state = {k: v for k, v in network.state_dict().items() if "linear" not in k}
    other.load_state_dict(state)
    assert torch.equal(other(images), network.latency(images, "conv"))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"layer": "conv9"}, ValueError, r"'encoder', 'conv', 'pool', 'linear'.*'conv9'"),
        ({"measure": "rate"}, ValueError, "'rate'"),
        ({"batch_size": 0}, ValueError, "`batch_size`"),
        ({"stimuli": ["a"]}, ValueError, "5 rows.*got 1"),
        ({"stimuli": [0.5] * 5}, ValueError, "`stimuli`"),
        ({"stimuli": pd.DataFrame({"name": STIMULI})}, ValueError, "stimulus"),
        ({"images": torch.full((5, 1, 8, 7), torch.nan)}, ValueError, "NaN"),
        ({"images": np.zeros((5, 1, 8, 7))}, TypeError, "ndarray"),
    ],
)
def test_bad_responses(network, images, arguments, error, message):
    with pytest.raises(error, match=message):
        network.responses(**{"images": images, "stimuli": STIMULI, "layer": "pool", **arguments})


ENCODER = RankOrderEncoder(laplacian_of_gaussian([0.7]), n_bins=N_BINS)


@pytest.mark.parametrize(
    ("encoder", "layers", "error", "message"),
    [
        (nn.Identity(), {"pool": Pool(2)}, TypeError, "Identity"),
        (ENCODER, {}, ValueError, "at least one"),
        (ENCODER, {"encoder": Pool(2)}, ValueError, "'encoder'"),
        (ENCODER, {"pool.1": Pool(2)}, ValueError, "'pool.1'"),
        (ENCODER, {"pool": torch.relu}, TypeError, "'pool'"),
        (
            ENCODER,
            {"linear": SpikingLinear(torch.ones(1, 1), threshold=1.0, n_bins=9)},
            ValueError,
            "number of bins, 7; got 9 in 'linear'",
        ),
    ],
)
def test_bad_networks(encoder, layers, error, message):
    with pytest.raises(error, match=message):
        Network("bad", encoder, layers)
