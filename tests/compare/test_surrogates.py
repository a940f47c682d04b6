import random

import numpy as np
import pandas as pd
import pytest

from neurospyke.compare.isi import intervals
from neurospyke.compare.surrogates import METHODS, shuffle_trials, surrogate_trains
from neurospyke.compare.tiling import sttc
from neurospyke.compare.trains import SpikeTrains
from neurospyke.responses import Responses

WIDTHS = {name: None if name in ("shuffle_isis", "randomise_spikes") else 0.02 for name in METHODS}


def synchronous() -> SpikeTrains:
    generator = np.random.default_rng(0)
    base = np.sort(generator.uniform(50, 70, 200))
    return SpikeTrains.of([base, base, []], spans=[(50, 60), (60, 70)])


@pytest.mark.filterwarnings("ignore:The 'copy' argument in Quantity")
@pytest.mark.parametrize("method", METHODS)
def test_fine_timing_goes_and_spikes_stay(method: str) -> None:
    trains = synchronous()
    if method == "dither_spike_train":
        trains = SpikeTrains.of([trains.train(0), trains.train(1), []], spans=(0, 10))
    made = surrogate_trains(trains, method, width=WIDTHS[method], seed=3)
    assert (trains.counts - made.counts).max() <= 8
    assert (made.counts <= trains.counts).all()
    assert made.n_spans == trains.n_spans
    for unit in range(made.n_units):
        for span in range(made.n_spans):
            train = made.train(unit, span)
            assert (np.diff(train) >= 0).all()
            assert ((train >= 0) & (train <= made.durations[span])).all()
    assert sttc(trains, 0.001)[0, 1] == 1
    assert sttc(made, 0.001)[0, 1] < 0.5
    again = surrogate_trains(trains, method, width=WIDTHS[method], seed=3)
    np.testing.assert_array_equal(again.times, made.times)


@pytest.mark.filterwarnings("ignore:The 'copy' argument in Quantity")
def test_spikes_move_no_further_than_said() -> None:
    trains = SpikeTrains.of([np.arange(1, 10, dtype=float)], spans=(0, 10))
    made = surrogate_trains(trains, "dither_spikes", width=0.3, seed=0)
    assert np.abs(made.times - trains.times).max() <= 0.3
    assert np.abs(made.times - trains.times).max() > 0.1
    shuffled = surrogate_trains(synchronous(), "shuffle_isis", seed=0)
    before, after = (intervals(each)[0] for each in (synchronous(), shuffled))
    assert len(before) == len(after)


def test_the_global_generators_stay_as_they_were() -> None:
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    expected = random.random(), np.random.random()  # noqa: NPY002
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    surrogate_trains(synchronous(), "randomise_spikes", seed=0)
    assert (random.random(), np.random.random()) == expected  # noqa: NPY002


def test_shuffled_trials_are_the_same_trials() -> None:
    generator = np.random.default_rng(1)
    rows = [np.sort(generator.uniform(0, 8, 100)) for _ in range(2)]
    trains = SpikeTrains.of(rows, spans=[(n, n + 1) for n in range(8)])
    made = shuffle_trials(trains, seed=0)
    for unit in range(2):
        one = sorted(tuple(trains.train(unit, span)) for span in range(8))
        assert one == sorted(tuple(made.train(unit, span)) for span in range(8))
    assert not np.array_equal(made.times, trains.times)
    with pytest.raises(ValueError, match="one length"):
        shuffle_trials(SpikeTrains.of(rows, [(0, 1), (1, 4)]), seed=0)


def test_bad_methods_are_refused() -> None:
    with pytest.raises(ValueError, match="`method`"):
        surrogate_trains(synchronous(), "shake", seed=0)
    with pytest.raises(ValueError, match="`width` must be a time"):
        surrogate_trains(synchronous(), "dither_spikes", seed=0)
    with pytest.raises(ValueError, match="`width` must be None"):
        surrogate_trains(synchronous(), "shuffle_isis", width=1.0, seed=0)


@pytest.mark.filterwarnings("ignore:The 'copy' argument in Quantity")
@pytest.mark.parametrize("method", METHODS)
def test_only_the_seed_decides(method: str) -> None:
    trains = synchronous()
    if method == "dither_spike_train":
        trains = SpikeTrains.of([trains.train(0), trains.train(1), []], spans=(0, 10))
    made = []
    for state, seed in ((1, 3), (2, 3), (1, 4)):
        random.seed(state)
        np.random.seed(state)  # noqa: NPY002
        made.append(surrogate_trains(trains, method, width=WIDTHS[method], seed=seed).times)
    np.testing.assert_array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])


@pytest.mark.filterwarnings("ignore:The 'copy' argument in Quantity")
def test_joint_intervals_let_spikes_move_as_far_as_said() -> None:
    times = np.cumsum(np.random.default_rng(0).exponential(0.05, 300) + 0.01)
    trains = SpikeTrains.of([times], spans=(0, 30))
    made = surrogate_trains(trains, "joint_isi_dithering", width=0.002, seed=0)
    moved = np.abs(made.times - trains.times)
    assert 0.001 < moved.max() <= 0.0021


def test_units_are_shuffled_apart_and_bins_remembered() -> None:
    generator = np.random.default_rng(2)
    values = np.repeat(generator.integers(0, 2, (12, 1, 30)), 2, axis=1)
    model = Responses(
        values,
        pd.DataFrame({"stimulus": ["a"] * 12}),
        pd.DataFrame({"unit": [0, 1]}),
        np.arange(31) / 10,
    )
    trains, made = SpikeTrains.of(model), shuffle_trials(model, seed=0)
    pairs = [(made.train(0, trial), made.train(1, trial)) for trial in range(12)]
    assert sum(np.array_equal(*pair) for pair in pairs) < 6
    assert made.bin_width == trains.bin_width == pytest.approx(0.1)


@pytest.mark.filterwarnings("ignore:The 'copy' argument in Quantity")
def test_surrogates_lie_on_no_grid() -> None:
    binned = Responses.from_counts(np.array([[3]]), stimuli=["a"], window=(0.0, 1.0))
    assert SpikeTrains.of(binned).bin_width == 1.0
    assert surrogate_trains(binned, "randomise_spikes", seed=0).bin_width == 0.0
