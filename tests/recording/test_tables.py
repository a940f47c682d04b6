"""Tables with one spike a row, and arrays."""

import numpy as np
import pandas as pd
import pytest

from neurospyke.recording import Fields, read_recording

ROWS = pd.DataFrame(
    {
        "unit": [9, 4, 9, 4],
        "spike_time": [0.25, 0.1, 0.5, 0.2],
        "area": ["IT", "NA", "IT", "NA"],
        "amplitude": [1.0, 2.0, 3.0, 4.0],
    }
)


def write(table, path):
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    else:
        table.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_tables(tmp_path, suffix):
    write(ROWS, tmp_path / f"a{suffix}")
    write(pd.DataFrame({"start_time": [0.0], "stimulus": ["x"]}), tmp_path / f"shown{suffix}")
    recording = read_recording(tmp_path / f"a{suffix}", events=tmp_path / f"shown{suffix}")
    assert recording.units.to_dict("list") == {"unit": [4, 9], "area": ["NA", "IT"]}
    np.testing.assert_array_equal(recording.spike_times, [0.1, 0.2, 0.25, 0.5])
    assert recording.trials["shown"]["stimulus"].tolist() == ["x"]
    assert [finding.text for finding in recording.report.of_kind("dropped")] == [
        "columns with more than one value a unit left out: ['amplitude']"
    ]


def test_columns_of_other_names(tmp_path):
    renamed = ROWS.rename(columns={"unit": "cell", "spike_time": "ms"}).assign(ms=[250, 100, 5, 20])
    write(renamed.sort_values("ms"), tmp_path / "a.csv")
    fields = Fields("ms", spike_units="cell", units={"area": "area"}, per_second=1000)
    recording = read_recording(tmp_path / "a.csv", fields=fields)
    np.testing.assert_array_equal(recording.spike_times, [0.02, 0.1, 0.005, 0.25])
    varying = Fields("ms", spike_units="cell", units={"size": "amplitude"})
    with pytest.raises(ValueError, match="'amplitude' must have the same value for all spikes"):
        read_recording(tmp_path / "a.csv", fields=varying)
    with pytest.raises(ValueError, match=r"must name what a.csv holds.*no \['none'\]"):
        read_recording(tmp_path / "a.csv", fields=Fields("none"))
    with pytest.raises(ValueError, match="must have the columns 'unit' and 'spike_time'"):
        read_recording(tmp_path / "a.csv")


def test_times_relative_to_the_trials_of_another_table(tmp_path):
    spikes = pd.DataFrame({"cell": [4, 9, 4], "ms": [100, 200, 50], "trial": ["b", "a", "a"]})
    write(spikes, tmp_path / "spikes.csv")
    shown = pd.DataFrame({"trial": ["a", "b"], "start_time": [1.0, 3.0], "stimulus": ["x", "y"]})
    write(shown, tmp_path / "shown.csv")
    fields = Fields(
        "ms", spike_units="cell", spike_trials="trial", per_second=1000, relative_to="trial"
    )
    recording = read_recording(
        tmp_path / "spikes.csv", fields=fields, events=tmp_path / "shown.csv"
    )
    np.testing.assert_array_equal(recording.spike_times, [1.05, 3.1, 1.2])
    assert list(recording.trials) == ["shown"]
    assert "each trial's start added to its spike times" in str(recording.report)
    with pytest.raises(ValueError, match=r"`events` be one table; got none"):
        read_recording(tmp_path / "spikes.csv", fields=fields)
    with pytest.raises(ValueError, match=r"got \['a', 'b'\]"):
        read_recording(
            tmp_path / "spikes.csv", fields=fields, events={"a": shown, "b": shown.copy()}
        )
    nameless = shown.drop(columns="trial")
    with pytest.raises(ValueError, match=r"column `trial` of the trials; got 'trial' and \['sta"):
        read_recording(tmp_path / "spikes.csv", fields=fields, events=nameless)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("", "a.csv must hold spikes; 'spike_time' is empty"),
        ("1,0.5\n1,soon\n", "a.csv must hold numbers in 'spike_time'; row 1 holds 'soon'"),
    ],
)
def test_tables_without_times_are_refused(tmp_path, rows, message):
    (tmp_path / "a.csv").write_text(f"unit,spike_time\n{rows}")
    with pytest.raises(ValueError, match=message):
        read_recording(tmp_path / "a.csv")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
def test_damaged_tables_are_refused(tmp_path, suffix):
    (tmp_path / f"a{suffix}").write_bytes(b"\0\xff" * 500)
    with pytest.raises(ValueError, match=f"a{suffix}"):
        read_recording(tmp_path / f"a{suffix}")


def test_arrays_of_objects_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", t=np.array([[1.0], [1.0, 2.0]], dtype=object))
    with pytest.raises(ValueError, match="plain arrays"):
        read_recording(tmp_path / "a.npz", fields=Fields("t"))
    np.savez(tmp_path / "b.npz", t=np.zeros(3))
    with pytest.raises(ValueError, match=r"`fields`.*\['t'\]"):
        read_recording(tmp_path / "b.npz")
    with pytest.raises(ValueError, match="`fields` must be None for nwb"):
        read_recording(tmp_path / "b.npz", format="nwb", fields=Fields("t"))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"t": np.zeros((2, 2)), "u": [1, 1]}, "vector of numbers"),
        ({"t": ["a", "b"], "u": [1, 1]}, "vector of numbers"),
        ({"t": [0.1, 0.2], "u": [1, 1, 1]}, "'u' must have 2 rows; got 3"),
        ({"t": [0.1, 0.2], "u": np.zeros((2, 2))}, "one number or text a row"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        read_recording(tmp_path / "a.npz", fields=Fields("t", spike_units="u"))
