"""Small files under the names that the documentation reads: images, and one recording of them.

The recording is simulated, so that every page finds something, and the same whatever its format.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.io
from PIL import Image

from neurospyke.datasets import read_natural_patches
from neurospyke.recording import Recording, write_nix, write_nwb
from neurospyke.virtual import virtual_recording

N_IMAGES, SIDE, N_UNITS, RATE = 24, 56, 16, 30000


def prepare(folder: Path) -> None:
    """Write everything.

    Args:
        folder: an empty folder.
    """
    patches, _ = read_natural_patches(N_IMAGES, size=SIDE, seed=0)
    pixels = patches.squeeze(1).numpy()
    names = [f"image{number:02d}" for number in range(N_IMAGES)]
    (folder / "stimuli").mkdir()
    for name, image in zip(names, pixels, strict=True):
        Image.fromarray(np.uint8(255 * image)).save(folder / "stimuli" / f"{name}.png")
    recording = record(pixels, names)
    shown = recording.trials["stimulus_presentations"]
    write_nwb(folder / "session.nwb", recording)
    write_nix(folder / "session.nix", recording)
    write_spike_tables(folder, recording, shown)
    write_phy(folder / "sorted", recording)
    write_matlab(folder / "old.mat", recording, shown)
    write_counts(folder, recording)


def record(pixels: np.ndarray, names: list[str]) -> Recording:
    """Two areas under the names of a laboratory.

    Args:
        pixels: (image, height, width).
        names: of the images.

    Returns:
        The recording.
    """
    virtual = virtual_recording(pixels, names, n_units=N_UNITS, n_repetitions=6, seed=0)
    areas = virtual.units["area"].map({"early": "V4", "later": "IT"})
    trials = virtual.trials["presentations"].rename(columns={"stimulus": "image_name"})
    return replace(
        virtual,
        units=virtual.units.assign(area=areas),
        trials={"stimulus_presentations": trials},
        source="session",
    )


def trains_of(recording: Recording) -> list[np.ndarray]:
    """(unit) spike times.

    Args:
        recording: any.

    Returns:
        One array a unit, seconds.
    """
    return np.split(recording.spike_times, recording.offsets[1:-1])


def write_spike_tables(folder: Path, recording: Recording, shown: pd.DataFrame) -> None:
    """One spike a row: in seconds of the session, and in milliseconds of a trial.

    Args:
        folder: where they go.
        recording: what is written.
        shown: its trials.
    """
    of_spikes = np.repeat(recording.units["unit"].to_numpy(), np.diff(recording.offsets))
    areas = np.repeat(recording.units["area"].to_numpy(), np.diff(recording.offsets))
    times = pd.DataFrame({"unit": of_spikes, "area": areas, "spike_time": recording.spike_times})
    times.to_csv(folder / "times.csv", index=False)
    times.to_parquet(folder / "times.parquet")
    trial = np.searchsorted(shown["start_time"], recording.spike_times, side="right") - 1
    inside = trial >= 0
    after = 1000 * (recording.spike_times - shown["start_time"].to_numpy()[trial])
    spikes = pd.DataFrame({"cell": of_spikes, "area": areas, "trial": trial, "ms": after})
    spikes[inside].to_csv(folder / "spikes.csv", index=False)
    numbered = shown.rename(columns={"image_name": "stimulus"}).assign(trial=range(len(shown)))
    numbered.to_csv(folder / "shown.csv", index=False)


def write_phy(folder: Path, recording: Recording) -> None:
    """What a spike sorter leaves behind.

    Args:
        folder: to make.
        recording: what is written.
    """
    folder.mkdir()
    order = np.argsort(recording.spike_times, kind="stable")
    of_spikes = np.repeat(np.arange(recording.n_units), np.diff(recording.offsets))
    samples = np.round(RATE * recording.spike_times).astype(np.int64)
    np.save(folder / "spike_times.npy", samples[order])
    np.save(folder / "spike_clusters.npy", of_spikes[order].astype(np.int32))
    (folder / "params.py").write_text(f"dat_path = 'raw.dat'\nsample_rate = {RATE}.\n")
    rows = "".join(f"{unit}\tgood\n" for unit in range(recording.n_units))
    (folder / "cluster_group.tsv").write_text("cluster_id\tgroup\n" + rows)


def write_matlab(path: Path, recording: Recording, shown: pd.DataFrame) -> None:
    """Somebody's own structure, in milliseconds.

    Args:
        path: the file.
        recording: what is written.
        shown: its trials.
    """
    cells = np.empty((1, recording.n_units), dtype=object)
    for unit, train in enumerate(trains_of(recording)):
        cells[0, unit] = 1000 * train
    data = {
        "spikes": cells,
        "area": np.array(recording.units["area"].tolist(), dtype=object),
        "onset": 1000 * shown["start_time"].to_numpy(),
        "image": np.array(shown["image_name"].tolist(), dtype=object),
    }
    scipy.io.savemat(path, {"data": data})


def write_counts(folder: Path, recording: Recording) -> None:
    """Spike counts without times: a table for each area, and (unit, stimulus, repetition).

    Args:
        folder: where they go.
        recording: what is counted.
    """
    responses = recording.align(
        "stimulus_presentations", window=(0.05, 0.25), stimulus="image_name"
    )
    for area, part in responses.grouped("area").items():
        columns = [f"unit{unit}" for unit in part.units["unit"]]
        counts = pd.DataFrame(part.values[:, :, 0], columns=columns)
        counts.insert(0, "stimulus", part.trials["stimulus"].to_numpy())
        counts.to_csv(folder / f"counts_{area}.csv", index=False)
    order = responses.trials.sort_values(["stimulus", "repetition"]).index
    cube = responses.values[order, :, 0].reshape(N_IMAGES, -1, responses.n_units)
    np.save(folder / "counts.npy", np.moveaxis(cube, 2, 0))
