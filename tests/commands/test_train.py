"""`neurospyke train`: the same result through any interruption, what it says, what it refuses."""

import io
import os
import random
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from neurospyke.cli import main
from neurospyke.images import read_images
from neurospyke.sim import decide, learn_by_reward, learn_by_stdp, mozafari2019, read_network

N_IMAGES = 24
EPOCHS = {"conv1": 5, "conv2": 5, "conv3": 24}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Table of small labelled images."""
    folder = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    names = [f"image{number:02d}" for number in range(N_IMAGES)]
    for name in names:
        pixels = generator.integers(0, 256, (10, 10), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    rows = {"stimulus": names, "path": [f"{name}.png" for name in names]}
    labels = {"label": [number % 10 for number in range(N_IMAGES)]}
    pd.DataFrame(rows | labels).to_csv(folder / "labelled.csv", index=False)
    return folder / "labelled.csv"


def words(table, out, network="mozafari2019", **options):
    given = {"data": table, "out": out, "until": 0, "batch_size": 4, "save_every": 4, "threads": 1}
    pairs = [(f"--{key.replace('_', '-')}", str(value)) for key, value in (given | options).items()]
    return ["train", network, *(word for pair in pairs for word in pair)]


def epochs(by_layer):
    return ",".join(f"{layer}={number}" for layer, number in by_layer.items())


def left(folder):
    return sorted(path.name for path in folder.iterdir())


class Terminal(io.StringIO):
    def isatty(self):
        return True


def wait_for(path, process):
    """Until the process has made a file."""
    limit = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit, f"{path} did not appear"
        time.sleep(0.005)


@pytest.fixture
def interrupts():
    """Interrupts reach processes started here, even where a shell in the background bars them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_killed_again_and_again_it_ends_the_same_bit_for_bit(table, tmp_path, capsys):
    """Three times without warning, at random moments of learning, then by Ctrl-C."""
    whole, out = tmp_path / "whole.safetensors", tmp_path / "out.safetensors"
    # seconds of work remain at the last moment, however late this process is woken
    long = {**EPOCHS, "conv3": 60}
    assert main(words(table, whole, epochs=epochs(long))) == 0
    arguments = words(table, out, epochs=epochs(long))
    moments = random.Random(4)
    for layer, how in [("conv1", "KILL"), ("conv2", "KILL"), ("conv3", "KILL"), ("conv3", "INT")]:
        process = subprocess.Popen(
            [sys.executable, "-m", "neurospyke", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_for(tmp_path / "out.safetensors.unfinished" / f"{layer}.safetensors", process)
        if how == "INT":
            # the file is there already: the process must first be learning again
            assert process.stdout is not None
            assert process.stdout.readline().startswith("Going on after image ")
        else:
            time.sleep(moments.uniform(0, 0.2))
        process.send_signal(getattr(signal, f"SIG{how}"))
        error = process.communicate()[1]
        if how == "KILL":
            assert process.returncode == -signal.SIGKILL
        else:
            assert process.returncode == 130
            assert error.startswith("neurospyke: interrupted; to go on after image ")
            assert error.endswith(f" of conv3: {shlex.join(['neurospyke', *arguments])}\n")
        assert not out.exists()
    capsys.readouterr()
    assert main(arguments) == 0
    assert "of conv3, kept in" in capsys.readouterr().out.splitlines()[0]
    assert out.read_bytes() == whole.read_bytes()
    assert left(tmp_path) == ["out.safetensors", "whole.safetensors"]
    mask = os.umask(0)
    os.umask(mask)
    assert out.stat().st_mode & 0o777 == 0o666 & ~mask


def test_it_learns_what_the_verbs_learn_and_says_so_in_a_pipe(table, tmp_path, capsys):
    out = tmp_path / "out.safetensors"
    passes = {"conv1": 2, "conv2": 1, "conv3": 3}
    assert main(words(table, out, epochs=epochs(passes), seed=3)) == 0
    images, stimuli = read_images(table)
    labels = torch.tensor(stimuli["label"])
    expected = mozafari2019(seed=3)
    for layer in ("conv1", "conv2"):
        expected = learn_by_stdp(expected, images.split(4), layers=[layer], epochs=passes[layer])
    expected = learn_by_reward(expected, [(images, labels)], epochs=3, seed=3)
    learned = read_network(out)
    for name, value in expected.state_dict().items():
        assert torch.equal(learned.state_dict()[name], value)
    captured = capsys.readouterr()
    assert captured.err == ""
    lines = captured.out.splitlines()
    assert [line.partition(",")[0] for line in lines[:4]] == [
        "conv1: 48 images",
        "conv2: 24 images",
        "conv3: 72 images",
        "Learned: conv1 (convergence " + lines[3].split("convergence ")[1].split(",")[0],
    ]
    assert "right in its last batch" in lines[2]
    n_right = int((decide(expected, images) == labels).sum())
    assert lines[4].startswith(f"Right on {n_right} of 24 training images ({n_right / 24:.1%})")
    assert lines[5:] == [f"The network is in {out}"]


def test_a_terminal_sees_one_bar_for_the_whole_course(table, tmp_path, monkeypatch):
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    assert main(words(table, tmp_path / "out.safetensors", epochs="conv2=2")) == 0
    assert "conv1, epoch 1 of 1" in stderr.getvalue()
    assert "conv2, epoch 2 of 2" in stderr.getvalue()
    assert "96/96" in stderr.getvalue().splitlines()[-1].rpartition("\r")[2]


def test_quiet_says_nothing(table, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", Terminal())
    arguments = words(table, tmp_path / "out.safetensors", "rezghi2022")
    assert main([*arguments, "--quiet"]) == 0
    assert (capsys.readouterr().out, sys.stderr.getvalue()) == ("", "")  # type: ignore[attr-defined]


def test_without_labels_only_stdp_learns(table, tmp_path, capsys):
    out = tmp_path / "out.safetensors"
    assert main(words(table.parent, out)) == 0
    assert "conv3 learns by reward and stays as it is" in capsys.readouterr().out
    learned, start = read_network(out).state_dict(), mozafari2019().state_dict()
    changed = {name for name, value in start.items() if not torch.equal(learned[name], value)}
    assert changed == {"layers.conv1.weight", "layers.conv2.weight"}


@pytest.mark.parametrize("data", ["mnist", "fashion-mnist"])
def test_data_sets_come_with_labels_and_a_test_split(data, tmp_path, monkeypatch, capsys):
    generator = torch.Generator().manual_seed(0)
    splits = {
        name: (torch.rand(n, 1, 12, 12, generator=generator), np.arange(n) % 10)
        for name, n in (("train", 30), ("test", 7))
    }
    reader = f"neurospyke.datasets.read_{data.replace('-', '_')}"
    monkeypatch.setattr(reader, lambda split: splits[split])
    assert main(words(data, tmp_path / "out.safetensors", first=20)) == 0
    out = capsys.readouterr().out
    assert "conv3: 20 images" in out
    learned = read_network(tmp_path / "out.safetensors")
    n_right = int((decide(learned, splits["test"][0]).numpy() == splits["test"][1]).sum())
    assert f"Right on {n_right} of 7 test images" in out


def test_what_is_there_is_replaced_only_if_asked(table, tmp_path, capsys):
    out = tmp_path / "out.safetensors"
    out.write_text("precious")
    arguments = words(table, out, "rezghi2022")
    assert main(arguments) == 2
    assert "exists; give --overwrite to replace it, or another --out" in capsys.readouterr().err
    assert out.read_text() == "precious"
    assert main([*arguments, "--overwrite"]) == 0
    assert read_network(out).name == "rezghi2022"


def interrupted(table, out, monkeypatch, n_steps=3, **options):
    """A course that ends after some batches, as by Ctrl-C."""
    seen = []

    def interrupt(self, step):
        seen.append(step)
        if len(seen) == n_steps:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("neurospyke.commands.follow.Follower.__call__", interrupt)
        assert main(words(table, out, "rezghi2022", **options)) == 130


def test_a_file_that_came_meanwhile_is_not_replaced(table, tmp_path, monkeypatch, capsys):
    out, other = tmp_path / "out.safetensors", tmp_path / "other.safetensors"
    interrupted(table, out, monkeypatch)
    assert main(words(table, other, "rezghi2022", seed=5)) == 0
    other.rename(out)
    capsys.readouterr()
    assert main(words(table, out, "rezghi2022")) == 2
    assert "exists and is of another course" in capsys.readouterr().err


def test_one_interrupted_after_writing_is_only_tidied_up(table, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out.safetensors"
    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", lambda folder: (_ for _ in ()).throw(KeyboardInterrupt))
        assert main(words(table, out, "rezghi2022")) == 130
    written = out.read_bytes()
    assert main(words(table, out, "rezghi2022")) == 0
    assert out.read_bytes() == written
    assert left(tmp_path) == ["out.safetensors"]


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"epochs": 2}, "epochs {'conv1': 1, 'conv2': 1}, now {'conv1': 2, 'conv2': 2}"),
        ({"first": 20}, "n_images 24, now 20"),
        ({"seed": 1}, "seed 0, now 1"),
        ({"batch_size": 5}, "batch_size 4, now 5"),
    ],
)
def test_it_goes_on_only_with_the_same_arguments(
    table, tmp_path, monkeypatch, capsys, changed, difference
):
    out = tmp_path / "out.safetensors"
    interrupted(table, out, monkeypatch)
    assert "to go on after image 12 of conv1: neurospyke train" in capsys.readouterr().err
    assert main(words(table, out, "rezghi2022", **changed)) == 2
    error = capsys.readouterr().err
    assert difference in error
    assert "ask for the same, or remove it to start anew" in error


