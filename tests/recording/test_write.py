"""NWB files written here: valid, whole or absent, and the same when read back."""

import tempfile
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pynwb
import pytest
from hypothesis import given, settings
from nwbinspector import Importance, inspect_nwbfile

from neurospyke.ragged import nest
from neurospyke.recording import Recording, read_pictures, read_recording, write_nwb
from neurospyke.recording.write import START_UNKNOWN
from tests.recording.strategies import recordings
from tests.recording.test_recording import UNITS, assert_same, recording, tables

MISFIT = np.array([np.zeros(2), np.zeros(3), np.zeros((1, 2))], dtype=object)
RAGGED = nest(np.arange(6.0), [np.array([1, 2, 3])])


def round_trip(made: Recording, path) -> Recording:
    write_nwb(path, made)
    assert pynwb.validate(path=str(path)) == []
    return read_recording(path)


def criticism(path) -> list[str]:
    """What nwbinspector finds critical, or fails at."""
    found = inspect_nwbfile(nwbfile_path=path)
    return [
        f"{each.check_function_name} {each.message}"
        for each in found
        if each is not None
        and each.importance
        not in (Importance.BEST_PRACTICE_VIOLATION, Importance.BEST_PRACTICE_SUGGESTION)
    ]


@settings(max_examples=12, deadline=None)
@given(made=recordings())
def test_any_recording_comes_back_and_its_spikes_in_pynwb(made):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.nwb"
        write_nwb(path, made)
        with pynwb.NWBHDF5IO(path=str(path), mode="r") as io:
            file: Any = io.read()
            for unit in range(made.n_units):
                np.testing.assert_array_equal(
                    file.units["spike_times"][unit], made.unit_spikes(unit)
                )
        assert_same(made, read_recording(path))


def test_inspection_finds_nothing_critical(tmp_path):
    images = {"face": np.zeros((4, 3)), "car": np.zeros((4, 3, 3), dtype=np.uint8)}
    made = recording(spike_times=np.array([0.5, 1.0, 1.5, 0.25, 3.5]))
    made = replace(made, trials={"trials": made.trials["trials"].assign(stop_time=[0.5, 1.5])})
    path = tmp_path / "made.nwb"
    write_nwb(path, made, images=images)
    assert criticism(path) == []
    told = {"subject_id": "m1", "species": "Macaca mulatta", "sex": "F", "age": "P7Y"}
    write_nwb(path, made, subject=told, images=images)
    assert criticism(path) == []
    with pynwb.NWBHDF5IO(path=str(path), mode="r") as io:
        file: Any = io.read()
        assert file.subject.species == "Macaca mulatta"
        pictures = file.stimulus_template["stimulus_images"]
        assert pictures["car"].data.shape == (4, 3, 3)
        assert pictures["face"].data.shape == (4, 3)
    # the same check does find what is wrong
    write_nwb(path, recording())
    assert any("check_ascending_spike_times" in line for line in criticism(path))


@pytest.mark.parametrize(
    ("told", "error", "message"),
    [
        ({"subject": {"name": "Bob"}}, ValueError, "`subject` must hold fields.*name"),
        ({"images": {"a": np.zeros(3)}}, ValueError, r"'a' is \(3,\)"),
        ({"images": {"a": np.zeros((3, 3, 4))}}, ValueError, r"'a' is \(3, 3, 4\)"),
        ({"images": {"a/b": np.zeros((3, 3))}}, ValueError, "without '/'.*'a/b'"),
        ({"images": [np.zeros((2, 2))]}, TypeError, "`images` must be a mapping; got list"),
        ({"subject": "m1"}, TypeError, "`subject` must be a mapping; got str"),
        ({"session_start_time": "2024"}, TypeError, "must be a datetime with a zone; got '2024'"),
        ({"images": {"a": [[0.5]]}}, TypeError, "arrays of numbers; 'a' is"),
    ],
)
def test_bad_subjects_and_images_are_refused(tmp_path, told, error, message):
    with pytest.raises(error, match=message):
        write_nwb(tmp_path / "made.nwb", recording(), **told)
    assert list(tmp_path.iterdir()) == []


def test_everything_comes_back(tmp_path):
    made = recording()
    assert_same(made, round_trip(made, tmp_path / "made.nwb"))


def test_named_units_groups_and_tags_come_back(tmp_path):
    units = UNITS.assign(unit=["a1", "a2", "b1"], electrode_group=["A", "A", "B"], name="x", q=0.5)
    trials = {"epochs": pd.DataFrame({"start_time": [0.0, 1.0], "tags": ["rest", "task, hard"]})}
    made = recording(units=units, trials=trials, notes=())
    assert_same(made, round_trip(made, tmp_path / "made.nwb"))


def test_ids_that_repeat_between_probes_come_back(tmp_path):
    made = recording(units=UNITS.assign(unit=[3, 3, 8], probe=["A", "B", "A"]))
    assert_same(made, round_trip(made, tmp_path / "made.nwb"))
    with pynwb.NWBHDF5IO(path=str(tmp_path / "made.nwb"), mode="r") as io:
        file: Any = io.read()
        assert file.units.id[:].tolist() == [0, 1, 2]


@pytest.mark.parametrize("source", ["nwb/A8604-211122.nwb", "phy_template"])
def test_real_recordings_come_back(shared_data, tmp_path, source):
    made = read_recording(shared_data / "neo_formats" / source)
    assert_same(made, round_trip(made, tmp_path / "made.nwb"))


