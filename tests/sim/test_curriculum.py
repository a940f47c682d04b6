"""Curricula: what learns when and how often, and the same end after any interruption."""

import json

import pytest
import torch

from neurospyke.sim.curriculum import Curriculum
from neurospyke.sim.encode import RankOrderEncoder
from neurospyke.sim.layers import Pool, SpikingConvolution, normal_weight
from neurospyke.sim.network import Network
from neurospyke.sim.plasticity import STDP
from neurospyke.sim.reward import RewardSTDP
from neurospyke.sim.threads import on_threads
from neurospyke.sim.train import learn_by_reward, learn_by_stdp

LABELS = torch.arange(10) % 2


def network(seed=0):
    """Two layers that learn by STDP with one by reward between them, and one that never learns."""
    generator = torch.Generator().manual_seed(seed)

    def layer(maps, channels, threshold, rule):
        weight = normal_weight((maps, channels, 2, 2), 0.6, 0.1, generator)
        return SpikingConvolution(weight, threshold=threshold, n_bins=6, rule=rule)

    rule = STDP(0.1, -0.075, n_winners=2, radius=1)
    return Network(
        "four layers",
        RankOrderEncoder(torch.ones(1, 1, 1, 1), n_bins=6),
        {
            "first": layer(4, 1, 1.0, rule),
            "pool": Pool(2),
            "deciding": layer(4, 4, 1.0, RewardSTDP(2, (0.1, -0.05), (-0.1, 0.05), dropout=0.25)),
            "fixed": layer(3, 4, None, None),
            "last": layer(4, 3, None, rule),
        },
    )


def images(n_images=10):
    return torch.rand(n_images, 1, 9, 9, generator=torch.Generator().manual_seed(7))


def curriculum(start=None, pictures=None, **options):
    given = {"labels": LABELS, "batch_size": 3, "reward_batch_size": 4, "seed": 5} | options
    given.setdefault("epochs", {"first": 2, "deciding": 3})
    pictures = images() if pictures is None else pictures
    return Curriculum(network() if start is None else start, pictures, **given)


def same(one, other):
    return all(
        torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items()
    )


def test_stdp_comes_before_reward_and_only_what_has_a_rule_learns():
    stages = curriculum().stages
    found = [(stage.layer, stage.by_reward, stage.epochs, stage.n_images) for stage in stages]
    assert found == [("first", False, 2, 10), ("last", False, 1, 10), ("deciding", True, 3, 10)]
    unlabelled = curriculum(labels=None, epochs=4).stages
    assert [(stage.layer, stage.epochs) for stage in unlabelled] == [("first", 4), ("last", 4)]


@pytest.mark.parametrize(
    ("passes", "course"),
    [
        ({"first": 2, "last": 1, "deciding": 3}, {}),
        ({"first": 2, "last": 2, "deciding": 2}, {"online": True}),
        ({"first": 20, "last": 20, "deciding": 1}, {"until": 0.02}),
    ],
)
def test_it_is_the_verbs_one_after_another(tmp_path, passes, course):
    start = network()
    learned = curriculum(start, epochs=passes, **course).learn(tmp_path / "kept")
    expected = network()
    for name in ("first", "last"):
        expected = learn_by_stdp(
            expected, images().split(3), layers=[name], epochs=passes[name], **course
        )
    pairs = list(zip(images().split(4), LABELS.split(4), strict=True))
    expected = learn_by_reward(expected, pairs, epochs=passes["deciding"], seed=5)
    assert same(learned, expected)
    assert same(start, network())


@pytest.mark.parametrize("n_steps", range(1, 22))
def test_interrupted_anywhere_and_gone_on_with_it_ends_the_same(tmp_path, n_steps):
    """After 8 batches of the first layer, 4 of the last and 9 of the deciding one."""
    whole = curriculum().learn(tmp_path / "whole")
    seen = []

    def interrupt(step):
        seen.append(step)
        if len(seen) == n_steps:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        curriculum().learn(tmp_path / "kept", save_every=6, observe=interrupt)
    again = []
    assert same(curriculum().learn(tmp_path / "kept", observe=again.append), whole)
    assert 21 - n_steps <= len(again) <= 21 - n_steps + 1
    reached = curriculum().reached(tmp_path / "kept")
    assert reached is not None
    assert (reached[0].layer, reached[1]) == ("deciding", 30)


