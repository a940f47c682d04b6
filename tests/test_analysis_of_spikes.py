"""The analysis of spike statistics finds what is known of each population, by the same calls."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    """Folder written by the analysis, run as a script."""
    folder = tmp_path_factory.mktemp("out")
    variables = {
        "ANALYSES_OUT": str(folder),
        "NEUROSPYKE_DATA": str(shared_data),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, str(ROOT / "analyses" / "spike_statistics.py")],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "spike_statistics"


@pytest.fixture(scope="module")
def units(out: Path) -> Any:
    return pd.read_csv(out / "units.csv").set_index(["population", "statistic"])


def test_the_simulated_area_is_poisson(out: Path, units: Any) -> None:
    assert units.loc[("Poisson area", "Fano factor"), "median"] == pytest.approx(1, abs=0.05)
    matched = pd.read_csv(out / "matched_fano.csv").set_index("population")["value"]
    assert matched["Poisson area"] == pytest.approx(1, abs=0.05)
    assert matched["retina"] < 0.5
    pairs: Any = pd.read_csv(out / "pairs.csv").set_index(["population", "statistic"])["mean"]
    assert abs(pairs[("Poisson area", "noise correlation")]) < 0.01
    tiling = [pairs[("Poisson area", f"STTC{order}")] for order in ("", ", trials shuffled")]
    assert tiling[0] == pytest.approx(tiling[1], abs=0.01)


def test_the_retina_is_precise_and_late(units: Any) -> None:
    assert units.loc[("retina", "Fano factor"), "median"] < 0.6
    # the first spikes of this recording come about 105 ms after the onset
    assert 0.1 < units.loc[("retina", "change_point"), "median"] < 0.14
    assert units.loc[("retina", "cv2"), "median"] < 0.8


def test_units_that_fire_once_are_told_to_have_no_intervals(units: Any) -> None:
    intervals = units.loc["network, pool2"].loc[["cv", "cv2", "lv", "lvr"]]
    assert set(intervals["status"]) == {"49 n_isi<2"}
    assert intervals["median"].isna().all()
    assert units.loc[("network, pool2", "Fano factor"), "high"] < 1
