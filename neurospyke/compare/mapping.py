"""Linear maps from one population to another: ridge, partial least squares, banded ridge.

Each function makes an estimator in scikit-learn's form, which learns from training stimuli alone.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

_GRID = tuple(float(alpha) for alpha in 10.0 ** np.arange(-3, 10.5, 0.5))


def ridge(alphas: ArrayLike = _GRID) -> Any:
    """Ridge regression whose penalty is chosen for each target unit.

    B_u = argmin ‖y_u - X B‖² + α_u ‖B‖², α_u the one with the least squared error when each
    stimulus is left out in turn, in closed form for the whole grid.

    Args:
        alphas: penalties to choose from.

    Returns:
        scikit-learn's RidgeCV.

    Source: Hoerl and Kennard 1970, Technometrics 12:55; Golub, Heath and Wahba 1979, 21:215.

    >>> x = np.arange(6.0)[:, None]
    >>> ridge([1e-9]).fit(x, 2 * x[:, 0] + 1).predict([[10.0]]).round(6)
    array([21.])
    """
    from sklearn.linear_model import RidgeCV

    return RidgeCV(alphas=np.asarray(alphas), alpha_per_target=True)


def pls(n_components: int = 25) -> Any:
    """Partial least squares on centred, unscaled patterns.

    Args:
        n_components: number of components; at most the rank of the training patterns.

    Returns:
        scikit-learn's PLSRegression.

    Source: Wold 1975; 25 components as in Schrimpf et al. 2018, bioRxiv 407007.
    """
    from sklearn.cross_decomposition import PLSRegression

    return PLSRegression(n_components=n_components, scale=False)


MAPPINGS: Mapping[str, Callable[[], Any]] = MappingProxyType({"ridge": ridge, "pls": pls})


class BandedRidge:
    """Ridge regression with a penalty for each band of features, such as each layer.

    B_u = argmin ‖y_u - Σ_b X_b B_b‖² + Σ_b (α_u / γ_ub) ‖B_b‖²: plain ridge on [√γ_b X_b]. The
    shares γ, which sum to 1, are drawn at random from the simplex; shares and α are those with
    the least squared error of each unit when each stimulus is left out in turn. With kernel
    K = Σ_b γ_b X_b X_bᵀ of centred features and G = (K + αI)⁻¹ without the mean, the residual of
    stimulus i left out is (G y)_i / (G_ii).

    Args:
        widths: number of features of each band, in order.
        alphas: penalties to choose from.
        n_shares: number of random shares beside the even one and those of one band alone.
        seed: of the shares.

    Attributes:
        shares_: (unit, band) chosen γ.
        alphas_: (unit,) chosen α.
        coef_: (unit, feature) weights.

    Raises:
        ValueError: if a number is out of range.

    Source: Dupré la Tour, Eickenberg, Nunez-Elizalde and Gallant 2022, NeuroImage 264:119728.

    >>> x = np.arange(12.0).reshape(6, 2) ** 2
    >>> model = BandedRidge([1, 1], [1e-9]).fit(x, x[:, :1])
    >>> model.shares_, model.predict([[7.0, 100.0]]).round(4)
    (array([[1., 0.]]), array([[7.]]))
    """

    def __init__(
        self,
        widths: Sequence[int],
        alphas: ArrayLike = _GRID,
        *,
        n_shares: int = 20,
        seed: int = 0,
    ) -> None:
        if min(widths, default=0) < 1 or n_shares < 0 or not (np.asarray(alphas) > 0).all():
            raise ValueError(
                "`widths` must be at least 1, `alphas` above 0 and `n_shares` 0 or more; got "
                f"{list(widths)}, {alphas} and {n_shares}"
            )
        self.widths, self.alphas, self.n_shares, self.seed = widths, alphas, n_shares, seed

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Arguments, as scikit-learn asks for them.

        Args:
            deep: ignored.

        Returns:
            The arguments by name.
        """
        names = ("widths", "alphas", "n_shares", "seed")
        return {name: getattr(self, name) for name in names}

    def fit(self, patterns: np.ndarray, targets: np.ndarray) -> Self:
        """Choose shares and penalty for each unit and learn the weights.

        Args:
            patterns: (stimulus, feature), bands side by side.
            targets: (stimulus, unit).

        Returns:
            The model.

        Raises:
            ValueError: if the widths do not add up to the features.
        """
        patterns, targets = np.asarray(patterns, np.float64), np.asarray(targets, np.float64)
        if sum(self.widths) != patterns.shape[1]:
            raise ValueError(
                f"`widths` must add up to {patterns.shape[1]} features; got {list(self.widths)}"
            )
        self.mean_, self.target_mean_ = patterns.mean(axis=0), targets.mean(axis=0)
        centred, wanted = patterns - self.mean_, targets - self.target_mean_
        bands = np.split(centred, np.cumsum(self.widths)[:-1], axis=1)
        kernels = np.array([band @ band.T for band in bands])
        n_units = targets.shape[1]
        least = np.full(n_units, np.inf)
        self.alphas_, self.shares_ = np.zeros(n_units), np.zeros((n_units, len(bands)))
        dual = np.zeros_like(wanted)
        for shares in self._shares():
            spectrum = _spectrum(np.tensordot(shares, kernels, 1), wanted)
            for alpha in np.asarray(self.alphas, dtype=np.float64):
                weights, errors = _leave_one_out(*spectrum, alpha)
                better = errors < least
                least[better], dual[:, better] = errors[better], weights[:, better]
                self.alphas_[better], self.shares_[better] = alpha, shares
        parts = [(band.T @ dual) * share for band, share in zip(bands, self.shares_.T, strict=True)]
        self.coef_ = np.concatenate(parts).T
        return self

    def predict(self, patterns: np.ndarray) -> np.ndarray:
        """Responses predicted.

        Args:
            patterns: (stimulus, feature).

        Returns:
            (stimulus, unit).
        """
        return (np.asarray(patterns) - self.mean_) @ self.coef_.T + self.target_mean_

    def _shares(self) -> np.ndarray:
        n_bands = len(self.widths)
        drawn = np.random.default_rng(self.seed).dirichlet(np.ones(n_bands), self.n_shares)
        if n_bands == 1:
            return np.ones((1, 1))
        return np.concatenate([np.full((1, n_bands), 1 / n_bands), np.eye(n_bands), drawn])


def _spectrum(kernel: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues and vectors of a centred kernel but for the mean, and the targets in them.

    The mean is fitted freely, so its vector, which a centred kernel sends to zero, must not be
    among those shrunk. Lifted above all others, it comes out last.
    """
    lifted = kernel + (2 * np.trace(kernel) + 1) / len(kernel)
    values, vectors = np.linalg.eigh(lifted)
    return np.maximum(values[:-1], 0), vectors[:, :-1], vectors[:, :-1].T @ wanted


def _leave_one_out(
    values: np.ndarray, vectors: np.ndarray, wanted: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """(stimulus, unit) dual weights and (unit,) sums of squared errors of stimuli left out."""
    weights = vectors @ (wanted / (values + alpha)[:, None])
    own = np.square(vectors) @ (1 / (values + alpha))
    return weights, np.square(weights / own[:, None]).sum(axis=0)
