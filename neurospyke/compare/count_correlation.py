"""Correlations of spike counts between units: of what they signal, and of their noise."""

from dataclasses import replace

import numpy as np
import pandas as pd

from neurospyke.compare.jackknife import CONFIDENCE
from neurospyke.compare.kinds import check_responses
from neurospyke.compare.resample import Seed
from neurospyke.compare.trains import first_status
from neurospyke.compare.variability import whole_counts
from neurospyke.responses import Responses


def count_correlations(responses: Responses, *, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """Signal and noise correlation of all pairs of units.

        noise: Pearson's r of counts less the mean of their stimulus, over all trials
        signal: Pearson's r of the mean counts of stimuli

    Noise left in the means of K trials enters the signal correlation as 1 / K of the noise
    covariance; `signal_corrected` takes it away, and may leave the range of -1 to 1 by chance:

        (cov of means - noise cov / K) / root of the product of the same of both variances

    Args:
        responses: (trial, unit, time) counts or spikes; counts of the whole window are compared.
        confidence: coverage of the intervals.

    Returns:
        One row a pair and kind: `first` and `second` (positions of the units), `kind` ("noise",
        "signal" or "signal_corrected"), `value`, `low` and `high` by Fisher's transform (NaN for
        the corrected one), `n` (degrees of freedom and 1, stimuli), `rate` (geometric mean count,
        for matching), `status`: "no_spikes", "deterministic" where noise is 0, "no_signal" where
        means do not vary beyond noise, "n<4" where there are too few for an interval, or "ok".

    Raises:
        ValueError: if the responses are neither counts nor spikes.

    Source: Cohen and Kohn 2011, Nature Neuroscience 14:811; Fisher 1921, Metron 1:3.

    Noise of both units goes along, means go apart:

    >>> counts = np.array([[0, 6], [2, 8], [4, 1], [6, 3]])
    >>> responses = Responses.from_counts(counts, stimuli=["a", "a", "b", "b"])
    >>> count_correlations(responses)["value"].round(3).tolist()
    [1.0, -1.0, -1.226]
    """
    counts, codes = whole_counts(responses), pd.factorize(responses.trials["stimulus"])[0]
    n_each = np.bincount(codes).astype(np.float64)
    means = np.stack([counts[codes == code].mean(axis=0) for code in range(len(n_each))])
    left = counts - means[codes]
    freedom = len(codes) - len(n_each)
    noise = left.T @ left / max(freedom, 1)
    shift = means - means.mean(axis=0)
    signal = shift.T @ shift / max(len(n_each) - 1, 1)
    corrected = signal - noise * (1 / n_each).mean()
    first, second = np.triu_indices(responses.n_units, 1)
    geometric = np.sqrt(counts.mean(axis=0)[first] * counts.mean(axis=0)[second])
    silent = geometric == 0
    frames = []
    for kind, covariance, n in (
        ("noise", noise, freedom + 1),
        ("signal", signal, len(n_each)),
        ("signal_corrected", corrected, len(n_each)),
    ):
        value = _pairwise(covariance, first, second)
        low, high = _fisher(value, n if kind != "signal_corrected" else 0, confidence)
        empty = "deterministic" if kind == "noise" else "no_signal"
        status = first_status(
            len(first), (silent, "no_spikes"), (~np.isfinite(value), empty),
            (np.full(len(first), n < 4), "n<4"),
        )  # fmt: skip
        columns = {"value": value, "low": low, "high": high, "n": n, "rate": geometric}
        frames.append(
            pd.DataFrame({"first": first, "second": second, "kind": kind, **columns}).assign(
                status=status
            )
        )
    return pd.concat(frames, ignore_index=True)


def thin(responses: Responses, mean_counts: np.ndarray | float, seed: Seed) -> Responses:
    """Counts thinned to given means: every spike stays with the chance wanted mean / own mean.

    Correlations and Fano factors depend on rates; thinned to the same rates, populations can be
    compared. A thinned count has covariance p_i p_j c_ij, and variance p² v + p (1 - p) m.

    Args:
        responses: counts or spikes.
        mean_counts: (unit,) means over trials of whole windows that are wanted, or one for all;
            units below it keep all their spikes.
        seed: seed or generator.

    Returns:
        Responses of the measure "count", which note what was done.

    Raises:
        ValueError: if the responses are neither counts nor spikes, or a mean is below 0.

    Source: Cox and Isham 1980, Point Processes, Section 4.3.

    >>> responses = Responses.from_counts(np.array([[4], [4]]), stimuli=["a", "b"])
    >>> thin(responses, 0.0, seed=0).values.sum()
    np.int64(0)
    """
    check_responses(responses)
    wanted = np.broadcast_to(np.asarray(mean_counts, dtype=np.float64), (responses.n_units,))
    if not (wanted >= 0).all():
        raise ValueError(f"`mean_counts` must be 0 or more; got {wanted.min()}")
    have = whole_counts(responses).mean(axis=0)
    chance = np.minimum(np.where(have > 0, wanted / np.where(have > 0, have, 1.0), 1.0), 1.0)
    generator = np.random.default_rng(seed)
    whole = responses.values.astype(np.int64)
    values = generator.binomial(whole, chance[None, :, None])
    note = f"spikes thinned to at most {wanted.min():g} to {wanted.max():g} a trial"
    return replace(responses, values=values, measure="count", notes=(*responses.notes, note))


def _pairwise(covariance: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    own = np.diagonal(covariance)
    product = own[first] * own[second]
    known = (own[first] > 0) & (own[second] > 0)
    return np.where(
        known, covariance[first, second] / np.sqrt(np.where(known, product, 1.0)), np.nan
    )


def _fisher(value: np.ndarray, n: int, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    from scipy.special import ndtri

    if n < 4:
        return np.full(value.shape, np.nan), np.full(value.shape, np.nan)
    # at ±1 the transform is infinite, and so both bounds are ±1
    with np.errstate(divide="ignore"):
        centre = np.arctanh(np.clip(value, -1, 1))
    margin = ndtri((1 + confidence) / 2) / np.sqrt(n - 3)
    return np.tanh(centre - margin), np.tanh(centre + margin)
