"""Electrocardiograms of the QT database as level-crossing spikes (Laguna et al. 1997)."""

from pathlib import Path

import numpy as np
import scipy.io

from neurospyke.datasets.fetch import fetch_dataset

WAVES = ("P", "PQ", "QR", "RS", "ST", "TP")  # classes 0 to 5
_SPLITS = ("train", "test")


def read_ecg_laguna1997(
    split: str = "train", folder: str | Path | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Two leads of an electrocardiogram in level-crossing spikes, with the wave at each step.

    One step in ten has no label in the file; it counts as class 0, as in the published figures.

    Args:
        split: "train" (618 courses) or "test" (141).
        folder: look only in this folder of data sets.

    Returns:
        float32 spikes (time, sample, channel), 1301 steps and four channels (each of two leads
        up and down), -1, 0 or 1; and int64 classes (time, sample), places in `WAVES`.

    Raises:
        ValueError: if there is no such split, the data set is not here, or its file is not the
            registered one.

    Source:
        Laguna, Mark, Goldberger, Moody (1997), Computers in Cardiology 24:673; encoded by Yin,
        Corradi and Bohte (2021), Nature Machine Intelligence 3:905.
    """
    if split not in _SPLITS:
        raise ValueError(f"`split` must be one of {list(_SPLITS)}; got {split!r}")
    # the checksum was compared, so that the file can be read as it is
    place = fetch_dataset("srnn_yin2021", folder=folder)
    arrays = scipy.io.loadmat(place / f"data_QTDB_{split}.mat")
    spikes = np.ascontiguousarray(arrays["x"].astype(np.float32).transpose(1, 0, 2))
    return spikes, np.ascontiguousarray(arrays["y"].argmax(2).T.astype(np.int64))
