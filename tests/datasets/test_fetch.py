import hashlib
import logging

import pytest

from neurospyke.datasets import fetch, fetch_dataset, list_datasets
from neurospyke.datasets.fetch import check_address
from neurospyke.datasets.registry import File, read_registry
from tests.downloads import CONTENT, md5, nowhere_else, offer_only, serving


@pytest.fixture(scope="module")
def server():
    with serving() as address:
        yield address


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """No folder of data sets but those under `tmp_path`."""
    nowhere_else(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def offer(monkeypatch):
    """Make a data set called "set" the only one there is."""
    return lambda *files: offer_only(monkeypatch, *files)


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
