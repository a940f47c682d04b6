from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.compare import RDM
from neurospyke.compare.rdm import population_name
from neurospyke.responses import Responses
from neurospyke.storage import write_arrays


def names(n: int) -> tuple[str, ...]:
    return tuple(f"s{number}" for number in range(n))


@pytest.fixture
def rdm() -> RDM:
    return RDM(np.arange(6), ("d", "b", "c", "a"), dissimilarity="any", source="V4", n_units=7)


class TestRDM:
    def test_repr(self, rdm: RDM) -> None:
        assert repr(rdm) == "RDM(4 conditions, 6 pairs, any over 7 units, from V4)"

    def test_matrix_and_back(self, rdm: RDM) -> None:
        matrix = rdm.matrix()
        assert matrix[0].tolist() == [0, 0, 1, 2]
        assert matrix[2, 3] == matrix[3, 2] == 5
        again = RDM.from_matrix(matrix, rdm.conditions, dissimilarity="any")
        np.testing.assert_array_equal(again.values, rdm.values)

    @settings(max_examples=20, deadline=None)
    @given(st.permutations(range(5)), st.integers(2, 5))
    def test_select_is_indexing_of_the_matrix(self, order: list[int], n_kept: int) -> None:
        full = RDM(np.arange(10), names(5), dissimilarity="any")
        kept = order[:n_kept]
        selected = full.select([full.conditions[row] for row in kept])
        np.testing.assert_array_equal(selected.matrix(), full.matrix()[np.ix_(kept, kept)])

    def test_select_names_what_is_not_there(self, rdm: RDM) -> None:
        with pytest.raises(ValueError, match=r"2 are not: \['x', 'y'\]"):
            rdm.select(["a", "x", "y"])
        with pytest.raises(ValueError, match=r"repeated: \['a'\]"):
            rdm.select(["a", "b", "a"])

    def test_it_cannot_be_changed(self, rdm: RDM) -> None:
        with pytest.raises(ValueError, match="read-only"):
            rdm.values[0] = 1

    def test_save_and_load(self, rdm: RDM, tmp_path: Path) -> None:
        rdm.save(tmp_path / "rdm.npz")
        again = RDM.load(tmp_path / "rdm.npz")
        assert repr(again) == repr(rdm)
        assert again.conditions == rdm.conditions
        np.testing.assert_array_equal(again.values, rdm.values)

    def test_another_file_is_refused(self, tmp_path: Path) -> None:
        write_arrays(tmp_path / "other.npz", "Responses", {"values": np.ones(3)}, {})
        with pytest.raises(ValueError, match="must hold RDM; it holds Responses"):
            RDM.load(tmp_path / "other.npz")

    @pytest.mark.parametrize(
        ("values", "conditions", "message"),
        [
            (np.ones(4), "abc", r"must be \(3,\), one for each pair"),
            (np.ones((3, 3)), "abc", "use RDM.from_matrix"),
            (np.array([1, np.nan, np.inf]), "abc", "2 of 3 are NaN"),
            (np.ones(3), "aba", r"repeated: \['a'\]"),
            (np.ones(0), "a", "at least 2"),
            (np.ones(1), [1.0, 2.0], "whole numbers"),
        ],
    )
    def test_wrong_input_is_refused(
        self, values: np.ndarray, conditions: str, message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            RDM(values, tuple(conditions), dissimilarity="any")

    @pytest.mark.parametrize(
        ("matrix", "message"),
        [
            (np.ones((2, 3)), "must be .condition, condition."),
            (np.array([[0.0, 1.0], [2.0, 0.0]]), "symmetric"),
            (np.array([[0.0, np.nan], [np.nan, 0.0]]), "symmetric and finite"),
            (np.eye(2), "diagonal of zeros"),
        ],
    )
    def test_wrong_matrices_are_refused(self, matrix: np.ndarray, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            RDM.from_matrix(matrix, ["a", "b"], dissimilarity="any")


def test_a_population_is_named_by_layers_or_areas() -> None:
    def responses(**units: object) -> Responses:
        table = pd.DataFrame({"unit": [0, 1]} | units)
        trials = pd.DataFrame({"stimulus": ["a", "b"]})
        return Responses(np.eye(2)[:, :, None], trials, table, np.array([0.0, 1.0]))

    assert population_name(responses(area=["V4", "IT"])) == "V4/IT"
    assert population_name(responses(layer="conv1", area="x")) == "conv1"
