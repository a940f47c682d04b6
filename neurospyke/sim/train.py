"""Learning: plain loops over the caller's batches that leave the network they were given alone."""

import copy
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from neurospyke.sim.encode import check_images
from neurospyke.sim.layers import SpikingConvolution, SpikingLinear
from neurospyke.sim.network import Network
from neurospyke.sim.ops.learning_step import learning_step
from neurospyke.sim.ops.spiking_linear import spiking_linear
from neurospyke.sim.ops.stdp import stdp
from neurospyke.sim.ops.winners import winners
from neurospyke.sim.plasticity import STDP

Plastic = SpikingConvolution | SpikingLinear


def learn_by_stdp(
    network: Network,
    batches: Iterable[Tensor],
    *,
    layers: Sequence[str] | None = None,
    epochs: int = 1,
    online: bool = False,
) -> Network:
    """Copy of a network whose layers have learned by STDP, one layer after another.

    A layer starts once the layers below it have finished. For each batch it fires, one map is kept
    at each position, the rule's winners are found, and their weights change. Nothing is random: the
    same network and batches give the same weights.

    Layers whose rule is None stay as they are. That holds for the reward-trained last layer of
    `mozafari2019`: it keeps its initial weights, since learning by reward is not part of this
    version.

    Args:
        network: the network; it is left unchanged.
        batches: batches of images, each (batch, 1, height, width) in [0, 1], gone through once a
            layer and epoch, for example `images.split(64)`.
        layers: names of the layers to train, each with a rule; None trains all that have one.
        epochs: passes over the batches for each layer, at least 1.
        online: False finds the winners of a batch with the weights at its start; True goes image by
            image, each with the weights that the one before has left, as if batches held one
            image each.

    Returns:
        The trained copy.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: nothing to train, no batches, batches that can be gone through only once where
            more passes are needed, or images outside [0, 1].

    Source:
        Kheradpisheh et al. (2018), Neural Networks 99: 56-67 (layer by layer, winners only).
    """
    names = _plastic_names(network, layers)
    _check_batches(batches, len(names), epochs)
    learned = copy.deepcopy(network)
    with torch.no_grad():
        for name in names:
            _learn_layer(learned, name, batches, epochs, online)
    return learned


def _learn_layer(
    network: Network, name: str, batches: Iterable[Tensor], epochs: int, online: bool
) -> None:
    layer = network.layers[name]
    assert isinstance(layer, Plastic)
    below = network.layer_names[network.layer_names.index(name) - 1]
    n_seen = 0
    for epoch in range(epochs):
        seen_before = n_seen
        for images in batches:
            check_images(images)
            latency = network.latency(images.to(layer.weight.device), below)
            for part in _same_rates(layer, latency, n_seen) if online else [latency]:
                layer.weight.copy_(_learned_weight(layer, part, n_seen, online))
                n_seen += len(part)
        if n_seen == seen_before:
            raise ValueError(
                f"`batches` must give at least one batch in every pass; got none in pass "
                f"{epoch + 1} over {name!r}"
            )


def _same_rates(layer: Plastic, latency: Tensor, n_seen: int) -> Iterator[Tensor]:
    """Parts of a batch within which the schedule does not change the learning rates."""
    rule = layer.rule
    assert isinstance(rule, STDP)
    every = rule.schedule.every if rule.schedule else len(latency) + 1
    first = every - n_seen % every if rule.schedule else len(latency)
    yield latency[:first]
    yield from (part for part in latency[first:].split(every) if len(part))


def _learned_weight(layer: Plastic, latency_in: Tensor, n_seen: int, online: bool) -> Tensor:
    """Weights after one batch: fire, compete, and let the winners learn."""
    rule = layer.rule
    assert isinstance(rule, STDP)
    settings = {
        "n_bins": layer.n_bins,
        "k": rule.n_winners,
        "radius": rule.radius,
        "lower": rule.lower,
        "upper": rule.upper,
        "stabilizer": rule.stabilizer,
        "clamp": rule.clamp,
    }
    if isinstance(layer, SpikingConvolution):
        weight: Tensor = layer.weight
        settings |= {"stride": layer.stride, "padding": layer.padding}
        return learning_step(
            weight, latency_in, layer.threshold, *rule.rates(n_seen), **settings, online=online
        )[0]
    return _learned_linear(layer, latency_in, rule, n_seen, online)


def _learned_linear(
    layer: SpikingLinear, latency_in: Tensor, rule: STDP, n_seen: int, online: bool
) -> Tensor:
    """The same without competition at a position: every unit has a place of its own."""
    weight: Tensor = layer.weight[..., None, None]
    for part in latency_in.flatten(1).split(1 if online else max(len(latency_in), 1)):
        latency, potential = spiking_linear(
            part, weight[..., 0, 0], layer.threshold, n_bins=layer.n_bins
        )
        spikes, drive = latency[..., None, None], potential[..., None, None]
        weight = stdp(
            weight,
            part[..., None, None],
            spikes,
            winners(spikes, drive, rule.n_winners, radius=rule.radius),
            *rule.rates(n_seen),
            lower=rule.lower,
            upper=rule.upper,
            stabilizer=rule.stabilizer,
            clamp="all" if rule.clamp == "all" else "winners",
        )
    return weight.view_as(layer.weight)


def _plastic_names(network: Network, layers: Sequence[str] | None) -> list[str]:
    if not isinstance(network, Network):
        raise TypeError(f"`network` must be a Network; got {type(network).__name__}")
    rules = {name: getattr(layer, "rule", None) for name, layer in network.layers.items()}
    plastic = [name for name, rule in rules.items() if rule is not None]
    if isinstance(layers, str):
        raise TypeError(f"`layers` must be a sequence of names; got {layers!r}; use [{layers!r}]")
    wrong = [name for name in layers or () if name not in plastic]
    chosen = plastic if layers is None else [name for name in plastic if name in layers]
    if wrong or not chosen:
        raise ValueError(
            f"`layers` must name layers that have a rule, here {plastic}; "
            f"got {wrong or layers}; give them a rule or leave them out"
        )
    for name in chosen:
        if not isinstance(rules[name], STDP) or not isinstance(network.layers[name], Plastic):
            raise TypeError(
                f"`network` must have STDP rules on convolutions and linear layers only; got "
                f"{type(rules[name]).__name__} on {type(network.layers[name]).__name__} {name!r}"
            )
    return chosen


def _check_batches(batches: Iterable[Tensor], n_layers: int, epochs: int) -> None:
    if not isinstance(epochs, int) or isinstance(epochs, bool) or epochs < 1:
        raise ValueError(f"`epochs` must be a whole number from 1 up; got {epochs!r}")
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
