"""How things are timed: in turn, after a warm-up, medians; memory; processes of their own."""

import contextlib
import ctypes
import gc
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# glibc gives large blocks back to the system at once, and every page is then faulted in anew; with
# these it keeps them, as caching allocators do
REUSE = {
    "MALLOC_MMAP_THRESHOLD_": str(2**32),
    "MALLOC_TRIM_THRESHOLD_": str(2**36),
    "MALLOC_TOP_PAD_": str(2**28),
}
_SLOW = 1.0
_TRIES = 3
_OTHERS = 0.1


def interleave(
    jobs: dict[str, Callable[[], Any]],
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
    rest: dict[str, float] | None = None,
    sample: float = 0.1,
) -> dict[str, dict[str, float]]:
    """Milliseconds of a call of each job: A B C A B C, a warm-up before each sample.

    A sample is as many calls as fill its time. Jobs of more than a second are warmed up only once.
    A sample of a shorter one by the clock on the wall, during which other processes had more than a
    tenth of the processors, is taken again, twice at most, and the least disturbed is kept.

    Args:
        jobs: what to time.
        repeats: samples of each.
        clock: `time.perf_counter`, or `time.process_time` for CPU time.
        rest: seconds to wait after a job's samples, for those whose threads go on spinning.
        sample: seconds that a sample takes at least.

    Returns:
        `median_ms`, `least_ms`, `samples` and `disturbed` (samples) of each job.
    """
    calls = {name: _calls(job, clock, sample) for name, job in jobs.items()}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
    for _ in range(repeats):
        for name, job in jobs.items():
            taken[name].append(_sample(job, calls[name], clock))
            time.sleep((rest or {}).get(name, 0.0))
    return {name: _summary(each) for name, each in taken.items()}


def _sample(job: Callable[[], Any], calls: int, clock: Callable[[], float]) -> tuple[float, float]:
    """Share of the processors that others had, and seconds of a call; the best of three tries."""
    tries: list[tuple[float, float]] = []
    while not tries or (calls and len(tries) < _TRIES and min(tries)[0] > _OTHERS):
        if calls:
            job()
        gc.collect()
        others = _Others()
        start = clock()
        for _ in range(max(calls, 1)):
            job()
        seconds = (clock() - start) / max(calls, 1)
        tries.append((others.share() if clock is time.perf_counter else 0.0, seconds))
    return min(tries)


def _summary(samples: list[tuple[float, float]]) -> dict[str, float]:
    seconds = [each for _, each in samples]
    return {
        "median_ms": 1e3 * statistics.median(seconds),
        "least_ms": 1e3 * min(seconds),
        "samples": len(samples),
        "disturbed": sum(others > _OTHERS for others, _ in samples),
    }


class _Others:
    """Share of all processors that other processes have had since this was made; Linux only."""

    def __init__(self) -> None:
        self._before = self._read()

    def share(self) -> float:
        busy, own, wall = (now - then for now, then in zip(self._read(), self._before, strict=True))
        return max(0.0, busy - own) / (max(wall, 1e-3) * (os.cpu_count() or 1))

    @staticmethod
    def _read() -> tuple[float, float, float]:
        busy = 0.0
        with contextlib.suppress(OSError):
            fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
            # all but idle and waiting for a disk
            ticks = sum(int(each) for place, each in enumerate(fields) if place not in {3, 4})
            busy = ticks / os.sysconf("SC_CLK_TCK")
        return busy, time.process_time(), time.perf_counter()


def _calls(job: Callable[[], Any], clock: Callable[[], float], sample: float) -> int:
    """Calls in a sample; 0 stands for one call without a warm-up."""
    job()
    start = clock()
    job()
    seconds = max(clock() - start, 1e-7)
    return 0 if seconds > _SLOW else max(1, round(sample / seconds))


class PeakMemory:
    """Most memory resident since the start of a block, over what was resident then, in MiB.

    Example:
        >>> with PeakMemory() as memory:
        ...     block = bytearray(2**24)
        >>> round(memory.mib) >= 15
        True
    """

    mib = float("nan")

    def __enter__(self) -> "PeakMemory":
        gc.collect()
        # what was freed before must not be counted as resident
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
        # 5 sets the high-water mark of Linux back to what is resident now
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        self._start = _status("VmRSS")
        return self

    def __exit__(self, *_: object) -> None:
        self.mib = (_status("VmHWM") - self._start) / 1024


def _status(key: str) -> float:
    """A line of /proc/self/status in KiB; where there is none, the process's peak."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(key):
                return float(line.split()[1])
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def child(
    part: str, threads: int, *, reuse: bool = False, quick: bool = False, **settings: str
) -> list[dict[str, Any]]:
    """Records of one part of the benchmark, from a process of its own.

    Args:
        part: name of a function in parts.py, with its argument after a colon if it has one.
        threads: of torch and of the peers.
        reuse: with an allocator that keeps the memory it has been given.
        quick: tiny sizes.
        settings: environment of the process.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), **settings}
    environment.update(REUSE if reuse else {})
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "records.json"
        command = [sys.executable, str(HERE / "parts.py"), part, str(answer), str(threads)]
        done = subprocess.run(
            [*command, *(["--quick"] if quick else [])], env=environment, check=False
        )
        if done.returncode or not answer.is_file():
            return [{"part": part, "failed": f"process ended with {done.returncode}"}]
        records = json.loads(answer.read_text())
    allocator = "reuses memory" if reuse else "default"
    return [{**record, "allocator": allocator, **settings} for record in records]


def command() -> str:
    """The command that runs, as it is given from the folder of the project."""
    return " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])


def environment() -> dict[str, Any]:
    """Processor, instruction sets and versions."""
    lines: list[str] = []
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    found: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        found.setdefault(key.strip(), value.strip())
    flags = found.get("flags", "").split()
    return {
        "processor": found.get("model name") or platform.processor() or platform.machine(),
        "family and model": f"{found.get('cpu family', '?')} {found.get('model', '?')}",
        "cores": os.cpu_count(),
        "instruction sets": [
            name for name in ("avx2", "fma", "avx512f", "avx512vl", "avx512_vbmi2") if name in flags
        ],
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in ("neurospyke", "torch", "numpy")},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
