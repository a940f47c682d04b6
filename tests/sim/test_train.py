"""Learning by STDP: one step by hand, order of layers, determinism, convergence."""

import dataclasses
import math
from typing import Any

import pytest
import torch
from torch import nn

from neurospyke.sim.encode import RankOrderEncoder
from neurospyke.sim.filters import difference_of_gaussians
from neurospyke.sim.latency import SILENT
from neurospyke.sim.layers import Pool, SpikingConvolution, SpikingLinear, normal_weight
from neurospyke.sim.network import Network
from neurospyke.sim.plasticity import STDP, Homeostasis, RateSchedule, convergence
from neurospyke.sim.train import learn_by_stdp

N_BINS = 6


def pixels(n_bins=N_BINS):
    """Encoder in which every pixel is a neuron."""
    return RankOrderEncoder(torch.ones(1, 1, 1, 1), n_bins=n_bins, threshold=0.01)


def bars():
    """Vertical and horizontal bars, each at the four places it has in 8 x 8 pixels."""
    images = torch.zeros(8, 1, 8, 8)
    for place in range(4):
        images[2 * place, 0, :, 2 * place] = 1.0
        images[2 * place + 1, 0, 2 * place, :] = 1.0
    return images


def two_layers(rule1: Any, rule2: Any):
    generator = torch.Generator().manual_seed(0)
    return Network(
        "bars",
        RankOrderEncoder(difference_of_gaussians([(1.0, 2.0), (2.0, 1.0)], 3), n_bins=N_BINS),
        {
            "conv1": SpikingConvolution(
                normal_weight((4, 2, 3, 3), 0.8, 0.05, generator),
                threshold=2.0,
                n_bins=N_BINS,
                padding=1,
                rule=rule1,
            ),
            "pool1": Pool(2),
            "conv2": SpikingConvolution(
                normal_weight((6, 4, 2, 2), 0.8, 0.05, generator),
                threshold=1.0,
                n_bins=N_BINS,
                rule=rule2,
            ),
        },
    )


RULE = STDP(0.1, -0.075, n_winners=2, radius=1)


def weight(network: Network, name: str) -> torch.Tensor:
    return network.get_parameter(f"layers.{name}.weight")


