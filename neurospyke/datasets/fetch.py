"""Data sets on this machine: found where they lie, or downloaded once, and checked every time."""

import ipaddress
import logging
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from neurospyke.datasets.registry import (
    Dataset,
    File,
    check_file,
    find_dataset,
    find_folder,
    places,
)
from neurospyke.storage import whole_file

_LOGGER = logging.getLogger("neurospyke")
_MAX_BYTES = 8 * 2**30
_CHUNK_BYTES = 2**20
_TIMEOUT = 30.0

# called with the name of a file, bytes received, and bytes in all where they are known
Observer = Callable[[str, int, int | None], None]


def fetch_dataset(
    name: str, *, folder: str | Path | None = None, observe: Observer | None = None
) -> Path:
    """Folder of a public data set, all its files there and with the right checksums.

    It is looked for in the folder NEUROSPYKE_DATA, then in shared/data beside a checkout, in
    /usr/share/datasets where packages of the system put such sets, then in the user's cache, where
    it is downloaded if its files have public addresses and checksums.

    Args:
        name: one of `list_datasets()`.
        folder: look, and download to, only here.
        observe: called with (file, bytes received, bytes in all or None) as a download goes on.

    Returns:
        The folder, called by the name of the set.

    Raises:
        ValueError: if there is no such set, a file has a wrong checksum, or the set is not here
            and cannot be downloaded.
        ConnectionError: if a download fails; nothing of it is left behind.
    """
    dataset = find_dataset(name)
    found = find_folder(dataset, folder)
    if found is None:
        return _download(dataset, places(folder)[-1] / name, folder, observe)
    for file in dataset.files:
        check_file(found / file.path, file.accepted)
    return found


def _download(
    dataset: Dataset, target: Path, folder: str | Path | None, observe: Observer | None
) -> Path:
    if not dataset.downloadable:
        searched = ", ".join(str(place / dataset.name) for place in places(folder))
        raise ValueError(
            f"data set {dataset.name!r} must be on this machine, for it cannot be downloaded "
            f"automatically; looked for {[file.path for file in dataset.files]} in {searched}. "
            f"Original: {dataset.original} (licence: {dataset.licence}). Put the files in a "
            f"folder {dataset.name} and set NEUROSPYKE_DATA to the folder that holds it"
        )
    _LOGGER.info("Downloading %s to %s", dataset.title, target)
    _LOGGER.info("Licence: %s. Cite: %s", dataset.licence, dataset.citation)
    for file in dataset.files:
        path = target / file.path
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            _download_file(file, path, observe or (lambda _file, _received, _total: None))
        check_file(path, file.accepted)
    return target


def _download_file(file: File, path: Path, observe: Observer) -> None:
    check_address(file.url)
    opener = urllib.request.build_opener(_CheckedRedirects)
    try:
        with (
            whole_file(path) as temporary,
            opener.open(file.url, timeout=_TIMEOUT) as response,
            temporary.open("wb") as target,
        ):
            _copy(response, target, file, observe)
            target.flush()
            check_file(temporary, (file.checksum,))
    except (OSError, HTTPException) as error:
        raise ConnectionError(f"{file.url} could not be downloaded: {error}") from error


def _copy(response: Any, target: IO[bytes], file: File, observe: Observer) -> None:
    stated = response.headers.get("Content-Length")
    expected = None if stated is None else int(stated)
    received = 0
    while chunk := response.read(_CHUNK_BYTES):
        received += len(chunk)
        if received > _MAX_BYTES:
            raise ValueError(f"{file.url} must hold at most {_MAX_BYTES} bytes; it sends more")
        target.write(chunk)
        observe(file.path, received, expected)
    if expected is not None and received != expected:
        raise ConnectionError(f"it broke off after {received} of {expected} bytes")


class _CheckedRedirects(urllib.request.HTTPRedirectHandler):
    """Redirects only to where a download may come from."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any):
        check_address(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def check_address(url: str) -> None:
    """Refuse an address that is neither encrypted nor of this machine.

    Args:
        url: the address.

    Raises:
        ValueError: if it is neither https, nor http on a loopback host.

    >>> check_address("https://example.org/data.npz")
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
        return
    raise ValueError(f"a download must come by https; got {url!r}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
