"""Neo blocks as recordings; quantities become float64 seconds here and go no further."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from neurospyke.recording.found import Found, sound_recording
from neurospyke.recording.recording import Recording
from neurospyke.recording.report import ImportReport, read_notes
from neurospyke.recording.segments import Segment, Train, joined, new_name

if TYPE_CHECKING:
    import neo

_ID_KEYS = ("unit_id", "id")
_INTERNAL = ("nix_name",)
# Steps of single precision are of no matter below a microsecond; chance makes no 20 times fit it.
_FINE = 1e-6
_MANY = 20


def from_neo(
    block: neo.Block,
    *,
    segment_gap: float | None = None,
    observed: object = None,
    source: str = "",
) -> Recording:
    """Recording from a Neo block, from whatever format Neo read it.

    A unit is one spike train a segment, matched between segments by its annotation `unit_id` or
    `id`, else by its name, else by its position. Epochs and events become trial tables under their
    names: labels in `stimulus`, array annotations in further columns, the segment's position in
    `segment` where there are several.

    Segments may each restart their clock. Spikes of different segments would then fall on the same
    times, so such a block is refused unless `segment_gap` says how to put them one after another:
    segment k begins `segment_gap` seconds after segment k - 1 ends, and `report` keeps each shift.

    Args:
        block: the block, fully loaded.
        segment_gap: seconds between segments laid one after another; None keeps their times,
            which must not overlap.
        observed: (span, 2), or one (start, stop), in seconds; spikes outside are left out and
            counted in `report`. When None, the time between `t_start` and `t_stop` that all
            trains of a segment share.
        source: where the block comes from.

    Returns:
        The recording; one observed span a segment.

    Raises:
        ValueError: if there are no spike trains, segments hold different units or overlap, or
            times cannot be put right.

    >>> import neo, quantities
    >>> train = neo.SpikeTrain([200, 900] * quantities.ms, t_stop=1 * quantities.s)
    >>> segment, block = neo.Segment(), neo.Block()
    >>> segment.spiketrains.append(train); block.segments.append(segment)
    >>> from_neo(block).spike_times
    array([0.2, 0.9])
    """
    return sound_recording(found_in_block(block, segment_gap, source), observed)


def found_in_block(block: neo.Block, segment_gap: float | None, source: str) -> Found:
    """What a Neo block holds, as a reader's find.

    Args:
        block: the block, fully loaded.
        segment_gap: as for `from_neo`.
        source: where it comes from.

    Returns:
        The find.

    Raises:
        ValueError: if there are no spike trains, or segments hold different units or overlap.
    """
    segments = list(block.segments)
    if not any(len(segment.spiketrains) for segment in segments):
        raise ValueError(
            f"`block` must hold spike trains; got {len(segments)} segments with none{_of(source)}"
        )
    converted = [
        Segment([_train(*pair) for pair in enumerate(segment.spiketrains)], event_tables(segment))
        for segment in segments
    ]
    found = joined(converted, segment_gap, source)
    notes, written = read_notes(block.description or "")
    found = replace(found, notes=notes, report=written + found.report)
    return found.with_trials(found.trials, _coarse(segments))


def event_tables(segment: Any) -> dict[str, pd.DataFrame]:
    """Epochs and events of a Neo segment as tables.

    Args:
        segment: the segment.

    Returns:
        Tables by name, times in seconds.
    """
    tables: dict[str, pd.DataFrame] = {}
    for kind, entries in (("epochs", segment.epochs), ("events", segment.events)):
        for entry in entries:
            tables[new_name(entry.name or kind, tables)] = _entry_table(entry)
    return tables


def _of(source: str) -> str:
    return f", in {source}" if source else ""


def _in_seconds(quantity: Any) -> np.ndarray:
    import quantities

    factor = float(quantities.Quantity(1.0, quantity.units).rescale("s").magnitude)
    # The cast comes first: float32 seconds are too coarse an hour into a recording.
    return np.asarray(quantity.magnitude, dtype=np.float64) * factor


def _coarse(segments: list) -> ImportReport:
    """A finding if trains lie in single precision, or did before, whose steps grow with time."""
    trains = [train for segment in segments for train in segment.spiketrains]
    steps = [
        float(np.spacing(np.float32(np.abs(train.magnitude).max())))
        * float(_in_seconds(1.0 * train.units))
        for train in trains
        if train.size and _is_single(train.magnitude)
    ]
    if not steps or max(steps) < _FINE:
        return ImportReport()
    text = (
        f"{len(steps)} of {len(trains)} spike trains come in single precision, whose steps reach "
        f"{max(steps):.2g} s"
    )
    return ImportReport().with_finding("suspicious", text, len(steps))


def _is_single(times: np.ndarray) -> bool:
    if times.dtype == np.float32:
        return True
    return bool(
        times.dtype == np.float64
        and times.size >= _MANY
        and np.abs(times).max() < np.finfo(np.float32).max
        and np.array_equal(times, times.astype(np.float32))
        and (times * 1024 % 1).any()
    )


def _train(position: int, train: Any) -> Train:
    annotations = {
        key: _plain(value)
        for key, value in train.annotations.items()
        if key not in _INTERNAL and key not in _ID_KEYS and key != "name"
    }
    key = _key(train, position)
    if train.name and train.name != key:
        annotations = {"name": train.name, **annotations}
    ends = (float(_in_seconds(train.t_start)), float(_in_seconds(train.t_stop)))
    return Train(key, _in_seconds(train), *ends, annotations)


def _key(train: Any, position: int) -> Any:
    for key in _ID_KEYS:
        if key in train.annotations:
            return _plain(train.annotations[key])
    return train.name or position


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _entry_table(entry: Any) -> pd.DataFrame:
    start = _in_seconds(entry)
    columns: dict[str, Any] = {"start_time": start}
    durations = getattr(entry, "durations", None)
    if durations is not None:
        columns["stop_time"] = start + _in_seconds(durations)
    labels = np.asarray(entry.labels)
    if labels.shape == start.shape:
        columns["stimulus"] = labels.astype(object) if labels.dtype.kind in "US" else labels
    for key, values in entry.array_annotations.items():
        array = np.asarray(getattr(values, "magnitude", values))
        columns[key] = array.astype(object) if array.dtype.kind == "U" else array
    return pd.DataFrame(columns)
