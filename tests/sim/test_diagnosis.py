"""Diagnosis: every planted fault is found, a healthy network is left in peace, counts are right."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.diagnosis import count_winners, diagnose
from neurospyke.sim.encode import RankOrderEncoder
from neurospyke.sim.layers import Pool, SpikingConvolution, SpikingLinear, normal_weight
from neurospyke.sim.network import Network
from neurospyke.sim.plasticity import STDP, Homeostasis, convergence
from neurospyke.sim.reward import RewardSTDP
from neurospyke.sim.survey import Ranking, survey
from neurospyke.sim.train import learn_by_stdp

N_BINS = 6
RULE = STDP(0.2, -0.15)


def pixels(threshold=0.01, n_bins=N_BINS):
    """Encoder in which every pixel is a neuron."""
    return RankOrderEncoder(torch.ones(1, 1, 1, 1), n_bins=n_bins, threshold=threshold)


def bars() -> torch.Tensor:
    """Vertical and horizontal bars at every place of 8 x 8 noisy pixels."""
    images = 0.2 * torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for place in range(8):
        images[2 * place, 0, :, place] += 0.8
        images[2 * place + 1, 0, place, :] += 0.8
    return images


def start() -> Network:
    weight = normal_weight((2, 1, 3, 3), 0.6, 0.1, torch.Generator().manual_seed(2))
    conv = SpikingConvolution(weight, threshold=2.5, n_bins=N_BINS, padding=1, rule=RULE)
    return Network("bars", pixels(), {"conv": conv, "pool": Pool(2)})


@pytest.fixture
def trained() -> Network:
    return learn_by_stdp(start(), bars().split(8), epochs=60, online=True)


def conv_of(network: Network) -> SpikingConvolution:
    conv = network.layers["conv"]
    assert isinstance(conv, SpikingConvolution)
    return conv


def row_of(network: Network, images: torch.Tensor, layer: str = "conv", **kwargs) -> Any:
    return diagnose(network, images, **kwargs).set_index("layer").loc[layer]


def test_a_healthy_network_gets_no_advice(trained):
    table = diagnose(trained, bars())
    assert table["layer"].tolist() == ["encoder", "conv", "pool"]
    assert table["kind"].tolist() == ["RankOrderEncoder", "SpikingConvolution", "Pool"]
    assert table["advice"].tolist() == ["", "", ""]


def test_a_threshold_too_high_is_found_and_the_one_suggested_cures_it():
    network = start()
    # so that pixels are missing, and few neurons share a potential
    network.encoder = pixels(threshold=0.1)
    conv = conv_of(network)
    conv.threshold = torch.full((2,), 50.0)
    row = row_of(network, bars(), wanted=0.25)
    assert row.firing_share == 0
    assert math.isnan(row.mean_latency)
    assert row.silent_share == 1
    assert (row.never_fire, row.never_win) == (2, 2)
    assert row.advice == (
        f"nothing fires: lower the threshold from 50 to about {row.threshold_wanted:.3g}"
    )
    conv.threshold = torch.full((2,), row.threshold_wanted)
    cured = row_of(network, bars())
    assert "threshold" not in cured.advice
    # of 2048 neurons, those on the threshold may be on either side of it by rounding
    assert cured.firing_share == pytest.approx(0.25, abs=2 / 2048)


def test_a_threshold_too_high_for_some_images_is_found():
    """Two pixels together pass the threshold, one alone does not."""
    conv = SpikingConvolution(
        torch.full((1, 1, 1, 2), 0.5), threshold=0.75, n_bins=N_BINS, rule=RULE
    )
    both, one = torch.tensor([[[[1.0, 0.5]]]]), torch.tensor([[[[1.0, 0.0]]]])
    network = Network("two", pixels(), {"conv": conv})
    images = torch.cat([both, one, one, one])
    row = row_of(network, images, wanted=0.3)
    assert row.silent_share == 0.75
    assert row.advice == (
        "75% of images make no spike here: lower the threshold from 0.75 to about 0.5"
    )


def test_thresholds_that_differ_are_named_from_the_least_to_the_greatest(trained):
    conv_of(trained).threshold = torch.tensor([20.0, 50.0])
    assert "lower the threshold from 20 to 50 to about" in row_of(trained, bars()).advice


def test_a_threshold_too_low_is_found(trained):
    conv_of(trained).threshold = torch.full((2,), 1.5)
    row = row_of(trained, bars())
    assert row.firing_share > 0.8
    assert row.advice == (
        f"{row.firing_share:.0%} of neurons fire, so that spikes tell little: raise the threshold "
        f"from 1.5 to about {row.threshold_wanted:.3g}"
    )


def test_a_threshold_of_nothing_is_passed_by_the_first_input(trained):
    conv_of(trained).threshold = torch.zeros(2)
    row = row_of(trained, bars())
    assert row.firing_share > 0.95
    assert row.advice.startswith(
        "58% of spikes fall in bin 0, whatever the inputs' order: raise the threshold from 0 to"
    )


@pytest.mark.parametrize(("width", "found"), [(1, False), (2, False), (5, True)])
def test_spikes_in_the_first_bin_are_held_against_those_of_the_inputs(width, found):
    """Of 10 bins, the first of w inputs falls in bin 0 with probability 1 - 0.9^w."""
    images = torch.rand(20, 1, 8, 12, generator=torch.Generator().manual_seed(0))
    conv = SpikingConvolution(torch.ones(2, 1, 1, width), threshold=0.5, n_bins=10, rule=RULE)
    row = row_of(Network("first", pixels(n_bins=10), {"conv": conv}), images)
    assert row.first_bin_share == pytest.approx(1 - 0.9**width, abs=0.02)
    assert row.first_bin_share < 0.5
    assert ("of spikes fall in bin 0" in row.advice) == found


def test_spikes_that_all_fall_in_the_first_bin_are_found(trained):
    """A negative threshold is crossed before any input."""
    conv_of(trained).threshold = torch.full((2,), -1.0)
    row = row_of(trained, bars())
    assert (row.first_bin_share, row.mean_latency, row.firing_share) == (1, 0, 1)
    assert row.advice.startswith(
        "100% of spikes fall in bin 0, whatever the inputs' order: raise the threshold from -1 to"
    )


def test_an_encoder_without_order_is_blamed_rather_than_the_layer_above():
    images = torch.zeros(4, 1, 4, 4)
    images[:, 0, :2] = 1.0
    table = diagnose(start(), images)
    assert table["first_bin_share"].tolist() == [1, 1, 1]
    assert "every spike is in bin 0" in table["advice"][0]
    assert "bin 0" not in table["advice"][1]


def test_a_dominating_map_is_found(trained):
    conv_of(trained).weight[1] = 0.0
    row = row_of(trained, bars())
    assert (row.dominating, row.top_map, row.never_win) == (1, 0, 1)
    assert (row.top_share, row.chance_share) == (1.0, 0.5)
    assert row.advice.startswith("map 0 wins on 100% of images, by chance it would on 50%: give")


@pytest.mark.parametrize(
    ("rule", "mend"),
    [
        (dataclasses.replace(RULE, homeostasis=Homeostasis(0.1)), "raise the rate of its homeost"),
        (RewardSTDP(2, (0.1, -0.1), (-0.1, 0.1), lower=0.0, upper=1.0), "raise the dropout of its"),
    ],
)
def test_what_evens_winners_is_what_the_rule_can_have(trained, rule, mend):
    conv_of(trained).weight[1] = 0.0
    conv_of(trained).rule = rule
    assert f"by chance it would on 50%: {mend}" in row_of(trained, bars()).advice


def test_a_map_that_wins_a_little_more_than_the_others_is_left_in_peace(trained):
    row = row_of(trained, bars())
    assert 0.5 <= row.top_share < 0.7
    assert row.dominating == 0


def test_maps_that_never_win_are_found():
    """Four images won by maps 0 and 1, ten wins a map; the other maps have no weights."""
    weight = torch.zeros(5, 1, 1, 2)
    weight[0, 0, 0, 0], weight[1, 0, 0, 1] = 1.0, 1.0
    conv = SpikingConvolution(weight, threshold=0.5, n_bins=N_BINS, rule=RULE)
    one = torch.tensor([[[[1.0, 0.5]]], [[[0.5, 1.0]]]])
    network = Network("halves", pixels(), {"conv": conv})
    few, enough = (row_of(network, one.repeat(n, 1, 1, 1)) for n in (24, 25))
    assert "never win" not in few.advice
    assert "3 of 5 maps never win" in enough.advice


def test_a_silent_encoder_is_found_and_what_follows_from_it_is_not_repeated(trained):
    trained.encoder = pixels(threshold=5.0)
    table = diagnose(trained, bars())
    assert table["advice"].tolist() == [
        "no image makes a spike: lower the encoder's threshold, or look whether the images have "
        "contrast",
        "no input: mend the layers below first",
        "",
    ]


def test_blank_images_are_found_when_there_are_many(trained):
    images = torch.cat([bars(), torch.zeros(1, 1, 8, 8)])
    assert diagnose(trained, images)["advice"].tolist() == ["", "", ""]
    many = diagnose(trained, torch.cat([bars(), torch.zeros(16, 1, 8, 8)]))
    assert many["advice"][0].startswith("50% of images make no spike: lower the encoder's")
    assert many["advice"][1] == ""


def test_a_missing_rule_is_found(trained):
    conv_of(trained).rule = None
    row = row_of(trained, bars())
    assert row.advice == "no rule: no learning changes this layer"
    assert pd.isna(row.alike)
    assert math.isnan(row.convergence)


def test_untrained_weights_are_found():
    row = row_of(start(), bars())
    assert row.alike == 2
    assert "weights of 2 of 2 maps are still alike, as at their start: train" in row.advice


def test_a_dominating_map_before_learning_is_given_time():
    network = start()
    conv_of(network).weight[1] = 0.1
    assert "if training does not change that, give its rule homeostasis" in (
        row_of(network, bars()).advice
    )


def test_one_map_that_has_learned_does_not_shorten_that_time():
    weight = torch.cat([conv_of(start()).weight, torch.zeros(1, 1, 3, 3)])
    weight[1], weight[2, 0, 0, 0] = 0.1, 0.5
    conv = SpikingConvolution(weight, threshold=2.5, n_bins=N_BINS, padding=1, rule=RULE)
    row = row_of(Network("bars", pixels(), {"conv": conv}), bars())
    assert (row.dominating, row.alike) == (1, 2)
    assert "if training does not change that, give its rule homeostasis" in row.advice


@pytest.mark.parametrize(("bound", "name"), [(0.0, "lower"), (1.0, "upper")])
def test_weights_all_at_one_bound_are_found(bound, name):
    weight = torch.full((2, 1, 5, 5), bound)
    weight[:, 0, 2, 2] = 1.0 - bound
    conv = SpikingConvolution(weight, threshold=0.75, n_bins=N_BINS, padding=2, rule=RULE)
    row = row_of(Network("bound", pixels(), {"conv": conv}), bars())
    assert row[f"at_{name}"] == 0.96
    assert f"96% of weights are at their {name} bound" in row.advice


def test_weights_that_have_come_to_one_bound_together_are_not_taken_for_untrained():
    weight = torch.full((2, 1, 3, 3), 0.995)
    weight[:, 0, 0] = 1.0
    conv = SpikingConvolution(weight, threshold=2.5, n_bins=N_BINS, rule=RULE)
    row = row_of(Network("bound", pixels(), {"conv": conv}), bars())
    assert row.alike == 0


def test_counts_by_hand():
    """Map 0 fires on the second pixel of image 0; map 1 on both; image 1 is blank."""
    weight = torch.tensor([0.25, 0.75]).view(2, 1, 1, 1)
    conv = SpikingConvolution(weight, threshold=0.2, n_bins=2, rule=STDP(0.1, -0.1))
    images = torch.tensor([[[[0.0, 0.5, 1.0]]], [[[0.0, 0.0, 0.0]]]])
    table = diagnose(Network("three", pixels(n_bins=2), {"conv": conv}), images)
    encoder, row = table.iloc[0], table.iloc[1]
    assert (encoder.firing_share, encoder.mean_latency) == (2 / 6, 0.5)
    assert pd.isna(encoder.never_win)
    assert (row.firing_share, row.mean_latency, row.first_bin_share) == (4 / 12, 0.5, 0.5)
    assert (row.silent_share, row.never_fire, row.never_win) == (0.5, 0, 1)
    assert (row.top_map, row.top_share, row.chance_share) == (1, 1.0, 0.5)
    assert (row.threshold_least, row.threshold_greatest) == (pytest.approx(0.2),) * 2
    assert row.convergence == pytest.approx(3 / 16)
    wins = count_winners(Network("three", pixels(n_bins=2), {"conv": conv}), images)
    assert wins[["map", "fired", "wins", "n_images"]].values.tolist() == [
        [0, 1, 0, 2],
        [1, 1, 1, 2],
    ]


def test_bounds_of_each_map_are_used():
    """Map 0 has its weights at the bounds 0 and 1, map 1 at -1 and 2."""
    rule = STDP(0.1, -0.1, lower=(0.0, -1.0), upper=(1.0, 2.0))
    weight = torch.tensor([[0.0, 1.0, 0.0], [-1.0, 2.0, 2.0]]).view(2, 1, 1, 3)
    conv = SpikingConvolution(weight, threshold=0.5, n_bins=N_BINS, rule=rule)
    row = row_of(Network("bounds", pixels(), {"conv": conv}), torch.rand(4, 1, 1, 5))
    assert (row.at_lower, row.at_upper, row.alike) == (0.5, 0.5, 0)
    assert row.convergence == 0


def test_a_layer_read_out_has_no_threshold_to_mend():
    rule = RewardSTDP(2, (0.1, -0.1), (-0.1, 0.1))
    weight = normal_weight((4, 1, 3, 3), 0.5, 0.3, torch.Generator().manual_seed(0))
    conv = SpikingConvolution(weight, threshold=None, n_bins=N_BINS, rule=rule)
    network = Network("reward", pixels(), {"conv": conv})
    row = row_of(network, bars())
    assert math.isnan(row.threshold_wanted)
    assert row.firing_share == 1
    assert "threshold" not in row.advice
    assert row.convergence == pytest.approx(convergence(weight, rule.lower, rule.upper))
    conv.weight[:] = -1.0
    assert "no potential is above 0 in the last bin" in row_of(network, bars()).advice


def learners() -> dict[str, Callable[[STDP], Any]]:
    generator = torch.Generator().manual_seed(1)
    return {
        "conv": lambda rule: SpikingConvolution(
            normal_weight((6, 1, 3, 3), 0.6, 0.1, generator),
            threshold=1.5,
            n_bins=N_BINS,
            rule=rule,
        ),
        "linear": lambda rule: SpikingLinear(
            normal_weight((6, 64), 0.6, 0.1, generator), threshold=9.0, n_bins=N_BINS, rule=rule
        ),
    }


@pytest.mark.parametrize("kind", ["conv", "linear"])
@pytest.mark.parametrize("radius", [None, 2])
def test_winners_are_those_that_would_learn(kind, radius):
    """With rates too small to change a weight, learning has the winners that are counted."""
    if kind == "linear" and radius is not None:
        radius = None
    rule = STDP(1e-30, -1e-30, n_winners=3, radius=radius)
    network = Network("learner", pixels(), {"layer": learners()[kind](rule)})
    found: list[torch.Tensor] = []
    learn_by_stdp(network, bars().split(5), observe=lambda step: found.append(step.winners))  # type: ignore[arg-type]
    maps = torch.cat(found)[..., 0]
    table = count_winners(network, bars(), batch_size=7)
    assert table["wins"].tolist() == torch.bincount(maps[maps >= 0], minlength=6).tolist()
    assert len(set(table["wins"])) > 1


def random_network(seed: int, negative: bool) -> Network:
    """Weights in quarters, so that sums are exact and potentials tie."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randint(-4 if negative else 0, 5, (3, 1, 2, 2), generator=generator) / 4
    conv = SpikingConvolution(weight, threshold=1.0, n_bins=4, rule=RULE)
    return Network("random", pixels(n_bins=4), {"conv": conv})


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.booleans(), st.sampled_from([0.001, 0.05, 0.29, 0.5, 0.9]))
def test_the_threshold_suggested_is_the_least_that_keeps_the_share(seed, negative, wanted):
    images = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(seed))
    network = random_network(seed, negative)
    threshold = row_of(network, images, wanted=wanted).threshold_wanted

    def n_firing(value: float) -> int:
        conv_of(network).threshold = torch.full((3,), value)
        return survey(network, images)[0]["conv"].n_spikes

    most = max(1, math.floor(wanted * 81))
    assert threshold >= 0
    assert n_firing(threshold) <= most
    # potentials are multiples of 1/4
    assert threshold == 0 or n_firing(threshold - 0.125) > most


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 8))
def test_batches_do_not_matter_nor_does_the_order_of_images(seed, batch_size):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(9, 1, 5, 5, generator=generator)
    network = random_network(seed, negative=True)
    whole = diagnose(network, images)
    mixed = images[torch.randperm(9, generator=generator)]
    pd.testing.assert_frame_equal(diagnose(network, mixed, batch_size=batch_size), whole)


