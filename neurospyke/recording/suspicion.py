"""What in a sound recording looks wrong all the same: kept as it is, but said."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from neurospyke.recording.check import inside
from neurospyke.recording.recording import Recording
from neurospyke.recording.report import ImportReport
from neurospyke.responses import UNKNOWN

_MIN_ROWS = 10
_MAX_NAMED = 10
# Clocks of good hardware agree within a few parts in a million; pulses are seen to about 1 ms.
_DRIFT = 5e-6
_JITTER = 0.002
_SLOW = 0.02
_LONG = 6 * 3600.0


def known_areas(units: pd.DataFrame) -> tuple[pd.DataFrame, ImportReport]:
    """Unit table whose missing areas are called "unknown".

    Args:
        units: one row a unit.

    Returns:
        The table, and a finding if there were any.

    >>> known_areas(pd.DataFrame({"unit": [1, 2], "area": ["V4", ""]}))[0]["area"].tolist()
    ['V4', 'unknown']
    """
    if "area" not in units:
        return units, ImportReport()
    missing = units["area"].isna() | (units["area"].astype(str).str.strip() == "")
    n_missing = int(missing.sum())
    if n_missing == 0:
        return units, ImportReport()
    areas = units["area"].astype(object).where(~missing, UNKNOWN)
    text = f"{n_missing} of {len(units)} units without an area, called {UNKNOWN!r}"
    return units.assign(area=areas), ImportReport().with_finding("suspicious", text, n_missing)


def suspicions(recording: Recording, *, stated: bool) -> ImportReport:
    """What in a recording looks wrong, or will make some statistic undefined.

    Args:
        recording: the recording, already sound.
        stated: whether the file or the caller stated the observed time.

    Returns:
        One finding for each kind of suspicion that holds.
    """
    report = _silent_units(recording) + _repeated_times(recording)
    if stated:
        report += _at_the_end(recording)
    report += _too_slow(recording)
    for name, table in recording.trials.items():
        report += _trial_table(name, table, recording)
    return report + _drifting(recording.trials)


def _silent_units(recording: Recording) -> ImportReport:
    report = ImportReport()
    sizes = np.diff(recording.offsets)
    for n_spikes, text in ((0, "without spikes"), (1, "with a single spike")):
        units = recording.units["unit"][sizes == n_spikes]
        if len(units):
            line = f"{len(units)} of {len(sizes)} units {text}: {_listed(units)}"
            report = report.with_finding("suspicious", line, len(units))
    return report


def _repeated_times(recording: Recording) -> ImportReport:
    n_repeated = np.array(
        [
            np.count_nonzero(np.diff(recording.unit_spikes(unit)) == 0)
            for unit in range(recording.n_units)
        ]
    )
    if not n_repeated.any():
        return ImportReport()
    units = recording.units["unit"][n_repeated > 0]
    total = int(n_repeated.sum())
    text = f"{total} spikes at the same time as the spike before, of units {_listed(units)}"
    return ImportReport().with_finding("suspicious", text, total)


def _at_the_end(recording: Recording) -> ImportReport:
    n_last = int(np.isin(recording.spike_times, recording.observed[:, 1]).sum())
    if n_last == 0:
        return ImportReport()
    text = f"{n_last} spikes at the very end of the observed time fall in no half-open bin"
    return ImportReport().with_finding("suspicious", text, n_last)


def _too_slow(recording: Recording) -> ImportReport:
    rate = recording.n_spikes / recording.n_units / recording.duration
    if recording.n_spikes == 0 or recording.duration < _LONG or rate > _SLOW:
        return ImportReport()
    text = (
        f"units fire {rate:.2g} spikes/s over {recording.duration / 3600:.3g} hours: are times "
        "milliseconds or samples?"
    )
    return ImportReport().with_finding("suspicious", text, recording.n_units)


def _trial_table(name: str, table: pd.DataFrame, recording: Recording) -> ImportReport:
    report = ImportReport()
    starts = table["start_time"].to_numpy()
    if len(table) == 0:
        return report
    n_outside = int((~inside(starts, recording.observed)).sum())
    if n_outside:
        text = f"{n_outside} of {len(table)} rows of {name!r} start outside the observed time"
        report = report.with_finding("suspicious", text, n_outside)
    latest = float(recording.spike_times.max()) if recording.n_spikes else 0.0
    if len(table) >= _MIN_ROWS and 0 < latest < 0.1 * starts.max():
        text = (
            f"spikes end at {latest:g} s but rows of {name!r} go on to {starts.max():g} s: do "
            "spike times count from each trial, or are they in another unit?"
        )
        report = report.with_finding("suspicious", text, len(table))
    return report + _stops(name, table)


def _stops(name: str, table: pd.DataFrame) -> ImportReport:
    report = ImportReport()
    if "stop_time" not in table:
        return report
    order = np.argsort(table["start_time"].to_numpy(), kind="stable")
    starts, stops = (table[column].to_numpy()[order] for column in ("start_time", "stop_time"))
    n_open = int(np.isnan(stops).sum())
    if n_open > 0:
        text = f"{n_open} of {len(table)} rows of {name!r} without a stop"
        report = report.with_finding("suspicious", text, n_open)
    n_reversed = int((stops < starts).sum())
    if n_reversed:
        text = f"{n_reversed} of {len(table)} rows of {name!r} stop before they start"
        report = report.with_finding("suspicious", text, n_reversed)
    n_overlapping = int((starts[1:] < stops[:-1]).sum())
    if n_overlapping:
        share = n_overlapping / len(table)
        text = f"{n_overlapping} rows of {name!r} ({share:.0%}) overlap the next"
        report = report.with_finding("suspicious", text, n_overlapping)
    return report


def _drifting(trials: Mapping[str, pd.DataFrame]) -> ImportReport:
    """Pairs of tables of equally many rows that keep a straight line but not the same pace."""
    report = ImportReport()
    long = {name: table for name, table in trials.items() if len(table) >= _MIN_ROWS}
    for (name, one), (other, two) in combinations(long.items(), 2):
        if len(one) != len(two):
            continue
        a, b = (np.sort(table["start_time"].to_numpy()) for table in (one, two))
        span = float(np.ptp(a))
        if span == 0:
            continue
        slope, start = np.polyfit(a - a[0], b - a[0], 1)
        jitter = float(np.abs(start + slope * (a - a[0]) - (b - a[0])).max())
        drift = (slope - 1) * span
        if jitter < _JITTER and abs(slope - 1) > _DRIFT and abs(drift) > 2 * _JITTER:
            text = (
                f"clocks of {name!r} and {other!r} drift apart by {drift:.3g} s in {span:.6g} s "
                f"({1e6 * (slope - 1):.3g} parts in a million)"
            )
            report = report.with_finding("suspicious", text, len(one))
    return report


def _listed(values: pd.Series) -> str:
    shown = ", ".join(str(value) for value in list(values)[:_MAX_NAMED])
    return f"{shown}{', ...' if len(values) > _MAX_NAMED else ''}"
