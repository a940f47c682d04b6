"""How many of the processor's cores the simulation takes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from neurospyke.sim.whole import check_whole


@contextmanager
def on_threads(n_threads: int | None) -> Iterator[None]:
    """Run the block on a number of CPU threads, torch's and the compiled kernels' alike.

    Results do not depend on it.

    Args:
        n_threads: number of threads, at least 1; None leaves it as it is.

    Raises:
        ValueError: `n_threads` is no whole number from 1 up.

    Example:
        >>> with on_threads(1):
        ...     torch.get_num_threads()
        1
    """
    if n_threads is not None:
        check_whole("n_threads", n_threads, 1)
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
