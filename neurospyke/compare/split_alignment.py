"""Alignment of a model with a brain on split data, so that every measure has a ceiling."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from neurospyke.compare.cca import (
    Maps,
    cca,
    fit_cca,
    fit_pwcca,
    fit_svcca,
    pwcca,
    regression_r2,
    svcca,
)
from neurospyke.compare.cka import debiased_cka, linear_cka, rbf_cka
from neurospyke.compare.comparison import Comparison
from neurospyke.compare.jackknife import spread_of
from neurospyke.compare.kinds import check_responses, check_sides
from neurospyke.compare.neighbours import mutual_neighbours
from neurospyke.compare.pairing import pair
from neurospyke.compare.patterns import mean_patterns
from neurospyke.compare.rdm import population_name
from neurospyke.compare.resample import permutations, spawn_seeds, split_halves
from neurospyke.compare.shape import (
    fit_permutation,
    fit_procrustes,
    permutation_similarity,
    shape_similarity,
)
from neurospyke.responses import Responses

Measure = Callable[[np.ndarray, np.ndarray], float]
Fit = Callable[[np.ndarray, np.ndarray], Maps]
ALIGNMENTS: Mapping[str, Measure] = MappingProxyType(
    {
        "linear_cka": linear_cka,
        "rbf_cka": rbf_cka,
        "debiased_cka": debiased_cka,
        "cca": cca,
        "svcca": svcca,
        "pwcca": pwcca,
        "procrustes": shape_similarity,
        "permutation": permutation_similarity,
        "regression": regression_r2,
        "mutual_neighbours": mutual_neighbours,
    }
)
_CORRELATED: Mapping[str, Fit] = MappingProxyType(
    {"cca": fit_cca, "svcca": fit_svcca, "pwcca": fit_pwcca}
)
_SHAPES: Mapping[str, Fit] = MappingProxyType(
    {"procrustes": fit_procrustes, "permutation": fit_permutation}
)
_N_BLOCKS = 20


def held_out_alignment(
    patterns: np.ndarray, others: np.ndarray, measure: str, folds: int, seed: int = 0
) -> float:
    """Alignment in stimuli that the maps were not learned from.

    Canonical directions: mean correlation of the pairs of variates (weighted for "pwcca").
    Rotations and matchings: cosine Σ (XA)∘(YB) / (‖X‖ ‖Y‖). Means of the training stimuli are
    taken out; averaged over folds.

    Args:
        patterns: (stimulus, unit).
        others: (stimulus, unit).
        measure: "cca", "svcca", "pwcca", "procrustes" or "permutation".
        folds: number of random folds, each of 2 stimuli at least.
        seed: of the folds.

    Returns:
        -1 to 1; about 0 where nothing generalises.

    Raises:
        ValueError: if there is no such measure, or there are too few stimuli.

    >>> x = np.random.default_rng(0).normal(size=(20, 3))
    >>> round(held_out_alignment(x, x @ [[0, 2, 0], [0, 0, 2], [2, 0, 0]], "procrustes", 4), 12)
    1.0
    """
    if measure not in (*_CORRELATED, *_SHAPES):
        raise ValueError(
            f"`measure` must learn maps to be held out: {[*_CORRELATED, *_SHAPES]}; got {measure!r}"
        )
    fit = {**_CORRELATED, **_SHAPES}[measure]
    n = len(patterns)
    if not 2 <= folds <= n // 2:
        raise ValueError(f"`folds` must be 2 to {n // 2}, half the stimuli; got {folds}")
    order = np.random.default_rng(seed).permutation(n)
    scores = []
    for test in np.array_split(order, folds):
        train = np.setdiff1d(order, test)
        maps = fit(patterns[train], others[train])
        sides = [side[test] - side[train].mean(axis=0) for side in (patterns, others)]
        mapped = sides[0] @ maps.left, sides[1] @ maps.right
        if measure in _SHAPES:
            lengths = np.linalg.norm(sides[0]) * np.linalg.norm(sides[1])
            scores.append((mapped[0] * mapped[1]).sum() / lengths if lengths else 0.0)
        else:
            scores.append(float(maps.weights @ _column_correlations(*mapped)))
    return float(np.mean(scores))


def alignment(
    models: Responses | Mapping[str, Responses],
    brain: Responses,
    *,
    measure: str = "debiased_cka",
    folds: int | None = None,
    n_splits: int = 10,
    n_permutations: int = 0,
    seed: int,
) -> dict[str, Comparison]:
    """Alignment of every model with halves of a brain's trials, under the ceiling of the halves.

    Of each random split, the score is the mean of the model with either half; r is the same
    measure between the halves, and (r, √r) the ceiling: what another half, and what a model
    without noise, would score. √r holds for measures that fall with noise as correlations do
    (debiased or held out); measures biased by many units have biased ceilings too. A brain
    without repetitions is taken whole and has no ceiling. The interval is a jackknife over 20
    groups of stimuli.

    Args:
        models: (trial, unit, time) responses, or several layers by name; means over trials, bins
            side by side.
        brain: responses to the same stimuli.
        measure: a name in `ALIGNMENTS`.
        folds: learn maps from the other folds of the stimuli (`held_out_alignment`); None for the
            measure as defined, on the stimuli it was fitted to.
        n_splits: number of random splits of the trials.
        n_permutations: permutations of the stimuli behind p.
        seed: whole number.

    Returns:
        By model a comparison.

    Raises:
        ValueError: if there is no such measure, stimuli do not match, or the measure is undefined.

    Source: the measure's own; split halves as in Nili et al. 2014.

    >>> rng = np.random.default_rng(0)
    >>> stimuli = [f"s{n}" for n in range(30)] * 2
    >>> brain = Responses.from_counts(rng.poisson(9, (60, 5)), stimuli=stimuli, source="V4")
    >>> alignment(brain.average(), brain, n_splits=2, seed=0)["V4"].units
    (5, 5)
    """
    check_sides(models, "models")
    check_responses(brain, "brain")
    compute = _measure_of(measure, folds)
    sides = {"": models} if isinstance(models, Responses) else dict(models)
    if not sides:
        raise ValueError("`models` must hold at least one layer; got none")
    first = next(iter(sides.values()))
    streams = spawn_seeds(seed, 3)
    halves = _halves(brain, first, n_splits, streams[0])
    n = len(first.stimuli)
    order = np.random.default_rng(streams[1]).permutation(n)
    orders = permutations(n, n_permutations, streams[2]) if n_permutations else np.empty((0, n))
    settings = {
        "measure": measure,
        "n_folds": folds,
        "n_splits": len(halves) if len(halves[0]) > 1 else 0,
        "over": "stimuli (jackknife)",
    }
    ceiling = _ceiling(compute, halves)
    found = {}
    for given, side in sides.items():
        name = given or population_name(side) or "model"
        patterns = mean_patterns(pair(first, side)[1])
        score = _score(compute, patterns, halves)
        found[name] = Comparison(
            f"alignment ({measure})",
            name,
            population_name(brain) or "brain",
            score,
            _interval(compute, patterns, halves, order, score),
            ceiling=ceiling,
            p=_p_value(compute, patterns, halves, orders.astype(np.int64), score),
            conditions=first.stimuli,
            units=(side.n_units, brain.n_units),
            time=(brain.edges[0], brain.edges[-1]) if brain.time_unit == "s" else None,
            settings=settings,
            seed=seed,
        )
    return found


Halves = list[tuple[np.ndarray, ...]]


def _measure_of(measure: str, folds: int | None) -> Measure:
    if measure not in ALIGNMENTS:
        raise ValueError(f"`measure` must be one of {list(ALIGNMENTS)}; got {measure!r}")
    if folds is None:
        return ALIGNMENTS[measure]
    return lambda patterns, others: held_out_alignment(patterns, others, measure, folds)


def _halves(
    brain: Responses, first: Responses, n_splits: int, seed: np.random.SeedSequence
) -> Halves:
    """For each split the mean patterns of both halves, in the first model's order of stimuli."""
    if n_splits < 1:
        raise ValueError(f"`n_splits` must be at least 1; got {n_splits}")
    if brain.trials["stimulus"].value_counts().min() < 2:
        return [(mean_patterns(pair(first, brain)[1]),)]
    # Drawn in the brain's own order, so that all models are held against the same halves.
    return [
        tuple(mean_patterns(pair(first, brain.where(trials=rows))[1]) for rows in (half, ~half))
        for half in split_halves(brain.trials["stimulus"].tolist(), n_splits, seed)
    ]


