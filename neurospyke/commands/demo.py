"""`neurospyke demo`: the whole path on data the package brings itself."""

import argparse
from pathlib import Path
from typing import Any

from neurospyke.commands.manual import say, typed
from neurospyke.commands.running import add_running, on_device

_DESCRIPTION = """\
A network learns by STDP from patches of two photographs, a simulated recording of two areas sees
others, every layer is compared with each area, and a report is written. What should be found is
known and stands in the report. Takes about half a minute."""
_EPILOG = """\
comes out, in FOLDER:
  virtual.nwb    the recording, as any NWB file
  scores.csv     every score with interval, noise ceiling and p
  report.html    the report; open it in a browser; beside it, in report.samples*.npz, all that
                 was drawn at random

examples:
  neurospyke demo
  neurospyke demo --out seven --seed 7 && neurospyke inspect seven/virtual.nwb
"""


def add_demo(commands: Any) -> None:
    """Add the command to those of a parser.

    Args:
        commands: what `add_subparsers` gave.
    """
    demo = commands.add_parser(
        "demo",
        help="learn, record, compare and report on data the package brings itself",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    demo.add_argument(
        "--out",
        type=Path,
        default=Path("neurospyke-demo"),
        metavar="FOLDER",
        help="made if absent; what it holds of these names is replaced [neurospyke-demo]",
    )
    add_running(demo, seed="images, recording, network and statistics")
    demo.set_defaults(run=run_demo)


def run_demo(options: argparse.Namespace, command: str) -> None:
    """Run the demonstration and say where its report is.

    Args:
        options: what `add_demo` understood.
        command: the command as it was given.
    """
    from neurospyke import demo
    from neurospyke.progress import progress
    from neurospyke.sim import kheradpisheh2018
    from neurospyke.sim.threads import on_threads

    # a device that is not here is found now, not once the recording has been made
    on_device(kheradpisheh2018(), options.device)
    with on_threads(options.threads):
        report = demo.run_demo(
            options.out,
            seed=options.seed,
            device=options.device,
            command=command,
            track=None if options.quiet else progress,
        )
    if not options.quiet:
        say(f"The report is in {typed([str(report.resolve())])}")
