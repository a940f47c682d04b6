"""Alignment: each bin against numpy, whole-number arithmetic and hand-made cases."""

import tracemalloc
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import quantities as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.recording import PartialResponses, Recording, counting

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


def test_counts_over_65535_are_not_wrapped(monkeypatch):
    monkeypatch.setattr(counting, "_BLOCK_CELLS", 1)
    recording = Recording.from_trains([[0.5], np.full(70_000, 0.5)], observed=(0, 1))
    counts = recording.align(trials([0.0]), (0, 1))
    np.testing.assert_array_equal(counts.values[0, :, 0], [1, 70_000])


@settings(max_examples=80, deadline=None)
@given(
    trains=st.lists(MILLISECONDS, min_size=1, max_size=3),
    starts=st.lists(st.integers(0, 1999), min_size=1, max_size=6),
    lengths=st.lists(st.integers(1, 300), min_size=6, max_size=6),
    gap=st.tuples(st.integers(100, 900), st.integers(901, 1800)),
    first=st.integers(-50, 50),
    width=st.integers(1, 40),
    measure=st.sampled_from(["count", "rate"]),
)
def test_unequal_windows_equal_a_loop_and_unknown_bins_are_nan(
    trains, starts, lengths, gap, first, width, measure
):
    """Whole milliseconds again; nothing is seen between the two numbers of `gap`."""
    seen = [[time for time in train if not gap[0] < time < gap[1]] for train in trains]
    recording = Recording.from_trains(
        [np.array(train) / 1000 for train in seen],
        observed=np.array([[0, gap[0]], [gap[1], 2000]]) / 1000,
    )
    stops = np.array(starts) + first + np.array(lengths[: len(starts)])
    table = trials(np.array(starts) / 1000, off=stops / 1000)
    n_bins = max(lengths[: len(starts)]) // width
    if n_bins == 0:
        return
    made = recording.align(
        *(table, (first / 1000, "off"), width / 1000),
        measure=measure,
        on_out_of_range="nan",
    )
    expected = np.full((len(starts), len(seen), n_bins), np.nan)
    for trial, start in enumerate(starts):
        for position in range(n_bins):
            begin = start + first + position * width
            inside = (begin >= 0 and begin + width <= gap[0]) or (
                gap[1] <= begin and begin + width <= 2000
            )
            if inside and begin + width <= stops[trial]:
                for unit, train in enumerate(seen):
                    n_spikes = sum(begin <= time < begin + width for time in train)
                    expected[trial, unit, position] = n_spikes
    expected /= width / 1000 if measure == "rate" else 1
    assert isinstance(made, PartialResponses)
    np.testing.assert_allclose(made.values, expected, rtol=1e-12)
    np.testing.assert_array_equal(made.observed, ~np.isnan(expected[:, 0]))


def test_unequal_windows_without_bins_are_one_bin_each():
    recording = Recording.from_trains([[0.1, 0.2, 1.1, 1.4, 1.6]], observed=(0, 3))
    table = trials([0.0, 1.0], off=[0.15, 1.5])
    counts = recording.align(table, (0.0, "off"))
    np.testing.assert_array_equal(counts.values[:, 0, 0], [1, 2])
    np.testing.assert_array_equal(counts.edges, [0.0, 0.5])
    np.testing.assert_allclose(counts.trials["window_stop"], [0.15, 0.5], rtol=1e-12)
    rates = recording.align(table, (0.0, "off"), measure="rate")
    np.testing.assert_allclose(rates.values[:, 0, 0], [1 / 0.15, 4.0], rtol=1e-12)
    latency = recording.align(table.assign(start_time=[0.05, 1.2]), ("start_time", "off"))
    np.testing.assert_array_equal(latency.values[:, 0, 0], [1, 1])
    silent = recording.align(table, (0.12, "off"), measure="latency")
    np.testing.assert_allclose(silent.values[:, 0, 0], [0.15, 0.4], rtol=1e-12)


def test_trials_without_a_stop_of_their_own_are_out_of_range():
    recording = Recording.from_trains([[0.5]], observed=(0, 3))
    table = trials([0.0, 1.0, 2.0], off=[1.0, np.nan, 1.5])
    with pytest.warns(UserWarning, match=r"2 of 3 trials.*\[1, 2\]"):
        assert recording.align(table, (0.0, "off")).n_trials == 1
    partial = recording.align(table, (0.0, "off"), on_out_of_range="nan")
    np.testing.assert_array_equal(partial.values[:, 0, 0], [1, np.nan, np.nan])
    with pytest.raises(ValueError, match="none has one by"):
        recording.align(table.assign(off=np.nan), (0.0, "off"))
    with pytest.raises(TypeError, match=r"name a column of times.*'off'\]; got 'end'"):
        recording.align(table, (0.0, "end"))


