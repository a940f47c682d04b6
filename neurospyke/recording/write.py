"""Recordings as NWB files, through pynwb."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from neurospyke.ragged import holds_arrays
from neurospyke.recording.nwb import import_pynwb, quiet_names
from neurospyke.recording.nwb_written import check_values, written_column
from neurospyke.recording.recording import Recording
from neurospyke.recording.report import written_notes
from neurospyke.storage import whole_file

START_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)
# What may be said of a subject of whom nothing is known: any sex, at least no days old.
SUBJECT_UNKNOWN: Mapping[str, str] = MappingProxyType(
    {"subject_id": "unknown", "sex": "U", "age": "P0D/", "description": "not stated"}
)
_STANDARD_TABLES = ("trials", "epochs", "invalid_times")
_TAKEN_IN_UNITS = ("id", "spike_times", "obs_intervals", "electrodes")
_TAKEN_IN_TRIALS = ("timeseries",)


def write_nwb(
    path: str | Path,
    recording: Recording,
    *,
    session_start_time: datetime = START_UNKNOWN,
    subject: Mapping[str, str] = SUBJECT_UNKNOWN,
    images: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write a recording, of a brain or of a model, as an NWB file, whole or not at all.

    `read_recording` gives back the same spike times, unit columns, trial tables, observed spans,
    notes and import report. Whole-number units become the file's ids; other names go to a column
    `unit`. Events have no stop: theirs is written as NaN, and a `stop_time` that is NaN in every
    row is read as absent.

    Args:
        path: the file, ending in `.nwb`; an existing file is replaced only on success.
        recording: what to write.
        session_start_time: when time 0 was, with its time zone; the default, 1970-01-01 UTC,
            means that it is not known.
        subject: fields of NWB's subject, such as `subject_id`, `species` ("Macaca mulatta"), `sex`
            ("F") and `age` ("P7Y"); for a model, say so in `subject_id` and `description`.
        images: pictures by stimulus label, (height, width) or (height, width, 3), which the file
            keeps as templates of the stimuli and `read_pictures` gives back.

    Raises:
        ImportError: if pynwb is not installed.
        TypeError: if an argument is of the wrong type, a table holds anything but numbers, truth
            values, strings and arrays of them, or an image is no array of numbers.
        ValueError: if the time has no zone, the path another suffix, the subject an unknown field,
            an image another shape, or a table, column or image a name that NWB keeps for something
            else.
    """
    if Path(path).suffix != ".nwb":
        raise ValueError(f"`path` must end in .nwb; got {str(path)!r}")
    _check_types(session_start_time, subject, images)
    if session_start_time.tzinfo is None:
        raise ValueError(
            f"`session_start_time` must have a time zone; got {session_start_time!r}: add "
            "tzinfo=datetime.UTC or the place's own"
        )
    _check_tables(recording)
    file = _nwb_file(recording, session_start_time)
    file.subject = _subject(subject)
    if images:
        file.add_stimulus_template(_pictures(images))
    with whole_file(path) as temporary, import_pynwb().NWBHDF5IO(str(temporary), "w") as io:
        io.write(file)


def _check_types(start: object, subject: object, images: object) -> None:
    if not isinstance(start, datetime):
        raise TypeError(f"`session_start_time` must be a datetime with a zone; got {start!r}")
    for name, value in (("subject", subject), ("images", images or {})):
        if not isinstance(value, Mapping):
            raise TypeError(f"`{name}` must be a mapping; got {type(value).__name__}")


def _check_tables(recording: Recording) -> None:
    _check_columns(recording.units, "units", _TAKEN_IN_UNITS)
    for name, table in recording.trials.items():
        _check_name(name, "trials")
        _check_columns(table, f"trials[{name!r}]", _TAKEN_IN_TRIALS)


def _check_columns(table: pd.DataFrame, name: str, taken: tuple[str, ...]) -> None:
    for column in table.columns:
        if column in taken or "/" in column or ":" in column or not column:
            raise ValueError(f"`{name}` must not name a column {column!r} in NWB: rename it")
        check_values(table[column], name)


