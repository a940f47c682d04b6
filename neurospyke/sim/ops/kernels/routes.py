"""Launch of the convolution's two routes: tensor cores and events, by choice or by density."""

from typing import Literal, NamedTuple

import torch
import triton
from torch import Tensor

from neurospyke.sim.ops.kernels import dense, events
from neurospyke.sim.ops.kernels.density import count_spikes, fewest_for_dense
from neurospyke.sim.ops.kernels.parts import PASSES, by_window, prepare, whole_weights

Route = Literal["auto", "dense", "events"]


class Outputs(NamedTuple):
    """Where the kernels write: maps only under inhibition, an empty potential where not wanted."""

    latency: Tensor
    maps: Tensor | None
    potential: Tensor


class Layer(NamedTuple):
    """What a route needs to know; `work`, int32 (2,), counts what a route has done if given.

    The tensor cores count blocks of bins, one a program, and nothing; events count events added up
    and bins looked at, both once a block of maps.
    """

    latency: Tensor
    weight: Tensor
    threshold: Tensor | None
    n_bins: int
    shape: dict[str, int]
    precision: str
    work: Tensor | None

    @property
    def start(self) -> int:
        """First bin looked at: without a threshold only the last is."""
        return self.n_bins - 1 if self.threshold is None else 0

    @property
    def whole(self) -> bool:
        """Whether weights are rounded to whole numbers of steps; float64 ones never are."""
        return self.precision == "reproducible" and self.weight.dtype == torch.float32


def launch(layer: Layer, outputs: Outputs, route: Route) -> None:
    """Fill the outputs; nothing is read back, and nothing on the host depends on values."""
    if outputs.latency.numel() == 0:
        return
    if layer.threshold is not None:
        layer = layer._replace(threshold=layer.threshold.contiguous())
    with torch.cuda.device_of(layer.latency):
        if layer.weight.dtype == torch.float64:
            route = "events"
        count = count_spikes(layer.latency, layer.n_bins) if route == "auto" else None
        if route != "events":
            _launch_dense(layer, outputs, count)
        if route != "dense":
            _launch_events(layer, outputs, count)


def _launch_dense(layer: Layer, outputs: Outputs, count: Tensor | None) -> None:
    maps = len(layer.weight)
    blocks = dense.blocks(_bins(layer), maps, layer.shape["taps"], layer.whole)
    parts, steps, exponent = prepare(
        layer.weight, layer.threshold, layer.precision, blocks["INPUTS"]
    )
    targets, options = _targets(layer, outputs), _options(layer, count)
    grid = [triton.cdiv(layer.shape["n_pixels"], blocks["POSITIONS"])]
    kernel = dense.dense_inhibition
    if outputs.maps is None:
        del targets["winner"]
        options["WANTED"] = outputs.potential.numel() > 0
        grid.append(triton.cdiv(maps, blocks["COLUMNS"]))
        kernel = dense.dense_convolution
    kernel[tuple(grid)](
        layer.latency,
        parts,
        steps,
        exponent,
        maps=maps,
        n_inputs=parts.shape[2],
        PARTS=PASSES[layer.precision],
        **targets,
        **options,
        **blocks,
        **layer.shape,
    )


def _launch_events(layer: Layer, outputs: Outputs, count: Tensor | None) -> None:
    maps, taps = len(layer.weight), layer.shape["taps"]
    if taps >= events.MOST_TAPS:
        raise ValueError(f"`weight` must have fewer than 2^23 inputs a map; got {taps}")
    if layer.whole:
        weight, steps, exponent = whole_weights(layer.weight, layer.threshold)
    else:
        weight, exponent = layer.weight, layer.weight
        steps = layer.weight.new_zeros(maps) if layer.threshold is None else layer.threshold
    n_programs = events.programs(layer.shape["n_pixels"], taps)
    events.event_convolution[(n_programs,)](
        layer.latency,
        by_window(weight).T.contiguous(),
        steps,
        exponent,
        lists=torch.empty(n_programs * 2 * taps, dtype=torch.int32, device=weight.device),
        maps=maps,
        WHOLE=layer.whole,
        INHIBITED=outputs.maps is not None,
        WANTED=outputs.potential.numel() > 0,
        **_targets(layer, outputs),
        **_options(layer, count),
        **events.blocks(maps, taps),
        **layer.shape,
    )


def _targets(layer: Layer, outputs: Outputs) -> dict[str, Tensor]:
    # a kernel wants a pointer also for what it will not touch
    return {
        "out": outputs.latency,
        "winner": outputs.latency if outputs.maps is None else outputs.maps,
        "potential": outputs.potential,
        "work": outputs.latency if layer.work is None else layer.work,
    }


def _options(layer: Layer, count: Tensor | None) -> dict[str, object]:
    n_inputs = layer.latency.numel()
    return {
        "count": layer.latency if count is None else count,
        "fewest": fewest_for_dense(n_inputs, _bins(layer), layer.precision),
        "ASKED": count is not None,
        "COUNTED": layer.work is not None,
        "n_bins": layer.n_bins,
        "start": layer.start,
    }


def _bins(layer: Layer) -> int:
    return layer.n_bins - layer.start
