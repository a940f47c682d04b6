"""Laws of learning and responding that hold for any network: maps, silence, time and batches."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.latency import SILENT
from neurospyke.sim.ops.inhibited_convolution import inhibited_convolution, spread
from neurospyke.sim.ops.learning_step import learning_step
from neurospyke.sim.ops.pointwise_inhibition import pointwise_inhibition
from neurospyke.sim.ops.pool import pool
from neurospyke.sim.ops.spiking_convolution import spiking_convolution
from neurospyke.sim.ops.stdp import stdp
from neurospyke.sim.ops.winners import winners
from tests.conformance import latencies, quarters

MAPS, CHANNELS, BINS = 5, 3, 6
SEEDS = st.integers(0, 2**20)
RULE: dict[str, Any] = {"n_bins": BINS, "k": 3, "radius": 1, "padding": 1}


def layer(seed, maps=MAPS, channels=CHANNELS):
    """Weights without ties: no two sums of them are the same, but for chances of 2^-50."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(maps, channels, 3, 3, generator=generator, dtype=torch.float64)


def images(seed, n=4, channels=CHANNELS, size=6):
    return latencies(n, channels, size, size, n_bins=BINS, seed=seed, silent=0.6)


def learned(weight, latency, online, threshold=1.5):
    return learning_step(weight, latency, threshold, 0.25, -0.125, online=online, **RULE)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, order=st.permutations(range(MAPS)), online=st.booleans())
