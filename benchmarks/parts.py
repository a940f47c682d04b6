"""Parts of the benchmark, each run in a process of its own by ops.py: agreement, then times."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import measure
import peers
import torch
import workloads
from machine import peaks, work
from peers import Engine
from torch import Tensor
from workloads import Workload

from neurospyke.sim.ops import native

Record = dict[str, Any]
# OpenMP runtimes other than torch's leave their threads spinning for a while after a call
_REST = {"Spyker dense": 0.25, "Spyker sparse": 0.25}
LAYERS = (
    "rezghi2022.conv1.initial",
    "rezghi2022.conv1.trained",
    "rezghi2022.conv1.converged",
    "rezghi2022.conv2.initial",
    "rezghi2022.conv2.trained",
    "rezghi2022.conv2.early",
    "rezghi2022.conv2.converged",
    "mozafari2019.conv1.initial",
    "mozafari2019.conv1.trained",
    "mozafari2019.conv2.initial",
    "mozafari2019.conv2.trained",
)
TRAINED = ("rezghi2022.conv1.trained", "rezghi2022.conv2.trained")
GATED = ("rezghi2022.conv1.converged", "rezghi2022.conv2.converged", "rezghi2022.conv2.early")
LARGE = ("large.conv1.converged", "large.conv2.converged")


class Setting:
    """Sizes, threads and engines of this process."""

    def __init__(self, threads: int, quick: bool) -> None:
        torch.set_num_threads(threads)
        self.threads = threads
        self.quick = quick
        self.folder = workloads.prepare(workloads.QUICK if quick else workloads.FULL)
        self.repeats = 1 if quick else 5
        self.engines, self.absent = peers.engines(threads)

    def load(self, name: str, n_samples: int | None = None) -> Workload:
        found = workloads.load(self.folder, name)
        return found if n_samples is None else found.first(n_samples)


def layers(setting: Setting) -> list[Record]:
    """Every layer on digits: the whole batch, and for some a single image."""
    names = (*GATED, *TRAINED) if setting.threads == 1 else LAYERS
    names = GATED if setting.quick else names
    single = () if setting.quick else (*GATED, *TRAINED)
    records = [_layer(setting, setting.load(name)) for name in names]
    return records + [_layer(setting, setting.load(name, 1)) for name in single]


def large(setting: Setting) -> list[Record]:
    """The layers of the large network."""
    return [_layer(setting, setting.load(name, 2)) for name in LARGE]


def one_thread(setting: Setting) -> list[Record]:
    """CPU time of one thread."""
    batch = 2 if setting.quick else 8
    loads = [setting.load(name, batch) for name in (*GATED, *TRAINED)]
    loads += [setting.load(name, 1) for name in LARGE]
    return [_layer(setting, load, cpu=True) for load in loads]


def narrow(setting: Setting) -> list[Record]:
    """Our ops held to a smaller instruction set, and the dense wave, which is not."""
    found = native.instruction_set("avx2")
    setting.engines = [engine for engine in setting.engines if engine.name in {OURS, DENSE}]
    loads = [setting.load(name) for name in (*GATED, *TRAINED)]
    loads += [setting.load(name, 2) for name in LARGE]
    return [{**_layer(setting, load), "part": "narrow", "instruction set": found} for load in loads]


OURS = peers.Ours.name
DENSE = "dense wave"


def forward(setting: Setting) -> list[Record]:
    """Whole networks, from coded digits to the last layer's latencies."""
    records = []
    for name in workloads.NETWORKS:
        for kind in ("initial", "trained"):
            network, latency = workloads.load_network(setting.folder, name, kind)
            jobs, left_out = _jobs(setting, lambda one: one.forward(network, latency))  # noqa: B023
            found = {key: one.latency(job(), network.n_bins) for key, (one, job) in jobs.items()}
            agreement = {key: _against(found[DENSE], each) for key, each in found.items()}
            records.append(
                {
                    "part": "forward",
                    "workload": f"{name}.{kind}",
                    "batch": len(latency),
                    "threads": setting.threads,
                    "agreement": agreement,
                    "left_out": left_out,
                    "times": _time(setting, jobs),
                }
            )
            _say(records[-1])
    return records


