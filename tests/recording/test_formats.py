"""Every file at hand in a format of others gives the counts known of it."""

import os

import neo
import numpy as np
import pytest

from neurospyke.recording import neo_formats, read_recording
from neurospyke.recording.neo_formats import neo_classes
from tests.recording import vendor_files

SPIKES = [(300, 1, 1), (900, 2, 0), (1200, 1, 1), (4000, 2, 0), (5000, 1, 2)]
WORDS = [(100, 65281), (2000, 9)]


@pytest.mark.parametrize(
    ("name", "options", "n_units", "n_spikes", "tables"),
    [
        (
            "retina_converted/retina_natimg2_3reps.nix",
            {"segment_gap": 0.0},
            49,
            17_933,
            {"stimulus": 180, "stimulus_onset": 180},
        ),
        (
            "retina_converted/retina_natimg2_3reps.mat",
            {"segment_gap": 0.0},
            49,
            17_933,
            {"stimulus": 180, "stimulus_onset": 180},
        ),
        ("retina_converted/retina_natimg2_3reps_obs.nwb", {}, 49, 17_933, {"trials": 180}),
        ("retina_converted/retina_natimg2_3reps.nwb", {}, 49, 17_933, {"trials": 180}),
        ("retina_converted/retina_natimg2_3reps.txt", {}, 49, 6_102, {}),
        ("nwb/A8604-211122.nwb", {}, 3, 21_354, {"epochs": 1}),
        ("phy_template", {}, 62, 314, {}),
    ],
)
def test_counts(shared_data, name, options, n_units, n_spikes, tables):
    recording = read_recording(shared_data / "neo_formats" / name, **options)
    assert (recording.n_units, recording.n_spikes) == (n_units, n_spikes)
    assert {name: len(table) for name, table in recording.trials.items()} == tables
    assert f"{n_units} units, {n_spikes} spikes" in {
        finding.text for finding in recording.report.of_kind("read")
    }


def test_text_of_single_precision_is_said(shared_data):
    path = shared_data / "neo_formats" / "retina_converted" / "retina_natimg2_3reps.txt"
    said = read_recording(path).report.of_kind("suspicious")
    assert any("single precision" in finding.text for finding in said)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nwb/osb_simple_example.nwb", "must hold sorted units"),
        ("nwb/osb_time_series_data.nwb", "must hold sorted units"),
        ("kwik/hybrid_10sec.kwik", "KwikIO: "),
    ],
)
def test_files_that_cannot_be_read_say_why(shared_data, name, message):
    with pytest.raises(ValueError, match=message):
        read_recording(shared_data / "neo_formats" / name)


def test_reading_leaves_a_file_as_it_is(tmp_path):
    neo.NixIO(str(tmp_path / "a.nix"), mode="ow").close()
    os.utime(tmp_path / "a.nix", (0, 0))
    with pytest.raises(ValueError, match="it holds 0 blocks"):
        read_recording(tmp_path / "a.nix")
    assert (tmp_path / "a.nix").stat().st_mtime == 0


def test_blackrock(tmp_path):
    spikes = [*SPIKES, (5100, 1, 255)]
    path = vendor_files.write_blackrock(tmp_path / "a.nev", spikes, WORDS)
    recording = read_recording(path, event_codes={65281: "stim_on"})
    assert recording.units["unit"].tolist() == ["ch1#1", "ch1#2", "ch2#0"]
    assert recording.units["quality"].tolist() == ["sorted", "sorted", "unsorted"]
    ticks = np.array([300, 1200, 5000, 900, 4000])
    np.testing.assert_allclose(recording.spike_times, ticks / 30_000, rtol=1e-12)
    assert recording.trials["digital_input_port"]["stimulus"].tolist() == ["stim_on", "9"]
    assert recording.report.of_kind("excluded")[0].text == (
        "1 of 4 units labelled noise left out, with 1 spikes: ['ch1#255']"
    )


def test_plexon(tmp_path, capfd):
    path = vendor_files.write_plexon(tmp_path / "a.plx", SPIKES, WORDS[1:])
    recording = read_recording(path)
    assert capfd.readouterr() == ("", "")
    assert recording.units["unit"].tolist() == ["ch1#1", "ch1#2", "ch2#0"]
    ticks = np.array([300, 1200, 5000, 900, 4000])
    np.testing.assert_allclose(recording.spike_times, ticks / 40_000, rtol=1e-12)
    assert recording.trials["Strobed"].to_dict("list") == {"start_time": [0.05], "stimulus": ["9"]}


