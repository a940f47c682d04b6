import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.figures.names import place_names

coordinates = st.floats(0, 10, width=16)


def overlaps(middles: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(box, box) whether they share more than an edge."""
    gaps = np.abs(middles[:, None] - middles) - (sizes[:, None] + sizes) / 2
    found = np.asarray((gaps < -1e-9).all(axis=2))
    np.fill_diagonal(found, False)
    return found


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=20), st.floats(0.1, 1))
def test_no_box_covers_another_or_a_point(where: list[tuple[float, float]], height: float) -> None:
    points = np.array(where)
    sizes = np.stack([np.linspace(1, 3, len(points)), np.full(len(points), height)], axis=1)
    middles = place_names(points, sizes, 0.3)
    assert not overlaps(middles, sizes).any()
    inside = np.asarray(np.abs(points[:, None] - middles) < sizes / 2 - 1e-9)
    assert not inside.all(axis=2).any()


def test_names_of_a_row_point_away_from_it() -> None:
    """The outer ones go outwards; the middle one, with no side emptier, takes the first free."""
    middles = place_names(np.array([[0.0, 0], [1, 0], [2, 0]]), np.full((3, 2), 0.5), 0.5)
    assert middles[0] == pytest.approx([-0.75, 0])
    assert middles[2] == pytest.approx([2.75, 0])


def test_points_in_one_place_all_get_their_name() -> None:
    middles = place_names(np.zeros((8, 2)), np.ones((8, 2)), 1.0)
    assert not overlaps(middles, np.ones((8, 2))).any()
