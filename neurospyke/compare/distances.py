"""Dissimilarities of mean patterns: Euclidean, correlation, cosine, Mahalanobis."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from neurospyke.compare.noise import Noise, covariance_of, whiten
from neurospyke.compare.patterns import (
    averaging,
    into_distances,
    mean_patterns,
    pair_rows,
    patterns,
    products_of,
)
from neurospyke.compare.rdm import RDM, population_name
from neurospyke.responses import Responses

Undefined = float | Literal["drop"] | None


def euclidean_rdm(responses: Responses) -> RDM:
    """Squared Euclidean distance a feature: D_ij = Σ (x_i - x_j)² / P.

    x_i is the mean over the trials of condition i, P the number of features (units times bins).
    Distances of counts come from whole numbers over a common denominator, so equal distances are
    exact ties, as long as the numbers of trials have a common multiple of at most a million.

    Args:
        responses: (trial, unit, time) responses.

    Returns:
        RDM in the unit of the responses, squared; conditions in order of first appearance.

    Raises:
        ValueError: if there are fewer than 2 stimuli.

    Source: Walther et al. 2016, NeuroImage 137:188, without noise normalisation.

    The means of the two conditions below are (2, 0) and (0, 2):

    >>> counts = np.array([[1, 0], [3, 0], [0, 2]])
    >>> euclidean_rdm(Responses.from_counts(counts, stimuli=["a", "a", "b"])).values
    array([4.])
    """
    weights, denominator, exact = averaging(responses)

    def blocks() -> Iterator[np.ndarray]:
        for block in patterns(responses, weights):
            # Large means swallow small differences in floating point; whole numbers do not.
            yield block if exact else _without_large_mean(block)

    values = into_distances(products_of(blocks(), weights.shape[0]))
    np.maximum(values, 0.0, out=values)
    values /= float(denominator) ** 2 * responses.n_units * responses.n_times
    return make_rdm(responses, values, "euclidean")


def correlation_rdm(responses: Responses, *, undefined: Undefined = None) -> RDM:
    """Correlation distance: D_ij = 1 - r(x_i, x_j), r Pearson's over units and time bins.

    x_i is the mean over the trials of condition i. A pattern that is constant, such as silence of
    all units, correlates with nothing.

    Args:
        responses: (trial, unit, time) responses.
        undefined: dissimilarity of pairs in which a pattern is constant; "drop" leaves those
            conditions out; None refuses them.

    Returns:
        RDM between 0 and 2; conditions in order of first appearance.

    Raises:
        ValueError: if a pattern is constant and `undefined` is None, or for fewer than 2 stimuli.

    Source: Kriegeskorte, Mur and Bandettini 2008, Frontiers in Systems Neuroscience 2:4.

    >>> counts = np.array([[1, 2, 3], [3, 2, 1]])
    >>> correlation_rdm(Responses.from_counts(counts, stimuli=["a", "b"])).values
    array([2.])
    """
    weights, _, exact = averaging(responses)
    n_features = responses.n_units * responses.n_times
    shift = np.zeros(weights.shape[0])
    if not exact:
        shift = weights @ responses.values.mean(axis=(1, 2), dtype=np.float64)
    totals = np.zeros(len(shift))

    def blocks() -> Iterator[np.ndarray]:
        for block in patterns(responses, weights):
            shifted = block if exact else block - shift[:, None]
            np.add(totals, shifted.sum(axis=1), out=totals)
            yield shifted

    pairs, squares = products_of(blocks(), len(shift))
    squares = n_features * squares - totals**2
    for row, part in pair_rows(pairs, len(shift)):
        np.multiply(part, n_features, out=part)
        np.subtract(part, totals[row] * totals[row + 1 :], out=part)
    constant = squares <= (64 * np.finfo(np.float64).eps * n_features * shift) ** 2
    values = _into_angles(pairs, squares, constant)
    return _with_policy(responses, values, constant, undefined, "correlation")


def cosine_rdm(responses: Responses, *, undefined: Undefined = None) -> RDM:
    """Cosine distance: D_ij = 1 - x_i · x_j / (|x_i| |x_j|), over units and time bins.

    x_i is the mean over the trials of condition i. A pattern of zeros, such as silence of all
    units, has no direction.

    Args:
        responses: (trial, unit, time) responses.
        undefined: dissimilarity of pairs in which a pattern is zero; "drop" leaves those
            conditions out; None refuses them.

    Returns:
        RDM between 0 and 2; conditions in order of first appearance.

    Raises:
        ValueError: if a pattern is zero and `undefined` is None, or for fewer than 2 stimuli.

    Source: Kriegeskorte and Diedrichsen 2019, Annual Review of Neuroscience 42:407.

    >>> counts = np.array([[3, 4], [4, 3]])
    >>> cosine_rdm(Responses.from_counts(counts, stimuli=["a", "b"])).values
    array([0.04])
    """
    weights = averaging(responses).weights
    pairs, squares = products_of(patterns(responses, weights), weights.shape[0])
    zero = squares == 0
    values = _into_angles(pairs, squares, zero)
    return _with_policy(responses, values, zero, undefined, "cosine")


def mahalanobis_rdm(responses: Responses, *, noise: Noise = "ledoit_wolf") -> RDM:
    """Squared Mahalanobis distance a feature: D_ij = (x_i - x_j)ᵀ Σ⁻¹ (x_i - x_j) / P.

    x_i is the mean over the trials of condition i, Σ the covariance of the noise between features
    (units times bins). Distances of noisy means are too large on average; `crossnobis_rdm` is not.

    Args:
        responses: (trial, unit, time) responses.
        noise: Σ, (feature, feature); or how it is estimated from the trials: "ledoit_wolf" or
            "schaefer_strimmer"; None for the identity.

    Returns:
        RDM without unit; conditions in order of first appearance.

    Raises:
        ValueError: if Σ cannot be estimated, has the wrong shape or is not positive definite.

    Source: Walther et al. 2016, NeuroImage 137:188.

    >>> responses = Responses.from_counts(np.array([[2, 0], [0, 2]]), stimuli=["a", "b"])
    >>> mahalanobis_rdm(responses, noise=np.diag([1.0, 4.0])).values
    array([2.5])
    """
    means = mean_patterns(responses)
    means -= means.mean(axis=0)
    whitened = whiten(means, covariance_of(responses, noise))
    values = into_distances(products_of([whitened], len(means)))
    np.maximum(values, 0.0, out=values)
    values /= means.shape[1]
    return make_rdm(responses, values, "mahalanobis")


def make_rdm(responses: Responses, values: np.ndarray, dissimilarity: str) -> RDM:
    """RDM of all conditions of responses.

    Args:
        responses: where the dissimilarities come from.
        values: (pair,) dissimilarities of `responses.stimuli`.
        dissimilarity: what they are.

    Returns:
        The RDM.
    """
    return RDM(
        values,
        responses.stimuli,
        dissimilarity=dissimilarity,
        source=population_name(responses),
        n_units=responses.n_units,
    )


def _without_large_mean(block: np.ndarray) -> np.ndarray:
    """Patterns about their mean, unless that is less than what differs: then as they are."""
    mean = block.mean(axis=0)
    if 2 * len(block) * np.vdot(mean, mean) <= np.vdot(block, block):
        return block
    return block - mean


def _into_angles(pairs: np.ndarray, squares: np.ndarray, undefined: np.ndarray) -> np.ndarray:
    """1 - G_ij / √(G_ii G_jj), written over the products; NaN for pairs of what is undefined."""
    lengths = np.where(undefined, np.nan, squares)
    for row, part in pair_rows(pairs, len(squares)):
        np.divide(part, np.sqrt(lengths[row] * lengths[row + 1 :]), out=part)
    np.clip(pairs, -1.0, 1.0, out=pairs)
    return np.subtract(1.0, pairs, out=pairs)


def _with_policy(
    responses: Responses,
    values: np.ndarray,
    without: np.ndarray,
    undefined: Undefined,
    name: str,
) -> RDM:
    """RDM in which pairs of conditions without a value are treated as asked for."""
    labels = np.asarray(responses.stimuli, dtype=object)
    if without.any() and undefined is None:
        raise ValueError(
            f"the {name} of {without.sum()} conditions is undefined, because all units "
            f"and bins respond alike or not at all: {list(labels[without][:10])}; leave them out, "
            "choose euclidean_rdm, or say with `undefined=` which dissimilarity their pairs get "
            "('drop' leaves them out)"
        )
    if undefined is None:
        return make_rdm(responses, values, name)
    if undefined != "drop":
        values = np.where(np.isnan(values), undefined, values)
        return make_rdm(responses, values, f"{name} (undefined = {undefined:g})")
    return RDM(
        values[~np.isnan(values)] if without.any() else values,
        tuple(labels[~without]),
        dissimilarity=name,
        source=population_name(responses),
        n_units=responses.n_units,
    )
