"""Handwritten digits seen by a moving event camera, N-MNIST (Orchard et al. 2015)."""

from pathlib import Path

from neurospyke.datasets.event_lists import EventLists, read_zipped_events
from neurospyke.datasets.fetch import fetch_dataset

_ARCHIVES = {"train": "Train.zip", "test": "Test.zip"}


def read_nmnist_orchard2015(split: str = "train", folder: str | Path | None = None) -> EventLists:
    """Digits as events of 34 x 34 pixels and two polarities, read from the archive as asked for.

    Args:
        split: "train" (60000 samples) or "test" (10000).
        folder: look only in this folder of data sets, and download to it.

    Returns:
        The samples; channels are (polarity 34 + y) 34 + x, polarity 1 for brighter.

    Raises:
        ValueError: there is no such split, or a file is not the registered one.
        ConnectionError: the files are not here and cannot be downloaded.

    Source:
        Orchard, Jayawant, Cohen, Thakor (2015), Frontiers in Neuroscience 9:437.
    """
    if split not in _ARCHIVES:
        raise ValueError(f"`split` must be one of {list(_ARCHIVES)}; got {split!r}")
    return read_zipped_events(fetch_dataset("nmnist_orchard2015", folder=folder) / _ARCHIVES[split])
