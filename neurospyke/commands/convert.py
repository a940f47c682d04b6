"""`neurospyke convert FILE out.nwb`: any recording as NWB."""

import argparse
from datetime import datetime
from pathlib import Path
from typing import Any

from neurospyke.commands.inspect import add_source, read_source
from neurospyke.commands.manual import say, typed
from neurospyke.commands.running import add_running

_DESCRIPTION = """\
Read a recording of any format that inspect reads, and write it as NWB, with its units, trials and
the list of what was repaired. Nothing is put right quietly."""
_EPILOG = """\
comes out:
  OUT, one NWB file, whole or not at all; on standard output what was read, dropped and inferred

examples:
  neurospyke convert sorted/ session.nwb --events shown.csv
  neurospyke convert session.nev session.nwb --code 65281=stim_on
  neurospyke convert session.mat session.nwb --field spike_times=data.spikes --field per_second=1000
"""


def add_convert(commands: Any) -> None:
    """Add the command to those of a parser.

    Args:
        commands: what `add_subparsers` gave.
    """
    convert = commands.add_parser(
        "convert",
        help="read a recording and write it as NWB",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add_source(convert)
    convert.add_argument("out", type=Path, metavar="OUT", help="the file to write, ending in .nwb")
    convert.add_argument("--overwrite", action="store_true", help="replace OUT if it is there")
    convert.add_argument(
        "--start",
        metavar="TIME",
        help="when time 0 was, with its zone, as 2024-05-01T09:00+02:00; unknown when not given",
    )
    add_running(convert, device=False, threads=False)
    convert.set_defaults(run=run_convert)


def run_convert(options: argparse.Namespace, command: str) -> None:
    """Read a recording and write it as NWB, whole or not at all.

    Args:
        options: what `add_convert` understood.
        command: the command as it was given.

    Raises:
        ValueError: the output exists or is no `.nwb`, or the file is refused.
    """
    del command
    if options.out.suffix != ".nwb":
        raise ValueError(f"OUT must end in .nwb; got {options.out}")
    if options.out.exists() and not options.overwrite:
        raise ValueError(f"{options.out} exists; give --overwrite to replace it, or another OUT")
    when: dict[str, Any] = (
        {} if options.start is None else {"session_start_time": _start(options.start)}
    )
    recording = read_source(options)
    from neurospyke.recording import read_pictures, write_nwb

    pictures = read_pictures(options.file) if options.file.suffix == ".nwb" else None
    write_nwb(options.out, recording, images=pictures, **when)
    if options.quiet:
        return
    for line in recording.report.lines:
        say(line)
    out = typed([str(options.out)])
    say(f"{recording.n_units} units and {recording.n_spikes} spikes are in {out}")


def _start(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"--start must be a time such as 2024-05-01T09:00+02:00: {error}"
        ) from error
