"""Learning by gradients of spike times, over the caller's batches of images and labels."""

import copy
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neurospyke.sim.checkpoint import read_checkpoint, write_network
from neurospyke.sim.course import (
    Inputs,
    check_batches,
    check_folder,
    check_same_run,
    checksum,
    device_of,
    fingerprint,
    first_checksum,
)
from neurospyke.sim.descent import Descent, Optimizer, numbered
from neurospyke.sim.network import Network
from neurospyke.sim.ops.spike_time import as_times
from neurospyke.sim.ops.winners import winners
from neurospyke.sim.spike_time import SpikeTimeLinear, relative_target_loss
from neurospyke.sim.whole import check_whole

_OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
}


@dataclass(frozen=True)
class GradientStep:
    """One batch that a network has learned from.

    Args:
        epoch: pass over the batches, from 0.
        batch: number of the batch in its pass, from 0.
        n_images: images in the batch.
        n_seen: images that the network has learned from so far, these included.
        loss: of the batch, before it was learned.
        n_right: images of the batch whose class was the first to spike, before it was learned; of
            several outputs in one bin, the lowest class counts.
        accuracy: share of right answers on the validation images, after the last batch of a pass.
    """

    epoch: int
    batch: int
    n_images: int
    n_seen: int
    loss: float
    n_right: int
    accuracy: float | None = None


def learn_by_gradient(  # noqa: PLR0913 - what to learn from, how, and where to keep it
    network: Network,
    batches: Iterable[tuple[Tensor, Tensor]],
    *,
    optimizer: str | Optimizer = "sgd",
    rate: float = 1.0,
    decay: float = 1.0,
    penalty: float = 1e-6,
    gap: float = 3.0,
    epochs: int = 1,
    validation: tuple[Tensor, Tensor] | None = None,
    patience: int | None = None,
    observe: Callable[[GradientStep], object] | None = None,
    checkpoint: str | Path | None = None,
    save_every: int = 100,
    max_bytes: int = 2 * 2**30,
) -> Network:
    """Copy of a network whose last layers have learned by the gradients of their spike times.

        w <- w - rate (dL/dw + penalty w)          L: `relative_target_loss`; the step of "sgd"

    From the first `SpikeTimeLinear` on, all layers are of that kind and learn together; layers
    below it stay as they are. The last one has an output for each class, and the class whose output
    spikes first is the answer, see `first_to_spike`. Nothing is random here: the same network and
    batches give the same weights.

    Args:
        network: the network; it is left unchanged.
        batches: pairs of images (batch, channel, height, width) in [0, 1] and labels (batch,),
            int64 from 0 up, gone through once an epoch, for example
            `list(zip(images.split(16), labels.split(16)))`.
        optimizer: "sgd", "adam" or "rmsprop" with torch's settings and this rate, or a function
            from the list of weights to a torch.optim.Optimizer.
        rate: step width of an optimizer given by name, above 0. Gradients are means over a batch:
            a rate for one sample at a time corresponds to that times the batch size.
        decay: factor on the step width after each epoch, above 0.
        penalty: strength of the pull of weights towards 0 (L2), >= 0.
        gap: bins by which the right output should be ahead.
        epochs: passes over the batches, at least 1.
        validation: images and labels, not among the batches, on which answers are counted after
            each epoch; the weights of the epoch with the most right ones, the first of equal ones,
            are given back.
        patience: stop after so many epochs without more right answers on the validation images;
            None goes through all.
        observe: called with a `GradientStep` after each batch.
        checkpoint: a file to write the network to, and to go on from if it is there. An
            interrupted run, started again with the same arguments, ends with the same weights. One
            that is killed while it writes leaves a hidden file beside it, which can be deleted.
        save_every: batches between two checkpoints.
        max_bytes: memory for the latencies below the first layer that learns, kept from one epoch
            to the next when `batches` is a sequence. Memory does not change the result.

    Returns:
        The trained copy.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: no layer that learns so, or others above it, no batches, labels or images that
            do not fit, a number out of range, or a checkpoint of another run.

    Source:
        Kheradpisheh and Masquelier (2020), International Journal of Neural Systems 30: 2050027.
    """
    settings = {
        "learn": "by_gradient",
        "optimizer": optimizer if isinstance(optimizer, str) else None,
        "rate": rate,
        "decay": decay,
        "penalty": penalty,
        "gap": gap,
        "epochs": epochs,
        "patience": patience,
        "network": _checked(network),
    }
    check_batches(batches, 1, epochs)
    check_whole("save_every", save_every, 1)
    _check_settings(rate, decay, penalty, validation, patience)
    learner = _Learner(copy.deepcopy(network), optimizer, rate)
    learner.about = {
        **settings,
        "groups": learner.groups(),
        "batches": first_checksum(batches),
        "n_batches": len(batches) if isinstance(batches, Sequence) else None,
        "validation": None if validation is None else checksum(validation),
    }
    last = None if checkpoint is None else learner.resume(checkpoint)
    # what is no sequence may give other images in every pass
    kept = max_bytes if isinstance(batches, Sequence) else 0
    inputs, unsaved, step = Inputs(learner.network, _below(network), kept), 0, last
    for epoch, number, (images, labels), ends in _to_come(batches, epochs, last, learner, patience):
        learner.descent.set_rates(decay**epoch)
        latency = inputs.at(number, images)
        loss, n_right = learner.learn(latency, labels, gap, penalty)
        accuracy = None
        if ends and validation is not None:
            accuracy = learner.judge(validation, epoch)
        n_seen = len(images) + (0 if step is None else step.n_seen)
        step = GradientStep(epoch, number, len(images), n_seen, loss, n_right, accuracy)
        unsaved += 1
        if checkpoint is not None and unsaved == save_every:
            learner.save(checkpoint, step)
            unsaved = 0
        if observe is not None:
            observe(step)
    if checkpoint is not None and unsaved and step is not None:
        learner.save(checkpoint, step)
    return learner.result()


