"""Vectors of dissimilarities: what every comparator asks of them before it compares."""

import math
from collections.abc import Callable

import numpy as np

Stack = np.ndarray


def compare_two(a: np.ndarray, b: np.ndarray, similarity: Callable[[Stack, Stack], Stack]) -> float:
    """Similarity of two vectors by a function of two stacks.

    Args:
        a: (pair,) dissimilarities.
        b: (pair,) dissimilarities of the same pairs.
        similarity: from stacks (n, pair) and (m, pair) to (n, m).

    Returns:
        The similarity.

    Raises:
        ValueError: if the vectors do not match or are not finite.
    """
    vectors = [np.asarray(vector, dtype=np.float64) for vector in (a, b)]
    if vectors[0].ndim != 1 or vectors[0].shape != vectors[1].shape or len(vectors[0]) < 2:
        raise ValueError(
            "`a` and `b` must be vectors over the same pairs, at least 2; "
            f"got shapes {vectors[0].shape} and {vectors[1].shape}"
        )
    for name, vector in zip("ab", vectors, strict=True):
        check_finite(vector, name)
    return float(similarity(vectors[0][None], vectors[1][None])[0, 0])


def check_finite(vector: np.ndarray, name: str) -> None:
    """Refuse NaN and infinity.

    Args:
        vector: any shape.
        name: the argument's name, for errors.

    Raises:
        ValueError: if a number is not finite.
    """
    if not np.isfinite(vector).all():
        raise ValueError(f"`{name}` must be finite; {(~np.isfinite(vector)).sum()} are not")


def count_conditions(n_pairs: int) -> int:
    """Number of conditions K whose pairs these are: K (K - 1) / 2.

    Args:
        n_pairs: length of a vector of dissimilarities.

    Returns:
        K.

    Raises:
        ValueError: if no K has so many pairs.

    >>> count_conditions(6)
    4
    """
    n_conditions = (1 + math.isqrt(1 + 8 * n_pairs)) // 2
    if n_conditions * (n_conditions - 1) // 2 != n_pairs:
        raise ValueError(
            "`a` and `b` must hold one dissimilarity for every pair of conditions; "
            f"no number of conditions has {n_pairs} pairs"
        )
    return n_conditions


def square(vectors: Stack) -> np.ndarray:
    """Square form of a stack: (n, pair) to (n, condition, condition), diagonals of zeros.

    Args:
        vectors: (n, pair) dissimilarities in the order of `numpy.triu_indices`.

    Returns:
        Symmetric matrices.

    >>> square(np.array([[1.0, 2.0, 3.0]]))[0]
    array([[0., 1., 2.],
           [1., 0., 3.],
           [2., 3., 0.]])
    """
    n_conditions = count_conditions(vectors.shape[-1])
    first, second = np.triu_indices(n_conditions, 1)
    matrices = np.zeros((len(vectors), n_conditions, n_conditions))
    matrices[:, first, second] = matrices[:, second, first] = vectors
    return matrices
