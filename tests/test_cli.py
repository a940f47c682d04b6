from pathlib import Path

import pytest

from neurospyke import __version__
from neurospyke.cli import main


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"neurospyke {__version__}\n"


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
