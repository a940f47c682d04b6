"""Reading a recording from whatever it lies in."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from neurospyke.recording.check import check_trials, merged_tables
from neurospyke.recording.codes import named_events
from neurospyke.recording.fields import Fields
from neurospyke.recording.found import Found, sound_recording
from neurospyke.recording.matlab import is_hdf5, read_matlab, variables
from neurospyke.recording.neo_formats import neo_classes, neo_events, read_neo
from neurospyke.recording.nwb import read_nwb
from neurospyke.recording.phy import read_phy
from neurospyke.recording.recording import Recording
from neurospyke.recording.report import ImportReport
from neurospyke.recording.tables import TABLES, read_spike_table, read_table

FORMATS = ("matlab", "neo", "neurospyke", "nwb", "phy", "table")
_BY_SUFFIX = {".nwb": "nwb", ".nix": "nix", **dict.fromkeys(TABLES, "table")}
_READERS = {"nwb": read_nwb, "phy": read_phy}
_MAPPED = {"matlab": read_matlab, "table": read_spike_table}
Events = str | Path | pd.DataFrame | Mapping[str, pd.DataFrame] | None


def read_recording(
    path: str | Path,
    *,
    format: str | None = None,
    events: Events = None,
    event_codes: Mapping[int | str, str] | None = None,
    fields: Fields | None = None,
    segment_gap: float | None = None,
    observed: object = None,
) -> Recording:
    """Recording from a file or folder, its format recognised or told.

    Little is repaired, and only by stated rules: times that are NaN are dropped, times slightly
    out of order sorted, units observed at different times cut to the time they share. Whatever is
    read, left out, inferred or looks wrong stands in the recording's `report`; what no rule can
    put right is refused.

    Args:
        path: an NWB file (`.nwb`); a folder of Kilosort or phy; a MATLAB file (`.mat`), by Neo or
            anyone; a table with one spike a row (`.csv`, `.tsv`, `.parquet`); arrays (`.npz`), by
            `Recording.save` or anyone; or any file or folder from which Neo reads spikes.
        format: one of `FORMATS`, or the name of one of Neo's classes, such as "blackrock"; None
            recognises it by suffix and content.
        events: more trial tables: a file with a table (`.csv`, `.tsv`, `.parquet`) that has a
            column `start_time` in seconds and is named after the file; a file or folder from which
            Neo reads events; a table (named "events"), or tables by name.
        event_codes: a name for each code of events; see `named_events`.
        fields: which variable, column or array holds what, for MATLAB files, tables and arrays.
        segment_gap: seconds between the segments of a Neo file whose segments each restart their
            clock; see `from_neo`.
        observed: (span, 2), or one (start, stop), in seconds, over what the file states; spikes
            outside are left out and counted in `report`.

    Returns:
        The recording.

    Raises:
        ImportError: if the format needs a package that is not installed.
        TypeError: if an argument is of the wrong type.
        ValueError: if the file is missing, damaged, of an unknown format, or holds no unit.
    """
    _check_types(path, format, fields)
    path = Path(path)
    kind = _format(path, format, fields)
    if segment_gap is not None and not _is_neo(kind):
        raise ValueError(f"`segment_gap` must be None for {kind}, which has no segments")
    if fields is not None and kind not in _MAPPED:
        raise ValueError(f"`fields` must be None for {kind}, whose fields have a known place")
    tables = _event_tables(events)
    if kind in _MAPPED:
        found = _MAPPED[kind](path, fields, tables)
    else:
        found = _found(path, kind, segment_gap)
    trials = merged_tables(check_trials(found.trials), tables)
    report = ImportReport()
    if event_codes is not None:
        trials, report = named_events(trials, event_codes)
    return sound_recording(found.with_trials(trials, report), observed)


def _check_types(path: Any, told: Any, fields: Any) -> None:
    if not isinstance(path, str | Path):
        raise TypeError(f"`path` must be a string or Path; got {path!r}")
    if told is not None and not isinstance(told, str):
        raise TypeError(f"`format` must be a name such as 'nwb' or 'blackrock'; got {told!r}")
    if fields is not None and not isinstance(fields, Fields):
        raise TypeError(
            f"`fields` must be Fields, as in fields=Fields(spike_times='...'); got {fields!r}"
        )


def _found(path: Path, kind: str, segment_gap: float | None) -> Found:
    if kind in _READERS:
        return _READERS[kind](path)
    if kind == "neurospyke":
        return _saved(path)
    return read_neo(path, None if kind == "neo" else kind, segment_gap)


def _is_neo(kind: str) -> bool:
    return kind == "neo" or kind not in FORMATS


def _format(path: Path, told: str | None, fields: Fields | None) -> str:
    if not path.exists():
        raise ValueError(f"`path` must be an existing file or folder; got {str(path)!r}")
    kind = told or _recognised(path, fields)
    if _is_neo(kind):
        if kind != "neo" and not neo_classes(path, kind):
            raise ValueError(f"`format` must be one of {list(FORMATS)}; got {kind!r}")
    elif path.is_dir() != (kind == "phy"):
        raise ValueError(
            f"`path` must be a {'folder' if kind == 'phy' else 'file'} for the format {kind!r}; "
            f"got {str(path)!r}"
        )
    return kind


def _recognised(path: Path, fields: Fields | None) -> str:
    if path.is_dir():
        return _recognised_folder(path)
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return "neurospyke" if fields is None and _is_saved(path) else "table"
    if suffix == ".mat":
        return "matlab" if fields is not None or not _is_by_neo(path) else "neomatlab"
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    if neo_classes(path):
        return "neo"
    raise ValueError(
        f"`path` must end in .mat, .npz, {', '.join(_BY_SUFFIX)} or as a format that Neo reads, or "
        f"`format` say what it is; got {path.name!r}"
    )


def _recognised_folder(path: Path) -> str:
    if (path / "spike_times.npy").is_file():
        return "phy"
    if neo_classes(path):
        return "neo"
    held = sorted(entry.name for entry in path.iterdir())[:10]
    raise ValueError(
        "`path` must be a folder of Kilosort or phy, with spike_times.npy, one that Neo reads, or "
        f"a file; {str(path)!r} holds {held or 'nothing'}"
    )


def _is_saved(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return True
    return "__meta__.npy" in names


def _is_by_neo(path: Path) -> bool:
    return not is_hdf5(path) and any(line.split(" ")[0] == "block" for line in variables(path))


def _event_tables(events: Events) -> dict[str, pd.DataFrame]:
    if events is None:
        return {}
    if isinstance(events, pd.DataFrame):
        events = {"events": events}
    elif isinstance(events, str | Path):
        events = _events_from(Path(events))
    if not isinstance(events, Mapping):
        raise TypeError(
            f"`events` must be a file, a table, or tables by name; got {type(events).__name__}"
        )
    return check_trials(events)


def _events_from(path: Path) -> dict[str, pd.DataFrame]:
    if not path.exists():
        raise ValueError(
            f"`events` must be an existing file, one of {list(TABLES)} or one that Neo reads; got "
            f"{str(path)!r}"
        )
    if path.suffix in TABLES:
        return {path.stem: read_table(path)}
    return neo_events(path)


def _saved(path: Path) -> Found:
    try:
        recording = Recording.load(path)
    except Exception as error:
        text = " ".join(str(error).split())
        raise ValueError(f"{str(path)!r} must be a whole saved recording: {text}") from error
    return Found(
        *(recording.spike_times, recording.offsets, recording.units, recording.trials),
        supports=[recording.observed],
        in_seconds=True,
        source=recording.source,
        notes=recording.notes,
        report=recording.report,
    )
