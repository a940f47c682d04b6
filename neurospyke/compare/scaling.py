"""Multidimensional scaling: points whose distances are those of an RDM as nearly as can be."""

from typing import NamedTuple

import numpy as np

from neurospyke.compare.rdm import RDM


class Scaling(NamedTuple):
    """Conditions as points.

    Attributes:
        points: (condition, dimension) coordinates, by decreasing variance.
        shares: (dimension,) share of each in the positive variance of the RDM.
    """

    points: np.ndarray
    shares: np.ndarray


def classical_scaling(rdm: RDM, n_dimensions: int = 2) -> Scaling:
    """Classical multidimensional scaling: X = V √λ with -½ H D H = V λ Vᵀ, D squared distances.

    H takes the mean away. For Euclidean RDMs these are the principal components of the patterns.
    Correlation, cosine, Mahalanobis and crossnobis dissimilarities are squared distances, too.
    Dimensions of negative variance, as of noise in crossnobis, become 0.

    Args:
        rdm: dissimilarities that are, or stand for, squared distances.
        n_dimensions: number of coordinates, at most the number of conditions.

    Returns:
        Points, each dimension's largest coordinate positive, and shares of variance.

    Raises:
        ValueError: if there are more dimensions than conditions.

    Source: Torgerson 1952, Psychometrika 17:401.

    Points at 0, 1 and 3 on a line, with their mean at 0:

    >>> rdm = RDM(np.array([1.0, 9.0, 4.0]), ("a", "b", "c"), dissimilarity="euclidean")
    >>> (3 * classical_scaling(rdm, 1).points).round(9).ravel()
    array([-4., -1.,  5.])
    """
    if not 1 <= n_dimensions <= rdm.n_conditions:
        raise ValueError(f"`n_dimensions` must be from 1 to {rdm.n_conditions}; got {n_dimensions}")
    products = -0.5 * rdm.matrix()
    products -= products.mean(axis=0)
    products -= products.mean(axis=1, keepdims=True)
    variances, directions = np.linalg.eigh(products)
    variances = np.maximum(variances[::-1], 0.0)
    points = directions[:, ::-1][:, :n_dimensions] * np.sqrt(variances[:n_dimensions])
    largest = np.abs(points).argmax(axis=0)
    points *= np.where(points[largest, np.arange(n_dimensions)] < 0, -1.0, 1.0)
    total = variances.sum()
    return Scaling(points, variances[:n_dimensions] / (total if total > 0 else 1.0))
