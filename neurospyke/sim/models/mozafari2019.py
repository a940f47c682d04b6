"""The network of Mozafari et al. (2019) for digits.

    image -> DoG 3, 7, 13 (ON, OFF) -> local normalization -> rank order
          -> conv1 30 maps 5 x 5 -> pool1 2 x 2 -> conv2 250 maps 3 x 3 -> pool2 3 x 3
          -> conv3 200 maps 5 x 5, read out in the last bin

From the paper and its public code: filters with sigmas of 1/9 and 2/9 of their windows,
normalization with radius 8, sizes, thresholds 15 and 10, 15 time bins, weights from N(0.8, 0.05),
STDP with rates 0.004 and -0.003 that double every 500 images up to 0.15, 5 and 8 winners with
radius 3 and 1, and inhibition only while learning. The contrast threshold of 50 there is for
intensities from 0 to 255; ours go from 0 to 1, so it is 50 / 255. Chosen here: bins in proportion
to rank, where the original fills bins equally and drops the weakest; borders continued by their
own pixels rather than by black.

conv3 learns by reward: 20 maps for each of 10 digits, rates 0.004 and -0.003 where the decision is
right, -0.004 and 0.0005 where it is wrong, weights from 0.2 to 0.8, no stabilizer, all weights
clamped whenever one neuron has learned. Its rates follow the performance in the batch before, of
1000 images there.
"""

import torch

from neurospyke.sim.encode import RankOrderEncoder
from neurospyke.sim.filters import difference_of_gaussians
from neurospyke.sim.layers import Pool, SpikingConvolution, normal_weight
from neurospyke.sim.network import Network
from neurospyke.sim.plasticity import STDP, RateSchedule
from neurospyke.sim.reward import RewardSTDP


def mozafari2019(seed: int = 0, *, n_bins: int = 15) -> Network:
    """Untrained network of Mozafari et al. (2019), for images of any size from 6 x 6 up.

    Args:
        seed: seed of the initial weights.
        n_bins: number of time bins, 1 to 254.

    Returns:
        Network with the layers conv1, pool1, conv2, pool2, conv3; `learn_by_stdp` trains conv1
        and conv2, then `learn_by_reward` trains conv3, and `decide` gives its answers.

    Raises:
        ValueError: `n_bins` is out of range.

    Source:
        Mozafari, Ganjtabesh, Nowzari-Dalini, Thorpe and Masquelier (2019), Bio-inspired digit
        recognition using reward-modulated spike-timing-dependent plasticity in deep convolutional
        networks, Pattern Recognition 94: 87-95.

    Example:
        >>> network = mozafari2019(seed=0)
        >>> network(torch.rand(2, 1, 28, 28)).shape
        torch.Size([2, 200, 4, 4])
    """
    generator = torch.Generator().manual_seed(seed)
    windows = [side for side in (3, 7, 13) for _ in ("ON", "OFF")]
    sigmas = [
        pair for side in (3, 7, 13) for pair in ((side / 9, 2 * side / 9), (2 * side / 9, side / 9))
    ]
    encoder = RankOrderEncoder(
        difference_of_gaussians(sigmas, windows),
        n_bins=n_bins,
        threshold=50 / 255,
        normalization_radius=8,
    )
    schedule = RateSchedule(500, 2.0, 0.15)
    conv1 = SpikingConvolution(
        normal_weight((30, 6, 5, 5), 0.8, 0.05, generator),
        threshold=15.0,
        n_bins=n_bins,
        padding=2,
        rule=STDP(0.004, -0.003, n_winners=5, radius=3, schedule=schedule),
    )
    conv2 = SpikingConvolution(
        normal_weight((250, 30, 3, 3), 0.8, 0.05, generator),
        threshold=10.0,
        n_bins=n_bins,
        padding=1,
        rule=STDP(0.004, -0.003, n_winners=8, radius=1, schedule=schedule),
    )
    conv3 = SpikingConvolution(
        normal_weight((200, 250, 5, 5), 0.8, 0.05, generator),
        threshold=None,
        n_bins=n_bins,
        padding=2,
        rule=RewardSTDP(
            10,
            reward=(0.004, -0.003),
            punishment=(-0.004, 0.0005),
            lower=0.2,
            upper=0.8,
            clamp="all",
        ),
    )
    layers = {"conv1": conv1, "pool1": Pool(2), "conv2": conv2, "pool2": Pool(3), "conv3": conv3}
    return Network("mozafari2019", encoder, layers)
