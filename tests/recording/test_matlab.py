"""MATLAB files of both kinds by a field map, made by scipy and h5py."""

import zlib

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io

from neurospyke.recording import Fields, read_recording
from neurospyke.recording.matlab_structure import check_matlab

TRAINS = [np.array([100.0, 250.0, 400.0]), np.array([50.0]), np.empty((0, 0))]
AREAS = ["V4", "IT", "V1"]


def cells(values) -> np.ndarray:
    made = np.empty((1, len(values)), dtype=object)
    for position, value in enumerate(values):
        made[0, position] = value
    return made


def write_5(path, compressed=False):
    structs = np.zeros((1, 2), dtype=[("times", object), ("area", object)])
    structs[0, 0], structs[0, 1] = (TRAINS[0], "V4"), (50.0, "IT")
    held = {
        "data": {"spikes": cells(TRAINS), "area": cells(AREAS), "id": np.array([4.0, 7.0, 9.0])},
        "unit": structs,
        "onset": np.array([0.0, 200.0]),
        "image": np.array([3.0, 12.0]),
    }
    scipy.io.savemat(path, held, do_compression=compressed)


def write_73(path):
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in (("spikes", TRAINS), ("area", AREAS)):
            references = []
            for position, value in enumerate(values):
                text = isinstance(value, str)
                array = np.array(list(map(ord, value)), dtype="u2") if text else value.ravel()
                empty = array.size == 0
                stored = np.array([0, 0], dtype="u8") if empty else array[:, None]
                inner = file.create_dataset(f"#refs#/{name}{position}", data=stored)
                inner.attrs["MATLAB_class"] = np.bytes_(b"char" if text else b"double")
                if empty:
                    inner.attrs["MATLAB_empty"] = np.uint8(1)
                references.append(inner.ref)
            data = np.array(references)[:, None]
            file.create_dataset(f"data/{name}", data=data, dtype=h5py.ref_dtype)
        file["data/id"] = np.array([[4.0], [7.0], [9.0]])
        file["onset"], file["image"] = np.array([[0.0], [200.0]]), np.array([[3.0], [12.0]])
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file")


def element(kind, content) -> bytes:
    tag = kind.to_bytes(4, "little") + len(content).to_bytes(4, "little")
    return tag + content + bytes(-len(content) % 8)


def matrix(number, *parts) -> bytes:
    """A matrix of the class of that number."""
    return element(14, element(6, bytes([number]) + bytes(7)) + b"".join(parts))


def numbers(name, values) -> bytes:
    shape = np.array([1, len(values)], dtype="<i4").tobytes()
    return matrix(6, element(5, shape), element(1, name), element(9, np.array(values).tobytes()))


def text_object(name) -> bytes:
    """A string array as MATLAB writes it: a name, who keeps it, its class, and where it lies."""
    inside = matrix(13, element(5, bytes(8)), element(1, b""), element(6, b""))
    return matrix(17, element(1, name), element(1, b"MCOS"), element(1, b"string"), inside)


def handle(name) -> bytes:
    shape = np.array([1, 1], dtype="<i4").tobytes()
    return matrix(16, element(5, shape), element(1, name), numbers(b"", [1.0]))


def structure(name, **fields) -> bytes:
    shape = np.array([1, 1], dtype="<i4").tobytes()
    names = b"".join(field.encode().ljust(32, b"\0") for field in fields)
    length = element(5, (32).to_bytes(4, "little"))
    parts = (element(5, shape), element(1, name), length, element(1, names))
    return matrix(2, *parts, *fields.values())


def write_objects(path, compressed) -> None:
    """Plain vectors beside a string array, a handle, and a structure that holds both."""
    data = structure(
        b"data", note=text_object(b""), spikes=numbers(b"", [100.0, 250.0]), fit=handle(b"")
    )
    tops = [text_object(b"note"), data, handle(b"fit"), numbers(b"onset", [0.0, 200.0])]
    # the insides of objects lie in a variable without a name
    tops.append(numbers(b"", [7.0]))
    if compressed:
        packed = [zlib.compress(top) for top in tops]
        tops = [b"\x0f\0\0\0" + len(each).to_bytes(4, "little") + each for each in packed]
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + b"".join(tops))


