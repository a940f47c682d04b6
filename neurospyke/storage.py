"""Arrays and label tables in one file: no pickle, written whole or not at all."""

import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neurospyke.ragged import flatten, holds_arrays, nest

_MAX_BYTES = 8 * 2**30
_META = "__meta__"
# What reading a file from strangers may raise: zip, zlib and numpy each have their own.
_DAMAGE = (
    *(OSError, KeyError, EOFError, ValueError, TypeError, AttributeError),
    *(MemoryError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error),
)


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Temporary path beside `path` that takes its place only when the block succeeds.

    Args:
        path: where the finished file goes; its folder must exist.

    Yields:
        The temporary path to write to, with the same suffix.

    Raises:
        ValueError: if the folder does not exist.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise ValueError(
            f"`path` must be in an existing folder; got {str(target)!r}: create {target.parent}"
        )
    handle, name = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.stem}-", suffix=target.suffix
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files private, as some writers do that put one of their own in its place; a
        # finished result follows the user's own mask.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_arrays(
    path: str | Path, kind: str, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]
) -> None:
    """Write named arrays and JSON metadata to one uncompressed `.npz` file.

    Args:
        path: the file to write; an existing file is replaced only on success.
        kind: what the file holds, checked again on reading.
        arrays: plain arrays (no objects), by name.
        meta: JSON-serialisable metadata.

    Raises:
        TypeError: if an array holds Python objects.
    """
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"array {name!r} must hold numbers or strings; got Python objects")
    header = np.array(json.dumps({"kind": kind, "version": 1, **meta}))
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **{_META: header}, **arrays)


def read_arrays(
    path: str | Path, kind: str, max_bytes: int = _MAX_BYTES, required: Collection[str] = ()
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what `write_arrays` wrote.

    Args:
        path: the file.
        kind: what it must hold.
        max_bytes: refuse files that would unpack to more than this.
        required: names of arrays and metadata that must be there.

    Returns:
        The arrays by name, and the metadata.

    Raises:
        ValueError: if the file is missing, damaged, too large, or of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"`path` must be an existing file; got {str(path)!r}")
    try:
        arrays = _unpack(path, max_bytes)
        meta = json.loads(str(arrays.pop(_META)))
        found = meta.pop("kind")
        meta.pop("version")
    except _DAMAGE as error:
        raise ValueError(
            f"{str(path)!r} must be a file saved by neurospyke as {kind}; {error}"
        ) from error
    if found != kind:
        raise ValueError(f"{str(path)!r} must hold {kind}; it holds {found}")
    absent = [name for name in required if name not in arrays and name not in meta]
    if absent:
        raise ValueError(f"{str(path)!r} must hold a whole {kind}; it lacks {absent}")
    return arrays, meta


def read_npz(path: Path, max_bytes: int) -> dict[str, np.ndarray]:
    """Arrays of an `.npz` file from anywhere, without pickle.

    Args:
        path: the file.
        max_bytes: refuse a file that would unpack to more.

    Returns:
        The arrays by name.

    Raises:
        ValueError: if the file is damaged, too large, or holds Python objects.
    """
    try:
        return _unpack(path, max_bytes)
    except _DAMAGE as error:
        raise ValueError(
            f"{str(path)!r} must be a readable .npz of plain arrays; {error}"
        ) from error


def _unpack(path: Path, max_bytes: int) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        total = sum(entry.file_size for entry in archive.infolist())
    if total > max_bytes:
        raise ValueError(f"it unpacks to {total} bytes, over the limit of {max_bytes}")
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def pack_table(prefix: str, table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Columns of a label table as plain arrays, named so that their order survives.

    Args:
        prefix: what the table is called in the file.
        table: columns of numbers, booleans or strings, or of arrays of them.

    Returns:
        One array a column; of a column of arrays, which may be of unequal length, all values in
        one, and in further ones how many belong to each row.

    Raises:
        TypeError: if a column holds anything else (dates, lists, missing strings).
    """
    arrays: dict[str, np.ndarray] = {}
    for position, name in enumerate(map(str, table.columns)):
        column = table.iloc[:, position]
        if not holds_arrays(column):
            arrays[f"{prefix}/{position}/{name}"] = _plain(prefix, name, column)
            continue
        arrays[f"{prefix}/{position}/{name}"], sizes = flatten(column.to_numpy())
        for depth, lengths in enumerate(sizes):
            arrays[f"{prefix}/{position}:{depth}/{name}"] = lengths
    return arrays


def _plain(prefix: str, name: str, column: pd.Series) -> np.ndarray:
    array = column.to_numpy()
    if array.dtype.kind in "biuf":
        return array
    if all(isinstance(value, str) for value in array):
        return np.array(array, dtype=np.str_)
    raise TypeError(
        f"column {name!r} of {prefix} must hold numbers, booleans or strings to be saved; "
        f"got {column.dtype}: convert or drop it"
    )


def unpack_table(prefix: str, arrays: Mapping[str, np.ndarray], n_rows: int) -> pd.DataFrame:
    """Label table that `pack_table` took apart.

    Args:
        prefix: what the table is called in the file.
        arrays: everything read from the file.
        n_rows: rows of the table (a table may have no columns).

    Returns:
        The table, columns in their first order.
    """
    columns: dict[tuple[int, str], np.ndarray] = {}
    sizes: dict[tuple[int, str], list[np.ndarray]] = {}
    for key in sorted(arrays):
        if key.startswith(f"{prefix}/"):
            _, place, name = key.split("/", 2)
            position, _, depth = place.partition(":")
            if depth:
                sizes.setdefault((int(position), name), []).append(arrays[key])
            else:
                columns[int(position), name] = arrays[key]
    data = {}
    for place in sorted(columns):
        array = columns[place]
        if place in sizes:
            array = nest(array, sizes[place])
        data[place[1]] = array.astype(object) if array.dtype.kind == "U" else array
    return pd.DataFrame(data, index=pd.RangeIndex(n_rows))
