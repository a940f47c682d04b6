"""Images that a command names: a folder, an archive, a table, or a public data set."""

from pathlib import Path
from typing import TYPE_CHECKING

from neurospyke.offered import IMAGE_SETS

if TYPE_CHECKING:
    import pandas as pd

    from neurospyke.images import Images

SPLITS = ("test", "train")
_LABELLED = ("mnist", "fashion-mnist")
DATASETS = (*_LABELLED, *IMAGE_SETS)


def check_images(name: str, size: list[int] | None) -> None:
    """Refuse what can be neither a data set nor images, before anything heavy is imported.

    Args:
        name: name of a data set, or a path.
        size: height and width to resize to, if asked for.

    Raises:
        ValueError: no such data set or path, or a size for a data set.
    """
    if name in DATASETS:
        if size is not None:
            raise ValueError(f"--size must go with a folder or a table; got it with {name}")
    elif not Path(name).exists():
        raise ValueError(
            f"IMAGES must be one of {list(DATASETS)} or an existing path; got {name!r}"
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
    if name in _LABELLED:
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


def _labelled(name: str, split: str) -> "tuple[Images, pd.DataFrame]":
    import pandas as pd

    from neurospyke import datasets

    read = datasets.read_mnist if name == "mnist" else datasets.read_fashion_mnist
    images, labels = read(split)
    names = [f"{split}{position:05d}" for position in range(len(images))]
    return images, pd.DataFrame({"stimulus": names, "label": labels})
