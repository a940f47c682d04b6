"""The network of Mozafari et al. (2018) for objects, which decides by its first spike.

    image -> Gabor 5 x 5 (four orientations), absolute -> largest in windows 7 x 7, stride 6
          -> lateral inhibition -> rank order, one orientation at each position
          -> conv1 10 maps a class, 17 x 17, threshold 42

From the paper and its public code: orientations of 22.5 degrees and steps of 45, whole windows
only, inhibition by 15, 12, 10, 7 and 5 % up to five positions away, weights from N(0.8, 0.05)
between 0 and 1 with a stabilizer, half of the maps dropped out, and these settings a task:

    | task                  | classes | maps | pool | window | threshold | dropout | bins |
    | Caltech, half of size | 2       | 20   | 7, 6 | 17     | 42        | 0.5     | 15   |
    | ETH-80                | 8       | 80   | 5, 4 | 31     | 160       | 0.4     | 15   |
    | NORB                  | 5       | 50   | 5, 4 | 23     | 150       | 0.5     | 100  |

    | task    | reward         | punishment     |
    | Caltech | 0.005, -0.0025 | -0.005, 0.0005 |
    | ETH-80  | 0.01, -0.0035  | -0.01, 0.0006  |
    | NORB    | 0.05, -0.003   | -0.05, 0.0005  |

Rates follow the performance as the paper says, f_wrong and f_right themselves; the code keeps a
fifth of each rate whatever the performance. There performance is that of all training images, and
maps are dropped for as long: give `learn_by_reward` all of them as one batch for the same.

Chosen here: the least response that counts, 0.01 with intensities from 0 to 1, where the original
counts whatever is not 0; bins in proportion to rank; and images too small for one window are
refused, where the original pads them with silence.
"""

from collections.abc import Sequence

import torch

from neurospyke.sim.encode import RankOrderEncoder
from neurospyke.sim.filters import gabor
from neurospyke.sim.layers import SpikingConvolution, normal_weight
from neurospyke.sim.network import Network
from neurospyke.sim.reward import RewardSTDP


def mozafari2018(  # noqa: PLR0913 - the paper has other settings for each of its tasks
    seed: int = 0,
    *,
    n_classes: int = 2,
    maps_per_class: int = 10,
    pool: Sequence[int] = (7, 6),
    window: int = 17,
    threshold: float = 42.0,
    reward: tuple[float, float] = (0.005, -0.0025),
    punishment: tuple[float, float] = (-0.005, 0.0005),
    dropout: float = 0.5,
    n_bins: int = 15,
) -> Network:
    """Untrained network of Mozafari et al. (2018), as for the faces and motorbikes of Caltech.

    Images need sides of at least stride (window - 1) + pool + 4 pixels, 107 by default.

    Args:
        seed: seed of the initial weights.
        n_classes: number of classes, at least 2.
        maps_per_class: number of maps that stand for each class.
        pool: window and stride, pixels, in which the largest of the absolute responses is taken.
        window: side of the layer's square windows, pooled positions.
        threshold: what a potential must exceed.
        reward: potentiation and depression rate of right decisions.
        punishment: the same of wrong decisions.
        dropout: share of maps that take no part in a batch.
        n_bins: number of time bins, 1 to 254.

    Returns:
        Network with the layer conv1; train it with `learn_by_reward`, and `decide` gives its
        answers.

    Raises:
        ValueError: an argument is out of range.

    Source:
        Mozafari, Kheradpisheh, Masquelier, Nowzari-Dalini and Ganjtabesh (2018), First-spike-based
        visual categorization using reward-modulated STDP, IEEE Transactions on Neural Networks and
        Learning Systems 29: 6178-6190.

    Example:
        >>> network = mozafari2018(seed=0)
        >>> network(torch.rand(2, 1, 120, 160)).shape
        torch.Size([2, 20, 3, 9])
    """
    rule = RewardSTDP(
        n_classes,
        reward,
        punishment,
        lower=0.0,
        upper=1.0,
        stabilizer=True,
        dropout=dropout,
    )
    encoder = RankOrderEncoder(
        gabor([22.5, 67.5, 112.5, 157.5], 5),
        n_bins=n_bins,
        threshold=0.01,
        padding="none",
        absolute=True,
        pool=pool,
        lateral_inhibition=(0.15, 0.12, 0.10, 0.07, 0.05),
        inhibition=True,
    )
    conv1 = SpikingConvolution(
        normal_weight(
            (n_classes * maps_per_class, len(encoder.bank), window, window),
            0.8,
            0.05,
            torch.Generator().manual_seed(seed),
        ),
        threshold=threshold,
        n_bins=n_bins,
        rule=rule,
    )
    return Network("mozafari2018", encoder, {"conv1": conv1})
