"""From what a reader found to a recording: every repair by a stated rule, all of it reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace

import numpy as np
import pandas as pd

from neurospyke.recording.check import check_offsets, check_trials, check_units
from neurospyke.recording.observed import common_support, crop, inferred_span
from neurospyke.recording.recording import Recording
from neurospyke.recording.repair import checked_seconds, finite_times, times_in_order
from neurospyke.recording.report import ImportReport
from neurospyke.recording.suspicion import known_areas, suspicions

_NOISE = "noise"


@dataclass(frozen=True, eq=False)
class Found:
    """What a reader found in a file, neither checked nor repaired.

    Args:
        times: (spike,) float64 seconds, unit after unit.
        offsets: (unit + 1,) where each unit's times begin and end.
        units: one row a unit.
        trials: tables by name.
        supports: observed spans, (span, 2) in seconds: one array for all units or one for each;
            empty where the file does not state them.
        start: where the recording is known to begin, if it does not state more.
        in_seconds: True where times were samples or another unit and have been converted, so that
            whole numbers mean nothing.
        source: where it comes from.
        notes: what the file itself says.
        report: what the reader did.
    """

    times: np.ndarray
    offsets: np.ndarray
    units: pd.DataFrame
    trials: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    _: KW_ONLY
    supports: Sequence[np.ndarray] = ()
    start: float | None = None
    in_seconds: bool = False
    source: str = ""
    notes: tuple[str, ...] = ()
    report: ImportReport = field(default_factory=ImportReport)

    def with_trials(self, trials: Mapping[str, pd.DataFrame], report: ImportReport) -> Found:
        """The find with other trial tables and a longer report.

        Args:
            trials: tables by name.
            report: what was done to get them.

        Returns:
            A new find.
        """
        return replace(self, trials=trials, report=self.report + report)


def without_noise(found: Found) -> Found:
    """The find without units whose `quality` is "noise".

    Args:
        found: what a reader found.

    Returns:
        The find; its report counts the units and spikes left out.

    Raises:
        ValueError: if no unit is left.

    >>> units = pd.DataFrame({"unit": [4, 9], "quality": ["good", "noise"]})
    >>> found = without_noise(Found(np.array([0.1, 0.2, 0.3]), np.array([0, 1, 3]), units))
    >>> print(found.report)
    excluded: 1 of 2 units labelled noise left out, with 2 spikes: [9]
    """
    if "quality" not in found.units:
        return found
    noise = (found.units["quality"] == _NOISE).to_numpy()
    if not noise.any():
        return found
    if noise.all():
        raise ValueError(f"{found.source!r} must hold a unit that is not noise; got none")
    names = found.units.loc[noise, "unit"].tolist()
    sizes = np.diff(found.offsets)
    n_spikes = int(sizes[noise].sum())
    text = (
        f"{len(names)} of {len(noise)} units labelled noise left out, with {n_spikes} spikes: "
        f"{names}"
    )
    return replace(
        found,
        times=found.times[~np.repeat(noise, sizes)],
        offsets=np.concatenate([[0], np.cumsum(sizes[~noise])]),
        units=found.units[~noise].reset_index(drop=True),
        supports=_kept_supports(found.supports, noise),
        report=found.report.with_finding("excluded", text, len(names)),
    )


def sound_recording(found: Found, observed: object = None) -> Recording:
    """Recording from what a reader found, repaired where a rule allows, refused where none does.

    Times that are NaN are dropped. Times out of order are sorted if fewer than 1 % step back, each
    by less than 1 % of the unit's span; more is a clock that restarts and is refused. Times that
    cannot be seconds are refused with the factor suspected. Units observed at different times are
    cut to the time common to all. Whatever was done, left out, inferred or looks wrong stands in
    the recording's report.

    Args:
        found: what the reader found.
        observed: (span, 2), or one (start, stop), in seconds, over what the file states.

    Returns:
        The recording.

    Raises:
        ValueError: if the times cannot be put right, or as for `Recording`.

    >>> times = np.array([0.25, 0.5, np.nan, 0.2, 0.3])
    >>> found = Found(times, np.array([0, 3, 5]), pd.DataFrame({"unit": [7, 9]}))
    >>> print(sound_recording(found, observed=(0, 1)).report)
    read: 2 units, 5 spikes
    dropped: 1 spike times NaN or infinite, of units 7 (1)
    """
    check_units(found.units)
    check_offsets(found.offsets, len(found.units), len(found.times))
    check_trials(found.trials)
    report = found.report.with_finding(
        "read", f"{len(found.units)} units, {len(found.times)} spikes", len(found.units)
    )
    for name, table in found.trials.items():
        report = report.with_finding("read", f"{len(table)} rows of {name!r}", len(table))
    times, offsets, dropped = finite_times(found.times, found.offsets, found.units)
    times, ordered = times_in_order(times, offsets, found.units, found.trials)
    report = report + dropped + ordered
    if not found.in_seconds and observed is None:
        checked_seconds(times, len(found.units), found.trials)
    times, offsets, spans, limits = _within(found, times, offsets, observed)
    units, areas = known_areas(found.units)
    recording = Recording(
        times, offsets, units, found.trials, spans, source=found.source, notes=found.notes
    )
    stated = observed is not None or len(found.supports) > 0
    report += limits + areas + suspicions(recording, stated=stated)
    # what was written by this very function and read again is said once
    return replace(recording, report=ImportReport(tuple(dict.fromkeys(report.findings))))


def _kept_supports(supports: Sequence[np.ndarray], noise: np.ndarray) -> Sequence[np.ndarray]:
    if len(supports) != len(noise):
        return supports
    return [spans for spans, left_out in zip(supports, noise, strict=True) if not left_out]


def _within(
    found: Found, times: np.ndarray, offsets: np.ndarray, observed: object
) -> tuple[np.ndarray, np.ndarray, np.ndarray, ImportReport]:
    if observed is not None:
        return crop(times, offsets, observed)
    if len(found.supports):
        spans, report = common_support(found.supports)
        if not report.findings:
            return times, offsets, spans, report
        times, offsets, spans, lost = crop(times, offsets, spans)
        return times, offsets, spans, report + lost
    spans, report = inferred_span(times, found.trials, start=found.start)
    return times, offsets, spans, report
