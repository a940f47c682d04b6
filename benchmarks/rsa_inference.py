"""Time bootstraps of RSA against rsatoolbox on the same RDMs: results/rsa_inference.json.

    OMP_NUM_THREADS=2 python benchmarks/rsa_inference.py [--quick]

10 models, 20 subjects, 100 stimuli, float64, two threads. Theirs takes a time proportional to the
number of samples; it is timed on fewer and scaled to 1,000, which one full run checks. rsatoolbox
is looked for in out/benchmarks/peers (see README.md).
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import measure
import numpy as np

from neurospyke.compare.bootstrap import bootstrap_scores
from neurospyke.compare.held_out import Stack
from neurospyke.compare.sampling import draw_samples, sample_scores

PEERS = Path(__file__).parent.parent / "out" / "benchmarks" / "peers"
sys.path.append(str(PEERS))
RESULTS = Path(__file__).parent / "results" / "rsa_inference.json"
N_MODELS, N_SUBJECTS, N_STIMULI, N_PARTS, N_SAMPLES = 10, 20, 100, 5, 1000
NAMES = {"cosine": "cosine", "pearson": "corr", "rho_a": "rho-a"}
# What is timed: comparator, whether both factors get their own correction, samples of theirs, and
# how much faster ours must be.
CASES = {
    "bootstrap with ceilings, cosine": ("cosine", "both", 100, 130),
    "bootstrap with ceilings, pearson": ("pearson", "both", 100, 130),
    "bootstrap with ceilings, rho-a": ("rho_a", "both", 20, 15),
    "two-factor bootstrap, cosine": ("cosine", "dual", 40, 400),
    "weighted model, cross-validated, analytic fitter": ("cosine", "analytic", 20, 15),
    "weighted model, cross-validated, default fitter": ("cosine", "default", 2, 1000),
}


def data() -> tuple[np.ndarray, np.ndarray]:
    """(model, pair) and (subject, pair) dissimilarities; tiny, so that their fitter ends.

    It stops at an absolute change of the weights, and may go on for ever with larger values.
    """
    rng = np.random.default_rng(0)
    n_pairs = N_STIMULI * (N_STIMULI - 1) // 2
    models = rng.gamma(2.0, 1e-4, size=(N_MODELS, n_pairs))
    weights = rng.random((N_SUBJECTS, N_MODELS))
    return models, weights @ models / N_MODELS + rng.gamma(2.0, 1e-4, size=(N_SUBJECTS, n_pairs))


def ours(comparator: str, kind: str, n_samples: int) -> Callable[[], object]:
    """A bootstrap, drawing included."""
    models, brains = data()
    sizes = N_STIMULI, N_SUBJECTS

    def job() -> object:
        seeds = tuple(np.random.SeedSequence(0).spawn(3))
        fitted = kind in {"analytic", "default"}
        over = "stimuli" if fitted else "both"
        draws = draw_samples(sizes, n_samples, over, 2 if fitted else 0, seeds)
        if kind == "both":
            given = models, brains, draws.stimuli, comparator, draws.subjects[None]
            return bootstrap_scores(*given)
        if kind == "dual":
            stack = Stack(models, tuple((slice(row, row + 1), None) for row in range(N_MODELS)))
        else:
            stack = Stack(models[:N_PARTS], ((slice(0, N_PARTS), "weighted"),))
        return sample_scores(stack, brains, comparator, draws, over, 5)

    return job


def theirs(comparator: str, kind: str, n_samples: int) -> Callable[[], object]:
    """The same by rsatoolbox."""
    from rsatoolbox.inference import bootstrap_crossval, eval_bootstrap, eval_dual_bootstrap
    from rsatoolbox.model import ModelFixed, ModelWeighted
    from rsatoolbox.model.fitter import fit_regress_nn
    from rsatoolbox.rdm import RDMs

    models, brains = data()
    rdms = RDMs(brains)
    if kind in {"analytic", "default"}:
        model = ModelWeighted("weighted", models[:N_PARTS])
        return lambda: bootstrap_crossval(
            model,
            rdms,
            method=NAMES[comparator],
            fitter=fit_regress_nn if kind == "analytic" else None,
            k_pattern=5,
            k_rdm=5,
            N=n_samples,
            n_cv=2,
            boot_type="pattern",
        )
    fixed = [ModelFixed(f"model {row}", vector) for row, vector in enumerate(models)]
    job = eval_bootstrap if kind == "both" else eval_dual_bootstrap
    return lambda: job(fixed, rdms, method=NAMES[comparator], N=n_samples)


def disagreement(comparator: str) -> float:
    """Largest difference of scores and ceilings on the same 10 resamples."""
    from rsatoolbox.inference import bootstrap_sample, eval_bootstrap
    from rsatoolbox.model import ModelFixed
    from rsatoolbox.rdm import RDMs

    models, brains = data()
    rdms = RDMs(brains)
    np.random.seed(3)  # noqa: NPY002 - the only one it knows
    drawn = [bootstrap_sample(rdms)[1:] for _ in range(10)]
    np.random.seed(3)  # noqa: NPY002
    fixed = [ModelFixed(f"model {row}", vector) for row, vector in enumerate(models)]
    known = eval_bootstrap(fixed, rdms, method=NAMES[comparator], N=10)
    counts = np.array([np.bincount(stimuli, minlength=N_STIMULI) for _, stimuli in drawn])
    draws = np.array([np.bincount(subjects, minlength=N_SUBJECTS) for subjects, _ in drawn])
    found = bootstrap_scores(models, brains, counts, comparator, draws[None])
    return float(
        max(
            np.abs(found.scores[0] - known.evaluations.reshape(10, N_MODELS)).max(),
            np.abs(found.ceilings[0].T - known.noise_ceiling.reshape(2, 10)).max(),
        )
    )


def peak(side: str, name: str) -> float:
    """MiB of one side in a process of its own."""
    command = [sys.executable, __file__, "--memory", side, "--case", name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def memory(side: str, name: str) -> None:
    """Print the peak of one side, after a small run that loads what it needs."""
    comparator, kind, n_theirs, _ = CASES[name]
    make, n = (ours, N_SAMPLES) if side == "ours" else (theirs, min(n_theirs, 20))
    make(comparator, kind, 2)()
    job = make(comparator, kind, n)
    with measure.PeakMemory() as used:
        job()
    print(used.mib)


def compare(name: str, quick: bool) -> dict[str, object]:
    """Times, ratio and memory of one case."""
    comparator, kind, n_theirs, target = CASES[name]
    n_theirs = 2 if quick else n_theirs
    jobs = {
        "ours": ours(comparator, kind, 20 if quick else N_SAMPLES),
        "theirs": theirs(comparator, kind, n_theirs),
    }
    times = measure.interleave(jobs, 1 if quick else 5)
    own = times["ours"]["median_ms"] / (20 if quick else N_SAMPLES)
    ratio = times["theirs"]["median_ms"] / n_theirs / own
    mib = {side: round(peak(side, name), 1) for side in ("ours", "theirs")}
    record = {"case": name, "ours_ms": own * N_SAMPLES, "theirs_samples": n_theirs}
    record |= {"theirs_ms_of_1000": times["theirs"]["median_ms"] / n_theirs * N_SAMPLES}
    record |= {"ratio": round(ratio, 1), "target": target, "peak_mib": mib, "times": times}
    print(f"{name}: {ratio:.0f}x (target {target}x), peak MiB {mib}", flush=True)
    return record


def main() -> None:
    """Run, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--memory", choices=["ours", "theirs"])
    parser.add_argument("--case", choices=list(CASES))
    options = parser.parse_args()
    if options.memory:
        memory(options.memory, options.case)
        return
    cases = [options.case] if options.case else list(CASES)
    record = {
        "command": " ".join(["python", *sys.argv]),
        "environment": measure.environment() | {"rsatoolbox": version("rsatoolbox")},
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "largest difference on the same resamples": {
            name: disagreement(name) for name in ("cosine", "pearson", "rho_a")
        },
        "cases": [compare(name, options.quick) for name in cases],
    }
    if not (options.quick or options.case):
        job, start = theirs("cosine", "both", N_SAMPLES), time.perf_counter()
        job()
        record["theirs, one full run, cosine"] = time.perf_counter() - start
        RESULTS.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record["largest difference on the same resamples"]))


if __name__ == "__main__":
    main()
