import numpy as np
import pandas as pd
import pytest

from neurospyke.compare.rates import KERNELS, instantaneous_rates, psth
from neurospyke.responses import Responses


def spikes(values: np.ndarray, bin_width: float = 0.01) -> Responses:
    n_trials, n_units, n_times = values.shape
    return Responses(
        values,
        pd.DataFrame({"stimulus": ["a", "b"] * (n_trials // 2) + ["a"] * (n_trials % 2)}),
        pd.DataFrame({"unit": range(n_units)}),
        np.arange(n_times + 1) * bin_width,
    )


def test_the_histogram_is_the_mean_rate_of_the_stimulus() -> None:
    values = np.random.default_rng(0).poisson(1.0, (9, 3, 5))
    table = psth(spikes(values))
    expected = np.concatenate([values[::2].mean(axis=0).ravel(), values[1::2].mean(axis=0).ravel()])
    np.testing.assert_allclose(table["rate"], expected / 0.01)
    assert table["n"].unique().tolist() == [5, 4]


def test_intervals_of_the_histogram_cover_as_stated() -> None:
    values = np.random.default_rng(1).poisson(3.0, (20, 200, 5))
    table = psth(spikes(values))
    covered = ((table["low"] <= 300) & (table["high"] >= 300)).mean()
    assert 0.93 < covered < 0.97


def test_trials_that_never_differ_say_so() -> None:
    table = psth(spikes(np.ones((3, 1, 2), dtype=int)))
    assert table["status"].tolist() == ["deterministic"] * 2 + ["n_trials<2"] * 2


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("causal", [False, True])
def test_a_constant_rate_stays_constant(kernel: str, causal: bool) -> None:
    rates = instantaneous_rates(
        spikes(np.full((1, 1, 50), 2)), kernel, width=0.03, causal=causal
    ).values
    # an alpha function is 0 at its spike, so that it says nothing of the first bin
    first = 1 if kernel == "alpha" else 0
    np.testing.assert_allclose(rates[0, 0, first:], 200.0)


@pytest.mark.parametrize("kernel", KERNELS)
def test_nothing_stands_before_a_spike_if_causal(kernel: str) -> None:
    values = np.zeros((1, 1, 100), dtype=int)
    values[0, 0, 50] = 1
    rates = instantaneous_rates(spikes(values), kernel, width=0.05, causal=True).values[0, 0]
    assert np.abs(rates[:50]).max() < 1e-9
    assert rates[51] > 1


def test_the_gaussian_is_scipys_in_the_middle() -> None:
    from scipy.ndimage import gaussian_filter1d

    values = np.random.default_rng(0).poisson(0.2, (2, 3, 200))
    found = instantaneous_rates(spikes(values), width=0.05).values
    expected = gaussian_filter1d(values / 0.01, 5.0, axis=2, truncate=12)
    np.testing.assert_allclose(found[:, :, 70:130], expected[:, :, 70:130], rtol=1e-6)


def test_bad_kernels_are_refused() -> None:
    responses = spikes(np.ones((1, 1, 4), dtype=int))
    with pytest.raises(ValueError, match="`kernel`"):
        instantaneous_rates(responses, "sinc", width=0.1)
    with pytest.raises(ValueError, match="`width`"):
        instantaneous_rates(responses, width=0.0)
    uneven = Responses(
        responses.values, responses.trials, responses.units, np.array([0.0, 1, 3, 4, 5])
    )
    with pytest.raises(ValueError, match="one width"):
        instantaneous_rates(uneven, width=1.0)


def test_a_histogram_by_hand() -> None:
    # Two trials of 2 and 6 spikes/s: mean 4, standard error 2, t(1) = 12.706.
    table = psth(Responses.from_counts(np.array([[1], [3]]), stimuli=["a"] * 2, window=(0.0, 0.5)))
    assert table["low"][0] == pytest.approx(4 - 12.706205 * 2)
    assert table["high"][0] == pytest.approx(4 + 12.706205 * 2)
    values = np.arange(6).reshape(1, 2, 3)
    rows = psth(spikes(values, 1.0))[["unit", "time", "rate"]].to_numpy().tolist()
    assert rows == [
        *([0, 0.5, 0], [0, 1.5, 1], [0, 2.5, 2]),
        *([1, 0.5, 3], [1, 1.5, 4], [1, 2.5, 5]),
    ]


def test_rates_are_taken_as_rates() -> None:
    values = np.array([[[3.0, 5.0]]])
    frame = spikes(values.astype(int), 0.1)
    rates = Responses(values, frame.trials, frame.units, frame.edges, measure="rate")
    assert psth(rates)["rate"].tolist() == [3, 5]
    assert instantaneous_rates(rates, width=1e-3).values.ravel().tolist() == [3, 5]


@pytest.mark.parametrize(
    ("kernel", "mean", "deviation"),
    [("gaussian", 0, 1), ("boxcar", 0, 1), ("exponential", 1, 1), ("alpha", 2, np.sqrt(2))],
)
def test_kernels_have_the_width_that_is_asked_for(
    kernel: str, mean: float, deviation: float
) -> None:
    values = np.zeros((1, 1, 2001), dtype=int)
    values[0, 0, 1000] = 1
    rates = instantaneous_rates(spikes(values, 0.001), kernel, width=0.05).values[0, 0]
    weights, lags = rates / rates.sum(), (np.arange(2001) - 1000) * 0.001
    middle = (weights * lags).sum()
    assert middle == pytest.approx(mean * 0.05, abs=0.001)
    spread = np.sqrt((weights * (lags - middle) ** 2).sum())
    assert spread == pytest.approx(deviation * 0.05, abs=0.001)


def test_no_rate_is_below_nothing() -> None:
    values = np.zeros((1, 1, 400), dtype=int)
    values[0, 0, [3, 200]] = 50
    assert (instantaneous_rates(spikes(values), width=0.02).values >= 0).all()
