"""Auto- and cross-correlograms of all pairs of units, with what chance alone would give."""

import numpy as np
import pandas as pd

from neurospyke.compare.jackknife import CONFIDENCE
from neurospyke.compare.trains import Source, SpikeTrains, check_above_zero, first_status


def correlograms(source: Source, bin_width: float = 0.001, max_lag: float = 0.1) -> np.ndarray:
    """How often one unit fires k bins after another, of all pairs.

        c_ij(k) = Σ_span Σ_t n_i(t) n_j(t + k)

    n is the number of spikes in a bin; bins begin with their span. A spike makes no pair with
    itself, so that c_ii(0) counts pairs of different spikes in one bin, in both orders.

    Args:
        source: a recording, responses, spike trains, or see `SpikeTrains.of`.
        bin_width: seconds, or steps for responses in steps.
        max_lag: largest lag, in the same unit; a whole number of bins, rounded.

    Returns:
        (unit i, unit j, lag) numbers of pairs, lags from -`max_lag` to `max_lag`.

    Raises:
        ValueError: if `bin_width` is not above 0 or `max_lag` is below 0.

    Source: Perkel, Gerstein and Moore 1967, Biophysical Journal 7:419.

    >>> trains = SpikeTrains.of([[0.05, 0.25], [0.15]], spans=(0, 1))
    >>> correlograms(trains, bin_width=0.1, max_lag=0.1)[0, 1]  # one lag up, one down
    array([1, 0, 1])
    """
    from neurospyke.compare.spike_kernels import coincidences

    trains = SpikeTrains.of(source)
    n_lags = _n_lags(bin_width, max_lag)
    bins, owners, spans = _binned(trains, bin_width)
    later = coincidences(bins, owners, spans, trains.n_units, n_lags).astype(np.int64)
    earlier = later.transpose(1, 0, 2)[:, :, ::-1]
    together = earlier[:, :, -1:] + later[:, :, :1]
    return np.concatenate([earlier[:, :, :-1], together, later[:, :, 1:]], axis=2)


def shuffled_correlograms(
    source: Source, bin_width: float = 0.001, max_lag: float = 0.1
) -> np.ndarray:
    """Mean correlogram of units from different trials: what the common stimulus alone gives.

        s_ij(k) = (Σ_t N_i(t) N_j(t + k) - c_ij(k)) / (S - 1)

    N is the sum of n over all S trials, c_ij without the pairs of a spike with itself. It is the
    mean over all orders of the trials, without drawing any. For autocorrelograms, too.

    Args:
        source: trials of equal length, as `correlograms` takes them.
        bin_width: seconds, or steps for responses in steps.
        max_lag: largest lag, in the same unit.

    Returns:
        (unit i, unit j, lag) expected numbers of pairs.

    Raises:
        ValueError: if there are fewer than 2 trials, or they differ in length.

    Source: Perkel, Gerstein and Moore 1967, Biophysical Journal 7:419; mean over all shuffles.

    Two trials with spikes a bin apart in the one order only:

    >>> rows = [[0.05, 1.05], [0.15, 1.15]]
    >>> trains = SpikeTrains.of(rows, spans=[(0, 1), (1, 2)])
    >>> shuffled_correlograms(trains, bin_width=0.1, max_lag=0.1)[0, 1]
    array([0., 0., 2.])
    """
    trains = SpikeTrains.of(source)
    durations = trains.durations
    if trains.n_spans < 2 or not np.allclose(durations, durations[0], rtol=0, atol=1e-9):
        raise ValueError(
            "`source` must have 2 or more trials of one length to be shuffled; got "
            f"{trains.n_spans} from {durations.min():g} to {durations.max():g}: cut it by `spans`"
        )
    pooled = _pooled(trains)
    # a spike paired with itself is a pair of one trial, which both sums here leave out
    every = correlograms(pooled, bin_width, max_lag)
    within = correlograms(trains, bin_width, max_lag)
    return (every - within) / (trains.n_spans - 1)


