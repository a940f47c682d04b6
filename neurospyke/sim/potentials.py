"""Read-out of a layer whose neurons never spike: what their potentials have come to."""

import torch
import torch.nn.functional as F
from torch import Tensor

from neurospyke.sim.intensity import check_images
from neurospyke.sim.network import Network
from neurospyke.sim.ops.window import pair
from neurospyke.sim.update import Plastic, unspiking
from neurospyke.sim.whole import check_whole


def final_potentials(
    network: Network,
    images: Tensor,
    layer: str,
    *,
    grid: int | tuple[int, int] = 1,
    batch_size: int = 64,
) -> Tensor:
    """Largest potential of each map, or of each part of it, after the last time bin.

        V[m, y, x] = sum over c, i, j of w[m, c, i, j] [t[c, y + i, x + j] < n_bins]
        out[m, a, b] = max of V[m, y, x] over the rows y of part a and columns x of part b

    As if the layer's thresholds were infinite, so that none of its neurons spikes. Potentials below
    0, which only negative weights make, count as 0.

    Args:
        network: the network.
        images: (image, `n_channels`, height, width), float32 or float64 in [0, 1].
        layer: name of a convolution or linear layer.
        grid: parts of a map, one number or (rows, columns), each at most as many as the map has;
            1 is global pooling. Part a of A has the rows from floor(a H / A) to
            ceil((a + 1) H / A) of H. Units of a linear layer are maps with one position.
        batch_size: images at a time; does not change the result.

    Returns:
        Potentials (image, map, row of the grid, column of the grid), dtype of the weights, on the
        CPU.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: `images` do not fit, no such layer, one without weights, or a number out of
            range.

    Source:
        Kheradpisheh et al. (2018), Neural Networks 99: 56-67, global pooling of the last layer.

    Example:
        Both pixels spike; the first position adds 1/4, the second 1.

        >>> from neurospyke.sim import RankOrderEncoder, SpikingConvolution
        >>> eye = RankOrderEncoder(torch.ones(1, 1, 1, 1), n_bins=4)
        >>> conv = SpikingConvolution(torch.tensor([[[[0.25, 0.75]]]]), threshold=9.0, n_bins=4,
        ...                           padding=(0, 0, 1, 0))
        >>> network = Network("pair", eye, {"conv": conv})
        >>> final_potentials(network, torch.tensor([[[[0.5, 1.0]]]]), "conv", grid=(1, 2)).tolist()
        [[[[0.75, 1.0]]]]
    """
    check_images(images, network.n_channels)
    check_whole("batch_size", batch_size, 1)
    module = dict(network.layers).get(layer)
    if not isinstance(module, Plastic):
        kinds = {name: type(each).__name__ for name, each in network.layers.items()}
        raise ValueError(
            "`layer` must be a convolution or linear layer of the network; "
            f"got {layer!r} of {kinds}"
        )
    below = network.layer_names[network.layer_names.index(layer) - 1]
    readout = unspiking(module)
    parts = []
    with torch.no_grad():
        for some in images.split(batch_size):
            latency = network.latency(some.to(module.weight.device), below)
            parts.append(_pooled(readout.fire(latency)[1], pair(grid, "grid")).cpu())
    return torch.cat(parts)


def _pooled(potential: Tensor, grid: tuple[int, int]) -> Tensor:
    potential = potential[(..., *[None] * (4 - potential.ndim))]
    size = potential.shape[2:]
    if any(not 1 <= parts <= side for parts, side in zip(grid, size, strict=True)):
        raise ValueError(
            f"`grid` must be from 1 to the size of the maps, {tuple(size)}; got {grid}; "
            "use fewer parts"
        )
    return F.adaptive_max_pool2d(potential, grid)
