"""Dissimilarities and comparators against rsatoolbox, on the same arrays, in turn.

    python benchmarks/rsa_measures.py [--threads 1] [--quick] [--only NAME,NAME]

Results go to results/rsa_measures.json. CPU seconds, medians of five (of one where the peer needs
over 5 s), float64; the rise of resident memory during the first calls, ours before theirs; a
process for each case.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
PEERS = HERE.parent / "out" / "benchmarks" / "peers"


class Case(NamedTuple):
    """A task: our job, rsatoolbox's, from sizes; the ratio wanted; how far results may differ."""

    make: Callable[[bool], tuple[Callable[[], Any], Callable[[], Any]]]
    target: float | None = 1.0
    tolerance: float = 1e-9
    share: float = 1.0  # of the whole task that the peer does, where all of it would take hours


def responses(values: Any, stimuli: Any = None, folds: Any = None) -> Any:
    import numpy as np
    import pandas as pd

    from neurospyke.responses import Responses

    values = values if values.ndim == 3 else values[:, :, None]
    stimuli = np.arange(len(values)) if stimuli is None else stimuli
    trials = pd.DataFrame({"stimulus": [f"s{each:05d}" for each in stimuli]})
    if folds is not None:
        trials["repetition"] = folds
    units = pd.DataFrame({"unit": np.arange(values.shape[1])})
    edges = np.arange(values.shape[2] + 1.0)
    return Responses(values, trials, units, edges, measure="other")


