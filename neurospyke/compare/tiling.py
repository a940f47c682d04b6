"""Spike time tiling coefficient of all pairs of units, exact wherever on the clock they fired."""

import numpy as np
import pandas as pd

from neurospyke.compare.jackknife import CONFIDENCE, N_BLOCKS, jackknife
from neurospyke.compare.trains import Source, SpikeTrains, check_above_zero, first_status


def sttc(source: Source, reach: float = 0.005) -> np.ndarray:
    """Spike time tiling coefficient of all pairs: correlation that a difference of rates leaves.

        STTC = ((P_A - T_B) / (1 - P_A T_B) + (P_B - T_A) / (1 - P_B T_A)) / 2

    T is the share of observed time within ±Δt of a spike, P the share of a unit's spikes within ±Δt
    of a spike of the other, bounds included; a term whose denominator is 0 is 1. Spans are tiled
    separately. Equal times on a grid of steps count as such: rounding of the clock is forgiven.

    Args:
        source: a recording, responses, spike trains, or see `SpikeTrains.of`.
        reach: Δt, in seconds, or in steps for responses in steps.

    Returns:
        (unit, unit) coefficients from -1 to 1; NaN for units without spikes.

    Raises:
        ValueError: if `reach` is not above 0.

    Source: Cutts and Eglen 2014, Journal of Neuroscience 34:14288, p. 14290.

    T is 0.2 for both and P 1, so that (1 - 0.2) / (1 - 0.2) is 1:

    >>> sttc(SpikeTrains.of([[0.5], [0.5]], spans=(0, 1)), reach=0.1)
    array([[1., 1.],
           [1., 1.]])
    """
    check_above_zero("reach", reach)
    trains = SpikeTrains.of(source)
    near, counts, covered, observed = _terms(trains, reach)
    return _coefficients(near, counts, covered, observed)


def sttc_table(
    source: Source, reach: float = 0.005, *, confidence: float = CONFIDENCE
) -> pd.DataFrame:
    """`sttc` of each pair in a tidy table, with intervals by the jackknife over blocks of time.

    Args:
        source: a recording, responses, spike trains, or see `SpikeTrains.of`.
        reach: Δt, in seconds, or in steps for responses in steps.
        confidence: coverage of the intervals.

    Returns:
        One row a pair: `first` and `second` (positions of the units), `sttc`, `low`, `high`, `n`
        (the smaller number of spikes), `status`: "no_spikes", "reach_below_bin" where `reach` is
        less than one bin, so that only the grid decides, "no_interval", or "ok".

    Raises:
        ValueError: if `reach` is not above 0.

    Source: Cutts and Eglen 2014, Journal of Neuroscience 34:14288.

    >>> table = sttc_table(SpikeTrains.of([[0.5], [0.5]], spans=(0, 1)), reach=0.1)
    >>> table[["first", "second", "sttc", "n"]].values.tolist()
    [[0.0, 1.0, 1.0, 1.0]]
    """
    check_above_zero("reach", reach)
    trains = SpikeTrains.of(source)
    parts = _parts(trains)
    first, second = np.triu_indices(trains.n_units, 1)
    sums = np.array([_pair_sums(*_terms(part, reach), first, second) for part in parts])
    _, low, high = jackknife(sums, _of_sums, confidence)
    value = sttc(trains, reach)[first, second]
    least = np.minimum(trains.counts[first], trains.counts[second])
    status = first_status(
        len(first),
        (least == 0, "no_spikes"),
        (np.full(len(first), reach < trains.bin_width), "reach_below_bin"),
        (~np.isfinite(low), "no_interval"),
    )
    columns = {"first": first, "second": second, "sttc": value, "low": low, "high": high}
    return pd.DataFrame(columns | {"n": least, "status": status})


def _terms(trains: SpikeTrains, reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    from neurospyke.compare.spike_kernels import covered_time, spikes_near

    near = spikes_near(*trains.merged(), trains.n_units, reach + rounding(trains))
    covered = covered_time(trains.times, trains.offsets, trains.durations, reach)
    covered = covered.reshape(trains.n_units, trains.n_spans).sum(axis=1)
    return near, trains.counts, covered, trains.duration


def rounding(trains: SpikeTrains) -> float:
    """By how much differences of times may be off through the digits of the clock alone.

    Args:
        trains: spike trains.

    Returns:
        A time.
    """
    largest = np.abs(trains.starts).max() + trains.durations.max()
    return float(8 * np.finfo(np.float64).eps * largest)


def _coefficients(
    near: np.ndarray, counts: np.ndarray, covered: np.ndarray, observed: float
) -> np.ndarray:
    share = np.where(counts > 0, covered / observed, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        hits = near / counts[:, None]
        terms = _term(hits, share[None, :])
    return (terms + terms.T) / 2


def _term(hits: np.ndarray, share: np.ndarray) -> np.ndarray:
    rest = 1 - hits * share
    return np.where(rest == 0, 1.0, (hits - share) / rest)


def _pair_sums(
    near: np.ndarray,
    counts: np.ndarray,
    covered: np.ndarray,
    observed: float,
    first: np.ndarray,
    second: np.ndarray,
) -> np.ndarray:
    """(pair, term) sums that add up over blocks of time."""
    columns = (
        *(near[first, second], counts[first], covered[first]),
        *(near[second, first], counts[second], covered[second]),
        np.full(len(first), observed),
    )
    return np.column_stack(columns).astype(np.float64)


def _of_sums(sums: np.ndarray) -> np.ndarray:
    near_a, n_a, covered_a, near_b, n_b, covered_b, observed = np.moveaxis(sums, -1, 0)
    return (
        _term(near_a / n_a, covered_b / observed) + _term(near_b / n_b, covered_a / observed)
    ) / 2


def _parts(trains: SpikeTrains) -> list[SpikeTrains]:
    """The trains in blocks of time: a span each, or parts of spans where there are few."""
    pieces = np.ceil(trains.durations / trains.duration * N_BLOCKS).astype(np.int64)
    groups = np.array_split(np.arange(trains.n_spans), min(trains.n_spans, N_BLOCKS))
    if trains.n_spans >= N_BLOCKS:
        return [_chosen(trains, group) for group in groups]
    return [
        _chosen(trains, np.array([span]), duration * part / n, duration * (part + 1) / n)
        for span, (duration, n) in enumerate(zip(trains.durations, pieces, strict=True))
        for part in range(n)
    ]


def _chosen(
    trains: SpikeTrains, spans: np.ndarray, start: float = 0.0, stop: float = np.inf
) -> SpikeTrains:
    rows = [trains.train(unit, span) for unit in range(trains.n_units) for span in spans]
    rows = [row[(row >= start) & (row < stop)] - start for row in rows]
    durations = np.minimum(trains.durations[spans], stop) - start
    offsets = np.cumsum([0, *(len(row) for row in rows)])
    return SpikeTrains(
        np.concatenate(rows), offsets, durations, trains.starts[spans] + start,
        trains.units, trains.time_unit, trains.bin_width,
    )  # fmt: skip
