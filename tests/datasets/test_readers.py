import gzip
import hashlib
import io
import tracemalloc

import numpy as np
import pytest
import torch

from neurospyke.datasets import (
    read_ecg_laguna1997,
    read_fashion_mnist,
    read_mnist,
    read_retina_onken2016,
    read_rsa92,
    read_v4_cowley2023,
    registry,
)
from neurospyke.datasets.arrays import read_idx, read_npz
from neurospyke.datasets.registry import Dataset, File


def test_v4_has_every_shown_repetition_and_no_other(shared_data):
    images, stimuli, responses = read_v4_cowley2023(shared_data)
    with np.load(shared_data / "v4_cowley2023" / "session_210325.npz") as file:
        counts, repeats, pixels = file["counts"], file["n_repeats"], file["images_gray"]
    assert images.shape == (640, 1, 112, 112)
    np.testing.assert_array_equal(images[7, 0].numpy(), pixels[7] / np.float32(255))
    assert responses.shape == (repeats.sum(), 50, 1)
    assert responses.values.sum() == 573941
    assert list(responses.stimuli) == list(stimuli["stimulus"])
    row = responses.trials.query("stimulus == 'image0100' and repetition == 3").index
    assert len(row) == 1
    np.testing.assert_array_equal(responses.values[row[0], :, 0], counts[:, 99, 3])
    per_image = responses.trials.groupby("stimulus").size()
    np.testing.assert_array_equal(per_image[list(stimuli["stimulus"])], repeats)
    assert set(responses.units["area"]) == {"V4"}
    assert list(stimuli["object"][[0, 79, 80, 639]]) == ["bear", "bear", "elephant", "plane"]
    labels = responses.average().trials
    assert list(labels["object"]) == list(stimuli["object"])


def test_rsa92_gives_the_published_agreement_of_monkey_and_human(shared_data):
    rsa92 = read_rsa92(shared_data)
    assert rsa92.images.shape == (92, 1, 175, 175)
    assert rsa92.stimuli["stimulus"].is_unique
    assert rsa92.stimuli["category"].nunique() == 6
    assert np.corrcoef(rsa92.monkey_it, rsa92.human_it)[0, 1] == pytest.approx(0.4912, abs=5e-5)
    assert len(rsa92.human_it_sessions) == 8
    assert rsa92.behaviour.shape == (16, 92 * 91 // 2)
    rows, columns = np.triu_indices(92, 1)
    animate = rsa92.stimuli["animate"].to_numpy()
    across = animate[rows] != animate[columns]
    animacy = rsa92.models["animacy"]
    assert set(animacy[across]).isdisjoint(animacy[~across])


@pytest.mark.parametrize(
    ("name", "n_units", "n_stimuli", "n_trials", "window", "n_spikes"),
    [
        ("NaturalImages2", 49, 60, 30, 0.3, 181542),
        ("Gratings", 54, 60, 30, 0.3, 267912),
        ("Shifts2", 37, 81, 19, 0.3, 56954),
        ("Movie2Exp2", 49, 1, 30, 18.0, 76128),
    ],
)
def test_retina_keeps_every_spike_in_its_presentation(
    shared_data, name, n_units, n_stimuli, n_trials, window, n_spikes
):
    recording = read_retina_onken2016(name, shared_data)
    assert (recording.n_units, recording.n_spikes) == (n_units, n_spikes)
    starts = recording.trials["presentations"]["start_time"].to_numpy()
    assert len(starts) == n_stimuli * n_trials
    assert np.diff(starts).min() > window
    responses = recording.align("presentations", (0.0, window))
    assert responses.shape == (n_stimuli * n_trials, n_units, 1)
    assert responses.values.sum() == n_spikes
    with np.load(shared_data / "retina_onken2016" / f"{name}.npz") as file:
        stimulus = file["stimulus"] if "stimulus" in file.files else np.zeros(n_spikes, int)
        chosen = (stimulus == n_stimuli - 1) & (file["trial"] == 2)
        expected = np.bincount(file["unit"][chosen], minlength=n_units)
    row = 3 * n_stimuli - 1
    np.testing.assert_array_equal(responses.values[row, :, 0], expected)
    trial = responses.trials.iloc[row]
    assert trial["repetition"] == 2
    assert trial["stimulus"].endswith(f"{n_stimuli - 1:02d}")


def test_retina_times_fall_in_their_millisecond(shared_data):
    recording = read_retina_onken2016("NaturalImages2", shared_data)
    responses = recording.align("presentations", (0.0, 0.3), 0.001)
    with np.load(shared_data / "retina_onken2016" / "NaturalImages2.npz") as file:
        per_bin = np.bincount(file["time_ms"] - 1, minlength=300)
    np.testing.assert_array_equal(responses.values.sum(axis=(0, 1)), per_bin)


def test_mnist_is_the_canonical_one(shared_data):
    images, labels = read_mnist("test", shared_data)
    assert images.shape == (10000, 1, 28, 28)
    assert list(labels[:5]) == [7, 2, 1, 0, 4]
    train, digits = read_mnist("train", shared_data)
    assert float(train.mean(dtype=torch.float64)) * 255 == pytest.approx(33.3184, abs=1e-4)
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert list(np.bincount(digits)) == counts


def test_wrong_names_list_the_names():
    with pytest.raises(ValueError, match=r"'NaturalImages2'.*got 'Movie'"):
        read_retina_onken2016("Movie")
    with pytest.raises(ValueError, match=r"'train', 'test'.*got 'val'"):
        read_mnist("val")
    with pytest.raises(ValueError, match=r"'train', 'test'.*got 'val'"):
        read_fashion_mnist("val")


def test_npz_of_objects_oversize_or_damaged_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, a=np.array([{}], dtype=object))
    with pytest.raises(
        ValueError, match=r"a\.npz' must be a readable \.npz of plain arrays.*pickle"
    ):
        read_npz(path)
    np.savez_compressed(path, a=np.zeros(10_000))
    with pytest.raises(ValueError, match="over the limit of 1000"):
        read_npz(path, max_bytes=1000)
    np.testing.assert_array_equal(read_npz(path)["a"], np.zeros(10_000))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"a\.npz' must be"):
        read_npz(path)


