"""Learning: verbs that go through batches and leave the network given to them alone."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from neurospyke.sim.course import Course, LearningStep, Observer
from neurospyke.sim.network import Network
from neurospyke.sim.plasticity import STDP
from neurospyke.sim.reward import RewardSTDP
from neurospyke.sim.update import Decisions, Plastic, decided, update_by_reward, update_by_stdp
from neurospyke.sim.whole import check_whole


def learn_by_stdp(  # noqa: PLR0913 - what to learn from, how, and where to keep it
    network: Network,
    batches: Iterable[Tensor],
    *,
    layers: Sequence[str] | None = None,
    epochs: int = 1,
    online: bool = False,
    until: float | None = None,
    observe: Observer | None = None,
    checkpoint: str | Path | None = None,
    save_every: int = 100,
    max_bytes: int = 2 * 2**30,
) -> Network:
    """Copy of a network whose layers have learned by STDP, one layer after another.

    A layer starts once the layers below it have finished. For each batch it fires, one map is kept
    at each position, the rule's winners are found, and their weights change. Nothing is random: the
    same network and batches give the same weights.

    Layers with another rule, or none, stay as they are: that of `mozafari2019` which learns by
    reward is trained by `learn_by_reward`.

    Args:
        network: the network; it is left unchanged.
        batches: batches of images, each (batch, 1, height, width) in [0, 1], gone through once a
            layer and epoch, for example `images.split(64)`.
        layers: names of the layers to train, each with a rule; None trains all that have one.
        epochs: passes over the batches for each layer, at least 1.
        online: False finds the winners of a batch with the weights at its start; True goes image by
            image, each with the weights that the one before has left, as if batches held one
            image each.
        until: stop a layer once its `convergence` has fallen below this, such as 0.01; None goes
            through all epochs.
        observe: called with a `LearningStep` after each batch, to follow or to draw progress.
        checkpoint: a file to write the network to, and to go on from if it is there. An
            interrupted run, started again with the same arguments, ends with the same weights. One
            that is killed while it writes leaves a hidden file beside it, which can be deleted.
        save_every: batches between two checkpoints.
        max_bytes: memory for the input latencies of a layer, kept from one epoch to the next when
            `batches` is a sequence. Memory does not change the result.

    Returns:
        The trained copy.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: nothing to train, no batches, batches that can be gone through only once where
            more passes are needed, images outside [0, 1], or a checkpoint of another run.

    Source:
        Kheradpisheh et al. (2018), Neural Networks 99: 56-67 (layer by layer, winners only).
    """
    names = _plastic_names(network, layers, STDP)
    settings = {"learn": "by_stdp", "layers": names, "epochs": epochs, "online": online}
    course = Course(
        network,
        names,
        batches,
        epochs,
        {**settings, "until": until},
        until=until,
        observe=observe,
        checkpoint=checkpoint,
        save_every=save_every,
        max_bytes=max_bytes,
    )

    def learn_batch(
        layer: Plastic, latency: Tensor, labels: Tensor | None, before: LearningStep
    ) -> tuple[Tensor, None]:
        if labels is not None:
            raise TypeError(
                "`batches` must be batches of images; got images with labels; leave labels out"
            )
        return update_by_stdp(layer, latency, before.n_seen, online), None

    return course.learn(learn_batch)


def learn_by_reward(  # noqa: PLR0913
    network: Network,
    batches: Iterable[tuple[Tensor, Tensor]],
    *,
    layer: str | None = None,
    epochs: int = 1,
    seed: int = 0,
    observe: Observer | None = None,
    checkpoint: str | Path | None = None,
    save_every: int = 100,
    max_bytes: int = 2 * 2**30,
) -> Network:
    """Copy of a network whose deciding layer has learned by reward and punishment.

    For each image, in order, the layer's first neuron to spike decides for the class of its map
    (see `RewardSTDP`) and learns: by reward if it is right, by punishment if it is wrong. Rates
    follow the performance in the batch before, so the batch size counts.

    Args:
        network: the network; it is left unchanged, and its other layers do not learn.
        batches: pairs of images (batch, 1, height, width) in [0, 1] and labels (batch,), int64
            from 0 up, for example `list(zip(images.split(1000), labels.split(1000)))`.
        layer: name of the layer; None takes the only one that has a `RewardSTDP` rule.
        epochs: passes over the batches, at least 1.
        seed: of the maps that drop out, where the rule has dropout; from 0 up.
        observe: called with a `LearningStep` after each batch; its `decisions` count right, wrong
            and missing ones, made while learning.
        checkpoint: a file to write the network to, and to go on from if it is there; see
            `learn_by_stdp`.
        save_every: batches between two checkpoints.
        max_bytes: memory for the layer's input latencies, kept from one epoch to the next when
            `batches` is a sequence. Memory does not change the result.

    Returns:
        The trained copy.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: no such layer, no batches, labels that do not fit, or a checkpoint of another
            run.

    Source:
        Mozafari et al. (2018), IEEE Transactions on Neural Networks and Learning Systems 29:
        6178-6190; Mozafari et al. (2019), Pattern Recognition 94: 87-95.
    """
    name = _deciding_layer(network, layer)
    check_whole("seed", seed, 0)
    settings = {"learn": "by_reward", "layers": [name], "epochs": epochs, "seed": seed}
    course = Course(
        network,
        [name],
        batches,
        epochs,
        settings,
        observe=observe,
        checkpoint=checkpoint,
        save_every=save_every,
        max_bytes=max_bytes,
    )

    def learn_batch(
        layer: Plastic, latency: Tensor, labels: Tensor | None, before: LearningStep
    ) -> tuple[Tensor, Decisions]:
        if labels is None:
            raise TypeError(
                "`batches` must be pairs of images and labels; got images alone; "
                "use list(zip(images.split(64), labels.split(64)))"
            )
        performance = before.decisions or Decisions()
        return update_by_reward(layer, latency, labels, performance, (seed, before.n_seen))

    return course.learn(learn_batch)


def decide(
    network: Network, images: Tensor, *, layer: str | None = None, batch_size: int = 256
) -> Tensor:
    """Class for which a network decides: that of the first neuron to spike, -1 if none does.

    Args:
        network: network with a layer that learns by reward.
        images: (image, 1, height, width) in [0, 1].
        layer: name of that layer; None takes the only one.
        batch_size: images at a time; does not change the result.

    Returns:
        int64 (image,).

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: no such layer, or images that do not fit.

    Source:
        Mozafari et al. (2018), IEEE Transactions on Neural Networks and Learning Systems 29:
        6178-6190.
    """
    name = _deciding_layer(network, layer)
    below = network.layer_names[network.layer_names.index(name) - 1]
    deciding = network.layers[name]
    assert isinstance(deciding, Plastic)
    device, decisions = deciding.weight.device, []
    with torch.no_grad():
        for part in images.split(batch_size):
            latency = network.latency(part.to(device), below)
            decisions.append(decided(deciding, latency).cpu())
    return torch.cat(decisions)


def _plastic_names(network: Network, layers: Sequence[str] | None, kind: type) -> list[str]:
    if not isinstance(network, Network):
        raise TypeError(f"`network` must be a Network; got {type(network).__name__}")
    rules = {name: getattr(layer, "rule", None) for name, layer in network.layers.items()}
    for name, rule in rules.items():
        if not isinstance(rule, STDP | RewardSTDP | None):
            raise TypeError(
                "`network` must have rules of the kind STDP or RewardSTDP; "
                f"got {type(rule).__name__} on {name!r}"
            )
    plastic = [name for name, rule in rules.items() if isinstance(rule, kind)]
    if isinstance(layers, str):
        raise TypeError(f"`layers` must be a sequence of names; got {layers!r}; use [{layers!r}]")
    wrong = [name for name in layers or () if name not in plastic]
    chosen = plastic if layers is None else [name for name in plastic if name in layers]
    if wrong or not chosen:
        raise ValueError(
            f"`layers` must name layers with a rule of the kind {kind.__name__}, here {plastic}; "
            f"got {wrong or layers}; give them a rule or leave them out"
        )
    for name in chosen:
        if not isinstance(network.layers[name], Plastic):
            raise TypeError(
                "`network` must have rules on convolutions and linear layers only; got one on "
                f"{type(network.layers[name]).__name__} {name!r}"
            )
    return chosen


def _deciding_layer(network: Network, layer: str | None) -> str:
    names = _plastic_names(network, None if layer is None else [layer], RewardSTDP)
    if len(names) > 1:
        raise ValueError(f"`layer` must say which of {names} decides; got None")
    return names[0]
