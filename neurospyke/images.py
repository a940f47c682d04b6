"""Images as one tensor of luminance or colour, with a table of the stimulus that each one is."""

import warnings
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
import torch
from PIL import Image

from neurospyke.labels import check_table, stimulus_labels

_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
_MAX_PIXELS = 2**26
_MAX_ENTRIES = 100_000
_MAX_FILE_BYTES = 2**28
_MAX_TOTAL_BYTES = 8 * 2**30
# Weights of Rec. 601 in 1/65536, as Pillow rounds them.
_LUMA = np.array([19595, 38470, 7471], dtype=np.uint32)

# Luminance float32 (image, 1, height, width), or red, green and blue (image, 3, height, width), in
# [0, 1].
Images = torch.Tensor
Opener = Callable[[str], IO[bytes]]


def read_images(
    source: str | Path | pd.DataFrame,
    *,
    size: tuple[int, int] | None = None,
    colour: bool = False,
) -> tuple[Images, pd.DataFrame]:
    """Images as luminance or colour in [0, 1], and the table of their stimulus labels.

    Luminance is Rec. 601 luma of the stored values, 0.299 R + 0.587 G + 0.114 B. Files of a
    folder or an archive come sorted by name; those without the suffix of an image are left aside.

    Args:
        source: a folder, a `.zip`, or a table (DataFrame or `.csv`) with the columns `stimulus`
            and `path`, kept in its order; paths in a `.csv` are relative to it.
        size: (height, width) to resize to, with antialiasing; without it all images must share
            one size.
        colour: True keeps red, green and blue as they are stored; a grey image has all three alike.

    Returns:
        Tensor float32 (image, 1, height, width), with colour (image, 3, height, width), and a
        DataFrame with `stimulus` (the file's
        stem unless a table says otherwise) and `path`, one row an image.

    Raises:
        ValueError: if there is no image, one cannot be read, sizes differ, two stimuli have one
            name, or a limit on numbers and sizes is passed.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (4, 2), (255, 0, 0)).save(f"{folder}/red.png")
    ...     images, stimuli = read_images(folder)
    >>> tuple(images.shape), round(float(images[0, 0, 0, 0]), 2), stimuli["stimulus"].item()
    ((1, 1, 2, 4), 0.3, 'red')
    """
    shape = None if size is None else _check_size(size)
    if isinstance(source, pd.DataFrame):
        stimuli = _check_stimuli(source, "source")
        return _stack(stimuli, _open, shape, colour), stimuli
    path = Path(source)
    if path.is_dir():
        stimuli = _name_stimuli([str(each) for each in path.iterdir() if each.is_file()], path)
        return _stack(stimuli, _open, shape, colour), stimuli
    if path.suffix.lower() == ".csv" and path.is_file():
        stimuli = _read_table(path)
        return _stack(stimuli, _open, shape, colour), stimuli
    if path.suffix.lower() == ".zip" and path.is_file():
        return _read_zip(path, shape, colour)
    raise ValueError(
        "`source` must be an existing folder, .zip or .csv, or a DataFrame with the columns "
        f"'stimulus' and 'path'; got {str(source)!r}"
    )


def images_from_array(array: np.ndarray, *, colour: bool = False) -> Images:
    """Images held in an array, as luminance or colour in [0, 1].

    Args:
        array: (image, height, width) or (image, height, width, 3); uint8 in 0..255, or floats
            in [0, 1].
        colour: True keeps red, green and blue; grey images have all three alike.

    Returns:
        Tensor float32 (image, 1, height, width), with colour (image, 3, height, width).

    Raises:
        TypeError: if the array is neither uint8 nor float.
        ValueError: if the shape is another or floats leave [0, 1].

    >>> images_from_array(np.array([[[0, 51, 255]]], dtype=np.uint8))
    tensor([[[[0.0000, 0.2000, 1.0000]]]])
    """
    if not isinstance(array, np.ndarray) or (array.dtype != np.uint8 and array.dtype.kind != "f"):
        found = getattr(array, "dtype", type(array).__name__)
        raise TypeError(f"`array` must be a numpy array of uint8 or floats; got {found}")
    coloured = array.ndim == 4 and array.shape[3] == 3
    if not (array.ndim == 3 or coloured) or 0 in array.shape:
        raise ValueError(
            "`array` must be (image, height, width) or (image, height, width, 3), none of them "
            f"empty; got shape {array.shape}"
        )
    if array.dtype != np.uint8:
        low, high = array.min(), array.max()
        if not (low >= 0 and high <= 1):
            raise ValueError(
                f"`array` must be in [0, 1] when it holds floats; got {low:g} to {high:g}: "
                "divide by the largest value the format allows"
            )
    if colour:
        channels = np.moveaxis(array, 3, 1) if coloured else np.repeat(array[:, None], 3, axis=1)
    else:
        channels = (_luma(array) if coloured else array)[:, None]
    scaled = (
        channels.astype(np.float32) / 255 if array.dtype == np.uint8 else np.clip(channels, 0, 1)
    )
    return torch.from_numpy(np.ascontiguousarray(scaled, dtype=np.float32))