def weights(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(one, other):
    return all(torch.equal(value, weights(other)[name]) for name, value in weights(one).items())


def test_one_step_by_hand():
    """Map 1 wins in the bin of the first pixel: that weight grows by 0.4/4, the rest shrink."""
    layer = SpikingConvolution(
        torch.tensor([[[[0.25, 0.25]]], [[[0.5, 0.5]]]]),
        threshold=0.3,
        n_bins=N_BINS,
        rule=STDP(0.4, -0.2),
    )
    network = Network("two pixels", pixels(), {"conv": layer})
    learned = learn_by_stdp(network, [torch.tensor([[[[0.9, 0.4]]]])])
    expected = torch.tensor([[[[0.25, 0.25]]], [[[0.6, 0.45]]]])
    torch.testing.assert_close(weight(learned, "conv"), expected)


def test_one_step_of_a_linear_layer_by_hand():
    """Both units spike with the first pixel and both learn, since two may win."""
    layer = SpikingLinear(
        torch.full((2, 2), 0.5), threshold=0.3, n_bins=N_BINS, rule=STDP(0.4, -0.2, n_winners=2)
    )
    network = Network("two pixels", pixels(), {"linear": layer})
    learned = learn_by_stdp(network, [torch.tensor([[[[0.9, 0.4]]]])])
    torch.testing.assert_close(weight(learned, "linear"), torch.tensor([[0.6, 0.45], [0.6, 0.45]]))


def test_rates_follow_the_samples_seen():
    """Rates 0.1 for the first image and 0.2 for the second; w grows by a w (1 - w) each time."""
    rule = STDP(0.1, -0.1, schedule=RateSchedule(1, 2.0, 0.2))
    layer = SpikingConvolution(
        torch.full((1, 1, 1, 1), 0.5), threshold=0.25, n_bins=N_BINS, rule=rule
    )
    # a second, silent pixel, because an image of one pixel is constant and never spikes
    image = torch.tensor([[[[1.0, 0.0]]]])
    network = Network("one pixel", pixels(), {"conv": layer})
    after_one, w = learn_by_stdp(network, [image]), 0.5 + 0.1 * 0.25
    assert weight(after_one, "conv").item() == pytest.approx(w)
    after_two = learn_by_stdp(network, [image], epochs=2)
    assert weight(after_two, "conv").item() == pytest.approx(w + 0.2 * w * (1 - w))


def test_stride_and_padding_of_the_layer_are_used():
    """With stride 2 and padding on the left, the window over pixels 1 and 2 wins."""
    layer = SpikingConvolution(
        torch.full((1, 1, 1, 2), 0.5),
        threshold=0.75,
        n_bins=N_BINS,
        stride=2,
        padding=(0, 0, 1, 0),
        rule=STDP(0.4, -0.2),
    )
    network = Network("three pixels", pixels(), {"conv": layer})
    learned = learn_by_stdp(network, [torch.tensor([[[[0.0, 0.9, 0.4]]]])])
    assert weight(learned, "conv").flatten().tolist() == pytest.approx([0.6, 0.6])


@pytest.mark.parametrize(
    ("settings", "learned"),
    [
        # 0.5 + 0.4 (0.5 - lower) (upper - 0.5), or 0.5 + 0.4 without the stabilizer
        ({}, 0.6),
        ({"lower": -0.5}, 0.7),
        ({"upper": 1.5}, 0.7),
        ({"stabilizer": False}, 0.9),
    ],
)
def test_settings_of_the_rule_are_used(settings, learned):
    layer = SpikingConvolution(
        torch.full((1, 1, 1, 1), 0.5),
        threshold=0.25,
        n_bins=N_BINS,
        rule=STDP(0.4, -0.2, **settings),
    )
    network = Network("one pixel", pixels(), {"conv": layer})
    after = learn_by_stdp(network, [torch.tensor([[[[1.0, 0.0]]]])])
    assert weight(after, "conv").item() == pytest.approx(learned)


def row_layer(kind, weight, **settings):
    """Maps that see a whole row of pixels, as a convolution or fully connected."""
    shape = (len(weight), 1, 1, -1) if kind is SpikingConvolution else (len(weight), -1)
    layer = kind(torch.tensor(weight).view(shape), n_bins=N_BINS, **settings)
    return Network("a row of pixels", pixels(), {"row": layer})


@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize("kind", [SpikingConvolution, SpikingLinear])
def test_time_constants_of_the_rule_are_used(kind, online):
    """Inputs in bins 0, 2, 4 and never; the second takes 1/2 + 1/2 over 3/4, in bin 2."""
    rule = STDP(0.4, -0.2, time_constants=(2.0, 4.0), silent=0.5)
    network = row_layer(kind, [[0.5, 0.5, 0.5, 0.5]], threshold=0.75, rule=rule)
    learned = learn_by_stdp(network, [torch.tensor([[[[0.9, 0.6, 0.3, 0.0]]]])], online=online)
    factors = [0.4 * math.exp(-1), 0.4, -0.2 * math.exp(-0.5), -0.2 * 0.5]
    expected = [0.5 + 0.25 * factor for factor in factors]
    assert weight(learned, "row").flatten().tolist() == pytest.approx(expected)


@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize("kind", [SpikingConvolution, SpikingLinear])
def test_rates_and_bounds_of_each_map_are_used(kind, online):
    """Map 0 wins the first image, map 1 the second: w + a (w - lower)(upper - w)."""
    rule = STDP((0.4, 0.2), (-0.2, -0.1), lower=(0.0, -0.5), upper=(1.0, 1.5))
    network = row_layer(kind, [[0.5, 0.1], [0.1, 0.5]], threshold=0.3, rule=rule)
    learned = learn_by_stdp(network, [torch.eye(2).view(2, 1, 1, 2)], online=online)
    expected = [0.5 + 0.4 / 4, 0.1 - 0.2 * 0.09, 0.1 - 0.1 * 0.6 * 1.4, 0.5 + 0.2]
    assert weight(learned, "row").flatten().tolist() == pytest.approx(expected)


@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize("kind", [SpikingConvolution, SpikingLinear])
def test_homeostasis_of_the_rule_is_used(kind, online):
    """Map 0 wins twice, in bin 0 where 1 is wanted: its share was one win, and 2 / 6 too early."""
    rule = STDP(0.4, -0.2, homeostasis=Homeostasis(0.06, target=1.0))
    network = row_layer(kind, [[0.5, 0.1], [0.1, 0.5]], threshold=0.3, rule=rule)
    image = torch.tensor([[[[1.0, 0.0]]]])
    learned = learn_by_stdp(network, [torch.cat([image, image])], online=online)
    threshold = learned.get_buffer("layers.row.threshold").tolist()
    assert threshold == pytest.approx([0.3 + 0.06 * 4 / 3, 0.3 - 0.06 * 2 / 3])


@pytest.mark.parametrize(("clamp", "idle"), [("winners", 3.0), ("all", 1.0)])
def test_clamp_of_the_rule_is_used(clamp, idle):
    """Map 1 never spikes, so it is clamped only where all maps are."""
    layer = SpikingConvolution(
        torch.tensor([0.5, 3.0]).view(2, 1, 1, 1),
        threshold=torch.tensor([0.25, 9.0]),
        n_bins=N_BINS,
        rule=STDP(0.4, -0.2, clamp=clamp),
    )
    network = Network("one pixel", pixels(), {"conv": layer})
    after = learn_by_stdp(network, [torch.tensor([[[[1.0, 0.0]]]])])
    assert weight(after, "conv").flatten().tolist() == pytest.approx([0.6, idle])


@pytest.mark.parametrize(
    "image", [[1.0, 0.0, 0.0], [1.0, 0.5, 0.0]], ids=["one position", "two positions"]
)
def test_one_map_is_kept_at_each_position(image):
    """Two may win, but map 0 is the weaker everywhere: only map 1, 0.6 + 0.25 x 0.24, learns."""
    layer = SpikingConvolution(
        torch.tensor([0.5, 0.6]).view(2, 1, 1, 1),
        threshold=0.25,
        n_bins=N_BINS,
        rule=STDP(0.25, -0.25, n_winners=2),
    )
    network = Network("two maps", pixels(), {"conv": layer})
    after = learn_by_stdp(network, [torch.tensor([[[image]]])])
    assert weight(after, "conv").flatten().tolist() == pytest.approx([0.5, 0.66])


@pytest.mark.parametrize(("radius", "second"), [(None, 0.5625), (0, 0.5625), (1, 0.5)])
def test_radius_of_the_rule_is_used(radius, second):
    """Map 0 sees the stronger pixel only, map 1 the weaker one beside it, only."""
    weights = torch.tensor([[[[0.5]], [[0.0]]], [[[0.0]], [[0.5]]]])
    layer = SpikingConvolution(
        weights, threshold=0.25, n_bins=N_BINS, rule=STDP(0.25, -0.25, n_winners=2, radius=radius)
    )

    class Channels(nn.Module):
        n_bins = N_BINS

        def forward(self, images):
            return torch.tensor([[[[0, SILENT]], [[SILENT, 1]]]] * len(images), dtype=torch.uint8)

    network = Network("two channels", Channels(), {"conv": layer})
    after = weight(learn_by_stdp(network, [torch.zeros(1, 1, 1, 2)]), "conv")
    assert after[0, 0].item() == 0.5625
    assert after[1, 1].item() == second


@pytest.mark.parametrize(("radius", "learns"), [(None, [0, 1]), (1, [0, 2])])
def test_radius_of_a_linear_layer_counts_units(radius, learns):
    """Three equal units tie, so they win by number, but for neighbours of the first."""
    rule = STDP(0.4, -0.2, n_winners=2, radius=radius)
    network = row_layer(SpikingLinear, [[0.5, 0.5]] * 3, threshold=0.3, rule=rule)
    learned = weight(learn_by_stdp(network, [torch.tensor([[[[1.0, 0.0]]]])]), "row")
    assert (learned[:, 0] > 0.5).nonzero().flatten().tolist() == learns


def test_learning_concentrates_the_weights():
    network = two_layers(RULE, RULE)
    learned = learn_by_stdp(network, bars().split(1), epochs=60)
    for name in ("conv1", "conv2"):
        before, after = (convergence(weight(x, name)) for x in (network, learned))
        assert after < 0.6 * before
        low, high = weight(learned, name).aminmax()
        assert low >= 0
        assert high <= 1
    assert (learned(bars()) != SILENT).any()


def test_same_in_same_out_and_the_network_is_left_alone():
    network = two_layers(RULE, RULE)
    before = weights(network)
    first, second = (learn_by_stdp(network, bars().split(3), epochs=2) for _ in range(2))
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])
        assert torch.equal(network.state_dict()[name], before[name])
    assert not torch.equal(weight(first, "conv1"), weight(network, "conv1"))
    assert not torch.equal(weight(first, "conv2"), weight(network, "conv2"))