def test_neuroexplorer(tmp_path):
    units = {"n1": [100, 2000], "n2": [300]}
    path = vendor_files.write_neuroexplorer(tmp_path / "a.nex", units, {"on": [50, 1500]})
    recording = read_recording(path)
    assert recording.units.to_dict("list") == {"unit": ["n1", "n2"]}
    np.testing.assert_array_equal(recording.spike_times, [0.1, 2.0, 0.3])
    np.testing.assert_array_equal(recording.observed, [[0, 10]])
    assert recording.trials["on"]["start_time"].tolist() == [0.05, 1.5]
    assert "stimulus" not in recording.trials["on"]


def test_fewer_spikes_than_the_header_promises_are_refused(tmp_path):
    path = vendor_files.write_neuroexplorer(tmp_path / "a.nex", {"n": range(9)}, {}, freq=1)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match="has 7 of the 9 spikes that the header promises"):
        read_recording(path)


def test_events_of_another_machine_join_a_sorted_folder(tmp_path):
    np.save(tmp_path / "spike_times.npy", np.array([3000, 6000]))
    np.save(tmp_path / "spike_clusters.npy", np.array([1, 1]))
    (tmp_path / "params.py").write_text("sample_rate = 30000\n")
    nev = vendor_files.write_blackrock(tmp_path / "a.nev", SPIKES, WORDS)
    recording = read_recording(tmp_path, events=nev, event_codes={65281: "on", 9: "off"})
    assert recording.trials["digital_input_port"]["stimulus"].tolist() == ["on", "off"]
    np.testing.assert_array_equal(recording.spike_times, [0.1, 0.2])
    (tmp_path / "none.plx").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="`events` must be a table, or one segment"):
        read_recording(tmp_path, events=tmp_path / "none.plx")


def test_kilosort_before_phy(tmp_path):
    np.save(tmp_path / "spike_times.npy", np.array([3000, 6000, 9000]))
    np.save(tmp_path / "spike_templates.npy", np.array([1, 4, 1]))
    (tmp_path / "params.py").write_text("sample_rate = 30000\n")
    (tmp_path / "cluster_KSLabel.tsv").write_text("cluster_id\tKSLabel\n1\tgood\n4\tmua\n")
    recording = read_recording(tmp_path)
    assert recording.units["quality"].tolist() == ["good", "mua"]
    assert [finding.text for finding in recording.report.of_kind("inferred")][:2] == [
        "clusters not yet curated: the template of each spike taken for its cluster",
        "quality taken from Kilosort's label",
    ]


def test_a_class_without_its_package_leaves_the_file_to_others(tmp_path, monkeypatch):
    path = vendor_files.write_plexon(tmp_path / "a.plx", SPIKES, WORDS[1:])
    known = neo_classes(path, "plexon")[0]

    def unpaid(*_):
        raise ImportError("needs a package")

    needy = type("NeedyIO", (), {"__init__": unpaid, "__module__": "none"})
    monkeypatch.setattr(neo_formats, "neo_classes", lambda *_: [needy, known])
    assert read_recording(path).n_units == 3
    monkeypatch.setattr(neo_formats, "neo_classes", lambda *_: [needy])
    with pytest.raises(ImportError, match=r"a.plx' cannot be read yet; NeedyIO: needs a package"):
        read_recording(path)


def test_pickles_are_never_read(tmp_path):
    (tmp_path / "block.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(ValueError, match="must end in"):
        read_recording(tmp_path / "block.pkl")
    with pytest.raises(ValueError, match="got 'PickleIO'"):
        read_recording(tmp_path / "block.pkl", format="PickleIO")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.nev", ["BlackrockIO"]),
        ("a.plx", ["PlexonIO"]),
        ("a.pl2", ["Plexon2IO"]),
        ("a.smrx", ["CedIO"]),
        ("a.smr", ["CedIO", "Spike2IO"]),
        ("a.rhd", ["IntanIO"]),
        ("a.nex", ["NeuroExplorerIO"]),
        ("a.kwik", ["KwikIO"]),
        ("a.gdf", ["NestIO"]),
        ("a.jpg", []),
    ],
)
def test_neo_classes_by_suffix(tmp_path, name, expected):
    assert [known.__name__ for known in neo_classes(tmp_path / name)] == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["CSC1.ncs", "TT1.ntt"], "NeuralynxIO"),
        (["structure.oebin"], "OpenEphysBinaryIO"),
        (["a.tsq", "a.tev"], "TdtIO"),
        (["a.continuous"], "OpenEphysIO"),
        (["a.clu.1", "a.clu"], "KlustaKwikIO"),
    ],
)
def test_neo_classes_by_what_lies_in_a_folder(tmp_path, names, expected):
    for name in names:
        (tmp_path / name).touch()
    assert expected in [known.__name__ for known in neo_classes(tmp_path)]
    with pytest.raises(ValueError, match=r"of a format Neo reads|cannot be read"):
        read_recording(tmp_path)
