"""What a model explains of a brain that other models do not."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.spatial.distance import squareform

from neurospyke.compare.comparators import NORMALIZATIONS, check_comparator
from neurospyke.compare.dissimilarities import Dissimilarity
from neurospyke.compare.inference import false_discovery_rate
from neurospyke.compare.kinds import check_named
from neurospyke.compare.rdm import RDM
from neurospyke.compare.resample import permutations, spawn_seeds
from neurospyke.compare.sides import Brain, Sides, collect_sides
from neurospyke.responses import Responses

_CORRELATIONS = ("pearson", "spearman")
_MOST_MODELS = 6


def partial_rsa(
    models: Mapping[str, Responses | RDM],
    brain: Brain,
    *,
    dissimilarity: Dissimilarity = "correlation",
    comparator: str = "spearman",
    n_permutations: int = 1000,
    missing: str = "error",
    seed: int,
) -> pd.DataFrame:
    """Correlation of each model with the brain when all other models are held constant.

    With Ω the inverse of the correlations among the brain's and all models' dissimilarities, the
    partial correlation is -Ω_0m / √(Ω_00 Ω_mm); for Spearman's coefficient dissimilarities are
    ranked first. Of several subjects the mean is taken. p permutes the stimuli of the brain.

    Args:
        models: at least 2 responses or RDMs by name.
        brain: responses or RDM, or those of several subjects.
        dissimilarity: a name in `DISSIMILARITIES` or a function.
        comparator: "pearson" or "spearman".
        n_permutations: number of permutations, at least 1.
        missing: "error" or "drop".
        seed: whole number.

    Returns:
        A row for each model: `model`, `score` (its correlation by itself), `partial`, `p`
        (one-sided), and `p_fdr`, corrected for the number of models.

    Raises:
        ValueError: if an argument is wrong, or models determine each other.

    Source: Fisher 1924, Metron 3:329, for the partial correlation.

    >>> names = ("a", "b", "c", "d")
    >>> one, two = (RDM(np.array(v, float), names, dissimilarity="any")
    ...             for v in ([1, -1, 0, 0, 0, 0], [0, 0, 1, -1, 0, 0]))
    >>> both = RDM(one.values + two.values, names, dissimilarity="any")
    >>> partial_rsa({"one": one, "two": two}, both, comparator="pearson", seed=0)["score"].round(3)
    0    0.707
    1    0.707
    Name: score, dtype: float64
    """
    sides = _collect(models, brain, dissimilarity, comparator, missing)
    if n_permutations < 1:
        raise ValueError(f"`n_permutations` must be at least 1; got {n_permutations}")
    orders = permutations(sides.sizes[0], n_permutations, spawn_seeds(seed, 1)[0])
    among, with_brain, null = _correlations(sides, comparator, orders)
    partial = _partial(among, with_brain).mean(axis=0)
    chance = np.array([_partial(among, each).mean(axis=0) for each in null])
    p = (1 + (chance >= partial - 1e-12).sum(axis=0)) / (1 + n_permutations)
    return pd.DataFrame(
        {
            "model": sides.names,
            "score": with_brain.mean(axis=0),
            "partial": partial,
            "p": p,
            "p_fdr": false_discovery_rate(p),
        }
    )


def partition_variance(
    models: Mapping[str, Responses | RDM],
    brain: Brain,
    *,
    dissimilarity: Dissimilarity = "correlation",
    comparator: str = "pearson",
    missing: str = "error",
) -> pd.DataFrame:
    """Shares of the brain's variance that each set of models, and no other model, explains.

    R² of the linear regression of the brain's dissimilarities on every subset of the models. The
    share common to exactly the set A follows by inclusion and exclusion:
    Σ over all B ⊆ A of (-1)^(|B| + 1) R²(B and the models outside A). Common shares may be
    negative, where one model suppresses noise of another.

    Args:
        models: 2 to 6 responses or RDMs by name.
        brain: responses or RDM, or those of several subjects, over whom the mean is taken.
        dissimilarity: a name in `DISSIMILARITIES` or a function.
        comparator: "pearson" or "spearman" (of ranks).
        missing: "error" or "drop".

    Returns:
        A row for each set: `models` (joined by " & "), `n_models` and `share`; shares sum to the R²
        of all models.

    Raises:
        ValueError: if an argument is wrong, or models determine each other.

    Source: Newton and Spurrell 1967, Journal of the Royal Statistical Society C 16:51.

    >>> names = ("a", "b", "c", "d")
    >>> one, two = (RDM(np.array(v, float), names, dissimilarity="any")
    ...             for v in ([1, -1, 0, 0, 0, 0], [0, 0, 1, -1, 0, 0]))
    >>> both = RDM(one.values + two.values, names, dissimilarity="any")
    >>> partition_variance({"one": one, "two": two}, both)["share"].abs().round(6).tolist()
    [0.5, 0.5, 0.0]
    """
    sides = _collect(models, brain, dissimilarity, comparator, missing)
    if len(sides.names) > _MOST_MODELS:
        raise ValueError(f"`models` must be at most {_MOST_MODELS}; got {len(sides.names)}")
    among, with_brain, _ = _correlations(sides, comparator, np.empty((0, sides.sizes[0]), int))
    every = tuple(range(len(sides.names)))

    def explained(chosen: tuple[int, ...]) -> float:
        if not chosen:
            return 0.0
        own = with_brain[:, chosen]
        inverse = np.linalg.inv(among[np.ix_(chosen, chosen)])
        return float(np.einsum("sk,kl,sl->s", own, inverse, own).mean())

    rows = []
    for size in range(1, len(every) + 1):
        for chosen in combinations(every, size):
            rest = tuple(sorted(set(every) - set(chosen)))
            share = sum(
                (-1) ** (len(part) + 1) * explained(tuple(sorted((*rest, *part))))
                for n in range(size + 1)
                for part in combinations(chosen, n)
            )
            rows.append((" & ".join(sides.names[row] for row in chosen), size, share))
    return pd.DataFrame(rows, columns=["models", "n_models", "share"])


def _collect(
    models: Mapping[str, Responses | RDM],
    brain: Brain,
    dissimilarity: Dissimilarity,
    comparator: str,
    missing: str,
) -> Sides:
    check_named(models, "models")
    check_comparator(comparator, _CORRELATIONS)
    if len(models) < 2:
        raise ValueError(f"`models` must be at least 2; got {len(models)}")
    sides = collect_sides(models, brain, dissimilarity, missing)
    if sides.is_fitted:
        raise ValueError("`models` must be responses or RDMs; give the parts of a flexible model")
    own = NORMALIZATIONS[comparator](sides.stack.vectors)
    least = np.linalg.eigvalsh(own @ own.T)[0]
    if least < 1e-10:
        raise ValueError("`models` determine each other; leave out those that others add up to")
    return sides


def _correlations(
    sides: Sides, comparator: str, orders: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Models with models, (subject, model) with the brain, and those under permutation."""
    units = NORMALIZATIONS[comparator]
    own, brains = units(sides.stack.vectors), units(sides.brains)
    place = squareform(np.arange(own.shape[1]))
    rows, columns = np.triu_indices(sides.sizes[0], 1)
    null = [brains[:, place[order[rows], order[columns]]] @ own.T for order in orders]
    return own @ own.T, brains @ own.T, np.array(null)


def _partial(among: np.ndarray, with_brain: np.ndarray) -> np.ndarray:
    """(subject, model) partial correlations."""
    n_models = len(among)
    whole = np.empty((len(with_brain), n_models + 1, n_models + 1))
    whole[:, 0, 0] = 1.0 + 1e-12  # a brain that models explain wholly has an inverse all the same
    whole[:, 1:, 1:] = among
    whole[:, 0, 1:] = whole[:, 1:, 0] = with_brain
    inverse = np.linalg.inv(whole)
    diagonal = np.einsum("skk->sk", inverse)
    return -inverse[:, 0, 1:] / np.sqrt(diagonal[:, :1] * diagonal[:, 1:])
