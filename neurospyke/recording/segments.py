"""Segments of spike trains and tables, each perhaps with a clock of its own, on one clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from neurospyke.recording.found import Found
from neurospyke.recording.report import ImportReport


@dataclass(frozen=True, eq=False)
class Train:
    """Spike times of one unit in one segment.

    Args:
        key: what the unit is called in every segment.
        times: (spike,) float64 seconds.
        start: beginning of the observed time, seconds.
        stop: its end.
        annotations: one plain value each.
    """

    key: Any
    times: np.ndarray
    start: float
    stop: float
    annotations: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Segment:
    """Spike trains and tables of events on one clock.

    Args:
        trains: one for each unit.
        tables: by name, times in seconds.
    """

    trains: Sequence[Train]
    tables: Mapping[str, pd.DataFrame]


def joined(segments: Sequence[Segment], gap: float | None, source: str = "") -> Found:
    """One find from segments that hold the same units.

    Args:
        segments: at least one, with at least one train.
        gap: seconds between segments laid one after another; None keeps their times, which must
            not overlap.
        source: where they come from.

    Returns:
        The find; `supports` is empty where every train just ends at its last spike, which says
        nothing of when it was observed.

    Raises:
        ValueError: if segments hold different units, or overlap and `gap` is None.

    >>> def segment(t):
    ...     return Segment([Train("a", np.array([t]), 0.0, 1.0)], {})
    >>> joined([segment(0.25), segment(0.5)], gap=2.0).times
    array([0.25, 3.5 ])
    """
    matched = _matched([segment.trains for segment in segments])
    ends = np.array([[(train.start, train.stop) for train in trains] for trains in matched])
    spans = np.stack([ends[:, :, 0].min(axis=1), ends[:, :, 1].max(axis=1)], axis=1)
    shifts, report = _shifts(spans, gap)
    times, offsets = _flat(matched, shifts)
    units, dropped = _unit_table(matched)
    supports = ends + shifts[:, None, None]
    stated = not _stop_at_last_spike(matched)
    return Found(
        times,
        offsets,
        units,
        joined_tables([segment.tables for segment in segments], shifts),
        supports=list(supports.transpose(1, 0, 2)) if stated else [],
        start=None if stated else float(supports.min()),
        source=source,
        report=report + dropped,
    )


def joined_tables(
    tables: Sequence[Mapping[str, pd.DataFrame]], shifts: Sequence[float] | np.ndarray
) -> dict[str, pd.DataFrame]:
    """Tables of the same name from several segments, one under the other.

    Args:
        tables: by name, for each segment.
        shifts: seconds to add to the times of each segment.

    Returns:
        Tables by name, with a column `segment` where there are several.
    """
    parts: dict[str, list[pd.DataFrame]] = {}
    for position, (named, shift) in enumerate(zip(tables, shifts, strict=True)):
        for name, table in named.items():
            times = {
                column: table[column] + float(shift)
                for column in ("start_time", "stop_time")
                if column in table
            }
            moved = table.assign(**times)
            if len(tables) > 1:
                moved["segment"] = position
            parts.setdefault(name, []).append(moved)
    return {name: pd.concat(pieces, ignore_index=True) for name, pieces in parts.items()}


def new_name(name: str, taken: Mapping[str, Any]) -> str:
    """A name that is not yet taken, with a number behind it if need be.

    Args:
        name: the name wanted.
        taken: what has a name already.

    Returns:
        The name.

    >>> new_name("events", {"events": 1})
    'events_2'
    """
    number = 1
    unique = name
    while unique in taken:
        number += 1
        unique = f"{name}_{number}"
    return unique


def _matched(segments: Sequence[Sequence[Train]]) -> list[list[Train]]:
    """For each segment its spike trains, in the order of the first segment's units."""
    order = [train.key for train in segments[0]]
    if len(set(order)) != len(order):
        raise ValueError(
            f"each spike train of a segment must be another unit; ids repeat among {order[:10]}"
        )
    matched = []
    for position, found in enumerate(segments):
        trains = {train.key: train for train in found}
        if len(trains) != len(found) or set(trains) != set(order):
            raise ValueError(
                f"every segment must hold the same units; segment {position} holds {len(found)} "
                f"trains and segment 0 {len(order)}, not in both: "
                f"{sorted(map(str, set(trains) ^ set(order)))[:10]}"
            )
        matched.append([trains[key] for key in order])
    return matched


def _stop_at_last_spike(segments: Sequence[Sequence[Train]]) -> bool:
    """Whether no train is known to have been observed any longer than it fired."""
    trains = [train for segment in segments for train in segment if len(train.times)]
    return bool(trains) and all(train.stop == train.times.max() for train in trains)


def _shifts(spans: np.ndarray, gap: float | None) -> tuple[np.ndarray, ImportReport]:
    if len(spans) == 1:
        return np.zeros(1), ImportReport()
    if gap is None:
        if (spans[1:, 0] >= spans[:-1, 1]).all():
            text = f"{len(spans)} segments on one clock, as in the file"
            return np.zeros(len(spans)), ImportReport().with_finding("read", text, len(spans))
        raise ValueError(
            f"the {len(spans)} segments overlap in time, {spans.tolist()[:10]} s, so each has a "
            "clock of its own: pass `segment_gap=` seconds (0 or more) to lay them one after "
            "another"
        )
    if not np.isfinite(gap) or gap < 0:
        raise ValueError(f"`segment_gap` must be 0 or more seconds; got {gap}")
    shifts = np.zeros(len(spans))
    for position in range(1, len(spans)):
        end = spans[position - 1, 1] + shifts[position - 1]
        shifts[position] = end + gap - spans[position, 0]
    listed = ", ".join(f"{shift:g}" for shift in shifts)
    text = (
        f"{len(spans)} segments laid one after another, {gap:g} s apart; seconds added to their "
        f"times: {listed}"
    )
    return shifts, ImportReport().with_finding("inferred", text, len(spans))


def _flat(trains: list[list[Train]], shifts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    parts = [
        segment[unit].times + shift
        for unit in range(len(trains[0]))
        for segment, shift in zip(trains, shifts, strict=True)
    ]
    sizes = np.array([part.size for part in parts]).reshape(len(trains[0]), len(trains))
    return np.concatenate(parts), np.concatenate([[0], np.cumsum(sizes.sum(axis=1))])


def _unit_table(trains: list[list[Train]]) -> tuple[pd.DataFrame, ImportReport]:
    """Keys, and the annotations that have one plain value a unit in all segments."""
    columns: dict[str, list] = {"unit": [train.key for train in trains[0]]}
    dropped, partly = [], []
    for key in dict.fromkeys(key for train in trains[0] for key in train.annotations):
        values = [
            [segment[unit].annotations.get(key) for segment in trains]
            for unit in range(len(trains[0]))
        ]
        if not all(_one_value(row) for row in values) or key in columns:
            dropped.append(str(key))
            continue
        column = [row[0] for row in values]
        if any(value is None for value in column):
            partly.append(str(key))
            text = any(isinstance(value, str) for value in column)
            column = [("" if text else np.nan) if value is None else value for value in column]
        columns[str(key)] = column
    report = ImportReport()
    if dropped:
        text = f"annotations without one plain value a unit left out: {dropped}"
        report = report.with_finding("dropped", text, len(dropped))
    if partly:
        text = f"annotations that some units lack: {partly}"
        report = report.with_finding("suspicious", text, len(partly))
    return pd.DataFrame(columns), report


def _one_value(row: list) -> bool:
    return all(value is None or isinstance(value, str | int | float) for value in row) and all(
        value == row[0] for value in row
    )
