"""Responses that grow on disk batch by batch: memory stays small, interruptions cost seconds."""

import contextlib
import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurospyke.storage import whole_file

if TYPE_CHECKING:
    import numpy as np

    from neurospyke.responses import Responses

_ABOUT = "about.json"
_SECONDS = 2.0
_MAX_BYTES = 8 * 2**30  # more is refused when it is read again


class Growing:
    """Values of several layers in one folder, and how many images they have seen.

    Args:
        folder: where they are kept; made when the first value comes.
        about: what decides the values, as JSON; a folder with another one is refused.
        like: responses of each layer to one image, by name.
        n_images: how many images there are.

    Raises:
        ValueError: the folder is of something else, or there is no space.
    """

    def __init__(
        self, folder: Path, about: Mapping[str, Any], like: "Mapping[str, Responses]", n_images: int
    ) -> None:
        self.folder = folder
        self.n_done = 0
        self._about = dict(about)
        self._shapes = {name: (n_images, *each.shape[1:]) for name, each in like.items()}
        self._dtypes = {name: each.values.dtype for name, each in like.items()}
        self._maps: dict[str, np.memmap] = {}
        self._marked = time.monotonic()
        self._made = not folder.parent.exists()
        if (folder / _ABOUT).exists():
            self._go_on()
        else:
            self._check_space()
            self.remove()

    def values(self, layer: str) -> "np.memmap":
        """Values of a layer on disk, (image, unit, bin); those of images to come are 0."""
        from numpy.lib.format import open_memmap

        if layer not in self._maps:
            path = self.folder / f"{layer}.npy"
            self.folder.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                open_memmap(path, "w+", self._dtypes[layer], self._shapes[layer])
                _reserve(path)
            self._maps[layer] = open_memmap(path, "r+")
        return self._maps[layer]

    def add(self, values: "Mapping[str, np.ndarray]") -> None:
        """Append the values of the next images.

        Args:
            values: (image, unit, bin) of each layer, by name.
        """
        n_images = 0
        for layer, part in values.items():
            n_images = len(part)
            self.values(layer)[self.n_done : self.n_done + n_images] = part
        self.n_done += n_images
        if time.monotonic() - self._marked > _SECONDS:
            self.mark()

    def mark(self) -> None:
        """Write down how far it has come, once that has reached the disk."""
        if not self.n_done:
            return
        for layer in self._shapes:
            self.values(layer).flush()
        with whole_file(self.folder / _ABOUT) as temporary:
            temporary.write_text(json.dumps(self._about | {"n_done": self.n_done}, indent=1))
        self._marked = time.monotonic()

    def remove(self) -> None:
        """Remove all that is kept, and the folder around it if it was made for that alone."""
        self._maps.clear()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._made:
            with contextlib.suppress(OSError):
                self.folder.parent.rmdir()

    def _go_on(self) -> None:
        found = json.loads((self.folder / _ABOUT).read_text())
        self.n_done = int(found.pop("n_done"))
        about = json.loads(json.dumps(self._about))
        other = [key for key in about if found.get(key) != about[key]]
        if other:
            differences = "; ".join(f"{key} {found.get(key)}, now {about[key]}" for key in other)
            raise ValueError(
                f"{self.folder} was begun with {differences}; ask for the same, or remove it to "
                "start anew"
            )

    def _check_space(self) -> None:
        sizes = {
            layer: self._dtypes[layer].itemsize * shape[0] * shape[1] * shape[2]
            for layer, shape in self._shapes.items()
        }
        largest = max(sizes, key=lambda layer: sizes[layer])
        advice = "take a later or pooled --layer, a smaller --first, or --measure latency"
        if sizes[largest] > _MAX_BYTES:
            raise ValueError(
                f"responses of {largest} would take {_gib(sizes[largest])}, over the limit of "
                f"{_gib(_MAX_BYTES)}; {advice}"
            )
        place = next(each for each in self.folder.resolve().parents if each.exists())
        free = shutil.disk_usage(place).free
        # what is finished stands beside what it is made of for a moment
        needed = sum(sizes.values()) + sizes[largest]
        if needed > free:
            raise ValueError(
                f"{place} must have {_gib(needed)} free; it has {_gib(free)}; {advice}"
            )


def _reserve(path: Path) -> None:
    # a full disk is an error now; later, writing to the map would end the process without a word
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _gib(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.1f} GiB"
