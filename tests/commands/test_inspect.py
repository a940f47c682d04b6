"""What `neurospyke inspect` and `neurospyke convert` say, write and refuse."""

import os
import subprocess

import numpy as np
import pandas as pd
import pytest

from neurospyke.cli import main
from neurospyke.commands.inspect import units_by_area
from neurospyke.recording import Recording, read_pictures, read_recording, write_nwb
from neurospyke.responses import Responses
from neurospyke.sim import mozafari2019, write_network


def made() -> Recording:
    units = pd.DataFrame(
        {"unit": [1, 2, 3], "area": ["V4", "V4", "IT"], "quality": ["good", "mua", "good"]}
    )
    trials = pd.DataFrame({"start_time": [0.0, 1.0, 1.5], "stimulus": ["face", "car", "face"]})
    return Recording.from_trains(
        [[0.1, 0.6, 0.6, 0.9], [], [1.5]],
        observed=(0.0, 2.0),
        units=units,
        trials={"shown": trials},
        notes=("left eye",),
    )


@pytest.fixture
def saved(tmp_path):
    made().save(tmp_path / "session.npz")
    return str(tmp_path / "session.npz")


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_units_are_counted_by_area_and_quality():
    table = units_by_area(made())
    assert table.to_dict("list") == {
        "area": ["IT", "V4", "V4"],
        "quality": ["good", "good", "mua"],
        "units": [1, 1, 1],
        "spikes": [1, 4, 0],
        "lowest": [0.5, 2.0, 0.0],
        "median": [0.5, 2.0, 0.0],
        "highest": [0.5, 2.0, 0.0],
    }


def test_inspect_tells_units_trials_and_problems(saved, capsys):
    code, out, err = run(capsys, "inspect", saved)
    assert (code, err) == (0, "")
    for part in (
        "3 units, 5 spikes",
        "observed 2 s, from 0 to 2 s",
        "V4     mua      1       0",
        "columns: unit, area, quality",
        "3 rows; columns: start_time, stimulus",
        "2 stimuli (rows): face (2), car (1)",
        "note: left eye",
        "suspicious: 1 of 3 units without spikes: 2",
        "suspicious: 1 spikes at the same time as the spike before, of units 1",
    ):
        assert part in out


def test_convert_writes_what_is_read_again(saved, tmp_path, capsys):
    out = tmp_path / "session.nwb"
    code, said, err = run(capsys, "convert", saved, out, "--start", "2024-05-01T09:00+02:00")
    assert (code, err) == (0, "")
    assert f"3 units and 5 spikes are in {out}" in said
    again = read_recording(out)
    image = {"face": np.arange(6.0).reshape(2, 3)}
    write_nwb(tmp_path / "shown.nwb", again, images=image)
    assert run(capsys, "convert", tmp_path / "shown.nwb", tmp_path / "copy.nwb")[0] == 0
    np.testing.assert_array_equal(read_pictures(tmp_path / "copy.nwb")["face"], image["face"])
    np.testing.assert_array_equal(again.spike_times, made().spike_times)
    pd.testing.assert_frame_equal(again.units, made().units)
    assert again.trials["shown"]["stimulus"].tolist() == ["face", "car", "face"]
    assert run(capsys, "convert", saved, out)[0] == 2
    assert run(capsys, "convert", saved, out, "--overwrite")[0] == 0


