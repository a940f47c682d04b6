"""Spike times of macaque IT units recorded one after another (Zhang et al. 2011)."""

from pathlib import Path

import numpy as np
import pandas as pd

from neurospyke.datasets.arrays import read_npz
from neurospyke.datasets.fetch import fetch_dataset
from neurospyke.recording import Recording

_SPACING = 2.0
_BEFORE, _AFTER = 0.5, 0.5
_MISSING = 255


def read_it_zhang2011(folder: str | Path | None = None) -> dict[str, Recording]:
    """132 units of macaque IT, 7 objects at 3 positions, about 20 trials each.

    Units were recorded one after another, so each is a recording of its own. The files give spikes
    trial by trial, in whole milliseconds from 500 before onset to 499 after; here a spike lies in
    the middle of its millisecond and trials follow each other every two seconds.

    Args:
        folder: look only in this folder of data sets.

    Returns:
        By the name of the site recordings of one unit, whose table "presentations" has
        `start_time` (onset, s), `stop_time`, `stimulus` ("car, upper"), `object`, `position` and
        `repetition` (of the stimulus); half a second on either side of each onset is observed.

    Raises:
        ValueError: if the data set is not here, or its file is not the registered one.

    Source:
        Zhang, Meyers, Bichot, Serre, Poggio, Desimone (2011), PNAS 108:8850; Meyers (2013),
        Front Neuroinform 7:8.
    """
    arrays = read_npz(fetch_dataset("it_zhang_desimone", folder=folder) / "it_7objects.npz")
    order = np.lexsort((arrays["time_ms"], arrays["trial"], arrays["unit"]))
    unit, trial, time = (arrays[name][order] for name in ("unit", "trial", "time_ms"))
    ends = np.searchsorted(unit, np.arange(len(arrays["site"]) + 1))
    recordings = {}
    for number, site in enumerate(arrays["site"]):
        own = slice(ends[number], ends[number + 1])
        seconds = (time[own].astype(np.float64) + 0.5) / 1000
        recordings[str(site)] = _recording(number, arrays, trial[own], seconds)
    return recordings


def _recording(
    number: int, arrays: dict[str, np.ndarray], trial: np.ndarray, seconds: np.ndarray
) -> Recording:
    shown = arrays["object_id"][number] != _MISSING
    objects = arrays["object_names"][arrays["object_id"][number][shown]]
    positions = arrays["position_names"][arrays["position_id"][number][shown]]
    onsets = _SPACING * np.flatnonzero(shown) + _BEFORE
    table = pd.DataFrame(
        {
            "start_time": onsets,
            "stop_time": onsets + _AFTER,
            "stimulus": [f"{a}, {b}" for a, b in zip(objects, positions, strict=True)],
            "object": objects.astype(object),
            "position": positions.astype(object),
        }
    )
    table["repetition"] = table.groupby("stimulus").cumcount()
    site = str(arrays["site"][number])
    return Recording(
        _SPACING * trial + _BEFORE + seconds,
        np.array([0, len(trial)]),
        pd.DataFrame({"unit": [number], "area": "IT", "session": site}),
        {"presentations": table},
        np.column_stack([onsets - _BEFORE, onsets + _AFTER]),
        source=f"it_zhang_desimone, {site}",
        notes=(
            "units were recorded one after another: what they do in one trial has nothing to do "
            "with one another",
            "presentations start 2 s apart: the files do not keep the time between them",
            "spike times are whole milliseconds, set to the middle of each",
        ),
    )
