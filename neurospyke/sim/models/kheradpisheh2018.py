"""The network of Kheradpisheh et al. (2018) for handwritten digits.

    image -> DoG 7 x 7 (ON, OFF) -> rank order -> conv1 30 maps 5 x 5 -> pool1 2 x 2
          -> conv2 100 maps 5 x 5 -> pool2 global

From the paper: centre-surround filters with sigma 1 and 2 pixels in 7 x 7 windows, latencies by
contrast, sizes and thresholds (15 and 10) of two convolutions learned one after the other by STDP
with rates 0.004 and -0.003 and a stabilizer, weights from N(0.8, 0.05), one spike at each position
in both learning and responding; for the read-out thresholds of conv2 are infinite and what counts
is the largest potential of each map (`final_potentials`). From the versions that circulate with
later toolkits: 15 time bins, 5 and 8 winners with radius 2 and 1, and a rate of conv1 that doubles
every 500 images up to 0.15. Chosen here: the contrast threshold, 50 of 255 in those versions and
thus 50 / 255 of our intensities, on filters normalised to a largest value of 1; bins in proportion
to rank; borders continued by their own pixels rather than by black.
"""

import torch

from neurospyke.sim.encode import RankOrderEncoder
from neurospyke.sim.filters import difference_of_gaussians
from neurospyke.sim.layers import Pool, SpikingConvolution, normal_weight
from neurospyke.sim.network import Network
from neurospyke.sim.plasticity import STDP, RateSchedule


def kheradpisheh2018(seed: int = 0, *, n_bins: int = 15) -> Network:
    """Untrained network of Kheradpisheh et al. (2018), for images of any size from 4 x 4 up.

    Args:
        seed: seed of the initial weights.
        n_bins: number of time bins, 1 to 254.

    Returns:
        Network with the layers conv1, pool1, conv2, pool2; train it with `learn_by_stdp`.

    Raises:
        ValueError: `n_bins` is out of range.

    Source:
        Kheradpisheh, Ganjtabesh, Thorpe and Masquelier (2018), STDP-based spiking deep
        convolutional neural networks for object recognition, Neural Networks 99: 56-67.

    Example:
        >>> network = kheradpisheh2018(seed=0)
        >>> network(torch.rand(2, 1, 28, 28)).shape
        torch.Size([2, 100, 1, 1])
    """
    generator = torch.Generator().manual_seed(seed)
    encoder = RankOrderEncoder(
        difference_of_gaussians([(1.0, 2.0), (2.0, 1.0)], 7), n_bins=n_bins, threshold=50 / 255
    )
    conv1 = SpikingConvolution(
        normal_weight((30, 2, 5, 5), 0.8, 0.05, generator),
        threshold=15.0,
        n_bins=n_bins,
        padding=2,
        inhibition=True,
        rule=STDP(0.004, -0.003, n_winners=5, radius=2, schedule=RateSchedule(500, 2.0, 0.15)),
    )
    conv2 = SpikingConvolution(
        normal_weight((100, 30, 5, 5), 0.8, 0.05, generator),
        threshold=10.0,
        n_bins=n_bins,
        padding=2,
        inhibition=True,
        rule=STDP(0.004, -0.003, n_winners=8, radius=1),
    )
    layers = {"conv1": conv1, "pool1": Pool(2), "conv2": conv2, "pool2": Pool(None)}
    return Network("kheradpisheh2018", encoder, layers)
