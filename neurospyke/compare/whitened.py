"""Comparators that know that dissimilarities sharing a condition share its noise.

With patterns of independent noise, the estimates of two distances that share a condition are
correlated. Their covariance is V = (C Σ Cᵀ)∘², with C the contrasts of all pairs of conditions and
Σ the (condition, condition) covariance of the noise of the patterns. For distances between
patterns, aᵀ V⁻¹ b has a closed form that needs no (pair, pair) matrix: with W any root of Σ⁻¹,
u = W 1, Q = W - u (uᵀ W) / (uᵀ u) and A = -½ Q D_a Qᵀ, it is proportional to Σ A ∘ B.
"""

import numpy as np
from scipy.linalg import solve_triangular

from neurospyke.compare.vectors import Stack, compare_two, count_conditions, square


def whitened_cosine(a: np.ndarray, b: np.ndarray, *, covariance: np.ndarray | None = None) -> float:
    """Whitened cosine: aᵀ V⁻¹ b / √(aᵀ V⁻¹ a · bᵀ V⁻¹ b), V = (C Σ Cᵀ)∘².

    For squared Euclidean distances and Σ the identity it is the linear centred kernel alignment
    of the patterns.

    Args:
        a: (pair,) dissimilarities.
        b: (pair,) dissimilarities of the same pairs.
        covariance: Σ, (condition, condition), or (condition,) variances of independent noise;
            the identity when not given.

    Returns:
        Similarity between -1 and 1.

    Raises:
        ValueError: if the vectors do not match, are not finite, are no complete set of pairs, or
            are all zeros; if Σ is not positive definite.

    Source: Diedrichsen et al. 2021, Neurons, Behavior, Data Analysis and Theory 5(3), equation 15.

    Patterns at 0, 1, 2 and at 0, 1, 1 on a line have centred products of 2, 2/3 and 1:

    >>> round(whitened_cosine(np.array([1.0, 4.0, 1.0]), np.array([1.0, 1.0, 0.0])), 12)
    0.75
    """
    return compare_two(a, b, lambda x, y: whitened_cosines(x, y, covariance))


def whitened_pearson(
    a: np.ndarray, b: np.ndarray, *, covariance: np.ndarray | None = None
) -> float:
    """Whitened correlation: the whitened cosine of a and b after each has lost its plain mean.

    Args:
        a: (pair,) dissimilarities.
        b: (pair,) dissimilarities of the same pairs.
        covariance: as for `whitened_cosine`.

    Returns:
        Correlation between -1 and 1.

    Raises:
        ValueError: as for `whitened_cosine`, and if a vector is constant.

    Source: Diedrichsen et al. 2021, Neurons, Behavior, Data Analysis and Theory 5(3).

    >>> vector = np.array([1.0, 4.0, 1.0])
    >>> round(whitened_pearson(vector, 2 * vector + 3), 12)
    1.0
    """
    return compare_two(a, b, lambda x, y: whitened_pearsons(x, y, covariance))


def whitened_cosines(a: Stack, b: Stack, covariance: np.ndarray | None = None) -> np.ndarray:
    """Whitened cosine of every vector of one stack with every one of another.

    Args:
        a: (n, pair) finite dissimilarities.
        b: (m, pair) finite dissimilarities.
        covariance: as for `whitened_cosine`.

    Returns:
        (n, m) similarities.

    Raises:
        ValueError: as for `whitened_cosine`.
    """
    if covariance is None:
        products, lengths_a, lengths_b = _centred_products(a, b)
    else:
        forms_a, forms_b = (whiten(vectors, covariance) for vectors in (a, b))
        products = forms_a @ forms_b.T
        lengths_a, lengths_b = ((forms * forms).sum(axis=1) for forms in (forms_a, forms_b))
    if not ((lengths_a > 0).all() and (lengths_b > 0).all()):
        raise ValueError("the similarity is undefined: every dissimilarity is 0")
    return np.clip(products / np.sqrt(np.outer(lengths_a, lengths_b)), -1.0, 1.0)


