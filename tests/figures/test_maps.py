from typing import Any

import numpy as np
import pandas as pd
import pytest

from neurospyke.figures import plot_map

HOSTILE = "$\\frac{$ _<b>"


def table() -> pd.DataFrame:
    """Two areas, two layers of which the second has two steps, three time bins; counted up."""
    rows = [
        {"layer": layer, "step": step, "area": area, "time_start": time, "time_stop": time + 0.1}
        for layer, step in (("conv1", 0), (HOSTILE, 0), (HOSTILE, 1))
        for area in ("V4", HOSTILE)
        for time in (0.0, 0.1, 0.2)
    ]
    frame = pd.DataFrame(rows)
    return frame.assign(score=np.arange(18) / 20, p_cluster=np.where(np.arange(18) == 7, 0.05, 0.2))


def cells(ax: Any) -> list[list[float]]:
    return (20 * ax.collections[0].get_array()).round(9).tolist()


def test_cells_lie_by_layer_and_time_whatever_the_order_of_rows() -> None:
    for frame in (table(), table().sample(frac=1, random_state=0).sort_values("layer", key=_first)):
        v4, other = sorted(plot_map(frame), key=lambda ax: ax.get_title(loc="left") != "V4")
        assert sorted(cells(v4)) == [[0, 1, 2], [6, 7, 8], [12, 13, 14]]
        assert sorted(cells(other)) == [[3, 4, 5], [9, 10, 11], [15, 16, 17]]


def _first(names: pd.Series) -> pd.Series:
    return names != "conv1"


def test_a_dot_stands_in_the_cell_that_stands_out() -> None:
    v4, other = plot_map(table())
    dots: Any = v4.collections[1]
    np.testing.assert_allclose(dots.get_offsets(), [[0.15, 1]])
    assert len(other.collections[1].get_offsets()) == 0  # type: ignore[arg-type]
    assert len(plot_map(table(), p=0.04)[0].collections[1].get_offsets()) == 0  # type: ignore[arg-type]


def test_areas_share_their_colours_and_the_names_of_rows() -> None:
    v4, other = plot_map(table())
    assert [ax.get_title(loc="left") for ax in (v4, other)] == ["V4", HOSTILE]
    names = [label.get_text() for label in v4.get_yticklabels()]
    assert names == ["conv1 0", f"{HOSTILE} 0", f"{HOSTILE} 1"]
    assert v4.get_ylim() == other.get_ylim() == (2.5, -0.5)
    meshes: Any = [ax.collections[0] for ax in (v4, other)]
    assert [mesh.get_clim() for mesh in meshes] == [(0, 0.85)] * 2
    v4.figure.canvas.draw()


def test_five_areas_take_two_rows_of_which_each_is_named() -> None:
    frame = pd.concat([table()[table()["area"] == "V4"].assign(area=f"a{n}") for n in range(5)])
    panels = plot_map(frame)
    tops = [round(ax.get_position().y1, 6) for ax in panels]
    assert len(set(tops[:4])) == 1
    assert tops[4] < tops[0]
    named = [any(label.get_text() for label in ax.get_yticklabels()) for ax in panels]
    assert named == [True, False, False, False, True]
    assert sum(ax.axison for ax in panels[0].figure.axes) == 6  # with the colour bar


def test_a_layer_that_an_area_lacks_stays_blank() -> None:
    frame = table()
    frame = frame[(frame["area"] == "V4") | (frame["layer"] == "conv1")]
    found = np.ma.filled(plot_map(frame)[1].collections[0].get_array(), np.nan)  # type: ignore[union-attr]
    assert np.isnan(found).tolist() == [[False] * 3, [True] * 3, [True] * 3]


def test_tables_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`table` must be .* none of \['p_cluster'\]"):
        plot_map(table().drop(columns="p_cluster"))
    with pytest.raises(ValueError, match="no row"):
        plot_map(table().iloc[:0])
