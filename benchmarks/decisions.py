"""Train `mozafari2019` on digits by STDP and then by reward, and follow its answers.

    python benchmarks/decisions.py [--seed 0] [--epochs 2,4] [--minutes 180] [--threads 1]

conv1 and conv2 learn by STDP image by image (2 and 4 passes as published); conv3 learns by reward
and punishment alone, in batches of 1000 as published, until time is up. No label is used but
through reward. After each pass the share of right decisions on the test images is taken. What is
kept in results/mnist_mozafari2019.json is the whole curve with its seed; started again with the
same arguments, an interrupted run goes on from its checkpoints in out/checkpoints. The test
images choose nothing: the last value counts, not the best.
"""

import argparse
import contextlib
import json
import time
from pathlib import Path

import measure
import numpy as np
import torch
from digits import accuracy

from neurospyke.datasets.mnist import read_mnist
from neurospyke.sim import LearningStep, Network, learn_by_reward, learn_by_stdp, mozafari2019
from neurospyke.sim.update import decided

RESULTS = Path(__file__).parent / "results"
CHECKPOINTS = Path("out/checkpoints")
# more passes than time allows for: the run ends by the clock
PASSES = 10_000
BATCH = 1000


class OutOfTime(Exception):
    """The minutes asked for are over."""


class Curve:
    """Test accuracy after each pass, kept on disk as it grows."""

    def __init__(self, path: Path, network: Network, minutes: float) -> None:
        images, self.labels = read_mnist("test")
        with torch.no_grad():
            parts = [network.latency(part, "pool2") for part in images.split(250)]
        self.latency = torch.cat(parts)
        self.path = path
        self.rows = json.loads(path.read_text()) if path.is_file() else []
        self.begun, self.minutes = time.monotonic(), minutes
        self.right = np.zeros(len(self.labels), dtype=bool)

    def __call__(self, step: LearningStep) -> None:
        assert step.network is not None
        assert step.decisions is not None
        if step.n_seen % 60_000 == 0:
            answers = decided(step.network.layers["conv3"], self.latency)  # type: ignore[arg-type]
            self.right = answers.numpy() == self.labels
            self.rows = [row for row in self.rows if row["pass"] <= step.epoch]
            self.rows.append(
                {
                    "pass": step.epoch + 1,
                    "test accuracy": float(self.right.mean()),
                    "without answer": float((answers < 0).float().mean()),
                    "right in the last batch": step.decisions.n_right / BATCH,
                    "minutes": (time.monotonic() - self.begun) / 60,
                }
            )
            self.path.write_text(json.dumps(self.rows))
            print(self.rows[-1], flush=True)
        if time.monotonic() - self.begun > 60 * self.minutes:
            raise OutOfTime


def main() -> None:
    """Train, follow, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=lambda text: [int(n) for n in text.split(",")])
    parser.add_argument("--minutes", type=float, default=180, help="for learning by reward")
    parser.add_argument("--threads", type=int, default=1)
    parser.set_defaults(epochs=[2, 4])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    CHECKPOINTS.mkdir(parents=True, exist_ok=True)
    stem = f"mozafari2019-{options.seed}-" + "-".join(map(str, options.epochs))
    images, labels = read_mnist("train")
    begun = time.monotonic()
    network = mozafari2019(seed=options.seed)
    for name, epochs in zip(("conv1", "conv2"), options.epochs, strict=True):
        network = learn_by_stdp(
            network,
            images.split(BATCH),
            layers=[name],
            epochs=epochs,
            online=True,
            checkpoint=CHECKPOINTS / f"{stem}.{name}.safetensors",
            observe=lambda step: (
                print(step.layer, step.n_seen, step.convergence, flush=True)
                if step.n_seen % 20_000 == 0
                else None
            ),
        )
    stdp_minutes = (time.monotonic() - begun) / 60
    curve = Curve(CHECKPOINTS / f"{stem}.curve.json", network, options.minutes)
    batches = list(zip(images.split(BATCH), torch.from_numpy(labels).split(BATCH), strict=True))
    with contextlib.suppress(OutOfTime):
        learn_by_reward(
            network,
            batches,
            epochs=PASSES,
            seed=options.seed,
            observe=curve,
            checkpoint=CHECKPOINTS / f"{stem}.conv3.safetensors",
            save_every=20,
        )
    record = {
        "command": measure.command(),
        "seed": options.seed,
        "environment": measure.environment(),
        "threads": options.threads,
        "minutes of STDP": stdp_minutes,
        "passes of STDP": dict(zip(("conv1", "conv2"), options.epochs, strict=True)),
        "accuracy": accuracy(curve.right),
        "curve": curve.rows,
    }
    (RESULTS / "mnist_mozafari2019.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