def test_reached_says_how_far_it_has_come(tmp_path):
    assert curriculum().reached(tmp_path / "kept") is None

    def interrupt(step):
        if (step.layer, step.n_seen) == ("last", 9):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        curriculum().learn(tmp_path / "kept", save_every=6, observe=interrupt)
    stage, n_seen = curriculum().reached(tmp_path / "kept") or (None, 0)
    assert stage == curriculum().stages[1]
    assert n_seen == 6


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        ({"epochs": 1}, "epochs"),
        ({"batch_size": 2}, "batch_size 3, now 2"),
        ({"reward_batch_size": 5}, "reward_batch_size 4, now 5"),
        ({"online": True}, "online False, now True"),
        ({"until": 0.5}, "until None, now 0.5"),
        ({"seed": 6}, "seed 5, now 6"),
        ({"labels": 1 - LABELS}, "labels"),
        ({"labels": None, "epochs": 1}, "labels"),
        ({"pictures": images(10).flip(0)}, "images"),
        ({"pictures": images(12)[:10] * 0.5}, "images"),
    ],
)
def test_a_folder_of_another_course_is_refused(tmp_path, other, difference):
    curriculum().learn(tmp_path)
    for use in (Curriculum.reached, Curriculum.learn):
        with pytest.raises(ValueError, match=f"was begun with .*{difference}.*start anew"):
            use(curriculum(**other), tmp_path)
    with pytest.raises(ValueError, match="`checkpoint` must be of the same network"):
        curriculum(network(seed=1)).learn(tmp_path)


def test_a_folder_in_which_nothing_was_kept_binds_nobody(tmp_path):
    def interrupt(step):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        curriculum().learn(tmp_path / "kept", observe=interrupt)
    curriculum(seed=6).learn(tmp_path / "kept")
    assert json.loads((tmp_path / "kept" / "course.json").read_text())["seed"] == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": {"pool": 1}}, r"`epochs` must name layers that learn, here .*; got 'pool'"),
        ({"epochs": {"deciding": 1}, "labels": None}, r"here \['first', 'last'\]; got 'deciding'"),
        ({"epochs": 0}, "`epochs` must be a whole number from 1 up; got 0"),
        ({"epochs": {"last": 1.5}}, "`epochs` must be a whole number from 1 up; got 1.5"),
        ({"batch_size": 0}, "`batch_size`"),
        ({"seed": -1}, "`seed` must be a whole number from 0 up; got -1"),
        ({"reward_batch_size": -1}, "`reward_batch_size`"),
        ({"labels": LABELS[:9]}, "one for each of 10 images; got 9"),
        ({"labels": LABELS + 1}, "`labels` must be from 0 to 1, the classes of deciding; got 1"),
        ({"labels": LABELS - 1}, "got -1 to 0"),
        ({"pictures": images() - 0.5}, r"must lie in \[0, 1\]"),
        ({"pictures": images()[..., :2, :2]}, "`images` must suit .*; got 2 x 2 pixels: .*smaller"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_learned(options, message):
    with pytest.raises(ValueError, match=message):
        curriculum(**options)


def test_a_network_that_learns_by_reward_only_needs_labels():
    start = network()
    for name in ("first", "last"):
        setattr(start.layers[name], "rule", None)  # noqa: B010 - a module's type hides it
    with pytest.raises(ValueError, match=r"`labels` must be given .* got None"):
        curriculum(start, labels=None, epochs=1)


def test_threads_are_those_of_the_block_only():
    before = torch.get_num_threads()
    with on_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        with on_threads(None):
            assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    for wrong in (0, 1.5):
        with pytest.raises(ValueError, match="`n_threads`"), on_threads(wrong):  # type: ignore[arg-type]
            pass
