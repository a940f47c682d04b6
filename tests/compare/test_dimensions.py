from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare.dimensions import (
    cross_validated_spectrum,
    dimensionality,
    participation_ratio,
)
from neurospyke.responses import Responses


def responses_of(signal: np.ndarray, noise: float, n_trials: int, seed: int = 0) -> Responses:
    generator = np.random.default_rng(seed)
    trials = np.concatenate(
        [signal + generator.normal(0, noise, signal.shape) for _ in range(n_trials)]
    )
    rates = Responses.from_counts(
        np.zeros(trials.shape, dtype=int), stimuli=[f"s{n}" for n in range(len(signal))] * n_trials
    )
    return Responses(trials[:, :, None], rates.trials, rates.units, rates.edges, measure="other")


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 9), st.integers(1, 9), st.integers(0, 99))
def test_the_ratio_is_that_of_eigenvalues(n_stimuli: int, n_units: int, seed: int) -> None:
    patterns = np.random.default_rng(seed).normal(size=(n_stimuli, n_units))
    variances = np.linalg.eigvalsh(np.atleast_2d(np.cov(patterns.T)))
    expected = variances.sum() ** 2 / (variances**2).sum()
    assert participation_ratio(patterns) == pytest.approx(expected, rel=1e-9)
    order = np.random.default_rng(seed).permutation(n_units)
    assert participation_ratio(patterns[:, order]) == pytest.approx(expected, rel=1e-9)


def test_halves_without_noise_have_the_plain_spectrum() -> None:
    patterns = np.random.default_rng(0).normal(size=(12, 5))
    expected = np.linalg.eigvalsh(np.cov(patterns.T))[::-1]
    np.testing.assert_allclose(cross_validated_spectrum(patterns, patterns), expected)
    with pytest.raises(ValueError, match="`second`"):
        cross_validated_spectrum(patterns, patterns[:5])


def test_noise_adds_dimensions_only_to_the_plain_ratio() -> None:
    generator = np.random.default_rng(0)
    latent = generator.normal(size=(120, 3))
    mixing = np.linalg.qr(generator.normal(size=(60, 3)))[0].T
    signal = 8 * latent @ mixing
    truth = participation_ratio(signal)
    table: Any = dimensionality(responses_of(signal, 3.0, 4), n_draws=4).set_index("measure")
    assert table.loc["participation_ratio", "value"] > 2 * truth
    crossed = table.loc["participation_ratio_cv"]
    assert crossed["value"] == pytest.approx(truth, rel=0.15)
    assert crossed["low"] < truth < crossed["high"]


def test_fewer_units_are_drawn_as_asked() -> None:
    signal = np.random.default_rng(1).normal(size=(40, 30))
    few: Any = dimensionality(responses_of(signal, 0.1, 2), n_units=4, n_draws=5, seed=3)
    assert (few["value"] < 4).all()
    assert few["n_units"].tolist() == [4, 4]
    again: Any = dimensionality(responses_of(signal, 0.1, 2), n_units=4, n_draws=5, seed=3)
    np.testing.assert_array_equal(few["value"], again["value"])


def test_what_cannot_be_told_says_why() -> None:
    signal = np.random.default_rng(1).normal(size=(6, 5))
    single: Any = dimensionality(responses_of(signal, 0.0, 1))
    assert single["status"].tolist() == ["ok", "n_trials<2"]
    with pytest.raises(ValueError, match="4 or more"):
        dimensionality(responses_of(signal[:3], 0.0, 1))
    with pytest.raises(ValueError, match="`n_units`"):
        dimensionality(responses_of(signal, 0.0, 1), n_units=6)


def test_values_are_means_over_the_same_draws_of_units() -> None:
    # Of three units two are alike: two of them fill 1 dimension in a third of the draws, else 2.
    one, other = np.array([1.0, -1, 0, 0]), np.array([0.0, 0, 1, -1])
    signal = np.stack([one, one, other], axis=1)
    table: Any = dimensionality(responses_of(signal, 0.0, 2), n_units=2, n_draws=90, seed=0)
    plain, crossed = table["value"]
    assert plain == pytest.approx(5 / 3, abs=0.12)
    assert crossed == pytest.approx(plain, abs=1e-9)


def test_halves_that_contradict_each_other_leave_no_signal() -> None:
    signal = np.random.default_rng(2).normal(size=(6, 3))
    responses = responses_of(signal, 0.0, 2)
    values = np.concatenate([signal, -signal])[:, :, None]
    against = Responses(values, responses.trials, responses.units, responses.edges, measure="other")
    table: Any = dimensionality(against, n_draws=3)
    assert table["status"].tolist() == ["no_signal", "no_signal"]
    assert table["value"].isna().all()


def test_bins_are_averaged_and_single_trials_of_one_stimulus_said() -> None:
    values = np.random.default_rng(3).normal(size=(12, 4, 3))
    stimuli = [f"s{n}" for n in range(6)] * 2
    frame = responses_of(values[:6, :, 0], 0.0, 2)
    fine = Responses(values, frame.trials, frame.units, np.arange(4.0), measure="other")
    coarse = Responses(
        values.mean(axis=2, keepdims=True),
        frame.trials,
        frame.units,
        np.array([0.0, 3.0]),
        measure="other",
    )
    found, expected = (dimensionality(each)["value"] for each in (fine, coarse))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert list(frame.trials["stimulus"]) == stimuli
    without = dimensionality(fine.where(trials=np.arange(12) != 7))
    assert without["status"].tolist() == ["ok", "n_trials<2"]
