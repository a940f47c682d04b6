"""Alignment: each bin against numpy, whole-number arithmetic and hand-made cases."""

import warnings

import numpy as np
import pandas as pd
import pytest
import quantities as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.recording import Recording

MILLISECONDS = st.lists(st.integers(0, 1999), max_size=60).map(sorted)


def trials(starts, **columns) -> pd.DataFrame:
    labels = {"stimulus": [f"s{position}" for position in range(len(starts))]}
    return pd.DataFrame({"start_time": np.asarray(starts, dtype=float)} | labels | columns)


@settings(max_examples=60, deadline=None)
@given(
    trains=st.lists(MILLISECONDS, min_size=1, max_size=4),
    starts=st.lists(st.integers(100, 1500), min_size=1, max_size=8),
    first=st.integers(-100, 100),
    width=st.integers(1, 40),
    n_bins=st.integers(1, 10),
)
def test_bins_equal_whole_number_arithmetic(trains, starts, first, width, n_bins):
    """Spikes, trials and edges on one millisecond grid, so many spikes lie exactly on edges."""
    recording = Recording.from_trains(
        [np.array(train) / 1000 for train in trains], observed=(0.0, 2.0)
    )
    window = (first / 1000, (first + width * n_bins) / 1000)
    counts = recording.align(trials([start / 1000 for start in starts]), window, width / 1000)
    expected = np.zeros((len(starts), len(trains), n_bins), dtype=int)
    for trial, start in enumerate(starts):
        for unit, train in enumerate(trains):
            for time in train:
                position = (time - start - first) // width
                if 0 <= position < n_bins:
                    expected[trial, unit, position] += 1
    np.testing.assert_array_equal(counts.values, expected)


@settings(max_examples=40, deadline=None)
@given(
    train=st.lists(st.integers(0, 2**11 - 1), max_size=80).map(sorted),
    starts=st.lists(st.integers(0, 2**10), min_size=1, max_size=6),
    n_bins=st.integers(1, 16),
)
def test_bins_equal_numpy_histogram(train, starts, n_bins):
    """On binary fractions the edges are exact, and so is numpy's histogram."""
    times = np.array(train) / 1024
    recording = Recording.from_trains([times], observed=(0.0, 3.0))
    table = trials(np.array(starts) / 1024)
    counts = recording.align(table, (0.0, n_bins / 64), 1 / 64).values[:, 0]
    for start, row in zip(table["start_time"], counts, strict=True):
        # numpy closes its last bin, so one more edge stands behind the window.
        edges = start + np.arange(n_bins + 1) / 64
        np.testing.assert_array_equal(row, np.histogram(times, [*edges, np.inf])[0][:-1])


def test_bins_are_half_open_and_windows_may_overlap():
    recording = Recording.from_trains([[0.1, 0.2, 0.3]], observed=(0, 1))
    counts = recording.align(trials([0.0, 0.1, 0.1]), (0.0, 0.2), 0.1)
    np.testing.assert_array_equal(counts.values[:, 0], [[0, 1], [1, 1], [1, 1]])
    np.testing.assert_array_equal(counts.edges, [0.0, 0.1, 0.2])
    assert counts.values.dtype == np.uint16


def test_edges_hold_a_day_into_the_recording():
    """Bins of 0.1 ms with a spike on each edge; float64 is coarser there than 1e-8 of a bin."""
    day = 86_400.0
    times = (864_001_000 + np.arange(1000)) / 10_000
    recording = Recording.from_trains([times], observed=(day, day + 10))
    counts = recording.align(trials([day + 0.1]), (0.0, 0.1), 0.0001)
    np.testing.assert_array_equal(counts.values[0, 0], np.ones(1000))


def test_rate_is_count_over_bin_width():
    recording = Recording.from_trains([[0.1, 0.11, 0.3]], observed=(0, 1))
    rates = recording.align(trials([0.0]), (0.0, 0.5), 0.25, measure="rate")
    np.testing.assert_array_equal(rates.values[0, 0], [8.0, 4.0])
    assert rates.measure == "rate"


def test_latency_is_first_spike_from_trial_start_and_silence_the_stop():
    recording = Recording.from_trains([[1.02, 1.15, 1.18], []], observed=(0, 3))
    latency = recording.align(trials([1.0, 2.0]), (0.05, 0.3), measure="latency")
    np.testing.assert_allclose(latency.values[:, 0, 0], [0.15, 0.3], rtol=1e-12)
    np.testing.assert_array_equal(latency.values[:, 1, 0], [0.3, 0.3])
    at_stop = Recording.from_trains([[1.3]], observed=(0, 3))
    late = at_stop.align(trials([1.0]), (0.0, 0.3), measure="latency")
    assert late.values.item() == 0.3


