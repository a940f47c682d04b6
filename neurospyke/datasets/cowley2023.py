"""Macaque V4 responses to 640 images (Cowley et al. 2023)."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from neurospyke.datasets.arrays import read_npz
from neurospyke.datasets.fetch import fetch_dataset
from neurospyke.images import Images, images_from_array
from neurospyke.responses import Responses

_NOTES = (
    "counts fell in one window of 100 ms; where it lay after image onset is not stated in the "
    "files, so time 0 is the start of that window",
    "object labels were read off the images",
)


def read_v4_cowley2023(folder: str | Path | None = None) -> tuple[Images, pd.DataFrame, Responses]:
    """Session 210325: 50 units of a Utah array in macaque V4, 640 images of 8 objects.

    Args:
        folder: look only in this folder of data sets.

    Returns:
        Images float32 (640, 1, 112, 112); their table with `stimulus` and `object`; and
        responses, spike counts in 100 ms, one trial for each of the 6 to 10 presentations of an
        image, with `stimulus`, `repetition` and `object`.

    Raises:
        ValueError: if the data set is not here, or its file is not the registered one.

    Source:
        Cowley, Stan, Pillow, Smith (2023), bioRxiv 2023.11.22.568315; images of Bashivan, Kar,
        DiCarlo (2019), Science 364:eaav9436.
    """
    path = fetch_dataset("v4_cowley2023", folder=folder) / "session_210325.npz"
    arrays = read_npz(path)
    stimuli = pd.DataFrame(
        {
            "stimulus": [Path(name).stem for name in arrays["image_names"]],
            "object": arrays["object_names"][arrays["object_id"]],
        },
        dtype=object,
    )
    n_units = len(arrays["counts"])
    units = pd.DataFrame({"unit": range(n_units), "area": "V4", "session": "210325"})
    responses = Responses.from_counts(
        arrays["counts"],
        stimuli=list(stimuli["stimulus"]),
        units=units.assign(subject=str(arrays["monkey"])),
        window=(0.0, 0.1),
        missing=int(arrays["missing"]),
        source="v4_cowley2023, session 210325",
        notes=_NOTES,
    )
    objects = stimuli.set_index("stimulus")["object"]
    trials = responses.trials.assign(object=responses.trials["stimulus"].map(objects))
    return images_from_array(arrays["images_gray"]), stimuli, replace(responses, trials=trials)
