"""Spikes and events at Neo's raw level, where signals and waveforms stay on disk."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from neurospyke.recording.segments import Segment, Train, new_name

_UNIT_NUMBER = re.compile(r"#(\d+)$")
_OWN = ("name", "id", "file_origin", "description")
# What vendors mean by these unit numbers; any other is a unit sorted at recording or since.
_QUALITY = {"BlackrockRawIO": {0: "unsorted", 255: "noise"}, "PlexonRawIO": {0: "unsorted"}}


def raw_segments(reader: Any) -> list[Segment]:
    """Spikes and events of each segment of a raw reader.

    Args:
        reader: one of Neo's raw readers, not yet parsed.

    Returns:
        The segments, times in seconds.

    Raises:
        ValueError: if it holds several blocks, or no units.
    """
    n_segments = _parsed(reader)
    channels = reader.header["spike_channels"]
    if len(channels) == 0:
        raise ValueError("it holds no units")
    return [
        Segment(_trains(reader, segment, channels), _tables(reader, segment))
        for segment in range(n_segments)
    ]


def raw_events(reader: Any) -> list[dict[str, pd.DataFrame]]:
    """Tables of events of each segment of a raw reader.

    Args:
        reader: one of Neo's raw readers, not yet parsed.

    Returns:
        For each segment its tables by name, times in seconds; those without rows are left out.

    Raises:
        ValueError: if it holds several blocks.
    """
    return [_tables(reader, segment) for segment in range(_parsed(reader))]


def _parsed(reader: Any) -> int:
    if hasattr(reader, "progress_bar"):
        reader.progress_bar = False
    reader.parse_header()
    if reader.block_count() != 1:
        raise ValueError(f"it holds {reader.block_count()} blocks, and one is wanted")
    return reader.segment_count(0)


def _trains(reader: Any, segment: int, channels: np.ndarray) -> list[Train]:
    start = float(reader.segment_t_start(0, segment))
    stop = float(reader.segment_t_stop(0, segment))
    names = [str(name) for name in channels["name"]]
    keys = names if len(set(names)) == len(names) and all(names) else channels["id"].tolist()
    trains = []
    for position, key in enumerate(keys):
        stamps = reader.get_spike_timestamps(0, segment, position)
        promised = int(reader.spike_count(0, segment, position))
        if len(stamps) != promised:
            raise ValueError(
                f"unit {key!r} has {len(stamps)} of the {promised} spikes that the header promises"
            )
        times = np.asarray(reader.rescale_spike_timestamp(stamps, "float64"), dtype=np.float64)
        trains.append((str(key), times, _annotations(reader, segment, position, str(key))))
    # headers of some vendors end a hair before their own last spike
    finite = [times[np.isfinite(times)] for _, times, _ in trains]
    start = min([start, *(float(times.min()) for times in finite if times.size)])
    stop = max([stop, *(float(times.max()) for times in finite if times.size)])
    return [Train(key, times, start, stop, said) for key, times, said in trains]


def _annotations(reader: Any, segment: int, position: int, key: str) -> dict[str, Any]:
    held = reader.raw_annotations["blocks"][0]["segments"][segment]["spikes"][position]
    plain = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in held.items()
        if name not in _OWN and isinstance(value, str | int | float | np.generic)
    }
    known = next((meant for name, meant in _QUALITY.items() if name in _ancestry(reader)), None)
    number = _UNIT_NUMBER.search(key)
    if known is not None and number is not None:
        plain["quality"] = known.get(int(number[1]), "sorted")
    return plain


def _ancestry(reader: Any) -> list[str]:
    return [ancestor.__name__ for ancestor in type(reader).__mro__]


def _tables(reader: Any, segment: int) -> dict[str, pd.DataFrame]:
    tables: dict[str, pd.DataFrame] = {}
    for position, channel in enumerate(reader.header["event_channels"]):
        stamps, durations, labels = reader.get_event_timestamps(0, segment, position)
        promised = int(reader.event_count(0, segment, position))
        if len(stamps) != promised:
            raise ValueError(
                f"{channel['name']!r} has {len(stamps)} of the {promised} events that the header "
                "promises"
            )
        if len(stamps) == 0:
            continue
        start = np.asarray(reader.rescale_event_timestamp(stamps, "float64", position))
        columns: dict[str, Any] = {"start_time": start.astype(np.float64)}
        if durations is not None:
            lasting = np.asarray(reader.rescale_epoch_duration(durations, "float64", position))
            columns["stop_time"] = columns["start_time"] + lasting
        names = [str(label) for label in labels]
        if any(names):
            columns["stimulus"] = names
        held = reader.raw_annotations["blocks"][0]["segments"][segment]["events"][position]
        for name, values in (held.get("__array_annotations__") or {}).items():
            array = np.asarray(values)
            if array.shape == start.shape and array.dtype.kind in "biufU":
                columns.setdefault(str(name), array.tolist())
        tables[new_name(str(channel["name"]) or "events", tables)] = pd.DataFrame(columns)
    return tables
