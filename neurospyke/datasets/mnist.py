"""Handwritten digits (LeCun et al. 1998) and clothes in the same form (Xiao et al. 2017)."""

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
    return _read_split("mnist", split, folder)


def read_fashion_mnist(
    split: str = "train", folder: str | Path | None = None
) -> tuple[Images, np.ndarray]:
    """Clothes and shoes and which kind they are of: a harder task in the form of MNIST.

    The kinds are T-shirt, trousers, pullover, dress, coat, sandal, shirt, sneaker, bag and ankle
    boot. Debian and Ubuntu install the files with `apt install dataset-fashion-mnist`.

    Args:
        split: "train" (60000 images, 6000 a kind) or "test" (10000, 1000 a kind).
        folder: look only in this folder of data sets, and download to it.

    Returns:
        Images float32 (image, 1, 28, 28), and labels int64 (image,) from 0 to 9.

    Raises:
        ValueError: if there is no such split, or a file is not the registered one.
        ConnectionError: if the files are not here and cannot be downloaded.

    Source:
        Xiao, Rasul, Vollgraf (2017), Fashion-MNIST: a novel image dataset for benchmarking machine
        learning algorithms, arXiv 1708.07747.
    """
    return _read_split("fashion-mnist", split, folder)


def _read_split(name: str, split: str, folder: str | Path | None) -> tuple[Images, np.ndarray]:
    if split not in _PREFIXES:
        raise ValueError(f"`split` must be one of {list(_PREFIXES)}; got {split!r}")
    place = fetch_dataset(name, folder=folder)
    images = read_idx(place / f"{_PREFIXES[split]}-images-idx3-ubyte.gz")
    labels = read_idx(place / f"{_PREFIXES[split]}-labels-idx1-ubyte.gz")
    return images_from_array(images), labels.astype(np.int64)
