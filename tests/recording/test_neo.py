"""Neo blocks, made here and read from NIX and MATLAB files."""

from dataclasses import replace

import neo
import numpy as np
import pandas as pd
import pytest
import quantities as pq

from neurospyke.recording import from_neo, read_recording
from tests.recording.test_recording import assert_same

N_SPIKES = 17_933


def retina(shared_data, suffix):
    return shared_data / "neo_formats" / "retina_converted" / f"retina_natimg2_3reps{suffix}"


@pytest.fixture(scope="module")
def nix(shared_data):
    return read_recording(retina(shared_data, ".nix"), segment_gap=0.0)


def train(times, t_stop=1.0, t_start=0.0, **annotations):
    ends = {"t_start": t_start * pq.s, "t_stop": t_stop * pq.s}
    return neo.SpikeTrain(times * pq.s, **ends, **annotations)


def block(*segments):
    made = neo.Block()
    for trains in segments:
        segment = neo.Segment()
        segment.spiketrains.extend(trains)
        made.segments.append(segment)
    return made


def test_nix_has_the_published_counts(nix, shared_data):
    assert (nix.n_units, nix.n_spikes, nix.duration) == (49, N_SPIKES, 180.0)
    np.testing.assert_array_equal(nix.observed, [[0, 60], [60, 120], [120, 180]])
    assert nix.units["unit"].tolist() == list(range(49))
    assert set(nix.units["area"]) == {"retina"}
    text = retina(shared_data, ".txt").read_text().split()
    first_repeat = np.array(text, dtype=np.float64)
    assert len(first_repeat) == (nix.spike_times < 60).sum() == 6102
    np.testing.assert_allclose(first_repeat, nix.spike_times[nix.spike_times < 60], atol=5e-4)


def test_epochs_and_events_are_trial_tables(nix):
    assert list(nix.trials) == ["stimulus", "stimulus_onset"]
    epochs, events = nix.trials.values()
    np.testing.assert_array_equal(epochs["start_time"], np.arange(180.0))
    np.testing.assert_allclose(epochs["stop_time"], np.arange(180.0) + 0.3, rtol=1e-12)
    assert epochs["stimulus"].tolist() == [f"img{image:02d}" for image in range(60)] * 3
    assert epochs["segment"].tolist() == np.repeat([0, 1, 2], 60).tolist()
    assert "stop_time" not in events
    assert events["stimulus"].equals(epochs["stimulus"])


def test_matlab_equals_nix(nix, shared_data):
    matlab = read_recording(retina(shared_data, ".mat"), segment_gap=0.0)
    assert "read: by Neo's NeoMatlabIO" in matlab.report.lines
    assert "read: by Neo's NixIO" in nix.report.lines
    assert_same(replace(nix, report=matlab.report), matlab)


def test_nwb_of_the_same_data_aligns_to_the_same_counts(nix, shared_data):
    nwb = read_recording(retina(shared_data, "_obs.nwb"))
    np.testing.assert_array_equal(nwb.offsets, nix.offsets)
    np.testing.assert_allclose(nwb.spike_times, nix.spike_times, rtol=0, atol=1e-12)
    ours = nix.align("stimulus", (0.1, 0.3), 0.01)
    theirs = nwb.align("trials", (0.1, 0.3), 0.01)
    assert ours.values.sum() > 10_000
    np.testing.assert_array_equal(ours.values, theirs.values)
    images = [f"img{int(label):02d}" for label in theirs.trials["stimulus"]]
    assert images == ours.trials["stimulus"].tolist()
    assert ours.trials["repetition"].tolist() == theirs.trials["repeat"].tolist()


def test_segments_that_restart_their_clock_need_a_gap(shared_data):
    with pytest.raises(ValueError, match=r"the 3 segments overlap in time.*segment_gap="):
        read_recording(retina(shared_data, ".mat"))
    apart = read_recording(retina(shared_data, ".mat"), segment_gap=5.0)
    np.testing.assert_array_equal(apart.observed, [[0, 60], [65, 125], [130, 190]])
    assert str(apart.report.of_kind("inferred")[0]) == (
        "inferred: 3 segments laid one after another, 5 s apart; seconds added to their times: "
        "0, 65, 130"
    )
    with pytest.raises(ValueError, match="0 or more seconds; got -1"):
        read_recording(retina(shared_data, ".mat"), segment_gap=-1.0)


def test_segments_on_one_clock_stay_there():
    made = from_neo(block([train([0.5])], [train([2.5], t_start=2.0, t_stop=3.0)]))
    np.testing.assert_array_equal(made.spike_times, [0.5, 2.5])
    np.testing.assert_array_equal(made.observed, [[0, 1], [2, 3]])
    assert made.report.lines[0] == "read: 2 segments on one clock, as in the file"
    closer = from_neo(block([train([0.5])], [train([2.5], t_start=2.0, t_stop=3.0)]), segment_gap=0)
    np.testing.assert_array_equal(closer.spike_times, [0.5, 1.5])
    np.testing.assert_array_equal(closer.observed, [[0, 1], [1, 2]])


