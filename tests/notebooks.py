"""Analyses run as notebooks, by the code that makes the gallery of the site, and kept for it."""

import importlib.util
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import nbformat

from tests.conftest import ROOT

KEPT = ROOT / "out" / "gallery"


class Run(NamedTuple):
    """What an analysis has left behind.

    Attributes:
        folder: what it wrote.
        printed: what it printed.
        n_figures: how many figures it showed.
    """

    folder: Path
    printed: str
    n_figures: int


def _gallery() -> Any:
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "docs" / "gallery.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_analysis(name: str, folder: Path, data: Path) -> Run:
    """Run an analysis on one thread and a small size.

    Args:
        name: of the script.
        folder: where everything goes.
        data: where data sets are found.

    Returns:
        What it left.
    """
    gallery = _gallery()
    variables = {"NEUROSPYKE_DATA": str(data), "OMP_NUM_THREADS": "1"}
    made = gallery.execute(gallery.SCRIPTS[name], folder, variables)
    shutil.rmtree(KEPT / "files" / name, ignore_errors=True)
    shutil.copytree(folder / "files" / name, KEPT / "files" / name)
    shutil.copy2(made, KEPT / made.name)
    outputs = [
        output
        for cell in nbformat.read(made, 4)["cells"]
        if cell["cell_type"] == "code"
        for output in cell["outputs"]
    ]
    printed = "".join(each["text"] for each in outputs if each.get("name") == "stdout")
    n_figures = sum("image/png" in each.get("data", {}) for each in outputs)
    return Run(folder / "files" / name, printed, n_figures)
