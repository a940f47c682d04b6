import numpy as np
import pandas as pd
import pytest

from neurospyke.responses import Responses
from neurospyke.study import read_responses


def test_units_are_the_columns_of_numbers(tmp_path):
    path = tmp_path / "v4.csv"
    path.write_text("image,repetition,a,object,b\n007,0,2,car,0\n007,1,1,car,3\nNA,0,4,face,4\n")
    found = read_responses(path, stimulus="image", window=(0.07, 0.17))
    assert found.values[:, :, 0].tolist() == [[2, 0], [1, 3], [4, 4]]
    assert found.stimuli == ("007", "NA")
    assert list(found.trials["object"]) == ["car", "car", "face"]
    assert list(found.units["unit"]) == ["a", "b"]
    assert (found.measure, tuple(found.edges)) == ("count", (0.07, 0.17))
    (note,) = found.notes
    assert note.startswith("v4.csv: 2 units are the columns of numbers (a, b)")


def test_columns_called_unit_are_units_and_no_others(tmp_path):
    path = tmp_path / "shown.csv"
    pd.DataFrame(
        {"stimulus": ["a", "b"], "label": [3, 4], "unit0": [0.5, 1], "unit1": [2, 3]}
    ).to_csv(path, index=False)
    found = read_responses(path)
    assert list(found.units["unit"]) == ["unit0", "unit1"]
    assert list(found.trials["label"]) == [3, 4]
    assert found.measure == "other"
    assert (
        found.notes[1] == "shown.csv: the window of counting is not stated; 0 to 1 s stands for it"
    )
    named = read_responses(path, units=("label",))
    assert named.values.ravel().tolist() == [3, 4]


def test_labels_of_digits_stay_as_they_are_written(tmp_path):
    path = tmp_path / "v4.tsv"
    path.write_text("stimulus\ta\n007\t1\n08\t2\n")
    assert read_responses(path).stimuli == ("007", "08")


def test_repetitions_are_counted_where_no_column_tells_them(tmp_path):
    path = tmp_path / "v4.csv"
    path.write_text("stimulus,a\nface,1\ncar,2\nface,3\n")
    assert list(read_responses(path).trials["repetition"]) == [0, 0, 1]


def test_what_was_saved_comes_back(tmp_path):
    responses = Responses.from_counts(np.array([[1, 2], [3, 4]]), stimuli=["a", "b"])
    responses.save(tmp_path / "v4.npz")
    np.testing.assert_array_equal(read_responses(tmp_path / "v4.npz").values, responses.values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image,a\nface,1\n", r"must have the column 'stimulus'.*\['image', 'a'\]"),
        ("stimulus,a\nface,x\n", "must have columns of numbers, one a unit"),
        ("stimulus,unit1\nface,1\ncar,x\n", "must hold numbers in 'unit1'; row 1 holds 'x'"),
        ("stimulus,a\n,1\n", "must be non-empty strings"),
        ("stimulus,a\nface,nan\n", "must have columns of numbers"),
        ("", "must be a table with a header"),
    ],
)
def test_a_faulty_table_is_refused_with_the_reason(tmp_path, content, message):
    path = tmp_path / "v4.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_responses(path)


def test_what_is_no_table_is_refused(tmp_path):
    for name in ("v4.nwb", "absent.npz", "absent.csv"):
        with pytest.raises(ValueError, match=name):
            read_responses(tmp_path / name)
    (tmp_path / "v4.csv").write_text("stimulus,a\nface,1\n")
    with pytest.raises(ValueError, match=r"must have the columns of `units`; \['b'\]"):
        read_responses(tmp_path / "v4.csv", units=("b",))