def test_segments_and_events_come_back(shared_data, tmp_path):
    folder = shared_data / "neo_formats" / "retina_converted"
    made = read_recording(folder / "retina_natimg2_3reps.mat", segment_gap=2.0)
    assert_same(made, round_trip(made, tmp_path / "made.nwb"))


def test_session_start_keeps_its_zone(tmp_path):
    start = datetime(2024, 5, 1, 9, tzinfo=timezone(timedelta(hours=2)))
    cases: list[tuple[dict[str, Any], datetime]]
    cases = [({"session_start_time": start}, start), ({}, START_UNKNOWN)]
    for told, expected in cases:
        write_nwb(tmp_path / "made.nwb", recording(), **told)
        with pynwb.NWBHDF5IO(path=str(tmp_path / "made.nwb"), mode="r") as io:
            file: Any = io.read()
            found = file.session_start_time
        assert found == expected
        assert found.utcoffset() == expected.utcoffset()
    with pytest.raises(ValueError, match="time zone"):
        write_nwb(tmp_path / "made.nwb", recording(), session_start_time=start.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"units": UNITS.assign(electrodes=1.0)}, ValueError, "column 'electrodes'"),
        ({"units": UNITS.assign(waveforms=1.0)}, ValueError, "'waveforms' by spike"),
        ({"units": UNITS.assign(waveform_sd=1.0)}, ValueError, "'waveform_sd' as"),
        ({"units": UNITS.assign(waveform_mean=RAGGED)}, ValueError, "'waveform_mean' as"),
        ({"units": UNITS.assign(x=MISFIT)}, TypeError, "arrays that fit; 'x'"),
        ({"trials": {"a/b": tables()["trials"]}}, ValueError, "without '/'.*'a/b'"),
        ({"units": UNITS.assign(day=pd.Timestamp(0))}, TypeError, "'day' is datetime64"),
        (
            {"units": UNITS.assign(site=pd.Series(["x", None, "y"], dtype=object))},
            TypeError,
            "'site'",
        ),
    ],
)
def test_what_nwb_cannot_hold_is_refused(tmp_path, changes, error, message):
    with pytest.raises(error, match=message):
        write_nwb(tmp_path / "made.nwb", recording(**changes))
    assert list(tmp_path.iterdir()) == []


def test_columns_of_arrays_come_back(tmp_path):
    waves = nest(np.arange(24.0).reshape(12, 2), [np.array([2, 0, 1]), np.array([4, 4, 4])])
    units = UNITS.assign(
        wave=RAGGED,
        places=nest(np.array(["V1", "V2", "é"]), [np.array([1, 2, 0])]),
        kept=nest(np.array([True, False, True]), [np.array([1, 1, 1])]),
        grid=nest(np.arange(12).reshape(6, 2), [np.array([1, 2, 3])]),
        waveform_mean=nest(np.arange(30.0).reshape(15, 2), [np.array([5, 5, 5])]),
        waveforms=waves,
        electrode_ids=nest(np.array([850, 854, 850]), [np.array([2, 0, 1])]),
    )
    shown = tables()["trials"].assign(images=nest(np.array(["a", "b"]), [np.array([0, 2])]))
    made = recording(units=units, trials={"trials": shown})
    back = round_trip(made, tmp_path / "made.nwb")
    assert_same(made, back)
    for read, wave in zip(back.units["waveforms"], waves, strict=True):
        assert [each.tolist() for each in read] == [each.tolist() for each in wave]
    with pynwb.NWBHDF5IO(path=str(tmp_path / "made.nwb"), mode="r") as io:
        file: Any = io.read()
        assert file.units["waveform_mean"][1].shape == (5, 2)
        assert list(file.units["places"][1]) == ["V2", "é"]
    back.save(tmp_path / "made.npz")
    assert_same(back, Recording.load(tmp_path / "made.npz"))


def test_pictures_come_back_one_at_a_time(tmp_path):
    images = {"face": np.arange(12.0).reshape(4, 3), "car": np.full((4, 3, 3), 7, dtype=np.uint8)}
    path = tmp_path / "made.nwb"
    write_nwb(path, recording(), images=images)
    pictures = read_pictures(path)
    assert repr(pictures) == "Pictures(2 in made.nwb)"
    assert sorted(pictures) == ["car", "face"]
    for label, pixels in images.items():
        np.testing.assert_array_equal(pictures[label], pixels)
        assert pictures[label].dtype == pixels.dtype
    said = [finding.text for finding in read_recording(path).report.of_kind("read")]
    assert "2 pictures of stimuli, which `read_pictures` gives" in said
    write_nwb(tmp_path / "again.nwb", recording(), images=pictures)
    assert len(read_pictures(tmp_path / "again.nwb")) == 2
    write_nwb(path, recording())
    with pytest.raises(ValueError, match=r"made.nwb' must hold picture 'face'"):
        pictures["face"]
    assert len(read_pictures(path)) == 0
    with pytest.raises(ValueError, match="whole HDF5 file"):
        read_pictures(tmp_path / "absent.nwb")


def test_failure_half_way_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "made.nwb"
    write_nwb(path, recording())
    before = path.read_bytes()

    def fail(self, *_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(pynwb.NWBHDF5IO, "write", fail)
    with pytest.raises(OSError, match="disk full"):
        write_nwb(path, recording(spike_times=np.zeros(5)))
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["made.nwb"]


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must end in .nwb"):
        write_nwb(tmp_path / "made.h5", recording())
