"""The engines that are timed, each behind the same four methods.

An engine gets spikes in the form that it works on itself, ready before the clock starts, and gives
a job to be timed; what it returns is turned into latencies outside. Spyker is looked for in
out/benchmarks/peers (see requirements.txt) and where Python finds modules.
"""

import copy
import sys
from collections.abc import Callable
from typing import Any, Protocol

import dense
import torch
from torch import Tensor
from workloads import FOLDER, Workload

from neurospyke.sim.latency import SILENT

Job = Callable[[], Any]
# dense engines that take a whole batch at once are given no more outputs than this at a time
_MOST_FLOATS = 100_000_000


class Engine(Protocol):
    """What is timed."""

    name: str

    def layer(self, load: Workload) -> Job:
        """A job that fires one layer."""
        ...

    def forward(self, network: torch.nn.Module, latency: Tensor) -> Job:
        """A job that fires all layers of a network, from coded images on."""
        ...

    def latency(self, output: Any, n_bins: int) -> Tensor:
        """What a job of the two above returned, as uint8 (batch, map, height, width)."""
        ...

    def learning_step(self, load: Workload, online: bool) -> Job:
        """A job that gives new weights and, for each sample, winners (map, row, column)."""
        ...


class Ours:
    """neurospyke's own ops."""

    name = "neurospyke"

    def layer(self, load: Workload) -> Job:
        from neurospyke.sim.ops.spiking_convolution import spiking_convolution

        return lambda: spiking_convolution(
            load.latency,
            load.weight,
            load.threshold,
            n_bins=load.n_bins,
            padding=load.padding,
            return_potential=False,
        )

    def forward(self, network: torch.nn.Module, latency: Tensor) -> Job:
        @torch.no_grad()
        def job() -> Tensor:
            spikes = latency
            for layer in network.layers.values():
                spikes = layer(spikes)
            return spikes

        return job

    def latency(self, output: Tensor, n_bins: int) -> Tensor:
        return output

    def learning_step(self, load: Workload, online: bool) -> Job:
        from neurospyke.sim.ops.learning_step import learning_step

        return lambda: learning_step(
            load.weight,
            load.latency,
            load.threshold,
            *load.rates,
            n_bins=load.n_bins,
            k=load.n_winners,
            radius=load.radius,
            padding=load.padding,
            online=online,
        )


class Dense:
    """The dense wave in torch; `form` is "per_sample", "batched" or "lean" (see dense.py)."""

    def __init__(self, form: str = "per_sample") -> None:
        self.name = {"per_sample": "dense wave"}.get(form, f"dense wave, {form}")
        self.form = form

    def layer(self, load: Workload) -> Job:
        if self.form == "batched" and load.output_numel * load.n_bins > _MOST_FLOATS:
            raise NotImplementedError("more than 400 MB of potentials")
        spikes, job = dense.wave(load.latency, load.n_bins), getattr(dense, self.form)
        return lambda: job(spikes, load.weight, load.threshold, load.padding)

    def forward(self, network: torch.nn.Module, latency: Tensor) -> Job:
        if self.form != "per_sample":
            raise NotImplementedError("per sample only")
        spikes = dense.wave(latency, network.n_bins)
        stages = [_dense_stage(layer) for layer in network.layers.values()]
        return lambda: dense.forward(spikes, stages)

    def latency(self, output: Any, n_bins: int) -> Tensor:
        return _silent(output if isinstance(output, Tensor) else torch.stack(output), n_bins)

    def learning_step(self, load: Workload, online: bool) -> Job:
        if self.form != "per_sample":
            raise NotImplementedError("per sample only")
        spikes = dense.wave(load.latency, load.n_bins)
        rule = (load.n_winners, load.radius, load.rates)
        return lambda: dense.learning_step(
            spikes, load.weight, load.threshold, load.padding, rule, online
        )


