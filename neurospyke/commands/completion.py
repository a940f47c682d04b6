"""`neurospyke completion SHELL`: what a shell needs to complete commands at the Tab key."""

import argparse
from typing import Any

_SHELLS = ("bash", "zsh", "fish")
_DESCRIPTION = """\
Print what makes the Tab key complete commands, options, their choices, and files. Nothing is
installed: the shell reads what is printed."""
_EPILOG = """\
comes out:
  a script for the shell, on standard output

examples, each a line of the shell's own configuration:
  eval "$(neurospyke completion bash)"      # ~/.bashrc
  eval "$(neurospyke completion zsh)"       # ~/.zshrc, after compinit
  neurospyke completion fish | source       # ~/.config/fish/config.fish
"""


def add_completion(commands: Any) -> None:
    """Add the command to those of a parser.

    Args:
        commands: what `add_subparsers` gave.
    """
    completion = commands.add_parser(
        "completion",
        help="make the Tab key complete commands",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    completion.add_argument("shell", choices=_SHELLS, metavar="SHELL", help=", ".join(_SHELLS))
    completion.set_defaults(run=run_completion)


def run_completion(options: argparse.Namespace, command: str) -> None:
    """Print the script for a shell.

    Args:
        options: what `add_completion` understood.
        command: the command as it was given.
    """
    del command
    import argcomplete

    print(argcomplete.shellcode(["neurospyke"], shell=options.shell))  # pyright: ignore