def first_to_spike(network: Network, images: Tensor, *, batch_size: int = 256) -> Tensor:
    """Class of the output that spikes first, ties by the larger potential; -1 if none spikes.

    Args:
        network: network whose last layer is a `SpikeTimeLinear`, one output a class.
        images: (image, channel, height, width) in [0, 1].
        batch_size: images at a time; does not change the result.

    Returns:
        int64 (image,).

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: no such layer, or images that do not fit.

    Source:
        Kheradpisheh and Masquelier (2020), International Journal of Neural Systems 30: 2050027.
    """
    _checked(network)
    answers = []
    with torch.no_grad():
        for part in images.split(batch_size):
            latency = network.latency(part.to(device_of(network)), network.layer_names[-2])
            answers.append(_answers(network, latency).cpu())
    return torch.cat(answers)


class _Learner:
    """A network that learns, and how."""

    about: dict[str, Any]

    def __init__(self, network: Network, optimizer: str | Optimizer, rate: float) -> None:
        self.network = network
        self._layers = _learning(network)
        self._weights = [layer.weight for layer in self._layers]
        self._optimizer = _optimizer(optimizer, self._weights, rate)
        weights = {str(index): weight for index, weight in enumerate(self._weights)}
        self.descent = Descent(self._optimizer, weights)

    def groups(self) -> list[str]:
        """What the optimizer is, for the checkpoint."""
        kind = type(self._optimizer).__name__
        groups = self._optimizer.state_dict()["param_groups"]
        return [kind, *(repr(sorted(group.items())) for group in groups)]

    def learn(
        self, latency: Tensor, labels: Tensor, gap: float, penalty: float
    ) -> tuple[float, int]:
        """Learn from a batch; gives its loss and the number of right answers before."""
        n_bins = self.network.n_bins
        times = as_times(latency, n_bins, self._weights[0].dtype)
        labels = labels.to(times.device) if isinstance(labels, Tensor) else labels
        for layer in self._layers:
            times = layer(times)
        loss = relative_target_loss(times, labels, n_bins=n_bins, gap=gap)
        self._optimizer.zero_grad()
        loss.backward()
        for weight in self._weights:
            assert weight.grad is not None
            weight.grad.add_(weight.detach(), alpha=penalty)
        self._optimizer.step()
        first, answer = times.detach().min(1)
        return loss.item(), int(((answer == labels) & (first < n_bins)).sum())

    def judge(self, validation: tuple[Tensor, Tensor], epoch: int) -> float:
        """Share of right answers; where it is the best so far, the weights are kept."""
        images, labels = validation
        right = (first_to_spike(self.network, images) == labels.cpu()).double().mean().item()
        self.descent.judge(right, epoch)
        return right

    def result(self) -> Network:
        """The network with its best weights, or the last ones where none were judged."""
        self.descent.restore_best()
        return self.network

    def save(self, path: str | Path, step: GradientStep) -> None:
        """Keep all that is needed to go on."""
        kept, tensors = self.descent.kept()
        progress = {"about": self.about, "step": dataclasses.asdict(step), **kept}
        write_network(path, self.network, progress=progress, state=tensors)

    def resume(self, path: str | Path) -> GradientStep | None:
        """Go on from a file, if it is there; gives the last step made."""
        check_folder(path)
        if not Path(path).exists():
            return None
        kept, progress, tensors = read_checkpoint(path)
        progress = check_same_run(path, progress, self.about)
        self.network.load_state_dict(kept.state_dict())
        self.descent.go_on(progress, tensors)
        return GradientStep(**progress["step"])


