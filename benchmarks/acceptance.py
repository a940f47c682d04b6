"""What the ops are held to: each line with its target and what was measured."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

Record = dict[str, Any]
OURS, DENSE = "neurospyke", "dense wave"
SPYKER = ("Spyker dense", "Spyker sparse")
FIRST = ("rezghi2022.conv1.converged", "rezghi2022.conv1.trained")
SECOND = ("rezghi2022.conv2.converged", "rezghi2022.conv2.trained")
EARLY = ("rezghi2022.conv2.early",)
LARGE1, LARGE2 = ("large.conv1.converged",), ("large.conv2.converged",)
# shares of a network's last latencies, and of a step's winners, that near ties may change
MOST_LATENCIES = 1e-3
LEAST_WINNERS = 0.95
# share of outputs within rounding of their threshold from which a layer has many near ties
MANY_TIES = 1e-3


def lines(records: list[Record], threads: int) -> list[Record]:
    """Every line of the acceptance; `measured` is None where a part was left out.

    Where there are several weights, or both networks, the worst counts. Ratios are of medians, and
    of several forms or thread counts of another engine the fastest counts.
    """
    full = {"part": "layer", "threads": threads, "clock": "wall", "batch": 64}
    big = {"part": "layer", "threads": threads, "clock": "wall", "allocator": "reuses memory"}
    one = {"part": "layer", "threads": 1, "clock": "CPU"}
    narrow = {"part": "narrow", "threads": threads}
    rows = [
        *_ratios(records, "over the dense wave", full, (30, 35, 13)),
        *_large(records, "over the dense wave, memory reused", big, (50, 30)),
        *_ratios(records, "over the dense wave, one image", {**full, "batch": 1}, (20, 20)),
        *_ratios(records, "over the dense wave, one thread, CPU time", one, (65, 30)),
        *_ratios(records, "over the dense wave, AVX2", {**narrow, "batch": 64}, (12, 9, 6)),
        *_large(records, "over the dense wave, AVX2, memory reused", narrow, (25, 10)),
        *_ratios(records, "over the better Spyker", full, (15, 15, 15), SPYKER),
        *_large(records, "over the better Spyker, memory reused", big, (15, 15), SPYKER),
        *_forwards(records, threads),
        *_training(records, threads),
        *_scaling(records),
        *_correctness(records),
    ]
    for row in rows:
        value, target = row["measured"], row["target"]
        within = value is None or (
            value <= target if row["bound"] == "at most" else value >= target
        )
        row["met"] = None if value is None else within
    return rows


def disagreements(records: list[Record]) -> list[str]:
    """Where an engine's outputs differ from what they must be by more than near ties explain."""
    return [message for record in records for message in _disagreements(record)]


def _ratios(
    records: list[Record],
    what: str,
    where: Record,
    targets: tuple[float, ...],
    others: Iterable[str] = (DENSE, "dense wave, batched"),
) -> list[Record]:
    names = ("first layer", "second layer", "second layer, nothing to skip")
    return [
        _row(f"{name} {what}", target, _worst(records, where, loads, others), "x")
        for name, target, loads in zip(names, targets, (FIRST, SECOND, EARLY), strict=False)
    ]


def _large(
    records: list[Record],
    what: str,
    where: Record,
    targets: tuple[float, float],
    others: Iterable[str] = (DENSE, "dense wave, batched"),
) -> list[Record]:
    return [
        _row(f"224 x 224, layer {n} {what}", target, _worst(records, where, loads, others), "x")
        for n, target, loads in zip((1, 2), targets, (LARGE1, LARGE2), strict=True)
    ]


def _forwards(records: list[Record], threads: int) -> list[Record]:
    peers = (DENSE, *SPYKER)
    rows = []
    for kind, target in (("initial", 40), ("trained", 12)):
        names = [f"{name}.{kind}" for name in ("rezghi2022", "mozafari2019")]
        found = _worst(records, {"part": "forward", "threads": threads}, names, peers)
        rows.append(
            _row(f"whole forward, {kind} weights, over the fastest peer", target, found, "x")
        )
    mib = [r["mib"] for r in records if r["part"] == "memory" and r.get("engine") == OURS]
    rows.append(_row("memory of a whole forward", 100, max(mib, default=None), "MiB", "at most"))
    return rows


