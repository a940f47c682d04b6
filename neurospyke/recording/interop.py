"""Recordings as other libraries' objects, and as NIX files by way of Neo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from neurospyke.ragged import holds_arrays, plain_columns
from neurospyke.recording.check import KEY
from neurospyke.recording.report import ImportReport, written_notes
from neurospyke.storage import whole_file

if TYPE_CHECKING:
    import neo

    from neurospyke.recording.recording import Recording


def to_neo(recording: Recording) -> neo.Block:
    """A Neo block with one segment for each observed span.

    `from_neo` gives back the same spike times, unit columns, trials and spans, with numbers in 64
    bits. Of several spans, each trial goes to the span in which it starts (one that starts in none
    to the span before), and trials come back with a column `segment`. Where unit names repeat
    between sessions or probes, `unit_id` is all of them joined by "/". Columns of arrays are left
    out, which the report in the block's description says.

    Args:
        recording: the recording.

    Returns:
        The block: spike trains annotated with `unit_id` and the other unit columns; epochs for
        trial tables with `stop_time`, events for those without, `stimulus` as labels and all
        columns as array annotations; notes and import report in the block's description.

    Raises:
        TypeError: if a table holds anything but numbers, truth values and strings.

    >>> from neurospyke.recording import Recording
    >>> block = to_neo(Recording.from_trains([[0.25], []], observed=(0, 1)))
    >>> [len(train) for train in block.segments[0].spiketrains]
    [1, 0]
    """
    import neo

    block = neo.Block(
        name=recording.source or None,
        description=written_notes(recording.notes, recording.report + _left_out(recording)) or None,
    )
    annotations = _annotations(plain_columns(recording.units))
    for position, (start, stop) in enumerate(recording.observed):
        segment = neo.Segment(index=position)
        after_gap = position == 0 or start > recording.observed[position - 1, 1]
        for unit, about in enumerate(annotations):
            times = recording.unit_spikes(unit)
            first = np.searchsorted(times, start, side="left" if after_gap else "right")
            times = times[first : np.searchsorted(times, stop, side="right")]
            train = neo.SpikeTrain(times, units="s", t_start=start, t_stop=stop, **about)
            segment.spiketrains.append(train)
        _add_tables(segment, recording, position)
        block.segments.append(segment)
    return block


def write_nix(path: str | Path, recording: Recording) -> None:
    """Write a recording as a NIX file by way of Neo, whole or not at all.

    What comes back is as for `to_neo`. Neo makes an object for every unit and span: fit for some
    ten thousand of them, not for millions.

    Args:
        path: the file, ending in `.nix`; an existing file is replaced only on success.
        recording: what to write.

    Raises:
        ImportError: if nixio is not installed.
        TypeError: as for `to_neo`.
        ValueError: if the path has another suffix.
    """
    import neo

    try:
        import nixio  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError("writing NIX needs nixio: pip install 'neurospyke[nix]'") from error
    if Path(path).suffix != ".nix":
        raise ValueError(f"`path` must end in .nix; got {str(path)!r}")
    block = to_neo(recording)
    with whole_file(path) as temporary, neo.NixIO(str(temporary), mode="ow") as file:
        file.write_block(block)


def to_pynapple(recording: Recording) -> Any:
    """A pynapple `TsGroup`, its time support the observed spans.

    Args:
        recording: the recording.

    Returns:
        The group, numbered by the rows of the unit table, whose columns are its metadata, those of
        arrays left out. Spans that touch become one.

    Raises:
        ImportError: if pynapple is not installed.
        ValueError: if a unit column is called `rate`, which pynapple computes itself.

    >>> from neurospyke.recording import Recording
    >>> group = to_pynapple(Recording.from_trains([[0.25, 0.5], []], observed=(0, 4)))
    >>> group["rate"].tolist()
    [0.5, 0.0]
    """
    try:
        import pynapple
    except ImportError as error:
        raise ImportError("this needs pynapple: pip install 'neurospyke[pynapple]'") from error
    if "rate" in recording.units:
        raise ValueError("`units` must not have a column 'rate' for pynapple: rename it")
    apart = np.concatenate([[True], recording.observed[1:, 0] > recording.observed[:-1, 1]])
    support = pynapple.IntervalSet(
        recording.observed[apart, 0], recording.observed[np.append(apart[1:], True), 1]
    )
    trains = {
        unit: pynapple.Ts(recording.unit_spikes(unit), time_support=support)
        for unit in range(recording.n_units)
    }
    metadata = plain_columns(recording.units)
    return pynapple.TsGroup(trains, time_support=support, metadata=metadata)


def _left_out(recording: Recording) -> ImportReport:
    report = ImportReport()
    for name, table in {"units": recording.units, **recording.trials}.items():
        columns = [column for column in table.columns if holds_arrays(table[column])]
        if columns:
            text = f"columns of arrays in {name!r} left out: {columns}"
            report = report.with_finding("dropped", text, len(columns))
    return report


def _annotations(units: pd.DataFrame) -> list[dict[str, Any]]:
    """For each unit what its spike train is called and annotated with."""
    columns: dict[str, list] = {
        str(name): _plain(units[name], "units").tolist()
        for name in units
        if name not in ("unit", "name")
    }
    names = units["unit"]
    key = [column for column in KEY if column in units]
    if not names.is_unique:
        names = units[key].astype(str).agg("/".join, axis=1)
    columns["unit_id"] = _plain(names, "units").tolist()
    if "name" in units:
        columns["name"] = _plain(units["name"], "units").tolist()
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def _add_tables(segment: Any, recording: Recording, position: int) -> None:
    for name, table in recording.trials.items():
        span = np.searchsorted(recording.observed[:, 0], table["start_time"], side="right") - 1
        rows = np.maximum(span, 0) == position
        if rows.any() or (len(table) == 0 and position == 0):
            part = plain_columns(table).loc[rows]
            (segment.epochs if "stop_time" in part else segment.events).append(_entry(name, part))


def _entry(name: str, table: pd.DataFrame) -> Any:
    import neo
    import quantities

    start = table["start_time"].to_numpy() * quantities.s
    # Annotations keep what labels and durations alter: numbers as stimuli, the last bit of a stop.
    about = {
        column: _plain(table[column], f"trials[{name!r}]")
        for column in table
        if column != "start_time"
    }
    settings: dict[str, Any] = {"name": name, "array_annotations": about}
    if "stimulus" in table:
        settings["labels"] = table["stimulus"].astype(str).to_numpy(dtype=np.str_)
    if "stop_time" not in table:
        return neo.Event(start, **settings)
    durations = table["stop_time"].to_numpy() * quantities.s - start
    return neo.Epoch(start, durations=durations, **settings)


def _plain(column: pd.Series, name: str) -> np.ndarray:
    values = column.to_numpy()
    if values.dtype.kind in "biuf":
        return values
    if not all(isinstance(value, str) for value in values):
        raise TypeError(
            f"`{name}` must hold numbers, truth values or strings; column {column.name!r} is "
            f"{column.dtype}: convert or drop it"
        )
    return np.array(values, dtype=np.str_)
