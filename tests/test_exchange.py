"""Responses under the names of other toolkits."""

import sys

import numpy as np
import pandas as pd
import pytest

from neurospyke.exchange import to_xarray
from neurospyke.responses import Responses


def responses(**changes) -> Responses:
    parts = {
        "values": np.arange(12.0).reshape(2, 3, 2),
        "trials": pd.DataFrame({"stimulus": ["face", "car"], "repetition": [0, 1]}),
        "units": pd.DataFrame({"unit": [7, 8, 9], "area": ["V4", "IT", "IT"]}),
        "edges": np.array([0.07, 0.12, 0.17]),
        "measure": "rate",
        "source": "made up",
    }
    return Responses(**(parts | changes))


def test_brainscore_names_and_milliseconds():
    array = to_xarray(responses(), convention="brainscore")
    assert array.dims == ("presentation", "neuroid", "time_bin")
    assert array["stimulus_id"].values.tolist() == ["face", "car"]
    assert array["repetition"].values.tolist() == [0, 1]
    assert array["neuroid_id"].values.tolist() == [7, 8, 9]
    assert array["time_bin_start"].values.tolist() == [70.0, 120.0]
    assert array["time_bin_end"].values.tolist() == [120.0, 170.0]
    assert array.attrs == {"measure": "rate", "source": "made up"}
    chosen = array.isel(neuroid=array["region"].values == "IT")
    np.testing.assert_array_equal(chosen.values, np.arange(12.0).reshape(2, 3, 2)[:, 1:])


def test_own_names_and_seconds():
    array = to_xarray(responses())
    assert array.dims == ("trial", "unit", "time")
    np.testing.assert_array_equal(array.sel(unit=8, time=0.12).values, [3.0, 9.0])
    assert array["area"].values.tolist() == ["V4", "IT", "IT"]


def test_steps_of_a_model_stay_steps():
    array = to_xarray(responses(edges=np.arange(3.0), time_unit="step"), convention="brainscore")
    assert array["time_bin_end"].values.tolist() == [1.0, 2.0]


def test_what_cannot_be_named_is_refused(monkeypatch):
    with pytest.raises(ValueError, match=r"\['neurospyke', 'brainscore'\]; got 'netcdf'"):
        to_xarray(responses(), convention="netcdf")
    units = pd.DataFrame({"unit": [7, 8, 9], "repetition": 0})
    with pytest.raises(ValueError, match="both have a column 'repetition'"):
        to_xarray(responses(units=units))
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(ImportError, match=r"pip install 'neurospyke\[xarray\]'"):
        to_xarray(responses())
