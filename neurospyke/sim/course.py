"""The course of learning: layer by layer, pass by pass, batch by batch, and how to go on with it.

What a learning verb has to say is how one batch changes a layer. Everything else is here: the
latencies of the layers below, kept between passes, early stopping, checkpoints, and the way back
from one.
"""

import copy
import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neurospyke.sim.checkpoint import read_checkpoint, write_network
from neurospyke.sim.intensity import check_images
from neurospyke.sim.network import Network
from neurospyke.sim.plasticity import convergence
from neurospyke.sim.update import Decisions, Plastic
from neurospyke.sim.whole import check_whole


@dataclass(frozen=True)
class LearningStep:
    """One batch that a layer has learned from.

    Args:
        layer: name of the layer.
        epoch: pass over the batches, from 0.
        batch: number of the batch in its pass, from 0.
        n_images: images in the batch.
        n_seen: images that the layer has learned from so far, these included.
        convergence: mean of (w - lower)(upper - w) after the batch.
        decisions: how often a layer that learns by reward was right.
        winners: int64 (image, k, 3), rows (map, row, column), -1 for none; None after a checkpoint.
        network: the network that learns, as it is now: it changes with the next batch.
    """

    layer: str
    epoch: int
    batch: int
    n_images: int
    n_seen: int
    convergence: float
    decisions: Decisions | None = None
    winners: Tensor | None = None
    network: Network | None = None


Observer = Callable[[LearningStep], object]
LearnBatch = Callable[
    [Plastic, Tensor, Tensor | None, LearningStep], tuple[Tensor, Decisions | None]
]


@dataclass(frozen=True)
class Course:
    """What is to be learned from what, by whom, and where it is kept.

    Args:
        network: network to start from; left unchanged.
        layers: names of the layers that learn, in order.
        batches: batches, each images, or images with labels.
        epochs: passes over the batches for each layer.
        settings: what else decides the result, as JSON values; a checkpoint of others is refused.
        until: stop a layer when its convergence falls below this; None goes through all passes.
        observe: called after each batch.
        checkpoint: file to go on from and to write to, or None.
        save_every: batches between two checkpoints.
        max_bytes: memory for latencies kept between passes.
    """

    network: Network
    layers: Sequence[str]
    batches: Iterable[Any]
    epochs: int
    settings: dict[str, Any]
    until: float | None = None
    observe: Observer | None = None
    checkpoint: str | Path | None = None
    save_every: int = 100
    max_bytes: int = 2 * 2**30

    def __post_init__(self) -> None:
        check_batches(self.batches, len(self.layers), self.epochs)
        if self.until is not None and not self.until >= 0:
            raise ValueError(f"`until` must be at least 0, or None; got {self.until!r}")
        check_whole("save_every", self.save_every, 1)

    def learn(self, learn_batch: LearnBatch) -> Network:
        """Copy of the network that has learned.

        Args:
            learn_batch: changes a layer by one batch: of the layer, its input latencies, labels or
                None, and the step before, it gives winners and decisions.

        Returns:
            The trained copy.

        Raises:
            ValueError: no batch in a pass, or a checkpoint of another run.
        """
        about = {
            **self.settings,
            "network": fingerprint(self.network),
            "batches": first_checksum(self.batches),
            "n_batches": len(self.batches) if isinstance(self.batches, Sequence) else None,
        }
        learned, last = self._resumed(about)
        step, unsaved = last, 0
        with torch.no_grad():
            for step in self._steps(learned, last, learn_batch):
                unsaved += 1
                if self.checkpoint is not None and unsaved == self.save_every:
                    _save(self.checkpoint, learned, about, step)
                    unsaved = 0
                if self.observe is not None:
                    self.observe(step)
        if self.checkpoint is not None and unsaved and step is not None:
            _save(self.checkpoint, learned, about, step)
        return learned

    def _steps(
        self, network: Network, last: LearningStep | None, learn_batch: LearnBatch
    ) -> Iterator[LearningStep]:
        first = 0 if last is None else list(self.layers).index(last.layer)
        for name in self.layers[first:]:
            yield from self._of_layer(network, name, last, learn_batch)
            last = None

    def _of_layer(
        self, network: Network, name: str, last: LearningStep | None, learn_batch: LearnBatch
    ) -> Iterator[LearningStep]:
        layer, below = _layer(network, name)
        # what is no sequence may give other images in every pass
        inputs = Inputs(network, below, self.max_bytes if isinstance(self.batches, Sequence) else 0)
        step = LearningStep(name, 0, -1, 0, 0, float("inf"))
        for epoch in range(self.epochs):
            number = -1
            for number, batch in enumerate(self.batches):
                if last is not None:
                    if (epoch, number) == (last.epoch, last.batch):
                        step, last = last, None
                    continue
                if self.until is not None and step.convergence < self.until:
                    return
                images, labels = batch if isinstance(batch, (tuple, list)) else (batch, None)
                latency = inputs.at(number, images)
                winners, decisions = learn_batch(layer, latency, labels, step)
                step = LearningStep(
                    name,
                    epoch,
                    number,
                    len(images),
                    step.n_seen + len(images),
                    _convergence(layer),
                    decisions,
                    winners,
                    network,
                )
                yield step
            if number < 0:
                raise ValueError(
                    f"`batches` must give at least one batch in every pass; got none in pass "
                    f"{epoch + 1} over {name!r}"
                )

    def _resumed(self, about: dict[str, Any]) -> tuple[Network, LearningStep | None]:
        """The network to go on with, and the last step that it has made."""
        if self.checkpoint is not None:
            check_folder(self.checkpoint)
        if self.checkpoint is None or not Path(self.checkpoint).exists():
            return copy.deepcopy(self.network), None
        network, progress, _ = read_checkpoint(self.checkpoint)
        progress = check_same_run(self.checkpoint, progress, about)
        kept = progress["step"]
        decisions = kept.pop("decisions")
        step = LearningStep(**kept, decisions=None if decisions is None else Decisions(**decisions))
        return network.to(device_of(self.network)), step


