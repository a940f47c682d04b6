"""A small part of what `python -m tests.fuzz_readers` does."""

import numpy as np

from neurospyke.recording import read_recording
from tests.fuzz_readers import fuzz, read_apart


def test_damaged_files_end_in_an_error_of_ours_or_in_a_recording():
    found = fuzz(36, seed=7)
    assert not found["failures"]
    assert found["outcomes"]["recording"] + found["outcomes"]["refused"] == 36
    assert found["largest process in MiB"] < 2048


def test_what_is_not_ours_is_told_apart(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", np.zeros(3))
    outcome, text, _ = read_apart(tmp_path / "a.npy", {"colour": "red"})
    assert outcome == "foreign error"
    assert "colour" in text
    monkeypatch.setattr("tests.fuzz_readers.read_recording", _too_much)
    assert read_apart(tmp_path / "a.npy", {})[0] == "out of memory"
    monkeypatch.setattr("tests.fuzz_readers.read_recording", _too_long)
    monkeypatch.setattr("tests.fuzz_readers._SECONDS", 1)
    assert read_apart(tmp_path / "a.npy", {})[0] == "hang"
    monkeypatch.setattr("tests.fuzz_readers.read_recording", read_recording)
    assert read_apart(tmp_path / "a.npy", {})[0] == "refused"


def _too_much(path):
    return np.ones(2**29)


def _too_long(path):
    while True:
        pass