def test_shorter_windows_leave_bins_without_values_unless_nan_may_stand_there():
    recording = Recording.from_trains([[0.5, 1.05]], observed=(0, 3))
    table = trials([0.0, 1.0], off=[1.0, 1.15])
    with pytest.warns(UserWarning, match="1 of 2 trials"):
        counts = recording.align(table, (0.0, "off"), 0.1)
    assert counts.values.shape == (1, 1, 10)
    partial = recording.align(table, (0.0, "off"), 0.1, on_out_of_range="nan")
    np.testing.assert_array_equal(partial.values[1, 0, :3], [1, np.nan, np.nan])


def test_trials_out_of_range_can_be_nan_or_an_error():
    recording = Recording.from_trains([[0.25, 0.75, 1.9]], observed=(0, 2), source="made up")
    table = trials([0.0, 1.5, 5.0], stimulus=["a", "a", "a"])
    with pytest.raises(ValueError, match=r"wholly observed; with.*2 of 3.*\[1, 2\]"):
        recording.align(table, (0.0, 1.0), on_out_of_range="error")
    partial = recording.align(table, (0.0, 1.0), 0.5, on_out_of_range="nan")
    np.testing.assert_array_equal(partial.values[:, 0], [[1, 1], [1, np.nan], [np.nan, np.nan]])
    assert repr(partial) == (
        "PartialResponses(3 trials, 1 units, 2 bins, 0.5 of them observed, 1 trials wholly)"
    )
    mean = partial.average()
    np.testing.assert_array_equal(mean.values[0, 0], [1, 1])
    assert mean.trials[["n_trials", "n_observed"]].to_numpy().tolist() == [[3, 1]]
    assert (mean.measure, mean.source) == ("count", "made up")
    whole = partial.whole()
    assert whole.trials["start_time"].tolist() == [0.0]
    assert whole.notes[-1] == "2 of 3 trials not observed in every bin left out"
    apart = recording.align(table.assign(stimulus=["a", "b", "c"]), (0, 1), on_out_of_range="nan")
    with pytest.raises(ValueError, match=r"2 of 3 have none in some bin, first \['b', 'c'\]"):
        apart.average()
    none = recording.align(table.iloc[1:], (0.0, 1.0), on_out_of_range="nan")
    with pytest.raises(ValueError, match="at least one of 2 trials"):
        none.whole()
    latency = recording.align(table, (0.0, 1.0), measure="latency", on_out_of_range="nan")
    np.testing.assert_array_equal(latency.values[:, 0, 0], [0.25, np.nan, np.nan])


def test_large_results_lie_in_a_file_and_are_the_same():
    rng = np.random.default_rng(0)
    recording = Recording.from_trains([np.sort(rng.uniform(0, 9, 300))] * 3, observed=(0, 9))
    table = trials(rng.uniform(0, 8, 40))
    changes: list[dict[str, Any]] = [{}, {"measure": "rate"}]
    for change in [*changes, {"measure": "latency", "bin_width": None}]:
        settings_ = {"bin_width": 0.1} | change
        usual = recording.align(table, (0.0, 1.0), **settings_)
        mapped = recording.align(table, (0.0, 1.0), **settings_, max_bytes=100)
        assert isinstance(mapped.values, np.memmap)
        assert not isinstance(usual.values, np.memmap)
        np.testing.assert_array_equal(mapped.values, usual.values)
        assert mapped.values.dtype == usual.values.dtype


def test_counting_in_small_blocks_changes_nothing(monkeypatch):
    rng = np.random.default_rng(1)
    recording = Recording.from_trains([np.sort(rng.uniform(0, 9, 300)), []], observed=(0, 9))
    table = trials(rng.uniform(0, 8, 40))
    whole = recording.align(table, (0.0, 1.0), 0.1)
    monkeypatch.setattr(counting, "_BLOCK_CELLS", 25)
    monkeypatch.setattr(counting, "_BLOCK_SPIKES", 7)
    np.testing.assert_array_equal(recording.align(table, (0.0, 1.0), 0.1).values, whole.values)


