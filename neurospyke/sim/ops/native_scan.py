"""The compiled scans: all of time in one call, on as many threads as torch.

Tensors are dense, of one dtype, in main memory. Where the library was not built, the ops take their
torch path.
"""

import ctypes
import struct
from typing import NamedTuple

import torch
from torch import Tensor

from neurospyke.sim.ops.native import call
from neurospyke.sim.surrogate import SURROGATES

CHECKPOINT = 8  # steps between two traces that are kept for the way back


class Neurons(NamedTuple):
    """What neurons are, and where they start; dense tensors of one dtype."""

    decay: Tensor  # (unit,)
    trace_decay: Tensor | None
    membrane_start: Tensor  # (batch, unit)
    spikes_start: Tensor
    trace_start: Tensor
    threshold: float
    adaptation: float
    immediate: bool
    reset_decays: bool


class Course(NamedTuple):
    """What a scan gives; those of `membrane` and `traces` that are not kept have no element."""

    spikes: Tensor  # (time, batch, unit)
    membrane: Tensor
    traces: Tensor  # (checkpoint, batch, unit)
    membrane_end: Tensor  # (batch, unit)
    trace_end: Tensor


def scan(current: Tensor, weight: Tensor | None, neurons: Neurons, course: Course) -> None:
    """Go through time, writing into `course`; `weight` has axes (from, to)."""
    if course.spikes.numel():
        call("neurospyke_scan", _fields(current, weight, neurons, course))


def scan_gradient(
    gradients: tuple[Tensor | None, ...],
    weight: Tensor | None,
    neurons: Neurons,
    course: Course,
    surrogate: str,
    outs: tuple[Tensor | None, ...],
) -> None:
    """Go back through time, writing into `outs`; `weight` has axes (to, from)."""
    if course.spikes.numel():
        fields = (list(SURROGATES).index(surrogate), *_places(*gradients), *_places(*outs))
        args = _fields(course.spikes, weight, neurons, course) + struct.pack("12q", *fields)
        call("neurospyke_scan_gradient", args)


def project(inputs: Tensor, table: Tensor, bias: Tensor, out: Tensor, most: int) -> bool:
    """Write bias + inputs table into `out`; False where more than `most` inputs are not zero.

    `inputs` has axes (row, channel), `table` (channel, unit), `out` (row, unit).
    """
    return _project(inputs, table, bias, None, out, most)


def project_back(inputs: Tensor, of_out: Tensor, out: Tensor, most: int) -> bool:
    """Write the gradient of the table into `out`; False where more than `most` are not zero."""
    return _project(inputs, None, None, of_out, out, most)


def _project(
    inputs: Tensor,
    table: Tensor | None,
    bias: Tensor | None,
    of_out: Tensor | None,
    out: Tensor,
    most: int,
) -> bool:
    active = ctypes.c_int64()
    fields = struct.pack(
        "12q",
        *_places(inputs),
        *inputs.shape,
        out.shape[1],
        *_places(table, bias, of_out),
        inputs.dtype == torch.float64,
        *_places(out),
        torch.get_num_threads(),
        most,
        ctypes.addressof(active),
    )
    call("neurospyke_projection", fields)
    return active.value <= most


def _fields(current: Tensor, weight: Tensor | None, neurons: Neurons, course: Course) -> bytes:
    return struct.pack(
        "10q2d9q",
        current.data_ptr(),
        *current.shape,
        *_places(weight, *neurons[:5]),
        neurons.threshold,
        neurons.adaptation,
        neurons.immediate,
        neurons.reset_decays,
        current.dtype == torch.float64,
        *_places(*course),
        torch.get_num_threads(),
    )


def _places(*tensors: Tensor | None) -> list[int]:
    """Addresses; null for what is not there."""
    return [0 if each is None or each.numel() == 0 else each.data_ptr() for each in tensors]
