"""Time the slow verbs and keep the figures with their versions and processor.

Run by `make bench`. Every figure is the median of `REPEATS` runs; ratios come from runs taken in
turn within this one process, because absolute times on a shared machine mean little.
"""

import json
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from neurospyke.compare import rsa
from neurospyke.recording import Recording
from neurospyke.responses import Responses
from neurospyke.sim.latency import SILENT
from neurospyke.sim.ops.spiking_convolution import spiking_convolution

REPEATS = 5
RESULTS = Path(__file__).parent / "results" / "first_slice.json"


def interleaved(*jobs: Callable[[], object]) -> list[float]:
    """Median seconds of each job, run in turn after one warm-up each."""
    seconds: list[list[float]] = [[] for _ in jobs]
    for job in jobs:
        job()
    for _ in range(REPEATS):
        for job, times in zip(jobs, seconds, strict=True):
            start = time.perf_counter()
            job()
            times.append(time.perf_counter() - start)
    return [statistics.median(times) for times in seconds]


def alignment() -> dict[str, float]:
    """500 units, 1000 trials, 50 bins; each train has 10 spikes/s."""
    rng = np.random.default_rng(0)
    trains = [np.sort(rng.uniform(0, 2000, 20_000)) for _ in range(500)]
    trials = pd.DataFrame({"start_time": 1.9 * np.arange(1000) + 1, "stimulus": "any"})
    recording = Recording.from_trains(trains, observed=(0.0, 2000.0), trials={"trials": trials})
    (seconds,) = interleaved(lambda: recording.align("trials", (0.0, 0.5), 0.01))
    return {"seconds": seconds}


def similarity() -> dict[str, float]:
    """640 conditions, 50 units, Spearman, 1000 bootstraps and 1000 permutations."""
    rng = np.random.default_rng(0)
    labels = [f"image{index:03d}" for index in range(640)]
    brain = Responses.from_counts(rng.poisson(3, (640, 50)), stimuli=labels)
    model = Responses.from_counts(rng.poisson(3, (640, 500)), stimuli=labels)
    (seconds,) = interleaved(lambda: rsa(model, brain, seed=0))
    return {"seconds": seconds}


def convolution() -> dict[str, float]:
    """6 maps of 28 x 28 to 100 maps, kernel 5, 15 bins, 64 images, against a dense wave."""
    generator = torch.Generator().manual_seed(0)
    latency = torch.randint(0, 15, (64, 6, 28, 28), generator=generator, dtype=torch.uint8)
    silent = torch.rand(latency.shape, generator=generator) < 0.8
    latency[silent] = SILENT
    weight = torch.normal(0.5, 0.02, (100, 6, 5, 5), generator=generator)

    def dense() -> torch.Tensor:
        bins = torch.arange(15).view(15, 1, 1, 1)
        return torch.stack(
            [
                (torch.conv2d((sample <= bins).float(), weight, padding=2) > 16).sum(0)
                for sample in latency
            ]
        )

    def ours() -> torch.Tensor:
        return spiking_convolution(latency, weight, 16.0, n_bins=15, padding=2)[0]

    fired = ours()
    if not torch.equal(15 - dense(), torch.where(fired == SILENT, 15, fired).long()):
        raise SystemExit("the two convolutions disagree; their times mean nothing")
    theirs, mine = interleaved(dense, ours)
    return {"seconds": mine, "dense_wave_seconds": theirs, "ratio": theirs / mine}


def main() -> None:
    """Run all, print and keep the figures."""
    figures = {
        job.__name__: {"what": job.__doc__, **job()} for job in (alignment, similarity, convolution)
    }
    record = {
        "command": "make bench",
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("torch", "numpy", "pandas", "neurospyke")},
        "repeats": REPEATS,
        "figures": figures,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
