"""Compare two sets of responses, whoever they belong to."""

from neurospyke.compare.bures import bures, squared_bures_distance
from neurospyke.compare.cca import canonical_correlations, cca, pwcca, regression_r2, svcca
from neurospyke.compare.cka import debiased_cka, linear_cka, rbf_cka
from neurospyke.compare.cluster import cluster_p_values
from neurospyke.compare.codes import firing_rates, first_spikes, rank_order
from neurospyke.compare.comparators import (
    COMPARATORS,
    compare_rdms,
    cosine,
    pearson,
    rho_a,
    spearman,
)
from neurospyke.compare.comparison import Comparison, comparison_table
from neurospyke.compare.correlogram import (
    correlogram_table,
    correlograms,
    jittered_correlograms,
    shuffled_correlograms,
)
from neurospyke.compare.count_correlation import count_correlations, thin
from neurospyke.compare.cross_decoding import decode_across_sides
from neurospyke.compare.crossvalidated import crossnobis_rdm
from neurospyke.compare.decoding import Decoding, TrialSplits, decode
from neurospyke.compare.dimensions import (
    cross_validated_spectrum,
    dimensionality,
    participation_ratio,
)
from neurospyke.compare.discrimination import decoding_rdm
from neurospyke.compare.dissimilarities import DISSIMILARITIES, compute_rdm
from neurospyke.compare.distances import (
    correlation_rdm,
    cosine_rdm,
    euclidean_rdm,
    mahalanobis_rdm,
)
from neurospyke.compare.generalization import decode_across_conditions, decoding_curve
from neurospyke.compare.inference import Inference, false_discovery_rate
from neurospyke.compare.information import bits_per_spike, mutual_information
from neurospyke.compare.isi import interval_statistics, intervals
from neurospyke.compare.kendall import tau_a, tau_b
from neurospyke.compare.layered_encoding import encode_by_layers
from neurospyke.compare.mapping import BandedRidge, pls, ridge
from neurospyke.compare.maps import rsa_map
from neurospyke.compare.match import match_bins, match_rates, match_trials, match_units
from neurospyke.compare.models import (
    FlexibleModel,
    interpolated,
    least_squares,
    ridge_weighted,
    selected,
    weighted,
)
from neurospyke.compare.moments import euclidean_similarities
from neurospyke.compare.movie import RDMMovie, crossnobis_movie, rdm_movie, unfold_time
from neurospyke.compare.neighbours import mutual_neighbours, neighbour_overlap
from neurospyke.compare.noise import (
    ledoit_wolf,
    noise_covariance,
    noise_precision,
    schaefer_strimmer,
)
from neurospyke.compare.pairing import pair
from neurospyke.compare.partial import partial_rsa, partition_variance
from neurospyke.compare.poisson import crossvalidated_poisson_rdm, poisson_rdm
from neurospyke.compare.rates import instantaneous_rates, psth
from neurospyke.compare.rdm import RDM
from neurospyke.compare.reliability import (
    RDMReliability,
    disattenuated,
    explained_share,
    rdm_reliability,
    spearman_brown,
    split_half_ceiling,
    subject_ceiling,
    unit_reliability,
)
from neurospyke.compare.resample import (
    bootstrap_counts,
    equal_halves,
    odd_even_halves,
    permutations,
    shuffle_labels,
    split_halves,
    unit_halves,
)
from neurospyke.compare.rsatoolbox_files import read_rsatoolbox, standard_name, write_rsatoolbox
from neurospyke.compare.scaling import classical_scaling
from neurospyke.compare.selectivity import (
    d_prime,
    discriminability,
    orientation_selectivity,
    preference_ratio,
    roc_area,
    sparseness,
    treves_rolls,
    tuning_selectivity,
    vinje_gallant,
)
from neurospyke.compare.shape import (
    euclidean_shape_distance,
    permutation_similarity,
    procrustes_distance,
    shape_distance,
    shape_similarity,
)
from neurospyke.compare.similarity import rsa
from neurospyke.compare.spike_distances import isi_distance, spike_distance
from neurospyke.compare.spike_trains import (
    van_rossum,
    van_rossum_rdm,
    victor_purpura,
    victor_purpura_rdm,
)
from neurospyke.compare.split_alignment import ALIGNMENTS, alignment, held_out_alignment
from neurospyke.compare.surrogates import shuffle_trials, surrogate_trains
from neurospyke.compare.tiling import sttc, sttc_table
from neurospyke.compare.timing import response_latencies
from neurospyke.compare.trains import SpikeTrains
from neurospyke.compare.unit_encoding import Encoding, encoding
from neurospyke.compare.variability import fano_factors, mean_matched_fano
from neurospyke.compare.whitened import whitened_cosine, whitened_pearson

