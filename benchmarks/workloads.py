"""What is timed: spikes, weights and thresholds, made once and kept in out/benchmarks.

Digits are MNIST's where its files lie on this machine (NEUROSPYKE_SHARED names the folder that
holds data/mnist), and otherwise the 8 x 8 digits of scikit-learn enlarged to 28 x 28. They are
coded by the encoders of `rezghi2022` and `mozafari2019`. The weights of a layer are

    initial     as the published network starts
    trained     after `Size.passes` passes of `learn_by_stdp` over `Size.n_train` digits, batches of
                64, at rates of 0.004 and -0.003 that double every 500 images up to 0.15
    early       a second layer that has unlearned much and learned little, over an initial first
                one: exponentially distributed weights, scaled so that 85 % of the outputs stay
                silent, most of them near their threshold, and nothing can be skipped
    converged   where such learning ends: each map keeps the earliest spikes of one place of one
                image, half as many again as its threshold asks for; N(0.97, 0.01) for these and
                N(0.03, 0.01) for all others, within [0, 1]

The large network sees 224 x 224 photographs through one ON and one OFF centre-surround filter, of
whose responses the strongest fifth spike.
"""

import dataclasses
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from neurospyke.sim.latency import SILENT

FOLDER = Path(__file__).parents[1] / "out" / "benchmarks"
NETWORKS = ("rezghi2022", "mozafari2019")
LARGE_BINS = 30
# a potential this near its threshold may fall on either side of it in single precision
NEAR = 1e-4
_VERSION = 2


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    name: str
    batch: int
    n_train: int
    passes: int
    large_batch: int
    side: int
    large_maps: tuple[int, int]
    n_exact_large: int


FULL = Size("full", 64, 6000, 2, 8, 224, (64, 128), 2)
QUICK = Size("quick", 2, 128, 1, 2, 48, (16, 32), 2)


@dataclass(frozen=True)
class Workload:
    """One layer and the spikes it gets."""

    name: str
    latency: Tensor
    weight: Tensor
    threshold: float
    n_bins: int
    padding: int
    n_winners: int
    radius: int
    rates: tuple[float, float]
    exact: Tensor
    near: Tensor

    def first(self, n_samples: int) -> "Workload":
        """The same layer on the first samples only."""
        return dataclasses.replace(
            self,
            latency=self.latency[:n_samples].contiguous(memory_format=torch.channels_last),
            exact=self.exact[:n_samples],
            near=self.near[:n_samples],
        )

    @property
    def output_numel(self) -> int:
        """Outputs of the whole batch."""
        return len(self.latency) * self.exact[0].numel()


def prepare(size: Size) -> Path:
    """Folder with every workload of this size; made if it is not there or not the same."""
    folder = FOLDER / size.name
    about = folder / "about.json"
    wanted = {"version": _VERSION, "digits": digits("test", 1)[1], **dataclasses.asdict(size)}
    wanted = json.loads(json.dumps(wanted))
    if not about.is_file() or json.loads(about.read_text()) != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        about.unlink(missing_ok=True)
        print(f"preparing workloads in {folder} (kept for the next time)", flush=True)
        for name in NETWORKS:
            _make_digits(folder, name, size)
        _make_large(folder, size)
        about.write_text(json.dumps(wanted, indent=2) + "\n")
    return folder


def digits(split: str, n: int) -> tuple[Tensor, str]:
    """Digits (n, 1, 28, 28) in [0, 1], and where they come from; nothing is downloaded."""
    from neurospyke.datasets.mnist import read_mnist
    from neurospyke.datasets.registry import find_dataset, find_folder

    shared = os.environ.get("NEUROSPYKE_SHARED")
    folder = Path(shared) / "data" if shared else None
    if find_folder(find_dataset("mnist"), folder) is not None:
        return read_mnist(split, folder)[0][:n], "MNIST"
    from sklearn.datasets import load_digits

    small = torch.from_numpy(load_digits().images).float().unsqueeze(1) / 16
    small = small.flip(0) if split == "test" else small
    large = F.interpolate(small, size=(28, 28), mode="bilinear", align_corners=False)
    return large[torch.arange(n) % len(large)], "scikit-learn digits, 8 x 8 enlarged to 28 x 28"


def load(folder: Path, name: str) -> Workload:
    """A workload by name, such as "rezghi2022.conv1.converged"."""
    with np.load(folder / f"{name}.npz") as kept:
        arrays = {key: kept[key] for key in kept.files}
    settings = json.loads(str(arrays.pop("settings")))
    tensors = {key: torch.from_numpy(array) for key, array in arrays.items()}
    tensors["latency"] = tensors["latency"].contiguous(memory_format=torch.channels_last)
    settings["rates"] = tuple(settings["rates"])
    return Workload(name=name, **tensors, **settings)


