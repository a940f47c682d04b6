"""The register of public data sets: what they are, where they lie, and how they are checked."""

import hashlib
import os
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

_PACKAGE = Path(__file__).parents[1]
_ROOT = _PACKAGE.parent
# A wheel carries the register inside the package, a checkout beside it.
_REGISTER = next(
    path
    for path in (each / "data" / "registry.toml" for each in (_PACKAGE, _ROOT))
    if path.is_file()
)
# where Debian's packages of data sets put them
_SYSTEM = Path("/usr/share/datasets")
_SHARED = _ROOT.parent / "shared" / "data" if (_ROOT / "pyproject.toml").is_file() else None


@dataclass(frozen=True)
class File:
    """A file of a data set, told by its checksums.

    Args:
        path: its name inside the folder of the set.
        sha256: of the file as it is kept locally, or empty.
        original: where it, or what it was made from, is published, or empty.
        url: where the file itself can be downloaded, or empty.
        checksum: of the download, as "algorithm:digest", or empty.
    """

    path: str
    sha256: str = ""
    original: str = ""
    url: str = ""
    checksum: str = ""

    @property
    def accepted(self) -> tuple[str, ...]:
        """Checksums of which the file must have one."""
        own = (f"sha256:{self.sha256}",) if self.sha256 else ()
        return own + ((self.checksum,) if self.checksum else ())


@dataclass(frozen=True)
class Dataset:
    """A public data set.

    Args:
        name: by which it is opened, and the name of its folder.
        title: what it holds.
        licence: under which it is published.
        citation: what to cite.
        original: where it is published.
        files: what it consists of.
        note: what else a user must know.
    """

    name: str
    title: str
    licence: str
    citation: str
    original: str
    files: tuple[File, ...]
    note: str = ""

    @property
    def downloadable(self) -> bool:
        """Whether every file has an address and a checksum."""
        return all(file.url and file.checksum for file in self.files)


def list_datasets() -> pd.DataFrame:
    """Public data sets that can be opened by name.

    Returns:
        DataFrame with `name`, `title`, `licence`, `citation`, `downloadable`, and `found`: the
        folder where the set lies, or an empty string.

    >>> list_datasets().query("name == 'mnist'")["licence"].item()
    'CC BY-SA 3.0'
    """
    rows = [
        {
            "name": each.name,
            "title": each.title,
            "licence": each.licence,
            "citation": each.citation,
            "downloadable": each.downloadable,
            "found": str(find_folder(each) or ""),
        }
        for each in read_registry().values()
    ]
    return pd.DataFrame(rows)


@cache
def read_registry() -> dict[str, Dataset]:
    """All data sets by name, from `data/registry.toml`.

    Returns:
        The data sets, in the order of the register.
    """
    with _REGISTER.open("rb") as file:
        entries = tomllib.load(file)
    return {
        name: Dataset(name, **entry | {"files": tuple(File(**each) for each in entry["files"])})
        for name, entry in entries.items()
    }


def find_dataset(name: str) -> Dataset:
    """The data set of a name.

    Args:
        name: its name.

    Returns:
        The data set.

    Raises:
        ValueError: if there is none, with the names there are.
    """
    registry = read_registry()
    if name not in registry:
        raise ValueError(f"`name` must be one of {list(registry)}; got {name!r}")
    return registry[name]


def find_folder(dataset: Dataset, folder: str | Path | None = None) -> Path | None:
    """First folder that holds all files of a data set.

    Args:
        dataset: the data set.
        folder: look only here, in a folder of the set's name.

    Returns:
        The folder, or None.
    """
    for place in places(folder):
        found = place / dataset.name
        if all((found / file.path).is_file() for file in dataset.files):
            return found
    return None


def places(folder: str | Path | None = None) -> list[Path]:
    """Folders of data sets, in the order in which they are searched; downloads go to the last.

    Args:
        folder: the only one, if given.

    Returns:
        `folder`; or NEUROSPYKE_DATA if set, the folder shared/data beside a checkout,
        /usr/share/datasets, and the user's cache.

    Raises:
        ValueError: if NEUROSPYKE_DATA is not a folder.
    """
    if folder is not None:
        return [Path(folder)]
    chosen = os.environ.get("NEUROSPYKE_DATA")
    if chosen and not Path(chosen).is_dir():
        raise ValueError(f"NEUROSPYKE_DATA must be a folder of data sets; got {chosen!r}")
    cached = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = [Path(chosen) if chosen else None, _SHARED, _SYSTEM, cached / "neurospyke" / "data"]
    return [place for place in found if place is not None]


def check_file(path: Path, accepted: tuple[str, ...]) -> None:
    """Refuse a file that has none of the checksums it may have.

    Args:
        path: the file.
        accepted: checksums as "algorithm:digest".

    Raises:
        ValueError: naming the file and both checksums.
    """
    found = [_checksum(path, each.partition(":")[0]) for each in accepted]
    if not set(found) & set(accepted):
        raise ValueError(
            f"{str(path)!r} must have the checksum {' or '.join(accepted)}; it has "
            f"{' and '.join(found)}: it is damaged or another version"
        )


def _checksum(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        # MD5 and SHA-1 serve where a publisher gives nothing else: they tell damage, not malice.
        digest = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False))
    return f"{algorithm}:{digest.hexdigest()}"