def test_interrupted_before_anything_is_kept_leaves_nothing(table, tmp_path, monkeypatch, capsys):
    interrupted(table, tmp_path / "out.safetensors", monkeypatch, n_steps=1, save_every=1000)
    assert (
        capsys.readouterr().err == "neurospyke: interrupted; the same command may be given again\n"
    )
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        (
            "rezghi2022",
            {"data": "nowhere/", "device": "moon"},  # looked at before anything is loaded
            "--data must be one of ['mnist', 'fashion-mnist'] or",
        ),
        ("rezghi2022", {"first": 25}, "--first must be from 1 to 24"),
        ("rezghi2022", {"epochs": 0}, "--epochs must be a whole number from 1 up; got 0"),
        ("rezghi2022", {"epochs": "conv7=2"}, "here ['conv1', 'conv2']; got 'conv7'"),
        ("rezghi2022", {"until": -1}, "--until must be at least 0"),
        ("rezghi2022", {"device": "moon"}, "--device must be one that torch has here"),
        ("rezghi2022", {"out": "nowhere/out.safetensors"}, "--out must be in an existing folder"),
        ("mozafari2018", {}, "--data must suit mozafari2018; got 10 x 10 pixels: "),
    ],
)
def test_refused_input_is_one_line_and_leaves_nothing(
    table, tmp_path, monkeypatch, capsys, network, options, message
):
    monkeypatch.chdir(tmp_path)
    arguments = words(**({"table": table, "out": "out.safetensors", "network": network} | options))
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    "passes", ["many", "2.5", "conv1=", "conv1=2,conv2", "conv1=2;conv2=4", "a=1,a=2"]
)
def test_passes_that_are_no_numbers_are_told_how_to_be_written(capsys, passes):
    with pytest.raises(SystemExit, match="2"):
        main(["train", "rezghi2022", "--data", "mnist", "--out", "a", "--epochs", passes])
    message = "must be a whole number, or one for each layer once, as conv1=2,conv2=4; got "
    assert message + repr(passes) in capsys.readouterr().err


