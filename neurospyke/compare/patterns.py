"""Patterns of conditions, and their products, without holding more than is needed.

Products of all pairs of patterns are kept packed, in the order of `numpy.triu_indices(n, 1)`, and
computed by tiles of rows, so that no square matrix is ever held.
"""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from neurospyke.compare.kinds import check_responses
from neurospyke.responses import Responses

CHUNK_BYTES = 256 * 2**20
_TILE = 512
_GROUP = 64
_MAX_DENOMINATOR = 10**6


class Averaging(NamedTuple):
    """Weights that turn trials into patterns of conditions.

    Attributes:
        weights: (condition, trial).
        denominator: what makes the weighted sums means.
        exact: are the sums whole numbers, so that equal distances are exact ties?
    """

    weights: csr_array
    denominator: int
    exact: bool


def averaging(responses: Responses) -> Averaging:
    """Weights of the means over the trials of each condition, exact for counts.

    Sums of counts over a common denominator are whole numbers, as long as the numbers of trials
    have a common multiple of at most a million.

    Args:
        responses: (trial, unit, time) responses.

    Returns:
        The weights, conditions in order of first appearance.
    """
    check_responses(responses)
    shown = responses.trials["stimulus"].tolist()
    places = {label: place for place, label in enumerate(dict.fromkeys(shown))}
    codes = np.fromiter(map(places.__getitem__, shown), dtype=np.intp, count=len(shown))
    n_trials = np.bincount(codes)
    common = math.lcm(*np.unique(n_trials).tolist())
    exact = responses.values.dtype.kind in "biu" and common <= _MAX_DENOMINATOR
    denominator = common if exact else 1
    weights = (denominator / n_trials)[codes]
    return Averaging(_table(codes, weights, len(places)), denominator, exact)


def summing(codes: np.ndarray, n_rows: int) -> csr_array:
    """Weights of plain sums.

    Args:
        codes: (trial,) row that each trial belongs to.
        n_rows: number of rows.

    Returns:
        (row, trial) ones and zeros.
    """
    return _table(codes, np.ones(len(codes)), n_rows)


def _table(codes: np.ndarray, weights: np.ndarray, n_rows: int) -> csr_array:
    starts = np.zeros(n_rows + 1, dtype=np.intp)
    np.cumsum(np.bincount(codes, minlength=n_rows), out=starts[1:])
    order = np.argsort(codes, kind="stable")
    return csr_array((weights[order], order, starts), shape=(n_rows, len(codes)))


