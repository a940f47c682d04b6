"""Spiking networks that turn images into responses."""

from neurospyke.sim.back_projection import network_features, preferred_sums, receptive_field
from neurospyke.sim.checkpoint import read_network, write_network
from neurospyke.sim.coding import (
    bernoulli_spikes,
    interval_spikes,
    linear_latency,
    poisson_spikes,
)
from neurospyke.sim.colour import opponent_colours
from neurospyke.sim.course import LearningStep
from neurospyke.sim.diagnosis import count_winners, diagnose
from neurospyke.sim.encode import LinearEncoder, RankOrderEncoder
from neurospyke.sim.energy import count_operations, energy_table, gated_operations
from neurospyke.sim.events import event_stream
from neurospyke.sim.filters import (
    difference_of_gaussians,
    gabor,
    gabor_unit_sum,
    laplacian_of_gaussian,
    preferred_features,
)
from neurospyke.sim.gradient import GradientStep, first_to_spike, learn_by_gradient
from neurospyke.sim.history import LearningHistory
from neurospyke.sim.intensity import (
    filter_images,
    lateral_intensity_inhibition,
    local_normalization,
    on_off,
)
from neurospyke.sim.latency import from_spikes, to_spikes
from neurospyke.sim.layers import Pool, SpikingConvolution, SpikingLinear, normal_weight
from neurospyke.sim.level_crossing import level_crossing
from neurospyke.sim.models.kheradpisheh2018 import kheradpisheh2018
from neurospyke.sim.models.kheradpisheh2020 import kheradpisheh2020
from neurospyke.sim.models.mozafari2018 import mozafari2018
from neurospyke.sim.models.mozafari2019 import mozafari2019
from neurospyke.sim.models.rezghi2022 import rezghi2022
from neurospyke.sim.models.yin2021 import read_yin2021, yin2021
from neurospyke.sim.network import Network, pixel_responses
from neurospyke.sim.neurons import AdaptiveLIF, Bidirectional, LeakyIntegrator
from neurospyke.sim.plasticity import STDP, Homeostasis, RateSchedule, convergence
from neurospyke.sim.potentials import final_potentials
from neurospyke.sim.reward import RewardSTDP
from neurospyke.sim.spike_time import SpikeTimeLinear, relative_target_loss
from neurospyke.sim.stream import StreamNetwork
from neurospyke.sim.stream_file import read_stream_network, write_stream_network
from neurospyke.sim.through_time import StreamStep, learn_through_time, shuffled
from neurospyke.sim.train import decide, learn_by_reward, learn_by_stdp
from neurospyke.sim.whitening import Whitening, WhiteningEncoder, fit_whitening, sample_patches

__all__ = [
    "STDP",
    "AdaptiveLIF",
    "Bidirectional",
    "GradientStep",
    "Homeostasis",
    "LeakyIntegrator",
    "LearningHistory",
    "LearningStep",
    "LinearEncoder",
    "Network",
    "Pool",
    "RankOrderEncoder",
    "RateSchedule",
    "RewardSTDP",
    "SpikeTimeLinear",
    "SpikingConvolution",
    "SpikingLinear",
    "StreamNetwork",
    "StreamStep",
    "Whitening",
    "WhiteningEncoder",
    "bernoulli_spikes",
    "convergence",
    "count_operations",
    "count_winners",
    "decide",
    "diagnose",
    "difference_of_gaussians",
    "energy_table",
    "event_stream",
    "filter_images",
    "final_potentials",
    "first_to_spike",
    "fit_whitening",
    "from_spikes",
    "gabor",
    "gabor_unit_sum",
    "gated_operations",
    "interval_spikes",
    "kheradpisheh2018",
    "kheradpisheh2020",
    "laplacian_of_gaussian",
    "lateral_intensity_inhibition",
    "learn_by_gradient",
    "learn_by_reward",
    "learn_by_stdp",
    "learn_through_time",
    "level_crossing",
    "linear_latency",
    "local_normalization",
    "mozafari2018",
    "mozafari2019",
    "network_features",
    "normal_weight",
    "on_off",
    "opponent_colours",
    "pixel_responses",
    "poisson_spikes",
    "preferred_features",
    "preferred_sums",
    "read_network",
    "read_stream_network",
    "read_yin2021",
    "receptive_field",
    "relative_target_loss",
    "rezghi2022",
    "sample_patches",
    "shuffled",
    "to_spikes",
    "write_network",
    "write_stream_network",
    "yin2021",
]
