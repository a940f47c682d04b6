"""Shapes of two sets of patterns: how near they come when one is turned, or its units renamed."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from neurospyke.compare.cca import Maps
from neurospyke.compare.cka import centred


def procrustes_distance(patterns: np.ndarray, others: np.ndarray) -> float:
    """Squared distance that is left after the best rotation: ‖X‖² + ‖Y‖² - 2 ‖XᵀY‖_*.

    ‖·‖_* is the sum of singular values. Scale counts; see `shape_distance` where it shall not.

    Args:
        patterns: (stimulus, unit) X; centred here.
        others: (stimulus, unit) Y; the side with fewer units is filled up with silent ones.

    Returns:
        0 or more, in squares of what the patterns are measured in.

    Raises:
        ValueError: if shapes do not fit or a side is constant.

    Source: Schönemann 1966, Psychometrika 31:1.

    >>> x = np.array([[1.0, 0.0], [-1.0, 0.0]])
    >>> procrustes_distance(x, 2 * x[:, ::-1])
    2.0
    """
    left, right = centred(patterns, others)
    lengths = np.square(left).sum() + np.square(right).sum()
    return float(max(lengths - 2 * _nuclear(left.T @ right), 0))


def shape_similarity(patterns: np.ndarray, others: np.ndarray, alpha: float = 1.0) -> float:
    """Cosine of the angle between two shapes after the best rotation.

    cos θ = ‖X̃ᵀỸ‖_* / (‖X̃‖ ‖Ỹ‖), X̃ = α X + (1 - α) X (XᵀX)^(-1/2). Turning and scaling change
    nothing; for α = 0 no invertible linear map does, as in canonical correlation.

    Args:
        patterns: (stimulus, unit) X; centred here.
        others: (stimulus, unit) Y; any number of units.
        alpha: 1 for Procrustes, 0 for whitened patterns.

    Returns:
        0 to 1.

    Raises:
        ValueError: if shapes do not fit, a side is constant, or `alpha` is out of range.

    Source: Williams, Kunz, Kornblith and Linderman 2021, NeurIPS, equations 5 to 8.

    >>> x = np.array([[1.0, 0.0], [0.0, 2.0], [-1.0, -2.0]])
    >>> round(shape_similarity(x, 3 * x[:, ::-1]), 12)
    1.0
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"`alpha` must be between 0 and 1; got {alpha}")
    left, right = (_whitened(side, alpha) for side in centred(patterns, others))
    cosine = _nuclear(left.T @ right) / (np.linalg.norm(left) * np.linalg.norm(right))
    return float(min(cosine, 1.0))


def shape_distance(patterns: np.ndarray, others: np.ndarray, alpha: float = 1.0) -> float:
    """Angle θ = arccos of `shape_similarity`, which is a metric.

    Args:
        patterns: as there.
        others: as there.
        alpha: as there.

    Returns:
        0 to π / 2.

    Raises:
        ValueError: as there.

    Source: Williams, Kunz, Kornblith and Linderman 2021, NeurIPS.

    >>> x = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
    >>> y = np.array([[1.0], [1.0], [-2.0]])
    >>> round(shape_distance(x, y), 6)  # a right angle
    1.570796
    """
    return float(np.arccos(shape_similarity(patterns, others, alpha)))


def euclidean_shape_distance(patterns: np.ndarray, others: np.ndarray, alpha: float = 1.0) -> float:
    """Distance that is left after the best rotation of patterns that keep their sizes.

    √(‖X‖² + ‖Y‖² - 2 ‖X‖ ‖Y‖ cos θ), θ from `shape_distance`: whitened patterns are brought back to
    the size they had. For α = 1 it is the root of `procrustes_distance`.

    Args:
        patterns: as there.
        others: as there.
        alpha: as there.

    Returns:
        0 or more, in what the patterns are measured in.

    Raises:
        ValueError: as there.

    Source: Williams, Kunz, Kornblith and Linderman 2021, NeurIPS.

    >>> x = np.array([[1.0, 0.0], [-1.0, 0.0]])
    >>> round(euclidean_shape_distance(x, 2 * x[:, ::-1]), 6)  # √(2 + 8 - 2 x 4)
    1.414214
    """
    sizes = [float(np.linalg.norm(side)) for side in centred(patterns, others)]
    gained = 2 * sizes[0] * sizes[1] * shape_similarity(patterns, others, alpha)
    return float(np.sqrt(max(sizes[0] ** 2 + sizes[1] ** 2 - gained, 0)))


def permutation_similarity(patterns: np.ndarray, others: np.ndarray) -> float:
    """Cosine of the angle between two shapes when each unit is matched with one of the other side.

    max over matchings of Σ x_j · y_π(j) / (‖X‖ ‖Y‖), units as they are: no rotation mixes them.

    Args:
        patterns: (stimulus, unit) X; centred here.
        others: (stimulus, unit) Y; units without a partner match silence.

    Returns:
        At most 1; 1 if the units are the same in another order.

    Raises:
        ValueError: if shapes do not fit or a side is constant.

    Source: Williams, Kunz, Kornblith and Linderman 2021, NeurIPS.

    >>> x = np.array([[1.0, 0.0], [0.0, 2.0], [-1.0, -2.0]])
    >>> round(permutation_similarity(x, x[:, ::-1]), 12)
    1.0
    """
    left, right = centred(patterns, others)
    products = left.T @ right
    cosine = products[match_units_of(products)].sum()
    return float(cosine / (np.linalg.norm(left) * np.linalg.norm(right)))


def fit_procrustes(patterns: np.ndarray, others: np.ndarray) -> Maps:
    """The best rotation, learned from some stimuli to be tested on others.

    Args:
        patterns: (stimulus, unit).
        others: (stimulus, unit).

    Returns:
        Maps into the space of the pairs of directions.

    Raises:
        ValueError: if shapes do not fit or a side is constant.
    """
    left, right = centred(patterns, others)
    turn, values, other = np.linalg.svd(left.T @ right, full_matrices=False)
    return Maps(turn, other.T, np.full(len(values), 1 / len(values)))


def fit_permutation(patterns: np.ndarray, others: np.ndarray) -> Maps:
    """The best matching of units, learned from some stimuli to be tested on others.

    Args:
        patterns: (stimulus, unit).
        others: (stimulus, unit).

    Returns:
        Maps of ones and zeros.

    Raises:
        ValueError: if shapes do not fit or a side is constant.
    """
    left, right = centred(patterns, others)
    rows, columns = match_units_of(left.T @ right)
    weights = np.full(len(rows), 1 / len(rows))
    return Maps(np.eye(left.shape[1])[:, rows], np.eye(right.shape[1])[:, columns], weights)


def match_units_of(products: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows and columns with the largest sum of products.

    Args:
        products: (unit, other unit).

    Returns:
        Rows and columns of the pairs, as many as there are units of the smaller side.

    >>> match_units_of(np.array([[1.0, 5.0], [2.0, 4.0]]))
    (array([0, 1]), array([1, 0]))
    """
    return linear_sum_assignment(products, maximize=True)


def _whitened(side: np.ndarray, alpha: float) -> np.ndarray:
    if alpha == 1:
        return side
    basis, values, axes = np.linalg.svd(side, full_matrices=False)
    kept = values > 1e-10 * values[0]
    return alpha * side + (1 - alpha) * basis[:, kept] @ axes[kept]


def _nuclear(products: np.ndarray) -> float:
    return float(np.linalg.svd(products, compute_uv=False).sum())