def _training(records: list[Record], threads: int) -> list[Record]:
    rows = []
    for name, target in (("conv1", 80), ("conv2", 100)):
        loads = [f"rezghi2022.{name}.{kind}" for kind in ("initial", "trained")]
        where = {"part": "training", "threads": threads}
        step = _worst(records, {**where, "semantics": "batch"}, loads, (DENSE,))
        online = _worst(records, {**where, "semantics": "online"}, loads, (DENSE, *SPYKER))
        rows += [
            _row(f"learning step, {name}, over the dense wave", target, step, "x"),
            _row(f"online learning step, {name}, over the fastest peer", 20, online, "x"),
        ]
    epoch = [r["seconds"]["learning and encoding"] for r in records if r["part"] == "epoch"]
    rows.append(_row("epoch of 60,000 digits", 60, max(epoch, default=None), "s", "at most"))
    return rows


def _scaling(records: list[Record]) -> list[Record]:
    doubled, halved, thinned = [], [], []
    for record in records:
        if record["part"] == "scaling":
            ms = {key: each["median_ms"] for key, each in record["times"].items()}
            bins = [value for key, value in ms.items() if key.startswith("bins ")]
            doubled += [after / before for before, after in pairwise(bins)]
            halved.append(1 - ms["spikes 0.5"] / ms["spikes 1"])
            thinned.append(1 - ms["spikes and threshold 0.5"] / ms["spikes 1"])
    return [
        _row("cost of twice the bins at equal spikes", 1.15, max(doubled, default=None), "x",
             "at most"),
        _row("saved by half the spikes, half the threshold", 0.35, min(thinned, default=None),
             "of the time"),
        _row("saved by half the spikes, same threshold", 0.35, min(halved, default=None),
             "of the time"),
    ]  # fmt: skip


def _correctness(records: list[Record]) -> list[Record]:
    layers = [record for record in records if "invariant" in record]
    tied = [record for record in layers if record["near"] > MANY_TIES]
    clear = [record for record in layers if record["near"] <= MANY_TIES]
    invariant = [record["invariant"] for record in layers]
    return [
        _row("outputs unlike float64", 2e-6, _unlike(clear, OURS), "of all", "at most"),
        _row("outputs unlike float64, many near ties", 5e-5, _unlike(tied, OURS), "of all",
             "at most"),
        _row("the same outputs of the dense wave", 5e-5, _unlike(tied, DENSE), "of all", "at most"),
        _row("layers whose result batch, threads or layout change", 0,
             invariant.count(False) if invariant else None, "layers", "at most"),
    ]  # fmt: skip


def _unlike(records: list[Record], engine: str) -> float | None:
    found = [record["agreement"][engine] for record in records if engine in record["agreement"]]
    outputs = sum(each["outputs"] for each in found)
    return sum(each["mismatched"] for each in found) / outputs if outputs else None


def _disagreements(record: Record) -> Iterable[str]:
    what = f"{record['part']} {record.get('workload', '')} {record.get('semantics', '')}".strip()
    if "failed" in record:
        yield f"{what}: {record['failed']}"
    if record.get("invariant") is False:
        yield f"{what}: batch, threads or layout changed our result"
    for engine, found in record.get("agreement", {}).items():
        if found.get("unexcused"):
            yield f"{what}: {engine} differs at {found['unexcused']} outputs far from a threshold"
        if "unexcused" not in found and found.get("mismatched", 0) > (
            MOST_LATENCIES * found.get("outputs", 1)
        ):
            yield f"{what}: {engine} differs at {found['mismatched']} of {found['outputs']}"
        # ties fall to another map there, by design
        if engine != "Spyker sparse" and found.get("same_winners", 1) < (
            LEAST_WINNERS * found.get("winners", 1)
        ):
            yield f"{what}: {engine} has {found['same_winners']} of {found['winners']} winners"


def _worst(
    records: list[Record], where: Record, workloads: Iterable[str], others: Iterable[str]
) -> float | None:
    """Least ratio over workloads; the others may use fewer threads if that makes them faster."""
    names, found = set(workloads), []
    for record in records:
        if record.get("workload") in names and _fits(record, where):
            fewer = {**where, "workload": record["workload"], "batch": record["batch"]}
            fewer = {key: value for key, value in fewer.items() if key != "threads"}
            rivals = [one for one in records if _fits(one, fewer)]
            rivals = [one for one in rivals if one["threads"] <= record["threads"]]
            ours = record["times"][OURS]["median_ms"]
            best = [
                one["times"][name]["median_ms"] / ours
                for one in rivals
                for name in others
                if name in one["times"]
            ]
            found += [min(best)] if best else []
    return min(found, default=None)


def _fits(record: Record, where: Record) -> bool:
    return "times" in record and all(record.get(key) == value for key, value in where.items())


def _row(
    line: str, target: float, found: float | None, unit: str, bound: str = "at least"
) -> Record:
    return {"line": line, "bound": bound, "target": target, "measured": found, "unit": unit}
