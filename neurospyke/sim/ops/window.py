"""Windows that slide over (height, width): their size, stride and padding with silence.

Output size along an axis: floor((size + before + after - kernel) / stride) + 1.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from neurospyke.sim.latency import SILENT

# Larger windows, steps and margins, and more positions with the margins, are taken for mistakes.
LARGEST = 2**20
MOST_POSITIONS = 2**31 - 1


def pair(value: int | Sequence[int], name: str) -> tuple[int, int]:
    """Positive (height, width) of a window or stride given as one int or two.

    Raises:
        ValueError: not one or two ints from 1 to `LARGEST`.

    Example:
        >>> pair(2, "kernel"), pair((2, 3), "kernel")
        ((2, 2), (2, 3))
    """
    if type(value) is int and 1 <= value <= LARGEST:
        return value, value
    sizes = _several(value, 2)
    if len(sizes) != 2 or any(not _whole(size) or not 1 <= size <= LARGEST for size in sizes):
        raise ValueError(
            f"`{name}` must be an int above 0 or two of them (height, width), at most {LARGEST}; "
            f"got {value!r}"
        )
    return sizes[0], sizes[1]


def sides(padding: int | Sequence[int]) -> tuple[int, int, int, int]:
    """Padding of the four sides (top, bottom, left, right) given as one int or four.

    Raises:
        ValueError: not one or four ints from 0 to `LARGEST`.

    Example:
        >>> sides(1), sides((2, 0, 1, 0))
        ((1, 1, 1, 1), (2, 0, 1, 0))
    """
    if type(padding) is int and 0 <= padding <= LARGEST:
        return padding, padding, padding, padding
    widths = _several(padding, 4)
    if len(widths) != 4 or any(not _whole(width) or not 0 <= width <= LARGEST for width in widths):
        raise ValueError(
            "`padding` must be an int from 0 up or four of them (top, bottom, left, right), "
            f"at most {LARGEST}; got {padding!r}"
        )
    return widths[0], widths[1], widths[2], widths[3]


def _several(value: object, n: int) -> tuple[Any, ...]:
    """One number several times, a sequence as it is; anything else alone, to be refused."""
    if isinstance(value, (int, torch.SymInt)):
        return (value,) * n
    return tuple(value) if isinstance(value, Sequence) else (value,)


def _whole(value: object) -> bool:
    return isinstance(value, (int, torch.SymInt)) and not isinstance(value, bool)


def output_size(
    size: Sequence[int], kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int]
) -> tuple[int, int]:
    """(height, width) of the windows' positions, in floor mode.

    Args:
        size: input (height, width).
        kernel: window (height, width).
        stride: step (height, width).
        padding: (top, bottom, left, right).

    Example:
        >>> output_size((5, 6), (2, 3), (2, 3), (0, 0, 1, 1))
        (2, 2)
    """
    top, bottom, left, right = padding
    height = (size[0] + top + bottom - kernel[0]) // stride[0] + 1
    width = (size[1] + left + right - kernel[1]) // stride[1] + 1
    return height, width


def check_fit(size: Sequence[int], kernel: Sequence[int], padding: Sequence[int]) -> None:
    """Refuse a window larger than the padded input, and an input padded beyond all measure.

    Raises:
        ValueError: the window does not fit once, or there are more than `MOST_POSITIONS`.
    """
    if min(output_size(size, kernel, (1, 1), padding)) < 1:
        raise ValueError(
            f"`latency` of height and width {tuple(size)} is smaller than the window "
            f"{tuple(kernel)} with padding {tuple(padding)}; pad more or use a smaller window"
        )
    height, width = output_size(size, (1, 1), (1, 1), padding)
    if height * width > MOST_POSITIONS:
        raise ValueError(
            f"`latency` of height and width {tuple(size)} with padding {tuple(padding)} has more "
            f"than {MOST_POSITIONS} positions; pad less"
        )


def pad_silence(latency: Tensor, padding: Sequence[int]) -> Tensor:
    """Contiguous latency with silence around it: (top, bottom, left, right).

    Example:
        >>> import torch
        >>> pad_silence(torch.zeros(1, 1, 1, 1, dtype=torch.uint8), (0, 0, 1, 0)).tolist()
        [[[[255, 0]]]]
    """
    top, bottom, left, right = padding
    return F.pad(latency.contiguous(), (left, right, top, bottom), value=SILENT)


def channels_last(shape: Sequence[int], like: Tensor) -> Tensor:
    """Uninitialised (batch, channel, height, width) with channels innermost, as ops give it back.

    Example:
        >>> import torch
        >>> channels_last((1, 3, 2, 2), torch.zeros(1)).stride()
        (12, 1, 6, 3)
    """
    return torch.empty(
        tuple(shape), dtype=like.dtype, device=like.device, memory_format=torch.channels_last
    )
