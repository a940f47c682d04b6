"""Recordings that several tests of the comparisons read."""

from pathlib import Path

import numpy as np
import pytest

from neurospyke.compare import RDM
from neurospyke.responses import Responses


@pytest.fixture(scope="session")
def v4(shared_data: Path) -> Responses:
    """Macaque V4, 50 units, 640 images, 6 to 10 repetitions (Cowley et al. 2023)."""
    with np.load(shared_data / "v4_cowley2023/session_210325.npz") as file:
        return Responses.from_counts(
            file["counts"], stimuli=list(file["image_names"]), missing=255, window=(0.0, 0.1)
        )


@pytest.fixture(scope="session")
def rsa92(shared_data: Path) -> dict[str, RDM]:
    """RDMs of 92 object images (Kriegeskorte et al. 2008), by name."""
    with np.load(shared_data / "rsa92_kriegeskorte2008/rsa92.npz") as file:
        vectors = dict(zip(file["model_names"].tolist(), file["rdm_models"], strict=True))
        vectors |= {"monkey IT": file["rdm_monkeyIT"], "human IT": file["rdm_humanIT"]}
    conditions = tuple(f"image {image}" for image in range(92))
    return {
        name: RDM(vector, conditions, dissimilarity="as published", source=name)
        for name, vector in vectors.items()
    }
