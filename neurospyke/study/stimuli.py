"""The stimuli of a study: images with their labels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import pandas as pd

from neurospyke.offered import IMAGE_SETS
from neurospyke.study.keys import Keys

if TYPE_CHECKING:
    from neurospyke.images import Images

STIMULI_KEYS = ("images", "dataset", "size", "pool", "colour", "every", "first")


def _v4_cowley2023() -> "tuple[Images, pd.DataFrame]":
    from neurospyke.datasets import read_v4_cowley2023

    return read_v4_cowley2023()[:2]


def _rsa92() -> "tuple[Images, pd.DataFrame]":
    from neurospyke.datasets import read_rsa92

    found = read_rsa92()
    return found.images, found.stimuli


DATASETS: "Mapping[str, Callable[[], tuple[Images, pd.DataFrame]]]" = MappingProxyType(
    dict(zip(IMAGE_SETS, (_v4_cowley2023, _rsa92), strict=True))
)


@dataclass(frozen=True)
class Stimuli:
    """Which images, and how large.

    Args:
        path: a folder, `.zip` or `.csv` of images, if they are no data set's.
        dataset: name of a data set, if they are its.
        size: (height, width) to resize to.
        pool: side of the squares of pixels that are averaged into one.
        colour: whether red, green and blue are kept.
        every: take only every so many-th image.
        first: then take only so many.
    """

    path: Path | None
    dataset: str | None
    size: tuple[int, int] | None
    pool: int
    colour: bool
    every: int
    first: int | None

    @classmethod
    def from_keys(cls, keys: Keys, folder: Path) -> "Stimuli":
        """From a table of a configuration.

        Args:
            keys: the table.
            folder: where relative paths start.

        Returns:
            The choice.

        Raises:
            ValueError: if a value does not fit.
        """
        which = keys.only_one("images", "dataset")
        if which == "dataset" and "size" in keys:
            raise ValueError(
                f"`{keys.path_to('size')}` must go with `images`; use `pool` with a data set"
            )
        return cls(
            keys.path("images", folder) if which == "images" else None,
            keys.text("dataset", among=DATASETS) if which == "dataset" else None,
            keys.wholes("size", None, least=1, n=2),
            keys.whole("pool", 1, least=1),
            keys.flag("colour"),
            keys.whole("every", 1, least=1),
            keys.whole("first", None, least=3),
        )

    @property
    def is_part(self) -> bool:
        """Whether images are left out on purpose."""
        return self.every > 1 or self.first is not None

    def read(self) -> "tuple[Images, pd.DataFrame]":
        """The images and the table of their labels.

        Returns:
            (image, channel, height, width) in [0, 1], and a table with `stimulus`.

        Raises:
            ValueError: if they cannot be read.
        """
        if self.dataset is not None:
            images, stimuli = DATASETS[self.dataset]()
        else:
            from neurospyke.images import read_images

            assert self.path is not None
            images, stimuli = read_images(self.path, size=self.size, colour=self.colour)
        images, stimuli = images[:: self.every], stimuli[:: self.every].reset_index(drop=True)
        if self.first is not None:
            images, stimuli = images[: self.first], stimuli[: self.first]
        return pooled(images, self.pool), stimuli.drop(columns="path", errors="ignore")

    def sentence(self, images: "Images") -> str:
        """What the stimuli are, for the methods.

        Args:
            images: as `read` gave them.

        Returns:
            A sentence.
        """
        height, width = images.shape[2:]
        averaged = f", squares of {self.pool} pixels averaged into one" if self.pool > 1 else ""
        kept = f" Of all images, one in {self.every} was taken." if self.every > 1 else ""
        kept += f" Only the first {self.first} were used." if self.first is not None else ""
        kind = "colour" if images.shape[1] == 3 else "luminance"
        return (
            f"Stimuli are {len(images)} images ({kind}, {height} x {width} pixels{averaged}).{kept}"
        )


def pooled(images: "Images", side: int) -> "Images":
    """Images with squares of pixels averaged; what is left at the border is cut off.

    Args:
        images: (image, channel, height, width).
        side: of a square.

    Returns:
        (image, channel, height / side, width / side).

    Raises:
        ValueError: if images are smaller than a square.
    """
    if side == 1:
        return images
    height, width = (extent // side for extent in images.shape[2:])
    if not height or not width:
        raise ValueError(f"`stimuli.pool` must be at most the side of the images; got {side}")
    cut = images[:, :, : height * side, : width * side]
    return cut.reshape(*images.shape[:2], height, side, width, side).mean((3, 5))
