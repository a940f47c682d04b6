"""Spike times of salamander retinal ganglion cells (Onken et al. 2016)."""

from pathlib import Path

import numpy as np
import pandas as pd

from neurospyke.datasets.arrays import read_npz
from neurospyke.datasets.fetch import fetch_dataset
from neurospyke.recording import Recording

# What the stimuli of each recording are called; the movie is one stimulus.
_STIMULI = {
    "NaturalImages2": "image",
    "Gratings": "grating",
    "Shifts2": "shift",
    "Movie2Exp2": "movie",
}


def read_retina_onken2016(
    name: str = "NaturalImages2", folder: str | Path | None = None
) -> Recording:
    """Ganglion cells of a salamander retina, by flashed images, gratings, shifts or a movie.

    The files give spikes trial by trial, in whole milliseconds 1, 2, ... after onset. Here a spike
    lies in the middle of its millisecond, and the trials follow each other on one clock, all
    stimuli once, then all again, each starting on a whole second after the end of the one before.

    Args:
        name: "NaturalImages2" (49 cells, 60 images, 30 trials of 0.3 s), "Gratings" (54, 60, 30,
            0.3 s), "Shifts2" (37, 9 shifts x 9 images, 19, 0.3 s) or "Movie2Exp2" (49, one movie
            of 18 s, 30).
        folder: look only in this folder of data sets.

    Returns:
        Recording whose table "presentations" has `start_time`, `stop_time` (s), `stimulus` and
        `repetition`; nothing is observed between presentations.

    Raises:
        ValueError: if there is no such recording, the data set is not here, or its file is not
            the registered one.

    Source:
        Onken, Liu, Karunasekara, Delis, Gollisch, Panzeri (2016), PLoS Comput Biol 12:e1005189.
    """
    if name not in _STIMULI:
        raise ValueError(f"`name` must be one of {list(_STIMULI)}; got {name!r}")
    arrays = read_npz(fetch_dataset("retina_onken2016", folder=folder) / f"{name}.npz")
    n_stimuli = int(arrays.get("n_stimuli", 1))
    window = int(arrays["window_ms"]) / 1000
    spacing = float(np.floor(window) + 1)
    presentations = _presentations(_STIMULI[name], n_stimuli, int(arrays["n_trials"]))
    presentations["start_time"] = spacing * np.arange(len(presentations))
    presentations["stop_time"] = presentations["start_time"] + window
    stimulus = arrays.get("stimulus", np.zeros(len(arrays["trial"]), dtype=np.int64))
    trial = arrays["trial"].astype(np.int64) * n_stimuli + stimulus
    times = spacing * trial + (arrays["time_ms"].astype(np.float64) - 0.5) / 1000
    order = np.lexsort((times, arrays["unit"]))
    n_units = int(arrays["n_units"])
    counts = np.bincount(arrays["unit"], minlength=n_units)
    return Recording(
        times[order],
        np.concatenate([[0], np.cumsum(counts)]),
        pd.DataFrame({"unit": range(n_units), "area": "retina"}),
        {"presentations": presentations},
        presentations[["start_time", "stop_time"]].to_numpy(),
        source=f"retina_onken2016, {name}",
        notes=(
            f"presentations start {spacing:g} s apart in an order made up here: the files keep "
            "neither the order nor the time between them",
            "spike times are whole milliseconds, set to the middle of each",
        ),
    )


def _presentations(kind: str, n_stimuli: int, n_trials: int) -> pd.DataFrame:
    names = [f"{kind}{position:02d}" for position in range(n_stimuli)]
    return pd.DataFrame(
        {
            "stimulus": np.tile(np.array(names, dtype=object), n_trials),
            "repetition": np.repeat(np.arange(n_trials), n_stimuli),
        }
    )
