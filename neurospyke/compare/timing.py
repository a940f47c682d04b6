"""When units and populations begin to respond: first spike, half maximum, change of rate."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from neurospyke.compare.kinds import check_responses
from neurospyke.compare.resample import Seed
from neurospyke.compare.trains import first_status, unit_table
from neurospyke.responses import Responses

CHANCE = 0.01
STEPS_PER_LATENCY = 5


def response_latencies(
    responses: Responses, *, onset: float = 0.0, n_samples: int = 200, seed: Seed
) -> pd.DataFrame:
    """Latency of the response of each unit, and of all together, by three definitions.

        first_spike: median over trials of the first spike after the onset, silent trials last
        half_maximum: where the mean over trials first reaches half of the way from the rate before
            the onset to its peak, between the middles of bins
        change_point: the start of the bin at which a Poisson rate most likely changed, of all up to
            the peak

    Args:
        responses: (trial, unit, time) counts or spikes in fine bins; 3 bins or more.
        onset: when the stimulus began, on the time axis of the responses. Bins before it give the
            rate before; without any it is taken as 0 and the latency counts from the onset.
        n_samples: bootstrap samples of trials.
        seed: seed or generator of the bootstrap.

    Returns:
        One row a unit and definition, then a row a definition with `unit` "population" (counts
        summed over units): `measure`, `value` (from the onset), `low` and `high` (bootstrap, 95 %),
        `n` trials, `status`: "no_spikes", "no_response" where one rate explains the time up to the
        peak as well (in less than 1 % of units without a response the status is another),
        "silent_trials" where half of all trials have no spike, "deterministic" where all trials are
        alike, "on_grid" where the latency is below 5 bins, so that the grid decides, or "ok". A
        response in the first bin of all cannot be told from a rate.

    Raises:
        ValueError: for other measures, fewer than 3 bins after the onset, or bins of unequal width.

    Source: Levick 1973, Vision Research 13:837 (first spikes); Lee, Williford and Maunsell 2007,
    Journal of Neurophysiology 97:3 (half maximum); Friedman and Priebe 1998, Journal of
    Neuroscience Methods 83:185, Eq. 4 (change point).

    >>> values = np.zeros((8, 1, 20), dtype=int)
    >>> values[:, 0, 8:12] = 2
    >>> trials, units = pd.DataFrame({"stimulus": ["a"] * 8}), pd.DataFrame({"unit": [0]})
    >>> responses = Responses(values, trials, units, np.arange(21) / 100)
    >>> response_latencies(responses, seed=0)["value"][:3].round(4).tolist()
    [0.085, 0.08, 0.08]
    """
    first = _check(responses, onset)
    counts = responses.values.astype(np.float64)
    counts = np.concatenate([counts, counts.sum(axis=1, keepdims=True)], axis=1)
    width = float(np.diff(responses.edges).mean())
    bins = _Bins(responses.edges[first:] - onset, first, width)
    n = responses.n_trials
    generator = np.random.default_rng(seed)
    weights = generator.multinomial(n, np.full(n, 1 / n), size=n_samples)
    summed = counts.sum(axis=0)
    resampled = np.tensordot(weights, counts, axes=(1, 0))
    firsts = _first_spikes(counts, bins)
    names = pd.concat([unit_table(responses.units), pd.DataFrame({"unit": ["population"]})])
    absent = _no_response(summed, bins)
    frames = []
    for measure, value, samples in (
        ("first_spike", _medians(firsts, np.ones((1, n)))[0], _medians(firsts, weights)),
        ("half_maximum", _half_maximum(summed, bins), _each(_half_maximum, resampled, bins)),
        ("change_point", _change_point(summed, bins), _each(_change_point, resampled, bins)),
    ):
        # silent trials have infinite latencies
        low, high = _central(samples)
        late = ~np.isfinite(value)
        status = first_status(
            len(value),
            (summed.sum(axis=1) == 0, "no_spikes"),
            (absent, "no_response"),
            (late, "silent_trials"),
            ((counts == counts[:1]).all(axis=(0, 2)), "deterministic"),
            (value < STEPS_PER_LATENCY * width, "on_grid"),
        )
        columns = {"value": value, "low": low, "high": high}
        columns = {name: np.where(late | absent, np.nan, each) for name, each in columns.items()}
        table = names.assign(
            measure=measure, **columns, n=n, status=status, place=range(len(value))
        )
        frames.append(table)
    every = pd.concat(frames).sort_values("place", kind="stable")
    return every.drop(columns="place").reset_index(drop=True)


class _Bins:
    """Edges from the onset, how many bins lie before it, and their width."""

    def __init__(self, edges: np.ndarray, first: int, width: float) -> None:
        self.edges, self.first, self.width = edges, first, width
        self.middles = (edges[:-1] + edges[1:]) / 2


def _check(responses: Responses, onset: float) -> int:
    check_responses(responses)
    if responses.measure not in ("count", "spike"):
        raise ValueError(f"`responses` must be counts or spikes; these are {responses.measure!r}")
    widths = np.diff(responses.edges)
    if not np.allclose(widths, widths[0], rtol=1e-6):
        raise ValueError("`responses` must have bins of one width")
    first = int(np.searchsorted(responses.edges, onset - 1e-8 * widths[0]))
    if responses.n_times - first < 3:
        raise ValueError(f"`onset` must leave 3 bins or more after it; got {onset}")
    return first


def _first_spikes(counts: np.ndarray, bins: _Bins) -> np.ndarray:
    """(trial, unit) middles of the first bins with a spike; infinite if there is none."""
    after = counts[:, :, bins.first :] > 0
    return np.where(after.any(axis=2), bins.middles[after.argmax(axis=2)], np.inf)


def _medians(firsts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(sample, unit) lower medians of trials that count `weights` times."""
    order = np.argsort(firsts, axis=0, kind="stable")
    medians = np.empty((len(weights), firsts.shape[1]))
    half = weights.sum(axis=1) / 2
    for unit in range(firsts.shape[1]):
        reached = np.cumsum(weights[:, order[:, unit]], axis=1) >= half[:, None]
        medians[:, unit] = firsts[order[reached.argmax(axis=1), unit], unit]
    return medians


