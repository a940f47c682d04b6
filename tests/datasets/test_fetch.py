import hashlib
import http.server
import logging
import threading

import pytest

from neurospyke.datasets import fetch, fetch_dataset, list_datasets, registry
from neurospyke.datasets.fetch import check_address
from neurospyke.datasets.registry import Dataset, File, read_registry

CONTENT = bytes(range(256)) * 5000


def md5(content):
    return f"md5:{hashlib.md5(content, usedforsecurity=False).hexdigest()}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "http://example.org/elsewhere")
            self.end_headers()
            return
        self.send_response(404 if self.path == "/absent" else 200)
        if self.path != "/unsized":
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: 1000 if self.path in {"/short", "/unsized"} else None])

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Nothing: a client that hangs up early is part of the tests."""


@pytest.fixture(scope="module")
def server():
    with Server(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """No folder of data sets but those under `tmp_path`."""
    monkeypatch.delenv("NEUROSPYKE_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(registry, "_SHARED", tmp_path / "shared" / "data")
    monkeypatch.setattr(registry, "_SYSTEM", tmp_path / "system")
    return tmp_path


@pytest.fixture
def offer(monkeypatch):
    """Make a data set called "set" the only one there is."""

    def make(*files):
        dataset = Dataset("set", "A set", "CC0", "Us (2026)", "https://example.org", files)
        monkeypatch.setattr(registry, "read_registry", lambda: {"set": dataset})

    return make


def left(folder):
    return [each.name for each in folder.rglob("*") if each.is_file()]


def test_a_download_lands_in_the_cache_once_and_names_its_licence(places, offer, server, caplog):
    offer(File("data/a.bin", url=f"{server}/a", checksum=md5(CONTENT)))
    with caplog.at_level(logging.INFO, "neurospyke"):
        folder = fetch_dataset("set")
    assert folder == places / "cache" / "neurospyke" / "data" / "set"
    assert (folder / "data" / "a.bin").read_bytes() == CONTENT
    assert "Licence: CC0. Cite: Us (2026)" in caplog.text
    offer(File("data/a.bin", url=f"{server}/absent", checksum=md5(CONTENT)))
    assert fetch_dataset("set") == folder
    assert list(list_datasets()["found"]) == [str(folder)]


def test_a_wrong_checksum_leaves_nothing_behind(places, offer, server):
    offer(File("a.bin", url=f"{server}/a", checksum=md5(b"other")))
    with pytest.raises(ValueError, match=rf"{md5(b'other')}.*it has {md5(CONTENT)}"):
        fetch_dataset("set")
    assert left(places) == []


@pytest.mark.parametrize(
    ("path", "message"),
    [("short", "broke off after 1000 of 1280000 bytes"), ("absent", "404")],
)
def test_a_failed_download_leaves_nothing_behind(places, offer, server, path, message):
    offer(File("a.bin", url=f"{server}/{path}", checksum=md5(CONTENT)))
    with pytest.raises(ConnectionError, match=message):
        fetch_dataset("set")
    assert left(places) == []


def test_a_truncated_download_without_a_stated_length_fails_its_checksum(places, offer, server):
    offer(File("a.bin", url=f"{server}/unsized", checksum=md5(CONTENT)))
    with pytest.raises(ValueError, match="damaged"):
        fetch_dataset("set")
    assert left(places) == []


def test_a_download_past_the_limit_stops(places, offer, server, monkeypatch):
    monkeypatch.setattr(fetch, "_MAX_BYTES", 1000)
    offer(File("a.bin", url=f"{server}/a", checksum=md5(CONTENT)))
    with pytest.raises(ValueError, match="at most 1000 bytes"):
        fetch_dataset("set")
    assert left(places) == []


def test_redirects_to_open_addresses_are_refused(places, offer, server):
    offer(File("a.bin", url=f"{server}/moved", checksum=md5(CONTENT)))
    with pytest.raises(ValueError, match=r"must come by https; got 'http://example\.org"):
        fetch_dataset("set")
    assert left(places) == []


@pytest.mark.parametrize(
    "url",
    ["http://example.org/a", "ftp://127.0.0.1/a", "file:///etc/passwd", "http://127.0.0.1.x/"],
)
def test_only_https_or_this_machine(url):
    with pytest.raises(ValueError, match="https"):
        check_address(url)
    for allowed in ("https://example.org/a", "http://localhost:1/a", "http://[::1]:1/a"):
        check_address(allowed)


def test_the_folder_of_the_environment_comes_before_shared_system_and_cache(
    places, offer, monkeypatch
):
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    offer(File("a.bin", sha256=sha256))
    folders = [
        places / "cache" / "neurospyke" / "data",
        places / "system",
        places / "shared" / "data",
        places / "own",
    ]
    for folder in folders:
        (folder / "set").mkdir(parents=True)
        (folder / "set" / "a.bin").write_bytes(CONTENT)
        if folder.name == "own":
            monkeypatch.setenv("NEUROSPYKE_DATA", str(folder))
        assert fetch_dataset("set") == folder / "set"
    assert fetch_dataset("set", folder=folders[0]) == folders[0] / "set"


def test_local_files_are_checked_too(places, offer):
    offer(File("a.bin", sha256=hashlib.sha256(CONTENT).hexdigest()))
    (places / "set").mkdir()
    (places / "set" / "a.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(ValueError, match=r"a\.bin' must have the checksum sha256.*damaged"):
        fetch_dataset("set", folder=places)


def test_a_file_may_be_the_local_or_the_published_version(places, offer):
    offer(File("a.bin", sha256=hashlib.sha256(b"local").hexdigest(), checksum=md5(b"published")))
    (places / "set").mkdir()
    for content in (b"local", b"published"):
        (places / "set" / "a.bin").write_bytes(content)
        assert fetch_dataset("set", folder=places) == places / "set"


def test_a_set_without_addresses_says_where_it_is_and_what_to_do(offer):
    offer(File("a.bin", sha256="0" * 64))
    with pytest.raises(ValueError, match=r"https://example\.org .licence: CC0.*NEUROSPYKE_DATA"):
        fetch_dataset("set")


def test_a_wrong_name_lists_the_names():
    with pytest.raises(ValueError, match=r"'v4_cowley2023'.*'mnist'.*got 'mnits'"):
        fetch_dataset("mnits")


def test_a_wrong_environment_is_said(monkeypatch, places):
    monkeypatch.setenv("NEUROSPYKE_DATA", str(places / "absent"))
    with pytest.raises(ValueError, match="NEUROSPYKE_DATA must be a folder"):
        list_datasets()


def test_every_registered_file_can_be_told():
    for dataset in read_registry().values():
        assert dataset.licence
        assert dataset.citation
        assert dataset.original
        for file in dataset.files:
            assert file.accepted
            assert bool(file.url) == bool(file.checksum)
            lengths = {"sha256": 64, "sha1": 40, "md5": 32}
            for checksum in file.accepted:
                algorithm, _, digest = checksum.partition(":")
                assert len(bytes.fromhex(digest)) * 2 == lengths[algorithm]
            if file.url:
                check_address(file.url)
