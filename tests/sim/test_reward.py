"""Learning by reward: rates and steps by hand, a task it solves, decisions, bad input."""

from typing import Any

import pytest
import torch

from neurospyke.sim.encode import RankOrderEncoder
from neurospyke.sim.layers import SpikingConvolution, SpikingLinear
from neurospyke.sim.network import Network
from neurospyke.sim.reward import RewardSTDP
from neurospyke.sim.train import decide, learn_by_reward
from neurospyke.sim.update import Decisions, update_by_reward

N_BINS = 4
BOUNDS: dict[str, Any] = {"lower": 0.0, "upper": 1.0}


def deciding(weight, rule, threshold=None):
    """Network whose maps see two pixels each."""
    encoder = RankOrderEncoder(torch.ones(1, 1, 1, 1), n_bins=N_BINS)
    layer = SpikingConvolution(
        torch.tensor(weight).view(-1, 1, 1, 2), threshold=threshold, n_bins=N_BINS, rule=rule
    )
    return Network("two pixels", encoder, {"conv": layer})


def weight(network):
    return network.get_parameter("layers.conv.weight").flatten(1)


def pair(first, second):
    return torch.tensor([[[[first, second]]]])


@pytest.mark.parametrize("answer", [0, 1])
def test_one_step_by_hand(answer):
    """Map 0 has the larger potential and decides; it is read out last, after both inputs."""
    rule = RewardSTDP(2, (0.25, -0.5), (-0.125, 0.5), adaptive=False, **BOUNDS)
    network = deciding([[0.5, 0.25], [0.25, 0.25]], rule)
    learned = learn_by_reward(network, [(pair(0.9, 0.4), torch.tensor([answer]))])
    change = 0.25 if answer == 0 else -0.125
    expected = torch.tensor([[0.5 + change, 0.25 + change], [0.25, 0.25]])
    torch.testing.assert_close(weight(learned), expected)


@pytest.mark.parametrize(("clamp", "idle"), [("winners", -1.0), ("all", 0.2)])
def test_bounds_and_clamp_of_the_rule_are_used(clamp, idle):
    """Steps of 1/2 from 1/2 end at the bounds; map 1 never spikes, so only "all" clamps it."""
    rule = RewardSTDP(2, (0.5, -0.5), (-0.5, 0.5), adaptive=False, clamp=clamp)
    network = deciding([[0.5, 0.5], [-1.0, -1.0]], rule)
    learned = learn_by_reward(network, [(pair(0.9, 0.0), torch.tensor([0]))])
    assert weight(learned).flatten().tolist() == pytest.approx([0.8, 0.2, idle, idle])


def test_images_of_a_batch_are_decided_one_after_another():
    """Punished once, map 0 no longer spikes, and map 1 decides on the same image."""
    rule = RewardSTDP(2, (0.1, -0.1), (-0.5, 0.1), adaptive=False)
    network, steps = deciding([[0.5, 0.5], [0.45, 0.45]], rule), []
    images = torch.cat([pair(0.9, 0.0)] * 2)
    learn_by_reward(network, [(images, torch.tensor([1, 1]))], observe=steps.append)
    assert steps[0].winners[:, 0, 0].tolist() == [0, 1]
    assert (steps[0].decisions.n_wrong, steps[0].decisions.n_right) == (1, 1)


def test_an_input_after_the_decision_is_depressed_by_reward_and_restored_by_punishment():
    rule = RewardSTDP(2, (0.25, -0.125), (-0.25, 0.125), adaptive=False, **BOUNDS)
    network = deciding([[0.5, 0.5], [0.25, 0.25]], rule, threshold=0.375)
    for answer, expected in [(0, [0.75, 0.375]), (1, [0.25, 0.625])]:
        learned = learn_by_reward(network, [(pair(0.9, 0.4), torch.tensor([answer]))])
        torch.testing.assert_close(weight(learned)[0], torch.tensor(expected))


def test_rates_follow_the_performance_of_the_batch_before():
    """Chance first (1/2 of two classes), then one of two right, then all wrong."""
    rule = RewardSTDP(2, (0.25, 0.25), (-0.25, -0.25), **BOUNDS)
    network = deciding([[0.5, 0.5], [0.25, 0.25]], rule)
    image = pair(0.9, 0.4).expand(2, 1, 1, 2)
    batches = [(image, torch.tensor(answers)) for answers in ([0, 1], [1, 1], [0, 0])]
    steps = []
    learned = learn_by_reward(network, batches, observe=steps.append)
    assert [step.decisions for step in steps] == [
        Decisions(1, 1, 0),
        Decisions(0, 2, 0),
        Decisions(2, 0, 0),
    ]
    # +1/8 -1/8, then twice -1/8, then rewards count in full
    torch.testing.assert_close(weight(learned)[0], torch.tensor([0.75, 0.75]))


def test_who_does_not_spike_decides_nothing():
    rule = RewardSTDP(2, (0.25, 0.25), (-0.25, -0.25), adaptive=False, **BOUNDS)
    network = deciding([[0.5, 0.5], [0.25, 0.25]], rule, threshold=9.0)
    steps = []
    batch = (pair(0.9, 0.4), torch.tensor([0]))
    learned = learn_by_reward(network, [batch], observe=steps.append)
    assert steps[0].decisions == Decisions(0, 0, 1)
    assert torch.equal(weight(learned), weight(network))
    assert decide(network, batch[0]).tolist() == [-1]


