"""`neurospyke inspect FILE`: what a recording holds, in tables that a person can read."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurospyke.commands.contents import (
    holds_network,
    holds_responses,
    tell_network,
    tell_responses,
)
from neurospyke.commands.manual import say, typed

if TYPE_CHECKING:
    import pandas as pd

    from neurospyke.recording import Recording

_MAX_STIMULI = 12
_MAX_PROBLEMS = 10
_PROBLEMS = ("dropped", "excluded", "inferred", "suspicious")
_WORDS = {
    "fields=Fields(spike_times='...', ...)": "--field spike_times=...",
    "`fields` with relative_to='trial'": "--field relative_to=trial",
    "relative_to='trial'": "--field relative_to=trial",
    "`fields`": "--field",
    "`segment_gap=`": "--segment-gap",
    "`segment_gap`": "--segment-gap",
    "`observed=`": "--observed",
    "`observed=(start, stop)`": "--observed START STOP",
    "`observed`": "--observed",
    "`format=`": "--format",
    "`format`": "--format",
    "`events`": "--events",
    "`event_codes`": "--code",
    "`path`": "FILE",
}
_DESCRIPTION = """\
Read a recording and say what is in it. Nothing is written. The format is told by name and content:
NWB, Kilosort and phy folders, MATLAB, CSV, TSV, Parquet and npz tables, NIX, and what Neo reads
(Blackrock, Plexon, Neuralynx, Spike2, ...). Responses that respond has written (.npz) and networks
that train has written (.safetensors) are told as well."""
_EPILOG = """\
comes out, on standard output:
  units by area and quality with their rates, tables of trials with their stimuli, and what was
  read, dropped, excluded or inferred, and what looks wrong; of responses their units, trials and
  bins; of a network its layers and how far their weights have converged

examples:
  neurospyke inspect session.nwb
  neurospyke inspect sorted/ --events shown.csv
  neurospyke inspect session.mat --field spike_times=data.spikes --field per_second=1000
"""
_FIELDS = """\
NAME=WHERE, for MATLAB files, tables and arrays: spike_times, spike_units and spike_trials name
arrays, units.COLUMN and trials.COLUMN the columns of the tables; per_second (1000 for ms) and
relative_to (session or trial) are values; repeatable"""


def add_inspect(commands: Any) -> None:
    """Add the command to those of a parser.

    Args:
        commands: what `add_subparsers` gave.
    """
    inspect = commands.add_parser(
        "inspect",
        help="say what is in a recording, in responses or in a network",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add_source(inspect)
    inspect.set_defaults(run=run_inspect)


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what to read, and how.

    Args:
        parser: the command's parser.
    """
    parser.add_argument("file", type=Path, metavar="FILE", help="a file or folder")
    parser.add_argument("--format", help="when name and content do not tell it")
    parser.add_argument("--events", metavar="FILE", help="trials: .csv, .tsv, .parquet, or Neo's")
    parser.add_argument(
        "--code",
        action="append",
        default=[],
        metavar="CODE=NAME",
        help="a name for a code of events; repeatable",
    )
    parser.add_argument("--field", action="append", default=[], metavar="NAME=WHERE", help=_FIELDS)
    parser.add_argument(
        "--segment-gap", type=float, metavar="S", help="seconds between segments of Neo files"
    )
    parser.add_argument(
        "--observed",
        type=float,
        nargs=2,
        metavar=("START", "STOP"),
        help="seconds, over what the file states",
    )
    parser.set_defaults(error_words=_WORDS)


def read_source(options: argparse.Namespace) -> "Recording":
    """The recording that `add_source` asks for.

    Args:
        options: what the parser understood.

    Returns:
        The recording.

    Raises:
        ValueError: if an option is malformed, or the file is refused.
    """
    from neurospyke.recording import read_recording

    return read_recording(
        options.file,
        format=options.format,
        events=options.events,
        event_codes=dict(_pair(text, "--code") for text in options.code) or None,
        fields=_fields(options.field),
        segment_gap=options.segment_gap,
        observed=options.observed,
    )


def run_inspect(options: argparse.Namespace, command: str) -> None:
    """Print what a recording, or another file of a study, holds.

    Args:
        options: what `add_inspect` understood.
        command: the command as it was given.
    """
    del command
    if holds_responses(options.file):
        tell_responses(options.file)
    elif holds_network(options.file):
        tell_network(options.file)
    else:
        _tell_recording(options)


