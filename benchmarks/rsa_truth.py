"""Do intervals, tests and ceilings keep their word? Simulated experiments of known truth.

    python benchmarks/rsa_truth.py [--simulations 2000] [--only clusters]

Stimuli have 10 hidden features. A subject's patterns are the features times gains of its own, with
noise; one model has the first 6 features, another the last 6, so that both are equally good. Kept
in results/rsa_truth.json.
"""

import argparse
import json
import sys
from functools import partial
from pathlib import Path

import measure
import numpy as np
import pandas as pd
from scipy import stats
from scipy.spatial.distance import pdist

from neurospyke.compare import rsa_map
from neurospyke.compare.bootstrap import bootstrap_scores
from neurospyke.compare.comparators import compare_rdms
from neurospyke.compare.held_out import Stack
from neurospyke.compare.inference import contrast_variances, degrees_of_freedom
from neurospyke.compare.permutation import label_permutation
from neurospyke.compare.sampling import draw_samples, sample_scores
from neurospyke.responses import Responses

RESULTS = Path(__file__).parent / "results" / "rsa_truth.json"
N_FEATURES, NOISE, SPREAD = 10, 0.7, 0.35
N_STIMULI, N_SUBJECTS, N_FEW, N_SAMPLES = 40, 20, 4, 400
COMPARATOR = "pearson"


def squared_distances(patterns: np.ndarray) -> np.ndarray:
    """(pair,) of (stimulus, feature) patterns."""
    return pdist(patterns, "sqeuclidean")


def subjects(features: np.ndarray, n: int, rng: np.random.Generator, spread: float) -> np.ndarray:
    """(subject, pair) dissimilarities: gains of their own, and noise."""
    gains = np.exp(spread * rng.normal(size=(n, features.shape[1])))
    noise = NOISE * rng.normal(size=(n, *features.shape))
    patterns = features * gains[:, None] + noise
    return np.array([squared_distances(each) for each in patterns])