@pytest.mark.parametrize("compressed", [False, True])
def test_plain_arrays_are_read_beside_objects(tmp_path, compressed):
    path = tmp_path / "a.mat"
    write_objects(path, compressed)
    fields = Fields("data.spikes", trials={"start_time": "onset"}, per_second=1000)
    recording = read_recording(path, fields=fields)
    assert recording.spike_times.tolist() == [0.1, 0.25]
    assert recording.trials["trials"]["start_time"].tolist() == [0.0, 0.2]
    with pytest.raises(
        ValueError, match=r"note \(\) string, data \(1, 1\) struct, fit \(1, 1\) fun"
    ):
        read_recording(path)
    for name in ("note", "fit", "data.note", "data.fit"):
        with pytest.raises(ValueError, match=r"holds a MATLAB object.*cellstr"):
            read_recording(path, fields=Fields(name))
    with pytest.raises(ValueError, match=r"no 'none' of 'data.none'.*'note', 'spikes', 'fit'"):
        read_recording(path, fields=Fields("data.none"))
    with pytest.raises(ValueError, match="holds a MATLAB object"):
        check_matlab(path)


def test_string_arrays_of_version_73_are_refused_when_asked_for(tmp_path):
    write_73(tmp_path / "a.mat")
    with h5py.File(tmp_path / "a.mat", "a") as file:
        note = file.create_dataset("note", data=np.array([[3707764736, 2, 1, 1, 1, 1]], dtype="u4"))
        note.attrs["MATLAB_class"] = np.bytes_(b"string")
        note.attrs["MATLAB_object_decode"] = np.int32(3)
    assert read_recording(tmp_path / "a.mat", fields=FIELDS).n_spikes == 4
    with pytest.raises(ValueError, match=r"'note' is a MATLAB object \(string\).*cellstr"):
        read_recording(tmp_path / "a.mat", fields=Fields("note"))


FIELDS = Fields(
    "data.spikes",
    units={"unit": "data.id", "area": "data.area"},
    trials={"start_time": "onset", "stimulus": "image"},
    per_second=1000,
)


@pytest.mark.parametrize("version", ["5", "7", "7.3"])
def test_cells_structures_and_labels_of_every_version(tmp_path, version):
    path = tmp_path / "a.mat"
    write_73(path) if version == "7.3" else write_5(path, compressed=version == "7")
    recording = read_recording(path, fields=FIELDS)
    np.testing.assert_array_equal(recording.spike_times, [0.1, 0.25, 0.4, 0.05])
    assert recording.offsets.tolist() == [0, 3, 4, 4]
    assert recording.units.to_dict("list") == {"unit": [4, 7, 9], "area": AREAS}
    assert recording.trials["trials"]["stimulus"].dtype == recording.units["unit"].dtype == np.int64
    trials = recording.trials["trials"].to_dict("list")
    assert trials == {"start_time": [0.0, 0.2], "stimulus": [3, 12]}
    assert recording.report.lines[0] == "read: times divided by 1000 to give seconds"


def test_a_structure_array_is_one_unit_an_element(tmp_path):
    write_5(tmp_path / "a.mat")
    fields = Fields("unit.times", units={"area": "unit.area"}, per_second=1000)
    recording = read_recording(tmp_path / "a.mat", fields=fields)
    np.testing.assert_array_equal(recording.spike_times, [0.1, 0.25, 0.4, 0.05])
    assert recording.units.to_dict("list") == {"unit": [0, 1], "area": ["V4", "IT"]}


