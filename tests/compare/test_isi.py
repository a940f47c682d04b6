import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare.isi import interval_statistics, intervals
from neurospyke.compare.trains import SpikeTrains
from neurospyke.recording import simulated_recording
from neurospyke.responses import Responses


def values(table: pd.DataFrame, column: str = "value") -> np.ndarray:
    """(unit, measure)."""
    return table[column].to_numpy().reshape(-1, 6)


def test_elephant_has_the_same_measures() -> None:
    import quantities as pq
    from elephant import statistics

    train = np.sort(np.random.default_rng(0).uniform(100, 130, 200))
    found = values(interval_statistics(SpikeTrains.of([train], (100, 130))))[0]
    isi = np.diff(train)
    expected = [
        200 / 30,
        isi.mean(),
        statistics.cv(isi),
        statistics.cv2(isi),
        statistics.lv(isi),
        statistics.lvr(isi * pq.s, R=5 * pq.ms),
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.lists(st.integers(0, 999), max_size=12, unique=True).map(lambda t: np.sort(t) / 100.0),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 30),
    st.randoms(),
)
def test_spans_are_pooled_without_intervals_across(
    rows: list[np.ndarray], n_spans: int, random: object
) -> None:
    edges = np.linspace(0, 10, n_spans + 1)
    trains = SpikeTrains.of(rows, np.column_stack([edges[:-1], edges[1:]]))
    found = values(interval_statistics(trains, refractory=0.0))
    for unit in range(len(rows)):
        parts = [np.diff(trains.train(unit, span)) for span in range(n_spans)]
        pooled = np.concatenate(parts)
        couples = np.concatenate(
            [np.stack([p[:-1], p[1:]]) for p in parts if len(p)] or [[[], []]], 1
        )
        first, second = couples
        expected = [
            len(rows[unit]) / 10,
            pooled.mean() if len(pooled) else np.nan,
            pooled.std() / pooled.mean() if len(pooled) > 1 else np.nan,
            *[np.nan] * 3,
        ]
        if len(first):
            ratio = (second - first) / (second + first)
            expected[3:] = [
                (2 * np.abs(ratio)).mean(),
                (3 * ratio**2).mean(),
                (3 - 12 * first * second / (first + second) ** 2).mean(),
            ]
        np.testing.assert_allclose(found[unit], expected, rtol=0, atol=1e-9)
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    spans = np.column_stack([edges[:-1], edges[1:]])
    shuffled = interval_statistics(SpikeTrains.of([rows[u] for u in order], spans), refractory=0.0)
    np.testing.assert_array_equal(values(shuffled), found[order])


def test_intervals_of_poisson_trains_cover_one() -> None:
    generator = np.random.default_rng(0)
    rows = [np.sort(generator.uniform(0, 100, 1000)) for _ in range(300)]
    table = interval_statistics(SpikeTrains.of(rows, (0, 100)), refractory=0.0)
    assert (table["status"] == "ok").all()
    for measure in ("cv", "cv2", "lv", "lvr"):
        part = table[table["measure"] == measure]
        covered = ((part["low"] <= 1) & (part["high"] >= 1)).mean()
        assert 0.91 < covered < 0.985, measure


def test_a_model_and_its_recording_have_the_same_statistics() -> None:
    model = Responses(
        (np.random.default_rng(0).random((6, 3, 200)) < 0.05).astype(np.uint8),
        pd.DataFrame({"stimulus": list("aabbcc")}),
        pd.DataFrame({"unit": range(3)}),
        np.arange(201.0),
        measure="spike",
        time_unit="step",
    )
    recording = simulated_recording(model, step=0.001)
    spans = recording.trials["trials"][["start_time", "stop_time"]].to_numpy()
    ours = interval_statistics(model, refractory=5.0)
    theirs = interval_statistics(SpikeTrains.of(recording, spans), refractory=0.005)
    scale = np.array([1000, 0.001, 1, 1, 1, 1])
    for column in ("value", "low", "high"):
        np.testing.assert_allclose(values(ours, column) * scale, values(theirs, column), rtol=1e-6)
    assert ours["n"].tolist() == theirs["n"].tolist()


def test_what_cannot_be_told_says_why() -> None:
    rows = [[], [1.0], [1.0, 2.0], [1.0, 2.0, 3.0]]
    table = interval_statistics(SpikeTrains.of(rows, (0, 10)))
    status = table["status"].to_numpy().reshape(-1, 6)
    assert status[0].tolist() == ["ok", *["no_spikes"] * 5]
    assert status[1].tolist() == ["ok", "n_isi<1", *["n_isi<2"] * 4]
    assert status[2].tolist()[2:] == ["n_isi<2"] * 4
    assert values(table)[3, 2:5].tolist() == [0, 0, 0]
    assert np.isnan(values(table)[1, 1:]).all()


def test_intervals_near_the_grid_say_so() -> None:
    dense = np.ones((25, 1, 20), dtype=np.uint8)
    model = Responses(
        dense,
        pd.DataFrame({"stimulus": ["a"] * 25}),
        pd.DataFrame({"unit": [0]}),
        np.arange(21.0),
        measure="spike",
        time_unit="step",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = interval_statistics(model)
    assert table["status"].tolist() == ["ok", *["on_grid"] * 5]
    lengths, owners = intervals(model)
    assert len(lengths) == len(owners) == 25 * 19
    with pytest.raises(ValueError, match="`refractory`"):
        interval_statistics(model, refractory=-1.0)
