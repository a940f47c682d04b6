import neo
import numpy as np
import pandas as pd
import pytest
import quantities as pq

from neurospyke.compare.jackknife import blocks_of, jackknife
from neurospyke.compare.trains import SpikeTrains, check_above_zero, first_status
from neurospyke.recording import Recording, simulated_recording
from neurospyke.responses import Responses


def spikes(values: np.ndarray) -> Responses:
    n_trials, n_units, n_times = values.shape
    return Responses(
        values,
        pd.DataFrame({"stimulus": [f"s{trial % 2}" for trial in range(n_trials)]}),
        pd.DataFrame({"unit": range(n_units)}),
        np.arange(n_times + 1.0),
        measure="spike",
        time_unit="step",
    )


def test_a_model_and_its_recording_give_the_same_trains() -> None:
    model = spikes(np.random.default_rng(0).integers(0, 2, (5, 3, 40)))
    recording = simulated_recording(model, step=0.001)
    table = recording.trials["trials"]
    ours = SpikeTrains.of(model)
    theirs = SpikeTrains.of(recording, table[["start_time", "stop_time"]].to_numpy())
    np.testing.assert_array_equal(ours.offsets, theirs.offsets)
    np.testing.assert_allclose(ours.times * 0.001, theirs.times, atol=1e-12)
    np.testing.assert_allclose(ours.durations * 0.001, theirs.durations, atol=1e-12)
    assert ours.bin_width == 1.0


def test_spans_cut_time_half_open() -> None:
    recording = Recording.from_trains([[0.0, 0.5, 0.75], [0.9]], observed=(0, 1))
    trains = SpikeTrains.of(recording, [(0.5, 0.75), (0.75, 1.0)])
    assert [trains.train(0, span).tolist() for span in range(2)] == [[0.0], [0.0]]
    assert trains.train(1, 1) == pytest.approx([0.15])
    assert trains.counts.tolist() == [2, 1]
    assert trains.spans.tolist() == [0, 1, 1]


def test_latencies_are_single_spikes_and_silence_none() -> None:
    latency = Responses(
        np.array([[[0.02], [0.1]]]),
        pd.DataFrame({"stimulus": ["a"]}),
        pd.DataFrame({"unit": [0, 1]}),
        np.array([0.0, 0.1]),
        measure="latency",
    )
    trains = SpikeTrains.of(latency)
    assert trains.counts.tolist() == [1, 0]
    assert trains.times.tolist() == [0.02]


