from typing import Any

import numpy as np
import pandas as pd
import pytest

from neurospyke.compare.match import match_bins, match_rates, match_trials, match_units
from neurospyke.responses import Responses


def counts(values: np.ndarray, stimuli: list[str], edges: np.ndarray, **kind: Any) -> Responses:
    trials = pd.DataFrame({"stimulus": stimuli})
    units = pd.DataFrame({"unit": range(values.shape[1])})
    return Responses(values, trials, units, edges, **kind)


WINDOW = np.array([0.0, 1.0])


def test_trials_are_drawn_stimulus_by_stimulus() -> None:
    numbers = np.arange(9)[:, None, None]
    many = counts(numbers, list("aaaabbbbb"), WINDOW)
    few = counts(numbers[:5], list("babab"), WINDOW)
    one, two = match_trials(many, few, seed=0)
    assert sorted(one.trials["stimulus"]) == sorted(two.trials["stimulus"]) == list("aabbb")
    assert two is few
    assert one.notes == ("matched trials: 5 of 9 drawn",)
    # Trials keep their labels and order.
    kept = one.values[:, 0, 0]
    assert (np.diff(kept) > 0).all()
    assert list(one.trials["stimulus"]) == ["a" if number < 4 else "b" for number in kept]
    draws = {tuple(match_trials(many, few, seed=seed)[0].values[:, 0, 0]) for seed in range(20)}
    assert len(draws) > 5
    with pytest.raises(ValueError, match="not in both: \\['b'\\]"):
        match_trials(many, few.where(trials="stimulus == 'a'"), seed=0)


def test_units_are_drawn() -> None:
    wide = counts(np.arange(14).reshape(2, 7, 1), ["a", "b"], WINDOW)
    narrow = wide.where(units=[0, 3])
    one, two = match_units(narrow, wide, seed=1)
    assert one is narrow
    assert two.n_units == 2
    assert two.notes == ("matched units: 2 of 7 drawn",)
    np.testing.assert_array_equal(two.values[0, :, 0], two.units["unit"])


def test_steps_and_seconds_come_to_common_bins() -> None:
    model = counts(
        np.arange(12, dtype=np.uint8).reshape(1, 1, 12), ["a"], np.arange(13.0), time_unit="step"
    )
    brain = counts(np.array([[[5.0, 7.0, 9.0]]]), ["a"], np.array([0.02, 0.04, 0.08, 0.14]))
    one, two = match_bins(model, brain, step=0.01)
    np.testing.assert_allclose(one.edges, [0.02, 0.04, 0.08])
    np.testing.assert_array_equal(one.edges, two.edges)
    assert one.values.tolist() == [[[2 + 3, 4 + 5 + 6 + 7]]]
    assert two.values.tolist() == [[[5.0, 7.0]]]
    assert one.notes == ("matched bins: a model step is 0.01 s", "matched bins: 12 joined to 2")
    assert one.time_unit == "s"
    with pytest.raises(ValueError, match="pass `step`"):
        match_bins(model, brain)
    with pytest.raises(ValueError, match="at least 2 bin edges"):
        match_bins(model, brain, step=0.3)


def test_sums_do_not_overflow_rates_are_averaged_latencies_refused() -> None:
    fine, coarse = np.array([0.0, 0.1, 0.4]), np.array([0.0, 0.4])
    full = counts(np.array([[[200, 100]]], dtype=np.uint8), ["a"], fine)
    other = counts(np.array([[[1]]]), ["a"], coarse)
    assert match_bins(full, other)[0].values.tolist() == [[[300]]]
    rates = counts(np.array([[[4.0, 8.0]]]), ["a"], fine, measure="rate")
    assert match_bins(rates, other)[0].values[0, 0, 0] == pytest.approx(7.0)
    late = counts(np.array([[[0.1, 0.2]]]), ["a"], fine, measure="latency")
    with pytest.raises(ValueError, match="latencies cannot be joined"):
        match_bins(late, other)


def test_thinned_counts_have_the_lower_rate_and_stay_poisson() -> None:
    rng = np.random.default_rng(0)
    often = counts(rng.poisson(12, (3000, 4, 1)), ["a"] * 3000, WINDOW)
    seldom = counts(rng.poisson(2, (3000, 4, 2)), ["a"] * 3000, np.array([0.0, 1.0, 2.0]))
    one, two = match_rates(often, seldom, seed=0)
    assert two is seldom
    assert one.values.mean() == pytest.approx(2.0, abs=0.06)
    fano = one.values.var(axis=0) / one.values.mean(axis=0)
    np.testing.assert_allclose(fano, 1.0, atol=0.12)
    assert one.notes[0].startswith("matched rates: each spike kept with probability 0.16")
    assert match_rates(seldom, seldom, seed=0)[0] is seldom
    with pytest.raises(ValueError, match="counts are needed"):
        match_rates(often, counts(np.ones((1, 1, 1)), ["a"], WINDOW), seed=0)
    with pytest.raises(ValueError, match="silent side"):
        match_rates(often, counts(np.zeros((1, 1, 1), int), ["a"], WINDOW), seed=0)