def whitened_pearsons(a: Stack, b: Stack, covariance: np.ndarray | None = None) -> np.ndarray:
    """Whitened correlation of every vector of one stack with every one of another.

    Args:
        a: (n, pair) finite dissimilarities.
        b: (m, pair) finite dissimilarities.
        covariance: as for `whitened_cosine`.

    Returns:
        (n, m) correlations.

    Raises:
        ValueError: as for `whitened_pearson`.
    """
    return whitened_cosines(_without_mean(a), _without_mean(b), covariance)


def whiten(vectors: Stack, covariance: np.ndarray | None = None) -> np.ndarray:
    """Vectors whose plain inner products are the whitened ones: the matrices A, side by side.

    Args:
        vectors: (n, pair) dissimilarities.
        covariance: as for `whitened_cosine`.

    Returns:
        (n, condition²) whitened vectors.

    Raises:
        ValueError: if Σ has the wrong shape or is not positive definite.
    """
    n_conditions = count_conditions(vectors.shape[1])
    # Any root of the inverse will do: another one turns all A alike, and products stay the same.
    root = _cholesky(covariance, n_conditions)
    whitening = solve_triangular(root, np.eye(n_conditions), lower=True)
    ones = whitening.sum(axis=1)
    projection = whitening - np.outer(ones, ones @ whitening) / (ones @ ones)
    matrices = -0.5 * (projection @ square(vectors) @ projection.T)
    return matrices.reshape(len(vectors), -1)


def _cholesky(covariance: np.ndarray | None, n_conditions: int) -> np.ndarray:
    if covariance is None:
        return np.eye(n_conditions)
    matrix = np.asarray(covariance, dtype=np.float64)
    matrix = np.diag(matrix) if matrix.ndim == 1 else matrix
    if matrix.shape != (n_conditions, n_conditions):
        raise ValueError(
            f"`covariance` must be ({n_conditions}, {n_conditions}), or its diagonal, for vectors "
            f"of {n_conditions} conditions; got shape {matrix.shape}"
        )
    if not np.allclose(matrix, matrix.T, rtol=1e-10, atol=0):
        raise ValueError("`covariance` must be symmetric; average it with its transpose")
    try:
        return np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError as error:
        raise ValueError("`covariance` must be positive definite; add a diagonal to it") from error


def _without_mean(vectors: Stack) -> np.ndarray:
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    rounding = 1e-13 * np.abs(vectors).max(axis=1)
    if (np.abs(centred).max(axis=1) <= rounding).any():
        raise ValueError(
            "the correlation is undefined: every dissimilarity of a vector is the same; "
            "use another dissimilarity or more conditions"
        )
    return centred


def _centred_products(a: Stack, b: Stack) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Products of the centred matrices of all a with all b, and of each with itself.

    Σ (H D_a H) ∘ (H D_b H) = Σ D_a ∘ D_b - 2 Σ r_a r_b / K + Σ r_a Σ r_b / K², r the row sums.
    """
    n_conditions = count_conditions(a.shape[1])
    rows_a, rows_b = _row_sums(a, n_conditions), _row_sums(b, n_conditions)
    totals_a, totals_b = rows_a.sum(axis=1), rows_b.sum(axis=1)
    products = 2 * a @ b.T - 2 / n_conditions * (rows_a @ rows_b.T)
    products += np.outer(totals_a, totals_b) / n_conditions**2
    lengths = [
        2 * np.einsum("np,np->n", vectors, vectors)
        - 2 / n_conditions * np.einsum("nk,nk->n", rows, rows)
        + (totals / n_conditions) ** 2
        for vectors, rows, totals in ((a, rows_a, totals_a), (b, rows_b, totals_b))
    ]
    return products, lengths[0], lengths[1]


def _row_sums(vectors: Stack, n_conditions: int) -> np.ndarray:
    """(n, condition) sums of the rows of the square forms."""
    sums = np.zeros((len(vectors), n_conditions))
    start = 0
    for row in range(n_conditions - 1):
        stop = start + n_conditions - 1 - row
        part = vectors[:, start:stop]
        sums[:, row] += part.sum(axis=1)
        sums[:, row + 1 :] += part
        start = stop
    return sums
