"""Spoken digits and commands as spikes of a model of the inner ear (Cramer et al. 2020)."""

from pathlib import Path

from neurospyke.datasets.event_lists import EventLists, read_hdf5_events, unpacked
from neurospyke.datasets.fetch import fetch_dataset
from neurospyke.datasets.registry import places

N_CHANNELS = 700
_SPLITS = {"shd": ("train", "test"), "ssc": ("train", "valid", "test")}


def read_speech_cramer2020(
    name: str = "shd", split: str = "train", folder: str | Path | None = None
) -> EventLists:
    """Spoken digits (SHD) or commands (SSC) as events in 700 channels.

    The archives are downloaded once, if need be, and their HDF5 files unpacked to the folder of
    downloads; after that samples are read as they are asked for. Needs h5py (`pip install
    'neurospyke[hdf5]'`).

    Args:
        name: "shd" (20 classes, digits in German and English) or "ssc" (35 classes of words).
        split: "train" or "test"; of "ssc" also "valid".
        folder: look only in this folder of data sets, and download to it.

    Returns:
        The samples.

    Raises:
        ValueError: there is no such set or split, or a file is not the registered one.
        ConnectionError: the files are not here and cannot be downloaded.

    Source:
        Cramer, Stradmann, Schemmel, Zenke (2020), IEEE Trans Neural Netw Learn Syst.
    """
    if name not in _SPLITS:
        raise ValueError(f"`name` must be one of {list(_SPLITS)}; got {name!r}")
    if split not in _SPLITS[name]:
        raise ValueError(f"`split` must be one of {list(_SPLITS[name])}; got {split!r}")
    dataset, member = f"{name}_cramer2020", f"{name}_{split}.h5"
    archive = fetch_dataset(dataset, folder=folder) / f"{member}.zip"
    file = unpacked(archive, member, places(folder)[-1] / dataset / member)
    return read_hdf5_events(file, N_CHANNELS)
