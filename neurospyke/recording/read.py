"""Reading a recording from whatever it lies in."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from neurospyke.recording.check import check_trials, merged_tables
from neurospyke.recording.neo import read_neo
from neurospyke.recording.nwb import read_nwb
from neurospyke.recording.observed import crop
from neurospyke.recording.phy import read_phy
from neurospyke.recording.recording import Recording

FORMATS = ("neo", "neurospyke", "nwb", "phy")
_SUFFIXES = {".mat": "neo", ".nix": "neo", ".npz": "neurospyke", ".nwb": "nwb"}
_MAX_TABLE_BYTES = 2**30
Events = str | Path | pd.DataFrame | Mapping[str, pd.DataFrame] | None


def read_recording(
    path: str | Path,
    *,
    format: str | None = None,
    events: Events = None,
    segment_gap: float | None = None,
    observed: object = None,
) -> Recording:
    """Recording from a file or folder, its format recognised or told.

    Nothing is repaired: spike times that are NaN or out of order are refused. What is left out or
    inferred stands in the recording's `report`.

    Args:
        path: an NWB file (`.nwb`), a NIX file (`.nix`), a MATLAB file that Neo wrote (`.mat`), a
            folder of Kilosort or phy, or a file that `Recording.save` wrote (`.npz`).
        format: one of `FORMATS`; None recognises it by suffix and content.
        events: more trial tables: a `.csv` or `.tsv` file with a column `start_time` in seconds
            (the table takes the file's name), a table (named "events"), or tables by name.
        segment_gap: seconds between the segments of a Neo file whose segments each restart their
            clock; see `from_neo`.
        observed: (span, 2), or one (start, stop), in seconds, over what the file states; spikes
            outside are left out and counted in `report`.

    Returns:
        The recording.

    Raises:
        ImportError: if the format needs a package that is not installed.
        ValueError: if the file is missing, damaged, of an unknown format, or holds no unit.
    """
    path = Path(path)
    kind = _format(path, format)
    if segment_gap is not None and kind != "neo":
        raise ValueError(f"`segment_gap` must be None for {kind}, which has no segments")
    extra = _event_tables(events)
    if kind == "phy":
        return read_phy(path, trials=extra, observed=observed)
    if kind == "nwb":
        return read_nwb(path, trials=extra, observed=observed)
    if kind == "neo":
        recording = read_neo(path, segment_gap=segment_gap, observed=observed)
    else:
        recording = _saved(path, observed)
    return replace(recording, trials=merged_tables(recording.trials, extra))


def _format(path: Path, told: str | None) -> str:
    if not path.exists():
        raise ValueError(f"`path` must be an existing file or folder; got {str(path)!r}")
    if told is not None and told not in FORMATS:
        raise ValueError(f"`format` must be one of {list(FORMATS)}; got {told!r}")
    kind = told or _recognised(path)
    if path.is_dir() != (kind == "phy"):
        raise ValueError(
            f"`path` must be a {'folder' if kind == 'phy' else 'file'} for the format {kind!r}; "
            f"got {str(path)!r}"
        )
    return kind


def _recognised(path: Path) -> str:
    if path.is_dir():
        if (path / "spike_times.npy").is_file():
            return "phy"
        held = sorted(entry.name for entry in path.iterdir())[:10]
        raise ValueError(
            "`path` must be a folder of Kilosort or phy, with spike_times.npy, or a file; "
            f"{str(path)!r} holds {held or 'nothing'}"
        )
    if path.suffix in _SUFFIXES:
        return _SUFFIXES[path.suffix]
    raise ValueError(
        f"`path` must end in one of {sorted(_SUFFIXES)}, or `format` say which of {list(FORMATS)} "
        f"it is; got {path.name!r}: any other file that Neo reads can be passed as a block to "
        "neurospyke.recording.from_neo"
    )


def _event_tables(events: Events) -> dict[str, pd.DataFrame]:
    if events is None:
        return {}
    if isinstance(events, pd.DataFrame):
        events = {"events": events}
    elif isinstance(events, str | Path):
        events = {Path(events).stem: _read_table(Path(events))}
    return check_trials(events)


def _read_table(path: Path) -> pd.DataFrame:
    separators = {".csv": ",", ".tsv": "\t"}
    if not path.is_file() or path.suffix not in separators:
        raise ValueError(f"`events` must be an existing .csv or .tsv file; got {str(path)!r}")
    if path.stat().st_size > _MAX_TABLE_BYTES:
        raise ValueError(f"`events` must be under {_MAX_TABLE_BYTES} bytes; got {str(path)!r}")
    absent = ["", "nan", "NaN"]
    try:
        # A stimulus called "NA" or "None" is a label, not a missing value.
        return pd.read_csv(
            path,
            sep=separators[path.suffix],
            keep_default_na=False,
            na_values={"start_time": absent, "stop_time": absent},
        )
    except (ValueError, pd.errors.ParserError) as error:
        raise ValueError(f"`events` must be a table with a header: {path.name}: {error}") from error


def _saved(path: Path, observed: object) -> Recording:
    recording = Recording.load(path)
    if observed is None:
        return recording
    times, offsets, spans, report = crop(recording.spike_times, recording.offsets, observed)
    return replace(
        recording,
        spike_times=times,
        offsets=offsets,
        observed=spans,
        report=recording.report + report,
    )
