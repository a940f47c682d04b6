"""Train a published network on digits or clothes and read out its features.

    python benchmarks/digits.py rezghi2022 [--data mnist] [--seed 0] [--epochs 1,1]

Learns by STDP, then fits the published classifier to the features of all training images, divided
by their largest, and to two controls at the same read-out: the same network before learning, and
the pixels themselves.
Test accuracies come with 95 % intervals (Wilson 1927), differences to the controls with those of
paired answers. Kept in results/<data>_<network>.json. Networks that decide by themselves
(mozafari2018, mozafari2019) are trained by `decisions.py`.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import measure
import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, LinearSVC

from neurospyke.datasets import read_fashion_mnist, read_mnist
from neurospyke.sim import (
    Network,
    convergence,
    final_potentials,
    kheradpisheh2018,
    learn_by_stdp,
    rezghi2022,
)
from neurospyke.sim.latency import SILENT

RESULTS = Path(__file__).parent / "results"
GRID = 4
Features = Callable[[Network, torch.Tensor], np.ndarray]


def spike_times(network: Network, images: torch.Tensor) -> np.ndarray:
    """How early each unit of pool2 spikes: n_bins - latency, 0 where silent; (image, unit)."""
    rows = []
    with torch.no_grad():
        for part in images.split(256):
            latency = network.latency(part, "pool2").flatten(1)
            rows.append(
                torch.where(latency == SILENT, 0, network.n_bins - latency.int()).to(torch.uint8)
            )
    return torch.cat(rows).numpy().astype(np.float32)


def potentials(network: Network, images: torch.Tensor) -> np.ndarray:
    """Final potentials of conv2, the largest in each of 4 x 4 parts of its maps."""
    return final_potentials(network, images, "conv2", grid=GRID).flatten(1).numpy()


def rezghi_readout() -> Any:
    """200 principal components and a support vector machine, as in the network's public code."""
    return make_pipeline(PCA(200, random_state=0), SVC(C=2.4))


def kheradpisheh_readout() -> Any:
    """A linear support vector machine; its penalty was chosen on images 50,000 to 54,999."""
    return LinearSVC(C=0.3, random_state=0)


READ = {"mnist": read_mnist, "fashion-mnist": read_fashion_mnist}
NETWORKS: dict[str, tuple[Callable[..., Network], Features, Callable[[], Any]]] = {
    "rezghi2022": (rezghi2022, spike_times, rezghi_readout),
    "kheradpisheh2018": (kheradpisheh2018, potentials, kheradpisheh_readout),
}


def main() -> None:
    """Train, read out, print and keep."""
    options = _options()
    torch.set_num_threads(options.threads)
    make, features, readout = NETWORKS[options.network]
    images, labels = READ[options.data]("train")
    test, answers = READ[options.data]("test")
    images, labels = images[: options.images], labels[: options.images]
    start = make(seed=options.seed)
    learned, seconds = start, {}
    for name, epochs in zip(("conv1", "conv2"), options.epochs, strict=True):
        begun = time.perf_counter()
        learned = learn_by_stdp(
            learned,
            images.split(options.batch),
            layers=[name],
            epochs=epochs,
            online=options.online,
            until=options.until,
        )
        seconds[name] = time.perf_counter() - begun
        print(name, convergence(learned.layers[name].weight), seconds[name], flush=True)
    given = {
        "learned": (features(learned, images), features(learned, test)),
        "initial weights": (features(start, images), features(start, test)),
        "pixels": (images.flatten(1).numpy(), test.flatten(1).numpy()),
    }
    right = {}
    for name, (fitted, tested) in given.items():
        begun = time.perf_counter()
        largest = fitted.max()
        right[name] = readout().fit(fitted / largest, labels).predict(tested / largest) == answers
        seconds[f"readout of {name}"] = time.perf_counter() - begun
        print(name, right[name].mean(), seconds[f"readout of {name}"], flush=True)
    record = {
        "command": measure.command(),
        "seed": options.seed,
        "environment": measure.environment(),
        "images": len(images),
        "seconds": seconds,
        "convergence": {n: convergence(learned.layers[n].weight) for n in ("conv1", "conv2")},
        "accuracy": {name: accuracy(each) for name, each in right.items()},
        "better than": {
            name: difference(right["learned"], each)
            for name, each in right.items()
            if name != "learned"
        },
    }
    print(json.dumps(record, indent=1))
    if options.images is None:
        path = RESULTS / f"{options.data.replace('-', '_')}_{options.network}.json"
        path.write_text(json.dumps(record, indent=1) + "\n")


def accuracy(right: np.ndarray) -> dict[str, float]:
    """Share of right answers with its 95 % interval (Wilson 1927)."""
    n, p, z = len(right), right.mean(), 1.96
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return {"value": float(p), "low": float(middle - half), "high": float(middle + half)}


def difference(one: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """Difference of two accuracies on the same images, with its 95 % interval."""
    each = one.astype(float) - other
    half = 1.96 * each.std() / np.sqrt(len(each))
    return {"value": each.mean(), "low": each.mean() - half, "high": each.mean() + half}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--data", choices=READ, default="mnist")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--epochs", type=lambda text: [int(n) for n in text.split(",")], default=[1, 1]
    )
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--until", type=float, help="convergence at which a layer stops")
    parser.add_argument("--online", action="store_true")
    parser.add_argument("--images", type=int, default=None, help="only these many, nothing is kept")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
