"""Compiled loops over spikes in order of time; numba compiles them on first use and keeps them.

Only functions that need a kernel import this module, so that the package loads without numba.
Each kernel visits all spikes once and updates all units at once: what is asked of every pair of
units costs one operation a spike and unit, in registers.
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def spikes_near(
    times: np.ndarray, owners: np.ndarray, spans: np.ndarray, n_units: int, reach: float
) -> np.ndarray:
    """(unit a, unit b) how many spikes of a have one of b within `reach`; a window slides along."""
    n_spikes = len(times)
    inside = np.zeros(n_units, np.int32)
    near = np.zeros((n_units, n_units), np.int64)
    first = after = 0
    for spike in range(n_spikes):
        time, span = times[spike], spans[spike]
        while after < n_spikes and (
            spans[after] < span or (spans[after] == span and times[after] - time <= reach)
        ):
            inside[owners[after]] += 1
            after += 1
        while spans[first] < span or time - times[first] > reach:
            inside[owners[first]] -= 1
            first += 1
        row = near[owners[spike]]
        for unit in range(n_units):
            row[unit] += inside[unit] > 0
    return near


@njit(cache=True, nogil=True)
def covered_time(
    times: np.ndarray, offsets: np.ndarray, durations: np.ndarray, reach: float
) -> np.ndarray:
    """(train,) time within `reach` of a spike of each train, cut at the ends of its span."""
    covered = np.zeros(len(offsets) - 1)
    for train in range(len(offsets) - 1):
        end, stop = 0.0, durations[train % len(durations)]
        for spike in range(offsets[train], offsets[train + 1]):
            left, right = max(times[spike] - reach, end), min(times[spike] + reach, stop)
            covered[train] += max(right - left, 0.0)
            end = max(end, right)
    return covered


@njit(cache=True, nogil=True)
def coincidences(
    bins: np.ndarray, owners: np.ndarray, spans: np.ndarray, n_units: int, n_lags: int
) -> np.ndarray:
    """(unit a, unit b, lag) pairs of spikes with b later by 0 to `n_lags` bins, each pair once."""
    order = np.argsort(owners, kind="mergesort")
    pairs = np.zeros((n_units, n_units, n_lags + 1), np.int32)
    n_spikes = len(bins)
    # unit by unit, so that the counters in use stay in the cache
    for place in order:
        mine, span, limit = pairs[owners[place]], spans[place], bins[place] + n_lags
        other = place + 1
        while other < n_spikes and spans[other] == span and bins[other] <= limit:
            mine[owners[other], bins[other] - bins[place]] += 1
            other += 1
    return pairs


@njit(cache=True, nogil=True)
def exponential_overlaps(
    times: np.ndarray, owners: np.ndarray, n_trains: int, tau: float
) -> np.ndarray:
    """(train, train) sums of exp(-Δt / τ) over spikes of the one and earlier ones of the other."""
    trace = np.zeros(n_trains)
    overlaps = np.zeros((n_trains, n_trains))
    for spike in range(len(times)):
        if spike:
            decay = np.exp((times[spike - 1] - times[spike]) / tau)
            for train in range(n_trains):
                trace[train] *= decay
        row = overlaps[owners[spike]]
        for train in range(n_trains):
            row[train] += trace[train]
        trace[owners[spike]] += 1.0
    return overlaps


@njit(cache=True, nogil=True)
def edit_costs(times: np.ndarray, offsets: np.ndarray, q: float) -> np.ndarray:
    """(train, train) least costs of edits, a row of the table of partial costs at a time."""
    n_trains = len(offsets) - 1
    longest = 0
    for train in range(n_trains):
        longest = max(longest, offsets[train + 1] - offsets[train])
    costs = np.zeros(longest + 1)
    distances = np.zeros((n_trains, n_trains))
    for one in range(n_trains):
        for two in range(one):
            b = times[offsets[two] : offsets[two + 1]]
            for place in range(len(b) + 1):
                costs[place] = place
            for spike in range(offsets[one], offsets[one + 1]):
                corner = costs[0]
                costs[0] += 1.0
                for place in range(len(b)):
                    shift = corner + q * abs(times[spike] - b[place])
                    corner = costs[place + 1]
                    costs[place + 1] = min(shift, corner + 1.0, costs[place] + 1.0)
            distances[one, two] = distances[two, one] = costs[len(b)]
    return distances


@njit(cache=True, nogil=True)
def jittered_coincidences(
    bins: np.ndarray,
    owners: np.ndarray,
    spans: np.ndarray,
    window_counts: np.ndarray,
    window: int,
    n_bins: np.ndarray,
    n_lags: int,
) -> np.ndarray:
    """(unit a, lag, unit b) expected pairs where b's spikes fall anywhere in their jitter window.

    `window_counts` is (span, window, unit) spikes; lags go from -`n_lags` to `n_lags`. The
    expectation is constant while the lag stays in one window, so that only steps are added up.
    """
    n_units = window_counts.shape[2]
    steps = np.zeros((n_units, 2 * n_lags + 2, n_units))
    for spike in range(len(bins)):
        here, span = bins[spike], spans[spike]
        mine = steps[owners[spike]]
        first = max(here - n_lags, 0) // window
        last = min(here + n_lags, n_bins[span] - 1) // window
        for place in range(first, last + 1):
            start, stop = place * window, min((place + 1) * window, n_bins[span])
            counts, share = window_counts[span, place], 1.0 / (stop - start)
            rise = mine[max(start - here, -n_lags) + n_lags]
            fall = mine[min(stop - here, n_lags + 1) + n_lags]
            for unit in range(n_units):
                rise[unit] += counts[unit] * share
                fall[unit] -= counts[unit] * share
    return steps
