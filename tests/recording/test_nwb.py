"""NWB files of others: read whole, or refused with a reason."""

import shutil
import sys
from datetime import UTC, datetime

import numpy as np
import pynwb
import pytest

from neurospyke.recording import nwb_columns, read_pictures, read_recording

START = datetime(2024, 5, 1, tzinfo=UTC)


def retina(shared_data, suffix):
    return shared_data / "neo_formats" / "retina_converted" / f"retina_natimg2_3reps{suffix}"


@pytest.fixture
def nwb_file():
    return pynwb.NWBFile(session_description="test", identifier="test", session_start_time=START)


@pytest.fixture
def written(tmp_path, nwb_file):
    """Writes the file as its test has filled it, and says where."""

    def write():
        path = tmp_path / "made.nwb"
        with pynwb.NWBHDF5IO(path=str(path), mode="w") as io:
            io.write(container=nwb_file)
        return path

    return write


def test_file_without_obs_intervals(shared_data):
    recording = read_recording(retina(shared_data, ".nwb"))
    assert (recording.n_units, recording.n_spikes) == (49, 17_933)
    assert set(recording.units["area"]) == {"retina"}
    table = recording.trials["trials"]
    assert list(table) == ["start_time", "stop_time", "stimulus", "repeat"]
    np.testing.assert_array_equal(table["start_time"], np.arange(180.0))
    np.testing.assert_array_equal(table["stimulus"], np.tile(np.arange(60), 3))
    assert "inferred as 0 to 179.3 s" in recording.report.of_kind("inferred")[0].text
    np.testing.assert_allclose(recording.observed, [[0.0, 179.3]], rtol=1e-12)


def test_file_with_obs_intervals(shared_data):
    recording = read_recording(retina(shared_data, "_obs.nwb"))
    np.testing.assert_array_equal(recording.observed, [[0.0, 180.0]])
    assert recording.report.lines[:2] == (
        "read: 49 units, 17933 spikes",
        "read: 180 rows of 'trials'",
    )
    assert not recording.report.of_kind("inferred")
    other = read_recording(retina(shared_data, ".nwb"))
    np.testing.assert_array_equal(recording.spike_times, other.spike_times)


def test_file_of_another_laboratory(shared_data):
    recording = read_recording(shared_data / "neo_formats" / "nwb" / "A8604-211122.nwb")
    assert recording.n_spikes == 21_354
    assert recording.units["unit"].tolist()[:2] == [6, 191]
    assert set(recording.units["electrode_group"]) == {"group0_psb"}
    assert recording.trials["epochs"]["tags"].tolist() == ["wake"]
    assert recording.trials["epochs"]["stop_time"].tolist() == [1087.5289]


@pytest.mark.parametrize("name", ["osb_simple_example", "osb_time_series_data"])
def test_files_without_units_are_refused(shared_data, name):
    with pytest.raises(ValueError, match=f"{name}.nwb must hold sorted units.*missing"):
        read_recording(shared_data / "neo_formats" / "nwb" / f"{name}.nwb")


def test_truncated_file_is_refused(shared_data, tmp_path):
    whole = retina(shared_data, ".nwb").read_bytes()
    (tmp_path / "cut.nwb").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"cut.nwb' must be a whole HDF5 file"):
        read_recording(tmp_path / "cut.nwb")


def test_file_is_closed_after_reading_and_after_refusing(shared_data, tmp_path):
    copies = []
    for name in ("nwb/osb_simple_example.nwb", "retina_converted/retina_natimg2_3reps.nwb"):
        copies.append(tmp_path / name.split("/")[1])
        shutil.copyfile(shared_data / "neo_formats" / name, copies[-1])
    with pytest.raises(ValueError, match="sorted units"):
        read_recording(copies[0])
    read_recording(copies[1])
    for copy in copies:
        # HDF5 locks an open file, so writing to it fails until it is closed.
        with pynwb.NWBHDF5IO(path=str(copy), mode="a") as io:
            assert io.mode == "a"


