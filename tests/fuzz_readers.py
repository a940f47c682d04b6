"""Damaged and hostile files against every reader; run as `python -m tests.fuzz_readers [N [SEED]]`.

Each input is a small sound file with something done to it, read in a process of its own that may
map 2 GiB more and take 20 s. It must end in an error that this package raises or in a recording.
The counts go to tests/fuzz_readers.json.
"""

import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import neurospyke
from neurospyke.ragged import nest
from neurospyke.recording import Fields, Recording, read_pictures, read_recording, write_nwb
from tests.recording import vendor_files
from tests.recording.test_matlab import write_objects

_MEMORY = 2 * 2**30
_SECONDS = 20
_PACKAGE = str(Path(neurospyke.__file__).parent)
_RESULT = Path(__file__).with_suffix(".json")
_HUGE = 10_000_000_000
_OUTCOMES = ("recording", "refused", "foreign error", "out of memory", "hang", "crash")


def sample() -> Recording:
    generator = np.random.default_rng(0)
    trains = [np.sort(generator.uniform(0, 10, 40)).round(4) for _ in range(4)]
    trials = pd.DataFrame({"start_time": np.arange(8.0), "stimulus": list("abcdabcd")})
    units = pd.DataFrame({"unit": [3, 1, 4, 7], "area": ["V4", "IT", "V4", "IT"]})
    units["amplitude"] = nest(np.arange(6.0), [np.array([1, 0, 3, 2])])
    units["sites"] = nest(np.array(["a", "b", "cd"]), [np.array([2, 0, 0, 1])])
    units["waveform_mean"] = nest(np.arange(24.0).reshape(12, 2), [np.full(4, 3)])
    return Recording.from_trains(trains, observed=(0, 10), units=units, trials={"shown": trials})


def seeds(folder: Path) -> dict[str, tuple[Path, dict]]:
    """A sound file or folder for each reader, and what to read it with."""
    made = sample()
    times = made.spike_times
    owners = np.repeat(made.units["unit"].to_numpy(), np.diff(made.offsets))
    made.save(folder / "saved.npz")
    write_nwb(folder / "session.nwb", made, images={"a": np.zeros((4, 3)), "b": np.ones((4, 3))})
    table = pd.DataFrame({"unit": owners, "spike_time": times})
    table.to_csv(folder / "spikes.csv", index=False)
    table.to_csv(folder / "spikes.tsv", index=False, sep="\t")
    table.to_parquet(folder / "spikes.parquet", index=False)
    np.savez_compressed(folder / "arrays.npz", t=times, u=owners)
    flat = {"fields": Fields("t", spike_units="u")}
    _phy(folder / "phy", made)
    _neo_files(folder, made)
    _matlab_files(folder, made)
    write_objects(folder / "objects.mat", compressed=True)
    spikes = [(int(1000 * t), 1 + unit % 2, 1) for t, unit in zip(times, owners, strict=True)]
    units = {"n1": 1000 * made.unit_spikes(0), "n2": 1000 * made.unit_spikes(1)}
    vendor_files.write_neuroexplorer(folder / "a.nex", units, {"on": [50, 1500]})
    vendor_files.write_plexon(folder / "a.plx", spikes, [(100, 7), (2000, 9)])
    vendor_files.write_blackrock(folder / "a.nev", spikes, [(100, 65281), (2000, 9)])
    lines = ["\t".join(map(str, made.unit_spikes(unit))) for unit in range(4)]
    (folder / "trains.txt").write_text("\n".join(lines) + "\n")
    mapped = {"fields": Fields("d.t", spike_units="d.u", trials={"start_time": "on"})}
    cells = {"fields": Fields("spikes", units={"area": "areas"})}
    plain = ("saved.npz", "session.nwb", "spikes.csv", "spikes.tsv", "spikes.parquet", "phy")
    plain += ("session.nix", "neo.mat", "a.nex", "a.plx", "a.nev", "trains.txt")
    told = {"arrays.npz": flat, "flat.mat": mapped, "packed.mat": mapped, "cells.mat": cells}
    told["objects.mat"] = {"fields": Fields("data.spikes", trials={"start_time": "onset"})}
    told |= {"hdf5.mat": mapped, "hdf5_cells.mat": cells}
    return {name: (folder / name, told.get(name, {})) for name in (*plain, *told)}


