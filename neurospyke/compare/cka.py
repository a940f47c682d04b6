"""Centred kernel alignment of two sets of patterns: linear, Gaussian, and without bias."""

import numpy as np
from scipy.spatial.distance import pdist, squareform


def linear_cka(patterns: np.ndarray, others: np.ndarray) -> float:
    """Centred kernel alignment with linear kernels.

    ‖XᵀY‖² / (‖XᵀX‖ ‖YᵀY‖), Frobenius norms, X and Y centred over stimuli. Biased upward where
    units are many and stimuli few (`debiased_cka`).

    Args:
        patterns: (stimulus, unit) X.
        others: (stimulus, unit) Y, the same stimuli in the same order.

    Returns:
        0 to 1; 1 if one is the other turned and scaled.

    Raises:
        ValueError: if shapes do not fit or a side is constant.

    Source: Kornblith, Norouzi, Lee and Hinton 2019, ICML, equation 4 and section 3.

    >>> x = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    >>> round(linear_cka(x, 3 * x[:, ::-1]), 12)
    1.0
    """
    left, right = centred(patterns, others)
    return _aligned(left @ left.T, right @ right.T)


def rbf_cka(patterns: np.ndarray, others: np.ndarray, scale: float = 1.0) -> float:
    """Centred kernel alignment with Gaussian kernels exp(-d² / (2 σ²)).

    σ² is `scale`² times the median of d² between different stimuli of each side. Of an even number
    of pairs it is the mean of the two in the middle, not the square of their mean distance.

    Args:
        patterns: (stimulus, unit).
        others: (stimulus, unit).
        scale: of the kernels' width.

    Returns:
        0 to 1.

    Raises:
        ValueError: if shapes do not fit, a side is constant, or half its distances are 0.

    Source: Kornblith, Norouzi, Lee and Hinton 2019, ICML, section 3.

    >>> x = np.array([[0.0], [1.0], [3.0]])
    >>> round(rbf_cka(x, 10 * x), 12)
    1.0
    """
    if not scale > 0:
        raise ValueError(f"`scale` must be above 0; got {scale}")
    kernels = [_gaussian_kernel(side, scale) for side in centred(patterns, others)]
    centring = np.eye(len(kernels[0])) - 1 / len(kernels[0])
    return _aligned(*(centring @ kernel @ centring for kernel in kernels))


def debiased_cka(patterns: np.ndarray, others: np.ndarray) -> float:
    """Centred kernel alignment with linear kernels and estimates of HSIC without bias.

    With K̃ and L̃ the kernels with zeros on the diagonal and n stimuli,
    HSIC = [Σ K̃∘L̃ + ΣK̃ ΣL̃ / ((n-1)(n-2)) - 2 · 1ᵀK̃L̃1 / (n-2)] / (n (n-3)), and
    HSIC(K, L) / √(HSIC(K, K) HSIC(L, L)).

    Args:
        patterns: (stimulus, unit), at least 4 stimuli.
        others: (stimulus, unit).

    Returns:
        At most 1; about 0 for independent patterns, whatever their number of units.

    Raises:
        ValueError: if shapes do not fit, a side is constant, or there are fewer than 4 stimuli.

    Source: Song et al. 2012, JMLR 13:1393, equation 5; Murphy, Zylberberg and Fyshe 2024.

    >>> x = np.array([[1.0], [2.0], [4.0], [8.0]])
    >>> round(debiased_cka(x, x), 12)
    1.0
    """
    left, right = centred(patterns, others)
    if len(left) < 4:
        raise ValueError(f"`patterns` must have at least 4 stimuli; got {len(left)}")
    kernels = [side @ side.T for side in (left, right)]
    for kernel in kernels:
        np.fill_diagonal(kernel, 0)
    own = [_hsic(kernel, kernel) for kernel in kernels]
    if min(own) <= 0:
        raise ValueError("the alignment is undefined: patterns of a side have no common structure")
    return float(_hsic(*kernels) / np.sqrt(own[0] * own[1]))


def centred(patterns: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both sides less their means over stimuli.

    Args:
        patterns: (stimulus, unit).
        others: (stimulus, unit).

    Returns:
        Two new arrays in float64.

    Raises:
        ValueError: if they are not matrices of the same number of stimuli, or one is constant.
    """
    sides = [np.asarray(side, dtype=np.float64) for side in (patterns, others)]
    if any(side.ndim != 2 for side in sides) or len(sides[0]) != len(sides[1]):
        raise ValueError(
            "`patterns` and `others` must be (stimulus, unit) of the same stimuli; got shapes "
            f"{sides[0].shape} and {sides[1].shape}"
        )
    moved = [side - side.mean(axis=0) for side in sides]
    for name, side, own in zip(("patterns", "others"), sides, moved, strict=True):
        if np.linalg.norm(own) <= 1e-13 * np.linalg.norm(side):
            raise ValueError(f"`{name}` must differ between stimuli; all are equal")
    return moved[0], moved[1]


def _gaussian_kernel(side: np.ndarray, scale: float) -> np.ndarray:
    squares = pdist(side, "sqeuclidean")
    middle = np.median(squares)
    if middle == 0:
        raise ValueError("the median distance of a side is 0: most of its patterns are equal")
    return np.exp(-squareform(squares) / (2 * scale**2 * middle))


def _aligned(left: np.ndarray, right: np.ndarray) -> float:
    return float((left * right).sum() / (np.linalg.norm(left) * np.linalg.norm(right)))


def _hsic(left: np.ndarray, right: np.ndarray) -> float:
    n = len(left)
    rows = left.sum(axis=0), right.sum(axis=0)
    middle = rows[0].sum() * rows[1].sum() / ((n - 1) * (n - 2))
    return ((left * right).sum() + middle - 2 * rows[0] @ rows[1] / (n - 2)) / (n * (n - 3))
