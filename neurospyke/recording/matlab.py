"""MATLAB files by an explicit field map: versions 5 to 7.2 through scipy, 7.3 through h5py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from neurospyke.recording.fields import Fields, found_in
from neurospyke.recording.found import Found
from neurospyke.recording.matlab_hdf5 import read_hdf5_fields, variables_in_hdf5
from neurospyke.recording.matlab_parts import kept_parts, listed_variables

_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


def read_matlab(
    path: Path,
    fields: Fields | None,
    events: Mapping[str, pd.DataFrame] = MappingProxyType({}),
) -> Found:
    """What a MATLAB file holds in the named variables.

    Args:
        path: the file.
        fields: which variable, or field of a structure, holds what.
        events: tables of trials from elsewhere, to which times may be relative.

    Returns:
        The find.

    Raises:
        ImportError: if the file is of version 7.3 and h5py is not installed.
        ValueError: if the file is damaged or too large, or a field is missing or holds something
            else, such as an object of MATLAB's; without `fields`, the error lists the variables.
    """
    held = variables(path)
    if fields is None:
        raise ValueError(
            f"{path.name} must be read with `fields`, which say what is where; it holds "
            f"{', '.join(held[:20]) or 'nothing'}: pass fields=Fields(spike_times='...', ...)"
        )
    if is_hdf5(path):
        return found_in(read_hdf5_fields(path, fields.names), fields, path.name, events)
    names = [line.split(" ")[0] for line in held]
    absent = [name for name in fields.names if name.partition(".")[0] not in names]
    if absent:
        raise ValueError(f"`fields` must name what the file holds; no {absent}, it has {names}")
    loaded = _loaded(path, fields.names)
    arrays = {name: _at(loaded, name) for name in fields.names}
    return found_in(arrays, fields, path.name, events)


def variables(path: Path) -> list[str]:
    """Names, shapes and classes of a MATLAB file's variables, as text.

    Args:
        path: the file.

    Returns:
        One line a variable, such as "spikes (1, 49) cell".

    Raises:
        ImportError: if the file is of version 7.3 and h5py is not installed.
        ValueError: if the file is damaged.
    """
    if is_hdf5(path):
        return variables_in_hdf5(path)
    return [f"{name} {shape} {kind}" for name, shape, kind in listed_variables(path)]


def is_hdf5(path: Path) -> bool:
    """Whether a file is HDF5 behind at most 512 bytes, as MATLAB's version 7.3 is.

    Args:
        path: the file.

    Returns:
        True if so.
    """
    with path.open("rb") as file:
        head = file.read(520)
    return head[:8] == _HDF5_MAGIC or head[512:520] == _HDF5_MAGIC


def _loaded(path: Path, names: list[str]) -> dict[str, Any]:
    import scipy.io

    kept: Any = kept_parts(path, names)
    try:
        return scipy.io.loadmat(kept, chars_as_strings=True)
    except Exception as error:
        raise ValueError(f"{str(path)!r} must be a whole MATLAB file: {_line(error)}") from error


def _at(loaded: dict[str, Any], name: str) -> Any:
    """The array under a name with dots into structures."""
    top, *rest = name.split(".")
    value = loaded[top]
    for part in rest:
        if not isinstance(value, np.ndarray) or part not in (value.dtype.names or ()):
            held = list(getattr(value, "dtype", np.dtype(float)).names or ())
            raise ValueError(
                f"`fields` must name what the file holds; no {part!r} of {name!r}, there is {held}"
            )
        value = value[part]
        if value.size == 1:
            value = value.ravel()[0]
    return _plain(value, name)


def _plain(value: Any, name: str) -> Any:
    """Strings without MATLAB's padding, cells of one level, arrays as they are."""
    array = np.asarray(value)
    if array.dtype.names is not None:
        raise ValueError(
            f"`fields` must name arrays; {name!r} is a structure of {list(array.dtype.names)}: "
            "name one of its fields"
        )
    if array.dtype.kind == "U":
        return np.char.rstrip(array)
    return array


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