def load_network(folder: Path, name: str, kind: str) -> tuple[torch.nn.Module, Tensor]:
    """A published network with the weights of that kind, and coded digits."""
    network = _network(name)
    with np.load(folder / f"{name}.{kind}.npz") as kept:
        latency = torch.from_numpy(kept["latency"])
        for layer in ("conv1", "conv2"):
            network.layers[layer].weight.data = torch.from_numpy(kept[layer])
    return network, latency.contiguous(memory_format=torch.channels_last)


def additions(load: Workload) -> dict[str, int]:
    """Synaptic events of the first samples, those with an exact result: counted, not timed.

    `total` is the number of pairs of an input spike and a neuron that it reaches; `needed` leaves
    out those after the bin in which the neuron spikes. `samples` says how many samples were
    counted.
    """
    silent = torch.full_like(load.exact, load.n_bins - 1)
    last = torch.where(load.exact == SILENT, silent, load.exact)
    needed = total = 0
    for time, reached in enumerate(_reached(load)):
        needed += int((reached * (last == time).sum(1, keepdim=True)).sum())
        total = int(reached.sum()) * load.weight.shape[0]
    return {"needed": needed, "total": total, "samples": len(load.exact)}


def _reached(load: Workload) -> Iterator[Tensor]:
    """Input spikes up to each bin within the window of every position."""
    ones = torch.ones(1, *load.weight.shape[1:])
    for time in range(load.n_bins):
        spiked = (load.latency[: len(load.exact)] <= time).float()
        yield F.conv2d(spiked, ones, padding=load.padding).round().long()


def _network(name: str) -> torch.nn.Module:
    from neurospyke import sim

    return getattr(sim, name)(seed=0)


def _make_digits(folder: Path, name: str, size: Size) -> None:
    with torch.no_grad():
        latency = _network(name).encoder(digits("test", size.batch)[0])
        kinds = {"initial": _network(name), "trained": _trained(_network(name), size)}
        if name == "rezghi2022":
            kinds["converged"] = _converged_network(_network(name), latency)
        for kind, network in kinds.items():
            first, pool, second = (network.layers[key] for key in ("conv1", "pool1", "conv2"))
            weights = {"conv1": first.weight.data.numpy(), "conv2": second.weight.data.numpy()}
            np.savez(folder / f"{name}.{kind}.npz", latency=latency.numpy(), **weights)
            pooled = pool(first.fire(latency)[0])
            _save(folder, f"{name}.conv1.{kind}", latency, first)
            _save(folder, f"{name}.conv2.{kind}", pooled, second)
            if (name, kind) == ("rezghi2022", "initial"):
                threshold = float(second.threshold[0])
                second.weight.data = _early(pooled, second.weight.shape, threshold, second.padding)
                _save(folder, f"{name}.conv2.early", pooled, second)


def _trained(network: torch.nn.Module, size: Size) -> torch.nn.Module:
    from neurospyke.sim import RateSchedule, learn_by_stdp

    schedule = RateSchedule(500, 2.0, 0.15)
    for name in ("conv1", "conv2"):
        layer = network.layers[name]
        layer.rule = dataclasses.replace(
            layer.rule, rate_positive=0.004, rate_negative=-0.003, schedule=schedule
        )
    images = digits("train", size.n_train)[0]
    return learn_by_stdp(network, images.split(64), epochs=size.passes)


def _converged_network(network: torch.nn.Module, latency: Tensor) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(1)
    for name in ("conv1", "conv2"):
        layer = network.layers[name]
        threshold = float(layer.threshold[0])
        layer.weight.data = converged(
            latency, layer.weight.shape, threshold, layer.padding, generator
        )
        if name == "conv1":
            latency = network.layers["pool1"](layer.fire(latency)[0])
    return network