def _to_come(
    batches: Iterable[Any],
    epochs: int,
    last: GradientStep | None,
    learner: _Learner,
    patience: int | None,
) -> Iterator[tuple[int, int, Any, bool]]:
    """Epoch, number, batch, and whether it ends its epoch, for every batch after the last one."""
    done = (-1, -1) if last is None else (last.epoch, last.batch)
    for epoch in range(epochs):
        if learner.descent.has_stalled(epoch, patience):
            return
        if epoch < done[0] and isinstance(batches, Sequence):
            # what is no sequence may give other images in every pass, and counts its passes
            continue
        for number, batch, ends in numbered(batches, epoch):
            if (epoch, number) > done:
                yield epoch, number, _pair(batch), ends


def _pair(batch: Any) -> tuple[Tensor, Tensor]:
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise TypeError(
            f"`batches` must be pairs of images and labels; got {type(batch).__name__}; "
            "use list(zip(images.split(16), labels.split(16)))"
        )
    return batch[0], batch[1]


def _answers(network: Network, latency: Tensor) -> Tensor:
    last = _learning(network)[-1]
    spike, potential = last.fire(latency)
    found = winners(spike[..., None, None], potential[..., None, None], 1)
    return found[:, 0, 0]


def _learning(network: Network) -> list[SpikeTimeLinear]:
    """The layers that learn: from the first of that kind on, which must all be of it."""
    layers = list(network.layers.values())
    kinds = [isinstance(layer, SpikeTimeLinear) for layer in layers]
    first = kinds.index(True) if True in kinds else len(kinds)
    if first == len(kinds) or not all(kinds[first:]):
        raise ValueError(
            "`network` must end in layers of the kind SpikeTimeLinear, one or more; got "
            f"{[type(layer).__name__ for layer in layers]}"
        )
    return [layer for layer in layers if isinstance(layer, SpikeTimeLinear)]


def _below(network: Network) -> str:
    return network.layer_names[-1 - len(_learning(network))]


def _checked(network: Network) -> str:
    """Fingerprint of a network that can learn."""
    if not isinstance(network, Network):
        raise TypeError(f"`network` must be a Network; got {type(network).__name__}")
    _learning(network)
    return fingerprint(network)


def _optimizer(
    optimizer: str | Optimizer, weights: list[nn.Parameter], rate: float
) -> torch.optim.Optimizer:
    if isinstance(optimizer, str):
        if optimizer not in _OPTIMIZERS:
            raise ValueError(
                f"`optimizer` must be one of {list(_OPTIMIZERS)}, or a function from weights to a "
                f"torch.optim.Optimizer; got {optimizer!r}"
            )
        return _OPTIMIZERS[optimizer](weights, lr=rate)
    made = optimizer(weights) if callable(optimizer) else optimizer
    if not isinstance(made, torch.optim.Optimizer):
        raise TypeError(
            "`optimizer` must be a name or a function from weights to a torch.optim.Optimizer; "
            f"got {type(optimizer).__name__}"
        )
    return made


def _check_settings(
    rate: float,
    decay: float,
    penalty: float,
    validation: tuple[Tensor, Tensor] | None,
    patience: int | None,
) -> None:
    for name, value in (("rate", rate), ("decay", decay)):
        if not value > 0:
            raise ValueError(f"`{name}` must be above 0; got {value}")
    if not penalty >= 0:
        raise ValueError(f"`penalty` must be at least 0; got {penalty}")
    if patience is not None:
        check_whole("patience", patience, 1)
        if validation is None:
            raise ValueError("`validation` must be given with `patience`; got None")
    if validation is not None and (
        not isinstance(validation, (tuple, list))
        or len(validation) != 2
        or not all(isinstance(part, Tensor) for part in validation)
        or len(validation[0]) != len(validation[1])
        or len(validation[0]) == 0
    ):
        raise ValueError(
            "`validation` must be a pair of tensors, images and as many labels; got "
            f"{type(validation).__name__}"
        )
