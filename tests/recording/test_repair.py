"""Each case of files that are not as they should be: what is put right, what is refused, what said.

Most files are tables of one spike a row, the shortest way to a file with a given fault.
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurospyke.recording import Fields, Recording, read_recording
from neurospyke.recording.repair import times_in_order


@pytest.fixture
def read(tmp_path):
    """Write spikes as a table, and trials beside it, and read both."""

    def do(spikes, trials=None, **options):
        rows = [(unit, time) for unit, times in spikes.items() for time in times]
        pd.DataFrame(rows, columns=["unit", "spike_time"]).to_csv(
            tmp_path / "spikes.csv", index=False
        )
        if trials is not None:
            options["events"] = tmp_path / "shown.csv"
            pd.DataFrame(trials).to_csv(options["events"], index=False)
        return read_recording(tmp_path / "spikes.csv", **options)

    return do


def said(recording: Recording, kind: str) -> list[str]:
    return [finding.text for finding in recording.report.of_kind(kind)]


def test_units_without_spikes_or_with_one_are_kept_and_said(tmp_path):
    np.savez(tmp_path / "a.npz", t=[0.1, 0.2, 0.5], u=[4, 4, 9], ids=[4, 7, 9])
    fields = Fields("t", spike_units="u", units={"unit": "ids"})
    recording = read_recording(tmp_path / "a.npz", fields=fields)
    assert recording.units["unit"].tolist() == [4, 7, 9]
    assert recording.offsets.tolist() == [0, 2, 2, 3]
    assert said(recording, "suspicious") == [
        "1 of 3 units without spikes: 7",
        "1 of 3 units with a single spike: 9",
    ]


def test_slight_disorder_is_sorted_and_said(read):
    times = np.arange(200) / 10.0 + 0.05
    times[[50, 51]] = times[[51, 50]]
    recording = read({7: times})
    np.testing.assert_array_equal(recording.spike_times, np.sort(times))
    assert said(recording, "suspicious")[0] == (
        "1 spike times slightly out of order, sorted, of units 7 (1)"
    )


def test_times_that_restart_with_the_trials_are_refused(read):
    starts = np.arange(42) * 2.0
    trial = [0.1, 0.5, 0.9]
    with pytest.raises(
        ValueError,
        match=r"unit 7 step back 41 times, by up to 0.8 s: with 42 rows in 'shown' they seem to "
        r"count from the start of each trial: pass `fields` with relative_to='trial'",
    ):
        read({7: np.tile(trial, 42)}, {"start_time": starts})


def test_times_relative_to_trials_are_placed_when_told(tmp_path):
    spikes = {"t": np.array([100, 500, 200]), "u": np.ones(3), "k": np.array([5, 5, 6])}
    np.savez(tmp_path / "a.npz", on=[0, 2000], n=[5, 6], **spikes)
    fields = Fields(
        "t",
        spike_units="u",
        spike_trials="k",
        trials={"start_time": "on", "trial": "n"},
        per_second=1000,
        relative_to="trial",
    )
    recording = read_recording(tmp_path / "a.npz", fields=fields)
    np.testing.assert_array_equal(recording.spike_times, [0.1, 0.5, 2.2])


def test_a_clock_that_restarts_half_way_is_refused(read):
    times = np.concatenate([np.arange(200) / 10.0, np.arange(200) / 10.0])
    with pytest.raises(ValueError, match=r"step back 1 times, by up to 19.9 s: its clock restarts"):
        read({7: times})


def test_times_that_are_no_numbers_are_dropped_and_counted(read):
    recording = read({7: [0.5, np.nan, 0.75], 8: [0.25, 0.3]})
    np.testing.assert_array_equal(recording.spike_times, [0.5, 0.75, 0.25, 0.3])
    assert said(recording, "dropped") == ["1 spike times NaN or infinite, of units 7 (1)"]


def test_overlapping_trials_are_allowed_and_their_share_said(read):
    trials = {"start_time": [0, 1, 2, 4], "stop_time": [1.5, 2, 3, 5], "stimulus": list("abcd")}
    recording = read({7: [0.5, 1.25, 4.5]}, trials, observed=(0, 6))
    assert "1 rows of 'shown' (25%) overlap the next" in said(recording, "suspicious")
    counts = recording.align("shown", (0.0, 1.5))
    assert counts.values[:, 0, 0].tolist() == [2, 1, 0, 1]


def test_trials_outside_the_observed_time_are_said(read):
    recording = read({7: [0.5, 0.75]}, {"start_time": [0.0, 5.0]}, observed=(0, 1))
    assert "1 of 2 rows of 'shown' start outside the observed time" in said(recording, "suspicious")


def test_trials_without_a_stop_are_said(read):
    trials = {"start_time": [0.0, 0.5], "stop_time": [0.25, np.nan]}
    recording = read({7: [0.5, 0.75]}, trials)
    assert "1 of 2 rows of 'shown' without a stop" in said(recording, "suspicious")


def test_trials_that_stop_before_they_start_are_said(read):
    recording = read({7: [0.5, 0.75]}, {"start_time": [0.5], "stop_time": [0.25]})
    assert "1 of 1 rows of 'shown' stop before they start" in said(recording, "suspicious")


def test_a_spike_at_the_stop_is_said(read):
    recording = read({7: [0.5, 1.0]}, observed=(0, 1))
    assert said(recording, "suspicious") == [
        "1 spikes at the very end of the observed time fall in no half-open bin"
    ]
    assert recording.align(pd.DataFrame({"start_time": [0.0], "stimulus": "a"}), (0, 1)).values == 1


def test_a_stop_that_no_file_states_is_inferred_and_said(read):
    recording = read({7: [0.5, 0.75]}, {"start_time": [0.0], "stop_time": [2.0]})
    np.testing.assert_array_equal(recording.observed, [[0, 2]])
    assert said(recording, "inferred")[0].startswith("observed time not stated by the file")


def test_unit_ids_that_repeat_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", t=[0.1, 0.2], u=[4, 4], ids=[4, 4, 9])
    fields = Fields("t", spike_units="u", units={"unit": "ids"})
    with pytest.raises(ValueError, match="'ids' must name every unit once"):
        read_recording(tmp_path / "a.npz", fields=fields)


@pytest.mark.parametrize(
    ("factor", "unit"), [(1000, "milliseconds"), (30_000, "samples at 30000 Hz")]
)
def test_times_that_are_samples_or_milliseconds_are_refused(read, factor, unit):
    times = np.arange(1, 101)
    trials = {"start_time": np.linspace(0, 99, 20)}
    with pytest.raises(
        ValueError, match=rf"whole numbers.*so {unit} are likely \(divide by {factor}\)"
    ):
        read({7: times * factor}, trials)
    with pytest.raises(ValueError, match=rf"not seconds; .*so {unit} are likely"):
        read({7: times * factor + 0.25}, trials)
    with pytest.raises(ValueError, match="whole numbers up to"):
        read({7: times * factor})
    assert read({7: times}, trials, observed=(0, 200)).n_spikes == 100


def test_slow_firing_over_many_hours_is_said(read):
    recording = read({7: np.arange(40) * 1000.5})
    assert "are times milliseconds or samples?" in said(recording, "suspicious")[-1]


def test_spikes_that_end_long_before_the_trials_are_said(read):
    recording = read({7: [0.5, 0.75]}, {"start_time": np.arange(20) * 2.0})
    assert "do spike times count from each trial" in said(recording, "suspicious")[-1]


def test_repeated_times_are_said(read):
    recording = read({7: [0.5, 0.5, 0.75]})
    assert said(recording, "suspicious") == [
        "1 spikes at the same time as the spike before, of units 7"
    ]


def test_clocks_that_drift_are_said(tmp_path):
    np.savez(tmp_path / "a.npz", t=[1.0, 6000.5], u=[1, 1])
    pulses = pd.DataFrame({"start_time": np.arange(0.0, 6000.0, 10.0)})
    late = pulses * (1 + 3.25e-5) + 0.085
    fields = Fields("t", spike_units="u")
    recording = read_recording(
        tmp_path / "a.npz", events={"probe": pulses, "nidq": late}, fields=fields
    )
    assert said(recording, "suspicious")[-1] == (
        "clocks of 'probe' and 'nidq' drift apart by 0.195 s in 5990 s (32.5 parts in a million)"
    )
    steady = {"probe": pulses, "nidq": pulses + 0.085}
    recording = read_recording(tmp_path / "a.npz", events=steady, fields=fields)
    assert not any("drift" in text for text in said(recording, "suspicious"))


def test_events_as_strings_get_names_and_the_rest_are_listed(read):
    trials = {"start_time": [0.1, 0.2, 0.3], "stimulus": ["65281", "3", "3"]}
    recording = read({7: [0.5, 0.75]}, trials, event_codes={65281: "stim_on"})
    assert recording.trials["shown"]["stimulus"].tolist() == ["stim_on", "3", "3"]
    assert "2 events of 'shown' with codes that have no name: 3 (2)" in said(
        recording, "suspicious"
    )
    with pytest.raises(ValueError, match=r"codes of the file's events, \['3', '65281'\]; none is"):
        read({7: [0.5, 0.75]}, trials, event_codes={7: "reward"})


def test_labels_that_look_missing_are_labels(read):
    trials = {"start_time": [0.0, 0.5], "stimulus": ["NA", "None"]}
    recording = read({7: [0.5, 0.75]}, trials)
    assert recording.align("shown", (0.0, 0.25)).trials["stimulus"].tolist() == ["NA", "None"]


def test_stimuli_that_are_fractions_are_refused_when_aligned(read):
    recording = read({7: [0.5, 0.75]}, {"start_time": [0.0, 0.5], "stimulus": [3.0, 4.5]})
    with pytest.raises(ValueError, match=r"whole floats with .astype\(int\)"):
        recording.align("shown", (0.0, 0.25))


def test_units_without_an_area_are_unknown_and_grouping_by_it_warns(tmp_path):
    table = pd.DataFrame({"unit": [1, 2], "spike_time": [0.25, 0.5], "area": ["V4", ""]})
    table.to_csv(tmp_path / "a.csv", index=False)
    recording = read_recording(tmp_path / "a.csv", observed=(0, 1))
    assert recording.units["area"].tolist() == ["V4", "unknown"]
    assert "1 of 2 units without an area, called 'unknown'" in said(recording, "suspicious")
    shown = pd.DataFrame({"start_time": [0.0], "stimulus": ["a"]})
    with pytest.warns(UserWarning, match="1 of 2 units have the area 'unknown'"):
        assert list(recording.align(shown, (0.0, 1.0)).grouped("area")) == ["V4", "unknown"]


@given(
    times=st.lists(st.floats(0, 1e4), min_size=1, max_size=300),
    n_swaps=st.integers(0, 3),
    seed=st.integers(0, 100),
)
def test_what_is_sorted_holds_the_same_times(times, n_swaps, seed):
    wanted = np.sort(np.array(times))
    given_times = wanted.copy()
    for place in np.random.default_rng(seed).integers(0, len(times), n_swaps):
        given_times[place - 1 : place + 1] = given_times[place - 1 : place + 1][::-1]
    units = pd.DataFrame({"unit": [1]})
    try:
        found, report = times_in_order(given_times, np.array([0, len(times)]), units, {})
    except ValueError:
        assert (np.diff(given_times) < 0).any()
        return
    np.testing.assert_array_equal(found, wanted)
    assert bool(report.findings) == (np.diff(given_times) < 0).any()
