"""Scores of bootstrap samples of the stimuli, computed by weights instead of by resampling."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from scipy.spatial.distance import squareform

_NEGLIGIBLE = 1e-12


def bootstrap_scores(
    model: np.ndarray, brains: np.ndarray, counts: np.ndarray, comparator: str
) -> np.ndarray:
    """Score of every bootstrap sample: the pair (i, j) weighs c_i c_j.

    Copies of one stimulus make no pair with each other, so a sample is scored exactly as if its
    stimuli had been drawn and the pairs of copies masked. Ranks are mid-ranks among the weighted
    pairs: with G the weight of all smaller dissimilarities, T that of the tied ones and N that of
    all, a mid-rank less the mean rank is G + T/2 - N/2.

    Args:
        model: (pair,) dissimilarities.
        brains: (subject, pair) dissimilarities of the same pairs; the score is the mean over
            subjects.
        counts: (sample, condition) how often each stimulus was drawn.
        comparator: "cosine", "pearson", "spearman" or "rho_a".

    Returns:
        (sample,) scores; NaN for a sample of fewer than 3 different stimuli, or one in which the
        score is undefined.

    Source: Schütt et al. 2023, eLife 12:e82566, who draw the stimuli themselves.

    >>> model, brain = np.array([1.0, 2.0, 3.0]), np.array([[1.0, 2.0, 4.0]])
    >>> bootstrap_scores(model, brain, np.array([[1, 1, 1], [3, 0, 0]]), "spearman")
    array([ 1., nan])
    """
    weights = np.asarray(counts, dtype=np.float64)
    scores = np.full(len(weights), np.nan)
    usable = (weights > 0).sum(axis=1) >= 3
    if usable.any():
        scores[usable] = _WEIGHTED[comparator](model, brains, weights[usable])
    return scores


def _cosine(model: np.ndarray, brains: np.ndarray, counts: np.ndarray) -> np.ndarray:
    squares = _pair_sums(model * model, counts)
    scores = []
    for brain in brains:
        lengths = squares * _pair_sums(brain * brain, counts)
        scores.append(_pair_sums(model * brain, counts) / np.sqrt(_positive(lengths, lengths)))
    return np.mean(scores, axis=0)


def _pearson(model: np.ndarray, brains: np.ndarray, counts: np.ndarray) -> np.ndarray:
    # The correlation does not feel a shift, and sums of centred values lose no digits.
    model, brains = model - model.mean(), brains - brains.mean(axis=1, keepdims=True)
    total = _pair_sums(np.ones_like(model), counts)
    sums, squares = _pair_sums(model, counts), _pair_sums(model * model, counts)
    scores = []
    for brain in brains:
        brain_sums, brain_squares = _pair_sums(brain, counts), _pair_sums(brain * brain, counts)
        products = _pair_sums(model * brain, counts) - sums * brain_sums / total
        variance = _positive(squares - sums**2 / total, squares)
        brain_variance = _positive(brain_squares - brain_sums**2 / total, brain_squares)
        scores.append(products / np.sqrt(variance * brain_variance))
    return np.mean(scores, axis=0)


def _spearman(model: np.ndarray, brains: np.ndarray, counts: np.ndarray) -> np.ndarray:
    def score(weights: np.ndarray, ranks: np.ndarray, brain_ranks: np.ndarray) -> float:
        weighted = weights * ranks
        squares = np.dot(weighted, ranks) * np.dot(weights * brain_ranks, brain_ranks)
        return np.dot(weighted, brain_ranks) / np.sqrt(squares) if squares > 0 else np.nan

    return _scores_of_ranks(model, brains, counts, score)


def _rho_a(model: np.ndarray, brains: np.ndarray, counts: np.ndarray) -> np.ndarray:
    def score(weights: np.ndarray, ranks: np.ndarray, brain_ranks: np.ndarray) -> float:
        total = weights.sum()
        return 12 * np.dot(weights * ranks, brain_ranks) / (total**3 - total)

    return _scores_of_ranks(model, brains, counts, score)


_WEIGHTED: Mapping[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = (
    MappingProxyType(
        {"cosine": _cosine, "pearson": _pearson, "spearman": _spearman, "rho_a": _rho_a}
    )
)


def _positive(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The values, NaN where they are nothing but rounding."""
    return np.where(values > _NEGLIGIBLE * scale, values, np.nan)


def _pair_sums(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Σ_{i<j} c_i c_j v_ij of every sample, from one product with the square form of v."""
    square = squareform(values, checks=False)
    return np.einsum("sc,sc->s", counts @ square, counts) / 2


def _scores_of_ranks(
    model: np.ndarray,
    brains: np.ndarray,
    counts: np.ndarray,
    score: Callable[[np.ndarray, np.ndarray, np.ndarray], float],
) -> np.ndarray:
    first, second = np.triu_indices(counts.shape[1], 1)
    groups = _tie_groups(model)
    brain_groups = [_tie_groups(brain) for brain in brains]
    scores = np.empty((len(counts), len(brains)))
    for sample, draws in enumerate(counts):
        weights = draws[first] * draws[second]
        ranks = _centred_ranks(weights, groups)
        for subject, each in enumerate(brain_groups):
            scores[sample, subject] = score(weights, ranks, _centred_ranks(weights, each))
    return scores.mean(axis=1)


def _tie_groups(values: np.ndarray) -> np.ndarray:
    """(pair,) number of the different values below each value."""
    return np.unique(values, return_inverse=True)[1]


def _centred_ranks(weights: np.ndarray, groups: np.ndarray) -> np.ndarray:
    ties = np.bincount(groups, weights=weights)
    up_to = np.cumsum(ties)
    return (up_to - (ties + up_to[-1]) / 2)[groups]
