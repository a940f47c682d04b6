"""Samples as lists of events, read one at a time from the files that hold them all."""

import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurospyke.storage import whole_file

_MAX_BYTES = 32 * 2**30
_EVENT = 5  # bytes


@dataclass(frozen=True, eq=False)
class EventLists:
    """Samples of which each is a list of events: when, and in which channel.

    Nothing is read before a sample is asked for, and nothing of it is kept.

    Args:
        labels: int64 (sample,), class of each sample.
        n_channels: channels there are.
        class_names: of the classes 0, 1, ...
        read: gives times (event,) float64 in seconds from the start of the sample, and channels
            (event,) int64, of the sample at an index.
        source: where the samples come from.

    >>> one = (np.array([0.5]), np.array([2]))
    >>> samples = EventLists(np.array([7]), 3, (), lambda index: one, "by hand")
    >>> len(samples), samples[0][1].tolist()
    (1, [2])
    """

    labels: np.ndarray
    n_channels: int
    class_names: tuple[str, ...]
    read: Callable[[int], tuple[np.ndarray, np.ndarray]]
    source: str = ""

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Times in seconds and channels of the events of a sample.

        Raises:
            IndexError: there is no such sample.
            ValueError: its events do not fit.
        """
        if not -len(self) <= index < len(self):
            raise IndexError(f"`index` must be below {len(self)}; got {index}")
        times, channels = self.read(int(index) % len(self))
        if times.shape != channels.shape or not np.isfinite(times).all():
            raise ValueError(f"sample {index} of {self.source} must have a time for every event")
        if len(channels) and not 0 <= channels.min() <= channels.max() < self.n_channels:
            raise ValueError(
                f"sample {index} of {self.source} must have channels below {self.n_channels}; got "
                f"{channels.min()} to {channels.max()}"
            )
        return times, channels

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All samples, one at a time."""
        return (self[index] for index in range(len(self)))


def read_hdf5_events(path: str | Path, n_channels: int) -> EventLists:
    """Samples of an HDF5 file with the arrays spikes/times, spikes/units and labels.

    This is the form of the Heidelberg spiking data sets. Needs h5py (`pip install
    'neurospyke[hdf5]'`).

    Args:
        path: the file; it is opened anew for each sample, so that processes may share the result.
        n_channels: channels there are.

    Returns:
        The samples; classes are called as in extra/keys, if the file has it.

    Raises:
        ValueError: it is no such file.

    Source:
        Cramer, Stradmann, Schemmel, Zenke (2020), IEEE Trans Neural Netw Learn Syst.
    """
    import h5py

    def read(index: int) -> tuple[np.ndarray, np.ndarray]:
        with h5py.File(path, "r") as file:
            times, units = file["spikes/times"], file["spikes/units"]
            return (
                np.asarray(times[index], dtype=np.float64),  # pyright: ignore[reportIndexIssue]
                np.asarray(units[index], dtype=np.int64),  # pyright: ignore[reportIndexIssue]
            )

    try:
        with h5py.File(path, "r") as file:
            labels = np.asarray(file["labels"], dtype=np.int64)
            lengths = {len(file[name]) for name in ("spikes/times", "spikes/units")}  # pyright: ignore[reportArgumentType]
            keys = file.get("extra/keys")
            names = () if keys is None else tuple(each.decode() for each in np.asarray(keys))
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{str(path)!r} must be an HDF5 file with spikes/times, spikes/units and labels; "
            f"{error}"
        ) from error
    if labels.ndim != 1 or lengths != {len(labels)}:
        raise ValueError(
            f"{str(path)!r} must have a label for every sample; got {labels.shape} labels for "
            f"{sorted(lengths)} samples"
        )
    return EventLists(labels, n_channels, names, read, str(path))


def read_zipped_events(path: str | Path, width: int = 34, height: int = 34) -> EventLists:
    """Samples of a zip archive of files <class>/<name>.bin of 40-bit events of an event camera.

    An event is, from the highest bit: x (8 bits), y (8), polarity (1, set for brighter) and time
    (23, microseconds). Channels are (polarity height + y) width + x.

    Args:
        path: the archive, which stays as it is.
        width: pixels in a row.
        height: rows of pixels.

    Returns:
        The samples, sorted by class and name.

    Raises:
        ValueError: it is no such archive.

    Source:
        Orchard, Jayawant, Cohen, Thakor (2015), Frontiers in Neuroscience 9:437.
    """
    opened: dict[int, zipfile.ZipFile] = {}

    def archive() -> zipfile.ZipFile:
        # processes that share a file's position would read each other's bytes
        if os.getpid() not in opened:
            opened.clear()
            opened[os.getpid()] = zipfile.ZipFile(path)
        return opened[os.getpid()]

    try:
        members = [Path(name) for name in archive().namelist() if name.endswith(".bin")]
        members.sort(key=lambda member: (int(member.parent.name), member.name))
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise ValueError(
            f"{str(path)!r} must be a zip archive of files <class>/<name>.bin; {error}"
        ) from error

    def read(index: int) -> tuple[np.ndarray, np.ndarray]:
        content = archive().read(members[index].as_posix())
        if len(content) % _EVENT:
            raise ValueError(f"{members[index]} must hold {_EVENT} bytes an event")
        x, y, *rest = np.frombuffer(content, np.uint8).reshape(-1, _EVENT).T.astype(np.int64)
        if len(x) and (x.max() >= width or y.max() >= height):
            raise ValueError(f"{members[index]} must have pixels within {width} x {height}")
        micros = (rest[0] & 127) << 16 | rest[1] << 8 | rest[2]
        return micros / 1e6, ((rest[0] >> 7) * height + y) * width + x

    labels = np.array([int(member.parent.name) for member in members], dtype=np.int64)
    names = tuple(str(each) for each in range(labels.max() + 1)) if len(labels) else ()
    return EventLists(labels, 2 * width * height, names, read, str(path))


def unpacked(archive: Path, member: str, target: Path) -> Path:
    """A file out of a zip archive, unpacked once, whole or not at all.

    Args:
        archive: the archive.
        member: name of the file in it.
        target: where it is, or goes.

    Returns:
        `target`.

    Raises:
        ValueError: the archive is damaged, lacks the file, or the file is too large.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            info = packed.getinfo(member)
            if target.is_file() and target.stat().st_size == info.file_size:
                return target
            if info.file_size > _MAX_BYTES:
                raise ValueError(f"{member} must have at most {_MAX_BYTES} bytes")
            target.parent.mkdir(parents=True, exist_ok=True)
            with (
                whole_file(target) as temporary,
                packed.open(info) as source,
                temporary.open("wb") as file,
            ):
                shutil.copyfileobj(source, file)
    except (KeyError, zipfile.BadZipFile, ValueError) as error:
        raise ValueError(f"{str(archive)!r} must be a zip archive of {member}; {error}") from error
    return target