def patterns(responses: Responses, weights: csr_array) -> Iterator[np.ndarray]:
    """Weighted sums of trials (row, feature) in float64, some units at a time.

    Args:
        responses: (trial, unit, time) responses; a feature is a unit in a time bin.
        weights: (row, trial).

    Yields:
        A block of features, within `CHUNK_BYTES` with what is needed to make it; not to be written
        to, as it may be a view of the responses.
    """
    n_rows, n_trials = weights.shape
    as_they_are = n_rows == n_trials and (weights.indices == np.arange(n_rows)).all()
    unweighted = bool((weights.data == 1).all())
    feature_bytes = 8 * (n_trials + 2 * n_rows)
    step = max(1, CHUNK_BYTES // (feature_bytes * responses.n_times))
    for start in range(0, responses.n_units, step):
        block = responses.values[:, start : start + step]
        block = block.reshape(n_trials, -1).astype(np.float64, copy=False)
        if as_they_are:
            yield block if unweighted else block * weights.data[:, None]
        else:
            yield weights @ block


def mean_patterns(responses: Responses) -> np.ndarray:
    """Mean over the trials of each condition, all features at once.

    Args:
        responses: (trial, unit, time) responses.

    Returns:
        (condition, feature), conditions in order of first appearance.
    """
    weights, denominator, _ = averaging(responses)
    means = np.concatenate(list(patterns(responses, weights)), axis=1)
    means /= denominator
    return means


class Products(NamedTuple):
    """Inner products of patterns.

    Attributes:
        pairs: (pair,) of different patterns.
        squares: (condition,) of each with itself.
    """

    pairs: np.ndarray
    squares: np.ndarray


def add_products(
    products: Products, left: np.ndarray, right: np.ndarray | None = None, *, factor: float = 1.0
) -> None:
    """Add products of patterns: x_i · x_j, or the mean of x_i · y_j and x_j · y_i.

    Args:
        products: where to add them.
        left: (condition, feature) x.
        right: (condition, feature) y; x itself when not given.
        factor: what they are multiplied by.
    """
    n = len(left)
    for start in range(0, n, _TILE):
        stop = min(start + _TILE, n)
        if right is None:
            tile = _tile_of_itself(left, start, stop)
        else:
            tile = left[start:stop] @ right[start:].T
            tile += right[start:stop] @ left[start:].T
            tile *= 0.5
        if factor != 1:
            tile *= factor
        for rows, part in _pair_groups(products.pairs, n, start, stop):
            np.add(part, np.concatenate([tile[k - start, k - start + 1 :] for k in rows]), out=part)
        products.squares[start:stop] += np.diagonal(tile)


def _tile_of_itself(patterns: np.ndarray, start: int, stop: int) -> np.ndarray:
    rows = patterns[start:stop]
    # BLAS halves the work of a matrix with itself.
    own = rows @ rows.T
    if stop == len(patterns):
        return own
    tile = np.empty((len(rows), len(patterns) - start))
    tile[:, : len(rows)] = own
    np.matmul(rows, patterns[stop:].T, out=tile[:, len(rows) :])
    return tile


def no_products(n: int) -> Products:
    """Products of n patterns of no features.

    Args:
        n: number of conditions.

    Returns:
        Zeros.
    """
    return Products(np.zeros(n * (n - 1) // 2), np.zeros(n))


def products_of(blocks: Iterable[np.ndarray], n: int) -> Products:
    """Inner products of patterns that come some features at a time.

    Args:
        blocks: (condition, feature) parts of the patterns.
        n: number of conditions.

    Returns:
        Their products.

    >>> products_of([np.array([[1.0], [2.0]]), np.array([[3.0], [4.0]])], 2)
    Products(pairs=array([14.]), squares=array([10., 20.]))
    """
    products = no_products(n)
    for block in blocks:
        add_products(products, block)
    return products


def pair_rows(
    pairs: np.ndarray, n: int, start: int = 0, stop: int | None = None
) -> Iterator[tuple[int, np.ndarray]]:
    """Rows of the upper triangle of a packed matrix.

    Args:
        pairs: (pair,) packed values.
        n: number of conditions.
        start: first row.
        stop: row to stop before; the last row, which has no pair, when not given.

    Yields:
        The row's number, and a view of its values for the conditions after it.
    """
    for row in range(start, n - 1 if stop is None else min(stop, n - 1)):
        place = row * n - row * (row + 1) // 2
        yield row, pairs[place : place + n - 1 - row]


def into_distances(products: Products) -> np.ndarray:
    """Squared distances G_ii + G_jj - 2 G_ij, written over the products of the pairs.

    Args:
        products: inner products G.

    Returns:
        (pair,) distances, in the memory of `products.pairs`.

    >>> into_distances(Products(np.array([14.0]), np.array([10.0, 20.0])))
    array([2.])
    """
    pairs, squares = products
    n = len(squares)
    for rows, part in _pair_groups(pairs, n, 0, n):
        np.multiply(part, -2, out=part)
        np.add(part, np.repeat(squares[rows], n - 1 - np.array(rows)), out=part)
        np.add(part, np.concatenate([squares[row + 1 :] for row in rows]), out=part)
    return pairs


def _pair_groups(
    pairs: np.ndarray, n: int, start: int, stop: int
) -> Iterator[tuple[range, np.ndarray]]:
    """Rows of the upper triangle some at a time: one call each would cost more than small rows."""
    last = min(stop, n - 1)
    for first in range(start, last, _GROUP):
        rows = range(first, min(first + _GROUP, last))
        begin, end = (row * n - row * (row + 1) // 2 for row in (first, rows.stop))
        yield rows, pairs[begin:end]