def _dense_stage(layer: torch.nn.Module) -> Callable[[Tensor], Tensor]:
    if hasattr(layer, "weight"):
        threshold = None if layer.threshold is None else float(layer.threshold[0])
        weight = layer.weight.data.contiguous()
        return lambda spikes: dense.thresholded(spikes, weight, threshold, layer.padding).sign()
    return lambda spikes: torch.max_pool2d(spikes, layer.kernel)


class SpykerDense:
    """Spyker's dense layers, a batch at a time."""

    name = "Spyker dense"

    def __init__(self, spyker: Any) -> None:
        self.spyker = spyker

    def layer(self, load: Workload) -> Job:
        spyker, at_once = self.spyker, max(1, _MOST_FLOATS // _per_sample(load))
        parts = _bytes_wave(load.latency, load.n_bins).split(at_once)
        parts = [part.contiguous() for part in parts]
        weight = load.weight.contiguous()

        def job() -> list[Tensor]:
            potentials = (spyker.conv(part, weight, 1, load.padding) for part in parts)
            return [spyker.gather(spyker.fire(each, load.threshold)) for each in potentials]

        return job

    def forward(self, network: torch.nn.Module, latency: Tensor) -> Job:
        spikes = _bytes_wave(latency, network.n_bins)
        layers = _plain(network)

        def job() -> list[Tensor]:
            return [self.spyker.gather(self.run(spikes, layers))]

        return job

    def run(self, spikes: Tensor, layers: list[torch.nn.Module]) -> Tensor:
        spyker = self.spyker
        for layer in layers:
            if not hasattr(layer, "weight"):
                spikes = spyker.pool(spikes, layer.kernel)
                continue
            potential = spyker.conv(spikes, layer.weight.data, 1, layer.padding)
            if layer.threshold is None:
                spikes = spyker.fire(spyker.infinite(potential))
            else:
                spikes = spyker.fire(potential, float(layer.threshold[0]))
        return spikes

    def latency(self, output: list[Tensor], n_bins: int) -> Tensor:
        return _silent(torch.cat(output), n_bins)

    def learning_step(self, load: Workload, online: bool) -> Job:
        spyker, conv = self.spyker, _spyker_layer(self.spyker, load)
        weight = load.weight.contiguous()
        parts = _bytes_wave(load.latency, load.n_bins).split(1 if online else len(load.latency))
        parts = [part.contiguous() for part in parts]

        def job() -> tuple[Tensor, list]:
            spyker.wrap_array(weight).to(conv.kernel)
            every = []
            for part in parts:
                potential = spyker.threshold(conv(part), load.threshold)
                spyker.inhibit(potential)
                found = spyker.convwta(potential, load.radius, load.n_winners)
                conv.stdp(part, found, spyker.fire(potential))
                every += _places(found)
            return spyker.to_torch(conv.kernel).clone(), every

        return job


class SpykerSparse:
    """Spyker's sparse layers; single ties fall to another map than in all other engines."""

    name = "Spyker sparse"

    def __init__(self, spyker: Any) -> None:
        from spyker.spyker_plugin import SparseTensor

        self.spyker = spyker
        self.events = lambda spikes: SparseTensor(spyker.wrap_array(spikes.contiguous()), 0.0)

    def layer(self, load: Workload) -> Job:
        if max(load.exact.shape[1:]) > 256:
            raise NotImplementedError("its indices are bytes: no more than 256 maps, rows, columns")
        spyker = self.spyker
        events = self.events(_bytes_wave(load.latency, load.n_bins))
        weight = load.weight.contiguous()
        kernel = spyker.wrap_array(weight)

        def job(_kept: Tensor = weight) -> list:
            return [spyker.sparse.conv(events, kernel, load.threshold, 1, load.padding)]

        return job

    def forward(self, network: torch.nn.Module, latency: Tensor) -> Job:
        spyker = self.spyker
        spikes = self.events(_bytes_wave(latency, network.n_bins))
        layers = _plain(network)
        tail = [layer for layer in layers if getattr(layer, "threshold", 0) is None]
        rest = SpykerDense(spyker)

        def job() -> list:
            events = spikes
            for layer in layers[: len(layers) - len(tail)]:
                if hasattr(layer, "weight"):
                    weight = spyker.wrap_array(layer.weight.data)
                    threshold = float(layer.threshold[0])
                    events = spyker.sparse.conv(events, weight, threshold, 1, layer.padding)
                else:
                    events = spyker.sparse.pool(events, layer.kernel)
            if tail:
                return [spyker.gather(rest.run(spyker.to_torch(events.dense()), tail))]
            return [events]

        return job

    def latency(self, output: list, n_bins: int) -> Tensor:
        parts = [
            part
            if isinstance(part, Tensor)
            else self.spyker.to_torch(self.spyker.sparse.gather(part)).clone()
            for part in output
        ]
        return _silent(torch.cat(parts), n_bins)

    def learning_step(self, load: Workload, online: bool) -> Job:
        spyker, conv = self.spyker, _spyker_layer(self.spyker, load)
        weight = load.weight.contiguous()
        parts = _bytes_wave(load.latency, load.n_bins).split(1 if online else len(load.latency))
        parts = [self.events(part) for part in parts]

        def job() -> tuple[Tensor, list]:
            spyker.wrap_array(weight).to(conv.kernel)
            every = []
            for part in parts:
                spikes = spyker.sparse.inhibit(conv(part, load.threshold))
                found = spyker.sparse.convwta(spikes, load.radius, load.n_winners)
                conv.stdp(part, found)
                every += _places(found)
            return spyker.to_torch(conv.kernel).clone(), every

        return job


def find_spyker(threads: int) -> tuple[Any, str]:
    """Spyker with that many threads, or None and why it is not there."""
    place = str(FOLDER / "peers")
    if place not in sys.path:
        sys.path.append(place)
    try:
        import spyker
    except Exception as error:
        return None, f"not importable: {type(error).__name__}: {error}"
    spyker.set_max_threads(threads)
    return spyker, ""


def engines(threads: int) -> tuple[list[Engine], dict[str, str]]:
    """All engines there are, and why the others are not."""
    found: list[Engine] = [Ours(), Dense(), Dense("batched"), Dense("lean")]
    spyker, reason = find_spyker(threads)
    if spyker is None:
        return found, {"Spyker dense": reason, "Spyker sparse": reason}
    return [*found, SpykerDense(spyker), SpykerSparse(spyker)], {}


def _plain(network: torch.nn.Module) -> list[torch.nn.Module]:
    """A copy of the layers with weights laid out as torch does by default, as Spyker wants them."""
    layers = [copy.deepcopy(layer) for layer in network.layers.values()]
    for layer in layers:
        if hasattr(layer, "weight"):
            layer.weight.data = layer.weight.data.contiguous()
    return layers


def _spyker_layer(spyker: Any, load: Workload) -> Any:
    maps, channels, height, width = load.weight.shape
    conv = spyker.Conv(channels, maps, [height, width], 1, load.padding)
    conv.stdpconfig = [spyker.STDPConfig(*load.rates)]
    return conv


def _places(found: list) -> list[list[tuple[int, int, int]]]:
    return [[(one.z, one.y, one.x) for one in sample] for sample in found]


def _bytes_wave(latency: Tensor, n_bins: int) -> Tensor:
    times = torch.arange(n_bins, dtype=torch.uint8).view(1, -1, 1, 1, 1)
    return (latency.contiguous().unsqueeze(1) <= times).to(torch.uint8).contiguous()


def _per_sample(load: Workload) -> int:
    return load.n_bins * load.exact[0].numel()


def _silent(first: Tensor, n_bins: int) -> Tensor:
    first = first.to(torch.uint8)
    return torch.where(first >= n_bins, torch.full_like(first, SILENT), first)