def models(features: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(model, pair): two equally good ones, and one that has nothing to do with the brain."""
    other = rng.normal(size=features.shape)
    return np.array([squared_distances(each) for each in (features[:, :6], features[:, 4:], other)])


def stimuli(n: int, rng: np.random.Generator, mirrored: bool) -> np.ndarray:
    """(stimulus, feature); mirrored sets are as good for the one model as for the other."""
    if not mirrored:
        return rng.normal(size=(n, N_FEATURES))
    half = rng.normal(size=(n // 2, N_FEATURES))
    return np.concatenate([half, half[:, ::-1]])


def true_scores(over: str, features: np.ndarray | None) -> np.ndarray:
    """(model,) scores of very many stimuli, subjects or both."""
    rng = np.random.default_rng(1)
    spread = 0.0 if over == "stimuli" else SPREAD
    if over == "subjects":
        brains = subjects(features, 1500, rng, spread)
        return compare_rdms(models(features, rng)[:2], brains, COMPARATOR).mean(axis=1)
    found = []
    for _ in range(5):
        many = stimuli(1200, rng, mirrored=False)
        found.append(
            compare_rdms(models(many, rng)[:2], subjects(many, 12, rng, spread), COMPARATOR)
        )
    return np.full(2, np.mean(found))


def simulate(over: str, n_subjects: int, n_simulations: int) -> dict[str, float]:
    """Coverage of intervals of 95 %, and false positives of tests at 5 %."""
    rng = np.random.default_rng({"stimuli": 10, "subjects": 20, "both": 30}[over])
    spread = 0.0 if over == "stimuli" else SPREAD
    truth = None if over == "subjects" else true_scores(over, None)
    covered, different, above = [], [], []
    dof = degrees_of_freedom(over, n_subjects, N_STIMULI)
    contrasts = np.array([[1.0, 0, 0, 0, 0], [0, 1, 0, 0, 0], [1, -1, 0, 0, 0], [0, 0, 1, 0, 0]])
    for simulation in range(n_simulations):
        features = stimuli(N_STIMULI, rng, mirrored=over == "subjects")
        known = true_scores(over, features) if truth is None else truth
        brains, vectors = subjects(features, n_subjects, rng, spread), models(features, rng)
        seeds = tuple(np.random.SeedSequence(simulation).spawn(3))
        draws = draw_samples((N_STIMULI, n_subjects), N_SAMPLES, over, 0, seeds)
        stack = Stack(vectors, tuple((slice(row, row + 1), None) for row in range(3)))
        samples = sample_scores(stack, brains, COMPARATOR, draws, over, 5)
        scores = compare_rdms(vectors, brains, COMPARATOR).mean(axis=1)
        errors = np.sqrt(contrast_variances(samples, contrasts, over, n_subjects, N_STIMULI))
        half = stats.t.ppf(0.975, dof) * errors[:2]
        covered += list(np.abs(scores[:2] - known) <= half)
        different.append(2 * stats.t.sf(abs(scores[0] - scores[1]) / errors[2], dof) <= 0.05)
        above.append(stats.t.sf(scores[2] / errors[3], dof) <= 0.05)
    found = {
        "coverage of 95 % intervals": np.mean(covered),
        "false positives, equal models": np.mean(different),
    }
    if over != "subjects":  # a fixed set of stimuli may favour an unrelated model
        found["false positives, unrelated model"] = np.mean(above)
    return {name: round(float(value), 4) for name, value in found.items()}


def permutation(n_simulations: int) -> dict[str, float]:
    """Distribution of the permutation p of an unrelated model."""
    rng = np.random.default_rng(40)
    p = []
    for _ in range(n_simulations):
        features = stimuli(N_STIMULI, rng, mirrored=False)
        orders = rng.permuted(np.tile(np.arange(N_STIMULI), (199, 1)), axis=1)
        brains = subjects(features, 4, rng, SPREAD)
        p.append(label_permutation(models(features, rng)[2:], brains, COMPARATOR, orders)[1][0])
    # p takes whole multiples of 1/200; spread over its step it is uniform under the null
    spread = np.array(p) - rng.random(len(p)) / 200
    uniformity = stats.kstest(spread, "uniform").pvalue
    return {
        "share of p <= 0.05": round(float(np.mean(np.array(p) <= 0.05)), 4),
        "share of p <= 0.5": round(float(np.mean(np.array(p) <= 0.5)), 4),
        "Kolmogorov-Smirnov p of uniformity": round(float(uniformity), 4),
    }


def ceiling(n_simulations: int) -> dict[str, float]:
    """Where the score of the true model lies, whose RDM is the mean of infinitely many subjects."""
    rng = np.random.default_rng(50)
    bounds, scores = [], []
    once = np.ones((1, N_STIMULI), dtype=int)
    for _ in range(n_simulations):
        features = stimuli(N_STIMULI, rng, mirrored=False)
        true = squared_distances(features)[None]  # all gains have the same mean square
        found = bootstrap_scores(true, subjects(features, 8, rng, SPREAD), once, COMPARATOR)
        bounds.append(found.ceilings[0, 0])
        scores.append(found.scores[0, 0, 0])
    low, high = np.mean(bounds, axis=0)
    within = [each[0] <= score <= each[1] for each, score in zip(bounds, scores, strict=True)]
    return {
        "mean lower bound": round(float(low), 4),
        "mean score of the true model": round(float(np.mean(scores)), 4),
        "mean upper bound": round(float(high), 4),
        "share within the bounds": round(float(np.mean(within)), 4),
    }


def clusters(n_simulations: int) -> dict[str, float]:
    """Share of maps of nothing in which a cell, or a cluster, has p <= 0.05."""
    rng = np.random.default_rng(60)
    names = [f"stimulus {n}" for n in range(16)]
    cells, found = 0, 0
    for simulation in range(n_simulations):
        noise = rng.normal(size=(16, 10, 14))
        smooth = noise[:, :, 2:] + noise[:, :, 1:-1] + noise[:, :, :-2]
        layers = {f"layer {n}": responses(rng.normal(size=(16, 10, 1)), names) for n in range(3)}
        areas = {"area": responses(smooth, names)}
        table = rsa_map(layers, areas, n_permutations=99, n_splits=1, seed=simulation)
        cells += bool((table["p"] <= 0.05).any())
        found += bool((table["p_cluster"] <= 0.05).any())
    return {
        "family-wise error of cells": round(cells / n_simulations, 4),
        "family-wise error of clusters": round(found / n_simulations, 4),
    }


def responses(values: np.ndarray, names: list[str]) -> Responses:
    """One trial a stimulus of (stimulus, unit, time) values."""
    units = pd.DataFrame({"unit": range(values.shape[1])})
    edges = np.arange(values.shape[2] + 1.0)
    return Responses(values, pd.DataFrame({"stimulus": names}), units, edges, measure="rate")


PARTS = {
    "stimuli": partial(simulate, "stimuli", 1),
    "subjects": partial(simulate, "subjects", N_SUBJECTS),
    "both": partial(simulate, "both", N_SUBJECTS),
    "both, of few subjects": partial(simulate, "both", N_FEW),
    "permutation": permutation,
    "noise ceiling": ceiling,
    "clusters": clusters,
}


def main() -> None:
    """Run, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--only", choices=list(PARTS), help="keep the other results as they are")
    options = parser.parse_args()
    n, kept = options.simulations, {}
    if options.only:
        kept = json.loads(RESULTS.read_text())["results"]
    parts = [options.only] if options.only else list(PARTS)
    command = {"command": " ".join(["python", *sys.argv]), "simulations": n}
    record = {
        "environment": measure.environment(),
        "stimuli": N_STIMULI,
        "subjects": N_SUBJECTS,
        "few subjects": N_FEW,
        "bootstrap samples": N_SAMPLES,
        "comparator": COMPARATOR,
        "results": kept | {name: command | PARTS[name](n) for name in parts},
    }
    print(json.dumps(record["results"], indent=1))
    RESULTS.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