def _phy(folder: Path, made: Recording) -> None:
    folder.mkdir()
    order = np.argsort(made.spike_times)
    owners = np.repeat(made.units["unit"].to_numpy(), np.diff(made.offsets))
    samples = (30_000 * made.spike_times[order]).astype(np.int64)
    np.save(folder / "spike_times.npy", samples)
    np.save(folder / "spike_clusters.npy", owners[order].astype(np.int32))
    (folder / "params.py").write_text("dat_path = 'x.dat'\nsample_rate = 30000.\n")
    (folder / "cluster_group.tsv").write_text("cluster_id\tgroup\n3\tgood\n1\tnoise\n4\tmua\n")


def _neo_files(folder: Path, made: Recording) -> None:
    import neo
    import quantities as pq

    block, segment = neo.Block(), neo.Segment()
    block.segments.append(segment)
    for unit in range(made.n_units):
        times = made.unit_spikes(unit) * pq.s
        segment.spiketrains.append(neo.SpikeTrain(times, t_stop=10 * pq.s, name=f"unit {unit}"))
    starts = made.trials["shown"]["start_time"].to_numpy() * pq.s
    labels = made.trials["shown"]["stimulus"].to_numpy().astype(str)
    segment.events.append(neo.Event(starts, labels=labels, name="shown"))
    neo.NeoMatlabIO(str(folder / "neo.mat")).write_block(block)
    with neo.NixIO(str(folder / "session.nix"), mode="ow") as file:
        file.write_block(block)


def _matlab_files(folder: Path, made: Recording) -> None:
    import h5py
    from scipy.io import savemat

    times = made.spike_times
    owners = np.repeat(made.units["unit"].to_numpy(dtype=float), np.diff(made.offsets))
    held = {"d": {"t": times, "u": owners}, "on": np.arange(8.0)}
    savemat(folder / "flat.mat", held)
    savemat(folder / "packed.mat", held, do_compression=True)
    cells = np.empty((1, made.n_units), dtype=object)
    for unit in range(made.n_units):
        cells[0, unit] = made.unit_spikes(unit)
    areas = made.units["area"].to_numpy().astype(object)
    savemat(folder / "cells.mat", {"spikes": cells, "areas": areas})
    with h5py.File(folder / "hdf5.mat", "w", userblock_size=512) as file:
        file["d/t"], file["d/u"] = times[None], owners[None]
        file["on"] = np.arange(8.0)[:, None]
    with h5py.File(folder / "hdf5_cells.mat", "w", userblock_size=512) as file:
        for name, values in (("spikes", cells[0]), ("areas", areas)):
            references = []
            for position, value in enumerate(values):
                text = isinstance(value, str)
                array = np.array(list(map(ord, value)), dtype="u2") if text else value
                inner = file.create_dataset(f"#refs#/{name}{position}", data=array[:, None])
                inner.attrs["MATLAB_class"] = np.bytes_(b"char" if text else b"double")
                references.append(inner.ref)
            file.create_dataset(name, data=np.array(references)[:, None], dtype=h5py.ref_dtype)


def mutate(path: Path, generator: np.random.Generator) -> str:
    """Damage a file in place, or one file of a folder; returns what was done."""
    if path.is_dir():
        inside = sorted(entry for entry in path.iterdir() if entry.is_file())
        path = inside[generator.integers(len(inside))]
    names = [name for name, allowed in _ALLOWED.items() if allowed(path)]
    name = names[generator.integers(len(names))]
    _MUTATIONS[name](path, generator)
    return name


def _truncate(path: Path, generator: np.random.Generator) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: generator.integers(len(data))])


def _flip(path: Path, generator: np.random.Generator) -> None:
    data = bytearray(path.read_bytes())
    head = min(len(data), 2048) if generator.random() < 0.5 else len(data)
    for _ in range(int(2 ** generator.integers(0, 7))):
        data[generator.integers(head)] ^= 1 << int(generator.integers(8))
    path.write_bytes(bytes(data))


