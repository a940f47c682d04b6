"""What every layer of a network does with images: spikes, winners and potentials, counted.

Images go through in batches and only counts are kept, so that memory does not grow with them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from neurospyke.sim.intensity import check_images
from neurospyke.sim.latency import SILENT
from neurospyke.sim.layers import SpikingConvolution, SpikingLinear
from neurospyke.sim.network import Network
from neurospyke.sim.ops.pointwise_inhibition import pointwise_inhibition
from neurospyke.sim.ops.winners import unit_winners, winners
from neurospyke.sim.plasticity import STDP
from neurospyke.sim.update import Plastic, unspiking
from neurospyke.sim.whole import check_whole

_HALF = 16  # bits of a float32 that one pass decides


class Ranking:
    """Counts that give the value of a rank among many float32, exactly, in two passes over them.

    Values from 0 up have the order of their bits, read as whole numbers. The first pass counts the
    upper half of the bits, the second the lower half where the upper one is that of the rank.

    Example:
        >>> ranking, values = Ranking(), torch.tensor([0.0, 7.0, 3.5, 3.0])
        >>> ranking.add(values)
        >>> ranking.seek(1)
        >>> ranking.refine(values)
        >>> ranking.value()
        3.5
    """

    def __init__(self) -> None:
        self.n = 0
        self._greatest = 0.0
        self._upper = torch.zeros(2 ** (31 - _HALF), dtype=torch.int64)
        self._lower = torch.zeros(2**_HALF, dtype=torch.int64)
        self._sought = 0
        self._rank = 0

    def add(self, values: Tensor) -> None:
        """Count values, in the first pass.

        Args:
            values: from 0 up, any shape; rounded to float32.
        """
        bits = _bits(values)
        self.n += bits.numel()
        self._greatest = max(self._greatest, float(values.max()))
        self._upper += torch.bincount(bits >> _HALF, minlength=len(self._upper)).cpu()

    @property
    def greatest(self) -> float:
        """Largest value added so far."""
        return self._greatest

    def seek(self, rank: int) -> None:
        """Choose a rank, between the passes.

        Args:
            rank: 0 for the largest value.
        """
        self._sought, self._rank = _holder(self._upper, rank)

    def refine(self, values: Tensor) -> None:
        """Count values, in the second pass.

        Args:
            values: the same as in the first.
        """
        bits = _bits(values)
        rest = bits[bits >> _HALF == self._sought] & (2**_HALF - 1)
        self._lower += torch.bincount(rest, minlength=len(self._lower)).cpu()

    def value(self) -> float:
        """Value of the rank, after both passes."""
        lower, _ = _holder(self._lower, self._rank)
        bits = torch.tensor(self._sought << _HALF | lower, dtype=torch.int32)
        return bits.view(torch.float32).item()


def _bits(values: Tensor) -> Tensor:
    # zero is added because that of a negative sign has other bits
    return (values.detach().float().flatten() + 0.0).view(torch.int32)


def _holder(counts: Tensor, rank: int) -> tuple[int, int]:
    """Where the value of a rank, from the top, is counted, and its rank there."""
    from_top = counts.flip(0).cumsum(0)
    place = int((from_top <= rank).sum())
    before = int(from_top[place - 1]) if place else 0
    return len(counts) - 1 - place, rank - before


@dataclass
class Tally:
    """Counts of one layer over all images.

    Args:
        layer: the module.
        n_maps: its maps, or units of a linear layer.
        n_images: images seen.
        bins: int64 (256,), neurons by the bin of their spike, the last silent.
        n_silent: images without any spike.
        fired: int64 (map,), images in which the map spikes.
        wins: int64 (map,), images in which the map wins; None where nothing competes.
        n_won: images with a winner.
        potentials: greatest potentials of its neurons.
    """

    layer: nn.Module
    n_maps: int
    n_images: int = 0
    bins: Tensor = field(default_factory=lambda: torch.zeros(256, dtype=torch.int64))
    n_silent: int = 0
    fired: Tensor = field(init=False)
    wins: Tensor | None = None
    n_won: int = 0
    potentials: Ranking | None = None

    def __post_init__(self) -> None:
        self.fired = torch.zeros(self.n_maps, dtype=torch.int64)

    @property
    def n_spikes(self) -> int:
        """Spikes in all images."""
        return int(self.bins[:SILENT].sum())

    def add(self, fired: Tensor, potential: Tensor | None) -> None:
        """Count a batch.

        Args:
            fired: uint8 (batch, map, ...), latency before any inhibition.
            potential: at the spike, same shape; None where nothing competes.
        """
        spikes = (fired != SILENT).reshape(len(fired), self.n_maps, -1).any(2)
        self.n_images += len(fired)
        self.bins += torch.bincount(fired.flatten(), minlength=256).cpu()
        self.n_silent += int((~spikes.any(1)).sum())
        self.fired += spikes.sum(0).cpu()
        if potential is not None:
            assert isinstance(self.layer, Plastic)
            found = _winners(self.layer, fired, potential)[..., 0].cpu()
            wins = torch.bincount(found[found >= 0], minlength=self.n_maps)
            self.wins = wins if self.wins is None else self.wins + wins
            self.n_won += int((found >= 0).any(1).sum())


def survey(
    network: Network, images: Tensor, *, wanted: float | None = None, batch_size: int = 64
) -> tuple[dict[str, Tally], dict[str, float]]:
    """Counts of every layer, and the thresholds at which a wanted share of its neurons would fire.

    Args:
        network: the network; it is left unchanged.
        images: (image, channel, height, width) in [0, 1].
        wanted: share of neurons, above 0 and below 1; None finds no thresholds and takes one pass
            over the images instead of two.
        batch_size: images at a time; does not change the result.

    Returns:
        Tally of each layer, and threshold of each layer that has one, by name.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: `images` do not fit, or an argument is out of range.
    """
    _check(network, images, wanted, batch_size)
    readouts = {} if wanted is None else _readouts(network)
    tallies: dict[str, Tally] = {}
    with torch.no_grad():
        for name, layer, latency, fired, potential in _passes(network, images, batch_size):
            tally = tallies.setdefault(name, Tally(layer, fired.shape[1]))
            tally.add(fired, potential)
            if name in readouts:
                tally.potentials = tally.potentials or Ranking()
                tally.potentials.add(_greatest(readouts[name], latency))
        thresholds = _thresholds(network, images, wanted, batch_size, tallies, readouts)
    return tallies, thresholds


def _thresholds(
    network: Network,
    images: Tensor,
    wanted: float | None,
    batch_size: int,
    tallies: dict[str, Tally],
    readouts: dict[str, Plastic],
) -> dict[str, float]:
    rankings = {name: ranking for name in readouts if (ranking := tallies[name].potentials)}
    if wanted is None or not rankings:
        return {}
    for ranking in rankings.values():
        # the guard keeps 0.29 of 100 at 29; less than one neuron can fire only where there is none
        ranking.seek(min(max(int(wanted * ranking.n + 1e-9), 1), ranking.n - 1))
    for name, _, latency, _, _ in _passes(network, images, batch_size):
        if name in rankings:
            rankings[name].refine(_greatest(readouts[name], latency))
    return {name: ranking.value() for name, ranking in rankings.items()}


def _passes(
    network: Network, images: Tensor, batch_size: int
) -> Iterator[tuple[str, nn.Module, Tensor, Tensor, Tensor | None]]:
    """Each layer in turn with its input, spikes before inhibition and, of neurons, potentials."""
    tensors = (*network.parameters(), *network.buffers())
    for part in images.split(batch_size):
        batch = part.to(tensors[0].device) if tensors else part
        latency = network.encoder(batch)
        yield "encoder", network.encoder, batch, latency, None
        for name, layer in network.layers.items():
            below = latency
            if isinstance(layer, Plastic):
                fired, potential = layer.fire(below)
                inhibits = isinstance(layer, SpikingConvolution) and layer.inhibition
                latency = layer(below) if inhibits else fired
                yield name, layer, below, fired, potential
            else:
                latency = layer(below)
                yield name, layer, below, latency, None


def _winners(layer: Plastic, fired: Tensor, potential: Tensor) -> Tensor:
    """Who would learn: of a layer without STDP, the first neuron to spike."""
    rule = layer.rule
    k, radius = (rule.n_winners, rule.radius) if isinstance(rule, STDP) else (1, None)
    if isinstance(layer, SpikingLinear):
        return unit_winners(fired, potential, k, radius=radius)
    return winners(*pointwise_inhibition(fired, potential), k, radius=radius)


def _readouts(network: Network) -> dict[str, Plastic]:
    """Copies of the layers that have thresholds, read out without them."""
    return {
        name: unspiking(layer)
        for name, layer in network.layers.items()
        if isinstance(layer, Plastic) and layer.threshold is not None
    }


def _greatest(readout: Plastic, latency: Tensor) -> Tensor:
    """Greatest potential of each neuron over all bins, 0 where it is never above 0."""
    if readout.weight.min() >= 0:
        return readout.fire(latency)[1]  # then it only grows, and the last bin has the greatest
    found = None
    for time in range(readout.n_bins):
        now = readout.fire(latency.masked_fill(latency > time, SILENT))[1]
        found = now if found is None else torch.maximum(found, now)
    assert found is not None
    return found


def _check(network: Network, images: Tensor, wanted: float | None, batch_size: int) -> None:
    if not isinstance(network, Network):
        raise TypeError(f"`network` must be a Network; got {type(network).__name__}")
    check_images(images, network.n_channels)
    check_whole("batch_size", batch_size, 1)
    if wanted is not None and not 0 < wanted < 1:
        raise ValueError(f"`wanted` must be a share of neurons, above 0, below 1; got {wanted}")
