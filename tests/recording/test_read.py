"""Which format a path holds, and tables of events beside it."""

import pandas as pd
import pytest

from neurospyke.recording import Recording, read_recording


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "made.npz"
    trials = {"trials": pd.DataFrame({"start_time": [0.0], "stimulus": ["a"]})}
    Recording.from_trains([[0.5]], observed=(0, 9), trials=trials).save(path)
    return path


def test_missing_and_unknown_paths_are_refused(tmp_path):
    with pytest.raises(ValueError, match="existing file or folder"):
        read_recording(tmp_path / "absent.nwb")
    with pytest.raises(ValueError, match="holds nothing"):
        read_recording(tmp_path)
    other = tmp_path / "session.xyz"
    other.write_text("?")
    with pytest.raises(ValueError, match=r"must end in .mat.*got 'session.xyz'"):
        read_recording(other)


def test_format_can_be_told(saved, tmp_path):
    renamed = saved.rename(tmp_path / "made.dat")
    assert read_recording(renamed, format="neurospyke").n_spikes == 1
    with pytest.raises(ValueError, match=r"`format` must be one.*'plexon'.*got 'plexus'"):
        read_recording(renamed, format="plexus")
    with pytest.raises(ValueError, match=r"made.dat' cannot be read by Neo's PlexonIO: "):
        read_recording(renamed, format="plexon")
    with pytest.raises(ValueError, match="must be a folder for the format 'phy'"):
        read_recording(renamed, format="phy")
    with pytest.raises(ValueError, match="must be a file for the format 'nwb'"):
        read_recording(tmp_path, format="nwb")
    with pytest.raises(ValueError, match="`segment_gap` must be None"):
        read_recording(renamed, format="neurospyke", segment_gap=1.0)


def test_events_from_a_file_keep_labels_that_look_missing(saved, tmp_path):
    file = tmp_path / "shown.csv"
    file.write_text("start_time,stop_time,stimulus\n0.5,1.0,NA\n1.5,,None\n")
    table = read_recording(saved, events=file).trials["shown"]
    assert table["stimulus"].tolist() == ["NA", "None"]
    assert table["start_time"].tolist() == [0.5, 1.5]
    assert table["stop_time"].isna().tolist() == [False, True]


def test_events_from_tables(saved):
    table = pd.DataFrame({"start_time": [0.5]})
    assert list(read_recording(saved, events=table).trials) == ["trials", "events"]
    assert list(read_recording(saved, events={"licks": table}).trials) == ["trials", "licks"]
    with pytest.raises(ValueError, match=r"the file has \['trials'\] itself"):
        read_recording(saved, events={"trials": table})


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("start_time,stimulus\n,a\n", ValueError, "finite start_time"),
        ("onset,stimulus\n1,a\n", ValueError, "start_time"),
        ("start_time\nsoon\n", TypeError, "numbers of seconds"),
        ("", ValueError, "table with a header"),
    ],
)
def test_bad_event_files_are_refused(saved, tmp_path, text, error, message):
    file = tmp_path / "shown.csv"
    file.write_text(text)
    with pytest.raises(error, match=message):
        read_recording(saved, events=file)


def test_event_files_must_exist_and_be_tables(saved, tmp_path):
    for name in ("absent.csv", "shown.xlsx"):
        with pytest.raises(ValueError, match=r"`events` must be"):
            read_recording(saved, events=tmp_path / name)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"path": None}, "`path` must be a string or Path; got None"),
        ({"format": 3}, "`format` must be a name"),
        ({"fields": {"spike_times": "t"}}, "`fields` must be Fields, as in"),
        ({"events": [pd.DataFrame()]}, "`events` must be a file, a table, or tables by name"),
    ],
)
def test_arguments_of_the_wrong_type_are_refused(saved, given, message):
    with pytest.raises(TypeError, match=message):
        read_recording(**{"path": saved, **given})


@pytest.mark.parametrize("observed", ["all", 5, [[0, 1], [2]]])
def test_observed_spans_that_are_none_are_refused(saved, observed):
    with pytest.raises(ValueError, match=r"`observed` must be \(span, 2\)"):
        read_recording(saved, observed=observed)
