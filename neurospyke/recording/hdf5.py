"""What an HDF5 file claims to hold, against what it can hold, before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# Real spike times shrink to a fifth, constant columns to a thousandth; a claim far beyond what lies
# on disk is a damaged header or a trap.
_SMALL = 64 * 2**20
_MAX_RATIO = 1100
_MAX_BYTES = 16 * 2**30
_MAX_OBJECTS = 10**6


def import_h5py() -> Any:
    """The module h5py.

    Returns:
        The module.

    Raises:
        ImportError: if it is not installed, with the command that installs it.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError("HDF5 files need h5py: pip install 'neurospyke[hdf5]'") from error
    return h5py


def check_hdf5(path: Path, under: tuple[str, ...] = ("/",)) -> None:
    """Refuse an HDF5 file whose data sets claim more than lies on disk.

    Args:
        path: the file.
        under: the groups to look into; those absent are passed over.

    Raises:
        ImportError: if h5py is not installed.
        ValueError: if the file is damaged, or a data set claims more than can be there.
    """
    h5py = import_h5py()
    try:
        with h5py.File(path, "r") as file:
            for name in under:
                if name in file:
                    _check_item(file[name])
    except Exception as error:
        raise ValueError(f"{str(path)!r} must be a whole HDF5 file: {_line(error)}") from error


def check_dataset(dataset: Any) -> None:
    """Refuse a data set that claims more than lies on disk.

    Args:
        dataset: an h5py data set.

    Raises:
        ValueError: if it claims more than can be there.
    """
    claimed = (dataset.size or 0) * dataset.dtype.itemsize
    stored = dataset.id.get_storage_size()
    if claimed > min(_MAX_BYTES, max(_SMALL, _MAX_RATIO * stored)):
        raise ValueError(
            f"data set {dataset.name!r} claims {claimed} bytes, with {stored} on disk: the file "
            "is damaged, or holds more than can be read at once"
        )


def _check_item(item: Any) -> None:
    n_seen = 0

    def check(_: str, inner: Any) -> None:
        nonlocal n_seen
        n_seen += 1
        if n_seen > _MAX_OBJECTS:
            raise ValueError(f"the file holds more than {_MAX_OBJECTS} objects")
        if hasattr(inner, "dtype"):
            check_dataset(inner)

    check("", item)
    if hasattr(item, "visititems"):
        item.visititems(check)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
