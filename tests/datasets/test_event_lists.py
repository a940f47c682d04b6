import hashlib
import zipfile

import h5py
import numpy as np
import pytest

from neurospyke.datasets import (
    read_hdf5_events,
    read_nmnist_orchard2015,
    read_speech_cramer2020,
    read_zipped_events,
    registry,
)
from neurospyke.datasets.registry import Dataset, File, read_registry


def write_h5(path, labels=(3, 1)):
    with h5py.File(path, "w") as file:
        times = file.create_dataset("spikes/times", 2, dtype=h5py.vlen_dtype(np.float32))
        units = file.create_dataset("spikes/units", 2, dtype=h5py.vlen_dtype(np.uint16))
        times[0], units[0] = [0.5, 0.25], [699, 4]
        times[1], units[1] = [], []
        file["labels"] = np.array(labels, dtype=np.uint16)
        file["extra/keys"] = np.array([b"zero", b"one"])


def write_archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)


def pretend(monkeypatch, name, paths):
    """A register in which the data set has the checksums of these files."""
    files = tuple(
        File(each.name, sha256=hashlib.sha256(each.read_bytes()).hexdigest()) for each in paths
    )
    entry = Dataset(name, "t", "l", "c", "o", files)
    monkeypatch.setattr("neurospyke.datasets.fetch.find_dataset", lambda asked: entry)


def test_samples_of_an_hdf5_file_are_read_when_asked_for(tmp_path):
    path = tmp_path / "a.h5"
    write_h5(path)
    samples = read_hdf5_events(path, 700)
    assert (len(samples), samples.labels.tolist(), samples.class_names) == (
        2,
        [3, 1],
        ("zero", "one"),
    )
    times, channels = samples[0]
    assert (times.tolist(), channels.tolist()) == ([0.5, 0.25], [699, 4])
    assert (times.dtype, channels.dtype) == (np.float64, np.int64)
    assert [len(times) for times, _ in samples] == [2, 0]
    with pytest.raises(IndexError, match="`index` must be below 2; got 2"):
        samples[2]
    with pytest.raises(ValueError, match="must have channels below 600; got 4 to 699"):
        read_hdf5_events(path, 600)[0]
    path.unlink()  # nothing of the file was kept
    with pytest.raises(FileNotFoundError):
        samples[0]


def test_events_of_a_camera_are_unpacked_from_forty_bits(tmp_path):
    path = tmp_path / "a.zip"
    # x 3, y 5, brighter, 0x123456 & 0x7fffff microseconds; x 33, y 0, darker, 1 microsecond
    content = bytes([3, 5, 0x80 | 0x12, 0x34, 0x56, 33, 0, 0, 0, 1])
    write_archive(path, {"Test/7/00002.bin": content, "Test/0/00009.bin": b"", "Test/7/x.txt": b""})
    samples = read_zipped_events(path)
    assert samples.labels.tolist() == [0, 7]
    assert samples.n_channels == 2312
    times, channels = samples[1]
    np.testing.assert_array_equal(times, [0x123456 / 1e6, 1e-6])
    assert channels.tolist() == [(34 + 5) * 34 + 3, 33]
    assert len(samples[0][0]) == 0


@pytest.mark.parametrize("name", ["shd", "ssc"])
def test_speech_is_unpacked_once_and_checked(tmp_path, monkeypatch, name):
    place = tmp_path / f"{name}_cramer2020"
    place.mkdir()
    write_h5(tmp_path / "a.h5")
    archive = place / f"{name}_test.h5.zip"
    write_archive(archive, {f"{name}_test.h5": (tmp_path / "a.h5").read_bytes()})
    pretend(monkeypatch, place.name, [archive])
    assert read_speech_cramer2020(name, "test", tmp_path).labels.tolist() == [3, 1]
    file = place / f"{name}_test.h5"
    written = file.stat().st_mtime_ns
    read_speech_cramer2020(name, "test", tmp_path)
    assert file.stat().st_mtime_ns == written
    file.write_bytes(file.read_bytes()[:-1])  # such a one was not written whole
    assert len(read_speech_cramer2020(name, "test", tmp_path)[0][0]) == 2
    archive.write_bytes(archive.read_bytes() + b"0")
    with pytest.raises(ValueError, match="damaged or another version"):
        read_speech_cramer2020(name, "test", tmp_path)


def test_digits_of_a_camera_come_from_their_archive(tmp_path, monkeypatch):
    place = tmp_path / "nmnist_orchard2015"
    place.mkdir()
    write_archive(place / "Test.zip", {"Test/4/1.bin": bytes([1, 2, 128, 0, 9])})
    pretend(monkeypatch, place.name, [place / "Test.zip"])
    samples = read_nmnist_orchard2015("test", tmp_path)
    assert samples[0][1].tolist() == [(34 + 2) * 34 + 1]


def test_what_is_registered_can_be_downloaded_and_checked():
    registry.read_registry.cache_clear()
    for name in ("shd_cramer2020", "ssc_cramer2020", "nmnist_orchard2015"):
        dataset = read_registry()[name]
        assert dataset.downloadable
        assert all(file.url.startswith("https://") for file in dataset.files)
        assert all(len(file.checksum.removeprefix("md5:")) == 32 for file in dataset.files)


def test_bad_input_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match="`name` must be one of"):
        read_speech_cramer2020("gsc")
    with pytest.raises(ValueError, match=r"`split` must be one of \['train', 'test'\]"):
        read_speech_cramer2020("shd", "valid")
    with pytest.raises(ValueError, match="`split` must be one of"):
        read_nmnist_orchard2015("valid")
    path = tmp_path / "a"
    path.write_bytes(b"none")
    with pytest.raises(ValueError, match="must be an HDF5 file with spikes/times"):
        read_hdf5_events(path, 700)
    with pytest.raises(ValueError, match="must be a zip archive of files"):
        read_zipped_events(path)
    write_h5(path, labels=(1, 2, 3))
    with pytest.raises(ValueError, match="must have a label for every sample"):
        read_hdf5_events(path, 700)
    for content, message in [(b"1234", "5 bytes an event"), (bytes([34, 0, 0, 0, 0]), "34 x 34")]:
        write_archive(path, {"0/a.bin": content})
        with pytest.raises(ValueError, match=message):
            read_zipped_events(path)[0]
