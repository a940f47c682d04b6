"""Variability of spike counts from trial to trial: Fano factors, plain and matched in mean."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from neurospyke.compare.jackknife import CONFIDENCE, jackknife
from neurospyke.compare.kinds import check_responses
from neurospyke.compare.resample import Seed
from neurospyke.compare.trains import first_status, unit_table
from neurospyke.responses import Responses


def fano_factors(responses: Responses, *, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """Variance of each unit's counts over trials of one stimulus, by their mean.

        F = Σ_s (K_s - 1) var_s / Σ_s (K_s - 1) mean_s

    var_s and mean_s are those of the K_s trials of stimulus s. 1 for a Poisson process. A model
    without noise has exactly 0, which `status` says.

    Args:
        responses: (trial, unit, time) counts or spikes; counts of the whole window are compared.
        confidence: coverage of the intervals.

    Returns:
        One row a unit: `value`, `low` and `high` by the jackknife over stimuli (over trials, where
        there are fewer than 5 stimuli), `n` trials of repeated stimuli, and `status`: "n_trials<2",
        "no_spikes", "deterministic" where no count ever differs, "no_interval", or "ok".

    Raises:
        ValueError: if the responses are neither counts nor spikes.

    Source: Fano 1947, Physical Review 72:26; Churchland et al. 2010, Nature Neuroscience 13:369.

    Counts of 1 and 3: the variance is 2, the mean 2.

    >>> responses = Responses.from_counts(np.array([[1], [3]]), stimuli=["a", "a"])
    >>> fano_factors(responses)[["value", "n", "status"]].values.tolist()
    [[1.0, 2, 'no_interval']]
    """
    counts, codes = whole_counts(responses), pd.factorize(responses.trials["stimulus"])[0]
    repeated = np.bincount(codes)[codes] > 1
    counts, codes = counts[repeated], pd.factorize(codes[repeated])[0]
    n_trials = len(codes)
    if not n_trials:
        nothing = np.full(responses.n_units, np.nan)
        columns = {"value": nothing, "low": nothing, "high": nothing}
        return unit_table(responses.units, **columns).assign(n=0, status="n_trials<2")
    sums = _by_stimulus(counts, codes)
    value, low, high = jackknife(sums, _ratio, confidence)
    if len(sums) < 5 < n_trials:
        value, low, high = _over_trials(counts, codes, confidence)
    silent = counts.sum(axis=0) == 0
    fixed = sums[..., 0].sum(axis=0) == 0
    low, high = np.where(fixed, np.nan, low), np.where(fixed, np.nan, high)
    status = first_status(
        responses.n_units,
        (silent, "no_spikes"),
        (fixed, "deterministic"),
        (~np.isfinite(low), "no_interval"),
    )
    columns = {"value": value, "low": low, "high": high}
    return unit_table(responses.units, **columns).assign(n=n_trials, status=status)


def mean_matched_fano(
    groups: Sequence[Responses], *, n_samples: int = 200, n_bins: int = 10, seed: Seed
) -> pd.DataFrame:
    """Fano factors of several populations or windows, at the same distribution of mean counts.

    A point is one unit and stimulus. Means are cut into bins shared by all groups; in each bin, as
    many points as the poorest group has are drawn from every group, and the slope of variance on
    mean through zero is taken over them. Repeated, so that no point is lost for good.

    Args:
        groups: counts or spikes of one duration, each stimulus 2 times or more.
        n_samples: draws.
        n_bins: bins of mean counts, equally wide in their logarithm.
        seed: seed or generator of the draws.

    Returns:
        One row a group: `group` (its position), `value` (mean over draws), `low` and `high`
        (central 95 % of draws: what matching leaves open, not noise of the data), `plain` (the
        slope over all points), `n` points matched, `status`: "no_overlap" or "ok".

    Raises:
        ValueError: if fewer than 2 groups come, or one has no repeated stimulus.

    Source: Churchland et al. 2010, Nature Neuroscience 13:369, methods.

    >>> same = Responses.from_counts(np.array([[1], [3]]), stimuli=["a", "a"])
    >>> mean_matched_fano([same, same], n_samples=2, seed=0)[["value", "n"]].values.tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    if len(groups) < 2:
        raise ValueError(f"`groups` must be 2 or more to be matched; got {len(groups)}")
    points = [_points(position, group) for position, group in enumerate(groups)]
    every = np.concatenate([means for means, _ in points])
    edges = np.geomspace(every.min(), every.max() * (1 + 1e-9), n_bins + 1)[1:-1]
    places = [np.searchsorted(edges, means, side="right") for means, _ in points]
    held = np.array([np.bincount(place, minlength=n_bins) for place in places]).min(axis=0)
    generator = np.random.default_rng(seed)
    rows = []
    for position, ((means, variances), place) in enumerate(zip(points, places, strict=True)):
        slopes = [
            _slope(means[chosen], variances[chosen])
            for chosen in (_draw(place, held, generator) for _ in range(n_samples))
        ]
        low, high = np.quantile(slopes, [0.025, 0.975]) if held.sum() else (np.nan, np.nan)
        rows.append(
            {
                "group": position,
                "value": float(np.mean(slopes)) if held.sum() else np.nan,
                "low": low,
                "high": high,
                "plain": _slope(means, variances),
                "n": int(held.sum()),
                "status": "ok" if held.sum() else "no_overlap",
            }
        )
    return pd.DataFrame(rows)


