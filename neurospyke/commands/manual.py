"""How commands explain themselves: help that teaches, and wrong usage told in one line."""

import argparse
import os
import re
import shlex
from collections.abc import Mapping
from typing import Any, NoReturn

_EXIT_CODES = """\
exit codes:
  0    done
  1    failed: no space, connection or memory, a library not installed, or a fault of neurospyke
  2    wrong usage, or input that was refused; one line says what to do
  130  interrupted by Ctrl-C (143 by SIGTERM, 129 by a closed terminal); no file is half-written
"""
# orders to a terminal, turns of the direction of writing, and bytes of names that are not UTF-8
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


class Parser(argparse.ArgumentParser):
    """Parser whose help keeps its lines and ends with the exit codes.

    Args:
        given: as for argparse. Options must be written in full, so that new ones break no script.
    """

    def __init__(self, **given: Any) -> None:
        given.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**{"allow_abbrev": False, **given})

    def format_help(self) -> str:
        """Help of argparse, then what every command has in common."""
        return f"{super().format_help()}\n{_EXIT_CODES}"

    def error(self, message: str) -> NoReturn:
        """End with one line and exit code 2."""
        self.exit(2, f"{self.prog}: {one_line(message)}; see {self.prog} --help\n")


class Shelf:
    """Commands under headings, for a list in the order in which a study needs them.

    Args:
        commands: what `add_subparsers` gave.
    """

    def __init__(self, commands: Any) -> None:
        self._commands = commands
        self._lines: list[str] = []

    def head(self, heading: str) -> None:
        """Begin a group.

        Args:
            heading: what its commands are for.
        """
        self._lines += ["", f"{heading}:"]

    def add_parser(self, name: str, *, help: str, **given: Any) -> argparse.ArgumentParser:
        """Add a command, as that of argparse does.

        Args:
            name: its name.
            help: what it does, in a line.
            given: what else argparse takes.

        Returns:
            The command's parser.
        """
        self._lines.append(f"  {name:<12}{help}")
        return self._commands.add_parser(name, help=help, **given)

    def listed(self) -> str:
        """All commands so far, a line each, under their headings."""
        return "\n".join(self._lines)


def one_line(text: object) -> str:
    r"""A text as one line that no terminal takes for an order.

    Args:
        text: what names and labels of strangers may stand in.

    Returns:
        The text, its lines joined by blanks, and characters that would move the cursor, turn the
        direction of writing or cannot be encoded as their escapes.

    >>> one_line("a file called 'a\n  b\x1b[2J'")
    "a file called 'a b\\x1b[2J'"
    """
    return _CONTROL.sub(_escape, re.sub(r"\s*[\r\n]\s*", " ", str(text).strip()))


def say(text: object) -> None:
    """Print a text of one line or several, such as a table, that may hold strangers' labels.

    Args:
        text: what to print; characters that `one_line` escapes are escaped, but for line breaks.
    """
    print("\n".join(_CONTROL.sub(_escape, line) for line in str(text).split("\n")), flush=True)


def in_words(text: str, words: Mapping[str, str]) -> str:
    """An error's advice in the words of a command.

    Args:
        text: the message of a function.
        words: what the command calls what the function calls otherwise; longer ones first.

    Returns:
        The message.

    >>> in_words("`source` must hold images", {"`source`": "IMAGES"})
    'IMAGES must hold images'
    """
    for argument, word in words.items():
        text = text.replace(argument, word)
    return text


def typed(words: list[str]) -> str:
    r"""A command as it can be typed again, whatever its words hold.

    Args:
        words: the command and its arguments.

    Returns:
        One line; words with characters that cannot be typed are written as `$'...'`.

    >>> typed(["neurospyke", "inspect", "my file.nwb", "a\nb"])
    "neurospyke inspect 'my file.nwb' $'a\\x0ab'"
    """
    return " ".join(_word(word) for word in words)


def _word(word: str) -> str:
    if not _CONTROL.search(word):
        return shlex.quote(word)
    plain = word.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{_CONTROL.sub(_bytes, plain)}'"


def _bytes(found: re.Match[str]) -> str:
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(found[0]))


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
