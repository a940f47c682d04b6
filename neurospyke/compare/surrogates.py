"""Surrogate spike trains: what is left when one property of spike times is destroyed."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from neurospyke.compare.trains import Source, SpikeTrains, check_above_zero

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "dither_spikes": "each spike moves by up to ±width: fine timing goes, slow rates stay",
        "jitter_spikes": "each spike falls anywhere in its window of `width`: the same, in windows",
        "dither_spike_train": "each train moves as a whole by up to ±width: intervals stay",
        "shuffle_isis": "intervals in random order: their distribution stays",
        "randomise_spikes": "times at random: numbers of spikes stay",
        "joint_isi_dithering": "each spike moves by up to ±width, by joint intervals of its train",
    }
)
_WITHOUT_WIDTH = ("shuffle_isis", "randomise_spikes")


def surrogate_trains(
    source: Source, method: str, *, width: float | None = None, seed: int
) -> SpikeTrains:
    """Surrogates of all trains by Elephant, every unit and span on its own.

    Args:
        source: a recording, responses, spike trains, or see `SpikeTrains.of`.
        method: one of `METHODS`, which say what each destroys.
        width: how far spikes move, in seconds, or in steps for responses in steps; not for
            "shuffle_isis" and "randomise_spikes".
        seed: whole number. Elephant draws from the global generators; they are seeded for this call
            and put back as they were.

    Returns:
        Spike trains of the same units and spans, no longer on any grid. Spikes that would leave
        their span are lost with "dither_spikes" and "dither_spike_train".

    Raises:
        ValueError: if the method is unknown, or `width` is missing or not wanted.

    Source: Louis, Borgelt and Grün 2010, in Analysis of Parallel Spike Trains, Chapter 17; Stella,
    Bouss, Palm and Grün 2022, eNeuro 9; Elephant.

    >>> trains = SpikeTrains.of([[0.1, 0.5, 0.6]], spans=(0, 1))
    >>> surrogate_trains(trains, "randomise_spikes", seed=0).counts
    array([3])
    """
    if method not in METHODS:
        raise ValueError(f"`method` must be one of {list(METHODS)}; got {method!r}")
    if (width is None) != (method in _WITHOUT_WIDTH):
        wanted = "None" if method in _WITHOUT_WIDTH else "a time"
        raise ValueError(f"`width` must be {wanted} for {method!r}; got {width}")
    if width is not None:
        check_above_zero("width", width)
    trains = SpikeTrains.of(source)
    make = _maker(method, width)
    with _global_seed(seed):
        rows = [
            make(trains.train(unit, span), float(trains.durations[span]))
            for unit in range(trains.n_units)
            for span in range(trains.n_spans)
        ]
    return _with_rows(trains, rows)


def shuffle_trials(source: Source, *, seed: int) -> SpikeTrains:
    """Trials of each unit in random order: what units share within a trial goes.

    Args:
        source: trials of one length, all of one stimulus, as `SpikeTrains.of` takes them.
        seed: whole number.

    Returns:
        Spike trains of the same units and spans.

    Raises:
        ValueError: if trials differ in length.

    Source: Perkel, Gerstein and Moore 1967, Biophysical Journal 7:419.

    >>> trains = SpikeTrains.of([[0.5, 1.2]], spans=[(0, 1), (1, 2)])
    >>> shuffle_trials(trains, seed=1).times.round(6)
    array([0.5, 0.2])
    """
    trains = SpikeTrains.of(source)
    durations = trains.durations
    if not np.allclose(durations, durations[0], rtol=0, atol=1e-9):
        raise ValueError(
            "`source` must have trials of one length; got from "
            f"{durations.min():g} to {durations.max():g}: cut it by `spans`"
        )
    generator = np.random.default_rng(seed)
    rows = [
        trains.train(unit, span)
        for unit in range(trains.n_units)
        for span in generator.permutation(trains.n_spans)
    ]
    return _with_rows(trains, rows, trains.bin_width)


def _with_rows(trains: SpikeTrains, rows: list[np.ndarray], bin_width: float = 0.0) -> SpikeTrains:
    offsets = np.cumsum([0, *(len(row) for row in rows)])
    return replace(trains, times=np.concatenate(rows), offsets=offsets, bin_width=bin_width)


def _maker(method: str, width: float | None) -> Callable[[np.ndarray, float], np.ndarray]:
    import quantities as pq
    from elephant import spike_train_surrogates
    from neo import SpikeTrain

    given: dict[str, Any] = {} if width is None else {"dt": width * pq.s}
    if method == "joint_isi_dithering":
        # Elephant asks for `dt` here, too, but moves spikes by `dither`
        given = {"dt": width * pq.s, "dither": width * pq.s}

    def make(times: np.ndarray, duration: float) -> np.ndarray:
        if not len(times):
            return times
        train = SpikeTrain(times, units="s", t_stop=duration)
        made = spike_train_surrogates.surrogates(train, 1, method, **given)[0]
        return np.sort(np.asarray(made.rescale("s").magnitude, dtype=np.float64))

    return make


@contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    plain, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        yield
    finally:
        random.setstate(plain)
        np.random.set_state(legacy)  # noqa: NPY002
