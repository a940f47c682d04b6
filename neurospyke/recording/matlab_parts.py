"""The parts of a MATLAB file of version 5 to 7.2 that are asked for, without touching the rest.

Real files hold tables, string arrays and function handles beside plain arrays, and nobody but
MATLAB can read those. Every element says how long it is, so that they can be passed over: what is
asked for is copied to a file in memory, checked there, and given to scipy.
"""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

from neurospyke.recording.matlab_structure import (
    COMPRESSED,
    FLAGS,
    HEADER,
    MATRIX,
    MAX_BYTES,
    N_NAMES,
    OPAQUE,
    check_matrix,
    elements,
    number,
    opened,
    unpacked,
)

_CLASSES = (
    *("unknown", "cell", "struct", "object", "char", "sparse", "double", "single"),
    *("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "function_handle"),
)
_LOGICAL = 0x200
_HEAD_BYTES = 4096
_EMPTY = b""
Paths = set[tuple[str, ...]]


def listed_variables(path: Path) -> list[tuple[str, tuple[int, ...], str]]:
    """Names, shapes and classes of the variables, of which only the beginnings are read.

    Args:
        path: the file.

    Returns:
        One row a variable; a table or string array has its own class name and no shape.

    Raises:
        ValueError: if the file is damaged.
    """
    data, order = opened(path)
    try:
        found = [_described(head, order) for head, _, _ in _tops(data, order)]
    except ValueError as error:
        raise ValueError(f"{str(path)!r} must be a whole MATLAB file: {error}") from error
    # what has no name are the insides of objects
    return [row for row in found if row[0]]


def kept_parts(path: Path, names: Collection[str], max_bytes: int = MAX_BYTES) -> io.BytesIO:
    """A file in memory that holds the named variables and fields, and nothing else.

    Args:
        path: the file.
        names: variables, with dots into structures; those that are not there are passed over.
        max_bytes: the most the named variables may unpack to.

    Returns:
        The file. Structures keep all names of fields, and those not asked for are empty.

    Raises:
        ValueError: if the file is damaged or too large, or an object of MATLAB's is asked for.
    """
    data, order = opened(path)
    wanted: dict[str, Paths] = {}
    for name in names:
        top, *rest = name.split(".")
        wanted.setdefault(top, set()).add(tuple(rest))
    parts = [bytes(data[:HEADER])]
    try:
        for head, kind, content in _tops(data, order):
            name, _, _ = _described(head, order)
            if name in wanted:
                whole = _whole(kind, content, order, max_bytes)
                parts.append(_checked(name, whole, wanted.pop(name), order))
    except ValueError as error:
        raise ValueError(f"{str(path)!r} must be a whole MATLAB file: {error}") from error
    return io.BytesIO(b"".join(parts))


def _tops(data: memoryview, order: str) -> Iterator[tuple[memoryview, int, memoryview]]:
    """The beginning of each variable's matrix, and the element it lies in."""
    for kind, content in elements(data[HEADER:], order):
        if kind == MATRIX:
            yield content, kind, content
            continue
        if kind != COMPRESSED:
            raise ValueError(f"an element is of type {kind} where a variable should be")
        try:
            head = zlib.decompressobj().decompress(content, _HEAD_BYTES)
        except zlib.error as error:
            raise ValueError(f"a variable does not unpack: {error}") from error
        if len(head) < 8 or number(memoryview(head)[:4], order) != MATRIX:
            raise ValueError("a compressed element holds no matrix")
        yield memoryview(head)[8:], kind, content


def _described(head: memoryview, order: str) -> tuple[str, tuple[int, ...], str]:
    """Name, shape and class of a matrix, from its beginning."""
    if len(head) == 0:
        return "", (), ""
    parts = list(islice(elements(head, order), 3))
    if len(parts) < 3 or parts[0][0] != FLAGS or len(parts[0][1]) != 8:
        raise ValueError("a variable does not begin with flags, shape and name")
    flags = number(parts[0][1][:4], order)
    if flags & 0xFF == OPAQUE:
        (_, name), (_, _), (_, kind) = islice(elements(head, order), 1, 4)
        return _text(name), (), _text(kind)
    number_of_class = flags & 0xFF
    kind = _CLASSES[number_of_class if number_of_class < len(_CLASSES) else 0]
    kind = "logical" if flags & _LOGICAL else kind
    return _text(parts[2][1]), _shape(parts[1][1], order), kind


def _shape(data: memoryview, order: str) -> tuple[int, ...]:
    return tuple(number(data[place : place + 4], order) for place in range(0, len(data), 4))


def _text(data: memoryview) -> str:
    return bytes(data).rstrip(b"\0").decode("latin-1")


def _whole(kind: int, content: memoryview, order: str, max_bytes: int) -> memoryview:
    """The content of a variable's matrix."""
    if kind != COMPRESSED:
        return content
    inside = list(elements(memoryview(unpacked(content, max_bytes)), order))
    if len(inside) != 1:
        raise ValueError(f"a compressed element holds {len(inside)} matrices")
    return inside[0][1]


def _checked(name: str, whole: memoryview, wanted: Paths, order: str) -> bytes:
    pruned = _pruned(whole, wanted, order)
    try:
        check_matrix(MATRIX, memoryview(pruned), order)
    except ValueError as error:
        raise ValueError(f"{name!r}: {error}") from error
    return _element(MATRIX, pruned, order)


def _pruned(matrix: memoryview, wanted: Paths, order: str) -> bytes:
    """A matrix; of a structure the wanted fields, the others empty."""
    parts = list(elements(matrix, order))
    held = number(parts[0][1][:4], order) & 0xFF if parts else 0
    n_before = 3 + N_NAMES.get(held, 0)
    if held not in N_NAMES or () in wanted or len(parts) < n_before:
        return bytes(matrix)
    fields = _fields(parts[n_before - 2][1], parts[n_before - 1][1], order)
    n_items = math.prod(_shape(parts[1][1], order))
    if len(parts) - n_before != n_items * len(fields):
        raise ValueError(f"{n_items} structures of {len(fields)} fields do not fit their values")
    rebuilt = [_element(kind, content, order) for kind, content in parts[:n_before]]
    for place, (kind, content) in enumerate(parts[n_before:]):
        inner = {path[1:] for path in wanted if path[0] == fields[place % len(fields)]}
        kept = _pruned(content, inner, order) if inner and kind == MATRIX else _EMPTY
        rebuilt.append(_element(MATRIX, kept, order))
    return b"".join(rebuilt)


def _fields(length: memoryview, names: memoryview, order: str) -> list[str]:
    step = number(length, order)
    if step == 0 or len(names) % step:
        raise ValueError("names of fields do not fit their length")
    return [
        _text(names[place : place + step]).partition("\0")[0]
        for place in range(0, len(names), step)
    ]


def _element(kind: int, content: bytes | memoryview, order: str) -> bytes:
    size = len(content)
    sign = "little" if order == "little" else "big"
    tag = kind.to_bytes(4, sign) + size.to_bytes(4, sign)
    return b"".join((tag, content, bytes(-size % 8)))
