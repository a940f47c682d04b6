"""Scans against loops over time, forward and backward, in one interleaved run.

    python benchmarks/srnn.py [--rounds 11] [--threads 2] [--out FILE.json]

512 neurons, 250 steps, 128 channels; 5 % of the channels spike, and about as many of the neurons
(`rate`). Projection and loss are timed with the scan. The plain loop is torch's, over `unbind`,
with the same neuron; snnTorch, SpikingJelly and Norse run their own, simpler neurons with their
cheaper surrogates. All is timed twice: with glibc's allocator as it is, which gives large blocks
back and faults every page in anew (the loop's blocks are small, a scan's are large), and with one
that keeps them, as caching allocators do. Absolute times mean little on a shared machine; the
ratios do.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from measure import REUSE, environment
from torch import Tensor
from torch.nn.functional import linear

from neurospyke.sim.ops.adaptive_lif_scan import adaptive_lif_scan
from neurospyke.sim.ops.recurrent_adaptive_lif_scan import recurrent_adaptive_lif_scan
from neurospyke.sim.ops.stream_linear import stream_linear
from neurospyke.sim.surrogate import spike

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "out/benchmarks/peers"))
TIME, UNITS, CHANNELS = 250, 512, 128
# batch, recurrent, train
CASES = [
    (16, False, True),
    (64, False, True),
    (16, True, True),
    (64, True, True),
    (16, True, False),
    (64, True, False),
]
Job = Callable[[Tensor], Tensor]


class Parameters:
    """Weights and time constants that all share."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.weight = (0.7 * torch.randn(UNITS, CHANNELS, generator=generator)).requires_grad_()
        self.recurrent = (0.02 * torch.randn(UNITS, UNITS, generator=generator)).requires_grad_()
        self.membrane = (15 + 10 * torch.rand(UNITS, generator=generator)).requires_grad_()
        self.adaptation = (100 + 100 * torch.rand(UNITS, generator=generator)).requires_grad_()


def ours(p: Parameters, recurrent: bool) -> Job:
    """The fused scan, and input weights added only where a channel spikes."""
    settings = {"threshold": 0.1, "adaptation": 1.8}

    def run(inputs: Tensor) -> Tensor:
        current, taus = stream_linear(inputs, p.weight), (p.membrane, p.adaptation)
        if recurrent:
            return recurrent_adaptive_lif_scan(current, p.recurrent, *taus, **settings).spikes
        return adaptive_lif_scan(current, *taus, **settings).spikes

    return run


def loop(p: Parameters, recurrent: bool) -> Job:
    """The same neurons, step by step."""

    def run(inputs: Tensor) -> Tensor:
        current = linear(inputs, p.weight)
        alpha, rho = torch.exp(-1 / p.membrane), torch.exp(-1 / p.adaptation)
        u = s = eta = torch.zeros_like(current[0])
        spikes = []
        for step in current.unbind(0):
            total = step + linear(s, p.recurrent) if recurrent else step
            eta = rho * eta + (1 - rho) * s
            theta = 0.1 + 1.8 * eta
            u = alpha * u + (1 - alpha) * total - theta * s
            s = spike(u - theta)
            spikes.append(s)
        return torch.stack(spikes)

    return run


def snntorch(p: Parameters, recurrent: bool) -> Job:
    """Leaky, or RLeaky with all-to-all weights."""
    import snntorch as snn

    if recurrent:
        cell = snn.RLeaky(beta=0.95, linear_features=UNITS, threshold=0.1)
    else:
        cell = snn.Leaky(beta=0.95, threshold=0.1)

    def run(inputs: Tensor) -> Tensor:
        current, spikes = 0.05 * linear(inputs, p.weight), []
        s, u = (*cell.init_rleaky(),)[:2] if recurrent else (None, cell.init_leaky())
        for step in current.unbind(0):
            s, u = cell(step, s, u) if recurrent else cell(step, u)
            spikes.append(s)
        return torch.stack(spikes)

    return run


