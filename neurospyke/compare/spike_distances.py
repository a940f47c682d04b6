"""SPIKE and ISI distances of PySpike, which need no time scale; where it is installed."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from neurospyke.compare.trains import Source, SpikeTrains


def spike_distance(source: Source) -> np.ndarray:
    """SPIKE-distance of all pairs: how far nearest spikes lie apart, by the local interval.

    Args:
        source: a recording, responses, spike trains, or see `SpikeTrains.of`.

    Returns:
        (unit, unit) means over observed time, 0 for identical trains; NaN for units without spikes.

    Raises:
        ImportError: if PySpike is not installed.

    Source: Kreuz et al. 2013, Journal of Neurophysiology 109:1457; Mulansky and Kreuz 2016,
    SoftwareX 5:183.

    >>> from importlib.util import find_spec
    >>> trains = SpikeTrains.of([[0.2, 0.6], [0.2, 0.6]], spans=(0, 1))
    >>> find_spec("pyspike") is None or bool(spike_distance(trains)[0, 1] == 0)
    True
    """
    return _mean_over_spans(source, _pyspike().spike_distance_matrix)


def isi_distance(source: Source) -> np.ndarray:
    """ISI-distance of all pairs: mean of |I_a - I_b| / max(I_a, I_b) of the intervals at each time.

    Args:
        source: a recording, responses, spike trains, or see `SpikeTrains.of`.

    Returns:
        (unit, unit) means over observed time, from 0 to 1; NaN for units without spikes.

    Raises:
        ImportError: if PySpike is not installed.

    Source: Kreuz et al. 2007, Journal of Neuroscience Methods 165:151; Mulansky and Kreuz 2016,
    SoftwareX 5:183.

    >>> from importlib.util import find_spec
    >>> trains = SpikeTrains.of([[0.2, 0.6], [0.2, 0.6]], spans=(0, 1))
    >>> find_spec("pyspike") is None or bool(isi_distance(trains)[0, 1] == 0)
    True
    """
    return _mean_over_spans(source, _pyspike().isi_distance_matrix)


def _mean_over_spans(source: Source, matrix: Callable[[list[Any]], np.ndarray]) -> np.ndarray:
    trains, make = SpikeTrains.of(source), _pyspike().SpikeTrain
    total = np.zeros((trains.n_units, trains.n_units))
    for span, duration in enumerate(trains.durations):
        rows = [make(trains.train(unit, span), (0.0, duration)) for unit in range(trains.n_units)]
        total += duration * (np.asarray(matrix(rows)) if len(rows) > 1 else 0.0)
    silent = trains.counts == 0
    return np.where(silent[:, None] | silent, np.nan, total / trains.duration)


def _pyspike() -> Any:
    try:
        return import_module("pyspike")
    except ImportError as error:
        raise ImportError(
            "SPIKE and ISI distances need PySpike: pip install 'neurospyke[pyspike]'"
        ) from error
