"""A long session from NWB to mean responses; cutting into trials beside Neo and pynapple.

The long session is simulated: 3 hours, 1,000 units, 100 million spikes, uniform in time. Each verb
is timed once in a process of its own, whose peak memory is kept. Beside the peers: the same trains
and trials in each one's own form, ready before the clock starts, in turn, medians of five; Neo cuts
a part and its time is given for a unit and trial.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import measure
import numpy as np
import pandas as pd

from neurospyke.recording import Recording, read_recording, to_neo, to_pynapple, write_nwb

HERE = Path(__file__).parent
FOLDER = HERE.parent / "out" / "recordings"
RESULTS = HERE / "results" / "recordings.json"
WINDOW, WIDTH = (0.0, 0.5), 0.01


def simulated(n_units: int, n_spikes: int, duration: float, n_trials: int) -> Recording:
    """Units of `n_spikes` each, and trials of 100 stimuli all through the session."""
    rng = np.random.default_rng(0)
    times = np.sort(rng.uniform(0, duration, (n_units, n_spikes)), axis=1).ravel()
    starts = np.linspace(1.0, duration - 2.0, n_trials)
    trials = pd.DataFrame({"start_time": starts, "stimulus": rng.integers(0, 100, n_trials)})
    return Recording(
        times,
        n_spikes * np.arange(n_units + 1),
        pd.DataFrame({"unit": np.arange(n_units), "area": "simulated"}),
        {"trials": trials},
        np.array([[0.0, duration]]),
    )


def write_session(path: str) -> None:
    """The long session as a file."""
    write_nwb(path, simulated(1000, 100_000, 3 * 3600.0, 5000))


def read_session(path: str) -> None:
    """Seconds of each verb and the peak memory of all, printed as JSON."""
    start = time.perf_counter()
    recording = read_recording(path)
    read = time.perf_counter()
    responses = recording.align("trials", WINDOW, WIDTH)
    aligned = time.perf_counter()
    mean = responses.average()
    averaged = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    figures = {
        "units": recording.n_units,
        "spikes": recording.n_spikes,
        "responses": list(responses.shape),
        "mean responses": list(mean.shape),
        "read_seconds": read - start,
        "align_seconds": aligned - read,
        "average_seconds": averaged - aligned,
        "total_seconds": averaged - start,
        "peak_gib": peak,
    }
    print(json.dumps(figures))


def long_session() -> dict[str, Any]:
    """Both in processes of their own, so that peaks are theirs."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / "long.nwb"
    try:
        _child("--write", path)
        figures = json.loads(_child("--read", path).splitlines()[-1])
        return {"file_mib": path.stat().st_size / 2**20, **figures}
    finally:
        path.unlink(missing_ok=True)


def _child(*arguments: object) -> str:
    command = [sys.executable, str(HERE / "recordings.py"), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def beside_peers(n_units: int = 500, n_trials: int = 1000) -> dict[str, Any]:
    """Milliseconds to cut trials of 50 bins, and whether all count alike."""
    import neo.utils
    import pynapple

    recording = simulated(n_units, 20_000, 2000.0, n_trials)
    starts = recording.trials["trials"]["start_time"].to_numpy()
    group = to_pynapple(recording)
    windows = pynapple.IntervalSet(starts, starts + WINDOW[1])
    few = recording.where(units=np.arange(5))
    trials = {"trials": recording.trials["trials"].iloc[:20].assign(stop_time=starts[:20] + 0.5)}
    part = Recording(few.spike_times, few.offsets, few.units, trials, few.observed)
    block = to_neo(part)
    (epoch,) = block.segments[0].epochs

    def ours() -> np.ndarray:
        return recording.align("trials", WINDOW, WIDTH).values

    def pynapples() -> np.ndarray:
        return pynapple.build_tensor(group, windows, bin_size=WIDTH)

    def neos() -> list:
        return neo.utils.cut_segment_by_epoch(block.segments[0], epoch)

    theirs = np.moveaxis(np.asarray(pynapples()), 0, 1)
    differing = int((ours() != theirs).sum())
    counted = np.array([[len(train) for train in cut.spiketrains] for cut in neos()])
    alike = (
        recording.align("trials", WINDOW)
        .where(trials=np.arange(20), units=np.arange(5))
        .values[:, :, 0]
    )
    times = measure.interleave({"neurospyke": ours, "pynapple": pynapples, "neo": neos}, 5)
    per_pair = {
        "neurospyke": times["neurospyke"]["median_ms"] / (n_units * n_trials),
        "pynapple": times["pynapple"]["median_ms"] / (n_units * n_trials),
        "neo": times["neo"]["median_ms"] / (5 * 20),
    }
    return {
        "units": n_units,
        "trials": n_trials,
        "bins": round((WINDOW[1] - WINDOW[0]) / WIDTH),
        "times": times,
        "milliseconds of a unit and trial": per_pair,
        "cells that differ from pynapple": differing,
        "trials and units that differ from neo": int((counted != alike).sum()),
        "neo extrapolated to all, seconds": per_pair["neo"] * n_units * n_trials / 1e3,
    }


def main() -> None:
    """Run both parts, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", help="only write the long session to this file")
    parser.add_argument("--read", help="only read, align and average this file")
    options = parser.parse_args()
    if options.write:
        return write_session(options.write)
    if options.read:
        return read_session(options.read)
    versions = {name: version(name) for name in ("neo", "pynapple", "pynwb", "h5py", "numba")}
    record = {"command": "python benchmarks/recordings.py", **measure.environment()}
    record["versions"] |= versions
    record |= {"long session": long_session(), "beside peers": beside_peers()}
    RESULTS.write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record, indent=2))
    return None


if __name__ == "__main__":
    main()
