"""Any format that Neo reads spikes or events from, by Neo's own class for it."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from neurospyke.recording.found import Found, without_noise
from neurospyke.recording.hdf5 import check_hdf5
from neurospyke.recording.matlab_structure import check_matlab
from neurospyke.recording.neo import event_tables, found_in_block
from neurospyke.recording.neo_raw import raw_events, raw_segments
from neurospyke.recording.report import ImportReport
from neurospyke.recording.segments import joined, joined_tables

# Pickle runs what it reads; NWB and phy have readers of their own here; the example invents data.
_LEFT_OUT = ("PickleIO", "NWBIO", "PhyIO", "ExampleIO")
_CARRIED = ("SpikeTrain", "Event", "Epoch")
_MAX_LISTED = 12


def neo_classes(path: Path, told: str | None = None) -> list[Any]:
    """Neo's classes that may read a file or folder.

    Args:
        path: the file or folder.
        told: the name of one, such as "BlackrockIO" or "blackrock"; None goes by suffixes.

    Returns:
        The classes; none if Neo knows no such file.

    Raises:
        ValueError: if `told` is not one of Neo's classes that carry spikes or events.

    >>> [known.__name__ for known in neo_classes(Path("session.plx"))]
    ['PlexonIO']
    """
    from neo import io

    carrying = [known for known in io.iolist if _carries(known)]
    if told is not None:
        named = [known for known in carrying if _short(known.__name__) == _short(told)]
        if not named:
            names = sorted({_short(known.__name__) for known in carrying})
            raise ValueError(f"`format` must be one that Neo reads: {names}; got {told!r}")
        return named[:1]
    suffixes = {path.suffix}
    if path.is_dir():
        suffixes = {entry.suffix for entry in path.rglob("*") if entry.is_file()}
    kept = {suffix[1:].lower() for suffix in suffixes if len(suffix) > 1}
    return [
        known
        for known in carrying
        if (known.mode == "dir") == path.is_dir()
        and kept & {extension.lower() for extension in known.extensions if extension}
    ]


def read_neo(path: Path, told: str | None = None, segment_gap: float | None = None) -> Found:
    """What a file or folder holds that one of Neo's classes reads.

    Where several classes share a suffix, the one that finds units reads the file. Classes with a
    raw level are read there: spikes and events only, without signals and waveforms.

    Args:
        path: the file or folder.
        told: the class's name; None goes by suffixes.
        segment_gap: as for `from_neo`.

    Returns:
        The find.

    Raises:
        ImportError: if Neo needs a package that is not installed.
        ValueError: if no class, or more than one, finds units in it.
    """
    finds: dict[str, Found] = {}
    refusals: list[str] = []
    missing = False
    for known in neo_classes(path, told):
        try:
            finds[known.__name__] = _read(known, path, segment_gap)
        except Exception as error:
            # where one class needs a package, another may do without
            missing = missing or isinstance(error, ImportError)
            refusals.append(f"{known.__name__}: {_line(error)}")
    if len(finds) > 1:
        raise ValueError(
            f"{str(path)!r} is read by {sorted(finds)}: pass `format=` one of these names"
        )
    if not finds:
        why = "; ".join(refusals[:_MAX_LISTED]) or "Neo knows no such suffix"
        if missing:
            raise ImportError(f"{str(path)!r} cannot be read yet; {why}")
        if len(refusals) == 1:
            raise ValueError(f"{str(path)!r} cannot be read by Neo's {why}")
        raise ValueError(
            f"{str(path)!r} must be a whole file with units, of a format Neo reads; {why}"
        )
    return next(iter(finds.values()))


def neo_events(path: Path) -> dict[str, pd.DataFrame]:
    """Tables of the events and epochs of a file or folder that Neo reads, units or not.

    Args:
        path: the file or folder.

    Returns:
        Tables by name, times in seconds.

    Raises:
        ValueError: if no class finds events in it, or there are several segments.
    """
    refusals = []
    for known in neo_classes(path):
        try:
            with _quiet():
                parts = _event_parts(known, path)
        except Exception as error:
            refusals.append(f"{known.__name__}: {_line(error)}")
            continue
        if len(parts) == 1 and parts[0]:
            return joined_tables(parts, [0.0])
        refusals.append(f"{known.__name__}: {len(parts)} segments, {len(parts[:1])} with events")
    raise ValueError(
        f"`events` must be a table, or one segment with events that Neo reads; {str(path)!r}: "
        f"{'; '.join(refusals[:_MAX_LISTED]) or 'no such suffix'}"
    )


def _carries(known: Any) -> bool:
    return (
        known.__name__ not in _LEFT_OUT
        and known.is_readable
        and any(kind.__name__ in _CARRIED for kind in known.supported_objects)
    )


def _short(name: str) -> str:
    return name.lower().removesuffix("io").removesuffix("raw")


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]}..."


def _is_raw(known: Any) -> bool:
    from neo.rawio.baserawio import BaseRawIO

    # Neo's full reader of NIX keeps array annotations, its raw one does not.
    return issubclass(known, BaseRawIO) and known.__module__ != "neo.io.nixio"


@contextlib.contextmanager
def _quiet() -> Iterator[list[warnings.WarningMessage]]:
    """Block in which Neo's warnings are kept for the report and its log lines for the error."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield caught
    finally:
        logging.disable(level)


def _read(known: Any, path: Path, segment_gap: float | None) -> Found:
    if path.is_file() and path.suffix in (".h5", ".nix", ".kwik"):
        check_hdf5(path)
    if path.is_file() and path.suffix == ".mat":
        check_matlab(path)
    with _quiet() as caught:
        if _is_raw(known):
            segments = raw_segments(_raw_reader(known, path))
            found = without_noise(joined(segments, segment_gap, path.name))
        else:
            found = found_in_block(_block(known, path), segment_gap, path.name)
    report = ImportReport().with_finding("read", f"by Neo's {known.__name__}")
    said = {_line_of(message) for message in caught if message.category is UserWarning}
    for text in sorted(said):
        report = report.with_finding("suspicious", f"Neo warns: {text}")
    return found.with_trials(found.trials, report)


def _line_of(message: warnings.WarningMessage) -> str:
    return " ".join(str(message.message).split())[:300] or "something"


def _raw_reader(known: Any, path: Path) -> Any:
    """Neo's raw class behind one of its readers, which would parse the header at once."""
    from neo.rawio import rawiolist

    raw = next(ancestor for ancestor in known.__mro__ if ancestor in rawiolist)
    return raw(str(path))


def _event_parts(known: Any, path: Path) -> list[dict[str, pd.DataFrame]]:
    if _is_raw(known):
        return raw_events(_raw_reader(known, path))
    return [event_tables(segment) for segment in _block(known, path).segments]


def _block(known: Any, path: Path) -> Any:
    import neo

    # Neo opens NIX for writing unless told otherwise
    reader = known(str(path), **({"mode": "ro"} if known is neo.NixIO else {}))
    try:
        if neo.Block in known.readable_objects:
            blocks = _blocks(reader)
        else:
            blocks = [neo.Block()]
            blocks[0].segments.append(reader.read_segment())
    finally:
        getattr(reader, "close", lambda: None)()
    if len(blocks) != 1:
        raise ValueError(
            f"it holds {len(blocks)} blocks: read them with neo.{known.__name__} and pass one to "
            "neurospyke.recording.from_neo"
        )
    return blocks[0]


def _blocks(reader: Any) -> list:
    if hasattr(reader, "read_all_blocks"):
        return reader.read_all_blocks()
    return [reader.read_block()]
