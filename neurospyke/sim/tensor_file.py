"""Tensors in a safetensors file, with a description as JSON. Nothing in such a file is code."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from neurospyke.storage import whole_file

MAX_BYTES = 4 * 2**30
# modules are named by identifiers, so that no tensor of a module begins like this
_STATE = "state:"


class TensorFile(NamedTuple):
    """What such a file holds.

    Attributes:
        about: the description.
        tensors: by name.
        state: tensors kept beside those, by name, such as the memory of an optimizer.
    """

    about: dict[str, Any]
    tensors: dict[str, Tensor]
    state: dict[str, Tensor]


def write_tensors(
    path: str | Path,
    about: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    state: Mapping[str, Tensor] | None = None,
) -> None:
    """Write tensors and what they are, whole or not at all.

    Args:
        path: the file; replaced if it is there.
        about: JSON values; `format` names the kind of file.
        tensors: by name.
        state: tensors to keep beside them, by name.
    """
    from safetensors.torch import save_file

    named = {**tensors, **{_STATE + name: value for name, value in (state or {}).items()}}
    plain = {name: value.detach().cpu().contiguous() for name, value in named.items()}
    with whole_file(path) as temporary:
        save_file(plain, temporary, {"neurospyke": json.dumps(dict(about))})


def read_tensors(path: str | Path, form: str, writer: str, max_bytes: int) -> TensorFile:
    """Tensors from a file that `write_tensors` has written.

    Args:
        path: the file.
        form: the `format` that its description must name.
        writer: the function that writes such files, for errors.
        max_bytes: refuse a larger file.

    Returns:
        Description, tensors and state.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a file, or too large.

    Example:
        >>> import torch
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     write_tensors(f"{folder}/a", {"format": "one"}, {"w": torch.ones(2)})
        ...     read_tensors(f"{folder}/a", "one", "write_tensors", 1000).tensors
        {'w': tensor([1., 1.])}
    """
    from safetensors import SafetensorError, safe_open

    place = Path(path)
    size = place.stat().st_size
    if size > max_bytes:
        raise ValueError(
            f"{place} must have at most `max_bytes` = {max_bytes} bytes; got {size}; raise it"
        )
    try:
        with safe_open(place, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("neurospyke", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(
            f"{place} must be a safetensors file of a network; got: {error}"
        ) from error
    found = about.get("format") if isinstance(about, dict) else None
    if found != form:
        raise ValueError(
            f"{place} must say in its header that it is a {form!r}; got {found!r}; "
            f"write it with {writer}"
        )
    state = {
        name.removeprefix(_STATE): tensors.pop(name)
        for name in sorted(tensors)
        if name.startswith(_STATE)
    }
    return TensorFile(about, tensors, state)