def jittered_correlograms(
    source: Source, bin_width: float = 0.001, max_lag: float = 0.1, *, jitter: float = 0.02
) -> np.ndarray:
    """Expected correlogram if spikes fell anywhere in fixed windows: what slow changes give.

    One train's spikes are spread evenly over the windows they fell in, the other's stay; the mean
    of both choices. The exact expectation of interval jitter, without drawing.

    Args:
        source: a recording, responses, spike trains, or see `SpikeTrains.of`.
        bin_width: seconds, or steps for responses in steps.
        max_lag: largest lag, in the same unit.
        jitter: width of the windows, in the same unit; a whole number of bins, rounded.

    Returns:
        (unit i, unit j, lag) expected numbers of pairs; for autocorrelograms NaN, since spikes of
        one train cannot be spread independently of themselves.

    Raises:
        ValueError: if `jitter` is less than 2 bins.

    Source: Amarasingham, Harrison, Hatsopoulos and Geman 2012, Journal of Neurophysiology 107:517.

    >>> trains = SpikeTrains.of([[0.05], [0.15]], spans=(0, 0.2))
    >>> jittered_correlograms(trains, bin_width=0.1, max_lag=0.1, jitter=0.2)[0, 1]
    array([0. , 0.5, 0.5])
    """
    from neurospyke.compare.spike_kernels import jittered_coincidences

    trains = SpikeTrains.of(source)
    n_lags = _n_lags(bin_width, max_lag)
    window = int(np.rint(jitter / bin_width))
    if window < 2:
        raise ValueError(f"`jitter` must be 2 bins of {bin_width:g} or more; got {jitter}")
    bins, owners, spans = _binned(trains, bin_width)
    n_bins = np.maximum(np.ceil(trains.durations / bin_width - 1e-8).astype(np.int64), 1)
    counts = np.zeros((trains.n_spans, -(-int(n_bins.max()) // window), trains.n_units))
    np.add.at(counts, (spans, bins // window, owners), 1.0)
    steps = jittered_coincidences(bins, owners, spans, counts, window, n_bins, n_lags)
    spread = np.cumsum(steps, axis=1)[:, :-1].transpose(0, 2, 1)
    expected = (spread + spread.transpose(1, 0, 2)[:, :, ::-1]) / 2
    expected[np.arange(trains.n_units), np.arange(trains.n_units)] = np.nan
    return expected


def correlogram_table(
    source: Source,
    bin_width: float = 0.001,
    max_lag: float = 0.1,
    *,
    expected: np.ndarray | None = None,
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """Correlograms of all pairs in a tidy table, beside what chance alone would give.

    Args:
        source: a recording, responses, spike trains, or see `SpikeTrains.of`.
        bin_width: seconds, or steps for responses in steps.
        max_lag: largest lag, in the same unit.
        expected: (unit, unit, lag) of `shuffled_correlograms` or `jittered_correlograms` with the
            same bins and lags; NaN in the table if not given.
        confidence: coverage of the intervals.

    Returns:
        One row a pair and lag: `first` and `second` (positions of the units), `lag`, `count`,
        `low` and `high` (bounds of a Poisson mean that gives `count`), `expected`, `excess`
        (count less expected), `n` (the smaller number of spikes) and `status`: "no_spikes",
        "bin_below_grid" where bins are narrower than those the times come from, or "ok".

    Raises:
        ValueError: if `expected` has another shape, or as for `correlograms`.

    Source: Garwood 1936, Biometrika 28:437, for the bounds.

    >>> trains = SpikeTrains.of([[0.05], [0.15]], spans=(0, 0.2))
    >>> table = correlogram_table(trains, 0.1, 0.1)
    >>> table["count"].tolist(), table["high"].round(3).tolist()
    ([0, 0, 1], [3.689, 3.689, 5.572])
    """
    from scipy.special import chdtri

    trains = SpikeTrains.of(source)
    n_lags = _n_lags(bin_width, max_lag)
    first, second = np.triu_indices(trains.n_units, 1)
    counts = correlograms(trains, bin_width, max_lag)
    expected = np.full(counts.shape, np.nan) if expected is None else np.asarray(expected)
    if expected.shape != counts.shape:
        raise ValueError(
            f"`expected` must be {counts.shape}, with the same units and lags; got {expected.shape}"
        )
    count, chance = counts[first, second].ravel(), expected[first, second].ravel()
    tail = (1 - confidence) / 2
    low = np.where(count > 0, chdtri(2.0 * np.maximum(count, 1), 1 - tail) / 2, 0.0)
    high = chdtri(2.0 * (count + 1), tail) / 2
    n_each = 2 * n_lags + 1
    least = np.repeat(np.minimum(trains.counts[first], trains.counts[second]), n_each)
    below = np.full(len(least), bin_width < trains.bin_width * (1 - 1e-9))
    return pd.DataFrame(
        {
            "first": np.repeat(first, n_each),
            "second": np.repeat(second, n_each),
            "lag": np.tile(np.arange(-n_lags, n_lags + 1) * bin_width, len(first)),
            "count": count,
            "low": low,
            "high": high,
            "expected": chance,
            "excess": count - chance,
            "n": least,
            "status": first_status(
                len(least), (least == 0, "no_spikes"), (below, "bin_below_grid")
            ),
        }
    )


def _n_lags(bin_width: float, max_lag: float) -> int:
    check_above_zero("bin_width", bin_width)
    if not (max_lag >= 0 and np.isfinite(max_lag)):
        raise ValueError(f"`max_lag` must be 0 or more; got {max_lag}")
    return int(np.rint(max_lag / bin_width))


def _binned(trains: SpikeTrains, bin_width: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    times, owners, spans = trains.merged()
    # a hundred-millionth of a bin, so that times on the edges fall into the bins they begin
    return np.floor(times / bin_width + 1e-8).astype(np.int64), owners, spans


def _pooled(trains: SpikeTrains) -> SpikeTrains:
    """All spans laid over each other."""
    times = [
        np.sort(np.concatenate([trains.train(unit, span) for span in range(trains.n_spans)]))
        for unit in range(trains.n_units)
    ]
    offsets = np.concatenate([[0], np.cumsum(trains.counts)])
    return SpikeTrains(
        np.concatenate(times), offsets, trains.durations[:1], trains.starts[:1],
        trains.units, trains.time_unit, trains.bin_width,
    )  # fmt: skip
