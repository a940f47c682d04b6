"""Layer by area by time: every layer and model step against every area and time bin."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.spatial.distance import squareform

from neurospyke.compare.cluster import cluster_p_values
from neurospyke.compare.comparators import NORMALIZATIONS, check_comparator
from neurospyke.compare.dissimilarities import Dissimilarity, compute_rdm
from neurospyke.compare.kinds import check_named
from neurospyke.compare.pairing import condition_labels, pair
from neurospyke.compare.rdm import RDM
from neurospyke.compare.reliability import explain_split_half_ceiling, subject_ceiling
from neurospyke.compare.resample import permutations, spawn_seeds
from neurospyke.responses import Responses

Area = Responses | Sequence[Responses]


def rsa_map(
    layers: Mapping[str, Responses | RDM],
    areas: Mapping[str, Area],
    *,
    dissimilarity: Dissimilarity = "correlation",
    comparator: str = "spearman",
    n_permutations: int = 1000,
    threshold_p: float = 0.05,
    n_splits: int = 10,
    seed: int,
) -> pd.DataFrame:
    """Score of every layer and model step with every area and time bin, ceiling and p in each cell.

    Each bin of the responses, of model and brain, has an RDM of its own. Under the null the stimuli
    are permuted, in all cells alike, so that what cells share remains. `p` is of the cell by
    itself; `p_cluster` is corrected for all cells of the table: neighbouring time bins and model
    steps whose scores exceed the (1 - `threshold_p`) quantile of their own permutations form
    clusters (`cluster_p_values`).

    Args:
        layers: responses by layer, one or more bins (model steps) each, or RDMs.
        areas: responses by area, all with the same bins, or those of several subjects.
        dissimilarity: a name in `DISSIMILARITIES` or a function.
        comparator: "cosine", "pearson", "spearman" or "rho_a".
        n_permutations: number of permutations, at least 20.
        threshold_p: share of chance scores above the threshold of a cell.
        n_splits: random halves behind the ceiling of one subject.
        seed: whole number.

    Returns:
        A tidy table, one row a cell: `layer`, `step` (0 for the first bin of a layer), `area`,
        `time_start` and `time_stop` in the unit of the area's bins, `score` (mean over subjects),
        `ceiling_low`, `ceiling_high` (NaN where undefined), `p` and `p_cluster`.

    Raises:
        ValueError: if labels or bins do not match, or an RDM or a similarity is undefined.

    Source: Kriegeskorte, Mur and Bandettini 2008; Maris and Oostenveld 2007.

    >>> generator = np.random.default_rng(0)
    >>> counts = generator.poisson(3.0, (12, 8))
    >>> side = Responses.from_counts(counts, stimuli=[f"s{n}" for n in range(12)])
    >>> table = rsa_map({"conv1": side}, {"V4": side}, n_permutations=99, seed=0)
    >>> table[["layer", "area", "score", "p_cluster"]].round(2)
       layer area  score  p_cluster
    0  conv1   V4    1.0       0.01
    """
    check_named(layers, "layers")
    check_named(areas, "areas")
    check_comparator(comparator, NORMALIZATIONS)
    if n_permutations < 20:
        raise ValueError(f"`n_permutations` must be at least 20; got {n_permutations}")
    if not layers:
        raise ValueError("`layers` must hold at least one; got none")
    if any(isinstance(each, RDM) for each in areas.values()):
        raise TypeError("`areas` must hold responses, which have time; `rsa` takes RDMs of brains")
    seeds = spawn_seeds(seed, 2)
    first = next(iter(layers.values()))
    brains = {
        name: [each] if isinstance(each, Responses) else list(each) for name, each in areas.items()
    }
    edges = _common_edges(brains)
    of_layers = [_bins(pair(first, side)[1], dissimilarity) for side in layers.values()]
    cells = [
        [_bins(pair(first, subject)[1], dissimilarity) for subject in subjects]
        for subjects in brains.values()
    ]
    units = NORMALIZATIONS[comparator]
    own = units(np.array([rdm.values for steps in of_layers for rdm in steps]))
    pools = np.array(
        [
            np.mean([units(np.array([rdm.values for rdm in bins])) for bins in subjects], axis=0)
            for subjects in cells
        ]
    )
    n_conditions = len(condition_labels(first, "layers"))
    orders = permutations(n_conditions, n_permutations, seeds[0])
    observed, null = _scores(own, pools, orders)
    p, p_cluster = _p_values(observed, null, [len(each) for each in of_layers], threshold_p)
    ceilings = np.array(
        [
            _ceilings(subjects, bins, dissimilarity, comparator, n_splits, seeds[1])
            for subjects, bins in zip(brains.values(), cells, strict=True)
        ]
    )
    return _table(list(layers), [len(each) for each in of_layers], list(areas), edges).assign(
        score=observed.ravel(),
        ceiling_low=np.broadcast_to(ceilings[..., 0], observed.shape).ravel(),
        ceiling_high=np.broadcast_to(ceilings[..., 1], observed.shape).ravel(),
        p=p.ravel(),
        p_cluster=p_cluster.ravel(),
    )


def _common_edges(areas: Mapping[str, list[Responses]]) -> np.ndarray:
    every = [subject.edges for subjects in areas.values() for subject in subjects]
    if not every:
        raise ValueError("`areas` must hold responses of at least one area; got none")
    if any(each.shape != every[0].shape or not np.allclose(each, every[0]) for each in every):
        raise ValueError("`areas` must all have the same time bins; align them alike")
    return every[0]


def _bins(side: Responses | RDM, dissimilarity: Dissimilarity) -> list[RDM]:
    if isinstance(side, RDM):
        return [side]
    return [
        compute_rdm(side.where(time=(start, stop)), dissimilarity)
        for start, stop in pairwise(side.edges)
    ]


def _scores(
    own: np.ndarray, pools: np.ndarray, orders: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(step, area, bin) scores and (permutation, step, area, bin) those of chance.

    The layers are permuted, of which there are usually fewer than bins.
    """
    flat = pools.reshape(-1, pools.shape[-1])
    shape = len(own), *pools.shape[:2]
    rows, columns = np.triu_indices(orders.shape[1], 1)
    place = squareform(np.arange(own.shape[1]))
    null = np.empty((len(orders), *shape))
    for row, order in enumerate(orders):
        null[row] = (own[:, place[order[rows], order[columns]]] @ flat.T).reshape(shape)
    return (own @ flat.T).reshape(shape), null


