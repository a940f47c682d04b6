"""Folders of Kilosort and phy, real and made."""

import shutil

import numpy as np
import pandas as pd
import pytest

from neurospyke.recording import read_recording


@pytest.fixture
def folder(shared_data, tmp_path):
    """A copy of the real folder that tests may change."""
    copy = tmp_path / "phy"
    copy.mkdir()
    for name in ("spike_times.npy", "spike_clusters.npy", "params.py", "cluster_group.tsv"):
        shutil.copyfile(shared_data / "neo_formats" / "phy_template" / name, copy / name)
    return copy


def test_real_folder(shared_data):
    path = shared_data / "neo_formats" / "phy_template"
    recording = read_recording(path)
    assert (recording.n_units, recording.n_spikes) == (62, 314)
    samples = np.load(path / "spike_times.npy").ravel()
    clusters = np.load(path / "spike_clusters.npy").ravel()
    for unit, cluster in enumerate(recording.units["unit"]):
        np.testing.assert_array_equal(
            recording.unit_spikes(unit), samples[clusters == cluster] / 25_000.0
        )
    quality = recording.units.set_index("unit")["quality"]
    assert quality[4] == "good"
    assert (quality.drop(4) == "unsorted").all()
    np.testing.assert_array_equal(recording.observed, [[0.0, 298_403 / 25_000]])
    assert recording.report.of_kind("inferred")[0].text.startswith("observed time not stated")


def test_noise_is_left_out_and_counted(folder):
    (folder / "cluster_group.tsv").write_text("cluster_id\tgroup\n4\tgood\n40\tnoise\n17\tnoise\n")
    clusters = np.load(folder / "spike_clusters.npy").ravel()
    n_noise = int(np.isin(clusters, [40, 17]).sum())
    assert n_noise > 0
    recording = read_recording(folder)
    assert (recording.n_units, recording.n_spikes) == (60, 314 - n_noise)
    assert not recording.units["unit"].isin([40, 17]).any()
    assert recording.report.lines[1] == (
        f"excluded: 2 of 62 units labelled noise left out, with {n_noise} spikes: [17, 40]"
    )
    every = "\n".join(f"{cluster}\tnoise" for cluster in np.unique(clusters))
    (folder / "cluster_group.tsv").write_text(f"cluster_id\tgroup\n{every}\n")
    with pytest.raises(ValueError, match="a unit that is not noise"):
        read_recording(folder)


def test_other_cluster_tables_become_columns(folder):
    (folder / "cluster_depth.tsv").write_text("cluster_id\tdepth\n4\t120.5\n")
    (folder / "cluster_info.tsv").write_text("id\tgroup\tKSLabel\n4\tmua\tgood\n17\tmua\tmua\n")
    units = read_recording(folder).units.set_index("unit")
    assert units.loc[4, "depth"] == 120.5
    assert units["depth"].isna().sum() == 61
    assert units.loc[4, "quality"] == "good"
    assert units.loc[[4, 17, 40], "KSLabel"].tolist() == ["good", "mua", ""]


def test_events_extend_the_inferred_time_and_are_aligned(folder, tmp_path):
    (tmp_path / "shown.tsv").write_text("start_time\tstop_time\tstimulus\n1\t2\ta\n18\t20\tb\n")
    recording = read_recording(folder, events=tmp_path / "shown.tsv")
    np.testing.assert_array_equal(recording.observed, [[0.0, 20.0]])
    counts = recording.align("shown", (0.0, 2.0))
    inside = (recording.spike_times >= 1) & (recording.spike_times < 3)
    assert counts.values.sum(axis=(1, 2)).tolist() == [inside.sum(), 0]
    with pytest.raises(ValueError, match="shown"):
        recording.align("trials", (0.0, 2.0))


def test_told_observed_time_crops(folder):
    recording = read_recording(folder, observed=(0.0, 5.0))
    whole = read_recording(folder)
    n_inside = int((whole.spike_times <= 5.0).sum())
    assert recording.n_spikes == n_inside
    assert recording.n_units == 62
    assert recording.report.of_kind("excluded")[0].text == (
        f"{314 - n_inside} of 314 spikes outside `observed` left out"
    )


def test_params_are_read_and_never_run(folder):
    sentinel = folder / "ran"
    code = f"import pathlib\npathlib.Path({str(sentinel)!r}).touch()\n"
    (folder / "params.py").write_text(code + "sample_rate = 10000\n")
    assert read_recording(folder).observed[0, 1] == 298_403 / 10_000
    (folder / "params.py").write_text(
        f"sample_rate = __import__('pathlib').Path({str(sentinel)!r}).touch()\n"
    )
    with pytest.raises(ValueError, match="plain number, since the file is never run"):
        read_recording(folder)
    assert not sentinel.exists()


@pytest.mark.parametrize("text", ["", "rate = 3\n", "sample_rate = 0\n", "sample_rate = 'fast'\n"])
def test_params_without_a_rate_are_refused(folder, text):
    (folder / "params.py").write_text(text)
    with pytest.raises(ValueError, match="must give sample_rate"):
        read_recording(folder)


@pytest.mark.parametrize("text", ["sample_rate = (\n", "sample_rate 5"])
def test_params_that_do_not_parse_are_refused(folder, text):
    (folder / "params.py").write_text(text)
    with pytest.raises(ValueError, match="name = value"):
        read_recording(folder)


@pytest.mark.parametrize("name", ["params.py", "spike_clusters.npy"])
def test_missing_files_are_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ValueError, match=f"must hold {name}"):
        read_recording(folder)


def test_truncated_array_is_refused(folder):
    path = folder / "spike_times.npy"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"spike_times.npy' must be a whole .npy file"):
        read_recording(folder)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.arange(313), "one cluster for each spike"),
        (np.arange(314) / 2.0, "whole numbers"),
        (np.arange(314).reshape(2, 157), r"must be \(spike,\)"),
        (np.arange(314)[::-1].copy(), "unit 0 step back 10 times"),
        (np.arange(314) - 5, "from 0 to 2.*53; got -5"),
        (np.array([object()] * 314), "whole .npy file"),
    ],
)
def test_wrong_arrays_are_refused(folder, array, message):
    np.save(folder / "spike_times.npy", array)
    with pytest.raises(ValueError, match=message):
        read_recording(folder)


def test_cluster_tables_must_name_each_cluster_once(folder):
    (folder / "cluster_group.tsv").write_text("cluster_id\tgroup\n4\tgood\n4\tnoise\n")
    with pytest.raises(ValueError, match="each once"):
        read_recording(folder)


def test_units_table_is_tidy(folder):
    assert read_recording(folder).units.dtypes["unit"] == np.int64
    assert pd.api.types.is_string_dtype(read_recording(folder).units["quality"])


def test_quality_from_older_versions(tmp_path):
    np.save(tmp_path / "spike_times.npy", np.array([3000, 6000, 9000]))
    np.save(tmp_path / "spike_clusters.npy", np.array([1, 4, 9]))
    (tmp_path / "params.py").write_text("sample_rate = 30000\n")
    (tmp_path / "cluster_groups.csv").write_text("cluster_id\tgroup\n1\tgood\n4\tnoise\n")
    recording = read_recording(tmp_path)
    assert recording.units.to_dict("list") == {"unit": [1, 9], "quality": ["good", "unsorted"]}