def training(setting: Setting) -> list[Record]:
    """Learning steps: of a batch from the weights at its start, and image after image."""
    records = []
    kinds = ("initial",) if setting.quick else ("initial", "trained")
    for name in (f"{layer}.{kind}" for kind in kinds for layer in ("conv1", "conv2")):
        load = setting.load(f"rezghi2022.{name}")
        for online in (False, True):
            jobs, left_out = _jobs(setting, lambda one: one.learning_step(load, online))  # noqa: B023
            found = {key: job() for key, (_, job) in jobs.items()}
            records.append(
                {
                    "part": "training",
                    "workload": load.name,
                    "semantics": "online" if online else "batch",
                    "batch": len(load.latency),
                    "threads": setting.threads,
                    "agreement": {key: _learned(found[DENSE], one) for key, one in found.items()},
                    "left_out": left_out,
                    "times": _time(setting, jobs),
                }
            )
            _say(records[-1])
    return records


def scaling(setting: Setting) -> list[Record]:
    """CPU time against the number of bins at equal spikes, and against the number of spikes."""
    records = []
    ours = next(one for one in setting.engines if one.name == OURS)
    dense = next(one for one in setting.engines if one.name == DENSE)
    for name in GATED[:2] if setting.quick else (*GATED, LARGE[1]):
        load = setting.load(name, 1 if name in LARGE else 16)
        jobs = {f"bins {load.n_bins * by}": ours.layer(_stretched(load, by)) for by in (1, 2, 4, 8)
                if load.n_bins * by <= 254}  # fmt: skip
        for share in (1, 0.5, 0.25):
            thinned = _thinned(load, share)
            scaled = workloads.dataclasses.replace(thinned, threshold=share * load.threshold)
            jobs[f"spikes {share}"] = ours.layer(thinned)
            jobs[f"spikes and threshold {share}"] = ours.layer(scaled)
        for by in (1, 2):
            jobs[f"dense bins {load.n_bins * by}"] = dense.layer(_stretched(load, by))
        sample = 0.002 if setting.quick else 0.1
        times = measure.interleave(jobs, setting.repeats, time.process_time, sample=sample)
        records.append({"part": "scaling", "workload": name, "threads": setting.threads,
                        "batch": len(load.latency), "times": times})  # fmt: skip
        _say(records[-1])
    return records


def memory(setting: Setting, what: str) -> list[Record]:
    """Most memory that a forward pass of a trained network needs: "engine/network"."""
    name, _, network_name = what.partition("/")
    record: Record = {"part": "memory", "engine": name, "workload": network_name}
    engine = next((one for one in setting.engines if one.name == name), None)
    if engine is None:
        return [{**record, "left_out": setting.absent.get(name, "absent")}]
    network, latency = workloads.load_network(setting.folder, network_name, "trained")
    # a first call on one image loads what is loaded once
    with measure.PeakMemory() as first:
        engine.forward(network, latency[:1])()
    with measure.PeakMemory() as peak:
        job = engine.forward(network, latency)
        job()
        job()
    return [{**record, "batch": len(latency), "mib": peak.mib, "first_call_mib": first.mib}]


def machine(setting: Setting) -> list[Record]:
    """Measured peaks of this machine."""
    return [{"part": "machine", "threads": setting.threads, **peaks()}]


def _layer(setting: Setting, load: Workload, cpu: bool = False) -> Record:
    jobs, left_out = _jobs(setting, lambda engine: engine.layer(load))
    n_exact = len(load.exact)
    agreement = {}
    seconds = {}
    for key, (engine, job) in jobs.items():
        start = time.perf_counter()
        found = engine.latency(job(), load.n_bins)
        seconds[key] = time.perf_counter() - start
        agreement[key] = _against(load.exact, found[:n_exact], load.near)
    # of the dense forms only those with a chance are timed
    for key in [key for key in jobs if key.startswith(DENSE) and key != DENSE]:
        if seconds[key] > 2 * seconds[DENSE]:
            left_out[key] = f"took {1e3 * seconds[key]:.0f} ms at first, too slow to be timed"
            del jobs[key]
    record: Record = {
        "part": "layer",
        "workload": load.name,
        "batch": len(load.latency),
        "threads": setting.threads,
        "clock": "CPU" if cpu or setting.quick else "wall",
        "agreement": agreement,
        "invariant": _invariant(setting, load),
        "near": float(load.near.float().mean()),
        "left_out": left_out,
        "additions": workloads.additions(load),
        "work": work(load),
    }
    record["times"] = _time(setting, jobs, time.process_time if cpu else time.perf_counter)
    _say(record)
    return record


