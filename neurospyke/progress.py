"""Progress of a loop, shown only to someone who is watching."""

import sys
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


class progress(Generic[Item]):
    """Iterable that draws a bar on stderr while it is read, if stderr is a terminal.

    It can be read as often as what it wraps, so a loop of several epochs shows a bar for each.

    Args:
        iterable: what to go through.
        label: shown before the bar.

    >>> batches = progress([[1, 2], [3]], "batches")
    >>> [sum(batch) for batch in batches], len(batches)
    ([3, 3], 2)
    """

    def __init__(self, iterable: Iterable[Item], label: str = "") -> None:
        self._iterable = iterable
        self._label = label

    def __iter__(self) -> Iterator[Item]:
        watched = sys.stderr.isatty()
        return iter(tqdm(self._iterable, self._label, file=sys.stderr, disable=not watched))

    def __len__(self) -> int:
        return len(self._iterable)  # type: ignore[arg-type] - as `len` of what is wrapped
