"""What tests and doctests alike start from: no window, and no figure left by the one before."""

import os
import sys
from collections.abc import Iterator

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    if "matplotlib.pyplot" in sys.modules:  # importing it takes longer than most tests
        sys.modules["matplotlib.pyplot"].close("all")
