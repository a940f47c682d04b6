"""Images that a command names: a folder, an archive, a table, or a public data set."""

import argparse
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from neurospyke.commands.running import whole
from neurospyke.offered import IMAGE_SETS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from neurospyke.images import Images

SPLITS = ("test", "train")
LABELLED = ("mnist", "fashion-mnist")
DATASETS = (*LABELLED, *IMAGE_SETS)


def add_image_options(parser: argparse.ArgumentParser) -> None:
    """Let a command take some of the images only, and resize them.

    Args:
        parser: that of the command.
    """
    parser.add_argument("--first", type=whole(1), metavar="N", help="take the first N images only")
    parser.add_argument(
        "--size",
        type=whole(1),
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="resize the images of a folder or table, pixels",
    )


def check_images(
    argument: str, name: str, size: list[int] | None, datasets: Collection[str] = DATASETS
) -> None:
    """Refuse what can be neither a data set nor images, before anything heavy is imported.

    Args:
        argument: what the command calls them.
        name: name of a data set, or a path.
        size: height and width to resize to, if asked for.
        datasets: names of those that will do.

    Raises:
        ValueError: no such data set or path, or a size for a data set.
    """
    if name in datasets:
        if size is not None:
            raise ValueError(f"--size must go with a folder or a table; got it with {name}")
    elif not Path(name).exists():
        raise ValueError(
            f"{argument} must be one of {list(datasets)} or an existing path; got {name!r}"
        )


def read_stimuli(
    name: str, *, size: list[int] | None = None, split: str = "test", colour: bool = False
) -> "tuple[Images, pd.DataFrame]":
    """Images and the table of their labels.

    Args:
        name: name of a data set, or a path.
        size: height and width to resize to.
        split: which part of a data set that has parts.
        colour: whether three channels are wanted.

    Returns:
        Images (image, channel, height, width) and a table with `stimulus`.

    Raises:
        ValueError: the images are refused, or have no colours.
    """
    if name in LABELLED:
        images, table = _labelled(name, split)
    elif name in DATASETS:
        from neurospyke.study.stimuli import DATASETS as READERS

        images, table = READERS[name]()
    else:
        from neurospyke.images import read_images

        shape = None if size is None else (size[0], size[1])
        return read_images(name, size=shape, colour=colour)
    if colour:
        raise ValueError(f"IMAGES must have colours for this network; those of {name} are grey")
    return images, table


def read_labelled(name: str, split: str) -> "tuple[Images, np.ndarray]":
    """Images and their classes.

    Args:
        name: one of `LABELLED`.
        split: one of `SPLITS`.

    Returns:
        Images (image, channel, height, width) and labels (image,).
    """
    from neurospyke.datasets import read_fashion_mnist, read_mnist

    return (read_mnist if name == "mnist" else read_fashion_mnist)(split)


def _labelled(name: str, split: str) -> "tuple[Images, pd.DataFrame]":
    import pandas as pd

    images, labels = read_labelled(name, split)
    names = [f"{split}{position:05d}" for position in range(len(images))]
    return images, pd.DataFrame({"stimulus": names, "label": labels})