def test_a_field_map_codes_and_events_can_be_given(tmp_path, capsys):
    from scipy.io import savemat

    savemat(tmp_path / "a.mat", {"d": {"t": np.array([10.0, 20.0, 45.5]), "u": [4, 4, 9]}})
    (tmp_path / "pulses.csv").write_text("start_time,code\n0.005,65281\n0.03,7\n")
    given = ["inspect", tmp_path / "a.mat", "--field", "spike_times=d.t"]
    given += ["--field", "spike_units=d.u", "--field", "per_second=1000"]
    given += ["--events", tmp_path / "pulses.csv", "--code", "65281=stim_on"]
    code, out, _ = run(capsys, *given)
    assert code == 0
    assert "2 units, 3 spikes" in out
    assert "stim_on (1), 7 (1)" in out
    assert "1 events of 'pulses' with codes that have no name: 7 (1)" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inspect", "FILE", "--code", "65281"], "--code must be NAME=VALUE"),
        (["inspect", "FILE", "--field", "spikes=a"], "--field must name spike_times"),
        (["inspect", "FILE", "--field", "per_second=3"], "must name spike_times"),
        (["inspect", "FILE", "--field", "per_second=x"], "per_second must be a number"),
        (["inspect", "FILE", "--format", "phy"], "FILE must be a folder for the format 'phy'"),
        (["inspect", "FILE", "--segment-gap", "1"], "--segment-gap must be None for neurospyke"),
        (["inspect", "restarts.csv"], "pass --field relative_to=trial"),
        (["inspect", "names.csv"], "or be read with --field, which say what"),
        (["convert", "FILE", "out.mat"], "OUT must end in .nwb"),
        (["convert", "FILE", "out.nwb", "--start", "noon"], "--start must be a time"),
    ],
)
def test_refusals_are_one_line(saved, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    times = "".join(f"1,{time}\n" for time in 10 * [0.25, 0.5])
    (tmp_path / "restarts.csv").write_text(f"unit,spike_time\n{times}")
    (tmp_path / "names.csv").write_text("neuron,time\n1,0.5\n")
    code, out, err = run(capsys, *[saved if word == "FILE" else word for word in arguments])
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("name", ["osb_simple_example", "osb_time_series_data"])
def test_files_without_units_are_refused_in_one_line(shared_data, capsys, name):
    path = shared_data / "neo_formats" / "nwb" / f"{name}.nwb"
    code, out, err = run(capsys, "inspect", path)
    assert (code, out) == (2, "")
    assert f"{name}.nwb must hold sorted units" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "name", [b"-x.npz", b"\xff\xfe.npz", b"a\nb\x1b[2J.npz", b"two  blanks.npz"]
)
def test_names_of_any_bytes_are_taken_and_told_as_they_can_be_typed(
    tmp_path, monkeypatch, capsys, name
):
    monkeypatch.chdir(tmp_path)
    word = os.fsdecode(name)
    made().save(tmp_path / word)
    code, out, err = run(capsys, "inspect", "--", word)
    assert (code, err) == (0, "")
    told = out.partition(": 3 units, 5 spikes\n")[0]
    echoed = subprocess.run(["bash", "-c", f"printf %s {told}"], capture_output=True, check=True)
    assert echoed.stdout == name
    assert run(capsys, "convert", "--", word, word.replace(".npz", ".nwb"))[0] == 0
    code, out, err = run(capsys, "inspect", "--", word.replace("npz", "none"))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "\x1b" not in err


def test_responses_are_told_by_units_trials_and_bins(tmp_path, capsys):
    units = pd.DataFrame({"unit": [0, 1, 2], "area": ["V4", "V4", "IT"]})
    trials = pd.DataFrame({"stimulus": ["face", "car", "face"]})
    values = np.array(
        [[[2, 1], [0, 0], [4, 4]], [[0, 0], [0, 0], [0, 1]], [[1, 2], [0, 0], [0, 3]]]
    )
    edges = np.array([0.0, 0.05, 0.1])
    Responses(values, trials, units, edges, source="a monkey").save(tmp_path / "two  blanks.npz")
    code, out, err = run(capsys, "inspect", tmp_path / "two  blanks.npz")
    assert (code, err) == (0, "")
    for part in (
        "two  blanks.npz': responses of 3 units in 3 trials, 2 bins from 0 to 0.1 s, from a ",
        "values 0 to 4: count, spikes in the bin\n",
        "  2 stimuli, each 1 to 2 times\n  columns: stimulus\n",
    ):
        assert part in out
    rows = [line.split() for line in out.splitlines()]
    # lowest, median and highest of the means over trials and bins: 1, 0 and 2
    assert ["V4", "2", "0.0", "0.5", "1.0"] in rows
    assert ["IT", "1", "2.0", "2.0", "2.0"] in rows
    code, _, err = run(capsys, "convert", tmp_path / "two  blanks.npz", tmp_path / "out.nwb")
    assert code == 2
    assert "it holds Responses" in err


def test_networks_are_told_by_layers(tmp_path, capsys):
    network = mozafari2019()
    layer = network.layers["conv1"]
    # the mean of w (1 - w) of weights that are all a half
    layer.weight.data.fill_(0.5)  # pyright: ignore
    write_network(tmp_path / "network.safetensors", network)
    code, out, err = run(capsys, "inspect", tmp_path / "network.safetensors")
    assert (code, err) == (0, "")
    assert "network.safetensors: mozafari2019, 15 time steps, images of luminance\n" in out
    rows = [line.replace(" x ", "x").split() for line in out.splitlines()]
    assert ["conv1", "SpikingConvolution", "30x6x5x5", "STDP", "0.2500"] in rows
    assert ["pool1", "Pool"] in rows
    (tmp_path / "bad.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    code, out, err = run(capsys, "inspect", tmp_path / "bad.safetensors")
    assert (code, out) == (2, "")
    assert "must be a safetensors file of a network" in err
