"""The network of Kheradpisheh and Masquelier (2020), S4NN, for digits.

    image -> latency linear in intensity -> hidden, 400 neurons -> output, a neuron a class

From the paper and its public code: sizes, thresholds of 100, weights uniform from 0 to 5 (hidden)
and from 0 to 48 (output), gradients normalized in each layer; for learning, single images at a rate
of 0.2, a gap of 3 bins and a penalty of 1e-6. Chosen here: 254 time bins, as many as one byte
holds, for 256; pixels relative to the brightest of their image, which is white in nearly all
digits; a spike that is felt by the next layer in the same bin, for one bin later; and no neuron is
drawn anew for having been silent.
"""

import torch

from neurospyke.sim.encode import LinearEncoder
from neurospyke.sim.network import Network
from neurospyke.sim.spike_time import SpikeTimeLinear


def kheradpisheh2020(
    seed: int = 0,
    *,
    n_bins: int = 254,
    size: tuple[int, int] = (28, 28),
    n_hidden: int = 400,
    n_classes: int = 10,
    window: int = 0,
) -> Network:
    """Untrained network of Kheradpisheh and Masquelier (2020).

    Args:
        seed: seed of the initial weights.
        n_bins: number of time bins, 1 to 254.
        size: height and width of the images, pixels.
        n_hidden: number of hidden neurons.
        n_classes: number of classes.
        window: bins after an output's spike in which hidden neurons still get a gradient, 0 (the
            paper) to 254; with 30, chosen here, digits are learned better.

    Returns:
        Network with the layers hidden and output; `learn_by_gradient` trains both, and
        `first_to_spike` gives its answers.

    Raises:
        ValueError: a number is out of range.

    Source:
        Kheradpisheh and Masquelier (2020), Temporal backpropagation for spiking neural networks
        with one spike per neuron, International Journal of Neural Systems 30: 2050027.

    Example:
        >>> network = kheradpisheh2020(seed=0)
        >>> network(torch.rand(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """
    generator = torch.Generator().manual_seed(seed)
    n_pixels = size[0] * size[1]
    hidden = 5 * torch.rand(n_hidden, n_pixels, generator=generator)
    output = 48 * torch.rand(n_classes, n_hidden, generator=generator)
    # one pixel a filter; whatever is not black spikes
    encoder = LinearEncoder(torch.ones(1, 1, 1, 1), n_bins=n_bins, threshold=1e-6)
    layers = {
        "hidden": SpikeTimeLinear(hidden, threshold=100.0, n_bins=n_bins),
        "output": SpikeTimeLinear(output, threshold=100.0, n_bins=n_bins, window=window),
    }
    return Network("kheradpisheh2020", encoder, layers)
