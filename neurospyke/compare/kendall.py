"""Kendall's rank correlations: how often two vectors order a couple of values alike."""

import numpy as np
from scipy.stats import kendalltau, rankdata

from neurospyke.compare.vectors import Stack, compare_two


def tau_a(a: np.ndarray, b: np.ndarray) -> float:
    """τₐ = Σ_{p<q} sgn(a_p - a_q) sgn(b_p - b_q) / (n (n - 1) / 2).

    Couples tied in either vector count as nothing, so a model does not gain by predicting ties.
    The sum is a whole number and exact.

    Args:
        a: (pair,) dissimilarities.
        b: (pair,) dissimilarities of the same pairs.

    Returns:
        Correlation between -1 and 1; 0 for a constant vector.

    Raises:
        ValueError: if the vectors do not match or are not finite.

    Source: Kendall 1938, Biometrika 30:81; Nili et al. 2014, PLoS Computational
    Biology 10:e1003553.

    >>> tau_a(np.array([0.0, 0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0, 3.0]))
    0.8333333333333334
    """
    return compare_two(a, b, tau_a_similarities)


def tau_b(a: np.ndarray, b: np.ndarray) -> float:
    """τ_b: the sum of τₐ divided by √(couples untied in a x couples untied in b).

    Args:
        a: (pair,) dissimilarities.
        b: (pair,) dissimilarities of the same pairs.

    Returns:
        Correlation between -1 and 1.

    Raises:
        ValueError: if the vectors do not match, are not finite, or one is constant.

    Source: Kendall 1945, Biometrika 33:239.

    >>> round(tau_b(np.array([0.0, 0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0, 3.0])) ** 2, 12)
    0.833333333333
    """
    return compare_two(a, b, tau_b_similarities)


def tau_a_similarities(a: Stack, b: Stack) -> np.ndarray:
    """τₐ of every vector of one stack with every one of another.

    Args:
        a: (n, pair) finite dissimilarities.
        b: (m, pair) finite dissimilarities.

    Returns:
        (n, m) correlations.
    """
    return _agreements(a, b) / _couples(a.shape[1])


def tau_b_similarities(a: Stack, b: Stack) -> np.ndarray:
    """τ_b of every vector of one stack with every one of another.

    Args:
        a: (n, pair) finite dissimilarities.
        b: (m, pair) finite dissimilarities.

    Returns:
        (n, m) correlations.

    Raises:
        ValueError: if a vector is constant.
    """
    untied_a, untied_b = _untied(a), _untied(b)
    if not (untied_a.all() and untied_b.all()):
        raise ValueError(
            "the correlation is undefined: every dissimilarity of a vector is the same; "
            "use tau_a, another dissimilarity or more conditions"
        )
    lengths = np.sqrt(np.outer(untied_a, untied_b))
    return np.clip(_agreements(a, b) / lengths, -1.0, 1.0)


def _agreements(a: Stack, b: Stack) -> np.ndarray:
    """(n, m) couples ordered alike less couples ordered otherwise: whole numbers."""
    scale_a, scale_b = np.sqrt(_untied(a)), np.sqrt(_untied(b))
    ranks_a, ranks_b = _dense_ranks(a), _dense_ranks(b)
    agreements = np.zeros((len(a), len(b)))
    for row, ranks in enumerate(ranks_a):
        for column, others in enumerate(ranks_b):
            scale = scale_a[row] * scale_b[column]
            if scale:
                # scipy counts in whole numbers and divides at the end; rounding undoes that.
                agreements[row, column] = np.rint(kendalltau(ranks, others).statistic * scale)
    return agreements


def _dense_ranks(vectors: Stack) -> np.ndarray:
    # Short whole numbers sort several times as fast as float64.
    dtype = np.int16 if vectors.shape[1] < 2**15 else np.int32
    return np.array([rankdata(vector, method="dense") for vector in vectors], dtype=dtype)


def _couples(n: int) -> float:
    return n * (n - 1) / 2


def _untied(vectors: Stack) -> np.ndarray:
    """(n,) couples of different values."""
    tied = [
        (ties * (ties - 1) // 2).sum()
        for ties in (np.unique(vector, return_counts=True)[1] for vector in vectors)
    ]
    return _couples(vectors.shape[1]) - np.array(tied, dtype=np.float64)
