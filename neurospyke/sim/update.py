"""How one batch changes a layer: who wins, what the winners learn, what thresholds follow."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurospyke.sim.layers import SpikingConvolution, SpikingLinear
from neurospyke.sim.ops.inhibited_convolution import inhibited_convolution
from neurospyke.sim.ops.learning_step import learning_step
from neurospyke.sim.ops.spiking_linear import spiking_linear
from neurospyke.sim.ops.stdp import stdp
from neurospyke.sim.ops.winners import unit_winners, winners
from neurospyke.sim.plasticity import STDP, PerMap
from neurospyke.sim.reward import RewardSTDP

Plastic = SpikingConvolution | SpikingLinear


def unspiking(layer: Plastic) -> Plastic:
    """Copy of a layer whose neurons never spike, to see what their potentials come to."""
    copied = copy.deepcopy(layer)
    copied.threshold = None
    return copied


@dataclass(frozen=True)
class Decisions:
    """How often a layer that decides was right, wrong, and without an answer in a batch."""

    n_right: int = 0
    n_wrong: int = 0
    n_silent: int = 0


def update_by_stdp(layer: Plastic, latency: Tensor, n_seen: int, online: bool) -> Tensor:
    """Change a layer's weights by STDP, and its thresholds where they follow.

    Args:
        layer: the layer, with an `STDP` rule.
        latency: uint8 (batch, ...), the layer's input.
        n_seen: samples that the layer has learned from before.
        online: True finds the winners of each sample with the weights that the one before has left.

    Returns:
        The winners, int64 (batch, k, 3), rows (map, row, column), -1 for none.
    """
    found = []
    for part in _parts(layer, latency, n_seen, online):
        found.append(_learn(layer, part, n_seen, online))
        n_seen += len(part)
    return torch.cat(found)


def update_by_reward(
    layer: Plastic, latency: Tensor, labels: Tensor, before: Decisions, seed: tuple[int, ...]
) -> tuple[Tensor, Decisions]:
    """Change a layer's weights by reward and punishment, one sample after another.

    Args:
        layer: the layer, with a `RewardSTDP` rule.
        latency: uint8 (batch, ...), the layer's input.
        labels: integers (batch,), classes from 0 up.
        before: performance in the batch before, which scales the rates.
        seed: of the maps that drop out.

    Returns:
        The winners, int64 (batch, 1, 3), and the decisions that they made.

    Raises:
        TypeError: `labels` is not an integer tensor.
        ValueError: `labels` do not fit the batch or the classes.
    """
    rule = layer.rule
    assert isinstance(rule, RewardSTDP)
    classes = rule.classes(len(layer.weight)).to(layer.weight.device)
    labels = _check_labels(labels, len(latency), rule.n_classes).to(classes.device)
    reward, punishment = rule.rates(
        n_right=before.n_right, n_wrong=before.n_wrong, n_silent=before.n_silent
    )
    right = labels[:, None] == classes
    rates = [
        torch.where(right, rewarded, punished).to(layer.weight.dtype)
        for rewarded, punished in zip(reward, punishment, strict=True)
    ]
    dropped = _dropped(len(classes), rule.dropout, seed).to(classes.device).view(-1, 1, 1, 1)
    old = _as_convolution(layer)
    # a map without weights never spikes, and one that does not win does not change
    learned, found = learning_step(
        old.masked_fill(dropped, 0),
        _as_maps(layer, latency),
        layer.threshold,
        *rates,
        n_bins=layer.n_bins,
        k=1,
        lower=rule.lower,
        upper=rule.upper,
        stabilizer=rule.stabilizer,
        clamp="all" if rule.clamp == "all" else "winners",
        online=True,
        **_geometry(layer),
    )
    layer.weight.copy_(torch.where(dropped, old, learned).view_as(layer.weight))
    answers = _classes_of(found, classes)
    n_right, n_silent = int((answers == labels).sum()), int((answers < 0).sum())
    return found, Decisions(n_right, len(labels) - n_right - n_silent, n_silent)


def decided(layer: Plastic, latency: Tensor) -> Tensor:
    """Class of the first neuron to spike.

    Args:
        layer: the layer, with a `RewardSTDP` rule.
        latency: uint8 (batch, ...), the layer's input.

    Returns:
        int64 (batch,), -1 where no neuron spikes.
    """
    assert isinstance(layer.rule, RewardSTDP)
    first, maps, potential = inhibited_convolution(
        _as_maps(layer, latency),
        _as_convolution(layer),
        layer.threshold,
        n_bins=layer.n_bins,
        **_geometry(layer),
    )
    classes = layer.rule.classes(len(layer.weight)).to(first.device)
    return _classes_of(winners(first, potential, 1, maps=maps), classes)


def _parts(layer: Plastic, latency: Tensor, n_seen: int, online: bool) -> Iterator[Tensor]:
    """Parts of a batch that one call may learn from, because rates and thresholds stay."""
    rule = layer.rule
    assert isinstance(rule, STDP)
    if online and rule.homeostasis is not None:
        yield from latency.split(1)
    elif online and rule.schedule is not None:
        first = rule.schedule.every - n_seen % rule.schedule.every
        yield latency[:first]
        yield from (part for part in latency[first:].split(rule.schedule.every) if len(part))
    else:
        yield latency


def _learn(layer: Plastic, latency: Tensor, n_seen: int, online: bool) -> Tensor:
    rule = layer.rule
    assert isinstance(rule, STDP)
    rates = [_table(rate, layer) for rate in rule.rates(n_seen)]
    window = rule.window(layer.n_bins)
    settings: dict[str, Any] = {
        "lower": _table(rule.lower, layer),
        "upper": _table(rule.upper, layer),
        "window": None if window is None else window.to(layer.weight.device),
        "stabilizer": rule.stabilizer,
        "clamp": rule.clamp,
    }
    if isinstance(layer, SpikingLinear) or rule.homeostasis is not None:
        parts = latency.split(1 if online else max(len(latency), 1))
        return torch.cat([_learn_in_turn(layer, part, rates, settings) for part in parts])
    weight, found = learning_step(
        layer.weight,
        latency,
        layer.threshold,
        *rates,
        n_bins=layer.n_bins,
        k=rule.n_winners,
        radius=rule.radius,
        online=online,
        **_geometry(layer),
        **settings,
    )
    layer.weight.copy_(weight)
    return found


def _learn_in_turn(
    layer: Plastic, latency: Tensor, rates: list[float | Tensor], settings: dict[str, Any]
) -> Tensor:
    """The same part by part, for linear layers and where thresholds follow at the end."""
    rule = layer.rule
    assert isinstance(rule, STDP)
    weight, inputs = _as_convolution(layer), _as_maps(layer, latency)
    if isinstance(layer, SpikingLinear):
        first, potential = spiking_linear(
            inputs[..., 0, 0], layer.weight, layer.threshold, n_bins=layer.n_bins
        )
        found = unit_winners(first, potential, rule.n_winners, radius=rule.radius)
        first = first[..., None, None]
    else:
        first, maps, potential = inhibited_convolution(
            inputs, weight, layer.threshold, n_bins=layer.n_bins, **_geometry(layer)
        )
        found = winners(first, potential, rule.n_winners, radius=rule.radius, maps=maps)
    new = stdp(weight, inputs, first, found, *rates, **_geometry(layer), **settings)
    layer.weight.copy_(new.view_as(layer.weight))
    if rule.homeostasis is not None and layer.threshold is not None:
        bins = _bins_of(found, first)
        layer.threshold.copy_(
            rule.homeostasis.thresholds(layer.threshold, found, bins, layer.n_bins)
        )
    return found


def _bins_of(found: Tensor, first: Tensor) -> Tensor:
    """Time bins of the winners' spikes; of no winner, anything."""
    row = found.clamp(min=0)
    samples = torch.arange(len(found), device=found.device)[:, None]
    owner = row[..., 0] if first.shape[1] > 1 else torch.zeros_like(row[..., 0])
    return first[samples, owner, row[..., 1], row[..., 2]]


