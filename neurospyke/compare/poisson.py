"""Dissimilarities of spike counts as draws from Poisson distributions."""

import numpy as np

from neurospyke.compare.crossvalidated import cells_of, mean_distances
from neurospyke.compare.distances import make_rdm
from neurospyke.compare.kinds import check_responses
from neurospyke.compare.patterns import (
    add_products,
    into_distances,
    mean_patterns,
    no_products,
    patterns,
    summing,
)
from neurospyke.compare.rdm import RDM
from neurospyke.responses import Responses


def poisson_rdm(responses: Responses, *, prior_mean: float = 1.0, prior_weight: float = 0.1) -> RDM:
    """Symmetrised Kullback-Leibler divergence of Poisson counts, a feature.

    D_ij = Σ (λ_i - λ_j)(ln λ_i - ln λ_j) / P with λ_i = (x_i + w m) / (1 + w), where x_i is the
    mean over the trials of condition i, m the prior mean and w its weight, which keeps silence
    finite.

    Args:
        responses: (trial, unit, time) responses of 0 or more.
        prior_mean: m, above 0, in the unit of the responses.
        prior_weight: w, above 0, in trials.

    Returns:
        RDM in nats times the unit of the responses; conditions in order of first appearance.

    Raises:
        ValueError: if a response is negative or the prior is not positive.

    Source: Schütt et al. 2023, eLife 12:e82566, methods.

    Rates of (21 + 1) / 2 and (1 + 1) / 2 differ by 10, their logarithms by ln 11:

    >>> responses = Responses.from_counts(np.array([[21], [1]]), stimuli=["a", "b"])
    >>> (poisson_rdm(responses, prior_weight=1.0).values / np.log(11)).round(12)
    array([10.])
    """
    _check(responses, prior_mean, prior_weight)
    rates = _with_prior(mean_patterns(responses), prior_mean, prior_weight)
    products = no_products(len(rates))
    add_products(products, rates, np.log(rates))
    values = np.maximum(into_distances(products), 0.0)
    return make_rdm(responses, values / rates.shape[1], "poisson")


def crossvalidated_poisson_rdm(
    responses: Responses,
    *,
    fold: str = "repetition",
    prior_mean: float = 1.0,
    prior_weight: float = 0.1,
) -> RDM:
    """Symmetrised Poisson divergence with rates from one fold and their logarithms from another.

    D_ij is the mean over folds m ≠ l of Σ (λ_im - λ_jm)(ln λ_il - ln λ_jl) / P, with λ as in
    `poisson_rdm` but of the mean over the trials of one cell (condition, fold). Two conditions of
    equal rates have a mean of 0. Missing cells are left out of the means.

    Args:
        responses: (trial, unit, time) responses of 0 or more; each condition in at least 2 folds.
        fold: column of `trials` that says which trials share noise.
        prior_mean: m, above 0, in the unit of the responses.
        prior_weight: w, above 0, in trials.

    Returns:
        RDM in nats times the unit of the responses; values may be negative.

    Raises:
        ValueError: as for `poisson_rdm` and `crossnobis_rdm`.

    Source: Schütt et al. 2023, eLife 12:e82566, methods.

    Two folds alike give what `poisson_rdm` gives:

    >>> counts = np.array([[[21, 21], [1, 1]]])
    >>> responses = Responses.from_counts(counts, stimuli=["a", "b"])
    >>> (crossvalidated_poisson_rdm(responses, prior_weight=1.0).values / np.log(11)).round(12)
    array([10.])
    """
    _check(responses, prior_mean, prior_weight)
    cells = cells_of(responses, fold)
    there = cells.counts > 0
    products = no_products(len(there))
    for block in patterns(responses, summing(cells.codes, there.size)):
        means = block / np.maximum(cells.counts, 1).reshape(-1, 1)
        rates = _with_prior(means, prior_mean, prior_weight)
        logs = np.log(rates)
        rates, logs = (
            np.where(there[:, :, None], part.reshape(*there.shape, -1), 0.0)
            for part in (rates, logs)
        )
        add_products(products, rates.sum(axis=1), logs.sum(axis=1))
        for column in range(there.shape[1]):
            add_products(products, rates[:, column], logs[:, column], factor=-1.0)
    values = mean_distances(products, there.astype(np.int64))
    values /= responses.n_units * responses.n_times
    return make_rdm(responses, values, "crossvalidated poisson")


def _with_prior(means: np.ndarray, prior_mean: float, prior_weight: float) -> np.ndarray:
    return (means + prior_weight * prior_mean) / (1 + prior_weight)


def _check(responses: Responses, prior_mean: float, prior_weight: float) -> None:
    check_responses(responses)
    for name, number in (("prior_mean", prior_mean), ("prior_weight", prior_weight)):
        if not number > 0:
            raise ValueError(f"`{name}` must be above 0; got {number}")
    least = responses.values.min()
    if least < 0:
        raise ValueError(f"`responses` must be counts or rates of 0 or more; the least is {least}")