def _p_values(
    observed: np.ndarray, null: np.ndarray, n_steps: list[int], threshold_p: float
) -> tuple[np.ndarray, np.ndarray]:
    """P values of cells, and corrected ones; masses are in standard deviations of chance.

    Steps of one layer touch, layers do not: between them lies an empty row.
    """
    # What is observed is one order among the others; left out here, it would stand out by itself.
    every = np.concatenate([observed[None], null])
    deviation = every.std(axis=0)
    deviation[deviation == 0] = 1
    p = (1 + (null >= observed - 1e-12).sum(axis=0)) / (1 + len(null))
    # Where no permutation matters, digits still differ; they are no excess.
    threshold = (np.quantile(every, 1 - threshold_p, axis=0) + 1e-12) / deviation
    gaps = np.cumsum(n_steps)[:-1]

    def spaced(values: np.ndarray) -> np.ndarray:
        """(..., area, step, bin), -inf between layers."""
        return np.insert(np.moveaxis(values, -3, -2), gaps, -np.inf, axis=-2)

    corrected = cluster_p_values(
        spaced(observed / deviation),
        spaced(null / deviation),
        np.where(np.isinf(spaced(threshold)), 0, spaced(threshold)),
        2,
    )
    kept = np.delete(corrected, gaps + np.arange(len(gaps)), axis=-2)
    return p, np.moveaxis(kept, -2, -3)


def _ceilings(
    subjects: list[Responses],
    bins: list[list[RDM]],
    dissimilarity: Dissimilarity,
    comparator: str,
    n_splits: int,
    seed: np.random.SeedSequence,
) -> list[tuple[float, float]]:
    """For each bin; NaN where undefined."""
    if len(subjects) > 1:
        return [subject_ceiling(rdms, comparator) for rdms in zip(*bins, strict=True)]
    found = []
    edges = subjects[0].edges
    for start, stop in pairwise(edges):
        ceiling, _ = explain_split_half_ceiling(
            subjects[0].where(time=(start, stop)),
            dissimilarity=dissimilarity,
            comparator=comparator,
            n_splits=n_splits,
            seed=seed,
        )
        found.append(ceiling or (np.nan, np.nan))
    return found


def _table(
    layers: list[str], n_steps: list[int], areas: list[str], edges: np.ndarray
) -> pd.DataFrame:
    steps = [(layer, step) for layer, n in zip(layers, n_steps, strict=True) for step in range(n)]
    bins = list(pairwise(edges))
    rows = [(*step, area, *each) for step in steps for area in areas for each in bins]
    return pd.DataFrame(rows, columns=["layer", "step", "area", "time_start", "time_stop"])
