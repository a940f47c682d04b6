"""Decode a brain with what was learned from a model, and a model with what was learned from it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from neurospyke.compare.decoding import TrialSplits, decode
from neurospyke.compare.mapping import ridge
from neurospyke.compare.pairing import pair
from neurospyke.compare.patterns import mean_patterns
from neurospyke.compare.resample import spawn_seeds
from neurospyke.responses import Responses


def decode_across_sides(
    model: Responses,
    brain: Responses,
    label: str,
    *,
    decoder: Any = None,
    mapping: Any = None,
    folds: int = 5,
    n_shuffles: int = 0,
    seed: int,
) -> pd.DataFrame:
    """Train a decoder on one side and test it on the other, through a map learned on other stimuli.

    In each fold the stimuli fall in three parts: on the first a linear map from model to brain is
    learned, on the second a decoder, on the third it is tested. The model's patterns are mapped
    into the space of the brain's units throughout, so all four ways can be compared: within and
    across sides, both ways. What decodes across is what both sides share.

    Args:
        model: responses; bins lie side by side.
        brain: responses to the same stimuli, tested stimulus by stimulus on means over trials.
        label: column of `brain.trials`, the same in all trials of a stimulus, such as the object.
        decoder: a scikit-learn classifier; when not given as in `decode`.
        mapping: a scikit-learn regressor of many targets; ridge when not given.
        folds: number of random folds, stratified by label.
        n_shuffles: how often the model's stimuli are permuted before everything else; the mean
            accuracy of that is `control`.
        seed: whole number.

    Returns:
        One row a way: `train`, `test` ("model" or "brain"), `accuracy` (mean over folds),
        `chance`, `control` (NaN without shuffles), `n` (stimuli) and `n_folds`.

    Raises:
        ValueError: if stimuli do not match, a stimulus has several labels, or a label too few
            stimuli for the folds.

    Source: after the cross-decoding of Kriegeskorte and Diedrichsen 2019, Annual Review of
        Neuroscience 42:407; the map is that of `encoding`.
    """
    brain = pair(model, brain)[1].average()
    if label not in brain.trials:
        raise ValueError(f"{label!r} must be a column of `brain.trials`, constant in each stimulus")
    least = int(brain.trials[label].value_counts().min())
    if not 2 <= folds <= least or least < 3:
        raise ValueError(
            f"`folds` must be from 2 to the number of stimuli of every {label!r}, of which each "
            f"needs 3 or more; got {folds}, and one has {least}"
        )
    sides = mean_patterns(model), mean_patterns(brain)
    streams = spawn_seeds(seed, 1 + n_shuffles)
    learner = ridge() if mapping is None else mapping
    rows = []
    for shuffle, stream in enumerate(streams):
        rng = np.random.default_rng(stream)
        order = rng.permutation(len(sides[0])) if shuffle else np.arange(len(sides[0]))
        patterns = sides[0][order], sides[1]
        for mapped, train, test in _mapped(patterns, brain, label, learner, folds, rng):
            for way in _ways(mapped, brain, label, decoder, (train, test), seed):
                rows.append({"shuffle": shuffle, **way})
    table = pd.DataFrame(rows)
    observed = table[table["shuffle"] == 0].groupby(["train", "test"])["accuracy"].mean()
    control = table[table["shuffle"] > 0].groupby(["train", "test"])["accuracy"].mean()
    return observed.reset_index().assign(
        chance=1 / brain.trials[label].nunique(),
        control=control.reindex(observed.index).to_numpy(),
        n=brain.n_trials,
        n_folds=folds,
    )


def _mapped(
    patterns: tuple[np.ndarray, np.ndarray],
    brain: Responses,
    label: str,
    mapping: Any,
    folds: int,
    rng: np.random.Generator,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each fold the model in the space of the brain, and stimuli to decode from and to test."""
    import sklearn.base
    from sklearn.model_selection import StratifiedKFold, train_test_split

    # Its annotations know clones of containers, and nothing of estimators.
    new: Any = sklearn.base.clone
    labels = brain.trials[label].astype(str).to_numpy()
    seeds = rng.integers(2**31, size=2)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=int(seeds[0]))
    for learned, test in splitter.split(patterns[0], labels):
        mapping_part, train = train_test_split(
            learned, test_size=0.5, stratify=labels[learned], random_state=int(seeds[1])
        )
        fitted = new(mapping).fit(patterns[0][mapping_part], patterns[1][mapping_part])
        mapped = fitted.predict(patterns[0]).reshape(patterns[1].shape)
        yield mapped, np.asarray(train), np.asarray(test)


def _ways(
    mapped: np.ndarray,
    brain: Responses,
    label: str,
    decoder: Any,
    parts: tuple[np.ndarray, np.ndarray],
    seed: int,
) -> Iterator[dict[str, Any]]:
    sides = {"model": mapped, "brain": mean_patterns(brain)}
    train, test = parts
    n = len(train)
    splits = TrialSplits([(np.arange(n), np.arange(n, n + len(test)))])
    for trained, left in sides.items():
        for tested, right in sides.items():
            joined = replace(
                brain,
                values=np.concatenate([left[train], right[test]])[:, :, None],
                trials=brain.trials.iloc[np.concatenate([train, test])],
                units=pd.DataFrame({"unit": range(mapped.shape[1])}),
                edges=brain.edges[[0, -1]],
                measure="other",
            )
            found = decode(joined, label, decoder=decoder, splits=splits, seed=seed)
            yield {"train": trained, "test": tested, "accuracy": float(found.accuracy[0])}
