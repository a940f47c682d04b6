"""Dissimilarity as discrimination: how well two conditions can be told apart from single trials."""

from collections.abc import Callable
from typing import Any

import numpy as np

from neurospyke.compare.crossvalidated import cells_of
from neurospyke.compare.distances import make_rdm
from neurospyke.compare.rdm import RDM
from neurospyke.responses import Responses


def _shrunk_discriminant() -> Any:
    # scikit-learn takes a second to import, which all other dissimilarities can do without.
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


def decoding_rdm(
    responses: Responses,
    *,
    classifier: Callable[[], Any] = _shrunk_discriminant,
    fold: str = "repetition",
) -> RDM:
    """Accuracy with which a classifier tells two conditions apart in trials it has not seen.

    D_ij is the mean over both conditions of the share of their trials classified correctly, leaving
    out one fold after another: 0.5 by chance, 1 where they never are confused.

    Args:
        responses: (trial, unit, time) responses, each condition in at least 2 folds.
        classifier: makes a new scikit-learn classifier; a linear discriminant with Ledoit and
            Wolf's shrinkage when not given.
        fold: column of `trials` that says which trials share noise.

    Returns:
        RDM of accuracies between 0 and 1.

    Raises:
        ValueError: if a condition is in one fold only.

    Source: Cichy, Pantazis and Oliva 2014, Nature Neuroscience 17:455.

    >>> counts = np.array([[[0, 1, 0, 2], [9, 8, 9, 7]]])  # one unit, two stimuli
    >>> responses = Responses.from_counts(counts, stimuli=["a", "b"])
    >>> decoding_rdm(responses).values
    array([1.])
    """
    cells_of(responses, fold)
    features = responses.values.reshape(responses.n_trials, -1).astype(np.float64)
    labels = responses.trials["stimulus"].to_numpy()
    folds = responses.trials[fold].to_numpy()
    stimuli = responses.stimuli
    values = [
        _accuracy(classifier(), features, labels, folds, (first, second))
        for row, first in enumerate(stimuli)
        for second in stimuli[row + 1 :]
    ]
    return make_rdm(responses, np.array(values), "decoding accuracy")


def _accuracy(
    classifier: Any,
    features: np.ndarray,
    labels: np.ndarray,
    folds: np.ndarray,
    pair: tuple[str, str],
) -> float:
    from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict

    chosen = np.isin(labels, pair)
    truth = labels[chosen] == pair[1]
    predicted = cross_val_predict(
        classifier, features[chosen], truth, groups=folds[chosen], cv=LeaveOneGroupOut()
    )
    return float(np.mean([np.mean(predicted[truth == side] == side) for side in (False, True)]))
