"""Dissimilarities that noise does not bias: patterns of different folds are multiplied."""

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from neurospyke.compare.distances import make_rdm
from neurospyke.compare.kinds import check_responses
from neurospyke.compare.noise import Noise, covariance_of, whiten
from neurospyke.compare.patterns import (
    Products,
    add_products,
    into_distances,
    no_products,
    pair_rows,
    patterns,
    summing,
)
from neurospyke.compare.rdm import RDM
from neurospyke.responses import Responses


def crossnobis_rdm(
    responses: Responses, *, noise: Noise = "ledoit_wolf", fold: str = "repetition"
) -> RDM:
    """Cross-validated squared Mahalanobis distance a feature: D_ij = G_ii + G_jj - 2 G_ij.

    G_ij is the mean of y_aᵀ Σ⁻¹ y_b / P over all trials a of condition i and b of condition j of
    different folds. As their noise is independent, D has no bias, and differences below 0 mean no
    difference. With every condition once in every fold it is the mean over folds m ≠ l of
    (x_im - x_jm)ᵀ Σ⁻¹ (x_il - x_jl) / P. Cells (condition, fold) may be missing or hold several
    trials, but unequal numbers let a large common response add noise.

    Args:
        responses: (trial, unit, time) responses; each condition in at least 2 folds.
        noise: Σ, (feature, feature), or (fold, feature, feature) in order of the folds' first
            appearance, of which Σ of two folds is the mean; or how it is estimated from the trials:
            "ledoit_wolf" or "schaefer_strimmer"; None for the identity.
        fold: column of `trials` that says which trials share noise, such as runs or repetitions.

    Returns:
        RDM without unit, or in the unit of the responses, squared, without noise; values may be
        negative; conditions in order of first appearance.

    Raises:
        ValueError: if there is no such column, a condition is in one fold only, two conditions
            share their only folds, or Σ is wrong.

    Source: Walther et al. 2016, NeuroImage 137:188; Diedrichsen, Provost and Zareamoghaddam 2016,
    arXiv 1607.01371.

    The differences of the two conditions are (2, 0) in one fold and (1, 1) in the other:

    >>> counts = np.array([[2, 0], [0, 0], [1, 1], [0, 0]])
    >>> units = pd.DataFrame({"unit": [0, 1]})
    >>> trials = pd.DataFrame({"stimulus": ["a", "b", "a", "b"], "repetition": [0, 0, 1, 1]})
    >>> responses = Responses(counts[:, :, None], trials, units, np.array([0.0, 1.0]))
    >>> crossnobis_rdm(responses, noise=None).values
    array([1.])
    """
    cells = cells_of(responses, fold)
    if isinstance(noise, np.ndarray) and noise.ndim == 3:
        products = _with_noise_of_folds(responses, cells, noise)
    else:
        covariance = covariance_of(responses, noise)
        products = no_products(len(cells.counts))
        for sums in _cell_sums(responses, cells, whole=covariance is not None):
            _add_across_folds(products, sums, covariance)
    values = mean_distances(products, cells.counts)
    values /= responses.n_units * responses.n_times
    return make_rdm(
        responses, values, "crossnobis" if noise is not None else "crossnobis, no noise"
    )


class Cells(NamedTuple):
    """Which trial belongs to which cell.

    Attributes:
        codes: (trial,) number of the cell, condition * n_folds + fold.
        counts: (condition, fold) number of trials.
    """

    codes: np.ndarray
    counts: np.ndarray


def cells_of(responses: Responses, fold: str) -> Cells:
    """Cells (condition, fold) of the trials.

    Args:
        responses: (trial, unit, time) responses.
        fold: column of `trials`.

    Returns:
        Cells, conditions and folds in order of first appearance.

    Raises:
        ValueError: if there is no such column, or two conditions, or one with itself, have no
            trials in different folds.
    """
    check_responses(responses)
    if fold not in responses.trials:
        raise ValueError(
            f"`fold` must be one of the columns of trials {list(responses.trials.columns)}; got "
            f"{fold!r}: add a column that says which trials share noise"
        )
    conditions, labels = pd.factorize(responses.trials["stimulus"])
    folds, names = pd.factorize(responses.trials[fold])
    if (folds < 0).any():
        raise ValueError(f"`fold` must name the fold of every trial; {fold!r} has missing values")
    codes = conditions * len(names) + folds
    counts = np.bincount(codes, minlength=len(labels) * len(names)).reshape(len(labels), -1)
    for row, couples in enumerate(_couples(counts)):
        if not couples.all():
            other = labels[int(np.argmin(couples))]
            raise ValueError(
                f"`responses` must have trials of {labels[row]!r} and {other!r} in different folds "
                f"({fold!r}); leave conditions out that are in one fold only"
            )
    return Cells(codes, counts)


def _couples(counts: np.ndarray) -> Iterator[np.ndarray]:
    """For each condition, the number of couples of its trials with those of each in other folds."""
    totals = counts.sum(axis=1)
    for row in counts:
        yield row.sum() * totals - counts @ row


def mean_distances(products: Products, counts: np.ndarray) -> np.ndarray:
    """Distances from sums of products over couples of trials of different folds.

    Args:
        products: sums of products; overwritten.
        counts: (condition, fold) number of trials.

    Returns:
        (pair,) distances of their means.
    """
    pairs, squares = products
    if (counts == counts[0, 0]).all():
        # Divided last, whole numbers keep their ties.
        n_couples = next(_couples(counts))[0]
        return np.divide(into_distances(products), n_couples, out=pairs)
    for row, couples in enumerate(_couples(counts)):
        squares[row] /= couples[row]
        for _, part in pair_rows(pairs, len(counts), row, row + 1):
            np.divide(part, couples[row + 1 :], out=part)
    return into_distances(products)


def _cell_sums(responses: Responses, cells: Cells, *, whole: bool) -> Iterator[np.ndarray]:
    """(condition, fold, feature) sums of trials, some features at a time or all of them."""
    counts = cells.counts
    # Moving all trials alike changes no distance if all couples are counted alike; it saves digits.
    exact = responses.values.dtype.kind in "biu"
    centred = not exact and bool((counts == counts[0, 0]).all())
    blocks = patterns(responses, summing(cells.codes, counts.size))
    for block in [np.concatenate(list(blocks), axis=1)] if whole else blocks:
        if centred:
            block = block - block.mean(axis=0)  # noqa: PLW2901 - a view must stay as it is
        yield block.reshape(*counts.shape, -1)


def _add_across_folds(products: Products, sums: np.ndarray, covariance: np.ndarray | None) -> None:
    """Add products over all couples of cells of different folds: all couples less the same fold."""
    shape = sums.shape
    sums = whiten(sums.reshape(-1, shape[-1]), covariance).reshape(shape)
    add_products(products, sums.sum(axis=1))
    for fold in range(shape[1]):
        add_products(products, np.ascontiguousarray(sums[:, fold]), factor=-1.0)


def _with_noise_of_folds(responses: Responses, cells: Cells, noise: np.ndarray) -> Products:
    (sums,) = _cell_sums(responses, cells, whole=True)
    n_conditions, n_folds, n_features = sums.shape
    if noise.shape != (n_folds, n_features, n_features):
        raise ValueError(
            f"`noise` must be ({n_folds}, {n_features}, {n_features}), a covariance for every "
            f"fold; got shape {noise.shape}"
        )
    products = no_products(n_conditions)
    for first, second in combinations(range(n_folds), 2):
        covariance = (noise[first] + noise[second]) / 2
        left, right = (whiten(sums[:, fold], covariance) for fold in (first, second))
        add_products(products, left, right, factor=2.0)
    return products