def _huge_count(path: Path, generator: np.random.Generator) -> None:
    data = bytearray(path.read_bytes())
    width = 8 if generator.random() < 0.5 else 4
    value = _HUGE if width == 8 else [2**31 - 1, 2**32 - 1][generator.integers(2)]
    # counts stand in headers, at multiples of four
    place = 4 * int(generator.integers(max(1, min(len(data), 4096) // 4 - 2)))
    data[place : place + width] = int(value).to_bytes(width, "little")
    path.write_bytes(bytes(data))


def _huge_digits(path: Path, generator: np.random.Generator) -> None:
    data = path.read_bytes()
    places = [place for place in range(min(len(data), 4096)) if 48 <= data[place] <= 57]
    place = places[generator.integers(len(places))]
    path.write_bytes(data[:place] + str(_HUGE).encode() + data[place + 1 :])


def _wrong_array(path: Path, generator: np.random.Generator) -> None:
    array = np.load(path)
    wrong = [
        array.astype(np.float32),
        array.astype("U8"),
        array.astype("c16"),
        array[::-1],
        array.astype(np.uint64) + np.uint64(2**63),
        np.broadcast_to(array, (2, *array.shape)),
        array[:0],
        -array,
    ]
    np.save(path, wrong[generator.integers(len(wrong))])


def _wrong_npz(path: Path, generator: np.random.Generator) -> None:
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    names = [name for name, array in arrays.items() if array.ndim]
    name = names[generator.integers(len(names))]
    array = arrays[name]
    wrong = [array[:0], np.full(3, _HUGE), array[::-1], array.astype("U8"), array[..., None]]
    if array.dtype.kind in "iuf":
        wrong += [array - 3, array * _HUGE, array.astype(np.float32), -array]
        wrong += [np.full(array.shape, np.nan)]
    arrays[name] = wrong[generator.integers(len(wrong))]
    np.savez(path, **arrays)


def _wrong_dataset(path: Path, generator: np.random.Generator) -> None:
    import h5py

    with h5py.File(path, "a") as file:
        found: list[str] = []
        file.visititems(
            lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None
        )
        name = found[generator.integers(len(found))]
        old: Any = file[name]
        attributes = dict(old.attrs)
        array = np.asarray(old[()])
        wrong = [
            lambda: file.create_dataset(name, shape=(_HUGE,), dtype="f8", chunks=(1024,)),
            lambda: file.create_dataset(name, shape=(_HUGE,), dtype="i8", fillvalue=7),
            lambda: file.create_dataset(name, data=np.array([b"text", b"more"])),
            lambda: file.create_dataset(name, data=np.zeros((2, 3, 4))),
            lambda: file.create_dataset(name, data=np.array([_HUGE, -1, 5])),
            lambda: file.create_dataset(name, data=np.full(5, np.nan)),
            lambda: file.create_group(name),
        ]
        if array.ndim and array.dtype.kind in "iuf":
            wrong += [lambda: file.create_dataset(name, data=array[::-1])]
            wrong += [lambda: file.create_dataset(name, data=array.astype("f4") * 1e6)]
            wrong += [lambda: file.create_dataset(name, data=array[:0])]
        del file[name]
        made = wrong[generator.integers(len(wrong))]()
        for key, value in attributes.items():
            made.attrs[key] = value


def _swap(path: Path, generator: np.random.Generator) -> None:
    junk = [b"", b"\0" * 4096, generator.bytes(4096), b"a,b\n1\n" * 100, b"(" * 5000]
    path.write_bytes(junk[generator.integers(len(junk))])


_MUTATIONS = {
    "truncated": _truncate,
    "bits flipped": _flip,
    "count of 10 billion": _huge_count,
    "digits of 10 billion": _huge_digits,
    "wrong .npy": _wrong_array,
    "wrong array in .npz": _wrong_npz,
    "wrong data set": _wrong_dataset,
    "other contents": _swap,
}
_TEXT = (".csv", ".tsv", ".txt", ".py")
_BINARY_HDF5 = ("session.nwb", "session.nix", "hdf5.mat", "hdf5_cells.mat")
_ALLOWED = {
    "truncated": lambda path: True,
    "bits flipped": lambda path: True,
    "count of 10 billion": lambda path: path.suffix not in _TEXT,
    "digits of 10 billion": lambda path: path.suffix in (*_TEXT, ".npy"),
    "wrong .npy": lambda path: path.suffix == ".npy",
    "wrong array in .npz": lambda path: path.suffix == ".npz",
    "wrong data set": lambda path: path.name in _BINARY_HDF5,
    "other contents": lambda path: True,
}


def read_apart(path: Path, options: dict) -> tuple[str, str, int]:
    """Read in a process of its own; returns the outcome, its text, and the peak memory in bytes."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        outcome, text = "crash", ""
        try:
            _limit()
            outcome, text = _read(path, options)
        finally:
            os.write(into, json.dumps([outcome, text[:2000]]).encode())
            os._exit(0)
    os.close(into)
    with os.fdopen(out, "rb") as pipe:
        said = pipe.read()
    _, status, usage = os.wait4(child, 0)
    if os.WIFSIGNALED(status):
        hang = os.WTERMSIG(status) in (signal.SIGALRM, signal.SIGXCPU)
        return "hang" if hang else "crash", f"signal {os.WTERMSIG(status)}", 0
    outcome, text = json.loads(said) if said else ("crash", "")
    return outcome, text, usage.ru_maxrss * 1024


def _limit() -> None:
    # on top of what the process that forked had mapped, which may be a whole run of tests
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + _MEMORY, mapped + _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_SECONDS)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)


def _read(path: Path, options: dict) -> tuple[str, str]:
    try:
        recording = read_recording(path, **options)
        str(recording.report)
        if path.suffix == ".nwb":
            dict(read_pictures(path))
    except (ValueError, TypeError) as error:
        last = traceback.extract_tb(error.__traceback__)[-1].filename
        kind = "refused" if last.startswith(_PACKAGE) else "foreign error"
        return kind, str(error) if kind == "refused" else traceback.format_exc()
    except MemoryError:
        return "out of memory", traceback.format_exc()
    except BaseException:
        return "foreign error", traceback.format_exc()
    return "recording", ""


def fuzz(n_inputs: int, seed: int) -> dict:
    """Read that many damaged inputs; returns counts by reader and by damage, and the failures."""
    counts: dict[str, Counter] = {}
    damage: dict[str, Counter] = {}
    failures, peak, slowest = [], 0, 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sound = seeds(folder)
        for reader, (path, options) in sound.items():
            outcome, text, _ = read_apart(path, options)
            if outcome != "recording":
                raise RuntimeError(f"the sound file {reader} was not read: {outcome}: {text}")
        for number in range(n_inputs):
            generator = np.random.default_rng([seed, number])
            reader = list(sound)[number % len(sound)]
            path, options = sound[reader]
            copy = _copied(path, folder / "damaged")
            done = mutate(copy, generator)
            begun = time.perf_counter()
            outcome, text, memory = read_apart(copy, options)
            slowest = max(slowest, time.perf_counter() - begun)
            peak = max(peak, memory)
            counts.setdefault(reader, Counter())[outcome] += 1
            damage.setdefault(done, Counter())[outcome] += 1
            if outcome not in ("recording", "refused"):
                failures.append([number, reader, done, outcome, text])
    total = sum(counts.values(), Counter())
    return {
        "inputs": n_inputs,
        "seed": seed,
        "outcomes": {outcome: total[outcome] for outcome in _OUTCOMES},
        "by reader": {reader: dict(counter) for reader, counter in counts.items()},
        "by damage": {done: dict(counter) for done, counter in damage.items()},
        "largest process in MiB": peak // 2**20,
        "slowest in s": round(slowest, 1),
        "failures": failures,
    }


def _copied(path: Path, folder: Path) -> Path:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if path.is_dir():
        return Path(shutil.copytree(path, folder / path.name))
    return Path(shutil.copyfile(path, folder / path.name))


if __name__ == "__main__":
    n_inputs, seed = [*map(int, sys.argv[1:]), *[1000, 0][len(sys.argv) - 1 :]]
    found = fuzz(n_inputs, seed)
    _RESULT.write_text(json.dumps(found, indent=1) + "\n")
    for failure in found["failures"][:20]:
        sys.stdout.write("\n".join(map(str, failure)) + "\n")
    sys.stdout.write(json.dumps({**found, "failures": len(found["failures"])}, indent=1) + "\n")
    sys.exit(1 if found["failures"] else 0)