def test_the_network_is_left_unchanged(trained):
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    diagnose(trained, bars())
    assert all(torch.equal(value, before[name]) for name, value in trained.state_dict().items())


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(0, 2.0**100, width=32), min_size=1, max_size=40),
    st.data(),
    st.integers(1, 9),
)
def test_a_ranking_is_that_of_sorting(numbers, data, size):
    rank = data.draw(st.integers(0, len(numbers) - 1))
    values = torch.tensor(numbers)
    ranking = Ranking()
    for part in values.split(size):
        ranking.add(part)
    ranking.seek(rank)
    for part in values.split(size):
        ranking.refine(part)
    assert ranking.value() == sorted(numbers, reverse=True)[rank]
    assert ranking.greatest == max(numbers)


def test_a_survey_without_a_wanted_share_finds_no_thresholds(trained):
    tallies, thresholds = survey(trained, bars())
    assert thresholds == {}
    assert tallies["conv"].potentials is None
    assert tallies["conv"].n_images == 16


def test_networks_of_colour_are_looked_at_with_coloured_images():
    eye = RankOrderEncoder(torch.ones(1, 1, 1, 1), n_bins=N_BINS, colour="rgb")
    conv = SpikingConvolution(torch.ones(2, 3, 1, 1), threshold=1.5, n_bins=N_BINS, rule=RULE)
    images = 0.5 + torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)) / 2
    table = diagnose(Network("colours", eye, {"conv": conv}), images)
    assert table["n_maps"].tolist() == [3, 2]
    assert table["firing_share"].tolist() == [1.0, 1.0]


def test_bad_input_is_refused(trained):
    with pytest.raises(TypeError, match="`network` must be a Network; got str"):
        diagnose("conv", bars())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`wanted` must be a share"):
        diagnose(trained, bars(), wanted=1.0)
    with pytest.raises(ValueError, match="`batch_size` must be a whole number"):
        diagnose(trained, bars(), batch_size=0)
    with pytest.raises(ValueError, match=r"`images` must lie in \[0, 1\]"):
        diagnose(trained, 2 * bars())
    pools = Network("pools", pixels(), {"pool": Pool(2)})
    assert diagnose(pools, bars())["advice"].tolist() == ["", ""]
    with pytest.raises(ValueError, match="`network` must have a convolution or linear layer"):
        count_winners(pools, bars())
