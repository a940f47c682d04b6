"""Statistics of all pairs of spike trains against Elephant, on the same trains, in turn.

    python benchmarks/spike_statistics.py [--quick]

Results go to results/spike_statistics.json. CPU seconds of one thread, medians of five, ours and
Elephant's in turn. Where Elephant would need minutes it does a part of the pairs, which the result
names, and its time is taken in proportion. Every result of ours is held against its definition,
written plainly, on the same trains.
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import quantities as pq
from elephant import spike_train_correlation, spike_train_dissimilarity
from elephant.conversion import BinnedSpikeTrain
from measure import environment
from neo import SpikeTrain

from neurospyke.compare import SpikeTrains, correlograms, sttc, van_rossum, victor_purpura

HERE = Path(__file__).parent
REPEATS = 5


class Case(NamedTuple):
    """Our job, Elephant's, the share of all pairs it does, our error, the ratio wanted."""

    ours: Callable[[], Any]
    theirs: Callable[[], Any]
    share: float
    error: Callable[[], float]
    target: float


def poisson(n: int, rate: float, duration: float) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [
        np.sort(generator.uniform(0, duration, generator.poisson(rate * duration)))
        for _ in range(n)
    ]


def neo(rows: list[np.ndarray], duration: float) -> list[SpikeTrain]:
    return [SpikeTrain(row, units="s", t_stop=duration) for row in rows]


def tiling(quick: bool) -> Case:
    n, duration, n_pairs = (10, 60.0, 2) if quick else (100, 600.0, 10)
    rows = poisson(n, 10.0, duration)
    trains, theirs = SpikeTrains.of(rows, (0, duration)), neo(rows, duration)

    def error() -> float:
        found = sttc(trains, 0.005)
        return max(
            abs(found[0, unit] - plain_tiling(rows[0], rows[unit], duration, 0.005))
            for unit in range(1, n)
        )

    def peer() -> None:
        for unit in range(1, n_pairs + 1):
            spike_train_correlation.spike_time_tiling_coefficient(
                theirs[0], theirs[unit % n], dt=5 * pq.ms
            )

    return Case(lambda: sttc(trains, 0.005), peer, n_pairs / (n * (n - 1) / 2), error, 500)


def plain_tiling(a: np.ndarray, b: np.ndarray, duration: float, reach: float) -> float:
    def covered(train: np.ndarray) -> float:
        left, right = np.maximum(train - reach, 0), np.minimum(train + reach, duration)
        left[1:] = np.maximum(left[1:], right[:-1])
        return float((right - left).sum()) / duration

    def near(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.mean([(np.abs(other - time) <= reach).any() for time in one]))

    pairs = ((near(a, b), covered(b)), (near(b, a), covered(a)))
    return sum((p - t) / (1 - p * t) for p, t in pairs) / 2


def lags(quick: bool) -> Case:
    n, duration, n_pairs = (10, 60.0, 2) if quick else (100, 600.0, 20)
    rows = poisson(n, 10.0, duration)
    trains = SpikeTrains.of(rows, (0, duration))
    binned = [BinnedSpikeTrain(train, bin_size=1 * pq.ms) for train in neo(rows, duration)]

    def peer() -> list[np.ndarray]:
        return [
            np.asarray(
                spike_train_correlation.cross_correlation_histogram(
                    binned[0], binned[unit % n], window=(-100, 100)
                )[0]
            )[:, 0]
            for unit in range(1, n_pairs + 1)
        ]

    def error() -> float:
        found = correlograms(trains, 0.001, 0.1)
        counts = np.array([each.to_array()[0] for each in binned[:5]], dtype=np.int64)
        worst = 0.0
        for unit in range(1, 5):
            for k in range(-100, 101):
                a, b = (counts[0], counts[unit]) if k >= 0 else (counts[unit], counts[0])
                plain = a[: len(a) - abs(k)] @ b[abs(k) :]
                worst = max(worst, abs(float(found[0, unit, k + 100] - plain)))
        return worst

    share = n_pairs / (n * (n - 1) / 2)
    return Case(lambda: correlograms(trains, 0.001, 0.1), peer, share, error, 300)


