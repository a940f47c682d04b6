"""NWB files through pynwb: flat spike times, every plain unit column, every interval table.

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
from neurospyke.recording.report import ImportReport, read_notes

_MAX_SPIKES = 2**30
_RAGGED_TEXT = "tags"
_DEPTHS = ("depth", "depth_um", "probe_vertical_position", "rel_y", "y")
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
        else its ids; `area` is the column `location`, else the location of the unit's electrodes,
        where the file has no `area`; `depth` is the mean over them where their table has it.

    Raises:
        ImportError: if pynwb is not installed.
        ValueError: if the file is damaged, is not NWB, or holds no units with spike times.
    """
    check_hdf5(path, _TABLES)
    with _opened(path) as file:
        units = _units_with_spikes(file, path)
        times, offsets = _spike_times(units)
        table, unit_report = _unit_table(units)
        tables, table_report = _interval_tables(file)
        supports = _obs_intervals(units)
        notes, report = read_notes(file.notes or "")
    return Found(
        *(times, offsets, table, tables),
        supports=supports,
        source=path.name,
        notes=notes,
        report=report + unit_report + table_report,
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


def _unit_table(units: Any) -> tuple[pd.DataFrame, ImportReport]:
    columns, dropped = _plain_columns(units)
    report = ImportReport()
    if dropped:
        text = f"unit columns with more than one value a unit left out: {dropped}"
        report = report.with_finding("dropped", text, len(dropped))
    ids = np.asarray(units.id[:])
    table = pd.DataFrame({"unit": columns.pop("unit", ids), **columns})
    if "area" not in table:
        if "location" in table and table["location"].astype(str).ne("").any():
            table["area"] = table["location"]
            report = report.with_finding("inferred", "area taken from the unit column `location`")
        elif "electrodes" in units.colnames:
            table["area"] = _electrode_areas(units)
            text = "area taken from the location of each unit's electrodes"
            report = report.with_finding("inferred", text)
    if "depth" not in table and "electrodes" in units.colnames:
        name, depths = _electrode_depths(units)
        if name:
            table["depth"] = depths
            text = f"depth taken as the mean {name!r} of each unit's electrodes"
            report = report.with_finding("inferred", text)
    return table, report


def _electrode_rows(units: Any) -> list[np.ndarray]:
    """For each unit the rows of its electrodes in their table."""
    region = units["electrodes"]
    rows = np.asarray(region.target.data[:]).astype(np.int64)
    return np.split(rows, np.asarray(region.data[:]).astype(np.int64)[:-1])


def _electrode_areas(units: Any) -> list[str]:
    locations = [_text(value) for value in units["electrodes"].target.table["location"][:]]
    return [
        "/".join(dict.fromkeys(locations[row] for row in rows)) for rows in _electrode_rows(units)
    ]


def _electrode_depths(units: Any) -> tuple[str, list[float]]:
    """The name of the column that says how deep electrodes lie, and each unit's mean of it."""
    table = units["electrodes"].target.table
    name = next((name for name in _DEPTHS if name in table.colnames), "")
    if not name:
        return "", []
    depths = np.asarray(table[name][:])
    if depths.dtype.kind not in "iuf":
        return "", []
    means = [float(depths[rows].mean()) if len(rows) else np.nan for rows in _electrode_rows(units)]
    return name, means


def _interval_tables(file: Any) -> tuple[dict[str, pd.DataFrame], ImportReport]:
    tables: dict[str, pd.DataFrame] = {}
    report = ImportReport()
    for name, intervals in (file.intervals or {}).items():
        columns, dropped = _plain_columns(intervals)
        if _RAGGED_TEXT in dropped:
            columns[_RAGGED_TEXT] = [
                ", ".join(_text(value) for value in row) for row in intervals[_RAGGED_TEXT][:]
            ]
            dropped.remove(_RAGGED_TEXT)
        if dropped:
            text = f"columns of {name!r} with more than one value a row left out: {dropped}"
            report = report.with_finding("dropped", text, len(dropped))
        if np.isnan(np.asarray(columns.get("stop_time", [0.0]), dtype=np.float64)).all():
            del columns["stop_time"]
        ids = np.asarray(intervals.id[:])
        if not np.array_equal(ids, np.arange(len(ids))):
            columns.setdefault("id", ids)
        tables[name] = pd.DataFrame(columns, index=pd.RangeIndex(len(ids)))
    return tables, report


def _plain_columns(table: Any) -> tuple[dict[str, Any], list[str]]:
    """Columns with one number, truth value or string a row, and the names of the others."""
    columns: dict[str, Any] = {}
    dropped = []
    for name in table.colnames:
        if name in ("spike_times", "obs_intervals", "electrodes"):
            continue
        column = table[name]
        values = None if hasattr(column, "target") or _is_deep(column) else _plain(column[:])
        if values is None:
            dropped.append(name)
        else:
            columns[name] = values
    return columns, dropped


def _is_deep(column: Any) -> bool:
    """Whether a row holds an array, such as a waveform, which then need not be read at all."""
    return len(getattr(column.data, "shape", ())) > 1


def _plain(values: Any) -> np.ndarray | list[str] | None:
    array = np.asarray(values)
    if array.ndim != 1:
        return None
    if array.dtype.kind in "biuf":
        return array
    if all(isinstance(value, bytes | str) for value in array):
        return [_text(value) for value in array]
    if all(isinstance(getattr(value, "name", None), str) for value in array):
        return [value.name for value in array]
    return None


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