def test_trials_not_wholly_observed_are_left_out_and_told():
    recording = Recording.from_trains(
        [[0.5, 5.5]], observed=[[0, 2], [2, 3], [5, 6]], notes=("before",)
    )
    table = trials([0.5, 1.5, 1.75, 2.75, 4.0, 5.5, 5.75])
    with pytest.warns(UserWarning, match=r"3 of 7 trials of 'trials' left out.*\[3, 4, 6\]"):
        counts = recording.align(table, (0.0, 0.5))
    # The third trial crosses from one span into another that begins where the first one ends.
    assert counts.trials["stimulus"].tolist() == ["s0", "s1", "s2", "s5"]
    np.testing.assert_array_equal(counts.values[:, 0, 0], [1, 0, 0, 1])
    assert counts.notes[0] == "before"
    assert counts.notes[1].endswith("not wholly observed: rows [3, 4, 6]")
    with pytest.raises(ValueError, match="none has its window"):
        recording.align(table, (10.0, 10.5))


def test_windows_that_end_with_the_observed_time_are_kept():
    recording = Recording.from_trains([[0.2]], observed=(0.1, 0.3))
    assert np.float64(0.1) + np.float64(0.2) > 0.3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert recording.align(trials([0.1]), (0.0, 0.2)).n_trials == 1


def test_repetition_counts_within_each_stimulus_unless_there():
    recording = Recording.from_trains([[0.5]], observed=(0, 9))
    table = trials([0, 1, 2, 3]).assign(stimulus=[7, 4, 7, 7])
    counts = recording.align(table, (0, 1))
    assert counts.trials["stimulus"].tolist() == ["7", "4", "7", "7"]
    assert counts.trials["repetition"].tolist() == [0, 0, 1, 2]
    own = recording.align(table.assign(repetition=[9, 8, 7, 6]), (0, 1))
    assert own.trials["repetition"].tolist() == [9, 8, 7, 6]
    assert "repetition" not in table


def test_another_column_can_be_the_stimulus():
    recording = Recording.from_trains([[0.5]], observed=(0, 9))
    counts = recording.align(trials([0, 1], image=["a", "b"]), (0, 1), stimulus="image")
    assert counts.stimuli == ("a", "b")
    assert counts.trials["stimulus_in_table"].tolist() == ["s0", "s1"]
    assert "stimulus is 'image'" in counts.notes[0]


def test_quantities_are_rescaled_to_seconds():
    recording = Recording.from_trains([[0.1, 0.15]], observed=(0, 1))
    plain = recording.align(trials([0.0]), (0.1, 0.2), 0.05)
    for window in ([100, 200] * pq.ms, (100 * pq.ms, 0.2 * pq.s)):
        counts = recording.align(trials([0.0]), window, 50 * pq.ms)
        np.testing.assert_array_equal(counts.values, plain.values)
        np.testing.assert_allclose(counts.edges, plain.edges, rtol=1e-15)
    with pytest.raises(ValueError, match="`window` must be a time"):
        recording.align(trials([0.0]), [1, 2] * pq.mV)


def test_counts_over_65535_are_not_wrapped():
    recording = Recording.from_trains([[0.5], np.full(70_000, 0.5)], observed=(0, 1))
    counts = recording.align(trials([0.0]), (0, 1))
    np.testing.assert_array_equal(counts.values[0, :, 0], [1, 70_000])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": (0.2, 0.1)}, r"got \(0.2, 0.1\); swap them"),
        ({"window": (0.1, 0.1)}, "start < stop"),
        ({"window": 0.1}, r"must be \(start, stop\)"),
        ({"window": (0.0, np.nan)}, "must be finite"),
        ({"bin_width": 0.3}, "divide the window.*0.3 s for a window of 1 s"),
        ({"bin_width": 0.0}, "divide the window"),
        ({"bin_width": -0.5}, "divide the window"),
        ({"bin_width": 2.0}, "divide the window"),
        ({"trials": "go"}, r"shown \(1 rows\), rest \(1 rows\); got 'go'"),
        ({"stimulus": "image"}, r"a column of 'shown', \['start_time', 'stimulus'\]; got 'image'"),
        ({"measure": "psth"}, r"\['count', 'rate', 'latency'\]; got 'psth'"),
        ({"measure": "latency", "bin_width": 0.1}, "must be None for latencies"),
        ({"trials": pd.DataFrame({"start_time": [np.nan], "stimulus": "a"})}, "finite start_time"),
        ({"trials": pd.DataFrame({"onset": [0.0]})}, "start_time"),
        ({"trials": trials([0.0]).assign(stimulus=[1.5])}, "whole numbers"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    tables = {"shown": trials([0.0]), "rest": trials([1.0])}
    recording = Recording.from_trains([[0.5]], observed=(0, 9), trials=tables)
    with pytest.raises(ValueError, match=message):
        recording.align(**({"trials": "shown", "window": (0, 1)} | arguments))


def test_wrong_types_are_refused():
    recording = Recording.from_trains([[0.5]], observed=(0, 9))
    with pytest.raises(TypeError, match="name of a trial table or a DataFrame; got list"):
        recording.align([0.0], (0, 1))  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="number of seconds"):
        recording.align(trials([0.0]), ("0", "1"))