def converged(
    latency: Tensor,
    shape: torch.Size | tuple[int, int, int, int],
    threshold: float,
    padding: int,
    generator: torch.Generator,
) -> Tensor:
    """Weights as STDP leaves them: each map keeps the earliest spikes of one place it has seen."""
    n_kept = int(1.5 * threshold) + 1
    padded = F.pad(latency.contiguous(), (padding,) * 4, value=SILENT)
    windows = padded.unfold(2, shape[2], 1).unfold(3, shape[3], 1)
    kept = torch.zeros(shape[0], int(np.prod(shape[1:])))
    for one in kept:
        for _ in range(1000):
            sample, row, column = (
                int(torch.randint(size, (1,), generator=generator))
                for size in (windows.shape[0], *windows.shape[2:4])
            )
            seen = windows[sample, :, row, column].flatten().float()
            if (seen != SILENT).sum() >= n_kept:
                break
        # spikes of one bin in random order
        seen += torch.rand(seen.shape, generator=generator)
        one[seen.argsort()[:n_kept]] = 1.0
    noise = torch.randn(kept.shape, generator=generator)
    return (0.03 + 0.94 * kept + 0.01 * noise).clamp(0, 1).view(*shape)


def _early(latency: Tensor, shape: torch.Size, threshold: float, padding: int) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    weight = torch.empty(tuple(shape)).exponential_(generator=generator)
    last = F.conv2d((latency != SILENT).float().contiguous(), weight, padding=padding)
    # a little more than that potential, for whole regions share it where all inputs spike
    near = 1.001 * float(last.flatten().kthvalue(int(0.85 * last.numel())).values)
    return weight * (threshold / near)


def _make_large(folder: Path, size: Size) -> None:
    from neurospyke.datasets.photographs import read_natural_patches
    from neurospyke.sim import (
        STDP,
        Pool,
        RankOrderEncoder,
        SpikingConvolution,
        difference_of_gaussians,
        filter_images,
    )

    images = read_natural_patches(size.large_batch, size=size.side, seed=0)[0]
    bank = difference_of_gaussians([(1.0, 2.0), (2.0, 1.0)], 7)
    responses = filter_images(images, bank, padding="edge")
    strong = float(responses.flatten().sort().values[int(0.8 * responses.numel())])
    latency = RankOrderEncoder(bank, n_bins=LARGE_BINS, threshold=strong)(images)
    generator = torch.Generator().manual_seed(3)
    rule = STDP(0.004, -0.003, n_winners=8, radius=3)
    shapes = ((size.large_maps[0], 2, 7, 7), (size.large_maps[1], size.large_maps[0], 5, 5))
    for number, (shape, threshold) in enumerate(zip(shapes, (8.0, 30.0), strict=True), start=1):
        margin = shape[2] // 2
        weight = converged(latency, shape, threshold, margin, generator)
        layer = SpikingConvolution(
            weight, threshold=threshold, n_bins=LARGE_BINS, padding=margin, rule=rule
        )
        _save(folder, f"large.conv{number}.converged", latency, layer, size.n_exact_large)
        latency = Pool(2)(layer(latency))


def _save(
    folder: Path, name: str, latency: Tensor, layer: torch.nn.Module, n_exact: int | None = None
) -> None:
    threshold = float(layer.threshold[0])
    settings = {
        "threshold": threshold,
        "n_bins": layer.n_bins,
        "padding": layer.padding,
        "n_winners": layer.rule.n_winners,
        "radius": layer.rule.radius,
        "rates": (layer.rule.rate_positive, layer.rule.rate_negative),
    }
    exact, near = _exact(
        latency[:n_exact], layer.weight.data, threshold, layer.n_bins, layer.padding
    )
    arrays = {"latency": latency, "weight": layer.weight.data, "exact": exact, "near": near}
    kept = {key: tensor.contiguous().numpy() for key, tensor in arrays.items()}
    np.savez(folder / f"{name}.npz", settings=np.array(json.dumps(settings)), **kept)
    spiking = float((exact != SILENT).float().mean())
    print(f"  {name}: {float((latency < layer.n_bins).float().mean()):.3f} of the inputs and "
          f"{spiking:.3f} of the outputs spike", flush=True)  # fmt: skip


def _exact(
    latency: Tensor, weight: Tensor, threshold: float, n_bins: int, padding: int
) -> tuple[Tensor, Tensor]:
    """Latencies from dense sums in double precision, and where a sum came near the threshold."""
    first, near = [], []
    for sample in latency.split(1):
        spike, close = None, None
        for time in range(n_bins):
            wave = (sample <= time).double().contiguous()
            above = F.conv2d(wave, weight.double(), padding=padding) - threshold
            if spike is None or close is None:
                spike = torch.full_like(above, SILENT, dtype=torch.uint8)
                close = torch.zeros_like(above, dtype=torch.bool)
            spike[(above > 0) & (spike == SILENT)] = time
            close |= above.abs() < NEAR
        first.append(spike)
        near.append(close)
    return torch.cat(first), torch.cat(near)
