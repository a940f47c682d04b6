"""Learning by backpropagation through time, whole or truncated, of networks over streams.

    whole        one gradient for a course, of all its steps
    truncated    one after every K steps, of those steps; states pass on without a gradient, and
                 what the read-out has gathered is counted from the start

The weights that are given back are those of the epoch with the best accuracy on *validation* data.
The code published with these networks keeps the epoch with the best accuracy on its test set, which
makes test accuracy an optimistic figure.

Source: Yin, Corradi and Bohte (2021), Nature Machine Intelligence 3: 905-913; truncation as in
Williams and Peng (1990), Neural Computation 2: 490-501.
"""

import copy
import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neurospyke.sim.course import check_folder, check_same_run, checksum
from neurospyke.sim.descent import Descent, Optimizer, numbered
from neurospyke.sim.readout import readout_loss
from neurospyke.sim.stream import StreamNetwork, detached
from neurospyke.sim.stream_file import read_stream_network, write_stream_network
from neurospyke.sim.whole import check_whole

Epochs = Callable[[int], Iterable[tuple[Tensor, Tensor]]]
_OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamax": torch.optim.Adamax,
    "sgd": torch.optim.SGD,
}


@dataclass(frozen=True)
class StreamStep:
    """One batch that a network has learned from.

    Args:
        epoch: pass over the batches, from 0.
        batch: number of the batch in its pass, from 0.
        loss: of the batch, before it was learned; the sum of its chunks' where truncated.
        norm: length of the gradient before clipping, the largest of its chunks'.
        accuracy: on the validation data, after the last batch of a pass.
    """

    epoch: int
    batch: int
    loss: float
    norm: float
    accuracy: float | None = None


