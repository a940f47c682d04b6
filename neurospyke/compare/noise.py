"""Covariance of the noise between units, from how trials of one condition differ.

With few trials the sample covariance cannot be inverted; shrinking it towards something simpler
both makes that possible and brings it closer to the truth.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from neurospyke.compare.kinds import check_responses
from neurospyke.compare.patterns import mean_patterns
from neurospyke.responses import Responses

Estimator = Callable[[np.ndarray, int], np.ndarray]
Noise = np.ndarray | str | Estimator | None


def noise_covariance(
    responses: Responses, estimator: str | Estimator = "ledoit_wolf"
) -> np.ndarray:
    """Covariance between features of what trials differ in from the mean of their condition.

    Args:
        responses: (trial, unit, time) responses with more trials than conditions; a feature is a
            unit in a time bin.
        estimator: a name in `ESTIMATORS`, or a function of the (trial, feature) residuals and
            their degrees of freedom, N - K for N trials of K conditions.

    Returns:
        (feature, feature) covariance in the unit of the responses, squared.

    Raises:
        ValueError: if there is no such estimator, every condition has a single trial, or the
            estimate is undefined.

    Source: Walther et al. 2016, NeuroImage 137:188.

    >>> counts = np.array([[0, 1], [2, 1], [5, 0], [5, 2]])
    >>> noise_covariance(Responses.from_counts(counts, stimuli=["a", "a", "b", "b"]),
    ...                  "sample_covariance")
    array([[1., 0.],
           [0., 1.]])
    """
    if isinstance(estimator, str):
        if estimator not in ESTIMATORS:
            raise ValueError(
                f"`estimator` must be one of {list(ESTIMATORS)} or a function; got {estimator!r}"
            )
        estimator = ESTIMATORS[estimator]
    residuals, n_degrees = noise_residuals(responses)
    return estimator(residuals, n_degrees)


def noise_precision(responses: Responses, estimator: str | Estimator = "ledoit_wolf") -> np.ndarray:
    """Inverse of the noise covariance.

    Args:
        responses: as for `noise_covariance`.
        estimator: as for `noise_covariance`.

    Returns:
        (feature, feature) precision.

    Raises:
        ValueError: as for `noise_covariance`, and if the estimate cannot be inverted.

    Source: Walther et al. 2016, NeuroImage 137:188.

    >>> counts = np.array([[0, 1], [2, 1], [5, 0], [5, 4]])
    >>> noise_precision(Responses.from_counts(counts, stimuli=["a", "a", "b", "b"]),
    ...                 "sample_covariance")
    array([[1.  , 0.  ],
           [0.  , 0.25]])
    """
    covariance = noise_covariance(responses, estimator)
    _root(covariance)
    return cho_solve(cho_factor(covariance, lower=True), np.eye(len(covariance)))


def noise_residuals(responses: Responses) -> tuple[np.ndarray, int]:
    """What trials differ in from the mean of their condition, and its degrees of freedom.

    Args:
        responses: (trial, unit, time) responses.

    Returns:
        (trial, feature) residuals, and number of trials less number of conditions.

    Raises:
        ValueError: if every condition has a single trial.
    """
    check_responses(responses)
    codes = pd.factorize(responses.trials["stimulus"])[0]
    n_degrees = responses.n_trials - len(responses.stimuli)
    if n_degrees == 0:
        raise ValueError(
            "`responses` must have several trials of a condition to show its noise; "
            f"{responses.n_trials} trials are of {len(responses.stimuli)} conditions: give the "
            "noise covariance itself"
        )
    residuals = responses.values.reshape(responses.n_trials, -1).astype(np.float64)
    residuals -= mean_patterns(responses)[codes]
    return residuals, n_degrees


def sample_covariance(residuals: np.ndarray, n_degrees: int) -> np.ndarray:
    """Unbiased covariance: C = Rᵀ R / ν.

    Args:
        residuals: R, (trial, feature), means of the conditions removed.
        n_degrees: ν, degrees of freedom: trials less conditions.

    Returns:
        (feature, feature) covariance.

    Source: any textbook.

    >>> sample_covariance(np.array([[-1.0, 0.0], [1.0, 0.0]]), 1)
    array([[2., 0.],
           [0., 0.]])
    """
    return residuals.T @ residuals / n_degrees


def sample_variances(residuals: np.ndarray, n_degrees: int) -> np.ndarray:
    """Unbiased variances on the diagonal, zeros elsewhere: no noise is shared.

    Args:
        residuals: (trial, feature), means of the conditions removed.
        n_degrees: degrees of freedom: trials less conditions.

    Returns:
        (feature, feature) diagonal covariance.

    Source: any textbook.

    >>> sample_variances(np.array([[-1.0, 3.0], [1.0, -3.0]]), 1)
    array([[ 2.,  0.],
           [ 0., 18.]])
    """
    return np.diag(np.einsum("np,np->p", residuals, residuals) / n_degrees)


def ledoit_wolf(residuals: np.ndarray, n_degrees: int) -> np.ndarray:
    """Shrinkage towards equal variances: Ĉ = (N / ν) (λ m I + (1 - λ) C), C = Rᵀ R / N.

    m = tr C / P, d² = ‖C - m I‖², b² = Σ_n ‖r_n r_nᵀ - C‖² / N², λ = min(b², d²) / d². Units that
    are silent throughout do no harm.

    Args:
        residuals: R, (trial, feature), means of the conditions removed.
        n_degrees: ν, degrees of freedom: trials less conditions.

    Returns:
        (feature, feature) covariance, positive definite unless all is zero.

    Source: Ledoit and Wolf 2004, Journal of Multivariate Analysis 88:365, section 3.

    Two residuals along one axis have C = diag(1, 0), m = 1/2, b² = 0, so that nothing is shrunk:

    >>> ledoit_wolf(np.array([[-1.0, 0.0], [1.0, 0.0]]), 1)
    array([[2., 0.],
           [0., 0.]])
    """
    n_trials, n_features = residuals.shape
    covariance = residuals.T @ residuals
    covariance /= n_trials
    mean_variance = np.trace(covariance) / n_features
    squares = np.vdot(covariance, covariance)
    # Σ of the squares of all r_a r_b is Σ over trials of the fourth power of the length.
    lengths = np.einsum("np,np->n", residuals, residuals)
    spread = (np.mean(lengths**2) - squares) / n_trials
    distance = squares - n_features * mean_variance**2
    share = min(max(spread, 0.0), distance) / distance if distance > 0 else 0.0
    covariance *= (1 - share) * n_trials / n_degrees
    covariance[np.diag_indices(n_features)] += share * mean_variance * n_trials / n_degrees
    return covariance


def schaefer_strimmer(residuals: np.ndarray, n_degrees: int) -> np.ndarray:
    """Shrinkage towards no correlation: Ĉ_ab = (1 - λ) C_ab for a ≠ b, Ĉ_aa = C_aa, C = Rᵀ R / ν.

    λ = Σ_{a≠b} Var(r_ab) / Σ_{a≠b} r_ab², between 0 and 1. With Z_na = R_na / √C_aa,
    r = Zᵀ Z / (N - 1) and q = (Z∘Z)ᵀ (Z∘Z) / (N - 1), Var(r) is estimated by (N / ν²) (q - r²).

    Args:
        residuals: R, (trial, feature), means of the conditions removed.
        n_degrees: ν, degrees of freedom: trials less conditions.

    Returns:
        (feature, feature) covariance.

    Raises:
        ValueError: if a feature never varies, or there is a single feature or trial.

    Source: Schäfer and Strimmer 2005, Statistical Applications in Genetics 4:32, target D; the
    variance of r as in rsatoolbox 0.3.

    Independent features, whose correlation is exactly 0, have a share of 1:

    >>> schaefer_strimmer(np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]), 4)
    array([[1., 0.],
           [0., 1.]])
    """
    n_trials = len(residuals)
    covariance = residuals.T @ residuals
    covariance /= n_degrees
    variances = np.diagonal(covariance).copy()
    if not (variances > 0).all():
        raise ValueError(
            f"`residuals` must vary in every feature; {(variances <= 0).sum()} never do: leave "
            "silent units out, or use ledoit_wolf"
        )
    deviations = np.sqrt(variances)
    covariance /= deviations[:, None]
    covariance /= deviations
    correlations = (np.vdot(covariance, covariance) - len(variances)) * (
        n_degrees / (n_trials - 1)
    ) ** 2
    # Sums over all pairs of features of squares and products over trials are sums over trials.
    fourth = 0.0
    for start in range(0, n_trials, 1024):
        squares = (residuals[start : start + 1024] / deviations) ** 2
        fourth += (squares.sum(axis=1) ** 2).sum() - np.vdot(squares, squares)
    spread = n_trials / n_degrees**2 * (fourth / (n_trials - 1) - correlations)
    share = min(max(spread / correlations, 0.0), 1.0) if correlations > 0 else 1.0
    covariance *= 1 - share
    covariance[np.diag_indices(len(variances))] = 1.0
    covariance *= deviations[:, None]
    covariance *= deviations
    return covariance


ESTIMATORS: Mapping[str, Estimator] = MappingProxyType(
    {
        "ledoit_wolf": ledoit_wolf,
        "schaefer_strimmer": schaefer_strimmer,
        "sample_covariance": sample_covariance,
        "sample_variances": sample_variances,
    }
)


def covariance_of(responses: Responses, noise: Noise) -> np.ndarray | None:
    """The noise covariance that was given or asked for.

    Args:
        responses: (trial, unit, time) responses.
        noise: (feature, feature) covariance, a name in `ESTIMATORS`, a function of residuals and
            degrees of freedom, or None for the identity.

    Returns:
        (feature, feature) covariance, or None.

    Raises:
        ValueError: if its shape is wrong or it cannot be estimated.
    """
    if noise is None:
        return None
    if isinstance(noise, str) or callable(noise):
        return noise_covariance(responses, noise)
    covariance = np.asarray(noise, dtype=np.float64)
    n_features = responses.n_units * responses.n_times
    if covariance.shape != (n_features, n_features):
        raise ValueError(
            f"`noise` must be ({n_features}, {n_features}), a row for every unit in every bin; "
            f"got shape {covariance.shape}"
        )
    return covariance


def whiten(patterns: np.ndarray, covariance: np.ndarray | None) -> np.ndarray:
    """Patterns whose plain products are x Σ⁻¹ y.

    Args:
        patterns: (row, feature) x.
        covariance: Σ, (feature, feature); None for the identity.

    Returns:
        (row, feature) L⁻¹ x with Σ = L Lᵀ.

    Raises:
        ValueError: if Σ is not positive definite.

    >>> whiten(np.array([[2.0, 2.0]]), np.diag([1.0, 4.0]))
    array([[2., 1.]])
    """
    if covariance is None:
        return patterns
    return solve_triangular(_root(covariance), patterns.T, lower=True).T


def _root(covariance: np.ndarray) -> np.ndarray:
    try:
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError as error:
        raise ValueError(
            "the noise covariance must be positive definite; use more trials, leave out units "
            "that never vary, or shrink it (ledoit_wolf)"
        ) from error
