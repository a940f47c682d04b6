"""Bures: how well the centred products of two sets of patterns can be turned into each other."""

import numpy as np

from neurospyke.compare.vectors import Stack, compare_two, square


def bures(a: np.ndarray, b: np.ndarray) -> float:
    """Normalised Bures similarity: F / √(tr A tr B), F = ‖A^½ B^½‖_*, A = -½ H D_a H.

    D_a holds squared distances, so A holds the products of the centred patterns, and F is the sum
    of the singular values of the products between two sets of patterns: the best fit by a rotation.
    Directions of negative variance, which only noise or other dissimilarities give, count as none,
    in F and in the traces, so that an RDM always scores 1 with itself.

    Args:
        a: (pair,) squared distances, such as those of `euclidean_rdm` or `crossnobis_rdm`.
        b: (pair,) squared distances of the same pairs.

    Returns:
        Similarity between 0 and 1.

    Raises:
        ValueError: if the vectors do not match, are not finite, are no complete set of pairs, or
            have no variance.

    Source: Harvey, Larsen and Williams 2024, NeurIPS workshop on unifying representations, 2.2.

    Patterns at 0 and 1 on a line have the shape of those at 0 and 3:

    >>> round(bures(np.array([1.0, 4.0, 1.0]), np.array([9.0, 36.0, 9.0])), 12)
    1.0
    """
    return compare_two(a, b, bures_similarities)


def squared_bures_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Squared Bures distance: tr A + tr B - 2 F, with A, B and F of `bures`.

    A distance, not a similarity: 0 for the same shape and size, in the unit of the squared
    distances.

    Args:
        a: (pair,) squared distances.
        b: (pair,) squared distances of the same pairs.

    Returns:
        Distance of 0 or more.

    Raises:
        ValueError: as for `bures`.

    Source: Harvey, Larsen and Williams 2024, NeurIPS workshop on unifying representations, 2.2.

    >>> round(squared_bures_distance(np.array([1.0, 4.0, 1.0]), np.array([9.0, 36.0, 9.0])), 12)
    8.0
    """
    return compare_two(a, b, squared_bures_distances)


def bures_similarities(a: Stack, b: Stack) -> np.ndarray:
    """Bures similarity of every vector of one stack with every one of another.

    Args:
        a: (n, pair) finite squared distances.
        b: (m, pair) finite squared distances.

    Returns:
        (n, m) similarities.

    Raises:
        ValueError: as for `bures`.
    """
    fidelities, traces_a, traces_b = _fidelities(a, b)
    if not ((traces_a > 0).all() and (traces_b > 0).all()):
        raise ValueError("the similarity is undefined: the patterns have no variance")
    return np.clip(fidelities / np.sqrt(np.outer(traces_a, traces_b)), 0.0, 1.0)


def squared_bures_distances(a: Stack, b: Stack) -> np.ndarray:
    """Squared Bures distance of every vector of one stack with every one of another.

    Args:
        a: (n, pair) finite squared distances.
        b: (m, pair) finite squared distances.

    Returns:
        (n, m) distances.

    Raises:
        ValueError: as for `bures`.
    """
    fidelities, traces_a, traces_b = _fidelities(a, b)
    return np.maximum(np.add.outer(traces_a, traces_b) - 2 * fidelities, 0.0)


def _fidelities(a: Stack, b: Stack) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """F of all a with all b, and the traces of both."""
    (roots_a, traces_a), (roots_b, traces_b) = _roots(a), _roots(b)
    fidelities = [
        np.linalg.svd(root.T @ roots_b, compute_uv=False).sum(axis=-1) for root in roots_a
    ]
    return np.array(fidelities), traces_a, traces_b


def _roots(vectors: Stack) -> tuple[np.ndarray, np.ndarray]:
    """Roots X of all A, with A = X Xᵀ, and their traces."""
    matrices = -0.5 * square(vectors)
    matrices -= matrices.mean(axis=1, keepdims=True)
    matrices -= matrices.mean(axis=2, keepdims=True)
    variances, directions = np.linalg.eigh(matrices)
    # The root of a rounding error of 1e-16 would be 1e-8.
    rounding = 1e-14 * np.abs(variances).max(axis=1, keepdims=True) * variances.shape[1]
    variances = np.where(variances > rounding, variances, 0.0)
    return directions * np.sqrt(variances)[:, None, :], variances.sum(axis=1)
