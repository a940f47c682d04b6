"""Do two populations have the same stimuli for neighbours?"""

import numpy as np
from scipy.spatial.distance import pdist, squareform

from neurospyke.compare.cka import centred


def mutual_neighbours(patterns: np.ndarray, others: np.ndarray, n_neighbours: int = 10) -> float:
    """Share of each stimulus' nearest neighbours that are the same in both populations.

    Mean over stimuli i of |N(xᵢ) ∩ N(yᵢ)| / k, N the k other stimuli at the smallest Euclidean
    distance. Independent patterns score k / (n - 1) of n stimuli.

    Args:
        patterns: (stimulus, unit).
        others: (stimulus, unit).
        n_neighbours: k, fewer than the other stimuli.

    Returns:
        0 to 1; 1 if all neighbours are the same and none are tied.

    Raises:
        ValueError: if shapes do not fit, a side is constant, or there are too few stimuli.

    Source: Huh, Cheung, Wang and Isola 2024, ICML, section 3.

    >>> x = np.array([[0.0], [1.0], [10.0], [12.0]])
    >>> mutual_neighbours(x, -x, 1), mutual_neighbours(x, x[[0, 2, 1, 3]], 1)
    (1.0, 0.0)
    """
    left, right = (-squareform(pdist(side)) for side in centred(patterns, others))
    return neighbour_overlap(left, right, n_neighbours)


def neighbour_overlap(similarities: np.ndarray, others: np.ndarray, n_neighbours: int) -> float:
    """The same from similarities of any kind: inner products, correlations, negated RDMs.

    Stimuli tied for the last places share them, as if ties were broken at random on each side.

    Args:
        similarities: (stimulus, stimulus), larger is nearer; the diagonal is not read.
        others: (stimulus, stimulus).
        n_neighbours: k, fewer than the other stimuli.

    Returns:
        0 to 1.

    Raises:
        ValueError: if the matrices are not square, of one size and finite, or k does not fit.

    Source: Huh, Cheung, Wang and Isola 2024, ICML, section 3.

    Of three stimuli tied for the two places, each has 2/3 of one on either side: 3 (2/3)² / 2.

    >>> round(neighbour_overlap(np.ones((4, 4)), np.ones((4, 4)), 2), 6)
    0.666667
    """
    sides = [np.array(side, dtype=np.float64) for side in (similarities, others)]
    n = len(sides[0])
    if any(side.shape != (n, n) or not np.isfinite(side).all() for side in sides):
        raise ValueError(
            "`similarities` and `others` must be finite (stimulus, stimulus) of the same stimuli; "
            f"got shapes {sides[0].shape} and {sides[1].shape}"
        )
    if not 1 <= n_neighbours < n - 1:
        raise ValueError(
            f"`n_neighbours` must be 1 to {n - 2}, fewer than the other stimuli; got {n_neighbours}"
        )
    first, second = (_places(side, n_neighbours) for side in sides)
    return float((first * second).sum() / (n * n_neighbours))


def _places(similarities: np.ndarray, n_neighbours: int) -> np.ndarray:
    """(stimulus, stimulus) share of a place among the neighbours of each row."""
    np.fill_diagonal(similarities, -np.inf)
    last = np.partition(similarities, -n_neighbours, axis=1)[:, [-n_neighbours]]
    nearer, tied = similarities > last, similarities == last
    left = n_neighbours - nearer.sum(axis=1, keepdims=True)
    return nearer + tied * left / tied.sum(axis=1, keepdims=True)
