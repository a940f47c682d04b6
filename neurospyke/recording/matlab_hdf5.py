"""MATLAB files of version 7.3: HDF5, with cells and structures as references and groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from neurospyke.recording.hdf5 import check_dataset, check_hdf5, import_h5py

_MAX_CELLS = 10**6


def variables_in_hdf5(path: Path) -> list[str]:
    """Names, shapes and classes of the variables of a MATLAB file of version 7.3.

    Args:
        path: the file.

    Returns:
        One line a variable, such as "spikes (1, 49) cell".

    Raises:
        ImportError: if h5py is not installed.
        ValueError: if the file is damaged.
    """
    try:
        with import_h5py().File(path, "r") as file:
            return [
                f"{name} {getattr(item, 'shape', ())[::-1]} {_class(item)}"
                for name, item in file.items()
                if not name.startswith("#")
            ]
    except Exception as error:
        raise ValueError(f"{str(path)!r} must be a whole MATLAB file: {_line(error)}") from error


def read_hdf5_fields(path: Path, names: list[str]) -> dict[str, Any]:
    """The named arrays of a MATLAB file of version 7.3.

    Args:
        path: the file.
        names: variables, with dots into structures.

    Returns:
        Arrays by name, with MATLAB's order of axes; cells as object arrays, text as strings.

    Raises:
        ImportError: if h5py is not installed.
        ValueError: if the file is damaged, or a name is missing.
    """
    check_hdf5(path)
    try:
        with import_h5py().File(path, "r") as file:
            return {name: _value(_at(file, name), file, name) for name in names}
    except Exception as error:
        raise ValueError(f"{str(path)!r} must hold the fields named: {_line(error)}") from error


def _at(file: Any, name: str) -> Any:
    item = file
    for part in name.split("."):
        if not hasattr(item, "keys") or part not in item:
            held = [key for key in item if key[0] != "#"] if hasattr(item, "keys") else []
            raise ValueError(
                f"`fields` must name what the file holds; no {part!r} of {name!r}, there is {held}"
            )
        item = item[part]
    return item


def _class(item: Any) -> str:
    kind = item.attrs.get("MATLAB_class", b"?")
    return kind.decode() if isinstance(kind, bytes) else str(kind)


def _value(item: Any, file: Any, name: str) -> Any:
    h5py = import_h5py()
    if not isinstance(item, h5py.Dataset):
        raise ValueError(
            f"`fields` must name arrays; {name!r} is a structure of {list(item)[:20]}: name one "
            "of its fields"
        )
    if item.dtype != h5py.ref_dtype:
        return _plain(item, name)
    if item.size > _MAX_CELLS:
        raise ValueError(f"{name!r} must hold at most {_MAX_CELLS} cells; got {item.size}")
    references = item[()].T
    cells = np.empty(references.shape, dtype=object)
    for place, reference in np.ndenumerate(references):
        cell: Any = file[reference] if reference else None
        if not isinstance(cell, h5py.Dataset) or cell.dtype == h5py.ref_dtype:
            raise ValueError(f"{name!r} must hold arrays or text in its cells")
        check_dataset(cell)
        cells[place] = _plain(cell, name)
    return cells


def _plain(dataset: Any, name: str) -> np.ndarray:
    if "MATLAB_object_decode" in dataset.attrs:
        raise ValueError(
            f"{name!r} is a MATLAB object ({_class(dataset)}): save it as plain arrays, text as a "
            "cell array of characters (cellstr)"
        )
    if dataset.attrs.get("MATLAB_empty", 0):
        # an empty array is kept as its shape
        return np.array("") if _class(dataset) == "char" else np.empty(0)
    array: np.ndarray = np.asarray(dataset[()]).T
    if _class(dataset) == "char" and array.dtype.kind in "iu":
        rows = np.atleast_2d(array)
        return np.array(["".join(map(chr, row)).rstrip() for row in rows.tolist()])
    return array


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