__all__ = [
    "ALIGNMENTS",
    "COMPARATORS",
    "DISSIMILARITIES",
    "RDM",
    "BandedRidge",
    "Comparison",
    "Decoding",
    "Encoding",
    "FlexibleModel",
    "Inference",
    "RDMMovie",
    "RDMReliability",
    "SpikeTrains",
    "TrialSplits",
    "alignment",
    "bits_per_spike",
    "bootstrap_counts",
    "bures",
    "canonical_correlations",
    "cca",
    "classical_scaling",
    "cluster_p_values",
    "compare_rdms",
    "comparison_table",
    "compute_rdm",
    "correlation_rdm",
    "correlogram_table",
    "correlograms",
    "cosine",
    "cosine_rdm",
    "count_correlations",
    "cross_validated_spectrum",
    "crossnobis_movie",
    "crossnobis_rdm",
    "crossvalidated_poisson_rdm",
    "d_prime",
    "debiased_cka",
    "decode",
    "decode_across_conditions",
    "decode_across_sides",
    "decoding_curve",
    "decoding_rdm",
    "dimensionality",
    "disattenuated",
    "discriminability",
    "encode_by_layers",
    "encoding",
    "equal_halves",
    "euclidean_rdm",
    "euclidean_shape_distance",
    "euclidean_similarities",
    "explained_share",
    "false_discovery_rate",
    "fano_factors",
    "firing_rates",
    "first_spikes",
    "held_out_alignment",
    "instantaneous_rates",
    "interpolated",
    "interval_statistics",
    "intervals",
    "isi_distance",
    "jittered_correlograms",
    "least_squares",
    "ledoit_wolf",
    "linear_cka",
    "mahalanobis_rdm",
    "match_bins",
    "match_rates",
    "match_trials",
    "match_units",
    "mean_matched_fano",
    "mutual_information",
    "mutual_neighbours",
    "neighbour_overlap",
    "noise_covariance",
    "noise_precision",
    "odd_even_halves",
    "orientation_selectivity",
    "pair",
    "partial_rsa",
    "participation_ratio",
    "partition_variance",
    "pearson",
    "permutation_similarity",
    "permutations",
    "pls",
    "poisson_rdm",
    "preference_ratio",
    "procrustes_distance",
    "psth",
    "pwcca",
    "rank_order",
    "rbf_cka",
    "rdm_movie",
    "rdm_reliability",
    "read_rsatoolbox",
    "regression_r2",
    "response_latencies",
    "rho_a",
    "ridge",
    "ridge_weighted",
    "roc_area",
    "rsa",
    "rsa_map",
    "schaefer_strimmer",
    "selected",
    "shape_distance",
    "shape_similarity",
    "shuffle_labels",
    "shuffle_trials",
    "shuffled_correlograms",
    "sparseness",
    "spearman",
    "spearman_brown",
    "spike_distance",
    "split_half_ceiling",
    "split_halves",
    "squared_bures_distance",
    "standard_name",
    "sttc",
    "sttc_table",
    "subject_ceiling",
    "surrogate_trains",
    "svcca",
    "tau_a",
    "tau_b",
    "thin",
    "treves_rolls",
    "tuning_selectivity",
    "unfold_time",
    "unit_halves",
    "unit_reliability",
    "van_rossum",
    "van_rossum_rdm",
    "victor_purpura",
    "victor_purpura_rdm",
    "vinje_gallant",
    "weighted",
    "whitened_cosine",
    "whitened_pearson",
    "write_rsatoolbox",
]