def _as_convolution(layer: Plastic) -> Tensor:
    """Weights (map, channel, height, width); those of a linear layer have windows of one input."""
    return layer.weight if layer.weight.ndim == 4 else layer.weight[..., None, None]


def _as_maps(layer: Plastic, latency: Tensor) -> Tensor:
    return latency if layer.weight.ndim == 4 else latency.flatten(1)[..., None, None]


def _geometry(layer: Plastic) -> dict[str, Any]:
    if isinstance(layer, SpikingLinear):
        return {}
    return {"stride": layer.stride, "padding": layer.padding}


def _table(value: PerMap, layer: Plastic) -> float | Tensor:
    return layer.weight.new_tensor(value) if isinstance(value, tuple) else value


def _classes_of(found: Tensor, classes: Tensor) -> Tensor:
    first = found[:, 0, 0]
    return torch.where(first < 0, -1, classes[first.clamp(min=0)])


def _dropped(n_maps: int, share: float, seed: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random(n_maps) < share)


def _check_labels(labels: Tensor, n_samples: int, n_classes: int) -> Tensor:
    whole = {torch.int64, torch.int32, torch.uint8}
    if not isinstance(labels, Tensor) or labels.dtype not in whole:
        kind = labels.dtype if isinstance(labels, Tensor) else type(labels).__name__
        raise TypeError(
            f"`batches` must be pairs of images and integer labels; got labels of type {kind}; "
            "use list(zip(images.split(64), labels.split(64)))"
        )
    if labels.shape != (n_samples,):
        raise ValueError(
            f"`batches` must have one label an image, shape ({n_samples},); "
            f"got {tuple(labels.shape)}"
        )
    if len(labels) and not (labels.min() >= 0 and labels.max() < n_classes):
        raise ValueError(
            f"`batches` must have labels from 0 to {n_classes - 1}; "
            f"got {int(labels.min())} to {int(labels.max())}"
        )
    return labels.long()
