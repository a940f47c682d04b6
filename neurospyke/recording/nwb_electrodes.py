"""Area and depth of units in NWB files, where their own columns do not say, from the electrodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from neurospyke.recording.nwb_columns import last_and_sizes, text_of
from neurospyke.recording.report import ImportReport

# The electrode on which a unit's waveform is largest, by its id.
_PEAK = "peak_channel_id"
_DEPTHS = ("depth", "depth_um", "probe_vertical_position", "rel_y", "y")


def with_places(
    table: pd.DataFrame, units: Any, electrodes: Any
) -> tuple[pd.DataFrame, ImportReport]:
    """The unit table with `area` and `depth`, where the file says them anywhere.

    The area is the unit's own `location`, else the location of its electrodes; the depth is the
    mean over its electrodes. Those are the rows that `electrodes` points to, or else the one whose
    id is the unit's `peak_channel_id`.

    Args:
        table: one row a unit.
        units: pynwb's units table.
        electrodes: the file's electrode table, or None.

    Returns:
        The table, and what was inferred.
    """
    report = ImportReport()
    if "area" not in table and "location" in table and table["location"].astype(str).ne("").any():
        table = table.assign(area=table["location"])
        report = report.with_finding("inferred", "area taken from the unit column `location`")
    found, rows, whose = _electrode_rows(table, units, electrodes)
    if found is None:
        return table, report
    if "area" not in table and "location" in found.colnames:
        table = table.assign(area=_areas(found, rows))
        report = report.with_finding("inferred", f"area taken from the location of {whose}")
    name = next((name for name in _DEPTHS if name in found.colnames), "")
    depths = np.asarray(found[name][:]) if name else np.empty(0, dtype=object)
    if "depth" not in table and depths.ndim == 1 and depths.dtype.kind in "iuf":
        means = [float(depths[row].mean()) if len(row) else np.nan for row in rows]
        table = table.assign(depth=means)
        text = f"depth taken as the mean {name!r} of {whose}"
        report = report.with_finding("inferred", text)
    return table, report


def _electrode_rows(
    table: pd.DataFrame, units: Any, electrodes: Any
) -> tuple[Any, list[np.ndarray], str]:
    """The electrode table, for each unit its rows there, and what they are called."""
    if "electrodes" in units.colnames:
        region, sizes = last_and_sizes(units["electrodes"])
        rows = np.asarray(region.data[:]).astype(np.int64)
        lengths = sizes[0] if len(sizes) == 1 else np.ones(len(rows), dtype=np.int64)
        return region.table, np.split(rows, np.cumsum(lengths)[:-1]), "each unit's electrodes"
    if electrodes is None or _PEAK not in table:
        return None, [], ""
    ids = pd.Index(np.asarray(electrodes.id[:]))
    if not ids.is_unique or not pd.api.types.is_numeric_dtype(table[_PEAK]):
        return None, [], ""
    places = ids.get_indexer(pd.Index(table[_PEAK]))
    rows = [np.array([place] if place >= 0 else [], dtype=np.int64) for place in places]
    return electrodes, rows, f"the electrode that is each unit's `{_PEAK}`"


def _areas(electrodes: Any, rows: list[np.ndarray]) -> list[str]:
    locations = [text_of(value) for value in electrodes["location"][:]]
    return ["/".join(dict.fromkeys(locations[place] for place in row)) for row in rows]
