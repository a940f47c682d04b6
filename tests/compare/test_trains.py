import numpy as np
import pandas as pd
import pytest

from neurospyke.compare.jackknife import jackknife
from neurospyke.compare.trains import SpikeTrains
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
        ([[0.1]], None, "plain spike times"),
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


def test_the_jackknife_covers_a_ratio_as_often_as_it_says() -> None:
    pairs = np.random.default_rng(0).exponential(1.0, (20, 1000, 2)) + 1.0
    _, low, high = jackknife(pairs, lambda sums: sums[..., 0] / sums[..., 1])
    covered = ((low <= 1.0) & (high >= 1.0)).mean()
    assert 0.93 < covered < 0.97


def test_one_block_has_no_interval() -> None:
    value, low, high = jackknife(np.array([[2.0, 1.0]]), lambda sums: sums[..., 0] / sums[..., 1])
    assert value == 2.0
    assert np.isnan([low, high]).all()