def test_cells_of_units_and_trials_are_placed_when_told(tmp_path):
    grid = np.empty((2, 3), dtype=object)
    for unit, trial in np.ndindex(2, 3):
        grid[unit, trial] = np.array([10.0 * (unit + 1), 20.0 * (unit + 1)])
    grid[1, 1] = np.empty((0, 0))
    scipy.io.savemat(tmp_path / "a.mat", {"s": grid, "on": [0.0, 1000.0, 2000.0]})
    trials = {"start_time": "on"}
    told = Fields("s", trials=trials, per_second=1000, relative_to="trial")
    recording = read_recording(tmp_path / "a.mat", fields=told)
    np.testing.assert_allclose(recording.unit_spikes(0), [0.01, 0.02, 1.01, 1.02, 2.01, 2.02])
    np.testing.assert_allclose(recording.unit_spikes(1), [0.02, 0.04, 2.02, 2.04])
    shown = pd.DataFrame({"start_time": [0.0, 1.0, 2.0]})
    told = Fields("s", per_second=1000, relative_to="trial")
    other = read_recording(tmp_path / "a.mat", fields=told, events=shown)
    np.testing.assert_array_equal(other.spike_times, recording.spike_times)
    with pytest.raises(ValueError, match=r"shape \(2, 3\).*relative_to='trial'"):
        read_recording(tmp_path / "a.mat", fields=Fields("s", trials=trials))


def test_without_a_map_the_variables_are_listed(tmp_path):
    write_5(tmp_path / "a.mat")
    listed = r"`fields`.*data \(1, 1\) struct, unit \(1, 2\) struct, onset \(1, 2\) double"
    with pytest.raises(ValueError, match=listed):
        read_recording(tmp_path / "a.mat")
    write_73(tmp_path / "b.mat")
    with pytest.raises(ValueError, match=r"`fields`.*image \(1, 2\)"):
        read_recording(tmp_path / "b.mat")


@pytest.mark.parametrize("write", [write_5, write_73])
@pytest.mark.parametrize(
    ("name", "message"),
    [("nothing", "no .*'nothing'"), ("data.none", "no 'none'"), ("data", "is a structure of")],
)
def test_wrong_names_are_told_what_there_is(tmp_path, write, name, message):
    write(tmp_path / "a.mat")
    with pytest.raises(ValueError, match=message):
        read_recording(tmp_path / "a.mat", fields=Fields(name))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"spike_times": "t", "per_second": 0}, "`per_second`"),
        ({"spike_times": "t", "per_second": "1000"}, "`per_second` must be a positive number"),
        ({"spike_times": "t", "relative_to": "onset"}, "`relative_to`"),
        ({"spike_times": "t", "trials": {"stimulus": "s"}}, "start_time"),
    ],
)
def test_maps_that_make_no_sense_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Fields(**given)


@pytest.mark.parametrize("given", [{"units": ["area"]}, {"trials": "on"}])
def test_columns_without_names_are_refused(given):
    with pytest.raises(TypeError, match="must map columns to names of arrays"):
        Fields("t", **given)


def test_type_numbers_that_end_the_reader_are_refused(tmp_path):
    write_5(tmp_path / "a.mat")
    check_matlab(tmp_path / "a.mat")
    data = bytearray((tmp_path / "a.mat").read_bytes())
    # the type of the first vector of numbers, eight bytes before 100.0
    place = data.index(np.array([100.0, 250.0]).tobytes()) - 8
    data[place : place + 4] = (200).to_bytes(4, "little")
    (tmp_path / "a.mat").write_bytes(bytes(data))
    with pytest.raises(ValueError, match="something that is no number"):
        read_recording(tmp_path / "a.mat", fields=FIELDS)


def test_what_unpacks_to_too_much_is_refused(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"x": np.zeros(10**6)}, do_compression=True)
    assert (tmp_path / "a.mat").stat().st_size < 10**5
    check_matlab(tmp_path / "a.mat")
    with pytest.raises(ValueError, match="unpacks to more than"):
        check_matlab(tmp_path / "a.mat", max_bytes=10**6)


def test_claims_beyond_what_lies_on_disk_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file.create_dataset("t", shape=(10**10,), dtype="f8", chunks=(1024,))
    with pytest.raises(ValueError, match=r"'/t' claims 80000000000 bytes, with 0 on disk"):
        read_recording(tmp_path / "a.mat", fields=Fields("t"))
