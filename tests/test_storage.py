import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neurospyke.storage import pack_table, read_arrays, unpack_table, whole_file, write_arrays


def test_arrays_and_tables_come_back(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"unit": [3, 1], "area": ["V4", "IT"], "rate": [0.5, 2.0], "ok": [True, False]}
    )
    path = tmp_path / "file.npz"
    write_arrays(path, "Thing", pack_table("units", table) | {"x": np.arange(3)}, {"note": "é"})
    arrays, meta = read_arrays(path, "Thing")
    assert meta == {"note": "é"}
    np.testing.assert_array_equal(arrays["x"], [0, 1, 2])
    pd.testing.assert_frame_equal(
        unpack_table("units", arrays, 2), table, check_dtype=False, check_column_type=False
    )


def test_a_table_without_columns_keeps_its_rows() -> None:
    assert len(unpack_table("units", {}, 4)) == 4


def test_a_finished_file_has_the_users_mask_even_if_its_writer_made_it_private(
    tmp_path: Path,
) -> None:
    before = os.umask(0o027)
    try:
        with whole_file(tmp_path / "file.txt") as temporary:
            private = tmp_path / "private"
            private.touch(0o600)
            private.replace(temporary)
    finally:
        os.umask(before)
    assert (tmp_path / "file.txt").stat().st_mode & 0o777 == 0o640


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail() -> None:
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        fail()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["file.txt"]


def test_writing_into_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="existing folder"):
        write_arrays(tmp_path / "none" / "file.npz", "Thing", {}, {})


def test_objects_are_never_written(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="'x' must hold numbers or strings"):
        write_arrays(tmp_path / "file.npz", "Thing", {"x": np.array([object()])}, {})
    with pytest.raises(TypeError, match="'when' of units"):
        pack_table("units", pd.DataFrame({"when": [None, "now"]}))


def test_pickles_are_never_read(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    np.savez(path, x=np.array([{"a": 1}], dtype=object), __meta__=np.array('{"kind": "Thing"}'))
    with pytest.raises(ValueError, match="must be a file saved by neurospyke as Thing"):
        read_arrays(path, "Thing")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut short"])
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="file saved by neurospyke as Thing"):
        read_arrays(path, "Thing")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    write_arrays(path, "Thing", {"x": np.arange(1000)}, {})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match="file saved by neurospyke as Thing"):
        read_arrays(path, "Thing")


def test_flipped_bytes_are_refused_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    write_arrays(path, "Thing", {"x": np.arange(20)}, {})
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    messages = []
    for place in rng.integers(len(whole), size=300):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << rng.integers(8)
        path.write_bytes(bytes(flipped))
        try:
            read_arrays(path, "Thing")
        except ValueError as error:
            messages.append(str(error))
    assert len(messages) > 100
    assert all("file.npz" in message for message in messages)


def test_a_header_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000, 1, 1), }"
    header += b" " * (117 - len(header)) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00v\x00" + header)
    with pytest.raises(ValueError, match="file saved by neurospyke as Thing"):
        read_arrays(path, "Thing")


def test_what_is_required_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    write_arrays(path, "Thing", {"x": np.arange(3)}, {"note": ""})
    assert read_arrays(path, "Thing", required=("x", "note"))[1] == {"note": ""}
    with pytest.raises(ValueError, match=r"must hold a whole Thing; it lacks \['y'\]"):
        read_arrays(path, "Thing", required=("x", "y"))


def test_another_kind_a_missing_file_and_a_bomb_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    write_arrays(path, "Thing", {"x": np.zeros(10_000)}, {})
    with pytest.raises(ValueError, match="must hold Other; it holds Thing"):
        read_arrays(path, "Other")
    with pytest.raises(ValueError, match="must be an existing file"):
        read_arrays(tmp_path / "none.npz", "Thing")
    bomb = tmp_path / "bomb.npz"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", bytes(5_000_000))
    assert bomb.stat().st_size < 10_000
    with pytest.raises(ValueError, match="over the limit"):
        read_arrays(bomb, "Thing", max_bytes=1_000_000)