def edits(quick: bool) -> Case:
    n, part = (20, 20) if quick else (200, 60)
    rows = poisson(n, 10.0, 2.0)
    theirs = neo(rows, 2.0)

    def peer() -> Any:
        return spike_train_dissimilarity.victor_purpura_distance(theirs[:part], 10 / pq.s)

    def error() -> float:
        found = victor_purpura(rows, 10.0)
        return float(max(abs(found[0, u] - plain_edits(rows[0], rows[u], 10.0)) for u in range(n)))

    share = part * (part - 1) / (n * (n - 1))
    return Case(lambda: victor_purpura(rows, 10.0), peer, share, error, 1000)


def plain_edits(a: np.ndarray, b: np.ndarray, q: float) -> float:
    costs = np.add.outer(np.arange(len(a) + 1.0), np.arange(len(b) + 1.0))
    for i in range(len(a)):
        for j in range(len(b)):
            costs[i + 1, j + 1] = min(
                costs[i, j + 1] + 1, costs[i + 1, j] + 1, costs[i, j] + q * abs(a[i] - b[j])
            )
    return float(costs[-1, -1])


def exponentials(quick: bool) -> Case:
    n = 20 if quick else 200
    rows = poisson(n, 10.0, 2.0)
    theirs = neo(rows, 2.0)

    def peer() -> Any:
        return spike_train_dissimilarity.van_rossum_distance(theirs, 100 * pq.ms)

    def overlap(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.exp(-np.abs(a[:, None] - b) / 0.1).sum())

    def error() -> float:
        every = np.array([[overlap(a, b) for b in rows] for a in rows])
        own = np.diagonal(every)
        squares = own[:, None] + own - 2 * every
        return float(np.abs(van_rossum(rows, 0.1) ** 2 - squares).max())

    return Case(lambda: van_rossum(rows, 0.1), peer, 1.0, error, 30)


CASES = {
    "STTC, 100 units, 10 min": tiling,
    "correlograms, 100 units, 10 min": lags,
    "Victor-Purpura, 200 trains": edits,
    "van Rossum, 200 trains": exponentials,
}


def cpu_seconds(job: Callable[[], Any]) -> float:
    """CPU seconds of a call; short ones are repeated for a fifth of a second."""
    calls, start = 0, time.process_time()
    while time.process_time() - start < 0.2:
        job()
        calls += 1
    return (time.process_time() - start) / calls


def measured(name: str, quick: bool) -> dict[str, Any]:
    case = CASES[name](quick)
    case.ours()
    times: dict[str, list[float]] = {"neurospyke": [], "elephant": []}
    for _ in range(2 if quick else REPEATS):
        times["neurospyke"].append(cpu_seconds(case.ours))
        times["elephant"].append(cpu_seconds(case.theirs) / case.share)
    medians = {side: sorted(each)[len(each) // 2] for side, each in times.items()}
    ratio = medians["elephant"] / medians["neurospyke"]
    return {
        "name": name,
        "seconds": medians,
        "samples": len(times["elephant"]),
        "ratio": ratio,
        "target": case.target,
        "met": bool(ratio >= case.target),
        "share of all pairs that Elephant did": case.share,
        "largest difference from the definition": case.error(),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    records = []
    for name in CASES:
        records.append(measured(name, options.quick))
        print(json.dumps(records[-1]), flush=True)
    answer = {
        "command": " ".join(["python", *sys.argv]),
        "environment": environment(),
        "records": records,
    }
    if not options.quick:
        path = HERE / "results" / "spike_statistics.json"
        path.write_text(json.dumps(answer, indent=1) + "\n")


if __name__ == "__main__":
    main()
