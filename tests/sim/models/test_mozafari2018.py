"""The network of Mozafari et al. (2018): settings, encoding by hand, and a task it learns."""

import math

import pytest
import torch

from neurospyke.sim.latency import SILENT
from neurospyke.sim.layers import SpikingConvolution
from neurospyke.sim.models.mozafari2018 import mozafari2018
from neurospyke.sim.reward import RewardSTDP
from neurospyke.sim.train import decide, learn_by_reward


def deciding(network):
    layer = network.layers["conv1"]
    assert isinstance(layer, SpikingConvolution)
    return layer


def shapes(n_images, seed, side=48):
    """Outlines of squares (class 0) and diagonal crosses (1) of 24 pixels, anywhere, with noise."""
    generator = torch.Generator().manual_seed(seed)
    images = 0.2 * torch.rand(n_images, 1, side, side, generator=generator)
    labels = torch.arange(n_images) % 2
    here = torch.arange(24)
    edge = (here < 4) | (here >= 20)
    square = edge | edge[:, None]
    bar = (here - here[:, None]).abs() < 3
    for image, label in zip(images, labels, strict=True):
        row, column = torch.randint(2, side - 26, (2,), generator=generator).tolist()
        part = image[0, row : row + 24, column : column + 24]
        part[bar | bar.flip(1) if label else square] = 1.0
    return images, labels


def test_it_learns_to_tell_shapes_apart():
    """From guessing to nearly always right on shapes in places where it has not seen them."""
    network = mozafari2018(
        seed=0,
        pool=(5, 4),
        window=6,
        threshold=8.0,
        reward=(0.05, -0.025),
        punishment=(-0.05, 0.005),
    )
    images, labels = shapes(300, seed=0)
    new, answers = shapes(200, seed=1)
    batches = list(zip(images.split(100), labels.split(100), strict=True))
    learned = learn_by_reward(network, batches, epochs=10)
    assert (decide(network, new) == answers).float().mean() < 0.65
    assert (decide(learned, new) == answers).float().mean() > 0.95


def test_published_settings():
    network = mozafari2018()
    layer = deciding(network)
    rule = layer.rule
    assert isinstance(rule, RewardSTDP)
    assert network.name == "mozafari2018"
    assert layer.weight.shape == (20, 4, 17, 17)
    assert layer.weight.mean().item() == pytest.approx(0.8, abs=0.002)
    assert layer.weight.std().item() == pytest.approx(0.05, abs=0.002)
    assert layer.threshold is not None
    assert set(layer.threshold.flatten().tolist()) == {42.0}
    assert rule.classes(20).tolist() == [0] * 10 + [1] * 10
    assert (rule.reward, rule.punishment) == ((0.005, -0.0025), (-0.005, 0.0005))
    assert (rule.lower, rule.upper, rule.stabilizer, rule.dropout) == (0.0, 1.0, True, 0.5)
    encoder = network.encoder
    assert (encoder.absolute, encoder.pool, encoder.padding) == (True, (7, 6, 0), "none")
    assert encoder.lateral_inhibition == (0.15, 0.12, 0.10, 0.07, 0.05)


def test_settings_of_other_tasks():
    """Those of ETH-80: eight classes and large windows."""
    network = mozafari2018(
        1, n_classes=8, pool=(5, 4), window=31, threshold=160.0, dropout=0.4, n_bins=20
    )
    assert deciding(network).weight.shape == (80, 4, 31, 31)
    assert network(torch.rand(1, 1, 130, 131)).shape == (1, 80, 1, 1)
    assert network.n_bins == 20


def test_the_least_image_has_one_window():
    network = mozafari2018()
    assert network(torch.rand(1, 1, 107, 113)).shape == (1, 20, 1, 2)
    with pytest.raises(ValueError, match="smaller than the window"):
        network(torch.rand(1, 1, 106, 113))


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_grating_excites_the_filter_of_its_orientation_whatever_its_phase(number, sign):
    """Of 22.5 degrees and so on, with the filters' wavelength of 2.5 pixels, in half of the image.

    Windows of filter and pooling, six pixels, start every second pixel; those that reach over the
    boundary see an edge as well.
    """
    angle = math.radians(22.5 + 45 * number)
    here = torch.arange(40.0)
    across = here * math.sin(angle) + here[:, None] * math.cos(angle)
    image = 0.5 + 0.5 * sign * torch.cos(2 * math.pi * across / 2.5)
    image[:, 20:] = 0.5
    latency = mozafari2018(pool=(2, 2), window=3).encoder(image[None, None])[0]
    assert latency.shape == (4, 18, 18)
    fired = latency != SILENT
    assert fired[number, :, :8].all()
    assert fired.sum(0)[:, :8].max() == 1
    assert not fired[:, :, 10:].any()


def test_weights_follow_the_seed():
    first, same, other = (deciding(mozafari2018(seed)).weight for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_a_class_has_at_least_one_companion():
    with pytest.raises(ValueError, match="`n_classes`"):
        mozafari2018(n_classes=1)
