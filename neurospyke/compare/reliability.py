"""How far the data agree with themselves: split halves, noise ceilings, agreement of subjects."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from neurospyke.compare.bootstrap import BOOTSTRAPPED, bootstrap_scores
from neurospyke.compare.comparators import COMPARATORS, check_comparator
from neurospyke.compare.dissimilarities import Dissimilarity, compute_rdm
from neurospyke.compare.kinds import check_responses
from neurospyke.compare.pairing import pair
from neurospyke.compare.rdm import RDM
from neurospyke.compare.resample import Seed, equal_halves, split_halves, unit_halves
from neurospyke.responses import Responses

_CHUNK_BYTES = 256 * 2**20


class RDMReliability(NamedTuple):
    """Agreement of the RDMs of two halves of the trials.

    Attributes:
        half: mean similarity of the half RDMs over splits.
        corrected: the same for all trials, by Spearman-Brown.
        splits: (split,) similarity of each split.
    """

    half: float
    corrected: float
    splits: np.ndarray


def spearman_brown(correlation: float, factor: float = 2.0) -> float:
    """Reliability of data `factor` times as long: R = k r / (1 + (k - 1) r).

    Args:
        correlation: reliability r of the data at hand, between -1 and 1.
        factor: k, above 0; 2 goes from halves to the whole.

    Returns:
        Reliability of the longer data.

    Raises:
        ValueError: if r or k is out of range, or the denominator is not positive.

    Source: Spearman 1910, British Journal of Psychology 3:271; Brown 1910, ibid. 3:296.

    >>> spearman_brown(0.5)
    0.6666666666666666
    """
    if not -1 <= correlation <= 1:
        raise ValueError(f"`correlation` must be between -1 and 1; got {correlation}")
    if not factor > 0:
        raise ValueError(f"`factor` must be above 0; got {factor}")
    denominator = 1 + (factor - 1) * correlation
    if denominator <= 0:
        raise ValueError(
            f"the reliability is undefined for a correlation of {correlation} and factor {factor}"
        )
    return factor * correlation / denominator


def unit_reliability(
    responses: Responses, n_splits: int = 100, *, by: str = "stimulus", seed: Seed
) -> pd.DataFrame:
    """Split-half reliability of every unit: Pearson's r across stimuli, then Spearman-Brown.

    The trials of every stimulus are split in random halves of equal size, as the correction
    supposes; of an odd number of trials one is left out, so the result is that of one trial less.
    r correlates the mean responses of the halves across stimuli; 2 r / (1 + r) is taken split by
    split and averaged over splits. Several time bins are first summed (rates: averaged) over the
    window.

    Args:
        responses: (trial, unit, time) responses, at least 2 trials a stimulus.
        n_splits: number of random splits.
        by: column of the trial table; another one than the stimulus, such as "orientation", gives
            the reliability of the tuning to it.
        seed: seed or generator of the splits.

    Returns:
        The unit table with `reliability` (NaN where undefined), `n_splits` (splits in which it is
        defined) and `status`: "ok", "sparse" (undefined in some splits, in which a half is
        constant across stimuli; the mean is over the others) or "constant" (in all).

    Raises:
        ValueError: if there are fewer than 3 stimuli, or one has a single trial.

    Source: Spearman 1910; Brown 1910; as used by Schrimpf et al. 2018, bioRxiv 407007.

    >>> counts = np.array([[1, 5], [1, 5], [2, 5], [2, 5], [4, 5], [4, 5]])
    >>> responses = Responses.from_counts(counts, stimuli=["a", "a", "b", "b", "c", "c"])
    >>> unit_reliability(responses, n_splits=2, seed=0)[["reliability", "status"]].round(12)
       reliability    status
    0          1.0        ok
    1          NaN  constant
    """
    check_responses(responses)
    if by not in responses.trials:
        raise ValueError(f"`by` must be among {list(responses.trials.columns)}; got {by!r}")
    codes, levels = pd.factorize(responses.trials[by])
    if len(levels) < 3 or (codes < 0).any():
        what = "stimuli" if by == "stimulus" else f"levels of {by!r}, known in every trial"
        raise ValueError(f"`responses` must have at least 3 {what}; got {list(levels[:10])}")
    total = responses if responses.n_times == 1 else responses.sum_over_time()
    halves = equal_halves(levels[codes].tolist(), n_splits, seed)
    values = np.empty((n_splits, total.n_units))
    step = max(1, _CHUNK_BYTES // (8 * total.n_trials))
    for start in range(0, total.n_units, step):
        block = total.values[:, start : start + step, 0].astype(np.float64)
        for split, half in enumerate(halves):
            used = half >= 0
            correlation = _correlate_halves(block[used], codes[used], half[used] == 0)
            values[split, start : start + step] = 2 * correlation / (1 + correlation)
    defined = np.isfinite(values)
    n_defined = defined.sum(axis=0)
    sums = np.where(defined, values, 0.0).sum(axis=0)
    return responses.units.assign(
        reliability=np.where(n_defined > 0, sums / np.maximum(n_defined, 1), np.nan),
        n_splits=n_defined,
        status=np.select([n_defined == n_splits, n_defined > 0], ["ok", "sparse"], "constant"),
    )


def _correlate_halves(values: np.ndarray, codes: np.ndarray, half: np.ndarray) -> np.ndarray:
    """(unit,) correlation across stimuli of the two half means; NaN where a half is constant."""
    n_stimuli = codes.max() + 1
    rows = codes + n_stimuli * ~half
    weights = 1 / np.bincount(rows)[rows]
    averaging = csr_array((weights, (rows, np.arange(len(rows)))), shape=(2 * n_stimuli, len(rows)))
    means = (averaging @ values).reshape(2, n_stimuli, -1)
    centred = means - means.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1)
    rounding = 1e-13 * np.abs(means).max(axis=1) * np.sqrt(n_stimuli)
    defined = (lengths > rounding).all(axis=0)
    products = (centred[0] * centred[1]).sum(axis=0)
    correlation = np.full(values.shape[1], np.nan)
    np.divide(products, lengths.prod(axis=0), out=correlation, where=defined)
    # At -1 Spearman-Brown has no value; rounding must not make one up.
    return np.where(correlation > -1 + 1e-12, np.minimum(correlation, 1.0), np.nan)


def rdm_reliability(
    responses: Responses,
    halves: np.ndarray,
    *,
    over: str = "trials",
    dissimilarity: Dissimilarity = "correlation",
    comparator: str = "spearman",
) -> RDMReliability:
    """Similarity of the RDMs of two halves of the trials or units, and Spearman-Brown's for all.

    The correction R = 2 r / (1 + r) is of the mean r over splits. It is right as long as noise is
    smaller than the differences between patterns; stronger noise leaves distances faster than with
    the number of trials, and R is then lower than what a repeated experiment would show. Halves of
    the units see the same trials, so noise that units share counts as agreement.

    Args:
        responses: (trial, unit, time) responses.
        halves: (split, trial) booleans from `split_halves` or `odd_even_halves`, or (split, unit)
            booleans from `unit_halves`.
        over: "trials" or "units": what `halves` halves.
        dissimilarity: a name in `DISSIMILARITIES`, or a function from responses to an RDM.
        comparator: a name in `COMPARATORS`.

    Returns:
        Reliability of half of the trials, of all of them, and of each split.

    Raises:
        ValueError: if `halves` does not fit, a half lacks a stimulus, or an RDM of a half is
            undefined.

    Source: Spearman 1910; Brown 1910; Nili et al. 2014, PLoS Computational Biology 10:e1003553.

    >>> from neurospyke.compare.resample import odd_even_halves
    >>> stimuli = ["a", "a", "b", "b", "c", "c"]
    >>> counts = np.array([[1, 0], [1, 0], [2, 0], [2, 0], [4, 0], [4, 0]])
    >>> responses = Responses.from_counts(counts, stimuli=stimuli)
    >>> result = rdm_reliability(responses, odd_even_halves(stimuli), dissimilarity="euclidean")
    >>> round(result.corrected, 12)
    1.0
    """
    check_responses(responses)
    compare = COMPARATORS[check_comparator(comparator, COMPARATORS)]
    n = {"trials": responses.n_trials, "units": responses.n_units}[_check_split(over)]
    halves = np.asarray(halves)
    if halves.dtype != bool or halves.ndim != 2 or halves.shape[1] != n:
        raise ValueError(
            f"`halves` must be (split, {n}) booleans; got {halves.dtype} of shape {halves.shape}"
        )
    splits = np.empty(len(halves))
    for split, half in enumerate(halves):
        first, second = pair(
            compute_rdm(responses.where(**{over: half}), dissimilarity),
            compute_rdm(responses.where(**{over: ~half}), dissimilarity),
        )
        splits[split] = compare(first.values, second.values)
    half = float(splits.mean())
    return RDMReliability(half, spearman_brown(half), splits)


def _check_split(over: str) -> str:
    if over not in ("trials", "units"):
        raise ValueError(f"`over` must be 'trials' or 'units'; got {over!r}")
    return over


def split_half_ceiling(
    responses: Responses,
    *,
    over: str = "trials",
    dissimilarity: Dissimilarity = "correlation",
    comparator: str = "spearman",
    n_splits: int = 20,
    seed: Seed,
) -> tuple[float, float] | None:
    """Noise ceiling of one population from its own trials or units: (R, √R).

    R = 2 r / (1 + r) with r the mean similarity of the RDMs of random halves of the trials. A
    repetition of the whole experiment would score R; a model without noise that has the true
    dissimilarities would score √R. Under strong noise both are too low (`rdm_reliability`). Halves
    of the units tell the same of another sample of as many units, and of all units there are.

    Args:
        responses: (trial, unit, time) responses.
        over: "trials" or "units": what is halved.
        dissimilarity: a name in `DISSIMILARITIES`, or a function from responses to an RDM.
        comparator: a name in `COMPARATORS`.
        n_splits: number of random splits.
        seed: seed or generator of the splits.

    Returns:
        (R, √R), or None where the data cannot give one: a stimulus has a single trial, the RDM
        of a half is undefined, or R is not positive. `rdm_reliability` tells which.

    Raises:
        ValueError: if an argument is wrong.

    Source: Spearman 1910; Brown 1910; √R is the attenuation of Spearman 1904.

    >>> stimuli = ["a", "a", "b", "b", "c", "c"]
    >>> counts = np.array([[1, 0], [1, 0], [2, 0], [2, 0], [4, 0], [4, 0]])
    >>> responses = Responses.from_counts(counts, stimuli=stimuli)
    >>> ceiling = split_half_ceiling(responses, dissimilarity="euclidean", n_splits=2, seed=0)
    >>> np.round(ceiling, 12)
    array([1., 1.])
    """
    return explain_split_half_ceiling(
        responses,
        over=over,
        dissimilarity=dissimilarity,
        comparator=comparator,
        n_splits=n_splits,
        seed=seed,
    )[0]


def explain_split_half_ceiling(
    responses: Responses,
    *,
    over: str = "trials",
    dissimilarity: Dissimilarity,
    comparator: str,
    n_splits: int,
    seed: Seed,
) -> tuple[tuple[float, float] | None, str]:
    """The ceiling of `split_half_ceiling`, and its formula or the reason why there is none.

    Args:
        responses: as there.
        over: as there.
        dissimilarity: as there.
        comparator: as there.
        n_splits: as there.
        seed: as there.

    Returns:
        The ceiling or None, and a phrase.

    Raises:
        ValueError: if an argument is wrong.
    """
    check_responses(responses)
    check_comparator(comparator, COMPARATORS)
    _check_split(over)
    compute_rdm(responses, dissimilarity)
    if n_splits < 1:
        raise ValueError(f"`n_splits` must be at least 1; got {n_splits}")
    try:
        if over == "trials":
            halves = split_halves(responses.trials["stimulus"].tolist(), n_splits, seed)
        else:
            halves = unit_halves(responses.n_units, n_splits, seed)
        reliability = rdm_reliability(
            responses, halves, over=over, dissimilarity=dissimilarity, comparator=comparator
        ).corrected
    except ValueError as error:
        return None, f"undefined: {error}"
    if reliability <= 0:
        return None, f"undefined: the split halves do not agree (reliability {reliability:.3g})"
    return (reliability, float(np.sqrt(reliability))), f"split-half of {over} (R, sqrt R)"


def subject_ceiling(rdms: Sequence[RDM], comparator: str = "spearman") -> tuple[float, float]:
    """Noise ceiling from the agreement of subjects.

    Each subject's RDM is normalised as the comparator does (to length 1, to z scores, to ranks)
    and pooled by the mean. Upper bound: mean similarity of the subjects to the pool of all, which
    no single RDM exceeds on average. Lower bound: mean similarity to the pool of the others.

    Args:
        rdms: RDMs of at least 2 subjects with the same conditions, in any order.
        comparator: a name in `COMPARATORS`.

    Returns:
        (lower, upper).

    Raises:
        ValueError: if there are fewer than 2, conditions differ, or a similarity is undefined.

    Source: Nili et al. 2014, PLoS Computational Biology 10:e1003553.

    >>> rdms = [RDM(np.array([1.0, 2.0, 3.0]), ("a", "b", "c"), dissimilarity="any")] * 2
    >>> [round(bound, 12) for bound in subject_ceiling(rdms)]
    [1.0, 1.0]
    """
    check_comparator(comparator, BOOTSTRAPPED)
    if len(rdms) < 2:
        raise ValueError(f"`rdms` must hold at least 2 subjects; got {len(rdms)}")
    vectors = np.array([pair(rdms[0], rdm)[1].values for rdm in rdms])
    once = np.ones((1, rdms[0].n_conditions), dtype=np.int64)
    lower, upper = bootstrap_scores(vectors[:1], vectors, once, comparator).ceilings[0, 0]
    if not np.isfinite([lower, upper]).all():
        raise ValueError(
            "the ceiling is undefined: an RDM is constant, or there are fewer than 3 conditions"
        )
    return float(lower), float(upper)


def disattenuated(score: float, reliability: float) -> float:
    """Score corrected for the noise of the brain: r / √R.

    Args:
        score: similarity r of a model and a brain.
        reliability: R of the brain for the data that r rests on, above 0, such as
            `RDMReliability.corrected`.

    Returns:
        What r would be without that noise; it may pass 1 by chance.

    Raises:
        ValueError: if the reliability is not above 0 and at most 1.

    Source: Spearman 1904, American Journal of Psychology 15:72.

    >>> disattenuated(0.4, 0.64)
    0.5
    """
    return score / float(np.sqrt(_check_reliability(reliability)))


def explained_share(score: float, reliability: float) -> float:
    """Share of what can be explained that a model explains: r² / R.

    Args:
        score: correlation r of a model and a brain.
        reliability: R of the brain for the data that r rests on, above 0.

    Returns:
        Share of the reliable variance.

    Raises:
        ValueError: if the reliability is not above 0 and at most 1.

    Source: Spearman 1904; as the noise ceiling of Schrimpf et al. 2018, bioRxiv 407007.

    >>> round(explained_share(0.4, 0.64), 12)
    0.25
    """
    return score**2 / _check_reliability(reliability)


def _check_reliability(reliability: float) -> float:
    if not 0 < reliability <= 1:
        raise ValueError(
            f"`reliability` must be above 0 and at most 1; got {reliability}: without reliability "
            "nothing can be corrected"
        )
    return reliability
