"""`neurospyke demo`: what it asks the demonstration for, and what it says of it."""

import io
import sys
from pathlib import Path

import torch

from neurospyke.cli import main


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_options_reach_the_demonstration(tmp_path, monkeypatch, capsys):
    asked = []

    def run_demo(folder, *, seed, device, command, track):
        asked.append((folder, seed, device, command, torch.get_num_threads()))
        for _ in track([1, 2, 3], "learning") if track else ():
            pass
        return Path(folder) / "report.html"

    monkeypatch.setattr("neurospyke.demo.run_demo", run_demo)
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    out = tmp_path / "my demo"
    words = ["demo", "--out", str(out), "--seed", "7", "--threads", "1"]
    assert main(words) == 0
    assert capsys.readouterr().out == f"The report is in '{out}/report.html'\n"
    assert "learning: 100%" in stderr.getvalue()
    assert "3/3" in stderr.getvalue()
    assert main([*words, "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert stderr.getvalue().count("learning: 100%") == 1
    command = f"neurospyke demo --out '{out}' --seed 7 --threads 1"
    assert asked == [(out, 7, "cpu", command, 1), (out, 7, "cpu", f"{command} --quiet", 1)]
    assert main([*words, "--device", "moon"]) == 2
    assert len(asked) == 2