def _nwb_file(recording: Recording, start: datetime) -> Any:
    pynwb = import_pynwb()
    file = pynwb.NWBFile(
        session_description=recording.source or "spike times of sorted units",
        identifier=_identifier(recording),
        session_start_time=start,
        notes=written_notes(recording.notes, recording.report) or None,
    )
    file.units = _units(recording, file)
    for name, table in recording.trials.items():
        intervals = _intervals(name, table)
        if name in _STANDARD_TABLES:
            setattr(file, name, intervals)
        else:
            file.add_time_intervals(intervals)
    return file


def _subject(fields: Mapping[str, str]) -> Any:
    try:
        return import_pynwb().file.Subject(**fields)
    except TypeError as error:
        raise ValueError(f"`subject` must hold fields of an NWB subject: {error}") from error


def _pictures(images: Mapping[str, np.ndarray]) -> Any:
    from pynwb.base import Images
    from pynwb.image import GrayscaleImage, RGBImage

    pictures = []
    for label, pixels in images.items():
        _check_name(label, "images")
        if not isinstance(pixels, np.ndarray) or pixels.dtype.kind not in "uif":
            raise TypeError(f"`images` must be arrays of numbers; {label!r} is {type(pixels)}")
        if pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)):
            raise ValueError(
                "`images` must be (height, width) or (height, width, 3); "
                f"{label!r} is {pixels.shape}"
            )
        kind = GrayscaleImage if pixels.ndim == 2 else RGBImage
        pictures.append(kind(name=label, data=pixels, description=f"stimulus {label}"))
    return Images(name="stimulus_images", images=pictures, description="stimuli, by label")


def _check_name(name: str, what: str) -> None:
    if not name or "/" in name or ":" in name:
        raise ValueError(f"`{what}` must have names without '/' and ':'; got {name!r}: rename")


def _identifier(recording: Recording) -> str:
    digest = hashlib.sha256()
    for array in (recording.spike_times, recording.offsets, recording.observed):
        digest.update(array.tobytes())
    return digest.hexdigest()


def _units(recording: Recording, file: Any) -> Any:
    from hdmf.common import VectorData, VectorIndex
    from pynwb.misc import Units

    table = recording.units
    as_ids = table["unit"].dtype.kind in "iu" and table["unit"].is_unique
    n_spans = len(recording.observed)
    times = VectorData(
        name="spike_times", description="spike times in seconds", data=recording.spike_times
    )
    spans = VectorData(
        name="obs_intervals",
        description="observed spans in seconds",
        data=np.tile(recording.observed, (recording.n_units, 1)),
    )
    span_ends = n_spans * np.arange(1, recording.n_units + 1)
    columns = [
        times,
        VectorIndex(name="spike_times_index", data=recording.offsets[1:], target=times),
        spans,
        VectorIndex(name="obs_intervals_index", data=span_ends, target=spans),
    ]
    for name in table.columns:
        if name == "electrode_group" and not holds_arrays(table[name]):
            groups = _electrode_groups(table[name], file)
            columns.append(VectorData(name=name, description="groups", data=groups))
        elif name != "unit" or not as_ids:
            columns += written_column(table[name], f"{name} of each unit")
    ids = table["unit"].to_numpy() if as_ids else np.arange(len(table))
    with quiet_names():
        return Units(name="units", description="sorted units", id=ids, columns=columns)


def _electrode_groups(names: Any, file: Any) -> list:
    """NWB wants this column to refer to groups, so each name becomes one."""
    device = file.create_device(name="unknown")
    groups = {
        name: file.create_electrode_group(
            name=name, description=name, location="unknown", device=device
        )
        for name in dict.fromkeys(names)
    }
    return [groups[name] for name in names]


def _intervals(name: str, table: pd.DataFrame) -> Any:
    from pynwb.epoch import TimeIntervals

    if "stop_time" not in table:
        table = table.assign(stop_time=np.nan)
    columns = [
        written
        for column in table.columns
        for written in written_column(table[column], f"{column} of each row")
    ]
    with quiet_names():
        return TimeIntervals(name=name, description=name, columns=columns)
