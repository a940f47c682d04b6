from pathlib import Path

import numpy as np
import pytest

from neurospyke.compare import Comparison, comparison_table
from neurospyke.storage import write_arrays


def make(**changes: object) -> Comparison:
    arguments: dict = {
        "method": "rsa",
        "model": "conv1",
        "brain": "V4",
        "score": 0.31,
        "interval": (0.27, 0.35),
        "ceiling": (0.52, 0.61),
        "p": 0.004,
        "conditions": ("face", "car", "chair"),
        "units": (200, 50),
        "time": (0.07, 0.17),
        "settings": {"comparator": "spearman", "n_bootstrap": 1000},
        "seed": 3,
        "resamples": np.array([0.28, 0.33]),
    }
    arguments |= changes
    return Comparison(**arguments)


def test_it_reads_as_a_sentence() -> None:
    assert str(make()) == (
        "rsa of conv1 with V4 at [0.07, 0.17) s: 0.31 [0.27, 0.35], ceiling [0.52, 0.61], "
        "p 0.004, 3 conditions"
    )
    assert "ceiling not known, 3 conditions" in str(make(ceiling=None, p=None))


def test_the_repr_is_one_line_however_many_resamples() -> None:
    assert repr(make(resamples=np.zeros(1000))) == f"Comparison({make()})"


def test_a_setting_does_not_hide_a_column_of_its_name() -> None:
    row = make(settings={"score": "Spearman"}).to_frame().iloc[0]
    assert (row["score"], row["setting_score"]) == (0.31, "Spearman")


def test_a_row_holds_every_number_and_setting() -> None:
    table = comparison_table([make(), make(model="conv2", ceiling=None, p=None, time=None)])
    assert table["model"].tolist() == ["conv1", "conv2"]
    first = table.to_dict("records")[0]
    assert (first["score"], first["interval_low"], first["interval_high"]) == (0.31, 0.27, 0.35)
    assert (first["ceiling_low"], first["ceiling_high"], first["p"]) == (0.52, 0.61, 0.004)
    assert (first["n_conditions"], first["n_model_units"], first["n_brain_units"]) == (3, 200, 50)
    assert (first["comparator"], first["n_bootstrap"], first["seed"]) == ("spearman", 1000, 3)
    assert np.isnan(table[["ceiling_low", "p", "time_start"]].to_numpy()[1]).all()


def test_no_comparisons_make_no_table() -> None:
    with pytest.raises(ValueError, match="at least one"):
        comparison_table([])


@pytest.mark.parametrize("changes", [{}, {"ceiling": None, "p": None, "time": None, "seed": None}])
def test_save_and_load(tmp_path: Path, changes: dict) -> None:
    comparison = make(**changes)
    comparison.save(tmp_path / "result.npz")
    again = Comparison.load(tmp_path / "result.npz")
    assert str(again) == str(comparison)
    assert again.to_frame().equals(comparison.to_frame())
    assert again.conditions == comparison.conditions
    np.testing.assert_array_equal(again.resamples, comparison.resamples)


def test_another_file_is_refused(tmp_path: Path) -> None:
    write_arrays(tmp_path / "rdm.npz", "RDM", {"values": np.ones(3)}, {})
    with pytest.raises(ValueError, match="must hold Comparison; it holds RDM"):
        Comparison.load(tmp_path / "rdm.npz")


def test_it_cannot_be_changed() -> None:
    comparison = make()
    with pytest.raises(TypeError):
        comparison.settings["comparator"] = "pearson"  # pyright: ignore[reportIndexIssue]
    with pytest.raises(ValueError, match="read-only"):
        comparison.resamples[0] = 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score": np.nan}, "`score` must be finite"),
        ({"interval": (0.4, 0.2)}, "`interval` must be finite .low, high."),
        ({"ceiling": (0.1, np.inf)}, "`ceiling` must be finite"),
        ({"confidence": 95}, "`confidence` must be between 0 and 1"),
        ({"p": 1.1}, "`p` must be between 0 and 1"),
        ({"conditions": ("a", "b")}, "at least 3 different labels"),
        ({"conditions": ("a", "b", "a")}, "at least 3 different labels"),
    ],
)
def test_wrong_input_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**changes)
