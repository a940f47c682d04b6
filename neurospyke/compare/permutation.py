"""Label permutation: how high would models score if stimuli had one another's names?"""

import numpy as np
from scipy.spatial.distance import squareform

from neurospyke.compare.comparators import NORMALIZATIONS, compare_rdms
from neurospyke.compare.products import FORMS

_ROUNDING = 1e-12


def label_permutation(
    models: np.ndarray, brains: np.ndarray, comparator: str, orders: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and their p values under permutation of the stimuli.

    Rows and columns of the brains' RDMs are permuted together, in all subjects alike;
    p = (1 + n(permuted >= score)) / (1 + n), ties by rounding counted as such.

    Args:
        models: (model, pair) dissimilarities.
        brains: (subject, pair) dissimilarities.
        comparator: a name in `BOOTSTRAPPED`.
        orders: (permutation, condition) positions.

    Returns:
        (model,) scores, means over subjects, and (model,) one-sided p values.

    Raises:
        ValueError: if a similarity is undefined.

    Source: Kriegeskorte, Mur and Bandettini 2008, Frontiers in Systems Neuroscience 2:4.

    >>> model, brain = np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 2.0, 3.0]])
    >>> label_permutation(model, brain, "cosine", np.array([[0, 1, 2], [2, 1, 0]]))[1]
    array([0.66666667])
    """
    if comparator in NORMALIZATIONS or comparator in FORMS:
        scores, null = _by_products(models, brains, comparator, orders)
    else:
        scores, null = _by_comparing(models, brains, comparator, orders)
    threshold = scores - _ROUNDING * np.maximum(1.0, np.abs(scores))
    return np.clip(scores, -1.0, 1.0), (1 + (null >= threshold).sum(axis=0)) / (1 + len(orders))


def _by_products(
    models: np.ndarray, brains: np.ndarray, comparator: str, orders: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    own = _unit_squares(models, comparator).reshape(len(models), -1)
    pool = _unit_squares(brains, comparator).mean(axis=0)
    null = np.empty((len(orders), len(models)))
    for row, order in enumerate(orders):
        null[row] = own @ pool[order[:, None], order].ravel()
    return own @ pool.ravel(), null


def _unit_squares(vectors: np.ndarray, comparator: str) -> np.ndarray:
    """(vector, condition, condition) square forms whose products are similarities."""
    if comparator in NORMALIZATIONS:
        units = NORMALIZATIONS[comparator](vectors) / np.sqrt(2)
        return np.array([squareform(unit, checks=False) for unit in units])
    if FORMS[comparator].centred:
        vectors = vectors - vectors.mean(axis=1, keepdims=True)
    squares = np.array([squareform(vector, checks=False) for vector in vectors])
    squares -= squares.mean(axis=1, keepdims=True)
    squares -= squares.mean(axis=2, keepdims=True)
    return squares / np.linalg.norm(squares, axis=(1, 2), keepdims=True)


def _by_comparing(
    models: np.ndarray, brains: np.ndarray, comparator: str, orders: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    squares = np.array([squareform(brain, checks=False) for brain in brains])
    rows, columns = np.triu_indices(orders.shape[1], 1)
    null = np.empty((len(orders), len(models)))
    for row, order in enumerate(orders):
        permuted = squares[:, order[rows], order[columns]]
        null[row] = compare_rdms(models, permuted, comparator).mean(axis=1)
    return compare_rdms(models, brains, comparator).mean(axis=1), null
