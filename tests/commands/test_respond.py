"""`neurospyke respond`: what `Network.responses` gives, whole through any interruption."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from neurospyke.cli import main
from neurospyke.commands import stimuli
from neurospyke.commands.exposure import Exposure
from neurospyke.images import read_images
from neurospyke.responses import Responses
from neurospyke.sim import kheradpisheh2018, pixel_responses, write_network
from neurospyke.study.stimuli import DATASETS as STUDIED

N_IMAGES = 11


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Folder of small images."""
    folder = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for number in range(N_IMAGES):
        pixels = generator.integers(0, 256, (16, 20), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"image{number:02d}.png")
    return folder


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """File of a network."""
    path = tmp_path_factory.mktemp("network") / "network.safetensors"
    write_network(path, kheradpisheh2018(seed=4))
    return path


def words(network, images, out, *more):
    return ["respond", *map(str, (network, images)), "--out", str(out), *map(str, more)]


def left(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def same(found, expected):
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.values.dtype == expected.values.dtype
    pd.testing.assert_frame_equal(found.trials, expected.trials.drop(columns="path"))
    pd.testing.assert_frame_equal(found.units, expected.units)
    np.testing.assert_array_equal(found.edges, expected.edges)
    assert (found.measure, found.time_unit, found.source) == (
        expected.measure,
        expected.time_unit,
        expected.source,
    )


@pytest.mark.parametrize("measure", ["latency", "spike"])
def test_every_layer_responds_as_the_network_does(network, images, tmp_path, measure, capsys):
    out = tmp_path / "out"
    more = ["--measure", measure, "--batch-size", 4]
    assert main(words(network, images, out, *more)) == 0
    told = capsys.readouterr()
    assert told.err == ""
    expected = kheradpisheh2018(seed=4)
    shown, table = read_images(images)
    assert left(out) == sorted(f"{name}.npz" for name in expected.layer_names)
    for name in expected.layer_names:
        brain = expected.responses(shown, table, name, measure=measure)
        found = Responses.load(out / f"{name}.npz")
        same(found, brain)
        assert found.notes[0].startswith("kheradpisheh2018, weights of SHA-256 ")
        silent = brain.values < 15 if measure == "latency" else brain.values
        share = silent.sum() / (N_IMAGES * brain.n_units)
        assert (
            f"{name}: 11 images x {brain.n_units} units in {out / name}.npz; {share:.1%} spike"
            in (told.out)
        )


def test_an_untrained_network_pixels_and_tables(images, tmp_path):
    out = tmp_path / "out"
    more = ["--seed", 3, "--layer", "pool2", "--layer", "pixels", "--csv", "--first", 7, "--quiet"]
    assert main(words("kheradpisheh2018", images, out, *more, "--size", 12, 14)) == 0
    shown, table = read_images(images, size=(12, 14))
    shown, table = shown[:7], table[:7]
    pool2 = kheradpisheh2018(seed=3).responses(shown, table, "pool2", measure="latency")
    found = Responses.load(out / "pool2.npz")
    same(found, pool2)
    assert found.notes == ("kheradpisheh2018, untrained, seed 3",)
    same(Responses.load(out / "pixels.npz"), pixel_responses(shown, table))
    written = pd.read_csv(out / "pool2.csv")
    assert list(written.columns[:3]) == ["stimulus", "repetition", "unit0"]
    assert written["stimulus"].tolist() == [f"image{number:02d}" for number in range(7)]
    np.testing.assert_array_equal(written.iloc[:, 2:], pool2.values[:, :, 0])
    assert left(out) == ["pixels.csv", "pixels.npz", "pool2.csv", "pool2.npz"]


def interrupted(monkeypatch, arguments, after, error: type[BaseException] = KeyboardInterrupt):
    """A command that ends when it asks for the values of a later batch."""
    values, asked = Exposure.values, []

    def ending(self, start, stop):
        asked.append(start)
        if len(asked) > after:
            raise error
        return values(self, start, stop)

    with monkeypatch.context() as patched:
        patched.setattr(Exposure, "values", ending)
        code = main(arguments)
    return code, asked


def test_interrupted_it_tells_how_to_go_on_and_ends_the_same(
    network, images, tmp_path, monkeypatch, capsys
):
    whole, out = tmp_path / "whole", tmp_path / "o u\nt"
    more = ["--batch-size", 2, "--layer", "conv1", "--layer", "pool2"]
    assert main(words(network, images, whole, *more)) == 0
    arguments = words(network, images, out, *more)
    assert interrupted(monkeypatch, arguments, 2) == (130, [0, 2, 4])
    error = capsys.readouterr().err
    assert error.startswith("neurospyke: interrupted; to go on after image 4 of 11: neurospyke ")
    assert error.count("\n") == 1
    told = subprocess.run(
        ["bash", "-c", "printf '%s\\0' " + error.partition("11: neurospyke ")[2]],
        capture_output=True,
        check=True,
    )
    assert told.stdout.decode().split("\0")[:-1] == arguments
    # an error keeps what there is, too; the size of batches may differ
    again = [*arguments[:-1], "pool2", "--batch-size", "3"]
    assert interrupted(monkeypatch, again, 1, MemoryError) == (1, [4, 7])
    assert not list(out.glob("*.npz"))
    capsys.readouterr()
    assert main(again) == 0
    assert capsys.readouterr().out.startswith("Going on after image 7 of 11\n")
    assert left(out) == left(whole) == ["conv1.npz", "pool2.npz"]
    for name in left(whole):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_interrupted_while_it_writes_it_only_writes_again(
    network, images, tmp_path, monkeypatch, capsys
):
    arguments = words(network, images, tmp_path, "--layer", "conv2", "--layer", "pool2")
    save = Responses.save

    def interrupt(self, path):
        if path.name == "pool2.npz":
            raise KeyboardInterrupt
        save(self, path)

    with monkeypatch.context() as patched:
        patched.setattr(Responses, "save", interrupt)
        assert main(arguments) == 130
    assert "; to go on after image 11 of 11: neurospyke respond" in capsys.readouterr().err
    before = (tmp_path / "conv2.npz").read_bytes()
    assert interrupted(monkeypatch, arguments, 0) == (0, [])
    assert left(tmp_path) == ["conv2.npz", "pool2.npz"]
    assert (tmp_path / "conv2.npz").read_bytes() == before


def test_killed_while_it_computes_it_goes_on(network, images, tmp_path):
    """The process is killed without warning, once something has been written down."""
    whole, out = tmp_path / "whole", tmp_path / "out"
    more = ["--batch-size", 1, "--layer", "pool2"]
    program = (
        "import sys, time; from neurospyke.commands import exposure, growing;"
        "growing._SECONDS = 0; values = exposure.Exposure.values;"
        "exposure.Exposure.values = lambda *a: (time.sleep(0.1), values(*a))[1];"
        "from neurospyke.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    process = subprocess.Popen([sys.executable, "-c", program, *words(network, images, out, *more)])
    about = out / "respond.unfinished" / "about.json"
    limit = time.monotonic() + 60
    while not about.exists():
        assert process.poll() is None
        assert time.monotonic() < limit
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert main(words(network, images, whole, *more)) == 0
    assert main(words(network, images, out, *more)) == 0
    assert left(out) == ["pool2.npz"]
    assert (out / "pool2.npz").read_bytes() == (whole / "pool2.npz").read_bytes()


def test_interrupted_before_anything_is_kept_leaves_nothing(images, tmp_path, monkeypatch, capsys):
    arguments = words("kheradpisheh2018", images, tmp_path / "out")
    assert interrupted(monkeypatch, arguments, 0)[0] == 130
    assert (
        capsys.readouterr().err == "neurospyke: interrupted; the same command may be given again\n"
    )
    assert left(tmp_path) == []


def test_a_disk_that_fills_at_the_start_keeps_nothing(images, tmp_path, monkeypatch, capsys):
    def fill(_descriptor, _start, _length):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", fill)
    arguments = words("kheradpisheh2018", images, tmp_path / "out")
    assert main(arguments) == 1
    assert capsys.readouterr().err == "neurospyke: No space left on device\n"
    assert left(tmp_path) == []


def test_it_goes_on_only_with_the_same_question(network, images, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    interrupted(monkeypatch, words(network, images, out, "--batch-size", 4), 1)
    capsys.readouterr()
    for more, difference in [
        (["--first", 8], "n_images 11, now 8"),
        (["--measure", "spike"], "measure latency, now spike"),
        (["--layer", "conv1"], "'pool2'], now ['conv1']"),
    ]:
        assert main(words(network, images, out, *more)) == 2
        error = capsys.readouterr().err
        assert difference in error
        assert "ask for the same, or remove it to start anew" in error
    assert main(words("kheradpisheh2018", images, out)) == 2
    assert ", now untrained, seed 0" in capsys.readouterr().err


def test_what_is_there_is_replaced_only_if_asked(network, images, tmp_path, capsys):
    (tmp_path / "pool2.npz").write_text("precious")
    arguments = words(network, images, tmp_path, "--layer", "pool2")
    assert main(arguments) == 2
    assert "exists; give --overwrite to replace it, or another --out" in capsys.readouterr().err
    assert (tmp_path / "pool2.npz").read_text() == "precious"
    assert main([*arguments, "--overwrite"]) == 0
    assert Responses.load(tmp_path / "pool2.npz").n_trials == N_IMAGES


def test_what_no_disk_holds_is_refused_before_the_work(
    network, images, tmp_path, monkeypatch, capsys
):
    arguments = words(network, images, tmp_path / "out", "--layer", "conv1")
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    assert main(arguments) == 2
    assert (
        "must have 0.0 GiB free; it has 0.0 GiB; take a later or pooled --layer, a smaller --first"
        in capsys.readouterr().err
    )
    monkeypatch.setattr("neurospyke.commands.growing._MAX_BYTES", 1000)
    assert main(arguments) == 2
    assert "responses of conv1 would take 0.0 GiB, over the limit" in capsys.readouterr().err
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("network", "more", "message"),
    [
        ("kheradpisheh", [], "NETWORK must be one of ['kheradpisheh2018', "),
        ("IMAGES", [], "image00.png must be a safetensors file of a network"),
        ("kheradpisheh2018", ["--layer", "conv7"], "--layer must be one of ['pixels', 'encoder',"),
        ("kheradpisheh2018", ["--first", "12"], "--first must be at most 11"),
        ("mozafari2018", [], "IMAGES must suit mozafari2018; got 16 x 20 pixels: "),
        ("kheradpisheh2018", ["--device", "moon"], "--device must be one that torch has here"),
        (
            "kheradpisheh2018",
            ["--csv", "--measure", "spike"],
            "--csv must go with --measure latency",
        ),
        ("kheradpisheh2018", ["--out", "a/b"], "--out must be in an existing folder; got a/b"),
        ("kheradpisheh2018", ["--out", "file"], "--out must be a folder; file is a file"),
    ],
)
def test_refused_input_is_one_line_and_leaves_nothing(
    images, tmp_path, monkeypatch, capsys, network, more, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    network = images / "image00.png" if network == "IMAGES" else network
    assert main(words(network, images, "out", *more)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert left(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere/", "IMAGES must be one of ['mnist', 'fashion-mnist', 'v4_cowley2023', "),
        ("some.csv", "column 'kind' of the images must hold numbers, booleans or strings"),
    ],
)
def test_images_that_cannot_be_used_are_refused_before_the_work(
    images, tmp_path, monkeypatch, capsys, name, message
):
    monkeypatch.chdir(tmp_path)
    paths = [str(images / f"image0{number}.png") for number in range(2)]
    rows = {"stimulus": ["a", "b"], "path": paths, "kind": ["x", None]}
    pd.DataFrame(rows).to_csv("some.csv", index=False)
    assert main(words("kheradpisheh2018", name, "out")) == 2
    assert message in capsys.readouterr().err
    assert left(tmp_path) == ["some.csv"]


def test_data_sets_have_names_and_labels(tmp_path, monkeypatch):
    import torch

    made = {"test": torch.rand(3, 1, 12, 12), "train": torch.rand(2, 1, 12, 12)}
    labels = {name: np.arange(len(images)) for name, images in made.items()}
    monkeypatch.setattr(
        "neurospyke.datasets.read_mnist", lambda split: (made[split], labels[split])
    )
    for split in ("test", "train"):
        out = tmp_path / split
        assert (
            main(words("kheradpisheh2018", "mnist", out, "--layer", "pool2", "--split", split)) == 0
        )
        trials = Responses.load(out / "pool2.npz").trials
        assert trials["stimulus"].iloc[1] == f"{split}00001"
        assert trials["label"].tolist() == labels[split].tolist()
    assert main(words("kheradpisheh2018", "mnist", tmp_path / "a", "--size", "2", "2")) == 2


def test_data_sets_of_studies_are_known_by_name():
    assert set(stimuli.DATASETS) == {"mnist", "fashion-mnist", *STUDIED}


@pytest.mark.parametrize("name", [b"-x", b"\xff\xfe", b"two  blanks", b"line\nbreak"])
def test_names_of_any_bytes_are_taken(images, tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    folder = os.fsdecode(name)
    Path(folder).symlink_to(images)
    more = ["--layer", "pool2", f"--out={folder}.out", "--", "kheradpisheh2018", folder]
    assert main(["respond", *more]) == 0
    assert left(tmp_path / f"{folder}.out") == ["pool2.npz"]
    # a line, whatever the name
    assert capsys.readouterr().out.count("\n") == 1
