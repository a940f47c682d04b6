"""Where shared oracles and recordings are found, and how their absence is reported."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def _shared(folder: str) -> Path:
    root = Path(os.environ.get("NEUROSPYKE_SHARED", ROOT.parent / "shared"))
    path = root / folder
    if not path.is_dir():
        message = f"{path} is absent; set NEUROSPYKE_SHARED to the folder that holds {folder}/"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path


@pytest.fixture(scope="session")
def shared_oracles() -> Path:
    """Folder of frozen outputs of other libraries."""
    return _shared("oracles")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of recordings, images and weights."""
    return _shared("data")
