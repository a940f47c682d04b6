"""Rates and intervals between spikes: how often and how regularly units fire."""

import numpy as np
import pandas as pd

from neurospyke.compare.jackknife import CONFIDENCE, blocks_of, jackknife
from neurospyke.compare.trains import Source, SpikeTrains, first_status

STEPS_PER_INTERVAL = 5
_MEASURES = ("rate", "mean_isi", "cv", "cv2", "lv", "lvr")
_NEEDED = np.array([0, 1, 2, 1, 1, 1])  # spikes, intervals, or couples of intervals


def interval_statistics(
    source: Source, *, refractory: float = 0.005, confidence: float = CONFIDENCE
) -> pd.DataFrame:
    """Rate of each unit and the variability of its intervals between spikes.

        CV  = standard deviation of I / mean of I          (divided by n, not by n - 1)
        CV2 = mean of 2 |I_k+1 - I_k| / (I_k+1 + I_k)
        LV  = mean of 3 (I_k+1 - I_k)² / (I_k+1 + I_k)²
        LVR = mean of 3 (1 - 4 I_k I_k+1 / (I_k + I_k+1)²) (1 + 4 R / (I_k + I_k+1))

    All are 1 for a Poisson process (LVR: with R = 0) and 0 for a clock. No interval reaches across
    spans, and no couple of intervals does.

    Args:
        source: a recording, responses, spike trains, or see `SpikeTrains.of`.
        refractory: R in seconds, or in steps for responses in steps.
        confidence: coverage of the intervals.

    Returns:
        One row a unit and measure, `measure` being "rate" (spikes per time unit), "mean_isi", "cv",
        "cv2", "lv" or "lvr", with `value`, `low` and `high` by the jackknife over blocks of time,
        `n` (spikes; intervals; couples of intervals) and `status`: "no_spikes", "n_isi<1" or
        "n_isi<2" where nothing can be told, "on_grid" where intervals last less than 5 bins on
        average, so that the grid shapes them, "no_interval" with a single block, or "ok".

    Raises:
        ValueError: if `refractory` is below 0.

    Source: Holt et al. 1996, Journal of Neurophysiology 75:1806; Shinomoto et al. 2003, Neural
    Computation 15:2823; Shinomoto et al. 2009, PLoS Computational Biology 5:e1000433, Eq. 3.

    Intervals of 1 and 3: CV = 1 / 2, CV2 = 2 * 2 / 4, LV = 3 * 4 / 16.

    >>> table = interval_statistics(SpikeTrains.of([[0.0, 1.0, 4.0]], spans=(0, 5)), refractory=0)
    >>> table["value"].tolist()
    [0.6, 2.0, 0.5, 1.0, 0.75, 0.75]
    """
    if not (refractory >= 0 and np.isfinite(refractory)):
        raise ValueError(f"`refractory` must be 0 or more; got {refractory}")
    trains = SpikeTrains.of(source)
    sums = _sums(trains, refractory)
    value, low, high = jackknife(sums, _measures, confidence)
    total = sums.sum(axis=0)
    n = np.rint(total[:, [0, 1, 1, 4, 4, 4]]).astype(np.int64)
    enough = n >= _NEEDED
    value, low, high = (np.where(enough, each, np.nan) for each in (value, low, high))
    mean = total[:, 2] / np.maximum(total[:, 1], 1)
    coarse = (mean < STEPS_PER_INTERVAL * trains.bin_width)[:, None] & (_NEEDED > 0)
    silent = (total[:, 0] == 0)[:, None] & (_NEEDED > 0)
    measure = np.tile(_MEASURES, trains.n_units)
    status = first_status(
        measure.size,
        (silent.ravel(), "no_spikes"),
        (~enough.ravel() & (measure == "mean_isi"), "n_isi<1"),
        (~enough.ravel(), "n_isi<2"),
        (coarse.ravel(), "on_grid"),
        (~np.isfinite(low.ravel()), "no_interval"),
    )
    rows = trains.table().loc[np.repeat(np.arange(trains.n_units), len(_MEASURES))]
    return rows.reset_index(drop=True).assign(
        measure=measure,
        value=value.ravel(),
        low=low.ravel(),
        high=high.ravel(),
        n=n.ravel(),
        status=status,
    )


def intervals(source: Source) -> tuple[np.ndarray, np.ndarray]:
    """All intervals between neighbouring spikes of a unit in a span, and whose they are.

    Args:
        source: a recording, responses, spike trains, or see `SpikeTrains.of`.

    Returns:
        (interval,) lengths and (interval,) positions of units.

    >>> intervals(SpikeTrains.of([[0.0, 1.0, 4.0], [2.0]], spans=(0, 5)))
    (array([1., 3.]), array([0, 0]))
    """
    trains = SpikeTrains.of(source)
    gaps = np.diff(trains.times)
    inside = _same_train(trains)
    return gaps[inside], trains.owners[1:][inside]


def _same_train(trains: SpikeTrains) -> np.ndarray:
    owner = np.repeat(np.arange(len(trains.offsets) - 1), np.diff(trains.offsets))
    return owner[1:] == owner[:-1]


def _sums(trains: SpikeTrains, refractory: float) -> np.ndarray:
    """(block, unit, term): spikes, intervals, Σ I, Σ I², couples, Σ CV2, Σ LV, Σ LVR, time."""
    blocks, lengths = blocks_of(trains.times, trains.spans, trains.durations)
    n_blocks = len(lengths)
    cells = blocks * trains.n_units + trains.owners
    inside = _same_train(trains)
    gaps = np.diff(trains.times)
    both = inside[1:] & inside[:-1]
    first, second = gaps[:-1][both], gaps[1:][both]
    # two intervals of 0 come from three spikes in one bin and are alike
    pair = np.where(first + second > 0, first + second, 1.0)
    contrast = (second - first) / pair
    local = 3 * contrast**2
    revised = 3 * (1 - 4 * first * second / pair**2) * (1 + 4 * refractory / pair)
    revised = np.where(first + second > 0, revised, 0.0)

    def summed(cell: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        size = n_blocks * trains.n_units
        return np.bincount(cell, weights, size).reshape(n_blocks, trains.n_units)

    later, middle = cells[1:][inside], cells[1:-1][both]
    time = np.repeat(lengths[:, None], trains.n_units, axis=1)
    terms = (
        *(summed(cells), summed(later), summed(later, gaps[inside])),
        *(summed(later, gaps[inside] ** 2), summed(middle)),
        *(summed(middle, 2 * np.abs(contrast)), summed(middle, local), summed(middle, revised)),
        time,
    )
    return np.stack(terms, axis=-1).astype(np.float64)


def _measures(sums: np.ndarray) -> np.ndarray:
    spikes, n, total, squares, couples, cv2, lv, lvr, time = np.moveaxis(sums, -1, 0)
    mean = total / n
    deviation = np.sqrt(np.maximum(squares / n - mean**2, 0.0))
    columns = (spikes / time, mean, deviation / mean, cv2 / couples, lv / couples, lvr / couples)
    return np.stack(columns, axis=-1)
