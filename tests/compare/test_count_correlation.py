from typing import Any

import numpy as np
import pytest

from neurospyke.compare.count_correlation import count_correlations, thin
from neurospyke.responses import Responses


def counts_of(values: np.ndarray, n_stimuli: int) -> Responses:
    stimuli = [f"s{trial % n_stimuli}" for trial in range(len(values))]
    return Responses.from_counts(values, stimuli=stimuli)


def test_noise_and_signal_are_told_apart() -> None:
    generator = np.random.default_rng(0)
    drive = np.tile(generator.gamma(4.0, 5.0, (30, 2)), (40, 1))
    common = generator.normal(0, 3.0, (1200, 1))
    values = np.rint(drive * [1, 0] + drive[:, ::-1] * [0, 1] + 50 + common).astype(int)
    table: Any = count_correlations(counts_of(values, 30)).set_index("kind")["value"]
    # Both follow one drive, and one common noise that rounding hardly blurs.
    assert table["noise"] > 0.95
    assert table["signal"] > 0.99
    independent = values + np.rint(generator.normal(0, 9.0, values.shape)).astype(int)
    blurred: Any = count_correlations(counts_of(independent, 30)).set_index("kind")["value"]
    assert blurred["noise"] == pytest.approx(9 / 90, abs=0.06)


def test_correction_takes_noise_out_of_few_trials() -> None:
    generator = np.random.default_rng(1)
    found = []
    for _ in range(40):
        drive = np.tile(generator.normal(0, 1.0, (60, 2)), (3, 1))
        common = generator.normal(0, 1.0, (180, 1))
        values = np.rint(10 * (drive + common + 20)).astype(int)
        found.append(count_correlations(counts_of(values, 60))["value"].to_numpy())
    noise, signal, corrected = np.mean(found, axis=0)
    assert noise > 0.98
    assert signal > 0.2
    assert abs(corrected) < 0.05


def test_independent_units_are_null_as_often_as_stated() -> None:
    values = np.random.default_rng(2).poisson(5.0, (200, 40))
    table: Any = count_correlations(counts_of(values, 20))
    for kind in ("noise", "signal"):
        part = table[table["kind"] == kind]
        covered = ((part["low"] <= 0) & (part["high"] >= 0)).mean()
        assert 0.92 < covered < 0.98, kind


def test_what_cannot_be_told_says_why() -> None:
    values = np.tile(np.array([[1, 3, 0], [2, 5, 0]]), (3, 1))
    table: Any = count_correlations(counts_of(values, 2))
    noise = table[table["kind"] == "noise"]
    assert noise["status"].tolist() == ["deterministic", "no_spikes", "no_spikes"]
    assert table[table["kind"] == "signal"]["status"].tolist() == ["n<4", "no_spikes", "no_spikes"]


def test_thinning_gives_the_rate_and_the_covariance_it_says() -> None:
    generator = np.random.default_rng(3)
    common = generator.poisson(6.0, (20_000, 1))
    values = common + generator.poisson(2.0, (20_000, 2))
    responses = counts_of(values, 1)
    thinned = thin(responses, 4.0, seed=0)
    np.testing.assert_allclose(thinned.values.mean(axis=0)[:, 0], 4.0, atol=0.05)
    covariance = np.cov(thinned.values[:, :, 0].T)
    assert covariance[0, 1] == pytest.approx(6.0 * 0.25, abs=0.1)
    assert covariance[0, 0] == pytest.approx(4.0, abs=0.15)
    np.testing.assert_array_equal(thin(responses, 100.0, seed=0).values, responses.values)
    assert "thinned" in thinned.notes[-1]
    with pytest.raises(ValueError, match="`mean_counts`"):
        thin(responses, -1.0, seed=0)