def test_layers_learn_one_after_another():
    network = two_layers(RULE, RULE)
    together = learn_by_stdp(network, bars().split(3))
    below = learn_by_stdp(network, bars().split(3), layers=["conv1"])
    assert torch.equal(weight(below, "conv2"), weight(network, "conv2"))
    apart = learn_by_stdp(below, bars().split(3), layers=["conv2"])
    for name, value in together.state_dict().items():
        assert torch.equal(value, apart.state_dict()[name])


def test_layers_learn_in_the_order_of_the_network():
    network, batches = two_layers(RULE, RULE), bars().split(1)
    in_order = learn_by_stdp(network, batches, epochs=20)
    named = learn_by_stdp(network, batches, layers=["conv2", "conv1"], epochs=20)
    conv2_first = learn_by_stdp(network, batches, layers=["conv2"], epochs=20)
    assert torch.equal(weight(named, "conv2"), weight(in_order, "conv2"))
    assert not torch.equal(weight(conv2_first, "conv2"), weight(in_order, "conv2"))


def test_layers_without_a_rule_are_left_as_they_are():
    network = two_layers(RULE, None)
    learned = learn_by_stdp(network, bars().split(3))
    assert torch.equal(weight(learned, "conv2"), weight(network, "conv2"))
    assert not torch.equal(weight(learned, "conv1"), weight(network, "conv1"))


