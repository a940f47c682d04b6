"""Encoding: how well one population predicts the units of another for stimuli not seen before."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from neurospyke.compare.comparison import Comparison
from neurospyke.compare.kinds import check_responses, check_sides
from neurospyke.compare.mapping import MAPPINGS
from neurospyke.compare.pairing import pair
from neurospyke.compare.patterns import mean_patterns
from neurospyke.compare.rdm import population_name
from neurospyke.compare.reliability import unit_reliability
from neurospyke.compare.resample import bootstrap_counts, permutations, spawn_seeds
from neurospyke.responses import Responses

Folds = list[tuple[np.ndarray, np.ndarray]]
_CONFIDENCE = 0.95


@dataclass(frozen=True, eq=False)
class Encoding:
    """Predictions of every target unit from every model, and how good they are.

    Args:
        units: tidy table, one row a model, target unit and bin: `model`, the columns of the unit
            table, `time_start`, `time_stop`, `n` (stimuli), `r`, `r2`, `reliability` of the
            unit's mean response, `ceiling` (its root: r of a model without error),
            `explained` (r²/R, 0 for r below 0) and `status`: "ok", "constant" (of no r), or
            "no_ceiling" (stimuli without repetitions, or halves that do not agree).
        predictions: by model (stimulus, target), each from the fold that left the stimulus out.
        targets: (stimulus, target) mean responses, units by bins.
        conditions: stimuli.
        comparisons: by model the median r over units, with interval over stimuli.
    """

    units: pd.DataFrame
    predictions: Mapping[str, np.ndarray]
    targets: np.ndarray
    conditions: tuple[str, ...]
    comparisons: Mapping[str, Comparison]

    def __repr__(self) -> str:
        n_targets = self.targets.shape[1]
        return f"Encoding({len(self.comparisons)} models of {n_targets} units and bins)"

    def __str__(self) -> str:
        return "\n".join(map(str, self.comparisons.values()))


def encoding(
    predictors: Responses | Mapping[str, Responses],
    target: Responses,
    *,
    mapping: Any = "ridge",
    n_components: int | None = None,
    folds: Any = 10,
    n_bootstrap: int = 1000,
    n_permutations: int = 0,
    seed: int,
) -> Encoding:
    """Predict mean responses of each unit by a linear map learned on other stimuli.

    All that is learned (components, map, penalties) is learned anew from the training stimuli of
    each fold. r correlates predicted and measured responses over the stimuli of one fold and is
    averaged over folds; constant predictions count as 0. So it is 0 on average where nothing can
    be predicted; pooled over folds it would be below, since the mean of the training stimuli
    falls as that of those left out rises. Whether a model predicts a brain or a brain a model is
    a matter of which comes first.

    Args:
        predictors: (trial, unit, time) responses, or several layers by name; bins lie side by side.
        target: responses whose units are predicted, each bin by itself.
        mapping: "ridge", "pls", or a scikit-learn regressor of many targets.
        n_components: principal components of the training patterns kept before the map, by
            randomised SVD where a layer is wide; one with no more features is taken whole.
        folds: number of random folds of the stimuli, a scikit-learn splitter, or a list of pairs
            of training and test positions in the order of the first predictors' stimuli.
        n_bootstrap: samples of stimuli behind the intervals.
        n_permutations: how often stimuli of the target are permuted and all is fitted again.
        seed: whole number.

    Returns:
        Scores of all units, predictions, and one comparison a model, whose ceiling is
        (median R, median √R): what a repeated experiment and a model without error would score.

    Raises:
        ValueError: if stimuli do not match, there is no such mapping, or folds have fewer training
            stimuli than components.

    Source: Naselaris, Kay, Nishimoto and Gallant 2011, NeuroImage 56:400; Schrimpf et al. 2018.

    >>> rng = np.random.default_rng(0)
    >>> stimuli = [f"s{n}" for n in range(40)]
    >>> model = Responses.from_counts(rng.poisson(5, (40, 3)), stimuli=stimuli, source="conv1")
    >>> brain = Responses.from_counts(2 * model.values[:, :2, 0], stimuli=stimuli, source="V4")
    >>> print(encoding(model, brain, seed=0).comparisons["conv1"])
    encoding of conv1 with V4 at [0, 1) s: 1.00 [1.00, 1.00], ceiling not known, 40 conditions
    """
    check_sides(predictors, "predictors")
    check_responses(target, "target")
    sides = {"": predictors} if isinstance(predictors, Responses) else dict(predictors)
    if not sides:
        raise ValueError("`predictors` must hold at least one layer; got none")
    first = next(iter(sides.values()))
    target = pair(first, target)[1]
    streams = spawn_seeds(seed, 5)
    measured = mean_patterns(target)
    n = len(measured)
    pairs = _fold_pairs(folds, n, streams[0])
    task = _Task(
        target,
        measured,
        pairs,
        _reliabilities(target, streams[1]),
        bootstrap_counts(n, n_bootstrap, streams[2]),
        permutations(n, n_permutations, streams[3]) if n_permutations else np.empty((0, n), int),
    )
    component_seed = int(streams[4].generate_state(1)[0])
    tables, predictions, comparisons = [], {}, {}
    for given, side in sides.items():
        name = given or population_name(side) or "model"
        patterns = mean_patterns(pair(first, side)[1])
        kept = None if n_components is None or patterns.shape[1] <= n_components else n_components
        estimator = _estimator(mapping, kept, pairs, component_seed)
        settings = {
            "mapping": mapping if isinstance(mapping, str) else type(mapping).__name__,
            "n_components": kept,
            "n_folds": len(pairs),
        }
        predictions[name] = predict_held_out(estimator, patterns, measured, pairs)
        r = fold_correlations(predictions[name], measured, task.pairs)
        tables.append(_unit_table(name, task, r, predictions[name]))
        comparison = _comparison(name, task, r, predictions[name], settings, seed)
        p = _permutation_p(comparison.score, estimator, patterns, task)
        comparisons[name] = replace(comparison, units=(side.n_units, target.n_units), p=p)
    table = pd.concat(tables, ignore_index=True)
    return Encoding(table, predictions, measured, first.stimuli, comparisons)


class _Task(NamedTuple):
    """What is the same for all models: targets, folds, reliabilities and what was drawn."""

    target: Responses
    measured: np.ndarray
    pairs: Folds
    reliability: np.ndarray
    counts: np.ndarray
    orders: np.ndarray


def predict_held_out(
    estimator: Any, patterns: np.ndarray, targets: np.ndarray, folds: Folds
) -> np.ndarray:
    """Targets of every stimulus, predicted by a map learned without it.

    Args:
        estimator: scikit-learn regressor; learns anew in each fold.
        patterns: (stimulus, feature).
        targets: (stimulus, target).
        folds: training and test positions; every stimulus is tested once.

    Returns:
        (stimulus, target).
    """
    import sklearn.base

    # Its annotations know clones of containers, and nothing of estimators.
    new: Any = sklearn.base.clone
    predicted = np.full(targets.shape, np.nan)
    for train, test in folds:
        fitted = new(estimator).fit(patterns[train], targets[train])
        predicted[test] = fitted.predict(patterns[test]).reshape(len(test), -1)
    return predicted


def fold_correlations(
    predicted: np.ndarray,
    measured: np.ndarray,
    folds: Folds,
    counts: np.ndarray | None = None,
) -> np.ndarray:
    """Mean over folds of the correlation of each target with its prediction.

    A prediction constant in a fold counts as 0 there. Were it left out, folds that learned from
    others would weigh more, and r of noise would be below 0.

    Args:
        predicted: (stimulus, target).
        measured: (stimulus, target).
        folds: training and test positions; correlations are over the latter.
        counts: (sample, stimulus) how often each counts; once when not given.

    Returns:
        (target,) or (sample, target) mean over the folds in which what was measured varies; NaN
        if it does in none.

    >>> predicted, measured = np.array([[1.0], [2], [9], [8]]), np.array([[1.0], [3], [1], [0]])
    >>> folds = [(np.array([2, 3]), np.array([0, 1])), (np.array([0, 1]), np.array([2, 3]))]
    >>> fold_correlations(predicted, measured, folds)
    array([1.])
    """
    weights = np.ones((1, len(predicted))) if counts is None else counts
    total = np.zeros((len(weights), predicted.shape[1]))
    n_defined = np.zeros_like(total)
    for _, test in folds:
        r = _weighted_correlations(predicted[test], measured[test], weights[:, test])
        defined = np.isfinite(r)
        total += np.where(defined, r, 0)
        n_defined += defined
    mean = np.where(n_defined > 0, total / np.maximum(n_defined, 1), np.nan)
    return mean[0] if counts is None else mean


def _weighted_correlations(
    predicted: np.ndarray, measured: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """(sample, target) correlations over stimuli that count several times or not at all.

    0 where the prediction is constant, NaN where what was measured is.
    """
    share = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1)
    # Centred first, so that moments of the samples lose no digits.
    own, other = (side - side.mean(axis=0) for side in (predicted, measured))
    means = share @ own, share @ other
    product = share @ (own * other) - means[0] * means[1]
    squares = [
        share @ np.square(side) - np.square(mean)
        for side, mean in zip((own, other), means, strict=True)
    ]
    rounding = [
        1e-12 * np.square(side).mean(axis=0) + np.finfo(float).tiny
        for side in (predicted, measured)
    ]
    varies = squares[0] > rounding[0], squares[1] > rounding[1]
    r = np.where(varies[1], 0, np.nan)
    scale = np.sqrt(np.abs(squares[0] * squares[1]))
    return np.divide(product, scale, out=r, where=varies[0] & varies[1])


def _fold_pairs(folds: Any, n: int, seed: np.random.SeedSequence) -> Folds:
    if isinstance(folds, int):
        if not 2 <= folds <= n // 4:
            raise ValueError(
                f"`folds` must be at least 2 and hold 4 of the {n} stimuli each; got {folds}"
            )
        order = np.random.default_rng(seed).permutation(n)
        tests = [np.sort(part) for part in np.array_split(order, folds)]
        return [(np.setdiff1d(np.arange(n), test), test) for test in tests]
    pairs = folds.split(np.empty((n, 0))) if hasattr(folds, "split") else folds
    pairs = [(np.asarray(train), np.asarray(test)) for train, test in pairs]
    if not np.array_equal(np.sort(np.concatenate([test for _, test in pairs])), np.arange(n)):
        raise ValueError("`folds` must test every stimulus exactly once")
    return pairs


def _reliabilities(target: Responses, seed: np.random.SeedSequence) -> np.ndarray:
    """(target,) reliabilities of units by bins; NaN without repetitions."""
    repeated = target.trials["stimulus"].value_counts().min() > 1
    found = []
    for start, stop in pairwise(target.edges):
        part = target.where(time=(start, stop))
        if repeated:
            found.append(unit_reliability(part, seed=seed)["reliability"].to_numpy())
        else:
            found.append(np.full(target.n_units, np.nan))
    return np.stack(found, axis=1).ravel()


def _estimator(mapping: Any, n_components: int | None, folds: Folds, seed: int) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline

    if isinstance(mapping, str):
        if mapping not in MAPPINGS:
            raise ValueError(f"`mapping` must be one of {list(MAPPINGS)}; got {mapping!r}")
        mapping = MAPPINGS[mapping]()
    if n_components is None:
        return mapping
    fewest = min(len(train) for train, _ in folds)
    if not 1 <= n_components <= fewest:
        raise ValueError(
            f"`n_components` must be 1 to {fewest}, the fewest training stimuli of a fold; "
            f"got {n_components}"
        )
    # Its solver is randomised where that is faster, exact where it is not.
    reduce = PCA(n_components, random_state=seed)
    return make_pipeline(reduce, mapping)


def _unit_table(name: str, task: _Task, r: np.ndarray, predicted: np.ndarray) -> pd.DataFrame:
    target, measured, reliability = task.target, task.measured, task.reliability
    errors = np.square(measured - predicted).sum(axis=0)
    spread = np.square(measured - measured.mean(axis=0)).sum(axis=0)
    varies = spread > 0
    positive = reliability > 0
    reachable = np.where(positive, reliability, np.nan)
    rows = np.repeat(np.arange(target.n_units), target.n_times)
    return target.units.iloc[rows].assign(
        model=name,
        time_start=np.tile(target.edges[:-1], target.n_units),
        time_stop=np.tile(target.edges[1:], target.n_units),
        n=len(measured),
        r=r,
        r2=np.where(varies, 1 - errors / np.where(varies, spread, 1), np.nan),
        reliability=reliability,
        ceiling=np.sqrt(reachable),
        explained=np.square(np.maximum(r, 0)) / reachable,
        status=np.select([np.isnan(r), ~positive], ["constant", "no_ceiling"], "ok"),
    )


def _comparison(
    name: str,
    task: _Task,
    r: np.ndarray,
    predicted: np.ndarray,
    settings: Mapping[str, Any],
    seed: int,
) -> Comparison:
    if np.isnan(r).all():
        raise ValueError(
            f"no unit can be scored: predictions from {name!r} or targets are constant"
        )
    score = float(np.nanmedian(r))
    samples = fold_correlations(predicted, task.measured, task.pairs, task.counts)
    samples = np.nanmedian(samples[~np.isnan(samples).all(axis=1)], axis=1)
    reach = stats.t.ppf((1 + _CONFIDENCE) / 2, len(predicted) - 1) * samples.std(ddof=1)
    known = task.reliability[task.reliability > 0]
    target = task.target
    return Comparison(
        "encoding",
        name,
        population_name(target) or "brain",
        score,
        (score - reach, score + reach),
        _CONFIDENCE,
        ceiling=(float(np.median(known)), float(np.median(np.sqrt(known)))) if len(known) else None,
        conditions=target.stimuli,
        time=(target.edges[0], target.edges[-1]) if target.time_unit == "s" else None,
        settings={**settings, "over": "stimuli", "n_targets_scored": int(np.isfinite(r).sum())},
        seed=seed,
        resamples=samples,
    )


def _permutation_p(score: float, estimator: Any, patterns: np.ndarray, task: _Task) -> float | None:
    if not len(task.orders):
        return None
    reached = 0
    for order in task.orders:
        shuffled = task.measured[order]
        predicted = predict_held_out(estimator, patterns, shuffled, task.pairs)
        r = fold_correlations(predicted, shuffled, task.pairs)
        reached += np.isnan(r).all() or np.nanmedian(r) >= score - 1e-12
    return (1 + int(reached)) / (1 + len(task.orders))
