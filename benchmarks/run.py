"""Time the slow verbs and keep the figures with their versions and processor.

Every figure is the median of `REPEATS` runs.
"""

import json
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import measure
import numpy as np
import pandas as pd
import torch

from neurospyke.compare import rsa
from neurospyke.recording import Recording
from neurospyke.responses import Responses

REPEATS = 5
RESULTS = Path(__file__).parent / "results" / "first_slice.json"


def median_seconds(job: Callable[[], object]) -> float:
    """Median wall seconds of a job."""
    return measure.interleave({"job": job}, REPEATS)["job"]["median_ms"] / 1e3


def alignment() -> dict[str, float]:
    """500 units, 1000 trials, 50 bins; each train has 10 spikes/s."""
    rng = np.random.default_rng(0)
    trains = [np.sort(rng.uniform(0, 2000, 20_000)) for _ in range(500)]
    trials = pd.DataFrame({"start_time": 1.9 * np.arange(1000) + 1, "stimulus": "any"})
    recording = Recording.from_trains(trains, observed=(0.0, 2000.0), trials={"trials": trials})
    seconds = median_seconds(lambda: recording.align("trials", (0.0, 0.5), 0.01))
    return {"seconds": seconds}


def similarity() -> dict[str, float]:
    """640 conditions, 50 units, Spearman, 1000 bootstraps and 1000 permutations."""
    rng = np.random.default_rng(0)
    labels = [f"image{index:03d}" for index in range(640)]
    brain = Responses.from_counts(rng.poisson(3, (640, 50)), stimuli=labels)
    model = Responses.from_counts(rng.poisson(3, (640, 500)), stimuli=labels)
    seconds = median_seconds(lambda: rsa(model, brain, seed=0))
    return {"seconds": seconds}


def main() -> None:
    """Run all, print and keep the figures."""
    figures = {job.__name__: {"what": job.__doc__, **job()} for job in (alignment, similarity)}
    record = {
        "command": "python benchmarks/run.py",
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