def _jobs(
    setting: Setting, make: Callable[[Engine], peers.Job]
) -> tuple[dict[str, tuple[Engine, peers.Job]], dict[str, str]]:
    """What each engine offers, and why the others offer nothing."""
    jobs, left_out = {}, dict(setting.absent)
    for engine in setting.engines:
        try:
            jobs[engine.name] = (engine, make(engine))
        except NotImplementedError as reason:
            left_out[engine.name] = str(reason)
    return jobs, left_out


def _time(
    setting: Setting,
    jobs: dict[str, tuple[Engine, peers.Job]],
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, dict[str, float]]:
    return measure.interleave(
        {key: job for key, (_, job) in jobs.items()},
        setting.repeats,
        # tiny samples on a busy machine: CPU time needs no second try
        time.process_time if setting.quick else clock,
        {} if setting.quick else _REST,
        0.002 if setting.quick else 0.1,
    )


def _against(exact: Tensor, found: Tensor, near: Tensor | None = None) -> Record:
    """Outputs that differ, and how many of these are nowhere near a threshold."""
    wrong = found != exact
    record = {"mismatched": int(wrong.sum()), "outputs": wrong.numel()}
    if near is not None:
        record["unexcused"] = int((wrong & ~near).sum())
    return record


def _learned(expected: tuple[Tensor, Any], found: tuple[Tensor, Any]) -> Record:
    """Share of winners that are the same, and how far the weights are apart."""
    ours, theirs = (_winner_sets(each[1]) for each in (found, expected))
    apart = (found[0] - expected[0]).abs()
    same = sum(len(one & other) for one, other in zip(ours, theirs, strict=True))
    return {
        "winners": sum(len(one) for one in theirs),
        "same_winners": same,
        "weights_apart": float(apart.max()),
        "weights_same": float((apart < 1e-6).float().mean()),
    }


def _winner_sets(found: Any) -> list[set[tuple[int, ...]]]:
    rows = found.tolist() if isinstance(found, Tensor) else found
    return [{tuple(row) for row in sample if row[0] >= 0} for sample in rows]


def _invariant(setting: Setting, load: Workload) -> bool:
    """Whether batch, threads and layout leave our result as it is."""
    ours = peers.Ours()
    found = ours.layer(load)()
    once = [ours.layer(load.first(1))()]
    torch.set_num_threads(1 if setting.threads > 1 else 2)
    once.append(ours.layer(load)()[:1])
    torch.set_num_threads(setting.threads)
    plain = workloads.dataclasses.replace(load.first(1), latency=load.latency[:1].contiguous())
    once.append(ours.layer(plain)())
    return all(torch.equal(each, found[:1]) for each in once)


def _stretched(load: Workload, by: int) -> Workload:
    """The same spikes at `by` times the latency in `by` times the bins."""
    late = torch.where(load.latency == peers.SILENT, load.latency, load.latency * by)
    return workloads.dataclasses.replace(load, latency=late, n_bins=load.n_bins * by)


def _thinned(load: Workload, share: float) -> Workload:
    """A random share of the spikes."""
    generator = torch.Generator().manual_seed(4)
    lost = torch.rand(load.latency.shape, generator=generator) >= share
    return workloads.dataclasses.replace(load, latency=load.latency.masked_fill(lost, peers.SILENT))


def _say(record: Record) -> None:
    times = {key: round(each["median_ms"], 3) for key, each in record["times"].items()}
    what = " ".join(str(record.get(key, "")) for key in ("workload", "semantics", "clock"))
    print(f"{what} batch {record['batch']} threads {record['threads']}: {times}", flush=True)


def run(part: str, setting: Setting) -> list[Record]:
    """Records of a part, named as in `measure.child`."""
    name, _, argument = part.partition(":")
    job = {each.__name__: each for each in PARTS}[name]
    with torch.no_grad():
        return job(setting, argument) if argument else job(setting)  # pyright: ignore


PARTS = (layers, large, one_thread, narrow, forward, training, scaling, memory, machine)


if __name__ == "__main__":
    answer = run(sys.argv[1], Setting(int(sys.argv[3]), "--quick" in sys.argv))
    Path(sys.argv[2]).write_text(json.dumps(answer))
