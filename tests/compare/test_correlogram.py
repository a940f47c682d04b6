from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare.correlogram import (
    correlogram_table,
    correlograms,
    jittered_correlograms,
    shuffled_correlograms,
)
from neurospyke.compare.trains import SpikeTrains

N_BINS = 12
COUNTS = st.tuples(st.integers(1, 3), st.integers(1, 3)).flatmap(
    lambda shape: st.lists(
        st.integers(0, 2),
        min_size=shape[0] * shape[1] * N_BINS,
        max_size=shape[0] * shape[1] * N_BINS,
    ).map(lambda flat: np.array(flat).reshape(shape[0], shape[1], N_BINS))
)


def trains_of(counts: np.ndarray) -> SpikeTrains:
    """(span, unit, bin) counts as spikes in the middle of bins of 0.1."""
    middles = (np.arange(N_BINS) + 0.5) / 10
    spans = [(2.0 * span, 2.0 * span + N_BINS / 10) for span in range(len(counts))]
    rows = [
        np.concatenate([np.repeat(middles, row) + 2.0 * span for span, row in enumerate(unit)])
        for unit in counts.transpose(1, 0, 2)
    ]
    return SpikeTrains.of(rows, spans)


def lagged(a: np.ndarray, b: np.ndarray, lag: int) -> float:
    """Σ_t a(t) b(t + lag)."""
    if lag < 0:
        return lagged(b, a, -lag)
    return float(a[: len(a) - lag] @ b[lag:]) if lag < len(a) else 0.0


def by_definition(counts: np.ndarray, n_lags: int) -> np.ndarray:
    n_units = counts.shape[1]
    expected = np.zeros((n_units, n_units, 2 * n_lags + 1))
    for i in range(n_units):
        for j in range(n_units):
            for k in range(-n_lags, n_lags + 1):
                expected[i, j, k + n_lags] = sum(lagged(span[i], span[j], k) for span in counts)
        expected[i, i, n_lags] -= counts[:, i].sum()
    return expected


@settings(max_examples=40, deadline=None)
@given(COUNTS, st.integers(0, 14))
def test_they_are_sums_of_products_of_counts(counts: np.ndarray, n_lags: int) -> None:
    found = correlograms(trains_of(counts), 0.1, n_lags / 10)
    np.testing.assert_array_equal(found, by_definition(counts, n_lags))
    np.testing.assert_array_equal(found, found.transpose(1, 0, 2)[:, :, ::-1])


@settings(max_examples=25, deadline=None)
@given(COUNTS, st.integers(0, 6))
def test_shuffling_is_the_mean_over_pairs_of_trials(counts: np.ndarray, n_lags: int) -> None:
    if len(counts) < 2:
        with pytest.raises(ValueError, match="2 or more trials"):
            shuffled_correlograms(trains_of(counts), 0.1, n_lags / 10)
        return
    found = shuffled_correlograms(trains_of(counts), 0.1, n_lags / 10)
    n_spans = len(counts)
    for i in range(counts.shape[1]):
        for j in range(counts.shape[1]):
            for k in range(-n_lags, n_lags + 1):
                pairs = [
                    lagged(counts[a, i], counts[b, j], k)
                    for a in range(n_spans)
                    for b in range(n_spans)
                    if a != b
                ]
                assert found[i, j, k + n_lags] == pytest.approx(sum(pairs) / (n_spans - 1))


@settings(max_examples=25, deadline=None)
@given(COUNTS, st.integers(0, 14), st.integers(2, 7))
def test_jitter_spreads_spikes_over_their_windows(
    counts: np.ndarray, n_lags: int, window: int
) -> None:
    smooth = counts.astype(float)
    for start in range(0, N_BINS, window):
        part = smooth[:, :, start : start + window]
        part[:] = part.mean(axis=2, keepdims=True)
    found = jittered_correlograms(trains_of(counts), 0.1, n_lags / 10, jitter=window / 10)
    for i in range(counts.shape[1]):
        for j in range(counts.shape[1]):
            if i == j:
                assert np.isnan(found[i, j]).all()
                continue
            for k in range(-n_lags, n_lags + 1):
                sums = [
                    lagged(a[i], b[j], k) + lagged(b[i], a[j], k)
                    for a, b in zip(counts, smooth, strict=True)
                ]
                assert found[i, j, k + n_lags] == pytest.approx(sum(sums) / 2, abs=1e-10)


@pytest.mark.filterwarnings("ignore:The 'copy' argument in Quantity")
def test_elephant_counts_the_same_pairs() -> None:
    import quantities as pq
    from elephant.conversion import BinnedSpikeTrain
    from elephant.spike_train_correlation import cross_correlation_histogram
    from neo import SpikeTrain

    generator = np.random.default_rng(0)
    rows = [np.sort(generator.uniform(0, 20, 200)) for _ in range(2)]
    found = correlograms(SpikeTrains.of(rows, (0, 20)), 0.005, 0.05)[0, 1]
    binned = [
        BinnedSpikeTrain(SpikeTrain(row, units="s", t_stop=20.0), bin_size=5 * pq.ms)
        for row in rows
    ]
    window: Any = (-10, 10)
    histogram, _ = cross_correlation_histogram(*binned, window=window)
    np.testing.assert_array_equal(found, np.asarray(histogram)[:, 0])


def test_independent_trains_exceed_chance_as_often_as_stated() -> None:
    generator = np.random.default_rng(0)
    rows = [np.sort(generator.uniform(0, 200, 2000)) for _ in range(6)]
    trains = SpikeTrains.of(rows, (0, 200))
    expected = jittered_correlograms(trains, 0.005, 0.05, jitter=0.1)
    table = correlogram_table(trains, 0.005, 0.05, expected=expected)
    outside = ((table["expected"] < table["low"]) | (table["expected"] > table["high"])).mean()
    assert 0.02 < outside < 0.08
    assert abs(table["excess"].mean()) < 2


def test_synchrony_stands_out() -> None:
    generator = np.random.default_rng(0)
    base = np.sort(generator.uniform(0, 100, 500))
    trains = SpikeTrains.of([base, np.sort(base + 0.012)], (0, 101))
    expected = jittered_correlograms(trains, 0.005, 0.05, jitter=0.1)
    table = correlogram_table(trains, 0.005, 0.05, expected=expected)
    peak = table.iloc[int(table["excess"].to_numpy().argmax())]
    assert peak["lag"] in (0.01, 0.015)
    assert peak["low"] > 2 * peak["expected"]


def test_bad_bins_are_refused() -> None:
    trains = SpikeTrains.of([[0.1], [0.2]], (0, 1))
    with pytest.raises(ValueError, match="`bin_width`"):
        correlograms(trains, 0.0)
    with pytest.raises(ValueError, match="`max_lag`"):
        correlograms(trains, 0.1, -1.0)
    with pytest.raises(ValueError, match="`jitter`"):
        jittered_correlograms(trains, 0.01, 0.1, jitter=0.01)
    with pytest.raises(ValueError, match="`expected`"):
        correlogram_table(trains, 0.1, 0.1, expected=np.zeros((1, 1, 1)))


def test_spikes_on_edges_fall_into_the_bins_they_begin() -> None:
    # 0.3 / 0.1 is 2.9999999999999996 in binary
    found = correlograms(SpikeTrains.of([[0.0], [0.3]], (0, 1)), 0.1, 0.4)[0, 1]
    assert found.tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 0]
