"""Published networks: their sizes and settings, any image size, and real digits."""

import gzip

import numpy as np
import pytest
import torch

from neurospyke.sim import (
    STDP,
    Network,
    convergence,
    kheradpisheh2018,
    kheradpisheh2020,
    learn_by_stdp,
    mozafari2018,
    mozafari2019,
    rezghi2022,
)
from neurospyke.sim.encode import RankOrderEncoder
from neurospyke.sim.latency import SILENT

MODELS = [kheradpisheh2018, mozafari2019, rezghi2022]
LAYERS = {
    kheradpisheh2018: {
        "encoder": (2, 28, 28),
        "conv1": (30, 28, 28),
        "pool1": (30, 14, 14),
        "conv2": (100, 14, 14),
        "pool2": (100, 1, 1),
    },
    mozafari2019: {
        "encoder": (6, 28, 28),
        "conv1": (30, 28, 28),
        "pool1": (30, 14, 14),
        "conv2": (250, 14, 14),
        "pool2": (250, 4, 4),
        "conv3": (200, 4, 4),
    },
    rezghi2022: {
        "encoder": (6, 28, 28),
        "conv1": (100, 28, 28),
        "pool1": (100, 14, 14),
        "conv2": (200, 14, 14),
        "pool2": (200, 4, 4),
    },
}


