"""Neo blocks as recordings; quantities become float64 seconds here and go no further."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from neurospyke.recording.observed import crop, one_support
from neurospyke.recording.recording import Recording
from neurospyke.recording.report import ImportReport

if TYPE_CHECKING:
    import neo

_ID_KEYS = ("unit_id", "id")
_INTERNAL = ("nix_name",)


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
            counted in `report`. When None, the trains' own `t_start` and `t_stop`.
        source: where the block comes from.

    Returns:
        The recording; one observed span a segment.

    Raises:
        ValueError: if there are no spike trains, segments hold different units or overlap, or
            trains of one segment begin or end at different times.

    >>> import neo, quantities
    >>> train = neo.SpikeTrain([200, 900] * quantities.ms, t_stop=1 * quantities.s)
    >>> segment, block = neo.Segment(), neo.Block()
    >>> segment.spiketrains.append(train); block.segments.append(segment)
    >>> from_neo(block).spike_times
    array([0.2, 0.9])
    """
    segments = list(block.segments)
    if not any(len(segment.spiketrains) for segment in segments):
        raise ValueError(
            f"`block` must hold spike trains; got {len(segments)} segments with none{_of(source)}"
        )
    trains = _matched_trains(segments)
    spans = _spans(trains, told=observed is not None)
    shifts, report = _shifts(spans, segment_gap)
    times, offsets = _flat(trains, shifts)
    supports = spans + shifts[:, None]
    if observed is not None:
        times, offsets, supports, lost = crop(times, offsets, observed)
        report += lost
    units, dropped = _unit_table(trains)
    return Recording(
        times,
        offsets,
        units,
        _trial_tables(segments, shifts),
        supports,
        source=source,
        report=report + dropped,
    )


def read_neo(path: Path, *, segment_gap: float | None, observed: object) -> Recording:
    """Recording from a NIX file, or a MATLAB file written by Neo.

    Args:
        path: the file, `.mat` for MATLAB, else NIX.
        segment_gap: as for `from_neo`.
        observed: as for `from_neo`.

    Returns:
        The recording.

    Raises:
        ImportError: if NIX is asked for and nixio is not installed.
        ValueError: if the file is damaged or holds no block, or several.
    """
    block = _matlab_block(path) if path.suffix == ".mat" else _nix_block(path)
    return from_neo(block, segment_gap=segment_gap, observed=observed, source=path.name)


def _nix_block(path: Path) -> Any:
    import neo

    try:
        import nixio  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError("reading NIX needs nixio: pip install 'neurospyke[nix]'") from error
    try:
        with neo.NixIO(str(path), mode="ro") as file:
            blocks = file.read_all_blocks()
    except Exception as error:
        raise ValueError(f"{str(path)!r} must be a NIX file written by Neo: {error!r}") from error
    if len(blocks) != 1:
        raise ValueError(
            f"{str(path)!r} must hold one block; got {len(blocks)}: read them with neo.NixIO and "
            "pass one to neurospyke.recording.from_neo"
        )
    return blocks[0]


def _matlab_block(path: Path) -> Any:
    import neo
    import scipy.io

    try:
        names = [name for name, _, _ in scipy.io.whosmat(path)]
        block = neo.NeoMatlabIO(str(path)).read_block() if "block" in names else None
    except Exception as error:
        raise ValueError(
            f"{str(path)!r} must be a MATLAB file (version 5 to 7.2) written by Neo: {error!r}"
        ) from error
    if block is None:
        raise ValueError(
            f"{str(path)!r} must hold a variable `block` as Neo writes it; it holds {names}: "
            "load other files with scipy.io and build a Recording"
        )
    return block


def _of(source: str) -> str:
    return f", in {source}" if source else ""


def _in_seconds(quantity: Any) -> np.ndarray:
    import quantities

    factor = float(quantities.Quantity(1.0, quantity.units).rescale("s").magnitude)
    # The cast comes first: float32 seconds are too coarse an hour into a recording.
    return np.asarray(quantity.magnitude, dtype=np.float64) * factor


