"""The course of learning: interrupted anywhere it ends the same, and it can stop early."""

import dataclasses

import pytest
import torch

from neurospyke.sim.checkpoint import read_checkpoint
from neurospyke.sim.course import Inputs
from neurospyke.sim.encode import RankOrderEncoder
from neurospyke.sim.layers import Pool, SpikingConvolution, normal_weight
from neurospyke.sim.network import Network
from neurospyke.sim.plasticity import STDP, Homeostasis, RateSchedule, convergence
from neurospyke.sim.reward import RewardSTDP
from neurospyke.sim.train import learn_by_reward, learn_by_stdp
from tests.sim.killed import Killed, killed_after

SCHEDULE = RateSchedule(5, 1.5, 0.4)
RULE = STDP(0.1, -0.075, n_winners=2, radius=1, schedule=SCHEDULE)


def network(rule=RULE, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Network(
        "three layers",
        RankOrderEncoder(torch.ones(1, 1, 1, 1), n_bins=6),
        {
            "conv1": SpikingConvolution(
                normal_weight((4, 1, 3, 3), 0.6, 0.1, generator),
                threshold=1.5,
                n_bins=6,
                padding=1,
                rule=rule,
            ),
            "pool1": Pool(2),
            "conv2": SpikingConvolution(
                normal_weight((6, 4, 2, 2), 0.6, 0.1, generator), threshold=1.0, n_bins=6, rule=rule
            ),
            "conv3": SpikingConvolution(
                normal_weight((4, 6, 2, 2), 0.5, 0.1, generator),
                threshold=None,
                n_bins=6,
                rule=RewardSTDP(2, (0.1, -0.05), (-0.1, 0.05), dropout=0.25),
            ),
        },
    )


def images(n=12):
    return torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(7))


def labelled():
    return list(zip(images().split(3), (torch.arange(12) % 2).split(3), strict=True))


def same(one, other):
    assert one.state_dict().keys() == other.state_dict().keys()
    return all(
        torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items()
    )


@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize("homeostasis", [None, Homeostasis(0.05, target=2.0)])
@pytest.mark.parametrize("n_steps", range(1, 16))
def test_stdp_killed_anywhere_and_resumed_ends_the_same(tmp_path, n_steps, online, homeostasis):
    rule = dataclasses.replace(RULE, homeostasis=homeostasis)
    course = {"epochs": 2, "online": online}
    whole = learn_by_stdp(network(rule), images().split(3), **course)
    course |= {"checkpoint": tmp_path / "kept.safetensors", "save_every": 1 + n_steps % 3}
    with pytest.raises(Killed):
        learn_by_stdp(network(rule), images().split(3), observe=killed_after(n_steps), **course)
    steps = []
    resumed = learn_by_stdp(network(rule), images().split(3), observe=steps.append, **course)
    assert same(resumed, whole)
    assert 16 - n_steps <= len(steps) <= 16 - n_steps + 2
    again = []
    done = learn_by_stdp(network(rule), images().split(3), observe=again.append, **course)
    assert again == []
    assert same(done, whole)


@pytest.mark.parametrize("n_steps", range(1, 12))
def test_reward_killed_anywhere_and_resumed_ends_the_same(tmp_path, n_steps):
    whole = learn_by_reward(network(), labelled(), epochs=3, seed=5)
    kept = {"epochs": 3, "seed": 5, "checkpoint": tmp_path / "kept.safetensors", "save_every": 2}
    with pytest.raises(Killed):
        learn_by_reward(network(), labelled(), observe=killed_after(n_steps), **kept)
    assert same(learn_by_reward(network(), labelled(), **kept), whole)
    assert not same(learn_by_reward(network(), labelled(), epochs=3, seed=6), whole)


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "kept.safetensors"
    learn_by_stdp(network(), images().split(3), checkpoint=path)
    for batches, start, course in [
        (images().split(3), network(), {"epochs": 2}),
        (images().split(3), network(), {"online": True}),
        (images().split(3), network(), {"layers": ["conv2"]}),
        (images().split(3), network(seed=1), {}),
        (images().split(4), network(), {}),
        (images().split(3)[:2], network(), {}),
        ([*images().split(3), images()], network(), {}),
        (images().flip(0).split(3), network(), {}),
    ]:
        with pytest.raises(ValueError, match="`checkpoint` must be of the same network, batches"):
            learn_by_stdp(start, batches, checkpoint=path, **course)
    with pytest.raises(ValueError, match="remove this one to start anew"):
        learn_by_reward(network(), labelled(), checkpoint=path)
    kept, progress, _ = read_checkpoint(path)
    assert progress is not None
    assert progress["step"]["layer"] == "conv2"
    assert same(kept, learn_by_stdp(network(), images().split(3)))