@pytest.fixture(scope="module")
def digits(shared_data):
    n_images = 256
    with gzip.open(shared_data / "mnist" / "train-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(16 + n_images * 28 * 28), np.uint8, offset=16)
    return torch.from_numpy(pixels.copy()).view(-1, 1, 28, 28).float() / 255


def weight(network: Network, name: str) -> torch.Tensor:
    return network.get_parameter(f"layers.{name}.weight")


def firing(network, images, layer):
    return (network.latency(images, layer) != SILENT).float().mean().item()


@pytest.mark.parametrize("model", MODELS)
def test_sizes_on_digits(model):
    network = model(seed=0)
    assert network.name == model.__name__
    assert network.layer_names == tuple(LAYERS[model])
    image = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    for layer, shape in LAYERS[model].items():
        assert network.latency(image, layer).shape[1:] == shape


@pytest.mark.parametrize(
    ("model", "smallest"), [(kheradpisheh2018, 4), (mozafari2019, 6), (rezghi2022, 6)]
)
def test_any_size_and_number_of_bins(model, smallest):
    network = model(n_bins=30)
    generator = torch.Generator().manual_seed(0)
    for height, width in ((smallest, smallest), (13, 40)):
        latency = network(torch.rand(1, 1, height, width, generator=generator))
        assert ((latency < 30) | (latency == SILENT)).all()


@pytest.mark.parametrize("model", MODELS)
def test_weights_follow_the_seed(model):
    first, same, other = (model(seed=seed).state_dict() for seed in (1, 1, 2))
    for name, value in first.items():
        assert torch.equal(value, same[name])
        if name.endswith("weight"):
            assert not torch.equal(value, other[name])


@pytest.mark.parametrize(
    ("model", "mean", "rates", "later", "winners", "inhibition"),
    [
        (kheradpisheh2018, 0.8, (0.004, -0.003), (3000, 0.15), [(5, 2), (8, 1)], True),
        (mozafari2019, 0.8, (0.004, -0.003), (3000, 0.15), [(5, 3), (8, 1)], False),
        (rezghi2022, 0.5, (0.0004, -0.0003), (4000, 0.0009), [(5, 3), (8, 1)], False),
    ],
)
def test_published_settings(model, mean, rates, later, winners, inhibition):
    layers = model().layers
    rules = [layers[name].rule for name in ("conv1", "conv2")]
    assert [(rule.n_winners, rule.radius) for rule in rules] == winners
    assert rules[0].rates(0) == rates
    assert rules[0].rates(later[0]) == pytest.approx((later[1], -0.75 * later[1]))
    assert [layers[name].inhibition for name in ("conv1", "conv2")] == [inhibition] * 2
    assert layers["conv2"].weight.mean().item() == pytest.approx(mean, abs=0.01)


@pytest.mark.parametrize(
    ("model", "threshold", "radius", "sides"),
    [
        (kheradpisheh2018, 50 / 255, None, [7, 7]),
        (mozafari2019, 50 / 255, 8, [3, 3, 7, 7, 13, 13]),
        (rezghi2022, 0.01, None, [7] * 6),
    ],
)
def test_published_encoding(model, threshold, radius, sides):
    encoder = model().encoder
    assert encoder.threshold == threshold
    assert encoder.normalization_radius == radius
    # windows as wide as the filters reach, ON filters with a positive centre
    reach = [int((filters.abs().sum(0) > 0).sum()) for filters in encoder.bank[:, 0]]
    assert reach == sides
    middle = encoder.bank.shape[2] // 2
    signs = encoder.bank[:, 0, middle, middle].sign().tolist()
    assert signs == ([1, 1, 1, -1, -1, -1] if model is rezghi2022 else [1, -1] * (len(sides) // 2))


@pytest.mark.parametrize("model", MODELS)
def test_continued_borders_and_black_ones_are_the_same_for_digits(model, digits):
    """Digits have black borders, so published results hold for both."""
    encoder = model().encoder
    zeros = RankOrderEncoder(
        encoder.bank,
        n_bins=encoder.n_bins,
        threshold=encoder.threshold,
        normalization_radius=encoder.normalization_radius,
        padding="zeros",
    )
    black = digits[
        (digits[..., [0, -1], :] == 0).all((1, 2, 3)) & (digits[..., [0, -1]] == 0).all((1, 2, 3))
    ]
    assert len(black) > 100
    assert torch.equal(encoder(black[:32]), zeros(black[:32]))


def test_reward_layer_is_left_at_its_initial_weights(digits):
    network = mozafari2019(seed=0)
    learned = learn_by_stdp(network, [digits[:2]])
    assert torch.equal(weight(learned, "conv3"), weight(network, "conv3"))
    for name in ("conv1", "conv2"):
        assert not torch.equal(weight(learned, name), weight(network, name))


def test_digits_through_the_whole_path(digits):
    """The first layer learns edges from digits: its weights settle and its firing becomes sparse.

    Rates start where the published schedule ends, so that a few hundred digits are enough.
    """
    network = mozafari2019(seed=0)
    fast = STDP(0.15, -0.1125, n_winners=5, radius=3)
    setattr(network.layers["conv1"], "rule", fast)  # noqa: B010 - a module's type hides it
    learned = learn_by_stdp(network, digits.split(16), layers=["conv1"], epochs=4)
    settled = weight(learned, "conv1")
    assert convergence(settled) < 0.2 * convergence(weight(network, "conv1"))
    assert ((settled < 0.1) | (settled > 0.9)).float().mean() > 0.8
    test = digits[:64]
    assert 0.15 < firing(learned, test, "encoder") < 0.35
    assert firing(network, test, "conv1") > 0.5
    assert 0.01 < firing(learned, test, "conv1") < 0.15
    responses = learned.responses(test, [f"digit {i}" for i in range(64)], "pool1")
    assert responses.shape == (64, 30 * 14 * 14, 15)
    assert responses.values.sum() == (learned.latency(test, "pool1") != SILENT).sum()


@pytest.mark.parametrize(
    ("model", "side"),
    [*((each, 28) for each in MODELS), (kheradpisheh2020, 28), (mozafari2018, 160)],
)
def test_whole_networks_compile_to_one_graph(model, side):
    network = model(seed=0)
    images = torch.rand(2, 1, side, side, generator=torch.Generator().manual_seed(0))
    compiled = torch.compile(network, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        assert torch.equal(compiled(images), network(images))
        assert (network(images) != SILENT).any()
