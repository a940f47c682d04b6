"""Handwritten digits (LeCun et al. 1998)."""

from pathlib import Path

import numpy as np

from neurospyke.datasets.arrays import read_idx
from neurospyke.datasets.fetch import fetch_dataset
from neurospyke.images import Images, images_from_array

_PREFIXES = {"train": "train", "test": "t10k"}


def read_mnist(split: str = "train", folder: str | Path | None = None) -> tuple[Images, np.ndarray]:
    """Handwritten digits and what they show.

    Args:
        split: "train" (60000 images) or "test" (10000).
        folder: look only in this folder of data sets, and download to it.

    Returns:
        Images float32 (image, 1, 28, 28), and labels int64 (image,) from 0 to 9.

    Raises:
        ValueError: if there is no such split, or a file is not the registered one.
        ConnectionError: if the files are not here and cannot be downloaded.

    Source:
        LeCun, Bottou, Bengio, Haffner (1998), Proc. IEEE 86:2278.
    """
    if split not in _PREFIXES:
        raise ValueError(f"`split` must be one of {list(_PREFIXES)}; got {split!r}")
    place = fetch_dataset("mnist", folder=folder)
    images = read_idx(place / f"{_PREFIXES[split]}-images-idx3-ubyte.gz")
    labels = read_idx(place / f"{_PREFIXES[split]}-labels-idx1-ubyte.gz")
    return images_from_array(images), labels.astype(np.int64)
