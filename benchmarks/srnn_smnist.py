"""Accuracy of the published S-MNIST weights on all 10 000 test images, from zero and random states.

python benchmarks/srnn_smnist.py [--weights FILE.npz] [--mnist FOLDER]
"""

import argparse
import gzip
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from neurospyke.sim.models.yin2021 import read_yin2021, windows

HERE = Path(__file__).parent
SHARED = HERE.parent.parent / "shared/data"


def idx(path: Path, header: int) -> torch.Tensor:
    """Bytes of an IDX file after its header."""
    return torch.from_numpy(
        np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, -1, header).copy()
    )


def main() -> None:
    """Count right answers; print and keep them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--mnist", type=Path, default=SHARED / "mnist")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HERE / "results/srnn_smnist.json")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    weights = given.weights or next((SHARED / "srnn_yin2021").glob("smnist*.npz"))
    network = read_yin2021(weights, "smnist")
    images = idx(given.mnist / "t10k-images-idx3-ubyte.gz", 16).view(-1, 784).float() / 255
    labels = idx(given.mnist / "t10k-labels-idx1-ubyte.gz", 8)
    result: dict[str, object] = {"command": " ".join(["python", *sys.argv])}
    for name, seed in (("zero", None), ("random", 0)):
        start, right = time.perf_counter(), 0
        for k in range(0, len(images), 500):
            part = slice(k, k + 500)
            answers = network.decide(
                windows(images[part]), batch_size=50, seed=None if seed is None else seed + k
            )
            right += int((answers == labels[part]).sum())
        result[name] = {"accuracy": right / len(images), "seconds": time.perf_counter() - start}
        print(name, result[name], flush=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