def test_labels_must_be_classes_of_the_network(table, tmp_path, capsys):
    rows = pd.read_csv(table).assign(path=lambda rows: str(table.parent) + "/" + rows["path"])
    for labels, message in [
        (["a"] * N_IMAGES, "whole numbers in the column 'label'"),
        (
            range(N_IMAGES),
            "the labels of --data must be from 0 to 9, the classes of conv3; got 0 to 23",
        ),
    ]:
        rows.assign(label=labels).to_csv(tmp_path / "rows.csv", index=False)
        assert main(words(tmp_path / "rows.csv", tmp_path / "out.safetensors")) == 2
        assert message in capsys.readouterr().err


def test_a_network_that_needs_labels_refuses_images_without(table, tmp_path, capsys):
    size = ["--size", "107", "113"]
    arguments = words(table.parent, tmp_path / "out.safetensors", "mozafari2018")
    assert main([*arguments, *size]) == 2
    assert "learns by reward only" in capsys.readouterr().err
    assert main([*words(table, tmp_path / "out.safetensors", "mozafari2018"), *size]) == 0
    learned = read_network(tmp_path / "out.safetensors")
    # ten classes of ten maps each, one window of 17 x 17 in height, two in width
    assert learned(torch.rand(1, 1, 107, 113)).shape == (1, 100, 1, 2)


def test_help_teaches_by_example(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["train", "--help"])
    out = capsys.readouterr().out
    example = "neurospyke train rezghi2022 --data mnist --out digits.safetensors"
    assert example in out
    assert "the same command goes on" in out.replace("\n", " ")
    with pytest.raises(SystemExit, match="2"):
        main(["train", "resnet50", "--data", "mnist", "--out", "a"])
    assert "invalid choice: 'resnet50'" in capsys.readouterr().err