def test_missing_pynwb_is_told_with_its_remedy(shared_data, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynwb", None)
    with pytest.raises(ImportError, match=r"pip install 'neurospyke\[nwb\]'"):
        read_recording(retina(shared_data, ".nwb"))


def test_every_table_and_column(nwb_file, written):
    nwb_file.notes = "anaesthetised\nleft eye"
    nwb_file.add_unit_column("snr", "signal to noise")
    nwb_file.add_unit(id=12, spike_times=[0.5], waveform_mean=[0.0, 1.0], snr=2.5)
    nwb_file.add_unit(id=3, spike_times=[], waveform_mean=[0.0, 2.0], snr=4.0)
    nwb_file.add_trial(start_time=0.0, stop_time=1.0)
    shown = pynwb.epoch.TimeIntervals(name="image_presentations", description="images")
    shown.add_column("image", "which")
    shown.add_interval(start_time=1.0, stop_time=2.0, image="face", id=5)
    shown.add_interval(start_time=3.0, stop_time=4.0, image="car", id=6)
    nwb_file.add_time_intervals(shown)
    recording = read_recording(written())
    plain = recording.units[["unit", "snr"]]
    assert plain.to_dict("list") == {"unit": [12, 3], "snr": [2.5, 4.0]}
    assert [list(wave) for wave in recording.units["waveform_mean"]] == [[0.0, 1.0], [0.0, 2.0]]
    np.testing.assert_array_equal(recording.offsets, [0, 1, 1])
    assert sorted(recording.trials) == ["image_presentations", "trials"]
    table = recording.trials["image_presentations"]
    assert table["image"].tolist() == ["face", "car"]
    assert table["id"].tolist() == [5, 6]
    assert recording.notes == ("anaesthetised", "left eye")
    assert not recording.report.of_kind("dropped")
    np.testing.assert_array_equal(recording.observed, [[0.0, 4.0]])


def test_area_comes_from_the_electrodes(nwb_file, written):
    device = nwb_file.create_device(name="probe")
    group = nwb_file.create_electrode_group(
        name="shank", description="", location="?", device=device
    )
    for location in ("V4", "IT", "IT"):
        nwb_file.add_electrode(group=group, location=location)
    for electrodes in ([0], [1, 2], [0, 1]):
        nwb_file.add_unit(spike_times=[0.5, 1.0], electrodes=electrodes)
    recording = read_recording(written())
    assert recording.units["area"].tolist() == ["V4", "IT", "V4/IT"]
    assert (
        recording.report.lines[0]
        == "inferred: area taken from the location of each unit's electrodes"
    )


def test_units_observed_at_different_times_are_cut_to_what_all_share(nwb_file, written):
    nwb_file.add_unit(spike_times=[0.5, 2.5], obs_intervals=[[0.0, 1.0], [2.0, 3.0]])
    nwb_file.add_unit(spike_times=[2.25, 3.5], obs_intervals=[[2.0, 4.0]])
    path = written()
    recording = read_recording(path)
    np.testing.assert_array_equal(recording.observed, [[2.0, 3.0]])
    np.testing.assert_array_equal(recording.spike_times, [2.5, 2.25])
    assert [finding.count for finding in recording.report.of_kind("excluded")] == [2, 2]
    told = read_recording(path, observed=(2.0, 4.0))
    np.testing.assert_array_equal(told.spike_times, [2.5, 2.25, 3.5])


def test_units_never_observed_together_are_refused(nwb_file, written):
    nwb_file.add_unit(spike_times=[0.5], obs_intervals=[[0.0, 1.0]])
    nwb_file.add_unit(spike_times=[2.25], obs_intervals=[[2.0, 4.0]])
    with pytest.raises(ValueError, match=r"no time at which all were: pass `observed="):
        read_recording(written())


def test_times_that_step_back_far_are_refused(nwb_file, written):
    nwb_file.add_unit(id=7, spike_times=[1.0, 0.5])
    nwb_file.add_trial(start_time=0.0, stop_time=2.0)
    with pytest.raises(ValueError, match=r"unit 7 step back 1 times, by up to 0.5 s"):
        read_recording(written())


def test_times_that_are_not_numbers_are_dropped_and_counted(nwb_file, written):
    nwb_file.add_unit(id=7, spike_times=[0.5, np.nan])
    nwb_file.add_trial(start_time=0.0, stop_time=2.0)
    recording = read_recording(written())
    assert recording.spike_times.tolist() == [0.5]
    assert recording.report.of_kind("dropped")[0].text.endswith("of units 7 (1)")


def test_units_without_spike_times_are_refused(nwb_file, written):
    nwb_file.add_unit_column("snr", "signal to noise")
    nwb_file.add_unit(snr=1.0)
    with pytest.raises(ValueError, match=r"must hold spike times.*\['snr'\]"):
        read_recording(written())


def test_depth_comes_from_the_electrodes(nwb_file, written):
    device = nwb_file.create_device(name="probe")
    group = nwb_file.create_electrode_group(
        name="shank", description="", location="?", device=device
    )
    for depth in (100.0, 200.0, 400.0):
        nwb_file.add_electrode(group=group, location="V4", rel_x=0.0, rel_y=depth, rel_z=0.0)
    for electrodes in ([0], [1, 2]):
        nwb_file.add_unit(spike_times=[0.5, 1.0], electrodes=electrodes)
    recording = read_recording(written())
    assert recording.units["depth"].tolist() == [100.0, 300.0]
    assert [ids.tolist() for ids in recording.units["electrode_ids"]] == [[0], [1, 2]]
    assert "depth taken as the mean 'rel_y' of each unit's electrodes" in str(recording.report)


def probe(nwb_file, **columns):
    """An electrode table of three rows with ids 850, 852 and 854."""
    device = nwb_file.create_device(name="probe")
    group = nwb_file.create_electrode_group(
        name="shank", description="", location="?", device=device
    )
    for name in columns:
        nwb_file.add_electrode_column(name, "as told")
    for row, location in enumerate(("VISp", "VISp", "CA1")):
        told = {name: values[row] for name, values in columns.items()}
        nwb_file.add_electrode(id=850 + 2 * row, group=group, location=location, **told)


def test_area_and_depth_come_from_the_peak_channel_by_its_id(nwb_file, written):
    probe(nwb_file, probe_vertical_position=[20, 40, 60])
    nwb_file.add_unit_column("peak_channel_id", "where the waveform is largest")
    for channel in (854, 850, 7):
        nwb_file.add_unit(spike_times=[0.5, 1.0], peak_channel_id=channel)
    recording = read_recording(written())
    assert recording.units["area"].tolist() == ["CA1", "VISp", "unknown"]
    np.testing.assert_array_equal(recording.units["depth"], [60.0, 20.0, np.nan])
    said = str(recording.report)
    assert "area taken from the location of the electrode that is each unit's `peak_c" in said


def test_electrodes_are_kept_by_id(nwb_file, written):
    probe(nwb_file)
    nwb_file.add_unit(spike_times=[0.5, 1.0], electrodes=[2, 0])
    nwb_file.add_unit(spike_times=[0.5], electrodes=[])
    units = read_recording(written()).units
    assert [ids.tolist() for ids in units["electrode_ids"]] == [[854, 850], []]
    assert units["area"].tolist() == ["CA1/VISp", "unknown"]


def test_columns_indexed_once_and_twice_are_kept(nwb_file, written):
    nwb_file.add_unit_column("amplitudes", "of each spike", index=True)
    nwb_file.add_unit_column("places", "brain areas crossed", index=True)
    nwb_file.add_unit_column("area", "several", index=True)
    waves = [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]
    nwb_file.add_unit(
        spike_times=[0.5, 1.0],
        amplitudes=[80.0, 90.0],
        places=["V1", "V2"],
        area=["a"],
        waveforms=waves,
    )
    nwb_file.add_unit(
        spike_times=[0.25], amplitudes=[70.0], places=[], area=["b", "c"], waveforms=waves[:1]
    )
    recording = read_recording(written())
    units = recording.units
    assert [each.tolist() for each in units["amplitudes"]] == [[80.0, 90.0], [70.0]]
    assert [each.tolist() for each in units["places"]] == [["V1", "V2"], []]
    assert [each.tolist() for each in units["area_in_table"]] == [["a"], ["b", "c"]]
    assert "area" not in units
    of_spikes = [[wave.tolist() for wave in spikes] for spikes in units["waveforms"]]
    assert of_spikes == [waves, waves[:1]]
    with pytest.raises(ValueError, match="read-only"):
        units["amplitudes"][0][0] = 0.0


def test_tables_with_ragged_columns_are_selected_and_aligned(nwb_file, written):
    nwb_file.add_unit(spike_times=[0.5, 1.5])
    shown = pynwb.epoch.TimeIntervals(name="sequences", description="images in sequence")
    shown.add_column("stimulus", "first image")
    shown.add_column("images", "all images", index=True)
    shown.add_interval(start_time=0.0, stop_time=1.0, stimulus="face", images=["face", "car"])
    shown.add_interval(start_time=1.0, stop_time=2.0, stimulus="car", images=["car"])
    nwb_file.add_time_intervals(shown)
    recording = read_recording(written())
    images = recording.trials["sequences"]["images"]
    assert [each.tolist() for each in images] == [["face", "car"], ["car"]]
    part = recording.where(trials="stimulus == 'car'")
    responses = part.align("sequences", (0.0, 1.0))
    assert responses.values.ravel().tolist() == [1]
    assert "images" not in responses.trials


def test_references_to_time_series_are_left_out_and_counted(nwb_file, written):
    nwb_file.add_unit(spike_times=[0.5, 1.5])
    series = pynwb.TimeSeries(name="pupil", data=[1.0, 2.0], unit="mm", rate=1.0)
    nwb_file.add_acquisition(series)
    nwb_file.add_trial(start_time=0.0, stop_time=1.0, timeseries=[series])
    recording = read_recording(written())
    assert list(recording.trials["trials"]) == ["start_time", "stop_time"]
    assert [finding.text for finding in recording.report.of_kind("dropped")] == [
        "columns of 'trials' left out: 'timeseries' (references to time series)"
    ]


def test_columns_too_large_for_memory_are_left_out_and_counted(nwb_file, written, monkeypatch):
    nwb_file.add_unit(spike_times=[0.5, 1.5], waveform_mean=np.zeros(200))
    path = written()
    monkeypatch.setattr(nwb_columns, "_MAX_BYTES", 1000)
    recording = read_recording(path)
    assert "waveform_mean" not in recording.units
    assert "'waveform_mean' (0.0 GiB)" in recording.report.of_kind("dropped")[0].text


def test_times_that_the_file_calls_invalid_are_said(nwb_file, written):
    nwb_file.add_unit(spike_times=[0.5, 1.5])
    nwb_file.add_invalid_time_interval(start_time=0.75, stop_time=1.25)
    recording = read_recording(written())
    assert "1 rows of 'invalid_times' say when the recording is not to be trusted" in str(
        recording.report
    )
    assert recording.trials["invalid_times"]["stop_time"].tolist() == [1.25]


def test_pictures_of_one_label_in_two_sets_are_told_apart(nwb_file, written):
    for name, value in (("first", 1.0), ("second", 2.0)):
        picture = pynwb.image.GrayscaleImage(name="face", data=np.full((2, 3), value))
        nwb_file.add_stimulus_template(pynwb.base.Images(name=name, images=[picture]))
    pictures = read_pictures(written())
    assert {label: pixels[0, 0] for label, pixels in pictures.items()} == {
        "face": 1.0,
        "second/face": 2.0,
    }
