"""The network of Rezghi et al. (2022) for handwritten digits.

    image -> LoG at three scales (ON, OFF) -> rank order
          -> conv1 100 maps 5 x 5 -> pool1 2 x 2 -> conv2 200 maps 3 x 3 -> pool2 3 x 3

From its public code: sigmas 0.4714, 1.0999 and 2.0428 in 7 x 7 windows, contrast threshold 0.01 for
intensities from 0 to 1, 15 time bins in proportion to rank, thresholds 16 and 5, weights from
N(0.5, 0.02), STDP with rates 0.0004 and -0.0003 that grow by half every 2000 images up to 1.5, 5
and 8 winners with radius 3 and 1, and inhibition only while learning. Chosen here: borders
continued by their own pixels rather than by black.
"""

import torch

from neurospyke.sim.encode import RankOrderEncoder
from neurospyke.sim.filters import laplacian_of_gaussian
from neurospyke.sim.layers import Pool, SpikingConvolution, normal_weight
from neurospyke.sim.network import Network
from neurospyke.sim.plasticity import STDP, RateSchedule


def rezghi2022(seed: int = 0, *, n_bins: int = 15) -> Network:
    """Untrained network of Rezghi et al. (2022), for images of any size from 6 x 6 up.

    Args:
        seed: seed of the initial weights.
        n_bins: number of time bins, 1 to 254.

    Returns:
        Network with the layers conv1, pool1, conv2, pool2; train it with `learn_by_stdp`.

    Raises:
        ValueError: `n_bins` is out of range.

    Source:
        Rezghi et al. (2022), arXiv 2210.17442; the numbers are those of its public code.

    Example:
        >>> network = rezghi2022(seed=0)
        >>> network(torch.rand(2, 1, 28, 28)).shape
        torch.Size([2, 200, 4, 4])
    """
    generator = torch.Generator().manual_seed(seed)
    encoder = RankOrderEncoder(
        laplacian_of_gaussian([0.471404521, 1.099943882, 2.042752923], 7),
        n_bins=n_bins,
        threshold=0.01,
    )
    schedule = RateSchedule(2000, 1.5, 1.5)
    conv1 = SpikingConvolution(
        normal_weight((100, 6, 5, 5), 0.5, 0.02, generator),
        threshold=16.0,
        n_bins=n_bins,
        padding=2,
        rule=STDP(0.0004, -0.0003, n_winners=5, radius=3, schedule=schedule),
    )
    conv2 = SpikingConvolution(
        normal_weight((200, 100, 3, 3), 0.5, 0.02, generator),
        threshold=5.0,
        n_bins=n_bins,
        padding=1,
        rule=STDP(0.0004, -0.0003, n_winners=8, radius=1, schedule=schedule),
    )
    layers = {"conv1": conv1, "pool1": Pool(2), "conv2": conv2, "pool2": Pool(3)}
    return Network("rezghi2022", encoder, layers)
