"""Clusters of cells that stand out together, judged against the largest clusters of chance."""

import numpy as np
from scipy import ndimage


def cluster_p_values(
    observed: np.ndarray, null: np.ndarray, threshold: np.ndarray | float, n_axes: int
) -> np.ndarray:
    """P value of each cell: that of the cluster it belongs to, corrected for all cells.

    Cells above the threshold that touch along the last axes form a cluster, whose mass is the sum
    of what they have above it. p = (1 + n(largest mass of a permutation >= mass)) / (1 + n), the
    largest being that of the whole map, so that the family-wise error is held.

    Args:
        observed: (..., cell) statistics.
        null: (permutation, ..., cell) the same under permutations of the whole map at once.
        threshold: above which a cell counts, one or (..., cell).
        n_axes: number of last axes along which cells touch, such as 1 for time.

    Returns:
        (..., cell) p values; 1 outside clusters.

    Source: Maris and Oostenveld 2007, Journal of Neuroscience Methods 164:177.

    >>> cluster_p_values(np.array([0.0, 3.0, 2.0]), np.array([[0, 0, 2], [0, 3, 3]]), 1.0, 1)
    array([1.        , 0.66666667, 0.66666667])
    """
    labels, masses = _clusters(observed - threshold, n_axes)
    largest = np.array([_clusters(each - threshold, n_axes)[1].max() for each in null])
    reached = (largest[:, None] >= masses * (1 - 1e-12)).sum(axis=0)
    p = (1 + reached) / (1 + len(null))
    p[0] = 1.0
    return p[labels]


def _clusters(excess: np.ndarray, n_axes: int) -> tuple[np.ndarray, np.ndarray]:
    """(..., cell) numbers of clusters, 0 for none, and (cluster,) masses."""
    structure = np.zeros((3,) * excess.ndim, dtype=bool)
    centre = (1,) * excess.ndim
    structure[centre] = True
    for axis in range(excess.ndim - n_axes, excess.ndim):
        for step in (0, 2):
            structure[(*centre[:axis], step, *centre[axis + 1 :])] = True
    labels, n_clusters = ndimage.label(excess > 0, structure)
    return labels, np.bincount(labels.ravel(), np.maximum(excess, 0).ravel(), n_clusters + 1)
