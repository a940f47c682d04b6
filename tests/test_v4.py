"""Whole path on a real recording: V4, a network that sees the same images, and a control."""

from pathlib import Path

import numpy as np
import pytest
import torch

from neurospyke.compare import Comparison, rsa, shuffle_labels
from neurospyke.datasets import read_v4_cowley2023
from neurospyke.sim import kheradpisheh2018, learn_by_stdp, pixel_responses


@pytest.fixture(scope="module")
def scores(shared_data: Path) -> dict[str, Comparison]:
    """Every second image: all objects, and quick."""
    images, stimuli, v4 = read_v4_cowley2023(shared_data)
    chosen = np.arange(0, 640, 2)
    small = torch.nn.functional.avg_pool2d(images[chosen], 3)
    stimuli = stimuli.iloc[chosen]
    brain = v4.where(trials=v4.trials["stimulus"].isin(stimuli["stimulus"]).to_numpy())
    network = learn_by_stdp(kheradpisheh2018(seed=0), small.split(32))
    models = {"pixels": pixel_responses(small, stimuli)}
    for name in network.layer_names:
        models[name] = network.responses(small, stimuli, name, measure="latency")
    models["shuffled"] = shuffle_labels(models["pool1"], seed=0)
    return {
        name: rsa(model, brain, n_bootstrap=200, n_permutations=200, seed=0)
        for name, model in models.items()
    }


def test_early_layers_match_v4_beyond_chance(scores: dict[str, Comparison]) -> None:
    for layer in ("encoder", "conv1", "pool1"):
        score = scores[layer]
        assert score.interval[0] > 0
        assert score.p is not None
        assert score.p < 0.01


def test_all_layers_share_the_ceiling_and_stay_below(scores: dict[str, Comparison]) -> None:
    ceilings = {score.ceiling for score in scores.values()}
    assert len(ceilings) == 1
    ceiling = scores["pool1"].ceiling
    assert ceiling is not None
    assert max(score.score for score in scores.values()) < ceiling[0] < ceiling[1] < 1


def test_shuffled_labels_match_nothing(scores: dict[str, Comparison]) -> None:
    control = scores["shuffled"]
    assert control.interval[0] < 0 < control.interval[1]
    assert control.p is not None
    assert control.p > 0.05
