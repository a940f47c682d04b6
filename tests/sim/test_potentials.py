"""Potentials at the end: by hand, parts of maps, any batch, linear layers, refusals."""

import pytest
import torch

from neurospyke.sim.encode import RankOrderEncoder
from neurospyke.sim.layers import Pool, SpikingConvolution, SpikingLinear
from neurospyke.sim.network import Network
from neurospyke.sim.potentials import final_potentials

EYE = RankOrderEncoder(torch.ones(1, 1, 1, 1), n_bins=4)


def network(threshold=9.0):
    """Two maps over pairs of pixels, and two units on all pairs; the second map wants darkness."""
    weight = torch.tensor([[0.25, 0.5], [-0.25, -0.5]]).view(2, 1, 1, 2)
    layers = {
        "conv": SpikingConvolution(weight, threshold=threshold, n_bins=4),
        "pool": Pool(None),
        "linear": SpikingLinear(torch.tensor([[0.5, 1.0]]), threshold=threshold, n_bins=4),
    }
    return Network("pairs", EYE, layers)


def image(*pixels):
    return torch.tensor(pixels).view(1, 1, 1, -1)


def test_the_greatest_potential_of_each_part_by_hand():
    lit = image(0.0, 0.9, 0.0, 0.8, 0.7, 0.6)
    # 1/4 if the left pixel of the pair is lit, 1/2 if the right one is
    pairs = [0.5, 0.25, 0.5, 0.75, 0.75]
    whole = final_potentials(network(), lit, "conv", grid=(1, 5))
    assert whole[0, 0, 0].tolist() == pairs
    assert whole[0, 1, 0].tolist() == [0.0] * 5
    # of 5 positions in 2 parts: the first three and the last three
    assert final_potentials(network(), lit, "conv", grid=(1, 2))[0, 0, 0].tolist() == [0.5, 0.75]
    assert final_potentials(network(), lit, "conv").flatten().tolist() == [0.75, 0.0]


def test_thresholds_of_the_layer_do_not_matter_and_those_below_do():
    lit = image(0.9, 0.8, 0.0)
    assert final_potentials(network(0.1), lit, "linear").tolist() == [[[[0.5]]]]
    assert final_potentials(network(9.0), lit, "linear").tolist() == [[[[0.0]]]]
    for threshold in (0.1, 9.0):
        given = network(threshold)
        assert final_potentials(given, lit, "conv").flatten().tolist() == [0.75, 0.0]
        assert given.get_buffer("layers.conv.threshold").tolist() == pytest.approx([threshold] * 2)


def test_batches_do_not_matter():
    images = torch.rand(5, 1, 3, 6, generator=torch.Generator().manual_seed(0))
    one, all_ = (
        final_potentials(network(), images, "conv", grid=2, batch_size=size) for size in (1, 64)
    )
    assert torch.equal(one, all_)
    assert one.shape == (5, 2, 2, 2)


@pytest.mark.parametrize(
    ("layer", "settings", "message"),
    [
        ("pool", {}, "`layer` must be a convolution or linear layer of the network; got 'pool'"),
        ("nowhere", {}, "`layer` must be a convolution or linear layer"),
        ("encoder", {}, "`layer` must be a convolution or linear layer"),
        ("conv", {"grid": (2, 1)}, r"`grid` must be from 1 to the size of the maps, \(1, 2\)"),
        ("conv", {"grid": 0}, "`grid` must be"),
        ("conv", {"batch_size": 0}, "`batch_size` must be"),
    ],
)
def test_what_does_not_fit_is_refused(layer, settings, message):
    with pytest.raises(ValueError, match=message):
        final_potentials(network(), image(0.1, 0.2, 0.3), layer, **settings)
