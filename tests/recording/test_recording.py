"""Recording: what it refuses, selects and keeps."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.recording import Finding, ImportReport, Recording, check, read_recording

UNITS = pd.DataFrame({"unit": [3, 5, 8], "area": ["V4", "IT", "IT"]})
TIMES = np.array([0.5, 1.0, 1.0, 0.25, 3.5])
OFFSETS = np.array([0, 3, 3, 5])
OBSERVED = np.array([[0.0, 2.0], [3.0, 4.0]])


def tables() -> dict[str, pd.DataFrame]:
    return {
        "trials": pd.DataFrame(
            {
                "start_time": [0, 1],
                "stop_time": [0.5, np.nan],
                "stimulus": ["face", "car"],
                "correct": [True, False],
                "contrast": np.array([0.5, 1.0], dtype=np.float32),
            }
        ),
        "rewards": pd.DataFrame({"start_time": np.array([], dtype=np.float64)}),
    }


def recording(**changes) -> Recording:
    parts = {
        "spike_times": TIMES,
        "offsets": OFFSETS,
        "units": UNITS,
        "trials": tables(),
        "observed": OBSERVED,
        "source": "made up",
        "notes": ("first", "second"),
        "report": ImportReport((Finding("dropped", "2 spikes at NaN", 2),)),
    }
    return Recording(**(parts | changes))


def assert_same(a: Recording, b: Recording) -> None:
    np.testing.assert_array_equal(a.spike_times, b.spike_times)
    np.testing.assert_array_equal(a.offsets, b.offsets)
    np.testing.assert_array_equal(a.observed, b.observed)
    pd.testing.assert_frame_equal(a.units, b.units, check_exact=True)
    assert set(a.trials) == set(b.trials)
    for name, table in a.trials.items():
        pd.testing.assert_frame_equal(table, b.trials[name], check_exact=True)
    assert a.notes == b.notes
    # reading adds what it read and what looks odd
    assert set(a.report.findings) <= set(b.report.findings)


def test_counts_and_repr():
    made = recording()
    assert (made.n_units, made.n_spikes, made.duration) == (3, 5, 3.0)
    assert repr(made) == (
        "Recording(3 units (area V4/IT), 5 spikes, 3 s observed, "
        "trials: trials (2 rows), rewards (0 rows), from made up)"
    )


def test_unit_spikes_are_views_that_cannot_be_written():
    made = recording()
    np.testing.assert_array_equal(made.unit_spikes(0), [0.5, 1.0, 1.0])
    assert made.unit_spikes(1).size == 0
    np.testing.assert_array_equal(made.unit_spikes(2), [0.25, 3.5])
    with pytest.raises(ValueError, match="read-only"):
        made.unit_spikes(0)[0] = 0.0
    with pytest.raises(IndexError, match="from 0 to 2; got 3"):
        made.unit_spikes(3)


def test_where_selects_and_reorders_units():
    part = recording().where(units="area == 'IT'")
    assert part.units["unit"].tolist() == [5, 8]
    np.testing.assert_array_equal(part.spike_times, [0.25, 3.5])
    np.testing.assert_array_equal(part.offsets, [0, 0, 2])
    swapped = recording().where(units=[2, 0])
    np.testing.assert_array_equal(swapped.spike_times, [0.25, 3.5, 0.5, 1.0, 1.0])
    assert swapped.units["unit"].tolist() == [8, 3]
    with pytest.raises(ValueError, match="left none"):
        recording().where(units="area == 'V1'")


def test_saved_recording_is_the_same(tmp_path):
    made = recording()
    made.save(tmp_path / "made.npz")
    assert_same(made, Recording.load(tmp_path / "made.npz"))
    assert_same(made, read_recording(tmp_path / "made.npz"))
    assert Recording.load(tmp_path / "made.npz").source == "made up"


def test_saved_recording_can_be_cropped(tmp_path):
    recording().save(tmp_path / "made.npz")
    part = read_recording(tmp_path / "made.npz", observed=(0.0, 2.0))
    np.testing.assert_array_equal(part.spike_times, [0.5, 1.0, 1.0, 0.25])
    np.testing.assert_array_equal(part.offsets, [0, 3, 3, 4])
    assert "excluded: 1 of 5 spikes outside `observed` left out" in part.report.lines


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spike_times": np.array([0.5, np.nan, 1.0, 0.25, np.inf])}, r"2 of 3 units.*3 \(1\), 8"),
        ({"spike_times": np.array([1.0, 0.5, 0.2, 0.25, 3.5])}, r"1 of 3 units.*3 \(2\)"),
        ({"spike_times": np.array([0.5, 1.0, 2.5, 0.25, 4.5])}, r"outside.*3 \(1\), 8 \(1\)"),
        ({"spike_times": TIMES.reshape(1, 5)}, r"must be \(spike,\)"),
        ({"offsets": np.array([0, 3, 5])}, r"must be \(4,\)"),
        ({"offsets": np.array([0, 3, 2, 5])}, "with falls"),
        ({"offsets": np.array([0, 1, 2, 4])}, "number of spikes, 5"),
        ({"units": UNITS.assign(unit=[3, 3, 8])}, r"unique in \['unit'\].*\[3\]"),
        ({"units": UNITS.rename(columns={"unit": "id"})}, "missing from"),
        ({"units": UNITS.assign(unit=[3, np.nan, 8])}, "missing values"),
        ({"units": UNITS.iloc[:0], "offsets": np.array([0])}, "at least one unit"),
        ({"observed": [[3.0, 4.0], [0.0, 2.0]]}, "in order"),
        ({"observed": [[0.0, 3.5], [3.0, 4.0]]}, "do not overlap"),
        ({"observed": [[2.0, 0.0]]}, "start < stop"),
        ({"observed": [[0.0, 1.0, 2.0]]}, r"must be \(span, 2\)"),
        (
            {"trials": {"go": pd.DataFrame({"start_time": [0.0, np.nan]})}},
            r"trials\['go'\].*1 are NaN.*\[1\]",
        ),
        ({"trials": {"go": pd.DataFrame({"time": [0.0]})}}, "start_time"),
    ],
)
def test_unsound_parts_are_refused_by_name(changes, message):
    with pytest.raises(ValueError, match=message):
        recording(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spike_times": TIMES.astype(np.float32)}, "float64.*float32"),
        ({"spike_times": TIMES.tolist()}, "float64.*list"),
        ({"offsets": OFFSETS.astype(float)}, "whole numbers"),
        ({"units": {"unit": [1, 2, 3]}}, "DataFrame"),
        ({"trials": pd.DataFrame({"start_time": [0.0]})}, "must map names"),
        ({"trials": {"go": pd.DataFrame({"start_time": ["0"]})}}, "numbers of seconds"),
    ],
)
def test_wrong_types_are_refused(changes, message):
    with pytest.raises(TypeError, match=message):
        recording(**changes)


def test_same_unit_on_two_probes_is_two_units():
    units = UNITS.assign(unit=[3, 3, 8], probe=["A", "B", "A"])
    assert recording(units=units).n_units == 3


def test_steps_back_between_units_and_beside_silent_ones_are_no_fault():
    made = Recording.from_trains([[], [5.0], [], [1.0, 2.0], []], observed=(0, 6))
    assert made.n_spikes == 3


@settings(max_examples=60, deadline=None)
@given(
    trains=st.lists(
        st.lists(st.sampled_from([-1.0, 0.0, 1.0, 2.0, 3.0, np.nan]), max_size=6), min_size=1
    )
)
def test_faults_are_counted_for_each_unit_however_the_times_are_cut(trains):
    arrays = [np.array(train, dtype=np.float64) for train in trains]
    faults = {
        "finite": [int(np.isnan(array).sum()) for array in arrays],
        "ascend": [int((np.diff(array) < 0).sum()) for array in arrays],
        "lie in the observed": [int(((array < 0) | (array == 2)).sum()) for array in arrays],
    }
    expected = next(((name, counts) for name, counts in faults.items() if any(counts)), None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "_BLOCK", 2)
        if expected is None:
            assert Recording.from_trains(arrays, observed=[[0, 1], [3, 4]]).n_units == len(trains)
            return
        with pytest.raises(ValueError, match="`spike_times` must") as error:
            Recording.from_trains(arrays, observed=[[0, 1], [3, 4]])
    name, counts = expected
    named = [f"{unit} ({count})" for unit, count in enumerate(counts) if count][:10]
    assert name in str(error.value)
    assert f"by unit (times): {', '.join(named)}" in str(error.value)


def test_where_selects_trials_by_table():
    made = recording()
    part = made.where(trials={"trials": "stimulus == 'car'"}, units="area == 'IT'")
    assert part.trials["trials"]["stimulus"].tolist() == ["car"]
    assert part.trials["trials"].index.tolist() == [0]
    assert part.units["unit"].tolist() == [5, 8]
    assert len(part.trials["rewards"]) == 0
    assert len(made.trials["trials"]) == 2
    alone = recording(trials={"trials": tables()["trials"]})
    assert alone.where(trials=[1, 0]).trials["trials"]["stimulus"].tolist() == ["car", "face"]
    with pytest.raises(ValueError, match=r"of which table.*\['trials', 'rewards'\]"):
        made.where(trials="stimulus == 'car'")
    with pytest.raises(ValueError, match=r"name trial tables.*got \['go'\]"):
        made.where(trials={"go": [0]})
    with pytest.raises(ValueError, match=r"`trials\['trials'\]` must leave at least one"):
        made.where(trials={"trials": "stimulus == 'dog'"})
