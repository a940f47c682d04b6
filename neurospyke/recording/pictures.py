"""Pictures of the stimuli in an NWB file, each read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neurospyke.recording.hdf5 import check_dataset, check_hdf5, import_h5py

PLACES = ("stimulus/templates", "stimulus/presentation")
_KINDS = ("GrayscaleImage", "RGBImage", "RGBAImage")


class Pictures(Mapping[str, np.ndarray]):
    """Pictures by stimulus label, of which only the names are in memory.

    Args:
        path: the NWB file, opened again for each picture.
        places: where in it each picture lies, by label.
    """

    def __init__(self, path: Path, places: Mapping[str, str]) -> None:
        self._path = path
        self._places = dict(places)

    def __getitem__(self, label: str) -> np.ndarray:
        place = self._places[label]
        try:
            with import_h5py().File(self._path, "r") as file:
                dataset = file[place]
                check_dataset(dataset)
                return np.asarray(dataset[()])
        except (OSError, LookupError, RuntimeError, TypeError) as error:
            text = " ".join(str(error).split())
            raise ValueError(f"{str(self._path)!r} must hold picture {label!r}: {text}") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return f"Pictures({len(self)} in {self._path.name})"


def read_pictures(path: str | Path) -> Pictures:
    """The pictures that an NWB file keeps of its stimuli.

    Args:
        path: the file.

    Returns:
        A mapping from label to pixels, (height, width) or (height, width, channel) as they lie in
        the file; each is read when asked for, and the file is closed in between. A label that
        comes twice has the name of its set before it, "set/label".

    Raises:
        ImportError: if h5py is not installed.
        ValueError: if the file is damaged; asking for a picture raises it too.

    >>> import tempfile
    >>> from neurospyke.recording import Recording, write_nwb
    >>> recording = Recording.from_trains([[0.5]], observed=(0, 1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.nwb"
    ...     write_nwb(path, recording, images={"face": np.zeros((2, 3))})
    ...     read_pictures(path)["face"].shape
    (2, 3)
    """
    path = Path(path)
    check_hdf5(path, PLACES)
    found: dict[str, str] = {}
    with import_h5py().File(path, "r") as file:
        for place in PLACES:
            for name, images in _members(file.get(place)):
                for label, picture in _members(images):
                    if _is_picture(picture):
                        found[f"{name}/{label}" if label in found else label] = picture.name
    return Pictures(path, found)


def _members(group: Any) -> list[tuple[str, Any]]:
    return list(group.items()) if hasattr(group, "items") else []


def _is_picture(item: Any) -> bool:
    kind = item.attrs.get("neurodata_type", "") if hasattr(item, "attrs") else ""
    kind = kind.decode(errors="replace") if isinstance(kind, bytes) else kind
    return hasattr(item, "shape") and kind in _KINDS