def test_permuting_maps_permutes_what_comes_out_and_what_is_learned(seed, order, online):
    order, weight, latency = torch.tensor(order), layer(seed), images(seed)
    spike, potential = spiking_convolution(latency, weight, 1.5, n_bins=BINS, padding=1)
    permuted = spiking_convolution(latency, weight[order], 1.5, n_bins=BINS, padding=1)
    assert torch.equal(permuted[0], spike[:, order])
    assert torch.equal(permuted[1], potential[:, order])
    assert torch.equal(pool(spike[:, order], 2), pool(spike, 2)[:, order])
    for kept, given_order in zip(
        pointwise_inhibition(spike, potential), pointwise_inhibition(*permuted), strict=True
    ):
        assert torch.equal(given_order, kept[:, order])
    new, found = learned(weight, latency, online)
    other, others = learned(weight[order], latency, online)
    assert torch.equal(other, new[order])
    place = torch.cat([order.argsort(), torch.tensor([-1])])
    assert torch.equal(others[..., 0], place[found[..., 0]])
    assert torch.equal(others[..., 1:], found[..., 1:])
    assert (found >= 0).any()


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, online=st.booleans(), channel=st.integers(0, CHANNELS))
def test_adding_silence_changes_nothing(seed, online, channel):
    """Silent channels, silent borders in place of padding, silent images, bins without a spike."""
    weight, latency = layer(seed), images(seed)
    spike, potential = spiking_convolution(latency, weight, 1.5, n_bins=BINS, padding=1)
    new, found = learned(weight, latency, online)

    more = torch.cat([latency, torch.full_like(latency[:, :1], SILENT)], dim=1)
    places = [*range(channel), CHANNELS, *range(channel, CHANNELS)]
    wider = torch.cat([weight, layer(seed + 1, channels=1)], dim=1)[:, places].contiguous()
    same = spiking_convolution(more[:, places], wider, 1.5, n_bins=BINS, padding=1)
    assert torch.equal(same[0], spike)
    torch.testing.assert_close(same[1], potential, rtol=1e-14, atol=0)
    # the silent inputs come too late for every winner, which no other weight feels
    kept = [place for place in range(CHANNELS + 1) if places[place] != CHANNELS]
    change, winner = learned(wider, more[:, places], online)
    assert torch.equal(winner, found)
    torch.testing.assert_close(change[:, kept], new, rtol=1e-14, atol=1e-16)

    framed = torch.nn.functional.pad(latency, (1, 1, 1, 1), value=SILENT)
    assert torch.equal(spiking_convolution(framed, weight, 1.5, n_bins=BINS)[0], spike)

    silent = torch.full_like(latency[:1], SILENT)
    with_blank = torch.cat([latency[:2], silent, latency[2:]])
    change, winner = learned(weight, with_blank, online)
    assert torch.equal(change, new)
    assert torch.equal(winner[[0, 1, 3, 4]], found)
    assert (winner[2] == -1).all()

    longer = spiking_convolution(latency, weight, 1.5, n_bins=BINS + 7, padding=1)
    assert torch.equal(longer[0], spike)


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS,
    bins=st.lists(st.integers(0, 254), min_size=BINS, max_size=BINS, unique=True).map(sorted),
    k=st.integers(1, 6),
    radius=st.none() | st.integers(0, 2),
)
def test_winners_do_not_change_when_time_is_relabelled_in_order(seed, bins, k, radius):
    """Only the order of spikes counts: with exact ties of times and of potentials."""
    latency = images(seed, channels=MAPS)
    potential = quarters(*latency.shape, low=1, high=2, seed=seed)
    table = torch.full((256,), SILENT, dtype=torch.uint8)
    table[:BINS] = torch.tensor(bins, dtype=torch.uint8)
    relabelled = table[latency.long()]
    found = winners(latency, potential, k, radius=radius)
    assert torch.equal(winners(relabelled, potential, k, radius=radius), found)
    first, potential_of = pointwise_inhibition(latency, potential)
    other, same = pointwise_inhibition(relabelled, potential)
    assert torch.equal(other, table[first.long()])
    assert torch.equal(same, potential_of)
    weight = layer(seed, channels=2)
    below = table[images(seed, channels=2, size=8).long()]
    above = stdp(weight, below, relabelled, found, 0.25, -0.125)
    assert torch.equal(
        above, stdp(weight, images(seed, channels=2, size=8), latency, found, 0.25, -0.125)
    )


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, threshold=st.sampled_from([0.5, 1.0, 1.75]))
def test_ties_go_by_time_then_potential_then_index(seed, threshold):
    """Weights in quarters tie often; inhibition and winners against the sorted triples."""
    weight = quarters(MAPS, 2, 2, 2, low=0, high=1, seed=seed)
    latency = images(seed, channels=2)
    spike, potential = spiking_convolution(latency, weight, threshold, n_bins=BINS)
    first, maps, _ = inhibited_convolution(latency, weight, threshold, n_bins=BINS)
    found = winners(spike, potential, 1)
    for sample, (bins, drive) in enumerate(zip(spike, potential, strict=True)):
        triples = [
            (int(bins.flatten()[i]), -float(drive.flatten()[i]), i)
            for i in range(bins.numel())
            if bins.flatten()[i] != SILENT
        ]
        if not triples:
            assert (found[sample] == -1).all()
            continue
        index = min(triples)[2]
        where = [int(part) for part in torch.unravel_index(torch.tensor(index), bins.shape)]
        assert found[sample, 0].tolist() == where
        place = bins[0].numel()
        for position in {i % place for _, _, i in triples}:
            best = min(triple for triple in triples if triple[2] % place == position)[2]
            assert maps[sample].flatten()[position] == best // place
    assert torch.equal(spread(first, maps, MAPS) == SILENT, _inhibited(spike, potential))


def _inhibited(spike, potential):
    return pointwise_inhibition(spike, potential)[0] == SILENT


@pytest.mark.parametrize("online", [False, True])
def test_one_image_at_a_time_is_online(online):
    """A batch of one is the same in both; of several, online is one after another, batch is not."""
    weight, latency = layer(3), images(3)
    one = weight
    for image in latency.split(1):
        one, _ = learned(one, image, online)
    whole, _ = learned(weight, latency, online)
    assert torch.equal(one, learned(weight, latency, True)[0])
    assert torch.equal(whole, one) == online
