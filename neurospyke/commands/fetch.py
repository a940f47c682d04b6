"""`neurospyke fetch NAME`: public data sets, downloaded once and checked every time."""

import argparse
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurospyke.commands.running import add_running, bar

if TYPE_CHECKING:
    from tqdm import tqdm

    from neurospyke.datasets.registry import Dataset

_DESCRIPTION = """\
Fetch public data sets, or list them when no NAME is given. A set is looked for in the folder
NEUROSPYKE_DATA, beside a checkout, in /usr/share/datasets and in the user's cache; if it is not
there and may be downloaded, it is, into the cache. Every file must have the checksum that the
register knows. Licence and citation are told each time."""
_EPILOG = """\
comes out:
  the folder of each set, as the last line for it, and alone with --quiet; files that are whole
  stay when a download is interrupted, and the same command fetches the others

examples:
  neurospyke fetch
  neurospyke fetch mnist
  cp "$(neurospyke fetch v4_cowley2023 --quiet)"/*.npz .
"""


def add_fetch(commands: Any) -> None:
    """Add the command to those of a parser.

    Args:
        commands: what `add_subparsers` gave.
    """
    fetch = commands.add_parser(
        "fetch",
        help="public data sets with licence and checksum; lists them without NAME",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    fetch.add_argument("names", nargs="*", metavar="NAME", help="a set of the list")
    fetch.add_argument(
        "--folder", type=Path, help="look, and download to, only here; it gets a folder NAME"
    )
    add_running(fetch, device=False, threads=False)
    fetch.set_defaults(run=run_fetch, error_words={"`name`": "NAME"})


def run_fetch(options: argparse.Namespace, command: str) -> None:
    """List the data sets, or fetch those named.

    Args:
        options: what `add_fetch` understood.
        command: the command as it was given.

    Raises:
        ValueError: no such set, a wrong checksum, or one that cannot be downloaded.
        ConnectionError: a download failed.
        KeyboardInterrupt: with a note that tells how to go on.
    """
    from neurospyke.datasets import fetch_dataset
    from neurospyke.datasets.registry import find_dataset, read_registry

    if not options.names:
        print("\n\n".join(_listed(each, options.folder) for each in read_registry().values()))
    # a wrong name is told before anything is downloaded
    for dataset in [find_dataset(name) for name in options.names]:
        if not options.quiet:
            print(_about(dataset), flush=True)
        try:
            with _Download(quiet=options.quiet) as download:
                found = fetch_dataset(dataset.name, folder=options.folder, observe=download)
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(f"to fetch what is missing: {command}")
            raise
        print(found)


class _Download:
    """Observer that draws a bar for each file."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._file = ""
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> "_Download":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, file: str, n_received: int, n_bytes: int | None) -> None:
        if self._bar is None or self._file != file:
            self.__exit__()
            self._file = file
            scaled = {"unit_scale": True, "unit_divisor": 1024, "desc": file}
            self._bar = bar(n_bytes, "B", quiet=self._quiet, **scaled)
        self._bar.update(n_received - self._bar.n)


def _about(dataset: "Dataset") -> str:
    lines = [dataset.title, f"licence: {dataset.licence}", f"cite: {dataset.citation}"]
    if dataset.note:
        lines.append(f"note: {dataset.note}")
    return f"{dataset.name}\n" + "\n".join(_indented(line) for line in lines)


def _listed(dataset: "Dataset", folder: Path | None) -> str:
    from neurospyke.datasets.registry import find_folder

    found = find_folder(dataset, folder)
    if found is not None:
        where = f"here: {found}"
    elif dataset.downloadable:
        where = f"not here; neurospyke fetch {dataset.name} downloads it"
    else:
        where = f"not here, and must be fetched by hand from {dataset.original}"
    lines = [dataset.title, f"licence: {dataset.licence}", where]
    return f"{dataset.name}\n" + "\n".join(_indented(line) for line in lines)


def _indented(text: str) -> str:
    return textwrap.fill(
        text,
        96,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