def whole_counts(responses: Responses) -> np.ndarray:
    """Spikes of each unit on each trial.

    Args:
        responses: counts or spikes.

    Returns:
        (trial, unit) float64 counts.

    Raises:
        ValueError: if the responses are something else.
    """
    check_responses(responses)
    if responses.measure not in ("count", "spike"):
        raise ValueError(f"`responses` must be counts or spikes; these are {responses.measure!r}")
    return responses.values.sum(axis=2, dtype=np.float64)


def _by_stimulus(counts: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(stimulus, unit, 2) squared deviations and (K - 1) means."""
    membership = np.equal.outer(np.arange(codes.max() + 1), codes).astype(np.float64)
    n = membership.sum(axis=1)[:, None]
    means = membership @ counts / n
    squares = membership @ (counts - means[codes]) ** 2
    return np.stack([squares, (n - 1) * means], axis=-1)


def _ratio(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / np.where(sums[..., 1] > 0, sums[..., 1], np.nan)


def _over_trials(
    counts: np.ndarray, codes: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same by leaving out trials; sums of a stimulus's counts and squares add up."""
    n_stimuli = codes.max() + 1
    member = np.equal.outer(codes, np.arange(n_stimuli)).astype(np.float64)[:, None, :]
    each = counts[:, :, None] * member
    sums = np.stack([each**2, each, np.broadcast_to(member, each.shape)], axis=-1)

    def statistic(total: np.ndarray) -> np.ndarray:
        squares, first, n = np.moveaxis(total, -1, 0)
        n = np.maximum(n, 1)
        spread, means = squares - first**2 / n, first / n
        return _ratio(np.stack([spread.sum(-1), ((n - 1) * means).sum(-1)], axis=-1))

    return jackknife(sums, statistic, confidence)


def _points(position: int, group: Responses) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances of each unit and repeated stimulus that has spikes."""
    counts = pd.DataFrame(whole_counts(group))
    grouped = counts.groupby(group.trials["stimulus"].to_numpy())
    means, variances = grouped.mean().to_numpy(), grouped.var().to_numpy()
    kept = np.isfinite(variances) & (means > 0)
    if not kept.any():
        raise ValueError(f"`groups` must repeat stimuli and have spikes; group {position} does not")
    return means[kept], variances[kept]


def _slope(means: np.ndarray, variances: np.ndarray) -> float:
    return float(means @ variances / (means @ means)) if len(means) else np.nan


def _draw(place: np.ndarray, held: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    order = generator.permutation(len(place))
    order = order[np.argsort(place[order], kind="stable")]
    counts = np.bincount(place, minlength=len(held))
    rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    return order[rank < held[place[order]]]
