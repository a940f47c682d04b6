"""Models that are fitted to the brain: the best part, a weighted sum, a point between parts.

All are linear in their parts, so that fitting needs inner products only: the matrix G of the parts
with each other, and the vector b of the parts with the pooled brain. Each fit maximises the mean
similarity bᵀθ / √(θᵀGθ) over its own set of weights: θ >= 0, but for least squares and ridge.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from neurospyke.compare.rdm import RDM
from neurospyke.responses import Responses

_RIDGE = 1e-13
_SINGULAR = 1e-10
_TOLERANCE = 1e-12


@dataclass(frozen=True, eq=False)
class FlexibleModel:
    """A model with weights that are fitted to some data and tested on other data.

    Args:
        kind: a name in `FITS`.
        parts: at least 2 responses or RDMs.
        penalty: on squared weights, relative to each part's squared length; for "ridge".

    Raises:
        ValueError: if there is no such kind, there are fewer than 2 parts, or the penalty does not
            fit the kind.
    """

    kind: str
    parts: tuple[Responses | RDM, ...]
    penalty: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in FITS:
            raise ValueError(f"`kind` must be one of {list(FITS)}; got {self.kind!r}")
        if len(self.parts) < 2:
            raise ValueError(
                f"`parts` must be at least 2 responses or RDMs; got {len(self.parts)}: "
                "a single one is a fixed model, and can be given as it is"
            )
        allowed = 0 < self.penalty < np.inf if self.kind == "ridge" else self.penalty == 0
        if not allowed:
            raise ValueError(
                "`penalty` must be above 0 and finite for 'ridge', and 0 for other kinds; "
                f"got {self.penalty} for {self.kind!r}"
            )

    def __repr__(self) -> str:
        return f"FlexibleModel({self.kind}, {len(self.parts)} parts)"


def selected(*parts: Responses | RDM) -> FlexibleModel:
    """The part that fits best.

    Args:
        *parts: at least 2 responses or RDMs.

    Returns:
        The model.

    >>> selected(*[RDM(np.arange(3), ("a", "b", "c"), dissimilarity="any")] * 2)
    FlexibleModel(selected, 2 parts)
    """
    return FlexibleModel("selected", parts)


def weighted(*parts: Responses | RDM) -> FlexibleModel:
    """The sum of the parts' dissimilarities, each times a weight of 0 or more.

    Args:
        *parts: at least 2 responses or RDMs.

    Returns:
        The model.

    Source: Khaligh-Razavi and Kriegeskorte 2014, PLoS Computational Biology 10:e1003915.

    >>> weighted(*[RDM(np.arange(3), ("a", "b", "c"), dissimilarity="any")] * 3)
    FlexibleModel(weighted, 3 parts)
    """
    return FlexibleModel("weighted", parts)


def interpolated(*parts: Responses | RDM) -> FlexibleModel:
    """A point on the line from each part to the next, such as along a parameter of a model.

    Args:
        *parts: at least 2 responses or RDMs, in the order of the parameter.

    Returns:
        The model.

    >>> interpolated(*[RDM(np.arange(3), ("a", "b", "c"), dissimilarity="any")] * 2)
    FlexibleModel(interpolated, 2 parts)
    """
    return FlexibleModel("interpolated", parts)


def least_squares(*parts: Responses | RDM) -> FlexibleModel:
    """The sum of the parts' dissimilarities, each times a weight of either sign.

    A negative weight takes away what other parts have too much of; such a sum need not be a
    distance (`weighted` is). For many parts see `ridge_weighted`.

    Args:
        *parts: at least 2 responses or RDMs.

    Returns:
        The model.

    Source: Kriegeskorte, Mur and Bandettini 2008, Frontiers in Systems Neuroscience 2:4.

    >>> least_squares(*[RDM(np.arange(3), ("a", "b", "c"), dissimilarity="any")] * 2)
    FlexibleModel(least_squares, 2 parts)
    """
    return FlexibleModel("least_squares", parts)


def ridge_weighted(*parts: Responses | RDM, penalty: float) -> FlexibleModel:
    """The same with weights drawn towards 0: θ = (G + λ diag G)⁻¹ b.

    λ is relative to each part's squared length over the pairs fitted, so that neither the scale of
    a part nor the number of stimuli changes what it means. Parts that are alike share the weight.

    Args:
        *parts: at least 2 responses or RDMs.
        penalty: λ, above 0; large ones leave each part's own agreement with the brain.

    Returns:
        The model.

    Source: Hoerl and Kennard 1970, Technometrics 12:55.

    >>> ridge_weighted(*[RDM(np.arange(3), ("a", "b", "c"), dissimilarity="any")] * 2, penalty=0.1)
    FlexibleModel(ridge, 2 parts)
    """
    return FlexibleModel("ridge", parts, penalty)


def fit_selected(gram: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Weight 1 for the part with the largest b_k / √G_kk.

    Args:
        gram: (problem, part, part) inner products of the parts, G.
        target: (problem, part) inner products with the pooled brain, b.

    Returns:
        (problem, part) weights.

    >>> fit_selected(np.array([[[1.0, 0.0], [0.0, 4.0]]]), np.array([[0.6, 1.0]]))
    array([[1., 0.]])
    """
    lengths, flat = _lengths(gram)
    weights = np.zeros(target.shape)
    best = np.argmax(np.where(flat, -np.inf, target / lengths), axis=1)
    weights[np.arange(len(target)), best] = 1
    weights[flat.all(axis=1)] = np.nan
    return weights


