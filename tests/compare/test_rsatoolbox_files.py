from pathlib import Path

import h5py
import numpy as np
import pytest

from neurospyke.compare import COMPARATORS, RDM, read_rsatoolbox, standard_name, write_rsatoolbox


def rdm(dissimilarity: str = "euclidean", source: str = "V4", **changes: object) -> RDM:
    conditions = changes.get("conditions", ("face", "car", "chair"))
    return RDM(np.array([1.0, 2.5, 3.0]), conditions, dissimilarity=dissimilarity, source=source)  # type: ignore[arg-type]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rdms.h5"
    write_rsatoolbox(path, [rdm(), rdm(source="IT")])
    again = read_rsatoolbox(path)
    assert [repr(each) for each in again] == [repr(rdm()), repr(rdm(source="IT"))]
    assert again[0].conditions == ("face", "car", "chair")
    np.testing.assert_array_equal(again[1].values, [1.0, 2.5, 3.0])


def test_the_layout_is_that_of_rsatoolbox(tmp_path: Path) -> None:
    path = tmp_path / "rdms.h5"
    write_rsatoolbox(path, [rdm()])
    with h5py.File(path) as file:
        assert set(file) == {
            "dissimilarities",
            "descriptors",
            "pattern_descriptors",
            "rdm_descriptors",
        }
        assert file.attrs["dissimilarity_measure"] == "squared euclidean"
        assert "rsatoolbox_version" in file.attrs
        stimulus = np.asarray(file["pattern_descriptors/stimulus"])
        # rsatoolbox turns fixed-length bytes, and nothing else, into text.
        assert stimulus.dtype.kind == "S"
        assert np.asarray(file["dissimilarities"]).shape == (1, 3)


def written_elsewhere(path: Path, **patterns: list) -> Path:
    """As rsatoolbox 0.3.2 lays its files out."""
    with h5py.File(path, "w") as file:
        file.attrs["dissimilarity_measure"] = "crossnobis"
        file["dissimilarities"] = np.arange(6.0).reshape(2, 3)
        descriptors = file.create_group("descriptors")
        descriptors.attrs["name"] = "x"
        descriptors["noise"] = np.eye(4)
        group = file.create_group("pattern_descriptors")
        for name, values in patterns.items():
            array = np.array(values)
            group[name] = array.astype("S") if array.dtype.kind == "U" else array
        file.create_group("rdm_descriptors")["subj"] = np.array(["a", "b"]).astype("S")
    return path


def test_labels_are_found(tmp_path: Path) -> None:
    path = tmp_path / "rdms.h5"
    for given, expected in [
        ({"index": [0, 1, 2], "conds": ["x", "y", "z"], "other": [7, 8, 9]}, ("x", "y", "z")),
        ({"index": [0, 1, 2], "other": [7, 8, 9]}, ("7", "8", "9")),
        ({"index": [0, 1, 2]}, ("0", "1", "2")),
    ]:
        first, second = read_rsatoolbox(written_elsewhere(path, **given))
        assert first.conditions == expected
        assert (first.dissimilarity, second.values.tolist()) == ("crossnobis", [3, 4, 5])
    two = written_elsewhere(path, a=["x", "y", "z"], b=[7, 8, 9])
    assert read_rsatoolbox(two, labels="b")[0].conditions == ("7", "8", "9")
    with pytest.raises(ValueError, match=r"`labels` must say which of \['a', 'b'\]"):
        read_rsatoolbox(two)
    with pytest.raises(ValueError, match=r"pattern descriptors \['a', 'b'\]; got 'c'"):
        read_rsatoolbox(two, labels="c")


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rdms.h5"
    for rdms, message in [
        ([], "at least one"),
        ([rdm(), rdm("cosine")], "one dissimilarity"),
        ([rdm(), rdm(conditions=("a", "b", "c"))], "same conditions"),
        ([rdm(conditions=("Gänse", "b", "c"))], "ASCII"),
    ]:
        with pytest.raises(ValueError, match=message):
            write_rsatoolbox(path, rdms)
    assert not path.exists()


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    path.write_bytes(b"no HDF5")
    with pytest.raises(ValueError, match="must be an HDF5 file of RDMs"):
        read_rsatoolbox(path)
    with h5py.File(path, "w") as file:
        file["values"] = np.ones(3)
    with pytest.raises(ValueError, match="must be an HDF5 file of RDMs"):
        read_rsatoolbox(path)


def test_standard_names() -> None:
    assert standard_name("correlation", "tau_a") == "measure/rsatoolbox/rsa-correlation-tau_a"
    assert len({standard_name("euclidean", name) for name in COMPARATORS}) == len(COMPARATORS)
    with pytest.raises(ValueError, match="to have a standard name; got 'crossnobis'"):
        standard_name("crossnobis", "cosine")
