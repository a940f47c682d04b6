"""The verbs as commands, in the order in which a study needs them."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from neurospyke import __version__
from neurospyke.commands.compare import add_compare
from neurospyke.commands.completion import add_completion
from neurospyke.commands.convert import add_convert
from neurospyke.commands.demo import add_demo
from neurospyke.commands.fetch import add_fetch
from neurospyke.commands.inspect import add_inspect
from neurospyke.commands.manual import Parser, Shelf, in_words, one_line, typed
from neurospyke.commands.report import add_report
from neurospyke.commands.respond import add_respond
from neurospyke.commands.running import ended_by_signals
from neurospyke.commands.train import add_train

_COMMANDS = (
    ("try it", (add_demo,)),
    ("look at recordings and data", (add_inspect, add_convert, add_fetch)),
    ("let a network learn and respond", (add_train, add_respond)),
    ("compare and report", (add_compare, add_report)),
    ("set up the shell", (add_completion,)),
)
_DESCRIPTION = """\
Which layer of a spiking network, at which moment, represents the stimuli as a population of
neurons does, and how sure are we? Commands in the order in which a study needs them; each tells
more with --help."""
_EXAMPLES = """\
examples:
  neurospyke demo                                         # begin here: it ends with a report
  neurospyke inspect session.nwb                          # what a recording holds
  neurospyke train kheradpisheh2018 --data photographs/ --out learned.safetensors
  neurospyke respond learned.safetensors stimuli/ --out shown
  neurospyke compare shown/pool1.npz shown/pool2.npz counts.csv
  neurospyke report study.toml --out results              # all of it from one file
"""
# what a person can put right in the command or in what it names
_REFUSED = (ValueError, TypeError, FileNotFoundError, FileExistsError)
_REFUSED += (NotADirectoryError, IsADirectoryError, PermissionError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after `neurospyke`; those of the process when not given.

    Returns:
        0; 1 where it failed; 2 where the input was refused; 130 where it was interrupted, 143 and
        129 where a signal or a closed terminal ended it.

    Raises:
        SystemExit: with 0 after help or the version, with 2 where the usage is wrong.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = build_parser()
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)
    for stream in (sys.stdout, sys.stderr):
        # names of files need not be text, nor a terminal able to show all text
        getattr(stream, "reconfigure", dict)(errors="backslashreplace")
    options = parser.parse_args(arguments)
    with ended_by_signals() as signals:
        return _run(options, typed(["neurospyke", *arguments]), signals)


def build_parser() -> argparse.ArgumentParser:
    """Parser of all commands.

    Returns:
        The parser; what it understands has `run`, called with (options, command), and may have
        `error_words`, by which errors call the arguments of functions.
    """
    parser = Parser(
        prog="neurospyke", usage="neurospyke COMMAND ...", epilog=_EXAMPLES, add_help=False
    )
    parser.add_argument("-h", "--help", action="help", help="show this and end")
    parser.add_argument("--version", action="version", version=f"neurospyke {__version__}")
    commands = parser.add_subparsers(
        required=True, metavar="COMMAND", prog="neurospyke", help=argparse.SUPPRESS
    )
    shelf = Shelf(commands)
    for heading, adders in _COMMANDS:
        shelf.head(heading)
        for add in adders:
            add(shelf)
    parser.description = f"{_DESCRIPTION}\n{shelf.listed()}"
    return parser


def _run(options: argparse.Namespace, command: str, signals: list[int]) -> int:
    try:
        options.run(options, command)
        sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        notes = getattr(interrupt, "__notes__", ["the same command may be given again"])
        print("; ".join(["neurospyke: interrupted", *notes]), file=sys.stderr)
        return 128 + (signals[-1] if signals else signal.SIGINT)
    except Exception as error:
        _drain()
        code = _exit_code(error)
        if code is None:
            raise
        if not isinstance(error, BrokenPipeError):
            message = in_words(_message(error), getattr(options, "error_words", {}))
            print(f"neurospyke: {one_line(message)}", file=sys.stderr)
        return code
    return 0


def _exit_code(error: Exception) -> int | None:
    """None for what only a programmer can put right, who needs to see where it happened."""
    if isinstance(error, _REFUSED):
        return 2
    failed = isinstance(error, (OSError, MemoryError))
    # what a reader says of a library that is not there; Python's own error names a module
    lacks = isinstance(error, ImportError) and error.name is None
    # the module of torch's own error is not imported for its name
    return 1 if failed or lacks or type(error).__name__ == "OutOfMemoryError" else None


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return f"{where}{error.strerror}"
    return str(error) or ("not enough memory" if isinstance(error, MemoryError) else repr(error))


def _drain() -> None:
    """Leave nothing for Python to write, and to stumble over, when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
