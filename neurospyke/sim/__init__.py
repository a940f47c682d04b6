"""Spiking networks that turn images into responses."""

from neurospyke.sim.checkpoint import read_network, write_network
from neurospyke.sim.course import LearningStep
from neurospyke.sim.encode import RankOrderEncoder
from neurospyke.sim.filters import (
    difference_of_gaussians,
    filter_images,
    gabor,
    laplacian_of_gaussian,
    lateral_intensity_inhibition,
    local_normalization,
    preferred_features,
)
from neurospyke.sim.layers import Pool, SpikingConvolution, SpikingLinear, normal_weight
from neurospyke.sim.models.kheradpisheh2018 import kheradpisheh2018
from neurospyke.sim.models.mozafari2018 import mozafari2018
from neurospyke.sim.models.mozafari2019 import mozafari2019
from neurospyke.sim.models.rezghi2022 import rezghi2022
from neurospyke.sim.network import Network, pixel_responses
from neurospyke.sim.plasticity import STDP, Homeostasis, RateSchedule, convergence
from neurospyke.sim.reward import RewardSTDP
from neurospyke.sim.train import decide, learn_by_reward, learn_by_stdp

__all__ = [
    "STDP",
    "Homeostasis",
    "LearningStep",
    "Network",
    "Pool",
    "RankOrderEncoder",
    "RateSchedule",
    "RewardSTDP",
    "SpikingConvolution",
    "SpikingLinear",
    "convergence",
    "decide",
    "difference_of_gaussians",
    "filter_images",
    "gabor",
    "kheradpisheh2018",
    "laplacian_of_gaussian",
    "lateral_intensity_inhibition",
    "learn_by_reward",
    "learn_by_stdp",
    "local_normalization",
    "mozafari2018",
    "mozafari2019",
    "normal_weight",
    "pixel_responses",
    "preferred_features",
    "read_network",
    "rezghi2022",
    "write_network",
]
