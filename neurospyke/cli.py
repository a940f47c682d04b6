"""The verbs as commands: `neurospyke demo`, `train`, `inspect`, `convert`, `datasets`."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from neurospyke import __version__
from neurospyke.commands.convert import add_convert
from neurospyke.commands.inspect import add_inspect
from neurospyke.commands.train import add_train


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after `neurospyke`; those of the process when not given.

    Returns:
        0; 2 where the input was refused; 130 where it was interrupted.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(arguments)
    try:
        options.run(options, shlex.join(["neurospyke", *arguments]))
    except (ValueError, TypeError, OSError) as error:
        print(f"neurospyke: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interrupt:
        notes = getattr(interrupt, "__notes__", [])
        print("; ".join(["neurospyke: interrupted", *notes]), file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="neurospyke", description=__doc__)
    parser.add_argument("--version", action="version", version=f"neurospyke {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo", help="learn, record, compare and report on data the package brings itself"
    )
    demo.add_argument("--out", type=Path, default=Path("neurospyke-demo"), metavar="FOLDER")
    demo.add_argument("--seed", type=int, default=0)
    demo.set_defaults(run=_demo)
    add_train(commands)
    add_inspect(commands)
    add_convert(commands)
    datasets = commands.add_parser("datasets", help="list the public data sets known by name")
    datasets.set_defaults(run=_datasets)
    return parser


def _demo(options: argparse.Namespace, command: str) -> None:
    from neurospyke.demo import run_demo
    from neurospyke.progress import progress

    report = run_demo(options.out, seed=options.seed, command=command, track=progress)
    print(f"The report is in {report.resolve()}")


def _datasets(options: argparse.Namespace, command: str) -> None:
    del options, command
    from neurospyke.datasets import list_datasets

    print(list_datasets().to_string(index=False))