def _score(compute: Measure, patterns: np.ndarray, halves: Halves) -> float:
    return float(np.mean([compute(patterns, half) for split in halves for half in split]))


def _ceiling(compute: Measure, halves: Halves) -> tuple[float, float] | None:
    if len(halves[0]) < 2:
        return None
    agreement = float(np.mean([compute(*split) for split in halves]))
    return (agreement, float(np.sqrt(agreement))) if agreement > 0 else None


def _interval(
    compute: Measure, patterns: np.ndarray, halves: Halves, order: np.ndarray, score: float
) -> tuple[float, float]:
    without = []
    for group in np.array_split(order, min(_N_BLOCKS, len(order))):
        kept = [tuple(np.delete(half, group, axis=0) for half in split) for split in halves]
        without.append(_score(compute, np.delete(patterns, group, axis=0), kept))
    low, high = spread_of(np.array(score), np.array(without))
    return float(low), float(high)


def _p_value(
    compute: Measure, patterns: np.ndarray, halves: Halves, orders: np.ndarray, score: float
) -> float | None:
    if not len(orders):
        return None
    null = np.array([_score(compute, patterns[order], halves) for order in orders])
    return float((1 + (null >= score - 1e-12).sum()) / (1 + len(null)))


def _column_correlations(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(dimension,) correlations; 0 where a side is constant."""
    own, other = (side - side.mean(axis=0) for side in (left, right))
    lengths = np.linalg.norm(own, axis=0) * np.linalg.norm(other, axis=0)
    products = (own * other).sum(axis=0)
    return np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
