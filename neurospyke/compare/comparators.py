"""Comparators: how alike two vectors of dissimilarities are, or every two of two stacks.

Those in `NORMALIZATIONS` are the inner product of two normalised vectors, sim(a, b) = u(a) · u(b),
where u is their entry there. A mean score over subjects is therefore one inner product with the
mean of their u. `POOLED_FORMS` are what noise ceilings average over subjects.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from types import MappingProxyType

import numpy as np
from scipy.stats import rankdata

from neurospyke.compare.bures import bures, bures_similarities
from neurospyke.compare.kendall import tau_a, tau_a_similarities, tau_b, tau_b_similarities
from neurospyke.compare.vectors import Stack, check_finite, compare_two
from neurospyke.compare.whitened import (
    whitened_cosine,
    whitened_cosines,
    whitened_pearson,
    whitened_pearsons,
)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine similarity: Σ a b / √(Σ a² Σ b²).

    Args:
        a: (pair,) dissimilarities.
        b: (pair,) dissimilarities of the same pairs.

    Returns:
        Similarity between -1 and 1.

    Raises:
        ValueError: if the vectors do not match, are not finite, or one is all zeros.

    Source: Diedrichsen and Kriegeskorte 2017, PLoS Computational Biology 13:e1005508.

    >>> cosine(np.array([3.0, 4.0]), np.array([4.0, 3.0]))
    0.96
    """
    return compare_two(a, b, partial(_inner, _unit_length))


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation: the cosine of a and b after each has lost its mean.

    Args:
        a: (pair,) dissimilarities.
        b: (pair,) dissimilarities of the same pairs.

    Returns:
        Correlation between -1 and 1.

    Raises:
        ValueError: if the vectors do not match, are not finite, or one is constant.

    Source: Pearson 1895, Proceedings of the Royal Society 58:240.

    >>> round(pearson(np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, -1.0])), 12)
    -1.0
    """
    return compare_two(a, b, partial(_inner, _centred))


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman correlation: the Pearson correlation of mid-ranks.

    Args:
        a: (pair,) dissimilarities.
        b: (pair,) dissimilarities of the same pairs.

    Returns:
        Correlation between -1 and 1; ties share their mean rank.

    Raises:
        ValueError: if the vectors do not match, are not finite, or one is constant.

    Source: Spearman 1904, American Journal of Psychology 15:72.

    >>> round(spearman(np.array([1.0, 2.0, 9.0]), np.array([1.0, 3.0, 2.0])), 12)
    0.5
    """
    return compare_two(a, b, partial(_inner, _ranked))


def rho_a(a: np.ndarray, b: np.ndarray) -> float:
    """ρₐ = 12 Σ R_a R_b / (n³ - n) - 3 (n + 1) / (n - 1), with mid-ranks R.

    It is Spearman's correlation averaged over all ways to break ties, so a model does not gain
    by predicting ties. Identical vectors with ties score below 1; a constant vector scores 0.

    Args:
        a: (pair,) dissimilarities.
        b: (pair,) dissimilarities of the same pairs.

    Returns:
        Correlation between -1 and 1.

    Raises:
        ValueError: if the vectors do not match or are not finite.

    Source: Schütt et al. 2023, eLife 12:e82566.

    >>> round(rho_a(np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0])), 12)
    0.75
    """
    return compare_two(a, b, partial(_inner, _untied))


def compare_rdms(
    a: np.ndarray,
    b: np.ndarray,
    comparator: str = "cosine",
    *,
    covariance: np.ndarray | None = None,
) -> np.ndarray:
    """Similarity of every vector of one stack with every vector of another.

    Args:
        a: (n, pair) dissimilarities, such as those of n models.
        b: (m, pair) dissimilarities of the same pairs, such as those of m subjects.
        comparator: a name in `COMPARATORS`.
        covariance: (condition, condition) noise covariance, for whitened comparators.

    Returns:
        (n, m) similarities.

    Raises:
        ValueError: if there is no such comparator, the stacks do not match or are not finite, a
            covariance comes where it means nothing, or a similarity is undefined.

    Source: that of the comparator.

    >>> compare_rdms(np.array([[3.0, 4.0], [4.0, 3.0]]), np.array([[4.0, 3.0]]))
    array([[0.96],
           [1.  ]])
    """
    check_comparator(comparator, COMPARATORS)
    stacks = [np.asarray(stack, dtype=np.float64) for stack in (a, b)]
    if any(stack.ndim != 2 for stack in stacks) or stacks[0].shape[1] != stacks[1].shape[1]:
        raise ValueError(
            "`a` and `b` must be (n, pair) and (m, pair) over the same pairs; "
            f"got shapes {stacks[0].shape} and {stacks[1].shape}"
        )
    for name, stack in zip("ab", stacks, strict=True):
        check_finite(stack, name)
    if comparator in _WHITENED:
        return _WHITENED[comparator](stacks[0], stacks[1], covariance)
    if covariance is not None:
        raise ValueError(f"`covariance` needs one of {list(_WHITENED)}; got {comparator!r}")
    return _STACKED[comparator](stacks[0], stacks[1])


