"""Recordings through Neo, NIX and pynapple and, where there is a way back, home again."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import neo
import numpy as np
import pandas as pd
import pynapple
import pytest
import quantities as pq
from hypothesis import assume, given, settings

from neurospyke.ragged import nest
from neurospyke.recording import Recording, from_neo, read_recording
from neurospyke.recording.interop import to_neo, to_pynapple, write_nix
from tests.recording.strategies import recordings
from tests.recording.test_recording import UNITS, recording, tables


def assert_back(made: Recording, back: Recording) -> None:
    """The same but for what Neo cannot keep: order between spans, and columns' order and width."""
    np.testing.assert_array_equal(back.spike_times, made.spike_times)
    np.testing.assert_array_equal(back.offsets, made.offsets)
    np.testing.assert_array_equal(back.observed, made.observed)
    exactly: dict[str, Any] = {"check_like": True, "check_dtype": False, "check_exact": True}
    pd.testing.assert_frame_equal(back.units, made.units, **exactly)
    assert back.notes == made.notes
    assert set(made.report.findings) <= set(back.report.findings)
    assert set(back.trials) == set(made.trials)
    for name, table in made.trials.items():
        span = np.searchsorted(made.observed[:, 0], table["start_time"], side="right") - 1
        order = np.argsort(np.maximum(span, 0), kind="stable")
        pd.testing.assert_frame_equal(
            back.trials[name].drop(columns="segment", errors="ignore"),
            table.iloc[order].reset_index(drop=True),
            **exactly,
        )


def stops_are_known(made: Recording) -> bool:
    """Trains that all end with a spike are taken for trains whose end nobody noted."""
    trains = [made.unit_spikes(unit) for unit in range(made.n_units)]
    return not any(np.isin(made.observed[:, 1], train).any() for train in trains)


@settings(max_examples=60, deadline=None)
@given(made=recordings())
def test_any_recording_comes_back_from_neo(made):
    assume(stops_are_known(made))
    assert_back(made, from_neo(to_neo(made)))


@settings(max_examples=10, deadline=None)
@given(made=recordings())
def test_any_recording_comes_back_from_nix(made):
    assume(stops_are_known(made))
    with tempfile.TemporaryDirectory() as folder:
        write_nix(Path(folder) / "made.nix", made)
        assert_back(made, read_recording(Path(folder) / "made.nix"))


def test_neo_reads_the_nix_file_by_itself(tmp_path):
    write_nix(tmp_path / "made.nix", recording())
    with neo.NixIO(str(tmp_path / "made.nix"), mode="ro") as file:
        block: Any = file.read_block()
    first, second = block.segments
    np.testing.assert_array_equal(first.spiketrains[0].rescale("s").magnitude, [0.5, 1.0, 1.0])
    assert first.spiketrains[2].annotations["area"] == "IT"
    assert (second.spiketrains[2].t_start, second.spiketrains[2].t_stop) == (3 * pq.s, 4 * pq.s)
    epoch = next(each for each in first.epochs if each.name == "trials")
    assert epoch.labels.tolist() == ["face", "car"]
    np.testing.assert_array_equal(epoch.durations.magnitude, [0.5, np.nan])
    assert epoch.array_annotations["correct"].tolist() == [True, False]
    assert block.description.splitlines() == [
        "first",
        "second",
        "import dropped (2): 2 spikes at NaN",
    ]


def test_a_spike_between_two_spans_that_touch_is_there_once():
    made = Recording.from_trains([[0.5, 1.0, 1.5]], observed=[[0, 1], [1, 2]])
    block = to_neo(made)
    trains = [segment.spiketrains[0].magnitude.tolist() for segment in block.segments]
    assert trains == [[0.5, 1.0], [1.5]]


def test_unit_names_that_repeat_are_told_apart():
    made = recording(units=UNITS.assign(unit=[3, 3, 8], probe=["A", "B", "A"]))
    trains = to_neo(made).segments[0].spiketrains
    assert [train.annotations["unit_id"] for train in trains] == ["A/3", "B/3", "A/8"]


def test_tables_without_rows_are_kept():
    tables = to_neo(recording()).segments[0].events
    assert [(table.name, len(table)) for table in tables] == [("rewards", 0)]


def test_stimuli_that_are_numbers_stay_numbers():
    table = pd.DataFrame({"start_time": [0.5], "stimulus": [7]})
    made = Recording.from_trains([[0.25]], observed=(0, 1), trials={"trials": table})
    back = from_neo(to_neo(made))
    assert back.trials["trials"]["stimulus"].tolist() == [7]


def test_what_neo_cannot_hold_is_refused(tmp_path):
    made = recording(units=UNITS.assign(day=pd.Timestamp(0)))
    with pytest.raises(TypeError, match="column 'day' is datetime64"):
        write_nix(tmp_path / "made.nix", made)
    with pytest.raises(ValueError, match=r"must end in .nix"):
        write_nix(tmp_path / "made.h5", recording())
    assert list(tmp_path.iterdir()) == []


def test_failure_half_way_leaves_the_old_nix_file(tmp_path, monkeypatch):
    path = tmp_path / "made.nix"
    write_nix(path, recording())
    before = path.read_bytes()

    def fail(self, *_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(neo.NixIO, "write_block", fail)
    with pytest.raises(OSError, match="disk full"):
        write_nix(path, recording())
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["made.nix"]


def test_pynapple_gets_spikes_metadata_and_observed_time():
    made = Recording.from_trains(
        [[0.5, 1.0, 3.5], []],
        observed=[[0, 1], [1, 2], [3, 4]],
        units=pd.DataFrame({"unit": [7, 9], "area": ["V4", "IT"]}),
    )
    group = to_pynapple(made)
    np.testing.assert_array_equal(group[0].index.values, [0.5, 1.0, 3.5])
    assert len(group[1]) == 0
    np.testing.assert_array_equal(group.time_support.values, [[0, 2], [3, 4]])
    assert group["area"].tolist() == ["V4", "IT"]
    assert group["rate"].tolist() == [1.0, 0.0]
    counts = group.count(1.0, pynapple.IntervalSet(0, 2))
    np.testing.assert_array_equal(counts.values, [[1, 0], [1, 0]])
    with pytest.raises(ValueError, match="column 'rate'"):
        to_pynapple(recording(units=UNITS.assign(rate=1.0)))


@pytest.mark.parametrize(("module", "convert"), [("pynapple", to_pynapple), ("nixio", write_nix)])
def test_missing_packages_are_told_with_their_remedy(monkeypatch, module, convert):
    monkeypatch.setitem(sys.modules, module, None)
    arguments = ("made.nix", recording()) if convert is write_nix else (recording(),)
    with pytest.raises(ImportError, match=r"pip install 'neurospyke\["):
        convert(*arguments)


def test_columns_of_arrays_are_left_out_and_said():
    waves = nest(np.arange(6.0), [np.array([1, 2, 3])])
    shown = tables()["trials"].assign(images=nest(np.array(["a", "b"]), [np.array([0, 2])]))
    made = recording(units=UNITS.assign(wave=waves), trials={"trials": shown})
    back = from_neo(to_neo(made))
    assert list(back.units) == list(UNITS)
    assert "images" not in back.trials["trials"]
    assert [finding.text for finding in back.report.of_kind("dropped")][-2:] == [
        "columns of arrays in 'units' left out: ['wave']",
        "columns of arrays in 'trials' left out: ['images']",
    ]
    assert "wave" not in to_pynapple(made).metadata_columns