def _tell_recording(options: argparse.Namespace) -> None:
    recording = read_source(options)
    spans = recording.observed
    say(f"{typed([str(options.file)])}: {recording.n_units} units, {recording.n_spikes} spikes")
    gaps = f" in {len(spans)} spans" if len(spans) > 1 else ""
    say(
        f"observed {recording.duration:.6g} s{gaps}, from {spans[0, 0]:.6g} to {spans[-1, 1]:.6g} s"
    )
    say(f"\nunits\n{units_by_area(recording).to_string(index=False)}")
    say(f"  columns: {', '.join(recording.units.columns)}")
    for name, table in recording.trials.items():
        say(f"\n{name}\n{_trials(table)}")
    _tell_report(recording)


def units_by_area(recording: "Recording") -> "pd.DataFrame":
    """Units and their firing rates, counted by area and quality.

    Args:
        recording: the recording.

    Returns:
        One row a kind of unit: area ("unknown" without one), quality, number of units and of
        spikes, lowest, median and highest rate in spikes/s.
    """
    import numpy as np
    import pandas as pd

    sizes = np.diff(recording.offsets)
    table = pd.DataFrame({"rate": sizes / recording.duration, "n_spikes": sizes})
    keys = []
    for column, without in (("area", "unknown"), ("quality", None)):
        if column in recording.units:
            table[column] = recording.units[column].astype(str)
        elif without is not None:
            table[column] = without
        if column in table:
            keys.append(column)
    groups = table.groupby(keys, sort=True)
    counted = groups.agg(
        units=("rate", "size"),
        spikes=("n_spikes", "sum"),
        lowest=("rate", "min"),
        median=("rate", "median"),
        highest=("rate", "max"),
    )
    return counted.round(3).reset_index()


def _trials(table: "pd.DataFrame") -> str:
    lines = [f"{len(table)} rows; columns: {', '.join(table.columns)}"]
    if len(table):
        starts = table["start_time"]
        lines.append(f"from {starts.min():.6g} to {starts.max():.6g} s")
    if len(table) and "stimulus" in table:
        counts = table["stimulus"].astype(str).value_counts(sort=False)
        shown = ", ".join(f"{name} ({count})" for name, count in counts.head(_MAX_STIMULI).items())
        more = ", ..." if len(counts) > _MAX_STIMULI else ""
        lines.append(f"{len(counts)} stimuli (rows): {shown}{more}")
    return "\n".join(f"  {line}" for line in lines)


def _tell_report(recording: "Recording") -> None:
    for note in recording.notes:
        say(f"\nnote: {note}")
    report = recording.report
    read = report.of_kind("read")
    if read:
        say("\nread")
        say("\n".join(f"  {finding.text}" for finding in read))
    problems = [finding for kind in _PROBLEMS for finding in report.of_kind(kind)]
    say(f"\nproblems{'' if problems else ': none found'}")
    for finding in problems[:_MAX_PROBLEMS]:
        say(f"  {finding}")
    if len(problems) > _MAX_PROBLEMS:
        say(f"  and {len(problems) - _MAX_PROBLEMS} more, in the recording's `report`")


def _fields(given: list[str]) -> Any:
    from neurospyke.recording import Fields

    if not given:
        return None
    named: dict[str, Any] = {"units": {}, "trials": {}}
    for text in given:
        name, value = _pair(text, "--field")
        table, dot, column = name.partition(".")
        if dot and table in ("units", "trials"):
            named[table][column] = value
        elif name == "per_second":
            named[name] = _number(value)
        elif name in ("spike_times", "spike_units", "spike_trials", "relative_to"):
            named[name] = value
        else:
            raise ValueError(
                "--field must name spike_times, spike_units, spike_trials, units.COLUMN, "
                f"trials.COLUMN, per_second or relative_to; got {name!r}"
            )
    if "spike_times" not in named:
        raise ValueError("--field must name spike_times, as in --field spike_times=spikes.times")
    return Fields(**named)


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ValueError(f"{option} must be NAME=VALUE; got {text!r}")
    return name, value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"per_second must be a number; got {text!r}") from error