@settings(max_examples=60, deadline=None)
@given(
    times=st.lists(st.integers(0, 30), max_size=60).map(sorted),
    begins=st.lists(st.integers(0, 25), min_size=1, max_size=5),
    widths=st.lists(st.integers(0, 5), min_size=1, max_size=6),
)
def test_counts_between_limits_equal_a_search_for_each(times, begins, widths):
    """Times on limits, bins of unequal and of no width."""
    limits = np.array(begins)[:, None] + np.cumsum([0, *widths]).astype(float)
    counts = counting.counts_between(np.array(times, dtype=float), limits)
    np.testing.assert_array_equal(counts, np.diff(np.searchsorted(times, limits), axis=1))


def test_windows_may_begin_at_a_column_too():
    recording = Recording.from_trains([[0.05, 0.15, 1.05, 1.15]], observed=(0, 3))
    table = trials([0.0, 1.0], on=[0.0, 1.1], off=[0.2, 1.2])
    partial = recording.align(table, ("on", "off"), 0.1, on_out_of_range="nan")
    np.testing.assert_array_equal(partial.values[:, 0], [[1, 1], [np.nan, 1]])


def test_labels_of_trials_left_out_do_not_matter():
    recording = Recording.from_trains([[0.5]], observed=(0, 1))
    table = trials([0.0, 5.0], stimulus=["a", None])
    with pytest.warns(UserWarning, match="1 of 2 trials"):
        assert recording.align(table, (0, 1)).stimuli == ("a",)


def test_overlapping_windows_are_told():
    recording = Recording.from_trains([[0.5]], observed=(0, 9))
    apart = recording.align(trials([0, 1, 2]), (0, 1))
    assert apart.notes == ()
    shared = recording.align(trials([3, 0, 0.5, 5]), (0, 1))
    assert shared.notes[0].startswith("2 of 4 windows of 'trials' share time with another")


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
        ({"on_out_of_range": "drop"}, r"\['exclude', 'nan', 'error'\]; got 'drop'"),
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


@pytest.mark.parametrize("measure", ["count", "rate", "latency"])
def test_windows_that_are_equal_once_a_longer_one_is_left_out(measure):
    table = pd.DataFrame(
        {"start_time": [0.0, 2.0, 4.0], "stop_time": [1.0, 3.0, 6.0], "stimulus": list("abc")}
    )
    made = Recording.from_trains([[0.5, 1.5, 1.75, 2.5, 3.5]], observed=(0, 5))
    with pytest.warns(UserWarning, match="1 of 3 trials"):
        found = made.align(table, (0.0, "stop_time"), measure=measure)
    np.testing.assert_array_equal(found.values.ravel(), [0.5, 0.5] if measure == "latency" else 1)
    np.testing.assert_array_equal(found.edges, [0.0, 1.0])


@pytest.mark.parametrize("out_of_range", ["exclude", "nan"])
@pytest.mark.parametrize("measure", ["count", "rate", "latency"])
@pytest.mark.parametrize("window", [(-0.5, 0.5), (0.0, "stop_time")])
def test_blocks_of_trials_change_nothing(monkeypatch, out_of_range, measure, window):
    generator = np.random.default_rng(0)
    starts = np.arange(24.0)
    table = pd.DataFrame(
        {"start_time": starts, "stop_time": starts + generator.choice([0.5, 1.0, 2.0], 24)}
    ).assign(stimulus="a")
    trains = [np.sort(generator.uniform(0, 24, 60)) for _ in range(3)]
    made = Recording.from_trains(trains, observed=(0, 24))
    bins = 0.25 if measure == "count" else None

    def aligned():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return made.align(table, window, bins, measure=measure, on_out_of_range=out_of_range)

    whole = aligned()
    monkeypatch.setattr(counting, "_BLOCK_CELLS", 1)
    parts = aligned()
    np.testing.assert_array_equal(whole.values, parts.values)


def test_memory_is_that_of_a_block_whatever_the_number_of_trials():
    starts = np.arange(40_000) * 0.25
    table = pd.DataFrame({"start_time": starts, "stimulus": "a"})
    made = Recording.from_trains([[1.0, 9_000.0]], observed=(0, 11_000))
    tracemalloc.start()
    made.align(table, (0.0, 1.0), 1 / 1024, max_bytes=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # edges of all bins of all trials alone would be 328 MB
    assert peak < 200e6
