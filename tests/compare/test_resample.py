from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare import (
    bootstrap_counts,
    equal_halves,
    odd_even_halves,
    permutations,
    shuffle_labels,
    split_halves,
)
from neurospyke.compare.resample import spawn_seeds
from neurospyke.responses import Responses

STIMULI = list("aabbbcccc") + list("ddddd")


def test_bootstrap_counts_are_draws_with_replacement() -> None:
    counts = bootstrap_counts(20, 4000, seed=0)
    assert (counts.sum(axis=1) == 20).all()
    # A stimulus is left out of a sample with probability (1 - 1/n)^n.
    assert (counts == 0).mean() == pytest.approx(0.95**20, abs=0.005)


def test_permutations_hold_every_position_once_and_reach_every_place() -> None:
    orders = permutations(6, 2000, seed=0)
    assert (np.sort(orders, axis=1) == np.arange(6)).all()
    np.testing.assert_allclose(orders.mean(axis=0), 2.5, atol=0.15)


@settings(max_examples=20, deadline=None)
@given(st.permutations(STIMULI), st.integers(0, 2**31))
def test_halves_are_as_equal_as_they_can_be(stimuli: list[str], seed: int) -> None:
    labels = np.array(stimuli)
    for halves in (split_halves(stimuli, 3, seed), odd_even_halves(stimuli)):
        for label in "abcd":
            n_trials = (labels == label).sum()
            in_first = halves[:, labels == label].sum(axis=1)
            assert np.isin(in_first, [n_trials // 2, (n_trials + 1) // 2]).all()


def test_the_odd_trial_goes_to_either_half_and_every_trial_to_both() -> None:
    halves = split_halves(STIMULI, 2000, seed=1)
    np.testing.assert_allclose(halves.mean(axis=0), 0.5, atol=0.05)
    threes = halves[:, 2:5].sum(axis=1)
    assert (threes == 2).mean() == pytest.approx(0.5, abs=0.05)


@settings(max_examples=20, deadline=None)
@given(st.permutations(STIMULI), st.integers(0, 2**31))
def test_equal_halves_leave_one_of_an_odd_number_out(stimuli: list[str], seed: int) -> None:
    labels = np.array(stimuli)
    for halves in equal_halves(stimuli, 3, seed):
        for label in "abcd":
            own = halves[labels == label]
            assert (own == 0).sum() == (own == 1).sum() == len(own) // 2
            assert (own == -1).sum() == len(own) % 2


def test_every_trial_is_left_out_as_often_as_another() -> None:
    halves = equal_halves(list("aaa"), 3000, seed=1)
    np.testing.assert_allclose((halves == -1).mean(axis=0), 1 / 3, atol=0.04)


def test_shuffled_labels_keep_trials_of_a_stimulus_together() -> None:
    counts = np.arange(len(STIMULI))[:, None]
    responses = Responses.from_counts(counts, stimuli=STIMULI)
    shuffled = shuffle_labels(responses, seed=0)
    np.testing.assert_array_equal(shuffled.values, responses.values)
    pairs = set(zip(STIMULI, shuffled.trials["stimulus"], strict=True))
    assert len(pairs) == 4
    assert {new for _, new in pairs} == set("abcd")
    assert any(old != new for old, new in pairs)


@pytest.mark.parametrize(
    "split",
    [lambda s: split_halves(s, 1, 0), lambda s: equal_halves(s, 1, 0), odd_even_halves],
)
def test_a_single_trial_cannot_be_split(split: Callable) -> None:
    with pytest.raises(ValueError, match=r"1 have one: \['b'\]"):
        split(["a", "b", "a"])


def test_streams_are_independent_and_each_repeats() -> None:
    first, second = (
        [np.random.default_rng(child).random(4).tolist() for child in spawn_seeds(7, n)]
        for n in (2, 3)
    )
    assert first == second[:2]
    assert first[0] != first[1]
    assert bootstrap_counts(5, 3, seed=1).tolist() == bootstrap_counts(5, 3, seed=1).tolist()
    assert bootstrap_counts(5, 3, seed=1).tolist() != bootstrap_counts(5, 3, seed=2).tolist()


@pytest.mark.parametrize("seed", [-1, 0.5, True, None])
def test_wrong_seeds_are_refused(seed: Any) -> None:
    with pytest.raises(ValueError, match="`seed` must be a whole number of 0 or more"):
        spawn_seeds(seed, 1)


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="`n_samples` must be at least 1; got 0"):
        bootstrap_counts(3, 0, seed=0)
    with pytest.raises(ValueError, match="`n_conditions` must be at least 1"):
        permutations(0, 3, seed=0)
    with pytest.raises(ValueError, match="`n_splits` must be at least 1"):
        split_halves(["a", "a"], 0, seed=0)