def shuffled(inputs: Tensor, labels: Tensor, *, batch_size: int, seed: int) -> Epochs:
    """Batches of every epoch in another order, the same for the same seed.

    Args:
        inputs: (time, sample, channel).
        labels: (time, sample) or (sample,).
        batch_size: samples in a batch; the last may have fewer.
        seed: of the orders.

    Returns:
        Function from the number of an epoch to its batches of inputs and labels.

    Raises:
        ValueError: as many labels as samples are wanted, and `batch_size` from 1 up.

    Example:
        >>> epochs = shuffled(torch.zeros(5, 3, 1), torch.arange(3), batch_size=2, seed=0)
        >>> [len(labels) for _, labels in epochs(0)]
        [2, 1]
    """
    check_whole("batch_size", batch_size, 1)
    if inputs.ndim != 3 or labels.ndim not in {1, 2} or labels.shape[-1] != inputs.shape[1]:
        raise ValueError(
            "`labels` must have one for each sample of `inputs` (time, sample, channel); got "
            f"shapes {tuple(labels.shape)} and {tuple(inputs.shape)}"
        )

    def batches(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(_mixed(seed, epoch))
        order = torch.randperm(inputs.shape[1], generator=generator)
        for part in order.split(batch_size):
            yield inputs[:, part], labels[..., part]

    return batches


def learn_through_time(  # noqa: PLR0913 - what to learn from, how, and where to keep it
    network: StreamNetwork,
    batches: Epochs,
    *,
    validation: tuple[Tensor, Tensor],
    epochs: int,
    optimizer: str | Optimizer = "adam",
    rate: float = 0.01,
    schedule: Callable[[int], float] | None = None,
    factors: dict[str, float] | None = None,
    steps: int | None = None,
    clip: float | None = None,
    patience: int | None = None,
    random_start: bool = True,
    seed: int = 0,
    observe: Callable[[StreamStep], object] | None = None,
    checkpoint: str | Path | None = None,
    save_every: int = 50,
) -> StreamNetwork:
    """Copy of a network that has learned by backpropagation through time.

    Args:
        network: the network; it is left unchanged.
        batches: function from the number of an epoch to its batches: inputs (time, batch, channel)
            and int64 labels, (time, batch) where each step has an answer (or (frame, batch), see
            `StreamNetwork.answer_shape`), else (batch,). It must give the same for the same
            number; see `shuffled`.
        validation: inputs and labels that are in no batch; accuracy on them chooses the epoch.
        epochs: passes, at least 1.
        optimizer: "adam", "adamax" or "sgd", or a function from the parameters to a
            torch.optim.Optimizer.
        rate: step width of an optimizer given by name, above 0.
        schedule: factor on the step width in each epoch, by its number; constant if None.
        factors: factor on the step width of parameters whose name ends so, for example
            {"log_tau_membrane": 2.0}; only for optimizers given by name.
        steps: truncate after so many steps; None goes back through the whole course.
        clip: greatest length of the gradient; longer ones are shortened to it. None keeps them.
        patience: stop after so many epochs without better validation; None goes through all.
        random_start: True draws states before each batch as the layers' `initial` says; False
            starts from zero.
        seed: of random starts.
        observe: called with a `StreamStep` after each batch.
        checkpoint: a file to write to, and to go on from if it is there. An interrupted run,
            started again with the same arguments, ends with the same weights, bit for bit. One
            that is killed while it writes leaves a hidden file beside it, which can be deleted.
        save_every: batches between two checkpoints.

    Returns:
        The trained copy, with the weights of the best epoch on `validation`.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: labels or inputs that do not fit, a number out of range, or a checkpoint of
            another run.
        FloatingPointError: a loss or gradient that is not finite; nothing was learned from it.

    Source:
        Yin, Corradi and Bohte (2021), Nature Machine Intelligence 3: 905-913.
    """
    check_whole("epochs", epochs, 1)
    check_whole("save_every", save_every, 1)
    _check(network, rate, steps, clip, patience)
    _check_data(network, batches, validation)
    rates = _rates(schedule, epochs)
    learner = _Learner(copy.deepcopy(network), _optimizer(network, optimizer, rate, factors))
    learner.about = {
        "learn": "through_time",
        "optimizer": optimizer if isinstance(optimizer, str) else None,
        "rate": rate,
        "factors": factors,
        "rates": rates,
        "steps": steps,
        "clip": clip,
        "patience": patience,
        "random_start": random_start,
        "seed": seed,
        "network": checksum(network.parameters()),
        "validation": checksum(validation),
    }
    last = None if checkpoint is None else learner.resume(checkpoint)
    unsaved, step = 0, last
    for epoch, number, batch, ends in _to_come(batches, epochs, last, learner, patience):
        learner.descent.set_rates(rates[epoch])
        drawn = torch.Generator().manual_seed(_mixed(seed, epoch, number))
        loss, norm = learner.learn(batch, steps, clip, drawn if random_start else None)
        accuracy = learner.judge(validation, epoch) if ends else None
        step = StreamStep(epoch, number, loss, norm, accuracy)
        unsaved += 1
        if checkpoint is not None and unsaved == save_every:
            learner.save(checkpoint, step)
            unsaved = 0
        if observe is not None:
            observe(step)
    if checkpoint is not None and unsaved and step is not None:
        learner.save(checkpoint, step)
    return learner.result()


class _Learner:
    """A network that learns, and how."""

    about: dict[str, Any]

    def __init__(
        self, network: StreamNetwork, make: Callable[[StreamNetwork], torch.optim.Optimizer]
    ) -> None:
        self.network = network
        self.descent = Descent(make(network), network.state_dict())

    def learn(
        self,
        batch: tuple[Tensor, Tensor],
        steps: int | None,
        clip: float | None,
        generator: torch.Generator | None,
    ) -> tuple[float, float]:
        """Learn from a batch; gives its loss and the length of its gradient."""
        inputs, labels = batch
        network, each = self.network, self.network.readout == "membrane"
        network.check_course(inputs, labels)
        states, gathered, seen = network.start(inputs.shape[1], generator), None, 0
        total, longest = 0.0, 0.0
        for part in inputs.split(steps or len(inputs)):
            out = network(part, states)
            states = detached(out.states)
            seen += len(out.scans[network.layer_names[-1]].spikes)
            if not out.evidence.numel() or seen <= network.skip:
                continue  # steps that do not count
            evidence, wanted = out.evidence, labels
            if each:
                wanted = labels[seen - len(evidence) : seen]
            elif gathered is not None:
                evidence = evidence + gathered
            gathered = None if each else evidence.detach()
            scale = seen - network.skip if network.readout == "mean" else 1
            loss = readout_loss(evidence / scale, wanted)
            longest = max(longest, self._descend(loss, clip))
            total += loss.item()
        return total, longest

    def _descend(self, loss: Tensor, clip: float | None) -> float:
        self.descent.optimizer.zero_grad()
        loss.backward()
        parameters = [each for each in self.network.parameters() if each.grad is not None]
        norm = nn.utils.clip_grad_norm_(parameters, math.inf if clip is None else clip).item()
        if not math.isfinite(norm) or not math.isfinite(loss.item()):
            raise FloatingPointError(
                f"the loss, {loss.item()}, and its gradient, of length {norm}, must be finite; "
                "lower `rate`, or set `clip`"
            )
        self.descent.optimizer.step()
        return norm

    def judge(self, validation: tuple[Tensor, Tensor], epoch: int) -> float:
        """Accuracy on the validation data; where it is the best so far, weights are kept."""
        accuracy = self.network.accuracy(*validation)
        self.descent.judge(accuracy, epoch)
        return accuracy

    def result(self) -> StreamNetwork:
        """The network with its best weights."""
        self.descent.restore_best()
        return self.network

    def save(self, path: str | Path, step: StreamStep) -> None:
        """Keep all that is needed to go on."""
        kept, tensors = self.descent.kept()
        progress = {"about": self.about, "step": dataclasses.asdict(step), **kept}
        write_stream_network(path, self.network, progress=progress, state=tensors)

    def resume(self, path: str | Path) -> StreamStep | None:
        """Go on from a file, if it is there; gives the last step made."""
        check_folder(path)
        if not Path(path).exists():
            return None
        kept, progress, tensors = read_stream_network(path)
        progress = check_same_run(path, progress, self.about)
        self.network.load_state_dict(kept.state_dict())
        self.descent.go_on(progress, tensors)
        return StreamStep(**progress["step"])


def _optimizer(
    network: StreamNetwork,
    optimizer: str | Optimizer,
    rate: float,
    factors: dict[str, float] | None,
) -> Callable[[StreamNetwork], torch.optim.Optimizer]:
    _check_factors(network, optimizer, factors or {})
    if isinstance(optimizer, str) and optimizer not in _OPTIMIZERS:
        raise ValueError(
            f"`optimizer` must be one of {list(_OPTIMIZERS)}, or a function from parameters to a "
            f"torch.optim.Optimizer; got {optimizer!r}"
        )

    def make(learning: StreamNetwork) -> torch.optim.Optimizer:
        if not isinstance(optimizer, str):
            return optimizer(list(learning.parameters()))
        groups = []
        for name, parameter in learning.named_parameters():
            factor = math.prod(f for end, f in (factors or {}).items() if name.endswith(end))
            groups.append({"params": [parameter], "lr": rate * factor})
        return _OPTIMIZERS[optimizer](groups, lr=rate)

    return make


def _check_factors(
    network: StreamNetwork, optimizer: str | Optimizer, factors: dict[str, float]
) -> None:
    names = [name for name, _ in network.named_parameters()]
    if factors and not isinstance(optimizer, str):
        raise ValueError("`factors` must be None where `optimizer` is a function; set them there")
    for ending, factor in factors.items():
        if not 0 <= factor < math.inf:
            raise ValueError(f"`factors` must be finite, from 0 up; got {factor} for {ending!r}")
        if not any(name.endswith(ending) for name in names):
            raise ValueError(f"`factors` must name ends of {names}; got {ending!r}")


def _to_come(
    batches: Epochs,
    epochs: int,
    last: StreamStep | None,
    learner: _Learner,
    patience: int | None,
) -> Iterator[tuple[int, int, tuple[Tensor, Tensor], bool]]:
    """Epoch, number, batch, and whether it is the last of its epoch; none that are learned."""
    for epoch in range(0 if last is None else last.epoch, epochs):
        if learner.descent.has_stalled(epoch, patience):
            return
        for number, batch, ends in numbered(batches(epoch), epoch):
            if last is None or (epoch, number) > (last.epoch, last.batch):
                yield epoch, number, batch, ends


def _mixed(*numbers: int) -> int:
    """One seed of several numbers."""
    mixed = 0
    for number in numbers:
        mixed = (mixed * 1_000_003 + number) % 2**63
    return mixed


def _rates(schedule: Callable[[int], float] | None, epochs: int) -> list[float]:
    rates = [1.0 if schedule is None else schedule(epoch) for epoch in range(epochs)]
    for epoch, rate in enumerate(rates):
        if not 0 <= rate < math.inf:
            raise ValueError(
                f"`schedule` must give finite factors from 0 up; got {rate} for epoch {epoch}"
            )
    return rates


def _check_data(network: StreamNetwork, batches: Epochs, validation: tuple[Tensor, Tensor]) -> None:
    if not callable(batches):
        raise TypeError(
            "`batches` must be a function from the number of an epoch to its batches, see "
            f"`shuffled`; got {type(batches).__name__}"
        )
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise TypeError(f"`validation` must be inputs and labels; got {type(validation).__name__}")
    try:
        network.check_course(*validation)
        network.decide(validation[0][:, :1])
    except (TypeError, ValueError) as error:
        raise type(error)(f"`validation` must fit the network: {error}") from error


def _check(
    network: StreamNetwork,
    rate: float,
    steps: int | None,
    clip: float | None,
    patience: int | None,
) -> None:
    if not isinstance(network, StreamNetwork):
        raise TypeError(f"`network` must be a StreamNetwork; got {type(network).__name__}")
    for name, value in (("rate", rate), ("clip", clip)):
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"`{name}` must be above 0 and finite; got {value}")
    for name, value in (("steps", steps), ("patience", patience)):
        if value is not None:
            check_whole(name, value, 1)
    if steps is not None and network.bidirectional:
        raise ValueError(
            "`steps` must be None for a bidirectional layer, which needs a course whole; "
            f"got {steps}"
        )
