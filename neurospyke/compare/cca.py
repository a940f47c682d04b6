"""Canonical correlations of two sets of patterns: plain, of what carries variance, weighted."""

from typing import NamedTuple

import numpy as np

from neurospyke.compare.cka import centred


class Maps(NamedTuple):
    """Linear maps of two populations into one space.

    Attributes:
        left: (unit, dimension) of the first.
        right: (unit, dimension) of the second.
        weights: (dimension,) how much each counts; they sum to 1.
    """

    left: np.ndarray
    right: np.ndarray
    weights: np.ndarray


def canonical_correlations(patterns: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Correlations of the pairs of directions in which two populations agree best.

    ρ = singular values of QₓᵀQᵧ, Q orthonormal bases of the centred patterns. With as many
    independent units as stimuli they are 1 whatever the patterns are; that is refused.

    Args:
        patterns: (stimulus, unit).
        others: (stimulus, unit).

    Returns:
        (dimension,) from largest to smallest; as many as the smaller rank.

    Raises:
        ValueError: if shapes do not fit, a side is constant, or the ranks leave no freedom.

    Source: Hotelling 1936, Biometrika 28:321; Bjorck and Golub 1973.

    >>> x = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    >>> canonical_correlations(x, x[:, :1] + 5).round(12)
    array([1.])
    """
    return _fit(*centred(patterns, others), 1.0)[1]


def cca(patterns: np.ndarray, others: np.ndarray) -> float:
    """Mean canonical correlation: Σ ρ_d / D.

    Args:
        patterns: (stimulus, unit).
        others: (stimulus, unit).

    Returns:
        0 to 1.

    Raises:
        ValueError: as `canonical_correlations`.

    Source: Raghu, Gilmer, Yosinski and Sohl-Dickstein 2017, NeurIPS.

    >>> x = np.array([[1.0, 0], [0, 1], [-1, 0], [0, -1], [1, 1], [0, 0]])
    >>> round(cca(x, 2 * x), 12)
    1.0
    """
    return float(canonical_correlations(patterns, others).mean())


def svcca(patterns: np.ndarray, others: np.ndarray, variance: float = 0.99) -> float:
    """Mean canonical correlation of the principal components that hold most of the variance.

    Args:
        patterns: (stimulus, unit).
        others: (stimulus, unit).
        variance: share kept on each side, above 0 and at most 1.

    Returns:
        0 to 1.

    Raises:
        ValueError: as `canonical_correlations`.

    Source: Raghu, Gilmer, Yosinski and Sohl-Dickstein 2017, NeurIPS.

    >>> x = np.array([[9.0, 0.0], [0.0, 0.1], [-9.0, 0.0], [0.0, -0.1]])
    >>> round(svcca(x, x[:, :1]), 12)
    1.0
    """
    return float(_fit(*centred(patterns, others), variance)[1].mean())


def pwcca(patterns: np.ndarray, others: np.ndarray) -> float:
    """Canonical correlations, each weighted by how much of the first side it accounts for.

    Σ_d w_d ρ_d / Σ_d w_d, w_d = Σ_j |h_dᵀ x_j|, h_d the canonical variate of X and x_j its units.

    Args:
        patterns: (stimulus, unit) X, which gives the weights.
        others: (stimulus, unit).

    Returns:
        0 to 1; not the same with sides exchanged.

    Raises:
        ValueError: as `canonical_correlations`.

    Source: Morcos, Raghu and Bengio 2018, NeurIPS.

    >>> x = np.array([[1.0, 0], [0, 1], [-1, 0], [0, -1], [1, 1], [0, 0]])
    >>> round(pwcca(x, 2 * x), 12)
    1.0
    """
    maps, correlations = _fit(*centred(patterns, others), 1.0, weighted=True)
    return float(maps.weights @ correlations)


def regression_r2(patterns: np.ndarray, others: np.ndarray) -> float:
    """Share of the variance of one population that a linear map of the other reproduces.

    ‖QₓᵀY‖² / ‖Y‖², Qₓ an orthonormal basis of the centred patterns: R² of least squares on the
    stimuli that it was fitted to. For prediction of other stimuli see `encoding`.

    Args:
        patterns: (stimulus, unit) X, which predicts.
        others: (stimulus, unit) Y, which is predicted.

    Returns:
        0 to 1; not the same with sides exchanged.

    Raises:
        ValueError: if shapes do not fit, a side is constant, or X has so many independent units
            that it reproduces anything.

    Source: Kornblith, Norouzi, Lee and Hinton 2019, ICML, table 1.

    >>> x = np.array([[1.0], [0.0], [-1.0]])
    >>> round(regression_r2(x, np.array([[2.0, 1.0], [0.0, -2.0], [-2.0, 1.0]])), 12)  # 8 of 14
    0.571428571429
    """
    left, right = centred(patterns, others)
    basis, _ = _basis(left, 1.0)
    if basis.shape[1] >= len(left) - 1:
        raise ValueError(
            f"{basis.shape[1]} independent units reproduce any responses to {len(left)} stimuli; "
            "take fewer units or more stimuli"
        )
    return float(np.square(basis.T @ right).sum() / np.square(right).sum())


def fit_cca(patterns: np.ndarray, others: np.ndarray) -> Maps:
    """Canonical directions, learned from some stimuli to be tested on others.

    Args:
        patterns: (stimulus, unit).
        others: (stimulus, unit).

    Returns:
        Maps whose dimensions count alike.

    Raises:
        ValueError: as `canonical_correlations`.
    """
    return _fit(*centred(patterns, others), 1.0)[0]


def fit_svcca(patterns: np.ndarray, others: np.ndarray) -> Maps:
    """The same of the components that hold 99 % of the variance of each side.

    Args:
        patterns: (stimulus, unit).
        others: (stimulus, unit).

    Returns:
        Maps whose dimensions count alike.

    Raises:
        ValueError: as `canonical_correlations`.
    """
    return _fit(*centred(patterns, others), 0.99)[0]


def fit_pwcca(patterns: np.ndarray, others: np.ndarray) -> Maps:
    """The same of all components, weighted as in `pwcca`.

    Args:
        patterns: (stimulus, unit), which gives the weights.
        others: (stimulus, unit).

    Returns:
        Maps whose dimensions count by their weights.

    Raises:
        ValueError: as `canonical_correlations`.
    """
    return _fit(*centred(patterns, others), 1.0, weighted=True)[0]


def _fit(
    left: np.ndarray, right: np.ndarray, variance: float, *, weighted: bool = False
) -> tuple[Maps, np.ndarray]:
    if not 0 < variance <= 1:
        raise ValueError(f"`variance` must be above 0 and at most 1; got {variance}")
    bases, whitenings = zip(*(_basis(side, variance) for side in (left, right)), strict=True)
    ranks = [basis.shape[1] for basis in bases]
    if sum(ranks) > len(left) - 1:
        raise ValueError(
            f"canonical correlations of ranks {ranks[0]} and {ranks[1]} need more than "
            f"{sum(ranks)} stimuli, else some are 1 whatever the patterns; there are {len(left)}: "
            "take fewer units, or components that hold less of the variance (`svcca`)"
        )
    turn, correlations, other = np.linalg.svd(bases[0].T @ bases[1], full_matrices=False)
    weights = np.ones(len(correlations))
    if weighted:
        weights = np.abs((bases[0] @ turn).T @ left).sum(axis=1)
    maps = Maps(whitenings[0] @ turn, whitenings[1] @ other.T, weights / weights.sum())
    return maps, np.clip(correlations, 0, 1)


def _basis(side: np.ndarray, variance: float) -> tuple[np.ndarray, np.ndarray]:
    """(stimulus, rank) orthonormal patterns and the (unit, rank) map that leads there."""
    basis, values, axes = np.linalg.svd(side, full_matrices=False)
    rank = int((values > 1e-10 * values[0]).sum())
    shares = np.cumsum(np.square(values)) / np.square(values).sum()
    if variance < 1:
        rank = min(rank, int(np.searchsorted(shares, variance)) + 1)
    return basis[:, :rank], axes[:rank].T / values[:rank]