def test_steps_say_where_learning_is():
    steps = []
    learned = learn_by_stdp(network(), images(10).split(4), epochs=2, observe=steps.append)
    assert [(step.layer, step.epoch, step.batch, step.n_images, step.n_seen) for step in steps] == [
        (layer, epoch, batch, n, 10 * epoch + 4 * batch + n)
        for layer in ("conv1", "conv2")
        for epoch in (0, 1)
        for batch, n in enumerate((4, 4, 2))
    ]
    assert steps[0].winners.shape == (4, 2, 3)
    assert steps[0].network is learned
    assert steps[-1].convergence == convergence(learned.get_parameter("layers.conv2.weight"))


def test_a_layer_stops_when_it_has_converged(tmp_path):
    steps = []
    course = {"layers": ["conv1"], "epochs": 50, "until": 0.02}
    whole = learn_by_stdp(network(), images().split(3), observe=steps.append, **course)
    assert steps[-1].convergence < 0.02 <= steps[-2].convergence
    assert 4 < len(steps) < 200
    course["checkpoint"] = tmp_path / "kept.safetensors"
    with pytest.raises(Killed):
        learn_by_stdp(network(), images().split(3), observe=killed_after(len(steps)), **course)
    resumed = learn_by_stdp(network(), images().split(3), **course)
    assert same(resumed, whole)


def test_memory_for_latencies_changes_no_bit():
    whole = learn_by_stdp(network(), images().split(3), epochs=3)
    for max_bytes in (0, 200, 10**6):
        found = learn_by_stdp(network(), images().split(3), epochs=3, max_bytes=max_bytes)
        assert same(found, whole)


def test_latencies_are_computed_once_as_far_as_memory_allows():
    n_calls = []
    below = network()
    below.encoder.register_forward_hook(lambda *_: n_calls.append(1))
    inputs = Inputs(below, "pool1", max_bytes=2 * 3 * 4 * 4 * 4)
    for _ in range(2):
        for number, batch in enumerate(images().split(3)):
            inputs.at(number, batch)
    # two of four batches fit
    assert len(n_calls) == 4 + 2


class Shuffled:
    """Batches in another order in every pass, as some loaders give them."""

    def __init__(self):
        self.n_passes = 0

    def __iter__(self):
        self.n_passes += 1
        order = torch.Generator().manual_seed(self.n_passes)
        return iter(images()[torch.randperm(12, generator=order)].split(3))


def test_what_is_no_sequence_is_read_anew_in_every_pass():
    shuffled = learn_by_stdp(network(), Shuffled(), layers=["conv1"], epochs=2)
    passes = Shuffled()
    as_list = [*passes, *passes]
    assert same(shuffled, learn_by_stdp(network(), as_list, layers=["conv1"]))


@pytest.mark.parametrize(
    ("course", "message"),
    [
        ({"until": -1.0}, "`until` must be at least 0"),
        ({"save_every": 0}, "`save_every` must be a whole number from 1 up; got 0"),
        ({"layers": ["conv3"]}, "rule of the kind STDP"),
    ],
)
def test_bad_input(course, message):
    with pytest.raises(ValueError, match=message):
        learn_by_stdp(network(), images().split(3), **course)