def _key(train: Any, position: int) -> Any:
    for key in _ID_KEYS:
        if key in train.annotations:
            return _plain(train.annotations[key])
    return train.name or position


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _matched_trains(segments: list) -> list[list]:
    """For each segment its spike trains, in the order of the first segment's units."""
    keyed = [
        [(_key(train, position), train) for position, train in enumerate(segment.spiketrains)]
        for segment in segments
    ]
    order = [key for key, _ in keyed[0]]
    if len(set(order)) != len(order):
        raise ValueError(
            f"each spike train of a segment must be another unit; ids repeat among {order[:10]}"
        )
    matched = []
    for position, pairs in enumerate(keyed):
        trains = dict(pairs)
        if len(trains) != len(pairs) or set(trains) != set(order):
            raise ValueError(
                f"every segment must hold the same units; segment {position} holds {len(pairs)} "
                f"trains and segment 0 {len(order)}, not in both: "
                f"{sorted(map(str, set(trains) ^ set(order)))[:10]}"
            )
        matched.append([trains[key] for key in order])
    return matched


def _spans(trains: list[list], *, told: bool) -> np.ndarray:
    """(segment, 2) start and stop of each segment, which all its trains must share."""
    spans = []
    for position, segment in enumerate(trains):
        ends = np.array(
            [[_in_seconds(train.t_start), _in_seconds(train.t_stop)] for train in segment]
        )
        if told:
            spans.append([ends[:, 0].min(), ends[:, 1].max()])
        else:
            what = f"start and stop of the spike trains of segment {position}"
            spans.append(one_support(list(ends[:, None, :]), what)[0])
    return np.array(spans, dtype=np.float64)


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


def _flat(trains: list[list], shifts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    parts = [
        _in_seconds(segment[unit]) + shift
        for unit in range(len(trains[0]))
        for segment, shift in zip(trains, shifts, strict=True)
    ]
    sizes = np.array([part.size for part in parts]).reshape(len(trains[0]), len(trains))
    return np.concatenate(parts), np.concatenate([[0], np.cumsum(sizes.sum(axis=1))])


def _unit_table(trains: list[list]) -> tuple[pd.DataFrame, ImportReport]:
    """Ids, names, and the annotations that every unit has with one plain value in all segments."""
    n_units = len(trains[0])
    per_unit = [[segment[unit] for segment in trains] for unit in range(n_units)]
    columns: dict[str, list] = {
        "unit": [_key(of_unit[0], unit) for unit, of_unit in enumerate(per_unit)]
    }
    names = [of_unit[0].name or "" for of_unit in per_unit]
    if any(names) and names != columns["unit"]:
        columns["name"] = names
    dropped = []
    for key in dict.fromkeys(key for train in trains[0] for key in train.annotations):
        if key in _INTERNAL or key in _ID_KEYS or key in columns:
            continue
        values = [[train.annotations.get(key) for train in of_unit] for of_unit in per_unit]
        plain = all(isinstance(_plain(value), str | int | float) for row in values for value in row)
        if plain and all(value == row[0] for row in values for value in row):
            columns[key] = [_plain(row[0]) for row in values]
        else:
            dropped.append(key)
    report = ImportReport()
    if dropped:
        text = f"annotations without one plain value a unit left out: {dropped}"
        report = report.with_finding("dropped", text, len(dropped))
    return pd.DataFrame(columns), report


def _trial_tables(segments: list, shifts: np.ndarray) -> dict[str, pd.DataFrame]:
    parts: dict[str, list[pd.DataFrame]] = {}
    for position, (segment, shift) in enumerate(zip(segments, shifts, strict=True)):
        names: set[str] = set()
        for kind, entries in (("epochs", segment.epochs), ("events", segment.events)):
            for entry in entries:
                name = _new_name(entry.name or kind, names)
                table = _entry_table(entry, float(shift))
                if len(segments) > 1:
                    table["segment"] = position
                parts.setdefault(name, []).append(table)
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


def _new_name(name: str, taken: set[str]) -> str:
    number = 1
    unique = name
    while unique in taken:
        number += 1
        unique = f"{name}_{number}"
    taken.add(unique)
    return unique


def _entry_table(entry: Any, shift: float) -> pd.DataFrame:
    start = _in_seconds(entry) + shift
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
