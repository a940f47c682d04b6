"""What long commands have in common: seed, device, threads, silence, a bar, and how they end."""

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

# what each does where nobody has said otherwise
_ENDINGS = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
}
_PAUSE = 0.1  # seconds


@contextmanager
def ended_by_signals() -> Iterator[list[int]]:
    """Let SIGTERM and a closed terminal end the block as Ctrl-C does, so that it tidies up.

    What the process ignores on purpose, as under nohup, stays ignored. A signal that comes while
    modules are imported waits for them, unless it comes twice: some swallow it.

    Yields:
        Numbers of the signals received, none at first.
    """
    received: list[int] = []
    # only the main thread is told of signals
    told = threading.current_thread() is threading.main_thread()
    before = _take(received) if told else {}
    try:
        yield received
    finally:
        if told:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _take(received: list[int]) -> dict[signal.Signals, Any]:
    """Set handlers that write down signals, and give those of before."""

    def end(number: int, frame: FrameType | None) -> None:
        impatient = number in received
        received.append(number)
        if impatient or not _importing(frame):
            raise KeyboardInterrupt
        signal.setitimer(signal.ITIMER_REAL, _PAUSE)

    def ask_again(_: int, frame: FrameType | None) -> None:
        if not _importing(frame):
            raise KeyboardInterrupt
        signal.setitimer(signal.ITIMER_REAL, _PAUSE)

    before = {signal.SIGALRM: signal.signal(signal.SIGALRM, ask_again)}
    for number, usual in _ENDINGS.items():
        if signal.getsignal(number) is usual:
            before[number] = signal.signal(number, end)
    return before


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def add_running(
    parser: argparse.ArgumentParser, *, seed: str = "", device: bool = True, threads: bool = True
) -> None:
    """Add the options of long commands to a parser.

    Args:
        parser: the command's parser.
        seed: what is drawn with it, or empty where nothing is.
        device: whether it can run on a GPU.
        threads: whether it computes.
    """
    group = parser.add_argument_group("running")
    if seed:
        group.add_argument(
            "--seed", type=whole(0), default=0, metavar="N", help=f"of {seed}, from 0 up [0]"
        )
    if device:
        group.add_argument("--device", default="cpu", help="cpu, or cuda for a GPU [cpu]")
    if threads:
        group.add_argument(
            "--threads", type=whole(1), metavar="N", help="CPU threads; changes no result"
        )
    group.add_argument("--quiet", action="store_true", help="print errors only")


def whole(least: int) -> Callable[[str], int]:
    """Type of an argument that is a whole number.

    Args:
        least: the smallest allowed.

    Returns:
        What argparse calls with the word.

    >>> whole(1)("12")
    12
    """

    def number(text: str) -> int:
        if text.isascii() and text.isdigit() and int(text) >= least:
            return int(text)
        raise argparse.ArgumentTypeError(f"must be a whole number from {least} up; got {text!r}")

    return number


def on_device(network: Any, device: str) -> Any:
    """A network where it shall run.

    Args:
        network: the network.
        device: as torch calls it.

    Returns:
        The network there.

    Raises:
        ValueError: torch has no such device here.
    """
    try:
        return network.to(device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"--device must be one that torch has here; {error}") from error


def bar(total: int | None, unit: str, *, quiet: bool, **given: Any) -> "tqdm[Any]":
    """Bar with rate and time left on stderr, if that is a terminal.

    Args:
        total: how many there are, if known.
        unit: what is counted.
        quiet: True shows nothing.
        given: what else tqdm takes.

    Returns:
        The bar, to be updated and closed.
    """
    from tqdm import tqdm

    hidden = quiet or not sys.stderr.isatty()
    return tqdm(total=total, unit=unit, file=sys.stderr, disable=hidden, **given)
