"""The compiled kernels: a shared library with a plain C interface, called with tensors' addresses.

Every function takes what the custom ops take, allocates its results (channels last) and runs on as
many threads as torch. Where the library was not built, `available` says so once and the ops take
their torch path, with the same results but for the rounding of sums.
"""

import ctypes
import importlib.util
import os
import struct
import warnings
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from neurospyke.sim.ops.crossing import on_grid
from neurospyke.sim.ops.window import channels_last, output_size

WORK = ("windows", "windows passed over", "events", "additions")
INTERFACE = 6  # of the library that this module calls
MOST_BYTES = 2**31  # of what one thread may have to hold at a time
INSTRUCTION_SETS = ("baseline", "avx2", "avx512")


@cache
def library() -> ctypes.CDLL | None:
    """The loaded kernels, or None where they were not built or cannot be loaded.

    The environment variable NEUROSPYKE_KERNELS names another build of them, for example one with
    sanitizers; empty, it switches them off.
    """
    path = os.environ.get("NEUROSPYKE_KERNELS")
    try:
        loaded = None if path == "" else _open(path or _installed())
    except OSError as error:
        warnings.warn(
            "neurospyke runs without its compiled kernels, many times slower, because they cannot "
            f"be loaded ({error}); install a C++ compiler, then neurospyke again with -v",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    if loaded is not None:
        loaded.neurospyke_row_additions.restype = ctypes.c_int64
        loaded.neurospyke_row_additions.argtypes = [ctypes.c_int64] * 3
    return loaded


def _open(path: str) -> ctypes.CDLL:
    loaded = ctypes.CDLL(path)
    if not hasattr(loaded, "neurospyke_interface") or loaded.neurospyke_interface() != INTERFACE:
        raise OSError(f"{path} belongs to another version")
    return loaded


def _installed() -> str:
    # an editable installation keeps compiled files apart from the sources; the importer knows where
    found = importlib.util.find_spec("neurospyke.sim.ops._kernels")
    if found is None or found.origin is None:
        raise OSError("they were not built")
    return found.origin


def available(*tensors: Tensor) -> bool:
    """Whether the kernels exist and serve these tensors, which must be in main memory."""
    return library() is not None and all(one.is_cpu for one in tensors)


def instruction_set(name: str | None = None) -> str:
    """The instruction set in use, after asking for one by name; "best" takes what the machine has.

    A set that the machine lacks is not taken. Results are the same on all.
    """
    loaded = library()
    if loaded is None:
        return "none"
    wanted = -2 if name is None else -1 if name == "best" else INSTRUCTION_SETS.index(name)
    return INSTRUCTION_SETS[loaded.neurospyke_isa(wanted)]


def row_additions(rows: int, maps: int, repeats: int) -> int:
    """Add rows of a block of weights, one thread; returns the additions made, to be timed."""
    loaded = library()
    assert loaded is not None
    return loaded.neurospyke_row_additions(rows, maps, repeats)


def convolution(  # noqa: PLR0913, PLR0917
    latency: Tensor,
    weight: Tensor,
    threshold: Tensor | None,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
    precision: str,
    return_potential: bool,
    work: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Latency and potential of a convolution's spikes; no potential (0,) where it is not wanted.

    `work` holds int64 counters, named in `WORK`, to be added to: they show how much was left out.
    """
    outs = ("latency", "potential") if return_potential else ("latency",)
    found = _convolve(
        latency, weight, threshold, n_bins, stride, padding, precision, outs=outs, work=work
    )
    return found[0], found[1]


def pooled_convolution(  # noqa: PLR0913, PLR0917
    latency: Tensor,
    weight: Tensor,
    threshold: Tensor | None,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
    kernel: Sequence[int],
    pool_stride: Sequence[int],
    pool_padding: Sequence[int],
    precision: str,
    work: Tensor | None = None,
) -> Tensor:
    """Pooled latency of a convolution's spikes."""
    pooling = (tuple(kernel), tuple(pool_stride), tuple(pool_padding))
    return _convolve(
        latency,
        weight,
        threshold,
        n_bins,
        stride,
        padding,
        precision,
        outs=("latency",),
        pooling=pooling,
        work=work,
    )[0]


def inhibited_convolution(
    latency: Tensor,
    weight: Tensor,
    threshold: Tensor | None,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
    precision: str,
    work: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Latency, map and potential of the first map to spike at each position."""
    outs = ("latency", "map", "potential")
    found = _convolve(
        latency, weight, threshold, n_bins, stride, padding, precision, outs=outs, work=work
    )
    return found[0], found[2], found[1]


def _convolve(  # noqa: PLR0913
    latency: Tensor,
    weight: Tensor,
    threshold: Tensor | None,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
    precision: str,
    *,
    outs: Sequence[str],
    pooling: tuple[Sequence[int], Sequence[int], Sequence[int]] | None = None,
    work: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    kernel, thresholds = _exact(weight, threshold, precision)
    size = output_size(latency.shape[2:], weight.shape[2:], stride, padding)
    _check_bytes(latency.shape[1], 1, size[1], stride, weight.shape[2:])
    if pooling:
        inner, size = size, output_size(size, *pooling)
        _check_bytes(weight.shape[0], 1, inner[1], (1, 1), (1, 1))
        _check_bytes(weight.shape[0], 1, size[1], pooling[1], pooling[0])
    shape = (latency.shape[0], 1 if "map" in outs else weight.shape[0], *size)
    spikes = channels_last(shape, latency)
    potential = channels_last(shape, kernel) if "potential" in outs else kernel.new_empty(0)
    maps = torch.empty(shape, dtype=torch.int64) if "map" in outs else spikes
    if spikes.numel():
        args = struct.pack(
            "39q",
            *_fields(latency, kernel, thresholds, n_bins, stride, padding),
            spikes.data_ptr(),
            potential.data_ptr() if "potential" in outs else 0,
            maps.data_ptr() if "map" in outs else 0,
            *((*pooling[0], *pooling[1], *pooling[2]) if pooling else (0,) * 8),
            torch.get_num_threads(),
            0 if work is None else work.data_ptr(),
        )
        call("neurospyke_convolution", args)
    if potential.dtype != weight.dtype:
        potential = potential.to(weight.dtype)
    return spikes, potential, maps


def _check_bytes(
    channels: int, rows: int, columns: int, stride: Sequence[int], kernel: Sequence[int]
) -> None:
    """Refuse windows that together reach over more of the input than memory can hold.

    Raises:
        ValueError: they do.
    """
    height, width = (
        (n - 1) * step + size for n, step, size in zip((rows, columns), stride, kernel, strict=True)
    )
    if height * width * channels > MOST_BYTES:
        raise ValueError(
            f"`padding` and `stride` must leave windows that fit into {MOST_BYTES} bytes; got "
            f"{height * width * channels} for {channels} channels; use smaller ones"
        )


def _exact(
    weight: Tensor, threshold: Tensor | None, precision: str
) -> tuple[Tensor, Tensor | None]:
    """Weights and thresholds to compute with; on a grid, whose sums are exact, where asked for."""
    kernel = on_grid(weight) if precision == "reproducible" else weight
    if threshold is None:
        return kernel, None
    if threshold.dtype != kernel.dtype:
        threshold = threshold.to(kernel.dtype)
    return kernel, threshold.contiguous()


def pool(
    latency: Tensor, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int]
) -> Tensor:
    """Earliest latency of each window."""
    size = output_size(latency.shape[2:], kernel, stride, padding)
    _check_bytes(latency.shape[1], size[0], size[1], stride, kernel)
    out = channels_last((*latency.shape[:2], *size), latency)
    if out.numel():
        args = (*_strided(latency), *kernel, *stride, *padding)
        call(
            "neurospyke_pool",
            struct.pack("19q", *args, out.data_ptr(), torch.get_num_threads()),
        )
    return out


def pointwise_inhibition(latency: Tensor, potential: Tensor) -> tuple[Tensor, Tensor]:
    """The one map that is kept at each position, all others silent."""
    out, potential_out = (
        channels_last(latency.shape, latency),
        channels_last(latency.shape, potential),
    )
    if out.numel():
        args = (latency.data_ptr(), potential.data_ptr(), *latency.shape)
        strides = (*latency.stride(), *potential.stride(), potential.dtype == torch.float64)
        outs = (out.data_ptr(), potential_out.data_ptr(), torch.get_num_threads())
        call("neurospyke_inhibition", struct.pack("18q", *args, *strides, *outs))
    return out, potential_out


def winners(
    latency: Tensor, potential: Tensor, k: int, radius: int | None, maps: Tensor | None
) -> Tensor:
    """Rows (map, row, column) of each sample's winners, best first, -1 where there are fewer."""
    rows = torch.full((latency.shape[0], k, 3), -1)
    if latency.numel():
        given = None if maps is None else maps.contiguous()
        args = struct.pack(
            "20q",
            latency.data_ptr(),
            potential.data_ptr(),
            0 if given is None else given.data_ptr(),
            *latency.shape,
            *latency.stride(),
            *potential.stride(),
            potential.dtype == torch.float64,
            k,
            -1 if radius is None else radius,
            rows.data_ptr(),
            torch.get_num_threads(),
        )
        call("neurospyke_winners", args)
    return rows


def stdp(  # noqa: PLR0913, PLR0917
    weight: Tensor,
    latency_in: Tensor,
    latency_out: Tensor,
    winners: Tensor,
    rate_positive: Tensor,
    rate_negative: Tensor,
    lower: Tensor,
    upper: Tensor,
    window: Tensor | None,
    stabilizer: bool,
    clamp: str,
    stride: Sequence[int],
    padding: Sequence[int],
) -> Tensor:
    """New weights, laid out as those given."""
    new, rows = weight.clone(), winners.contiguous()
    tables = _tables(rate_positive, rate_negative, lower, upper, window)
    if new.numel() and winners.numel():
        args = struct.pack(
            "42q",
            new.data_ptr(),
            *weight.shape,
            *new.stride(),
            latency_in.data_ptr(),
            latency_in.shape[0],
            *latency_in.shape[2:],
            *latency_in.stride(),
            latency_out.data_ptr(),
            *latency_out.shape[1:],
            *latency_out.stride(),
            rows.data_ptr(),
            rows.shape[1],
            *_rule(tables, stabilizer, clamp),
            *stride,
            padding[0],
            padding[2],
            weight.dtype == torch.float64,
            torch.get_num_threads(),
        )
        call("neurospyke_stdp", args)
    return new


def learning_step(  # noqa: PLR0913, PLR0917
    weight: Tensor,
    latency: Tensor,
    threshold: Tensor | None,
    rate_positive: Tensor,
    rate_negative: Tensor,
    lower: Tensor,
    upper: Tensor,
    window: Tensor | None,
    n_bins: int,
    k: int,
    radius: int | None,
    stabilizer: bool,
    clamp: str,
    stride: Sequence[int],
    padding: Sequence[int],
    online: bool,
    work: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """New weights, laid out as those given, and the winners that made them.

    `work` holds int64 counters, named in `WORK`, of the windows that were looked at.
    """
    rows, new = torch.full((latency.shape[0], k, 3), -1), torch.empty_like(weight)
    size = output_size(latency.shape[2:], weight.shape[2:], stride, padding)
    _check_bytes(latency.shape[1], *size, stride, weight.shape[2:])
    thresholds = None if threshold is None else threshold.contiguous()
    tables = _tables(rate_positive, rate_negative, lower, upper, window)
    if not weight.numel() or not latency.shape[0]:
        return new.copy_(weight), rows
    args = struct.pack(
        "57q",
        *_fields(latency, weight, thresholds, n_bins, stride, padding),
        *(0,) * 11,
        torch.get_num_threads(),
        0 if work is None else work.data_ptr(),
        new.data_ptr(),
        *new.stride(),
        k,
        -1 if radius is None else radius,
        rows.data_ptr(),
        *_rule(tables, stabilizer, clamp),
        online,
    )
    call("neurospyke_learning", args)
    return new, rows


def _tables(*values: Tensor | None) -> list[Tensor | None]:
    """The same, each in one run; whoever takes their addresses keeps them."""
    return [None if each is None else each.contiguous() for each in values]


def _rule(tables: Sequence[Tensor | None], stabilizer: bool, clamp: str) -> tuple[int, ...]:
    positive, negative, lower, upper, window = (
        (0, ()) if each is None else (each.data_ptr(), tuple(each.shape)) for each in tables
    )
    return (
        positive[0],
        negative[0],
        positive[1][1] if len(positive[1]) == 2 else 0,
        lower[0],
        upper[0],
        window[0],
        window[1][0] // 2 if window[1] else 0,
        stabilizer,
        clamp == "all",
    )


def _fields(
    latency: Tensor,
    weight: Tensor,
    threshold: Tensor | None,
    n_bins: int,
    stride: Sequence[int],
    padding: Sequence[int],
) -> tuple[int, ...]:
    maps, _, height, width = weight.shape
    return (
        *_strided(latency),
        weight.data_ptr(),
        maps,
        height,
        width,
        *weight.stride(),
        0 if threshold is None else threshold.data_ptr(),
        n_bins,
        *stride,
        *padding,
        weight.dtype == torch.float64,
    )


def _strided(tensor: Tensor) -> tuple[int, ...]:
    return (tensor.data_ptr(), *tensor.shape, *tensor.stride())


def call(name: str, args: bytes) -> None:
    """Call a function of the library with the fields of its structure."""
    loaded = library()
    assert loaded is not None
    getattr(loaded, name)(args)