def _luma(array: np.ndarray) -> np.ndarray:
    if array.dtype != np.uint8:
        return array @ (_LUMA / 65536)
    return ((array.astype(np.uint32) @ _LUMA + 32768) >> 16).astype(np.uint8)


def _check_size(size: tuple[int, int]) -> tuple[int, int]:
    height, width = size
    if not (height >= 1 and width >= 1 and height * width <= _MAX_PIXELS):
        raise ValueError(f"`size` must be (height, width) in pixels, each at least 1; got {size}")
    return int(height), int(width)


def _open(path: str) -> IO[bytes]:
    return Path(path).open("rb")


def _check_stimuli(table: pd.DataFrame, name: str) -> pd.DataFrame:
    stimuli = check_table(table, len(table), name, ("stimulus", "path"))
    if not len(stimuli):
        raise ValueError(f"`{name}` must list at least one image; it has no rows")
    stimuli["stimulus"] = stimulus_labels(stimuli["stimulus"], f"{name}['stimulus']")
    stimuli["path"] = _paths(stimuli["path"])
    twice = stimuli[stimuli.duplicated("stimulus", keep=False)]
    if len(twice):
        label = twice["stimulus"].iloc[0]
        paths = list(twice.loc[twice["stimulus"] == label, "path"][:2])
        raise ValueError(
            f"`{name}` must name each stimulus once; {label!r} is the name of {paths}: rename one"
        )
    return stimuli


def _name_stimuli(paths: list[str], source: Path) -> pd.DataFrame:
    kept = sorted(
        path
        for path in paths
        if path.lower().endswith(_SUFFIXES)
        and not Path(path).name.startswith(".")
        and "__MACOSX" not in Path(path).parts
    )
    if not kept:
        raise ValueError(
            f"`source` must hold images ({' '.join(_SUFFIXES)}); {str(source)!r} has none among "
            f"{len(paths)} files"
        )
    names = [Path(path).stem for path in kept]
    for name, path in zip(names, kept, strict=True):
        # bytes that are no text come as lone surrogates, which no file of labels can hold
        if any("\ud800" <= character <= "\udfff" for character in name):
            raise ValueError(f"image {path!r} must have a name that is text: rename it")
    return _check_stimuli(pd.DataFrame({"stimulus": names, "path": _paths(kept)}), "source")


def listed_images(path: str | Path) -> list[Path]:
    r"""The files that a table of images lists.

    Args:
        path: a `.csv` with the columns `stimulus` and `path`, paths relative to it.

    Returns:
        Paths in the table's order.

    Raises:
        ValueError: if a column is missing.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = Path(folder) / "shown.csv"
    ...     _ = table.write_text("stimulus,path\nface,a.png\ncar,b.png\n")
    ...     [each.name for each in listed_images(table)]
    ['a.png', 'b.png']
    """
    return [Path(each) for each in _read_table(Path(path))["path"]]


def _read_table(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path)
    # Labels such as "007" and "NA" stay as they are written.
    written = pd.read_csv(path, dtype=str, keep_default_na=False)
    for column in {"stimulus", "path"} & set(table.columns):
        table[column] = written[column]
    stimuli = _check_stimuli(table, str(path))
    stimuli["path"] = _paths(path.parent / each for each in stimuli["path"])
    return stimuli


def _paths(paths: Iterable[str | Path]) -> pd.Series:
    # objects, for a path need not be text
    return pd.Series([str(path) for path in paths], dtype=object)