def fit_weighted(gram: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Non-negative least squares: θ = argmin over θ >= 0 of θᵀGθ / 2 - bᵀθ, of unit length.

    Its direction is that of the largest similarity. Where every part disagrees with the brain, the
    one that disagrees least is taken. All problems are solved together by block pivoting.

    Args:
        gram: (problem, part, part) inner products of the parts, G.
        target: (problem, part) inner products with the pooled brain, b.

    Returns:
        (problem, part) weights, Σ θ² = 1.

    Source: Lawson and Hanson 1974; Portugal, Júdice and Vicente 1994, Mathematics of Computation
    63:625, for the pivoting.

    With orthogonal parts of length 1 the weights are the products, where positive:

    >>> fit_weighted(np.eye(3)[None], np.array([[0.3, -0.2, 0.4]]))
    array([[0.6, 0. , 0.8]])
    """
    lengths, flat = _lengths(gram)
    scaled = gram / (lengths[:, :, None] * lengths[:, None])
    weights = _nonnegative(scaled, np.where(flat, 0, target / lengths)) / lengths
    nothing = ~(weights > 0).any(axis=1)
    weights[nothing] = fit_selected(gram[nothing], target[nothing])
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)


def fit_interpolated(gram: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The best point between two neighbouring parts: weights t and 1 - t.

    On each line the best point is the weighted sum of its two ends, exactly.

    Args:
        gram: (problem, part, part) inner products of the parts, G.
        target: (problem, part) inner products with the pooled brain, b.

    Returns:
        (problem, part) weights, Σ θ = 1.

    >>> fit_interpolated(np.eye(3)[None], np.array([[0.1, 0.3, 0.1]]))
    array([[0.25, 0.75, 0.  ]])
    """
    rows = np.arange(len(target))
    best, weights = np.full(len(target), -np.inf), np.zeros(target.shape)
    for start in range(target.shape[1] - 1):
        ends = slice(start, start + 2)
        found = fit_weighted(gram[:, ends, ends], target[:, ends])
        squares = np.einsum("nk,nkl,nl->n", found, gram[:, ends, ends], found)
        reached = (found * target[:, ends]).sum(axis=1) / np.sqrt(squares)
        better = rows[reached > best]
        best[better] = reached[better]
        weights[better] = 0
        weights[better, ends] = found[better]
    weights[(weights == 0).all(axis=1)] = np.nan
    return weights / weights.sum(axis=1, keepdims=True)


def fit_least_squares(gram: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Least squares: θ = G⁻¹ b, of unit length; the shortest where parts depend on each other.

    Ridge is the same with G's diagonal times 1 + λ.

    Args:
        gram: (problem, part, part) inner products of the parts, G.
        target: (problem, part) inner products with the pooled brain, b.

    Returns:
        (problem, part) weights, Σ θ² = 1.

    >>> fit_least_squares(np.array([[[1.0, 0.0], [0.0, 4.0]]]), np.array([[0.6, -3.2]]))
    array([[ 0.6, -0.8]])
    """
    lengths, flat = _lengths(gram)
    scaled = gram / (lengths[:, :, None] * lengths[:, None])
    inverse = np.linalg.pinv(scaled, rcond=_SINGULAR, hermitian=True)
    weights = np.einsum("nkl,nl->nk", inverse, np.where(flat, 0, target / lengths)) / lengths
    weights[flat.all(axis=1)] = np.nan
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)


def _lengths(gram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(problem, part) lengths, 1 where a part is flat over the pairs fitted; and which are flat.

    A flat part says nothing and gets no weight; where all are flat, no weights are defined (NaN).
    """
    squares = np.einsum("nkk->nk", gram)
    flat = squares <= np.finfo(float).tiny
    return np.sqrt(np.where(flat, 1.0, squares)), flat


def _nonnegative(gram: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Non-negative least squares of parts of length 1; a trace of ridge splits equal parts."""
    n_parts = target.shape[1]
    gram = gram + _RIDGE * np.eye(n_parts)
    weights = np.zeros(target.shape)
    passive = np.ones(target.shape, dtype=bool)
    fewest, patience = np.full(len(target), n_parts + 1), np.full(len(target), 3)
    left = np.arange(len(target))
    while len(left):
        weights[left] = _solve(gram[left], target[left], passive[left])
        slope = np.einsum("nkl,nl->nk", gram[left], weights[left]) - target[left]
        scale = _TOLERANCE * np.abs(target[left]).max(axis=1, keepdims=True)
        wrong = np.where(passive[left], weights[left] < -scale, slope < -scale)
        n_wrong = wrong.sum(axis=1)
        wrong, left, n_wrong = wrong[n_wrong > 0], left[n_wrong > 0], n_wrong[n_wrong > 0]
        fewer = n_wrong < fewest[left]
        patience[left] = np.where(fewer, 3, patience[left] - 1)
        fewest[left] = np.minimum(n_wrong, fewest[left])
        # Exchanging all that is wrong is fast; exchanging the last only always ends.
        single = np.cumsum(wrong[:, ::-1], axis=1)[:, ::-1] == 1
        passive[left] ^= np.where((patience[left] >= 0)[:, None], wrong, wrong & single)
    return np.maximum(weights, 0)


def _solve(gram: np.ndarray, target: np.ndarray, passive: np.ndarray) -> np.ndarray:
    both = passive[:, :, None] & passive[:, None]
    matrix = np.where(both, gram, 0) + np.eye(target.shape[1]) * ~passive[:, None]
    return np.linalg.solve(matrix, np.where(passive, target, 0)[:, :, None])[:, :, 0]


FITS: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = MappingProxyType(
    {
        "selected": fit_selected,
        "weighted": fit_weighted,
        "interpolated": fit_interpolated,
        "least_squares": fit_least_squares,
        "ridge": fit_least_squares,
    }
)
