"""Inner products of RDMs over bootstrap samples, from products that are computed once.

A stimulus drawn c_i times gives the pair (i, j) the weight c_i c_j; copies of one stimulus make no
pair with each other. The inner product of two RDMs over a sample, Σ_{i<j} c_i c_j a_ij b_ij, is
linear in these weights, so that all samples together take one matrix product.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

_TILE_BYTES = 16 * 2**20
_NEGLIGIBLE = 1e-12


class Form(NamedTuple):
    """What an inner product does to the vectors first.

    Attributes:
        whitened: by the covariance that noise of equal variance, independent between conditions,
            gives to squared distances.
        centred: by the mean over the pairs.
    """

    whitened: bool
    centred: bool


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "cosine": Form(whitened=False, centred=False),
        "pearson": Form(whitened=False, centred=True),
        "whitened_cosine": Form(whitened=True, centred=False),
        "whitened_pearson": Form(whitened=True, centred=True),
    }
)


def inner_products(
    vectors: np.ndarray, counts: np.ndarray, left: np.ndarray, right: np.ndarray, form: Form
) -> np.ndarray:
    """Inner products over bootstrap samples, of which each comparator in `FORMS` is a cosine.

    Plain: G_ab = Σ_{i<j} c_i c_j a_ij b_ij. Centred: G_ab - G_a1 G_b1 / G_11. Whitened: aᵀV⁻¹b over
    the drawn pairs, V_pq = (the number of conditions that p and q share, squared), for which
    V⁻¹ has a closed form: with N = Σ c, A_i = Σ_j c_j a_ij, D_i = N + 2 - 2 c_i and
    u_a = Σ_i c_i A_i / D_i the product is
    [G_ab - Σ_i c_i A_i B_i / D_i + u_a u_b / (1 + Σ_i c_i / D_i)] / 2,
    undefined where a stimulus makes up so much of the sample that D_i = 0.

    Args:
        vectors: (vector, pair) values over the pairs of K conditions.
        counts: (sample, K) how often each condition was drawn.
        left: (product,) which vectors are a.
        right: (product,) which vectors are b.
        form: what is done to the vectors first.

    Returns:
        (sample, product) inner products.

    Source: Diedrichsen et al. 2021, arXiv 2007.02789, for V; its inverse follows from the symmetry
    of copies.

    >>> vectors = np.array([[1.0, 2.0, 3.0]])
    >>> one = np.array([0])
    >>> inner_products(vectors, np.array([[1, 1, 1]]), one, one, FORMS["pearson"])
    array([[2.]])
    """
    counts = np.asarray(counts, dtype=np.float64)
    product = _whitened_products if form.whitened else weighted_products
    if not form.centred:
        return product(vectors, counts, left, right)
    # A shift changes nothing, and sums of centred values lose no digits.
    vectors = vectors - vectors.mean(axis=1, keepdims=True)
    n_vectors = len(vectors)
    vectors = np.concatenate([vectors, np.ones((1, vectors.shape[1]))])
    every, ones = np.arange(n_vectors + 1), np.full(n_vectors + 1, n_vectors)
    plain = weighted_products(vectors, counts, every, ones)
    means = plain[:, :-1] / plain[:, -1:]
    if not form.whitened:
        return product(vectors, counts, left, right) - means[:, left] * plain[:, right]
    with_ones = product(vectors, counts, every, ones)
    sums, total = with_ones[:, :-1], with_ones[:, -1:]
    return (
        product(vectors, counts, left, right)
        - means[:, left] * sums[:, right]
        - means[:, right] * sums[:, left]
        + means[:, left] * means[:, right] * total
    )


def _whitened_products(
    vectors: np.ndarray, counts: np.ndarray, left: np.ndarray, right: np.ndarray
) -> np.ndarray:
    plain = weighted_products(vectors, counts, left, right)
    rows = row_sums(vectors, counts)
    divisor = counts.sum(axis=1, keepdims=True) + 2 - 2 * counts
    share = np.divide(counts, divisor, out=np.full_like(counts, np.nan), where=divisor != 0)
    weighted = rows * share[:, None]
    sums = weighted.sum(axis=2)
    between = np.matmul(weighted, rows.transpose(0, 2, 1))[:, left, right]
    joint = sums[:, left] * sums[:, right] / (1 + share.sum(axis=1, keepdims=True))
    return (plain - between + joint) / 2


def weighted_products(
    vectors: np.ndarray, counts: np.ndarray, left: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """Weighted inner products: Σ_{i<j} c_i c_j a_ij b_ij of every sample and pair of vectors.

    Args:
        vectors: (vector, pair) values over the pairs of K conditions.
        counts: (sample, K) how often each condition was drawn.
        left: (product,) which vectors are a.
        right: (product,) which vectors are b.

    Returns:
        (sample, product) sums. Memory is bounded by tiles over pairs, whatever K.

    >>> vectors, counts = np.array([[1.0, 2.0, 3.0]]), np.array([[1, 1, 1], [2, 1, 0]])
    >>> weighted_products(vectors, counts, np.array([0]), np.array([0]))
    array([[14.],
           [ 2.]])
    """
    counts = np.asarray(counts, dtype=np.float64)
    sums = np.zeros((len(counts), len(left)))
    for part, weights in _pair_weights(counts, len(left)):
        tile = vectors[:, part]
        sums += weights @ (tile[left] * tile[right]).T
    return sums


def pair_weights(counts: np.ndarray) -> np.ndarray:
    """Weight c_i c_j of every pair.

    Args:
        counts: (sample, K) how often each condition was drawn.

    Returns:
        (sample, pair) weights, pairs in the order of `numpy.triu_indices(K, 1)`.

    >>> pair_weights(np.array([[2, 1, 3]]))
    array([[2., 6., 3.]])
    """
    counts = np.asarray(counts, dtype=np.float64)
    return np.concatenate([tile.copy() for _, tile in _pair_weights(counts, 0)], axis=1)


def _pair_weights(counts: np.ndarray, n_products: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Tiles of pairs with their weights, row by row of the square form; one buffer for all."""
    n_samples, n_conditions = counts.shape
    room = max(n_conditions, _TILE_BYTES // (8 * (n_samples + n_products)))
    tile, start, filled = np.empty((n_samples, room)), 0, 0
    for row in range(n_conditions - 1):
        size = n_conditions - 1 - row
        if filled + size > room:
            yield slice(start, start + filled), tile[:, :filled]
            start, filled = start + filled, 0
        np.multiply(counts[:, row : row + 1], counts[:, row + 1 :], tile[:, filled : filled + size])
        filled += size
    yield slice(start, start + filled), tile[:, :filled]


def row_sums(vectors: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Weighted sums of the rows of square forms: A_i = Σ_{j≠i} c_j v_ij.

    Args:
        vectors: (vector, pair) values.
        counts: (sample, K) how often each condition was drawn.

    Returns:
        (sample, vector, K) sums.

    >>> row_sums(np.array([[1.0, 2.0, 3.0]]), np.array([[1, 1, 1]]))
    array([[[3., 4., 5.]]])
    """
    counts = np.asarray(counts, dtype=np.float64)
    sums = np.empty((len(counts), len(vectors), counts.shape[1]))
    rows = np.triu_indices(counts.shape[1], 1)
    square = np.zeros((counts.shape[1],) * 2)
    for position, vector in enumerate(vectors):
        square[rows] = vector
        sums[:, position] = counts @ (square + square.T)
    return sums


def positive(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The values, NaN where they are nothing but rounding.

    Args:
        values: squared lengths.
        scale: what they came from, of the same sign and unit.

    Returns:
        Values above 1e-12 of the scale, NaN elsewhere.

    >>> positive(np.array([1.0, 1e-14]), np.array([1.0, 1.0]))
    array([ 1., nan])
    """
    return np.where(values > _NEGLIGIBLE * scale, values, np.nan)
