"""Representational similarity analysis: does a model tell apart what a brain tells apart?"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import squareform

from neurospyke.compare.bootstrap import bootstrap_scores
from neurospyke.compare.comparators import NORMALIZATIONS, check_comparator
from neurospyke.compare.comparison import Comparison, Setting
from neurospyke.compare.pairing import condition_labels, pair
from neurospyke.compare.dissimilarities import Dissimilarity, compute_rdm
from neurospyke.compare.rdm import RDM, population_name
from neurospyke.compare.reliability import explain_split_half_ceiling, subject_ceiling
from neurospyke.compare.resample import bootstrap_counts, permutations, spawn_seeds
from neurospyke.responses import Responses

_ROUNDING = 1e-12


class _Sides(NamedTuple):
    """Model and brains over the same conditions, in the model's order and, for halves, their own.

    Halves are drawn trial by trial: in the order of the model, a brain's ceiling would depend on
    which model it is compared with.
    """

    model: Responses | RDM
    brains: list[Responses | RDM]
    brains_in_own_order: list[Responses | RDM]
    n_dropped: int


def rsa(  # noqa: PLR0913 (each is a choice that changes the result, all but two have defaults)
    model: Responses | RDM,
    brain: Responses | RDM | Sequence[Responses | RDM],
    *,
    dissimilarity: Dissimilarity = "correlation",
    comparator: str = "spearman",
    n_bootstrap: int = 1000,
    n_permutations: int = 1000,
    n_splits: int = 20,
    confidence: float = 0.95,
    missing: str = "error",
    model_name: str | None = None,
    brain_name: str | None = None,
    seed: int,
) -> Comparison:
    """Representational similarity of a model and a brain, with interval, ceiling and p value.

    The score is sim(d_model, d_brain) of the two vectors of dissimilarities, for several subjects
    its mean over them. The interval holds the percentiles of a bootstrap over stimuli, copies of
    which make no pair; samples with fewer than 3 different stimuli are left out. The p value is
    (1 + n(permuted >= score)) / (1 + n), permuting rows and columns of one RDM together. The
    ceiling comes from random halves of the brain's trials (`split_half_ceiling`) or from several
    subjects (`subject_ceiling`); one brain RDM gives none.

    Args:
        model: responses or RDM of the model.
        brain: responses or RDM, or those of several subjects.
        dissimilarity: a name in `DISSIMILARITIES` or a function from responses to an RDM; it is
            applied to responses, not to RDMs.
        comparator: a name in `COMPARATORS`.
        n_bootstrap: number of bootstrap samples, at least 2.
        n_permutations: number of permutations; 0 tests nothing.
        n_splits: number of random halves behind a split-half ceiling.
        confidence: coverage of the interval, between 0 and 1.
        missing: "error" refuses conditions that one side lacks; "drop" keeps the shared ones.
        model_name: what to call the model; its layer or source by default.
        brain_name: what to call the brain; its area or source by default.
        seed: whole number; bootstrap, permutations and splits draw from independent streams.

    Returns:
        The comparison, with every choice in `settings`, how the ceiling was made, and how many
        bootstrap samples were usable.

    Raises:
        TypeError: if a side is neither responses nor RDM.
        ValueError: if labels do not match, fewer than 3 conditions are shared, or the
            dissimilarity or score is undefined.

    Source: Kriegeskorte, Mur and Bandettini 2008, Frontiers in Systems Neuroscience 2:4; Nili et
    al. 2014, PLoS Computational Biology 10:e1003553; Schütt et al. 2023, eLife 12:e82566.

    >>> rdm = RDM(np.array([1.0, 2.0, 3.0]), ("a", "b", "c"), dissimilarity="any", source="IT")
    >>> print(rsa(rdm, rdm, n_bootstrap=100, n_permutations=0, seed=0))
    rsa of IT with IT: 1.00 [1.00, 1.00], ceiling not known, 3 conditions
    """
    check_comparator(comparator)
    _check_numbers(n_bootstrap, n_permutations, n_splits, confidence)
    seeds = spawn_seeds(seed, 3)
    sides = _pair_sides(model, brain, missing)
    model_rdm, *brain_rdms = (_as_rdm(side, dissimilarity) for side in (sides.model, *sides.brains))
    score, p = _test(model_rdm, brain_rdms, comparator, n_permutations, seeds[0])
    resamples = _resample(model_rdm, brain_rdms, comparator, n_bootstrap, seeds[1])
    low, high = np.quantile(resamples, [(1 - confidence) / 2, (1 + confidence) / 2])
    ceiling, how = _ceiling(
        sides.brains_in_own_order,
        brain_rdms,
        dissimilarity,
        comparator,
        n_splits=n_splits,
        seed=seeds[2],
    )
    settings: dict[str, Setting] = {
        "dissimilarity": _joined([rdm.dissimilarity for rdm in (model_rdm, *brain_rdms)]),
        "comparator": comparator,
        "n_bootstrap": int(n_bootstrap),
        "n_bootstrap_used": len(resamples),
        "n_permutations": int(n_permutations),
        "n_splits": int(n_splits),
        "n_subjects": len(brain_rdms),
        "missing": missing,
        "n_dropped": sides.n_dropped,
        "ceiling": how,
    }
    return Comparison(
        "rsa",
        model_name or _name([sides.model]) or "model",
        brain_name or _name(sides.brains) or "brain",
        score,
        (float(low), float(high)),
        confidence=confidence,
        ceiling=ceiling,
        p=p,
        conditions=model_rdm.conditions,
        units=(model_rdm.n_units, sum(rdm.n_units for rdm in brain_rdms)),
        time=_window(sides.brains[0]),
        settings=settings,
        seed=int(seed),
        resamples=resamples,
    )


def _check_numbers(n_bootstrap: int, n_permutations: int, n_splits: int, confidence: float) -> None:
    for name, number, least in (
        ("n_bootstrap", n_bootstrap, 2),
        ("n_permutations", n_permutations, 0),
        ("n_splits", n_splits, 1),
    ):
        if number < least:
            raise ValueError(f"`{name}` must be at least {least}; got {number}")
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must be between 0 and 1; got {confidence}")


def _pair_sides(
    model: Responses | RDM, brain: Responses | RDM | Sequence[Responses | RDM], missing: str
) -> _Sides:
    if not isinstance(brain, Responses | RDM | Sequence):
        raise TypeError(
            "`brain` must be Responses, RDM, or a sequence of them; "
            f"got {type(brain).__name__}; a recording becomes responses by its method `align`"
        )
    brains = [brain] if isinstance(brain, Responses | RDM) else list(brain)
    if not brains:
        raise ValueError("`brain` must hold at least one subject; got none")
    every = set(condition_labels(model, "model"))
    for each in brains:
        every |= set(condition_labels(each, "brain"))
        model, _ = pair(model, each, missing)
    labels = condition_labels(model, "model")
    own_order = [_only(each, labels) for each in brains]
    brains = [pair(model, each, missing)[1] for each in brains]
    if len(labels) < 3:
        raise ValueError(f"`model` and `brain` must share at least 3 conditions; got {labels}")
    return _Sides(model, brains, own_order, len(every) - len(labels))


def _only(brain: Responses | RDM, labels: Sequence[str]) -> Responses | RDM:
    if isinstance(brain, RDM) or set(brain.stimuli) == set(labels):
        return brain
    return brain.where(trials=brain.trials["stimulus"].isin(labels).to_numpy())


def _as_rdm(side: Responses | RDM, dissimilarity: Dissimilarity) -> RDM:
    return side if isinstance(side, RDM) else compute_rdm(side, dissimilarity)


def _test(
    model: RDM,
    brains: Sequence[RDM],
    comparator: str,
    n_permutations: int,
    seed: np.random.SeedSequence,
) -> tuple[float, float | None]:
    """The score and its p value."""
    own = _normalized(model, comparator, "model")
    pool = np.mean([_normalized(brain, comparator, "brain") for brain in brains], axis=0)
    score = float(np.clip(own @ pool, -1.0, 1.0))
    if n_permutations == 0:
        return score, None
    own_square, pool_square = squareform(own), squareform(pool)
    reached = np.vdot(own_square, pool_square)
    # An order that leaves the RDM as it was must count as a tie whatever the order of summing.
    threshold = reached - _ROUNDING * max(1.0, abs(reached))
    orders = permutations(model.n_conditions, n_permutations, seed)
    n_as_high = sum(
        np.vdot(own_square, pool_square[order[:, None], order]) >= threshold for order in orders
    )
    return score, float((1 + n_as_high) / (1 + n_permutations))


def _normalized(rdm: RDM, comparator: str, name: str) -> np.ndarray:
    try:
        return NORMALIZATIONS[comparator](rdm.values)
    except ValueError as error:
        raise ValueError(f"`{name}` {rdm} cannot be compared: {error}") from error


def _resample(
    model: RDM,
    brains: Sequence[RDM],
    comparator: str,
    n_bootstrap: int,
    seed: np.random.SeedSequence,
) -> np.ndarray:
    """Scores of the bootstrap samples that have one."""
    counts = bootstrap_counts(model.n_conditions, n_bootstrap, seed)
    vectors = np.array([brain.values for brain in brains])
    scores = bootstrap_scores(model.values, vectors, counts, comparator)
    usable = scores[np.isfinite(scores)]
    if len(usable) < 2:
        raise ValueError(
            f"the interval is undefined: {len(usable)} of {n_bootstrap} bootstrap samples have a "
            "score; use more conditions or a larger `n_bootstrap`"
        )
    return usable


def _ceiling(
    brains: Sequence[Responses | RDM],
    rdms: Sequence[RDM],
    dissimilarity: Dissimilarity,
    comparator: str,
    *,
    n_splits: int,
    seed: np.random.SeedSequence,
) -> tuple[tuple[float, float] | None, str]:
    """The ceiling, and how it was made or why there is none."""
    if len(rdms) > 1:
        lower, upper = subject_ceiling(rdms, comparator)
        if lower > upper:
            return None, f"undefined: the lower bound {lower:.3g} is above the upper {upper:.3g}"
        return (lower, upper), "agreement of subjects"
    brain = brains[0]
    if isinstance(brain, RDM):
        return None, "undefined: one brain RDM has no trials to split"
    return explain_split_half_ceiling(
        brain, dissimilarity=dissimilarity, comparator=comparator, n_splits=n_splits, seed=seed
    )


def _name(sides: Sequence[Responses | RDM]) -> str:
    return _joined(
        [side.source if isinstance(side, RDM) else population_name(side) for side in sides]
    )


def _joined(names: Sequence[str]) -> str:
    return " / ".join(name for name in dict.fromkeys(names) if name)


def _window(brain: Responses | RDM) -> tuple[float, float] | None:
    if isinstance(brain, RDM) or brain.time_unit != "s":
        return None
    return float(brain.edges[0]), float(brain.edges[-1])
