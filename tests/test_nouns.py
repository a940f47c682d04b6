"""What holds for every noun alike: whole files come back, damaged ones are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from neurospyke.compare import RDM, Comparison
from neurospyke.recording import Recording
from neurospyke.responses import Responses
from neurospyke.storage import write_arrays

CONDITIONS = ("a", "b", "c")
NOUNS: list[Any] = [
    Responses.from_counts(np.array([[1, 2], [3, 4], [5, 6]]), stimuli=CONDITIONS),
    Recording.from_trains(
        [np.array([0.1, 0.6]), np.array([0.2])],
        observed=(0.0, 1.0),
        trials={"shown": pd.DataFrame({"start_time": [0.0, 0.5], "stimulus": ["a", "b"]})},
    ),
    RDM(np.array([1.0, 2.0, 3.0]), CONDITIONS, dissimilarity="euclidean"),
    Comparison("rsa", "conv1", "V4", 0.3, (0.2, 0.4), conditions=CONDITIONS),
]
each_noun = pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: type(noun).__name__)


@each_noun
def test_it_comes_back_from_its_file(noun: Any, tmp_path: Path) -> None:
    noun.save(tmp_path / "file.npz")
    assert repr(type(noun).load(tmp_path / "file.npz")) == repr(noun)


@each_noun
def test_its_repr_is_one_readable_line(noun: Any) -> None:
    assert repr(noun).startswith(f"{type(noun).__name__}(")
    assert "\n" not in repr(noun)
    assert len(repr(noun)) < 200


@each_noun
@pytest.mark.parametrize("cut", [1, 100, 300])
def test_a_truncated_file_is_refused(noun: Any, cut: int, tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    noun.save(path)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(ValueError, match=r"file\.npz' must be a file saved by neurospyke"):
        type(noun).load(path)


@each_noun
def test_a_file_that_lacks_a_part_is_refused(noun: Any, tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    write_arrays(path, type(noun).__name__, {"values": np.zeros((1, 1, 1))}, {})
    with pytest.raises(ValueError, match=r"file\.npz' must hold a whole .* lacks"):
        type(noun).load(path)


@each_noun
def test_another_noun_is_refused(noun: Any, tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    other = NOUNS[NOUNS.index(noun) - 1]
    other.save(path)
    with pytest.raises(ValueError, match=f"must hold {type(noun).__name__}; it holds"):
        type(noun).load(path)