def spikingjelly(p: Parameters, recurrent: bool) -> Job:
    """LIF in multi-step mode, or in its recurrent container."""
    from spikingjelly.activation_based import functional, layer, neuron

    cell = neuron.LIFNode(tau=20.0, v_threshold=0.1, step_mode="s" if recurrent else "m")
    if recurrent:
        cell = layer.LinearRecurrentContainer(cell, UNITS, UNITS, step_mode="m")

    def run(inputs: Tensor) -> Tensor:
        functional.reset_net(cell)
        return cell(linear(inputs, p.weight))

    return run


def norse(p: Parameters, recurrent: bool) -> Job:
    """LIFBoxCell, or LIFRecurrentCell, step by step."""
    from norse.torch import LIFBoxCell, LIFRecurrentCell

    cell = LIFRecurrentCell(UNITS, UNITS) if recurrent else LIFBoxCell()

    def run(inputs: Tensor) -> Tensor:
        state, spikes = None, []
        for step in linear(inputs, p.weight).unbind(0):
            s, state = cell(step, state)
            spikes.append(s)
        return torch.stack(spikes)

    return run


def kept(job: Job, inputs: Tensor) -> float:
    """MiB of distinct memory kept for the way back."""
    seen: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        alive = job(inputs)
    del alive
    return sum(seen.values()) / 2**20


def once(job: Job, inputs: Tensor, weights: Tensor, train: bool) -> float:
    """Seconds of one forward pass, and backward where training."""
    start = time.perf_counter()
    if train:
        (job(inputs) * weights).sum().backward()
    else:
        with torch.no_grad():
            job(inputs)
    return time.perf_counter() - start


def timed(jobs: dict[str, Job], rounds: int, *given: Any) -> dict[str, list[float]]:
    """Seconds of each job, a round of each in turn, after a first round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(rounds + 1):
        for name in list(times):
            try:
                seconds = once(jobs[name], *given)
            except Exception as error:
                print(name, "is left out:", error, file=sys.stderr)
                del times[name]
                continue
            if turn:
                times[name].append(seconds)
    return times


def measure(p: Parameters, case: tuple[int, bool, bool], rounds: int) -> dict[str, Any]:
    """Medians of all engines in one case."""
    batch, recurrent, train = case
    jobs: dict[str, Job] = {}
    for engine in (loop, ours, snntorch, spikingjelly, norse):
        try:
            jobs[engine.__name__] = engine(p, recurrent)
        except Exception as error:
            print(engine.__name__, "is left out:", error, file=sys.stderr)
    generator = torch.Generator().manual_seed(1)
    inputs = (torch.rand(TIME, batch, CHANNELS, generator=generator) < 0.05).float()
    weights = torch.randn(TIME, batch, UNITS, generator=generator)
    times = timed(jobs, rounds, inputs, weights, train)
    medians = {name: statistics.median(each) for name, each in times.items()}
    row: dict[str, Any] = {"batch": batch, "recurrent": recurrent, "train": train}
    row["seconds"] = medians
    row["times_the_loop"] = {name: medians["loop"] / each for name, each in medians.items()}
    if train:
        row["mebibytes_kept"] = {name: kept(jobs[name], inputs) for name in ("loop", "ours")}
    row["rate"] = jobs["ours"](inputs).mean().item()
    return row


def main() -> None:
    """Time all, with memory that is given back and with memory that is kept; keep the medians."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HERE / "results/srnn.json")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        torch.set_num_threads(given.threads)
        p = Parameters()
        for case in CASES:
            print(json.dumps(measure(p, case, given.rounds)), flush=True)
        return
    results: dict[str, Any] = {}
    for memory, variables in (("given back", {}), ("kept", REUSE)):
        results[memory] = []
        command = [sys.executable, __file__, *sys.argv[1:], "--child"]
        environ = {**os.environ, **variables}
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for line in child.stdout:
                row = json.loads(line)
                results[memory].append(row)
                ratios = {name: round(each, 2) for name, each in row["times_the_loop"].items()}
                print(memory, row["batch"], row["recurrent"], row["train"], ratios, flush=True)
    about = {"command": " ".join(["python", *sys.argv]), **environment()}
    given.out.write_text(json.dumps({**about, "memory": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
