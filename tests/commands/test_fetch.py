"""`neurospyke fetch`: what it lists, fetches, tells and refuses."""

import io
import sys

import pytest

from neurospyke.cli import main
from neurospyke.datasets.registry import File
from tests.downloads import CONTENT, md5, nowhere_else, offer_only, serving


@pytest.fixture(scope="module")
def server():
    with serving() as address:
        yield address


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Folder to which data sets are downloaded."""
    nowhere_else(tmp_path, monkeypatch)
    return tmp_path / "cache" / "neurospyke" / "data"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_data_sets_are_listed_with_licence_and_where_they_are(capsys):
    assert main(["fetch"]) == 0
    out = capsys.readouterr().out
    for line in (
        "v4_cowley2023\n  Macaque V4, Utah array: 50 units",
        "  licence: CC BY-SA 3.0\n  not here; neurospyke fetch mnist downloads it",
        "  not here, and must be fetched by hand from https://doi.org/10.5061/dryad.4ch10",
    ):
        assert line in out


def test_fetched_once_it_is_told_with_licence_citation_and_folder(
    place, server, monkeypatch, capsys
):
    offer_only(monkeypatch, File("a.bin", url=f"{server}/a", checksum=md5(CONTENT)))
    expected = f"set\n  A set\n  licence: CC0\n  cite: Us (2026)\n{place / 'set'}\n"
    assert main(["fetch", "set"]) == 0
    assert capsys.readouterr() == (expected, "")
    assert (place / "set" / "a.bin").read_bytes() == CONTENT
    offer_only(monkeypatch, File("a.bin", url=f"{server}/absent", checksum=md5(CONTENT)))
    assert main(["fetch", "set", "--quiet"]) == 0
    assert capsys.readouterr() == (f"{place / 'set'}\n", "")
    assert main(["fetch"]) == 0
    # a long path has a line of its own
    assert f" here: {place / 'set'}" in " ".join(capsys.readouterr().out.split())


def test_a_terminal_sees_a_bar_for_each_file(place, server, tmp_path, monkeypatch):
    offer_only(
        monkeypatch,
        File("a.bin", url=f"{server}/a", checksum=md5(CONTENT)),
        File("b.bin", url=f"{server}/unsized", checksum=md5(CONTENT[:1000])),
    )
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    assert main(["fetch", "set", "--folder", str(tmp_path)]) == 0
    shown = stderr.getvalue()
    assert "a.bin: 100%" in shown
    assert "1.22M/1.22M" in shown
    assert "b.bin: 0.98kB" in shown
    assert (tmp_path / "set" / "b.bin").read_bytes() == CONTENT[:1000]
    assert not place.exists()


def test_interrupted_it_keeps_whole_files_and_tells_how_to_go_on(
    place, server, monkeypatch, capsys
):
    files = [File(f"{name}.bin", url=f"{server}/{name}", checksum=md5(CONTENT)) for name in "ab"]
    offer_only(monkeypatch, *files)

    def interrupt(self, file, n_received, n_bytes):
        if file == "b.bin":
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("neurospyke.commands.fetch._Download.__call__", interrupt)
        assert main(["fetch", "set"]) == 130
    error = capsys.readouterr().err
    assert error == "neurospyke: interrupted; to fetch what is missing: neurospyke fetch set\n"
    assert [path.name for path in (place / "set").iterdir()] == ["a.bin"]
    assert main(["fetch", "set"]) == 0


@pytest.mark.parametrize(
    ("names", "path", "code", "message"),
    [
        (["set", "other"], "a", 2, "NAME must be one of ['set']; got 'other'"),
        (["set"], "absent", 1, "/absent could not be downloaded: HTTP Error 404: Not Found"),
        (["set"], "unsized", 2, "it is damaged or another version"),
    ],
)
def test_what_cannot_be_fetched_is_told_in_a_line(
    place, server, monkeypatch, capsys, names, path, code, message
):
    offer_only(monkeypatch, File("a.bin", url=f"{server}/{path}", checksum=md5(CONTENT)))
    assert main(["fetch", "--quiet", *names]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not [path for path in place.rglob("*") if path.is_file()]