def _read_zip(
    path: Path, shape: tuple[int, int] | None, colour: bool
) -> tuple[Images, pd.DataFrame]:
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{str(path)!r} must be a zip archive; {error}") from error
    with archive:
        entries = {f"{path}/{entry.filename}": entry for entry in archive.infolist()}
        sizes = [entry.file_size for entry in entries.values()]
        if len(entries) > _MAX_ENTRIES or sum(sizes) > _MAX_TOTAL_BYTES:
            raise ValueError(
                f"{str(path)!r} must hold at most {_MAX_ENTRIES} files and {_MAX_TOTAL_BYTES} "
                f"bytes; it holds {len(entries)} and {sum(sizes)}"
            )
        stimuli = _name_stimuli(list(entries), path)
        return _stack(stimuli, lambda name: archive.open(entries[name]), shape, colour), stimuli


def _stack(
    stimuli: pd.DataFrame, opener: Opener, shape: tuple[int, int] | None, colour: bool
) -> Images:
    paths = list(stimuli["path"])
    first = _read(paths[0], opener, shape, colour)
    needed = 4 * first.size * len(paths)
    height, width = first.shape[1:]
    if needed > _MAX_TOTAL_BYTES:
        raise ValueError(
            f"`source` must fit in {_MAX_TOTAL_BYTES} bytes as float32; {len(paths)} images of "
            f"{height} x {width} need {needed}: give a smaller `size`"
        )
    stack = np.empty((len(paths), *first.shape), dtype=np.float32)
    stack[0] = first
    for position, path in enumerate(paths[1:], start=1):
        image = _read(path, opener, shape, colour)
        if image.shape != first.shape:
            raise ValueError(
                f"all images must share one size; {paths[0]!r} is {height} x "
                f"{width} and {path!r} is {image.shape[1]} x {image.shape[2]}: "
                "give `size=(height, width)` to resize them"
            )
        stack[position] = image
    return torch.from_numpy(stack)


def _read(path: str, opener: Opener, shape: tuple[int, int] | None, colour: bool) -> np.ndarray:
    try:
        with warnings.catch_warnings(), opener(path) as file:
            # Pillow warns of large images late; the limit in `_channels` is lower and refuses.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            if file.seek(0, 2) > _MAX_FILE_BYTES:
                raise ValueError(f"the file is over the limit of {_MAX_FILE_BYTES} bytes")
            file.seek(0)
            with Image.open(file, formats=_FORMATS) as image:
                return _channels(image, shape, colour)
    except FileNotFoundError as error:
        raise ValueError(f"image {path!r} must exist; it does not") from error
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        zipfile.BadZipFile,
        Image.DecompressionBombError,
    ) as error:
        raise ValueError(f"image {path!r} must be readable; {error}") from error


def _channels(image: Image.Image, shape: tuple[int, int] | None, colour: bool) -> np.ndarray:
    """Luminance (1, height, width), or red, green and blue (3, height, width)."""
    if image.width * image.height > _MAX_PIXELS:
        raise ValueError(
            f"{image.width} x {image.height} pixels are over the limit of {_MAX_PIXELS}"
        )
    if getattr(image, "n_frames", 1) > 1:
        raise ValueError("it holds several frames: save each as an image of its own")
    if image.has_transparency_data and np.asarray(image.convert("RGBA"))[:, :, 3].min() < 255:
        raise ValueError("it is partly transparent: paint it on the background that was shown")
    if image.mode == "F":
        raise ValueError("it holds floats of unknown range: scale them and use images_from_array")
    if image.mode.startswith("I"):
        planes = [np.asarray(image).astype(np.float32) / 65535]
    else:
        bands = image.convert("RGB").split() if colour else [image.convert("L")]
        planes = [np.asarray(band).astype(np.float32) / 255 for band in bands]
    if shape is not None and shape != planes[0].shape:
        planes = [_resized(plane, shape) for plane in planes]
    return np.stack(planes * 3 if colour and len(planes) == 1 else planes)


def _resized(plane: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    # A triangle filter widened when shrinking: no aliasing, and no overshoot out of [0, 1].
    resized = Image.fromarray(plane).resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    return np.clip(np.asarray(resized), 0, 1)
