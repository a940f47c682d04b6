"""Arrays of foreign files, read without pickle and within a limit."""

import gzip
from pathlib import Path

import numpy as np

from neurospyke import storage

_MAX_BYTES = 2 * 2**30
_IDX_UINT8 = 8


def read_npz(path: Path, max_bytes: int = _MAX_BYTES) -> dict[str, np.ndarray]:
    """Arrays of an `.npz` file by name.

    Args:
        path: the file.
        max_bytes: refuse a file that would unpack to more.

    Returns:
        The arrays.

    Raises:
        ValueError: if the file is damaged, too large, or holds Python objects.
    """
    return storage.read_npz(path, max_bytes)


def read_idx(path: Path, max_bytes: int = _MAX_BYTES) -> np.ndarray:
    """Array of a gzipped IDX file of unsigned bytes.

    Args:
        path: the file.
        max_bytes: refuse a file that would unpack to more.

    Returns:
        uint8 array in the shape the file states.

    Raises:
        ValueError: if the file is damaged, too large or of another kind.
    """
    try:
        with gzip.open(path, "rb") as file:
            content = file.read(max_bytes + 1)
    except (OSError, EOFError) as error:
        raise ValueError(f"{str(path)!r} must be a readable gzip file; {error}") from error
    if len(content) > max_bytes:
        raise ValueError(f"{str(path)!r} must unpack to at most {max_bytes} bytes")
    n_axes = content[3] if len(content) > 3 else 0
    start = 4 + 4 * n_axes
    if content[:3] != bytes([0, 0, _IDX_UINT8]) or len(content) < start or not n_axes:
        raise ValueError(f"{str(path)!r} must be an IDX file of unsigned bytes; it is not")
    shape = np.frombuffer(content[4:start], dtype=">u4").astype(np.int64)
    if len(content) - start != shape.prod():
        raise ValueError(
            f"{str(path)!r} must hold {shape.prod()} bytes of data; it holds {len(content) - start}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape).copy()