def test_two_kinds_of_images_are_told_apart():
    """Left half bright or right half bright, with noise; four maps, of which two a class."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(200) % 2
    images = torch.rand(200, 1, 6, 6, generator=generator) * 0.5
    images[labels == 0, :, :, :3] += 0.5
    images[labels == 1, :, :, 3:] += 0.5
    rule = RewardSTDP(2, (0.05, -0.03), (-0.05, 0.03), lower=0.1, upper=0.9)
    start = torch.rand(4, 36, generator=generator) * 0.2 + 0.4
    encoder = RankOrderEncoder(torch.ones(1, 1, 1, 1), n_bins=15)
    layer = SpikingLinear(start, threshold=6.0, n_bins=15, rule=rule)
    network = Network("halves", encoder, {"linear": layer})
    batches = list(zip(images[:160].split(20), labels[:160].split(20), strict=True))
    before = (decide(network, images[160:]) == labels[160:]).float().mean()
    learned = learn_by_reward(network, batches, epochs=5)
    after = (decide(learned, images[160:]) == labels[160:]).float().mean()
    assert before < 0.8
    assert after == 1.0
    assert torch.equal(network.get_parameter("layers.linear.weight"), start)


def test_maps_that_drop_out_neither_decide_nor_learn():
    rule = RewardSTDP(2, (0.25, 0.25), (-0.25, -0.25), dropout=0.5, **BOUNDS)
    start = [[0.5, 0.5]] * 8
    decided = set()
    for seed in range(12):
        network = deciding(start, rule)
        steps = []
        batch = (pair(0.9, 0.4), torch.tensor([0]))
        learned = learn_by_reward(network, [batch], seed=seed, observe=steps.append)
        who = int(steps[0].winners[0, 0, 0])
        changed = (weight(learned) != weight(network)).any(1).nonzero().flatten().tolist()
        assert changed == ([who] if who >= 0 else [])
        decided.add(who)
    # all alike, so that the first one left decides
    assert len(decided) > 2
    assert 0 in decided


def test_decide_is_the_same_in_any_batches():
    rule = RewardSTDP(2, (0.1, -0.1), (-0.1, 0.1))
    network = deciding([[0.5, 0.25], [0.25, 0.5], [0.375, 0.375], [0.0, 0.75]], rule, 0.45)
    images = torch.rand(30, 1, 1, 2, generator=torch.Generator().manual_seed(1))
    expected = decide(network, images)
    assert set(expected.tolist()) == {0, 1}
    assert torch.equal(decide(network, images, batch_size=7), expected)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: RewardSTDP(1, (0.1, -0.1), (-0.1, 0.1)), ValueError, "`n_classes`"),
        (lambda: RewardSTDP(2, (0.1,), (-0.1, 0.1)), ValueError, "`reward` and `punishment`"),  # type: ignore[arg-type]
        (lambda: RewardSTDP(2, (float("nan"), 0), (0, 0)), ValueError, "`reward` must be finite"),
        (lambda: RewardSTDP(2, (0, 0), (0, 0), dropout=1.0), ValueError, "`dropout`"),
        (lambda: RewardSTDP(2, (0, 0), (0, 0), lower=1.0), ValueError, "swap them"),
        (lambda: RewardSTDP(3, (0, 0), (0, 0)).classes(4), ValueError, "`n_classes` must divide"),
    ],
)
def test_bad_rules(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (torch.tensor([0.0]), TypeError, "integer labels"),
        (torch.tensor([0, 1]), ValueError, r"one label an image, shape \(1,\)"),
        (torch.tensor([2]), ValueError, "labels from 0 to 1; got 2 to 2"),
        (torch.tensor([-1]), ValueError, "labels from 0 to 1"),
    ],
)
def test_bad_labels(labels, error, message):
    network = deciding([[0.5, 0.5], [0.25, 0.25]], RewardSTDP(2, (0.1, -0.1), (-0.1, 0.1)))
    with pytest.raises(error, match=message):
        learn_by_reward(network, [(pair(0.9, 0.4), labels)])
    with pytest.raises(TypeError, match="pairs of images and labels; got images alone"):
        learn_by_reward(network, [pair(0.9, 0.4)])  # type: ignore[list-item]


def test_a_seed_is_a_whole_number():
    network = deciding([[0.5, 0.5]], RewardSTDP(2, (0.1, -0.1), (-0.1, 0.1)))
    with pytest.raises(ValueError, match="`seed` must be a whole number from 0 up; got -1"):
        learn_by_reward(network, [], seed=-1)


def test_a_layer_must_decide():
    network = deciding([[0.5, 0.5]], None)
    with pytest.raises(ValueError, match="rule of the kind RewardSTDP"):
        decide(network, pair(0.9, 0.4))


def test_linear_layers_decide_as_convolutions_of_one_place():
    rule = RewardSTDP(2, (0.1, -0.05), (-0.1, 0.05), **BOUNDS)
    start = torch.rand(4, 5, generator=torch.Generator().manual_seed(2))
    latency = torch.randint(0, 4, (9, 5), generator=torch.Generator().manual_seed(3))
    latency = latency.to(torch.uint8)
    labels = torch.arange(9) % 2
    linear = SpikingLinear(start, threshold=1.0, n_bins=4, rule=rule)
    convolution = SpikingConvolution(start[..., None, None], threshold=1.0, n_bins=4, rule=rule)
    found = update_by_reward(linear, latency, labels, Decisions(), (0,))
    expected = update_by_reward(convolution, latency[..., None, None], labels, Decisions(), (0,))
    assert torch.equal(found[0], expected[0])
    assert found[1] == expected[1]
    assert torch.equal(linear.weight, convolution.weight[..., 0, 0])
    assert not torch.equal(linear.weight, start)
