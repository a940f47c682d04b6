"""Decoding: what can be read from a population, in each time bin, and across time."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from neurospyke.compare.cluster import cluster_p_values
from neurospyke.compare.pseudotrials import (
    Labelled,
    Sessions,
    Task,
    draw_trials,
    exchange_labels,
    make_task,
)
from neurospyke.compare.resample import spawn_seeds

Indices = Iterable[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class TrialSplits:
    """How trials are divided into those a decoder learns from and those it is tested on.

    In each training set all classes have equally many trials: the surplus is left out at random.

    Args:
        folds: number of stratified random folds, a scikit-learn splitter (given the blocks as
                groups), or a list of pairs of training and test positions.
        block: column of `trials`; trials of one block are never on both sides.
        n_repeats: how often everything random is drawn anew, and averaged.
        independent_units: join the trials of different units at random within label and block,
            which takes noise correlations out; done for units of different sessions in any case.
        n_trials: keep so many trials of every label (in every block) at most, drawn at random.

    Raises:
        ValueError: if a number is too small.
    """

    folds: Any = 5
    block: str | None = None
    n_repeats: int = 1
    independent_units: bool = False
    n_trials: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.folds, int) and self.folds < 2:
            raise ValueError(f"`folds` must be at least 2; got {self.folds}")
        if self.n_repeats < 1:
            raise ValueError(f"`n_repeats` must be at least 1; got {self.n_repeats}")
        if self.n_trials is not None and self.n_trials < 2:
            raise ValueError(f"`n_trials` must be at least 2; got {self.n_trials}")


@dataclass(frozen=True, eq=False)
class Decoding:
    """How well classes were told apart in trials the decoder had not seen.

    Args:
        scores: (fold, time) or, across time, (fold, training time, test time): mean over classes
            of the share of their trials named correctly; folds of all repeats.
        confusion: (time, true class, named class) numbers of trials, trained and tested at the
            same time, over all folds.
        classes: names of the classes.
        held_out: (fold,) the block tested, where it is one; else empty.
        edges: (time + 1,) bin edges.
        null: (permutation, time[, test time]) mean scores under exchanged labels.
        label: column of `trials` that was decoded.
        settings: decoder, splits and the other choices.
        seed: what everything random was drawn from.
    """

    scores: np.ndarray
    confusion: np.ndarray
    classes: tuple[str, ...]
    held_out: tuple[str, ...]
    edges: np.ndarray
    null: np.ndarray
    label: str
    settings: Mapping[str, object] = field(default_factory=dict)
    seed: int | None = None

    def __repr__(self) -> str:
        tested = f", {len(self.null)} permutations" if len(self.null) else ""
        return (
            f"Decoding({self.label} of {len(self.classes)} classes in {len(self.edges) - 1} bins "
            f"over [{self.edges[0]:g}, {self.edges[-1]:g}): at best {self.accuracy.max():.2f}, "
            f"chance {self.chance:.2f}, {len(self.scores)} folds{tested})"
        )

    @property
    def accuracy(self) -> np.ndarray:
        """(time,) or (training time, test time) mean over folds."""
        return self.scores.mean(axis=0)

    @property
    def chance(self) -> float:
        """One over the number of classes."""
        return 1 / len(self.classes)

    def p_values(self, threshold_p: float = 0.05) -> dict[str, np.ndarray]:
        """P values of every cell under exchanged labels, one-sided.

        `p` is of the cell by itself, (1 + n(null >= score)) / (1 + n). `p_max` compares with the
        largest excess over chance anywhere, `p_cluster` the mass of a cluster with the largest of
        each permutation; both hold the error for all cells together.

        Args:
            threshold_p: share of chance scores above the threshold of a cell in a cluster.

        Returns:
            `p`, `p_max` and `p_cluster`, each of the shape of `accuracy`.

        Raises:
            ValueError: if there are no permutations.

        Source: Nichols and Holmes 2002, Human Brain Mapping 15:1; Maris and Oostenveld 2007.
        """
        if not len(self.null):
            raise ValueError("p values need permutations: pass `n_permutations` to `decode`")
        observed, null = self.accuracy, self.null
        # Equal shares of trials, summed in another order, are equal.
        reached = null >= observed - 1e-12
        largest = null.reshape(len(null), -1).max(axis=1)
        every = np.concatenate([observed[None], null])
        threshold = np.quantile(every, 1 - threshold_p, axis=0)
        largest = largest.reshape(-1, *(1,) * observed.ndim)
        return {
            "p": (1 + reached.sum(axis=0)) / (1 + len(null)),
            "p_max": (1 + (largest >= observed - 1e-12).sum(axis=0)) / (1 + len(null)),
            "p_cluster": cluster_p_values(observed, null, threshold, observed.ndim),
        }

    def to_frame(self, threshold_p: float = 0.05) -> pd.DataFrame:
        """Tidy table, one row a cell.

        Args:
            threshold_p: as in `p_values`.

        Returns:
            `time_start`, `time_stop` (of training, if tested at others: then also `test_start`
            and `test_stop`), `accuracy`, `chance`, `n_folds`, `n_classes`, and the p values, NaN
            where there are no permutations.
        """
        bins = list(pairwise(self.edges))
        columns = ["time_start", "time_stop"]
        rows = bins
        if self.accuracy.ndim == 2:
            columns += ["test_start", "test_stop"]
            rows = [(*train, *test) for train in bins for test in bins]
        table = pd.DataFrame(rows, columns=columns)
        absent = dict.fromkeys(("p", "p_max", "p_cluster"), np.full(len(table), np.nan))
        p = self.p_values(threshold_p) if len(self.null) else absent
        return table.assign(
            accuracy=self.accuracy.ravel(),
            chance=self.chance,
            n_folds=len(self.scores),
            n_classes=len(self.classes),
            **{name: values.ravel() for name, values in p.items()},
        )


def decode(
    responses: Sessions,
    label: str = "stimulus",
    *,
    decoder: Any = None,
    splits: TrialSplits | None = None,
    across_time: bool = False,
    n_permutations: int = 0,
    n_jobs: int = 1,
    seed: int,
) -> Decoding:
    """Decode labels from single trials, bin by bin, and from each bin in all others.

    Units of several sessions, recorded at different times, are decoded as a pseudopopulation:
    their trials are joined at random within label and block, anew in each repeat. Whatever the
    decoder learns, means and variances of a pipeline's scaler too, it learns from training trials.

    Args:
        responses: (trial, unit, time) responses, or several by the name of their session.
        label: column of `trials` to decode.
        decoder: a scikit-learn classifier; when not given, units are z-scored and the mean
            pattern that correlates best decides (`CorrelationDecoder`).
        splits: of the trials; five stratified folds when not given.
        across_time: test a decoder trained in one bin in every bin.
        n_permutations: how often the labels are exchanged to learn what chance scores: within
            blocks, or between whole blocks that have one label each.
        n_jobs: number of processes that share the folds.
        seed: whole number.

    Returns:
        Scores, confusions and what permutations gave.

    Raises:
        ValueError: if a column is missing, sessions do not fit, or a class is missing in training.

    Source:
        Meyers and Kreiman 2011, Tutorial on pattern classification in cell recording; King and
        Dehaene 2014, Trends in Cognitive Sciences 18:203 (across time).

    >>> from neurospyke.responses import Responses
    >>> counts = np.array([[0, 4, 1], [0, 5, 1], [3, 0, 1], [4, 0, 1]])
    >>> responses = Responses.from_counts(counts, stimuli=["a", "a", "b", "b"])
    >>> decode(responses, splits=TrialSplits(folds=2), seed=0).accuracy
    array([1.])
    """
    splits = splits or TrialSplits()
    if n_permutations < 0:
        raise ValueError(f"`n_permutations` must be 0 or more; got {n_permutations}")
    task = make_task(responses, label, splits.block)
    estimator = _default_decoder() if decoder is None else decoder
    found: list[list[_Fold]] = [[] for _ in range(1 + n_permutations)]
    held_out: list[str] = []
    plan = _plan(task, splits, n_permutations, seed, held_out)
    for run, fold in _run(plan, estimator, across_time, n_jobs):
        found[run].append(fold)
        if run:
            # Only the scores of permutations are kept.
            found[run][-1] = fold._replace(confusion=np.empty(0))
    scores = np.array([fold.scores for fold in found[0]])
    null = [np.mean([fold.scores for fold in folds], axis=0) for folds in found[1:]]
    return Decoding(
        scores,
        np.sum([fold.confusion for fold in found[0]], axis=0),
        task.classes,
        tuple(held_out),
        task.edges,
        np.array(null).reshape(n_permutations, *scores.shape[1:]),
        label,
        {"decoder": " ".join(repr(estimator).split()), **vars(splits), "across_time": across_time},
        int(seed),
    )


class _Work(NamedTuple):
    """A fold of a run; run 0 has the labels as they are."""

    run: int
    trials: Labelled
    train: np.ndarray
    test: np.ndarray


class _Fold(NamedTuple):
    scores: np.ndarray
    confusion: np.ndarray


def _default_decoder() -> Any:
    # scikit-learn takes a second to import, which everything else can do without.
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from neurospyke.compare.correlation_decoder import CorrelationDecoder

    return make_pipeline(StandardScaler(), CorrelationDecoder())


def _plan(
    task: Task, splits: TrialSplits, n_permutations: int, seed: int, held_out: list[str]
) -> Iterator[_Work]:
    """Every fold of every run.

    Labels are exchanged once a permutation, in all its repeats alike: repeats of one labelling do
    not differ as permutations do, and their mean varies more.
    """
    for run, stream in enumerate(spawn_seeds(seed, 1 + n_permutations)):
        rng = np.random.default_rng(stream)
        exchanged = task
        if run:
            exchanged = task._replace(
                sessions=tuple(exchange_labels(each, rng) for each in task.sessions)
            )
        for _ in range(splits.n_repeats):
            trials = draw_trials(exchanged, rng, splits.independent_units, splits.n_trials)
            for train, test in _split(trials, splits, rng):
                if not run:
                    blocks = np.unique(trials.blocks[test]) if task.blocks else []
                    held_out.append(task.blocks[blocks[0]] if len(blocks) == 1 else "")
                chosen = _balanced(trials.labels, train, task.classes, rng)
                yield _Work(run, trials, chosen, np.asarray(test))


def _split(trials: Labelled, splits: TrialSplits, rng: np.random.Generator) -> Indices:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    folds: Any = splits.folds
    if isinstance(folds, int):
        kind: Any = StratifiedKFold if splits.block is None else StratifiedGroupKFold
        folds = kind(folds, shuffle=True, random_state=int(rng.integers(2**31)))
    if not hasattr(folds, "split"):
        return folds
    groups = None if splits.block is None else trials.blocks
    return folds.split(np.empty((len(trials.labels), 0)), trials.labels, groups)


def _balanced(
    labels: np.ndarray, train: np.ndarray, classes: tuple[str, ...], rng: np.random.Generator
) -> np.ndarray:
    train = np.asarray(train)
    counts = np.bincount(labels[train], minlength=len(classes))
    if counts.min() == 0:
        absent = [classes[each] for each in np.flatnonzero(counts == 0)[:10]]
        raise ValueError(f"every class must be among the training trials; {absent} are not")
    if counts.min() == counts.max():
        return train
    kept = [
        rng.permutation(train[labels[train] == each])[: counts.min()] for each in range(len(counts))
    ]
    return np.sort(np.concatenate(kept))


def _run(plan: Iterator[_Work], decoder: Any, across_time: bool, n_jobs: int) -> Iterator[Any]:
    from joblib import Parallel, delayed

    if n_jobs == 1:
        for work in plan:
            yield _decode_fold(work, decoder, across_time)
        return
    jobs = (delayed(_decode_fold)(work, decoder, across_time) for work in plan)
    yield from Parallel(n_jobs=n_jobs, return_as="generator")(jobs)


def _decode_fold(work: _Work, decoder: Any, across_time: bool) -> tuple[int, _Fold]:
    import sklearn.base

    # Its annotations know clones of containers, and nothing of estimators.
    new: Any = sklearn.base.clone
    run, trials, train, test = work
    n_times, n_classes = trials.values.shape[2], int(trials.labels.max()) + 1
    learned, truth = trials.labels[train], trials.labels[test]
    tested = np.moveaxis(trials.values[test], 2, 0).astype(np.float64)
    scores = np.empty((n_times, n_times) if across_time else n_times)
    confusion = np.zeros((n_times, n_classes, n_classes), dtype=np.int64)
    weights = 1 / np.bincount(truth, minlength=n_classes)[truth]
    weights /= weights.sum()
    for time in range(n_times):
        patterns = trials.values[train, :, time].astype(np.float64)
        fitted = new(decoder).fit(patterns, learned)
        shown = tested if across_time else tested[time : time + 1]
        named = fitted.predict(shown.reshape(-1, shown.shape[2])).reshape(len(shown), -1)
        right = (named == truth) @ weights
        scores[time] = right if across_time else right[0]
        np.add.at(confusion[time], (truth, named[time if across_time else 0]), 1)
    return run, _Fold(scores, confusion)