class Inputs:
    """Latencies of a layer below, computed once a batch as far as memory allows.

    Args:
        network: the network; the layers up to `below` must not change any more.
        below: name of the layer, or "encoder".
        max_bytes: memory for latencies that are kept.
    """

    def __init__(self, network: Network, below: str, max_bytes: int) -> None:
        self._network = network
        self._below = below
        self._left = max_bytes
        self._kept: dict[int, Tensor] = {}

    def at(self, number: int, images: Tensor) -> Tensor:
        """Latency of a batch, (batch, map, height, width).

        Args:
            number: number of the batch in its pass.
            images: its images; read only where the latency is not kept.
        """
        if number in self._kept:
            return self._kept[number]
        check_images(images, self._network.n_channels)
        latency = self._network.latency(images.to(device_of(self._network)), self._below)
        if latency.numel() <= self._left:
            self._left -= latency.numel()
            self._kept[number] = latency
        return latency


def device_of(network: Network) -> torch.device:
    """Device of a network's weights."""
    return next(iter(network.parameters())).device


def _layer(network: Network, name: str) -> tuple[Plastic, str]:
    layer, names = network.layers[name], network.layer_names
    assert isinstance(layer, Plastic)
    return layer, names[names.index(name) - 1]


def _convergence(layer: Plastic) -> float:
    return convergence(layer.weight, layer.rule.lower, layer.rule.upper)  # type: ignore[union-attr]


def _save(path: str | Path, network: Network, about: dict[str, Any], step: LearningStep) -> None:
    kept = {
        each.name: getattr(step, each.name)
        for each in dataclasses.fields(step)
        if each.name not in {"winners", "decisions", "network"}
    }
    decisions = None if step.decisions is None else dataclasses.asdict(step.decisions)
    progress = {"about": about, "step": {**kept, "decisions": decisions}}
    write_network(path, network, progress=progress)


def fingerprint(network: Network) -> str:
    """Checksum of all weights, thresholds and filters of a network."""
    return checksum([*network.parameters(), *network.buffers()])


def first_checksum(batches: Iterable[Any]) -> str | None:
    """Checksum of the first batch, where looking at it uses nothing up."""
    if not isinstance(batches, Sequence) or not batches:
        return None
    first = batches[0]
    parts = first if isinstance(first, (tuple, list)) else [first]
    return checksum([part for part in parts if isinstance(part, Tensor)])


def checksum(tensors: Iterable[Tensor]) -> str:
    """Checksum of values, dtypes and shapes of tensors."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(repr((tensor.dtype, tuple(tensor.shape))).encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def check_folder(path: str | Path) -> None:
    """Refuse, before anything is learned, a checkpoint that could not be written.

    Raises:
        ValueError: its folder is not there.
    """
    if not Path(path).parent.is_dir():
        raise ValueError(
            f"`checkpoint` must be in an existing folder; got {str(path)!r}: create "
            f"{Path(path).parent}"
        )


def check_same_run(path: str | Path, progress: Any, about: dict[str, Any]) -> dict[str, Any]:
    """Progress kept in a checkpoint, refused if it is that of another run.

    Args:
        path: the checkpoint, for errors.
        progress: what was kept; `about` says what decides the result.
        about: what this run says of itself.

    Returns:
        The progress.

    Raises:
        ValueError: a checkpoint of another run, or of none.
    """
    if not isinstance(progress, dict) or progress.get("about") != about:
        raise ValueError(
            f"`checkpoint` must be of the same network, batches and settings; {path} is of "
            f"{(progress or {}).get('about')} where {about} is asked for; choose another file, or "
            "remove this one to start anew"
        )
    return progress


def check_batches(batches: Iterable[Any], n_layers: int, epochs: int) -> None:
    """Refuse batches that cannot be gone through once a layer and epoch.

    Raises:
        TypeError: no sequence of batches.
        ValueError: `epochs` is no whole number, or the batches can be gone through only once.
    """
    check_whole("epochs", epochs, 1)
    if isinstance(batches, Tensor) or not isinstance(batches, Iterable):
        raise TypeError(
            f"`batches` must be a sequence of batches; got {type(batches).__name__}; "
            "use images.split(64)"
        )
    if n_layers * epochs > 1 and isinstance(batches, Iterator):
        raise ValueError(
            f"`batches` must be gone through {n_layers * epochs} times, once a layer and epoch; "
            f"got {type(batches).__name__}, which is used up after one; use images.split(64) or "
            "list(batches)"
        )
