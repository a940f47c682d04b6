"""`neurospyke report STUDY.toml`: from a configuration to a report, and to the same again."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurospyke.commands.manual import say, typed
from neurospyke.commands.running import add_running, whole

if TYPE_CHECKING:
    from neurospyke.study import Study

_EXAMPLE = Path(__file__).parent.parent / "study" / "example.toml"
_WORDS = {
    "missing='drop'": 'missing = "drop" in [[comparison]]',
    "choose euclidean_rdm": 'choose dissimilarity = "euclidean"',
    "with `undefined=`": "with undefined = 1.0 in [[comparison]]",
    " ('drop' leaves them out)": "",
    "`device`": "--device",
    "`out`": "--out",
}
_DESCRIPTION = """\
Read a study from a TOML file (stimuli, a recording or responses, a network, comparisons), run it,
and write one HTML file that a reviewer can read: scores with intervals, noise ceilings and
controls, methods with citations, and all that is needed to do it again."""
_EPILOG = """\
comes out, in FOLDER, all together or not at all:
  report.html          open it in a browser; it needs nothing else
  scores.csv           every score
  report.samples.npz   all that was drawn, and every bootstrap sample

examples:
  neurospyke report --example > study.toml     # a study with every key explained
  neurospyke report study.toml --out results
  neurospyke report --again results/report.html --out repeated   # the same numbers?
"""


def add_report(commands: Any) -> None:
    """Add the command to those of a parser.

    Args:
        commands: what `add_subparsers` gave.
    """
    report = commands.add_parser(
        "report",
        help="run a study from its configuration, and write the report",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    what = report.add_mutually_exclusive_group(required=True)
    what.add_argument("study", nargs="?", type=Path, metavar="STUDY", help="a .toml")
    what.add_argument(
        "--again",
        type=Path,
        metavar="REPORT",
        help="do a report again from its own provenance, and hold the numbers against it",
    )
    what.add_argument("--example", action="store_true", help="print a study with comments, and end")
    report.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="made if absent; what it holds of these names is replaced [the name of STUDY; with "
        "--again, of the report's folder and -again]",
    )
    report.add_argument(
        "--from",
        dest="folder",
        type=Path,
        metavar="FOLDER",
        help="with --again: where paths of the study start, if files have moved",
    )
    report.add_argument(
        "--seed", type=whole(0), metavar="N", help="of everything random [that of the study]"
    )
    add_running(report)
    report.set_defaults(run=run_report, error_words=_WORDS)


def run_report(options: argparse.Namespace, command: str) -> None:
    """Print the example, run a study, or do a report again.

    Args:
        options: what `add_report` understood.
        command: the command as it was given.

    Raises:
        ValueError: if the study or its inputs are refused, or numbers are not the same again.
    """
    if options.example:
        print(_EXAMPLE.read_text(encoding="utf-8"), end="")
        return
    if options.folder is not None and options.again is None:
        raise ValueError("--from must go with --again; paths of STUDY start from its own folder")
    if options.again is not None:
        _again(options, command)
        return
    from neurospyke.study import read_study

    study = read_study(options.study)
    out = options.out or options.study.with_suffix("")
    _tell(options, _run(options, command, study, out))


def _run(options: argparse.Namespace, command: str, study: "Study", out: Path) -> Path:
    from neurospyke.progress import progress
    from neurospyke.sim.threads import on_threads
    from neurospyke.study import run_study

    track = None if options.quiet else progress
    with on_threads(options.threads):
        return run_study(
            study, out, seed=options.seed, device=options.device, command=command, track=track
        )


def _again(options: argparse.Namespace, command: str) -> None:
    from neurospyke.report import read_provenance
    from neurospyke.study import differences, read_again

    before = read_again(options.again, options.folder)
    for change in before.changed:
        say(f"changed: {change}")
    beside = options.again.resolve().parent
    out = options.out or beside.with_name(f"{beside.name}-again")
    report = _run(options, command, before.study, out)
    found = differences(before.scores, read_provenance(report)["scores"])
    _tell(options, report)
    if found:
        more = f", and {len(found) - 3} more" if len(found) > 3 else ""
        why = f" (changed: {'; '.join(before.changed)})" if before.changed else ""
        raise ValueError(
            f"{options.again} must give the same numbers again; {'; '.join(found[:3])}{more}{why}"
        )
    if not options.quiet:
        say(f"All {len(before.scores)} comparisons are the same again")


def _tell(options: argparse.Namespace, report: Path) -> None:
    if not options.quiet:
        say(f"The report is in {typed([str(report.resolve())])}")