def plain(method: str, n: int, p: int) -> Callable[[bool], tuple]:
    def make(quick: bool) -> tuple:
        import numpy as np
        import rsatoolbox

        from neurospyke.compare import DISSIMILARITIES

        shape = (n // 10, p // 10) if quick else (n, p)
        values = np.random.default_rng(0).normal(size=shape)
        ours, theirs = responses(values), rsatoolbox.data.Dataset(values)
        return (
            lambda: DISSIMILARITIES[method](ours).values,
            lambda: rsatoolbox.rdm.calc_rdm(theirs, method=method).dissimilarities[0],
        )

    return make


def crossnobis(n: int, p: int, m: int, with_noise: bool) -> Callable[[bool], tuple]:
    def make(quick: bool) -> tuple:
        import numpy as np
        import rsatoolbox

        from neurospyke.compare import crossnobis_rdm

        shape = (m, n // 10, p // 10) if quick else (m, n, p)
        generator = np.random.default_rng(0)
        values = generator.normal(size=shape).reshape(-1, shape[2])
        labels, folds = np.tile(np.arange(shape[1]), m), np.repeat(np.arange(m), shape[1])
        root = generator.normal(size=(shape[2], 2 * shape[2]))
        noise = root @ root.T / len(root) if with_noise else None
        precision = np.linalg.inv(noise) if noise is not None else None
        ours = responses(values, labels, folds)
        theirs = rsatoolbox.data.Dataset(values, obs_descriptors={"k": labels, "m": folds})
        return (
            lambda: crossnobis_rdm(ours, noise=noise).values,
            lambda: rsatoolbox.rdm.calc_rdm(
                theirs, method="crossnobis", descriptor="k", cv_descriptor="m", noise=precision
            ).dissimilarities[0],
        )

    return make


def precision(quick: bool) -> tuple:
    import numpy as np
    import rsatoolbox

    from neurospyke.compare import noise_precision

    n, p, k = (500, 100, 100) if quick else (5000, 1000, 1000)
    values, labels = np.random.default_rng(0).normal(size=(n, p)), np.arange(n) % k
    ours = responses(values, labels)
    theirs = rsatoolbox.data.Dataset(values, obs_descriptors={"k": labels})
    return (
        lambda: noise_precision(ours, "schaefer_strimmer"),
        lambda: rsatoolbox.data.noise.prec_from_unbalanced(
            theirs, obs_desc="k", method="shrinkage_diag"
        ),
    )


def movie(method: str, width: int, quick: bool) -> tuple:
    import numpy as np
    import rsatoolbox

    from neurospyke.compare import crossnobis_movie, rdm_movie

    k, p, t, m = (10, 10, 20, 10) if quick else (100, 100, 100, 10)
    m = m if method == "crossnobis" else 1
    values = np.random.default_rng(0).normal(size=(m * k, p, t))
    labels, folds = np.tile(np.arange(k), m), np.repeat(np.arange(m), k)
    ours = responses(values, labels, folds)
    theirs = rsatoolbox.data.TemporalDataset(
        values,
        obs_descriptors={"k": labels, "m": folds},
        time_descriptors={"time": np.arange(float(t))},
    )
    bins = [np.arange(start, start + width) for start in range(t - width + 1)]
    given = {"cv_descriptor": "m"} if method == "crossnobis" else {}
    if width > 1:
        given["bins"] = bins
    make = crossnobis_movie if method == "crossnobis" else partial(rdm_movie, dissimilarity=method)
    return (
        lambda: make(ours, width=width).values,
        lambda: (
            rsatoolbox.rdm.calc_rdm_movie(
                theirs, method=method, descriptor="k", time_descriptor="time", **given
            ).dissimilarities
        ),
    )


NAMES = {
    "cosine": "cosine",
    "pearson": "corr",
    "spearman": "spearman",
    "rho_a": "rho-a",
    "tau_a": "tau-a",
    "tau_b": "kendall",
    "whitened_cosine": "cosine_cov",
    "whitened_pearson": "corr_cov",
    "bures": "bures",
}


def comparator(name: str, k: int) -> Callable[[bool], tuple]:
    def make(quick: bool) -> tuple:
        import numpy as np
        import rsatoolbox

        from neurospyke.compare import compare_rdms

        n_conditions = k // 10 if quick else k
        generator = np.random.default_rng(0)
        # squared distances between points, so that Bures means the same to both
        points = generator.normal(size=(70, n_conditions, 20))
        first, second = np.triu_indices(n_conditions, 1)
        every = np.array([((x[first] - x[second]) ** 2).sum(axis=1) for x in points])
        a, b = every[:50], every[50:]
        theirs = rsatoolbox.rdm.RDMs(a), rsatoolbox.rdm.RDMs(b)
        return (
            lambda: compare_rdms(a, b, name),
            lambda: rsatoolbox.rdm.compare(*theirs, method=NAMES[name]),
        )

    return make


def full_covariance(quick: bool) -> tuple:
    import numpy as np
    import rsatoolbox

    from neurospyke.compare import compare_rdms

    k = 10 if quick else 100
    generator = np.random.default_rng(0)
    a, b = generator.random((50, k * (k - 1) // 2)), generator.random((20, k * (k - 1) // 2))
    root = generator.normal(size=(k, 2 * k))
    sigma = root @ root.T / (2 * k)
    theirs = rsatoolbox.rdm.RDMs(a[:1]), rsatoolbox.rdm.RDMs(b[:1])
    return (
        lambda: compare_rdms(a, b, "whitened_cosine", covariance=sigma),
        lambda: rsatoolbox.rdm.compare(*theirs, method="cosine_cov", sigma_k=sigma),
    )


CASES = {
    "sliding movie crossnobis": Case(partial(movie, "crossnobis", 10), 5),
    "euclidean 500 x 1000": Case(plain("euclidean", 500, 1000)),
    "euclidean 2000 x 1000": Case(plain("euclidean", 2000, 1000)),
    "correlation 500 x 1000": Case(plain("correlation", 500, 1000), None),
    "correlation 2000 x 1000": Case(plain("correlation", 2000, 1000), 10),
    "crossnobis 500 x 1000 x 10": Case(crossnobis(500, 1000, 10, False), None),
    "crossnobis 500 x 1000 x 10, noise": Case(crossnobis(500, 1000, 10, True), None),
    "shrinkage precision 5000 x 1000": Case(precision, 14),
    "movie euclidean": Case(partial(movie, "euclidean", 1), None),
    "movie correlation": Case(partial(movie, "correlation", 1), None),
    "sliding movie euclidean": Case(partial(movie, "euclidean", 10), None),
    **{
        f"50 x 20 RDMs of 100, {name}": Case(
            comparator(name, 100), 1.0, 1e-6 if name == "bures" else 1e-9
        )
        for name in NAMES
    },
    "70 RDMs of 100, whitened cosine, full covariance": Case(
        full_covariance, 1000, 1e-4, share=2 / 70
    ),
}


def measure(name: str, quick: bool) -> dict[str, Any]:
    """Times of both sides of one case in turn, and how far results differ."""
    import numpy as np
    from measure import PeakMemory

    case = CASES[name]
    ours, theirs = case.make(quick)
    with PeakMemory() as own:
        first = np.asarray(ours())
    start = time.process_time()
    with PeakMemory() as other:
        second = np.asarray(theirs())
    # What takes the peer long is known well enough from one sample more.
    repeats = 2 if quick else 1 if time.process_time() - start > 5 else 5
    if first.shape != second.shape:
        first = first[: second.shape[0], : second.shape[1]]
    difference = float(np.abs(first - second).max())
    times: dict[str, list[float]] = {"neurospyke": [], "rsatoolbox": []}
    for _ in range(repeats):
        for side, job in (("neurospyke", ours), ("rsatoolbox", theirs)):
            times[side].append(cpu_seconds(job))
    medians = {side: sorted(each)[len(each) // 2] for side, each in times.items()}
    ratio = medians["rsatoolbox"] / case.share / medians["neurospyke"]
    return {
        "name": name,
        "seconds": medians,
        "samples": repeats,
        "ratio": ratio,
        "target": case.target,
        "met": None if case.target is None else bool(ratio >= case.target),
        "share of the peer's task": case.share,
        "largest difference": difference,
        "MiB": {"neurospyke": own.mib, "rsatoolbox": other.mib},
        "agree": bool(difference <= case.tolerance * max(1.0, float(np.abs(second).max()))),
    }


def cpu_seconds(job: Callable[[], Any]) -> float:
    """CPU seconds of a call; short ones are repeated for a tenth of a second."""
    calls, total = 0, 0.0
    while total < 0.1:
        start = time.process_time()
        job()
        total += time.process_time() - start
        calls += 1
    return total / calls


def child(threads: int, *arguments: str) -> Any:
    number = str(threads)
    variables = {"OMP_NUM_THREADS": number, "OPENBLAS_NUM_THREADS": number}
    done = subprocess.run(
        [sys.executable, __file__, "--child", *arguments],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        return {"name": arguments[1], "failed": f"process ended with {done.returncode}"}
    return json.loads(done.stdout.splitlines()[-1])


def run_child(arguments: list[str]) -> None:
    sys.path.append(str(PEERS))
    warnings.simplefilter("ignore")
    print(json.dumps(measure(arguments[1], "quick" in arguments)))


def large(quick: bool) -> dict[str, Any]:
    """Euclidean RSA of two layers against one area: peak of the whole process, and seconds."""
    import resource

    import numpy as np

    from neurospyke.compare import euclidean_similarities

    k, p = (2000, 200) if quick else (20_000, 2000)
    sides = [responses(np.random.default_rng(n).normal(size=(k, p))) for n in range(3)]
    start = time.perf_counter()
    scores = euclidean_similarities(sides[:2], sides[2:], "pearson")
    seconds = time.perf_counter() - start
    gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"stimuli": k, "units": p, "GiB": gib, "seconds": seconds, "scores": scores.tolist()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--child", nargs="+")
    options = parser.parse_args()
    if options.child:
        if options.child[0] == "large":
            print(json.dumps(large("quick" in options.child)))
        else:
            run_child(options.child)
        return
    importlib.import_module("measure")
    from measure import environment

    speed = ["quick"] if options.quick else []
    chosen = [name for name in CASES if not options.only or options.only in name]
    answer: dict[str, Any] = {
        "command": " ".join(["python", *sys.argv]),
        "threads": options.threads,
        "environment": environment(),
        "records": [],
    }
    path = HERE / "results" / "rsa_measures.json"
    for name in chosen:
        answer["records"].append(child(options.threads, "time", name, *speed))
        print(line(answer["records"][-1]), flush=True)
        if not options.quick and not options.only:
            path.write_text(json.dumps(answer, indent=1) + "\n")
    answer["20,000 stimuli"] = child(options.threads, "large", *speed or ["full"])
    print(answer["20,000 stimuli"])
    if not options.quick and not options.only:
        path.write_text(json.dumps(answer, indent=1) + "\n")


def line(record: dict[str, Any]) -> str:
    if "failed" in record:
        return f"{record['name']:50} {record['failed']}"
    ours, theirs = record["MiB"]["neurospyke"], record["MiB"]["rsatoolbox"]
    met = {None: "", True: "met", False: "MISSED"}[record["met"]]
    return (
        f"{record['name']:50} {1e3 * record['seconds']['neurospyke']:9.2f} ms "
        f"{1e3 * record['seconds']['rsatoolbox']:9.2f} ms {record['ratio']:9.1f} x "
        f"{met:7} {ours:6.0f} {theirs:6.0f} MiB, differ by {record['largest difference']:.0e}"
        f"{'' if record['agree'] else ' DISAGREE'}"
    )


if __name__ == "__main__":
    main()