@pytest.mark.parametrize(
    ("source", "spans", "message"),
    [
        ([[0.1]], None, r"plain spike times .* SpikeTrains.of\(times, spans="),
        ([[0.2, 0.1]], (0, 1), "ascending"),
        ([[0.1]], [(0, 1), (0.5, 2)], "overlap"),
        ([[0.1]], (1, 1), "after they start"),
        (Recording.from_trains([[0.1]], observed=(0, 1)), (0.5, 1.5), "observed"),
        (spikes(np.ones((1, 1, 1), dtype=int)), (0, 1), "must be None"),
    ],
)
def test_bad_sources_are_refused(source: object, spans: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SpikeTrains.of(source, spans)  # type: ignore[arg-type]


def test_units_of_time_that_come_with_the_times_count() -> None:
    trains = [neo.SpikeTrain(np.array([100.0, 300.0]) * pq.ms, t_stop=1 * pq.s), [0.2]]
    ours = SpikeTrains.of(trains, spans=np.array([0.0, 1000.0]) * pq.ms)
    assert ours.times == pytest.approx([0.1, 0.3, 0.2])
    assert ours.duration == 1.0


def test_the_jackknife_covers_a_ratio_as_often_as_it_says() -> None:
    pairs = np.random.default_rng(0).exponential(1.0, (20, 1000, 2)) + 1.0
    _, low, high = jackknife(pairs, lambda sums: sums[..., 0] / sums[..., 1])
    covered = ((low <= 1.0) & (high >= 1.0)).mean()
    assert 0.93 < covered < 0.97


def test_one_block_has_no_interval() -> None:
    value, low, high = jackknife(np.array([[2.0, 1.0]]), lambda sums: sums[..., 0] / sums[..., 1])
    assert value == 2.0
    assert np.isnan([low, high]).all()


def test_times_of_responses_count_from_the_start_of_their_window() -> None:
    values = np.zeros((2, 1, 4), dtype=int)
    values[0, 0, 1] = values[1, 0, 3] = 1
    trials, units = pd.DataFrame({"stimulus": ["a", "a"]}), pd.DataFrame({"unit": [0]})
    trains = SpikeTrains.of(Responses(values, trials, units, np.arange(-1.0, 1.1, 0.5)))
    np.testing.assert_allclose(trains.times, [0.75, 1.75])
    np.testing.assert_allclose(trains.durations, [2.0, 2.0])
    np.testing.assert_allclose(trains.starts, [-1.0, -1.0])
    assert trains.bin_width == 0.5
    latency = Responses(
        np.array([[[0.02]]]), trials[:1], units, np.array([0.0, 0.1]), measure="latency"
    )
    assert SpikeTrains.of(latency).bin_width == 0


def test_spans_in_any_order_and_spikes_of_one_time() -> None:
    rows = [[0.1, 0.1, 1.5], [0.4, 1.2, 1.3]]
    trains = SpikeTrains.of(rows, [(1, 2), (0, 1)])
    assert trains.starts.tolist() == [0, 1]
    assert trains.counts.tolist() == [3, 3]
    assert trains.owners.tolist() == [0, 0, 0, 1, 1, 1]
    times, owners, spans = trains.merged()
    np.testing.assert_allclose(times, [0.1, 0.1, 0.4, 0.2, 0.3, 0.5])
    assert owners.tolist() == [0, 0, 1, 1, 1, 0]
    assert spans.tolist() == [0, 0, 0, 1, 1, 1]


def test_the_weightier_reason_stands() -> None:
    rules = (np.array([True, True, False]), "first"), (np.array([True, False, False]), "second")
    assert first_status(3, *rules).tolist() == ["first", "first", "ok"]
    for number in (0, -1, np.inf, np.nan):
        with pytest.raises(ValueError, match=f"`width` must be above 0; got {number}"):
            check_above_zero("width", number)


def test_the_jackknife_by_hand() -> None:
    # Ratios of sums: 14 / 6 of all, and without each block 13 / 5, 10 / 4 and 5 / 3.
    sums = np.array([[1.0, 1], [4, 2], [9, 3]])
    value, low, high = jackknife(sums, lambda each: each[..., 0] / each[..., 1])
    without = np.array([13 / 5, 10 / 4, 5 / 3])
    error = np.sqrt(2 / 3 * ((without - without.mean()) ** 2).sum())
    assert value == pytest.approx(14 / 6)
    assert high - value == pytest.approx(4.302653 * error)
    assert value - low == pytest.approx(4.302653 * error)


def test_blocks_by_hand() -> None:
    spans, times = np.arange(4), np.zeros(4)
    blocks, durations = blocks_of(times, spans, np.array([1.0, 2, 3, 4]), 2)
    assert blocks.tolist() == [0, 0, 1, 1]
    assert durations.tolist() == [3, 7]
    # As many spans as blocks: none is cut, however long.
    blocks, durations = blocks_of(times[:2], spans[:2], np.array([1.0, 9]), 2)
    assert blocks.tolist() == [0, 1]
    assert durations.tolist() == [1, 9]
    # Fewer: 1 / 2.8 and 1.8 / 2.8 of 4 blocks are 1 and 3. A spike at the very end is in the last.
    times, spans = np.array([0.9, 0.5, 0.7, 1.8]), np.array([0, 1, 1, 1])
    blocks, durations = blocks_of(times, spans, np.array([1.0, 1.8]), 4)
    assert blocks.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(durations, [1, 0.6, 0.6, 0.6])
