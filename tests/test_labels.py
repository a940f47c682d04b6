import numpy as np
import pandas as pd
import pytest

from neurospyke.labels import check_table, select, stimulus_labels

TABLE = pd.DataFrame({"area": ["V4", "IT", "V4"], "depth": [1.0, 2.0, 3.0]}, index=[7, 8, 9])


def test_a_checked_table_is_a_copy_numbered_from_zero() -> None:
    checked = check_table(TABLE, 3, "units", ("area",))
    assert list(checked.index) == [0, 1, 2]
    checked.loc[0, "area"] = "V1"
    assert TABLE["area"].iloc[0] == "V4"


@pytest.mark.parametrize(
    ("table", "n_rows", "message"),
    [
        (TABLE, 4, "`units` must have 4 rows"),
        (TABLE.drop(columns="area"), 3, r"\['area'\] missing from \['depth'\]"),
        (TABLE.set_axis(["area", 3], axis=1), 3, "strings as column names"),
        (TABLE.set_axis(["area", "area"], axis=1), 3, "each column once"),
    ],
)
def test_wrong_tables_are_refused(table: pd.DataFrame, n_rows: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_table(table, n_rows, "units", ("area",))


def test_something_else_than_a_table_is_refused() -> None:
    with pytest.raises(TypeError, match="`units` must be a pandas DataFrame; got dict"):
        check_table({"area": []}, 0, "units")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (None, [0, 1, 2]),
        ("area == 'V4' and depth > 1", [2]),
        (np.array([False, True, False]), [1]),
        ([2, 0], [2, 0]),
    ],
)
def test_rows_are_selected_by_query_mask_or_position(rows: object, expected: list[int]) -> None:
    table = check_table(TABLE, 3, "units")
    np.testing.assert_array_equal(select(table, rows, "units"), expected)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("region == 'V4'", r"query on the columns \['area', 'depth'\]"),
        ("area ==", "query on the columns"),
        ("depth", "must be a condition"),
        ("area", "must be a condition"),
        ("1 == 1", "must be a condition"),
        ("area == 'V9'", "at least one of 3 rows"),
        ([True, False], "must mask 3 rows"),
        ([0, 3], "positions from 0 to 2"),
        ([-1], "positions from 0 to 2"),
        ([0.5], "query, a boolean mask or row positions"),
    ],
)
def test_wrong_selections_are_refused(rows: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        select(check_table(TABLE, 3, "units"), rows, "units")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("label", [3.0, None, float("nan"), True, "", np.float64(2)])
def test_ambiguous_labels_are_refused(label: object) -> None:
    with pytest.raises(ValueError, match="`stimuli` must be non-empty strings or whole numbers"):
        stimulus_labels(["face", label], "stimuli")


def test_whole_numbers_become_their_digits() -> None:
    assert list(stimulus_labels(np.array([3, 10]), "stimuli")) == ["3", "10"]
