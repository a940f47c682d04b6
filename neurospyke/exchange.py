"""Responses as labelled arrays of xarray, under the names of other toolkits."""

from typing import Any

import numpy as np
import pandas as pd

from neurospyke.responses import Responses

# dimension names, then what our columns are called there
_CONVENTIONS: dict[str, tuple[tuple[str, str, str], dict[str, str]]] = {
    "neurospyke": (("trial", "unit", "time"), {}),
    "brainscore": (
        ("presentation", "neuroid", "time_bin"),
        {"stimulus": "stimulus_id", "unit": "neuroid_id", "area": "region"},
    ),
}
_MILLISECONDS = 1000.0


def to_xarray(responses: Responses, *, convention: str = "neurospyke") -> Any:
    """Responses as an xarray `DataArray` with plain coordinates.

    Args:
        responses: of a brain or a model.
        convention: "neurospyke" (trial, unit, time; `time` is a bin's start), or "brainscore"
            (presentation, neuroid, time_bin; `stimulus_id`, `neuroid_id`, `region`, and bins in
            milliseconds from `time_bin_start` to `time_bin_end`; model steps stay steps).

    Returns:
        The array, values shared with the responses; a MultiIndex, which netCDF cannot hold, is
        left to `set_index`.

    Raises:
        ImportError: if xarray is not installed.
        ValueError: if the convention is unknown, or two columns would have one name.

    >>> responses = Responses.from_counts(np.array([[2, 0]]), stimuli=["face"], window=(0.07, 0.17))
    >>> array = to_xarray(responses, convention="brainscore")
    >>> array.dims, array["stimulus_id"].item(), array["time_bin_end"].item()
    (('presentation', 'neuroid', 'time_bin'), 'face', 170.0)
    """
    if convention not in _CONVENTIONS:
        raise ValueError(f"`convention` must be one of {list(_CONVENTIONS)}; got {convention!r}")
    try:
        import xarray
    except ImportError as error:
        raise ImportError("this needs xarray: pip install 'neurospyke[xarray]'") from error
    dims, names = _CONVENTIONS[convention]
    coordinates = _columns(responses.trials, dims[0], names, {})
    coordinates = _columns(responses.units, dims[1], names, coordinates)
    edges = responses.edges
    if convention == "brainscore":
        if responses.time_unit == "s":
            # 0.07 s is 70 ms, not 70.00000000000001
            edges = np.round(edges * _MILLISECONDS, 6)
        coordinates["time_bin_start"] = (dims[2], edges[:-1])
        coordinates["time_bin_end"] = (dims[2], edges[1:])
    else:
        coordinates["time"] = (dims[2], edges[:-1])
    attributes = {"measure": responses.measure, "source": responses.source}
    return xarray.DataArray(responses.values, coordinates, dims, attrs=attributes)


def _columns(
    table: pd.DataFrame, dim: str, names: dict[str, str], taken: dict[str, Any]
) -> dict[str, Any]:
    coordinates = dict(taken)
    for column in table.columns:
        name = names.get(column, column)
        if name == dim and name != "unit":
            name = f"{name}_id"
        if name in coordinates:
            raise ValueError(
                f"trials and units must not both have a column {name!r}: rename one of them"
            )
        coordinates[name] = (dim, table[column].to_numpy())
    return coordinates