def idx(content):
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as file:
        file.write(content)
    return buffer.getvalue()


HEADER = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3])


def small_clothes(n_images):
    """Files of `n_images` images of 2 x 3 pixels each, all of the kind `n_images`."""
    shape = bytes([0, 0, 8, 3, 0, 0, 0, n_images, 0, 0, 0, 2, 0, 0, 0, 3])
    pixels = idx(shape + bytes(range(6 * n_images)))
    return pixels, idx(bytes([0, 0, 8, 1, 0, 0, 0, n_images]) + bytes([n_images] * n_images))


def test_clothes_are_read_where_the_system_keeps_them(tmp_path, monkeypatch):
    """Four small files in place of the registered ones."""
    registered, files = registry.find_dataset("fashion-mnist"), []
    assert all(file.url and file.accepted[1:] for file in registered.files)
    (tmp_path / "fashion-mnist").mkdir()
    contents: dict[str, tuple[bytes, bytes]] = {"train": small_clothes(3), "t10k": small_clothes(2)}
    for file in registered.files:
        content = contents[file.path.split("-")[0]]["labels" in file.path]
        (tmp_path / "fashion-mnist" / file.path).write_bytes(content)
        files.append(File(file.path, hashlib.sha256(content).hexdigest()))
    small = Dataset("fashion-mnist", "", "", "", "", tuple(files))
    monkeypatch.setattr(registry, "read_registry", lambda: {"fashion-mnist": small})
    monkeypatch.delenv("NEUROSPYKE_DATA", raising=False)
    monkeypatch.setattr(registry, "_SHARED", None)
    monkeypatch.setattr(registry, "_SYSTEM", tmp_path)
    for split, n_images in (("train", 3), ("test", 2)):
        images, labels = read_fashion_mnist(split)
        assert labels.dtype == np.int64
        assert list(labels) == [n_images] * n_images
        expected = torch.arange(6 * n_images).view(n_images, 1, 2, 3) / 255
        torch.testing.assert_close(images, expected, rtol=0, atol=0)
    (tmp_path / "fashion-mnist" / files[0].path).write_bytes(contents["t10k"][0])
    with pytest.raises(ValueError, match="it is damaged or another version"):
        read_fashion_mnist()


def test_idx_reads_its_shape(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(idx(HEADER + bytes(range(6))))
    np.testing.assert_array_equal(read_idx(path), [[0, 1, 2], [3, 4, 5]])


def test_idx_past_the_limit_is_not_unpacked(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(idx(HEADER + bytes(20_000_000)))
    tracemalloc.start()
    with pytest.raises(ValueError, match="at most 1000 bytes"):
        read_idx(path, max_bytes=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (idx(HEADER + bytes(range(6)))[:-9], "readable gzip"),
        (b"not gzip", "readable gzip"),
        (idx(HEADER + bytes(5)), "must hold 6 bytes of data; it holds 5"),
        (idx(HEADER + bytes(100)), "at most 50 bytes"),
        (idx(b"\0\0\x0d\x01\0\0\0\x01\0"), "unsigned bytes"),
        (idx(HEADER[:6]), "unsigned bytes"),
        (idx(b""), "unsigned bytes"),
    ],
)
def test_idx_that_is_damaged_or_oversize_is_refused(tmp_path, content, message):
    path = tmp_path / "a.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_idx(path, max_bytes=50)


def test_an_electrocardiogram_has_one_wave_after_another(shared_data):
    spikes, classes = read_ecg_laguna1997("test", shared_data)
    assert spikes.shape == (1301, 141, 4)
    assert classes.shape == (1301, 141)
    assert set(np.unique(spikes)) == {-1.0, 0.0, 1.0}
    # by hand, of the file: labelled steps of the waves after P
    np.testing.assert_array_equal(
        np.bincount(classes.ravel())[1:], [10145, 9840, 9065, 55885, 55297]
    )
    before, after = classes[:-1], classes[1:]
    in_order = (after == (before + 1) % 6)[before != after]
    assert in_order.mean() > 0.9  # steps without a label count as P, and make the rest
    assert read_ecg_laguna1997(folder=shared_data)[0].shape == (1301, 618, 4)
    with pytest.raises(ValueError, match="`split` must be one of"):
        read_ecg_laguna1997("validation", shared_data)
