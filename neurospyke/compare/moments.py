"""Representational similarity without an RDM, for more stimuli than pairs can be kept of.

Sums over all pairs of products of squared Euclidean distances follow from second moments of the
patterns, so that K stimuli cost K, not K².
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from neurospyke.compare.comparators import check_comparator
from neurospyke.compare.pairing import pair
from neurospyke.compare.patterns import mean_patterns
from neurospyke.responses import Responses

_COLUMNS = 1024
_COMPARATORS = ("cosine", "pearson", "whitened_cosine")


class _Side(NamedTuple):
    """Centred patterns (condition, feature) and the square of the length of each."""

    patterns: np.ndarray
    squares: np.ndarray


def euclidean_similarities(
    models: Sequence[Responses],
    brains: Sequence[Responses],
    comparator: str = "cosine",
    *,
    missing: str = "error",
) -> np.ndarray:
    """Similarity of the Euclidean RDMs of all models with those of all brains, without the RDMs.

    With centred patterns X and Y, s_i = |x_i|², t_i = |y_i|² and D of `euclidean_rdm` times P,
    Σ_{i≠j} D D' = 2 K Σ s t + 2 Σ s Σ t + 4 |Xᵀ Y|² and Σ_{i≠j} D = 2 K Σ s give the cosine and
    Pearson's correlation; |Xᵀ Y|² / (|Xᵀ X| |Yᵀ Y|) is the whitened cosine.

    Args:
        models: (trial, unit, time) responses of models.
        brains: responses of brains; conditions are paired by label.
        comparator: "cosine", "pearson" or "whitened_cosine".
        missing: "error" refuses a label that one side lacks; "drop" keeps the shared labels.

    Returns:
        (model, brain) similarities, equal to those of the RDMs but for rounding.

    Raises:
        ValueError: if there is no such comparator, labels do not match, or a side does not vary.

    Source: expansion of the sums; for the whitened cosine Diedrichsen et al. 2021, Neurons,
    Behavior, Data Analysis and Theory 5(3).

    Distances of 1, 4, 1 and of 1, 1, 0:

    >>> model = Responses.from_counts(np.array([[0], [1], [2]]), stimuli=list("abc"))
    >>> brain = Responses.from_counts(np.array([[0], [1], [1]]), stimuli=list("abc"))
    >>> (euclidean_similarities([model], [brain]) ** 2 * 36).round(9)
    array([[25.]])
    """
    check_comparator(comparator, _COMPARATORS)
    similarities = np.empty((len(models), len(brains)))
    for column, brain in enumerate(brains):
        known: tuple[Responses, _Side] | None = None
        for row, model in enumerate(models):
            first, second = pair(model, brain, missing)
            if known is None or known[0] is not second:
                known = second, _side(second)
            similarities[row, column] = _similarity(_side(first), known[1], comparator)
    return np.clip(similarities, -1.0, 1.0)


def _side(responses: Responses) -> _Side:
    patterns = mean_patterns(responses)
    patterns -= patterns.mean(axis=0)
    return _Side(patterns, np.einsum("kp,kp->k", patterns, patterns))


def _similarity(a: _Side, b: _Side, comparator: str) -> float:
    lengths = _products(a, a, comparator) * _products(b, b, comparator)
    if not lengths > 0:
        raise ValueError("the similarity is undefined: the responses of a side never vary")
    return _products(a, b, comparator) / lengths**0.5


def _products(a: _Side, b: _Side, comparator: str) -> float:
    """Σ over ordered pairs of D_a D_b, less that of their means, or of the centred products."""
    cross = 0.0
    for start in range(0, a.patterns.shape[1], _COLUMNS):
        block = a.patterns[:, start : start + _COLUMNS].T @ b.patterns
        cross += float(np.vdot(block, block))
    if comparator == "whitened_cosine":
        return cross
    n = len(a.squares)
    total_a, total_b = float(a.squares.sum()), float(b.squares.sum())
    products = 2 * n * float(a.squares @ b.squares) + 2 * total_a * total_b + 4 * cross
    if comparator == "pearson":
        products -= 4 * n * total_a * total_b / (n - 1)
    return products
