"""Docstrings as plain text: bars and stars are mathematics, indented lines are equations."""

import re
from typing import Any

_SECTION = re.compile(r"^(Args|Attributes|Example|Raises|Returns|Source|Yields):")
_OWN = (" ", ".. ", ">>>")  # what indented lines belong to


def keep_plain(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Change the lines of a docstring in place, before its sections are read.

    Args:
        app: Sphinx.
        what: kind of the object.
        name: its name.
        obj: itself.
        options: of the directive.
        lines: of the docstring.
    """
    del app, what, name, obj, options
    lines[:] = _as_literal(_escaped(lines))


def _escaped(lines: list[str]) -> list[str]:
    """Bars and stars escaped, but in doctests and in mathematical directives."""
    kept, verbatim = [], False
    for line in lines:
        if line.lstrip().startswith((">>>", ".. math::")):
            verbatim = True
        elif not line.strip():
            verbatim = False
        kept.append(line if verbatim else _marked(line))
    return kept


def _marked(line: str) -> str:
    escaped = re.sub(r"(?<!`)([|*])(?!`)", r"\\\1", line)
    # a name that a letter or an exponent follows is still a name
    return re.sub(r"(`[^`]+`)(?=\w)", r"\1\\ ", escaped)


def _as_literal(lines: list[str]) -> list[str]:
    """Indented blocks of the description, ahead of its sections, as they are written."""
    made: list[str] = []
    described, literal = True, False
    for line in lines:
        described = described and not _SECTION.match(line)
        before = next((each for each in reversed(made) if each.strip()), "")
        if line.strip() and not line.startswith(" "):
            literal = False
        elif line.strip() and described and made[-1:] != [before] and not before.startswith(_OWN):
            literal = True
            made += ["::", ""]
        made.append(line.replace("\\", "") if literal else line)
    return made


def setup(app: Any) -> dict[str, bool]:
    """Come before napoleon, which reads the sections.

    Args:
        app: Sphinx.

    Returns:
        That pages may be read and written in parallel.
    """
    app.connect("autodoc-process-docstring", keep_plain, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
