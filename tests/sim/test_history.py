"""History of learning: rows by hand, thinning, the whole path of both learning verbs."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from neurospyke.sim.course import LearningStep
from neurospyke.sim.encode import RankOrderEncoder
from neurospyke.sim.history import LearningHistory
from neurospyke.sim.layers import SpikingConvolution, normal_weight
from neurospyke.sim.network import Network
from neurospyke.sim.plasticity import STDP
from neurospyke.sim.reward import RewardSTDP
from neurospyke.sim.train import learn_by_reward, learn_by_stdp
from neurospyke.sim.update import Decisions


def winners(*images: list[int]) -> torch.Tensor:
    """Winners by the maps that win each image, -1 for none."""
    return torch.tensor([[[each, 0, 0] for each in maps] for maps in images])


def step(number: int = 0, **kwargs) -> LearningStep:
    return LearningStep("conv1", 0, number, 4, 4 * (number + 1), 0.25, **kwargs)


def frame(*steps: LearningStep, most: int = 100):
    history = LearningHistory(most)
    for each in steps:
        history(each)
    return history.to_frame()


def test_a_batch_by_hand():
    """Maps 0 and 1 win twice each, map 3 not; one image of four has no winner: 1 bit."""
    row = frame(step(winners=winners([0, 1], [1, -1], [-1, -1], [0, -1]))).iloc[0]
    assert row.to_dict() | {"n_right": 0, "n_wrong": 0, "n_silent": 0} == {
        "layer": "conv1",
        "epoch": 0,
        "batch": 0,
        "n_images": 4,
        "n_seen": 4,
        "convergence": 0.25,
        "n_winning_maps": 2,
        "top_share": 2 / 3,
        "winner_entropy": 1.0,
        "images_without_winner": 1,
        "n_right": 0,
        "n_wrong": 0,
        "n_silent": 0,
    }


def test_one_winner_tells_nothing_and_none_is_missing():
    table = frame(step(winners=winners([2], [2])), step(winners=winners([-1], [-1])), step())
    assert table["winner_entropy"].tolist()[0] == 0.0
    assert str(table["winner_entropy"][0]) == "0.0"
    assert table["n_winning_maps"].tolist()[:2] == [1, 0]
    assert table["images_without_winner"].tolist()[:2] == [0, 2]
    assert table["top_share"].isna().tolist() == [False, True, True]
    assert table["n_winning_maps"].isna().tolist() == [False, False, True]
    assert table["n_right"].isna().all()


def test_decisions_are_kept():
    table = frame(step(winners=winners([1]), decisions=Decisions(2, 1, 1)))
    assert table[["n_right", "n_wrong", "n_silent"]].values.tolist() == [[2, 1, 1]]


def test_an_empty_history_has_the_same_columns():
    assert list(LearningHistory().to_frame().dtypes) == list(frame(step()).dtypes)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(2, 9))
@example(4, 3)
def test_thinning_keeps_memory_bounded_the_first_the_last_and_equal_steps(n, most):
    history = LearningHistory(most)
    for number in range(n):
        history(step(number))
    kept = history.to_frame()["batch"].tolist()
    assert min(n, most / 2) <= len(kept) <= most + 1
    assert (kept[0], kept[-1]) == (0, n - 1)
    assert kept[:-1] == list(range(0, n - 1, history.every))
    assert history.every & (history.every - 1) == 0


def images() -> torch.Tensor:
    return torch.rand(10, 1, 6, 6, generator=torch.Generator().manual_seed(0))


def network(rule: object) -> Network:
    weight = normal_weight((4, 1, 3, 3), 0.6, 0.1, torch.Generator().manual_seed(0))
    conv = SpikingConvolution(weight, threshold=2.0, n_bins=5, rule=rule)
    return Network("net", RankOrderEncoder(torch.ones(1, 1, 1, 1), n_bins=5), {"conv": conv})


def test_learning_by_stdp_is_followed():
    history = LearningHistory()
    steps: list[LearningStep] = []
    parts = images().split(4)
    learn_by_stdp(network(STDP(0.1, -0.1)), parts, epochs=2, observe=history)
    learn_by_stdp(network(STDP(0.1, -0.1)), parts, epochs=2, observe=steps.append)
    table = history.to_frame()
    assert table["n_seen"].tolist() == [4, 8, 10, 14, 18, 20]
    assert table["epoch"].tolist() == [0, 0, 0, 1, 1, 1]
    assert table["convergence"].tolist() == [each.convergence for each in steps]
    assert (table["images_without_winner"] == 0).all()


def test_learning_by_reward_is_followed():
    history = LearningHistory()
    labels = torch.arange(10) % 2
    rule = RewardSTDP(2, (0.1, -0.1), (-0.1, 0.1))
    batches = list(zip(images().split(5), labels.split(5), strict=True))
    learn_by_reward(network(rule), batches, observe=history)
    table = history.to_frame()
    assert (table["n_right"] + table["n_wrong"] + table["n_silent"]).tolist() == [5, 5]
    assert table["n_silent"].tolist() == table["images_without_winner"].tolist()


def test_a_limit_that_keeps_nothing_is_refused():
    with pytest.raises(ValueError, match="`most` must be a whole number from 2 up"):
        LearningHistory(1)