def test_units_are_matched_by_id_between_segments():
    first = [train([0.1], unit_id=4, area="V4"), train([0.2], unit_id=9, area="IT")]
    second = [train([0.3], unit_id=9, area="IT"), train([0.4], unit_id=4, area="V4")]
    made = from_neo(block(first, second), segment_gap=1.0)
    assert made.units.to_dict("list") == {"unit": [4, 9], "area": ["V4", "IT"]}
    np.testing.assert_allclose(made.unit_spikes(0), [0.1, 2.4], rtol=1e-15)
    np.testing.assert_allclose(made.unit_spikes(1), [0.2, 2.3], rtol=1e-15)
    with pytest.raises(ValueError, match=r"segment 1 holds 1 trains.*\['9'\]"):
        from_neo(block(first, second[1:]), segment_gap=1.0)
    with pytest.raises(ValueError, match="ids repeat"):
        from_neo(block([train([0.1], unit_id=4), train([0.1], unit_id=4)]))


def test_times_are_converted_in_float64():
    times = np.array([3_600_000.25, 3_600_001.5], dtype=np.float32)
    made = from_neo(block([neo.SpikeTrain(times, units="ms", t_stop=4000 * pq.s)]))
    np.testing.assert_allclose(made.spike_times, [3600.00025, 3600.0015], rtol=0, atol=1e-12)


def test_array_annotations_are_columns_and_odd_annotations_are_noted():
    made = block([train([0.5], name="a", depth=1.5, sites=[1, 2])])
    made.segments[0].epochs.append(
        neo.Epoch(
            [0.25, 0.5] * pq.s,
            durations=[100, 200] * pq.ms,
            labels=["x", "y"],
            array_annotations={"contrast": [0.1, 0.9], "eye": ["left", "right"]},
        )
    )
    made.segments[0].events.append(neo.Event([0.5] * pq.s, labels=["go"], name="epochs"))
    recording = from_neo(made)
    assert recording.units.to_dict("list") == {"unit": ["a"], "depth": [1.5]}
    assert [str(finding) for finding in recording.report.of_kind("dropped")] == [
        "dropped: annotations without one plain value a unit left out: ['sites']"
    ]
    expected = pd.DataFrame(
        {
            "start_time": [0.25, 0.5],
            "stop_time": [0.35, 0.7],
            "stimulus": ["x", "y"],
            "contrast": [0.1, 0.9],
            "eye": ["left", "right"],
        }
    )
    pd.testing.assert_frame_equal(recording.trials["epochs"], expected)
    assert recording.trials["epochs_2"]["stimulus"].tolist() == ["go"]


def test_trains_observed_at_different_times_are_cut_to_what_all_share():
    made = from_neo(block([train([0.5, 0.9]), train([0.3], t_stop=0.8)]))
    np.testing.assert_array_equal(made.spike_times, [0.5, 0.3])
    np.testing.assert_array_equal(made.observed, [[0.0, 0.8]])
    assert [str(finding) for finding in made.report.of_kind("excluded")] == [
        "excluded: 1 of 2 units were observed for longer than the 0.8 s common to all, which "
        "alone are kept",
        "excluded: 1 of 3 spikes outside `observed` left out",
    ]


def test_trains_that_just_end_at_their_last_spike_state_no_observed_time():
    made = from_neo(block([train([0.5, 0.9], t_stop=0.9), train([0.3], t_stop=0.3)]))
    np.testing.assert_array_equal(made.spike_times, [0.5, 0.9, 0.3])
    np.testing.assert_array_equal(made.observed, [[0.0, 0.9]])
    assert "observed time not stated" in made.report.of_kind("inferred")[0].text


def test_single_precision_is_said():
    made = block([neo.SpikeTrain(np.array([3600.0], dtype="f"), units="s", t_stop=4000.0)])
    said = from_neo(made).report.of_kind("suspicious")
    assert "1 of 1 spike trains come in single precision, whose steps reach 0.00024 s" in [
        finding.text for finding in said
    ]


def test_missing_areas_are_called_unknown():
    made = from_neo(block([train([0.5, 0.6], name="a", area="V4"), train([0.3, 0.4], name="b")]))
    assert made.units["area"].tolist() == ["V4", "unknown"]
    assert [finding.text for finding in made.report.of_kind("suspicious")] == [
        "annotations that some units lack: ['area']",
        "1 of 2 units without an area, called 'unknown'",
    ]


def test_faulty_trains_are_refused():
    with pytest.raises(ValueError, match=r"unit 0 step back 1 times, by up to 0.3 s"):
        from_neo(block([train([0.5, 0.2])]))
    with pytest.raises(ValueError, match="2 segments with none"):
        from_neo(block([], []))


@pytest.mark.parametrize("suffix", [".nix", ".mat"])
def test_truncated_files_are_refused(shared_data, tmp_path, suffix):
    whole = retina(shared_data, suffix).read_bytes()
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=f"cut{suffix}' must be"):
        read_recording(path, segment_gap=0.0)