def _half_maximum(summed: np.ndarray, bins: _Bins) -> np.ndarray:
    """(unit,) times at which counts summed over trials rise to half."""
    before = summed[:, : bins.first].mean(axis=1) if bins.first else np.zeros(len(summed))
    after = summed[:, bins.first :]
    half = (before + after.max(axis=1)) / 2
    reach = (after >= half[:, None]).argmax(axis=1)
    rows = np.arange(len(after))
    above = after[rows, reach]
    previous = np.where(reach > 0, after[rows, np.maximum(reach - 1, 0)], before)
    rise = np.where(above > previous, above - previous, 1.0)
    return bins.middles[reach] - bins.width * np.clip((above - half) / rise, 0.0, 1.0)


def _change_point(summed: np.ndarray, bins: _Bins) -> np.ndarray:
    gain = _gains(summed, bins)
    best = gain.argmax(axis=1)
    return bins.edges[0] + (best - bins.first) * bins.width


def _no_response(summed: np.ndarray, bins: _Bins) -> np.ndarray:
    """Whether a change of rate is no more likely than by chance, over all its bounds."""
    n_bins = summed.shape[1]
    best = _gains(summed, bins).max(axis=1)
    return ~(best > np.log(2 * n_bins**2 / CHANCE))


def _gains(summed: np.ndarray, bins: _Bins) -> np.ndarray:
    """(unit, bin) log likelihood of a rise at the bin that lasts to the peak, over one rate."""
    places = np.arange(summed.shape[1])
    peak = bins.first + summed[:, bins.first :].argmax(axis=1)[:, None]
    before = np.cumsum(summed, axis=1) - summed
    total = np.take_along_axis(before + summed, peak, axis=1)
    # what comes after the peak says nothing of when the rise began
    valid = (places >= max(bins.first, 1)) & (places <= peak)
    long, short = np.maximum(peak + 1 - places, 1), np.maximum(places, 1)
    after = np.where(valid, total - before, 0.0)
    gain = _likelihood(after, long) + _likelihood(before, short) - _likelihood(total, peak + 1)
    return np.where(valid & (after / long > before / short), gain, 0.0)


def _likelihood(count: np.ndarray, length: np.ndarray) -> np.ndarray:
    safe = np.maximum(count, 1e-300)
    return np.where(count > 0, count * np.log(safe / length), 0.0)


def _each(
    of: Callable[[np.ndarray, _Bins], np.ndarray], resampled: np.ndarray, bins: _Bins
) -> np.ndarray:
    return np.stack([of(summed, bins) for summed in resampled])


def _central(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ordered = np.sort(samples, axis=0)
    n = len(ordered) - 1
    return ordered[round(0.025 * n)], ordered[round(0.975 * n)]