def _inner(normalize: Callable[[Stack], Stack], a: Stack, b: Stack) -> np.ndarray:
    return np.clip(normalize(a) @ normalize(b).T, -1.0, 1.0)


def _unit_length(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    if not lengths.all():
        raise ValueError("the similarity is undefined: every dissimilarity is 0")
    return vectors / lengths


def _centred(vectors: np.ndarray) -> np.ndarray:
    means = vectors.mean(axis=-1, keepdims=True)
    centred = vectors - means
    lengths = np.linalg.norm(centred, axis=-1, keepdims=True)
    # Equal numbers leave rounding behind when their mean is taken away; that is no variance.
    largest = np.abs(vectors).max(axis=-1, keepdims=True)
    constant = lengths <= 1e-13 * largest * np.sqrt(vectors.shape[-1])
    if constant.any():
        raise ValueError(
            f"the correlation is undefined: every dissimilarity is {means[constant][0]:g}; "
            "use another dissimilarity or more conditions"
        )
    centred /= lengths
    return centred


def _ranked(vectors: np.ndarray) -> np.ndarray:
    _centred(vectors)
    return _centred(mid_ranks(vectors))


def _untied(vectors: np.ndarray) -> np.ndarray:
    n = vectors.shape[-1]
    return (mid_ranks(vectors) - (n + 1) / 2) * np.sqrt(12 / (float(n) ** 3 - n))


def mid_ranks(vectors: np.ndarray) -> np.ndarray:
    """Ranks from 1 along the last axis; ties share the mean of theirs.

    Args:
        vectors: (..., n) finite numbers.

    Returns:
        (..., n) ranks in float64, multiples of a half.

    >>> mid_ranks(np.array([3.0, 1.0, 3.0]))
    array([2.5, 1. , 2.5])
    """
    if vectors.ndim > 1:
        return np.array([mid_ranks(vector) for vector in vectors]).reshape(vectors.shape)
    order = np.argsort(vectors)
    ordered = vectors[order]
    if (ordered[1:] == ordered[:-1]).any():
        return rankdata(vectors)
    ranks = np.empty(len(vectors))
    ranks[order] = np.arange(1.0, len(vectors) + 1)
    return ranks


COMPARATORS: Mapping[str, Callable[[np.ndarray, np.ndarray], float]] = MappingProxyType(
    {
        "cosine": cosine,
        "pearson": pearson,
        "spearman": spearman,
        "rho_a": rho_a,
        "tau_a": tau_a,
        "tau_b": tau_b,
        "whitened_cosine": whitened_cosine,
        "whitened_pearson": whitened_pearson,
        "bures": bures,
    }
)
NORMALIZATIONS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = MappingProxyType(
    {"cosine": _unit_length, "pearson": _centred, "spearman": _ranked, "rho_a": _untied}
)
# Sums of plain ranks are exact, so pooled ranks keep their ties.
POOLED_FORMS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = MappingProxyType(
    {"cosine": _unit_length, "pearson": _centred, "spearman": mid_ranks, "rho_a": mid_ranks}
)
_WHITENED = {"whitened_cosine": whitened_cosines, "whitened_pearson": whitened_pearsons}
_STACKED: Mapping[str, Callable[[Stack, Stack], np.ndarray]] = MappingProxyType(
    {name: partial(_inner, normalize) for name, normalize in NORMALIZATIONS.items()}
    | {"tau_a": tau_a_similarities, "tau_b": tau_b_similarities, "bures": bures_similarities}
)


def check_comparator(name: str, among: Collection[str] = NORMALIZATIONS) -> str:
    """The name itself, if there is a comparator of that name.

    Args:
        name: what a caller asked for.
        among: the comparators that will do; those that are inner products by default.

    Returns:
        The name.

    Raises:
        ValueError: if there is none.
    """
    if name not in among:
        raise ValueError(f"`comparator` must be one of {list(among)}; got {name!r}")
    return name
