from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neurospyke import __version__
from neurospyke.cli import main
from neurospyke.recording import Recording


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"neurospyke {__version__}\n"


def test_inspect_says_what_is_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "session.npz"
    trials = pd.DataFrame({"start_time": [0.0, 0.5], "stimulus": ["face", "car"]})
    Recording.from_trains(
        [np.array([0.1, 0.6])], observed=(0.0, 1.0), trials={"shown": trials}, notes=("a note",)
    ).save(path)
    assert main(["inspect", str(path)]) == 0
    out = capsys.readouterr().out
    assert "Recording(1 units, 2 spikes, 1 s observed, trials: shown (2 rows)" in out
    assert "- a note" in out
    assert "face" in out


def test_refused_input_is_one_line_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(tmp_path / "none.nwb")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("neurospyke: ")
    assert "none.nwb" in captured.err


def test_datasets_are_listed_with_their_licences(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets"]) == 0
    out = capsys.readouterr().out
    assert "v4_cowley2023" in out
    assert "licence" in out
