"""Comparators: how alike two vectors of dissimilarities are.

Each comparator is the inner product of two normalised vectors, sim(a, b) = u(a) · u(b), where u
is its entry in `NORMALIZATIONS`. A mean score over subjects is therefore one inner product with
the mean of their u. `POOLED_FORMS` are what noise ceilings average over subjects.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from scipy.stats import rankdata


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
    return _compare(a, b, _unit_length)


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
    return _compare(a, b, _centred)


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
    return _compare(a, b, _ranked)


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
    return _compare(a, b, _untied)


def _compare(a: np.ndarray, b: np.ndarray, normalize: Callable[[np.ndarray], np.ndarray]) -> float:
    vectors = [np.asarray(vector, dtype=np.float64) for vector in (a, b)]
    if vectors[0].ndim != 1 or vectors[0].shape != vectors[1].shape or len(vectors[0]) < 2:
        raise ValueError(
            "`a` and `b` must be vectors over the same pairs, at least 2; "
            f"got shapes {vectors[0].shape} and {vectors[1].shape}"
        )
    units = []
    for name, vector in zip("ab", vectors, strict=True):
        if not np.isfinite(vector).all():
            raise ValueError(f"`{name}` must be finite; {(~np.isfinite(vector)).sum()} are not")
        units.append(normalize(vector))
    return float(np.clip(units[0] @ units[1], -1.0, 1.0))


def _unit_length(vector: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vector)
    if length == 0:
        raise ValueError("the similarity is undefined: every dissimilarity is 0")
    return vector / length


def _centred(vector: np.ndarray) -> np.ndarray:
    centred = vector - vector.mean()
    length = np.linalg.norm(centred)
    # Equal numbers leave rounding behind when their mean is taken away; that is no variance.
    if length <= 1e-13 * np.abs(vector).max() * np.sqrt(len(vector)):
        raise ValueError(
            f"the correlation is undefined: every dissimilarity is {vector.mean():g}; "
            "use another dissimilarity or more conditions"
        )
    return centred / length


def _ranked(vector: np.ndarray) -> np.ndarray:
    _centred(vector)
    return _centred(rankdata(vector))


def _untied(vector: np.ndarray) -> np.ndarray:
    n = len(vector)
    return (rankdata(vector) - (n + 1) / 2) * np.sqrt(12 / (float(n) ** 3 - n))


COMPARATORS: Mapping[str, Callable[[np.ndarray, np.ndarray], float]] = MappingProxyType(
    {"cosine": cosine, "pearson": pearson, "spearman": spearman, "rho_a": rho_a}
)
NORMALIZATIONS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = MappingProxyType(
    {"cosine": _unit_length, "pearson": _centred, "spearman": _ranked, "rho_a": _untied}
)
# Sums of plain ranks are exact, so pooled ranks keep their ties.
POOLED_FORMS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = MappingProxyType(
    {"cosine": _unit_length, "pearson": _centred, "spearman": rankdata, "rho_a": rankdata}
)


def check_comparator(name: str) -> str:
    """The name itself, if there is a comparator of that name.

    Args:
        name: what a caller asked for.

    Returns:
        The name.

    Raises:
        ValueError: if there is none.
    """
    if name not in COMPARATORS:
        raise ValueError(f"`comparator` must be one of {list(COMPARATORS)}; got {name!r}")
    return name
