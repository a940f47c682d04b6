"""92 object images with dissimilarities of brains, models and behaviour (Kriegeskorte 2008)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from neurospyke.datasets.arrays import read_npz
from neurospyke.datasets.fetch import fetch_dataset
from neurospyke.images import Images, images_from_array

_COLUMNS = {
    "animate": "animate",
    "human": "human",
    "nonhumani": "nonhuman",
    "body": "body",
    "face": "face",
    "natObj": "natural_object",
    "artiObj": "artificial_object",
    "monkeyape": "monkey_or_ape",
}


@dataclass(frozen=True, eq=False)
class Rsa92:
    """92 object images, and the dissimilarities of their 4186 pairs wherever they were measured.

    Every vector of dissimilarities is float64 (pair,), in the order of `numpy.triu_indices(92, 1)`
    and of the rows of `stimuli`; those of IT are 1 - Pearson correlation.

    Args:
        images: float32 (92, 1, 175, 175) luminance.
        stimuli: `stimulus`, `category` (six of them) and yes-or-no columns such as `animate`.
        monkey_it: 674 cells of two macaques.
        human_it: mean over the sessions, fMRI.
        human_it_sessions: by session; four subjects, two sessions each.
        models: by model.
        behaviour: (16, pair) judgements of 16 subjects.
    """

    images: Images
    stimuli: pd.DataFrame
    monkey_it: np.ndarray
    human_it: np.ndarray
    human_it_sessions: Mapping[str, np.ndarray]
    models: Mapping[str, np.ndarray]
    behaviour: np.ndarray


def read_rsa92(folder: str | Path | None = None) -> Rsa92:
    """The 92 images and their dissimilarities in monkey IT, human IT, models and behaviour.

    Args:
        folder: look only in this folder of data sets.

    Returns:
        Images, stimulus table and vectors of dissimilarities.

    Raises:
        ValueError: if the data set is not here, or its file is not the registered one.

    Source:
        Kriegeskorte et al. (2008), Neuron 60:1126; Kiani et al. (2007), J Neurophysiol 97:4296.
    """
    arrays = read_npz(fetch_dataset("rsa92_kriegeskorte2008", folder=folder) / "rsa92.npz")
    category = arrays["category"].astype(object)
    names = [f"image{position:02d}" for position in range(1, len(category) + 1)]
    flags = dict(zip(arrays["category_labels"], arrays["category_vectors"].T, strict=True))
    columns = {name: flags[label].astype(bool) for label, name in _COLUMNS.items()}
    stimuli = pd.DataFrame({"stimulus": names, "category": category} | columns)
    return Rsa92(
        images=images_from_array(arrays["images"]),
        stimuli=stimuli.astype({"stimulus": object}),
        monkey_it=arrays["rdm_monkeyIT"],
        human_it=arrays["rdm_humanIT"],
        human_it_sessions=_named(arrays["humanIT_session_names"], arrays["rdm_humanIT_sessions"]),
        models=_named(arrays["model_names"], arrays["rdm_models"]),
        behaviour=arrays["rdm_behaviour"],
    )


def _named(names: np.ndarray, vectors: np.ndarray) -> dict[str, np.ndarray]:
    return {str(name): vector for name, vector in zip(names, vectors, strict=True)}