def test_batches_used_up_after_one_pass_do_for_one():
    network = two_layers(RULE, RULE)
    once = learn_by_stdp(network, iter(bars().split(3)), layers=["conv1"])
    again = learn_by_stdp(network, bars().split(3), layers=["conv1"])
    assert torch.equal(weight(once, "conv1"), weight(again, "conv1"))


@pytest.mark.parametrize("every", [None, 3])
def test_online_is_the_same_as_batches_of_one(every):
    schedule = None if every is None else RateSchedule(every, 2.0, 1.0)
    network = two_layers(*[dataclasses.replace(RULE, schedule=schedule)] * 2)
    one_by_one = learn_by_stdp(network, bars().split(1), epochs=2)
    for size in (4, 5, 8):
        online = learn_by_stdp(network, bars().split(size), epochs=2, online=True)
        assert same(online, one_by_one)
    together = learn_by_stdp(network, bars().split(8), epochs=2)
    assert not same(together, one_by_one)


def test_a_linear_layer_learns_online():
    layer = SpikingLinear(
        torch.full((2, 64), 0.5), threshold=1.0, n_bins=N_BINS, rule=STDP(0.1, -0.1)
    )
    network = Network("linear", pixels(), {"fc": layer})
    online = learn_by_stdp(network, [bars()], online=True)
    assert same(online, learn_by_stdp(network, bars().split(1)))
    assert not same(online, network)


def test_winners_of_a_batch_come_from_its_starting_weights():
    """A batch of two and two batches of one differ once the first image changes the winner."""
    rule = STDP(0.9, -0.9, n_winners=1)
    network = two_layers(dataclasses.replace(rule, rate_positive=0.9), None)
    together = learn_by_stdp(network, bars().split(8))
    apart = learn_by_stdp(network, bars().split(1))
    assert not torch.equal(weight(together, "conv1"), weight(apart, "conv1"))


class Odd(nn.Module):
    rule = RULE


# wrong types are passed on purpose
LEARN: Any = learn_by_stdp


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda n: LEARN("n", bars().split(3)), TypeError, "`network`"),
        (lambda n: LEARN(n, bars()), TypeError, "split"),
        (lambda n: LEARN(n, 3), TypeError, "got int"),
        (lambda n: LEARN(n, []), ValueError, "at least one batch"),
        (lambda n: LEARN(n, iter(bars().split(3))), ValueError, "2 times"),
        (
            lambda n: LEARN(n, iter(bars().split(3)), layers=["conv1"], epochs=2),
            ValueError,
            "2 times",
        ),
        (lambda n: LEARN(n, [bars() * torch.nan]), ValueError, "NaN"),
        (lambda n: LEARN(n, [(bars(), 1)]), TypeError, "leave labels out"),
        (lambda n: LEARN(n, bars().split(3), epochs=0), ValueError, "`epochs`"),
        (lambda n: LEARN(n, bars().split(3), layers=["pool1"]), ValueError, "'pool1'"),
        (lambda n: LEARN(n, bars().split(3), layers=[]), ValueError, "`layers`"),
        (lambda n: LEARN(n, bars().split(3), layers="conv1"), TypeError, r"\['conv1'\]"),
        (
            lambda n: LEARN(Network("odd", pixels(), {"odd": Odd()}), bars().split(3)),
            TypeError,
            "Odd",
        ),
        (
            lambda n: LEARN(two_layers("hebb", None), bars().split(3)),
            TypeError,
            "got str",
        ),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call(two_layers(RULE, RULE))


def test_an_iterator_that_runs_dry_is_noticed():
    class Dry:
        def __init__(self):
            self.passes = 0

        def __iter__(self):
            self.passes += 1
            return iter(bars().split(4) if self.passes == 1 else ())

    with pytest.raises(ValueError, match="pass 1 over 'conv2'"):
        learn_by_stdp(two_layers(RULE, RULE), Dry())
