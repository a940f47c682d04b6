"""Time one epoch of STDP in the first layer of `rezghi2022`: 60,000 digits, batches of 64.

    python benchmarks/epoch.py [--images 60000] [--batch 64] [--threads 2]

`learn_by_stdp` is timed as a user calls it, encoding included; encoding the same batches once more
is timed on its own. Kept in results/epoch.json, if all 60,000 were used.
"""

import argparse
import json
import time
from collections.abc import Callable

import measure
import torch
from ops import EPOCH
from workloads import digits

from neurospyke.sim import convergence, learn_by_stdp, rezghi2022

WHOLE = 60_000


def main() -> None:
    """Run, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=WHOLE)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    images, source = digits("train", options.images)
    batches, network = images.split(options.batch), rezghi2022(seed=0)

    def encode() -> None:
        for batch in batches:
            network.encoder(batch)

    with torch.no_grad():
        encoding = _seconds(encode)
    learned = []
    learning = _seconds(lambda: learned.append(learn_by_stdp(network, batches, layers=["conv1"])))
    record = {
        "part": "epoch",
        "command": measure.command(),
        "environment": measure.environment(),
        "threads": options.threads,
        "digits": source,
        "images": len(images),
        "batch": options.batch,
        "seconds": {"learning and encoding": learning[0], "encoding": encoding[0]},
        "cpu_seconds": {"learning and encoding": learning[1], "encoding": encoding[1]},
        "convergence": convergence(learned[0].layers["conv1"].weight),
    }
    print(json.dumps(record, indent=2))
    if options.images == WHOLE:
        EPOCH.parent.mkdir(exist_ok=True)
        EPOCH.write_text(json.dumps(record, indent=1) + "\n")


def _seconds(job: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of CPU time."""
    wall, cpu = time.perf_counter(), time.process_time()
    job()
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
