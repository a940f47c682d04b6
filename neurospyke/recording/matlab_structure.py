"""The structure of MATLAB files of version 5 to 7.2, checked before scipy reads them.

scipy believes the type numbers in a file, and a damaged one can end the process. Here every element
is looked at first: a known type, a length within its parent, and parts as its class wants them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

HEADER = 128
MATRIX, COMPRESSED, FLAGS = 14, 15, 6
_NUMBERS = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 12, 13})
_TEXT = _NUMBERS | {16, 17, 18}
_CELL, STRUCT, OBJECT, _CHAR, FUNCTION, OPAQUE = 1, 2, 3, 4, 16, 17
_PLAIN = frozenset(range(5, 16))
# Structures say how long names are, and the names; objects before that the name of their class.
N_NAMES = MappingProxyType({STRUCT: 2, OBJECT: 3})
MAX_BYTES = 2**31
_MAX_DEPTH = 50
_CHUNK = 2**20


def check_matlab(path: Path, max_bytes: int = MAX_BYTES) -> None:
    """Refuse a file whose elements do not fit together, or that would unpack to too much.

    Args:
        path: the file.
        max_bytes: the most it may unpack to.

    Raises:
        ValueError: if it is damaged or too large.
    """
    data, order = opened(path, max_bytes)
    total = 0
    try:
        for kind, content in elements(data[HEADER:], order):
            if kind == COMPRESSED:
                whole = memoryview(unpacked(content, max_bytes - total))
                total += len(whole)
                for inner, part in elements(whole, order):
                    check_matrix(inner, part, order)
            else:
                check_matrix(kind, content, order)
    except ValueError as error:
        raise ValueError(f"{str(path)!r} must be a whole MATLAB file: {error}") from error


def opened(path: Path, max_bytes: int = MAX_BYTES) -> tuple[memoryview, str]:
    """The bytes of a file, and in which order it keeps those of a number.

    Args:
        path: the file.
        max_bytes: the most it may hold.

    Returns:
        All bytes, header included, and "little" or "big".

    Raises:
        ValueError: if it is too large, or not of version 5 to 7.2.
    """
    size = path.stat().st_size
    if size > max_bytes:
        raise ValueError(f"{str(path)!r} must be under {max_bytes} bytes; got {size}")
    data = path.read_bytes()
    order = {b"IM": "little", b"MI": "big"}.get(data[126:128])
    if order is None:
        raise ValueError(f"{str(path)!r} must be a MATLAB file of version 5 or later")
    return memoryview(data), order


def unpacked(packed: memoryview, limit: int = MAX_BYTES) -> bytes:
    """What a compressed element holds.

    Args:
        packed: its content.
        limit: the most bytes it may unpack to.

    Returns:
        The bytes.

    Raises:
        ValueError: if it does not unpack, or to more.
    """
    stream = zlib.decompressobj()
    parts, total, rest = [], 0, bytes(packed)
    try:
        while rest and not stream.eof:
            part = stream.decompress(rest, _CHUNK)
            total += len(part)
            if total > limit:
                raise ValueError(f"it unpacks to more than {limit} bytes")
            parts.append(part)
            rest = stream.unconsumed_tail
    except zlib.error as error:
        raise ValueError(f"a variable does not unpack: {error}") from error
    return b"".join(parts)


def elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """The elements that follow one another in a file, or in a matrix.

    Args:
        data: their bytes.
        order: "little" or "big".

    Yields:
        The type number and the content of each.

    Raises:
        ValueError: at the first that does not fit.
    """
    place = 0
    while place < len(data):
        if len(data) - place < 8:
            raise ValueError("it ends within an element")
        first = number(data[place : place + 4], order)
        if first >> 16:
            kind, n_bytes, begin = first & 0xFFFF, first >> 16, place + 4
            if n_bytes > 4:
                raise ValueError(f"a small element claims {n_bytes} bytes")
            place += 8
        else:
            kind, n_bytes, begin = first, number(data[place + 4 : place + 8], order), place + 8
            place = begin + n_bytes
            if kind != COMPRESSED:
                place += -n_bytes % 8
        if begin + n_bytes > len(data):
            raise ValueError(f"an element claims {n_bytes} bytes of {len(data) - begin} left")
        yield kind, data[begin : begin + n_bytes]


def number(data: memoryview, order: str) -> int:
    """A whole number from 0 up, from its bytes.

    Args:
        data: the bytes.
        order: "little" or "big".

    Returns:
        The number.

    >>> number(memoryview(bytes([1, 2])), "big")
    258
    """
    return int.from_bytes(data, "little" if order == "little" else "big")


def check_matrix(kind: int, data: memoryview, order: str, depth: int = 0) -> None:
    """Refuse a matrix that scipy could stumble over, or that holds an object of MATLAB's.

    Args:
        kind: its type number.
        data: its content.
        order: "little" or "big".
        depth: how many matrices it lies in.

    Raises:
        ValueError: saying what is wrong with it.
    """
    if kind != MATRIX:
        raise ValueError(f"an element is of type {kind} where a matrix should be")
    if depth > _MAX_DEPTH:
        raise ValueError(f"cells and structures go deeper than {_MAX_DEPTH}")
    if len(data) == 0:
        return
    flags, *parts = elements(data, order)
    if flags[0] != FLAGS or len(flags[1]) != 8:
        raise ValueError("a matrix does not begin with its flags")
    held = number(flags[1][:4], order) & 0xFF
    if held in (FUNCTION, OPAQUE):
        raise ValueError(
            "it holds a MATLAB object (a table, a string array or a function handle): save it as "
            "plain arrays, text as a cell array of characters (cellstr)"
        )
    if held not in {_CELL, STRUCT, OBJECT, _CHAR} | _PLAIN:
        raise ValueError(f"a matrix is of class {held}, which there is not")
    _check_parts(held, parts, order, depth)


def _check_parts(held: int, parts: list, order: str, depth: int) -> None:
    n_names = N_NAMES.get(held, 0)
    if len(parts) < 2 + n_names or parts[0][0] != 5 or len(parts[0][1]) % 4:
        raise ValueError("a matrix lacks its dimensions or name")
    n_items = 1
    dimensions = parts[0][1]
    for place in range(0, len(dimensions), 4):
        n_items *= number(dimensions[place : place + 4], order)
    if any(kind not in _NUMBERS for kind, _ in parts[1 : 2 + n_names]):
        raise ValueError("a matrix lacks its names")
    _check_content(held, parts[2 + n_names :], n_items, order, depth)


def _check_content(held: int, inside: list, n_items: int, order: str, depth: int) -> None:
    if held in (_CELL, STRUCT, OBJECT):
        if held == _CELL and n_items != len(inside):
            raise ValueError(f"a cell array of {n_items} cells holds {len(inside)}")
        if held != _CELL and n_items > 0 and len(inside) % n_items:
            raise ValueError(f"a structure array of {n_items} holds {len(inside)} values")
        for kind, content in inside:
            check_matrix(kind, content, order, depth + 1)
    elif any(kind not in (_TEXT if held == _CHAR else _NUMBERS) for kind, _ in inside):
        raise ValueError("an array holds something that is no number")
    elif len(inside) > 4 or (n_items > 0 and not inside):
        raise ValueError(f"an array of {n_items} numbers has {len(inside)} parts")
