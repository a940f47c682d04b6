"""NWB files through pynwb: flat spike times, every unit column, every interval table.

Neo's own NWB reader is not used: it reads neither trials nor unit columns, and refuses files
without `obs_intervals`.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neurospyke.recording.found import Found
from neurospyke.recording.hdf5 import check_hdf5
from neurospyke.recording.nwb_columns import read_columns
from neurospyke.recording.nwb_electrodes import with_places
from neurospyke.recording.pictures import read_pictures
from neurospyke.recording.report import ImportReport, read_notes

_MAX_SPIKES = 2**30
_RAGGED_TEXT = "tags"
_INVALID = "invalid_times"
_TABLES = ("units", "intervals", "general/extracellular_ephys/electrodes")
# What lazy reading of a damaged table may raise.
_DAMAGE = (OSError, LookupError, AttributeError, RuntimeError, TypeError, MemoryError, UnicodeError)


def import_pynwb() -> Any:
    """The module pynwb.

    Returns:
        The module.

    Raises:
        ImportError: if it is not installed, with the command that installs it.
    """
    try:
        import pynwb
    except ImportError as error:
        raise ImportError("NWB files need pynwb: pip install 'neurospyke[nwb]'") from error
    return pynwb


def read_nwb(path: Path) -> Found:
    """What an NWB file holds.

    Args:
        path: the file.

    Returns:
        The find, observed in the units' `obs_intervals`: `unit` is the file's column of that name,
        else its ids; `area` and `depth` as `with_places` finds them; columns as in `read_columns`.

    Raises:
        ImportError: if pynwb is not installed.
        ValueError: if the file is damaged, is not NWB, or holds no units with spike times.
    """
    check_hdf5(path, _TABLES)
    with _opened(path) as file:
        units = _units_with_spikes(file, path)
        times, offsets = _spike_times(units)
        table, unit_report = _unit_table(file, units)
        tables, table_report = _interval_tables(file)
        table_report += _invalid_times(tables)
        supports = _obs_intervals(units)
        notes, report = read_notes(file.notes or "")
    return Found(
        *(times, offsets, table, tables),
        supports=supports,
        source=path.name,
        notes=notes,
        report=report + unit_report + table_report + _pictures(path),
    )


@contextmanager
def quiet_names() -> Iterator[None]:
    """Block in which a column may be called like an attribute of its table, such as `name`.

    hdmf warns that such a column is out of reach as an attribute; columns here are only ever
    reached by item.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "An attribute '.*' already exists on", UserWarning)
        yield


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    pynwb = import_pynwb()
    io = None
    try:
        with quiet_names():
            # Files by older writers name a device's maker in a field since deprecated, which has
            # no bearing on spikes.
            warnings.filterwarnings("ignore", "The 'manufacturer' field is deprecated")
            io = pynwb.NWBHDF5IO(str(path), "r")
            file = io.read()
    except Exception as error:
        if io is not None:
            io.close()
        raise ValueError(f"{str(path)!r} must be a whole NWB file: {error!r}") from error
    try:
        yield file
    except _DAMAGE as error:
        raise ValueError(f"{str(path)!r} must be a sound NWB file: {error!r}") from error
    finally:
        io.close()


def _units_with_spikes(file: Any, path: Path) -> Any:
    units = file.units
    if units is None or len(units) == 0:
        held = [*file.acquisition, *file.processing]
        raise ValueError(
            f"{path.name} must hold sorted units; its units table is "
            f"{'missing' if units is None else 'empty'}, and it holds {held or 'no other data'}"
        )
    if "spike_times" not in units.colnames:
        raise ValueError(
            f"{path.name} must hold spike times of its units; its units table has only "
            f"{list(units.colnames)}"
        )
    return units


def _spike_times(units: Any) -> tuple[np.ndarray, np.ndarray]:
    data = units.spike_times.data
    if len(data) > _MAX_SPIKES:
        raise ValueError(f"the units must hold at most {_MAX_SPIKES} spikes; got {len(data)}")
    ends = np.asarray(units.spike_times_index.data[:]).astype(np.int64)
    times = np.asarray(data[:]).astype(np.float64)
    return times, np.concatenate([[0], ends])


def _obs_intervals(units: Any) -> list[np.ndarray]:
    if "obs_intervals" not in units.colnames:
        return []
    spans = np.asarray(units.obs_intervals.data[:], dtype=np.float64).reshape(-1, 2)
    ends = np.asarray(units.obs_intervals_index.data[:]).astype(np.int64)
    return np.split(spans, ends[:-1])


def _unit_table(file: Any, units: Any) -> tuple[pd.DataFrame, ImportReport]:
    columns, report = read_columns(units, "units")
    ids = np.asarray(units.id[:])
    table = pd.DataFrame({"unit": columns.pop("unit", ids), **columns})
    table, inferred = with_places(table, units, file.electrodes)
    return table, report + inferred


def _interval_tables(file: Any) -> tuple[dict[str, pd.DataFrame], ImportReport]:
    tables: dict[str, pd.DataFrame] = {}
    report = ImportReport()
    for name, intervals in (file.intervals or {}).items():
        columns, dropped = read_columns(intervals, name)
        report += dropped
        if isinstance(columns.get(_RAGGED_TEXT), np.ndarray):
            # one text a row, so that rows can be selected by it
            columns[_RAGGED_TEXT] = [", ".join(map(str, row)) for row in columns[_RAGGED_TEXT]]
        if np.isnan(np.asarray(columns.get("stop_time", [0.0]), dtype=np.float64)).all():
            del columns["stop_time"]
        ids = np.asarray(intervals.id[:])
        if not np.array_equal(ids, np.arange(len(ids))):
            columns.setdefault("id", ids)
        tables[name] = pd.DataFrame(columns, index=pd.RangeIndex(len(ids)))
    return tables, report


def _invalid_times(tables: dict[str, pd.DataFrame]) -> ImportReport:
    table = tables.get(_INVALID)
    if table is None or len(table) == 0:
        return ImportReport()
    text = (
        f"{len(table)} rows of {_INVALID!r} say when the recording is not to be trusted; that time "
        "is kept: pass `observed=` without it, or leave out the trials in it"
    )
    return ImportReport().with_finding("suspicious", text, len(table))


def _pictures(path: Path) -> ImportReport:
    n_pictures = len(read_pictures(path))
    if n_pictures == 0:
        return ImportReport()
    text = f"{n_pictures} pictures of stimuli, which `read_pictures` gives"
    return ImportReport().with_finding("read", text, n_pictures)
